/* bins-report.c: the study as tables and as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "cli/bins.h"

#include "cli/json.h"
#include "cli/output.h"
#include "cli/table.h"
#include "simcore/objects/bin-set.h"
#include "simcore/base/units.h"

#include <math.h>
#include <string.h>

/* ---- Cells ---- */

static char *
format_share (double share)
{
  return isnan (share) ? g_strdup ("-") : g_strdup_printf ("%.2f %%", 100 * share);
}

static char *
format_bytes (double bytes)
{
  return isnan (bytes) ? g_strdup ("-") : kml_format_size ((guint64)bytes);
}

static void
add_columns (KmlTable *table, const char *const *names)
{
  for (guint i = 0; names[i] != NULL; i++)
    kml_table_add_column (table, names[i], i == 0 ? KML_ALIGN_LEFT : KML_ALIGN_RIGHT);
}

/* ---- What was asked for ---- */

static void
print_head (const KmlBinStudy *study)
{
  const KmlBinUsage *usage = &kml_bin_study_chosen (study)->usage;
  g_autofree char *title = kml_printable (study->title[0] != '\0' ? study->title : study->subject);
  g_autofree char *subject = kml_printable (study->subject);

  kml_out ("%s%s%s\n%s: %" G_GUINT64_FORMAT
           " request%s for objects of %u size%s; weighed by %s; bins are "
           "multiples of %" G_GUINT64_FORMAT "; the ends of slabs %s\n",
           kml_style_begin (stdout, KML_STYLE_HEADER), title,
           kml_style_end (stdout, KML_STYLE_HEADER), subject, study->n_requests,
           study->n_requests == 1 ? "" : "s", study->counts->len,
           study->counts->len == 1 ? "" : "s", study->weight, study->rules.quantum,
           study->rules.with_tails ? "count" : "do not count");
  if (study->n_of_caches > 0)
    kml_out ("%" G_GUINT64_FORMAT
             " of them were asked of kmem_caches, which have objects of their own "
             "size and need no bins: -s workload.requests=kmalloc leaves them out\n",
             study->n_of_caches);
  if (study->prefix[0] != '\0')
    kml_out ("given: %s\n", study->prefix);
  if (usage->page_level > 0)
    kml_out ("%.3g %% are for more than the largest bin, and go to the page level\n",
             100 * usage->page_level / usage->weight);
  kml_out ("\n");
}

/* ---- The curve ---- */

/* Few enough to read: all small numbers, then ever fewer, and those that matter. */
static gboolean
is_shown (const KmlBinStudy *study, guint bins)
{
  guint step = 1;

  while (step * 8 < bins)
    step *= 2;
  return bins % step == 0 || bins == study->min_bins ||
         bins == study->min_bins + study->curve->len - 1 || bins == study->knee ||
         bins == kml_bin_study_chosen (study)->bins.n;
}

static void
print_curve (const KmlBinStudy *study)
{
  static const char *const columns[] = { "bins", "waste", "one bin more saves", "", NULL };
  const guint chosen = kml_bin_study_chosen (study)->bins.n;
  g_autoptr (KmlTable) table = kml_table_new ();

  kml_out ("The best sets, by their number of bins:\n");
  add_columns (table, columns);
  for (guint i = 0; i < study->curve->len; i++) {
    const guint bins = study->min_bins + i;
    const double waste = g_array_index (study->curve, double, i);
    const gboolean is_knee = bins == study->knee;

    if (!is_shown (study, bins))
      continue;
    kml_table_add_cell (table, g_strdup_printf ("%u", bins));
    kml_table_add_cell (table, format_share (waste));
    kml_table_add_cell (table,
                        i + 1 < study->curve->len
                            ? format_share (waste - g_array_index (study->curve, double, i + 1))
                            : g_strdup (""));
    kml_table_add_styled_cell (table,
                               g_strdup_printf ("%s%s%s", is_knee ? "knee" : "",
                                                is_knee && bins == chosen ? ", " : "",
                                                bins == chosen ? "chosen" : ""),
                               KML_STYLE_GOOD);
  }
  kml_table_print (table);
}

/* ---- The sets ---- */

