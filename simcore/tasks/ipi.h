/* ipi.h: asking other CPUs to do something at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An interrupt that one CPU sends another runs a function there, in the context of a hardirq, as soon as the other takes it: after
 * KML_COST_IPI, and not while its interrupts are off. Whoever asks may wait for the end of that; it spins meanwhile. This is how TLBs
 * are flushed, and how lists are drained that only their own CPU touches.
 *
 * As Linux does it (kernel/smp.c): a CPU has one record for each other CPU, so a second call to the same CPU waits until the first was taken; calls are
 * put on a queue of the destination, and only the first of a queue sends the interrupt, whose handler takes all that are there.
 *
 * Whoever waits with its own interrupts off waits for what may wait for it. That is reported (bug.irq_misuse, once a run, as
 * Linux's WARN_ON_ONCE), and where it happens it is a cycle of waits like any other: the caller waits for the handler, and the handler for whoever keeps
 * it from its CPU.
 */

#pragma once

#include "simcore/tasks/scheduler.h"

G_BEGIN_DECLS

/* Before the machine runs, by who will send some: makes what is needed. Otherwise the first call does. */
void kml_ipi_prepare (KmlScheduler *scheduler);

/* Bits. */
typedef enum {
  KML_IPI_WAIT = 1 << 0, /* the call returns when the function has done so everywhere */
  KML_IPI_QUIET =
      1
      << 1, /* the function calls kml_sync() before it touches anything that others can see, or touches nothing */
} KmlIpiHow;

/* CPU @cpu calls @func (@data); the own CPU does so here, with interrupts off. By the running task. */
void kml_ipi_call (KmlMachine *machine, guint cpu, KmlTaskFunc func, gpointer data, KmlIpiHow how);

/* All other CPUs of which @is_meant says so (NULL: all) do, at the same time. */
void kml_ipi_call_others (KmlMachine *machine, gboolean (*is_meant) (guint cpu, gpointer data),
                          KmlTaskFunc func, gpointer data, KmlIpiHow how);

/* For the scheduler. */

/* Of what @cpu has asked of others, and what it has done for them. */
void kml_ipis_count (const KmlIpis *self, guint cpu, guint64 *ret_sent, guint64 *ret_taken);
void kml_ipis_free (KmlIpis *self);
void kml_ipis_remember (KmlIpis *self, KmlImage *image);

G_END_DECLS
