/* test-like.c: workloads like a recording.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Estimates that can be worked out by hand are; for the rest a recording of a kernel is compared with a workload ten times
 * as long that was made like it. How far they may differ is stated beside each fact.
 */

#include "stream-measure.h"
#include "trace-fixture.h"

#include "simcore/memory/gfp.h"
#include "workloads/like-model.h"

#define N_CPUS 4

static char *
mix_path (void)
{
  const char *root = g_getenv ("KML_SOURCE_ROOT");

  return g_build_filename (root != NULL ? root : ".", "scenarios", "traces", "mix.kmt", NULL);
}

/* ---- Lifetimes, by hand ---- */

static KmlLikeModel *
model_of (const char *table)
{
  g_autoptr (Recording) recording = read_text (table);
  KmlLikeModel *const self = kml_like_model_new ();

  for (guint i = 0; i < recording->events->len; i++)
    ck_assert (kml_like_model_add (self, event_at (recording, i)));
  ck_assert (kml_like_model_fit (self, kml_trace_info (recording->trace)->duration_ns));
  return self;
}

/* Of @n draws of the first class, how many are @age. */
static double
share_of_age (const KmlLikeModel *self, guint64 age)
{
  const guint n = 200000;
  guint n_hits = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "ages");
  for (guint i = 0; i < n; i++)
    n_hits += kml_like_model_draw_lifetime (self, 0, &rng) == age;
  return (double)n_hits / n;
}

/* Block 3 goes out of sight when it is 30 ns old: of the four that reach 10 one dies, so 3/4 get older; of the
 * two that are seen to reach 40 one dies, so 3/8 do; the last one dies at 50. */
START_TEST (what_outlives_the_recording_counts_as_long_as_it_is_seen)
{
  g_autoptr (KmlLikeModel) model = model_of ("time,op,id,size\n"
                                             "0,a,1,8\n0,a,2,8\n0,a,4,8\n"
                                             "10,f,1,\n40,f,2,\n50,f,4,\n70,a,3,8\n"
                                             "100,f,99,\n");

  ck_assert_uint_eq (kml_like_model_forever (model, 0), 0);
  ck_assert_double_eq_tol (share_of_age (model, 10), 1.0 / 4, 0.005);
  ck_assert_double_eq_tol (share_of_age (model, 40), 3.0 / 8, 0.005);
  ck_assert_double_eq_tol (share_of_age (model, 50), 3.0 / 8, 0.005);
}
END_TEST

START_TEST (what_no_age_ends_lives_for_ever)
{
  g_autoptr (KmlLikeModel)
      model = model_of ("time,op,id,size\n0,a,1,8\n0,a,2,8\n10,f,1,\n100,f,99,\n");

  ck_assert_uint_eq (kml_like_model_forever (model, 0), G_GUINT64_CONSTANT (1) << 61);
  ck_assert_double_eq_tol (share_of_age (model, 10), 0.5, 0.005);
  ck_assert_double_eq_tol (share_of_age (model, G_MAXUINT64), 0.5, 0.005);
}
END_TEST

/* 8 frames: 4 of them live 10 ns, 2 live 20 ns, 2 live 40 ns. */
START_TEST (pages_that_are_freed_in_pieces_count_by_their_frames)
{
  g_autoptr (KmlLikeModel) model = model_of ("time,op,pfn,order,id,size\n0,page_alloc,8,3,,\n"
                                             "10,page_free,8,2,,\n20,page_free,12,1,,\n"
                                             "40,page_free,14,1,,\n");

  ck_assert_double_eq_tol (share_of_age (model, 10), 0.5, 0.005);
  ck_assert_double_eq_tol (share_of_age (model, 20), 0.25, 0.005);
  ck_assert_double_eq_tol (share_of_age (model, 40), 0.25, 0.005);
}
END_TEST

START_TEST (sizes_have_lifetimes_of_their_own)
{
  g_autoptr (KmlLikeModel) model = model_of ("time,op,id,size\n0,a,1,8\n0,a,2,4096\n"
                                             "10,f,1,\n20,f,2,\n");
  KmlRng rng;

  kml_rng_init (&rng, 1, "x");
  for (guint i = 0; i < 100; i++) {
    const KmlLikeKind *const kind = kml_like_model_draw_kind (model, &rng);

    ck_assert_uint_eq (kml_like_model_draw_lifetime (model, kind->class, &rng),
                       kind->size == 8 ? 10 : 20);
  }
}
END_TEST

