/* test-scenario.c: loading a scenario, and what is said of a wrong one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenario-fixture.h"

#include <glib/gstdio.h>

#include "simcore/base/rng.h"

#define N_MUTATIONS 3000

/* Line 4 is the first line behind TOY. */
static const BadText bad_texts[] = {
  /* groups */
  { "", NULL, 0, 0, "there is no workload" },
  { TOY "[machin]\n", NULL, 4, 1, "unknown group “machin”; did you mean “machine”?" },
  { TOY "[zzzzzzzzzzz]\n", NULL, 4, 1,
    "; there is scenario, machine, pages, objects, layer, workload" },
  { TOY "[buddy]\n", NULL, 4, 1, "unknown group “buddy”; did you mean [pages] allocator = buddy?" },
  { TOY "[machine big]\n", NULL, 4, 1, "there is one [machine] only" },
  { TOY "[workload a.b]\n", NULL, 4, 1, "“a.b” is not a name" },
  { TOY "[workload a b]\n", NULL, 4, 1, "“a b” is not a name" },
  { TOY "[sweep x]\n", NULL, 4, 1, "there is one [sweep] only" },
  { TOY "[machine]\n[machine]\n", NULL, 5, 1, "opened in line 4" },
  /* keys */
  { TOY "[objects]\nbinz = pow2\n", NULL, 5, 1,
    "unknown key “binz” in [objects]; did you mean “bins”?" },
  { TOY "[machine]\nqqqqqqqq = 1\n", NULL, 5, 1,
    "unknown key “qqqqqqqq” in [machine]; there is cpus, ram, page-size, profile, cache-model, "
    "touch" },
  { TOY "[pages]\nallocator = bump\nmax-order = 4\n", NULL, 6, 1,
    "“max-order” belongs to buddy; [pages] uses bump" },
  { TOY "livee = 4\n", NULL, 4, 1, "unknown key “livee” in [workload]; did you mean “live”?" },
  { TOY "[workload web]\nkind = toy\nfile = x\nlivee = 4\n", NULL, 7, 1,
    "unknown key “livee” in [workload web]" },
  { TOY "[record]\nlatancy = yes\n", NULL, 5, 1, "did you mean “latency”?" },
  { TOY "[scenario]\nSeed = 1\n", NULL, 5, 1, "did you mean “seed”?" },
  /* plug-ins */
  { TOY "[pages]\nallocator = budy\n", NULL, 5, 13,
    "unknown allocator “budy” in [pages]; did you mean “buddy”?" },
  { TOY "[objects]\nallocator = buddy\n", NULL, 5, 13,
    "unknown allocator “buddy” in [objects]; did you mean [pages] allocator = buddy?" },
  { "[workload]\nkind = toys\nfile = x\n", NULL, 2, 8, "did you mean “toy”?" },
  { "[workload]\nfile = x\n", NULL, 1, 1, "[workload] lacks the key “kind”" },
  { "[workload a]\nkind = toy\n", NULL, 1, 1,
    "[workload a] lacks the key “file”, which it needs with toy: what to play with" },
  { TOY "[layer cache]\n", NULL, 4, 1, "[layer cache] lacks the key “allocator”" },
  { TOY "[layer cache]\nallocator = quicklist\n", NULL, 5, 13, "unknown allocator “quicklist”" },
  /* values */
  { TOY "[machine]\ncpus = 0\n", NULL, 5, 8, "cpus: expected a count from 1 to 256, not “0”" },
  { TOY "[machine]\ncpus = -1\n", NULL, 5, 8, "cpus: expected a count" },
  { TOY "[machine]\ncpus = 257\n", NULL, 5, 8, "from 1 to 256" },
  { TOY "[machine]\ncpus = nan\n", NULL, 5, 8, "expected a count" },
  { TOY "[machine]\ncpus = 1e309\n", NULL, 5, 8, "2^64" },
  { TOY "[machine]\ncpus =\n", NULL, 5, 7, "expected a count" },
  { TOY "[machine]\ncpus = 1 | 2\n", NULL, 5, 8, "expected a count" },
  { TOY "[machine]\n  cpus   =   two\n", NULL, 5, 14, "not “two”" },
  { TOY "[machine]\npage-size = 3B\n", NULL, 5, 13, "page-size: expected a size from 512" },
  { TOY "[machine]\npage-size = 3000\n", NULL, 5, 13, "power of two" },
  { TOY "[machine]\nram = 1180591620717411303424\n", NULL, 5, 7, "2^64 bytes" },
  { TOY "[machine]\nram = 16777216TiB\n", NULL, 5, 7, "2^64 bytes" },
  { TOY "[machine]\nram = 17TiB\n", NULL, 5, 7, "to 16TiB" },
  { TOY "[machine]\nram = 10000\n", NULL, 5, 7, "whole pages of 4 KiB" },
  { TOY "[machine]\nram = 8KiB\n", NULL, 5, 7, "at least 4" },
  { TOY "[machine]\nram = 16TiB\npage-size = 512\n", NULL, 5, 7, "fewer than 2^32" },
  { TOY "[machine]\nprofile = fast\n", NULL, 5, 11,
    "unknown cost profile “fast”; there is default, unit" },
  { TOY "[machine]\nprofile = ./no.profile\n", NULL, 5, 11, "cannot be read: No such file" },
  { TOY "[machine]\ncache-model = skylake\n", NULL, 5, 15,
    "unknown cache model “skylake”; did you mean “skylake-sp”?" },
  { TOY "[machine]\ncache-model = no.caches\n", NULL, 5, 15, "cannot be read: No such file" },
  { TOY "[scenario]\nseed = 9223372036854775808\n", NULL, 5, 8, "seed: expected a count" },
  { TOY "[scenario]\nuntil = 5\n", NULL, 5, 9, "a time with its unit" },
  { TOY "[record]\nevents = some\n", NULL, 5, 10, "none | sample | all" },
  { TOY "[record]\nsampling = 1.5\n", NULL, 5, 12, "a share above 0" },
  { TOY "[layer l]\nallocator = tracer\nsampling = 0\n", NULL, 6, 12, "a share above 0" },
  { TOY "[record]\nsampling = 0.01\n", NULL, 5, 12,
    "sampling has no effect without events = sample" },
  { TOY "[machine]\ntouch = 64\n", NULL, 5, 9, "touch has no effect without cache-model = NAME" },
  { TOY "[schedule]\ninject-share = 0.5\n", NULL, 5, 16,
    "inject-share has no effect without inject = alloc" },
  { TOY "[schedule]\ninject-most = 2\n", NULL, 5, 15, "inject-most has no effect without" },
  { TOY "[schedule]\ninject-delay = 1ms\n", NULL, 5, 16, "inject-delay has no effect without" },
  { TOY "[pager]\nmetadata = pageable\n", NULL, 4, 1,
    "who would use it? Expected a [task NAME], or [schedule] replay = cpus" },
  { TOY "[lock A]\n", NULL, 4, 1, "who would use it?" },
  { TOY "[pool p]\nsize = 2\n", NULL, 4, 1, "who would use it?" },
  { TOY "[region r]\n", NULL, 4, 1, "who would use it?" },
  { TOY "[schedule]\ndepth = 2\n", NULL, 5, 9, "depth has no effect without policy = pct" },
  { TOY "[schedule]\nsteps = 20\n", NULL, 5, 9, "steps has no effect without policy = pct" },
  { TOY "[record]\nlatency = maybe\n", NULL, 5, 11, "yes or no" },
  { TOY "[objects]\nbins = fibonacci\n", NULL, 5, 8, "bins: " },
  { "[workload]\nkind = toy\nfile =\n", NULL, 3, 7, "expected a path" },
  { TOY "flags = GFP_KERNEL|GFP_FOO\n", NULL, 4, 9, "flags: " },
  { TOY "flags =\n", NULL, 4, 8, "flags: " },
  { TOY "[layer r]\nallocator = reserve\nrate = 5/s\n", NULL, 6, 8,
    "rate has no effect without size = 0" },
  { TOY "[layer r]\nallocator = reserve\nsize = 4\nholding = 1ms\n", NULL, 7, 11,
    "holding has no effect without size = 0" },
  { TOY "[layer r]\nallocator = reserve\ntarget = 0.01\n", NULL, 6, 10,
    "target has no effect without size = 0" },
  /* programs */
  { "[task a]\nprogram = yield, lok L\n", NULL, 2, 18,
    "program: step “lok L”: there is no such step; did you mean “lock”?" },
  { "[task a]\nprogram = alloc x 64 GFP_KERNAL\n", NULL, 2, 22, "did you mean “GFP_KERNEL”?" },
  { "[task a]\nprogram = call é { wrok 1us }\n", NULL, 2, 20, "did you mean “work”?" },
  { "[task a]\nprogram = wrok 1us\\s\n", NULL, 2, 11, "did you mean “work”?" },
  { "[task a]\nprogram =\n", NULL, 2, 10, "expected steps" },
  { "[task a]\nprogram = yield\n[sweep]\ntask.a.program = yield | yeild\n", NULL, 4, 26,
    "did you mean “yield”?" },
  { "[task a]\nprogram = yield\n", "task.program=yeild", 0, 1, "task.a.program: step “yeild”" },
  /* names in programs */
  { "[lock L1]\n[task a]\nprogram = lock L1, unlock L2\n", NULL, 3, 27,
    "program: step “unlock L2”: there is no [lock] “L2”; did you mean “L1”?" },
  { "[task a]\nprogram = lock L\n", NULL, 2, 16,
    "there is no [lock] “L”: [lock L] would make it one" },
  { "[lock A]\n[task a]\nprogram = lock-shared A\n", NULL, 3, 23,
    "only a lock of kind rw can be shared: say so in [lock A]" },
  { "[device sda]\nkind = hdd\n[task a]\nprogram = read sdb 4KiB\n", NULL, 4, 16,
    "there is no [device] “sdb”; did you mean “sda”?" },
  { "[device e0]\nkind = nic\n[task a]\nprogram = read e0 4KiB\n", NULL, 4, 16,
    "[device e0] is of kind nic; expected one that is a disk: hdd, queue, ssd" },
  { "[device sda]\nkind = hdd\n[task a]\nprogram = alloc x 64 for sda\n", NULL, 4, 26,
    "expected one that does DMA: dma" },
  { "[region heap]\n[task a]\nprogram = free heap\n", NULL, 3, 16,
    "there is no block “heap”; “heap” is a [region]" },
  { "[task a]\nprogram = touch heap\n", NULL, 2, 17,
    "no block, [region] or [mapping] “heap”: alloc heap SIZE or [region heap] or [mapping heap]" },
  { "[task a]\nprogram = alloc buf 64, free bfu\n", NULL, 2, 30, "did you mean “buf”?" },
  { "[task a]\nprogram = alloc b 64\n[task c]\nprogram = free b\n", NULL, 4, 16,
    "there is no block “b”; blocks are a task's own, but those that all call @b are shared" },
  { "[task a]\nprogram = alloc @buf 64\n[task c]\nprogram = free @bfu\n", NULL, 4, 16,
    "did you mean “@buf”?" },
  { "[device eng]\nkind = dma\n[task a]\nprogram = alloc buf 64, dma eng buf nowait, dma-wait "
    "bfu\n",
    NULL, 4, 54, "there is no step dma of “bfu”; did you mean “buf”?" },
  { "[task one]\nprogram = wait e for on\n", NULL, 2, 22,
    "there is no [task] “on”; did you mean “one”?" },
  { "[task a]\nprogram = wait done\n[task b]\nprogram = wake doen\n", NULL, 2, 16,
    "nobody wakes “done”, and nobody waits for “doen”; did you mean that?" },
  { "[pool bios]\n[task a]\nprogram = wait bio\n", NULL, 3, 16, "did you mean that?" },
  { "[task a]\nprogram = yield\n[lock pager]\n", NULL, 3, 1,
    "the machine has a lock pager of its own (its kind: [pager] lock); expected another name" },
  { "[memory]\nreclaim = yes\n[task a]\nprogram = yield\n[mapping m]\ntask = b\n", NULL, 6, 8,
    "task: there is no [task] “b”; there is a" },
  { "[memory]\nreclaim = yes\n[task a]\nprogram = yield\n[lock disk]\n[mapping m]\nlock = dsk\n",
    NULL, 7, 8, "lock: there is no [lock] “dsk”; did you mean “disk”?" },
  { "[task a]\nprogram = yield\n[memory]\ndisk = sda\nreclaim = yes\n", NULL, 4, 8,
    "disk: there is no [device] “sda”: [device sda] would make it one" },
  { "[task a]\nprogram = yield\n[sweep]\ntask.a.program = yield | lock L\n", NULL, 4, 31,
    "there is no [lock] “L”" },
  { "[task a]\nprogram = yield\n", "task.a.program=lock L", 0, 1,
    "task.a.program: step “lock L”: there is no [lock] “L”" },
  { "[task a]\nprogram = yield\nevery = 1us\n", NULL, 3, 9,
    "every has no effect without context = softirq or hardirq" },
  { "[task a]\nprogram = yield\n", "task.a.times=3", 0, 1,
    "task.a.times has no effect without context = softirq or hardirq" },
  { "[task a]\nprogram = yield\ntimes = 3\n", NULL, 3, 9, "times has no effect without context" },
  { "[task a]\nprogram = yield\ncount = 30001\n", NULL, 3, 9, "a count from 0 to 30000" },
  { "[task a b]\nprogram = yield\n", NULL, 1, 1, "“a b” is not a name" },
  { "[task é]\nprogram = yield\n", NULL, 1, 7, "is not the name of a group" },
  { "[task a]\nprogram = yield\n[schedule]\ninject-share = 2\n", NULL, 4, 16,
    "expected a share above 0 and at most 1" },
  /* groups that are referred to by their names */
  { "[task]\nprogram = yield\n", NULL, 1, 1, "[task] needs a name: expected [task NAME]" },
  { "[task a]\nprogram = yield\n[lock]\n", NULL, 3, 1, "[lock] needs a name" },
  /* overrides */
  { TOY, "machine.cpus", 0, 1, "“machine.cpus” is not a setting: expected group.key=value" },
  { TOY, "cpus=4", 0, 1, "“cpus” is not the name of a setting" },
  { TOY, "workload web.live=4", 0, 1, "is not the name of a setting: expected workload.web.live" },
  { TOY, "machine.=4", 0, 1, "“machine.” is not the name of a setting" },
  { TOY, "machine.big.cpus=4", 0, 1, "expected machine.key" },
  { TOY, "machin.cpus=4", 0, 1, "did you mean “machine”?" },
  { TOY, "machine.cpu=4", 0, 1, "unknown key “cpu” in [machine]; did you mean “cpus”?" },
  { TOY, "machine.cpus=many", 0, 1, "machine.cpus: expected a count" },
  { TOY, "workload.web.live=4", 0, 1,
    "there is no [workload NAME] with the name “web”: the only [workload] has none; write "
    "workload.key" },
  { TOY, "expect.alloc.failed=4", 0, 1, "unknown group “expect”" },
  { TOY, "scenario.title=a\nb", 0, 1, "one line without control characters" },
  { TOY, "scenario.\xff=1", 0, 1, "is not a setting" },
  { "[workload a]\nkind = toy\nfile = x\n[workload b]\nkind = toy\nfile = x\n", "workload.live=4",
    0, 1, "there are several [workload NAME]: a, b" },
};

