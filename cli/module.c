/* module.c: allocators and workloads from outside the program.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A module is an allocator's file built as a shared object, with KML_PLUGIN
 * (simcore/plugin.h) in it. It is code: it is loaded by a path that the user
 * gives and from no other place, and stays loaded. Its constructors run while it
 * is loaded, before its ABI can be looked at; all they do is to hand over
 * pointers, which nobody follows when the ABI is wrong.
 */

#include "cli/module.h"
#include "simcore/plugin.h"
#include "simcore/base/registry.h"
#include "simcore/base/types.h"

#include <gmodule.h>

static const guint our_layout[] = KML_PLUGIN_LAYOUT;

/* Up to the first difference: another one may be shorter. */
static gboolean
is_our_layout (const guint *layout)
{
  guint i = 0;

  while (i < G_N_ELEMENTS (our_layout) && layout[i] == our_layout[i])
    i++;
  return i == G_N_ELEMENTS (our_layout);
}

gboolean
kml_module_load (const char *path, GError **error)
{
  /* a name without a slash would be searched for where the system keeps its libraries */
  g_autofree char *full_path = g_canonicalize_filename (path, NULL);
  GModule *module;
  gpointer abi = NULL, layout = NULL;

  if (!g_file_test (full_path, G_FILE_TEST_IS_REGULAR)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: there is no such file", path);
    return FALSE;
  }
  module = g_module_open (full_path, G_MODULE_BIND_LOCAL);
  if (module == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: cannot be loaded: %s", path,
                 g_module_error ());
    return FALSE;
  }
  if (!g_module_symbol (module, KML_PLUGIN_SYMBOL, &abi) || abi == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: not a module for kmemlab: it has no " KML_PLUGIN_SYMBOL
                 ", which KML_PLUGIN of simcore/plugin.h makes",
                 path);
    return FALSE;
  }
  if (*(const guint *)abi != KML_PLUGIN_ABI) {
    const guint theirs = *(const guint *)abi;

    g_set_error (error, KML_ERROR, theirs > KML_PLUGIN_ABI ? KML_ERROR_NEWER : KML_ERROR_INPUT,
                 "%s: built for interface %u of kmemlab, this is %u: build it again", path, theirs,
                 KML_PLUGIN_ABI);
    return FALSE;
  }
  if (!g_module_symbol (module, KML_PLUGIN_LAYOUT_SYMBOL, &layout) || layout == NULL ||
      !is_our_layout (layout)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: built with other headers than those of this kmemlab: build it again", path);
    return FALSE;
  }
  g_module_make_resident (module);
  if (kml_registry_clash () != NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: there is a “%s” already: call this one by another name", path,
                 kml_registry_clash ());
    return FALSE;
  }
  return TRUE;
}
