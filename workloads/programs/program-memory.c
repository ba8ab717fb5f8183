/* program-memory.c: steps about pages and DMA.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * DMA. A transfer is a record of its own, since it may outlive the step (nowait). Pages of a mapping are pinned from before it is
 * submitted until the task knows that it is done, as get_user_pages() does; a block stays where it is anyway, and giving it back
 * meanwhile is a bug: it is reported, and the block is kept for ever, so that the device writes into nobody else's memory.
 *
 * Which transfer a page is under, `migrate … pausing` has to know: all that have begun are in one list.
 */

#include "simcore/pages/writeback.h"
#include "workloads/programs/program-private.h"

struct _KmlTransfer {
  KmlDma *dma;
  KmlDmaRequest request;
  KmlDmaPiece *pieces; /* (owned) (nullable): of a scattered one */
  const char *name;    /* borrowed: of what is moved */
  const KmlTask *task; /* who has begun it */
  KmlReclaim *reclaim; /* (nullable): its pages are pinned there */
};

/* ---- Pages ---- */

void
kml_step_choose_pages (const KmlStepPages *self, guint64 n, guint64 *cursor, KmlRng *rng,
                       guint64 *ret_first, guint64 *ret_last)
{
  switch ((KmlPagesKind)self->kind) {
  case KML_PAGES_FIXED:
    *ret_first = self->first;
    *ret_last = self->last;
    return;
  case KML_PAGES_NEXT:
    *ret_first = *ret_last = *cursor;
    *cursor = (*cursor + 1) % n;
    return;
  case KML_PAGES_RANDOM:
    *ret_first = *ret_last = kml_rng_below (rng, n);
    return;
  }
  g_assert_not_reached ();
}

gboolean
kml_step_touch (const KmlStep *step, KmlMapping *mapping, guint64 first, guint64 last)
{
  const gboolean is_write = step->kind == KML_STEP_DIRTY;
  const gboolean can_wait = is_write && !(step->flags & KML_STEP_FLAG_NOWAIT);
  gboolean ok = TRUE;

  for (guint64 i = first; i <= last; i++) {
    ok &= kml_mapping_touch (mapping, (guint32)i, is_write);
    if (can_wait)
      kml_mapping_throttle (mapping);
  }
  return ok;
}

/* (nullable) */
static KmlTransfer *
transfer_of (const KmlWorld *world, KmlPfn pfn)
{
  for (guint i = 0; i < world->transfers->len; i++) {
    KmlTransfer *transfer = g_ptr_array_index (world->transfers, i);

    for (guint j = 0; transfer->request.status == KML_DMA_PENDING && j < transfer->request.n_pages;
         j++)
      if (transfer->request.pages[j] == pfn)
        return transfer;
  }
  return NULL;
}

gboolean
kml_step_migrate (KmlWorld *world, KmlMapping *mapping, guint64 first, guint64 last,
                  gboolean pausing)
{
  gboolean ok = TRUE;

  for (guint64 i = first; i <= last; i++) {
    KmlTransfer *transfer;

    kml_sync (world->machine);
    transfer = pausing ? transfer_of (world, mapping->frames[i]) : NULL;
    ok &= (transfer != NULL
               ? kml_mapping_migrate_under (mapping, (guint32)i, transfer->dma, &transfer->request)
               : kml_mapping_migrate (mapping, (guint32)i)) == KML_MIGRATED;
  }
  return ok;
}

/* ---- DMA ---- */

void
kml_transfer_free (KmlTransfer *self)
{
  g_free (self->request.pages);
  g_free (self->pieces);
  g_free (self);
}

static void
unpin_pages (KmlTransfer *self)
{
  for (guint i = 0; self->reclaim != NULL && i < self->request.n_pages; i++)
    kml_mapping_unpin (self->reclaim, self->request.pages[i]);
}

/* Behind what it has already. */
static void
add_block (KmlTransfer *self, const KmlRam *ram, const KmlBlock *block, GArray *pages,
           GArray *pieces)
{
  const guint64 page_size = kml_ram_page_size (ram);
  guint64 n;

  for (guint64 byte = 0; byte < block->size; byte += n) {
    const KmlAddr addr = block->addr + byte;
    const KmlDmaPiece piece = { .start = self->request.size, .offset = addr % page_size };
    const KmlPfn pfn = kml_ram_pfn (ram, addr);

    n = MIN (page_size - piece.offset, block->size - byte);
    g_array_append_val (pages, pfn);
    g_array_append_val (pieces, piece);
    self->request.size += n;
  }
}

