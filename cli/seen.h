/* seen.h: where files were when a run of this user last read them, by their content.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A database says which content a run read and not where it lay, which is the
 * host's affair and would make its bytes depend on the host. So that `verify`
 * need not ask, the host's side of it is kept here: in the folder that users
 * have for such things ($XDG_STATE_HOME/kmemlab, or ~/.local/state/kmemlab),
 * a file of lines "DIGEST PATH". It is only ever a hint: whoever follows it looks at
 * the content. It may be removed at any time, and what cannot be kept is not.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* That a file of this content is at @path. */
void kml_seen_add (const char *digest, const char *path);

/* (element-type filename) (transfer full): the newest first. */
GPtrArray *kml_seen_find (const char *digest);

G_END_DECLS
