/* magazine.h: what the pieces of the magazine layer share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Theory and invariants are in magazine.c. The pieces:
 *
 *   magazine.h        the state, and what is in simulated RAM
 *   magazine.c        the theory; what CPUs do with their own magazines, and what is called
 *   magazine-depot.c  depots: magazines change hands, are made, grow, and are given back
 *   magazine-check.c  the walk and the invariants
 */

#pragma once

#include "simcore/allocator.h"
#include "simcore/locks/lock.h"
#include "simcore/objects/bin-table.h"

G_BEGIN_DECLS

enum {
  COUNTER_HITS,
  COUNTER_KEPT,
  COUNTER_EXCHANGES,
  COUNTER_VAIN,
  COUNTER_BELOW,
  COUNTER_MADE,
  COUNTER_GIVEN_BACK,
  COUNTER_ROUNDS_GIVEN_BACK,
  COUNTER_CONTENDED,
  COUNTER_GROWN,
  COUNTER_DRAINS,
};

/* A CPU's two magazines of a class. Without a loaded one there is no previous one either. */
typedef struct {
  KmlAddr loaded, previous;     /* KML_ADDR_NONE: none */
  guint32 n_loaded, n_previous; /* rounds in them */
  guint32 capacity;             /* rounds that each has room for */
} Magazines;

typedef struct {
  Magazines magazines;
  Magazines dropped;  /* what it gave up, for whoever asked it to */
  gboolean is_wanted; /* it has used its magazines since it was asked the last time */
} MagazineCpu;

/* Magazines of a depot, linked by their first word. */
typedef struct {
  KmlAddr first; /* KML_ADDR_NONE: none */
  guint64 n;
  /* there were always as many since the last time that some were given back: nobody needed these */
  guint64 least;
} MagazineList;

/* Blocks of one size. */
typedef struct {
  guint64 size;      /* what a request is rounded up to, and the least that a block holds */
  MagazineCpu *cpus; /* (array length=n_cpus): some of the layer's */

  /* the depot */
  KmlLock lock;
  char *lock_name; /* (owned) */
  MagazineList full, empty;
  guint32 rounds;      /* of its magazines */
  guint32 most_rounds; /* that they may grow to */
  /* how often who wanted its lock had had to wait when that was looked at last */
  guint64 n_contended;
  KmlTime next_look; /* … and when it is to be looked at again */
  KmlAddr statics;   /* of the depot and of the CPUs, for a cache model */
} MagazineClass;

typedef struct {
  KmlAllocator base;

  /* parameters */
  guint64 rounds, contention, largest;
  gboolean grow, two;
  KmlTime interval;

  const KmlAllocator *sizer; /* who knows the sizes of blocks */
  KmlBinTable table;
  guint n_classes;
  MagazineClass *classes; /* (owned) (array length=n_classes) */
  MagazineCpu *cpus;      /* (owned) (array length=n_classes * n_cpus): of a class side by side */
  guint n_moving; /* magazines that are on nobody's list: on their way, while others may come in */
} Magazine;

#define MAGAZINE_LINE 64u /* of static data: the depot, then each CPU's own */

static const Magazines no_magazines = { .loaded = KML_ADDR_NONE, .previous = KML_ADDR_NONE };

/* ---- In simulated RAM: a link, then the rounds, which are addresses ---- */

static inline KmlAddr
round_place (KmlAddr magazine, guint32 i)
{
  return magazine + (1 + (KmlAddr)i) * sizeof (KmlAddr);
}

static inline KmlAddr
round_of (const Magazine *self, KmlAddr magazine, guint32 i)
{
  return kml_ram_load64 (&self->base.ram, round_place (magazine, i));
}

/* What a block in a magazine begins with, so that it is told from one in use: by this simulation, for nothing. No two have the same; where no address is odd
 * it is odd, so never 0. */
static inline guint64
magazine_mark_of (KmlAddr addr)
{
  return (addr + 1) * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15);
}

static inline gboolean
magazine_is_marked (const Magazine *self, KmlAddr addr)
{
  return kml_ram_load64 (&self->base.ram, addr) == magazine_mark_of (addr);
}

static inline guint64
magazine_size_of (const Magazine *self, KmlAddr addr)
{
  return self->sizer->ops->size_of (self->sizer, addr);
}

/* ---- magazine.c ---- */

/* A block that was in a magazine goes to the allocator below. */
void magazine_free_round (Magazine *self, KmlAddr addr, const KmlRequest *how);

/* ---- magazine-depot.c ---- */

/* What the class begins with. */
void magazine_init_depot (Magazine *self, MagazineClass *class);

/* The CPU's magazines are empty: it gets a full one from the depot for one of them. Or others have come in meanwhile, and they are not. FALSE: the depot
 * has none. */
gboolean magazine_fetch_full (Magazine *self, MagazineClass *class, const KmlRequest *request);

/* Both are full, or there is none: it gets an empty one. FALSE: there is no memory for one. */
gboolean magazine_fetch_empty (Magazine *self, MagazineClass *class, const KmlRequest *how);

/* Gives back what nobody has needed since the last time; @all: all there is. */
void magazine_give_back (Magazine *self, gboolean all);

/* ---- magazine-check.c ---- */

void magazine_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data);
gboolean magazine_check (const KmlAllocator *base, GError **error);

G_END_DECLS
