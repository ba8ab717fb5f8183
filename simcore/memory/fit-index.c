/* fit-index.c: a weight-balanced tree of free blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The weight of a tree is one more than the number of its blocks. Of two sisters neither
 * weighs more than DELTA times the other. Where an insertion or a removal breaks that,
 * the heavier sister comes up, or, if it is her inner child that is heavy (GAMMA times as
 * heavy as the outer or more), that child does:
 *
 *       x                      y                    x                        c
 *      / \                    / \                  / \                    /     \
 *     a   y        ->        x   c                a   y        ->        x       y
 *        / \                / \                      / \                / \     / \
 *       b   c              a   b                    c   d              a   c1 c2   d
 */

#include "simcore/memory/fit-index.h"

#define DELTA      3
#define GAMMA      2
#define FIRST_ROOM 64

void
kml_fit_index_init (KmlFitIndex *self, gboolean by_size)
{
  *self = (KmlFitIndex){ .by_size = by_size };
}

void
kml_fit_index_clear (KmlFitIndex *self)
{
  g_clear_pointer (&self->nodes, g_free);
  self->root = 0;
}

void
kml_fit_index_remember (KmlFitIndex *self, KmlImage *image)
{
  kml_image_add_block (image, &self->nodes, self->n_room * sizeof *self->nodes);
}

/* ---- One node ---- */

static inline guint64
weight (const KmlFitIndex *self, guint32 at)
{
  return (guint64)self->nodes[at].n + 1;
}

static inline guint64
most_of (const KmlFitNode *node, const KmlFitNode *left, const KmlFitNode *right)
{
  return MAX (node->size, MAX (left->most, right->most));
}

/* What the node knows of all below it, from its children. */
static inline void
sum_up (KmlFitIndex *self, guint32 at)
{
  KmlFitNode *node = &self->nodes[at];
  const KmlFitNode *left = &self->nodes[node->left], *right = &self->nodes[node->right];

  node->n = left->n + right->n + 1;
  node->most = most_of (node, left, right);
}

static inline gboolean
comes_before (const KmlFitIndex *self, const KmlFitNode *node, const KmlFitNode *other)
{
  if (self->by_size && node->size != other->size)
    return node->size < other->size;
  return node->key < other->key;
}

/* ---- The shape ---- */

/* @child takes the place of @at below @parent. */
static void
replace (KmlFitIndex *self, guint32 parent, guint32 at, guint32 child)
{
  if (parent == 0)
    self->root = child;
  else if (self->nodes[parent].left == at)
    self->nodes[parent].left = child;
  else
    self->nodes[parent].right = child;
  if (child != 0)
    self->nodes[child].parent = parent;
}

/* The child of @at comes up, @at goes down. Returns the child. */
static guint32
rotate (KmlFitIndex *self, guint32 at, gboolean right_comes_up)
{
  KmlFitNode *node = &self->nodes[at];
  const guint32 child = right_comes_up ? node->right : node->left;
  KmlFitNode *up = &self->nodes[child];

  replace (self, node->parent, at, child);
  if (right_comes_up) {
    node->right = up->left;
    up->left = at;
  } else {
    node->left = up->right;
    up->right = at;
  }
  self->nodes[node->left].parent = at;
  self->nodes[node->right].parent = at;
  self->nodes[0].parent = 0; /* if one of them was nobody */
  node->parent = child;
  sum_up (self, at);
  sum_up (self, child);
  return child;
}

/* One of the children may be too heavy. Returns who is there now. */
static guint32
balance (KmlFitIndex *self, guint32 at)
{
  const KmlFitNode *node = &self->nodes[at];
  const guint64 left = weight (self, node->left), right = weight (self, node->right);
  gboolean right_is_heavy;
  guint32 child, inner, outer;

  if (left * DELTA >= right && right * DELTA >= left)
    return at;
  right_is_heavy = right > left;
  child = right_is_heavy ? node->right : node->left;
  inner = right_is_heavy ? self->nodes[child].left : self->nodes[child].right;
  outer = right_is_heavy ? self->nodes[child].right : self->nodes[child].left;
  if (weight (self, inner) >= GAMMA * weight (self, outer))
    rotate (self, child, !right_is_heavy);
  return rotate (self, at, right_is_heavy);
}

/* Something has changed below or at @at: counts, sizes and balance from there up. */
static void
repair (KmlFitIndex *self, guint32 at)
{
  while (at != 0) {
    sum_up (self, at);
    at = self->nodes[balance (self, at)].parent;
  }
}

/* ---- Inserting and removing ---- */

static void
make_room (KmlFitIndex *self, guint32 block)
{
  const guint64 doubled = MAX ((guint64)self->n_room * 2, FIRST_ROOM);
  const guint32 n_room = (guint32)MIN (MAX (doubled, (guint64)block + 1), G_MAXUINT32);

  g_assert (block < G_MAXUINT32);

  self->nodes = g_renew (KmlFitNode, self->nodes, n_room);
  if (self->n_room == 0)
    self->nodes[0] = (KmlFitNode){ 0 };
  self->n_room = n_room;
}

void
kml_fit_index_insert (KmlFitIndex *self, guint32 block, guint64 key, guint64 size)
{
  guint32 parent = 0, at = self->root;
  gboolean is_left = FALSE;
  KmlFitNode *node;

  g_assert (block > 0);

  if (G_UNLIKELY (block >= self->n_room))
    make_room (self, block);
  node = &self->nodes[block];
  *node = (KmlFitNode){ .key = key, .size = size, .most = size, .n = 1 };
  while (at != 0) {
    is_left = comes_before (self, node, &self->nodes[at]);
    parent = at;
    at = is_left ? self->nodes[at].left : self->nodes[at].right;
  }
  node->parent = parent;
  if (parent == 0)
    self->root = block;
  else if (is_left)
    self->nodes[parent].left = block;
  else
    self->nodes[parent].right = block;
  repair (self, parent);
}

