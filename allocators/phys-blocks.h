/* phys-blocks.h: physical blocks: arenas of pages, cut into blocks with boundary tags, and lists of the free ones.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Donald E. Knuth, The Art of Computer Programming, vol. 1, section 2.5, algorithms A and C:
 * boundary tags, in the form that Masmano and others gave them in TLSF (2004). What
 * tlsf.c and half-fit.c have in common: they differ in how sizes are put into bins
 * and in how a bin is found, and each says so with a PhysPolicy.
 *
 * 1. Arenas and blocks
 *
 * An *arena* is a run of page frames from the page level (simcore/objects/page-runs.h). Blocks tile it. A
 * block is a header of 8 bytes and a payload; sizes are in *quanta* (the parameter, 8 bytes by
 * default) and include the header. A block is called by the number of the quantum at which its
 * payload begins, so payloads are aligned to a quantum and no block is called 0.
 *
 *      quantum of 8 bytes; an arena that begins at address 0
 *
 *      0        8               40       48               80                              4088
 *      | 5  0 U | payload ....  | 5  5 F | next prev .... | 502 5 U | payload ... | 0 502 U |
 *      `block 1                 `block 6                  `block 11               `end: 512
 *
 * The header says the block's size, whether it is free, and the size of the block before it (0: it
 * is the arena's first), so both neighbours are found in constant time. An arena ends with a header of
 * size 0 that is never free. A free block's payload begins with the links of its list, 32 bits each,
 * so the smallest block has 16 bytes, and blocks lie in the first 2^32 quanta of RAM.
 *
 * 2. Taking and giving back
 *
 * A block that was found is taken off its list, cut to size if the rest can be a block, and the rest
 * goes to its list. A block given back is joined with its neighbours at once if they are free, so no two
 * free blocks are ever neighbours. Each of it takes constant time. Lists are last in first out.
 *
 * 3. Where arenas come from
 *
 * `pool` bytes are taken at the start and kept for ever, in the largest runs of 2^k pages that the
 * page level gives. When no block is found, an arena of `arena` bytes is taken, or, when the page level has
 * none, of as many pages as the request needs; arena = 0 forbids it, as a real-time system would.
 * A grown arena that is free as a whole is given back when there are `keep` of them already.
 * Requests that even an empty arena would not surely fit are left to the page level.
 *
 * 4. Constraints
 *
 * An alignment up to a page is kept by looking for a block that is larger by the alignment and
 * cutting off what is in front. A block of at most 2^k bytes at a multiple of 2^k
 * crosses no multiple of it, so a boundary becomes an alignment. Larger ones, and limits of address,
 * are left to the page level.
 *
 * 5. Misuse
 *
 * A block that is given back must say that it is in use, and both neighbours must agree with it about
 * sizes. So a block that was freed before is found, and an address inside of a block, and an owner that wrote over a
 * header. Headers that a block has absorbed are left where they are, and none of them passes: that of a block that
 * was free says so; of one that was in use and became part of the block before it, that one's size has
 * changed, and cannot become again what it was without a block beginning there. What passes is what an owner made up
 * to agree with both sides.
 *
 * 6. Costs
 *
 * Each step costs what its instructions and its references do; what is looked at (the header of a
 * neighbour, the head of a list) is warm. All are bounded, and so is an operation, unless it takes an arena
 * from the page level or gives one back.
 *
 * 7. Invariants, verified by phys_check()
 *
 *   R1, R2 of simcore/objects/page-runs.h
 *   B1  blocks tile each arena, and each one says how large the one before is
 *   B2  no two free blocks are neighbours
 *   B3  each free block is on the list of its bin, each list has no other, and its links agree
 *   B4  metadata_bytes is the size of all headers, and of what lies before an arena's first
 *   B5  n_empty grown arenas are free as a whole, and they are at most keep
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/objects/page-runs.h"
#include "simcore/param.h"

G_BEGIN_DECLS

#define PHYS_HEADER    8u /* bytes */
#define PHYS_FREE      1u /* in a header's first word; the rest of it is the size */
#define PHYS_MAX_ARENA (G_GUINT64_CONSTANT (4) << 30)
#define PHYS_NO_BLOCK  0u
#define PHYS_NO_BIN    G_MAXUINT
#define PHYS_INLINE    inline __attribute__ ((always_inline))

typedef guint32 PhysBlock; /* number of the quantum at which the payload begins */

/* Instructions of each step, without what only a simulation does; estimates from
 * reading the paths below, and not measured on a processor. What TLSF's longest paths
 * come to is in tlsf.c. */
