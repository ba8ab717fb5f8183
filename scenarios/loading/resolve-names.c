/* resolve-names.c: the programs of tasks, and the names of what they are about.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * All programs that the scenario can run are read before any name is looked up, so that what one has may be named by another.
 *
 * What stands in a group of its own (locks, devices, regions, mappings, tasks) must be there. A block is there because a step of the same program asks for
 * it, or any program if it is called @NAME or %NAME. A transfer is there because a step begins it. An event is there because it is waited for: one that nobody
 * wakes is a mistake of the kernel that one may want to look at, and the run says what comes of it. Only where one name is waited for and
 * never woken, and another, which is near to it, woken and never waited for, is it a slip.
 */

#include "scenarios/running/run-tasks.h"
#include "scenarios/loading/scenario-private.h"

#include <string.h>

#include "simcore/devices/dma.h"
#include "simcore/base/units.h"
#include "workloads/programs/program.h"

/* One that a task can have. */
typedef struct {
  const KmlEntry *entry;
  const KmlAssignment *assignment;
  const KmlAlternative *alternative;
  KmlProgram *program; /* (owned) */
  GArray *names;       /* (owned) (element-type KmlProgramName) */
  GHashTable *blocks;  /* (owned) (element-type utf8): that it asks for */
  GHashTable *moved;   /* (owned) (element-type utf8): by its steps dma */
} Program;

typedef struct {
  KmlScenario *scenario;
  GPtrArray *programs; /* (owned) (element-type Program) */
  /* (owned) (element-type utf8): blocks called @NAME or %NAME that any of them asks for */
  GHashTable *shared;
  gboolean all_read; /* otherwise what the others share is not known */
} Names;

/* Most events that are waited for in vain, or woken so, of which slips are looked for. */
#define MAX_GUESSES 64

/* A group whose instances programs name. */
typedef struct {
  guint kinds; /* KML_NAME_…, any of them */
  const char *group;
} NamedGroup;

static const NamedGroup named_groups[] = {
  { KML_NAME_LOCK | KML_NAME_RW_LOCK, "lock" },
  { KML_NAME_DISK | KML_NAME_DMA, "device" },
  { KML_NAME_REGION, "region" },
  { KML_NAME_MAPPING, "mapping" },
  { KML_NAME_TASK, "task" },
};

/* Settings that are such a name, too. */
static const struct {
  const char *group, *key;
  KmlNameKinds kind;
} named_settings[] = {
  { "mapping", "task", KML_NAME_TASK },
  { "mapping", "lock", KML_NAME_LOCK },
  { "memory", "disk", KML_NAME_DISK },
};

gboolean
kml_entry_is_program (const KmlEntry *entry)
{
  return entry->section->info->params == kml_task_params && g_str_equal (entry->name, "program");
}

/* ---- Programs ---- */

