/* slab-life.c: slabs are made, listed, reaped.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/slab.h"

/* ---- The list of slabs with free objects ---- */

/* Whoever is first on the list is where small objects come from. */
static void
look_at_first (Slab *self, Cache *cache)
{
  cache->head = &self->nothing;
  if (!cache->is_small || cache->first == KML_PFN_NONE)
    return;
  cache->head = small_header (self, cache->first);
  cache->objects = first_object (self, cache->head);
}

/* With a cache model: the header and its neighbours'. */
static void G_GNUC_NO_INLINE
touch_links (const Slab *self, const Cache *cache, const SlabHeader *slab)
{
  slab_touch (self, slab, sizeof *slab);
  if (slab->prev != KML_PFN_NONE)
    slab_touch (self, header_of (self, cache, slab->prev), sizeof *slab);
  if (slab->next != KML_PFN_NONE)
    slab_touch (self, header_of (self, cache, slab->next), sizeof *slab);
}

static void
insert (Slab *self, Cache *cache, SlabHeader *slab, gboolean at_front)
{
  slab->prev = at_front ? KML_PFN_NONE : cache->last;
  slab->next = at_front ? cache->first : KML_PFN_NONE;
  if (G_UNLIKELY (self->has_caches))
    touch_links (self, cache, slab);
  if (slab->prev != KML_PFN_NONE)
    header_of (self, cache, slab->prev)->next = slab->pfn;
  else
    cache->first = slab->pfn;
  if (slab->next != KML_PFN_NONE)
    header_of (self, cache, slab->next)->prev = slab->pfn;
  else
    cache->last = slab->pfn;
  look_at_first (self, cache);
  slab_spend (self, SLAB_LIST_INSTRUCTIONS, 1); /* the neighbour */
}

static void
take_off (Slab *self, Cache *cache, SlabHeader *slab)
{
  if (G_UNLIKELY (self->has_caches))
    touch_links (self, cache, slab);
  if (slab->prev != KML_PFN_NONE)
    header_of (self, cache, slab->prev)->next = slab->next;
  else
    cache->first = slab->next;
  if (slab->next != KML_PFN_NONE)
    header_of (self, cache, slab->next)->prev = slab->prev;
  else
    cache->last = slab->prev;
  look_at_first (self, cache);
  slab_spend (self, SLAB_LIST_INSTRUCTIONS, 1);
}

/* ---- Making slabs ---- */

static guint32
next_colour (const Slab *self, Cache *cache)
{
  const guint32 colour = cache->colour;

  if (!self->colouring)
    return 0;
  cache->colour = cache->colour_max - colour < self->quantum ? 0 : colour + (guint32)self->quantum;
  return colour;
}

static SlabHeader *
make_small (Slab *self, Cache *cache, KmlPfn pfn)
{
  SlabHeader *slab = small_header (self, pfn);
  const guint64 room = kml_ram_page_size (ram_of (self)) - sizeof (SlabHeader);

  *slab = (SlabHeader){ .n_objects = (guint16)MIN (room / cache->chunk, SLAB_MAX_OBJECTS),
                        .colour = next_colour (self, cache),
                        .pfn = pfn };
  return slab;
}

/* A run for a slab, as large as wanted, or as one object needs. */
static KmlPfn
take_run (Slab *self, const Cache *cache, const KmlRequest *request)
{
  const guint64 page_size = kml_ram_page_size (ram_of (self));
  const guint number = (guint)(cache - self->caches);
  KmlPfn pfn = kml_page_runs_take (&self->runs, page_size << cache->order, number, request);

  if (pfn == KML_PFN_NONE && cache->least_order < cache->order) {
    pfn = kml_page_runs_take (&self->runs, page_size << cache->least_order, number, request);
    self->base.counters[COUNTER_SLABS_SMALL] += pfn != KML_PFN_NONE;
  }
  return pfn;
}

/* Colours of a slab that is not as large as wanted would not fit: it has none. */
static SlabHeader *
make_large (Slab *self, Cache *cache, KmlPfn pfn, const KmlRequest *request)
{
  const guint64 size = (guint64)frame_of (self, pfn)->n_frames << ram_of (self)->page_shift;
  const guint64 n_objects = MIN (size / cache->chunk, SLAB_MAX_OBJECTS);
  const gboolean is_as_wanted = size - n_objects * cache->chunk >= cache->colour_max;

  return slab_make_large (self, cache, pfn, (guint)n_objects,
                          is_as_wanted ? next_colour (self, cache) : 0, request);
}

/* Bytes of a slab that are not its objects. */
static guint64
overhead_of (const Slab *self, const Cache *cache, const SlabHeader *slab)
{
  const guint64 size = (guint64)frame_of (self, slab->pfn)->n_frames << ram_of (self)->page_shift;

  return cache >= header_cache (self) ? size : size - (guint64)slab->n_objects * cache->object_size;
}

static void
count_slab (Slab *self, Cache *cache, const SlabHeader *slab, gint64 n)
{
  cache->n_slabs += (guint64)n;
  cache->n_frames += (guint64)n * frame_of (self, slab->pfn)->n_frames;
  cache->n_objects += (guint64)n * slab->n_objects;
  self->base.metadata_bytes += (guint64)n * overhead_of (self, cache, slab);
}

/* Linking the objects writes to each of them, or to each line if they are smaller; so does the
 * constructor. */
