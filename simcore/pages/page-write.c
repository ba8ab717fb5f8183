/* page-write.c: dirty pages, and their way to the disk.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. A page's way
 *
 *     clean ──written to──► dirty ──submitted──► under write-back ──interrupt──► clean, or dirty: written to meanwhile, or swap and the disk failed
 *
 * Who submits does not wait. A page under write-back (KML_PAGE_WRITEBACK, Linux's PG_writeback) stays on its list and in use; it is neither evicted
 * nor moved nor submitted again, and what is dropped meanwhile is freed in the interrupt. Reclaim that meets it marks it
 * (KML_PAGE_RECLAIM), and the interrupt puts it to the tail of its inactive list, where reclaim looks first: Linux's folio_rotate_reclaimable().
 *
 * 2. Requests
 *
 * Neighbours in a file are neighbours on the disk, and up to 32 of them are one request. More that follow are merged by
 * the disk's own queue, which knows how much it takes at a time (disk.c). A request is a record of reclaim's; there are 64,
 * half of them the flusher's, so that it does not keep kswapd from the disk. Linux allocates its bios, from a mempool that never is empty for long.
 *
 * Who writes takes the lock of the file, if that has one, until the disk has been asked; and memory, if the file says so, until the disk is done: what a network, a loop device
 * or a file system that puts blocks off needs to get rid of a page. It is asked for with the lock held, which is where such writes hang when memory is full of dirty pages.
 *
 * 3. Decisions
 *
 * Direct reclaim on a machine without flusher, and `sync', write one page after the other and wait for each, as kernels before 2.6.36 did: such a page is isolated and
 * has no mark. Whoever writes a page of a file, when the disk fails the page is clean, what it holds is lost as soon as it is evicted, and the next `sync' of its
 * file fails, once: Linux's mapping_set_error() and fsync(). A page of swap is dirty again. What the disk refused is not counted as written, but as an error.
 */

#include "simcore/pages/memalloc.h"
#include "simcore/memory/pin.h"
#include "simcore/pages/writeback.h"

/* ---- Dirty or not ---- */

void
kml_reclaim_wake_writers (KmlReclaim *self)
{
  while (self->write_waiters->len > 0)
    kml_task_wake (g_ptr_array_remove_index (self->write_waiters, 0));
}

void
kml_mapping_set_dirty (KmlMapping *self, KmlFrame *frame)
{
  KmlReclaim *reclaim = self->reclaim;

  if (frame->lru.bits & (KML_PAGE_DIRTY | KML_PAGE_DOOMED))
    return;
  frame->lru.bits |= KML_PAGE_DIRTY;
  if (self->is_anon) {
    reclaim->n_dirty_anon++;
    return;
  }
  if (self->n_dirty++ == 0)
    self->dirty_since = reclaim->machine->now;
  reclaim->n_dirty++;
  reclaim->n_dirtied++;
  reclaim->counters[KML_DIRTY_PEAK] = MAX (reclaim->counters[KML_DIRTY_PEAK], reclaim->n_dirty);
  if (reclaim->writeback != NULL)
    kml_writeback_begin (reclaim->writeback);
}

void
kml_mapping_set_clean (KmlMapping *self, KmlFrame *frame)
{
  if (!(frame->lru.bits & KML_PAGE_DIRTY))
    return;
  frame->lru.bits &= (guint8)~KML_PAGE_DIRTY;
  if (self->is_anon) {
    self->reclaim->n_dirty_anon--;
    return;
  }
  self->n_dirty--;
  self->reclaim->n_dirty--;
}

/* ---- One after the other ---- */