static void
program_free (gpointer data)
{
  Program *self = data;

  kml_program_free (self->program);
  g_array_unref (self->names);
  g_hash_table_unref (self->blocks);
  g_hash_table_unref (self->moved);
  g_free (self);
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

/* How a message begins that is about the value: by what the line does not show. */
static const char *
title_of (const KmlEntry *entry, const KmlAlternative *alternative)
{
  return alternative->place.line > 0 ? entry->name : entry->key;
}

/* Whether the @i-th name says of a step dma what it moves. */
static gboolean
is_moved (const Program *program, guint i)
{
  const KmlProgramName *name = &g_array_index (program->names, KmlProgramName, i);

  return i > 0 && name[-1].kinds == KML_NAME_DMA && name[-1].step == name->step;
}

static void
learn_names (Names *self, Program *program)
{
  for (guint i = 0; i < program->names->len; i++) {
    const KmlProgramName *name = &g_array_index (program->names, KmlProgramName, i);

    if (name->kinds == KML_NAME_NEW_BLOCK && kml_name_is_shared (name->name))
      g_hash_table_add (self->shared, (gpointer)name->name);
    if (name->kinds == KML_NAME_NEW_BLOCK)
      g_hash_table_add (program->blocks, (gpointer)name->name);
    if (is_moved (program, i))
      g_hash_table_add (program->moved, (gpointer)name->name);
  }
}

static void
read_program (Names *self, const KmlEntry *entry, const KmlAssignment *assignment,
              const KmlAlternative *alternative)
{
  g_autoptr (GPtrArray) faults = kml_program_faults_new ();
  KmlProgram *program = kml_program_read (alternative->text, faults);
  Program *read;

  for (guint i = 0; i < faults->len && !kml_scenario_is_hopeless (self->scenario); i++) {
    const KmlProgramFault *fault = g_ptr_array_index (faults, i);

    kml_scenario_problem (self->scenario, place_in (assignment, alternative, fault->at), "%s: %s",
                          title_of (entry, alternative), fault->text);
  }
  self->all_read &= program != NULL;
  if (program == NULL)
    return;
  read = g_new0 (Program, 1);
  *read = (Program){
    .entry = entry,
    .assignment = assignment,
    .alternative = alternative,
    .program = program,
    .names = kml_program_names (program),
    .blocks = g_hash_table_new (g_str_hash, g_str_equal),
    .moved = g_hash_table_new (g_str_hash, g_str_equal),
  };
  learn_names (self, read);
  g_ptr_array_add (self->programs, read);
}

typedef void (*AlternativeFunc) (Names *self, const KmlEntry *entry,
                                 const KmlAssignment *assignment,
                                 const KmlAlternative *alternative);

static void
for_alternatives (Names *self, const KmlEntry *entry, AlternativeFunc func)
{
  for (guint i = 0; i < entry->assignments->len; i++) {
    const KmlAssignment *assignment = g_ptr_array_index (entry->assignments, i);

    for (guint j = 0; assignment->alternatives != NULL && j < assignment->alternatives->len; j++)
      func (self, entry, assignment, &g_array_index (assignment->alternatives, KmlAlternative, j));
  }
}

/* ---- What there is ---- */

static const KmlSection *
find_section (const Names *self, const char *group, const char *name)
{
  for (guint i = 0; i < self->scenario->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (self->scenario->sections, i);

    if (g_str_equal (section->info->name, group) && g_str_equal (section->name, name))
      return section;
  }
  return NULL;
}

/* "worker.3": one of the tasks of [task worker]. How many there are differs from run to run. */
static gboolean
is_numbered_task (const Names *self, const char *name)
{
  const char *dot = strrchr (name, '.');
  g_autofree char *group = dot != NULL ? g_strndup (name, (gsize)(dot - name)) : NULL;

  return dot != NULL && dot[1] != '\0' && strspn (dot + 1, "0123456789") == strlen (dot + 1) &&
         find_section (self, "task", group) != NULL;
}

/* @program: (nullable): where the name stands. */
static gboolean
is_known (const Names *self, const Program *program, guint kinds, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (named_groups); i++)
    if ((named_groups[i].kinds & kinds) != 0 &&
        find_section (self, named_groups[i].group, name) != NULL)
      return TRUE;
  if ((kinds & KML_NAME_TASK) != 0 && is_numbered_task (self, name))
    return TRUE;
  if ((kinds & KML_NAME_TRANSFER) != 0)
    return g_hash_table_contains (program->moved, name);
  if ((kinds & KML_NAME_BLOCK) == 0)
    return FALSE;
  return kml_name_is_shared (name) ? !self->all_read || g_hash_table_contains (self->shared, name)
                                   : g_hash_table_contains (program->blocks, name);
}

/* Names of @program that are in @set, in their order; @shared: those alone that are shared. */
static void
add_names_of (GPtrArray *names, GHashTable *seen, const Program *program, GHashTable *set,
              gboolean shared)
{
  for (guint i = 0; i < program->names->len; i++) {
    const KmlProgramName *name = &g_array_index (program->names, KmlProgramName, i);

    if (g_hash_table_contains (set, name->name) && (!shared || kml_name_is_shared (name->name)) &&
        g_hash_table_add (seen, (gpointer)name->name))
      g_ptr_array_add (names, (gpointer)name->name);
  }
}

/* All that a name of these kinds can be. NULL-terminated (transfer container) */
static GPtrArray *
list_names (const Names *self, const Program *program, guint kinds)
{
  GPtrArray *names = g_ptr_array_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < G_N_ELEMENTS (named_groups); i++)
    for (guint j = 0; (named_groups[i].kinds & kinds) != 0 && j < self->scenario->sections->len;
         j++) {
      const KmlSection *section = g_ptr_array_index (self->scenario->sections, j);

      if (g_str_equal (section->info->name, named_groups[i].group) && section->name[0] != '\0' &&
          g_hash_table_add (seen, section->name))
        g_ptr_array_add (names, section->name);
    }
  if ((kinds & KML_NAME_TRANSFER) != 0)
    add_names_of (names, seen, program, program->moved, FALSE);
  if ((kinds & KML_NAME_BLOCK) != 0)
    add_names_of (names, seen, program, program->blocks, FALSE);
  for (guint i = 0; (kinds & KML_NAME_BLOCK) != 0 && i < self->programs->len; i++)
    add_names_of (names, seen, g_ptr_array_index (self->programs, i), self->shared, TRUE);
  g_ptr_array_add (names, NULL);
  return names;
}

