/* bin-design.c: bin sizes made for given requests, and what any set of bins wastes on them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Plain designs
 *
 * A bin costs its size for each of its objects. Only sizes that are asked for, rounded up to the quantum, can be
 * bins of a best set; which k of them, the dynamic programme of simcore/base/partition.c finds exactly.
 *
 * 2. Tails
 *
 * Objects lie in slabs, and a slab has a tail: 4096 bytes hold five objects of 704 bytes and 576 bytes
 * of nothing. With tails an object costs its share of a full slab, slab / objects, which depends
 * on the order that SLUB's rule gives its size. A larger object never has a smaller share of its
 * slab (a test walks through sizes and rules), so that all of the above stays true, with other prices. Shares are
 * fractions; they are kept as integers of 2^-16 bytes, rounded up, so that the choice does not
 * depend on how a processor rounds.
 *
 * Not counted are slabs that are only partly used: how many there are depends on when objects come and
 * go, and only the simulation says it. Every bin more has one more partly used slab, so designs with many bins look
 * better here than there.
 *
 * 3. The page level
 *
 * What is larger than every bin gets whole pages, 2^order of them. So a set need not hold every size: a bin that few
 * large requests would share with much larger ones is better spent among the small ones. Where the bins end is part of the
 * design, within bounds: up to `hold`, by default two pages as in kmalloc, every size has a bin, because an object costs less
 * time than pages do; above max_size none has.
 *
 * 4. A fixed prefix
 *
 * Bins that are given hold all sizes up to the largest of them, whatever the others are; the rest is a
 * design of its own with fewer bins.
 *
 * 5. Time
 *
 * A histogram of requests says what is lost over all of them, however briefly they lived; weighted
 * by lifetimes it says what is lost on average at any moment, which is what memory costs. The design does not care.
 */

#include "analysis/bin-design.h"

#include "simcore/base/partition.h"

#define FRACTION_BITS 16 /* of a price with tails */

struct _KmlBinDesign {
  KmlBins prefix;         /* (owned) */
  guint n;                /* sizes to be designed for, those above the prefix */
  guint64 *bin;           /* (owned) (array length=n+1): [j]: the j-th size, rounded up */
  guint64 *price;         /* (owned) (array length=n+1) */
  guint64 *sum;           /* (owned) (array length=n+1): weight of the sizes 1 … j */
  KmlPartitionCost *rest; /* (owned) (array length=n+1): of the sizes behind j at the page level */
  guint fraction_bits;
  KmlPartitionCost asked;      /* bytes, by weight */
  KmlPartitionCost fixed_cost; /* of what the prefix holds, and what is above max_size */
};

/* What a request gets from the page level. */
static guint64
pages_for (const KmlSlabRule *slabs, guint64 size)
{
  return slabs->page_size << kml_slab_least_order (slabs, 1, size);
}

/* What that costs. */
static guint64
whole_pages (const KmlBinRules *rules, guint64 size)
{
  return pages_for (&rules->slabs, size) << (rules->with_tails ? FRACTION_BITS : 0);
}

/* What an object of a bin costs. */
static guint64
price_of (const KmlBinRules *rules, guint64 size)
{
  guint order;
  guint64 objects;

  if (!rules->with_tails)
    return size;
  order = kml_slab_order (&rules->slabs, size);
  objects = kml_slab_objects (&rules->slabs, order, size);
  return (((rules->slabs.page_size << order) << FRACTION_BITS) + objects - 1) / objects;
}

/* ---- Setting up ---- */

static void
copy_prefix (KmlBinDesign *self, const KmlBins *prefix)
{
  self->prefix = (KmlBins){ prefix->n, g_new (guint64, prefix->n) };
  for (guint i = 0; i < prefix->n; i++)
    self->prefix.sizes[i] = prefix->sizes[i];
}

/* @pages: what one request costs at the page level. Until all are there, rest[j] is that of the size j alone. */
static void
add_size (KmlBinDesign *self, guint64 rounded, guint64 count, guint64 pages)
{
  if (self->n == 0 || rounded > self->bin[self->n]) {
    self->n++;
    self->bin[self->n] = rounded;
    self->sum[self->n] = self->sum[self->n - 1];
    self->rest[self->n] = 0;
  }
  g_assert (self->sum[self->n] <= G_MAXUINT64 - count);
  self->sum[self->n] += count;
  self->rest[self->n] += (KmlPartitionCost)pages * count;
}

