/* cmd-verify.c: kmemlab verify: runs again what a database says, and compares.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Runs of one campaign have the same scenario text, overrides and folder: such a
 * group is loaded once, and each stored run is looked up in it by its key. A run
 * stored by another version has another key; there its settings, its files and
 * its seed say which it is, and a different fingerprint may be the version's
 * doing, which the table shows.
 *
 * The files that runs have read are looked for by their content (locate.c). Runs
 * of one scenario that have read different contents under one name, because the
 * file was changed in between, are groups apart.
 */

#include "cli/experiment.h"
#include "cli/locate.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "cli/table.h"
#include "simcore/allocator.h"
#include "simcore/device.h"
#include "simcore/workload.h"

#include <string.h>

/* So many runs are looked for one by one, and more by going through all of their scenario. */
#define FEW 64

static struct {
  char **runs;
  char **bases;
  char *jobs;
  gboolean json, quiet;
} options;

typedef enum {
  AGREES,
  DIFFERS,
  NOT_DONE,  /* it failed or crashed when it was stored */
  NOT_FOUND, /* the scenario that is stored with it does not lead to it */
  NO_INPUT,  /* a file that it has read is not found */
  NOT_RUN,   /* it failed now */
  NOT_MADE,  /* an interrupt, or an error, came before it had ended */
  NEWER,     /* stored by a newer version */
} Outcome;

static const char *const outcome_names[] = {
  "agrees",           "differs",       "was not done",       "not found", "a file is missing",
  "could not be run", "not looked at", "of a newer version",
};

/* A stored run and what became of it now. */
typedef struct {
  KmlResult *stored; /* (owned) */
  Outcome outcome;
  char *fingerprint;     /* (owned) (nullable): of now */
  char *message;         /* (owned) (nullable) */
  guint64 index;         /* in the scenario */
  gboolean is_looked_at; /* its scenario was, or there is nothing to look at */
} Check;

/* One scenario, loaded from the database, and the checks that are runs of it. */
typedef struct {
  KmlLocatePlaces places;
  GHashTable *digests; /* (element-type utf8 utf8): of each file that runs of the group have read */
  GHashTable *paths;   /* (element-type utf8 filename): … and where it is; not there: missing */
  KmlScenario *scenario; /* (owned) (nullable) */
  GPtrArray *checks;     /* (element-type Check): by index, ascending */
} Group;

static void
check_free (Check *check)
{
  kml_result_free (check->stored);
  g_free (check->fingerprint);
  g_free (check->message);
  g_free (check);
}

/* ---- Versions ---- */

/* Whether version @a ("0.2.0") is newer than @b. */
static gboolean
is_newer (const char *a, const char *b)
{
  for (;;) {
    char *end_a, *end_b;
    const guint64 left = g_ascii_strtoull (a, &end_a, 10);
    const guint64 right = g_ascii_strtoull (b, &end_b, 10);

    if (left != right)
      return left > right;
    if (*end_a != '.' || *end_b != '.')
      return FALSE;
    a = end_a + 1;
    b = end_b + 1;
  }
}

/* ---- The scenario of a run ---- */

/* An allocator, a workload or a device that the run had and this program has not: then a module had brought it. (nullable) */
static const char *
find_missing_plugin (const KmlResult *stored)
{
  for (guint i = 0; i < stored->settings->len; i++) {
    const KmlSetting *setting = g_ptr_array_index (stored->settings, i);
    const char *dot = strrchr (setting->key, '.');

    if (dot == NULL)
      continue;
    if (g_str_equal (dot, ".allocator") && kml_allocator_find (setting->value) == NULL)
      return setting->value;
    if (!g_str_equal (dot, ".kind"))
      continue;
    if ((g_str_has_prefix (setting->key, "workload.") &&
         kml_workload_find (setting->value) == NULL) ||
        (g_str_has_prefix (setting->key, "device.") && kml_device_find (setting->value) == NULL))
      return setting->value;
  }
  return NULL;
}

