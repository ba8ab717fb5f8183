/* registry.h: things that register themselves, sorted by name.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plug-in's file ends with a constructor that adds a constant table here.
 * Constructors run in link order, which nobody should see, so the registry keeps
 * itself sorted. It is filled before main() runs (or while a module is loaded)
 * and constant afterwards. Every entry begins with its name.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define KML_REGISTRY_MAX 64

typedef struct {
  const void *entries[KML_REGISTRY_MAX +
                      1]; /* each points to a struct whose first field is const char *name */
  guint n;
} KmlRegistry;

void kml_registry_add (KmlRegistry *self, const void *entry);

/* (transfer none) (nullable) */
const void *kml_registry_find (const KmlRegistry *self, const char *name);

G_END_DECLS
