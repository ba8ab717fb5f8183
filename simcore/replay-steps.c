/* replay-steps.c: what a CPU does in process context: one operation after the other.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An operation meets the other CPUs where it begins, and at its lock. It could be a function of a task that stands on a stack there until it is its turn;
 * but CPUs that meet at one lock take turns at every operation, and then most of the time goes into switching stacks, after which no processor
 * foresees where functions return to. So between its meetings an operation is not on the stack but in its stream: which step comes next, and what
 * it has in hand. At a meeting its task *rests* (kml_scheduler_rest()), the loop goes on with whichever stream's CPU is next, and all of
 * them are executed on one stack as long as nobody has to stop in the middle of an allocator.
 *
 *     next ──► begin ──► join ──┬──────────────► work ──► next
 *               ▲         ▲     ├─► comes ──────►
 *               │         │     └─► spin ⟲ ─────►
 *               └─ others ┘       until it is handed over
 *
 * Before that, where its time is yet to come: next ──► lie down ──► sleep ──► wake.
 *
 * It is the same as wait_for_time() and kml_replay_execute_first(), which do it on a stack: in the same order, with the same meetings. That is done where choices are open, where
 * more than a spinlock is around the allocator (pages that are preloaded, a pager, another layer), and by handlers.
 */

#include "simcore/inject.h"
#include "simcore/replay-private.h"
#include "simcore/scheduler-private.h"

static void
wait_until_going (Stream *self, const KmlWait *wait)
{
  while (self->is_waiting)
    kml_task_wait (self->replay->machine, wait, KML_PART_SLEEP, FALSE);
}

/* FALSE: there will be no more. */
static gboolean
wait_for_operation (Stream *self)
{
  KmlReplay *replay = self->replay;
  const KmlWait wait = { .kind = KML_WAIT_EVENT,
                         .what = "its next operation",
                         .providers = &replay->busy };

  while (kml_stream_is_empty (self)) {
    if (replay->has_ended)
      return FALSE;
    if (!replay->next.is_set && !replay->is_full) {
      kml_replay_deal_more (replay);
      continue;
    }
    self->is_waiting = TRUE;
    wait_until_going (self, &wait);
  }
  return TRUE;
}

/* Asleep as long as it pays, then busily, so that the operation starts to the picosecond. */
static void
wait_for_time (KmlMachine *machine, KmlTime time)
{
  const KmlTime to_switch = machine->cost[KML_COST_SWITCH];

  if (time <= machine->now)
    return;
  if (time - machine->now > 2 * to_switch)
    kml_sleep (machine, time - machine->now - to_switch);
  kml_work_until (machine, time);
}

/* ---- Steps: each ends by another one, or by resting before it ---- */

static void
work (Stream *self)
{
  KmlReplay *replay = self->replay;
  KmlMachine *machine = replay->machine;
  Course *course = &self->course;
  KmlAllocator *allocator = course->locked->base.lower;
  const KmlOp *op = &course->op;

  self->step = STEP_NEXT;
  if (op->kind == KML_OP_ALLOC) {
    guint64 held = 0;
    const KmlAddr addr = kml_allocator_alloc (allocator, &op->request, &held);
    KmlBlock block;

    kml_lock_give (machine, &course->locked->lock);
    kml_call_end (&course->call);
    kml_requests_end_alloc (replay->config.requests, &course->course, op->level, &op->request, addr,
                            held, &block);
    kml_replay_allocated (replay, op, &block);
  } else {
    const guint64 held = kml_allocator_free_block (allocator, course->given.addr, &op->request);

    kml_lock_give (machine, &course->locked->lock);
    kml_call_end (&course->call);
    kml_requests_end_free (replay->config.requests, &course->course, &course->given, held,
                           &op->request);
    kml_replay_freed (replay, op, course->given.size, held);
  }
  kml_replay_executed (replay, op);
}

