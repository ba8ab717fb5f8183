/* trace-pages.c: which block a recorded page frame number means.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A block of order k is 2^k frames from a multiple of 2^k. What makes pages
 * harder than objects is that a block need not be freed as it was allocated:
 *
 *   in pieces   order 9 in 512 times order 0 (a huge page that was split), or a tail
 *               that was not needed. The block is halved until the piece stands alone:
 *
 *                   freed: frame 5 of a block of order 3
 *                   |               3               |      split
 *                   |       2       |       2       |      split the upper half
 *                                   |   1   |   1   |      split the lower quarter
 *                                   | 0 | 0 |              free the upper of these
 *
 *   together    a free of order k that covers smaller live blocks gives back each.
 *
 *   neither     none of it is live: it was allocated before the recording, or without an event. So the free is
 *               told with its frame number, for who knows what was in use then.
 *
 * Likewise a block that comes from nowhere, since it lay on a list of the kernel's CPUs when the recording began (trace-lists.h): a free of it is
 * inferred, which was before.
 *
 * An allocation that overlaps live blocks means that their frees were lost; they are inferred. So
 * live blocks never overlap (P1), and a frame is in at most one, which is found by asking for the
 * frame itself and then, for each order of which there are live blocks, for the frame with the
 * order's low bits cleared.
 *
 * One 64-bit key holds all that is known of a block:
 *
 *   bits 0-39   page frame number (compared; the others are its value)
 *        40-44  order
 *        45     pages of a slab        46     it is too late to call them that
 *        48-63  the low bits of the number of its allocation in the event queue
 */

#include "workloads/traces/trace-identity.h"

#define PFN_MASK    KML_TRACE_MAX_PFN
#define ORDER_SHIFT 40
#define SLAB        (G_GUINT64_CONSTANT (1) << 45)
#define TOO_LATE    (G_GUINT64_CONSTANT (1) << 46)
#define SLOT_SHIFT  48

/* A line, as the functions here pass it on. */
typedef struct {
  const KmlTraceLine *line;
  guint64 time_ns;
} Cause;

static inline guint
order_of (guint64 key)
{
  return (guint)(key >> ORDER_SHIFT) & 31;
}

static inline guint64
frames (guint order)
{
  return G_GUINT64_CONSTANT (1) << order;
}

void
kml_trace_pages_init (KmlTraceIdentity *self)
{
  kml_trace_names_init (&self->pages, PFN_MASK);
  kml_trace_lists_init (&self->lists);
}

/* ---- Lists of the kernel's CPUs ---- */

/* No machine here has frames beyond 32 bits. */
static KmlTraceEvent *
emit_old (KmlTraceIdentity *self, Cause cause, guint64 pfn, guint order)
{
  KmlTraceEvent *const event = kml_trace_identity_emit (self, cause.line, cause.time_ns,
                                                        KML_OP_FREE_OLD, KML_LEVEL_PAGES, 0);

  event->other = (guint32)pfn;
  event->order = (guint8)order;
  return event;
}

/* It was given back before the recording, and then lay on a list. */
static void
emit_listed (KmlTraceIdentity *self, Cause cause, guint64 pfn, guint order)
{
  KmlTraceEvent *event;

  if (self->counts[KML_TRACE_N_LOST] > 0 || pfn >= KML_PFN_NONE)
    return;
  event = emit_old (self, cause, pfn, order);
  event->site = event->cache = 0;
  event->flags = KML_TRACE_INFERRED;
}

/* The block comes from a list. */
static void
note_listed (KmlTraceIdentity *self, Cause cause)
{
  const KmlTraceLine *const line = cause.line;

  if (!kml_trace_lists_see (&self->lists, line->key, line->order))
    return;
  if (self->lists.has_takes)
    emit_listed (self, cause, line->key, line->order);
  else
    kml_trace_lists_wait (&self->lists, line->key, line->order);
}

