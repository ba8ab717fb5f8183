/* caches.h: the caches of the processors, as tags, kept coherent.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A cache model answers one question: where is the line that a CPU is about to read or write? Data need no place
 * here, since RAM has them; what a cache is for the time that things take is the list of the lines in it. Each CPU
 * has a first-level cache (L1, of data) and a second-level cache (L2) of its own; all share the last level. John L.
 * Hennessy and David A. Patterson, Computer Architecture: A Quantitative Approach, chapters 2 and 5, have the words.
 *
 *      CPU 0   L1 ⊂ L2 ─┐
 *      CPU 1   L1 ⊂ L2 ─┼── last level ── memory
 *      …                ┘       directory: who has the line?
 *
 * 1. Where a reference is served
 *
 *   l1        the CPU's L1 has the line, and may do with it what it wants
 *   l2        its L2 has
 *   last      the last level has
 *   clean     another CPU's caches alone have it, as it is in memory
 *   modified  another CPU's caches have it and it was written there: a dirty line goes from cache to cache
 *   upgrade   a write to a line that others read: their copies must go first
 *   memory    none has it
 *
 * Each has a latency, in all and not from level to level. So an object that lay on a free list for long is cold
 * (memory, last), two objects in one line that two CPUs write cost a transfer each time (false sharing: modified), and so does the head of
 * a list that every CPU uses (bouncing).
 *
 * 2. Sets, and who has to go
 *
 * A cache is an array of sets of `ways` lines each; line number n (address / line size) lies in set n modulo the number
 * of sets. In a full set the line that was used least recently has to go (LRU). Processors have cheaper
 * imitations (tree-PLRU, quad-age LRU), which differ from one to the next and are not published; LRU is what they imitate, has the
 * stack property (of two caches with equally many sets the one with more ways never misses more: R. L. Mattson and others, "Evaluation
 * techniques for storage hierarchies", IBM Systems Journal 9(2), 1970), and costs a move within one line of the host, since a set
 * is kept in the order of use.
 *
 * L1 is part of L2: what L2 loses L1 loses, too. The last level is
 *
 *   inclusive   it has all that any L2 has; when it loses a line, those lose it (Intel up to Broadwell)
 *   victim      it has what an L2 has lost; what an L2 takes from it, it has no longer, unless
 *               others share it (AMD since Zen; nearly so Intel since Skylake-SP, which calls it non-inclusive)
 *
 * 3. Coherence
 *
 * MESI (Mark S. Papamarcos and Janak H. Patel, "A low-overhead coherence solution for multiprocessors with private cache memories",
 * ISCA 1984) with a directory: for each line of memory a word that says how many CPUs have it, which, and whether the only one may write
 * it. The word has 48 bits for CPUs; with more of them each bit is several (a coarse vector: Anoop Gupta,
 * Wolf-Dietrich Weber and Todd Mowry, ICPP 1990), and who has the line is looked up there: the same result, more of the host's time.
 * Indexed by line it needs no search, and the host gives an eighth of what is really touched. A table of
 * the lines in caches would be smaller, and one more place to be unlucky in.
 *
 * Devices do not cache. What they write in memory is dropped from all caches (no direct cache access).
 *
 * 4. Not modelled
 *
 * Instructions, TLBs, prefetching, write buffers and write-combining, how many misses can be under way at once, bandwidth, the time to write back a dirty
 * line (buffered), sockets, hash functions of slices, hyper-threads.
 *
 * 5. Invariants, verified by kml_caches_check()
 *
 *   H1  a set has no line twice, none that belongs elsewhere, and no gap
 *   H2  what is in a CPU's L1 is in its L2; what is in an inclusive hierarchy's L2 is in its last level
 *   H3  a line that a CPU may write is in no other CPU's caches, and L1 and L2 agree on whether it may
 *   H4  the directory says of each line how many CPUs have it, which, and whether one may write it
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef enum {
  KML_SERVED_L1,
  KML_SERVED_L2,
  KML_SERVED_LAST,
  KML_SERVED_CLEAN,
  KML_SERVED_MODIFIED,
  KML_SERVED_UPGRADE,
  KML_SERVED_MEMORY,
  KML_N_SERVED,
} KmlServed;

typedef struct {
  const char *key; /* "l1", "modified": in the geometry's [latency] group, and in metrics */
  const char *summary;
} KmlServedInfo;

