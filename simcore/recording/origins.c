/* origins.c: waste by call site and by lifetime.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A site's waste is integrated over time as the recorder integrates the whole: it is
 * brought up to date whenever one of the site's blocks comes or goes, so that an
 * operation costs the same with one site and with a hundred thousand.
 *
 * What is alive at the end has no event that would add it to a lifetime. Its band
 * gets what is left: the sums of live blocks, and of the integral what the sites have
 * more than those that died. So O1 holds by construction for the sites' total; test-origins.c
 * compares with the recorder's, which is added up elsewhere.
 */

#include "simcore/recording/origins.h"

#include <string.h>

#define FIRST_BIRTHS 1024

/* Of a block that is alive, by its name. */
typedef struct {
  KmlTime time;
  guint32 site;
  guint32 cpu;
} Birth;

typedef struct {
  KmlWorkload *workload;
  Birth *births; /* (owned) (array length=n_births) */
  guint32 n_births;
  GArray *sites; /* (owned) (element-type KmlSiteWaste): by the workload's number */
} Source;

struct _KmlOrigins {
  Source *sources; /* (owned) (array length=n_sources) */
  guint n_sources;
  KmlTime since; /* the end of the warm-up */
  KmlTime end;   /* of the run: after the finish */
  KmlLifetimeWaste lifetimes[KML_N_LIFETIMES];
  GArray *named; /* (owned) (nullable) (element-type KmlSiteOrigin): after the finish */
};

KmlOrigins *
kml_origins_new (KmlWorkload *const *workloads, guint n_workloads)
{
  KmlOrigins *self = g_new0 (KmlOrigins, 1);

  self->sources = g_new0 (Source, n_workloads);
  self->n_sources = n_workloads;
  for (guint i = 0; i < n_workloads; i++) {
    self->sources[i].workload = workloads[i];
    self->sources[i].sites = g_array_new (FALSE, TRUE, sizeof (KmlSiteWaste));
  }
  return self;
}

static void
clear_site (gpointer data)
{
  g_free (((KmlSiteOrigin *)data)->site);
}

void
kml_origins_free (KmlOrigins *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->n_sources; i++) {
    g_free (self->sources[i].births);
    g_array_unref (self->sources[i].sites);
  }
  g_free (self->sources);
  g_clear_pointer (&self->named, g_array_unref);
  g_free (self);
}

/* ---- Lifetimes ---- */

const char *const kml_lifetime_names[KML_N_LIFETIMES] = {
  "< 1 µs",    "1–10 µs", "10–100 µs", "0.1–1 ms", "1–10 ms",
  "10–100 ms", "0.1–1 s", "1–10 s",    "≥ 10 s",   "alive at the end",
};

void
kml_lifetime_range (guint band, KmlTime *ret_lo, KmlTime *ret_hi)
{
  KmlTime end = KML_US;

  g_assert (band < KML_LIFETIME_ALIVE);

  for (guint i = 0; i < band; i++)
    end *= 10;
  *ret_lo = band > 0 ? end / 10 : 0;
  *ret_hi = band + 1 < KML_LIFETIME_ALIVE ? end : KML_TIME_MAX;
}

static guint
lifetime_band (KmlTime lifetime)
{
  KmlTime end = KML_US;
  guint band = 0;

  for (; band + 1 < KML_LIFETIME_ALIVE && lifetime >= end; band++)
    end *= 10;
  return band;
}

/* ---- Sites ---- */

static KmlSiteWaste *
site_of (Source *source, guint32 site)
{
  if (G_UNLIKELY (site >= source->sites->len))
    g_array_set_size (source->sites, site + 1);
  return &g_array_index (source->sites, KmlSiteWaste, site);
}

static void
pass_time (KmlSiteWaste *site, KmlTime now)
{
  site->wasted_time += (unsigned __int128)(site->live_held - site->live_requested) *
                       (now - site->last_time);
  site->last_time = now;
}

/* ---- For the driver ---- */

static Birth *
birth_of (Source *source, guint32 block)
{
  if (G_UNLIKELY (block >= source->n_births)) {
    const guint64 wanted = MAX ((guint64)block + 1, (guint64)source->n_births * 2);

    source->n_births = (guint32)MIN (MAX (wanted, FIRST_BIRTHS), G_MAXUINT32);
    source->births = g_renew (Birth, source->births, source->n_births);
  }
  return &source->births[block];
}

void
kml_origins_add_alloc (KmlOrigins *self, guint workload, const KmlOp *op, KmlTime now, guint64 held)
{
  Source *source = &self->sources[workload];
  KmlSiteWaste *site = site_of (source, op->request.site);

  *birth_of (source, op->block) = (Birth){
    .time = now,
    .site = op->request.site,
    .cpu = op->request.cpu,
  };
  pass_time (site, now);
  site->count++;
  site->requested += op->request.size;
  site->held += held;
  site->live++;
  site->live_requested += op->request.size;
  site->live_held += held;
}

