/* program-parse.c: reading the steps of a task.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   program = step {"," step}
 *   step    = word {word} [block]
 *   block   = "{" program "}"
 *
 * Words are separated by blanks; a parenthesis keeps what is in it together: exponential(2us). No comma is needed after a block.
 */

#include "workloads/program-private.h"

#include <string.h>

#include "simcore/units.h"

#define MAX_STEPS    10000
#define MAX_DEPTH    8
#define MAX_TRANSFER (G_GUINT64_CONSTANT (1) << 30) /* bytes, of one request to a disk */

const KmlStepForm kml_step_forms[KML_N_STEPS] = {
  [KML_STEP_ALLOC] = { "alloc",
                       "alloc NAME SIZE [pages] [GFP…] [align SIZE] [below SIZE] [for DEVICE]", 2,
                       11, FALSE,
                       "asks for a block and calls it NAME, a name can have several; one that "
                       "suits "
                       "a DMA engine" },
  [KML_STEP_FREE] = { "free", "free NAME", 1, 1, FALSE,
                      "gives back the latest block of that name" },
  [KML_STEP_TOUCH] = { "touch", "touch NAME [PAGE | FIRST..LAST | next | random]", 1, 2, FALSE,
                       "looks at a block, or at pages of a [region] or [mapping], which may "
                       "fault" },
  [KML_STEP_DIRTY] = { "dirty", "dirty NAME [PAGE | FIRST..LAST | next | random] [nowait]", 1, 3,
                       FALSE,
                       "writes to a block, or to pages of a [mapping]; may be throttled for that "
                       "where there is a flusher, unless nowait" },
  [KML_STEP_THROTTLE] = { "throttle", "throttle NAME", 1, 1, FALSE,
                          "is throttled for what it has written to a [mapping] with nowait, if too "
                          "much is dirty" },
  [KML_STEP_SYNC] = { "sync", "sync NAME", 1, 1, FALSE,
                      "writes the dirty pages of a [mapping] to the disk, and waits" },
  [KML_STEP_DROP] = { "drop", "drop NAME", 1, 1, FALSE, "gives back all pages of a [mapping]" },
  [KML_STEP_MIGRATE] = { "migrate", "migrate NAME [PAGE | FIRST..LAST | next | random] [pausing]",
                         1, 3, FALSE,
                         "moves pages of a [mapping] to other frames; pausing a device that has "
                         "them" },
  [KML_STEP_DMA] = { "dma",
                     "dma DEVICE NAME [FIRST..LAST] [all] [to-device | from-device] [nowait]", 2, 6,
                     FALSE,
                     "a DMA engine moves a block, all blocks of a name as one scattered buffer, or "
                     "pages of a [mapping]; waits, unless nowait" },
  [KML_STEP_DMA_WAIT] = { "dma-wait", "dma-wait NAME", 1, 1, FALSE,
                          "until the transfers of NAME that this task began are done" },
  [KML_STEP_LOCK] = { "lock", "lock NAME", 1, 1, FALSE, "takes a [lock]" },
  [KML_STEP_LOCK_SHARED] = { "lock-shared", "lock-shared NAME", 1, 1, FALSE, "takes it to read" },
  [KML_STEP_TRY_LOCK] = { "try-lock", "try-lock NAME", 1, 1, FALSE,
                          "takes it if that needs no waiting; if-failed sees whether" },
  [KML_STEP_UNLOCK] = { "unlock", "unlock NAME", 1, 1, FALSE, "gives it back" },
  [KML_STEP_WORK] = { "work", "work TIME", 1, 1, FALSE, "keeps its CPU busy" },
  [KML_STEP_SLEEP] = { "sleep", "sleep TIME", 1, 1, FALSE, "leaves its CPU to others" },
  [KML_STEP_YIELD] = { "yield", "yield", 0, 0, FALSE, "lets another ready task run" },
  [KML_STEP_PROGRESS] = { "progress", "progress", 0, 0, FALSE,
                          "says that something was achieved; with one such step in a scenario "
                          "nothing "
                          "else but the end of a task counts" },
  [KML_STEP_WAIT] = { "wait", "wait NAME [for TASK]", 1, 3, FALSE,
                      "until somebody wakes NAME; where only TASK can, it says so" },
  [KML_STEP_WAKE] = { "wake", "wake NAME", 1, 1, FALSE,
                      "lets one who waits for NAME go on, now or when it comes" },
  [KML_STEP_IRQ_OFF] = { "irq-off", "irq-off", 0, 0, FALSE, "no interrupts on this CPU" },
  [KML_STEP_IRQ_ON] = { "irq-on", "irq-on", 0, 0, FALSE, "interrupts again" },
  [KML_STEP_SOFTIRQ_OFF] = { "softirq-off", "softirq-off", 0, 0, FALSE, "no softirqs on this CPU" },
  [KML_STEP_SOFTIRQ_ON] = { "softirq-on", "softirq-on", 0, 0, FALSE, "softirqs again" },
  [KML_STEP_PREEMPT_OFF] = { "preempt-off", "preempt-off", 0, 0, FALSE,
                             "no other task on this CPU" },
  [KML_STEP_PREEMPT_ON] = { "preempt-on", "preempt-on", 0, 0, FALSE, "others again" },
  [KML_STEP_IO] = { "io", "io TIME", 1, 1, FALSE, "sleeps until a device is done" },
  [KML_STEP_READ] = { "read", "read NAME SIZE", 2, 2, FALSE,
                      "reads so much from the disk [device NAME], at a random place, and waits" },
  [KML_STEP_WRITE] = { "write", "write NAME SIZE", 2, 2, FALSE, "writes so much to it, and waits" },
  [KML_STEP_REPEAT] = { "repeat", "repeat COUNT { … }", 1, 1, TRUE, "does the block so often" },
  [KML_STEP_RETRY] = { "retry", "retry { … }", 0, 0, TRUE,
                       "does the block, and again as long as the last step in it that could fail "
                       "did" },
  [KML_STEP_IF_FAILED] = { "if-failed", "if-failed { … }", 0, 0, TRUE,
                           "does the block if the last step that could fail did" },
  [KML_STEP_NOFS] = { "memalloc-nofs", "memalloc-nofs { … }", 0, 0, TRUE,
                      "does the block; requests in it do not call file systems, as with GFP_NOFS" },
  [KML_STEP_NOIO] = { "memalloc-noio", "memalloc-noio { … }", 0, 0, TRUE,
                      "does the block; requests in it start no I/O, as with GFP_NOIO" },
  [KML_STEP_NORECLAIM] = { "memalloc-noreclaim", "memalloc-noreclaim { … }", 0, 0, TRUE,
                           "does the block; requests in it reclaim nothing themselves and may use "
                           "the reserves up (PF_MEMALLOC)" },
  [KML_STEP_CALL] = { "call", "call NAME { … }", 1, 1, TRUE,
                      "does the block as a function of that name, for call chains" },
  [KML_STEP_RECLAIM] = { "reclaim", "reclaim { … }", 0, 0, TRUE,
                         "does the block as what a file system is asked to do to free memory: not "
                         "where "
                         "the GFP flags of the last alloc forbid that" },
  [KML_STEP_IPI] = { "ipi", "ipi CPU | all [nowait] { … }", 1, 2, TRUE,
                     "another CPU does the block, or all others do, in the handler of an interrupt "
                     "that this one sends; waits until they have, unless nowait" },
  [KML_STEP_END] = { "}", "}", 0, 0, FALSE, "ends a block" },
};

