/* trace-binary.c: reads a recording in binary form.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The trailer leads to the footer, which has the counts, the call sites and the
 * index; then the blocks are read one after the other. A file is not trusted:
 *
 *   - every byte is covered: the header and the trailer have checksums, blocks and
 *     the footer have one each over head and payload, sections follow each other without a gap
 *     and the trailer knows how long the file is;
 *   - lengths are compared with limits before memory is taken for them;
 *   - a checksum can be right and the contents be wrong, so the numbers of each
 *     block are checked, and the story they tell as well (B1 to B3): whoever
 *     replays it relies on that.
 *
 * Invariants of the stream, checked here
 *   B1  an allocation names a block that is not live, by a name in use before or the next one
 *   B2  a free names a live block, and says of it what the allocation said
 *   B3  a split halves a live page block; the upper half gets a name as in B1
 *   B4  a free of old pages is about no name: its own is 0
 *
 * After a seek, blocks that are live have not been seen: their frees and splits
 * are left out, and names come in any order.
 */

#include "workloads/traces/trace-binary-private.h"

/* The state of a name: 0: no live block, else LIVE, SLAB for pages of slabs, and the order. */
#define LIVE 0x80
#define SLAB 0x40

gboolean
kml_trace_is_binary (KmlTraceInput *input)
{
  const guint8 *bytes;

  return kml_trace_input_peek (input, &bytes) >= 4 && memcmp (bytes, KML_KMT_MAGIC, 4) == 0;
}

/* ---- Opening ---- */

static void
clear_name (gpointer data)
{
  g_free (((KmlTraceNameCount *)data)->name);
}

KmlTraceBinary *
kml_trace_binary_new (KmlTraceInput *input, KmlTraceInfo *info, GError **error)
{
  g_autoptr (KmlTraceBinary) self = g_new0 (KmlTraceBinary, 1);

  self->input = input;
  self->info = info;
  self->index = g_array_new (FALSE, FALSE, sizeof (KmlKmtIndexEntry));
  self->names = g_array_new (FALSE, FALSE, sizeof (KmlTraceNameCount));
  g_array_set_clear_func (self->names, clear_name);
  self->zstd = ZSTD_createDCtx ();
  g_assert (self->zstd != NULL);
  if (kml_trace_input_size (input) == 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: the binary form is read from both ends: expected a file, not a pipe",
                 kml_trace_input_shown (input));
    return NULL;
  }
  if (!kml_trace_binary_read_file (self, error))
    return NULL;
  self->templates = g_new (KmlTraceEvent, self->most_events);
  self->actors = g_new (KmlKmtActor, self->most_events);
  return g_steal_pointer (&self);
}

void
kml_trace_binary_free (KmlTraceBinary *self)
{
  if (self == NULL)
    return;
  ZSTD_freeDCtx (self->zstd);
  g_array_unref (self->index);
  g_array_unref (self->names);
  kml_trace_strings_finish (&self->sites);
  kml_trace_strings_finish (&self->caches);
  for (guint i = 0; i < G_N_ELEMENTS (self->levels); i++)
    g_free (self->levels[i].states);
  g_free (self->templates);
  g_free (self->actors);
  g_free (self->stored.bytes);
  g_free (self->raw.bytes);
  g_free (self->source);
  g_free (self->malformed_text);
  g_free (self);
}

/* ---- Blocks ---- */

/* What the first byte of a template is below. */
static guint64
most_kinds (guint32 version)
{
  if (version < KML_KMT_MOVED)
    return 32;
  return version < KML_KMT_OF_CACHE ? 64 : 128;
}

