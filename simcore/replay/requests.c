/* requests.c: requests of tasks, measured.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/replay/requests-private.h"

void
kml_requests_init (KmlRequests *self, KmlMachine *machine, KmlAllocator *pages,
                   KmlAllocator *objects, KmlRecorder *recorder)
{
  *self = (KmlRequests){
    .machine = machine,
    .pages = pages,
    .objects = objects,
    .recorder = recorder,
  };
  self->givers.tasks = g_ptr_array_new ();
  machine->observer = (KmlObserver){ kml_recorder_look_before_pages, recorder };
}

void
kml_requests_clear (KmlRequests *self)
{
  g_clear_pointer (&self->givers.tasks, g_ptr_array_unref);
  if (self->machine != NULL)
    self->machine->observer = (KmlObserver){ 0 };
}

void
kml_requests_remember (KmlRequests *self, KmlImage *image)
{
  kml_image_add (image, self, sizeof *self);
}

/* ---- One request ---- */

void
kml_requests_note_longest (KmlRequests *self, KmlOperation operation, const KmlCourse *course,
                           KmlLevel level, guint64 size, const KmlRequest *request)
{
  KmlTask *task = course->task;
  KmlLongest *longest = &self->recorder->longest[operation][task->context];

  kml_task_account_now (task, self->machine->now);
  *longest = (KmlLongest){
    .latency = self->machine->now - course->start,
    .start = course->start,
    .size = size,
    .gfp = request->gfp,
    .cpu = task->cpu,
    .level = (guint8)level,
    .task = task->name,
    .step = task->step,
    .workload = task->workload,
    .site = request->site,
    .cause = course->cause,
  };
  if (course->cause.lasted == 0)
    kml_cause_place (&longest->cause, task->chain, task->n_chain);
  for (guint i = 0; i < KML_N_PARTS; i++)
    longest->parts[i] = task->parts[i] - course->parts[i];
  kml_longest_check (longest);
}

/* ---- Where allocators may be called ---- */

static gboolean
is_allowed_here (const KmlMachine *machine, KmlFrom from)
{
  const guint context = kml_current_task (machine)->context;

  switch (from) {
  case KML_FROM_ANY:
    return TRUE;
  case KML_FROM_SOFTIRQ:
    return context != KML_CONTEXT_HARDIRQ;
  case KML_FROM_PROCESS:
    return context == KML_CONTEXT_PROCESS;
  case KML_FROM_SLEEPABLE:
    return !kml_in_atomic (machine);
  case KML_N_FROM:
    break;
  }
  g_assert_not_reached ();
}

void
kml_requests_check_alloc (const KmlRequests *self, KmlFrom from)
{
  if (!is_allowed_here (self->machine, from))
    kml_scheduler_report (self->machine->scheduler, KML_INCIDENT_ALLOC_CONTEXT,
                          g_strdup_printf ("%s asks for memory in a context where its allocator "
                                           "forbids it (alloc-from = %s)",
                                           kml_current_task (self->machine)->name,
                                           kml_from_names[from]));
}

void
kml_requests_check_free (const KmlRequests *self, KmlFrom from)
{
  if (!is_allowed_here (self->machine, from))
    kml_scheduler_report (self->machine->scheduler, KML_INCIDENT_FREE_CONTEXT,
                          g_strdup_printf ("%s gives back memory in a context where its allocator "
                                           "forbids it (free-from = %s)",
                                           kml_current_task (self->machine)->name,
                                           kml_from_names[from]));
}

/* ---- Who must not fail ---- */

void
kml_requests_wake_waiters (KmlRequests *self)
{
  while (self->waiters != NULL) {
    KmlRequestWaiter *first = self->waiters;

    self->waiters = first->next;
    kml_task_wake (first->task);
  }
}

static void
start_waiting (KmlRequests *self, KmlRequestWaiter *waiter)
{
  KmlRequestWaiter **at = &self->waiters;

  while (*at != NULL)
    at = &(*at)->next;
  *at = waiter;
}

static void
stop_waiting (KmlRequests *self, const KmlRequestWaiter *waiter)
{
  for (KmlRequestWaiter **at = &self->waiters; *at != NULL; at = &(*at)->next)
    if (*at == waiter) {
      *at = waiter->next; /* woken by somebody else, for another reason */
      return;
    }
}

/* A workload's operations are executed one after the other: what would end the wait may come behind it. */
static gboolean
must_not_fail (const KmlRequests *self, const KmlTask *task, KmlGfp gfp)
{
  return (gfp & KML_GFP_NOFAIL) && kml_gfp_may_sleep (kml_memalloc_gfp (task, gfp)) &&
         task->workload == 0 && !kml_in_atomic (self->machine);
}

