/* database-private.h: what the files of the result database share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   database-file.c     what a file is, before SQLite may touch it; errors in words
 *   database-pages.c    a checksum in every page
 *   database-open.c     opening, creating, closing
 *   database-write.c    one run into its tables
 *   bin-study-store.c   one study of bin sizes into its tables
 *   database-shard.c    one run into a file, and from there into its tables
 *   database-campaigns.c  campaigns; looking runs up
 *   database-expand.c   the table samples_expanded
 */

#pragma once

#include <sqlite3.h>
#include <stdarg.h>

#include "analysis/database.h"

G_BEGIN_DECLS

G_DEFINE_AUTOPTR_CLEANUP_FUNC (sqlite3_stmt, sqlite3_finalize)

#define KML_DATABASE_APPLICATION_ID 0x6b6d6c62 /* "kmlb" */
#define KML_DATABASE_VERSION        10

/* Statements that put one row each, kept prepared. */
typedef enum {
  KML_PUT_AWAY_ATTEMPT, /* removes what failed under this run_id */
  KML_PUT_AWAY_OTHERS,  /* removes what failed with this run_key */
  KML_PUT_RUN,
  KML_PUT_PARAM,
  KML_PUT_INPUT,
  KML_PUT_METRIC,
  KML_PUT_EXPECTATION,
  KML_PUT_SERIES_INFO,
  KML_PUT_SERIES,
  KML_PUT_SAMPLES,
  KML_PUT_LATENCY,
  KML_PUT_WASTE,
  KML_PUT_SITE_WASTE,
  KML_PUT_LIFETIME_WASTE,
  KML_PUT_FREE_BLOCKS,
  KML_PUT_ZONE_FREE_BLOCKS,
  KML_PUT_SLABS,
  KML_PUT_PAGEMAP,
  KML_PUT_LONGEST,
  KML_PUT_LONGEST_PART,
  KML_PUT_FAILURE,
  KML_PUT_OOM_KILL,
  KML_PUT_DEADLOCK,
  KML_PUT_DEADLOCK_EDGE,
  KML_PUT_DEADLOCK_SPAN,
  KML_PUT_BUG,
  KML_PUT_LOCK_EDGE,
  KML_PUT_POTENTIAL_DEADLOCK,
  KML_PUT_BIN_STUDY,
  KML_PUT_BIN_SIZE,
  KML_PUT_BIN_CURVE,
  KML_PUT_BIN_SET,
  KML_PUT_BIN_CLASS,
  KML_PUT_BIN_VALIDATION,
  KML_N_PUTS,
} KmlPut;

typedef struct _KmlDatabaseShard KmlDatabaseShard;

struct _KmlDatabase {
  sqlite3 *db;             /* (owned) (nullable): a shard has none */
  KmlDatabaseShard *shard; /* (owned) (nullable): a database has none */
  char *path;              /* as the user wrote it: for messages */
  char *full_path;         /* what SQLite was given: absolute, so never ":memory:" or a URI */
  int lock_fd;             /* open for writing: keeps a second writer out; else -1 */
  sqlite3_stmt *puts[KML_N_PUTS]; /* (owned) (nullable) */
  guint64 run_id;                 /* whose transaction is open; 0: none */
  guint64 n_blocks;               /* of samples of that run */
};

/* ---- database-events.c ---- */

gboolean kml_database_put_requests (KmlDatabase *self, const KmlRecorder *recorder, GError **error);
gboolean kml_database_put_incidents (KmlDatabase *self, const KmlDatabaseRun *run, GError **error);

static inline guint64
kml_database_ns (KmlTime time)
{
  return time / KML_NS;
}

/* ---- database-file.c ---- */

/* Says what is at @path without opening it as a database, so that a foreign file is never touched, not even by the
 * recovery of a journal of its own. FALSE with @error when it is anything but ours or nothing. */
gboolean kml_database_probe (const char *path, const char *full_path, gboolean *ret_exists,
                             GError **error);

/* Absolute, links followed. (transfer full) */
char *kml_database_resolve (const char *path, GError **error);

/* Keeps other writers out until the result is closed; readers are let in between transactions. -1 with @error. */
int kml_database_lock (const char *path, const char *full_path, GError **error);

/* Sets @error from SQLite's result @code; always FALSE. @doing: "cannot be written". */
gboolean kml_database_fail (KmlDatabase *self, int code, const char *doing, GError **error);

/* ---- database-pages.c ---- */

#define KML_DATABASE_HEADER_SIZE 100 /* bytes, at the start of the first page */

/* The name of SQLite's file layer with checksums, for sqlite3_open_v2(). (transfer none) */
const char *kml_database_vfs (void);

/* Before anything is written to a new file: its pages get checksums. Returns SQLite's code. */
int kml_database_reserve_sums (sqlite3 *db);

/* What the header says: whether pages have checksums, and their size in bytes, 0 if it is none. */
gboolean kml_database_has_sums (const guint8 *header);
gsize kml_database_page_size (const guint8 *header);

gboolean kml_database_page_is_intact (const guint8 *page, gsize page_size);

/* ---- database-open.c ---- */

/* schema.sql (transfer none) */
const char *kml_database_schema (void);

/* Runs SQL that gives no rows. */
gboolean kml_database_exec (KmlDatabase *self, const char *sql, GError **error);

/* (transfer full): NULL with @error */
sqlite3_stmt *kml_database_prepare (KmlDatabase *self, const char *sql, GError **error);

/* Steps a statement that gives no rows to its end. */
gboolean kml_database_run (KmlDatabase *self, sqlite3_stmt *statement, GError **error);

/* ---- database-write.c ---- */

/* Puts a row. @types has a letter for each value: u guint64, i gint64 (negative: NULL), r double (not a
 * number: NULL), t text (nullable), b blob followed by its size as gsize. */
gboolean kml_database_put (KmlDatabase *self, KmlPut which, GError **error, const char *types, ...);

/* Prepared when it is first asked for. (transfer none) (nullable): NULL with @error */
sqlite3_stmt *kml_database_statement (KmlDatabase *self, KmlPut which, GError **error);

/* The values of type u and i. */
void kml_database_bind_count (sqlite3_stmt *statement, int i, guint64 value);
void kml_database_bind_integer (sqlite3_stmt *statement, int i, gint64 value);

/* ---- database-shard.c: what the functions of database.h do for a shard ---- */

gboolean kml_database_shard_create (KmlDatabase *self, GError **error);
gboolean kml_database_shard_begin (KmlDatabase *self, guint64 run_id, GError **error);
gboolean kml_database_shard_put (KmlDatabase *self, KmlPut which, GError **error, const char *types,
                                 va_list values);
gboolean kml_database_shard_end (KmlDatabase *self, GError **error);

/* FALSE with errno: not all of it was written. */
gboolean kml_database_shard_close (KmlDatabaseShard *self);

/* Sets @error from errno; always FALSE. */
gboolean kml_database_shard_fail (KmlDatabase *self, GError **error);

/* ---- database-expand.c ---- */

int kml_database_register_samples (sqlite3 *db);

G_END_DECLS
