/* sweep.c: several values of a setting, and the runs they make.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. Alternatives
 *
 *   machine.cpus = 1 | 2 | 4..16 step 4         1 2 4 8 12 16
 *   machine.ram = 64MiB..1GiB step *2           64 128 256 512 1024 MiB
 *   objects.bins = pow2 | 8,24,40,64            "|" parts values; a comma is a part of one
 *   workload.flags = GFP_KERNEL|__GFP_ZERO | GFP_ATOMIC
 *
 * Values in whose own grammar a "|" joins words, as it does flags, are parted by
 * a "|" with a blank on both sides.
 *
 * Ranges are for integers (counts, sizes, times, rates): whether 0.1 steps of
 * 0.1 reach 1 depends on who adds. Two alternatives that mean the same would be
 * one run twice and are refused.
 *
 * 2. Combinations
 *
 * A combination is a number in mixed radix: axis i has as many digits as it has
 * alternatives, the first axis is the slowest, as loops nest. Those that the
 * constraint allows are kept as numbers, four bytes each. Repetitions are not in
 * the number: they are the innermost loop.
 *
 * An axis can be about a setting that some combinations do not have (bins, where
 * the allocator is swept too). It is not varied for those: of combinations that
 * differ in such digits alone the one with zeros is kept.
 */

#include "scenarios/loading/scenario-private.h"

#include <string.h>

#include "simcore/memory/ram.h"
#include "simcore/base/units.h"

/* ---- 1. Alternatives ---- */

static void
alternative_clear (KmlAlternative *self)
{
  g_free (self->text);
}

static void
take_alternative (KmlAssignment *assignment, char *text, KmlPlace place)
{
  const KmlAlternative alternative = { text, place };

  g_array_append_val (assignment->alternatives, alternative);
}

/* As one would write it, exactly: in the largest unit of which it is a whole number. */
static char *
format_value (const KmlParam *param, guint64 value)
{
  static const char *const sizes[] = { "B", "KiB", "MiB", "GiB", "TiB" };
  static const char *const times[] = { "ps", "ns", "us", "ms", "s" };
  const guint64 base = param->type == KML_PARAM_SIZE ? 1024 : 1000;
  guint unit = 0;

  if (param->type == KML_PARAM_COUNT || (param->type != KML_PARAM_RATE && value == 0))
    return g_strdup_printf ("%" G_GUINT64_FORMAT, value);
  if (param->type == KML_PARAM_RATE)
    return g_strdup_printf ("%" G_GUINT64_FORMAT "/s", value);
  for (; unit + 1 < G_N_ELEMENTS (sizes) && value % base == 0; unit++)
    value /= base;
  return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", value,
                          param->type == KML_PARAM_SIZE ? sizes[unit] : times[unit]);
}

/* LO..HI step STEP, LO..HI step *FACTOR. */
typedef struct {
  guint64 lo, hi, step;
  gboolean is_factor;
} Range;

/* One of the numbers of a range. */
static gboolean
read_number (const KmlParam *param, const char *text, guint64 *ret_value, GError **error)
{
  KmlValue value;

  if (!kml_value_parse (param, text, &value, error))
    return FALSE;
  *ret_value = value.integer;
  return TRUE;
}

static gboolean
read_step (const KmlParam *param, const char *text, Range *range, GError **error)
{
  range->is_factor = text[0] == '*';
  if (range->is_factor ? !kml_parse_count (text + 1, &range->step, error)
                       : !read_number (param, text, &range->step, error))
    return FALSE;
  if (range->step < (range->is_factor ? 2 : 1)) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT,
                         range->is_factor ? "a range is multiplied by 2 at least"
                                          : "a step is more than 0");
    return FALSE;
  }
  if (range->is_factor && range->lo == 0) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT,
                         "a range that begins with 0 cannot be multiplied");
    return FALSE;
  }
  return TRUE;
}

