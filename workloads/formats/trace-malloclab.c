/* trace-malloclab.c: .rep files, the traces of the malloc exercise of many courses.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   20000         suggested heap, or (since about 2010) a weight
 *   3             number of ids
 *   6             number of operations
 *   1             weight, or a limit of the heap
 *   a 0 512       ask for 512 bytes and call them 0
 *   a 1 128
 *   r 0 640       reallocate
 *   f 1           free
 *   f -1          free (NULL)
 *   f 0
 *
 * Bryant, O'Hallaron, "Computer Systems: A Programmer's Perspective", chapter 9. The two orders of the four
 * numbers differ in the first and the last, which say how a student is graded; the two between, which say what the
 * file holds, are the same. So both orders are read alike, and the numbers of ids and of operations are
 * held against the file: one that was cut must not look like a short one.
 *
 * There are neither times, threads nor call sites: each operation comes a microsecond after the one before. A reallocation is
 * a free and then an allocation of the same id; to 0 bytes it is a free alone.
 */

#include "workloads/traces/trace-source.h"

#include <string.h>

#define N_HEADER  4
#define KEY_SHIFT 5 /* ids as addresses: none is NULL, or what a kernel gives for 0 bytes */

typedef struct {
  KmlTraceSource base;
  guint64 header[N_HEADER];
  guint n_header;
  guint64 n_operations;
  guint32 malloc_name, free_name, old_name, realloc_name;
} Malloclab;

#define N_IDS(self)        ((self)->header[1])
#define N_OPERATIONS(self) ((self)->header[2])

/* A decimal number, blanks before it. NULL: there is none. */
static const char *
read_count (const char *at, const char *end, guint64 *ret_value)
{
  at = kml_trace_skip_spaces (at, end);
  if (at == end || !kml_trace_read_decimal (at, &at, ret_value))
    return NULL;
  return at == end || *at == ' ' || *at == '\t' ? at : NULL;
}

static gboolean
is_blank (const char *at, const char *end)
{
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  return at == end;
}

/* ---- Recognition ---- */

/* The end of the line that begins at @at. */
static const char *
end_of_line (const char *at, const char *end)
{
  const char *const newline = memchr (at, '\n', (gsize)(end - at));

  return newline != NULL ? newline : end;
}

/* Four numbers, then an operation. */
static gboolean
malloclab_recognises (const char *head, gsize n)
{
  const char *const end = head + n;
  guint n_numbers = 0;

  for (const char *at = head; at < end; at = end_of_line (at, end) + 1) {
    const char *stop = end_of_line (at, end);
    guint64 value;

    if (stop > at && stop[-1] == '\r')
      stop--;
    if (is_blank (at, stop))
      continue;
    if (n_numbers == N_HEADER)
      return stop - at > 2 && strchr ("arf", *at) != NULL && at[1] == ' ';
    for (; !is_blank (at, stop); n_numbers++) {
      at = read_count (at, stop, &value);
      if (at == NULL || n_numbers == N_HEADER)
        return FALSE;
    }
  }
  return FALSE;
}

/* ---- Lines ---- */

static gboolean
malloclab_open (KmlTraceSource *base, GError **error)
{
  Malloclab *const self = (Malloclab *)base;

  (void)error; /* nothing here can fail */
  self->malloc_name = kml_trace_feed_name (&base->feed, "malloc", 6, TRUE);
  self->free_name = kml_trace_feed_name (&base->feed, "free", 4, TRUE);
  self->old_name = kml_trace_feed_name (&base->feed, KML_TRACE_OLD_BLOCK,
                                        strlen (KML_TRACE_OLD_BLOCK), TRUE);
  self->realloc_name = kml_trace_feed_name (&base->feed, "realloc", 7, TRUE);
  return TRUE;
}

static gboolean
take_header (Malloclab *self, const char *line, const char *end, GError **error)
{
  while (!is_blank (line, end)) {
    if (self->n_header == N_HEADER)
      return kml_trace_source_refuse (&self->base, error, "expected four numbers at the beginning");
    line = read_count (line, end, &self->header[self->n_header++]);
    if (line == NULL)
      return kml_trace_source_refuse (&self->base, error,
                                      "expected a number, the %u. of the four at the beginning",
                                      self->n_header);
  }
  return TRUE;
}

