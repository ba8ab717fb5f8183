/* program-memory.c: steps about pages and DMA.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * DMA. A transfer is a record of its own, since it may outlive the step (nowait). Pages of a mapping are pinned from before it is
 * submitted until the task knows that it is done, as get_user_pages() does; a block stays where it is anyway, and giving it back
 * meanwhile is a bug: it is reported, and the block is kept for ever, so that the device writes into nobody else's memory.
 *
 * Which transfer a page is under, `migrate … pausing` has to know: those that are pending are in one list. Whoever gives a block back has to know whether one
 * is under way there, which is looked up by frame; pages of a mapping have no part in that, which are in no block, and can move. Whoever waits finds its own
 * by task and name. So each costs the same, however many there are.
 */

#include "simcore/pages/writeback.h"
#include "workloads/programs/program-private.h"

/* Whose transfers, of what. */
typedef struct {
  const KmlTask *task;
  const char *name; /* borrowed */
} Owner;

typedef struct {
  KmlTransfers *all;
  KmlDma *dma;
  KmlDmaRequest request;
  KmlDmaPiece *pieces; /* (owned) (nullable): of a scattered one */
  Owner owner;
  KmlReclaim *reclaim; /* (nullable): its pages are pinned there */
  GList in_pending, in_owner;
  GList *in_frames; /* (owned) (nullable) (array length=request.n_pages): of a block, pending */
} Transfer;

/* Those that are pending in a frame, and from which byte of it to which (or further) they are: blocks beside them share it. */
typedef struct {
  GQueue pending;
  guint64 from, to;
} Frame;

/* ---- Pages ---- */

void
kml_step_choose_pages (const KmlStepPages *self, guint64 n, guint64 *cursor, KmlRng *rng,
                       guint64 *ret_first, guint64 *ret_last)
{
  switch ((KmlPagesKind)self->kind) {
  case KML_PAGES_FIXED:
    *ret_first = self->first;
    *ret_last = self->last;
    return;
  case KML_PAGES_NEXT:
    *ret_first = *ret_last = *cursor;
    *cursor = (*cursor + 1) % n;
    return;
  case KML_PAGES_RANDOM:
    *ret_first = *ret_last = kml_rng_below (rng, n);
    return;
  }
  g_assert_not_reached ();
}

gboolean
kml_step_touch (const KmlStep *step, KmlMapping *mapping, guint64 first, guint64 last)
{
  const gboolean is_write = step->kind == KML_STEP_DIRTY;
  const gboolean can_wait = is_write && !(step->flags & KML_STEP_FLAG_NOWAIT);
  gboolean ok = TRUE;

  for (guint64 i = first; i <= last; i++) {
    ok &= kml_mapping_touch (mapping, (guint32)i, is_write);
    if (can_wait)
      kml_mapping_throttle (mapping);
  }
  return ok;
}

/* (nullable) */
static Transfer *
transfer_of (const KmlWorld *world, KmlPfn pfn)
{
  for (GList *link = world->transfers.pending.head; link != NULL; link = link->next) {
    Transfer *transfer = link->data;

    for (guint j = 0; transfer->request.status == KML_DMA_PENDING && j < transfer->request.n_pages;
         j++)
      if (transfer->request.pages[j] == pfn)
        return transfer;
  }
  return NULL;
}

gboolean
kml_step_migrate (KmlWorld *world, KmlMapping *mapping, guint64 first, guint64 last,
                  gboolean pausing)
{
  gboolean ok = TRUE;

  for (guint64 i = first; i <= last; i++) {
    Transfer *transfer;

    kml_sync (world->machine);
    transfer = pausing ? transfer_of (world, mapping->frames[i]) : NULL;
    ok &= (transfer != NULL
               ? kml_mapping_migrate_under (mapping, (guint32)i, transfer->dma, &transfer->request)
               : kml_mapping_migrate (mapping, (guint32)i)) == KML_MIGRATED;
  }
  return ok;
}

/* ---- DMA ---- */

static void
transfer_free (Transfer *self)
{
  g_free (self->request.pages);
  g_free (self->pieces);
  g_free (self->in_frames);
  g_free (self);
}

static guint
hash_owner (gconstpointer key)
{
  const Owner *owner = key;

  return g_direct_hash (owner->task) ^ g_str_hash (owner->name);
}

static gboolean
is_same_owner (gconstpointer a, gconstpointer b)
{
  const Owner *left = a, *right = b;

  return left->task == right->task && g_str_equal (left->name, right->name);
}

/* The links are in the transfers. */
static void
free_owned (gpointer data)
{
  GQueue *queue = data;
  GList *link;

  while ((link = g_queue_pop_head_link (queue)) != NULL)
    transfer_free (link->data);
  g_free (queue);
}

