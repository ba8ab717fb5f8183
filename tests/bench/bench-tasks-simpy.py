#!/usr/bin/python3
"""bench-tasks-simpy: processes of SimPy in the hold model (see hold.h).

SPDX-License-Identifier: Apache-2.0
"""

import math
import sys
import time

from SimPy.Simulation import Process, activate, hold, initialize, simulate, stopSimulation

MEAN, TABLE = 1000000, 4096
INCREMENTS = [int(-math.log((i + 0.5) / TABLE) * MEAN) for i in range(TABLE)]


class Model:
    state = 88172645463325252
    start = stop = 0


class Sleeper(Process):
    def run(self):
        while True:
            Model.state ^= Model.state << 13 & 0xffffffffffffffff
            Model.state ^= Model.state >> 7
            Model.state ^= Model.state << 17 & 0xffffffffffffffff
            yield hold, self, INCREMENTS[Model.state >> 52]
            Model.left -= 1
            if Model.left == Model.n_events:
                Model.start = time.thread_time_ns()
            elif Model.left == 0:
                Model.stop = time.thread_time_ns()
                stopSimulation()


def main(n_pending, n_events):
    Model.n_events = n_events
    Model.left = 4 * n_pending + 10000 + n_events
    initialize()
    for _ in range(n_pending):
        sleeper = Sleeper()
        activate(sleeper, sleeper.run())
    simulate(until=1e30)
    print(f"{(Model.stop - Model.start) / n_events:.1f} SimPy")


main(int(sys.argv[1]), int(sys.argv[2]))