static void
settle (Stream *self)
{
  kml_lock_settle (self->replay->machine, &self->course.locked->lock, &self->course.wait);
  work (self);
}

static void
spin (Stream *self)
{
  KmlLock *lock = &self->course.locked->lock;
  const KmlWait wait = kml_lock_wait (lock);

  while (self->task->mode != KML_LOCK_GRANTED)
    if (kml_task_wait_begin (self->task, &wait, KML_PART_LOCK)) {
      self->task->state = KML_TASK_SPINNING;
      self->step = STEP_SPIN;
      kml_scheduler_rest (self->task->scheduler);
      return;
    }
  settle (self);
}

/* It has spun, and something has happened. */
static void
go_on_spinning (Stream *self)
{
  KmlTask *task = self->task;

  kml_interrupts_deliver (task->scheduler);
  if (!task->is_woken) {
    kml_scheduler_rest (task->scheduler);
    return;
  }
  task->state = KML_TASK_RUNNING;
  kml_task_wait_end (task, KML_PART_LOCK, KML_PART_LOCK);
  spin (self);
}

static void
join (Stream *self)
{
  KmlMachine *machine = self->replay->machine;
  KmlLock *lock = &self->course.locked->lock;

  switch (kml_lock_join (machine, lock, KML_LOCK_EXCLUSIVE, &self->course.wait)) {
  case KML_LOCK_TAKEN:
    work (self);
    break;
  case KML_LOCK_COMES:
    self->step = STEP_COMES;
    self->course.until = lock->free_at;
    if (!kml_work_until_resting (machine, lock->free_at))
      settle (self);
    break;
  case KML_LOCK_QUEUED:
    spin (self);
    break;
  }
}

static void
begin (Stream *self)
{
  KmlMachine *machine = self->replay->machine;
  Course *course = &self->course;
  KmlLock *lock = &course->locked->lock;

  kml_requests_begin (self->replay->config.requests, self->task, &course->course);
  course->call = kml_call_begin (machine, course->locked->base.lower->ops->name);
  g_assert (kml_lock_approach (machine, lock, KML_LOCK_EXCLUSIVE));
  self->step = STEP_JOIN;
  if (machine->now < machine->horizon ||
      !kml_scheduler_sync_resting (machine->scheduler, lock->object))
    join (self);
}

/* The first operation: whether it is done in steps. */
static gboolean
approach (Stream *self)
{
  KmlReplay *replay = self->replay;
  KmlMachine *machine = replay->machine;
  const KmlSchedulerConfig *config = &machine->scheduler->config;
  KmlRequests *requests = replay->config.requests;
  Course *course = &self->course;
  const KmlOp *op = &course->op;

  course->locked = replay->locked[kml_stream_first (self)->op.level];
  if (course->locked == NULL || config->choose != NULL ||
      kml_injects (config->injector, KML_INJECT_ALLOC) ||
      kml_stream_first (self)->op.kind == KML_OP_SPLIT)
    return FALSE;
  kml_stream_take_first (self, &course->op);
  if (op->kind == KML_OP_ALLOC) {
    kml_requests_approach_alloc (requests, op->level, &op->request);
  } else if (!kml_requests_approach_free (
                 requests, &kml_replay_record_at (replay, op->block)->block, &course->given)) {
    kml_replay_executed (replay, op);
    return TRUE;
  }
  self->step = STEP_BEGIN;
  if (machine->now < machine->horizon ||
      !kml_scheduler_sync_resting (machine->scheduler, KML_OBJECT_NONE))
    begin (self);
  return TRUE;
}

