/* reproducer.c: writing and reading reproducers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/reproducer.h"

#include "cli/key-lines.h"
#include "scenarios/exploring/draws.h"
#include "simcore/base/types.h"
#include "simcore/base/units.h"

void
kml_reproducer_clear (KmlReproducer *self)
{
  g_clear_pointer (&self->version, g_free);
  g_clear_pointer (&self->scenario, g_free);
  g_clear_pointer (&self->run, g_free);
  g_clear_pointer (&self->fingerprint, g_free);
  g_clear_pointer (&self->overrides, g_ptr_array_unref);
  g_clear_pointer (&self->choices, g_array_unref);
}

gboolean
kml_reproducer_save (const KmlReproducer *self, const char *path, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *choices = kml_choices_format (self->choices);

  g_string_append_printf (text,
                          "# A schedule in which something goes wrong: kmemlab reproduce FILE\n"
                          "[reproducer]\n"
                          "version = %s\nscenario = %s\n",
                          self->version, self->scenario);
  for (guint i = 0; i < self->overrides->len; i++)
    g_string_append_printf (text, "override = %s\n",
                            (const char *)g_ptr_array_index (self->overrides, i));
  g_string_append_printf (text, "seed = %" G_GUINT64_FORMAT "\nrun = %s\nfingerprint = %s\n",
                          self->seed, self->run, self->fingerprint);
  g_string_append_printf (text, "choices = %s\n", choices);
  return kml_key_lines_save (path, text, error);
}

/* ---- Reading ---- */

static const KmlKeyForm forms[] = {
  { .key = "version" },
  { .key = "scenario" },
  { .key = "override", .is_repeatable = TRUE, .is_optional = TRUE },
  { .key = "seed" },
  { .key = "run" },
  { .key = "fingerprint" },
  { .key = "choices" },
  { NULL },
};

/* Of whatever other version, older or newer, it is no input of this one: not even one that an update would read, since what its choices mean
 * is known to that version alone. So it is not KML_ERROR_NEWER. */
static gboolean
check_version (const char *version, GError **error)
{
  if (g_str_equal (version, KML_VERSION))
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "made by version %s; this is %s, where the same choices may mean other things: "
               "explore again",
               version, KML_VERSION);
  return FALSE;
}

static gboolean
read_line (const char *key, const char *value, guint line, gpointer data, GError **error)
{
  KmlReproducer *self = data;

  if (g_str_equal (key, "version")) {
    self->version = g_strdup (value);
    return check_version (value, error);
  }
  if (g_str_equal (key, "scenario")) {
    self->scenario = g_strdup (value);
    self->scenario_line = line;
  }
  if (g_str_equal (key, "fingerprint"))
    self->fingerprint = g_strdup (value);
  if (g_str_equal (key, "run")) {
    self->run = g_strdup (value);
    self->run_line = line;
  }
  if (g_str_equal (key, "override"))
    g_ptr_array_add (self->overrides, g_strdup (value));
  if (g_str_equal (key, "choices")) {
    self->choices_line = line;
    return kml_choices_parse (value, self->choices, error);
  }
  if (g_str_equal (key, "seed") && !kml_parse_count (value, &self->seed, NULL)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "seed: expected a count, not “%s”", value);
    return FALSE;
  }
  return TRUE;
}

gboolean
kml_reproducer_load (KmlReproducer *self, const char *path, GError **error)
{
  *self = (KmlReproducer){ .choices = g_array_new (FALSE, FALSE, sizeof (guint32)),
                           .overrides = g_ptr_array_new_with_free_func (g_free) };
  return kml_key_lines_load (path, "reproducer", forms, read_line, self, error);
}
