/* time-law.c: how long something takes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/programs/time-law.h"

#include "simcore/base/units.h"

static gboolean
parse_range (const char *text, const char *dots, KmlTimeLaw *law, GError **error)
{
  g_autofree char *first = g_strndup (text, (gsize)(dots - text));

  if (!kml_parse_time (first, &law->lo, error) || !kml_parse_time (dots + 2, &law->hi, error))
    return FALSE;
  if (law->lo <= law->hi)
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: the first time is the longer one", text);
  return FALSE;
}

gboolean
kml_time_law_parse (const char *text, KmlTimeLaw *ret_law, GError **error)
{
  const char *dots = strstr (text, "..");

  *ret_law = (KmlTimeLaw){ 0 };
  if (strchr (text, '(') != NULL || g_ascii_isalpha (text[0])) {
    ret_law->has_law = kml_distribution_parse (text, KML_DRAW_LIFETIMES, &ret_law->law, error);
    return ret_law->has_law;
  }
  if (dots != NULL)
    return parse_range (text, dots, ret_law, error);
  if (!kml_parse_time (text, &ret_law->lo, error))
    return FALSE;
  ret_law->hi = ret_law->lo;
  return TRUE;
}

void
kml_time_law_clear (KmlTimeLaw *self)
{
  if (self->has_law)
    kml_distribution_clear (&self->law);
  *self = (KmlTimeLaw){ 0 };
}

KmlTime
kml_time_law_draw (const KmlTimeLaw *self, KmlRng *rng)
{
  if (self->has_law)
    return kml_distribution_draw (&self->law, rng);
  return self->lo == self->hi ? self->lo : self->lo + kml_rng_below (rng, self->hi - self->lo + 1);
}

gboolean
kml_time_law_validate (const char *text, GError **error)
{
  KmlTimeLaw law;

  if (text[0] == '\0')
    return TRUE;
  if (!kml_time_law_parse (text, &law, error))
    return FALSE;
  kml_time_law_clear (&law);
  return TRUE;
}
