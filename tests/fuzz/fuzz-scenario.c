/* fuzz-scenario.c: any bytes as a scenario file: it loads, or every problem has a place.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/fuzz/fuzz.h"

#include "scenarios/loading/scenario.h"

#define MOST_RUNS 16

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GPtrArray) problems = kml_problems_new ();
  g_autoptr (KmlScenario) scenario = kml_scenario_load_text (
      "input.ini", "/nonexistent", NULL, (const char *)data, size, NULL, problems);
  g_autofree char *text = kml_problems_format (problems);

  g_assert ((scenario == NULL) == (problems->len > 0));
  g_assert (g_utf8_validate (text, -1, NULL));
  for (guint64 i = 0; scenario != NULL && i < MIN (kml_scenario_n_runs (scenario), MOST_RUNS);
       i++) {
    g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (scenario, i);

    g_assert (spec->index == i);
  }
  return 0;
}
