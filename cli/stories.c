/* stories.c: what `run` tells of its runs besides figures.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/stories.h"

#include "cli/output.h"

#define MAX_STORIES   20 /* runs of which they are told */
#define MAX_KILLS     5  /* of a run */
#define MAX_INCIDENTS 5
#define MAX_POTENTIAL 3

/* A query about one run. (nullable): there are no such tables. */
static sqlite3_stmt *
ask_of_run (KmlDatabase *database, const char *sql, guint64 run_id)
{
  sqlite3_stmt *statement;

  if (sqlite3_prepare_v2 (kml_database_handle (database), sql, -1, &statement, NULL) != SQLITE_OK)
    return NULL;
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)run_id);
  return statement;
}

/* ---- The longest operations ---- */

/* "200 us: io 200 us, run 127 ns", the largest part first. (transfer full) */
static char *
describe_parts (const KmlResultLongest *longest)
{
  g_autofree char *latency = kml_format_metric (longest->latency_ns, "ns");
  GString *text = g_string_new (latency);

  for (guint i = 0; i < longest->parts->len; i++) {
    const KmlResultPart *part = &g_array_index (longest->parts, KmlResultPart, i);
    g_autofree char *value = kml_format_metric (part->ns, "ns");

    g_string_append_printf (text, "%s%s %s", i > 0 ? ", " : ": ", part->name, value);
  }
  return g_string_free (text, FALSE);
}

/* "T1 on CPU 0 at 2 us, 4096 bytes of pages: alloc p 1 pages (a.ini:9); in direct reclaim: 200 us for disk". (transfer full) */
static char *
describe_circumstances (const KmlResultLongest *longest)
{
  g_autofree char *when = kml_format_metric ((double)longest->t_ns, "ns");
  GString *text = g_string_new (NULL);

  g_string_append_printf (text, "%s%sCPU %" G_GUINT64_FORMAT " at %s, %" G_GUINT64_FORMAT " byte%s",
                          longest->task, longest->task[0] != '\0' ? " on " : "", longest->cpu, when,
                          longest->size, longest->size == 1 ? "" : "s");
  if (g_str_equal (longest->level, "pages"))
    g_string_append (text, " of pages");
  if (longest->source[0] != '\0')
    g_string_append_printf (text, ": %s", longest->source);
  if (longest->site[0] != '\0')
    g_string_append_printf (text, "; in %s", longest->site);
  if (longest->waited_for[0] != '\0') {
    g_autofree char *waited = kml_format_metric (longest->waited_ns, "ns");

    g_string_append_printf (text, "; %s at a stretch for %s", waited, longest->waited_for);
  }
  return g_string_free (text, FALSE);
}

/* One of them, and whose it is. */
typedef struct {
  const KmlResult *run;
  const KmlResultLongest *longest;
} Longest;

/* (nullable): that of the same operation in the same context. */
static Longest *
find_longest (GArray *all, const KmlResultLongest *like)
{
  for (guint i = 0; i < all->len; i++) {
    Longest *one = &g_array_index (all, Longest, i);

    if (g_str_equal (one->longest->operation, like->operation) &&
        g_str_equal (one->longest->context, like->context))
      return one;
  }
  return NULL;
}

/* Of each operation in each context the longest of all runs; of equal ones the first. (element-type Longest) (transfer full) */
static GArray *
longest_of_all (const GPtrArray *runs)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (Longest));

  for (guint i = 0; i < runs->len; i++) {
    const KmlResult *run = g_ptr_array_index (runs, i);

    for (guint j = 0; j < run->longest->len; j++) {
      const Longest one = { run, &g_array_index (run->longest, KmlResultLongest, j) };
      Longest *known = find_longest (all, one.longest);

      if (known == NULL)
        g_array_append_val (all, one);
      else if (one.longest->latency_ns > known->longest->latency_ns)
        *known = one;
    }
  }
  return all;
}

