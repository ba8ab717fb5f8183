/* trace-shape.h: lines that are like earlier ones, known by comparing.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Shapes. Nearly every line of a recording is made of three texts that were read before, and of
 *    two numbers that were not:
 *
 *         cat-312   0..... 27.040384: kfree: (f+0x189) call_site=f+0x189 ptr=0xffff… name=filp
 *    |—— task ———————————||— time ——||— head ————————————————————————————————|—key—||— tail ——|
 *
 *    What such a text means is remembered with it: a *task* text is a PID, a CPU and a context, a
 *    *head* an event and a call site, and the head's last *tail* a cache, or sizes and flags. So a
 *    line is read by finding and comparing texts, without looking for where anything begins or ends.
 *    The tail includes the newline, which need not be looked for either.
 *
 *    The key of an event of pages is the frame number, with the page's address before it, which says
 *    nothing. Events of which only the name matters have neither key nor tail.
 *
 * 2. It is only ever a short way. What is learned was read by the format's own parser, and a line
 *    of which any byte differs from what is known is read by that parser, too: the short way has no
 *    syntax of its own. What the parser finds in a line must be the meanings of the parts put
 *    together, hence the conditions under which shapes are learned.
 *
 * 3. Finding a head. Its length is not known before it is found, so the hash is of bytes whose
 *    places are: the event's name and, if the key is an address, KML_TRACE_SHAPE_HASHED bytes from
 *    where call sites begin, which is learned, too. Heads that begin alike are told apart by
 *    comparing.
 *
 * 4. Comparing. A loop that ends after a different count each time costs more than what it saves,
 *    so texts are compared over their whole room, and what lies behind them is masked away. Where
 *    a length can be foreseen (that of tasks is the same for most lines, addresses have sixteen
 *    digits and times six), it is checked and not computed: then the processor need not wait for it
 *    to go on.
 *
 * Invariants
 *   H1  the key is not among the bytes of which a head's hash is made, except its upper half
 *   H2  a tail begins with what ends a field, and its last byte is the line's newline
 *   H3  the bytes that may be looked at behind the end of a recording are zeros, so no number is
 *       found there, and no text that ends with a newline
 */

#pragma once

#include "workloads/traces/trace-line.h"
#include "workloads/traces/trace-walk.h"

G_BEGIN_DECLS

#define KML_TRACE_TASK_TEXT  64  /* bytes of a task's text: padding, comm, PID, CPU, flags */
#define KML_TRACE_SHAPE_TEXT 128 /* of a head, and of a tail: at most KML_TRACE_MASKED */

#define KML_TRACE_N_TASKS 128 /* a power of two */

typedef struct {
  guint32 pid;
  guint16 cpu;
  guint8 context;                 /* KmlContext */
  guint8 is_known;                /* the others mean something */
  char text[KML_TRACE_TASK_TEXT]; /* up to the time; zeros behind it */
} KmlTraceTask;

/* Those that were met last. Their texts are all of the length that most lines have. Zeroed: none. */
typedef struct {
  KmlTraceTask known[KML_TRACE_N_TASKS];
  guint32 length;   /* 0, or at least 8 */
  guint32 n_others; /* lines that were of another length */
  const char *mask; /* for texts of this length */
} KmlTraceTasks;

/* The last time's seconds and point, up to eight bytes: the next line is mostly of the same second.
 */
typedef struct {
  guint64 text, mask; /* zeros behind the text */
  guint64 begin_ns;
  guint length; /* 0: nothing is known */
} KmlTraceSecond;

/* What stands between head and tail. */
typedef enum {
  KML_TRACE_KEY_ADDRESS, /* "0xffff88800852f400", "ffff88800852f400" or "(nil)" */
  KML_TRACE_KEY_FRAME,   /* "0x811f" */
  KML_TRACE_KEY_PAGE,    /* "0xffffffff8241d84f pfn=0x811f" */
  KML_TRACE_KEY_NONE,    /* anything, up to the newline */
} KmlTraceKey;

typedef struct {
  guint32 hash;
  guint32 key;         /* KmlTraceKey */
  guint16 head_length; /* from the colon behind the time to the key */
  guint16 tail_length; /* 0: none is known */
  guint32 has;         /* the fields that the head has */
  const char *head_mask, *tail_mask;
  KmlTraceLine at_key; /* what the head says */
  KmlTraceLine whole;  /* what head and tail say */
  char head[KML_TRACE_SHAPE_TEXT];
  char tail[KML_TRACE_SHAPE_TEXT];
} KmlTraceShape;

typedef struct {
  /* (owned) (array length=n_room): the first @n are known; learning moves them */
  KmlTraceShape *shapes;
  guint16 *index; /* (owned): open addressing; 1 + a number of a shape, 0: nothing */
  guint n, n_room;
  guint site_at; /* where in a head call sites begin, or a little before */
} KmlTraceShapes;

#define KML_TRACE_SHAPES_INDEX  8192 /* a power of two, at most half full */
#define KML_TRACE_SHAPES_PROBES 8    /* a search that meets so many others gives up */

/* ---- Tasks ---- */

/* Where the task that @line begins with would be. */
static inline KmlTraceTask *
kml_trace_tasks_place (KmlTraceTasks *self, const char *line)
{
  const guint64 words = kml_trace_load_word (line + 8) + kml_trace_load_word (line + 16) * 5 +
                        kml_trace_load_word (line + self->length - 8) * 7;
  const guint64 hash = words * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);

  return &self->known[hash >> 32 & (KML_TRACE_N_TASKS - 1)];
}