/* The node has two children: its successor takes its place. Returns where the shape changed at
 * the lowest. */
static guint32
replace_by_successor (KmlFitIndex *self, guint32 at)
{
  KmlFitNode *node = &self->nodes[at];
  guint32 next = node->right, lowest;

  while (self->nodes[next].left != 0)
    next = self->nodes[next].left;
  lowest = self->nodes[next].parent == at ? next : self->nodes[next].parent;
  if (lowest != next) {
    replace (self, lowest, next, self->nodes[next].right);
    self->nodes[next].right = node->right;
    self->nodes[node->right].parent = next;
  }
  self->nodes[next].left = node->left;
  self->nodes[node->left].parent = next;
  replace (self, node->parent, at, next);
  return lowest;
}

void
kml_fit_index_remove (KmlFitIndex *self, guint32 block)
{
  const KmlFitNode *node = &self->nodes[block];
  guint32 lowest = node->parent;

  g_assert (block > 0);
  g_assert (node->n > 0);

  if (node->left != 0 && node->right != 0)
    lowest = replace_by_successor (self, block);
  else
    replace (self, node->parent, block, node->left != 0 ? node->left : node->right);
  self->nodes[block].n = 0;
  repair (self, lowest);
}

void
kml_fit_index_change (KmlFitIndex *self, guint32 block, guint64 key, guint64 size)
{
  guint32 at = block;

  self->nodes[block].key = key;
  self->nodes[block].size = size;
  for (; at != 0; at = self->nodes[at].parent) {
    KmlFitNode *node = &self->nodes[at];
    const guint64 most = most_of (node, &self->nodes[node->left], &self->nodes[node->right]);

    if (node->most == most)
      return;
    node->most = most;
  }
}

/* ---- Finding ---- */

/* The first fit at or below @at, which has one. */
static guint32
descend (const KmlFitIndex *self, guint32 at, guint64 size)
{
  for (;;) {
    const KmlFitNode *node = &self->nodes[at];

    if (self->nodes[node->left].most >= size)
      at = node->left;
    else if (node->size >= size)
      return at;
    else
      at = node->right;
  }
}

guint32
kml_fit_index_first (const KmlFitIndex *self, guint64 size)
{
  g_assert (size > 0);

  if (self->root == 0 || self->nodes[self->root].most < size)
    return 0;
  return descend (self, self->root, size);
}

/* The lowest node above @at that comes later in the order, or 0. */
static guint32
later_above (const KmlFitIndex *self, guint32 at)
{
  guint32 child;

  do {
    child = at;
    at = self->nodes[at].parent;
  } while (at != 0 && self->nodes[at].right == child);
  return at;
}

guint32
kml_fit_index_first_from (const KmlFitIndex *self, guint32 from, guint64 size)
{
  g_assert (size > 0);

  for (guint32 at = from; at != 0; at = later_above (self, at)) {
    if (self->nodes[at].size >= size)
      return at;
    if (self->nodes[self->nodes[at].right].most >= size)
      return descend (self, self->nodes[at].right, size);
  }
  return 0;
}

guint32
kml_fit_index_next (const KmlFitIndex *self, guint32 block)
{
  guint32 at = self->nodes[block].right;

  if (at == 0)
    return later_above (self, block);
  while (self->nodes[at].left != 0)
    at = self->nodes[at].left;
  return at;
}

guint32
kml_fit_index_rank (const KmlFitIndex *self, guint32 block)
{
  guint32 rank = self->nodes[self->nodes[block].left].n;

  for (guint32 at = block, parent; (parent = self->nodes[at].parent) != 0; at = parent)
    if (self->nodes[parent].right == at)
      rank += self->nodes[self->nodes[parent].left].n + 1;
  return rank;
}

/* ---- Checking ---- */

static gboolean
broken (const char *what, guint32 block, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_CORRUPT, "the index of free blocks: %s of block %u",
               what, block);
  return FALSE;
}

static gboolean
check_node (const KmlFitIndex *self, guint32 at, GError **error)
{
  const KmlFitNode *node = &self->nodes[at];
  const KmlFitNode *left = &self->nodes[node->left], *right = &self->nodes[node->right];

  if ((node->left != 0 && left->parent != at) || (node->right != 0 && right->parent != at))
    return broken ("wrong parent below the node", at, error);
  if (node->n != left->n + right->n + 1)
    return broken ("wrong count at the node", at, error);
  if (node->most != most_of (node, left, right))
    return broken ("wrong largest size at the node", at, error);
  if (weight (self, node->left) * DELTA < weight (self, node->right) ||
      weight (self, node->right) * DELTA < weight (self, node->left))
    return broken ("no balance at the node", at, error);
  return TRUE;
}

gboolean
kml_fit_index_check (const KmlFitIndex *self, GError **error)
{
  const guint32 n = kml_fit_index_n (self);
  guint32 before = 0, at = self->root;

  if (at != 0 && self->nodes[at].parent != 0)
    return broken ("a parent above the root", at, error);
  while (at != 0 && self->nodes[at].left != 0)
    at = self->nodes[at].left;
  for (guint32 i = 0; i < n; i++) {
    if (at == 0 || kml_fit_index_rank (self, at) != i)
      return broken ("wrong rank", at, error);
    if (!check_node (self, at, error))
      return FALSE;
    if (before != 0 && !comes_before (self, &self->nodes[before], &self->nodes[at]))
      return broken ("wrong place in the order", at, error);
    before = at;
    at = kml_fit_index_next (self, at);
  }
  return at == 0 || broken ("more blocks than are counted, one", at, error);
}
