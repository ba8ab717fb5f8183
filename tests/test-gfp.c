/* test-gfp.c: the flags of a request, by name.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table pairs texts with numbers as a Linux 6.1.192 kernel recorded them: the
 * text is what its tracepoints printed, the number is gfp_t of the same event.
 */

#include "simcore/memory/gfp.h"
#include "tests/testutils.h"

#include <string.h>

static const struct {
  const char *text;
  KmlGfp gfp;
} recorded[] = {
  { "GFP_ATOMIC", 0xa20 },
  { "GFP_ATOMIC|__GFP_COMP|__GFP_ZERO", 0x40b20 },
  { "GFP_ATOMIC|__GFP_NOWARN", 0x2a20 },
  { "GFP_ATOMIC|__GFP_NOWARN|__GFP_COMP|__GFP_ZERO", 0x42b20 },
  { "GFP_ATOMIC|__GFP_NOWARN|__GFP_NOMEMALLOC", 0x82a20 },
  { "GFP_ATOMIC|__GFP_NOWARN|__GFP_NORETRY", 0x12a20 },
  { "GFP_ATOMIC|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP", 0x52a20 },
  { "GFP_ATOMIC|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC", 0xd2a20 },
  { "GFP_ATOMIC|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_RECLAIMABLE", 0x52a30 },
  { "GFP_ATOMIC|__GFP_NOWARN|__GFP_NORETRY|__GFP_NOMEMALLOC", 0x92a20 },
  { "GFP_ATOMIC|__GFP_NOWARN|__GFP_NORETRY|__GFP_RECLAIMABLE", 0x12a30 },
  { "GFP_ATOMIC|__GFP_ZERO", 0xb20 },
  { "GFP_HIGHUSER_MOVABLE|__GFP_COMP", 0x140cca },
  { "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_WRITE", 0x141cca },
  { "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO", 0x140dca },
  { "GFP_HIGHUSER_MOVABLE|__GFP_NOWARN|__GFP_RETRY_MAYFAIL|__GFP_COMP|__GFP_THISNODE", 0x346cca },
  { "GFP_HIGHUSER|__GFP_ACCOUNT", 0x500cc2 },
  { "GFP_HIGHUSER|__GFP_COMP", 0x140cc2 },
  { "GFP_HIGHUSER|__GFP_NOWARN|__GFP_ZERO|__GFP_ACCOUNT", 0x502dc2 },
  { "GFP_KERNEL", 0xcc0 },
  { "GFP_KERNEL_ACCOUNT", 0x400cc0 },
  { "GFP_KERNEL_ACCOUNT|__GFP_HIGHMEM|__GFP_NOWARN|__GFP_ZERO", 0x402dc2 },
  { "GFP_KERNEL_ACCOUNT|__GFP_NOWARN|__GFP_NOMEMALLOC", 0x482cc0 },
  { "GFP_KERNEL_ACCOUNT|__GFP_NOWARN|__GFP_NORETRY", 0x412cc0 },
  { "GFP_KERNEL_ACCOUNT|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP", 0x452cc0 },
  { "GFP_KERNEL_ACCOUNT|__GFP_RECLAIMABLE", 0x400cd0 },
  { "GFP_KERNEL_ACCOUNT|__GFP_RETRY_MAYFAIL", 0x404cc0 },
  { "GFP_KERNEL_ACCOUNT|__GFP_RETRY_MAYFAIL|__GFP_ZERO", 0x404dc0 },
  { "GFP_KERNEL_ACCOUNT|__GFP_ZERO", 0x400dc0 },
  { "GFP_KERNEL|GFP_DMA32", 0xcc4 },
  { "GFP_KERNEL|GFP_DMA32|__GFP_NOWARN", 0x2cc4 },
  { "GFP_KERNEL|GFP_DMA|__GFP_NOWARN", 0x2cc1 },
  { "GFP_KERNEL|__GFP_COMP", 0x40cc0 },
  { "GFP_KERNEL|__GFP_COMP|__GFP_ZERO", 0x40dc0 },
  { "GFP_KERNEL|__GFP_HIGHMEM|__GFP_NOWARN", 0x2cc2 },
  { "GFP_KERNEL|__GFP_HIGHMEM|__GFP_NOWARN|__GFP_ZERO", 0x2dc2 },
  { "GFP_KERNEL|__GFP_NOFAIL", 0x8cc0 },
  { "GFP_KERNEL|__GFP_NORETRY", 0x10cc0 },
  { "GFP_KERNEL|__GFP_NOWARN", 0x2cc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_COMP|__GFP_ZERO|__GFP_NOMEMALLOC", 0xc2dc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_NOMEMALLOC", 0x82cc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY", 0x12cc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP", 0x52cc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_ZERO", 0x52dc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY|__GFP_NOMEMALLOC", 0x92cc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY|__GFP_RECLAIMABLE", 0x12cd0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY|__GFP_ZERO", 0x12dc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_RETRY_MAYFAIL", 0x6cc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_RETRY_MAYFAIL|__GFP_NORETRY", 0x16cc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_ZERO", 0x2dc0 },
  { "GFP_KERNEL|__GFP_NOWARN|__GFP_ZERO|__GFP_NOMEMALLOC", 0x82dc0 },
  { "GFP_KERNEL|__GFP_RETRY_MAYFAIL", 0x4cc0 },
  { "GFP_KERNEL|__GFP_RETRY_MAYFAIL|__GFP_ZERO", 0x4dc0 },
  { "GFP_KERNEL|__GFP_ZERO", 0xdc0 },
  { "GFP_NOFS", 0xc40 },
  { "GFP_NOFS|__GFP_COMP", 0x40c40 },
  { "GFP_NOFS|__GFP_COMP|__GFP_RECLAIMABLE", 0x40c50 },
  { "GFP_NOFS|__GFP_COMP|__GFP_ZERO", 0x40d40 },
  { "GFP_NOFS|__GFP_HIGHMEM|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_HARDWALL|__GFP_MOVABLE",
    0x152c4a },
  { "GFP_NOFS|__GFP_NOFAIL", 0x8c40 },
  { "GFP_NOFS|__GFP_NOFAIL|__GFP_COMP", 0x48c40 },
  { "GFP_NOFS|__GFP_NOFAIL|__GFP_COMP|__GFP_HARDWALL", 0x148c40 },
  { "GFP_NOFS|__GFP_NOFAIL|__GFP_COMP|__GFP_HARDWALL|__GFP_MOVABLE", 0x148c48 },
  { "GFP_NOFS|__GFP_NOFAIL|__GFP_ZERO", 0x8d40 },
  { "GFP_NOFS|__GFP_NOFAIL|__GFP_ZERO|__GFP_ACCOUNT", 0x408d40 },
  { "GFP_NOFS|__GFP_NOWARN|__GFP_NORETRY", 0x12c40 },
  { "GFP_NOFS|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_HARDWALL", 0x152c40 },
  { "GFP_NOFS|__GFP_NOWARN|__GFP_NORETRY|__GFP_RECLAIMABLE", 0x12c50 },
  { "GFP_NOFS|__GFP_NOWARN|__GFP_ZERO", 0x2d40 },
  { "GFP_NOFS|__GFP_ZERO", 0xd40 },
  { "GFP_NOIO|__GFP_HIGHMEM|__GFP_NOWARN|__GFP_NORETRY", 0x12c02 },
  { "GFP_NOIO|__GFP_NOWARN|__GFP_NORETRY", 0x12c00 },
  { "GFP_NOIO|__GFP_NOWARN|__GFP_NORETRY|__GFP_NOMEMALLOC", 0x92c00 },
  { "GFP_NOIO|__GFP_NOWARN|__GFP_NORETRY|__GFP_ZERO", 0x12d00 },
  { "GFP_NOIO|__GFP_ZERO", 0xd00 },
  { "GFP_NOWAIT|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY|__GFP_NOMEMALLOC", 0x92880 },
  { "GFP_NOWAIT|__GFP_IO|__GFP_FS", 0x8c0 },
  { "GFP_NOWAIT|__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY", 0x128c0 },
  { "GFP_NOWAIT|__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP", 0x528c0 },
  { "GFP_NOWAIT|__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY|__GFP_NOMEMALLOC", 0x928c0 },
  { "GFP_NOWAIT|__GFP_NOWARN", 0x2800 },
  { "GFP_NOWAIT|__GFP_NOWARN|__GFP_ACCOUNT", 0x402800 },
  { "GFP_NOWAIT|__GFP_NOWARN|__GFP_COMP|__GFP_RECLAIMABLE", 0x42810 },
  { "GFP_NOWAIT|__GFP_NOWARN|__GFP_NORETRY", 0x12800 },
  { "GFP_NOWAIT|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC", 0xd2800 },
  { "GFP_NOWAIT|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_RECLAIMABLE", 0x52810 },
  { "GFP_NOWAIT|__GFP_NOWARN|__GFP_NORETRY|__GFP_NOMEMALLOC", 0x92800 },
  { "GFP_NOWAIT|__GFP_NOWARN|__GFP_NORETRY|__GFP_ZERO", 0x12900 },
  { "GFP_NOWAIT|__GFP_NOWARN|__GFP_ZERO", 0x2900 },
  { "GFP_NOWAIT|__GFP_ZERO", 0x900 },
  { "GFP_TRANSHUGE", 0x1c24ca },
  { "GFP_TRANSHUGE|__GFP_NORETRY|__GFP_THISNODE", 0x3d24ca },
  { "GFP_USER", 0x100cc0 },
  { "GFP_USER|__GFP_COMP", 0x140cc0 },
  { "GFP_USER|__GFP_COMP|__GFP_ZERO", 0x140dc0 },
  { "GFP_USER|__GFP_NOWARN", 0x102cc0 },
  { "GFP_USER|__GFP_ZERO", 0x100dc0 },
  { "GFP_USER|__GFP_ZERO|__GFP_ACCOUNT", 0x500dc0 },
  { "__GFP_COMP", 0x40000 },
  { "__GFP_HIGHMEM|__GFP_NOWARN|__GFP_ZERO", 0x2102 },
  { "__GFP_HIGH|__GFP_ATOMIC|__GFP_ZERO", 0x320 },
  { "__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC", 0xd20c0 },
  { "__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC|__GFP_HARDWALL",
    0x1d20c0 },
  { "__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC|__GFP_RECLAIMABLE",
    0xd20d0 },
  { "__GFP_IO|__GFP_FS|__GFP_NOWARN|__GFP_RETRY_MAYFAIL|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC",
    0xd60c0 },
  { "__GFP_IO|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC", 0xd2040 },
  { "__GFP_IO|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC|__GFP_RECLAIMABLE", 0xd2050 },
  { "__GFP_NOWARN|__GFP_NORETRY", 0x12000 },
  { "__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP", 0x52000 },
  { "__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC", 0xd2000 },
  { "__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_RECLAIMABLE", 0x52010 },
  { "__GFP_NOWARN|__GFP_NORETRY|__GFP_RECLAIMABLE", 0x12010 },
  { "__GFP_NOWARN|__GFP_RETRY_MAYFAIL|__GFP_NORETRY|__GFP_COMP", 0x56000 },
  { "__GFP_ZERO", 0x100 },
  { "none", 0x0 },
};

static KmlGfp
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  KmlGfp gfp = 0;

  if (!kml_gfp_parse (text, strlen (text), &gfp, &error))
    ck_abort_msg ("%s", error->message);
  return gfp;
}

