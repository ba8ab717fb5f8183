/* trace-stats.c: what is in a recording.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sizes below EXACT_SIZES are counted in an array, larger ones, of which there
 * are few kinds, in a hash table. What a block was when it was born is kept by
 * its name, so memory is O(live blocks).
 *
 * A size or a lifetime belongs to the recording; inferred frees say when a block
 * was gone at the latest and not how long it lived, so they do not count as
 * lifetimes.
 *
 * What is wasted and what wanders is counted as `perf kmem stat` counts it, so that the two can be compared:
 *
 *   internal fragmentation   100 - 100 * bytes asked for / bytes given, of a site and of all
 *   ping-pong                frees on another CPU than that of the allocation, counted for the site of the
 *                            allocation
 *   pages                    allocations by order and migrate type
 *
 * perf differs in what is no block: it counts an allocation that failed among a site's, and a second free of one address as
 * another one. Its "Cross CPU allocations" are those from another NUMA *node* than the CPU's, which these
 * recordings do not keep. Its columns of migrate types are named after the order that they had in older
 * kernels, so what it calls reclaimable is movable, and the other way round.
 */

#include "workloads/traces/trace.h"

#define EXACT_SIZES 16384
#define FRAME_SIZE  G_GUINT64_CONSTANT (4096)

typedef struct {
  guint64 count;
  guint64 bytes_alloc;
} SizeCount;

/* A live block. */
typedef struct {
  guint64 born_ns;
  guint64 bytes_alloc;
  guint32 bytes_req; /* objects */
  guint32 site;
  guint16 cpu;
} Birth;

typedef struct {
  KmlTraceLevelStats sums;
  KmlTraceLifetimes lifetimes;
  GArray *sites;  /* (owned) (element-type KmlTraceSiteCount): by site */
  GArray *births; /* (owned) (element-type Birth): by name */
} Level;

/* Allocations of a CPU. */
typedef struct {
  guint64 by_context[KML_N_CONTEXTS];
} CpuCount;

struct _KmlTraceStats {
  Level objects, pages;
  guint64 orders[KML_MAX_ORDER + 1][KML_N_MOBILITIES];
  GArray *cpus; /* (owned) (element-type CpuCount) */
  SizeCount exact[EXACT_SIZES];
  GHashTable *large; /* (owned): size to SizeCount */
};

static void
init_level (Level *self)
{
  self->sites = g_array_new (FALSE, TRUE, sizeof (KmlTraceSiteCount));
  self->births = g_array_new (FALSE, TRUE, sizeof (Birth));
}

static void
finish_level (Level *self)
{
  g_array_unref (self->sites);
  g_array_unref (self->births);
}

KmlTraceStats *
kml_trace_stats_new (void)
{
  KmlTraceStats *self = g_new0 (KmlTraceStats, 1);

  init_level (&self->objects);
  init_level (&self->pages);
  self->cpus = g_array_new (FALSE, TRUE, sizeof (CpuCount));
  self->large = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  return self;
}

void
kml_trace_stats_free (KmlTraceStats *self)
{
  if (self == NULL)
    return;
  finish_level (&self->objects);
  finish_level (&self->pages);
  g_array_unref (self->cpus);
  g_hash_table_unref (self->large);
  g_free (self);
}

/* ---- Counting ---- */

/* Grows by doubling; elements that were never set are zero. */
static void
reserve (GArray *array, guint n)
{
  if (n > array->len)
    g_array_set_size (array, MAX (n, MIN (array->len * 2, array->len + (1u << 20))));
}

static SizeCount *
size_count (KmlTraceStats *self, guint32 size)
{
  SizeCount *count;

  if (size < EXACT_SIZES)
    return &self->exact[size];
  count = g_hash_table_lookup (self->large, GUINT_TO_POINTER (size));
  if (count == NULL) {
    count = g_new0 (SizeCount, 1);
    g_hash_table_insert (self->large, GUINT_TO_POINTER (size), count);
  }
  return count;
}

static inline void
add_size (KmlTraceStats *self, const KmlTraceEvent *event)
{
  SizeCount *count = size_count (self, event->bytes_req);

  count->count++;
  count->bytes_alloc += event->bytes_alloc;
}

static KmlTraceSiteCount *
site_count (Level *level, guint32 site)
{
  reserve (level->sites, site + 1);
  return &g_array_index (level->sites, KmlTraceSiteCount, site);
}

