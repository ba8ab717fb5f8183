/* scenario-private.h: a scenario while it is loaded, and what remains of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Loading goes through five steps, one file each, that work on one KmlScenario
 * and add what they find wrong to one list:
 *
 *   keyfile.c   text -> groups and keys with their places
 *   collect.c   groups, [sweep] and -s -> sections, entries, assignments (who says what of which setting)
 *   resolve.c   choosers -> plug-ins; assignments -> alternatives, each checked against the tables
 *   sweep.c     axes -> combinations that the constraint (constraint.c) allows
 *   expect.c    [expect] -> ranges
 *
 * Afterwards run-spec.c makes any run's settings from the combination, find-run.c does the reverse, run-key.c makes the keys of all, and place.c says where a setting
 * stands that an error of a run is about.
 *
 * Words. A *section* is a group of settings (singletons are there even when the
 * file does not have them). An *entry* is a setting that the scenario names. An
 * *assignment* is a line or an override that gives an entry one *alternative* or several. The last
 * assignment is in force: -s before [sweep] before the group; but all are checked. An entry in force with several alternatives is an
 * *axis*. A *combination* picks one alternative of each axis.
 */

#pragma once

#include "scenarios/loading/inputs.h"
#include "scenarios/loading/keyfile.h"
#include "scenarios/loading/scenario.h"
#include "scenarios/loading/schema.h"

G_BEGIN_DECLS

#define KML_SCENARIO_MAX_RUNS      1000000
#define KML_SCENARIO_MAX_PROBLEMS  100 /* more are not told */
#define KML_SCENARIO_MAX_INSTANCES 64  /* [workload NAME]s */

/* Where a text stands. Line 0: nowhere in particular; of an override, column is its number, from 1. */
typedef struct {
  const char *file; /* borrowed from the scenario, or "-s" */
  guint line, column;
} KmlPlace;

typedef struct {
  char *text; /* (owned) */
  KmlPlace place;
} KmlAlternative;

typedef struct {
  KmlPlace key_place, value_place;
  char *text;           /* (owned): as written */
  gboolean verbatim;    /* a place in the text is a place in the line */
  gboolean is_list;     /* "a | b" and ranges are several alternatives */
  GArray *alternatives; /* (owned) (element-type KmlAlternative): set by resolve.c */
} KmlAssignment;

typedef struct _KmlEntry KmlEntry;

typedef struct {
  const KmlGroupInfo *info;
  char *name;   /* (owned): "web"; "" where the group has none */
  char *prefix; /* (owned): "workload.web" */
  KmlPlace place;
  GArray *plugins;   /* (owned) (nullable) (element-type KmlPlugin): all that could be chosen */
  KmlEntry *chooser; /* (nullable) */
  /* (element-type const KmlPlugin): named by any assignment: their keys are legal */
  GPtrArray *possible;
  /* (element-type const KmlPlugin): by the chooser's alternatives, in their order; one NULL where there is no chooser */
  GPtrArray *chosen;
} KmlSection;

struct _KmlEntry {
  KmlSection *section;
  char *key;        /* (owned): "workload.web.sizes" */
  const char *name; /* "sizes": the end of key */
  /* (owned) (element-type KmlAssignment); empty: only spoken of, has its default */
  GPtrArray *assignments;
  const GArray *alternatives; /* (nullable): of the assignment in force */
  /* (owned) (array length=section->chosen->len): whether runs with that plug-in have this setting */
  guint8 *applies;
  int axis; /* index, or -1 */
};

/* What a constraint compiles to: see constraint.c. */
typedef struct _KmlConstraint KmlConstraint;

struct _KmlScenario {
  char *file;            /* as the user wrote it */
  char *name;            /* without folder */
  KmlInputFiles *inputs; /* (owned): filled as runs ask */
  char *text;
  char **overrides;
  GPtrArray *problems;   /* borrowed while loading */
  gboolean lacks_groups; /* some header was refused, and what is below it is not here */

  GPtrArray *sections; /* (element-type KmlSection) */
  GPtrArray *entries;  /* (element-type KmlEntry): in the order in which they were first named */
  GHashTable *by_key;  /* key -> KmlEntry, borrowed */
  GPtrArray *axes;     /* (element-type KmlEntry): in the order of nesting */
  char **axis_keys;

  guint64 repeat;
  /* (owned) (array length=n_combinations): mixed-radix numbers, last axis fastest */
  guint32 *combinations;
  guint n_combinations;
  GPtrArray *expectations; /* (element-type KmlExpectation) */
  char *title, *question, *source;
};

/* ---- problems.c ---- */