static gboolean
read_range (const KmlParam *param, const char *text, Range *ret_range, GError **error)
{
  const char *dots = strstr (text, "..");
  const char *word = strstr (dots, "step");
  const char *hi_end = word != NULL ? word : dots + strlen (dots);
  g_autofree char *lo = g_strstrip (g_strndup (text, (gsize)(dots - text)));
  g_autofree char *hi = g_strstrip (g_strndup (dots + 2, (gsize)(hi_end - dots - 2)));
  g_autofree char *step = word != NULL ? g_strstrip (g_strdup (word + strlen ("step"))) : NULL;
  Range range = { .step = 1 };

  if (!kml_value_is_ordered (param) || param->type == KML_PARAM_SHARE) {
    g_set_error_literal (
        error, KML_ERROR, KML_ERROR_INPUT,
        "a range is one of counts, sizes, times or rates; write the values out: a | b | c");
    return FALSE;
  }
  if (step == NULL && param->type != KML_PARAM_COUNT) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT,
                         "a range has a step: 64MiB..1GiB step *2, 1ms..5ms step 1ms");
    return FALSE;
  }
  if (!read_number (param, lo, &range.lo, error) || !read_number (param, hi, &range.hi, error) ||
      (step != NULL && !read_step (param, step, &range, error)))
    return FALSE;
  if (range.hi < range.lo) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "a range goes up; %s is below %s", hi, lo);
    return FALSE;
  }
  *ret_range = range;
  return TRUE;
}

static void
too_many_runs (KmlScenario *self, KmlPlace place)
{
  kml_scenario_problem (self, place, "more than %d runs, the most that is taken",
                        KML_SCENARIO_MAX_RUNS);
}

static void
expand_range (KmlScenario *self, KmlAssignment *assignment, const KmlParam *param, const char *text,
              KmlPlace place)
{
  g_autoptr (GError) error = NULL;
  Range range;
  guint64 value;

  if (!read_range (param, text, &range, &error)) {
    kml_scenario_problem (self, place, "%s: %s", param->name, error->message);
    return;
  }
  if (!range.is_factor && (range.hi - range.lo) / range.step >= KML_SCENARIO_MAX_RUNS) {
    too_many_runs (self, place);
    return;
  }
  for (value = range.lo;;) {
    take_alternative (assignment, format_value (param, value), place);
    if (range.is_factor ? value > range.hi / range.step : range.step > range.hi - value)
      return;
    value = range.is_factor ? value * range.step : value + range.step;
  }
}

static gboolean
is_blank (char c)
{
  return c == ' ' || c == '\t';
}

/* Whether a "|" can be a part of a value: "GFP_NAME|__GFP_NAME… | auto" is such a grammar. */
static gboolean
has_own_bars (const KmlParam *param)
{
  const char *bar = param->grammar != NULL ? strchr (param->grammar, '|') : NULL;

  for (; bar != NULL; bar = strchr (bar + 1, '|'))
    if (bar > param->grammar && !is_blank (bar[-1]))
      return TRUE;
  return param->type == KML_PARAM_FLAGS;
}

/* The "|" that ends the alternative at @at, or the end of the text. */
static const char *
find_separator (const KmlParam *param, const char *text, const char *at)
{
  const gboolean needs_blanks = has_own_bars (param);

  for (; *at != '\0'; at++)
    if (*at == '|' && (!needs_blanks || (at > text && is_blank (at[-1]) && is_blank (at[1]))))
      break;
  return at;
}

/* Sorts a copy of the values, so that a long list costs n log n. */
static int
compare_values (gconstpointer a, gconstpointer b)
{
  return kml_value_compare (a, b);
}

static void
refuse_equal (KmlScenario *self, const KmlAssignment *assignment, const KmlParam *param)
{
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (KmlValue));

  g_array_set_clear_func (values, (GDestroyNotify)kml_value_clear);
  for (guint i = 0; i < assignment->alternatives->len; i++) {
    const KmlAlternative *alternative = &g_array_index (assignment->alternatives, KmlAlternative,
                                                        i);
    KmlValue value;

    if (kml_value_parse (param, alternative->text, &value, NULL))
      g_array_append_val (values, value);
  }
  g_array_sort (values, compare_values);
  for (guint i = 1; i < values->len; i++) {
    if (kml_value_compare (&g_array_index (values, KmlValue, i - 1),
                           &g_array_index (values, KmlValue, i)) != 0)
      continue;
    kml_scenario_problem (self, assignment->value_place, "%s takes one of these values twice",
                          param->name);
    return;
  }
}

/* "COUNT | auto" is a grammar of text that may be a number. */
static gboolean
is_count_or_word (const KmlParam *param)
{
  return param->type == KML_PARAM_TEXT && param->grammar != NULL &&
         g_str_has_prefix (param->grammar, "COUNT |");
}