static void
spend_creation (Slab *self, const Cache *cache, const SlabHeader *slab)
{
  const guint64 n_bytes = (guint64)slab->n_objects * cache->chunk;
  const guint64 n_lines = cache->is_small ? MIN (slab->n_objects, n_bytes / 64) : 0;

  slab_spend (self, SLAB_CREATE_INSTRUCTIONS + (guint64)slab->n_objects * SLAB_BUFFER_INSTRUCTIONS,
              n_lines);
  for (guint i = 0; self->has_caches && cache->is_small && i < slab->n_objects; i++)
    kml_touch (self->base.machine,
               first_object (self, slab) + (KmlAddr)i * cache->chunk + cache->link_offset,
               sizeof (guint32), KML_TOUCH_WRITE);
  if (self->constructed == CONSTRUCTED_RETAINED && cache < header_cache (self))
    self->base.machine->now += slab->n_objects * self->constructor;
}

static gboolean
try_to_create (Slab *self, Cache *cache, const KmlRequest *request)
{
  const KmlPfn pfn = take_run (self, cache, request);
  SlabHeader *slab;

  if (pfn == KML_PFN_NONE)
    return FALSE;
  slab = cache->is_small ? make_small (self, cache, pfn) : make_large (self, cache, pfn, request);
  if (slab == NULL) {
    kml_page_runs_give_back (&self->runs, pfn, request);
    return FALSE;
  }
  count_slab (self, cache, slab, 1);
  cache->n_empty++;
  insert (self, cache, slab, TRUE);
  spend_creation (self, cache, slab);
  self->base.counters[COUNTER_SLABS_NEW]++;
  if (!cache->is_small)
    slab_hash_rescale (self, cache, request);
  return TRUE;
}

/* ---- Giving them back ---- */

static void
release (Slab *self, Cache *cache, SlabHeader *slab, const KmlRequest *how)
{
  const KmlPfn pfn = slab->pfn;

  g_assert (slab->n_used == 0);

  take_off (self, cache, slab);
  cache->n_empty--;
  count_slab (self, cache, slab, -1);
  self->base.counters[COUNTER_SLABS_GIVEN_BACK]++;
  if (!cache->is_small) {
    slab_unmake_large (self, slab, how);
    slab_hash_rescale (self, cache, how);
  }
  kml_page_runs_give_back (&self->runs, pfn, how);
}

/* Empty slabs are at the end of the list, that which was emptied first before the others. */
static gboolean
reap_cache (Slab *self, Cache *cache, KmlTime before, const KmlRequest *how)
{
  gboolean has_reaped = FALSE;
  KmlPfn pfn = cache->last, prev;

  for (guint32 n = cache->n_empty; n > 0; n--, pfn = prev) {
    SlabHeader *slab = header_of (self, cache, pfn);

    prev = slab->prev;
    if (slab->emptied >= slab_tick (before))
      continue;
    release (self, cache, slab, how);
    has_reaped = TRUE;
  }
  return has_reaped;
}

/* The internal caches come last: reaping large slabs empties theirs. */
gboolean
slab_reap (Slab *self, KmlTime before, const KmlRequest *how)
{
  gboolean has_reaped = FALSE;

  self->base.counters[COUNTER_REAPS]++;
  for (guint i = 0; i < self->n_caches + 2; i++)
    has_reaped |= reap_cache (self, &self->caches[i], before, how);
  return has_reaped;
}

/* When memory is out, what nobody has used for the time of the working set goes first, then all
 * that is empty. */
gboolean
slab_create (Slab *self, Cache *cache, const KmlRequest *request)
{
  const KmlTime now = self->base.machine->now;

  if (try_to_create (self, cache, request))
    return TRUE;
  if (now > self->working_set && slab_reap (self, now - self->working_set, request) &&
      try_to_create (self, cache, request))
    return TRUE;
  if (slab_reap (self, KML_TIME_MAX, request) && try_to_create (self, cache, request))
    return TRUE;
  slab_reap (self, KML_TIME_MAX, request); /* headers for which there was no slab in the end */
  return FALSE;
}

/* ---- From list to list ---- */

/* The links of a slab that was emptied long ago are in no cache of the host, and each says where the next is: fetched all
 * together they are waited for once. */
static void
fetch_links (const Slab *self, const Cache *cache)
{
  const guint64 step = MAX (cache->chunk, 64u),
                n_bytes = (guint64)cache->head->n_fresh * cache->chunk;
  const guint8 *links = ram_of (self)->store + cache->objects + cache->link_offset;

  for (guint64 at = 0; at < n_bytes; at += step)
    __builtin_prefetch (links + at, 1);
}

void
slab_is_full (Slab *self, Cache *cache, SlabHeader *slab)
{
  take_off (self, cache, slab);
  if (cache->head->n_used == 0)
    fetch_links (self, cache);
}

void
slab_was_freed_to (Slab *self, Cache *cache, SlabHeader *slab, const KmlRequest *how)
{
  const gboolean was_full = slab->n_used + 1 == slab->n_objects;

  if (slab->n_used > 0) {
    insert (self, cache, slab, TRUE);
    return;
  }
  if (!was_full)
    take_off (self, cache, slab);
  slab->emptied = (guint32)MIN (slab_tick (self->base.machine->now), G_MAXUINT32);
  insert (self, cache, slab, FALSE);
  cache->n_empty++;
  if (cache->n_empty > self->keep)
    release (self, cache, slab, how);
}
