/* database-expand.c: samples_expanded, a table with a row for each raw sample.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Samples are stored packed, 8192 to a row (simcore/recording/samples.h). This virtual
 * table unpacks them as they are read, so that SQL can ask about single
 * operations:
 *
 *   SELECT operation, max (latency_ns) FROM samples_expanded WHERE run_id = 3 GROUP BY operation
 *
 * It exists in connections of kml_database_open(), not in the file. A condition
 * on run_id chooses the blocks that are unpacked; the other conditions are
 * SQLite's to check. (Not t_ns: with several CPUs a block is not in the order of time.)
 * Rows come in the order in which they were recorded. A block that does not
 * decode is an error of the query: the database is damaged.
 */

#include "analysis/database-private.h"

/* What best_index decides and filter carries out. */
enum {
  PLAN_ALL,
  PLAN_RUN, /* the one bound value is the run_id */
};

enum {
  COLUMN_RUN_ID,
  COLUMN_T_NS,
  COLUMN_OPERATION,
  COLUMN_LEVEL,
  COLUMN_CONTEXT,
  COLUMN_CPU,
  COLUMN_SIZE,
  COLUMN_ADDR,
  COLUMN_LATENCY_NS,
};

static const char declaration[] =
    "CREATE TABLE samples_expanded (run_id INTEGER, t_ns INTEGER, operation TEXT, level TEXT, "
    "context TEXT, cpu INTEGER, size INTEGER, addr INTEGER, latency_ns REAL)";

static const char blocks_sql[] =
    "SELECT run_id, n, data FROM samples WHERE name = 'operations' AND run_id BETWEEN ?1 AND ?2 "
    "ORDER BY run_id, seq";

typedef struct {
  sqlite3_vtab base;
  sqlite3 *db;
} Table;

typedef struct {
  sqlite3_vtab_cursor base;
  sqlite3_stmt *blocks; /* (owned) (nullable) */
  sqlite3_int64 run_id;
  guint64 row;
  guint at; /* within the block */
  gboolean at_end;
  KmlSampleBlock block;
} Cursor;

static int
expand_connect (sqlite3 *db, void *data, int argc, const char *const *argv,
                sqlite3_vtab **ret_table, char **ret_message)
{
  const int code = sqlite3_declare_vtab (db, declaration);
  Table *table;

  if (code != SQLITE_OK)
    return code;
  sqlite3_vtab_config (db, SQLITE_VTAB_DIRECTONLY); /* a view in a stranger's file cannot use it */
  table = sqlite3_malloc (sizeof *table);
  if (table == NULL)
    return SQLITE_NOMEM;
  *table = (Table){ .db = db };
  *ret_table = &table->base;
  return SQLITE_OK;
}

static int
expand_disconnect (sqlite3_vtab *table)
{
  sqlite3_free (table);
  return SQLITE_OK;
}

static int
expand_best_index (sqlite3_vtab *table, sqlite3_index_info *info)
{
  info->idxNum = PLAN_ALL;
  info->estimatedCost = 1e8;
  info->estimatedRows = 100000000;
  for (int i = 0; i < info->nConstraint; i++) {
    const struct sqlite3_index_constraint *constraint = &info->aConstraint[i];

    if (!constraint->usable || constraint->iColumn != COLUMN_RUN_ID ||
        constraint->op != SQLITE_INDEX_CONSTRAINT_EQ)
      continue;
    info->aConstraintUsage[i].argvIndex = 1;
    info->idxNum = PLAN_RUN;
    info->estimatedCost = 1e6;
    info->estimatedRows = 1000000;
    break;
  }
  return SQLITE_OK;
}

static int
expand_open (sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
  Cursor *cursor = sqlite3_malloc (sizeof *cursor);

  if (cursor == NULL)
    return SQLITE_NOMEM;
  cursor->blocks = NULL;
  cursor->at_end = TRUE;
  *ret_cursor = &cursor->base;
  return SQLITE_OK;
}

static int
expand_close (sqlite3_vtab_cursor *base)
{
  Cursor *self = (Cursor *)base;

  sqlite3_finalize (self->blocks);
  sqlite3_free (self);
  return SQLITE_OK;
}

/* Unpacks the next block that is not empty, or reaches the end. */
static int
load_block (Cursor *self)
{
  do {
    const int code = sqlite3_step (self->blocks);
    sqlite3_int64 n;
    const guint8 *data;

    if (code != SQLITE_ROW) {
      self->at_end = TRUE;
      return code == SQLITE_DONE ? SQLITE_OK : code;
    }
    self->run_id = sqlite3_column_int64 (self->blocks, 0);
    n = sqlite3_column_int64 (self->blocks, 1);
    data = sqlite3_column_blob (self->blocks, 2);
    if (n < 0 || n > KML_SAMPLE_BLOCK || data == NULL ||
        !kml_sample_block_decode (data, (gsize)sqlite3_column_bytes (self->blocks, 2), (guint)n,
                                  &self->block)) {
      self->at_end = TRUE;
      return SQLITE_CORRUPT;
    }
  } while (self->block.n == 0);
  self->at = 0;
  return SQLITE_OK;
}

