/* cpu-list.c: "0,2-3": some of a machine's CPUs.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The form that the kernel itself uses for lists of CPUs (isolcpus=, taskset
 * -c). A CPU named twice is an error: what it should mean, once or twice as
 * often, nobody can tell.
 */

#include "workloads/cpu-list.h"
#include "simcore/base/units.h"

#include <string.h>

#define MAX_CPUS (G_MAXUINT16 + 1)

/* "2" or "2-3" */
static gboolean
parse_range (const char *word, guint64 *ret_first, guint64 *ret_last)
{
  const char *dash = strchr (word, '-');
  g_autofree char *first = g_strndup (word, strcspn (word, "-"));
  const char *last = dash != NULL ? dash + 1 : first;

  return kml_parse_count (first, ret_first, NULL) && kml_parse_count (last, ret_last, NULL) &&
         *ret_first <= *ret_last && *ret_last < MAX_CPUS;
}

/* @cpus has room for MAX_CPUS. */
static gboolean
parse_words (char **words, guint16 *cpus, guint *ret_n, GError **error)
{
  g_autofree gboolean *is_named = g_new0 (gboolean, MAX_CPUS);
  guint n = 0;

  for (; *words != NULL; words++) {
    guint64 first, last;

    if (!parse_range (g_strstrip (*words), &first, &last))
      return kml_refuse_text ("all, or CPUs such as 0,2-3", *words, error);
    for (; first <= last; first++) {
      if (is_named[first])
        return kml_refuse_text ("each CPU once", *words, error);
      is_named[first] = TRUE;
      cpus[n++] = (guint16)first;
    }
  }
  *ret_n = n;
  return n > 0 || kml_refuse_text ("all, or CPUs such as 0,2-3", "", error);
}

gboolean
kml_cpu_list_parse (const char *text, guint n_all, guint16 **ret_cpus, guint *ret_n, GError **error)
{
  g_auto (GStrv) words = NULL;
  g_autofree guint16 *cpus = g_new (guint16, MAX_CPUS);
  guint n = 0;

  g_assert (n_all <= MAX_CPUS);

  if (strcmp (text, "all") == 0) {
    for (n = 0; n < n_all; n++)
      cpus[n] = (guint16)n;
  } else {
    words = g_strsplit (text, ",", -1);
    if (!parse_words (words, cpus, &n, error))
      return FALSE;
  }
  *ret_cpus = g_memdup2 (cpus, n * sizeof *cpus);
  *ret_n = n;
  return TRUE;
}

gboolean
kml_cpu_list_validate (const char *text, GError **error)
{
  guint16 *cpus = NULL;
  guint n;
  const gboolean is_valid = kml_cpu_list_parse (text, 1, &cpus, &n, error);

  g_free (cpus);
  return is_valid;
}
