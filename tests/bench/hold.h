/* hold.h: the hold model, the same for every event queue that is timed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Douglas W. Jones, "An Empirical Comparison of Priority-Queue and Event-Set
 * Implementations", CACM 29(4), April 1986: with N events pending, one event is
 * to take the earliest and to schedule it again later by a random increment.
 * Here the increments are exponential with the mean HOLD_MEAN, from a table, so that
 * drawing one costs every contestant the same 2 ns.
 *
 * A contestant is a program that is called as `PROGRAM N EVENTS`, and prints a line
 * `NS NAME` (or several): the nanoseconds of CPU time that one event took,
 * start-up and warming up excluded. bench-agenda.c compares them. C and C++.
 */

#pragma once

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define HOLD_MEAN  1000000
#define HOLD_TABLE 4096

/* Events before the clock starts, so that the pending ones are as they are in the long run. */
#define HOLD_WARM_UP(n_pending) (4 * (n_pending) + 10000)

typedef struct {
  uint64_t state;
  uint64_t increments[HOLD_TABLE];
} Hold;

static inline void
hold_init (Hold *self)
{
  self->state = 88172645463325252u;
  for (int i = 0; i < HOLD_TABLE; i++)
    self->increments[i] = (uint64_t)(-log ((i + 0.5) / HOLD_TABLE) * HOLD_MEAN);
}

/* Marsaglia's xorshift64; the top bits choose an increment. */
static inline uint64_t
hold_next (Hold *self)
{
  self->state ^= self->state << 13;
  self->state ^= self->state >> 7;
  self->state ^= self->state << 17;
  return self->increments[self->state >> 52];
}

static inline double
hold_cpu_ns (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int
hold_arguments (int argc, char **argv, uint64_t *ret_n_pending, uint64_t *ret_n_events)
{
  if (argc < 3)
    return 0;
  *ret_n_pending = strtoull (argv[1], NULL, 10);
  *ret_n_events = strtoull (argv[2], NULL, 10);
  return *ret_n_pending > 0 && *ret_n_events > 0;
}
