/* test-bump.c: the story of an allocator that only moves forward.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What bump has in common with others is in test-conformance.c.
 */

#include "simcore/allocator.h"
#include "tests/testutils.h"

#define PAGE 4096

static KmlMachine *machine;
static KmlAllocator *bump;

/* A machine of 16 frames, the last of which has the frame table. */
static void
set_up (void)
{
  const KmlMachineConfig config = { .n_cpus = 1, .ram = 16 * PAGE, .page_size = PAGE };
  g_autoptr (GError) error = NULL;

  machine = kml_machine_new (&config, &error);
  assert_no_error (error);
  bump = kml_allocator_new (kml_allocator_find ("bump"), machine, NULL);
  kml_allocator_start (bump, &error);
  assert_no_error (error);
}

static void
tear_down (void)
{
  kml_allocator_destroy (bump);
  kml_machine_free (machine);
}

/* One letter a frame: Used, a hole (o), free (.). */
static void
draw (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  static const char letters[] = {
    [KML_BLOCK_FREE] = '.', [KML_BLOCK_USED] = 'U', [KML_BLOCK_METADATA] = 'o'
  };

  ck_assert_uint_eq (start, ((GString *)user_data)->len * PAGE);
  for (guint64 i = 0; i < size / PAGE; i++)
    g_string_append_c (user_data, letters[state]);
}

static void
assert_picture (const char *expected)
{
  g_autoptr (GString) picture = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  bump->ops->check (bump, &error);
  assert_no_error (error);
  bump->ops->walk (bump, draw, picture);
  ck_assert_str_eq (picture->str, expected);
}

static KmlAddr
take (guint n_pages, const KmlConstraints *constraints)
{
  const KmlRequest request = { .size = n_pages * PAGE, .constraints = constraints };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (bump, &request, &held);

  if (addr != KML_ADDR_NONE)
    ck_assert_uint_eq (held, n_pages * PAGE);
  return addr;
}

static void
give_back (KmlAddr addr)
{
  const KmlRequest how = { 0 };

  kml_allocator_free_block (bump, addr, &how);
}

START_TEST (it_moves_forward_until_all_is_free)
{
  assert_picture ("...............");
  ck_assert_uint_eq (take (3, NULL), 0);
  ck_assert_uint_eq (take (2, NULL), 3 * PAGE);
  assert_picture ("UUUUU..........");
  give_back (0);
  assert_picture ("oooUU.........."); /* three frames that nobody can have */
  ck_assert_uint_eq (bump->metadata_bytes, 3 * PAGE);
  ck_assert_uint_eq (take (1, NULL), 5 * PAGE);
  ck_assert_uint_eq (take (10, NULL), KML_ADDR_NONE); /* 9 are left */
  give_back (3 * PAGE);
  give_back (5 * PAGE);
  assert_picture ("...............");
  ck_assert_uint_eq (bump->metadata_bytes, 0);
  ck_assert_uint_eq (take (15, NULL), 0);
}
END_TEST

START_TEST (an_alignment_leaves_a_hole)
{
  const KmlConstraints constraints = { .alignment = 4 * PAGE };

  take (1, NULL);
  ck_assert_uint_eq (take (2, &constraints), 4 * PAGE);
  assert_picture ("UoooUU.........");
  ck_assert_uint_eq (bump->metadata_bytes, 3 * PAGE);
  ck_assert_uint_eq (bump->counters[0], 3); /* padding */
  ck_assert_uint_eq (take (7, &constraints), 8 * PAGE);
  ck_assert_uint_eq (take (1, &constraints), KML_ADDR_NONE); /* nothing is skipped for nothing */
  ck_assert_uint_eq (bump->counters[0], 5);
}
END_TEST

START_TEST (a_boundary_is_not_crossed)
{
  const KmlConstraints constraints = { .boundary = 4 * PAGE };

  take (3, NULL);
  ck_assert_uint_eq (take (1, &constraints), 3 * PAGE); /* fits before frame 4 */
  take (2, NULL);
  ck_assert_uint_eq (take (3, &constraints), 8 * PAGE); /* 6 to 9 would cross 8 */
  ck_assert_uint_eq (take (5, &constraints), KML_ADDR_NONE);
  assert_picture ("UUUUUUooUUU....");
}
END_TEST

/* 15 free frames are blocks of 8, 4, 2 and 1; after frame 0 is taken, the 14 are 1 + 2 + 4 and
 * 4 + 2 + 1. */
START_TEST (the_free_run_is_counted_as_aligned_blocks)
{
  const guint64 *blocks = machine->free_area.blocks[KML_MOBILITY_UNMOVABLE];

  for (guint order = 0; order < 4; order++)
    ck_assert_uint_eq (blocks[order], 1);
  take (1, NULL);
  ck_assert_uint_eq (blocks[0], 2);
  ck_assert_uint_eq (blocks[1], 2);
  ck_assert_uint_eq (blocks[2], 2);
  ck_assert_uint_eq (blocks[3], 0);
  ck_assert_uint_eq (machine->free_area.n_free, 14);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("bump");
  TCase *story = tcase_create ("story");

  tcase_add_checked_fixture (story, set_up, tear_down);
  tcase_add_test (story, it_moves_forward_until_all_is_free);
  tcase_add_test (story, an_alignment_leaves_a_hole);
  tcase_add_test (story, a_boundary_is_not_crossed);
  tcase_add_test (story, the_free_run_is_counted_as_aligned_blocks);
  suite_add_tcase (suite, story);

  return run_suite (suite);
}
