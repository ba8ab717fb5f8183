/* program-bind.c: what the steps of a task are about.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names are looked up once, when a task is made. That all are there has been checked when the scenario was loaded; what a device or a lock is, which pages
 * and which CPUs there are, can differ from run to run, and is checked here.
 */

#include "workloads/programs/program-private.h"

#include "simcore/tasks/ipi.h"
#include "simcore/base/units.h"

/* ---- What is shared ---- */

static void
free_completion (gpointer data)
{
  kml_completion_clear (data);
  g_free (data);
}

static void
free_named_blocks (gpointer data)
{
  kml_named_blocks_free (data);
}

void
kml_world_init (KmlWorld *self, KmlMachine *machine, KmlScheduler *scheduler, KmlRequests *requests)
{
  *self = (KmlWorld){ .machine = machine, .scheduler = scheduler, .requests = requests };
  self->locks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->disks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->regions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->dmas = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->mappings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  kml_transfers_init (&self->transfers);
  self->completions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_completion);
  self->tasks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->blocks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_named_blocks);
}

void
kml_world_clear (KmlWorld *self)
{
  g_clear_pointer (&self->locks, g_hash_table_unref);
  g_clear_pointer (&self->disks, g_hash_table_unref);
  g_clear_pointer (&self->dmas, g_hash_table_unref);
  g_clear_pointer (&self->mappings, g_hash_table_unref);
  kml_transfers_clear (&self->transfers);
  g_clear_pointer (&self->regions, g_hash_table_unref);
  g_clear_pointer (&self->completions, g_hash_table_unref);
  g_clear_pointer (&self->tasks, g_hash_table_unref);
  g_clear_pointer (&self->blocks, g_hash_table_unref);
}

/* ---- Names ---- */

static KmlProgramTask *new_task (const KmlProgram *program, KmlWorld *world, guint cpu,
                                 const KmlRng *rng, GHashTable *own, GError **error);

static KmlNamedBlocks *
find_blocks (KmlProgramTask *self, const char *name, gboolean make)
{
  GHashTable *table = kml_name_is_shared (name) ? self->world->blocks : self->own;
  g_autofree char *key = name[0] == '%' ? g_strdup_printf ("%s.%u", name, self->cpu)
                                        : g_strdup (name);
  KmlNamedBlocks *blocks = g_hash_table_lookup (table, key);

  if (blocks == NULL && make) {
    blocks = kml_named_blocks_new ();
    g_hash_table_insert (table, g_steal_pointer (&key), blocks);
  }
  return blocks;
}

KmlCompletion *
kml_world_completion (KmlWorld *world, const char *name)
{
  KmlCompletion *completion = g_hash_table_lookup (world->completions, name);

  if (completion == NULL) {
    char *key = g_strdup (name);

    completion = g_new0 (KmlCompletion, 1);
    kml_completion_init (completion, key);
    g_hash_table_insert (world->completions, key, completion);
  }
  return completion;
}

/* Something that the scenario has. */
static gpointer
find_declared (GHashTable *table, const char *name)
{
  gpointer found = g_hash_table_lookup (table, name);

  g_assert (found != NULL);
  return found;
}

/* A device, which is a @what if it is in @table. (nullable) */
static gpointer
find_device (GHashTable *table, const char *what, const KmlStep *step, const char *name,
             GError **error)
{
  gpointer found = g_hash_table_lookup (table, name);

  if (found == NULL)
    kml_refuse (error, "program", "%s: in this run [device %s] is no %s", step->text, name, what);
  return found;
}

/* Pages that are named by their numbers are there. */
static gboolean
check_pages (const KmlStep *step, guint64 n, GError **error)
{
  if (step->pages.kind != KML_PAGES_FIXED || step->pages.last < n)
    return TRUE;
  return kml_refuse (error, "program",
                     "%s: there is no page %" G_GUINT64_FORMAT
                     ", it has pages 0 to %" G_GUINT64_FORMAT,
                     step->text, step->pages.last, n - 1);
}

