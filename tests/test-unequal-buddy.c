/* test-unequal-buddy.c: stories of the weighted and the Fibonacci buddy system, small enough to check by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What they have in common with other allocators is in test-conformance.c. Besides, they are held against a tree that is split and joined by the rule, and the rule of the binary system against `buddy`.
 */

#include "allocators/unequal-buddy.h"
#include "simcore/base/rng.h"
#include "tests/page-fixture.h"

static void
start (const char *name, guint n_frames)
{
  start_allocator (kml_allocator_find (name), n_frames, NULL);
}

/* ---- Weighted ---- */

START_TEST (weighted_blocks_are_split_three_to_one_and_two_to_one)
{
  start ("weighted-buddy", 8);
  assert_picture ("........|");
  ck_assert_int_eq (take (3), 0); /* 8 = 6 + 2, 6 = 4 + 2, 4 = 3 + 1: 2 would not suffice */
  assert_picture ("UUU|.|..|..|");
  ck_assert_uint_eq (allocator->counters[KML_UNEQUAL_SPLITS], 3);
  ck_assert_int_eq (take (1), 3);
  ck_assert_int_eq (take (1), 5); /* of the 2 split off last; both halves suffice: the right one */
  assert_picture ("UUU|U|.|U|..|");
  give_back (0);
  assert_picture ("...|U|.|U|..|");
  give_back (3);
  assert_picture ("....|.|U|..|"); /* 3 + 1; the buddy of 4 is 2 frames that are split */
  give_back (5);
  assert_picture ("........|"); /* 1 + 1, 4 + 2, 6 + 2 */
  ck_assert_uint_eq (allocator->counters[KML_UNEQUAL_MERGES], 4);
  stop ();
}
END_TEST

/* Frame 6 is where the right part of 8 begins, frame 4 where that of 6 does: both of 2 frames, and neighbours; but
 * not buddies. */
START_TEST (weighted_neighbours_of_one_size_need_not_be_buddies)
{
  start ("weighted-buddy", 8);
  ck_assert_int_eq (take (4), 0);
  ck_assert_int_eq (take (2), 4);
  ck_assert_int_eq (take (2), 6);
  give_back (4);
  give_back (6);
  assert_picture ("UUUU|..|..|");
  ck_assert_int_eq (take (4), -1);
  stop ();
}
END_TEST

START_TEST (weighted_sizes_are_rounded_up_to_the_next)
{
  static const guint held[][2] = { { 1, 1 },   { 2, 2 },     { 3, 3 },     { 4, 4 },
                                   { 5, 6 },   { 7, 8 },     { 9, 12 },    { 13, 16 },
                                   { 17, 24 }, { 513, 768 }, { 769, 1024 } };

  start ("weighted-buddy", 2048);
  for (guint i = 0; i < G_N_ELEMENTS (held); i++) {
    const KmlRequest request = { .size = held[i][0] * PAGE };
    guint64 bytes;
    const int pfn = ask (allocator, &request, &bytes);

    ck_assert_int_ge (pfn, 0);
    ck_assert_uint_eq (bytes, held[i][1] * PAGE);
    give_back (pfn);
  }
  ck_assert_int_eq (take (1025), -1);
  stop ();
}
END_TEST

/* ---- Fibonacci ---- */

START_TEST (fibonacci_blocks_are_split_into_the_two_before)
{
  start ("fibonacci-buddy", 8);
  ck_assert_int_eq (take (2), 5); /* 8 = 5 + 3, 3 = 2 + 1 */
  assert_picture (".....|UU|.|");
  ck_assert_int_eq (take (1), 7);
  ck_assert_int_eq (take (3), 0); /* 5 = 3 + 2 */
  assert_picture ("UUU|..|UU|U|");
  ck_assert_int_eq (take (1), 4); /* 2 = 1 + 1 */
  ck_assert_uint_eq (allocator->counters[KML_UNEQUAL_SPLITS], 4);
  give_back (5);
  give_back (7);
  assert_picture ("UUU|.|U|...|");
  give_back (0);
  give_back (4);
  assert_picture ("........|");
  ck_assert_uint_eq (allocator->counters[KML_UNEQUAL_MERGES], 4);
  stop ();
}
END_TEST

