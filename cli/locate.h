/* locate.h: finding the files that a stored run read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "cli/results.h"

G_BEGIN_DECLS

/* Where to look. All borrowed. */
typedef struct {
  const char *database;     /* path of the database that stores the run */
  const char *const *bases; /* (nullable) NULL-terminated: folders that the user names */
} KmlLocatePlaces;

/* The path of a file that has the content of @input, a file that @stored has read. NULL when there
 * is none; @ret_story says then what was looked for and where, in lines for people. (transfer
 * full) */
char *kml_locate_input (const KmlResult *stored, const KmlInput *input,
                        const KmlLocatePlaces *places, char **ret_story);

/* A folder to take for that of the scenario of @stored: where files are looked for that no stored
 * run has read. (transfer full) */
char *kml_locate_base_dir (const KmlResult *stored, const KmlLocatePlaces *places);

G_END_DECLS
