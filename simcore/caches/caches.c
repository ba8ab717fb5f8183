/* caches.c: looking lines up, moving them, keeping them coherent.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The theory is in caches.h.
 */

#include "simcore/caches/caches-private.h"

/* ---- Sets ---- */

static inline void
put_in_front (guint64 *set, guint from, guint64 word)
{
  for (; from > 0; from--)
    set[from] = set[from - 1];
  set[0] = word;
}

static inline void
take_out (const Level *self, guint64 *set, guint i)
{
  for (; i + 1 < self->ways; i++)
    set[i] = set[i + 1];
  set[i] = 0;
}

/* Returns the word that had to go, or 0. */
static inline guint64
put_in (Level *self, guint64 *set, guint64 word)
{
  const guint64 gone = set[self->ways - 1];

  if (G_UNLIKELY (set[0] == 0) && self->n_touched < MAX_TOUCHED)
    self->touched[self->n_touched++] = (guint64)(set - self->entries);
  put_in_front (set, self->ways - 1, word);
  return gone;
}

/* ---- The directory ---- */

/* A CPU's caches lose the line. 0: it had none. */
static guint64
drop (KmlCaches *self, guint cpu, guint64 line)
{
  Level *l1 = &self->levels[KML_CACHE_L1], *l2 = &self->levels[KML_CACHE_L2];
  guint64 *set = set_of (l2, cpu, line);
  guint i = find (l2, set, line);
  guint64 word;

  if (i == l2->ways)
    return 0;
  word = set[i];
  take_out (l2, set, i);
  set = set_of (l1, cpu, line);
  i = find (l1, set, line);
  if (i < l1->ways) {
    word |= set[i] & DIRTY;
    take_out (l1, set, i);
  }
  return word;
}

/* All CPUs but @cpu lose the line (G_MAXUINT: all). Returns how many had it. */
static guint
drop_elsewhere (KmlCaches *self, guint cpu, guint64 line, guint64 *ret_dirty)
{
  guint n = 0;

  *ret_dirty = 0;
  for (guint64 bits = self->directory[line] & GROUPS_MASK; bits != 0; bits &= bits - 1) {
    const guint first = (guint)__builtin_ctzll (bits) * self->group;

    for (guint other = first; other < MIN (first + self->group, self->n_cpus); other++) {
      const guint64 word = other == cpu ? 0 : drop (self, other, line);

      n += word != 0;
      *ret_dirty |= word & DIRTY;
    }
  }
  return n;
}

/* The only one that has the line may no longer write it. Returns whether it had. */
static gboolean
share (KmlCaches *self, guint64 line)
{
  const guint first = (guint)__builtin_ctzll (self->directory[line]) * self->group;

  for (guint cpu = first; cpu < MIN (first + self->group, self->n_cpus); cpu++) {
    gboolean is_dirty = FALSE, is_there = FALSE;

    for (guint level = KML_CACHE_L1; level <= KML_CACHE_L2; level++) {
      guint64 *set = set_of (&self->levels[level], cpu, line);
      const guint i = find (&self->levels[level], set, line);

      if (i == self->levels[level].ways)
        continue;
      is_there = TRUE;
      is_dirty |= (set[i] & DIRTY) != 0;
      set[i] &= ~(EXCLUSIVE | DIRTY);
    }
    if (is_there)
      return is_dirty;
  }
  g_assert_not_reached (); /* H4 */
}

/* ---- The last level ---- */

static void
fill_last (KmlCaches *self, guint64 line)
{
  Level *last = &self->levels[KML_CACHE_LAST];
  guint64 *set = set_of (last, 0, line);
  const guint i = find (last, set, line);
  guint64 gone, dirty;

  if (i < last->ways) {
    put_in_front (set, i, set[i]);
    return;
  }
  gone = put_in (last, set, line << SHIFT | VALID);
  if (!self->config.is_inclusive || gone == 0 || self->directory[line_of (gone)] == 0)
    return;
  self->counts.n_evicted += drop_elsewhere (self, G_MAXUINT, line_of (gone), &dirty);
  self->directory[line_of (gone)] = 0;
}

