/* run-tasks-settings.c: the keys of [task], [lock], [region], [pager] and [schedule].
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/running/run-tasks-private.h"

#include "scenarios/exploring/draws.h"
#include "scenarios/running/sought.h"
#include "workloads/cpu-list.h"

#include <string.h>

static const char *const lock_choices[] = {
  "spin", "spin-softirq", "spin-irq", "mutex", "rw", NULL
};
static const char *const region_choices[] = { "pageable", "pinned", NULL };
static const char *const metadata_choices[] = { "pinned", "pageable", NULL };

static const char *const recursion_choices[] = { "allowed", "guarded", NULL };

static const char *const memalloc_choices[] = { "none", "nofs", "noio", "noreclaim", NULL };

/* No interrupt comes more often than once a nanosecond. */
static gboolean
validate_every (const char *text, GError **error)
{
  KmlTimeLaw law;
  gboolean is_right;

  if (text[0] == '\0')
    return TRUE;
  if (!kml_time_law_parse (text, &law, error))
    return FALSE;
  is_right = law.has_law || law.hi >= KML_NS;
  kml_time_law_clear (&law);
  if (!is_right)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected a time of at least 1ns, not “%s”",
                 text);
  return is_right;
}

const KmlParam kml_task_params[] = {
  { .name = "program",
    .type = KML_PARAM_TEXT,
    .validate = kml_program_validate,
    .offset = G_STRUCT_OFFSET (KmlTaskSettings, program),
    .grammar = "lock L, alloc x 64 GFP_KERNEL|__GFP_ZERO, unlock L, repeat 10 { work 1us }, free x",
    .summary = "what it does, step by step" },
  { .name = "cpus",
    .type = KML_PARAM_TEXT,
    .value = "0",
    .validate = kml_cpu_list_validate,
    .offset = G_STRUCT_OFFSET (KmlTaskSettings, cpus),
    .grammar = "0-3,5 or all",
    .summary = "where it runs; several of it are spread over these in turn" },
  { .name = "count",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = KML_MAX_TASKS,
    .offset = G_STRUCT_OFFSET (KmlTaskSettings, count),
    .summary = "so many tasks with this program; 0: one on each of its CPUs" },
  { .name = "context",
    .type = KML_PARAM_CHOICE,
    .value = "process",
    .choices = kml_context_names,
    .offset = G_STRUCT_OFFSET (KmlTaskSettings, context),
    .summary = "process: a task that may sleep; softirq, hardirq: the handler of an interrupt" },
  { .name = "priority",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 100,
    .offset = G_STRUCT_OFFSET (KmlTaskSettings, priority),
    .summary = "the higher preempts; of a hardirq: the higher interrupts the lower" },
  { .name = "memalloc",
    .type = KML_PARAM_CHOICE,
    .value = "none",
    .choices = memalloc_choices,
    .offset = G_STRUCT_OFFSET (KmlTaskSettings, memalloc),
    .summary =
        "of a task: what holds for all its requests for memory, as if its program were in a block "
        "memalloc-nofs, -noio or -noreclaim" },
  { .name = "start",
    .type = KML_PARAM_TIME,
    .value = "0",
    .offset = G_STRUCT_OFFSET (KmlTaskSettings, start),
    .summary = "when it begins, or its first interrupt may come" },
  { .name = "every",
    .type = KML_PARAM_TEXT,
    .value = "",
    .validate = validate_every,
    .offset = G_STRUCT_OFFSET (KmlTaskSettings, every),
    .grammar = "100us, 50us..150us, exponential(100us)",
    .summary = "of a handler: the time between two interrupts" },
  { .name = "times",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .offset = G_STRUCT_OFFSET (KmlTaskSettings, times),
    .summary = "of a handler: so many interrupts, and the run waits for them; 0: as long as "
               "anything else runs" },
  { NULL },
};

const KmlParam kml_lock_params[] = {
  { .name = "kind",
    .type = KML_PARAM_CHOICE,
    .value = "spin",
    .choices = lock_choices,
    .offset = G_STRUCT_OFFSET (KmlLockSettings, kind),
    .summary =
        "spin locks keep the CPU busy, and others off it; mutex and rw (readers share) sleep" },
  { .name = "class",
    .type = KML_PARAM_TEXT,
    .value = "",
    .offset = G_STRUCT_OFFSET (KmlLockSettings, class_name),
    .grammar = "a name",
    .summary = "what it is for the lock validator, which takes what it learns of one lock to hold "
               "for all of "
               "its class; by default a class of its own" },
  { NULL },
};

const KmlParam kml_pool_params[] = {
  { .name = "size",
    .type = KML_PARAM_COUNT,
    .value = "1",
    .max = 1000000,
    .offset = G_STRUCT_OFFSET (KmlPoolSettings, size),
    .summary = "elements that are there at first" },
  { NULL },
};

