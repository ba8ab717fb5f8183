/* aligned.c: objects for devices that want them aligned: lists by alignment, or padding in front.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two answers to one question, in the same slabs, so that nothing else differs. The question: a device wants n bytes at a multiple
 * of a, and blocks lie at multiples of the granule g only.
 *
 * 1. Slabs
 *
 * Sizes are rounded up to a multiple of g, and each multiple up to a page is a class with slabs of its own. A slab is a run of
 * pages with objects from its beginning on, and two bits for each at its end.
 *
 *     | object 0 | object 1 | ... | object n-1 | rest | used bits | padded bits |
 *
 * 2. method = lists
 *
 * Objects of a class lie at all multiples of their size, so some of them are aligned by themselves: of 48-byte objects every fourth is
 * at a multiple of 64. A class has a list for each power of two from g to a page, and a free object is on that of
 * the largest that divides its address. A request takes from the first list from its alignment on that is not empty: a
 * request that wants nothing takes what is of least worth. Where its class has none, classes follow that are larger by no more than padding
 * would cost, a - g bytes. (Without that it would take 40 % more pages in scenarios/devices/aligned-buffers.ini.) Nothing is padded. The price: log2 (page / g) + 1 times as many heads of lists
 * (`list_bytes`), and memory that is free and yet of no use to a picky request, which then gets a new slab.
 *
 * 3. method = padding
 *
 * One list a class. A picky request takes an object of n + a - g bytes, wherever it lies, and gets the first multiple of a in it. What is
 * in front is lost while it lives: a - g at most, and (a - g) / 2 in the mean where objects begin equally often at each multiple of g modulo
 * a (claim A33), as they do when size / g is odd; objects of 128 bytes lie at multiples of 128, and nothing is in front for a = 64, but behind. How much
 * is in front is written there.
 *
 * 4. The rest
 *
 * What is larger than a page, or wants more than a page's alignment, a boundary or a limit, is left to the page level. Empty slabs go back at
 * once. Not modelled: per-CPU lists, colours.
 *
 * 5. Invariants, verified by aligned_slab_check()
 *
 *   R1, R2 of simcore/objects/page-runs.h
 *   L1  each free object is on the list of its class and of what divides its address, links agree, and lists have nothing else
 *   L2  n_used of a slab is the number of its used bits, and not 0
 *   L3  an object that is padded is in use, and less than its size is in front
 *   L4  metadata_bytes is what lies behind the objects of all slabs, and in front of padded ones
 *   L5  the bit of a list is set if and only if the list is not empty
 */

#include "allocators/aligned.h"
#include "simcore/param.h"

#define LEAST_OBJECTS   8 /* a slab is made larger until it has so many, if it can be */
#define MOST_SLAB_PAGES 8
#define MOST_OBJECTS    32768 /* of a slab of one page: n_used and classes have 16 bits */

/* Estimates from reading the paths. */
#define ALLOC_INSTRUCTIONS 26 /* class, list, unlink, bit */
#define FREE_INSTRUCTIONS  30 /* slab, division, bit, list, link */
#define SLAB_INSTRUCTIONS  60
#define LINK_INSTRUCTIONS  8

enum {
  METHOD_LISTS,
  METHOD_PADDING,
};

enum {
  COUNTER_SLABS_NEW,
  COUNTER_SLABS_GIVEN_BACK,
  COUNTER_PICKY,
  COUNTER_PADDED,
  COUNTER_PADDING,
  COUNTER_LARGE,
  COUNTER_LIST_BYTES,
};

/* ---- Slabs ---- */

static guint
objects_in (guint64 bytes, guint64 size)
{
  guint64 n = bytes * 8 / (size * 8 + 2);

  while (n > 0 && n * size + 2 * bits_bytes (n) > bytes)
    n--;
  return (guint)n;
}

