/* test-synthetic-stream.c: the stream of a synthetic workload as a whole: what it depends on, and its sizes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Streams are compared by a checksum over all that an operation says.
 */

#include "tests/synthetic-fixture.h"

#include <glib/gstdio.h>

/* ---- The stream ---- */

/* Settings that between them use every part. */
static const char *const settings[][13] = {
  { "sizes", "uniform(1,65536)", "operations", "3000", "live", "100" },
  { "sizes", "loguniform(1,65536)", "arrivals", "poisson(100000/s)", "operations", "3000" },
  { "sizes", "exponential(300)", "arrivals", "bursts(20, 100us)", "lifetimes",
    "lognormal(1ms, 1.5)", "operations", "3000" },
  { "target", "pages", "orders", "weighted(0:0.9, 3:0.1)", "arrivals", "periodic(2us)", "lifetimes",
    "exponential(100us)", "operations", "3000", "cpus", "1,3" },
};

START_TEST (the_stream_does_not_depend_on_how_it_is_read)
{
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++) {
    g_autoptr (KmlWorkload) by_many = open_seeded (1, settings[i]);
    g_autoptr (KmlWorkload) by_one = open_seeded (1, settings[i]);
    g_autoptr (KmlWorkload) by_seven = open_seeded (1, settings[i]);
    g_autoptr (GArray) many = collect (by_many, 1000, G_MAXUINT);
    g_autoptr (GArray) one = collect (by_one, 1, G_MAXUINT);
    g_autoptr (GArray) seven = collect (by_seven, 7, G_MAXUINT);

    ck_assert_uint_eq (count (many, KML_OP_ALLOC), 3000);
    ck_assert_uint_eq (checksum (one, TRUE), checksum (many, TRUE));
    ck_assert_uint_eq (checksum (seven, TRUE), checksum (many, TRUE));
  }
}
END_TEST

/* Any compiler, any optimisation, any machine. */
START_TEST (the_stream_is_the_same_bits_everywhere)
{
  static const guint64 golden[G_N_ELEMENTS (settings)] = {
    G_GUINT64_CONSTANT (0xab5e4546df5a10e5),
    G_GUINT64_CONSTANT (0xc07cd4ee758ab4cd),
    G_GUINT64_CONSTANT (0x98911566b8c37536),
    G_GUINT64_CONSTANT (0xa3e4453db51ab7d6),
  };

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++) {
    g_autoptr (KmlWorkload) self = open_seeded (42, settings[i]);
    g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);

    ck_assert_msg (checksum (ops, TRUE) == golden[i], "setting %u: %#" G_GINT64_MODIFIER "x", i,
                   checksum (ops, TRUE));
  }
}
END_TEST

START_TEST (another_seed_is_another_stream)
{
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++) {
    g_autoptr (KmlWorkload) first = open_seeded (1, settings[i]);
    g_autoptr (KmlWorkload) second = open_seeded (2, settings[i]);
    g_autoptr (GArray) ops = collect (first, 256, G_MAXUINT);
    g_autoptr (GArray) other_ops = collect (second, 256, G_MAXUINT);

    ck_assert_uint_ne (checksum (ops, TRUE), checksum (other_ops, TRUE));
  }
}
END_TEST

START_TEST (other_sizes_leave_all_else_as_it_was)
{
  g_autoptr (KmlWorkload)
      fixed = open_workload ("arrivals", "poisson(100000/s)", "operations", "3000");
  g_autoptr (KmlWorkload) random = open_workload ("arrivals", "poisson(100000/s)", "operations",
                                                  "3000", "sizes", "exponential(100)");
  g_autoptr (GArray) fixed_ops = collect (fixed, 256, G_MAXUINT);
  g_autoptr (GArray) random_ops = collect (random, 256, G_MAXUINT);

  ck_assert_uint_ne (checksum (fixed_ops, TRUE), checksum (random_ops, TRUE));
  ck_assert_uint_eq (checksum (fixed_ops, FALSE), checksum (random_ops, FALSE));
}
END_TEST