const KmlParam kml_region_params[] = {
  { .name = "kind",
    .type = KML_PARAM_CHOICE,
    .value = "pageable",
    .choices = region_choices,
    .offset = G_STRUCT_OFFSET (KmlRegionSettings, kind),
    .summary = "pageable: none of it is in memory at first, and a page may have to go when another "
               "comes; pinned: all of it always is, in page frames that it takes at the start" },
  { .name = "size",
    .type = KML_PARAM_SIZE,
    .value = "4KiB",
    .min = 1,
    .max = G_GUINT64_CONSTANT (1) << 32,
    .offset = G_STRUCT_OFFSET (KmlRegionSettings, size),
    .summary = "bytes of kernel memory" },
  { NULL },
};

static gboolean
validate_gfp (const char *text, GError **error)
{
  KmlGfp gfp;

  return kml_gfp_parse (text, strlen (text), &gfp, error);
}

static const char *const mapping_choices[] = { "file", "anonymous", NULL };
static const char *const migrate_choices[] = { "copy", "write", NULL };

const KmlParam kml_mapping_params[] = {
  { .name = "kind",
    .type = KML_PARAM_CHOICE,
    .value = "file",
    .choices = mapping_choices,
    .offset = G_STRUCT_OFFSET (KmlMappingSettings, kind),
    .summary = "a file, read from [memory] disk when it is first touched; or anonymous memory, "
               "which begins as zeros and is swapped there" },
  { .name = "size",
    .type = KML_PARAM_SIZE,
    .value = "1MiB",
    .min = 1,
    .max = G_GUINT64_CONSTANT (1) << 40,
    .offset = G_STRUCT_OFFSET (KmlMappingSettings, size),
    .summary = "bytes, none of them in memory at first" },
  { .name = "empty",
    .type = KML_PARAM_BOOL,
    .value = "no",
    .offset = G_STRUCT_OFFSET (KmlMappingSettings, empty),
    .summary = "of a file: nothing of it is on the disk yet, so what is written for the first time "
               "is not read before" },
  { .name = "task",
    .type = KML_PARAM_TEXT,
    .value = "",
    .offset = G_STRUCT_OFFSET (KmlMappingSettings, task),
    .grammar = "the name of a task",
    .summary = "whose memory it is: who may be killed to have it back" },
  { .name = "lock",
    .type = KML_PARAM_TEXT,
    .value = "",
    .offset = G_STRUCT_OFFSET (KmlMappingSettings, lock),
    .grammar = "the name of a [lock]",
    .summary = "taken by who writes a page back: a file system's, a swap device's" },
  { .name = "migrate",
    .type = KML_PARAM_CHOICE,
    .value = "copy",
    .choices = migrate_choices,
    .offset = G_STRUCT_OFFSET (KmlMappingSettings, migrate),
    .summary = "how a dirty page of a file is moved: its contents are copied; or it is written "
               "first, with the lock, as its file system cannot follow it" },
  { .name = "write-memory",
    .type = KML_PARAM_SIZE,
    .value = "0",
    .max = 1 << 20,
    .offset = G_STRUCT_OFFSET (KmlMappingSettings, write_memory),
    .summary = "pages that the flusher and kswapd ask for, with the lock, for each request to the "
               "disk, until it is done: buffers of a network, of a loop device" },
  { .name = "write-gfp",
    .type = KML_PARAM_TEXT,
    .value = "GFP_NOFS",
    .validate = validate_gfp,
    .offset = G_STRUCT_OFFSET (KmlMappingSettings, write_gfp),
    .grammar = "GFP_NOFS|__GFP_MEMALLOC",
    .summary = "how they are asked for" },
  { NULL },
};

const KmlParam kml_pager_params[] = {
  { .name = "metadata",
    .type = KML_PARAM_CHOICE,
    .value = "pinned",
    .choices = metadata_choices,
    .offset = G_STRUCT_OFFSET (KmlPagerSettings, metadata),
    .summary = "where page allocators keep their structures: in memory that is always there, or in "
               "memory that may be paged out" },
  { .name = "object-metadata",
    .type = KML_PARAM_CHOICE,
    .value = "pinned",
    .choices = metadata_choices,
    .offset = G_STRUCT_OFFSET (KmlPagerSettings, object_metadata),
    .summary = "where the object allocator keeps its own" },
  { .name = "pool",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 1000000,
    .offset = G_STRUCT_OFFSET (KmlPagerSettings, pool),
    .summary = "page frames set aside for the pager alone; 0: it asks the page allocator" },
  { .name = "recursion",
    .type = KML_PARAM_CHOICE,
    .value = "allowed",
    .choices = recursion_choices,
    .offset = G_STRUCT_OFFSET (KmlPagerSettings, recursion),
    .summary =
        "with pageable metadata one thread can go from the allocator to the pager and back, and "
        "wait for its own lock; guarded: a page of metadata keeps a frame, and what the "
        "pager's own requests touch is always there" },
  { .name = "resident",
    .type = KML_PARAM_COUNT,
    .value = "1000000",
    .min = 1,
    .max = 1000000000,
    .offset = G_STRUCT_OFFSET (KmlPagerSettings, resident),
    .summary = "pageable pages that may be resident at a time" },
  { .name = "lock",
    .type = KML_PARAM_CHOICE,
    .value = "mutex",
    .choices = lock_choices,
    .offset = G_STRUCT_OFFSET (KmlPagerSettings, lock),
    .summary = "what protects the page tables" },
  { .name = "read",
    .type = KML_PARAM_TIME,
    .value = "100us",
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (KmlPagerSettings, read),
    .summary = "from the disk, one page" },
  { .name = "write",
    .type = KML_PARAM_TIME,
    .value = "100us",
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (KmlPagerSettings, write),
    .summary = "to the disk, one page" },
  { NULL },
};

