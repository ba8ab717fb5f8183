/* database-file.c: what a file is, before SQLite may touch it; errors in words.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * SQLite takes an empty file for a new database, rolls back whatever journal
 * lies beside a file, and learns what it opened only afterwards. A workbench
 * that is given the wrong path must not do that to somebody's file. So the
 * first hundred bytes, the header of the file format, are read before anything
 * else, and only a file that says it is ours is opened.
 *
 *   offset  0   "SQLite format 3", NUL
 *          20   bytes of each page that are not SQLite's: the checksum (database-pages.c)
 *          60   user_version, big-endian: the version of schema.sql
 *          68   application_id, big-endian: "kmlb"
 *
 * Of a file that is being written, or was when its writer was killed, the first
 * page may be half old and half new. So a wrong checksum is not judged here but where
 * the page is read under SQLite's lock; it is only not believed what such a page
 * says of its version.
 *
 * They are read through SQLite's own file layer and not with open(): POSIX
 * drops all locks that a process has on a file as soon as it closes any
 * descriptor of it, and SQLite's layer is the one that knows not to.
 *
 * Two writers. SQLite would let two campaigns write in turns, and both would give
 * out the same run_id. A writer holds one byte of the file locked for as long
 * as it is open; the byte is beyond those SQLite locks, so readers are free. It is a
 * lock of the open file (F_OFD_SETLK), which the children of a campaign do not
 * drop when they end.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_OFD_SETLK */
#endif

#include "analysis/database-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_USER_VERSION   60
#define HEADER_APPLICATION_ID 68

/* Of SQLite. */
#define MAX_PAGE_SIZE 65536

/* SQLite locks 512 bytes from 2^30; see "The Locking Page" in its file format. */
#define WRITER_LOCK_OFFSET ((off_t)(1 << 30) + 4096)

static guint32
get_u32 (const guint8 *at)
{
  guint32 value;

  memcpy (&value, at, sizeof value);
  return GUINT32_FROM_BE (value);
}

static gboolean
is_ours (const char *path, const guint8 *header, GError **error)
{
  const guint32 id = get_u32 (header + HEADER_APPLICATION_ID);

  if (memcmp (header, "SQLite format 3", 16) != 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: not a kmemlab database (not an SQLite file)", path);
    return FALSE;
  }
  if (id != KML_DATABASE_APPLICATION_ID) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: not a kmemlab database, but an SQLite database of another program "
                 "(application id 0x%08x, expected 0x%08x)",
                 path, id, KML_DATABASE_APPLICATION_ID);
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_version (const char *path, guint32 version, GError **error)
{
  if (version == KML_DATABASE_VERSION)
    return TRUE;
  if (version > G_MAXINT32 || version == 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: damaged kmemlab database (its schema version is %d)", path, (gint32)version);
  else if (version < KML_DATABASE_VERSION)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: made by a kmemlab before its first release (schema version %u, expected %d): "
                 "run the scenario again, into a new file",
                 path, version, KML_DATABASE_VERSION);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_NEWER,
                 "%s: made by a newer kmemlab (schema version %u, this one knows up to %d)", path,
                 version, KML_DATABASE_VERSION);
  return FALSE;
}

/* The first page, or as much of it as there is. Its size is that which the header says, or the least. (transfer full) */
static guint8 *
read_first_page (sqlite3_file *file, gsize *ret_size, int *ret_code)
{
  guint8 *page = g_malloc0 (MAX_PAGE_SIZE);

  *ret_code = file->pMethods->xRead (file, page, KML_DATABASE_HEADER_SIZE, 0);
  *ret_size = kml_database_page_size (page);
  if (*ret_code == SQLITE_OK && *ret_size != 0) {
    *ret_code = file->pMethods->xRead (file, page, (int)*ret_size, 0);
    if (*ret_code == SQLITE_IOERR_SHORT_READ) /* which fills up with zeros */
      *ret_code = SQLITE_OK;
  }
  return page;
}

/* (transfer full) (nullable) */
static guint8 *
read_page (const char *path, const char *full_path, gsize *ret_size, GError **error)
{
  sqlite3_vfs *vfs = sqlite3_vfs_find (NULL);
  g_autofree sqlite3_file *file = g_malloc0 ((gsize)vfs->szOsFile);
  sqlite3_filename name = sqlite3_create_filename (full_path, "", "", 0, NULL);
  g_autofree guint8 *page = NULL;
  int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, code;

  errno = 0;
  code = vfs->xOpen (vfs, name, file, flags, &flags);
  if (code == SQLITE_OK)
    page = read_first_page (file, ret_size, &code);
  if (code != SQLITE_OK)
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot be read: %s", path,
                 errno != 0 ? g_strerror (errno) : sqlite3_errstr (code));
  if (file->pMethods != NULL)
    file->pMethods->xClose (file);
  sqlite3_free_filename (name);
  return code == SQLITE_OK ? g_steal_pointer (&page) : NULL;
}