static gboolean
load_scenario (Group *self, const KmlResult *stored, GError **error)
{
  g_autofree char *base_dir = kml_locate_base_dir (stored, &self->places);
  g_auto (GStrv) overrides = g_strsplit (stored->overrides, "\n", -1);
  g_autoptr (GPtrArray) problems = kml_problems_new ();

  self->scenario = kml_scenario_load_text (stored->scenario, base_dir, self->paths,
                                           stored->scenario_text, strlen (stored->scenario_text),
                                           (const char *const *)overrides, problems);
  if (self->scenario == NULL) {
    g_autofree char *text = kml_problems_format (problems);
    const char *missing = find_missing_plugin (stored);

    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "the scenario that is stored with run %" G_GUINT64_FORMAT
                 " cannot be loaded:\n%s%s%s%s",
                 stored->run_id, g_strchomp (text), missing != NULL ? "\n“" : "",
                 missing != NULL ? missing : "",
                 missing != NULL ? "” came from a module: verify with --plugin FILE" : "");
  }
  return self->scenario != NULL;
}

/* The key depends on the version too: where it is another, the settings and the seed say which
 * run it is. */
static gboolean
is_same_run_of_other_version (const KmlRunSpec *spec, const KmlResult *stored)
{
  if (spec->seed != stored->seed || g_str_equal (stored->version, KML_VERSION) ||
      spec->inputs->len != stored->inputs->len)
    return FALSE;
  for (guint i = 0; i < stored->inputs->len; i++) {
    const KmlInput *here = g_ptr_array_index (spec->inputs, i);
    const KmlInput *there = g_ptr_array_index (stored->inputs, i);

    if (!g_str_equal (here->key, there->key) || !g_str_equal (here->digest, there->digest))
      return FALSE;
  }
  for (guint i = 0; i < stored->settings->len; i++) {
    const KmlSetting *setting = g_ptr_array_index (stored->settings, i);

    if (g_strcmp0 (kml_run_spec_get (spec, setting->key), setting->value) != 0)
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_same_scenario (const KmlResult *a, const KmlResult *b)
{
  return g_str_equal (a->scenario_text, b->scenario_text) &&
         g_str_equal (a->overrides, b->overrides) && g_str_equal (a->base_dir, b->base_dir) &&
         g_str_equal (a->scenario, b->scenario);
}

/* Whether the run has read no other content than runs of the group, as far as names are the same. */
static gboolean
has_files_of (const Group *self, const KmlResult *stored)
{
  for (guint i = 0; i < stored->inputs->len; i++) {
    const KmlInput *input = g_ptr_array_index (stored->inputs, i);
    const char *digest = g_hash_table_lookup (self->digests, input->file);

    if (digest != NULL && !g_str_equal (digest, input->digest))
      return FALSE;
  }
  return TRUE;
}

/* Finds the files that the run has read, unless runs of the group have read them too. FALSE: one is missing. */
static gboolean
find_files (Group *self, Check *check)
{
  gboolean good = TRUE;

  for (guint i = 0; i < check->stored->inputs->len; i++) {
    const KmlInput *input = g_ptr_array_index (check->stored->inputs, i);
    g_autofree char *story = NULL;
    g_autofree char *path = NULL;

    if (!g_hash_table_contains (self->digests, input->file)) {
      g_hash_table_insert (self->digests, g_strdup (input->file), g_strdup (input->digest));
      path = kml_locate_input (check->stored, input, &self->places, &story);
      if (path != NULL)
        g_hash_table_insert (self->paths, g_strdup (input->file), g_steal_pointer (&path));
      else {
        g_autofree char *printable = kml_printable (story);

        kml_error ("%s", printable);
      }
    }
    if (good && !g_hash_table_contains (self->paths, input->file)) {
      good = FALSE;
      check->message = g_strdup_printf ("the file “%s” is not found", input->file);
    }
  }
  return good;
}

/* The checks of the scenario of @first that can be made together, which are taken care of from now on. Those that
 * lack a file are left out. (transfer container) */
static GPtrArray *
take_checks (Group *self, GPtrArray *checks, const KmlResult *first)
{
  GPtrArray *taken = g_ptr_array_new ();

  for (guint i = 0; i < checks->len; i++) {
    Check *check = g_ptr_array_index (checks, i);

    if (check->is_looked_at || !is_same_scenario (check->stored, first) ||
        !has_files_of (self, check->stored))
      continue;
    check->is_looked_at = TRUE;
    check->outcome = find_files (self, check) ? NOT_FOUND : NO_INPUT;
    if (check->outcome == NOT_FOUND)
      g_ptr_array_add (taken, check);
  }
  return taken;
}

static gboolean
is_run_of (const KmlRunSpec *spec, const Check *check)
{
  return g_str_equal (spec->key, check->stored->run_key) ||
         is_same_run_of_other_version (spec, check->stored);
}

static void
take_found (Group *self, Check *check, guint64 index)
{
  check->outcome = NOT_MADE;
  check->index = index;
  g_ptr_array_add (self->checks, check);
}

/* Finds @checks by their settings, which costs nothing for the other runs. */
static void
find_by_settings (Group *self, const GPtrArray *checks)
{
  for (guint i = 0; i < checks->len; i++) {
    Check *check = g_ptr_array_index (checks, i);
    g_autoptr (KmlRunSpec) spec = NULL;
    guint64 index;

    if (!kml_scenario_find_run (self->scenario, check->stored->settings, check->stored->seed,
                                &index))
      continue;
    spec = kml_scenario_run_spec (self->scenario, index);
    if (is_run_of (spec, check))
      take_found (self, check, index);
  }
}

/* Goes through all runs of the scenario for those of @checks that have this version's keys. */
static void
find_by_keys (Group *self, const GPtrArray *checks)
{
  g_autoptr (GHashTable) by_key = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (KmlRunKeys) keys = kml_run_keys_new (self->scenario);

  for (guint i = 0; i < checks->len; i++) {
    Check *check = g_ptr_array_index (checks, i);

    g_hash_table_insert (by_key, check->stored->run_key, check);
  }
  for (guint64 index = 0; index < kml_scenario_n_runs (self->scenario); index++) {
    char key[KML_RUN_KEY_LENGTH + 1];
    Check *check;

    kml_run_keys_get (keys, index, key);
    check = g_hash_table_lookup (by_key, key);
    if (check != NULL && check->outcome == NOT_FOUND)
      take_found (self, check, index);
  }
}

static gint
compare_indices (gconstpointer a, gconstpointer b)
{
  const guint64 x = (*(Check *const *)a)->index, y = (*(Check *const *)b)->index;

  return x < y ? -1 : x > y;
}

/* Finds the runs of @checks in their scenario; those that are there form the group, in the order
 * of the runs. */
static void
find_runs (Group *self, GPtrArray *checks)
{
  g_autoptr (GPtrArray) others = g_ptr_array_new ();

  if (checks->len > FEW)
    find_by_keys (self, checks);
  for (guint i = 0; i < checks->len; i++) {
    Check *check = g_ptr_array_index (checks, i);

    if (check->outcome == NOT_FOUND)
      g_ptr_array_add (others, check);
  }
  find_by_settings (self, others);
  g_ptr_array_sort (self->checks, compare_indices);
}

/* ---- Running again ---- */

static void
take_run (const KmlCampaignRun *run, gpointer data)
{
  const Group *self = data;

  for (guint i = 0; i < self->checks->len; i++) {
    Check *check = g_ptr_array_index (self->checks, i);

    if (check->index != run->index)
      continue;
    check->message = g_strdup (run->message);
    check->outcome = NOT_RUN;
    if (!g_str_equal (run->status, "done"))
      continue;
    check->fingerprint = g_strdup (run->fingerprint);
    check->outcome = g_strcmp0 (run->fingerprint, check->stored->fingerprint) == 0 ? AGREES
                                                                                   : DIFFERS;
  }
}

static int
run_group (Group *self, guint n_jobs)
{
  g_autofree guint64 *only = g_new (guint64, self->checks->len + 1);
  KmlCampaignConfig config = {
    .n_jobs = n_jobs,
    .discard_output = TRUE,
    .only = only,
    .run_ended = take_run,
    .progress = kml_progress_show,
    .data = self,
    .stop = kml_stop_install (),
  };
  g_autoptr (GError) error = NULL;
  KmlCampaignResult result;
  gboolean good;
  int status = KML_EXIT_DONE;

  for (guint i = 0; i < self->checks->len; i++) {
    const Check *check = g_ptr_array_index (self->checks, i);

    if (config.n_only == 0 ||
        only[config.n_only - 1] != check->index) /* two versions may have made it */
      only[config.n_only++] = check->index;
  }
  if (!options.quiet)
    kml_progress_begin (kml_scenario_name (self->scenario));
  good = kml_campaign_run (self->scenario, &config, &result, &error);
  kml_progress_end ();
  if (!good)
    status = kml_fail (error);
  else if (result.first_failure != NULL) {
    g_autofree char *text = kml_printable (result.first_failure);

    kml_error ("%s", text);
    status = result.n_crashed > 0 ? KML_EXIT_BUG
                                  : kml_exit_of_code ((int)result.first_failure_code);
  }
  kml_campaign_result_clear (&result);
  return status;
}

static int
verify_scenario (GPtrArray *checks, const KmlResult *first, const char *database, guint n_jobs)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) digests = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  Group group = { .places = { database, (const char *const *)options.bases },
                  .digests = digests,
                  .paths = paths,
                  .checks = found };
  g_autoptr (GPtrArray) taken = take_checks (&group, checks, first);
  int status = KML_EXIT_DONE;

  if (taken->len == 0)
    return KML_EXIT_DONE;
  if (!load_scenario (&group, first, &error))
    return kml_fail (error);
  find_runs (&group, taken);
  if (found->len > 0)
    status = run_group (&group, n_jobs);
  kml_scenario_free (group.scenario);
  return status;
}

