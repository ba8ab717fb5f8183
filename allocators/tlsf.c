/* tlsf.c: two-level segregated fit.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Miguel Masmano, Ismael Ripoll, Alfons Crespo, Jorge Real, "TLSF: a New Dynamic Memory
 * Allocator for Real-Time Systems", ECRTS 2004. Its descendants serve in many small
 * kernels and hypervisors.
 *
 * 1. Two levels of bins
 *
 * Free blocks are kept in lists by size. The first level divides sizes by powers of two,
 * the second each doubling into 2^SLI equal parts:
 *
 *     SLI = 2, in quanta     first level    second level
 *                            1 .. 3         [1] [2] [3]
 *                            4 .. 7         [4] [5] [6] [7]
 *                            8 .. 15        [8,9] [10,11] [12,13] [14,15]
 *                            16 .. 31       [16 .. 19] [20 .. 23] [24 .. 27] [28 .. 31]
 *
 * A bitmap says which first levels have anything, and one for each of them which of its
 * lists have; so the first list at or above a given one that is not empty takes two masks and two
 * searches for the lowest bit, whatever there is. Numbered through, list and size go together as
 * f = floor (log2 n), list = (f - SLI) 2^SLI + floor (n / 2^(f - SLI)); below 2^SLI it is n itself.
 * The paper's formula is the same where a part has at least a quantum; lower down, its lists would be
 * for parts of a quantum and stay empty.
 *
 * 2. Good fit
 *
 * A request of n quanta is rounded up to the lower end of a list's range, and the first block of
 * the first list from there on is taken: it surely fits, and nobody searched.
 * What this costs: blocks in the list of n itself are passed over even if they would fit. Relative to what
 * the request was rounded up to, that is less than 1 / (2^SLI + 1), and 1 / (3 2^SLI + 1) on average
 * over sizes uniform in a doubling (3.03 % and 1.03 % for SLI = 5; the law of size classes with
 * m = 2^SLI). It is not lost inside of blocks: a block is cut to the request's own quanta and the rest is
 * free, so internal fragmentation is that of rounding to quanta alone, and the header.
 *
 * 3. Everything else
 *
 * Headers, arenas, splitting, immediate coalescing, constraints and costs are in phys-blocks.h.
 * In the paper there is one arena, and free blocks and headers are addressed with 32 bits, too.
 * Here an arena may be taken at the start (`pool`), and others later (`arena`).
 *
 * 4. Costs
 *
 * The paper counts at most 168 instructions on an x86 for the longest path of each operation. From the
 * estimates of phys-blocks.h: to allocate takes 20 + 30 for the search, 20 to take a block
 * off its list, 10 to split and 22 to list the rest: 102; with an alignment 14 + 32 more. To free with two
 * free neighbours takes 18 + 2 (20 + 10) + 22 = 100.
 *
 * 5. Invariants, verified by tlsf_check()
 *
 *   B1 .. B5 of phys-blocks.h
 *   T1  the bit of a list is set if and only if the list is not empty, and that of a first level if
 *       and only if one of its lists' is
 */

#include "allocators/phys-operations.h"
#include "simcore/replay/driver-loop.h"

#define FIND_INSTRUCTIONS 30 /* size to list, two masks, two searches for a bit */
#define USUAL_SLI         5
#define MAX_SLI           6  /* a second level is one word */
#define MAX_LEVELS        34 /* sizes are below 2^32 quanta */

typedef struct {
  KmlAllocator base;
  PhysBlocks blocks;
  guint64 sli;

  guint64 levels;             /* bit i: second[i] is not 0 */
  guint64 second[MAX_LEVELS]; /* bit k: list (i << sli) + k is not empty */
} Tlsf;

static PHYS_INLINE Tlsf *
tlsf_of (const PhysBlocks *blocks)
{
  return (Tlsf *)blocks->base;
}

/* A constant where it is the usual one (phys_registers()). */
static PHYS_INLINE guint
sli_of (const PhysBlocks *blocks)
{
  return blocks->is_usual ? USUAL_SLI : (guint)tlsf_of (blocks)->sli;
}

static PHYS_INLINE guint
tlsf_bin_of (const PhysBlocks *blocks, guint32 size)
{
  const guint sli = sli_of (blocks);
  const guint log = g_bit_storage (size | 1u << sli) - 1;

  return ((log - sli) << sli) + (size >> (log - sli));
}

static PHYS_INLINE guint
tlsf_bin_for (const PhysBlocks *blocks, guint32 size)
{
  const guint sli = sli_of (blocks);
  const guint log = g_bit_storage (size | 1u << sli) - 1;

  /* the next bin, but for a size that begins one; after a level's last comes the next level's first */
  return ((log - sli) << sli) + ((size - 1) >> (log - sli)) + 1;
}

static PHYS_INLINE guint
tlsf_first_from (const PhysBlocks *blocks, guint bin)
{
  const Tlsf *self = tlsf_of (blocks);
  const guint sli = sli_of (blocks);
  guint level = bin >> sli;
  guint64 bits = self->second[level] & G_MAXUINT64 << (bin & ((1u << sli) - 1));

  if (bits == 0) {
    const guint64 above = self->levels & G_MAXUINT64 << (level + 1);

    if (above == 0)
      return PHYS_NO_BIN;
    level = (guint)__builtin_ctzll (above);
    bits = self->second[level];
  }
  return (level << sli) + (guint)__builtin_ctzll (bits);
}