void
kml_trace_pages_take (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns)
{
  const Cause cause = { line, time_ns };
  GArray *const waiting = self->lists.waiting;

  if (line->failed)
    return;
  kml_trace_lists_see (&self->lists, line->key, line->order);
  self->lists.has_takes = TRUE;
  for (guint i = 0; i < waiting->len; i++) {
    const KmlTraceListed *listed = &g_array_index (waiting, KmlTraceListed, i);

    emit_listed (self, cause, listed->pfn, listed->order);
  }
  g_array_set_size (waiting, 0);
}

void
kml_trace_pages_drain (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns)
{
  if (!line->failed)
    note_listed (self, (Cause){ line, time_ns });
}

static inline void
count_block (KmlTraceIdentity *self, guint order, gboolean comes)
{
  self->n_live_order[order] += comes ? 1 : -G_GUINT64_CONSTANT (1);
  if (self->n_live_order[order] > 0)
    self->live_orders |= 1u << order;
  else
    self->live_orders &= ~(1u << order);
}

/* The live block that frame @pfn is in. */
static guint32
find_covering (const KmlTraceIdentity *self, guint64 pfn, KmlTraceNamesPlace *ret_place)
{
  guint32 name = kml_trace_names_find (&self->pages, pfn, ret_place);
  guint64 last_base = pfn;

  G_STATIC_ASSERT (KML_MAX_ORDER < 32);
  for (guint orders = self->live_orders & ~1u; orders != 0 && name == KML_TRACE_NO_NAME;
       orders &= orders - 1) {
    const guint64 base = pfn & ~(frames ((guint)__builtin_ctz (orders)) - 1);

    if (base == last_base)
      continue;
    last_base = base;
    name = kml_trace_names_find (&self->pages, base, ret_place);
    if (name != KML_TRACE_NO_NAME &&
        base + frames (order_of (kml_trace_names_key (&self->pages, name))) <= pfn)
      name = KML_TRACE_NO_NAME;
  }
  return name;
}

static KmlTraceEvent *
free_block (KmlTraceIdentity *self, Cause cause, guint32 name, KmlTraceNamesPlace place)
{
  const guint64 key = kml_trace_names_key (&self->pages, name);
  KmlTraceEvent *const event = kml_trace_identity_emit (self, cause.line, cause.time_ns,
                                                        KML_OP_FREE, KML_LEVEL_PAGES, name);

  event->order = (guint8)order_of (key);
  event->flags = key & SLAB ? KML_TRACE_SLAB_PAGE : 0;
  count_block (self, order_of (key), FALSE);
  kml_trace_names_remove (&self->pages, place);
  return event;
}

static void
infer_free (KmlTraceIdentity *self, Cause cause, guint32 name, KmlTraceNamesPlace place)
{
  KmlTraceEvent *const event = free_block (self, cause, name, place);

  event->site = event->cache = 0;
  event->flags |= KML_TRACE_INFERRED;
  self->counts[KML_TRACE_N_PAGE_DOUBLE_ALLOC]++;
}

/* Calls @func for each live block that starts in [pfn, pfn + n). A large range is not
 * asked frame by frame when there are fewer blocks than that. */
static guint
for_each_within (KmlTraceIdentity *self, guint64 pfn, guint64 n, Cause cause,
                 void (*func) (KmlTraceIdentity *, Cause, guint32, KmlTraceNamesPlace))
{
  KmlTraceNamesPlace place;
  guint n_found = 0;

  if (n <= self->pages.n_names) {
    for (guint64 at = pfn; at < pfn + n; at++) {
      const guint32 name = kml_trace_names_find (&self->pages, at, &place);

      if (name != KML_TRACE_NO_NAME) {
        func (self, cause, name, place);
        n_found++;
      }
    }
    return n_found;
  }
  for (guint32 name = 0; name < self->pages.n_names; name++) {
    const guint64 key = kml_trace_names_key (&self->pages, name);

    if (kml_trace_names_is_alive (&self->pages, name) && (key & PFN_MASK) - pfn < n) {
      kml_trace_names_find (&self->pages, key, &place);
      func (self, cause, name, place);
      n_found++;
    }
  }
  return n_found;
}

/* ---- Allocation ---- */

