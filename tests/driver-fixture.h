/* driver-fixture.h: a run small enough to work out by hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A workload that plays a list of operations, and a stand-in for an allocator that rounds up to 16 bytes, takes 10 ns to
 * give a block and 5 ns to take it back, and has room for three.
 */

#pragma once

#include "simcore/replay/driver.h"
#include "tests/list-workload.h"
#include "tests/testutils.h"

/* ---- Stand-ins ---- */

typedef struct {
  KmlAllocator base;
  guint n_live;
  KmlAddr next;
  gboolean keeps_whole;           /* does not split */
  gboolean takes_pages;           /* a frame for each block, and 100 bytes for itself */
  KmlAddr last_freed, last_split; /* what the last calls were about */
  guint64 last_piece;
} Three;

static gboolean
three_init (KmlAllocator *base, GError **error)
{
  return TRUE;
}

static void
take_page (Three *self, gboolean back)
{
  KmlFreeArea *area = &self->base.machine->free_area;

  if (!self->takes_pages)
    return;
  if (back)
    kml_free_area_add (area, 0, KML_MOBILITY_UNMOVABLE);
  else
    kml_free_area_remove (area, 0, KML_MOBILITY_UNMOVABLE);
  self->base.metadata_bytes = 100 * self->n_live;
}

static KmlAddr
three_alloc (KmlAllocator *base, const KmlRequest *request, guint64 *ret_held)
{
  Three *self = (Three *)base;

  kml_spend (base->machine, KML_COST_INSTRUCTION, 10);
  if (self->n_live == 3)
    return KML_ADDR_NONE;
  self->n_live++;
  take_page (self, FALSE);
  base->counters[0]++;
  self->next += 4096;
  *ret_held = (request->size + 15) / 16 * 16;
  return self->next;
}

static guint64
three_free (KmlAllocator *base, KmlAddr addr, const KmlRequest *how)
{
  Three *self = (Three *)base;

  kml_spend (base->machine, KML_COST_INSTRUCTION, 5);
  self->n_live--;
  take_page (self, TRUE);
  self->last_freed = addr;
  return 16;
}

static gboolean
three_split (KmlAllocator *base, KmlAddr addr, guint64 piece)
{
  Three *self = (Three *)base;

  self->last_split = addr;
  self->last_piece = piece;
  if (self->keeps_whole)
    return FALSE;
  self->n_live++;
  return TRUE;
}

static void
three_walk (const KmlAllocator *base, KmlWalkFunc func, gpointer user_data)
{
}

static gboolean
three_check (const KmlAllocator *base, GError **error)
{
  return TRUE;
}

static const KmlAllocatorOps three_pages_ops = {
  .name = "three-pages",
  .level = KML_LEVEL_PAGES,
  .instance_size = sizeof (Three),
  .init = three_init,
  .alloc = three_alloc,
  .free = three_free,
  .split = three_split,
  .walk = three_walk,
  .check = three_check,
};

static const KmlAllocatorOps three_ops = {
  .name = "three",
  .level = KML_LEVEL_OBJECTS,
  .instance_size = sizeof (Three),
  .init = three_init,
  .alloc = three_alloc,
  .free = three_free,
  .walk = three_walk,
  .check = three_check,
};

/* ---- A machine with all of that ---- */

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages, *objects;
  KmlOldFrames *old;
  KmlRecorder *recorder;
  KmlWorkload *workloads[2];
  KmlDriver *driver;
} Setup;

static inline void
set_up (Setup *setup, const KmlRecordConfig *record, guint n_workloads, KmlTime until)
{
  KmlMachineConfig config = { .n_cpus = 2, .ram = 1 << 20, .page_size = 4096 };

  config.cost[KML_COST_INSTRUCTION] = KML_NS;
  setup->machine = kml_machine_new (&config, NULL);
  setup->pages = kml_allocator_new (&three_pages_ops, setup->machine, NULL);
  setup->objects = kml_allocator_new (&three_ops, setup->machine, setup->pages);
  kml_free_area_add_blocks (&setup->machine->free_area, 0, setup->machine->ram->n_usable,
                            KML_MOBILITY_UNMOVABLE);
  setup->recorder = kml_recorder_new (record, setup->machine, setup->pages, setup->objects);
  for (guint i = 0; i < 2; i++)
    setup->workloads[i] = kml_workload_new (&list_ops, "list", ".");
  setup->old = kml_old_frames_new (setup->machine->ram->n_usable, FALSE);
  setup->driver = kml_driver_new (&(KmlDriverConfig){ .machine = setup->machine,
                                                      .old = setup->old,
                                                      .pages = setup->pages,
                                                      .objects = setup->objects,
                                                      .recorder = setup->recorder,
                                                      .workloads = setup->workloads,
                                                      .n_workloads = n_workloads,
                                                      .until = until });
}

static inline void
tear_down (Setup *setup)
{
  kml_driver_free (setup->driver);
  kml_old_frames_free (setup->old);
  kml_recorder_free (setup->recorder);
  for (guint i = 0; i < 2; i++)
    kml_workload_free (setup->workloads[i]);
  kml_allocator_destroy (setup->objects);
  kml_allocator_destroy (setup->pages);
  kml_machine_free (setup->machine);
}

static inline void
give (Setup *setup, guint workload, const KmlOp *ops, guint n)
{
  List *list = (List *)setup->workloads[workload];

  list->ops = ops;
  list->n = n;
}

static inline void
run (Setup *setup)
{
  g_autoptr (GError) error = NULL;

  kml_driver_run (setup->driver, &error);
  assert_no_error (error);
}

static inline double
metric (const Setup *setup, const char *name)
{
  g_autoptr (GArray) metrics = kml_recorder_metrics (setup->recorder);

  for (guint i = 0; i < metrics->len; i++)
    if (g_str_equal (g_array_index (metrics, KmlMetric, i).name, name))
      return g_array_index (metrics, KmlMetric, i).value;
  ck_abort_msg ("no metric %s", name);
}

static inline KmlOp
ask (KmlTime time, guint16 cpu, guint32 block, guint64 size)
{
  return (KmlOp){ .time = time,
                  .kind = KML_OP_ALLOC,
                  .level = KML_LEVEL_OBJECTS,
                  .block = block,
                  .request = { .size = size, .cpu = cpu } };
}

static inline KmlOp
give_back (KmlTime time, guint16 cpu, guint32 block)
{
  return (KmlOp){ .time = time,
                  .kind = KML_OP_FREE,
                  .level = KML_LEVEL_OBJECTS,
                  .block = block,
                  .request = { .cpu = cpu } };
}

static const KmlRecordConfig everything = {
  .latency = TRUE,
  .waste = TRUE,
  .events = KML_RECORD_ALL,
  .sampling = 1.0,
  .points = 8,
};
