/* export.h: a form that a database can be written in, for other programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * To add one: write one file, export-NAME.c, that ends with KML_REGISTER_EXPORT, and name it in cli/meson.build.
 */

#pragma once

#include "analysis/database.h"

G_BEGIN_DECLS

typedef struct {
  const char *name;
  const char *summary;
  /* Appends what there is of run @run_id; 0: of all that are done. Errors: INPUT when there is none of that. */
  gboolean (*write) (KmlDatabase *database, guint64 run_id, GString *text, GError **error);
  gboolean of_all_runs; /* unless one is named; else it is the first */
} KmlExport;

void kml_export_register (const KmlExport *form);

/* Of what is long: writes @text where it goes, and empties it. Errors: WORLD; STOPPED after a signal. */
gboolean kml_export_flush (GString *text, GError **error);

/* The last line of an export's file. */
#define KML_REGISTER_EXPORT(form)                                                                  \
  static void __attribute__ ((constructor)) form##_register (void)                                 \
  {                                                                                                \
    kml_export_register (&(form));                                                                 \
  }

G_END_DECLS
