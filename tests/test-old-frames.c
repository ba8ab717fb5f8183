/* test-old-frames.c: frames that were in use before the run began, and how the driver gives them back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/driver-fixture.h"

/* Frames 64 and 66 are old, and the last one that the machine has; the second operation asks for frame 66 again, the third for frames that
 * are not there. */
START_TEST (pages_of_before_are_given_back_once)
{
  static const guint32 first[] = { 64, 66, G_MAXUINT32 - 1, 0 };
  static const guint64 n_frames[] = { 4, 1, 1u << 20, 1u << 20 };
  static const guint64 given_back[] = { 2, 2, 2, 3 };
  KmlRecordConfig record = everything;
  const Three *pages;
  Setup setup;

  record.origins = TRUE;
  record.population = TRUE;
  set_up (&setup, &record, 1, KML_TIME_MAX);
  pages = (const Three *)setup.pages;
  kml_old_frames_add (setup.old, 64);
  kml_old_frames_add (setup.old, 66);
  kml_old_frames_add (setup.old, setup.machine->ram->n_usable - 1);
  for (guint i = 0; i < G_N_ELEMENTS (first); i++) {
    const KmlOp op = { .kind = KML_OP_FREE_OLD,
                       .level = KML_LEVEL_PAGES,
                       .other = first[i],
                       .request = { .size = n_frames[i] * 4096 } };

    kml_driver_execute (setup.driver, 0, &op, 1);
    ck_assert_uint_eq (setup.old->n_given_back, given_back[i]);
    if (i == 0)
      ck_assert_uint_eq (pages->last_freed, 66 * 4096);
  }
  ck_assert_uint_eq (pages->last_freed,
                     (setup.machine->ram->n_usable - 1) * G_GUINT64_CONSTANT (4096));
  ck_assert_uint_eq (setup.old->n_unknown, 2 + 1 + (2u << 20) - 1);
  ck_assert_uint_eq (setup.machine->now, 15 * KML_NS);
  ck_assert_uint_eq (setup.recorder->journal.n, 2);
  ck_assert_uint_eq (setup.recorder->journal.words[0][KML_WORD_ADDR], 64 * 4096);
  ck_assert_uint_eq (kml_what_size (setup.recorder->journal.words[0][KML_WORD_WHAT]), 2 * 4096);
  ck_assert_uint_eq (kml_what_kind (setup.recorder->journal.words[0][KML_WORD_WHAT]),
                     KML_OP_FREE_OLD);
  ck_assert_uint_eq (setup.recorder->tally.n_free, 0);
  ck_assert_uint_eq (kml_recorder_live_blocks (setup.recorder), 0);
  tear_down (&setup);
}
END_TEST

/* What was on a list is in no count of what is unknown: who looks for it asks for frames that were in free blocks, too. */
START_TEST (pages_of_lists_are_counted_for_themselves)
{
  const KmlOp op = { .kind = KML_OP_FREE_OLD,
                     .level = KML_LEVEL_PAGES,
                     .other = 64,
                     .old = KML_OLD_LISTED,
                     .request = { .size = 4 * 4096 } };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  kml_old_frames_add (setup.old, 66);
  for (guint i = 0; i < 2; i++) {
    kml_driver_execute (setup.driver, 0, &op, 1);
    ck_assert_uint_eq (setup.old->n_listed, 1);
    ck_assert_uint_eq (setup.old->n_given_back + setup.old->n_unknown, 0);
  }
  ck_assert_uint_eq (((const Three *)setup.pages)->last_freed, 66 * 4096);
  tear_down (&setup);
}
END_TEST

