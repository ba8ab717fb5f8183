/* flawed.c: nine ways to be wrong.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/conformance/flawed.h"

#define SELDOM 16 /* one operation in so many is wrong: a suite must find what is rare */

enum {
  FLAW_OVERLAP,
  FLAW_SIZE,
  FLAW_CONSTRAINT,
  FLAW_CHANGE,
  FLAW_CHECK,
  FLAW_TILES,
  FLAW_AREA,
  FLAW_METADATA,
  FLAW_LOST,
};

const char *const flawed_choices[] = { "overlap", "size", "constraint", "change", "check",
                                       "tiles",   "area", "metadata",   "lost",   NULL };

typedef struct {
  KmlAllocator base;
  KmlAllocator *inner; /* (owned) */
  guint flaw;
  guint n_operations;
  KmlAddr last, hoard;
  guint64 last_held;
} Flawed;

static gboolean
flawed_init (KmlAllocator *base, GError **error)
{
  Flawed *self = (Flawed *)base;

  self->inner = kml_allocator_new (kml_allocator_find ("buddy"), base->machine, NULL);
  self->last = KML_ADDR_NONE;
  self->hoard = KML_ADDR_NONE;
  return kml_allocator_start (self->inner, error);
}

static void
flawed_finish (KmlAllocator *base)
{
  Flawed *self = (Flawed *)base;

  kml_allocator_destroy (self->inner);
}

/* Keeps a block for itself, and even says so: but who asked? */
static void
take_hoard (Flawed *self)
{
  const KmlRequest request = { .size = kml_ram_page_size (self->base.machine->ram) };
  guint64 held;

  self->hoard = kml_allocator_alloc (self->inner, &request, &held);
  self->base.metadata_bytes = held;
}

static KmlAddr
flawed_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Flawed *self = (Flawed *)base;
  KmlRequest changed = *request;
  KmlAddr addr;

  self->n_operations++;
  if (self->flaw == FLAW_LOST && self->hoard == KML_ADDR_NONE)
    take_hoard (self);
  if (self->flaw == FLAW_OVERLAP && self->n_operations % SELDOM == 0 &&
      self->last != KML_ADDR_NONE && self->last_held >= request->size) {
    *ret_held = self->last_held;
    return self->last;
  }
  if (self->flaw == FLAW_CONSTRAINT)
    changed.constraints = NULL;
  addr = kml_allocator_alloc (self->inner, &changed, ret_held);
  if (addr == KML_ADDR_NONE && self->flaw == FLAW_CHANGE)
    kml_free_area_add (&base->machine->free_area, 0, KML_MOBILITY_UNMOVABLE);
  if (addr != KML_ADDR_NONE) {
    self->last = addr;
    self->last_held = *ret_held;
  }
  if (self->flaw == FLAW_METADATA && self->n_operations % SELDOM == 0)
    base->metadata_bytes++;
  if (self->flaw == FLAW_AREA && self->n_operations % SELDOM == 0)
    kml_free_area_add (&base->machine->free_area, 0, KML_MOBILITY_UNMOVABLE);
  return addr;
}

static guint64
flawed_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Flawed *self = (Flawed *)base;
  const guint64 held = kml_allocator_free_block (self->inner, addr, how);

  self->n_operations++;
  if (addr == self->last)
    self->last = KML_ADDR_NONE;
  return self->flaw == FLAW_SIZE && self->n_operations % SELDOM == 0 ? held / 2 : held;
}

/* What a walk passes on. */
typedef struct {
  const Flawed *flawed;
  KmlWalkFunc func;
  gpointer user_data;
  guint n;
} Filter;

static void
on_block (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  Filter *filter = user_data;

  if (filter->flawed->flaw == FLAW_TILES && ++filter->n == 2)
    return;
  if (start == filter->flawed->hoard)
    state = KML_BLOCK_METADATA;
  filter->func (start, size, state, filter->user_data);
}

static void
flawed_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
  const Flawed *self = (const Flawed *)base;
  Filter filter = { self, func, user_data, 0 };

  self->inner->ops->walk (self->inner, on_block, &filter);
}

static gboolean
flawed_check (const KmlAllocator *base, GError **error)
{
  const Flawed *self = (const Flawed *)base;

  if (self->flaw == FLAW_CHECK && self->n_operations % SELDOM == 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, "invariant F1 does not hold");
    return FALSE;
  }
  return TRUE; /* its own opinion is not what it is judged by */
}

static const KmlParam flawed_params[] = {
  { .name = "flaw",
    .type = KML_PARAM_CHOICE,
    .value = "overlap",
    .choices = flawed_choices,
    .offset = G_STRUCT_OFFSET (Flawed, flaw),
    .summary = "the promise that is broken" },
  { NULL },
};

const KmlAllocatorOps flawed_ops = {
  .name = "flawed",
  .summary = "buddy with a flaw",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (Flawed),
  .params = flawed_params,
  .init = flawed_init,
  .finish = flawed_finish,
  .alloc = flawed_alloc,
  .free = flawed_free,
  .walk = flawed_walk,
  .check = flawed_check,
};
