/* bin-set.c: bin sizes that have a name.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The sets of the program are parsed when the first is asked for, and kept.
 */

#include "simcore/objects/bin-set.h"

#include "simcore/base/embedded.h"
#include "simcore/base/units.h"

#include <string.h>

#define MAX_SPAN (G_GUINT64_CONSTANT (1) << 40)

/* A file as it is read. */
typedef struct {
  KmlFileLine place;
  KmlBinSet set;
  GArray *sizes, *spans; /* (owned) (element-type guint64) */
  gboolean has_metadata;
} Reading;

/* ---- Reading ---- */

static gboolean
read_size (const Reading *self, const char *word, guint64 max, guint64 *ret_size, GError **error)
{
  g_autoptr (GError) reason = NULL;

  if (!kml_parse_size (word, ret_size, &reason))
    return kml_refuse_at (&self->place, error, "%s", reason->message);
  if (*ret_size == 0 || *ret_size > max) {
    g_autofree char *most = kml_format_size (max);
    g_autofree char *quoted = kml_quote (word, -1);

    return kml_refuse_at (&self->place, error, "expected a size from 1 byte to %s, not %s", most,
                          quoted);
  }
  return TRUE;
}

static gboolean
read_text (Reading *self, const char *key, const char *value, char **field, GError **error)
{
  if (*field != NULL)
    return kml_refuse_at (&self->place, error, "“%s” is said twice", key);
  if (value[0] == '\0')
    return kml_refuse_at (&self->place, error, "“%s” says nothing", key);
  *field = g_strdup (value);
  return TRUE;
}

/* "title = …" */
static gboolean
read_entry (Reading *self, const char *line, const char *equals, GError **error)
{
  static const char *const keys[] = { "title", "source", "metadata", NULL };
  g_autofree char *key = g_strstrip (g_strndup (line, (gsize)(equals - line)));
  g_autofree char *value = g_strstrip (g_strdup (equals + 1));
  g_autofree char *quoted = kml_quote (key, -1);
  const char *nearest = kml_nearest_name (key, keys);

  if (self->sizes->len > 0)
    return kml_refuse_at (&self->place, error, "expected a size: %s stands before the first one",
                          quoted);
  if (g_str_equal (key, "title"))
    return read_text (self, key, value, &self->set.title, error);
  if (g_str_equal (key, "source"))
    return read_text (self, key, value, &self->set.source, error);
  if (g_str_equal (key, "metadata")) {
    if (self->has_metadata)
      return kml_refuse_at (&self->place, error, "“metadata” is said twice");
    self->has_metadata = TRUE;
    return read_size (self, value, MAX_SPAN, &self->set.metadata, error);
  }
  return kml_refuse_at (&self->place, error, "expected title, source or metadata, not %s%s%s%s",
                        quoted, nearest != NULL ? "; did you mean “" : "",
                        nearest != NULL ? nearest : "", nearest != NULL ? "”?" : "");
}

/* "48 12288" */
static gboolean
read_bin (Reading *self, const char *line, GError **error)
{
  const gsize length = strcspn (line, " \t");
  g_autofree char *word = g_strndup (line, length);
  g_autofree char *rest = g_strstrip (g_strdup (line + length));
  guint64 size, span = 0;

  if (!read_size (self, word, KML_MAX_BIN_SIZE, &size, error) ||
      (rest[0] != '\0' && !read_size (self, rest, MAX_SPAN, &span, error)))
    return FALSE;
  if (self->sizes->len > 0 && size <= g_array_index (self->sizes, guint64, self->sizes->len - 1))
    return kml_refuse_at (&self->place, error,
                          "sizes ascend: expected one above %" G_GUINT64_FORMAT ", not %s",
                          g_array_index (self->sizes, guint64, self->sizes->len - 1), word);
  if (span > 0 && span < size)
    return kml_refuse_at (&self->place, error, "an object of %s does not fit a span of %s", word,
                          rest);
  if (self->sizes->len == KML_MAX_BINS)
    return kml_refuse_at (&self->place, error, "more than " G_STRINGIFY (KML_MAX_BINS) " sizes");
  g_array_append_val (self->sizes, size);
  g_array_append_val (self->spans, span);
  return TRUE;
}

