/* test-worst-case.c: the exhaustive search against stories small enough to check by hand, and against another search.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The other search is plain and knows no allocator: memory is a word with a bit for each frame, and first fit a loop.
 * It counts states, too, so no state is missed and none is counted twice.
 */

#include "simcore/workload.h"
#include "tests/testutils.h"

#include <string.h>

#define PAGE 512

/* ---- Twins ---- */

typedef struct {
  const KmlAllocatorOps *ops;
  const char *list; /* (nullable) */
} Kind;

static gboolean
renew (gpointer data, guint32 n_frames, KmlTwin *twin, GError **error)
{
  const Kind *kind = data;
  const KmlMachineConfig config = { .n_cpus = 1,
                                    .ram = kml_ram_size_for (n_frames, PAGE),
                                    .page_size = PAGE };

  if (kml_twin_go_back (twin, config.ram))
    return TRUE;
  kml_twin_clear (twin);
  twin->machine = kml_machine_new (&config, error);
  twin->pages = kml_allocator_new (kind->ops, twin->machine, NULL);
  if (kind->list != NULL)
    kml_param_parse (kml_param_find (kind->ops->params, "list"), kind->list, twin->pages, error);
  if (!kml_allocator_start (twin->pages, error))
    return FALSE;
  kml_twin_remember (twin);
  return TRUE;
}

/* ---- The workload ---- */

static Kind kind;
static KmlTwinMaker twins;
static KmlWorkload *searched;

static KmlWorkload *
new_worst_case (const char *live, const char *largest, const char *sizes, const char *aligned)
{
  const char *const pairs[][2] = {
    { "live", live }, { "largest", largest }, { "sizes", sizes }, { "aligned", aligned }
  };
  KmlWorkload *self = kml_workload_new (kml_workload_find ("worst-case"), "foe", ".");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    kml_param_parse (kml_param_find (self->ops->params, pairs[i][0]), pairs[i][1], self, &error);
    assert_no_error (error);
  }
  return self;
}

static void
open_worst_case (const char *allocator, const char *list, const char *live, const char *largest,
                 const char *sizes, const char *aligned)
{
  g_autoptr (GError) error = NULL;

  kind = (Kind){ kml_allocator_find (allocator), list };
  twins = (KmlTwinMaker){ renew, &kind };
  searched = new_worst_case (live, largest, sizes, aligned);
  kml_workload_open (searched, 1, 1, PAGE, &error);
  assert_no_error (error);
  searched->twins = &twins;
}

/* Returns the stream. */
static GArray *
search (void)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  g_autoptr (GError) error = NULL;
  KmlOp ops[3];
  int n;

  while ((n = searched->ops->next (searched, ops, G_N_ELEMENTS (ops), &error)) > 0)
    g_array_append_vals (all, ops, (guint)n);
  assert_no_error (error);
  return all;
}

static guint64
counter (const char *name)
{
  const KmlCounterInfo *counters = searched->ops->counters;
  guint i = 0;

  while (strcmp (counters[i].name, name) != 0)
    i++;
  return searched->counters[i];
}

/* "ask 0 1, free 0": names of blocks, and frames. */
static char *
tell (const GArray *ops)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < ops->len; i++) {
    const KmlOp *op = &g_array_index (ops, KmlOp, i);

    g_string_append (text, i > 0 ? ", " : "");
    if (op->kind == KML_OP_ALLOC)
      g_string_append_printf (text, "ask %u %u", (guint)op->block,
                              (guint)(op->request.size / PAGE));
    else
      g_string_append_printf (text, "free %u", (guint)op->block);
  }
  return g_string_free (text, FALSE);
}

static void
assert_story (guint64 safe_frames, const char *expected)
{
  g_autoptr (GArray) ops = search ();
  g_autofree char *told = tell (ops);

  ck_assert_uint_eq (counter ("safe_frames"), safe_frames);
  ck_assert_uint_eq (counter ("steps"), ops->len);
  ck_assert_str_eq (told, expected);
  kml_workload_free (searched);
}

/* ---- Stories ---- */

START_TEST (a_block_of_two_finds_no_pair_of_three_frames)
{
  /* [1] . .   a pair begins at 0 or 2, and there is no frame 3 */
  open_worst_case ("page-first-fit", NULL, "3", "2", "pow2", "yes");
  assert_story (4, "ask 0 1, ask 1 2");
  /* . [1] .   two that are not aligned do not fit on either side */
  open_worst_case ("page-first-fit", NULL, "3", "2", "all", "no");
  assert_story (4, "ask 0 1, ask 1 1, free 0, ask 0 2");
}
END_TEST

