/* ledger.h: the naive model: what must be so if the allocator is right.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The ledger is a sorted list of the blocks that are live. It asks after every
 * operation all that the interface promises; what does not hold is an error whose
 * message begins with the promise:
 *
 *   overlap      a block shares bytes with a live one, or lies outside of usable RAM
 *   size         a block is smaller than the request, or its held size differs when it is freed
 *   constraint   a block does not keep what the request asked for
 *   change       a failed request changed something (that it joins free blocks or gives empty slabs back is
 *                allowed)
 *   check        the allocator itself finds an invariant broken
 *   tiles        walk() leaves a gap, overlaps, or its used blocks are not the live ones
 *   area         the free area differs from walk()
 *   metadata     metadata_bytes differs from walk()
 */

#pragma once

#include "simcore/base/rng.h"
#include "tests/conformance/rig.h"

typedef struct {
  KmlAddr addr;
  guint64 held;
} Live;

typedef struct {
  Rig *rig;
  GArray *blocks;  /* (owned) (element-type Live): ascending */
  guint64 history; /* a hash of all addresses that were given out, in order */
  guint64 n_failed;
} Ledger;

void ledger_init (Ledger *self, Rig *rig);
void ledger_finish (Ledger *self);

/* Performs the request and looks at what came of it. *@ret_addr is KML_ADDR_NONE when the
 * allocator refused. */
gboolean ledger_alloc (Ledger *self, const KmlRequest *request, KmlAddr *ret_addr, GError **error);
gboolean ledger_free (Ledger *self, guint index, GError **error);

/* The block becomes several of @piece bytes, or stays whole. */
void ledger_split (Ledger *self, guint index, guint64 piece);

/* The free block number @which of a walk becomes live blocks of a frame each, if there is one and the allocator has it on its lists. */
gboolean ledger_isolate (Ledger *self, guint64 which, GError **error);

/* All promises that concern the whole. */
gboolean ledger_verify (const Ledger *self, GError **error);

/* @n_operations random ones from @seed, verified each, then everything is freed, shrunk, and
 * held against the start ("lost": not everything came back). */
gboolean ledger_churn (Ledger *self, guint64 seed, guint n_operations, GError **error);
