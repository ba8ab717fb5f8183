/* test-caches.c: the cache model against sums done by hand, a plain model, and LRU's theory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Method: short stories whose figures are added up in comments; a model that keeps for each line and CPU what it is
 * and when it was used, and searches, against the real one, reference by reference, with all invariants; Mattson's stack
 * distances, which say how often a fully associative LRU cache of any size misses without there being one. What another
 * program says of the same references is in tests/cachegrind.py.
 */

#include <string.h>

#include "simcore/caches/caches.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

#define LINE 64u

/* So small that one can draw it: L1 2 sets of 2, L2 4 sets of 2, last level 8 sets of 4. A unit of time for each level. */
static KmlCachesConfig
tiny (gboolean is_inclusive)
{
  return (KmlCachesConfig){
    .line = LINE,
    .shapes = { { 4 * LINE, 2 }, { 8 * LINE, 2 }, { 32 * LINE, 4 } },
    .is_inclusive = is_inclusive,
    .latency = { 1, 10, 100, 200, 300, 400, 1000 },
  };
}

static KmlCaches *
make (const KmlCachesConfig *config, guint n_cpus, guint64 n_lines)
{
  GError *error = NULL;
  KmlCaches *caches = kml_caches_new (config, n_cpus, n_lines * config->line, &error);

  assert_no_error (error);
  return caches;
}

static KmlTime
read_line (KmlCaches *caches, guint cpu, guint64 line)
{
  return kml_caches_access (caches, cpu, line * LINE + 8, FALSE);
}

static KmlTime
write_line (KmlCaches *caches, guint cpu, guint64 line)
{
  return kml_caches_access (caches, cpu, line * LINE + 56, TRUE);
}

static void
assert_whole (const KmlCaches *caches)
{
  GError *error = NULL;

  kml_caches_check (caches, &error);
  assert_no_error (error);
}

/* ---- Stories ---- */

START_TEST (each_level_keeps_as_many_lines_of_a_set_as_it_has_ways)
{
  const KmlCachesConfig config = tiny (TRUE);
  g_autoptr (KmlCaches) caches = make (&config, 1, 64);

  /* Lines 0, 2, 4 are of set 0 in L1; 0 and 4 are of set 0 in L2, 2 of set 2. */
  ck_assert_uint_eq (read_line (caches, 0, 0), 1000);
  ck_assert_uint_eq (read_line (caches, 0, 0), 1);
  ck_assert_uint_eq (read_line (caches, 0, 2), 1000);
  ck_assert_uint_eq (read_line (caches, 0, 0), 1);
  ck_assert_uint_eq (read_line (caches, 0, 4), 1000); /* L1 loses 2, used before 0 */
  ck_assert_uint_eq (read_line (caches, 0, 0), 1);
  ck_assert_uint_eq (read_line (caches, 0, 2), 10); /* and now 4 */
  /* L2's set 0 has 0 and 4; 0 was brought in first, and what L1 does it does not see */
  ck_assert_uint_eq (read_line (caches, 0, 8), 1000);
  ck_assert (!kml_caches_has (caches, KML_CACHE_L1, 0, 0)); /* L1 loses what L2 does */
  ck_assert_uint_eq (read_line (caches, 0, 0), 100);
  assert_whole (caches);
  ck_assert_uint_eq (kml_caches_counts (caches)->served[KML_ACCOUNT_METADATA][KML_SERVED_MEMORY],
                     4);
  ck_assert_uint_eq (kml_caches_counts (caches)->stalled[KML_ACCOUNT_METADATA], 4 * 999 + 9 + 99);
}
END_TEST

START_TEST (a_line_that_two_cpus_write_goes_from_cache_to_cache)
{
  const KmlCachesConfig config = tiny (TRUE);
  g_autoptr (KmlCaches) caches = make (&config, 3, 64);

  ck_assert_uint_eq (write_line (caches, 0, 5), 1000);
  for (guint i = 0; i < 5; i++) {
    ck_assert_uint_eq (write_line (caches, 1, 5), 300);
    ck_assert_uint_eq (write_line (caches, 0, 5), 300);
    ck_assert_uint_eq (write_line (caches, 0, 5), 1);
  }
  ck_assert_uint_eq (read_line (caches, 1, 5), 300);  /* now both may read it */
  ck_assert_uint_eq (read_line (caches, 2, 5), 100);  /* the last level got it back with that */
  ck_assert_uint_eq (write_line (caches, 0, 5), 400); /* two copies go */
  ck_assert_uint_eq (write_line (caches, 0, 5), 1);
  ck_assert_uint_eq (kml_caches_counts (caches)->n_invalidated, 10 + 2);
  assert_whole (caches);
}
END_TEST

