/* database-shard.c: one run's rows in a file, until a database takes them in.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A worker executes a run, its parent has the database. What lies between them
 * need not be a database: it is written once, from the beginning to the end,
 * and read once in the same way. To make the tables of schema.sql in a file,
 * and to read again what they are, took longer than a short run.
 *
 * A shard is a list of records, in the order in which the worker put them:
 *
 *   begin   the run's id
 *   row     which statement puts it, the types of its values, the values
 *   end     the number of rows
 *
 * To adopt it is to put the same rows by the same statements, so a run is
 * stored alike whether it comes by a shard or not, and ids that the database
 * gives out are its own. What a worker that was killed leaves has no end, and is
 * no run. Numbers are in the host's form: who wrote the file reads it.
 *
 * A value is eight bytes; those of a text or a blob are its size, which its
 * bytes follow (of a text with the NUL, and no text at all has the size 0).
 */

#include "analysis/database-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Larger than the largest row: a text of the longest story, a block of samples. */
#define PAYLOAD_MAX_BYTES (G_GUINT64_CONSTANT (64) << 20)

typedef enum {
  RECORD_BEGIN,
  RECORD_ROW,
  RECORD_END,
} RecordKind;

typedef struct {
  guint32 kind;
  guint32 which;  /* ROW: a KmlPut */
  guint64 number; /* BEGIN: run_id; ROW: bytes that follow; END: rows */
} Record;

struct _KmlDatabaseShard {
  FILE *file;
  guint64 n_rows;
  GByteArray *payload; /* (owned): of the row at hand */
};

static KmlDatabaseShard *
shard_new (const char *path, const char *mode)
{
  FILE *file = fopen (path, mode);
  KmlDatabaseShard *self;

  if (file == NULL)
    return NULL;
  setvbuf (file, NULL, _IOFBF, 1 << 16);
  self = g_new0 (KmlDatabaseShard, 1);
  self->file = file;
  self->payload = g_byte_array_new ();
  return self;
}

gboolean
kml_database_shard_close (KmlDatabaseShard *self)
{
  const gboolean good = fclose (self->file) == 0;

  g_byte_array_unref (self->payload);
  g_free (self);
  return good;
}

static void
shard_free (KmlDatabaseShard *self)
{
  kml_database_shard_close (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlDatabaseShard, shard_free)

/* ---- Writing ---- */

gboolean
kml_database_shard_fail (KmlDatabase *self, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot be written: %s", self->path,
               g_strerror (errno));
  return FALSE;
}

static gboolean
write_record (KmlDatabase *self, const Record *record, GError **error)
{
  const GByteArray *payload = self->shard->payload;

  if (fwrite (record, sizeof *record, 1, self->shard->file) != 1 ||
      (record->kind == RECORD_ROW &&
       fwrite (payload->data, 1, payload->len, self->shard->file) != payload->len))
    return kml_database_shard_fail (self, error);
  return TRUE;
}

gboolean
kml_database_shard_create (KmlDatabase *self, GError **error)
{
  self->shard = shard_new (self->full_path, "wxe"); /* x: it must be new */
  return self->shard != NULL || kml_database_shard_fail (self, error);
}

gboolean
kml_database_shard_begin (KmlDatabase *self, guint64 run_id, GError **error)
{
  const Record record = { .kind = RECORD_BEGIN, .number = run_id };

  return write_record (self, &record, error);
}

static void
append (GByteArray *payload, gconstpointer data, gsize n_bytes)
{
  g_byte_array_append (payload, data, (guint)n_bytes);
}

static void
append_bytes (GByteArray *payload, gconstpointer data, guint64 n_bytes)
{
  append (payload, &n_bytes, sizeof n_bytes);
  append (payload, data, n_bytes);
}

gboolean
kml_database_shard_put (KmlDatabase *self, KmlPut which, GError **error, const char *types,
                        va_list values)
{
  GByteArray *payload = self->shard->payload;
  Record record = { .kind = RECORD_ROW, .which = which };

  g_byte_array_set_size (payload, 0);
  append (payload, types, strlen (types) + 1);
  for (const char *type = types; *type != '\0'; type++) {
    const char *text;
    const void *data;
    gint64 number;
    double real;

    switch (*type) {
    case 'u':
    case 'i':
      number = va_arg (values, gint64);
      append (payload, &number, sizeof number);
      break;
    case 'r':
      real = va_arg (values, double);
      append (payload, &real, sizeof real);
      break;
    case 't':
      text = va_arg (values, const char *);
      append_bytes (payload, text, text != NULL ? strlen (text) + 1 : 0);
      break;
    case 'b':
      data = va_arg (values, const void *);
      append_bytes (payload, data, va_arg (values, gsize));
      break;
    default:
      g_assert_not_reached ();
    }
  }
  g_assert (payload->len <= PAYLOAD_MAX_BYTES);
  record.number = payload->len;
  self->shard->n_rows++;
  return write_record (self, &record, error);
}

