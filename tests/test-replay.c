/* test-replay.c: every CPU does its own operations, and what belongs together stays in order.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Method: a workload that plays a list, and an allocator that writes down who asked it what and when. An alloc takes 10 ns, a
 * free 5; nothing else takes any time. Who asks for 17 bytes waits for an element that CPU 1 has to give.
 */

#include "simcore/tasks/inject.h"
#include "simcore/pages/locked.h"
#include "simcore/replay/replay.h"
#include "tests/list-workload.h"
#include "tests/testutils.h"

static GString *story;

/* ---- Stand-ins ---- */

typedef struct {
  KmlAllocator base;
  KmlAddr next;
} Scribe;

static void
note (KmlAllocator *self, const char *what, guint64 which)
{
  const KmlMachine *machine = self->machine;
  const KmlTask *task = kml_current_task (machine);

  g_string_append_printf (story, "%s%u/%s %s %" G_GUINT64_FORMAT "@%" G_GUINT64_FORMAT,
                          story->len > 0 ? ", " : "", task->cpu, kml_context_names[task->context],
                          what, which, machine->now / KML_NS);
}

static gboolean
scribe_init (KmlAllocator *base, GError **error)
{
  return TRUE;
}

/* Which it never does. */
static void
wait_for_cpu_1 (KmlMachine *machine)
{
  const GPtrArray *tasks = kml_scheduler_tasks (machine->scheduler);
  KmlWait wait = { .kind = KML_WAIT_EVENT, .what = "an element" };

  for (guint i = 0; i < tasks->len; i++)
    if (g_str_equal (((KmlTask *)g_ptr_array_index (tasks, i))->name, "list.1"))
      wait.provider = g_ptr_array_index (tasks, i);
  kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
}

static KmlAddr
scribe_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Scribe *self = (Scribe *)base;

  note (base, "alloc", request->size);
  if (request->size == 17)
    wait_for_cpu_1 (base->machine);
  kml_spend (base->machine, KML_COST_INSTRUCTION, 10);
  *ret_held = request->size;
  return request->size == 13 ? KML_ADDR_NONE : (self->next += 4096);
}

static guint64
scribe_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  note (base, "free", addr / 4096);
  kml_spend (base->machine, KML_COST_INSTRUCTION, 5);
  return 0;
}

static gboolean
scribe_split (KmlAllocator *base, KmlAddr addr, guint64 piece)
{
  note (base, "split", addr / 4096);
  return TRUE;
}

static void
scribe_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
}

static gboolean
scribe_check (const KmlAllocator *base, GError **error)
{
  return TRUE;
}

static const KmlAllocatorOps scribe_ops = {
  .name = "scribe",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (Scribe),
  .init = scribe_init,
  .alloc = scribe_alloc,
  .free = scribe_free,
  .split = scribe_split,
  .walk = scribe_walk,
  .check = scribe_check,
};

/* ---- A machine with all of that ---- */

static struct {
  char *incident; /* (nullable): how the first is told */
  KmlMachine *machine;
  KmlAllocator *pages;
  KmlRecorder *recorder;
  KmlScheduler *scheduler;
  KmlRequests requests;
  KmlWorkload *workload;
} rig;

static void
set_up (guint n_cpus, KmlTime to_interrupt)
{
  const KmlRecordConfig record = { .points = 16 };
  KmlMachineConfig config = { .n_cpus = n_cpus, .ram = 1 << 20, .page_size = 4096 };
  KmlSchedulerConfig scheduler = { .time_slice = KML_S, .until = KML_TIME_MAX };

  config.cost[KML_COST_INSTRUCTION] = KML_NS;
  config.cost[KML_COST_INTERRUPT] = to_interrupt;
  story = g_string_new (NULL);
  rig.machine = kml_machine_new (&config, NULL);
  rig.pages = kml_allocator_new (&scribe_ops, rig.machine, NULL);
  kml_free_area_add_blocks (&rig.machine->free_area, 0, rig.machine->ram->n_usable,
                            KML_MOBILITY_UNMOVABLE);
  rig.recorder = kml_recorder_new (&record, rig.machine, rig.pages, NULL);
  scheduler.machine = rig.machine;
  rig.scheduler = kml_scheduler_new (&scheduler);
  kml_requests_init (&rig.requests, rig.machine, rig.pages, rig.pages, rig.recorder);
  rig.workload = kml_workload_new (&list_ops, "list", ".");
}

