/* test-sweep.c: axes, constraints and the runs they make.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenario-fixture.h"

#include "simcore/base/rng.h"

#define MANY_NOTS "not not not not not not not not not not not not not not not not "

/* [sweep] is line 4. */
#define SWEEP TOY "[sweep]\n"

static const BadText bad_texts[] = {
  /* keys */
  { SWEEP "machine.cpsu = 1 | 2\n", NULL, 5, 1,
    "unknown key “cpsu” in [machine]; did you mean “cpus”?" },
  { SWEEP "machin.cpus = 1 | 2\n", NULL, 5, 1, "did you mean “machine”?" },
  { SWEEP "cpus = 1 | 2\n", NULL, 5, 1, "the full name of a setting, such as machine.cpus" },
  { SWEEP "scenario.title = a | b\n", NULL, 5, 1, "scenario.title cannot be swept" },
  { SWEEP "workload.web.live = 1 | 2\n", NULL, 5, 1, "with the name “web”" },
  { SWEEP "pages.allocator = bump\npages.max-order = 1 | 2\n", NULL, 6, 1,
    "“max-order” belongs to buddy; [pages] uses bump" },
  /* values */
  { SWEEP "machine.cpus = 1 | 300\n", NULL, 5, 20, "cpus: expected a count from 1 to 256" },
  { SWEEP "machine.cpus = 1 |  | 2\n", NULL, 5, 21, "a value is missing here" },
  { SWEEP "machine.cpus = | 2\n", NULL, 5, 16, "a value is missing here" },
  { SWEEP "machine.cpus = 1 | 2 |\n", NULL, 5, 23, "a value is missing here" },
  { SWEEP "machine.cpus = 1 | 2 | 1\n", NULL, 5, 16, "takes one of these values twice" },
  { SWEEP "machine.ram = 1GiB | 1024MiB\n", NULL, 5, 15, "takes one of these values twice" },
  { SWEEP "objects.bins = 8,24 | 8, 24\n", NULL, 5, 16, "takes one of these values twice" },
  { SWEEP "machine.cpus = 1, 2,4\n", NULL, 5, 16,
    "expected one value, not “1, 2,4”; several values are written with “|” in [sweep]: 1 | 2 | 4" },
  { SWEEP "objects.bins = 8,24 | pow2; linux\n", NULL, 5, 23,
    "not “pow2; linux”; several values are written with “|” in [sweep]: pow2 | linux" },
  { SWEEP "objects.allocator = slab, slub\n", NULL, 5, 21,
    "unknown allocator “slab, slub” in [objects]; several values are written with “|” in "
    "[sweep]: slab | slub" },
  { SWEEP "objects.bins = 64,8x\n", NULL, 5, 16, "in a list of bins: expected a size" },
  { SWEEP "pages.allocator = buddy | bumpy\n", NULL, 5, 27, "did you mean “bump”?" },
  { SWEEP "machine.ram = 64MiB | 10000\n", NULL, 5, 23, "whole pages" },
  { SWEEP "objects.bins = pow2 | nonsense\n", NULL, 5, 23, "bins: " },
  /* ranges */
  { SWEEP "machine.cpus = 4..16 step 0\n", NULL, 5, 16, "a step is more than 0" },
  { SWEEP "machine.cpus = 4..16 step *1\n", NULL, 5, 16, "multiplied by 2 at least" },
  { SWEEP "workload.live = 0..16 step *2\n", NULL, 5, 17, "begins with 0" },
  { SWEEP "machine.cpus = 16..4\n", NULL, 5, 16, "a range goes up; 4 is below 16" },
  { SWEEP "machine.cpus = 4..\n", NULL, 5, 16, "expected a count" },
  { SWEEP "machine.cpus = ..4\n", NULL, 5, 16, "expected a count" },
  { SWEEP "machine.cpus = 1..4 step\n", NULL, 5, 16, "expected a count" },
  { SWEEP "machine.ram = 64MiB..1GiB\n", NULL, 5, 15, "a range has a step" },
  { SWEEP "workload.times = auto..4\n", NULL, 5, 18, "times: expected a count" },
  { SWEEP "workload.gap = 1us..5 step 1us\n", NULL, 5, 16, "a time with its unit" },
  { SWEEP "workload.share = 0.1..0.5 step 0.1\n", NULL, 5, 18, "write the values out" },
  { SWEEP "workload.live = 1..1000000001\n", NULL, 5, 17, "more than 1000000 runs" },
  { SWEEP "workload.live = 1..2000\nmachine.ram = 1GiB..2GiB step 1MiB\n", NULL, 6, 1,
    "more than 1000000 runs" },
  /* repeat and constraint */
  { SWEEP "repeat = 0\n", NULL, 5, 10, "repeat: expected a count from 1" },
  { SWEEP "repeat = 1000000\nmachine.cpus = 1 | 2\n", NULL, 5, 1, "more than 1000000 runs" },
  { SWEEP "constraint = machine.cpus >\n", NULL, 5, 28, "expected a value, not the end" },
  { SWEEP "constraint = machine.cpus 4\n", NULL, 5, 27, "expected one of =" },
  { SWEEP "constraint = machine.cpsu = 4\n", NULL, 5, 14, "did you mean “cpus”?" },
  { SWEEP "constraint = cpus = 4\n", NULL, 5, 14, "is not the name of a setting" },
  { SWEEP "constraint = machine.cpus = x\n", NULL, 5, 29, "machine.cpus: expected a count" },
  { SWEEP "constraint = (machine.cpus = 1\n", NULL, 5, 31, "expected “)”" },
  { SWEEP "constraint = machine.cpus = 1)\n", NULL, 5, 30, "expected and, or, or the end" },
  { SWEEP "constraint = machine.cpus = 1 and\n", NULL, 5, 34, "expected a comparison" },
  { SWEEP "constraint = machine.cpus = 1 machine.cpus = 2\n", NULL, 5, 31, "and, or, or the end" },
  { SWEEP "constraint = pages.allocator > buddy\n", NULL, 5, 32, "only = and != " },
  { SWEEP "constraint = pages.allocator = budy\n", NULL, 5, 32, "unknown allocator “budy”" },
  { SWEEP "constraint = pages.allocator = \"buddy\n", NULL, 5, 32,
    "expected a value, not “\"buddy”" },
  { SWEEP "constraint = machine.cpus ! 1\n", NULL, 5, 27, "expected one of =" },
  { SWEEP "constraint = machine.cpus > 1\n", NULL, 5, 14, "leaves no run" },
  { SWEEP "constraint = " MANY_NOTS MANY_NOTS MANY_NOTS MANY_NOTS "machine.cpus = 1\n", NULL, 5,
    270, "nested too deeply" },
  /* overrides */
  { TOY, "machine.cpus=1|300", 0, 1, "from 1 to 256" },
  { TOY, "sweep.repeat=x", 0, 1, "repeat: expected a count" },
  { TOY, "sweep.constraint=x", 0, 1, "is not the name of a setting" },
};