/* 12 = 8 + 3 + 1: what is next to each other at the beginning never was one block. */
START_TEST (roots_are_not_joined)
{
  start ("fibonacci-buddy", 12);
  assert_picture ("........|...|.|");
  ck_assert_int_eq (take (1), 11);
  ck_assert_int_eq (take (2), 8);
  ck_assert_int_eq (take (5), 0);
  give_back (8);
  give_back (0);
  give_back (11);
  assert_picture ("........|...|.|");
  stop ();
}
END_TEST

START_TEST (untouched_memory_has_no_records)
{
  start ("fibonacci-buddy", 987 * 1000);
  ck_assert_uint_eq (machine->free_area.n_free, machine->ram->n_usable);
  ck_assert_int_eq (take (987), 0);
  ck_assert_uint_eq (kml_ram_frame (machine->ram, 987)->state, KML_FRAME_UNTOUCHED);
  stop ();
}
END_TEST

/* ---- Constraints ---- */

START_TEST (an_alignment_is_searched_for)
{
  const KmlConstraints constraints = { .alignment = 4 * PAGE };

  start ("fibonacci-buddy", 21);
  ck_assert_int_eq (take_within (2, &constraints), 16); /* of 21 = 13 + 8, 8 = 5 + 3, 5 = 3 + 2 */
  assert_picture (".............|...|UU|...|");
  ck_assert_int_eq (take_within (2, &constraints), 8); /* 13 = 8 + 5, 5 = 3 + 2 */
  stop ();
}
END_TEST

START_TEST (a_boundary_is_not_crossed)
{
  const KmlConstraints constraints = { .boundary = 4 * PAGE };

  start ("fibonacci-buddy", 8);
  ck_assert_int_eq (take_within (3, &constraints), 5);  /* 0-2 would do, too */
  ck_assert_int_eq (take_within (3, &constraints), 0);  /* 3-5 would not */
  ck_assert_int_eq (take_within (2, &constraints), -1); /* nor do 3-4 */
  ck_assert_int_eq (take (2), 3);
  stop ();
}
END_TEST

/* ---- Against a tree ---- */

/* A block, whole or split. Slow and plain on purpose. */
typedef struct _Node Node;
struct _Node {
  guint pfn, class;
  gboolean is_used;
  Node *left, *right; /* (owned) (nullable): both or none */
};

static Node *
node_new (guint pfn, guint class)
{
  Node *node = g_new0 (Node, 1);

  node->pfn = pfn;
  node->class = class;
  return node;
}

static void
node_free (Node *node)
{
  if (node == NULL)
    return;
  node_free (node->left);
  node_free (node->right);
  g_free (node);
}

/* The free block that suffices and is smallest; of several the lowest. */
static Node *
node_find (Node *node, guint class, Node *best)
{
  if (node->left != NULL)
    return node_find (node->right, class, node_find (node->left, class, best));
  if (node->is_used || node->class < class || (best != NULL && best->class <= node->class))
    return best;
  return node;
}

static int
node_take (Node *roots[], guint n_roots, guint class)
{
  const KmlUnequalBuddy *rule = (const KmlUnequalBuddy *)allocator;
  Node *node = NULL;

  for (guint i = 0; i < n_roots; i++)
    node = node_find (roots[i], class, node);
  if (node == NULL)
    return -1;
  while (node->class > class) {
    const guint right = rule->rights[node->class];

    node->left = node_new (node->pfn, node->class - 1);
    node->right = node_new (node->pfn + rule->sizes[node->class - 1], right);
    node = right >= class ? node->right : node->left;
  }
  node->is_used = TRUE;
  return (int)node->pfn;
}

static void
node_give_back (Node *node, int pfn)
{
  if (node->left == NULL) {
    if ((int)node->pfn == pfn)
      node->is_used = FALSE;
    return;
  }
  node_give_back (pfn < (int)node->right->pfn ? node->left : node->right, pfn);
  if (node->left->left == NULL && node->right->left == NULL && !node->left->is_used &&
      !node->right->is_used) {
    node_free (node->left);
    node_free (node->right);
    node->left = node->right = NULL;
  }
}

