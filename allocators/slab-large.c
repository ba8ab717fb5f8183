/* slab-large.c: large objects: bufctls, and the hash tables that lead to them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/slab.h"

/* ---- Hash tables ---- */

static KmlAddr *
chain_of (const SlabHash *hash, KmlAddr addr)
{
  return &hash->chains[addr >> hash->shift & (((guint64)1 << hash->bits) - 1)];
}

static void
use_first_chains (SlabHash *self)
{
  self->chains = self->first_chains;
  self->bits = SLAB_STATIC_BITS;
  self->run = KML_PFN_NONE;
}

static void
empty_chains (SlabHash *self)
{
  for (guint64 i = 0; i < (guint64)1 << self->bits; i++)
    self->chains[i] = KML_ADDR_NONE;
}

void
slab_hash_init (SlabHash *self, guint64 chunk)
{
  use_first_chains (self);
  empty_chains (self);
  self->shift = 63 - (guint)__builtin_clzll (chunk);
}

/* Every bufctl of @old goes to its chain in @hash. */
static void
rehash (const Slab *self, const SlabHash *old, SlabHash *hash)
{
  guint64 n = 0;

  for (guint64 i = 0; i < (guint64)1 << old->bits; i++)
    for (KmlAddr at = old->chains[i], next; at != KML_ADDR_NONE; at = next, n++) {
      KmlAddr *chain = chain_of (hash, bufctl_at (self, at)->addr);

      next = bufctl_at (self, at)->next;
      bufctl_at (self, at)->next = *chain;
      *chain = at;
    }
  slab_spend (self, n * SLAB_HASH_INSTRUCTIONS, n * 2);
}

/* The bits that go with so many objects: as many chains as objects, about. A table that is not the
 * static one fills its pages. */
static guint
wanted_bits (const Slab *self, const Cache *cache)
{
  const guint page_bits = ram_of (self)->page_shift - 3; /* 8 bytes a chain */
  guint bits = cache->hash->bits;

  while (bits > page_bits && cache->n_objects < (guint64)1 << (bits - 1))
    bits--;
  if (bits == page_bits && cache->n_objects < (guint64)1 << SLAB_STATIC_BITS)
    bits = SLAB_STATIC_BITS;
  while (cache->n_objects > (guint64)2 << bits)
    bits = MAX (page_bits, bits + 1);
  return bits;
}

/* After the number of objects has changed: the table is doubled or halved if it has got too small
 * or too large. When there is no memory for the new one, the old one does. */
void
slab_hash_rescale (Slab *self, Cache *cache, const KmlRequest *request)
{
  const guint bits = wanted_bits (self, cache);
  const SlabHash old = *cache->hash;
  SlabHash *hash = cache->hash;

  if (bits == hash->bits)
    return;
  if (bits == SLAB_STATIC_BITS) {
    use_first_chains (hash);
  } else {
    const KmlPfn pfn = kml_page_runs_take (&self->runs, (guint64)8 << bits, SLAB_HASH, request);

    if (pfn == KML_PFN_NONE)
      return;
    hash->chains = (KmlAddr *)(ram_of (self)->store + kml_ram_addr (ram_of (self), pfn));
    hash->bits = bits;
    hash->run = pfn;
    self->base.metadata_bytes += (guint64)frame_of (self, pfn)->n_frames
                                 << ram_of (self)->page_shift;
  }
  empty_chains (hash);
  rehash (self, &old, hash);
  self->base.counters[COUNTER_RESCALES]++;
  if (old.run == KML_PFN_NONE)
    return;
  self->base.metadata_bytes -= (guint64)frame_of (self, old.run)->n_frames
                               << ram_of (self)->page_shift;
  kml_page_runs_give_back (&self->runs, old.run, request);
}

/* ---- Slabs ---- */

/* Frees the bufctls of a list, of which all are free ones of the slab. */
static void
free_bufctls (Slab *self, KmlAddr first, const KmlRequest *how)
{
  for (KmlAddr at = first, next; at != KML_ADDR_NONE; at = next) {
    next = bufctl_at (self, at)->next;
    slab_free_internal (self, bufctl_cache (self), at, how);
  }
}

/* One bufctl for each object, so that the first one is the first on the list. */
static gboolean
make_bufctls (Slab *self, const Cache *cache, SlabHeader *slab, const KmlRequest *request)
{
  for (guint i = slab->n_objects; i-- > 0;) {
    const KmlAddr at = slab_take_internal (self, bufctl_cache (self), request);

    if (at == KML_ADDR_NONE) {
      free_bufctls (self, slab->bufctls, request);
      return FALSE;
    }
    *bufctl_at (self, at) = (Bufctl){ .next = slab->bufctls,
                                      .addr = first_object (self, slab) + (guint64)i * cache->chunk,
                                      .slab = addr_of (self, slab) };
    slab->bufctls = at;
  }
  return TRUE;
}

