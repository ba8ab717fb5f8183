/* progress.c: tasks that go on and get nowhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * No cycle of waits closes, and yet nothing comes of it. Five kinds are named:
 *
 *   livelock            for a stated time steps are done and none of them achieves anything. What counts as progress is told by who runs the
 *                       steps (kml_scheduler_progress()), as SPIN's progress labels tell it (G. J. Holzmann, The SPIN Model Checker, 2003, chapter 4)
 *   livelock at one     a task does a million steps and simulated time does not pass: without an end of its own such a run would
 *   instant             have none. This is always watched
 *   priority inversion  for a stated time a task waits for one of lower priority, which is ready and does not run, since one in
 *                       between has its CPU (L. Sha, R. Rajkumar, J. P. Lehoczky, IEEE Trans. Computers 39(9), 1990)
 *
 *   tries in vain       a task tries the same a million times, be it a block of its program or a request that must not fail; it fails, nothing is achieved,
 *                       and everybody else is stuck, does the same, or is kept from its CPU by one who does; or a hundred million times, whatever others do.
 *                       Watched likewise where the run would have no end
 *   interrupt storm     while interrupts came or were handled a million times no task has run, though some could: a livelock as J. C. Mogul and
 *                       K. K. Ramakrishnan, "Eliminating Receive Livelock in an Interrupt-Driven Kernel", ACM TOCS 15(3), 1997, have it. It is watched where the
 *                       run would have no end ([scenario] until); where it has one, overload may be what is to be seen. Where handlers do much it is seen sooner:
 *                       after every million of steps and interrupts in which no task has run and nothing was achieved it is looked how many are
 *                       pending of those that come for ever. When some were handled and more are pending than before, 32 times in a row, they
 *                       come faster than they can be handled. What piles up behind one long handler, or in a burst, is worked off again
 *
 * Handlers of interrupts without end, and daemons, may always help. But tasks that are stuck leave them only so much to do: so what they do counts as
 * achieved where more memory is given back, on balance, than ever since something was achieved last, and where fewer pages are left to be written. A handler that
 * gets as much as it gives back achieves nothing, nor does what is done within a try that fails. Where nothing is achieved, each source of interrupts has come sixteen
 * times, on average, and no daemon has been about one thing for so long, none of them will help.
 *
 * A livelock ends the run, an inversion does not: who has the CPU may be done one day.
 *
 * Where schedules are chosen, nothing may come of what is done for the one reason that the others were passed over. That is the schedule's fault and no
 * livelock: those are what *fair* schedules end in (M. Musuvathi, S. Qadeer, "Fair Stateless Model Checking", PLDI 2008). So when the stated time is over
 * and a CPU that could go on has had less than sixteen turns in it, or a timer should have rung before it, these come first until they
 * have caught up, and the time begins anew. It is a bound on how slow a CPU can be, and is told to who claims to have seen all schedules.
 *
 * Time is looked at where others are let in anyway: the horizon (scheduler.h) is never further than the next look, sixteen of which are in the
 * stated time. Nothing is put into the agenda, so a stall is still seen as one.
 */

#include "simcore/tasks/scheduler-private.h"
#include "simcore/base/units.h"

#define LOOKS     16
#define LEAST     (100 * KML_NS) /* between two looks: no run is to do nothing else */
#define N_STEPS   16             /* fewer in the stated time are slow, and no livelock */
#define N_TURNS   16             /* a CPU with fewer was passed over */
#define MANY_VAIN 100            /* millions of tries: then nobody will help */
/* looks: where there is just time enough for all, the backlog grows by chance once in 2^32 */
#define N_GROWING 32
/* a second of the host, or less; no real code takes no time for so many */
#define N_AT_ONCE 1000000

void
kml_progress_init (KmlScheduler *self)
{
  self->watch.next = self->config.no_progress > 0 ? self->machine->now : KML_TIME_MAX;
  self->watch.next_storm_look = KML_N_STORM;
  self->watch.fewest_dirty = G_MAXUINT64;
}