void
kml_scenario_expand (KmlScenario *self, KmlAssignment *assignment, const KmlParam *param)
{
  const KmlParam as_count = { .name = param->name, .type = KML_PARAM_COUNT };
  const KmlParam *const number = is_count_or_word (param) ? &as_count : param;
  const char *text = assignment->text;

  g_assert (assignment->alternatives == NULL);

  assignment->alternatives = g_array_new (FALSE, FALSE, sizeof (KmlAlternative));
  g_array_set_clear_func (assignment->alternatives, (GDestroyNotify)alternative_clear);
  if (!assignment->is_list) {
    take_alternative (assignment, g_strdup (text), assignment->value_place);
    return;
  }
  for (const char *at = text;; at++) {
    const char *end = find_separator (param, text, at);
    g_autofree char *piece = g_strndup (at, (gsize)(end - at));
    const gsize n_blanks = strspn (piece, " \t");
    const KmlPlace place = kml_assignment_place (assignment, (gsize)(at - text) + n_blanks);

    g_strstrip (piece);
    if (piece[0] == '\0' && (at != text || *end != '\0'))
      kml_scenario_problem (self, place, "a value is missing here: expected a | b | c");
    else if (kml_value_is_ordered (number) && strstr (piece, "..") != NULL)
      expand_range (self, assignment, number, piece, place);
    else
      take_alternative (assignment, g_steal_pointer (&piece), place);
    at = end;
    if (*at == '\0')
      break;
  }
  refuse_equal (self, assignment, param);
}

/* The values, with "|" between them, where all that @mark parts are values; NULL. */
static char *
part_by_bars (const char *text, const char *mark, KmlIsValue is_value, gconstpointer data)
{
  g_auto (GStrv) pieces = g_strsplit (text, mark, -1);
  const guint n = g_strv_length (pieces);

  for (guint i = 0; i < n; i++)
    if (!is_value (g_strstrip (pieces[i]), data))
      return NULL;
  return n > 1 ? g_strjoinv (" | ", pieces) : NULL;
}

char *
kml_sweep_suggest (const char *text, KmlIsValue is_value, gconstpointer data)
{
  g_autofree char *values = part_by_bars (text, ";", is_value, data);

  if (values == NULL)
    values = part_by_bars (text, ",", is_value, data);
  return values != NULL
             ? g_strdup_printf ("; several values are written with “|” in [sweep]: %s", values)
             : NULL;
}

/* ---- 2. Combinations ---- */

guint
kml_section_choice (const KmlSection *self, const guint *digits)
{
  return self->chooser != NULL && self->chooser->axis >= 0 ? digits[self->chooser->axis] : 0;
}

guint
kml_entry_alternative (const KmlEntry *self, const guint *digits)
{
  return self->axis >= 0 ? digits[self->axis] : 0;
}

static guint
n_alternatives (const KmlScenario *self, guint axis)
{
  return ((const KmlEntry *)g_ptr_array_index (self->axes, axis))->alternatives->len;
}

void
kml_scenario_decode (const KmlScenario *self, guint32 number, guint *digits)
{
  for (guint i = self->axes->len; i-- > 0;) {
    digits[i] = number % n_alternatives (self, i);
    number /= n_alternatives (self, i);
  }
}

/* The next number's digits: as an odometer. */
static void
count_up (const KmlScenario *self, guint *digits)
{
  for (guint i = self->axes->len; i-- > 0;) {
    if (++digits[i] < n_alternatives (self, i))
      return;
    digits[i] = 0;
  }
}

/* Keeps the axes that really have several values and numbers them. FALSE after a problem. */
static gboolean
keep_axes (KmlScenario *self, guint32 *ret_n)
{
  guint64 n = 1;
  KmlPlace place = { self->file, 0, 0 };

  for (guint i = 0; i < self->axes->len;) {
    KmlEntry *entry = g_ptr_array_index (self->axes, i);
    const KmlAssignment *last = g_ptr_array_index (entry->assignments, entry->assignments->len - 1);

    if (entry->alternatives->len < 2) {
      g_ptr_array_remove_index (self->axes, i);
      continue;
    }
    n *= entry->alternatives->len;
    place = last->key_place;
    if (n > KML_SCENARIO_MAX_RUNS) {
      too_many_runs (self, place);
      return FALSE;
    }
    entry->axis = (int)i++;
  }
  *ret_n = (guint32)n;
  return TRUE;
}

static void
name_axes (KmlScenario *self)
{
  self->axis_keys = g_new0 (char *, self->axes->len + 1);
  for (guint i = 0; i < self->axes->len; i++)
    self->axis_keys[i] = g_strdup (((const KmlEntry *)g_ptr_array_index (self->axes, i))->key);
}

