/* fingerprint.h: what a run did, in 128 bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every request, its outcome and every event that a user could see is one
 * record of four words; the fingerprint is XXH3-128 of the records in order,
 * in little-endian form whatever the host. Two runs agree if and only if their
 * fingerprints do. It does not depend on what the recorder was asked to keep.
 */

#pragma once

#include "simcore/types.h"

G_BEGIN_DECLS

#define KML_FINGERPRINT_RECORDS 128 /* 4 KiB are hashed at a time */

typedef struct {
  guint64 (*buffer)[4]; /* (owned) KML_FINGERPRINT_RECORDS records */
  guint n_buffered;
  guint64 n_records;
  gpointer state; /* (owned) XXH3_state_t */
} KmlFingerprint;

void kml_fingerprint_init (KmlFingerprint *self);
void kml_fingerprint_finish (KmlFingerprint *self);
void kml_fingerprint_flush (KmlFingerprint *self);

/* @what: kind of event in bits 0-7, context in 8-15, CPU in 16-31, the rest is the kind's own. */
static inline void
kml_fingerprint_add (KmlFingerprint *self, KmlTime time, guint64 what, guint64 addr, guint64 size)
{
  guint64 *record = self->buffer[self->n_buffered];

  record[0] = GUINT64_TO_LE (time);
  record[1] = GUINT64_TO_LE (what);
  record[2] = GUINT64_TO_LE (addr);
  record[3] = GUINT64_TO_LE (size);
  if (++self->n_buffered == KML_FINGERPRINT_RECORDS)
    kml_fingerprint_flush (self);
}

/* (transfer full): 32 hexadecimal digits of all that was added so far. */
char *kml_fingerprint_text (KmlFingerprint *self);

G_END_DECLS
