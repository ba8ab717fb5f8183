/* cmd-trace.c: kmemlab trace: what a kernel recorded.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "cli/table.h"
#include "cli/trace-report.h"
#include "simcore/base/units.h"
#include "workloads/traces/trace.h"

#include <glib/gstdio.h>
#include <string.h>

#define BATCH     1024
#define MAX_NAMES 20 /* of events, for people; JSON has all */

static struct {
  char *output, *level, *columns;
  gboolean json, force, verify, quiet;
} options;

/* ---- Reading ---- */

/* To the end, with progress; @stats (nullable) sees every event. */
static gboolean
read_all (KmlTrace *trace, const char *path, KmlTraceStats *stats, GError **error)
{
  g_autofree KmlTraceEvent *events = g_new (KmlTraceEvent, BATCH);
  int n;

  if (!options.quiet)
    kml_progress_begin (path);
  while ((n = kml_trace_next (trace, events, BATCH, error)) > 0) {
    if (stats != NULL)
      kml_trace_stats_add (stats, events, (guint)n);
    kml_progress_show_share (kml_trace_progress (trace), NULL);
  }
  kml_progress_end ();
  return n == 0;
}

/* Of what could be read and yet may not be all that was recorded. */
static void
warn_about_lines (const char *path, const KmlTraceInfo *info)
{
  const guint64 n = info->counts[KML_TRACE_N_MALFORMED];
  g_autofree char *text = NULL;

  if (info->unended)
    kml_warn ("%s:%" G_GUINT64_FORMAT ": the last line does not end: the file may have been cut",
              path, info->n_lines);
  if (n == 0)
    return;
  text = kml_printable (info->malformed_text != NULL ? info->malformed_text : "");
  kml_warn ("%s:%" G_GUINT64_FORMAT ": %s (%" G_GUINT64_FORMAT " such lines in all)", path,
            info->malformed_line, text, n);
}

static KmlTrace *
open_trace (const char *path, GError **error)
{
  const KmlTraceOptions trace_options = { .columns = options.columns };

  return kml_trace_open_with (path, &trace_options, error);
}

/* ---- info ---- */

static void
add_row (KmlTable *table, const char *name, char *value, const char *remark)
{
  kml_table_add_cell (table, g_strdup (name));
  kml_table_add_cell (table, value);
  kml_table_add_cell (table, g_strdup (remark));
}

static char *
format_count (guint64 count)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT, count);
}

static char *
format_ns (guint64 ns)
{
  return kml_format_time (ns > KML_TIME_MAX / KML_NS ? KML_TIME_MAX : ns * KML_NS);
}

static void
print_info (const KmlTraceInfo *info, gboolean verified)
{
  g_autoptr (KmlTable) table = kml_table_new ();

  kml_table_add_column (table, "what", KML_ALIGN_LEFT);
  kml_table_add_column (table, "value", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "", KML_ALIGN_LEFT);
  add_row (table, "format", g_strdup (info->format),
           info->source != NULL ? info->source : "as it was recorded");
  add_row (table, "compression", g_strdup (info->compression), "");
  if (info->source != NULL)
    add_row (table, "checksums", g_strdup (verified ? "right" : "-"),
             verified ? "of every part"
                      : "not looked at but for those of head and index: --verify");
  add_row (table, "duration", format_ns (info->duration_ns), "from the first event to the last");
  add_row (table, "cpus", format_count (info->n_cpus), "");
  add_row (table, "sites", format_count (info->n_sites), "call sites: places that asked");
  add_row (table, "live_objects_peak", format_count (info->live_objects_peak), "");
  add_row (table, "live_pages_peak", format_count (info->live_pages_peak), "blocks of pages");
  for (guint i = 0; i < KML_TRACE_N_COUNTS; i++)
    add_row (table, kml_trace_count_names[i], format_count (info->counts[i]),
             kml_trace_count_summaries[i]);
  kml_table_print (table);
}

static void
print_names (KmlTrace *trace)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  g_autoptr (GArray) names = kml_trace_names (trace);

  if (names->len == 0)
    return;
  kml_table_add_column (table, "event", KML_ALIGN_LEFT);
  kml_table_add_column (table, "count", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "", KML_ALIGN_LEFT);
  for (guint i = 0; i < MIN (names->len, MAX_NAMES); i++) {
    const KmlTraceNameCount *name = &g_array_index (names, KmlTraceNameCount, i);

    add_row (table, name->name, format_count (name->count), name->used ? "" : "not a request");
  }
  kml_out ("\n");
  kml_table_print (table);
  if (names->len > MAX_NAMES)
    kml_out ("… and %u other names: --json has all\n", names->len - MAX_NAMES);
}