START_TEST (each_slip_is_told_with_its_place)
{
  assert_bad (&bad_texts[_i]);
}
END_TEST

/* What several tasks share, what is asked for later, which events nobody wakes: no slips. */
START_TEST (what_may_be_named_is_not_refused)
{
  static const char *const texts[] = {
    "[task a]\nprogram = wait e\n",
    "[task a]\nprogram = wait e for b\n[task b]\nprogram = wake f\n",
    "[task a]\ncount = 4\nprogram = wait e for a.3\n",
    "[task a]\nprogram = repeat 2 { free x, alloc x 64 }\n",
    "[task a]\nprogram = alloc @x 64\n[task b]\nprogram = touch @x, free @x\n",
    "[pool p]\n[task a]\nprogram = wait p, wake p\n",
    "[lock A]\n[task a]\nprogram = lock-shared A, unlock A\n[sweep]\nlock.A.kind = spin | rw\n",
    "[device d]\nkind = hdd\n[task a]\nprogram = read d 4KiB\n[sweep]\ndevice.d.kind = hdd | ssd\n",
    ("[memory]\nreclaim = yes\n[mapping m]\n[device d]\nkind = dma\n[task a]\nprogram = dma d m "
     "0..1 nowait, dma-wait m\n"),
    "[region r]\n[task a]\nprogram = touch r, alloc r 64, dirty r\n",
    "[task a]\nprogram = yield\nevery = 1us\n[sweep]\ntask.a.context = process | hardirq\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GPtrArray) problems = kml_problems_new ();
    g_autoptr (KmlScenario) scenario = load_scenario (texts[i], NULL, problems);
    g_autofree char *told = kml_problems_format (problems);

    ck_assert_msg (problems->len == 0, "%s", told);
  }
}
END_TEST

