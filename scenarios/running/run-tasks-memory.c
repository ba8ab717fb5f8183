/* run-tasks-memory.c: the part of a run with tasks that takes memory back.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * [memory] reclaim = yes puts reclaim behind the zones (reclaim.h), a layer for preloading pages under the object allocator (preload.h), and makes
 * every [mapping NAME] a file or anonymous memory that programs touch.
 */

#include "scenarios/running/run-tasks-private.h"
#include "simcore/base/units.h"
#include "simcore/pages/compaction.h"
#include "simcore/pages/writeback.h"

#include <string.h>

/* ---- Reclaim ---- */

KmlAllocator *
kml_run_tasks_below_objects (KmlRunTasks *self, KmlAllocator *pages)
{
  if (self->zones == NULL || !self->zones->has_reclaim)
    return pages;
  self->preload = kml_preload_new (pages);
  return &self->preload->base;
}

/* @text names a device that is a disk; "": none. */
static gboolean
find_disk (const KmlRunTasks *self, const char *text, KmlDisk **ret_disk, GError **error)
{
  *ret_disk = NULL;
  if (text[0] == '\0')
    return TRUE;
  *ret_disk = g_hash_table_lookup (self->world.disks, text);
  if (*ret_disk != NULL)
    return TRUE;
  return kml_refuse (error, "memory.disk", "in this run that [device] is no disk");
}

/* @key names a CPU. */
static gboolean
check_cpu (const KmlRunTasks *self, const char *key, guint64 cpu, GError **error)
{
  return cpu < self->machine->n_cpus ||
         kml_refuse (error, key, "the machine has CPUs 0 to %u", self->machine->n_cpus - 1);
}

static gboolean
check_compaction (const KmlRunTasks *self, const KmlMemoryConfig *memory, GError **error)
{
  const KmlAllocatorOps *pages = self->zones->base.ops;

  if (memory->compaction == KML_COMPACTION_NO || pages->isolate != NULL)
    return TRUE;
  return kml_refuse (error, "memory.compaction",
                     "%s cannot take a free block of another’s choice, as buddy can", pages->name);
}

static gboolean
build_reclaim (KmlRunTasks *self, KmlAllocator *pages, const KmlMemoryConfig *memory,
               GError **error)
{
  KmlReclaimConfig config = { .zones = self->zones,
                              .pages = pages,
                              .slabs = self->requests.objects,
                              .swappiness = (guint)memory->swappiness,
                              .kswapd_cpu = (guint)memory->kswapd_cpu,
                              .givers = &self->requests.givers };
  const KmlWritebackConfig writeback = {
    .background_ratio = (guint)memory->dirty_background_ratio,
    .limit_ratio = (guint)memory->dirty_ratio,
    .expire = memory->dirty_expire,
    .interval = memory->dirty_writeback,
    .cpu = (guint)memory->flusher_cpu,
  };
  const KmlCompactionConfig compaction = {
    .has_daemon = memory->compaction == KML_COMPACTION_YES,
    .cpu = (guint)memory->kswapd_cpu,
    .frag_threshold = (guint)memory->extfrag_threshold,
  };

  if (!find_disk (self, memory->disk, &config.disk, error) ||
      !check_compaction (self, memory, error))
    return FALSE;
  if (!check_cpu (self, "memory.kswapd-cpu", memory->kswapd_cpu, error) ||
      !check_cpu (self, "memory.flusher-cpu", memory->flusher_cpu, error))
    return FALSE;
  if (memory->flusher && config.disk == NULL)
    return kml_refuse (
        error, "memory.flusher",
        "there is nowhere to write to: expected disk = NAME, a [device] that is one");
  config.writeback = memory->flusher ? &writeback : NULL;
  config.compaction = memory->compaction != KML_COMPACTION_NO ? &compaction : NULL;
  self->reclaim = kml_reclaim_new (&config);
  self->world.reclaim = self->reclaim;
  return TRUE;
}

/* ---- Mappings ---- */

