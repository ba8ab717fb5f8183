/* caches-build.c: making caches, emptying them, checking them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include <string.h>
#include <sys/mman.h>

#include "simcore/caches/caches-private.h"

const KmlServedInfo kml_served_info[] = {
  [KML_SERVED_L1] = { "l1", "a hit in the CPU's first-level cache" },
  [KML_SERVED_L2] = { "l2", "a hit in its second-level cache" },
  [KML_SERVED_LAST] = { "last", "a hit in the last level, which all CPUs share" },
  [KML_SERVED_CLEAN] = { "clean", "the line comes from another CPU, which had not written it" },
  [KML_SERVED_MODIFIED] = { "modified", "the line comes from another CPU, which had written it" },
  [KML_SERVED_UPGRADE] = { "upgrade", "a write to a line that other CPUs must drop first" },
  [KML_SERVED_MEMORY] = { "memory", "the line comes from memory" },
};

const char *const kml_cache_level_names[] = { "l1", "l2", "last", NULL };

const char *const kml_cache_account_names[] = { "metadata", "data", "unpaid", NULL };

/* ---- Making them ---- */

static gboolean
is_power_of_two (guint64 n)
{
  return n != 0 && (n & (n - 1)) == 0;
}

char *
kml_cache_shape_problem (const KmlCacheShape *self, guint64 line, gboolean is_last)
{
  if (self->ways < 1 || self->ways > KML_MAX_WAYS)
    return g_strdup_printf ("expected 1 to %d ways, not %" G_GUINT64_FORMAT, KML_MAX_WAYS,
                            self->ways);
  if (self->size < line * self->ways || self->size > KML_MAX_CACHE_SIZE ||
      self->size % (line * self->ways) != 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT
                            " bytes are no whole number of sets (of at most 4 GiB): a set of "
                            "%" G_GUINT64_FORMAT " lines has %" G_GUINT64_FORMAT " bytes",
                            self->size, self->ways, line * self->ways);
  if (!is_last && !is_power_of_two (self->size / (line * self->ways)))
    return g_strdup_printf ("%" G_GUINT64_FORMAT
                            " sets: a power of two was expected, since the lowest bits of an "
                            "address choose one",
                            self->size / (line * self->ways));
  return NULL;
}

/* Zeroed; the host gives what is touched. NULL: it has no such address space. */
static guint64 *
map_words (gsize n_bytes)
{
  guint64 *words = mmap (NULL, n_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  return words == MAP_FAILED ? NULL : words;
}

static gboolean
make_level (Level *self, guint64 size, guint64 ways, guint64 line, guint n_instances)
{
  self->ways = (guint)ways;
  self->n_sets = size / (line * ways);
  self->mask = is_power_of_two (self->n_sets) ? self->n_sets - 1 : 0;
  self->n_bytes = size / line * sizeof (guint64) * n_instances;
  self->entries = map_words (self->n_bytes);
  return self->entries != NULL;
}

static gboolean
check_config (const KmlCachesConfig *config, guint n_cpus, GError **error)
{
  const guint64 last = config->shapes[KML_CACHE_LAST].size * (config->is_per_cpu ? n_cpus : 1);

  if (!is_power_of_two (config->line) || config->line < KML_MIN_LINE ||
      config->line > KML_MAX_LINE) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "a cache line has a power of two of bytes between %d and %d, not "
                 "%" G_GUINT64_FORMAT,
                 KML_MIN_LINE, KML_MAX_LINE, config->line);
    return FALSE;
  }
  for (guint i = 0; i < KML_N_CACHES; i++) {
    g_autofree char *problem = kml_cache_shape_problem (&config->shapes[i], config->line,
                                                        i == KML_CACHE_LAST);

    if (problem != NULL) {
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: %s", kml_cache_level_names[i], problem);
      return FALSE;
    }
  }
  if (config->shapes[KML_CACHE_L1].size > config->shapes[KML_CACHE_L2].size) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT,
                         "l1 is larger than l2, which has all that it has");
    return FALSE;
  }
  if (config->is_inclusive && last < config->shapes[KML_CACHE_L2].size * n_cpus) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "an inclusive last level of %" G_GUINT64_FORMAT
                 " bytes cannot have all that the l2 of %u CPUs have: at least %" G_GUINT64_FORMAT
                 " was expected, or policy = victim",
                 last, n_cpus, config->shapes[KML_CACHE_L2].size * n_cpus);
    return FALSE;
  }
  for (guint i = 0; i < KML_N_SERVED; i++)
    if (config->latency[i] < config->latency[KML_SERVED_L1]) {
      g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                   "latency: %s takes less time than a hit of l1", kml_served_info[i].key);
      return FALSE;
    }
  return TRUE;
}

