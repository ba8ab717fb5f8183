/* contest.c: the hold model, ours against others.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/bench/contest.h"

#include <stdlib.h>
#include <string.h>

#define N_ROUNDS      5
#define N_EVENTS_PEER 200000

/* What the contestants' line of one name said in each round. */
typedef struct {
  double ns[N_ROUNDS];
  double ratio[N_ROUNDS];
  guint n_rounds;
} Series;

static int
compare_doubles (const void *a, const void *b)
{
  const double x = *(const double *)a;
  const double y = *(const double *)b;

  return (x > y) - (x < y);
}

static double
median (const double *values, guint n_values)
{
  double sorted[N_ROUNDS];

  g_assert (n_values > 0);
  g_assert (n_values <= N_ROUNDS);
  memcpy (sorted, values, n_values * sizeof (double));
  qsort (sorted, n_values, sizeof (double), compare_doubles);
  return sorted[n_values / 2];
}

/* (transfer full) (nullable): the lines that @program printed. NULL: it failed, and said so. */
static char **
run_contestant (const char *program, guint64 n_pending)
{
  g_autofree char *n_pending_text = g_strdup_printf ("%" G_GUINT64_FORMAT, n_pending);
  g_autofree char *n_events_text = g_strdup_printf ("%d", N_EVENTS_PEER);
  const char *argv[] = { program, n_pending_text, n_events_text, NULL };
  g_autofree char *output = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, NULL,
                     &status, &error) ||
      !g_spawn_check_wait_status (status, &error)) {
    g_printerr ("%s: %s\n", program, error->message);
    return NULL;
  }
  return g_strsplit (g_strchomp (output), "\n", -1);
}

static Series *
series_of (GPtrArray *names, GHashTable *series, const char *name)
{
  Series *found = g_hash_table_lookup (series, name);

  if (found == NULL) {
    found = g_new0 (Series, 1);
    g_hash_table_insert (series, g_strdup (name), found);
    g_ptr_array_add (names, g_strdup (name));
  }
  return found;
}

static gboolean
run_round (const Contest *self, guint64 n_pending, char **programs, guint n_programs,
           GPtrArray *names, GHashTable *series, double *ret_ns)
{
  double before = self->time (n_pending, self->n_events);

  *ret_ns = before;
  for (guint i = 0; i < n_programs; i++) {
    g_auto (GStrv) lines = run_contestant (programs[i], n_pending);
    const double after = self->time (n_pending, self->n_events);

    if (lines == NULL)
      return FALSE;
    for (guint j = 0; lines[j] != NULL; j++) {
      char *name;
      const double ns = g_ascii_strtod (lines[j], &name);
      Series *of_name = series_of (names, series, g_strchug (name));

      if (of_name->n_rounds < N_ROUNDS) {
        of_name->ns[of_name->n_rounds] = ns;
        of_name->ratio[of_name->n_rounds++] = ns / ((before + after) / 2);
      }
    }
    before = after;
  }
  return TRUE;
}

static void
print_ratio (const Contest *self, const char *name, const Series *series)
{
  const double ratio = median (series->ratio, series->n_rounds);

  g_print ("  %10.1f ns  %-20s %6.1f times as long", median (series->ns, series->n_rounds), name,
           ratio);
  for (const ContestPromise *promise = self->promises; promise->name != NULL; promise++)
    if (strcmp (promise->name, name) == 0)
      g_print (", %g promised%s", promise->ratio, ratio >= promise->ratio ? "" : ": NOT REACHED");
  g_print ("\n");
}

gboolean
contest_hold (const Contest *self, guint64 n_pending, char **programs, guint n_programs)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) series = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  double ns[N_ROUNDS];

  for (guint i = 0; i < N_ROUNDS; i++)
    if (!run_round (self, n_pending, programs, n_programs, names, series, &ns[i]))
      return FALSE;

  g_print ("%" G_GUINT64_FORMAT " pending\n", n_pending);
  g_print ("  %10.1f ns  %s\n", median (ns, N_ROUNDS), self->name);
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);

    print_ratio (self, name, g_hash_table_lookup (series, name));
  }
  return TRUE;
}
