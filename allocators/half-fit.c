/* half-fit.c: half-fit: lists by powers of two, and never a search.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Takeshi Ogasawara, "An Algorithm with Constant Execution Time for Dynamic Storage
 * Allocation", RTCSA 1995. Pavel Kirienko's o1heap, for small embedded systems, is its best-known
 * descendant, and differs in one point, which is a parameter here.
 *
 * 1. Lists
 *
 * List i has the free blocks of 2^i up to 2^(i+1) - 1 quanta, and a word has a bit for each list that is not
 * empty. A request of n quanta takes the first block of the first list from ceil (log2 n) on
 * that has one: all of its blocks fit. A block is put into list floor (log2 n).
 *
 *     list  3: 8 .. 15      request of 9: list 4, though list 3 may have blocks of 9 and more
 *     list  4: 16 .. 31     request of 8: list 3
 *
 * So up to half of what is free is passed over, which gave it its name: free blocks of less than
 * twice the size may be left lying. TLSF (tlsf.c) makes that a share of 1 / 2^SLI by a second level; with
 * SLI = 0 it is half-fit.
 *
 * 2. Rounding
 *
 *   none   a block is cut to the quanta that the request needs: the paper
 *   pow2   to a power of two, header included: o1heap. Wastes within blocks but leaves fewer odd
 *          rests
 *
 * For half-fit, o1heap's documentation states that 2 M (1 + ceil (log2 n)) units of memory always
 * suffice for at most M live units in blocks of at most n: twice of what first-fit needs.
 *
 * 3. Everything else
 *
 * Headers, arenas, splitting, immediate coalescing, constraints and costs are in phys-blocks.h.
 * o1heap has one arena, given at the start (`pool`, `arena = 0`), headers of a unit of 16 or 32 bytes, and links
 * neighbours by pointers instead of sizes.
 *
 * 4. Invariants, verified by half_fit_check()
 *
 *   B1 .. B5 of phys-blocks.h
 *   H1  the bit of a list is set if and only if the list is not empty
 */

#include "allocators/phys-operations.h"
#include "simcore/replay/driver-loop.h"

#define FIND_INSTRUCTIONS 12 /* size to list, a mask, a search for a bit */
#define N_LISTS           33 /* sizes are below 2^32 quanta, which would be list 32's */

enum {
  ROUNDING_NONE,
  ROUNDING_POW2,
};

typedef struct {
  KmlAllocator base;
  PhysBlocks blocks;
  guint rounding;

  guint64 lists; /* bit i: list i is not empty */
} HalfFit;

static PHYS_INLINE HalfFit *
half_fit_of (const PhysBlocks *blocks)
{
  return (HalfFit *)blocks->base;
}

/* log2_ceil (5) -> 3 */
static PHYS_INLINE guint
log2_ceil (guint32 n)
{
  return n <= 1 ? 0 : g_bit_storage (n - 1);
}

static PHYS_INLINE guint
half_fit_bin_of (const PhysBlocks *blocks, guint32 size)
{
  return g_bit_storage (size) - 1;
}

static PHYS_INLINE guint
half_fit_bin_for (const PhysBlocks *blocks, guint32 size)
{
  return log2_ceil (size);
}

static PHYS_INLINE guint
half_fit_first_from (const PhysBlocks *blocks, guint bin)
{
  const guint64 lists = half_fit_of (blocks)->lists & G_MAXUINT64 << bin;

  return lists == 0 ? PHYS_NO_BIN : (guint)__builtin_ctzll (lists);
}

static PHYS_INLINE void
half_fit_set_empty (PhysBlocks *blocks, guint bin, gboolean is_empty)
{
  const guint64 bit = G_GUINT64_CONSTANT (1) << bin;

  if (is_empty)
    half_fit_of (blocks)->lists &= ~bit;
  else
    half_fit_of (blocks)->lists |= bit;
}

static const PhysPolicy policy = {
  .offset = G_STRUCT_OFFSET (HalfFit, blocks),
  .bin_of = half_fit_bin_of,
  .bin_for = half_fit_bin_for,
  .first_from = half_fit_first_from,
  .set_empty = half_fit_set_empty,
};

static gboolean
half_fit_init (KmlAllocator *base, GError **error)
{
  HalfFit *self = (HalfFit *)base;

  self->blocks.is_usual = self->blocks.quantum == 1 << PHYS_USUAL_SHIFT;
  return phys_init (base, &policy, N_LISTS, FIND_INSTRUCTIONS, error) &&
         phys_start (&self->blocks, &policy, error);
}

