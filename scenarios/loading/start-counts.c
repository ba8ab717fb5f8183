/* start-counts.c: free blocks of which only the numbers are known.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   /proc/buddyinfo       Node 0, zone    DMA32     10     27      8 …
 *   /proc/pagetypeinfo    Node    0, zone    DMA32, type    Unmovable      6     24      5 …
 *                         Number of blocks type     Unmovable      Movable …
 *                         Node 0, zone    DMA32            54          184 …
 *
 * Where the blocks were is not known, so they are placed at random, each zone's where that zone is on a PC (below 16 MiB, below 4 GiB, above), from the largest
 * order down. A block that is not free is two of the next order, of which one can be free and not both: the kernel would have joined them.
 *
 *     order 2   [ in use, or partly ] [ free      ]
 *     order 1   [ free  ] [ in use  ]                    at most one of two
 *
 * So there are as many blocks of each order as the kernel had. Of each mobility there are as many pageblocks; which they are is left to chance, too,
 * but for those that are wholly free.
 */

#include "scenarios/loading/start-state.h"

#include <string.h>

#include "simcore/memory/gfp.h"
#include "simcore/base/rng.h"
#include "simcore/base/units.h"

#define PAGEBLOCK    (1u << KML_START_PAGEBLOCK_ORDER)
#define N_MIGRATE    8 /* more than Linux has types */
#define DMA_FRAMES   4096
#define DMA32_FRAMES (1u << 20)

/* What is known of a zone. */
typedef struct {
  guint n_orders;
  guint64 blocks[KML_MAX_ORDER + 1];
  guint64 whole[KML_N_MOBILITIES]; /* pageblocks in free blocks as large or larger, by mobility */
  guint64 pageblocks[KML_N_MOBILITIES]; /* all 0: not known */
} Counts;

static gboolean
is_wrong (GError **error, guint line, const char *what, const char *text)
{
  g_autofree char *quoted = kml_quote (text, -1);

  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "line %u: %s: %s", line, what, quoted);
  return FALSE;
}

/* ---- Reading ---- */

/* Highatomic and isolated pageblocks are nobody's here. */
static guint
mobility_of (const char *name)
{
  for (guint i = 0; i < KML_N_MOBILITIES; i++)
    if (g_ascii_strcasecmp (name, kml_mobility_names[i]) == 0)
      return i;
  return KML_MOBILITY_UNMOVABLE;
}

static Counts *
find_zone (Counts *zones, const char *name)
{
  g_autofree char *plain = g_strndup (name, strcspn (name, ","));

  for (guint i = 0; i < KML_N_ZONES; i++)
    if (g_str_equal (plain, kml_zone_names[i]))
      return &zones[i];
  return NULL;
}

/* The words of a line, blanks between them. (transfer full) */
static GPtrArray *
split (const char *line)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);

  while (*(line += strspn (line, " \t\r")) != '\0') {
    const gsize length = strcspn (line, " \t\r");

    g_ptr_array_add (words, g_strndup (line, length));
    line += length;
  }
  return words;
}

/* @words from the first number on. */
static gboolean
add_row (Counts *zone, GPtrArray *words, guint first, gboolean has_type, gboolean are_pageblocks,
         guint n_line, GError **error)
{
  const guint n = words->len - first;

  if (n == 0 || n > (are_pageblocks ? N_MIGRATE : KML_MAX_ORDER + 1))
    return is_wrong (error, n_line, "expected a number for each order", "");
  for (guint i = 0; i < n; i++) {
    const char *word = g_ptr_array_index (words, first + i);
    guint64 number;

    if (!g_ascii_string_to_unsigned (word, 10, 0, G_MAXUINT32, &number, NULL))
      return is_wrong (error, n_line, "expected a number", word);
    if (are_pageblocks) {
      zone->pageblocks[i < KML_N_MOBILITIES ? i : KML_MOBILITY_UNMOVABLE] += number;
      continue;
    }
    zone->blocks[i] += number;
    if (has_type && i >= KML_START_PAGEBLOCK_ORDER)
      zone->whole[mobility_of (g_ptr_array_index (words, first - 1))] +=
          number << (i - KML_START_PAGEBLOCK_ORDER);
  }
  if (!are_pageblocks)
    zone->n_orders = MAX (zone->n_orders, n);
  return TRUE;
}

