/* test-trace-shape.c: lines that are known without being parsed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The short way must say what the format's parser says, of every line that it takes: it is compared
 * with a parser that has read nothing before. The lines are those of the samples, and what random
 * changes make of them: other bytes, and beginnings of one with ends of another.
 */

#include "trace-fixture.h"

#include "simcore/base/rng.h"
#include "workloads/traces/trace-format.h"

#define N_CHANGES   12 /* of each line */
#define MAX_CHANGED 1024

static const char *const samples[] = { "report.txt", "report-flags.txt", "ftrace.txt",
                                       "ftrace-unhashed.txt", "perf.txt" };

typedef struct {
  char *text; /* (owned): KML_TRACE_PADDING zeros behind it */
  gsize length;
  GPtrArray *lines; /* (owned) (element-type char *): into the text */
  const KmlTraceFormat *format;
  KmlTraceTexts texts; /* which learn */
  guint64 n_known;
} Sample;

static void
sample_init (Sample *self, const char *text)
{
  guint n;
  const KmlTraceFormat *const *formats = kml_trace_format_list (&n);

  self->length = strlen (text);
  self->text = g_malloc0 (self->length + KML_TRACE_PADDING);
  memcpy (self->text, text, self->length);
  self->lines = g_ptr_array_new ();
  self->format = NULL;
  for (char *line = self->text; line < self->text + self->length;) {
    char *const newline = strchr (line, '\n');

    for (guint i = 0; i < n && self->format == NULL; i++)
      if (formats[i]->recognises (line, newline))
        self->format = formats[i];
    g_ptr_array_add (self->lines, line);
    line = newline + 1;
  }
  ck_assert_ptr_nonnull (self->format);
  kml_trace_texts_init (&self->texts);
  self->n_known = 0;
}

static void
sample_load (Sample *self, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = sample_path (name), *text = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  assert_no_error (error);
  sample_init (self, text);
}

static void
sample_clear (Sample *self)
{
  kml_trace_texts_finish (&self->texts);
  g_ptr_array_unref (self->lines);
  g_free (self->text);
}

static const char *
end_of (const char *line, const char *newline)
{
  return newline > line && newline[-1] == '\r' ? newline - 1 : newline;
}

