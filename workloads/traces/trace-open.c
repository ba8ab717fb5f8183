/* trace-open.c: a recording, whatever form it has.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/traces/trace-binary.h"
#include "workloads/traces/trace-source.h"
#include "workloads/traces/trace-text.h"

const char *const kml_trace_count_names[KML_TRACE_N_COUNTS + 1] = {
  [KML_TRACE_N_EVENTS] = "events",
  [KML_TRACE_N_OBJECT_ALLOCS] = "object_allocs",
  [KML_TRACE_N_OBJECT_FREES] = "object_frees",
  [KML_TRACE_N_PAGE_ALLOCS] = "page_allocs",
  [KML_TRACE_N_PAGE_FREES] = "page_frees",
  [KML_TRACE_N_FAILED] = "failed",
  [KML_TRACE_N_FREE_NULL] = "free_null",
  [KML_TRACE_N_FREE_UNKNOWN] = "free_unknown",
  [KML_TRACE_N_PAGE_FREE_UNKNOWN] = "page_free_unknown",
  [KML_TRACE_N_DOUBLE_ALLOC] = "double_alloc",
  [KML_TRACE_N_PAGE_DOUBLE_ALLOC] = "page_double_alloc",
  [KML_TRACE_N_SPLITS] = "splits",
  [KML_TRACE_N_MERGED_FREES] = "merged_frees",
  [KML_TRACE_N_SLAB_PAGES] = "slab_pages",
  [KML_TRACE_N_SLAB_PAGES_LATE] = "slab_pages_late",
  [KML_TRACE_N_BULK_REPEATED] = "bulk_repeated",
  [KML_TRACE_N_LOST] = "lost",
  [KML_TRACE_N_OTHER] = "other",
  [KML_TRACE_N_MALFORMED] = "malformed",
  [KML_TRACE_N_UNORDERED] = "unordered",
  [KML_TRACE_N_GFP_UNKNOWN] = "gfp_unknown",
  [KML_TRACE_N_UNTIMED] = "untimed",
  [KML_TRACE_N_REALLOCS] = "reallocs",
  [KML_TRACE_N_ZERO_SIZE] = "zero_size",
  NULL,
};

const char *const kml_trace_count_summaries[KML_TRACE_N_COUNTS + 1] = {
  [KML_TRACE_N_EVENTS] = "events of any name in the recording",
  [KML_TRACE_N_OBJECT_ALLOCS] = "objects allocated",
  [KML_TRACE_N_OBJECT_FREES] = "objects freed that were allocated in the recording",
  [KML_TRACE_N_PAGE_ALLOCS] = "page blocks allocated",
  [KML_TRACE_N_PAGE_FREES] =
      "page blocks, or parts of them, freed that were allocated in the recording",
  [KML_TRACE_N_FAILED] = "allocations that failed when recorded",
  [KML_TRACE_N_FREE_NULL] = "frees of NULL or of what kmalloc (0) gives, which do nothing",
  [KML_TRACE_N_FREE_UNKNOWN] = "frees of objects whose allocation is not in the recording",
  [KML_TRACE_N_PAGE_FREE_UNKNOWN] = "frees of pages whose allocation is not in the recording",
  [KML_TRACE_N_DOUBLE_ALLOC] =
      "objects whose free is missing and was inferred from the next allocation",
  [KML_TRACE_N_PAGE_DOUBLE_ALLOC] =
      "page blocks whose free is missing and was inferred from the next allocation",
  [KML_TRACE_N_SPLITS] = "halvings of page blocks that were freed in pieces",
  [KML_TRACE_N_MERGED_FREES] = "page frees that gave back several blocks at once",
  [KML_TRACE_N_SLAB_PAGES] = "page blocks that the recorded kernel took for its objects",
  [KML_TRACE_N_SLAB_PAGES_LATE] =
      "page blocks for objects that were recognised too late to be told apart",
  [KML_TRACE_N_BULK_REPEATED] = "bulk page allocations that repeat one already recorded",
  [KML_TRACE_N_LOST] = "events that the recorder lost",
  [KML_TRACE_N_OTHER] = "events that neither request memory nor give it back",
  [KML_TRACE_N_MALFORMED] = "lines that are no event or lack what their event must have",
  [KML_TRACE_N_UNORDERED] = "events whose time is before that of an earlier one",
  [KML_TRACE_N_GFP_UNKNOWN] =
      "distinct texts of flags that are empty or have an unknown name in them",
  [KML_TRACE_N_UNTIMED] = "events that were recorded without a time and come 1 us apart",
  [KML_TRACE_N_REALLOCS] = "reallocations, each a free and then an allocation",
  [KML_TRACE_N_ZERO_SIZE] = "requests for 0 bytes, which count as requests for 1",
  NULL,
};

struct _KmlTrace {
  KmlTraceInput *input; /* (owned) */
  KmlTraceInfo info;
  KmlTraceText *text;     /* (owned) (nullable): one of these three */
  KmlTraceChild *child;   /* (owned) (nullable): whose output the text is */
  KmlTraceSource *source; /* (owned) (nullable) */
  KmlTraceBinary *binary; /* (owned) (nullable) */
  gboolean child_has_ended;
};

