/* database-open.c: opening, creating and closing a result database.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Creating. The tables are made in a file of another name, which is given its
 * name when it is complete: at a path there is a whole database or none.
 *
 * Reading. A database may come from a stranger. It is opened read-only, with
 * SQLite's defences up (no functions with side effects from the schema, no triggers, cells
 * checked as they are read), and its tables must be the ones of schema.sql: a
 * view by the name of a table could compute for ever. The file must have the length that it says,
 * to the byte. Files up to QUICK_CHECK_BYTES are checked whole first, each page by its checksum
 * (database-pages.c); a larger one is found to be damaged where it is read.
 *
 * After a crash the journal beside the file holds what the last transaction
 * overwrote. Who opens next must put it back, and a reader that may write does
 * so; this is the only time a reader writes.
 *
 * Journal. DELETE, not WAL: a finished database is one file with nothing beside
 * it, can be copied, lies on network file systems, and an error of the disk
 * comes out of the commit and not of a checkpoint at close, which SQLite ignores.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RENAME_NOREPLACE */
#endif

#include "analysis/database-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "analysis/analysis-resources.h"

#define SCHEMA_RESOURCE "/kmemlab/schema.sql"

/* How long to wait for another program's transaction. */
#define BUSY_TIMEOUT_MS 3000

/* One second of reading, on a slow disk. */
#define QUICK_CHECK_BYTES (G_GUINT64_CONSTANT (128) << 20)

/* No text or blob of ours comes near; one in a crafted file does not get memory. */
#define VALUE_MAX_BYTES (64 << 20)

static void close_handle (KmlDatabase *self);

const char *
kml_database_schema (void)
{
  g_autoptr (GBytes) bytes = g_resource_lookup_data (kml_analysis_get_resource (), SCHEMA_RESOURCE,
                                                     G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  g_assert (bytes != NULL);
  return g_bytes_get_data (bytes, NULL); /* lies in the program; GResource ends it with a NUL */
}

gboolean
kml_database_exec (KmlDatabase *self, const char *sql, GError **error)
{
  const int code = sqlite3_exec (self->db, sql, NULL, NULL, NULL);

  return code == SQLITE_OK || kml_database_fail (self, code, "cannot be written", error);
}

sqlite3_stmt *
kml_database_prepare (KmlDatabase *self, const char *sql, GError **error)
{
  sqlite3_stmt *statement = NULL;
  const int code = sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL);

  if (code != SQLITE_OK)
    kml_database_fail (self, code, "cannot be read", error);
  return statement;
}

gboolean
kml_database_run (KmlDatabase *self, sqlite3_stmt *statement, GError **error)
{
  int code;

  do
    code = sqlite3_step (statement);
  while (code == SQLITE_ROW);
  sqlite3_reset (statement);
  return code == SQLITE_DONE || kml_database_fail (self, code, "cannot be written", error);
}

/* ---- A handle ---- */

static KmlDatabase *
handle_new (const char *path, GError **error)
{
  KmlDatabase *self = g_new0 (KmlDatabase, 1);

  self->path = g_strdup (path);
  self->lock_fd = -1;
  self->full_path = kml_database_resolve (path, error);
  if (self->full_path == NULL)
    g_clear_pointer (&self, kml_database_close);
  return self;
}

static gboolean
open_handle (KmlDatabase *self, const char *file, int flags, GError **error)
{
  int code = sqlite3_open_v2 (file, &self->db, flags | SQLITE_OPEN_NOMUTEX, kml_database_vfs ());

  if (code != SQLITE_OK)
    return kml_database_fail (self, code, "cannot be opened", error);
  sqlite3_extended_result_codes (self->db, 1);
  sqlite3_busy_timeout (self->db, BUSY_TIMEOUT_MS);
  sqlite3_limit (self->db, SQLITE_LIMIT_LENGTH, VALUE_MAX_BYTES);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  sqlite3_db_config (self->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
  code = sqlite3_exec (self->db, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY", NULL,
                       NULL, NULL);
  return code == SQLITE_OK || kml_database_fail (self, code, "cannot be opened", error);
}

static void
close_handle (KmlDatabase *self)
{
  for (guint i = 0; i < KML_N_PUTS; i++)
    g_clear_pointer (&self->puts[i], sqlite3_finalize);
  /* _v2: a statement that the caller still has keeps the connection, not the process's sanity */
  g_clear_pointer (&self->db, sqlite3_close_v2);
}

/* ---- What is in it ---- */

/* TRUE when SQL that gives one row and one column gives @expected. */
static gboolean
expect_text (KmlDatabase *self, const char *sql, const char *expected, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  const int code = sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL);
  const int step = code == SQLITE_OK ? sqlite3_step (statement) : code;
  const char *text;

  if (step != SQLITE_ROW)
    return kml_database_fail (self, step, "cannot be read", error);
  text = (const char *)sqlite3_column_text (statement, 0);
  if (g_strcmp0 (text, expected) == 0)
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: the database is damaged: %s", self->path,
               text != NULL ? text : "a value is missing");
  return FALSE;
}

