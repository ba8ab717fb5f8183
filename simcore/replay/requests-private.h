/* requests-private.h: a request in steps.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What kml_requests_alloc() and kml_requests_free() do, for who would not stand on a stack while others go on (kml_rest()):
 *
 *   approach    may it be made here
 *               … others are let in, as by kml_sync_on (machine, KML_OBJECT_NONE): only the recorder sees what comes …
 *   begin       it counts from now on
 *               … the allocator works …
 *   end         it is recorded
 *
 * They are here to become part of who calls them. What is rare is in requests.c.
 */

#pragma once

#include <string.h>

#include "simcore/locks/lockdep.h"
#include "simcore/pages/memalloc.h"
#include "simcore/replay/requests.h"
#include "simcore/tasks/scheduler-private.h"

G_BEGIN_DECLS

/* A request under way. */
typedef struct {
  KmlTask *task;
  KmlTime start;
  KmlTime parts[KML_N_PARTS]; /* what the task had done with its time before */
  KmlCause cause, *outer;
} KmlCourse;

/* How often anybody has given back something. */
static inline guint64
kml_requests_n_freed (const KmlRequests *self)
{
  return self->recorder->tally.n_free + self->n_free_old;
}

/* ---- requests.c ---- */

/* What @course was is the longest so far of its kind. */
void kml_requests_note_longest (KmlRequests *self, KmlOperation operation, const KmlCourse *course,
                                KmlLevel level, guint64 size, const KmlRequest *request);

struct _KmlRequestWaiter {
  KmlTask *task;
  KmlRequestWaiter *next;
};

/* Something has been given back. */
void kml_requests_wake_waiters (KmlRequests *self);

/* By the running task, where the allocator allows it @from elsewhere alone, or everywhere. */
void kml_requests_check_alloc (const KmlRequests *self, KmlFrom from);
void kml_requests_check_free (const KmlRequests *self, KmlFrom from);

/* ---- Approach ---- */

static inline void
kml_requests_approach_alloc (KmlRequests *self, KmlLevel level, const KmlRequest *request)
{
  KmlMachine *machine = self->machine;
  const KmlGfp gfp = kml_memalloc_gfp (kml_current_task (machine), request->gfp);
  const KmlFrom from = self->alloc_from[level];

  if (machine->scheduler->config.lockdep != NULL)
    kml_lockdep_might_reclaim (machine, gfp);
  if (G_UNLIKELY (kml_gfp_may_sleep (gfp) &&
                  kml_cpu_is_atomic (kml_scheduler_cpu (machine->scheduler))))
    kml_memalloc_report (machine, gfp);
  if (G_UNLIKELY (from != KML_FROM_ANY))
    kml_requests_check_alloc (self, from);
}

/* FALSE: there is nothing to give back. */
static inline gboolean
kml_requests_approach_free (KmlRequests *self, KmlBlock *block, KmlBlock *ret_given)
{
  KmlMachine *machine = self->machine;
  KmlFrom from;

  *ret_given = *block;
  block->addr = KML_ADDR_NONE; /* nobody else may give it back meanwhile */
  if (G_UNLIKELY (ret_given->addr == KML_ADDR_NONE)) {
    self->recorder->n_free_skipped++;
    return FALSE;
  }
  from = self->free_from[ret_given->level];
  if (G_UNLIKELY (from != KML_FROM_ANY))
    kml_requests_check_free (self, from);
  if (kml_has_caches (machine))
    kml_machine_use_block (machine, ret_given->addr, ret_given->size, KML_TOUCH_READ);
  return TRUE;
}

/* ---- Begin ---- */

/* Operations are recorded in the order in which they begin. @course stays where it is until it is done. */
static inline void
kml_requests_begin (KmlRequests *self, KmlTask *task, KmlCourse *course)
{
  KmlRecorder *recorder = self->recorder;
  const KmlTime now = self->machine->now;

  if (G_UNLIKELY (kml_free_area_has_changed (&self->machine->free_area)))
    kml_recorder_look_at_pages (recorder);
  if (G_UNLIKELY (now >= recorder->next_snapshot))
    kml_recorder_snapshot_due (recorder, now);
  kml_tally_pass_time (&recorder->tally, now);
  if (recorder->config.population)
    kml_population_pass_time (&recorder->population, kml_recorder_live_blocks (recorder), now);
  kml_task_account_now (task, now);
  course->task = task;
  course->start = now;
  memcpy (course->parts, task->parts, sizeof task->parts);
  course->cause.lasted = 0;
  course->outer = task->cause;
  task->cause = &course->cause;
}

