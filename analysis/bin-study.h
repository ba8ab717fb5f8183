/* bin-study.h: a design of bin sizes with all that is said about it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What `kmemlab bins` finds out: the curve of waste against the number of bins with its knee, the
 * chosen set beside the usual ones, and what a design on one part of the requests is worth on
 * another. A study is stored in the result database (schema.sql), and figures are drawn from there.
 */

#pragma once

#include "analysis/bin-design.h"
#include "analysis/database.h"

G_BEGIN_DECLS

/* What the machine made of a set; not a number: it did not say. */
typedef struct {
  double requests;      /* frag.internal.objects.requests */
  double mean;          /* frag.internal.objects.mean */
  double reserved_peak; /* memory.reserved.peak_bytes */
  double slabs_peak;    /* bytes of slabs at the snapshot when there were most */
  double slabs_tails;   /* of these: left over at the ends of slabs */
  double slabs_free;    /* of these: room for objects that were not there */
  double failed;        /* alloc.failed */
} KmlBinSimulation;

/* A set on these requests. */
typedef struct {
  char *name;        /* (owned): as in `bins = …`, or "optimal" */
  char *source;      /* (owned): where its numbers are from */
  KmlBins bins;      /* (owned) */
  KmlBinUsage usage; /* (owned) */
  double optimum;    /* waste of the best set with as many bins; not a number: beyond the curve */
  guint64 run_id;    /* of its simulation; 0: there is none */
  KmlBinSimulation simulation;
} KmlBinStudySet;

/* Designed on some pieces of time, measured on others. */
typedef struct {
  const char *split; /* "halves", "folds" */
  guint part;        /* 1, 2, …: which was measured */
  double weight;     /* of the requests that were measured */
  double trained;    /* waste of the design on the pieces it was made for */
  double measured;   /* waste on those it was not */
  /* … of the best set for them that is as small and holds no more: see kml_bin_validation_gap() */
  double best;
  double linux_waste; /* … of kmalloc's sizes */
  double page_level;  /* share of the measured requests that no bin of the design holds */
} KmlBinValidation;

typedef struct {
  /* what was asked */
  char *subject;     /* (owned): name of the trace or the scenario */
  char *title;       /* (owned) */
  char *weight;      /* (owned): "requests", "time" */
  char *prefix;      /* (owned): bins that were given, as a list; "" */
  KmlBinRules rules; /* its prefix is owned here */
  GArray *counts;    /* (owned) (element-type KmlSizeCount) */

  /* what was found */
  guint64 n_requests, n_of_caches; /* … that were asked of a kmem_cache */
  guint min_bins;                  /* the curve begins here */
  GArray *curve;                   /* (owned) (element-type double): waste with min_bins + i bins */
  guint knee;                      /* bins */
  guint chosen;                    /* index in sets */
  GPtrArray *sets;                 /* (owned) (element-type KmlBinStudySet) */
  GArray *validations;             /* (owned) (element-type KmlBinValidation) */
} KmlBinStudy;

/* An empty one, for @counts (transfer full), under @rules (copied). */
KmlBinStudy *kml_bin_study_new (GArray *counts, const KmlBinRules *rules);
void kml_bin_study_free (KmlBinStudy *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlBinStudy, kml_bin_study_free)

/* Draws the curve up to @max_bins and finds its knee. INPUT when nothing can be designed: nothing is asked for, or
 * @max_bins is less than what holds every size. */
gboolean kml_bin_study_design (KmlBinStudy *self, guint max_bins, GError **error);

/* Adds the best set of @n_bins as "optimal" and makes it the chosen one. INPUT for a number that is
 * not from min_bins to the number of different sizes. */
gboolean kml_bin_study_choose (KmlBinStudy *self, guint n_bins, GError **error);

/* Adds another set to compare with. */
void kml_bin_study_compare (KmlBinStudy *self, const char *name, const char *source,
                            const KmlBins *bins);

/* Designs as many bins as were chosen for @train and measures them on @test (element-type KmlSizeCount). */
void kml_bin_study_validate (KmlBinStudy *self, const char *split, guint part, const GArray *train,
                             const GArray *test);

/* What foresight would have saved. */
double kml_bin_validation_gap (const KmlBinValidation *self);

const KmlBinStudySet *kml_bin_study_chosen (const KmlBinStudy *self);

/* ---- In the database ---- */

/* Reads what the runs of the sets say. */
gboolean kml_bin_study_read_runs (KmlBinStudy *self, KmlDatabase *database, GError **error);

/* Stores the study in one transaction. The runs of its sets are there already. */
gboolean kml_bin_study_store (const KmlBinStudy *self, KmlDatabase *database, guint64 *ret_id,
                              GError **error);

G_END_DECLS
