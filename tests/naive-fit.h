/* naive-fit.h: first, next and best fit as the textbook has them: one pool, one list, and searches that walk.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Slow and plain on purpose. Memory is an array of blocks in the order of addresses, the free list an
 * array of their names; nothing is found but by looking at one entry after the other, and each look
 * is counted.
 */

#pragma once

#include <glib.h>
#include <string.h>

#include "simcore/base/types.h"

typedef enum {
  NAIVE_FIRST,
  NAIVE_NEXT,
  NAIVE_BEST,
} NaivePolicy;

typedef struct {
  NaivePolicy policy;
  const char *list;       /* "address", "lifo", "fifo" */
  const char *coalescing; /* "immediate", "deferred", "none" */
  gboolean is_preserved;  /* the wilderness is */
  guint64 least;
  GArray *blocks; /* (element-type NaiveBlock): in the order of addresses */
  GArray *list_;  /* (element-type guint): names of free blocks */
  guint rover;    /* name, 0: none */
  guint next_name;
  guint n_loose;
  guint64 looked, passed, merges, sweeps, splits;
} Naive;

typedef struct {
  KmlAddr addr;
  guint64 size;
  guint name; /* of a free block; 0: used */
} NaiveBlock;

static inline NaiveBlock *
naive_block (const Naive *self, guint i)
{
  return &g_array_index (self->blocks, NaiveBlock, i);
}

static inline guint
naive_name (const Naive *self, guint i)
{
  return g_array_index (self->list_, guint, i);
}

/* The index of a block by its name, of a name in the list, or G_MAXUINT. */
static inline guint
naive_find_name (const Naive *self, guint name)
{
  for (guint i = 0; i < self->blocks->len; i++)
    if (naive_block (self, i)->name == name)
      return i;
  return G_MAXUINT;
}

static inline guint
naive_find_listed (const Naive *self, guint name)
{
  for (guint i = 0; i < self->list_->len; i++)
    if (naive_name (self, i) == name)
      return i;
  return G_MAXUINT;
}

static inline guint64
naive_size_of (const Naive *self, guint name)
{
  return naive_block (self, naive_find_name (self, name))->size;
}

static inline gboolean
naive_is_wild (const Naive *self, guint i)
{
  return self->is_preserved && i == self->blocks->len - 1;
}

/* ---- The list ---- */

/* Returns how many blocks were looked at to find the place. */
static inline guint
naive_enlist (Naive *self, guint i)
{
  const guint name = naive_block (self, i)->name;
  guint at = 0;

  if (naive_is_wild (self, i))
    return 0;
  if (g_str_equal (self->list, "fifo"))
    at = self->list_->len;
  if (g_str_equal (self->list, "address"))
    while (at < self->list_->len && naive_find_name (self, naive_name (self, at)) < i)
      at++;
  g_array_insert_val (self->list_, at, name);
  if (self->rover == 0)
    self->rover = name;
  return MIN (at + 1, self->list_->len - 1);
}

/* The rover goes to @heir, or to the next in the ring. */
static inline void
naive_delist (Naive *self, guint name, guint heir)
{
  const guint at = naive_find_listed (self, name);

  if (at == G_MAXUINT)
    return; /* it is the wilderness */
  if (self->rover == name)
    self->rover = heir != 0 ? heir : naive_name (self, (at + 1) % self->list_->len);
  if (self->rover == name && heir != name)
    self->rover = 0;
  g_array_remove_index (self->list_, at);
}

/* ---- Joining ---- */

/* Block @i + 1 goes into @i; both are free. */
static inline void
naive_absorb (Naive *self, guint i)
{
  NaiveBlock *lower = naive_block (self, i), *upper = naive_block (self, i + 1);

  naive_delist (self, upper->name, lower->name);
  lower->size += upper->size;
  g_array_remove_index (self->blocks, i + 1);
  if (naive_is_wild (self, i))
    naive_delist (self, naive_block (self, i)->name, 0);
  self->merges++;
}

static inline void
naive_sweep (Naive *self)
{
  for (guint i = 0; i + 1 < self->blocks->len;)
    if (naive_block (self, i)->name != 0 && naive_block (self, i + 1)->name != 0)
      naive_absorb (self, i);
    else
      i++;
  self->n_loose = 0;
}

/* ---- Asking ---- */

static inline guint
naive_search (Naive *self, guint64 size)
{
  const guint n = self->list_->len;
  const guint start = self->policy == NAIVE_NEXT && n > 0 ? naive_find_listed (self, self->rover)
                                                          : 0;
  guint best = 0;

  for (guint i = 0; i < n; i++) {
    const guint name = naive_name (self, (start + i) % n);
    const guint64 found = naive_size_of (self, name);

    self->looked++;
    if (found < size)
      continue;
    if (self->policy != NAIVE_BEST || found == size)
      return name;
    if (best == 0 || found < naive_size_of (self, best))
      best = name;
  }
  return best;
}

