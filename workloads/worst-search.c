/* worst-search.c: whether any sequence of requests can fail, by looking at all of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/worst-search.h"

#include <xxhash.h>

#define NO_STATE G_MAXUINT32

typedef struct {
  guint64 hash[2];
  guint32 parent; /* the state that it was first reached from ... */
  guint32 step;   /* ... by the request for sizes[step], or by freeing live block step - n_sizes */
} State;

/* Live blocks are in the order of addresses. */
typedef struct {
  KmlAddr addr;
  guint32 n_frames;
  guint32 name;
} Live;

typedef struct {
  const KmlWorstConfig *config;
  guint32 n_frames;
  KmlTwin twin;

  GArray *states; /* (element-type State) */
  guint32 *slots; /* (owned) (array length=n_slots): 1 + index of a state, by its hash; 0: free */
  guint64 n_slots;

  GArray *live;   /* (element-type Live): where the twin is */
  guint64 n_live; /* frames */
  guint32 n_names;
  GArray *unused; /* (element-type guint32): names */
  GArray *words;  /* (element-type guint64): scratch */
  GArray *path;   /* (element-type guint32): scratch */
} Search;

static State *
state_at (const Search *self, guint32 i)
{
  return &g_array_index (self->states, State, i);
}

static Live *
live_at (const Search *self, guint i)
{
  return &g_array_index (self->live, Live, i);
}

/* ---- Moving the twin ---- */

static gboolean
renew (Search *self, GError **error)
{
  const KmlTwinMaker *twins = self->config->twins;

  g_array_set_size (self->live, 0);
  g_array_set_size (self->unused, 0);
  self->n_live = 0;
  self->n_names = 0;
  return twins->renew (twins->data, self->n_frames, &self->twin, error);
}

static guint32
new_name (Search *self)
{
  guint32 name;

  if (self->unused->len == 0)
    return self->n_names++;
  name = g_array_index (self->unused, guint32, self->unused->len - 1);
  g_array_set_size (self->unused, self->unused->len - 1);
  return name;
}

/* The index among the live blocks of the block given, or -1: the request failed. */
static int
ask (Search *self, guint64 n_frames)
{
  const guint64 size = n_frames * self->config->page_size;
  const KmlConstraints constraints = { .alignment = size };
  const KmlRequest request = { .size = size,
                               .constraints = self->config->is_aligned ? &constraints : NULL };
  Live block = { .n_frames = (guint32)n_frames };
  guint64 held;
  guint at = 0;

  block.addr = kml_allocator_alloc (self->twin.pages, &request, &held);
  if (block.addr == KML_ADDR_NONE)
    return -1;
  block.name = new_name (self);
  while (at < self->live->len && live_at (self, at)->addr < block.addr)
    at++;
  g_array_insert_val (self->live, at, block);
  self->n_live += n_frames;
  return (int)at;
}

static void
give_back (Search *self, guint i)
{
  const Live block = *live_at (self, i);
  const KmlRequest how = { 0 };

  kml_allocator_free_block (self->twin.pages, block.addr, &how);
  self->n_live -= block.n_frames;
  g_array_append_val (self->unused, block.name);
  g_array_remove_index (self->live, i);
}

/* A step that went well when it was tried. */
static KmlWorstStep
take_step (Search *self, guint32 step)
{
  const guint n_sizes = self->config->n_sizes;
  KmlWorstStep taken = { 0 };

  if (step < n_sizes) {
    const int block = ask (self, self->config->sizes[step]);

    g_assert (block >= 0);
    taken.block = live_at (self, (guint)block)->name;
    taken.n_frames = (guint32)self->config->sizes[step];
  } else {
    taken.block = live_at (self, step - n_sizes)->name;
    give_back (self, step - n_sizes);
  }
  return taken;
}

/* From an empty memory to the state. The steps are added to @told (nullable). */
static gboolean
go_to (Search *self, guint32 state, GArray *told, GError **error)
{
  g_array_set_size (self->path, 0);
  for (guint32 i = state; state_at (self, i)->parent != NO_STATE; i = state_at (self, i)->parent)
    g_array_append_val (self->path, state_at (self, i)->step);
  if (!renew (self, error))
    return FALSE;
  for (guint i = self->path->len; i-- > 0;) {
    const KmlWorstStep taken = take_step (self, g_array_index (self->path, guint32, i));

    if (told != NULL)
      g_array_append_val (told, taken);
  }
  return TRUE;
}

/* ---- Knowing states again ---- */

static void
hash_state (Search *self, guint64 ret_hash[2])
{
  XXH128_hash_t hash;

  g_array_set_size (self->words, 0);
  for (guint i = 0; i < self->live->len; i++) {
    kml_state_add (self->words, live_at (self, i)->addr);
    kml_state_add (self->words, live_at (self, i)->n_frames);
  }
  kml_state_add (self->words, G_MAXUINT64); /* no address */
  self->twin.pages->ops->state (self->twin.pages, self->words);
  hash = XXH3_128bits (self->words->data, self->words->len * sizeof (guint64));
  ret_hash[0] = hash.low64;
  ret_hash[1] = hash.high64;
}