const KmlStepForm *
kml_program_step_forms (guint *ret_n)
{
  *ret_n = KML_STEP_END;
  return kml_step_forms;
}

typedef struct {
  const char *at;
  KmlProgram *program;
  guint begun[MAX_DEPTH]; /* steps whose blocks are open */
  guint depth;
} Parser;

static void
clear_step (gpointer data)
{
  KmlStep *step = data;

  g_free (step->text);
  g_free (step->name);
  g_free (step->other);
  kml_time_law_clear (&step->time);
}

static gboolean G_GNUC_PRINTF (3, 4)
    refuse (const char *step, GError **error, const char *format, ...)
{
  g_autofree char *quoted = kml_quote (step, -1);
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "step %s: %s", quoted, text);
  return FALSE;
}

/* ---- Words ---- */

/* The words up to a comma or brace. (transfer full) */
static GPtrArray *
take_words (Parser *self)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);
  const char *at = self->at;

  for (;;) {
    const char *start;
    guint depth = 0;

    at += strspn (at, " \t");
    for (start = at; *at != '\0'; at++) {
      if (*at == '(')
        depth++;
      else if (*at == ')' && depth > 0)
        depth--;
      else if (depth == 0 && strchr (", \t{}", *at) != NULL)
        break;
    }
    if (at == start)
      break;
    g_ptr_array_add (words, g_strndup (start, (gsize)(at - start)));
  }
  self->at = at;
  return words;
}

