/* test-conformance.c: what every allocator owes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Goal: a new allocator is tested by being registered. Method: each test below
 * runs once for every subject (conformance/rig.h), that is every form of every
 * registered allocator of pages, and of every allocator of objects on top of
 * those. Random operations are held against a naive model (conformance/ledger.h),
 * whose promises are all shown to be breakable with an allocator that breaks them.
 *
 * KML_CONFORMANCE_ONLY=NAME in the environment runs the tests of one allocator,
 * KML_CONFORMANCE_SEED=N the random operations of another seed;
 * a failure prints its seed and operation.
 */

#include <setjmp.h>
#include <signal.h>

#include "tests/conformance/flawed.h"
#include "tests/conformance/ledger.h"
#include "tests/testutils.h"

#define N_FRAMES     1100 /* not a power of two: the range does not end with a block */
#define N_OPERATIONS (IS_SANITIZED ? 300 : 1500)
#define N_REPEATED   (IS_SANITIZED ? 100 : 300)
#define N_BLOCKS_MAX 8192

static GArray *subjects; /* (element-type Subject) */
static Rig rig;          /* of the test that is running */

static const Subject *
subject_of (int i)
{
  return &g_array_index (subjects, Subject, (guint)i);
}

static void
set_up (int i)
{
  rig_init (&rig, &subject_of (i)->form, &subject_of (i)->lower, N_FRAMES);
}

static void
assert_holds (gboolean holds, const GError *error, int i)
{
  ck_assert_msg (holds, "%s: %s", subject_of (i)->name, holds ? "" : error->message);
}

static void
verify (const Ledger *ledger, int i)
{
  g_autoptr (GError) error = NULL;
  const gboolean holds = ledger_verify (ledger, &error);

  assert_holds (holds, error, i);
}

/* The request must go well, whether it is granted or not. */
static KmlAddr
ask (Ledger *ledger, const KmlRequest *request, int i)
{
  g_autoptr (GError) error = NULL;
  KmlAddr addr;
  const gboolean holds = ledger_alloc (ledger, request, &addr, &error);

  assert_holds (holds, error, i);
  return addr;
}

static guint64
first_seed (void)
{
  const char *text = g_getenv ("KML_CONFORMANCE_SEED");

  return text == NULL ? 1 : g_ascii_strtoull (text, NULL, 10);
}

/* ---- Against the model ---- */

START_TEST (random_operations_keep_every_promise)
{
  for (guint64 seed = first_seed (); seed < first_seed () + 3; seed++) {
    g_autoptr (GError) error = NULL;
    Ledger ledger;
    gboolean holds;

    set_up (_i);
    ledger_init (&ledger, &rig);
    holds = ledger_churn (&ledger, seed, N_OPERATIONS, &error);
    assert_holds (holds, error, _i);
    ledger_finish (&ledger);
    rig_finish (&rig);
  }
}
END_TEST

static guint64
history_of (int i, guint64 seed)
{
  g_autoptr (GError) error = NULL;
  Ledger ledger;
  guint64 history;

  set_up (i);
  ledger_init (&ledger, &rig);
  ledger_churn (&ledger, seed, N_REPEATED, &error);
  history = ledger.history ^ rig.machine->now; /* what it cost, too */
  ledger_finish (&ledger);
  rig_finish (&rig);
  return history;
}

START_TEST (same_seed_same_addresses_and_costs)
{
  const guint64 first = history_of (_i, 7);
  g_autofree char *elsewhere = g_malloc (12345); /* the host's heap differs */

  ck_assert_ptr_nonnull (elsewhere);
  ck_assert_uint_eq (history_of (_i, 7), first);
  ck_assert_uint_ne (history_of (_i, 8), first);
}
END_TEST

/* ---- Exhaustion ---- */

static guint
fill (Ledger *ledger, guint64 size, int i)
{
  const KmlRequest request = { .size = size };
  guint n = 0;

  while (ask (ledger, &request, i) != KML_ADDR_NONE)
    n++;
  verify (ledger, i);
  return n;
}

static void
free_all (Ledger *ledger, int i)
{
  while (ledger->blocks->len > 0) {
    g_autoptr (GError) error = NULL;
    const gboolean holds = ledger_free (ledger, ledger->blocks->len - 1, &error);

    assert_holds (holds, error, i);
  }
  rig_shrink (&rig);
  verify (ledger, i);
}

