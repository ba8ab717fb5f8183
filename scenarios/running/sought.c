/* sought.c: which of what should not be ends a search, and counts as a failure of a schedule.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A kernel that has a bug goes on, and so does a schedule: one that is found is followed to its end, as one with an inversion of priorities. What is
 * sought is a setting of the run and no option of the search, so that whoever does the run again, from a reproducer or as a row of a database, seeks the same.
 */

#include "scenarios/running/sought.h"

#include "simcore/base/units.h"

#define FIRST_BUG (KML_INCIDENT_INVERSION + 1)
#define DEADLOCKS ((1u << FIRST_BUG) - 1)
#define BUGS      ((1u << KML_N_INCIDENTS) - 1 - DEADLOCKS)

static const struct {
  const char *name;
  KmlSought kinds;
} sets[] = { { "deadlocks", DEADLOCKS }, { "bugs", BUGS }, { "all", DEADLOCKS | BUGS } };

/* No kind is called @name. */
static gboolean
fail (const char *name, GError **error)
{
  const char *names[G_N_ELEMENTS (sets) + KML_N_INCIDENTS - FIRST_BUG + 1] = { NULL };
  g_autofree char *quoted = kml_quote (name, -1);
  const char *nearest;
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (sets); i++)
    names[n++] = sets[i].name;
  for (guint i = FIRST_BUG; i < KML_N_INCIDENTS; i++)
    names[n++] = kml_incident_metrics[i];
  nearest = kml_nearest_name (name, names);
  if (nearest != NULL)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "nothing is called %s; did you mean “%s”?",
                 quoted, nearest);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "expected deadlocks, bugs, all, or kinds of bugs such as bug.double_free, not %s",
                 quoted);
  return FALSE;
}

static gboolean
parse_name (const char *name, KmlSought *sought, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (sets); i++)
    if (g_str_equal (name, sets[i].name)) {
      *sought |= sets[i].kinds;
      return TRUE;
    }
  for (guint i = FIRST_BUG; i < KML_N_INCIDENTS; i++)
    if (g_str_equal (name, kml_incident_metrics[i])) {
      *sought |= 1u << i;
      return TRUE;
    }
  return fail (name, error);
}

gboolean
kml_sought_parse (const char *text, KmlSought *ret_sought, GError **error)
{
  g_auto (GStrv) names = g_strsplit (text, ",", -1);
  KmlSought sought = 0;

  if (names[0] == NULL)
    return fail (text, error);
  for (guint i = 0; names[i] != NULL; i++)
    if (!parse_name (g_strstrip (names[i]), &sought, error))
      return FALSE;
  *ret_sought = sought;
  return TRUE;
}

gboolean
kml_sought_validate (const char *text, GError **error)
{
  KmlSought sought;

  return kml_sought_parse (text, &sought, error);
}

KmlSought
kml_sought_of (const KmlRunSpec *spec)
{
  KmlSought sought = 0;
  const gboolean good = kml_sought_parse (kml_run_spec_get (spec, "schedule.find"), &sought, NULL);

  g_assert (good); /* the loader has checked it */
  return sought;
}
