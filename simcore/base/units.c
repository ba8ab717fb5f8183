/* units.c: sizes, times and counts as people write them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A quantity is a decimal, a scale and a unit. All three are integers here:
 *
 *   1.5ms  =  15 * 10^-1 * 10^9 ps  =  1 500 000 000 ps
 *
 * so a fraction is exact or it is an error, and no value depends on the locale
 * or on how a C library rounds. A decimal has at most MAX_DIGITS significant
 * digits, which leaves room for the largest unit in 128 bits: 10^25 * 2^40 < 2^124.
 *
 * Decisions. The prefixes of a size are powers of 1024 in both cases of the
 * letter, as in the kernel's own mem=512m; those of a count are powers of 1000,
 * where a small m would be read as milli and is refused. “KB” means two things
 * to two people and is refused. Spaces may stand between number and unit, so
 * that what is printed ("64 KiB") can be typed back.
 */

#include "simcore/base/units.h"

#include <math.h>
#include <string.h>

#define MAX_DIGITS 25

/* Longer names than any of ours: the distance to them need not be computed. */
#define MAX_NAME_LENGTH 64

/* What of an offending text a message shows, in characters. */
#define MAX_QUOTED 60

typedef unsigned __int128 Wide;

/* mantissa * 10^-n_decimals */
typedef struct {
  Wide mantissa;
  guint n_decimals;
} Decimal;

typedef struct {
  const char *name;
  guint64 factor;
} Unit;

static const Unit size_units[] = {
  { "", 1 },
  { "B", 1 },
  { "k", G_GUINT64_CONSTANT (1) << 10 },
  { "K", G_GUINT64_CONSTANT (1) << 10 },
  { "KiB", G_GUINT64_CONSTANT (1) << 10 },
  { "m", G_GUINT64_CONSTANT (1) << 20 },
  { "M", G_GUINT64_CONSTANT (1) << 20 },
  { "MiB", G_GUINT64_CONSTANT (1) << 20 },
  { "g", G_GUINT64_CONSTANT (1) << 30 },
  { "G", G_GUINT64_CONSTANT (1) << 30 },
  { "GiB", G_GUINT64_CONSTANT (1) << 30 },
  { "t", G_GUINT64_CONSTANT (1) << 40 },
  { "T", G_GUINT64_CONSTANT (1) << 40 },
  { "TiB", G_GUINT64_CONSTANT (1) << 40 },
  { NULL, 0 },
};

static const Unit time_units[] = {
  { "ps", 1 }, { "ns", KML_NS }, { "us", KML_US }, { "ms", KML_MS }, { "s", KML_S }, { NULL, 0 },
};

static const Unit count_units[] = {
  { "", 1 }, { "k", 1000 }, { "K", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { NULL, 0 },
};

/* What messages say of a kind of quantity. */
typedef struct {
  const char *expected;
  const char *whole; /* it was a fraction */
  const char *limit; /* it was too large */
} Kind;

static const Kind size_kind = { "a size such as 64KiB", "a whole number of bytes",
                                "fewer than 2^64 bytes" };
static const Kind time_kind = { "a time such as 2ms (ps, ns, us, ms or s)",
                                "a whole number of picoseconds", "less than 213 days" };
static const Kind count_kind = { "a count such as 1000, 10k or 1e6", "a whole number",
                                 "a number below 2^64" };
static const Kind rate_kind = { "a rate such as 100000/s or 5/ms", "a whole number per second",
                                "fewer than 2^64 per second" };

gsize
kml_byte_order_mark (const char *text, gsize length)
{
  return length >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* ---- Quoting ---- */

char *
kml_quote (const char *text, gssize length)
{
  const gsize n_bytes = length < 0 ? strlen (text) : (gsize)length;
  GString *quoted = g_string_new ("“");
  const char *at = text;
  const char *end = text + n_bytes;

  for (guint n = 0; at < end && n < MAX_QUOTED; n++) {
    const gunichar c = g_utf8_get_char_validated (at, end - at);

    if (c >= (gunichar)-2) {
      g_string_append_printf (quoted, "\\x%02x", (guint)(guint8)*at);
      at++;
    } else {
      if (g_unichar_isprint (c))
        g_string_append_unichar (quoted, c);
      else
        g_string_append_printf (quoted, "\\u%04x", c);
      at = g_utf8_next_char (at);
    }
  }
  g_string_append (quoted, at < end ? "…”" : "”");
  return g_string_free (quoted, FALSE);
}

/* ---- Refusing ---- */

gboolean
kml_refuse_text (const char *expected, const char *text, GError **error)
{
  g_autofree char *quoted = kml_quote (text, -1);

  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected %s, not %s", expected, quoted);
  return FALSE;
}

gboolean
kml_refuse_at (const KmlFileLine *place, GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  if (place->line > 0)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s:%u: %s", place->file, place->line, message);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: %s", place->file, message);
  return FALSE;
}

/* The number is one, and @unit behind it, the end of @text, is none of @units. Units of one letter are as near to any other
 * letter, so only the longer ones are proposed. */
static gboolean
refuse_unit (const char *expected, const char *text, const char *unit, const Unit *units,
             GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *nearest;
  g_autofree char *number = g_strndup (text, (gsize)(unit - text));
  g_autofree char *quoted = kml_quote (text, -1);

  for (guint i = 0; units[i].name != NULL; i++)
    if (strlen (units[i].name) > 1)
      g_ptr_array_add (names, (gpointer)units[i].name);
  g_ptr_array_add (names, NULL);
  nearest = kml_nearest_name (unit, (const char *const *)names->pdata);
  if (unit[0] == ',' && g_ascii_isdigit (unit[1]))
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "expected %s, not %s: a fraction is written with a point, as in %s.%s", expected,
                 quoted, number, unit + 1);
  else if (nearest != NULL)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected %s, not %s; did you mean “%s%s”?",
                 expected, quoted, g_strchomp (number), nearest);
  else
    return kml_refuse_text (expected, text, error);
  return FALSE;
}

