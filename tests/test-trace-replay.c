/* test-trace-replay.c: the workload that replays recordings.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "trace-fixture.h"

#include "simcore/param.h"

#define N_CPUS    2
#define PAGE_SIZE 4096

#define LINE(usecs, cpu, event) "  task-7       [00" cpu "] ..s1. 5." usecs ": " event "\n"
#define KMALLOC(usecs, cpu, ptr)                                                                   \
  LINE (usecs, cpu,                                                                                \
        "kmalloc: call_site=f ptr=" ptr " bytes_req=18 bytes_alloc=32 "                            \
        "gfp_flags=GFP_KERNEL")
#define PAGES(usecs, pfn, order)                                                                   \
  LINE (usecs, "3",                                                                                \
        "mm_page_alloc: page=0 pfn=" pfn " order=" order                                           \
        " migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE")

/* A slab's pages with its object, pages of a user that come back in pieces, and what cannot be
 * replayed. */
static const char text[] = PAGES ("000000", "0x8000", "0")
    KMALLOC ("000002", "3", "0xffff888008000000") PAGES ("000003", "0x9000", "1")
        LINE ("000004", "1", "kfree: call_site=g ptr=0x5")
            LINE ("000005", "1", "mm_page_free: page=0 pfn=0x9001 order=0")
                LINE ("000006", "1", "kfree: call_site=g ptr=0xffff888008000000")
                    LINE ("000007", "1", "mm_page_free: page=0 pfn=0x8000 order=0")
                        LINE ("000008", "1", "mm_page_free: page=0 pfn=0x8000 order=1");

static KmlWorkload *
open_workload_with (const char *folder, const char *file, const char *timing, const char *level,
                    const char *requests)
{
  const KmlWorkloadOps *ops = kml_workload_find ("trace");
  const char *const keys[] = {
    "file", file, "timing", timing, "level", level, "requests", requests
  };
  KmlWorkload *self = kml_workload_new (ops, "w", folder);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (keys); i += 2)
    if (!kml_param_parse (kml_param_find (ops->params, keys[i]), keys[i + 1], self, &error))
      ck_abort_msg ("%s", error->message);
  kml_workload_open (self, 1, N_CPUS, PAGE_SIZE, &error);
  assert_no_error (error);
  return self;
}

static KmlWorkload *
open_workload (const char *folder, const char *file, const char *timing, const char *level)
{
  return open_workload_with (folder, file, timing, level, "all");
}

/* All operations, asked for @batch at a time. */
static GArray *
collect (KmlWorkload *self, guint batch)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  g_autofree KmlOp *ops = g_new0 (KmlOp, batch);
  g_autoptr (GError) error = NULL;
  int n;

  while ((n = self->ops->next (self, ops, batch, &error)) > 0)
    g_array_append_vals (all, ops, (guint)n);
  assert_no_error (error);
  return all;
}

static GArray *
replay (const char *timing, const char *level)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *path = in_folder (folder, "trace.txt");
  g_autoptr (KmlWorkload) workload = NULL;

  write_file (path, text, strlen (text));
  workload = open_workload (folder, "trace.txt", timing, level);
  return collect (workload, 256);
}

static const KmlOp *
op_at (const GArray *ops, guint i)
{
  ck_assert_uint_lt (i, ops->len);
  return &g_array_index (ops, KmlOp, i);
}

START_TEST (objects_alone_are_replayed)
{
  g_autoptr (GArray) ops = replay ("recorded", "objects");
  const KmlOp *alloc = op_at (ops, 0), *free_ = op_at (ops, 1);

  ck_assert_uint_eq (ops->len, 2);
  ck_assert_int_eq (alloc->kind, KML_OP_ALLOC);
  ck_assert_int_eq (alloc->level, KML_LEVEL_OBJECTS);
  ck_assert_uint_eq (alloc->time, 2 * KML_US);
  ck_assert_uint_eq (alloc->request.size, 18);
  ck_assert_uint_eq (alloc->request.gfp, KML_GFP_KERNEL);
  ck_assert_uint_eq (alloc->request.cpu, 3 % N_CPUS);
  ck_assert_int_eq (alloc->request.context, KML_CONTEXT_SOFTIRQ);
  ck_assert_int_eq (free_->kind, KML_OP_FREE);
  ck_assert_uint_eq (free_->block, alloc->block);
  ck_assert_uint_eq (free_->time, 6 * KML_US);
}
END_TEST

