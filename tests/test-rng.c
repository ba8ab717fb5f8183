/* test-rng.c: the generator is the published one, and streams are independent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/rng.h"
#include "tests/testutils.h"

/* The first outputs of xoshiro256** from the state {1, 2, 3, 4}, as the
 * reference implementation and others derived from it give them. */
START_TEST (sequence_is_the_published_one)
{
  static const guint64 expected[] = {
    G_GUINT64_CONSTANT (11520),
    G_GUINT64_CONSTANT (0),
    G_GUINT64_CONSTANT (1509978240),
    G_GUINT64_CONSTANT (1215971899390074240),
    G_GUINT64_CONSTANT (1216172134540287360),
    G_GUINT64_CONSTANT (607988272756665600),
    G_GUINT64_CONSTANT (16172922978634559625),
    G_GUINT64_CONSTANT (8476171486693032832),
  };
  KmlRng rng = { .s = { 1, 2, 3, 4 } };

  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    ck_assert_uint_eq (kml_rng_next (&rng), expected[i]);
}
END_TEST

START_TEST (streams_of_one_seed_differ_and_are_the_same_each_time)
{
  KmlRng arrivals, sizes, again;
  guint64 first;

  kml_rng_init (&arrivals, 42, "arrivals");
  kml_rng_init (&sizes, 42, "sizes");
  kml_rng_init (&again, 42, "arrivals");
  first = kml_rng_next (&arrivals);
  ck_assert_uint_ne (first, kml_rng_next (&sizes));
  ck_assert_uint_eq (first, kml_rng_next (&again));
}
END_TEST

START_TEST (below_is_uniform)
{
  guint n_seen[6] = { 0 };
  double chi_square = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "dice");
  for (guint i = 0; i < 60000; i++) {
    const guint64 value = kml_rng_below (&rng, 6);

    ck_assert_uint_lt (value, 6);
    n_seen[value]++;
  }
  for (guint i = 0; i < 6; i++)
    chi_square += (n_seen[i] - 10000.0) * (n_seen[i] - 10000.0) / 10000.0;
  ck_assert_msg (chi_square < 20.5, "chi square %g, 99.9 %% of 5 degrees is 20.5", chi_square);
}
END_TEST

START_TEST (below_works_at_the_ends_of_its_range)
{
  KmlRng rng;

  kml_rng_init (&rng, 7, "ends");
  for (guint i = 0; i < 1000; i++) {
    ck_assert_uint_eq (kml_rng_below (&rng, 1), 0);
    ck_assert_uint_lt (kml_rng_below (&rng, G_MAXUINT64), G_MAXUINT64);
  }
}
END_TEST

START_TEST (repetition_0_has_the_seed_itself_and_the_others_their_own)
{
  ck_assert_uint_eq (kml_rng_repetition_seed (42, 0), 42);
  ck_assert_uint_ne (kml_rng_repetition_seed (42, 1), kml_rng_repetition_seed (42, 2));
  ck_assert_uint_ne (kml_rng_repetition_seed (42, 1), kml_rng_repetition_seed (43, 1));
  for (guint64 r = 1; r < 1000; r++)
    ck_assert_uint_le (kml_rng_repetition_seed (5, r), G_MAXINT64);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rng");
  TCase *tcase = tcase_create ("rng");

  tcase_add_test (tcase, sequence_is_the_published_one);
  tcase_add_test (tcase, streams_of_one_seed_differ_and_are_the_same_each_time);
  tcase_add_test (tcase, below_is_uniform);
  tcase_add_test (tcase, below_works_at_the_ends_of_its_range);
  tcase_add_test (tcase, repetition_0_has_the_seed_itself_and_the_others_their_own);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
