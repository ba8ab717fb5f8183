/* bins.c: a set of bin sizes.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reading a set has two parts: what kind of set a text means (read_recipe(),
 * which is all that checking needs), and making it (kml_bins_parse()). All the
 * ways end in kml_bins_from_sizes(), which rounds to the quantum, sorts, and makes equal
 * bins one, so that the invariant of KmlBins, ascending and distinct, is
 * established in one place. The optimal sets are designed in bins-optimal.c.
 *
 * With a quantum the small classes of a fine set collapse: geometric:32 has a
 * step of 1 byte between 32 and 64, but with the quantum of 8 only 40, 48, 56
 * and 64 are left of its 32 steps there.
 */

#include "simcore/objects/bins.h"

#include "simcore/objects/bin-set.h"
#include "simcore/base/units.h"

#include <string.h>

/* The range of the sets that are given by a law: kmalloc's least object, and a block of order
 * 8. */
#define LOG2_FIRST 3
#define LOG2_LAST  20

/* 17 doublings of M steps, and the first bin. */
#define MAX_STEPS ((KML_MAX_BINS - 1) / (LOG2_LAST - LOG2_FIRST))

typedef enum {
  POW2,
  GEOMETRIC,
  NAMED,
  FILE_SET,
  OPTIMAL,
  LIST
} Kind;

typedef struct {
  Kind kind;
  guint64 n;            /* GEOMETRIC: steps to a doubling; OPTIMAL: bins */
  const KmlBinSet *set; /* NAMED */
} Recipe;

static gboolean
read_number (const char *text, const char *what, guint64 max, guint64 *ret_n, GError **error)
{
  g_autofree char *expected = NULL;
  guint64 n;

  if (kml_parse_count (text, &n, NULL) && n >= 1 && n <= max) {
    *ret_n = n;
    return TRUE;
  }
  expected = g_strdup_printf ("%s from 1 to %" G_GUINT64_FORMAT, what, max);
  return kml_refuse_text (expected, text, error);
}

/* Appends the sizes of "8, 24, 40" to @sizes, which may be NULL: check only. */
static gboolean
read_list (const char *text, GArray *sizes, GError **error)
{
  guint n = 0;

  for (const char *at = text;;) {
    const gsize length = strcspn (at, ",");
    g_autofree char *word = g_strstrip (g_strndup (at, length));
    guint64 size;

    if (!kml_parse_size (word, &size, error)) {
      g_prefix_error (error, "in a list of bins: ");
      return FALSE;
    }
    if (size == 0 || size > KML_MAX_BIN_SIZE)
      return kml_refuse_text ("a bin from 1 byte to 1TiB", word, error);
    if (++n > KML_MAX_BINS)
      return kml_refuse_text ("at most " G_STRINGIFY (KML_MAX_BINS) " bins", text, error);
    if (sizes != NULL)
      g_array_append_val (sizes, size);
    if (at[length] == '\0')
      return TRUE;
    at += length + 1;
  }
}

/* A text that is none of the kinds: says which there are. */
static gboolean
refuse_name (const char *text, GError **error)
{
  const char *const *sets = kml_bin_set_names ();
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *quoted = kml_quote (text, -1);
  g_autofree char *known = g_strjoinv (", ", (char **)sets);
  const char *nearest;

  g_ptr_array_add (names, (gpointer) "pow2");
  g_ptr_array_add (names, (gpointer) "geometric:");
  g_ptr_array_add (names, (gpointer) "optimal:");
  for (guint i = 0; sets[i] != NULL; i++)
    g_ptr_array_add (names, (gpointer)sets[i]);
  g_ptr_array_add (names, NULL);
  nearest = kml_nearest_name (text, (const char *const *)names->pdata);
  g_set_error (
      error, KML_ERROR, KML_ERROR_INPUT,
      "expected pow2, geometric:M, optimal:K, a set with a name (%s), a file NAME" KML_BINS_SUFFIX
      " or a list of sizes such as 8,24,40,64, not %s%s%s%s",
      known, quoted, nearest != NULL ? "; did you mean “" : "", nearest != NULL ? nearest : "",
      nearest != NULL ? "”?" : "");
  return FALSE;
}

static gboolean
read_recipe (const char *text, Recipe *ret_recipe, GError **error)
{
  Recipe recipe = { .kind = LIST };

  if (kml_bins_is_file (text)) {
    recipe.kind = FILE_SET;
  } else if (g_ascii_isdigit (text[0]) || text[0] == ',') {
    if (!read_list (text, NULL, error))
      return FALSE;
  } else if (strcmp (text, "pow2") == 0) {
    recipe.kind = POW2;
  } else if (g_str_has_prefix (text, "geometric:")) {
    recipe.kind = GEOMETRIC;
    if (!read_number (text + strlen ("geometric:"), "a number of steps per doubling", MAX_STEPS,
                      &recipe.n, error))
      return FALSE;
  } else if (g_str_has_prefix (text, "optimal:")) {
    recipe.kind = OPTIMAL;
    if (!read_number (text + strlen ("optimal:"), "a number of bins", KML_MAX_BINS, &recipe.n,
                      error))
      return FALSE;
  } else {
    recipe.kind = NAMED;
    recipe.set = kml_bin_set_find (text);
    if (recipe.set == NULL)
      return refuse_name (text, error);
  }
  *ret_recipe = recipe;
  return TRUE;
}