START_TEST (pages_alone_are_replayed_with_those_of_slabs)
{
  g_autoptr (GArray) ops = replay ("recorded", "pages");

  ck_assert_uint_eq (ops->len, 5);
  ck_assert_uint_eq (op_at (ops, 0)->request.size, PAGE_SIZE);
  ck_assert_uint_eq (op_at (ops, 1)->request.size, 2 * PAGE_SIZE);
  ck_assert_int_eq (op_at (ops, 1)->request.mobility, KML_MOBILITY_MOVABLE);
  ck_assert_int_eq (op_at (ops, 2)->kind, KML_OP_SPLIT);
  ck_assert_uint_eq (op_at (ops, 2)->block, op_at (ops, 1)->block);
  ck_assert_int_eq (op_at (ops, 3)->kind, KML_OP_FREE);
  ck_assert_uint_eq (op_at (ops, 3)->block, op_at (ops, 2)->other);
}
END_TEST

START_TEST (with_both_levels_the_pages_of_slabs_are_left_out)
{
  g_autoptr (GArray) ops = replay ("recorded", "both");

  ck_assert_uint_eq (ops->len, 5);
  ck_assert_int_eq (op_at (ops, 0)->level, KML_LEVEL_OBJECTS);
  ck_assert_int_eq (op_at (ops, 1)->level, KML_LEVEL_PAGES);
  ck_assert_uint_ne (op_at (ops, 0)->block, op_at (ops, 1)->block);
  ck_assert_int_eq (op_at (ops, 2)->kind, KML_OP_SPLIT);
  ck_assert_int_eq (op_at (ops, 3)->kind, KML_OP_FREE);
  ck_assert_int_eq (op_at (ops, 4)->level, KML_LEVEL_OBJECTS);
}
END_TEST

START_TEST (as_soon_as_possible_means_no_times)
{
  g_autoptr (GArray) ops = replay ("asap", "both");

  for (guint i = 0; i < ops->len; i++)
    ck_assert_uint_eq (op_at (ops, i)->time, 0);
}
END_TEST

/* Names of both levels in one set: never given twice, and dense. */
START_TEST (names_of_both_levels_do_not_meet)
{
  static const char *const samples[] = { "report.txt", "report-flags.txt", "ftrace.txt",
                                         "perf.txt" };

  for (guint i = 0; i < G_N_ELEMENTS (samples); i++) {
    g_autofree char *path = sample_path (samples[i]);
    g_autoptr (KmlWorkload) workload = open_workload (".", path, "recorded", "both");
    g_autoptr (GArray) ops = collect (workload, 256);
    g_autoptr (GHashTable) live = g_hash_table_new (NULL, NULL);

    ck_assert_uint_gt (ops->len, 100);
    for (guint j = 0; j < ops->len; j++) {
      const KmlOp *op = op_at (ops, j);
      gpointer name = GUINT_TO_POINTER (op->block + 1);

      ck_assert_uint_lt (op->block, 2 * 4096);
      if (op->kind == KML_OP_ALLOC)
        ck_assert (g_hash_table_add (live, name));
      else
        ck_assert (g_hash_table_contains (live, name));
      if (op->kind == KML_OP_SPLIT)
        ck_assert (g_hash_table_add (live, GUINT_TO_POINTER (op->other + 1)));
      if (op->kind == KML_OP_FREE)
        g_hash_table_remove (live, name);
    }
  }
}
END_TEST

static gboolean
same_op (const KmlOp *a, const KmlOp *b)
{
  return a->time == b->time && a->block == b->block && a->other == b->other && a->kind == b->kind &&
         a->level == b->level && a->request.size == b->request.size &&
         a->request.gfp == b->request.gfp && a->request.site == b->request.site &&
         a->request.cpu == b->request.cpu && a->request.context == b->request.context &&
         a->request.mobility == b->request.mobility;
}

