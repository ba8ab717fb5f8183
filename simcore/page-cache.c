/* page-cache.c: files and anonymous memory, page by page.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. A page's life
 *
 *     not there ──fault: a frame, and a read if the disk has it──► inactive ──used again, seen by reclaim──► active
 *         ▲                                                          │  ▲                                     │
 *         └───────── evicted, when clean ◄── written, when dirty ◄───┘  └──────── not used for long ──────────┘
 *
 * A file's page is read from the disk when it is first touched. An anonymous page begins as zeros, and is on the
 * disk (in swap) only after it has been written there; one that was only read is forgotten, since it will be zeros again.
 *
 * While one task fetches a page, its entry is BUSY and others that touch it wait. While reclaim writes a page it is on no list, and can
 * be used meanwhile; then it is not evicted. One that is dropped in that time is marked, and
 * freed by who works on it.
 *
 * 2. Decisions
 *
 * A mapping's entries are an array, since mappings are small and dense here; kernels have radix trees. Each page of a mapping has its
 * place on the disk from the beginning: anonymous pages too, whose slots Linux gives out when they are needed. So swap
 * is as large as the disk, and pages that are neighbours stay so.
 *
 * 3. Not modelled
 *
 * Read-ahead, page tables (a touch is a call, and sets the bits that a processor would), sharing of anonymous pages, truncation,
 * periodic write-back: dirty pages are written when reclaim meets them.
 */

#include "simcore/reclaim.h"

/* A fault: the exception, the look for the mapping, the entry. An estimate from reading. */
#define FAULT_INSTRUCTIONS 400
#define TOUCH_INSTRUCTIONS 10

static KmlMapping *
add_mapping (KmlReclaim *self, const char *name, guint32 n_pages)
{
  KmlMapping *mapping = g_new0 (KmlMapping, 1);

  g_assert (n_pages > 0);
  mapping->reclaim = self;
  mapping->name = g_strdup (name);
  mapping->id = self->mappings->len;
  mapping->n_pages = n_pages;
  mapping->frames = g_new (KmlPfn, n_pages);
  mapping->is_on_disk = g_new0 (guint8, n_pages);
  mapping->first_block = self->next_block;
  self->next_block += n_pages;
  for (guint32 i = 0; i < n_pages; i++)
    mapping->frames[i] = KML_PFN_NONE;
  g_ptr_array_add (self->mappings, mapping);
  return mapping;
}

KmlMapping *
kml_mapping_new_file (KmlReclaim *self, const char *name, guint32 n_pages)
{
  KmlMapping *mapping = add_mapping (self, name, n_pages);

  memset (mapping->is_on_disk, self->config.disk != NULL, n_pages);
  return mapping;
}

KmlMapping *
kml_mapping_new_anon (KmlReclaim *self, const char *name, guint32 n_pages, KmlTask *owner)
{
  KmlMapping *mapping = add_mapping (self, name, n_pages);

  mapping->is_anon = TRUE;
  mapping->owner = owner;
  return mapping;
}

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

  reclaim->counters[is_write ? KML_RECLAIM_WRITTEN : KML_RECLAIM_READS]++;
  reclaim->counters[KML_RECLAIM_ERRORS] += status != KML_DISK_OK;
  return status == KML_DISK_OK;
}

/* ---- Frames ---- */

static KmlRequest
page_request (const KmlMapping *self)
{
  const KmlMachine *machine = self->reclaim->machine;
  const KmlTask *task = kml_current_task (machine);

  return (KmlRequest){ .size = kml_ram_page_size (machine->ram),
                       .gfp = KML_GFP_KERNEL | KML_GFP_HIGHMEM | KML_GFP_MOVABLE |
                              (self->is_anon ? KML_GFP_ZERO : 0),
                       .context = task != NULL ? task->context : KML_CONTEXT_PROCESS,
                       .cpu = task != NULL ? (guint8)task->cpu : 0,
                       .mobility = KML_MOBILITY_MOVABLE };
}

static void
free_frame (const KmlMapping *self, KmlPfn pfn)
{
  KmlAllocator *pages = &self->reclaim->config.zones->base;
  const KmlRequest how = page_request (self);

  kml_allocator_free_block (pages, kml_ram_addr (&pages->ram, pfn), &how);
}

