/* next-fit.c: the next free block that is large enough, from where the last search ended.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Donald E. Knuth, The Art of Computer Programming, vol. 1, section 2.5, exercise 6 ("roving
 * pointer"). The free list is a ring, and a search begins where the last one ended:
 * searches are short, since small blocks do not gather anywhere, and for the same reason large
 * blocks are cut everywhere: it fragments more than first fit does.
 *
 * 1. The rover
 *
 * The *rover* is the block at which the next search begins: what remained of the block
 * that was cut last; when nothing remained, the block after it in the list. When the rover goes
 * into another block (coalescing), that one is the rover; when it leaves the list otherwise,
 * the next one is.
 *
 *     list   16 -> 40 -> 8 -> 64 -> 24        a request of 32 from the rover at 8 looks at 8 and 64
 *                        ^rover
 *            16 -> 40 -> 8 -> 32 -> 24        and leaves the rover at what remains
 *                             ^rover
 *
 * A wilderness that is preserved is not on the list, and the rover stays when one is cut.
 *
 * 2. Invariants besides those of boundary-tags.c
 *
 *   N1  the rover is a block of the list, or 0 if and only if the list is empty
 */

#include "allocators/boundary-tags.h"

typedef struct {
  KmlBoundaryTags tags;
  guint32 rover;
} NextFit;

static guint32
next_fit_find (KmlBoundaryTags *tags, guint64 size)
{
  const NextFit *self = (const NextFit *)tags;
  const KmlFitIndex *list = &tags->list;
  const guint32 n = kml_fit_index_n (list);
  guint32 block, from;

  if (n == 0)
    return 0;
  block = kml_fit_index_first_from (list, self->rover, size);
  if (block == 0)
    block = kml_fit_index_first (list, size);
  from = kml_fit_index_rank (list, self->rover);
  kml_boundary_tags_spend_search (
      tags, block == 0 ? n : (n + kml_fit_index_rank (list, block) - from) % n + 1);
  return block;
}

static void
next_fit_enter (KmlBoundaryTags *tags, guint32 block)
{
  NextFit *self = (NextFit *)tags;

  if (self->rover == 0)
    self->rover = block;
}

static void
next_fit_leave (KmlBoundaryTags *tags, guint32 block, guint32 heir)
{
  NextFit *self = (NextFit *)tags;
  const KmlFitIndex *list = &tags->list;

  if (self->rover != block)
    return;
  self->rover = heir != 0 ? heir : kml_fit_index_next (list, block);
  if (self->rover == 0)
    self->rover = kml_fit_index_first (list, 1); /* the ring closes */
  if (self->rover == block && heir != block)
    self->rover = 0; /* it was the only one */
}

static void
next_fit_taken (KmlBoundaryTags *tags, guint32 block)
{
  ((NextFit *)tags)->rover = block;
}

static gboolean
next_fit_check (const KmlBoundaryTags *tags, GError **error)
{
  const NextFit *self = (const NextFit *)tags;
  const KmlFitIndex *list = &tags->list;

  if (kml_fit_index_n (list) == 0
          ? self->rover == 0
          : self->rover != 0 && self->rover < tags->n_room && tags->blocks[self->rover].size != 0 &&
                !tags->blocks[self->rover].is_preserved)
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, "invariant N1 does not hold at block %u",
               self->rover);
  return FALSE;
}

static const KmlFitPolicy next_fit_policy = {
  .find = next_fit_find,
  .enter = next_fit_enter,
  .leave = next_fit_leave,
  .taken = next_fit_taken,
  .check = next_fit_check,
};

static gboolean
next_fit_init (KmlAllocator *base, GError **error)
{
  ((KmlBoundaryTags *)base)->policy = &next_fit_policy;
  return kml_boundary_tags_init (base, error);
}

static const KmlAllocatorOps next_fit_ops = {
  .name = "next-fit",
  .summary = "boundary tags: the next free block that is large enough, from where the last search "
             "ended",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (NextFit),
  .params = kml_boundary_tags_params,
  .counters = kml_boundary_tags_counters,
  .figures = kml_boundary_tags_figures,
  .init = next_fit_init,
  .finish = kml_boundary_tags_finish,
  .alloc = kml_boundary_tags_alloc,
  .free = kml_boundary_tags_free,
  .size_of = kml_boundary_tags_size_of,
  .shrink = kml_boundary_tags_shrink,
  .remember = kml_boundary_tags_remember,
  .walk = kml_boundary_tags_walk,
  .check = kml_boundary_tags_check,
};

KML_REGISTER_ALLOCATOR (next_fit_ops)
