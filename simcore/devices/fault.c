/* fault.c: things that go wrong on request.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/devices/fault.h"
#include "simcore/base/law.h"
#include "simcore/base/units.h"

#define NANO G_GUINT64_CONSTANT (1000000000)

static const KmlLawForm forms[] = {
  [KML_FAULT_NEVER] = { "never", 0, "never" },
  [KML_FAULT_EVERY] = { "every", 1, "every(N)" },
  [KML_FAULT_SHARE] = { "share", 1, "share(P)" },
  [KML_FAULT_BETWEEN] = { "between", 2, "between(TIME, TIME)" },
  { NULL, 0, NULL },
};

gboolean
kml_fault_parse (const char *text, KmlFault *ret_fault, GError **error)
{
  g_auto (KmlLaw) law = { 0 };
  KmlFault fault = { 0 };

  if (!kml_law_parse (text, forms, &law, error))
    return FALSE;
  fault.kind = (KmlFaultKind)law.form;
  switch (fault.kind) {
  case KML_FAULT_NEVER:
    break;
  case KML_FAULT_EVERY:
    if (!kml_parse_count (law.args[0], &fault.n, error))
      return FALSE;
    if (fault.n == 0)
      return kml_refuse_text ("a number above 0", law.args[0], error);
    break;
  case KML_FAULT_SHARE:
    if (!kml_law_parse_decimal (law.args[0], &fault.n, error))
      return FALSE;
    if (fault.n > NANO)
      return kml_refuse_text ("a share from 0 to 1", law.args[0], error);
    break;
  case KML_FAULT_BETWEEN:
    if (!kml_parse_time (law.args[0], &fault.from, error) ||
        !kml_parse_time (law.args[1], &fault.to, error))
      return FALSE;
    if (fault.from >= fault.to)
      return kml_refuse_text ("the earlier time first", text, error);
    break;
  }
  *ret_fault = fault;
  return TRUE;
}

gboolean
kml_fault_validate (const char *text, GError **error)
{
  KmlFault fault;

  return kml_fault_parse (text, &fault, error);
}

gboolean
kml_fault_strikes (const KmlFault *self, guint64 ordinal, KmlTime now, KmlRng *rng)
{
  switch (self->kind) {
  case KML_FAULT_NEVER:
    return FALSE;
  case KML_FAULT_EVERY:
    return ordinal % self->n == 0;
  case KML_FAULT_SHARE:
    return kml_rng_below (rng, NANO) < self->n;
  case KML_FAULT_BETWEEN:
    return now >= self->from && now < self->to;
  }
  g_assert_not_reached ();
}
