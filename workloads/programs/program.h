/* program.h: what a task does, step by step.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A situation is written in a scenario file without a line of C:
 *
 *   program = repeat 1000 { lock L, alloc buffer 64 GFP_ATOMIC, unlock L, work exponential(2us), free buffer }
 *
 * Steps are separated by commas; a block of them is in braces. The table of steps is in program-steps.c.
 */

#pragma once

#include "simcore/tasks/completion.h"
#include "simcore/devices/disk.h"
#include "simcore/locks/lock.h"
#include "simcore/pages/pager.h"
#include "simcore/pages/reclaim.h"
#include "simcore/replay/requests.h"
#include "simcore/base/rng.h"

G_BEGIN_DECLS

typedef struct _KmlProgram KmlProgram;

/* What is wrong with a step. */
typedef struct {
  gsize at;   /* byte of the program's text */
  char *text; /* (owned): quotes the step, says what was expected */
} KmlProgramFault;

/* (transfer full) (element-type KmlProgramFault) */
GPtrArray *kml_program_faults_new (void);

/* Checks everything but what names mean. All that is wrong is added to @faults, and then there is no program: NULL. */
KmlProgram *kml_program_read (const char *text, GPtrArray *faults);

/* The same, with the first fault as an error of INPUT. */
KmlProgram *kml_program_parse (const char *text, GError **error);
void kml_program_free (KmlProgram *self);

/* Before it is run: where it stands, "abba.ini:14". Who tells of a step says it, too. */
void kml_program_set_place (KmlProgram *self, const char *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlProgram, kml_program_free)

/* For KmlParam.validate. */
gboolean kml_program_validate (const char *text, GError **error);

/* What a name in a step can stand for. */
typedef enum {
  KML_NAME_LOCK = 0x1,
  KML_NAME_RW_LOCK = 0x2, /* one that can be shared */
  KML_NAME_DISK = 0x4,
  KML_NAME_DMA = 0x8,
  KML_NAME_REGION = 0x10,
  KML_NAME_MAPPING = 0x20,
  KML_NAME_TASK = 0x40,
  KML_NAME_BLOCK = 0x80,
  KML_NAME_NEW_BLOCK = 0x100, /* there is such a block because the step asks for it */
  KML_NAME_TRANSFER = 0x200,  /* what a step dma moves */
  KML_NAME_WAITED = 0x400,    /* an event, or the elements of a [pool] */
  KML_NAME_WOKEN = 0x800,
} KmlNameKinds;

/* A name in a step. */
typedef struct {
  const char *name, *step; /* borrowed from the program */
  gsize at;                /* byte of the program's text */
  guint kinds;             /* KML_NAME_…: any of these will do */
} KmlProgramName;

/* All of them, in the order of the steps. (transfer full) (element-type KmlProgramName) */
GArray *kml_program_names (const KmlProgram *self);

/* How a step is written. */
typedef struct {
  const char *name;
  const char *shape;  /* what messages show as expected */
  guint least, most;  /* words after the name */
  gboolean has_block; /* { … } follows */
  const char *summary;
  guint name_is, other_is; /* KML_NAME_…: what its names stand for, see KmlStep.name and other */
} KmlStepForm;

/* Every step there is, in the order in which a reader meets them. (transfer none) (array length=ret_n) */
const KmlStepForm *kml_program_step_forms (guint *ret_n);

/* Pageable memory with a name. */
typedef struct {
  guint first, n; /* pages of the pager */
} KmlRegion;

/* DMA that tasks have begun: found by whoever waits for it, and by where it reads and writes. */
typedef struct {
  GQueue pending;       /* (element-type KmlTransfer): in the order in which they began */
  GHashTable *by_owner; /* (owned): task and name -> GQueue of KmlTransfer (owned), in that order */
  GHashTable *by_frame; /* (owned): of a block -> who is pending there */
} KmlTransfers;

/* What all tasks of a run share, by name. */
typedef struct {
  KmlMachine *machine;
  KmlScheduler *scheduler;
  KmlRequests *requests;
  KmlPager *pager;         /* (nullable) */
  GHashTable *locks;       /* (owned) (element-type utf8 KmlLock) */
  KmlReclaim *reclaim;     /* (nullable) */
  GHashTable *disks;       /* (owned) (element-type utf8 KmlDisk): the devices that are disks */
  GHashTable *dmas;        /* (owned) (element-type utf8 KmlDma): those that are DMA engines */
  GHashTable *mappings;    /* (owned) (element-type utf8 KmlMapping) */
  KmlTransfers transfers;  /* DMA that tasks have begun */
  GHashTable *regions;     /* (owned) (element-type utf8 KmlRegion) */
  GHashTable *completions; /* (owned) (element-type utf8 KmlCompletion): made when first named */
  GHashTable *tasks;       /* (owned) (element-type utf8 KmlTask) */
  guint64 n_untouched;     /* touches of blocks of a name that had none */
  gboolean says_progress;  /* some program has the step `progress` */
  /* (owned) (element-type utf8 KmlNamedBlocks): those that are called @NAME, and %NAME of each CPU as %NAME.CPU */
  GHashTable *blocks;
} KmlWorld;

/* Whether blocks that are called so are not a task's own: @NAME is everybody's, %NAME that of who runs on a CPU. */
static inline gboolean
kml_name_is_shared (const char *name)
{
  return name[0] == '@' || name[0] == '%';
}

void kml_world_init (KmlWorld *self, KmlMachine *machine, KmlScheduler *scheduler,
                     KmlRequests *requests);
void kml_world_clear (KmlWorld *self);

/* What changes in it, besides what its tasks' steps are about. */
void kml_world_remember (KmlWorld *self, KmlImage *image);

/* What `wait NAME` waits for; made when first named. (transfer none) */
KmlCompletion *kml_world_completion (KmlWorld *self, const char *name);

/* A program as one task runs it. */
typedef struct _KmlProgramTask KmlProgramTask;

/* @program is borrowed and may be run by several. Errors are INPUT: a name that means nothing. @cpu: where it will run. @rng:
 * a copy is taken. */
KmlProgramTask *kml_program_task_new (const KmlProgram *program, KmlWorld *world, guint cpu,
                                      const KmlRng *rng, GError **error);
void kml_program_task_free (KmlProgramTask *self);
/* @task (nullable) is who runs it; NULL: a handler. What it has a step to wake, it may be waited for, and memory if it has one to free. */
void kml_program_task_set_runner (KmlProgramTask *self, KmlTask *task);
/* What changes in it and in all that its steps are about. */
void kml_program_task_remember (KmlProgramTask *self, KmlImage *image);

/* KmlTaskFunc: @data is a KmlProgramTask. A handler runs it from the beginning each time. */
void kml_program_run (KmlMachine *machine, gpointer data);

G_END_DECLS