/* From the costs of each size to those of all behind it. */
static void
add_up_rest (KmlBinDesign *self, guint64 hold)
{
  KmlPartitionCost behind = 0;

  for (guint j = self->n + 1; j-- > 0;) {
    const KmlPartitionCost own = j > 0 ? self->rest[j] : 0;

    self->rest[j] = behind;
    behind = j > 0 && self->bin[j] <= hold ? KML_PARTITION_NEVER : behind + own;
  }
}

/* What is asked for becomes costs that are fixed, and the sizes above the prefix. */
static void
sort_sizes (KmlBinDesign *self, const KmlSizeCount *counts, guint n_counts,
            const KmlBinRules *rules)
{
  self->sum[0] = 0;
  for (guint i = 0; i < n_counts; i++) {
    const guint64 size = counts[i].size, count = counts[i].count;
    const guint64 rounded = (size + rules->quantum - 1) / rules->quantum * rules->quantum;
    const guint bin = kml_bins_find (&self->prefix, size);

    g_assert (i == 0 || size > counts[i - 1].size);
    if (count == 0 || size == 0)
      continue;
    self->asked += (KmlPartitionCost)size * count;
    if (bin < self->prefix.n)
      self->fixed_cost += (KmlPartitionCost)price_of (rules, self->prefix.sizes[bin]) * count;
    else if (rounded > rules->max_size)
      self->fixed_cost += (KmlPartitionCost)whole_pages (rules, size) * count;
    else
      add_size (self, rounded, count, whole_pages (rules, size));
  }
  add_up_rest (self, rules->hold);
}

KmlBinDesign *
kml_bin_design_new (const KmlSizeCount *counts, guint n_counts, const KmlBinRules *rules)
{
  KmlBinDesign *self = g_new0 (KmlBinDesign, 1);

  g_assert (rules->quantum > 0);
  g_assert (rules->max_size <= KML_MAX_BIN_SIZE);

  copy_prefix (self, &rules->prefix);
  self->bin = g_new (guint64, (gsize)n_counts + 1);
  self->price = g_new (guint64, (gsize)n_counts + 1);
  self->sum = g_new (guint64, (gsize)n_counts + 1);
  self->rest = g_new (KmlPartitionCost, (gsize)n_counts + 1);
  self->fraction_bits = rules->with_tails ? FRACTION_BITS : 0;
  sort_sizes (self, counts, n_counts, rules);
  self->price[0] = 0;
  for (guint j = 1; j <= self->n; j++)
    /* what the partition asks for, whatever a rule may make of sizes that no test has seen */
    self->price[j] = MAX (price_of (rules, self->bin[j]), self->price[j - 1]);
  return self;
}

void
kml_bin_design_free (KmlBinDesign *self)
{
  if (self == NULL)
    return;
  kml_bins_clear (&self->prefix);
  g_free (self->bin);
  g_free (self->price);
  g_free (self->sum);
  g_free (self->rest);
  g_free (self);
}

/* ---- Designing ---- */

guint
kml_bin_design_min_bins (const KmlBinDesign *self)
{
  const gboolean prefix_will_do = self->prefix.n > 0 && self->rest[0] < KML_PARTITION_NEVER;

  return self->prefix.n + (self->n > 0 && !prefix_will_do ? 1 : 0);
}

guint
kml_bin_design_max_bins (const KmlBinDesign *self)
{
  return self->prefix.n + self->n;
}

static KmlPartition
partition_of (const KmlBinDesign *self)
{
  return (KmlPartition){ self->n, self->price, self->sum, self->rest };
}

static double
waste_of (const KmlBinDesign *self, KmlPartitionCost cost)
{
  const KmlPartitionCost asked = self->asked << self->fraction_bits;

  return cost == 0 ? 0.0 : (double)(cost - asked) / (double)cost;
}

void
kml_bin_design_curve (const KmlBinDesign *self, guint max_bins, double *ret_waste)
{
  const KmlPartition partition = partition_of (self);
  const guint n = MIN (max_bins, kml_bin_design_max_bins (self)) - self->prefix.n;
  g_autofree KmlPartitionCost *costs = g_new (KmlPartitionCost, n);

  g_assert (max_bins >= kml_bin_design_min_bins (self));

  if (kml_bin_design_min_bins (self) == self->prefix.n) /* it begins with the prefix alone */
    *ret_waste++ = waste_of (self, self->fixed_cost + self->rest[0]);
  if (n > 0)
    kml_partition_costs (&partition, n, costs);
  for (guint k = 0; k < n; k++)
    ret_waste[k] = waste_of (self, self->fixed_cost + costs[k]);
}