START_TEST (the_kernels_texts_mean_the_kernels_bits)
{
  for (guint i = 0; i < G_N_ELEMENTS (recorded); i++)
    ck_assert_msg (parse (recorded[i].text) == recorded[i].gfp, "%s: %x, not %x", recorded[i].text,
                   parse (recorded[i].text), recorded[i].gfp);
}
END_TEST

START_TEST (bits_are_printed_as_the_kernel_prints_them)
{
  for (guint i = 0; i < G_N_ELEMENTS (recorded); i++) {
    g_autofree char *text = kml_gfp_format (recorded[i].gfp);

    ck_assert_str_eq (text, recorded[i].text);
  }
}
END_TEST

START_TEST (every_set_of_bits_reads_back)
{
  guint32 bits = 1;

  for (guint i = 0; i < 10000; i++) {
    g_autofree char *text = NULL;

    bits = bits * 1664525u + 1013904223u;
    text = kml_gfp_format (bits);
    ck_assert_msg (parse (text) == bits, "%x became %s", bits, text);
  }
}
END_TEST

START_TEST (names_of_other_kernels_are_read)
{
  ck_assert_uint_eq (parse ("none"), 0);
  ck_assert_uint_eq (parse ("__GFP_WAIT|__GFP_IO|__GFP_FS"), KML_GFP_KERNEL);
  ck_assert_uint_eq (parse ("__GFP_RECLAIM"), KML_GFP_RECLAIM);
  ck_assert_uint_eq (parse ("__GFP_REPEAT"), KML_GFP_RETRY_MAYFAIL);
  ck_assert_uint_eq (parse ("GFP_TEMPORARY"), KML_GFP_KERNEL | KML_GFP_RECLAIMABLE);
  ck_assert_uint_eq (parse ("GFP_KERNEL|GFP_ZERO|GFP_COLD"), KML_GFP_KERNEL | KML_GFP_ZERO);
  ck_assert_uint_eq (parse ("__GFP_DMA32|__GFP_DMA"), KML_GFP_DMA | KML_GFP_DMA32);
  ck_assert_uint_eq (parse ("GFP_KERNEL|__GFP_NOLOCKDEP|__GFP_ZEROTAGS"), KML_GFP_KERNEL);
  ck_assert_uint_eq (parse ("GFP_HIGHUSER_MOVABLE|__GFP_CMA"), parse ("GFP_HIGHUSER_MOVABLE"));
}
END_TEST

