/* database-write.c: one run into its tables, in one transaction.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Or into a shard, whose rows are put in the end by the same statements.
 *
 * Samples come while the run goes on, all else when it has ended; the row of
 * `runs` that everything refers to comes last, so foreign keys are checked at
 * the commit. Rows are put in the order of their keys: each goes to the end of
 * its table, which is the fast case of a B-tree and fills its pages.
 */

#include "analysis/database-private.h"

#include <math.h>

static const char *const put_sql[KML_N_PUTS] = {
  [KML_PUT_AWAY_ATTEMPT] = "DELETE FROM runs WHERE run_id = ? AND status <> 'done'",
  [KML_PUT_AWAY_OTHERS] = "DELETE FROM runs WHERE run_key = ? AND run_id <> ? AND status <> 'done'",
  [KML_PUT_RUN] = "INSERT INTO runs (run_id, run_key, scenario, title, scenario_text, overrides, "
                  "base_dir, seed, status, message, fingerprint, version, started_at, wall_ns, "
                  "sim_ns, operations) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_PARAM] = "INSERT INTO params (run_id, key, value) VALUES (?, ?, ?)",
  [KML_PUT_INPUT] =
      "INSERT INTO inputs (run_id, key, file, digest, size_bytes) VALUES (?, ?, ?, ?, ?)",
  [KML_PUT_METRIC] = "INSERT INTO metrics (run_id, name, value, unit) VALUES (?, ?, ?, ?)",
  [KML_PUT_EXPECTATION] = "INSERT INTO expectations (run_id, seq, metric, text, measured, held) "
                          "VALUES (?, ?, ?, ?, ?, ?)",
  [KML_PUT_SERIES_INFO] = "INSERT OR IGNORE INTO series_info (name, unit) VALUES (?, ?)",
  [KML_PUT_SERIES] = "INSERT INTO series (run_id, t_ns, name, value) VALUES (?, ?, ?, ?)",
  [KML_PUT_SAMPLES] = "INSERT INTO samples (run_id, seq, name, t0_ns, t1_ns, n, data) "
                      "VALUES (?, ?, 'operations', ?, ?, ?, ?)",
  [KML_PUT_LATENCY] =
      "INSERT INTO latency (run_id, operation, context, bucket_lo_ns, bucket_hi_ns, "
      "count) VALUES (?, ?, ?, ?, ?, ?)",
  [KML_PUT_WASTE] = "INSERT INTO waste (run_id, size_lo, size_hi, count, requested_bytes, "
                    "held_bytes) VALUES (?, ?, ?, ?, ?, ?)",
  [KML_PUT_SITE_WASTE] =
      "INSERT INTO site_waste (run_id, workload, site, count, requested_bytes, held_bytes, "
      "freed_elsewhere, live_blocks, live_requested_bytes, live_held_bytes, mean_wasted_bytes) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_LIFETIME_WASTE] =
      "INSERT INTO lifetime_waste (run_id, band, lifetime, lo_ns, hi_ns, count, requested_bytes, "
      "held_bytes, mean_wasted_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_FREE_BLOCKS] =
      "INSERT INTO free_blocks (run_id, t_ns, zone, mobility, \"order\", count) "
      "VALUES (?, ?, ?, ?, ?, ?)",
  [KML_PUT_ZONE_FREE_BLOCKS] =
      "INSERT INTO zone_free_blocks (run_id, seq, zone, mobility, \"order\", count) "
      "VALUES (?, ?, ?, ?, ?, ?)",
  [KML_PUT_SLABS] = "INSERT INTO slabs (run_id, t_ns, cache, object_size, objects, active_objects, "
                    "slabs, pages) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_PAGEMAP] = "INSERT INTO pagemap (run_id, t_ns, cells) VALUES (?, ?, ?)",
  [KML_PUT_LONGEST] =
      "INSERT INTO longest (run_id, operation, context, latency_ns, t_ns, cpu, task, level, size, "
      "gfp, source, site, waited_for, waited_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_LONGEST_PART] = "INSERT INTO longest_parts (run_id, operation, context, part, part_ns) "
                           "VALUES (?, ?, ?, ?, ?)",
  [KML_PUT_FAILURE] = "INSERT INTO failures (run_id, seq, t_ns, cpu, task, context, level, size, "
                      "\"order\", gfp, reason, source, free, largest) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_OOM_KILL] = "INSERT INTO oom_kills (run_id, seq, t_ns, victim, pages, freed, task, cpu, "
                       "size, gfp, source, site) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_DEADLOCK] = "INSERT INTO deadlocks (run_id, t_ns, kind, story) VALUES (?, ?, ?, ?)",
  [KML_PUT_DEADLOCK_EDGE] =
      "INSERT INTO deadlock_edges (deadlock_id, seq, waiter, waits_for, resource, held, site, "
      "since_ns) SELECT max (deadlock_id), ?, ?, ?, ?, ?, ?, ? FROM deadlocks",
  [KML_PUT_DEADLOCK_SPAN] =
      "INSERT INTO deadlock_spans (deadlock_id, seq, task, cpu, what, resource, t0_ns, t1_ns) "
      "SELECT max (deadlock_id), ?, ?, ?, ?, ?, ?, ? FROM deadlocks",
  [KML_PUT_BUG] = "INSERT INTO bugs (run_id, seq, t_ns, cpu, task, kind, text, site, count) "
                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_LOCK_EDGE] = "INSERT INTO lock_edges (run_id, from_class, to_class, context, site, "
                        "count) VALUES (?, ?, ?, ?, ?, ?)",
  [KML_PUT_POTENTIAL_DEADLOCK] =
      "INSERT INTO potential_deadlocks (run_id, seq, t_ns, kind, classes, report) "
      "VALUES (?, ?, ?, ?, ?, ?)",
  [KML_PUT_BIN_STUDY] =
      "INSERT INTO bin_studies (study_id, subject, title, version, weight, requests, "
      "quantum, tails, hold, max_size, prefix, knee, chosen) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_BIN_SIZE] = "INSERT INTO bin_sizes (study_id, size, weight) VALUES (?, ?, ?)",
  [KML_PUT_BIN_CURVE] = "INSERT INTO bin_curve (study_id, bins, waste) VALUES (?, ?, ?)",
  [KML_PUT_BIN_SET] =
      "INSERT INTO bin_sets (study_id, seq, name, source, bins, internal, with_tails, "
      "page_level, optimum, run_id, slabs_peak, slabs_tails, slabs_free) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_BIN_CLASS] = "INSERT INTO bin_classes (study_id, seq, size, slab, objects, weight, "
                        "asked_bytes, given_bytes, tail_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [KML_PUT_BIN_VALIDATION] =
      "INSERT INTO bin_validations (study_id, split, part, weight, trained, "
      "measured, best, linux, page_level) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
};

/* ---- One row ---- */

/* SQLite's integers end at 2^63 - 1; nothing that a run counts comes near, and what does (the size in a
 * request that no machine can answer) is stored as the largest. */
void
kml_database_bind_count (sqlite3_stmt *statement, int i, guint64 value)
{
  sqlite3_bind_int64 (statement, i, (sqlite3_int64)MIN (value, (guint64)G_MAXINT64));
}

void
kml_database_bind_integer (sqlite3_stmt *statement, int i, gint64 value)
{
  if (value < 0)
    sqlite3_bind_null (statement, i);
  else
    sqlite3_bind_int64 (statement, i, value);
}

sqlite3_stmt *
kml_database_statement (KmlDatabase *self, KmlPut which, GError **error)
{
  if (self->puts[which] == NULL)
    self->puts[which] = kml_database_prepare (self, put_sql[which], error);
  return self->puts[which];
}

static void
bind_values (sqlite3_stmt *statement, const char *types, va_list values)
{
  for (int i = 1; types[i - 1] != '\0'; i++) {
    const void *data;

    switch (types[i - 1]) {
    case 'u':
      kml_database_bind_count (statement, i, va_arg (values, guint64));
      break;
    case 'r':
      sqlite3_bind_double (statement, i, va_arg (values, double));
      break;
    case 't':
      sqlite3_bind_text (statement, i, va_arg (values, const char *), -1, SQLITE_STATIC);
      break;
    case 'b':
      data = va_arg (values, const void *);
      sqlite3_bind_blob64 (statement, i, data, va_arg (values, gsize), SQLITE_STATIC);
      break;
    case 'i':
      kml_database_bind_integer (statement, i, va_arg (values, gint64));
      break;
    default:
      g_assert_not_reached ();
    }
  }
}

gboolean
kml_database_put (KmlDatabase *self, KmlPut which, GError **error, const char *types, ...)
{
  sqlite3_stmt *statement;
  gboolean good;
  va_list values;

  va_start (values, types);
  if (self->shard != NULL) {
    good = kml_database_shard_put (self, which, error, types, values);
  } else {
    statement = kml_database_statement (self, which, error);
    if (statement != NULL)
      bind_values (statement, types, values);
    good = statement != NULL && kml_database_run (self, statement, error);
  }
  va_end (values);
  return good;
}

/* ---- The transaction ---- */

static gboolean
check_absent (KmlDatabase *self, guint64 run_id, GError **error)
{
  g_autoptr (sqlite3_stmt)
      statement = kml_database_prepare (self, "SELECT 1 FROM runs WHERE run_id = ?", error);
  int code;

  if (statement == NULL)
    return FALSE;
  kml_database_bind_count (statement, 1, run_id);
  code = sqlite3_step (statement);
  if (code == SQLITE_DONE)
    return TRUE;
  if (code != SQLITE_ROW)
    return kml_database_fail (self, code, "cannot be read", error);
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "%s: run %" G_GUINT64_FORMAT " is there already, and done", self->path, run_id);
  return FALSE;
}

