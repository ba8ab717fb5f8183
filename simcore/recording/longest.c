/* longest.c: the longest operation of each kind and context.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/recording/longest.h"

static KmlTime
sum_of_parts (const KmlLongest *self)
{
  KmlTime sum = 0;

  for (guint i = 0; i < KML_N_PARTS; i++)
    sum += self->parts[i];
  return sum;
}

void
kml_longest_close (KmlLongest *self)
{
  g_assert (self->parts[KML_PART_RUN] == 0);
  g_assert (sum_of_parts (self) <= self->latency);

  self->parts[KML_PART_RUN] = self->latency - sum_of_parts (self);
}

void
kml_longest_check (const KmlLongest *self)
{
  g_assert (sum_of_parts (self) == self->latency); /* L1 */
}
