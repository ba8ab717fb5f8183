/* database-pages.c: a checksum in every page of a result database.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Why
 *
 * SQLite finds damage that breaks its trees, and no other: of all single bytes of a
 * result database that can be changed, PRAGMA integrity_check misses four in
 * five, because a wrong number in a row is a row like any other. A figure drawn
 * from such a file is wrong without a word.
 *
 * 2. The form
 *
 * SQLite leaves room for it: byte 20 of the file says how many bytes at the end
 * of each page are not its own. Eight of them hold two sums over the rest of
 * the page, taken as little-endian words w[0], w[1], … of 32 bits:
 *
 *   s1 = s2 = 0;  for even i:  s1 += w[i] + s2;  s2 += w[i + 1] + s1
 *
 * Both are linear in the words, and the factors of one word in s1 and s2 are
 * neighbours in Fibonacci's sequence, of which one at least is odd: a change of
 * a single word is always found, any other but once in 2^64. It is the form
 * of SQLite's own extension cksumvfs, so that other programs can check it too.
 * Those which do not know it read the file as ever; one that writes to it
 * leaves pages whose sums are wrong, and what it wrote is then taken for
 * damage.
 *
 * 3. The layer
 *
 * Pages pass through a layer over SQLite's files (a "VFS shim"). It puts the sums
 * into pages that are written, and compares them as pages are read: what is
 * read is right, however large the file, and what is never read costs nothing.
 * A page that lies partly behind the end of the file, which SQLite would fill
 * with zeros, is damage. Files without the eight bytes pass as they are. Only
 * the main file has sums; a journal has its own.
 */

#include "analysis/database-private.h"

#include <string.h>

#define VFS_NAME "kmemlab-pages"

#define SUM_SIZE 8

/* In the first 100 bytes of the file, the header. */
#define HEADER_PAGE_SIZE 16 /* 16 bits, big-endian; 1 means 65536 */
#define HEADER_RESERVED  20

typedef struct {
  sqlite3_file base; /* SQLite's view of it */
  gsize page_size;   /* 0: pages have no sums, as far as is known */
  guint8 *page;      /* (owned) (nullable): one that is about to be written */
  sqlite3_file below[];
} File;

/* ---- Sums ---- */

static inline guint32
word_at (const guint8 *at)
{
  guint32 word;

  memcpy (&word, at, sizeof word);
  return GUINT32_FROM_LE (word);
}

static void
sum_up (const guint8 *page, gsize page_size, guint8 ret_sum[SUM_SIZE])
{
  guint32 s1 = 0, s2 = 0;

  for (gsize i = 0; i < page_size - SUM_SIZE; i += 8) {
    s1 += word_at (page + i) + s2;
    s2 += word_at (page + i + 4) + s1;
  }
  s1 = GUINT32_TO_LE (s1);
  s2 = GUINT32_TO_LE (s2);
  memcpy (ret_sum, &s1, 4);
  memcpy (ret_sum + 4, &s2, 4);
}

gboolean
kml_database_page_is_intact (const guint8 *page, gsize page_size)
{
  guint8 sum[SUM_SIZE];

  sum_up (page, page_size, sum);
  return memcmp (sum, page + page_size - SUM_SIZE, SUM_SIZE) == 0;
}

gsize
kml_database_page_size (const guint8 *header)
{
  const gsize size = (gsize)header[HEADER_PAGE_SIZE] << 8 | header[HEADER_PAGE_SIZE + 1];

  if (size == 1)
    return 65536;
  return size >= 512 && (size & (size - 1)) == 0 ? size : 0;
}

gboolean
kml_database_has_sums (const guint8 *header)
{
  return header[HEADER_RESERVED] == SUM_SIZE;
}

/* The header, as it passes in either direction, says whether there are sums. */
static void
look_at_header (File *self, const guint8 *data, int n, sqlite3_int64 offset)
{
  if (offset != 0 || n < KML_DATABASE_HEADER_SIZE || memcmp (data, "SQLite format 3", 16) != 0)
    return;
  self->page_size = kml_database_has_sums (data) ? kml_database_page_size (data) : 0;
  g_clear_pointer (&self->page, g_free);
}

static gboolean
is_page (const File *self, int n, sqlite3_int64 offset)
{
  return self->page_size != 0 && (gsize)n == self->page_size && offset % n == 0;
}

/* ---- Files ---- */

static int
file_close (sqlite3_file *file)
{
  File *self = (File *)file;

  g_clear_pointer (&self->page, g_free);
  return self->below->pMethods->xClose (self->below);
}

