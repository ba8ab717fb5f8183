/* request.h: one call for memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/memory/gfp.h"
#include "simcore/base/types.h"

G_BEGIN_DECLS

/* What a picky device asks of its memory. Most requests have none. */
typedef struct {
  guint64 alignment; /* bytes, a power of two; 0: any */
  guint64 boundary;  /* the block must not cross a multiple of this power of two; 0: none */
  KmlAddr limit;     /* the block ends at or below this address; 0: none */
} KmlConstraints;

/* A request asks; a block is given. */
typedef struct {
  guint64 size; /* bytes asked for, > 0; for page allocators a multiple of the page size */
  const KmlConstraints *constraints; /* (nullable) */
  KmlGfp gfp;
  guint32 site;    /* call site: an index into the workload's table of sites; 0: unknown */
  guint8 context;  /* KmlContext */
  guint8 cpu;      /* below KML_MAX_CPUS */
  guint8 mobility; /* KmlMobility */
  guint32 cache; /* bytes of an object of the kmem_cache that is asked; 0: any, as kmalloc() asks */
} KmlRequest;

/* Context and CPU as one number; one load. */
static inline guint16
kml_request_who (const KmlRequest *self)
{
  return (guint16)(self->context | self->cpu << 8);
}

G_END_DECLS
