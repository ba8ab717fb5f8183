/* odometer.h: all answers to all choices, one schedule after the other.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each choice of a schedule is a wheel with as many teeth as there are answers. The last wheel turns first; one that has turned round falls off, and the one
 * before it turns. So what must be the same each time is what the answers lead to.
 */

#pragma once

#include <glib.h>

#define ODOMETER_MOST 200 /* choices of a schedule */

/* All zero: the first schedule. */
typedef struct {
  guint n;     /* choices so far in this schedule */
  guint depth; /* wheels */
  guint answers[ODOMETER_MOST], wheels[ODOMETER_MOST];
} Odometer;

/* Of @n. */
static inline guint
odometer_choose (Odometer *self, guint n)
{
  g_assert_cmpuint (self->n, <, ODOMETER_MOST);
  if (self->n == self->depth) {
    self->answers[self->depth] = 0;
    self->wheels[self->depth++] = n;
  }
  g_assert_cmpuint (self->wheels[self->n], ==, n); /* the same choices lead to the same place */
  return self->answers[self->n++];
}

/* FALSE: that was the last schedule. */
static inline gboolean
odometer_turn (Odometer *self)
{
  while (self->depth > 0 && self->answers[self->depth - 1] + 1 == self->wheels[self->depth - 1])
    self->depth--;
  if (self->depth > 0)
    self->answers[self->depth - 1]++;
  self->n = 0;
  return self->depth > 0;
}
