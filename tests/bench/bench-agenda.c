/* bench-agenda.c: the agenda in the hold model, against others where they are installed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Called with the programs of the contestants (see hold.h) as arguments. Each round
 * times the agenda, each contestant and the agenda again, so that both meet
 * the same minute of a machine whose speed moves; a ratio is taken within a round, and
 * what is printed is the median of the rounds, and whether it is what the project
 * promises. The status is 1 only when a contestant does not run.
 *
 * What is timed is the agenda as a simulation uses it: take an event, call its
 * handler by a pointer, which schedules the next. Instructions an event:
 *
 *   valgrind --tool=callgrind bench-agenda --once 64 100000
 *   valgrind --tool=callgrind bench-agenda --once 64 1100000
 *
 * and a millionth of the difference; about 25 of them are the model's own.
 */

#include <string.h>

#include "simcore/agenda.h"
#include "tests/bench/hold.h"

#define N_ROUNDS 5

/* With 64k pending a rung serves 11 x 64k events: the agenda needs long runs to show all its costs,
 * the contestants, whose every event costs the same, do not. */
#define N_EVENTS      2000000
#define N_EVENTS_PEER 200000

static const guint64 sizes[] = { 4, 64, 1024, 65536 };

/* At least so many times the speed of what is called so. */
static const struct {
  const char *name;
  double ratio;
} promises[] = {
  { "ns-3", 5.0 },
  { "ns-3's map alone", 5.0 }, /* the sterner reading: its data structure without the simulator */
  { "SimGrid", 20.0 },
};

typedef struct {
  KmlAgenda *agenda;
  Hold hold;
} Model;

typedef void (*Handler) (Model *model, const KmlEvent *event);

/* What the contestants' line of one name said in each round. */
typedef struct {
  double ns[N_ROUNDS];
  double ratio[N_ROUNDS];
  guint n_rounds;
} Series;

static void
schedule_again (Model *model, const KmlEvent *event)
{
  kml_agenda_schedule (model->agenda, event->time + hold_next (&model->hold), event->what);
}

static void
hold (Model *model, const Handler *handlers, guint64 n_events)
{
  KmlEvent event;

  for (guint64 i = 0; i < n_events; i++) {
    kml_agenda_take (model->agenda, &event);
    handlers[event.what & 1](model, &event);
  }
}

static double
time_agenda (guint64 n_pending, guint64 n_events)
{
  static const Handler handlers[] = { schedule_again, schedule_again };
  g_autoptr (KmlAgenda) agenda = kml_agenda_new ();
  Model model = { .agenda = agenda };
  double start;

  hold_init (&model.hold);
  for (guint64 i = 0; i < n_pending; i++)
    kml_agenda_schedule (agenda, hold_next (&model.hold), i);
  hold (&model, handlers, HOLD_WARM_UP (n_pending));
  start = hold_cpu_ns ();
  hold (&model, handlers, n_events);
  return (hold_cpu_ns () - start) / (double)n_events;
}

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
run_round (guint64 n_pending, char **programs, guint n_programs, GPtrArray *names,
           GHashTable *series, double *ret_ns)
{
  double before = time_agenda (n_pending, N_EVENTS);

  *ret_ns = before;
  for (guint i = 0; i < n_programs; i++) {
    g_auto (GStrv) lines = run_contestant (programs[i], n_pending);
    const double after = time_agenda (n_pending, N_EVENTS);

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
print_ratio (const char *name, const Series *series)
{
  const double ratio = median (series->ratio, series->n_rounds);

  g_print ("  %10.1f ns  %-20s %6.1f times the agenda's", median (series->ns, series->n_rounds),
           name, ratio);
  for (guint i = 0; i < G_N_ELEMENTS (promises); i++)
    if (strcmp (promises[i].name, name) == 0)
      g_print (", %g promised%s", promises[i].ratio,
               ratio >= promises[i].ratio ? "" : ": NOT REACHED");
  g_print ("\n");
}

/* FALSE: a contestant did not run. */
static gboolean
compare (guint64 n_pending, char **programs, guint n_programs)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) series = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  double ns[N_ROUNDS];

  for (guint i = 0; i < N_ROUNDS; i++)
    if (!run_round (n_pending, programs, n_programs, names, series, &ns[i]))
      return FALSE;

  g_print ("%" G_GUINT64_FORMAT " pending\n", n_pending);
  g_print ("  %10.1f ns  the agenda\n", median (ns, N_ROUNDS));
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);

    print_ratio (name, g_hash_table_lookup (series, name));
  }
  return TRUE;
}

int
main (int argc, char **argv)
{
  guint64 n_pending;
  guint64 n_events;

  if (argc > 1 && strcmp (argv[1], "--once") == 0) {
    if (!hold_arguments (argc - 1, argv + 1, &n_pending, &n_events)) {
      g_printerr ("usage: bench-agenda [PROGRAM …]\n       bench-agenda --once N EVENTS\n");
      return 2;
    }
    g_print ("%.2f the agenda\n", time_agenda (n_pending, n_events));
    return EXIT_SUCCESS;
  }

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    if (!compare (sizes[i], argv + 1, (guint)argc - 1))
      return EXIT_FAILURE;
  return EXIT_SUCCESS;
}
