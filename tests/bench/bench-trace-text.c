/* bench-trace-text.c: how fast recordings are read.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A recording in binary form is written out as the text from which it might have
 * come, in the kernel's own shape, several times over. Then that text is read:
 * plain, through zstd, and as binary again. Events of all copies are those of the
 * recording, so sizes, call sites and lifetimes are real; addresses are made from
 * the names of blocks.
 *
 *   bench-trace-text TRACE.kmt [LINES [REPEATS]]
 *
 * Or recordings in text form, plain or compressed, are read as they are:
 *
 *   bench-trace-text --read TRACE...
 *
 * The figures are the best and the median of the repetitions, in CPU time. "newlines alone" is what reading the
 * file and looking for the ends of its lines takes: the ratio to it can be compared between
 * machines.
 */

#include "workloads/traces/trace.h"
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define PIECE (1 << 20)

/* ---- Making the text ---- */

static void
append_event (GString *text, const KmlTrace *trace, const KmlTraceEvent *event, guint64 base_ns)
{
  static const char flags[KML_N_CONTEXTS] = { '.', 's', 'h' };
  const guint64 usecs = (base_ns + event->time_ns) / 1000;
  g_autofree char *gfp = NULL;

  g_string_append_printf (text, "  task-%u       [%03u] ..%c1. %u.%06u: ", event->pid, event->cpu,
                          flags[event->context], (guint)(usecs / 1000000),
                          (guint)(usecs % 1000000));
  if (event->kind == KML_OP_FREE) {
    g_string_append_printf (text, "kfree: call_site=%s ptr=%016" G_GINT64_MODIFIER "x\n",
                            kml_trace_site (trace, event->site),
                            G_GUINT64_CONSTANT (0xffff888000000000) + event->block * 64);
    return;
  }
  gfp = kml_gfp_format (event->gfp);
  g_string_append_printf (text,
                          "kmalloc: call_site=%s ptr=%016" G_GINT64_MODIFIER
                          "x bytes_req=%u bytes_alloc=%u gfp_flags=%s node=-1 accounted=false\n",
                          kml_trace_site (trace, event->site),
                          G_GUINT64_CONSTANT (0xffff888000000000) + event->block * 64,
                          event->bytes_req, event->bytes_alloc, gfp);
}

static GArray *
read_objects (KmlTrace *trace)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (KmlTraceEvent));
  g_autoptr (GError) error = NULL;
  KmlTraceEvent events[256];
  int n;

  while ((n = kml_trace_next (trace, events, G_N_ELEMENTS (events), &error)) > 0)
    for (int i = 0; i < n; i++)
      if (events[i].level == KML_LEVEL_OBJECTS)
        g_array_append_val (all, events[i]);
  if (n < 0)
    die (error);
  return all;
}

/* Copies of the recording, one after the other in time, until there are @n_lines. What is
 * live at the end of a copy is allocated again by the next: frees are inferred. */
static GString *
make_text (const char *path, guint n_lines)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = kml_trace_open (path, NULL, &error);
  g_autoptr (GArray) events = NULL;
  GString *text = g_string_new ("# tracer: nop\n#\n");
  guint64 base_ns = G_GUINT64_CONSTANT (100000000000);

  if (trace == NULL)
    die (error);
  events = read_objects (trace);
  for (guint i = 0; i < n_lines; i++) {
    const guint at = i % events->len;

    if (i > 0 && at == 0)
      base_ns += kml_trace_info (trace)->duration_ns;
    append_event (text, trace, &g_array_index (events, KmlTraceEvent, at), base_ns);
  }
  return text;
}

static void
write_file (const char *path, const char *bytes, gsize n)
{
  g_autoptr (GError) error = NULL;

  if (!g_file_set_contents_full (path, bytes, (gssize)n, G_FILE_SET_CONTENTS_NONE, 0600, &error))
    die (error);
}

static void
write_zstd (const char *path, const GString *text)
{
  const gsize room = ZSTD_compressBound (text->len);
  g_autofree char *bytes = g_malloc (room);

  write_file (path, bytes, ZSTD_compress (bytes, room, text->str, text->len, 3));
}

static void
write_binary (const char *from, const char *to)
{
  const KmlTraceConvert options = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = kml_trace_open (from, NULL, &error);

  if (trace == NULL || !kml_trace_convert (trace, to, &options, &error))
    die (error);
}

/* ---- Reading it ---- */

static guint64
count_newlines (const char *path)
{
  static char piece[PIECE];
  const int fd = open (path, O_RDONLY);
  guint64 n_lines = 0;
  gssize n;

  while ((n = read (fd, piece, sizeof piece)) > 0)
    for (char *at = piece; (at = memchr (at, '\n', (gsize)(piece + n - at))) != NULL; at++)
      n_lines++;
  close (fd);
  g_assert (n_lines > 0);
  return n_lines;
}

