/* experiment.h: what `run` and `compare` have in common: a scenario, its runs, their database.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "cli/command.h"
#include "cli/json.h"
#include "cli/results.h"
#include "scenarios/campaigns/campaign.h"

G_BEGIN_DECLS

typedef struct {
  char **settings;         /* group.key=value */
  const char *last_option; /* (nullable): the option that the last of them comes from, if not -s */
  /* (nullable): the option that what kml_experiment_new() is given more comes from */
  const char *more_option;
  char *seed;
  char *jobs;
  char *output;
  char *check;
  char *max_runs;
  gboolean json, quiet, timings;
  gboolean thrown_away; /* @output is removed in the end: nobody is told of it */
} KmlRunOptions;

/* clang-format off */

/* For the table of options of a command: of one that loads a scenario, with @o.settings and @o.seed … */
#define KML_SETTING_OPTIONS(o)                                                                     \
  { "set", 's', 0, G_OPTION_ARG_FILENAME_ARRAY, &(o).settings,                                     \
    "Override a setting of the scenario (repeatable)", "GROUP.KEY=VALUE" },                        \
  { "seed", 0, 0, G_OPTION_ARG_STRING, &(o).seed,                                                  \
    "Begin all randomness here", "N" }

/* … and of one that runs it, with a KmlRunOptions @o. */
#define KML_RUN_OPTIONS(o)                                                                         \
  KML_SETTING_OPTIONS (o),                                                                         \
  { "jobs", 'j', 0, G_OPTION_ARG_STRING, &(o).jobs,                                                \
    "Worker processes (default: one a processor)", "N" },                                          \
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &(o).output,                                          \
    "Database for the results (default: SCENARIO.db, in this folder)", "FILE" },                   \
  { "max-runs", 0, 0, G_OPTION_ARG_STRING, &(o).max_runs,                                          \
    "Stop after N runs; the same command goes on", "N" },                                          \
  { "timings", 0, 0, G_OPTION_ARG_NONE, &(o).timings,                                              \
    "Store when each run began and how long it took", NULL },                                      \
  { "check", 0, 0, G_OPTION_ARG_STRING, &(o).check,                                                \
    "Verify all invariants after every operation (slow)", "every-event" },                         \
  { "json", 0, 0, G_OPTION_ARG_NONE, &(o).json,                                                    \
    "Print one JSON document", NULL },                                                             \
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &(o).quiet,                                                \
    "No progress, no hints", NULL }

/* clang-format on */

typedef struct {
  char *path; /* of the scenario, as the user wrote it */
  KmlScenario *scenario;
  char *database; /* path */
  const KmlRunOptions *options;
  KmlCampaignResult result; /* after kml_experiment_run() */
} KmlExperiment;

/* Whether the options of @command make sense. FALSE after the mistake has been said. */
gboolean kml_run_options_check (const KmlRunOptions *options, const char *command);

/* Loads the scenario at @path; @more (nullable) are overrides besides those of the options, which
 * have been checked. NULL after all that is wrong has been said; *@ret_status is then the exit
 * status. */
KmlExperiment *kml_experiment_new (const char *path, const KmlRunOptions *options,
                                   const char *const *more, int *ret_status);
/* The same of a scenario that is no file: @path is what it is called. */
KmlExperiment *kml_experiment_new_text (const char *path, const char *text, const char *base_dir,
                                        const KmlRunOptions *options, const char *const *more,
                                        int *ret_status);
/* What --vary of @command says, GROUP.KEY=A,B,… or GROUP.KEY=A|B|…, as overrides for more axes of the sweep. @vary (nullable). NULL after the
 * mistake has been said. (transfer full) */
char **kml_experiment_axes (const char *command, char **vary);

void kml_experiment_free (KmlExperiment *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlExperiment, kml_experiment_free)

/* Runs what is not stored, says what went wrong. Returns the exit status. */
int kml_experiment_run (KmlExperiment *self);

/* The stored runs of the scenario, in its order. (nullable) (element-type KmlResult) (transfer
 * full) */
GPtrArray *kml_experiment_results (const KmlExperiment *self, GError **error);

/* What [expect] says of @result. (transfer full) (element-type KmlVerdict) */
GArray *kml_experiment_verdicts (const KmlExperiment *self, const KmlResult *result);

/* Lists the expectations that did not hold, on standard error. */
void kml_experiment_print_unmet (const KmlExperiment *self, const GPtrArray *results);

/* How many runs, how long: a line on standard error. */
void kml_experiment_print_summary (const KmlExperiment *self);

/* An element of "runs" in the JSON document of run and compare. */
void kml_experiment_add_json (const KmlExperiment *self, const KmlResult *result,
                              JsonBuilder *builder);

/* Reads the number in an option. @text NULL: leaves the value alone. FALSE after the mistake has
 * been said. */
gboolean kml_option_count (const char *command, const char *option, const char *text, guint64 min,
                           guint64 max, guint64 *ret_value);

/* Whether the @output (nullable) of an option may be where @what goes, which is read and written in places: not "-". FALSE after the
 * mistake has been said. */
gboolean kml_option_file (const char *command, const char *output, const char *what);

/* As a shell would need it: quoted where it must be. (transfer full) */
char *kml_shell_word (const char *text);

G_END_DECLS
