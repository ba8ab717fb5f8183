/* claim-report.c: what came of claims, for people and for programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/claim-report.h"
#include "cli/output.h"
#include "cli/table.h"

#include <math.h>
#include <string.h>

#define MAX_VALUE  28 /* characters of a setting's value in the table: a list of bins can be long */
#define MAX_SOURCE 60 /* of a source: the scenario has all of it, and --format json */

/* Counts to the last digit, since they are claimed so; 10^15 is a double to the unit. */
static char *
format_value (double value)
{
  return g_strdup_printf (value == floor (value) && fabs (value) < 1e15 ? "%.0f" : "%.6g", value);
}

static char *
format_measured (const KmlClaimLine *line)
{
  g_autofree char *least = format_value (line->least);
  g_autofree char *most = format_value (line->most);

  if (isnan (line->least))
    return g_strdup ("nothing");
  return line->least == line->most ? g_steal_pointer (&least)
                                   : g_strdup_printf ("%s .. %s", least, most);
}

/* "0.25 +- 0.0005" is 0.25 and 0.0005, with ± as well; whatever has no tolerance is expected as a whole. */
static void
split_expected (const KmlExpectation *expectation, char **ret_expected, char **ret_tolerance)
{
  const char *plain = strstr (expectation->text, "+-");
  const char *sign = plain != NULL ? plain : strstr (expectation->text, "±"); /* two bytes, too */

  if (sign == NULL) {
    *ret_expected = g_strdup (expectation->text);
    *ret_tolerance = g_strdup ("");
    return;
  }
  *ret_expected = g_strchomp (g_strndup (expectation->text, (gsize)(sign - expectation->text)));
  *ret_tolerance = g_strchug (g_strdup (sign + 2));
}

/* Of more than @most characters the last ones are cut. (transfer full) */
static char *
shorten (const char *text, glong most)
{
  g_autofree char *begin = NULL;

  if (g_utf8_strlen (text, -1) <= most)
    return g_strdup (text);
  begin = g_utf8_substring (text, 0, most - 1);
  return g_strconcat (g_strchomp (begin), "…", NULL);
}

/* "frag.internal.mean (objects.bins = pow2)"; a value of more than @most characters is cut. */
static char *
describe_line (const KmlClaimLine *line, glong most)
{
  const KmlExpectation *expectation = line->expectation;
  GString *text = g_string_new (expectation->metric);

  for (guint i = 0; i < expectation->n_when; i++) {
    g_autofree char *value = shorten (expectation->when[i].value, most);

    g_string_append_printf (text, "%s%s = %s", i == 0 ? " (" : " and ", expectation->when[i].key,
                            value);
  }
  if (expectation->n_when > 0)
    g_string_append_c (text, ')');
  return g_string_free (text, FALSE);
}

/* "A04-linear-classes" */
static char *
claim_name (const KmlClaim *claim)
{
  char *name = g_path_get_basename (claim->path);

  if (g_str_has_suffix (name, ".ini"))
    name[strlen (name) - strlen (".ini")] = '\0';
  return name;
}

static void
add_text_row (KmlTable *table, const KmlClaim *claim, guint i)
{
  static const char *const words[] = { "pass", "FAIL", "stopped", "not run" };
  static const KmlStyle styles[] = { KML_STYLE_GOOD, KML_STYLE_BAD, KML_STYLE_PLAIN,
                                     KML_STYLE_BAD };
  const KmlClaimLine *line = &g_array_index (claim->lines, KmlClaimLine, i);
  const KmlJudgement judgement = kml_claim_judge_line (claim, line);
  char *expected, *tolerance;

  split_expected (line->expectation, &expected, &tolerance);
  kml_table_add_cell (table, i == 0 ? claim_name (claim) : g_strdup (""));
  kml_table_add_cell (
      table, shorten (i == 0 ? kml_scenario_source (claim->experiment->scenario) : "", MAX_SOURCE));
  kml_table_add_cell (table, describe_line (line, MAX_VALUE));
  kml_table_add_cell (table, expected);
  kml_table_add_cell (table, format_measured (line));
  kml_table_add_cell (table, tolerance);
  kml_table_add_styled_cell (
      table,
      judgement == KML_OPEN || judgement == KML_NOT_RUN ||
              (judgement == KML_HOLDS && line->n_runs == 1)
          ? g_strdup (words[judgement])
          : g_strdup_printf ("%s %u of %u", words[judgement], line->n_held, line->n_runs),
      styles[judgement]);
}

void
kml_claims_print_text (const GPtrArray *claims)
{
  static const char *const headers[] = { "claim",    "source",    "metric", "expected",
                                         "measured", "tolerance", "pass" };
  g_autoptr (KmlTable) table = kml_table_new ();

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    kml_table_add_column (table, headers[i], KML_ALIGN_LEFT);
  for (guint i = 0; i < claims->len; i++) {
    const KmlClaim *claim = g_ptr_array_index (claims, i);

    for (guint j = 0; j < claim->lines->len; j++)
      add_text_row (table, claim, j);
  }
  kml_table_print (table);
  kml_out ("\n");
}

