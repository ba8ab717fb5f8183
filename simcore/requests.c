/* requests.c: requests of tasks, measured.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/requests.h"

#include "simcore/lockdep.h"
#include "simcore/memalloc.h"

#include <string.h>

void
kml_requests_remember (KmlRequests *self, KmlImage *image)
{
  kml_image_add (image, self, sizeof *self);
}

/* ---- One request ---- */

/* Operations are recorded in the order in which they begin. */
void
kml_requests_begin (KmlRequests *self, KmlTask *task, KmlCourse *course)
{
  KmlMachine *machine = self->machine;

  if (machine->now >= self->recorder->next_snapshot)
    kml_recorder_snapshot_due (self->recorder, machine->now);
  kml_tally_pass_time (&self->recorder->tally, machine->now);
  if (self->recorder->config.population)
    kml_population_pass_time (&self->recorder->population,
                              kml_recorder_live_blocks (self->recorder), machine->now);
  kml_task_account_now (task, machine->now);
  course->task = task;
  course->start = machine->now;
  memcpy (course->parts, task->parts, sizeof task->parts);
  course->cause.lasted = 0;
  course->outer = task->cause;
  task->cause = &course->cause;
}

/* The operation is over: what all of them have in common. */
static inline void
finish (KmlRequests *self, KmlCourse *course)
{
  KmlMachine *machine = self->machine;

  kml_task_account_now (course->task, machine->now);
  course->task->cause = course->outer;
  if (machine->free_area.has_changed)
    kml_recorder_look_at_pages (self->recorder);
  self->n_operations++;
  if (!self->recorder->is_warm && self->n_operations >= self->recorder->config.warm_up)
    kml_recorder_end_warm_up (self->recorder);
}

/* It is the longest so far. */
static void
note_longest (KmlRequests *self, KmlOperation operation, const KmlCourse *course, KmlLevel level,
              guint64 size, const KmlRequest *request, KmlTime latency)
{
  const KmlTask *task = course->task;
  KmlLongest *longest = &self->recorder->longest[operation][task->context];

  *longest = (KmlLongest){
    .latency = latency,
    .start = course->start,
    .size = size,
    .gfp = request->gfp,
    .cpu = task->cpu,
    .level = (guint8)level,
    .task = task->name,
    .step = task->step,
    .workload = task->workload,
    .site = request->site,
    .cause = course->cause,
  };
  if (course->cause.lasted == 0)
    kml_cause_place (&longest->cause, task->chain, task->n_chain);
  for (guint i = 0; i < KML_N_PARTS; i++)
    longest->parts[i] = task->parts[i] - course->parts[i];
  kml_longest_check (longest);
}

/* One that was given a block, or gave one back. @what: see journal.h. TRUE: it is the longest so far. */
static inline gboolean
record (KmlRequests *self, KmlOperation operation, const KmlCourse *course, KmlTime end,
        KmlAddr addr, guint64 what)
{
  kml_recorder_add_entry (self->recorder, course->start, end, addr, what);
  return kml_recorder_add_latency (self->recorder, operation, course->task->context,
                                   end - course->start);
}

/* ---- Where allocators may be called ---- */

static gboolean
is_allowed_here (const KmlMachine *machine, KmlFrom from)
{
  const guint context = kml_current_task (machine)->context;

  switch (from) {
  case KML_FROM_ANY:
    return TRUE;
  case KML_FROM_SOFTIRQ:
    return context != KML_CONTEXT_HARDIRQ;
  case KML_FROM_PROCESS:
    return context == KML_CONTEXT_PROCESS;
  case KML_FROM_SLEEPABLE:
    return !kml_in_atomic (machine);
  case KML_N_FROM:
    break;
  }
  g_assert_not_reached ();
}

static void
check_alloc (const KmlRequests *self, KmlLevel level)
{
  const KmlFrom from = self->alloc_from[level];

  if (!is_allowed_here (self->machine, from))
    kml_scheduler_report (self->machine->scheduler, KML_INCIDENT_ALLOC_CONTEXT,
                          g_strdup_printf ("%s asks for memory in a context where its allocator "
                                           "forbids it (alloc-from = %s)",
                                           kml_current_task (self->machine)->name,
                                           kml_from_names[from]));
}

static void
check_free (const KmlRequests *self, KmlLevel level)
{
  const KmlFrom from = self->free_from[level];

  if (!is_allowed_here (self->machine, from))
    kml_scheduler_report (self->machine->scheduler, KML_INCIDENT_FREE_CONTEXT,
                          g_strdup_printf ("%s gives back memory in a context where its allocator "
                                           "forbids it (free-from = %s)",
                                           kml_current_task (self->machine)->name,
                                           kml_from_names[from]));
}

void
kml_requests_approach_alloc (KmlRequests *self, KmlLevel level, const KmlRequest *request)
{
  KmlMachine *machine = self->machine;
  const KmlGfp gfp = kml_memalloc_gfp (kml_current_task (machine), request->gfp);

  kml_lockdep_might_reclaim (machine, gfp);
  kml_might_alloc (machine, gfp);
  check_alloc (self, level);
}

