/* test-program.c: programs of tasks are read as written, and refused with what was expected.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/testutils.h"
#include "workloads/programs/program-private.h"

static const struct {
  const char *text;
  const char *fragment;
} wrong[] = {
  { "", "expected steps" },
  { " , ,", "expected steps" },
  { "lok L", "step “lok L”: there is no such step; did you mean “lock”?" },
  { "lock", "expected lock NAME" },
  { "lock A B", "expected lock NAME" },
  { "alloc x", "expected alloc NAME SIZE" },
  { "alloc x 0", "a block of no bytes" },
  { "alloc x 18446744073709551615 pages", "expected at most 16TiB" },
  { "alloc x 12 GFP_KERNAL", "not “GFP_KERNAL”; did you mean “GFP_KERNEL”?" },
  { "alloc x 12 GFP_NOFS|__GFP_ZEROO", "did you mean “__GFP_ZERO”?" },
  { "alloc x 12 GFP_DMA|GFP_DMA32", "GFP_DMA and GFP_DMA32 exclude each other" },
  { "alloc x 12 pagse", "not “pagse”; did you mean “pages”?" },
  { "alloc x 12 huge", "expected alloc NAME SIZE [pages] [GFP…]" },
  { "alloc x 12KB", "did you mean “12KiB”?" },
  { "alloc x 12 align", "expected a size after “align”" },
  { "alloc x 12 align 24", "an alignment is a power of two" },
  { "work 5", "expected a time" },
  { "work 5us..1us", "the first time is the longer one" },
  { "work exponential(", "exponential" },
  { "work exponentail(2us)", "did you mean “exponential(TIME)”?" },
  { "work fixed", "did you mean “fixed(TIME)”?" },
  { "sleep gaussian(1us)", "gaussian" },
  { "repeat 3", "expected repeat COUNT { … }" },
  { "repeat x { yield }", "expected a count" },
  { "lock A { yield }", "no block { … } can follow it" },
  { "{ yield }", "expected a step before it" },
  { "yield }", "no block is open" },
  { "repeat 2 { yield", "step “repeat”: its block is not closed" },
  { "wait E from T", "expected wait NAME [for TASK]" },
  { "touch r x", "expected touch NAME [PAGE | FIRST..LAST | next | random], not “x”" },
  { "touch r rnadom", "did you mean “random”?" },
  { "dirty r nowiat", "did you mean “nowait”?" },
};

START_TEST (a_wrong_step_is_refused_with_what_was_expected)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (kml_program_parse (wrong[_i].text, &error));
  assert_error (error, KML_ERROR_INPUT, wrong[_i].fragment);
}
END_TEST

/* A wrong step hides no other, whatever is wrong with it. */
START_TEST (all_wrong_steps_are_told_with_their_places)
{
  static const struct {
    const char *text;
    guint n;
    gsize at[6];
  } programs[] = {
    { "lok L, yield, alloc x 12 GFP_KERNAL, wrok 5us", 3, { 0, 25, 37 } },
    { "alloc x 12KB pagse align 3", 3, { 8, 13, 25 } },
    { "lok { alloc x 0, repeat x { yeild } }, work 5", 5, { 0, 14, 24, 28, 44 } },
    { "repeat 2 { ipi 1 { ipi 0 { yield } }, lok", 3, { 19, 38, 0 } },
    { "yield }, { yeild } }, free", 5, { 6, 9, 11, 19, 22 } },
    { "lock A { yield, lock B C } unlock", 3, { 0, 23, 27 } },
    { "dirty m 5..1 nwait, dma d b 1 2", 4, { 8, 13, 28, 30 } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (programs); i++) {
    g_autoptr (GPtrArray) faults = kml_program_faults_new ();

    ck_assert_ptr_null (kml_program_read (programs[i].text, faults));
    for (guint j = 0; j < MIN (faults->len, programs[i].n); j++)
      ck_assert_uint_eq (((KmlProgramFault *)g_ptr_array_index (faults, j))->at, programs[i].at[j]);
    ck_assert_msg (faults->len == programs[i].n, "%s: %u", programs[i].text, faults->len);
  }
}
END_TEST

START_TEST (blocks_know_where_they_begin_and_end)
{
  g_autoptr (KmlProgram) program = kml_program_parse (
      "lock A, repeat 3 { alloc x 1KiB GFP_ATOMIC, if-failed { yield } work 1us..2us }, unlock A",
      NULL);
  const KmlStep *steps;

  ck_assert_ptr_nonnull (program);
  steps = (const KmlStep *)program->steps->data;
  ck_assert_uint_eq (program->steps->len, 9);
  ck_assert_uint_eq (steps[1].kind, KML_STEP_REPEAT);
  ck_assert_uint_eq (steps[1].count, 3);
  ck_assert_uint_eq (steps[1].target, 8);
  ck_assert_uint_eq (steps[2].request.size, 1024);
  ck_assert_uint_eq (steps[2].request.gfp, KML_GFP_ATOMIC);
  ck_assert_uint_eq (steps[3].target, 6);
  ck_assert_uint_eq (steps[5].kind, KML_STEP_END);
  ck_assert_uint_eq (steps[5].target, 3);
  ck_assert_uint_eq (steps[6].time.lo, KML_US);
  ck_assert_uint_eq (steps[6].time.hi, 2 * KML_US);
  ck_assert_uint_eq (steps[7].target, 1);
  ck_assert_str_eq (steps[8].name, "A");
}
END_TEST

/* Whatever bytes there are, parsing ends, with a program or an error. */
START_TEST (no_text_makes_the_reader_stumble)
{
  static const char *const pieces[] = {
    "lock A", ",", "{",  "}",     "repeat 2", " ",    "alloc x 64",
    "(",      ")", "..", "work ", "1us",      "\xff", "exponential(1us)"
  };
  KmlRng rng;

  kml_rng_init (&rng, 1, "pieces");
  for (guint i = 0; i < 5000; i++) {
    g_autoptr (GString) text = g_string_new (NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (KmlProgram) program = NULL;

    for (guint64 n = kml_rng_below (&rng, 12); n > 0; n--)
      g_string_append (text, pieces[kml_rng_below (&rng, G_N_ELEMENTS (pieces))]);
    program = kml_program_parse (text->str, &error);
    ck_assert ((program == NULL) == (error != NULL));
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("program");
  TCase *tests = tcase_create ("program");

  tcase_add_loop_test (tests, a_wrong_step_is_refused_with_what_was_expected, 0,
                       G_N_ELEMENTS (wrong));
  tcase_add_test (tests, all_wrong_steps_are_told_with_their_places);
  tcase_add_test (tests, blocks_know_where_they_begin_and_end);
  tcase_add_test (tests, no_text_makes_the_reader_stumble);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