static gboolean
ask_count (KmlDatabase *self, const char *sql, guint64 *ret_count, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  int code = sqlite3_prepare_v2 (self->db, sql, -1, &statement, NULL);

  if (code == SQLITE_OK)
    code = sqlite3_step (statement);
  if (code != SQLITE_ROW)
    return kml_database_fail (self, code, "cannot be read", error);
  *ret_count = (guint64)sqlite3_column_int64 (statement, 0);
  return TRUE;
}

/* Whether the file has the length that it says: SQLite would take a last page that is cut short for one that ends
 * in zeros. In a transaction, so that nobody is writing. */
static gboolean
check_length (KmlDatabase *self, GError **error)
{
  sqlite3_file *file = NULL;
  sqlite3_int64 length = 0;
  guint64 n_tables, n_pages = 0, page_size = 0;
  gboolean good;

  good = kml_database_exec (self, "BEGIN", error) &&
         ask_count (self, "SELECT count (*) FROM sqlite_schema", &n_tables, error) &&
         ask_count (self, "PRAGMA page_count", &n_pages, error) &&
         ask_count (self, "PRAGMA page_size", &page_size, error);
  sqlite3_file_control (self->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (good && file->pMethods->xFileSize (file, &length) == SQLITE_OK &&
      (guint64)length != n_pages * page_size) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: the database is damaged: the file has %" G_GINT64_FORMAT
                 " bytes, and says itself that it has %" G_GUINT64_FORMAT,
                 self->path, (gint64)length, n_pages * page_size);
    good = FALSE;
  }
  sqlite3_exec (self->db, "ROLLBACK", NULL, NULL, NULL);
  return good;
}

/* Every table of schema.sql with its columns and types, a line each. */
#define TABLES_SQL                                                                                 \
  "SELECT m.name || '.' || c.name || ' ' || c.type FROM sqlite_schema m, "                         \
  "pragma_table_xinfo (m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE "  \
  "'\\' AND m.sql NOT LIKE 'CREATE VIRTUAL%' AND c.hidden = 0"

/* (element-type utf8 utf8): a set */
static GHashTable *
list_columns (KmlDatabase *self, sqlite3 *db, GError **error)
{
  g_autoptr (GHashTable) columns = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (sqlite3_stmt) statement = NULL;
  int code = sqlite3_prepare_v2 (db, TABLES_SQL, -1, &statement, NULL);

  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step (statement);
    if (code == SQLITE_ROW)
      g_hash_table_add (columns, g_strdup ((const char *)sqlite3_column_text (statement, 0)));
  }
  if (code != SQLITE_DONE) {
    kml_database_fail (self, code, "cannot be read", error);
    return NULL;
  }
  return g_steal_pointer (&columns);
}

/* Whether every column of schema.sql is a stored column of a real table here. */
static gboolean
check_tables (KmlDatabase *self, GError **error)
{
  g_autoptr (GHashTable) present = list_columns (self, self->db, error);
  g_autoptr (GHashTable) expected = NULL;
  g_autoptr (GList) names = NULL;
  sqlite3 *model = NULL;

  if (present == NULL)
    return FALSE;
  if (sqlite3_open (":memory:", &model) == SQLITE_OK &&
      sqlite3_exec (model, kml_database_schema (), NULL, NULL, NULL) == SQLITE_OK)
    expected = list_columns (self, model, error);
  sqlite3_close (model);
  g_assert (expected != NULL); /* schema.sql is ours */

  names = g_list_sort (g_hash_table_get_keys (expected), (GCompareFunc)strcmp);
  for (GList *name = names; name != NULL; name = name->next) {
    if (!g_hash_table_contains (present, name->data)) {
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                   "%s: the database is damaged: it has no stored column %s", self->path,
                   (const char *)name->data);
      return FALSE;
    }
  }
  return TRUE;
}