START_TEST (where_m_frames_are_enough_nothing_fails)
{
  open_worst_case ("buddy", "lifo", "4", "1", "pow2", "yes");
  assert_story (4, "");
  open_worst_case ("page-first-fit", NULL, "5", "1", "pow2", "yes");
  assert_story (5, "");
}
END_TEST

START_TEST (the_sequence_fails_with_a_frame_less_and_only_at_its_end)
{
  g_autoptr (GArray) ops = NULL;
  g_autoptr (GError) error = NULL;
  KmlAddr addresses[64] = { 0 };
  KmlTwin twin = { 0 };

  open_worst_case ("buddy", "lifo", "6", "4", "pow2", "yes");
  ops = search ();
  ck_assert_uint_eq (counter ("safe_frames"), 10);
  ck_assert (renew (&kind, 9, &twin, &error));
  for (guint i = 0; i < ops->len; i++) {
    const KmlOp *op = &g_array_index (ops, KmlOp, i);
    guint64 held;

    if (op->kind == KML_OP_FREE) {
      kml_allocator_free_block (twin.pages, addresses[op->block], &op->request);
      continue;
    }
    addresses[op->block] = kml_allocator_alloc (twin.pages, &op->request, &held);
    ck_assert_int_eq (addresses[op->block] == KML_ADDR_NONE, i == ops->len - 1);
  }
  kml_twin_clear (&twin);
  kml_workload_free (searched);
}
END_TEST

/* ---- Another search ---- */

/* A state: bit i of the lower word: frame i is used; of the upper one: a block begins there. */
typedef guint64 Plain;

#define USED(state)   ((guint32)(state))
#define BEGINS(state) ((guint32)((state) >> 32))

static Plain
make_plain (guint32 used, guint32 begins)
{
  return used | (Plain)begins << 32;
}

static void
see_plain (GHashTable *seen, GArray *queue, Plain state)
{
  if (g_hash_table_add (seen, g_memdup2 (&state, sizeof state)))
    g_array_append_val (queue, state);
}

/* The state after a request for @size frames, or 0. */
static Plain
first_fit_plain (Plain state, guint n_frames, guint size, gboolean is_aligned)
{
  for (guint at = 0; at + size <= n_frames; at += is_aligned ? size : 1) {
    const guint32 block = ((1u << size) - 1) << at;

    if ((USED (state) & block) == 0)
      return make_plain (USED (state) | block, BEGINS (state) | 1u << at);
  }
  return 0;
}

static guint32
block_at (Plain state, guint at)
{
  guint32 block = 1u << at;

  for (guint i = at + 1; i < 32 && (USED (state) >> i & 1) != 0 && (BEGINS (state) >> i & 1) == 0;
       i++)
    block |= 1u << i;
  return block;
}

static gboolean
expand_plain (Plain state, guint n_frames, guint live, guint largest, gboolean all,
              GHashTable *seen, GArray *queue)
{
  const guint n_live = (guint)__builtin_popcount (USED (state));

  for (guint size = 1; size <= largest; size += all ? 1 : size) {
    const Plain next = first_fit_plain (state, n_frames, size, !all);

    if (n_live + size > live)
      continue;
    if (next == 0)
      return FALSE;
    see_plain (seen, queue, next);
  }
  for (guint at = 0; at < n_frames; at++)
    if ((BEGINS (state) >> at & 1) != 0)
      see_plain (seen, queue,
                 make_plain (USED (state) & ~block_at (state, at), BEGINS (state) & ~(1u << at)));
  return TRUE;
}

/* States that can be reached, or 0: a request can fail. */
static guint
count_plain (guint n_frames, guint live, guint largest, gboolean all)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr (GArray) queue = g_array_new (FALSE, FALSE, sizeof (Plain));
  gboolean is_safe = TRUE;

  see_plain (seen, queue, 0);
  for (guint i = 0; i < queue->len && is_safe; i++)
    is_safe = expand_plain (g_array_index (queue, Plain, i), n_frames, live, largest, all, seen,
                            queue);
  return is_safe ? queue->len : 0;
}