static gboolean
malformed (Malloclab *self, const char *line, const char *end, const char *reason)
{
  kml_trace_feed_malformed (&self->base.feed, self->base.lines.number, line, end, reason);
  return TRUE;
}

static gboolean
push (Malloclab *self, KmlTraceRecord record, guint32 name, guint64 id, guint64 size,
      GError **error)
{
  KmlTraceLine *const event = kml_trace_feed_line (&self->base.feed);

  event->record = (guint8)record;
  event->name = name;
  event->key = (id + 1) << KEY_SHIFT;
  if (record == KML_TRACE_KMALLOC)
    kml_trace_source_set_size (&self->base, event, size);
  return kml_trace_feed_add_untimed (&self->base.feed, error);
}

/* free (NULL) */
static gboolean
push_null (Malloclab *self, GError **error)
{
  KmlTraceLine *const event = kml_trace_feed_line (&self->base.feed);

  event->record = KML_TRACE_KFREE;
  event->name = self->free_name;
  return kml_trace_feed_add_untimed (&self->base.feed, error);
}

static gboolean
reallocate (Malloclab *self, guint64 id, guint64 size, GError **error)
{
  if (!push (self, KML_TRACE_KFREE, size == 0 ? self->realloc_name : self->old_name, id, 0, error))
    return FALSE;
  self->base.feed.info->counts[KML_TRACE_N_REALLOCS]++;
  return size == 0 || push (self, KML_TRACE_KMALLOC, self->realloc_name, id, size, error);
}

static gboolean
malloclab_line (KmlTraceSource *base, const char *line, const char *end, GError **error)
{
  Malloclab *const self = (Malloclab *)base;
  const char *at;
  guint64 id, size = 0;

  if (is_blank (line, end))
    return TRUE;
  if (self->n_header < N_HEADER)
    return take_header (self, line, end, error);

  self->n_operations++;
  if (end - line < 3 || strchr ("arf", *line) == NULL || line[1] != ' ')
    return malformed (self, line, end, "expected a ID BYTES, r ID BYTES or f ID");
  if (*line == 'f' && KML_TRACE_STARTS (line, "f -1") && is_blank (line + 4, end))
    return push_null (self, error);
  at = read_count (line + 2, end, &id);
  if (at != NULL && *line != 'f')
    at = read_count (at, end, &size);
  if (at == NULL || !is_blank (at, end))
    return malformed (self, line, end, "expected a ID BYTES, r ID BYTES or f ID");
  if (id >= N_IDS (self))
    return malformed (self, line, end, "the id is not below the number of ids at the beginning");
  if (size > G_MAXUINT32)
    return malformed (self, line, end, "the size is above 4 GiB");

  if (*line == 'a')
    return push (self, KML_TRACE_KMALLOC, self->malloc_name, id, size, error);
  if (*line == 'f')
    return push (self, KML_TRACE_KFREE, self->free_name, id, 0, error);
  return reallocate (self, id, size, error);
}

static gboolean
malloclab_end (KmlTraceSource *base, GError **error)
{
  const Malloclab *const self = (const Malloclab *)base;

  if (self->n_header == N_HEADER && self->n_operations == N_OPERATIONS (self))
    return TRUE;
  return kml_trace_source_refuse (base, error,
                                  "the file has %" G_GUINT64_FORMAT
                                  " operations, and its beginning says %" G_GUINT64_FORMAT,
                                  self->n_operations, N_OPERATIONS (self));
}

static const KmlTraceSourceOps malloclab_source = {
  .name = "malloclab",
  .summary = "a .rep file of the malloc exercise",
  .instance_size = sizeof (Malloclab),
  .recognises = malloclab_recognises,
  .open = malloclab_open,
  .line = malloclab_line,
  .end = malloclab_end,
};

KML_REGISTER_TRACE_SOURCE (malloclab_source)
