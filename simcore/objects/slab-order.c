/* slab-order.c: how many pages a slab of objects has.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * SLUB's rule, with parameters called as its boot parameters are. Wanted are min-objects (by
 * default 4 (fls (CPUs) + 1): the more CPUs, the more seldom the page allocator should be
 * asked). Among the orders that hold as many, the smallest wins whose tail is at most 1/16 of
 * the slab; when there is none up to max-order, 1/8 and 1/4 are tried, then one object fewer.
 * An object that cannot share a slab gets the smallest that holds it.
 *
 * The rule is here and not in an allocator because the design of bins counts the tails
 * that it leaves.
 */

#include "simcore/objects/slab-order.h"

#include "simcore/base/blame.h"

guint64
kml_slab_objects (const KmlSlabRule *rule, guint order, guint64 size)
{
  return MIN ((rule->page_size << order) / size, KML_SLAB_MAX_OBJECTS);
}

guint
kml_slab_least_order (const KmlSlabRule *rule, guint64 n_objects, guint64 size)
{
  const guint64 n_pages = (n_objects * size - 1) / rule->page_size;

  return n_pages == 0 ? 0 : 64 - (guint)__builtin_clzll (n_pages);
}

/* The smallest order up to max_order that holds @n_objects and leaves at most 1/@parts of the
 * slab; more than max_order: none does. */
static guint
order_with_tail (const KmlSlabRule *rule, guint64 n_objects, guint64 size, guint parts)
{
  guint order = MAX (kml_slab_least_order (rule, n_objects, size), (guint)rule->min_order);

  for (; order <= rule->max_order; order++) {
    const guint64 slab = rule->page_size << order;
    const guint64 tail = slab - kml_slab_objects (rule, order, size) * size;

    if (tail <= slab / parts)
      break;
  }
  return order;
}

guint
kml_slab_order (const KmlSlabRule *rule, guint64 size)
{
  const guint most = MAX ((guint)rule->max_order, (guint)rule->min_order);
  const guint64 wanted = rule->min_objects != 0 ? rule->min_objects
                                                : 4 * (g_bit_storage (rule->n_cpus) + 1);
  guint64 n_objects = MIN (wanted, kml_slab_objects (rule, most, size));

  for (; n_objects > 1; n_objects--)
    for (guint parts = 16; parts >= 4; parts /= 2) {
      const guint order = order_with_tail (rule, n_objects, size, parts);

      if (order <= rule->max_order)
        return order;
    }
  return MAX (kml_slab_least_order (rule, 1, size), (guint)rule->min_order);
}

gboolean
kml_slab_order_check (guint64 page_size, guint64 min_order, guint64 max_order, GError **error)
{
  const guint64 order = MAX (min_order, max_order);

  if (page_size << order <= G_MAXINT32)
    return TRUE;
  return kml_refuse (error, order == max_order ? "max-order" : "min-order",
                     "slabs of %" G_GUINT64_FORMAT " pages of %" G_GUINT64_FORMAT
                     " bytes are too large: less than 2 GiB was expected",
                     G_GUINT64_CONSTANT (1) << order, page_size);
}
