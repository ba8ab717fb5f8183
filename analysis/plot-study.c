/* plot-study.c: which study of bin sizes a picture is of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/database-private.h"
#include "analysis/plot-private.h"

/* The study asked for, or the last one; how many there are. */
static const char study_sql[] =
    "SELECT study_id, iif (title = '', subject, title), subject, (SELECT count (*) FROM "
    "bin_studies) "
    "FROM bin_studies WHERE ?1 = 0 OR study_id = ?1 ORDER BY study_id DESC LIMIT 1";

static gboolean
no_study (const KmlDatabase *database, guint64 study, GError **error)
{
  if (study != 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: there is no study %" G_GUINT64_FORMAT " of bin sizes in it", database->path,
                 study);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: there is no study of bin sizes in it: kmemlab bins makes one",
                 database->path);
  return FALSE;
}

static void
describe (sqlite3_stmt *statement, KmlPlotSubject *subject)
{
  const int n = sqlite3_column_int (statement, 3);
  g_autofree char *others = n > 1 ? g_strdup_printf (" (of %d; others with --study)", n) : NULL;

  subject->study = (guint64)sqlite3_column_int64 (statement, 0);
  subject->title = g_strdup ((const char *)sqlite3_column_text (statement, 1));
  subject->varied = g_strdup ("");
  subject->caption = g_strdup_printf ("%s, study %" G_GUINT64_FORMAT "%s",
                                      (const char *)sqlite3_column_text (statement, 2),
                                      subject->study, others != NULL ? others : "");
}

gboolean
kml_plot_choose_study (KmlDatabase *database, const KmlPlotOptions *options,
                       KmlPlotSubject *ret_subject, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  int code;

  if (options->n_runs > 0) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT,
                         "this figure is about a study of bin sizes and not about runs");
    return FALSE;
  }
  statement = kml_database_prepare (database, study_sql, error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_int64 (statement, 1, (sqlite3_int64)options->study);
  code = sqlite3_step (statement);
  if (code == SQLITE_DONE)
    return no_study (database, options->study, error);
  if (code != SQLITE_ROW)
    return kml_database_fail (database, code, "cannot be read", error);
  *ret_subject = (KmlPlotSubject){ .runs = g_array_new (FALSE, TRUE, sizeof (KmlPlotRun)) };
  describe (statement, ret_subject);
  return TRUE;
}
