/* export-proc.c: what Linux would show of the memory at the end of a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   buddyinfo        /proc/buddyinfo: free blocks by zone and order
 *   pagetypeinfo     /proc/pagetypeinfo, its first table: the same by mobility
 *   unusable_index   debugfs, extfrag/unusable_index: the share of free memory that a request for 2^order frames cannot have
 *   extfrag_index    debugfs, extfrag/extfrag_index: why such a request fails, or -1.000: it does not
 *   slabinfo         /proc/slabinfo: the caches of an allocator of objects; of active slabs it says all, as SLUB does
 *
 * Formats are those of mm/vmstat.c and mm/slab_common.c, so what reads a kernel's files reads these. The moment is that of the last
 * snapshot, which is the end of the run. There are columns for orders up to 10, as Linux has them, or the largest that the
 * run had.
 */

#include <sqlite3.h>
#include <string.h>

#include "cli/export.h"
#include "simcore/memory/free-area.h"

#define LINUX_ORDERS 11

/* Free blocks, read row by row; a line is written whenever a zone, or a mobility of it, has come to its end. */
typedef struct {
  char *zone, *mobility; /* (owned) (nullable): of the rows that are being counted */
  guint64 counts[KML_MAX_ORDER + 1];
  guint n_orders;
} FreeBlocks;

typedef void (*LineFunc) (const FreeBlocks *blocks, GString *text);

static void
add_counts (const FreeBlocks *blocks, GString *text)
{
  for (guint order = 0; order < blocks->n_orders; order++)
    g_string_append_printf (text, "%6" G_GUINT64_FORMAT " ", blocks->counts[order]);
}

static void
add_buddyinfo (const FreeBlocks *blocks, GString *text)
{
  g_string_append_printf (text, "Node 0, zone %8s ", blocks->zone);
  add_counts (blocks, text);
}

/* "unmovable" is Unmovable there. */
static void
add_pagetypeinfo (const FreeBlocks *blocks, GString *text)
{
  g_autofree char *type = g_strdup (blocks->mobility);

  type[0] = g_ascii_toupper (type[0]);
  g_string_append_printf (text, "Node %4d, zone %8s, type %12s ", 0, blocks->zone, type);
  add_counts (blocks, text);
}

/* Digits of the whole part at least: Linux leaves room for a sign where there may be one. */
static void
add_index (const FreeBlocks *blocks, gint (*index_of) (const guint64 *, guint, guint), int digits,
           GString *text)
{
  g_string_append_printf (text, "Node 0, zone %8s ", blocks->zone);
  for (guint order = 0; order < blocks->n_orders; order++) {
    const gint index = index_of (blocks->counts, blocks->n_orders, order);

    g_string_append_printf (text, "%*d.%03d ", digits, index / 1000, index % 1000);
  }
}

static void
add_unusable_index (const FreeBlocks *blocks, GString *text)
{
  add_index (blocks, kml_linux_unusable_index, 1, text);
}

static void
add_extfrag_index (const FreeBlocks *blocks, GString *text)
{
  add_index (blocks, kml_linux_fragmentation_index, 2, text);
}

static void
end_line (FreeBlocks *blocks, LineFunc add, GString *text)
{
  if (blocks->zone != NULL) {
    add (blocks, text);
    g_string_append_c (text, '\n');
  }
  g_clear_pointer (&blocks->zone, g_free);
  g_clear_pointer (&blocks->mobility, g_free);
  memset (blocks->counts, 0, sizeof blocks->counts);
}

static const char *
text_of (sqlite3_stmt *row, int column)
{
  const char *text = (const char *)sqlite3_column_text (row, column);

  return text != NULL ? text : "";
}

