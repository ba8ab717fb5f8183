/* scenario.h: what an experiment is.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A scenario is a GLib key file. Loading checks all of it and reports every
 * problem of the file at once, each with line and column. A loaded scenario is a
 * list of runs: the product of its sweep axes and its repetitions, less what
 * the constraint leaves out.
 *
 * Settings have one name everywhere (files, -s, the params table): group.key, and group.NAME.key for groups
 * of which there can be several: "objects.bins", "workload.web.sizes".
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/caches/caches.h"
#include "simcore/cost.h"
#include "simcore/param.h"
#include "simcore/recording/recorder.h"
#include "simcore/base/types.h"

G_BEGIN_DECLS

#define KML_RUN_KEY_LENGTH      32 /* hexadecimal digits */
#define KML_INPUT_DIGEST_LENGTH 32 /* hexadecimal digits of a file's digest, see inputs.h */

/* Something wrong at a place. line 0: the file as a whole. */
typedef struct {
  char *file;         /* as the user wrote it; "-s" for an override */
  guint line, column; /* of an override, column is its number, from 1 */
  char *message;      /* what is wrong, what was expected, the nearest known name */
  char *source;       /* (nullable): what stands there, as it may be shown … */
  guint caret;        /* … and how many columns of it are in front of the place */
} KmlProblem;

/* (element-type KmlProblem) with its free function set. */
GPtrArray *kml_problems_new (void);
void kml_problems_add (GPtrArray *problems, const char *file, guint line, guint column,
                       const char *format, ...) G_GNUC_PRINTF (5, 6);

/* Adds what stands at their places in @text to problems of @file that lack it. */
void kml_problems_quote (GPtrArray *problems, const char *file, const char *text, gsize length);

/* As a compiler says it: "file:line:column: error: message", and below the line with a caret under the column.
 * (transfer full) */
char *kml_problems_format (const GPtrArray *problems);

/* "file:line:column", as far as it is known, and the two lines below the message, "" without a source. (transfer full) */
char *kml_problem_describe_place (const KmlProblem *problem);
void kml_problem_describe_source (const KmlProblem *problem, char **ret_line, char **ret_caret);

/* One effective setting of one run. */
typedef struct {
  char *key;   /* "objects.bins" */
  char *value; /* as text, defaults filled in */
} KmlSetting;

/* One line of [expect]: what a metric should be. */
typedef struct {
  char *metric;
  char *text;    /* as written: ">= 1", "0.18 +- 0.01" */
  double lo, hi; /* the range that holds; infinite where open */
  gboolean lo_open, hi_open;
  char *other;      /* (nullable): the metric that it equals; there is no range then */
  KmlSetting *when; /* (owned) (nullable) (array length=n_when): only for runs with all of these */
  guint n_when;
  guint line;
} KmlExpectation;

typedef struct _KmlScenario KmlScenario;

/* @overrides: "group.key=value" strings, NULL-terminated, (nullable). On any problem NULL is returned and
 * @problems says all of it; a file that cannot be read is a problem with line 0. @ret_code (nullable): KML_ERROR_INPUT,
 * or KML_ERROR_WORLD when the disk failed while reading. */
KmlScenario *kml_scenario_load (const char *path, const char *const *overrides, GPtrArray *problems,
                                KmlErrorCode *ret_code);

/* The same from text already in memory (a database's scenario_text). Files that it names are where @elsewhere says (nullable)
 * (element-type utf8 utf8), or else relative to @base_dir. */
KmlScenario *kml_scenario_load_text (const char *name, const char *base_dir, GHashTable *elsewhere,
                                     const char *text, gsize length, const char *const *overrides,
                                     GPtrArray *problems);
void kml_scenario_free (KmlScenario *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlScenario, kml_scenario_free)

