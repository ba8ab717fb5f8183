/* trace-report.c: what is in a recording, for people and for programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Percentages of waste are printed as perf kmem prints them, so that they can be compared digit by digit.
 */

#include "cli/trace-report.h"

#include "cli/output.h"
#include "cli/table.h"
#include "simcore/base/units.h"

/* Rows of a table for people; JSON has all. */
#define MAX_ROWS 20

static const char *const level_names[] = { "objects", "pages" };
static const guint levels[] = { KML_LEVEL_OBJECTS, KML_LEVEL_PAGES };

/* ---- Cells ---- */

static char *
format_count (guint64 count)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT, count);
}

/* As perf kmem does: "." is none. */
static char *
format_some (guint64 count)
{
  return count > 0 ? format_count (count) : g_strdup (".");
}

static char *
format_ns (guint64 ns)
{
  return kml_format_time (ns > KML_TIME_MAX / KML_NS ? KML_TIME_MAX : ns * KML_NS);
}

static char *
format_share (guint64 part, guint64 whole)
{
  return g_strdup_printf ("%.1f %%", whole > 0 ? 100.0 * (double)part / (double)whole : 0.0);
}

static char *
format_fragmentation (guint64 bytes_req, guint64 bytes_alloc)
{
  return g_strdup_printf ("%.3f%%", kml_trace_fragmentation (bytes_req, bytes_alloc));
}

static void
add_columns (KmlTable *table, const char *const *headers)
{
  for (guint i = 0; headers[i] != NULL; i++)
    kml_table_add_column (table, headers[i], i == 0 ? KML_ALIGN_LEFT : KML_ALIGN_RIGHT);
}

/* ---- Sums ---- */

static void
print_level (guint i, const KmlTraceStats *stats)
{
  const KmlTraceLevelStats *sums = kml_trace_stats_level (stats, levels[i]);
  g_autofree char *asked = kml_format_size (sums->bytes_req);
  g_autofree char *given = kml_format_size (sums->bytes_alloc);
  g_autofree char *freed = kml_format_size (sums->bytes_freed);
  g_autofree char *peak = kml_format_size (sums->bytes_peak);
  g_autofree char *live = kml_format_size (sums->bytes_live);
  g_autofree char *wandered = format_share (sums->ping_pong, sums->frees_seen);

  kml_out ("%s: %" G_GUINT64_FORMAT " allocations, %" G_GUINT64_FORMAT
           " frees; asked for %s, given %s, freed %s; at most %s (%" G_GUINT64_FORMAT
           " blocks) at a time, %s at the end\n",
           level_names[i], sums->allocs, sums->frees, asked, given, freed, peak, sums->n_peak,
           live);
  if (sums->frees_seen > 0)
    kml_out ("  freed on another CPU than allocated: %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
             " (%s)\n",
             sums->ping_pong, sums->frees_seen, wandered);
  if (levels[i] == KML_LEVEL_OBJECTS && sums->bytes_alloc > 0)
    kml_out ("  wasted on internal fragmentation: %" G_GUINT64_FORMAT " bytes, %f%%\n",
             sums->bytes_alloc - sums->bytes_req,
             kml_trace_fragmentation (sums->bytes_req, sums->bytes_alloc));
}

/* What says how much of the truth the figures are. */
static void
print_doubts (const guint64 *counts)
{
  static const KmlTraceCount doubtful[] = {
    KML_TRACE_N_LOST,         KML_TRACE_N_FREE_UNKNOWN, KML_TRACE_N_PAGE_FREE_UNKNOWN,
    KML_TRACE_N_DOUBLE_ALLOC, KML_TRACE_N_FAILED,       KML_TRACE_N_PAGE_DOUBLE_ALLOC,
    KML_TRACE_N_UNORDERED,    KML_TRACE_N_MALFORMED,    KML_TRACE_N_UNTIMED,
  };
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (doubtful); i++)
    if (counts[doubtful[i]] > 0)
      g_string_append_printf (text, "%s%s %" G_GUINT64_FORMAT, text->len > 0 ? ", " : "",
                              kml_trace_count_names[doubtful[i]], counts[doubtful[i]]);
  if (text->len > 0)
    kml_out ("what limits these figures: %s (kmemlab trace info explains them)\n", text->str);
}

