/* bench-memory.c: host memory for each live object, beyond the simulated RAM that is really touched.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each case runs in a child of its own and reads /proc/self/smaps at its end: the resident size of the
 * mapping that is the simulated RAM is subtracted, and what the process had before the run.
 *
 *   closed     N live objects, each step frees one and asks for one
 *   open       Poisson arrivals with exponential lifetimes: the workload keeps the times of all deaths
 *   text       traces in text, written by this program: recorded addresses must be looked up. Buffers of fixed size
 *              are a part, so the difference between many objects and few is told as well
 *   long       the closed case with few live objects and 10 times the operations: memory must not follow
 */

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "simcore/replay/driver.h"
#include "tests/bench/bench.h"

/* Resident bytes: of all mappings, and of the one that begins at @mapping. */
static void
resident (gconstpointer mapping, guint64 *ret_all, guint64 *ret_mapping)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint64 start = 0;

  *ret_all = *ret_mapping = 0;
  g_file_get_contents ("/proc/self/smaps", &text, NULL, NULL);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    const char *dash = strchr (lines[i], '-');

    if (g_str_has_prefix (lines[i], "Rss:")) {
      const guint64 bytes = g_ascii_strtoull (lines[i] + 4, NULL, 10) * 1024;

      *ret_all += bytes;
      if (start >= (guint64)(gsize)mapping && start < (guint64)(gsize)mapping + (1 << 12))
        *ret_mapping += bytes;
    } else if (dash != NULL && dash < lines[i] + 17 && g_ascii_isxdigit (lines[i][0])) {
      start = g_ascii_strtoull (lines[i], NULL, 16);
    }
  }
}

static void
set (KmlWorkload *workload, const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;

  if (!kml_param_parse (kml_param_find (workload->ops->params, name), value, workload, &error))
    die (error);
}

/* Host bytes without the simulated RAM. */
static double
run_case (const char *title, KmlWorkload *workload)
{
  g_autoptr (GError) error = NULL;
  KmlMachineConfig machine_config = { .n_cpus = 1,
                                      .ram = G_GUINT64_CONSTANT (16) << 30,
                                      .page_size = 4096 };
  KmlRecordConfig record = { .latency = TRUE, .waste = TRUE, .points = 512, .external_order = 9 };
  guint64 before, after, ram, ignored;
  KmlMachine *machine;
  KmlAllocator *pages, *objects;
  KmlRecorder *recorder;
  KmlDriver *driver;
  double live;

  for (guint cost = 0; cost < KML_N_COSTS; cost++)
    machine_config.cost[cost] = 100;
  resident (NULL, &before, &ignored);
  machine = kml_machine_new (&machine_config, &error);
  pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  objects = kml_allocator_new (kml_allocator_find ("segregated"), machine, pages);
  if (!kml_allocator_start (pages, &error) || !kml_allocator_start (objects, &error) ||
      !kml_workload_open (workload, 1, 1, 4096, &error))
    die (error);
  recorder = kml_recorder_new (&record, machine, pages, objects);
  driver = kml_driver_new (&(KmlDriverConfig){ .machine = machine,
                                               .pages = pages,
                                               .objects = objects,
                                               .recorder = recorder,
                                               .workloads = &workload,
                                               .n_workloads = 1,
                                               .until = KML_TIME_MAX });
  if (!kml_driver_run (driver, &error))
    die (error);
  resident (machine->ram->store, &after, &ram);
  live = (double)kml_recorder_live_blocks (recorder);
  g_print ("%-8s %11" G_GUINT64_FORMAT
           " operations %9.0f live: host %7.1f MiB without the simulated RAM "
           "(%.1f MiB); %5.1f bytes per live object\n",
           title, kml_driver_n_operations (driver), live, (double)(after - ram - before) / 1048576,
           (double)ram / 1048576, (double)(after - ram - before) / live);
  return (double)(after - ram - before);
}

static KmlWorkload *
synthetic (const char *arrivals, const char *live, const char *operations, const char *lifetimes)
{
  KmlWorkload *workload = kml_workload_new (kml_workload_find ("synthetic"), "bench", ".");

  set (workload, "arrivals", arrivals);
  if (live != NULL)
    set (workload, "live", live);
  if (lifetimes != NULL)
    set (workload, "lifetimes", lifetimes);
  set (workload, "operations", operations);
  set (workload, "sizes", "fixed(64)");
  return workload;
}

/* @n objects that stay, as trace-cmd would print them. */
static char *
write_text_trace (guint n)
{
  char *path = NULL;
  const int fd = g_file_open_tmp ("bench-memory-XXXXXX", &path, NULL);
  FILE *file = fdopen (fd, "w");

  fputs ("cpus=1\n", file);
  for (guint i = 0; i < n; i++)
    fprintf (
        file,
        "            cc1-100   [000] %5u.%06u: kmalloc:              call_site=some_function+0x10 "
        "ptr=0xffff8880%08x bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1 "
        "accounted=false\n",
        100 + i / 1000000, i % 1000000, 0x1000000 + i * 64);
  fclose (file);
  return path;
}

static double
case_text (const char *title, guint n)
{
  KmlWorkload *workload = kml_workload_new (kml_workload_find ("trace"), "bench", ".");
  g_autofree char *path = write_text_trace (n);
  double bytes;

  set (workload, "file", path);
  bytes = run_case (title, workload);
  g_unlink (path);
  return bytes;
}

#define FEW  20000
#define MANY 1000000

enum {
  CLOSED,
  OPEN,
  FEW_OF_TEXT,
  MANY_OF_TEXT,
  SHORT,
  LONG,
  N_CASES,
};

static double
case_of (guint number)
{
  switch (number) {
  case CLOSED:
    return run_case ("closed", synthetic ("closed", "4000000", "8000000", NULL));
  case OPEN:
    return run_case ("open", synthetic ("poisson(4000000/s)", NULL, "12000000", "exponential(1s)"));
  case FEW_OF_TEXT:
    return case_text ("text", FEW);
  case MANY_OF_TEXT:
    return case_text ("text", MANY);
  case SHORT:
    return run_case ("short", synthetic ("closed", "1000", "1000000", NULL));
  default:
    return run_case ("long", synthetic ("closed", "1000", "10000000", NULL));
  }
}

/* What case_of() returns. */
static double
in_a_child (guint number)
{
  int ends[2], status;
  double bytes = 0;
  pid_t child;

  if (pipe (ends) != 0)
    return 0;
  child = fork ();
  if (child == 0) {
    bytes = case_of (number);
    exit (write (ends[1], &bytes, sizeof bytes) == sizeof bytes ? 0 : 2);
  }
  close (ends[1]);
  if (read (ends[0], &bytes, sizeof bytes) != sizeof bytes)
    bytes = 0;
  close (ends[0]);
  waitpid (child, &status, 0);
  return bytes;
}

int
main (void)
{
  double bytes[N_CASES];

  for (guint number = 0; number < N_CASES; number++)
    bytes[number] = in_a_child (number);
  g_print ("text, beyond buffers of fixed size: %.1f bytes per live object\n",
           (bytes[MANY_OF_TEXT] - bytes[FEW_OF_TEXT]) / (MANY - FEW));
  return 0;
}
