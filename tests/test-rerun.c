/* test-rerun.c: a run that goes back is as one that was made anew.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of every scenario under scenarios/deadlock, in each run of its sweep, schedules drawn at random are executed twice: by one run that goes back
 * each time, and each by a run of its own. Whatever a user could see must be the same.
 */

#include "scenarios/running/chooser.h"
#include "scenarios/exploring/rerun.h"
#include "simcore/base/image.h"
#include "simcore/memory/ram-image.h"
#include "simcore/device.h"
#include "tests/conformance/ledger.h"
#include "tests/testutils.h"

#include <glib/gstdio.h>
#include <string.h>

#define N_SCHEDULES  10
#define MAX_CHOICES  500
#define N_FRAMES     256
#define N_OPERATIONS 100

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

/* As an array is that an allocator makes larger: pointer and size are in its instance. */
START_TEST (a_block_has_its_size_again_wherever_it_is)
{
  g_autoptr (KmlImage) image = kml_image_new ();
  struct {
    guint8 *bytes;
    gsize size;
  } owner = { g_memdup2 ("abc", 4), 4 };
  guint8 *none = NULL;

  kml_image_add (image, &owner, sizeof owner);
  kml_image_add_block (image, &owner.bytes, owner.size);
  kml_image_add_block (image, &none, 0);
  kml_image_take (image);
  for (guint round = 0; round < 3; round++) {
    owner.size = 1 << 20;
    owner.bytes = g_realloc (owner.bytes, owner.size); /* it moves: so large ones are mapped */
    memset (owner.bytes, 7, owner.size);
    none = g_malloc (100);
    kml_image_put_back (image);
    ck_assert_uint_eq (owner.size, 4);
    ck_assert_str_eq ((const char *)owner.bytes, "abc");
    ck_assert_ptr_null (none);
  }
  g_free (owner.bytes);
}
END_TEST

START_TEST (a_table_has_its_members_again)
{
  g_autoptr (KmlImage) image = kml_image_new ();
  g_autoptr (GHashTable) table = g_hash_table_new (NULL, NULL);

  g_hash_table_insert (table, GINT_TO_POINTER (1), GINT_TO_POINTER (10));
  g_hash_table_insert (table, GINT_TO_POINTER (2), GINT_TO_POINTER (20));
  kml_image_add_table (image, table);
  kml_image_take (image);
  g_hash_table_remove (table, GINT_TO_POINTER (1));
  g_hash_table_insert (table, GINT_TO_POINTER (2), GINT_TO_POINTER (21));
  g_hash_table_insert (table, GINT_TO_POINTER (3), GINT_TO_POINTER (30));
  kml_image_put_back (image);
  ck_assert_uint_eq (g_hash_table_size (table), 2);
  ck_assert_int_eq (GPOINTER_TO_INT (g_hash_table_lookup (table, GINT_TO_POINTER (1))), 10);
  ck_assert_int_eq (GPOINTER_TO_INT (g_hash_table_lookup (table, GINT_TO_POINTER (2))), 20);
}
END_TEST

