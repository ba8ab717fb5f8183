/* main.c: the program.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * setlocale() is never called: text is UTF-8 and numbers have points, wherever the
 * program runs and whatever is set there.
 */

#include "cli/command.h"
#include "cli/module.h"
#include "cli/output.h"
#include "cli/stop.h"
#include "simcore/allocator.h"
#include "simcore/base/registry.h"

#include <string.h>

/* Takes "--plugin FILE" and "--plugin=FILE" out of the arguments, wherever they stand before a
 * "--", and loads the files: what a module brings must be there before anything is looked up. */
static gboolean
load_modules (GPtrArray *arguments, GError **error)
{
  for (guint i = 0; i < arguments->len;) {
    const char *argument = g_ptr_array_index (arguments, i);
    const char *path = NULL;

    if (g_str_equal (argument, "--"))
      break;
    if (g_str_has_prefix (argument, "--plugin="))
      path = argument + strlen ("--plugin=");
    else if (g_str_equal (argument, "--plugin")) {
      g_ptr_array_remove_index (arguments, i);
      if (i == arguments->len) {
        g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT, "--plugin: the file is missing");
        return FALSE;
      }
      path = g_ptr_array_index (arguments, i);
    }
    if (path == NULL) {
      i++;
      continue;
    }
    if (!kml_module_load (path, error))
      return FALSE;
    g_ptr_array_remove_index (arguments, i);
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  guint n_allocators;
  int status;

  kml_out_begin ();
  g_set_prgname ("kmemlab");
  kml_stop_ignore_write_signals ();
  kml_stop_catch_bugs ();
  kml_allocator_list (&n_allocators);
  g_assert (n_allocators > 0); /* else the linker has dropped the files that register themselves */
  g_assert (kml_registry_clash () == NULL);

  for (int i = 1; i < argc; i++)
    g_ptr_array_add (arguments, argv[i]);
  if (!load_modules (arguments, &error))
    status = kml_fail (error);
  else {
    g_ptr_array_add (arguments, NULL);
    status = kml_command_dispatch ((char **)arguments->pdata);
  }
  return kml_out_finish (status);
}