static guint64
read_all (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlTrace) trace = kml_trace_open (path, NULL, &error);

  if (trace == NULL || !kml_trace_finish (trace, &error))
    die (error);
  g_assert (kml_trace_info (trace)->counts[KML_TRACE_N_MALFORMED] == 0);
  return kml_trace_info (trace)->n_lines;
}

typedef struct {
  const char *what;
  const char *unit;
  guint64 (*run) (const char *path);
  char *path;      /* (owned) */
  double n;        /* how many there are in it */
  GArray *seconds; /* (owned) (element-type double): of the repetitions */
} Case;

static Case
make_case (const char *what, const char *unit, guint64 (*run) (const char *), char *path, double n)
{
  return (Case){ what, unit, run, path, n, g_array_new (FALSE, FALSE, sizeof (double)) };
}

static void
run_case (Case *self)
{
  const double begin = cpu_seconds ();
  double seconds;

  self->run (self->path);
  seconds = cpu_seconds () - begin;
  g_array_append_val (self->seconds, seconds);
}

static int
compare_seconds (gconstpointer a, gconstpointer b)
{
  const double left = *(const double *)a, right = *(const double *)b;

  return left < right ? -1 : left > right;
}

static void
print_case (Case *self)
{
  double best, median;
  GStatBuf status;

  g_stat (self->path, &status);
  g_array_sort (self->seconds, compare_seconds);
  best = g_array_index (self->seconds, double, 0);
  median = g_array_index (self->seconds, double, self->seconds->len / 2);
  g_print ("%-22s %7.2f (%.2f) million %s a second %7.1f ns %7.1f bytes each\n", self->what,
           self->n / best * 1e-6, self->n / median * 1e-6, self->unit, best / self->n * 1e9,
           (double)status.st_size / self->n);
}

static void
run_cases (Case *cases, guint n, guint n_repeats)
{
  for (guint i = 0; i < n_repeats; i++)
    for (guint c = 0; c < n; c++)
      run_case (&cases[c]);
  for (guint c = 0; c < n; c++) {
    print_case (&cases[c]);
    g_array_unref (cases[c].seconds);
    g_free (cases[c].path);
  }
}

/* Recordings as they are. */
static void
bench_recordings (char **paths, guint n, guint n_repeats)
{
  g_autofree Case *cases = g_new (Case, n);

  for (guint i = 0; i < n; i++)
    cases[i] = make_case (paths[i], "lines", read_all, g_strdup (paths[i]),
                          (double)read_all (paths[i]));
  run_cases (cases, n, n_repeats);
}

/* Text made of a binary recording. */
static void
bench_made (const char *path, guint n_lines, guint n_repeats)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("bench-trace-XXXXXX", &error);
  g_autofree char *plain = g_build_filename (folder, "plain", NULL);
  g_autofree char *zstd = g_build_filename (folder, "zstd", NULL);
  g_autofree char *binary = g_build_filename (folder, "binary", NULL);
  GString *text;

  if (folder == NULL)
    die (error);
  text = make_text (path, n_lines);
  write_file (plain, text->str, text->len);
  write_zstd (zstd, text);
  g_string_free (text, TRUE);
  write_binary (plain, binary);
  run_cases (
      (Case[]){
          make_case ("newlines alone", "lines", count_newlines, g_strdup (plain), n_lines),
          make_case ("text", "lines", read_all, g_strdup (plain), n_lines),
          make_case ("text through zstd", "lines", read_all, g_strdup (zstd), n_lines),
          make_case ("binary", "events", read_all, g_strdup (binary), n_lines),
      },
      4, n_repeats);
  g_unlink (plain);
  g_unlink (zstd);
  g_unlink (binary);
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  const guint n_lines = argc > 2 ? (guint)g_ascii_strtoull (argv[2], NULL, 10) : 2000000;
  const guint n_repeats = argc > 3 ? (guint)g_ascii_strtoull (argv[3], NULL, 10) : 7;

  if (argc > 2 && strcmp (argv[1], "--read") == 0) {
    bench_recordings (argv + 2, (guint)argc - 2, 9);
    return 0;
  }
  if (argc < 2 || n_lines == 0 || n_repeats == 0) {
    g_printerr ("usage: bench-trace-text TRACE.kmt [LINES [REPEATS]]\n"
                "       bench-trace-text --read TRACE...\n");
    return 2;
  }
  bench_made (argv[1], n_lines, n_repeats);
  return 0;
}