#define PHYS_ALLOC_INSTRUCTIONS      20 /* size to quanta, mark, return; finding is the policy's */
#define PHYS_FREE_INSTRUCTIONS       18 /* header, both neighbours' states, mark, return */
#define PHYS_LINK_INSTRUCTIONS       22 /* bin of the size, three links, mark the bin */
#define PHYS_UNLINK_INSTRUCTIONS     20 /* bin of the size, two links, mark the bin */
#define PHYS_SPLIT_INSTRUCTIONS      10 /* or join: two headers and the next one's tag */
#define PHYS_ALIGN_INSTRUCTIONS      14
#define PHYS_LARGE_INSTRUCTIONS      30
#define PHYS_NEW_ARENA_INSTRUCTIONS  60
#define PHYS_BACK_ARENA_INSTRUCTIONS 40

enum {
  PHYS_COUNTER_ARENAS_NEW,
  PHYS_COUNTER_ARENAS_GIVEN_BACK,
  PHYS_COUNTER_SPLITS,
  PHYS_COUNTER_MERGES,
  PHYS_COUNTER_LARGE,
};

extern const KmlCounterInfo phys_counters[];

typedef struct {
  KmlAllocator *base;
  KmlRam *ram;
  guint8 *store; /* the RAM's */

  /* parameters */
  guint64 pool, arena, keep, quantum;

  /* what they mean */
  gboolean is_usual;    /* phys_registers() */
  gboolean has_caches;  /* then nothing is usual: references are made one by one */
  KmlAddr statics;      /* of heads, for a cache model */
  guint shift;          /* quantum = 1 << shift */
  guint32 least;        /* quanta of the smallest block */
  guint32 most;         /* quanta of the largest that is cut from an arena */
  guint64 largest_size; /* bytes that such a block can be asked for */
  guint64 usual_size;   /* … of the code for usual parameters; 0: they are not */
  guint64 n_quanta;     /* of RAM: blocks' numbers are below */
  KmlTime grow_cost;    /* to find no block, and cut one out of a new arena */
  KmlTime take_cost;    /* to find one, and to take it off its list */
  KmlTime cut_cost;     /* to split a block, and to list the rest */
  KmlTime free_cost;    /* without what follows: */
  KmlTime join_cost;    /* to take a free block off its list, and to join it with another */
  KmlTime link_cost;    /* to list it */

  PhysBlock *heads; /* (owned) (array length=n_bins): first of each list */
  guint n_bins;
  guint64 n_empty; /* grown arenas that are free as a whole */
  KmlPageRuns runs;
} PhysBlocks;

/* Where in a user's instance this is, and how sizes are binned. Known when the code below is compiled into its user, so
 * calls are direct, and what is in the instance is found without a pointer. */
typedef struct {
  gsize offset; /* of the PhysBlocks */
  /* where a free block of that size belongs */
  guint (*bin_of) (const PhysBlocks *self, guint32 size);
  /* the first bin all of whose blocks have that size */
  guint (*bin_for) (const PhysBlocks *self, guint32 size);
  /* the first bin from there on that is not empty; PHYS_NO_BIN: none */
  guint (*first_from) (const PhysBlocks *self, guint bin);
  void (*set_empty) (PhysBlocks *self, guint bin, gboolean is_empty);
} PhysPolicy;

static PHYS_INLINE PhysBlocks *
phys_blocks (KmlAllocator *base, const PhysPolicy *policy)
{
  return (PhysBlocks *)((guint8 *)base + policy->offset);
}

/* ---- References, with a cache model ---- */

/* A block's header, or the links behind it. The code for usual parameters has none of this. */
static PHYS_INLINE void
phys_touch (const PhysBlocks *self, PhysBlock block, gint offset)
{
  if (!self->is_usual && G_UNLIKELY (self->has_caches))
    kml_machine_touch (self->base->machine, ((KmlAddr)block << self->shift) + (KmlAddr)offset,
                       PHYS_HEADER, KML_TOUCH_WRITE);
}

static PHYS_INLINE void
phys_touch_header (const PhysBlocks *self, PhysBlock block)
{
  phys_touch (self, block, -(gint)PHYS_HEADER);
}

static PHYS_INLINE void
phys_touch_links (const PhysBlocks *self, PhysBlock block)
{
  phys_touch (self, block, 0);
}

/* The head of a list. Bitmaps are in the lines of the first heads, which are the least used. */
static PHYS_INLINE void
phys_touch_head (const PhysBlocks *self, guint bin)
{
  if (!self->is_usual && G_UNLIKELY (self->has_caches))
    kml_machine_touch (self->base->machine, self->statics + bin * sizeof (PhysBlock),
                       sizeof (PhysBlock), KML_TOUCH_WRITE);
}

/* ---- Headers ---- */