/* ---- Reading ---- */

static gboolean
push_digit (Decimal *decimal, char digit, guint *n_significant)
{
  if (*n_significant == 0 && digit == '0')
    return TRUE;
  decimal->mantissa = decimal->mantissa * 10 + (guint)(digit - '0');
  return ++*n_significant <= MAX_DIGITS;
}

/* Moves *@cursor behind digits [ "." digits ]. Zeros that end a fraction say nothing and are
 * not counted. */
static gboolean
scan_decimal (const char **cursor, Decimal *ret_decimal)
{
  const char *at = *cursor;
  Decimal decimal = { 0, 0 };
  guint n_significant = 0;

  if (!g_ascii_isdigit (*at))
    return FALSE;
  for (; g_ascii_isdigit (*at); at++)
    if (!push_digit (&decimal, *at, &n_significant))
      return FALSE;
  if (*at == '.') {
    const char *last = ++at;

    if (!g_ascii_isdigit (*at))
      return FALSE;
    for (const char *c = at; g_ascii_isdigit (*c); c++)
      if (*c != '0')
        last = c + 1;
    for (; at < last; at++, decimal.n_decimals++)
      if (decimal.n_decimals == MAX_DIGITS || !push_digit (&decimal, *at, &n_significant))
        return FALSE;
    while (g_ascii_isdigit (*at))
      at++;
  }
  *cursor = at;
  *ret_decimal = decimal;
  return TRUE;
}

/* Moves *@cursor behind an optional exponent: "e6". */
static gboolean
scan_exponent (const char **cursor, guint *ret_exponent)
{
  const char *at = *cursor;
  guint exponent = 0;

  if (*at == 'e' || *at == 'E') {
    at++;
    if (!g_ascii_isdigit (*at))
      return FALSE;
    for (; g_ascii_isdigit (*at); at++)
      exponent = MIN (exponent * 10 + (guint)(*at - '0'), 1000);
  }
  *cursor = at;
  *ret_exponent = exponent;
  return TRUE;
}

static const Unit *
find_unit (const Unit *units, const char *name, gsize length)
{
  for (; units->name != NULL; units++)
    if (strlen (units->name) == length && strncmp (units->name, name, length) == 0)
      return units;
  return NULL;
}

static const char *
skip_spaces (const char *at)
{
  while (*at == ' ')
    at++;
  return at;
}

/* decimal * factor as an integer of 64 bits, or an error that says which of the two it is
 * not. */
static gboolean
scale (Decimal decimal, Wide factor, const Kind *kind, const char *text, guint64 *ret_value,
       GError **error)
{
  Wide product;

  while (decimal.n_decimals > 0 && factor % 10 == 0) {
    factor /= 10;
    decimal.n_decimals--;
  }
  if (decimal.mantissa != 0 && factor > ~(Wide)0 / decimal.mantissa)
    product = ~(Wide)0;
  else
    product = decimal.mantissa * factor;
  for (; decimal.n_decimals > 0; decimal.n_decimals--) {
    if (product % 10 != 0)
      return kml_refuse_text (kind->whole, text, error);
    product /= 10;
  }
  if (product > G_MAXUINT64)
    return kml_refuse_text (kind->limit, text, error);
  *ret_value = (guint64)product;
  return TRUE;
}

