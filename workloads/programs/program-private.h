/* program-private.h: a program as it was read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/programs/program.h"
#include "workloads/programs/time-law.h"

G_BEGIN_DECLS

typedef enum {
  KML_STEP_ALLOC,
  KML_STEP_FREE,
  KML_STEP_TOUCH,
  KML_STEP_DIRTY,
  KML_STEP_THROTTLE,
  KML_STEP_SYNC,
  KML_STEP_DROP,
  KML_STEP_MIGRATE,
  KML_STEP_COMPACT,
  KML_STEP_DMA,
  KML_STEP_DMA_WAIT,
  KML_STEP_LOCK,
  KML_STEP_LOCK_SHARED,
  KML_STEP_TRY_LOCK,
  KML_STEP_UNLOCK,
  KML_STEP_WORK,
  KML_STEP_SLEEP,
  KML_STEP_YIELD,
  KML_STEP_PROGRESS,
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
  KML_STEP_RETRY,     /* likewise */
  KML_STEP_IF_FAILED, /* likewise */
  KML_STEP_NOFS,      /* likewise */
  KML_STEP_NOIO,      /* likewise */
  KML_STEP_NORECLAIM, /* likewise */
  KML_STEP_CALL,      /* likewise: shows up in call chains */
  KML_STEP_RECLAIM,   /* likewise */
  KML_STEP_IPI,       /* likewise: by other CPUs */
  KML_STEP_END,       /* of a block: target is its beginning */
  KML_N_STEPS,
} KmlStepKind;

extern const KmlStepForm kml_step_forms[KML_N_STEPS];

/* Which pages a step is about. */
typedef enum {
  KML_PAGES_FIXED,
  KML_PAGES_NEXT,   /* one after the other, and from the beginning again: of each step its own */
  KML_PAGES_RANDOM, /* any, with equal probability */
} KmlPagesKind;

typedef struct {
  guint8 kind;         /* KmlPagesKind */
  guint64 first, last; /* FIXED */
} KmlStepPages;

enum {
  KML_STEP_FLAG_PAUSING = 0x1,     /* migrate */
  KML_STEP_FLAG_ALL = 0x2,         /* dma: all blocks of the name; ipi: all other CPUs */
  KML_STEP_FLAG_FROM_DEVICE = 0x4, /* dma */
  KML_STEP_FLAG_NOWAIT = 0x8,      /* dma, ipi, dirty */
};

typedef struct {
  guint8 kind;             /* KmlStepKind */
  char *text;              /* (owned): as it is written, without its block */
  char *name;              /* (owned) (nullable): what it is about */
  gsize name_at, other_at; /* where in the program's text name and other stand */
  /* (owned) (nullable): of wait: the task that will do it; of alloc: the device that it is for; of dma: what is moved */
  char *other;
  guint8 flags; /* KML_STEP_FLAG_… */
  KmlStepPages pages;
  KmlRequest request;
  KmlConstraints constraints;
  KmlLevel level;
  guint64 count;   /* of repeat; bytes of read and write; the CPU of ipi */
  KmlTimeLaw time; /* of a step that takes some */
  guint target;    /* of a block and its end */
} KmlStep;

struct _KmlProgram {
  GArray *steps; /* (owned) (element-type KmlStep) */
  guint depth;   /* blocks in blocks */
};

/* ---- program-blocks.c: the blocks of a name ---- */

typedef struct {
  GArray *blocks;       /* (owned) (element-type KmlBlock): a stack */
  guint64 n_lacking;    /* requests that have failed, whose `free` is still to come */
  const char *freed_by; /* (nullable) borrowed: the task that has given the latest back … */
  KmlTime freed;        /* … and when */
} KmlNamedBlocks;

KmlNamedBlocks *kml_named_blocks_new (void);
void kml_named_blocks_free (KmlNamedBlocks *self);
void kml_named_blocks_remember (KmlNamedBlocks *self, KmlImage *image);

/* The latest, for the running task to give back. FALSE: there is none. */
gboolean kml_named_blocks_take (KmlNamedBlocks *self, const KmlMachine *machine,
                                KmlBlock *ret_block);

/* What the name stands for has been given back. */
gboolean kml_named_blocks_are_gone (const KmlNamedBlocks *self);

/* … and the running task gives it back again (DOUBLE_FREE), or uses it (USE_AFTER_FREE). */
void kml_named_blocks_report (const KmlNamedBlocks *self, const KmlMachine *machine,
                              KmlIncidentKind kind, const char *name);

/* ---- program-bind.c: a program as one task runs it ---- */

/* What a step is about, looked up; all else is NULL. */
typedef struct {
  KmlLock *lock;
  KmlCompletion *completion;
  KmlNamedBlocks *blocks;
  guint64 n_failed; /* of alloc in a retry: how often, in this round */
  guint64 begun;    /* of repeat and retry: when so many steps had been done, by all … */
  guint n_chain;    /* … and the task was in so many calls */
  const KmlRegion *region;
  KmlMapping *mapping;
  KmlDisk *disk;
  KmlDma *dma;
  guint64 cursor;         /* of pages that come one after the other */
  KmlProgramTask *sender; /* of ipi: whose step it is … */
  guint step;             /* … and which */
} KmlStepTarget;

struct _KmlProgramTask {
  const KmlProgram *program;
  KmlWorld *world;
  KmlRng rng;
  GHashTable *own;        /* (owned) (element-type utf8 KmlNamedBlocks): blocks by name */
  KmlStepTarget *targets; /* (owned) (array length=steps) */
  /* (owned) (array length=steps): of repeat: rounds to go; of memalloc-…: what was before */
  guint64 *left;
  gboolean has_failed;   /* the last step that could fail */
  KmlGfp gfp;            /* of the last alloc, as it counted */
  KmlStepCount count;    /* at one instant */
  guint cpu;             /* where it runs */
  gboolean is_elsewhere; /* it does for another what that asked by an interrupt */
  /* (owned) (nullable) (element-type KmlProgramTask): what other CPUs do for it, by CPU: with names of its own */
  GPtrArray *elsewhere;
};

/* ---- program.c ---- */

/* KmlTask.find_round */
gboolean kml_program_find_round (const KmlTask *task, guint64 n_steps, KmlRound *ret_round);

/* ---- program-memory.c: steps about pages and DMA ---- */

void kml_transfers_init (KmlTransfers *self);
/* Transfers, too, that are still pending. */
void kml_transfers_clear (KmlTransfers *self);

/* The pages that the step is about now, of @n: *@ret_first to *@ret_last. @cursor: where `next` is. */
void kml_step_choose_pages (const KmlStepPages *self, guint64 n, guint64 *cursor, KmlRng *rng,
                            guint64 *ret_first, guint64 *ret_last);

/* All that follow: by the running task. FALSE: it failed, for at least one page. */
gboolean kml_step_touch (const KmlStep *step, KmlMapping *mapping, guint64 first, guint64 last);
gboolean kml_step_migrate (KmlWorld *world, KmlMapping *mapping, guint64 first, guint64 last,
                           gboolean pausing);

/* @blocks or @mapping is what is moved. */
gboolean kml_step_dma (KmlWorld *world, const KmlStep *step, KmlDma *dma, const GArray *blocks,
                       KmlMapping *mapping);
gboolean kml_step_dma_wait (KmlWorld *world, const char *name);

/* Whether a device works on any of its bytes. */
gboolean kml_block_in_flight (const KmlWorld *world, const KmlBlock *block);

G_END_DECLS