START_TEST (each_slip_is_told_with_its_place)
{
  assert_bad (&bad_texts[_i]);
}
END_TEST

/* "1 64MiB, 1 128MiB, …": the axes of every run in order. */
static char *
describe_runs (const KmlScenario *scenario)
{
  GString *text = g_string_new (NULL);

  for (guint64 i = 0; i < kml_scenario_n_runs (scenario); i++) {
    g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, i);

    g_string_append (text, i > 0 ? ", " : "");
    for (const char *const *axis = kml_scenario_axes (scenario); *axis != NULL; axis++) {
      const char *value = kml_run_spec_get (spec, *axis);

      g_string_append_printf (text, "%s%s", axis != kml_scenario_axes (scenario) ? " " : "",
                              value != NULL ? value : "-");
    }
  }
  return g_string_free (text, FALSE);
}

static void
assert_runs (const char *text, const char *const *overrides, const char *expected)
{
  g_autoptr (KmlScenario) scenario = load_scenario (text, overrides, NULL);
  g_autofree char *runs = describe_runs (scenario);

  ck_assert_str_eq (runs, expected);
}

/* ---- Alternatives ---- */

START_TEST (bars_part_values_and_commas_do_not)
{
  assert_runs (SWEEP "objects.bins = pow2 | 8,24,40,64|linux", NULL, "pow2, 8,24,40,64, linux");
}
END_TEST

