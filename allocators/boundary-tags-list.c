/* boundary-tags-list.c: free blocks: their numbers, their tags, their list.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/boundary-tags-private.h"

#define FIRST_ROOM 64

/* ---- Numbers of free blocks ---- */

static void
make_room (KmlBoundaryTags *self)
{
  const guint64 n_room = MAX ((guint64)self->n_room * 2, FIRST_ROOM);

  g_assert (n_room <= KML_MAX_NUMBER + 1);

  self->blocks = g_renew (KmlFreeBlock, self->blocks, n_room);
  memset (self->blocks + self->n_room, 0, (n_room - self->n_room) * sizeof *self->blocks);
  for (guint32 number = (guint32)n_room - 1; number >= MAX (self->n_room, 1); number--) {
    self->blocks[number].next_unused = self->unused;
    self->unused = number;
  }
  self->n_room = (guint32)n_room;
}

static guint32
new_number (KmlBoundaryTags *self)
{
  guint32 number;

  if (G_UNLIKELY (self->unused == 0))
    make_room (self);
  number = self->unused;
  self->unused = self->blocks[number].next_unused;
  return number;
}

static void
drop_number (KmlBoundaryTags *self, guint32 number)
{
  self->blocks[number] = (KmlFreeBlock){ .next_unused = self->unused };
  self->unused = number;
}

/* ---- The list ---- */

static void
count_holes (KmlBoundaryTags *self, const KmlFreeBlock *block, gint64 n)
{
  if (block->is_last)
    return;
  self->n_holes += (guint64)n;
  self->hole_bytes += (guint64)n * block->size;
}

/* Where it belongs: on the list, or among the preserved wildernesses. */
static void
enlist (KmlBoundaryTags *self, guint32 number)
{
  KmlFreeBlock *block = &self->blocks[number];
  guint64 key = block->addr;

  count_holes (self, block, 1);
  block->is_preserved = block->is_last && self->wilderness == KML_WILDERNESS_PRESERVED;
  if (block->is_preserved) {
    kml_fit_index_insert (&self->wilds, number, key, block->size);
    return;
  }
  if (self->list_order == KML_LIST_LIFO)
    key = self->next_key--;
  else if (self->list_order == KML_LIST_FIFO)
    key = self->next_key++;
  kml_fit_index_insert (&self->list, number, key, block->size);
  if (self->policy->enter != NULL)
    self->policy->enter (self, number);
}

static void
delist (KmlBoundaryTags *self, guint32 number, guint32 heir)
{
  const KmlFreeBlock *block = &self->blocks[number];

  count_holes (self, block, -1);
  if (block->is_preserved) {
    kml_fit_index_remove (&self->wilds, number);
    return;
  }
  if (self->policy->leave != NULL)
    self->policy->leave (self, number, heir);
  kml_fit_index_remove (&self->list, number);
}

/* The block has other ends; it keeps its place in the list, unless it begins or ceases to be a
 * wilderness that is preserved. */
void
kml_free_block_change (KmlBoundaryTags *self, guint32 number, KmlAddr addr, guint64 size,
                       gboolean is_last)
{
  KmlFreeBlock *block = &self->blocks[number];
  const gboolean is_preserved = is_last && self->wilderness == KML_WILDERNESS_PRESERVED;
  const gboolean stays = block->is_preserved == is_preserved;
  KmlFitIndex *index = is_preserved ? &self->wilds : &self->list;

  if (stays)
    count_holes (self, block, -1);
  else
    delist (self, number, 0);
  block->addr = addr;
  block->size = size;
  block->is_last = (guint8)is_last;
  if (!stays) {
    enlist (self, number);
    return;
  }
  count_holes (self, block, 1);
  kml_fit_index_change (
      index, number,
      is_preserved || self->list_order == KML_LIST_ADDRESS ? addr : index->nodes[number].key, size);
  if (!is_preserved && self->policy->resize != NULL)
    self->policy->resize (self, number);
}

guint32
kml_free_block_new (KmlBoundaryTags *self, KmlAddr addr, guint64 size, guint64 flags)
{
  const guint32 number = new_number (self);
  KmlFreeBlock *block = &self->blocks[number];

  block->addr = addr;
  block->size = size;
  block->is_last = (flags & KML_TAG_LAST) != 0;
  enlist (self, number);
  kml_free_block_write_tags (self, number, flags & KML_TAG_PREV_USED);
  return number;
}

void
kml_free_block_drop (KmlBoundaryTags *self, guint32 number, guint32 heir)
{
  delist (self, number, heir);
  drop_number (self, number);
}

void
kml_free_block_relist (KmlBoundaryTags *self, guint32 number)
{
  if (self->blocks[number].is_preserved)
    return;
  delist (self, number, number);
  enlist (self, number);
}

/* ---- Tags ---- */

void
kml_free_block_write_tags (KmlBoundaryTags *self, guint32 number, guint64 prev_used)
{
  const KmlFreeBlock *block = &self->blocks[number];
  const guint64 tag = block->size | prev_used | (block->is_last ? KML_TAG_LAST : 0) |
                      (guint64)number << KML_TAG_SHIFT;

  kml_tags_touch (self, block->addr, KML_TOUCH_WRITE);
  kml_tags_touch (self, block->addr + block->size - KML_TAG_WORD, KML_TOUCH_WRITE);
  kml_tag_store (self, block->addr, tag);
  kml_tag_store (self, block->addr + block->size - KML_TAG_WORD, tag);
}

/* Two neighbours become one: @upper goes into @lower. */
void
kml_free_block_absorb (KmlBoundaryTags *self, guint32 lower, guint32 upper)
{
  const KmlFreeBlock low = self->blocks[lower], up = self->blocks[upper];
  const guint64 prev_used = kml_tag_load (self, low.addr) & KML_TAG_PREV_USED;

  g_assert (low.addr + low.size == up.addr);

  kml_free_block_drop (self, upper, lower);
  kml_tag_store (self, up.addr - KML_TAG_WORD, 0);
  kml_tag_store (self, up.addr, 0);
  kml_free_block_change (self, lower, low.addr, low.size + up.size, up.is_last);
  kml_free_block_write_tags (self, lower, prev_used);
  self->base.counters[KML_COUNTER_MERGES]++;
  kml_tags_spend (self, KML_TAGS_MERGE_INSTRUCTIONS, 2);
}
