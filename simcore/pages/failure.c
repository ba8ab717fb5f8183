/* failure.c: why a request got nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. What is looked at
 *
 * A request for objects fails since a request for pages has failed: its allocator's, or that of a slab, which may be of more pages than the object. Such requests
 * are noted where object allocators ask for pages (page-runs.c), with their time, so that a note of an earlier operation is not taken
 * for this one's. The rest follows from the zones that the flags allow, or from all of memory where there are none:
 *
 *     fewer frames free than it takes                 out of memory
 *     the watermark would not be left                 watermark
 *     no free block of its order                      fragmentation
 *     one, and the request has constraints            constraint
 *     one, and it has none                            late
 *
 * Of several zones the one that came nearest to serving it tells, which is the last of these lines. Where that is none of the last two and a higher zone would
 * serve it, its flags are the reason: zone.
 *
 * 2. Decisions
 *
 * Asking allocators why was the other way: each would have to know what it must not know, watermarks and flags. What is read off later is sometimes late: on several CPUs others give
 * something back between the failure and its record. That is said, and not guessed at.
 */

#include "simcore/pages/failure.h"

#include "simcore/pages/memalloc.h"
#include "simcore/pages/zones.h"

const char *const kml_failure_reasons[] = {
  [KML_FAILURE_EXHAUSTED] = "out of memory",
  [KML_FAILURE_FRAGMENTED] = "fragmentation",
  [KML_FAILURE_WATERMARK] = "watermark",
  [KML_FAILURE_ZONE] = "zone",
  [KML_FAILURE_CONSTRAINT] = "constraint",
  [KML_FAILURE_TOO_LARGE] = "too large",
  [KML_FAILURE_INJECTED] = "injected",
  [KML_FAILURE_ALLOCATOR] = "allocator",
  [KML_FAILURE_LATE] = "late",
  NULL,
};

/* ---- Notes ---- */

static KmlRefusal *
refusal_of (KmlMachine *machine)
{
  KmlTask *task = kml_running_task (machine);

  return task != NULL ? &task->refusal : &machine->refusal;
}

void
kml_failure_note_pages (KmlMachine *machine, const KmlRequest *request)
{
  KmlRefusal *refusal = refusal_of (machine);

  refusal->is_injected &= refusal->time == machine->now; /* just now, below */
  refusal->time = machine->now;
  refusal->size = request->size;
  refusal->is_picky = request->constraints != NULL;
  refusal->limit = request->constraints != NULL ? request->constraints->limit : 0;
}

void
kml_failure_note_injected (KmlMachine *machine)
{
  *refusal_of (machine) = (KmlRefusal){ .time = machine->now, .is_injected = TRUE };
}

/* ---- Looking ---- */

/* What is asked of the page level. */
typedef struct {
  guint64 n_frames;
  guint order;
  gboolean is_picky;
  KmlAddr limit; /* 0: none */
  KmlGfp gfp;
  KmlZoneKind highest; /* zone that will do, where there are some */
  guint flags;         /* KML_ALLOC_… */
} Question;

static guint
largest_order (const KmlFreeArea *area)
{
  guint largest = 0;

  for (guint mobility = 0; mobility < KML_N_MOBILITIES; mobility++)
    for (guint order = largest; order <= KML_MAX_ORDER; order++)
      if (area->blocks[mobility][order] > 0)
        largest = order;
  return largest;
}

/* As to which blocks are free. */
static KmlFailureReason
look_at_blocks (const Question *question, const KmlFreeArea *area)
{
  if (area->n_free < question->n_frames)
    return KML_FAILURE_EXHAUSTED;
  if (kml_free_area_suitable (area, question->order) == 0)
    return KML_FAILURE_FRAGMENTED;
  return question->is_picky ? KML_FAILURE_CONSTRAINT : KML_FAILURE_LATE;
}

static KmlFailureReason
look_at_zone (const Question *question, const KmlZone *zone)
{
  const KmlWatermarkQuestion marks = {
    .n_free = zone->area.n_free,
    .order = question->order,
    .mark = zone->marks.min,
    .lowmem_reserve = zone->marks.lowmem_reserve[question->highest],
    .n_highatomic = zone->n_highatomic,
    .flags = question->flags,
  };
  const KmlFailureReason reason = look_at_blocks (question, &zone->area);

  if (reason == KML_FAILURE_EXHAUSTED || (question->flags & KML_ALLOC_NO_WATERMARKS) ||
      kml_watermark_ok (&marks))
    return reason;
  return KML_FAILURE_WATERMARK;
}