/* Thousands of names that mean nothing, of blocks and of events, in no time. */
START_TEST (a_program_of_thousands_of_names_is_looked_at_at_once)
{
  g_autoptr (GString) text = g_string_new ("[task a]\nprogram = yield");
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = NULL;

  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (text, ", alloc x%u 8, free x%u", i, i);
  g_string_append (text, "\n[task b]\nprogram = yield");
  for (guint i = 0; i < 1500; i++)
    g_string_append_printf (text, ", wait x%u, wake y%u", i, i);
  g_string_append (text, "\n[task c]\nprogram = yield");
  for (guint i = 0; i < 3000; i++)
    g_string_append_printf (text, ", free z%u", i);
  scenario = load_scenario (text->str, NULL, problems);
  ck_assert_ptr_null (scenario);
  ck_assert_uint_eq (problems->len, 100);
}
END_TEST

START_TEST (slips_of_every_kind_are_told_at_once_in_the_order_of_the_lines)
{
  static const char text[] = "[machine]\n"
                             "cpus = 0\n"
                             "ram = 1GiB # much\n"
                             "rma = 1GiB\n"
                             "[pages]\n"
                             "allocator = budy\n"
                             "[workload]\n"
                             "kind = toy\n"
                             "live = x\n"
                             "[workload]\n"
                             "[sweep]\n"
                             "machine.cpsu = 1 | 2\n"
                             "repeat = 0\n"
                             "constraint = machine.cpus <\n"
                             "[expect]\n"
                             "alloc.filed = 0\n"
                             "alloc.failed = many\n"
                             "[task a]\n"
                             "program = yeild, alloc x 12KB, yield\n"
                             "[task b]\n"
                             "program = } work 1us, wrok 1us\n";
  static const guint lines[] = { 2, 3, 4, 6, 7, 7, 9, 10, 12, 13, 14, 16, 17, 19, 19, 21, 21 };
  const char *overrides[] = { "machine.ram=7", NULL };
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = load_scenario (text, overrides, problems);
  g_autofree char *told = kml_problems_format (problems);

  ck_assert_msg (problems->len == G_N_ELEMENTS (lines) + 1, "%s", told);
  for (guint i = 0; i < G_N_ELEMENTS (lines); i++)
    ck_assert_msg (((KmlProblem *)g_ptr_array_index (problems, i))->line == lines[i],
                   "line %u was expected to be number %u of\n%s", lines[i], i, told);
  ck_assert_str_eq (((KmlProblem *)g_ptr_array_index (problems, problems->len - 1))->file, "-s");
}
END_TEST

