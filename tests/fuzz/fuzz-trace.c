/* fuzz-trace.c: any bytes as a recording: every text, .kmt, other tools' forms, plain and compressed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever comes out must be a sound story: times never go back, a name is given to one live block, what is freed is
 * live. trace.dat is left out: a child process reads it.
 */

#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "workloads/traces/trace.h"

#define MOST_EVENTS 200000 /* a small compressed file can hold many */

typedef struct {
  GByteArray *live[2]; /* by level: whether the name is in use */
  guint64 last_ns;
} Story;

static void
set_live (Story *self, guint level, guint32 block, gboolean live)
{
  GByteArray *names = self->live[level];

  while (names->len <= block)
    g_byte_array_append (names, (const guint8 *)"", 1);
  g_assert (names->data[block] == !live);
  names->data[block] = (guint8)live;
}

static void
tell (Story *self, const KmlTraceEvent *event)
{
  g_assert (event->time_ns >= self->last_ns);
  g_assert (event->level == KML_LEVEL_OBJECTS || event->level == KML_LEVEL_PAGES);
  g_assert (event->context < KML_N_CONTEXTS);
  g_assert (event->mobility < KML_N_MOBILITIES);
  self->last_ns = event->time_ns;
  switch (event->kind) {
  case KML_OP_ALLOC:
    g_assert (event->level == KML_LEVEL_PAGES || event->bytes_req > 0);
    set_live (self, event->level, event->block, TRUE);
    break;
  case KML_OP_FREE:
    set_live (self, event->level, event->block, FALSE);
    break;
  case KML_OP_SPLIT:
    g_assert (event->block < self->live[event->level]->len);
    g_assert (self->live[event->level]->data[event->block]);
    set_live (self, event->level, event->other, TRUE);
    break;
  case KML_OP_FREE_OLD:
    g_assert (event->level == KML_LEVEL_PAGES);
    g_assert (event->block == 0);
    g_assert (event->other < KML_PFN_NONE);
    break;
  default:
    g_assert_not_reached ();
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const uint8_t trace_dat[] = { 0x17, 0x08, 0x44 };
  Story story = { .live = { g_byte_array_new (), g_byte_array_new () } };
  g_autoptr (KmlTraceStats) stats = kml_trace_stats_new ();
  g_autoptr (KmlTrace) trace = NULL;
  g_autoptr (GError) error = NULL;
  KmlTraceEvent events[64];
  guint64 n_events = 0;
  int n = 0;

  if (size < sizeof trace_dat || memcmp (data, trace_dat, sizeof trace_dat) != 0)
    trace = kml_trace_open (fuzz_file (data, size), "input", &error);
  while (trace != NULL && n_events < MOST_EVENTS &&
         (n = kml_trace_next (trace, events, G_N_ELEMENTS (events), &error)) > 0) {
    for (int i = 0; i < n; i++)
      tell (&story, &events[i]);
    kml_trace_stats_add (stats, events, (guint)n);
    n_events += (guint)n;
  }
  g_assert (n >= 0 || error != NULL);
  g_byte_array_unref (story.live[0]);
  g_byte_array_unref (story.live[1]);
  return 0;
}