static void
get_template (const KmlTraceBinary *self, KmlKmtCursor *cursor, KmlTraceEvent *event)
{
  const guint8 what = (guint8)kml_kmt_get_below (cursor, most_kinds (self->version));
  const guint8 which = (guint8)kml_kmt_get_below (cursor, 128);

  *event = (KmlTraceEvent){
    .kind = what & 3,
    .level = what & 4 ? KML_LEVEL_PAGES : KML_LEVEL_OBJECTS,
    .flags = what >> 3,
    .order = which & 31,
    .mobility = which >> 5,
    .site = (guint32)kml_kmt_get_below (cursor, self->info->n_sites + 1u),
    .cache = (guint32)kml_kmt_get_below (cursor, self->info->n_caches + 1u),
  };
  if (event->kind == KML_OP_ALLOC) {
    event->gfp = (guint32)kml_kmt_get_below (cursor, G_MAXUINT32);
    event->bytes_req = (guint32)kml_kmt_get_below (cursor, G_MAXUINT32 + G_GUINT64_CONSTANT (1));
    event->bytes_alloc = event->bytes_req +
                         (guint32)kml_kmt_get_below (cursor, G_MAXUINT32 - event->bytes_req +
                                                                 G_GUINT64_CONSTANT (1));
  }
  if ((event->kind == KML_OP_FREE_OLD && self->version < KML_KMT_OLD_PAGES) ||
      event->order > KML_MAX_ORDER || event->mobility >= KML_N_MOBILITIES ||
      (event->level == KML_LEVEL_OBJECTS &&
       (event->kind >= KML_OP_SPLIT || event->order != 0 || event->flags & KML_TRACE_SLAB_PAGE ||
        (event->kind == KML_OP_ALLOC && event->bytes_req == 0))) ||
      (event->flags & KML_TRACE_MOVED &&
       (!(event->kind & KML_OP_FREE) || event->order != 0 || event->level == KML_LEVEL_OBJECTS)) ||
      (event->flags & KML_TRACE_OF_CACHE &&
       (event->kind != KML_OP_ALLOC || event->level == KML_LEVEL_PAGES)) ||
      (event->level == KML_LEVEL_PAGES && event->bytes_alloc != 0))
    cursor->overrun = TRUE;
}

static void
get_actor (KmlKmtCursor *cursor, KmlKmtActor *actor)
{
  actor->context = (guint8)kml_kmt_get_below (cursor, KML_N_CONTEXTS);
  actor->cpu = (guint16)kml_kmt_get_below (cursor, G_MAXUINT16 + 1u);
  actor->pid = (guint32)kml_kmt_get_below (cursor, G_MAXUINT32 + G_GUINT64_CONSTANT (1));
}

/* The parts of a block that are not columns. Splits and escapes are read when their event comes. */
static gboolean
parse_dictionaries (KmlTraceBinary *self, KmlKmtCursor cursor, guint32 n_splits, guint32 n_escapes)
{
  for (guint i = 0; i < self->n_templates; i++)
    get_template (self, &cursor, &self->templates[i]);
  for (guint i = 0; i < self->n_actors; i++)
    get_actor (&cursor, &self->actors[i]);
  self->splits = cursor;
  for (guint i = 0; i < n_splits; i++)
    kml_kmt_get_below (&cursor, G_MAXUINT32);
  self->splits.end = cursor.at;
  self->escapes = cursor;
  for (guint i = 0; i < n_escapes; i++)
    kml_kmt_get_varint (&cursor);
  return !cursor.overrun && cursor.at == cursor.end;
}

/* Every index is below its dictionary's length. */
static gboolean
check_column (const guint8 *column, guint n, guint n_planes, guint limit)
{
  guint highest = 0;

  for (guint i = 0; i < n; i++) {
    const guint value = column[i] | (n_planes > 1 ? (guint)column[n + i] << 8 : 0);

    highest = MAX (highest, value);
  }
  return highest < limit;
}