static PHYS_INLINE KmlAddr
phys_addr (const PhysBlocks *self, PhysBlock block)
{
  return (KmlAddr)block << self->shift;
}

/* The host's address of a block's payload. */
static PHYS_INLINE guint8 *
phys_bytes (const PhysBlocks *self, PhysBlock block)
{
  return self->store + phys_addr (self, block);
}

static PHYS_INLINE guint32
phys_load (const guint8 *bytes)
{
  guint32 value;

  memcpy (&value, bytes, sizeof value);
  return value;
}

static PHYS_INLINE void
phys_store (guint8 *bytes, guint32 value)
{
  memcpy (bytes, &value, sizeof value);
}

/* A header's first word: size and state. */
static PHYS_INLINE guint32
phys_word (const PhysBlocks *self, PhysBlock block)
{
  return phys_load (phys_bytes (self, block) - PHYS_HEADER);
}

static PHYS_INLINE guint32
phys_size (const PhysBlocks *self, PhysBlock block)
{
  return phys_word (self, block) >> 1;
}

static PHYS_INLINE gboolean
phys_is_free (const PhysBlocks *self, PhysBlock block)
{
  return (phys_word (self, block) & PHYS_FREE) != 0;
}

static PHYS_INLINE void
phys_set (PhysBlocks *self, PhysBlock block, guint32 size, guint32 state)
{
  phys_store (phys_bytes (self, block) - PHYS_HEADER, size << 1 | state);
}

/* Its second: size of the block before; 0: this is the arena's first. */
static PHYS_INLINE guint32
phys_before (const PhysBlocks *self, PhysBlock block)
{
  return phys_load (phys_bytes (self, block) - PHYS_HEADER / 2);
}

static PHYS_INLINE void
phys_set_before (PhysBlocks *self, PhysBlock block, guint32 size)
{
  phys_store (phys_bytes (self, block) - PHYS_HEADER / 2, size);
}

/* Whether the block, of @size quanta, fills its arena. */
static PHYS_INLINE gboolean
phys_is_whole (const PhysBlocks *self, PhysBlock block, guint32 size)
{
  return phys_before (self, block) == 0 && phys_size (self, block + size) == 0;
}

static PHYS_INLINE guint64
phys_payload (const PhysBlocks *self, guint32 size)
{
  return ((guint64)size << self->shift) - PHYS_HEADER;
}

/* ---- Lists of free blocks ---- */

static PHYS_INLINE PhysBlock
phys_next (const PhysBlocks *self, PhysBlock block)
{
  return phys_load (phys_bytes (self, block));
}

static PHYS_INLINE PhysBlock
phys_prev (const PhysBlocks *self, PhysBlock block)
{
  return phys_load (phys_bytes (self, block) + 4);
}

static PHYS_INLINE void
phys_set_links (PhysBlocks *self, PhysBlock block, PhysBlock next, PhysBlock prev)
{
  phys_store (phys_bytes (self, block), next);
  phys_store (phys_bytes (self, block) + 4, prev);
}

static PHYS_INLINE void
phys_set_prev (PhysBlocks *self, PhysBlock block, PhysBlock prev)
{
  phys_store (phys_bytes (self, block) + 4, prev);
}

static PHYS_INLINE void
phys_link (PhysBlocks *self, const PhysPolicy *policy, PhysBlock block, guint32 size)
{
  const guint bin = policy->bin_of (self, size);
  const PhysBlock first = self->heads[bin];

  phys_touch_head (self, bin);
  phys_touch_links (self, block);
  if (first != PHYS_NO_BLOCK)
    phys_touch_links (self, first);
  phys_set_links (self, block, first, PHYS_NO_BLOCK);
  if (first != PHYS_NO_BLOCK)
    phys_set_prev (self, first, block);
  else
    policy->set_empty (self, bin, FALSE);
  self->heads[bin] = block;
}

/* The first block of a list leaves it. */
static PHYS_INLINE void
phys_pop (PhysBlocks *self, const PhysPolicy *policy, guint bin)
{
  const PhysBlock next = phys_next (self, self->heads[bin]);

  phys_touch_head (self, bin);
  phys_touch_links (self, self->heads[bin]);
  if (next != PHYS_NO_BLOCK)
    phys_touch_links (self, next);
  self->heads[bin] = next;
  if (next != PHYS_NO_BLOCK)
    phys_set_prev (self, next, PHYS_NO_BLOCK);
  else
    policy->set_empty (self, bin, TRUE);
}

