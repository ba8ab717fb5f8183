/* migrate.c: moving a page to another frame.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Objects of a kernel written in C cannot be moved: nobody knows all pointers to them. Pages of mappings can, since they are reached through
 * their mapping's entry alone: a new frame is taken, the contents are copied, the entry is redirected and the old frame freed. Every CPU
 * must forget the old translation before the contents are copied: each of the others is interrupted for it, and who moves the page waits for them.
 *
 * A page that a device has is not reached through its entry alone: the device has its address. It stays, unless the device can be paused and told the new
 * one (dma.h), which an IOMMU makes easy.
 *
 * A dirty page of a file whose file system has something of its own at each page, and nothing that tells it where the page went, is written first and moved
 * when it is clean: Linux's fallback_migrate_folio(). Whoever moves it so takes the file system's lock with the page in his hands, while others take them
 * the other way round: Linux's compaction did nothing for requests without __GFP_FS because of that, and today leaves such pages alone for them. So it is here.
 *
 * While a page is written for that, moves under a device, or is forgotten by other CPUs, its entry is BUSY, so who touches it waits, and nobody can give it to
 * a device. On one CPU nothing happens in between, and nobody sees it.
 */

#include "simcore/pages/memalloc.h"
#include "simcore/memory/pin.h"
#include "simcore/pages/reclaim.h"
#include "simcore/tasks/ipi.h"

static const char under_migration[] = "the end of a page's migration";

/* The device's, and that of who has given it the page. */
#define PINS_UNDER_DMA 2

static KmlMigration
count (KmlReclaim *self, KmlMigration result)
{
  if (result == KML_MIGRATED)
    self->counters[KML_MIGRATE_PAGES]++;
  else if (result == KML_MIGRATE_PINNED)
    self->counters[KML_MIGRATE_FAILED_PINNED]++;
  else
    self->counters[KML_MIGRATE_FAILED]++;
  return result;
}

/* Whether there is a page at the entry, and nobody works on it. */
static gboolean
is_there (const KmlMapping *self, guint32 index)
{
  const KmlPfn pfn = self->frames[index];
  const KmlFrame *frame;

  if (pfn == KML_PFN_NONE || pfn == KML_PFN_BUSY)
    return FALSE;
  frame = kml_ram_frame (self->reclaim->machine->ram, pfn);
  return frame->lru.kind != KML_LRU_ISOLATED && !(frame->lru.bits & KML_PAGE_WRITEBACK);
}

static void
forget (KmlMachine *machine, gpointer data)
{
}

/* The other CPUs forget where a page was. Its entry is BUSY. */
static void
shoot_down (KmlMachine *machine)
{
  if (machine->n_cpus > 1)
    kml_ipi_call_others (machine, NULL, forget, NULL, KML_IPI_WAIT | KML_IPI_QUIET);
}

/* What is known of the page at @from is from now on known of @to, which is on no list yet. */
static void
take_over_record (const KmlRam *ram, KmlPfn from, KmlPfn to)
{
  kml_ram_frame (ram, to)->lru = kml_ram_frame (ram, from)->lru;
}

/* @frame: where it is moved to; and when it has been, the old frame, which belongs to nobody. */
static KmlMigration
move (KmlMapping *self, guint32 index, KmlPfn *frame)
{
  KmlReclaim *reclaim = self->reclaim;
  KmlMachine *machine = reclaim->machine;
  const KmlRam *ram = machine->ram;
  const KmlPfn from = self->frames[index], to = *frame;
  const KmlLruKind kind = kml_ram_frame (ram, from)->lru.kind;

  if (kml_is_pinned (machine, from))
    return KML_MIGRATE_PINNED;
  kml_lru_remove (reclaim->lists, ram, from);
  self->n_resident--;
  kml_mapping_begin (self, index, from, under_migration);
  shoot_down (machine);
  g_assert (!kml_is_pinned (machine, from));
  take_over_record (ram, from, to);
  memcpy (ram->store + kml_ram_addr (ram, to), ram->store + kml_ram_addr (ram, from),
          kml_ram_page_size (ram));
  kml_spend (machine, KML_COST_ZERO_PAGE, 2); /* reading it takes as long as writing */
  kml_lru_insert (reclaim->lists, ram, to, kind);
  kml_mapping_end (self, index, to);
  *frame = from;
  return KML_MIGRATED;
}