/* The table `longest` has those of every run. */
static void
print_longest (const GPtrArray *runs)
{
  g_autoptr (GArray) all = longest_of_all (runs);
  g_autofree char *of = runs->len > 1 ? g_strdup_printf ("of %u runs the ", runs->len)
                                      : g_strdup ("");

  for (guint i = 0; i < all->len; i++) {
    const Longest *one = &g_array_index (all, Longest, i);
    g_autofree char *parts = describe_parts (one->longest);
    g_autofree char *circumstances = describe_circumstances (one->longest);
    g_autofree char *text = g_strdup_printf (
        "run %" G_GUINT64_FORMAT ": %slongest %s in %s context %s", one->run->run_id, of,
        one->longest->operation, one->longest->context, parts);
    g_autofree char *printable = kml_printable (text);
    g_autofree char *below = kml_printable (circumstances);

    kml_out ("%s\n    %s\n", printable, below);
  }
}

void
kml_story_longest_json (const KmlResultLongest *longest, JsonBuilder *builder)
{
  kml_json_begin_object (builder, NULL);
  kml_json_text (builder, "operation", longest->operation);
  kml_json_text (builder, "context", longest->context);
  kml_json_number (builder, "latency_ns", longest->latency_ns);
  kml_json_count (builder, "t_ns", longest->t_ns);
  kml_json_count (builder, "cpu", longest->cpu);
  kml_json_text (builder, "task", longest->task);
  kml_json_text (builder, "level", longest->level);
  kml_json_count (builder, "size", longest->size);
  kml_json_text (builder, "gfp", longest->gfp);
  kml_json_text (builder, "source", longest->source);
  kml_json_text (builder, "site", longest->site);
  kml_json_text (builder, "waited_for", longest->waited_for);
  kml_json_number (builder, "waited_ns", longest->waited_ns);
  kml_json_begin_object (builder, "parts");
  for (guint i = 0; i < longest->parts->len; i++) {
    const KmlResultPart *part = &g_array_index (longest->parts, KmlResultPart, i);

    kml_json_number (builder, part->name, part->ns);
  }
  json_builder_end_object (builder);
  json_builder_end_object (builder);
}

/* ---- What is not in a recording ---- */

/* "80 lines could not be read, 3 events were lost". (nullable): nothing is known to be missing. (transfer full) */
static char *
describe_gaps (const KmlResult *result)
{
  static const struct {
    const char *metric, *one, *several;
  } gaps[] = { { "trace.malformed", "line could not be read", "lines could not be read" },
               { "trace.lost", "event was lost", "events were lost" } };
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (gaps); i++) {
    const KmlResultMetric *n = kml_result_metric (result, gaps[i].metric);

    if (n != NULL && n->value > 0.0)
      g_string_append_printf (text, "%s%.0f %s", text->len > 0 ? ", " : "", n->value,
                              n->value == 1.0 ? gaps[i].one : gaps[i].several);
  }
  return text->len > 0 ? g_strdup (text->str) : NULL;
}

/* Of runs that replay the same only once. */
static void
print_gaps (const GPtrArray *results)
{
  g_autofree char *said = NULL;

  for (guint i = 0; i < MIN (results->len, MAX_STORIES); i++) {
    const KmlResult *result = g_ptr_array_index (results, i);
    g_autofree char *text = describe_gaps (result);

    if (text == NULL || g_strcmp0 (text, said) == 0)
      continue;
    kml_out ("run %" G_GUINT64_FORMAT ": of its recording %s (kmemlab trace info says more)\n",
             result->run_id, text);
    g_free (said);
    said = g_steal_pointer (&text);
  }
}

/* ---- Requests that got nothing ---- */

/* "44 requests failed: 40 out of memory, 4 fragmentation", or, where not every one is recorded, "44153 requests failed; causes of the first 10000: all out of memory".
 * (transfer full) */