gboolean
kml_mapping_transfer (const KmlMapping *self, guint32 index, gboolean is_write)
{
  KmlReclaim *reclaim = self->reclaim;
  const guint64 n_sectors = kml_ram_page_size (reclaim->machine->ram) >> KML_SECTOR_SHIFT;
  const guint64 sector = (self->first_block + index) * n_sectors;
  const KmlDiskStatus status = is_write ? kml_disk_write (reclaim->config.disk, sector,
                                                          (guint32)n_sectors)
                                        : kml_disk_read (reclaim->config.disk, sector,
                                                         (guint32)n_sectors);

  reclaim->counters[is_write ? KML_RECLAIM_WRITTEN : KML_RECLAIM_READS] += status == KML_DISK_OK;
  reclaim->counters[KML_RECLAIM_ERRORS] += status != KML_DISK_OK;
  return status == KML_DISK_OK;
}

/* The disk has failed to write the page, which is in use. */
static void
lose (KmlMapping *self, KmlFrame *frame)
{
  if (self->is_anon)
    kml_mapping_set_dirty (self, frame);
  else
    self->has_lost = TRUE;
}

/* FALSE: the disk failed. */
static gboolean
write_one (KmlMapping *self, KmlPfn pfn)
{
  KmlFrame *frame = kml_ram_frame (self->reclaim->machine->ram, pfn);
  const guint32 index = frame->lru.index;
  gboolean ok;

  kml_mapping_set_clean (self, frame);
  ok = kml_mapping_transfer (self, index, TRUE);
  if (!(frame->lru.bits & KML_PAGE_DOOMED)) {
    if (ok)
      self->is_on_disk[index] = TRUE;
    else
      lose (self, frame);
  }
  kml_reclaim_wake_writers (self->reclaim);
  return ok;
}

gboolean
kml_mapping_write_locked (KmlMapping *self, KmlPfn pfn)
{
  KmlMachine *machine = self->reclaim->machine;
  gboolean ok;

  if (self->lock != NULL)
    kml_lock_take (machine, self->lock, KML_LOCK_EXCLUSIVE);
  ok = write_one (self, pfn);
  if (self->lock != NULL)
    kml_lock_give (machine, self->lock);
  return ok;
}

gboolean
kml_mapping_may_write (const KmlMapping *self, KmlGfp gfp)
{
  if (self->reclaim->config.disk == NULL)
    return FALSE;
  return self->is_anon ? kml_gfp_may_io (gfp) : kml_gfp_may_fs (gfp);
}

/* Writes page @index if it is dirty and nobody works on it, and puts it back on its list. FALSE: the disk failed. */
static gboolean
clean (KmlMapping *self, guint32 index)
{
  KmlReclaim *reclaim = self->reclaim;
  const KmlRam *ram = reclaim->machine->ram;
  const KmlPfn pfn = self->frames[index];
  KmlFrame *frame;
  KmlLruKind kind;
  gboolean ok;

  if (!kml_mapping_is_writable (self, index))
    return TRUE;
  frame = kml_ram_frame (ram, pfn);
  kind = frame->lru.kind;
  kml_lru_remove (reclaim->lists, ram, pfn);
  frame->lru.bits |= KML_PAGE_ISOLATED;
  ok = write_one (self, pfn);
  frame->lru.bits &= (guint8)~KML_PAGE_ISOLATED;
  if (!(frame->lru.bits & KML_PAGE_DOOMED))
    kml_lru_insert (reclaim->lists, ram, pfn, kind);
  else if (!kml_is_pinned (reclaim->machine, pfn))
    kml_mapping_evict (self, pfn);
  return ok;
}

static gboolean
is_under_writeback (const KmlMapping *self, guint32 index)
{
  const KmlPfn pfn = self->frames[index];

  return pfn != KML_PFN_NONE && pfn != KML_PFN_BUSY &&
         (kml_ram_frame (self->reclaim->machine->ram, pfn)->lru.bits & KML_PAGE_WRITEBACK) != 0;
}