static gboolean
make_mapping (KmlRunTasks *self, const char *name, const KmlMappingSettings *settings,
              GError **error)
{
  const guint64 page = kml_ram_page_size (self->machine->ram);
  const guint64 n_pages = (settings->size + page - 1) / page;
  KmlMapping *mapping;
  KmlLock *lock = NULL;

  if (self->reclaim == NULL)
    return kml_refuse (error, "size",
                       "its pages could never be taken back: expected [memory] reclaim = yes");
  if (n_pages > KML_MAPPING_MAX_PAGES)
    return kml_refuse (error, "size", "expected at most %u pages", KML_MAPPING_MAX_PAGES);
  if (settings->lock[0] != '\0') {
    lock = g_hash_table_lookup (self->world.locks, settings->lock);
    g_assert (lock != NULL); /* the loader has looked for it */
  }
  mapping = settings->kind == KML_MAPPING_FILE
                ? kml_mapping_new_file (self->reclaim, name, (guint32)n_pages)
                : kml_mapping_new_anon (self->reclaim, name, (guint32)n_pages, NULL);
  mapping->lock = lock;
  mapping->moves_by_writing = settings->migrate == KML_MAPPING_WRITE;
  mapping->write_memory = (settings->write_memory + page - 1) / page * page;
  kml_gfp_parse (settings->write_gfp, strlen (settings->write_gfp), &mapping->write_gfp, NULL);
  if (settings->empty)
    kml_mapping_make_empty (mapping);
  g_hash_table_insert (self->world.mappings, g_strdup (name), mapping);
  return TRUE;
}

static gboolean
set_owner (KmlRunTasks *self, const char *name, const KmlMappingSettings *settings, GError **error)
{
  KmlMapping *mapping = g_hash_table_lookup (self->world.mappings, name);

  if (settings->task[0] == '\0')
    return TRUE;
  mapping->owner = g_hash_table_lookup (self->world.tasks, settings->task);
  if (mapping->owner != NULL)
    return TRUE;
  return kml_refuse (error, "task",
                     "there is no such task in process context; of several with one program the "
                     "first is called NAME.0");
}

typedef gboolean (*MappingFunc) (KmlRunTasks *self, const char *name,
                                 const KmlMappingSettings *settings, GError **error);

static gboolean
for_mappings (KmlRunTasks *self, MappingFunc func, GError **error)
{
  g_autoptr (GPtrArray) names = kml_run_spec_names (self->spec, "mapping");

  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    g_autofree char *prefix = kml_run_tasks_prefix ("mapping", name);
    KmlMappingSettings settings = { 0 };
    const gboolean ok = kml_run_spec_apply (self->spec, prefix, kml_mapping_params, &settings,
                                            error) &&
                        func (self, name, &settings, error);

    kml_params_clear (kml_mapping_params, &settings);
    if (!ok) {
      kml_blame_group (error, prefix);
      return FALSE;
    }
  }
  return TRUE;
}

/* What was made has its place on the disk. */
static gboolean
fits_on_disk (const KmlRunTasks *self, GError **error)
{
  const guint shift = self->machine->ram->page_shift;
  const KmlDisk *disk = self->reclaim != NULL ? self->reclaim->config.disk : NULL;
  g_autofree char *size = NULL;

  if (disk == NULL || self->reclaim->next_block <= disk->n_sectors >> (shift - KML_SECTOR_SHIFT))
    return TRUE;
  size = kml_format_size (self->reclaim->next_block << shift);
  return kml_refuse (error, "memory.disk", "all mappings together need a disk of at least %s",
                     size);
}

gboolean
kml_run_tasks_build_memory (KmlRunTasks *self, KmlAllocator *pages, GError **error)
{
  KmlMemoryConfig memory = { 0 };
  const gboolean ok = kml_run_spec_apply (self->spec, "memory", kml_memory_params, &memory,
                                          error) &&
                      (!memory.reclaim || build_reclaim (self, pages, &memory, error));

  kml_params_clear (kml_memory_params, &memory);
  return ok && for_mappings (self, make_mapping, error) && fits_on_disk (self, error);
}

gboolean
kml_run_tasks_bind_owners (KmlRunTasks *self, GError **error)
{
  return for_mappings (self, set_owner, error);
}
