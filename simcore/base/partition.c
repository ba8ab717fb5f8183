/* partition.c: cutting a row of sizes into k groups so that it costs least.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The recurrence
 *
 * With C[j] = requests for the sizes 1 … j and p[j] = the price of an object in a group that ends with
 * j, the group i+1 … j costs p[j] (C[j] - C[i]), and
 *
 *   D(1, j) = p[j] C[j]
 *   D(k, j) = min over i < j of D(k-1, i) + p[j] (C[j] - C[i])       least cost of k groups for 1 … j
 *
 * 2. A row in O(n)
 *
 * For a fixed j the candidates are D(k-1, i) - C[i] x: straight lines in x, taken at x = p[j].
 * Their slopes fall as i grows, so the lines that can win somewhere form a lower hull to which
 * each new line is added at the end: it enters once and leaves once. A line i overtakes an
 * earlier line h at the first integer x with D(i) - C[i] x < D(h) - C[h] x. Overtaking needs to
 * be strict: of partitions that cost the same, the one with the smaller ends is chosen. A line that
 * would win beyond the highest price alone is not added, and whether an earlier one leaves is found by
 * multiplying: a row takes less than one division for each size.
 *
 * Prices never fall with j, so the hull is walked in one direction and what lies behind is dropped.
 * They also make a group that is cut in two never dearer: more groups never cost more.
 *
 * 3. What is left out
 *
 * Where the largest sizes may be left out at a cost R[j] for those behind j, k groups cost
 * min over j of D(k, j) + R[j]. The row k has it all.
 *
 * 4. The ends in O(n) memory
 *
 * A table of the best i for every (k, j) is n k words: too many for 10^6 sizes. After
 * Hirschberg (CACM 18(6), 1975) the rows above k/2 carry along where their best way crossed
 * row k/2; that splits the problem in two, each solved the same way. The halves share the
 * work of one row, so it all costs two tables: O(n k) time. A problem, or a part of one, that has at most
 * MAX_CHOICES of (k, j) is solved from the table of all choices, once.
 *
 * The smaller ends win in the halves as well: the way that the whole problem chooses leads
 * through the crossing, so it is among the ways of each half, and the smallest choice among
 * all is the smallest among some.
 *
 * Other roads. SMAWK and divide and conquer on monotone minima are no faster than the hull. With a
 * Lagrangian (Aggarwal, Schieber and Tokuyama, 1994) k leaves the bound, but the cost for every
 * k, the whole curve, is wanted anyway.
 *
 * Sums are of 128 bits: a price of 2^60 times 2^64 requests is 2^124.
 */

#include "simcore/base/partition.h"

#define MAX_CHOICES (1u << 22) /* 16 MiB */

/* A line of the hull. */
typedef struct {
  guint i;
  guint64 from; /* the first x at which it beats the line before it in the queue */
} Line;

typedef struct {
  const guint64 *p;        /* price */
  const guint64 *c;        /* requests */
  gboolean rising;         /* whether p never falls */
  gboolean narrow;         /* whether every cost of a row is below 2^63 */
  KmlPartitionCost *above; /* D(k-1, ·) */
  KmlPartitionCost *row;   /* D(k, ·) */
  guint *crossing_above;
  guint *crossing; /* where the best way to (k, j) crosses the middle row */
  guint *choices;  /* (nullable): room for those of a problem that is solved at once */
  Line *queue;
} Table;

static void
table_init (Table *self, const KmlPartition *problem)
{
  const gsize n = (gsize)problem->n + 1;

  self->p = problem->price;
  self->c = problem->requests;
  for (guint j = 1; j <= problem->n; j++) {
    g_assert (problem->price[j] >> 60 == 0);
    g_assert (problem->requests[j] > problem->requests[j - 1]);
    g_assert (j == 1 || problem->price[j] >= problem->price[j - 1]);
  }
  self->narrow = (KmlPartitionCost)self->p[problem->n] * self->c[problem->n] >> 63 == 0;
  self->above = g_new (KmlPartitionCost, n);
  self->row = g_new (KmlPartitionCost, n);
  self->crossing_above = g_new (guint, n);
  self->crossing = g_new (guint, n);
  self->choices = NULL;
  self->queue = g_new (Line, n);
}