gboolean
kml_mapping_sync (KmlMapping *self)
{
  KmlReclaim *reclaim = self->reclaim;
  gboolean ok = TRUE;
  KML_CALL (reclaim->machine, "write-back");

  if (reclaim->config.disk == NULL)
    return FALSE;
  kml_sync (reclaim->machine);
  for (guint32 i = 0; i < self->n_pages; i++) {
    kml_mapping_wait_while_busy (self, i); /* who moves it may be writing it */
    while (is_under_writeback (self, i))
      kml_reclaim_wait_for_writes (reclaim, KML_PART_IO, 0);
    ok &= clean (self, i);
  }
  ok &= !self->has_lost;
  self->has_lost = FALSE;
  return ok;
}

/* ---- Several at a time ---- */

gboolean
kml_mapping_is_writable (const KmlMapping *self, guint32 index)
{
  const KmlPfn pfn = self->frames[index];
  const KmlFrame *frame;

  if (pfn == KML_PFN_NONE || pfn == KML_PFN_BUSY)
    return FALSE;
  frame = kml_ram_frame (self->reclaim->machine->ram, pfn);
  return frame->lru.kind != KML_LRU_ISOLATED &&
         (frame->lru.bits & (KML_PAGE_DIRTY | KML_PAGE_WRITEBACK)) == KML_PAGE_DIRTY;
}

KmlPageWrite *
kml_page_write_get (KmlReclaim *self, gboolean is_flusher)
{
  const guint half = KML_MAX_PAGE_WRITES / 2, first = is_flusher ? 0 : half;

  for (guint i = first; i < first + half; i++)
    if (self->writes[i].mapping == NULL)
      return &self->writes[i];
  return NULL;
}

static gboolean
is_flushers (const KmlPageWrite *write)
{
  return write < write->mapping->reclaim->writes + KML_MAX_PAGE_WRITES / 2;
}

static void
end_page (KmlMapping *self, KmlPfn pfn, gboolean ok)
{
  KmlReclaim *reclaim = self->reclaim;
  const KmlRam *ram = reclaim->machine->ram;
  KmlFrame *frame = kml_ram_frame (ram, pfn);
  const gboolean is_wanted = (frame->lru.bits & KML_PAGE_RECLAIM) != 0;

  frame->lru.bits &= (guint8) ~(KML_PAGE_WRITEBACK | KML_PAGE_RECLAIM);
  reclaim->n_writing--;
  reclaim->n_written += ok;
  if (frame->lru.bits & KML_PAGE_DOOMED) {
    if (!kml_is_pinned (reclaim->machine, pfn))
      kml_mapping_evict (self, pfn);
    return;
  }
  if (!ok) {
    lose (self, frame);
    return;
  }
  self->is_on_disk[frame->lru.index] = TRUE;
  if (is_wanted && !(frame->lru.bits & KML_PAGE_DIRTY) && frame->lru.kind != KML_LRU_ISOLATED) {
    kml_lru_remove (reclaim->lists, ram, pfn);
    kml_lru_insert_last (reclaim->lists, ram, pfn,
                         self->is_anon ? KML_LRU_INACTIVE_ANON : KML_LRU_INACTIVE_FILE);
  }
}

/* What whoever writes needs besides, until the disk is done. FALSE: there is none. */
static gboolean
take_memory (KmlPageWrite *write)
{
  const KmlMapping *mapping = write->mapping;
  KmlMachine *machine = mapping->reclaim->machine;
  const KmlTask *task = kml_current_task (machine);
  const KmlRequest request = { .size = mapping->write_memory,
                               .gfp = mapping->write_gfp,
                               .context = task->context,
                               .cpu = (guint8)task->cpu };
  guint64 held;

  write->memory = KML_ADDR_NONE;
  if (mapping->write_memory == 0)
    return TRUE;
  kml_might_alloc (machine, request.gfp);
  kml_machine_before_pages (machine);
  write->memory = kml_allocator_alloc (mapping->reclaim->config.pages, &request, &held);
  return write->memory != KML_ADDR_NONE;
}

