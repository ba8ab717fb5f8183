/* cmd-check.c: kmemlab check: runs every scenario that claims something and says which claims hold.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A claim is a scenario with [expect]. A line of the table is one line of its [expect], over all runs that
 * it is about: the range of what was measured, and in how many of them it held. Of what an interrupt
 * left undone nothing is said but that: it neither holds nor fails.
 */

#include "cli/claim-files.h"
#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/stop.h"
#include "cli/table.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define MAX_VALUE  28 /* characters of a setting's value in the table: a list of bins can be long */
#define MAX_SOURCE 60 /* of a source: the scenario has all of it, and --format json */

static struct {
  char *format, *output, *jobs;
  char **settings;
  gboolean json, quiet;
} options;

typedef enum {
  FORMAT_TEXT,
  FORMAT_JSON,
  FORMAT_KTAP,
} Format;

static const char *const format_names[] = { "text", "json", "ktap", NULL };

/* One line of [expect], over the runs that it is about. */
typedef struct {
  const KmlExpectation *expectation; /* (transfer none) */
  double least, most;                /* measured; not a number: in no run */
  guint n_runs, n_held;
} Line;

typedef struct {
  char *path;
  KmlExperiment
      *experiment; /* (owned) (nullable): the file is no good scenario, or not looked at */
  GArray *lines;   /* (owned) (element-type Line) */
  int status;      /* exit status of this claim alone */
} Claim;

typedef enum {
  HOLDS,
  FAILS,
  OPEN, /* no run says otherwise, but an interrupt came before all were made */
} Judgement;

static void
claim_free (Claim *self)
{
  kml_experiment_free (self->experiment);
  g_array_unref (self->lines);
  g_free (self->path);
  g_free (self);
}

static gboolean
was_interrupted (const Claim *self)
{
  return self->status == KML_EXIT_INTERRUPT || self->status == KML_EXIT_TERMINATE;
}

/* A line that is about no run says nothing, which is not what it was written for. */
static Judgement
judge_line (const Claim *self, const Line *line)
{
  if (line->n_held < line->n_runs)
    return FAILS;
  if (was_interrupted (self))
    return OPEN;
  return line->n_runs > 0 ? HOLDS : FAILS;
}

/* Holds: came to its end, and each line held in each run. */
static Judgement
judge_claim (const Claim *self)
{
  for (guint i = 0; i < self->lines->len; i++)
    if (judge_line (self, &g_array_index (self->lines, Line, i)) == FAILS)
      return FAILS;
  if (was_interrupted (self))
    return OPEN;
  return self->status == KML_EXIT_DONE ? HOLDS : FAILS;
}

/* ---- Running ---- */

/* The line of @expectation. What no scenario has to say (that there are no deadlocks) gets one where it is not so. */
static Line *
line_of (Claim *self, const KmlExpectation *expectation)
{
  const Line line = { expectation, NAN, NAN, 0, 0 };

  for (guint i = 0; i < self->lines->len; i++)
    if (g_array_index (self->lines, Line, i).expectation == expectation)
      return &g_array_index (self->lines, Line, i);
  g_array_append_val (self->lines, line);
  return &g_array_index (self->lines, Line, self->lines->len - 1);
}

static void
judge_run (Claim *self, const KmlResult *result)
{
  g_autoptr (GArray) verdicts = kml_experiment_verdicts (self->experiment, result);

  if (g_strcmp0 (result->status, "done") != 0)
    return;
  for (guint i = 0; i < verdicts->len; i++) {
    const KmlVerdict *verdict = &g_array_index (verdicts, KmlVerdict, i);
    Line *line = line_of (self, verdict->expectation);

    line->least = fmin (line->least, verdict->measured); /* of a number and none the number */
    line->most = fmax (line->most, verdict->measured);
    line->n_runs++;
    line->n_held += verdict->held;
  }
}