/* (transfer full) */
static char *
join_words (const GPtrArray *words)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < words->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", (char *)g_ptr_array_index (words, i));
  return g_string_free (text, FALSE);
}

static const KmlStepForm *
find_form (const char *name)
{
  for (guint i = 0; i < KML_STEP_END; i++)
    if (g_str_equal (kml_step_forms[i].name, name))
      return &kml_step_forms[i];
  return NULL;
}

static gboolean
refuse_name (const char *name, GError **error)
{
  const char *names[KML_N_STEPS] = { NULL };
  const char *nearest;

  for (guint i = 0; i < KML_STEP_END; i++)
    names[i] = kml_step_forms[i].name;
  nearest = kml_nearest_name (name, names);
  if (nearest != NULL)
    return refuse (name, error, "there is no such step; did you mean “%s”?", nearest);
  return refuse (name, error,
                 "there is no such step; there is alloc, free, lock, unlock, work, sleep, …");
}

/* ---- Arguments ---- */

static gboolean
read_alloc (KmlStep *step, const GPtrArray *words, GError **error)
{
  step->level = KML_LEVEL_OBJECTS;
  step->request.gfp = KML_GFP_KERNEL;
  if (!kml_parse_size (g_ptr_array_index (words, 2), &step->request.size, error))
    return FALSE;
  if (step->request.size == 0)
    return refuse (kml_step_forms[step->kind].shape, error, "a block of no bytes");
  for (guint i = 3; i < words->len; i++) {
    const char *word = g_ptr_array_index (words, i);
    const gboolean is_align = g_str_equal (word, "align");
    guint64 *bytes = is_align ? &step->constraints.alignment : &step->constraints.limit;

    if (g_str_equal (word, "pages")) {
      step->level = KML_LEVEL_PAGES;
    } else if (g_str_equal (word, "for")) {
      if (++i == words->len)
        return refuse (word, error, "expected the name of a [device] after it");
      g_free (step->other);
      step->other = g_strdup (g_ptr_array_index (words, i));
    } else if (is_align || g_str_equal (word, "below")) {
      if (++i == words->len)
        return refuse (word, error, "expected a size after it");
      if (!kml_parse_size (g_ptr_array_index (words, i), bytes, error))
        return FALSE;
      if (is_align && (*bytes == 0 || (*bytes & (*bytes - 1)) != 0))
        return refuse (word, error, "an alignment is a power of two");
    } else if (!kml_gfp_parse (word, strlen (word), &step->request.gfp, error)) {
      return FALSE;
    }
  }
  step->request.mobility = (guint8)kml_gfp_mobility (step->request.gfp);
  return TRUE;
}

static gboolean
read_wait (KmlStep *step, const GPtrArray *words, GError **error)
{
  if (words->len == 2)
    return TRUE;
  if (words->len != 4 || !g_str_equal (g_ptr_array_index (words, 2), "for"))
    return refuse (g_ptr_array_index (words, 0), error, "expected %s",
                   kml_step_forms[step->kind].shape);
  step->other = g_strdup (g_ptr_array_index (words, 3));
  return TRUE;
}

/* PAGE, FIRST..LAST, next or random. */
static gboolean
read_pages (KmlStep *step, const char *word, GError **error)
{
  const char *dots = strstr (word, "..");
  g_autofree char *first = dots != NULL ? g_strndup (word, (gsize)(dots - word)) : g_strdup (word);

  if (g_str_equal (word, "next")) {
    step->pages.kind = KML_PAGES_NEXT;
    return TRUE;
  }
  if (g_str_equal (word, "random")) {
    step->pages.kind = KML_PAGES_RANDOM;
    return TRUE;
  }
  if (!kml_parse_count (first, &step->pages.first, error) ||
      (dots != NULL && !kml_parse_count (dots + 2, &step->pages.last, error)))
    return FALSE;
  if (dots == NULL)
    step->pages.last = step->pages.first;
  return step->pages.first <= step->pages.last ||
         refuse (word, error, "the first page is behind the last");
}

static gboolean
read_ipi (KmlStep *step, const GPtrArray *words, GError **error)
{
  const char *cpu = g_ptr_array_index (words, 1);

  if (words->len > 2 && !g_str_equal (g_ptr_array_index (words, 2), "nowait"))
    return refuse (g_ptr_array_index (words, 2), error, "expected %s",
                   kml_step_forms[step->kind].shape);
  step->flags |= words->len > 2 ? KML_STEP_FLAG_NOWAIT : 0;
  if (!g_str_equal (cpu, "all"))
    return kml_parse_count (cpu, &step->count, error);
  step->flags |= KML_STEP_FLAG_ALL;
  return TRUE;
}