static void
give_memory (KmlPageWrite *write)
{
  const KmlMapping *mapping = write->mapping;
  const KmlTask *task = kml_current_task (mapping->reclaim->machine);
  const KmlRequest how = { .size = mapping->write_memory,
                           .context = task->context,
                           .cpu = (guint8)task->cpu };

  if (write->memory != KML_ADDR_NONE) {
    kml_machine_before_pages (mapping->reclaim->machine);
    kml_allocator_free_block (mapping->reclaim->config.pages, write->memory, &how);
  }
  write->memory = KML_ADDR_NONE;
}

/* In the disk's interrupt. */
static void
end_write (KmlDiskRequest *request, gpointer data)
{
  KmlPageWrite *write = data;
  KmlMapping *mapping = write->mapping;
  KmlReclaim *reclaim = mapping->reclaim;
  const gboolean ok = request->status == KML_DISK_OK;
  KML_CALL (reclaim->machine, "end of write-back");

  if (ok)
    reclaim->counters[is_flushers (write) ? KML_WRITEBACK_PAGES : KML_RECLAIM_WRITTEN] += write->n;
  else
    reclaim->counters[KML_RECLAIM_ERRORS]++;
  while (write->n_done < write->n)
    end_page (mapping, write->pages[write->n_done++], ok);
  give_memory (write);
  write->mapping = NULL;
  kml_reclaim_wake_writers (reclaim);
}

/* Its pages are those that are writable now, from @index on. FALSE: there are none. */
static gboolean
collect (KmlMapping *self, KmlPageWrite *write, guint32 index, guint n_most, guint8 mark)
{
  const KmlRam *ram = self->reclaim->machine->ram;

  while (write->n < MIN (n_most, KML_RECLAIM_CLUSTER) && index + write->n < self->n_pages &&
         kml_mapping_is_writable (self, index + write->n)) {
    const KmlPfn pfn = self->frames[index + write->n];
    KmlFrame *frame = kml_ram_frame (ram, pfn);

    kml_mapping_set_clean (self, frame);
    frame->lru.bits |= KML_PAGE_WRITEBACK | mark;
    write->pages[write->n++] = pfn;
  }
  self->reclaim->n_writing += write->n;
  return write->n > 0;
}

static void
submit (KmlMapping *self, KmlPageWrite *write, guint32 index)
{
  KmlReclaim *reclaim = self->reclaim;
  const guint64 n_sectors = kml_ram_page_size (reclaim->machine->ram) >> KML_SECTOR_SHIFT;

  write->request = (KmlDiskRequest){ .sector = (self->first_block + index) * n_sectors,
                                     .n_sectors = (guint32)(write->n * n_sectors),
                                     .is_write = TRUE,
                                     .done = end_write,
                                     .data = write };
  kml_disk_submit (reclaim->config.disk, &write->request);
}

guint
kml_mapping_write_behind (KmlMapping *self, KmlPageWrite *write, guint32 index, guint n_most,
                          guint8 mark)
{
  KmlMachine *machine = self->reclaim->machine;
  guint n = 0;

  g_assert (write->mapping == NULL);
  g_assert (n_most > 0);

  write->mapping = self; /* nobody else gets it meanwhile */
  write->n = write->n_done = 0;
  if (self->lock != NULL)
    kml_lock_take (machine, self->lock, KML_LOCK_EXCLUSIVE);
  if (take_memory (write) && collect (self, write, index, n_most, mark)) {
    n = write->n; /* it may be done, and another's, soon */
    submit (self, write, index);
  } else {
    give_memory (write);
    write->mapping = NULL;
  }
  if (self->lock != NULL)
    kml_lock_give (machine, self->lock);
  return n;
}

gboolean
kml_reclaim_waits_for_writes (const KmlReclaim *self)
{
  return self->n_writing > 0 || (self->writeback != NULL && self->n_dirty > 0);
}

void
kml_reclaim_wait_for_writes (KmlReclaim *self, KmlPart part, KmlTime most)
{
  const KmlWait wait = { .kind = most > 0 ? KML_WAIT_TIME : KML_WAIT_IO, .what = "write-back" };

  kml_reclaim_wait_in (self, self->write_waiters, &wait, part, most);
}
