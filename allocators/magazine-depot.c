/* magazine-depot.c: depots: magazines change hands, are made, grow, and are given back.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * With the lock of a depot magazines only change lists. What the allocator below has to do is done when the lock has been given
 * back, so no lock is held around it; what was taken off the lists for that is on its way, and counted (n_moving).
 */

#include "allocators/magazine.h"
#include "simcore/tasks/ipi.h"

/* Estimates from reading the paths; they are not measured on a kernel. */
#define EXCHANGE_INSTRUCTIONS 40
#define ROUND_INSTRUCTIONS    6 /* of a magazine that is emptied */

/* Rounds that magazines have, and for which sizes of blocks they begin with so many: those above `least`. They are let grow from one to the next by
 * blocks below `limit`. The numbers are illumos's, whose magazines of up to 15 rounds fill a power of two of bytes. */
static const struct {
  guint32 rounds;
  guint64 least, limit;
} steps[] = {
  { 1, 3200, 65536 }, { 3, 256, 32768 }, { 7, 64, 16384 }, { 15, 0, 8192 }, { 31, 0, 4096 },
  { 47, 0, 2048 },    { 63, 0, 1024 },   { 95, 0, 512 },   { 143, 0, 0 },
};

/* ---- Rounds ---- */

static guint32
first_rounds (const Magazine *self, guint64 size)
{
  guint i = 0;

  if (self->rounds != 0)
    return (guint32)self->rounds;
  while (size <= steps[i].least)
    i++;
  return steps[i].rounds;
}

static guint32
most_rounds (guint64 size)
{
  guint i = 0;

  while (size < steps[i].limit)
    i++;
  return steps[i].rounds;
}

static guint32
next_rounds (guint32 rounds)
{
  guint i = 0;

  while (steps[i].rounds <= rounds)
    i++;
  return steps[i].rounds;
}

void
magazine_init_depot (Magazine *self, MagazineClass *class)
{
  class->lock_name = g_strdup_printf ("depot of %" G_GUINT64_FORMAT, class->size);
  kml_lock_init (&class->lock, KML_LOCK_SPIN_IRQ, class->lock_name);
  class->lock.class_name = "depot";
  class->full = class->empty = (MagazineList){ .first = KML_ADDR_NONE };
  class->rounds = first_rounds (self, class->size);
  class->most_rounds = self->grow ? MAX (class->rounds, most_rounds (class->size)) : class->rounds;
  class->next_look = self->interval;
}

/* ---- Lists ---- */

static void
push (Magazine *self, MagazineList *list, KmlAddr magazine)
{
  kml_ram_store64 (&self->base.ram, magazine, list->first);
  kml_touch (self->base.machine, magazine, sizeof (KmlAddr), KML_TOUCH_WRITE);
  list->first = magazine;
  list->n++;
}

static KmlAddr
pop (Magazine *self, MagazineList *list)
{
  const KmlAddr magazine = list->first;

  g_assert (list->n > 0);
  kml_touch (self->base.machine, magazine, sizeof (KmlAddr), KML_TOUCH_READ);
  list->first = kml_ram_load64 (&self->base.ram, magazine);
  list->n--;
  list->least = MIN (list->least, list->n);
  return magazine;
}

/* ---- What is taken off the lists ---- */

static const MagazineList nothing = { .first = KML_ADDR_NONE };

/* Full and empty magazines of as many rounds. */
typedef struct {
  MagazineList full, empty;
  guint32 rounds;
} Load;

static void
destroy (Magazine *self, KmlAddr magazine, guint32 n_rounds, const KmlRequest *how)
{
  kml_spend (self->base.machine, KML_COST_INSTRUCTION, (guint64)n_rounds * ROUND_INSTRUCTIONS);
  kml_touch (self->base.machine, magazine, (1 + n_rounds) * sizeof (KmlAddr), KML_TOUCH_READ);
  for (guint32 i = 0; i < n_rounds; i++)
    magazine_free_round (self, round_of (self, magazine, i), how);
  self->base.counters[COUNTER_GIVEN_BACK]++;
  self->base.counters[COUNTER_ROUNDS_GIVEN_BACK] += n_rounds;
  self->base.metadata_bytes -= magazine_size_of (self, magazine);
  self->n_moving--;
  kml_allocator_free_block (self->base.lower, magazine, how);
}

/* All of @list, which have @n_rounds each. */
static void
destroy_list (Magazine *self, const MagazineList *list, guint32 n_rounds, const KmlRequest *how)
{
  for (KmlAddr at = list->first, next; at != KML_ADDR_NONE; at = next) {
    next = kml_ram_load64 (&self->base.ram, at);
    destroy (self, at, n_rounds, how);
  }
}

static void
destroy_load (Magazine *self, const Load *load, const KmlRequest *how)
{
  destroy_list (self, &load->full, load->rounds, how);
  destroy_list (self, &load->empty, 0, how);
}

