/* explore.h: many schedules of a scenario, or all of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/loading/scenario.h"
#include "scenarios/exploring/schedule-tree.h"

G_BEGIN_DECLS

typedef enum {
  KML_EXPLORE_FOUND,     /* what is sought */
  KML_EXPLORE_EXHAUSTED, /* there is none, in any schedule */
  KML_EXPLORE_BUDGET,    /* none was found; not all was looked at */
} KmlExploreVerdict;

/* "deadlock", "none, exhausted", "none within budget" */
extern const char *const kml_explore_verdicts[];

typedef enum {
  KML_SEARCH_EXHAUSTIVE, /* every schedule, once for each class of equivalent ones */
  KML_SEARCH_RANDOM,     /* each choice evenly */
  KML_SEARCH_PCT,        /* see chooser.h */
} KmlSearchKind;

typedef struct {
  KmlSearchKind kind;
  guint depth;         /* of PCT */
  guint64 preemptions; /* exhaustive: at most so many; KML_ANY_PREEMPTIONS */
} KmlSearch;

/* What schedules had that is not sought, such as bugs while deadlocks are. */
typedef struct {
  guint64 n_schedules;
  guint8 kind; /* KmlIncidentKind: the first schedule's, if there is one */
} KmlUnsought;

/* How far a search is: enough to go on from there. */
typedef struct {
  guint64 n_schedules; /* run to their end */
  guint64 n_blocked;   /* besides: beginnings of schedules that led to nothing new */
  /* answers not tried, since what is behind them differs in the order of independent steps alone */
  guint64 n_pruned;
  guint64 longest; /* choices of a schedule, at most */
  KmlUnsought unsought;
  /* some schedules were not looked at: they are too long, or have too many preemptions */
  gboolean is_cut;
  gboolean is_finished; /* there is nothing left to look at */
  guint64 next;         /* by chance: the number of the next schedule */
  /* exhaustive: where to go on; once something is found its choices are those of the schedule */
  KmlTreePlace place;
} KmlExploreState;

void kml_explore_state_init (KmlExploreState *self);
void kml_explore_state_clear (KmlExploreState *self);
void kml_explore_state_copy (KmlExploreState *self, const KmlExploreState *from);

typedef struct {
  KmlSearch search;
  /* schedules in all, those that @state counts at the beginning included; 0: no end */
  guint64 budget;
  /* processes that look; they never change what is found, or how many schedules that took */
  guint n_jobs;
  /* (nullable): asked again and again whether to stop, in each process */
  gboolean (*stop) (gpointer data);
  /* (nullable): told again and again how far it is */
  void (*progress) (const KmlExploreState *state, gpointer data);
  gpointer data;
} KmlExploreConfig;

/* Looks for a schedule of the run that has what [schedule] find says, from @state on, and leaves there how far it came. Errors: INPUT when
 * the run has no tasks, cannot be built, or @state is of another. */
gboolean kml_explore (const KmlScenario *scenario, const KmlRunSpec *spec,
                      const KmlExploreConfig *config, KmlExploreState *state,
                      KmlExploreVerdict *ret_verdict, GError **error);

/* The key that says how often an interrupt comes, of one that comes for ever and not only until a time: then some schedules have no end, and the space has none. (transfer full)
 * (nullable) */
char *kml_explore_endless_key (const KmlRunSpec *spec);

/* What became of one schedule. */
typedef struct {
  /* (nullable): what it has of what is sought: "deadlock", "stall", "freeing twice", … */
  const char *kind;
  gboolean is_bug;   /* it is a bug, and no deadlock or the like */
  char *story;       /* (owned) (nullable): of that */
  char *fingerprint; /* (owned) */
} KmlReplayResult;

void kml_replay_result_clear (KmlReplayResult *self);

/* Runs the one schedule with @choices (element-type guint32). Errors: INPUT, too, when a choice is out of range or they are too few. */
gboolean kml_explore_replay (const KmlScenario *scenario, const KmlRunSpec *spec,
                             const GArray *choices, KmlReplayResult *ret_result, GError **error);

G_END_DECLS
