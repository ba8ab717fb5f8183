/* test-trace-csv.c: tables of requests, and maps of their columns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "trace-fixture.h"

#include "simcore/memory/gfp.h"
#include "simcore/param.h"
#include "workloads/traces/trace-columns.h"

static Recording *
read_mapped_or_error (const char *text, const char *columns, GError **error)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *path = in_folder (folder, "trace");
  g_autoptr (Recording) self = g_new0 (Recording, 1);
  const KmlTraceOptions options = { .shown = "the table", .columns = columns };
  KmlTraceEvent events[16];
  int n;

  write_file (path, text, strlen (text));
  self->events = g_array_new (FALSE, FALSE, sizeof (KmlTraceEvent));
  self->trace = kml_trace_open_with (path, &options, error);
  if (self->trace == NULL)
    return NULL;
  while ((n = kml_trace_next (self->trace, events, G_N_ELEMENTS (events), error)) > 0)
    g_array_append_vals (self->events, events, (guint)n);
  return n == 0 ? g_steal_pointer (&self) : NULL;
}

static Recording *
read_mapped (const char *text, const char *columns)
{
  g_autoptr (GError) error = NULL;
  Recording *self = read_mapped_or_error (text, columns, &error);

  assert_no_error (error);
  return self;
}

static void
refuse (const char *text, const char *columns, const char *fragment)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (read_mapped_or_error (text, columns, &error));
  assert_error (error, KML_ERROR_INPUT, fragment);
}

/* ---- What is good ---- */

START_TEST (every_field_is_read)
{
  g_autoptr (Recording) recording = read_sample ("csv.sample");
  const KmlTraceEvent *object = event_at (recording, 0), *pages = event_at (recording, 1);

  ck_assert_uint_eq (object->time_ns, 0);
  ck_assert_uint_eq (object->bytes_req, 100);
  ck_assert_uint_eq (object->bytes_alloc, 128);
  ck_assert_uint_eq (object->gfp, KML_GFP_KERNEL);
  ck_assert_uint_eq (object->pid, 7);
  ck_assert_uint_eq (object->context, KML_CONTEXT_PROCESS);
  ck_assert_str_eq (kml_trace_site (recording->trace, object->site), "open_shop+0x10");
  ck_assert_str_eq (kml_trace_cache (recording->trace, object->cache), "kmalloc-128");

  ck_assert_uint_eq (pages->level, KML_LEVEL_PAGES);
  ck_assert_uint_eq (pages->time_ns, 2000);
  ck_assert_uint_eq (pages->cpu, 1);
  ck_assert_uint_eq (pages->order, 3);
  ck_assert_uint_eq (pages->gfp, 0x1408ca);
  ck_assert_uint_eq (pages->context, KML_CONTEXT_SOFTIRQ);
  ck_assert_uint_eq (pages->mobility, KML_MOBILITY_MOVABLE);
  ck_assert_str_eq (kml_trace_site (recording->trace, pages->site), "fill (\"the shelf\")");

  ck_assert_uint_eq (event_at (recording, 2)->time_ns, 3500);
  ck_assert_uint_eq (event_at (recording, 2)->context, KML_CONTEXT_HARDIRQ);
  ck_assert_uint_eq (kml_trace_info (recording->trace)->base_ns, 100000);
}
END_TEST

/*   0 alloc objects 0   1 alloc pages 0 (order 3)   2 alloc objects 1   3 free objects 0
 *   4-6 split pages 0 to frame 36865 = 0x9001       7 free it
 *   8 free objects 1    9 alloc objects 1 again (realloc)      10 free, inferred    11 alloc
 */
