/* bins-optimal.c: the K bins that waste least for given requests.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The problem
 *
 * Requests of n distinct sizes, rounded up to the quantum: v[1] < … < v[n], with
 * w[i] requests of the i-th. Only these sizes can be bins of an optimal set (a bin
 * between two of them could shrink to the lower one), and v[n] must be one. A
 * bin v[j] whose next smaller bin is v[i] holds the sizes i+1 … j, so the
 * bytes given for them are v[j] (C[j] - C[i]), where C[i] = w[1] + … + w[i]. The
 * bytes asked for do not depend on the bins: least waste is least given.
 *
 *   D(k, j) = least bytes for the sizes 1 … j in k bins, the last one being v[j]
 *   D(k, j) = min over i < j of D(k-1, i) + v[j] (C[j] - C[i])
 *
 * More bins never waste more, so exactly min(K, n) are used.
 *
 * 2. A row in O(n)
 *
 * For a fixed j the candidates are D(k-1, i) - C[i] v: straight lines in v, taken
 * at v = v[j]. Their slopes fall as i grows and the v[j] rise with j, so the
 * lines that can still win form a lower hull that is walked in one direction:
 * each line enters and leaves a queue once. A line i overtakes an earlier line h
 * at the first integer v with D(i) - C[i] v < D(h) - C[h] v. Overtaking
 * needs to be strict: of sets that waste the same, the one with the smaller bins
 * is chosen, compared from the largest bin down.
 *
 * 3. The bins in O(n) memory
 *
 * A table of the best i for every (k, j) is n K words: too many for 10^6 sizes. After
 * Hirschberg (CACM 18(6), 1975) the rows above K/2 carry along where their best
 * way crossed row K/2; that splits the problem in two, each solved the same
 * way. The halves share the work of one row, so it all costs two tables: O(n K) time.
 *
 * The smaller bins win in the halves as well: the way that the whole problem
 * chooses leads through the crossing, so it is among the ways of each half, and the
 * smallest choice among all is the smallest among some.
 *
 * Sums are of 128 bits: sizes up to 2^40 times 2^64 requests are 2^104.
 */

#include "simcore/bins.h"

typedef unsigned __int128 Wide;

/* A line of the hull. */
typedef struct {
  guint i;
  guint64 from; /* the first v at which it beats the line before it in the queue */
} Line;

typedef struct {
  guint n;
  const guint64 *v; /* v[1 … n] */
  const guint64 *c; /* c[0 … n] */
  Wide *above;      /* D(k-1, ·) */
  Wide *row;        /* D(k, ·) */
  guint *crossing_above;
  guint *crossing; /* where the best way to (k, j) crosses the middle row */
  Line *queue;
} Design;

/* The first v at which the line of @i is below that of @h < @i; beyond every v: never. */
static guint64
overtakes_at (const Design *self, guint h, guint i)
{
  const Wide last_not = (self->above[i] - self->above[h]) / (self->c[i] - self->c[h]);

  return last_not < G_MAXUINT64 ? (guint64)last_not + 1 : G_MAXUINT64;
}

static void
swap_rows (Design *self)
{
  Wide *row = self->row;
  guint *crossing = self->crossing;

  self->row = self->above;
  self->above = row;
  self->crossing = self->crossing_above;
  self->crossing_above = crossing;
}

/* Fills row @k of the problem that begins behind size @low, up to size @high. */
static void
fill_row (Design *self, guint low, guint high, guint k, guint middle)
{
  Line *queue = self->queue;
  guint head = 0, tail = 0; /* the hull is [head, tail) */

  for (guint j = low + k; j <= high; j++) {
    const guint i = j - 1;
    Line line = { i, 0 };

    while (tail > head) {
      line.from = overtakes_at (self, queue[tail - 1].i, i);
      if (tail - head == 1 || line.from > queue[tail - 1].from)
        break;
      tail--;
    }
    queue[tail++] = line;
    while (tail - head > 1 && queue[head + 1].from <= self->v[j])
      head++;

    self->row[j] = self->above[queue[head].i] +
                   (Wide)self->v[j] * (self->c[j] - self->c[queue[head].i]);
    self->crossing[j] = k - 1 <= middle ? queue[head].i : self->crossing_above[queue[head].i];
  }
}

/* The @k best bins for the sizes @low + 1 … @high, the last being @high, into @ret_ends as
 * indices. */
static void
solve (Design *self, guint low, guint high, guint k, guint *ret_ends)
{
  const guint middle = k / 2;
  guint crossing;

  g_assert (high - low >= k);
  if (k == 1) {
    ret_ends[0] = high;
    return;
  }

  for (guint j = low + 1; j <= high; j++)
    self->above[j] = (Wide)self->v[j] * (self->c[j] - self->c[low]);
  for (guint row = 2; row <= k; row++) {
    fill_row (self, low, high, row, middle);
    swap_rows (self);
  }
  crossing = self->crossing_above[high];
  solve (self, low, crossing, middle, ret_ends);
  solve (self, crossing, high, k - middle, ret_ends + middle);
}

/* The distinct rounded sizes and the sums of their requests: v[1 … n], c[0 … n]. Returns n. */
static guint
prepare (const KmlSizeCount *counts, guint n_counts, guint64 quantum, guint64 *v, guint64 *c)
{
  guint n = 0;

  c[0] = 0;
  for (guint i = 0; i < n_counts; i++) {
    guint64 rounded;

    g_assert (i == 0 || counts[i].size > counts[i - 1].size);
    if (counts[i].count == 0 || counts[i].size == 0 || counts[i].size > KML_MAX_BIN_SIZE)
      continue;
    rounded = (counts[i].size + quantum - 1) / quantum * quantum;
    if (n == 0 || rounded > v[n]) {
      n++;
      v[n] = rounded;
      c[n] = c[n - 1];
    }
    g_assert (c[n] <= G_MAXUINT64 - counts[i].count);
    c[n] += counts[i].count;
  }
  return n;
}

void
kml_bins_optimal (const KmlSizeCount *counts, guint n_counts, guint k, guint64 quantum,
                  KmlBins *ret_bins)
{
  g_autofree guint64 *v = g_new (guint64, (gsize)n_counts + 1);
  g_autofree guint64 *c = g_new (guint64, (gsize)n_counts + 1);
  g_autofree guint *ends = NULL;
  Design design = { 0 };

  g_assert (quantum > 0);
  g_assert (k > 0);

  design.n = prepare (counts, n_counts, quantum, v, c);
  design.v = v;
  design.c = c;
  k = MIN (k, design.n);
  *ret_bins = (KmlBins){ k, g_new (guint64, k) };
  if (k == 0)
    return;

  ends = g_new (guint, k);
  design.above = g_new (Wide, (gsize)design.n + 1);
  design.row = g_new (Wide, (gsize)design.n + 1);
  design.crossing_above = g_new (guint, (gsize)design.n + 1);
  design.crossing = g_new (guint, (gsize)design.n + 1);
  design.queue = g_new (Line, design.n);
  solve (&design, 0, design.n, k, ends);
  for (guint i = 0; i < k; i++)
    ret_bins->sizes[i] = v[ends[i]];

  g_free (design.above);
  g_free (design.row);
  g_free (design.crossing_above);
  g_free (design.crossing);
  g_free (design.queue);
}
