/* expect.c: what a scenario says its metrics should be.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   alloc.failed = 0                        exactly
 *   frag.internal.mean = 0.25 +- 0.0005     in [0.2495, 0.2505]
 *   frag.internal.mean = 0.25 +- 2%         in [0.245, 0.255]
 *   latency.alloc.p99_ns = <= 2us           an inequality; ns and bytes take units
 *   buddy.splits = 3..4                     in [3, 4]
 *   buddy.splits = buddy.merges             what the other metric is
 *
 * A group's `when = objects.bins = geometric:4 and machine.cpus = 2` makes its lines about the runs
 * with these settings alone. Values are compared by meaning while loading
 * (1024MiB is 1GiB) and kept as the text that the runs have.
 *
 * A metric's name is held against the recorder's table, where N and CONTEXT
 * stand for many and {a,b} for either, and against the counters and figures of all plug-ins
 * that there are, used or not: `-s pages.allocator=bump` must not make an
 * expectation of buddy a mistake.
 */

#include "scenarios/loading/scenario-private.h"

#include <math.h>
#include <string.h>

#include "simcore/base/units.h"

static void
settings_free (KmlSetting *settings, guint n)
{
  for (guint i = 0; i < n; i++) {
    g_free (settings[i].key);
    g_free (settings[i].value);
  }
  g_free (settings);
}

void
kml_expectation_free (KmlExpectation *self)
{
  g_free (self->metric);
  g_free (self->text);
  g_free (self->other);
  settings_free (self->when, self->n_when);
  g_free (self);
}

/* ---- Names of metrics ---- */

static const char *const *
placeholder_values (const char *word, gsize length)
{
  if (length == strlen ("CONTEXT") && strncmp (word, "CONTEXT", length) == 0)
    return kml_context_names;
  return NULL;
}

static gsize
span_upper (const char *text)
{
  gsize n = 0;

  while (g_ascii_isupper (text[n]))
    n++;
  return n;
}

static gboolean
matches (const char *pattern, const char *name)
{
  const gsize n_upper = span_upper (pattern);
  const char *const *values;

  if (*pattern == '{') {
    const char *close = strchr (pattern, '}');
    g_autofree char *inner = g_strndup (pattern + 1, (gsize)(close - pattern - 1));
    g_auto (GStrv) words = g_strsplit (inner, ",", -1);

    for (guint i = 0; words[i] != NULL; i++)
      if (g_str_has_prefix (name, words[i]) && matches (close + 1, name + strlen (words[i])))
        return TRUE;
    return FALSE;
  }
  if (n_upper == 0)
    return *pattern == *name && (*pattern == '\0' || matches (pattern + 1, name + 1));

  if (n_upper == strlen ("NAME") && strncmp (pattern, "NAME", n_upper) == 0) { /* any */
    for (gsize i = 1; name[0] != '\0' && name[i] != '\0'; i++)
      if (matches (pattern + n_upper, name + i))
        return TRUE;
    return FALSE;
  }
  values = placeholder_values (pattern, n_upper);
  for (guint i = 0; values != NULL && values[i] != NULL; i++)
    if (g_str_has_prefix (name, values[i]) &&
        matches (pattern + n_upper, name + strlen (values[i])))
      return TRUE;
  if (values == NULL) { /* N: a number */
    const gsize n_digits = strspn (name, "0123456789");

    return n_digits > 0 && n_digits < 10 && matches (pattern + n_upper, name + n_digits);
  }
  return FALSE;
}

/* What of @name, which is looked for, is in the place of NAME behind @begin; as it stands where there is no such place. (transfer full) */
static char *
name_in_place (const char *name, const char *begin)
{
  const char *place = g_str_has_prefix (name, begin) ? name + strlen (begin) : "NAME";

  return g_strndup (place, strcspn (place, "."));
}

