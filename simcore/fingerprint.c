/* fingerprint.c: XXH3-128 over the records of a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Yann Collet's XXH3 (xxHash 0.8) is fixed for good: the same bytes give the
 * same hash on every host. Hashing 4 KiB at a time costs a few nanoseconds an
 * operation; hashing each record for itself would cost as much as the
 * simulated allocation.
 */

#include "simcore/fingerprint.h"

#include <xxhash.h>

void
kml_fingerprint_init (KmlFingerprint *self)
{
  *self = (KmlFingerprint) { .buffer = g_malloc (KML_FINGERPRINT_RECORDS * sizeof *self->buffer) };
  self->state = XXH3_createState ();
  g_assert (self->state != NULL);
  XXH3_128bits_reset (self->state);
}

void
kml_fingerprint_finish (KmlFingerprint *self)
{
  XXH3_freeState (self->state);
  g_free (self->buffer);
  *self = (KmlFingerprint) { 0 };
}

void
kml_fingerprint_flush (KmlFingerprint *self)
{
  XXH3_128bits_update (self->state, self->buffer, self->n_buffered * sizeof *self->buffer);
  self->n_records += self->n_buffered;
  self->n_buffered = 0;
}

char *
kml_fingerprint_text (KmlFingerprint *self)
{
  XXH128_hash_t hash;

  kml_fingerprint_flush (self);
  hash = XXH3_128bits_digest (self->state);
  return g_strdup_printf ("%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x",
                          (guint64) hash.high64, (guint64) hash.low64);
}
