/* registry.c: a sorted table of things that have a name.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/registry.h"

#include <string.h>

static const char *clash;

static const char *
name_of (const void *entry)
{
  return *(const char *const *)entry;
}

void
kml_registry_add (KmlRegistry *self, const void *entry)
{
  guint at = self->n;

  g_assert (name_of (entry) != NULL);
  g_assert (self->n < KML_REGISTRY_MAX);

  if (kml_registry_find (self, name_of (entry)) != NULL) {
    if (clash == NULL)
      clash = name_of (entry);
    return;
  }
  while (at > 0 && strcmp (name_of (self->entries[at - 1]), name_of (entry)) > 0) {
    self->entries[at] = self->entries[at - 1];
    at--;
  }
  self->entries[at] = entry;
  self->n++;
}

const char *
kml_registry_clash (void)
{
  return clash;
}

const void *
kml_registry_find (const KmlRegistry *self, const char *name)
{
  for (guint i = 0; i < self->n; i++)
    if (strcmp (name_of (self->entries[i]), name) == 0)
      return self->entries[i];
  return NULL;
}