static void
run_claim (Claim *self)
{
  const GPtrArray *expectations = kml_scenario_expectations (self->experiment->scenario);
  g_autoptr (GPtrArray) results = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < expectations->len; i++)
    line_of (self, g_ptr_array_index (expectations, i));
  self->status = kml_experiment_run (self->experiment);
  results = kml_experiment_results (self->experiment, &error);
  if (results == NULL) {
    self->status = kml_worse_exit (self->status, kml_fail (error));
    return;
  }
  for (guint i = 0; i < results->len; i++)
    judge_run (self, g_ptr_array_index (results, i));
}

/* FALSE after what is wrong with the file has been said. */
static gboolean
load_claim (Claim *self, const KmlRunOptions *run_options)
{
  g_autoptr (KmlExperiment)
      experiment = kml_experiment_new (self->path, run_options, NULL, &self->status);

  if (experiment == NULL)
    return FALSE;
  if (kml_scenario_expectations (experiment->scenario)->len == 0) {
    self->status = kml_usage_error ("check", "%s has no [expect] group: it claims nothing",
                                    self->path);
    return FALSE;
  }
  self->experiment = g_steal_pointer (&experiment);
  return TRUE;
}

/* With what was said of it, or done, as its status. */
static void
look_at_claim (Claim *self, const KmlRunOptions *run_options)
{
  if (load_claim (self, run_options))
    run_claim (self);
  if (self->status == KML_EXIT_DONE && judge_claim (self) == FAILS)
    self->status = KML_EXIT_FOUND;
}

static Claim *
claim_new (const char *path)
{
  Claim *self = g_new0 (Claim, 1);

  self->path = g_strdup (path);
  self->lines = g_array_new (FALSE, FALSE, sizeof (Line));
  return self;
}

/* ---- What is said ---- */

/* Counts to the last digit, since they are claimed so; 10^15 is a double to the unit. */
static char *
format_value (double value)
{
  return g_strdup_printf (value == floor (value) && fabs (value) < 1e15 ? "%.0f" : "%.6g", value);
}

static char *
format_measured (const Line *line)
{
  g_autofree char *least = format_value (line->least);
  g_autofree char *most = format_value (line->most);

  if (isnan (line->least))
    return g_strdup ("nothing");
  return line->least == line->most ? g_steal_pointer (&least)
                                   : g_strdup_printf ("%s .. %s", least, most);
}

/* "0.25 +- 0.0005" is 0.25 and 0.0005, with ± as well; whatever has no tolerance is expected as a whole. */
static void
split_expected (const KmlExpectation *expectation, char **ret_expected, char **ret_tolerance)
{
  const char *plain = strstr (expectation->text, "+-");
  const char *sign = plain != NULL ? plain : strstr (expectation->text, "±"); /* two bytes, too */

  if (sign == NULL) {
    *ret_expected = g_strdup (expectation->text);
    *ret_tolerance = g_strdup ("");
    return;
  }
  *ret_expected = g_strchomp (g_strndup (expectation->text, (gsize)(sign - expectation->text)));
  *ret_tolerance = g_strchug (g_strdup (sign + 2));
}

/* Of more than @most characters the last ones are cut. (transfer full) */
static char *
shorten (const char *text, glong most)
{
  g_autofree char *begin = NULL;

  if (g_utf8_strlen (text, -1) <= most)
    return g_strdup (text);
  begin = g_utf8_substring (text, 0, most - 1);
  return g_strconcat (g_strchomp (begin), "…", NULL);
}

/* "frag.internal.mean (objects.bins = pow2)"; a value of more than @most characters is cut. */
static char *
describe_line (const Line *line, glong most)
{
  const KmlExpectation *expectation = line->expectation;
  g_autofree char *value = NULL;

  if (expectation->when_key == NULL)
    return g_strdup (expectation->metric);
  value = shorten (expectation->when_value, most);
  return g_strdup_printf ("%s (%s = %s)", expectation->metric, expectation->when_key, value);
}

/* "A04-linear-classes" */
static char *
claim_name (const Claim *claim)
{
  char *name = g_path_get_basename (claim->path);

  if (g_str_has_suffix (name, ".ini"))
    name[strlen (name) - strlen (".ini")] = '\0';
  return name;
}

