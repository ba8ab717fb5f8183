/* test-samples.c: what is packed can be unpacked, and nothing else can.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include <string.h>

#include "simcore/base/rng.h"
#include "simcore/recording/samples.h"
#include "tests/testutils.h"

static void
fill (KmlSampleBlock *block, guint n, guint64 seed)
{
  KmlRng rng;

  kml_rng_init (&rng, seed, "samples");
  block->n = n;
  for (guint column = 0; column < KML_SAMPLE_COLUMNS; column++)
    for (guint i = 0; i < n; i++)
      block->columns[column][i] = kml_rng_next (&rng) >> kml_rng_below (&rng, 64);
}

START_TEST (every_block_comes_back_as_it_was)
{
  g_autofree KmlSampleBlock *block = g_new0 (KmlSampleBlock, 1);
  g_autofree KmlSampleBlock *again = g_new0 (KmlSampleBlock, 1);
  g_autofree guint8 *data = g_malloc (KML_SAMPLE_MAX_BYTES);
  static const guint sizes[] = { 0, 1, 2, 1000, KML_SAMPLE_BLOCK };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    gsize n_bytes;

    fill (block, sizes[i], i);
    n_bytes = kml_sample_block_encode (block, data);
    ck_assert_uint_le (n_bytes, KML_SAMPLE_MAX_BYTES);
    ck_assert (kml_sample_block_decode (data, n_bytes, sizes[i], again));
    for (guint column = 0; column < KML_SAMPLE_COLUMNS; column++)
      ck_assert_mem_eq (again->columns[column], block->columns[column],
                        sizes[i] * sizeof (guint64));
  }
}
END_TEST

START_TEST (every_truncation_is_noticed)
{
  g_autofree KmlSampleBlock *block = g_new0 (KmlSampleBlock, 1);
  g_autofree guint8 *data = g_malloc (KML_SAMPLE_MAX_BYTES);
  gsize n_bytes;

  fill (block, 50, 9);
  n_bytes = kml_sample_block_encode (block, data);
  for (gsize cut = 0; cut < n_bytes; cut++)
    ck_assert (!kml_sample_block_decode (data, cut, 50, block));
  ck_assert (!kml_sample_block_decode (data, n_bytes + 1, 50, block));
}
END_TEST

START_TEST (a_wrong_number_of_samples_is_noticed)
{
  g_autofree KmlSampleBlock *block = g_new0 (KmlSampleBlock, 1);
  g_autofree guint8 *data = g_malloc (KML_SAMPLE_MAX_BYTES);
  gsize n_bytes;

  fill (block, 50, 9);
  n_bytes = kml_sample_block_encode (block, data);
  ck_assert (!kml_sample_block_decode (data, n_bytes, 49, block));
  ck_assert (!kml_sample_block_decode (data, n_bytes, 51, block));
  ck_assert (!kml_sample_block_decode (data, n_bytes, KML_SAMPLE_BLOCK + 1, block));
}
END_TEST

/* What all differences have in common, down to the lowest bit and up to the highest one. */
START_TEST (round_numbers_take_less_room)
{
  g_autofree KmlSampleBlock *block = g_new0 (KmlSampleBlock, 1);
  g_autofree KmlSampleBlock *again = g_new0 (KmlSampleBlock, 1);
  g_autofree guint8 *data = g_malloc (KML_SAMPLE_MAX_BYTES);

  for (guint zeros = 0; zeros < 64; zeros++) {
    gsize n_bytes;

    fill (block, 1000, zeros);
    for (guint column = 0; column < KML_SAMPLE_COLUMNS; column++)
      for (guint i = 0; i < block->n; i++)
        block->columns[column][i] = (block->columns[column][i] & 0xff) << zeros;
    n_bytes = kml_sample_block_encode (block, data);
    ck_assert_uint_le (n_bytes, KML_SAMPLE_COLUMNS * (4 + 2 * 1000));
    ck_assert (kml_sample_block_decode (data, n_bytes, 1000, again));
    for (guint column = 0; column < KML_SAMPLE_COLUMNS; column++)
      ck_assert_mem_eq (again->columns[column], block->columns[column], 1000 * sizeof (guint64));
  }
}
END_TEST

START_TEST (more_bits_left_out_than_there_are_are_noticed)
{
  g_autofree KmlSampleBlock *block = g_new0 (KmlSampleBlock, 1);
  g_autofree guint8 *data = g_malloc (KML_SAMPLE_MAX_BYTES);
  gsize n_bytes;

  fill (block, 50, 9);
  n_bytes = kml_sample_block_encode (block, data);
  data[3] = 64;
  ck_assert (!kml_sample_block_decode (data, n_bytes, 50, block));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("samples");
  TCase *tcase = tcase_create ("samples");

  tcase_add_test (tcase, every_block_comes_back_as_it_was);
  tcase_add_test (tcase, round_numbers_take_less_room);
  tcase_add_test (tcase, more_bits_left_out_than_there_are_are_noticed);
  tcase_add_test (tcase, every_truncation_is_noticed);
  tcase_add_test (tcase, a_wrong_number_of_samples_is_noticed);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