START_TEST (other_lifetimes_leave_the_arrivals_as_they_were)
{
  g_autoptr (KmlWorkload) brief = open_workload ("arrivals", "poisson(100000/s)", "operations",
                                                 "3000", "lifetimes", "fixed(1us)");
  g_autoptr (KmlWorkload) endless = open_workload ("arrivals", "poisson(100000/s)", "operations",
                                                   "3000", "lifetimes", "forever");
  g_autoptr (GArray) brief_ops = collect (brief, 256, G_MAXUINT);
  g_autoptr (GArray) endless_ops = collect (endless, 256, G_MAXUINT);
  guint k = 0;

  for (guint i = 0; i < endless_ops->len; i++, k++) {
    while (op_at (brief_ops, k)->kind == KML_OP_FREE)
      k++;
    ck_assert_uint_eq (op_at (brief_ops, k)->time, op_at (endless_ops, i)->time);
    ck_assert_uint_eq (op_at (brief_ops, k)->request.cpu, op_at (endless_ops, i)->request.cpu);
  }
}
END_TEST

START_TEST (progress_goes_from_nothing_to_all)
{
  g_autoptr (KmlWorkload) self = open_workload ("operations", "2000");
  g_autoptr (KmlWorkload) timed = open_workload ("arrivals", "periodic(1us)", "duration", "2ms");
  g_autoptr (KmlWorkload) unknown = open_workload ("duration", "2ms");

  ck_assert_double_eq (self->ops->progress (self), 0);
  g_array_unref (collect (self, 100, 1000));
  ck_assert_double_eq (self->ops->progress (self), 0.5);
  g_array_unref (collect (self, 100, G_MAXUINT));
  ck_assert_double_eq (self->ops->progress (self), 1);
  g_array_unref (collect (timed, 100, G_MAXUINT));
  ck_assert_double_eq (timed->ops->progress (timed), 1);
  ck_assert_double_lt (unknown->ops->progress (unknown), 0);
}
END_TEST

/* ---- Sizes ---- */

static GArray *
sizes_of (KmlWorkload *self)
{
  GArray *counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  g_autoptr (GError) error = NULL;

  ck_assert (self->ops->sizes (self, counts, &error));
  return counts;
}

START_TEST (sizes_are_those_that_the_stream_asks_for)
{
  for (guint i = 0; i < 3; i++) {
    g_autoptr (KmlWorkload) self = open_seeded (1, settings[i]);
    g_autoptr (GArray) counts = sizes_of (self);
    g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT); /* undisturbed by the line above */
    guint64 total = 0;

    for (guint k = 0; k < counts->len; k++) {
      const KmlSizeCount *found = &g_array_index (counts, KmlSizeCount, k);
      guint64 expected = 0;

      for (guint n = 0; n < ops->len && k % 16 == 0; n++)
        expected += op_at (ops, n)->kind == KML_OP_ALLOC &&
                    op_at (ops, n)->request.size == found->size;
      if (k % 16 == 0)
        ck_assert_uint_eq (found->count, expected);
      ck_assert (k == 0 || found->size > g_array_index (counts, KmlSizeCount, k - 1).size);
      total += found->count;
    }
    ck_assert_uint_eq (total, 3000);
  }
}
END_TEST

