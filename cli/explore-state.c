/* explore-state.c: writing and reading where a search stands.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/explore-state.h"

#include <string.h>

#include "cli/key-lines.h"
#include "scenarios/exploring/draws.h"
#include "simcore/base/units.h"

static const KmlKeyForm forms[] = {
  { .key = "search" },
  { .key = "index" },
  { .key = "next" },
  { .key = "round" },
  { .key = "next-round" },
  { .key = "before" },
  { .key = "blocked-before" },
  { .key = "pruned-before" },
  { .key = "schedules" },
  { .key = "blocked" },
  { .key = "pruned" },
  { .key = "longest" },
  { .key = "cut" },
  { .key = "unsought" },
  { .key = "unsought-kind" },
  { .key = "top" },
  { .key = "marks" },
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

static void
write_place (GString *text, const KmlTreePlace *place)
{
  g_autofree char *choices = kml_choices_format (place->choices);

  if (place->top == KML_TOP_UNKNOWN)
    g_string_append (text, "top = unknown\n");
  else
    g_string_append_printf (text, "top = %u\n", place->top);
  g_string_append (text, "marks = -");
  for (guint i = 0; i < place->marks->len; i++)
    g_string_append_c (text, (char)('0' + place->marks->data[i]));
  g_string_append_c (text, '\n');
  g_string_append_printf (text, "choices = %s\n", choices);
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
  g_string_append_printf (
      text, "blocked-before = %" G_GUINT64_FORMAT "\nblocked = %" G_GUINT64_FORMAT "\n",
      self->n_blocked_before, self->state.n_blocked);
  g_string_append_printf (text, "unsought = %" G_GUINT64_FORMAT "\nunsought-kind = %s\n",
                          self->state.unsought.n_schedules,
                          kml_incident_metrics[self->state.unsought.kind]);
  write_place (text, &self->state.place);
  return kml_key_lines_save (path, text, error);
}

static guint64 *
find_count (KmlExploreStop *self, const char *key)
{
  return g_str_equal (key, "index")            ? &self->index
         : g_str_equal (key, "next")           ? &self->state.next
         : g_str_equal (key, "round")          ? &self->round
         : g_str_equal (key, "next-round")     ? &self->next_round
         : g_str_equal (key, "before")         ? &self->n_schedules_before
         : g_str_equal (key, "blocked-before") ? &self->n_blocked_before
         : g_str_equal (key, "pruned-before")  ? &self->n_pruned_before
         : g_str_equal (key, "schedules")      ? &self->state.n_schedules
         : g_str_equal (key, "pruned")         ? &self->state.n_pruned
         : g_str_equal (key, "blocked")        ? &self->state.n_blocked
         : g_str_equal (key, "longest")        ? &self->state.longest
         : g_str_equal (key, "unsought")       ? &self->state.unsought.n_schedules
                                               : NULL;
}

/* "-" and a digit for each candidate. */
static gboolean
read_marks (const char *text, GByteArray *marks, GError **error)
{
  const char *digits = text + 1;

  if (text[0] != '-' || strspn (digits, "0123") != strlen (digits)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "marks: expected - and digits from 0 to 3");
    return FALSE;
  }
  for (; *digits != '\0'; digits++) {
    const guint8 mark = (guint8)(*digits - '0');

    g_byte_array_append (marks, &mark, 1);
  }
  return TRUE;
}

static gboolean
read_top (const char *text, guint *ret_top, GError **error)
{
  guint64 top = KML_TOP_UNKNOWN;

  if (!g_str_equal (text, "unknown") &&
      (!kml_parse_count (text, &top, NULL) || top >= KML_TOP_UNKNOWN)) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "top: expected a count, not “%s”", text);
    return FALSE;
  }
  *ret_top = (guint)top;
  return TRUE;
}

static gboolean
read_kind (const char *text, guint8 *ret_kind, GError **error)
{
  for (guint i = 0; i < KML_N_INCIDENTS; i++)
    if (g_str_equal (text, kml_incident_metrics[i])) {
      *ret_kind = (guint8)i;
      return TRUE;
    }
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "unsought-kind: expected a kind such as bug.double_free, not “%s”", text);
  return FALSE;
}

static gboolean
read_line (const char *key, const char *value, guint line, gpointer data, GError **error)
{
  KmlExploreStop *self = data;
  guint64 *count = find_count (self, key), cut;

  if (g_str_equal (key, "choices"))
    return kml_choices_parse (value, self->state.place.choices, error);
  if (g_str_equal (key, "marks"))
    return read_marks (value, self->state.place.marks, error);
  if (g_str_equal (key, "top"))
    return read_top (value, &self->state.place.top, error);
  if (g_str_equal (key, "unsought-kind"))
    return read_kind (value, &self->state.unsought.kind, error);
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