START_TEST (text_and_binary_form_are_the_same_workload)
{
  static const char *const levels[] = { "objects", "pages", "both" };
  const KmlTraceConvert options = { 0 };
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *from = sample_path ("report.txt");
  g_autofree char *to = in_folder (folder, "x.kmt");
  g_autoptr (KmlTrace) trace = kml_trace_open (from, NULL, NULL);

  ck_assert (kml_trace_convert (trace, to, &options, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (levels); i++) {
    g_autoptr (KmlWorkload) plain = open_workload (".", from, "recorded", levels[i]);
    g_autoptr (KmlWorkload) binary = open_workload (folder, "x.kmt", "recorded", levels[i]);
    g_autoptr (GArray) expected = collect (plain, 256);
    g_autoptr (GArray) ops = collect (binary, 7);

    ck_assert_uint_eq (ops->len, expected->len);
    for (guint j = 0; j < ops->len; j++)
      ck_assert_msg (same_op (op_at (ops, j), op_at (expected, j)), "operation %u differs", j);
    ck_assert (memcmp (plain->counters, binary->counters, sizeof plain->counters) == 0);
    ck_assert (binary->ops->progress (binary) == 1.0);
  }
}
END_TEST

/* And nothing of it elsewhere: the tests above have the same text. */
START_TEST (pages_of_before_are_given_back_where_a_machine_has_such)
{
  static const char *const levels[] = { "objects", "pages", "both" };
  static const guint expected[] = { 0, 1, 1 };

  for (guint i = 0; i < G_N_ELEMENTS (levels); i++) {
    g_autoptr (Folder) folder = new_folder ();
    g_autofree char *path = in_folder (folder, "trace.txt");
    g_autoptr (KmlWorkload) workload = NULL;
    g_autoptr (GArray) ops = NULL;
    guint n = 0;

    write_file (path, text, strlen (text));
    workload = open_workload (folder, "trace.txt", "recorded", levels[i]);
    workload->has_old_frames = TRUE;
    ops = collect (workload, 256);
    for (guint j = 0; j < ops->len; j++)
      n += op_at (ops, j)->kind == KML_OP_FREE_OLD;
    ck_assert_uint_eq (n, expected[i]);
    ck_assert_uint_eq (workload->counters[3], 1); /* page_free_unknown */
    if (n == 0)
      continue;
    ck_assert_uint_eq (op_at (ops, ops->len - 1)->other, 0x8000);
    ck_assert_uint_eq (op_at (ops, ops->len - 1)->block, 0);
    ck_assert_uint_eq (op_at (ops, ops->len - 1)->request.size, 2 * PAGE_SIZE);
    ck_assert_uint_eq (op_at (ops, ops->len - 1)->level, KML_LEVEL_PAGES);
  }
}
END_TEST

START_TEST (what_was_counted_becomes_metrics)
{
  g_autofree char *path = sample_path ("report.txt");
  g_autoptr (KmlWorkload) workload = open_workload (".", path, "asap", "objects");
  g_autoptr (GArray) ops = collect (workload, 256);
  const KmlCounterInfo *counters = workload->ops->counters;
  guint n_checked = 0;

  for (guint i = 0; counters[i].name != NULL; i++) {
    const guint64 value = workload->counters[i];

    n_checked += (strcmp (counters[i].name, "events") == 0 && value == 299) ||
                 (strcmp (counters[i].name, "free_unknown") == 0 && value == 16) ||
                 (strcmp (counters[i].name, "page_free_unknown") == 0 && value == 18) ||
                 (strcmp (counters[i].name, "free_null") == 0 && value == 2);
  }
  ck_assert_uint_eq (n_checked, 4);
}
END_TEST

START_TEST (sizes_are_counted_without_disturbing_the_stream)
{
  g_autofree char *path = sample_path ("report.txt");
  g_autoptr (KmlWorkload) workload = open_workload (".", path, "recorded", "objects");
  g_autoptr (GArray) sizes = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  g_autoptr (GArray) ops = NULL;
  g_autoptr (GError) error = NULL;
  guint64 n = 0;

  ck_assert (workload->ops->sizes (workload, sizes, &error));
  assert_no_error (error);
  for (guint i = 0; i < sizes->len; i++) {
    if (i > 0)
      ck_assert_uint_gt (g_array_index (sizes, KmlSizeCount, i).size,
                         g_array_index (sizes, KmlSizeCount, i - 1).size);
    n += g_array_index (sizes, KmlSizeCount, i).count;
  }
  ck_assert_uint_eq (n, 120);
  ops = collect (workload, 256);
  ck_assert_uint_eq (ops->len, 120 + 102);
}
END_TEST

START_TEST (errors_call_the_file_as_the_scenario_does)
{
  g_autoptr (Folder) folder = new_folder ();
  const KmlWorkloadOps *ops = kml_workload_find ("trace");
  g_autoptr (KmlWorkload) workload = kml_workload_new (ops, "w", folder);
  g_autoptr (GError) error = NULL;

  ck_assert (kml_param_parse (kml_param_find (ops->params, "file"), "sub/x.txt", workload, &error));
  ck_assert (!kml_workload_open (workload, 1, N_CPUS, PAGE_SIZE, &error));
  assert_error (error, KML_ERROR_INPUT, "sub/x.txt: cannot open");
  ck_assert (g_str_has_prefix (error->message, "workload.w.: sub/x.txt"));
}
END_TEST

/* Names are given out again: 0 is first an object of a kmem_cache, then one of kmalloc()'s. */
START_TEST (what_kmalloc_was_asked_for_can_be_had_alone)
{
#define REQUEST(usecs, event, ptr, size)                                                           \
  LINE (usecs, "1",                                                                                \
        event ": call_site=f ptr=" ptr " bytes_req=" size " bytes_alloc=128 gfp_flags=0")
#define FREE(usecs, event, ptr) LINE (usecs, "1", event ": call_site=g ptr=" ptr)
  static const char both[] = REQUEST ("000000", "kmem_cache_alloc", "0x1000", "100")
      REQUEST ("000001", "kmalloc", "0x2000", "20") FREE ("000002", "kmem_cache_free", "0x1000")
          REQUEST ("000003", "kmalloc", "0x3000", "30") FREE ("000004", "kfree", "0x2000")
              REQUEST ("000005", "kmem_cache_alloc", "0x4000", "100")
                  FREE ("000006", "kfree", "0x3000") FREE ("000007", "kmem_cache_free", "0x4000");
  static const struct {
    KmlOpKind kind;
    guint64 size;
    guint32 cache;
  } all[] = { { KML_OP_ALLOC, 100, 128 }, { KML_OP_ALLOC, 20, 0 }, { KML_OP_FREE, 0, 0 },
              { KML_OP_ALLOC, 30, 0 },    { KML_OP_FREE, 0, 0 },   { KML_OP_ALLOC, 100, 128 },
              { KML_OP_FREE, 0, 0 },      { KML_OP_FREE, 0, 0 } };
  static const guint of_kmalloc[] = { 1, 3, 4, 6 };
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *path = in_folder (folder, "trace.txt");

  write_file (path, both, strlen (both));
  for (guint only = 0; only < 2; only++) {
    g_autoptr (KmlWorkload) workload = open_workload_with (folder, "trace.txt", "recorded",
                                                           "objects", only ? "kmalloc" : "all");
    g_autoptr (GArray) ops = collect (workload, 3);
    g_autoptr (GArray) sizes = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
    g_autoptr (GError) error = NULL;

    ck_assert_uint_eq (ops->len, only ? G_N_ELEMENTS (of_kmalloc) : G_N_ELEMENTS (all));
    for (guint i = 0; i < ops->len; i++) {
      const guint k = only ? of_kmalloc[i] : i;

      ck_assert_uint_eq (op_at (ops, i)->kind, all[k].kind);
      ck_assert_uint_eq (op_at (ops, i)->request.size, all[k].size);
      ck_assert_uint_eq (op_at (ops, i)->request.cache, all[k].cache);
      ck_assert_uint_eq (op_at (ops, i)->time, k * KML_US);
    }
    ck_assert (workload->ops->sizes (workload, sizes, &error));
    ck_assert_uint_eq (sizes->len, only ? 2 : 3);
    ck_assert_uint_eq (g_array_index (sizes, KmlSizeCount, 1).size, 30);
  }
#undef REQUEST
#undef FREE
}
END_TEST

static Suite *
trace_replay_suite (void)
{
  Suite *suite = suite_create ("trace-replay");
  TCase *replays = tcase_create ("replay");

  tcase_add_test (replays, objects_alone_are_replayed);
  tcase_add_test (replays, what_kmalloc_was_asked_for_can_be_had_alone);
  tcase_add_test (replays, pages_alone_are_replayed_with_those_of_slabs);
  tcase_add_test (replays, with_both_levels_the_pages_of_slabs_are_left_out);
  tcase_add_test (replays, as_soon_as_possible_means_no_times);
  tcase_add_test (replays, names_of_both_levels_do_not_meet);
  tcase_add_test (replays, text_and_binary_form_are_the_same_workload);
  tcase_add_test (replays, pages_of_before_are_given_back_where_a_machine_has_such);
  tcase_add_test (replays, what_was_counted_becomes_metrics);
  tcase_add_test (replays, sizes_are_counted_without_disturbing_the_stream);
  tcase_add_test (replays, errors_call_the_file_as_the_scenario_does);
  suite_add_tcase (suite, replays);
  return suite;
}

int
main (void)
{
  return run_suite (trace_replay_suite ());
}