START_TEST (values_with_bars_of_their_own_are_parted_by_bars_with_blanks_around)
{
  assert_runs (SWEEP "workload.marks = a|b |c| d | none", NULL, "a|b |c| d, none");
  assert_runs (SWEEP "workload.flags = GFP_KERNEL|__GFP_ZERO | GFP_ATOMIC", NULL,
               "GFP_KERNEL|__GFP_ZERO, GFP_ATOMIC");
}
END_TEST

START_TEST (ranges_are_spelt_out)
{
  assert_runs (SWEEP "machine.cpus = 1 | 2 | 4..16 step 4", NULL, "1, 2, 4, 8, 12, 16");
  assert_runs (SWEEP "machine.cpus = 1..4", NULL, "1, 2, 3, 4");
  assert_runs (SWEEP "machine.cpus = 3..10 step 4", NULL, "3, 7");
  assert_runs (SWEEP "machine.cpus = 3..100 step *3", NULL, "3, 9, 27, 81");
  assert_runs (SWEEP "machine.ram = 64MiB..1GiB step *2", NULL,
               "64MiB, 128MiB, 256MiB, 512MiB, 1GiB");
  assert_runs (SWEEP "machine.ram = 1MiB..2MiB step 512KiB", NULL, "1MiB, 1536KiB, 2MiB");
  assert_runs (SWEEP "workload.gap = 0..2ms step 500us", NULL, "0, 500us, 1ms, 1500us, 2ms");
  assert_runs (SWEEP "workload.rate = 1/ms..3/ms step 1/ms", NULL, "1000/s, 2000/s, 3000/s");
  assert_runs (SWEEP "workload.times = auto | 1k..4k step *2 | 5..6", NULL,
               "auto, 1000, 2000, 4000, 5, 6");
  assert_runs (SWEEP "scenario.seed = 9223372036854775806..9223372036854775807", NULL,
               "9223372036854775806, 9223372036854775807");
}
END_TEST

/* ---- Combinations ---- */

START_TEST (axes_nest_in_the_order_of_the_file)
{
  assert_runs (SWEEP "machine.cpus = 1 | 2\nmachine.ram = 1GiB | 2GiB | 3GiB", NULL,
               "1 1GiB, 1 2GiB, 1 3GiB, 2 1GiB, 2 2GiB, 2 3GiB");
  assert_runs (SWEEP "machine.ram = 1GiB | 2GiB\nmachine.cpus = 1 | 2", NULL,
               "1GiB 1, 1GiB 2, 2GiB 1, 2GiB 2");
}
END_TEST

START_TEST (repetitions_are_innermost_and_have_seeds_of_their_own)
{
  g_autoptr (KmlScenario) scenario = load_scenario (
      "[scenario]\nseed = 5\n" SWEEP "machine.cpus = 1 | 2\nrepeat = 3\n", NULL, NULL);

  ck_assert_uint_eq (kml_scenario_n_runs (scenario), 6);
  for (guint64 i = 0; i < 6; i++) {
    g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, i);

    ck_assert_uint_eq (spec->index, i);
    ck_assert_uint_eq (spec->repetition, i % 3);
    ck_assert_uint_eq (spec->seed, kml_rng_repetition_seed (5, i % 3));
    ck_assert_str_eq (kml_run_spec_get (spec, "machine.cpus"), i < 3 ? "1" : "2");
    ck_assert_str_eq (kml_run_spec_get (spec, "scenario.seed"), "5");
  }
}
END_TEST