/* What the file that is there says of itself. */
static gboolean
check_first_page (const char *path, const char *full_path, GError **error)
{
  gsize page_size;
  g_autofree guint8 *page = read_page (path, full_path, &page_size, error);
  guint32 version;

  if (page == NULL || !is_ours (path, page, error))
    return FALSE;
  version = get_u32 (page + HEADER_USER_VERSION);
  if (page_size != 0 && kml_database_has_sums (page))
    return !kml_database_page_is_intact (page, page_size) || check_version (path, version, error);
  if (version < KML_DATABASE_VERSION && !check_version (path, version, error))
    return FALSE; /* from before there were checksums */
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "%s: the database is damaged: its pages have no checksums", path);
  return FALSE;
}

gboolean
kml_database_probe (const char *path, const char *full_path, gboolean *ret_exists, GError **error)
{
  const char *what = NULL;
  struct stat status;

  if (stat (full_path, &status) != 0) {
    if (errno == ENOENT) {
      *ret_exists = FALSE;
      return TRUE;
    }
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: %s", path, g_strerror (errno));
    return FALSE;
  }
  if (S_ISDIR (status.st_mode))
    what = "it is a folder";
  else if (!S_ISREG (status.st_mode))
    what = "not a regular file";
  else if (status.st_size == 0)
    what = "the file is empty";
  else if (status.st_size < KML_DATABASE_HEADER_SIZE)
    what = "not an SQLite file";
  if (what != NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: not a kmemlab database (%s)", path, what);
    return FALSE;
  }

  *ret_exists = TRUE;
  return check_first_page (path, full_path, error);
}

char *
kml_database_resolve (const char *path, GError **error)
{
  sqlite3_vfs *vfs = sqlite3_vfs_find (NULL);
  const int size = vfs->mxPathname + 1;
  g_autofree char *full_path = g_malloc0 ((gsize)size);

  if (path[0] == '\0') {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "the name of the database is empty");
    return NULL;
  }
  if ((vfs->xFullPathname (vfs, path, size, full_path) & 0xff) != SQLITE_OK) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: cannot be found: too long, or links that lead nowhere", path);
    return NULL;
  }
  return g_steal_pointer (&full_path);
}

int
kml_database_lock (const char *path, const char *full_path, GError **error)
{
  const int fd = open (full_path, O_RDWR | O_CLOEXEC);
  struct flock lock = { 0 };

  if (fd < 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot be written: %s", path,
                 g_strerror (errno));
    return -1;
  }
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = WRITER_LOCK_OFFSET;
  lock.l_len = 1;
  /* a file system that has no locks has none for SQLite either, which then says so */
  if (fcntl (fd, F_OFD_SETLK, &lock) != 0 && (errno == EAGAIN || errno == EACCES)) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "%s: the database is in use: another kmemlab is writing to it", path);
    close (fd);
    return -1;
  }
  return fd;
}

/* What the host said, if SQLite asked it. */
static const char *
host_reason (KmlDatabase *self, int code)
{
  const int number = self->db != NULL ? sqlite3_system_errno (self->db) : 0;

  return number != 0 ? g_strerror (number) : sqlite3_errstr (code);
}

gboolean
kml_database_read_error (KmlDatabase *self, int code, GError **error)
{
  return kml_database_fail (self, code, "cannot be read", error);
}

gboolean
kml_database_fail (KmlDatabase *self, int code, const char *doing, GError **error)
{
  KmlErrorCode kind = KML_ERROR_WORLD;
  const char *why, *detail = NULL;

  switch (code == SQLITE_IOERR_DATA ? SQLITE_CORRUPT : code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    why = "the database is in use by another program";
    break;
  case SQLITE_FULL:
    why = "the disk is full";
    break;
  case SQLITE_READONLY:
    why = "the file or its folder is read-only";
    break;
  case SQLITE_NOMEM:
    why = "out of memory";
    break;
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
    why = host_reason (self, code);
    break;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    kind = KML_ERROR_INPUT;
    why = "the database is damaged";
    if (code == SQLITE_IOERR_DATA)
      detail = "the checksum of a page is wrong, or another program has written to it";
    break;
  case SQLITE_CONSTRAINT:
  case SQLITE_MISMATCH:
  case SQLITE_TOOBIG:
    kind = KML_ERROR_INPUT;
    why = "what is to be stored contradicts what is there";
    detail = sqlite3_errmsg (self->db);
    break;
  default:
    why = self->db != NULL ? sqlite3_errmsg (self->db) : sqlite3_errstr (code);
    break;
  }
  g_set_error (error, KML_ERROR, kind, "%s: %s: %s%s%s%s", self->path, doing, why,
               detail != NULL ? " (" : "", detail != NULL ? detail : "", detail != NULL ? ")" : "");
  return FALSE;
}
