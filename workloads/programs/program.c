/* program.c: doing the steps of a task.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a step names was looked up when its task was made (program-bind.c); it goes straight to what it is about.
 *
 * Blocks. A name is a stack of blocks: alloc puts one on it, free takes the latest off, so `repeat` can fill and empty it. Names
 * are a task's own, but those that begin with @ are shared by all tasks, and those that begin with % by all that runs on one CPU. A free of nothing is counted
 * (free.skipped) and costs nothing: the alloc before it may have failed. One of a block that is no longer there is a bug (program-blocks.c).
 *
 * A step that is wrong at the moment (unlocking what is not held, sleeping where one may not) is done, and the machine
 * reports it (incident.c): that is what one wants to see.
 */

#include "workloads/programs/program-private.h"

#include "simcore/tasks/ipi.h"
#include "simcore/locks/lockdep.h"
#include "simcore/pages/compaction.h"
#include "simcore/pages/memalloc.h"
#include "simcore/pages/writeback.h"

static void run_steps (KmlMachine *machine, KmlProgramTask *self, guint i, guint end);

/* ---- Steps ---- */

static KmlRequest
request_of (const KmlStep *step, const KmlTask *task)
{
  KmlRequest request = step->request;

  request.cpu = (guint8)task->cpu;
  request.context = task->context;
  return request;
}

/* What the step says, and what the device wants that it is for. */
static KmlConstraints
constraints_of (const KmlStep *step, const KmlStepTarget *target, guint64 size)
{
  KmlConstraints all = step->constraints, device;

  if (target->dma == NULL)
    return all;
  device = kml_dma_constraints (target->dma, size);
  all.alignment = MAX (all.alignment, device.alignment);
  all.boundary = device.boundary;
  if (all.limit == 0 || (device.limit != 0 && device.limit < all.limit))
    all.limit = device.limit;
  return all;
}

/* Whether others see the blocks of @name. */
static gboolean
is_shared (const KmlProgramTask *self, const char *name)
{
  return kml_name_is_shared (name) || self->is_elsewhere || self->elsewhere != NULL;
}

static void
do_alloc (KmlProgramTask *self, const KmlStep *step, KmlStepTarget *target)
{
  const KmlTask *task = kml_current_task (self->world->machine);
  KmlRequest request = request_of (step, task);
  KmlConstraints constraints;
  KmlBlock block;

  self->gfp = kml_memalloc_gfp (task, request.gfp);
  if (step->level == KML_LEVEL_PAGES) {
    const guint64 page = kml_ram_page_size (self->world->machine->ram);

    request.size = (request.size + page - 1) / page * page;
  }
  constraints = constraints_of (step, target, request.size);
  if (constraints.alignment != 0 || constraints.boundary != 0 || constraints.limit != 0)
    request.constraints = &constraints;
  self->has_failed = !kml_requests_alloc (self->world->requests, step->level, &request, &block);
  if (is_shared (self, step->name))
    kml_sync (self->world->machine);
  if (self->has_failed) {
    kml_task_tried (self->world->machine, "memory", NULL);
    target->blocks->n_lacking++;
    target->n_failed++;
    return;
  }
  kml_task_got (self->world->machine, NULL);
  kml_scheduler_took (self->world->scheduler, block.size);
  g_array_append_val (target->blocks->blocks, block);
}

static void
do_free (KmlProgramTask *self, const KmlStep *step, KmlNamedBlocks *blocks)
{
  const KmlTask *task = kml_current_task (self->world->machine);
  const KmlRequest how = request_of (step, task);
  KmlBlock block = { .addr = KML_ADDR_NONE };

  if (is_shared (self, step->name))
    kml_sync (self->world->machine);
  if (kml_named_blocks_are_gone (blocks)) {
    kml_named_blocks_report (blocks, self->world->machine, KML_INCIDENT_DOUBLE_FREE, step->name);
    return;
  }
  if (!kml_named_blocks_take (blocks, self->world->machine, &block) && blocks->n_lacking > 0)
    blocks->n_lacking--;
  if (block.addr != KML_ADDR_NONE && kml_block_in_flight (self->world, &block)) {
    kml_scheduler_report (self->world->scheduler, KML_INCIDENT_FREE_IN_FLIGHT,
                          g_strdup_printf ("%s gives back %s while a device works on it; it is "
                                           "kept",
                                           task->name, step->name));
    return;
  }
  if (kml_requests_free (self->world->requests, &block, &how))
    kml_scheduler_gave_back (self->world->scheduler, block.size);
}