static gboolean
read_line (Counts *zones, const char *line, guint n_line, gboolean are_pageblocks, GError **error)
{
  g_autoptr (GPtrArray) words = split (line);
  const gboolean has_type = words->len > 4 && g_str_equal (g_ptr_array_index (words, 4), "type");
  Counts *zone;

  if (words->len < 5 || !g_str_equal (g_ptr_array_index (words, 2), "zone"))
    return is_wrong (error, n_line, "expected Node N, zone NAME and numbers", line);
  zone = find_zone (zones, g_ptr_array_index (words, 3));
  if (zone == NULL)
    return is_wrong (error, n_line, "expected the zone DMA, DMA32 or Normal",
                     g_ptr_array_index (words, 3));
  return add_row (zone, words, has_type ? 6 : 4, has_type, are_pageblocks, n_line, error);
}

static gboolean
read_lines (Counts *zones, const char *text, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  gboolean are_pageblocks = FALSE;

  for (guint i = 0; lines[i] != NULL; i++) {
    if (g_str_has_prefix (lines[i], "Number of"))
      are_pageblocks = TRUE;
    else if (g_str_has_prefix (lines[i], "Node") &&
             !read_line (zones, lines[i], i + 1, are_pageblocks, error))
      return FALSE;
  }
  return TRUE;
}

/* ---- Placing ---- */

typedef struct {
  KmlStartState *state;
  KmlRng *rng;
  guint32 first, end; /* frames of the zone in the machine */
} Place;

static gboolean
is_inside (const Place *place, guint64 pfn, guint order)
{
  return pfn >= place->first && pfn + (1u << order) <= place->end;
}

static gboolean
is_touched (const Place *place, guint64 pfn, guint order)
{
  return pfn < place->end && pfn + (1u << order) > place->first;
}

/* Brings those of @pfns to the front that can be free, then @n of them drawn at random. FALSE: there are not so many. */
static gboolean
draw (const Place *place, GArray *pfns, guint order, guint64 n)
{
  guint32 *const all = (guint32 *)pfns->data;
  guint n_possible = 0;

  for (guint i = 0; i < pfns->len; i++)
    if (is_inside (place, all[i], order)) {
      const guint32 other = all[n_possible];

      all[n_possible++] = all[i];
      all[i] = other;
    }
  if (n > n_possible)
    return FALSE;
  for (guint i = 0; i < n; i++) {
    const guint j = i + (guint)kml_rng_below (place->rng, n_possible - i);
    const guint32 other = all[i];

    all[i] = all[j];
    all[j] = other;
  }
  return TRUE;
}

static void
add_touched (const Place *place, GArray *pfns, guint32 pfn, guint order)
{
  if (is_touched (place, pfn, order))
    g_array_append_val (pfns, pfn);
}

/* One of the halves of each block in @parents, which are not free: that which can be free, if one of them can. The others go to @rest. (transfer full) */
static GArray *
halve (const Place *place, GArray *parents, guint order, GArray *rest)
{
  GArray *halves = g_array_new (FALSE, FALSE, sizeof (guint32));

  for (guint i = 0; i < parents->len; i++) {
    const guint32 lower = g_array_index (parents, guint32, i), upper = lower + (1u << order);
    const gboolean both = is_inside (place, lower, order) && is_inside (place, upper, order);
    const gboolean takes_upper = both ? kml_rng_below (place->rng, 2) == 1
                                      : is_inside (place, upper, order);

    add_touched (place, halves, takes_upper ? upper : lower, order);
    add_touched (place, rest, takes_upper ? lower : upper, order);
  }
  return halves;
}

