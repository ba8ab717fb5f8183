/* erlang.c: Erlang's loss formula and its inverse.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/erlang.h"

static double
next_b (double load, double b, guint64 c)
{
  return load * b / ((double)c + load * b);
}

double
kml_erlang_b (double load, guint64 c)
{
  double b = 1.0;

  for (guint64 i = 1; i <= c; i++)
    b = next_b (load, b, i);
  return b;
}

guint64
kml_erlang_size (double load, double target, guint64 most)
{
  double b = 1.0;
  guint64 c = 0;

  g_assert (target > 0.0);
  while (b > target && c < most)
    b = next_b (load, b, ++c);
  return c;
}
