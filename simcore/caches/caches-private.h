/* caches-private.h: how caches are kept in the host's memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A set is an array of words in the order of use, the latest first, so LRU is a move to the front and what has to go is the last
 * word. A word is a line's number and three flags; 0 is no line, and lines stand before gaps. A first-level set of
 * eight ways is one cache line of the host.
 *
 * A line that was written is marked in L1; L2 learns of it when L1 loses the line. So whether a line is modified is a look at
 * both, which only a transfer needs.
 *
 * Emptying. A run that is done again and again begins with empty caches each time. Sets that were filled first
 * are remembered, up to a number, so that emptying takes time for what a run did and not for the size of the caches.
 *
 *   caches.c         references
 *   caches-build.c   making, emptying, checking
 */

#pragma once

#include "simcore/caches/caches.h"

G_BEGIN_DECLS

/* ---- Words ---- */

#define VALID     G_GUINT64_CONSTANT (1)
#define EXCLUSIVE G_GUINT64_CONSTANT (2) /* no other CPU has the line: this one may write it */
#define DIRTY     G_GUINT64_CONSTANT (4) /* and has done so */
#define SHIFT     3

/* Of the directory: the upper bit, a count, and a bit for each group of CPUs. */
#define OWNED       (G_GUINT64_CONSTANT (1) << 63)
#define ONE         (G_GUINT64_CONSTANT (1) << GROUPS)
#define GROUPS      48u
#define GROUPS_MASK (ONE - 1)
#define COUNT(word) ((guint)((word) >> GROUPS & 0x7fff))
#define MAX_TOUCHED 4096u

typedef struct {
  guint64 *entries; /* (owned): of each CPU (or of all), of each set, its words */
  gsize n_bytes;
  guint ways;
  guint64 n_sets;               /* of one CPU */
  guint64 mask;                 /* n_sets - 1; 0: n_sets is no power of two, or 1 */
  guint64 touched[MAX_TOUCHED]; /* sets that were filled from empty: offsets of their words */
  guint n_touched;              /* MAX_TOUCHED: more than are remembered */
} Level;

struct _KmlCaches {
  guint line_shift;
  KmlCacheAccount account;
  KmlTime latency[KML_N_SERVED];
  guint64 *directory; /* (owned): a word for each line */
  gsize directory_bytes;
  KmlCacheCounts counts;
  KmlCachesConfig config;
  guint n_cpus, group; /* CPUs for which one bit of the directory stands */
  guint64 n_lines;
  Level levels[KML_N_CACHES];
};

static inline guint64
line_of (guint64 word)
{
  return word >> SHIFT;
}

static inline guint64 *
set_of (const Level *self, guint cpu, guint64 line)
{
  const guint64 set = self->mask != 0 ? line & self->mask : line % self->n_sets;

  return &self->entries[(cpu * self->n_sets + set) * self->ways];
}

/* Where the line is in its set; ways: nowhere. */
static inline guint
find (const Level *self, const guint64 *set, guint64 line)
{
  const guint64 wanted = line << SHIFT | VALID;
  guint i = 0;

  while (i < self->ways && (set[i] & ~(EXCLUSIVE | DIRTY)) != wanted)
    i++;
  return i;
}

static inline guint64
bit_of (const KmlCaches *self, guint cpu)
{
  return G_GUINT64_CONSTANT (1) << (self->group == 1 ? cpu : cpu / self->group);
}

G_END_DECLS