/* The device copies the page itself, as it were: it does so while it stands still. @frame: as of move(). */
static KmlMigration
move_under (KmlMapping *self, guint32 index, KmlDma *dma, KmlDmaRequest *request, KmlPfn *frame)
{
  KmlReclaim *reclaim = self->reclaim;
  const KmlRam *ram = reclaim->machine->ram;
  const KmlPfn from = self->frames[index], to = *frame;
  const KmlLruKind kind = kml_ram_frame (ram, from)->lru.kind;
  gboolean is_moved;

  if (reclaim->machine->pins[from] > PINS_UNDER_DMA)
    return KML_MIGRATE_PINNED; /* another device has it, too */
  kml_lru_remove (reclaim->lists, ram, from);
  self->n_resident--;
  kml_mapping_begin (self, index, from, under_migration);
  is_moved = kml_dma_move_page (dma, request, from, to);
  if (is_moved) {
    take_over_record (ram, from, to);
    shoot_down (reclaim->machine);
  }
  kml_lru_insert (reclaim->lists, ram, is_moved ? to : from, kind);
  kml_mapping_end (self, index, is_moved ? to : from);
  if (is_moved)
    *frame = from;
  return is_moved ? KML_MIGRATED : KML_MIGRATE_PINNED;
}

/* Whether page @index, which is there, must be written before it is moved. */
static gboolean
must_be_written (const KmlMapping *self, guint32 index)
{
  const KmlFrame *frame = kml_ram_frame (self->reclaim->machine->ram, self->frames[index]);

  return self->moves_by_writing && !self->is_anon && (frame->lru.bits & KML_PAGE_DIRTY);
}

/* Under the device; or, where that has become done with it meanwhile, as any other page. */
static KmlMigration
move_from (KmlMapping *self, guint32 index, KmlDma *dma, KmlDmaRequest *request, KmlPfn *frame)
{
  const KmlMigration result = move_under (self, index, dma, request, frame);

  if (result == KML_MIGRATED || !is_there (self, index) || must_be_written (self, index))
    return result;
  return move (self, index, frame);
}

/* Writes page @index, which is there. Sleeps. FALSE: it may not be, the disk failed, or it is gone or dirty again. */
static gboolean
write_first (KmlMapping *self, guint32 index)
{
  KmlReclaim *reclaim = self->reclaim;
  const KmlRam *ram = reclaim->machine->ram;
  const KmlPfn pfn = self->frames[index];
  const KmlLruKind kind = kml_ram_frame (ram, pfn)->lru.kind;
  const KmlGfp gfp = kml_memalloc_gfp (kml_current_task (reclaim->machine), KML_GFP_KERNEL);
  gboolean ok;

  if (!kml_mapping_may_write (self, gfp))
    return FALSE;
  kml_lru_remove (reclaim->lists, ram, pfn);
  self->n_resident--;
  kml_mapping_begin (self, index, pfn, under_migration);
  ok = kml_mapping_write_locked (self, pfn);
  kml_lru_insert (reclaim->lists, ram, pfn, kind);
  kml_mapping_end (self, index, pfn);
  kml_sync (reclaim->machine);
  return ok && is_there (self, index) && !must_be_written (self, index);
}

static KmlMigration
migrate (KmlMapping *self, guint32 index, KmlDma *dma, KmlDmaRequest *request)
{
  KmlReclaim *reclaim = self->reclaim;
  KML_CALL (reclaim->machine, "migrate");
  KmlMigration result = KML_MIGRATE_ABSENT;
  KmlPfn frame;

  g_assert (index < self->n_pages);
  kml_sync (reclaim->machine);
  if (!is_there (self, index))
    return count (reclaim, KML_MIGRATE_ABSENT);
  frame = kml_mapping_take_frame (self, TRUE);
  if (frame == KML_PFN_NONE)
    return count (reclaim, KML_MIGRATE_NO_MEMORY);
  kml_sync (reclaim->machine);
  if (is_there (self, index) && must_be_written (self, index) && !write_first (self, index))
    result = KML_MIGRATE_DIRTY;
  else if (is_there (self, index))
    result = dma != NULL ? move_from (self, index, dma, request, &frame)
                         : move (self, index, &frame);
  kml_mapping_free_frame (self, frame);
  return count (reclaim, result);
}

KmlMigration
kml_mapping_migrate (KmlMapping *self, guint32 index)
{
  return migrate (self, index, NULL, NULL);
}

KmlMigration
kml_mapping_migrate_under (KmlMapping *self, guint32 index, KmlDma *dma, KmlDmaRequest *request)
{
  return migrate (self, index, dma, request);
}

KmlMigration
kml_mapping_migrate_to (KmlMapping *self, guint32 index, KmlPfn *frame)
{
  KmlReclaim *reclaim = self->reclaim;
  KML_CALL (reclaim->machine, "migrate");

  kml_sync (reclaim->machine);
  if (!is_there (self, index))
    return count (reclaim, KML_MIGRATE_ABSENT);
  if (must_be_written (self, index))
    return count (reclaim, KML_MIGRATE_DIRTY);
  return count (reclaim, move (self, index, frame));
}
