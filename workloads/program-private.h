/* program-private.h: a program as it was read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/program.h"
#include "workloads/time-law.h"

G_BEGIN_DECLS

typedef enum {
  KML_STEP_ALLOC,
  KML_STEP_FREE,
  KML_STEP_TOUCH,
  KML_STEP_LOCK,
  KML_STEP_LOCK_SHARED,
  KML_STEP_TRY_LOCK,
  KML_STEP_UNLOCK,
  KML_STEP_WORK,
  KML_STEP_SLEEP,
  KML_STEP_YIELD,
  KML_STEP_WAIT,
  KML_STEP_WAKE,
  KML_STEP_IRQ_OFF,
  KML_STEP_IRQ_ON,
  KML_STEP_SOFTIRQ_OFF,
  KML_STEP_SOFTIRQ_ON,
  KML_STEP_PREEMPT_OFF,
  KML_STEP_PREEMPT_ON,
  KML_STEP_IO,
  KML_STEP_READ,
  KML_STEP_WRITE,
  KML_STEP_REPEAT,    /* begins a block: target is the place behind its end */
  KML_STEP_IF_FAILED, /* likewise */
  KML_STEP_CALL,      /* likewise: shows up in call chains */
  KML_STEP_RECLAIM,   /* likewise */
  KML_STEP_END,       /* of a block: target is its beginning */
  KML_N_STEPS,
} KmlStepKind;

extern const KmlStepForm kml_step_forms[KML_N_STEPS];

typedef struct {
  guint8 kind; /* KmlStepKind */
  char *name;  /* (owned) (nullable): what it is about */
  char *other; /* (owned) (nullable): of wait: the task that will do it */
  KmlRequest request;
  KmlConstraints constraints;
  KmlLevel level;
  guint64 count;   /* of repeat; the page of touch; bytes of read and write */
  KmlTimeLaw time; /* of a step that takes some */
  guint target;    /* of a block and its end */
} KmlStep;

struct _KmlProgram {
  GArray *steps; /* (owned) (element-type KmlStep) */
  guint depth;   /* blocks in blocks */
};

G_END_DECLS