/* null: nobody knows. */
static void
add_json_pass (JsonBuilder *builder, KmlJudgement judgement)
{
  if (judgement == KML_OPEN || judgement == KML_NOT_RUN)
    kml_json_text (builder, "pass", NULL);
  else
    kml_json_boolean (builder, "pass", judgement == KML_HOLDS);
}

static void
add_json_line (JsonBuilder *builder, const KmlClaim *claim, const KmlClaimLine *line)
{
  const KmlExpectation *expectation = line->expectation;
  g_autofree char *expected = NULL, *tolerance = NULL;

  split_expected (expectation, &expected, &tolerance);
  kml_json_begin_object (builder, NULL);
  kml_json_text (builder, "metric", expectation->metric);
  kml_json_begin_object (builder, "when");
  for (guint i = 0; i < expectation->n_when; i++)
    kml_json_text (builder, expectation->when[i].key, expectation->when[i].value);
  json_builder_end_object (builder);
  kml_json_text (builder, "expected", expected);
  kml_json_text (builder, "tolerance", tolerance);
  kml_json_number (builder, "least", line->least);
  kml_json_number (builder, "most", line->most);
  kml_json_count (builder, "runs", line->n_runs);
  kml_json_count (builder, "held", line->n_held);
  add_json_pass (builder, kml_claim_judge_line (claim, line));
  json_builder_end_object (builder);
}

void
kml_claims_print_json (const GPtrArray *claims)
{
  JsonBuilder *builder = kml_json_new ("check/2");

  kml_json_begin_array (builder, "claims");
  for (guint i = 0; i < claims->len; i++) {
    const KmlClaim *claim = g_ptr_array_index (claims, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "scenario", claim->path);
    if (claim->experiment != NULL) {
      kml_json_text (builder, "title", kml_scenario_title (claim->experiment->scenario));
      kml_json_text (builder, "source", kml_scenario_source (claim->experiment->scenario));
    }
    kml_json_count (builder, "status", (guint64)claim->status);
    add_json_pass (builder, kml_claim_judge (claim));
    kml_json_begin_array (builder, "expectations");
    for (guint j = 0; j < claim->lines->len; j++)
      add_json_line (builder, claim, &g_array_index (claim->lines, KmlClaimLine, j));
    json_builder_end_array (builder);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  kml_json_print (builder);
}

/* A description may not hold what KTAP gives a meaning. */
static char *
ktap_word (const char *text)
{
  char *word = kml_printable (text);

  return g_strdelimit (word, "#\n", ' ');
}

static void
print_ktap_claim (const KmlClaim *claim, guint number)
{
  static const char *const words[] = { "ok", "not ok", "ok", "not ok" };
  g_autofree char *path = ktap_word (claim->path);

  if (claim->lines->len > 0)
    kml_out ("    KTAP version 1\n    1..%u\n", claim->lines->len);
  for (guint i = 0; i < claim->lines->len; i++) {
    const KmlClaimLine *line = &g_array_index (claim->lines, KmlClaimLine, i);
    const KmlJudgement judgement = kml_claim_judge_line (claim, line);
    g_autofree char *described = describe_line (line, G_MAXINT);
    g_autofree char *what = ktap_word (described);
    g_autofree char *measured = format_measured (line);
    g_autofree char *where = line->expectation->line > 0
                                 ? g_strdup_printf ("%s:%u", path, line->expectation->line)
                                 : g_strdup (path);

    if (judgement == KML_FAILS)
      kml_out ("    # %s: expected %s, measured %s, held in %u of %u runs\n", where,
               line->expectation->text, measured, line->n_held, line->n_runs);
    if (judgement == KML_NOT_RUN)
      kml_out ("    # %s: expected %s, and no run came to its end\n", where,
               line->expectation->text);
    kml_out ("    %s %u %s%s\n", words[judgement], i + 1, what,
             judgement == KML_OPEN ? " # SKIP interrupted" : "");
  }
  kml_out ("%s %u %s\n", words[kml_claim_judge (claim)], number, path);
}

/* The plan is that of all claims; what an interrupt left of them comes last. */
void
kml_claims_print_ktap (const GPtrArray *claims)
{
  kml_out ("KTAP version 1\n1..%u\n", claims->len);
  for (guint i = 0; i < claims->len; i++) {
    const KmlClaim *claim = g_ptr_array_index (claims, i);

    if (kml_claim_judge (claim) == KML_OPEN) {
      kml_out ("Bail out! Interrupted: %u of %u claims not looked at to the end\n", claims->len - i,
               claims->len);
      return;
    }
    print_ktap_claim (claim, i + 1);
  }
}