extern const KmlServedInfo kml_served_info[KML_N_SERVED];

typedef enum {
  KML_CACHE_L1,
  KML_CACHE_L2,
  KML_CACHE_LAST,
  KML_N_CACHES,
} KmlCacheLevel;

/* "l1", "l2", "last" */
extern const char *const kml_cache_level_names[KML_N_CACHES + 1];

#define KML_MAX_WAYS       64
#define KML_MAX_CACHE_SIZE (G_GUINT64_CONSTANT (1) << 32)
#define KML_MIN_LINE       32  /* a frame's record is in one line … */
#define KML_MAX_LINE       512 /* … and a line in one page */

typedef struct {
  guint64 size; /* bytes */
  guint64 ways; /* lines in a set */
} KmlCacheShape;

/* A geometry. */
typedef struct {
  guint64 line; /* bytes of a line */
  KmlCacheShape shapes[KML_N_CACHES];
  gboolean is_per_cpu;   /* the last level has its size for each CPU: a slice beside each core */
  gboolean is_inclusive; /* otherwise the last level takes victims */
  KmlTime latency[KML_N_SERVED];
} KmlCachesConfig;

/* For whom a reference is counted. */
typedef enum {
  KML_ACCOUNT_METADATA, /* allocators, locks: what the kernel's memory management touches itself */
  KML_ACCOUNT_DATA,     /* whoever has a block touches it */
  KML_ACCOUNT_UNPAID, /* what is cleared, a lock that is handed over: their time has a price of its own */
  KML_N_ACCOUNTS,
} KmlCacheAccount;

/* "metadata", "data", "unpaid" */
extern const char *const kml_cache_account_names[KML_N_ACCOUNTS + 1];

typedef struct {
  guint64 served[KML_N_ACCOUNTS][KML_N_SERVED]; /* references, by where the line was */
  KmlTime stalled[KML_N_ACCOUNTS];              /* what they took beyond hits of L1 */
  guint64 n_invalidated;                        /* copies that went because another CPU wrote … */
  guint64 n_evicted; /* … because an inclusive last level lost the line … */
  guint64 n_device;  /* … lines that devices wrote to and somebody had */
} KmlCacheCounts;

typedef struct _KmlCaches KmlCaches;

/* What is wrong with the numbers of a level, for people; NULL: nothing. (transfer full) */
char *kml_cache_shape_problem (const KmlCacheShape *self, guint64 line, gboolean is_last);

/* For addresses below @span. Errors: INPUT for what cannot be, such as an inclusive last level that is smaller than all L2
 * together; WORLD when the host has no memory. */
KmlCaches *kml_caches_new (const KmlCachesConfig *config, guint n_cpus, guint64 span,
                           GError **error);
void kml_caches_free (KmlCaches *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlCaches, kml_caches_free)

/* CPU @cpu reads or writes a word of the line at @addr. Returns how long it waits for it. */
KmlTime kml_caches_access (KmlCaches *self, guint cpu, KmlAddr addr, gboolean is_write);

/* A device writes @size bytes of memory. */
void kml_caches_device_write (KmlCaches *self, KmlAddr addr, guint64 size);

/* Empties all caches and forgets all counts; takes time for what was in them. */
void kml_caches_clear (KmlCaches *self);

const KmlCachesConfig *kml_caches_config (const KmlCaches *self);
const KmlCacheCounts *kml_caches_counts (const KmlCaches *self);

/* Where references are counted from now on; returns where they were. */
KmlCacheAccount kml_caches_set_account (KmlCaches *self, KmlCacheAccount account);

/* Whether the line at @addr is there; @cpu does not matter for the last level. */
gboolean kml_caches_has (const KmlCaches *self, KmlCacheLevel level, guint cpu, KmlAddr addr);

gboolean kml_caches_check (const KmlCaches *self, GError **error);

G_END_DECLS