static void
add_info_json (JsonBuilder *builder, const char *path, const KmlTraceInfo *info)
{
  kml_json_text (builder, "file", path);
  kml_json_text (builder, "format", info->format);
  kml_json_text (builder, "source", info->source);
  kml_json_text (builder, "compression", info->compression);
  kml_json_count (builder, "duration_ns", info->duration_ns);
  kml_json_count (builder, "cpus", info->n_cpus);
  kml_json_count (builder, "sites", info->n_sites);
  kml_json_count (builder, "caches", info->n_caches);
  kml_json_count (builder, "stream", info->n_stream);
  kml_json_count (builder, "live_objects_peak", info->live_objects_peak);
  kml_json_count (builder, "live_pages_peak", info->live_pages_peak);
  kml_json_begin_object (builder, "counts");
  for (guint i = 0; i < KML_TRACE_N_COUNTS; i++)
    kml_json_count (builder, kml_trace_count_names[i], info->counts[i]);
  json_builder_end_object (builder);
}

static void
add_names_json (JsonBuilder *builder, KmlTrace *trace)
{
  g_autoptr (GArray) names = kml_trace_names (trace);

  kml_json_begin_array (builder, "events");
  for (guint i = 0; i < names->len; i++) {
    const KmlTraceNameCount *name = &g_array_index (names, KmlTraceNameCount, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "name", name->name);
    kml_json_count (builder, "count", name->count);
    kml_json_boolean (builder, "used", name->used);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static int
do_info (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = open_trace (path, &error);
  g_autofree char *word = kml_shell_word (path);

  if (trace == NULL)
    return kml_fail (error);
  if ((options.verify || !kml_trace_info (trace)->complete) &&
      !read_all (trace, path, NULL, &error))
    return kml_fail (error);
  warn_about_lines (path, kml_trace_info (trace));
  if (options.json) {
    JsonBuilder *builder = kml_json_new ("trace-info/1");

    add_info_json (builder, path, kml_trace_info (trace));
    add_names_json (builder, trace);
    kml_json_print (builder);
    return KML_EXIT_DONE;
  }
  print_info (kml_trace_info (trace), options.verify);
  print_names (trace);
  if (kml_trace_info (trace)->source != NULL)
    kml_note ("Next: kmemlab trace stats %s", word);
  else
    kml_note ("Next: kmemlab trace convert %s", word);
  return KML_EXIT_DONE;
}

/* ---- convert ---- */

/* "mix.kmt" for "traces/mix.txt.zst" */
static char *
default_output (const char *path)
{
  static const char *const endings[] = { ".zst",   ".xz",   ".gz",  ".txt", ".dat",
                                         ".trace", ".perf", ".csv", ".rep", ".raw" };
  g_autofree char *name = g_path_get_basename (path);

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (name, endings[i]) && strlen (name) > strlen (endings[i]))
      name[strlen (name) - strlen (endings[i])] = '\0';
  return g_strconcat (name, ".kmt", NULL);
}

static void
report_conversion (const char *path, const char *output, KmlTrace *trace)
{
  const KmlTraceInfo *info = kml_trace_info (trace);
  g_autofree char *word = kml_shell_word (output);

  warn_about_lines (path, info);
  if (options.json) {
    JsonBuilder *builder = kml_json_new ("trace-convert/1");

    kml_json_text (builder, "output", output);
    add_info_json (builder, path, info);
    kml_json_print (builder);
    return;
  }
  kml_note ("%s holds %" G_GUINT64_FORMAT " events.", output, info->n_stream);
  kml_note ("Next: kmemlab trace stats %s", word);
}

/* Also under another name: a recording that is replaced by its own conversion is lost. */
static gboolean
are_one_file (const char *a, const char *b)
{
  GStatBuf first, second;

  return g_stat (a, &first) == 0 && g_stat (b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

/* FALSE after the mistake has been said. */
static gboolean
may_write (const char *path, const char *output)
{
  g_autofree char *printable = kml_printable (output);

  if (are_one_file (path, output))
    kml_usage_error ("trace", "%s is the recording itself: expected another name (--output)",
                     printable);
  else if (!options.force && g_file_test (output, G_FILE_TEST_EXISTS))
    kml_usage_error ("trace", "%s is there already: --force replaces it", printable);
  else
    return TRUE;
  return FALSE;
}

static int
do_convert (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = NULL;
  g_autofree char *output = options.output != NULL ? g_strdup (options.output)
                                                   : default_output (path);
  KmlTraceConvert convert = { .overwrite = options.force, .progress = kml_progress_show_share };
  guint64 level = 0;
  gboolean good;

  if (options.output == NULL && g_str_equal (path, "-"))
    return kml_usage_error ("trace", "--output is missing: standard input has no name");
  if (!kml_option_file ("trace", options.output, "the binary form") ||
      !kml_option_count ("trace", "--level", options.level, 1, 19, &level) ||
      !may_write (path, output))
    return KML_EXIT_INPUT;
  convert.level = (int)level;
  trace = open_trace (path, &error);
  if (trace == NULL)
    return kml_fail (error);
  convert.stop = kml_stop_install ();
  if (!options.quiet)
    kml_progress_begin (path);
  good = kml_trace_convert (trace, output, &convert, &error);
  kml_progress_end ();
  if (g_error_matches (error, KML_ERROR, KML_ERROR_STOPPED)) {
    kml_note ("Interrupted: nothing was written.");
    return kml_stop_exit ();
  }
  if (!good)
    return kml_fail (error);
  report_conversion (path, output, trace);
  return KML_EXIT_DONE;
}

/* ---- stats ---- */

static int
do_stats (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = open_trace (path, &error);
  g_autoptr (KmlTraceStats) stats = kml_trace_stats_new ();
  g_autofree char *printable = kml_printable (path);

  if (trace == NULL || !read_all (trace, path, stats, &error))
    return kml_fail (error);
  warn_about_lines (path, kml_trace_info (trace));
  if (options.json) {
    JsonBuilder *builder = kml_json_new ("trace-stats/1");

    add_info_json (builder, path, kml_trace_info (trace));
    kml_trace_report_json (builder, trace, stats);
    kml_json_print (builder);
    return KML_EXIT_DONE;
  }
  kml_trace_report_print (trace, stats);
  kml_note (
      "Next: a scenario with [workload NAME] kind = trace, file = %s (kmemlab list workloads)",
      printable);
  return KML_EXIT_DONE;
}

/* ---- The command ---- */

static const char *const verbs[] = { "convert", "info", "stats", NULL };

static char **
list_words (guint number)
{
  return number == 0 ? g_strdupv ((char **)verbs) : NULL;
}

static int
run (char **arguments)
{
  static int (*const functions[]) (const char *path) = { do_convert, do_info, do_stats };
  g_autofree char *message = NULL;

  for (guint i = 0; verbs[i] != NULL; i++)
    if (g_str_equal (verbs[i], arguments[0]))
      return functions[i](arguments[1]);
  message = kml_unknown_name ("verb of trace", arguments[0], verbs);
  return kml_usage_error ("trace", "%s", message);
}

static const GOptionEntry entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "convert: where to (default: FILE.kmt, in this folder)", "FILE" },
  { "force", 'f', 0, G_OPTION_ARG_NONE, &options.force, "convert: replace a file that is there",
    NULL },
  { "verify", 0, 0, G_OPTION_ARG_NONE, &options.verify,
    "info: read all of a .kmt, and so verify its checksums", NULL },
  { "columns", 0, 0, G_OPTION_ARG_STRING, &options.columns,
    "What the columns of a CSV mean: time=COLUMN,op=COLUMN,id=COLUMN,size=COLUMN…", "MAP" },
  { "level", 0, 0, G_OPTION_ARG_STRING, &options.level, "convert: of compression, 1 to 19", "N" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "No progress", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "trace",
  .summary = "Read what a kernel or a program recorded: info, stats, convert",
  .usage = "info|stats|convert FILE [OPTION]…",
  .details = "Reads every form that `kmemlab list traces` names, plain or compressed by gzip, xz "
             "or zstd.\n"
             "Which one a file is, its contents tell, not its name. A FILE “-” is standard input.",
  .examples = { "trace stats mix.txt.zst", "trace convert mix.txt.zst -o mix.kmt" },
  .options = entries,
  .words = list_words,
  .min_arguments = 2,
  .max_arguments = 2,
  .run = run,
};

KML_REGISTER_COMMAND (command)
