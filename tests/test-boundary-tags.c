/* test-boundary-tags.c: stories of first, next and best fit, and the textbook beside them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the three have in common with other allocators is in test-conformance.c.
 */

#include "simcore/allocator.h"
#include "simcore/base/rng.h"
#include "tests/naive-fit.h"
#include "tests/testutils.h"

#define PAGE 4096

enum {
  FITS,
  SPLITS,
  LOOKED,
  PASSED,
  MERGES,
  SWEEPS,
  ARENAS_NEW,
  ARENAS_GIVEN_BACK,
  LARGE,
  HOLES_SUM,
  HOLE_WORDS_SUM,
  LIVE_SUM,
  LIVE_WORDS_SUM,
};

static KmlMachine *machine;
static KmlAllocator *pages, *objects;

/* ---- Setting up ---- */

/* A machine of @n_frames usable frames; no more than 126, so that the frame table is one frame. */
static void
make_machine (guint n_frames, KmlTime cost)
{
  KmlMachineConfig config = { .n_cpus = 1, .page_size = PAGE };
  const guint n_records = PAGE / sizeof (KmlFrame);
  g_autoptr (GError) error = NULL;

  ck_assert_uint_lt (n_frames, n_records);
  config.ram = (guint64)(n_frames + 1) * PAGE;
  for (guint i = 0; i < KML_N_COSTS; i++)
    config.cost[i] = cost;
  machine = kml_machine_new (&config, &error);
  assert_no_error (error);
  pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  kml_allocator_start (pages, &error);
  assert_no_error (error);
}

/* @parameters: name, value, ..., NULL */
static gboolean
try_start (const char *allocator, const char *const *parameters, GError **error)
{
  objects = kml_allocator_new (kml_allocator_find (allocator), machine, pages);
  for (guint i = 0; parameters[i] != NULL; i += 2) {
    const KmlParam *param = kml_param_find (objects->ops->params, parameters[i]);

    ck_assert_ptr_nonnull (param);
    if (!kml_param_parse (param, parameters[i + 1], objects, error))
      return FALSE;
  }
  return kml_allocator_start (objects, error);
}

#define START(allocator, ...) start (allocator, (const char *const[]){ __VA_ARGS__, NULL })

static void
start (const char *allocator, const char *const *parameters)
{
  g_autoptr (GError) error = NULL;

  make_machine (64, 0);
  try_start (allocator, parameters, &error);
  assert_no_error (error);
}

static void
assert_sound (void)
{
  g_autoptr (GError) error = NULL;
  const gboolean is_sound = objects->ops->check (objects, &error);

  ck_assert_msg (is_sound, "%s", is_sound ? "" : error->message);
}

static void
stop (void)
{
  assert_sound ();
  kml_allocator_destroy (objects);
  kml_allocator_destroy (pages);
  kml_machine_free (machine);
}

static KmlAddr
take_held (guint64 size, guint64 *ret_held)
{
  const KmlRequest request = { .size = size };

  return kml_allocator_alloc (objects, &request, ret_held);
}

static KmlAddr
take (guint64 size)
{
  guint64 held;

  return take_held (size, &held);
}

static guint64
give_back (KmlAddr addr)
{
  const KmlRequest how = { 0 };

  return kml_allocator_free_block (objects, addr, &how);
}

/* ---- Blocks and tags ---- */

static void
draw (KmlAddr start_, guint64 size, KmlBlockState state, gpointer user_data)
{
  static const char letters[] = {
    [KML_BLOCK_FREE] = '.', [KML_BLOCK_USED] = 'U', [KML_BLOCK_METADATA] = 'm'
  };

  g_string_append_printf (user_data, "%c%u ", letters[state], (guint)size);
}

static void
assert_picture (const char *expected)
{
  g_autoptr (GString) picture = g_string_new (NULL);

  objects->ops->walk (objects, draw, picture);
  ck_assert_str_eq (picture->str, expected);
  assert_sound ();
}

/* An arena of a page. The first header is at 8, so what follows it is at 16; the last 8 bytes of the
 * arena are too few for anything. */
