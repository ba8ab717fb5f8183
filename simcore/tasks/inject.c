/* inject.c: things that go wrong because a schedule says so.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/tasks/inject.h"

#include "simcore/tasks/scheduler-private.h"
#include "simcore/base/units.h"

const char *const kml_injection_names[] = {
  [KML_INJECT_ALLOC] = "alloc",
  [KML_INJECT_IO_SLOW] = "io-slow",
  [KML_INJECT_IO_ERROR] = "io-error",
  [KML_INJECT_INTERRUPT] = "interrupt",
  NULL,
};

static gboolean
parse_name (const char *name, guint32 *what, GError **error)
{
  g_autofree char *quoted = NULL;
  const char *nearest;

  for (guint i = 0; i < KML_N_INJECTIONS; i++)
    if (g_str_equal (name, kml_injection_names[i])) {
      *what |= 1u << i;
      return TRUE;
    }
  quoted = kml_quote (name, -1);
  nearest = kml_nearest_name (name, kml_injection_names);
  if (nearest != NULL)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "nothing is called %s; did you mean “%s”?",
                 quoted, nearest);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "expected none, or some of alloc, io-slow, io-error, interrupt, not %s", quoted);
  return FALSE;
}

gboolean
kml_injections_parse (const char *text, guint32 *ret_what, GError **error)
{
  g_auto (GStrv) names = g_strsplit (text, ",", -1);
  guint32 what = 0;

  if (!g_str_equal (text, "none"))
    for (guint i = 0; names[i] != NULL; i++)
      if (!parse_name (g_strstrip (names[i]), &what, error))
        return FALSE;
  *ret_what = what;
  return TRUE;
}

gboolean
kml_injections_validate (const char *text, GError **error)
{
  guint32 what;

  return kml_injections_parse (text, &what, error);
}

/* ---- Now ---- */

/* TRUE: it goes wrong. */
static gboolean
choose (KmlScheduler *self)
{
  const guint first = KML_WHO_NOBODY;
  const KmlCandidate candidates[] = { { KML_CANDIDATE_WELL, first, KML_OBJECT_NONE },
                                      { KML_CANDIDATE_FAULT, first + 1, KML_OBJECT_NONE } };
  const guint chosen = self->config.choose (candidates, 2, self->config.choose_data);

  if (chosen == G_MAXUINT)
    kml_scheduler_stop (self);
  return chosen == 1;
}

gboolean
kml_inject (KmlMachine *machine, KmlInjection what)
{
  KmlScheduler *self = machine->scheduler;
  KmlInjector *injector = self != NULL ? self->config.injector : NULL;
  gboolean is_wrong;

  if (injector == NULL || (injector->what & 1u << what) == 0 || self->is_stopped ||
      (injector->most > 0 && injector->n == injector->most))
    return FALSE;
  is_wrong = self->config.choose != NULL
                 ? choose (self)
                 : kml_rng_below (&injector->rng, KML_SHARE_ONE) < injector->share;
  injector->n += is_wrong;
  return is_wrong;
}

KmlTime
kml_inject_delay (KmlMachine *machine)
{
  return kml_inject (machine, KML_INJECT_IO_SLOW) ? machine->scheduler->config.injector->delay : 0;
}