static guint64
slab_bytes (const Aligned *self, guint64 size)
{
  const guint64 page_size = kml_ram_page_size (&self->base.ram);
  guint64 bytes = page_size;

  while (objects_in (bytes, size) < LEAST_OBJECTS && bytes < MOST_SLAB_PAGES * page_size)
    bytes *= 2;
  return bytes;
}

static void
set_bit (guint8 *bits, guint i, gboolean value)
{
  bits[i / 8] = (guint8)((bits[i / 8] & ~(1 << i % 8)) | value << i % 8);
}

/* ---- Lists ---- */

/* With a cache model: the head of a list, and the links in objects. */
static void
touch_head (const Aligned *self, const guint32 *head)
{
  kml_touch (self->base.machine, self->statics + (KmlAddr)(head - self->heads) * sizeof *head,
             sizeof *head, KML_TOUCH_WRITE);
}

static void
touch_object (const Aligned *self, KmlAddr object)
{
  kml_touch (self->base.machine, object, 2 * sizeof (guint32), KML_TOUCH_WRITE);
}

static void
link_object (Aligned *self, guint class, KmlAddr object)
{
  KmlRam *ram = &self->base.ram;
  const guint list = list_of (self, object);
  guint32 *head = head_of (self, class, list);
  const guint32 link = (guint32)(object >> self->shift) + 1;

  touch_head (self, head);
  touch_object (self, object);
  if (*head != 0)
    touch_object (self, object_of (self, *head));
  kml_ram_store32 (ram, object, *head);
  kml_ram_store32 (ram, object + 4, 0);
  if (*head != 0)
    kml_ram_store32 (ram, object_of (self, *head) + 4, link);
  *head = link;
  self->masks[class] |= 1u << list;
}

static void
unlink_object (Aligned *self, guint class, KmlAddr object)
{
  KmlRam *ram = &self->base.ram;
  const guint32 next = kml_ram_load32 (ram, object), prev = kml_ram_load32 (ram, object + 4);
  const guint list = list_of (self, object);

  touch_object (self, object);
  if (next != 0)
    touch_object (self, object_of (self, next));
  if (prev != 0)
    touch_object (self, object_of (self, prev));
  else
    touch_head (self, head_of (self, class, list));
  if (next != 0)
    kml_ram_store32 (ram, object_of (self, next) + 4, prev);
  if (prev != 0) {
    kml_ram_store32 (ram, object_of (self, prev), next);
  } else {
    *head_of (self, class, list) = next;
    if (next == 0)
      self->masks[class] &= ~(1u << list);
  }
}

/* With a cache model: the slab's record, and the bit of object @i. */
static void
touch_slab (const Aligned *self, const Slab *slab, guint i)
{
  kml_touch_frame (self->base.machine, slab->frame, KML_TOUCH_WRITE);
  kml_touch_stored (self->base.machine, slab->used + i / 8, 1, KML_TOUCH_WRITE);
}

static gboolean
add_slab (Aligned *self, guint class, const KmlRequest *request)
{
  KmlMachine *machine = self->base.machine;
  const guint64 size = (guint64)(class + 1) << self->shift;
  const KmlPfn pfn = kml_page_runs_take (&self->runs, slab_bytes (self, size), class, request);
  KmlFrame *frame;
  Slab slab;

  if (pfn == KML_PFN_NONE)
    return FALSE;
  frame = kml_ram_frame (&self->base.ram, pfn);
  frame->slab.n_used = 0;
  frame->slab.n_objects = (guint16)objects_in (
      (guint64)frame->n_frames << self->base.ram.page_shift, size);
  slab = slab_at (self, pfn);
  memset (slab.used, 0, 2 * bits_bytes (slab.n_objects));
  for (guint i = slab.n_objects; i-- > 0;)
    link_object (self, class, object_at (&slab, i));
  kml_spend (machine, KML_COST_INSTRUCTION,
             SLAB_INSTRUCTIONS + (guint64)slab.n_objects * LINK_INSTRUCTIONS);
  kml_spend_references (machine, KML_COST_COLD, slab.n_objects);
  self->base.metadata_bytes += slab.bytes - slab.n_objects * slab.size;
  self->base.counters[COUNTER_SLABS_NEW]++;
  return TRUE;
}

