/* lockdep-private.h: what the files of the lock validator share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   lockdep.c          classes, orders, rules
 *   lockdep-report.c   what was found, in words
 */

#pragma once

#include "simcore/locks/lockdep.h"

G_BEGIN_DECLS

/* Where something was done: task, call chain, step of its program. All borrowed. */
typedef struct {
  const KmlTask *task; /* NULL: nowhere yet */
  guint n;             /* functions; there may be more than are remembered */
  const char *functions[KML_MAX_CHAIN];
  const char *step; /* (nullable) */
} KmlTrace;

/* How a class was used, in lockdep's words; the same bits for shared use further up. */
enum {
  KML_USED_IN_HARDIRQ = 1 << 0,
  KML_USED_HARDIRQ_ON = 1 << 1,
  KML_USED_IN_SOFTIRQ = 1 << 2,
  KML_USED_SOFTIRQ_ON = 1 << 3,
  KML_USED_SHARED = 4, /* bits that those of shared use are further up */
};

#define KML_LEVEL_CLOSED G_MAXINT

struct _KmlLockClass {
  const char *name; /* borrowed */
  guint index;
  guint usage;
  int used_in;   /* the highest level of a handler that took it; KML_LEVEL_PROCESS: none did */
  int open_from; /* who is above this level may interrupt some holder; KML_LEVEL_CLOSED: nobody may */
  KmlTrace in, open; /* where these were first so */
  /* (owned) (element-type KmlLockOrder): the first to each class that was taken while it was held */
  GPtrArray *after;
  GPtrArray *before; /* (owned) (element-type KmlLockOrder): likewise from each that was held */
};

/* What an order of classes was first seen at. */
typedef struct {
  KmlLockClass *from, *to;
  guint8 context;
  KmlTrace trace;
  guint64 count;
} KmlLockOrder;

struct _KmlLockdep {
  GPtrArray *classes; /* (owned) (element-type KmlLockClass) */
  GPtrArray *orders;  /* (owned) (element-type KmlLockOrder): as they were first seen */
  GHashTable *known;  /* (owned) (element-type KmlLockOrder): the same, looked up, never iterated */
  KmlLockOrder *last; /* (nullable): most often the next is the same */
  GArray *reports;    /* (owned) (element-type KmlLockdepReport) */
  KmlLock reclaim;    /* nobody ever has it: a class */
};

/* ---- lockdep-report.c ---- */

/* What is told about: the running task takes @wanted. */
typedef struct {
  const KmlTask *task;
  const KmlLockClass *held, *wanted;
  const KmlTrace *trace; /* of taking */
  /* (element-type KmlLockOrder): from wanted to held; of IRQ_ORDER from the safe to the unsafe class */
  GPtrArray *path;
} KmlLockdepCase;

/* (transfer full) */
char *kml_lockdep_tell (const KmlLockdep *self, KmlLockdepKind kind, const KmlLockdepCase *found);

G_END_DECLS
