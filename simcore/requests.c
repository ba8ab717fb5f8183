/* requests.c: requests of tasks, measured.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/requests.h"

#include "simcore/lockdep.h"
#include "simcore/memalloc.h"

const char *const kml_free_from_names[] = {
  [KML_FREE_FROM_ANY] = "any",
  [KML_FREE_FROM_SOFTIRQ] = "softirq",
  [KML_FREE_FROM_PROCESS] = "process",
  [KML_FREE_FROM_SLEEPABLE] = "sleepable",
  NULL,
};

void
kml_requests_clear (KmlRequests *self)
{
  for (guint i = 0; i < KML_N_OPERATIONS; i++)
    for (guint j = 0; j < KML_N_CONTEXTS; j++)
      g_clear_pointer (&self->who[i][j], g_free);
}

static void
forget_names (gpointer data)
{
  kml_requests_clear (data);
}

void
kml_requests_remember (KmlRequests *self, KmlImage *image)
{
  kml_image_add_hook (image, forget_names, self);
  kml_image_add (image, self, sizeof *self);
}

/* What a task did with its time up to now. */
static void
parts_of (KmlTask *task, KmlTime now, KmlTime *ret_parts)
{
  kml_task_account_now (task, now);
  memcpy (ret_parts, task->parts, sizeof task->parts);
}

static void
remember_worst (KmlRequests *self, KmlOperation operation, const KmlTask *task,
                const KmlTime *before, KmlTime latency)
{
  const guint context = task->context;

  if (latency <= self->worst[operation][context] && self->who[operation][context] != NULL)
    return;
  self->worst[operation][context] = latency;
  for (guint i = 0; i < KML_N_PARTS; i++)
    self->parts[operation][context][i] = task->parts[i] - before[i];
  g_free (self->who[operation][context]);
  self->who[operation][context] = g_strdup (task->name);
}

/* An operation begins, and counts from now on: operations are recorded in the order in which they begin. Returns when it is. */
static KmlTime
begin (KmlRequests *self, KmlTask *task, KmlTime *ret_parts)
{
  KmlMachine *machine = self->machine;

  kml_sync_on (machine, KML_OBJECT_NONE); /* only the recorder sees it */
  if (machine->now >= self->recorder->next_snapshot)
    kml_recorder_snapshot_due (self->recorder, machine->now);
  kml_tally_pass_time (&self->recorder->tally, machine->now);
  if (self->recorder->config.population)
    kml_population_pass_time (&self->recorder->population,
                              kml_recorder_live_blocks (self->recorder), machine->now);
  parts_of (task, machine->now, ret_parts);
  return machine->now;
}

/* The operation is over: what all of them have in common. */
static void
finish (KmlRequests *self, KmlOperation operation, KmlTask *task, const KmlTime *before,
        KmlTime start)
{
  KmlMachine *machine = self->machine;

  kml_task_account_now (task, machine->now);
  remember_worst (self, operation, task, before, machine->now - start);
  if (machine->free_area.has_changed)
    kml_recorder_look_at_pages (self->recorder);
  self->n_operations++;
  if (!self->recorder->is_warm && self->n_operations >= self->recorder->config.warm_up)
    kml_recorder_end_warm_up (self->recorder);
}

/* One that was given a block, or gave one back. @what: see journal.h. */
static void
record (KmlRequests *self, KmlOperation operation, const KmlTask *task, KmlTime start, KmlAddr addr,
        guint64 what)
{
  const KmlTime now = self->machine->now;

  kml_recorder_add_entry (self->recorder, start, now, addr, what);
  kml_recorder_add_latency (self->recorder, operation, task->context, now - start);
}

/* ---- Where memory may be given back ---- */

static gboolean
may_free_here (const KmlRequests *self, KmlLevel level, const KmlTask *task)
{
  switch (self->free_from[level]) {
  case KML_FREE_FROM_ANY:
    return TRUE;
  case KML_FREE_FROM_SOFTIRQ:
    return task->context != KML_CONTEXT_HARDIRQ;
  case KML_FREE_FROM_PROCESS:
    return task->context == KML_CONTEXT_PROCESS;
  case KML_FREE_FROM_SLEEPABLE:
    return !kml_in_atomic (self->machine);
  case KML_N_FREE_FROM:
    break;
  }
  g_assert_not_reached ();
}

