/* adversary.c: requests that are meant to fragment memory as badly as they can.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * How much memory is enough if no more than M units are ever live, and no request is for more than m? Theory
 * answers with adversaries, and two of them are here to be run: J. M. Robson, "Bounds for Some Functions Concerning
 * Dynamic Storage Allocation", JACM 21(3), 1974, and "Worst Case Fragmentation of First Fit and Best Fit
 * Storage Allocation Strategies", The Computer Journal 20(3), 1977; Donald E. Knuth, The Art of Computer Programming,
 * vol. 1, section 2.5, exercises 38 to 43. The constructions are in their spirit, and simpler than theirs.
 *
 * An adversary knows the policy of the allocator, and so where each block will be. These two know it in advance: they
 * are streams of operations like any other and look at no address. To allocators that they are not
 * against they are just odd loads.
 *
 * 1. Against first fit, and all who fill memory from below (against = first-fit)
 *
 * M blocks of 1 unit fill memory. Then every second block is freed, in the order of addresses, and what has
 * become free is asked for in blocks of 2, which fit nowhere between. Every second block is
 * freed, of both sizes, and blocks of 4 are asked for; and so on up to m.
 *
 *     1111111111111111                  16 live
 *     1.1.1.1.1.1.1.122222222           8 freed, 4 blocks of 2
 *     1...1...1...1..22..2244444444     8 freed, 2 blocks of 4
 *
 * Each step takes M/2 units of new memory, less what was freed at the upper end: if M is a multiple of 2m,
 * M (1 + log2 (m) / 2) - m + 1 in all. That is Robson's bound: an adversary that looks at addresses can force
 * every allocator that does not move blocks so far.
 *
 * 2. Against best fit (against = best-fit)
 *
 * This takes memory in proportion to m M, not to log2 (m) M. What is wanted are *pins* of 1 unit with gaps of G = m - 3
 * between them: M pins would hold (m - 2) M. Blocks of y = G + 1 fit in no gap, so they go to new
 * memory. A row of them, closed by a pin, is turned into pins and gaps from its upper end, two blocks at a time:
 *
 *     m = 8, G = 5, y = 6
 *
 *     ...|yyyyyy|yyyyyy|yyyyyy|1          the last two are freed: 12 units, the only hole above G
 *     ...|yyyyyy|mmmmmmmm|....|1          m leaves G - 1, less than any gap: the smallest hole for
 *     ...|yyyyyy|mmmmmmmm|pppp|1          a block p of just this size
 *     ...|yyyyyy|mmmmmmm|1|pppp|1         m is freed and m - 1 asked for, which leaves 1: a pin; then p is freed
 *     ...|yyyyyy|mmmmmmm|1|....|1
 *     ...|yyyyyy|yyyyyy|1|.....|1         and the same from m - 1 to y: one y less, one pin and one gap of G more
 *
 * Only the lowest block of a row is left over. What pins and such blocks leave of M makes the next row, a little
 * shorter, until there is no row of two; the rest is asked for in blocks of m. A row adds as many units of memory as it
 * takes of M, and 1 / y of those it keeps for ever, in pins: so the rows are a geometric series, whose
 * sum is y M = (m - 2) M. That takes M much larger than m^2, or the rows are too short.
 *
 * It relies on three things: the smallest hole that fits is taken, its lower end is given, and free neighbours are joined at
 * once. Ties do not matter, since the holes that do differ in size. First fit is not impressed: it fills the gaps.
 *
 * 3. Units
 *
 * A unit is `unit` bytes, with target = pages a page. If the allocator puts a header before each block, `header`
 * says how large it is: so much less is asked for, so that blocks are whole units.
 */

#include "simcore/workload.h"

/* p has m - 4 units */
#define LEAST_AGAINST_BEST_FIT 5

enum {
  TARGET_OBJECTS,
  TARGET_PAGES,
};

enum {
  AGAINST_FIRST_FIT,
  AGAINST_BEST_FIT,
};

static const char *const target_choices[] = { "objects", "pages", NULL };
static const char *const against_choices[] = { "first-fit", "best-fit", NULL };

enum {
  COUNTER_UNITS,
};

