/* test-trace-llfree.c: the page traces of LLFree.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The files are made here, bit by bit, as the head of trace-llfree.c says.
 */

#include "trace-fixture.h"

#include "simcore/memory/gfp.h"

#define PIECE 4096

typedef struct {
  guint64 time_us, pfn, is_alloc, order, gfp, pid;
} Entry;

static void
put32 (guint8 *at, guint32 value)
{
  for (guint i = 0; i < 4; i++)
    at[i] = (guint8)(value >> (8 * i));
}

static void
put_entry (guint8 *at, Entry entry)
{
  const unsigned __int128 bits = (unsigned __int128)entry.time_us |
                                 (unsigned __int128)entry.pfn << 38 |
                                 (unsigned __int128)entry.is_alloc << 62 |
                                 (unsigned __int128)entry.order << 63 |
                                 (unsigned __int128)entry.gfp << 67 |
                                 (unsigned __int128)entry.pid << 96;

  for (guint i = 0; i < 16; i++)
    at[i] = (guint8)(bits >> (8 * i));
}

static GByteArray *
new_trace (guint32 n_pieces, guint32 n_cpus, guint32 max_pfn)
{
  GByteArray *const bytes = g_byte_array_new ();

  g_byte_array_set_size (bytes, PIECE);
  memset (bytes->data, 0, PIECE);
  put32 (bytes->data, n_pieces);
  put32 (bytes->data + 4, n_cpus);
  put32 (bytes->data + 8, max_pfn);
  return bytes;
}

static void
add_piece (GByteArray *bytes, guint32 cpu, const Entry *entries, guint n)
{
  const guint begin = bytes->len;

  g_byte_array_set_size (bytes, begin + PIECE);
  memset (bytes->data + begin, 0, PIECE);
  put32 (bytes->data + begin, cpu);
  for (guint i = 0; i < n; i++)
    put_entry (bytes->data + begin + 16 + 16 * i, entries[i]);
}

static void
refuse (const GByteArray *bytes, guint n, const char *fragment)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (read_bytes (bytes->data, n, &error));
  assert_error (error, KML_ERROR_INPUT, fragment);
}

/* The sample: CPU 0's piece stands between the two of CPU 1.
 *
 *   us  CPU 0                    CPU 1
 *   10  alloc 0x40
 *   11                           alloc 0x100, order 3, of the page cache
 *   20  free 0x40, alloc 0x40    free 0x105 of that: three splits before it
 *   30  free 0x777, unknown      alloc 0x200
 *   40                           alloc 0x200, order 1: a free is inferred
 *   50                           free 0x104
 */
START_TEST (cpus_are_merged_by_time_then_by_number)
{
  static const struct {
    KmlOpKind kind;
    guint cpu, us, order;
  } expected[] = {
    { KML_OP_ALLOC, 0, 10, 0 }, { KML_OP_ALLOC, 1, 11, 3 }, { KML_OP_FREE, 0, 20, 0 },
    { KML_OP_ALLOC, 0, 20, 0 }, { KML_OP_SPLIT, 1, 20, 2 }, { KML_OP_SPLIT, 1, 20, 1 },
    { KML_OP_SPLIT, 1, 20, 0 }, { KML_OP_FREE, 1, 20, 0 },  { KML_OP_FREE_OLD, 0, 30, 0 },
    { KML_OP_ALLOC, 1, 30, 0 }, { KML_OP_FREE, 1, 40, 0 },  { KML_OP_ALLOC, 1, 40, 1 },
    { KML_OP_FREE, 1, 50, 0 },
  };
  g_autoptr (Recording) recording = read_sample ("llfree.sample");

  ck_assert_uint_eq (recording->events->len, G_N_ELEMENTS (expected));
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    const KmlTraceEvent *event = event_at (recording, i);

    ck_assert_msg (
        event->kind == expected[i].kind && event->cpu == expected[i].cpu &&
            event->order == expected[i].order && event->time_ns == (expected[i].us - 10) * 1000,
        "event %u is kind %d of order %u on CPU %u", i, event->kind, event->order, event->cpu);
    ck_assert_uint_eq (event->level, KML_LEVEL_PAGES);
  }
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_EVENTS), 9);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_PAGE_FREE_UNKNOWN), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_PAGE_DOUBLE_ALLOC), 1);
  ck_assert_uint_eq (kml_trace_info (recording->trace)->n_cpus, 2);
}
END_TEST

START_TEST (flags_say_what_the_pages_are_for)
{
  g_autoptr (Recording) recording = read_sample ("llfree.sample");
  const KmlTraceEvent *kernel = event_at (recording, 0), *user = event_at (recording, 1);

  ck_assert_uint_eq (kernel->gfp, KML_GFP_KERNEL);
  ck_assert_uint_eq (kernel->pid, 7);
  ck_assert_uint_eq (kernel->mobility, KML_MOBILITY_UNMOVABLE);
  ck_assert_str_eq (kml_trace_cache (recording->trace, kernel->cache), "");
  ck_assert_uint_eq (user->gfp & 0x10000000u, 0);
  ck_assert_uint_eq (user->mobility, KML_MOBILITY_MOVABLE);
  ck_assert_str_eq (kml_trace_cache (recording->trace, user->cache), "page cache");
}
END_TEST