#define SAME(field)                                                                                \
  ck_assert_msg (known->field == parsed.field, #field " differs in %.*s", (int)(end - line), line)
#define SAME_TEXT(field, strings)                                                                  \
  ck_assert_str_eq (kml_trace_strings_get (&self->texts.strings, known->field),                    \
                    kml_trace_strings_get (&fresh.strings, parsed.field))

static void
compare (Sample *self, const char *line, const char *end, const KmlTraceLine *known)
{
  KmlTraceTexts fresh;
  KmlTraceLine parsed;

  kml_trace_texts_init (&fresh);
  ck_assert_msg (self->format->parse (&fresh, line, end, &parsed) == KML_TRACE_LINE_EVENT,
                 "not an event: %.*s", (int)(end - line), line);
  SAME (time_ns);
  SAME (pid);
  SAME (cpu);
  SAME (context);
  SAME (record);
  if (known->record == KML_TRACE_OTHER) {
    SAME_TEXT (name, names);
  } else if (known->record != KML_TRACE_MM_PAGE_FREE_BATCHED &&
             known->record != KML_TRACE_SLAB_FREE) {
    SAME (key);
    SAME (bytes_req);
    SAME (bytes_alloc);
    SAME (gfp);
    SAME (order);
    SAME (migratetype);
    SAME (failed);
    SAME_TEXT (site, sites);
    SAME_TEXT (cache, caches);
  }
  kml_trace_texts_finish (&fresh);
}

/* Reads the line at @line, which ends before @limit if it ends. */
static void
read_line (Sample *self, const char *line, const char *limit)
{
  const char *const newline = memchr (line, '\n', (gsize)(limit - line));
  KmlTraceLine known, ignored;
  const char *const next = kml_trace_parse_known (&self->texts, line, limit, &known);

  if (next != NULL) {
    ck_assert_ptr_eq (next - 1, newline);
    compare (self, line, end_of (line, newline), &known);
    self->n_known++;
  } else if (newline != NULL) {
    self->format->parse (&self->texts, line, end_of (line, newline), &ignored);
  }
}

static void
read_lines (Sample *self)
{
  for (guint i = 0; i < self->lines->len; i++)
    read_line (self, g_ptr_array_index (self->lines, i), self->text + self->length);
}

START_TEST (what_is_known_is_what_the_parser_reads)
{
  Sample sample;

  sample_load (&sample, samples[_i]);
  read_lines (&sample);
  read_lines (&sample);
  ck_assert_uint_gt (sample.n_known, sample.lines->len); /* of twice as many */
  sample_clear (&sample);
}
END_TEST

/* A line, or the beginning of one and the end of another, with some bytes changed. */
static gsize
change (const Sample *sample, guint i, KmlRng *rng, char *changed)
{
  static const char bytes[] = "0123456789abcfpkx =:.-+()[]|,dhs\r\n\t\x00\x7f\xff";
  const char *const line = g_ptr_array_index (sample->lines, i);
  const char *const other = g_ptr_array_index (sample->lines,
                                               kml_rng_next (rng) % sample->lines->len);
  const gsize length = strcspn (line, "\n") + 1, other_length = strcspn (other, "\n") + 1;
  const gsize cut = kml_rng_next (rng) % length;
  gsize n;

  memset (changed, 0, MAX_CHANGED + KML_TRACE_PADDING);
  ck_assert_uint_lt (length + other_length, MAX_CHANGED);
  if (kml_rng_next (rng) % 2 == 0) {
    gsize from = cut + kml_rng_next (rng) % 3;

    from = MIN (from, other_length);
    memcpy (changed, line, cut);
    memcpy (changed + cut, other + from, other_length - from);
    n = cut + other_length - from;
  } else {
    memcpy (changed, line, length);
    n = length;
  }
  for (guint64 k = kml_rng_next (rng) % 3; k > 0 && n > 0; k--)
    changed[kml_rng_next (rng) % n] = bytes[kml_rng_next (rng) % (sizeof bytes - 1)];
  return n;
}

START_TEST (what_is_changed_is_read_as_if_nothing_were_known)
{
  char changed[MAX_CHANGED + KML_TRACE_PADDING];
  Sample sample;
  KmlRng rng;

  sample_load (&sample, samples[_i]);
  kml_rng_init (&rng, 20, samples[_i]);
  for (guint i = 0; i < sample.lines->len; i++) {
    read_line (&sample, g_ptr_array_index (sample.lines, i), sample.text + sample.length);
    for (guint k = 0; k < N_CHANGES; k++)
      read_line (&sample, changed, changed + change (&sample, i, &rng, changed));
  }
  ck_assert_uint_gt (sample.n_known, sample.lines->len); /* many changes change little */
  sample_clear (&sample);
}
END_TEST

/* Two lines that are alike but for what makes them different things: each is read twice. */
#define KFREE(rest) "kfree:                (some_function+0x12) call_site=some_function+0x12 " rest
#define KMALLOC(rest)                                                                              \
  "kmalloc:              (some_function+0x12) call_site=some_function+0x12 " rest
#define PAGES(rest)       "mm_page_alloc:        page=0xffffea0000000000 " rest
#define TAIL              " bytes_req=8 bytes_alloc=8 gfp_flags=GFP_KERNEL node=-1"
#define PAGES_TAIL(order) " order=" order " migratetype=0 gfp_flags=GFP_KERNEL"

static const char *const alike[][2] = {
  { KFREE ("ptr=0xffff888000000040"), KFREE ("ptr=0xffff888000000080") },
  { KFREE ("ptr=0xffff888000000040"), KFREE ("ptr=0xffff88800000004z") },
  { KFREE ("ptr=0xffff888000000040"), KFREE ("ptr=0xffff8880000000401") },
  { KFREE ("ptr=0xffff888000000040"), KFREE ("ptr=FFFF888000000040") },
  { KFREE ("ptr=0xffff888000000040"), KFREE ("ptr=0x") },
  { KFREE ("ptr=(nil)x"), KFREE ("ptr=0xffff888000000040x") },
  { KFREE ("ptr=(nil)"), KFREE ("ptr=(null)") },
  { KFREE ("ptr=0xffff888000000040 ptr=0xffff888000000080"),
    KFREE ("ptr=0xffff8880000000c0 ptr=0xffff888000000080") },
  { KFREE ("ptr=0xffff888000000040"), KFREE ("ptr=0xffff888000000040 ptr=0xffff888000000080") },
  { KFREE ("ptr=0xffff888000000040 name=a"), KFREE ("ptr=0xffff888000000040 name=b") },
  { KMALLOC ("ptr=0xffff888000000040" TAIL), KMALLOC ("ptr=0x0000000000000000" TAIL) },
  { KMALLOC ("ptr=0xffff888000000040" TAIL), KMALLOC ("ptr=(nil)" TAIL) },
  { KMALLOC ("ptr=(nil)" TAIL), KMALLOC ("ptr=0xffff888000000040" TAIL) },
  { KMALLOC ("ptr=0xffff888000000040" TAIL), KMALLOC ("ptr=0xffff888000000040" TAIL " more") },
  { KMALLOC ("ptr=0xffff888000000040" TAIL),
    KMALLOC ("ptr=0xffff888000000040 bytes_req=9 bytes_alloc=8 gfp_flags=0x0") },
  { KMALLOC ("ptr=0xffff888000000040" TAIL), KMALLOC ("ptr=0xffff888000000040 bytes_req=9") },
  { PAGES ("pfn=0x40" PAGES_TAIL ("3")), PAGES ("pfn=0x48" PAGES_TAIL ("3")) },
  { PAGES ("pfn=0x40" PAGES_TAIL ("3")), PAGES ("pfn=0x44" PAGES_TAIL ("3")) },
  { PAGES ("pfn=0x40" PAGES_TAIL ("0")), PAGES ("pfn=0x41" PAGES_TAIL ("0")) },
  { PAGES ("pfn=0x40" PAGES_TAIL ("0")), PAGES ("pfn=65" PAGES_TAIL ("0")) },
  { PAGES ("pfn=0x40" PAGES_TAIL ("0")), PAGES ("pfn=-1" PAGES_TAIL ("0")) },
  { PAGES ("pfn=0x40" PAGES_TAIL ("0")), PAGES ("pfn=0xffffffffffffffff" PAGES_TAIL ("0")) },
  { PAGES ("pfn=0x40" PAGES_TAIL ("0")), PAGES ("pfn=0x10000000000" PAGES_TAIL ("0")) },
  { PAGES ("pfn=0x40" PAGES_TAIL ("0")), PAGES ("pfn=0x40 page=(nil)" PAGES_TAIL ("0")) },
  { PAGES ("pfn=0x40" PAGES_TAIL ("0")),
    "mm_page_alloc:        page=(nil) pfn=0x0" PAGES_TAIL ("0") },
  { PAGES ("pfn=0x40" PAGES_TAIL ("0")), PAGES ("pfn=0x40 pfn=0x50" PAGES_TAIL ("0")) },
  { PAGES ("pfn=0x40" PAGES_TAIL ("0")), PAGES ("order=0 pfn=0x50" PAGES_TAIL ("0")) },
  { "mm_page_pcpu_drain:   page=1 pfn=2", "mm_page_pcpu_drain:   " },
  { "mm_page_pcpu_drain:   page=1 pfn=2", "mm_page_pcpu_drain: x page=1 pfn=2" },
};

START_TEST (what_is_alike_is_told_apart)
{
  g_autoptr (GString) text = g_string_new (NULL);
  Sample sample;

  for (guint i = 0; i < 4; i++)
    g_string_append_printf (text, "            cat-100   [000]     5.00000%u: %s\n", i,
                            alike[_i][i / 2]);
  sample_init (&sample, text->str);
  read_lines (&sample);
  sample_clear (&sample);
}
END_TEST

/* ---- What is forgotten ---- */

START_TEST (more_shapes_than_there_is_room_for_are_read_alike)
{
  g_autoptr (GString) text = g_string_new ("cpus=1\n");
  g_autoptr (Recording) recording = NULL;

  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < 20000; i++)
      g_string_append_printf (text,
                              "            task-7       [001] 5.%06u: kfree:                "
                              "(function_%u+0x12) call_site=function_%u+0x12 "
                              "ptr=0xffff8880%08x\n",
                              i, i, i, i * 64);
  recording = read_text (text->str);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_UNKNOWN), 40000);
  ck_assert_uint_eq (kml_trace_info (recording->trace)->n_sites, 20000);
}
END_TEST

static Suite *
trace_shape_suite (void)
{
  Suite *suite = suite_create ("trace-shape");
  TCase *shapes = tcase_create ("shapes");

  tcase_set_timeout (shapes, 120);
  tcase_add_loop_test (shapes, what_is_known_is_what_the_parser_reads, 0, G_N_ELEMENTS (samples));
  tcase_add_loop_test (shapes, what_is_changed_is_read_as_if_nothing_were_known, 0,
                       G_N_ELEMENTS (samples));
  tcase_add_loop_test (shapes, what_is_alike_is_told_apart, 0, G_N_ELEMENTS (alike));
  tcase_add_test (shapes, more_shapes_than_there_is_room_for_are_read_alike);
  suite_add_tcase (suite, shapes);
  return suite;
}

int
main (void)
{
  return run_suite (trace_shape_suite ());
}
