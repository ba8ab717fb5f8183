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
  /* each points to a struct whose first field is const char *name */
  const void *entries[KML_REGISTRY_MAX + 1];
  guint n;
} KmlRegistry;

/* A name that is taken is not: the module that brings it is refused by who loads it, as a
 * constructor has nobody to tell. */
void kml_registry_add (KmlRegistry *self, const void *entry);

/* The first name, of any registry, that was to be added a second time.
 * (transfer none) (nullable) */
const char *kml_registry_clash (void);

/* (transfer none) (nullable) */
const void *kml_registry_find (const KmlRegistry *self, const char *name);

G_END_DECLS
