/* bins.h: what the files of `kmemlab bins` share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   cmd-bins.c      options, and the order of things
 *   bins-subject.c  the trace or scenario that bins are designed for
 *   bins-simulate.c the workload under every set
 *   bins-report.c   the study as tables and as JSON
 *   bins-draw.c     … and as pictures
 */

#pragma once

#include "analysis/bin-study.h"
#include "cli/experiment.h"
#include "scenarios/running/demand.h"

G_BEGIN_DECLS

/* ---- bins-subject.c ---- */

/* A scenario, or a trace as one. */
typedef struct {
  char *path; /* (owned): as the user wrote it */
  /* (owned) (nullable): of the scenario that a trace became; NULL: path is a scenario */
  char *text;
  char *base_dir;        /* (owned) (nullable): of that text */
  KmlScenario *scenario; /* (owned) */
  KmlRunSpec *spec;      /* (owned): its first run */
  KmlDemand *demand;     /* (owned) */
} KmlBinSubject;

/* Reads what lies at @path and what its workloads ask for, in @n_parts parts. @options: as for a run. NULL after what is wrong has been
 * said; *@ret_status is then the exit status. */
KmlBinSubject *kml_bin_subject_new (const char *path, KmlDemandWeight weight, guint n_parts,
                                    const KmlRunOptions *options, int *ret_status);
void kml_bin_subject_free (KmlBinSubject *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlBinSubject, kml_bin_subject_free)

/* The subject under each set of @bins, texts as in `bins = …`, up to @until (nullable: to its end). NULL after the
 * mistake has been said. */
KmlExperiment *kml_bin_subject_experiment (const KmlBinSubject *self, const char *const *bins,
                                           const char *until, const KmlRunOptions *options,
                                           int *ret_status);

/* Writes the subject with @bins as a scenario to @path. What is there is replaced if it was written by this function. */
gboolean kml_bin_subject_write (const KmlBinSubject *self, const KmlBins *bins, const char *head,
                                const char *path, GError **error);

/* ---- bins-simulate.c ---- */

/* Runs @share of the subject's time, in (0, 1], under each of the study's sets into the database that @options name, and tells the
 * sets their runs. Returns the exit status. */
int kml_bin_study_simulate (KmlBinStudy *study, const KmlBinSubject *subject, double share,
                            const KmlRunOptions *options);

/* ---- bins-report.c ---- */

/* What is shown besides the study. */
typedef struct {
  const char *scenario;          /* (nullable): the file that the chosen set was written to */
  const char *database;          /* (nullable) */
  guint64 study_id;              /* in the database */
  double share;                  /* of the requests that were simulated */
  const KmlBinStudySet *classes; /* the set whose bins are listed */
} KmlBinReport;

void kml_bin_report_print (const KmlBinStudy *study, const KmlBinReport *report);
void kml_bin_report_json (const KmlBinStudy *study, const KmlBinReport *report);

/* ---- bins-draw.c ---- */

/* The pictures of the study in the database at @database_path: the curve in the file @where, the others beside it, or all on the
 * "terminal". @is_validated: there is something to say of cross-validation. Returns the exit status. */
int kml_bin_study_draw (const char *database_path, guint64 study_id, const char *where,
                        gboolean is_validated, gboolean quiet);

G_END_DECLS
