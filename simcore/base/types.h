/* types.h: the words of the simulated machine: time, addresses, contexts, errors.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Simulated time since the run began, in picoseconds: costs are fractions of a
 * nanosecond, and 2^64 ps are 213 days. Never a wall-clock time, never a float. */
typedef guint64 KmlTime;

#define KML_NS       G_GUINT64_CONSTANT (1000)
#define KML_US       (1000 * KML_NS)
#define KML_MS       (1000 * KML_US)
#define KML_S        (1000 * KML_MS)
#define KML_TIME_MAX G_MAXUINT64

/* The last instant: what would come later comes then. */
#define KML_TIME_LAST (KML_TIME_MAX - 1)

static inline KmlTime
kml_time_after (KmlTime now, KmlTime time)
{
  return time < KML_TIME_LAST - now ? now + time : KML_TIME_LAST;
}

/* A physical address of the simulated machine: an integer, never a host pointer. */
typedef guint64 KmlAddr;

/* No such address. An allocator that is out of memory returns it: an outcome of
 * the experiment, not an error of the program. */
#define KML_ADDR_NONE G_MAXUINT64

/* A page frame number: address >> page_shift. 2^32 frames of 4 KiB are 16 TiB. */
typedef guint32 KmlPfn;

#define KML_PFN_NONE G_MAXUINT32

/* An order: a run of 2^order page frames. Linux has 0..10; orders up to 20 are allowed here. */
#define KML_MAX_ORDER 20

/* The context that code runs in. Process context may sleep, the others may not. */
typedef enum {
  KML_CONTEXT_PROCESS,
  KML_CONTEXT_SOFTIRQ,
  KML_CONTEXT_HARDIRQ,
  KML_N_CONTEXTS,
} KmlContext;

/* What may be done with a page once it is in use. The values are Linux's migrate types. */
typedef enum {
  KML_MOBILITY_UNMOVABLE,
  KML_MOBILITY_MOVABLE,
  KML_MOBILITY_RECLAIMABLE,
  KML_N_MOBILITIES,
} KmlMobility;

/* "process", "softirq", "hardirq" and "unmovable", "movable", "reclaimable". */
extern const char *const kml_context_names[KML_N_CONTEXTS + 1];
extern const char *const kml_mobility_names[KML_N_MOBILITIES + 1];

/* The world misbehaving is a GError of this domain. The codes are those that a
 * caller tells apart: each becomes an exit status of the program. */
#define KML_ERROR (kml_error_quark ())
GQuark kml_error_quark (void);

typedef enum {
  KML_ERROR_INPUT,   /* usage, scenario, trace or database is wrong: exit 2 */
  KML_ERROR_WORLD,   /* I/O, a full disk, no memory: exit 74 */
  KML_ERROR_NEWER,   /* the file was made by a newer version: exit 125 */
  KML_ERROR_STOPPED, /* stopped on request, everything finished is kept: exit 75, 130, 143 */
  KML_ERROR_CORRUPT, /* check(): a named invariant does not hold */
} KmlErrorCode;

G_END_DECLS