/* ---- What a run has ---- */

static void
assert_setting (const KmlRunSpec *spec, const char *key, const char *value)
{
  const char *got = kml_run_spec_get (spec, key);

  ck_assert_msg (g_strcmp0 (got, value) == 0, "%s is %s, not %s", key, got != NULL ? got : "absent",
                 value != NULL ? value : "absent");
}

START_TEST (every_effective_setting_is_there_with_its_default)
{
  g_autoptr (KmlScenario)
      scenario = load_scenario ("[scenario]\ntitle = T; or not\nquestion = Q?\nseed = 42\n" TOY
                                "live = 1k\n[pages]\nmax-order = 4\n[objects]\nbins = pow2\n",
                                NULL, NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);

  ck_assert_uint_eq (kml_scenario_n_runs (scenario), 1);
  ck_assert_ptr_null (kml_scenario_axes (scenario)[0]);
  ck_assert_str_eq (kml_scenario_title (scenario), "T; or not");
  ck_assert_str_eq (kml_scenario_question (scenario), "Q?");
  ck_assert_uint_eq (spec->seed, 42);
  assert_setting (spec, "workload.live", "1k");
  assert_setting (spec, "workload.kind", "toy");
  assert_setting (spec, "workload.gap", "1us");
  assert_setting (spec, "machine.cpus", "1");
  assert_setting (spec, "machine.ram", "256MiB");
  assert_setting (spec, "machine.page-size", "4KiB");
  assert_setting (spec, "machine.profile", "default");
  assert_setting (spec, "pages.allocator", "buddy");
  assert_setting (spec, "pages.max-order", "4");
  assert_setting (spec, "objects.allocator", "segregated");
  assert_setting (spec, "objects.bins", "pow2");
  assert_setting (spec, "record.latency", "yes");
  assert_setting (spec, "scenario.until", "0");
  assert_setting (spec, "layer.allocator", NULL);
  for (guint i = 1; i < spec->settings->len; i++)
    ck_assert_int_lt (strcmp (((KmlSetting *)g_ptr_array_index (spec->settings, i - 1))->key,
                              ((KmlSetting *)g_ptr_array_index (spec->settings, i))->key),
                      0);
}
END_TEST

