/* census.c: a stream of requests that adds up to what a kernel counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Before there were traces there were tables: vmstat -m, "memory statistics by type" and "by bucket", or
 * slabinfo: how many blocks of each type and size were asked for, and how many are in use. A
 * *census* is such a table as a file, one line for each type and size:
 *
 *     # type   size  in-use  most  requests
 *     mbuf      128       6   136   3099066
 *
 * The stream has exactly these numbers: so many requests of each line, at most so many blocks of it live at
 * once, so many live at the end. What a census does not know is the order, so that is drawn:
 *
 *   - a step belongs to a line with a probability in proportion to the steps that the line has left, so
 *     all lines last until the end, and lines with many requests fill most of the time;
 *   - a step of a line asks for a block or frees one of its live ones (each of them equally likely), with equal
 *     probability as long as both are possible: nothing is asked for when `most` are live, and nothing
 *     is freed when the requests that are left are needed for `in-use`.
 *
 * Blocks live for a short while when `most` is small, as mbufs and path names do. Lines that only grow
 * (requests = in-use) grow evenly over the whole time.
 *
 * Not modelled: times, and that one line's blocks follow another's. Use a trace where there is one.
 */

#include "simcore/base/units.h"
#include "simcore/workload.h"
#include "workloads/deaths.h"
#include "workloads/traces/trace-input.h"

#include <string.h>

#define MAX_FILE     (1 << 20) /* bytes; some 20000 lines */
#define MAX_REQUESTS (G_GUINT64_CONSTANT (1) << 40)
#define MAX_OBJECT   (G_GUINT64_CONSTANT (1) << 31)
#define N_COLUMNS    5

/* A line of the table, and how far it has come. */
typedef struct {
  char *type; /* (owned) */
  guint64 size;
  guint64 n_in_use, n_most;
  guint64 n_requests; /* in all */
  guint64 n_left;     /* requests to come */
  guint32 n_live;
  guint32 *names; /* (array length=n_most), of Census.names: the first n_live are live */
} Line;

typedef struct {
  KmlWorkload base;

  /* parameters */
  char *file;
  char *type;
  guint64 size;

  GArray *lines;   /* (owned) (element-type Line) */
  guint32 *names;  /* (owned): of blocks, one part for each line */
  guint64 n_steps; /* of all lines, in all */
  guint64 n_to_come;
  KmlRng line_rng, step_rng, victim_rng;
} Census;

/* ---- Reading ---- */

static void
clear_line (gpointer line)
{
  g_free (((Line *)line)->type);
}

/* The words of a line: a type and four numbers. */
static gboolean
read_numbers (const KmlFileLine *place, char **words, guint64 numbers[], GError **error)
{
  static const char *const columns[N_COLUMNS] = { "type", "size", "in-use", "most", "requests" };

  for (guint i = 1; i < N_COLUMNS; i++) {
    g_autoptr (GError) reason = NULL;
    const gboolean good = i == 1 ? kml_parse_size (words[i], &numbers[i], &reason)
                                 : kml_parse_count (words[i], &numbers[i], &reason);

    if (!good)
      return kml_refuse_at (place, error, "%s: %s", columns[i], reason->message);
  }
  return TRUE;
}

static gboolean
check_line (const KmlFileLine *place, const Line *line, GError **error)
{
  if (line->size == 0 || line->size > MAX_OBJECT)
    return kml_refuse_at (place, error, "size: expected a size from 1 byte to 2GiB");
  if (line->n_requests > MAX_REQUESTS)
    return kml_refuse_at (place, error, "requests: expected at most 2^40");
  if (line->n_in_use > line->n_requests)
    return kml_refuse_at (place, error,
                          "in-use: %" G_GUINT64_FORMAT " blocks cannot come of %" G_GUINT64_FORMAT
                          " requests",
                          line->n_in_use, line->n_requests);
  if (line->n_most < MAX (line->n_in_use, 1) || line->n_most > KML_MAX_LIVE)
    return kml_refuse_at (place, error, "most: expected a count from %" G_GUINT64_FORMAT " to %u",
                          MAX (line->n_in_use, 1), KML_MAX_LIVE);
  return TRUE;
}

static gboolean
read_line (const KmlFileLine *place, char **words, GArray *lines, GError **error)
{
  guint64 numbers[N_COLUMNS];
  Line line = { 0 };

  if (g_strv_length (words) != N_COLUMNS)
    return kml_refuse_at (place, error,
                          "expected type, size, in-use, most and requests, not %u words",
                          g_strv_length (words));
  if (!read_numbers (place, words, numbers, error))
    return FALSE;
  line = (Line){
    .size = numbers[1], .n_in_use = numbers[2], .n_most = numbers[3], .n_requests = numbers[4]
  };
  if (!check_line (place, &line, error))
    return FALSE;
  for (guint i = 0; i < lines->len; i++) {
    const Line *other = &g_array_index (lines, Line, i);

    if (other->size == line.size && strcmp (other->type, words[0]) == 0)
      return kml_refuse_at (place, error, "%s of %" G_GUINT64_FORMAT " bytes stands here twice",
                            words[0], line.size);
  }
  line.type = g_strdup (words[0]);
  g_array_append_val (lines, line);
  return TRUE;
}