START_TEST (a_line_that_nobody_else_has_is_written_for_nothing)
{
  const KmlCachesConfig config = tiny (FALSE);
  g_autoptr (KmlCaches) caches = make (&config, 2, 64);

  ck_assert_uint_eq (read_line (caches, 0, 7), 1000);
  ck_assert_uint_eq (write_line (caches, 0, 7), 1); /* it was exclusive */
  ck_assert_uint_eq (read_line (caches, 0, 6), 1000);
  /* from the other's cache: the last level takes victims */
  ck_assert_uint_eq (read_line (caches, 1, 6), 200);
  ck_assert_uint_eq (write_line (caches, 1, 6), 400);
  assert_whole (caches);
}
END_TEST

START_TEST (a_level_of_victims_has_what_l2_has_lost_and_no_longer_what_it_took)
{
  const KmlCachesConfig config = tiny (FALSE);
  g_autoptr (KmlCaches) caches = make (&config, 1, 64);

  read_line (caches, 0, 0);
  ck_assert (!kml_caches_has (caches, KML_CACHE_LAST, 0, 0));
  read_line (caches, 0, 4);
  read_line (caches, 0, 8);
  ck_assert (kml_caches_has (caches, KML_CACHE_LAST, 0, 0));
  ck_assert_uint_eq (read_line (caches, 0, 0), 100);
  ck_assert (!kml_caches_has (caches, KML_CACHE_LAST, 0, 0));
  ck_assert (kml_caches_has (caches, KML_CACHE_LAST, 0, 4 * LINE));
  assert_whole (caches);
}
END_TEST

START_TEST (what_an_inclusive_last_level_loses_all_lose)
{
  KmlCachesConfig config = tiny (TRUE);
  g_autoptr (KmlCaches) caches = NULL;

  config.shapes[KML_CACHE_LAST] = (KmlCacheShape){ 16 * LINE, 1 };
  caches = make (&config, 2, 64);
  read_line (caches, 0, 3);
  read_line (caches, 1, 3 + 16);
  ck_assert (!kml_caches_has (caches, KML_CACHE_L1, 0, 3 * LINE));
  ck_assert_uint_eq (kml_caches_counts (caches)->n_evicted, 1);
  assert_whole (caches);
}
END_TEST

START_TEST (what_a_device_writes_is_in_no_cache)
{
  const KmlCachesConfig config = tiny (TRUE);
  g_autoptr (KmlCaches) caches = make (&config, 2, 64);

  write_line (caches, 0, 9);
  read_line (caches, 0, 10);
  read_line (caches, 1, 10);
  read_line (caches, 1, 12);
  kml_caches_device_write (caches, 9 * LINE + 32, 2 * LINE); /* ends in line 11, which nobody has */
  ck_assert_uint_eq (kml_caches_counts (caches)->n_device, 2);
  ck_assert_uint_eq (read_line (caches, 0, 9), 1000);
  ck_assert_uint_eq (read_line (caches, 1, 10), 1000);
  ck_assert_uint_eq (read_line (caches, 1, 12), 1);
  assert_whole (caches);
}
END_TEST

/* ---- Against a plain model ---- */

#define MOST_LINES 128u
#define MOST_CPUS  256u

/* Of each line what each CPU knows of it: when it was used, 0: it is not there. */
typedef struct {
  guint64 used[KML_N_CACHES][MOST_CPUS][MOST_LINES];
  gboolean may_write[MOST_CPUS][MOST_LINES], is_dirty[MOST_CPUS][MOST_LINES];
  guint64 clock;
  KmlCachesConfig config;
  guint n_cpus;
} Plain;

static void
plain_lose (Plain *self, guint cpu, guint64 line)
{
  self->used[KML_CACHE_L1][cpu][line] = self->used[KML_CACHE_L2][cpu][line] = 0;
  self->may_write[cpu][line] = self->is_dirty[cpu][line] = FALSE;
}

/* How many of the others lose it. */
static guint
plain_take_from_others (Plain *self, guint cpu, guint64 line)
{
  guint n = 0;

  for (guint other = 0; other < self->n_cpus; other++)
    if (other != cpu && self->used[KML_CACHE_L2][other][line] != 0) {
      plain_lose (self, other, line);
      n++;
    }
  return n;
}