/* Every name that @pattern stands for and that is like @name, a number as "9". */
static void
spell_out (GPtrArray *names, const char *name, const char *done, const char *pattern)
{
  const gsize plain = strcspn (pattern, "{ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  const gsize n_upper = span_upper (pattern + plain);
  g_autofree char *begin = g_strdup_printf ("%s%.*s", done, (int)plain, pattern);
  const char *rest = pattern + plain;
  g_auto (GStrv) words = NULL;

  if (*rest == '\0') {
    g_ptr_array_add (names, g_steal_pointer (&begin));
    return;
  }
  if (*rest == '{') {
    const char *close = strchr (rest, '}');
    g_autofree char *inner = g_strndup (rest + 1, (gsize)(close - rest - 1));

    words = g_strsplit (inner, ",", -1);
    rest = close + 1;
  } else {
    const char *const *values = placeholder_values (rest, n_upper);
    const gboolean is_any = n_upper == strlen ("NAME") && strncmp (rest, "NAME", n_upper) == 0;
    g_autofree char *other = is_any ? name_in_place (name, begin) : g_strdup ("9");

    words = values != NULL ? g_strdupv ((char **)values) : g_strsplit (other, ",", -1);
    rest += n_upper;
  }
  for (guint i = 0; words[i] != NULL; i++) {
    g_autofree char *next = g_strconcat (begin, words[i], NULL);

    spell_out (names, name, next, rest);
  }
}

static void
add_names_of (GPtrArray *names, const char *prefix, const KmlPlugin *plugin)
{
  for (const KmlCounterInfo *counter = plugin->counters; counter != NULL && counter->name != NULL;
       counter++)
    g_ptr_array_add (names, g_strjoin (".", prefix, counter->name, NULL));
  for (const KmlFigureInfo *figure = plugin->figures; figure != NULL && figure->name != NULL;
       figure++)
    g_ptr_array_add (names, g_strjoin (".", prefix, figure->name, NULL));
}

/* "device.sda" of "device.sda.reads" (transfer full) (nullable) */
static char *
prefix_of_device (const char *name)
{
  const char *dot = g_str_has_prefix (name, "device.") ? strchr (name + strlen ("device."), '.')
                                                       : NULL;

  return dot != NULL ? g_strndup (name, (gsize)(dot - name)) : NULL;
}

/* The counters and figures of everything that a group can choose; of a device also by its own name, which is what @name, the one that is
 * looked for, has. */
static void
add_plugin_names (GPtrArray *names, const char *name)
{
  g_autofree char *device = prefix_of_device (name);

  for (const KmlGroupInfo *info = kml_scenario_groups; info->name != NULL; info++) {
    g_autoptr (GArray) plugins = info->plugins != NULL ? info->plugins () : NULL;

    for (guint i = 0; plugins != NULL && i < plugins->len; i++) {
      const KmlPlugin *plugin = &g_array_index (plugins, KmlPlugin, i);

      add_names_of (names, plugin->name, plugin);
      if (device != NULL && g_str_equal (info->name, "device"))
        add_names_of (names, device, plugin);
    }
  }
}

static gboolean
is_known_metric (const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  for (const KmlMetricInfo *info = kml_recorder_metric_info; info->name != NULL; info++)
    if (matches (info->name, name))
      return TRUE;
  add_plugin_names (names, name);
  return g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL);
}

char *
kml_describe_unknown_metric (const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *quoted = kml_quote (name, -1);
  const char *nearest;

  if (is_known_metric (name))
    return NULL;
  for (const KmlMetricInfo *info = kml_recorder_metric_info; info->name != NULL; info++)
    spell_out (names, name, "", info->name);
  add_plugin_names (names, name);
  g_ptr_array_add (names, NULL);
  nearest = kml_nearest_name (name, (const char *const *)names->pdata);
  return g_strdup_printf ("unknown metric %s; %s%s%s", quoted,
                          nearest != NULL ? "did you mean “" : "`kmemlab list metrics` lists them",
                          nearest != NULL ? nearest : "", nearest != NULL ? "”?" : "");
}

/* Letters and a dot: what else an expectation can be has numbers in front. */
static gboolean
is_meant_as_metric (const char *text)
{
  return g_ascii_isalpha (text[0]) && strchr (text, '.') != NULL;
}

/* ---- Ranges ---- */

/* A number in the metric's unit: 0.25, and 64KiB or 2us where the metric is in bytes or nanoseconds. */
static gboolean
parse_number (const char *metric, const char *text, double *ret_value, GError **error)
{
  guint64 integer;

  if (kml_parse_real (text, ret_value, NULL))
    return TRUE;
  if (g_str_has_suffix (metric, "_bytes")) {
    if (!kml_parse_size (text, &integer, error))
      return FALSE;
    *ret_value = (double)integer;
    return TRUE;
  }
  if (g_str_has_suffix (metric, "_ns")) {
    if (!kml_parse_time (text, &integer, error))
      return FALSE;
    *ret_value = (double)integer / (double)KML_NS;
    return TRUE;
  }
  return kml_parse_real (text, ret_value, error);
}

/* ">= 1" */
static gboolean
parse_inequality (KmlExpectation *self, const char *metric, const char *text, GError **error)
{
  const gboolean is_below = text[0] == '<';
  const gboolean is_open = text[1] != '=';
  const char *number = text + (is_open ? 1 : 2);
  double bound;

  while (*number == ' ' || *number == '\t')
    number++;
  if (!parse_number (metric, number, &bound, error))
    return FALSE;
  self->lo = is_below ? -INFINITY : bound;
  self->hi = is_below ? bound : INFINITY;
  self->lo_open = is_below || is_open;
  self->hi_open = !is_below || is_open;
  return TRUE;
}

