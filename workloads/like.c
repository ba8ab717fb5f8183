/* like.c: a workload like that of a recording, as long as one wants.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   [workload NAME]
 *   kind = like
 *   file = mix.kmt
 *   length = 10x                    times as many requests as recorded, or a number of them
 *   rate = 1x                       requests come that many times as often; lifetimes stay as they are
 *   level = objects | pages | both  which of the recorded requests are modelled
 *   timing = recorded | asap        as in kind = trace
 *
 * The recording is read once, when the workload is opened, and becomes laws (like-model.c) for what requests ask
 * for, when they come, how long their blocks live and where they are freed. What it is then like and what is lost is said there.
 *
 * Streams: "kinds", "gaps", "lifetimes" and "frees". Deaths come before requests of the same time, in the order of
 * their blocks' names. The stream ends with the last request; what is still live stays.
 *
 * Road not taken: to write the recording out several times behind itself. It would repeat the same chance events, and what
 * is live at the seams (all that the recording has not freed) would come again each time.
 */

#include "simcore/base/units.h"
#include "simcore/workload.h"
#include "workloads/deaths.h"
#include "simcore/base/law.h"
#include "workloads/like-model.h"
#include "workloads/size-table.h"
#include "workloads/traces/trace-columns.h"

#include <string.h>

#define NANO           G_GUINT64_CONSTANT (1000000000)
#define MAX_REQUESTS   (G_GUINT64_CONSTANT (1) << 48)
#define MAX_SIZE_DRAWS (G_GUINT64_CONSTANT (1) << 27)

enum {
  TIMING_RECORDED,
  TIMING_ASAP,
};

enum {
  LIKE_OBJECTS,
  LIKE_PAGES,
  LIKE_BOTH,
};

typedef struct {
  KmlWorkload base;

  char *file;
  char *columns;
  char *length_text, *rate_text;
  guint level;
  guint timing;

  KmlLikeModel *model; /* (owned) */
  guint64 n_requests;  /* in all */
  guint64 rate_nano;
  KmlRng kind_rng, gap_rng, lifetime_rng, free_rng;
  guint64 n_asked;
  guint64 next_ns;  /* of the next request */
  guint64 fraction; /* of a nanosecond, in units of 1 / rate_nano */
  KmlDeaths deaths; /* times in ns */
  GArray *kinds;    /* (owned) (element-type const KmlLikeKind *): of live blocks, by name */
} Like;

/* ---- Parameters ---- */

/* "2.5x", in units of 10^-9. */
static gboolean
parse_factor (const char *text, guint64 *ret_nano)
{
  const gsize length = strlen (text);
  g_autofree char *number = length > 0 ? g_strndup (text, length - 1) : NULL;

  return length > 1 && text[length - 1] == 'x' && kml_law_parse_decimal (number, ret_nano, NULL) &&
         *ret_nano > 0;
}

/* Either of the two is 0. */
static gboolean
parse_length (const char *text, guint64 *ret_nano, guint64 *ret_count, GError **error)
{
  *ret_nano = *ret_count = 0;
  if (parse_factor (text, ret_nano))
    return TRUE;
  if (kml_parse_count (text, ret_count, NULL) && *ret_count > 0)
    return TRUE;
  return kml_refuse_text ("a factor such as 10x, or a number of requests", text, error);
}

static gboolean
validate_length (const char *text, GError **error)
{
  guint64 nano, count;

  return parse_length (text, &nano, &count, error);
}

static gboolean
validate_rate (const char *text, GError **error)
{
  guint64 nano;

  return parse_factor (text, &nano) || kml_refuse_text ("a factor such as 2x", text, error);
}

static const char *const timings[] = { "recorded", "asap", NULL };
static const char *const levels[] = { "objects", "pages", "both", NULL };

