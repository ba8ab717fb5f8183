/* fit-index.h: which of many free blocks is the first that fits.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Free blocks in an order (of addresses, of when they were freed, of sizes), as a balanced tree
 * whose nodes know two things of all below them: how many there are, and the largest size.
 *
 *                 [40: 8]                  key: size
 *               n 5, most 64               n: blocks from here down, most: the largest of them
 *              /            \
 *         [16: 24]         [72: 64]        the first of at least 16 bytes: 24 at key 16
 *        n 2, most 24     n 2, most 64     the first of at least 32: the left part has 24 at
 *        /                     \           most, so it is to the right: 64 at key 72. Its rank is 3,
 *   [0: 16]                   [96: 32]     so a search of the list would have looked at 4 blocks
 *
 * The largest size leads to the first fit without looking at others (C. J. Stephenson, "Fast
 * Fits", SOSP 1983, has the idea); the numbers give a block's rank, which is what a search
 * through a list costs; and they balance the tree (J. Nievergelt and E. M. Reingold, "Binary
 * Search Trees of Bounded Balance", 1973), with the parameters (3, 2), which Y. Hirai and K.
 * Yamamoto, "Balancing Weight-Balanced Trees", 2011, prove right. Every operation takes time
 * proportional to the logarithm of the number of blocks.
 *
 * The index lies on the host and stands for a simulated list: who uses it says what it costs.
 * Blocks are known by numbers of the user's, 1 and up; they need not be dense, but memory is in
 * proportion to the largest.
 */

#pragma once

#include "simcore/base/image.h"

G_BEGIN_DECLS

typedef struct {
  guint64 key;
  guint64 size;
  guint64 most;                /* the largest size from here down */
  guint32 left, right, parent; /* 0: none */
  guint32 n;                   /* blocks from here down */
} KmlFitNode;

typedef struct {
  KmlFitNode *nodes; /* (owned) (array length=n_room): by the blocks' numbers. [0] is nobody: all
                        zero */
  guint32 n_room;
  guint32 root;
  gboolean by_size; /* ordered by (size, key), not by key alone */
} KmlFitIndex;

void kml_fit_index_init (KmlFitIndex *self, gboolean by_size);
void kml_fit_index_clear (KmlFitIndex *self);

/* What changes in it, but for the struct. */
void kml_fit_index_remember (KmlFitIndex *self, KmlImage *image);

void kml_fit_index_insert (KmlFitIndex *self, guint32 block, guint64 key, guint64 size);
void kml_fit_index_remove (KmlFitIndex *self, guint32 block);

/* Another key and size for a block whose place in the order they do not change. */
void kml_fit_index_change (KmlFitIndex *self, guint32 block, guint64 key, guint64 size);

/* The first block of at least @size; of those from @from on. 0: there is none. In an index by size the first that
 * fits is the one that fits best. */
guint32 kml_fit_index_first (const KmlFitIndex *self, guint64 size);
guint32 kml_fit_index_first_from (const KmlFitIndex *self, guint32 from, guint64 size);

/* The block after @block in the order, or 0. */
guint32 kml_fit_index_next (const KmlFitIndex *self, guint32 block);

/* How many blocks come before @block. */
guint32 kml_fit_index_rank (const KmlFitIndex *self, guint32 block);

/* Every rule of the tree; the error is KML_ERROR_CORRUPT. */
gboolean kml_fit_index_check (const KmlFitIndex *self, GError **error);

static inline guint32
kml_fit_index_n (const KmlFitIndex *self)
{
  return self->root == 0 ? 0 : self->nodes[self->root].n;
}

/* How many blocks a search in order, which ended with @found or found none (0), has looked at. */
static inline guint32
kml_fit_index_looked (const KmlFitIndex *self, guint32 found)
{
  return found == 0 ? kml_fit_index_n (self) : kml_fit_index_rank (self, found) + 1;
}

G_END_DECLS
