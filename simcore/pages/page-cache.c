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
 * A file's page is read from the disk when it is first touched, unless the file begins empty. An anonymous page begins as zeros, and is on the
 * disk (in swap) only after it has been written there; one that was only read is forgotten, since it will be zeros again.
 *
 * While one task fetches a page, or moves it (migrate.c), its entry is BUSY and others that touch it wait. While a page is written (page-write.c) it can
 * be used; then it is not evicted. One that is dropped in that time is marked, and
 * freed by who works on it. So is one that a device has (pin.h): who unpins it frees it.
 *
 * 2. Decisions
 *
 * A mapping's entries are an array, since mappings are small and dense here; kernels have radix trees. Each page of a mapping has its
 * place on the disk from the beginning: anonymous pages too, whose slots Linux gives out when they are needed. So swap
 * is as large as the disk, and pages that are neighbours stay so.
 *
 * 3. Not modelled
 *
 * Read-ahead, page tables (a touch is a call, and sets the bits that a processor would), sharing of anonymous pages, truncation.
 */

#include "simcore/pages/memalloc.h"
#include "simcore/memory/pin.h"
#include "simcore/pages/reclaim.h"

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
  mapping->fetches = g_array_new (FALSE, FALSE, sizeof (KmlMappingFetch));
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

void
kml_mapping_make_empty (KmlMapping *self)
{
  memset (self->is_on_disk, FALSE, self->n_pages);
}

KmlMapping *
kml_mapping_new_anon (KmlReclaim *self, const char *name, guint32 n_pages, KmlTask *owner)
{
  KmlMapping *mapping = add_mapping (self, name, n_pages);

  mapping->is_anon = TRUE;
  mapping->owner = owner;
  return mapping;
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

KmlPfn
kml_mapping_take_frame (const KmlMapping *self, gboolean is_copy)
{
  KmlAllocator *pages = self->reclaim->config.pages;
  KmlRequest request = page_request (self);
  guint64 held;
  KmlAddr addr;

  if (is_copy)
    request.gfp &= ~(KmlGfp)KML_GFP_ZERO;
  kml_machine_before_pages (pages->machine);
  addr = kml_allocator_alloc (pages, &request, &held);

  return addr == KML_ADDR_NONE ? KML_PFN_NONE : kml_ram_pfn (&pages->ram, addr);
}

void
kml_mapping_free_frame (const KmlMapping *self, KmlPfn pfn)
{
  KmlAllocator *pages = self->reclaim->config.pages;
  const KmlRequest how = page_request (self);

  kml_machine_before_pages (pages->machine);
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
  kml_mapping_free_frame (self, pfn);
}

guint64
kml_mapping_drop (KmlMapping *self)
{
  KmlReclaim *reclaim = self->reclaim;
  const KmlRam *ram = reclaim->machine->ram;
  guint64 n_freed = 0;

  for (guint32 i = 0; i < self->n_pages; i++) {
    const KmlPfn pfn = self->frames[i];
    KmlFrame *frame;
    gboolean is_in_use;

    if (pfn == KML_PFN_NONE || pfn == KML_PFN_BUSY)
      continue;
    frame = kml_ram_frame (ram, pfn);
    kml_mapping_set_clean (self, frame);
    is_in_use = kml_is_pinned (reclaim->machine, pfn) || (frame->lru.bits & KML_PAGE_WRITEBACK);
    if (is_in_use && frame->lru.kind != KML_LRU_ISOLATED)
      kml_lru_remove (reclaim->lists, ram, pfn);
    if (frame->lru.kind == KML_LRU_ISOLATED) {
      frame->lru.bits |= KML_PAGE_DOOMED;
      self->frames[i] = KML_PFN_NONE;
      self->n_resident--;
    } else {
      kml_lru_remove (reclaim->lists, ram, pfn);
      kml_mapping_evict (self, pfn);
      n_freed++;
    }
    if (self->is_anon)
      self->is_on_disk[i] = FALSE;
  }
  kml_reclaim_wake_writers (reclaim);
  return n_freed;
}

/* ---- Entries ---- */

void
kml_mapping_begin (KmlMapping *self, guint32 index, KmlPfn pfn, const char *what)
{
  const KmlMappingFetch fetch = { index, pfn, kml_current_task (self->reclaim->machine), what };

  self->frames[index] = KML_PFN_BUSY;
  g_array_append_val (self->fetches, fetch);
}

void
kml_mapping_end (KmlMapping *self, guint32 index, KmlPfn pfn)
{
  guint i = 0;

  while (g_array_index (self->fetches, KmlMappingFetch, i).index != index)
    i++;
  g_array_remove_index (self->fetches, i);
  self->frames[index] = pfn;
  self->n_resident += pfn != KML_PFN_NONE;
  kml_reclaim_wake_all (self->reclaim);
}

void
kml_mapping_wait_while_busy (KmlMapping *self, guint32 index)
{
  while (self->frames[index] == KML_PFN_BUSY) {
    const KmlMappingFetch *fetch = &g_array_index (self->fetches, KmlMappingFetch, 0);

    while (fetch->index != index)
      fetch++;
    kml_reclaim_wait (self->reclaim, fetch->what, fetch->task);
  }
}

/* ---- Touching ---- */

/* A new page, with the record of its frame. */
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
}

