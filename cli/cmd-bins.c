/* cmd-bins.c: kmemlab bins: bin sizes made for a workload.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * In this order: read what is asked for; draw the curve and choose a set; compare with the usual ones; validate;
 * simulate every set; store; show. Only the simulation needs a database; without -o it is a temporary one.
 */

#include "cli/bins.h"
#include "cli/output.h"
#include "scenarios/loading/bin-file.h"
#include "simcore/base/units.h"

#include <glib/gstdio.h>
#include <string.h>

#define DEFAULT_MAX_BINS 64
#define DEFAULT_FOLDS    5
#define DEFAULT_SETS     "pow2 | linux-slab | linux | geometric:4 | jemalloc | mimalloc | tcmalloc"

/* The largest object that segregated makes slabs of. */
#define MAX_OBJECT_SIZE (G_GUINT64_CONSTANT (1) << 30)

static struct {
  KmlRunOptions common;
  char *bins, *max_bins, *quantum, *prefix, *hold, *max_size, *weight, *sets, *simulate, *folds,
      *classes;
  char *scenario, *plot;
  gboolean tails;
} options;

/* The options, understood. */
typedef struct {
  guint64 n_bins; /* 0: the knee */
  guint64 max_bins, folds;
  guint64 max_size, hold;
  gboolean has_hold;
  KmlDemandWeight weight;
  double share; /* of the simulation; 0: none */
} Wishes;

static const char *const weights[] = { "requests", "time", NULL };

/* ---- Options ---- */

/* @text NULL: leaves the size alone. FALSE after the mistake has been said. */
static gboolean
read_size_option (const char *option, const char *text, guint64 min, guint64 *ret_size)
{
  g_autoptr (GError) error = NULL;

  if (text == NULL)
    return TRUE;
  if (!kml_parse_size (text, ret_size, &error)) {
    kml_usage_error ("bins", "%s: %s", option, error->message);
    return FALSE;
  }
  if (*ret_size < min || *ret_size > MAX_OBJECT_SIZE) {
    g_autofree char *most = kml_format_size (MAX_OBJECT_SIZE);

    kml_usage_error ("bins", "%s: expected a size from %" G_GUINT64_FORMAT " to %s, not %s", option,
                     min, most, text);
    return FALSE;
  }
  return TRUE;
}

/* --quantum is a setting of the allocator: design, simulation and the written scenario have it alike. */
static char **
add_quantum (char **settings)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new ();

  for (; settings != NULL && *settings != NULL; settings++)
    g_ptr_array_add (all, g_strdup (*settings));
  if (options.quantum != NULL)
    g_ptr_array_add (all, g_strconcat ("objects.quantum=", options.quantum, NULL));
  g_ptr_array_add (all, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&all), FALSE);
}

/* "no", "all", "25%" or "0.25" */
static gboolean
read_share (double *ret_share)
{
  const char *text = options.simulate;
  const gboolean percent = text != NULL && g_str_has_suffix (text, "%");
  g_autofree char *number = text != NULL ? g_strndup (text, strlen (text) - (percent ? 1 : 0))
                                         : NULL;

  *ret_share = 1;
  if (text == NULL || g_str_equal (text, "all"))
    return TRUE;
  *ret_share = 0;
  if (g_str_equal (text, "no"))
    return TRUE;
  if (kml_parse_real (number, ret_share, NULL)) {
    *ret_share /= percent ? 100 : 1;
    if (*ret_share > 0 && *ret_share <= 1)
      return TRUE;
  }
  kml_usage_error ("bins", "--simulate: expected all, no or a share such as 25%%, not %s", text);
  return FALSE;
}

static gboolean
read_weight (KmlDemandWeight *ret_weight)
{
  g_autofree char *message = NULL;

  for (guint i = 0; weights[i] != NULL; i++)
    if (options.weight == NULL || g_str_equal (options.weight, weights[i])) {
      *ret_weight = (KmlDemandWeight)i;
      return TRUE;
    }
  message = kml_unknown_name ("weight", options.weight, weights);
  kml_usage_error ("bins", "--weigh: %s", message);
  return FALSE;
}

static gboolean
check_plot (void)
{
  static const char *const endings[] = { ".svg", ".png", ".pdf", ".txt" };

  if (options.plot == NULL || g_str_equal (options.plot, "terminal"))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (options.plot, endings[i]))
      return TRUE;
  kml_usage_error ("bins",
                   "--plot: expected a name that ends in .svg, .png, .pdf or .txt, or “terminal”, "
                   "not %s",
                   options.plot);
  return FALSE;
}

