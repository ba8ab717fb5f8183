/* fingerprint.h: what a run did, in 128 bits.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every request and its outcome is an entry of the journal; the fingerprint is
 * XXH3-128 of the entries' words in order, in little-endian form whatever the
 * host. Two runs agree if and only if their fingerprints do. It does not depend
 * on what the recorder was asked to keep.
 */

#pragma once

#include "simcore/recording/journal.h"

G_BEGIN_DECLS

typedef struct _KmlFingerprint KmlFingerprint;

KmlFingerprint *kml_fingerprint_new (void);
/* As it was when it was new. */
void kml_fingerprint_clear (KmlFingerprint *self);
void kml_fingerprint_free (KmlFingerprint *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlFingerprint, kml_fingerprint_free)

void kml_fingerprint_digest (KmlFingerprint *self, const KmlJournal *journal);

/* (transfer full): 32 hexadecimal digits of all that was digested so far. */
char *kml_fingerprint_text (const KmlFingerprint *self);

G_END_DECLS
