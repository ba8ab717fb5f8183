/* recorder-hot.h: what the recorder does on every operation.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Included by the driver alone, so that the compiler sees it all at once. What a
 * scenario does not record costs a test of a pointer.
 */

#pragma once

#include "simcore/recorder.h"

G_BEGIN_DECLS

void kml_recorder_look_at_pages (KmlRecorder *self);
void kml_recorder_snapshot_due (KmlRecorder *self, KmlTime now);
void kml_recorder_flush_samples (KmlRecorder *self);
void kml_recorder_failed (KmlRecorder *self, const KmlOp *op, KmlTime start);

/* The state of the last operation has lasted until @now: starts never decrease, ends may (other CPUs). */
static inline void
kml_recorder_advance (KmlRecorder *self, KmlTime now)
{
  KmlTime lasted;

  if (now <= self->last_time)
    return;
  lasted = now - self->last_time;
  self->requested_time += (unsigned __int128) self->requested * lasted;
  self->held_time += (unsigned __int128) self->held * lasted;
  self->last_time = now;
}

/* Before an operation that starts at @start. */
static inline void
kml_recorder_before (KmlRecorder *self, KmlTime start)
{
  kml_recorder_advance (self, start);
  if (G_UNLIKELY (start >= self->next_snapshot))
    kml_recorder_snapshot_due (self, start);
}

static inline void
kml_recorder_sample (KmlRecorder *self, const KmlOp *op, KmlTime start, KmlTime end, KmlAddr addr,
                     guint64 size)
{
  KmlSampleBlock *block = self->samples;
  guint i;

  if (self->sampling_threshold != G_MAXUINT64 &&
      kml_rng_next (&self->sampling_rng) >= self->sampling_threshold)
    return;
  i = block->n++;
  block->columns[KML_SAMPLE_TIME][i] = start;
  block->columns[KML_SAMPLE_WHAT][i] = op->kind | (guint) op->level << 4 |
                                       (guint) op->request.context << 8 |
                                       (guint) op->request.cpu << 16;
  block->columns[KML_SAMPLE_SIZE][i] = size;
  block->columns[KML_SAMPLE_ADDR][i] = addr;
  block->columns[KML_SAMPLE_LATENCY][i] = end - start;
  if (block->n == KML_SAMPLE_BLOCK)
    kml_recorder_flush_samples (self);
}

static inline void
kml_recorder_after (KmlRecorder *self, const KmlOp *op, KmlOperation operation, KmlTime start,
                    KmlTime end, KmlAddr addr, guint64 size)
{
  KmlHistogram *latency = self->latency[operation][op->request.context];

  if (latency != NULL)
    kml_histogram_add (latency, end - start);
  if (G_UNLIKELY (self->machine->free_area.version != self->area_version))
    kml_recorder_look_at_pages (self);
  if (G_UNLIKELY (self->samples != NULL))
    kml_recorder_sample (self, op, start, end, addr, size);
}

static inline guint
kml_recorder_waste_index (guint64 size)
{
  return size <= KML_WASTE_EXACT ? (guint) size
                                 : KML_WASTE_EXACT + 1 + kml_histogram_bucket (size);
}

/* A request of @size bytes was given @held bytes. */
static inline void
kml_recorder_given (KmlRecorder *self, guint64 size, guint64 held)
{
  self->n_alloc++;
  self->live_blocks++;
  self->requested += size;
  self->held += held;
  if (self->requested > self->peak_requested)
    self->peak_requested = self->requested;
  if (self->held > self->peak_held) {
    self->peak_held = self->held;
    self->requested_at_peak_held = self->requested;
  }
  if (self->waste != NULL) {
    KmlWaste *waste = &self->waste[kml_recorder_waste_index (size)];

    waste->count++;
    waste->requested += size;
    waste->held += held;
  }
}

/* A block of @held bytes, @size of them asked for, was given back. */
static inline void
kml_recorder_given_back (KmlRecorder *self, guint64 size, guint64 held)
{
  self->n_free++;
  self->live_blocks--;
  self->requested -= size;
  self->held -= held;
}

G_END_DECLS
