/* phys-model.h: a segregated fit over one arena, slow and plain on purpose, to hold the fast ones against.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The arena is an array of blocks in the order of addresses, in quanta with their headers. Bins
 * are given by their lower ends and looked up one by one. Of the blocks of a bin the one that
 * became free last is taken.
 */

#pragma once

#include "simcore/base/rng.h"
#include "tests/object-fixture.h"

#define MODEL_HEADER 8

typedef struct {
  guint32 start, size;
  guint64 freed; /* the larger, the later; 0: in use */
} ModelBlock;

typedef struct {
  GArray *blocks;     /* (element-type ModelBlock) */
  const GArray *bins; /* (element-type guint32): lower ends, ascending */
  guint32 least;      /* quanta of the smallest block */
  guint64 n_freed;
} Model;

static inline void
model_init (Model *self, const GArray *bins, guint32 start, guint32 size, guint32 least)
{
  const ModelBlock all = { start, size, 1 };

  *self = (Model){
    .blocks = g_array_new (FALSE, FALSE, sizeof all), .bins = bins, .least = least, .n_freed = 1
  };
  g_array_append_val (self->blocks, all);
}

static inline void
model_finish (Model *self)
{
  g_array_unref (self->blocks);
}

static inline ModelBlock *
model_at (const Model *self, guint i)
{
  return &g_array_index (self->blocks, ModelBlock, i);
}

/* The last bin that does not begin above @size: where such a block belongs. */
static inline guint
model_bin_of (const Model *self, guint32 size)
{
  guint bin = 0;

  while (bin + 1 < self->bins->len && g_array_index (self->bins, guint32, bin + 1) <= size)
    bin++;
  return bin;
}

/* The first bin that begins at @size or above: all of its blocks fit. */
static inline guint
model_bin_for (const Model *self, guint32 size)
{
  guint bin = 0;

  while (bin < self->bins->len && g_array_index (self->bins, guint32, bin) < size)
    bin++;
  return bin;
}

/* Where the payload begins; 0: no block is sure to fit. */
static inline guint32
model_alloc (Model *self, guint32 size)
{
  const guint lowest = model_bin_for (self, size);
  guint best = self->blocks->len;
  ModelBlock *block;

  for (guint i = 0; i < self->blocks->len; i++) {
    const guint bin = model_bin_of (self, model_at (self, i)->size);
    const guint best_bin = best < self->blocks->len
                               ? model_bin_of (self, model_at (self, best)->size)
                               : G_MAXUINT;

    if (model_at (self, i)->freed == 0 || bin < lowest)
      continue;
    if (bin < best_bin ||
        (bin == best_bin && model_at (self, i)->freed > model_at (self, best)->freed))
      best = i;
  }
  if (best == self->blocks->len)
    return 0;
  block = model_at (self, best);
  block->freed = 0;
  if (block->size - size >= self->least) {
    const ModelBlock rest = { block->start + size, block->size - size, ++self->n_freed };

    block->size = size;
    g_array_insert_val (self->blocks, best + 1, rest);
  }
  return model_at (self, best)->start;
}

static inline void
model_free (Model *self, guint32 start)
{
  guint i = 0;

  while (model_at (self, i)->start != start)
    i++;
  model_at (self, i)->freed = ++self->n_freed;
  for (guint k = 0; k < 2; k++) /* first with the one after it, then with the one before */
    if (i + 1 - k > 0 && i + 1 - k < self->blocks->len) {
      ModelBlock *left = model_at (self, i - k), *right = model_at (self, i + 1 - k);

      if (left->freed == 0 || right->freed == 0)
        continue;
      left->size += right->size;
      left->freed = self->n_freed;
      g_array_remove_index (self->blocks, i + 1 - k);
      i -= k;
    }
}

/* "U5 .6 U7 .493": all blocks of the arenas in the order of addresses, in quanta with their headers, as the allocator
 * under test walks them. */
static inline void
model_draw_block (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  GString *picture = user_data;

  if (state == KML_BLOCK_METADATA)
    return;
  g_string_append_printf (picture, "%s%c%" G_GUINT64_FORMAT, picture->len > 0 ? " " : "",
                          state == KML_BLOCK_USED ? 'U' : '.', (size + MODEL_HEADER) / 8);
}

#define assert_picture(expected)                                                                   \
  do {                                                                                             \
    g_autoptr (GString) picture_ = g_string_new (NULL);                                            \
                                                                                                   \
    objects->ops->walk (objects, model_draw_block, picture_);                                      \
    ck_assert_str_eq (picture_->str, expected);                                                    \
  } while (0)

/* Random requests and frees, to the started allocator and to the model: the same addresses. The
 * arena has @n_pages from frame 0. @quanta_of: what the allocator makes of a size. */
static inline void
compare_with_model (const GArray *bins, guint n_pages, guint32 (*quanta_of) (guint64 size),
                    guint64 seed)
{
  g_autoptr (GArray) live = g_array_new (FALSE, FALSE, sizeof (KmlAddr));
  guint n_failed = 0;
  KmlRng rng;
  Model model;

  kml_rng_init (&rng, seed, "model");
  model_init (&model, bins, 1, n_pages * PAGE / 8 - 1, 2);
  for (guint i = 0; i < 6000; i++) {
    const guint64 size = 1 +
                         kml_rng_below (&rng, G_GUINT64_CONSTANT (1) << kml_rng_below (&rng, 14));

    if (live->len > 0 && kml_rng_below (&rng, 100) < 45) {
      const guint victim = (guint)kml_rng_below (&rng, live->len);
      const KmlAddr addr = g_array_index (live, KmlAddr, victim);

      give_back (addr);
      model_free (&model, (guint32)(addr / 8));
      g_array_remove_index_fast (live, victim);
    } else {
      const guint32 expected = model_alloc (&model, quanta_of (size));
      const KmlAddr addr = take (size);

      ck_assert_uint_eq (addr, expected == 0 ? KML_ADDR_NONE : (KmlAddr)expected * 8);
      n_failed += expected == 0;
      if (expected != 0)
        g_array_append_val (live, addr);
    }
  }
  ck_assert_uint_gt (n_failed, 20); /* memory was short at times */
  model_finish (&model);
}
