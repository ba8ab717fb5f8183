/* like-model.c: what a recording is like, as laws to draw from.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Kinds
 *
 * Two requests are of one kind when level, size (or order), GFP flags, mobility, context and CPU are the same. A kind is
 * drawn as often as it was recorded, so all of these and whatever holds between them are kept exactly: which
 * sizes interrupts ask for, which orders are movable, which CPU does what.
 *
 * 2. Lifetimes
 *
 * Blocks of one *class* (objects: sizes that differ by at most 1/32; pages: order and mobility) have one law of
 * lifetimes. What was live when the recording ended has lived at least until then, and how much longer nobody
 * knows; to call that its lifetime would make lifetimes too short, to leave it out even more so, and to let it live for ever would make
 * memory grow without end. Statistics knows the answer:
 *
 *   E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
 *   Statistical Association 53, 1958.
 *
 * Of the n blocks that were seen to reach an age, d die at it, so the share S of those that get older shrinks by
 * the factor 1 - d / n; blocks that go out of sight at that age only stop counting in n. Ages are grouped by the
 * buckets of a histogram (3 % wide), and those that go out of sight within a bucket count for half of it, as in life tables.
 * What is left of S at the greatest age lives for ever: nothing says otherwise.
 * S is an integer in units of 2^-62.
 *
 * A block of pages that was freed in pieces counts by its frames: each has the lifetime that it had. Then
 * the memory that is in use comes out right, though blocks are freed whole.
 *
 * 3. Times
 *
 * The gaps between requests are those recorded, in another order: they are drawn without replacement, and when all have been, again. So
 * the rate and the spread (bursts and pauses) are kept, and as many requests as were recorded take as long as the
 * recording. Independent draws would not do: a few pauses of seconds are most of the time of many recordings, and two
 * more of them or less would be a quarter of it.
 *
 * 4. Frees
 *
 * The CPU and the context that free a block are drawn from those that freed blocks of the same level that the same CPU
 * had asked for.
 *
 * Not kept: everything between one request and the next. That requests come in series of the same kind, that
 * phases follow each other (a start, a steady state, an end), that blocks die together; call sites, caches, tasks. So
 * the mean of what is live agrees when a recording is more or less steady, and the way there does not.
 */

#include "workloads/like-model.h"

#include <string.h>

#define MAX_KINDS (1u << 20)
#define ONE       (G_GUINT64_CONSTANT (1) << 62) /* certainty */

typedef unsigned __int128 Wide;

G_STATIC_ASSERT (KML_HISTOGRAM_N_BUCKETS < 2048); /* take_gap() begins with half of that */

typedef struct {
  KmlLikeKind kind;
  guint64 count;
} KindCount;

/* Blocks of pages count by their frames. */
typedef struct {
  guint64 deaths[KML_HISTOGRAM_N_BUCKETS];   /* by age */
  guint64 censored[KML_HISTOGRAM_N_BUCKETS]; /* went out of sight at that age */
  guint64 n;
  guint64 forever; /* of ONE */
  KmlAlias ages;   /* by bucket; G_MAXUINT64: for ever */
} Class;

/* A live block. */
typedef struct {
  guint64 born_ns;
  guint32 class;
  guint32 weight; /* frames; 0: not live */
  guint16 cpu;
} Birth;

/* Frees by where the block was asked for and where it was freed. */
typedef struct {
  guint64 key; /* level and CPU of the request, CPU and context of the free */
  guint64 count;
} Move;

/* Where blocks of a level and CPU are freed. */
typedef struct {
  guint32 from; /* level and CPU */
  KmlAlias places;
} Row;

struct _KmlLikeModel {
  GArray *kinds;        /* (owned) (element-type KindCount): in the order of the recording */
  GHashTable *kind_of;  /* (owned): KmlLikeKind to 1 + its number; looked up only */
  GPtrArray *classes;   /* (owned) (element-type Class) */
  GHashTable *class_of; /* (owned): key to 1 + its number */
  GArray *births[2];    /* (owned) (element-type Birth): by level and name */
  GArray *moves;        /* (owned) (element-type Move) */
  GHashTable *move_of;  /* (owned): key to 1 + its number */
  GArray *rows;         /* (owned) (element-type Row): sorted by .from */
  KmlHistogram gaps;    /* ns */
  /* gaps not yet drawn: a tree over the buckets, from 1 */
  guint64 left[KML_HISTOGRAM_N_BUCKETS + 1];
  guint64 n_left;
  guint64 n_requests, last_request_ns;
  KmlAlias kind_law;
};

/* ---- Making ---- */

