/* device-fixture.h: a machine with one device in it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every cost is zero unless a test sets it, so that all times can be added up by hand.
 */

#pragma once

#include "simcore/device.h"
#include "simcore/tasks/scheduler.h"
#include "tests/testutils.h"

typedef struct {
  KmlMachine *machine;
  KmlScheduler *scheduler;
  KmlAllocator *pages; /* (nullable) */
  KmlDevice *device;
} DeviceRig;

/* "key = value" pairs; the value NULL ends them. */
static inline KmlDevice *
make_device (const char *kind, const char *const *settings)
{
  const KmlDeviceOps *ops = kml_device_find (kind);
  KmlDevice *device;

  ck_assert_ptr_nonnull (ops);
  device = kml_device_new (ops, "device");
  for (guint i = 0; settings != NULL && settings[i] != NULL; i += 2) {
    const KmlParam *param = kml_param_find (ops->params, settings[i]);
    g_autoptr (GError) error = NULL;

    ck_assert_msg (param != NULL, "no parameter %s", settings[i]);
    ck_assert_msg (kml_param_parse (param, settings[i + 1], device, &error), "%s: %s", settings[i],
                   error != NULL ? error->message : "");
  }
  return device;
}

static inline void
make_machine (DeviceRig *rig, guint n_cpus, guint64 seed)
{
  const KmlMachineConfig config = {
    .n_cpus = n_cpus, .ram = 1 << 20, .page_size = 4096, .seed = seed
  };
  KmlSchedulerConfig scheduler = { .time_slice = KML_MS, .until = KML_TIME_MAX };

  *rig = (DeviceRig){ .machine = kml_machine_new (&config, NULL) };
  scheduler.machine = rig->machine;
  rig->scheduler = kml_scheduler_new (&scheduler);
}

static inline void
put_in (DeviceRig *rig, const char *kind, const char *const *settings)
{
  const KmlDeviceHost host = { .machine = rig->machine, .pages = rig->pages };
  g_autoptr (GError) error = NULL;

  rig->device = make_device (kind, settings);
  ck_assert_msg (kml_device_open (rig->device, &host, &error), "%s",
                 error != NULL ? error->message : "");
}

static inline void
check_device (const DeviceRig *rig)
{
  g_autoptr (GError) error = NULL;

  ck_assert_msg (kml_device_check (rig->device, &error), "%s", error != NULL ? error->message : "");
}

static inline void
clear_rig (DeviceRig *rig)
{
  kml_device_free (rig->device);
  kml_allocator_destroy (rig->pages);
  kml_scheduler_free (rig->scheduler);
  kml_machine_free (rig->machine);
}

static inline void
start_task (DeviceRig *rig, guint cpu, KmlTime time, KmlTaskFunc func, gpointer data)
{
  const KmlTaskConfig config = {
    .name = "task", .cpu = cpu, .start = time, .func = func, .data = data
  };

  kml_task_new (rig->scheduler, &config);
}

static inline guint
n_incidents (const DeviceRig *rig, KmlIncidentKind kind)
{
  const GArray *incidents = kml_scheduler_incidents (rig->scheduler);
  guint n = 0;

  for (guint i = 0; i < incidents->len; i++)
    n += g_array_index (incidents, KmlIncident, i).kind == kind;
  return n;
}

/* What has been counted under @name. */
static inline guint64
counted (const DeviceRig *rig, const char *name)
{
  const KmlCounterInfo *info = rig->device->ops->counters;

  kml_device_account (rig->device);
  for (guint i = 0; info[i].name != NULL; i++)
    if (strcmp (info[i].name, name) == 0)
      return rig->device->counters[i];
  ck_abort_msg ("no counter %s", name);
}

static inline double
figure (const DeviceRig *rig, const char *name)
{
  const KmlFigureInfo *info = rig->device->ops->figures;

  kml_device_account (rig->device);
  for (guint i = 0; info[i].name != NULL; i++)
    if (strcmp (info[i].name, name) == 0)
      return info[i].value (rig->device->counters);
  ck_abort_msg ("no figure %s", name);
}

/* What a device with these settings says to that when it is put into a machine of two CPUs. */
static inline void
expect_refusal (const char *kind, const char *const *settings, const char *text)
{
  DeviceRig rig;
  g_autoptr (GError) error = NULL;

  make_machine (&rig, 2, 1);
  rig.device = make_device (kind, settings);
  const KmlDeviceHost host = { .machine = rig.machine };
  ck_assert (!kml_device_open (rig.device, &host, &error));
  assert_error (error, KML_ERROR_INPUT, text);
  clear_rig (&rig);
}