START_TEST (operations_have_their_words)
{
  g_autoptr (Recording) recording = read_sample ("csv.sample");

  ck_assert_uint_eq (recording->events->len, 12);
  ck_assert_uint_eq (event_at (recording, 3)->kind, KML_OP_FREE);
  ck_assert_uint_eq (event_at (recording, 6)->kind, KML_OP_SPLIT);
  ck_assert_uint_eq (event_at (recording, 7)->kind, KML_OP_FREE);
  ck_assert_uint_eq (event_at (recording, 7)->level, KML_LEVEL_PAGES);
  ck_assert_uint_eq (event_at (recording, 8)->kind, KML_OP_FREE);
  ck_assert_uint_eq (event_at (recording, 9)->bytes_alloc, 512);
  ck_assert_uint_eq (event_at (recording, 10)->flags, KML_TRACE_INFERRED);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_REALLOCS), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FAILED), 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_NULL), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_UNKNOWN), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_DOUBLE_ALLOC), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_OTHER), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_UNTIMED), 0);
}
END_TEST

START_TEST (what_is_asked_of_a_kmem_cache_is_known)
{
  static const char *const ops[] = { "alloc", "kmalloc", "kmem_cache_alloc",
                                     "kmem_cache_alloc_node", "kmem_bulk_alloc" };

  for (guint i = 0; i < G_N_ELEMENTS (ops); i++) {
    g_autofree char *text = g_strdup_printf ("op,id,size,given\n%s,1,40,48\n", ops[i]);
    g_autoptr (Recording) recording = read_mapped (text, "op=op,id=id,size=size,given=given");

    ck_assert_uint_eq (event_at (recording, 0)->bytes_alloc, 48);
    ck_assert_uint_eq (event_at (recording, 0)->flags, i >= 2 ? KML_TRACE_OF_CACHE : 0);
  }
}
END_TEST

/* The same three operations, as many tools would write them. */
/* What spreadsheets and other people's printf() make of a table. */
START_TEST (dialects_are_read_alike)
{
  static const char *const texts[] = {
    "time:s,op,id,size\n0.000001,malloc,0x10000,8\n0.000003,free,0x10000,\n0.000003,free,0,\n",
    "time:s, op, id, size\n0.000001, malloc, 0x10000, 8\n0.000003, free, 0x10000,\n0.000003, free, "
    "(nil),\n",
    "time:s;op;id;size \n0,000001;malloc;0x10000;8 \n0,000003;free;0x10000; "
    "\n0,000003;free;(null);\n",
    "Time:s\tOp\tID\tSize\n0,000001\tMALLOC\t0X10000\t8\n0,000003\tFree\t65536\t\n0,"
    "000003\tFree\t0\n",
    "\"time:s\",\"op\",\"id:hex\",\"size\"\r\n\"0.000001\",\"malloc\",\"0x10000\",\"8\"\r\n"
    "\"0.000003\", \"free\" ,\"10000\",\"\"\r\n\"0.000003\",\"free\",\"0\"\r\n",
    "time:s,op,id,size\n1e-06,malloc,65536.0,8.0\n3.0000000000000001E-06,free,65536,\n"
    "0.00000300000000000000001,free,0.0,\n",
    "time,op,id,size\n0.00000100000000000000001,malloc,65536,8\n3e-06,free,65536,\n3e-6,free,0,\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (Recording) recording = read_text (texts[i]);

    ck_assert_str_eq (kml_trace_info (recording->trace)->format, "csv");
    ck_assert_msg (recording->events->len == 2, "%s", texts[i]);
    ck_assert_uint_eq (event_at (recording, 0)->bytes_req, 8);
    ck_assert_uint_eq (event_at (recording, 1)->kind, KML_OP_FREE);
    ck_assert_uint_eq (event_at (recording, 1)->time_ns, 2000);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_NULL), 1);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), 0);
  }
}
END_TEST

