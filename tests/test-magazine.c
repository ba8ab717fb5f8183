/* test-magazine.c: the story of magazines, how often a depot is visited (claim A29), and several CPUs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stories run without tasks on a machine of two CPUs where everything costs 1 ps. With tasks somebody is asked who comes next wherever others may come in, and
 * before he answers all invariants are verified.
 */

#include "simcore/base/rng.h"
#include "simcore/pages/locked.h"
#include "tests/testutils.h"

#define PAGE    4096
#define SIZE    64
#define N_SLOTS 64
#define N_TASKS 4

typedef struct {
  const char *name, *value;
} Setting;

static struct {
  KmlMachine *machine;
  KmlAllocator *pages, *slab;
  KmlLocked *locked;
  KmlAllocator *layer;
  KmlScheduler *scheduler; /* (nullable) */
  KmlRng rng;              /* who comes next */
} rig;

static KmlAddr slots[N_SLOTS]; /* KML_ADDR_NONE: nothing */

static void
verify (void)
{
  g_autoptr (GError) error = NULL;

  rig.layer->ops->check (rig.layer, &error);
  assert_no_error (error);
}

static guint64
counter (const char *name)
{
  for (guint i = 0; rig.layer->ops->counters[i].name != NULL; i++)
    if (g_str_equal (rig.layer->ops->counters[i].name, name))
      return rig.layer->counters[i];
  ck_abort_msg ("no counter %s", name);
}

/* A NULL name ends @settings. */
static gboolean
try_set_up (guint n_cpus, KmlTime cost, const Setting *settings, GError **error)
{
  KmlMachineConfig config = { .n_cpus = n_cpus, .ram = 1 << 21, .page_size = PAGE, .seed = 1 };

  for (guint i = 0; i < KML_N_COSTS; i++)
    config.cost[i] = cost;
  rig.machine = kml_machine_new (&config, NULL);
  rig.pages = kml_allocator_new (kml_allocator_find ("buddy"), rig.machine, NULL);
  ck_assert (kml_allocator_start (rig.pages, NULL));
  rig.slab = kml_allocator_new (kml_allocator_find ("slab"), rig.machine, rig.pages);
  ck_assert (kml_allocator_start (rig.slab, NULL));
  rig.locked = kml_locked_new (rig.slab, KML_LOCK_SPIN_IRQ, "objects");
  rig.layer = kml_allocator_new (kml_allocator_find ("magazine"), rig.machine, &rig.locked->base);
  for (guint i = 0; i < N_SLOTS; i++)
    slots[i] = KML_ADDR_NONE;
  for (; settings != NULL && settings->name != NULL; settings++)
    ck_assert (kml_param_parse (kml_param_find (rig.layer->ops->params, settings->name),
                                settings->value, rig.layer, NULL));
  return kml_allocator_start (rig.layer, error);
}

static void
set_up (guint n_cpus, const Setting *settings)
{
  g_autoptr (GError) error = NULL;

  try_set_up (n_cpus, 1, settings, &error);
  assert_no_error (error);
}

static void
tear_down (void)
{
  g_clear_pointer (&rig.scheduler, kml_scheduler_free);
  kml_allocator_destroy (rig.layer);
  kml_allocator_destroy (&rig.locked->base);
  kml_allocator_destroy (rig.slab);
  kml_allocator_destroy (rig.pages);
  kml_machine_free (rig.machine);
}

static KmlAddr
ask (guint cpu)
{
  const KmlRequest request = { .size = SIZE, .cpu = (guint8)cpu, .gfp = KML_GFP_ATOMIC };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (rig.layer, &request, &held);

  if (addr != KML_ADDR_NONE)
    ck_assert_uint_eq (held, SIZE);
  return addr;
}

static void
give_back (guint cpu, KmlAddr addr)
{
  const KmlRequest how = { .cpu = (guint8)cpu };

  ck_assert_uint_eq (kml_allocator_free_block (rig.layer, addr, &how), SIZE);
}

/* @n blocks in slots from @first on. */
static void
ask_for (guint cpu, guint first, guint n)
{
  for (guint i = first; i < first + n; i++)
    slots[i] = ask (cpu);
}

