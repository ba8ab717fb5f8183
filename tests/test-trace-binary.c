/* test-trace-binary.c: recordings in binary form.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A recording that is converted and read again must be the same, to the last
 * count. Then the file is hurt in every way: each byte changed, cut at every
 * length, and, which checksums do not catch, contents that are wrong under
 * checksums that are right.
 */

#include "trace-fixture.h"

#include "simcore/base/rng.h"
#include "workloads/traces/trace-layout.h"

#include <sys/stat.h>
#include <zstd.h>

/* Converts a file; the result is in @folder under @name. (transfer full) */
static char *
convert (const char *folder, const char *from, const char *name)
{
  const KmlTraceConvert options = { 0 };
  char *path = in_folder (folder, name);
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = kml_trace_open (from, NULL, &error);

  assert_no_error (error);
  kml_trace_convert (trace, path, &options, &error);
  assert_no_error (error);
  return path;
}

static GByteArray *
file_bytes (const char *path)
{
  g_autoptr (GError) error = NULL;
  char *bytes;
  gsize n;

  g_file_get_contents (path, &bytes, &n, &error);
  assert_no_error (error);
  return g_byte_array_new_take ((guint8 *)bytes, n);
}

static GByteArray *
convert_text (const char *text)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *from = in_folder (folder, "text");
  g_autofree char *to = NULL;

  write_file (from, text, strlen (text));
  to = convert (folder, from, "binary");
  return file_bytes (to);
}

#define PREFIX "            task-7       [001] ..... 5."

/* All kinds of events, of several CPUs, contexts and times. */
static const char small_text[] =
    "# tracer: nop\n" PREFIX "000001: kmalloc: call_site=f ptr=0x1000 bytes_req=18 bytes_alloc=32 "
    "gfp_flags=GFP_KERNEL\n" PREFIX
    "000002: mm_page_alloc: page=0 pfn=8 order=2 migratetype=1 gfp_flags=GFP_USER\n"
    "     other task-8       [003] d.h1. 5.100003: kmem_cache_alloc: call_site=g ptr=0x2000 "
    "name=filp "
    "bytes_req=200 bytes_alloc=256 gfp_flags=GFP_ATOMIC|__GFP_ZERO\n" PREFIX
    "100004: mm_page_free: page=0 pfn=9 order=0\n" PREFIX
    "100005: kmalloc: call_site=f ptr=0x1000 bytes_req=18 bytes_alloc=32 "
    "gfp_flags=GFP_KERNEL\n" PREFIX "100006: kfree: call_site=h ptr=0x2000\n" PREFIX
    "100007: kfree: call_site=h ptr=0x3000\n" PREFIX
    "100008: mm_page_free: page=0 pfn=0x1238 order=3\n" PREFIX "900007: sched_switch: who=cares\n"
    "not an event\n";

/* ---- What is written is what was read ---- */

static const char *const samples[] = {
  "report.txt", "report-flags.txt", "ftrace.txt", "ftrace-unhashed.txt", "perf.txt",
};

START_TEST (a_converted_recording_is_the_same)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *text = sample_path (samples[_i]);
  g_autofree char *once = convert (folder, text, "once");
  g_autofree char *again = convert (folder, once, "again");
  g_autoptr (Recording) expected = read_file (text);
  g_autoptr (Recording) recording = read_file (once);
  g_autoptr (GByteArray) first = file_bytes (once);
  g_autoptr (GByteArray) second = file_bytes (again);
  const KmlTraceInfo *info = kml_trace_info (recording->trace);

  assert_same_recording (expected, recording);
  ck_assert_str_eq (info->format, "kmt");
  ck_assert_str_eq (info->source, kml_trace_info (expected->trace)->format);
  ck_assert_uint_eq (first->len, second->len);
  ck_assert (memcmp (first->data, second->data, first->len) == 0);
}
END_TEST