void
kml_mapping_evict (KmlMapping *self, KmlPfn pfn)
{
  const KmlFrame *frame = kml_ram_frame (self->reclaim->machine->ram, pfn);

  g_assert (frame->lru.kind == KML_LRU_ISOLATED);
  if (!(frame->lru.bits & KML_PAGE_DOOMED)) {
    g_assert (self->frames[frame->lru.index] == pfn);
    self->frames[frame->lru.index] = KML_PFN_NONE;
    self->n_resident--;
  }
  free_frame (self, pfn);
}

void
kml_mapping_drop (KmlMapping *self)
{
  KmlReclaim *reclaim = self->reclaim;
  const KmlRam *ram = reclaim->machine->ram;

  for (guint32 i = 0; i < self->n_pages; i++) {
    const KmlPfn pfn = self->frames[i];

    if (pfn == KML_PFN_NONE || pfn == KML_PFN_BUSY)
      continue;
    if (kml_ram_frame (ram, pfn)->lru.kind == KML_LRU_ISOLATED) {
      kml_ram_frame (ram, pfn)->lru.bits |= KML_PAGE_DOOMED;
      self->frames[i] = KML_PFN_NONE;
      self->n_resident--;
    } else {
      kml_lru_remove (reclaim->lists, ram, pfn);
      kml_mapping_evict (self, pfn);
    }
    if (self->is_anon)
      self->is_on_disk[i] = FALSE;
  }
}

/* ---- Touching ---- */

static void
insert (KmlMapping *self, guint32 index, KmlPfn pfn)
{
  KmlReclaim *reclaim = self->reclaim;
  KmlFrame *frame = kml_ram_frame (reclaim->machine->ram, pfn);

  frame->lru.mapping = self->id;
  frame->lru.index = index;
  frame->lru.bits = 0;
  kml_lru_insert (reclaim->lists, reclaim->machine->ram, pfn,
                  self->is_anon ? KML_LRU_INACTIVE_ANON : KML_LRU_INACTIVE_FILE);
  self->frames[index] = pfn;
  self->n_resident++;
}

/* The entry is BUSY. */
static gboolean
fetch (KmlMapping *self, guint32 index)
{
  KmlReclaim *reclaim = self->reclaim;
  KmlAllocator *pages = &reclaim->config.zones->base;
  const KmlRequest request = page_request (self);
  guint64 held;
  KmlAddr addr;
  KML_CALL (reclaim->machine, "page fault");

  kml_spend (reclaim->machine, KML_COST_INSTRUCTION, FAULT_INSTRUCTIONS);
  reclaim->counters[KML_RECLAIM_FAULTS]++;
  addr = kml_allocator_alloc (pages, &request, &held);
  if (addr == KML_ADDR_NONE)
    return FALSE;
  if (self->is_killed || (self->is_on_disk[index] && !kml_mapping_transfer (self, index, FALSE)) ||
      self->is_killed) {
    free_frame (self, kml_ram_pfn (&pages->ram, addr));
    return FALSE;
  }
  insert (self, index, kml_ram_pfn (&pages->ram, addr));
  return TRUE;
}

gboolean
kml_mapping_touch (KmlMapping *self, guint32 index, gboolean is_write)
{
  KmlMachine *machine = self->reclaim->machine;
  KmlFrame *frame;
  gboolean is_new = FALSE;

  g_assert (index < self->n_pages);
  kml_spend (machine, KML_COST_INSTRUCTION, TOUCH_INSTRUCTIONS);
  kml_sync (machine);
  while (self->frames[index] == KML_PFN_BUSY)
    kml_reclaim_wait (self->reclaim, "a page that another task fetches");
  if (self->is_killed)
    return FALSE;
  if (self->frames[index] == KML_PFN_NONE) {
    self->frames[index] = KML_PFN_BUSY;
    is_new = fetch (self, index);
    if (!is_new)
      self->frames[index] = KML_PFN_NONE;
    kml_reclaim_wake_all (self->reclaim);
    if (!is_new)
      return FALSE;
  }
  frame = kml_ram_frame (machine->ram, self->frames[index]);
  if (!is_new)
    frame->lru.bits |= KML_PAGE_REFERENCED;
  if (is_write)
    frame->lru.bits |= KML_PAGE_DIRTY;
  kml_spend (machine, KML_COST_WARM, 1);
  return TRUE;
}
