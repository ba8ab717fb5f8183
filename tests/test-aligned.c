/* test-aligned.c: aligned objects, small enough to add up by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A granule is 16 bytes, a page 4096. A slab of 48-byte objects has 84 of them (4032 bytes and 2 x 11 of bits), of 112 bytes 36.
 */

#include "simcore/allocator.h"
#include "tests/testutils.h"

static KmlMachine *machine;
static KmlAllocator *pages, *objects;

static void
set_up (const char *method)
{
  const KmlMachineConfig config = { .n_cpus = 1, .ram = 1 << 20, .page_size = 4096 };
  const KmlAllocatorOps *ops = kml_allocator_find ("aligned");
  g_autoptr (GError) error = NULL;

  machine = kml_machine_new (&config, &error);
  pages = kml_allocator_new (kml_allocator_find ("bump"), machine, NULL);
  ck_assert (kml_allocator_start (pages, &error));
  objects = kml_allocator_new (ops, machine, pages);
  ck_assert (kml_param_parse (kml_param_find (ops->params, "method"), method, objects, &error));
  ck_assert (kml_allocator_start (objects, &error));
}

static void
tear_down (void)
{
  kml_allocator_destroy (objects);
  kml_allocator_destroy (pages);
  kml_machine_free (machine);
}

static void
check (void)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (objects->ops->check (objects, &error), "%s", error != NULL ? error->message : "");
}

static KmlAddr
ask (guint64 size, guint64 alignment, guint64 *ret_held)
{
  const KmlConstraints constraints = { .alignment = alignment };
  const KmlRequest request = { .size = size, .constraints = alignment != 0 ? &constraints : NULL };
  const KmlAddr addr = kml_allocator_alloc (objects, &request, ret_held);

  check ();
  return addr;
}

static void
give_back (KmlAddr addr, guint64 held)
{
  const KmlRequest how = { 0 };

  ck_assert_uint_eq (kml_allocator_free_block (objects, addr, &how), held);
  check ();
}

static guint64
counted (const char *name)
{
  for (guint i = 0; objects->ops->counters[i].name != NULL; i++)
    if (strcmp (objects->ops->counters[i].name, name) == 0)
      return objects->counters[i];
  ck_abort_msg ("no counter %s", name);
}

START_TEST (who_wants_no_alignment_takes_what_is_of_least_worth)
{
  guint64 held;

  set_up ("lists");
  ck_assert_uint_eq (ask (48, 0, &held), 48); /* not 0, which is a multiple of everything */
  ck_assert_uint_eq (held, 48);
  ck_assert_uint_eq (ask (48, 0, &held), 144); /* 96 is a multiple of 32 */
  ck_assert_uint_eq (ask (48, 32, &held), 96);
  ck_assert_uint_eq (ask (48, 64, &held), 192);
  ck_assert_uint_eq (held, 48);
  tear_down ();
}
END_TEST

START_TEST (a_slab_has_every_fourth_object_for_who_wants_64_bytes)
{
  guint64 held;

  set_up ("lists");
  for (guint i = 0; i < 21; i++) {
    ck_assert_uint_eq (ask (48, 64, &held) % 64, 0);
    ck_assert_uint_eq (held, 48);
  }
  ck_assert_uint_eq (counted ("slabs_new"), 1);
  /* 63 objects are free, and none is aligned */
  ck_assert_uint_eq (ask (48, 64, &held), 4096 + 192);
  ck_assert_uint_eq (counted ("slabs_new"), 2);
  ck_assert_uint_eq (counted ("padding"), 0);
  tear_down ();
}
END_TEST

START_TEST (a_larger_class_is_asked_as_far_as_padding_would_go)
{
  KmlAddr addr;
  guint64 held;

  set_up ("lists");
  /* a slab of 96-byte objects: 0 and 192 are free and aligned */
  ck_assert_uint_eq (ask (96, 0, &held) % 4096, 96);
  addr = ask (48, 64, &held); /* 96 = 48 + 64 - 16 */
  ck_assert_uint_eq (held, 96);
  ck_assert_uint_eq (counted ("slabs_new"), 1);
  give_back (addr, 96);
  ask (32, 64, &held); /* 80 would be the most */
  ck_assert_uint_eq (held, 32);
  ck_assert_uint_eq (counted ("slabs_new"), 2);
  tear_down ();
}
END_TEST