/* Uses the line in a cache; the one that has to go for it, or MOST_LINES. */
static guint64
plain_use (Plain *self, guint level, guint cpu, guint64 line)
{
  const KmlCacheShape *shape = &self->config.shapes[level];
  const guint64 n_sets = shape->size / LINE / shape->ways;
  guint64 *used = self->used[level][cpu];
  guint64 oldest = MOST_LINES, n = 0;

  if (used[line] == 0) {
    for (guint64 other = line % n_sets; other < MOST_LINES; other += n_sets)
      if (used[other] != 0) {
        n++;
        if (oldest == MOST_LINES || used[other] < used[oldest])
          oldest = other;
      }
    if (n < shape->ways)
      oldest = MOST_LINES;
    if (oldest != MOST_LINES)
      used[oldest] = 0;
  }
  used[line] = ++self->clock;
  return oldest;
}

static void
plain_use_last (Plain *self, guint64 line)
{
  const guint64 gone = plain_use (self, KML_CACHE_LAST, 0, line);

  if (gone != MOST_LINES && self->config.is_inclusive)
    plain_take_from_others (self, G_MAXUINT, gone);
}

static KmlServed
plain_fetch (Plain *self, guint cpu, guint64 line, gboolean is_write)
{
  guint64 *last = &self->used[KML_CACHE_LAST][0][line];
  const gboolean is_last = *last != 0;
  KmlServed served;
  guint n = 0, owner = MOST_CPUS;

  for (guint other = 0; other < self->n_cpus; other++)
    if (self->used[KML_CACHE_L2][other][line] != 0) {
      n++;
      if (self->may_write[other][line])
        owner = other;
    }
  if (owner != MOST_CPUS) {
    served = self->is_dirty[owner][line] ? KML_SERVED_MODIFIED : KML_SERVED_CLEAN;
    self->may_write[owner][line] = self->is_dirty[owner][line] = FALSE;
    if (served == KML_SERVED_MODIFIED && !is_write)
      plain_use_last (self, line);
  } else if (n > 0) {
    served = is_write ? KML_SERVED_UPGRADE : is_last ? KML_SERVED_LAST : KML_SERVED_CLEAN;
    if (is_last && is_write && !self->config.is_inclusive)
      *last = 0;
    else if (is_last)
      plain_use_last (self, line);
  } else {
    served = is_last ? KML_SERVED_LAST : KML_SERVED_MEMORY;
    if (self->config.is_inclusive)
      plain_use_last (self, line);
    else
      *last = 0;
  }
  if (is_write)
    plain_take_from_others (self, cpu, line);
  self->may_write[cpu][line] = is_write || n == 0;
  return served;
}

static KmlTime
plain_access (Plain *self, guint cpu, guint64 line, gboolean is_write)
{
  KmlServed served = KML_SERVED_L1;

  if (self->used[KML_CACHE_L2][cpu][line] == 0) {
    guint64 gone;

    served = plain_fetch (self, cpu, line, is_write);
    gone = plain_use (self, KML_CACHE_L2, cpu, line);
    if (gone != MOST_LINES) {
      plain_lose (self, cpu, gone);
      if (!self->config.is_inclusive)
        plain_use_last (self, gone);
    }
  } else if (self->used[KML_CACHE_L1][cpu][line] == 0) {
    served = KML_SERVED_L2;
    plain_use (self, KML_CACHE_L2, cpu, line);
  }
  plain_use (self, KML_CACHE_L1, cpu, line);
  if (is_write && !self->may_write[cpu][line]) {
    plain_take_from_others (self, cpu, line);
    self->may_write[cpu][line] = TRUE;
    if (!self->config.is_inclusive)
      self->used[KML_CACHE_LAST][0][line] = 0;
    served = KML_SERVED_UPGRADE;
  }
  self->is_dirty[cpu][line] |= is_write;
  return self->config.latency[served];
}

static void
plain_device_write (Plain *self, guint64 line)
{
  plain_take_from_others (self, G_MAXUINT, line);
  self->used[KML_CACHE_LAST][0][line] = 0;
}