START_TEST (every_gap_comes_once_before_any_comes_again)
{
  g_autoptr (KmlLikeModel) model = model_of ("time,op,id,size\n0,a,1,8\n1,a,2,8\n4,a,3,8\n"
                                             "9,a,4,8\n9,a,5,8\n");
  KmlRng rng;

  kml_rng_init (&rng, 1, "gaps");
  for (guint i = 0; i < 50; i++) {
    guint seen = 0;

    for (guint j = 0; j < 4; j++)
      seen |= 1u << kml_like_model_draw_gap (model, &rng);
    ck_assert_uint_eq (seen, 1u << 0 | 1u << 1 | 1u << 3 | 1u << 5);
  }
}
END_TEST

START_TEST (frees_happen_where_they_happened)
{
  g_autoptr (KmlLikeModel)
      model = model_of ("time,op,id,size,cpu,context\n"
                        "0,a,1,8,0,process\n1,a,2,8,1,process\n2,a,3,8,2,process\n"
                        "3,f,1,,3,softirq\n4,f,2,,1,process\n");
  const KmlLikeKind from_0 = { .level = KML_LEVEL_OBJECTS, .cpu = 0 },
                    from_2 = { .level = KML_LEVEL_OBJECTS, .cpu = 2, .context = 1 };
  KmlLikePlace place;
  KmlRng rng;

  kml_rng_init (&rng, 1, "frees");
  place = kml_like_model_draw_place (model, &from_0, &rng);
  ck_assert_uint_eq (place.cpu, 3);
  ck_assert_uint_eq (place.context, KML_CONTEXT_SOFTIRQ);
  place = kml_like_model_draw_place (model, &from_2, &rng);
  ck_assert_uint_eq (place.cpu, 2); /* never seen: where it was asked for */
  ck_assert_uint_eq (place.context, 1);
}
END_TEST

/* ---- A kernel's recording, and one ten times as long ---- */

static void
measure_both (const char *level, Measure *recorded, Measure *like)
{
  g_autofree char *path = mix_path ();
  const char *const of_trace[] = { "file", path, "level", level, NULL };
  const char *const of_like[] = { "file", path, "level", level, "length", "10x", NULL };
  g_autoptr (KmlWorkload) trace = open_with ("trace", of_trace, 1, N_CPUS);
  g_autoptr (KmlWorkload) workload = open_with ("like", of_like, 1, N_CPUS);

  measure_stream (trace, recorded);
  measure_stream (workload, like);
}

/* The mean of blocks in use that come to an end: their lifetimes by the time (Little's law). */
static double
mean_in_use (const Measure *self, guint level)
{
  const KmlHistogram *lifetimes = &self->lifetimes[level];

  return kml_histogram_mean (lifetimes) * (double)kml_histogram_n (lifetimes) /
         (double)self->end_ns;
}

START_TEST (a_longer_recording_asks_for_the_same)
{
  Measure recorded, like;

  measure_both ("both", &recorded, &like);
  ck_assert_uint_eq (like.n_requests[0] + like.n_requests[1],
                     10 * (recorded.n_requests[0] + recorded.n_requests[1]));
  ck_assert_double_eq_tol ((double)like.end_ns / (double)recorded.end_ns, 10, 0.05);
  /* shares of requests that would have to be others */
  ck_assert_double_lt (distance_between (recorded.sizes, like.sizes, N_SIZE_CLASSES), 0.005);
  ck_assert_double_lt (distance_between (recorded.cpus, like.cpus, N_CPUS), 0.005);
  ck_assert_double_lt (distance_between (recorded.contexts, like.contexts, KML_N_CONTEXTS), 0.001);
  ck_assert_double_lt (distance_between (recorded.mobilities, like.mobilities, KML_N_MOBILITIES),
                       0.005);
}
END_TEST

START_TEST (blocks_live_as_long_and_as_many_are_in_use)
{
  Measure recorded, like;
  double wandered;

  measure_both ("objects", &recorded, &like);
  /* no quantile is off by more than 1 %; the mean in use by 5 %, CPUs that free by 2 % */
  ck_assert_double_lt (greatest_difference (&recorded.lifetimes[0], &like.lifetimes[0]), 0.01);
  ck_assert_double_eq_tol (mean_in_use (&like, 0) / mean_in_use (&recorded, 0), 1, 0.05);
  wandered = (double)like.n_wandered / (double)like.n_frees[0];
  ck_assert_double_eq_tol (wandered * (double)recorded.n_frees[0] / (double)recorded.n_wandered, 1,
                           0.02);
}
END_TEST

START_TEST (pages_live_as_long_and_as_many_are_in_use)
{
  Measure recorded, like;

  measure_both ("pages", &recorded, &like);
  /* pieces are freed whole here, so lifetimes agree by frames: 5 % of a quantile, 10 % of the mean */
  ck_assert_double_lt (greatest_difference (&recorded.lifetimes[1], &like.lifetimes[1]), 0.05);
  ck_assert_double_eq_tol (mean_in_use (&like, 1) / mean_in_use (&recorded, 1), 1, 0.1);
}
END_TEST