void
kml_transfers_init (KmlTransfers *self)
{
  g_queue_init (&self->pending);
  self->by_owner = g_hash_table_new_full (hash_owner, is_same_owner, g_free, free_owned);
  self->by_frame = g_hash_table_new_full (NULL, NULL, NULL, g_free);
}

void
kml_transfers_clear (KmlTransfers *self)
{
  g_clear_pointer (&self->by_frame, g_hash_table_unref);
  g_clear_pointer (&self->by_owner, g_hash_table_unref);
}

static void
add_link (GQueue *queue, GList *link, Transfer *self)
{
  link->data = self;
  g_queue_push_tail_link (queue, link);
}

static void
add_to_frames (Transfer *self)
{
  GHashTable *by_frame = self->all->by_frame;

  self->in_frames = g_new0 (GList, self->request.n_pages);
  for (guint i = 0; i < self->request.n_pages; i++) {
    gpointer pfn = GUINT_TO_POINTER (self->request.pages[i]);
    const KmlDmaPiece *piece = &self->pieces[i];
    const guint64 end = i + 1 < self->request.n_pages ? piece[1].start : self->request.size;
    Frame *frame = g_hash_table_lookup (by_frame, pfn);

    if (frame == NULL) {
      frame = g_new0 (Frame, 1);
      frame->from = G_MAXUINT64;
      g_hash_table_insert (by_frame, pfn, frame);
    }
    frame->from = MIN (frame->from, piece->offset);
    frame->to = MAX (frame->to, piece->offset + (end - piece->start));
    add_link (&frame->pending, &self->in_frames[i], self);
  }
}

static void
remove_from_frames (Transfer *self)
{
  for (guint i = 0; self->in_frames != NULL && i < self->request.n_pages; i++) {
    gpointer pfn = GUINT_TO_POINTER (self->request.pages[i]);
    Frame *frame = g_hash_table_lookup (self->all->by_frame, pfn);

    g_queue_unlink (&frame->pending, &self->in_frames[i]);
    if (frame->pending.length == 0)
      g_hash_table_remove (self->all->by_frame, pfn);
  }
  g_clear_pointer (&self->in_frames, g_free);
}

/* It waits for nobody but its owner now. */
static void
end (KmlDmaRequest *request, gpointer data)
{
  Transfer *self = data;

  g_queue_unlink (&self->all->pending, &self->in_pending);
  remove_from_frames (self);
}

static void
begin (KmlTransfers *all, Transfer *self)
{
  GQueue *owned = g_hash_table_lookup (all->by_owner, &self->owner);

  self->all = all;
  self->request.done = end;
  self->request.data = self;
  if (owned == NULL) {
    owned = g_new0 (GQueue, 1);
    g_hash_table_insert (all->by_owner, g_memdup2 (&self->owner, sizeof self->owner), owned);
  }
  add_link (owned, &self->in_owner, self);
  add_link (&all->pending, &self->in_pending, self);
  if (self->pieces != NULL)
    add_to_frames (self);
}

/* Nobody wants to know of it any more. */
static void
forget (Transfer *self)
{
  KmlTransfers *all = self->all;
  GQueue *owned = g_hash_table_lookup (all->by_owner, &self->owner);

  g_queue_unlink (owned, &self->in_owner);
  if (owned->length == 0)
    g_hash_table_remove (all->by_owner, &self->owner);
  transfer_free (self);
}

static void
unpin_pages (Transfer *self)
{
  for (guint i = 0; self->reclaim != NULL && i < self->request.n_pages; i++)
    kml_mapping_unpin (self->reclaim, self->request.pages[i]);
}

/* Behind what it has already. */
static void
add_block (Transfer *self, const KmlRam *ram, const KmlBlock *block, GArray *pages, GArray *pieces)
{
  const guint64 page_size = kml_ram_page_size (ram);
  guint64 n;

  for (guint64 byte = 0; byte < block->size; byte += n) {
    const KmlAddr addr = block->addr + byte;
    const KmlDmaPiece piece = { .start = self->request.size, .offset = addr % page_size };
    const KmlPfn pfn = kml_ram_pfn (ram, addr);

    n = MIN (page_size - piece.offset, block->size - byte);
    g_array_append_val (pages, pfn);
    g_array_append_val (pieces, piece);
    self->request.size += n;
  }
}

