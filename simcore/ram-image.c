/* ram-image.c: copies of the pages that are written.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Andrew W. Appel and Kai Li, "Virtual Memory Primitives for User Programs", ASPLOS 1991: the host's page protection as a write
 * barrier. RAM becomes read-only; the first write to a granule of it is a fault, whose handler copies the granule and lets
 * the write happen. To put RAM back is to copy those granules back.
 *
 * A granule that was written once stays writable and is put back each time: a fault costs as much as a whole run, and
 * runs that differ in their schedule alone write to the same places. So the cost of going back is that of the granules that any run has
 * written, and of RAM's size nothing.
 *
 * Nobody has to say what he writes, so nobody can forget to; and the instructions of a run that does not go back are as they were.
 * Roads not taken: zeroed pages from the host (MADV_DONTNEED) cost a fault a page in every run; a bit a write costs every
 * allocator, everywhere.
 *
 * Signal handlers know no context: which RAM it is, is the one variable of the process here.
 */

#include "simcore/ram-image.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/* The host may have 65530 mappings a process; each granule that was written may split one in three. */
#define MAX_GRANULES 16384

static struct {
  guint8 *store; /* NULL: there is none */
  gsize size;
  gsize granule;
  guint8 *copy; /* (array length=size): of granules that were written; the host keeps only those */
  guint32 *written; /* their numbers */
  gsize written_size;
  volatile guint32 n_written;
  struct sigaction before;
} image;

/* Only what may be called in a handler. */
static void
on_write (int number, siginfo_t *info, void *context)
{
  const gsize offset = (gsize)info->si_addr - (gsize)image.store;
  const gsize begin = offset & ~(image.granule - 1);
  const int saved = errno;

  if (offset >= image.size ||
      mprotect (image.store + begin, MIN (image.granule, image.size - begin),
                PROT_READ | PROT_WRITE) != 0) {
    sigaction (SIGSEGV, &image.before,
               NULL); /* it is not ours: it happens again, as it would have */
    return;
  }
  memcpy (image.copy + begin, image.store + begin, MIN (image.granule, image.size - begin));
  image.written[image.n_written] = (guint32)(begin / image.granule);
  image.n_written = image.n_written + 1;
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
unmap_all (void)
{
  if (image.copy != NULL)
    munmap (image.copy, image.size);
  if (image.written != NULL)
    munmap (image.written, image.written_size);
  image.store = NULL;
  image.copy = NULL;
  image.written = NULL;
}

gboolean
kml_ram_image_begin (KmlRam *ram)
{
  struct sigaction action = { .sa_sigaction = on_write, .sa_flags = SA_SIGINFO | SA_NODEFER };
  const long page = sysconf (_SC_PAGESIZE);

  if (image.store != NULL || page <= 0 || ram->size % (gsize)page != 0)
    return FALSE;
  image.granule = (gsize)page;
  while (ram->size / image.granule > MAX_GRANULES)
    image.granule *= 2;
  image.size = ram->size;
  image.written_size = (ram->size / image.granule + 1) * sizeof *image.written;
  image.copy = map (image.size);
  image.written = map (image.written_size);
  image.n_written = 0;
  sigemptyset (&action.sa_mask);
  if (image.copy == NULL || image.written == NULL) {
    unmap_all ();
    return FALSE;
  }
  image.store = ram->store;
  if (sigaction (SIGSEGV, &action, &image.before) != 0) {
    unmap_all ();
    return FALSE;
  }
  if (mprotect (ram->store, ram->size, PROT_READ) != 0) {
    sigaction (SIGSEGV, &image.before, NULL);
    unmap_all ();
    return FALSE;
  }
  return TRUE;
}

void
kml_ram_image_put_back (const KmlRam *ram)
{
  g_assert (image.store == ram->store);

  for (guint32 i = 0; i < image.n_written; i++) {
    const gsize begin = image.written[i] * image.granule;

    memcpy (image.store + begin, image.copy + begin, MIN (image.granule, image.size - begin));
  }
}

void
kml_ram_image_end (KmlRam *ram)
{
  g_assert (image.store == ram->store);

  mprotect (ram->store, ram->size, PROT_READ | PROT_WRITE);
  sigaction (SIGSEGV, &image.before, NULL);
  unmap_all ();
}