START_TEST (neighbours_are_joined_whichever_comes_first)
{
  KmlAddr a, b, c;

  START ("first-fit", "arena", "4KiB");
  a = take (100); /* 16 more for the tags, rounded up to 16: 128 */
  b = take (16);
  c = take (30); /* 46: 48 */
  ck_assert_uint_eq (a, 16);
  ck_assert_uint_eq (b, 16 + 128);
  ck_assert_uint_eq (c, 16 + 128 + 32);
  assert_picture ("m8 m8 U112 m8 m8 U16 m8 m8 U32 m8 .3872 m8 ");
  ck_assert_uint_eq (objects->metadata_bytes, 16 + 3 * 16);

  ck_assert_uint_eq (give_back (a), 112); /* a hole */
  assert_picture ("m8 .128 m8 U16 m8 m8 U32 m8 .3872 m8 ");
  give_back (c); /* joins what is above */
  assert_picture ("m8 .128 m8 U16 m8 .3920 m8 ");
  ck_assert_uint_eq (objects->counters[MERGES], 1);
  ck_assert_uint_eq (take (4), 16); /* 20 would do, but a free block needs 32 for tags and links */
  assert_picture ("m8 m8 U16 m8 .96 m8 U16 m8 .3920 m8 ");
  give_back (16); /* joins what is above */
  give_back (b);  /* joins both */
  assert_picture ("m8 .4080 m8 ");
  ck_assert_uint_eq (objects->counters[MERGES], 4);
  ck_assert_uint_eq (objects->metadata_bytes, 16);
  stop ();
}
END_TEST

START_TEST (a_remainder_below_the_minimum_is_given_away)
{
  guint64 held;

  START ("first-fit", "arena", "4KiB", "minimum", "64");
  take_held (112, &held);
  take (16);
  ck_assert_uint_eq (give_back (16), 112);
  ck_assert_uint_eq (objects->counters[SPLITS], 2);
  ck_assert_uint_eq (take_held (80, &held), 16); /* 96 of 128, and 32 are no block */
  ck_assert_uint_eq (held, 112);
  ck_assert_uint_eq (objects->counters[SPLITS], 2);
  ck_assert_uint_eq (objects->counters[FITS], 3);
  stop ();
}
END_TEST

typedef struct {
  const char *form;
  const char *picture; /* after requests for 40 and 100 bytes */
} FormCase;

static const FormCase form_cases[] = {
  { "both", "m8 m8 U48 m8 m8 U112 m8 .3888 m8 " },
  { "header", "m8 m8 U40 m8 U104 .3920 m8 " },
  { "none", "U48 U112 .3936 " },
};

START_TEST (tags_cost_what_their_form_has)
{
  START ("first-fit", "arena", "4KiB", "tags", form_cases[_i].form);
  take (40);
  take (100);
  assert_picture (form_cases[_i].picture);
  stop ();
}
END_TEST

START_TEST (without_tags_a_block_can_be_one_word)
{
  KmlAddr addrs[512];

  START ("first-fit", "arena", "4KiB", "tags", "none", "alignment", "8");
  for (guint i = 0; i < 512; i++)
    addrs[i] = take (1);
  ck_assert_uint_eq (objects->counters[ARENAS_NEW], 1);
  ck_assert_uint_eq (objects->metadata_bytes, 0);
  for (guint i = 0; i < 512; i += 2)
    give_back (addrs[i]);
  assert_sound ();
  for (guint i = 1; i < 512; i += 2)
    give_back (addrs[i]);
  assert_picture (".4096 ");
  stop ();
}
END_TEST

/* ---- Policies ---- */

/* Four holes, without tags, in a page:
 *
 *     0      64 80    112 128    256 272    320 336
 *     | . A  |U | . B  |U | . C   |U | . D   |U | wilderness |
 *       64        32        128        48
 *
 * freed in the order A, B, C, D. */
static void
make_holes (const char *allocator, const char *list, const char *wilderness)
{
  START (allocator, "arena", "4KiB", "tags", "none", "list", list, "wilderness", wilderness);
  for (guint i = 0; i < 4; i++) {
    take ((const guint64[]){ 64, 32, 128, 48 }[i]);
    take (16);
  }
  for (guint i = 0; i < 4; i++)
    give_back ((const KmlAddr[]){ 0, 80, 128, 272 }[i]);
  assert_picture (".64 U16 .32 U16 .128 U16 .48 U16 .3760 ");
  objects->counters[LOOKED] = 0;
}

typedef struct {
  const char *allocator, *list, *wilderness;
  KmlAddr addr; /* of 40 bytes: 48 */
  guint64 looked;
  KmlAddr second; /* of 40 more */
} PolicyCase;

