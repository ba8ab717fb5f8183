/* iommu.h: addresses of their own for devices.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Between a device and memory, an IOMMU translates page by page, as an MMU does for a CPU. So what is scattered in memory is
 * one range for the device, and what lies too high for it is within its reach. This costs: an entry is written for each page that is mapped, and
 * when it is taken back the device's translation cache (IOTLB) must forget it before the page may be used for something else.
 */

#pragma once

#include "simcore/machine.h"
#include "simcore/request.h"

G_BEGIN_DECLS

/* A range of I/O pages [start, start + n). */
typedef struct {
  guint64 start, n;
} KmlIommuRange;

typedef struct {
  guint page_shift;
  guint64 n_pages;                     /* of the address space */
  KmlTime map_page, unmap_page, flush; /* costs */
  GArray *gaps;                        /* (owned) (element-type KmlIommuRange): free, by address */
  guint n_ranges;                      /* in use … */
  guint64 n_in_use;                    /* … and their pages */
  guint64 n_mapped, n_flushes;         /* pages, flushes: so far */
} KmlIommu;

/* @limit: the end of the address space; the costs are the caller's to set. */
void kml_iommu_init (KmlIommu *self, guint page_shift, KmlAddr limit);
void kml_iommu_finish (KmlIommu *self);

/* Addresses for @n pages; spends what mapping them costs. They begin at a multiple of the power of two that is not below n nor
 * @alignment: then they cross no boundary that they need not cross. KML_ADDR_NONE: none are left. */
KmlAddr kml_iommu_map (KmlIommu *self, KmlMachine *machine, guint64 n, guint64 alignment);

/* What map returned, with the same @n. Flushes. */
void kml_iommu_unmap (KmlIommu *self, KmlMachine *machine, KmlAddr addr, guint64 n);

/* One page behind an address becomes another. Flushes. */
void kml_iommu_remap_page (KmlIommu *self, KmlMachine *machine);

/* KML_ERROR_CORRUPT names the invariant of iommu.c that does not hold. */
gboolean kml_iommu_check (const KmlIommu *self, GError **error);

G_END_DECLS
