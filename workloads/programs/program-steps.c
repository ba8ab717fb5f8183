/* program-steps.c: the steps that there are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/programs/program-private.h"

const KmlStepForm kml_step_forms[KML_N_STEPS] = {
  [KML_STEP_ALLOC] = { "alloc",
                       "alloc NAME SIZE [pages] [GFP…] [align SIZE] [below SIZE] [for DEVICE]", 2,
                       11, FALSE,
                       "asks for a block and calls it NAME, a name can have several; one that "
                       "suits "
                       "a DMA engine",
                       KML_NAME_NEW_BLOCK, KML_NAME_DMA },
  [KML_STEP_FREE] = { "free", "free NAME", 1, 1, FALSE, "gives back the latest block of that name",
                      KML_NAME_BLOCK },
  [KML_STEP_TOUCH] = { "touch", "touch NAME [PAGE | FIRST..LAST | next | random]", 1, 2, FALSE,
                       "looks at a block, or at pages of a [region] or [mapping], which may "
                       "fault",
                       KML_NAME_BLOCK | KML_NAME_REGION | KML_NAME_MAPPING },
  [KML_STEP_DIRTY] = { "dirty", "dirty NAME [PAGE | FIRST..LAST | next | random] [nowait]", 1, 3,
                       FALSE,
                       "writes to a block, or to pages of a [region] or [mapping]; may be "
                       "throttled for the latter where there is a flusher, unless nowait",
                       KML_NAME_BLOCK | KML_NAME_REGION | KML_NAME_MAPPING },
  [KML_STEP_THROTTLE] = { "throttle", "throttle NAME", 1, 1, FALSE,
                          "is throttled for what it has written to a [mapping] with nowait, if too "
                          "much is dirty",
                          KML_NAME_MAPPING },
  [KML_STEP_SYNC] = { "sync", "sync NAME", 1, 1, FALSE,
                      "writes the dirty pages of a [mapping] to the disk, and waits",
                      KML_NAME_MAPPING },
  [KML_STEP_DROP] = { "drop", "drop NAME", 1, 1, FALSE, "gives back all pages of a [mapping]",
                      KML_NAME_MAPPING },
  [KML_STEP_MIGRATE] = { "migrate", "migrate NAME [PAGE | FIRST..LAST | next | random] [pausing]",
                         1, 3, FALSE,
                         "moves pages of a [mapping] to other frames; pausing a device that has "
                         "them",
                         KML_NAME_MAPPING },
  [KML_STEP_COMPACT] = { "compact", "compact", 0, 0, FALSE,
                         "moves pages of every [mapping] together, in all zones, as who writes to "
                         "/proc/sys/vm/compact_memory; needs [memory] compaction" },
  [KML_STEP_DMA] = { "dma",
                     "dma DEVICE NAME [FIRST..LAST] [all] [to-device | from-device] [nowait]", 2, 6,
                     FALSE,
                     "a DMA engine moves a block, all blocks of a name as one scattered buffer, or "
                     "pages of a [mapping]; waits, unless nowait",
                     KML_NAME_DMA, KML_NAME_BLOCK | KML_NAME_MAPPING },
  [KML_STEP_DMA_WAIT] = { "dma-wait", "dma-wait NAME", 1, 1, FALSE,
                          "until the transfers of NAME that this task began are done",
                          KML_NAME_TRANSFER },
  [KML_STEP_LOCK] = { "lock", "lock NAME", 1, 1, FALSE, "takes a [lock]", KML_NAME_LOCK },
  [KML_STEP_LOCK_SHARED] = { "lock-shared", "lock-shared NAME", 1, 1, FALSE, "takes it to read",
                             KML_NAME_RW_LOCK },
  [KML_STEP_TRY_LOCK] = { "try-lock", "try-lock NAME", 1, 1, FALSE,
                          "takes it if that needs no waiting; if-failed sees whether",
                          KML_NAME_LOCK },
  [KML_STEP_UNLOCK] = { "unlock", "unlock NAME", 1, 1, FALSE, "gives it back", KML_NAME_LOCK },
  [KML_STEP_WORK] = { "work", "work TIME", 1, 1, FALSE, "keeps its CPU busy" },
  [KML_STEP_SLEEP] = { "sleep", "sleep TIME", 1, 1, FALSE, "leaves its CPU to others" },
  [KML_STEP_YIELD] = { "yield", "yield", 0, 0, FALSE, "lets another ready task run" },
  [KML_STEP_PROGRESS] = { "progress", "progress", 0, 0, FALSE,
                          "says that something was achieved; with one such step in a scenario "
                          "nothing "
                          "else but the end of a task counts" },
  [KML_STEP_WAIT] = { "wait", "wait NAME [for TASK]", 1, 3, FALSE,
                      "until somebody wakes NAME; where only TASK can, it says so", KML_NAME_WAITED,
                      KML_NAME_TASK },
  [KML_STEP_WAKE] = { "wake", "wake NAME", 1, 1, FALSE,
                      "lets one who waits for NAME go on, now or when it comes", KML_NAME_WOKEN },
  [KML_STEP_IRQ_OFF] = { "irq-off", "irq-off", 0, 0, FALSE, "no interrupts on this CPU" },
  [KML_STEP_IRQ_ON] = { "irq-on", "irq-on", 0, 0, FALSE, "interrupts again" },
  [KML_STEP_SOFTIRQ_OFF] = { "softirq-off", "softirq-off", 0, 0, FALSE, "no softirqs on this CPU" },
  [KML_STEP_SOFTIRQ_ON] = { "softirq-on", "softirq-on", 0, 0, FALSE, "softirqs again" },
  [KML_STEP_PREEMPT_OFF] = { "preempt-off", "preempt-off", 0, 0, FALSE,
                             "no other task on this CPU" },
  [KML_STEP_PREEMPT_ON] = { "preempt-on", "preempt-on", 0, 0, FALSE, "others again" },
  [KML_STEP_IO] = { "io", "io TIME", 1, 1, FALSE, "sleeps until a device is done" },
  [KML_STEP_READ] = { "read", "read NAME SIZE", 2, 2, FALSE,
                      "reads so much from the disk [device NAME], at a random place, and waits",
                      KML_NAME_DISK },
  [KML_STEP_WRITE] = { "write", "write NAME SIZE", 2, 2, FALSE, "writes so much to it, and waits",
                       KML_NAME_DISK },
  [KML_STEP_REPEAT] = { "repeat", "repeat COUNT { … }", 1, 1, TRUE, "does the block so often" },
  [KML_STEP_RETRY] = { "retry", "retry { … }", 0, 0, TRUE,
                       "does the block, and again as long as the last step in it that could fail "
                       "did" },
  [KML_STEP_IF_FAILED] = { "if-failed", "if-failed { … }", 0, 0, TRUE,
                           "does the block if the last step that could fail did" },
  [KML_STEP_NOFS] = { "memalloc-nofs", "memalloc-nofs { … }", 0, 0, TRUE,
                      "does the block; requests in it do not call file systems, as with GFP_NOFS" },
  [KML_STEP_NOIO] = { "memalloc-noio", "memalloc-noio { … }", 0, 0, TRUE,
                      "does the block; requests in it start no I/O, as with GFP_NOIO" },
  [KML_STEP_NORECLAIM] = { "memalloc-noreclaim", "memalloc-noreclaim { … }", 0, 0, TRUE,
                           "does the block; requests in it reclaim nothing themselves and may use "
                           "the reserves up (PF_MEMALLOC)" },
  [KML_STEP_CALL] = { "call", "call NAME { … }", 1, 1, TRUE,
                      "does the block as a function of that name, for call chains" },
  [KML_STEP_RECLAIM] = { "reclaim", "reclaim { … }", 0, 0, TRUE,
                         "does the block as what a file system is asked to do to free memory: not "
                         "where "
                         "the GFP flags of the last alloc forbid that" },
  [KML_STEP_IPI] = { "ipi", "ipi CPU | all [nowait] { … }", 1, 2, TRUE,
                     "another CPU does the block, or all others do, in the handler of an interrupt "
                     "that this one sends; waits until they have, unless nowait" },
  [KML_STEP_END] = { "}", "}", 0, 0, FALSE, "ends a block" },
};

GArray *
kml_program_names (const KmlProgram *self)
{
  GArray *names = g_array_new (FALSE, FALSE, sizeof (KmlProgramName));

  for (guint i = 0; i < self->steps->len; i++) {
    const KmlStep *step = &g_array_index (self->steps, KmlStep, i);
    const KmlStepForm *form = &kml_step_forms[step->kind];
    const KmlProgramName name = { step->name, step->text, step->name_at, form->name_is };
    const KmlProgramName other = { step->other, step->text, step->other_at, form->other_is };

    if (step->name != NULL && form->name_is != 0)
      g_array_append_val (names, name);
    if (step->other != NULL)
      g_array_append_val (names, other);
  }
  return names;
}

const KmlStepForm *
kml_program_step_forms (guint *ret_n)
{
  *ret_n = KML_STEP_END;
  return kml_step_forms;
}