/* ---- End ---- */

/* What all operations have in common. */
static inline void
kml_requests_end (KmlRequests *self, KmlCourse *course)
{
  KmlMachine *machine = self->machine;

  course->task->cause = course->outer;
  if (G_UNLIKELY (kml_free_area_has_changed (&machine->free_area)))
    kml_recorder_look_at_pages (self->recorder);
  self->n_operations++;
  if (G_UNLIKELY (!self->recorder->is_warm) && self->n_operations >= self->recorder->config.warm_up)
    kml_recorder_end_warm_up (self->recorder);
}

/* Of one that was given a block, or gave one back. @what: see journal.h. TRUE: it is the longest so far. */
static inline gboolean
kml_requests_record (KmlRequests *self, KmlOperation operation, const KmlCourse *course,
                     KmlAddr addr, guint64 what)
{
  const KmlTime end = self->machine->now;

  kml_recorder_add_entry (self->recorder, course->start, end, addr, what);
  return kml_recorder_add_latency (self->recorder, operation, course->task->context,
                                   end - course->start);
}

/* @ret_block: what there was none of before. FALSE: there was no memory. */
static inline gboolean
kml_requests_end_alloc (KmlRequests *self, KmlCourse *course, KmlLevel level,
                        const KmlRequest *request, KmlAddr addr, guint64 held, KmlBlock *ret_block)
{
  KmlMachine *machine = self->machine;
  gboolean is_longest;

  kml_requests_end (self, course);
  *ret_block = (KmlBlock){ addr, request->size, held, level };
  if (G_UNLIKELY (addr == KML_ADDR_NONE)) {
    const KmlOp op = { .request = *request, .kind = KML_OP_ALLOC, .level = (guint8)level };

    is_longest = kml_recorder_failed (self->recorder, &op, course->start, machine->now);
  } else {
    is_longest = kml_requests_record (
        self, KML_OPERATION_ALLOC, course, addr,
        kml_what_pack (kml_what_block (request->size, level), KML_OP_ALLOC, request));
    kml_tally_add_alloc (&self->recorder->tally, request->size, held);
    if (level == KML_LEVEL_PAGES)
      kml_page_tally_add_alloc (&self->recorder->page_tally, request->size, held,
                                self->recorder->tally.last_time);
    kml_recorder_add_waste (self->recorder, request->size, held);
  }
  if (G_UNLIKELY (is_longest))
    kml_requests_note_longest (self, KML_OPERATION_ALLOC, course, level, request->size, request);
  if (kml_has_caches (machine) && addr != KML_ADDR_NONE)
    kml_machine_use_block (machine, addr, request->size, KML_TOUCH_WRITE);
  return addr != KML_ADDR_NONE;
}

/* @given: what there is none of now. */
static inline void
kml_requests_end_free (KmlRequests *self, KmlCourse *course, const KmlBlock *given, guint64 held,
                       const KmlRequest *how)
{
  kml_requests_end (self, course);
  if (G_UNLIKELY (kml_requests_record (
          self, KML_OPERATION_FREE, course, given->addr,
          kml_what_pack (kml_what_block (given->size, given->level), KML_OP_FREE, how))))
    kml_requests_note_longest (self, KML_OPERATION_FREE, course, given->level, given->size, how);
  kml_tally_add_free (&self->recorder->tally, given->size, held);
  if (given->level == KML_LEVEL_PAGES)
    kml_page_tally_add_free (&self->recorder->page_tally, given->size, held,
                             self->recorder->tally.last_time);
  if (G_UNLIKELY (self->waiters != NULL))
    kml_requests_wake_waiters (self);
}

G_END_DECLS
