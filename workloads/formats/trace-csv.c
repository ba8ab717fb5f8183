/* trace-csv.c: tables of requests, one a line.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   time:us,op,id:hex,size,cpu
 *   17,malloc,ffff8880,100,0
 *   19,free,ffff8880,,1
 *
 * What the columns mean is said by a map (trace-columns.h), or by the first line, if it names them as the map would.
 *
 * Cells are separated by commas, semicolons or tabs, whichever the first line has most of; blanks around them do not belong to them. They may be
 * quoted as in RFC 4180 ("a ""b"", c"), but hold no newline. Lines that begin with # are comments. What is done is one of the words of
 * `operations` below, in any case of letters, or those of the map; others are counted and change nothing.
 *
 * A number is decimal or has 0x (trace-csv-values.h); a column of bare hexadecimal numbers must be called so (":hex"), because
 * nothing tells 10 from 10. Where cells are not separated by commas, a time may have a decimal comma. An empty cell is one that is not
 * there: an allocation without an id, or with 0, failed; a free of 0 is free(NULL).
 */

#include "workloads/formats/trace-csv-values.h"
#include "workloads/traces/trace-columns.h"
#include "workloads/traces/trace-source.h"

#include "simcore/base/units.h"

#include <string.h>

#define MAX_PFN ((G_GUINT64_CONSTANT (1) << 40) - 1)

/* What a word of the op column asks for. */
typedef enum {
  OPERATION_NEW, /* of this number of a name, nothing is known yet */
  OPERATION_OTHER,
  OPERATION_ALLOC,
  OPERATION_CACHE_ALLOC,
  OPERATION_FREE,
  OPERATION_REALLOC,
  OPERATION_PAGE_ALLOC,
  OPERATION_PAGE_BULK_ALLOC,
  OPERATION_PAGE_FREE,
  OPERATION_PAGE_TAKE,
  OPERATION_PAGE_DRAIN,
  OPERATION_SLAB_NEW,
} Operation;

static const struct {
  const char *word;
  Operation operation;
} operations[] = {
  { "+", OPERATION_ALLOC },
  { "-", OPERATION_FREE },
  { "a", OPERATION_ALLOC },
  { "alloc", OPERATION_ALLOC },
  { "buddy_take", OPERATION_PAGE_TAKE },
  { "calloc", OPERATION_ALLOC },
  { "f", OPERATION_FREE },
  { "free", OPERATION_FREE },
  { "kfree", OPERATION_FREE },
  { "kmalloc", OPERATION_ALLOC },
  { "kmalloc_node", OPERATION_ALLOC },
  { "kmem_bulk_alloc", OPERATION_CACHE_ALLOC },
  { "kmem_bulk_free", OPERATION_FREE },
  { "kmem_cache_alloc", OPERATION_CACHE_ALLOC },
  { "kmem_cache_alloc_node", OPERATION_CACHE_ALLOC },
  { "kmem_cache_free", OPERATION_FREE },
  { "malloc", OPERATION_ALLOC },
  { "mm_page_alloc", OPERATION_PAGE_ALLOC },
  { "mm_page_alloc_zone_locked", OPERATION_PAGE_TAKE },
  { "mm_page_free", OPERATION_PAGE_FREE },
  { "mm_page_pcpu_drain", OPERATION_PAGE_DRAIN },
  { "page_alloc", OPERATION_PAGE_ALLOC },
  { "page_bulk_alloc", OPERATION_PAGE_BULK_ALLOC },
  { "page_free", OPERATION_PAGE_FREE },
  { "pcpu_drain", OPERATION_PAGE_DRAIN },
  { "r", OPERATION_REALLOC },
  { "realloc", OPERATION_REALLOC },
  { "slab_new", OPERATION_SLAB_NEW },
};