START_TEST (an_axis_is_not_varied_where_the_setting_is_absent)
{
  assert_runs (SWEEP "pages.allocator = buddy | bump\npages.max-order = 4 | 5 | 6", NULL,
               "buddy 4, buddy 5, buddy 6, bump -");
  assert_runs (SWEEP "pages.max-order = 4 | 5\npages.allocator = buddy | bump", NULL,
               "4 buddy, - bump, 5 buddy");
}
END_TEST

START_TEST (a_sweep_wins_over_its_group_and_an_override_over_both)
{
  const char *one[] = { "machine.cpus=8", NULL };
  const char *several[] = { "machine.cpus=8 | 16", NULL };
  const char *range[] = { "machine.cpus=1..3", NULL };
  const char text[] = SWEEP
      "machine.cpus = 1 | 2\nmachine.ram = 1GiB | 2GiB\n[machine]\ncpus = 4\n";

  assert_runs (text, NULL, "1 1GiB, 1 2GiB, 2 1GiB, 2 2GiB");
  assert_runs (text, one, "1GiB, 2GiB");
  assert_runs (text, several, "8 1GiB, 8 2GiB, 16 1GiB, 16 2GiB");
  assert_runs (text, range, "1 1GiB, 1 2GiB, 2 1GiB, 2 2GiB, 3 1GiB, 3 2GiB");
}
END_TEST

START_TEST (overrides_make_sweeps)
{
  const char *bins[] = { "objects.bins=pow2|linux", "machine.cpus=1|2", NULL };
  const char *dotted[] = { "sweep.machine.cpus=1|2", "sweep.repeat=2", NULL };

  assert_runs (TOY, bins, "pow2 1, pow2 2, linux 1, linux 2");
  assert_runs (TOY, dotted, "1, 1, 2, 2");
}
END_TEST

START_TEST (an_axis_of_one_value_is_none)
{
  assert_runs (SWEEP "machine.cpus = 4\nmachine.ram = 1GiB | 2GiB", NULL, "1GiB, 2GiB");
}
END_TEST

/* ---- Constraints ---- */

