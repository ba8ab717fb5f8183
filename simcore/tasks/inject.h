/* inject.h: things that go wrong because a schedule says so.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where a kernel's code has a path for failure, something has to fail before that path is seen. Whether it does is a choice as who comes next
 * is: explored, drawn, and written into reproducers (scheduler.h). Linux has the same as failslab, fail_page_alloc and fail_make_request, by chance alone.
 */

#pragma once

#include "simcore/base/rng.h"
#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

typedef enum {
  KML_INJECT_ALLOC,     /* an allocation has no memory, whatever there is; not with __GFP_NOFAIL */
  KML_INJECT_IO_SLOW,   /* a device takes longer */
  KML_INJECT_IO_ERROR,  /* a request to a disk fails */
  KML_INJECT_INTERRUPT, /* an interrupt comes before its time, or after */
  KML_N_INJECTIONS,
} KmlInjection;

/* "alloc", "io-slow", "io-error", "interrupt" */
extern const char *const kml_injection_names[KML_N_INJECTIONS + 1];

#define KML_SHARE_ONE G_GUINT64_CONSTANT (1000000000)

struct _KmlInjector {
  guint32 what;  /* bits: 1 << KmlInjection */
  guint64 share; /* where nobody chooses: how many go wrong, in units of 10^-9 */
  guint64 most;  /* in a run; 0: any number */
  KmlTime delay; /* of what is slow */
  KmlRng rng;
  guint64 n; /* that went wrong */
};

/* "alloc, io-slow", or "none"; *@ret_what: bits. */
gboolean kml_injections_parse (const char *text, guint32 *ret_what, GError **error);

/* For KmlParam.validate. */
gboolean kml_injections_validate (const char *text, GError **error);

/* Whether any may go wrong. @self: (nullable) */
static inline gboolean
kml_injects (const KmlInjector *self, KmlInjection what)
{
  return self != NULL && (self->what & 1u << what) != 0;
}

/* Whether this one goes wrong. */
gboolean kml_inject (KmlMachine *machine, KmlInjection what);

/* How much longer a device takes for what it begins to do now. */
KmlTime kml_inject_delay (KmlMachine *machine);

G_END_DECLS