static inline guint
naive_search_all (Naive *self, guint64 size)
{
  const NaiveBlock *last = naive_block (self, self->blocks->len - 1);
  const guint name = naive_search (self, size);

  if (name != 0 || !self->is_preserved || last->name == 0)
    return name;
  self->looked++;
  return last->size >= size ? last->name : 0;
}

/* The address of @size bytes, a multiple of the alignment, or KML_ADDR_NONE. */
static inline KmlAddr
naive_alloc (Naive *self, guint64 size, guint64 *ret_size)
{
  NaiveBlock used, *block;
  guint name, i;

  size = MAX (size, self->least);
  name = naive_search_all (self, size);
  if (name == 0 && self->n_loose > 0) {
    naive_sweep (self);
    self->sweeps++;
    name = naive_search_all (self, size);
  }
  if (name == 0)
    return KML_ADDR_NONE;
  i = naive_find_name (self, name);
  block = naive_block (self, i);
  if (!naive_is_wild (self, i))
    self->rover = name;
  if (block->size - size < self->least) {
    naive_delist (self, name, 0);
    block->name = 0;
    *ret_size = block->size;
    return block->addr;
  }
  used = (NaiveBlock){ block->addr, size, 0 };
  block->addr += size;
  block->size -= size;
  g_array_insert_val (self->blocks, i, used);
  self->splits++;
  *ret_size = size;
  return used.addr;
}

/* ---- Freeing ---- */

static inline gboolean
naive_is_free (const Naive *self, guint i)
{
  return i < self->blocks->len && naive_block (self, i)->name != 0;
}

/* A block that was freed goes together with its free neighbours: the lower one's name stays, else the upper
 * one's. */
static inline void
naive_join (Naive *self, guint i)
{
  NaiveBlock *block = naive_block (self, i);
  guint name;

  if (naive_is_free (self, i + 1) && !naive_is_free (self, i - 1)) {
    block->name = naive_block (self, i + 1)->name;
    block->size += naive_block (self, i + 1)->size;
    g_array_remove_index (self->blocks, i + 1);
    self->merges++;
  } else {
    NaiveBlock *lower = naive_block (self, i - 1);

    lower->size += block->size;
    g_array_remove_index (self->blocks, i);
    self->merges++;
    i--;
    if (naive_is_wild (self, i))
      naive_delist (self, lower->name, 0);
    if (naive_is_free (self, i + 1))
      naive_absorb (self, i);
  }
  name = naive_block (self, i)->name;
  if (!g_str_equal (self->list, "address") && !naive_is_wild (self, i)) {
    naive_delist (self, name, name);
    naive_enlist (self, i);
  }
}

static inline void
naive_free (Naive *self, KmlAddr addr)
{
  guint i = 0, looked;
  gboolean has_free_neighbour, is_empty = TRUE;

  while (naive_block (self, i)->addr != addr)
    i++;
  has_free_neighbour = naive_is_free (self, i + 1) || (i > 0 && naive_is_free (self, i - 1));
  if (g_str_equal (self->coalescing, "immediate") && has_free_neighbour) {
    naive_join (self, i);
  } else {
    naive_block (self, i)->name = ++self->next_name;
    looked = naive_enlist (self, i);
    if (g_str_equal (self->list, "address") && !has_free_neighbour && !naive_is_wild (self, i))
      self->passed += looked;
    self->n_loose += g_str_equal (self->coalescing, "deferred");
  }
  for (guint k = 0; k < self->blocks->len; k++)
    is_empty &= naive_block (self, k)->name != 0;
  if (is_empty && !g_str_equal (self->coalescing, "immediate")) {
    const guint n_loose = self->n_loose;

    naive_sweep (self);
    self->n_loose = n_loose;
  }
}

/* ---- Life ---- */

/* One free block of @size bytes at @addr. */
static inline void
naive_init (Naive *self, KmlAddr addr, guint64 size)
{
  const NaiveBlock all = { addr, size, 1 };

  self->blocks = g_array_new (FALSE, FALSE, sizeof (NaiveBlock));
  self->list_ = g_array_new (FALSE, FALSE, sizeof (guint));
  g_array_append_val (self->blocks, all);
  self->next_name = 1;
  self->rover = 0;
  naive_enlist (self, 0);
}

static inline void
naive_finish (Naive *self)
{
  g_array_unref (self->blocks);
  g_array_unref (self->list_);
}

/* Free blocks that are not the last, and their bytes. */
static inline guint64
naive_holes (const Naive *self, guint64 *ret_bytes)
{
  guint64 n = 0;

  *ret_bytes = 0;
  for (guint i = 0; i + 1 < self->blocks->len; i++)
    if (naive_block (self, i)->name != 0) {
      n++;
      *ret_bytes += naive_block (self, i)->size;
    }
  return n;
}