static void
add_simulation (KmlTable *table, const KmlBinSimulation *simulation)
{
  kml_table_add_cell (table, format_share (simulation->requests));
  kml_table_add_cell (table, format_share (simulation->mean));
  kml_table_add_cell (table, format_bytes (simulation->slabs_peak));
  kml_table_add_cell (table, format_share (simulation->slabs_tails / simulation->slabs_peak));
  kml_table_add_cell (table, format_share (simulation->slabs_free / simulation->slabs_peak));
  kml_table_add_cell (table, format_bytes (simulation->reserved_peak));
}

/* The least of the expected wastes. */
static double
least_waste (const KmlBinStudy *study)
{
  double least = NAN;

  for (guint i = 0; i < study->sets->len; i++) {
    const KmlBinStudySet *set = g_ptr_array_index (study->sets, i);

    least = fmin (least, kml_bin_usage_internal (&set->usage));
  }
  return least;
}

/* A design by requests may do badly for those that live long. */
static void
hint_at_time (const KmlBinStudy *study)
{
  const KmlBinStudySet *chosen = kml_bin_study_chosen (study);
  const double over_time = chosen->simulation.mean;

  if (g_str_equal (study->weight, "requests") &&
      over_time > 2 * kml_bin_usage_internal (&chosen->usage))
    kml_out (
        "Over time %s wastes %.2f %%, as some sizes live longer than others: --weigh time designs "
        "for that.\n",
        chosen->name, 100 * over_time);
}

static void
print_sets (const KmlBinStudy *study, const KmlBinReport *report)
{
  static const char *const columns[] = { "set",
                                         "bins",
                                         "expected.inside.blocks",
                                         "expected.with ends.of slabs",
                                         "the best.of as.many",
                                         "simulated.by.requests",
                                         "simulated.over.time",
                                         "slabs.at their.peak",
                                         "of that.ends",
                                         "of that.free.objects",
                                         "reserved.at its.peak",
                                         NULL };
  g_autoptr (KmlTable) table = kml_table_new ();
  const double least = least_waste (study);

  kml_out ("\nThe sets:\n");
  add_columns (table, columns);
  for (guint i = 0; i < study->sets->len; i++) {
    const KmlBinStudySet *set = g_ptr_array_index (study->sets, i);
    const double internal = kml_bin_usage_internal (&set->usage);

    kml_table_add_styled_cell (table, g_strdup (set->name),
                               i == study->chosen ? KML_STYLE_HEADER : KML_STYLE_PLAIN);
    kml_table_add_cell (table, g_strdup_printf ("%u", set->bins.n));
    kml_table_add_styled_cell (table, format_share (internal),
                               internal == least ? KML_STYLE_GOOD : KML_STYLE_PLAIN);
    kml_table_add_cell (table, format_share (kml_bin_usage_with_tails (&set->usage)));
    kml_table_add_cell (table, format_share (set->optimum));
    add_simulation (table, &set->simulation);
  }
  kml_table_print (table);
  hint_at_time (study);
  if (report->share > 0 && report->share < 1)
    kml_out ("simulated: the first %.4g %% of the time\n", 100 * report->share);
  for (guint i = 0; i < study->sets->len; i++) {
    const KmlBinStudySet *set = g_ptr_array_index (study->sets, i);

    if (set->simulation.failed > 0)
      kml_out ("%s: %.0f requests failed for want of memory: -s machine.ram=SIZE\n", set->name,
               set->simulation.failed);
  }
}

/* ---- The bins of one set ---- */

/* The span of a bin and the metadata beside it: the set's own where it says them, else the slab's. */
static guint64
span_of (const KmlBinSet *named, const KmlBinUse *use, guint64 *ret_metadata)
{
  *ret_metadata = named != NULL ? named->metadata : KML_SPAN_METADATA;
  for (guint i = 0; named != NULL && i < named->bins.n; i++)
    if (named->bins.sizes[i] == use->size && named->spans[i] > 0)
      return named->spans[i];
  return use->slab;
}

