/* host-memory.c: memory in huge pages.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first touch of a page costs the host a fault, which takes up to 15 us on virtual machines: a
 * window of 128 MiB, as `zstd --long=27` wants it, is 32768 of them, and they take three times as
 * long as the decoding. In pages of 2 MiB they are 64. A decoder's matches also lie anywhere in the
 * window, and each page of 4 KiB among them is one more for the processor to translate.
 */

#include "simcore/base/host-memory.h"

#include <stdlib.h>
#include <sys/mman.h>

#define CACHE_LINE 64
#define PAGE       4096
#define HUGE_PAGE  ((gsize)2 << 20)
#define HUGE_FROM  (2 * HUGE_PAGE)

void *
kml_host_memory_new (gsize n)
{
  const gsize alignment = n < PAGE ? CACHE_LINE : n < HUGE_FROM ? PAGE : HUGE_PAGE;
  void *memory = NULL;

  if (posix_memalign (&memory, alignment, n) != 0)
    return NULL;
  if (n >= HUGE_FROM) /* a host that has none says no, and nothing is lost */
    madvise (memory, n & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
  return memory;
}
