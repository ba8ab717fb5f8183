/* lock-private.h: taking a lock in steps.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What kml_lock_take() does, for who would not stand on a stack meanwhile (kml_scheduler_rest()):
 *
 *   approach    may it, does it know what it does
 *               … others are let in, as by kml_sync_on (machine, lock->object) …
 *   join        takes it; or waits for a time that is known; or waits in the queue
 *               … until then …
 *   settle      what the wait has cost
 */

#pragma once

#include "simcore/lock.h"

G_BEGIN_DECLS

typedef enum {
  KML_LOCK_TAKEN,
  KML_LOCK_COMES,  /* it is the task's from lock->free_at on: keep the CPU busy until then */
  KML_LOCK_QUEUED, /* wait until task->mode == KML_LOCK_GRANTED */
} KmlLockStep;

/* A wait for a lock under way. */
typedef struct {
  KmlPart part; /* where the task's time went before */
  KmlTime start;
  gboolean is_queued;
} KmlLockWait;

/* FALSE: the task is not given another one; that is recorded. */
gboolean kml_lock_approach (KmlMachine *machine, KmlLock *self, KmlLockMode mode);

/* @ret_wait is set unless it is TAKEN. */
KmlLockStep kml_lock_join (KmlMachine *machine, KmlLock *self, KmlLockMode mode,
                           KmlLockWait *ret_wait);

void kml_lock_settle (KmlMachine *machine, KmlLock *self, const KmlLockWait *wait);

/* What a task in the queue waits for. */
KmlWait kml_lock_wait (KmlLock *self);

G_END_DECLS