static gboolean
is_redundant (const KmlScenario *self, const guint *digits)
{
  for (guint i = 0; i < self->axes->len; i++) {
    const KmlEntry *entry = g_ptr_array_index (self->axes, i);

    if (digits[i] > 0 && !entry->applies[kml_section_choice (entry->section, digits)])
      return TRUE;
  }
  return FALSE;
}

static void
combine (KmlScenario *self, guint32 n, const KmlConstraint *constraint)
{
  g_autofree guint *digits = g_new0 (guint, self->axes->len + 1);

  self->combinations = g_new (guint32, n);
  for (guint32 number = 0; number < n; number++, count_up (self, digits))
    if (!is_redundant (self, digits) &&
        (constraint == NULL || kml_constraint_allows (constraint, digits)))
      self->combinations[self->n_combinations++] = number;
}

static void
read_repeat (KmlScenario *self, KmlAssignment *assignment)
{
  const KmlParam *param = kml_param_find (kml_schema_find_group ("sweep")->params, "repeat");
  g_autoptr (GError) error = NULL;
  KmlValue value;

  self->repeat = 1;
  if (assignment == NULL)
    return;
  if (!kml_param_parse (param, assignment->text, NULL, &error) ||
      !kml_value_parse (param, assignment->text, &value, &error))
    kml_scenario_problem (self, assignment->value_place, "repeat: %s", error->message);
  else
    self->repeat = value.integer;
}

/* ---- What only a combination can tell ---- */

static gboolean
is_axis (const KmlScenario *self, const char *key)
{
  const KmlEntry *entry = g_hash_table_lookup (self->by_key, key);

  return entry != NULL && entry->axis >= 0;
}

static guint64
size_of (const KmlScenario *self, const char *key, const KmlParam *param, const guint *digits,
         KmlPlace *ret_place)
{
  const KmlEntry *entry = g_hash_table_lookup (self->by_key, key);
  const KmlAlternative *alternative;
  KmlValue value = { 0 };

  if (entry == NULL || entry->alternatives == NULL) {
    kml_value_parse (param, param->value, &value, NULL);
    return value.integer;
  }
  alternative = &g_array_index (entry->alternatives, KmlAlternative,
                                kml_entry_alternative (entry, digits));
  *ret_place = alternative->place;
  kml_value_parse (param, alternative->text, &value, NULL);
  return value.integer;
}

/* RAM is whole pages, and not too many: said once for the first combination that breaks it. */
static void
check_ram (KmlScenario *self)
{
  const KmlParam *ram_param = kml_param_find (kml_machine_params, "ram");
  const KmlParam *page_param = kml_param_find (kml_machine_params, "page-size");
  const gboolean varies = is_axis (self, "machine.ram") || is_axis (self, "machine.page-size");
  const guint n = varies ? self->n_combinations : 1;
  g_autofree guint *digits = g_new0 (guint, self->axes->len + 1);

  for (guint i = 0; i < n; i++) {
    KmlPlace place = { self->file, 0, 0 };
    guint64 page_size, ram;

    kml_scenario_decode (self, self->combinations[i], digits);
    page_size = size_of (self, "machine.page-size", page_param, digits, &place);
    ram = size_of (self, "machine.ram", ram_param, digits, &place);
    if (ram % page_size != 0 || ram / page_size < 4 || ram / page_size >= G_MAXUINT32) {
      g_autofree char *ram_text = kml_format_size (ram);
      g_autofree char *page_text = kml_format_size (page_size);

      kml_scenario_problem (
          self, place, "ram: expected whole pages of %s, at least 4 and fewer than 2^32, not %s",
          page_text, ram_text);
      return;
    }
  }
}

void
kml_scenario_combine (KmlScenario *self, const KmlCollected *collected)
{
  const KmlAssignment *assignment = collected->constraint;
  g_autoptr (KmlConstraint) constraint = NULL;
  guint32 n;

  read_repeat (self, collected->repeat);
  if (assignment != NULL && assignment->text[0] != '\0')
    constraint = kml_constraint_new (self, assignment);
  if (self->problems->len > 0 || !keep_axes (self, &n))
    return;
  name_axes (self);
  combine (self, n, constraint);
  if (self->n_combinations == 0)
    kml_scenario_problem (self, assignment->value_place, "the constraint leaves no run");
  else if (self->n_combinations * self->repeat > KML_SCENARIO_MAX_RUNS)
    too_many_runs (self, collected->repeat->key_place);
  else
    check_ram (self);
}
