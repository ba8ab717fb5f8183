/* test-buddy-recorded.c: a real kernel's page allocator did the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * tests/data/buddy-linux-6.1.txt has free lists of a running kernel, what it took and was given back then, and the lists
 * afterwards. With list = linux and grouping = mobility, buddy must take the very same blocks and end with the same lists, in order.
 */

#include "allocators/buddy.h"
#include "tests/page-fixture.h"

#include <string.h>

#define MAX_ORDER 10 /* the default */

static Buddy *buddy;

static KmlAddr
take_block (guint order, guint mobility)
{
  const KmlRequest request = { .size = (guint64)PAGE << order, .mobility = (guint8)mobility };
  guint64 held;

  return kml_allocator_alloc (allocator, &request, &held);
}

static void
start (guint n_frames)
{
  start_allocator (kml_allocator_find ("buddy"), n_frames, "list", "linux", "grouping", "mobility",
                   NULL);
  buddy = (Buddy *)allocator;
}

/* Each frame is a block in use, none of which were free. */
static void
use_up (void)
{
  for (guint order = MAX_ORDER + 1; order-- > 0;) {
    KmlAddr addr;

    while ((addr = take_block (order, KML_MOBILITY_MOVABLE)) != KML_ADDR_NONE)
      if (order > 0)
        ck_assert (allocator->ops->split (allocator, addr, PAGE));
  }
}

/* Blocks in use become one free block, which goes behind all others of its list. */
static void
make_free (KmlPfn pfn, guint order, guint mobility)
{
  for (KmlPfn i = 0; i < frames_in (order); i++)
    frame_of (buddy, pfn + i)->state = KML_FRAME_TAIL;
  for (guint k = 1; k <= order; k++)
    buddy->n_split[k] -= frames_in (order - k);
  allocator->counters[COUNTER_MERGES] += frames_in (order) - 1;
  put_block_at (buddy, FALSE, pfn, order, (KmlMobility)mobility, TRUE);
}

/* What was in use from the beginning is so in single frames. */
static void
free_block (KmlPfn pfn, guint order)
{
  const KmlPfn end = pfn + frames_in (order);
  const KmlRequest how = { 0 };

  while (pfn < end) {
    const KmlAddr addr = (KmlAddr)pfn * PAGE;

    pfn += frames_in (frame_of (buddy, pfn)->order);
    kml_allocator_free_block (allocator, addr, &how);
  }
}

/* The words of a line behind the first as numbers, frames being hexadecimal: order and mobility are below ten. */
static GArray *
numbers (const char *line)
{
  GArray *const all = g_array_new (FALSE, FALSE, sizeof (KmlPfn));
  g_auto (GStrv) words = g_strsplit (line, " ", -1);

  for (guint i = 1; words[i] != NULL; i++) {
    const KmlPfn number = (KmlPfn)g_ascii_strtoull (words[i], NULL, i == 1 ? 10 : 16);

    g_array_append_val (all, number);
  }
  return all;
}

#define NUMBER(i) g_array_index (n, KmlPfn, i)

static void
assert_list (const GArray *n)
{
  KmlPfn at = KML_PFN_NONE;

  for (guint i = 2; i < n->len; i++) {
    at = next_block (buddy, FALSE, NUMBER (0), (KmlMobility)NUMBER (1), at);
    ck_assert_uint_eq (at, NUMBER (i));
  }
  ck_assert_uint_eq (next_block (buddy, FALSE, NUMBER (0), (KmlMobility)NUMBER (1), at),
                     KML_PFN_NONE);
}

static guint
n_blocks (void)
{
  guint64 n = 0;

  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint order = 0; order <= MAX_ORDER; order++)
      n += allocator->free_area->blocks[mobility][order];
  return (guint)n;
}

/* What a replay came to. */
typedef struct {
  guint takes, same; /* blocks taken, and those that were the kernel's */
  guint listed;      /* blocks on the kernel's lists in the end */
} Outcome;

static void
play_line (const char *line, Outcome *outcome)
{
  g_autoptr (GArray) n = numbers (line);

  if (g_str_has_prefix (line, "frames ")) {
    start (NUMBER (0));
    use_up ();
  } else if (g_str_has_prefix (line, "pageblocks ")) {
    for (const char *digit = strchr (line, ' ') + 1; *digit != '\0'; digit++)
      buddy->pageblocks[digit - strchr (line, ' ') - 1] = (guint8)(*digit - '0');
  } else if (g_str_has_prefix (line, "before ")) {
    for (guint i = 2; i < n->len; i++)
      make_free (NUMBER (i), NUMBER (0), NUMBER (1));
  } else if (g_str_has_prefix (line, "take ")) {
    outcome->takes++;
    outcome->same += take_block (NUMBER (0), NUMBER (1)) == (KmlAddr)NUMBER (2) * PAGE;
  } else if (g_str_has_prefix (line, "put ")) {
    free_block (NUMBER (1), NUMBER (0));
  } else if (g_str_has_prefix (line, "after ")) {
    assert_list (n);
    outcome->listed += n->len - 2;
  }
}

START_TEST (the_kernels_blocks_are_taken_one_after_another)
{
  g_autofree char *path = g_build_filename (g_getenv ("KML_SOURCE_ROOT"), "tests", "data",
                                            "buddy-linux-6.1.txt", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) error = NULL;
  Outcome outcome = { 0 };

  g_file_get_contents (path, &text, NULL, &error);
  assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++)
    play_line (lines[i], &outcome);
  ck_assert_uint_eq (outcome.takes, 263);
  ck_assert_uint_eq (outcome.same, outcome.takes);
  ck_assert_uint_eq (outcome.listed, n_blocks ());
  ck_assert_uint_eq (allocator->counters[COUNTER_STEALS], 1);
  allocator->ops->check (allocator, &error);
  assert_no_error (error);
  stop ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("buddy-recorded");
  TCase *story = tcase_create ("story");

  tcase_add_test (story, the_kernels_blocks_are_taken_one_after_another);
  suite_add_tcase (suite, story);
  return run_suite (suite);
}