SlabHeader *
slab_make_large (Slab *self, Cache *cache, KmlPfn pfn, guint n_objects, guint32 colour,
                 const KmlRequest *request)
{
  const KmlAddr addr = slab_take_internal (self, header_cache (self), request);
  SlabHeader *slab;

  if (addr == KML_ADDR_NONE)
    return NULL;
  slab = header_at (self, addr);
  *slab = (SlabHeader){
    .bufctls = KML_ADDR_NONE, .n_objects = (guint16)n_objects, .colour = colour, .pfn = pfn
  };
  if (!make_bufctls (self, cache, slab, request)) {
    slab_free_internal (self, header_cache (self), addr, request);
    return NULL;
  }
  *large_header_addr (self, pfn) = addr;
  return slab;
}

void
slab_unmake_large (Slab *self, SlabHeader *slab, const KmlRequest *how)
{
  free_bufctls (self, slab->bufctls, how);
  slab_free_internal (self, header_cache (self), addr_of (self, slab), how);
}

/* ---- Objects ---- */

/* With a cache model: the cache, a slab's header and an object's bufctl. */
static void G_GNUC_NO_INLINE
touch_large (const Slab *self, const Cache *cache, const SlabHeader *slab, const Bufctl *bufctl)
{
  slab_touch_cache (self, cache);
  slab_touch (self, slab, sizeof *slab);
  slab_touch (self, bufctl, sizeof *bufctl);
}

/* With a cache model: the head of a chain, which is static data until the table has pages. */
static void G_GNUC_NO_INLINE
touch_chain (const Slab *self, const Cache *cache, const KmlAddr *chain)
{
  const SlabHash *hash = cache->hash;

  if (hash->run != KML_PFN_NONE)
    slab_touch (self, chain, sizeof *chain);
  else
    kml_touch (self->base.machine,
               cache->statics + SLAB_CHAINS + (KmlAddr)(chain - hash->first_chains) * sizeof *chain,
               sizeof *chain, KML_TOUCH_WRITE);
}

KmlAddr
slab_take_large (Slab *self, Cache *cache, const KmlRequest *request, guint64 *ret_held)
{
  SlabHeader *slab;
  Bufctl *bufctl;
  KmlAddr at, *chain;

  if (cache->first == KML_PFN_NONE && !slab_create (self, cache, request))
    return KML_ADDR_NONE;
  slab = header_of (self, cache, cache->first);
  at = slab->bufctls;
  bufctl = bufctl_at (self, at);
  g_assert (bufctl->slab == addr_of (self, slab)); /* else somebody wrote to it */

  slab->bufctls = bufctl->next;
  chain = chain_of (cache->hash, bufctl->addr);
  bufctl->next = *chain;
  *chain = at;
  *ret_held = cache->object_size;
  cache->n_empty -= slab->n_used == 0;
  cache->n_active++;
  slab_spend (self, SLAB_HASH_INSTRUCTIONS, 2); /* the bufctl and the chain's head */
  if (G_UNLIKELY (self->has_caches)) {
    touch_large (self, cache, slab, bufctl);
    touch_chain (self, cache, chain);
  }
  if (++slab->n_used == slab->n_objects)
    slab_is_full (self, cache, slab);
  return bufctl->addr;
}

gboolean
slab_is_large_in_use (const Slab *self, const Cache *cache, KmlAddr addr)
{
  KmlAddr at = *chain_of (cache->hash, addr);

  while (at != KML_ADDR_NONE && bufctl_at (self, at)->addr != addr)
    at = bufctl_at (self, at)->next;
  return at != KML_ADDR_NONE;
}

/* Takes the bufctl of the object at @addr out of its chain; asserts that there is one: that the
 * object is in use. */
static KmlAddr
unhash (Slab *self, const Cache *cache, KmlAddr addr)
{
  KmlAddr *link = chain_of (cache->hash, addr);
  guint64 n_looked = 1;
  KmlAddr at;

  if (G_UNLIKELY (self->has_caches))
    touch_chain (self, cache, link);
  while (*link != KML_ADDR_NONE && bufctl_at (self, *link)->addr != addr) {
    if (G_UNLIKELY (self->has_caches))
      slab_touch (self, bufctl_at (self, *link), sizeof (Bufctl));
    link = &bufctl_at (self, *link)->next;
    n_looked++;
  }
  at = *link;
  g_assert (at != KML_ADDR_NONE);
  *link = bufctl_at (self, at)->next;
  self->base.counters[COUNTER_LOOKED] += n_looked;
  slab_spend (self, SLAB_HASH_INSTRUCTIONS, 1 + n_looked);
  return at;
}

void
slab_free_large (Slab *self, Cache *cache, KmlAddr addr, const KmlRequest *how)
{
  const KmlAddr at = unhash (self, cache, addr);
  Bufctl *bufctl = bufctl_at (self, at);
  SlabHeader *slab = header_at (self, bufctl->slab);

  if (G_UNLIKELY (self->has_caches))
    touch_large (self, cache, slab, bufctl);
  bufctl->next = slab->bufctls;
  slab->bufctls = at;
  cache->n_active--;
  if (slab->n_used-- == slab->n_objects || slab->n_used == 0)
    slab_was_freed_to (self, cache, slab, how);
}