/* What is read or written fits on the disk. */
static gboolean
check_transfer (const KmlStep *step, const KmlDisk *disk, GError **error)
{
  g_autofree char *size = NULL;

  if ((step->count + KML_SECTOR_SIZE - 1) / KML_SECTOR_SIZE <= disk->n_sectors)
    return TRUE;
  size = kml_format_size (disk->n_sectors * KML_SECTOR_SIZE);
  return kml_refuse (error, "program", "%s: the disk has %s", step->text, size);
}

/* A block for a device can be one that suits it. */
static gboolean
check_buffer (const KmlProgramTask *self, const KmlStep *step, const KmlDma *dma, GError **error)
{
  const guint64 page_size = kml_ram_page_size (self->world->machine->ram);
  const guint64 unit = step->level == KML_LEVEL_PAGES ? page_size : 1;
  g_autofree char *why = kml_dma_why_never (dma, (step->request.size + unit - 1) / unit * unit);

  if (why == NULL)
    return TRUE;
  return kml_refuse (error, "program", "%s: %s", step->text, why);
}

static gboolean
bind_mapping (KmlProgramTask *self, KmlStepTarget *target, const KmlStep *step, const char *name,
              GError **error)
{
  target->mapping = find_declared (self->world->mappings, name);
  return check_pages (step, target->mapping->n_pages, error);
}

/* What is read or written is a block, or a mapping; what is read, a region, too. */
static gboolean
bind_touch (KmlProgramTask *self, KmlStepTarget *target, const KmlStep *step, GError **error)
{
  target->blocks = find_blocks (self, step->name, kml_name_is_shared (step->name));
  if (target->blocks != NULL)
    return TRUE;
  if (g_hash_table_contains (self->world->mappings, step->name))
    return bind_mapping (self, target, step, step->name, error);
  target->region = find_declared (self->world->regions, step->name);
  return check_pages (step, target->region->n, error);
}

/* What is moved is a mapping, or a block. */
static gboolean
bind_dma (KmlProgramTask *self, KmlStepTarget *target, const KmlStep *step, GError **error)
{
  target->dma = find_device (self->world->dmas, "DMA engine", step, step->name, error);
  if (target->dma == NULL)
    return FALSE;
  if (g_hash_table_contains (self->world->mappings, step->other))
    return bind_mapping (self, target, step, step->other, error);
  target->blocks = find_blocks (self, step->other, TRUE);
  return TRUE;
}

/* The other CPUs have a record each of how far they are; names are those of the sender, but for
 * those of a CPU. */
static gboolean
bind_ipi (KmlProgramTask *self, guint i, const KmlStep *step, GError **error)
{
  KmlWorld *world = self->world;
  const guint n_cpus = world->machine->n_cpus;

  if (step->count >= n_cpus)
    return kml_refuse (error, "program", "%s: there is no such CPU, the machine has %u: 0 to %u",
                       step->text, n_cpus, n_cpus - 1);
  self->targets[i].sender = self;
  self->targets[i].step = i;
  if (self->is_elsewhere || self->elsewhere != NULL)
    return TRUE;
  kml_ipi_prepare (world->scheduler);
  self->elsewhere = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_program_task_free);
  for (guint cpu = 0; cpu < n_cpus; cpu++) {
    g_autofree char *stream = g_strdup_printf ("ipi.%u", cpu);
    KmlRng own = self->rng, rng;
    KmlProgramTask *there;

    kml_rng_init (&rng, kml_rng_next (&own), stream);
    there = new_task (self->program, world, cpu, &rng, self->own, error);
    if (there == NULL)
      return FALSE;
    g_ptr_array_add (self->elsewhere, there);
  }
  return TRUE;
}

