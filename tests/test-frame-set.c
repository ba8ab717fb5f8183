/* test-frame-set.c: the ordered set of frames, against an array.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/rng.h"
#include "simcore/memory/frame-set.h"
#include "tests/testutils.h"

START_TEST (a_frame_set_agrees_with_an_array)
{
  const guint64 n = 64 * 64 * 3 + 17; /* three levels, none of them full */
  g_autofree gboolean *members = g_new0 (gboolean, n);
  g_autoptr (GError) error = NULL;
  KmlFrameSet set;
  KmlRng rng;

  kml_rng_init (&rng, 1, "test");
  ck_assert (kml_frame_set_init (&set, n, &error));
  for (guint i = 0; i < 20000; i++) {
    const guint64 member = kml_rng_below (&rng, i % 2 == 0 ? n : 200);
    guint64 from = kml_rng_below (&rng, n + 10);
    guint64 expected = from;

    if (members[member])
      kml_frame_set_remove (&set, member);
    else
      kml_frame_set_insert (&set, member);
    members[member] = !members[member];
    ck_assert_int_eq (kml_frame_set_contains (&set, member), members[member]);
    if (i % 100 == 0) /* nearly empty, too: next() must climb */
      for (guint64 k = 300; k < n; k++)
        if (members[k]) {
          kml_frame_set_remove (&set, k);
          members[k] = FALSE;
        }
    while (expected < n && !members[expected])
      expected++;
    ck_assert_uint_eq (kml_frame_set_next (&set, from), MIN (expected, n));
  }
  kml_frame_set_clear (&set);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("frame-set");
  TCase *set = tcase_create ("set");

  tcase_add_test (set, a_frame_set_agrees_with_an_array);
  suite_add_tcase (suite, set);

  return run_suite (suite);
}
