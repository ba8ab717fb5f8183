/* fuzz-values.c: the small languages of values: units, laws of distribution, sets of bins, GFP flags.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is accepted and printed again must be accepted with the same meaning.
 */

#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "simcore/objects/bins.h"
#include "simcore/memory/gfp.h"
#include "simcore/base/units.h"
#include "simcore/workload.h"
#include "workloads/programs/program.h"

static void
parse_units (const char *text)
{
  guint64 value, again;
  double real;
  g_autoptr (GError) error = NULL;

  if (kml_parse_size (text, &value, NULL)) {
    g_autofree char *printed = g_strdup_printf ("%" G_GUINT64_FORMAT, value);

    g_assert (kml_parse_size (printed, &again, NULL));
    g_assert (value == again);
  }
  if (!kml_parse_time (text, &value, &error))
    g_assert (error != NULL);
  (void)kml_parse_real (text, &real, NULL);
  (void)kml_parse_count (text, &value, NULL);
}

/* Every parameter of every workload and of the synthetic laws is parsed by its own table. */
static void
parse_params (const char *text)
{
  guint n;
  const KmlWorkloadOps *const *workloads = kml_workload_list (&n);

  for (guint i = 0; i < n; i++) {
    KmlWorkload *workload = kml_workload_new (workloads[i], "w", ".");

    for (const KmlParam *param = workloads[i]->params; param != NULL && param->name != NULL;
         param++) {
      g_autoptr (GError) error = NULL;

      g_assert (kml_param_parse (param, text, workload, &error) == (error == NULL));
    }
    kml_workload_free (workload);
  }
}

static void
parse_program (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlProgram) program = kml_program_parse (text, &error);

  g_assert ((program == NULL) == (error != NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = fuzz_text (data, size);
  g_autoptr (GError) error = NULL;
  KmlBins bins = { 0 };

  if (size > 4096 || !g_utf8_validate (text, -1, NULL))
    return 0;
  parse_units (text);
  parse_params (text);
  parse_program (text);
  if (kml_bins_parse (text, 8, NULL, 0, &bins, &error))
    for (guint i = 1; i < bins.n; i++)
      g_assert (bins.sizes[i - 1] < bins.sizes[i]);
  kml_bins_clear (&bins);
  return 0;
}