/* Pages, and @flag if there is the word @flag_word. */
static gboolean
read_pages_and (KmlStep *step, const GPtrArray *words, const char *flag_word, guint8 flag,
                GError **error)
{
  for (guint i = 2; i < words->len; i++) {
    const char *word = g_ptr_array_index (words, i);

    if (g_str_equal (word, flag_word))
      step->flags |= flag;
    else if (!read_pages (step, word, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_dma (KmlStep *step, const GPtrArray *words, GError **error)
{
  static const struct {
    const char *word;
    guint8 flag;
  } flags[] = { { "all", KML_STEP_FLAG_ALL },
                { "from-device", KML_STEP_FLAG_FROM_DEVICE },
                { "to-device", 0 },
                { "nowait", KML_STEP_FLAG_NOWAIT } };

  step->other = g_strdup (g_ptr_array_index (words, 2));
  for (guint i = 3; i < words->len; i++) {
    const char *word = g_ptr_array_index (words, i);
    guint j = 0;

    while (j < G_N_ELEMENTS (flags) && !g_str_equal (word, flags[j].word))
      j++;
    if (j < G_N_ELEMENTS (flags))
      step->flags |= flags[j].flag;
    else if (strstr (word, "..") == NULL)
      return refuse (word, error, "expected %s", kml_step_forms[KML_STEP_DMA].shape);
    else if (!read_pages (step, word, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
read_transfer (KmlStep *step, const GPtrArray *words, GError **error)
{
  if (!kml_parse_size (g_ptr_array_index (words, 2), &step->count, error))
    return FALSE;
  if (step->count == 0 || step->count > MAX_TRANSFER)
    return refuse (kml_step_forms[step->kind].shape, error, "expected a size from 1 to 1 GiB");
  return TRUE;
}

static gboolean
read_arguments (KmlStep *step, const GPtrArray *words, GError **error)
{
  switch ((KmlStepKind)step->kind) {
  case KML_STEP_ALLOC:
    return read_alloc (step, words, error);
  case KML_STEP_WAIT:
    return read_wait (step, words, error);
  case KML_STEP_TOUCH:
    return words->len < 3 || read_pages (step, g_ptr_array_index (words, 2), error);
  case KML_STEP_DIRTY:
    return read_pages_and (step, words, "nowait", KML_STEP_FLAG_NOWAIT, error);
  case KML_STEP_MIGRATE:
    return read_pages_and (step, words, "pausing", KML_STEP_FLAG_PAUSING, error);
  case KML_STEP_DMA:
    return read_dma (step, words, error);
  case KML_STEP_READ:
  case KML_STEP_WRITE:
    return read_transfer (step, words, error);
  case KML_STEP_IPI:
    return read_ipi (step, words, error);
  case KML_STEP_REPEAT:
    return kml_parse_count (g_ptr_array_index (words, 1), &step->count, error);
  case KML_STEP_WORK:
  case KML_STEP_SLEEP:
  case KML_STEP_IO:
    return kml_time_law_parse (g_ptr_array_index (words, 1), &step->time, error);
  case KML_STEP_FREE:
  case KML_STEP_LOCK:
  case KML_STEP_LOCK_SHARED:
  case KML_STEP_TRY_LOCK:
  case KML_STEP_UNLOCK:
  case KML_STEP_WAKE:
  case KML_STEP_CALL:
  case KML_STEP_YIELD:
  case KML_STEP_PROGRESS:
  case KML_STEP_IRQ_OFF:
  case KML_STEP_IRQ_ON:
  case KML_STEP_SOFTIRQ_OFF:
  case KML_STEP_SOFTIRQ_ON:
  case KML_STEP_PREEMPT_OFF:
  case KML_STEP_PREEMPT_ON:
  case KML_STEP_RETRY:
  case KML_STEP_IF_FAILED:
  case KML_STEP_RECLAIM:
  case KML_STEP_SYNC:
  case KML_STEP_THROTTLE:
  case KML_STEP_DROP:
  case KML_STEP_DMA_WAIT:
  case KML_STEP_NOFS:
  case KML_STEP_NOIO:
  case KML_STEP_NORECLAIM:
    return TRUE;
  case KML_STEP_END:
  case KML_N_STEPS:
    break;
  }
  g_assert_not_reached ();
}

/* ---- Steps ---- */

static gboolean
has_name (const KmlStepForm *form)
{
  return strstr (form->shape, "NAME") != NULL;
}

/* A step is there whole or not at all, so that whoever frees the program finds nothing half made. */
static gboolean
add_step (Parser *self, const GPtrArray *words, GError **error)
{
  const char *name = g_ptr_array_index (words, 0);
  const KmlStepForm *form = find_form (name);
  KmlStep step = { 0 };

  if (form == NULL)
    return refuse_name (name, error);
  if (words->len - 1 < form->least || words->len - 1 > form->most)
    return refuse (name, error, "expected %s", form->shape);
  if (self->program->steps->len == MAX_STEPS)
    return refuse (name, error, "a program has at most %d steps", MAX_STEPS);
  step.kind = (guint8)(form - kml_step_forms);
  step.text = join_words (words);
  if (has_name (form))
    step.name = g_strdup (g_ptr_array_index (words, 1));
  if (!read_arguments (&step, words, error)) {
    clear_step (&step);
    return FALSE;
  }
  g_array_append_val (self->program->steps, step);
  return TRUE;
}

static gboolean
begin_block (Parser *self, const char *name, GError **error)
{
  const KmlStepForm *form = find_form (name);

  if (!form->has_block)
    return refuse (name, error, "no block { … } can follow it");
  for (guint i = 0; form - kml_step_forms == KML_STEP_IPI && i < self->depth; i++)
    if (g_array_index (self->program->steps, KmlStep, self->begun[i]).kind == KML_STEP_IPI)
      return refuse (name, error, "an ipi within an ipi: handlers send none");
  if (self->depth == MAX_DEPTH)
    return refuse (name, error, "more than %d blocks in each other", MAX_DEPTH);
  self->begun[self->depth++] = self->program->steps->len - 1;
  self->program->depth = MAX (self->program->depth, self->depth);
  self->at++;
  return TRUE;
}

static gboolean
end_block (Parser *self, GError **error)
{
  KmlStep step = { .kind = KML_STEP_END };

  if (self->depth == 0)
    return refuse ("}", error, "no block is open");
  step.target = self->begun[--self->depth];
  g_array_append_val (self->program->steps, step);
  g_array_index (self->program->steps, KmlStep, step.target).target = self->program->steps->len;
  self->at++;
  return TRUE;
}

static gboolean
parse_one (Parser *self, GError **error)
{
  g_autoptr (GPtrArray) words = take_words (self);
  const char *name;

  if (words->len == 0) {
    if (*self->at == '}')
      return end_block (self, error);
    if (*self->at == '{')
      return refuse ("{", error, "expected a step before it: repeat COUNT { … }");
    self->at += *self->at == ',';
    return TRUE;
  }
  name = g_ptr_array_index (words, 0);
  if (!add_step (self, words, error))
    return FALSE;
  if (*self->at == '{')
    return begin_block (self, name, error);
  if (find_form (name)->has_block)
    return refuse (name, error, "expected %s", find_form (name)->shape);
  return TRUE;
}

KmlProgram *
kml_program_parse (const char *text, GError **error)
{
  g_autoptr (KmlProgram) program = g_new0 (KmlProgram, 1);
  Parser parser = { .at = text, .program = program };

  program->steps = g_array_new (FALSE, TRUE, sizeof (KmlStep));
  g_array_set_clear_func (program->steps, clear_step);
  while (*parser.at != '\0')
    if (!parse_one (&parser, error))
      return NULL;
  if (parser.depth > 0) {
    const KmlStep *open = &g_array_index (program->steps, KmlStep, parser.begun[parser.depth - 1]);

    refuse (kml_step_forms[open->kind].name, error, "its block is not closed by “}”");
    return NULL;
  }
  if (program->steps->len == 0) {
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "expected steps: lock L, alloc x 64, …");
    return NULL;
  }
  return g_steal_pointer (&program);
}

void
kml_program_set_place (KmlProgram *self, const char *place)
{
  for (guint i = 0; i < self->steps->len; i++) {
    KmlStep *step = &g_array_index (self->steps, KmlStep, i);
    g_autofree char *text = g_steal_pointer (&step->text);

    if (text != NULL) /* NULL: the end of a block */
      step->text = g_strdup_printf ("%s (%s)", text, place);
  }
}

void
kml_program_free (KmlProgram *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->steps);
  g_free (self);
}

gboolean
kml_program_validate (const char *text, GError **error)
{
  g_autoptr (KmlProgram) program = kml_program_parse (text, error);

  return program != NULL;
}
