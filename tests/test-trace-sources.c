/* test-trace-sources.c: every form of recording of another tool, by being registered.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each has a sample, tests/data/traces/NAME.sample, plain or compressed. What holds of all of them is tested with
 * that: it is recognised by its bytes, whatever compresses it and however it is taken; it becomes a .kmt
 * that says the same, and a workload; and when it is cut, spoiled or random, the answer is an error that
 * names the file, or counts, and never a crash.
 */

#include "trace-compress.h"
#include "trace-fixture.h"

#include "simcore/param.h"
#include "simcore/base/rng.h"
#include "workloads/traces/trace-source.h"

#define N_SPOILED 400

/* Those that another program translates are tested with one, in test-trace-dat. */
static const KmlTraceSourceOps *
source_at (guint i)
{
  guint n;
  const KmlTraceSourceOps *const *sources = kml_trace_source_list (&n);

  for (guint j = 0; j < n; j++)
    if (sources[j]->translate == NULL && i-- == 0)
      return sources[j];
  return NULL;
}

static guint
count_sources (void)
{
  guint n = 0;

  while (source_at (n) != NULL)
    n++;
  return n;
}

static char *
sample_of (const KmlTraceSourceOps *source)
{
  g_autofree char *name = g_strconcat (source->name, ".sample", NULL);

  return sample_path (name);
}

/* The bytes of the sample, decompressed. */
static GByteArray *
bytes_of (const KmlTraceSourceOps *source)
{
  g_autofree char *path = sample_of (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTraceInput) input = kml_trace_input_open (path, path, &error);
  GByteArray *const bytes = g_byte_array_new ();
  guint8 piece[4096];
  gssize n;

  assert_no_error (error);
  while ((n = kml_trace_input_read (input, piece, sizeof piece, &error)) > 0)
    g_byte_array_append (bytes, piece, (guint)n);
  assert_no_error (error);
  return bytes;
}

static Recording *
whole (const KmlTraceSourceOps *source)
{
  g_autofree char *path = sample_of (source);

  return read_file (path);
}

/* ---- What is good ---- */

START_TEST (a_file_is_known_by_its_bytes)
{
  const KmlTraceSourceOps *source = source_at ((guint)_i);
  g_autoptr (Recording) recording = whole (source);

  ck_assert_str_eq (kml_trace_info (recording->trace)->format, source->name);
  ck_assert (kml_trace_info (recording->trace)->complete);
  ck_assert_uint_gt (recording->events->len, 5);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 0);
}
END_TEST

START_TEST (the_size_of_the_batches_changes_nothing)
{
  g_autofree char *path = sample_of (source_at ((guint)_i));
  g_autoptr (Recording) expected = whole (source_at ((guint)_i));
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = read_in_batches (path, 1, &error);

  assert_no_error (error);
  assert_same_recording (expected, recording);
}
END_TEST

/* All of it is there when the first bytes, which tell what it is, have been looked at. */
START_TEST (a_compressed_file_may_be_small)
{
  static const char text[] = "op,id,size\nalloc,1,5\n";
  g_autoptr (GByteArray) plain = g_byte_array_new ();

  g_byte_array_append (plain, (const guint8 *)text, sizeof text - 1);
  for (guint i = 0; i < G_N_ELEMENTS (compressors); i++) {
    g_autoptr (GByteArray) stored = compressors[i].compress (plain);
    g_autoptr (GError) error = NULL;
    g_autoptr (Recording) recording = read_bytes (stored->data, stored->len, &error);

    assert_no_error (error);
    ck_assert_uint_eq (recording->events->len, 1);
    stored->data[stored->len - 1] ^= 1; /* of a checksum, or what ends it */
    ck_assert_ptr_null (read_bytes (stored->data, stored->len, &error));
    assert_error (error, KML_ERROR_INPUT, "damaged");
    g_clear_error (&error);
    ck_assert_ptr_null (read_bytes (stored->data, stored->len - 1, &error));
    assert_error (error, KML_ERROR_INPUT, "ends early");
  }
}
END_TEST

