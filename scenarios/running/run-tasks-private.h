/* run-tasks-private.h: what the files of run-tasks share: settings as they are read, and the parts of a run with tasks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/running/chooser.h"
#include "scenarios/running/run-tasks.h"
#include "simcore/locks/lockdep.h"
#include "simcore/pages/locked.h"
#include "simcore/pages/reclaim.h"
#include "simcore/replay/replay.h"
#include "workloads/programs/program.h"
#include "workloads/programs/time-law.h"

G_BEGIN_DECLS

/* ---- Settings ---- */

typedef enum {
  KML_METADATA_PINNED,
  KML_METADATA_PAGEABLE,
} KmlMetadataPlace;

typedef enum {
  KML_POLICY_TIMED,
  KML_POLICY_RANDOM,
  KML_POLICY_PCT,
  KML_POLICY_EXPLORE, /* see survey.c: the run itself is as with KML_POLICY_TIMED … */
  KML_POLICY_REPLAY,  /* … but for the choices that it is led by */
} KmlPolicy;

typedef enum {
  KML_REPLAY_STRAIGHT,
  KML_REPLAY_CPUS,
} KmlReplayMode;

typedef struct {
  char *cpus;
  guint context; /* KmlContext */
  guint64 count;
  guint64 priority;
  KmlTime start;
  char *every;
  guint64 times;
  char *program;
  guint memalloc; /* index into its choices */
} KmlTaskSettings;

typedef struct {
  guint kind; /* from KML_LOCK_SPIN */
  char *class_name;
} KmlLockSettings;

typedef struct {
  guint64 size;
} KmlPoolSettings;

typedef enum {
  KML_REGION_PAGEABLE,
  KML_REGION_PINNED,
} KmlRegionKind;

typedef struct {
  guint kind; /* KmlRegionKind */
  guint64 size;
} KmlRegionSettings;

typedef enum {
  KML_MAPPING_FILE,
  KML_MAPPING_ANONYMOUS,
} KmlMappingKind;

typedef enum {
  KML_MAPPING_COPY,
  KML_MAPPING_WRITE,
} KmlMappingMove;

typedef struct {
  guint kind; /* KmlMappingKind */
  guint64 size;
  gboolean empty;
  char *task, *lock; /* "": none */
  guint migrate;     /* KmlMappingMove */
  guint64 write_memory;
  char *write_gfp;
} KmlMappingSettings;

typedef struct {
  guint metadata, object_metadata; /* KmlMetadataPlace */
  guint recursion;                 /* 0: may happen, 1: is guarded against */
  guint lock;
  guint64 pool;
  guint64 resident;
  KmlTime read, write;
} KmlPagerSettings;

typedef struct {
  guint policy; /* KmlPolicy */
  guint64 depth, steps, schedules;
  char *choices;
  char *find;
  char *inject;
  double inject_share;
  guint64 inject_most;
  KmlTime inject_delay;
  KmlTime time_slice, no_progress;
  guint replay; /* KmlReplayMode */
} KmlScheduleSettings;

/* ---- Interrupts that come again and again ---- */

typedef struct _KmlIrqSource KmlIrqSource;

/* @settings says when it comes and in which context its handler, @doer (borrowed), runs. One that comes a number of times
 * holds up the end of the run. Errors are INPUT. */
KmlIrqSource *kml_irq_source_new (KmlScheduler *scheduler, KmlMachine *machine, const char *name,
                                  guint cpu, const KmlTaskSettings *settings, KmlProgramTask *doer,
                                  GError **error);
void kml_irq_source_free (KmlIrqSource *self);
void kml_irq_source_remember (KmlIrqSource *self, KmlImage *image);
/* Whether it comes a number of times only. */
gboolean kml_irq_source_ends (const KmlIrqSource *self);

/* ---- The parts ---- */

/* A stack and its guard page are two mappings of the host, and Linux gives a process 65530. */
#define KML_MAX_TASKS 30000

struct _KmlRunTasks {
  const KmlScenario *scenario;
  const KmlRunSpec *spec;
  KmlMachine *machine;
  KmlScheduler *scheduler; /* (owned) */
  KmlLockdep *lockdep;     /* (owned) */
  KmlRequests requests;
  KmlWorld world;
  KmlPager *pager; /* (owned) (nullable) */
  GArray *regions; /* (owned) (nullable) (element-type KmlRegion): in the order of the [region]s */
  KmlChooser chooser; /* of the policies random and pct */
  KmlInjector injector;
  KmlZones *zones;  /* (nullable) borrowed: what the page level is, then each zone has its lock */
  KmlLocked *pages; /* (owned) (nullable): otherwise */
  KmlReclaim *reclaim; /* (owned) (nullable) */
  KmlPreload *preload; /* (owned) (nullable): where there is reclaim */
  KmlLocked *objects;  /* (owned) (nullable) */
  GPtrArray *texts;    /* (owned) (element-type utf8): names of classes */
  GPtrArray *devices;  /* (owned) (element-type KmlDevice) */
  GPtrArray *programs; /* (owned) (element-type KmlProgram) */
  GPtrArray *doers;    /* (owned) (element-type KmlProgramTask) */
  GPtrArray *sources;  /* (owned) (element-type KmlIrqSource) */
  GPtrArray *replays;  /* (owned) (element-type KmlReplay) */
  guint64 n_tasks;     /* of all [task] groups */
};

/* ---- Memory ---- */

/* kml_run_spec_get() of a choice from @names: its index. */
guint kml_run_tasks_choice (const KmlRunSpec *spec, const char *key, const char *const *names);

/* "group.NAME", or "group". (transfer full) */
char *kml_run_tasks_prefix (const char *group, const char *name);

/* Reclaim, where the scenario wants it, and its mappings. When locks and devices are there. */
gboolean kml_run_tasks_build_memory (KmlRunTasks *self, KmlAllocator *pages, GError **error);

/* The regions' pages, and frames for those that are pinned: while nothing runs yet. */
gboolean kml_run_tasks_add_regions (KmlRunTasks *self, GError **error);

/* Locks, pools, regions and devices. */
gboolean kml_run_tasks_build_shared (KmlRunTasks *self, GError **error);

/* Tasks and handlers. When all that their programs can name is there. */
gboolean kml_run_tasks_build_programs (KmlRunTasks *self, GError **error);

/* When tasks are there: whose mappings they are. */
gboolean kml_run_tasks_bind_owners (KmlRunTasks *self, GError **error);

/* The locks of the page level, one or one for each zone: @func for each. */
void kml_run_tasks_for_page_locks (const KmlRunTasks *self,
                                   void (*func) (KmlLocked *locked, gpointer data), gpointer data);

G_END_DECLS