void
kml_origins_add_free (KmlOrigins *self, guint workload, const KmlOp *op, KmlTime now,
                      guint64 requested, guint64 held)
{
  Source *source = &self->sources[workload];
  const Birth *birth = birth_of (source, op->block);
  KmlSiteWaste *site = site_of (source, birth->site);
  const KmlTime lifetime = now - birth->time;
  KmlLifetimeWaste *band = &self->lifetimes[lifetime_band (lifetime)];

  pass_time (site, now);
  site->live--;
  site->live_requested -= requested;
  site->live_held -= held;
  if (birth->cpu != op->request.cpu)
    site->freed_elsewhere++;

  band->count++;
  band->requested += requested;
  band->held += held;
  band->wasted_time += (unsigned __int128)(held - requested) *
                       (now - MAX (birth->time, self->since));
}

void
kml_origins_add_split (KmlOrigins *self, guint workload, const KmlOp *op)
{
  Source *source = &self->sources[workload];
  const Birth birth = *birth_of (source, op->block);

  *birth_of (source, op->other) = birth;
  site_of (source, birth.site)->live++;
}

void
kml_origins_end_warm_up (KmlOrigins *self, KmlTime now)
{
  for (guint i = 0; i < self->n_sources; i++) {
    for (guint j = 0; j < self->sources[i].sites->len; j++) {
      KmlSiteWaste *site = &g_array_index (self->sources[i].sites, KmlSiteWaste, j);

      *site = (KmlSiteWaste){
        .live = site->live,
        .live_requested = site->live_requested,
        .live_held = site->live_held,
        .last_time = now,
      };
    }
  }
  memset (self->lifetimes, 0, sizeof self->lifetimes);
  self->since = now;
}

/* ---- Results ---- */

static int
compare_sites (gconstpointer a, gconstpointer b)
{
  const KmlSiteOrigin *left = a, *right = b;
  const int workloads = strcmp (left->workload, right->workload);

  return workloads != 0 ? workloads : strcmp (left->site, right->site);
}

static void
add_site (KmlSiteWaste *sum, const KmlSiteWaste *site)
{
  sum->count += site->count;
  sum->requested += site->requested;
  sum->held += site->held;
  sum->freed_elsewhere += site->freed_elsewhere;
  sum->live += site->live;
  sum->live_requested += site->live_requested;
  sum->live_held += site->live_held;
  sum->wasted_time += site->wasted_time;
}

/* Of neighbours that are called alike, the first becomes the sum. */
static void
merge_namesakes (GArray *named)
{
  KmlSiteOrigin *sites = (KmlSiteOrigin *)named->data;
  guint n = 0;

  for (guint i = 0; i < named->len; i++) {
    if (n > 0 && compare_sites (&sites[n - 1], &sites[i]) == 0) {
      add_site (&sites[n - 1].waste, &sites[i].waste);
      g_free (sites[i].site);
    } else {
      sites[n++] = sites[i];
    }
  }
  for (guint i = n; i < named->len; i++)
    sites[i].site = NULL; /* moved or freed */
  g_array_set_size (named, n);
}

/* (transfer full): valid UTF-8 */
static char *
name_site (const KmlWorkload *workload, guint32 site)
{
  const char *name = workload->ops->site != NULL ? workload->ops->site (workload, site) : "";

  return g_utf8_make_valid (name, -1);
}

static void
name_sites (KmlOrigins *self)
{
  self->named = g_array_new (FALSE, FALSE, sizeof (KmlSiteOrigin));
  g_array_set_clear_func (self->named, clear_site);
  for (guint i = 0; i < self->n_sources; i++) {
    const Source *source = &self->sources[i];

    for (guint j = 0; j < source->sites->len; j++) {
      KmlSiteOrigin origin = { .workload = source->workload->name,
                               .waste = g_array_index (source->sites, KmlSiteWaste, j) };

      if (origin.waste.count == 0 && origin.waste.wasted_time == 0 && origin.waste.live == 0)
        continue; /* not a number in use, or all of it in the warm-up */
      origin.site = name_site (source->workload, j);
      g_array_append_val (self->named, origin);
    }
  }
  g_array_sort (self->named, compare_sites);
  merge_namesakes (self->named);
}

void
kml_origins_finish (KmlOrigins *self, KmlTime end)
{
  KmlLifetimeWaste *alive = &self->lifetimes[KML_LIFETIME_ALIVE];

  g_assert (self->named == NULL);

  self->end = end;
  for (guint i = 0; i < self->n_sources; i++) {
    for (guint j = 0; j < self->sources[i].sites->len; j++) {
      KmlSiteWaste *site = &g_array_index (self->sources[i].sites, KmlSiteWaste, j);

      pass_time (site, end);
      alive->count += site->live;
      alive->requested += site->live_requested;
      alive->held += site->live_held;
      alive->wasted_time += site->wasted_time;
    }
  }
  for (guint band = 0; band < KML_LIFETIME_ALIVE; band++)
    alive->wasted_time -= self->lifetimes[band].wasted_time;
  name_sites (self);
}

const GArray *
kml_origins_sites (const KmlOrigins *self)
{
  g_assert (self->named != NULL);

  return self->named;
}

const KmlLifetimeWaste *
kml_origins_lifetime (const KmlOrigins *self, guint band)
{
  g_assert (self->named != NULL);
  g_assert (band < KML_N_LIFETIMES);

  return &self->lifetimes[band];
}

double
kml_origins_mean (const KmlOrigins *self, unsigned __int128 wasted_time)
{
  g_assert (self->named != NULL);

  return self->end > self->since ? (double)wasted_time / (double)(self->end - self->since) : 0.0;
}