/* All of the latest block of a name. With a cache model others see it: whose the lines are. */
static void
touch_block (KmlMachine *machine, const GArray *blocks, guint how)
{
  const KmlBlock *block;

  kml_spend_references (machine, KML_COST_COLD, 1);
  if (!kml_has_caches (machine))
    return;
  kml_sync (machine);
  if (blocks->len == 0)
    return;
  block = &g_array_index (blocks, KmlBlock, blocks->len - 1);
  kml_machine_touch_data (machine, block->addr, block->size, how);
}

/* The latest block of @name is about to be used. */
static void
check_use (KmlProgramTask *self, const KmlNamedBlocks *blocks, const char *name)
{
  if (is_shared (self, name))
    kml_sync (self->world->machine);
  if (kml_named_blocks_are_gone (blocks))
    kml_named_blocks_report (blocks, self->world->machine, KML_INCIDENT_USE_AFTER_FREE, name);
}

static void
do_touch (KmlProgramTask *self, const KmlStep *step, KmlStepTarget *target)
{
  guint64 first, last;

  if (target->blocks != NULL) {
    check_use (self, target->blocks, step->name);
    self->world->n_untouched += target->blocks->blocks->len == 0 &&
                                !kml_named_blocks_are_gone (target->blocks);
    touch_block (self->world->machine, target->blocks->blocks,
                 step->kind == KML_STEP_DIRTY ? KML_TOUCH_WRITE : KML_TOUCH_READ);
    return;
  }
  kml_step_choose_pages (&step->pages,
                         target->region != NULL ? target->region->n : target->mapping->n_pages,
                         &target->cursor, &self->rng, &first, &last);
  if (target->mapping != NULL) {
    self->has_failed = !kml_step_touch (step, target->mapping, first, last);
    return;
  }
  self->has_failed = FALSE;
  for (guint64 i = first; i <= last; i++)
    self->has_failed |= !kml_pager_touch (self->world->pager, target->region->first + (guint)i,
                                          step->kind == KML_STEP_DIRTY);
}

static void
do_migrate (KmlProgramTask *self, const KmlStep *step, KmlStepTarget *target)
{
  guint64 first, last;

  kml_step_choose_pages (&step->pages, target->mapping->n_pages, &target->cursor, &self->rng,
                         &first, &last);
  self->has_failed = !kml_step_migrate (self->world, target->mapping, first, last,
                                        (step->flags & KML_STEP_FLAG_PAUSING) != 0);
}

static void
do_dma (KmlProgramTask *self, const KmlStep *step, const KmlStepTarget *target)
{
  const GArray *blocks = target->blocks != NULL ? target->blocks->blocks : NULL;

  if (blocks != NULL && (step->flags & KML_STEP_FLAG_ALL) == 0) /* all may be none */
    check_use (self, target->blocks, step->other);
  self->has_failed = !kml_step_dma (self->world, step, target->dma, blocks, target->mapping);
}

/* At a random place, which must be one where it fits. */
static void
do_transfer (KmlProgramTask *self, const KmlStep *step, KmlDisk *disk)
{
  const guint64 n_sectors = (step->count + KML_SECTOR_SIZE - 1) / KML_SECTOR_SIZE;
  const guint64 sector = kml_rng_below (&self->rng, disk->n_sectors - n_sectors + 1);
  const KmlDiskStatus status = step->kind == KML_STEP_READ
                                   ? kml_disk_read (disk, sector, (guint32)n_sectors)
                                   : kml_disk_write (disk, sector, (guint32)n_sectors);

  self->has_failed = status != KML_DISK_OK;
}

