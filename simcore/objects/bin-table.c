/* bin-table.c: making the table from size to bin.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/objects/bin-table.h"

#include "simcore/base/blame.h"

#define TABLE_LIMIT 8192u /* bytes */

/* Bins are ascending and distinct before and after. */
static void
raise_small_bins (KmlBins *bins, guint64 least)
{
  guint n = 0;

  for (guint i = 0; i < bins->n; i++) {
    const guint64 size = MAX (bins->sizes[i], least);

    if (n == 0 || bins->sizes[n - 1] < size)
      bins->sizes[n++] = size;
  }
  bins->n = n;
}

gboolean
kml_bin_table_init (KmlBinTable *self, const char *text, guint64 quantum, guint64 least,
                    guint64 most, GError **error)
{
  guint64 largest;
  guint bin = 0;

  if (!kml_bins_parse (text, quantum, NULL, 0, &self->bins, error)) {
    kml_blame (error, "bins");
    return FALSE;
  }
  raise_small_bins (&self->bins, least);
  largest = self->bins.sizes[self->bins.n - 1];
  if (largest > most)
    return kml_refuse (error, "bins",
                       "the largest can be %" G_GUINT64_FORMAT " bytes, not %" G_GUINT64_FORMAT,
                       most, largest);
  self->limit = MIN (largest, TABLE_LIMIT);
  self->entries = g_new (guint16, self->limit + 1);
  for (guint64 size = 0; size <= self->limit; size++) {
    bin += size > self->bins.sizes[bin];
    self->entries[size] = (guint16)bin;
  }
  return TRUE;
}

void
kml_bin_table_clear (KmlBinTable *self)
{
  g_clear_pointer (&self->entries, g_free);
  kml_bins_clear (&self->bins);
}

/* ---- Constraints ---- */

/* Whether objects of @size bytes, one behind another from the beginning of a page on, do. */
static gboolean
keep (const KmlConstraints *constraints, guint64 page_size, guint64 size)
{
  const gboolean is_power_of_two = (size & (size - 1)) == 0;

  if (constraints->limit != 0)
    return FALSE;
  if (constraints->alignment > 1 &&
      (constraints->alignment > page_size || size % constraints->alignment != 0))
    return FALSE;
  return constraints->boundary == 0 ||
         (is_power_of_two && size <= MIN (constraints->boundary, page_size));
}

guint
kml_bin_table_choose (const KmlBinTable *self, const KmlRequest *request, guint64 page_size)
{
  guint bin = kml_bin_table_find (self, request->size);

  if (request->constraints == NULL)
    return bin;
  for (; bin < self->bins.n; bin++) {
    const guint64 size = self->bins.sizes[bin];

    if (size - request->size >= page_size)
      return self->bins.n;
    if (keep (request->constraints, page_size, size))
      return bin;
  }
  return bin;
}
