/* lockdep.h: what could deadlock, seen from one run in which it did not.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A run shows in which orders locks are taken, and in which contexts. That is enough to say that another run could
 * deadlock, as Linux's lock validator does. Whether a schedule really does is for explore to say: lockdep.c.
 */

#pragma once

#include "simcore/memory/gfp.h"
#include "simcore/locks/lock.h"

G_BEGIN_DECLS

typedef enum {
  KML_LOCKDEP_CIRCULAR,     /* classes are taken in an order that closes a circle */
  KML_LOCKDEP_RECURSIVE,    /* one of a class while another of it, or the same, is held */
  KML_LOCKDEP_INCONSISTENT, /* taken by handlers, and elsewhere where these may interrupt */
  KML_LOCKDEP_IRQ_ORDER, /* one that handlers take is held while one is taken that they may interrupt */
  KML_N_LOCKDEP_KINDS,
} KmlLockdepKind;

/* "circular", "recursive", "inconsistent", "irq-order" */
extern const char *const kml_lockdep_kind_names[KML_N_LOCKDEP_KINDS + 1];

typedef struct {
  guint8 kind; /* KmlLockdepKind */
  KmlTime time;
  /* (owned) (element-type utf8): of the circle, each taken while the one before is held */
  GPtrArray *classes;
  char *text; /* (owned): the report, in lockdep's form */
} KmlLockdepReport;

/* While one of a class was held, one of another was taken. */
typedef struct {
  const char *from, *to; /* borrowed: names of classes */
  guint8 context;        /* KmlContext */
  char *site;            /* (owned): the call chain, outermost first */
  guint64 count;
} KmlLockdepEdge;

/* What a scheduler's tasks did with locks. It borrows names, and lives no longer than the run. */
KmlLockdep *kml_lockdep_new (void);
void kml_lockdep_free (KmlLockdep *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlLockdep, kml_lockdep_free)

/* The running task is about to take @lock. @tries: it will not wait for it, so nothing waits through it. */
void kml_lockdep_take (KmlScheduler *scheduler, KmlLock *lock, gboolean shared, gboolean tries);

/* ---- Memory waits ----
 *
 * Reclaim is a class of its own, fs_reclaim, as in Linux: who asks for memory and would enter file systems to get it takes it and gives it back, and
 * who reclaims has it all the while. */

#define KML_LOCKDEP_RECLAIM "fs_reclaim"

/* The running task asks for memory with @gfp. */
void kml_lockdep_might_reclaim (KmlMachine *machine, KmlGfp gfp);

/* The running task begins and ends to take memory back for a request with @gfp. Nests. */
void kml_lockdep_enter_reclaim (KmlMachine *machine, KmlGfp gfp);
void kml_lockdep_leave_reclaim (KmlMachine *machine);

/* ---- Results ---- */

/* (element-type KmlLockdepReport) (transfer none): in the order in which they were found */
const GArray *kml_lockdep_reports (const KmlLockdep *self);

/* "A -> B -> A", or "A -> A". (transfer full) */
char *kml_lockdep_report_classes (const KmlLockdepReport *self);

/* Sorted by its fields, equal ones added up. (element-type KmlLockdepEdge) (transfer full) */
GArray *kml_lockdep_edges (const KmlLockdep *self);

G_END_DECLS
