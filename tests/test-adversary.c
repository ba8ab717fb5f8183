/* test-adversary.c: what the adversaries do to memory, on the naive model of first and best fit.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/workload.h"
#include "tests/naive-fit.h"
#include "tests/testutils.h"

static KmlWorkload *
new_adversary (const char *target, const char *against, const char *live, const char *largest,
               const char *header)
{
  const char *const pairs[][2] = {
    { "target", target },   { "against", against }, { "live", live },
    { "largest", largest }, { "header", header },   { "unit", "16" }
  };
  KmlWorkload *self = kml_workload_new (kml_workload_find ("adversary"), "foe", ".");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++) {
    kml_param_parse (kml_param_find (self->ops->params, pairs[i][0]), pairs[i][1], self, &error);
    assert_no_error (error);
  }
  return self;
}

static GArray *
collect (const char *against, const char *live, const char *largest, guint batch)
{
  g_autoptr (KmlWorkload) self = new_adversary ("objects", against, live, largest, "0");
  GArray *all = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  KmlOp ops[256] = { 0 };
  g_autoptr (GError) error = NULL;
  int n;

  kml_workload_open (self, 1, 1, 4096, &error);
  assert_no_error (error);
  while ((n = self->ops->next (self, ops, batch, &error)) > 0)
    g_array_append_vals (all, ops, (guint)n);
  assert_no_error (error);
  return all;
}

/* ---- Memory ---- */

static Naive memory;      /* in units */
static GArray *addresses; /* (element-type KmlAddr): of each name's block */

static void
set_up_memory (NaivePolicy policy)
{
  memory = (Naive){ .policy = policy, .list = "address", .coalescing = "immediate", .least = 1 };
  naive_init (&memory, 0, 1u << 20);
  addresses = g_array_new (FALSE, TRUE, sizeof (KmlAddr));
}

static void
discard_memory (void)
{
  naive_finish (&memory);
  g_array_unref (addresses);
}

static void
execute (const KmlOp *op)
{
  guint64 size;

  if (op->block >= addresses->len)
    g_array_set_size (addresses, op->block + 1);
  if (op->kind == KML_OP_ALLOC)
    g_array_index (addresses, KmlAddr, op->block) = naive_alloc (&memory, op->request.size / 16,
                                                                 &size);
  else
    naive_free (&memory, g_array_index (addresses, KmlAddr, op->block));
}

/* "1.22": a unit of a used block is a digit, its size. The last free block is left out. */
static char *
draw (void)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i + 1 < memory.blocks->len; i++) {
    const NaiveBlock *block = naive_block (&memory, i);

    for (guint64 k = 0; k < block->size; k++)
      g_string_append_c (text, block->name != 0 ? '.' : (char)('0' + block->size));
  }
  return g_string_free (text, FALSE);
}

static void
assert_drawing (const GArray *ops, guint from, guint to, const char *expected)
{
  g_autofree char *drawing = NULL;

  for (guint i = from; i < to; i++)
    execute (&g_array_index (ops, KmlOp, i));
  drawing = draw ();
  ck_assert_str_eq (drawing, expected);
}

/* Units of memory, up to the highest that was ever used. */
static guint64
measure (NaivePolicy policy, const char *against, const char *live, const char *largest)
{
  g_autoptr (GArray) ops = collect (against, live, largest, 256);
  guint64 most = 0;

  set_up_memory (policy);
  for (guint i = 0; i < ops->len; i++) {
    execute (&g_array_index (ops, KmlOp, i));
    most = MAX (most, naive_block (&memory, memory.blocks->len - 1)->addr);
  }
  discard_memory ();
  return most;
}

/* ---- Stories ---- */

START_TEST (against_first_fit_every_second_block_stands_in_the_way)
{
  g_autoptr (GArray) ops = collect ("first-fit", "16", "4", 256);

  set_up_memory (NAIVE_FIRST);
  ck_assert_uint_eq (ops->len, 16 + 8 + 4 + 4 + 2 + 2);
  assert_drawing (ops, 0, 16, "1111111111111111");
  assert_drawing (ops, 16, 28, "1.1.1.1.1.1.1.122222222");
  assert_drawing (ops, 28, 36, "1...1...1...1..22..2244444444");
  discard_memory ();
}
END_TEST

START_TEST (against_best_fit_pins_stand_between_gaps_that_nothing_fits)
{
  g_autoptr (GArray) ops = collect ("best-fit", "32", "8", 256);

  set_up_memory (NAIVE_BEST);
  ck_assert_uint_eq (ops->len, 8 + 12 + 12 + 2);
  assert_drawing (ops, 0, 8, "6666666666666666661"); /* the row, and the pin that closes it */
  assert_drawing (ops, 8, 12, "6666668888888844441");
  assert_drawing (ops, 12, 16, "66666677777771....1");
  assert_drawing (ops, 16, 20, "6666666666661.....1");
  assert_drawing (ops, 20, 32, "6666661.....1.....1");
  assert_drawing (ops, 32, 34, "6666661.....1.....18888888888888888"); /* no more fits into 32 */
  discard_memory ();
}
END_TEST

/* ---- What they come to ---- */

START_TEST (first_fit_needs_what_robsons_bound_says)
{
  /* M (1 + log2 (m) / 2) - m + 1 */
  ck_assert_uint_eq (measure (NAIVE_FIRST, "first-fit", "128", "8"), 128 + 3 * 64 - 7);
  ck_assert_uint_eq (measure (NAIVE_FIRST, "first-fit", "256", "16"), 256 + 4 * 128 - 15);
}
END_TEST