START_TEST (a_map_makes_any_table_readable)
{
  static const struct {
    const char *text, *columns;
  } cases[] = {
    { "1000,+,77,64\n2000,-,77,\n3000,+,78,32\n", "time=1,op=2,id=3,size=4" },
    { "when,what,who,much\n1000,+,77,64\n2000,-,77,\n3000,+,78,32\n", "time=1,op=2,id=3,size=4" },
    { "when,what,who,much\n1000,+,77,64\n2000,-,77,\n3000,+,78,32\n",
      "time=when,op=what,id=who,size=much" },
    { "# a comment\nmuch;who;what;when\n64;77;a;1\n\n;77;f;2\n32;78;a;3\n",
      " time = when:us , op=3, id=who, size=1 " },
    { "a\t0x4d\t0x40\t0.000001\r\nf\t0x4d\t\t.000002\nf\t0x4d\t\t0.000002\na\t0x4e\t0x20\t0.000003",
      "op=1,id=2,size=3,time=4:s" },
    { "1,4d,40,1\n0,4d,,2\n1,4e,20,3\n7,,,4\n", "op=1:1/0,id=2:hex,size=3:hex,time=4:us" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (Recording) recording = read_mapped (cases[i].text, cases[i].columns);
    const KmlTraceEvent *first = event_at (recording, 0), *last = event_at (recording, 2);

    ck_assert_msg (recording->events->len == 3, "case %u: %u", i, recording->events->len);
    ck_assert_uint_eq (first->bytes_req, 64);
    ck_assert_uint_eq (first->bytes_alloc, 64);
    ck_assert_uint_eq (event_at (recording, 1)->kind, KML_OP_FREE);
    ck_assert_uint_eq (last->bytes_req, 32);
    ck_assert_msg (last->time_ns == 2000, "case %u", i);
    ck_assert_uint_eq (kml_trace_info (recording->trace)->base_ns, 1000);
    ck_assert_uint_eq (count_of (recording, KML_TRACE_N_MALFORMED), i == 4);
  }
}
END_TEST

START_TEST (without_a_column_of_times_operations_come_a_microsecond_apart)
{
  g_autoptr (Recording) recording = read_mapped ("a,1,8\na,2,8\nf,1,\n", "op=1,id=2,size=3");

  ck_assert_uint_eq (event_at (recording, 2)->time_ns, 2000);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_UNTIMED), 3);
}
END_TEST

START_TEST (a_reallocation_may_name_the_block_before)
{
  g_autoptr (Recording)
      recording = read_mapped ("a,1,,8\nrealloc,2,1,16\nf,2,,\nf,1,,\n", "op=1,id=2,old=3,size=4");

  ck_assert_uint_eq (recording->events->len, 4);
  ck_assert_uint_eq (event_at (recording, 1)->kind, KML_OP_FREE);
  ck_assert_uint_eq (event_at (recording, 2)->bytes_req, 16);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_UNKNOWN), 1);
}
END_TEST

/* Of the first block, of one with the id before it, of NULL; the last gives another block, and is an allocation. */
START_TEST (a_reallocation_to_no_bytes_is_a_free)
{
  g_autoptr (Recording) recording = read_mapped (
      "a,1,,8\nrealloc,1,,0\na,2,,8\nrealloc,,2,0\nr,0,0,0\na,3,,8\nr,4,3,0\nf,4,,\n",
      "op=1,id=2,old=3,size=4");

  ck_assert_uint_eq (recording->events->len, 8);
  ck_assert_uint_eq (event_at (recording, 1)->kind, KML_OP_FREE);
  ck_assert_uint_eq (event_at (recording, 3)->kind, KML_OP_FREE);
  ck_assert_uint_eq (event_at (recording, 6)->bytes_req, 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_OBJECT_FREES), 4);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_REALLOCS), 4);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_NULL), 1);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FAILED), 0);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_UNKNOWN), 0);
}
END_TEST

/* Of a kernel 16 is the address of nothing; here it is a number as any other. */
START_TEST (an_id_may_be_any_number)
{
  g_autoptr (Recording) recording = read_mapped ("alloc,15,8\nalloc,16,8\nfree,16,0\nfree,15,0\n",
                                                 "op=1,id=2,size=3");

  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_OBJECT_FREES), 2);
  ck_assert_uint_eq (count_of (recording, KML_TRACE_N_FREE_NULL), 0);
}
END_TEST

START_TEST (pages_may_have_their_frame_as_id)
{
  g_autoptr (Recording)
      recording = read_mapped ("page_alloc,8,3\npage_free,8,3\n", "op=1,id=2,order=3");

  ck_assert_uint_eq (recording->events->len, 2);
  ck_assert_uint_eq (event_at (recording, 0)->order, 3);
}
END_TEST