/* A row: zone, mobility, order, count. Of a database that was not ours to write, orders may be anything. */
static void
count_row (FreeBlocks *blocks, sqlite3_stmt *row, LineFunc add, GString *text)
{
  const sqlite3_int64 order = sqlite3_column_int64 (row, 2);

  if (blocks->zone != NULL && (!g_str_equal (blocks->zone, text_of (row, 0)) ||
                               !g_str_equal (blocks->mobility, text_of (row, 1))))
    end_line (blocks, add, text);
  if (blocks->zone == NULL) {
    blocks->zone = g_strdup (text_of (row, 0));
    blocks->mobility = g_strdup (text_of (row, 1));
  }
  if (order >= 0 && order <= KML_MAX_ORDER)
    blocks->counts[order] += (guint64)sqlite3_column_int64 (row, 3);
}

/* By zone, where there are any; else all of it is Normal. */
#define AT_THE_END                                                                                 \
  "WITH at_the_end AS (SELECT seq, zone, mobility, \"order\", count FROM zone_free_blocks "        \
  "WHERE run_id = ?1 UNION ALL SELECT 0, zone, mobility, \"order\", count FROM free_blocks "       \
  "WHERE run_id = ?1 AND t_ns = (SELECT max (t_ns) FROM free_blocks WHERE run_id = ?1) "           \
  "AND NOT EXISTS (SELECT 1 FROM zone_free_blocks WHERE run_id = ?1)) "

static const char by_zone[] = AT_THE_END "SELECT zone, '', \"order\", sum (count) FROM at_the_end "
                                         "GROUP BY seq, zone, \"order\" ORDER BY seq, \"order\"";

static const char by_mobility[] = AT_THE_END
    "SELECT zone, mobility, \"order\", count FROM at_the_end ORDER BY seq, "
    "CASE mobility WHEN 'unmovable' THEN 0 WHEN 'movable' THEN 1 ELSE 2 END, \"order\"";

/* KML_MAX_ORDER at most. */
static gboolean
find_orders (KmlDatabase *database, guint64 run_id, guint *ret_n, GError **error)
{
  sqlite3_stmt *row = NULL;
  int code = sqlite3_prepare_v2 (kml_database_handle (database),
                                 "SELECT max (\"order\") FROM free_blocks WHERE run_id = ?1", -1,
                                 &row, NULL);

  if (code == SQLITE_OK) {
    sqlite3_bind_int64 (row, 1, (sqlite3_int64)run_id);
    code = sqlite3_step (row);
    *ret_n = (guint)CLAMP (sqlite3_column_int64 (row, 0) + 1, LINUX_ORDERS, KML_MAX_ORDER + 1);
  }
  sqlite3_finalize (row);
  return code == SQLITE_ROW || kml_database_read_error (database, code, error);
}

static gboolean
write_lines (KmlDatabase *database, guint64 run_id, const char *sql, LineFunc add, GString *text,
             GError **error)
{
  const gsize before = text->len;
  FreeBlocks blocks = { 0 };
  sqlite3_stmt *rows = NULL;
  int code;

  if (!find_orders (database, run_id, &blocks.n_orders, error))
    return FALSE;
  code = sqlite3_prepare_v2 (kml_database_handle (database), sql, -1, &rows, NULL);
  if (code == SQLITE_OK) {
    sqlite3_bind_int64 (rows, 1, (sqlite3_int64)run_id);
    while ((code = sqlite3_step (rows)) == SQLITE_ROW)
      count_row (&blocks, rows, add, text);
  }
  sqlite3_finalize (rows);
  end_line (&blocks, add, text);
  if (code != SQLITE_DONE)
    return kml_database_read_error (database, code, error);
  if (text->len == before)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "nothing is known of free memory in run %" G_GUINT64_FORMAT
                 ": there is no such run, or it was not done",
                 run_id);
  return text->len > before;
}

static gboolean
write_buddyinfo (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  return write_lines (database, run_id, by_zone, add_buddyinfo, text, error);
}

static gboolean
write_unusable_index (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  return write_lines (database, run_id, by_zone, add_unusable_index, text, error);
}