static int
expand_filter (sqlite3_vtab_cursor *base, int plan, const char *unused, int n_values,
               sqlite3_value **values)
{
  Cursor *self = (Cursor *)base;
  int code = SQLITE_OK;

  if (self->blocks == NULL)
    code = sqlite3_prepare_v2 (((Table *)base->pVtab)->db, blocks_sql, -1, &self->blocks, NULL);
  if (code != SQLITE_OK)
    return code;
  sqlite3_reset (self->blocks);
  if (plan == PLAN_RUN) {
    sqlite3_bind_value (self->blocks, 1, values[0]);
    sqlite3_bind_value (self->blocks, 2, values[0]);
  } else {
    sqlite3_bind_int64 (self->blocks, 1, G_MININT64);
    sqlite3_bind_int64 (self->blocks, 2, G_MAXINT64);
  }
  self->row = 0;
  self->at_end = FALSE;
  return load_block (self);
}

static int
expand_next (sqlite3_vtab_cursor *base)
{
  Cursor *self = (Cursor *)base;

  self->row++;
  return ++self->at < self->block.n ? SQLITE_OK : load_block (self);
}

static int
expand_eof (sqlite3_vtab_cursor *base)
{
  return ((Cursor *)base)->at_end;
}

static void
result_name (sqlite3_context *context, const char *const *names, guint n_names, guint i)
{
  if (i < n_names)
    sqlite3_result_text (context, names[i], -1, SQLITE_STATIC);
}

static int
expand_column (sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
  static const char *const levels[] = { "pages", "objects" };
  static const char *const operations[] = { [KML_OP_ALLOC] = "alloc",
                                            [KML_OP_FREE] = "free",
                                            [KML_OP_SPLIT] = "split",
                                            [KML_OP_FREE_OLD] = "free-old" };
  Cursor *self = (Cursor *)base;
  const guint64 what = self->block.columns[KML_SAMPLE_WHAT][self->at];
  const guint64 addr = self->block.columns[KML_SAMPLE_ADDR][self->at];

  switch (column) {
  case COLUMN_RUN_ID:
    sqlite3_result_int64 (context, self->run_id);
    break;
  case COLUMN_T_NS:
    sqlite3_result_int64 (context,
                          (sqlite3_int64)(self->block.columns[KML_SAMPLE_TIME][self->at] / KML_NS));
    break;
  case COLUMN_OPERATION:
    result_name (context, operations, G_N_ELEMENTS (operations), what & 3);
    break;
  case COLUMN_LEVEL:
    result_name (context, levels, G_N_ELEMENTS (levels), what >> 2 & 3);
    break;
  case COLUMN_CONTEXT:
    result_name (context, kml_context_names, KML_N_CONTEXTS, what >> 4 & 15);
    break;
  case COLUMN_CPU:
    sqlite3_result_int64 (context, what >> 8 & 0xffff);
    break;
  case COLUMN_SIZE:
    sqlite3_result_int64 (context, (sqlite3_int64)self->block.columns[KML_SAMPLE_SIZE][self->at]);
    break;
  case COLUMN_ADDR:
    if (addr != KML_ADDR_NONE) /* else NULL: the request got nothing */
      sqlite3_result_int64 (context, (sqlite3_int64)addr);
    break;
  case COLUMN_LATENCY_NS:
    sqlite3_result_double (context, (double)self->block.columns[KML_SAMPLE_LATENCY][self->at] /
                                        (double)KML_NS);
    break;
  default:
    g_assert_not_reached ();
  }
  return SQLITE_OK;
}

static int
expand_rowid (sqlite3_vtab_cursor *base, sqlite3_int64 *ret_row)
{
  *ret_row = (sqlite3_int64)((Cursor *)base)->row;
  return SQLITE_OK;
}

/* No xCreate: the table is there without CREATE VIRTUAL TABLE, under the name of its module. */
static const sqlite3_module expand_module = {
  .iVersion = 0,
  .xConnect = expand_connect,
  .xBestIndex = expand_best_index,
  .xDisconnect = expand_disconnect,
  .xOpen = expand_open,
  .xClose = expand_close,
  .xFilter = expand_filter,
  .xNext = expand_next,
  .xEof = expand_eof,
  .xColumn = expand_column,
  .xRowid = expand_rowid,
};

int
kml_database_register_samples (sqlite3 *db)
{
  return sqlite3_create_module (db, "samples_expanded", &expand_module, NULL);
}
