/* memalloc.h: what a task's requests for memory may do, whatever their flags say.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A file system that holds its locks asks for memory in functions that know nothing of it, and whose GFP_KERNEL would call the file system
 * again. So the task says it once, for all that it calls: Linux's memalloc_nofs_save(), memalloc_noio_save() and
 * memalloc_noreclaim_save() (PF_MEMALLOC). Handlers of interrupts are tasks of their own here, and see nothing of it.
 */

#pragma once

#include "simcore/memory/gfp.h"
#include "simcore/tasks/scheduler.h"
#include "simcore/memory/watermark.h"

G_BEGIN_DECLS

/* KmlTask.memalloc */
enum {
  KML_MEMALLOC_NOFS = 0x1,     /* as if every request said GFP_NOFS */
  KML_MEMALLOC_NOIO = 0x2,     /* … GFP_NOIO */
  KML_MEMALLOC_RESERVES = 0x4, /* down to the last frame, and no direct reclaim: who frees memory */
};

/* @gfp as it counts when @task asks. @task: (nullable) */
static inline KmlGfp
kml_memalloc_gfp (const KmlTask *task, KmlGfp gfp)
{
  if (task == NULL || G_LIKELY (task->memalloc == 0))
    return gfp;
  if (task->memalloc & KML_MEMALLOC_NOIO)
    gfp &= ~(KmlGfp)(KML_GFP_IO | KML_GFP_FS);
  if (task->memalloc & KML_MEMALLOC_NOFS)
    gfp &= ~(KmlGfp)KML_GFP_FS;
  if ((task->memalloc & KML_MEMALLOC_RESERVES) && !(gfp & KML_GFP_NOFAIL))
    gfp &= ~(KmlGfp)KML_GFP_DIRECT_RECLAIM;
  return gfp;
}

/* KML_ALLOC_…: of the flags, and of who asks. @task: (nullable) */
static inline guint
kml_memalloc_flags (const KmlTask *task, KmlGfp gfp)
{
  guint flags = kml_alloc_flags (gfp);

  if (task == NULL || (gfp & KML_GFP_NOMEMALLOC))
    return flags;
  if (task->memalloc & KML_MEMALLOC_RESERVES)
    flags |= KML_ALLOC_NO_WATERMARKS;
  return task->is_killed ? flags | KML_ALLOC_OOM : flags;
}

/* What kml_might_alloc() says. */
void kml_memalloc_report (KmlMachine *machine, KmlGfp gfp);

/* A request with @gfp is made: one that may sleep is a bug in atomic context, also when it would not have slept this time
 * (might_alloc()). By the running task. */
static inline void
kml_might_alloc (KmlMachine *machine, KmlGfp gfp)
{
  if (G_UNLIKELY (kml_gfp_may_sleep (gfp) && kml_in_atomic (machine)))
    kml_memalloc_report (machine, gfp);
}

G_END_DECLS
