/* replay.c: gives a fuzz target its corpus, where there is no libFuzzer to do it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   replay PATH…      files, and all files in folders
 */

#include "tests/fuzz/fuzz.h"

#include <string.h>

static guint n_inputs;

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void
replay_file (const char *path)
{
  g_autofree char *text = NULL;
  g_autofree uint8_t *exact = NULL;
  gsize size;

  if (!g_file_get_contents (path, &text, &size, NULL))
    g_error ("%s cannot be read", path);
  exact = g_memdup2 (text, size); /* without the 0 behind it: a read beyond the end is seen */
  LLVMFuzzerTestOneInput (exact, size);
  n_inputs++;
}

static void
replay (const char *path)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  if (folder == NULL) {
    replay_file (path);
    return;
  }
  while ((name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    replay (g_ptr_array_index (names, i));
}

int
main (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    replay (argv[i]);
  g_print ("%u inputs\n", n_inputs);
  return n_inputs > 0 ? 0 : 1;
}