gboolean
kml_database_begin_run (KmlDatabase *self, guint64 run_id, GError **error)
{
  g_assert (self->run_id == 0);
  g_assert (run_id > 0 && run_id <= G_MAXINT64);

  if (self->shard == NULL &&
      !kml_database_exec (self, "BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON", error))
    return FALSE;
  self->run_id = run_id;
  self->n_blocks = 0;
  if (self->shard != NULL)
    return kml_database_shard_begin (self, run_id, error);
  /* a run that failed or crashed makes room for the one that is tried again */
  if (!kml_database_put (self, KML_PUT_AWAY_ATTEMPT, error, "u", run_id) ||
      !check_absent (self, run_id, error)) {
    kml_database_abort_run (self);
    return FALSE;
  }
  return TRUE;
}

void
kml_database_abort_run (KmlDatabase *self)
{
  self->run_id = 0;
  /* after some errors SQLite has rolled back already */
  if (self->db != NULL && !sqlite3_get_autocommit (self->db))
    sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
}

gboolean
kml_database_sample_sink (KmlTime t0, KmlTime t1, guint n, const guint8 *data, gsize n_bytes,
                          gpointer database, GError **error)
{
  KmlDatabase *self = database;

  g_assert (self->run_id != 0);

  return kml_database_put (self, KML_PUT_SAMPLES, error, "uuuuub", self->run_id, self->n_blocks++,
                           kml_database_ns (t0), kml_database_ns (t1), (guint64)n, data, n_bytes);
}

