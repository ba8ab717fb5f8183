/* potential.h: what the lock validator warns of, and whether a schedule really deadlocks there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "scenarios/exploring/explore.h"

G_BEGIN_DECLS

typedef enum {
  KML_POTENTIAL_REFUTED,   /* no schedule deadlocks at all: a false alarm, in this scenario */
  KML_POTENTIAL_OPEN,      /* not all schedules were looked at, and in none of those it happened */
  KML_POTENTIAL_CONFIRMED, /* a schedule deadlocks on these classes */
} KmlPotentialFate;

/* "refuted", "open", "confirmed" */
extern const char *const kml_potential_fates[];

typedef struct {
  guint8 kind;   /* KmlLockdepKind */
  guint8 fate;   /* KmlPotentialFate */
  char *classes; /* (owned): "A -> B -> A" */
} KmlPotential;

/* (element-type KmlPotential) (transfer full) */
GArray *kml_potentials_new (void);

/* Adds what a run of @spec in the order of time warns of, and, if exploring it has found a deadlock, the run with these @choices (nullable). What
 * is there already keeps the larger fate. */
gboolean kml_potentials_judge (GArray *potentials, const KmlScenario *scenario,
                               const KmlRunSpec *spec, KmlExploreVerdict verdict,
                               const GArray *choices, GError **error);

G_END_DECLS
