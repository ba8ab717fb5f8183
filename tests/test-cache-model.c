/* test-cache-model.c: geometries of caches, read from data files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include <glib/gstdio.h>

#include "scenarios/loading/scenario.h"
#include "tests/testutils.h"

#define HEAD "[caches]\ntitle = t\nsource = s\nline = 64\npolicy = inclusive\n"
#define L1   "[l1]\nsize = 1KiB\nways = 2\n"
#define L2   "[l2]\nsize = 4KiB\nways = 4\n"
#define LAST "[last]\nsize = 32KiB\nways = 8\nper-cpu = yes\n"
#define TIME                                                                                       \
  "[latency]\nl1 = 1ns\nl2 = 2ns\nlast = 3ns\nclean = 4ns\nmodified = 5ns\nupgrade = 6ns\n"        \
  "memory = 7ns\n"

START_TEST (the_built_in_models_can_be_made_with_any_number_of_cpus)
{
  g_auto (GStrv) names = kml_cache_model_list ();

  ck_assert_uint_eq (g_strv_length (names), 4);
  for (guint i = 0; names[i] != NULL; i++)
    for (guint n_cpus = 1; n_cpus <= 256; n_cpus *= 4) {
      g_autoptr (GError) error = NULL;
      g_autoptr (KmlCaches) caches = NULL;
      g_autofree char *description = kml_cache_model_describe (names[i]);
      KmlCachesConfig config;

      ck_assert_ptr_nonnull (description);
      ck_assert (kml_cache_model_load (names[i], NULL, &config, &error));
      caches = kml_caches_new (&config, n_cpus, 1 << 20, &error);
      assert_no_error (error);
      ck_assert_ptr_nonnull (caches);
    }
  ck_assert_ptr_null (kml_cache_model_describe ("none"));
}
END_TEST

static const struct {
  const char *text;
  const char *fragment; /* NULL: it is right */
} models[] = {
  { HEAD L1 L2 LAST TIME, NULL },
  { "[caches]\ntitle = t\nsource = s\nline = 48\npolicy = inclusive\n" L1 L2 LAST TIME,
    "m.caches:4:8: error: line: expected a size that is a power of two, not “48”" },
  { "[caches]\ntitle = t\nsource = s\nline = 64\npolicy = inclusiv\n" L1 L2 LAST TIME,
    "m.caches:5:10: error: policy: expected inclusive | victim" },
  { HEAD "[l1]\nsize = 1KiB\nways = 0\n" L2 LAST TIME,
    "m.caches:8:8: error: ways: expected a count from 1 to 64, not “0”" },
  { HEAD "[l1]\nsize = 1000\nways = 2\n" L2 LAST TIME,
    "m.caches:6:1: error: [l1]: 1000 bytes are no whole number of sets" },
  { HEAD L1 "[l2]\nsize = 3KiB\nways = 4\n" LAST TIME,
    "m.caches:9:1: error: [l2]: 12 sets: a power of two was expected" },
  { HEAD L1 "[l2]\nsize = 4KiB\nway = 4\n" LAST TIME,
    "m.caches:11:1: error: unknown key “way”; did you mean “ways”?" },
  { HEAD L1 "[l2]\nsize = 4KiB\n" LAST TIME, "m.caches:9:1: error: [l2] lacks “ways”" },
  { HEAD L1 LAST TIME, "the group [l2] is missing" },
  { HEAD L1 L2 LAST TIME "[l3]\n", "unknown group “l3”; did you mean “l1”?" },
  { HEAD L1 L2 LAST "[latency]\nl1 = 1ns\n", "[latency] lacks “memory”" },
  { HEAD L1 L2 "[last]\nsize = 8GiB\nways = 8\n" TIME,
    "m.caches:13:8: error: size: expected a size from 32B to 4GiB" },
};

START_TEST (a_model_is_a_file_beside_the_scenario)
{
  g_autofree char *folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "m.caches", NULL);
  g_autoptr (GError) error = NULL;
  KmlCachesConfig config;
  gboolean is_loaded;

  ck_assert (g_file_set_contents (path, models[_i].text, -1, NULL));
  is_loaded = kml_cache_model_load ("m.caches", path, &config, &error);
  if (models[_i].fragment == NULL) {
    assert_no_error (error);
    ck_assert_uint_eq (config.shapes[KML_CACHE_L2].size, 4096);
    ck_assert_uint_eq (config.shapes[KML_CACHE_LAST].ways, 8);
    ck_assert (config.is_per_cpu);
    ck_assert (config.is_inclusive);
    ck_assert_uint_eq (config.latency[KML_SERVED_UPGRADE], 6 * KML_NS);
  } else {
    assert_error (error, KML_ERROR_INPUT, models[_i].fragment);
  }
  ck_assert_int_eq (is_loaded, models[_i].fragment == NULL);
  g_unlink (path);
  g_rmdir (folder);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("cache-model");
  TCase *tests = tcase_create ("cache-model");

  tcase_add_test (tests, the_built_in_models_can_be_made_with_any_number_of_cpus);
  tcase_add_loop_test (tests, a_model_is_a_file_beside_the_scenario, 0, G_N_ELEMENTS (models));
  suite_add_tcase (suite, tests);
  return run_suite (suite);
}