/* The line is looked for in the last level. @stays: a hit does not take it out of one of victims. */
static gboolean
look_in_last (KmlCaches *self, guint64 line, gboolean stays)
{
  Level *last = &self->levels[KML_CACHE_LAST];
  guint64 *set = set_of (last, 0, line);
  const guint i = find (last, set, line);

  if (i == last->ways)
    return FALSE;
  if (stays || self->config.is_inclusive)
    put_in_front (set, i, set[i]);
  else
    take_out (last, set, i);
  return TRUE;
}

/* ---- A CPU's own caches ---- */

/* L2 has lost the line: so does L1. */
static void
evict (KmlCaches *self, guint cpu, guint64 line)
{
  Level *l1 = &self->levels[KML_CACHE_L1];
  guint64 *set = set_of (l1, cpu, line);
  const guint i = find (l1, set, line);
  guint64 *word = &self->directory[line];

  if (i < l1->ways)
    take_out (l1, set, i);
  *word -= ONE;
  if (COUNT (*word) == 0)
    *word = 0;
  else if (self->group == 1)
    *word &= ~bit_of (self, cpu);
  if (!self->config.is_inclusive)
    fill_last (self, line);
}

static void
fill_l1 (KmlCaches *self, guint cpu, guint64 *set, guint64 word)
{
  const guint64 gone = put_in (&self->levels[KML_CACHE_L1], set, word);

  if (gone & DIRTY) {
    const Level *l2 = &self->levels[KML_CACHE_L2];
    guint64 *below = set_of (l2, cpu, line_of (gone));
    const guint i = find (l2, below, line_of (gone));

    g_assert (i < l2->ways); /* H2 */
    below[i] |= DIRTY;
  }
}

/* ---- A reference ---- */

/* The CPU, which has the line, gets it for itself. */
static void
upgrade (KmlCaches *self, guint cpu, guint64 line)
{
  const Level *l2 = &self->levels[KML_CACHE_L2];
  guint64 *set = set_of (l2, cpu, line);
  guint64 dirty;

  self->counts.n_invalidated += drop_elsewhere (self, cpu, line, &dirty);
  if (!self->config.is_inclusive)
    look_in_last (self, line, FALSE); /* it would be the old content */
  self->directory[line] = OWNED | ONE | bit_of (self, cpu);
  set[find (l2, set, line)] |= EXCLUSIVE;
}

/* Nobody has the line but, perhaps, the last level. */
static KmlServed
fetch_from_below (KmlCaches *self, guint64 line)
{
  if (look_in_last (self, line, FALSE))
    return KML_SERVED_LAST;
  if (self->config.is_inclusive)
    fill_last (self, line);
  return KML_SERVED_MEMORY;
}

/* Another CPU alone has it. */
static KmlServed
fetch_from_owner (KmlCaches *self, guint64 line, gboolean is_write)
{
  guint64 is_dirty;

  if (is_write)
    self->counts.n_invalidated += drop_elsewhere (self, G_MAXUINT, line, &is_dirty);
  else
    is_dirty = share (self, line);
  if (is_dirty && !is_write) /* it is written back */
    fill_last (self, line);
  return is_dirty ? KML_SERVED_MODIFIED : KML_SERVED_CLEAN;
}

/* Several CPUs have it, and may only read it. */
static KmlServed
fetch_from_sharers (KmlCaches *self, guint64 line, gboolean is_write)
{
  const gboolean is_last = look_in_last (self, line, !is_write);
  guint64 dirty;

  if (!is_write)
    return is_last ? KML_SERVED_LAST : KML_SERVED_CLEAN;
  self->counts.n_invalidated += drop_elsewhere (self, G_MAXUINT, line, &dirty);
  return KML_SERVED_UPGRADE;
}

