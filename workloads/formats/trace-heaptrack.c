/* trace-heaptrack.c: what `heaptrack --raw` writes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lines of numbers in hexadecimal, without 0x (this is format 3, of heaptrack 1.4 and later; in formats 1 and 2, of those before, paths have no lengths):
 *
 *   v 10400 3                     version of heaptrack, of the format
 *   x 9 /usr/bin/a                the program: length and path
 *   m 1 -                         the modules that follow are all there are, from now on
 *   m 1 x 5601d50ec000 0 6c0 …    a module: length and path ("x": the program), where it was loaded, and
 *                                 for each segment where it is in there and its length
 *   t 5601d50ed192 7              the next trace: an instruction, and the trace that it was called from
 *   + a 8 5601f6fbb1d0            10 bytes asked for by trace 8, at that address
 *   - 5601f6fbb1d0                given back
 *   c 18                          24 ms have passed since the beginning
 *
 * The traces are numbered from 1 by their order. A call site is the innermost instruction of its trace, that which
 * called malloc(), as "path+0x1192": what addr2line wants.
 *
 * Time. A "c" comes every 10 ms; all events between two of them have the time of the first.
 *
 * Reallocation. heaptrack writes a free and then an allocation, which cannot be told from others.
 *
 * A file that heaptrack_interpret has made of this (which heaptrack does by itself without --raw) says of a free only
 * how large the block was and who had asked for it, not which one it was. It is refused.
 */

#include "workloads/traces/trace-source.h"

#define FORMAT 3 /* the last that is known */

/* A file of nonsense must not fill the memory; real ones stay far below. */
#define MAX_SEGMENTS (1u << 16)
#define MAX_TRACES   (1u << 26)

/* Modules are kept in the order of the file; later ones hide earlier ones at the same place. */
typedef struct {
  guint64 begin, end; /* addresses */
  guint64 base;       /* what addresses in the file count from */
  char *path;         /* (owned): of the first segment of a module; others borrow it */
  const char *shown;  /* (borrowed): the module's path */
} Segment;

typedef struct {
  guint64 ip;
  guint32 site; /* 1 + the number of the call site; 0: not looked up yet */
} Trace;

typedef struct {
  KmlTraceSource base;
  guint64 time_ns;
  gboolean has_lengths; /* of texts: since format 3 */
  char *program;        /* (owned) */
  GArray *segments;     /* (owned) (element-type Segment) */
  GArray *traces;       /* (owned) (element-type Trace): [0] is none */
  guint32 malloc_name, free_name;
} Heaptrack;

/* ---- Words ---- */

/* The next number of a line. FALSE: there is none. */
static gboolean
next_hex (const char **at, const char *end, guint64 *ret_value)
{
  const char *const word = kml_trace_skip_spaces (*at, end);
  const char *const stop = word < end ? kml_trace_source_hex (word, ret_value) : NULL;

  if (stop == NULL || stop > end || (stop < end && *stop != ' '))
    return FALSE;
  *at = stop;
  return TRUE;
}

/* A text behind its length; without one, the next word. NULL: there is none. */
static char *
next_text (const Heaptrack *self, const char **at, const char *end)
{
  guint64 length;
  char *text;

  if (self->has_lengths ? !next_hex (at, end, &length) || *at == end : end - *at < 2)
    return NULL;
  if (!self->has_lengths)
    length = (guint64)(kml_trace_find (*at + 1, end, ' ') - *at - 1);
  if (length > (guint64)(end - *at - 1))
    return NULL;
  text = g_strndup (*at + 1, length);
  *at += 1 + length;
  return text;
}

static gboolean
malformed (Heaptrack *self, const char *line, const char *end, const char *reason)
{
  kml_trace_feed_malformed (&self->base.feed, self->base.lines.number, line, end, reason);
  return TRUE;
}

/* ---- Modules and traces ---- */

static void
clear_segment (gpointer data)
{
  g_free (((Segment *)data)->path);
}

static const char *
expected_module (const Heaptrack *self)
{
  return self->has_lengths ? "expected m LENGTH PATH ADDRESS …" : "expected m PATH ADDRESS …";
}