START_TEST (constraints_choose_runs)
{
  static const struct {
    const char *constraint, *runs;
  } cases[] = {
    { "machine.cpus <= 4", "1, 2, 4" },
    { "machine.cpus < 4", "1, 2" },
    { "machine.cpus >= 4", "4, 8, 16" },
    { "machine.cpus > 4", "8, 16" },
    { "machine.cpus = 4", "4" },
    { "machine.cpus == 4", "4" },
    { "machine.cpus != 4", "1, 2, 8, 16" },
    { "not machine.cpus = 4", "1, 2, 8, 16" },
    { "machine.cpus=1 or machine.cpus=2 and machine.cpus=3", "1" }, /* and binds closer */
    { "(machine.cpus=1 or machine.cpus=2) and machine.cpus!=1", "2" },
    { "not (machine.cpus < 4 or machine.cpus > 4)", "4" },
    { "machine.cpus = \"8\"", "8" },
    { "machine.cpus <= 1000 and machine.ram = 262144KiB",
      "1, 2, 4, 8, 16" }, /* ram has its default */
    { "machine.cpus = 1 or pages.allocator != buddy", "1" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strconcat (
        SWEEP "machine.cpus = 1 | 2 | 4 | 8 | 16\nconstraint = ", cases[i].constraint, NULL);

    assert_runs (text, NULL, cases[i].runs);
  }
}
END_TEST

START_TEST (a_comparison_with_an_absent_setting_is_false)
{
  static const char text[] = SWEEP
      "pages.allocator = buddy | bump\npages.max-order = 4 | 5\nconstraint = ";
  g_autofree char *equal = g_strconcat (text, "pages.max-order = 4", NULL);
  g_autofree char *unequal = g_strconcat (text, "pages.max-order != 4", NULL);
  g_autofree char *either = g_strconcat (text, "pages.max-order = 4 or pages.allocator = bump",
                                         NULL);

  assert_runs (equal, NULL, "buddy 4");
  assert_runs (unequal, NULL, "buddy 5");
  assert_runs (either, NULL, "buddy 4, bump -");
}
END_TEST

START_TEST (a_constraint_can_leave_out_what_does_not_go_together)
{
  assert_runs (SWEEP "machine.page-size = 4KiB | 16MiB\nmachine.ram = 1MiB | 1GiB\n"
                     "constraint = machine.page-size = 4KiB or machine.ram = 1GiB",
               NULL, "4KiB 1MiB, 4KiB 1GiB, 16MiB 1GiB");
}
END_TEST

START_TEST (a_million_runs_are_taken)
{
  g_autoptr (KmlScenario) scenario = load_scenario (
      SWEEP "workload.live = 1..1000\nmachine.ram = 1GiB..1000GiB step 1GiB\n", NULL, NULL);
  g_autoptr (KmlRunSpec) last = kml_scenario_run_spec (scenario, 999999);

  ck_assert_uint_eq (kml_scenario_n_runs (scenario), 1000000);
  ck_assert_str_eq (kml_run_spec_get (last, "machine.ram"), "1000GiB");
}
END_TEST

/* ---- Keys ---- */

static GPtrArray *
collect_keys (const char *text, const char *override)
{
  const char *overrides[] = { override, NULL };
  g_autoptr (KmlScenario) scenario = load_scenario (text, overrides, NULL);
  g_autoptr (KmlRunKeys) together = kml_run_keys_new (scenario);
  GPtrArray *keys = g_ptr_array_new_with_free_func (g_free);

  for (guint64 i = 0; i < kml_scenario_n_runs (scenario); i++) {
    g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, i);
    char key[KML_RUN_KEY_LENGTH + 1];
    guint64 found;

    kml_run_keys_get (together, i, key);
    ck_assert_str_eq (key, spec->key);
    ck_assert (kml_scenario_find_run (scenario, spec->settings, spec->seed, &found));
    ck_assert_uint_eq (found, i);
    ck_assert (!kml_scenario_find_run (scenario, spec->settings, spec->seed + 1, &found));
    g_ptr_array_add (keys, g_strdup (spec->key));
  }
  return keys;
}

static gboolean
has_key (const GPtrArray *keys, const char *key)
{
  return g_ptr_array_find_with_equal_func ((GPtrArray *)keys, key, g_str_equal, NULL);
}

/* collect_keys() compares. Plug-ins and files decide which lines there are, and are inner and outer axes here. */
START_TEST (keys_of_many_runs_are_those_of_their_settings)
{
  static const char text[] = SWEEP
      "pages.allocator = buddy | bump\nworkload.file = bricks | /dev/null | .\n"
      "pages.max-order = 1 | 9\nscenario.seed = 1 | 7\nmachine.cpus = 1 | 16\n"
      "objects.allocator = slub | tlsf\nworkload.sizes = fixed(1) | fixed(1000)\nrepeat = 3\n";
  g_autoptr (GPtrArray) keys = collect_keys (text, NULL);

  ck_assert_uint_eq (keys->len, 3 * 3 * 3 * 2 * 2 * 2 * 2);
}
END_TEST