static void
table_clear (Table *self)
{
  g_free (self->above);
  g_free (self->row);
  g_free (self->crossing_above);
  g_free (self->crossing);
  g_free (self->choices);
  g_free (self->queue);
}

/* Whether the line of @i is below that of @h < @i before @x, or at it: D(i) - C[i] x < D(h) - C[h] x. */
static inline __attribute__ ((always_inline)) gboolean
is_below_at (const Table *self, guint h, guint i, guint64 x, gboolean narrow)
{
  const guint64 requests = self->c[i] - self->c[h];

  if (narrow)
    return (guint64)self->above[i] - (guint64)self->above[h] < x * requests;
  return self->above[i] - self->above[h] < (KmlPartitionCost)x * requests;
}

/* The first x at which it is; there is one up to p[n]. */
static inline __attribute__ ((always_inline)) guint64
overtakes_at (const Table *self, guint h, guint i, gboolean narrow)
{
  const guint64 requests = self->c[i] - self->c[h];

  if (narrow)
    return ((guint64)self->above[i] - (guint64)self->above[h]) / requests + 1;
  return (guint64)((self->above[i] - self->above[h]) / requests) + 1;
}

/* D(k-1, i) + p[j] (C[j] - C[i]) */
static inline __attribute__ ((always_inline)) KmlPartitionCost
cost_behind (const Table *self, guint i, guint j, gboolean narrow)
{
  const guint64 requests = self->c[j] - self->c[i];

  if (narrow)
    return (guint64)self->above[i] + self->p[j] * requests;
  return self->above[i] + (KmlPartitionCost)self->p[j] * requests;
}

static void
swap_rows (Table *self)
{
  KmlPartitionCost *row = self->row;

  self->row = self->above;
  self->above = row;
}

static void
swap_crossings (Table *self)
{
  guint *crossing = self->crossing;

  self->crossing = self->crossing_above;
  self->crossing_above = crossing;
}

static void
fill_first_row (Table *self, guint low, guint high)
{
  for (guint j = low + 1; j <= high; j++)
    self->above[j] = (KmlPartitionCost)self->p[j] * (self->c[j] - self->c[low]);
}

/* What is noted of each j, at [j - low - 1]: the best i, or what @noted_above has for that. */
static inline __attribute__ ((always_inline)) void
fill_row_of (Table *self, guint low, guint high, guint k, const guint *noted_above,
             guint *ret_noted, gboolean narrow)
{
  Line *queue = self->queue;
  guint head = 0, tail = 0; /* the hull is [head, tail) */

  queue[tail++] = (Line){ low + k - 1, 0 };
  for (guint j = low + k; j <= high; j++) {
    const guint i = j - 1;
    guint best;

    while (tail - head > 1 &&
           is_below_at (self, queue[tail - 1].i, i, queue[tail - 1].from, narrow))
      tail--;
    if (i > queue[tail - 1].i && is_below_at (self, queue[tail - 1].i, i, self->p[high], narrow)) {
      queue[tail] = (Line){ i, overtakes_at (self, queue[tail - 1].i, i, narrow) };
      tail++;
    }
    while (tail - head > 1 && queue[head + 1].from <= self->p[j])
      head++;
    best = queue[head].i;

    self->row[j] = cost_behind (self, best, j, narrow);
    if (ret_noted != NULL)
      ret_noted[j - low - 1] = noted_above != NULL ? noted_above[best - low - 1] : best;
  }
}

/* Fills row @k of the problem that begins behind size @low, up to size @high, and makes it the
 * one above. Most problems have costs of 64 bits, and are done in half the time. */