static char *
describe_failures (const GArray *reasons, guint64 n_failed)
{
  GString *text = g_string_new (NULL);
  guint64 n_told = 0;

  for (guint i = 0; i < reasons->len; i++)
    n_told += g_array_index (reasons, KmlResultReason, i).n;
  g_string_append_printf (text, "%" G_GUINT64_FORMAT " request%s failed", n_failed,
                          n_failed == 1 ? "" : "s");
  if (n_told < n_failed)
    g_string_append_printf (text, "; causes of the first %" G_GUINT64_FORMAT, n_told);
  for (guint i = 0; i < reasons->len; i++) {
    const KmlResultReason *reason = &g_array_index (reasons, KmlResultReason, i);

    g_string_append (text, i > 0 ? ", " : ": ");
    if (n_told < n_failed && reasons->len == 1)
      g_string_append (text, "all");
    else
      g_string_append_printf (text, "%" G_GUINT64_FORMAT, reason->n);
    g_string_append_printf (text, " %s", reason->name);
  }
  return g_string_free (text, FALSE);
}

/* Of the row of the first: "T on CPU 0 at 1 us, 8192 bytes of pages, GFP_ATOMIC: alloc p 8KiB pages (a.ini:3); 4 KiB free, …". (transfer full) */
static char *
describe_failure (sqlite3_stmt *row)
{
  const char *task = (const char *)sqlite3_column_text (row, 0),
             *source = (const char *)sqlite3_column_text (row, 5);
  g_autofree char *when = kml_format_metric ((double)sqlite3_column_int64 (row, 2), "ns");
  g_autofree char *free = kml_format_metric ((double)sqlite3_column_int64 (row, 7), "bytes");
  g_autofree char *largest = kml_format_metric ((double)sqlite3_column_int64 (row, 8), "bytes");

  return g_strdup_printf (
      "the first: %s%sCPU %d at %s, %s, %s%s%s: %s; %s free, %s in the largest block",
      task != NULL ? task : "", task != NULL ? " on " : "", sqlite3_column_int (row, 1), when,
      (const char *)sqlite3_column_text (row, 3), (const char *)sqlite3_column_text (row, 4),
      source != NULL ? ": " : "", source != NULL ? source : "",
      (const char *)sqlite3_column_text (row, 6), free, largest);
}

/* Of one run. */
static void
print_failures (KmlDatabase *database, const KmlResult *result)
{
  const KmlResultMetric *n = kml_result_metric (result, "alloc.failed");
  g_autofree char *failures = NULL;
  sqlite3_stmt *row;

  if (result->failures->len == 0 || n == NULL)
    return;
  failures = describe_failures (result->failures, (guint64)n->value);
  row = ask_of_run (database,
                    "SELECT task, cpu, t_ns, size || iif (size = 1, ' byte', ' bytes') || "
                    "iif (level = 'pages', ' of pages', ''), gfp, source, reason, free, largest "
                    "FROM failures WHERE run_id = ? AND seq = 0",
                    result->run_id);
  if (row != NULL && sqlite3_step (row) == SQLITE_ROW) {
    g_autofree char *first = describe_failure (row), *all = kml_printable (failures);
    g_autofree char *printable = kml_printable (first);

    kml_out ("run %" G_GUINT64_FORMAT ": %s\n    %s\n", result->run_id, all, printable);
  }
  sqlite3_finalize (row);
}

/* ---- Who was killed ---- */

/* "out of memory at 2 ms: big is killed, 900 of its 910 pages are free; T on CPU 0 wants 4096 bytes of pages, GFP_KERNEL: alloc p 4KiB
 * pages (a.ini:9); in direct reclaim". (transfer full) */
static char *
describe_kill (const KmlResultKill *kill)
{
  g_autofree char *when = kml_format_metric ((double)kill->t_ns, "ns");
  GString *text = g_string_new (NULL);

  g_string_append_printf (
      text,
      "out of memory at %s: %s is killed, %" G_GUINT64_FORMAT " of its %" G_GUINT64_FORMAT
      " pages are free; %s on CPU %" G_GUINT64_FORMAT " wants %" G_GUINT64_FORMAT
      " bytes of pages, %s",
      when, kill->victim, kill->freed, kill->pages, kill->task, kill->cpu, kill->size, kill->gfp);
  if (kill->source != NULL)
    g_string_append_printf (text, ": %s", kill->source);
  if (kill->site[0] != '\0')
    g_string_append_printf (text, "; in %s", kill->site);
  return g_string_free (text, FALSE);
}