/* ---- What is achieved ---- */

static void
achieved (KmlScheduler *self)
{
  self->watch.n_achieved++;
  self->watch.best = self->watch.balance;
  self->watch.most_free = self->machine->free_area.n_free;
  self->watch.fewest_dirty = G_MAXUINT64;
}

void
kml_scheduler_progress (KmlScheduler *self)
{
  const KmlTask *task = kml_current_task (self->machine);

  self->watch.n_progress++;
  if (task->irq == NULL && task->vain.depth == 0)
    achieved (self);
}

/* What follows may be undone and done again. So it counts where there is more of it than ever since a task has achieved something; and what is more of one
 * does not let the others count again. */

void
kml_scheduler_gave_back (KmlScheduler *self, guint64 size)
{
  self->watch.balance += (gint64)size;
  if (self->watch.balance > self->watch.best) {
    self->watch.best = self->watch.balance;
    self->watch.n_achieved++;
  }
}

void
kml_scheduler_took (KmlScheduler *self, guint64 size)
{
  self->watch.balance -= (gint64)size;
}

void
kml_scheduler_freed_frames (KmlScheduler *self)
{
  const guint64 n_free = self->machine->free_area.n_free;

  if (n_free > self->watch.most_free) {
    self->watch.most_free = n_free;
    self->watch.n_achieved++;
  }
}

void
kml_scheduler_cleaned (KmlScheduler *self, guint64 n_before, guint64 n_left)
{
  if (n_left < MIN (n_before, self->watch.fewest_dirty)) {
    self->watch.fewest_dirty = n_left;
    self->watch.n_achieved++;
  }
}

void
kml_task_tried (KmlMachine *machine, const char *what, const KmlLock *lock)
{
  KmlTries *tries = &kml_current_task (machine)->tries;

  if (tries->what != what || tries->lock != lock)
    *tries = (KmlTries){ .what = what, .lock = lock, .since = machine->now };
  tries->latest = machine->now;
}

void
kml_task_got (KmlMachine *machine, const KmlLock *lock)
{
  KmlTries *tries = &kml_current_task (machine)->tries;

  if (tries->lock == lock)
    tries->what = NULL;
}

/* ---- Inversions ---- */

static gboolean
has_waited (const KmlScheduler *self, const KmlTask *task)
{
  return (task->state == KML_TASK_SLEEPING || task->state == KML_TASK_SPINNING) &&
         task->wait.kind != KML_WAIT_NONE &&
         self->machine->now - task->wait.since >= self->config.no_progress;
}

/* The CPU could have gone on for so long, but others were chosen. */
static gboolean
was_passed_over (const KmlScheduler *self, const KmlCpu *cpu)
{
  return self->config.choose != NULL && kml_cpu_has_turn (cpu) &&
         self->machine->now - cpu->resume >= self->config.no_progress;
}

/* Whom @task waits for in the end, if that one is ready and kept from its CPU. (nullable) */
static KmlTask *
kept_from_cpu (const KmlScheduler *self, const KmlTask *task)
{
  KmlTask *other = kml_wait_blocker (self, task, 0);

  for (guint n = 0; other != NULL && other->state != KML_TASK_READY; n++) {
    if (other->wait.kind == KML_WAIT_NONE || n == self->tasks->len)
      return NULL;
    other = kml_wait_blocker (self, other, 0);
  }
  if (other == NULL || self->machine->now - other->part_since < self->config.no_progress ||
      was_passed_over (self, &self->cpus[other->cpu]))
    return NULL;
  return other;
}

static void
look_for_inversion (KmlScheduler *self, KmlTask *task)
{
  const KmlTask *low = kept_from_cpu (self, task);
  const KmlTask *middle;

  if (low == NULL)
    return;
  middle = kml_wait_who_runs (&self->cpus[low->cpu]);
  if (middle == NULL || middle->priority >= task->priority || middle->priority <= low->priority)
    return;
  task->is_inverted = TRUE;
  kml_incident_inversion (self, task, low, middle);
}

