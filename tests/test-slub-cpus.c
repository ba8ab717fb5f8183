/* test-slub-cpus.c: slub on several CPUs, without a lock around it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Wherever others may come in somebody is asked who comes next, and before he answers all invariants are verified. Of small programs all schedules are run; of large
 * ones, with handlers, those that chance chooses, and that of time.
 */

#include "simcore/base/rng.h"
#include "simcore/locks/lock.h"
#include "simcore/memory/ram-image.h"
#include "simcore/pages/locked.h"
#include "tests/odometer.h"
#include "tests/testutils.h"

#define PAGE      4096
#define MAX_CPUS  4
#define MAX_TASKS (2 * MAX_CPUS)
#define N_SLOTS   48

typedef struct {
  const char *name, *value;
} Setting;

typedef struct {
  guint n_cpus;
  guint64 ram;
  KmlTime cost; /* of each thing */
  gboolean has_choices;
  Setting settings[6];
} RigConfig;

typedef struct {
  Odometer odometer;
  KmlRng *rng; /* (nullable): answers by chance instead */
} Choices;

static struct {
  KmlMachine *machine;
  KmlAllocator *pages, *objects;
  KmlLocked *locked;
  KmlScheduler *scheduler;
  KmlImage *image;
  Choices *choices;
  KmlIrq irqs[MAX_CPUS];
} rig;

/* What changes in a run. */
static struct {
  KmlAddr slots[N_SLOTS]; /* KML_ADDR_NONE: nothing */
  guint64 n_operations;
} state;

static void
verify (void)
{
  g_autoptr (GError) error = NULL;

  rig.objects->ops->check (rig.objects, &error);
  assert_no_error (error);
}

static guint
choose (const KmlCandidate *candidates, guint n, gpointer data)
{
  Choices *self = rig.choices;

  verify ();
  if (self->rng != NULL)
    return (guint)kml_rng_below (self->rng, n);
  return odometer_choose (&self->odometer, n);
}

/* ---- The machine ---- */

static void
set_up (const RigConfig *config)
{
  KmlMachineConfig machine = {
    .n_cpus = config->n_cpus, .ram = config->ram, .page_size = PAGE, .seed = 3
  };
  KmlSchedulerConfig schedule = { .time_slice = config->cost > 0 ? 100 * config->cost : KML_MS,
                                  .until = KML_TIME_MAX,
                                  .choose = config->has_choices ? choose : NULL };

  for (guint i = 0; i < KML_N_COSTS; i++)
    machine.cost[i] = config->cost;
  rig.machine = kml_machine_new (&machine, NULL);
  rig.pages = kml_allocator_new (kml_allocator_find ("buddy"), rig.machine, NULL);
  ck_assert (kml_allocator_start (rig.pages, NULL));
  rig.locked = kml_locked_new (rig.pages, KML_LOCK_SPIN_IRQ, "pages");
  rig.objects = kml_allocator_new (kml_allocator_find ("slub"), rig.machine, &rig.locked->base);
  for (guint i = 0; config->settings[i].name != NULL; i++)
    ck_assert (kml_param_parse (kml_param_find (rig.objects->ops->params, config->settings[i].name),
                                config->settings[i].value, rig.objects, NULL));
  ck_assert (kml_allocator_start (rig.objects, NULL));
  schedule.machine = rig.machine;
  rig.scheduler = kml_scheduler_new (&schedule);
  for (guint i = 0; i < N_SLOTS; i++)
    state.slots[i] = KML_ADDR_NONE;
  state.n_operations = 0;
}

static void
tear_down (guint n_irqs)
{
  g_clear_pointer (&rig.scheduler, kml_scheduler_free);
  for (guint i = 0; i < n_irqs; i++)
    kml_irq_clear (&rig.irqs[i]);
  g_clear_pointer (&rig.image, kml_image_free);
  kml_allocator_destroy (rig.objects);
  kml_allocator_destroy (&rig.locked->base);
  kml_allocator_destroy (rig.pages);
  g_clear_pointer (&rig.machine, kml_machine_free);
}

/* ---- What tasks and handlers do ---- */

static KmlRequest
request_of (guint64 size)
{
  const KmlTask *task = kml_current_task (rig.machine);

  return (KmlRequest){
    .size = size, .gfp = KML_GFP_ATOMIC, .cpu = (guint8)task->cpu, .context = task->context
  };
}

/* It is nobody else's. */
static void
put (guint slot, KmlAddr addr)
{
  for (guint i = 0; addr != KML_ADDR_NONE && i < N_SLOTS; i++)
    ck_assert_uint_ne (state.slots[i], addr);
  ck_assert_uint_eq (state.slots[slot], KML_ADDR_NONE);
  state.slots[slot] = addr;
}

static KmlAddr
take (guint slot)
{
  const KmlAddr addr = state.slots[slot];

  state.slots[slot] = KML_ADDR_NONE;
  return addr;
}

