/* ram.h: the simulated memory: page frames, their records, and what is stored in them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * RAM is real backing store of the simulated size, mapped lazily by the host,
 * so that allocators keep their free lists and headers inside simulated memory
 * as real ones do. A frame that nobody touched costs the host nothing.
 *
 * Every page frame has a record, and the table of records lies in simulated RAM
 * too, at its upper end, as Linux's mem_map does: it is the first metadata that
 * a kernel pays for. The frames below it are the ones to be handed out.
 *
 *        0                               n_usable            n_frames
 *        | frames that allocators manage | the frame table   |
 *
 * Names of invariants (ram.c checks what it can):
 *   M1  frames [n_usable, n_frames) are given to nobody, and their records are zero for ever (implied, not written)
 *   M2  what is stored in RAM is never host pointers
 */

#pragma once

#include <string.h>

#include "simcore/base/types.h"

G_BEGIN_DECLS

/* Who has a frame. 0 is a frame that was never touched: free, and all its record zero. */
typedef enum {
  KML_FRAME_UNTOUCHED = 0,
  KML_FRAME_FREE, /* first frame of a free run */
  KML_FRAME_TAIL, /* inside a run (free or used); what it says besides is the owner's business */
  KML_FRAME_USED, /* first frame of a run in use */
} KmlFrameState;

/* The record of a page frame: what the machine says of it, and 24 bytes that
 * belong to whoever has the frame (as struct page's unions do): the page
 * allocator while it is free, the object allocator while it is a slab. */
typedef struct {
  guint8 state;     /* KmlFrameState */
  guint8 order;     /* of the run that starts here (power-of-two allocators) */
  guint8 mobility;  /* KmlMobility of the run that starts here */
  guint8 flags;     /* KML_FRAME_FLAG_… */
  guint32 n_frames; /* length of the run that starts here */
  union {
    struct {
      KmlPfn next, prev; /* a list (frame-list.h): what the others begin with */
    } link;
    struct {
      KmlPfn next, prev;             /* free list */
      KmlPfn queue_next, queue_prev; /* a second list, where the allocator has one */
    } free;
    struct {
      KmlPfn next, prev;  /* list of slabs with free objects */
      KmlPfn head;        /* the slab's first frame, in each of its frames */
      guint16 n_used;     /* objects in use */
      guint16 first_free; /* 1 + index of the first object on the slab's free list, 0: none */
      guint16 n_fresh; /* objects [n_fresh, n_objects) were never given out: they are on no list */
      guint16 n_objects; /* that there is room for */
      guint16 size_class;
      guint16 is_frozen; /* a CPU has it: it is on no list of the cache's */
    } slab;
    struct {
      KmlPfn next, prev; /* list of pages that can be taken back (lru.h) */
      guint32 mapping;   /* whose page it is … */
      guint32 index;     /* … and which one */
      guint8 kind;       /* KmlLruKind */
      guint8 bits;       /* KML_PAGE_… */
    } lru;
    guint64 words[3];
  };
} KmlFrame;

G_STATIC_ASSERT (sizeof (KmlFrame) == 32);
G_STATIC_ASSERT (G_STRUCT_OFFSET (KmlFrame, free.prev) == G_STRUCT_OFFSET (KmlFrame, link.prev));
G_STATIC_ASSERT (G_STRUCT_OFFSET (KmlFrame, slab.prev) == G_STRUCT_OFFSET (KmlFrame, link.prev));
G_STATIC_ASSERT (G_STRUCT_OFFSET (KmlFrame, lru.prev) == G_STRUCT_OFFSET (KmlFrame, link.prev));

#define KML_FRAME_FLAG_SLAB 0x01 /* the run belongs to an object allocator */

/* The other seven flags of a run's first frame are the page allocator's own, whoever has the run. */
#define KML_FRAME_OWN_SHIFT 1

typedef struct {
  guint8 *store;    /* host address of simulated address 0 */
  guint8 *shadow;   /* (nullable): likewise, of a memory beside it: see kml_ram_make_shadow() */
  KmlFrame *frames; /* (array length=n_frames): inside the store */
  guint64 size;     /* bytes */
  guint page_shift;
  guint32 n_frames;
  guint32 n_usable; /* frames below the frame table */
} KmlRam;

/* @page_size is a power of two of at least 512 bytes, @size a multiple of it. Errors: INPUT for a size that
 * makes no sense, WORLD when the host will not reserve so much address space. */
KmlRam *kml_ram_new (guint64 size, guint64 page_size, GError **error);
void kml_ram_free (KmlRam *self);

/* A second memory of the same size, zeroed and mapped as lazily, that the simulated machine does not have: for what an allocator that is studied
 * knows of a block for nothing. There is one, which lives as long as @self. FALSE: the host has no room. */
gboolean kml_ram_make_shadow (KmlRam *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlRam, kml_ram_free)

/* Bytes of RAM of which @n_usable frames are left below the frame table. A frame of the table has n_records, one of
 * them its own. */
static inline guint64
kml_ram_size_for (guint32 n_usable, guint64 page_size)
{
  const guint64 n_records = page_size / sizeof (KmlFrame);

  return (n_usable + (n_usable + n_records - 2) / (n_records - 1)) * page_size;
}

static inline guint64
kml_ram_page_size (const KmlRam *self)
{
  return G_GUINT64_CONSTANT (1) << self->page_shift;
}

static inline KmlFrame *
kml_ram_frame (const KmlRam *self, KmlPfn pfn)
{
  return &self->frames[pfn];
}

static inline KmlPfn
kml_ram_pfn (const KmlRam *self, KmlAddr addr)
{
  return (KmlPfn)(addr >> self->page_shift);
}

static inline KmlAddr
kml_ram_addr (const KmlRam *self, KmlPfn pfn)
{
  return (KmlAddr)pfn << self->page_shift;
}

/* What the page allocator keeps in its own flags: 0 .. 127. */
static inline guint
kml_frame_own (const KmlFrame *self)
{
  return self->flags >> KML_FRAME_OWN_SHIFT;
}

static inline void
kml_frame_set_own (KmlFrame *self, guint own)
{
  self->flags = (guint8)((self->flags & KML_FRAME_FLAG_SLAB) | own << KML_FRAME_OWN_SHIFT);
}

/* memcpy: an address need not be aligned; it compiles to one load. */
static inline guint32
kml_ram_load32 (const KmlRam *self, KmlAddr addr)
{
  guint32 value;

  memcpy (&value, self->store + addr, sizeof value);
  return value;
}

static inline void
kml_ram_store32 (KmlRam *self, KmlAddr addr, guint32 value)
{
  memcpy (self->store + addr, &value, sizeof value);
}

static inline guint64
kml_ram_load64 (const KmlRam *self, KmlAddr addr)
{
  guint64 value;

  memcpy (&value, self->store + addr, sizeof value);
  return value;
}

static inline void
kml_ram_store64 (KmlRam *self, KmlAddr addr, guint64 value)
{
  memcpy (self->store + addr, &value, sizeof value);
}

G_END_DECLS
