/* fuzz-bin-set.c: a file of bin sizes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is taken is a set: sizes that ascend, each within its span.
 */

#include "tests/fuzz/fuzz.h"

#include "simcore/objects/bin-set.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = fuzz_text (data, size);
  g_autoptr (GError) error = NULL;
  KmlBinSet set;

  if (!kml_bin_set_parse ("input.bins", text, &set, &error)) {
    g_assert (error != NULL);
    return 0;
  }
  g_assert (set.bins.n > 0);
  g_assert (set.bins.n <= KML_MAX_BINS);
  for (guint i = 0; i < set.bins.n; i++) {
    g_assert (set.bins.sizes[i] > (i > 0 ? set.bins.sizes[i - 1] : 0));
    g_assert (set.spans[i] == 0 || set.spans[i] >= set.bins.sizes[i]);
  }
  kml_bin_set_clear (&set);
  return 0;
}
