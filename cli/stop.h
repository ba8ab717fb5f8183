/* stop.h: signals.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* From now on the first signal is a request to stop, a second one ends the program at once. The
 * result is for KmlCampaignConfig.stop. (transfer none) */
volatile int *kml_stop_install (void);

/* KML_EXIT_INTERRUPT or KML_EXIT_TERMINATE (also where the terminal went away) once a signal came, else KML_EXIT_DONE. */
int kml_stop_exit (void);

/* The exit status of what a signal has ended, or else failed: then @error is said. */
int kml_stop_or_fail (const GError *error);

/* A reader that goes away, and a file that grows over the user's limit (ulimit -f), are errors
 * of the call that writes, not the end of the program. */
void kml_stop_ignore_write_signals (void);

/* An assertion that fails ends the program with KML_EXIT_BUG. */
void kml_stop_catch_bugs (void);

G_END_DECLS
