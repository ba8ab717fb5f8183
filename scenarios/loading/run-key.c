/* run-key.c: what makes two runs the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The key of a run is the XXH3-128 of everything that decides its result: every
 * setting but the scenario's prose, the content of the files that settings name
 * (a trace that was recorded anew makes another run), the names of the workloads
 * in their order (whose operations go first at equal times), the seed of this
 * repetition, and the program's version. Adding a value to an axis, or a
 * repetition, changes no other run's key, so a campaign goes on where it stopped.
 *
 * That text has some hundred lines, of which a few differ between the runs of a sweep. Who wants the keys of all, a million perhaps, and not their settings,
 * has it written once with holes for what varies, and only the holes are filled. Which lines there are depends on the axes that choose a plug-in or can name a file,
 * so there is such a form for each combination of these.
 */

#include "scenarios/loading/scenario-private.h"

#include <string.h>

#include <xxhash.h>

#include "simcore/base/rng.h"

#define MOST_FORMS 256 /* that are kept: a few KiB each */

/* Of the text, what varies. */
typedef struct {
  gsize at, length;
  const KmlEntry *entry; /* the axis whose value it is; NULL: the seed */
} Hole;

typedef struct {
  GString *text;
  GArray *holes; /* (element-type Hole): in their order */
} Form;

struct _KmlRunKeys {
  const KmlScenario *scenario;
  gboolean *is_shape; /* (owned) (array length=axes): whether it decides which lines there are */
  GHashTable *forms;  /* (owned): number of the combination of those axes -> Form */
  guint *digits;      /* (owned): of the run at hand */
  GString *text;      /* (owned): its text */
};

static void
form_free (Form *self)
{
  g_string_free (self->text, TRUE);
  g_array_unref (self->holes);
  g_free (self);
}

/* ---- The text ---- */

/* Names and prose of the experiment, and what enters the key as the run's own seed. */
static gboolean
is_in_key (const char *key)
{
  return !kml_scenario_is_prose (key) && !g_str_equal (key, "scenario.seed");
}

/* What comes next is of @entry (nullable); that has @length bytes. */
static void
note_hole (Form *self, const KmlEntry *entry, gsize length)
{
  const Hole hole = { self->text->len, length, entry };

  g_array_append_val (self->holes, hole);
}

static void
append_setting (Form *self, const KmlScenario *scenario, const KmlSetting *setting)
{
  const KmlEntry *entry = g_hash_table_lookup (scenario->by_key, setting->key);

  if (!is_in_key (setting->key))
    return;
  g_string_append_printf (self->text, "%s=", setting->key);
  if (entry != NULL && entry->axis >= 0)
    note_hole (self, entry, strlen (setting->value));
  g_string_append_printf (self->text, "%s\n", setting->value);
}

static Form *
form_new (const KmlScenario *scenario, const KmlRunSpec *spec)
{
  Form *self = g_new0 (Form, 1);
  char seed[24];

  self->text = g_string_new (NULL);
  self->holes = g_array_new (FALSE, FALSE, sizeof (Hole));
  for (guint i = 0; i < spec->settings->len; i++)
    append_setting (self, scenario, g_ptr_array_index (spec->settings, i));
  for (guint i = 0; i < spec->inputs->len; i++) {
    const KmlInput *input = g_ptr_array_index (spec->inputs, i);

    g_string_append_printf (self->text, "content of %s=%s\n", input->key, input->digest);
  }
  for (guint i = 0; i < scenario->sections->len; i++) {
    const KmlSection *section = g_ptr_array_index (scenario->sections, i);

    if (section->info->named)
      g_string_append_printf (self->text, "[%s]\n", section->prefix);
  }
  g_string_append (self->text, "seed=");
  g_snprintf (seed, sizeof seed, "%" G_GUINT64_FORMAT, spec->seed);
  note_hole (self, NULL, strlen (seed));
  g_string_append_printf (self->text, "%s\nversion=%s\n", seed, KML_VERSION);
  return self;
}

static void
write_hash (const GString *text, char *ret_key)
{
  const XXH128_hash_t hash = XXH3_128bits (text->str, text->len);

  g_snprintf (ret_key, KML_RUN_KEY_LENGTH + 1,
              "%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", (guint64)hash.high64,
              (guint64)hash.low64);
}

