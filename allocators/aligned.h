/* aligned.h: what the files of the allocator "aligned" share; its theory is in the head of aligned.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/objects/page-runs.h"

G_BEGIN_DECLS

typedef struct {
  KmlAllocator base;

  /* parameters */
  guint method;
  guint64 granule;

  guint shift;                    /* granule = 1 << shift */
  guint n_classes;                /* class i has objects of (i + 1) granules */
  guint n_lists;                  /* of a class */
  KmlAddr statics, masks_statics; /* of the next two, for a cache model */
  guint32 *heads;                 /* (owned) (array length=n_classes * n_lists): links */
  guint32 *masks;                 /* (owned) (array length=n_classes): which lists are not empty */
  KmlPageRuns runs;
} Aligned;

/* A slab, taken apart. */
typedef struct {
  KmlFrame *frame;
  KmlAddr start;
  guint64 size; /* of an object */
  guint n_objects;
  guint8 *used, *padded; /* bits, in RAM */
  guint64 bytes;         /* of the slab */
} Slab;

/* ---- Slabs ---- */

static inline guint64
bits_bytes (guint64 n_objects)
{
  return (n_objects + 7) / 8;
}

static inline gboolean
get_bit (const guint8 *bits, guint i)
{
  return bits[i / 8] >> i % 8 & 1;
}

static inline Slab
slab_at (const Aligned *self, KmlPfn pfn)
{
  const KmlRam *ram = &self->base.ram;
  KmlFrame *frame = kml_ram_frame (ram, pfn);
  Slab slab = {
    .frame = frame,
    .start = kml_ram_addr (ram, pfn),
    .size = ((guint64)frame->slab.size_class + 1) << self->shift,
    .n_objects = frame->slab.n_objects,
    .bytes = (guint64)frame->n_frames << ram->page_shift,
  };

  slab.padded = ram->store + slab.start + slab.bytes - bits_bytes (slab.n_objects);
  slab.used = slab.padded - bits_bytes (slab.n_objects);
  return slab;
}

static inline KmlAddr
object_at (const Slab *slab, guint i)
{
  return slab->start + i * slab->size;
}

/* What lies in front of what was given out of object @i. */
static inline guint32
front_of (const Aligned *self, const Slab *slab, guint i)
{
  return get_bit (slab->padded, i) ? kml_ram_load32 (&self->base.ram, object_at (slab, i)) : 0;
}

/* ---- Lists of free objects: links are 1 + the number of the object's first granule; 0: none ---- */

static inline guint
list_of (const Aligned *self, KmlAddr object)
{
  if (object == 0)
    return self->n_lists - 1;
  return MIN ((guint)__builtin_ctzll (object >> self->shift), self->n_lists - 1);
}

static inline guint32 *
head_of (const Aligned *self, guint class, guint list)
{
  return &self->heads[class * self->n_lists + list];
}

static inline KmlAddr
object_of (const Aligned *self, guint32 link)
{
  return (KmlAddr)(link - 1) << self->shift;
}

/* ---- aligned-check.c ---- */

void aligned_slab_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
gboolean aligned_slab_check (const KmlAllocator *base, GError **error);

G_END_DECLS
