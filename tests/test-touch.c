/* test-touch.c: with a cache model every allocator says what it touches, and does what it did without.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Method: the same requests to each registered allocator on two machines, one with caches and one without. Besides: what
 * references cost, where their time is booked, and what goes back to its beginning.
 */

#include <string.h>

#include "simcore/allocator.h"
#include "simcore/caches/caches.h"
#include "simcore/locks/lock.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

#define N_BLOCKS 200u
#define N_STEPS  3000u
#define LINE     64u

static const KmlCachesConfig geometry = {
  .line = LINE,
  .shapes = { { 16 * LINE, 2 }, { 64 * LINE, 4 }, { 512 * LINE, 8 } },
  .is_inclusive = TRUE,
  .is_per_cpu = TRUE,
  .latency = { 1 * KML_NS, 10 * KML_NS, 100 * KML_NS, 200 * KML_NS, 300 * KML_NS, 400 * KML_NS,
               1000 * KML_NS },
};

static KmlMachine *
make_machine (const KmlCachesConfig *caches)
{
  GError *error = NULL;
  KmlMachineConfig config = {
    .n_cpus = 2, .ram = 16 << 20, .page_size = 4096, .caches = caches, .touch = 100
  };
  KmlMachine *machine;

  for (guint i = 0; i < KML_N_COSTS; i++)
    config.cost[i] = KML_NS;
  machine = kml_machine_new (&config, &error);
  assert_no_error (error);
  return machine;
}

/* ---- Every allocator ---- */

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages, *objects, *subject;
} Rig;

static KmlAllocator *
start (const char *name, KmlMachine *machine, KmlAllocator *lower)
{
  GError *error = NULL;
  KmlAllocator *allocator = kml_allocator_new (kml_allocator_find (name), machine, lower);

  kml_allocator_start (allocator, &error);
  assert_no_error (error);
  return allocator;
}

static Rig
make_rig (const KmlAllocatorOps *ops, const KmlCachesConfig *caches)
{
  Rig rig = { .machine = make_machine (caches) };

  if (ops->level == KML_LEVEL_PAGES) {
    rig.pages = rig.subject = start (ops->name, rig.machine, NULL);
    return rig;
  }
  rig.pages = start ("buddy", rig.machine, NULL);
  if (ops->level == KML_LEVEL_LAYER && ops->around == KML_LEVEL_OBJECTS)
    rig.objects = start ("segregated", rig.machine, rig.pages);
  rig.subject = start (ops->name, rig.machine, rig.objects != NULL ? rig.objects : rig.pages);
  return rig;
}

static void
clear_rig (Rig *rig)
{
  if (rig->subject != rig->pages)
    kml_allocator_destroy (rig->subject);
  kml_allocator_destroy (rig->objects);
  kml_allocator_destroy (rig->pages);
  kml_machine_free (rig->machine);
}

static guint64
n_references (const Rig *rig)
{
  const guint64 *served = kml_caches_counts (rig->machine->caches)->served[KML_ACCOUNT_METADATA];
  guint64 n = 0;

  for (guint i = 0; i < KML_N_SERVED; i++)
    n += served[i];
  return n;
}

START_TEST (every_allocator_says_what_it_touches_and_does_the_same)
{
  guint n;
  const KmlAllocatorOps *ops = kml_allocator_list (&n)[_i];
  const gboolean is_pages = ops->level != KML_LEVEL_OBJECTS && ops->around != KML_LEVEL_OBJECTS;
  Rig with = make_rig (ops, &geometry), without = make_rig (ops, NULL);
  KmlAddr blocks[N_BLOCKS];
  GError *error = NULL;
  KmlRng rng;

  memset (blocks, 0xff, sizeof blocks);
  kml_rng_init (&rng, 1, "requests");
  for (guint i = 0; i < N_STEPS; i++) {
    KmlAddr *block = &blocks[kml_rng_below (&rng, N_BLOCKS)];
    KmlRequest request = { .size = is_pages ? 4096u << kml_rng_below (&rng, 3)
                                            : kml_rng_below (&rng, 2000) + 1,
                           .gfp = kml_rng_below (&rng, 4) == 0 ? KML_GFP_ZERO : 0,
                           .cpu = (guint8)kml_rng_below (&rng, 2) };
    const guint64 before = n_references (&with);
    guint64 held, other;

    with.machine->cpu = request.cpu;
    if (*block != KML_ADDR_NONE) {
      ck_assert_uint_eq (kml_allocator_free_block (with.subject, *block, &request),
                         kml_allocator_free_block (without.subject, *block, &request));
      *block = KML_ADDR_NONE;
    } else {
      *block = kml_allocator_alloc (with.subject, &request, &held);
      ck_assert_uint_eq (kml_allocator_alloc (without.subject, &request, &other), *block);
      ck_assert_uint_eq (held, other);
    }
    ck_assert_msg (n_references (&with) > before, "%s: operation %u touches nothing", ops->name, i);
  }
  with.subject->ops->check (with.subject, &error);
  assert_no_error (error);
  kml_caches_check (with.machine->caches, &error);
  assert_no_error (error);
  clear_rig (&with);
  clear_rig (&without);
}
END_TEST

/* ---- What references cost ---- */

