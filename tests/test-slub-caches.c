/* test-slub-caches.c: which cache of slub a request is for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/slub.h"
#include "simcore/base/image.h"
#include "simcore/memory/ram-image.h"
#include "tests/object-fixture.h"

static void
start (const char *caches, const char *bins)
{
  g_autoptr (GError) error = NULL;

  try_start ("slub", 1, &error, "bins", bins, "caches", caches, "max-order", "0", NULL);
  assert_no_error (error);
}

static guint64
ask (guint64 size, guint32 cache, KmlGfp gfp, KmlAddr *ret_addr)
{
  const KmlRequest request = { .size = size, .cache = cache, .gfp = gfp };
  guint64 held = 0;

  *ret_addr = kml_allocator_alloc (objects, &request, &held);
  verify ();
  return held;
}

static guint64
held_of (guint64 size, guint32 cache, KmlGfp gfp)
{
  KmlAddr addr;

  return ask (size, cache, gfp, &addr);
}

static void
add_name (const KmlCacheInfo *cache, gpointer user_data)
{
  g_string_append_printf (user_data, "%s ", cache->name != NULL ? cache->name : "-");
}

/* Those that have slabs, in the order in which they are shown. */
static void
assert_names (const char *expected)
{
  g_autoptr (GString) names = g_string_new (NULL);

  objects->ops->walk_caches (objects, add_name, names);
  ck_assert_str_eq (names->str, expected);
}

START_TEST (a_kmem_cache_has_objects_of_its_own_size)
{
  KmlAddr of_cache, of_kmalloc, charged, again;

  start ("recorded", "64, 1024");
  ck_assert_uint_eq (ask (600, 640, 0, &of_cache), 640);
  ck_assert_uint_eq (ask (600, 0, 0, &of_kmalloc), 1024);
  ck_assert_uint_eq (ask (640, 640, KML_GFP_ACCOUNT, &charged), 640);
  ck_assert_uint_eq (ask (1, 640, 0, &again), 640);
  ck_assert_uint_eq (again / PAGE, of_cache / PAGE);
  ck_assert_uint_ne (of_kmalloc / PAGE, of_cache / PAGE);
  ck_assert_uint_ne (charged / PAGE, of_cache / PAGE);
  assert_names (":0000640 :A-0000640 kmalloc-1k ");
  give_back (of_cache);
  give_back (charged);
  stop ();
}
END_TEST

/* kmalloc_type() of Linux 6.1. */
static const struct {
  KmlGfp gfp;
  const char *name;
} kinds[] = {
  { KML_GFP_KERNEL, "kmalloc-64 " },
  { KML_GFP_ACCOUNT, "kmalloc-cg-64 " },
  { KML_GFP_RECLAIMABLE, "kmalloc-rcl-64 " },
  { KML_GFP_RECLAIMABLE | KML_GFP_ACCOUNT, "kmalloc-rcl-64 " },
  { KML_GFP_DMA, "dma-kmalloc-64 " },
  { KML_GFP_DMA | KML_GFP_ACCOUNT, "dma-kmalloc-64 " },
};

START_TEST (kmalloc_has_a_cache_for_each_size_and_type)
{
  start ("recorded", "64, 1024");
  ck_assert_uint_eq (held_of (60, 0, kinds[_i].gfp), 64);
  assert_names (kinds[_i].name);
  stop ();
}
END_TEST

START_TEST (a_size_that_is_no_multiple_of_a_word_becomes_one)
{
  start ("recorded", "64");
  ck_assert_uint_eq (held_of (3, 3, 0), 8);
  ck_assert_uint_eq (held_of (50, 50, 0), 56);
  assert_names (":0000008 :0000056 ");
  stop ();
}
END_TEST

START_TEST (without_recorded_caches_nobody_asks_which_it_was)
{
  start ("bins", "64, 1024");
  ck_assert_uint_eq (held_of (600, 640, KML_GFP_ACCOUNT), 1024);
  assert_names ("- - ");
  stop ();
}
END_TEST

START_TEST (a_cache_whose_objects_are_too_small_is_not_asked)
{
  start ("recorded", "64, 1024");
  ck_assert_uint_eq (held_of (600, 64, 0), 1024);
  stop ();
}
END_TEST

START_TEST (there_are_no_more_than_1024)
{
  start ("recorded", "16384");
  for (guint32 i = 1; i <= 1024; i++)
    if (held_of (8 * i, 8 * i, 0) != 8 * i)
      ck_abort_msg ("%u bytes have no cache", 8 * i);
  ck_assert_uint_eq (held_of (8 * 1025, 8 * 1025, 0), 16384);
  ck_assert_uint_eq (held_of (8 * 1024, 8 * 1024, 0), 8 * 1024);
  stop ();
}
END_TEST

/* As for each schedule of an exploration. */
START_TEST (caches_that_a_run_has_made_are_gone_when_it_is_put_back)
{
  static const struct {
    guint size;
    const char *name;
  } rounds[] = { { 24, ":0000024 " }, { 24, ":0000024 " }, { 32, ":0000032 " } };
  g_autoptr (KmlImage) image = kml_image_new ();

  start ("recorded", "64");
  kml_machine_remember (machine, image);
  ck_assert (kml_allocator_remember (pages, image));
  ck_assert (kml_allocator_remember (objects, image));
  ck_assert (kml_ram_image_begin (machine->ram));
  kml_image_take (image);
  for (guint i = 0; i < G_N_ELEMENTS (rounds); i++) {
    ck_assert_uint_eq (held_of (rounds[i].size, rounds[i].size, 0), rounds[i].size);
    assert_names (rounds[i].name);
    kml_image_put_back (image);
    kml_ram_image_put_back (machine->ram);
    assert_names ("");
  }
  kml_ram_image_end (machine->ram);
  stop ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("slub-caches");
  TCase *tcase = tcase_create ("story");

  tcase_add_test (tcase, a_kmem_cache_has_objects_of_its_own_size);
  tcase_add_loop_test (tcase, kmalloc_has_a_cache_for_each_size_and_type, 0, G_N_ELEMENTS (kinds));
  tcase_add_test (tcase, a_size_that_is_no_multiple_of_a_word_becomes_one);
  tcase_add_test (tcase, without_recorded_caches_nobody_asks_which_it_was);
  tcase_add_test (tcase, a_cache_whose_objects_are_too_small_is_not_asked);
  tcase_add_test (tcase, there_are_no_more_than_1024);
  tcase_add_test (tcase, caches_that_a_run_has_made_are_gone_when_it_is_put_back);
  suite_add_tcase (suite, tcase);
  return run_suite (suite);
}