/* ---- Fairness ---- */

/* The stated time begins now. */
static void
begin_anew (KmlScheduler *self)
{
  self->watch.since = self->machine->now;
  self->watch.n_steps_then = self->watch.n_steps;
  for (guint i = 0; i < self->machine->n_cpus; i++)
    self->cpus[i].n_turns = 0;
}

/* Whether a timer should have rung before nothing was achieved any more. */
static gboolean
any_timer_is_behind (const KmlScheduler *self)
{
  for (guint i = 0; i < self->any_time->len; i++) {
    const KmlTimer *timer = g_ptr_array_index (self->any_time, i);

    if (timer->is_set && timer->time <= self->watch.since)
      return TRUE;
  }
  return self->n_timers_set > 0 && kml_agenda_next_time (self->agenda) <= self->watch.since;
}

/* Whether something was passed over while nothing was achieved: it is to catch up. */
static gboolean
find_those_behind (KmlScheduler *self)
{
  gboolean any = any_timer_is_behind (self);

  for (guint i = 0; i < self->machine->n_cpus; i++) {
    KmlCpu *cpu = &self->cpus[i];

    cpu->is_behind = kml_cpu_has_turn (cpu) && cpu->n_turns < N_TURNS;
    any |= cpu->is_behind;
  }
  self->watch.due = self->watch.since;
  self->watch.is_catching_up = any;
  self->watch.has_caught_up |= any;
  return any;
}

/* The same of a look that must not take the schedule's fault for that of tasks. */
static gboolean
let_others_catch_up (KmlScheduler *self)
{
  if (self->config.choose == NULL || !find_those_behind (self))
    return FALSE;
  begin_anew (self);
  return TRUE;
}

static gboolean
is_behind (const KmlScheduler *self, const KmlCandidate *candidate)
{
  return candidate->kind == KML_CANDIDATE_CPU ? self->cpus[candidate->who].is_behind
                                              : candidate->time <= self->watch.due;
}

guint
kml_progress_let_catch_up (KmlScheduler *self, KmlCandidate *candidates, guint n)
{
  guint n_left = 0;

  if (G_LIKELY (!self->watch.is_catching_up))
    return n;
  for (guint i = 0; i < n; i++)
    if (is_behind (self, &candidates[i]))
      candidates[n_left++] = candidates[i];
  self->watch.is_catching_up = n_left > 0;
  return n_left > 0 ? n_left : n;
}

void
kml_progress_turn (KmlScheduler *self, KmlCpu *cpu)
{
  cpu->n_turns++;
  if (cpu->n_turns >= N_TURNS)
    cpu->is_behind = FALSE;
}

gboolean
kml_scheduler_has_caught_up (const KmlScheduler *self)
{
  return self->watch.has_caught_up;
}

/* ---- Nobody is left who could help ---- */

/* On average it has come too seldom to have shown in @time what it does. */
static gboolean
is_rare (const KmlScheduler *self, const KmlIrq *irq, KmlTime time)
{
  return irq->comes == KML_IRQ_ENDLESS &&
         (irq->n_raised == 0 || self->machine->now / irq->n_raised > time / N_TURNS);
}

/* Somebody that the run does not wait for, kswapd say, has been about something since before @since. */
static gboolean
is_daemon_at_work (const KmlScheduler *self, const KmlTask *task, KmlTime since)
{
  return task->is_daemon && task->irq == NULL && task->priority != G_MININT16 &&
         task->part_since <= since && kml_wait_is_free (self, task);
}

/* Handlers and daemons have had their chance since @since, and have changed nothing. */
static gboolean
is_hopeless (const KmlScheduler *self, KmlTime since)
{
  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);

    if (is_daemon_at_work (self, task, since) ||
        (task->irq != NULL && is_rare (self, task->irq, self->machine->now - since)))
      return FALSE;
  }
  return TRUE;
}

