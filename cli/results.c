/* results.c: runs, read back from a database.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/results.h"
#include "simcore/base/units.h"

#include <math.h>

const char *const kml_main_metrics[] = {
  "alloc.count",
  "alloc.failed",
  "frag.internal.mean",
  "frag.external.end",
  "memory.reserved.peak_bytes",
  "latency.alloc.p99_ns",
  NULL,
};

const char *const kml_time_metrics[] = {
  "time.end_ns", "cpu.utilisation", "cpu.switches", "cpu.preemptions", "cpu.interrupts", NULL,
};

static void
free_setting (gpointer data)
{
  KmlSetting *setting = data;

  g_free (setting->key);
  g_free (setting->value);
  g_free (setting);
}

static void
free_input (gpointer data)
{
  KmlInput *input = data;

  g_free (input->key);
  g_free (input->file);
  g_free (input);
}

static void
clear_metric (gpointer data)
{
  KmlResultMetric *metric = data;

  g_free (metric->name);
  g_free (metric->unit);
}

static void
clear_part (gpointer data)
{
  g_free (((KmlResultPart *)data)->name);
}

static void
clear_reason (gpointer data)
{
  g_free (((KmlResultReason *)data)->name);
}

static void
clear_kill (gpointer data)
{
  KmlResultKill *kill = data;

  g_free (kill->victim);
  g_free (kill->task);
  g_free (kill->gfp);
  g_free (kill->site);
  g_free (kill->source);
}

static void
clear_longest (gpointer data)
{
  KmlResultLongest *longest = data;

  g_free (longest->operation);
  g_free (longest->context);
  g_free (longest->task);
  g_free (longest->level);
  g_free (longest->gfp);
  g_free (longest->source);
  g_free (longest->site);
  g_free (longest->waited_for);
  g_array_unref (longest->parts);
}

sqlite3_stmt *
kml_result_prepare (KmlDatabase *database, const char *sql, GError **error)
{
  sqlite3_stmt *statement = NULL;
  const int code = sqlite3_prepare_v2 (kml_database_handle (database), sql, -1, &statement, NULL);

  if (code != SQLITE_OK)
    kml_database_read_error (database, code, error);
  return statement;
}

/* NULL stays NULL. */
static char *
nullable_text (sqlite3_stmt *statement, int i)
{
  return g_strdup ((const char *)sqlite3_column_text (statement, i));
}

/* Of a column that is never NULL in a database of ours; a crafted one may say what it likes. */
static char *
column_text (sqlite3_stmt *statement, int i)
{
  const char *text = (const char *)sqlite3_column_text (statement, i);

  return g_strdup (text != NULL ? text : "");
}

static gboolean
load_run (KmlResult *self, KmlDatabase *database, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_result_prepare (
      database,
      "SELECT run_key, scenario, scenario_text, overrides, base_dir, seed, status, message, "
      "fingerprint, version, operations, sim_ns FROM runs WHERE run_id = ?",
      error);
  g_autofree char *seed = NULL;
  int code;

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)self->run_id);
  code = sqlite3_step (statement);
  if (code == SQLITE_DONE) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: there is no run %" G_GUINT64_FORMAT,
                 sqlite3_db_filename (kml_database_handle (database), "main"), self->run_id);
    return FALSE;
  }
  if (code != SQLITE_ROW)
    return kml_database_read_error (database, code, error);
  self->run_key = column_text (statement, 0);
  self->scenario = column_text (statement, 1);
  self->scenario_text = column_text (statement, 2);
  self->overrides = column_text (statement, 3);
  self->base_dir = column_text (statement, 4);
  seed = column_text (statement, 5);
  self->seed = g_ascii_strtoull (seed, NULL, 10);
  self->status = column_text (statement, 6);
  self->message = nullable_text (statement, 7);
  self->fingerprint = nullable_text (statement, 8);
  self->version = column_text (statement, 9);
  self->operations = (guint64)sqlite3_column_int64 (statement, 10);
  self->sim_ns = (guint64)sqlite3_column_int64 (statement, 11);
  return TRUE;
}

static void
add_setting (KmlResult *self, sqlite3_stmt *statement)
{
  KmlSetting *setting = g_new0 (KmlSetting, 1);

  setting->key = column_text (statement, 0);
  setting->value = column_text (statement, 1);
  g_ptr_array_add (self->settings, setting);
}

static void
add_input (KmlResult *self, sqlite3_stmt *statement)
{
  KmlInput *input = g_new0 (KmlInput, 1);
  g_autofree char *digest = column_text (statement, 2);

  input->key = column_text (statement, 0);
  input->file = column_text (statement, 1);
  g_strlcpy (input->digest, digest, sizeof input->digest);
  input->size = (guint64)sqlite3_column_int64 (statement, 3);
  g_ptr_array_add (self->inputs, input);
}

