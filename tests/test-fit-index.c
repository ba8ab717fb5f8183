/* test-fit-index.c: the tree of free blocks against a sorted array.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/memory/fit-index.h"
#include "simcore/base/rng.h"
#include "tests/testutils.h"

#define N_BLOCKS 300

static KmlFitIndex fits;

static void
assert_sound (void)
{
  g_autoptr (GError) error = NULL;
  const gboolean is_sound = kml_fit_index_check (&fits, &error);

  ck_assert_msg (is_sound, "%s", is_sound ? "" : error->message);
}

/* ---- The drawing in fit-index.h ---- */

enum {
  AT_0 = 1,
  AT_16,
  AT_40,
  AT_72,
  AT_96,
};

static void
draw (void)
{
  kml_fit_index_init (&fits, FALSE);
  kml_fit_index_insert (&fits, AT_40, 40, 8);
  kml_fit_index_insert (&fits, AT_16, 16, 24);
  kml_fit_index_insert (&fits, AT_72, 72, 64);
  kml_fit_index_insert (&fits, AT_0, 0, 16);
  kml_fit_index_insert (&fits, AT_96, 96, 32);
}

START_TEST (the_drawing_is_right)
{
  draw ();
  ck_assert_uint_eq (fits.root, AT_40);
  ck_assert_uint_eq (fits.nodes[AT_16].n, 2);
  ck_assert_uint_eq (fits.nodes[AT_16].most, 24);
  ck_assert_uint_eq (kml_fit_index_first (&fits, 16), AT_0);
  ck_assert_uint_eq (kml_fit_index_first (&fits, 17), AT_16);
  ck_assert_uint_eq (kml_fit_index_first (&fits, 32), AT_72);
  ck_assert_uint_eq (kml_fit_index_rank (&fits, AT_72), 3);
  ck_assert_uint_eq (kml_fit_index_looked (&fits, AT_72), 4);
  ck_assert_uint_eq (kml_fit_index_first (&fits, 65), 0);
  ck_assert_uint_eq (kml_fit_index_looked (&fits, 0), 5);
  ck_assert_uint_eq (kml_fit_index_first_from (&fits, AT_16, 8), AT_16);
  ck_assert_uint_eq (kml_fit_index_first_from (&fits, AT_40, 9), AT_72);
  ck_assert_uint_eq (kml_fit_index_first_from (&fits, AT_96, 33), 0);
  ck_assert_uint_eq (kml_fit_index_next (&fits, AT_16), AT_40);
  ck_assert_uint_eq (kml_fit_index_next (&fits, AT_96), 0);
  kml_fit_index_clear (&fits);
}
END_TEST

START_TEST (an_empty_index_has_nothing)
{
  kml_fit_index_init (&fits, FALSE);
  ck_assert_uint_eq (kml_fit_index_first (&fits, 1), 0);
  ck_assert_uint_eq (kml_fit_index_n (&fits), 0);
  kml_fit_index_insert (&fits, 7, 1, 1);
  kml_fit_index_remove (&fits, 7);
  ck_assert_uint_eq (kml_fit_index_first (&fits, 1), 0);
  assert_sound ();
  kml_fit_index_clear (&fits);
}
END_TEST

/* ---- Against a sorted array ---- */

typedef struct {
  guint64 key, size;
  guint32 block;
} Entry;

static Entry entries[N_BLOCKS];
static guint n_entries;

static gboolean
entry_before (const Entry *a, const Entry *b)
{
  if (fits.by_size && a->size != b->size)
    return a->size < b->size;
  return a->key < b->key;
}

static void
insert (Entry entry)
{
  guint at = n_entries++;

  for (; at > 0 && entry_before (&entry, &entries[at - 1]); at--)
    entries[at] = entries[at - 1];
  entries[at] = entry;
  kml_fit_index_insert (&fits, entry.block, entry.key, entry.size);
}

static Entry
take_out (guint at)
{
  const Entry entry = entries[at];

  kml_fit_index_remove (&fits, entry.block);
  n_entries--;
  for (; at < n_entries; at++)
    entries[at] = entries[at + 1];
  return entry;
}

/* The first entry from @from on that is large enough, or nobody's block. */
static guint32
naive_first (guint from, guint64 size)
{
  for (guint i = from; i < n_entries; i++)
    if (entries[i].size >= size)
      return entries[i].block;
  return 0;
}

static void
assert_same (KmlRng *rng)
{
  const guint64 size = 1 + kml_rng_below (rng, 1100);

  assert_sound ();
  ck_assert_uint_eq (kml_fit_index_n (&fits), n_entries);
  ck_assert_uint_eq (kml_fit_index_first (&fits, size), naive_first (0, size));
  if (n_entries > 0) {
    const guint from = (guint)kml_rng_below (rng, n_entries);

    ck_assert_uint_eq (kml_fit_index_first_from (&fits, entries[from].block, size),
                       naive_first (from, size));
    ck_assert_uint_eq (kml_fit_index_rank (&fits, entries[from].block), from);
    ck_assert_uint_eq (kml_fit_index_next (&fits, entries[from].block),
                       from + 1 < n_entries ? entries[from + 1].block : 0);
  }
}