/* All the widths: the highest value that a field can hold. */
START_TEST (fields_are_read_to_their_limits)
{
  const Entry entries[] = {
    { (G_GUINT64_CONSTANT (1) << 38) - 2, 0xffffff, 1, 0, 0x1fffffff, 0xffffffff },
    { (G_GUINT64_CONSTANT (1) << 38) - 1, 0xff8000, 1, 15, 0, 0 },
  };
  g_autoptr (GByteArray) bytes = new_trace (2, 1, 0xffffff);
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = NULL;

  add_piece (bytes, 0, entries, 2);
  recording = read_bytes (bytes->data, bytes->len, &error);
  assert_no_error (error);
  ck_assert_uint_eq (event_at (recording, 0)->gfp, 0x0fffffff);
  ck_assert_uint_eq (event_at (recording, 0)->pid, 0xffffffff);
  ck_assert_uint_eq (event_at (recording, 1)->flags, KML_TRACE_INFERRED);
  ck_assert_uint_eq (event_at (recording, 2)->order, 15);
  ck_assert_uint_eq (event_at (recording, 2)->time_ns, 1000);
  ck_assert_uint_eq (kml_trace_info (recording->trace)->base_ns,
                     ((G_GUINT64_CONSTANT (1) << 38) - 2) * 1000);
}
END_TEST

/* Full pieces of three CPUs in a shuffled order come out in the order of time. */
START_TEST (many_pieces_are_merged)
{
  static const guint8 cpus[] = { 2, 0, 0, 1, 2, 1, 0, 2, 1 };
  g_autoptr (GByteArray) bytes = new_trace (10, 3, 0xffffff);
  guint64 now[3] = { 0, 1, 2 };
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = NULL;
  guint32 pfn = 1;

  for (guint i = 0; i < G_N_ELEMENTS (cpus); i++) {
    Entry entries[255];

    for (guint j = 0; j < G_N_ELEMENTS (entries); j++) {
      now[cpus[i]] += 3;
      entries[j] = (Entry){ now[cpus[i]], pfn++, 1, 0, 0xcc0, 1 };
    }
    add_piece (bytes, cpus[i], entries, G_N_ELEMENTS (entries));
  }
  recording = read_bytes (bytes->data, bytes->len, &error);
  assert_no_error (error);
  ck_assert_uint_eq (recording->events->len, 9 * 255);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_UNORDERED), 0);
  for (guint i = 0; i < recording->events->len; i++) {
    ck_assert_uint_eq (event_at (recording, i)->time_ns, i * 1000);
    ck_assert_uint_eq (event_at (recording, i)->cpu, i % 3);
  }
}
END_TEST

/* ---- What is bad ---- */

START_TEST (a_file_that_was_cut_is_refused)
{
  const Entry entry = { 1, 16, 1, 0, 0, 0 };
  g_autoptr (GByteArray) bytes = new_trace (3, 1, 100);

  add_piece (bytes, 0, &entry, 1);
  add_piece (bytes, 0, &entry, 1);
  refuse (bytes, bytes->len - 1, "the trace: byte 12287: the file ends within a piece");
  refuse (bytes, bytes->len - PIECE, "the trace: byte 8192: the file has fewer pieces");
}
END_TEST

START_TEST (a_cpu_that_is_not_there_is_refused)
{
  const Entry entry = { 1, 16, 1, 0, 0, 0 };
  g_autoptr (GByteArray) bytes = new_trace (3, 2, 100);

  add_piece (bytes, 1, &entry, 1);
  add_piece (bytes, 2, &entry, 1);
  refuse (bytes, bytes->len, "the trace: byte 8192: a CPU that is not below their number");
}
END_TEST

START_TEST (impossible_entries_are_counted)
{
  const Entry entries[] = {
    { 1, 16, 1, 0, 0, 0 }, { 2, 101, 1, 0, 0, 0 }, { 3, 18, 1, 2, 0, 0 }, { 4, 16, 0, 0, 0, 0 }
  };
  g_autoptr (GByteArray) bytes = new_trace (2, 1, 100);
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = NULL;

  add_piece (bytes, 0, entries, G_N_ELEMENTS (entries));
  recording = read_bytes (bytes->data, bytes->len, &error);
  assert_no_error (error);
  ck_assert_uint_eq (recording->events->len, 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 2);
  ck_assert_uint_eq (kml_trace_info (recording->trace)->malformed_line, 2);
  ck_assert_str_eq (kml_trace_info (recording->trace)->malformed_text,
                    "the frame is above the highest one at the beginning");
}
END_TEST

START_TEST (a_file_of_empty_pieces_is_refused)
{
  g_autoptr (GByteArray) bytes = new_trace (2, 1, 100);

  add_piece (bytes, 0, NULL, 0);
  refuse (bytes, bytes->len, "without a single event");
}
END_TEST

static Suite *
trace_llfree_suite (void)
{
  Suite *suite = suite_create ("trace-llfree");
  TCase *llfree = tcase_create ("llfree");

  tcase_add_test (llfree, cpus_are_merged_by_time_then_by_number);
  tcase_add_test (llfree, flags_say_what_the_pages_are_for);
  tcase_add_test (llfree, fields_are_read_to_their_limits);
  tcase_add_test (llfree, many_pieces_are_merged);
  tcase_add_test (llfree, a_file_that_was_cut_is_refused);
  tcase_add_test (llfree, a_cpu_that_is_not_there_is_refused);
  tcase_add_test (llfree, impossible_entries_are_counted);
  tcase_add_test (llfree, a_file_of_empty_pieces_is_refused);
  suite_add_tcase (suite, llfree);
  return suite;
}

int
main (void)
{
  return run_suite (trace_llfree_suite ());
}