static gboolean
read_wishes (Wishes *ret_wishes)
{
  Wishes wishes = { .max_bins = DEFAULT_MAX_BINS,
                    .folds = DEFAULT_FOLDS,
                    .max_size = MAX_OBJECT_SIZE,
                    .has_hold = options.hold != NULL };

  if (!kml_run_options_check (&options.common, "bins") ||
      !kml_option_count ("bins", "--bins", options.bins, 1, KML_MAX_BINS, &wishes.n_bins) ||
      !kml_option_count ("bins", "--max-bins", options.max_bins, 1, KML_MAX_BINS,
                         &wishes.max_bins) ||
      !kml_option_count ("bins", "--folds", options.folds, 2, KML_DEMAND_MAX_PARTS / 2,
                         &wishes.folds) ||
      !read_size_option ("--hold", options.hold, 0, &wishes.hold) ||
      !read_size_option ("--max-size", options.max_size, 1, &wishes.max_size) ||
      !read_weight (&wishes.weight) || !read_share (&wishes.share) || !check_plot ())
    return FALSE;
  wishes.max_bins = MAX (wishes.max_bins, wishes.n_bins);
  *ret_wishes = wishes;
  return TRUE;
}

/* ---- Rules ---- */

/* A number among the subject's settings, which were checked when it was loaded. */
static guint64
setting (const KmlBinSubject *subject, const char *key, guint64 otherwise)
{
  const char *text = kml_run_spec_get (subject->spec, key);
  guint64 value;

  return text != NULL && kml_parse_size (text, &value, NULL) ? value : otherwise;
}

static gboolean
make_rules (const KmlBinSubject *subject, const Wishes *wishes, KmlBinRules *ret_rules)
{
  g_autoptr (GError) error = NULL;
  KmlBinRules rules = {
    .quantum = setting (subject, "objects.quantum", 8),
    .max_size = wishes->max_size,
    .hold = wishes->has_hold ? wishes->hold : 2 * setting (subject, "machine.page-size", 4096),
    .with_tails = options.tails,
    .slabs = { .page_size = setting (subject, "machine.page-size", 4096),
               .n_cpus = (guint)setting (subject, "machine.cpus", 1),
               .min_order = setting (subject, "objects.min-order", 0),
               .max_order = setting (subject, "objects.max-order", 3),
               .min_objects = setting (subject, "objects.min-objects", 0) },
  };

  if (options.prefix != NULL &&
      (kml_bins_is_file (options.prefix) || kml_bins_needs_sizes (options.prefix) ||
       !kml_bins_parse (options.prefix, rules.quantum, NULL, 0, &rules.prefix, &error))) {
    kml_usage_error ("bins", "--prefix: %s",
                     error != NULL ? error->message : "expected a list of sizes such as 8,16,32");
    return FALSE;
  }
  if (rules.prefix.n > 0 && rules.prefix.sizes[rules.prefix.n - 1] > rules.max_size) {
    kml_usage_error ("bins", "--prefix: %s has a bin above --max-size", options.prefix);
    kml_bins_clear (&rules.prefix);
    return FALSE;
  }
  *ret_rules = rules;
  return TRUE;
}

/* ---- Sets to compare with ---- */

static gboolean
is_compared (const KmlBinStudy *study, const char *name)
{
  for (guint i = 0; i < study->sets->len; i++)
    if (g_str_equal (((const KmlBinStudySet *)g_ptr_array_index (study->sets, i))->name, name))
      return TRUE;
  return FALSE;
}

/* Adds the set that @text means, which is at @path if it is a file's. */
static gboolean
add_set (KmlBinStudy *study, const char *text, const char *path, GError **error)
{
  const KmlBinSet *named = kml_bin_set_find (text);
  const char *source = named != NULL ? named->source : "as it was given";
  g_autofree char *file_source = NULL;
  KmlBinSet file;
  KmlBins bins;

  if (is_compared (study, text))
    return TRUE;
  if (kml_bins_is_file (text)) {
    if (!kml_bin_file_load (path, &file, error))
      return FALSE;
    source = file_source = g_strdup (file.source);
    kml_bins_from_sizes (file.bins.sizes, file.bins.n, study->rules.quantum, &bins);
    kml_bin_set_clear (&file);
  } else if (!kml_bins_parse (text, study->rules.quantum, (const KmlSizeCount *)study->counts->data,
                              study->counts->len, &bins, error)) {
    return FALSE;
  }
  kml_bin_study_compare (study, text, source, &bins);
  kml_bins_clear (&bins);
  return TRUE;
}

