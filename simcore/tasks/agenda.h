/* agenda.h: what happens when.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The future events of a run in a total order: by time, then by the order in
 * which they were scheduled. Two events are never equal, so the order of a run
 * does not depend on how the agenda is built or on any address.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

/* An event: when, and what the scheduler of it wants to be reminded of. */
typedef struct {
  KmlTime time;
  guint64 what; /* the scheduler's own: an index, never a host pointer that could decide anything */
} KmlEvent;

typedef struct _KmlAgenda KmlAgenda;

KmlAgenda *kml_agenda_new (void);
void kml_agenda_free (KmlAgenda *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlAgenda, kml_agenda_free)

/* As it was when it was new. */
void kml_agenda_clear (KmlAgenda *self);

/* @time must not be before the event taken last: the past cannot be changed. */
void kml_agenda_schedule (KmlAgenda *self, KmlTime time, guint64 what);

/* Takes the earliest event; of several at one time the one scheduled first. FALSE: none is pending. */
gboolean kml_agenda_take (KmlAgenda *self, KmlEvent *ret_event);

/* The same, of which there is one. Returns the time of the next, KML_TIME_MAX when none is pending. */
KmlTime kml_agenda_take_one (KmlAgenda *self, KmlEvent *ret_event);

/* kml_agenda_take(), and it stays. */
gboolean kml_agenda_peek (KmlAgenda *self, KmlEvent *ret_event);

/* The time of the earliest event, KML_TIME_MAX when none is pending. */
KmlTime kml_agenda_next_time (KmlAgenda *self);

guint64 kml_agenda_length (const KmlAgenda *self);

/* Walks everything: KML_ERROR_CORRUPT names the invariant of agenda.c that does not hold. */
gboolean kml_agenda_check (const KmlAgenda *self, GError **error);

G_END_DECLS