START_TEST (exhaustion_is_an_outcome_and_passes)
{
  guint64 size;
  Ledger ledger;
  guint n;

  set_up (_i);
  size = rig_grain (&rig) == 1 ? 900 : rig_grain (&rig);
  ledger_init (&ledger, &rig);
  n = fill (&ledger, size, _i);
  /* of pages as many as there are, of objects 4 a page, less a slab */
  ck_assert_uint_ge (n, N_FRAMES - 1);
  ck_assert_uint_eq (fill (&ledger, size, _i), 0);
  free_all (&ledger, _i);
  ck_assert_uint_eq (fill (&ledger, size, _i), n);
  free_all (&ledger, _i);
  ledger_finish (&ledger);
  rig_finish (&rig);
}
END_TEST

START_TEST (what_can_never_be_had_is_refused)
{
  const guint64 sizes[] = { G_GUINT64_CONSTANT (4096) * (N_FRAMES + 1),
                            G_GUINT64_CONSTANT (1) << 40, G_GUINT64_CONSTANT (1) << 52,
                            G_MAXUINT64 & ~G_GUINT64_CONSTANT (4095) };
  Ledger ledger;

  set_up (_i);
  ledger_init (&ledger, &rig);
  for (guint k = 0; k < G_N_ELEMENTS (sizes); k++) {
    const KmlRequest request = { .size = sizes[k] };

    ck_assert_uint_eq (ask (&ledger, &request, _i), KML_ADDR_NONE);
  }
  verify (&ledger, _i);
  ledger_finish (&ledger);
  rig_finish (&rig);
}
END_TEST

/* ---- Constraints ---- */

START_TEST (alignments_up_to_all_of_memory_are_kept)
{
  Ledger ledger;
  guint n_given = 0;

  set_up (_i);
  ledger_init (&ledger, &rig);
  for (guint shift = 0; shift < 64; shift++) {
    const KmlConstraints constraints = { .alignment = G_GUINT64_CONSTANT (1) << shift };
    const KmlRequest request = { .size = rig_grain (&rig) == 1 ? 100 : 4096,
                                 .constraints = &constraints };

    n_given += ask (&ledger, &request, _i) != KML_ADDR_NONE;
    free_all (&ledger, _i);
  }
  ck_assert_uint_eq (n_given, 64); /* memory is empty, and address 0 is aligned to anything */
  ledger_finish (&ledger);
  rig_finish (&rig);
}
END_TEST

START_TEST (limits_are_kept_as_long_as_there_is_room_below)
{
  const KmlConstraints constraints = { .limit = 64 * 4096 };
  KmlRequest request = { .size = 4096, .constraints = &constraints };
  Ledger ledger;
  guint n = 0;

  set_up (_i);
  ledger_init (&ledger, &rig);
  while (ask (&ledger, &request, _i) != KML_ADDR_NONE)
    n++;
  ck_assert_uint_eq (n, 64);
  request.constraints = NULL;
  ck_assert_uint_ne (ask (&ledger, &request, _i), KML_ADDR_NONE);
  free_all (&ledger, _i);
  ledger_finish (&ledger);
  rig_finish (&rig);
}
END_TEST

/* ---- Misuse: to free what each of these gives is to end in an assertion ---- */

static KmlAddr
take (guint64 size)
{
  const KmlRequest request = { .size = size };
  guint64 held;
  KmlAddr addr = kml_allocator_alloc (rig.tested, &request, &held);

  g_assert_cmpuint (addr, !=, KML_ADDR_NONE);
  return addr;
}

static void
give_back (KmlAddr addr)
{
  const KmlRequest how = { 0 };

  kml_allocator_free_block (rig.tested, addr, &how);
}

static guint64
small (void)
{
  return rig_grain (&rig) == 1 ? 48 : 2 * 4096;
}

static KmlAddr
freed_already (void)
{
  KmlAddr addr;

  take (small ());
  addr = take (small ());
  give_back (addr);
  return addr;
}

static KmlAddr
freed_before_another (void)
{
  KmlAddr first, second;

  take (small ());
  first = take (small ());
  second = take (small ());
  give_back (first);
  give_back (second);
  return first;
}

static KmlAddr
freed_as_the_last (void)
{
  KmlAddr addr = take (small ());

  give_back (addr);
  rig_shrink (&rig);
  return addr;
}

static KmlAddr
large_and_freed (void)
{
  KmlAddr addr;

  take (small ()); /* of some allocators a second large one is not to be had */
  addr = take (300 * 4096);
  give_back (addr);
  return addr;
}

static KmlAddr
never_given (void)
{
  const KmlAddr last = 4096 * (N_FRAMES - 1);

  return take (small ()) < last / 2 ? last : 0; /* memory is given from one end */
}

static KmlAddr
neighbour_never_given (void)
{
  return take (small ()) + small ();
}

static KmlAddr
middle_of_a_block (void)
{
  return take (small ()) + small () / 2;
}

static KmlAddr
middle_of_a_large_block (void)
{
  return take (300 * 4096) + 4096;
}

static KmlAddr
one_byte_off (void)
{
  return take (small ()) + 1;
}