static void
print_classes (const KmlBinStudy *study, const KmlBinStudySet *set)
{
  static const char *const columns[] = { "size",        "span",   "objects",
                                         "fixed waste", "inc",    "share of requests",
                                         "asked for",   "wasted", NULL };
  const KmlBinSet *named = kml_bin_set_find (set->name);
  g_autoptr (KmlTable) table = kml_table_new ();
  guint64 previous = 0;

  kml_out ("\nThe bins of %s:\n", set->name);
  add_columns (table, columns);
  for (guint i = 0; i < set->usage.uses->len; i++) {
    const KmlBinUse *use = &g_array_index (set->usage.uses, KmlBinUse, i);
    guint64 metadata;
    const guint64 span = span_of (named, use, &metadata);

    if (use->size == 0 && use->weight == 0)
      continue;
    if (use->size > 0) {
      kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, use->size));
      kml_table_add_cell (table, kml_format_size (span));
      kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, span / use->size));
      kml_table_add_cell (table, format_share (kml_bin_fixed_waste (span, use->size, metadata)));
      kml_table_add_cell (table, format_share (kml_bin_increment (use->size, previous)));
    } else {
      kml_table_add_cell (table, g_strdup ("pages"));
      for (guint column = 0; column < 4; column++)
        kml_table_add_cell (table, g_strdup (""));
    }
    kml_table_add_cell (table,
                        format_share (set->usage.weight > 0 ? use->weight / set->usage.weight : 0));
    kml_table_add_cell (table,
                        format_share (set->usage.asked > 0 ? use->asked / set->usage.asked : 0));
    kml_table_add_cell (
        table, format_share (use->given > 0 ? (use->given - use->asked) / use->given : NAN));
    previous = use->size;
  }
  kml_table_print (table);
  kml_out (
      "fixed waste: (span - objects size + metadata) / (span + metadata); inc: size / previous "
      "size - 1\n");
}

/* ---- Cross-validation ---- */

static void
print_validations (const KmlBinStudy *study)
{
  static const char *const columns[] = { "measured on",
                                         "design wastes there",
                                         "where it was made",
                                         "the best there",
                                         "gap",
                                         "linux there",
                                         NULL };
  g_autoptr (KmlTable) table = kml_table_new ();

  if (study->validations->len == 0)
    return;
  kml_out ("\nDesigns of as many bins, made for one part of the time and measured on another:\n");
  add_columns (table, columns);
  for (guint i = 0; i < study->validations->len; i++) {
    const KmlBinValidation *v = &g_array_index (study->validations, KmlBinValidation, i);

    kml_table_add_cell (
        table,
        g_strdup_printf ("%s %u", g_str_equal (v->split, "halves") ? "half" : "fold", v->part));
    kml_table_add_cell (table, format_share (v->measured));
    kml_table_add_cell (table, format_share (v->trained));
    kml_table_add_cell (table, format_share (v->best));
    kml_table_add_cell (table, format_share (kml_bin_validation_gap (v)));
    kml_table_add_cell (table, format_share (v->linux_waste));
  }
  kml_table_print (table);
}

void
kml_bin_report_print (const KmlBinStudy *study, const KmlBinReport *report)
{
  print_head (study);
  print_curve (study);
  print_sets (study, report);
  print_classes (study, report->classes);
  print_validations (study);
}

/* ---- JSON ---- */

static void
add_bins (JsonBuilder *builder, const char *name, const KmlBins *bins)
{
  kml_json_begin_array (builder, name);
  for (guint i = 0; i < bins->n; i++)
    json_builder_add_int_value (builder, (gint64)bins->sizes[i]);
  json_builder_end_array (builder);
}

static void
add_rules_json (JsonBuilder *builder, const KmlBinStudy *study)
{
  kml_json_text (builder, "subject", study->subject);
  kml_json_text (builder, "title", study->title);
  kml_json_text (builder, "weight", study->weight);
  kml_json_count (builder, "requests", study->n_requests);
  kml_json_count (builder, "requests_of_caches", study->n_of_caches);
  kml_json_count (builder, "sizes", study->counts->len);
  kml_json_count (builder, "quantum", study->rules.quantum);
  kml_json_boolean (builder, "tails", study->rules.with_tails);
  kml_json_count (builder, "hold", study->rules.hold);
  kml_json_count (builder, "max_size", study->rules.max_size);
  add_bins (builder, "prefix", &study->rules.prefix);
}