/* A step that is no block, and no end of one. */
static void
do_step (KmlProgramTask *self, guint i, const KmlStep *step)
{
  KmlMachine *machine = self->world->machine;
  KmlStepTarget *target = &self->targets[i];

  switch ((KmlStepKind)step->kind) {
  case KML_STEP_ALLOC:
    do_alloc (self, step, target);
    return;
  case KML_STEP_FREE:
    do_free (self, step, target->blocks);
    return;
  case KML_STEP_TOUCH:
  case KML_STEP_DIRTY:
    do_touch (self, step, target);
    return;
  case KML_STEP_SYNC:
    self->has_failed = !kml_mapping_sync (target->mapping);
    return;
  case KML_STEP_THROTTLE:
    kml_mapping_throttle (target->mapping);
    return;
  case KML_STEP_DROP:
    kml_sync (machine);
    kml_mapping_drop (target->mapping);
    return;
  case KML_STEP_MIGRATE:
    do_migrate (self, step, target);
    return;
  case KML_STEP_COMPACT:
    kml_compaction_all (self->world->reclaim->compaction);
    return;
  case KML_STEP_DMA:
    do_dma (self, step, target);
    return;
  case KML_STEP_DMA_WAIT:
    self->has_failed = !kml_step_dma_wait (self->world, step->name);
    return;
  case KML_STEP_LOCK:
    kml_lock_take (machine, target->lock, KML_LOCK_EXCLUSIVE);
    return;
  case KML_STEP_LOCK_SHARED:
    kml_lock_take (machine, target->lock, KML_LOCK_SHARED);
    return;
  case KML_STEP_TRY_LOCK:
    self->has_failed = !kml_lock_try (machine, target->lock);
    return;
  case KML_STEP_UNLOCK:
    kml_lock_give (machine, target->lock);
    return;
  case KML_STEP_WORK:
    kml_work (machine, kml_time_law_draw (&step->time, &self->rng));
    return;
  case KML_STEP_SLEEP:
    kml_sleep (machine, kml_time_law_draw (&step->time, &self->rng));
    return;
  case KML_STEP_IO:
    kml_task_io (machine, "disk", kml_time_law_draw (&step->time, &self->rng));
    return;
  case KML_STEP_READ:
  case KML_STEP_WRITE:
    do_transfer (self, step, target->disk);
    return;
  case KML_STEP_PROGRESS:
    kml_scheduler_progress (self->world->scheduler);
    return;
  case KML_STEP_YIELD:
    kml_yield (machine);
    return;
  case KML_STEP_WAIT:
    kml_completion_wait (machine, target->completion,
                         step->other != NULL ? g_hash_table_lookup (self->world->tasks, step->other)
                                             : NULL);
    return;
  case KML_STEP_WAKE:
    kml_completion_post (machine, target->completion);
    return;
  case KML_STEP_IRQ_OFF:
    kml_irq_disable (machine);
    return;
  case KML_STEP_IRQ_ON:
    kml_irq_enable (machine);
    return;
  case KML_STEP_SOFTIRQ_OFF:
    kml_softirq_disable (machine);
    return;
  case KML_STEP_SOFTIRQ_ON:
    kml_softirq_enable (machine);
    return;
  case KML_STEP_PREEMPT_OFF:
    kml_preempt_disable (machine);
    return;
  case KML_STEP_PREEMPT_ON:
    kml_preempt_enable (machine);
    return;
  case KML_STEP_REPEAT:
  case KML_STEP_RETRY:
  case KML_STEP_IF_FAILED:
  case KML_STEP_NOFS:
  case KML_STEP_NOIO:
  case KML_STEP_NORECLAIM:
  case KML_STEP_CALL:
  case KML_STEP_RECLAIM:
  case KML_STEP_IPI:
  case KML_STEP_END:
  case KML_N_STEPS:
    break;
  }
  g_assert_not_reached ();
}

/* What follows is done for the last alloc, which is in direct reclaim. FALSE: its flags say that no file system may be called. */
static gboolean
begin_reclaim (const KmlProgramTask *self, KmlMachine *machine)
{
  if (!kml_gfp_may_sleep (self->gfp) || !kml_gfp_may_fs (self->gfp) ||
      kml_current_task (machine)->n_reclaims > 0)
    return FALSE;
  kml_call_begin (machine, "direct reclaim");
  kml_lockdep_enter_reclaim (machine, self->gfp);
  kml_task_part (machine, KML_PART_RECLAIM);
  return TRUE;
}

