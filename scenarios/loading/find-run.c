/* find-run.c: which run of a sweep has these settings.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The settings that the sweep varies are the digits of a combination's number (sweep.c), and the seed says which repetition it is, so
 * nothing has to be made of the other runs.
 */

#include "scenarios/loading/scenario-private.h"

#include <string.h>

static const char *
value_of (const GPtrArray *settings, const char *key)
{
  for (guint i = 0; i < settings->len; i++) {
    const KmlSetting *setting = g_ptr_array_index (settings, i);

    if (g_str_equal (setting->key, key))
      return setting->value;
  }
  return NULL;
}

/* The first alternative with that text. A setting that the run has not is not varied for it: 0. */
static gboolean
find_digit (const KmlEntry *entry, const char *value, guint *ret_digit)
{
  *ret_digit = 0;
  for (guint i = 0; value != NULL && i < entry->alternatives->len; i++)
    if (g_str_equal (g_array_index (entry->alternatives, KmlAlternative, i).text, value)) {
      *ret_digit = i;
      return TRUE;
    }
  return value == NULL;
}

/* By bisection: they ascend. */
static gboolean
find_combination (const KmlScenario *self, guint64 number, guint64 *ret_place)
{
  guint64 lo = 0, hi = self->n_combinations;

  while (lo < hi) {
    const guint64 middle = lo + (hi - lo) / 2;

    if (self->combinations[middle] < number)
      lo = middle + 1;
    else
      hi = middle;
  }
  *ret_place = lo;
  return lo < self->n_combinations && self->combinations[lo] == number;
}

gboolean
kml_scenario_find_run (const KmlScenario *self, const GPtrArray *settings, guint64 seed,
                       guint64 *ret_index)
{
  g_autofree guint *digits = g_new0 (guint, self->axes->len + 1);
  guint64 number = 0, place;

  for (guint i = 0; i < self->axes->len; i++) {
    const KmlEntry *entry = g_ptr_array_index (self->axes, i);

    if (!find_digit (entry, value_of (settings, entry->key), &digits[i]))
      return FALSE;
    number = number * entry->alternatives->len + digits[i];
  }
  if (!find_combination (self, number, &place))
    return FALSE;
  for (guint64 repetition = 0; repetition < self->repeat; repetition++)
    if (kml_scenario_run_seed (self, digits, repetition) == seed) {
      *ret_index = place * self->repeat + repetition;
      return TRUE;
    }
  return FALSE;
}
