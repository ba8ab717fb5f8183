/* reproducer.h: a schedule in a small text file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   [reproducer]
 *   version = 0.1.0
 *   scenario = scenarios/deadlock/abba.ini
 *   override = task.T2.start=20us
 *   seed = 1
 *   run = 5c2e…
 *   fingerprint = 1f0c…
 *   choices = 0 1 1 0
 *
 * The scenario is relative to the folder in which it was explored. `run` is the key of the run (scenario.h): it says whether the scenario is still
 * the one that was explored, and its inputs are.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *version, *scenario, *run, *fingerprint; /* (owned) */
  GPtrArray *overrides; /* (owned) (element-type utf8): -s settings, and what a sweep has set */
  guint64 seed;
  GArray *choices; /* (owned) (element-type guint32) */
  guint scenario_line, run_line, choices_line;
} KmlReproducer;

void kml_reproducer_clear (KmlReproducer *self);

/* Errors: INPUT with the line, also for one of another version of the program, WORLD. */
gboolean kml_reproducer_load (KmlReproducer *self, const char *path, GError **error);
gboolean kml_reproducer_save (const KmlReproducer *self, const char *path, GError **error);

G_END_DECLS