START_TEST (what_was_wrong_with_the_text_is_kept)
{
  g_autoptr (GByteArray) bytes = convert_text (small_text);
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = read_bytes (bytes->data, bytes->len, &error);
  const KmlTraceInfo *info = kml_trace_info (recording->trace);
  g_autoptr (GArray) names = kml_trace_names (recording->trace);

  assert_no_error (error);
  ck_assert_uint_eq (info->malformed_line, 11);
  ck_assert_str_eq (info->malformed_text, "not an event: “not an event”");
  ck_assert_uint_eq (info->counts[KML_TRACE_N_DOUBLE_ALLOC], 1);
  ck_assert_uint_eq (info->counts[KML_TRACE_N_FREE_UNKNOWN], 1);
  ck_assert_uint_eq (info->counts[KML_TRACE_N_SPLITS], 2);
  ck_assert_uint_eq (names->len, 6);
  ck_assert_str_eq (g_array_index (names, KmlTraceNameCount, 0).name, "kfree");
  ck_assert_uint_eq (g_array_index (names, KmlTraceNameCount, 0).count, 2);
}
END_TEST

START_TEST (the_info_is_there_before_the_events_are_read)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *text = sample_path ("perf.txt");
  g_autofree char *path = convert (folder, text, "x");
  g_autoptr (KmlTrace) trace = kml_trace_open (path, NULL, NULL);

  ck_assert (kml_trace_info (trace)->complete);
  ck_assert_uint_eq (kml_trace_info (trace)->counts[KML_TRACE_N_EVENTS], 300);
  ck_assert (kml_trace_progress (trace) == 0.0);
  ck_assert (kml_trace_finish (trace, NULL));
  ck_assert (kml_trace_progress (trace) == 1.0);
}
END_TEST

/* So many events that there are several blocks, dictionaries of more than 256 entries,
 * names of three bytes and times that do not fit a byte. */
static char *
long_text (guint n)
{
  GString *text = g_string_new ("# tracer: nop\n");
  guint64 usecs = 0;
  KmlRng rng;

  kml_rng_init (&rng, 7, "long");
  for (guint i = 0; i < n; i++) {
    const guint size = 1 + (guint)(kml_rng_next (&rng) % 500);

    usecs += kml_rng_next (&rng) % (i % 1000 == 0 ? 1000000 : 100);
    g_string_append_printf (text, "  task-%u  [00%u] ..... %u.%06u: ", i % 300, i % 4,
                            (guint)(usecs / 1000000), (guint)(usecs % 1000000));
    if (i % 50 == 49)
      g_string_append_printf (text, "mm_page_free: page=0 pfn=%u order=0\n", i);
    else if (i % 7 == 6)
      g_string_append_printf (text, "kfree: call_site=g ptr=0x%x00\n",
                              1 + (guint)(kml_rng_next (&rng) % i));
    else
      g_string_append_printf (text,
                              "kmalloc: call_site=f%u ptr=0x%x00 bytes_req=%u bytes_alloc=512 "
                              "gfp_flags=GFP_KERNEL\n",
                              size % 31, 1 + i, size);
  }
  return g_string_free (text, FALSE);
}

START_TEST (many_blocks_are_read_and_any_can_be_the_first)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *text = long_text (100000);
  g_autofree char *from = in_folder (folder, "text");
  g_autofree char *path = NULL;
  g_autoptr (Recording) expected = NULL, recording = NULL;
  g_autoptr (GByteArray) bytes = NULL;
  const guint8 *second;
  guint64 first = 0;

  write_file (from, text, strlen (text));
  path = convert (folder, from, "binary");
  expected = read_file (from);
  recording = read_file (path);
  assert_same_recording (expected, recording);
  ck_assert_uint_gt (expected->events->len, 5 * KML_KMT_BLOCK_EVENTS);
  bytes = file_bytes (path);
  second = bytes->data + KML_KMT_HEADER + KML_KMT_SECTION +
           kml_kmt_load32 (bytes->data + KML_KMT_HEADER + 8);
  ck_assert_uint_eq (kml_kmt_load32 (second), KML_KMT_TAG_BLOCK);
  ck_assert_uint_gt (kml_kmt_load32 (second + 36), 0); /* live objects */
  ck_assert_uint_eq (kml_kmt_load32 (second + 40), 0); /* live pages: none was allocated */

  for (guint64 wanted = 0; wanted < expected->events->len; wanted += 7001) {
    g_autoptr (KmlTrace) trace = kml_trace_open (path, NULL, NULL);
    KmlTraceEvent event;
    guint64 at;

    ck_assert (kml_trace_seek (trace, wanted, &first, NULL));
    ck_assert_uint_le (first, wanted);
    ck_assert_uint_gt (first + KML_KMT_BLOCK_EVENTS, wanted);
    for (at = first; kml_trace_next (trace, &event, 1, NULL) == 1; at++) {
      /* frees of what was born before are left out */
      while (memcmp (&event, event_at (expected, (guint)at), sizeof event) != 0) {
        ck_assert_int_eq (event_at (expected, (guint)at)->kind, KML_OP_FREE);
        at++;
      }
    }
  }
  ck_assert_uint_gt (first, 0);
}
END_TEST

