/* write.h: one run of a scenario, as a scenario of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/loading/scenario.h"

G_BEGIN_DECLS

/* The text of a scenario file in @folder that has @spec as its only run, but for @changes: settings by
 * their full keys, which the run has. Settings with their default are left out; paths are told as seen
 * from @folder. @head (nullable) becomes a comment at the beginning, lines and all. (transfer full) */
char *kml_scenario_write (const KmlScenario *self, const KmlRunSpec *spec,
                          const KmlSetting *changes, guint n_changes, const char *head,
                          const char *folder);

/* @value as it must stand behind "key = " for the reader to find it there. What has a line end cannot be read so. (transfer full) */
char *kml_scenario_escape (const char *value);
/* The same of the name of a file, which may begin like a comment. (transfer full) */
char *kml_scenario_escape_file (const char *file);

G_END_DECLS