static void
tear_down (void)
{
  kml_requests_clear (&rig.requests);
  kml_scheduler_free (rig.scheduler);
  kml_recorder_free (rig.recorder);
  kml_workload_free (rig.workload);
  kml_allocator_destroy (rig.pages);
  kml_machine_free (rig.machine);
  g_clear_pointer (&rig.incident, g_free);
  g_string_free (story, TRUE);
}

static gboolean
run (const KmlOp *ops, guint n, GError **error)
{
  const KmlReplayConfig config = {
    .scheduler = rig.scheduler,
    .requests = &rig.requests,
    .workload = rig.workload,
    .until = KML_TIME_MAX,
  };
  KmlReplay *replay = kml_replay_new (&config);
  List *list = (List *)rig.workload;
  gboolean ok;

  list->ops = ops;
  list->n = n;
  kml_scheduler_run (rig.scheduler);
  ok = kml_replay_finish (replay, error);
  if (kml_scheduler_incidents (rig.scheduler)->len > 0)
    rig.incident = kml_incident_story (
        &g_array_index (kml_scheduler_incidents (rig.scheduler), KmlIncident, 0));
  kml_scheduler_free (g_steal_pointer (&rig.scheduler));
  kml_replay_free (replay);
  return ok;
}

static void
expect_story (const KmlOp *ops, guint n, const char *text)
{
  g_autoptr (GError) error = NULL;

  ck_assert (run (ops, n, &error));
  ck_assert_str_eq (story->str, text);
}

static KmlOp
op (guint8 kind, guint cpu, KmlTime time, guint32 block, guint64 size)
{
  return (KmlOp){
    .kind = kind,
    .time = time * KML_NS,
    .block = block,
    .level = KML_LEVEL_PAGES,
    .request = { .size = size, .cpu = (guint8)cpu },
  };
}

static KmlOp
in_context (KmlOp operation, KmlContext context)
{
  operation.request.context = context;
  return operation;
}

/* ---- Times ---- */

START_TEST (operations_start_at_their_times_or_when_their_cpu_is_done)
{
  const KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, 100, 0, 1),
    op (KML_OP_ALLOC, 0, 103, 1, 2), /* CPU 0 is busy until 110 */
    op (KML_OP_ALLOC, 1, 103, 2, 3), /* CPU 1 is not */
    op (KML_OP_FREE, 0, 200, 0, 0),
  };

  set_up (2, 0);
  expect_story (ops, G_N_ELEMENTS (ops),
                "0/process alloc 1@100, 1/process alloc 3@103, 0/process alloc 2@110, "
                "0/process free 1@200");
  tear_down ();
}
END_TEST

START_TEST (an_interrupt_comes_in_the_middle_and_does_all_that_is_due)
{
  const KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, 100, 0, 1),
    in_context (op (KML_OP_ALLOC, 0, 105, 1, 2), KML_CONTEXT_SOFTIRQ),
    in_context (op (KML_OP_ALLOC, 0, 106, 2, 3), KML_CONTEXT_SOFTIRQ),
    in_context (op (KML_OP_ALLOC, 0, 107, 3, 4), KML_CONTEXT_HARDIRQ),
    op (KML_OP_ALLOC, 0, 120, 4, 5),
  };

  set_up (1, 2 * KML_NS);
  expect_story (ops, G_N_ELEMENTS (ops),
                "0/process alloc 1@100, 0/hardirq alloc 4@112, 0/softirq alloc 2@124, "
                "0/softirq alloc 3@134, 0/process alloc 5@144");
  tear_down ();
}
END_TEST

/* ---- No times ---- */