START_TEST (settings_are_written_into_an_instance)
{
  g_autoptr (KmlScenario) scenario = load_scenario (
      TOY "live = 1k\ngap = 2us\nfast = yes\n[machine]\ncpus = 4\n", NULL, NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);
  KmlMachineSettings machine = { 0 };
  Toy toy = { 0 };
  g_autoptr (GError) error = NULL;

  ck_assert (kml_run_spec_apply (spec, "workload", toy_params, &toy, &error));
  ck_assert (kml_run_spec_apply (spec, "machine", kml_machine_params, &machine, &error));
  ck_assert_uint_eq (toy.live, 1000);
  ck_assert_uint_eq (toy.gap, 2 * KML_US);
  ck_assert_str_eq (toy.file, "bricks");
  ck_assert (toy.fast);
  ck_assert_uint_eq (machine.cpus, 4);
  ck_assert_uint_eq (machine.ram, G_GUINT64_CONSTANT (256) << 20);
  kml_params_clear (toy_params, &toy);
  kml_params_clear (kml_machine_params, &machine);
}
END_TEST

START_TEST (workloads_are_named_in_the_order_of_the_file)
{
  g_autoptr (KmlScenario) scenario = load_scenario (
      "[workload z]\nkind = toy\nfile = 1\n[workload a]\nkind = toy\nfile = 2\n" TOY, NULL, NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);
  g_autoptr (GPtrArray) names = kml_run_spec_names (spec, "workload");
  g_autoptr (GPtrArray) none = kml_run_spec_names (spec, "work");

  ck_assert_uint_eq (none->len, 0);
  ck_assert_uint_eq (names->len, 3);
  ck_assert_str_eq (g_ptr_array_index (names, 0), "z");
  ck_assert_str_eq (g_ptr_array_index (names, 1), "a");
  ck_assert_str_eq (g_ptr_array_index (names, 2), "");
}
END_TEST

