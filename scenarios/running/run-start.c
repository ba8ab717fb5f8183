/* run-start.c: a run begins with memory in use, as a kernel had it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A page allocator is only asked, never told what it looks like inside, so this works with every one that hands out all frames one by one. Everything is taken, frame by frame,
 * and what was free in the kernel is given back; the allocator joins it as it always does. It goes from the highest frame to the lowest, so the lists of an allocator that takes what was freed last begin
 * with the lowest blocks; the kernel's order is not known.
 *
 * Pageblocks get their mobility by a request, too: when one of them is all that is free, and a request of another mobility has taken it whole,
 * it is of that mobility (buddy-mobility.c).
 *
 * All that happens before time begins, and is not in the counters that a run shows.
 */

#include "scenarios/running/run-private.h"
#include "scenarios/loading/start-state.h"
#include "simcore/pages/zones.h"

#include <string.h>

#define PAGEBLOCK (1u << KML_START_PAGEBLOCK_ORDER)

typedef struct {
  KmlAllocator *pages;
  const KmlStartState *state;
  guint64 n_taken; /* frames, one by one */
} Start;

/* Down to the last frame, and nobody reclaims. */
static KmlAddr
ask (const Start *self, guint64 n_frames, KmlMobility mobility)
{
  const KmlRequest request = { .size = n_frames << self->pages->ram.page_shift,
                               .gfp = KML_GFP_MEMALLOC | KML_GFP_NOWARN,
                               .mobility = (guint8)mobility };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (self->pages, &request, &held);

  if (addr == KML_ADDR_NONE || held == request.size)
    return addr;
  kml_allocator_free_block (self->pages, addr, &request);
  return KML_ADDR_NONE;
}

static void
give_back (const Start *self, KmlAddr addr)
{
  const KmlRequest how = { .gfp = KML_GFP_MEMALLOC };

  kml_allocator_free_block (self->pages, addr, &how);
}

static void
take_frames (Start *self, guint64 n, KmlMobility mobility)
{
  while (n-- > 0 && ask (self, 1, mobility) != KML_ADDR_NONE)
    self->n_taken++;
}

/* The pageblock at @addr is in use, as everything is. */
static void
take_pageblock (Start *self, KmlAddr addr)
{
  const KmlPfn pfn = kml_ram_pfn (&self->pages->ram, addr);
  const KmlMobility mobility = self->state->mobilities[pfn >> KML_START_PAGEBLOCK_ORDER];

  give_back (self, addr);
  if (mobility != KML_MOBILITY_MOVABLE && ask (self, PAGEBLOCK, mobility) == addr)
    give_back (self, addr);
  take_frames (self, PAGEBLOCK, mobility);
}

static gboolean
take_all (Start *self, GError **error)
{
  const guint64 n_usable = self->pages->ram.n_usable;
  g_autoptr (GArray) pageblocks = g_array_new (FALSE, FALSE, sizeof (KmlAddr));
  KmlAddr addr;

  while ((addr = ask (self, PAGEBLOCK, KML_MOBILITY_MOVABLE)) != KML_ADDR_NONE)
    g_array_append_val (pageblocks, addr);
  take_frames (self, n_usable, KML_MOBILITY_MOVABLE);
  for (guint i = 0; i < pageblocks->len; i++)
    take_pageblock (self, g_array_index (pageblocks, KmlAddr, i));
  take_frames (self, n_usable, KML_MOBILITY_MOVABLE);
  if (self->n_taken == n_usable)
    return TRUE;
  return kml_refuse (error, "memory.start",
                     "[pages] %s hands out %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                     " frames one by one: expected one that hands out all, such as buddy",
                     self->pages->ops->name, self->n_taken, n_usable);
}

/* A maximum has no difference. */
static void
forget_maxima (KmlAllocator *pages)
{
  KmlZones *zones = kml_zones_from_allocator (pages);

  for (guint i = 0; pages->ops->counters != NULL && pages->ops->counters[i].name != NULL; i++) {
    if (!pages->ops->counters[i].is_maximum)
      continue;
    pages->counters[i] = 0;
    for (guint j = 0; zones != NULL && j < zones->n_zones; j++)
      zones->zones[j].counters[i] = zones->zones[j].pages->counters[i] = 0;
  }
}

static gboolean
start_from (KmlRun *self, const KmlStartState *state, GError **error)
{
  Start start = { self->pages, state, 0 };
  const KmlTime now = self->machine->now;

  if (!take_all (&start, error))
    return FALSE;
  for (guint32 pfn = state->n_frames; pfn-- > 0;)
    if (state->is_free[pfn])
      give_back (&start, kml_ram_addr (&self->pages->ram, pfn));
  self->machine->now = now;
  forget_maxima (self->pages);
  memcpy (self->counted_before, self->pages->counters, sizeof self->counted_before);
  return TRUE;
}

/* What was in use can be given back. */
static void
remember_old_frames (KmlRun *self, const KmlStartState *state)
{
  self->old = kml_old_frames_new (state->n_frames, state->is_old == NULL);
  for (guint32 pfn = 0; pfn < state->n_frames; pfn++)
    if (state->is_old != NULL ? state->is_old[pfn] : !state->is_free[pfn])
      kml_old_frames_add (self->old, pfn);
  for (guint i = 0; i < self->workloads->len; i++)
    ((KmlWorkload *)g_ptr_array_index (self->workloads, i))->has_old_frames = TRUE;
}

gboolean
kml_run_start (KmlRun *self, GError **error)
{
  const char *file = kml_run_spec_get (self->spec, "memory.start");
  g_autofree char *path = NULL;
  KmlStartState state = { 0 };
  gboolean ok;

  if (file == NULL || file[0] == '\0')
    return TRUE;
  path = kml_scenario_locate (self->scenario, file);
  ok = kml_start_state_load (&state, path, file, self->pages->ram.n_usable,
                             kml_ram_page_size (&self->pages->ram), self->spec->seed, error);
  if (!ok)
    kml_blame (error, "memory.start");
  ok = ok && start_from (self, &state, error);
  if (ok)
    remember_old_frames (self, &state);
  kml_start_state_clear (&state);
  return ok;
}