static KmlAddr
frame_table (void)
{
  return 4096 * N_FRAMES;
}

static KmlAddr
no_address (void)
{
  return KML_ADDR_NONE;
}

static const struct {
  const char *what;
  KmlAddr (*address) (void);
} misuses[] = {
  { "a block freed already", freed_already },
  { "a block freed before another", freed_before_another },
  { "the last block, freed already", freed_as_the_last },
  { "a large block freed already", large_and_freed },
  { "what was never given", never_given },
  { "the neighbour that was never given", neighbour_never_given },
  { "the middle of a block", middle_of_a_block },
  { "the middle of a large block", middle_of_a_large_block },
  { "an address one byte off", one_byte_off },
  { "the frame table", frame_table },
  { "no address", no_address },
};

static sigjmp_buf at_abort;

static void
leave_abort (int signal_number)
{
  siglongjmp (at_abort, 1);
}

/* abort() lets a handler of its signal leave by a jump, which costs a hundredth of a process that ends. What was
 * allocated stays as it was then and is not touched any more. */
static gboolean
aborts (void (*func) (KmlAddr addr), KmlAddr addr)
{
  if (sigsetjmp (at_abort, 1) != 0)
    return TRUE;
  signal (SIGABRT, leave_abort);
  func (addr);
  return FALSE;
}

static void
ask_size (KmlAddr addr)
{
  rig.tested->ops->size_of (rig.tested, addr);
}

START_TEST (freeing_what_is_no_block_aborts)
{
  for (guint k = 0; k < G_N_ELEMENTS (misuses); k++) {
    KmlAddr addr;

    signal (SIGABRT, SIG_DFL); /* what goes before the misuse is to be well */
    set_up (_i);
    addr = misuses[k].address ();
    if (rig.tested->ops->size_of != NULL)
      ck_assert_msg (aborts (ask_size, addr), "%s: this has a size: %s", subject_of (_i)->name,
                     misuses[k].what);
    ck_assert_msg (aborts (give_back, addr), "%s: nobody noticed: %s", subject_of (_i)->name,
                   misuses[k].what);
  }
}
END_TEST

/* ---- The suite itself ---- */

/* With memory for little, so that requests fail, too. */
START_TEST (each_broken_promise_is_noticed)
{
  const Form form = { &flawed_ops, flawed_ops.params, flawed_choices[_i] };
  g_autofree char *promise = g_strconcat (flawed_choices[_i], ": ", NULL);
  g_autoptr (GError) error = NULL;
  Ledger ledger;

  rig_init (&rig, &form, NULL, 100);
  ledger_init (&ledger, &rig);
  ck_assert_msg (!ledger_churn (&ledger, 1, N_OPERATIONS, &error), "nobody noticed: %s", promise);
  assert_error (error, KML_ERROR_CORRUPT, promise);
  ledger_finish (&ledger);
  rig_finish (&rig);
}
END_TEST

/* Leaves the subjects of one allocator, if that is what the environment asks for. */
static void
choose_subjects (void)
{
  const char *name = g_getenv ("KML_CONFORMANCE_ONLY");

  for (guint i = subjects->len; name != NULL && i-- > 0;)
    if (!g_str_equal (subject_of ((int)i)->form.ops->name, name))
      g_array_remove_index (subjects, i);
}

int
main (void)
{
  Suite *suite = suite_create ("conformance");
  TCase *each = tcase_create ("each");
  TCase *misuse = tcase_create ("misuse");
  TCase *itself = tcase_create ("the suite itself");
  int n, status;

  subjects = subjects_new ();
  choose_subjects ();
  n = (int)subjects->len;
  g_assert_cmpint (n, >, 0);

  tcase_set_timeout (each, 120);
  tcase_add_loop_test (each, random_operations_keep_every_promise, 0, n);
  tcase_add_loop_test (each, same_seed_same_addresses_and_costs, 0, n);
  tcase_add_loop_test (each, exhaustion_is_an_outcome_and_passes, 0, n);
  tcase_add_loop_test (each, what_can_never_be_had_is_refused, 0, n);
  tcase_add_loop_test (each, alignments_up_to_all_of_memory_are_kept, 0, n);
  tcase_add_loop_test (each, limits_are_kept_as_long_as_there_is_room_below, 0, n);
  suite_add_tcase (suite, each);

  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_loop_test (misuse, freeing_what_is_no_block_aborts, 0, n);
  suite_add_tcase (suite, misuse);

  tcase_add_loop_test (itself, each_broken_promise_is_noticed, 0,
                       (int)g_strv_length ((char **)flawed_choices));
  suite_add_tcase (suite, itself);

  status = run_suite (suite);
  g_array_unref (subjects);
  return status;
}