/* Columns are for the form that takes them; given for another, they would be ignored without a word. */
static gboolean
check_columns (const KmlTrace *self, const KmlTraceOptions *options, const char *form,
               GError **error)
{
  if (options->columns == NULL || (self->source != NULL && self->source->ops->takes_columns))
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "%s: columns were given, but the file is %s, which says itself what it holds",
               kml_trace_input_shown (self->input), form);
  return FALSE;
}

/* The text of another program could not be read: if that is because the program failed, its words say more. FALSE */
static gboolean
blame_child (KmlTrace *self, GError *reason, GError **error)
{
  if (!kml_trace_child_finish (self->child, error)) {
    g_error_free (reason);
  } else if (self->info.counts[KML_TRACE_N_EVENTS] == 0) {
    g_error_free (reason);
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "%s: not a single event is in it: was it cut?",
                 kml_trace_input_shown (self->input));
  } else {
    g_propagate_error (error, reason);
  }
  return FALSE;
}

static gboolean
open_translated (KmlTrace *self, const KmlTraceSourceOps *ops, GError **error)
{
  GError *reason = NULL;

  self->child = ops->translate (self->input, error);
  if (self->child == NULL)
    return FALSE;
  self->text = kml_trace_text_new (kml_trace_child_input (self->child), &self->info, &reason);
  if (self->text == NULL)
    return blame_child (self, reason, error);
  self->info.format = ops->name;
  return TRUE;
}

static int
next_of_text (KmlTrace *self, KmlTraceEvent *events, guint n, GError **error)
{
  GError *reason = NULL;
  const int n_events = kml_trace_text_next (self->text, events, n, &reason);

  if (n_events < 0 && self->child == NULL) {
    g_propagate_error (error, reason);
  } else if (n_events < 0) {
    blame_child (self, reason, error);
  } else if (n_events == 0 && n > 0 && self->child != NULL && !self->child_has_ended) {
    self->child_has_ended = TRUE;
    return kml_trace_child_finish (self->child, error) ? 0 : -1;
  }
  return n_events;
}

static gboolean
open_text (KmlTrace *self, const KmlTraceOptions *options, GError **error)
{
  const KmlTraceSourceOps *ops;
  const char *head;
  gsize n;

  if (!kml_trace_input_head (self->input, KML_TRACE_HEAD, &head, &n, error))
    return FALSE;
  ops = kml_trace_source_find (head, n, options);
  if (ops != NULL && ops->translate != NULL)
    return open_translated (self, ops, error);
  if (ops != NULL)
    self->source = kml_trace_source_new (ops, self->input, options, &self->info, error);
  else
    self->text = kml_trace_text_new (self->input, &self->info, error);
  return self->source != NULL || self->text != NULL;
}

KmlTrace *
kml_trace_open_with (const char *path, const KmlTraceOptions *options, GError **error)
{
  g_autoptr (KmlTrace) self = g_new0 (KmlTrace, 1);
  const char *shown = options->shown;
  gboolean good;

  if (shown == NULL)
    shown = strcmp (path, "-") == 0 ? "standard input" : path;
  self->input = kml_trace_input_open (path, shown, error);
  if (self->input == NULL)
    return NULL;
  self->info.compression = kml_trace_input_compression (self->input);
  if (kml_trace_is_binary (self->input)) {
    self->binary = kml_trace_binary_new (self->input, &self->info, error);
    good = self->binary != NULL;
  } else {
    good = open_text (self, options, error);
  }
  return good && check_columns (self, options, self->info.format, error) ? g_steal_pointer (&self)
                                                                         : NULL;
}

KmlTrace *
kml_trace_open (const char *path, const char *shown, GError **error)
{
  const KmlTraceOptions options = { .shown = shown };

  return kml_trace_open_with (path, &options, error);
}

static int
compare_forms (gconstpointer a, gconstpointer b)
{
  return strcmp (((const KmlTraceForm *)a)->name, ((const KmlTraceForm *)b)->name);
}