/* ---- What came out ---- */

static int
exit_of_outcome (const Check *check)
{
  switch (check->outcome) {
  case AGREES:
  case NOT_DONE:
    return KML_EXIT_DONE;
  case DIFFERS:
    return KML_EXIT_FOUND;
  case NOT_FOUND:
  case NO_INPUT:
    return KML_EXIT_INPUT;
  case NEWER:
    return KML_EXIT_NEWER;
  case NOT_RUN: /* why has been said, and is in the status already */
  case NOT_MADE:
    return KML_EXIT_DONE;
  }
  g_assert_not_reached ();
}

static KmlStyle
style_of_outcome (Outcome outcome)
{
  if (outcome == AGREES)
    return KML_STYLE_GOOD;
  return outcome == NOT_DONE || outcome == NOT_MADE ? KML_STYLE_PLAIN : KML_STYLE_BAD;
}

static void
print_table (const GPtrArray *checks)
{
  g_autoptr (KmlTable) table = kml_table_new ();

  kml_table_add_column (table, "run", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "scenario", KML_ALIGN_LEFT);
  kml_table_add_column (table, "version", KML_ALIGN_LEFT);
  kml_table_add_column (table, "stored fingerprint", KML_ALIGN_LEFT);
  kml_table_add_column (table, "fingerprint now", KML_ALIGN_LEFT);
  kml_table_add_column (table, "outcome", KML_ALIGN_LEFT);
  for (guint i = 0; i < checks->len; i++) {
    const Check *check = g_ptr_array_index (checks, i);
    const KmlResult *stored = check->stored;

    kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, stored->run_id));
    kml_table_add_cell (table, g_strdup (stored->scenario));
    kml_table_add_cell (table, g_strdup (stored->version));
    kml_table_add_cell (table, g_strdup (stored->fingerprint != NULL ? stored->fingerprint : "-"));
    kml_table_add_cell (table, g_strdup (check->fingerprint != NULL ? check->fingerprint : "-"));
    kml_table_add_styled_cell (table, g_strdup (outcome_names[check->outcome]),
                               style_of_outcome (check->outcome));
  }
  kml_table_print (table);
}

