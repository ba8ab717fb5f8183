/* cpu-list.h: "0,2-3": some of a machine's CPUs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

/* The CPUs of "0,2-3" in the order written, or of "all" those below @n_all. That each of them
 * exists is not checked. *@ret_cpus (array length=ret_n) (transfer full) */
gboolean kml_cpu_list_parse (const char *text, guint n_all, guint16 **ret_cpus, guint *ret_n,
                             GError **error);

/* For KmlParam.validate. */
gboolean kml_cpu_list_validate (const char *text, GError **error);

G_END_DECLS