static Birth *
birth_of (Level *level, guint32 name)
{
  reserve (level->births, name + 1);
  return &g_array_index (level->births, Birth, name);
}

static Level *
level_of (KmlTraceStats *self, guint level)
{
  return level == KML_LEVEL_PAGES ? &self->pages : &self->objects;
}

static void
add_request (KmlTraceStats *self, const KmlTraceEvent *event)
{
  reserve (self->cpus, event->cpu + 1u);
  g_array_index (self->cpus, CpuCount, event->cpu).by_context[event->context]++;
  if (event->level == KML_LEVEL_PAGES)
    self->orders[event->order][event->mobility]++;
  else
    add_size (self, event);
}

static void
add_alloc (KmlTraceStats *self, const KmlTraceEvent *event)
{
  const gboolean is_pages = event->level == KML_LEVEL_PAGES;
  const guint64 bytes_alloc = is_pages ? FRAME_SIZE << event->order : event->bytes_alloc;
  const guint64 bytes_req = is_pages ? bytes_alloc : event->bytes_req;
  Level *const level = level_of (self, event->level);
  KmlTraceLevelStats *const sums = &level->sums;
  KmlTraceSiteCount *const site = site_count (level, event->site);

  *birth_of (level, event->block) = (Birth){
    .born_ns = event->time_ns,
    .bytes_alloc = bytes_alloc,
    .bytes_req = is_pages ? 0 : event->bytes_req,
    .site = event->site,
    .cpu = event->cpu,
  };
  sums->allocs++;
  sums->bytes_req += bytes_req;
  sums->bytes_alloc += bytes_alloc;
  sums->bytes_live += bytes_alloc;
  sums->bytes_req_live += bytes_req;
  sums->n_live++;
  sums->n_peak = MAX (sums->n_peak, sums->n_live);
  if (sums->bytes_live > sums->bytes_peak) {
    sums->bytes_peak = sums->bytes_live;
    sums->bytes_req_at_peak = sums->bytes_req_live;
  }
  site->allocs++;
  site->live++;
  site->bytes_req += bytes_req;
  site->bytes_alloc += bytes_alloc;
  add_request (self, event);
}

static void
add_lifetime (KmlTraceLifetimes *self, guint64 lifetime_ns)
{
  guint decade = 0;

  for (guint64 rest = lifetime_ns; rest >= 10; rest /= 10)
    decade++;
  if (lifetime_ns == 0)
    self->n_at_once++;
  else
    self->decades[decade]++;
  kml_histogram_add (&self->histogram, lifetime_ns);
}

static void
add_free (KmlTraceStats *self, const KmlTraceEvent *event)
{
  const gboolean is_pages = event->level == KML_LEVEL_PAGES;
  Level *const level = level_of (self, event->level);
  KmlTraceLevelStats *const sums = &level->sums;
  const Birth birth = *birth_of (level, event->block);
  KmlTraceSiteCount *const site = site_count (level, birth.site);

  sums->frees++;
  sums->n_live--;
  sums->bytes_live -= birth.bytes_alloc;
  sums->bytes_req_live -= is_pages ? birth.bytes_alloc : birth.bytes_req;
  site->frees++;
  site->live--;
  if (event->flags & KML_TRACE_INFERRED)
    return;
  sums->frees_seen++;
  sums->bytes_freed += birth.bytes_alloc;
  sums->ping_pong += event->cpu != birth.cpu;
  site->ping_pong += event->cpu != birth.cpu;
  add_lifetime (&level->lifetimes, event->time_ns - birth.born_ns);
}

/* Both halves were born when the whole was. */
static void
add_split (KmlTraceStats *self, const KmlTraceEvent *event)
{
  Level *const level = &self->pages;
  Birth *upper, *lower;

  birth_of (level, event->other); /* the table may move: first name, then point */
  lower = birth_of (level, event->block);
  upper = birth_of (level, event->other);
  lower->bytes_alloc /= 2;
  *upper = *lower;
  level->sums.n_live++;
  level->sums.n_peak = MAX (level->sums.n_peak, level->sums.n_live);
  site_count (level, lower->site)->live++;
}

void
kml_trace_stats_add (KmlTraceStats *self, const KmlTraceEvent *events, guint n)
{
  for (guint i = 0; i < n; i++)
    switch (events[i].kind) {
    case KML_OP_ALLOC:
      add_alloc (self, &events[i]);
      break;
    case KML_OP_FREE:
      add_free (self, &events[i]);
      break;
    case KML_OP_SPLIT:
      add_split (self, &events[i]);
      break;
    default: /* KML_OP_FREE_OLD: nothing is known of its birth */
      break;
    }
}

