/* shard.h: the file in which the result of one run waits until it is stored.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * It lies beside the database that it is for: results.db.run-12.tmp.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* (transfer full) */
char *kml_shard_path (const char *output, guint64 run_id);

/* @path: (nullable) */
void kml_shard_remove (const char *path);

/* All that were ever made for @output. */
void kml_shards_remove_all (const char *output);

G_END_DECLS