KmlCaches *
kml_caches_new (const KmlCachesConfig *config, guint n_cpus, guint64 span, GError **error)
{
  g_autoptr (KmlCaches) self = NULL;
  gboolean ok = TRUE;

  if (!check_config (config, n_cpus, error))
    return NULL;
  self = g_new0 (KmlCaches, 1);
  self->config = *config;
  self->n_cpus = n_cpus;
  self->group = (n_cpus + GROUPS - 1) / GROUPS;
  self->line_shift = (guint)__builtin_ctzll (config->line);
  self->n_lines = (span + config->line - 1) >> self->line_shift;
  memcpy (self->latency, config->latency, sizeof self->latency);
  for (guint i = 0; i < KML_N_CACHES; i++) {
    const gboolean is_last = i == KML_CACHE_LAST;

    ok &= make_level (&self->levels[i],
                      config->shapes[i].size * (is_last && config->is_per_cpu ? n_cpus : 1),
                      config->shapes[i].ways, config->line, is_last ? 1 : n_cpus);
  }
  self->directory_bytes = self->n_lines * sizeof (guint64);
  self->directory = map_words (self->directory_bytes);
  if (!ok || self->directory == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "the host has no address space for the tags of the caches of %u CPUs and "
                 "%" G_GUINT64_FORMAT " lines of memory",
                 n_cpus, self->n_lines);
    return NULL;
  }
  return g_steal_pointer (&self);
}

void
kml_caches_free (KmlCaches *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < KML_N_CACHES; i++)
    if (self->levels[i].entries != NULL)
      munmap (self->levels[i].entries, self->levels[i].n_bytes);
  if (self->directory != NULL)
    munmap (self->directory, self->directory_bytes);
  g_free (self);
}

/* @func for each set that may not be empty. */
static void
for_filled_sets (KmlCaches *self, Level *level,
                 void (*func) (KmlCaches *self, const Level *level, guint64 *set))
{
  const guint64 n_words = level->n_bytes / sizeof (guint64);

  if (level->n_touched < MAX_TOUCHED)
    for (guint i = 0; i < level->n_touched; i++)
      func (self, level, &level->entries[level->touched[i]]);
  else
    for (guint64 at = 0; at < n_words; at += level->ways)
      func (self, level, &level->entries[at]);
}

static void
forget_lines (KmlCaches *self, const Level *level, guint64 *set)
{
  for (guint i = 0; i < level->ways && set[i] != 0; i++)
    self->directory[line_of (set[i])] = 0;
}

static void
empty_set (KmlCaches *self, const Level *level, guint64 *set)
{
  if (set[0] != 0)
    memset (set, 0, level->ways * sizeof *set);
}

void
kml_caches_clear (KmlCaches *self)
{
  for_filled_sets (self, &self->levels[KML_CACHE_L2], forget_lines); /* H4: there are no others */
  for (guint i = 0; i < KML_N_CACHES; i++) {
    for_filled_sets (self, &self->levels[i], empty_set);
    self->levels[i].n_touched = 0;
  }
  self->counts = (KmlCacheCounts){ 0 };
  self->account = KML_ACCOUNT_METADATA;
}

/* ---- Looking at them ---- */

const KmlCachesConfig *
kml_caches_config (const KmlCaches *self)
{
  return &self->config;
}