/* ---- The stream ---- */

START_TEST (length_and_rate_are_as_asked_for)
{
  static const struct {
    const char *length, *rate;
    guint64 n_requests;
    double duration; /* of the recording's 9 us */
  } cases[] = {
    { "1x", "1x", 10, 1 },       { "2.5x", "1x", 25, 2.5 },  { "0.5x", "1x", 5, 0.5 },
    { "1000", "1x", 1000, 100 }, { "100x", "2x", 1000, 50 }, { "100x", "0.25x", 1000, 400 },
  };
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *path = in_folder (folder, "x.csv");

  write_file (path,
              "time:us,op,id,size\n0,a,1,8\n1,a,2,8\n2,a,3,8\n3,a,4,8\n4,a,5,8\n5,a,6,8\n"
              "6,a,7,8\n7,a,8,8\n8,a,9,8\n9,a,10,8\n",
              19 + 9 * 8 + 9);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const char *const settings[] = { "file", path,          "length", cases[i].length,
                                     "rate", cases[i].rate, NULL };
    g_autoptr (KmlWorkload) workload = open_with ("like", settings, 1, 1);
    Measure measure;

    measure_stream (workload, &measure);
    ck_assert_uint_eq (measure.n_requests[0], cases[i].n_requests);
    ck_assert_double_eq_tol ((double)measure.end_ns,
                             (double)(cases[i].n_requests - 1) * 1000 * cases[i].duration /
                                 ((double)cases[i].n_requests / 10),
                             16.0 * (double)cases[i].n_requests);
    ck_assert_uint_eq (measure.n_frees[0], 0);
  }
}
END_TEST

/* Twice as often, the same lifetimes: twice as many. */
START_TEST (a_higher_rate_means_more_in_use)
{
  g_autofree char *path = mix_path ();
  const char *const once[] = { "file", path, "length", "5x", NULL };
  const char *const twice[] = { "file", path, "length", "10x", "rate", "2x", NULL };
  g_autoptr (KmlWorkload) a = open_with ("like", once, 1, N_CPUS);
  g_autoptr (KmlWorkload) b = open_with ("like", twice, 1, N_CPUS);
  Measure one, two;

  measure_stream (a, &one);
  measure_stream (b, &two);
  ck_assert_double_eq_tol ((double)two.end_ns / (double)one.end_ns, 1, 0.01);
  ck_assert_double_eq_tol (mean_in_use (&two, 0) / mean_in_use (&one, 0), 2, 0.1);
}
END_TEST

START_TEST (a_stream_is_consistent_and_the_same_for_a_seed)
{
  g_autofree char *path = mix_path ();
  const char *const settings[] = { "file", path, "level", "both", NULL };
  g_autoptr (KmlWorkload) one = open_with ("like", settings, 7, 2);
  g_autoptr (KmlWorkload) same = open_with ("like", settings, 7, 2);
  g_autoptr (KmlWorkload) other = open_with ("like", settings, 8, 2);
  g_autoptr (GHashTable) live = g_hash_table_new (NULL, NULL);
  KmlOp a[64], b[64], c[64];
  gboolean differs = FALSE;
  guint64 last = 0;
  int n;

  while ((n = one->ops->next (one, a, 64, NULL)) > 0) {
    ck_assert_int_eq (same->ops->next (same, b, 64, NULL), n);
    differs |= other->ops->next (other, c, 64, NULL) != n;
    for (int i = 0; i < n; i++) {
      gpointer name = GUINT_TO_POINTER (a[i].block + 1);

      ck_assert (a[i].time == b[i].time && a[i].block == b[i].block && a[i].kind == b[i].kind);
      ck_assert (a[i].request.size == b[i].request.size && a[i].request.cpu == b[i].request.cpu);
      differs |= a[i].time != c[i].time || a[i].block != c[i].block;
      ck_assert_uint_ge (a[i].time, last);
      ck_assert_uint_lt (a[i].request.cpu, 2);
      ck_assert_uint_gt (a[i].request.size, 0);
      last = a[i].time;
      if (a[i].kind == KML_OP_ALLOC)
        ck_assert (g_hash_table_add (live, name));
      else
        ck_assert (g_hash_table_remove (live, name));
    }
  }
  ck_assert (differs);
}
END_TEST

START_TEST (as_soon_as_possible_means_no_times)
{
  g_autofree char *path = mix_path ();
  const char *const settings[] = { "file", path, "timing", "asap", "length", "1000", NULL };
  g_autoptr (KmlWorkload) workload = open_with ("like", settings, 1, N_CPUS);
  Measure measure;

  measure_stream (workload, &measure);
  ck_assert_uint_eq (measure.end_ns, 0);
  ck_assert_uint_gt (measure.n_frees[0], 0);
}
END_TEST

