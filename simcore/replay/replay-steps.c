/* replay-steps.c: what a CPU does in process context: one operation after the other.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An operation meets the other CPUs where it begins, and at its lock. It could be a function of a task that stands on a stack there until it is its turn;
 * but CPUs that meet at one lock take turns at every operation, and then most of the time goes into switching stacks, after which no processor
 * foresees where functions return to. So between its meetings an operation is not on the stack but in its stream: which step comes next, and what
 * it has in hand. At a meeting its task *rests* (kml_rest()), the loop goes on with whichever stream's CPU is next, and all of
 * them are executed on one stack as long as nobody has to stop in the middle of an allocator.
 *
 *     next ──► turn ──► begin ──► join ──┬──────────────► work ──► next
 *               ▲        ▲         ▲     ├─► comes ──────►
 *               │        │         │     └─► spin ⟲ ─────►
 *               └─────── others ───┘       until it is handed over
 *
 * Before that, where its time is yet to come: next ──► lie down ──► sleep ──► wake.
 *
 * It is the same as wait_for_time() and kml_replay_execute_first(), which do it on a stack: in the same order, with the same meetings. That is done where choices are open, where
 * more than a spinlock is around the allocator (pages that are preloaded, a pager, another layer), and by handlers.
 */

#include "simcore/tasks/inject.h"
#include "simcore/replay/replay-private.h"
#include "simcore/tasks/rest.h"

static void
wait_until_going (Stream *self, const KmlWait *wait)
{
  while (self->is_waiting)
    kml_task_wait (self->replay->machine, wait, KML_PART_SLEEP, FALSE);
}

/* The stream is empty. FALSE: there will be no more. */
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

/* ---- Until the first operation's time has come ---- */

/* What becomes part of whoever calls it. */
#define STEP static inline __attribute__ ((always_inline)) gboolean

/* TRUE: it rests. FALSE: it has slept. */
STEP
fall_asleep (Stream *self)
{
  static const KmlWait for_time = { .kind = KML_WAIT_TIME, .what = "a time" };
  KmlScheduler *scheduler = self->task->scheduler;

  self->part = self->task->part;
  if (!kml_task_wait_begin (self->task, &for_time, KML_PART_SLEEP))
    return FALSE;
  self->task->state = KML_TASK_SLEEPING;
  self->step = STEP_SLEEP;
  if (kml_scheduler_cpu (scheduler)->first == NULL) {
    kml_rest_asleep (scheduler);
    return TRUE;
  }
  kml_scheduler_leave (scheduler);
  kml_task_wait_end (self->task, KML_PART_SLEEP, self->part);
  return FALSE;
}

/* Sleeps until the alarm, and is busy from then on. TRUE: it rests. FALSE: the time has come. */
STEP
lie_down (Stream *self)
{
  KmlMachine *machine = self->replay->machine;

  while (machine->now < self->task->alarm.time) {
    self->step = STEP_LIE_DOWN;
    if (kml_sync_resting (machine) || fall_asleep (self))
      return TRUE;
  }
  self->step = STEP_WAKE;
  return kml_work_until_resting (machine, self->first->op.time);
}

/* STEP_LIE_DOWN, STEP_SLEEP, STEP_WAKE: others were let in; it was woken; it was busy. */
static gboolean
go_on_sleeping (Stream *self)
{
  if (self->step == STEP_WAKE) {
    kml_work_until_rested (self->replay->machine, self->first->op.time);
    return FALSE;
  }
  if (self->step == STEP_SLEEP)
    kml_task_wait_end (self->task, KML_PART_SLEEP, self->part);
  else if (fall_asleep (self))
    return TRUE;
  return lie_down (self);
}

/* wait_for_time(), in steps. */
static gboolean
wait_for_first (Stream *self)
{
  KmlMachine *machine = self->replay->machine;
  const KmlTime to_switch = machine->cost[KML_COST_SWITCH];
  const KmlTime time = self->first->op.time;

  if (machine->scheduler->config.choose != NULL) {
    wait_for_time (machine, time);
    return FALSE;
  }
  if (time - machine->now > 2 * to_switch) {
    kml_alarm_set (machine->scheduler, self->task, time - to_switch);
    return lie_down (self);
  }
  self->step = STEP_WAKE;
  return kml_work_until_resting (machine, time);
}

/* ---- Until it is the first operation's turn ---- */