typedef struct {
  KmlWorkload base;

  /* parameters */
  guint target, against;
  guint64 most_live; /* M, units */
  guint64 largest;   /* m, units */
  guint64 unit, header;

  guint64 live;   /* units */
  GArray *units;  /* (owned) (element-type guint32): each name's block has so many; 0: none */
  GArray *unused; /* (owned) (element-type guint32): names without a block */
  GArray *queue;  /* (owned) (element-type KmlOp): what has been thought of */
  guint at;       /* of the queue */
  GArray *kept;   /* (owned) (element-type guint32): names of blocks, by address; of the row */
  guint64 size;   /* of the blocks of the next step, against first fit */
  gboolean has_ended;
} Adversary;

/* ---- Operations ---- */

static void
push_op (Adversary *self, KmlOpKind kind, guint32 name, guint64 units)
{
  const KmlOp op = {
    .kind = kind,
    .level = self->target == TARGET_PAGES ? KML_LEVEL_PAGES : KML_LEVEL_OBJECTS,
    .block = name,
    .request = { .size = units * self->unit - self->header, .gfp = KML_GFP_KERNEL },
  };

  g_array_append_val (self->queue, op);
}

static guint32
ask (Adversary *self, guint64 units)
{
  guint32 name = self->units->len;

  if (self->unused->len > 0) {
    name = g_array_index (self->unused, guint32, self->unused->len - 1);
    g_array_set_size (self->unused, self->unused->len - 1);
  } else {
    g_array_set_size (self->units, name + 1);
  }
  g_array_index (self->units, guint32, name) = (guint32)units;
  self->live += units;
  g_assert (self->live <= self->most_live);
  self->base.counters[COUNTER_UNITS] = MAX (self->base.counters[COUNTER_UNITS], self->live);
  push_op (self, KML_OP_ALLOC, name, units);
  return name;
}

static void
give_back (Adversary *self, guint32 name)
{
  guint32 *units = &g_array_index (self->units, guint32, name);

  g_assert (*units > 0);
  self->live -= *units;
  push_op (self, KML_OP_FREE, name, *units);
  *units = 0;
  g_array_append_val (self->unused, name);
}

/* ---- Against first fit ---- */

/* Frees every second block, of each size for itself: in `kept` they stand in the order of addresses, by size. */
static void
free_every_second (Adversary *self)
{
  guint n = 0, of_size = 0;
  guint32 size = 0;

  for (guint i = 0; i < self->kept->len; i++) {
    const guint32 name = g_array_index (self->kept, guint32, i);
    const guint32 units = g_array_index (self->units, guint32, name);

    of_size = units == size ? of_size + 1 : 0;
    size = units;
    if (of_size % 2 == 0)
      g_array_index (self->kept, guint32, n++) = name;
    else
      give_back (self, name);
  }
  g_array_set_size (self->kept, n);
}

static void
double_size (Adversary *self)
{
  free_every_second (self);
  while (self->live + self->size <= self->most_live) {
    const guint32 name = ask (self, self->size);

    g_array_append_val (self->kept, name);
  }
  self->size *= 2;
  self->has_ended = self->size > self->largest;
}

/* ---- Against best fit ---- */

/* A row of blocks of y, and a pin behind it: the last block is put into a hole of y + 1, and a pin into what
 * remains of that. */
static void
begin_row (Adversary *self)
{
  const guint64 y = self->largest - 2;
  guint32 name, hole, fence;

  while (self->live + y + 2 * self->largest <= self->most_live) {
    name = ask (self, y);
    g_array_append_val (self->kept, name);
  }
  hole = ask (self, y + 1);
  fence = ask (self, y);
  give_back (self, hole);
  name = ask (self, y);
  g_array_append_val (self->kept, name);
  ask (self, 1);
  give_back (self, fence);
}

static guint32
pop_row (Adversary *self)
{
  const guint32 name = g_array_index (self->kept, guint32, self->kept->len - 1);

  g_array_set_size (self->kept, self->kept->len - 1);
  return name;
}

/* The last two blocks of the row become one, a pin and a gap. */
static void
turn_two (Adversary *self)
{
  const guint64 y = self->largest - 2;
  guint32 block, pin;

  give_back (self, pop_row (self));
  give_back (self, pop_row (self));
  block = ask (self, self->largest);
  pin = ask (self, 2 * y - self->largest);
  for (guint64 size = self->largest - 1; size >= y; size--) {
    guint32 next;

    give_back (self, block);
    block = ask (self, size);
    next = ask (self, 1);
    give_back (self, pin);
    pin = next;
  }
  g_array_append_val (self->kept, block);
}