static void
give_all_back (guint cpu, guint first, guint n)
{
  for (guint i = first; i < first + n; i++)
    give_back (cpu, slots[i]);
}

/* ---- The story ---- */

/* Magazines of two rounds; blocks are freed on CPU 0 and asked for on CPU 1. */
START_TEST (magazines_go_from_one_cpu_to_the_other_through_the_depot)
{
  set_up (2, (const Setting[]){ { "rounds", "2" }, { NULL, NULL } });
  ask_for (0, 0, 6);
  ck_assert_uint_eq (counter ("below"), 6); /* there are no magazines yet */

  give_all_back (0, 0, 4); /* two magazines are made and filled, */
  ck_assert_uint_eq (counter ("made"), 2);
  verify ();
  give_all_back (0, 4, 2); /* and a third, for which the first one goes to the depot */
  ck_assert_uint_eq (counter ("made"), 3);
  ck_assert_uint_eq (counter ("exchanges"), 3);
  verify ();

  ck_assert_uint_eq (ask (1), slots[1]); /* the block freed last of those in that magazine */
  ck_assert_uint_eq (ask (1), slots[0]);
  ck_assert_uint_eq (counter ("hits"), 2);
  ck_assert_uint_ne (ask (1), slots[5]); /* what CPU 0 has is its own */
  ck_assert_uint_eq (counter ("vain"), 6 + 1);
  ck_assert_uint_eq (ask (0), slots[5]);
  /* a link and two addresses, in the bin of 32 */
  ck_assert_uint_eq (rig.layer->metadata_bytes, 3 * 32);
  verify ();
  tear_down ();
}
END_TEST

START_TEST (a_shrink_leaves_the_working_set)
{
  guint64 n_before;

  set_up (2, (const Setting[]){ { "rounds", "2" }, { NULL, NULL } });
  n_before = rig.pages->free_area->n_free;
  ask_for (0, 0, 12);
  give_all_back (0, 0, 12); /* CPU 0 keeps two full magazines, the depot has four */
  rig.layer->ops->shrink (rig.layer);
  ck_assert_uint_eq (counter ("given_back"), 0); /* all of that was wanted */

  ask_for (1, 0, 2); /* CPU 1 wants one of the depot's four */
  rig.layer->ops->shrink (rig.layer);
  ck_assert_uint_eq (counter ("given_back"), 3 + 2); /* … and nobody those of CPU 0 */
  ck_assert_uint_eq (counter ("rounds_given_back"), 10);
  verify ();

  give_all_back (1, 0, 2);
  for (guint i = 0; i < 2; i++)
    rig.layer->ops->shrink (rig.layer);
  ck_assert_uint_eq (rig.layer->metadata_bytes, 0);
  ck_assert_uint_eq (rig.pages->free_area->n_free, n_before);
  verify ();
  tear_down ();
}
END_TEST

START_TEST (who_may_wait_gets_what_lies_in_magazines)
{
  const KmlRequest request = { .size = SIZE, .gfp = KML_GFP_KERNEL };
  const KmlRequest page = { .size = PAGE };
  guint64 held;
  KmlAddr addr;

  set_up (2, NULL);
  ask_for (1, 0, N_SLOTS);
  give_all_back (1, 0, N_SLOTS);
  while (kml_allocator_alloc (rig.pages, &page, &held) != KML_ADDR_NONE)
    ;
  while (ask (0) != KML_ADDR_NONE)
    ; /* the slabs' free objects, and the depot's */
  ck_assert_uint_eq (counter ("drains"), 0);
  addr = kml_allocator_alloc (rig.layer, &request, &held);
  ck_assert_uint_ne (addr, KML_ADDR_NONE);
  ck_assert_uint_eq (counter ("drains"), 1);
  verify ();
  tear_down ();
}
END_TEST

/* bump says nothing of its blocks. */
START_TEST (what_does_not_say_how_large_blocks_are_is_refused)
{
  g_autoptr (GError) error = NULL;
  KmlAllocator *layer;

  set_up (1, NULL);
  layer = kml_allocator_new (kml_allocator_find ("magazine"), rig.machine, rig.pages);
  ck_assert (!kml_allocator_start (layer, &error));
  assert_error (error, KML_ERROR_INPUT, "buddy does not say how large a block is");
  kml_allocator_destroy (layer);
  tear_down ();
}
END_TEST

