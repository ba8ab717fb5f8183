/* deaths.h: the blocks that will be freed, the next one first.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A heap of 14-byte entries (time, block, CPU), ordered by time and then by block,
 * which also keeps the names that are free: the entries behind the heap hold
 * the names of blocks that have died, so a workload needs 14 bytes for the most blocks
 * that ever lived at once, and nothing else.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

#define KML_MAX_LIVE (1u << 28)

/* Without padding: unaligned words cost less than the memory for it. */
typedef struct __attribute__ ((packed)) {
  KmlTime time;
  guint32 block;
  guint16 cpu; /* on which it will be freed */
} KmlDeath;

G_STATIC_ASSERT (sizeof (KmlDeath) == 14);

typedef struct {
  KmlDeath *entries; /* (owned): n_heap of the heap, then n_free that hold a free name each */
  guint n_heap;
  guint n_free;
  guint capacity;
  guint n_names; /* names ever given: the most blocks that lived at once */
} KmlDeaths;

/* Names a block that dies at @time; KML_TIME_MAX: never. Error: more live blocks than
 * KML_MAX_LIVE or than memory can hold. */
gboolean kml_deaths_add (KmlDeaths *self, KmlTime time, guint16 cpu, guint32 *ret_block,
                         GError **error);

/* The time of the next death; KML_TIME_MAX: none is to come. */
static inline KmlTime
kml_deaths_next_time (const KmlDeaths *self)
{
  return self->n_heap > 0 ? self->entries[0].time : KML_TIME_MAX;
}

/* Takes the next death, of which there must be one. The block's name is free from now on. */
KmlDeath kml_deaths_take (KmlDeaths *self);

void kml_deaths_clear (KmlDeaths *self);

G_END_DECLS