START_TEST (sizes_know_how_many_requests_a_duration_holds)
{
  g_autoptr (KmlWorkload)
      self = open_workload ("arrivals", "poisson(100000/s)", "duration", "20ms");
  g_autoptr (KmlWorkload) closed = open_workload ("duration", "20ms");
  g_autoptr (KmlWorkload) endless = open_workload ("operations", "1e15");
  g_autoptr (KmlWorkload) pages = open_workload ("target", "pages");
  g_autoptr (GArray) counts = sizes_of (self);
  g_autoptr (GArray) closed_counts = sizes_of (closed);
  g_autoptr (GArray) endless_counts = sizes_of (endless);
  g_autoptr (GArray) page_counts = sizes_of (pages);
  g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);

  ck_assert_uint_eq (counts->len, 1);
  ck_assert_uint_eq (g_array_index (counts, KmlSizeCount, 0).size, 64);
  ck_assert_uint_eq (g_array_index (counts, KmlSizeCount, 0).count, count (ops, KML_OP_ALLOC));
  ck_assert_uint_eq (closed_counts->len, 1);
  ck_assert_uint_eq (endless_counts->len, 1);
  ck_assert_uint_eq (page_counts->len, 0);
}
END_TEST

/* Four requests of 18 bytes and one of 64, as trace-cmd would report them. */
static const char trace_text[] =
    "cpus=4\n"
    "    task-100   [000] 1.000001: kmalloc: call_site=f+0x1 ptr=0xffff888000001000 bytes_req=18 "
    "bytes_alloc=32 gfp_flags=GFP_KERNEL\n"
    "    task-100   [000] 1.000002: kmalloc: call_site=f+0x1 ptr=0xffff888000001020 bytes_req=18 "
    "bytes_alloc=32 gfp_flags=GFP_KERNEL\n"
    "    task-100   [000] 1.000003: kmalloc: call_site=f+0x1 ptr=0xffff888000001040 bytes_req=18 "
    "bytes_alloc=32 gfp_flags=GFP_KERNEL\n"
    "    task-100   [000] 1.000004: kmalloc: call_site=f+0x1 ptr=0xffff888000001060 bytes_req=18 "
    "bytes_alloc=32 gfp_flags=GFP_KERNEL\n"
    "    task-100   [000] 1.000005: kmalloc: call_site=f+0x1 ptr=0xffff888000001080 bytes_req=64 "
    "bytes_alloc=64 gfp_flags=GFP_KERNEL\n";

START_TEST (sizes_can_be_those_of_a_trace)
{
  g_autofree char *folder = g_dir_make_tmp ("kmemlab-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "a trace, (small).txt", NULL);
  g_autofree char *law = g_strdup_printf ("trace(%s)", path);
  guint n_small = 0, n_large = 0;

  ck_assert (g_file_set_contents (path, trace_text, -1, NULL));
  {
    g_autoptr (KmlWorkload) self = open_workload ("sizes", law, "operations", "10000");
    g_autoptr (GArray) ops = collect (self, 256, G_MAXUINT);

    for (guint i = 0; i < ops->len; i++) {
      n_small += op_at (ops, i)->kind == KML_OP_ALLOC && op_at (ops, i)->request.size == 18;
      n_large += op_at (ops, i)->kind == KML_OP_ALLOC && op_at (ops, i)->request.size == 64;
    }
  }
  ck_assert_uint_eq (n_small + n_large, 10000);
  ck_assert_double_eq_tol (n_small / 1e4, 0.8, 0.02);
  g_remove (path);
  g_rmdir (folder);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("synthetic-stream");
  TCase *stream = tcase_create ("stream");
  TCase *sizes = tcase_create ("sizes");

  tcase_add_test (stream, the_stream_does_not_depend_on_how_it_is_read);
  tcase_add_test (stream, the_stream_is_the_same_bits_everywhere);
  tcase_add_test (stream, another_seed_is_another_stream);
  tcase_add_test (stream, other_sizes_leave_all_else_as_it_was);
  tcase_add_test (stream, other_lifetimes_leave_the_arrivals_as_they_were);
  tcase_add_test (stream, progress_goes_from_nothing_to_all);
  suite_add_tcase (suite, stream);

  tcase_add_test (sizes, sizes_are_those_that_the_stream_asks_for);
  tcase_add_test (sizes, sizes_know_how_many_requests_a_duration_holds);
  tcase_add_test (sizes, sizes_can_be_those_of_a_trace);
  suite_add_tcase (suite, sizes);

  return run_suite (suite);
}
