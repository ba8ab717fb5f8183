/* bench-agenda-simgrid.cc: the hold model on SimGrid's actors.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * N actors that sleep for a random time again and again. SimGrid knows no
 * event without an actor, so that one event here is two switches between contexts
 * as well: it is how a model in SimGrid waits. Without guard pages, or 64k
 * stacks are more mappings than Linux grants a process; with small stacks.
 *
 * pkg-config: simgrid. See hold.h for the protocol.
 */

#include <simgrid/s4u.hpp>

#include "tests/bench/hold.h"

namespace {

Hold hold;
uint64_t n_until_start;
uint64_t n_until_stop;
double start;
double stop;

/* Every actor leaves at its next wake-up after the clock has been stopped. */
void
hold_actor ()
{
  while (n_until_stop > 0) {
    simgrid::s4u::this_actor::sleep_for (hold_next (&hold) * 1e-6);
    if (n_until_start > 0) {
      n_until_start--;
      if (n_until_start == 0)
        start = hold_cpu_ns ();
    } else if (n_until_stop > 0) {
      n_until_stop--;
      if (n_until_stop == 0)
        stop = hold_cpu_ns ();
    }
  }
}

} // namespace

int
main (int argc, char **argv)
{
  uint64_t n_pending;
  uint64_t n_events;

  if (!hold_arguments (argc, argv, &n_pending, &n_events)) {
    std::fprintf (stderr, "usage: bench-agenda-simgrid N EVENTS\n");
    return 2;
  }
  hold_init (&hold);
  n_until_start = HOLD_WARM_UP (n_pending);
  n_until_stop = n_events;

  /* The options of contexts exist only for the engine's own command line. */
  char name[] = "bench-agenda-simgrid";
  char no_guard[] = "--cfg=contexts/guard-size:0";
  char small_stacks[] = "--cfg=contexts/stack-size:16";
  char fastest[] = "--cfg=contexts/factory:raw";
  char quiet[] = "--log=root.threshold:warning";
  char *engine_argv[] = { name, no_guard, small_stacks, fastest, quiet, nullptr };
  int engine_argc = 5;
  simgrid::s4u::Engine engine (&engine_argc, engine_argv);
  simgrid::s4u::NetZone *zone = simgrid::s4u::create_full_zone ("zone");
  simgrid::s4u::Host *host = zone->create_host ("host", 1e9);

  zone->seal ();
  for (uint64_t i = 0; i < n_pending; i++)
    simgrid::s4u::Actor::create ("actor", host, hold_actor);
  engine.run ();
  std::printf ("%.2f SimGrid\n", (stop - start) / n_events);
  return 0;
}