/* Of one run. */
static void
print_kills (const KmlResult *result)
{
  const guint n = result->oom_kills->len;

  for (guint i = 0; i < MIN (n, MAX_KILLS); i++) {
    g_autofree char *text = describe_kill (&g_array_index (result->oom_kills, KmlResultKill, i));
    g_autofree char *printable = kml_printable (text);

    kml_out ("run %" G_GUINT64_FORMAT ": %s\n", result->run_id, printable);
  }
  if (n > MAX_KILLS)
    kml_out ("run %" G_GUINT64_FORMAT ": and %u more are killed\n", result->run_id, n - MAX_KILLS);
}

void
kml_story_kill_json (const KmlResultKill *kill, JsonBuilder *builder)
{
  kml_json_begin_object (builder, NULL);
  kml_json_count (builder, "t_ns", kill->t_ns);
  kml_json_text (builder, "victim", kill->victim);
  kml_json_count (builder, "pages", kill->pages);
  kml_json_count (builder, "freed", kill->freed);
  kml_json_text (builder, "task", kill->task);
  kml_json_count (builder, "cpu", kill->cpu);
  kml_json_count (builder, "size", kill->size);
  kml_json_text (builder, "gfp", kill->gfp);
  kml_json_text (builder, "source", kill->source);
  kml_json_text (builder, "site", kill->site);
  json_builder_end_object (builder);
}

/* ---- What should not be ---- */

/* Of a database, so it is not trusted. */
static void
print_lines (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++) {
    g_autofree char *line = kml_printable (lines[i]);

    kml_out ("%s\n", line);
  }
}

/* That not all was told: @n_all of which @n_told. */
static void
print_rest (const char *path, guint64 run_id, guint n_all, guint n_told, const char *tables)
{
  g_autofree char *printable = kml_printable (path);

  if (n_all > n_told)
    kml_out ("run %" G_GUINT64_FORMAT ": and %u more, in %s of %s\n", run_id, n_all - n_told,
             tables, printable);
}

/* Of one run: the stories of its deadlocks and the like. */
static void
print_deadlocks (KmlDatabase *database, const char *path, guint64 run_id)
{
  sqlite3_stmt *statement = ask_of_run (
      database,
      "SELECT story, count (*) OVER () FROM deadlocks WHERE run_id = ? ORDER BY deadlock_id",
      run_id);
  guint n_all = 0, n_told = 0;

  for (; n_told < MAX_INCIDENTS && statement != NULL && sqlite3_step (statement) == SQLITE_ROW;
       n_told++) {
    n_all = (guint)sqlite3_column_int64 (statement, 1);
    kml_out ("run %" G_GUINT64_FORMAT ": ", run_id);
    print_lines ((const char *)sqlite3_column_text (statement, 0));
  }
  sqlite3_finalize (statement);
  print_rest (path, run_id, n_all, n_told, "the table deadlocks");
}

/* "bug.sleep_in_atomic at 1 ms, and 9 times later, on CPU 0: handler sleeps for a time; in irq > sleep 100us (a.ini:7)". */
static void
print_bug (sqlite3_stmt *statement, guint64 run_id)
{
  const char *const kind = (const char *)sqlite3_column_text (statement, 0);
  const char *const text = (const char *)sqlite3_column_text (statement, 2);
  const char *const site = (const char *)sqlite3_column_text (statement, 3);
  const guint64 n = (guint64)sqlite3_column_int64 (statement, 5);
  g_autofree char *time = kml_format_metric (sqlite3_column_double (statement, 4), "ns");
  g_autofree char *later = n > 1 ? g_strdup_printf (", and %" G_GUINT64_FORMAT " time%s later,",
                                                    n - 1, n == 2 ? "" : "s")
                                 : g_strdup ("");
  g_autofree char *line = g_strdup_printf ("%s at %s%s on CPU %d: %s%s%s", kind, time, later,
                                           sqlite3_column_int (statement, 1), text,
                                           site[0] != '\0' ? "; in " : "", site);
  g_autofree char *printable = kml_printable (line);

  kml_out ("run %" G_GUINT64_FORMAT ": %s\n", run_id, printable);
}

