/* embedded.h: texts that are part of the program; embed.py makes them at build time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *name; /* of the file, without its ending; NULL ends an array */
  const char *text;
} KmlEmbedded;

/* simcore/bin-sets/, sorted by name */
extern const KmlEmbedded kml_embedded_bin_sets[];

G_END_DECLS
