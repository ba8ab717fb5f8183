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

#include "simcore/allocator.h"
#include "simcore/device.h"
#include "simcore/workload.h"

G_BEGIN_DECLS

/* Raised whenever a function that plug-ins use changes, or what is in this file. */
#define KML_PLUGIN_ABI 5u

/* That a struct has changed need not be noticed by anybody: a module says how large those were that it was built with. */
#define KML_PLUGIN_LAYOUT                                                                          \
  {                                                                                                \
    sizeof (KmlAllocatorOps), sizeof (KmlAllocator), sizeof (KmlWorkloadOps),                      \
        sizeof (KmlWorkload), sizeof (KmlDeviceOps), sizeof (KmlDevice), sizeof (KmlMachine),      \
        sizeof (KmlRam), sizeof (KmlFrame), sizeof (KmlFreeArea), sizeof (KmlRequest),             \
        sizeof (KmlOp), sizeof (KmlParam)                                                          \
  }

#define KML_PLUGIN_SYMBOL        "kmemlab_plugin_abi"
#define KML_PLUGIN_LAYOUT_SYMBOL "kmemlab_plugin_layout"

#define KML_PLUGIN                                                                                 \
  extern const guint kmemlab_plugin_abi;                                                           \
  const guint kmemlab_plugin_abi = KML_PLUGIN_ABI;                                                 \
  extern const guint kmemlab_plugin_layout[];                                                      \
  const guint kmemlab_plugin_layout[] = KML_PLUGIN_LAYOUT;

G_END_DECLS