static void
print_json (const GPtrArray *checks, const char *database)
{
  JsonBuilder *builder = kml_json_new ("verify/1");

  kml_json_text (builder, "database", database);
  kml_json_text (builder, "version", KML_VERSION);
  kml_json_begin_array (builder, "runs");
  for (guint i = 0; i < checks->len; i++) {
    const Check *check = g_ptr_array_index (checks, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "scenario", check->stored->scenario);
    kml_json_count (builder, "run_id", check->stored->run_id);
    kml_json_text (builder, "version", check->stored->version);
    kml_json_text (builder, "stored_fingerprint", check->stored->fingerprint);
    kml_json_text (builder, "fingerprint", check->fingerprint);
    kml_json_text (builder, "outcome", outcome_names[check->outcome]);
    kml_json_text (builder, "message", check->message);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  kml_json_print (builder);
}

static int
report (const GPtrArray *checks, const char *database, int status)
{
  guint n_agree = 0, n_differ = 0, n_missing = 0, n_open = 0;

  for (guint i = 0; i < checks->len; i++) {
    Check *check = g_ptr_array_index (checks, i);

    if (check->outcome == NOT_MADE && kml_stop_exit () != KML_EXIT_DONE)
      check->message = g_strdup ("interrupted");
    n_agree += check->outcome == AGREES;
    n_differ += check->outcome == DIFFERS;
    n_missing += check->outcome == NO_INPUT;
    n_open += check->outcome == NOT_MADE;
    status = kml_worse_exit (status, exit_of_outcome (check));
  }
  status = kml_worse_exit (status, kml_stop_exit ());
  if (options.json)
    print_json (checks, database);
  else
    print_table (checks);
  if (n_differ > 0)
    kml_error ("%u of %u runs have another fingerprint than the database says", n_differ,
               checks->len);
  if (kml_stop_exit () != KML_EXIT_DONE && n_open > 0)
    kml_note ("Interrupted: %u of %u runs agree, %u differ, %u not looked at to the end.", n_agree,
              checks->len, n_differ, n_open);
  else if (n_differ == 0 && !options.quiet && !options.json) {
    g_autofree char *word = kml_shell_word (database);

    kml_note ("%u of %u runs agree.", n_agree, checks->len);
    if (n_missing > 0)
      kml_note ("Next: kmemlab verify %s --base FOLDER (where the files are)", word);
    else
      kml_note ("Next: kmemlab plot %s", word);
  }
  return status;
}

/* ---- The command ---- */

static Check *
check_new (KmlDatabase *database, guint64 run_id, GError **error)
{
  KmlResult *stored = kml_result_load (database, run_id, error);
  Check *check;

  if (stored == NULL)
    return NULL;
  check = g_new0 (Check, 1);
  check->stored = stored;
  check->outcome = NOT_MADE;
  if (g_strcmp0 (stored->status, "done") != 0 || stored->fingerprint == NULL)
    check->outcome = NOT_DONE;
  else if (is_newer (stored->version, KML_VERSION))
    check->outcome = NEWER;
  check->is_looked_at = check->outcome != NOT_MADE;
  return check;
}

/* (element-type guint64) (transfer full): what --run says, or all. NULL with @error or after the
 * mistake has been said. */
static GArray *
choose_runs (KmlDatabase *database, GError **error)
{
  g_autoptr (GArray) run_ids = NULL;

  if (options.runs == NULL)
    return kml_result_list (database, error);
  run_ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  for (guint i = 0; options.runs[i] != NULL; i++) {
    guint64 run_id;

    if (!kml_option_count ("verify", "--run", options.runs[i], 1, G_MAXINT64, &run_id))
      return NULL;
    g_array_append_val (run_ids, run_id);
  }
  return g_steal_pointer (&run_ids);
}

static int
run (char **arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = NULL;
  g_autoptr (GArray) run_ids = NULL;
  g_autoptr (GPtrArray) checks = g_ptr_array_new_with_free_func ((GDestroyNotify)check_free);
  guint64 n_jobs = 0;
  int status = KML_EXIT_DONE;

  if (!kml_option_count ("verify", "--jobs", options.jobs, 1, 1024, &n_jobs))
    return KML_EXIT_INPUT;
  database = kml_database_open (arguments[0], &error);
  if (database == NULL)
    return kml_fail (error);
  run_ids = choose_runs (database, &error);
  if (run_ids == NULL)
    return error != NULL ? kml_fail (error) : KML_EXIT_INPUT;
  for (guint i = 0; i < run_ids->len; i++) {
    Check *check = check_new (database, g_array_index (run_ids, guint64, i), &error);

    if (check == NULL)
      return kml_fail (error);
    g_ptr_array_add (checks, check);
  }
  g_clear_pointer (&database, kml_database_close);

  for (guint i = 0; i < checks->len && kml_stop_exit () == KML_EXIT_DONE; i++) {
    const Check *check = g_ptr_array_index (checks, i);

    if (!check->is_looked_at)
      status = kml_worse_exit (
          status, verify_scenario (checks, check->stored, arguments[0], (guint)n_jobs));
  }
  return report (checks, arguments[0], status);
}

static const GOptionEntry entries[] = {
  { "run", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.runs,
    "Only this run (repeatable; default: all)", "N" },
  { "base", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.bases,
    "Look here first for the files that runs have read (repeatable)", "FOLDER" },
  { "jobs", 'j', 0, G_OPTION_ARG_STRING, &options.jobs,
    "Worker processes (default: one a processor)", "N" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "No progress, no hints", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "verify",
  .summary = "Run again what a database says and compare fingerprints",
  .usage = "DB [--run N]… [OPTION]…",
  .details =
      "Files that runs have read (traces, cost profiles) are recognised by their content. They "
      "are\n"
      "looked for by the names that the scenario gives them: in each --base, then as seen from "
      "the\n"
      "database and from this folder, beside the database, and where runs of yours have read them\n"
      "last. Exit status 1: a fingerprint differs; 2: a file is not found; 125: the runs are of a\n"
      "newer version.",
  .examples = { "verify bins.db", "verify bins.db --run 3" },
  .options = entries,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