gboolean
kml_database_shard_end (KmlDatabase *self, GError **error)
{
  const Record record = { .kind = RECORD_END, .number = self->shard->n_rows };

  return write_record (self, &record, error);
}

/* ---- Adopting ---- */

/* What is left to read of a row. */
typedef struct {
  const guint8 *at, *end;
} Cursor;

static gboolean
take_bytes (Cursor *self, guint64 n_bytes, const guint8 **ret_data)
{
  if ((guint64)(self->end - self->at) < n_bytes)
    return FALSE;
  *ret_data = self->at;
  self->at += n_bytes;
  return TRUE;
}

static gboolean
take_number (Cursor *self, guint64 *ret_number)
{
  const guint8 *data;

  if (!take_bytes (self, sizeof *ret_number, &data))
    return FALSE;
  memcpy (ret_number, data, sizeof *ret_number);
  return TRUE;
}

/* The value of parameter @i. FALSE: there is none of this type. */
static gboolean
bind_value (sqlite3_stmt *statement, int i, char type, Cursor *cursor)
{
  const guint8 *data;
  guint64 number;
  double real;

  if (!take_number (cursor, &number))
    return FALSE;
  switch (type) {
  case 'u':
    kml_database_bind_count (statement, i, number);
    return TRUE;
  case 'i':
    kml_database_bind_integer (statement, i, (gint64)number);
    return TRUE;
  case 'r':
    memcpy (&real, &number, sizeof real);
    sqlite3_bind_double (statement, i, real);
    return TRUE;
  case 't':
    if (!take_bytes (cursor, number, &data) || (number > 0 && data[number - 1] != '\0'))
      return FALSE;
    sqlite3_bind_text (statement, i, number > 0 ? (const char *)data : NULL, -1, SQLITE_STATIC);
    return TRUE;
  case 'b':
    if (!take_bytes (cursor, number, &data))
      return FALSE;
    sqlite3_bind_blob64 (statement, i, data, number, SQLITE_STATIC);
    return TRUE;
  default:
    return FALSE;
  }
}

/* FALSE: it is not as kml_database_shard_put() writes it. */
static gboolean
bind_row (sqlite3_stmt *statement, const GByteArray *payload)
{
  const char *types = (const char *)payload->data;
  const guint8 *nul = memchr (payload->data, '\0', payload->len);
  Cursor cursor;

  if (nul == NULL || nul - payload->data != sqlite3_bind_parameter_count (statement))
    return FALSE;
  cursor = (Cursor){ nul + 1, payload->data + payload->len };
  for (int i = 0; types[i] != '\0'; i++)
    if (!bind_value (statement, i + 1, types[i], &cursor))
      return FALSE;
  return cursor.at == cursor.end;
}

static gboolean
is_damaged (const char *path, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
               "%s: the result of a worker is cut short or damaged", path);
  return FALSE;
}

/* Puts the row that @record announces. */
static gboolean
adopt_row (KmlDatabase *self, KmlDatabaseShard *shard, const Record *record, const char *path,
           GError **error)
{
  sqlite3_stmt *statement;

  if (record->which >= KML_N_PUTS || record->number == 0 || record->number > PAYLOAD_MAX_BYTES)
    return is_damaged (path, error);
  g_byte_array_set_size (shard->payload, (guint)record->number);
  if (fread (shard->payload->data, 1, shard->payload->len, shard->file) != shard->payload->len)
    return is_damaged (path, error);
  statement = kml_database_statement (self, record->which, error);
  if (statement == NULL)
    return FALSE;
  if (!bind_row (statement, shard->payload))
    return is_damaged (path, error);
  shard->n_rows++;
  return kml_database_run (self, statement, error);
}

static gboolean
adopt_rows (KmlDatabase *self, KmlDatabaseShard *shard, const char *path, GError **error)
{
  Record record;

  while (fread (&record, sizeof record, 1, shard->file) == 1) {
    if (record.kind == RECORD_END && record.number == shard->n_rows)
      return TRUE;
    if (record.kind != RECORD_ROW)
      break;
    if (!adopt_row (self, shard, &record, path, error))
      return FALSE;
  }
  return is_damaged (path, error);
}

gboolean
kml_database_adopt (KmlDatabase *self, const char *path, GError **error)
{
  g_autoptr (KmlDatabaseShard) shard = shard_new (path, "re");
  gboolean good;
  Record record;

  g_assert (self->run_id == 0);

  if (shard == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: the result of a worker is gone: %s", path,
                 g_strerror (errno));
    return FALSE;
  }
  if (fread (&record, sizeof record, 1, shard->file) != 1 || record.kind != RECORD_BEGIN ||
      record.number == 0 || record.number > G_MAXINT64) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: the worker left no run in it", path);
    return FALSE;
  }
  good = kml_database_begin_run (self, record.number, error) &&
         adopt_rows (self, shard, path, error) && kml_database_exec (self, "COMMIT", error);
  kml_database_abort_run (self); /* nothing to do after a commit */
  return good;
}