/* Frame 66 is moved, and one with a name, and 100 is free; then 80 is given back, which nobody had: a frame of the two. And 81, but not two at a time. */
START_TEST (a_page_that_has_moved_is_given_back_where_nobody_is_known)
{
  static const struct {
    guint8 old;
    guint32 other;
    guint n, n_moved, n_moved_back, n_given_back, n_unknown;
  } steps[] = {
    { KML_OLD_MOVED, 66, 1, 1, 0, 1, 0 },     { KML_OLD_MOVE, 0, 1, 2, 0, 1, 0 },
    { KML_OLD_MOVED, 100, 1, 2, 0, 1, 1 },    { KML_OLD_GIVE_BACK, 82, 2, 2, 0, 1, 3 },
    { KML_OLD_GIVE_BACK, 80, 1, 2, 1, 1, 3 }, { KML_OLD_LISTED, 90, 1, 2, 1, 1, 3 },
    { KML_OLD_GIVE_BACK, 81, 1, 2, 2, 1, 3 }, { KML_OLD_GIVE_BACK, 83, 1, 2, 2, 1, 4 },
  };
  Setup setup;

  set_up (&setup, &everything, 1, KML_TIME_MAX);
  kml_old_frames_add (setup.old, 66);
  for (guint i = 0; i < G_N_ELEMENTS (steps); i++) {
    const KmlOp op = { .kind = KML_OP_FREE_OLD,
                       .level = KML_LEVEL_PAGES,
                       .other = steps[i].other,
                       .old = steps[i].old,
                       .request = { .size = steps[i].n * 4096 } };

    kml_driver_execute (setup.driver, 0, &op, 1);
    ck_assert_uint_eq (setup.old->n_moved, steps[i].n_moved);
    ck_assert_uint_eq (setup.old->n_moved_back, steps[i].n_moved_back);
    ck_assert_uint_eq (setup.old->n_given_back, steps[i].n_given_back);
    ck_assert_uint_eq (setup.old->n_unknown, steps[i].n_unknown);
  }
  tear_down (&setup);
}
END_TEST

/* Of four old frames, where their numbers mean nothing: the next one, around the end, no number twice, and none when all are gone. */
START_TEST (a_stand_in_is_given_back_for_each_number)
{
  static const guint32 numbers[] = { 10, 10, 11, 100, 5, 0, 1, 2000 };
  static const guint32 expected[] = { 20, 0, 21, 3, 7, 0, 0, 0 }; /* 0: none */
  g_autoptr (KmlOldFrames) old = kml_old_frames_new (128, TRUE);

  for (guint i = 0; i < 4; i++)
    kml_old_frames_add (old, ((const KmlPfn[]){ 3, 7, 20, 21 })[i]);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    guint64 number = numbers[i];
    KmlPfn pfn = 0;

    ck_assert_int_eq (kml_old_frames_take (old, &number, numbers[i] + 1, &pfn), expected[i] != 0);
    ck_assert_uint_eq (pfn, expected[i]);
  }
}
END_TEST

/* A stretch of operations has room for an entry of each in the journal, which these fill several times. */
START_TEST (of_many_pages_of_before_each_is_in_the_journal)
{
  g_autofree KmlOp *ops = g_new0 (KmlOp, 1000);
  g_autofree char *whole = NULL, *one_by_one = NULL;

  for (guint round = 0; round < 2; round++) {
    Setup setup;

    set_up (&setup, &everything, 1, KML_TIME_MAX);
    for (guint i = 0; i < 200; i++)
      kml_old_frames_add (setup.old, i);
    for (guint i = 0; i < 1000; i++)
      ops[i] = (KmlOp){ .kind = KML_OP_FREE_OLD,
                        .level = KML_LEVEL_PAGES,
                        .other = i / 5,
                        .request = { .size = 4096 } };
    for (guint i = 0; i < 1000; i += round == 0 ? 1000 : 1)
      kml_driver_execute (setup.driver, 0, ops + i, round == 0 ? 1000 : 1);
    ck_assert_uint_eq (setup.old->n_given_back, 200);
    ck_assert_uint_eq (setup.old->n_unknown, 800);
    *(round == 0 ? &whole : &one_by_one) = kml_recorder_fingerprint (setup.recorder);
    tear_down (&setup);
  }
  ck_assert_str_eq (whole, one_by_one);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("old-frames");
  TCase *tcase = tcase_create ("old-frames");

  tcase_add_test (tcase, pages_of_before_are_given_back_once);
  tcase_add_test (tcase, pages_of_lists_are_counted_for_themselves);
  tcase_add_test (tcase, a_page_that_has_moved_is_given_back_where_nobody_is_known);
  tcase_add_test (tcase, a_stand_in_is_given_back_for_each_number);
  tcase_add_test (tcase, of_many_pages_of_before_each_is_in_the_journal);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