START_TEST (operations_without_a_time_follow_one_another)
{
  const KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, 0, 0, 1),
    op (KML_OP_ALLOC, 1, 0, 1, 2),
    in_context (op (KML_OP_FREE, 0, 0, 0, 0), KML_CONTEXT_HARDIRQ),
    op (KML_OP_ALLOC, 0, 0, 2, 3),
  };

  set_up (2, 2 * KML_NS);
  expect_story (ops, G_N_ELEMENTS (ops),
                "0/process alloc 1@0, 1/process alloc 2@0, 0/hardirq free 1@12, "
                "0/process alloc 3@17");
  tear_down ();
}
END_TEST

/* An end of the workload's own, 20: CPU 0 has three operations that start by then, the free of the other CPU waits for one
 * that does not, and neither is what follows. */
START_TEST (operations_without_a_time_end_with_their_workload)
{
  const KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, 0, 0, 1), op (KML_OP_ALLOC, 0, 0, 1, 2), op (KML_OP_ALLOC, 0, 0, 2, 3),
    op (KML_OP_ALLOC, 0, 0, 3, 4), op (KML_OP_FREE, 1, 0, 3, 0),  op (KML_OP_FREE, 0, 0, 0, 0),
  };

  set_up (2, 0);
  rig.workload->until = 20 * KML_NS;
  expect_story (ops, G_N_ELEMENTS (ops),
                "0/process alloc 1@0, 0/process alloc 2@10, 0/process alloc 3@20");
  ck_assert_ptr_null (rig.incident);
  tear_down ();
}
END_TEST

/* ---- Blocks ---- */

START_TEST (a_block_is_not_given_back_before_there_is_one)
{
  const KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, (guint)_i, 0, 1),
    op (KML_OP_ALLOC, 0, (guint)_i, 1, 2),
    op (KML_OP_FREE, 1, (guint)_i, 1, 0),
  };

  set_up (2, 0);
  expect_story (ops, G_N_ELEMENTS (ops),
                _i == 0 ? "0/process alloc 1@0, 0/process alloc 2@10, 1/process free 2@20"
                        : "0/process alloc 1@1, 0/process alloc 2@11, 1/process free 2@21");
  tear_down ();
}
END_TEST

START_TEST (an_interrupt_that_needs_a_block_comes_when_there_is_one)
{
  const KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, 50, 0, 1),
    in_context (op (KML_OP_FREE, 1, 51, 0, 0), KML_CONTEXT_SOFTIRQ),
    in_context (op (KML_OP_ALLOC, 1, 52, 1, 2), KML_CONTEXT_SOFTIRQ),
  };

  set_up (2, 0);
  expect_story (ops, G_N_ELEMENTS (ops),
                "0/process alloc 1@50, 1/softirq free 1@60, 1/softirq alloc 2@65");
  tear_down ();
}
END_TEST

/* CPU 1 gives name 0 away again before CPU 0 has given its first block back. */
START_TEST (a_name_may_mean_another_block_on_a_cpu_that_is_ahead)
{
  const KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, 0, 0, 1), op (KML_OP_ALLOC, 0, 0, 1, 2), op (KML_OP_ALLOC, 0, 0, 2, 3),
    op (KML_OP_FREE, 0, 0, 0, 0),  op (KML_OP_ALLOC, 1, 0, 0, 9), op (KML_OP_FREE, 1, 0, 0, 0),
  };

  set_up (2, 0);
  expect_story (ops, G_N_ELEMENTS (ops),
                "0/process alloc 1@0, 1/process alloc 9@0, 0/process alloc 2@10, "
                "1/process free 2@10, 0/process alloc 3@20, 0/process free 1@30");
  tear_down ();
}
END_TEST

START_TEST (halves_of_a_block_are_given_back_one_by_one)
{
  KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, 0, 0, 8192),
    op (KML_OP_SPLIT, 0, 0, 0, 0),
    op (KML_OP_FREE, 1, 0, 1, 0),
    op (KML_OP_FREE, 0, 0, 0, 0),
  };

  ops[1].other = 1;
  set_up (2, 0);
  expect_story (ops, G_N_ELEMENTS (ops),
                "0/process alloc 8192@0, 0/process split 1@10, 0/process free 1@10, "
                "1/process free 2@10");
  ck_assert_uint_eq (rig.recorder->n_split, 1);
  ck_assert_uint_eq (kml_recorder_live_blocks (rig.recorder), 0);
  tear_down ();
}
END_TEST

