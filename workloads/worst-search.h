/* worst-search.h: whether any sequence of requests can fail, by looking at all of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A memory of N page frames is *safe* for (M, n) if no request for at most n frames fails in it while at most M are live,
 * whatever was asked for and freed before. That some N is safe is a theorem for some policies (J. M. Robson, "Bounds for
 * Some Functions Concerning Dynamic Storage Allocation", JACM 21(3), 1974); which N exactly can be found out for
 * small M and n, since there are finitely many states.
 *
 * 1. States
 *
 * A *state* is what decides all answers to come: where the live blocks are, and what the allocator says
 * that it remembers besides (KmlAllocatorOps.state). From a state lead requests of every size that M allows, and
 * frees of every live block. The search goes through the states breadth first, so a sequence that it
 * finds is one of the shortest that fail; if it finds none, it has seen all states, and the memory is safe.
 *
 * 2. Who answers
 *
 * The allocator itself, on a twin of the run's machine (simcore/workload.h) with N frames. A state is known by the step that first
 * led to it and the state before, so it is gone to by taking the twin from empty memory along that path. This
 * costs a path each time, and a few words a state; copies of memory would cost a path's worth of bytes.
 * After a step the opposite one is tried first: where it leads back, the path is saved.
 *
 * 3. Knowing states again
 *
 * By a hash of 128 bits; that two of a million share one has a probability of 10^-27.
 */

#pragma once

#include "simcore/workload.h"

G_BEGIN_DECLS

#define KML_WORST_MAX_SIZES 64

typedef struct {
  const KmlTwinMaker *twins;
  guint64 most_live;                  /* M, frames */
  guint64 sizes[KML_WORST_MAX_SIZES]; /* that are asked for: frames, ascending */
  guint n_sizes;
  guint64 page_size;
  gboolean is_aligned; /* requests ask to be aligned to their size, a power of two */
  guint64 most_states;
} KmlWorstConfig;

/* A step of a sequence. */
typedef struct {
  guint32 block;    /* a name: dense, used again after a free */
  guint32 n_frames; /* 0: the block is freed */
} KmlWorstStep;

typedef struct {
  guint64 n_states; /* that were seen */
  /* (owned) (nullable) (element-type KmlWorstStep): its last request fails; NULL: safe */
  GArray *sequence;
} KmlWorstResult;

/* Whether @n_frames are safe. On success the caller has ret_result->sequence. Errors: INPUT if the allocator does not say
 * what it remembers, or if there are too many states. */
gboolean kml_worst_search (const KmlWorstConfig *config, guint32 n_frames,
                           KmlWorstResult *ret_result, GError **error);

G_END_DECLS