START_TEST (there_is_nothing_to_seek_behind_the_end)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *text = sample_path ("perf.txt");
  g_autofree char *path = convert (folder, text, "x");
  g_autoptr (KmlTrace) binary = kml_trace_open (path, "x", NULL);
  g_autoptr (KmlTrace) plain = kml_trace_open (text, "text", NULL);
  g_autoptr (GError) error = NULL;
  guint64 first;

  ck_assert (!kml_trace_seek (binary, 1000000, &first, &error));
  assert_error (error, KML_ERROR_INPUT, "there are only");
  g_clear_error (&error);
  ck_assert (!kml_trace_seek (plain, 0, &first, &error));
  assert_error (error, KML_ERROR_INPUT, "convert it first");
}
END_TEST

START_TEST (an_event_takes_few_bytes)
{
  g_autofree char *text = long_text (50000);
  g_autoptr (GByteArray) bytes = convert_text (text);
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = read_bytes (bytes->data, bytes->len, &error);

  assert_no_error (error);
  ck_assert_uint_lt (bytes->len, 16 * recording->events->len);
}
END_TEST

/* ---- The file appears whole or not at all ---- */

static guint
n_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

START_TEST (a_file_that_exists_is_replaced_only_when_told_to)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *text = sample_path ("perf.txt");
  g_autofree char *path = in_folder (folder, "mine");
  KmlTraceConvert options = { .overwrite = FALSE };
  g_autoptr (KmlTrace) trace = kml_trace_open (text, NULL, NULL);
  g_autoptr (GByteArray) bytes = NULL;
  g_autoptr (GError) error = NULL;

  write_file (path, "precious", 8);
  ck_assert (!kml_trace_convert (trace, path, &options, &error));
  assert_error (error, KML_ERROR_INPUT, "mine: cannot create it: File exists");
  bytes = file_bytes (path);
  ck_assert (bytes->len == 8 && memcmp (bytes->data, "precious", 8) == 0);
  ck_assert_uint_eq (n_files (folder), 1);

  g_clear_error (&error);
  options.overwrite = TRUE;
  ck_assert (kml_trace_convert (trace, path, &options, &error));
  recording_free (read_file (path));
  ck_assert_uint_eq (n_files (folder), 1);
}
END_TEST

START_TEST (nothing_is_left_of_a_conversion_that_failed)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *text = sample_path ("perf.txt");
  g_autofree char *binary = convert (folder, text, "good");
  g_autofree char *bad = in_folder (folder, "bad");
  g_autofree char *to = in_folder (folder, "to");
  g_autofree char *nowhere = in_folder (folder, "no/such/folder");
  const KmlTraceConvert options = { 0 };
  g_autoptr (GByteArray) bytes = file_bytes (binary);
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = NULL, again = NULL;

  bytes->data[KML_KMT_HEADER + KML_KMT_SECTION + 5] ^= 1;
  write_file (bad, bytes->data, bytes->len);
  trace = kml_trace_open (bad, "bad", &error);
  assert_no_error (error);
  ck_assert (!kml_trace_convert (trace, to, &options, &error));
  assert_error (error, KML_ERROR_INPUT, "bad: byte 32: the checksum is wrong");
  ck_assert_uint_eq (n_files (folder), 2);

  g_clear_error (&error);
  again = kml_trace_open (binary, NULL, NULL);
  ck_assert (!kml_trace_convert (again, nowhere, &options, &error));
  assert_error (error, KML_ERROR_WORLD, "cannot create it");
}
END_TEST

/* ---- Damage ---- */

/* All changes of one bit and one of all; where it takes long, of each byte another bit. */
static gboolean
is_tried (guint at, guint change)
{
  return !IS_SANITIZED || change == at % 9;
}