static gboolean
take_module (Heaptrack *self, const char *line, const char *end)
{
  const char *at = line + 1;
  char *path = next_text (self, &at, end);
  guint64 base, offset, length;
  Segment segment = { 0 };

  if (path == NULL || self->segments->len > MAX_SEGMENTS) {
    g_free (path);
    return malformed (self, line, end, expected_module (self));
  }
  if (strcmp (path, "-") == 0) {
    g_free (path);
    g_array_set_size (self->segments, 0);
    return TRUE;
  }
  if (!next_hex (&at, end, &base)) {
    g_free (path);
    return malformed (self, line, end, expected_module (self));
  }
  segment.path = path;
  segment.shown = strcmp (path, "x") == 0 && self->program != NULL ? self->program : path;
  segment.base = base;
  /* the first entry is empty and holds the path, so that it is freed once */
  g_array_append_val (self->segments, segment);
  segment.path = NULL;
  while (next_hex (&at, end, &offset) && next_hex (&at, end, &length)) {
    segment.begin = base + offset;
    segment.end = segment.begin + length;
    g_array_append_val (self->segments, segment);
  }
  return TRUE;
}

static const Segment *
find_segment (const Heaptrack *self, guint64 ip)
{
  for (guint i = self->segments->len; i > 0; i--) {
    const Segment *segment = &g_array_index (self->segments, Segment, i - 1);

    if (ip - segment->begin < segment->end - segment->begin)
      return segment;
  }
  return NULL;
}

static guint32
site_of (Heaptrack *self, guint64 number)
{
  Trace *const trace = number > 0 && number < self->traces->len
                           ? &g_array_index (self->traces, Trace, number)
                           : NULL;
  g_autofree char *text = NULL;
  const Segment *segment;

  if (trace == NULL)
    return 0;
  if (trace->site == 0) {
    segment = find_segment (self, trace->ip);
    text = segment != NULL ? g_strdup_printf ("%s+0x%" G_GINT64_MODIFIER "x", segment->shown,
                                              trace->ip - segment->base)
                           : g_strdup_printf ("0x%" G_GINT64_MODIFIER "x", trace->ip);
    trace->site = 1 + kml_trace_feed_site (&self->base.feed, text, strlen (text));
  }
  return trace->site - 1;
}

static gboolean
take_trace (Heaptrack *self, const char *line, const char *end, GError **error)
{
  const char *at = line + 1;
  Trace trace = { 0 };
  guint64 parent;

  if (self->traces->len > MAX_TRACES)
    return kml_trace_source_refuse (&self->base, error, "more traces than a program has");
  /* a bad one is kept as well, or those after it would have wrong numbers */
  if (!next_hex (&at, end, &trace.ip) || !next_hex (&at, end, &parent))
    malformed (self, line, end, "expected t ADDRESS TRACE");
  else if (parent >= self->traces->len)
    malformed (self, line, end, "a trace that was called from one that is not there");
  g_array_append_val (self->traces, trace);
  return TRUE;
}

/* ---- Events ---- */

static gboolean
take_alloc (Heaptrack *self, const char *line, const char *end, GError **error)
{
  KmlTraceLine *const event = kml_trace_feed_line (&self->base.feed);
  const char *at = line + 1;
  guint64 size, trace;

  if (!next_hex (&at, end, &size) || !next_hex (&at, end, &trace) ||
      !next_hex (&at, end, &event->key) || at != end)
    return malformed (self, line, end, "expected + SIZE TRACE ADDRESS");
  if (trace >= self->traces->len)
    return malformed (self, line, end, "asked for by a trace that is not there");
  if (!kml_trace_source_set_size (&self->base, event, size))
    return malformed (self, line, end, "the size is above 4 GiB");
  event->record = KML_TRACE_KMALLOC;
  event->name = self->malloc_name;
  event->failed = event->key == 0;
  event->site = site_of (self, trace);
  event->time_ns = self->time_ns;
  return kml_trace_feed_add (&self->base.feed, error);
}

static gboolean
take_free (Heaptrack *self, const char *line, const char *end, GError **error)
{
  KmlTraceLine *const event = kml_trace_feed_line (&self->base.feed);
  const char *at = line + 1;

  if (!next_hex (&at, end, &event->key) || at != end)
    return malformed (self, line, end, "expected - ADDRESS");
  event->record = KML_TRACE_KFREE;
  event->name = self->free_name;
  event->time_ns = self->time_ns;
  return kml_trace_feed_add (&self->base.feed, error);
}

