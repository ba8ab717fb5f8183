/* trace-names.h: recorded addresses, as names of live blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A table from a 64-bit key to a small integer. A key that is removed frees its
 * name, and the name freed last is the first to be used again, so names are
 * below the highest number of keys that were ever in the table at once.
 *
 * A key may carry a value in the bits that the mask leaves out: the page table
 * keeps a block's order beside its frame number in one word.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define KML_TRACE_NO_NAME G_MAXUINT32

typedef struct {
  guint64 *keys;  /* (owned): by name; of a free name, the next free one */
  guint64 *alive; /* (owned): a bit for each name */
  guint32 n_names, n_room, n_live;
  guint32 next_free;
  guint32 *index; /* (owned) (array length=n_slots): name */
  guint8 *
      distances; /* (owned) (array length=n_slots): 0: empty; else 1 + how far from home the name is */
  guint32 n_slots;
  guint64 mask; /* bits of a key that are compared */
} KmlTraceNames;

/* Where a search ended: an insertion goes on from there. */
typedef struct {
  guint32 slot;
  guint32 distance;
} KmlTraceNamesPlace;

void kml_trace_names_init (KmlTraceNames *self, guint64 mask);
void kml_trace_names_finish (KmlTraceNames *self);

/* KML_TRACE_NO_NAME: not there, and *@ret_place is where it would be. */
guint32 kml_trace_names_find (const KmlTraceNames *self, guint64 key,
                              KmlTraceNamesPlace *ret_place);

/* @key must not be in the table; @place is from the search that said so. KML_TRACE_NO_NAME: no room, because
 * there are 2^32 - 2 keys or because the keys were made to collide. */
guint32 kml_trace_names_insert (KmlTraceNames *self, guint64 key, KmlTraceNamesPlace place);

/* @place is from the search that found the key. */
void kml_trace_names_remove (KmlTraceNames *self, KmlTraceNamesPlace place);

/* Asks the processor for what a search for @key will touch first, and then for what it will touch next: called some time
 * before, the search does not wait for memory. */
void kml_trace_names_prefetch_slot (const KmlTraceNames *self, guint64 key);
void kml_trace_names_prefetch_key (const KmlTraceNames *self, guint64 key);

/* Host bytes in use. */
gsize kml_trace_names_bytes (const KmlTraceNames *self);

G_END_DECLS