/* The task with whose text @line begins; NULL: it is not known. */
static inline const KmlTraceTask *
kml_trace_tasks_find (KmlTraceTasks *self, const char *line)
{
  const KmlTraceTask *task;

  if (G_UNLIKELY (self->length == 0))
    return NULL;
  task = kml_trace_tasks_place (self, line);
  if (!kml_trace_stands_at (task->text, self->mask, line, KML_TRACE_TASK_TEXT) || !task->is_known)
    return NULL;
  return task;
}

/* The first @length bytes of @line, up to the time, say what @read says. */
void kml_trace_tasks_learn (KmlTraceTasks *self, const char *line, gsize length,
                            const KmlTraceLine *read);

/* ---- Times ---- */

/* kml_trace_read_seconds(), which remembers the second. */
gboolean kml_trace_second_learn (KmlTraceSecond *self, const char *at, const char **ret_at,
                                 guint64 *ret_time_ns);

/* The same in a shorter way if it is the second that was remembered. */
static inline gboolean
kml_trace_second_read (KmlTraceSecond *self, const char *at, const char **ret_at,
                       guint64 *ret_time_ns)
{
  guint64 fraction_ns;

  if (G_UNLIKELY (self->length == 0 || ((kml_trace_load_word (at) ^ self->text) & self->mask) != 0))
    return kml_trace_second_learn (self, at, ret_at, ret_time_ns);
  at += self->length;
  if (G_LIKELY (kml_trace_read_micros (at, &fraction_ns)))
    *ret_at = at + 6;
  else if (!kml_trace_read_fraction (at, ret_at, &fraction_ns))
    return FALSE;
  *ret_time_ns = self->begin_ns + fraction_ns;
  return TRUE;
}

/* ---- Heads and tails ---- */

#define KML_TRACE_SHAPE_NAMED  18 /* the end of what is hashed of the name */
#define KML_TRACE_SHAPE_HASHED 24 /* bytes of the call site */

/* Odd constants with well mixed bits: the golden ratio's, and xxHash's primes. */
static inline guint64
kml_trace_shape_hash_name (const char *head)
{
  return (kml_trace_load_word (head + 2) ^ kml_trace_load_word (head + 10) << 1) *
         G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
}

static inline guint64
kml_trace_shape_hash_site (const char *site)
{
  return kml_trace_load_word (site) * G_GUINT64_CONSTANT (0xc2b2ae3d27d4eb4f) +
         kml_trace_load_word (site + 8) * G_GUINT64_CONSTANT (0x165667b19e3779f9) +
         kml_trace_load_word (site + 16) * G_GUINT64_CONSTANT (0x9e3779b185ebca87);
}

static inline guint32
kml_trace_shape_hash_end (guint64 hash)
{
  return (guint32)((hash ^ hash >> 32) * G_GUINT64_CONSTANT (0x27d4eb2f165667c5) >> 32);
}

/* Whether a text of a shape stands at @at; most are not longer than @usual. */
static inline gboolean
kml_trace_shape_stands_at (const char *text, const char *mask, guint length, const char *at,
                           guint usual)
{
  return kml_trace_stands_at (text, mask, at, usual) &&
         (length <= usual || kml_trace_stands_at (text + usual, mask + usual, at + usual,
                                                  KML_TRACE_SHAPE_TEXT - usual));
}

static inline KmlTraceShape *
kml_trace_shapes_search (const KmlTraceShapes *self, const char *at, guint32 hash)
{
  for (guint i = 0; i < KML_TRACE_SHAPES_PROBES; i++) {
    const guint number = self->index[(hash + i) & (KML_TRACE_SHAPES_INDEX - 1)];
    KmlTraceShape *shape;

    if (number == 0)
      return NULL;
    shape = &self->shapes[number - 1];
    if (shape->hash == hash &&
        kml_trace_shape_stands_at (shape->head, shape->head_mask, shape->head_length, at, 96))
      return shape;
  }
  return NULL;
}

/* The shape whose head stands at @at, the colon behind the time. NULL: none is known. */
static inline KmlTraceShape *
kml_trace_shapes_find (const KmlTraceShapes *self, const char *at)
{
  const guint64 name = kml_trace_shape_hash_name (at);
  const guint64 site = kml_trace_shape_hash_site (at + self->site_at);
  KmlTraceShape *const shape = kml_trace_shapes_search (self, at,
                                                        kml_trace_shape_hash_end (name + site));

  if (G_LIKELY (shape != NULL))
    return shape;
  return kml_trace_shapes_search (self, at, kml_trace_shape_hash_end (name));
}

/* Whether the shape's tail stands at @at. */
static inline gboolean
kml_trace_shape_has_tail (const KmlTraceShape *self, const char *at)
{
  return self->tail_length > 0 &&
         kml_trace_shape_stands_at (self->tail, self->tail_mask, self->tail_length, at, 32);
}

/* A line that was read, in parts: the head from the colon behind the time on, the key, and the tail
 * from @tail to @end, behind which is the newline. @at_key is what was known before the key was
 * read, and @has are the fields. */
typedef struct {
  const char *head, *key, *tail, *end;
  KmlTraceKey kind;
  guint has;
  KmlTraceLine at_key;
} KmlTraceParts;

/* @whole is what the line says. It must have no other key. */
void kml_trace_shapes_learn (KmlTraceShapes *self, const KmlTraceParts *parts,
                             const KmlTraceLine *whole);

/* The same for the tail alone, of a head that is known. */
void kml_trace_shape_learn_tail (KmlTraceShape *self, const char *tail, const char *end,
                                 const KmlTraceLine *whole);

void kml_trace_shapes_init (KmlTraceShapes *self);
void kml_trace_shapes_finish (KmlTraceShapes *self);

G_END_DECLS