static const PolicyCase policy_cases[] = {
  { "first-fit", "address", "listed", 0, 1, 128 },   /* A; 16 remain */
  { "first-fit", "lifo", "listed", 272, 1, 128 },    /* D, C, B, A, wilderness */
  { "first-fit", "fifo", "listed", 336, 1, 384 },    /* wilderness, A, B, C, D */
  { "first-fit", "fifo", "preserved", 0, 1, 128 },   /* A, B, C, D */
  { "best-fit", "address", "listed", 272, 4, 0 },    /* A, B, C, then D fits exactly */
  { "best-fit", "lifo", "listed", 272, 1, 0 },       /* D is the first */
  { "best-fit", "fifo", "listed", 272, 5, 0 },       /* D is the last */
  { "next-fit", "address", "listed", 336, 1, 384 },  /* where the last search ended */
  { "next-fit", "address", "preserved", 0, 1, 128 }, /* the ring had come to be in A */
  { "next-fit", "lifo", "listed", 336, 1, 384 },
};

START_TEST (each_policy_takes_its_block)
{
  const PolicyCase *expected = &policy_cases[_i];

  make_holes (expected->allocator, expected->list, expected->wilderness);
  ck_assert_uint_eq (take (40), expected->addr);
  ck_assert_uint_eq (objects->counters[LOOKED], expected->looked);
  ck_assert_uint_eq (take (40), expected->second);
  stop ();
}
END_TEST

/* The ring of next fit, from the wilderness on: 16 bytes at a time. */
START_TEST (the_rover_goes_round)
{
  START ("next-fit", "arena", "4KiB", "tags", "none");
  for (guint i = 0; i < 256; i++)
    take (16);     /* the page is full, the list is empty */
  give_back (160); /* the rover */
  give_back (320);
  give_back (32);
  ck_assert_uint_eq (take (16), 160);
  ck_assert_uint_eq (take (16), 320);
  ck_assert_uint_eq (take (16), 32);
  give_back (160);
  give_back (144); /* the rover is [144, 176) now */
  give_back (0);
  ck_assert_uint_eq (take (16), 144);
  ck_assert_uint_eq (take (16), 160);
  ck_assert_uint_eq (take (16), 0);
  stop ();
}
END_TEST

START_TEST (equal_blocks_are_taken_in_the_order_of_the_list)
{
  const char *const lists[] = { "address", "lifo", "fifo" };
  const KmlAddr expected[] = { 0, 128, 64 };

  for (guint i = 0; i < 3; i++) {
    START ("best-fit", "arena", "4KiB", "tags", "none", "list", lists[i]);
    for (guint k = 0; k < 8; k++)
      take (32);
    give_back (64);
    give_back (0);
    give_back (128);
    ck_assert_uint_eq (take (32), expected[i]);
    stop ();
  }
}
END_TEST

/* ---- Coalescing ---- */

START_TEST (deferred_coalescing_waits_until_nothing_fits)
{
  START ("first-fit", "arena", "4KiB", "tags", "none", "coalescing", "deferred");
  for (guint i = 0; i < 4; i++)
    take (1024);
  give_back (0);
  give_back (1024);
  give_back (3072);
  assert_picture (".1024 .1024 U1024 .1024 ");
  ck_assert_uint_eq (take (1024), 0);
  give_back (0);
  ck_assert_uint_eq (take (2048), 0); /* after a sweep */
  ck_assert_uint_eq (objects->counters[SWEEPS], 1);
  ck_assert_uint_eq (objects->counters[ARENAS_NEW], 1);
  ck_assert_uint_eq (take (2048), PAGE); /* a sweep would find nothing new */
  ck_assert_uint_eq (objects->counters[SWEEPS], 1);
  stop ();
}
END_TEST

START_TEST (without_coalescing_holes_stay_until_the_arena_is_empty)
{
  START ("first-fit", "arena", "4KiB", "tags", "none", "coalescing", "none");
  for (guint i = 0; i < 4; i++)
    take (1024);
  for (guint i = 0; i < 3; i++)
    give_back (i * 1024);
  assert_picture (".1024 .1024 .1024 U1024 ");
  ck_assert_uint_eq (take (2048), PAGE);
  give_back (3072);
  give_back (PAGE);
  ck_assert_uint_eq (take (4096), 0); /* kept, as one block; the other was given back */
  ck_assert_uint_eq (objects->counters[ARENAS_GIVEN_BACK], 1);
  stop ();
}
END_TEST

/* ---- Arenas ---- */