/* ---- Reading ---- */

/* Puts back what a crash left half written: opening for writing and reading once does it. */
static gboolean
recover (KmlDatabase *self, GError **error)
{
  close_handle (self);
  if (open_handle (self, self->full_path, SQLITE_OPEN_READWRITE, NULL) &&
      expect_text (self, "SELECT 'ok' FROM sqlite_schema LIMIT 1", "ok", NULL)) {
    close_handle (self);
    return open_handle (self, self->full_path, SQLITE_OPEN_READONLY, error);
  }
  g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
               "%s: a crash left it half written, and it cannot be put right because the file or "
               "its folder is read-only",
               self->path);
  return FALSE;
}

static gboolean
needs_recovery (KmlDatabase *self)
{
  const int code = sqlite3_exec (self->db, "SELECT count (*) FROM sqlite_schema", NULL, NULL, NULL);

  return code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY;
}

/* Every page is looked at: what SQLite found wrong is of its pages, and means nothing to anybody else. */
static gboolean
check_pages (KmlDatabase *self, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (expect_text (self, "PRAGMA quick_check (1)", "ok", &reason))
    return TRUE;
  if (strstr (reason->message, "*** in database") == NULL)
    g_propagate_error (error, g_steal_pointer (&reason));
  else
    kml_database_fail (self, SQLITE_IOERR_DATA, "cannot be read", error);
  return FALSE;
}

static gboolean
check_content (KmlDatabase *self, GError **error)
{
  struct stat status;

  if (!check_length (self, error))
    return FALSE;
  if (g_stat (self->full_path, &status) == 0 && (guint64)status.st_size <= QUICK_CHECK_BYTES &&
      !check_pages (self, error))
    return FALSE;
  return check_tables (self, error);
}

KmlDatabase *
kml_database_open (const char *path, GError **error)
{
  g_autoptr (KmlDatabase) self = handle_new (path, error);
  gboolean exists;
  int code;

  if (self == NULL || !kml_database_probe (path, self->full_path, &exists, error))
    return NULL;
  if (!exists) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: there is no such file", path);
    return NULL;
  }
  if (!open_handle (self, self->full_path, SQLITE_OPEN_READONLY, error))
    return NULL;
  if (needs_recovery (self) && !recover (self, error))
    return NULL;
  if (!check_content (self, error))
    return NULL;
  code = kml_database_register_samples (self->db);
  if (code != SQLITE_OK) {
    kml_database_fail (self, code, "cannot be read", error);
    return NULL;
  }
  return g_steal_pointer (&self);
}

/* ---- Writing ---- */

/* Gives the complete file @temporary the name @full_path. Another program that was quicker keeps it: then @temporary goes, and what is there
 * has yet to be looked at. */
static gboolean
publish (KmlDatabase *self, const char *temporary, gboolean *ret_was_quicker, GError **error)
{
  int result = renameat2 (AT_FDCWD, temporary, AT_FDCWD, self->full_path, RENAME_NOREPLACE);

  *ret_was_quicker = result != 0 && errno == EEXIST;
  if (*ret_was_quicker) {
    g_unlink (temporary);
    return TRUE;
  }
  if (result != 0 && errno == EINVAL) /* a file system that cannot */
    result = g_rename (temporary, self->full_path);
  if (result != 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot be created: %s", self->path,
                 g_strerror (errno));
    return FALSE;
  }
  return TRUE;
}

/* A name is on the disk when its folder is. Where folders cannot be synchronised there is nothing to do. */
static void
sync_folder (const char *full_path)
{
  g_autofree char *folder = g_path_get_dirname (full_path);
  const int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd >= 0) {
    (void)!fsync (fd);
    close (fd);
  }
}

static gboolean
reserve_sums (KmlDatabase *self, GError **error)
{
  const int code = kml_database_reserve_sums (self->db);

  return code == SQLITE_OK || kml_database_fail (self, code, "cannot be created", error);
}