static void
give_slab_back (Aligned *self, const Slab *slab, const KmlRequest *how)
{
  KmlMachine *machine = self->base.machine;

  for (guint i = 0; i < slab->n_objects; i++)
    unlink_object (self, slab->frame->slab.size_class, object_at (slab, i));
  kml_spend (machine, KML_COST_INSTRUCTION,
             SLAB_INSTRUCTIONS + (guint64)slab->n_objects * LINK_INSTRUCTIONS);
  kml_spend_references (machine, KML_COST_WARM, slab->n_objects);
  self->base.metadata_bytes -= slab->bytes - slab->n_objects * slab->size;
  self->base.counters[COUNTER_SLABS_GIVEN_BACK]++;
  kml_page_runs_give_back (&self->runs, slab->frame->slab.head, how);
}

/* ---- The two operations ---- */

/* A free object of @class, or one that is larger by less than the alignment of @list, which is @list's or a better one. */
static KmlAddr
find (Aligned *self, guint class, guint list)
{
  const guint end = MIN (class + (1u << list), self->n_classes);

  for (; class < end; class ++) {
    const guint32 mask = self->masks[class] >> list << list;

    kml_spend_references (self->base.machine, KML_COST_HOT, 1);
    kml_touch (self->base.machine, self->masks_statics + class * sizeof mask, sizeof mask,
               KML_TOUCH_READ);
    if (mask != 0)
      return object_of (self, *head_of (self, class, (guint)__builtin_ctz (mask)));
  }
  return KML_ADDR_NONE;
}

static void
clear (Aligned *self, KmlAddr addr, guint64 size)
{
  KmlMachine *machine = self->base.machine;

  memset (self->base.ram.store + addr, 0, size);
  machine->now += kml_clearing_time (machine, size);
}

static KmlAddr
aligned_slab_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Aligned *self = (Aligned *)base;
  KmlRam *ram = &base->ram;
  const guint64 page_size = kml_ram_page_size (ram), granule = self->granule;
  const KmlConstraints *constraints = request->constraints;
  const guint64 alignment = constraints != NULL ? MAX (constraints->alignment, granule) : granule;
  guint64 front = 0, size;
  guint class, list = 0, i;
  KmlAddr object;
  Slab slab;

  g_assert (request->size > 0);

  if (request->size > page_size || alignment > page_size ||
      (constraints != NULL && (constraints->boundary != 0 || constraints->limit != 0)))
    return kml_page_runs_alloc_large (&self->runs, request, ret_held);
  if (self->method == METHOD_LISTS)
    list = (guint)__builtin_ctzll (alignment / granule);
  else
    front = alignment - granule;
  size = (request->size + front + granule - 1) & ~(granule - 1);
  if (size > page_size)
    return kml_page_runs_alloc_large (&self->runs, request, ret_held);

  class = (guint)(size >> self->shift) - 1;
  kml_spend (base->machine, KML_COST_INSTRUCTION, ALLOC_INSTRUCTIONS);
  object = find (self, class, list);
  if (object == KML_ADDR_NONE) {
    if (!add_slab (self, class, request))
      return KML_ADDR_NONE;
    object = find (self, class, list); /* an object at the beginning of a page suits all */
  }
  kml_spend_references (base->machine, KML_COST_WARM, 1); /* the slab's record */
  kml_spend_references (base->machine, KML_COST_COLD, 1); /* the object's links */
  slab = slab_at (self, kml_ram_frame (ram, kml_ram_pfn (ram, object))->slab.head);
  size = slab.size;
  unlink_object (self, slab.frame->slab.size_class, object);
  i = (guint)((object - slab.start) / size);
  touch_slab (self, &slab, i);
  set_bit (slab.used, i, TRUE);
  slab.frame->slab.n_used++;

  front = -object & (alignment - 1);
  base->counters[COUNTER_PICKY] += alignment > granule;
  if (front > 0) {
    set_bit (slab.padded, i, TRUE);
    kml_ram_store32 (ram, object, (guint32)front);
    base->metadata_bytes += front;
    base->counters[COUNTER_PADDED]++;
    base->counters[COUNTER_PADDING] += front;
  }
  *ret_held = size - front;
  if (request->gfp & KML_GFP_ZERO)
    clear (self, object + front, *ret_held);
  return object + front;
}

