/* fingerprint.c: XXH3-128 over the words of a run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Yann Collet's XXH3 (xxHash 0.8) is fixed for good: the same bytes give the
 * same hash on every host. Hashed a journal at a time, an operation costs one or two
 * nanoseconds.
 */

#include "simcore/recording/fingerprint.h"

#include <xxhash.h>
#ifdef KML_HAVE_XXH_DISPATCH
#include <xxh_x86dispatch.h> /* the widest vectors that this processor has; the bytes are the same */
#endif

struct _KmlFingerprint {
  XXH3_state_t *state; /* (owned) */
};

KmlFingerprint *
kml_fingerprint_new (void)
{
  KmlFingerprint *self = g_new0 (KmlFingerprint, 1);

  self->state = XXH3_createState ();
  g_assert (self->state != NULL);
  kml_fingerprint_clear (self);
  return self;
}

void
kml_fingerprint_clear (KmlFingerprint *self)
{
  XXH3_128bits_reset (self->state);
}

void
kml_fingerprint_free (KmlFingerprint *self)
{
  if (self == NULL)
    return;
  XXH3_freeState (self->state);
  g_free (self);
}

void
kml_fingerprint_digest (KmlFingerprint *self, const KmlJournal *journal)
{
  if (G_BYTE_ORDER == G_LITTLE_ENDIAN) {
    XXH3_128bits_update (self->state, journal->words, journal->n * sizeof journal->words[0]);
  } else {
    for (guint i = 0; i < journal->n; i++)
      for (guint word = 0; word < KML_JOURNAL_WORDS; word++) {
        const guint64 value = GUINT64_TO_LE (journal->words[i][word]);

        XXH3_128bits_update (self->state, &value, sizeof value);
      }
  }
}

char *
kml_fingerprint_text (const KmlFingerprint *self)
{
  const XXH128_hash_t hash = XXH3_128bits_digest (self->state);

  return g_strdup_printf ("%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x",
                          (guint64)hash.high64, (guint64)hash.low64);
}