START_TEST (best_fit_needs_many_times_what_first_fit_does)
{
  const guint64 best = measure (NAIVE_BEST, "best-fit", "400", "8");

  ck_assert_uint_gt (best, 400 * 8 / 2);
  ck_assert_uint_le (best, 400 * (8 - 2));
  ck_assert_uint_lt (measure (NAIVE_FIRST, "best-fit", "400", "8"), 400 * 2);
}
END_TEST

static void
assert_keeps_rules (const char *against, const char *live, const char *largest)
{
  g_autoptr (GArray) ops = collect (against, live, largest, 256);
  const guint64 most_live = g_ascii_strtoull (live, NULL, 10);
  guint64 units[333] = { 0 }, n_live = 0, most = 0;

  for (guint i = 0; i < ops->len; i++) {
    const KmlOp *op = &g_array_index (ops, KmlOp, i);

    ck_assert_uint_lt (op->block, most_live); /* names are dense */
    if (op->kind == KML_OP_ALLOC) {
      ck_assert_uint_eq (units[op->block], 0);
      ck_assert_uint_eq (op->request.size % 16, 0);
      ck_assert_uint_le (op->request.size / 16, g_ascii_strtoull (largest, NULL, 10));
      units[op->block] = op->request.size / 16;
      n_live += units[op->block];
    } else {
      ck_assert_uint_ne (units[op->block], 0);
      n_live -= units[op->block];
      units[op->block] = 0;
    }
    most = MAX (most, n_live);
    ck_assert_uint_le (n_live, most_live);
  }
  ck_assert_uint_gt (most, most_live - most_live / 4);
}

START_TEST (never_more_is_live_and_nothing_larger_is_asked_for)
{
  static const char *const lives[] = { "80", "81", "333" };
  static const char *const sizes[] = { "5", "6", "7", "13", "20" };

  for (guint i = 0; i < G_N_ELEMENTS (lives); i++)
    for (guint k = 0; k < G_N_ELEMENTS (sizes); k++) {
      assert_keeps_rules ("best-fit", lives[i], sizes[k]);
      assert_keeps_rules ("first-fit", lives[i], sizes[k]);
    }
  assert_keeps_rules ("first-fit", "4", "1");
}
END_TEST

START_TEST (the_stream_does_not_depend_on_how_it_is_read)
{
  static const char *const againsts[] = { "first-fit", "best-fit" };

  for (guint i = 0; i < G_N_ELEMENTS (againsts); i++) {
    g_autoptr (GArray) one = collect (againsts[i], "333", "8", 256);
    g_autoptr (GArray) same = collect (againsts[i], "333", "8", 7);

    ck_assert_uint_eq (one->len, same->len);
    ck_assert_mem_eq (one->data, same->data, one->len * sizeof (KmlOp));
  }
}
END_TEST

START_TEST (headers_and_pages_are_whole_units)
{
  g_autoptr (KmlWorkload) headed = new_adversary ("objects", "first-fit", "16", "4", "6");
  g_autoptr (KmlWorkload) paged = new_adversary ("pages", "first-fit", "16", "4", "0");
  g_autoptr (GError) error = NULL;
  KmlOp ops[64];

  kml_workload_open (headed, 1, 1, 4096, &error);
  assert_no_error (error);
  ck_assert_int_eq (headed->ops->next (headed, ops, 64, &error), 16); /* a step at a time */
  ck_assert_uint_eq (ops[0].request.size, 16 - 6);
  ck_assert_int_eq (headed->ops->next (headed, ops, 64, &error), 8 + 4);
  ck_assert_uint_eq (ops[8].request.size, 2 * 16 - 6);

  kml_workload_open (paged, 1, 1, 4096, &error);
  assert_no_error (error);
  ck_assert_int_gt (paged->ops->next (paged, ops, 64, &error), 0);
  ck_assert_uint_eq (ops[0].request.size, 4096);
  ck_assert_uint_eq (ops[0].level, KML_LEVEL_PAGES);
}
END_TEST

/* ---- Errors ---- */

START_TEST (what_cannot_be_is_refused)
{
  static const struct {
    const char *target, *against, *live, *largest, *header, *fragment;
  } bad[] = {
    { "objects", "best-fit", "1000", "4", "0", "workload.foe.largest: expected at least 5" },
    { "objects", "first-fit", "31", "8", "0", "live: expected at least four times the largest" },
    { "objects", "first-fit", "100", "8", "16", "header: expected less than a unit" },
    { "pages", "first-fit", "100", "8", "1", "header: expected 0 with target = pages" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (KmlWorkload) self = new_adversary (bad[i].target, bad[i].against, bad[i].live,
                                                  bad[i].largest, bad[i].header);
    g_autoptr (GError) error = NULL;

    ck_assert (!kml_workload_open (self, 1, 1, 4096, &error));
    assert_error (error, KML_ERROR_INPUT, bad[i].fragment);
  }
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("adversary");
  TCase *all = tcase_create ("all");

  suite_add_tcase (suite, all);
  tcase_add_test (all, against_first_fit_every_second_block_stands_in_the_way);
  tcase_add_test (all, against_best_fit_pins_stand_between_gaps_that_nothing_fits);
  tcase_add_test (all, first_fit_needs_what_robsons_bound_says);
  tcase_add_test (all, best_fit_needs_many_times_what_first_fit_does);
  tcase_add_test (all, never_more_is_live_and_nothing_larger_is_asked_for);
  tcase_add_test (all, the_stream_does_not_depend_on_how_it_is_read);
  tcase_add_test (all, headers_and_pages_are_whole_units);
  tcase_add_test (all, what_cannot_be_is_refused);
  return run_suite (suite);
}
