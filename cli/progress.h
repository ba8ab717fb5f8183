/* progress.h: one line on a terminal that says how far a campaign is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/campaigns/campaign.h"

G_BEGIN_DECLS

/* From now on; @title is shown first. Nothing is ever shown where standard error is no terminal. */
void kml_progress_begin (const char *title);

/* A KmlCampaignConfig.progress; @data is not used. */
void kml_progress_show (const KmlCampaignProgress *progress, gpointer data);

/* The same for work without runs. A KmlTraceConvert.progress. */
void kml_progress_show_share (double share, gpointer data);

/* The same for work whose end is not known: @format says how far it is. */
void kml_progress_show_text (const char *format, ...) G_GNUC_PRINTF (1, 2);

/* Removes the line, so that something else can be written. */
void kml_progress_clear (void);

/* No more of it. */
void kml_progress_end (void);

G_END_DECLS
