/* trace-lists.c: page frames that lay on a CPU's list when a recording began.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/traces/trace-lists.h"

#include <string.h>

#define BITS          64
#define MAX_FRAMES    (G_GUINT64_CONSTANT (1) << 28) /* 1 TiB of 4 KiB: 32 MiB here, at most */
#define LARGEST_ORDER 13                             /* that a kernel has */
#define MOST_WAITING  4096                           /* what lists of 32 CPUs hold, or so */

void
kml_trace_lists_init (KmlTraceLists *self)
{
  self->waiting = g_array_new (FALSE, FALSE, sizeof (KmlTraceListed));
}

void
kml_trace_lists_finish (KmlTraceLists *self)
{
  g_clear_pointer (&self->seen, g_free);
  g_clear_pointer (&self->waiting, g_array_unref);
}

/* For frames below @end. */
static void
make_room (KmlTraceLists *self, guint64 end)
{
  const gsize n_words = MAX ((gsize)((end + BITS - 1) / BITS), 2 * self->n_words);

  if (end <= self->n_words * BITS)
    return;
  self->seen = g_renew (guint64, self->seen, n_words);
  memset (self->seen + self->n_words, 0, (n_words - self->n_words) * sizeof *self->seen);
  self->n_words = n_words;
}

gboolean
kml_trace_lists_see (KmlTraceLists *self, guint64 pfn, guint order)
{
  const guint64 n = G_GUINT64_CONSTANT (1) << order;
  gboolean is_first = FALSE;

  if (pfn >= MAX_FRAMES || order > LARGEST_ORDER)
    return FALSE;
  make_room (self, pfn + n);
  for (guint64 at = pfn; at < pfn + n; at += BITS) { /* blocks are aligned */
    const guint64 bits = n >= BITS ? G_MAXUINT64 : ((G_GUINT64_CONSTANT (1) << n) - 1) << at % BITS;

    is_first |= (self->seen[at / BITS] & bits) != bits;
    self->seen[at / BITS] |= bits;
  }
  return is_first;
}

void
kml_trace_lists_wait (KmlTraceLists *self, guint64 pfn, guint order)
{
  const KmlTraceListed listed = { pfn, (guint8)order };

  if (self->waiting->len < MOST_WAITING)
    g_array_append_val (self->waiting, listed);
}