static KmlAddr
ask (guint64 size)
{
  const KmlRequest request = request_of (size);
  guint64 held = 0;

  state.n_operations++;
  return kml_allocator_alloc (rig.objects, &request, &held);
}

static void
give_back (KmlAddr addr)
{
  const KmlRequest how = request_of (0);

  if (addr == KML_ADDR_NONE)
    return;
  state.n_operations++;
  kml_allocator_free_block (rig.objects, addr, &how);
}

/* ---- All schedules of small programs ---- */

/* A letter an operation: a..d asks for a block of that name, A..D gives it back if it is there by then, i has the other CPU
 * interrupted, s shrinks. */
static const struct {
  const char *steps[2]; /* of CPU 0 and 1 */
  const char *handler;  /* of CPU 1 */
  RigConfig config;
} programs[] = {
#define SMALL(...)                                                                                 \
  {                                                                                                \
    .n_cpus = 2, .ram = 1 << 17, .has_choices = TRUE, .settings = { __VA_ARGS__ },                 \
  }
#define ONE_PAGE                                                                                   \
  {                                                                                                \
    "max-order", "0"                                                                               \
  }
  { { "aAb", "cCd" }, NULL, SMALL (ONE_PAGE) },
  { { "abc", "AB" }, NULL, SMALL (ONE_PAGE, { "cpu-partial-objects", "1" }) },
  { { "abAB", "AcB" }, NULL, SMALL (ONE_PAGE, { "cpu-partial", "none" }, { "min-partial", "1" }) },
  { { "abcA", "BA" }, NULL, SMALL (ONE_PAGE, { "cpu-partial", "none" }, { "min-partial", "1" }) },
  { { "ai", "c" }, "dD", SMALL (ONE_PAGE) },
  { { "iab", "" }, "dA", SMALL (ONE_PAGE, { "cpu-partial-objects", "1" }) },
};

static void
execute (KmlMachine *machine, const char *steps)
{
  for (const char *step = steps; *step != '\0'; step++) {
    if (*step >= 'a' && *step <= 'd')
      put ((guint)(*step - 'a'), ask (2048));
    else if (*step >= 'A' && *step <= 'D')
      give_back (take ((guint)(*step - 'A')));
    else if (*step == 'i')
      kml_irq_raise (&rig.irqs[1]);
    else
      g_assert_not_reached ();
    kml_sync (machine); /* what was done to the blocks is seen */
  }
}

static void
execute_steps (KmlMachine *machine, gpointer data)
{
  execute (machine, data);
}

static void
remember (void)
{
  rig.image = kml_image_new ();
  kml_machine_remember (rig.machine, rig.image);
  kml_scheduler_remember (rig.scheduler, rig.image);
  ck_assert (kml_allocator_remember (rig.pages, rig.image));
  ck_assert (kml_allocator_remember (&rig.locked->base, rig.image));
  ck_assert (kml_allocator_remember (rig.objects, rig.image));
  kml_image_add (rig.image, &state, sizeof state);
  kml_image_add (rig.image, &rig.irqs[1], sizeof rig.irqs[1]);
  kml_image_take (rig.image);
  ck_assert (kml_ram_image_begin (rig.machine->ram));
}

START_TEST (all_schedules_of_small_programs_are_right)
{
  Choices choices = { 0 };
  guint n_schedules = 0;

  rig.choices = &choices;
  set_up (&programs[_i].config);
  for (guint i = 0; i < 2; i++) {
    const KmlTaskConfig task = { .name = i == 0 ? "T0" : "T1",
                                 .cpu = i,
                                 .func = execute_steps,
                                 .data = (gpointer)programs[_i].steps[i] };

    kml_task_new (rig.scheduler, &task);
  }
  kml_irq_init (&rig.irqs[1], rig.scheduler, "irq", 1, KML_LEVEL_HARDIRQ, execute_steps,
                (gpointer)programs[_i].handler);
  remember ();
  do {
    kml_image_put_back (rig.image);
    kml_ram_image_put_back (rig.machine->ram);
    kml_scheduler_run (rig.scheduler);
    ck_assert_uint_eq (kml_scheduler_incidents (rig.scheduler)->len, 0);
    verify ();
    n_schedules++;
    ck_assert_uint_lt (n_schedules, 2000000);
  } while (odometer_turn (&choices.odometer));
  ck_assert_uint_gt (n_schedules, 10);
  kml_ram_image_end (rig.machine->ram);
  kml_irq_clear (&rig.irqs[1]);
  tear_down (0);
}
END_TEST

/* ---- Chance ---- */

static const guint64 sizes[] = { 64, 2048, 2048, 512, 3 * PAGE };

static const RigConfig large[] = {
  { .settings = { { "max-order", "0" } } },
  { .settings = { { "max-order", "0" }, { "cpu-partial-objects", "1" }, { "min-partial", "1" } } },
  { .settings = { { "max-order", "1" }, { "cpu-partial", "none" }, { "min-partial", "1" } } },
  { .settings = { { "max-order", "1" }, { "freelist", "random" } } },
};