GArray *
kml_trace_forms (void)
{
  const KmlTraceForm binary = { "kmt", "the binary form that `kmemlab trace convert` writes" };
  GArray *const forms = g_array_new (FALSE, FALSE, sizeof (KmlTraceForm));
  guint n_formats, n_sources;
  const KmlTraceFormat *const *formats = kml_trace_format_list (&n_formats);
  const KmlTraceSourceOps *const *sources = kml_trace_source_list (&n_sources);

  g_array_append_val (forms, binary);
  for (guint i = 0; i < n_formats; i++) {
    const KmlTraceForm form = { formats[i]->name, formats[i]->summary };

    g_array_append_val (forms, form);
  }
  for (guint i = 0; i < n_sources; i++) {
    const KmlTraceForm form = { sources[i]->name, sources[i]->summary };

    g_array_append_val (forms, form);
  }
  g_array_sort (forms, compare_forms);
  return forms;
}

char *
kml_trace_describe_forms (void)
{
  g_autoptr (GArray) forms = kml_trace_forms ();
  GString *const text = g_string_new (NULL);

  for (guint i = 0; i < forms->len; i++) {
    if (i > 0)
      g_string_append (text, i + 1 < forms->len ? ", " : " or ");
    g_string_append (text, g_array_index (forms, KmlTraceForm, i).name);
  }
  return g_string_free (text, FALSE);
}

void
kml_trace_close (KmlTrace *self)
{
  if (self == NULL)
    return;
  kml_trace_text_free (self->text);
  kml_trace_source_free (self->source);
  kml_trace_child_close (self->child);
  kml_trace_binary_free (self->binary);
  kml_trace_input_close (self->input);
  g_free (self);
}

int
kml_trace_next (KmlTrace *self, KmlTraceEvent *events, guint n, GError **error)
{
  if (self->binary != NULL)
    return kml_trace_binary_next (self->binary, events, n, error);
  if (self->source != NULL)
    return kml_trace_source_next (self->source, events, n, error);
  return next_of_text (self, events, n, error);
}

gboolean
kml_trace_finish (KmlTrace *self, GError **error)
{
  KmlTraceEvent events[256];
  int n;

  do
    n = kml_trace_next (self, events, G_N_ELEMENTS (events), error);
  while (n > 0);
  return n == 0;
}

const KmlTraceInfo *
kml_trace_info (KmlTrace *self)
{
  return &self->info;
}

double
kml_trace_progress (const KmlTrace *self)
{
  if (self->binary != NULL)
    return kml_trace_binary_progress (self->binary);
  if (self->source != NULL)
    return kml_trace_source_progress (self->source);
  return kml_trace_input_progress (self->input);
}

/* Not of the binary form, which keeps its own. */
static const KmlTraceTexts *
texts_of (const KmlTrace *self)
{
  return self->source != NULL ? &self->source->feed.texts : kml_trace_text_texts (self->text);
}

const char *
kml_trace_site (const KmlTrace *self, guint32 site)
{
  if (self->binary != NULL)
    return kml_trace_strings_get (kml_trace_binary_sites (self->binary), site);
  return kml_trace_strings_get (&texts_of (self)->sites, site);
}

const char *
kml_trace_cache (const KmlTrace *self, guint32 cache)
{
  if (self->binary != NULL)
    return kml_trace_strings_get (kml_trace_binary_caches (self->binary), cache);
  return kml_trace_strings_get (&texts_of (self)->caches, cache);
}

static void
clear_name (gpointer data)
{
  g_free (((KmlTraceNameCount *)data)->name);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  const KmlTraceNameCount *left = a, *right = b;

  if (left->count != right->count)
    return left->count < right->count ? 1 : -1;
  return strcmp (left->name, right->name);
}

GArray *
kml_trace_names (KmlTrace *self)
{
  GArray *names = g_array_new (FALSE, FALSE, sizeof (KmlTraceNameCount));

  g_array_set_clear_func (names, clear_name);
  if (self->binary != NULL)
    kml_trace_binary_names (self->binary, names);
  else if (self->source != NULL)
    kml_trace_feed_names (&self->source->feed, names);
  else
    kml_trace_text_names (self->text, names);
  g_array_sort (names, compare_names);
  return names;
}

gboolean
kml_trace_seek (KmlTrace *self, guint64 event, guint64 *ret_event, GError **error)
{
  if (self->binary != NULL)
    return kml_trace_binary_seek (self->binary, event, ret_event, error);
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "%s: only the binary form can be entered in the middle: convert it first",
               kml_trace_input_shown (self->input));
  return FALSE;
}