static void
add_metric (KmlResult *self, sqlite3_stmt *statement)
{
  const gboolean is_null = sqlite3_column_type (statement, 1) == SQLITE_NULL;
  const KmlResultMetric metric = {
    .name = column_text (statement, 0),
    .value = is_null ? NAN : sqlite3_column_double (statement, 1),
    .unit = column_text (statement, 2),
  };

  g_array_append_val (self->metrics, metric);
}

static void
add_failure (KmlResult *self, sqlite3_stmt *statement)
{
  const KmlResultReason reason = { .name = column_text (statement, 0),
                                   .n = (guint64)sqlite3_column_int64 (statement, 1) };

  g_array_append_val (self->failures, reason);
}

static void
add_oom_kill (KmlResult *self, sqlite3_stmt *statement)
{
  const KmlResultKill kill = {
    .victim = column_text (statement, 0),
    .task = column_text (statement, 1),
    .gfp = column_text (statement, 2),
    .site = column_text (statement, 3),
    .source = g_strdup ((const char *)sqlite3_column_text (statement, 4)),
    .t_ns = (guint64)sqlite3_column_int64 (statement, 5),
    .pages = (guint64)sqlite3_column_int64 (statement, 6),
    .freed = (guint64)sqlite3_column_int64 (statement, 7),
    .cpu = (guint64)sqlite3_column_int64 (statement, 8),
    .size = (guint64)sqlite3_column_int64 (statement, 9),
  };

  g_array_append_val (self->oom_kills, kill);
}

/* What a run has any number of. */
static const struct {
  const char *sql;
  void (*add) (KmlResult *self, sqlite3_stmt *statement); /* of each row */
} rows[] = {
  { "SELECT key, value FROM params WHERE run_id = ? ORDER BY key", add_setting },
  { "SELECT key, file, digest, size_bytes FROM inputs WHERE run_id = ? ORDER BY key", add_input },
  { "SELECT name, value, unit FROM metrics WHERE run_id = ? ORDER BY name", add_metric },
  { "SELECT reason, count (*) AS n FROM failures WHERE run_id = ? GROUP BY reason "
    "ORDER BY n DESC, reason",
    add_failure },
  { "SELECT victim, task, gfp, site, source, t_ns, pages, freed, cpu, size FROM oom_kills "
    "WHERE run_id = ? ORDER BY seq",
    add_oom_kill },
};

static gboolean
load_rows (KmlResult *self, KmlDatabase *database, guint i, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = kml_result_prepare (database, rows[i].sql, error);
  int code;

  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)self->run_id);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    rows[i].add (self, statement);
  return code == SQLITE_DONE || kml_database_read_error (database, code, error);
}

static const char longest_sql[] =
    "SELECT operation, context, task, level, gfp, source, site, waited_for, latency_ns, waited_ns, "
    "t_ns, cpu, size, part, part_ns FROM longest JOIN longest_parts USING (run_id, operation, "
    "context) WHERE run_id = ? ORDER BY operation, context, part_ns DESC, part";

/* The row of the first part of one. */
static void
add_longest (GArray *all, sqlite3_stmt *statement)
{
  const KmlResultLongest longest = {
    .operation = column_text (statement, 0),
    .context = column_text (statement, 1),
    .task = column_text (statement, 2),
    .level = column_text (statement, 3),
    .gfp = column_text (statement, 4),
    .source = column_text (statement, 5),
    .site = column_text (statement, 6),
    .waited_for = column_text (statement, 7),
    .latency_ns = sqlite3_column_double (statement, 8),
    .waited_ns = sqlite3_column_double (statement, 9),
    .t_ns = (guint64)sqlite3_column_int64 (statement, 10),
    .cpu = (guint64)sqlite3_column_int64 (statement, 11),
    .size = (guint64)sqlite3_column_int64 (statement, 12),
    .parts = g_array_new (FALSE, FALSE, sizeof (KmlResultPart)),
  };

  g_array_set_clear_func (longest.parts, clear_part);
  g_array_append_val (all, longest);
}