START_TEST (more_values_change_neither_the_keys_nor_the_order_of_the_others)
{
  static const char text[] = SWEEP "machine.cpus = 1 | 2\nmachine.ram = 1GiB | 2GiB\nrepeat = 2\n";
  g_autoptr (GPtrArray) few = collect_keys (text, NULL);
  g_autoptr (GPtrArray) more = collect_keys (text, "machine.cpus = 1 | 3 | 2");
  g_autoptr (GPtrArray) most = collect_keys (text, "machine.ram = 1GiB | 2GiB | 3GiB");
  g_autoptr (GPtrArray) repeated = collect_keys (text, "sweep.repeat = 5");
  const GPtrArray *larger[] = { more, most, repeated };

  ck_assert_uint_eq (few->len, 8);
  for (guint i = 0; i < G_N_ELEMENTS (larger); i++) {
    guint found = 0;

    for (guint j = 0; j < larger[i]->len && found < few->len; j++)
      if (g_str_equal (g_ptr_array_index (larger[i], j), g_ptr_array_index (few, found)))
        found++;
    ck_assert_uint_gt (larger[i]->len, few->len);
    ck_assert_uint_eq (found, few->len); /* all of them, in their order */
  }
}
END_TEST

START_TEST (every_run_has_a_key_of_its_own)
{
  g_autoptr (GPtrArray) keys = collect_keys (
      SWEEP
      "machine.cpus = 1..8\npages.allocator = buddy | bump\npages.max-order = 1..9\nrepeat = 3\n",
      NULL);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  ck_assert_uint_eq (keys->len, 8 * (9 + 1) * 3);
  for (guint i = 0; i < keys->len; i++)
    ck_assert (g_hash_table_add (seen, g_ptr_array_index (keys, i)));
}
END_TEST

START_TEST (a_key_is_about_what_a_run_does_and_keeps)
{
  g_autoptr (GPtrArray) base = collect_keys (TOY, NULL);
  static const struct {
    const char *override;
    gboolean same;
  } cases[] = {
    { "scenario.title=x", TRUE },    { "scenario.question=x", TRUE },
    { "machine.cpus=1", TRUE },      { "machine.cpus=2", FALSE },
    { "scenario.seed=1", TRUE },     { "scenario.seed=2", FALSE },
    { "record.pagemap=yes", FALSE }, { "workload.live=11", FALSE },
    { "scenario.until=1s", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) keys = collect_keys (TOY, cases[i].override);

    ck_assert_msg (has_key (keys, g_ptr_array_index (base, 0)) == cases[i].same, "%s",
                   cases[i].override);
  }
}
END_TEST

START_TEST (a_repetition_is_the_run_of_its_seed)
{
  g_autoptr (GPtrArray) repeated = collect_keys (SWEEP "repeat = 2\n", NULL);
  g_autofree char *seed = g_strdup_printf ("scenario.seed=%" G_GUINT64_FORMAT,
                                           kml_rng_repetition_seed (1, 1));
  g_autoptr (GPtrArray) alone = collect_keys (TOY, seed);

  ck_assert_str_eq (g_ptr_array_index (alone, 0), g_ptr_array_index (repeated, 1));
}
END_TEST

START_TEST (the_order_of_the_workloads_is_in_the_key)
{
  static const char a[] = "[workload a]\nkind = toy\nfile = x\n";
  static const char b[] = "[workload b]\nkind = toy\nfile = x\n";
  g_autofree char *ab = g_strconcat (a, b, NULL);
  g_autofree char *ba = g_strconcat (b, a, NULL);
  g_autoptr (GPtrArray) left = collect_keys (ab, NULL);
  g_autoptr (GPtrArray) right = collect_keys (ba, NULL);

  ck_assert_str_ne (g_ptr_array_index (left, 0), g_ptr_array_index (right, 0));
}
END_TEST

/* ---- What turns out to be wrong in a run ---- */