static guint32 *
slot_of (const Search *self, const guint64 hash[2])
{
  guint64 at = hash[0] & (self->n_slots - 1);

  while (self->slots[at] != 0) {
    const State *state = state_at (self, self->slots[at] - 1);

    if (state->hash[0] == hash[0] && state->hash[1] == hash[1])
      break;
    at = (at + 1) & (self->n_slots - 1);
  }
  return &self->slots[at];
}

static void
grow_slots (Search *self)
{
  g_free (self->slots);
  self->n_slots *= 2;
  self->slots = g_new0 (guint32, self->n_slots);
  for (guint32 i = 0; i < self->states->len; i++)
    *slot_of (self, state_at (self, i)->hash) = i + 1;
}

/* Where the twin is becomes a state, unless it is one. */
static void
see_state (Search *self, guint32 parent, guint32 step)
{
  State state = { .parent = parent, .step = step };
  guint32 *slot;

  hash_state (self, state.hash);
  slot = slot_of (self, state.hash);
  if (*slot != 0)
    return;
  g_array_append_val (self->states, state);
  *slot = self->states->len;
  if (self->states->len > self->n_slots / 2)
    grow_slots (self);
}

static gboolean
is_at (Search *self, guint32 state)
{
  guint64 hash[2];

  hash_state (self, hash);
  return hash[0] == state_at (self, state)->hash[0] && hash[1] == state_at (self, state)->hash[1];
}

/* ---- Searching ---- */

/* All requests that can be made in the state at which the twin is. *@ret_failed is the step that fails, or n_sizes. */
static gboolean
try_requests (Search *self, guint32 state, guint *ret_failed, GError **error)
{
  const KmlWorstConfig *config = self->config;
  guint step;

  for (step = 0; step < config->n_sizes; step++) {
    int block;

    if (self->n_live + config->sizes[step] > config->most_live)
      continue;
    block = ask (self, config->sizes[step]);
    if (block < 0)
      break;
    see_state (self, state, step);
    give_back (self, (guint)block);
    if (!is_at (self, state) && !go_to (self, state, NULL, error))
      return FALSE;
  }
  *ret_failed = step;
  return TRUE;
}

static gboolean
try_frees (Search *self, guint32 state, GError **error)
{
  const guint n = self->live->len;

  for (guint i = 0; i < n; i++) {
    const guint32 n_frames = live_at (self, i)->n_frames;

    give_back (self, i);
    see_state (self, state, self->config->n_sizes + i);
    if (i + 1 == n || (ask (self, n_frames) >= 0 && is_at (self, state)))
      continue;
    if (!go_to (self, state, NULL, error))
      return FALSE;
  }
  return TRUE;
}

/* The steps that lead to the state, and the request that fails there. */
static gboolean
tell_sequence (Search *self, guint32 state, guint failed, GArray **ret_sequence, GError **error)
{
  g_autoptr (GArray) sequence = g_array_new (FALSE, FALSE, sizeof (KmlWorstStep));
  KmlWorstStep last = { .n_frames = (guint32)self->config->sizes[failed] };

  if (!go_to (self, state, sequence, error))
    return FALSE;
  last.block = new_name (self);
  g_array_append_val (sequence, last);
  *ret_sequence = g_steal_pointer (&sequence);
  return TRUE;
}

static gboolean
search (Search *self, KmlWorstResult *result, GError **error)
{
  if (!renew (self, error))
    return FALSE;
  if (self->twin.pages->ops->state == NULL)
    return kml_refuse (
        error, "pages.allocator",
        "allocator %s does not say what it remembers, so its states cannot be told apart",
        self->twin.pages->ops->name);
  see_state (self, NO_STATE, 0);
  for (guint32 state = 0; state < self->states->len; state++) {
    guint failed;

    if (self->states->len > self->config->most_states)
      return kml_refuse (error, "states",
                         "there are more than %" G_GUINT64_FORMAT
                         "; expected a smaller live or largest, or more states",
                         self->config->most_states);
    if (!go_to (self, state, NULL, error))
      return FALSE;
    g_assert (is_at (self, state)); /* the same steps lead to the same state */
    if (!try_requests (self, state, &failed, error))
      return FALSE;
    if (failed < self->config->n_sizes)
      return tell_sequence (self, state, failed, &result->sequence, error);
    if (!try_frees (self, state, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
kml_worst_search (const KmlWorstConfig *config, guint32 n_frames, KmlWorstResult *ret_result,
                  GError **error)
{
  KmlWorstResult result = { 0 };
  Search self = { .config = config, .n_frames = n_frames, .n_slots = 1024 };
  gboolean ok;

  self.states = g_array_new (FALSE, FALSE, sizeof (State));
  self.slots = g_new0 (guint32, self.n_slots);
  self.live = g_array_new (FALSE, FALSE, sizeof (Live));
  self.unused = g_array_new (FALSE, FALSE, sizeof (guint32));
  self.words = g_array_new (FALSE, FALSE, sizeof (guint64));
  self.path = g_array_new (FALSE, FALSE, sizeof (guint32));

  ok = search (&self, &result, error);
  result.n_states = self.states->len;
  if (ok)
    *ret_result = result;

  kml_twin_clear (&self.twin);
  g_array_unref (self.states);
  g_free (self.slots);
  g_array_unref (self.live);
  g_array_unref (self.unused);
  g_array_unref (self.words);
  g_array_unref (self.path);
  return ok;
}