/* ---- What the run is ---- */

static gboolean
put_run (KmlDatabase *self, const KmlDatabaseRun *run, GError **error)
{
  g_autofree char *seed = g_strdup_printf ("%" G_GUINT64_FORMAT, run->seed);

  return kml_database_put (self, KML_PUT_RUN, error,
                           "uttttttttttt"
                           "iiuu",
                           run->run_id, run->run_key, run->scenario, run->title, run->scenario_text,
                           run->overrides, run->base_dir, seed, run->status, run->message,
                           run->fingerprint, run->version, run->started_at, run->wall_ns,
                           kml_database_ns (run->end_time), run->operations);
}

static gboolean
put_scalars (KmlDatabase *self, const KmlDatabaseRun *run, GError **error)
{
  for (guint i = 0; i < run->n_params; i++)
    if (!kml_database_put (self, KML_PUT_PARAM, error, "utt", run->run_id, run->params[i].key,
                           run->params[i].value))
      return FALSE;
  for (guint i = 0; i < run->n_inputs; i++)
    if (!kml_database_put (self, KML_PUT_INPUT, error, "utttu", run->run_id, run->inputs[i].key,
                           run->inputs[i].file, run->inputs[i].digest, run->inputs[i].size))
      return FALSE;
  for (guint i = 0; i < run->n_metrics; i++)
    if (!kml_database_put (self, KML_PUT_METRIC, error, "utrt", run->run_id, run->metrics[i].name,
                           run->metrics[i].value, run->metrics[i].unit))
      return FALSE;
  for (guint i = 0; i < run->n_expectations; i++) {
    const KmlDatabaseExpectation *expectation = &run->expectations[i];

    if (!kml_database_put (self, KML_PUT_EXPECTATION, error, "uuttru", run->run_id, (guint64)i,
                           expectation->metric, expectation->text, expectation->measured,
                           (guint64)(expectation->held ? 1 : 0)))
      return FALSE;
  }
  return TRUE;
}