START_TEST (sizes_are_those_of_the_stream)
{
  g_autofree char *path = mix_path ();
  const char *const settings[] = { "file", path, "level", "both", "length", "20000", NULL };
  g_autoptr (KmlWorkload) workload = open_with ("like", settings, 3, N_CPUS);
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  guint64 n = 0, bytes = 0;
  KmlOp ops[64];
  int n_ops;

  ck_assert (workload->ops->sizes (workload, counts, NULL));
  for (guint i = 0; i < counts->len; i++) {
    n += g_array_index (counts, KmlSizeCount, i).count;
    bytes += g_array_index (counts, KmlSizeCount, i).count *
             g_array_index (counts, KmlSizeCount, i).size;
  }
  while ((n_ops = workload->ops->next (workload, ops, 64, NULL)) > 0)
    for (int i = 0; i < n_ops; i++)
      if (ops[i].kind == KML_OP_ALLOC && ops[i].level == KML_LEVEL_OBJECTS) {
        n--;
        bytes -= ops[i].request.size;
      }
  ck_assert_uint_eq (n, 0);
  ck_assert_uint_eq (bytes, 0);
}
END_TEST

START_TEST (what_cannot_be_is_refused)
{
  static const struct {
    const char *key, *value, *message;
  } cases[] = {
    { "length", "0x", "expected a factor such as 10x, or a number of requests" },
    { "length", "x", "expected a factor" },
    { "length", "-1x", "expected a factor" },
    { "length", "", "expected a factor" },
    { "length", "0", "expected a factor" },
    { "rate", "2", "expected a factor such as 2x" },
    { "rate", "0x", "expected a factor such as 2x" },
  };
  const KmlWorkloadOps *const ops = kml_workload_find ("like");
  g_autofree char *objects = sample_path ("mtrace.sample");
  g_autoptr (KmlWorkload) workload = kml_workload_new (ops, "w", ".");
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    ck_assert (!kml_param_parse (kml_param_find (ops->params, cases[i].key), cases[i].value, NULL,
                                 &error));
    assert_error (error, KML_ERROR_INPUT, cases[i].message);
    g_clear_error (&error);
  }
  kml_param_parse (kml_param_find (ops->params, "file"), objects, workload, NULL);
  kml_param_parse (kml_param_find (ops->params, "level"), "pages", workload, NULL);
  ck_assert (!kml_workload_open (workload, 1, 1, 4096, &error));
  assert_error (error, KML_ERROR_INPUT, "no request of that level is in it");
}
END_TEST

START_TEST (one_request_is_enough)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *path = in_folder (folder, "x.csv");
  const char *const settings[] = { "file", path, "length", "5", NULL };
  g_autoptr (KmlWorkload) workload = NULL;
  Measure measure;

  write_file (path, "time,op,id,size\n7,a,1,8\n", 24);
  workload = open_with ("like", settings, 1, 1);
  measure_stream (workload, &measure);
  ck_assert_uint_eq (measure.n_requests[0], 5);
  ck_assert_uint_eq (measure.end_ns, 0);
}
END_TEST

static Suite *
like_suite (void)
{
  Suite *suite = suite_create ("like");
  TCase *laws = tcase_create ("laws");
  TCase *kernel = tcase_create ("kernel");
  TCase *stream = tcase_create ("stream");

  tcase_add_test (laws, what_outlives_the_recording_counts_as_long_as_it_is_seen);
  tcase_add_test (laws, what_no_age_ends_lives_for_ever);
  tcase_add_test (laws, pages_that_are_freed_in_pieces_count_by_their_frames);
  tcase_add_test (laws, sizes_have_lifetimes_of_their_own);
  tcase_add_test (laws, every_gap_comes_once_before_any_comes_again);
  tcase_add_test (laws, frees_happen_where_they_happened);
  suite_add_tcase (suite, laws);

  tcase_add_test (kernel, a_longer_recording_asks_for_the_same);
  tcase_add_test (kernel, blocks_live_as_long_and_as_many_are_in_use);
  tcase_add_test (kernel, pages_live_as_long_and_as_many_are_in_use);
  suite_add_tcase (suite, kernel);

  tcase_add_test (stream, length_and_rate_are_as_asked_for);
  tcase_add_test (stream, a_higher_rate_means_more_in_use);
  tcase_add_test (stream, a_stream_is_consistent_and_the_same_for_a_seed);
  tcase_add_test (stream, as_soon_as_possible_means_no_times);
  tcase_add_test (stream, sizes_are_those_of_the_stream);
  tcase_add_test (stream, what_cannot_be_is_refused);
  tcase_add_test (stream, one_request_is_enough);
  suite_add_tcase (suite, stream);
  return suite;
}

int
main (void)
{
  return run_suite (like_suite ());
}