static gboolean
half_fit_remember (KmlAllocator *base, KmlImage *image)
{
  phys_remember (&((HalfFit *)base)->blocks, image);
  return TRUE;
}

static void
half_fit_finish (KmlAllocator *base)
{
  phys_finish (&((HalfFit *)base)->blocks);
}

static PHYS_INLINE guint32
half_fit_quanta (HalfFit *self, gboolean is_usual, guint64 size)
{
  const PhysBlocks registers = phys_registers (&self->base, &policy, is_usual);
  const guint32 quanta = phys_quanta (&registers, size);

  return self->rounding == ROUNDING_NONE ? quanta : 1u << log2_ceil (quanta);
}

/* Other parameters, large sizes and constraints. */
static KmlAddr G_GNUC_NO_INLINE
half_fit_alloc_unusual (HalfFit *self, const KmlRequest *request, guint64 *ret_held)
{
  PhysBlocks *blocks = &self->blocks;
  const guint64 size = MIN (request->size, blocks->largest_size);
  const guint32 quanta = half_fit_quanta (self, FALSE, size);

  g_assert (request->size > 0);

  if (request->size > blocks->largest_size || request->constraints != NULL)
    return phys_take_unusual (blocks, &policy, quanta, request, ret_held);
  return phys_take (&self->base, &policy, FALSE, quanta, 1, request, ret_held);
}

KML_FAST KmlAddr
half_fit_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  HalfFit *self = (HalfFit *)base;

  if (G_UNLIKELY (request->size - 1 >= self->blocks.usual_size || request->constraints != NULL)) {
    guint64 held = 0;
    const KmlAddr addr = half_fit_alloc_unusual (self, request, &held);

    *ret_held = held;
    return addr;
  }
  return phys_take (base, &policy, TRUE, half_fit_quanta (self, TRUE, request->size), 1, request,
                    ret_held);
}

static guint64 G_GNUC_NO_INLINE
half_fit_free_unusual (HalfFit *self, KmlAddr addr, const KmlRequest *how)
{
  return phys_give_back (&self->base, &policy, FALSE, addr, how);
}

KML_FAST guint64
half_fit_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  HalfFit *self = (HalfFit *)base;

  if (G_UNLIKELY (!self->blocks.is_usual))
    return half_fit_free_unusual (self, addr, how);
  return phys_give_back (base, &policy, TRUE, addr, how);
}

KML_DEFINE_EXECUTE (half_fit)

static guint64
half_fit_size_of (const KmlAllocator *base, KmlAddr addr)
{
  return phys_size_of (&((const HalfFit *)base)->blocks, addr);
}

static void
half_fit_shrink (KmlAllocator *base)
{
  phys_shrink (&((HalfFit *)base)->blocks, &policy);
}

static void
half_fit_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  phys_walk (&((const HalfFit *)base)->blocks, func, user_data);
}

static gboolean
half_fit_check (const KmlAllocator *base, GError **error)
{
  const HalfFit *self = (const HalfFit *)base;

  if (!phys_check (&self->blocks, &policy, error))
    return FALSE;
  for (guint bin = 0; bin < N_LISTS; bin++)
    if ((self->lists >> bin & 1) != (self->blocks.heads[bin] != PHYS_NO_BLOCK))
      return kml_allocator_broken ("H1", "list", bin, error);
  return TRUE;
}

static const char *const roundings[] = { "none", "pow2", NULL };

static const KmlParam half_fit_params[] = {
  { .name = "rounding",
    .type = KML_PARAM_CHOICE,
    .value = "none",
    .choices = roundings,
    .offset = G_STRUCT_OFFSET (HalfFit, rounding),
    .summary = "what a block is cut to: the request's size, or a power of two as in o1heap" },
  PHYS_PARAMS (HalfFit, blocks),
  { NULL },
};

static const KmlAllocatorOps half_fit_ops = {
  .name = "half-fit",
  .summary = "lists by powers of two, the first that surely fits, with boundary tags",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (HalfFit),
  .params = half_fit_params,
  .counters = phys_counters,
  .init = half_fit_init,
  .finish = half_fit_finish,
  .alloc = half_fit_alloc,
  .free = half_fit_free,
  .size_of = half_fit_size_of,
  .execute = half_fit_execute,
  .shrink = half_fit_shrink,
  .remember = half_fit_remember,
  .walk = half_fit_walk,
  .check = half_fit_check,
};

KML_REGISTER_ALLOCATOR (half_fit_ops)
