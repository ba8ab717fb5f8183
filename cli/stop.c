/* stop.c: signals.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/stop.h"
#include "cli/command.h"
#include "cli/output.h"

#include <signal.h>
#include <unistd.h>

/* The signal that came, or 0. An int of this kind is all that a handler may touch; int is as
 * good as sig_atomic_t on every system with signals of this kind. */
static volatile int signal_number;

static void
on_signal (int number)
{
  if (signal_number == 0) {
    signal_number = number;
  } else if (number != SIGHUP) { /* the system and the shell send one each */
    signal (number, SIG_DFL);
    raise (number);
  }
}

volatile int *
kml_stop_install (void)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
  struct sigaction before;

  sigemptyset (&action.sa_mask);
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
  /* the terminal is gone; nohup has it ignored, and then it stays so */
  if (sigaction (SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
    sigaction (SIGHUP, &action, NULL);
  return &signal_number;
}

int
kml_stop_exit (void)
{
  switch (signal_number) {
  case SIGINT:
    return KML_EXIT_INTERRUPT;
  case SIGTERM:
  case SIGHUP:
    return KML_EXIT_TERMINATE;
  default:
    return KML_EXIT_DONE;
  }
}

int
kml_stop_or_fail (const GError *error)
{
  return signal_number != 0 ? kml_stop_exit () : kml_fail (error);
}

void
kml_stop_ignore_write_signals (void)
{
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
}

/* Only what a handler may call. */
static void
on_bug (int number)
{
  static const char text[] =
      "kmemlab: this is a bug of kmemlab: please report the message above, the "
      "command and the scenario\n";

  (void)!write (STDERR_FILENO, text, sizeof text - 1);
  _exit (KML_EXIT_BUG);
}

void
kml_stop_catch_bugs (void)
{
  signal (SIGABRT, on_bug); /* g_assert() */
  signal (SIGTRAP, on_bug); /* g_error() */
}