static guint
hash_kind (gconstpointer data)
{
  const KmlLikeKind *const kind = data;
  const guint64 a = (guint64)kind->size << 32 | kind->gfp;
  const guint64 b = (guint64)kind->cpu << 24 | (guint64)kind->level << 16 |
                    (guint64)kind->context << 8 | kind->mobility;

  return (guint)(((a * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) ^
                  (b * G_GUINT64_CONSTANT (0xc2b2ae3d27d4eb4f))) >>
                 32);
}

static gboolean
equal_kinds (gconstpointer a, gconstpointer b)
{
  const KmlLikeKind *const left = a, *const right = b;

  return left->size == right->size && left->gfp == right->gfp && left->cpu == right->cpu &&
         left->level == right->level && left->context == right->context &&
         left->mobility == right->mobility;
}

static void
free_class (gpointer data)
{
  Class *const class = data;

  kml_alias_finish (&class->ages);
  g_free (class);
}

static void
clear_row (gpointer data)
{
  kml_alias_finish (&((Row *)data)->places);
}

KmlLikeModel *
kml_like_model_new (void)
{
  KmlLikeModel *const self = g_new0 (KmlLikeModel, 1);

  self->kinds = g_array_new (FALSE, FALSE, sizeof (KindCount));
  self->kind_of = g_hash_table_new_full (hash_kind, equal_kinds, g_free, NULL);
  self->classes = g_ptr_array_new_with_free_func (free_class);
  self->class_of = g_hash_table_new (NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (self->births); i++)
    self->births[i] = g_array_new (FALSE, TRUE, sizeof (Birth));
  self->moves = g_array_new (FALSE, FALSE, sizeof (Move));
  self->move_of = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_array_set_clear_func (self->rows, clear_row);
  return self;
}

void
kml_like_model_free (KmlLikeModel *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->kinds);
  g_hash_table_unref (self->kind_of);
  g_ptr_array_unref (self->classes);
  g_hash_table_unref (self->class_of);
  for (guint i = 0; i < G_N_ELEMENTS (self->births); i++)
    g_array_unref (self->births[i]);
  g_array_unref (self->moves);
  g_hash_table_unref (self->move_of);
  g_array_unref (self->rows);
  kml_alias_finish (&self->kind_law);
  g_free (self);
}

/* ---- Estimating ---- */

static Class *
class_at (const KmlLikeModel *self, guint32 class)
{
  return g_ptr_array_index (self->classes, class);
}

static guint32
find_class (KmlLikeModel *self, const KmlLikeKind *kind)
{
  const guint key = kind->level == KML_LEVEL_PAGES
                        ? KML_HISTOGRAM_N_BUCKETS + kind->size * KML_N_MOBILITIES + kind->mobility
                        : kml_histogram_bucket (kind->size);
  guint number = GPOINTER_TO_UINT (
      g_hash_table_lookup (self->class_of, GUINT_TO_POINTER (key + 1)));

  if (number == 0) {
    g_ptr_array_add (self->classes, g_new0 (Class, 1));
    number = self->classes->len;
    g_hash_table_insert (self->class_of, GUINT_TO_POINTER (key + 1), GUINT_TO_POINTER (number));
  }
  return number - 1;
}

/* The number of the kind; MAX_KINDS: there are too many. */
static guint
find_kind (KmlLikeModel *self, const KmlLikeKind *wanted)
{
  guint number = GPOINTER_TO_UINT (g_hash_table_lookup (self->kind_of, wanted));
  KindCount count = { .kind = *wanted };

  if (number > 0)
    return number - 1;
  if (self->kinds->len == MAX_KINDS)
    return MAX_KINDS;
  count.kind.class = find_class (self, wanted);
  g_array_append_val (self->kinds, count);
  g_hash_table_insert (self->kind_of, g_memdup2 (wanted, sizeof *wanted),
                       GUINT_TO_POINTER (self->kinds->len));
  return self->kinds->len - 1;
}

static Birth *
birth_of (KmlLikeModel *self, guint level, guint32 name)
{
  GArray *const births = self->births[level == KML_LEVEL_PAGES];

  if (name >= births->len)
    g_array_set_size (births, MAX (name + 1, MIN (births->len * 2, births->len + (1u << 20))));
  return &g_array_index (births, Birth, name);
}

static gboolean
add_alloc (KmlLikeModel *self, const KmlTraceEvent *event)
{
  const gboolean is_pages = event->level == KML_LEVEL_PAGES;
  const KmlLikeKind wanted = {
    .size = is_pages ? event->order : event->bytes_req,
    .gfp = event->gfp,
    .cpu = event->cpu,
    .level = event->level,
    .context = event->context,
    .mobility = event->mobility,
  };
  const guint number = find_kind (self, &wanted);
  KindCount *count;

  if (number == MAX_KINDS)
    return FALSE;
  count = &g_array_index (self->kinds, KindCount, number);
  count->count++;
  *birth_of (self, event->level, event->block) = (Birth){
    .born_ns = event->time_ns,
    .class = count->kind.class,
    .weight = is_pages ? 1u << event->order : 1,
    .cpu = event->cpu,
  };
  if (self->n_requests++ > 0)
    kml_histogram_add (&self->gaps, event->time_ns - self->last_request_ns);
  self->last_request_ns = event->time_ns;
  return TRUE;
}

