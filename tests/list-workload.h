/* list-workload.h: a workload that plays a list of operations.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include <string.h>

#include "simcore/workload.h"

typedef struct {
  KmlWorkload base;
  const KmlOp *ops;
  guint n, at;
  gboolean is_torn; /* behind the last operation there is an error, and not the end */
} List;

static gboolean
list_open (KmlWorkload *base, GError **error)
{
  return TRUE;
}

static int
list_next (KmlWorkload *base, KmlOp *ops, guint n, GError **error)
{
  List *self = (List *)base;
  const guint taken = MIN (n, self->n - self->at);

  if (taken == 0 && self->is_torn) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "torn:1: the tape is torn");
    return -1;
  }
  if (taken > 0)
    memcpy (ops, self->ops + self->at, taken * sizeof *ops);
  self->at += taken;
  return (int)taken;
}

static const KmlWorkloadOps list_ops = {
  .name = "list",
  .instance_size = sizeof (List),
  .open = list_open,
  .next = list_next,
};
