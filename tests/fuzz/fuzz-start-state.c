/* fuzz-start-state.c: any bytes as what a kernel shows of its free memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is taken has free frames, and pageblocks of known mobilities.
 */

#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "scenarios/loading/start-state.h"

#define N_FRAMES 20000 /* more than zone DMA has */

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  KmlStartState state;

  if (!kml_start_state_load (&state, fuzz_file (data, size), "input", N_FRAMES, 4096, 1, &error)) {
    g_assert (error != NULL);
    kml_start_state_clear (&state);
    return 0;
  }
  g_assert (memchr (state.is_free, TRUE, N_FRAMES) != NULL);
  for (guint i = 0; i < N_FRAMES; i++)
    g_assert (state.is_free[i] <= TRUE);
  for (guint i = 0; i < kml_start_state_n_pageblocks (&state); i++)
    g_assert (state.mobilities[i] < KML_N_MOBILITIES);
  kml_start_state_clear (&state);
  return 0;
}