typedef struct {
  KmlTraceSource base;
  KmlTraceColumns columns;
  gboolean has_map;   /* the user gave one */
  gboolean is_mapped; /* every field has the number of its column: what follows are data */
  char separator;
  guint n_cells;       /* up to the last one mapped */
  KmlTraceCell *cells; /* (owned) (array length=n_cells) */
  GString *unquoted;   /* (owned): cells that had quotes */
  GArray *operations;  /* (owned) (element-type guint8): Operation by number of a name */
  guint64 n_known;     /* lines whose operation is known */
  guint32 old_name;    /* number of the name of a reallocation's first half; 0: there was none */

  /* of the line that is read */
  guint64 id, old, pfn, size, given;
  guint present; /* bits: fields that are not empty */
} Csv;

static inline gboolean
has (const Csv *self, KmlTraceField field)
{
  return self->present >> field & 1;
}

/* ---- Cells ---- */

/* Cells of the line into self->cells; those that are missing are empty. */
static gboolean
read_cells (Csv *self, const char *line, const char *end)
{
  const char *at = line;

  g_string_truncate (self->unquoted, 0);
  for (guint i = 0; i < self->n_cells; i++) {
    KmlTraceCell *const cell = &self->cells[i];

    *cell = (KmlTraceCell){ end, end, FALSE };
    if (at != NULL && !kml_trace_next_cell (&at, end, self->separator, cell))
      return FALSE;
    if (cell->is_quoted) {
      /* there is room for the whole line, so what was appended does not move */
      const gsize begin = self->unquoted->len;

      kml_trace_unquote_cell (self->unquoted, *cell);
      *cell = (KmlTraceCell){ self->unquoted->str + begin,
                              self->unquoted->str + self->unquoted->len, FALSE };
      g_string_append_c (self->unquoted, '\0');
    }
  }
  return TRUE;
}

/* ---- Values ---- */

static gboolean
read_flags (Csv *self, KmlTraceCell cell, gboolean is_hex, guint32 *ret_gfp)
{
  guint64 bits;

  if (g_ascii_isdigit (*cell.at) || is_hex) {
    if (!kml_trace_value_number (cell, is_hex, &bits))
      return FALSE;
    *ret_gfp = (guint32)bits;
    return bits <= G_MAXUINT32;
  }
  *ret_gfp = kml_trace_texts_gfp (&self->base.feed.texts, cell.at, (gsize)(cell.end - cell.at));
  return TRUE;
}

static gboolean
read_below (KmlTraceCell cell, guint64 limit, guint64 *ret_value)
{
  return kml_trace_value_number (cell, FALSE, ret_value) && *ret_value < limit;
}