static const struct {
  guint n_cpus;
  guint64 n_lines;
  KmlCacheShape shapes[KML_N_CACHES];
} machines[] = {
  { 1, 128, { { 4 * LINE, 2 }, { 16 * LINE, 4 }, { 32 * LINE, 4 } } },
  { 2, 64, { { 4 * LINE, 2 }, { 8 * LINE, 2 }, { 32 * LINE, 4 } } },
  { 3, 64, { { 4 * LINE, 4 }, { 4 * LINE, 4 }, { 24 * LINE, 4 } } }, /* 6 sets */
  { 48, 128, { { 2 * LINE, 1 }, { 2 * LINE, 2 }, { 96 * LINE, 8 } } },
  { 49, 128, { { 2 * LINE, 1 }, { 2 * LINE, 2 }, { 112 * LINE, 8 } } },  /* two CPUs a bit */
  { 256, 64, { { 1 * LINE, 1 }, { 2 * LINE, 2 }, { 512 * LINE, 16 } } }, /* six */
};

START_TEST (every_reference_takes_as_long_as_in_a_plain_model)
{
  const gboolean is_inclusive = _i % 2 == 0;
  const guint64 n_lines = machines[_i / 2].n_lines;
  KmlCachesConfig config = tiny (is_inclusive);
  g_autofree Plain *plain = g_new0 (Plain, 1);
  g_autoptr (KmlCaches) caches = NULL;
  KmlRng rng;

  memcpy (config.shapes, machines[_i / 2].shapes, sizeof config.shapes);
  caches = make (&config, machines[_i / 2].n_cpus, n_lines);
  *plain = (Plain){ .config = config, .n_cpus = machines[_i / 2].n_cpus };
  kml_rng_init (&rng, (guint64)_i + 1, "references");
  for (guint i = 0; i < 20000; i++) {
    const guint cpu = (guint)kml_rng_below (&rng, plain->n_cpus);
    const guint64 line = kml_rng_below (&rng, kml_rng_below (&rng, n_lines) + 1);
    const guint64 what = kml_rng_below (&rng, 200);

    if (what == 0) {
      kml_caches_device_write (caches, line * LINE, 1);
      plain_device_write (plain, line);
    } else {
      ck_assert_uint_eq (kml_caches_access (caches, cpu, line * LINE, what < 70),
                         plain_access (plain, cpu, line, what < 70));
    }
    if (i % 100 == 0)
      assert_whole (caches);
  }
}
END_TEST

/* ---- LRU's theory ---- */

#define N_STACK 4000

/* How many different lines were used since this one was used last; G_MAXUINT: never. */
static guint
stack_distance (const guint8 *lines, guint at)
{
  gboolean seen[256] = { FALSE };
  guint n = 0;

  for (guint i = at; i-- > 0;) {
    if (lines[i] == lines[at])
      return n;
    n += !seen[lines[i]];
    seen[lines[i]] = TRUE;
  }
  return G_MAXUINT;
}

START_TEST (a_fully_associative_level_misses_what_is_further_down_the_stack)
{
  g_autofree guint8 *lines = g_new (guint8, N_STACK);
  g_autofree guint *distances = g_new (guint, N_STACK);
  guint64 before = G_MAXUINT64;
  KmlRng rng;

  kml_rng_init (&rng, 7, "references");
  for (guint i = 0; i < N_STACK; i++) {
    lines[i] = (guint8)kml_rng_below (&rng, kml_rng_below (&rng, 255) + 1);
    distances[i] = stack_distance (lines, i);
  }
  for (guint ways = 1; ways <= KML_MAX_WAYS; ways++) {
    KmlCachesConfig config = tiny (TRUE);
    g_autoptr (KmlCaches) caches = NULL;
    guint64 expected = 0, misses = N_STACK;

    config.shapes[KML_CACHE_L1] = (KmlCacheShape){ ways * LINE, ways };
    config.shapes[KML_CACHE_L2] = (KmlCacheShape){ 256 * LINE, 1 }; /* it has all 256 lines */
    config.shapes[KML_CACHE_LAST] = (KmlCacheShape){ 256 * LINE, 1 };
    caches = make (&config, 1, 256);
    for (guint i = 0; i < N_STACK; i++) {
      read_line (caches, 0, lines[i]);
      expected += distances[i] >= ways;
    }
    misses -= kml_caches_counts (caches)->served[KML_ACCOUNT_METADATA][KML_SERVED_L1];
    ck_assert_uint_eq (misses, expected);
    ck_assert_uint_le (misses, before); /* the stack property */
    before = misses;
  }
}
END_TEST

/* ---- The rest ---- */

