/* test-trace-dialects.c: what other kernels, and other versions of the tools, print.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The lines are those of each kernel's TRACE_EVENT, as its vsprintf() and the tool's printf() write them. What is expected was
 * counted by eye.
 */

#include "trace-fixture.h"

/* ---- NULL ---- */

#define THREE_TIMES(line) line line line

/* A pointer as wide as others, that of Linux 4 and of 32 bits; zeros, since 5.8; a hash like any other, in between, where only the frame tells. */
START_TEST (an_allocation_that_failed_is_told_from_one_of_frame_0)
{
  static const char *const failed[] = {
    "page=          (null) pfn=0 order=3",
    "page=  (null) pfn=0 order=0",
    "page=0000000000000000 pfn=0x0 order=9",
    "page=00000000aa55aa55 pfn=0 order=9",
    "page=0x0 pfn=0x0 order=9",
    "page=(nil) pfn=0x0 order=0",
  };

  for (guint i = 0; i < G_N_ELEMENTS (failed); i++) {
    static const char format[] = THREE_TIMES ("  task-7 [001] ..... 5.000001: mm_page_alloc: %1$s "
                                              "migratetype=1 gfp_flags=GFP_KERNEL\n")
        THREE_TIMES (
            "  task-7 [001] ..... 5.000001: mm_page_alloc: page=000000003b2a1c44 pfn=1024 order=9 "
            "migratetype=1 gfp_flags=GFP_KERNEL\n"
            "  task-7 [001] ..... 5.000001: mm_page_alloc: %1$s migratetype=1 "
            "gfp_flags=GFP_KERNEL\n"
            "  task-7 [001] ..... 5.000001: mm_page_free: page=000000003b2a1c44 pfn=1024 "
            "order=9\n");
    g_autofree char *text = g_strdup_printf (format, failed[i]);
    g_autoptr (Recording) recording = read_text (text);

    ck_assert_msg (count_of (recording, KML_TRACE_N_FAILED) == 6, "%s", failed[i]);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_PAGE_ALLOCS), 3);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_PAGE_FREES), 3);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_PAGE_DOUBLE_ALLOC), 0);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 0);
  }
}
END_TEST

START_TEST (null_may_be_as_wide_as_any_pointer)
{
  static const char *const nulls[] = { "          (null)", "  (null)", "(null)", "(nil)",
                                       "0000000000000000", "00000000", "0x0" };

  for (guint i = 0; i < G_N_ELEMENTS (nulls); i++) {
    static const char format[] = THREE_TIMES (
        "  task-7 [001] d..1 5.000001: kfree: call_site=ffffffff811d5a3c ptr=%1$s\n"
        "  task-7 [001] d..1 5.000001: kfree: call_site=ffffffff811d5a3c ptr=ffff880035e5a000\n"
        "  task-7 [001] d..1 5.000001: kmem_cache_alloc: call_site=ffffffff811d5a3c ptr=%1$s "
        "bytes_req=256 bytes_alloc=256 gfp_flags=GFP_NOWAIT\n");
    g_autofree char *text = g_strdup_printf (format, nulls[i]);
    g_autoptr (Recording) recording = read_text (text);

    ck_assert_msg (count_of (recording, KML_TRACE_N_FREE_NULL) == 3, "“%s”", nulls[i]);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_UNKNOWN), 3);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FAILED), 3);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 0);
  }
}
END_TEST

static Suite *
trace_dialects_suite (void)
{
  Suite *suite = suite_create ("trace-dialects");
  TCase *null = tcase_create ("NULL");

  tcase_add_test (null, an_allocation_that_failed_is_told_from_one_of_frame_0);
  tcase_add_test (null, null_may_be_as_wide_as_any_pointer);
  suite_add_tcase (suite, null);
  return suite;
}

int
main (void)
{
  return run_suite (trace_dialects_suite ());
}