/* ---- What the recorder kept ---- */

static gboolean
put_latency (KmlDatabase *self, const char *operation, const char *context,
             const KmlHistogram *histogram, GError **error)
{
  for (guint i = 0; i < KML_HISTOGRAM_N_BUCKETS; i++) {
    const double lo = (double)kml_histogram_bucket_lo (i);
    const double hi = lo + (double)kml_histogram_bucket_width (i);

    if (histogram->counts[i] > 0 &&
        !kml_database_put (self, KML_PUT_LATENCY, error, "uttrru", self->run_id, operation, context,
                           lo / (double)KML_NS, hi / (double)KML_NS, histogram->counts[i]))
      return FALSE;
  }
  return TRUE;
}

static gboolean
put_latencies (KmlDatabase *self, const KmlRecorder *recorder, GError **error)
{
  for (guint operation = 0; operation < KML_N_OPERATIONS; operation++) {
    for (guint context = 0; context < KML_N_CONTEXTS; context++) {
      const KmlHistogram *histogram = recorder->latency[operation][context];

      if (histogram != NULL && !put_latency (self, kml_operation_names[operation],
                                             kml_context_names[context], histogram, error))
        return FALSE;
    }
  }
  return TRUE;
}

static gboolean
put_waste (KmlDatabase *self, const KmlRecorder *recorder, GError **error)
{
  for (guint i = 0; recorder->config.waste && i < KML_WASTE_N; i++) {
    const KmlWaste waste = kml_recorder_waste (recorder, i);
    guint64 lo, hi;

    if (waste.count == 0)
      continue;
    kml_recorder_waste_range (i, &lo, &hi);
    if (!kml_database_put (self, KML_PUT_WASTE, error, "uuuuuu", self->run_id, lo, hi, waste.count,
                           waste.requested, waste.held))
      return FALSE;
  }
  return TRUE;
}

static gboolean
put_sites (KmlDatabase *self, const KmlOrigins *origins, GError **error)
{
  const GArray *sites = kml_origins_sites (origins);

  for (guint i = 0; i < sites->len; i++) {
    const KmlSiteOrigin *site = &g_array_index (sites, KmlSiteOrigin, i);
    const KmlSiteWaste *waste = &site->waste;

    if (!kml_database_put (self, KML_PUT_SITE_WASTE, error,
                           "utt"
                           "uuuu"
                           "uuur",
                           self->run_id, site->workload, site->site, waste->count, waste->requested,
                           waste->held, waste->freed_elsewhere, waste->live, waste->live_requested,
                           waste->live_held, kml_origins_mean (origins, waste->wasted_time)))
      return FALSE;
  }
  return TRUE;
}

