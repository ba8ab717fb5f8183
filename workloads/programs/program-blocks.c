/* program-blocks.c: the blocks that a program calls by one name.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A name is a stack of what its requests got. A request that failed got nothing: the step `free` that belongs to it finds nothing to give back, as
 * kfree (NULL) does, and a touch of it is one of nothing; both are counted. When no block is left and no such request either, what the
 * name stands for is the block that was given back last: then a `free` is one too many, and a touch is one of memory that may be somebody else's. A name
 * that never had a block is none of that: there is nothing yet.
 *
 * A round of `retry` that is done again asks again for what it has not got, so that its failed requests have no `free` of their own.
 */

#include "simcore/base/units.h"
#include "workloads/programs/program-private.h"

KmlNamedBlocks *
kml_named_blocks_new (void)
{
  KmlNamedBlocks *self = g_new0 (KmlNamedBlocks, 1);

  self->blocks = g_array_new (FALSE, FALSE, sizeof (KmlBlock));
  return self;
}

void
kml_named_blocks_free (KmlNamedBlocks *self)
{
  g_array_unref (self->blocks);
  g_free (self);
}

void
kml_named_blocks_remember (KmlNamedBlocks *self, KmlImage *image)
{
  kml_image_add (image, self, sizeof *self);
  kml_image_add_array (image, self->blocks);
}

gboolean
kml_named_blocks_take (KmlNamedBlocks *self, const KmlMachine *machine, KmlBlock *ret_block)
{
  if (self->blocks->len == 0)
    return FALSE;
  *ret_block = g_array_index (self->blocks, KmlBlock, self->blocks->len - 1);
  g_array_set_size (self->blocks, self->blocks->len - 1);
  self->freed_by = kml_current_task (machine)->name;
  self->freed = machine->now;
  return TRUE;
}

gboolean
kml_named_blocks_are_gone (const KmlNamedBlocks *self)
{
  return self->blocks->len == 0 && self->n_lacking == 0 && self->freed_by != NULL;
}

void
kml_named_blocks_report (const KmlNamedBlocks *self, const KmlMachine *machine,
                         KmlIncidentKind kind, const char *name)
{
  const KmlTask *task = kml_current_task (machine);
  g_autofree char *time = kml_format_time (self->freed);

  kml_scheduler_report (
      machine->scheduler, kind,
      g_strdup_printf (kind == KML_INCIDENT_DOUBLE_FREE
                           ? "%s gives back %s, which %s has given back at %s"
                           : "%s uses %s, which %s has given back at %s",
                       task->name, name,
                       g_str_equal (self->freed_by, task->name) ? "it" : self->freed_by, time));
}
