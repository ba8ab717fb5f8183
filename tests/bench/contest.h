/* contest.h: the hold model, ours against others, where they are installed.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each round times ours, each contestant (a program, see hold.h) and ours again, so that both meet
 * the same minute of a machine whose speed moves; a ratio is taken within a round, and
 * what is printed is the median of the rounds, and whether it is what the project promises.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* At least so many times the speed of what is called so. */
typedef struct {
  const char *name;
  double ratio;
} ContestPromise;

typedef struct {
  const char *name;                                     /* of ours */
  double (*time) (guint64 n_pending, guint64 n_events); /* nanoseconds an event */
  guint64 n_events;
  const ContestPromise *promises; /* ends with a NULL name */
} Contest;

/* FALSE: a contestant did not run. */
gboolean contest_hold (const Contest *self, guint64 n_pending, char **programs, guint n_programs);

G_END_DECLS