gboolean
kml_parse_size (const char *text, guint64 *ret_bytes, GError **error)
{
  const char *at = text;
  const char *name;
  const Unit *unit = NULL;
  Decimal decimal;

  if (!scan_decimal (&at, &decimal))
    return kml_refuse_text (size_kind.expected, text, error);
  name = skip_spaces (at);
  if (name == at || *name != '\0')
    unit = find_unit (size_units, name, strlen (name));
  if (unit == NULL)
    return refuse_unit (size_kind.expected, text, name, size_units, error);
  return scale (decimal, unit->factor, &size_kind, text, ret_bytes, error);
}

gboolean
kml_parse_time (const char *text, KmlTime *ret_time, GError **error)
{
  const char *at = text;
  const Unit *unit = NULL;
  Decimal decimal;

  if (!scan_decimal (&at, &decimal))
    return kml_refuse_text (time_kind.expected, text, error);
  if (*at == '\0' && decimal.mantissa == 0) {
    *ret_time = 0;
    return TRUE;
  }
  if (*at == '\0')
    return kml_refuse_text ("a time with its unit, such as 2ms", text, error);
  at = skip_spaces (at);
  unit = find_unit (time_units, at, strlen (at));
  if (unit == NULL)
    return refuse_unit (time_kind.expected, text, at, time_units, error);
  return scale (decimal, unit->factor, &time_kind, text, ret_time, error);
}

/* The number of a count or a rate: decimal, then an exponent or a prefix. Moves *@cursor
 * behind it. An exponent above 19 cannot be in range: 10^20 is enough for scale() to say so. */
static gboolean
scan_count (const char **cursor, char terminator, Decimal *ret_decimal, Wide *ret_factor)
{
  const char *at = *cursor;
  const char *end;
  const Unit *unit;
  guint exponent;

  if (!scan_decimal (&at, ret_decimal) || !scan_exponent (&at, &exponent))
    return FALSE;
  end = terminator == '\0' ? at + strlen (at) : strchr (at, terminator);
  if (end == NULL)
    return FALSE;
  unit = find_unit (count_units, at, (gsize)(end - at));
  if (unit == NULL || (exponent > 0 && end > at))
    return FALSE;

  *ret_factor = unit->factor;
  for (guint i = 0; i < MIN (exponent, 20 + ret_decimal->n_decimals); i++) {
    if (ret_decimal->n_decimals > 0)
      ret_decimal->n_decimals--;
    else if (*ret_factor < (Wide)1 << 67)
      *ret_factor *= 10;
  }
  *cursor = end;
  return TRUE;
}

gboolean
kml_parse_count (const char *text, guint64 *ret_count, GError **error)
{
  const char *at = text;
  Decimal decimal;
  Wide factor;

  if (!scan_count (&at, '\0', &decimal, &factor))
    return kml_refuse_text (count_kind.expected, text, error);
  return scale (decimal, factor, &count_kind, text, ret_count, error);
}

gboolean
kml_parse_rate (const char *text, guint64 *ret_per_second, GError **error)
{
  const char *at = text;
  const Unit *unit = NULL;
  Decimal decimal;
  Wide factor;

  if (scan_count (&at, '/', &decimal, &factor))
    unit = find_unit (time_units, at + 1, strlen (at + 1));
  if (unit == NULL)
    return kml_refuse_text (rate_kind.expected, text, error);
  return scale (decimal, factor * (KML_S / unit->factor), &rate_kind, text, ret_per_second, error);
}

gboolean
kml_parse_boolean (const char *text, gboolean *ret_value, GError **error)
{
  static const char *const names[] = { "no", "yes", "false", "true", "off", "on" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    if (strcmp (text, names[i]) == 0) {
      *ret_value = i % 2 == 1;
      return TRUE;
    }
  }
  return kml_refuse_text ("yes or no", text, error);
}

/* [-] digits [ "." digits ] [ e [+|-] digits ]: what g_ascii_strtod() takes beyond this (inf,
 * nan, hexadecimal, blanks) is not a number that a person means. */
static gboolean
is_real (const char *at)
{
  if (*at == '-')
    at++;
  if (!g_ascii_isdigit (*at))
    return FALSE;
  while (g_ascii_isdigit (*at))
    at++;
  if (*at == '.') {
    if (!g_ascii_isdigit (*++at))
      return FALSE;
    while (g_ascii_isdigit (*at))
      at++;
  }
  if (*at == 'e' || *at == 'E') {
    at++;
    if (*at == '-' || *at == '+')
      at++;
    if (!g_ascii_isdigit (*at))
      return FALSE;
    while (g_ascii_isdigit (*at))
      at++;
  }
  return *at == '\0';
}