START_TEST (hexadecimal_is_taken_as_it_is)
{
  ck_assert_uint_eq (parse ("0xcc0"), KML_GFP_KERNEL);
  ck_assert_uint_eq (parse ("0xFFFFFFFF"), 0xffffffff);
  ck_assert_uint_eq (parse ("GFP_KERNEL|0x8000000"), KML_GFP_KERNEL | 0x8000000);
}
END_TEST

START_TEST (what_is_not_a_flag_is_quoted)
{
  static const struct {
    const char *text;
    const char *fragment;
  } cases[] = {
    { "GFP_KERNAL", "not “GFP_KERNAL”" },
    { "", "not “”" },
    { "GFP_KERNEL|__GFP_NONESUCH", "not “__GFP_NONESUCH” in “GFP_KERNEL|__GFP_NONESUCH”" },
    { "GFP_KERNEL|", "not “” in “GFP_KERNEL|”" },
    { "|", "not “” in “|”" },
    { "GFP_", "not “GFP_”" },
    { "GFP_KERNEL none", "not “GFP_KERNEL none”" },
    { "gfp_kernel", "not “gfp_kernel”" },
    { "0x", "not “0x”" },
    { "0x1ffffffff", "not “0x1ffffffff”" },
    { "0xg", "not “0xg”" },
    { "3264", "not “3264”" },
  };
  g_autofree char *endless = g_strnfill (100000, 'G');
  g_autoptr (GError) error = NULL;
  KmlGfp gfp = 77;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) refusal = NULL;

    ck_assert (!kml_gfp_parse (cases[i].text, strlen (cases[i].text), &gfp, &refusal));
    assert_error (refusal, KML_ERROR_INPUT, cases[i].fragment);
  }
  ck_assert (!kml_gfp_parse (endless, 100000, &gfp, &error));
  ck_assert_uint_lt (strlen (error->message), 300);
  ck_assert_uint_eq (gfp, 77);
}
END_TEST