/* A line that the CPU has not got. *@ret_word: what its L2 has now. */
static KmlServed
fetch (KmlCaches *self, guint cpu, guint64 line, gboolean is_write, guint64 *ret_word)
{
  Level *l2 = &self->levels[KML_CACHE_L2];
  const guint64 known = self->directory[line];
  const gboolean is_alone = is_write || known == 0;
  KmlServed served;
  guint64 gone;

  __builtin_prefetch (set_of (&self->levels[KML_CACHE_LAST], 0, line), 1);
  if (known == 0)
    served = fetch_from_below (self, line);
  else if (known & OWNED)
    served = fetch_from_owner (self, line, is_write);
  else
    served = fetch_from_sharers (self, line, is_write);
  if (is_alone)
    self->directory[line] = OWNED | ONE | bit_of (self, cpu);
  else
    self->directory[line] = ((self->directory[line] & ~OWNED) + ONE) | bit_of (self, cpu);
  *ret_word = line << SHIFT | VALID | (is_alone ? EXCLUSIVE : 0);
  gone = put_in (l2, set_of (l2, cpu, line), *ret_word);
  if (gone != 0)
    evict (self, cpu, line_of (gone));
  return served;
}

/* L1 has not got it. */
static KmlServed
look_further (KmlCaches *self, guint cpu, guint64 line, guint64 *set, gboolean is_write)
{
  const Level *l2 = &self->levels[KML_CACHE_L2];
  guint64 *below = set_of (l2, cpu, line);
  const guint i = find (l2, below, line);
  KmlServed served = KML_SERVED_L2;
  guint64 word;

  if (i == l2->ways) {
    served = fetch (self, cpu, line, is_write, &word);
  } else {
    put_in_front (below, i, below[i]);
    if (is_write && !(below[0] & EXCLUSIVE)) {
      upgrade (self, cpu, line);
      served = KML_SERVED_UPGRADE;
    }
    word = below[0];
  }
  fill_l1 (self, cpu, set, (word & ~DIRTY) | (is_write ? DIRTY : 0));
  return served;
}

static KmlTime G_GNUC_NO_INLINE
access_slowly (KmlCaches *self, guint cpu, guint64 line, guint64 *set, gboolean is_write)
{
  const Level *l1 = &self->levels[KML_CACHE_L1];
  const guint i = find (l1, set, line);
  KmlServed served = KML_SERVED_L1;

  if (i == l1->ways) {
    served = look_further (self, cpu, line, set, is_write);
  } else {
    put_in_front (set, i, set[i]);
    if (is_write && !(set[0] & EXCLUSIVE)) {
      upgrade (self, cpu, line);
      set[0] |= EXCLUSIVE;
      served = KML_SERVED_UPGRADE;
    }
    if (is_write)
      set[0] |= DIRTY;
  }
  self->counts.served[self->account][served]++;
  self->counts.stalled[self->account] += self->latency[served] - self->latency[KML_SERVED_L1];
  return self->latency[served];
}

KmlTime
kml_caches_access (KmlCaches *self, guint cpu, KmlAddr addr, gboolean is_write)
{
  const guint64 line = addr >> self->line_shift;
  guint64 *set = set_of (&self->levels[KML_CACHE_L1], cpu, line);

  g_assert (line < self->n_lines);

  /* what was used last, and is the CPU's own */
  if (G_LIKELY ((set[0] & ~DIRTY) == (line << SHIFT | VALID | EXCLUSIVE))) {
    set[0] |= is_write ? DIRTY : 0;
    self->counts.served[self->account][KML_SERVED_L1]++;
    return self->latency[KML_SERVED_L1];
  }
  return access_slowly (self, cpu, line, set, is_write);
}

void
kml_caches_device_write (KmlCaches *self, KmlAddr addr, guint64 size)
{
  const guint64 end = (addr + size + self->config.line - 1) >> self->line_shift;

  for (guint64 line = addr >> self->line_shift; line < end; line++) {
    Level *last = &self->levels[KML_CACHE_LAST];
    guint64 *set = set_of (last, 0, line), dirty;
    const guint i = find (last, set, line);
    const gboolean is_known = i < last->ways || self->directory[line] != 0;

    self->counts.n_device += is_known;
    if (i < last->ways)
      take_out (last, set, i);
    if (self->directory[line] != 0)
      drop_elsewhere (self, G_MAXUINT, line, &dirty);
    self->directory[line] = 0;
  }
}