START_TEST (arenas_are_taken_when_nothing_fits_and_given_back_when_empty)
{
  START ("first-fit", "arena", "4KiB", "keep", "0");
  take (4000);
  take (4000);
  ck_assert_uint_eq (take (6000), 2 * PAGE + 16);        /* more than an arena: two pages */
  ck_assert_uint_eq (take (2000), 2 * PAGE + 6016 + 16); /* what remains of them */
  ck_assert_uint_eq (take (2000), 4 * PAGE + 16);
  ck_assert_uint_eq (objects->counters[ARENAS_NEW], 4);
  give_back (16);
  ck_assert_uint_eq (objects->counters[ARENAS_GIVEN_BACK], 1);
  ck_assert_uint_eq (machine->free_area.n_free, 64 - 4);
  stop ();
}
END_TEST

START_TEST (a_smaller_arena_does_when_memory_is_in_pieces)
{
  const KmlRequest page = { .size = PAGE };
  guint64 held;

  START ("first-fit", "arena", "64KiB");
  for (guint i = 0; i < 64; i++)
    kml_allocator_alloc (pages, &page, &held);
  for (guint i = 0; i < 64; i += 2)
    kml_allocator_free_block (pages, i * PAGE, &page);
  ck_assert_uint_ne (take (4000), KML_ADDR_NONE);
  ck_assert_uint_eq (take (5000), KML_ADDR_NONE);
  ck_assert_uint_eq (machine->free_area.n_free, 31);
  stop ();
}
END_TEST

START_TEST (picky_requests_are_left_to_the_page_level)
{
  const KmlConstraints constraints[] = {
    { .alignment = 16 }, { .alignment = 64 }, { .limit = 32 * PAGE }, { .boundary = PAGE }
  };
  KmlRequest request = { .size = 100 };
  guint64 held;

  START ("first-fit", "arena", "4KiB");
  take (10);
  for (guint i = 0; i < G_N_ELEMENTS (constraints); i++) {
    request.constraints = &constraints[i];
    kml_allocator_alloc (objects, &request, &held);
    ck_assert_uint_eq (held, i == 0 ? 112 : PAGE);
  }
  ck_assert_uint_eq (objects->counters[LARGE], 3);
  stop ();
}
END_TEST

/* ---- Figures ---- */

static double
figure (const char *name, const guint64 *counted)
{
  for (const KmlFigureInfo *info = objects->ops->figures; info->name != NULL; info++)
    if (g_str_equal (info->name, name))
      return info->value (counted);
  ck_abort_msg ("no figure %s", name);
}

/* After the holes of make_holes(), one request: A is cut, so a hole of 16 remains. */
START_TEST (figures_follow_from_the_counters)
{
  guint64 counted[KML_MAX_COUNTERS];
  const double holes = (16.0 + 32 + 128 + 48) / 4, blocks = (4 * 16.0 + 48) / 5;

  make_holes ("first-fit", "address", "listed");
  memcpy (counted, objects->counters, sizeof counted);
  take (40);
  for (guint i = 0; i < KML_MAX_COUNTERS; i++)
    counted[i] = objects->counters[i] - counted[i];
  ck_assert_double_eq (figure ("inexact", counted), 1);
  ck_assert_double_eq (figure ("search_length", counted), 1);
  ck_assert_double_eq (figure ("holes_per_live", counted), 4.0 / 5);
  ck_assert_double_eq (figure ("fifty_percent_gap", counted), 4.0 / 5 - 0.5);
  ck_assert_double_eq (figure ("hole_share", counted), 224.0 / (224 + 112));
  ck_assert_double_eq_tol (figure ("hole_to_block", counted), holes / blocks, 1e-12);
  ck_assert_double_eq_tol (figure ("unused_gap_denning", counted), 2.0 / 3 - 2.5 / (2.5 + 2),
                           1e-12);
  ck_assert_double_eq_tol (figure ("unused_gap", counted), 2.0 / 3 - 1.25 / (1 + 1.25), 1e-12);
  memset (counted, 0, sizeof counted);
  for (const KmlFigureInfo *info = objects->ops->figures; info->name != NULL; info++)
    ck_assert_double_eq (info->value (counted), 0);
  stop ();
}
END_TEST

/* ---- Costs ---- */

/* Every item at 1 ps: lock, hot head, 30 instructions; 2 blocks looked at, 4 instructions and a warm
 * reference each; 12 and 2 to cut. */