/* Of one run. */
static void
print_bugs (KmlDatabase *database, const char *path, guint64 run_id)
{
  sqlite3_stmt *statement = ask_of_run (
      database,
      "SELECT ifnull (kind, ''), cpu, ifnull (text, ''), ifnull (site, ''), t_ns, count, "
      "sum (count) OVER () FROM bugs WHERE run_id = ? ORDER BY seq",
      run_id);
  guint n_all = 0, n_told = 0;

  for (guint i = 0;
       i < MAX_INCIDENTS && statement != NULL && sqlite3_step (statement) == SQLITE_ROW; i++) {
    n_told += (guint)sqlite3_column_int64 (statement, 5);
    n_all = (guint)sqlite3_column_int64 (statement, 6);
    print_bug (statement, run_id);
  }
  sqlite3_finalize (statement);
  print_rest (path, run_id, n_all, n_told, "the table bugs");
}

/* Of one run: what could deadlock. */
static void
print_potential (KmlDatabase *database, const char *path, guint64 run_id)
{
  sqlite3_stmt *statement = ask_of_run (
      database,
      "SELECT p.report, p.classes, (SELECT min (q.run_id) FROM potential_deadlocks q WHERE "
      "q.report = p.report), count (*) OVER () FROM potential_deadlocks p WHERE p.run_id = ? "
      "ORDER BY p.seq",
      run_id);
  guint n_all = 0, n_told = 0;

  for (; n_told < MAX_POTENTIAL && statement != NULL && sqlite3_step (statement) == SQLITE_ROW;
       n_told++) {
    const guint64 first = (guint64)sqlite3_column_int64 (statement, 2);
    g_autofree char *classes = kml_printable ((const char *)sqlite3_column_text (statement, 1));

    n_all = (guint)sqlite3_column_int64 (statement, 3);
    kml_out ("run %" G_GUINT64_FORMAT ": potential deadlock, %s", run_id, classes);
    if (first == run_id) {
      kml_out ("\n");
      print_lines ((const char *)sqlite3_column_text (statement, 0));
    } else {
      kml_out (", as in run %" G_GUINT64_FORMAT "\n", first);
    }
  }
  sqlite3_finalize (statement);
  print_rest (path, run_id, n_all, n_told, "the table potential_deadlocks");
}

/* Whether there is anything to tell of the run. */
static gboolean
has_story (KmlDatabase *database, guint64 run_id)
{
  sqlite3_stmt *statement = ask_of_run (
      database,
      "SELECT EXISTS (SELECT 1 FROM deadlocks WHERE run_id = ?1) OR EXISTS (SELECT 1 FROM bugs "
      "WHERE run_id = ?1) OR EXISTS (SELECT 1 FROM potential_deadlocks WHERE run_id = ?1)",
      run_id);
  gboolean has = FALSE;

  if (statement != NULL && sqlite3_step (statement) == SQLITE_ROW)
    has = sqlite3_column_int (statement, 0) != 0;
  sqlite3_finalize (statement);
  return has;
}

/* Of the runs behind the first ones only that there is something. */
static void
print_untold_runs (KmlDatabase *database, const char *path, const GPtrArray *results)
{
  g_autofree char *printable = kml_printable (path);
  guint n = 0;

  for (guint i = MAX_STORIES; i < results->len; i++)
    n += has_story (database, ((const KmlResult *)g_ptr_array_index (results, i))->run_id);
  if (n > 0)
    kml_out ("%u more run%s with deadlocks, bugs or potential deadlocks: in the tables deadlocks, "
             "bugs and potential_deadlocks of %s\n",
             n, n == 1 ? "" : "s", printable);
}

void
kml_stories_print (const char *path, const GPtrArray *results)
{
  g_autoptr (KmlDatabase) database = kml_database_open (path, NULL);

  print_longest (results);
  print_gaps (results);
  for (guint i = 0; database != NULL && i < MIN (results->len, MAX_STORIES); i++) {
    const KmlResult *result = g_ptr_array_index (results, i);

    print_failures (database, result);
    print_kills (result);
    print_deadlocks (database, path, result->run_id);
    print_bugs (database, path, result->run_id);
    print_potential (database, path, result->run_id);
  }
  if (database != NULL)
    print_untold_runs (database, path, results);
}