static void
end_reclaim (KmlMachine *machine)
{
  kml_task_part (machine, KML_PART_RUN);
  kml_lockdep_leave_reclaim (machine);
  kml_current_task (machine)->n_chain--;
}

/* What requests for memory in the block may not do, or may besides: KML_MEMALLOC_… */
static guint8
scope_of (guint8 kind)
{
  switch (kind) {
  case KML_STEP_NOFS:
    return KML_MEMALLOC_NOFS;
  case KML_STEP_NOIO:
    return KML_MEMALLOC_NOIO;
  default:
    return KML_MEMALLOC_RESERVES;
  }
}

/* The handler of an interrupt that another CPU has sent. */
static void
do_elsewhere (KmlMachine *machine, gpointer data)
{
  const KmlStepTarget *target = data;
  KmlProgramTask *sender = target->sender;
  const KmlStep *step = &g_array_index (sender->program->steps, KmlStep, target->step);

  run_steps (machine, g_ptr_array_index (sender->elsewhere, kml_current_task (machine)->cpu),
             target->step + 1, step->target - 1);
}

static void
do_ipi (KmlMachine *machine, KmlStepTarget *target, const KmlStep *step)
{
  const KmlIpiHow how = KML_IPI_QUIET |
                        ((step->flags & KML_STEP_FLAG_NOWAIT) == 0 ? KML_IPI_WAIT : 0);

  if ((step->flags & KML_STEP_FLAG_ALL) != 0)
    kml_ipi_call_others (machine, NULL, do_elsewhere, target, how);
  else
    kml_ipi_call (machine, (guint)step->count, do_elsewhere, target, how);
}

/* A round of a retry begins, whose steps are those between @begin and @end; or, if it is done @again, the next. */
static void
begin_round (KmlProgramTask *self, guint begin, guint end, gboolean again)
{
  for (guint i = begin + 1; i < end; i++) {
    KmlStepTarget *target = &self->targets[i];

    if (again && target->n_failed > 0)
      target->blocks->n_lacking -= MIN (target->blocks->n_lacking, target->n_failed);
    target->n_failed = 0;
  }
}

/* For who tells of it when nothing comes of it. */
static void
begin_loop (KmlProgramTask *self, guint i)
{
  KmlStepTarget *target = &self->targets[i];

  target->begun = kml_progress_n_steps (self->world->scheduler);
  target->n_chain = kml_current_task (self->world->machine)->n_chain;
}

/* The step after a block's beginning: its first, or the one behind it. */
static guint
begin_block (KmlProgramTask *self, guint i, const KmlStep *step)
{
  KmlTask *task = kml_current_task (self->world->machine);

  switch (step->kind) {
  case KML_STEP_REPEAT:
    self->left[i] = step->count;
    begin_loop (self, i);
    return step->count > 0 ? i + 1 : step->target;
  case KML_STEP_RETRY:
    kml_progress_tries (self->world->scheduler);
    begin_round (self, i, step->target, FALSE);
    begin_loop (self, i);
    self->has_failed = FALSE;
    return i + 1;
  case KML_STEP_IF_FAILED:
    return self->has_failed ? i + 1 : step->target;
  case KML_STEP_IPI:
    task->step = step->text;
    do_ipi (self->world->machine, &self->targets[i], step);
    return step->target;
  case KML_STEP_RECLAIM:
    return begin_reclaim (self, self->world->machine) ? i + 1 : step->target;
  case KML_STEP_NOFS:
  case KML_STEP_NOIO:
  case KML_STEP_NORECLAIM:
    self->left[i] = task->memalloc;
    task->memalloc |= scope_of (step->kind);
    return i + 1;
  default:
    kml_call_begin (self->world->machine, step->name);
    return i + 1;
  }
}

static guint
end_block (KmlProgramTask *self, guint i, guint begin)
{
  const KmlStep *step = &g_array_index (self->program->steps, KmlStep, begin);
  KmlTask *task = kml_current_task (self->world->machine);

  if (step->kind == KML_STEP_REPEAT && --self->left[begin] > 0)
    return begin + 1;
  if (step->kind == KML_STEP_RETRY) {
    const gboolean again = self->has_failed;

    self->has_failed = FALSE;
    if (again) {
      begin_round (self, begin, i, TRUE);
      kml_progress_tries_again (self->world->scheduler);
      return begin + 1;
    }
    kml_progress_tried (self->world->scheduler, TRUE);
  }
  if (step->kind == KML_STEP_CALL)
    task->n_chain--;
  else if (step->kind == KML_STEP_RECLAIM)
    end_reclaim (self->world->machine);
  else if (step->kind >= KML_STEP_NOFS && step->kind <= KML_STEP_NORECLAIM)
    task->memalloc = (guint8)self->left[begin];
  return i + 1;
}

