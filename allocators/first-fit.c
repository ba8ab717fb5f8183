/* first-fit.c: the first free block that is large enough.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Donald E. Knuth, The Art of Computer Programming, vol. 1, section 2.5, algorithm A. The free
 * list is searched from its beginning. In the order of addresses small blocks gather at the
 * beginning of the list and large ones towards its end, which makes it much like best fit
 * and keeps the upper memory free, at the price of longer searches.
 *
 * All else that there is to know is in boundary-tags.c. Policy and invariants need no state.
 */

#include "allocators/boundary-tags.h"

static guint32
first_fit_find (KmlBoundaryTags *self, guint64 size)
{
  const guint32 block = kml_fit_index_first (&self->list, size);

  kml_boundary_tags_spend_search (self, kml_fit_index_looked (&self->list, block));
  return block;
}

static const KmlFitPolicy first_fit_policy = {
  .find = first_fit_find,
};

static gboolean
first_fit_init (KmlAllocator *base, GError **error)
{
  ((KmlBoundaryTags *)base)->policy = &first_fit_policy;
  return kml_boundary_tags_init (base, error);
}

static const KmlAllocatorOps first_fit_ops = {
  .name = "first-fit",
  .summary = "boundary tags: the first free block that is large enough",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (KmlBoundaryTags),
  .params = kml_boundary_tags_params,
  .counters = kml_boundary_tags_counters,
  .figures = kml_boundary_tags_figures,
  .init = first_fit_init,
  .finish = kml_boundary_tags_finish,
  .alloc = kml_boundary_tags_alloc,
  .free = kml_boundary_tags_free,
  .size_of = kml_boundary_tags_size_of,
  .shrink = kml_boundary_tags_shrink,
  .remember = kml_boundary_tags_remember,
  .walk = kml_boundary_tags_walk,
  .check = kml_boundary_tags_check,
};

KML_REGISTER_ALLOCATOR (first_fit_ops)