START_TEST (padding_is_half_of_the_alignment_less_a_granule_in_the_mean)
{
  static const guint64 fronts[] = { 0, 16, 32, 48 };
  guint64 held, sum = 0;
  KmlAddr addr[36];

  set_up ("padding");
  for (guint i = 0; i < 36; i++) {
    addr[i] = ask (64, 64, &held);
    ck_assert_uint_eq (addr[i], i * 112 + fronts[i % 4]);
    ck_assert_uint_eq (held, 112 - fronts[i % 4]);
    sum += fronts[i % 4];
  }
  ck_assert_uint_eq (counted ("padding"), sum);
  ck_assert_uint_eq (sum, 36 * 24); /* (64 - 16) / 2 */
  ck_assert_uint_eq (objects->metadata_bytes, 4096 - 36 * 112 + sum);
  for (guint i = 0; i < 36; i++)
    give_back (addr[i], 112 - fronts[i % 4]);
  ck_assert_uint_eq (objects->metadata_bytes, 0);
  ck_assert_uint_eq (counted ("slabs_given_back"), 1);
  tear_down ();
}
END_TEST

/* 80 + 64 - 16 = 128: each lies at a multiple of 128. */
START_TEST (nothing_is_in_front_where_objects_are_aligned_anyway)
{
  guint64 held;

  set_up ("padding");
  for (guint i = 0; i < 8; i++)
    ck_assert_uint_eq (ask (80, 64, &held), i * 128);
  ck_assert_uint_eq (counted ("padding"), 0);
  ck_assert_uint_eq (held, 128);
  tear_down ();
}
END_TEST

START_TEST (lists_have_a_head_for_each_size_and_alignment)
{
  set_up ("lists");
  /* sizes up to 4096, alignments 16 … 4096 */
  ck_assert_uint_eq (counted ("list_bytes"), 256 * 9 * 4);
  tear_down ();
  set_up ("padding");
  ck_assert_uint_eq (counted ("list_bytes"), 256 * 4);
  tear_down ();
}
END_TEST

START_TEST (the_check_names_what_is_broken)
{
  g_autoptr (GError) error = NULL;
  guint64 held;
  KmlAddr addr;

  set_up ("padding");
  ask (64, 64, &held);
  addr = ask (64, 64, &held); /* 16 in front */
  kml_ram_store32 (machine->ram, addr - 16, 200);
  ck_assert (!objects->ops->check (objects, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "L3"));
  g_clear_error (&error);
  kml_ram_store32 (machine->ram, addr - 16, 32);
  ck_assert (!objects->ops->check (objects, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "L4"));
  g_clear_error (&error);
  kml_ram_store32 (machine->ram, addr - 16, 16);
  kml_ram_store32 (machine->ram, 2 * 112 + 4, 7); /* a link backwards */
  ck_assert (!objects->ops->check (objects, &error));
  ck_assert_ptr_nonnull (strstr (error->message, "L1"));
  tear_down ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("aligned");
  TCase *all = tcase_create ("all");

  tcase_add_test (all, who_wants_no_alignment_takes_what_is_of_least_worth);
  tcase_add_test (all, a_slab_has_every_fourth_object_for_who_wants_64_bytes);
  tcase_add_test (all, a_larger_class_is_asked_as_far_as_padding_would_go);
  tcase_add_test (all, padding_is_half_of_the_alignment_less_a_granule_in_the_mean);
  tcase_add_test (all, nothing_is_in_front_where_objects_are_aligned_anyway);
  tcase_add_test (all, lists_have_a_head_for_each_size_and_alignment);
  tcase_add_test (all, the_check_names_what_is_broken);
  suite_add_tcase (suite, all);
  return run_suite (suite);
}