/* They have no name: block 0 is another. */
START_TEST (pages_of_before_are_given_back_by_any_cpu_and_context)
{
  KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, 0, 0, 8192),
    op (KML_OP_FREE_OLD, 1, 0, 0, 2 * 4096),
    in_context (op (KML_OP_FREE_OLD, 1, 50, 0, 4096), KML_CONTEXT_SOFTIRQ),
    op (KML_OP_FREE_OLD, 1, 60, 0, 2 * 4096),
    op (KML_OP_FREE, 0, 70, 0, 0),
  };

  ops[1].other = ops[3].other = 40;
  ops[2].other = 50;
  set_up (2, 0);
  rig.requests.old = kml_old_frames_new (rig.machine->ram->n_usable, FALSE);
  kml_old_frames_add (rig.requests.old, 40);
  kml_old_frames_add (rig.requests.old, 41);
  kml_old_frames_add (rig.requests.old, 50);
  expect_story (ops, G_N_ELEMENTS (ops),
                "0/process alloc 8192@0, 1/process free 40@0, 1/process free 41@5, "
                "1/softirq free 50@50, 0/process free 1@70");
  ck_assert_uint_eq (rig.requests.old->n_given_back, 3);
  ck_assert_uint_eq (rig.requests.old->n_unknown, 2);
  ck_assert_uint_eq (rig.recorder->tally.n_free, 1);
  ck_assert_uint_eq (rig.requests.n_operations, 5);
  g_clear_pointer (&rig.requests.old, kml_old_frames_free);
  tear_down ();
}
END_TEST

START_TEST (what_was_not_given_is_not_given_back)
{
  const KmlOp ops[] = { op (KML_OP_ALLOC, 0, 0, 0, 13), op (KML_OP_FREE, 0, 0, 0, 0) };

  set_up (1, 0);
  expect_story (ops, G_N_ELEMENTS (ops), "0/process alloc 13@0");
  ck_assert_uint_eq (rig.recorder->n_failed, 1);
  ck_assert_uint_eq (rig.recorder->n_free_skipped, 1);
  tear_down ();
}
END_TEST

/* ---- Waiting for each other ---- */

START_TEST (who_waits_for_a_block_of_another_cpu_is_in_the_cycle)
{
  const KmlOp ops[] = { op (KML_OP_ALLOC, 0, 50, 0, 17), op (KML_OP_FREE, 1, 60, 0, 0) };
  g_autoptr (GError) error = NULL;

  set_up (2, 0);
  ck_assert (run (ops, G_N_ELEMENTS (ops), &error));
  ck_assert_str_eq (
      rig.incident,
      "deadlock at 60 ns: 2 tasks wait in a cycle\n"
      "  1.        50 ns  list.0 waits for an element, which only list.1 can bring about; in alloc "
      "of 17 B at 50 ns of [workload list]\n"
      "  2.        60 ns  list.1 waits for a block of another CPU, which only list.0 "
      "can bring about; in free at 60 ns of [workload list]: the cycle is closed\n");
  tear_down ();
}
END_TEST

START_TEST (so_is_the_handler_that_waits_for_one)
{
  KmlOp ops[] = {
    op (KML_OP_ALLOC, 0, 50, 0, 17),
    in_context (op (KML_OP_SPLIT, 2, 60, 0, 0), KML_CONTEXT_SOFTIRQ),
    op (KML_OP_FREE, 1, 70, 1, 0),
  };
  g_autoptr (GError) error = NULL;

  ops[1].other = 1;
  set_up (3, 0);
  ck_assert (run (ops, G_N_ELEMENTS (ops), &error));
  ck_assert_str_eq (
      rig.incident,
      "deadlock at 70 ns: 3 tasks wait in a cycle\n"
      "  1.        50 ns  list.0 waits for an element, which only list.1 can bring about; in alloc "
      "of 17 B at 50 ns of [workload list]\n"
      "  2.        60 ns  list.2.softirq waits for a block of another CPU, which only "
      "list.0 can bring about; in split at 60 ns of [workload list]\n"
      "  3.        70 ns  list.1 waits for a block of another CPU, which only "
      "list.2.softirq can bring about; in free at 70 ns of [workload list]: the cycle is closed\n");
  tear_down ();
}
END_TEST