/* @n blocks of the order, from what @parents are halves of, which become those that are left. */
static gboolean
place_order (const Place *place, GArray **parents, guint order, gboolean is_largest, guint64 n)
{
  GArray *rest = g_array_new (FALSE, FALSE, sizeof (guint32));
  GArray *candidates = is_largest ? g_array_ref (*parents) : halve (place, *parents, order, rest);
  const gboolean fits = draw (place, candidates, order, n);

  for (guint i = 0; fits && i < candidates->len; i++) {
    const guint32 pfn = g_array_index (candidates, guint32, i);

    if (i < n)
      memset (place->state->is_free + pfn, TRUE, 1u << order);
    else
      g_array_append_val (rest, pfn);
  }
  g_array_unref (candidates);
  g_array_unref (*parents);
  *parents = rest;
  return fits;
}

static gboolean
place_blocks (const Place *place, const Counts *zone)
{
  const guint largest = zone->n_orders - 1;
  GArray *parents = g_array_new (FALSE, FALSE, sizeof (guint32));
  gboolean fits = TRUE;

  for (guint64 pfn = place->first & ~((1u << largest) - 1); pfn < place->end;
       pfn += 1u << largest) {
    const guint32 start = (guint32)pfn;

    g_array_append_val (parents, start);
  }
  for (guint order = largest + 1; fits && order-- > 0;)
    fits = place_order (place, &parents, order, order == largest, zone->blocks[order]);
  g_array_unref (parents);
  return fits;
}

/* ---- Mobilities ---- */

static gboolean
is_wholly_free (const KmlStartState *state, guint32 pfn)
{
  return state->n_frames - pfn >= PAGEBLOCK &&
         memchr (state->is_free + pfn, FALSE, PAGEBLOCK) == NULL;
}

/* The mobility of one of those that @left has still to give, drawn at random; movable where there are none. */
static guint8
draw_mobility (const Place *place, guint64 *left)
{
  const guint64 n = left[0] + left[1] + left[2];
  guint64 at = n > 0 ? kml_rng_below (place->rng, n) : 0;

  G_STATIC_ASSERT (KML_N_MOBILITIES == 3);
  for (guint8 mobility = 0; n > 0 && mobility < KML_N_MOBILITIES; mobility++) {
    if (at < left[mobility]) {
      left[mobility]--;
      return mobility;
    }
    at -= left[mobility];
  }
  return KML_MOBILITY_MOVABLE;
}

static void
place_mobilities (const Place *place, const Counts *zone)
{
  guint64 whole[KML_N_MOBILITIES], others[KML_N_MOBILITIES];

  for (guint i = 0; i < KML_N_MOBILITIES; i++) {
    whole[i] = zone->whole[i];
    others[i] = zone->pageblocks[i] - MIN (zone->pageblocks[i], zone->whole[i]);
  }
  for (guint64 pfn = place->first; pfn < place->end; pfn += PAGEBLOCK)
    place->state->mobilities[pfn / PAGEBLOCK] = draw_mobility (
        place, is_wholly_free (place->state, (guint32)pfn) ? whole : others);
}

/* ---- All ---- */

gboolean
kml_start_state_place (KmlStartState *self, const char *text, guint64 seed, GError **error)
{
  const guint32 n = self->n_frames;
  const guint32 ends[KML_N_ZONES + 1] = { 0, MIN (DMA_FRAMES, n), MIN (DMA32_FRAMES, n), n };
  Counts zones[KML_N_ZONES] = { 0 };
  guint64 n_free = 0;
  KmlRng rng;

  if (!read_lines (zones, text, error))
    return FALSE;
  kml_rng_init (&rng, seed, "start");
  for (guint i = 0; i < KML_N_ZONES; i++) {
    const Place place = { self, &rng, ends[i], ends[i + 1] };

    for (guint order = 0; order < zones[i].n_orders; order++)
      n_free += zones[i].blocks[order] << order;
    if (zones[i].n_orders > 0 && !place_blocks (&place, &zones[i])) {
      g_set_error (
          error, KML_ERROR, KML_ERROR_INPUT,
          "the zone %s has more free blocks than the machine has room for there: expected a "
          "larger [machine] ram",
          kml_zone_names[i]);
      return FALSE;
    }
    if (zones[i].n_orders > 0)
      place_mobilities (&place, &zones[i]);
  }
  if (n_free == 0) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT, "it has no free blocks");
    return FALSE;
  }
  return TRUE;
}