/* "0.18", then "0.01" or "5%" */
static gboolean
parse_tolerance (KmlExpectation *self, const char *metric, const char *middle_text,
                 const char *text, GError **error)
{
  g_autofree char *number = g_strstrip (g_strdup (text));
  const gboolean is_relative = g_str_has_suffix (number, "%");
  double middle, tolerance;

  if (is_relative) {
    number[strlen (number) - 1] = '\0';
    g_strchomp (number);
  }
  if (!parse_number (metric, middle_text, &middle, error) ||
      !(is_relative ? kml_parse_real (number, &tolerance, error)
                    : parse_number (metric, number, &tolerance, error)))
    return FALSE;
  if (tolerance < 0) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT, "a tolerance is not negative");
    return FALSE;
  }
  if (is_relative)
    tolerance *= fabs (middle) / 100;
  self->lo = middle - tolerance;
  self->hi = middle + tolerance;
  return TRUE;
}

static gboolean
parse_interval (KmlExpectation *self, const char *metric, const char *lo, const char *hi,
                GError **error)
{
  if (!parse_number (metric, lo, &self->lo, error) || !parse_number (metric, hi, &self->hi, error))
    return FALSE;
  if (self->lo > self->hi) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "a range goes up; %s is below %s", hi, lo);
    return FALSE;
  }
  return TRUE;
}

gboolean
kml_expectation_parse (KmlExpectation *self, const char *name, const char *text, GError **error)
{
  static const char *const signs[] = { "+-", "±", ".." };

  self->lo_open = self->hi_open = FALSE;
  if (text[0] == '<' || text[0] == '>')
    return parse_inequality (self, name, text, error);
  for (guint i = 0; i < G_N_ELEMENTS (signs); i++) {
    const char *sign = strstr (text, signs[i]);
    g_autofree char *left = sign != NULL ? g_strndup (text, (gsize)(sign - text)) : NULL;
    g_autofree char *right = sign != NULL ? g_strdup (sign + strlen (signs[i])) : NULL;

    if (sign == NULL)
      continue;
    g_strstrip (left);
    g_strstrip (right);
    return i < 2 ? parse_tolerance (self, name, left, right, error)
                 : parse_interval (self, name, left, right, error);
  }
  if (g_ascii_isalpha (text[0]) && is_known_metric (text)) {
    self->other = g_strdup (text);
    return TRUE;
  }
  if (is_meant_as_metric (text)) {
    g_autofree char *problem = kml_describe_unknown_metric (text);

    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT, problem);
    return FALSE;
  }
  if (!parse_number (name, text, &self->lo, error))
    return FALSE;
  self->hi = self->lo;
  return TRUE;
}

/* ---- Groups ---- */

static gboolean
is_overridden (const KmlEntry *entry)
{
  const KmlAssignment *last;

  if (entry->assignments->len == 0)
    return FALSE;
  last = g_ptr_array_index (entry->assignments, entry->assignments->len - 1);
  return last->value_place.line == 0;
}

/* The text that runs have for @value. Where the file itself decides, a value that no run has is a slip. */
static char *
find_alternative (KmlScenario *self, const KmlEntry *entry, const KmlParam *param,
                  const char *value, KmlPlace place)
{
  const guint n = entry->alternatives != NULL ? entry->alternatives->len : 0;

  for (guint i = 0; i < n; i++) {
    const KmlAlternative *alternative = &g_array_index (entry->alternatives, KmlAlternative, i);

    if (kml_value_texts_equal (param, alternative->text, value))
      return g_strdup (alternative->text);
  }
  if (n == 0 && param->value != NULL && kml_value_texts_equal (param, param->value, value))
    return g_strdup (param->value);
  if (!is_overridden (entry)) {
    g_autofree char *quoted = kml_quote (value, -1);

    kml_scenario_problem (self, place, "when: no run has %s = %s", entry->key, quoted);
  }
  return g_strdup (value);
}

