/* stories.h: what `run` tells of its runs besides figures.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The longest operation of each kind and context with what made it long; what recordings lack; why requests failed; who was killed for want of memory; the stories of deadlocks, the first bugs, and what could deadlock.
 */

#pragma once

#include "cli/json.h"
#include "cli/results.h"

G_BEGIN_DECLS

/* Of the first of @results, which are in the database at @path. (element-type KmlResult) */
void kml_stories_print (const char *path, const GPtrArray *results);

/* One object of an array. */
void kml_story_longest_json (const KmlResultLongest *longest, JsonBuilder *builder);
void kml_story_kill_json (const KmlResultKill *kill, JsonBuilder *builder);

G_END_DECLS
