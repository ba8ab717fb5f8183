/* test-partition.c: the cheapest partitions.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Held against brute force, which tries every set of ends, and, where there are too many, against
 * the recurrence as it is written, in O(n^2) for each row; with equal prices and ties among them.
 */

#include "simcore/base/partition.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

#define MAX_SMALL 12
#define MAX_LARGE 120

typedef struct {
  guint n;
  guint64 price[MAX_LARGE + 1];
  guint64 requests[MAX_LARGE + 1];
  KmlPartitionCost rest[MAX_LARGE + 1];
  KmlPartition partition;
} Problem;

static void
random_problem (KmlRng *rng, guint n, guint64 max_step, guint64 max_count, Problem *ret_problem)
{
  Problem *self = ret_problem;

  self->n = n;
  self->requests[0] = 0;
  self->price[0] = 0;
  for (guint j = 1; j <= n; j++) {
    self->price[j] = self->price[j - 1] + kml_rng_below (rng, max_step);
    self->requests[j] = self->requests[j - 1] + 1 + kml_rng_below (rng, max_count);
  }
  self->partition = (KmlPartition){ n, self->price, self->requests, NULL };
}

/* Lets the largest sizes be left out, at about what a group for them costs. */
static void
allow_rest (KmlRng *rng, Problem *self)
{
  self->rest[self->n] = 0;
  for (guint j = self->n; j-- > 0;)
    self->rest[j] = self->rest[j + 1] +
                    (self->price[j + 1] + kml_rng_below (rng, self->price[j + 1] / 2 + 2)) *
                        (KmlPartitionCost)(self->requests[j + 1] - self->requests[j]);
  self->partition.rest = self->rest;
}

static KmlPartitionCost
cost_of (const Problem *self, const guint *ends, guint k)
{
  KmlPartitionCost cost = 0;

  for (guint g = 0; g < k; g++)
    cost += (KmlPartitionCost)self->price[ends[g]] *
            (self->requests[ends[g]] - self->requests[g > 0 ? ends[g - 1] : 0]);
  return cost + (self->partition.rest != NULL ? self->rest[ends[k - 1]] : 0);
}

/* Of the sets of ends that cost the least, those that leave out least, and of these the smallest from the
 * last down: the lowest number, as bit i is size i + 1. */
static KmlPartitionCost
brute_force (const Problem *self, guint k, guint *ret_ends)
{
  KmlPartitionCost least = ~(KmlPartitionCost)0;

  for (guint set = self->partition.rest != NULL ? 1 : 1u << (self->n - 1); set < 1u << self->n;
       set++) {
    guint ends[MAX_SMALL], n = 0;
    KmlPartitionCost cost;

    if ((guint)__builtin_popcount (set) != k)
      continue;
    for (guint i = 0; i < self->n; i++)
      if (set >> i & 1)
        ends[n++] = i + 1;
    cost = cost_of (self, ends, k);
    if (cost < least || (cost == least && ends[k - 1] > ret_ends[k - 1])) {
      least = cost;
      memcpy (ret_ends, ends, k * sizeof *ends);
    }
  }
  return least;
}

static void
assert_ends (const guint *ends, const guint *expected, guint k)
{
  for (guint g = 0; g < k; g++)
    ck_assert_uint_eq (ends[g], expected[g]);
}

START_TEST (partitions_agree_with_brute_force)
{
  KmlRng rng;
  Problem problem;

  kml_rng_init (&rng, 1, "partition");
  for (guint round = 0; round < 6000; round++) {
    const guint n = 1 + (guint)kml_rng_below (&rng, MAX_SMALL);
    const guint k = 1 + (guint)kml_rng_below (&rng, n);
    /* small numbers make ties, large ones reach the bounds of the sums */
    const guint64 max_step = round % 4 < 2 ? 4 : G_GUINT64_CONSTANT (1) << 56;
    const guint64 max_count = round % 8 < 4 ? 3 : G_GUINT64_CONSTANT (1) << 60;
    KmlPartitionCost costs[MAX_SMALL], least;
    guint ends[MAX_SMALL], expected[MAX_SMALL];

    random_problem (&rng, n, max_step, max_count, &problem);
    if (round % 3 == 0)
      allow_rest (&rng, &problem);
    least = brute_force (&problem, k, expected);
    kml_partition_costs (&problem.partition, n, costs);
    ck_assert (costs[k - 1] == least);
    kml_partition_solve (&problem.partition, k, ends);
    ck_assert (cost_of (&problem, ends, k) == least);
    assert_ends (ends, expected, k);
  }
}
END_TEST

/* D(k, j) as it is defined; of equal ends the smallest. */
static void
plain_recurrence (const Problem *self, guint max_k, KmlPartitionCost (*d)[MAX_LARGE + 1],
                  guint (*best)[MAX_LARGE + 1])
{
  for (guint k = 1; k <= max_k; k++)
    for (guint j = k; j <= self->n; j++) {
      d[k][j] = ~(KmlPartitionCost)0;
      for (guint i = k - 1; i < (k == 1 ? 1 : j); i++) {
        const KmlPartitionCost cost = (k == 1 ? 0 : d[k - 1][i]) +
                                      (KmlPartitionCost)self->price[j] *
                                          (self->requests[j] - self->requests[i]);

        if (cost < d[k][j]) {
          d[k][j] = cost;
          best[k][j] = i;
        }
      }
    }
}

START_TEST (larger_partitions_agree_with_the_plain_recurrence)
{
  static KmlPartitionCost d[MAX_LARGE + 1][MAX_LARGE + 1];
  static guint best[MAX_LARGE + 1][MAX_LARGE + 1];
  KmlRng rng;
  Problem problem;

  kml_rng_init (&rng, 2, "partition");
  for (guint round = 0; round < 60; round++) {
    const guint n = 1 + (guint)kml_rng_below (&rng, MAX_LARGE);
    KmlPartitionCost costs[MAX_LARGE];

    random_problem (&rng, n, round % 3 == 0 ? 3 : 1 << 20, 1 << 16, &problem);
    plain_recurrence (&problem, n, d, best);
    kml_partition_costs (&problem.partition, n, costs);
    for (guint k = 1; k <= n; k++) {
      guint ends[MAX_LARGE];

      ck_assert (k == 1 || costs[k - 1] <= costs[k - 2]);
      ck_assert (costs[k - 1] == d[k][n]);
      kml_partition_solve (&problem.partition, k, ends);
      for (guint g = k, j = n; g > 0; j = best[g][j], g--)
        ck_assert_uint_eq (ends[g - 1], j);
    }
  }
}
END_TEST

START_TEST (as_many_groups_as_sizes_are_a_size_each)
{
  static const guint64 price[] = { 0, 8, 16, 24 }, requests[] = { 0, 5, 6, 9 };
  const KmlPartition partition = { 3, price, requests, NULL };
  static const guint expected[] = { 1, 2, 3 };
  KmlPartitionCost costs[3];
  guint ends[3];

  kml_partition_solve (&partition, 3, ends);
  assert_ends (ends, expected, 3);
  kml_partition_costs (&partition, 3, costs);
  ck_assert (costs[0] == 24 * 9);
  ck_assert (costs[2] == 8 * 5 + 16 + 24 * 3);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("partition");
  TCase *tcase = tcase_create ("partition");

  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, partitions_agree_with_brute_force);
  tcase_add_test (tcase, larger_partitions_agree_with_the_plain_recurrence);
  tcase_add_test (tcase, as_many_groups_as_sizes_are_a_size_each);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
