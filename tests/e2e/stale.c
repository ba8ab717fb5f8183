/* stale.c: a module that was built when structs were smaller.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/plugin.h"

extern const guint kmemlab_plugin_abi;
const guint kmemlab_plugin_abi = KML_PLUGIN_ABI;

extern const guint kmemlab_plugin_layout[];
const guint kmemlab_plugin_layout[] = { sizeof (KmlAllocatorOps), sizeof (KmlAllocator) - 8 };

/* What it registers has its name where all have it; the rest is elsewhere. */
static const KmlAllocatorOps stale_allocator = { .name = "stale-allocator" };
static const KmlWorkloadOps stale_workload = { .name = "stale-workload" };
static const KmlDeviceOps stale_device = { .name = "stale-device" };

KML_REGISTER_ALLOCATOR (stale_allocator)
KML_REGISTER_WORKLOAD (stale_workload)
KML_REGISTER_DEVICE (stale_device)