START_TEST (a_search_costs_what_it_looks_at)
{
  const char *const parameters[] = { "arena", "4KiB", "tags", "none", NULL };
  g_autoptr (GError) error = NULL;
  KmlTime before;

  make_machine (64, 1);
  try_start ("first-fit", parameters, &error);
  assert_no_error (error);
  take (16);
  take (16);
  give_back (0);
  before = machine->now;
  take (32);
  ck_assert_uint_eq (machine->now - before, 1 + 1 + 30 + 2 * (4 + 1) + 12 + 2);
  before = machine->now;
  give_back (32); /* lock, head, 30 and 2; joined with what is above: 15 and 2 */
  ck_assert_uint_eq (machine->now - before, 1 + 1 + 30 + 2 + 15 + 2);
  take (32);
  take (32);
  before = machine->now;
  give_back (32); /* alone: its place is behind the hole at 0, before the wilderness: 2 looked at */
  ck_assert_uint_eq (machine->now - before, 1 + 1 + 30 + 2 + 2 * (4 + 1));
  stop ();
}
END_TEST

START_TEST (parameters_that_cannot_be_are_refused)
{
  const char *const parameters[] = { "minimum", "16", NULL };
  g_autoptr (GError) error = NULL;

  make_machine (64, 0);
  ck_assert (!try_start ("first-fit", parameters, &error));
  assert_error (error, KML_ERROR_INPUT,
                "minimum: allocator first-fit: with tags in memory at least 32");
  kml_allocator_destroy (objects);
  kml_allocator_destroy (pages);
  kml_machine_free (machine);
}
END_TEST

/* ---- Against the textbook ---- */

static const char *const policies[] = { "first-fit", "next-fit", "best-fit" };
static const char *const lists[] = { "address", "lifo", "fifo" };
static const char *const coalescings[] = { "immediate", "deferred", "none" };
static const char *const wildernesses[] = { "listed", "preserved" };
static const char *const forms[] = { "both", "header", "none" };

#define N_COMBINATIONS (3 * 3 * 3 * 2 * 3)
#define MAX_LIVE       256

typedef struct {
  KmlAddr addr, naive_addr;
} Pair;

static void
assert_agreement (const Naive *naive)
{
  const guint64 *counters = objects->counters;

  assert_sound ();
  ck_assert_uint_eq (counters[LOOKED], naive->looked);
  ck_assert_uint_eq (counters[PASSED], naive->passed);
  ck_assert_uint_eq (counters[MERGES], naive->merges);
  ck_assert_uint_eq (counters[SWEEPS], naive->sweeps);
  ck_assert_uint_eq (counters[SPLITS], naive->splits);
}

/* One arena, all of memory: 32 KiB. Small blocks are frequent; when memory is out, that is what
 * both must find. */
static void
compare (Naive *naive, guint64 tags)
{
  Pair live[MAX_LIVE];
  guint n_live = 0, n_failed = 0;
  KmlRng rng;

  kml_rng_init (&rng, 1, "test");
  for (guint i = 0; i < 1500; i++) {
    if (n_live < MAX_LIVE && kml_rng_below (&rng, 100) < (i / 300 % 2 == 0 ? 65 : 35)) {
      const guint64 size = 1 + kml_rng_below (&rng, 64u << kml_rng_below (&rng, 7));
      const guint64 with_tags = (size + tags + 15) & ~(guint64)15;
      const guint64 holes_sum = objects->counters[HOLES_SUM];
      guint64 held = 0, naive_size = 0, hole_bytes;
      const Pair pair = { take_held (size, &held), naive_alloc (naive, with_tags, &naive_size) };

      ck_assert (pair.addr == pair.naive_addr || pair.addr == pair.naive_addr + MIN (tags, 8));
      if (pair.addr == KML_ADDR_NONE) {
        n_failed++;
        continue;
      }
      ck_assert_uint_eq (held + tags, naive_size);
      ck_assert_uint_eq (objects->counters[HOLES_SUM] - holes_sum,
                         naive_holes (naive, &hole_bytes));
      live[n_live++] = pair;
    } else if (n_live > 0) {
      const guint at = (guint)kml_rng_below (&rng, n_live);

      give_back (live[at].addr);
      naive_free (naive, live[at].naive_addr);
      live[at] = live[--n_live];
    }
    assert_agreement (naive);
  }
  ck_assert_uint_gt (n_failed, 0);
  while (n_live > 0) {
    give_back (live[--n_live].addr);
    naive_free (naive, live[n_live].naive_addr);
    assert_agreement (naive);
  }
}