static void
fill_row (Table *self, guint low, guint high, guint k, const guint *noted_above, guint *ret_noted)
{
  if (self->narrow)
    fill_row_of (self, low, high, k, noted_above, ret_noted, TRUE);
  else
    fill_row_of (self, low, high, k, noted_above, ret_noted, FALSE);
  swap_rows (self);
}

/* The last size of @k groups: the one that makes the row above cheapest, with what is left out; of equal
 * ones the largest. @ret_cost is that cost. */
static guint
best_end (const KmlPartition *self, const Table *table, guint k, KmlPartitionCost *ret_cost)
{
  guint best = self->n;

  *ret_cost = table->above[best] + (self->rest != NULL ? self->rest[best] : 0);
  for (guint j = self->n; self->rest != NULL && j-- > k;)
    if (table->above[j] + self->rest[j] < *ret_cost) {
      *ret_cost = table->above[j] + self->rest[j];
      best = j;
    }
  return best;
}

/* Makes the row @k the one above, with its crossings of the row @middle. */
static void
fill_rows (Table *self, guint low, guint high, guint k, guint middle)
{
  fill_first_row (self, low, high);
  for (guint row = 2; row <= k; row++) {
    const guint *const noted_above = row - 1 <= middle ? NULL : self->crossing_above;

    fill_row (self, low, high, row, noted_above, self->crossing);
    swap_crossings (self);
  }
}

void
kml_partition_costs (const KmlPartition *self, guint max_k, KmlPartitionCost *ret_costs)
{
  Table table;

  g_assert (max_k >= 1);
  g_assert (max_k <= self->n);

  table_init (&table, self);
  fill_first_row (&table, 0, self->n);
  for (guint k = 1; k <= max_k; k++) {
    if (k > 1)
      fill_row (&table, 0, self->n, k, NULL, NULL);
    best_end (self, &table, k, &ret_costs[k - 1]);
  }
  table_clear (&table);
}

/* As solve() does, with all choices at hand. */
static void
solve_at_once (Table *self, guint low, guint high, guint k, const KmlPartition *rest,
               guint *ret_ends)
{
  const gsize n = high - low;
  KmlPartitionCost cost;

  fill_first_row (self, low, high);
  for (guint row = 2; row <= k; row++)
    fill_row (self, low, high, row, NULL, self->choices + (row - 2) * n);
  ret_ends[k - 1] = rest != NULL ? best_end (rest, self, k, &cost) : high;
  for (guint row = k; row > 1; row--)
    ret_ends[row - 2] = self->choices[(row - 2) * n + ret_ends[row - 1] - low - 1];
}

/* The @k best groups for the sizes @low + 1 … @high into @ret_ends. @rest (nullable): the problem, if the
 * last group need not end with @high. */
static void
solve (Table *self, guint low, guint high, guint k, const KmlPartition *rest, guint *ret_ends)
{
  const guint middle = k / 2;
  KmlPartitionCost cost;
  guint crossing;

  g_assert (high - low >= k);

  if ((guint64)(high - low) * k <= MAX_CHOICES) {
    solve_at_once (self, low, high, k, rest, ret_ends);
    return;
  }
  if (k > 1 || rest != NULL) {
    fill_rows (self, low, high, k, middle);
    if (rest != NULL)
      high = best_end (rest, self, k, &cost);
  }
  if (k == 1) {
    ret_ends[0] = high;
    return;
  }
  crossing = self->crossing_above[high - low - 1];
  solve (self, low, crossing, middle, NULL, ret_ends);
  solve (self, crossing, high, k - middle, NULL, ret_ends + middle);
}

void
kml_partition_solve (const KmlPartition *self, guint k, guint *ret_ends)
{
  Table table;

  g_assert (k >= 1);
  g_assert (k <= self->n);

  table_init (&table, self);
  table.choices = g_new (guint, MIN ((gsize)self->n * k, MAX_CHOICES));
  solve (&table, 0, self->n, k, self->rest != NULL ? self : NULL, ret_ends);
  table_clear (&table);
}
