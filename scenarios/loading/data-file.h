/* data-file.h: what a setting names that is either built in or a file: cost profiles, geometries of caches.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The ones that come with the program are resources in it, so a run needs no file that could be missing or
 * changed. Any other is a path, relative to the scenario: a name with a slash or with the kind's ending.
 */

#pragma once

#include "scenarios/loading/keyfile.h"

G_BEGIN_DECLS

typedef struct {
  const char *what;   /* for people: "cost profile" */
  const char *folder; /* of the resources: "/kmemlab/profiles" */
  const char *ending; /* of files: ".profile" */

  /* Reads what is well-formed into @data, and says in @problems what is wrong in it. */
  void (*read) (const char *file, const KmlKeyFile *key_file, gpointer data, GPtrArray *problems);
} KmlDataFileKind;

gboolean kml_data_file_is_path (const KmlDataFileKind *kind, const char *name);

/* The built-in one called @name, or the file at @path. All problems, one a line, become one error. */
gboolean kml_data_file_load (const KmlDataFileKind *kind, const char *name, const char *path,
                             gpointer data, GError **error);

/* Names of the built-in ones, sorted, NULL-terminated. (transfer full) */
char **kml_data_file_list (const KmlDataFileKind *kind);

/* "unknown WHAT “NAME”; did you mean …" */
void kml_data_file_unknown (GPtrArray *problems, const char *file, guint line, guint column,
                            const char *what, const char *name, const char *const *names);

/* Says of groups that are not in @names (NULL-terminated) that they are unknown, and of @names that are not there that they are missing. */
void kml_data_file_check_groups (const char *file, const KmlKeyFile *key_file,
                                 const char *const *names, GPtrArray *problems);

G_END_DECLS