static gboolean
bind (KmlProgramTask *self, guint i, const KmlStep *step, GError **error)
{
  KmlStepTarget *target = &self->targets[i];

  switch ((KmlStepKind)step->kind) {
  case KML_STEP_ALLOC:
  case KML_STEP_FREE:
    target->blocks = find_blocks (self, step->name, TRUE);
    if (step->other != NULL)
      target->dma = find_device (self->world->dmas, "DMA engine", step, step->other, error);
    return step->other == NULL ||
           (target->dma != NULL && check_buffer (self, step, target->dma, error));
  case KML_STEP_TOUCH:
  case KML_STEP_DIRTY:
    return bind_touch (self, target, step, error);
  case KML_STEP_SYNC:
  case KML_STEP_THROTTLE:
  case KML_STEP_DROP:
    return bind_mapping (self, target, step, step->name, error);
  case KML_STEP_MIGRATE:
    if (self->world->machine->n_cpus > 1)
      kml_ipi_prepare (self->world->scheduler);
    return bind_mapping (self, target, step, step->name, error);
  case KML_STEP_COMPACT:
    if (self->world->reclaim != NULL && self->world->reclaim->compaction != NULL)
      return TRUE;
    return kml_refuse (error, "program", "%s: expected [memory] compaction = direct or yes",
                       step->text);
  case KML_STEP_DMA:
    return bind_dma (self, target, step, error);
  case KML_STEP_LOCK:
  case KML_STEP_LOCK_SHARED:
  case KML_STEP_TRY_LOCK:
  case KML_STEP_UNLOCK:
    target->lock = find_declared (self->world->locks, step->name);
    if (step->kind != KML_STEP_LOCK_SHARED || target->lock->kind == KML_LOCK_RW)
      return TRUE;
    return kml_refuse (error, "program", "%s: only a lock of kind rw can be shared", step->text);
  case KML_STEP_READ:
  case KML_STEP_WRITE:
    target->disk = find_device (self->world->disks, "disk", step, step->name, error);
    return target->disk != NULL && check_transfer (step, target->disk, error);
  case KML_STEP_WAIT:
    target->completion = kml_world_completion (self->world, step->name);
    return TRUE;
  case KML_STEP_WAKE:
    target->completion = kml_world_completion (self->world, step->name);
    return TRUE;
  case KML_STEP_IPI:
    return bind_ipi (self, i, step, error);
  case KML_STEP_PROGRESS:
    self->world->says_progress = TRUE;
    return TRUE;
  case KML_STEP_WORK:
  case KML_STEP_SLEEP:
  case KML_STEP_YIELD:
  case KML_STEP_IRQ_OFF:
  case KML_STEP_IRQ_ON:
  case KML_STEP_SOFTIRQ_OFF:
  case KML_STEP_SOFTIRQ_ON:
  case KML_STEP_PREEMPT_OFF:
  case KML_STEP_PREEMPT_ON:
  case KML_STEP_IO:
  case KML_STEP_REPEAT:
  case KML_STEP_RETRY:
  case KML_STEP_IF_FAILED:
  case KML_STEP_NOFS:
  case KML_STEP_NOIO:
  case KML_STEP_NORECLAIM:
  case KML_STEP_CALL:
  case KML_STEP_RECLAIM:
  case KML_STEP_DMA_WAIT:
  case KML_STEP_END:
    return TRUE;
  case KML_N_STEPS:
    break;
  }
  g_assert_not_reached ();
}

/* @own: (nullable): the names of whom it works for. */
static KmlProgramTask *
new_task (const KmlProgram *program, KmlWorld *world, guint cpu, const KmlRng *rng, GHashTable *own,
          GError **error)
{
  KmlProgramTask *self = g_new0 (KmlProgramTask, 1);
  const guint n = program->steps->len;

  self->program = program;
  self->world = world;
  self->cpu = cpu;
  self->rng = *rng;
  self->gfp = KML_GFP_KERNEL;
  self->is_elsewhere = own != NULL;
  self->own = own != NULL
                  ? g_hash_table_ref (own)
                  : g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_named_blocks);
  self->targets = g_new0 (KmlStepTarget, n);
  self->left = g_new0 (guint64, n);
  for (guint i = 0; i < n; i++) {
    const KmlStep *step = &g_array_index (program->steps, KmlStep, i);

    if (step->kind == KML_STEP_ALLOC)
      find_blocks (self, step->name, TRUE);
  }
  for (guint i = 0; i < n; i++)
    if (!bind (self, i, &g_array_index (program->steps, KmlStep, i), error)) {
      kml_program_task_free (self);
      return NULL;
    }
  return self;
}