/* The entry is BUSY. KML_PFN_NONE: the page cannot be had. */
static KmlPfn
fetch (KmlMapping *self, guint32 index)
{
  KmlReclaim *reclaim = self->reclaim;
  KmlPfn pfn;
  KML_CALL (reclaim->machine, "page fault");

  kml_spend (reclaim->machine, KML_COST_INSTRUCTION, FAULT_INSTRUCTIONS);
  reclaim->counters[KML_RECLAIM_FAULTS]++;
  if (!self->is_on_disk[index]) /* otherwise the disk is waited for, which tells of it */
    kml_might_alloc (reclaim->machine, KML_GFP_KERNEL);
  pfn = kml_mapping_take_frame (self, self->is_on_disk[index]);
  if (pfn == KML_PFN_NONE) {
    reclaim->counters[KML_RECLAIM_NO_FRAME]++;
    return KML_PFN_NONE;
  }
  if (self->is_killed || (self->is_on_disk[index] && !kml_mapping_transfer (self, index, FALSE)) ||
      self->is_killed) {
    kml_mapping_free_frame (self, pfn);
    return KML_PFN_NONE;
  }
  insert (self, index, pfn);
  return pfn;
}

gboolean
kml_mapping_touch (KmlMapping *self, guint32 index, gboolean is_write)
{
  KmlMachine *machine = self->reclaim->machine;
  KmlFrame *frame;
  KmlTask *task = kml_current_task (machine);
  gboolean is_new = FALSE;
  guint64 n_dirtied;

  g_assert (index < self->n_pages);
  kml_spend (machine, KML_COST_INSTRUCTION, TOUCH_INSTRUCTIONS);
  kml_sync (machine);
  kml_mapping_wait_while_busy (self, index);
  if (self->is_killed)
    return FALSE;
  if (self->frames[index] == KML_PFN_NONE) {
    KmlPfn pfn;

    kml_mapping_begin (self, index, KML_PFN_NONE, "the end of a page's read");
    pfn = fetch (self, index);
    kml_mapping_end (self, index, pfn);
    if (pfn == KML_PFN_NONE)
      return FALSE;
    is_new = TRUE;
  }
  frame = kml_ram_frame (machine->ram, self->frames[index]);
  if (!is_new)
    frame->lru.bits |= KML_PAGE_REFERENCED;
  if (is_write) {
    n_dirtied = self->reclaim->n_dirtied;
    kml_mapping_set_dirty (self, frame);
    if (task != NULL)
      task->dirtier.n_pages += self->reclaim->n_dirtied - n_dirtied;
  }
  kml_spend_references (machine, KML_COST_WARM, 1);
  kml_touch_frame (machine, frame, KML_TOUCH_WRITE);
  return TRUE;
}

/* ---- For devices ---- */

KmlPfn
kml_mapping_pin (KmlMapping *self, guint32 index, gboolean is_write)
{
  if (!kml_mapping_touch (self, index, is_write))
    return KML_PFN_NONE;
  kml_pin (self->reclaim->machine, self->frames[index]);
  return self->frames[index];
}

void
kml_mapping_unpin (KmlReclaim *self, KmlPfn pfn)
{
  const KmlFrame *frame = kml_ram_frame (self->machine->ram, pfn);

  kml_unpin (self->machine, pfn);
  if ((frame->lru.bits & (KML_PAGE_DOOMED | KML_PAGE_WRITEBACK | KML_PAGE_ISOLATED)) ==
          KML_PAGE_DOOMED &&
      !kml_is_pinned (self->machine, pfn))
    kml_mapping_evict (kml_mapping_of (self, frame), pfn);
}