static gboolean
read_lines (Reading *self, const char *text, GError **error)
{
  for (const char *at = text; *at != '\0';) {
    const gsize length = strcspn (at, "\n");
    g_autofree char *line = g_strstrip (g_strndup (at, length));
    const char *equals = strchr (line, '=');

    self->place.line++;
    if (line[0] != '\0' && line[0] != '#' &&
        !(equals != NULL ? read_entry (self, line, equals, error) : read_bin (self, line, error)))
      return FALSE;
    at += length + (at[length] == '\n');
  }
  self->place.line = 0;
  if (self->sizes->len == 0)
    return kml_refuse_at (&self->place, error, "there is no size in it");
  return TRUE;
}

/* "tcmalloc" for "sets/tcmalloc.bins" */
static char *
name_of (const char *file)
{
  g_autofree char *name = g_path_get_basename (file);

  if (g_str_has_suffix (name, KML_BINS_SUFFIX) && strlen (name) > strlen (KML_BINS_SUFFIX))
    name[strlen (name) - strlen (KML_BINS_SUFFIX)] = '\0';
  return g_steal_pointer (&name);
}

gboolean
kml_bin_set_parse (const char *file, const char *text, KmlBinSet *ret_set, GError **error)
{
  Reading reading = {
    .place = { .file = file },
    .set = { .name = name_of (file), .metadata = KML_SPAN_METADATA },
    .sizes = g_array_new (FALSE, FALSE, sizeof (guint64)),
    .spans = g_array_new (FALSE, FALSE, sizeof (guint64)),
  };
  const gboolean good = read_lines (&reading, text, error);

  reading.set.bins.n = reading.sizes->len;
  reading.set.bins.sizes = (guint64 *)g_array_free (reading.sizes, FALSE);
  reading.set.spans = (guint64 *)g_array_free (reading.spans, FALSE);
  if (!good) {
    kml_bin_set_clear (&reading.set);
    return FALSE;
  }
  if (reading.set.title == NULL)
    reading.set.title = g_strdup (reading.set.name);
  if (reading.set.source == NULL)
    reading.set.source = g_strdup (file);
  *ret_set = reading.set;
  return TRUE;
}

void
kml_bin_set_clear (KmlBinSet *self)
{
  g_clear_pointer (&self->name, g_free);
  g_clear_pointer (&self->title, g_free);
  g_clear_pointer (&self->source, g_free);
  g_clear_pointer (&self->spans, g_free);
  kml_bins_clear (&self->bins);
}

/* ---- Those of the program ---- */

typedef struct {
  KmlBinSet *sets; /* in the order of names */
  const char **names;
  guint n;
} Built;

static const Built *
built_in (void)
{
  static Built built; /* the program's: made once, kept */

  while (kml_embedded_bin_sets[built.n].name != NULL)
    built.n++;
  if (built.sets != NULL)
    return &built;
  built.sets = g_new0 (KmlBinSet, built.n);
  built.names = g_new0 (const char *, built.n + 1);
  for (guint i = 0; i < built.n; i++) {
    g_autofree char *file = g_strconcat (kml_embedded_bin_sets[i].name, KML_BINS_SUFFIX, NULL);
    g_autoptr (GError) error = NULL;

    if (!kml_bin_set_parse (file, kml_embedded_bin_sets[i].text, &built.sets[i], &error))
      g_error ("a set of bins of the program itself is wrong: %s", error->message);
    built.names[i] = built.sets[i].name;
  }
  return &built;
}

const char *const *
kml_bin_set_names (void)
{
  return built_in ()->names;
}

const KmlBinSet *
kml_bin_set_find (const char *name)
{
  const Built *built = built_in ();

  for (guint i = 0; i < built->n; i++)
    if (strcmp (built->names[i], name) == 0)
      return &built->sets[i];
  return NULL;
}