START_TEST (compression_changes_nothing)
{
  g_autoptr (Recording) expected = whole (source_at ((guint)_i));
  g_autoptr (GByteArray) plain = bytes_of (source_at ((guint)_i));

  for (guint i = 0; i < G_N_ELEMENTS (compressors); i++) {
    g_autoptr (GByteArray) stored = compressors[i].compress (plain);
    g_autoptr (GError) error = NULL;
    g_autoptr (Recording) recording = read_bytes (stored->data, stored->len, &error);

    assert_no_error (error);
    ck_assert_str_eq (kml_trace_info (recording->trace)->compression, compressors[i].name);
    assert_same_recording (expected, recording);
  }
}
END_TEST

START_TEST (the_binary_form_says_the_same)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *from = sample_of (source_at ((guint)_i));
  g_autofree char *to = in_folder (folder, "x.kmt");
  g_autoptr (Recording) expected = whole (source_at ((guint)_i));
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = kml_trace_open (from, NULL, &error);
  const KmlTraceConvert options = { 0 };
  g_autoptr (Recording) recording = NULL;

  ck_assert (kml_trace_convert (trace, to, &options, &error));
  assert_no_error (error);
  recording = read_file (to);
  ck_assert_str_eq (kml_trace_info (recording->trace)->source, source_at ((guint)_i)->name);
  assert_same_recording (expected, recording);
}
END_TEST

START_TEST (it_is_a_workload)
{
  const KmlWorkloadOps *ops = kml_workload_find ("trace");
  g_autofree char *path = sample_of (source_at ((guint)_i));
  g_autoptr (KmlWorkload) workload = kml_workload_new (ops, "w", ".");
  g_autoptr (GError) error = NULL;
  g_autofree KmlOp *batch = g_new0 (KmlOp, 256);
  int n;
  guint n_ops = 0;

  ck_assert (kml_param_parse (kml_param_find (ops->params, "file"), path, workload, &error));
  ck_assert (kml_param_parse (kml_param_find (ops->params, "level"), "both", workload, &error));
  ck_assert (kml_workload_open (workload, 1, 2, 4096, &error));
  while ((n = ops->next (workload, batch, 256, &error)) > 0)
    n_ops += (guint)n;
  assert_no_error (error);
  ck_assert_uint_gt (n_ops, 5);
}
END_TEST

/* ---- What is bad ---- */

/* Either an error that names the file, or a recording that holds together. */
static void
survive (const guint8 *bytes, gsize n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = read_bytes (bytes, n, &error);

  if (recording == NULL)
    assert_error (error, KML_ERROR_INPUT, "the trace");
  else
    ck_assert_uint_eq (kml_trace_info (recording->trace)->n_stream, recording->events->len);
}

START_TEST (a_file_that_was_cut_anywhere_is_survived)
{
  g_autoptr (GByteArray) bytes = bytes_of (source_at ((guint)_i));
  const guint step = MAX (bytes->len / N_SPOILED, 1);

  for (guint n = 0; n < bytes->len; n += step)
    survive (bytes->data, n);
}
END_TEST

START_TEST (spoiled_bytes_are_survived)
{
  g_autoptr (GByteArray) bytes = bytes_of (source_at ((guint)_i));
  g_autofree guint8 *spoiled = g_malloc (bytes->len);
  KmlRng rng;

  kml_rng_init (&rng, 1, "spoil");
  for (guint i = 0; i < N_SPOILED; i++) {
    memcpy (spoiled, bytes->data, bytes->len);
    for (guint64 n = 1 + kml_rng_below (&rng, 4); n > 0; n--)
      spoiled[kml_rng_below (&rng, bytes->len)] = (guint8)kml_rng_below (&rng, 256);
    survive (spoiled, bytes->len);
  }
}
END_TEST