char *
kml_run_spec_make_key (const KmlScenario *scenario, const KmlRunSpec *spec)
{
  Form *form = form_new (scenario, spec);
  char *key = g_malloc (KML_RUN_KEY_LENGTH + 1);

  write_hash (form->text, key);
  form_free (form);
  return key;
}

/* ---- All keys ---- */

static gboolean
can_name_file (const KmlEntry *entry)
{
  const KmlSection *section = entry->section;

  for (guint i = 0; i < section->chosen->len; i++) {
    const KmlParam *param = kml_section_find_param (section, g_ptr_array_index (section->chosen, i),
                                                    entry->name);

    if (param != NULL && (param->type == KML_PARAM_PATH || param->file != NULL))
      return TRUE;
  }
  return FALSE;
}

KmlRunKeys *
kml_run_keys_new (const KmlScenario *scenario)
{
  KmlRunKeys *self = g_new0 (KmlRunKeys, 1);
  const guint n = scenario->axes->len;

  self->scenario = scenario;
  self->is_shape = g_new0 (gboolean, n + 1);
  self->digits = g_new0 (guint, n + 1);
  self->forms = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free,
                                       (GDestroyNotify)form_free);
  self->text = g_string_new (NULL);
  for (guint i = 0; i < n; i++) {
    const KmlEntry *entry = g_ptr_array_index (scenario->axes, i);

    self->is_shape[i] = entry == entry->section->chooser || can_name_file (entry);
  }
  return self;
}

void
kml_run_keys_free (KmlRunKeys *self)
{
  if (self == NULL)
    return;
  g_free (self->is_shape);
  g_free (self->digits);
  g_hash_table_unref (self->forms);
  g_string_free (self->text, TRUE);
  g_free (self);
}

static const Form *
find_form (KmlRunKeys *self, guint64 index)
{
  const KmlScenario *scenario = self->scenario;
  g_autoptr (KmlRunSpec) spec = NULL;
  guint64 shape = 0;
  Form *form;

  for (guint i = 0; i < scenario->axes->len; i++) {
    const KmlEntry *entry = g_ptr_array_index (scenario->axes, i);

    if (self->is_shape[i])
      shape = shape * entry->alternatives->len + self->digits[i];
  }
  form = g_hash_table_lookup (self->forms, &shape);
  if (form != NULL)
    return form;
  if (g_hash_table_size (self->forms) == MOST_FORMS)
    g_hash_table_remove_all (self->forms);
  spec = kml_scenario_run_spec (scenario, index);
  form = form_new (scenario, spec);
  g_hash_table_insert (self->forms, g_memdup2 (&shape, sizeof shape), form);
  return form;
}

static void
append_seed (KmlRunKeys *self, guint64 index)
{
  const guint64 seed = kml_scenario_run_seed (self->scenario, self->digits,
                                              index % self->scenario->repeat);
  char text[24];

  g_snprintf (text, sizeof text, "%" G_GUINT64_FORMAT, seed);
  g_string_append (self->text, text);
}

void
kml_run_keys_get (KmlRunKeys *self, guint64 index, char *ret_key)
{
  const KmlScenario *scenario = self->scenario;
  const Form *form;
  gsize at = 0;

  g_assert (index < kml_scenario_n_runs (scenario));

  kml_scenario_decode (scenario, scenario->combinations[index / scenario->repeat], self->digits);
  form = find_form (self, index);
  g_string_truncate (self->text, 0);
  for (guint i = 0; i < form->holes->len; i++) {
    const Hole *hole = &g_array_index (form->holes, Hole, i);

    g_string_append_len (self->text, form->text->str + at, (gssize)(hole->at - at));
    if (hole->entry == NULL)
      append_seed (self, index);
    else
      g_string_append (self->text, g_array_index (hole->entry->alternatives, KmlAlternative,
                                                  self->digits[hole->entry->axis])
                                       .text);
    at = hole->at + hole->length;
  }
  g_string_append_len (self->text, form->text->str + at, (gssize)(form->text->len - at));
  write_hash (self->text, ret_key);
}