static gboolean
parse_block (KmlTraceBinary *self, guint32 length)
{
  const guint8 *const prefix = self->raw.bytes;
  const guint32 n = self->n_events;
  KmlKmtCursor cursor = { 0 };
  guint32 n_splits, n_escapes, n_varints;

  if (length < KML_KMT_BLOCK_PREFIX)
    return FALSE;
  self->n_templates = kml_kmt_load32 (prefix);
  self->n_actors = kml_kmt_load32 (prefix + 4);
  n_splits = kml_kmt_load32 (prefix + 8);
  n_escapes = kml_kmt_load32 (prefix + 12);
  n_varints = kml_kmt_load32 (prefix + 16);
  self->template_planes = prefix[20];
  self->actor_planes = prefix[21];
  self->name_planes = prefix[22];
  self->unit = kml_kmt_load64 (prefix + 24);
  if (self->n_templates > n || self->n_actors > n || n_splits > n || n_escapes > n ||
      n_varints > length || self->template_planes - 1u > 1 || self->actor_planes - 1u > 1 ||
      self->name_planes - 1u > 3 || prefix[23] != 0 || self->unit == 0 ||
      KML_KMT_BLOCK_PREFIX + (guint64)n_varints +
              (guint64)n * (self->template_planes + self->actor_planes + 1 + self->name_planes) !=
          length)
    return FALSE;
  cursor.at = prefix + KML_KMT_BLOCK_PREFIX;
  cursor.end = cursor.at + n_varints;
  self->template_of = cursor.end;
  self->actor_of = self->template_of + (gsize)n * self->template_planes;
  self->times = self->actor_of + (gsize)n * self->actor_planes;
  self->block_names = self->times + n;
  return parse_dictionaries (self, cursor, n_splits, n_escapes) &&
         check_column (self->template_of, n, self->template_planes, self->n_templates) &&
         check_column (self->actor_of, n, self->actor_planes, self->n_actors);
}

static gboolean
next_block (KmlTraceBinary *self, GError **error)
{
  const KmlKmtIndexEntry *entry = &g_array_index (self->index, KmlKmtIndexEntry, self->next_block);
  const guint64 end = self->next_block + 1 < self->index->len ? entry[1].offset
                                                              : self->footer_offset;
  const guint64 length = end - entry->offset;
  KmlKmtSection section;

  if (length < KML_KMT_SECTION || length > STORED_SIZE)
    return kml_trace_binary_damaged (self, entry->offset, "the block's length is not one", error);
  kml_trace_binary_make_room (&self->stored, length);
  if (!kml_trace_binary_read_at (self, entry->offset, self->stored.bytes, length, error))
    return FALSE;
  kml_trace_binary_make_room (
      &self->raw, MIN (kml_kmt_load32 (self->stored.bytes + 12), KML_KMT_MAX_BLOCK_BYTES));
  if (!kml_trace_binary_unpack (self, self->stored.bytes, length, entry->offset, KML_KMT_TAG_BLOCK,
                                self->raw.bytes, self->raw.room, &section, error))
    return FALSE;
  if (section.n_events != entry->n_events || section.first_event != entry->first_event ||
      section.first_time_ns != entry->first_time_ns ||
      section.live_objects != entry->live_objects || section.live_pages != entry->live_pages)
    return kml_trace_binary_damaged (self, entry->offset, "the block is not the one of the index",
                                     error);
  self->n_events = section.n_events;
  self->at = 0;
  self->time_ns = section.first_time_ns;
  if (!parse_block (self, section.raw_length))
    return kml_trace_binary_damaged (self, entry->offset, "the block's contents are not one",
                                     error);
  self->next_block++;
  return TRUE;
}

/* ---- The story ---- */

/* Makes room for @name, which must be the next new one unless the stream was entered in its middle.
 * */
