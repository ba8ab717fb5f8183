/* output.h: what the program says, and where.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Results go to standard output, everything else to standard error. Text is
 * UTF-8 whatever the locale; the program never calls setlocale(), so numbers
 * look the same everywhere.
 */

#pragma once

#include "cli/command.h"
#include "scenarios/loading/scenario.h"

#include <stdio.h>

G_BEGIN_DECLS

/* First of all: makes sure that descriptors 0 to 2 are taken, so that no file which is opened
 * later gets what is printed. */
void kml_out_begin (void);

/* To standard output. */
void kml_out (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Whether standard output no longer takes anything: what is long can end. */
gboolean kml_out_is_broken (void);

/* A line to standard error: as it is, or with "kmemlab: " or "kmemlab: warning: " in front.
 * Clears the line of progress. */
void kml_note (const char *format, ...) G_GNUC_PRINTF (1, 2);
void kml_error (const char *format, ...) G_GNUC_PRINTF (1, 2);
void kml_warn (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* What is wrong with a scenario, on standard error, with the lines it is about. */
void kml_print_problems (const GPtrArray *problems);

/* The exit status that an error of this code becomes. */
int kml_exit_of_code (int code);

/* Says what went wrong; returns the exit status. */
int kml_fail (const GError *error);

/* The graver of two exit statuses: what the program ends with when several things happened. */
int kml_worse_exit (int a, int b);

/* At the end: everything written must have arrived. Returns @status, or KML_EXIT_WORLD. */
int kml_out_finish (int status);

/* Text as it may be shown on a terminal: control characters and what is not UTF-8 are escaped.
 * (transfer full) */
char *kml_printable (const char *text);

/* ---- Colour ---- */

typedef enum {
  KML_STYLE_PLAIN,
  KML_STYLE_HEADER,
  KML_STYLE_GOOD,
  KML_STYLE_BAD
} KmlStyle;

/* Whether text written to @stream is coloured: NO_COLOR, CLICOLOR_FORCE, TERM, and whether it is
 * a terminal. */
gboolean kml_is_coloured (FILE *stream);

/* What switches @style on; "" when @stream is not coloured. kml_style_end() switches it off.
 * (transfer none) */
const char *kml_style_begin (FILE *stream, KmlStyle style);
const char *kml_style_end (FILE *stream, KmlStyle style);

G_END_DECLS