static void
turn_row (Adversary *self)
{
  if (self->kept->len >= 2) {
    turn_two (self);
  } else if (self->live + 4 * self->largest <= self->most_live) {
    g_array_set_size (self->kept, 0); /* what is left of the last row stays */
    begin_row (self);
  } else {
    while (self->live + self->largest <= self->most_live)
      ask (self, self->largest);
    self->has_ended = TRUE;
  }
}

/* ---- The stream ---- */

static gboolean
adversary_open (KmlWorkload *base, GError **error)
{
  Adversary *self = (Adversary *)base;

  if (self->target == TARGET_PAGES)
    self->unit = base->page_size;
  if (self->target == TARGET_PAGES && self->header > 0)
    return kml_refuse (error, "header", "expected 0 with target = pages, which have none");
  if (self->header >= self->unit)
    return kml_refuse (error, "header", "expected less than a unit");
  if (self->against == AGAINST_BEST_FIT && self->largest < LEAST_AGAINST_BEST_FIT)
    return kml_refuse (error, "largest", "expected at least 5 against best fit");
  if (self->most_live / 4 < self->largest)
    return kml_refuse (error, "live", "expected at least four times the largest request");
  self->units = g_array_new (FALSE, TRUE, sizeof (guint32));
  self->unused = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->queue = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  self->kept = g_array_new (FALSE, FALSE, sizeof (guint32));
  self->size = 1;
  return TRUE;
}

static void
adversary_close (KmlWorkload *base)
{
  Adversary *self = (Adversary *)base;

  g_clear_pointer (&self->units, g_array_unref);
  g_clear_pointer (&self->unused, g_array_unref);
  g_clear_pointer (&self->queue, g_array_unref);
  g_clear_pointer (&self->kept, g_array_unref);
}

static int
adversary_next (KmlWorkload *base, KmlOp *ops, guint n, GError **error)
{
  Adversary *self = (Adversary *)base;

  while (self->at == self->queue->len && !self->has_ended) {
    self->at = 0;
    g_array_set_size (self->queue, 0);
    if (self->against == AGAINST_FIRST_FIT)
      double_size (self);
    else
      turn_row (self);
  }
  n = MIN (n, self->queue->len - self->at);
  if (n > 0)
    memcpy (ops, &g_array_index (self->queue, KmlOp, self->at), n * sizeof *ops);
  self->at += n;
  return (int)n;
}

static const KmlParam adversary_params[] = {
  { .name = "target",
    .type = KML_PARAM_CHOICE,
    .value = "objects",
    .choices = target_choices,
    .offset = G_STRUCT_OFFSET (Adversary, target),
    .summary = "which allocator is asked" },
  { .name = "against",
    .type = KML_PARAM_CHOICE,
    .value = "first-fit",
    .choices = against_choices,
    .offset = G_STRUCT_OFFSET (Adversary, against),
    .summary = "whose policy is exploited" },
  { .name = "live",
    .type = KML_PARAM_COUNT,
    .value = "1024",
    .min = 4,
    .max = 100000000,
    .offset = G_STRUCT_OFFSET (Adversary, most_live),
    .summary = "M: the most units that are ever live" },
  { .name = "largest",
    .type = KML_PARAM_COUNT,
    .value = "16",
    .min = 1,
    .max = 1 << 20,
    .offset = G_STRUCT_OFFSET (Adversary, largest),
    .summary = "m: units of the largest request" },
  { .name = "unit",
    .type = KML_PARAM_SIZE,
    .value = "16",
    .min = 1,
    .max = 1 << 20,
    .offset = G_STRUCT_OFFSET (Adversary, unit),
    .summary = "bytes of a unit; with target = pages it is a page" },
  { .name = "header",
    .type = KML_PARAM_SIZE,
    .value = "0",
    .max = 1 << 16,
    .offset = G_STRUCT_OFFSET (Adversary, header),
    .summary = "bytes that the allocator adds to each block: so much less is asked for" },
  { NULL },
};

static const KmlCounterInfo adversary_counters[] = {
  [COUNTER_UNITS] = { "live_units", "units", "the most units that were live at a time", TRUE },
  { NULL },
};

static const KmlWorkloadOps adversary_ops = {
  .name = "adversary",
  .summary = "the requests by which theory shows how badly a policy can fragment memory",
  .instance_size = sizeof (Adversary),
  .params = adversary_params,
  .counters = adversary_counters,
  .open = adversary_open,
  .next = adversary_next,
  .close = adversary_close,
};

KML_REGISTER_WORKLOAD (adversary_ops)
