/* scenario.c: loading an experiment.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The steps are described in scenario-private.h. Each goes on as far as what it
 * got makes sense, so that one attempt shows the mistakes of every kind.
 */

#include "scenarios/loading/scenario-private.h"

#include <string.h>

static gpointer
no_copy (gconstpointer item, gpointer data)
{
  return (gpointer)item;
}

static int
compare_problems (gconstpointer a, gconstpointer b)
{
  const KmlProblem *const *left = a;
  const KmlProblem *const *right = b;
  const gboolean left_is_override = g_str_equal ((*left)->file, "-s");
  const gboolean right_is_override = g_str_equal ((*right)->file, "-s");

  if (left_is_override != right_is_override)
    return left_is_override ? 1 : -1;
  if ((*left)->line != (*right)->line)
    return (*left)->line < (*right)->line ? -1 : 1;
  if ((*left)->column != (*right)->column)
    return (*left)->column < (*right)->column ? -1 : 1;
  return 0;
}

/* By line; what is about the file as a whole first, what is about -s last. The sort is stable. */
static void
hand_over (GPtrArray *found, GPtrArray *problems)
{
  g_ptr_array_sort (found, compare_problems);
  g_ptr_array_extend (problems, found, no_copy, NULL);
  g_ptr_array_set_free_func (found, NULL);
}

/* ---- Life ---- */

static KmlScenario *
scenario_new (const char *file, const char *name, KmlInputFiles *inputs, const char *text,
              const char *const *overrides)
{
  KmlScenario *self = g_new0 (KmlScenario, 1);

  self->file = g_strdup (file);
  self->name = g_strdup (name);
  self->inputs = inputs;
  self->text = g_strdup (text);
  self->overrides = overrides != NULL ? g_strdupv ((char **)overrides) : g_new0 (char *, 1);
  self->sections = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_section_free);
  self->entries = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_entry_free);
  self->by_key = g_hash_table_new (g_str_hash, g_str_equal);
  self->axes = g_ptr_array_new ();
  self->expectations = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_expectation_free);
  return self;
}

void
kml_scenario_free (KmlScenario *self)
{
  if (self == NULL)
    return;
  g_free (self->file);
  g_free (self->name);
  kml_input_files_free (self->inputs);
  g_free (self->text);
  g_strfreev (self->overrides);
  g_hash_table_unref (self->by_key);
  g_ptr_array_unref (self->axes);
  g_ptr_array_unref (self->entries);
  g_ptr_array_unref (self->sections);
  g_ptr_array_unref (self->expectations);
  g_strfreev (self->axis_keys);
  g_free (self->combinations);
  g_free (self->title);
  g_free (self->question);
  g_free (self->source);
  g_free (self);
}

/* ---- Loading ---- */

gboolean
kml_scenario_is_prose (const char *key)
{
  return g_str_equal (key, "scenario.title") || g_str_equal (key, "scenario.question") ||
         g_str_equal (key, "scenario.source");
}

static void
read_prose (KmlScenario *self)
{
  g_autoptr (KmlRunSpec) spec = kml_scenario_run_spec (self, 0);

  self->title = g_strdup (kml_run_spec_get (spec, "scenario.title"));
  self->question = g_strdup (kml_run_spec_get (spec, "scenario.question"));
  self->source = g_strdup (kml_run_spec_get (spec, "scenario.source"));
}

static void
load_settings (KmlScenario *self, const KmlKeyFile *file)
{
  KmlCollected collected;

  kml_scenario_collect (self, file, &collected);
  kml_scenario_resolve (self);
  kml_scenario_expect (self, &collected);
  kml_scenario_combine (self, &collected);
  kml_collected_clear (&collected);
}

/* @inputs: (transfer full) */
static KmlScenario *
load (const char *file, const char *name, KmlInputFiles *inputs, const char *text, gsize length,
      const char *const *overrides, GPtrArray *problems)
{
  g_autoptr (GPtrArray) found = kml_problems_new ();
  g_autoptr (KmlKeyFile) key_file = kml_key_file_parse (file, text, length, found);
  g_autoptr (KmlScenario) self = NULL;

  if (key_file != NULL) {
    self = scenario_new (file, name, inputs, text, overrides);
    self->problems = found;
    load_settings (self, key_file);
    self->problems = NULL;
  } else
    kml_input_files_free (inputs);
  if (found->len > 0) {
    kml_problems_quote (found, file, text, length);
    hand_over (found, problems);
    return NULL;
  }
  read_prose (self);
  return g_steal_pointer (&self);
}