/* Reads a cell that is not empty. NULL, or what is wrong with it. */
static const char *
read_field (Csv *self, KmlTraceField field, KmlTraceCell cell, KmlTraceLine *event)
{
  const KmlTraceColumn *const column = &self->columns.fields[field];
  guint64 value = 0;
  gboolean good = TRUE;
  const gsize length = (gsize)(cell.end - cell.at);

  switch (field) {
  case KML_FIELD_TIME:
    good = kml_trace_value_time (cell, column->unit_ns, self->separator != ',', &event->time_ns);
    return good                                                 ? NULL
           : kml_trace_find (cell.at, cell.end, ',') < cell.end ? KML_TRACE_DECIMAL_COMMA
                                                                : "the time is not one";
  case KML_FIELD_ID:
    good = kml_trace_value_id (cell, column->is_hex, &self->id);
    return good ? NULL : "the id is no number (id=COLUMN:hex is for bare hexadecimal ones)";
  case KML_FIELD_OLD:
    good = kml_trace_value_id (cell, column->is_hex, &self->old);
    return good ? NULL : "the old id is no number (old=COLUMN:hex is for bare hexadecimal ones)";
  case KML_FIELD_SIZE:
    good = kml_trace_value_number (cell, column->is_hex, &self->size) && self->size <= G_MAXUINT32;
    return good ? NULL : "the size is not one up to 4 GiB";
  case KML_FIELD_GIVEN:
    good = kml_trace_value_number (cell, column->is_hex, &self->given) &&
           self->given <= G_MAXUINT32;
    return good ? NULL : "the given size is not one up to 4 GiB";
  case KML_FIELD_CPU:
    good = read_below (cell, G_MAXUINT16 + 1, &value);
    event->cpu = (guint16)value;
    return good ? NULL : "the CPU is not a number below 65536";
  case KML_FIELD_PID:
    good = read_below (cell, G_GUINT64_CONSTANT (1) << 32, &value);
    event->pid = (guint32)value;
    return good ? NULL : "the pid is not a number below 2^32";
  case KML_FIELD_CONTEXT:
    good = kml_trace_value_context (cell, &event->context);
    return good ? NULL : "the context is not process, softirq or hardirq";
  case KML_FIELD_GFP:
    good = read_flags (self, cell, column->is_hex, &event->gfp);
    return good ? NULL : "the GFP flags are neither names nor a number";
  case KML_FIELD_SITE:
    event->site = kml_trace_strings_intern (&self->base.feed.texts.sites, cell.at, length);
    return NULL;
  case KML_FIELD_CACHE:
    event->cache = kml_trace_strings_intern (&self->base.feed.texts.caches, cell.at, length);
    return NULL;
  case KML_FIELD_PFN:
    good = kml_trace_value_number (cell, column->is_hex, &self->pfn) && self->pfn <= MAX_PFN;
    return good ? NULL : "the pfn is no page frame number";
  case KML_FIELD_ORDER:
    good = read_below (cell, KML_MAX_ORDER + 1, &value);
    event->order = (guint8)value;
    return good ? NULL : "the order is not one from 0 to 20";
  case KML_FIELD_MIGRATETYPE:
    good = kml_trace_value_migratetype (cell, &event->migratetype);
    return good ? NULL : "the migrate type is not a small number or a name";
  case KML_FIELD_OP:
  case KML_N_FIELDS:
    break;
  }
  g_assert_not_reached ();
}

/* ---- The first line ---- */

static void
prepare_cells (Csv *self)
{
  self->is_mapped = TRUE;
  for (guint i = 0; i < KML_N_FIELDS; i++)
    self->n_cells = MAX (self->n_cells, self->columns.fields[i].column);
  self->cells = g_new0 (KmlTraceCell, self->n_cells);
}

/* "time, op, …": names or, with a map of numbers alone, perhaps already data. */
static gboolean
take_first_line (Csv *self, const char *line, const char *end, gboolean *ret_is_header,
                 GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_auto (GStrv) names = NULL;

  self->separator = kml_trace_find_separator (line, end);
  names = kml_trace_split_cells (line, end, self->separator);
  if (names == NULL)
    return kml_trace_source_refuse (&self->base, error, "a quotation mark is not closed");
  if (!self->has_map &&
      !kml_trace_columns_from_names ((const char *const *)names, &self->columns)) {
    g_autofree char *all = g_strjoinv (", ", names);
    g_autofree char *quoted = kml_quote (all, -1);

    return kml_trace_source_refuse (
        &self->base, error,
        "what do the columns %s mean? Expected a map such as "
        "time=COLUMN,op=COLUMN,id=COLUMN,size=COLUMN (--columns; in a scenario, columns = …)",
        quoted);
  }
  if (!kml_trace_columns_resolve (&self->columns, (const char *const *)names, &reason))
    return kml_trace_source_refuse (&self->base, error, "%s", reason->message);
  prepare_cells (self);
  *ret_is_header = self->columns.has_names;
  return TRUE;
}

/* ---- Operations ---- */

static Operation
find_operation (const Csv *self, const char *word, gsize length)
{
  const KmlTraceColumn *const column = &self->columns.fields[KML_FIELD_OP];

  if (column->alloc != NULL) {
    if (strlen (column->alloc) == length && memcmp (column->alloc, word, length) == 0)
      return OPERATION_ALLOC;
    if (strlen (column->free) == length && memcmp (column->free, word, length) == 0)
      return OPERATION_FREE;
    return OPERATION_OTHER;
  }
  for (guint i = 0; i < G_N_ELEMENTS (operations); i++)
    if (strlen (operations[i].word) == length &&
        g_ascii_strncasecmp (operations[i].word, word, length) == 0)
      return operations[i].operation;
  return OPERATION_OTHER;
}