START_TEST (every_change_of_a_byte_is_found)
{
  g_autoptr (GByteArray) bytes = convert_text (small_text);
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *path = in_folder (folder, "x");

  for (guint at = 0; at < bytes->len; at++)
    for (guint change = 0; change < 9; change++) {
      const guint8 was = bytes->data[at];
      g_autoptr (GError) error = NULL;

      if (!is_tried (at, change))
        continue;
      bytes->data[at] = change < 8 ? (guint8)(was ^ 1 << change) : (guint8)~was;
      write_file (path, bytes->data, bytes->len);
      ck_assert_msg (read_in_batches (path, 256, &error) == NULL,
                     "byte %u changed from %02x to %02x is not found", at, was, bytes->data[at]);
      ck_assert_int_eq (error->domain, KML_ERROR);
      bytes->data[at] = was;
    }
}
END_TEST

START_TEST (every_cut_is_found)
{
  g_autoptr (GByteArray) bytes = convert_text (small_text);

  for (guint length = 0; length < bytes->len; length++) {
    g_autoptr (GError) error = NULL;

    ck_assert_msg (read_bytes (bytes->data, length, &error) == NULL, "a cut to %u is not found",
                   length);
    ck_assert_int_eq (error->code, KML_ERROR_INPUT);
  }
}
END_TEST

START_TEST (what_was_added_is_found)
{
  g_autoptr (GByteArray) bytes = convert_text (small_text);
  g_autoptr (GByteArray) twice = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  g_byte_array_append (twice, bytes->data, bytes->len);
  g_byte_array_append (twice, bytes->data, bytes->len);
  ck_assert_ptr_null (read_bytes (twice->data, twice->len, &error));
  assert_error (error, KML_ERROR_INPUT, "the file was cut or something was added");
}
END_TEST

START_TEST (a_newer_version_says_so)
{
  g_autoptr (GByteArray) bytes = convert_text (small_text);
  g_autoptr (GError) error = NULL;

  kml_kmt_store32 (bytes->data + 8, KML_KMT_VERSION + 1);
  kml_kmt_store64 (bytes->data + 24, XXH3_64bits (bytes->data, 24));
  ck_assert_ptr_null (read_bytes (bytes->data, bytes->len, &error));
  assert_error (error, KML_ERROR_NEWER, "version 5 of the binary form: this program reads up to 4");
}
END_TEST

/* So that older programs read what they can, and refuse what they cannot. */
START_TEST (a_file_has_the_oldest_version_that_will_do)
{
  g_autoptr (GByteArray)
      with_old_pages = convert_text (PREFIX "000001: mm_page_free: page=0 pfn=5 order=0\n");
  g_autoptr (GByteArray) without = convert_text (PREFIX "000001: kfree: call_site=h ptr=0x3000\n");
  g_autoptr (GByteArray)
      with_moved = convert_text (PREFIX "000001: mm_compaction_begin: zone_start=0x1\n" PREFIX
                                        "000002: mm_page_free: page=0 pfn=5 order=0\n");
  g_autoptr (GByteArray) of_cache = convert_text (
      PREFIX "000001: kmem_cache_alloc: call_site=f ptr=0x3000 bytes_req=8 "
             "bytes_alloc=8 gfp_flags=0x0\n");
  g_autoptr (GError) error = NULL;

  ck_assert_uint_eq (kml_kmt_load32 (with_old_pages->data + 8), 2);
  ck_assert_uint_eq (kml_kmt_load32 (without->data + 8), 1);
  ck_assert_uint_eq (kml_kmt_load32 (with_moved->data + 8), 3);
  ck_assert_uint_eq (kml_kmt_load32 (of_cache->data + 8), 4);
  kml_kmt_store32 (with_old_pages->data + 8, 1);
  kml_kmt_store64 (with_old_pages->data + 24, XXH3_64bits (with_old_pages->data, 24));
  ck_assert_ptr_null (read_bytes (with_old_pages->data, with_old_pages->len, &error));
  assert_error (error, KML_ERROR_INPUT, "the block's contents are not one");
}
END_TEST

/* ---- Wrong contents under right checksums ---- */

/* A file of one block, taken apart. */
typedef struct {
  GByteArray *header; /* KML_KMT_HEADER bytes */
  GByteArray *head;   /* of the block */
  GByteArray *raw;    /* its payload, unpacked */
  GByteArray *footer_head;
  GByteArray *footer; /* its payload, unpacked */
} Parts;

static GByteArray *
copy_bytes (const guint8 *bytes, gsize n)
{
  return g_byte_array_append (g_byte_array_new (), bytes, (guint)n);
}

