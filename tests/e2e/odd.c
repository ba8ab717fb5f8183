/* odd.c: a module for the end-to-end tests: an allocator that dies, one that is picky, a workload that takes its time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Neither is a model of anything. `dying` gives every object pages of its own until
 * it has answered `after` requests, then ends the process in the way that
 * `death` says; with `check` only when it is asked whether it is well. `slow` waits on the host's clock between operations, which no
 * workload may do, so that a test has time to interrupt a run; what it asks for
 * does not depend on the wait.
 */

#include "simcore/plugin.h"
#include "simcore/workload.h"

#include <signal.h>
#include <unistd.h>

/* ---- dying ---- */

typedef enum {
  DEATH_ASSERT,
  DEATH_SIGNAL,
  DEATH_EXIT,
  DEATH_CHECK
} Death;

typedef struct {
  KmlAllocator base;
  guint64 after;
  guint death; /* Death */
  guint64 n_answered;
} Dying;

static const char *const deaths[] = { "assert", "signal", "exit", "check", NULL };

static const KmlParam dying_params[] = {
  { .name = "after",
    .type = KML_PARAM_COUNT,
    .value = "10",
    .offset = G_STRUCT_OFFSET (Dying, after),
    .summary = "requests that are answered; 0: all" },
  { .name = "death",
    .type = KML_PARAM_CHOICE,
    .value = "assert",
    .choices = deaths,
    .offset = G_STRUCT_OFFSET (Dying, death),
    .summary = "how the process ends" },
  { NULL },
};

static gboolean
dying_init (KmlAllocator *base, GError **error)
{
  return TRUE;
}

static void
die (Death death)
{
  if (death == DEATH_SIGNAL) {
    signal (SIGSEGV, SIG_DFL); /* a sanitizer has a handler of its own */
    raise (SIGSEGV);
  }
  if (death == DEATH_EXIT)
    _exit (3);
  g_assert_cmpstr ("the allocator", ==, "well");
}

static KmlAddr
dying_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Dying *self = (Dying *)base;
  const guint64 page_size = kml_ram_page_size (base->machine->ram);
  KmlRequest pages = *request;

  if (self->after != 0 && self->n_answered == self->after && self->death != DEATH_CHECK)
    die ((Death)self->death);
  self->n_answered++;
  pages.size = (request->size + page_size - 1) / page_size * page_size;
  return kml_allocator_alloc (base->lower, &pages, ret_held);
}

static guint64
dying_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  return kml_allocator_free_block (base->lower, addr, how);
}

static void
dying_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
}

static gboolean
dying_check (const KmlAllocator *base, GError **error)
{
  const Dying *self = (const Dying *)base;

  if (self->after == 0 || self->n_answered < self->after || self->death != DEATH_CHECK)
    return TRUE;
  g_set_error_literal (error, KML_ERROR, KML_ERROR_CORRUPT, "invariant D1 does not hold");
  return FALSE;
}

static const KmlAllocatorOps dying_ops = {
  .name = "dying",
  .summary = "ends the process",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Dying),
  .params = dying_params,
  .init = dying_init,
  .alloc = dying_alloc,
  .free = dying_free,
  .walk = dying_walk,
  .check = dying_check,
};

KML_REGISTER_ALLOCATOR (dying_ops)

/* ---- picky: the same, which never dies; it says from where it may be called ---- */

static const KmlAllocatorOps picky_ops = {
  .name = "picky",
  .summary = "is asked by no hardirq, and given back to by processes",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Dying),
  .alloc_from = KML_FROM_SOFTIRQ,
  .free_from = KML_FROM_PROCESS,
  .init = dying_init,
  .alloc = dying_alloc,
  .free = dying_free,
  .walk = dying_walk,
  .check = dying_check,
};

KML_REGISTER_ALLOCATOR (picky_ops)

/* ---- slow ---- */

typedef struct {
  KmlWorkload base;
  guint64 operations;
  guint64 pause; /* ms of the host's time */
  guint64 n_done;
} Slow;

static const KmlParam slow_params[] = {
  { .name = "operations",
    .type = KML_PARAM_COUNT,
    .value = "10",
    .offset = G_STRUCT_OFFSET (Slow, operations),
    .summary = "requests" },
  { .name = "pause",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 10000,
    .offset = G_STRUCT_OFFSET (Slow, pause),
    .summary = "milliseconds before each" },
  { NULL },
};

static gboolean
slow_open (KmlWorkload *base, GError **error)
{
  return TRUE;
}

/* A request and the free of what it got. */
static int
slow_next (KmlWorkload *base, KmlOp *ops, guint n, GError **error)
{
  Slow *self = (Slow *)base;

  g_assert (n >= 2);

  if (self->n_done == self->operations)
    return 0;
  g_usleep (self->pause * 1000);
  self->n_done++;
  ops[0] = (KmlOp){ .kind = KML_OP_ALLOC,
                    .level = KML_LEVEL_OBJECTS,
                    .request = { .size = 1 + self->n_done % 100 } };
  ops[1] = (KmlOp){ .kind = KML_OP_FREE, .level = KML_LEVEL_OBJECTS };
  return 2;
}

static const KmlWorkloadOps slow_ops = {
  .name = "slow",
  .summary = "waits before each request",
  .instance_size = sizeof (Slow),
  .params = slow_params,
  .open = slow_open,
  .next = slow_next,
};

KML_REGISTER_WORKLOAD (slow_ops)

KML_PLUGIN
