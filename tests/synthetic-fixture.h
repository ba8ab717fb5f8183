/* synthetic-fixture.h: a synthetic workload, opened as a scenario would, by keys and values, and its operations.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/workload.h"
#include "tests/testutils.h"

#define N_CPUS    4
#define PAGE_SIZE 4096

/* Keys and values in turn, ended by NULL. */
static inline KmlWorkload *
new_workload (const char *const *pairs)
{
  const KmlWorkloadOps *ops = kml_workload_find ("synthetic");
  KmlWorkload *self = kml_workload_new (ops, "web", ".");

  for (; pairs[0] != NULL; pairs += 2) {
    g_autoptr (GError) error = NULL;
    const KmlParam *param = kml_param_find (ops->params, pairs[0]);

    ck_assert_msg (param != NULL, "there is no parameter %s", pairs[0]);
    if (!kml_param_parse (param, pairs[1], self, &error))
      ck_abort_msg ("%s = %s: %s", pairs[0], pairs[1], error->message);
  }
  return self;
}

static inline KmlWorkload *
open_seeded (guint64 seed, const char *const *pairs)
{
  KmlWorkload *self = new_workload (pairs);
  g_autoptr (GError) error = NULL;

  kml_workload_open (self, seed, N_CPUS, PAGE_SIZE, &error);
  assert_no_error (error);
  return self;
}

#define KEYS(...)          ((const char *const[]){ __VA_ARGS__, NULL })
#define open_workload(...) open_seeded (1, KEYS (__VA_ARGS__))

/* All operations, or the first @most. */
static inline GArray *
collect (KmlWorkload *self, guint batch, guint most)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (KmlOp));
  g_autofree KmlOp *ops = g_new0 (KmlOp, batch);
  g_autoptr (GError) error = NULL;
  int n;

  while (all->len < most && (n = self->ops->next (self, ops, batch, &error)) > 0)
    g_array_append_vals (all, ops, (guint)n);
  assert_no_error (error);
  return all;
}

static inline KmlOp *
op_at (GArray *ops, guint i)
{
  return &g_array_index (ops, KmlOp, i);
}

static inline guint
count (GArray *ops, KmlOpKind kind)
{
  guint n = 0;

  for (guint i = 0; i < ops->len; i++)
    n += op_at (ops, i)->kind == kind;
  return n;
}

/* FNV-1a over words; @with_sizes: what an allocator is asked for too. */
static inline guint64
checksum (GArray *ops, gboolean with_sizes)
{
  guint64 sum = G_GUINT64_CONSTANT (0xcbf29ce484222325);

  for (guint i = 0; i < ops->len; i++) {
    const KmlOp *op = op_at (ops, i);
    const guint64 words[] = { op->time,
                              op->block,
                              op->kind,
                              op->level,
                              op->request.cpu,
                              op->request.context,
                              op->request.mobility,
                              op->request.gfp,
                              with_sizes ? op->request.size : 0 };

    for (guint k = 0; k < G_N_ELEMENTS (words); k++)
      sum = (sum ^ words[k]) * G_GUINT64_CONSTANT (0x100000001b3);
  }
  return sum;
}
