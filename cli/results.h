/* results.h: runs, read back from a database.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "analysis/database.h"
#include "scenarios/running/verdict.h"

#include <sqlite3.h>

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC (sqlite3_stmt, sqlite3_finalize)

typedef struct {
  char *name;
  char *unit;
  double value; /* not a number: there was nothing to divide by */
} KmlResultMetric;

typedef struct {
  char *name; /* (owned): of a part of time */
  double ns;
} KmlResultPart;

/* The longest operation of its kind and context. */
typedef struct {
  char *operation, *context, *task, *level, *gfp, *source, *site, *waited_for; /* (owned) */
  double latency_ns, waited_ns;
  guint64 t_ns, cpu, size;
  GArray *parts; /* (owned) (element-type KmlResultPart): the largest first */
} KmlResultLongest;

/* Of the requests that got nothing, as far as they are told one by one. */
typedef struct {
  char *name; /* (owned): "out of memory", … */
  guint64 n;
} KmlResultReason;

/* Somebody was killed for want of memory. */
typedef struct {
  char *victim, *task, *gfp, *site; /* (owned) */
  char *source;                     /* (owned) (nullable) */
  guint64 t_ns, pages, freed, cpu, size;
} KmlResultKill;

typedef struct {
  guint64 run_id;
  guint64 seed;
  char *run_key;
  char *scenario;
  char *scenario_text;
  char *overrides;
  char *base_dir;
  char *status;
  char *message;     /* (nullable) */
  char *fingerprint; /* (nullable) */
  char *version;
  guint64 operations;
  guint64 sim_ns;
  GPtrArray *settings; /* (element-type KmlSetting): sorted by key */
  GPtrArray *inputs;   /* (element-type KmlInput): sorted by key */
  GArray *metrics;     /* (element-type KmlResultMetric): sorted by name */
  GArray *longest;     /* (element-type KmlResultLongest): allocs, then frees */
  GArray *failures;    /* (element-type KmlResultReason): the most frequent first */
  GArray *oom_kills;   /* (element-type KmlResultKill) */
} KmlResult;

/* NULL with @error when there is no such run, or it cannot be read. */
KmlResult *kml_result_load (KmlDatabase *database, guint64 run_id, GError **error);
void kml_result_free (KmlResult *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlResult, kml_result_free)

/* For more than a KmlResult has: NULL with @error; what stepping says is for kml_database_read_error().
 * (transfer full) */
sqlite3_stmt *kml_result_prepare (KmlDatabase *database, const char *sql, GError **error);

/* (element-type guint64): the ids of all runs, ascending. (transfer full) */
GArray *kml_result_list (KmlDatabase *database, GError **error);

/* (nullable) (transfer none) */
const char *kml_result_setting (const KmlResult *self, const char *key);
const KmlResultMetric *kml_result_metric (const KmlResult *self, const char *name);

/* A KmlMetricLookup; @user_data is a KmlResult. */
double kml_result_look_up (const char *name, gpointer user_data);

/* A value with its unit, as people read it: "12.31 %", "1.50 MiB", "840 ns". (transfer full) */
char *kml_format_metric (double value, const char *unit);

/* The metrics that a table shows when nobody says which. NULL-terminated. */
extern const char *const kml_main_metrics[];
extern const char *const kml_time_metrics[]; /* … of runs that asked for no memory */

G_END_DECLS
