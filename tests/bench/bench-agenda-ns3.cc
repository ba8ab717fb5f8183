/* bench-agenda-ns3.cc: the hold model on ns-3's default scheduler.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * MapScheduler, a std::map by (time stamp, unique number), is what ns-3 takes
 * unless told otherwise. Timed twice: in Simulator::Run(), with events that
 * schedule themselves again as those of a model do, and alone, Insert() and
 * RemoveNext() of one and the same event object, which no model of ns-3 can do.
 *
 * pkg-config: ns3-core. See hold.h for the protocol.
 */

#include <ns3/event-impl.h>
#include <ns3/map-scheduler.h>
#include <ns3/nstime.h>
#include <ns3/simulator.h>

#include "tests/bench/hold.h"

namespace {

Hold hold;

double
time_scheduler (uint64_t n_pending, uint64_t n_events)
{
  ns3::Ptr<ns3::Scheduler> scheduler = ns3::CreateObject<ns3::MapScheduler> ();
  uint32_t uid = 0;
  double start = 0;

  for (uint64_t i = 0; i < n_pending; i++)
    scheduler->Insert ({ nullptr, { hold_next (&hold), uid++, 0 } });

  const uint64_t n_warm_up = HOLD_WARM_UP (n_pending);

  for (uint64_t i = 0; i < n_warm_up + n_events; i++) {
    if (i == n_warm_up)
      start = hold_cpu_ns ();

    ns3::Scheduler::Event event = scheduler->RemoveNext ();

    event.key.m_ts += hold_next (&hold);
    event.key.m_uid = uid++;
    scheduler->Insert (event);
  }
  return hold_cpu_ns () - start;
}

uint64_t n_until_start;
uint64_t n_until_stop;
double simulator_start;
double simulator_stop;

void
handle ()
{
  if (n_until_start > 0) {
    n_until_start--;
    if (n_until_start == 0)
      simulator_start = hold_cpu_ns ();
  } else {
    n_until_stop--;
    if (n_until_stop == 0) {
      simulator_stop = hold_cpu_ns ();
      ns3::Simulator::Stop ();
    }
  }
  ns3::Simulator::Schedule (ns3::NanoSeconds (hold_next (&hold)), &handle);
}

double
time_simulator (uint64_t n_pending, uint64_t n_events)
{
  n_until_start = HOLD_WARM_UP (n_pending);
  n_until_stop = n_events;
  for (uint64_t i = 0; i < n_pending; i++)
    ns3::Simulator::Schedule (ns3::NanoSeconds (hold_next (&hold)), &handle);
  ns3::Simulator::Run ();
  ns3::Simulator::Destroy ();
  return simulator_stop - simulator_start;
}

} // namespace

int
main (int argc, char **argv)
{
  uint64_t n_pending;
  uint64_t n_events;

  if (!hold_arguments (argc, argv, &n_pending, &n_events)) {
    std::fprintf (stderr, "usage: bench-agenda-ns3 N EVENTS\n");
    return 2;
  }
  hold_init (&hold);
  std::printf ("%.2f ns-3\n", time_simulator (n_pending, n_events) / n_events);
  std::printf ("%.2f ns-3's map alone\n", time_scheduler (n_pending, n_events) / n_events);
  return 0;
}