/* Where the latest block, or each of them, lies. FALSE: there is none. */
static gboolean
set_blocks (Transfer *self, const KmlMachine *machine, const GArray *blocks, gboolean all)
{
  GArray *pages, *pieces;

  if (blocks->len == 0)
    return FALSE;
  pages = g_array_new (FALSE, FALSE, sizeof (KmlPfn));
  pieces = g_array_new (FALSE, FALSE, sizeof (KmlDmaPiece));
  for (guint i = all ? 0 : blocks->len - 1; i < blocks->len; i++)
    add_block (self, machine->ram, &g_array_index (blocks, KmlBlock, i), pages, pieces);
  self->request.n_pages = pages->len;
  self->request.pages = (KmlPfn *)g_array_free (pages, FALSE);
  self->request.pieces = self->pieces = (KmlDmaPiece *)g_array_free (pieces, FALSE);
  return TRUE;
}

static gboolean
set_pages (Transfer *self, KmlMapping *mapping, guint64 first, guint64 last)
{
  self->reclaim = mapping->reclaim;
  self->request.pages = g_new (KmlPfn, last - first + 1);
  for (guint64 i = first; i <= last; i++) {
    const KmlPfn pfn = kml_mapping_pin (mapping, (guint32)i, self->request.is_from_device);

    if (pfn == KML_PFN_NONE) {
      unpin_pages (self);
      return FALSE;
    }
    self->request.pages[self->request.n_pages++] = pfn;
  }
  self->request.size = self->request.n_pages * kml_ram_page_size (mapping->reclaim->machine->ram);
  return TRUE;
}

/* Waits until it is done, and forgets it. */
static gboolean
finish (Transfer *self)
{
  const gboolean ok = kml_dma_wait (self->dma, &self->request) == KML_DMA_OK;

  unpin_pages (self);
  forget (self);
  return ok;
}

gboolean
kml_step_dma (KmlWorld *world, const KmlStep *step, KmlDma *dma, const GArray *blocks,
              KmlMapping *mapping)
{
  Transfer *self = g_new0 (Transfer, 1);

  self->dma = dma;
  self->owner = (Owner){ kml_current_task (world->machine), step->other };
  self->request.is_from_device = (step->flags & KML_STEP_FLAG_FROM_DEVICE) != 0;
  if (!(mapping != NULL
            ? set_pages (self, mapping, step->pages.first, step->pages.last)
            : set_blocks (self, world->machine, blocks, (step->flags & KML_STEP_FLAG_ALL) != 0))) {
    transfer_free (self);
    return FALSE;
  }
  begin (&world->transfers, self);
  if (kml_dma_submit (dma, &self->request) != KML_DMA_PENDING) {
    unpin_pages (self);
    end (&self->request, self);
    forget (self);
    return FALSE;
  }
  return (step->flags & KML_STEP_FLAG_NOWAIT) != 0 || finish (self);
}

gboolean
kml_step_dma_wait (KmlWorld *world, const char *name)
{
  const Owner owner = { kml_current_task (world->machine), name };
  gboolean ok = TRUE;
  GQueue *owned;

  while ((owned = g_hash_table_lookup (world->transfers.by_owner, &owner)) != NULL)
    ok &= finish (g_queue_peek_head (owned));
  return ok;
}

static gboolean
overlaps (const Transfer *self, const KmlRam *ram, const KmlBlock *block)
{
  guint64 n;

  for (guint64 byte = 0; byte < self->request.size; byte += n) {
    const KmlAddr start = kml_dma_request_addr (&self->request, ram, byte, &n);

    if (start < block->addr + block->size && block->addr < start + n)
      return TRUE;
  }
  return FALSE;
}

/* Of the frame at @start. */
static gboolean
is_in_flight (const KmlWorld *world, const KmlBlock *block, KmlAddr start)
{
  const KmlRam *ram = world->machine->ram;
  const Frame *frame = g_hash_table_lookup (world->transfers.by_frame,
                                            GUINT_TO_POINTER (kml_ram_pfn (ram, start)));

  if (frame == NULL || block->addr >= start + frame->to ||
      block->addr + block->size <= start + frame->from)
    return FALSE;
  for (const GList *link = frame->pending.head; link != NULL; link = link->next) {
    const Transfer *transfer = link->data;

    if (transfer->request.status == KML_DMA_PENDING && overlaps (transfer, ram, block))
      return TRUE;
  }
  return FALSE;
}

gboolean
kml_block_in_flight (const KmlWorld *world, const KmlBlock *block)
{
  const guint64 page_size = kml_ram_page_size (world->machine->ram);
  const gboolean is_any = g_hash_table_size (world->transfers.by_frame) > 0;

  for (KmlAddr start = block->addr / page_size * page_size;
       is_any && start < block->addr + block->size; start += page_size)
    if (is_in_flight (world, block, start))
      return TRUE;
  return FALSE;
}