/* ---- Storms ---- */

/* Whether a task has run since it was said that none had. */
static gboolean
any_has_run (const KmlScheduler *self)
{
  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);

    if (task->irq == NULL && !task->is_daemon && task->parts[KML_PART_RUN] != task->ran_then)
      return TRUE;
  }
  return FALSE;
}

static void
begin_to_watch_for_storm (KmlScheduler *self)
{
  self->watch.storm_since = self->machine->now;
  self->watch.n_interrupts_then = self->watch.n_interrupts;
  self->watch.n_achieved_then = self->watch.n_achieved;
  self->watch.n_growing = 0;
  for (guint i = 0; i < self->tasks->len; i++) {
    KmlTask *task = g_ptr_array_index (self->tasks, i);

    task->ran_then = task->parts[KML_PART_RUN];
  }
}

/* *@ret_others: whether interrupts that end by themselves are in the way, too. */
static KmlBacklog
look_at_backlog (const KmlScheduler *self, gboolean *ret_others)
{
  KmlBacklog backlog = { .n_achieved = self->watch.n_achieved };

  *ret_others = FALSE;
  for (guint i = 0; i < self->tasks->len; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);
    const KmlIrq *irq = task->irq;

    if (irq == NULL)
      continue;
    if (irq->comes == KML_IRQ_ENDLESS) {
      backlog.n_pending += irq->n_pending;
      backlog.n_handled += irq->n_raised - irq->n_pending;
    } else if (irq->comes == KML_IRQ_COUNTED) {
      *ret_others |= irq->n_pending > 0 || task->state != KML_TASK_ENDED;
    }
  }
  return backlog;
}

static void
look_whether_it_grows (KmlScheduler *self)
{
  const KmlBacklog before = self->watch.backlog;
  gboolean others;

  self->watch.backlog = look_at_backlog (self, &others);
  if (!others && self->watch.backlog.n_achieved == before.n_achieved &&
      self->watch.backlog.n_handled > before.n_handled &&
      self->watch.backlog.n_pending > before.n_pending)
    self->watch.n_growing++;
  else
    self->watch.n_growing = 0;
}

/* TRUE: that was the end. */
static gboolean
look_for_storm (KmlScheduler *self)
{
  g_autofree char *time = NULL;

  self->watch.is_stormy = TRUE;
  self->watch.is_hopeless = self->watch.n_achieved == self->watch.n_achieved_then &&
                            is_hopeless (self, self->watch.storm_since);
  if (kml_wait_all_are_stuck (self)) {
    time = kml_format_time (self->machine->now - self->watch.storm_since);
    kml_incident_livelock (
        self,
        g_strdup_printf ("for %s there was nothing but interrupts, and no task came any further",
                         time),
        self->watch.n_steps);
  }
  self->watch.is_stormy = self->watch.is_hopeless = FALSE;
  return self->is_stopped;
}

void
kml_progress_look_for_storm (KmlScheduler *self)
{
  gboolean is_long;

  self->watch.next_storm_look = self->watch.n_interrupts + self->watch.n_steps + KML_N_STORM;
  if (self->is_bounded || self->is_stopped)
    return;
  look_whether_it_grows (self);
  if (any_has_run (self) || let_others_catch_up (self)) {
    begin_to_watch_for_storm (self);
    return;
  }
  is_long = self->watch.n_interrupts - self->watch.n_interrupts_then >= KML_N_STORM;
  if ((is_long || self->watch.n_growing >= N_GROWING) && !look_for_storm (self) && is_long)
    begin_to_watch_for_storm (self);
}

/* ---- Trying in vain ---- */

static gboolean
all_try_in_vain (KmlScheduler *self, const KmlTask *task)
{
  self->watch.is_hopeless = is_hopeless (self, task->vain.begun);
  return self->watch.is_hopeless && kml_wait_all_are_stuck (self);
}

