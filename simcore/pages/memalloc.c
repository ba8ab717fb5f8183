/* memalloc.c: what a task's requests for memory may do, whatever their flags say.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/pages/memalloc.h"

void
kml_memalloc_report (KmlMachine *machine, KmlGfp gfp)
{
  g_autofree char *flags = kml_gfp_format (gfp);
  g_autofree char *what = g_strdup_printf ("asks for memory with %s, which may sleep", flags);

  kml_report_sleep (machine, what);
}