gboolean
kml_parse_real (const char *text, double *ret_value, GError **error)
{
  double value;

  if (!is_real (text))
    return kml_refuse_text ("a number such as 0.25", text, error);
  value = g_ascii_strtod (text, NULL);
  if (!isfinite (value))
    return kml_refuse_text ("a number below 1e308", text, error);
  *ret_value = value;
  return TRUE;
}

/* ---- Writing ---- */

/* @value in the largest unit that it reaches; two decimals unless it is a whole number of the
 * unit. The units ascend. */
static char *
format_in (guint64 value, const Unit *units, guint n_units)
{
  guint i = 0;
  Wide hundredths;

  while (i + 1 < n_units && value >= units[i + 1].factor)
    i++;
  if (value % units[i].factor == 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " %s", value / units[i].factor, units[i].name);

  hundredths = ((Wide)value * 100 + units[i].factor / 2) / units[i].factor;
  if (i + 1 < n_units && hundredths * units[i].factor >= (Wide)units[i + 1].factor * 100) {
    /* 1023.999 KiB is not 1024.00 KiB but 1.00 MiB */
    i++;
    hundredths = 100;
  }
  return g_strdup_printf ("%" G_GUINT64_FORMAT ".%02u %s", (guint64)(hundredths / 100),
                          (guint)(hundredths % 100), units[i].name);
}

char *
kml_format_size (guint64 bytes)
{
  static const Unit units[] = {
    { "B", 1 },
    { "KiB", G_GUINT64_CONSTANT (1) << 10 },
    { "MiB", G_GUINT64_CONSTANT (1) << 20 },
    { "GiB", G_GUINT64_CONSTANT (1) << 30 },
    { "TiB", G_GUINT64_CONSTANT (1) << 40 },
  };

  return format_in (bytes, units, G_N_ELEMENTS (units));
}

char *
kml_format_time (KmlTime time)
{
  return time == 0 ? g_strdup ("0 s") : format_in (time, time_units, G_N_ELEMENTS (time_units) - 1);
}

/* ---- The name that was meant ---- */

/* Three quarters of the candidate, and at least three letters, begin the name: “powtwo” is “pow2”. */
static gboolean
begins_like (const char *name, gsize length, const char *candidate, gsize candidate_length)
{
  const gsize n = (candidate_length * 3 + 3) / 4;

  return n >= 3 && n <= length && g_ascii_strncasecmp (name, candidate, n) == 0;
}

/* Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours,
 * each counting one and no letter edited twice. Letters of either case are the same. Three
 * rows of the usual table. */
static guint
osa_distance (const char *a, gsize a_length, const char *b, gsize b_length)
{
  guint rows[3][MAX_NAME_LENGTH + 1];
  guint *before = rows[0], *above = rows[1], *row = rows[2];

  for (gsize j = 0; j <= b_length; j++)
    above[j] = (guint)j;
  for (gsize i = 1; i <= a_length; i++) {
    const char x = g_ascii_tolower (a[i - 1]);
    guint *oldest = before;

    row[0] = (guint)i;
    for (gsize j = 1; j <= b_length; j++) {
      const char y = g_ascii_tolower (b[j - 1]);

      row[j] = MIN (above[j], row[j - 1]) + 1;
      row[j] = MIN (row[j], above[j - 1] + (x != y));
      if (i > 1 && j > 1 && x == g_ascii_tolower (b[j - 2]) && y == g_ascii_tolower (a[i - 2]))
        row[j] = MIN (row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
    row = oldest;
  }
  return above[b_length];
}

const char *
kml_nearest_name (const char *name, const char *const *candidates)
{
  const gsize length = strlen (name);
  const char *nearest = NULL, *alike = NULL;
  guint least = G_MAXUINT;

  if (length > MAX_NAME_LENGTH)
    return NULL;
  for (; *candidates != NULL; candidates++) {
    const gsize candidate_length = strlen (*candidates);
    guint distance;

    if (candidate_length > MAX_NAME_LENGTH)
      continue;
    distance = osa_distance (name, length, *candidates, candidate_length);
    if (distance < least && distance < MAX (length, candidate_length) &&
        distance <= MAX (1, MAX (length, candidate_length) / 3)) {
      least = distance;
      nearest = *candidates;
    }
    if (alike == NULL && begins_like (name, length, *candidates, candidate_length))
      alike = *candidates;
  }
  return nearest != NULL ? nearest : alike;
}