static gboolean
is_information (Operation operation)
{
  return operation == OPERATION_OTHER || operation == OPERATION_PAGE_TAKE ||
         operation == OPERATION_PAGE_DRAIN;
}

/* What the op cell asks for; its text gets a number, so that each is looked up once. */
static Operation
read_operation (Csv *self, guint32 *ret_name)
{
  const KmlTraceCell cell = self->cells[self->columns.fields[KML_FIELD_OP].column - 1];
  const gsize length = (gsize)(cell.end - cell.at);
  KmlTraceFeed *const feed = &self->base.feed;
  const guint32 name = kml_trace_strings_intern (&feed->texts.names, cell.at, length);
  Operation operation;

  if (name >= self->operations->len)
    g_array_set_size (self->operations, name + 1);
  operation = (Operation)g_array_index (self->operations, guint8, name);
  if (operation == OPERATION_NEW) {
    /* number 0 is that of all texts that are too many, and of none */
    operation = name == 0 ? OPERATION_OTHER : find_operation (self, cell.at, length);
    kml_trace_feed_name (feed, cell.at, name == 0 ? 0 : length, !is_information (operation));
    g_array_index (self->operations, guint8, name) = (guint8)operation;
  }
  *ret_name = name;
  return operation;
}

static gboolean
is_about_pages (Operation operation)
{
  return operation >= OPERATION_PAGE_ALLOC;
}

/* Turns the values of the line into an event. NULL, or what is wrong. */
static const char *
make_pages (Csv *self, Operation operation, KmlTraceLine *event)
{
  static const guint8 records[] = {
    [OPERATION_PAGE_ALLOC] = KML_TRACE_MM_PAGE_ALLOC,
    [OPERATION_PAGE_BULK_ALLOC] = KML_TRACE_PAGE_BULK_ALLOC,
    [OPERATION_PAGE_FREE] = KML_TRACE_MM_PAGE_FREE,
    [OPERATION_PAGE_TAKE] = KML_TRACE_MM_PAGE_TAKE,
    [OPERATION_PAGE_DRAIN] = KML_TRACE_MM_PAGE_DRAIN,
    [OPERATION_SLAB_NEW] = KML_TRACE_SLAB_NEW,
  };
  const gboolean has_pfn = kml_trace_columns_has (&self->columns, KML_FIELD_PFN);

  event->key = has_pfn ? self->pfn : self->id;
  event->failed = !has (self, has_pfn ? KML_FIELD_PFN : KML_FIELD_ID);
  if (event->key > MAX_PFN)
    return "the id is no page frame number";
  if (!event->failed && event->key & ((G_GUINT64_CONSTANT (1) << event->order) - 1))
    return "the pfn is not a multiple of 2^order";
  if (event->failed && operation != OPERATION_PAGE_ALLOC)
    return "the pfn is missing";
  event->record = records[operation];
  return NULL;
}

static const char *
make_object (Csv *self, Operation operation, KmlTraceLine *event)
{
  event->key = self->id;
  event->record = KML_TRACE_KFREE;
  if (operation == OPERATION_FREE)
    return NULL;
  event->record = operation == OPERATION_CACHE_ALLOC ? KML_TRACE_KMEM_CACHE_ALLOC
                                                     : KML_TRACE_KMALLOC;
  event->failed = self->id == 0;
  if (event->failed)
    return NULL;
  if (!has (self, KML_FIELD_SIZE))
    return "the size is missing";
  kml_trace_source_set_size (&self->base, event, self->size);
  if (has (self, KML_FIELD_GIVEN)) {
    event->bytes_alloc = MAX ((guint32)self->given, 1);
    if (event->bytes_alloc < event->bytes_req)
      return "the given size is less than the size";
  }
  return NULL;
}

/* The block that a reallocation takes. */
static guint64
old_block (const Csv *self)
{
  return has (self, KML_FIELD_OLD) ? self->old : self->id;
}

