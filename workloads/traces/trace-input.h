/* trace-input.h: the bytes of a file, whatever compressed them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/base/types.h"

#include <sys/types.h>

G_BEGIN_DECLS

/* A stream of bytes from a plain, gzip, xz or zstd file, told apart by their
 * first bytes. A compressed stream that ends early or is damaged is an error,
 * never a short read. */
typedef struct _KmlTraceInput KmlTraceInput;

/* "-" is the standard input. @shown is how messages call the file. */
KmlTraceInput *kml_trace_input_open (const char *path, const char *shown, GError **error);
void kml_trace_input_close (KmlTraceInput *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlTraceInput, kml_trace_input_close)

/* Reads until @n bytes are there or the stream has ended; -1: @error is set. */
gssize kml_trace_input_read (KmlTraceInput *self, void *buffer, gsize n, GError **error);

/* The first bytes of the file as stored, without consuming them: fewer than asked for when it is
 * shorter. */
gsize kml_trace_input_peek (KmlTraceInput *self, const guint8 **ret_bytes);

/* The first @n bytes of the stream, decoded, or all of them if it is shorter, without consuming
 * them; zeros follow. A byte order mark before a text is consumed and not among them. Valid until something is read. Once only, before reading begins. */
gboolean kml_trace_input_head (KmlTraceInput *self, gsize n, const char **ret_bytes, gsize *ret_n,
                               GError **error);

const char *
kml_trace_input_compression (const KmlTraceInput *self); /* "none", "gzip", "xz", "zstd" */
const char *kml_trace_input_shown (const KmlTraceInput *self);
double kml_trace_input_progress (const KmlTraceInput *self); /* negative: unknown */
int kml_trace_input_fd (const KmlTraceInput *self);
guint64 kml_trace_input_size (const KmlTraceInput *self); /* of a regular file, else 0 */

G_END_DECLS
