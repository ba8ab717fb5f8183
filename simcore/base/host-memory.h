/* host-memory.h: large pieces of the host's memory that are walked through at random.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* @n bytes, not zeroed, from the beginning of a line of the processor's cache, or of 4 KiB where they are so many; in huge pages where
 * the host has them and the bytes are many. NULL: no room. To be freed by free(). */
void *kml_host_memory_new (gsize n);

G_END_DECLS
