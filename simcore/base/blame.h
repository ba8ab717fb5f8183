/* blame.h: errors that know which setting they are about.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a setting means is often seen long after the scenario was read: there is no disk, no frame, no such CPU. Whoever sees it knows the
 * key and not the file, and often not the group either; who built it knows the group; and one place, which reports what goes wrong in
 * a run, knows where that stands. So the name of the setting travels in the error, and each adds what it knows.
 *
 *   "batch"                   a key; the group is to be added
 *   "layer.lists.batch"       all of it
 *   "layer.lists."            the group as a whole
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

/* Sets an error of the input that is about the setting @what. Always FALSE. */
gboolean kml_refuse (GError **error, const char *what, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* Adds to @error, if it is one of ours, that it is about @what: where it says nothing of that yet, or lacks the group and @what is one. */
void kml_blame (GError **error, const char *what);

/* About the group with the prefix "layer.lists". */
void kml_blame_group (GError **error, const char *prefix);

/* What it is about, which it then no longer knows. (transfer full) (nullable): nothing was said of it */
char *kml_take_blame (GError *error);

G_END_DECLS