gboolean
kml_requests_end_alloc (KmlRequests *self, KmlCourse *course, KmlLevel level,
                        const KmlRequest *request, KmlAddr addr, guint64 held, KmlBlock *ret_block)
{
  KmlMachine *machine = self->machine;
  gboolean is_longest;

  finish (self, course);
  *ret_block = (KmlBlock){ addr, request->size, held, level };
  if (G_UNLIKELY (addr == KML_ADDR_NONE)) {
    const KmlOp op = { .request = *request, .kind = KML_OP_ALLOC, .level = (guint8)level };

    is_longest = kml_recorder_failed (self->recorder, &op, course->start, machine->now);
  } else {
    is_longest = record (
        self, KML_OPERATION_ALLOC, course, machine->now, addr,
        kml_what_pack (kml_what_block (request->size, level), KML_OP_ALLOC, request));
    kml_tally_add_alloc (&self->recorder->tally, request->size, held);
    kml_recorder_add_waste (self->recorder, request->size, held);
  }
  if (G_UNLIKELY (is_longest))
    note_longest (self, KML_OPERATION_ALLOC, course, level, request->size, request,
                  machine->now - course->start);
  if (kml_has_caches (machine) && addr != KML_ADDR_NONE)
    kml_machine_use_block (machine, addr, request->size, KML_TOUCH_WRITE);
  return addr != KML_ADDR_NONE;
}

gboolean
kml_requests_alloc (KmlRequests *self, KmlLevel level, const KmlRequest *request,
                    KmlBlock *ret_block)
{
  KmlAllocator *allocator = level == KML_LEVEL_PAGES ? self->pages : self->objects;
  guint64 held = 0;
  KmlCourse course;
  KmlAddr addr;

  kml_requests_approach_alloc (self, level, request);
  kml_sync_on (self->machine, KML_OBJECT_NONE); /* only the recorder sees it */
  kml_requests_begin (self, kml_current_task (self->machine), &course);
  addr = kml_allocator_alloc (allocator, request, &held);
  return kml_requests_end_alloc (self, &course, level, request, addr, held, ret_block);
}

gboolean
kml_requests_approach_free (KmlRequests *self, KmlBlock *block, KmlBlock *ret_given)
{
  KmlMachine *machine = self->machine;

  *ret_given = *block;
  block->addr = KML_ADDR_NONE; /* nobody else may give it back meanwhile */
  if (ret_given->addr == KML_ADDR_NONE) {
    self->recorder->n_free_skipped++;
    return FALSE;
  }
  check_free (self, ret_given->level);
  if (kml_has_caches (machine))
    kml_machine_use_block (machine, ret_given->addr, ret_given->size, KML_TOUCH_READ);
  return TRUE;
}

void
kml_requests_end_free (KmlRequests *self, KmlCourse *course, const KmlBlock *given, guint64 held,
                       const KmlRequest *how)
{
  KmlMachine *machine = self->machine;

  finish (self, course);
  if (record (self, KML_OPERATION_FREE, course, machine->now, given->addr,
              kml_what_pack (kml_what_block (given->size, given->level), KML_OP_FREE, how)))
    note_longest (self, KML_OPERATION_FREE, course, given->level, given->size, how,
                  machine->now - course->start);
  kml_tally_add_free (&self->recorder->tally, given->size, held);
}

gboolean
kml_requests_free (KmlRequests *self, KmlBlock *block, const KmlRequest *how)
{
  KmlCourse course;
  KmlBlock given;

  if (!kml_requests_approach_free (self, block, &given))
    return FALSE;
  kml_sync_on (self->machine, KML_OBJECT_NONE);
  kml_requests_begin (self, kml_current_task (self->machine), &course);
  block->held = kml_allocator_free_block (
      given.level == KML_LEVEL_PAGES ? self->pages : self->objects, given.addr, how);
  kml_requests_end_free (self, &course, &given, block->held, how);
  return TRUE;
}

gboolean
kml_requests_split (KmlRequests *self, KmlBlock *lower, KmlBlock *ret_upper, const KmlRequest *how)
{
  const guint64 half = lower->size / 2;
  KmlTime start;

  g_assert (lower->level == KML_LEVEL_PAGES);
  kml_sync_on (self->machine, KML_OBJECT_NONE);
  start = self->machine->now;
  *ret_upper = (KmlBlock){ .addr = KML_ADDR_NONE, .size = half, .level = KML_LEVEL_PAGES };
  if (lower->addr == KML_ADDR_NONE || self->pages->ops->split == NULL ||
      !self->pages->ops->split (self->pages, lower->addr, half))
    return FALSE;
  lower->size = half;
  ret_upper->addr = lower->addr + half;
  kml_recorder_add_entry (
      self->recorder, start, self->machine->now, lower->addr,
      kml_what_pack (kml_what_block (half, KML_LEVEL_PAGES), KML_OP_SPLIT, how));
  self->recorder->n_split++;
  self->n_operations++;
  return TRUE;
}