/* "a  b" has two words. */
static char **
split_words (const char *text)
{
  GPtrArray *words = g_ptr_array_new ();

  while (*(text += strspn (text, " \t\r")) != '\0' && *text != '#') {
    const gsize length = strcspn (text, " \t\r");

    g_ptr_array_add (words, g_strndup (text, length));
    text += length;
  }
  g_ptr_array_add (words, NULL);
  return (char **)g_ptr_array_free (words, FALSE);
}

static gboolean
read_lines (const char *file, const char *text, GArray *lines, GError **error)
{
  g_auto (GStrv) rows = g_strsplit (text, "\n", -1);
  KmlFileLine place = { file, 0 };

  for (guint i = 0; rows[i] != NULL; i++) {
    g_auto (GStrv) words = split_words (rows[i]);

    place.line = i + 1;
    if (words[0] != NULL && !read_line (&place, words, lines, error))
      return FALSE;
  }
  place.line = 0;
  return lines->len > 0 || kml_refuse_at (&place, error, "there is no line in it");
}

static gboolean
read_census (const Census *self, GArray *lines, GError **error)
{
  g_autofree char *path = kml_workload_locate (&self->base, self->file);
  g_autoptr (KmlTraceInput) input = kml_trace_input_open (path, self->file, error);
  g_autofree char *text = g_malloc (MAX_FILE + 1);
  const KmlFileLine place = { self->file, 0 };
  gssize n;

  if (input == NULL || (n = kml_trace_input_read (input, text, MAX_FILE + 1, error)) < 0)
    return FALSE;
  if (n > MAX_FILE)
    return kml_refuse_at (&place, error, "a census of more than a megabyte");
  text[n] = '\0';
  if (memchr (text, '\0', (gsize)n) != NULL || !g_utf8_validate (text, n, NULL))
    return kml_refuse_at (&place, error, "this is no text");
  return read_lines (self->file, text + kml_byte_order_mark (text, (gsize)n), lines, error);
}

/* ---- Opening ---- */

static gboolean
is_chosen (const Census *self, const Line *line)
{
  return (strcmp (self->type, "all") == 0 || strcmp (self->type, line->type) == 0) &&
         (self->size == 0 || self->size == line->size);
}

/* The lines that were chosen are left. */
static gboolean
choose_lines (const Census *self, GArray *lines, GError **error)
{
  g_autoptr (GPtrArray) types = g_ptr_array_new_with_free_func (g_free);
  const char *nearest;

  g_ptr_array_add (types, g_strdup ("all"));
  for (guint i = lines->len; i-- > 0;) {
    const Line *line = &g_array_index (lines, Line, i);

    g_ptr_array_add (types, g_strdup (line->type));
    if (!is_chosen (self, line))
      g_array_remove_index (lines, i);
  }
  if (lines->len > 0)
    return TRUE;
  g_ptr_array_add (types, NULL);
  nearest = kml_nearest_name (self->type, (const char *const *)types->pdata);
  return kml_refuse (error, "type", "%s has no line of this type%s%s%s%s", self->file,
                     self->size > 0 ? " and this size" : "",
                     nearest != NULL ? "; did you mean “" : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "”?" : "");
}

/* So many blocks can be live at once, and so many steps are made. */
static gboolean
add_up (Census *self, guint64 *ret_n_names, GError **error)
{
  guint64 n_names = 0;

  for (guint i = 0; i < self->lines->len; i++) {
    Line *line = &g_array_index (self->lines, Line, i);

    line->n_left = line->n_requests;
    line->n_most = MIN (line->n_most, line->n_requests);
    n_names += line->n_most;
    self->n_steps += 2 * line->n_requests - line->n_in_use;
  }
  self->n_to_come = self->n_steps;
  *ret_n_names = n_names;
  if (n_names <= KML_MAX_LIVE)
    return TRUE;
  return kml_refuse (error, "file", "more than %u blocks could be live", KML_MAX_LIVE);
}

/* Every line has names of its own, as many as blocks of it can be live. */
static gboolean
give_names (Census *self, GError **error)
{
  guint64 n_names;

  if (!add_up (self, &n_names, error))
    return FALSE;
  self->names = g_try_new (guint32, MAX (n_names, 1));
  if (self->names == NULL) {
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD,
                 "the host has no memory for %" G_GUINT64_FORMAT " names", n_names);
    return FALSE;
  }
  for (guint64 k = 0; k < n_names; k++)
    self->names[k] = (guint32)k;
  n_names = 0;
  for (guint i = 0; i < self->lines->len; i++) {
    Line *line = &g_array_index (self->lines, Line, i);

    line->names = self->names + n_names;
    n_names += line->n_most;
  }
  return TRUE;
}

static GArray *
lines_new (void)
{
  GArray *lines = g_array_new (FALSE, FALSE, sizeof (Line));

  g_array_set_clear_func (lines, clear_line);
  return lines;
}