/* A reallocation to 0 bytes is free(), as in glibc, unless another block came of it. */
static gboolean
is_free_by_reallocation (const Csv *self, Operation operation)
{
  return operation == OPERATION_REALLOC && has (self, KML_FIELD_SIZE) && self->size == 0 &&
         (self->id == 0 || self->id == old_block (self));
}

static gboolean
push (Csv *self, GError **error)
{
  return kml_trace_columns_has (&self->columns, KML_FIELD_TIME)
             ? kml_trace_feed_add (&self->base.feed, error)
             : kml_trace_feed_add_untimed (&self->base.feed, error);
}

/* The free that is the first half of a reallocation. @event is that of the second, which has yet to be made. */
static gboolean
push_old (Csv *self, const KmlTraceLine *event, GError **error)
{
  const KmlTraceLine copy = *event; /* both are written to the same place */
  KmlTraceLine *const old = kml_trace_feed_line (&self->base.feed);

  if (self->old_name == 0)
    self->old_name = kml_trace_feed_name (&self->base.feed, KML_TRACE_OLD_BLOCK,
                                          strlen (KML_TRACE_OLD_BLOCK), TRUE);
  *old = copy;
  old->name = self->old_name;
  old->record = KML_TRACE_KFREE;
  old->key = old_block (self);
  if (!push (self, error))
    return FALSE;
  self->base.feed.info->counts[KML_TRACE_N_REALLOCS]++;
  *kml_trace_feed_line (&self->base.feed) = copy;
  return TRUE;
}

/* ---- Lines ---- */

static gboolean
malformed (Csv *self, const char *line, const char *end, const char *reason)
{
  kml_trace_feed_malformed (&self->base.feed, self->base.lines.number, line, end, reason);
  return TRUE;
}

static gboolean
take_row (Csv *self, const char *line, const char *end, GError **error)
{
  KmlTraceLine *const event = kml_trace_feed_line (&self->base.feed);
  const char *wrong = NULL;
  Operation operation;

  if (!read_cells (self, line, end))
    return malformed (self, line, end, "a quotation mark is not closed, or not at a cell's end");
  operation = read_operation (self, &event->name);
  self->present = 0;
  self->id = self->old = self->pfn = self->size = self->given = 0;
  for (guint i = 0; i < KML_N_FIELDS && wrong == NULL; i++) {
    const guint column = self->columns.fields[i].column;
    const KmlTraceCell cell = column > 0 ? self->cells[column - 1] : (KmlTraceCell){ 0 };

    if (cell.at == cell.end || i == KML_FIELD_OP)
      continue;
    self->present |= 1u << i;
    if (operation != OPERATION_OTHER || i == KML_FIELD_TIME)
      wrong = read_field (self, (KmlTraceField)i, cell, event);
  }
  if (wrong == NULL && !has (self, KML_FIELD_TIME) &&
      kml_trace_columns_has (&self->columns, KML_FIELD_TIME))
    wrong = "the time is missing";
  if (wrong != NULL)
    return malformed (self, line, end, wrong);

  if (operation == OPERATION_OTHER) {
    event->record = KML_TRACE_OTHER;
    return push (self, error);
  }
  self->n_known++;
  if (is_free_by_reallocation (self, operation)) {
    self->base.feed.info->counts[KML_TRACE_N_REALLOCS]++;
    self->id = old_block (self);
    operation = OPERATION_FREE;
  }
  wrong = is_about_pages (operation) ? make_pages (self, operation, event)
                                     : make_object (self, operation, event);
  if (wrong != NULL)
    return malformed (self, line, end, wrong);
  if (operation == OPERATION_REALLOC && !event->failed && !push_old (self, event, error))
    return FALSE;
  return push (self, error);
}

static gboolean
csv_line (KmlTraceSource *base, const char *line, const char *end, GError **error)
{
  Csv *const self = (Csv *)base;
  gboolean is_header = FALSE;

  if (line == end || *line == '#')
    return TRUE;
  if (!self->is_mapped) {
    if (!take_first_line (self, line, end, &is_header, error))
      return FALSE;
    if (is_header)
      return TRUE;
    /* with a map of numbers alone, a first line that asks for nothing names the columns */
    if (read_cells (self, line, end)) {
      const KmlTraceCell op = self->cells[self->columns.fields[KML_FIELD_OP].column - 1];

      if (find_operation (self, op.at, (gsize)(op.end - op.at)) == OPERATION_OTHER)
        return TRUE;
    }
  }
  return take_row (self, line, end, error);
}

