/* test-coroutine.c: stacks that come and go.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Switching itself is tested by tests/cross.py, and by all that has tasks.
 */

#include "simcore/base/coroutine.h"
#include "tests/testutils.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

static KmlCoroutine host, other;
static guint8 *place; /* on the stack of the other */

/* Never returns from its frame, which the address sanitizer has surrounded by what must not be touched. */
static void
leaves_its_frame (gpointer data)
{
  char frame[64];

  memset (frame, 1, sizeof frame);
  place = (guint8 *)frame;
  kml_coroutine_switch (&other, &host);
  g_assert_not_reached ();
}

START_TEST (memory_where_a_stack_was_is_as_any_other)
{
  KmlStackPool *pool = kml_stack_pool_new ();
  guint8 *page, *mapping;

  kml_coroutine_start (&other, pool, leaves_its_frame, NULL);
  kml_coroutine_switch (&host, &other);
  page = place - (gsize)place % PAGE;
  kml_stack_pool_free (pool);
  mapping = mmap (page, PAGE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (mapping != page) /* somebody else was faster */
    return;
  memset (mapping, 2, PAGE);
  ck_assert_uint_eq (*place, 2);
  munmap (mapping, PAGE);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("coroutine");
  TCase *stacks = tcase_create ("stacks");

  tcase_add_test (stacks, memory_where_a_stack_was_is_as_any_other);
  suite_add_tcase (suite, stacks);
  return run_suite (suite);
}