static gboolean
insert_block (KmlTraceIdentity *self, guint64 key, guint32 *ret_name)
{
  KmlTraceNamesPlace place;

  *ret_name = kml_trace_names_find (&self->pages, key, &place);
  g_assert (*ret_name == KML_TRACE_NO_NAME); /* P1 */

  *ret_name = kml_trace_names_insert (&self->pages, key, place);
  if (*ret_name == KML_TRACE_NO_NAME)
    return FALSE;
  count_block (self, order_of (key), TRUE);
  self->live_pages_peak = MAX (self->live_pages_peak, self->pages.n_live);
  return TRUE;
}

gboolean
kml_trace_pages_alloc (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns)
{
  const Cause cause = { line, time_ns };
  KmlTraceNamesPlace place;
  KmlTraceEvent *event;
  guint32 name;

  if (line->failed) {
    self->counts[KML_TRACE_N_FAILED]++;
    return TRUE;
  }
  note_listed (self, cause);
  name = find_covering (self, line->key, &place);
  if (G_UNLIKELY (name != KML_TRACE_NO_NAME)) {
    if (line->record == KML_TRACE_PAGE_BULK_ALLOC &&
        (kml_trace_names_key (&self->pages, name) & PFN_MASK) == line->key &&
        order_of (kml_trace_names_key (&self->pages, name)) == line->order) {
      self->counts[KML_TRACE_N_BULK_REPEATED]++; /* it had fallen back to one that was recorded */
      return TRUE;
    }
    infer_free (self, cause, name, place);
  }
  if (line->order > 0)
    for_each_within (self, line->key, frames (line->order), cause, infer_free);

  if (!insert_block (self,
                     line->key | (guint64)line->order << ORDER_SHIFT |
                         (guint64)(guint16)self->tail << SLOT_SHIFT,
                     &name))
    return FALSE;
  self->counts[KML_TRACE_N_PAGE_ALLOCS]++;
  event = kml_trace_identity_emit (self, line, time_ns, KML_OP_ALLOC, KML_LEVEL_PAGES, name);
  event->order = line->order;
  event->gfp = kml_trace_identity_gfp (line);
  event->mobility = line->migratetype < KML_N_MOBILITIES ? line->migratetype
                                                         : (guint8)kml_gfp_mobility (event->gfp);
  return TRUE;
}

/* ---- Compaction ---- */

/* While a task compacts, the single pages that it frees are those that it has moved, which are in use in frames that compaction took out of free
 * blocks, of which there is no event; or some of these frames that it did not need. In handlers others free pages. */
static gboolean
has_moved (const KmlTraceIdentity *self, const KmlTraceLine *line)
{
  if (G_LIKELY (self->n_compacting == 0) || line->order > 0 || line->context != KML_CONTEXT_PROCESS)
    return FALSE;
  for (guint i = 0; i < self->n_compacting; i++)
    if (self->compacting[i] == line->pid)
      return TRUE;
  return FALSE;
}

void
kml_trace_pages_compact (KmlTraceIdentity *self, const KmlTraceLine *line)
{
  guint i = 0;

  while (i < self->n_compacting && self->compacting[i] != line->pid)
    i++;
  if (line->record == KML_TRACE_COMPACTION_END && i < self->n_compacting)
    self->compacting[i] = self->compacting[--self->n_compacting];
  else if (line->record == KML_TRACE_COMPACTION_BEGIN && i == self->n_compacting &&
           i < KML_TRACE_MOST_COMPACTING)
    self->compacting[self->n_compacting++] = line->pid;
}

/* ---- Free ---- */