START_TEST (a_reference_costs_by_where_the_line_is_and_nothing_without_a_model)
{
  g_autoptr (KmlMachine) with = make_machine (&geometry);
  g_autoptr (KmlMachine) without = make_machine (NULL);

  kml_touch (without, 4096, 8, KML_TOUCH_READ);
  ck_assert_uint_eq (without->now, 0);
  kml_spend_references (without, KML_COST_WARM, 3);
  ck_assert_uint_eq (without->now, 3 * KML_NS);

  kml_spend_references (with, KML_COST_WARM, 3);
  ck_assert_uint_eq (with->now, 0);
  kml_touch (with, 4096, 8, KML_TOUCH_WRITE);
  ck_assert_uint_eq (with->now, 1000 * KML_NS);
  kml_touch (with, 4096 + 60, 8, KML_TOUCH_READ); /* two lines: one hit, one miss */
  ck_assert_uint_eq (with->now, 2001 * KML_NS);
  with->cpu = 1;
  kml_touch (with, 4096, 8, KML_TOUCH_WRITE);
  ck_assert_uint_eq (with->now, 2301 * KML_NS);
  kml_touch (with, 8192, 256, KML_TOUCH_WRITE | KML_TOUCH_UNPAID);
  ck_assert_uint_eq (with->now, 2301 * KML_NS);
  kml_touch (with, 8192, 8, KML_TOUCH_WRITE);
  ck_assert_uint_eq (with->now, 2302 * KML_NS);
  kml_machine_device_writes (with, 8192, 8);
  kml_touch (with, 8192, 8, KML_TOUCH_READ);
  ck_assert_uint_eq (with->now, 3302 * KML_NS);
}
END_TEST

START_TEST (an_owner_uses_as_much_of_a_block_as_the_machine_says)
{
  g_autoptr (KmlMachine) machine = make_machine (&geometry); /* touch = 100 */
  const KmlCacheCounts *counts = kml_caches_counts (machine->caches);

  kml_machine_use_block (machine, 4096, 4096, KML_TOUCH_WRITE);
  ck_assert_uint_eq (counts->served[KML_ACCOUNT_DATA][KML_SERVED_MEMORY], 2);
  kml_machine_use_block (machine, 8192, 32, KML_TOUCH_WRITE);
  ck_assert_uint_eq (counts->served[KML_ACCOUNT_DATA][KML_SERVED_MEMORY], 3);
  ck_assert_uint_eq (counts->served[KML_ACCOUNT_METADATA][KML_SERVED_MEMORY], 0);
}
END_TEST

START_TEST (static_data_has_lines_of_its_own_and_more_than_there_is_room_for_wraps_around)
{
  g_autoptr (KmlMachine) machine = make_machine (&geometry);
  const KmlAddr first = kml_machine_statics (machine, 1);
  const KmlAddr second = kml_machine_statics (machine, KML_STATICS_SIZE);
  const KmlAddr third = kml_machine_statics (machine, 8);

  ck_assert_uint_eq (first, machine->ram->size);
  ck_assert_uint_eq (second, first + 64);
  kml_touch (machine, first, 8, KML_TOUCH_WRITE);
  kml_touch (machine, third, 8, KML_TOUCH_WRITE);
  kml_touch (machine, second - 64 + KML_STATICS_SIZE, 8, KML_TOUCH_WRITE); /* over the first */
  ck_assert_uint_eq (machine->now, 2001 * KML_NS);
}
END_TEST

/* ---- Tasks ---- */

static KmlLock lock;

static void
take_and_give (KmlMachine *machine, gpointer data)
{
  kml_lock_take (machine, &lock, KML_LOCK_EXCLUSIVE);
  kml_lock_give (machine, &lock);
  kml_touch (machine, 4096, 8, KML_TOUCH_READ);
}

static KmlTask *
make_task (KmlScheduler *scheduler, const char *name, guint cpu, KmlTime begin)
{
  return kml_task_new (
      scheduler,
      &(KmlTaskConfig){ .name = name, .cpu = cpu, .start = begin, .func = take_and_give });
}

START_TEST (waiting_for_a_line_is_a_part_of_a_tasks_time)
{
  g_autoptr (KmlMachine) machine = make_machine (&geometry);
  g_autoptr (KmlScheduler) scheduler = kml_scheduler_new (
      &(KmlSchedulerConfig){ .machine = machine, .time_slice = KML_S, .until = KML_TIME_MAX });
  const KmlTask *first, *second;

  kml_lock_init (&lock, KML_LOCK_SPIN, "lock");
  first = make_task (scheduler, "first", 0, 0);
  second = make_task (scheduler, "second", 1, 10 * KML_US);
  kml_scheduler_run (scheduler);
  /* the lock's line and that at 4096 from memory; the second task has them from the first CPU: modified and clean */
  ck_assert_uint_eq (first->parts[KML_PART_CACHE], 2 * 999 * KML_NS);
  ck_assert_uint_eq (second->parts[KML_PART_CACHE], (299 + 199) * KML_NS);
  ck_assert_uint_eq (second->parts[KML_PART_RUN], 3 * KML_NS); /* the lock and two hits */
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("touch");
  TCase *tcase = tcase_create ("touch");
  guint n;

  kml_allocator_list (&n);
  tcase_add_loop_test (tcase, every_allocator_says_what_it_touches_and_does_the_same, 0, (int)n);
  tcase_add_test (tcase, a_reference_costs_by_where_the_line_is_and_nothing_without_a_model);
  tcase_add_test (tcase, an_owner_uses_as_much_of_a_block_as_the_machine_says);
  tcase_add_test (tcase,
                  static_data_has_lines_of_its_own_and_more_than_there_is_room_for_wraps_around);
  tcase_add_test (tcase, waiting_for_a_line_is_a_part_of_a_tasks_time);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