static inline guint64
move_key (guint level, guint from_cpu, guint to_cpu, guint context)
{
  return (guint64)(level == KML_LEVEL_PAGES) << 48 | (guint64)from_cpu << 32 |
         (guint64)to_cpu << 8 | context;
}

static void
add_move (KmlLikeModel *self, guint64 key)
{
  guint number = GPOINTER_TO_UINT (g_hash_table_lookup (self->move_of, &key));
  const Move move = { key, 0 };

  if (number == 0) {
    g_array_append_val (self->moves, move);
    number = self->moves->len;
    g_hash_table_insert (self->move_of, g_memdup2 (&key, sizeof key), GUINT_TO_POINTER (number));
  }
  g_array_index (self->moves, Move, number - 1).count++;
}

static void
add_free (KmlLikeModel *self, const KmlTraceEvent *event)
{
  Birth *const birth = birth_of (self, event->level, event->block);
  Class *const class = class_at (self, birth->class);

  class->deaths[kml_histogram_bucket (event->time_ns - birth->born_ns)] += birth->weight;
  class->n += birth->weight;
  birth->weight = 0;
  if (!(event->flags & KML_TRACE_INFERRED))
    add_move (self, move_key (event->level, birth->cpu, event->cpu, event->context));
}

static void
add_split (KmlLikeModel *self, const KmlTraceEvent *event)
{
  Birth *lower;

  birth_of (self, KML_LEVEL_PAGES, event->other); /* the table may move */
  lower = birth_of (self, KML_LEVEL_PAGES, event->block);
  lower->weight /= 2;
  *birth_of (self, KML_LEVEL_PAGES, event->other) = *lower;
}

gboolean
kml_like_model_add (KmlLikeModel *self, const KmlTraceEvent *event)
{
  switch (event->kind) {
  case KML_OP_ALLOC:
    return add_alloc (self, event);
  case KML_OP_FREE:
    add_free (self, event);
    return TRUE;
  case KML_OP_SPLIT:
    add_split (self, event);
    return TRUE;
  default: /* KML_OP_FREE_OLD: nothing is known of its birth */
    return TRUE;
  }
}

/* ---- Fitting ---- */

/* What is live goes out of sight. */
static void
censor_live (KmlLikeModel *self, guint64 end_ns)
{
  for (guint level = 0; level < G_N_ELEMENTS (self->births); level++)
    for (guint i = 0; i < self->births[level]->len; i++) {
      const Birth *birth = &g_array_index (self->births[level], Birth, i);

      if (birth->weight > 0) {
        Class *const class = class_at (self, birth->class);

        class->censored[kml_histogram_bucket (end_ns - birth->born_ns)] += birth->weight;
        class->n += birth->weight;
      }
    }
}

/* The estimate of Kaplan and Meier, grouped. */
static void
fit_class (Class *self)
{
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (KmlWeighted));
  guint64 n_left = self->n, survive = ONE;
  KmlWeighted item;

  for (guint bucket = 0; bucket < KML_HISTOGRAM_N_BUCKETS && n_left > 0; bucket++) {
    const guint64 deaths = self->deaths[bucket], censored = self->censored[bucket];

    if (deaths > 0) {
      item.value = bucket;
      item.weight = (guint64)((Wide)survive * 2 * deaths / (2 * n_left - censored));
      survive -= item.weight;
      g_array_append_val (items, item);
    }
    n_left -= deaths + censored;
  }
  self->forever = survive;
  item = (KmlWeighted){ G_MAXUINT64, survive };
  g_array_append_val (items, item);
  kml_alias_init (&self->ages, (const KmlWeighted *)(gpointer)items->data, items->len);
}

static int
compare_moves (gconstpointer a, gconstpointer b)
{
  const guint64 left = ((const Move *)a)->key, right = ((const Move *)b)->key;

  return (left > right) - (left < right);
}

static void
fit_rows (KmlLikeModel *self)
{
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (KmlWeighted));

  g_array_sort (self->moves, compare_moves);
  for (guint i = 0; i < self->moves->len; i++) {
    const Move *const move = &g_array_index (self->moves, Move, i);
    const guint32 from = (guint32)(move->key >> 32);
    const KmlWeighted item = { move->key & G_MAXUINT32, move->count };

    g_array_append_val (items, item);
    if (i + 1 == self->moves->len || (move[1].key >> 32) != from) {
      Row row = { .from = from };

      kml_alias_init (&row.places, (const KmlWeighted *)(gpointer)items->data, items->len);
      g_array_append_val (self->rows, row);
      g_array_set_size (items, 0);
    }
  }
}