/* What the run @index of @text says when it refuses @what, whose group is added behind it. */
static void
assert_place (const char *text, const char *override, guint64 index, const char *what,
              const char *message)
{
  const char *overrides[] = { override, NULL };
  g_autoptr (KmlScenario) scenario = load_scenario (text, overrides, NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, index);
  g_autoptr (GError) first = NULL;
  g_autoptr (GError) error = NULL;

  ck_assert (!kml_refuse (&first, what, "expected %d", 7));
  ck_assert_int_eq (first->code, KML_ERROR_INPUT);
  error = g_error_copy (first);
  kml_blame_group (&error, "workload");
  kml_blame (&error, "machine.cpus"); /* it is about something already */
  for (guint i = 0; i < 2; i++) {     /* once is enough */
    kml_scenario_place_error (scenario, spec, &error);
    ck_assert_str_eq (error->message, message);
  }
}

START_TEST (an_error_of_a_run_gets_the_place_of_its_setting)
{
  static const struct {
    const char *text, *override;
    guint64 index;
    const char *what, *message;
  } cases[] = {
    { TOY "live =  5\n", NULL, 0, "live", "t.ini:4:9: [workload] live = 5: expected 7" },
    { TOY "live = 5\n", NULL, 0, "workload.live", "t.ini:4:8: [workload] live = 5: expected 7" },
    { TOY "live = 5\n", "workload.live=6 | 8", 1, "live",
      "t.ini: [workload] live = 8 (-s): expected 7" },
    { TOY "live = 5\n" /* in the group, but not this run's */ "[sweep]\nworkload.live = 6 | 8\n",
      NULL, 1, "live", "t.ini:6:21: [workload] live = 8 (in [sweep]): expected 7" },
    { TOY, NULL, 0, "live", "t.ini:1:1: [workload] live = 10 (its default): expected 7" },
    { TOY, NULL, 0, "workload.", "t.ini:1:1: [workload]: expected 7" },
    { TOY, NULL, 0, "pager.pool", "t.ini: [pager] pool = 0 (its default): expected 7" },
    { TOY, NULL, 0, "nonesuch.pool", "t.ini: expected 7" },
    { "[workload a]\nkind = toy\nfile = x\n[workload b]\nkind = toy\nfile = y\n", NULL, 0,
      "workload.b.file", "t.ini:6:8: [workload b] file = y: expected 7" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_place (cases[i].text, cases[i].override, cases[i].index, cases[i].what,
                  cases[i].message);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("sweep");
  TCase *tests = tcase_create ("sweep");

  tcase_add_loop_test (tests, each_slip_is_told_with_its_place, 0, G_N_ELEMENTS (bad_texts));
  tcase_add_test (tests, bars_part_values_and_commas_do_not);
  tcase_add_test (tests, values_with_bars_of_their_own_are_parted_by_bars_with_blanks_around);
  tcase_add_test (tests, ranges_are_spelt_out);
  tcase_add_test (tests, axes_nest_in_the_order_of_the_file);
  tcase_add_test (tests, repetitions_are_innermost_and_have_seeds_of_their_own);
  tcase_add_test (tests, an_axis_is_not_varied_where_the_setting_is_absent);
  tcase_add_test (tests, a_sweep_wins_over_its_group_and_an_override_over_both);
  tcase_add_test (tests, overrides_make_sweeps);
  tcase_add_test (tests, an_axis_of_one_value_is_none);
  tcase_add_test (tests, constraints_choose_runs);
  tcase_add_test (tests, a_comparison_with_an_absent_setting_is_false);
  tcase_add_test (tests, a_constraint_can_leave_out_what_does_not_go_together);
  tcase_add_test (tests, a_million_runs_are_taken);
  tcase_add_test (tests, keys_of_many_runs_are_those_of_their_settings);
  tcase_add_test (tests, more_values_change_neither_the_keys_nor_the_order_of_the_others);
  tcase_add_test (tests, every_run_has_a_key_of_its_own);
  tcase_add_test (tests, a_key_is_about_what_a_run_does_and_keeps);
  tcase_add_test (tests, a_repetition_is_the_run_of_its_seed);
  tcase_add_test (tests, the_order_of_the_workloads_is_in_the_key);
  tcase_add_test (tests, an_error_of_a_run_gets_the_place_of_its_setting);
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