static GByteArray *
unpack_section (const guint8 *section)
{
  GByteArray *raw = g_byte_array_new ();
  const guint32 stored_length = kml_kmt_load32 (section + 8);

  if (kml_kmt_load32 (section + 4) == KML_KMT_STORED)
    return g_byte_array_append (raw, section + KML_KMT_SECTION, stored_length);
  g_byte_array_set_size (raw, kml_kmt_load32 (section + 12));
  ck_assert_uint_eq (
      ZSTD_decompress (raw->data, raw->len, section + KML_KMT_SECTION, stored_length), raw->len);
  return raw;
}

static Parts
take_apart (const GByteArray *bytes)
{
  const guint8 *block = bytes->data + KML_KMT_HEADER;
  const guint8 *footer = bytes->data + kml_kmt_load64 (bytes->data + bytes->len - KML_KMT_TRAILER);

  return (Parts){
    .header = copy_bytes (bytes->data, KML_KMT_HEADER),
    .head = copy_bytes (block, KML_KMT_SECTION),
    .raw = unpack_section (block),
    .footer_head = copy_bytes (footer, KML_KMT_SECTION),
    .footer = unpack_section (footer),
  };
}

static void
parts_clear (Parts *self)
{
  g_byte_array_unref (self->header);
  g_byte_array_unref (self->head);
  g_byte_array_unref (self->raw);
  g_byte_array_unref (self->footer_head);
  g_byte_array_unref (self->footer);
}

static void
append_section (GByteArray *file, GByteArray *head, const GByteArray *raw)
{
  kml_kmt_store32 (head->data + 4, KML_KMT_STORED);
  kml_kmt_store32 (head->data + 8, raw->len);
  kml_kmt_store32 (head->data + 12, raw->len);
  kml_kmt_store64 (head->data + 48, kml_kmt_checksum (head->data, raw->data, raw->len));
  g_byte_array_append (file, head->data, head->len);
  g_byte_array_append (file, raw->data, raw->len);
}

/* The parts as a file again, with the lengths and checksums that belong to them. */
static GByteArray *
put_together (Parts *parts)
{
  GByteArray *file = copy_bytes (parts->header->data, parts->header->len);
  guint8 trailer[KML_KMT_TRAILER];
  guint footer_offset;

  append_section (file, parts->head, parts->raw);
  footer_offset = file->len;
  append_section (file, parts->footer_head, parts->footer);
  kml_kmt_store64 (trailer, footer_offset);
  kml_kmt_store64 (trailer + 8, file->len + KML_KMT_TRAILER);
  kml_kmt_store64 (trailer + 16, XXH3_64bits (trailer, 16));
  memcpy (trailer + 24, KML_KMT_END_MAGIC, 8);
  return g_byte_array_append (file, trailer, sizeof trailer);
}

START_TEST (a_file_can_be_put_together_by_its_description)
{
  g_autoptr (GByteArray) bytes = convert_text (small_text);
  Parts parts = take_apart (bytes);
  g_autoptr (GByteArray) again = put_together (&parts);
  g_autoptr (GError) error = NULL;
  g_autoptr (Recording) recording = read_bytes (again->data, again->len, &error);

  assert_no_error (error);
  ck_assert_uint_eq (recording->events->len, 10);
  parts_clear (&parts);
}
END_TEST

/* What a replay relies on: no name is given to two live blocks, frees and splits are of live ones.
 * */
static void
check_story (const Recording *recording)
{
  g_autoptr (GHashTable) live = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < recording->events->len; i++) {
    const KmlTraceEvent *event = event_at (recording, i);
    const guint level = event->level == KML_LEVEL_PAGES ? 1 : 0;
    gpointer block = GSIZE_TO_POINTER ((gsize)event->block << 1 | level);
    gpointer other = GSIZE_TO_POINTER ((gsize)event->other << 1 | level);

    ck_assert_int_lt (event->context, KML_N_CONTEXTS);
    ck_assert_int_lt (event->mobility, KML_N_MOBILITIES);
    ck_assert_int_le (event->order, KML_MAX_ORDER);
    if (event->kind == KML_OP_ALLOC) {
      ck_assert (g_hash_table_add (live, block));
      ck_assert (level == 1 || event->bytes_req > 0);
    } else if (event->kind == KML_OP_FREE) {
      ck_assert (g_hash_table_remove (live, block));
    } else if (event->kind == KML_OP_FREE_OLD) {
      ck_assert (level == 1);
      ck_assert_uint_eq (event->block, 0);
      ck_assert_uint_lt (event->other, KML_PFN_NONE);
    } else {
      ck_assert (level == 1);
      ck_assert (g_hash_table_contains (live, block));
      ck_assert (g_hash_table_add (live, other));
    }
  }
}