/* ---- Much, and wrong ---- */

#define MANY 200000

/* Of 200000 operations the first is CPU 1's, and the last: what lies between is more than may be dealt and not executed. */
START_TEST (a_cpu_with_little_to_do_waits_for_the_others)
{
  KmlOp *ops = g_new (KmlOp, MANY);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < MANY; i++)
    ops[i] = op (i % 2 == 0 ? KML_OP_ALLOC : KML_OP_FREE, i == 0 || i >= MANY - 2,
                 (guint)_i * i * 20, i / 2 % 2, 1);
  set_up (2, 0);
  ck_assert (run (ops, MANY, &error));
  ck_assert_uint_eq (rig.requests.n_operations, MANY);
  ck_assert_uint_eq (kml_recorder_live_blocks (rig.recorder), 0);
  tear_down ();
  g_free (ops);
}
END_TEST

/* CPU 0 is stuck in its first operation, and what CPU 1 has to do is dealt when CPU 0 needs more. */
START_TEST (who_has_nothing_to_do_waits_for_those_who_have)
{
  KmlOp *ops = g_new (KmlOp, MANY);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < MANY; i++)
    ops[i] = op (i % 2 == 0 ? KML_OP_ALLOC : KML_OP_FREE, i >= MANY - 2, 0, i / 2 % 2, 17);
  set_up (2, 0);
  ck_assert (run (ops, MANY, &error));
  ck_assert_str_eq (
      rig.incident,
      "deadlock at 0 s: 2 tasks wait in a cycle\n"
      "  1.          0 s  list.1 waits for its next operation, which only list.0 can bring about\n"
      "  2.          0 s  list.0 waits for an element, which only list.1 can bring about; in alloc "
      "of 17 B of [workload list]: the cycle is closed\n");
  tear_down ();
  g_free (ops);
}
END_TEST

/* ---- Steps ---- */

#define N_RANDOM 3000
#define N_OLD    200 /* frames */

/* What any of four CPUs may do to 40 blocks and some frames of before, at times (@loop 0), at hardly any (1) or at none (2). */
static GArray *
random_operations (KmlRng *rng, int loop)
{
  GArray *ops = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  gboolean is_live[40] = { FALSE };
  KmlTime time = 1000;

  for (guint i = 0; i < N_RANDOM; i++) {
    const guint32 block = (guint32)kml_rng_below (rng, G_N_ELEMENTS (is_live));
    const guint cpu = (guint)kml_rng_below (rng, 4);
    KmlOp next;

    time += kml_rng_below (rng, loop == 0 ? 40 : 4);
    if (kml_rng_below (rng, 32) == 0) {
      next = op (KML_OP_FREE_OLD, cpu, loop == 2 ? 0 : time, 0, 3 * 4096);
      next.other = i % N_OLD;
      g_array_append_val (ops, next);
      continue;
    }
    next = op (is_live[block] ? KML_OP_FREE : KML_OP_ALLOC, cpu, loop == 2 ? 0 : time, block,
               18 + i);
    if (kml_rng_below (rng, 16) == 0)
      next = in_context (next, KML_CONTEXT_SOFTIRQ);
    if (kml_rng_below (rng, 32) == 0 && next.kind == KML_OP_ALLOC)
      next.request.size = 13; /* gets nothing */
    is_live[block] = !is_live[block];
    g_array_append_val (ops, next);
  }
  return ops;
}

