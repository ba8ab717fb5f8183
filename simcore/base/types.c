/* types.c: the names of the machine's enumerations.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/types.h"

const char *const kml_context_names[KML_N_CONTEXTS + 1] = { "process", "softirq", "hardirq", NULL };

const char *const kml_mobility_names[KML_N_MOBILITIES + 1] = { "unmovable", "movable",
                                                               "reclaimable", NULL };