static gboolean
load_longest (KmlResult *self, KmlDatabase *database, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  int code = sqlite3_prepare_v2 (kml_database_handle (database), longest_sql, -1, &statement, NULL);

  if (code == SQLITE_ERROR)
    return TRUE; /* of a version that did not have it */
  if (code != SQLITE_OK)
    return kml_database_read_error (database, code, error);
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)self->run_id);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    g_autofree char *operation = column_text (statement, 0);
    g_autofree char *context = column_text (statement, 1);
    const KmlResultPart part = { column_text (statement, 13),
                                 sqlite3_column_double (statement, 14) };
    KmlResultLongest *last = self->longest->len > 0
                                 ? &g_array_index (self->longest, KmlResultLongest,
                                                   self->longest->len - 1)
                                 : NULL;

    if (last == NULL || !g_str_equal (last->operation, operation) ||
        !g_str_equal (last->context, context)) {
      add_longest (self->longest, statement);
      last = &g_array_index (self->longest, KmlResultLongest, self->longest->len - 1);
    }
    g_array_append_val (last->parts, part);
  }
  return code == SQLITE_DONE || kml_database_read_error (database, code, error);
}

KmlResult *
kml_result_load (KmlDatabase *database, guint64 run_id, GError **error)
{
  g_autoptr (KmlResult) self = g_new0 (KmlResult, 1);

  self->run_id = run_id;
  self->settings = g_ptr_array_new_with_free_func (free_setting);
  self->inputs = g_ptr_array_new_with_free_func (free_input);
  self->metrics = g_array_new (FALSE, FALSE, sizeof (KmlResultMetric));
  g_array_set_clear_func (self->metrics, clear_metric);
  self->longest = g_array_new (FALSE, FALSE, sizeof (KmlResultLongest));
  g_array_set_clear_func (self->longest, clear_longest);
  self->failures = g_array_new (FALSE, FALSE, sizeof (KmlResultReason));
  g_array_set_clear_func (self->failures, clear_reason);
  self->oom_kills = g_array_new (FALSE, FALSE, sizeof (KmlResultKill));
  g_array_set_clear_func (self->oom_kills, clear_kill);
  if (!load_run (self, database, error) || !load_longest (self, database, error))
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (!load_rows (self, database, i, error))
      return NULL;
  return g_steal_pointer (&self);
}

void
kml_result_free (KmlResult *self)
{
  if (self == NULL)
    return;
  g_free (self->run_key);
  g_free (self->scenario);
  g_free (self->scenario_text);
  g_free (self->overrides);
  g_free (self->base_dir);
  g_free (self->status);
  g_free (self->message);
  g_free (self->fingerprint);
  g_free (self->version);
  g_ptr_array_unref (self->settings);
  g_ptr_array_unref (self->inputs);
  g_array_unref (self->metrics);
  g_array_unref (self->longest);
  g_array_unref (self->failures);
  g_array_unref (self->oom_kills);
  g_free (self);
}

GArray *
kml_result_list (KmlDatabase *database, GError **error)
{
  g_autoptr (sqlite3_stmt)
      statement = kml_result_prepare (database, "SELECT run_id FROM runs ORDER BY run_id", error);
  g_autoptr (GArray) run_ids = g_array_new (FALSE, FALSE, sizeof (guint64));
  int code;

  if (statement == NULL)
    return NULL;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    const guint64 run_id = (guint64)sqlite3_column_int64 (statement, 0);

    g_array_append_val (run_ids, run_id);
  }
  if (code != SQLITE_DONE) {
    kml_database_read_error (database, code, error);
    return NULL;
  }
  return g_steal_pointer (&run_ids);
}

const char *
kml_result_setting (const KmlResult *self, const char *key)
{
  for (guint i = 0; i < self->settings->len; i++) {
    const KmlSetting *setting = g_ptr_array_index (self->settings, i);

    if (g_strcmp0 (setting->key, key) == 0)
      return setting->value;
  }
  return NULL;
}

const KmlResultMetric *
kml_result_metric (const KmlResult *self, const char *name)
{
  for (guint i = 0; i < self->metrics->len; i++) {
    const KmlResultMetric *metric = &g_array_index (self->metrics, KmlResultMetric, i);

    if (g_strcmp0 (metric->name, name) == 0)
      return metric;
  }
  return NULL;
}

double
kml_result_look_up (const char *name, gpointer user_data)
{
  const KmlResultMetric *metric = kml_result_metric (user_data, name);

  return metric != NULL ? metric->value : NAN;
}

char *
kml_format_metric (double value, const char *unit)
{
  const gboolean is_count = value >= 0 && value < 0x1p53 && value == floor (value);

  if (!isfinite (value))
    return g_strdup ("-");
  if (g_strcmp0 (unit, "ratio") == 0)
    return g_strdup_printf ("%.2f %%", 100 * value);
  if (g_strcmp0 (unit, "bytes") == 0 && value >= 0 && value < 0x1p63)
    return kml_format_size ((guint64)value);
  if (g_strcmp0 (unit, "ns") == 0 && value >= 0 && value < 0x1p53)
    return kml_format_time ((KmlTime)(value * KML_NS));
  return is_count ? g_strdup_printf ("%.0f", value) : g_strdup_printf ("%.6g", value);
}