/* ---- Claim A29 ---- */

static guint64 n_operations, last_exchange; /* how many there were at the last one */
static guint n_live;

/* Returns how many operations the last exchange was ago, if this was one; else G_MAXUINT64. */
static guint64
operate (gboolean is_alloc)
{
  const guint64 before = counter ("exchanges");
  guint64 gap = G_MAXUINT64;

  if (is_alloc)
    slots[n_live++] = ask (0);
  else
    give_back (0, slots[--n_live]);
  n_operations++;
  if (counter ("exchanges") > before) {
    gap = n_operations - last_exchange;
    last_exchange = n_operations;
  }
  return gap;
}

/* The shortest while between two exchanges of a CPU, in operations: over all sequences of @length, one after the other, so that each is tried
 * from many states. The depot has enough full magazines, and there is memory for empty ones. */
static guint64
shortest_gap (guint length)
{
  guint64 shortest = G_MAXUINT64;

  n_operations = last_exchange = 0;
  n_live = 0;
  while (n_live < N_SLOTS)
    operate (TRUE);
  while (n_live > N_SLOTS / 2)
    operate (FALSE);
  operate (FALSE);
  for (guint sequence = 0; sequence < 1u << length; sequence++)
    for (guint i = 0; i < length; i++) {
      const gboolean is_alloc = n_live == 0 || (n_live < N_SLOTS && (sequence >> i & 1));
      const guint64 gap = operate (is_alloc);

      shortest = MIN (shortest, gap);
    }
  verify ();
  return shortest;
}

static const struct {
  const char *rounds, *previous;
  guint length;
  guint64 shortest;
} tight[] = {
  { "1", "yes", 8, 1 },  { "2", "yes", 10, 2 }, { "3", "yes", 11, 3 },
  { "4", "yes", 12, 4 }, { "4", "no", 12, 2 }, /* one magazine: at its edge every other operation visits */
};

START_TEST (a_cpu_visits_the_depot_at_most_once_in_m_operations)
{
  set_up (1, (const Setting[]){ { "rounds", tight[_i].rounds },
                                { "previous", tight[_i].previous },
                                { NULL, NULL } });
  ck_assert_uint_eq (shortest_gap (tight[_i].length), tight[_i].shortest);
  tear_down ();
}
END_TEST

/* ---- Several CPUs ---- */

static guint
choose (const KmlCandidate *candidates, guint n, gpointer data)
{
  verify ();
  return (guint)kml_rng_below (&rig.rng, n);
}

static void
work_by_chance (KmlMachine *machine, gpointer data)
{
  const guint cpu = kml_current_task (machine)->cpu;
  KmlRng *rng = data;

  for (guint i = 0; i < 150; i++) {
    const guint slot = (guint)kml_rng_below (rng, N_SLOTS);
    const KmlAddr addr = slots[slot];

    if (addr != KML_ADDR_NONE) {
      slots[slot] = KML_ADDR_NONE;
      give_back (cpu, addr);
    } else {
      const KmlAddr taken = ask (cpu);

      for (guint k = 0; k < N_SLOTS; k++)
        ck_assert_uint_ne (slots[k], taken); /* it is nobody else's */
      if (slots[slot] == KML_ADDR_NONE)
        slots[slot] = taken;
      else
        give_back (cpu, taken); /* somebody was faster */
    }
    if (kml_rng_below (rng, 40) == 0)
      rig.layer->ops->shrink (rig.layer);
    kml_sync (machine);
  }
}