/* ---- Overrides ---- */

START_TEST (the_last_override_wins_over_the_file)
{
  const char *overrides[] = { "machine.cpus=2", "machine.cpus = 8", "workload.live=77",
                              "scenario.title=a | b", NULL };
  g_autoptr (KmlScenario) scenario = load_scenario (TOY "[machine]\ncpus = 4\n", overrides, NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);
  g_autofree char *told = kml_scenario_overrides (scenario);

  ck_assert_uint_eq (kml_scenario_n_runs (scenario), 1);
  assert_setting (spec, "machine.cpus", "8");
  assert_setting (spec, "workload.live", "77");
  ck_assert_str_eq (kml_scenario_title (scenario), "a | b");
  ck_assert_str_eq (told,
                    "machine.cpus=2\nmachine.cpus = 8\nworkload.live=77\nscenario.title=a | b");
}
END_TEST

START_TEST (an_override_reaches_the_only_workload_by_its_group)
{
  const char *overrides[] = { "workload.live=77", NULL };
  g_autoptr (KmlScenario)
      scenario = load_scenario ("[workload web]\nkind = toy\nfile = 1\n", overrides, NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);

  assert_setting (spec, "workload.web.live", "77");
}
END_TEST

START_TEST (overrides_bring_in_groups)
{
  const char *overrides[] = { "workload.web.file=x", "workload.web.kind=toy", "pages.max-order=3",
                              NULL };
  g_autoptr (KmlScenario) scenario = load_scenario ("", overrides, NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);

  assert_setting (spec, "workload.web.file", "x");
  assert_setting (spec, "pages.max-order", "3");
}
END_TEST

START_TEST (an_override_of_the_allocator_leaves_the_others_keys_aside)
{
  const char *overrides[] = { "pages.allocator=bump", NULL };
  g_autoptr (KmlScenario)
      scenario = load_scenario (TOY "[pages]\nallocator = buddy\nmax-order = 4\n", overrides, NULL);
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, 0);

  assert_setting (spec, "pages.allocator", "bump");
  assert_setting (spec, "pages.max-order", NULL);
}
END_TEST

START_TEST (a_wrong_value_in_the_file_is_told_even_if_it_is_overridden)
{
  const BadText bad = { TOY "[machine]\ncpus = 0\n", NULL, 5, 8, "from 1 to 256" };
  const char *overrides[] = { "machine.cpus=2", NULL };
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = load_scenario (bad.text, overrides, problems);

  assert_bad (&bad);
  ck_assert_uint_eq (problems->len, 1);
}
END_TEST

/* ---- Robustness ---- */

static const char seed_text[] =
    "[scenario]\ntitle = T\nseed = 3\n[machine]\ncpus = 2\nram = 64MiB\n"
    "[pages]\nallocator = buddy\nmax-order = 9\n[objects]\nbins = 8,24\n"
    "[workload a]\nkind = toy\nfile = f\nflags = GFP_KERNEL|__GFP_ZERO\n"
    "[workload b]\nkind = toy\nfile = g\n[record]\npoints = 64\n"
    "[sweep]\nmachine.cpus = 1 | 2 | 4..16 step 4\n"
    "machine.ram = 64MiB..1GiB step *2\npages.allocator = buddy | bump\n"
    "workload.a.flags = GFP_KERNEL | GFP_ATOMIC\nrepeat = 2\n"
    "constraint = not (machine.cpus <= 8 and machine.ram > 64MiB) or "
    "pages.allocator != \"bump\"\n"
    "[expect]\nalloc.failed = 0\nfrag.unusable.order3.end = 0.1 +- 5%\n"
    "[expect b]\nwhen = machine.cpus = 2\nbuddy.splits = 3..4\n";