static gboolean
census_open (KmlWorkload *base, GError **error)
{
  Census *self = (Census *)base;

  self->lines = lines_new ();
  if (!read_census (self, self->lines, error) || !choose_lines (self, self->lines, error) ||
      !give_names (self, error))
    return FALSE;
  kml_workload_rng (base, "lines", &self->line_rng);
  kml_workload_rng (base, "steps", &self->step_rng);
  kml_workload_rng (base, "victims", &self->victim_rng);
  return TRUE;
}

static void
census_close (KmlWorkload *base)
{
  Census *self = (Census *)base;

  g_clear_pointer (&self->lines, g_array_unref);
  g_clear_pointer (&self->names, g_free);
}

/* ---- The stream ---- */

/* Requests, and frees of all blocks but those that stay. */
static inline guint64
steps_left (const Line *line)
{
  return 2 * line->n_left + line->n_live - line->n_in_use;
}

static Line *
draw_line (Census *self)
{
  guint64 at = kml_rng_below (&self->line_rng, self->n_to_come);
  Line *line = (Line *)self->lines->data;

  while (at >= steps_left (line)) {
    at -= steps_left (line);
    line++;
  }
  return line;
}

static gboolean
draw_is_request (Census *self, const Line *line)
{
  const gboolean can_ask = line->n_left > 0 && line->n_live < line->n_most;
  const gboolean can_free = line->n_live > 0 && line->n_live + line->n_left > line->n_in_use;

  g_assert (can_ask || can_free);

  return can_ask && (!can_free || kml_rng_below (&self->step_rng, 2) == 0);
}

static void
write_step (Census *self, KmlOp *op)
{
  Line *line = draw_line (self);

  *op = (KmlOp){ .level = KML_LEVEL_OBJECTS,
                 .request = { .size = line->size, .gfp = KML_GFP_KERNEL } };
  if (draw_is_request (self, line)) {
    op->kind = KML_OP_ALLOC;
    op->block = line->names[line->n_live++];
    line->n_left--;
  } else {
    guint32 *victim = &line->names[kml_rng_below (&self->victim_rng, line->n_live)];

    op->kind = KML_OP_FREE;
    op->block = *victim;
    *victim = line->names[--line->n_live];
    line->names[line->n_live] = op->block;
  }
  self->n_to_come--;
}

static int
census_next (KmlWorkload *base, KmlOp *ops, guint n, GError **error)
{
  Census *self = (Census *)base;
  guint at = 0;

  n = MIN (n, G_MAXINT);
  while (at < n && self->n_to_come > 0)
    write_step (self, &ops[at++]);
  return (int)at;
}

static int
compare_sizes (gconstpointer a, gconstpointer b)
{
  const KmlSizeCount *left = a, *right = b;

  return left->size < right->size ? -1 : left->size > right->size;
}

static gboolean
census_sizes (KmlWorkload *base, GArray *counts, GError **error)
{
  const Census *self = (const Census *)base;
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (KmlSizeCount));

  for (guint i = 0; i < self->lines->len; i++) {
    const Line *line = &g_array_index (self->lines, Line, i);
    const KmlSizeCount count = { line->size, line->n_requests };

    if (line->n_requests > 0)
      g_array_append_val (all, count);
  }
  g_array_sort (all, compare_sizes);
  for (guint i = 0; i < all->len; i++) {
    const KmlSizeCount *count = &g_array_index (all, KmlSizeCount, i);

    if (i > 0 && (count - 1)->size == count->size)
      g_array_index (counts, KmlSizeCount, counts->len - 1).count += count->count;
    else
      g_array_append_val (counts, *count);
  }
  return TRUE;
}

static double
census_progress (const KmlWorkload *base)
{
  const Census *self = (const Census *)base;

  return self->n_steps == 0 ? 1 : 1 - (double)self->n_to_come / (double)self->n_steps;
}

static const KmlParam census_params[] = {
  { .name = "file",
    .type = KML_PARAM_PATH,
    .offset = G_STRUCT_OFFSET (Census, file),
    .summary = "a table: type, size, blocks in use at the end, most in use at once, requests" },
  { .name = "type",
    .type = KML_PARAM_TEXT,
    .value = "all",
    .offset = G_STRUCT_OFFSET (Census, type),
    .grammar = "a type of the table | all",
    .summary = "whose requests are made" },
  { .name = "size",
    .type = KML_PARAM_SIZE,
    .value = "0",
    .max = MAX_OBJECT,
    .offset = G_STRUCT_OFFSET (Census, size),
    .summary = "requests of which size are made; 0: of all" },
  { NULL },
};

static const KmlWorkloadOps census_ops = {
  .name = "census",
  .summary = "requests that add up to a table of a kernel's statistics",
  .instance_size = sizeof (Census),
  .params = census_params,
  .open = census_open,
  .next = census_next,
  .sizes = census_sizes,
  .progress = census_progress,
  .close = census_close,
};

KML_REGISTER_WORKLOAD (census_ops)