static void
check_free (KmlRequests *self, const KmlBlock *block, const KmlTask *task)
{
  if (may_free_here (self, block->level, task))
    return;
  kml_scheduler_report (self->machine->scheduler, KML_INCIDENT_FREE_CONTEXT,
                        g_strdup_printf ("%s gives back memory in a context where its allocator "
                                         "forbids it (free-from = %s)",
                                         task->name,
                                         kml_free_from_names[self->free_from[block->level]]));
}

gboolean
kml_requests_alloc (KmlRequests *self, KmlLevel level, const KmlRequest *request,
                    KmlBlock *ret_block)
{
  KmlAllocator *allocator = level == KML_LEVEL_PAGES ? self->pages : self->objects;
  KmlTask *task = kml_current_task (self->machine);
  KmlTime before[KML_N_PARTS], start;
  const KmlGfp gfp = kml_memalloc_gfp (task, request->gfp);
  guint64 held = 0;
  const KmlOp op = { .request = *request, .kind = KML_OP_ALLOC, .level = (guint8)level };
  KmlAddr addr;

  kml_lockdep_might_reclaim (self->machine, gfp);
  kml_might_alloc (self->machine, gfp);
  start = begin (self, task, before);
  addr = kml_allocator_alloc (allocator, request, &held);
  finish (self, KML_OPERATION_ALLOC, task, before, start);
  *ret_block = (KmlBlock){ addr, request->size, held, level };
  if (addr == KML_ADDR_NONE) {
    kml_recorder_failed (self->recorder, &op, start, self->machine->now);
    return FALSE;
  }
  record (self, KML_OPERATION_ALLOC, task, start, addr,
          kml_what_pack (kml_what_block (request->size, level), KML_OP_ALLOC, request));
  kml_tally_add_alloc (&self->recorder->tally, request->size, held);
  kml_recorder_add_waste (self->recorder, request->size, held);
  return TRUE;
}

gboolean
kml_requests_free (KmlRequests *self, KmlBlock *block, const KmlRequest *how)
{
  KmlAllocator *allocator = block->level == KML_LEVEL_PAGES ? self->pages : self->objects;
  KmlTask *task = kml_current_task (self->machine);
  KmlTime before[KML_N_PARTS], start;
  const KmlBlock given = *block;

  block->addr = KML_ADDR_NONE; /* nobody else may give it back meanwhile */
  if (given.addr == KML_ADDR_NONE) {
    self->recorder->n_free_skipped++;
    return FALSE;
  }
  check_free (self, &given, task);
  start = begin (self, task, before);
  block->held = kml_allocator_free_block (allocator, given.addr, how);
  finish (self, KML_OPERATION_FREE, task, before, start);
  record (self, KML_OPERATION_FREE, task, start, given.addr,
          kml_what_pack (kml_what_block (given.size, given.level), KML_OP_FREE, how));
  kml_tally_add_free (&self->recorder->tally, given.size, block->held);
  return TRUE;
}

gboolean
kml_requests_split (KmlRequests *self, KmlBlock *lower, KmlBlock *ret_upper, const KmlRequest *how)
{
  const guint64 half = lower->size / 2;
  KmlTime start;

  g_assert (lower->level == KML_LEVEL_PAGES);
  kml_sync_on (self->machine, KML_OBJECT_NONE);
  start = self->machine->now;
  *ret_upper = (KmlBlock){ .addr = KML_ADDR_NONE, .size = half, .level = KML_LEVEL_PAGES };
  if (lower->addr == KML_ADDR_NONE || self->pages->ops->split == NULL ||
      !self->pages->ops->split (self->pages, lower->addr, half))
    return FALSE;
  lower->size = half;
  ret_upper->addr = lower->addr + half;
  kml_recorder_add_entry (
      self->recorder, start, self->machine->now, lower->addr,
      kml_what_pack (kml_what_block (half, KML_LEVEL_PAGES), KML_OP_SPLIT, how));
  self->recorder->n_split++;
  self->n_operations++;
  return TRUE;
}