const char *kml_scenario_name (const KmlScenario *self); /* file name without folder */
const char *kml_scenario_base_dir (const KmlScenario *self);
char *kml_scenario_locate (const KmlScenario *self, const char *file); /* (transfer full) */
GHashTable *
kml_scenario_elsewhere (const KmlScenario *self); /* (nullable): as it was loaded with */
const char *kml_scenario_title (const KmlScenario *self);
const char *kml_scenario_question (const KmlScenario *self); /* "" when not given */
const char *kml_scenario_source (const KmlScenario *self);   /* likewise */
const char *kml_scenario_text (const KmlScenario *self);
char *kml_scenario_overrides (const KmlScenario *self); /* one a line (transfer full) */

/* The line of the file that gives the setting @key its value; 0: it has its default, or -s gives it. */
guint kml_scenario_line_of (const KmlScenario *self, const char *key);

/* The line of [@group @name]; 0: it is not in the file. */
guint kml_scenario_line_of_group (const KmlScenario *self, const char *group, const char *name);

/* (element-type KmlExpectation) (transfer none) */
const GPtrArray *kml_scenario_expectations (const KmlScenario *self);

guint64 kml_scenario_n_runs (const KmlScenario *self);
/* Of each combination of settings, with a seed each. */
guint64 kml_scenario_n_repetitions (const KmlScenario *self);

/* The keys that differ between runs, in the order of nesting: what a table of runs shows in its first columns. (transfer none) NULL-terminated */
const char *const *kml_scenario_axes (const KmlScenario *self);

/* A file that decides what a run does. */
typedef struct {
  char *key;  /* of the setting that names it: "workload.kernel.file" */
  char *file; /* as the setting names it */
  char digest[KML_INPUT_DIGEST_LENGTH + 1]; /* of its content; "": it could not be read */
  guint64 size;                             /* bytes */
} KmlInput;

/* One run: its effective settings. */
typedef struct {
  guint64 index; /* 0 .. n_runs - 1 */
  guint64 repetition;
  guint64 seed; /* of this run: kml_rng_repetition_seed (scenario.seed, repetition) */
  /* identity of the run: hash of settings, files, seed and program version, 32 hexadecimal digits */
  char *key;
  GPtrArray *settings; /* (element-type KmlSetting): every effective one, sorted by key */
  GPtrArray *inputs;   /* (element-type KmlInput): files that settings name, sorted by key */
} KmlRunSpec;

KmlRunSpec *kml_scenario_run_spec (const KmlScenario *self, guint64 index); /* (transfer full) */

/* The first run in which what the sweep varies has the values of @settings (element-type KmlSetting), with @seed.
 * Costs what the axes have values, and not what there are runs. */
gboolean kml_scenario_find_run (const KmlScenario *self, const GPtrArray *settings, guint64 seed,
                                guint64 *ret_index);
void kml_run_spec_free (KmlRunSpec *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlRunSpec, kml_run_spec_free)

/* The keys of many runs, at a hundredth of what their settings cost. */
typedef struct _KmlRunKeys KmlRunKeys;

KmlRunKeys *kml_run_keys_new (const KmlScenario *scenario);
/* @ret_key has KML_RUN_KEY_LENGTH + 1 bytes. */
void kml_run_keys_get (KmlRunKeys *self, guint64 index, char *ret_key);
void kml_run_keys_free (KmlRunKeys *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlRunKeys, kml_run_keys_free)

/* Whether the files of the run can be read, and are what they were when its key was made. */
gboolean kml_scenario_check_inputs (const KmlScenario *self, const KmlRunSpec *spec,
                                    GError **error);

/* Before the message of @error, which a run with @spec has ended with: the file, and where in it the setting stands that the error is about, if it
 * is about one (simcore/base/blame.h), with its value. Once. */
void kml_scenario_place_error (const KmlScenario *self, const KmlRunSpec *spec, GError **error);

/* The files that runs named so far. (transfer full) (element-type KmlInput): @key is that of none */
GPtrArray *kml_scenario_inputs (const KmlScenario *self);

/* (nullable) */
const char *kml_run_spec_get (const KmlRunSpec *self, const char *key);

