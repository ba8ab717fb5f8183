/* per-cpu-pages.h: what the pieces of the per-CPU page lists share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * per-cpu-pages.c has the theory.
 */

#pragma once

#include "simcore/pages/zones.h"

#define MAX_ORDER  3
#define HUGE_ORDER 9 /* 2 MiB of 4 KiB, as Linux on x86-64 */
#define FIRST_HUGE ((MAX_ORDER + 1) * KML_N_MOBILITIES)
#define N_LISTS    (FIRST_HUGE + 2)

#define MARK G_GUINT64_CONSTANT (0x70637020706167e5) /* in the third word of a frame on a list */

typedef struct {
  KmlPfn first, last; /* KML_PFN_NONE: empty */
} List;

typedef struct {
  List lists[N_LISTS]; /* in the order in which they are gone through */
  guint64 n_pages;
  guint64 free_factor; /* the next batch to be given back is 2^this times `batch` */
} Cpu;

typedef struct {
  KmlAllocator base;

  /* parameters */
  guint64 high, batch, max_order; /* high: while nobody reclaims … */
  gboolean huge, grow, drain_all;

  guint64 limit;   /* … and now */
  KmlZones *zones; /* (nullable) borrowed: those below */
  KmlAddr statics; /* of the CPUs' lists, for a cache model */
  Cpu *cpus;       /* (owned) (array length=n_cpus) */
} PerCpuPages;

static inline KmlFrame *
frame_at (const PerCpuPages *self, KmlPfn pfn)
{
  return kml_ram_frame (&self->base.ram, pfn);
}

static inline guint
order_of_list (guint i)
{
  return i < FIRST_HUGE ? i / KML_N_MOBILITIES : HUGE_ORDER;
}

static inline gboolean
has_lists_of (const PerCpuPages *self, guint order)
{
  return order <= self->max_order || (order == HUGE_ORDER && self->huge);
}

/* Runs that an empty list is filled with. A batch of one is a CPU that is to keep nothing. */
static inline guint64
n_to_fetch (const PerCpuPages *self, guint order)
{
  return self->batch > 1 ? MAX (self->batch >> order, 2) : 1;
}

/* How many pages a CPU keeps: per-cpu-pages-numbers.c. */
gboolean per_cpu_pages_choose_numbers (PerCpuPages *self, GError **error);
void per_cpu_pages_keep_less (KmlAllocator *base, gboolean less);
guint64 per_cpu_pages_n_to_give_back (const PerCpuPages *self, Cpu *cpu);

/* What the layer shows: per-cpu-pages-check.c. */
void per_cpu_pages_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
gboolean per_cpu_pages_check (const KmlAllocator *base, GError **error);