/* A scenario may have a set of its own. */
static gboolean
add_own_set (KmlBinStudy *study, const KmlBinSubject *subject, GError **error)
{
  const char *text = kml_run_spec_get (subject->spec, "objects.bins");
  g_autofree char *path = kml_scenario_locate (subject->scenario, text);

  return add_set (study, text, path, error);
}

static gboolean
add_sets (KmlBinStudy *study, const KmlBinSubject *subject)
{
  const char *list = options.sets != NULL ? options.sets : DEFAULT_SETS;
  g_auto (GStrv) texts = g_strsplit (list, strchr (list, '|') != NULL ? "|" : ",", -1);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; texts[i] != NULL; i++)
    if (!add_set (study, g_strstrip (texts[i]), texts[i], &error)) {
      kml_usage_error ("bins", "--sets: %s", error->message);
      return FALSE;
    }
  if (subject->text == NULL && !add_own_set (study, subject, &error)) {
    kml_fail (error);
    return FALSE;
  }
  return TRUE;
}

/* ---- Cross-validation ---- */

/* Halves and folds are both made of whole parts. */
static guint
parts_for (guint64 folds)
{
  return (guint)(folds % 2 == 0 ? folds : 2 * folds);
}

static void
validate (KmlBinStudy *study, const KmlDemand *demand, const char *split, guint n_folds)
{
  const guint32 all = (1u << n_folds) - 1;

  for (guint fold = 0; fold < n_folds; fold++) {
    g_autoptr (GArray) train = kml_demand_sizes (demand, n_folds, all & ~(1u << fold));
    g_autoptr (GArray) test = kml_demand_sizes (demand, n_folds, 1u << fold);

    kml_bin_study_validate (study, split, fold + 1, train, test);
  }
}

/* ---- The database ---- */

static gboolean
store (KmlBinStudy *study, const char *path, guint64 *ret_id, GError **error)
{
  g_autoptr (KmlDatabase) database = kml_database_open_for_writing (path, error);

  return database != NULL && kml_bin_study_read_runs (study, database, error) &&
         kml_bin_study_store (study, database, ret_id, error) &&
         kml_database_finish (g_steal_pointer (&database), error);
}

/* ---- Showing ---- */

/* "mix-bins.ini" for "traces/mix.kmt" */
static char *
default_scenario (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  char *dot = strrchr (name, '.');

  if (dot != NULL && dot != name)
    *dot = '\0';
  return g_strconcat (name, "-bins.ini", NULL);
}

static int
write_scenario (const KmlBinStudy *study, const KmlBinSubject *subject, const char *path)
{
  const KmlBinStudySet *set = kml_bin_study_chosen (study);
  g_autofree char *head = g_strdup_printf ("%u bins designed for %s, weighed by %s: they waste "
                                           "%.2f %% there inside blocks, %.2f %% with\n"
                                           "the ends of slabs.",
                                           set->bins.n, study->subject, study->weight,
                                           100 * kml_bin_usage_internal (&set->usage),
                                           100 * kml_bin_usage_with_tails (&set->usage));
  g_autoptr (GError) error = NULL;

  return kml_bin_subject_write (subject, &set->bins, head, path, &error) ? KML_EXIT_DONE
                                                                         : kml_fail (error);
}

/* The set of --classes, or the chosen one. NULL after the mistake has been said. */
static const KmlBinStudySet *
find_classes (const KmlBinStudy *study)
{
  g_autofree const char **names = g_new0 (const char *, study->sets->len + 1);
  g_autofree char *message = NULL;

  for (guint i = 0; i < study->sets->len; i++) {
    const KmlBinStudySet *set = g_ptr_array_index (study->sets, i);

    if (g_strcmp0 (set->name, options.classes) == 0)
      return set;
    names[i] = set->name;
  }
  if (options.classes == NULL)
    return kml_bin_study_chosen (study);
  message = kml_unknown_name ("set", options.classes, names);
  kml_usage_error ("bins", "--classes: %s", message);
  return NULL;
}

static void
say_next (const char *scenario)
{
  g_autofree char *word = kml_shell_word (scenario);

  if (options.common.quiet)
    return;
  kml_note ("The chosen set is in %s.", scenario);
  kml_note ("Next: kmemlab run %s", word);
}

