/* run-tasks-shared.c: what the tasks of a run share: locks, pools, regions of memory, devices.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/running/run-tasks-private.h"

static gboolean
build_locks (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "lock");

  for (guint i = 0; i < names->len; i++) {
    g_autofree char *prefix = kml_run_tasks_prefix ("lock", g_ptr_array_index (names, i));
    char *name = g_strdup (g_ptr_array_index (names, i));
    KmlLock *lock = g_new0 (KmlLock, 1);
    KmlLockSettings settings = { 0 };

    g_hash_table_insert (self->world.locks, name, lock);
    if (!kml_run_spec_apply (self->spec, prefix, kml_lock_params, &settings, error))
      return FALSE;
    kml_lock_init (lock, (KmlLockKind)(KML_LOCK_SPIN + settings.kind), name);
    g_ptr_array_add (self->texts, settings.class_name);
    if (settings.class_name[0] != '\0')
      lock->class_name = settings.class_name;
  }
  return TRUE;
}

static gboolean
build_pools (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "pool");

  for (guint i = 0; i < names->len; i++) {
    g_autofree char *prefix = kml_run_tasks_prefix ("pool", g_ptr_array_index (names, i));
    KmlPoolSettings settings;
    KmlCompletion *pool;

    if (!kml_run_spec_apply (self->spec, prefix, kml_pool_params, &settings, error))
      return FALSE;
    pool = kml_world_completion (&self->world, g_ptr_array_index (names, i));
    pool->n_posted = settings.size;
    pool->is_pool = TRUE;
  }
  return TRUE;
}

static gboolean
add_region (KmlRunTasks *self, const char *name, KmlRegion *region, GError **error)
{
  const guint64 page = kml_ram_page_size (self->machine->ram);
  g_autofree char *prefix = kml_run_tasks_prefix ("region", name);
  g_autofree char *key = g_strconcat (prefix, ".kind", NULL);
  KmlRegionSettings settings;

  if (!kml_run_spec_apply (self->spec, prefix, kml_region_params, &settings, error))
    return FALSE;
  region->n = (guint)((settings.size + page - 1) / page);
  if (settings.kind == KML_REGION_PINNED)
    return kml_pager_add_pinned (self->pager, region->n, key, &region->first, error);
  region->first = kml_pager_add (self->pager, region->n);
  return TRUE;
}

gboolean
kml_run_tasks_add_regions (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "region");

  self->regions = g_array_new (FALSE, TRUE, sizeof (KmlRegion));
  g_array_set_size (self->regions, names->len);
  for (guint i = 0; i < names->len; i++)
    if (!add_region (self, g_ptr_array_index (names, i),
                     &g_array_index (self->regions, KmlRegion, i), error))
      return FALSE;
  return TRUE;
}

static void
name_regions (KmlRunTasks *self)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "region");

  self->world.pager = self->pager;
  for (guint i = 0; i < names->len; i++)
    g_hash_table_insert (
        self->world.regions, g_strdup (g_ptr_array_index (names, i)),
        g_memdup2 (&g_array_index (self->regions, KmlRegion, i), sizeof (KmlRegion)));
}

static gboolean
build_device (KmlRunTasks *self, const char *name, GError **error)
{
  const guint line = kml_scenario_line_of_group (self->scenario, "device", name);
  g_autofree char *place = g_strdup_printf ("%s:%u", kml_scenario_name (self->scenario), line);
  const KmlDeviceHost host = { self->machine, self->requests.pages, self->requests.objects,
                               &self->requests, place };
  g_autofree char *prefix = kml_run_tasks_prefix ("device", name);
  g_autofree char *key = g_strconcat (prefix, ".kind", NULL);
  const KmlDeviceOps *ops = kml_device_find (kml_run_spec_get (self->spec, key));
  KmlDevice *device;
  KmlDisk *disk;
  KmlDma *dma;

  g_assert (ops != NULL); /* the loader has checked the kind */
  device = kml_device_new (ops, name);
  g_ptr_array_add (self->devices, device);
  if (!kml_run_spec_apply (self->spec, prefix, ops->params, device, error) ||
      !kml_device_open (device, &host, error))
    return FALSE;
  disk = kml_disk_from_device (device);
  dma = kml_dma_from_device (device);
  if (disk != NULL)
    g_hash_table_insert (self->world.disks, g_strdup (name), disk);
  if (dma != NULL)
    g_hash_table_insert (self->world.dmas, g_strdup (name), dma);
  if (disk == NULL && dma == NULL) /* a network card gives back what it has asked for */
    kml_providers_add (&self->requests.givers, NULL);
  return TRUE;
}

static gboolean
build_devices (KmlRunTasks *self, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "device");

  for (guint i = 0; i < names->len; i++)
    if (!build_device (self, g_ptr_array_index (names, i), error))
      return FALSE;
  return TRUE;
}

gboolean
kml_run_tasks_build_shared (KmlRunTasks *self, GError **error)
{
  name_regions (self);
  return build_locks (self, error) && build_pools (self, error) && build_devices (self, error);
}
