/* test-rerun.c: a run that goes back is as one that was made anew.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of every scenario under scenarios/deadlock, in each run of its sweep, schedules drawn at random are executed twice: by one run that goes back
 * each time, and each by a run of its own. Whatever a user could see must be the same.
 */

#include "scenarios/chooser.h"
#include "scenarios/rerun.h"
#include "simcore/image.h"
#include "simcore/ram-image.h"
#include "tests/testutils.h"

#include <string.h>

#define N_SCHEDULES 20
#define MAX_CHOICES 500

/* ---- Memory ---- */

static int number, seen_by_hook;

static void
look (gpointer data)
{
  seen_by_hook = number;
}

START_TEST (bytes_and_arrays_are_put_back_after_hooks_have_seen_them)
{
  g_autoptr (KmlImage) image = kml_image_new ();
  GArray *array = g_array_new (FALSE, FALSE, sizeof (int));

  number = 1;
  g_array_append_val (array, number);
  kml_image_add (image, &number, sizeof number);
  kml_image_add_array (image, array);
  kml_image_add_hook (image, look, NULL);
  kml_image_take (image);
  for (number = 2; number < 1000; number++)
    g_array_append_val (array, number);
  g_array_index (array, int, 0) = 5;
  kml_image_put_back (image);
  ck_assert_int_eq (seen_by_hook, 1000);
  ck_assert_int_eq (number, 1);
  ck_assert_uint_eq (array->len, 1);
  ck_assert_int_eq (g_array_index (array, int, 0), 1);
  g_array_unref (array);
}
END_TEST

START_TEST (ram_is_put_back_wherever_it_was_written)
{
  g_autoptr (KmlRam) ram = kml_ram_new (1 << 20, 4096, NULL);
  g_autofree guint8 *before = NULL;

  memset (ram->store + 5000, 7, 3000);
  before = g_memdup2 (ram->store, ram->size);
  ck_assert (kml_ram_image_begin (ram));
  for (guint round = 0; round < 3; round++) {
    memset (ram->store + 4096 * round, (int)round + 1, 9000);
    ram->store[ram->size - 1] ^= 1;
    kml_ram_image_put_back (ram);
    ck_assert_int_eq (memcmp (before, ram->store, ram->size), 0);
  }
  ck_assert (!kml_ram_image_begin (ram)); /* one at a time */
  kml_ram_image_end (ram);
  memset (ram->store, 1, ram->size);
  ck_assert (kml_ram_image_begin (ram));
  kml_ram_image_end (ram);
}
END_TEST

/* ---- Allocators ---- */

static void
ask (KmlAllocator *allocator, GArray *answers)
{
  g_autoptr (GArray) live = g_array_new (FALSE, FALSE, sizeof (KmlAddr));
  const gboolean is_pages = allocator->ops->level == KML_LEVEL_PAGES ||
                            (allocator->ops->level == KML_LEVEL_LAYER &&
                             allocator->ops->around == KML_LEVEL_PAGES);
  KmlRng rng;

  kml_rng_init (&rng, 1, "ask");
  for (guint i = 0; i < 2000; i++) {
    const KmlRequest request = {
      .size = is_pages ? (1 + kml_rng_below (&rng, 4)) << 12 : 8 + kml_rng_below (&rng, 5000),
      .gfp = KML_GFP_KERNEL,
    };
    guint64 held;
    KmlAddr addr;

    if (live->len > 0 && kml_rng_below (&rng, 3) == 0) {
      const guint victim = (guint)kml_rng_below (&rng, live->len);

      kml_allocator_free_block (allocator, g_array_index (live, KmlAddr, victim), &request);
      g_array_remove_index_fast (live, victim);
      continue;
    }
    addr = kml_allocator_alloc (allocator, &request, &held);
    g_array_append_val (answers, addr);
    if (addr != KML_ADDR_NONE)
      g_array_append_val (live, addr);
  }
}

static gboolean
can_go_back (const KmlAllocatorOps *ops)
{
  const KmlMachineConfig config = { .n_cpus = 2, .ram = 4 << 20, .page_size = 4096 };
  g_autoptr (KmlMachine) machine = kml_machine_new (&config, NULL);
  g_autoptr (KmlImage) image = kml_image_new ();
  g_autoptr (GArray) first = g_array_new (FALSE, FALSE, sizeof (KmlAddr));
  g_autoptr (GArray) second = g_array_new (FALSE, FALSE, sizeof (KmlAddr));
  const KmlAllocatorOps *lower = kml_allocator_find ("buddy");
  KmlAllocator *pages = kml_allocator_new (ops->level == KML_LEVEL_PAGES ? ops : lower, machine,
                                           NULL);
  KmlAllocator *tested = pages;
  gboolean can;

  ck_assert (kml_allocator_start (pages, NULL));
  if (ops->level != KML_LEVEL_PAGES) {
    tested = kml_allocator_new (ops, machine, pages);
    ck_assert (kml_allocator_start (tested, NULL));
  }
  can = kml_allocator_remember (tested, image) &&
        (tested == pages || kml_allocator_remember (pages, image));
  if (can) {
    g_autofree guint8 *before = g_memdup2 (machine->ram->store, machine->ram->size);

    kml_machine_remember (machine, image);
    ck_assert (kml_ram_image_begin (machine->ram));
    kml_image_take (image);
    ask (tested, first);
    kml_image_put_back (image);
    kml_ram_image_put_back (machine->ram);
    ck_assert_int_eq (memcmp (before, machine->ram->store, machine->ram->size), 0);
    ask (tested, second);
    ck_assert (tested->ops->check (tested, NULL));
    ck_assert_uint_eq (first->len, second->len);
    ck_assert_int_eq (memcmp (first->data, second->data, first->len * sizeof (KmlAddr)), 0);
    kml_ram_image_end (machine->ram);
  }
  if (tested != pages)
    kml_allocator_destroy (tested);
  kml_allocator_destroy (pages);
  return can;
}

