/* partition.h: cutting a row of sizes into k groups so that it costs least.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The problem behind every optimal set of bins: a group becomes a bin, and all of its objects
 * cost the bin's price.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef unsigned __int128 KmlPartitionCost;

/* A cost that is never worth it. */
#define KML_PARTITION_NEVER ((KmlPartitionCost)1 << 126)

/* n sizes in ascending order, 1 … n. Borrows its arrays, which have n + 1 elements:
 *   price[j]     of each object in a group that ends with j; never falls; below 2^60
 *   requests[j]  those for the sizes 1 … j; ascends, requests[0] = 0
 *   rest[j]      what it costs to leave the sizes j + 1 … n out of all groups, rest[n] = 0; (nullable): that cannot
 *                be done */
typedef struct {
  guint n;
  const guint64 *price;
  const guint64 *requests;
  const KmlPartitionCost *rest;
} KmlPartition;

/* @ret_costs[k - 1]: the least cost of k groups, for k = 1 … @max_k <= n. It never rises with k. */
void kml_partition_costs (const KmlPartition *self, guint max_k, KmlPartitionCost *ret_costs);

/* @ret_ends (array length=k): with which sizes the @k <= n groups of the least cost end, ascending; what
 * is behind the last is left out. Of several such partitions it is the one that leaves out least,
 * and of these the one with the smallest ends, compared from the last down. */
void kml_partition_solve (const KmlPartition *self, guint k, guint *ret_ends);

G_END_DECLS
