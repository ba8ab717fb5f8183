/* stream-measure.h: what a stream of operations comes to, for tests that compare two of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "tests/testutils.h"

#include "simcore/base/histogram.h"
#include "simcore/param.h"
#include "simcore/workload.h"

#include <string.h>

#define N_SIZE_CLASSES (KML_HISTOGRAM_N_BUCKETS + KML_MAX_ORDER + 1)

typedef struct {
  guint64 n_requests[2], n_frees[2]; /* by level: objects, pages */
  guint64 n_wandered;                /* frees on another CPU than the request's */
  guint64 end_ns;
  double live_blocks[2], live_bytes[2]; /* means over the time */
  guint64 cpus[64], contexts[KML_N_CONTEXTS], mobilities[KML_N_MOBILITIES];
  guint64 sizes[N_SIZE_CLASSES]; /* requests by class of size, then by order */
  KmlHistogram lifetimes[2];     /* ns, of blocks that ended */
} Measure;

typedef struct {
  guint64 born_ns, bytes;
  guint16 cpu;
} MeasuredBlock;

static inline guint
level_index (const KmlOp *op)
{
  return op->level == KML_LEVEL_PAGES;
}

static inline guint
size_class (const KmlOp *op, guint64 page_size)
{
  guint order = 0;

  if (op->level == KML_LEVEL_OBJECTS)
    return kml_histogram_bucket (op->request.size);
  while (page_size << order < op->request.size)
    order++;
  return KML_HISTOGRAM_N_BUCKETS + order;
}

/* Runs the whole stream of an open workload. */
static inline void
measure_stream (KmlWorkload *workload, Measure *ret)
{
  g_autoptr (GArray) blocks = g_array_new (FALSE, TRUE, sizeof (MeasuredBlock));
  double n_live[2] = { 0 }, bytes_live[2] = { 0 };
  g_autoptr (GError) error = NULL;
  KmlOp ops[256];
  int n;

  memset (ret, 0, sizeof *ret);
  while ((n = workload->ops->next (workload, ops, G_N_ELEMENTS (ops), &error)) > 0)
    for (int i = 0; i < n; i++) {
      const KmlOp *const op = &ops[i];
      const guint level = level_index (op);
      const guint64 now = op->time / KML_NS;
      MeasuredBlock *block;

      for (guint j = 0; j < 2; j++) {
        ret->live_blocks[j] += n_live[j] * (double)(now - ret->end_ns);
        ret->live_bytes[j] += bytes_live[j] * (double)(now - ret->end_ns);
      }
      ret->end_ns = now;
      if (MAX (op->block, op->other) >= blocks->len)
        g_array_set_size (blocks, MAX (op->block, op->other) * 2 + 1);
      block = &g_array_index (blocks, MeasuredBlock, op->block);
      if (op->kind == KML_OP_ALLOC) {
        *block = (MeasuredBlock){ now, op->request.size, op->request.cpu };
        ret->n_requests[level]++;
        ret->cpus[op->request.cpu % 64]++;
        ret->contexts[op->request.context]++;
        ret->mobilities[op->request.mobility]++;
        ret->sizes[size_class (op, workload->page_size)]++;
        n_live[level]++;
        bytes_live[level] += (double)block->bytes;
      } else if (op->kind == KML_OP_FREE) {
        ret->n_frees[level]++;
        ret->n_wandered += block->cpu != op->request.cpu;
        kml_histogram_add (&ret->lifetimes[level], now - block->born_ns);
        n_live[level]--;
        bytes_live[level] -= (double)block->bytes;
      } else {
        block->bytes /= 2;
        g_array_index (blocks, MeasuredBlock, op->other) = *block;
        n_live[level]++;
      }
    }
  assert_no_error (error);
  for (guint j = 0; j < 2 && ret->end_ns > 0; j++) {
    ret->live_blocks[j] /= (double)ret->end_ns;
    ret->live_bytes[j] /= (double)ret->end_ns;
  }
}

/* Half the sum of |p - q|: what share of one histogram would have to move to make it the other. */
static inline double
distance_between (const guint64 *a, const guint64 *b, guint n)
{
  double sum_a = 0, sum_b = 0, distance = 0;

  for (guint i = 0; i < n; i++) {
    sum_a += (double)a[i];
    sum_b += (double)b[i];
  }
  for (guint i = 0; i < n && sum_a > 0 && sum_b > 0; i++)
    distance += ABS ((double)a[i] / sum_a - (double)b[i] / sum_b);
  return distance / 2;
}

/* The largest difference between two distribution functions: Kolmogorov and Smirnov's statistic. */
static inline double
greatest_difference (const KmlHistogram *a, const KmlHistogram *b)
{
  const guint64 n_a = kml_histogram_n (a), n_b = kml_histogram_n (b);
  double sum_a = 0, sum_b = 0, greatest = 0;

  for (guint i = 0; i < KML_HISTOGRAM_N_BUCKETS && n_a > 0 && n_b > 0; i++) {
    sum_a += (double)a->counts[i] / (double)n_a;
    sum_b += (double)b->counts[i] / (double)n_b;
    greatest = MAX (greatest, ABS (sum_a - sum_b));
  }
  return greatest;
}

/* @settings: "file", "x.kmt", … then NULL. */
static inline KmlWorkload *
open_with (const char *kind, const char *const *settings, guint64 seed, guint n_cpus)
{
  const KmlWorkloadOps *const ops = kml_workload_find (kind);
  KmlWorkload *const self = kml_workload_new (ops, "w", ".");
  g_autoptr (GError) error = NULL;

  for (; *settings != NULL; settings += 2)
    if (!kml_param_parse (kml_param_find (ops->params, settings[0]), settings[1], self, &error))
      ck_abort_msg ("%s", error->message);
  kml_workload_open (self, seed, n_cpus, 4096, &error);
  assert_no_error (error);
  return self;
}