START_TEST (an_allocator_that_goes_back_answers_as_it_did)
{
  guint n_all, n = 0;
  const KmlAllocatorOps *const *all = kml_allocator_list (&n_all);

  for (guint i = 0; i < n_all; i++)
    if (all[i]->level != KML_LEVEL_LAYER || all[i]->around == KML_LEVEL_PAGES)
      n += can_go_back (all[i]);
  ck_assert_uint_ge (n, 4);
}
END_TEST

/* ---- Runs ---- */

typedef struct {
  char *fingerprint, *story; /* (owned) */
  KmlTime end;
  guint n_incidents;
  guint64 n_operations;
} Seen;

static void
seen_clear (Seen *self)
{
  g_free (self->fingerprint);
  g_free (self->story);
}

static Seen
see (KmlRun *run)
{
  const GArray *incidents = kml_run_incidents (run);

  return (Seen){
    .fingerprint = g_strdup (kml_run_fingerprint (run)),
    .story = incidents->len > 0
                 ? kml_incident_story (&g_array_index (incidents, KmlIncident, incidents->len - 1))
                 : NULL,
    .end = kml_run_end_time (run),
    .n_incidents = incidents->len,
    .n_operations = kml_run_n_operations (run),
  };
}

static void
check_same (const Seen *a, const Seen *b)
{
  ck_assert_str_eq (a->fingerprint, b->fingerprint);
  ck_assert_uint_eq (a->end, b->end);
  ck_assert_uint_eq (a->n_incidents, b->n_incidents);
  ck_assert_uint_eq (a->n_operations, b->n_operations);
  ck_assert_int_eq (g_strcmp0 (a->story, b->story), 0);
}

/* Interrupts that may come at any time can keep a CPU busy for ever: such schedules are cut. */
static guint
choose (const KmlCandidate *candidates, guint n, gpointer data)
{
  KmlChooser *chooser = data;

  return chooser->at < MAX_CHOICES ? kml_chooser_choose (candidates, n, chooser) : G_MAXUINT;
}

static KmlRun *
new_run (const KmlScenario *scenario, const KmlRunSpec *spec, KmlChooser *chooser)
{
  KmlRun *run = kml_run_new (scenario, spec, NULL);

  ck_assert_ptr_nonnull (run);
  ck_assert (kml_run_set_choices (run, choose, chooser));
  return run;
}

/* TRUE: it went back; else it is made anew for each schedule anyway. */
static gboolean
compare_schedules (const KmlScenario *scenario, const KmlRunSpec *spec)
{
  KmlChooser chooser = { .kind = KML_CHOOSER_RANDOM };
  Seen apart[N_SCHEDULES];
  g_autoptr (KmlRun) run = NULL;
  gboolean goes_back;

  for (guint i = 0; i < N_SCHEDULES; i++) {
    g_autoptr (KmlRun) one = new_run (scenario, spec, &chooser);

    kml_chooser_begin (&chooser, 1, i);
    ck_assert (kml_run_execute (one, NULL));
    apart[i] = see (one);
  }
  run = new_run (scenario, spec, &chooser);
  goes_back = kml_run_remember (run);
  for (guint i = 0; goes_back && i < N_SCHEDULES; i++) {
    Seen seen;

    if (i > 0)
      kml_run_go_back (run);
    kml_chooser_begin (&chooser, 1, i);
    ck_assert (kml_run_execute (run, NULL));
    seen = see (run);
    check_same (&apart[i], &seen);
    seen_clear (&seen);
  }
  for (guint i = 0; i < N_SCHEDULES; i++)
    seen_clear (&apart[i]);
  return goes_back;
}

/* @overrides: (nullable) */
static guint
compare_scenario (const char *path, const char *const *overrides)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  KmlScenario *scenario = kml_scenario_load (path, overrides, problems, NULL);
  guint n = 0;

  ck_assert_ptr_nonnull (scenario);
  for (guint64 i = 0; i < kml_scenario_n_runs (scenario); i++) {
    KmlRunSpec *spec = kml_scenario_run_spec (scenario, i);

    n += compare_schedules (scenario, spec);
    kml_run_spec_free (spec);
  }
  kml_scenario_free (scenario);
  return n;
}

START_TEST (a_run_that_goes_back_is_as_one_that_was_made_anew)
{
  static const char *const with_caches[] = { "machine.cache-model=tiny", NULL };
  g_autofree char *folder = g_build_filename (g_getenv ("KML_SOURCE_ROOT"), "scenarios", "deadlock",
                                              NULL);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_str_has_suffix (name, ".ini"))
      n += compare_scenario (path, _i == 1 ? with_caches : NULL);
  }
  g_dir_close (dir);
  ck_assert_uint_ge (n, 24); /* all of them: zones, reclaim and disks, too */
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rerun");
  TCase *memory = tcase_create ("memory"), *runs = tcase_create ("runs");

  tcase_add_test (memory, bytes_and_arrays_are_put_back_after_hooks_have_seen_them);
  tcase_add_test (memory, ram_is_put_back_wherever_it_was_written);
  tcase_add_test (memory, an_allocator_that_goes_back_answers_as_it_did);
  tcase_add_loop_test (runs, a_run_that_goes_back_is_as_one_that_was_made_anew, 0, 2);
  suite_add_tcase (suite, memory);
  suite_add_tcase (suite, runs);
  return run_suite (suite);
}