/* The text of a kernel, and the same as a table. */
START_TEST (a_table_says_the_same_as_text)
{
  static const char text[] =
      "  task-7 [001] ..s1. 5.000001: mm_page_alloc: page=0 pfn=0x8000 order=0 migratetype=0 "
      "gfp_flags=GFP_ATOMIC\n"
      "  task-7 [001] ..s1. 5.000002: kmalloc: call_site=f ptr=0xffff888008000000 bytes_req=18 "
      "bytes_alloc=32 gfp_flags=GFP_KERNEL\n"
      "  task-7 [001] ..s1. 5.000003: kfree: call_site=g ptr=0xffff888008000000\n";
  static const char table[] =
      "t,c,p,x,e,s,a,b,d,g,o,m,n\n"
      "5.000001,1,7,softirq,mm_page_alloc,,,,,GFP_ATOMIC,0,0,8000\n"
      "5.000002,1,7,softirq,kmalloc,f,ffff888008000000,18,32,GFP_KERNEL,,,\n"
      "5.000003,1,7,softirq,kfree,g,ffff888008000000,,,,,,\n";
  g_autoptr (Recording) ours = read_text (text);
  g_autoptr (Recording)
      theirs = read_mapped (table, "time=t,cpu=c,pid=p,context=x,op=e,site=s,id=a:hex,size=b,"
                                   "given=d,gfp=g,order=o,migratetype=m,pfn=n:hex");

  ck_assert_uint_eq (event_at (ours, 0)->flags, KML_TRACE_SLAB_PAGE);
  ck_assert_uint_eq (ours->events->len, theirs->events->len);
  for (guint i = 0; i < ours->events->len; i++)
    ck_assert_msg (memcmp (event_at (ours, i), event_at (theirs, i), sizeof (KmlTraceEvent)) == 0,
                   "event %u differs", i);
}
END_TEST

START_TEST (the_workload_takes_a_map)
{
  const KmlWorkloadOps *ops = kml_workload_find ("trace");
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *path = in_folder (folder, "t.csv");
  g_autoptr (KmlWorkload) workload = kml_workload_new (ops, "w", folder);
  g_autoptr (GArray) sizes = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));
  g_autoptr (GError) error = NULL;
  KmlOp batch[8];

  write_file (path, "x,+,1,48\n", 9);
  ck_assert (kml_param_parse (kml_param_find (ops->params, "file"), "t.csv", workload, &error));
  ck_assert (kml_param_parse (kml_param_find (ops->params, "columns"), "op=2,id=3,size=4", workload,
                              &error));
  ck_assert (kml_workload_open (workload, 1, 1, 4096, &error));
  ck_assert (ops->sizes (workload, sizes, &error));
  ck_assert_int_eq (ops->next (workload, batch, 8, &error), 1);
  ck_assert_uint_eq (batch[0].request.size, 48);
  ck_assert_uint_eq (g_array_index (sizes, KmlSizeCount, 0).size, 48);
  ck_assert (!kml_param_parse (kml_param_find (ops->params, "columns"), "opp=2", workload, &error));
  assert_error (error, KML_ERROR_INPUT, "did you mean “op”?");
}
END_TEST

/* ---- Maps that are wrong ---- */

