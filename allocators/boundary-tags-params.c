/* boundary-tags-params.c: what can be set and what is counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "allocators/boundary-tags-private.h"

static const char *const tag_forms[] = { "both", "header", "none", NULL };
static const char *const coalescings[] = { "immediate", "deferred", "none", NULL };
static const char *const list_orders[] = { "address", "lifo", "fifo", NULL };
static const char *const wildernesses[] = { "listed", "preserved", NULL };

const KmlParam kml_boundary_tags_params[] = {
  { .name = "list",
    .type = KML_PARAM_CHOICE,
    .value = "address",
    .choices = list_orders,
    .offset = G_STRUCT_OFFSET (KmlBoundaryTags, list_order),
    .summary = "the order of the free list: by address, or the block freed last, or first, in "
               "front" },
  { .name = "coalescing",
    .type = KML_PARAM_CHOICE,
    .value = "immediate",
    .choices = coalescings,
    .offset = G_STRUCT_OFFSET (KmlBoundaryTags, coalescing),
    .summary = "when free neighbours are joined: as one is freed, when nothing fits, or never" },
  { .name = "tags",
    .type = KML_PARAM_CHOICE,
    .value = "both",
    .choices = tag_forms,
    .offset = G_STRUCT_OFFSET (KmlBoundaryTags, tags),
    .summary = "a used block has a header and a footer, a header alone, or its tags lie elsewhere "
               "and cost nothing" },
  { .name = "wilderness",
    .type = KML_PARAM_CHOICE,
    .value = "listed",
    .choices = wildernesses,
    .offset = G_STRUCT_OFFSET (KmlBoundaryTags, wilderness),
    .summary = "whether the free end of an arena is on the list, or cut only when nothing else "
               "fits" },
  { .name = "alignment",
    .type = KML_PARAM_SIZE,
    .value = "16",
    .min = KML_TAG_WORD,
    .max = 512, /* the smallest page */
    .power_of_two = TRUE,
    .offset = G_STRUCT_OFFSET (KmlBoundaryTags, alignment),
    .summary = "blocks begin at, and are, multiples of this" },
  { .name = "minimum",
    .type = KML_PARAM_SIZE,
    .value = "0",
    .min = 0,
    .max = 1 << 20,
    .offset = G_STRUCT_OFFSET (KmlBoundaryTags, minimum),
    .summary = "the smallest block, with its tags; smaller remainders are not cut off; 0: what "
               "tags and links need" },
  { .name = "arena",
    .type = KML_PARAM_SIZE,
    .value = "64KiB",
    .min = 1,
    .max = 1 << 30,
    .offset = G_STRUCT_OFFSET (KmlBoundaryTags, arena),
    .summary = "what is taken from the page level when nothing fits, rounded up to pages" },
  { .name = "keep",
    .type = KML_PARAM_COUNT,
    .value = "1",
    .min = 0,
    .max = G_MAXUINT32,
    .offset = G_STRUCT_OFFSET (KmlBoundaryTags, keep),
    .summary = "empty arenas that are kept instead of given back" },
  { NULL },
};

const KmlCounterInfo kml_boundary_tags_counters[] = {
  [KML_COUNTER_FITS] = { "fits", "blocks", "requests that were served from an arena" },
  [KML_COUNTER_SPLITS] = { "splits", "blocks",
                           "fits that were not exact: what was left became a free block" },
  [KML_COUNTER_LOOKED] = { "looked", "blocks", "free blocks looked at in search of a fit" },
  [KML_COUNTER_PASSED] = { "passed", "blocks",
                           "free blocks looked at in search of a freed block's place" },
  [KML_COUNTER_MERGES] = { "merges", "blocks", "times that two neighbours were joined" },
  [KML_COUNTER_SWEEPS] = { "sweeps", "sweeps", "times that all arenas were joined up" },
  [KML_COUNTER_ARENAS_NEW] = { "arenas_new", "arenas", "arenas taken from the page level" },
  [KML_COUNTER_ARENAS_GIVEN_BACK] = { "arenas_given_back", "arenas",
                                      "arenas given back to the page level" },
  [KML_COUNTER_LARGE] = { "large", "blocks",
                          "requests that no arena could serve: taken from the page level" },
  [KML_COUNTER_HOLES_SUM] = { "holes_sum", "blocks", "holes after each fit, added up" },
  [KML_COUNTER_HOLE_WORDS_SUM] = { "hole_words_sum", "words of 8 bytes",
                                   "memory in holes after each fit, added up" },
  [KML_COUNTER_LIVE_SUM] = { "live_sum", "blocks", "used blocks after each fit, added up" },
  [KML_COUNTER_LIVE_WORDS_SUM] = { "live_words_sum", "words of 8 bytes",
                                   "memory in used blocks, with tags, after each fit, added up" },
  { NULL },
};

/* ---- Figures ---- */

/* p */
static double
inexact (const guint64 *counted)
{
  return kml_figure_quotient (counted[KML_COUNTER_SPLITS], counted[KML_COUNTER_FITS]);
}

static double
holes_per_live (const guint64 *counted)
{
  return kml_figure_quotient (counted[KML_COUNTER_HOLES_SUM], counted[KML_COUNTER_LIVE_SUM]);
}

static double
fifty_percent_gap (const guint64 *counted)
{
  return holes_per_live (counted) - inexact (counted) / 2;
}

/* f */
static double
hole_share (const guint64 *counted)
{
  const guint64 holes = counted[KML_COUNTER_HOLE_WORDS_SUM];

  return kml_figure_quotient (holes, holes + counted[KML_COUNTER_LIVE_WORDS_SUM]);
}

/* k */
static double
hole_to_block (const guint64 *counted)
{
  const double block = kml_figure_quotient (counted[KML_COUNTER_LIVE_WORDS_SUM],
                                            counted[KML_COUNTER_LIVE_SUM]);
  const double hole = kml_figure_quotient (counted[KML_COUNTER_HOLE_WORDS_SUM],
                                           counted[KML_COUNTER_HOLES_SUM]);

  return block > 0 ? hole / block : 0;
}

static double
unused_gap (const guint64 *counted)
{
  const double holes = inexact (counted) / 2 * hole_to_block (counted);

  return hole_share (counted) - holes / (1 + holes);
}

static double
unused_gap_denning (const guint64 *counted)
{
  const double k = hole_to_block (counted);

  return hole_share (counted) - k / (k + 2);
}

static double
search_length (const guint64 *counted)
{
  return kml_figure_quotient (counted[KML_COUNTER_LOOKED], counted[KML_COUNTER_FITS]);
}

const KmlFigureInfo kml_boundary_tags_figures[] = {
  { "inexact", "ratio", "p: splits / fits", inexact },
  { "holes_per_live", "ratio", "holes_sum / live_sum", holes_per_live },
  { "fifty_percent_gap", "ratio", "holes_per_live - p/2: 0 if Knuth's fifty-percent rule holds",
    fifty_percent_gap },
  { "hole_share", "ratio", "f: memory in holes / (memory in holes and used blocks)", hole_share },
  { "hole_to_block", "ratio", "k: mean size of holes / mean size of used blocks", hole_to_block },
  { "unused_gap", "ratio", "f - (p/2) k / (1 + (p/2) k): 0 if the unused-memory rule holds",
    unused_gap },
  { "unused_gap_denning", "ratio", "f - k / (k + 2): the same rule as published, for p = 1",
    unused_gap_denning },
  { "search_length", "blocks", "looked / fits", search_length },
  { NULL },
};