static PHYS_INLINE void
phys_unlink (PhysBlocks *self, const PhysPolicy *policy, PhysBlock block, guint32 size)
{
  const PhysBlock next = phys_next (self, block), prev = phys_prev (self, block);

  phys_touch_links (self, block);
  if (next != PHYS_NO_BLOCK)
    phys_touch_links (self, next);
  if (prev != PHYS_NO_BLOCK)
    phys_touch_links (self, prev);
  if (next != PHYS_NO_BLOCK)
    phys_set_prev (self, next, prev);
  if (prev != PHYS_NO_BLOCK) {
    phys_store (phys_bytes (self, prev), next);
  } else {
    const guint bin = policy->bin_of (self, size);

    phys_touch_head (self, bin);
    self->heads[bin] = next;
    if (next == PHYS_NO_BLOCK)
      policy->set_empty (self, bin, TRUE);
  }
}

/* ---- Splitting ---- */

/* The block, in use, keeps @kept of its @size quanta; the rest becomes a free block, on its list. */
static PHYS_INLINE void
phys_split (PhysBlocks *self, const PhysPolicy *policy, PhysBlock block, guint32 size, guint32 kept)
{
  const PhysBlock rest = block + kept;

  phys_touch_header (self, rest);
  phys_touch_header (self, block + size);
  phys_set (self, block, kept, 0);
  phys_set (self, rest, size - kept, PHYS_FREE);
  phys_set_before (self, rest, kept);
  phys_set_before (self, block + size, size - kept);
  phys_link (self, policy, rest, size - kept);
  self->base->metadata_bytes += PHYS_HEADER;
  self->base->counters[PHYS_COUNTER_SPLITS]++;
}

/* ---- What is rare (phys-blocks.c); what is not is in phys-operations.h ---- */

/* To be called first in init(), with the number of instructions that finding a bin takes. */
gboolean phys_init (KmlAllocator *base, const PhysPolicy *policy, guint n_bins,
                    guint find_instructions, GError **error);
/* Takes the first arenas, once the policy is ready. */
gboolean phys_start (PhysBlocks *self, const PhysPolicy *policy, GError **error);
void phys_finish (PhysBlocks *self);

/* What changes in it, but for the struct. */
void phys_remember (PhysBlocks *self, KmlImage *image);

/* A new arena's only block, of at least @n_quanta, on no list; PHYS_NO_BLOCK: there is none. */
PhysBlock phys_grow (PhysBlocks *self, guint32 n_quanta, const KmlRequest *request);

/* A block that fills its arena is about to be taken, or has become free. The latter: TRUE if the
 * arena went back to the page level. */
void phys_arena_in_use (PhysBlocks *self, PhysBlock block);
gboolean phys_arena_emptied (PhysBlocks *self, PhysBlock block, const KmlRequest *how);

/* The alignment, in quanta, that keeps the constraints; 0: only the page level can. */
guint64 phys_alignment (const PhysBlocks *self, const KmlRequest *request);

void phys_shrink (PhysBlocks *self, const PhysPolicy *policy);
void phys_walk (const PhysBlocks *self, KmlWalkFunc func, gpointer user_data);
gboolean phys_check (const PhysBlocks *self, const PhysPolicy *policy, GError **error);

/* ---- Parameters: `PHYS_PARAMS (Tlsf, blocks)` in a table ---- */

/* clang-format off */
#define PHYS_PARAMS(Type, field)                                                                   \
  { .name = "quantum",                                                                             \
    .type = KML_PARAM_SIZE,                                                                        \
    .value = "8",                                                                                  \
    .min = 8,                                                                                      \
    .max = 512,                                                                                    \
    .power_of_two = TRUE,                                                                          \
    .offset = G_STRUCT_OFFSET (Type, field.quantum),                                               \
    .summary = "block sizes are multiples of this, and it is the least alignment of objects" },    \
  { .name = "pool",                                                                                \
    .type = KML_PARAM_SIZE,                                                                        \
    .value = "0",                                                                                  \
    .max = PHYS_MAX_ARENA,                                                                          \
    .offset = G_STRUCT_OFFSET (Type, field.pool),                                                  \
    .summary = "memory taken from the page level at the start and never given back" },             \
  { .name = "arena",                                                                              \
    .type = KML_PARAM_SIZE,                                                                        \
    .value = "64KiB",                                                                              \
    .max = PHYS_MAX_ARENA,                                                                          \
    .offset = G_STRUCT_OFFSET (Type, field.arena),                                                \
    .summary = "an arena of this size is taken when no block is found; 0: the request fails" },      \
  { .name = "keep",                                                                                \
    .type = KML_PARAM_COUNT,                                                                       \
    .value = "1",                                                                                  \
    .max = G_MAXUINT32,                                                                            \
    .offset = G_STRUCT_OFFSET (Type, field.keep),                                                  \
    .summary = "grown arenas that are kept when they are free as a whole" }
/* clang-format on */

G_END_DECLS
