/* ram.c: the backing store of simulated memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One private anonymous mapping without reserved swap: the host gives a page
 * when simulated code first touches it, zeroed, so a machine of 64 GiB starts as
 * fast as one of 64 KiB, and the run does not depend on what was in memory before.
 *
 * The host is asked for huge pages where RAM has several of them: page allocators work from
 * below, so little more is touched, and a fault of the host costs more than a hundred
 * simulated allocations (2 to 15 us on virtual machines) and comes 512 times less often.
 */

#include "simcore/memory/ram.h"

#include "simcore/base/blame.h"

#include <errno.h>
#include <sys/mman.h>

#define PAGE_SIZE_MIN (G_GUINT64_CONSTANT (1) << 9)
#define PAGE_SIZE_MAX (G_GUINT64_CONSTANT (1) << 24)
#define HUGE_PAGE     (G_GUINT64_CONSTANT (2) << 20)
#define HUGE_FROM                                                                                  \
  (4 *                                                                                             \
   HUGE_PAGE) /* smaller machines are made by the thousand, and should cost as little as they are */
#define N_FRAMES_MAX G_MAXUINT32                    /* KML_PFN_NONE is not a frame */
#define SIZE_MAX_RAM (G_GUINT64_CONSTANT (1) << 44) /* 16 TiB: sizes have 45 bits in the journal */

/* @size bytes that begin at a multiple of a huge page, or NULL. */
static guint8 *
map_store (guint64 size)
{
  const int protection = PROT_READ | PROT_WRITE;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  guint8 *mapping, *store;
  guint64 before;

  if (size < HUGE_FROM) {
    mapping = mmap (NULL, size, protection, flags, -1, 0);
    return mapping == MAP_FAILED ? NULL : mapping;
  }
  mapping = mmap (NULL, size + HUGE_PAGE, protection, flags, -1, 0);
  if (mapping == MAP_FAILED)
    return NULL;
  before = -(guint64)(gsize)mapping % HUGE_PAGE;
  store = mapping + before;
  if (before > 0)
    munmap (mapping, before);
  munmap (store + size, HUGE_PAGE - before);
  madvise (store, size, MADV_HUGEPAGE); /* a host that has none says no, and nothing is lost */
  return store;
}

KmlRam *
kml_ram_new (guint64 size, guint64 page_size, GError **error)
{
  KmlRam *self;
  guint64 n_frames, table_frames;
  guint8 *store;

  if (page_size < PAGE_SIZE_MIN || page_size > PAGE_SIZE_MAX ||
      (page_size & (page_size - 1)) != 0) {
    kml_refuse (
        error, "machine.page-size",
        "a page has a power of two of bytes between 512 B and 16 MiB, not %" G_GUINT64_FORMAT,
        page_size);
    return NULL;
  }
  n_frames = size / page_size;
  if (size % page_size != 0 || n_frames < 4 || n_frames > N_FRAMES_MAX || size > SIZE_MAX_RAM) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "RAM is a number of whole pages of %" G_GUINT64_FORMAT
                 " bytes, at least 4 and fewer than 2^32, and at most 16 TiB; %" G_GUINT64_FORMAT
                 " bytes are not",
                 page_size, size);
    return NULL;
  }
  store = map_store (size);
  if (store == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "the host has no %" G_GUINT64_FORMAT
                 " bytes of address space for the simulated RAM: %s",
                 size, g_strerror (errno));
    return NULL;
  }

  self = g_new0 (KmlRam, 1);
  self->store = store;
  self->size = size;
  self->page_shift = (guint)g_bit_nth_lsf (page_size, -1);
  self->n_frames = (guint32)n_frames;
  table_frames = (n_frames * sizeof (KmlFrame) + page_size - 1) >> self->page_shift;
  self->n_usable = (guint32)(n_frames - table_frames);
  self->frames = (KmlFrame *)(self->store + ((guint64)self->n_usable << self->page_shift));
  return self;
}

void
kml_ram_free (KmlRam *self)
{
  if (self == NULL)
    return;
  munmap (self->store, self->size);
  if (self->shadow != NULL)
    munmap (self->shadow, self->size);
  g_free (self);
}

gboolean
kml_ram_make_shadow (KmlRam *self)
{
  if (self->shadow == NULL)
    self->shadow = map_store (self->size);
  return self->shadow != NULL;
}
