/* memalloc.c: what a task's requests for memory may do, whatever their flags say.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/memalloc.h"

void
kml_memalloc_report (KmlMachine *machine, KmlGfp gfp)
{
  g_autofree char *flags = kml_gfp_format (gfp);

  kml_scheduler_report (machine->scheduler, KML_INCIDENT_SLEEP_IN_ATOMIC,
                        g_strdup_printf ("%s asks for memory with %s, which may sleep",
                                         kml_current_task (machine)->name, flags));
}