static gboolean
write_extfrag_index (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  return write_lines (database, run_id, by_zone, add_extfrag_index, text, error);
}

static gboolean
write_pagetypeinfo (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  guint n_orders;

  if (!find_orders (database, run_id, &n_orders, error))
    return FALSE;
  g_string_append_printf (text, "%-43s ", "Free pages count per migrate type at order");
  for (guint order = 0; order < n_orders; order++)
    g_string_append_printf (text, "%6u ", order);
  g_string_append_c (text, '\n');
  return write_lines (database, run_id, by_mobility, add_pagetypeinfo, text, error);
}

/* ---- Slabs ---- */

static void
add_cache (GString *text, sqlite3_stmt *row)
{
  const sqlite3_int64 objects = sqlite3_column_int64 (row, 2),
                      slabs = sqlite3_column_int64 (row, 4);
  const sqlite3_int64 pages = sqlite3_column_int64 (row, 5);

  g_string_append_printf (text, "%-17s %6lld %6lld %6lld %4lld %4lld", text_of (row, 0),
                          (long long)sqlite3_column_int64 (row, 1), (long long)objects,
                          (long long)sqlite3_column_int64 (row, 3),
                          (long long)(slabs > 0 ? objects / slabs : 0),
                          (long long)(slabs > 0 ? pages / slabs : 0));
  g_string_append_printf (text, " : tunables %4u %4u %4u : slabdata %6lld %6lld %6u\n", 0, 0, 0,
                          (long long)slabs, (long long)slabs, 0);
}

static gboolean
write_slabinfo (KmlDatabase *database, guint64 run_id, GString *text, GError **error)
{
  sqlite3_stmt *rows = NULL;
  gboolean is_empty = TRUE;
  int code = sqlite3_prepare_v2 (
      kml_database_handle (database),
      "SELECT cache, active_objects, objects, object_size, slabs, pages FROM slabs WHERE run_id = "
      "?1 AND "
      "t_ns = (SELECT max (t_ns) FROM slabs WHERE run_id = ?1) ORDER BY object_size, cache",
      -1, &rows, NULL);

  g_string_append (text, "slabinfo - version: 2.1\n"
                         "# name            <active_objs> <num_objs> <objsize> <objperslab> "
                         "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
                         "<active_slabs> <num_slabs> <sharedavail>\n");
  if (code == SQLITE_OK) {
    sqlite3_bind_int64 (rows, 1, (sqlite3_int64)run_id);
    for (; (code = sqlite3_step (rows)) == SQLITE_ROW; is_empty = FALSE)
      add_cache (text, rows);
  }
  sqlite3_finalize (rows);
  if (code != SQLITE_DONE)
    return kml_database_read_error (database, code, error);
  if (is_empty)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "run %" G_GUINT64_FORMAT " has no caches of objects", run_id);
  return !is_empty;
}

/* ---- What they are called ---- */

static const KmlExport buddyinfo = { "buddyinfo", "free blocks at the end, as /proc/buddyinfo",
                                     write_buddyinfo };
static const KmlExport pagetypeinfo = {
  "pagetypeinfo", "free blocks by mobility at the end, as the first table of /proc/pagetypeinfo",
  write_pagetypeinfo
};
static const KmlExport unusable_index = {
  "unusable_index", "unusable free space index at the end, as debugfs' extfrag/unusable_index",
  write_unusable_index
};
static const KmlExport extfrag_index = {
  "extfrag_index", "fragmentation index at the end, as debugfs' extfrag/extfrag_index",
  write_extfrag_index
};
static const KmlExport slabinfo = { "slabinfo", "caches of objects at the end, as /proc/slabinfo",
                                    write_slabinfo };

KML_REGISTER_EXPORT (buddyinfo)
KML_REGISTER_EXPORT (pagetypeinfo)
KML_REGISTER_EXPORT (unusable_index)
KML_REGISTER_EXPORT (extfrag_index)
KML_REGISTER_EXPORT (slabinfo)