static void
look_for_vain_tries (KmlScheduler *self, const KmlTask *task)
{
  if (self->is_bounded || self->is_stopped)
    return;
  if (let_others_catch_up (self))
    return;
  self->watch.trier = task;
  self->watch.kept_since = task->vain.latest;
  if ((task->vain.n >= MANY_VAIN * KML_N_VAIN && self->config.no_progress == 0) ||
      all_try_in_vain (self, task))
    kml_incident_livelock (self,
                           g_strdup_printf ("%s has tried the same %" G_GUINT64_FORMAT
                                            " times, and nothing has come of it",
                                            task->name, task->vain.n),
                           task->vain.n_steps);
  self->watch.trier = NULL;
  self->watch.is_hopeless = FALSE;
}

static void
begin_to_count (const KmlScheduler *self, KmlTask *task)
{
  task->vain.n = 0;
  task->vain.seen = self->watch.n_achieved;
  task->vain.n_steps = self->watch.n_steps;
  task->vain.begun = task->vain.latest = self->machine->now;
}

void
kml_progress_tries (KmlScheduler *self)
{
  KmlTask *task = kml_current_task (self->machine);

  if (task->vain.depth++ == 0)
    begin_to_count (self, task);
}

void
kml_progress_tried (KmlScheduler *self, gboolean got)
{
  KmlTask *task = kml_current_task (self->machine);

  task->vain.depth--;
  if (got && task->vain.depth == 0 && task->irq == NULL)
    achieved (self);
}

void
kml_progress_tries_again (KmlScheduler *self)
{
  KmlTask *task = kml_current_task (self->machine);

  if (task->vain.seen != self->watch.n_achieved)
    begin_to_count (self, task);
  if (G_UNLIKELY (++task->vain.n % KML_N_VAIN == 0)) {
    look_for_vain_tries (self, task);
    task->vain.latest = self->machine->now;
  }
}

/* ---- Looking ---- */

static void
end_time (KmlScheduler *self)
{
  const guint64 n_steps = self->watch.n_steps - self->watch.n_steps_then;
  g_autofree char *time = NULL;

  if (let_others_catch_up (self))
    return;
  time = kml_format_time (self->machine->now - self->watch.since);
  kml_incident_livelock (self,
                         g_strdup_printf ("for %s %" G_GUINT64_FORMAT
                                          " steps were done, and nothing came of them",
                                          time, n_steps),
                         self->watch.n_steps_then);
}

void
kml_progress_look (KmlScheduler *self)
{
  const KmlTime now = self->machine->now;

  self->watch.next = now + MAX (LEAST, self->config.no_progress / LOOKS);
  if (self->watch.n_progress != self->watch.n_seen) {
    self->watch.n_seen = self->watch.n_progress;
    begin_anew (self);
  }
  for (guint i = 0; i < self->tasks->len; i++) {
    KmlTask *task = g_ptr_array_index (self->tasks, i);

    if (!has_waited (self, task))
      task->is_inverted = FALSE;
    else if (!task->is_inverted)
      look_for_inversion (self, task);
  }
  if (now - self->watch.since >= self->config.no_progress &&
      self->watch.n_steps - self->watch.n_steps_then >= N_STEPS)
    end_time (self);
}

gboolean
kml_progress_step (KmlScheduler *self, KmlStepCount *count)
{
  const KmlTime now = self->machine->now;

  self->watch.n_steps++;
  if (G_LIKELY (now != count->time)) {
    count->time = now;
    count->n = 0;
    return TRUE;
  }
  if (++count->n < N_AT_ONCE || self->is_stopped)
    return TRUE;
  kml_incident_livelock (self,
                         g_strdup_printf ("%s has done %d steps, and time did not pass",
                                          kml_current_task (self->machine)->name, N_AT_ONCE),
                         self->watch.n_steps - N_AT_ONCE);
  return FALSE;
}

guint64
kml_progress_n_steps (const KmlScheduler *self)
{
  return self->watch.n_steps;
}