static int
file_read (sqlite3_file *file, void *data, int n, sqlite3_int64 offset)
{
  File *self = (File *)file;
  int code = self->below->pMethods->xRead (self->below, data, n, offset);
  sqlite3_int64 size;

  if (code == SQLITE_OK)
    look_at_header (self, data, n, offset);
  if (!is_page (self, n, offset))
    return code;
  if (code == SQLITE_OK)
    return kml_database_page_is_intact (data, (gsize)n) ? SQLITE_OK : SQLITE_IOERR_DATA;
  if (code == SQLITE_IOERR_SHORT_READ &&
      self->below->pMethods->xFileSize (self->below, &size) == SQLITE_OK && offset < size)
    code = SQLITE_IOERR_DATA;
  return code;
}

static int
file_write (sqlite3_file *file, const void *data, int n, sqlite3_int64 offset)
{
  File *self = (File *)file;

  look_at_header (self, data, n, offset);
  if (is_page (self, n, offset)) {
    if (self->page == NULL)
      self->page = g_malloc (self->page_size);
    memcpy (self->page, data, self->page_size - SUM_SIZE);
    sum_up (self->page, self->page_size, self->page + self->page_size - SUM_SIZE);
    data = self->page;
  }
  return self->below->pMethods->xWrite (self->below, data, n, offset);
}

static int
file_truncate (sqlite3_file *file, sqlite3_int64 size)
{
  File *self = (File *)file;

  return self->below->pMethods->xTruncate (self->below, size);
}

static int
file_sync (sqlite3_file *file, int flags)
{
  File *self = (File *)file;

  return self->below->pMethods->xSync (self->below, flags);
}

static int
file_size (sqlite3_file *file, sqlite3_int64 *ret_size)
{
  File *self = (File *)file;

  return self->below->pMethods->xFileSize (self->below, ret_size);
}

static int
file_lock (sqlite3_file *file, int level)
{
  File *self = (File *)file;

  return self->below->pMethods->xLock (self->below, level);
}

static int
file_unlock (sqlite3_file *file, int level)
{
  File *self = (File *)file;

  return self->below->pMethods->xUnlock (self->below, level);
}

static int
file_check_reserved_lock (sqlite3_file *file, int *ret_is_locked)
{
  File *self = (File *)file;

  return self->below->pMethods->xCheckReservedLock (self->below, ret_is_locked);
}

static int
file_control (sqlite3_file *file, int operation, void *data)
{
  File *self = (File *)file;

  return self->below->pMethods->xFileControl (self->below, operation, data);
}

static int
file_sector_size (sqlite3_file *file)
{
  File *self = (File *)file;

  return self->below->pMethods->xSectorSize (self->below);
}

/* Less than a page must not be read: it has no sum of its own. */
static int
file_device_characteristics (sqlite3_file *file)
{
  File *self = (File *)file;
  int characteristics = self->below->pMethods->xDeviceCharacteristics (self->below);

#ifdef SQLITE_IOCAP_SUBPAGE_READ
  characteristics &= ~SQLITE_IOCAP_SUBPAGE_READ;
#endif
  return characteristics;
}

/* Version 1 has neither shared memory nor mapping: no WAL, and every page comes through xRead. */
static const sqlite3_io_methods methods = {
  .iVersion = 1,
  .xClose = file_close,
  .xRead = file_read,
  .xWrite = file_write,
  .xTruncate = file_truncate,
  .xSync = file_sync,
  .xFileSize = file_size,
  .xLock = file_lock,
  .xUnlock = file_unlock,
  .xCheckReservedLock = file_check_reserved_lock,
  .xFileControl = file_control,
  .xSectorSize = file_sector_size,
  .xDeviceCharacteristics = file_device_characteristics,
};

/* ---- The layer ---- */

static int
layer_open (sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
  sqlite3_vfs *below = sqlite3_vfs_find (NULL);
  File *self = (File *)file;
  int code;

  if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
    return below->xOpen (below, name, file, flags, ret_flags);
  memset (self, 0, (gsize)vfs->szOsFile);
  code = below->xOpen (below, name, self->below, flags, ret_flags);
  if (self->below->pMethods != NULL) /* then it must be closed, even after an error */
    self->base.pMethods = &methods;
  return code;
}

const char *
kml_database_vfs (void)
{
  static sqlite3_vfs layer; /* the process's: registered once */

  if (layer.zName == NULL) {
    sqlite3_vfs *below = sqlite3_vfs_find (NULL);

    layer = *below; /* everything but the opening of files is the system's */
    layer.zName = VFS_NAME;
    layer.pNext = NULL;
    layer.szOsFile = (int)sizeof (File) + below->szOsFile;
    layer.xOpen = layer_open;
    sqlite3_vfs_register (&layer, 0);
  }
  return VFS_NAME;
}

int
kml_database_reserve_sums (sqlite3 *db)
{
  int n = SUM_SIZE;

  return sqlite3_file_control (db, "main", SQLITE_FCNTL_RESERVE_BYTES, &n);
}