/* What @magazines have becomes nobody's. */
static Magazines
take_away (Magazine *self, Magazines *magazines)
{
  const Magazines taken = *magazines;

  *magazines = no_magazines;
  self->n_moving += (taken.loaded != KML_ADDR_NONE) + (taken.previous != KML_ADDR_NONE);
  return taken;
}

static void
destroy_magazines (Magazine *self, const Magazines *taken, const KmlRequest *how)
{
  if (taken->loaded != KML_ADDR_NONE)
    destroy (self, taken->loaded, taken->n_loaded, how);
  if (taken->previous != KML_ADDR_NONE)
    destroy (self, taken->previous, taken->n_previous, how);
}

/* ---- At the depot ---- */

/* What a visit has taken off the lists, to be destroyed when it is over. */
typedef struct {
  Load load;
  Magazines stale; /* the CPU's own, which are of another size than the depot's by now */
} Visit;

/* The depot's magazines are of the next size from now on. */
static void
grow (Magazine *self, MagazineClass *class, Load *ret_old)
{
  *ret_old = (Load){ class->full, class->empty, class->rounds };
  self->n_moving += (guint)(class->full.n + class->empty.n);
  class->full = class->empty = nothing;
  class->rounds = MIN (next_rounds (class->rounds), class->most_rounds);
  self->base.counters[COUNTER_GROWN]++;
}

static void
look_at_contention (Magazine *self, MagazineClass *class, Load *ret_old)
{
  const KmlTime now = self->base.machine->now;
  const guint64 n = class->lock.n_contended - class->n_contended;

  if (now < class->next_look)
    return;
  class->n_contended += n;
  class->next_look = now + self->interval;
  self->base.counters[COUNTER_CONTENDED] += n;
  if (n > self->contention && class->rounds < class->most_rounds)
    grow (self, class, ret_old);
}

static Visit
begin_visit (Magazine *self, MagazineClass *class, guint cpu)
{
  KmlMachine *machine = self->base.machine;
  Visit visit = { .load = { nothing, nothing, 0 }, .stale = no_magazines };
  Magazines *own = &class->cpus[cpu].magazines;

  kml_lock_take (machine, &class->lock, KML_LOCK_EXCLUSIVE);
  kml_spend (machine, KML_COST_INSTRUCTION, EXCHANGE_INSTRUCTIONS);
  kml_spend_references (machine, KML_COST_WARM, 2); /* the depot, and the link of a magazine */
  kml_touch (machine, class->statics, MAGAZINE_LINE, KML_TOUCH_WRITE);
  look_at_contention (self, class, &visit.load);
  if (own->loaded != KML_ADDR_NONE && own->capacity != class->rounds)
    visit.stale = take_away (self, own);
  return visit;
}

static void
end_visit (Magazine *self, MagazineClass *class, const Visit *visit, const KmlRequest *how)
{
  kml_lock_give (self->base.machine, &class->lock);
  destroy_load (self, &visit->load, how);
  destroy_magazines (self, &visit->stale, how);
}

/* The loaded magazine becomes the previous one, which goes to @away; @magazine is loaded. */
static void
exchange (Magazine *self, MagazineClass *class, guint cpu, MagazineList *away, KmlAddr magazine,
          guint32 n_rounds)
{
  Magazines *own = &class->cpus[cpu].magazines;

  if (own->previous != KML_ADDR_NONE)
    push (self, away, own->previous);
  if (!self->two && own->loaded != KML_ADDR_NONE) {
    push (self, away, own->loaded);
    own->loaded = KML_ADDR_NONE;
    own->n_loaded = 0;
  }
  own->previous = own->loaded;
  own->n_previous = own->n_loaded;
  own->loaded = magazine;
  own->n_loaded = n_rounds;
  own->capacity = class->rounds;
  self->base.counters[COUNTER_EXCHANGES]++;
}

gboolean
magazine_fetch_full (Magazine *self, MagazineClass *class, const KmlRequest *request)
{
  const Visit visit = begin_visit (self, class, request->cpu);
  const Magazines *own = &class->cpus[request->cpu].magazines;
  gboolean found = TRUE;

  if (own->n_loaded == 0 && own->n_previous == 0) {
    found = class->full.n > 0;
    if (found)
      exchange (self, class, request->cpu, &class->empty, pop (self, &class->full), class->rounds);
    else
      self->base.counters[COUNTER_VAIN]++;
  }
  end_visit (self, class, &visit, request);
  return found;
}

