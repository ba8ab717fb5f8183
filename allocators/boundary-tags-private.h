/* boundary-tags-private.h: what the pieces of boundary-tags.c know of each other.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   boundary-tags.c         the theory; requests and what is freed
 *   boundary-tags-list.c    free blocks: their numbers, their tags, their list
 *   boundary-tags-arena.c   arenas: taken, swept, given back
 *   boundary-tags-check.c   the walk and the invariants
 *   boundary-tags-params.c  what can be set and what is counted
 */

#pragma once

#include "allocators/boundary-tags.h"

G_BEGIN_DECLS

/* ---- Costs ---- */

/* Estimates from reading the paths without what only a simulation does (assertions, seals, the
 * index); they are not measured on a kernel. */
#define KML_TAGS_ALLOC_INSTRUCTIONS 30
#define KML_TAGS_FREE_INSTRUCTIONS  30
#define KML_TAGS_NODE_INSTRUCTIONS  4  /* load the size, compare, branch, go on */
#define KML_TAGS_CUT_INSTRUCTIONS   12 /* write the tags of two blocks */
#define KML_TAGS_MERGE_INSTRUCTIONS 15 /* unlink or relink, write a tag */
#define KML_TAGS_GROW_INSTRUCTIONS  100
#define KML_TAGS_LARGE_INSTRUCTIONS 30

static inline void
kml_tags_spend (KmlBoundaryTags *self, guint64 instructions, guint64 n_warm)
{
  kml_spend (self->base.machine, KML_COST_INSTRUCTION, instructions);
  kml_spend_references (self->base.machine, KML_COST_WARM, n_warm);
}

/* With a cache model: the tag at @addr; with tags = none, that which would be there. */
static inline void
kml_tags_touch (KmlBoundaryTags *self, KmlAddr addr, guint how)
{
  kml_touch (self->base.machine, addr, sizeof (guint64), how);
}

/* ---- Tags ---- */

/* A tag is a word: flags in bits 0-2, the size in bytes (a multiple of 8) as it is, and from bit
 * 35 on a free block's number, a used one's seal. */
#define KML_TAG_USED      G_GUINT64_CONSTANT (1)
#define KML_TAG_PREV_USED G_GUINT64_CONSTANT (2) /* the block below is used, or there is none */
#define KML_TAG_LAST      G_GUINT64_CONSTANT (4) /* there is no block above */
#define KML_TAG_SIZE      G_GUINT64_CONSTANT (0x7fffffff8)
#define KML_TAG_SHIFT     35

#define KML_TAG_WORD   8u
#define KML_MAX_NUMBER ((G_GUINT64_CONSTANT (1) << (64 - KML_TAG_SHIFT)) - 1)

static inline guint64
kml_tag_load (const KmlBoundaryTags *self, KmlAddr addr)
{
  guint64 tag;

  memcpy (&tag, self->store + addr, sizeof tag);
  return tag;
}

static inline void
kml_tag_store (KmlBoundaryTags *self, KmlAddr addr, guint64 tag)
{
  memcpy (self->store + addr, &tag, sizeof tag);
}

/* What the header of a used block at @addr has in its upper bits: the middle of a product with
 * 2^32 / golden ratio, and never 0, so that no word of a block begins another by chance. */
static inline guint64
kml_tag_seal (KmlAddr addr)
{
  return (guint64)((guint32)(addr / KML_TAG_WORD) * 0x9e3779b1u >> 3 | 1) << KML_TAG_SHIFT;
}

/* ---- Arenas ---- */

/* Used blocks of the arena: in the words of its first frame, where slabs have the links of lists. */
static inline guint64 *
kml_arena_n_live (const KmlBoundaryTags *self, KmlPfn arena)
{
  return &kml_ram_frame (&self->base.ram, arena)->words[0];
}

static inline KmlAddr
kml_arena_first (const KmlBoundaryTags *self, KmlPfn arena)
{
  return kml_ram_addr (&self->base.ram, arena) + self->offset;
}

/* Where the last block of the arena ends. */
static inline KmlAddr
kml_arena_end (const KmlBoundaryTags *self, KmlPfn arena)
{
  const KmlRam *ram = &self->base.ram;
  const guint64 size = (guint64)kml_ram_frame (ram, arena)->n_frames << ram->page_shift;

  return kml_arena_first (self, arena) + ((size - self->offset) & ~(self->alignment - 1));
}

/* Another arena, as one free block. 0: the page level has none that holds @size. */
guint32 kml_arena_new (KmlBoundaryTags *self, const KmlRequest *request, guint64 size);

/* The last used block of the arena was freed: it is kept as one free block, or given back. */
void kml_arena_is_empty (KmlBoundaryTags *self, KmlPfn arena, const KmlRequest *how);

/* Joins free neighbours in all arenas. */
void kml_arenas_sweep (KmlBoundaryTags *self);

/* ---- Free blocks ---- */

static inline guint32
kml_tag_number (guint64 tag)
{
  return (guint32)(tag >> KML_TAG_SHIFT);
}

/* A free block with its tags, where it belongs: on the list (in front or at the end of a LIFO or
 * FIFO list), or among the preserved wildernesses. @flags: KML_TAG_PREV_USED and KML_TAG_LAST as
 * they apply. */
guint32 kml_free_block_new (KmlBoundaryTags *self, KmlAddr addr, guint64 size, guint64 flags);

/* It is no block any more: its bytes are used, or @heir's, if that is not 0. Its tags stay. */
void kml_free_block_drop (KmlBoundaryTags *self, guint32 number, guint32 heir);

/* A LIFO or FIFO list takes it for just freed. */
void kml_free_block_relist (KmlBoundaryTags *self, guint32 number);

/* The block has other ends; it keeps its place in the list, unless it begins or ceases to be a
 * wilderness that is preserved. */
void kml_free_block_change (KmlBoundaryTags *self, guint32 number, KmlAddr addr, guint64 size,
                            gboolean is_last);

/* @prev_used: KML_TAG_PREV_USED or 0. */
void kml_free_block_write_tags (KmlBoundaryTags *self, guint32 number, guint64 prev_used);

/* Two neighbours become one, in the place of the lower: @upper goes into @lower. */
void kml_free_block_absorb (KmlBoundaryTags *self, guint32 lower, guint32 upper);

G_END_DECLS
