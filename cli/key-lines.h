/* key-lines.h: small text files of lines "key = value".
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file that was edited by hand is read as strictly as a scenario: every line has its meaning or is an error with its number.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a line may be. */
typedef struct {
  const char *key;
  gboolean is_repeatable;
  gboolean is_optional;
} KmlKeyForm;

/* Of each line. Errors: without the place, which is put in front. */
typedef gboolean (*KmlKeyLineFunc) (const char *key, const char *value, guint line, gpointer data,
                                    GError **error);

/* Calls @func for each line of the file, which begins with "[@group]"; blank lines and those that begin with # mean nothing. @forms end
 * with a NULL key; those that are not optional must be there. Errors: INPUT, with file and line, WORLD. */
gboolean kml_key_lines_load (const char *path, const char *group, const KmlKeyForm *forms,
                             KmlKeyLineFunc func, gpointer data, GError **error);

/* Errors: WORLD. */
gboolean kml_key_lines_save (const char *path, const GString *text, GError **error);

G_END_DECLS
