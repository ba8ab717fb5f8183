/* manual.h: the prose of the manual's pages that is not in a command's table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/base/embedded.h"

G_BEGIN_DECLS

/* manual/, sorted by name: parts of pages in the language of man(7) */
extern const KmlEmbedded kml_manual_texts[];

G_END_DECLS