static guint
class_of (guint n_frames)
{
  const KmlUnequalBuddy *rule = (const KmlUnequalBuddy *)allocator;
  guint class = 0;

  while (class < rule->n_classes && rule->sizes[class] < n_frames)
    class ++;
  return class;
}

static const char *const names[] = { "weighted-buddy", "fibonacci-buddy" };

START_TEST (it_agrees_with_a_tree)
{
  Node *roots[64];
  guint n_roots = 0, n_failed = 0, n_taken = 0;
  int blocks[60];
  KmlRng rng;

  kml_rng_init (&rng, 1, "test");
  start_allocator (kml_allocator_find (names[_i]), 500, "max-frames", "100", "list", "address",
                   NULL);
  while (n_roots < G_N_ELEMENTS (roots)) {
    const KmlUnequalBuddy *rule = (const KmlUnequalBuddy *)allocator;
    const guint pfn = n_roots == 0
                          ? 0
                          : roots[n_roots - 1]->pfn + rule->sizes[roots[n_roots - 1]->class];

    if (pfn == 500)
      break;
    roots[n_roots++] = node_new (pfn, class_of (500 - pfn + 1) - 1); /* the largest that fits */
  }
  for (guint i = 0; i < G_N_ELEMENTS (blocks); i++)
    blocks[i] = -1;
  for (guint i = 0; i < 20000; i++) {
    const guint64 k = kml_rng_below (&rng, G_N_ELEMENTS (blocks));
    const guint n_frames = 1 + (guint)kml_rng_below (&rng, 1 + kml_rng_below (&rng, 40));

    if (blocks[k] < 0) {
      const int expected = node_take (roots, n_roots, class_of (n_frames));

      blocks[k] = take (n_frames);
      ck_assert_int_eq (blocks[k], expected);
      n_failed += blocks[k] < 0;
      n_taken += blocks[k] >= 0;
    } else {
      give_back (blocks[k]);
      for (guint r = 0; r < n_roots; r++)
        node_give_back (roots[r], blocks[k]);
      blocks[k] = -1;
    }
  }
  ck_assert_uint_gt (n_failed, 100);
  ck_assert_uint_gt (n_taken, 5000);
  for (guint r = 0; r < n_roots; r++)
    node_free (roots[r]);
  stop ();
}
END_TEST

/* ---- The binary system by the same rule ---- */

static gboolean
binary_init (KmlAllocator *base, GError **error)
{
  KmlUnequalBuddy *self = (KmlUnequalBuddy *)base;

  for (KmlPfn size = 1; size <= self->max_frames; size *= 2)
    kml_unequal_buddy_add_class (self, size);
  return kml_unequal_buddy_start (self, error);
}

static const KmlAllocatorOps binary_ops = {
  .name = "binary",
  .summary = "the binary buddy system by the rule of unequal ones",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (KmlUnequalBuddy),
  .params = kml_unequal_buddy_params,
  .counters = kml_unequal_buddy_counters,
  .init = binary_init,
  .finish = kml_unequal_buddy_finish,
  .alloc = kml_unequal_buddy_alloc,
  .free = kml_unequal_buddy_free,
  .walk = kml_unequal_buddy_walk,
  .check = kml_unequal_buddy_check,
};

/* Of two halves that suffice the one takes the right, the other the left one: addresses differ, but the
 * sizes of what is free do not, nor do splits and merges. */
