/* ram-image.c: copies of the pages that are written.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Andrew W. Appel and Kai Li, "Virtual Memory Primitives for User Programs", ASPLOS 1991: the host's page protection as a write
 * barrier. RAM becomes read-only; the first write to a granule of it is a fault, whose handler copies the granule and lets
 * the write happen. To put RAM back is to copy those granules back.
 *
 * What was written once stays writable and is put back each time: a fault costs as much as a whole run, and
 * runs that differ in their schedule alone write to the same places. So the cost of going back is that of what any run has
 * written, and of RAM's size nothing.
 *
 * The host may have 65530 mappings a process, and each granule that is written may split one in three. So a granule is a page of the host for the first thousand faults, two for the
 * next, then four: a run that writes to few places of a large RAM puts back little, one that writes everywhere to 16 GiB has had 12000 faults.
 *
 * Nobody has to say what he writes, so nobody can forget to; and the instructions of a run that does not go back are as they were.
 * Roads not taken: zeroed pages from the host (MADV_DONTNEED) cost a fault a page in every run; a bit a write costs every
 * allocator, everywhere.
 *
 * Signal handlers know no context: which RAM it is, is the one variable of the process here.
 */

#include "simcore/memory/ram-image.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define FAULTS_A_SIZE 1024 /* after so many granules are twice as large */

/* What was written, and was copied before: [begin, begin + size). */
typedef struct {
  gsize begin, size;
} Range;

/* Of one memory. */
typedef struct {
  guint8 *store; /* NULL: there is none */
  gsize size;
  guint8 *copy; /* (array length=size): of what was written; the host keeps only that */
  /* by page, a byte each: granules that grow come over what smaller ones had … */
  guint8 *is_copied;
  Range *written; /* … so the rest of one may be several ranges: as many as pages, at most */
  volatile gsize n_written;
} Memory;

static struct {
  Memory memories[2]; /* RAM, and its shadow */
  gsize page;         /* of the host */
  volatile guint n_faults;
  struct sigaction before;
} image;

static gsize
n_pages (const Memory *self)
{
  return self->size / image.page;
}

/* Copies what was not yet, of pages that can be written from now on. */
static void
copy_pages (Memory *self, gsize page, gsize end)
{
  while (page < end) {
    const gsize first = page;

    while (page < end && !self->is_copied[page])
      self->is_copied[page++] = TRUE;
    if (page > first) {
      const Range range = { first * image.page, (page - first) * image.page };

      memcpy (self->copy + range.begin, self->store + range.begin, range.size);
      self->written[self->n_written] = range;
      self->n_written = self->n_written + 1;
    } else {
      page++;
    }
  }
}

/* Lets the granule at @offset be written. FALSE: the host does not. */
static gboolean
open_granule (Memory *self, gsize offset)
{
  const gsize granule = image.page << (image.n_faults / FAULTS_A_SIZE);
  const gsize begin = offset & ~(granule - 1);
  const gsize end = MIN (begin + granule, self->size);

  if (mprotect (self->store + begin, end - begin, PROT_READ | PROT_WRITE) != 0)
    return FALSE;
  copy_pages (self, begin / image.page, end / image.page);
  image.n_faults = image.n_faults + 1;
  return TRUE;
}

/* Only what may be called in a handler. */
static void
on_write (int number, siginfo_t *info, void *context)
{
  const int saved = errno;
  gboolean is_ours = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (image.memories); i++) {
    Memory *memory = &image.memories[i];
    const gsize offset = (gsize)info->si_addr - (gsize)memory->store;

    if (memory->store != NULL && offset < memory->size)
      is_ours = open_granule (memory, offset);
  }
  if (!is_ours)
    sigaction (SIGSEGV, &image.before, NULL); /* it happens again, as it would have */
  errno = saved;
}

static gpointer
map (gsize size)
{
  gpointer memory = mmap (NULL, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  return memory != MAP_FAILED ? memory : NULL;
}

static void
unmap (gpointer memory, gsize size)
{
  if (memory != NULL)
    munmap (memory, size);
}

static void
end (Memory *self)
{
  if (self->store != NULL)
    mprotect (self->store, self->size, PROT_READ | PROT_WRITE);
  unmap (self->copy, self->size);
  unmap (self->is_copied, n_pages (self));
  unmap (self->written, n_pages (self) * sizeof *self->written);
  *self = (Memory){ 0 };
}

/* @store: (nullable): then there is nothing to do. FALSE: what was begun is to be ended. */
static gboolean
begin (Memory *self, guint8 *store, gsize size)
{
  if (store == NULL)
    return TRUE;
  *self = (Memory){ .size = size, .copy = map (size) };
  self->is_copied = map (n_pages (self));
  self->written = map (n_pages (self) * sizeof *self->written);
  if (self->copy == NULL || self->is_copied == NULL || self->written == NULL)
    return FALSE;
  self->store = store;
  return mprotect (store, size, PROT_READ) == 0;
}

static void
end_all (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (image.memories); i++)
    end (&image.memories[i]);
}

gboolean
kml_ram_image_begin (KmlRam *ram)
{
  struct sigaction action = { .sa_sigaction = on_write, .sa_flags = SA_SIGINFO | SA_NODEFER };
  const long page = sysconf (_SC_PAGESIZE);

  if (image.memories[0].store != NULL || page <= 0 || ram->size % (gsize)page != 0)
    return FALSE;
  image.page = (gsize)page;
  image.n_faults = 0;
  sigemptyset (&action.sa_mask);
  if (sigaction (SIGSEGV, &action, &image.before) != 0)
    return FALSE;
  if (begin (&image.memories[0], ram->store, ram->size) &&
      begin (&image.memories[1], ram->shadow, ram->size))
    return TRUE;
  end_all ();
  sigaction (SIGSEGV, &image.before, NULL);
  return FALSE;
}

void
kml_ram_image_put_back (const KmlRam *ram)
{
  g_assert (image.memories[0].store == ram->store);

  for (guint i = 0; i < G_N_ELEMENTS (image.memories); i++) {
    const Memory *memory = &image.memories[i];

    for (gsize j = 0; j < memory->n_written; j++) {
      const Range *range = &memory->written[j];

      memcpy (memory->store + range->begin, memory->copy + range->begin, range->size);
    }
  }
}

void
kml_ram_image_end (KmlRam *ram)
{
  g_assert (image.memories[0].store == ram->store);

  end_all ();
  sigaction (SIGSEGV, &image.before, NULL);
}