static gboolean G_GNUC_NO_INLINE
add_name (KmlTraceBinary *self, KmlKmtNames *names, guint32 name)
{
  const guint64 limit = names == &self->levels[0] ? self->info->live_objects_peak
                                                  : self->info->live_pages_peak;

  if (name >= limit || (name > names->n_named && !self->sought))
    return FALSE;
  if (name >= names->n_room) {
    names->n_room = (guint32)MIN (MAX ((guint64)name + 1, (guint64)names->n_room * 2 + 4096),
                                  G_MAXUINT32);
    names->states = g_realloc (names->states, names->n_room);
  }
  memset (names->states + names->n_named, 0, name + 1 - names->n_named);
  names->n_named = name + 1;
  return TRUE;
}

/* B1 */
static inline gboolean
give_name (KmlTraceBinary *self, KmlKmtNames *names, guint32 name, guint8 state)
{
  if (G_UNLIKELY (name >= names->n_named) && !add_name (self, names, name))
    return FALSE;
  if (G_UNLIKELY (names->states[name] != 0))
    return FALSE;
  names->states[name] = state;
  return TRUE;
}

typedef enum {
  STEP_GOOD,
  STEP_UNSEEN, /* about a block that was born before the place that was sought */
  STEP_WRONG,
} Step;

static Step G_GNUC_NO_INLINE
take_split (KmlTraceBinary *self, KmlTraceEvent *event, guint8 slab)
{
  KmlKmtNames *const names = &self->levels[1];

  event->other = (guint32)kml_kmt_get_below (&self->splits, G_MAXUINT32);
  if (self->splits.overrun)
    return STEP_WRONG;
  if (event->block >= names->n_named || names->states[event->block] == 0)
    return self->sought ? STEP_UNSEEN : STEP_WRONG;
  if (names->states[event->block] != (LIVE | slab | (event->order + 1))) /* B3 */
    return STEP_WRONG;
  names->states[event->block]--;
  return give_name (self, names, event->other, names->states[event->block]) ? STEP_GOOD
                                                                            : STEP_WRONG;
}

static Step G_GNUC_NO_INLINE
take_old (KmlTraceBinary *self, KmlTraceEvent *event)
{
  event->other = (guint32)kml_kmt_get_below (&self->splits, KML_PFN_NONE);
  return self->splits.overrun || event->block != 0 ? STEP_WRONG : STEP_GOOD; /* B4 */
}

static inline Step
check_event (KmlTraceBinary *self, KmlTraceEvent *event)
{
  KmlKmtNames *const names = &self->levels[event->level == KML_LEVEL_PAGES];
  const guint8 slab = event->flags & KML_TRACE_SLAB_PAGE ? SLAB : 0;
  const guint8 state = LIVE | slab | event->order;

  if (event->kind == KML_OP_ALLOC)
    return give_name (self, names, event->block, state) ? STEP_GOOD : STEP_WRONG;
  if (G_UNLIKELY (event->kind >= KML_OP_SPLIT))
    return event->kind == KML_OP_SPLIT ? take_split (self, event, slab) : take_old (self, event);
  if (G_UNLIKELY (event->block >= names->n_named || names->states[event->block] != state)) {
    if (event->block < names->n_named && names->states[event->block] != 0)
      return STEP_WRONG; /* B2 */
    return self->sought ? STEP_UNSEEN : STEP_WRONG;
  }
  names->states[event->block] = 0;
  return STEP_GOOD;
}

static inline guint32
name_at (const KmlTraceBinary *self, guint32 at)
{
  guint32 name = self->block_names[at];

  for (guint plane = 1; plane < self->name_planes; plane++)
    name |= (guint32)self->block_names[plane * self->n_events + at] << (8 * plane);
  return name;
}

static inline guint
index_at (const guint8 *column, guint32 n, guint n_planes, guint32 at)
{
  return column[at] | (n_planes > 1 ? (guint)column[n + at] << 8 : 0);
}

static inline gboolean
add_time (KmlTraceBinary *self, guint8 steps)
{
  guint64 many = steps;

  if (G_UNLIKELY (steps == KML_KMT_ESCAPE)) {
    many = kml_kmt_get_varint (&self->escapes);
    if (self->escapes.overrun || many > (KML_TIME_MAX / KML_NS - self->time_ns) / self->unit)
      return FALSE;
  }
  self->time_ns += many * self->unit;
  return TRUE;
}

