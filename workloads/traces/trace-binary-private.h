/* trace-binary-private.h: what the pieces of the reader of the binary form share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   trace-binary.c        the theory; blocks, and the story that they tell
 *   trace-binary-file.c   header, trailer, footer, sections
 */

#pragma once

#include <zstd.h>

#include "workloads/traces/trace-binary.h"
#include "workloads/traces/trace-layout.h"

G_BEGIN_DECLS

#define STORED_SIZE (KML_KMT_SECTION + KML_KMT_MAX_BLOCK_BYTES)

typedef struct {
  guint64 offset; /* of its head */
  guint64 first_event;
  guint64 first_time_ns;
  guint32 n_events;
  guint32 live_objects, live_pages;
} KmlKmtIndexEntry;

/* What is known of the names of a level. */
typedef struct {
  guint8 *states; /* (owned) (array length=n_room) */
  guint32 n_named, n_room;
} KmlKmtNames;

typedef struct {
  guint32 pid;
  guint16 cpu;
  guint8 context;
} KmlKmtActor;

/* For what a section says it has: most files have one small block. */
typedef struct {
  guint8 *bytes; /* (owned) (array length=room) */
  gsize room;
} KmlKmtRoom;

struct _KmlTraceBinary {
  KmlTraceInput *input; /* (borrowed) */
  KmlTraceInfo *info;   /* (borrowed) */
  char *source;         /* (owned) */
  char *malformed_text; /* (owned) (nullable) */
  KmlTraceStrings sites, caches;
  GArray *names; /* (owned) (element-type KmlTraceNameCount) */
  GArray *index; /* (owned) (element-type KmlKmtIndexEntry) */
  guint32 version;
  guint64 footer_offset;
  ZSTD_DCtx *zstd;

  guint next_block;
  gboolean sought;       /* there are live blocks that were not seen */
  KmlKmtNames levels[2]; /* objects, pages */

  /* The block that is being given out. */
  guint32 n_events, at;
  guint64 time_ns;
  guint64 unit;
  guint n_templates, n_actors;
  guint template_planes, actor_planes, name_planes;
  const guint8 *template_of, *actor_of, *times, *block_names; /* columns, in raw[] */
  KmlKmtCursor splits, escapes;
  guint most_events;        /* of a block, by the index */
  KmlTraceEvent *templates; /* (owned) (array length=most_events) */
  KmlKmtActor *actors;      /* (owned) (array length=most_events) */
  KmlKmtRoom stored;        /* as in the file: STORED_SIZE at most */
  KmlKmtRoom raw;           /* unpacked: KML_KMT_MAX_BLOCK_BYTES at most */
};

/* ---- trace-binary-file.c ---- */

/* FALSE: @error says that what is at @offset is damaged, and how: @what. */
gboolean kml_trace_binary_damaged (const KmlTraceBinary *self, guint64 offset, const char *what,
                                   GError **error);
gboolean kml_trace_binary_read_at (const KmlTraceBinary *self, guint64 offset, guint8 *bytes,
                                   gsize n, GError **error);

/* For @n bytes; what was there is lost. */
void kml_trace_binary_make_room (KmlKmtRoom *self, gsize n);

/* Checks and unpacks a section of @length bytes, head included, that was read from @offset. */
gboolean kml_trace_binary_unpack (const KmlTraceBinary *self, const guint8 *bytes, guint64 length,
                                  guint64 offset, guint32 tag, guint8 *raw, gsize raw_size,
                                  KmlKmtSection *ret_section, GError **error);

/* All but the blocks: what is known of the recording, names, call sites, the index. */
gboolean kml_trace_binary_read_file (KmlTraceBinary *self, GError **error);

G_END_DECLS