const KmlCacheCounts *
kml_caches_counts (const KmlCaches *self)
{
  return &self->counts;
}

KmlCacheAccount
kml_caches_set_account (KmlCaches *self, KmlCacheAccount account)
{
  const KmlCacheAccount before = self->account;

  self->account = account;
  return before;
}

/* The word of a line; 0: it is not there. */
static guint64
word_at (const KmlCaches *self, KmlCacheLevel level, guint cpu, guint64 line)
{
  const Level *there = &self->levels[level];
  const guint64 *set = set_of (there, level == KML_CACHE_LAST ? 0 : cpu, line);
  const guint i = find (there, set, line);

  return i < there->ways ? set[i] : 0;
}

gboolean
kml_caches_has (const KmlCaches *self, KmlCacheLevel level, guint cpu, KmlAddr addr)
{
  return word_at (self, level, cpu, addr >> self->line_shift) != 0;
}

static gboolean
broken (const char *invariant, guint64 line, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT,
               "invariant %s does not hold at line %" G_GUINT64_FORMAT, invariant, line);
  return FALSE;
}

/* What one CPU may do with the line must fit what others have. */
static gboolean
check_line (const KmlCaches *self, guint cpu, guint64 line, GError **error)
{
  const guint64 l1 = word_at (self, KML_CACHE_L1, cpu, line);
  const guint64 l2 = word_at (self, KML_CACHE_L2, cpu, line);
  const guint64 known = self->directory[line];
  guint n = 0;

  if (l2 == 0 || (self->config.is_inclusive && word_at (self, KML_CACHE_LAST, 0, line) == 0))
    return broken ("H2", line, error);
  for (guint other = 0; other < self->n_cpus; other++)
    if (word_at (self, KML_CACHE_L2, other, line) != 0) {
      n++;
      if ((known & bit_of (self, other)) == 0)
        return broken ("H4", line, error);
    }
  if ((l1 != 0 && (l1 & EXCLUSIVE) != (l2 & EXCLUSIVE)) || ((l2 & EXCLUSIVE) && n != 1) ||
      ((l1 | l2) & (EXCLUSIVE | DIRTY)) == DIRTY)
    return broken ("H3", line, error);
  if (COUNT (known) != n || ((known & OWNED) != 0) != ((l2 & EXCLUSIVE) != 0) ||
      (self->group == 1 && (guint)__builtin_popcountll (known & GROUPS_MASK) != n))
    return broken ("H4", line, error);
  return TRUE;
}

static gboolean
check_set (const KmlCaches *self, guint level, guint cpu, guint64 number, GError **error)
{
  const Level *there = &self->levels[level];
  const guint64 *set = &there->entries[(cpu * there->n_sets + number) * there->ways];
  gboolean has_gap = FALSE;

  for (guint i = 0; i < there->ways; i++) {
    const guint64 line = line_of (set[i]);

    if (set[i] == 0) {
      has_gap = TRUE;
      continue;
    }
    if (has_gap || line >= self->n_lines || line % there->n_sets != number ||
        find (there, set, line) != i)
      return broken ("H1", line, error);
    if (level != KML_CACHE_LAST && !check_line (self, cpu, line, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
check_directory (const KmlCaches *self, GError **error)
{
  for (guint64 line = 0; line < self->n_lines; line++) {
    gboolean is_there = self->directory[line] == 0;

    for (guint cpu = 0; cpu < self->n_cpus && !is_there; cpu++)
      is_there = word_at (self, KML_CACHE_L2, cpu, line) != 0;
    if (!is_there)
      return broken ("H4", line, error);
  }
  return TRUE;
}

gboolean
kml_caches_check (const KmlCaches *self, GError **error)
{
  for (guint level = 0; level < KML_N_CACHES; level++)
    for (guint cpu = 0; cpu < (level == KML_CACHE_LAST ? 1 : self->n_cpus); cpu++)
      for (guint64 set = 0; set < self->levels[level].n_sets; set++)
        if (!check_set (self, level, cpu, set, error))
          return FALSE;
  return check_directory (self, error);
}