static const KmlParam like_params[] = {
  { .name = "file",
    .type = KML_PARAM_PATH,
    .offset = G_STRUCT_OFFSET (Like, file),
    .summary = "the recording, of any form that `kmemlab list traces` names, plain or compressed" },
  { .name = "columns",
    .type = KML_PARAM_TEXT,
    .value = "auto",
    .validate = kml_trace_columns_validate,
    .offset = G_STRUCT_OFFSET (Like, columns),
    .grammar = "FIELD=COLUMN[:UNIT],… | auto",
    .summary = "what the columns of a CSV mean (docs/traces.md); auto: what its first line says" },
  { .name = "length",
    .type = KML_PARAM_TEXT,
    .value = "1x",
    .validate = validate_length,
    .offset = G_STRUCT_OFFSET (Like, length_text),
    .grammar = "FACTORx | COUNT",
    .summary = "how many requests: times those of the recording, or that many" },
  { .name = "rate",
    .type = KML_PARAM_TEXT,
    .value = "1x",
    .validate = validate_rate,
    .offset = G_STRUCT_OFFSET (Like, rate_text),
    .grammar = "FACTORx",
    .summary = "requests come that many times as often; blocks live as long as before" },
  { .name = "level",
    .type = KML_PARAM_CHOICE,
    .value = "objects",
    .choices = levels,
    .offset = G_STRUCT_OFFSET (Like, level),
    .summary = "which requests: those for objects, those for pages, or both without the pages that "
               "the recorded kernel took for its objects" },
  { .name = "timing",
    .type = KML_PARAM_CHOICE,
    .value = "recorded",
    .choices = timings,
    .offset = G_STRUCT_OFFSET (Like, timing),
    .summary = "operations start at their times, or as soon as the last one is done" },
  { NULL },
};

/* ---- Opening ---- */

static gboolean
is_wanted (const Like *self, const KmlTraceEvent *event)
{
  if (self->level == LIKE_BOTH)
    return !(event->flags & KML_TRACE_SLAB_PAGE);
  return (event->level == KML_LEVEL_PAGES) == (self->level == LIKE_PAGES);
}

static gboolean
blame_file (const Like *self, const char *message, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: %s", self->file, message);
  return FALSE;
}

static gboolean
read_model (Like *self, GError **error)
{
  g_autofree char *path = kml_workload_locate (&self->base, self->file);
  const KmlTraceOptions options = {
    .shown = self->file,
    .columns = strcmp (self->columns, "auto") != 0 ? self->columns : NULL,
  };
  g_autoptr (KmlTrace) trace = kml_trace_open_with (path, &options, error);
  KmlTraceEvent events[256];
  int n;

  if (trace == NULL)
    return FALSE;
  self->model = kml_like_model_new ();
  while ((n = kml_trace_next (trace, events, G_N_ELEMENTS (events), error)) > 0)
    for (int i = 0; i < n; i++)
      if (is_wanted (self, &events[i]) && !kml_like_model_add (self->model, &events[i]))
        return blame_file (self, "more kinds of requests than a kernel has", error);
  if (n < 0)
    return FALSE;
  return kml_like_model_fit (self->model, kml_trace_info (trace)->duration_ns) ||
         blame_file (self, "no request of that level is in it", error);
}

static gboolean
open_length (Like *self, GError **error)
{
  guint64 nano, count;
  unsigned __int128 n;

  if (!parse_length (self->length_text, &nano, &count, error))
    return FALSE;
  n = nano > 0 ? (unsigned __int128)kml_like_model_n_requests (self->model) * nano / NANO : count;
  if (n > MAX_REQUESTS)
    return kml_refuse_text ("at most 2^48 requests", self->length_text, error);
  self->n_requests = MAX ((guint64)n, 1);
  return parse_factor (self->rate_text, &self->rate_nano) ||
         kml_refuse_text ("a factor such as 2x", self->rate_text, error);
}

static gboolean
like_open (KmlWorkload *base, GError **error)
{
  Like *const self = (Like *)base;

  self->kinds = g_array_new (FALSE, FALSE, sizeof (const KmlLikeKind *));
  if (!read_model (self, error) || !open_length (self, error))
    return FALSE;
  kml_workload_rng (base, "kinds", &self->kind_rng);
  kml_workload_rng (base, "gaps", &self->gap_rng);
  kml_workload_rng (base, "lifetimes", &self->lifetime_rng);
  kml_workload_rng (base, "frees", &self->free_rng);
  return TRUE;
}

static void
like_close (KmlWorkload *base)
{
  Like *const self = (Like *)base;

  kml_like_model_free (self->model);
  kml_deaths_clear (&self->deaths);
  if (self->kinds != NULL)
    g_array_unref (self->kinds);
}

/* ---- The stream ---- */