/* The slab of the live object, or the large run, at @addr, which lies in memory of the allocator's. */
static KmlPfn
head_at (const Aligned *self, KmlAddr addr)
{
  const KmlRam *ram = &self->base.ram;
  const KmlFrame *frame;

  g_assert (addr < kml_ram_addr (ram, ram->n_usable));
  frame = kml_ram_frame (ram, kml_ram_pfn (ram, addr));
  g_assert (frame->flags & KML_FRAME_FLAG_SLAB);
  return frame->slab.head;
}

static gboolean
is_large (const Aligned *self, KmlPfn head)
{
  return kml_ram_frame (&self->base.ram, head)->slab.size_class == KML_PAGE_RUN_LARGE;
}

/* Which object of the slab is the live one at @addr, and what lies in front of it. */
static guint
live_at (const Aligned *self, const Slab *slab, KmlAddr addr, guint32 *ret_front)
{
  const guint i = (guint)((addr - slab->start) / slab->size);

  g_assert (i < slab->n_objects);
  g_assert (get_bit (slab->used, i));
  *ret_front = front_of (self, slab, i);
  g_assert (addr == object_at (slab, i) + *ret_front);
  return i;
}

static guint64
aligned_slab_size_of (const KmlAllocator *base, KmlAddr addr)
{
  const Aligned *self = (const Aligned *)base;
  const KmlPfn head = head_at (self, addr);
  guint32 front;
  Slab slab;

  if (is_large (self, head))
    return kml_page_runs_size_of_large (&self->runs, addr);
  slab = slab_at (self, head);
  live_at (self, &slab, addr, &front);
  return slab.size - front;
}

static guint64
aligned_slab_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Aligned *self = (Aligned *)base;
  const KmlPfn head = head_at (self, addr);
  guint64 held;
  guint32 front;
  Slab slab;
  guint i;

  if (is_large (self, head))
    return kml_page_runs_free_large (&self->runs, addr, how);
  slab = slab_at (self, head);
  i = live_at (self, &slab, addr, &front);

  kml_spend (base->machine, KML_COST_INSTRUCTION, FREE_INSTRUCTIONS);
  kml_spend_references (base->machine, KML_COST_WARM, 2);
  touch_slab (self, &slab, i);
  held = slab.size - front;
  base->metadata_bytes -= front;
  set_bit (slab.used, i, FALSE);
  set_bit (slab.padded, i, FALSE);
  link_object (self, slab.frame->slab.size_class, object_at (&slab, i));
  if (--slab.frame->slab.n_used == 0)
    give_slab_back (self, &slab, how);
  return held;
}

/* ---- The table ---- */

static gboolean
aligned_slab_init (KmlAllocator *base, GError **error)
{
  Aligned *self = (Aligned *)base;
  const guint64 page_size = kml_ram_page_size (&base->ram);

  self->shift = (guint)__builtin_ctzll (self->granule);
  if (self->granule > page_size || page_size / self->granule > MOST_OBJECTS ||
      base->ram.size >> self->shift >= G_MAXUINT32)
    return kml_refuse (
        error, "granule",
        "expected a granule with 1 to %d granules a page, and fewer than 2^32 in RAM; "
        "not one of %" G_GUINT64_FORMAT " B with pages of %" G_GUINT64_FORMAT " B",
        MOST_OBJECTS, self->granule, page_size);
  self->n_classes = (guint)(page_size >> self->shift);
  self->n_lists = self->method == METHOD_LISTS
                      ? (guint)__builtin_ctzll (page_size >> self->shift) + 1
                      : 1;
  self->heads = g_new0 (guint32, self->n_classes * self->n_lists);
  self->masks = g_new0 (guint32, self->n_classes);
  self->statics = kml_machine_statics (base->machine, (guint64)self->n_classes * self->n_lists *
                                                          sizeof *self->heads);
  self->masks_statics = kml_machine_statics (base->machine, self->n_classes * sizeof *self->masks);
  base->counters[COUNTER_LIST_BYTES] = (guint64)self->n_classes * self->n_lists *
                                       sizeof *self->heads;
  self->runs = (KmlPageRuns){ .owner = base, .large_counter = COUNTER_LARGE };
  return TRUE;
}