/* ---- Lifetimes ---- */

static guint64
decade_end (guint decade)
{
  guint64 end = 10;

  for (; decade > 0; decade--)
    end *= 10;
  return end;
}

/* How many of the objects, and of the page blocks, have such a lifetime. @label: (transfer full). */
static void
add_lifetimes (KmlTable *table, char *label, const KmlTraceStats *stats, guint64 n_objects,
               guint64 n_pages)
{
  const guint64 counts[] = { n_objects, n_pages };

  kml_table_add_cell (table, label);
  for (guint i = 0; i < G_N_ELEMENTS (counts); i++) {
    const KmlTraceLifetimes *const all = kml_trace_stats_lifetimes (stats, levels[i]);

    kml_table_add_cell (table, format_some (counts[i]));
    kml_table_add_cell (table, format_share (counts[i], kml_histogram_n (&all->histogram)));
  }
}

/* The decades from the first to the last in which there is any. */
static void
print_lifetimes (const KmlTraceStats *stats)
{
  static const char *const headers[] = { "lives less than", "objects", "share",
                                         "page blocks",     "share",   NULL };
  const KmlTraceLifetimes *const objects = kml_trace_stats_lifetimes (stats, KML_LEVEL_OBJECTS);
  const KmlTraceLifetimes *const pages = kml_trace_stats_lifetimes (stats, KML_LEVEL_PAGES);
  g_autoptr (KmlTable) table = kml_table_new ();
  guint first = 0, end = KML_TRACE_N_DECADES;

  if (kml_histogram_n (&objects->histogram) + kml_histogram_n (&pages->histogram) == 0)
    return;
  while (first < end && objects->decades[first] + pages->decades[first] == 0)
    first++;
  while (end > first && objects->decades[end - 1] + pages->decades[end - 1] == 0)
    end--;
  add_columns (table, headers);
  if (objects->n_at_once + pages->n_at_once > 0)
    add_lifetimes (table, g_strdup ("a tick of its clock"), stats, objects->n_at_once,
                   pages->n_at_once);
  for (guint i = first; i < end; i++)
    add_lifetimes (
        table, i + 1 < KML_TRACE_N_DECADES ? format_ns (decade_end (i)) : g_strdup ("(for ever)"),
        stats, objects->decades[i], pages->decades[i]);
  kml_out ("\nLifetimes of those that were seen to end:\n");
  kml_table_print (table);
}

/* ---- Sizes and orders ---- */

static int
compare_counts (gconstpointer a, gconstpointer b)
{
  const KmlTraceSizeCount *left = a, *right = b;

  if (left->count != right->count)
    return left->count > right->count ? -1 : 1;
  return left->size < right->size ? -1 : left->size > right->size;
}

static void
print_sizes (const KmlTraceStats *stats)
{
  static const char *const headers[] = { "size", "requests", "share", "frag", NULL };
  g_autoptr (KmlTable) table = kml_table_new ();
  g_autoptr (GArray) sizes = kml_trace_stats_sizes (stats);
  const guint64 allocs = kml_trace_stats_level (stats, KML_LEVEL_OBJECTS)->allocs;

  if (sizes->len == 0)
    return;
  g_array_sort (sizes, compare_counts);
  add_columns (table, headers);
  for (guint i = 0; i < MIN (sizes->len, MAX_ROWS); i++) {
    const KmlTraceSizeCount *size = &g_array_index (sizes, KmlTraceSizeCount, i);

    kml_table_add_cell (table, format_count (size->size));
    kml_table_add_cell (table, format_count (size->count));
    kml_table_add_cell (table, format_share (size->count, allocs));
    kml_table_add_cell (table, format_fragmentation (size->count * size->size, size->bytes_alloc));
  }
  kml_out ("\nObjects by size, the most frequent of %u sizes:\n", sizes->len);
  kml_table_print (table);
}

