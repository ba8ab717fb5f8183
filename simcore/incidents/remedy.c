/* remedy.c: what would have kept tasks from waiting for each other.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A deadlock needs four things at a time (E. G. Coffman, M. J. Elphick, A. Shoshani, "System Deadlocks", ACM Computing Surveys 3(2), 1971), and kernels have a
 * customary way to take one of them away, which depends on what is waited for:
 *
 *     locks                     one order everywhere, or back-off: the second is only tried
 *     a lock of one's own       do not call what takes it
 *     a handler's lock          interrupts are off while it is held
 *     another CPU's answer      interrupts are on while it is waited for
 *     pager and allocator       pinned metadata, or a pool of the pager's own
 *     reclaim and a lock        GFP_NOFS, GFP_NOIO: do not reclaim by what you hold
 *     reclaim and its helper    the helper has reclaim's rights (PF_MEMALLOC)
 *     memory itself             a reserve that was filled beforehand
 *     elements of a pool        one more, or a pool of one's own
 *     a lock and an event       give the lock back before the wait
 *
 * What is told is the first of these that the knot shows; a remedy for this knot, and not the only one. Whether it is enough is for explore to say.
 */

#include "simcore/locks/lock.h"
#include "simcore/pages/memalloc.h"
#include "simcore/tasks/scheduler-private.h"

typedef struct {
  const KmlScheduler *scheduler;
  const GPtrArray *tasks; /* (element-type KmlTask): the knot */
} Knot;

/* NULL: there are no more. */
static const KmlTask *
task_at (const Knot *self, guint i)
{
  return i < self->tasks->len ? g_ptr_array_index (self->tasks, i) : NULL;
}

/* Of those that @task has, the one that another waits for. (nullable) */
static const KmlLock *
wanted_of (const Knot *self, const KmlTask *task)
{
  const KmlTask *other;

  for (guint i = 0; (other = task_at (self, i)) != NULL; i++)
    if (other->wait.kind == KML_WAIT_LOCK && kml_lock_is_held_by (other->wait.lock, task))
      return other->wait.lock;
  return NULL;
}

/* Any that is waited for. (nullable) */
static const KmlLock *
any_wanted (const Knot *self)
{
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++)
    if (task->wait.kind == KML_WAIT_LOCK)
      return task->wait.lock;
  return NULL;
}

/* ---- Handlers ---- */

/* A handler that runs in the place of @task. (nullable) */
static const KmlTask *
interrupter (const Knot *self, const KmlTask *task)
{
  const KmlTask *there = kml_wait_cpu_blocker (self->scheduler, task);

  return there != NULL && there->irq != NULL && there->state != KML_TASK_ENDED ? there : NULL;
}

static char *
of_handlers (const Knot *self)
{
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++) {
    const KmlTask *handler = interrupter (self, task);
    const KmlLock *lock = wanted_of (self, task);

    if (handler != NULL && lock != NULL)
      return g_strdup_printf (
          "hold %s with %s off (kind = %s), so that %s cannot come meanwhile", lock->name,
          handler->irq->level == KML_LEVEL_SOFTIRQ ? "softirqs" : "interrupts",
          kml_lock_kind_names[handler->irq->level == KML_LEVEL_SOFTIRQ ? KML_LOCK_SPIN_SOFTIRQ
                                                                       : KML_LOCK_SPIN_IRQ],
          handler->name);
  }
  return NULL;
}

/* Handlers that are to come, and cannot. */
static char *
of_calls (const Knot *self)
{
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++)
    if (task->irq != NULL && task->state == KML_TASK_ENDED &&
        kml_wait_cpu_blocker (self->scheduler, task) != NULL)
      return g_strdup ("turn interrupts on before waiting for another CPU, or do not wait for "
                       "its answer");
  return NULL;
}

/* ---- Memory ---- */

static gboolean
is_named (const KmlLock *lock, const char *name)
{
  return g_str_equal (lock->name, name);
}

static char *
of_pager (const Knot *self)
{
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++)
    for (guint j = 0; j < task->n_held; j++)
      if (is_named (task->held[j].lock, "pager") && task->n_reclaims == 0)
        return g_strdup ("pin what the allocator touches under its lock ([pager] metadata = "
                         "pinned), or give the pager a pool of its own ([pager] pool = 4)");
  return NULL;
}

/* It is for memory, and not for a page that somebody has in his hands. */
static gboolean
waits_for_memory (const KmlTask *task)
{
  return task->wait.kind == KML_WAIT_MEMORY && task->wait.provider == NULL;
}

static char *
of_memory (const Knot *self)
{
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++)
    if (waits_for_memory (task)) {
      const KmlLock *lock = wanted_of (self, task);

      return g_strdup_printf ("%s gets its memory before it takes %s, or from a reserve that was "
                              "filled before ([pool NAME])",
                              task->name, lock != NULL ? lock->name : "what others wait for");
    }
  return NULL;
}

/* Who may use the reserve since it frees memory, and leaves it to another. */
static const KmlTask *
freeing (const Knot *self)
{
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++)
    if (task->n_reclaims == 0 && (task->memalloc & KML_MEMALLOC_RESERVES))
      return task;
  return NULL;
}