/* How near it came. */
static guint
nearness (KmlFailureReason reason)
{
  static const guint8 rank[KML_N_FAILURE_REASONS] = {
    [KML_FAILURE_WATERMARK] = 1,
    [KML_FAILURE_FRAGMENTED] = 2,
    [KML_FAILURE_CONSTRAINT] = 3,
    [KML_FAILURE_LATE] = 4,
  };

  return rank[reason];
}

static KmlFailureReason
look_at_zones (const Question *question, const KmlZones *zones)
{
  KmlFailureReason nearest = KML_FAILURE_EXHAUSTED;
  gboolean elsewhere = FALSE;

  for (guint i = 0; i < zones->n_zones; i++) {
    const KmlFailureReason reason = look_at_zone (question, &zones->zones[i]);

    if (kml_zone_is_beyond (zones, &zones->zones[i], question->limit))
      continue;
    if (zones->zones[i].kind > question->highest)
      elsewhere |= nearness (reason) >= nearness (KML_FAILURE_CONSTRAINT);
    else if (nearness (reason) > nearness (nearest))
      nearest = reason;
  }
  return elsewhere && nearness (nearest) < nearness (KML_FAILURE_CONSTRAINT) ? KML_FAILURE_ZONE
                                                                             : nearest;
}

/* The largest block of any zone's allocator, in bytes. */
static guint64
most_of (const KmlAllocator *pages, const KmlZones *zones)
{
  const guint64 all = kml_ram_addr (&pages->ram, pages->ram.n_usable);
  const KmlAllocator *one = zones != NULL ? zones->zones[0].pages : pages;

  return one->largest != 0 ? MIN (one->largest, all) : all;
}

static void
measure (KmlFailure *self, const KmlFreeArea *area, guint page_shift)
{
  self->free += area->n_free << page_shift;
  if (area->n_free > 0)
    self->largest = MAX (self->largest, G_GUINT64_CONSTANT (1)
                                            << (largest_order (area) + page_shift));
}

/* What is free where the request may look. */
static void
measure_all (KmlFailure *self, const KmlAllocator *pages, const KmlZones *zones,
             KmlZoneKind highest)
{
  self->free = self->largest = 0;
  if (zones == NULL)
    measure (self, pages->free_area, pages->ram.page_shift);
  for (guint i = 0; zones != NULL && i < zones->n_zones; i++)
    if (zones->zones[i].kind <= highest)
      measure (self, &zones->zones[i].area, pages->ram.page_shift);
}

/* Frames that a block of so many bytes takes, and the order of one that surely has so many. */
static void
set_size (Question *question, guint64 size, guint page_shift)
{
  question->n_frames = (size + (G_GUINT64_CONSTANT (1) << page_shift) - 1) >> page_shift;
  while (question->order < KML_MAX_ORDER &&
         G_GUINT64_CONSTANT (1) << question->order < question->n_frames)
    question->order++;
}

void
kml_failure_explain (KmlFailure *self, const KmlAllocator *pages, const KmlRequest *request)
{
  KmlMachine *machine = pages->machine;
  const KmlRefusal *refusal = refusal_of (machine);
  const gboolean is_noted = refusal->time >= self->time &&
                            (refusal->size > 0 || refusal->is_injected);
  const gboolean is_pages = self->level == KML_LEVEL_PAGES;
  const KmlZones *zones = kml_zones_from_allocator ((KmlAllocator *)pages);
  const guint64 size = !is_pages && is_noted ? refusal->size : request->size;
  const KmlTask *task = kml_running_task (machine);
  Question question = {
    .is_picky = is_pages ? request->constraints != NULL : refusal->is_picky,
    .limit = !is_pages                      ? refusal->limit
             : request->constraints != NULL ? request->constraints->limit
                                            : 0,
    .gfp = kml_memalloc_gfp (task, request->gfp),
  };

  if (zones != NULL)
    question.highest = kml_zones_highest (zones, question.gfp, question.limit);

  question.flags = kml_memalloc_flags (task, question.gfp);
  set_size (&question, size, pages->ram.page_shift);
  measure_all (self, pages, zones, question.highest);
  if (is_noted && refusal->is_injected)
    self->reason = KML_FAILURE_INJECTED;
  else if (size > most_of (pages, zones))
    self->reason = KML_FAILURE_TOO_LARGE;
  else if (!is_pages && !is_noted)
    self->reason = KML_FAILURE_ALLOCATOR;
  else if (zones != NULL)
    self->reason = (guint8)look_at_zones (&question, zones);
  else
    self->reason = (guint8)look_at_blocks (&question, pages->free_area);
}
