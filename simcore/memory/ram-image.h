/* ram-image.h: what was in RAM, to be put back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/memory/ram.h"

G_BEGIN_DECLS

/* RAM as it is now, and its shadow, is what is put back from now on, until the end. One RAM of a process has an image at a time. FALSE: the
 * host cannot do it, or there is another. */
gboolean kml_ram_image_begin (KmlRam *ram);
void kml_ram_image_put_back (const KmlRam *ram);
void kml_ram_image_end (KmlRam *ram);

G_END_DECLS