/* "lock", "block, [region] or [mapping]" (transfer full) */
static char *
describe_kinds (guint kinds)
{
  static const struct {
    guint kinds;
    const char *text;
  } words[] = {
    { KML_NAME_BLOCK, "block" },          { KML_NAME_LOCK | KML_NAME_RW_LOCK, "[lock]" },
    { KML_NAME_REGION, "[region]" },      { KML_NAME_MAPPING, "[mapping]" },
    { KML_NAME_TASK, "[task]" },          { KML_NAME_DISK | KML_NAME_DMA, "[device]" },
    { KML_NAME_TRANSFER, "step dma of" },
  };
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (words); i++) {
    if ((words[i].kinds & kinds) == 0)
      continue;
    kinds &= ~words[i].kinds;
    if (text->len > 0)
      g_string_append (text, kinds != 0 ? ", " : " or ");
    g_string_append (text, words[i].text);
  }
  return g_string_free (text, FALSE);
}

/* Where there is none of the kinds at all: what makes one. (transfer full) */
static char *
describe_making (guint kinds, const char *name)
{
  GString *text = g_string_new (NULL);

  if ((kinds & KML_NAME_BLOCK) != 0)
    g_string_append_printf (text, "alloc %s SIZE", name);
  for (guint i = 0; i < G_N_ELEMENTS (named_groups); i++)
    if ((named_groups[i].kinds & kinds) != 0)
      g_string_append_printf (text, "%s[%s %s]", text->len > 0 ? " or " : "", named_groups[i].group,
                              name);
  return g_string_free (text, FALSE);
}

/* ---- Names that mean nothing ---- */

/* It is something else, or another's. (transfer full) (nullable) */
static char *
describe_other (const Names *self, guint kinds, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (named_groups); i++)
    if (find_section (self, named_groups[i].group, name) != NULL)
      return g_strdup_printf ("; “%s” is a [%s]", name, named_groups[i].group);
  for (guint i = 0; (kinds & KML_NAME_BLOCK) != 0 && i < self->programs->len; i++)
    if (g_hash_table_contains (((Program *)g_ptr_array_index (self->programs, i))->blocks, name))
      return g_strdup_printf ("; blocks are a task's own, but those that all call @%s are shared",
                              name);
  return NULL;
}

/* @program: (nullable): where it stands, in the step @step. */
static void
unknown_name (const Names *self, KmlPlace place, const char *title, const char *step, guint kinds,
              const char *name, const Program *program)
{
  g_autoptr (GPtrArray) candidates = list_names (self, program, kinds);
  g_autofree char *quoted = kml_quote (name, -1);
  g_autofree char *what = describe_kinds (kinds);
  g_autofree char *where = step != NULL ? g_strdup_printf ("step “%s”: ", step) : g_strdup ("");
  g_autofree char *hint = describe_other (self, kinds, name);
  g_autofree char *making = describe_making (kinds, name);

  if (hint == NULL && candidates->len == 1 && making[0] != '\0')
    hint = g_strdup_printf (": %s would make it one", making);
  if (hint == NULL)
    hint = kml_schema_suggest (name, (const char *const *)candidates->pdata);
  kml_scenario_problem (self->scenario, place, "%s: %sthere is no %s %s%s", title, where, what,
                        quoted, hint);
}

/* ---- What it is ---- */

static gboolean
is_device_kind (const KmlPlugin *plugin, guint kinds)
{
  const KmlDeviceOps *ops = kml_device_find (plugin->name);

  return (kinds & KML_NAME_DISK) != 0 ? ops->disk != NULL : kml_dma_is_kind (ops);
}

/* The kinds of device that will do, "hdd, ssd" (transfer full) */
static char *
list_device_kinds (const KmlSection *section, guint kinds)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < section->plugins->len; i++) {
    const KmlPlugin *plugin = &g_array_index (section->plugins, KmlPlugin, i);

    if (is_device_kind (plugin, kinds))
      g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", plugin->name);
  }
  return g_string_free (text, FALSE);
}