/* Writes the settings of @prefix ("machine", "workload.web") that @table declares into @instance. The texts were checked when
 * the scenario was loaded; what only the world can say (a file that is gone) is an error. */
gboolean kml_run_spec_apply (const KmlRunSpec *self, const char *prefix, const KmlParam *table,
                             gpointer instance, GError **error);

/* Names of the workloads, in the order of the file; that of a plain [workload] is "". (transfer container) */
GPtrArray *kml_run_spec_names (const KmlRunSpec *self, const char *group);

/* Whether @expectation is about this run. */
gboolean kml_expectation_applies (const KmlExpectation *self, const KmlRunSpec *spec);
gboolean kml_expectation_holds (const KmlExpectation *self, double measured);

/* NULL: runs may have a metric of this name; otherwise what is wrong, with the nearest name. (transfer full) (nullable) */
char *kml_describe_unknown_metric (const char *name);

/* ---- What there is to set ---- */

/* What a chooser chooses: an allocator of some level, a kind of workload. */
typedef struct {
  const char *name;
  const KmlParam *params;         /* (nullable) */
  const KmlCounterInfo *counters; /* (nullable) */
  const char *summary;
  const KmlFigureInfo *figures; /* (nullable) */
} KmlPlugin;

/* What the lines of a group are. */
typedef enum {
  KML_GROUP_SETTINGS, /* settings of a run */
  KML_GROUP_SWEEP, /* settings of any group, by their full names, with the values they take in turn */
  KML_GROUP_EXPECT, /* metrics and what they should be */
} KmlGroupKind;

/* A group of a scenario file and the settings it has besides those of what it chooses. */
typedef struct {
  const char *name; /* "machine" */
  KmlGroupKind kind;
  gboolean named;      /* [workload NAME] */
  gboolean needs_name; /* others refer to it: [lock] alone is none */
  /* (nullable): the key that chooses a plug-in, "allocator" or "kind"; in @params too */
  const char *chooser;
  /* (nullable): what it chooses from, sorted by name (transfer full) (element-type KmlPlugin) */
  GArray *(*plugins) (void);
  const KmlParam *params; /* (nullable): of the group itself */
  const char *summary;
} KmlGroupInfo;

extern const KmlGroupInfo kml_scenario_groups[]; /* ends with a NULL name */

/* The tables behind [scenario] and [machine], with the structs that they fill. */
typedef struct {
  char *title, *question, *source;
  guint64 seed;
  KmlTime until; /* 0: the workloads' end */
  guint check;   /* 0: never, 1: after every operation */
} KmlScenarioSettings;

typedef struct {
  guint64 cpus;
  guint64 ram;
  guint64 page_size;
  char *profile;
  char *cache_model;
  guint64 touch;
} KmlMachineSettings;

extern const KmlParam kml_scenario_params[];
extern const KmlParam kml_machine_params[];

/* A cost profile: the built-in one called @name, or the file at @path, a key file with [profile] title, source and [costs]
 * item = time, when @name is that of a file (kml_profile_file()). */
gboolean kml_profile_load (const char *name, const char *path, KmlTime ret_cost[KML_N_COSTS],
                           GError **error);
char *kml_profile_file (const char *name); /* (transfer full): NULL: it is built in */

/* Names of the built-in profiles, sorted, NULL-terminated (transfer full), and what one says of itself. */
char **kml_profile_list (void);
char *kml_profile_describe (const char *name);

#define KML_NO_CACHE_MODEL "none"

/* The same of cache models: a key file with [caches], [l1], [l2], [last] and [latency] (cache-model.c). */
gboolean kml_cache_model_load (const char *name, const char *path, KmlCachesConfig *ret_config,
                               GError **error);
char *kml_cache_model_file (const char *name);     /* (transfer full) */
char **kml_cache_model_list (void);                /* (transfer full) */
char *kml_cache_model_describe (const char *name); /* (transfer full) */

G_END_DECLS