/* A granule grows with the number of faults, and comes over what smaller ones have copied already. */
START_TEST (ram_of_which_much_is_written_is_put_back_with_its_shadow)
{
  g_autoptr (KmlRam) ram = kml_ram_new (16 << 20, 4096, NULL);
  guint64 n_wrong = 0;

  ck_assert (kml_ram_make_shadow (ram));
  for (gsize at = 0; at < ram->size; at += 4096)
    ram->store[at] = (guint8)(ram->shadow[at] = (guint8)(at >> 12));
  ck_assert (kml_ram_image_begin (ram));
  for (guint round = 0; round < 3; round++) {
    for (gsize at = 4096 * round; at < ram->size; at += 3 * 4096) /* all of RAM in the end */
      ram->store[at]++;
    for (gsize at = 0; at < ram->size; at += 999 * 4096)
      ram->shadow[at]++;
    kml_ram_image_put_back (ram);
    for (gsize at = 0; at < ram->size; at += 4096)
      n_wrong += ram->store[at] != (guint8)(at >> 12) || ram->shadow[at] != (guint8)(at >> 12);
    ck_assert_uint_eq (n_wrong, 0);
  }
  kml_ram_image_end (ram);
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

/* Some blocks are left over. */
static guint64
history_of (Rig *rig)
{
  const KmlRequest request = { .size = 4096, .gfp = KML_GFP_ATOMIC };
  KmlAddr addr;
  Ledger ledger;
  guint64 history;
  gboolean holds;

  ledger_init (&ledger, rig);
  holds = ledger_churn (&ledger, 7, N_OPERATIONS, NULL);
  ck_assert (holds);
  for (guint i = 0; i < 3; i++)
    ck_assert (ledger_alloc (&ledger, &request, &addr, NULL));
  history = ledger.history ^ rig->machine->now;
  ledger_finish (&ledger);
  return history;
}

/* What it answers, and what that costs, is three times the same: of one that went back, and of another one. */
static void
compare_histories (const Subject *subject)
{
  g_autoptr (KmlImage) image = kml_image_new ();
  g_autofree guint8 *before = NULL;
  guint64 first;
  Rig rig;

  rig_init (&rig, &subject->form, &subject->lower, N_FRAMES);
  ck_assert_msg (kml_allocator_remember (rig.tested, image), "%s", subject->name);
  ck_assert (rig.tested == rig.pages || kml_allocator_remember (rig.pages, image));
  ck_assert (rig.middle == NULL || kml_allocator_remember (rig.middle, image));
  kml_machine_remember (rig.machine, image);
  before = g_memdup2 (rig.machine->ram->store, rig.machine->ram->size);
  ck_assert (kml_ram_image_begin (rig.machine->ram));
  kml_image_take (image);
  first = history_of (&rig);
  for (guint round = 0; round < 2; round++) {
    kml_image_put_back (image);
    kml_ram_image_put_back (rig.machine->ram);
    ck_assert_int_eq (memcmp (before, rig.machine->ram->store, rig.machine->ram->size), 0);
    ck_assert_msg (history_of (&rig) == first, "%s, gone back", subject->name);
  }
  kml_ram_image_end (rig.machine->ram);
  rig_finish (&rig);
  rig_init (&rig, &subject->form, &subject->lower, N_FRAMES);
  ck_assert_msg (history_of (&rig) == first, "%s, another one", subject->name);
  rig_finish (&rig);
}

/* Above one lower allocator: one of pages, or of objects. */
static gboolean
is_tried_once (const Subject *subject)
{
  return subject->lower.ops == NULL ||
         (g_str_equal (subject->lower.ops->name, "buddy") && subject->lower.param == NULL) ||
         g_str_equal (subject->lower.ops->name, "slab");
}

START_TEST (every_allocator_goes_back_and_answers_as_it_did)
{
  g_autoptr (GArray) subjects = subjects_new ();
  guint n = 0;

  for (guint i = 0; i < subjects->len; i++) {
    const Subject *subject = &g_array_index (subjects, Subject, i);

    if (is_tried_once (subject)) {
      compare_histories (subject);
      n++;
    }
  }
  ck_assert_uint_ge (n, 40);
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

/* The flusher never gives back the lock of the mapping, which only the mapping knows. */
START_TEST (locks_that_no_step_names_go_back)
{
  g_autofree char *path = g_build_filename (g_getenv ("KML_SOURCE_ROOT"), "scenarios", "memory",
                                            "memory-to-write-memory.ini", NULL);

  ck_assert_uint_eq (compare_scenario (path, NULL), 2);
}
END_TEST

static guint
compare_text (const char *text)
{
  g_autofree char *path = NULL;
  const int file = g_file_open_tmp ("rerun-XXXXXX.ini", &path, NULL);
  guint n;

  ck_assert (g_close (file, NULL));
  ck_assert (g_file_set_contents (path, text, -1, NULL));
  n = compare_scenario (path, NULL);
  g_unlink (path);
  return n;
}

/* Pages move for two requests, and for kcompactd. */
START_TEST (compaction_goes_back)
{
  static const char text[] =
      "[machine]\ncpus = 2\nram = 256KiB\nprofile = unit\n[pages]\nmax-order = 3\n"
      "[memory]\nreclaim = yes\ncompaction = yes\nmin-free = 16KiB\n"
      "[mapping kept]\nkind = anonymous\nsize = 128KiB\n"
      "[mapping dropped]\nkind = anonymous\nsize = 128KiB\n"
      "[task a]\nprogram = repeat 27 { dirty kept next, dirty dropped next }, drop dropped, wake "
      "ready, "
      "alloc x 32KiB pages, alloc y 32KiB pages, free x\n"
      "[task b]\ncpus = 1\nprogram = wait ready, alloc x 32KiB pages GFP_NOWAIT, dirty kept 0..9\n";

  ck_assert_uint_eq (compare_text (text), 1);
}
END_TEST

/* Two tasks and something else. */
static void
compare_with (const char *groups, const char *steps)
{
  static const char program[] = "repeat 3 { alloc x 100, alloc y 700, free x, alloc p 4KiB pages, "
                                "free y, free p }";
  g_autofree char *text = g_strdup_printf (
      "[machine]\ncpus = 2\nram = 4MiB\nprofile = unit\n%s\n[task a]\nprogram = %s%s\n[task "
      "b]\ncpus = 1\nprogram = %s\n",
      groups, program, steps, program);

  ck_assert_msg (compare_text (text) == 1, "it does not go back: %s", groups);
}

/* In the group that its level says. */
static char *
groups_for (const Form *form)
{
  static const char *const groups[] = { "pages", "objects", "layer" };

  return g_strdup_printf (
      "[%s]\nallocator = %s\n%s%s%s%s\n", groups[form->ops->level], form->ops->name,
      form->ops->around == KML_LEVEL_OBJECTS ? "around = objects\n" : "",
      form->choice != NULL ? form->param->name : "", form->choice != NULL ? " = " : "",
      form->choice != NULL ? form->choice : "");
}

START_TEST (so_it_is_with_every_form_of_every_allocator_and_layer)
{
  g_autoptr (GArray) subjects = subjects_new ();

  for (guint i = 0; i < subjects->len; i++) {
    const Subject *subject = &g_array_index (subjects, Subject, i);

    if (is_tried_once (subject)) {
      g_autofree char *groups = groups_for (&subject->form);

      compare_with (groups, "");
    }
  }
}
END_TEST

/* What tasks do with a device is its kind's business, and so is what makes little of it much. */
static const char *
steps_for (const KmlDeviceOps *ops)
{
  if (ops->disk != NULL)
    return ", read d 4KiB, write d 8KiB";
  return g_str_equal (ops->name, "dma") ? ", alloc z 8KiB pages, dma d z nowait, alloc w 1KiB for "
                                          "d, dma d w from-device, dma-wait z"
                                        : ", work 50us";
}

START_TEST (so_it_is_with_every_device)
{
  guint n;
  const KmlDeviceOps *const *all = kml_device_list (&n);

  for (guint i = 0; i < n; i++) {
    const char *more = g_str_equal (all[i]->name, "dma") ? "iommu = yes\n"
                       : g_str_equal (all[i]->name, "nic")
                           ? "ring-size = 3\npackets = 5\narrivals = periodic(5us)\nconsume = "
                             "fixed(2us)\n"
                           : "";
    g_autofree char *groups = g_strdup_printf ("[device d]\nkind = %s\n%s", all[i]->name, more);

    compare_with (groups, steps_for (all[i]));
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("rerun");
  TCase *memory = tcase_create ("memory"), *runs = tcase_create ("runs");

  tcase_add_test (memory, bytes_and_arrays_are_put_back_after_hooks_have_seen_them);
  tcase_add_test (memory, a_block_has_its_size_again_wherever_it_is);
  tcase_add_test (memory, a_table_has_its_members_again);
  tcase_add_test (memory, ram_is_put_back_wherever_it_was_written);
  tcase_add_test (memory, ram_of_which_much_is_written_is_put_back_with_its_shadow);
  tcase_add_test (memory, every_allocator_goes_back_and_answers_as_it_did);
  tcase_add_test (runs, locks_that_no_step_names_go_back);
  tcase_add_test (runs, compaction_goes_back);
  tcase_add_loop_test (runs, a_run_that_goes_back_is_as_one_that_was_made_anew, 0, 2);
  tcase_add_test (runs, so_it_is_with_every_form_of_every_allocator_and_layer);
  tcase_add_test (runs, so_it_is_with_every_device);
  suite_add_tcase (suite, memory);
  suite_add_tcase (suite, runs);
  return run_suite (suite);
}