static void
aligned_slab_finish (KmlAllocator *base)
{
  Aligned *self = (Aligned *)base;

  g_free (self->heads);
  g_free (self->masks);
}

static gboolean
aligned_slab_remember (KmlAllocator *base, KmlImage *image)
{
  Aligned *self = (Aligned *)base;

  kml_image_add (image, self->heads, self->n_classes * self->n_lists * sizeof *self->heads);
  kml_image_add (image, self->masks, self->n_classes * sizeof *self->masks);
  return TRUE;
}

static double
padding_mean (const guint64 *counted)
{
  return counted[COUNTER_PICKY] == 0
             ? 0
             : (double)counted[COUNTER_PADDING] / (double)counted[COUNTER_PICKY];
}

static const char *const methods[] = { "lists", "padding", NULL };

static const KmlParam aligned_slab_params[] = {
  { .name = "method",
    .type = KML_PARAM_CHOICE,
    .value = "lists",
    .choices = methods,
    .offset = G_STRUCT_OFFSET (Aligned, method),
    .summary = "how alignments are kept: a list for each, or a larger object whose front is lost" },
  { .name = "granule",
    .type = KML_PARAM_SIZE,
    .value = "16",
    .min = 8,
    .max = 4096,
    .power_of_two = TRUE,
    .offset = G_STRUCT_OFFSET (Aligned, granule),
    .summary = "sizes are multiples of this, and it is the alignment of all objects" },
  { NULL },
};

static const KmlCounterInfo aligned_slab_counters[] = {
  [COUNTER_SLABS_NEW] = { "slabs_new", "count", "slabs taken from the page level" },
  [COUNTER_SLABS_GIVEN_BACK] = { "slabs_given_back", "count", "slabs given back to it" },
  [COUNTER_PICKY] = { "picky", "count", "requests for more alignment than the granule's" },
  [COUNTER_PADDED] = { "padded", "count", "requests that lost something in front" },
  [COUNTER_PADDING] = { "padding", "bytes", "lost in front, by all requests" },
  [COUNTER_LARGE] = { "large", "count", "requests left to the page level" },
  [COUNTER_LIST_BYTES] = { "list_bytes", "bytes", "heads of lists, since the start" },
  { NULL, NULL, NULL },
};

static const KmlFigureInfo aligned_slab_figures[] = {
  { "padding_mean", "bytes", "mean number of bytes lost in front, of picky requests",
    padding_mean },
  { NULL, NULL, NULL, NULL },
};

static const KmlAllocatorOps aligned_slab_ops = {
  .name = "aligned",
  .summary = "objects at wanted alignments: free lists by alignment, or front padding",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Aligned),
  .params = aligned_slab_params,
  .counters = aligned_slab_counters,
  .figures = aligned_slab_figures,
  .init = aligned_slab_init,
  .finish = aligned_slab_finish,
  .alloc = aligned_slab_alloc,
  .free = aligned_slab_free,
  .size_of = aligned_slab_size_of,
  .remember = aligned_slab_remember,
  .walk = aligned_slab_walk,
  .check = aligned_slab_check,
};

KML_REGISTER_ALLOCATOR (aligned_slab_ops)