/* Of an operation that comes after one of another stream. TRUE: it rests. */
static gboolean
let_others_in (Stream *self)
{
  KmlMachine *machine = self->replay->machine;

  if (machine->scheduler->config.choose != NULL) {
    kml_sync (machine);
    return FALSE;
  }
  self->step = STEP_TURN;
  return kml_sync_resting (machine);
}

static void
wait_for_turn (Stream *self)
{
  while (kml_stream_turn_time (self) == KML_TIME_MAX) {
    const KmlWait wait = kml_stream_wait_for_turn (self);

    wait_until_going (self, &wait);
  }
  wait_for_time (self->replay->machine, kml_stream_turn_time (self));
}

/* ---- The operation ---- */

/* It is executed all at once, on this stack, and maybe by a handler. */
static void
execute_whole (Stream *self)
{
  KmlMachine *machine = self->replay->machine;
  const guint context = self->first->op.request.context;

  self->step = STEP_NEXT;
  if (context != KML_CONTEXT_PROCESS) {
    Stream *handler = self + context;

    handler->lender = self;
    kml_irq_raise (&handler->irq);
    kml_sync (machine);
  } else {
    kml_replay_execute_first (self, self);
  }
}

/* It is its turn, or it waits until it is; then, whether the first operation is done in steps. */
STEP
has_steps (Stream *self)
{
  if (G_UNLIKELY (self->first->is_special)) {
    if (kml_stream_turn_time (self) > self->replay->machine->now)
      wait_for_turn (self);
    if (self->first->is_whole)
      return FALSE;
  }
  return self->replay->in_steps[self->first->op.level] != NULL;
}

/* FALSE: it is done, as there was nothing to do. */
STEP
approach (Stream *self)
{
  KmlReplay *replay = self->replay;
  KmlRequests *requests = replay->config.requests;
  Course *course = &self->course;
  const KmlOp *op = kml_stream_begin_first (self);

  course->op = op;
  course->locked = replay->in_steps[op->level];
  if (op->kind == KML_OP_ALLOC) {
    kml_requests_approach_alloc (requests, op->level, &op->request);
  } else if (!kml_requests_approach_free (
                 requests, &kml_replay_record_at (replay, op->block)->block, &course->given)) {
    self->step = STEP_NEXT;
    kml_replay_executed (replay, op);
    kml_stream_drop_first (self);
    return FALSE;
  }
  return TRUE;
}

static inline void
begin (Stream *self)
{
  KmlMachine *machine = self->replay->machine;
  Course *course = &self->course;

  kml_requests_begin (self->replay->config.requests, self->task, &course->course);
  course->call = kml_call_begin (machine, course->locked->base.lower->ops->name);
  g_assert (kml_lock_approach (machine, &course->locked->lock, KML_LOCK_EXCLUSIVE));
}

/* TRUE: it rests. FALSE: the lock is its own. */
STEP
spin (Stream *self)
{
  const KmlWait wait = kml_lock_wait (&self->course.locked->lock);

  while (self->task->mode != KML_LOCK_GRANTED)
    if (kml_task_wait_begin (self->task, &wait, KML_PART_LOCK)) {
      self->task->state = KML_TASK_SPINNING;
      self->step = STEP_SPIN;
      kml_rest_until_kicked (self->task->scheduler);
      return TRUE;
    }
  return FALSE;
}

/* It has spun, and something has happened. */
STEP
go_on_spinning (Stream *self)
{
  KmlTask *task = self->task;

  kml_interrupts_deliver (task->scheduler);
  if (G_UNLIKELY (!task->is_woken)) {
    kml_rest_until_kicked (task->scheduler);
    return TRUE;
  }
  task->state = KML_TASK_RUNNING;
  kml_task_wait_end (task, KML_PART_LOCK, KML_PART_LOCK);
  return spin (self);
}

/* It does not get it at once. */
STEP
wait_for_lock (Stream *self, KmlLockStep step)
{
  if (step == KML_LOCK_QUEUED)
    return spin (self);
  self->step = STEP_COMES;
  self->course.until = self->course.locked->lock.free_at;
  return kml_work_until_resting (self->replay->machine, self->course.until);
}