/* Decodes events of the block: how many were written to @events; -1: one is wrong. */
static int
decode (KmlTraceBinary *self, KmlTraceEvent *events, guint n)
{
  guint n_done = 0;

  while (n_done < n && self->at < self->n_events) {
    const guint32 at = self->at++;
    KmlTraceEvent *event = &events[n_done];
    const KmlKmtActor *actor =
        &self->actors[index_at (self->actor_of, self->n_events, self->actor_planes, at)];
    Step step;

    if (!add_time (self, self->times[at]))
      return -1;
    *event =
        self->templates[index_at (self->template_of, self->n_events, self->template_planes, at)];
    event->time_ns = self->time_ns;
    event->block = name_at (self, at);
    event->pid = actor->pid;
    event->cpu = actor->cpu;
    event->context = actor->context;
    step = check_event (self, event);
    if (G_UNLIKELY (step == STEP_WRONG))
      return -1;
    n_done += step == STEP_GOOD;
  }
  return (int)n_done;
}

int
kml_trace_binary_next (KmlTraceBinary *self, KmlTraceEvent *events, guint n, GError **error)
{
  guint n_done = 0;

  while (n_done < n) {
    int more;

    if (self->at == self->n_events) {
      if (self->next_block == self->index->len)
        break;
      if (!next_block (self, error))
        return -1;
    }
    more = decode (self, events + n_done, n - n_done);
    if (more < 0) {
      kml_trace_binary_damaged (
          self, g_array_index (self->index, KmlKmtIndexEntry, self->next_block - 1).offset,
          "an event of the block contradicts those before it", error);
      return -1;
    }
    n_done += (guint)more;
  }
  return (int)n_done;
}

gboolean
kml_trace_binary_seek (KmlTraceBinary *self, guint64 event, guint64 *ret_event, GError **error)
{
  guint low = 0, high = self->index->len;

  if (event >= self->info->n_stream) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: event %" G_GUINT64_FORMAT ": there are only %" G_GUINT64_FORMAT,
                 kml_trace_input_shown (self->input), event, self->info->n_stream);
    return FALSE;
  }
  while (high - low > 1) { /* first_event of low <= event < that of high */
    const guint middle = low + (high - low) / 2;

    if (g_array_index (self->index, KmlKmtIndexEntry, middle).first_event <= event)
      low = middle;
    else
      high = middle;
  }
  for (guint i = 0; i < G_N_ELEMENTS (self->levels); i++)
    self->levels[i].n_named = 0;
  self->n_events = self->at = 0;
  self->next_block = low;
  self->sought = low > 0;
  *ret_event = g_array_index (self->index, KmlKmtIndexEntry, low).first_event;
  return TRUE;
}

double
kml_trace_binary_progress (const KmlTraceBinary *self)
{
  guint64 done = self->info->n_stream;

  if (self->next_block < self->index->len)
    done = g_array_index (self->index, KmlKmtIndexEntry, self->next_block).first_event;
  return done == 0 ? 0.0
                   : (double)(done - (self->n_events - self->at)) / (double)self->info->n_stream;
}

const KmlTraceStrings *
kml_trace_binary_sites (const KmlTraceBinary *self)
{
  return &self->sites;
}

const KmlTraceStrings *
kml_trace_binary_caches (const KmlTraceBinary *self)
{
  return &self->caches;
}

void
kml_trace_binary_names (const KmlTraceBinary *self, GArray *names)
{
  for (guint i = 0; i < self->names->len; i++) {
    KmlTraceNameCount name = g_array_index (self->names, KmlTraceNameCount, i);

    name.name = g_strdup (name.name);
    g_array_append_val (names, name);
  }
}