/* A device that is a disk, or does DMA, in some run at least. (transfer full) (nullable): what is wrong */
static char *
check_device (const KmlSection *section, guint kinds)
{
  const KmlPlugin *plugin = NULL;
  g_autofree char *good = list_device_kinds (section, kinds);

  for (guint i = 0; i < section->possible->len; i++) {
    plugin = g_ptr_array_index (section->possible, i);
    if (is_device_kind (plugin, kinds))
      return NULL;
  }
  if (plugin == NULL)
    return NULL; /* its kind is wrong, and that was said */
  return g_strdup_printf ("[device %s] is of kind %s; expected one that %s: %s", section->name,
                          plugin->name, (kinds & KML_NAME_DISK) != 0 ? "is a disk" : "does DMA",
                          good);
}

/* (transfer full) (nullable) */
static char *
check_rw_lock (const KmlScenario *scenario, const KmlSection *section)
{
  g_autofree char *key = g_strconcat (section->prefix, ".kind", NULL);
  const KmlEntry *entry = g_hash_table_lookup (scenario->by_key, key);

  for (guint i = 0; entry != NULL && i < entry->assignments->len; i++) {
    const GArray *alternatives =
        ((KmlAssignment *)g_ptr_array_index (entry->assignments, i))->alternatives;

    for (guint j = 0; alternatives != NULL && j < alternatives->len; j++)
      if (g_str_equal (g_array_index (alternatives, KmlAlternative, j).text, "rw"))
        return NULL;
  }
  return g_strdup_printf ("only a lock of kind rw can be shared: say so in [lock %s]",
                          section->name);
}

/* (transfer full) (nullable): why what is called so is not what is expected. */
static char *
check_what_it_is (const Names *self, guint kinds, const char *name)
{
  if ((kinds & (KML_NAME_DISK | KML_NAME_DMA)) != 0)
    return check_device (find_section (self, "device", name), kinds);
  return (kinds & KML_NAME_RW_LOCK) != 0
             ? check_rw_lock (self->scenario, find_section (self, "lock", name))
             : NULL;
}

static void
check_name (const Names *self, const Program *program, const KmlProgramName *name)
{
  const KmlPlace place = place_in (program->assignment, program->alternative, name->at);
  const char *title = title_of (program->entry, program->alternative);
  g_autofree char *wrong = NULL;

  if ((name->kinds & (KML_NAME_NEW_BLOCK | KML_NAME_WAITED | KML_NAME_WOKEN)) != 0)
    return;
  if (!is_known (self, program, name->kinds, name->name)) {
    unknown_name (self, place, title, name->step, name->kinds, name->name, program);
    return;
  }
  wrong = check_what_it_is (self, name->kinds, name->name);
  if (wrong != NULL)
    kml_scenario_problem (self->scenario, place, "%s: step “%s”: %s", title, name->step, wrong);
}

/* ---- Settings ---- */

static void
check_setting (Names *self, const KmlEntry *entry, const KmlAssignment *assignment,
               const KmlAlternative *alternative)
{
  const char *name = alternative->text;
  const char *title = title_of (entry, alternative);
  g_autofree char *wrong = NULL;
  guint kind = 0;

  for (guint i = 0; i < G_N_ELEMENTS (named_settings); i++)
    if (g_str_equal (entry->section->info->name, named_settings[i].group) &&
        g_str_equal (entry->name, named_settings[i].key))
      kind = named_settings[i].kind;
  if (kind == 0 || name[0] == '\0')
    return;
  if (!is_known (self, NULL, kind, name)) {
    unknown_name (self, alternative->place, title, NULL, kind, name, NULL);
    return;
  }
  wrong = check_what_it_is (self, kind, name);
  if (wrong != NULL)
    kml_scenario_problem (self->scenario, alternative->place, "%s: %s", title, wrong);
}

/* ---- Events ---- */

/* Names of these kinds in all programs. (transfer full) (element-type utf8) */
static GHashTable *
find_events (const Names *self, KmlNameKinds kind)
{
  GHashTable *events = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < self->programs->len; i++) {
    const GArray *names = ((Program *)g_ptr_array_index (self->programs, i))->names;

    for (guint j = 0; j < names->len; j++)
      if (g_array_index (names, KmlProgramName, j).kinds == (guint)kind)
        g_hash_table_add (events, (gpointer)g_array_index (names, KmlProgramName, j).name);
  }
  return events;
}

