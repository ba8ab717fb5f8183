/* replay.h: lets a workload loose on a machine with tasks: every CPU does its own operations.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where the driver (driver.h) executes one operation after another, here each CPU has the operations that the workload gives to it, in
 * their order, and executes them while others execute theirs: they meet at the allocators' locks. Each is executed in its own
 * context: those of processes by a task, those of softirqs and hardirqs by handlers of interrupts.
 *
 * When. An operation with a time starts then, or when its CPU is done with what came before; an interrupt comes at its time, in
 * the middle of whatever the CPU does. Operations without a time (timing = asap, closed workloads) follow one another on each CPU, and the
 * interrupt for one comes when it is its turn.
 *
 * What stays in order. Of the operations on one block each waits for the one before it, whichever CPU that is on: a block is not given
 * back before there is one. Nothing else is kept in order between CPUs.
 */

#pragma once

#include "simcore/replay/requests.h"
#include "simcore/workload.h"

G_BEGIN_DECLS

/* All borrowed. */
typedef struct {
  KmlScheduler *scheduler;
  KmlRequests *requests;
  KmlWorkload *workload;
  guint number;  /* of the workload: its index for the recorder */
  KmlTime until; /* operations with a later time are not executed */
} KmlReplayConfig;

typedef struct _KmlReplay KmlReplay;

/* Its tasks and handlers, ready to run with the others; the run waits for their end. */
KmlReplay *kml_replay_new (const KmlReplayConfig *config);
void kml_replay_free (KmlReplay *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlReplay, kml_replay_free)

/* After the run: whether the workload had an error (a corrupt trace), which ended the run. */
gboolean kml_replay_finish (KmlReplay *self, GError **error);

G_END_DECLS