START_TEST (a_map_that_is_wrong_says_what_was_expected)
{
  static const struct {
    const char *map, *message;
  } cases[] = {
    { "tiem=1,op=2,id=3,size=4", "there is no field “tiem”: did you mean “time”?" },
    { "zzzzzz=1", "expected one of time, op, id" },
    { "op", "expected FIELD=COLUMN, …, not “op”" },
    { "", "op= is missing" },
    { "id=1,size=2", "op= is missing" },
    { "op=1", "id= is missing (or pfn=" },
    { "op=1,id=2", "size= is missing" },
    { "op=1,op=2,id=3", "op= is there twice" },
    { "op=0,id=1,size=2", "columns are numbered from 1" },
    { "op=70000,id=1,size=2", "columns are numbered from 1" },
    { "op=99999999999999999999,id=1,size=2", "" },
    { "op=,id=1,size=2", "op= wants a column" },
    { "op=1,id=2:dec,size=3", "expected id=COLUMN:hex" },
    { "op=1,id=2,size=3,time=4:min", "expected time=COLUMN:ns, us, ms or s" },
    { "op=1:A,id=2,size=3", "expected op=COLUMN:ALLOCATION/FREE" },
    { "op=1,id=2,size=3,cpu=4:hex", "cpu takes no unit" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    ck_assert_msg (!kml_trace_columns_validate (cases[i].map, &error), "%s", cases[i].map);
    assert_error (error, KML_ERROR_INPUT, cases[i].message);
  }
  ck_assert (kml_trace_columns_validate ("auto", NULL));
}
END_TEST

START_TEST (a_column_that_is_not_there_is_named_with_the_nearest)
{
  static const char text[] = "ts_ns,what,ptr,bytes\n1,a,1,8\n";

  refuse (text, "time=tsns,op=what,id=ptr,size=bytes",
          "the table:1: there is no column “tsns”: did you mean “ts_ns”? The columns are “ts_ns, "
          "what, ptr, bytes”");
  refuse (text, "op=2,id=3,size=9", "the table:1: there is no column 9: the first line has 4");
}
END_TEST

START_TEST (a_table_without_a_map_is_asked_for_one)
{
  refuse ("ts_ns,op,ptr,bytes\n1,a,1,8\n", NULL,
          "the table:1: what do the columns “ts_ns, op, ptr, bytes” mean? Expected a map such as");
  refuse ("time,op,id,size,note\n1,a,1,8,x\n", NULL, "the table:1: what do the columns");
}
END_TEST

START_TEST (a_map_for_a_file_that_needs_none_is_refused)
{
  refuse ("= Start\n@ a + 0x10 0x10\n", "op=1,id=2,size=3",
          "columns were given, but the file is mtrace");
}
END_TEST

/* ---- Lines that are wrong ---- */

START_TEST (bad_lines_are_counted_and_the_first_is_quoted)
{
  static const struct {
    const char *line, *reason;
  } cases[] = {
    { "x,a,2,8,,,,,", "the time is not one" },
    { ",a,2,8,,,,,", "the time is missing" },
    { "1.5x,a,2,8,,,,,", "the time is not one" },
    { "1.,a,2,8,,,,,", "the time is not one" },
    { "1e,a,2,8,,,,,", "the time is not one" },
    { "0x1e,a,2,8,,,,,", "the time is not one" },
    { "1e16,a,2,8,,,,,", "the time is not one" },
    { "99999999999999999999,a,2,8,,,,,", "the time is not one" },
    { "18446744073709551615,a,2,8,,,,,", "the time is not one" },
    { "7,a,ff,8,,,,,", "the id is no number (id=COLUMN:hex" },
    { "7,a,-1,8,,,,,", "the id is no number" },
    { "7,a,2,,,,,,", "the size is missing" },
    { "7,a,2,-8,,,,,", "the size is not one up to 4 GiB" },
    { "7,a,2,8.5,,,,,", "the size is not one up to 4 GiB" },
    { "7,a,2,4294967296,,,,,", "the size is not one up to 4 GiB" },
    { "7,a,2,9223372036854775808,,,,,", "the size is not one up to 4 GiB" },
    { "7,a,2,8,4,,,,", "the given size is less than the size" },
    { "7,a,2,8,,65536,,,", "the CPU is not a number below 65536" },
    { "7,a,2,8,,,0xfffffffff,,", "the GFP flags are neither names nor a number" },
    { "7,page_alloc,,,,,,1,1", "the pfn is not a multiple of 2^order" },
    { "7,page_alloc,,,,,,1099511627776,0", "the pfn is no page frame number" },
    { "7,page_alloc,,,,,,0,21", "the order is not one from 0 to 20" },
    { "7,page_free,,,,,,,0", "the pfn is missing" },
    { "7,\"a,2,8,,,,,", "a quotation mark is not closed" },
    { "7,\"a\"b,2,8,,,,,", "a quotation mark is not closed, or not at a cell's end" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strdup_printf ("5:us,op,id,size,given,cpu,gfp,pfn,order\n"
                                             "5,a,1,16,,,,,\n%s\n900,f,1,,,,,,\n",
                                             cases[i].line);
    g_autoptr (Recording) recording = read_mapped (
        text, "time=1:us,op=2,id=3,size=4,given=5,cpu=6,gfp=7,pfn=8,order=9");
    const KmlTraceInfo *info = kml_trace_info (recording->trace);

    ck_assert_msg (recording->events->len == 2, "%s", cases[i].line);
    ck_assert_uint_eq (info->malformed_line, 3);
    ck_assert_msg (strstr (info->malformed_text, cases[i].reason) != NULL, "%s: %s", cases[i].line,
                   info->malformed_text);
  }
}
END_TEST

/* A comma between cells that are separated by commas may be one of thousands as well. */
START_TEST (a_decimal_comma_is_called_one)
{
  refuse ("time,op,id,size\n\"0,5\",malloc,1,10\n\"0,6\",free,1,\n", NULL,
          "the table:2: the time has a comma where a point is expected: “\"0,5\",malloc,1,10”");
}
END_TEST

START_TEST (a_byte_order_mark_is_no_part_of_the_first_name)
{
  g_autoptr (Recording)
      recording = read_mapped ("\xef\xbb\xbftime,op,id,size\n1,malloc,1,10\n2,free,1,\n", NULL);

  ck_assert_uint_eq (recording->events->len, 2);
}
END_TEST

START_TEST (a_table_of_unknown_operations_is_refused)
{
  refuse ("open,1,8\nclose,1,\nopen,2,8\n", "op=1,id=2,size=3",
          "the table:3: none of the operations in column 1 is known, the first is “close”");
  refuse ("1,A,8\n1,B,8\n", "op=2:X/Y,id=3,size=3",
          "no line has “X” or “Y” in column 2, as the map says (op=…:X/Y); the first has “B”");
}
END_TEST

static Suite *
trace_csv_suite (void)
{
  Suite *suite = suite_create ("trace-csv");
  TCase *good = tcase_create ("good");
  TCase *maps = tcase_create ("maps");
  TCase *bad = tcase_create ("bad");

  tcase_add_test (good, every_field_is_read);
  tcase_add_test (good, operations_have_their_words);
  tcase_add_test (good, what_is_asked_of_a_kmem_cache_is_known);
  tcase_add_test (good, dialects_are_read_alike);
  tcase_add_test (good, a_map_makes_any_table_readable);
  tcase_add_test (good, without_a_column_of_times_operations_come_a_microsecond_apart);
  tcase_add_test (good, a_reallocation_may_name_the_block_before);
  tcase_add_test (good, a_reallocation_to_no_bytes_is_a_free);
  tcase_add_test (good, an_id_may_be_any_number);
  tcase_add_test (good, pages_may_have_their_frame_as_id);
  tcase_add_test (good, a_table_says_the_same_as_text);
  tcase_add_test (good, the_workload_takes_a_map);
  suite_add_tcase (suite, good);

  tcase_add_test (maps, a_map_that_is_wrong_says_what_was_expected);
  tcase_add_test (maps, a_column_that_is_not_there_is_named_with_the_nearest);
  tcase_add_test (maps, a_table_without_a_map_is_asked_for_one);
  tcase_add_test (maps, a_map_for_a_file_that_needs_none_is_refused);
  suite_add_tcase (suite, maps);

  tcase_add_test (bad, bad_lines_are_counted_and_the_first_is_quoted);
  tcase_add_test (bad, a_decimal_comma_is_called_one);
  tcase_add_test (bad, a_byte_order_mark_is_no_part_of_the_first_name);
  tcase_add_test (bad, a_table_of_unknown_operations_is_refused);
  suite_add_tcase (suite, bad);
  return suite;
}

int
main (void)
{
  return run_suite (trace_csv_suite ());
}
