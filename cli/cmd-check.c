/* cmd-check.c: kmemlab check: runs every scenario that claims something and says which claims hold.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/claim-files.h"
#include "cli/claim-report.h"
#include "cli/output.h"
#include "cli/stop.h"

#include <glib/gstdio.h>

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
    KmlClaim *claim = kml_claim_new (g_ptr_array_index (paths, i));

    g_ptr_array_add (claims, claim);
    claim->status = kml_stop_exit ();
    if (claim->status == KML_EXIT_DONE)
      kml_claim_look_at (claim, run_options);
    status = kml_worse_exit (status, claim->status);
  }
  return status;
}

/* Whether any file was a claim that could be made: of others what is wrong has been said. */
static gboolean
have_results (const GPtrArray *claims)
{
  for (guint i = 0; i < claims->len; i++)
    if (((const KmlClaim *)g_ptr_array_index (claims, i))->experiment != NULL)
      return TRUE;
  return FALSE;
}

/* @failed (nullable): the first claim that was run and does not hold. */
static void
say_next (const KmlClaim *failed, gboolean interrupted)
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
  const KmlClaim *failed = NULL;
  guint n[] = { [KML_HOLDS] = 0, [KML_FAILS] = 0, [KML_OPEN] = 0 };

  for (guint i = claims->len; i-- > 0;) {
    const KmlClaim *claim = g_ptr_array_index (claims, i);
    const KmlJudgement judgement = kml_claim_judge (claim);

    n[judgement]++;
    if (judgement == KML_FAILS && claim->experiment != NULL)
      failed = claim;
  }
  if (n[KML_OPEN] == 0)
    kml_note ("%u of %u claims hold.", n[KML_HOLDS], claims->len);
  else
    kml_note ("Interrupted: %u of %u claims hold, %u do not, %u not looked at to the end.",
              n[KML_HOLDS], claims->len, n[KML_FAILS], n[KML_OPEN]);
  say_next (failed, n[KML_OPEN] > 0);
}

static int
run (char **arguments)
{
  g_autoptr (GPtrArray) claims = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_claim_free);
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
      kml_error ("no temporary folder: %s", error->message);
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
    kml_claims_print_text (claims);
  if (format == FORMAT_JSON)
    kml_claims_print_json (claims);
  if (format == FORMAT_KTAP)
    kml_claims_print_ktap (claims);
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