START_TEST (no_mutation_of_a_scenario_is_fatal)
{
  guint n_loaded = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "mutations");
  for (guint i = 0; i < N_MUTATIONS; i++) {
    g_autoptr (GString) text = g_string_new (seed_text);
    g_autoptr (GPtrArray) problems = kml_problems_new ();
    g_autoptr (KmlScenario) scenario = NULL;

    for (guint64 n = 1 + kml_rng_below (&rng, 3); n > 0; n--) {
      const gsize at = kml_rng_below (&rng, text->len);
      const gsize from = kml_rng_below (&rng, text->len);
      g_autofree char *piece = g_strndup (text->str + from,
                                          MIN (1 + kml_rng_below (&rng, 10), text->len - from));

      if (kml_rng_below (&rng, 2) == 0)
        g_string_erase (text, (gssize)at, (gssize)MIN (strlen (piece), text->len - at));
      if (kml_rng_below (&rng, 3) > 0)
        g_string_insert (text, (gssize)MIN (at, text->len), piece);
    }
    scenario = kml_scenario_load_text ("m.ini", ".", NULL, text->str, text->len, NULL, problems);
    if (scenario != NULL) {
      g_autoptr (KmlRunSpec)
          spec = kml_scenario_run_spec (scenario, kml_scenario_n_runs (scenario) - 1);

      ck_assert_uint_eq (strlen (spec->key), 32);
      n_loaded++;
    }
    ck_assert_int_eq (scenario == NULL, problems->len > 0);
  }
  ck_assert_uint_gt (n_loaded, N_MUTATIONS / 20);
  ck_assert_uint_lt (n_loaded, N_MUTATIONS / 2);
}
END_TEST

START_TEST (a_hundred_problems_are_enough)
{
  g_autoptr (GString) text = g_string_new (TOY "[machine]\n");
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = NULL;

  for (guint i = 0; i < 60000; i++)
    g_string_append_printf (text, "key%u = 1\n", i);
  scenario = load_scenario (text->str, NULL, problems);
  ck_assert_uint_ge (problems->len, 100);
  ck_assert_uint_le (problems->len, 110);
}
END_TEST

START_TEST (a_file_that_cannot_be_read_is_a_problem_of_no_line)
{
  static const char *const paths[] = { "/dev/zero", "/", "no-such-scenario.ini" };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GPtrArray) problems = kml_problems_new ();
    KmlErrorCode code = KML_ERROR_CORRUPT;
    const KmlProblem *problem;

    ck_assert_ptr_null (kml_scenario_load (paths[i], NULL, problems, &code));
    ck_assert_int_eq (code, KML_ERROR_INPUT);
    ck_assert_uint_eq (problems->len, 1);
    problem = g_ptr_array_index (problems, 0);
    ck_assert_uint_eq (problem->line, 0);
    ck_assert_str_eq (problem->file, paths[i]);
  }
}
END_TEST

START_TEST (a_scenario_is_named_after_its_file)
{
  g_autofree char *folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "first.ini", NULL);
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = NULL;

  ck_assert (g_file_set_contents (path, TOY, -1, NULL));
  scenario = kml_scenario_load (path, NULL, problems, NULL);
  ck_assert_ptr_nonnull (scenario);
  ck_assert_str_eq (kml_scenario_name (scenario), "first.ini");
  ck_assert_str_eq (kml_scenario_base_dir (scenario), folder);
  ck_assert_str_eq (kml_scenario_text (scenario), TOY);
  g_unlink (path);
  g_rmdir (folder);
}
END_TEST

/* ---- Cost profiles ---- */

#define HEAD  "[profile]\ntitle = t\nsource = s\n[costs]\n"
#define COSTS "branch-miss = 5ns\nhot = 1ns\nwarm = 1ns\ncold = 1ns\natomic = 1ns\nlock = 1ns\n"
#define ZERO  "zero-page = 1ns\n"
#define TASKS                                                                                      \
  "handover = 1ns\nbystander = 1ns\nswitch = 1ns\ninterrupt = 1ns\nwake = 1ns\nipi = 1ns\n"

START_TEST (the_built_in_profiles_have_every_cost)
{
  g_auto (GStrv) names = kml_profile_list ();
  KmlTime costs[KML_N_COSTS];
  g_autoptr (GError) error = NULL;

  ck_assert_uint_eq (g_strv_length (names), 2);
  ck_assert_str_eq (names[0], "default");
  ck_assert_str_eq (names[1], "unit");
  for (guint i = 0; names[i] != NULL; i++) {
    g_autofree char *description = kml_profile_describe (names[i]);

    ck_assert (kml_profile_load (names[i], NULL, costs, &error));
    ck_assert_ptr_nonnull (description);
    for (guint item = 0; item < KML_N_COSTS; item++)
      ck_assert_uint_gt (costs[item], 0);
  }
  for (guint item = 0; item < KML_N_COSTS; item++)
    ck_assert_uint_eq (costs[item], KML_NS); /* of unit, the last one */
  ck_assert_ptr_null (kml_profile_describe ("none"));
}
END_TEST

