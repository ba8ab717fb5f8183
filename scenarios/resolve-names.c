/* resolve-names.c: the programs of tasks, all that is wrong with them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "scenarios/run-tasks.h"
#include "scenarios/scenario-private.h"

#include "workloads/program.h"

gboolean
kml_entry_is_program (const KmlEntry *entry)
{
  return entry->section->info->params == kml_task_params && g_str_equal (entry->name, "program");
}

/* The place of byte @at of an alternative. */
static KmlPlace
place_in (const KmlAssignment *assignment, const KmlAlternative *alternative, gsize at)
{
  KmlPlace place = alternative->place;

  if (assignment->verbatim && place.line > 0)
    place.column += (guint)g_utf8_strlen (alternative->text, (gssize)at);
  return place;
}

static void
read_program (KmlScenario *self, const KmlEntry *entry, const KmlAssignment *assignment,
              const KmlAlternative *alternative)
{
  g_autoptr (GPtrArray) faults = kml_program_faults_new ();
  g_autoptr (KmlProgram) program = kml_program_read (alternative->text, faults);

  for (guint i = 0; i < faults->len && !kml_scenario_is_hopeless (self); i++) {
    const KmlProgramFault *fault = g_ptr_array_index (faults, i);

    kml_scenario_problem (self, place_in (assignment, alternative, fault->at), "%s: %s",
                          alternative->place.line > 0 ? entry->name : entry->key, fault->text);
  }
}

void
kml_scenario_resolve_programs (KmlScenario *self)
{
  for (guint i = 0; i < self->entries->len; i++) {
    const KmlEntry *entry = g_ptr_array_index (self->entries, i);

    for (guint j = 0; kml_entry_is_program (entry) && j < entry->assignments->len; j++) {
      const KmlAssignment *assignment = g_ptr_array_index (entry->assignments, j);

      for (guint k = 0; assignment->alternatives != NULL && k < assignment->alternatives->len; k++)
        read_program (self, entry, assignment,
                      &g_array_index (assignment->alternatives, KmlAlternative, k));
    }
  }
}