static PHYS_INLINE void
tlsf_set_empty (PhysBlocks *blocks, guint bin, gboolean is_empty)
{
  Tlsf *self = tlsf_of (blocks);
  const guint sli = sli_of (blocks);
  const guint level = bin >> sli;
  const guint64 bit = G_GUINT64_CONSTANT (1) << (bin & ((1u << sli) - 1));

  if (is_empty) {
    self->second[level] &= ~bit;
    if (self->second[level] == 0)
      self->levels &= ~(G_GUINT64_CONSTANT (1) << level);
  } else {
    self->second[level] |= bit;
    self->levels |= G_GUINT64_CONSTANT (1) << level;
  }
}

static const PhysPolicy policy = {
  .offset = G_STRUCT_OFFSET (Tlsf, blocks),
  .bin_of = tlsf_bin_of,
  .bin_for = tlsf_bin_for,
  .first_from = tlsf_first_from,
  .set_empty = tlsf_set_empty,
};

static gboolean
tlsf_init (KmlAllocator *base, GError **error)
{
  Tlsf *self = (Tlsf *)base;

  self->blocks.is_usual = self->sli == USUAL_SLI && self->blocks.quantum == 1 << PHYS_USUAL_SHIFT;
  return phys_init (base, &policy, (guint)(MAX_LEVELS - self->sli) << self->sli, FIND_INSTRUCTIONS,
                    error) &&
         phys_start (&self->blocks, &policy, error);
}

static gboolean
tlsf_remember (KmlAllocator *base, KmlImage *image)
{
  phys_remember (&((Tlsf *)base)->blocks, image);
  return TRUE;
}

static void
tlsf_finish (KmlAllocator *base)
{
  phys_finish (&((Tlsf *)base)->blocks);
}

/* Other parameters, large sizes and constraints. */
static KmlAddr G_GNUC_NO_INLINE
tlsf_alloc_unusual (Tlsf *self, const KmlRequest *request, guint64 *ret_held)
{
  PhysBlocks *blocks = &self->blocks;
  const guint32 quanta = phys_quanta (blocks, request->size);

  g_assert (request->size > 0);

  if (request->size > blocks->largest_size || request->constraints != NULL)
    return phys_take_unusual (blocks, &policy, quanta, request, ret_held);
  return phys_take (&self->base, &policy, FALSE, quanta, 1, request, ret_held);
}

KML_FAST KmlAddr
tlsf_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Tlsf *self = (Tlsf *)base;
  const PhysBlocks usual = phys_registers (base, &policy, TRUE);

  if (G_UNLIKELY (request->size - 1 >= self->blocks.usual_size || request->constraints != NULL)) {
    guint64 held = 0;
    const KmlAddr addr = tlsf_alloc_unusual (self, request, &held);

    *ret_held = held;
    return addr;
  }
  return phys_take (base, &policy, TRUE, phys_quanta (&usual, request->size), 1, request, ret_held);
}

static guint64 G_GNUC_NO_INLINE
tlsf_free_unusual (Tlsf *self, KmlAddr addr, const KmlRequest *how)
{
  return phys_give_back (&self->base, &policy, FALSE, addr, how);
}

KML_FAST guint64
tlsf_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Tlsf *self = (Tlsf *)base;

  if (G_UNLIKELY (!self->blocks.is_usual))
    return tlsf_free_unusual (self, addr, how);
  return phys_give_back (base, &policy, TRUE, addr, how);
}

KML_DEFINE_EXECUTE (tlsf)

static guint64
tlsf_size_of (const KmlAllocator *base, KmlAddr addr)
{
  return phys_size_of (&((const Tlsf *)base)->blocks, addr);
}

static void
tlsf_shrink (KmlAllocator *base)
{
  phys_shrink (&((Tlsf *)base)->blocks, &policy);
}

static void
tlsf_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  phys_walk (&((const Tlsf *)base)->blocks, func, user_data);
}

static gboolean
tlsf_check (const KmlAllocator *base, GError **error)
{
  const Tlsf *self = (const Tlsf *)base;
  const guint64 one = 1;

  if (!phys_check (&self->blocks, &policy, error))
    return FALSE;
  for (guint bin = 0; bin < self->blocks.n_bins; bin++) {
    const guint64 bits = self->second[bin >> self->sli];

    if ((bits >> (bin & ((1u << self->sli) - 1)) & 1) != (self->blocks.heads[bin] != PHYS_NO_BLOCK))
      return kml_allocator_broken ("T1", "list", bin, error);
  }
  for (guint level = 0; level < MAX_LEVELS; level++)
    if (((self->levels & one << level) != 0) != (self->second[level] != 0))
      return kml_allocator_broken ("T1", "level", level, error);
  return TRUE;
}

static const KmlParam tlsf_params[] = {
  { .name = "sli",
    .type = KML_PARAM_COUNT,
    .value = "5",
    .min = 0,
    .max = MAX_SLI,
    .offset = G_STRUCT_OFFSET (Tlsf, sli),
    .summary = "second-level index: each doubling of sizes has 2^sli lists" },
  PHYS_PARAMS (Tlsf, blocks),
  { NULL },
};

static const KmlAllocatorOps tlsf_ops = {
  .name = "tlsf",
  .summary = "two-level segregated fit: good fit in constant time, with boundary tags",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Tlsf),
  .params = tlsf_params,
  .counters = phys_counters,
  .init = tlsf_init,
  .finish = tlsf_finish,
  .alloc = tlsf_alloc,
  .free = tlsf_free,
  .size_of = tlsf_size_of,
  .execute = tlsf_execute,
  .shrink = tlsf_shrink,
  .remember = tlsf_remember,
  .walk = tlsf_walk,
  .check = tlsf_check,
};

KML_REGISTER_ALLOCATOR (tlsf_ops)