/* Digits and signs out of place get further than random bytes do. */
START_TEST (spoiled_numbers_are_survived)
{
  static const char *const pieces[] = { "-",  " ",  "\n", ",",
                                        "0",  "9",  "f",  "99999999999999999999",
                                        "0x", "\"", "-1", "18446744073709551615" };
  g_autoptr (GByteArray) bytes = bytes_of (source_at ((guint)_i));
  KmlRng rng;

  kml_rng_init (&rng, 2, "spoil");
  for (guint i = 0; i < N_SPOILED; i++) {
    const char *piece = pieces[kml_rng_below (&rng, G_N_ELEMENTS (pieces))];
    const guint at = (guint)kml_rng_below (&rng, bytes->len);
    g_autoptr (GByteArray) spoiled = g_byte_array_new ();

    g_byte_array_append (spoiled, bytes->data, at);
    g_byte_array_append (spoiled, (const guint8 *)piece, (guint)strlen (piece));
    g_byte_array_append (spoiled, bytes->data + at, bytes->len - at);
    survive (spoiled->data, spoiled->len);
  }
}
END_TEST

START_TEST (noise_behind_a_good_beginning_is_survived)
{
  g_autoptr (GByteArray) bytes = bytes_of (source_at ((guint)_i));
  KmlRng rng;

  kml_rng_init (&rng, 3, "noise");
  g_byte_array_set_size (bytes, MAX (bytes->len / 2, 16));
  for (guint i = 0; i < 100000; i++) {
    const guint8 byte = (guint8)kml_rng_below (&rng, 256);

    g_byte_array_append (bytes, &byte, 1);
  }
  survive (bytes->data, bytes->len);
}
END_TEST

START_TEST (half_a_conversion_leaves_no_file)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *from = in_folder (folder, "cut.gz");
  g_autofree char *to = in_folder (folder, "x.kmt");
  g_autoptr (GByteArray) plain = bytes_of (source_at ((guint)_i));
  g_autoptr (GByteArray) stored = compressors[0].compress (plain);
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = NULL;
  const KmlTraceConvert options = { 0 };

  write_file (from, stored->data, stored->len - 9);
  trace = kml_trace_open (from, "cut.gz", &error);
  ck_assert (trace == NULL || !kml_trace_convert (trace, to, &options, &error));
  assert_error (error, KML_ERROR_INPUT, "cut.gz: ");
  ck_assert (!g_file_test (to, G_FILE_TEST_EXISTS));
}
END_TEST

/* ---- The suite ---- */

static Suite *
trace_sources_suite (void)
{
  Suite *suite = suite_create ("trace-sources");
  TCase *good = tcase_create ("good");
  TCase *bad = tcase_create ("bad");
  const int n = (int)count_sources ();

  tcase_add_loop_test (good, a_file_is_known_by_its_bytes, 0, n);
  tcase_add_loop_test (good, the_size_of_the_batches_changes_nothing, 0, n);
  tcase_add_loop_test (good, compression_changes_nothing, 0, n);
  tcase_add_test (good, a_compressed_file_may_be_small);
  tcase_add_loop_test (good, the_binary_form_says_the_same, 0, n);
  tcase_add_loop_test (good, it_is_a_workload, 0, n);
  suite_add_tcase (suite, good);

  tcase_add_loop_test (bad, a_file_that_was_cut_anywhere_is_survived, 0, n);
  tcase_add_loop_test (bad, spoiled_bytes_are_survived, 0, n);
  tcase_add_loop_test (bad, spoiled_numbers_are_survived, 0, n);
  tcase_add_loop_test (bad, noise_behind_a_good_beginning_is_survived, 0, n);
  tcase_add_loop_test (bad, half_a_conversion_leaves_no_file, 0, n);
  suite_add_tcase (suite, bad);
  return suite;
}

int
main (void)
{
  return run_suite (trace_sources_suite ());
}