static guint64
order_sum (const KmlTraceStats *stats, guint order)
{
  guint64 sum = 0;

  for (guint i = 0; i < KML_N_MOBILITIES; i++)
    sum += kml_trace_stats_pages (stats, order, (KmlMobility)i);
  return sum;
}

static void
print_orders (const KmlTraceStats *stats)
{
  g_autoptr (KmlTable) table = kml_table_new ();

  if (kml_trace_stats_level (stats, KML_LEVEL_PAGES)->allocs == 0)
    return;
  kml_table_add_column (table, "order", KML_ALIGN_RIGHT);
  for (guint i = 0; i < KML_N_MOBILITIES; i++)
    kml_table_add_column (table, kml_mobility_names[i], KML_ALIGN_RIGHT);
  for (guint order = 0; order <= KML_MAX_ORDER; order++) {
    if (order_sum (stats, order) == 0)
      continue;
    kml_table_add_cell (table, g_strdup_printf ("%u", order));
    for (guint i = 0; i < KML_N_MOBILITIES; i++)
      kml_table_add_cell (table,
                          format_some (kml_trace_stats_pages (stats, order, (KmlMobility)i)));
  }
  kml_out ("\nPage blocks asked for, by order and mobility:\n");
  kml_table_print (table);
}

/* ---- CPUs and contexts ---- */

static guint64
cpu_sum (const KmlTraceStats *stats, guint cpu)
{
  guint64 sum = 0;

  for (guint i = 0; i < KML_N_CONTEXTS; i++)
    sum += kml_trace_stats_requests (stats, cpu, (KmlContext)i);
  return sum;
}

static guint64
context_sum (const KmlTraceStats *stats, KmlContext context)
{
  guint64 sum = 0;

  for (guint cpu = 0; cpu < kml_trace_stats_n_cpus (stats); cpu++)
    sum += kml_trace_stats_requests (stats, cpu, context);
  return sum;
}

static guint64
request_sum (const KmlTraceStats *stats)
{
  return kml_trace_stats_level (stats, KML_LEVEL_OBJECTS)->allocs +
         kml_trace_stats_level (stats, KML_LEVEL_PAGES)->allocs;
}

static void
print_cpus (const KmlTraceStats *stats)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  const guint n_cpus = kml_trace_stats_n_cpus (stats);

  kml_table_add_column (table, "CPU", KML_ALIGN_LEFT);
  kml_table_add_column (table, "requests", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "share", KML_ALIGN_RIGHT);
  for (guint i = 0; i < KML_N_CONTEXTS; i++)
    kml_table_add_column (table, kml_context_names[i], KML_ALIGN_RIGHT);
  for (guint cpu = 0; cpu < MIN (n_cpus, MAX_ROWS); cpu++) {
    kml_table_add_cell (table, g_strdup_printf ("%u", cpu));
    kml_table_add_cell (table, format_count (cpu_sum (stats, cpu)));
    kml_table_add_cell (table, format_share (cpu_sum (stats, cpu), request_sum (stats)));
    for (guint i = 0; i < KML_N_CONTEXTS; i++)
      kml_table_add_cell (table,
                          format_some (kml_trace_stats_requests (stats, cpu, (KmlContext)i)));
  }
  kml_table_add_cell (table, g_strdup ("all"));
  kml_table_add_cell (table, format_count (request_sum (stats)));
  kml_table_add_cell (table, g_strdup (""));
  for (guint i = 0; i < KML_N_CONTEXTS; i++)
    kml_table_add_cell (table,
                        format_share (context_sum (stats, (KmlContext)i), request_sum (stats)));
  kml_out ("\nRequests by CPU and context, the first of %u CPUs:\n", n_cpus);
  kml_table_print (table);
}

/* ---- Call sites ---- */