START_TEST (wrong_contents_are_an_error_or_a_sound_story)
{
  g_autoptr (GByteArray) bytes = convert_text (small_text);
  guint n_errors = 0, n_good = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "wrong contents");
  for (guint i = 0; i < 6000; i++) {
    Parts parts = take_apart (bytes);
    GByteArray *const victim = kml_rng_next (&rng) % 4 == 0 ? parts.footer : parts.raw;
    const guint n_changes = 1 + (guint)(kml_rng_next (&rng) % 3);
    g_autoptr (GByteArray) file = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (Recording) recording = NULL;

    for (guint j = 0; j < n_changes; j++)
      victim->data[kml_rng_next (&rng) % victim->len] = (guint8)(kml_rng_next (&rng) >> 7);
    file = put_together (&parts);
    recording = read_bytes (file->data, file->len, &error);
    if (recording != NULL) {
      check_story (recording);
      n_good++;
    } else {
      ck_assert_int_eq (error->code, KML_ERROR_INPUT);
      n_errors++;
    }
    parts_clear (&parts);
  }
  ck_assert_uint_gt (n_errors, 500);
  ck_assert_uint_gt (n_good, 500);
}
END_TEST

/* Lengths that promise what is not there must not be believed. */
START_TEST (enormous_lengths_are_refused)
{
  static const guint offsets[] = { 8, 12, 32 }; /* of the head: stored, raw, events */
  g_autoptr (GByteArray) bytes = convert_text (small_text);

  for (guint i = 0; i < G_N_ELEMENTS (offsets); i++) {
    g_autoptr (GByteArray) file = copy_bytes (bytes->data, bytes->len);
    guint8 *const head = file->data + KML_KMT_HEADER;
    const guint32 stored = kml_kmt_load32 (head + 8);
    g_autoptr (GError) error = NULL;

    kml_kmt_store32 (head + offsets[i], 0xfffffff0);
    kml_kmt_store64 (head + 48, kml_kmt_checksum (head, head + KML_KMT_SECTION, stored));
    ck_assert_ptr_null (read_bytes (file->data, file->len, &error));
    assert_error (error, KML_ERROR_INPUT, "the trace: byte 32");
  }
}
END_TEST

static Suite *
trace_binary_suite (void)
{
  Suite *suite = suite_create ("trace-binary");
  TCase *same = tcase_create ("same");
  TCase *whole = tcase_create ("whole");
  TCase *damage = tcase_create ("damage");
  TCase *wrong = tcase_create ("wrong");

  tcase_add_loop_test (same, a_converted_recording_is_the_same, 0, G_N_ELEMENTS (samples));
  tcase_add_test (same, what_was_wrong_with_the_text_is_kept);
  tcase_add_test (same, the_info_is_there_before_the_events_are_read);
  tcase_add_test (same, many_blocks_are_read_and_any_can_be_the_first);
  tcase_add_test (same, there_is_nothing_to_seek_behind_the_end);
  tcase_add_test (same, an_event_takes_few_bytes);
  suite_add_tcase (suite, same);

  tcase_add_test (whole, a_file_that_exists_is_replaced_only_when_told_to);
  tcase_add_test (whole, nothing_is_left_of_a_conversion_that_failed);
  suite_add_tcase (suite, whole);

  tcase_add_test (damage, every_change_of_a_byte_is_found);
  tcase_add_test (damage, every_cut_is_found);
  tcase_add_test (damage, what_was_added_is_found);
  tcase_add_test (damage, a_newer_version_says_so);
  tcase_add_test (damage, a_file_has_the_oldest_version_that_will_do);
  suite_add_tcase (suite, damage);

  tcase_add_test (wrong, a_file_can_be_put_together_by_its_description);
  tcase_add_test (wrong, wrong_contents_are_an_error_or_a_sound_story);
  tcase_add_test (wrong, enormous_lengths_are_refused);
  suite_add_tcase (suite, wrong);
  return suite;
}

int
main (void)
{
  return run_suite (trace_binary_suite ());
}