/* An empty magazine for the depot. FALSE: there is no memory. */
static gboolean
make_empty (Magazine *self, MagazineClass *class, const KmlRequest *how)
{
  const guint32 rounds = class->rounds;
  const KmlRequest request = {
    .size = round_place (0, rounds), .gfp = KML_GFP_NOWARN, .cpu = how->cpu, .context = how->context
  };
  guint64 held;
  const KmlAddr magazine = kml_allocator_alloc (self->base.lower, &request, &held);
  gboolean is_wanted;

  if (magazine == KML_ADDR_NONE)
    return FALSE;
  self->base.metadata_bytes += held;
  self->base.counters[COUNTER_MADE]++;
  self->n_moving++;
  kml_lock_take (self->base.machine, &class->lock, KML_LOCK_EXCLUSIVE);
  is_wanted = rounds == class->rounds; /* they may have grown meanwhile */
  if (is_wanted) {
    push (self, &class->empty, magazine);
    self->n_moving--;
  }
  kml_lock_give (self->base.machine, &class->lock);
  if (!is_wanted)
    destroy (self, magazine, 0, how);
  return TRUE;
}

static gboolean
has_room (const Magazines *own)
{
  return own->n_loaded < own->capacity || (own->previous != KML_ADDR_NONE && own->n_previous == 0);
}

gboolean
magazine_fetch_empty (Magazine *self, MagazineClass *class, const KmlRequest *how)
{
  const Visit visit = begin_visit (self, class, how->cpu);
  const Magazines *own = &class->cpus[how->cpu].magazines;
  gboolean found = has_room (own);

  if (!found && class->empty.n > 0) {
    exchange (self, class, how->cpu, &class->full, pop (self, &class->empty), 0);
    found = TRUE;
  }
  end_visit (self, class, &visit, how);
  return found || make_empty (self, class, how);
}

/* ---- Giving back ---- */

/* What a CPU has is its own to take away: others ask it to. What it gave up before and nobody has fetched stays. */
static void
drop (Magazine *self, guint cpu, gboolean all)
{
  for (guint i = 0; i < self->n_classes; i++) {
    MagazineCpu *own = &self->classes[i].cpus[cpu];

    if ((all || !own->is_wanted) && own->dropped.loaded == KML_ADDR_NONE) {
      own->dropped = own->magazines;
      own->magazines = no_magazines;
    }
    own->is_wanted = FALSE;
  }
}

static void
drop_unwanted (KmlMachine *machine, gpointer data)
{
  drop (data, kml_current_task (machine)->cpu, FALSE);
}

static void
drop_all (KmlMachine *machine, gpointer data)
{
  drop (data, kml_current_task (machine)->cpu, TRUE);
}

static gboolean
has_magazines (guint cpu, gpointer data)
{
  const Magazine *self = data;

  for (guint i = 0; i < self->n_classes; i++)
    if (self->classes[i].cpus[cpu].magazines.loaded != KML_ADDR_NONE)
      return TRUE;
  return FALSE;
}

/* Others are asked where one may wait for them. */
static void
drop_everywhere (Magazine *self, gboolean all)
{
  KmlMachine *machine = self->base.machine;

  if (machine->task == NULL) {
    for (guint cpu = 0; cpu < machine->n_cpus; cpu++)
      drop (self, cpu, all);
    return;
  }
  drop (self, machine->task->cpu, all);
  if (!kml_in_atomic (machine))
    kml_ipi_call_others (machine, has_magazines, all ? drop_all : drop_unwanted, self,
                         KML_IPI_WAIT);
}

/* The first @n of @list. */
static MagazineList
take_first (Magazine *self, MagazineList *list, guint64 n)
{
  MagazineList taken = nothing;

  for (; n > 0; n--)
    push (self, &taken, pop (self, list));
  self->n_moving += (guint)taken.n;
  list->least = list->n;
  return taken;
}

static void
give_back_of (Magazine *self, MagazineClass *class, gboolean all, const KmlRequest *how)
{
  Load load;

  kml_lock_take (self->base.machine, &class->lock, KML_LOCK_EXCLUSIVE);
  load.rounds = class->rounds;
  load.full = take_first (self, &class->full, all ? class->full.n : class->full.least);
  load.empty = take_first (self, &class->empty, all ? class->empty.n : class->empty.least);
  kml_lock_give (self->base.machine, &class->lock);
  destroy_load (self, &load, how);
  for (guint cpu = 0; cpu < self->base.machine->n_cpus; cpu++) {
    const Magazines dropped = take_away (self, &class->cpus[cpu].dropped);

    destroy_magazines (self, &dropped, how);
  }
}

void
magazine_give_back (Magazine *self, gboolean all)
{
  const KmlTask *task = self->base.machine->task;
  KmlRequest how = { 0 };

  if (task != NULL)
    how = (KmlRequest){ .cpu = (guint8)task->cpu, .context = task->context };
  drop_everywhere (self, all);
  for (guint i = 0; i < self->n_classes; i++)
    give_back_of (self, &self->classes[i], all, &how);
}
