/* trace-lines.h: lines of a few words, as a kernel writes them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

/* Lines of the kernel's own shape: task 7 on CPU 1 at @usecs after second 5. */
#define LINE(usecs, event) "            task-7       [001] ..... 5." usecs ": " event "\n"
#define KMALLOC(usecs, ptr)                                                                        \
  LINE (usecs, "kmalloc: call_site=f+0x1/0x2 ptr=" ptr " bytes_req=18 bytes_alloc=32 "             \
               "gfp_flags=GFP_KERNEL")
#define KFREE(usecs, ptr) LINE (usecs, "kfree: call_site=g+0x1/0x2 ptr=" ptr)
#define PAGES(usecs, pfn, order)                                                                   \
  LINE (usecs, "mm_page_alloc: page=0000000012345678 pfn=" pfn " order=" order                     \
               " migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE")
#define FREE_PAGES(usecs, pfn, order)                                                              \
  LINE (usecs, "mm_page_free: page=0000000012345678 pfn=" pfn " order=" order)