KmlProgramTask *
kml_program_task_new (const KmlProgram *program, KmlWorld *world, guint cpu, const KmlRng *rng,
                      GError **error)
{
  return new_task (program, world, cpu, rng, NULL, error);
}

void
kml_program_task_free (KmlProgramTask *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->elsewhere, g_ptr_array_unref);
  g_hash_table_unref (self->own);
  g_free (self->targets);
  g_free (self->left);
  g_free (self);
}

void
kml_program_task_set_runner (KmlProgramTask *self, KmlTask *task)
{
  guint end = 0; /* of the block that other CPUs do */

  if (task != NULL)
    task->find_round = kml_program_find_round;
  for (guint i = 0; i < self->program->steps->len; i++) {
    const KmlStep *step = &g_array_index (self->program->steps, KmlStep, i);

    if (step->kind == KML_STEP_IPI)
      end = step->target;
    else if (step->kind == KML_STEP_WAKE)
      kml_completion_add_poster (self->targets[i].completion, i < end ? NULL : task);
    else if (step->kind == KML_STEP_FREE)
      kml_providers_add (&self->world->requests->givers, i < end ? NULL : task);
  }
}

static void
forget_transfers (gpointer data)
{
  KmlTransfers *transfers = &((KmlWorld *)data)->transfers;

  kml_transfers_clear (transfers);
  kml_transfers_init (transfers);
}

void
kml_world_remember (KmlWorld *self, KmlImage *image)
{
  g_assert (g_hash_table_size (self->transfers.by_owner) == 0);
  kml_image_add (image, &self->n_untouched, sizeof self->n_untouched);
  kml_image_add_hook (image, forget_transfers, self);
}

/* What the step is about. That of several steps is put back several times. */
static void
remember_target (const KmlProgramTask *self, guint i, const KmlStep *step, KmlImage *image)
{
  const KmlStepTarget *target = &self->targets[i];

  switch (step->kind) {
  case KML_STEP_ALLOC:
  case KML_STEP_FREE:
    kml_named_blocks_remember (target->blocks, image);
    return;
  case KML_STEP_TOUCH:
    if (target->blocks != NULL)
      kml_named_blocks_remember (target->blocks, image);
    return;
  case KML_STEP_LOCK:
  case KML_STEP_LOCK_SHARED:
  case KML_STEP_TRY_LOCK:
  case KML_STEP_UNLOCK:
    kml_image_add (image, target->lock, sizeof *target->lock);
    return;
  case KML_STEP_WAIT:
  case KML_STEP_WAKE:
    kml_completion_remember (target->completion, image);
    return;
  default:
    return; /* a device's state is the device's; others are about nothing that changes */
  }
}

void
kml_program_task_remember (KmlProgramTask *self, KmlImage *image)
{
  const GArray *steps = self->program->steps;

  kml_image_add (image, self, sizeof *self);
  kml_image_add (image, self->left, steps->len * sizeof *self->left);
  kml_image_add (image, self->targets, steps->len * sizeof *self->targets);
  for (guint i = 0; self->elsewhere != NULL && i < self->elsewhere->len; i++)
    kml_program_task_remember (g_ptr_array_index (self->elsewhere, i), image);
  for (guint i = 0; i < steps->len; i++)
    remember_target (self, i, &g_array_index (steps, KmlStep, i), image);
}