/* Two tasks on each of two CPUs; of magazines that grow at the first wait, and of some of a round. */
START_TEST (invariants_hold_wherever_others_come_in)
{
  static const Setting variants[][4] = {
    { { "rounds", "1" }, { "contention", "0" }, { "interval", "1ps" }, { NULL, NULL } },
    { { "rounds", "2" }, { "grow", "no" }, { NULL, NULL } },
  };
  static const char *const names[N_TASKS] = { "a", "b", "c", "d" };
  KmlRng rngs[N_TASKS];

  for (guint64 seed = 1; seed <= (IS_SANITIZED ? 1 : 3); seed++) {
    KmlSchedulerConfig schedule = { .time_slice = KML_MS, .until = KML_TIME_MAX, .choose = choose };
    g_autoptr (GError) error = NULL;

    kml_rng_init (&rig.rng, seed, "schedule");
    try_set_up (2, 0, variants[_i], &error);
    assert_no_error (error);
    schedule.machine = rig.machine;
    rig.scheduler = kml_scheduler_new (&schedule);
    for (guint i = 0; i < N_TASKS; i++) {
      const KmlTaskConfig task = {
        .name = names[i], .cpu = i % 2, .func = work_by_chance, .data = &rngs[i]
      };

      kml_rng_init (&rngs[i], seed + 100 * i, "tasks");
      kml_task_new (rig.scheduler, &task);
    }
    kml_scheduler_run (rig.scheduler);
    ck_assert_uint_eq (kml_scheduler_incidents (rig.scheduler)->len, 0);
    ck_assert_uint_gt (counter ("exchanges"), 20);
    ck_assert_uint_gt (counter ("given_back"), 0);
    verify ();
    tear_down ();
  }
}
END_TEST

/* All ask for four blocks and give them back, over and over. */
static void
work_hard (KmlMachine *machine, gpointer data)
{
  const guint cpu = kml_current_task (machine)->cpu;

  for (guint i = 0; i < 200; i++) {
    ask_for (cpu, 4 * cpu, 4);
    give_all_back (cpu, 4 * cpu, 4);
  }
}

/* Returns how many magazines went through the depot. */
static guint64
run_hard (const char *grow)
{
  KmlSchedulerConfig schedule = { .time_slice = KML_MS, .until = KML_TIME_MAX };
  g_autoptr (GError) error = NULL;
  guint64 n;

  try_set_up (8, KML_NS,
              (const Setting[]){
                  { "rounds", "1" }, { "interval", "1us" }, { "grow", grow }, { NULL, NULL } },
              &error);
  assert_no_error (error);
  schedule.machine = rig.machine;
  rig.scheduler = kml_scheduler_new (&schedule);
  for (guint i = 0; i < 8; i++) {
    const KmlTaskConfig task = { .name = "worker", .cpu = i, .func = work_hard };

    kml_task_new (rig.scheduler, &task);
  }
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (counter ("grown"), g_str_equal (grow, "yes") ? 2 : 0); /* 1, 3, 7 */
  n = counter ("exchanges");
  verify ();
  tear_down ();
  return n;
}

/* Of one round: half of the operations find no block, or no room. Of seven: what a CPU has at a time fits in one. */
START_TEST (magazines_grow_until_nobody_waits)
{
  ck_assert_uint_eq (run_hard ("no"), 8 * 200 * 8 / 2);
  ck_assert_uint_lt (run_hard ("yes"), 100);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("magazine");
  TCase *story = tcase_create ("story");
  TCase *depot = tcase_create ("depot");
  TCase *cpus = tcase_create ("CPUs");

  tcase_add_test (story, magazines_go_from_one_cpu_to_the_other_through_the_depot);
  tcase_add_test (story, a_shrink_leaves_the_working_set);
  tcase_add_test (story, who_may_wait_gets_what_lies_in_magazines);
  tcase_add_test (story, what_does_not_say_how_large_blocks_are_is_refused);
  suite_add_tcase (suite, story);

  tcase_set_timeout (depot, 60);
  tcase_add_loop_test (depot, a_cpu_visits_the_depot_at_most_once_in_m_operations, 0,
                       G_N_ELEMENTS (tight));
  suite_add_tcase (suite, depot);

  tcase_set_timeout (cpus, 60);
  tcase_add_loop_test (cpus, invariants_hold_wherever_others_come_in, 0, 2);
  tcase_add_test (cpus, magazines_grow_until_nobody_waits);
  suite_add_tcase (suite, cpus);

  return run_suite (suite);
}