static gboolean
take_time (Heaptrack *self, const char *line, const char *end)
{
  const char *at = line + 1;
  guint64 ms;

  if (!next_hex (&at, end, &ms) || ms > KML_TIME_MAX / KML_MS)
    return malformed (self, line, end, "expected c MILLISECONDS");
  self->time_ns = ms * (KML_MS / KML_NS);
  return TRUE;
}

static gboolean
take_version (Heaptrack *self, const char *line, const char *end, GError **error)
{
  const char *at = line + 1;
  guint64 version, format;

  if (next_hex (&at, end, &version) && next_hex (&at, end, &format) && format >= 1 &&
      format <= FORMAT) {
    self->has_lengths = format >= 3;
    return TRUE;
  }
  return kml_trace_source_refuse (&self->base, error, "not format 1 to %d of heaptrack", FORMAT);
}

/* Without a length, the program's path is all of the line. */
static gboolean
take_program (Heaptrack *self, const char *line, const char *end)
{
  const char *at = line + 1;

  g_free (self->program);
  self->program = self->has_lengths || end - at < 2 ? next_text (self, &at, end)
                                                    : g_strndup (at + 1, (gsize)(end - at - 1));
  return self->program != NULL ||
         malformed (self, line, end,
                    self->has_lengths ? "expected x LENGTH PATH" : "expected x PATH");
}

static gboolean
heaptrack_line (KmlTraceSource *base, const char *line, const char *end, GError **error)
{
  Heaptrack *const self = (Heaptrack *)base;

  if (line == end)
    return TRUE;
  switch (*line) {
  case '+':
    return take_alloc (self, line, end, error);
  case '-':
    return take_free (self, line, end, error);
  case 't':
    return take_trace (self, line, end, error);
  case 'c':
    return take_time (self, line, end);
  case 'm':
    return take_module (self, line, end);
  case 'v':
    return take_version (self, line, end, error);
  case 'x':
    return take_program (self, line, end);
  case 's':
  case 'i':
  case 'a':
    return kml_trace_source_refuse (
        base, error,
        "heaptrack has interpreted this file, so it does not say which block a free gives back: "
        "record with heaptrack --raw");
  case '#': /* a comment */
  case 'A': /* heaptrack was attached to a running program */
  case 'I': /* page size and RAM */
  case 'R': /* resident pages */
  case 'S': /* a suppression */
  case 'X': /* the command */
    return TRUE;
  default:
    return malformed (self, line, end, "no line of heaptrack");
  }
}

/* ---- The source ---- */

/* "v 10400 3", which hardly anything else begins with. */
static gboolean
heaptrack_recognises (const char *head, gsize n)
{
  const char *const newline = memchr (head, '\n', n);
  const char *at = head + 1;
  guint64 version, format;

  return newline != NULL && *head == 'v' && next_hex (&at, newline, &version) &&
         next_hex (&at, newline, &format) && at == newline;
}

static gboolean
heaptrack_open (KmlTraceSource *base, GError **error)
{
  Heaptrack *const self = (Heaptrack *)base;
  const Trace none = { 0 };

  (void)error; /* nothing here can fail */
  self->malloc_name = kml_trace_feed_name (&base->feed, "malloc", 6, TRUE);
  self->free_name = kml_trace_feed_name (&base->feed, "free", 4, TRUE);
  self->segments = g_array_new (FALSE, FALSE, sizeof (Segment));
  g_array_set_clear_func (self->segments, clear_segment);
  self->traces = g_array_new (FALSE, FALSE, sizeof (Trace));
  g_array_append_val (self->traces, none);
  return TRUE;
}

static void
heaptrack_close (KmlTraceSource *base)
{
  Heaptrack *const self = (Heaptrack *)base;

  g_clear_pointer (&self->segments, g_array_unref);
  g_clear_pointer (&self->traces, g_array_unref);
  g_free (self->program);
}

static const KmlTraceSourceOps heaptrack_source = {
  .name = "heaptrack",
  .summary = "what `heaptrack --raw` writes",
  .instance_size = sizeof (Heaptrack),
  .recognises = heaptrack_recognises,
  .open = heaptrack_open,
  .line = heaptrack_line,
  .close = heaptrack_close,
};

KML_REGISTER_TRACE_SOURCE (heaptrack_source)