static char *
of_reclaim (const Knot *self)
{
  const KmlTask *helped = freeing (self);
  const KmlLock *lock = any_wanted (self);
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++) {
    if (task->n_reclaims == 0)
      continue;
    if (helped != NULL)
      return g_strdup_printf ("%s works for %s, which frees memory, and needs its right to the "
                              "reserve (memalloc = noreclaim, PF_MEMALLOC)",
                              task->name, helped->name);
    if (lock == NULL)
      return g_strdup_printf ("%s asks with GFP_NOFS, or GFP_NOIO below a file system (memalloc = "
                              "nofs), so that reclaim does not wait for what it must do",
                              task->name);
    return g_strdup_printf ("ask with GFP_NOFS, or GFP_NOIO below a file system, where %s is held "
                            "(memalloc-nofs { … }), so that reclaim does not need it",
                            lock->name);
  }
  return NULL;
}

/* A page that another reads, writes or moves. */
static char *
of_pages (const Knot *self)
{
  const KmlLock *lock = any_wanted (self);
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++) {
    const KmlTask *other = task->wait.provider;

    if (task->wait.kind == KML_WAIT_MEMORY && task->part != KML_PART_THROTTLE && other != NULL &&
        lock != NULL)
      return g_strdup_printf ("%s, which has the page in its hands, keeps out of file systems "
                              "meanwhile and so does without %s (memalloc = nofs)",
                              other->name, lock->name);
  }
  return NULL;
}

/* ---- Pools ---- */

static gboolean
waits_for_pool (const Knot *self, const KmlTask *task)
{
  const KmlTask *other;

  for (guint i = 0; (other = task_at (self, i)) != NULL; i++)
    if (task->wait.providers != NULL && kml_task_has_element (other, task->wait.providers))
      return TRUE;
  return FALSE;
}

static guint
n_out (const Knot *self, const KmlProviders *pool)
{
  guint n = 0;
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++)
    for (guint j = 0; j < task->n_elements; j++)
      n += task->elements[j].pool == pool;
  return n;
}

static char *
of_pools (const Knot *self)
{
  const KmlTask *one = NULL, *of_another_pool = NULL;
  guint n = 0;
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++) {
    if (!waits_for_pool (self, task))
      continue;
    n++;
    if (one == NULL)
      one = task;
    else if (task->wait.providers != one->wait.providers)
      of_another_pool = task;
  }
  if (one == NULL)
    return NULL;
  if (n < self->tasks->len)
    return g_strdup_printf ("%s gets an element of its own, from a pool that nobody else takes "
                            "from, since others wait for it with those of %s",
                            one->name, one->wait.what);
  if (of_another_pool != NULL)
    return g_strdup_printf ("take from %s and %s in one order everywhere", one->wait.what,
                            of_another_pool->wait.what);
  return g_strdup_printf ("an element more than those out: %s with size = %u; or nobody asks for "
                          "a second one while it has one",
                          one->wait.what, n_out (self, one->wait.providers) + 1);
}

/* ---- Locks ---- */

static char *
of_one (const KmlTask *task)
{
  if (task->wait.kind != KML_WAIT_LOCK)
    return NULL;
  return g_strdup_printf ("%s calls nothing that takes %s while it has it: it gives it back "
                          "before, or calls a variant for who has it",
                          task->name, task->wait.lock->name);
}

/* "A and B", "A, B and C". (transfer full) (nullable): not all wait for locks. */
static char *
names_of_locks (const Knot *self)
{
  const guint n = self->tasks->len;
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++) {
    const KmlTask *task = g_ptr_array_index (self->tasks, i);

    if (task->wait.kind != KML_WAIT_LOCK) {
      g_string_free (text, TRUE);
      return NULL;
    }
    g_string_append_printf (text, "%s%s",
                            i == 0       ? ""
                            : i + 1 == n ? " and "
                                         : ", ",
                            task->wait.lock->name);
  }
  return g_string_free (text, FALSE);
}

static char *
of_locks (const Knot *self)
{
  g_autofree char *names = NULL;

  if (self->tasks->len == 1)
    return of_one (g_ptr_array_index (self->tasks, 0));
  names = names_of_locks (self);
  if (names == NULL)
    return NULL;
  return g_strdup_printf ("take %s in one order everywhere, or only try the last (try-lock) and "
                          "give the others back when that fails",
                          names);
}

static char *
of_events (const Knot *self)
{
  const KmlTask *task;

  for (guint i = 0; (task = task_at (self, i)) != NULL; i++) {
    const KmlLock *lock = wanted_of (self, task);

    if (task->wait.kind != KML_WAIT_LOCK && task->wait.what != NULL && lock != NULL)
      return g_strdup_printf ("%s gives %s back before it waits for %s", task->name, lock->name,
                              task->wait.what);
  }
  return NULL;
}

char *
kml_remedy_of_knot (const KmlScheduler *scheduler, const GPtrArray *knot)
{
  static char *(*const rules[]) (const Knot *) = {
    of_handlers, of_calls, of_pager, of_memory, of_reclaim, of_pages, of_pools, of_locks, of_events,
  };
  const Knot self = { scheduler, knot };
  char *remedy = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rules) && remedy == NULL; i++)
    remedy = rules[i](&self);
  return remedy;
}