START_TEST (every_block_is_the_one_that_the_textbook_finds)
{
  const guint policy = (guint)_i % 3, list = (guint)_i / 3 % 3, coalescing = (guint)_i / 9 % 3;
  const guint wilderness = (guint)_i / 27 % 2, form = (guint)_i / 54;
  const guint64 tags = (const guint64[]){ 16, 8, 0 }[form];
  const char *const parameters[] = { "arena",      "32KiB",
                                     "list",       lists[list],
                                     "coalescing", coalescings[coalescing],
                                     "wilderness", wildernesses[wilderness],
                                     "tags",       forms[form],
                                     NULL };
  g_autoptr (GError) error = NULL;
  KmlAddr first;
  Naive naive = { .policy = (NaivePolicy)policy,
                  .list = lists[list],
                  .coalescing = coalescings[coalescing],
                  .is_preserved = wilderness == 1,
                  .least = form == 2 ? 16 : 32 };

  make_machine (8, 0);
  try_start (policies[policy], parameters, &error);
  assert_no_error (error);
  first = take (1); /* now there is an arena; it is empty again */
  give_back (first);
  memset (objects->counters, 0, sizeof objects->counters);
  naive_init (&naive, first - MIN (tags, 8), 32768 - (tags > 0 ? 16 : 0));
  compare (&naive, tags);
  naive_finish (&naive);
  stop ();
}
END_TEST

/* ---- Misuse ---- */

START_TEST (writing_beyond_the_end_aborts)
{
  START ("first-fit", "arena", "4KiB");
  take (100);
  kml_ram_store64 (machine->ram, 16 + 112, 0);
  give_back (16);
}
END_TEST

START_TEST (writing_before_the_beginning_aborts)
{
  START ("first-fit", "tags", "header");
  take (100);
  kml_ram_store32 (machine->ram, 16 - 4, 0);
  give_back (16);
}
END_TEST

/* What was a header lies in the middle of a block, whichever of the two blocks was freed first. */
START_TEST (freeing_what_was_a_block_once_aborts)
{
  KmlAddr a, b;

  START ("first-fit", "tags", "header"); /* no footer that could tell */
  a = take (100);
  b = take (100);
  take (100);
  give_back (_i == 0 ? a : b);
  give_back (_i == 0 ? b : a);
  ck_assert_uint_eq (take (200), a);
  give_back (b);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("boundary-tags");
  TCase *story = tcase_create ("story");
  TCase *textbook = tcase_create ("textbook");
  TCase *misuse = tcase_create ("misuse");

  tcase_add_test (story, neighbours_are_joined_whichever_comes_first);
  tcase_add_test (story, a_remainder_below_the_minimum_is_given_away);
  tcase_add_loop_test (story, tags_cost_what_their_form_has, 0, G_N_ELEMENTS (form_cases));
  tcase_add_test (story, without_tags_a_block_can_be_one_word);
  tcase_add_loop_test (story, each_policy_takes_its_block, 0, G_N_ELEMENTS (policy_cases));
  tcase_add_test (story, the_rover_goes_round);
  tcase_add_test (story, equal_blocks_are_taken_in_the_order_of_the_list);
  tcase_add_test (story, deferred_coalescing_waits_until_nothing_fits);
  tcase_add_test (story, without_coalescing_holes_stay_until_the_arena_is_empty);
  tcase_add_test (story, arenas_are_taken_when_nothing_fits_and_given_back_when_empty);
  tcase_add_test (story, a_smaller_arena_does_when_memory_is_in_pieces);
  tcase_add_test (story, picky_requests_are_left_to_the_page_level);
  tcase_add_test (story, figures_follow_from_the_counters);
  tcase_add_test (story, a_search_costs_what_it_looks_at);
  tcase_add_test (story, parameters_that_cannot_be_are_refused);
  suite_add_tcase (suite, story);
  tcase_add_loop_test (textbook, every_block_is_the_one_that_the_textbook_finds, 0, N_COMBINATIONS);
  suite_add_tcase (suite, textbook);

  tcase_set_tags (misuse, "misuse");
  tcase_add_checked_fixture (misuse, hush_stdout, NULL);
  tcase_add_test_raise_signal (misuse, writing_beyond_the_end_aborts, SIGABRT);
  tcase_add_test_raise_signal (misuse, writing_before_the_beginning_aborts, SIGABRT);
  tcase_add_loop_test_raise_signal (misuse, freeing_what_was_a_block_once_aborts, SIGABRT, 0, 2);
  suite_add_tcase (suite, misuse);

  return run_suite (suite);
}