void kml_scenario_problem (KmlScenario *self, KmlPlace place, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* So many problems that no more are told: loops over hostile input end. */
gboolean kml_scenario_is_hopeless (const KmlScenario *self);

/* ---- run-spec.c, run-key.c ---- */

/* The seed of repetition @repetition under @digits. */
guint64 kml_scenario_run_seed (const KmlScenario *self, const guint *digits, guint64 repetition);

/* (transfer full) */
char *kml_run_spec_make_key (const KmlScenario *scenario, const KmlRunSpec *spec);

/* ---- collect.c ---- */

/* What of the text is not settings. */
typedef struct {
  const KmlKeyFileGroup *sweep;       /* (nullable) */
  GPtrArray *expects;                 /* (owned) (element-type const KmlKeyFileGroup) */
  KmlAssignment *repeat, *constraint; /* (owned) (nullable): in force */
} KmlCollected;

void kml_scenario_collect (KmlScenario *self, const KmlKeyFile *file, KmlCollected *ret_collected);
void kml_collected_clear (KmlCollected *self);

/* The entry that "group.key" or "group.NAME.key" means, made when nothing was said of it yet. NULL after a
 * problem at @place. Whether the section has such a key is resolve.c's to say. */
KmlEntry *kml_scenario_refer (KmlScenario *self, const char *path, KmlPlace place);

/* "[workload web]" (transfer full) */
/* [scenario] title, question and source say what an experiment is called and where it comes from: they do not vary, and
 * two runs that differ in nothing else are the same. */
gboolean kml_scenario_is_prose (const char *key);

char *kml_section_title (const KmlSection *self);

void kml_section_free (KmlSection *self);
void kml_entry_free (KmlEntry *self);
void kml_assignment_free (KmlAssignment *self);

/* The place of the @at-th byte of the assignment's text. */
KmlPlace kml_assignment_place (const KmlAssignment *self, gsize at);

/* ---- resolve.c ---- */

void kml_scenario_resolve (KmlScenario *self);

/* Whether @alternative may be a value of @entry, whose parameter is @param. */
gboolean kml_entry_is_right (const KmlScenario *self, const KmlEntry *entry, const KmlParam *param,
                             const KmlAlternative *alternative, GError **error);

/* The parameter that runs with @plugin (nullable) have under this name. (nullable) */
const KmlParam *kml_section_find_param (const KmlSection *self, const KmlPlugin *plugin,
                                        const char *name);

/* Whether the setting is the program of a task. */
gboolean kml_entry_is_program (const KmlEntry *entry);

/* The parameter of this name of any possible plug-in; NULL after a problem at @place that says what there is. */
const KmlParam *kml_entry_check_key (KmlScenario *self, KmlEntry *entry, KmlPlace place);

/* ---- resolve-names.c ---- */

/* Adds a problem for each wrong step of each program that a task can have, and for each name that means nothing. */
void kml_scenario_resolve_names (KmlScenario *self);

/* ---- resolve-needs.c ---- */

/* Adds a problem for each setting that has no effect in any run, since one that it needs is not set. */
void kml_scenario_resolve_needs (KmlScenario *self);

/* ---- resolve-cpus.c ---- */

/* Adds a problem for each CPU that no machine of the scenario has. */
void kml_scenario_resolve_cpus (KmlScenario *self);

/* ---- sweep.c ---- */

/* Splits the assignment's text into alternatives of @param and expands ranges. */
void kml_scenario_expand (KmlScenario *self, KmlAssignment *assignment, const KmlParam *param);

/* Whether @piece of a text is a value by itself. */
typedef gboolean (*KmlIsValue) (const char *piece, gconstpointer data);

/* (transfer full) (nullable): the end of a message about @text, which is no value, where it is several, written with semicolons or commas. */
char *kml_sweep_suggest (const char *text, KmlIsValue is_value, gconstpointer data);

/* Fills axes, repeat and combinations. */
void kml_scenario_combine (KmlScenario *self, const KmlCollected *collected);

/* Picks the alternatives of combination @number: @digits has one place for each axis. */
void kml_scenario_decode (const KmlScenario *self, guint32 number, guint *digits);

/* The index in section->chosen under @digits. */
guint kml_section_choice (const KmlSection *self, const guint *digits);

/* The index in entry->alternatives under @digits; 0 where it has none. */
guint kml_entry_alternative (const KmlEntry *self, const guint *digits);

/* ---- constraint.c ---- */

/* NULL after a problem. */
KmlConstraint *kml_constraint_new (KmlScenario *scenario, const KmlAssignment *assignment);
gboolean kml_constraint_allows (const KmlConstraint *self, const guint *digits);
void kml_constraint_free (KmlConstraint *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlConstraint, kml_constraint_free)

/* ---- expect.c ---- */

void kml_scenario_expect (KmlScenario *self, const KmlCollected *collected);
void kml_expectation_free (KmlExpectation *self);

/* Reads ">= 1", "0.18 +- 5%", "3..4" into @self; @name is the metric's and says what units may stand behind a number. */
gboolean kml_expectation_parse (KmlExpectation *self, const char *name, const char *text,
                                GError **error);

G_END_DECLS