static KmlRng rngs[MAX_TASKS + MAX_CPUS];

static void
do_something (KmlRng *rng)
{
  const guint slot = (guint)kml_rng_below (rng, N_SLOTS);

  if (state.slots[slot] != KML_ADDR_NONE) {
    give_back (take (slot));
  } else {
    const KmlAddr addr = ask (sizes[kml_rng_below (rng, G_N_ELEMENTS (sizes))]);

    if (state.slots[slot] == KML_ADDR_NONE)
      put (slot, addr);
    else
      give_back (addr); /* somebody was faster */
  }
}

static void
interrupt_by_chance (KmlMachine *machine, gpointer data)
{
  do_something (data);
}

static void
work_by_chance (KmlMachine *machine, gpointer data)
{
  KmlRng *rng = data;

  for (guint i = 0; i < 400; i++) {
    do_something (rng);
    kml_sync (machine);
    if (kml_rng_below (rng, 4) == 0)
      kml_irq_raise (&rig.irqs[kml_rng_below (rng, machine->n_cpus)]);
    if (kml_rng_below (rng, 100) == 0)
      rig.objects->ops->shrink (rig.objects);
    verify ();
  }
}

static void
start_by_chance (guint64 seed)
{
  static const char *const names[MAX_TASKS] = { "a", "b", "c", "d", "e", "f", "g", "h" };

  for (guint i = 0; i < G_N_ELEMENTS (rngs); i++)
    kml_rng_init (&rngs[i], seed + 100 * i, "tasks");
  for (guint i = 0; i < MAX_TASKS; i++) {
    const KmlTaskConfig task = {
      .name = names[i], .cpu = i % MAX_CPUS, .func = work_by_chance, .data = &rngs[i]
    };

    kml_task_new (rig.scheduler, &task);
  }
  for (guint i = 0; i < MAX_CPUS; i++)
    kml_irq_init (&rig.irqs[i], rig.scheduler, "irq", i,
                  i % 2 == 0 ? KML_LEVEL_HARDIRQ : KML_LEVEL_SOFTIRQ, interrupt_by_chance,
                  &rngs[MAX_TASKS + i]);
}

/* All is given back, and nothing is lost. */
static void
give_all_back (KmlMachine *machine, gpointer data)
{
  for (guint i = 0; i < N_SLOTS; i++)
    give_back (take (i));
  rig.objects->ops->shrink (rig.objects);
  verify ();
}

static void
run_by_chance (const RigConfig *variant, gboolean has_choices, guint64 seed)
{
  RigConfig config = *variant;
  const KmlTaskConfig last = { .name = "last", .start = 10 * KML_S, .func = give_all_back };
  Choices choices = { 0 };
  KmlRng rng;
  guint64 n_free;

  kml_rng_init (&rng, seed, "schedule");
  choices.rng = &rng;
  rig.choices = &choices;
  config.n_cpus = MAX_CPUS;
  config.ram = 1 << 18;
  config.cost = has_choices ? 0 : KML_NS;
  config.has_choices = has_choices;
  set_up (&config);
  n_free = rig.pages->free_area->n_free;
  start_by_chance (seed);
  if (!has_choices)
    kml_task_new (rig.scheduler, &last);
  kml_scheduler_run (rig.scheduler);
  ck_assert_uint_eq (kml_scheduler_incidents (rig.scheduler)->len, 0);
  ck_assert_uint_ge (state.n_operations, MAX_TASKS * 400);
  verify ();
  if (!has_choices)
    ck_assert_uint_eq (rig.pages->free_area->n_free, n_free);
  tear_down (MAX_CPUS);
}

START_TEST (invariants_hold_wherever_others_come_in)
{
  for (guint64 seed = 1; seed <= 5; seed++)
    run_by_chance (&large[_i], TRUE, seed);
}
END_TEST

START_TEST (nothing_is_lost_in_the_order_of_time)
{
  for (guint64 seed = 1; seed <= 5; seed++)
    run_by_chance (&large[_i], FALSE, seed);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("slub-cpus");
  TCase *small = tcase_create ("all schedules");
  TCase *chance = tcase_create ("chance");

  tcase_set_timeout (small, 120);
  tcase_set_timeout (chance, 120);
  tcase_add_loop_test (small, all_schedules_of_small_programs_are_right, 0,
                       G_N_ELEMENTS (programs));
  tcase_add_loop_test (chance, invariants_hold_wherever_others_come_in, 0, G_N_ELEMENTS (large));
  tcase_add_loop_test (chance, nothing_is_lost_in_the_order_of_time, 0, G_N_ELEMENTS (large));
  suite_add_tcase (suite, small);
  suite_add_tcase (suite, chance);
  return run_suite (suite);
}
