/* gfp.h: the flags of a request for memory, with Linux's names and meanings.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bits as in Linux 6.1 (include/linux/gfp_types.h; the recordings' README lists
 * them too). Only the bits' *names* are interpreted from traces, so a recording of another kernel
 * version, whose bits differ, reads the same.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef guint32 KmlGfp;

enum {
  KML_GFP_DMA = 0x1,
  KML_GFP_HIGHMEM = 0x2,
  KML_GFP_DMA32 = 0x4,
  KML_GFP_MOVABLE = 0x8,
  KML_GFP_RECLAIMABLE = 0x10,
  KML_GFP_HIGH = 0x20,
  KML_GFP_IO = 0x40,
  KML_GFP_FS = 0x80,
  KML_GFP_ZERO = 0x100,
  KML_GFP_ATOMIC_BIT = 0x200,
  KML_GFP_DIRECT_RECLAIM = 0x400,
  KML_GFP_KSWAPD_RECLAIM = 0x800,
  KML_GFP_WRITE = 0x1000,
  KML_GFP_NOWARN = 0x2000,
  KML_GFP_RETRY_MAYFAIL = 0x4000,
  KML_GFP_NOFAIL = 0x8000,
  KML_GFP_NORETRY = 0x10000,
  KML_GFP_MEMALLOC = 0x20000,
  KML_GFP_COMP = 0x40000,
  KML_GFP_NOMEMALLOC = 0x80000,
  KML_GFP_HARDWALL = 0x100000,
  KML_GFP_THISNODE = 0x200000,
  KML_GFP_ACCOUNT = 0x400000,
};

#define KML_GFP_RECLAIM (KML_GFP_DIRECT_RECLAIM | KML_GFP_KSWAPD_RECLAIM)
#define KML_GFP_KERNEL  (KML_GFP_RECLAIM | KML_GFP_IO | KML_GFP_FS)
#define KML_GFP_ATOMIC  (KML_GFP_HIGH | KML_GFP_ATOMIC_BIT | KML_GFP_KSWAPD_RECLAIM)
#define KML_GFP_NOWAIT  KML_GFP_KSWAPD_RECLAIM
#define KML_GFP_NOIO    KML_GFP_RECLAIM
#define KML_GFP_NOFS    (KML_GFP_RECLAIM | KML_GFP_IO)

/* Zones of physical memory, from below: what old devices reach (16 MiB), what 32 bits reach (4 GiB), the rest. */
typedef enum {
  KML_ZONE_DMA,
  KML_ZONE_DMA32,
  KML_ZONE_NORMAL,
  KML_N_ZONES,
} KmlZoneKind;

/* "DMA", "DMA32", "Normal" */
extern const char *const kml_zone_names[KML_N_ZONES + 1];

/* "GFP_KERNEL|__GFP_ZERO", a trailing hexadecimal remainder as the kernel prints it, or "none".
 * @length is in bytes. Names that are not known are an error that quotes them. */
gboolean kml_gfp_parse (const char *text, gsize length, KmlGfp *ret_gfp, GError **error);

/* (transfer full): composites first, as the kernel prints them; "none" for 0. */
char *kml_gfp_format (KmlGfp gfp);

/* ---- What they mean ---- */

/* May sleep: reclaims for itself, and waits. Without it a request succeeds or fails at once. */
static inline gboolean
kml_gfp_may_sleep (KmlGfp gfp)
{
  return (gfp & KML_GFP_DIRECT_RECLAIM) != 0;
}

static inline gboolean
kml_gfp_wakes_kswapd (KmlGfp gfp)
{
  return (gfp & KML_GFP_KSWAPD_RECLAIM) != 0;
}

/* Reclaim on its behalf may start I/O. GFP_NOIO: a driver asks, in the middle of I/O. */
static inline gboolean
kml_gfp_may_io (KmlGfp gfp)
{
  return (gfp & KML_GFP_IO) != 0;
}

/* … and may call file systems, which need memory and locks themselves. GFP_NOFS: a file system asks. */
static inline gboolean
kml_gfp_may_fs (KmlGfp gfp)
{
  return (gfp & (KML_GFP_IO | KML_GFP_FS)) == (KML_GFP_IO | KML_GFP_FS);
}

/* The highest zone that will do; lower ones will, too. There is no high memory here: __GFP_HIGHMEM is Normal. */
static inline KmlZoneKind
kml_gfp_zone (KmlGfp gfp)
{
  if (gfp & KML_GFP_DMA)
    return KML_ZONE_DMA;
  return gfp & KML_GFP_DMA32 ? KML_ZONE_DMA32 : KML_ZONE_NORMAL;
}

/* The mobility that Linux derives from the flags (gfp_migratetype). */
static inline KmlMobility
kml_gfp_mobility (KmlGfp gfp)
{
  if (gfp & KML_GFP_MOVABLE)
    return KML_MOBILITY_MOVABLE;
  return gfp & KML_GFP_RECLAIMABLE ? KML_MOBILITY_RECLAIMABLE : KML_MOBILITY_UNMOVABLE;
}

G_END_DECLS
