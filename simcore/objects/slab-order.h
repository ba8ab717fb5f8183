/* slab-order.h: how many pages a slab of objects has.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/request.h"

G_BEGIN_DECLS

/* A slab has room for at most these: 1 + index of an object fits in 16 bits. */
#define KML_SLAB_MAX_OBJECTS G_MAXUINT16

/* What decides; the names are those of SLUB's boot parameters. */
typedef struct {
  guint64 page_size; /* bytes, a power of two */
  guint n_cpus;
  guint64 min_order;   /* a slab has at least 2^min_order pages ... */
  guint64 max_order;   /* ... and at most 2^max_order, unless one object needs more */
  guint64 min_objects; /* it should have room for; 0: the more, the more CPUs there are */
} KmlSlabRule;

/* The order of slabs for objects of @size bytes. */
guint kml_slab_order (const KmlSlabRule *rule, guint64 size);

/* The least order that holds @n_objects of @size bytes. */
guint kml_slab_least_order (const KmlSlabRule *rule, guint64 n_objects, guint64 size);

/* How many objects of @size bytes a slab of @order has room for. */
guint64 kml_slab_objects (const KmlSlabRule *rule, guint order, guint64 size);

/* FALSE and KML_ERROR_INPUT about one of the two: offsets in a slab of so many pages would be too large for 31 bits. */
gboolean kml_slab_order_check (guint64 page_size, guint64 min_order, guint64 max_order,
                               GError **error);

/* Rows of the table of counters of an allocator that cuts objects out of slabs. */
#define KML_SLAB_COUNTERS                                                                          \
  [COUNTER_SLABS_NEW] = { "slabs_new", "slabs", "slabs made of pages from the page level" },       \
  [COUNTER_SLABS_GIVEN_BACK] = { "slabs_given_back", "slabs",                                      \
                                 "slabs given back to the page level" },                           \
  [COUNTER_SLABS_SMALL] = { "slabs_small", "slabs",                                                \
                            "slabs that are smaller than wanted, as no larger block was free" },   \
  [COUNTER_LARGE] = { "large", "blocks",                                                           \
                      "requests that no bin could serve: taken from the page level" }

G_END_DECLS
