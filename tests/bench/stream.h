/* stream.h: operations in memory, for benchmarks that compare with native malloc.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/workload.h"
#include "tests/bench/bench.h"

G_BEGIN_DECLS

typedef struct {
  char *title;
  /* (element-type KmlOp): without times unless it says so; all blocks are given back in the end */
  GArray *ops;
  guint32 n_names;
} Stream;

/* The operations of a trace, "objects" or "pages"; the same at their recorded times; and requests of its sizes, with so many live. */
Stream *trace_stream (const char *path, const char *title, const char *level);
Stream *timed_trace_stream (const char *path, const char *title, const char *level);
Stream *synthetic_stream (const char *path, const char *live, const char *operations);
void stream_free (Stream *self);

/* ns an operation of malloc() and free(). @blocks has room for all names. */
double native_round (const Stream *stream, void **blocks);

/* Sorts @values. */
double median (double *values, guint n);

void set_param (gpointer instance, const KmlParam *params, const char *name, const char *value);

G_END_DECLS
