/* cause.h: what stopped an operation, and where it was then.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/part.h"

G_BEGIN_DECLS

#define KML_MAX_CHAIN 16 /* functions in a call chain that are remembered */

/* What an operation lost most time to at a stretch: a wait, or a handler that ran in its place. All texts are borrowed and live as long as the run. */
typedef struct {
  KmlTime lasted; /* 0: nothing stopped it */
  KmlPart part;
  const char *what; /* what it waited for; the handler */
  guint n_chain;    /* where it was then; may be more than are remembered */
  const char *chain[KML_MAX_CHAIN];
} KmlCause;

/* Something has stopped the operation for @lasted. */
void kml_cause_consider (KmlCause *self, KmlTime lasted, KmlPart part, const char *what,
                         const char *const *chain, guint n_chain);

/* Nothing has stopped it: where it is now. */
void kml_cause_place (KmlCause *self, const char *const *chain, guint n_chain);

/* "syscall > page fault": @n may be more than KML_MAX_CHAIN, of which so many are remembered. (transfer full) */
char *kml_call_chain_text (const char *const *functions, guint n);

G_END_DECLS
