/* erlang.h: how large an emergency reserve must be.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic telephone
 * exchanges", 1917: calls arrive at random, each keeps one of c lines busy for a while, and one that finds all
 * lines busy is lost. Requests of interrupts for objects of a reserve of c are the same: an object is taken, and is
 * there again when it has been given back or replaced. With a *load* of a = rate * mean holding time (in Erlangs), a request
 * fails with probability
 *
 *     B (c, a) = (a^c / c!) / (1 + a + a^2/2! + … + a^c/c!)
 *
 * if arrivals are a Poisson process (M), whatever the law of the holding times (G): M/G/c/c. Only their mean counts.
 *
 * What breaks it are arrivals that come together: a burst of n wants n objects at once, however low the rate. loss-system.h
 * simulates these.
 *
 * Invariants, which the tests hold against the sum above:
 *   E1  B (0, a) = 1, and B falls with c and grows with a
 *   E2  a smaller pool needs more for its load: n pools of a / n together need at least as much as one of a
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* B (@c, @load), by the recursion B (c) = a B (c - 1) / (c + a B (c - 1)): products and quotients of numbers between 0 and
 * c, so it neither overflows nor cancels, and IEEE 754 makes it the same everywhere. */
double kml_erlang_b (double load, guint64 c);

/* The least c for which B (c, @load) <= @target, 0 < @target < 1; @most when it would be more than that. */
guint64 kml_erlang_size (double load, double target, guint64 most);

G_END_DECLS