static void
fit_kinds (KmlLikeModel *self)
{
  g_autofree KmlWeighted *items = g_new (KmlWeighted, self->kinds->len);

  for (guint i = 0; i < self->kinds->len; i++)
    items[i] = (KmlWeighted){ i, g_array_index (self->kinds, KindCount, i).count };
  kml_alias_init (&self->kind_law, items, self->kinds->len);
}

/* ---- Gaps ---- */

/* P. M. Fenwick, "A new data structure for cumulative frequency tables", 1994: entry i holds the sum of as
 * many counts up to i as its lowest bit says. */
static void
refill_gaps (KmlLikeModel *self)
{
  memset (self->left, 0, sizeof self->left);
  for (guint i = 1; i <= KML_HISTOGRAM_N_BUCKETS; i++) {
    const guint parent = i + (i & -i);

    self->left[i] += self->gaps.counts[i - 1];
    if (parent <= KML_HISTOGRAM_N_BUCKETS)
      self->left[parent] += self->left[i];
  }
  self->n_left = kml_histogram_n (&self->gaps);
}

/* Takes gap number @rank of those that are left, from 0; returns its bucket. */
static guint
take_gap (KmlLikeModel *self, guint64 rank)
{
  guint at = 0;

  for (guint step = 1024; step > 0; step /= 2)
    if (at + step <= KML_HISTOGRAM_N_BUCKETS && self->left[at + step] <= rank) {
      at += step;
      rank -= self->left[at];
    }
  for (guint i = at + 1; i <= KML_HISTOGRAM_N_BUCKETS; i += i & -i)
    self->left[i]--;
  self->n_left--;
  return at;
}

gboolean
kml_like_model_fit (KmlLikeModel *self, guint64 end_ns)
{
  if (self->n_requests == 0)
    return FALSE;
  censor_live (self, end_ns);
  for (guint i = 0; i < self->classes->len; i++)
    fit_class (class_at (self, i));
  fit_rows (self);
  fit_kinds (self);
  refill_gaps (self);
  return TRUE;
}

/* ---- Drawing ---- */

guint64
kml_like_model_n_requests (const KmlLikeModel *self)
{
  return self->n_requests;
}

guint
kml_like_model_n_kinds (const KmlLikeModel *self)
{
  return self->kinds->len;
}

const KmlLikeKind *
kml_like_model_draw_kind (const KmlLikeModel *self, KmlRng *rng)
{
  return &g_array_index (self->kinds, KindCount, kml_alias_draw (&self->kind_law, rng)).kind;
}

/* All values of the bucket are equally likely. */
static guint64
draw_within (guint64 bucket, KmlRng *rng)
{
  return kml_histogram_bucket_lo ((guint)bucket) +
         kml_rng_below (rng, kml_histogram_bucket_width ((guint)bucket));
}

guint64
kml_like_model_draw_gap (KmlLikeModel *self, KmlRng *rng)
{
  if (self->n_left == 0)
    refill_gaps (self);
  if (self->n_left == 0)
    return 0; /* a recording of one request */
  return draw_within (take_gap (self, kml_rng_below (rng, self->n_left)), rng);
}

guint64
kml_like_model_draw_lifetime (const KmlLikeModel *self, guint32 class, KmlRng *rng)
{
  const guint64 bucket = kml_alias_draw (&class_at (self, class)->ages, rng);

  return bucket == G_MAXUINT64 ? bucket : draw_within (bucket, rng);
}

KmlLikePlace
kml_like_model_draw_place (const KmlLikeModel *self, const KmlLikeKind *kind, KmlRng *rng)
{
  const guint32 from = (guint32)(move_key (kind->level, kind->cpu, 0, 0) >> 32);
  guint low = 0, high = self->rows->len;
  guint64 drawn;

  while (low < high) { /* .from < from before low, and >= from at high */
    const guint middle = low + (high - low) / 2;

    if (g_array_index (self->rows, Row, middle).from < from)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == self->rows->len || g_array_index (self->rows, Row, low).from != from)
    return (KmlLikePlace){ kind->cpu, kind->context }; /* nothing of it was seen to be freed */
  drawn = kml_alias_draw (&g_array_index (self->rows, Row, low).places, rng);
  return (KmlLikePlace){ (guint16)(drawn >> 8), (guint8)drawn };
}

guint64
kml_like_model_forever (const KmlLikeModel *self, guint32 class)
{
  return class_at (self, class)->forever;
}
