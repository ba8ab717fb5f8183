/* stale.c: a module that was built when structs were smaller.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/plugin.h"

extern const guint kmemlab_plugin_abi;
const guint kmemlab_plugin_abi = KML_PLUGIN_ABI;

extern const guint kmemlab_plugin_layout[];
const guint kmemlab_plugin_layout[] = { sizeof (KmlAllocatorOps), sizeof (KmlAllocator) - 8 };