static void
add_site_rows (KmlTable *table, const KmlTrace *trace, const GArray *sites)
{
  for (guint i = 0; i < MIN (sites->len, MAX_ROWS); i++) {
    const KmlTraceSiteCount *site = &g_array_index (sites, KmlTraceSiteCount, i);
    const char *name = kml_trace_site (trace, site->site);

    kml_table_add_cell (table, g_strdup (name[0] != '\0' ? name : "(unknown)"));
    kml_table_add_cell (table, format_count (site->allocs));
    kml_table_add_cell (table, kml_format_size (site->bytes_req));
    kml_table_add_cell (table, kml_format_size (site->bytes_alloc - site->bytes_req));
    kml_table_add_cell (table, format_fragmentation (site->bytes_req, site->bytes_alloc));
    kml_table_add_cell (table, format_count (site->ping_pong));
    kml_table_add_cell (table, format_count (site->live));
  }
}

static void
print_sites (const KmlTrace *trace, const KmlTraceStats *stats)
{
  static const char *const headers[] = { "site", "requests",  "asked for",   "wasted",
                                         "frag", "ping-pong", "live at end", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (levels); i++) {
    g_autoptr (GArray) sites = kml_trace_stats_sites (stats, levels[i]);
    g_autoptr (KmlTable) table = kml_table_new ();

    /* the kernel's events do not say who asks for pages: one row of unknown ones is none */
    if (sites->len == 0 ||
        (sites->len == 1 && g_array_index (sites, KmlTraceSiteCount, 0).site == 0))
      continue;
    add_columns (table, headers);
    add_site_rows (table, trace, sites);
    kml_out ("\nWho asks for %s, those that wasted most of %u call sites:\n", level_names[i],
             sites->len);
    kml_table_print (table);
  }
}

void
kml_trace_report_print (KmlTrace *trace, const KmlTraceStats *stats)
{
  for (guint i = 0; i < G_N_ELEMENTS (levels); i++)
    print_level (i, stats);
  print_doubts (kml_trace_info (trace)->counts);
  print_lifetimes (stats);
  print_cpus (stats);
  print_orders (stats);
  print_sizes (stats);
  print_sites (trace, stats);
}

/* ---- JSON ---- */