KmlScenario *
kml_scenario_load (const char *path, const char *const *overrides, GPtrArray *problems,
                   KmlErrorCode *ret_code)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *base_dir = g_path_get_dirname (path);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  if (ret_code != NULL)
    *ret_code = KML_ERROR_INPUT;
  if (!kml_key_file_read (path, &text, &length, &error)) {
    if (ret_code != NULL)
      *ret_code = (KmlErrorCode)error->code;
    kml_problems_add (problems, path, 0, 0, "%s", error->message);
    return NULL;
  }
  return load (path, name, kml_input_files_new (base_dir, NULL), text, length, overrides, problems);
}

KmlScenario *
kml_scenario_load_text (const char *name, const char *base_dir, GHashTable *elsewhere,
                        const char *text, gsize length, const char *const *overrides,
                        GPtrArray *problems)
{
  /* the text is kept as a string: one byte behind it is needed */
  g_autofree char *copy = g_strndup (text, MIN (length, KML_KEY_FILE_MAX_BYTES));

  return load (name, name, kml_input_files_new (base_dir, elsewhere),
               length > KML_KEY_FILE_MAX_BYTES ? text : copy, length, overrides, problems);
}

/* ---- Asking ---- */

const char *
kml_scenario_name (const KmlScenario *self)
{
  return self->name;
}

const char *
kml_scenario_base_dir (const KmlScenario *self)
{
  return kml_input_files_base_dir (self->inputs);
}

char *
kml_scenario_locate (const KmlScenario *self, const char *file)
{
  return kml_input_files_path (self->inputs, file);
}

GHashTable *
kml_scenario_elsewhere (const KmlScenario *self)
{
  return kml_input_files_elsewhere (self->inputs);
}

gboolean
kml_scenario_check_inputs (const KmlScenario *self, const KmlRunSpec *spec, GError **error)
{
  for (guint i = 0; i < spec->inputs->len; i++) {
    const KmlInput *input = g_ptr_array_index (spec->inputs, i);

    if (!kml_input_files_check (self->inputs, input->file, error)) {
      kml_blame (error, input->key);
      return FALSE;
    }
  }
  return TRUE;
}

GPtrArray *
kml_scenario_inputs (const KmlScenario *self)
{
  const GPtrArray *names = kml_input_files_names (self->inputs);
  GPtrArray *inputs = g_ptr_array_new_with_free_func ((GDestroyNotify)kml_input_free);

  for (guint i = 0; i < names->len; i++)
    g_ptr_array_add (inputs, kml_input_files_take (self->inputs, "", g_ptr_array_index (names, i)));
  return inputs;
}

const char *
kml_scenario_title (const KmlScenario *self)
{
  return self->title;
}

const char *
kml_scenario_question (const KmlScenario *self)
{
  return self->question;
}

const char *
kml_scenario_source (const KmlScenario *self)
{
  return self->source;
}

const char *
kml_scenario_text (const KmlScenario *self)
{
  return self->text;
}

char *
kml_scenario_overrides (const KmlScenario *self)
{
  return g_strjoinv ("\n", self->overrides);
}

guint
kml_scenario_line_of (const KmlScenario *self, const char *key)
{
  const KmlEntry *entry = g_hash_table_lookup (self->by_key, key);
  const GPtrArray *assignments = entry != NULL ? entry->assignments : NULL;
  const KmlAssignment *last;

  if (assignments == NULL || assignments->len == 0)
    return 0;
  last = g_ptr_array_index (assignments, assignments->len - 1);
  return last->value_place.file == self->file ? last->value_place.line : 0;
}

guint
kml_scenario_line_of_group (const KmlScenario *self, const char *group, const char *name)
{
  for (guint i = 0; i < self->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (self->sections, i);

    if (g_str_equal (section->info->name, group) && g_str_equal (section->name, name))
      return section->place.file == self->file ? section->place.line : 0;
  }
  return 0;
}

const GPtrArray *
kml_scenario_expectations (const KmlScenario *self)
{
  return self->expectations;
}

guint64
kml_scenario_n_repetitions (const KmlScenario *self)
{
  return self->repeat;
}

guint64
kml_scenario_n_runs (const KmlScenario *self)
{
  return self->n_combinations * self->repeat;
}

const char *const *
kml_scenario_axes (const KmlScenario *self)
{
  return (const char *const *)self->axis_keys;
}