START_TEST (another_search_finds_the_same_memory_and_as_many_states)
{
  static const struct {
    const char *live, *largest;
  } cases[] = { { "4", "2" }, { "6", "2" }, { "8", "2" }, { "4", "4" }, { "6", "4" },
                { "8", "4" }, { "5", "3" }, { "6", "3" }, { "7", "3" }, { "7", "1" } };

  for (guint i = 0; i < 2 * G_N_ELEMENTS (cases); i++) {
    const gboolean all = i % 2;
    const guint live = (guint)g_ascii_strtoull (cases[i / 2].live, NULL, 10);
    const guint largest = (guint)g_ascii_strtoull (cases[i / 2].largest, NULL, 10);
    g_autoptr (GArray) ops = NULL;
    guint n_frames = live, n_states;

    while ((n_states = count_plain (n_frames, live, largest, all)) == 0)
      n_frames++;
    open_worst_case ("page-first-fit", NULL, cases[i / 2].live, cases[i / 2].largest,
                     all ? "all" : "pow2", all ? "no" : "yes");
    ops = search ();
    ck_assert_msg (counter ("safe_frames") == n_frames && counter ("states") == n_states,
                   "M = %u, n = %u: %u frames and %u states were expected", live, largest, n_frames,
                   n_states);
    kml_workload_free (searched);
  }
}
END_TEST

START_TEST (buddies_have_as_many_states_as_others_have_counted)
{
  static const struct {
    const char *live, *largest;
    guint64 safe_frames, states;
  } cases[] = {
    { "4", "2", 6, 105 }, { "6", "2", 8, 1065 }, { "4", "4", 6, 106 }, { "6", "4", 10, 847 }
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GArray) ops = NULL;

    open_worst_case ("buddy", "lifo", cases[i].live, cases[i].largest, "pow2", "yes");
    ops = search ();
    ck_assert_uint_eq (counter ("safe_frames"), cases[i].safe_frames);
    ck_assert_uint_eq (counter ("states"), cases[i].states);
    kml_workload_free (searched);
  }
}
END_TEST

/* ---- Errors ---- */

static void
assert_search_fails (const char *fragment)
{
  g_autoptr (GError) error = NULL;
  KmlOp op;

  ck_assert_int_eq (searched->ops->next (searched, &op, 1, &error), -1);
  assert_error (error, KML_ERROR_INPUT, fragment);
  kml_workload_free (searched);
}

START_TEST (what_cannot_be_searched_is_refused)
{
  KmlAllocatorOps mute = *kml_allocator_find ("page-first-fit");
  g_autoptr (GError) error = NULL;

  open_worst_case ("page-first-fit", NULL, "4", "2", "pow2", "yes");
  searched->twins = NULL;
  assert_search_fails ("workload.foe.kind: there is no allocator to be searched");

  mute.state = NULL;
  open_worst_case ("page-first-fit", NULL, "4", "2", "pow2", "yes");
  kind.ops = &mute;
  assert_search_fails ("with 4 frames: allocator page-first-fit does not say what it remembers");

  open_worst_case ("page-first-fit", NULL, "8", "2", "pow2", "yes");
  kml_param_parse (kml_param_find (searched->ops->params, "states"), "40", searched, &error);
  kml_workload_open (searched, 1, 1, PAGE, &error);
  assert_search_fails ("workload.foe.states: with 8 frames: there are more than 40");

  open_worst_case ("bump", NULL, "4", "2", "pow2", "yes");
  assert_search_fails ("requests can fail with any number of frames up to 12");
}
END_TEST

START_TEST (parameters_that_make_no_sense_are_refused)
{
  static const struct {
    const char *live, *largest, *sizes, *aligned, *fragment;
  } bad[] = { { "3", "4", "pow2", "yes", "largest: expected at most as many frames as are live" },
              { "4", "3", "all", "yes", "aligned: expected no with sizes = all" } };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (KmlWorkload)
        self = new_worst_case (bad[i].live, bad[i].largest, bad[i].sizes, bad[i].aligned);
    g_autoptr (GError) error = NULL;

    ck_assert (!kml_workload_open (self, 1, 1, PAGE, &error));
    assert_error (error, KML_ERROR_INPUT, bad[i].fragment);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("worst-case");
  TCase *all = tcase_create ("all");

  suite_add_tcase (suite, all);
  tcase_add_test (all, a_block_of_two_finds_no_pair_of_three_frames);
  tcase_add_test (all, where_m_frames_are_enough_nothing_fails);
  tcase_add_test (all, the_sequence_fails_with_a_frame_less_and_only_at_its_end);
  tcase_add_test (all, another_search_finds_the_same_memory_and_as_many_states);
  tcase_add_test (all, buddies_have_as_many_states_as_others_have_counted);
  tcase_add_test (all, what_cannot_be_searched_is_refused);
  tcase_add_test (all, parameters_that_make_no_sense_are_refused);
  return run_suite (suite);
}