static gboolean
put_origins (KmlDatabase *self, const KmlRecorder *recorder, GError **error)
{
  const KmlOrigins *origins = recorder->origins;

  if (origins == NULL)
    return TRUE;
  if (!put_sites (self, origins, error))
    return FALSE;
  for (guint band = 0; band < KML_N_LIFETIMES; band++) {
    const KmlLifetimeWaste *waste = kml_origins_lifetime (origins, band);
    KmlTime lo = KML_TIME_MAX, hi = KML_TIME_MAX;

    if (band != KML_LIFETIME_ALIVE)
      kml_lifetime_range (band, &lo, &hi);
    if (!kml_database_put (self, KML_PUT_LIFETIME_WASTE, error,
                           "uutii"
                           "uuur",
                           self->run_id, (guint64)band, kml_lifetime_names[band],
                           lo == KML_TIME_MAX ? -1 : (gint64)kml_database_ns (lo),
                           hi == KML_TIME_MAX ? -1 : (gint64)kml_database_ns (hi), waste->count,
                           waste->requested, waste->held,
                           kml_origins_mean (origins, waste->wasted_time)))
      return FALSE;
  }
  return TRUE;
}

/* ---- Snapshots ---- */

/* The snapshots that are stored: of several within one nanosecond, the unit of t_ns, the last. */
static const KmlSnapshot *
next_snapshot (const KmlRecorder *recorder, guint *i)
{
  while (*i < recorder->snapshots->len) {
    const KmlSnapshot *snapshot = &g_array_index (recorder->snapshots, KmlSnapshot, *i);

    (*i)++;
    if (*i == recorder->snapshots->len ||
        kml_database_ns (snapshot->time) !=
            kml_database_ns (g_array_index (recorder->snapshots, KmlSnapshot, *i).time))
      return snapshot;
  }
  return NULL;
}

static gboolean
put_series (KmlDatabase *self, const KmlRecorder *recorder, GError **error)
{
  for (guint series = 0; series < KML_N_SERIES; series++) {
    const KmlSeriesInfo *info = &kml_series_info[series];
    const KmlSnapshot *snapshot;
    guint i = 0;

    if (!kml_database_put (self, KML_PUT_SERIES_INFO, error, "tt", info->name, info->unit))
      return FALSE;
    while ((snapshot = next_snapshot (recorder, &i)) != NULL)
      if (!kml_database_put (self, KML_PUT_SERIES, error, "uutr", self->run_id,
                             kml_database_ns (snapshot->time), info->name,
                             (double)snapshot->values[series] / info->scale))
        return FALSE;
  }
  return TRUE;
}

/* Up to which order, and of which mobilities, the run ever had free blocks: zeros below that are rows
 * (a curve goes down to 0), the rest is left out. */
typedef struct {
  guint n_orders;
  gboolean has[KML_N_MOBILITIES];
} FreeExtent;

static FreeExtent
free_extent (const KmlRecorder *recorder)
{
  FreeExtent extent = { 0 };

  for (guint i = 0; i < recorder->snapshots->len; i++) {
    const KmlSnapshot *snapshot = &g_array_index (recorder->snapshots, KmlSnapshot, i);

    for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++) {
      for (guint order = 0; order <= KML_MAX_ORDER; order++) {
        if (snapshot->free_blocks[mobility][order] > 0) {
          extent.has[mobility] = TRUE;
          extent.n_orders = MAX (extent.n_orders, order + 1);
        }
      }
    }
  }
  return extent;
}

static gboolean
put_free_blocks (KmlDatabase *self, const KmlSnapshot *snapshot, const FreeExtent *extent,
                 GError **error)
{
  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint order = 0; extent->has[mobility] && order < extent->n_orders; order++)
      if (!kml_database_put (self, KML_PUT_FREE_BLOCKS, error, "uuttuu", self->run_id,
                             kml_database_ns (snapshot->time), "Normal",
                             kml_mobility_names[mobility], (guint64)order,
                             snapshot->free_blocks[mobility][order]))
        return FALSE;
  return TRUE;
}

