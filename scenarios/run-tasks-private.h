/* run-tasks-private.h: what the files of run-tasks share: settings as they are read, and the parts of a run with tasks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/chooser.h"
#include "scenarios/run-tasks.h"
#include "simcore/lockdep.h"
#include "simcore/locked.h"
#include "simcore/replay.h"
#include "workloads/program.h"
#include "workloads/time-law.h"

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
} KmlTaskSettings;

typedef struct {
  guint kind; /* from KML_LOCK_SPIN */
  char *class_name;
} KmlLockSettings;

typedef struct {
  guint64 size;
} KmlRegionSettings;

typedef struct {
  guint metadata; /* KmlMetadataPlace */
  guint lock;
  guint64 pool;
  guint64 resident;
  KmlTime read, write;
} KmlPagerSettings;

typedef struct {
  guint policy; /* KmlPolicy */
  guint64 depth, steps;
  KmlTime time_slice;
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

struct _KmlRunTasks {
  const KmlRunSpec *spec;
  KmlMachine *machine;
  KmlScheduler *scheduler; /* (owned) */
  KmlLockdep *lockdep;     /* (owned) */
  KmlRequests requests;
  KmlWorld world;
  KmlPager *pager;     /* (owned) (nullable) */
  KmlChooser chooser;  /* of the policies random and pct */
  KmlLocked *pages;    /* (owned) */
  KmlLocked *objects;  /* (owned) (nullable) */
  GPtrArray *texts;    /* (owned) (element-type utf8): names of classes */
  GPtrArray *devices;  /* (owned) (element-type KmlDevice) */
  GPtrArray *programs; /* (owned) (element-type KmlProgram) */
  GPtrArray *doers;    /* (owned) (element-type KmlProgramTask) */
  GPtrArray *sources;  /* (owned) (element-type KmlIrqSource) */
  GPtrArray *replays;  /* (owned) (element-type KmlReplay) */
};

G_END_DECLS