/* Pools and events that are woken, and nobody waits for. NULL-terminated (transfer container) */
static GPtrArray *
list_unheard (const Names *self, GHashTable *woken, GHashTable *waited)
{
  GPtrArray *unheard = g_ptr_array_new ();

  for (guint i = 0; i < self->scenario->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (self->scenario->sections, i);

    if (g_str_equal (section->info->name, "pool"))
      g_hash_table_add (woken, section->name);
    if (g_str_equal (section->info->name, "pool") && !g_hash_table_contains (waited, section->name))
      g_ptr_array_add (unheard, section->name);
  }
  for (guint i = 0; i < self->programs->len; i++) {
    const GArray *names = ((Program *)g_ptr_array_index (self->programs, i))->names;

    for (guint j = 0; j < names->len && unheard->len < MAX_GUESSES; j++) {
      const KmlProgramName *name = &g_array_index (names, KmlProgramName, j);

      if (name->kinds == KML_NAME_WOKEN && !g_hash_table_contains (waited, name->name))
        g_ptr_array_add (unheard, (gpointer)name->name);
    }
  }
  g_ptr_array_add (unheard, NULL);
  return unheard;
}

static void
check_events (const Names *self)
{
  g_autoptr (GHashTable) waited = find_events (self, KML_NAME_WAITED);
  g_autoptr (GHashTable) woken = find_events (self, KML_NAME_WOKEN);
  g_autoptr (GPtrArray) unheard = list_unheard (self, woken, waited);
  guint n_guesses = 0;

  for (guint i = 0; i < self->programs->len; i++) {
    const Program *program = g_ptr_array_index (self->programs, i);

    for (guint j = 0; j < program->names->len && n_guesses < MAX_GUESSES; j++) {
      const KmlProgramName *name = &g_array_index (program->names, KmlProgramName, j);
      const char *nearest;

      if (name->kinds != KML_NAME_WAITED || g_hash_table_contains (woken, name->name))
        continue;
      n_guesses++;
      nearest = kml_nearest_name (name->name, (const char *const *)unheard->pdata);
      if (nearest != NULL)
        kml_scenario_problem (
            self->scenario, place_in (program->assignment, program->alternative, name->at),
            "%s: step “%s”: nobody wakes “%s”, and nobody waits for “%s”; did you mean that?",
            title_of (program->entry, program->alternative), name->step, name->name, nearest);
    }
  }
}

/* ---- Locks ---- */

/* Metrics and the lock validator know locks by their names, and the machine has some of its own. */
static void
check_lock (KmlScenario *self, const KmlSection *section)
{
  static const char *const own[] = { "pages", "objects", "pager", NULL };

  if (g_str_equal (section->info->name, "lock") && g_strv_contains (own, section->name))
    kml_scenario_problem (self, section->place,
                          "the machine has a lock %s of its own (its kind: [%s] lock); expected "
                          "another name",
                          section->name, section->name);
}

/* ---- All of it ---- */

void
kml_scenario_resolve_names (KmlScenario *scenario)
{
  Names self = { scenario, g_ptr_array_new_with_free_func (program_free),
                 g_hash_table_new (g_str_hash, g_str_equal), TRUE };

  for (guint i = 0; i < scenario->entries->len; i++)
    if (kml_entry_is_program (g_ptr_array_index (scenario->entries, i)))
      for_alternatives (&self, g_ptr_array_index (scenario->entries, i), read_program);
  for (guint i = 0; i < scenario->entries->len && !kml_scenario_is_hopeless (scenario); i++)
    for_alternatives (&self, g_ptr_array_index (scenario->entries, i), check_setting);
  for (guint i = 0; i < self.programs->len; i++) {
    const Program *program = g_ptr_array_index (self.programs, i);

    for (guint j = 0; j < program->names->len && !kml_scenario_is_hopeless (scenario); j++)
      check_name (&self, program, &g_array_index (program->names, KmlProgramName, j));
  }
  if (self.all_read && !kml_scenario_is_hopeless (scenario))
    check_events (&self);
  for (guint i = 0; i < scenario->sections->len && !kml_scenario_is_hopeless (scenario); i++)
    check_lock (scenario, g_ptr_array_index (scenario->sections, i));
  g_hash_table_unref (self.shared);
  g_ptr_array_unref (self.programs);
}