/* ---- The command ---- */

static gboolean
design (KmlBinStudy *study, const Wishes *wishes)
{
  g_autoptr (GError) error = NULL;

  if (kml_bin_study_design (study, (guint)wishes->max_bins, &error) &&
      kml_bin_study_choose (study, wishes->n_bins != 0 ? (guint)wishes->n_bins : study->knee,
                            &error))
    return TRUE;
  kml_error ("%s: %s", study->subject, error->message);
  return FALSE;
}

static gboolean
check_times (const KmlBinSubject *subject, const Wishes *wishes)
{
  if (kml_demand_totals (subject->demand)->has_times)
    return TRUE;
  if (wishes->weight == KML_DEMAND_TIME)
    kml_usage_error ("bins", "--weigh time: nothing in %s has a set time, so lifetimes are unknown",
                     subject->path);
  else if (wishes->share > 0 && wishes->share < 1)
    kml_usage_error ("bins",
                     "--simulate: nothing in %s has a set time: say how many operations instead "
                     "(-s workload.NAME.operations=N)",
                     subject->path);
  else
    return TRUE;
  return FALSE;
}

/* NULL after the mistake has been said. */
static KmlBinStudy *
make_study (const KmlBinSubject *subject, const Wishes *wishes)
{
  const KmlDemandTotals *totals = kml_demand_totals (subject->demand);
  g_autoptr (KmlBinStudy) study = NULL;
  KmlBinRules rules;

  if (!check_times (subject, wishes) || !make_rules (subject, wishes, &rules))
    return NULL;
  study = kml_bin_study_new (kml_demand_sizes (subject->demand, 1, 1), &rules);
  kml_bins_clear (&rules.prefix);
  g_free (study->subject);
  g_free (study->title);
  g_free (study->weight);
  study->subject = g_path_get_basename (subject->path);
  study->title = g_strdup (kml_scenario_title (subject->scenario));
  study->weight = g_strdup (weights[wishes->weight]);
  study->n_requests = totals->requests;
  study->n_of_caches = totals->of_caches;
  if (!design (study, wishes) || !add_sets (study, subject))
    return NULL;
  validate (study, subject->demand, "halves", 2);
  validate (study, subject->demand, "folds", (guint)wishes->folds);
  return g_steal_pointer (&study);
}

/* Everything that needs the database at @path, and showing. */
static int
go_on (KmlBinStudy *study, const KmlBinSubject *subject, const Wishes *wishes, const char *path,
       gboolean keep)
{
  g_autofree char *scenario = options.scenario != NULL ? g_strdup (options.scenario)
                                                       : default_scenario (subject->path);
  KmlRunOptions run_options = options.common;
  KmlBinReport report = { .scenario = scenario,
                          .database = keep ? path : NULL,
                          .share = wishes->share };
  g_autoptr (GError) error = NULL;
  int status = KML_EXIT_DONE;

  run_options.output = (char *)path;
  run_options.thrown_away = !keep;
  report.classes = find_classes (study);
  if (report.classes == NULL)
    return KML_EXIT_INPUT;
  if (wishes->share > 0)
    status = kml_bin_study_simulate (study, subject, wishes->share, &run_options);
  if (status != KML_EXIT_DONE)
    return status;
  if (!store (study, path, &report.study_id, &error))
    return kml_fail (error);
  status = write_scenario (study, subject, scenario);
  if (options.common.json)
    kml_bin_report_json (study, &report);
  else
    kml_bin_report_print (study, &report);
  if (options.plot != NULL)
    status = kml_worse_exit (status, kml_bin_study_draw (path, report.study_id, options.plot,
                                                         study->validations->len > 0,
                                                         options.common.quiet));
  if (status == KML_EXIT_DONE)
    say_next (scenario);
  return status;
}

/* With a database that is thrown away. */
static int
go_on_without_database (KmlBinStudy *study, const KmlBinSubject *subject, const Wishes *wishes)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("kmemlab-bins-XXXXXX", &error);
  g_autofree char *path = folder != NULL ? g_build_filename (folder, "bins.db", NULL) : NULL;
  int status;

  if (folder == NULL)
    return kml_fail (error);
  status = go_on (study, subject, wishes, path, FALSE);
  g_unlink (path);
  g_rmdir (folder);
  return status;
}

