/* plugin.h: what an allocator or a workload needs to be loaded at run time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The file is the same as in the tree; one line more makes it a module:
 *
 *   KML_PLUGIN
 *   KML_REGISTER_ALLOCATOR (my_ops)
 *
 *   cc -shared -fPIC $(pkg-config --cflags kmemlab) -o my.so my.c
 *   kmemlab --plugin ./my.so list allocators
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Raised whenever a struct or a function that plug-ins use changes. */
#define KML_PLUGIN_ABI 2u

#define KML_PLUGIN_SYMBOL "kmemlab_plugin_abi"

#define KML_PLUGIN                                                                                 \
  extern const guint kmemlab_plugin_abi;                                                           \
  const guint kmemlab_plugin_abi = KML_PLUGIN_ABI;

G_END_DECLS
