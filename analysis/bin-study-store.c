/* bin-study-store.c: one study of bin sizes into its tables; what its runs say out of theirs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/bin-study.h"
#include "analysis/database-private.h"

#include <math.h>

/* ---- What the runs say ---- */

static double
column_or_nan (sqlite3_stmt *statement, int column)
{
  return sqlite3_column_type (statement, column) == SQLITE_NULL
             ? NAN
             : sqlite3_column_double (statement, column);
}

/* The first row of @sql for run ?1, with pages of ?2 bytes: @n columns. A missing row is not a number
 * everywhere. */
static gboolean
ask (KmlDatabase *database, const char *sql, guint64 run_id, guint64 page_size, double *ret_values,
     int n, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (database, sql, error);
  int code;

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)run_id);
  if (sqlite3_bind_parameter_count (statement) > 1)
    sqlite3_bind_int64 (statement, 2, (sqlite3_int64)page_size);
  code = sqlite3_step (statement);
  for (int i = 0; i < n; i++)
    ret_values[i] = code == SQLITE_ROW ? column_or_nan (statement, i) : NAN;
  return code == SQLITE_ROW || code == SQLITE_DONE ||
         kml_database_fail (database, code, "cannot be read", error);
}

static const char metrics_sql[] =
    "SELECT max (value) FILTER (WHERE name = 'frag.internal.objects.requests'), "
    "max (value) FILTER (WHERE name = 'frag.internal.objects.mean'), "
    "max (value) FILTER (WHERE name = 'memory.reserved.peak_bytes'), "
    "max (value) FILTER (WHERE name = 'alloc.failed') FROM metrics WHERE run_id = ?";

/* At the snapshot with the most slabs: their bytes, of which ends, of which room. */
static const char slabs_sql[] =
    "SELECT sum (pages) * ?2, sum (pages * ?2 - objects * object_size), "
    "sum ((objects - active_objects) * object_size) FROM slabs WHERE run_id = ?1 "
    "GROUP BY t_ns ORDER BY sum (pages) DESC, t_ns LIMIT 1";

gboolean
kml_bin_study_read_runs (KmlBinStudy *self, KmlDatabase *database, GError **error)
{
  for (guint i = 0; i < self->sets->len; i++) {
    KmlBinStudySet *set = g_ptr_array_index (self->sets, i);
    double metrics[4], slabs[3];

    if (set->run_id == 0)
      continue;
    if (!ask (database, metrics_sql, set->run_id, 0, metrics, 4, error) ||
        !ask (database, slabs_sql, set->run_id, self->rules.slabs.page_size, slabs, 3, error))
      return FALSE;
    set->simulation = (KmlBinSimulation){ metrics[0], metrics[1], metrics[2], slabs[0],
                                          slabs[1],   slabs[2],   metrics[3] };
  }
  return TRUE;
}

/* ---- Storing ---- */

static gboolean
next_id (KmlDatabase *database, guint64 *ret_id, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_database_prepare (
      database, "SELECT ifnull (max (study_id), 0) + 1 FROM bin_studies", error);
  int code;

  if (statement == NULL)
    return FALSE;
  code = sqlite3_step (statement);
  if (code != SQLITE_ROW)
    return kml_database_fail (database, code, "cannot be read", error);
  *ret_id = (guint64)sqlite3_column_int64 (statement, 0);
  return TRUE;
}

static gboolean
put_study (const KmlBinStudy *self, KmlDatabase *database, guint64 id, GError **error)
{
  return kml_database_put (database, KML_PUT_BIN_STUDY, error, "uttttuuuuutuu", id, self->subject,
                           self->title, KML_VERSION, self->weight, self->n_requests,
                           self->rules.quantum, (guint64)(self->rules.with_tails ? 1 : 0),
                           self->rules.hold, self->rules.max_size, self->prefix,
                           (guint64)self->knee, (guint64)self->chosen);
}

static gboolean
put_curve (const KmlBinStudy *self, KmlDatabase *database, guint64 id, GError **error)
{
  for (guint i = 0; i < self->counts->len; i++) {
    const KmlSizeCount *count = &g_array_index (self->counts, KmlSizeCount, i);

    if (!kml_database_put (database, KML_PUT_BIN_SIZE, error, "uuu", id, count->size, count->count))
      return FALSE;
  }
  for (guint i = 0; i < self->curve->len; i++)
    if (!kml_database_put (database, KML_PUT_BIN_CURVE, error, "uur", id,
                           (guint64)self->min_bins + i, g_array_index (self->curve, double, i)))
      return FALSE;
  return TRUE;
}

/* A count of bytes, or NULL when it is not a number. */
static gint64
bytes_or_null (double bytes)
{
  return isnan (bytes) ? -1 : (gint64)bytes;
}

static gboolean
put_set (const KmlBinStudySet *set, KmlDatabase *database, guint64 id, guint64 seq, GError **error)
{
  const KmlBinUsage *usage = &set->usage;

  if (!kml_database_put (
          database, KML_PUT_BIN_SET, error, "uutturrrriiii", id, seq, set->name, set->source,
          (guint64)set->bins.n, kml_bin_usage_internal (usage), kml_bin_usage_with_tails (usage),
          usage->weight > 0 ? usage->page_level / usage->weight : 0.0, set->optimum,
          set->run_id > 0 ? (gint64)set->run_id : -1, bytes_or_null (set->simulation.slabs_peak),
          bytes_or_null (set->simulation.slabs_tails), bytes_or_null (set->simulation.slabs_free)))
    return FALSE;
  for (guint i = 0; i < usage->uses->len; i++) {
    const KmlBinUse *use = &g_array_index (usage->uses, KmlBinUse, i);

    if (!kml_database_put (database, KML_PUT_BIN_CLASS, error, "uuuuurrrr", id, seq, use->size,
                           use->slab, use->objects, use->weight, use->asked, use->given,
                           use->tails))
      return FALSE;
  }
  return TRUE;
}

static gboolean
put_all (const KmlBinStudy *self, KmlDatabase *database, guint64 id, GError **error)
{
  if (!put_study (self, database, id, error) || !put_curve (self, database, id, error))
    return FALSE;
  for (guint i = 0; i < self->sets->len; i++)
    if (!put_set (g_ptr_array_index (self->sets, i), database, id, i, error))
      return FALSE;
  for (guint i = 0; i < self->validations->len; i++) {
    const KmlBinValidation *v = &g_array_index (self->validations, KmlBinValidation, i);

    if (!kml_database_put (database, KML_PUT_BIN_VALIDATION, error, "uturrrrrr", id, v->split,
                           (guint64)v->part, v->weight, v->trained, v->measured, v->best,
                           v->linux_waste, v->page_level))
      return FALSE;
  }
  return TRUE;
}

gboolean
kml_bin_study_store (const KmlBinStudy *self, KmlDatabase *database, guint64 *ret_id,
                     GError **error)
{
  guint64 id = 0;

  if (!kml_database_exec (database, "BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = ON", error))
    return FALSE;
  if (next_id (database, &id, error) && put_all (self, database, id, error) &&
      kml_database_exec (database, "COMMIT", error)) {
    *ret_id = id;
    return TRUE;
  }
  kml_database_abort_run (database);
  return FALSE;
}