static void
add_curve_json (JsonBuilder *builder, const KmlBinStudy *study)
{
  kml_json_count (builder, "knee", study->knee);
  kml_json_begin_array (builder, "curve");
  for (guint i = 0; i < study->curve->len; i++) {
    kml_json_begin_object (builder, NULL);
    kml_json_count (builder, "bins", study->min_bins + i);
    kml_json_number (builder, "waste", g_array_index (study->curve, double, i));
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_simulation_json (JsonBuilder *builder, const KmlBinStudySet *set)
{
  const KmlBinSimulation *simulation = &set->simulation;

  if (set->run_id == 0)
    return;
  kml_json_begin_object (builder, "simulated");
  kml_json_count (builder, "run_id", set->run_id);
  kml_json_number (builder, "frag.internal.objects.requests", simulation->requests);
  kml_json_number (builder, "frag.internal.objects.mean", simulation->mean);
  kml_json_number (builder, "memory.reserved.peak_bytes", simulation->reserved_peak);
  kml_json_number (builder, "alloc.failed", simulation->failed);
  kml_json_number (builder, "slabs_peak_bytes", simulation->slabs_peak);
  kml_json_number (builder, "slabs_tail_bytes", simulation->slabs_tails);
  kml_json_number (builder, "slabs_free_bytes", simulation->slabs_free);
  json_builder_end_object (builder);
}

static void
add_sets_json (JsonBuilder *builder, const KmlBinStudy *study)
{
  kml_json_begin_array (builder, "sets");
  for (guint i = 0; i < study->sets->len; i++) {
    const KmlBinStudySet *set = g_ptr_array_index (study->sets, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "name", set->name);
    kml_json_text (builder, "source", set->source);
    kml_json_boolean (builder, "chosen", i == study->chosen);
    add_bins (builder, "bins", &set->bins);
    kml_json_number (builder, "internal", kml_bin_usage_internal (&set->usage));
    kml_json_number (builder, "with_tails", kml_bin_usage_with_tails (&set->usage));
    kml_json_number (builder, "optimum", set->optimum);
    kml_json_number (builder, "page_level",
                     set->usage.weight > 0 ? set->usage.page_level / set->usage.weight : 0);
    add_simulation_json (builder, set);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

static void
add_classes_json (JsonBuilder *builder, const KmlBinStudySet *set)
{
  const KmlBinSet *named = kml_bin_set_find (set->name);
  guint64 previous = 0;

  kml_json_begin_object (builder, "classes");
  kml_json_text (builder, "set", set->name);
  kml_json_begin_array (builder, "bins");
  for (guint i = 0; i + 1 < set->usage.uses->len; i++) {
    const KmlBinUse *use = &g_array_index (set->usage.uses, KmlBinUse, i);
    guint64 metadata;
    const guint64 span = span_of (named, use, &metadata);

    kml_json_begin_object (builder, NULL);
    kml_json_count (builder, "size", use->size);
    kml_json_count (builder, "span", span);
    kml_json_count (builder, "objects", span / use->size);
    kml_json_number (builder, "fixed_waste", kml_bin_fixed_waste (span, use->size, metadata));
    kml_json_number (builder, "increment", kml_bin_increment (use->size, previous));
    kml_json_number (builder, "weight", use->weight);
    kml_json_number (builder, "asked_bytes", use->asked);
    kml_json_number (builder, "given_bytes", use->given);
    json_builder_end_object (builder);
    previous = use->size;
  }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
add_validations_json (JsonBuilder *builder, const KmlBinStudy *study)
{
  kml_json_begin_array (builder, "validations");
  for (guint i = 0; i < study->validations->len; i++) {
    const KmlBinValidation *v = &g_array_index (study->validations, KmlBinValidation, i);

    kml_json_begin_object (builder, NULL);
    kml_json_text (builder, "split", v->split);
    kml_json_count (builder, "part", v->part);
    kml_json_number (builder, "weight", v->weight);
    kml_json_number (builder, "trained", v->trained);
    kml_json_number (builder, "measured", v->measured);
    kml_json_number (builder, "best", v->best);
    kml_json_number (builder, "linux", v->linux_waste);
    kml_json_number (builder, "page_level", v->page_level);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
}

void
kml_bin_report_json (const KmlBinStudy *study, const KmlBinReport *report)
{
  JsonBuilder *builder = kml_json_new ("bins/1");

  kml_json_text (builder, "database", report->database);
  if (report->database != NULL)
    kml_json_count (builder, "study_id", report->study_id);
  kml_json_text (builder, "scenario", report->scenario);
  kml_json_number (builder, "simulated_share", report->share);
  add_rules_json (builder, study);
  add_curve_json (builder, study);
  add_sets_json (builder, study);
  add_classes_json (builder, report->classes);
  add_validations_json (builder, study);
  kml_json_print (builder);
}