/* Of one zone, at the end. */
static gboolean
put_zone (KmlDatabase *self, const KmlZone *zone, guint seq, const FreeExtent *extent,
          GError **error)
{
  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint order = 0; extent->has[mobility] && order < extent->n_orders; order++)
      if (!kml_database_put (self, KML_PUT_ZONE_FREE_BLOCKS, error, "uuttuu", self->run_id,
                             (guint64)seq, kml_zone_names[zone->kind], kml_mobility_names[mobility],
                             (guint64)order, zone->area.blocks[mobility][order]))
        return FALSE;
  return TRUE;
}

static gboolean
put_zones (KmlDatabase *self, const KmlZones *zones, const KmlRecorder *recorder, GError **error)
{
  const FreeExtent extent = free_extent (recorder);

  for (guint i = 0; zones != NULL && i < zones->n_zones; i++)
    if (!put_zone (self, &zones->zones[i], i, &extent, error))
      return FALSE;
  return TRUE;
}

static gboolean
put_caches (KmlDatabase *self, const KmlSnapshot *snapshot, GError **error)
{
  for (guint i = 0; i < snapshot->n_caches; i++) {
    const KmlCacheInfo *cache = &snapshot->caches[i];
    char size[24];

    g_snprintf (size, sizeof size, "%" G_GUINT64_FORMAT, cache->object_size);
    if (!kml_database_put (self, KML_PUT_SLABS, error, "uutuuuuu", self->run_id,
                           kml_database_ns (snapshot->time),
                           cache->name != NULL ? cache->name : size, cache->object_size,
                           cache->n_objects, cache->n_active, cache->n_slabs, cache->n_frames))
      return FALSE;
  }
  return TRUE;
}

static gboolean
put_snapshots (KmlDatabase *self, const KmlRecorder *recorder, GError **error)
{
  const FreeExtent extent = free_extent (recorder);
  const KmlSnapshot *snapshot;
  guint i = 0;

  while ((snapshot = next_snapshot (recorder, &i)) != NULL) {
    if (!put_free_blocks (self, snapshot, &extent, error) || !put_caches (self, snapshot, error))
      return FALSE;
    if (snapshot->pagemap != NULL &&
        !kml_database_put (self, KML_PUT_PAGEMAP, error, "uub", self->run_id,
                           kml_database_ns (snapshot->time), snapshot->pagemap,
                           (gsize)KML_PAGEMAP_CELLS))
      return FALSE;
  }
  return TRUE;
}

/* ---- The end of a run ---- */

/* The same run under another id: an attempt that failed or crashed, and is now replaced. */
static gboolean
remove_other_attempts (KmlDatabase *self, const KmlDatabaseRun *run, GError **error)
{
  return kml_database_put (self, KML_PUT_AWAY_OTHERS, error, "tu", run->run_key, run->run_id);
}

static gboolean
commit (KmlDatabase *self, GError **error)
{
  return self->shard != NULL ? kml_database_shard_end (self, error)
                             : kml_database_exec (self, "COMMIT", error);
}

gboolean
kml_database_end_run (KmlDatabase *self, const KmlDatabaseRun *run, const KmlRecorder *recorder,
                      GError **error)
{
  gboolean good;

  g_assert (self->run_id != 0);
  g_assert (run->run_id == self->run_id);

  good = remove_other_attempts (self, run, error) && put_run (self, run, error) &&
         put_scalars (self, run, error) && kml_database_put_incidents (self, run, error);
  if (good && recorder != NULL)
    good = put_series (self, recorder, error) && put_latencies (self, recorder, error) &&
           put_waste (self, recorder, error) && put_origins (self, recorder, error) &&
           kml_database_put_requests (self, recorder, error) &&
           put_snapshots (self, recorder, error) && put_zones (self, run->zones, recorder, error);
  good = good && commit (self, error);
  kml_database_abort_run (self); /* nothing to do after a commit */
  return good;
}