/* Halves block @name until the one of @order at @pfn, which is inside, stands alone. */
static gboolean
split_down (KmlTraceIdentity *self, Cause cause, guint32 name, guint64 pfn, guint order)
{
  while (order_of (kml_trace_names_key (&self->pages, name)) > order) {
    guint64 key = kml_trace_names_key (&self->pages, name) -
                  (G_GUINT64_CONSTANT (1) << ORDER_SHIFT);
    const guint half = order_of (key);
    const guint64 upper_pfn = (key & PFN_MASK) + frames (half);
    KmlTraceEvent *event;
    guint32 upper;

    if (!(key & SLAB)) /* the allocation must not be flagged when its split is not */
      key |= TOO_LATE;
    count_block (self, half + 1, FALSE);
    count_block (self, half, TRUE);
    kml_trace_names_set_key (&self->pages, name, key);
    if (!insert_block (self, (key & ~PFN_MASK) | upper_pfn, &upper))
      return FALSE;
    event = kml_trace_identity_emit (self, cause.line, cause.time_ns, KML_OP_SPLIT, KML_LEVEL_PAGES,
                                     name);
    event->other = upper;
    event->order = (guint8)half;
    event->flags = key & SLAB ? KML_TRACE_SLAB_PAGE : 0;
    self->counts[KML_TRACE_N_SPLITS]++;
    if (pfn >= upper_pfn)
      name = upper;
  }
  return TRUE;
}

static void
free_within (KmlTraceIdentity *self, Cause cause, guint32 name, KmlTraceNamesPlace place)
{
  KmlTraceEvent *const event = free_block (self, cause, name, place);

  if (has_moved (self, cause.line))
    event->flags |= KML_TRACE_MOVED;
  self->counts[KML_TRACE_N_PAGE_FREES]++;
}

static void
free_old (KmlTraceIdentity *self, Cause cause)
{
  KmlTraceEvent *event;

  self->counts[KML_TRACE_N_PAGE_FREE_UNKNOWN]++;
  if (cause.line->key >= KML_PFN_NONE)
    return;
  event = emit_old (self, cause, cause.line->key, cause.line->order);
  if (has_moved (self, cause.line))
    event->flags = KML_TRACE_MOVED;
}

gboolean
kml_trace_pages_free (KmlTraceIdentity *self, const KmlTraceLine *line, guint64 time_ns)
{
  const Cause cause = { line, time_ns };
  KmlTraceNamesPlace place;
  guint32 name = find_covering (self, line->key, &place);

  kml_trace_lists_see (&self->lists, line->key, line->order);
  if (name != KML_TRACE_NO_NAME &&
      order_of (kml_trace_names_key (&self->pages, name)) > line->order) {
    if (!split_down (self, cause, name, line->key, line->order))
      return FALSE;
    name = kml_trace_names_find (&self->pages, line->key, &place);
    g_assert (name != KML_TRACE_NO_NAME);
  }
  if (name != KML_TRACE_NO_NAME &&
      order_of (kml_trace_names_key (&self->pages, name)) == line->order)
    free_within (self, cause, name, place);
  else if (line->order > 0 &&
           for_each_within (self, line->key, frames (line->order), cause, free_within) > 0)
    self->counts[KML_TRACE_N_MERGED_FREES]++;
  else
    free_old (self, cause);
  return TRUE;
}

/* ---- Slabs ---- */

void
kml_trace_pages_mark_slab (KmlTraceIdentity *self, guint64 pfn)
{
  KmlTraceNamesPlace place;
  const guint32 name = pfn > PFN_MASK ? KML_TRACE_NO_NAME : find_covering (self, pfn, &place);
  KmlTraceEvent *event;
  guint64 key, age;

  if (name == KML_TRACE_NO_NAME)
    return;
  key = kml_trace_names_key (&self->pages, name);
  if (key & (SLAB | TOO_LATE))
    return;

  /* An event of that name that is an allocation can only be the block's own: the name is in use.
   * The queue may hold more than the window, depending on who takes from it, which must not be
   * seen. */
  age = (guint16)(self->tail - (key >> SLOT_SHIFT));
  event = &self->queue[(self->tail - age) & (self->n_queue - 1)];
  if (age > 0 && age <= MIN (KML_TRACE_WINDOW, self->tail) && event->block == name &&
      event->level == KML_LEVEL_PAGES && event->kind == KML_OP_ALLOC) {
    event->flags |= KML_TRACE_SLAB_PAGE;
    kml_trace_names_set_key (&self->pages, name, key | SLAB);
    self->counts[KML_TRACE_N_SLAB_PAGES]++;
  } else {
    kml_trace_names_set_key (&self->pages, name, key | TOO_LATE);
    self->counts[KML_TRACE_N_SLAB_PAGES_LATE]++;
  }
}