/* Numbers that are not in use. */
static guint32 spare[N_BLOCKS];
static guint n_spare;

/* The size changes, and the key by less than what lies between neighbours. */
static void
change (KmlRng *rng)
{
  Entry *entry = &entries[kml_rng_below (rng, n_entries)];

  if (!fits.by_size)
    entry->size = 1 + kml_rng_below (rng, 1000);
  entry->key = entry->key / 16 * 16 + kml_rng_below (rng, 16);
  kml_fit_index_change (&fits, entry->block, entry->key, entry->size);
}

/* Grows and shrinks by turns, so the tree is small, large and empty. */
static void
random_step (KmlRng *rng, guint i)
{
  const guint64 what = kml_rng_below (rng, 10);
  const guint64 often = i / 1000 % 2 == 0 ? 6 : 3;

  if (what < often && n_spare > 0) {
    /* keys are different: each block has its own sixteen of every 16 * N_BLOCKS */
    const guint32 block = spare[--n_spare];

    insert ((Entry){ .key = (kml_rng_below (rng, 1000) * N_BLOCKS + block) * 16,
                     .size = 1 + kml_rng_below (rng, fits.by_size ? 20 : 1000),
                     .block = block });
  } else if (what < 8 && n_entries > 0) {
    spare[n_spare++] = take_out ((guint)kml_rng_below (rng, n_entries)).block;
  } else if (n_entries > 0) {
    change (rng);
  }
}

START_TEST (random_operations_agree_with_a_sorted_array)
{
  KmlRng rng;

  kml_rng_init (&rng, 1 + (guint64)_i, "test");
  kml_fit_index_init (&fits, _i % 2 == 1);
  n_entries = n_spare = 0;
  for (guint32 block = 1; block < N_BLOCKS; block++)
    spare[n_spare++] = block;
  for (guint i = 0; i < 10000; i++) {
    random_step (&rng, i);
    assert_same (&rng);
  }
  ck_assert_uint_gt (n_entries, 0);
  while (n_entries > 0)
    take_out (0);
  assert_sound ();
  kml_fit_index_clear (&fits);
}
END_TEST

/* What is inserted in order makes a list of a tree that does not balance itself. */
START_TEST (a_tree_made_in_order_is_flat)
{
  guint depth = 0;

  kml_fit_index_init (&fits, FALSE);
  for (guint32 block = 1; block <= 100000; block++)
    kml_fit_index_insert (&fits, block, block, 1);
  assert_sound ();
  for (guint32 at = fits.root; at != 0; at = fits.nodes[at].right)
    depth++;
  ck_assert_uint_le (depth, 41); /* log 100000 / log (4/3): a child has at most 3/4 of the weight */
  for (guint32 block = 1; block < 100000; block++)
    kml_fit_index_remove (&fits, block);
  ck_assert_uint_eq (fits.root, 100000);
  kml_fit_index_clear (&fits);
}
END_TEST

/* ---- The check itself ---- */

typedef void (*Damage) (void);

static void
damage_count (void)
{
  fits.nodes[AT_16].n++;
}

static void
damage_most (void)
{
  fits.nodes[AT_72].most = 100;
}

static void
damage_order (void)
{
  fits.nodes[AT_0].key = 30;
}

static void
damage_parent (void)
{
  fits.nodes[AT_96].parent = AT_16;
}

static void
damage_balance (void)
{
  kml_fit_index_insert (&fits, 6, 100, 1);
  kml_fit_index_insert (&fits, 7, 101, 1);
  fits.nodes[AT_40].left = 0;
  fits.nodes[AT_40].n -= 2;
}

static const struct {
  Damage damage;
  const char *found;
} damages[] = {
  { damage_count, "count" },   { damage_most, "largest size" }, { damage_order, "order" },
  { damage_parent, "parent" }, { damage_balance, "balance" },
};

START_TEST (damage_is_found)
{
  g_autoptr (GError) error = NULL;

  draw ();
  damages[_i].damage ();
  ck_assert (!kml_fit_index_check (&fits, &error));
  assert_error (error, KML_ERROR_CORRUPT, damages[_i].found);
  kml_fit_index_clear (&fits);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("fit-index");
  TCase *all = tcase_create ("all");

  tcase_add_test (all, the_drawing_is_right);
  tcase_add_test (all, an_empty_index_has_nothing);
  tcase_add_loop_test (all, random_operations_agree_with_a_sorted_array, 0, 4);
  tcase_add_test (all, a_tree_made_in_order_is_flat);
  tcase_add_loop_test (all, damage_is_found, 0, G_N_ELEMENTS (damages));
  suite_add_tcase (suite, all);
  return run_suite (suite);
}