static inline void
work (Stream *self)
{
  KmlReplay *replay = self->replay;
  KmlRequests *requests = replay->config.requests;
  KmlMachine *machine = replay->machine;
  Course *course = &self->course;
  const KmlOp *op = course->op;
  guint64 n_bytes;

  self->step = STEP_NEXT;
  if (op->kind == KML_OP_ALLOC) {
    guint64 held = 0;
    const KmlAddr addr = kml_locked_ask (course->locked, &op->request, &held, &n_bytes);
    KmlBlock block;

    kml_lock_give_back (machine, &course->locked->lock);
    kml_locked_prepare (course->locked, &op->request, addr, n_bytes);
    kml_call_end (&course->call);
    kml_requests_end_alloc (requests, &course->course, op->level, &op->request, addr, held, &block);
    kml_replay_allocated (replay, op, &block);
  } else {
    const guint64 held = kml_locked_take_back (course->locked, course->given.addr, &op->request,
                                               &n_bytes);

    kml_lock_give_back (machine, &course->locked->lock);
    kml_locked_check (course->locked, n_bytes);
    kml_call_end (&course->call);
    kml_requests_end_free (requests, &course->course, &course->given, held, &op->request);
    kml_replay_freed (replay, op, course->given.size, held);
  }
  kml_replay_executed (replay, op);
  kml_stream_drop_first (self);
}

/* ---- All steps ---- */

/* From @step on, operation by operation. TRUE: it is to rest; FALSE: there will be no more operations. */
STEP
go_on (Stream *self, KmlMachine *machine, Step step)
{
  for (;;) {
    KmlLockStep taken = KML_LOCK_COMES;
    gboolean is_in_steps;

    switch (step) {
    case STEP_LIE_DOWN:
    case STEP_SLEEP:
    case STEP_WAKE:
      if (go_on_sleeping (self))
        return TRUE;
      G_GNUC_FALLTHROUGH;
    case STEP_NEXT:
      if (kml_stream_is_empty (self) && !wait_for_operation (self))
        return FALSE;
      if (self->first->op.time > machine->now && wait_for_first (self))
        return TRUE;
      if (self->first->before != 0 && let_others_in (self))
        return TRUE;
      G_GNUC_FALLTHROUGH;
    case STEP_TURN:
      is_in_steps = has_steps (self);
      if (G_UNLIKELY (machine->now > self->replay->config.until)) {
        kml_replay_abandon_first (self);
        step = self->step = STEP_NEXT;
        continue;
      }
      if (!is_in_steps) {
        execute_whole (self);
        step = STEP_NEXT;
        continue;
      }
      if (!approach (self)) {
        step = STEP_NEXT;
        continue;
      }
      self->step = STEP_BEGIN;
      if (kml_sync_resting (machine))
        return TRUE;
      G_GNUC_FALLTHROUGH;
    case STEP_BEGIN:
      begin (self);
      self->step = STEP_JOIN;
      if (kml_sync_resting (machine))
        return TRUE;
      G_GNUC_FALLTHROUGH;
    case STEP_JOIN:
      taken = kml_lock_join (machine, &self->course.locked->lock, KML_LOCK_EXCLUSIVE,
                             &self->course.wait);
      if (taken != KML_LOCK_TAKEN && wait_for_lock (self, taken))
        return TRUE;
      break;
    case STEP_COMES:
      kml_work_until_rested (machine, self->course.until);
      break;
    case STEP_SPIN:
      if (go_on_spinning (self))
        return TRUE;
      break;
    }
    if (taken != KML_LOCK_TAKEN)
      kml_lock_settle (machine, &self->course.locked->lock, &self->course.wait);
    work (self);
    step = STEP_NEXT;
  }
}

/* Once for a run: whose operations are done in steps. */
static void
look_what_has_steps (KmlReplay *self)
{
  const KmlSchedulerConfig *config = &self->config.scheduler->config;
  const gboolean any = config->choose == NULL && !kml_injects (config->injector, KML_INJECT_ALLOC);

  self->in_steps[KML_LEVEL_PAGES] = any ? kml_locked_plain (self->config.requests->pages) : NULL;
  self->in_steps[KML_LEVEL_OBJECTS] = any ? kml_locked_plain (self->config.requests->objects)
                                          : NULL;
}

void
kml_replay_run_stream (KmlMachine *machine, gpointer data)
{
  Stream *self = data;

  look_what_has_steps (self->replay);
  while (go_on (self, machine, self->step)) {
    const gboolean is_wanted = kml_rest (machine->scheduler);

    self = kml_current_task (machine)->data; /* it, or another one that has rested here */
    if (G_UNLIKELY (is_wanted) && self->step <= STEP_JOIN)
      kml_sync_rested (machine);
  }
}