/* Where the latest block, or each of them, lies. FALSE: there is none. */
static gboolean
set_blocks (KmlTransfer *self, const KmlMachine *machine, const GArray *blocks, gboolean all)
{
  GArray *pages, *pieces;

  if (blocks->len == 0)
    return FALSE;
  pages = g_array_new (FALSE, FALSE, sizeof (KmlPfn));
  pieces = g_array_new (FALSE, FALSE, sizeof (KmlDmaPiece));
  for (guint i = all ? 0 : blocks->len - 1; i < blocks->len; i++)
    add_block (self, machine->ram, &g_array_index (blocks, KmlBlock, i), pages, pieces);
  self->request.n_pages = pages->len;
  self->request.pages = (KmlPfn *)g_array_free (pages, FALSE);
  self->request.pieces = self->pieces = (KmlDmaPiece *)g_array_free (pieces, FALSE);
  return TRUE;
}

static gboolean
set_pages (KmlTransfer *self, KmlMapping *mapping, guint64 first, guint64 last)
{
  self->reclaim = mapping->reclaim;
  self->request.pages = g_new (KmlPfn, last - first + 1);
  for (guint64 i = first; i <= last; i++) {
    const KmlPfn pfn = kml_mapping_pin (mapping, (guint32)i, self->request.is_from_device);

    if (pfn == KML_PFN_NONE) {
      unpin_pages (self);
      return FALSE;
    }
    self->request.pages[self->request.n_pages++] = pfn;
  }
  self->request.size = self->request.n_pages * kml_ram_page_size (mapping->reclaim->machine->ram);
  return TRUE;
}

/* Waits until it is done, and forgets it. */
static gboolean
finish (KmlWorld *world, KmlTransfer *self)
{
  const gboolean ok = kml_dma_wait (self->dma, &self->request) == KML_DMA_OK;

  unpin_pages (self);
  g_ptr_array_remove (world->transfers, self);
  return ok;
}

gboolean
kml_step_dma (KmlWorld *world, const KmlStep *step, KmlDma *dma, const GArray *blocks,
              KmlMapping *mapping)
{
  KmlTransfer *self = g_new0 (KmlTransfer, 1);

  self->dma = dma;
  self->name = step->other;
  self->task = kml_current_task (world->machine);
  self->request.is_from_device = (step->flags & KML_STEP_FLAG_FROM_DEVICE) != 0;
  if (!(mapping != NULL
            ? set_pages (self, mapping, step->pages.first, step->pages.last)
            : set_blocks (self, world->machine, blocks, (step->flags & KML_STEP_FLAG_ALL) != 0))) {
    kml_transfer_free (self);
    return FALSE;
  }
  g_ptr_array_add (world->transfers, self);
  if (kml_dma_submit (dma, &self->request) != KML_DMA_PENDING) {
    unpin_pages (self);
    g_ptr_array_remove (world->transfers, self);
    return FALSE;
  }
  return (step->flags & KML_STEP_FLAG_NOWAIT) != 0 || finish (world, self);
}

gboolean
kml_step_dma_wait (KmlWorld *world, const char *name)
{
  const KmlTask *task = kml_current_task (world->machine);
  gboolean ok = TRUE;

  for (guint i = 0; i < world->transfers->len;) {
    KmlTransfer *transfer = g_ptr_array_index (world->transfers, i);

    if (transfer->task == task && g_str_equal (transfer->name, name)) {
      ok &= finish (world, transfer);
      i = 0; /* others may have begun and ended some meanwhile */
    } else {
      i++;
    }
  }
  return ok;
}

static gboolean
overlaps (const KmlTransfer *self, const KmlRam *ram, const KmlBlock *block)
{
  guint64 n;

  for (guint64 byte = 0; byte < self->request.size; byte += n) {
    const KmlAddr start = kml_dma_request_addr (&self->request, ram, byte, &n);

    if (start < block->addr + block->size && block->addr < start + n)
      return TRUE;
  }
  return FALSE;
}

gboolean
kml_block_in_flight (const KmlWorld *world, const KmlBlock *block)
{
  for (guint i = 0; i < world->transfers->len; i++) {
    const KmlTransfer *transfer = g_ptr_array_index (world->transfers, i);

    if (transfer->request.status == KML_DMA_PENDING &&
        overlaps (transfer, world->machine->ram, block))
      return TRUE;
  }
  return FALSE;
}