/* There was no memory for @request: it may have the reserve, and waits until there is some, where it must. */
static KmlAddr
insist (KmlRequests *self, KmlTask *task, KmlLevel level, const KmlRequest *request,
        guint64 *ret_held)
{
  const KmlWait wait = { .kind = KML_WAIT_MEMORY, .what = "memory", .providers = &self->givers };
  const guint8 scopes = task->memalloc;

  if (!must_not_fail (self, task, request->gfp))
    return KML_ADDR_NONE;
  kml_progress_tries (self->machine->scheduler);
  task->memalloc |= KML_MEMALLOC_RESERVES;
  for (;;) {
    const guint64 n_freed = kml_requests_n_freed (self);
    const KmlAddr addr = kml_allocator_alloc (
        level == KML_LEVEL_PAGES ? self->pages : self->objects, request, ret_held);

    if (addr != KML_ADDR_NONE) {
      task->memalloc = scopes;
      kml_progress_tried (self->machine->scheduler, TRUE);
      return addr;
    }
    kml_progress_tries_again (self->machine->scheduler);
    kml_sync (self->machine);
    if (kml_requests_n_freed (self) ==
        n_freed) { /* nobody was faster than this could begin to wait */
      KmlRequestWaiter waiter = { .task = task };

      start_waiting (self, &waiter);
      kml_task_wait (self->machine, &wait, KML_PART_MEMORY, FALSE);
      stop_waiting (self, &waiter);
    }
  }
}

/* ---- What tasks call ---- */

gboolean
kml_requests_alloc (KmlRequests *self, KmlLevel level, const KmlRequest *request,
                    KmlBlock *ret_block)
{
  KmlAllocator *allocator = level == KML_LEVEL_PAGES ? self->pages : self->objects;
  guint64 held = 0;
  KmlCourse course;
  KmlAddr addr;

  kml_requests_approach_alloc (self, level, request);
  kml_sync_on (self->machine, KML_OBJECT_NONE); /* only the recorder sees it */
  kml_requests_begin (self, kml_current_task (self->machine), &course);
  addr = kml_allocator_alloc (allocator, request, &held);
  if (G_UNLIKELY (addr == KML_ADDR_NONE))
    addr = insist (self, course.task, level, request, &held);
  return kml_requests_end_alloc (self, &course, level, request, addr, held, ret_block);
}

gboolean
kml_requests_free (KmlRequests *self, KmlBlock *block, const KmlRequest *how)
{
  KmlCourse course;
  KmlBlock given;

  if (!kml_requests_approach_free (self, block, &given))
    return FALSE;
  kml_sync_on (self->machine, KML_OBJECT_NONE);
  kml_requests_begin (self, kml_current_task (self->machine), &course);
  block->held = kml_allocator_free_block (
      given.level == KML_LEVEL_PAGES ? self->pages : self->objects, given.addr, how);
  kml_requests_end_free (self, &course, &given, block->held, how);
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

/* All at once to the recorder, as in straight code. Frames are taken before anybody else is let in. */
void
kml_requests_free_old (KmlRequests *self, const KmlOp *op)
{
  const KmlRequest *how = &op->request;
  KmlMachine *machine = self->machine;
  const guint64 n_frames = how->size >> machine->ram->page_shift;
  KmlOldCursor cursor = { .number = op->other, .end = op->other + n_frames };
  guint64 n_taken = 0;
  KmlAddr addr = KML_ADDR_NONE;
  KmlPfn pfn;
  KmlCourse course;

  if (self->old == NULL)
    return;
  if (self->free_from[KML_LEVEL_PAGES] != KML_FROM_ANY)
    kml_requests_check_free (self, self->free_from[KML_LEVEL_PAGES]);
  kml_sync_on (machine, KML_OBJECT_NONE);
  kml_requests_begin (self, kml_current_task (machine), &course);
  if (op->old >= KML_OLD_MOVED)
    kml_old_frames_move (self->old, self->pages, op);
  while (op->old != KML_OLD_MOVE && kml_old_frames_next (self->old, op, &cursor, &pfn)) {
    if (n_taken++ == 0)
      addr = kml_ram_addr (machine->ram, pfn);
    kml_allocator_free_block (self->pages, kml_ram_addr (machine->ram, pfn), how);
  }
  kml_requests_end (self, &course);
  if (n_taken == 0)
    return;
  self->n_free_old++;
  kml_recorder_add_entry (
      self->recorder, course.start, machine->now, addr,
      kml_what_pack (kml_what_block (n_taken << machine->ram->page_shift, KML_LEVEL_PAGES),
                     KML_OP_FREE_OLD, how));
  if (self->waiters != NULL)
    kml_requests_wake_waiters (self);
}
