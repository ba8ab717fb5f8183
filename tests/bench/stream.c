/* stream.c: operations in memory, and what native malloc makes of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/bench/stream.h"

#include <stdlib.h>
#include <string.h>

void
set_param (gpointer instance, const KmlParam *params, const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;

  if (!kml_param_parse (kml_param_find (params, name), value, instance, &error))
    die (error);
}

/* @timed: operations keep their times. */
static Stream *
read_stream (const char *title, KmlWorkload *workload, gboolean timed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GByteArray) live = g_byte_array_new ();
  Stream *self = g_new0 (Stream, 1);
  KmlOp batch[256];
  int n;

  self->title = g_strdup (title);
  self->ops = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  if (!kml_workload_open (workload, 1, 4, 4096, &error))
    die (error);
  while ((n = workload->ops->next (workload, batch, G_N_ELEMENTS (batch), &error)) > 0) {
    g_array_append_vals (self->ops, batch, (guint)n);
    for (int i = 0; i < n; i++) {
      if (batch[i].block >= self->n_names) {
        self->n_names = batch[i].block + 1;
        g_byte_array_set_size (live, self->n_names);
      }
      live->data[batch[i].block] = batch[i].kind == KML_OP_ALLOC ? 1 + batch[i].level : 0;
    }
  }
  if (n < 0)
    die (error);
  for (guint32 block = 0; block < self->n_names; block++)
    if (live->data[block]) {
      const KmlOp op = { .kind = KML_OP_FREE, .level = live->data[block] - 1u, .block = block };

      g_array_append_val (self->ops, op);
    }
  for (guint i = 0; !timed && i < self->ops->len; i++)
    g_array_index (self->ops, KmlOp, i).time = 0;
  kml_workload_free (workload);
  return self;
}

static Stream *
stream_of_trace (const char *path, const char *title, const char *level, const char *timing)
{
  KmlWorkload *workload = kml_workload_new (kml_workload_find ("trace"), "bench", ".");

  set_param (workload, workload->ops->params, "file", path);
  set_param (workload, workload->ops->params, "timing", timing);
  set_param (workload, workload->ops->params, "level", level);
  return read_stream (title, workload, g_str_equal (timing, "recorded"));
}

Stream *
trace_stream (const char *path, const char *title, const char *level)
{
  return stream_of_trace (path, title, level, "asap");
}

Stream *
timed_trace_stream (const char *path, const char *title, const char *level)
{
  return stream_of_trace (path, title, level, "recorded");
}

Stream *
synthetic_stream (const char *path, const char *live, const char *operations)
{
  KmlWorkload *workload = kml_workload_new (kml_workload_find ("synthetic"), "bench", ".");
  g_autofree char *sizes = g_strdup_printf ("trace(%s)", path);
  g_autofree char *title = g_strdup_printf ("its sizes, %s live", live);

  set_param (workload, workload->ops->params, "sizes", sizes);
  set_param (workload, workload->ops->params, "live", live);
  set_param (workload, workload->ops->params, "operations", operations);
  return read_stream (title, workload, FALSE);
}

double
native_round (const Stream *stream, void **blocks)
{
  const KmlOp *ops = (const KmlOp *)stream->ops->data;
  const guint n = stream->ops->len;
  const double before = cpu_seconds ();

  for (guint i = 0; i < n; i++) {
    if (ops[i].kind == KML_OP_ALLOC) {
      blocks[ops[i].block] = malloc (ops[i].request.size);
      __asm__ volatile("" : : "r"(blocks[ops[i].block]) : "memory");
    } else {
      free (blocks[ops[i].block]);
    }
  }
  return (cpu_seconds () - before) * 1e9 / n;
}

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  const double left = *(const double *)a, right = *(const double *)b;

  return left < right ? -1 : left > right;
}

double
median (double *values, guint n)
{
  qsort (values, n, sizeof *values, compare_doubles);
  return values[n / 2];
}

void
stream_free (Stream *self)
{
  g_array_unref (self->ops);
  g_free (self->title);
  g_free (self);
}