/* The file is thrown away if anything goes wrong, so it needs no journal. */
static gboolean
fill_new_file (KmlDatabase *self, const char *temporary, GError **error)
{
  gboolean good = open_handle (self, temporary, SQLITE_OPEN_READWRITE, error) &&
                  reserve_sums (self, error) &&
                  kml_database_exec (self, "PRAGMA page_size = 8192; PRAGMA journal_mode = OFF",
                                     error) &&
                  kml_database_exec (self, "BEGIN", error) &&
                  kml_database_exec (self, kml_database_schema (), error) &&
                  kml_database_exec (self, "COMMIT", error);

  close_handle (self);
  return good;
}

static gboolean
create (KmlDatabase *self, gboolean *ret_was_quicker, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (self->full_path);
  g_autofree char *name = g_path_get_basename (self->full_path);
  g_autofree char *temporary = g_strdup_printf ("%s/.%s.XXXXXX", folder, name);
  const int fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0666);

  if (fd < 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot be created: %s", self->path,
                 g_strerror (errno));
    return FALSE;
  }
  close (fd);
  if (!fill_new_file (self, temporary, error) ||
      !publish (self, temporary, ret_was_quicker, error)) {
    g_unlink (temporary);
    return FALSE;
  }
  sync_folder (self->full_path);
  return TRUE;
}

/* A file that grows over the limit of the user (ulimit -f) is an error like a full disk; unless it is ignored the signal
 * for it ends the process instead. */
static void
ignore_file_size_signal (void)
{
  struct sigaction action;

  if (sigaction (SIGXFSZ, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
    signal (SIGXFSZ, SIG_IGN);
}

static gboolean
set_up_for_writing (KmlDatabase *self, gboolean is_new, GError **error)
{
  return open_handle (self, self->full_path, SQLITE_OPEN_READWRITE, error) &&
         expect_text (self, "PRAGMA journal_mode = DELETE", "delete", error) &&
         kml_database_exec (self,
                            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
                            "PRAGMA cache_size = -16384",
                            error) &&
         (is_new || (check_length (self, error) && check_tables (self, error)));
}

KmlDatabase *
kml_database_open_for_writing (const char *path, GError **error)
{
  g_autoptr (KmlDatabase) self = handle_new (path, error);
  gboolean exists, was_quicker = FALSE;

  ignore_file_size_signal ();
  if (self == NULL || !kml_database_probe (path, self->full_path, &exists, error))
    return NULL;
  if (!exists && !create (self, &was_quicker, error))
    return NULL;
  if (was_quicker && !kml_database_probe (path, self->full_path, &exists, error))
    return NULL;
  self->lock_fd = kml_database_lock (path, self->full_path, error);
  if (self->lock_fd < 0 || !set_up_for_writing (self, !exists, error))
    return NULL;
  return g_steal_pointer (&self);
}

KmlDatabase *
kml_database_create_shard (const char *path, GError **error)
{
  g_autoptr (KmlDatabase) self = handle_new (path, error);

  ignore_file_size_signal ();
  if (self == NULL || !kml_database_shard_create (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

/* ---- Closing ---- */

void
kml_database_close (KmlDatabase *self)
{
  if (self == NULL)
    return;
  kml_database_abort_run (self);
  close_handle (self);
  g_clear_pointer (&self->shard, kml_database_shard_close);
  if (self->lock_fd >= 0)
    close (self->lock_fd);
  g_free (self->full_path);
  g_free (self->path);
  g_free (self);
}

gboolean
kml_database_finish (KmlDatabase *self, GError **error)
{
  gboolean good = TRUE;
  int code;

  g_assert (self->run_id == 0);

  if (self->shard != NULL && !kml_database_shard_close (g_steal_pointer (&self->shard)))
    good = kml_database_shard_fail (self, error);
  for (guint i = 0; i < KML_N_PUTS; i++)
    g_clear_pointer (&self->puts[i], sqlite3_finalize);
  code = sqlite3_close (self->db);
  if (code == SQLITE_OK)
    self->db = NULL;
  else
    good = kml_database_fail (self, code, "cannot be closed", error);
  kml_database_close (self);
  return good;
}

sqlite3 *
kml_database_handle (KmlDatabase *self)
{
  return self->db;
}