/* A map that fits another table is not seen before the end: what is known is known of the whole. */
static gboolean
csv_end (KmlTraceSource *base, GError **error)
{
  const Csv *const self = (const Csv *)base;
  const KmlTraceColumn *const column = &self->columns.fields[KML_FIELD_OP];
  g_autofree char *quoted = NULL;

  if (self->n_known > 0 || base->feed.info->counts[KML_TRACE_N_EVENTS] == 0)
    return TRUE;
  quoted = kml_quote (kml_trace_strings_get (&base->feed.texts.names, 1), -1);
  if (column->alloc != NULL)
    return kml_trace_source_refuse (
        base, error,
        "no line has “%s” or “%s” in column %u, as the map says (op=…:%s/%s); the first has %s",
        column->alloc, column->free, column->column, column->alloc, column->free, quoted);
  return kml_trace_source_refuse (base, error,
                                  "none of the operations in column %u is known, the first is %s: "
                                  "expected malloc, free, realloc, page_alloc or page_free, or a "
                                  "map that says op=COLUMN:ALLOCATION/FREE",
                                  column->column, quoted);
}

/* ---- The source ---- */

/* Whether these could be names of columns, so that a message about columns helps. */
static gboolean
look_like_names (char **names)
{
  guint n = 0;

  for (; names[n] != NULL; n++) {
    if (!g_ascii_isalpha (names[n][0]))
      return FALSE;
    for (const char *at = names[n]; *at != '\0'; at++)
      if (!g_ascii_isalnum (*at) && strchr ("_-. :/", *at) == NULL)
        return FALSE;
  }
  return n >= 3;
}

static gboolean
csv_recognises (const char *head, gsize n)
{
  const char *const end = head + n;
  const char *line = head, *newline;
  g_auto (GStrv) names = NULL;

  while ((newline = memchr (line, '\n', (gsize)(end - line))) != NULL &&
         (newline == line || *line == '#'))
    line = newline + 1;
  if (newline == NULL || newline - line > KML_TRACE_MAX_LINE)
    return FALSE;
  if (newline > line && newline[-1] == '\r')
    newline--;
  names = kml_trace_split_cells (line, newline, kml_trace_find_separator (line, newline));
  return names != NULL && look_like_names (names);
}

static gboolean
csv_open (KmlTraceSource *base, GError **error)
{
  Csv *const self = (Csv *)base;
  const gsize room = KML_TRACE_MAX_LINE + KML_TRACE_PADDING;

  self->operations = g_array_new (FALSE, TRUE, sizeof (guint8));
  self->unquoted = g_string_sized_new (room);
  memset (self->unquoted->str, 0, room);
  if (base->options->columns == NULL)
    return TRUE;
  self->has_map = TRUE;
  if (kml_trace_columns_parse (base->options->columns, &self->columns, error))
    return TRUE;
  g_prefix_error (error, "%s: columns: ", base->shown);
  return FALSE;
}

static void
csv_close (KmlTraceSource *base)
{
  Csv *const self = (Csv *)base;

  kml_trace_columns_clear (&self->columns);
  g_clear_pointer (&self->operations, g_array_unref);
  if (self->unquoted != NULL)
    g_string_free (self->unquoted, TRUE);
  g_free (self->cells);
}

static const KmlTraceSourceOps csv_source = {
  .name = "csv",
  .summary = "a table of requests, whose columns a map or its first line explains",
  .instance_size = sizeof (Csv),
  .takes_columns = TRUE,
  .recognises = csv_recognises,
  .open = csv_open,
  .line = csv_line,
  .end = csv_end,
  .close = csv_close,
};

KML_REGISTER_TRACE_SOURCE (csv_source)
