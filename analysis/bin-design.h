/* bin-design.h: bin sizes made for given requests, and what any set of bins wastes on them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Requests come as a histogram of sizes. Its counts are weights: how many requests there were,
 * or for how long they were live.
 */

#pragma once

#include "simcore/objects/bins.h"
#include "simcore/objects/slab-order.h"

G_BEGIN_DECLS

/* What a design has to keep to. */
typedef struct {
  guint64 quantum; /* bins are multiples of it */
  /* bins hold every size asked for up to this; larger ones may be left to the page level ... */
  guint64 hold;
  guint64 max_size;    /* ... and those above this are */
  gboolean with_tails; /* count what is left over at the end of slabs */
  KmlSlabRule slabs;   /* how slabs are made */
  KmlBins prefix;      /* (borrowed): the smallest bins, which are given; n = 0: none */
} KmlBinRules;

/* ---- Designing ---- */

typedef struct _KmlBinDesign KmlBinDesign;

/* @counts: ascending, borrowed for the call. */
KmlBinDesign *kml_bin_design_new (const KmlSizeCount *counts, guint n_counts,
                                  const KmlBinRules *rules);
void kml_bin_design_free (KmlBinDesign *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlBinDesign, kml_bin_design_free)

/* The least number of bins that a set can have, and the most that can make a difference; 0 when
 * nothing is asked for that a bin may hold. */
guint kml_bin_design_min_bins (const KmlBinDesign *self);
guint kml_bin_design_max_bins (const KmlBinDesign *self);

/* @ret_waste[i]: (cost - asked) / cost of the best set of min_bins + i bins, for as many as there are
 * up to @max_bins. */
void kml_bin_design_curve (const KmlBinDesign *self, guint max_bins, double *ret_waste);

/* The best set of @n_bins >= min_bins, or of max_bins when that is less. */
void kml_bin_design_bins (const KmlBinDesign *self, guint n_bins, KmlBins *ret_bins);

/* The index of the knee of a falling curve: the point furthest below the line from its
 * beginning to its end (Satopää, Albrecht, Irwin and Raghavan, "Finding a Kneedle in a Haystack",
 * ICDCSW 2011, without smoothing). */
guint kml_bin_design_knee (const double *waste, guint n);

/* ---- What a set is worth ---- */

/* One bin. */
typedef struct {
  guint64 size; /* bytes of an object; 0: the page level, which gets what is larger than all bins */
  guint64 slab; /* bytes of a slab; 0: page level */
  guint64 objects;     /* that a slab has room for */
  double weight;       /* of the requests */
  double asked, given; /* bytes, by weight */
  double tails;        /* bytes left over at the ends of full slabs, by weight */
} KmlBinUse;

typedef struct {
  double weight, asked, given, tails;
  double page_level; /* weight of requests that no bin holds */
  GArray *uses;      /* (owned) (element-type KmlBinUse): of every bin, then the page level */
} KmlBinUsage;

/* How the requests fall into @bins. A size that no bin holds gets whole pages, 2^order of them. */
void kml_bin_usage (const KmlBins *bins, const KmlSizeCount *counts, guint n_counts,
                    const KmlSlabRule *slabs, KmlBinUsage *ret_usage);
void kml_bin_usage_clear (KmlBinUsage *self);

/* (given - asked) / given; (given + tails - asked) / (given + tails). 0 when nothing is given. */
double kml_bin_usage_internal (const KmlBinUsage *self);
double kml_bin_usage_with_tails (const KmlBinUsage *self);

/* ---- tcmalloc's columns ---- */

/* Its tables of size classes have for each class
 *   fixed waste   what a span loses whatever is asked for, its tail and its metadata:
 *                 (span - objects size + metadata) / (span + metadata)
 *   increment     size / previous size - 1: the most that rounding up adds; 0 for the first */
double kml_bin_fixed_waste (guint64 span, guint64 size, guint64 metadata);
double kml_bin_increment (guint64 size, guint64 previous);

G_END_DECLS
