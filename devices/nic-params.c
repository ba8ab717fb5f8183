/* nic-params.c: what can be set, and what is counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "devices/nic-private.h"

static const char *const from_choices[] = { "objects", "pages", NULL };
static const char *const context_choices[] = { "softirq", "hardirq", NULL };

const KmlParam kml_nic_params[] = {
  { .name = "packets",
    .type = KML_PARAM_COUNT,
    .value = "100000",
    .min = 1,
    .max = G_GUINT64_CONSTANT (1) << 40,
    .offset = G_STRUCT_OFFSET (Nic, n_packets),
    .summary = "that arrive in all" },
  { .name = "arrivals",
    .type = KML_PARAM_TEXT,
    .value = "poisson(100000/s)",
    .validate = kml_arrivals_validate,
    .offset = G_STRUCT_OFFSET (Nic, arrivals_text),
    .grammar = "poisson(RATE) | periodic(TIME) | bursts(N, TIME)",
    .summary = "when packets arrive" },
  { .name = "cpu",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = KML_MAX_CPUS - 1,
    .offset = G_STRUCT_OFFSET (Nic, cpu),
    .summary = "the CPU of the first ring; the others are on those that follow" },
  { .name = "rings",
    .type = KML_PARAM_COUNT,
    .value = "1",
    .min = 1,
    .max = KML_MAX_CPUS,
    .offset = G_STRUCT_OFFSET (Nic, n_rings),
    .summary = "receive rings, over which packets are dealt at random" },
  { .name = "ring-size",
    .type = KML_PARAM_COUNT,
    .value = "256",
    .min = 1,
    .max = 65536,
    .offset = G_STRUCT_OFFSET (Nic, ring_size),
    .summary = "buffers in a ring" },
  { .name = "buffer",
    .type = KML_PARAM_SIZE,
    .value = "2KiB",
    .min = 1,
    .max = 1 << 20,
    .offset = G_STRUCT_OFFSET (Nic, buffer),
    .summary = "size of a buffer" },
  { .name = "from",
    .type = KML_PARAM_CHOICE,
    .value = "objects",
    .choices = from_choices,
    .offset = G_STRUCT_OFFSET (Nic, from),
    .summary = "which allocator is asked for buffers" },
  { .name = "context",
    .type = KML_PARAM_CHOICE,
    .value = "softirq",
    .choices = context_choices,
    .offset = G_STRUCT_OFFSET (Nic, context),
    .summary = "where a filled buffer is replaced" },
  { .name = "flags",
    .type = KML_PARAM_FLAGS,
    .value = "GFP_ATOMIC",
    .offset = G_STRUCT_OFFSET (Nic, gfp),
    .summary = "of those requests" },
  { .name = "alignment",
    .type = KML_PARAM_SIZE,
    .value = "0",
    .max = 1 << 20,
    .power_of_two = TRUE,
    .offset = G_STRUCT_OFFSET (Nic, constraints.alignment),
    .summary = "each buffer begins at a multiple of it; 0: anywhere" },
  { .name = "limit",
    .type = KML_PARAM_SIZE,
    .value = "0",
    .max = G_GUINT64_CONSTANT (1) << 52,
    .offset = G_STRUCT_OFFSET (Nic, constraints.limit),
    .summary = "the card reaches addresses below it; 0: all" },
  { .name = "budget",
    .type = KML_PARAM_COUNT,
    .value = "64",
    .min = 1,
    .max = 65536,
    .offset = G_STRUCT_OFFSET (Nic, budget),
    .summary = "packets that a poll takes at most" },
  { .name = "packet",
    .type = KML_PARAM_TIME,
    .value = "500ns",
    .max = KML_S,
    .offset = G_STRUCT_OFFSET (Nic, packet),
    .summary = "what a poll works on a packet, besides memory" },
  { .name = "again",
    .type = KML_PARAM_TIME,
    .value = "20us",
    .min = 1,
    .max = KML_S,
    .offset = G_STRUCT_OFFSET (Nic, again),
    .summary = "when a poll that has used its budget goes on" },
  { .name = "consume",
    .type = KML_PARAM_TEXT,
    .value = "exponential(5us)",
    .validate = kml_distribution_validate_services,
    .offset = G_STRUCT_OFFSET (Nic, consume_text),
    .grammar = KML_SERVICE_GRAMMAR,
    .summary = "how long the consumer works on a packet" },
  { .name = "consumer-cpu",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = KML_MAX_CPUS - 1,
    .offset = G_STRUCT_OFFSET (Nic, consumer_cpu),
    .summary = "where it runs" },
  { .name = "backlog",
    .type = KML_PARAM_COUNT,
    .value = "1000",
    .min = 1,
    .max = 1 << 24,
    .offset = G_STRUCT_OFFSET (Nic, backlog),
    .summary = "packets that may wait for it" },
  { NULL },
};

const KmlCounterInfo kml_nic_counters[] = {
  [COUNT_PACKETS] = { "packets", "count", "packets that have arrived" },
  [COUNT_RECEIVED] = { "received", "count", "packets that got as far as the backlog" },
  [COUNT_CONSUMED] = { "consumed", "count", "packets that the consumer has worked on and freed" },
  [COUNT_DROPS_RING] = { "drops_ring", "count", "packets lost: no buffer was posted" },
  [COUNT_DROPS_MEMORY] = { "drops_memory", "count", "packets lost: no memory for a new buffer" },
  [COUNT_DROPS_BACKLOG] = { "drops_backlog", "count", "packets lost: the consumer was too slow" },
  [COUNT_INTERRUPTS] = { "interrupts", "count", "hardware interrupts" },
  [COUNT_POLLS] = { "polls", "count", "polls" },
  [COUNT_ALLOCATIONS] = { "allocations", "count", "buffers asked for in polls" },
  [COUNT_ALLOCATION_TIME] = { "allocation_time", "ps", "time that polls spent asking" },
  { NULL, NULL, NULL },
};

static double
drop_share (const guint64 *counted)
{
  return kml_figure_quotient (counted[COUNT_DROPS_RING] + counted[COUNT_DROPS_MEMORY] +
                                  counted[COUNT_DROPS_BACKLOG],
                              counted[COUNT_PACKETS]);
}

static double
memory_drop_share (const guint64 *counted)
{
  return kml_figure_quotient (counted[COUNT_DROPS_MEMORY], counted[COUNT_ALLOCATIONS]);
}

static double
allocation_mean (const guint64 *counted)
{
  return kml_figure_quotient (counted[COUNT_ALLOCATION_TIME], counted[COUNT_ALLOCATIONS]) / KML_NS;
}

const KmlFigureInfo kml_nic_figures[] = {
  { "drop_share", "ratio", "share of packets that are lost", drop_share },
  { "memory_drop_share", "ratio", "share of the requests in polls that get no memory",
    memory_drop_share },
  { "allocation_mean", "ns", "mean time of a request in a poll", allocation_mean },
  { NULL, NULL, NULL, NULL },
};
