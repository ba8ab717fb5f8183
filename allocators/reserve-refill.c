/* reserve-refill.c: the places of a reserve's blocks that were taken are filled again.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * By a daemon on a machine with tasks; before the next request on one without.
 */

#include "allocators/reserve.h"

#include <string.h>

#define LEAST_RETRY (10 * KML_US) /* about a hundred failures: not all that a CPU does */

gboolean
reserve_fill_place (Reserve *self, guint32 number)
{
  ReserveStash *stash = &self->stashes[number];
  const KmlRequest request = { .size = self->block,
                               .gfp = KML_GFP_KERNEL | KML_GFP_NOWARN | KML_GFP_NORETRY,
                               .cpu = (guint8)(self->n_stashes == 1 ? 0 : number) };
  guint64 held;
  KmlAddr addr;

  if (stash->n == self->size) /* one was given back meanwhile */
    return TRUE;
  addr = kml_allocator_alloc (self->base.lower, &request, &held);
  if (addr == KML_ADDR_NONE) {
    self->base.counters[COUNTER_REFILLS_FAILED]++;
    return FALSE;
  }
  if (stash->n == self->size) { /* or while it waited for memory */
    kml_allocator_free_block (self->base.lower, addr, &request);
    return TRUE;
  }
  self->held = held;
  self->base.counters[COUNTER_REFILLS]++;
  reserve_put (self, stash, addr);
  return TRUE;
}

static ReservePlace *
place_at (const Reserve *self, guint64 i)
{
  return &self->places[i & (self->n_room - 1)];
}

void
reserve_await (Reserve *self, guint32 stash, KmlTime due)
{
  if (self->tail - self->head == self->n_room) {
    const guint n_room = MAX (self->n_room * 2, 8);
    ReservePlace *places = g_new (ReservePlace, n_room);

    for (guint64 i = self->head; i < self->tail; i++)
      places[i & (n_room - 1)] = *place_at (self, i);
    g_free (self->places);
    self->places = places;
    self->n_room = n_room;
  }
  *place_at (self, self->tail++) = (ReservePlace){ .due = due, .stash = stash };
}

static gboolean
is_due (const Reserve *self)
{
  return self->head < self->tail && place_at (self, self->head)->due <= self->base.machine->now;
}

/* Each place once: the time that a failure takes may be longer than the while after which it is due again. */
static void
fill_due (Reserve *self)
{
  for (guint64 n = self->tail - self->head; n > 0 && is_due (self); n--) {
    const guint32 stash = place_at (self, self->head++)->stash;

    if (!reserve_fill_place (self, stash))
      reserve_await (self, stash, self->base.machine->now + MAX (self->delay, LEAST_RETRY));
  }
}

/* The daemon of a machine with tasks. */
static void
refill_main (KmlMachine *machine, gpointer data)
{
  static const KmlWait wait = { .kind = KML_WAIT_EVENT, .what = "a place to refill" };
  Reserve *self = data;

  for (;;) {
    if (self->head == self->tail) {
      self->task_sleeps = TRUE;
      kml_task_wait (machine, &wait, KML_PART_SLEEP, FALSE);
      self->task_sleeps = FALSE;
    } else if (is_due (self)) {
      fill_due (self);
    } else {
      kml_sleep (machine, place_at (self, self->head)->due - machine->now);
    }
  }
}

void
reserve_fill_aside (Reserve *self)
{
  KmlMachine *machine = self->base.machine;
  const KmlTime now = machine->now, aside = machine->aside;
  KmlTime parts[KML_N_PARTS];

  if (machine->scheduler != NULL || !is_due (self))
    return;
  memcpy (parts, machine->parts, sizeof parts);
  fill_due (self);
  machine->now = now;
  machine->aside = aside;
  memcpy (machine->parts, parts, sizeof parts);
}

void
reserve_make_task (Reserve *self)
{
  const KmlTaskConfig config = {
    .name = "reserve-refill", .is_daemon = TRUE, .func = refill_main, .data = self
  };

  if (self->refill == REFILL_TASK && self->task == NULL && self->base.machine->scheduler != NULL)
    self->task = kml_task_new (self->base.machine->scheduler, &config);
}

void
reserve_ask_for_refill (Reserve *self, guint32 stash)
{
  KmlMachine *machine = self->base.machine;

  if (self->refill != REFILL_TASK)
    return;
  reserve_await (self, stash, machine->now + self->delay);
  if (self->task != NULL && self->task_sleeps) {
    kml_spend (machine, KML_COST_WAKE, 1);
    kml_task_wake (self->task);
  }
}