START_TEST (the_length_ends_the_text)
{
  KmlGfp gfp;

  ck_assert (kml_gfp_parse ("GFP_KERNEL|__GFP_ZERO call_site=", 21, &gfp, NULL));
  ck_assert_uint_eq (gfp, KML_GFP_KERNEL | KML_GFP_ZERO);
}
END_TEST

START_TEST (mobility_follows_from_the_flags)
{
  ck_assert_int_eq (kml_gfp_mobility (parse ("GFP_KERNEL")), KML_MOBILITY_UNMOVABLE);
  ck_assert_int_eq (kml_gfp_mobility (parse ("GFP_HIGHUSER_MOVABLE")), KML_MOBILITY_MOVABLE);
  ck_assert_int_eq (kml_gfp_mobility (parse ("GFP_NOFS|__GFP_RECLAIMABLE")),
                    KML_MOBILITY_RECLAIMABLE);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("gfp");
  TCase *text = tcase_create ("text");

  tcase_add_test (text, the_kernels_texts_mean_the_kernels_bits);
  tcase_add_test (text, bits_are_printed_as_the_kernel_prints_them);
  tcase_add_test (text, every_set_of_bits_reads_back);
  tcase_add_test (text, names_of_other_kernels_are_read);
  tcase_add_test (text, hexadecimal_is_taken_as_it_is);
  tcase_add_test (text, what_is_not_a_flag_is_quoted);
  tcase_add_test (text, the_length_ends_the_text);
  tcase_add_test (text, mobility_follows_from_the_flags);
  suite_add_tcase (suite, text);

  return run_suite (suite);
}