/* "group.key = value", @column bytes into the line's value: adds what runs have that fulfil it. */
static void
read_condition (KmlScenario *self, const KmlKeyFileEntry *line, const char *text, gsize column,
                GArray *when)
{
  const KmlPlace place = { self->file, line->line, line->value_column + (guint)column };
  const char *equals = strchr (text, '=');
  g_autofree char *key = NULL;
  g_autofree char *value = NULL;
  g_autoptr (GError) error = NULL;
  KmlEntry *entry;
  const KmlParam *param;
  KmlSetting setting;

  if (equals == NULL) {
    kml_scenario_problem (
        self, place,
        "when: expected group.key = value, such as objects.bins = pow2, or several "
        "joined by “and”");
    return;
  }
  key = g_strstrip (g_strndup (text, (gsize)(equals - text)));
  value = g_strstrip (g_strdup (equals + 1));
  entry = kml_scenario_refer (self, key, place);
  param = entry != NULL ? kml_entry_check_key (self, entry, place) : NULL;
  if (param == NULL)
    return;
  if (!kml_param_parse (param, value, NULL, &error)) {
    kml_scenario_problem (self, place, "when: %s: %s", entry->key, error->message);
    return;
  }
  setting = (KmlSetting){ g_strdup (entry->key),
                          find_alternative (self, entry, param, value, place) };
  g_array_append_val (when, setting);
}

#define AND " and "

/* (element-type KmlSetting) */
static void
read_when (KmlScenario *self, const KmlKeyFileEntry *line, GArray *when)
{
  const char *text = line->value;

  for (;;) {
    const char *end = strstr (text, AND);
    g_autofree char *condition = end != NULL ? g_strndup (text, (gsize)(end - text))
                                             : g_strdup (text);
    const gsize blanks = strspn (condition, " \t");

    read_condition (self, line, condition + blanks, (gsize)(text - line->value) + blanks, when);
    if (end == NULL)
      return;
    text = end + strlen (AND);
  }
}

static KmlSetting *
copy_settings (const GArray *settings)
{
  KmlSetting *copy = g_new (KmlSetting, settings->len);

  for (guint i = 0; i < settings->len; i++) {
    const KmlSetting *setting = &g_array_index (settings, KmlSetting, i);

    copy[i] = (KmlSetting){ g_strdup (setting->key), g_strdup (setting->value) };
  }
  return copy;
}

static void
read_expectation (KmlScenario *self, const KmlKeyFileEntry *line, const GArray *when)
{
  g_autofree char *problem = kml_describe_unknown_metric (line->key);
  KmlExpectation *expectation;
  g_autoptr (GError) error = NULL;

  if (problem != NULL)
    kml_scenario_problem (self, (KmlPlace){ self->file, line->line, line->column }, "%s", problem);
  expectation = g_new0 (KmlExpectation, 1);
  expectation->metric = g_strdup (line->key);
  expectation->text = g_strdup (line->value);
  expectation->line = line->line;
  expectation->when = copy_settings (when);
  expectation->n_when = when->len;
  if (!kml_expectation_parse (expectation, line->key, line->value, &error))
    kml_scenario_problem (self, (KmlPlace){ self->file, line->line, line->value_column },
                          "%s: %s (an expectation is >= 1, < 3, 0.18 +- 0.01, 0.18 +- 5%%, 3..4, "
                          "42 or another metric)",
                          line->key, error->message);
  g_ptr_array_add (self->expectations, expectation);
}

static void
read_group (KmlScenario *self, const KmlKeyFileGroup *group)
{
  GArray *when = g_array_new (FALSE, FALSE, sizeof (KmlSetting));
  guint n_when;

  for (guint i = 0; i < group->entries->len; i++) {
    const KmlKeyFileEntry *line = g_ptr_array_index (group->entries, i);

    if (g_str_equal (line->key, "when"))
      read_when (self, line, when);
  }
  for (guint i = 0; i < group->entries->len && !kml_scenario_is_hopeless (self); i++) {
    const KmlKeyFileEntry *line = g_ptr_array_index (group->entries, i);

    if (!g_str_equal (line->key, "when"))
      read_expectation (self, line, when);
  }
  n_when = when->len;
  settings_free ((KmlSetting *)g_array_free (when, FALSE), n_when);
}

void
kml_scenario_expect (KmlScenario *self, const KmlCollected *collected)
{
  for (guint i = 0; i < collected->expects->len; i++)
    read_group (self, g_ptr_array_index (collected->expects, i));
}

/* ---- Asking ---- */

gboolean
kml_expectation_applies (const KmlExpectation *self, const KmlRunSpec *spec)
{
  for (guint i = 0; i < self->n_when; i++)
    if (g_strcmp0 (kml_run_spec_get (spec, self->when[i].key), self->when[i].value) != 0)
      return FALSE;
  return TRUE;
}

gboolean
kml_expectation_holds (const KmlExpectation *self, double measured)
{
  if (isnan (measured))
    return FALSE;
  return (self->lo_open ? measured > self->lo : measured >= self->lo) &&
         (self->hi_open ? measured < self->hi : measured <= self->hi);
}