static void
add_text_row (KmlTable *table, const Claim *claim, guint i)
{
  static const char *const words[] = { "pass", "FAIL", "stopped" };
  static const KmlStyle styles[] = { KML_STYLE_GOOD, KML_STYLE_BAD, KML_STYLE_PLAIN };
  const Line *line = &g_array_index (claim->lines, Line, i);
  const Judgement judgement = judge_line (claim, line);
  char *expected, *tolerance;

  split_expected (line->expectation, &expected, &tolerance);
  kml_table_add_cell (table, i == 0 ? claim_name (claim) : g_strdup (""));
  kml_table_add_cell (
      table, shorten (i == 0 ? kml_scenario_source (claim->experiment->scenario) : "", MAX_SOURCE));
  kml_table_add_cell (table, describe_line (line, MAX_VALUE));
  kml_table_add_cell (table, expected);
  kml_table_add_cell (table, format_measured (line));
  kml_table_add_cell (table, tolerance);
  kml_table_add_styled_cell (
      table,
      judgement == OPEN || (judgement == HOLDS && line->n_runs == 1)
          ? g_strdup (words[judgement])
          : g_strdup_printf ("%s %u of %u", words[judgement], line->n_held, line->n_runs),
      styles[judgement]);
}

static void
print_text (const GPtrArray *claims)
{
  static const char *const headers[] = { "claim",    "source",    "metric", "expected",
                                         "measured", "tolerance", "pass" };
  g_autoptr (KmlTable) table = kml_table_new ();

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    kml_table_add_column (table, headers[i], KML_ALIGN_LEFT);
  for (guint i = 0; i < claims->len; i++) {
    const Claim *claim = g_ptr_array_index (claims, i);

    for (guint j = 0; j < claim->lines->len; j++)
      add_text_row (table, claim, j);
  }
  kml_table_print (table);
  kml_out ("\n");
}

/* null: nobody knows. */
static void
add_json_pass (JsonBuilder *builder, Judgement judgement)
{
  if (judgement == OPEN)
    kml_json_text (builder, "pass", NULL);
  else
    kml_json_boolean (builder, "pass", judgement == HOLDS);
}

static void
add_json_line (JsonBuilder *builder, const Claim *claim, const Line *line)
{
  const KmlExpectation *expectation = line->expectation;
  g_autofree char *expected = NULL, *tolerance = NULL;

  split_expected (expectation, &expected, &tolerance);
  kml_json_begin_object (builder, NULL);
  kml_json_text (builder, "metric", expectation->metric);
  kml_json_text (builder, "when", expectation->when_key);
  kml_json_text (builder, "is", expectation->when_value);
  kml_json_text (builder, "expected", expected);
  kml_json_text (builder, "tolerance", tolerance);
  kml_json_number (builder, "least", line->least);
  kml_json_number (builder, "most", line->most);
  kml_json_count (builder, "runs", line->n_runs);
  kml_json_count (builder, "held", line->n_held);
  add_json_pass (builder, judge_line (claim, line));
  json_builder_end_object (builder);
}