static const char *const policy_choices[] = { "timed", "random", "pct", "explore", "replay", NULL };

static const char *const replay_choices[] = { "straight", "cpus", NULL };

const KmlParam kml_schedule_params[] = {
  { .name = "policy",
    .type = KML_PARAM_CHOICE,
    .value = "timed",
    .choices = policy_choices,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, policy),
    .summary = "who goes on where several could: in the order of simulated time, or any of them "
               "with equal probability, "
               "as if CPUs were delayed at will, or by probabilistic concurrency testing; a "
               "repetition is another draw; explore: every schedule is looked at, until one fails; "
               "replay: as choices say" },
  { .name = "choices",
    .type = KML_PARAM_TEXT,
    .value = "",
    .validate = kml_choices_validate,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, choices),
    .grammar = "numbers, as a reproducer has them",
    .summary = "of replay: who goes on, at each choice" },
  { .name = "schedules",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = 1000000000,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, schedules),
    .summary = "of random and pct: so many are drawn, and how many failed is counted (0: one, the "
               "run itself); of explore: at most so many are looked at (0: all)" },
  { .name = "find",
    .type = KML_PARAM_TEXT,
    .value = "deadlocks",
    .validate = kml_sought_validate,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, find),
    .grammar = "deadlocks, bugs, all, or kinds of bugs such as bug.double_free, several with "
               "commas between",
    .summary = "what a search is for, and what a schedule that failed has; deadlocks: stalls, "
               "livelocks and inversions, too" },
  { .name = "depth",
    .type = KML_PARAM_COUNT,
    .value = "3",
    .min = 1,
    .max = KML_MAX_DEPTH,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, depth),
    .summary = "of pct: a CPU loses its priority depth - 1 times" },
  { .name = "steps",
    .type = KML_PARAM_COUNT,
    .value = "1000",
    .min = 1,
    .max = 1000000000,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, steps),
    .summary = "of pct: this happens within so many choices" },
  { .name = "inject",
    .type = KML_PARAM_TEXT,
    .value = "none",
    .validate = kml_injections_validate,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, inject),
    .grammar = "none, or some of alloc, io-slow, io-error, interrupt",
    .summary = "what may go wrong at any time: an allocation fails, a device is slow, a request to "
               "a disk fails, an interrupt comes early or late (where schedules are chosen); "
               "explored, or by chance" },
  { .name = "inject-share",
    .type = KML_PARAM_SHARE,
    .value = "0.1",
    .positive = TRUE,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, inject_share),
    .summary = "by chance: how much of what may go wrong does" },
  { .name = "inject-most",
    .type = KML_PARAM_COUNT,
    .value = "1",
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, inject_most),
    .summary = "so many things go wrong in a run at most, besides interrupts; 0: any number" },
  { .name = "inject-delay",
    .type = KML_PARAM_TIME,
    .value = "10ms",
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, inject_delay),
    .summary = "of io-slow: so much longer it takes" },
  { .name = "time-slice",
    .type = KML_PARAM_TIME,
    .value = "4ms",
    .min = KML_NS,
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, time_slice),
    .summary = "after so long an equal task of the same CPU has its turn" },
  { .name = "no-progress",
    .type = KML_PARAM_TIME,
    .value = "0",
    .max = 1000 * KML_S,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, no_progress),
    .summary = "tasks that go on for so long and achieve nothing are a livelock; one that waits "
               "for so long for a "
               "lower one, which does not run, is a priority inversion; 0: not looked for" },
  { .name = "replay",
    .type = KML_PARAM_CHOICE,
    .value = "straight",
    .choices = replay_choices,
    .offset = G_STRUCT_OFFSET (KmlScheduleSettings, replay),
    .summary = "of workloads: straight: one operation after another, without locks; cpus: every "
               "CPU does its "
               "own, in their contexts and behind locks" },
  { NULL },
};