START_TEST (empty_again_is_as_new)
{
  const gboolean is_large = _i == 1; /* more sets than are remembered one by one */
  KmlCachesConfig config = tiny (TRUE);
  g_autoptr (KmlCaches) caches = NULL;
  KmlTime first = 0;

  if (is_large) {
    config.shapes[KML_CACHE_L2] = (KmlCacheShape){ 8192 * LINE, 1 };
    config.shapes[KML_CACHE_LAST] = (KmlCacheShape){ 65536 * LINE, 4 };
  }
  caches = make (&config, 2, 16384);
  for (guint round = 0; round < 3; round++) {
    KmlTime sum = 0;
    KmlRng rng;

    kml_rng_init (&rng, 3, "references");
    for (guint i = 0; i < 20000; i++)
      sum += kml_caches_access (caches, i % 2, kml_rng_below (&rng, 16384) * LINE,
                                kml_rng_below (&rng, 2) == 0);
    if (round == 0)
      first = sum;
    ck_assert_uint_eq (sum, first);
    kml_caches_clear (caches);
    assert_whole (caches);
    ck_assert_uint_eq (kml_caches_counts (caches)->n_invalidated, 0);
  }
}
END_TEST

START_TEST (accounts_are_kept_apart)
{
  const KmlCachesConfig config = tiny (TRUE);
  g_autoptr (KmlCaches) caches = make (&config, 1, 64);

  read_line (caches, 0, 1);
  ck_assert_int_eq (kml_caches_set_account (caches, KML_ACCOUNT_DATA), KML_ACCOUNT_METADATA);
  read_line (caches, 0, 1);
  read_line (caches, 0, 1);
  ck_assert_int_eq (kml_caches_set_account (caches, KML_ACCOUNT_METADATA), KML_ACCOUNT_DATA);
  ck_assert_uint_eq (kml_caches_counts (caches)->served[KML_ACCOUNT_DATA][KML_SERVED_L1], 2);
  ck_assert_uint_eq (kml_caches_counts (caches)->served[KML_ACCOUNT_METADATA][KML_SERVED_L1], 0);
}
END_TEST

static void
assert_refused (KmlCachesConfig config, guint n_cpus, const char *fragment)
{
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_null (kml_caches_new (&config, n_cpus, 1 << 20, &error));
  assert_error (error, KML_ERROR_INPUT, fragment);
}

START_TEST (geometries_that_cannot_be_are_refused)
{
  KmlCachesConfig config = tiny (TRUE);

  config.line = 48;
  assert_refused (config, 1, "a power of two of bytes between 32 and 512, not 48");
  config = tiny (TRUE);
  config.shapes[KML_CACHE_L1].ways = 0;
  assert_refused (config, 1, "l1: expected 1 to 64 ways, not 0");
  config = tiny (TRUE);
  config.shapes[KML_CACHE_L2].size = 100;
  assert_refused (config, 1, "l2: 100 bytes are no whole number of sets");
  config = tiny (TRUE);
  config.shapes[KML_CACHE_L2] = (KmlCacheShape){ 6 * LINE, 2 };
  assert_refused (config, 1, "l2: 3 sets: a power of two");
  config = tiny (TRUE);
  config.shapes[KML_CACHE_L1] = (KmlCacheShape){ 16 * LINE, 2 };
  assert_refused (config, 1, "l1 is larger than l2");
  config = tiny (TRUE);
  assert_refused (config, 5, "at least 2560 was expected, or policy = victim");
  config.is_per_cpu = TRUE;
  config.latency[KML_SERVED_L2] = 0;
  assert_refused (config, 5, "l2 takes less time than a hit of l1");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("caches");
  TCase *tcase = tcase_create ("caches");

  tcase_add_test (tcase, each_level_keeps_as_many_lines_of_a_set_as_it_has_ways);
  tcase_add_test (tcase, a_line_that_two_cpus_write_goes_from_cache_to_cache);
  tcase_add_test (tcase, a_line_that_nobody_else_has_is_written_for_nothing);
  tcase_add_test (tcase, a_level_of_victims_has_what_l2_has_lost_and_no_longer_what_it_took);
  tcase_add_test (tcase, what_an_inclusive_last_level_loses_all_lose);
  tcase_add_test (tcase, what_a_device_writes_is_in_no_cache);
  tcase_add_loop_test (tcase, every_reference_takes_as_long_as_in_a_plain_model, 0,
                       2 * G_N_ELEMENTS (machines));
  tcase_add_test (tcase, a_fully_associative_level_misses_what_is_further_down_the_stack);
  tcase_add_loop_test (tcase, empty_again_is_as_new, 0, 2);
  tcase_add_test (tcase, accounts_are_kept_apart);
  tcase_add_test (tcase, geometries_that_cannot_be_are_refused);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