static const struct {
  const char *text;
  const char *fragment; /* NULL: it is right */
} profiles[] = {
  { HEAD "instruction = 100ps\n" COSTS TASKS ZERO, NULL },
  { HEAD "instruction = 100ps\n" COSTS TASKS, "p.profile:4:1: error: [costs] lacks “zero-page”" },
  { HEAD "instruction = 100\n" COSTS TASKS ZERO,
    "p.profile:5:15: error: instruction: expected a time" },
  { HEAD "instruction = 2s\n" COSTS TASKS ZERO,
    "p.profile:5:15: error: instruction: expected a time of at most 1s" },
  { HEAD "instruction = 1ns\nlok = 1ns\n" COSTS TASKS ZERO,
    "p.profile:6:1: error: unknown cost “lok”; did you mean “lock”?" },
  { HEAD "instruction = 1ns\n" COSTS "lock = 1ns\n" ZERO, "was set in line 11 already" },
  { "[profile]\ntitle = t\n[costs]\ninstruction = 1ns\n" COSTS TASKS ZERO,
    "[profile] lacks “source”" },
  { "[profile]\ntitle = t\nsource = s\nauthor = me\n[costs]\ninstruction = 1ns\n" COSTS TASKS ZERO,
    "unknown key “author”" },
  { "[costs]\ninstruction = 1ns\n" COSTS TASKS ZERO, "the group [profile] is missing" },
  { HEAD "instruction = 1ns\n" COSTS TASKS ZERO "[cost]\n",
    "unknown group “cost”; did you mean “costs”?" },
};

START_TEST (a_profile_is_a_file_beside_the_scenario)
{
  g_autofree char *folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "p.profile", NULL);
  g_autoptr (GError) error = NULL;
  KmlTime costs[KML_N_COSTS];
  gboolean is_loaded;

  ck_assert (g_file_set_contents (path, profiles[_i].text, -1, NULL));
  is_loaded = kml_profile_load ("p.profile", path, costs, &error);
  if (profiles[_i].fragment == NULL) {
    assert_no_error (error);
    ck_assert_uint_eq (costs[KML_COST_INSTRUCTION], 100);
    ck_assert_uint_eq (costs[KML_COST_BRANCH_MISS], 5000);
  } else {
    assert_error (error, KML_ERROR_INPUT, profiles[_i].fragment);
  }
  ck_assert_int_eq (is_loaded, profiles[_i].fragment == NULL);
  g_unlink (path);
  g_rmdir (folder);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("scenario");
  TCase *tests = tcase_create ("scenario");

  tcase_add_loop_test (tests, each_slip_is_told_with_its_place, 0, G_N_ELEMENTS (bad_texts));
  tcase_add_test (tests, slips_of_every_kind_are_told_at_once_in_the_order_of_the_lines);
  tcase_add_test (tests, what_may_be_named_is_not_refused);
  tcase_add_test (tests, a_program_of_thousands_of_names_is_looked_at_at_once);
  tcase_add_test (tests, every_effective_setting_is_there_with_its_default);
  tcase_add_test (tests, settings_are_written_into_an_instance);
  tcase_add_test (tests, workloads_are_named_in_the_order_of_the_file);
  tcase_add_test (tests, the_last_override_wins_over_the_file);
  tcase_add_test (tests, an_override_reaches_the_only_workload_by_its_group);
  tcase_add_test (tests, overrides_bring_in_groups);
  tcase_add_test (tests, an_override_of_the_allocator_leaves_the_others_keys_aside);
  tcase_add_test (tests, a_wrong_value_in_the_file_is_told_even_if_it_is_overridden);
  tcase_add_test (tests, no_mutation_of_a_scenario_is_fatal);
  tcase_add_test (tests, a_hundred_problems_are_enough);
  tcase_add_test (tests, a_file_that_cannot_be_read_is_a_problem_of_no_line);
  tcase_add_test (tests, a_scenario_is_named_after_its_file);
  tcase_add_test (tests, the_built_in_profiles_have_every_cost);
  tcase_add_loop_test (tests, a_profile_is_a_file_beside_the_scenario, 0, G_N_ELEMENTS (profiles));
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
