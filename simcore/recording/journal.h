/* journal.h: what the last few operations did.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The driver writes an entry for each operation; when the journal is full, or somebody wants to know, the
 * fingerprint hashes it and the raw samples are taken from it, in loops of their own: a hash of many words costs a
 * tenth of many hashes. Sums and histograms are not made from it: an addition to memory costs less than
 * carrying its operands here and deciding again what kind of operation it was.
 *
 * The words are what the fingerprint covers: they say all that a user could see of an operation.
 */

#pragma once

#include "simcore/op.h"

G_BEGIN_DECLS

#define KML_JOURNAL_SIZE  256 /* 8 KiB: stays in the first-level cache */
#define KML_JOURNAL_WORDS 3

typedef enum {
  KML_WORD_END,  /* when the operation was done */
  KML_WORD_ADDR, /* where the block is; KML_ADDR_NONE: the request failed */
  KML_WORD_WHAT, /* size in bits 0-44, kind 45-46, level 47, context 48-55, CPU 56-63 */
} KmlJournalWord;

typedef struct {
  guint n;
  guint64 words[KML_JOURNAL_SIZE][KML_JOURNAL_WORDS];
  KmlTime start[KML_JOURNAL_SIZE];
} KmlJournal;

#define KML_WHAT_SIZE_BITS 45
#define KML_WHAT_MAX_SIZE  ((G_GUINT64_CONSTANT (1) << KML_WHAT_SIZE_BITS) - 1)

/* What is known of a block as long as it lives: the lower part of the word. No block is larger than
 * KML_WHAT_MAX_SIZE, since no RAM is (ram.c); a request that failed can have been. */
static inline guint64
kml_what_block (guint64 size, guint level)
{
  return size | (guint64)level << 47;
}

/* The whole word, of a block and what is done to it. */
static inline guint64
kml_what_pack (guint64 block, KmlOpKind kind, const KmlRequest *request)
{
  return block | (guint64)kind << 45 | (guint64)kml_request_who (request) << 48;
}

static inline guint64
kml_what_size (guint64 what)
{
  return what & KML_WHAT_MAX_SIZE;
}

static inline guint
kml_what_kind (guint64 what)
{
  return what >> 45 & 3;
}

static inline guint
kml_what_level (guint64 what)
{
  return what >> 47 & 1;
}

static inline guint
kml_what_context (guint64 what)
{
  return what >> 48 & 255;
}

static inline guint
kml_what_cpu (guint64 what)
{
  return (guint)(what >> 56);
}

static inline void
kml_journal_set (KmlJournal *self, guint i, KmlTime start, KmlTime end, KmlAddr addr, guint64 what)
{
  self->words[i][KML_WORD_END] = end;
  self->words[i][KML_WORD_ADDR] = addr;
  self->words[i][KML_WORD_WHAT] = what;
  self->start[i] = start;
}

G_END_DECLS
