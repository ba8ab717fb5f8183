/* trace-shape.c: learning what lines are like.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Recognising them is in the header: it is done for each line of a recording.
 *
 * There is room for MAX_SHAPES at most. Recordings of a whole boot have some thousand, and those that are in
 * use at any one time are much fewer, so when there is no more room, all are forgotten.
 */

#include "workloads/traces/trace-shape.h"

#define MAX_SHAPES  (KML_TRACE_SHAPES_INDEX / 2)
#define FEW_SHAPES  64 /* MAX_SHAPES is this by a power of two */
#define MANY_OTHERS 64 /* lines of another length say that the length has changed */

/* ---- Tasks ---- */

void
kml_trace_tasks_learn (KmlTraceTasks *self, const char *line, gsize length,
                       const KmlTraceLine *read)
{
  KmlTraceTask *task;

  if (length < 8 || length > KML_TRACE_TASK_TEXT)
    return;
  if (length != self->length) {
    if (self->length != 0 && ++self->n_others < MANY_OTHERS)
      return;
    memset (self, 0, sizeof *self);
    self->length = (guint32)length;
    self->mask = kml_trace_mask (length);
  }
  task = kml_trace_tasks_place (self, line);
  task->pid = read->pid;
  task->cpu = read->cpu;
  task->context = read->context;
  task->is_known = TRUE;
  memset (task->text, 0, sizeof task->text);
  memcpy (task->text, line, length);
}

/* ---- Times ---- */

gboolean
kml_trace_second_learn (KmlTraceSecond *self, const char *at, const char **ret_at,
                        guint64 *ret_time_ns)
{
  guint64 seconds;
  const char *point;

  if (!kml_trace_read_seconds (at, ret_at, ret_time_ns) ||
      !kml_trace_read_decimal (at, &point, &seconds))
    return FALSE;
  self->length = 0;
  if (point - at < 8) {
    self->length = (guint)(point - at) + 1;
    self->mask = G_MAXUINT64 >> (64 - 8 * self->length);
    self->text = kml_trace_load_word (at) & self->mask;
    self->begin_ns = seconds * 1000000000;
  }
  return TRUE;
}

/* ---- Heads and tails ---- */

void
kml_trace_shapes_init (KmlTraceShapes *self)
{
  G_STATIC_ASSERT (KML_TRACE_SHAPE_TEXT <= KML_TRACE_MASKED);
  G_STATIC_ASSERT (KML_TRACE_TASK_TEXT <= KML_TRACE_MASKED);
  G_STATIC_ASSERT (KML_TRACE_PADDING >= KML_TRACE_SHAPE_TEXT + 32);

  self->n_room = FEW_SHAPES;
  self->shapes = g_new (KmlTraceShape, self->n_room);
  self->index = g_new0 (guint16, KML_TRACE_SHAPES_INDEX);
  self->n = 0;
  self->site_at = 0;
}

void
kml_trace_shapes_finish (KmlTraceShapes *self)
{
  g_clear_pointer (&self->shapes, g_free);
  g_clear_pointer (&self->index, g_free);
}

/* The length of the line's newline at its end; 0: it has none. */
static gsize
newline_length (const char *end)
{
  if (end[0] == '\r')
    return end[1] == '\n' ? 2 : 0;
  return end[0] == '\n' ? 1 : 0;
}

void
kml_trace_shape_learn_tail (KmlTraceShape *self, const char *tail, const char *end,
                            const KmlTraceLine *whole)
{
  const gsize newline = newline_length (end), length = (gsize)(end - tail) + newline;

  self->tail_length = 0;
  if (newline == 0 || length > sizeof self->tail || (tail < end && *tail != ' ')) /* H2 */
    return;
  self->tail_length = (guint16)length;
  self->tail_mask = kml_trace_mask (length);
  self->whole = *whole;
  memset (self->tail, 0, sizeof self->tail);
  memcpy (self->tail, tail, length);
}

/* A place in the index for a shape with this hash; NULL: too many are like it. */
static guint16 *
find_room (KmlTraceShapes *self, guint32 hash)
{
  for (guint i = 0; i < KML_TRACE_SHAPES_PROBES; i++) {
    guint16 *const number = &self->index[(hash + i) & (KML_TRACE_SHAPES_INDEX - 1)];

    if (*number == 0)
      return number;
  }
  return NULL;
}

/* Forgets all. */
static void
clear (KmlTraceShapes *self, guint site_at)
{
  memset (self->index, 0, KML_TRACE_SHAPES_INDEX * sizeof *self->index);
  self->n = 0;
  self->site_at = site_at;
}

/* Where in a head the call site begins: behind the first '(' or '=' that is not in the name. */
static guint
find_site (const char *head, gsize length)
{
  for (guint at = KML_TRACE_SHAPE_NAMED - 2; at < length; at++)
    if (head[at] == '(' || head[at] == '=')
      return at + 1;
  return 0;
}

/* Whether there are no bytes in the hash that are not the head's (H1). */
static gboolean
can_be_hashed (KmlTraceShapes *self, const KmlTraceParts *parts, gsize length)
{
  const gsize longest = length + 8; /* the upper half of an address is the same for all */
  guint site;

  if (length > KML_TRACE_SHAPE_TEXT)
    return FALSE;
  if (parts->kind != KML_TRACE_KEY_ADDRESS)
    return length >= KML_TRACE_SHAPE_NAMED;
  site = find_site (parts->head, length);
  if (site == 0 || site + KML_TRACE_SHAPE_HASHED > longest)
    return FALSE;
  if (self->site_at == 0 || self->site_at + KML_TRACE_SHAPE_HASHED > longest)
    clear (self, site); /* which comes ever earlier */
  return TRUE;
}

static guint32
hash_of (const KmlTraceShapes *self, const KmlTraceParts *parts)
{
  guint64 hash = kml_trace_shape_hash_name (parts->head);

  if (parts->kind == KML_TRACE_KEY_ADDRESS)
    hash += kml_trace_shape_hash_site (parts->head + self->site_at);
  return kml_trace_shape_hash_end (hash);
}

static KmlTraceShape *
new_shape (KmlTraceShapes *self, const KmlTraceParts *parts, gsize length)
{
  KmlTraceShape *shape;
  guint16 *number;
  guint32 hash;

  if (!can_be_hashed (self, parts, length))
    return NULL;
  if (self->n == MAX_SHAPES)
    clear (self, self->site_at);
  if (self->n == self->n_room) {
    self->n_room *= 2;
    self->shapes = g_renew (KmlTraceShape, self->shapes, self->n_room);
  }
  hash = hash_of (self, parts);
  number = find_room (self, hash);
  if (number == NULL)
    return NULL;
  shape = &self->shapes[self->n++];
  *number = (guint16)self->n;
  memset (shape, 0, sizeof *shape);
  shape->hash = hash;
  shape->key = parts->kind;
  shape->head_length = (guint16)length;
  shape->head_mask = kml_trace_mask (length);
  shape->has = parts->has;
  shape->at_key = parts->at_key;
  memcpy (shape->head, parts->head, length);
  return shape;
}

void
kml_trace_shapes_learn (KmlTraceShapes *self, const KmlTraceParts *parts, const KmlTraceLine *whole)
{
  KmlTraceShape *shape = kml_trace_shapes_find (self, parts->head);

  if (shape == NULL)
    shape = new_shape (self, parts, (gsize)(parts->key - parts->head));
  if (shape == NULL)
    return;
  shape->whole = *whole;
  if (parts->kind != KML_TRACE_KEY_NONE)
    kml_trace_shape_learn_tail (shape, parts->tail, parts->end, whole);
}