static void
add_lifetimes_json (JsonBuilder *builder, const KmlTraceLifetimes *lifetimes)
{
  const KmlHistogram *const histogram = &lifetimes->histogram;

  kml_json_begin_object (builder, "lifetimes_ns");
  kml_json_count (builder, "count", kml_histogram_n (histogram));
  kml_json_count (builder, "p50", kml_histogram_quantile (histogram, 50, 100));
  kml_json_count (builder, "p90", kml_histogram_quantile (histogram, 90, 100));
  kml_json_count (builder, "p99", kml_histogram_quantile (histogram, 99, 100));
  kml_json_count (builder, "max", histogram->max);
  kml_json_count (builder, "at_once", lifetimes->n_at_once);
  kml_json_begin_array (builder, "histogram");
  for (guint i = 0; i < KML_TRACE_N_DECADES; i++) {
    if (lifetimes->decades[i] == 0)
      continue;
    kml_json_begin_object (builder, NULL);
    kml_json_count (builder, "below", i + 1 < KML_TRACE_N_DECADES ? decade_end (i) : G_MAXUINT64);
    kml_json_count (builder, "count", lifetimes->decades[i]);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
add_level_json (JsonBuilder *builder, guint i, const KmlTraceStats *stats)
{
  const KmlTraceLevelStats *const sums = kml_trace_stats_level (stats, levels[i]);

  kml_json_begin_object (builder, level_names[i]);
  kml_json_count (builder, "allocs", sums->allocs);
  kml_json_count (builder, "frees", sums->frees);
  kml_json_count (builder, "frees_seen", sums->frees_seen);
  kml_json_count (builder, "ping_pong", sums->ping_pong);
  kml_json_count (builder, "bytes_req", sums->bytes_req);
  kml_json_count (builder, "bytes_alloc", sums->bytes_alloc);
  kml_json_count (builder, "bytes_freed", sums->bytes_freed);
  kml_json_number (builder, "frag_percent",
                   kml_trace_fragmentation (sums->bytes_req, sums->bytes_alloc));
  kml_json_count (builder, "blocks_peak", sums->n_peak);
  kml_json_count (builder, "blocks_live", sums->n_live);
  kml_json_count (builder, "bytes_peak", sums->bytes_peak);
  kml_json_count (builder, "bytes_live", sums->bytes_live);
  add_lifetimes_json (builder, kml_trace_stats_lifetimes (stats, levels[i]));
  json_builder_end_object (builder);
}

static void
add_cpus_json (JsonBuilder *builder, const KmlTraceStats *stats)
{
  kml_json_begin_object (builder, "contexts");
  for (guint i = 0; i < KML_N_CONTEXTS; i++)
    kml_json_count (builder, kml_context_names[i], context_sum (stats, (KmlContext)i));
  json_builder_end_object (builder);
  kml_json_begin_array (builder, "cpu_requests");
  for (guint cpu = 0; cpu < kml_trace_stats_n_cpus (stats); cpu++) {
    kml_json_begin_object (builder, NULL);
    kml_json_count (builder, "cpu", cpu);
    for (guint i = 0; i < KML_N_CONTEXTS; i++)
      kml_json_count (builder, kml_context_names[i],
                      kml_trace_stats_requests (stats, cpu, (KmlContext)i));
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_orders_json (JsonBuilder *builder, const KmlTraceStats *stats)
{
  kml_json_begin_array (builder, "orders");
  for (guint order = 0; order <= KML_MAX_ORDER; order++) {
    if (order_sum (stats, order) == 0)
      continue;
    kml_json_begin_object (builder, NULL);
    kml_json_count (builder, "order", order);
    for (guint i = 0; i < KML_N_MOBILITIES; i++)
      kml_json_count (builder, kml_mobility_names[i],
                      kml_trace_stats_pages (stats, order, (KmlMobility)i));
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_sizes_json (JsonBuilder *builder, const KmlTraceStats *stats)
{
  g_autoptr (GArray) sizes = kml_trace_stats_sizes (stats);

  kml_json_begin_array (builder, "sizes");
  for (guint i = 0; i < sizes->len; i++) {
    const KmlTraceSizeCount *size = &g_array_index (sizes, KmlTraceSizeCount, i);

    kml_json_begin_object (builder, NULL);
    kml_json_count (builder, "size", size->size);
    kml_json_count (builder, "count", size->count);
    kml_json_count (builder, "bytes_alloc", size->bytes_alloc);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_sites_json (JsonBuilder *builder, const char *name, guint level, const KmlTrace *trace,
                const KmlTraceStats *stats)
{
  g_autoptr (GArray) sites = kml_trace_stats_sites (stats, level);

  kml_json_begin_array (builder, name);
  for (guint i = 0; i < sites->len; i++) {
    const KmlTraceSiteCount *site = &g_array_index (sites, KmlTraceSiteCount, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "site", kml_trace_site (trace, site->site));
    kml_json_count (builder, "allocs", site->allocs);
    kml_json_count (builder, "frees", site->frees);
    kml_json_count (builder, "bytes_req", site->bytes_req);
    kml_json_count (builder, "bytes_alloc", site->bytes_alloc);
    kml_json_number (builder, "frag_percent",
                     kml_trace_fragmentation (site->bytes_req, site->bytes_alloc));
    kml_json_count (builder, "ping_pong", site->ping_pong);
    kml_json_count (builder, "live", site->live);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

void
kml_trace_report_json (JsonBuilder *builder, const KmlTrace *trace, const KmlTraceStats *stats)
{
  for (guint i = 0; i < G_N_ELEMENTS (levels); i++)
    add_level_json (builder, i, stats);
  add_cpus_json (builder, stats);
  add_orders_json (builder, stats);
  add_sizes_json (builder, stats);
  add_sites_json (builder, "sites", KML_LEVEL_OBJECTS, trace, stats);
  add_sites_json (builder, "page_sites", KML_LEVEL_PAGES, trace, stats);
}