START_TEST (with_powers_of_two_it_is_the_binary_system)
{
  KmlMachine *other_machine = new_machine (3000);
  KmlAllocator *buddy = kml_allocator_new (kml_allocator_find ("buddy"), other_machine, NULL);
  g_autoptr (GError) error = NULL;
  int blocks[300];
  KmlRng rng;

  kml_rng_init (&rng, 1, "test");
  start_allocator (&binary_ops, 3000, "max-frames", "512", "list", "lifo", NULL);
  set_parameter (buddy, "max-order", "9");
  kml_allocator_start (buddy, &error);
  assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (blocks); i++) {
    const KmlRequest request = { .size = (1 + kml_rng_below (&rng, 20)) * PAGE };
    guint64 held, other_held;
    const int mine = ask (allocator, &request, &held);
    const int other = ask (buddy, &request, &other_held);

    blocks[i] = mine;
    ck_assert_int_eq (mine < 0, other < 0);
    ck_assert_uint_eq (mine < 0 ? 0 : held, mine < 0 ? 0 : other_held);
    ck_assert_mem_eq (machine->free_area.blocks, other_machine->free_area.blocks,
                      sizeof machine->free_area.blocks);
  }
  ck_assert_uint_gt (allocator->counters[KML_UNEQUAL_SPLITS], 100);
  ck_assert_uint_eq (allocator->counters[KML_UNEQUAL_SPLITS], buddy->counters[0]);
  for (guint i = 0; i < G_N_ELEMENTS (blocks); i++)
    if (blocks[i] >= 0)
      give_back (blocks[i]);
  ck_assert_uint_eq (allocator->counters[KML_UNEQUAL_SPLITS],
                     allocator->counters[KML_UNEQUAL_MERGES]);
  kml_allocator_destroy (buddy);
  kml_machine_free (other_machine);
  stop ();
}
END_TEST

/* ---- What is broken is noticed ---- */

typedef struct {
  const char *invariant;
  void (*damage) (KmlUnequalBuddy *self);
} Damage;

static void
lengthen_block (KmlUnequalBuddy *self)
{
  kml_ram_frame (machine->ram, 0)->n_frames++;
}

static void
forget_origin (KmlUnequalBuddy *self)
{
  kml_frame_set_own (kml_ram_frame (machine->ram, 6), 3);
}

/* The right part of 8, and the left one with all that it is split into, as if nobody had joined them. */
static void
forget_to_join (KmlUnequalBuddy *self)
{
  kml_ram_frame (machine->ram, 0)->state = KML_FRAME_FREE;
}

static void
lose_block (KmlUnequalBuddy *self)
{
  kml_frame_list_init (&self->lists[1]);
}

static void
miscount (KmlUnequalBuddy *self)
{
  machine->free_area.blocks[KML_MOBILITY_UNMOVABLE][0]++;
}

static void
mark_wrongly (KmlUnequalBuddy *self)
{
  self->nonempty |= 1 << 5;
}

static void
forget_split (KmlUnequalBuddy *self)
{
  self->base.counters[KML_UNEQUAL_SPLITS]--;
}

static const Damage damages[] = {
  { "U1", lengthen_block }, { "U2", forget_origin }, { "U3", forget_to_join }, { "U4", lose_block },
  { "U5", miscount },       { "U6", mark_wrongly },  { "U7", forget_split },
};

START_TEST (each_broken_invariant_is_noticed)
{
  g_autoptr (GError) error = NULL;

  start ("weighted-buddy", 8);
  ck_assert_int_eq (take (6), 0); /* UUUUUU|..| */
  damages[_i].damage ((KmlUnequalBuddy *)allocator);
  ck_assert (!allocator->ops->check (allocator, &error));
  assert_error (error, KML_ERROR_CORRUPT, damages[_i].invariant);
  stop ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("unequal-buddy");
  TCase *story = tcase_create ("story");
  TCase *model = tcase_create ("model");

  tcase_add_test (story, weighted_blocks_are_split_three_to_one_and_two_to_one);
  tcase_add_test (story, weighted_neighbours_of_one_size_need_not_be_buddies);
  tcase_add_test (story, weighted_sizes_are_rounded_up_to_the_next);
  tcase_add_test (story, fibonacci_blocks_are_split_into_the_two_before);
  tcase_add_test (story, roots_are_not_joined);
  tcase_add_test (story, untouched_memory_has_no_records);
  tcase_add_test (story, an_alignment_is_searched_for);
  tcase_add_test (story, a_boundary_is_not_crossed);
  suite_add_tcase (suite, story);
  tcase_add_loop_test (model, it_agrees_with_a_tree, 0, (int)G_N_ELEMENTS (names));
  tcase_add_test (model, with_powers_of_two_it_is_the_binary_system);
  tcase_add_loop_test (model, each_broken_invariant_is_noticed, 0, (int)G_N_ELEMENTS (damages));
  suite_add_tcase (suite, model);

  return run_suite (suite);
}
