/* trace-foreign.h: files that people bring and that are not read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the file is that begins with @bytes, and what to do about it. NULL: nothing that is known. (transfer none) (nullable) */
const char *kml_trace_foreign (const char *bytes, gsize n);

G_END_DECLS
