/* explore-state.c: writing and reading where a search stands.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/explore-state.h"

#include "cli/key-lines.h"
#include "simcore/units.h"

static const KmlKeyForm forms[] = {
  { .key = "search" },
  { .key = "index" },
  { .key = "next" },
  { .key = "round" },
  { .key = "next-round" },
  { .key = "before" },
  { .key = "schedules" },
  { .key = "pruned-before" },
  { .key = "pruned" },
  { .key = "longest" },
  { .key = "cut" },
  { .key = "choices" },
  { NULL },
};

void
kml_explore_stop_init (KmlExploreStop *self)
{
  *self = (KmlExploreStop){ 0 };
  kml_explore_state_init (&self->state);
}

void
kml_explore_stop_clear (KmlExploreStop *self)
{
  g_clear_pointer (&self->search, g_free);
  kml_explore_state_clear (&self->state);
}

gboolean
kml_explore_stop_save (const KmlExploreStop *self, const char *path, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_append_printf (text,
                          "# Where a search stands: the same kmemlab explore goes on from here\n"
                          "[search]\nsearch = %s\nindex = %" G_GUINT64_FORMAT
                          "\nnext = %" G_GUINT64_FORMAT "\nround = %" G_GUINT64_FORMAT
                          "\nnext-round = %" G_GUINT64_FORMAT "\n"
                          "before = %" G_GUINT64_FORMAT "\npruned-before = %" G_GUINT64_FORMAT "\n",
                          self->search, self->index, self->state.next, self->round,
                          self->next_round, self->n_schedules_before, self->n_pruned_before);
  g_string_append_printf (text,
                          "schedules = %" G_GUINT64_FORMAT "\npruned = %" G_GUINT64_FORMAT
                          "\nlongest = %" G_GUINT64_FORMAT "\ncut = %d\n",
                          self->state.n_schedules, self->state.n_pruned, self->state.longest,
                          self->state.is_cut);
  kml_key_lines_write_choices (text, self->state.choices);
  return kml_key_lines_save (path, text, error);
}

static guint64 *
find_count (KmlExploreStop *self, const char *key)
{
  return g_str_equal (key, "index")           ? &self->index
         : g_str_equal (key, "next")          ? &self->state.next
         : g_str_equal (key, "round")         ? &self->round
         : g_str_equal (key, "next-round")    ? &self->next_round
         : g_str_equal (key, "before")        ? &self->n_schedules_before
         : g_str_equal (key, "pruned-before") ? &self->n_pruned_before
         : g_str_equal (key, "schedules")     ? &self->state.n_schedules
         : g_str_equal (key, "pruned")        ? &self->state.n_pruned
         : g_str_equal (key, "longest")       ? &self->state.longest
                                              : NULL;
}

static gboolean
read_line (const char *key, const char *value, guint line, gpointer data, GError **error)
{
  KmlExploreStop *self = data;
  guint64 *count = find_count (self, key), cut;

  if (g_str_equal (key, "choices"))
    return kml_key_lines_read_choices (value, self->state.choices, error);
  if (g_str_equal (key, "search")) {
    self->search = g_strdup (value);
    return TRUE;
  }
  if (!kml_parse_count (value, count != NULL ? count : &cut, NULL)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: expected a count, not “%s”", key, value);
    return FALSE;
  }
  if (count == NULL)
    self->state.is_cut = cut != 0;
  return TRUE;
}

gboolean
kml_explore_stop_load (KmlExploreStop *self, const char *path, GError **error)
{
  return kml_key_lines_load (path, "search", forms, read_line, self, error);
}
