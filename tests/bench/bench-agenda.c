/* bench-agenda.c: the agenda in the hold model, against others where they are installed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Called with the programs of the contestants (see contest.h) as arguments.
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

#include "simcore/tasks/agenda.h"
#include "tests/bench/contest.h"
#include "tests/bench/hold.h"

/* With 64k pending a rung serves 11 x 64k events: the agenda needs long runs to show all its costs,
 * the contestants, whose every event costs the same, do not. */
#define N_EVENTS 2000000

static const guint64 sizes[] = { 4, 64, 1024, 65536 };

static const ContestPromise promises[] = {
  { "ns-3", 5.0 },
  { "ns-3's map alone", 5.0 }, /* the sterner reading: its data structure without the simulator */
  { "SimGrid", 20.0 },
  { NULL },
};

typedef struct {
  KmlAgenda *agenda;
  Hold hold;
} Model;

typedef void (*Handler) (Model *model, const KmlEvent *event);

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

static const Contest contest = { "the agenda", time_agenda, N_EVENTS, promises };

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
    if (!contest_hold (&contest, sizes[i], argv + 1, (guint)argc - 1))
      return EXIT_FAILURE;
  return EXIT_SUCCESS;
}
