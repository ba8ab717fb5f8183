/* plot-varied.c: the settings that tell the runs of a picture apart.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What an experiment varied is a part of what differs: with another allocator come other parameters, and theirs
 * differ, too, or are missing. So the settings that differ are taken in turn, those with most values first (of as many, what chooses an
 * allocator or a kind of workload before what depends on it), and one that tells no runs apart which those before it did not is left out.
 */

#include "analysis/database-private.h"
#include "analysis/plot-private.h"

#define MAX_VARIED_KEYS 4 /* more in a label are too many to read */

#define CHOSEN_RUNS "SELECT run_id FROM temp.chosen"
#define ALL_RUNS    "SELECT run_id FROM runs WHERE status = 'done'"

/* A picture of one run is called by what sets it apart in the database. */
#define KEYS_SQL(runs)                                                                             \
  "SELECT key FROM (SELECT run_id, 'scenario' AS key, scenario AS value FROM runs UNION ALL "      \
  "SELECT run_id, key, value FROM params) WHERE run_id IN (" runs ") AND key != ?1 GROUP BY key "  \
  "HAVING count (DISTINCT value) > 1 OR count (*) < (SELECT count (*) FROM (" runs ")) "           \
  "ORDER BY count (DISTINCT value) DESC, key NOT LIKE '%.allocator' AND key NOT LIKE '%.kind', "   \
  "key"

#define VALUES_SQL(runs)                                                                           \
  "SELECT coalesce ((SELECT value FROM params p WHERE p.run_id = r.run_id AND p.key = ?1), "       \
  "iif (?1 = 'scenario', scenario, '')) FROM runs r WHERE run_id IN (" runs ") ORDER BY run_id"

/* Runs that the settings so far do not tell apart are of one class. */
typedef struct {
  GArray *class_of; /* (owned) (element-type guint): of each run, in their order */
  guint n_classes;
} Classes;

/* Divides the classes by the value of @key. TRUE: there are more of them. */
static gboolean
divide (Classes *self, sqlite3_stmt *values, const char *key, int *ret_code)
{
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  const guint before = self->n_classes;
  guint i = 0;

  sqlite3_reset (values);
  sqlite3_bind_text (values, 1, key, -1, SQLITE_TRANSIENT);
  while ((*ret_code = sqlite3_step (values)) == SQLITE_ROW) {
    const guint old = i < self->class_of->len ? g_array_index (self->class_of, guint, i) : 0;
    char *name = g_strdup_printf ("%u %s", old, (const char *)sqlite3_column_text (values, 0));
    const guint next = g_hash_table_size (known);
    gpointer class_of;

    if (!g_hash_table_lookup_extended (known, name, NULL, &class_of))
      class_of = GUINT_TO_POINTER (next);
    g_hash_table_replace (known, name, class_of);
    g_array_set_size (self->class_of, MAX (self->class_of->len, i + 1));
    g_array_index (self->class_of, guint, i++) = GPOINTER_TO_UINT (class_of);
  }
  self->n_classes = g_hash_table_size (known);
  return self->n_classes > before;
}

GPtrArray *
kml_plot_find_varied (KmlDatabase *database, gboolean of_all, gboolean without_seeds,
                      GError **error)
{
  g_autoptr (sqlite3_stmt) keys = kml_database_prepare (
      database, of_all ? KEYS_SQL (ALL_RUNS) : KEYS_SQL (CHOSEN_RUNS), error);
  g_autoptr (sqlite3_stmt) values = NULL;
  g_autoptr (GPtrArray) varied = g_ptr_array_new_with_free_func (g_free);
  Classes classes = { .class_of = g_array_new (FALSE, TRUE, sizeof (guint)), .n_classes = 1 };
  int code = SQLITE_DONE, values_code = SQLITE_DONE;

  if (keys != NULL) {
    sqlite3_bind_text (keys, 1, without_seeds ? KML_PLOT_SEED : "", -1, SQLITE_STATIC);
    values = kml_database_prepare (
        database, of_all ? VALUES_SQL (ALL_RUNS) : VALUES_SQL (CHOSEN_RUNS), error);
  }
  while (values != NULL && varied->len < MAX_VARIED_KEYS && values_code == SQLITE_DONE &&
         (code = sqlite3_step (keys)) == SQLITE_ROW) {
    const char *key = (const char *)sqlite3_column_text (keys, 0);

    if (divide (&classes, values, key, &values_code))
      g_ptr_array_add (varied, g_strdup (key));
  }
  g_array_unref (classes.class_of);
  if (values == NULL)
    return NULL;
  if (values_code != SQLITE_DONE || (code != SQLITE_DONE && code != SQLITE_ROW)) {
    kml_database_fail (database, values_code != SQLITE_DONE ? values_code : code, "cannot be read",
                       error);
    return NULL;
  }
  return g_steal_pointer (&varied);
}