static void
set_op (const Like *self, KmlOp *op, KmlOpKind kind, guint64 time_ns, guint32 block,
        const KmlLikeKind *like, KmlLikePlace place)
{
  *op = (KmlOp){
    .time = self->timing == TIMING_ASAP ? 0 : time_ns * KML_NS,
    .request = {
      .size = like->level == KML_LEVEL_PAGES ? self->base.page_size << like->size : like->size,
      .gfp = like->gfp,
      .cpu = (guint16)(place.cpu % self->base.n_cpus),
      .context = place.context,
      .mobility = like->mobility,
    },
    .block = block,
    .kind = (guint8)kind,
    .level = like->level,
  };
}

static void
write_death (Like *self, KmlOp *op)
{
  const KmlDeath death = kml_deaths_take (&self->deaths);
  const KmlLikeKind *const kind = g_array_index (self->kinds, const KmlLikeKind *, death.block);

  set_op (self, op, KML_OP_FREE, death.time, death.block, kind,
          kml_like_model_draw_place (self->model, kind, &self->free_rng));
}

/* The gap to the next request, at the rate that is wanted; what is lost to whole nanoseconds is carried. */
static void
advance (Like *self)
{
  const guint64 gap = kml_like_model_draw_gap (self->model, &self->gap_rng);
  const unsigned __int128 scaled = (unsigned __int128)gap * NANO + self->fraction;
  const unsigned __int128 next = self->next_ns + scaled / self->rate_nano;

  self->next_ns = (guint64)MIN (next, KML_TIME_MAX / KML_NS);
  self->fraction = (guint64)(scaled % self->rate_nano);
}

static gboolean
write_request (Like *self, KmlOp *op, GError **error)
{
  const KmlLikeKind *const kind = kml_like_model_draw_kind (self->model, &self->kind_rng);
  const guint64 lifetime = kml_like_model_draw_lifetime (self->model, kind->class,
                                                         &self->lifetime_rng);
  const KmlTime death = lifetime < KML_TIME_MAX / KML_NS - self->next_ns ? self->next_ns + lifetime
                                                                         : KML_TIME_MAX;
  guint32 block;

  if (!kml_deaths_add (&self->deaths, death, 0, &block, error)) {
    kml_workload_blame (&self->base, error);
    return FALSE;
  }
  if (block >= self->kinds->len)
    g_array_set_size (self->kinds, MAX (block + 1, self->kinds->len * 2));
  g_array_index (self->kinds, const KmlLikeKind *, block) = kind;
  set_op (self, op, KML_OP_ALLOC, self->next_ns, block, kind,
          (KmlLikePlace){ kind->cpu, kind->context });
  self->n_asked++;
  advance (self);
  return TRUE;
}

static int
like_next (KmlWorkload *base, KmlOp *ops, guint n, GError **error)
{
  Like *const self = (Like *)base;
  guint at = 0;

  n = MIN (n, G_MAXINT);
  while (at < n && self->n_asked < self->n_requests) {
    if (kml_deaths_next_time (&self->deaths) <= self->next_ns)
      write_death (self, &ops[at++]);
    else if (self->next_ns == KML_TIME_MAX / KML_NS)
      break; /* beyond the end of simulated time */
    else if (!write_request (self, &ops[at++], error))
      return -1;
  }
  return (int)at;
}

/* Draws the kinds once more. */
static gboolean
like_sizes (KmlWorkload *base, GArray *counts, GError **error)
{
  const Like *const self = (const Like *)base;
  g_autoptr (KmlSizeTable) table = kml_size_table_new ();
  KmlRng rng;

  (void)error; /* nothing here can fail */
  kml_workload_rng (base, "kinds", &rng);
  for (guint64 i = 0; i < MIN (self->n_requests, MAX_SIZE_DRAWS); i++) {
    const KmlLikeKind *const kind = kml_like_model_draw_kind (self->model, &rng);

    if (kind->level == KML_LEVEL_OBJECTS)
      kml_size_table_add (table, kind->size, 1);
  }
  kml_size_table_append_to (table, counts);
  return TRUE;
}

static double
like_progress (const KmlWorkload *base)
{
  const Like *const self = (const Like *)base;

  return (double)self->n_asked / (double)self->n_requests;
}

static const KmlWorkloadOps like_ops = {
  .name = "like",
  .summary = "requests like those of a recording, as long as one wants",
  .instance_size = sizeof (Like),
  .params = like_params,
  .open = like_open,
  .next = like_next,
  .sizes = like_sizes,
  .progress = like_progress,
  .close = like_close,
};

KML_REGISTER_WORKLOAD (like_ops)