/* Whether something was achieved, where programs do not say so themselves. */
static gboolean
achieves (const KmlProgramTask *self, const KmlStep *step)
{
  switch (step->kind) {
  case KML_STEP_FREE:
  case KML_STEP_IO:
    return TRUE;
  case KML_STEP_ALLOC:
  case KML_STEP_TOUCH:
  case KML_STEP_DIRTY:
  case KML_STEP_READ:
  case KML_STEP_WRITE:
  case KML_STEP_SYNC:
  case KML_STEP_MIGRATE:
  case KML_STEP_DMA:
  case KML_STEP_DMA_WAIT:
    return !self->has_failed;
  default:
    return FALSE;
  }
}

/* Who was killed ends where it is not in the middle of something that others wait for. */
static gboolean
must_die (const KmlMachine *machine)
{
  const KmlTask *task = kml_current_task (machine);

  return G_UNLIKELY (task->is_killed) && task->n_held == 0 && !kml_in_atomic (machine);
}

/* Those from @i up to the one before @end. */
static void
run_steps (KmlMachine *machine, KmlProgramTask *self, guint i, guint end)
{
  const GArray *steps = self->program->steps;

  while (i < end && !must_die (machine)) {
    const KmlStep *step = &g_array_index (steps, KmlStep, i);

    if (kml_step_forms[step->kind].has_block) {
      i = begin_block (self, i, step);
    } else if (step->kind == KML_STEP_END) {
      i = end_block (self, i, step->target);
    } else {
      kml_current_task (machine)->step = step->text;
      do_step (self, i, step);
      if (!self->world->says_progress && achieves (self, step))
        kml_scheduler_progress (self->world->scheduler);
      i++;
    }
    if (G_UNLIKELY (!kml_progress_step (self->world->scheduler, &self->count)))
      kml_sync (machine);
  }
}

/* ---- Telling ---- */

/* The place of the step that the task is in. */
static guint
place_of (const KmlProgramTask *self, const char *text)
{
  const GArray *steps = self->program->steps;
  guint i = 0;

  while (i < steps->len && g_array_index (steps, KmlStep, i).text != text)
    i++;
  return i;
}

/* Whether the step at @at is in the block that begins at @i. */
static gboolean
is_in_block (const KmlProgramTask *self, guint at, guint i)
{
  return g_array_index (self->program->steps, KmlStep, i).target > at;
}

/* The step at @at itself tries something again and again, besides the retries around it. */
static gboolean
tries_itself (const KmlProgramTask *self, guint at, guint n_tries)
{
  for (guint i = 0; i < at; i++)
    n_tries -= g_array_index (self->program->steps, KmlStep, i).kind == KML_STEP_RETRY &&
               is_in_block (self, at, i);
  return n_tries > 0;
}

gboolean
kml_program_find_round (const KmlTask *task, guint64 n_steps, KmlRound *ret_round)
{
  const KmlProgramTask *self = task->data;
  const guint at = place_of (self, task->step);

  if (at == self->program->steps->len || tries_itself (self, at, task->vain.depth))
    return FALSE;
  for (guint i = at; i-- > 0;) {
    const KmlStep *step = &g_array_index (self->program->steps, KmlStep, i);

    if ((step->kind != KML_STEP_REPEAT && step->kind != KML_STEP_RETRY) ||
        !is_in_block (self, at, i) || self->targets[i].begun > n_steps)
      continue;
    *ret_round = (KmlRound){ step->text, self->targets[i].n_chain };
    return TRUE;
  }
  return FALSE;
}

void
kml_program_run (KmlMachine *machine, gpointer data)
{
  KmlProgramTask *self = data;

  run_steps (machine, self, 0, self->program->steps->len);
}
