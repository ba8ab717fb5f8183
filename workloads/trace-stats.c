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
 */

#include "workloads/trace.h"

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
  guint32 bytes_req;
  guint32 site;
} Birth;

struct _KmlTraceStats {
  KmlTraceLevelStats objects, pages;
  KmlHistogram lifetimes;
  guint64 orders[KML_MAX_ORDER + 1];
  guint64 contexts[KML_N_CONTEXTS];
  GArray *cpus;      /* (owned) (element-type guint64) */
  GArray *sites;     /* (owned) (element-type KmlTraceSiteCount): by site */
  GArray *births[2]; /* (owned) (element-type Birth): by level and name */
  SizeCount exact[EXACT_SIZES];
  GHashTable *large; /* (owned): size to SizeCount */
};

KmlTraceStats *
kml_trace_stats_new (void)
{
  KmlTraceStats *self = g_new0 (KmlTraceStats, 1);

  self->cpus = g_array_new (FALSE, TRUE, sizeof (guint64));
  self->sites = g_array_new (FALSE, TRUE, sizeof (KmlTraceSiteCount));
  for (guint i = 0; i < G_N_ELEMENTS (self->births); i++)
    self->births[i] = g_array_new (FALSE, TRUE, sizeof (Birth));
  self->large = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  return self;
}

void
kml_trace_stats_free (KmlTraceStats *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->cpus);
  g_array_unref (self->sites);
  for (guint i = 0; i < G_N_ELEMENTS (self->births); i++)
    g_array_unref (self->births[i]);
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
site_count (KmlTraceStats *self, guint32 site)
{
  reserve (self->sites, site + 1);
  return &g_array_index (self->sites, KmlTraceSiteCount, site);
}

static Birth *
birth_of (KmlTraceStats *self, guint level, guint32 name)
{
  GArray *const births = self->births[level == KML_LEVEL_PAGES];

  reserve (births, name + 1);
  return &g_array_index (births, Birth, name);
}

static KmlTraceLevelStats *
level_of (KmlTraceStats *self, guint level)
{
  return level == KML_LEVEL_PAGES ? &self->pages : &self->objects;
}

static void
add_alloc (KmlTraceStats *self, const KmlTraceEvent *event)
{
  const gboolean is_pages = event->level == KML_LEVEL_PAGES;
  const guint64 bytes_alloc = is_pages ? FRAME_SIZE << event->order : event->bytes_alloc;
  const guint64 bytes_req = is_pages ? bytes_alloc : event->bytes_req;
  KmlTraceLevelStats *level = level_of (self, event->level);
  KmlTraceSiteCount *site = site_count (self, event->site);
  Birth *birth = birth_of (self, event->level, event->block);

  *birth = (Birth){ event->time_ns, bytes_alloc, (guint32)(is_pages ? 0 : bytes_req), event->site };
  level->allocs++;
  level->bytes_req += bytes_req;
  level->bytes_alloc += bytes_alloc;
  level->bytes_live += bytes_alloc;
  level->bytes_req_live += bytes_req;
  level->n_live++;
  level->n_peak = MAX (level->n_peak, level->n_live);
  if (level->bytes_live > level->bytes_peak) {
    level->bytes_peak = level->bytes_live;
    level->bytes_req_at_peak = level->bytes_req_live;
  }
  site->allocs++;
  site->live++;
  site->bytes_req += bytes_req;
  site->bytes_alloc += bytes_alloc;
  self->contexts[event->context]++;
  reserve (self->cpus, event->cpu + 1u);
  g_array_index (self->cpus, guint64, event->cpu)++;
  if (is_pages)
    self->orders[event->order]++;
  else
    add_size (self, event);
}

static void
add_free (KmlTraceStats *self, const KmlTraceEvent *event)
{
  KmlTraceLevelStats *level = level_of (self, event->level);
  const Birth birth = *birth_of (self, event->level, event->block);
  KmlTraceSiteCount *site = site_count (self, birth.site);

  level->frees++;
  level->n_live--;
  level->bytes_live -= birth.bytes_alloc;
  level->bytes_req_live -= event->level == KML_LEVEL_PAGES ? birth.bytes_alloc : birth.bytes_req;
  site->frees++;
  site->live--;
  if (event->level == KML_LEVEL_OBJECTS && !(event->flags & KML_TRACE_INFERRED))
    kml_histogram_add (&self->lifetimes, event->time_ns - birth.born_ns);
}

/* Both halves were born when the whole was. */
static void
add_split (KmlTraceStats *self, const KmlTraceEvent *event)
{
  Birth *upper, *lower;

  birth_of (self, KML_LEVEL_PAGES, event->other); /* the table may move: first name, then point */
  lower = birth_of (self, KML_LEVEL_PAGES, event->block);
  upper = birth_of (self, KML_LEVEL_PAGES, event->other);
  lower->bytes_alloc /= 2;
  *upper = *lower;
  self->pages.n_live++;
  self->pages.n_peak = MAX (self->pages.n_peak, self->pages.n_live);
  site_count (self, lower->site)->live++;
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
    default:
      add_split (self, &events[i]);
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
kml_trace_stats_objects (const KmlTraceStats *self)
{
  return &self->objects;
}

const KmlTraceLevelStats *
kml_trace_stats_pages (const KmlTraceStats *self)
{
  return &self->pages;
}

const KmlHistogram *
kml_trace_stats_lifetimes (const KmlTraceStats *self)
{
  return &self->lifetimes;
}

guint64
kml_trace_stats_order (const KmlTraceStats *self, guint order)
{
  return order <= KML_MAX_ORDER ? self->orders[order] : 0;
}

guint64
kml_trace_stats_context (const KmlTraceStats *self, KmlContext context)
{
  return self->contexts[context];
}

guint64
kml_trace_stats_cpu (const KmlTraceStats *self, guint cpu)
{
  return cpu < self->cpus->len ? g_array_index (self->cpus, guint64, cpu) : 0;
}

guint
kml_trace_stats_n_cpus (const KmlTraceStats *self)
{
  guint n = self->cpus->len;

  while (n > 0 && g_array_index (self->cpus, guint64, n - 1) == 0)
    n--;
  return n;
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
kml_trace_stats_sites (const KmlTraceStats *self)
{
  GArray *sites = g_array_new (FALSE, FALSE, sizeof (KmlTraceSiteCount));

  for (guint i = 0; i < self->sites->len; i++) {
    KmlTraceSiteCount site = g_array_index (self->sites, KmlTraceSiteCount, i);

    site.site = i;
    if (site.allocs > 0)
      g_array_append_val (sites, site);
  }
  g_array_sort (sites, compare_sites);
  return sites;
}
