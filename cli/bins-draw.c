/* bins-draw.c: the pictures of a study.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/plot.h"
#include "analysis/save.h"
#include "cli/bins.h"
#include "cli/output.h"
#include "cli/stop.h"

#include <string.h>

/* "bins-classes.svg" beside "bins.svg" */
static char *
beside (const char *file, const char *word)
{
  const char *dot = strrchr (file, '.');

  return g_strdup_printf ("%.*s-%s%s", (int)(dot - file), file, word, dot);
}

static gboolean
draw_one (KmlDatabase *database, const char *kind, guint64 study_id, gboolean terminal,
          const char *file, GError **error)
{
  KmlPlotOptions plot = KML_PLOT_OPTIONS_INIT;
  g_autofree char *text = NULL;

  plot.study = study_id;
  plot.output = file;
  plot.stop = kml_stop_install ();
  plot.colour = terminal && kml_is_coloured (stdout);
  plot.format = terminal || g_str_has_suffix (file, ".txt") ? KML_PLOT_TERMINAL
                : g_str_has_suffix (file, ".png")           ? KML_PLOT_PNG
                : g_str_has_suffix (file, ".pdf")           ? KML_PLOT_PDF
                                                            : KML_PLOT_SVG;
  if (!kml_plot_render (database, kind, &plot, &text, error))
    return FALSE;
  if (terminal)
    kml_out ("\n%s", text);
  else if (text != NULL)
    return kml_save (file, text, -1, error);
  return TRUE;
}

int
kml_bin_study_draw (const char *database_path, guint64 study_id, const char *where,
                    gboolean is_validated, gboolean quiet)
{
  const gboolean terminal = g_str_equal (where, "terminal");
  static const char *const kinds[] = { "bins-curve", "bins-classes", "bins-validation" };
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = kml_database_open (database_path, &error);

  if (database == NULL)
    return kml_fail (error);
  for (guint i = 0; i < G_N_ELEMENTS (kinds) - (is_validated ? 0 : 1); i++) {
    g_autofree char *file = !terminal && i > 0 ? beside (where, kinds[i] + strlen ("bins-"))
                                               : g_strdup (where);

    if (!draw_one (database, kinds[i], study_id, terminal, file, &error))
      return kml_stop_or_fail (error);
    if (!terminal && !quiet)
      kml_note ("The picture is in %s.", file);
  }
  return KML_EXIT_DONE;
}