void
kml_bin_design_bins (const KmlBinDesign *self, guint n_bins, KmlBins *ret_bins)
{
  const KmlPartition partition = partition_of (self);
  const guint n = MIN (n_bins, kml_bin_design_max_bins (self)) - self->prefix.n;
  g_autofree guint *ends = NULL;

  g_assert (n_bins >= kml_bin_design_min_bins (self));

  if (n > 0) {
    ends = g_new (guint, n);
    kml_partition_solve (&partition, n, ends);
  }
  *ret_bins = (KmlBins){ self->prefix.n + n, g_new (guint64, self->prefix.n + n) };
  for (guint i = 0; i < self->prefix.n; i++)
    ret_bins->sizes[i] = self->prefix.sizes[i];
  for (guint i = 0; i < n; i++)
    ret_bins->sizes[self->prefix.n + i] = self->bin[ends[i]];
}

guint
kml_bin_design_knee (const double *waste, guint n)
{
  guint knee = 0;
  double furthest = 0;

  for (guint i = 0; i < n; i++) {
    const double line = waste[0] + (waste[n - 1] - waste[0]) * i / (n > 1 ? n - 1 : 1);

    if (line - waste[i] > furthest) {
      furthest = line - waste[i];
      knee = i;
    }
  }
  return knee;
}

/* ---- What a set is worth ---- */

static void
add_request (KmlBinUse *use, const KmlSizeCount *count, guint64 given, double tail)
{
  const double weight = (double)count->count;

  use->weight += weight;
  use->asked += weight * (double)count->size;
  use->given += weight * (double)given;
  use->tails += weight * tail;
}

void
kml_bin_usage (const KmlBins *bins, const KmlSizeCount *counts, guint n_counts,
               const KmlSlabRule *slabs, KmlBinUsage *ret_usage)
{
  KmlBinUsage usage = { .uses = g_array_sized_new (FALSE, TRUE, sizeof (KmlBinUse), bins->n + 1) };
  KmlBinUse *uses;

  g_array_set_size (usage.uses, bins->n + 1);
  uses = (KmlBinUse *)usage.uses->data;
  for (guint i = 0; i < bins->n; i++) {
    const guint order = kml_slab_order (slabs, bins->sizes[i]);

    uses[i].size = bins->sizes[i];
    uses[i].slab = slabs->page_size << order;
    uses[i].objects = kml_slab_objects (slabs, order, bins->sizes[i]);
  }
  for (guint i = 0; i < n_counts; i++) {
    const guint bin = kml_bins_find (bins, counts[i].size);
    KmlBinUse *use = &uses[bin];

    if (counts[i].count == 0 || counts[i].size == 0)
      continue;
    if (bin == bins->n)
      add_request (use, &counts[i], pages_for (slabs, counts[i].size), 0);
    else
      add_request (use, &counts[i], use->size,
                   (double)(use->slab - use->objects * use->size) / (double)use->objects);
  }
  for (guint i = 0; i <= bins->n; i++) {
    usage.weight += uses[i].weight;
    usage.asked += uses[i].asked;
    usage.given += uses[i].given;
    usage.tails += uses[i].tails;
  }
  usage.page_level = uses[bins->n].weight;
  *ret_usage = usage;
}

void
kml_bin_usage_clear (KmlBinUsage *self)
{
  g_clear_pointer (&self->uses, g_array_unref);
}

double
kml_bin_usage_internal (const KmlBinUsage *self)
{
  return self->given > 0 ? (self->given - self->asked) / self->given : 0.0;
}

double
kml_bin_usage_with_tails (const KmlBinUsage *self)
{
  const double taken = self->given + self->tails;

  return taken > 0 ? (taken - self->asked) / taken : 0.0;
}

/* ---- tcmalloc's columns ---- */

double
kml_bin_fixed_waste (guint64 span, guint64 size, guint64 metadata)
{
  const guint64 objects = span / size;

  return (double)(span - objects * size + metadata) / (double)(span + metadata);
}

double
kml_bin_increment (guint64 size, guint64 previous)
{
  return previous > 0 ? (double)size / (double)previous - 1 : 0.0;
}