gboolean
kml_bins_validate (const char *text, GError **error)
{
  Recipe recipe;

  return read_recipe (text, &recipe, error);
}

gboolean
kml_bins_needs_sizes (const char *text)
{
  return g_str_has_prefix (text, "optimal:");
}

gboolean
kml_bins_is_file (const char *text)
{
  return g_str_has_suffix (text, KML_BINS_SUFFIX) && strlen (text) > strlen (KML_BINS_SUFFIX);
}

char *
kml_bins_file (const char *text)
{
  return kml_bins_is_file (text) ? g_strdup (text) : NULL;
}

/* 2^k, then 2^k + i 2^k / M for i = 1 … M: the last step is the next doubling's start. A step
 * that is not a whole number of bytes is rounded up. */
static void
append_geometric (GArray *sizes, guint64 n_steps)
{
  guint64 size = (guint64)1 << LOG2_FIRST;

  g_array_append_val (sizes, size);
  for (guint k = LOG2_FIRST; k < LOG2_LAST; k++) {
    const guint64 base = (guint64)1 << k;

    for (guint64 i = 1; i <= n_steps; i++) {
      size = base + (base * i + n_steps - 1) / n_steps;
      g_array_append_val (sizes, size);
    }
  }
}

static int
compare_sizes (gconstpointer a, gconstpointer b)
{
  const guint64 x = *(const guint64 *)a;
  const guint64 y = *(const guint64 *)b;

  return (x > y) - (x < y);
}

void
kml_bins_from_sizes (const guint64 *sizes, guint n, guint64 quantum, KmlBins *ret_bins)
{
  g_autoptr (GArray) sorted = g_array_sized_new (FALSE, FALSE, sizeof (guint64), n);
  KmlBins bins = { 0, g_new (guint64, n) };

  g_assert (quantum > 0);
  g_assert (quantum <= KML_MAX_BIN_SIZE);

  for (guint i = 0; i < n; i++) {
    const guint64 size = (sizes[i] + quantum - 1) / quantum * quantum;

    g_array_append_val (sorted, size);
  }
  g_array_sort (sorted, compare_sizes);
  for (guint i = 0; i < n; i++) {
    const guint64 size = g_array_index (sorted, guint64, i);

    if (bins.n == 0 || size > bins.sizes[bins.n - 1])
      bins.sizes[bins.n++] = size;
  }
  *ret_bins = bins;
}

/* The best @k, unless there is less to choose from. */
static gboolean
design (const char *text, guint k, guint64 quantum, const KmlSizeCount *counts, guint n_counts,
        KmlBins *ret_bins, GError **error)
{
  kml_bins_optimal (counts, n_counts, k, quantum, ret_bins);
  if (ret_bins->n == k)
    return TRUE;
  if (ret_bins->n == 0)
    kml_refuse_text ("a workload that asks for objects, whose sizes these bins are made for", text,
                     error);
  else
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "expected optimal:1 to optimal:%u, which is how many different sizes there are "
                 "(as multiples of %" G_GUINT64_FORMAT "), not %s",
                 ret_bins->n, quantum, text);
  kml_bins_clear (ret_bins);
  return FALSE;
}

gboolean
kml_bins_parse (const char *text, guint64 quantum, const KmlSizeCount *counts, guint n_counts,
                KmlBins *ret_bins, GError **error)
{
  g_autoptr (GArray) sizes = g_array_new (FALSE, FALSE, sizeof (guint64));
  Recipe recipe;

  if (!read_recipe (text, &recipe, error))
    return FALSE;

  switch (recipe.kind) {
  case POW2:
    append_geometric (sizes, 1);
    break;
  case GEOMETRIC:
    append_geometric (sizes, recipe.n);
    break;
  case NAMED:
    g_array_append_vals (sizes, recipe.set->bins.sizes, recipe.set->bins.n);
    break;
  case FILE_SET:
    return kml_refuse_text ("a set that is no file's: only scenarios know where files are", text,
                            error);
  case LIST:
    if (!read_list (text, sizes, error))
      return FALSE;
    break;
  case OPTIMAL:
    return design (text, (guint)recipe.n, quantum, counts, counts != NULL ? n_counts : 0, ret_bins,
                   error);
  }
  kml_bins_from_sizes ((const guint64 *)sizes->data, sizes->len, quantum, ret_bins);
  return TRUE;
}

void
kml_bins_clear (KmlBins *self)
{
  g_clear_pointer (&self->sizes, g_free);
  self->n = 0;
}

char *
kml_bins_format (const KmlBins *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->n; i++)
    g_string_append_printf (text, "%s%" G_GUINT64_FORMAT, i > 0 ? "," : "", self->sizes[i]);
  return g_string_free (text, FALSE);
}

guint
kml_bins_find (const KmlBins *self, guint64 size)
{
  guint low = 0, high = self->n; /* the answer is in [low, high] */

  while (low < high) {
    const guint middle = low + (high - low) / 2;

    if (self->sizes[middle] < size)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}