void
kml_trace_stats_add_sizes (KmlTraceStats *self, const KmlTraceEvent *events, guint n)
{
  for (guint i = 0; i < n; i++)
    if (events[i].kind == KML_OP_ALLOC && events[i].level == KML_LEVEL_OBJECTS)
      add_size (self, &events[i]);
}

/* ---- Results ---- */

const KmlTraceLevelStats *
kml_trace_stats_level (const KmlTraceStats *self, guint level)
{
  return level == KML_LEVEL_PAGES ? &self->pages.sums : &self->objects.sums;
}

const KmlTraceLifetimes *
kml_trace_stats_lifetimes (const KmlTraceStats *self, guint level)
{
  return level == KML_LEVEL_PAGES ? &self->pages.lifetimes : &self->objects.lifetimes;
}

guint64
kml_trace_stats_pages (const KmlTraceStats *self, guint order, KmlMobility mobility)
{
  return order <= KML_MAX_ORDER ? self->orders[order][mobility] : 0;
}

guint64
kml_trace_stats_requests (const KmlTraceStats *self, guint cpu, KmlContext context)
{
  return cpu < self->cpus->len ? g_array_index (self->cpus, CpuCount, cpu).by_context[context] : 0;
}

/* The array may have room for more than were met. */
guint
kml_trace_stats_n_cpus (const KmlTraceStats *self)
{
  guint n = self->cpus->len;

  for (; n > 0; n--)
    for (guint i = 0; i < KML_N_CONTEXTS; i++)
      if (g_array_index (self->cpus, CpuCount, n - 1).by_context[i] > 0)
        return n;
  return 0;
}

double
kml_trace_fragmentation (guint64 bytes_req, guint64 bytes_alloc)
{
  return bytes_alloc == 0 ? 0.0 : 100.0 - 100.0 * (double)bytes_req / (double)bytes_alloc;
}

static int
compare_sizes (gconstpointer a, gconstpointer b)
{
  const KmlTraceSizeCount *left = a, *right = b;

  return (left->size > right->size) - (left->size < right->size);
}

GArray *
kml_trace_stats_sizes (const KmlTraceStats *self)
{
  GArray *sizes = g_array_new (FALSE, FALSE, sizeof (KmlTraceSizeCount));
  g_autofree gpointer *large = NULL; /* in any order: sorted below */
  guint n_large;

  for (guint size = 0; size < EXACT_SIZES; size++) {
    const SizeCount *count = &self->exact[size];
    const KmlTraceSizeCount row = { size, count->count, count->bytes_alloc };

    if (count->count > 0)
      g_array_append_val (sizes, row);
  }
  large = g_hash_table_get_keys_as_array (self->large, &n_large);
  for (guint i = 0; i < n_large; i++) {
    const SizeCount *count = g_hash_table_lookup (self->large, large[i]);
    const KmlTraceSizeCount row = { GPOINTER_TO_UINT (large[i]), count->count, count->bytes_alloc };

    g_array_append_val (sizes, row);
  }
  g_array_sort (sizes, compare_sizes);
  return sizes;
}

static int
compare_sites (gconstpointer a, gconstpointer b)
{
  const KmlTraceSiteCount *left = a, *right = b;
  const guint64 left_waste = left->bytes_alloc - left->bytes_req;
  const guint64 right_waste = right->bytes_alloc - right->bytes_req;

  if (left_waste != right_waste)
    return left_waste < right_waste ? 1 : -1;
  if (left->bytes_alloc != right->bytes_alloc)
    return left->bytes_alloc < right->bytes_alloc ? 1 : -1;
  return (left->site > right->site) - (left->site < right->site);
}

GArray *
kml_trace_stats_sites (const KmlTraceStats *self, guint level)
{
  const GArray *const all = level == KML_LEVEL_PAGES ? self->pages.sites : self->objects.sites;
  GArray *const sites = g_array_new (FALSE, FALSE, sizeof (KmlTraceSiteCount));

  for (guint i = 0; i < all->len; i++) {
    KmlTraceSiteCount site = g_array_index (all, KmlTraceSiteCount, i);

    site.site = i;
    if (site.allocs > 0)
      g_array_append_val (sites, site);
  }
  g_array_sort (sites, compare_sites);
  return sites;
}