/* The time of the first operation has come. */
static void
start (Stream *self)
{
  KmlMachine *machine = self->replay->machine;
  guint context;

  self->step = STEP_NEXT;
  if (kml_stream_first (self)->before != 0)
    kml_sync (machine);
  while (kml_stream_turn_time (self) == KML_TIME_MAX) {
    const KmlWait wait = kml_stream_wait_for_turn (self);

    wait_until_going (self, &wait);
  }
  wait_for_time (machine, kml_stream_turn_time (self));
  context = kml_stream_first (self)->op.request.context;
  if (context != KML_CONTEXT_PROCESS) {
    Stream *handler = self + context;

    handler->lender = self;
    kml_irq_raise (&handler->irq);
    kml_sync (machine);
  } else if (!approach (self)) {
    kml_replay_execute_first (self);
  }
}

/* ---- wait_for_time(), in steps ---- */

static void
work_until_time (Stream *self)
{
  self->step = STEP_WAKE;
  if (!kml_work_until_resting (self->replay->machine, kml_stream_first (self)->op.time))
    start (self);
}

static void lie_down (Stream *self);

static void
get_up (Stream *self)
{
  kml_task_wait_end (self->task, KML_PART_SLEEP, self->part);
  lie_down (self);
}

static void
fall_asleep (Stream *self)
{
  static const KmlWait for_time = { .kind = KML_WAIT_TIME, .what = "a time" };
  KmlScheduler *scheduler = self->task->scheduler;

  self->part = self->task->part;
  if (!kml_task_wait_begin (self->task, &for_time, KML_PART_SLEEP)) {
    lie_down (self);
    return;
  }
  self->task->state = KML_TASK_SLEEPING;
  self->step = STEP_SLEEP;
  if (kml_scheduler_cpu (scheduler)->first == NULL) {
    kml_scheduler_rest_asleep (scheduler);
  } else {
    kml_scheduler_leave (scheduler);
    get_up (self);
  }
}

/* Sleeps until the alarm. */
static void
lie_down (Stream *self)
{
  KmlMachine *machine = self->replay->machine;

  if (machine->now >= self->task->alarm.time) {
    work_until_time (self);
    return;
  }
  self->step = STEP_LIE_DOWN;
  if (machine->now < machine->horizon ||
      !kml_scheduler_sync_resting (machine->scheduler, KML_OBJECT_ANY))
    fall_asleep (self);
}

/* FALSE: there is nothing more to do. */
static gboolean
next (Stream *self)
{
  KmlMachine *machine = self->replay->machine;
  const KmlTime to_switch = machine->cost[KML_COST_SWITCH];
  KmlTime time;

  if (!wait_for_operation (self))
    return FALSE;
  time = kml_stream_first (self)->op.time;
  if (time <= machine->now) {
    start (self);
  } else if (machine->scheduler->config.choose != NULL) {
    wait_for_time (machine, time);
    start (self);
  } else if (time - machine->now > 2 * to_switch) {
    kml_timer_set (&self->task->alarm, machine->scheduler, time - to_switch);
    lie_down (self);
  } else {
    work_until_time (self);
  }
  return TRUE;
}

void
kml_replay_run_stream (KmlMachine *machine, gpointer data)
{
  for (;;) {
    Stream *self = kml_current_task (machine)->data; /* not the same as before when that rests */

    switch (self->step) {
    case STEP_NEXT:
      if (!next (self))
        return;
      break;
    case STEP_LIE_DOWN:
      kml_scheduler_sync_rested (machine->scheduler, KML_OBJECT_ANY);
      fall_asleep (self);
      break;
    case STEP_SLEEP:
      get_up (self);
      break;
    case STEP_WAKE:
      kml_work_until_rested (machine, kml_stream_first (self)->op.time);
      start (self);
      break;
    case STEP_BEGIN:
      kml_scheduler_sync_rested (machine->scheduler, KML_OBJECT_NONE);
      begin (self);
      break;
    case STEP_JOIN:
      kml_scheduler_sync_rested (machine->scheduler, self->course.locked->lock.object);
      join (self);
      break;
    case STEP_COMES:
      kml_work_until_rested (machine, self->course.until);
      settle (self);
      break;
    case STEP_SPIN:
      go_on_spinning (self);
      break;
    }
  }
}