/* All of that behind a lock. @injector: one that injects nothing keeps operations on the stack. Returns what happened. */
static char *
replay_behind_lock (const GArray *ops, KmlInjector *injector)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *fingerprint = NULL;
  KmlLocked *locked;
  char *text;

  set_up (4, 2 * KML_NS);
  rig.machine->cost[KML_COST_SWITCH] = 3 * KML_NS;
  rig.machine->cost[KML_COST_HANDOVER] = 7 * KML_NS;
  rig.machine->cost[KML_COST_BYSTANDER] = KML_NS;
  kml_scheduler_free (rig.scheduler);
  rig.scheduler = kml_scheduler_new (&(KmlSchedulerConfig){
      .machine = rig.machine, .time_slice = KML_S, .until = KML_TIME_MAX, .injector = injector });
  locked = kml_locked_new (rig.pages, KML_LOCK_SPIN_IRQ, "pages");
  rig.requests.pages = rig.requests.objects = &locked->base;
  rig.requests.old = kml_old_frames_new (rig.machine->ram->n_usable, FALSE);
  for (guint i = 0; i < N_OLD; i++)
    kml_old_frames_add (rig.requests.old, i);
  ck_assert (run ((const KmlOp *)ops->data, ops->len, &error));
  fingerprint = kml_recorder_fingerprint (rig.recorder);
  text = g_strdup_printf ("%s\n%s\n%" G_GUINT64_FORMAT " waits, %" G_GUINT64_FORMAT
                          " ps, at most %u and %" G_GUINT64_FORMAT " ps",
                          story->str, fingerprint, locked->lock.n_contended, locked->lock.waited,
                          locked->lock.most_waiting, locked->lock.worst_wait);
  ck_assert_uint_gt (locked->lock.n_contended, 0);
  ck_assert_uint_gt (rig.requests.old->n_given_back, N_OLD / 2);
  g_clear_pointer (&rig.requests.old, kml_old_frames_free);
  kml_allocator_destroy (&locked->base);
  tear_down ();
  return text;
}

START_TEST (an_operation_in_steps_is_the_same_as_one_on_a_stack)
{
  g_autoptr (GArray) ops = NULL;
  g_autofree char *in_steps = NULL, *on_stacks = NULL;
  KmlInjector nothing = { .what = 1u << KML_INJECT_ALLOC };
  KmlRng rng;

  kml_rng_init (&rng, 1, "steps");
  kml_rng_init (&nothing.rng, 1, "inject");
  ops = random_operations (&rng, _i);
  in_steps = replay_behind_lock (ops, NULL);
  on_stacks = replay_behind_lock (ops, &nothing);
  ck_assert_str_eq (in_steps, on_stacks);
}
END_TEST

START_TEST (a_workload_that_breaks_off_ends_the_run)
{
  const KmlOp ops[] = { op (KML_OP_ALLOC, 0, 0, 0, 1) };
  g_autoptr (GError) error = NULL;

  set_up (2, 0);
  ((List *)rig.workload)->is_torn = TRUE;
  ck_assert (!run (ops, 1, &error));
  assert_error (error, KML_ERROR_INPUT, "torn:1: the tape is torn");
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("replay");
  TCase *tcase = tcase_create ("stories");

  tcase_add_test (tcase, operations_start_at_their_times_or_when_their_cpu_is_done);
  tcase_add_test (tcase, an_interrupt_comes_in_the_middle_and_does_all_that_is_due);
  tcase_add_test (tcase, operations_without_a_time_follow_one_another);
  tcase_add_test (tcase, operations_without_a_time_end_with_their_workload);
  tcase_add_loop_test (tcase, a_block_is_not_given_back_before_there_is_one, 0, 2);
  tcase_add_test (tcase, an_interrupt_that_needs_a_block_comes_when_there_is_one);
  tcase_add_test (tcase, a_name_may_mean_another_block_on_a_cpu_that_is_ahead);
  tcase_add_test (tcase, halves_of_a_block_are_given_back_one_by_one);
  tcase_add_test (tcase, pages_of_before_are_given_back_by_any_cpu_and_context);
  tcase_add_test (tcase, what_was_not_given_is_not_given_back);
  tcase_add_test (tcase, who_waits_for_a_block_of_another_cpu_is_in_the_cycle);
  tcase_add_test (tcase, so_is_the_handler_that_waits_for_one);
  tcase_add_test (tcase, who_has_nothing_to_do_waits_for_those_who_have);
  tcase_add_loop_test (tcase, a_cpu_with_little_to_do_waits_for_the_others, 0, 2);
  tcase_add_loop_test (tcase, an_operation_in_steps_is_the_same_as_one_on_a_stack, 0, 3);
  tcase_add_loop_test (tcase, a_workload_that_breaks_off_ends_the_run, 0, 2);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