static void
print_json (const GPtrArray *claims)
{
  JsonBuilder *builder = kml_json_new ("check/1");

  kml_json_begin_array (builder, "claims");
  for (guint i = 0; i < claims->len; i++) {
    const Claim *claim = g_ptr_array_index (claims, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "scenario", claim->path);
    if (claim->experiment != NULL) {
      kml_json_text (builder, "title", kml_scenario_title (claim->experiment->scenario));
      kml_json_text (builder, "source", kml_scenario_source (claim->experiment->scenario));
    }
    kml_json_count (builder, "status", (guint64)claim->status);
    add_json_pass (builder, judge_claim (claim));
    kml_json_begin_array (builder, "expectations");
    for (guint j = 0; j < claim->lines->len; j++)
      add_json_line (builder, claim, &g_array_index (claim->lines, Line, j));
    json_builder_end_array (builder);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  kml_json_print (builder);
}

/* A description may not hold what KTAP gives a meaning. */
static char *
ktap_word (const char *text)
{
  char *word = kml_printable (text);

  return g_strdelimit (word, "#\n", ' ');
}

static void
print_ktap_claim (const Claim *claim, guint number)
{
  static const char *const words[] = { "ok", "not ok", "ok" };
  g_autofree char *path = ktap_word (claim->path);

  if (claim->lines->len > 0)
    kml_out ("    KTAP version 1\n    1..%u\n", claim->lines->len);
  for (guint i = 0; i < claim->lines->len; i++) {
    const Line *line = &g_array_index (claim->lines, Line, i);
    const Judgement judgement = judge_line (claim, line);
    g_autofree char *described = describe_line (line, G_MAXINT);
    g_autofree char *what = ktap_word (described);
    g_autofree char *measured = format_measured (line);
    g_autofree char *where = line->expectation->line > 0
                                 ? g_strdup_printf ("%s:%u", path, line->expectation->line)
                                 : g_strdup (path);

    if (judgement == FAILS)
      kml_out ("    # %s: expected %s, measured %s, held in %u of %u runs\n", where,
               line->expectation->text, measured, line->n_held, line->n_runs);
    kml_out ("    %s %u %s%s\n", words[judgement], i + 1, what,
             judgement == OPEN ? " # SKIP interrupted" : "");
  }
  kml_out ("%s %u %s\n", words[judge_claim (claim)], number, path);
}

/* The plan is that of all claims; what an interrupt left of them comes last. */
static void
print_ktap (const GPtrArray *claims)
{
  kml_out ("KTAP version 1\n1..%u\n", claims->len);
  for (guint i = 0; i < claims->len; i++) {
    const Claim *claim = g_ptr_array_index (claims, i);

    if (judge_claim (claim) == OPEN) {
      kml_out ("Bail out! Interrupted: %u of %u claims not looked at to the end\n", claims->len - i,
               claims->len);
      return;
    }
    print_ktap_claim (claim, i + 1);
  }
}

/* ---- The command ---- */

/* FALSE after the mistake has been said. */
static gboolean
read_format (Format *ret_format)
{
  const char *name = options.json ? "json" : options.format != NULL ? options.format : "text";

  for (guint i = 0; format_names[i] != NULL; i++)
    if (g_str_equal (format_names[i], name)) {
      *ret_format = (Format)i;
      return TRUE;
    }
  {
    g_autofree char *message = kml_unknown_name ("format", name, format_names);

    kml_usage_error ("check", "--format: %s", message);
  }
  return FALSE;
}

/* FALSE after the mistake has been said. */
static gboolean
find_files (char **arguments, GPtrArray *paths, int *ret_status)
{
  static char *here[] = { (char *)".", NULL };
  char **folders = arguments[0] != NULL ? arguments : here;

  for (guint i = 0; folders[i] != NULL; i++) {
    g_autoptr (GError) error = NULL;

    if (!kml_claim_files_add (folders[i], paths, &error)) {
      *ret_status = kml_fail (error);
      return FALSE;
    }
  }
  if (paths->len > 0)
    return TRUE;
  *ret_status = kml_usage_error ("check", "no scenario with an [expect] group was found in %s",
                                 folders[0]);
  return FALSE;
}

/* Runs them all; what a file or a run did wrong stays with its claim. */
static int
check_files (const GPtrArray *paths, const KmlRunOptions *run_options, GPtrArray *claims)
{
  int status = KML_EXIT_DONE;

  for (guint i = 0; i < paths->len; i++) {
    Claim *claim = claim_new (g_ptr_array_index (paths, i));

    g_ptr_array_add (claims, claim);
    claim->status = kml_stop_exit ();
    if (claim->status == KML_EXIT_DONE)
      look_at_claim (claim, run_options);
    status = kml_worse_exit (status, claim->status);
  }
  return status;
}

/* Whether any file was a claim that could be made: of others what is wrong has been said. */
static gboolean
have_results (const GPtrArray *claims)
{
  for (guint i = 0; i < claims->len; i++)
    if (((const Claim *)g_ptr_array_index (claims, i))->experiment != NULL)
      return TRUE;
  return FALSE;
}

/* @failed (nullable): the first claim that was run and does not hold. */
static void
say_next (const Claim *failed, gboolean interrupted)
{
  g_autofree char *word = failed != NULL ? kml_shell_word (failed->path) : NULL;

  if (options.quiet)
    return;
  if (failed != NULL)
    kml_note ("Next: kmemlab run %s, which lists every run that differs", word);
  else if (interrupted && options.output != NULL)
    kml_note ("Next: the same command, which goes on");
  else if (interrupted)
    kml_note ("Next: the same command with --output FILE, which keeps what is finished");
  else
    kml_note ("Next: kmemlab check --format ktap, for scripts");
}

static void
summarise (const GPtrArray *claims)
{
  const Claim *failed = NULL;
  guint n[] = { [HOLDS] = 0, [FAILS] = 0, [OPEN] = 0 };

  for (guint i = claims->len; i-- > 0;) {
    const Claim *claim = g_ptr_array_index (claims, i);
    const Judgement judgement = judge_claim (claim);

    n[judgement]++;
    if (judgement == FAILS && claim->experiment != NULL)
      failed = claim;
  }
  if (n[OPEN] == 0)
    kml_note ("%u of %u claims hold.", n[HOLDS], claims->len);
  else
    kml_note ("Interrupted: %u of %u claims hold, %u do not, %u not looked at to the end.",
              n[HOLDS], claims->len, n[FAILS], n[OPEN]);
  say_next (failed, n[OPEN] > 0);
}

static int
run (char **arguments)
{
  g_autoptr (GPtrArray) claims = g_ptr_array_new_with_free_func ((GDestroyNotify)claim_free);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *folder = NULL, *database = NULL;
  g_autoptr (GError) error = NULL;
  KmlRunOptions run_options = { .settings = options.settings,
                                .jobs = options.jobs,
                                .output = options.output,
                                .quiet = options.quiet,
                                .thrown_away = options.output == NULL };
  Format format;
  int status;

  if (!read_format (&format) || !kml_run_options_check (&run_options, "check"))
    return KML_EXIT_INPUT;
  if (!find_files (arguments, paths, &status))
    return status;
  kml_stop_install (); /* a folder that is thrown away is, then */
  if (options.output == NULL) {
    folder = g_dir_make_tmp ("kmemlab-check-XXXXXX", &error);
    if (folder == NULL) {
      kml_error ("%s", error->message);
      return KML_EXIT_WORLD;
    }
    run_options.output = database = g_build_filename (folder, "check.db", NULL);
  }
  status = check_files (paths, &run_options, claims);
  if (folder != NULL) {
    g_unlink (database);
    g_rmdir (folder);
  }

  if (format == FORMAT_TEXT && have_results (claims))
    print_text (claims);
  if (format == FORMAT_JSON)
    print_json (claims);
  if (format == FORMAT_KTAP)
    print_ktap (claims);
  if (have_results (claims) || kml_stop_exit () != KML_EXIT_DONE)
    summarise (claims);
  return status;
}

static const GOptionEntry entries[] = {
  { "format", 0, 0, G_OPTION_ARG_STRING, &options.format, "How to say it (default: text)",
    "text|json|ktap" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "The same as --format json", NULL },
  { "set", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &options.settings,
    "Override a setting of every scenario (repeatable)", "GROUP.KEY=VALUE" },
  { "jobs", 'j', 0, G_OPTION_ARG_STRING, &options.jobs,
    "Worker processes (default: one a processor)", "N" },
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "Keep the results in this database (default: they are thrown away)", "FILE" },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "No progress, no hints", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "check",
  .summary = "Run every scenario that claims something, and say which claims hold",
  .usage = "[FOLDER|SCENARIO]… [OPTION]…",
  .details = "A claim is a scenario with an [expect] group; without an argument all below this "
             "folder are\n"
             "run. With -o a second call runs only what has changed. Exit status 1: a claim does "
             "not hold.",
  .examples = { "check scenarios/claims", "check scenarios/claims --format ktap" },
  .options = entries,
  .run = run,
};

KML_REGISTER_COMMAND (command)
