/* stored.h: what a database that is open says of a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "analysis/database.h"

G_BEGIN_DECLS

/* The run of this key, however it ended. *@ret_run_id is 0 when there is none. */
gboolean kml_stored_find_run (KmlDatabase *database, const char *run_key, guint64 *ret_run_id,
                              gboolean *ret_is_done, GError **error);

/* The keys of all runs that are done, (element-type utf8): a set. (transfer full) NULL with @error */
GHashTable *kml_stored_done_keys (KmlDatabase *database, GError **error);

/* The metrics of a run, (element-type utf8 double): those that have a value. (transfer full) NULL with @error */
GHashTable *kml_stored_metrics (KmlDatabase *database, guint64 run_id, GError **error);

/* A KmlMetricLookup in such a table. */
double kml_stored_look_up (const char *name, gpointer metrics);

/* Gives back what the connection keeps in memory of pages it has read or written. */
void kml_stored_release_memory (KmlDatabase *database);

G_END_DECLS