static int
run (char **arguments)
{
  g_autoptr (KmlBinSubject) subject = NULL;
  g_autoptr (KmlBinStudy) study = NULL;
  g_auto (GStrv) settings = NULL;
  Wishes wishes;
  int status;

  if (!read_wishes (&wishes))
    return KML_EXIT_INPUT;
  settings = add_quantum (options.common.settings);
  g_strfreev (options.common.settings);
  options.common.settings = settings;
  options.common.last_option = options.quantum != NULL ? "--quantum" : NULL;
  subject = kml_bin_subject_new (arguments[0], wishes.weight, parts_for (wishes.folds),
                                 &options.common, &status);
  if (subject == NULL)
    return status;
  study = make_study (subject, &wishes);
  if (study == NULL)
    return KML_EXIT_INPUT;
  if (options.common.output != NULL)
    return go_on (study, subject, &wishes, options.common.output, TRUE);
  return go_on_without_database (study, subject, &wishes);
}

static const GOptionEntry entries[] = {
  { "bins", 'k', 0, G_OPTION_ARG_STRING, &options.bins,
    "How many bins to choose (default: the knee of the curve)", "N" },
  { "max-bins", 0, 0, G_OPTION_ARG_STRING, &options.max_bins,
    "How far the curve goes (default: " G_STRINGIFY (DEFAULT_MAX_BINS) ")", "N" },
  { "quantum", 0, 0, G_OPTION_ARG_STRING, &options.quantum,
    "Bins are multiples of this (default: the scenario's, 8)", "SIZE" },
  { "tails", 0, 0, G_OPTION_ARG_NONE, &options.tails,
    "Count what is left over at the ends of slabs as waste", NULL },
  { "prefix", 0, 0, G_OPTION_ARG_STRING, &options.prefix,
    "The smallest bins are these; design the others", "SIZE,…" },
  { "hold", 0, 0, G_OPTION_ARG_STRING, &options.hold,
    "Bins hold every size asked for up to this (default: two pages); larger ones may be left to "
    "the page level",
    "SIZE" },
  { "max-size", 0, 0, G_OPTION_ARG_STRING, &options.max_size,
    "Leave all larger requests to the page level (default: 1GiB)", "SIZE" },
  { "weigh", 0, 0, G_OPTION_ARG_STRING, &options.weight,
    "What a size counts for: requests, or the time that its blocks live", "requests|time" },
  { "sets", 0, 0, G_OPTION_ARG_STRING, &options.sets,
    "What to compare with (default: the usual sets); lists are separated by |", "SET,…" },
  { "folds", 0, 0, G_OPTION_ARG_STRING, &options.folds,
    "Pieces of time for cross-validation (default: " G_STRINGIFY (DEFAULT_FOLDS) ")", "N" },
  { "simulate", 0, 0, G_OPTION_ARG_STRING, &options.simulate,
    "Run the workload under each set: all of it, its beginning, or not", "all|SHARE%|no" },
  { "classes", 0, 0, G_OPTION_ARG_STRING, &options.classes,
    "List the bins of this set (default: the chosen one)", "SET" },
  { "scenario", 0, 0, G_OPTION_ARG_FILENAME, &options.scenario,
    "Where to write the chosen set (default: NAME-bins.ini, in this folder)", "FILE" },
  { "plot", 0, 0, G_OPTION_ARG_FILENAME, &options.plot,
    "Draw it too: FILE (.svg, .png, .pdf, .txt) has the curve, others are beside it", "FILE" },
  KML_SETTING_OPTIONS (options.common),
  { "jobs", 'j', 0, G_OPTION_ARG_STRING, &options.common.jobs,
    "Worker processes (default: one a processor)", "N" },
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.common.output,
    "Keep study and simulations in this database", "FILE" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.common.json, "Print one JSON document", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.common.quiet, "No progress, no hints", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "bins",
  .summary = "Design bin sizes for a workload and compare them with the usual sets",
  .usage = "TRACE|SCENARIO [OPTION]…",
  .details =
      "Finds the set of k sizes that wastes least, exactly, for every k; chooses k where more "
      "bins\n"
      "save little (or as -k says); measures it on parts of the time that it was not made for;\n"
      "runs the workload under it and the usual sets; writes it as a scenario. docs/bins.md\n"
      "explains every figure.",
  .examples = { "bins mix.kmt --plot bins.svg",
                "bins bins.ini -k 16 --weigh time --tails -o bins.db" },
  .options = entries,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
