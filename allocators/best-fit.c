/* best-fit.c: the smallest free block that is large enough.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Donald E. Knuth, The Art of Computer Programming, vol. 1, section 2.5. Of several blocks of
 * that size the first in the list is taken: with list = address the lowest, which is *address-ordered
 * best fit*. Large blocks are spared, and what remains of a fit is often too small for anything.
 *
 * 1. The search
 *
 * The textbook's search looks at every block of the list, unless it meets one that fits
 * exactly and ends there; that is what is paid. The host keeps a second index of the same blocks,
 * ordered by size and, for equal sizes, as the list: the first in it that is large enough fits best.
 *
 * 2. Invariants besides those of boundary-tags.c
 *
 *   B1  the index by size has the blocks of the list, with the same sizes and keys
 */

#include "allocators/boundary-tags.h"

typedef struct {
  KmlBoundaryTags tags;
  KmlFitIndex by_size;
} BestFit;

static guint32
best_fit_find (KmlBoundaryTags *tags, guint64 size)
{
  const BestFit *self = (const BestFit *)tags;
  const guint32 block = kml_fit_index_first (&self->by_size, size);
  const gboolean is_exact = block != 0 && tags->list.nodes[block].size == size;

  kml_boundary_tags_spend_search (tags, kml_fit_index_looked (&tags->list, is_exact ? block : 0));
  return block;
}

static void
best_fit_enter (KmlBoundaryTags *tags, guint32 block)
{
  BestFit *self = (BestFit *)tags;
  const KmlFitNode *node = &tags->list.nodes[block];

  kml_fit_index_insert (&self->by_size, block, node->key, node->size);
}

static void
best_fit_leave (KmlBoundaryTags *tags, guint32 block, guint32 heir)
{
  BestFit *self = (BestFit *)tags;

  kml_fit_index_remove (&self->by_size, block);
}

static void
best_fit_resize (KmlBoundaryTags *tags, guint32 block)
{
  best_fit_leave (tags, block, block);
  best_fit_enter (tags, block);
}

static gboolean
best_fit_check (const KmlBoundaryTags *tags, GError **error)
{
  const BestFit *self = (const BestFit *)tags;
  const KmlFitIndex *list = &tags->list, *by_size = &self->by_size;
  guint32 n = 0;

  for (guint32 block = kml_fit_index_first (by_size, 1); block != 0;
       block = kml_fit_index_next (by_size, block), n++)
    if (block >= list->n_room || list->nodes[block].n == 0 ||
        list->nodes[block].key != by_size->nodes[block].key ||
        list->nodes[block].size != by_size->nodes[block].size)
      break;
  if (n != kml_fit_index_n (list) || n != kml_fit_index_n (by_size)) {
    g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, "invariant B1 does not hold: block %u of %u",
                 n, kml_fit_index_n (list));
    return FALSE;
  }
  return kml_fit_index_check (by_size, error);
}

static const KmlFitPolicy best_fit_policy = {
  .find = best_fit_find,
  .enter = best_fit_enter,
  .resize = best_fit_resize,
  .leave = best_fit_leave,
  .check = best_fit_check,
};

static gboolean
best_fit_init (KmlAllocator *base, GError **error)
{
  BestFit *self = (BestFit *)base;

  self->tags.policy = &best_fit_policy;
  kml_fit_index_init (&self->by_size, TRUE);
  return kml_boundary_tags_init (base, error);
}

static gboolean
best_fit_remember (KmlAllocator *base, KmlImage *image)
{
  kml_fit_index_remember (&((BestFit *)base)->by_size, image);
  return kml_boundary_tags_remember (base, image);
}

static void
best_fit_finish (KmlAllocator *base)
{
  kml_fit_index_clear (&((BestFit *)base)->by_size);
  kml_boundary_tags_finish (base);
}

static const KmlAllocatorOps best_fit_ops = {
  .name = "best-fit",
  .summary = "boundary tags: the smallest free block that is large enough",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (BestFit),
  .params = kml_boundary_tags_params,
  .counters = kml_boundary_tags_counters,
  .figures = kml_boundary_tags_figures,
  .init = best_fit_init,
  .finish = best_fit_finish,
  .alloc = kml_boundary_tags_alloc,
  .free = kml_boundary_tags_free,
  .size_of = kml_boundary_tags_size_of,
  .shrink = kml_boundary_tags_shrink,
  .remember = best_fit_remember,
  .walk = kml_boundary_tags_walk,
  .check = kml_boundary_tags_check,
};

KML_REGISTER_ALLOCATOR (best_fit_ops)
