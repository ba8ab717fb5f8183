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

#include "workloads/programs/program-reader.h"

#include <string.h>

#include "simcore/base/units.h"

#define MAX_STEPS 10000
#define MAX_DEPTH 8

typedef struct {
  KmlStepReader reader;
  const char *at;
  KmlProgram *program;
  int begun[MAX_DEPTH];         /* steps whose blocks are open; -1: one that is wrong */
  gsize begun_at[MAX_DEPTH];    /* where they stand */
  KmlStepKind kinds[MAX_DEPTH]; /* what they are; KML_N_STEPS: nothing */
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

static void
clear_word (gpointer data)
{
  g_free (((KmlStepWord *)data)->text);
}

/* ---- What is wrong ---- */

static void
fault_free (KmlProgramFault *self)
{
  g_free (self->text);
  g_free (self);
}

/* @text: (transfer full) */
static void
add_fault (GPtrArray *faults, gsize at, char *text)
{
  KmlProgramFault *fault = g_new0 (KmlProgramFault, 1);

  fault->at = at;
  fault->text = text;
  g_ptr_array_add (faults, fault);
}

/* @step is how messages call it: its words. FALSE. */
static gboolean G_GNUC_PRINTF (4, 5)
    fault_at (KmlStepReader *self, gsize at, const char *step, const char *format, ...)
{
  g_autofree char *quoted = kml_quote (step, -1);
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  add_fault (self->faults, at, g_strdup_printf ("step %s: %s", quoted, text));
  return FALSE;
}

/* (transfer full) */
static char *
join_words (const KmlStepReader *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->words->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", kml_step_word (self, i));
  return g_string_free (text, FALSE);
}

gboolean
kml_step_wrong (KmlStepReader *self, guint i, const char *format, ...)
{
  g_autofree char *step = join_words (self);
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  return fault_at (self, g_array_index (self->words, KmlStepWord, i).at, step, "%s", text);
}

/* ---- Words ---- */

/* The words up to a comma or brace. */
static void
take_words (Parser *self)
{
  const char *at = self->at;

  g_array_set_size (self->reader.words, 0);
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
    g_array_append_val (self->reader.words, ((KmlStepWord){ g_strndup (start, (gsize)(at - start)),
                                                            (gsize)(start - self->reader.text) }));
  }
  self->at = at;
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
wrong_name (Parser *self)
{
  const char *names[KML_N_STEPS] = { NULL };
  const char *nearest;

  for (guint i = 0; i < KML_STEP_END; i++)
    names[i] = kml_step_forms[i].name;
  nearest = kml_nearest_name (kml_step_word (&self->reader, 0), names);
  if (nearest != NULL)
    return kml_step_wrong (&self->reader, 0, "there is no such step; did you mean “%s”?", nearest);
  return kml_step_wrong (
      &self->reader, 0,
      "there is no such step; there is alloc, free, lock, unlock, work, sleep, … "
      "(kmemlab list steps)");
}

/* ---- Steps ---- */

static gboolean
has_name (const KmlStepForm *form)
{
  return strstr (form->shape, "NAME") != NULL;
}

/* The step that the words are, with @form (nullable). A step is there whole or not at all, so that whoever frees the program finds
 * nothing half made. */
static gboolean
add_step (Parser *self, const KmlStepForm *form)
{
  KmlStep step = { 0 };

  if (form == NULL)
    return wrong_name (self);
  if (self->reader.words->len - 1 < form->least)
    return kml_step_wrong (&self->reader, 0, "expected %s", form->shape);
  if (self->reader.words->len - 1 > form->most)
    return kml_step_wrong (&self->reader, form->most + 1, "expected %s", form->shape);
  step.kind = (guint8)(form - kml_step_forms);
  if (has_name (form)) {
    step.name = g_strdup (kml_step_word (&self->reader, 1));
    step.name_at = g_array_index (self->reader.words, KmlStepWord, 1).at;
  }
  if (!kml_step_read_arguments (&self->reader, &step)) {
    clear_step (&step);
    return FALSE;
  }
  step.text = join_words (&self->reader);
  g_array_append_val (self->program->steps, step);
  return TRUE;
}

/* @at: where its step stands; @begun: the step, or -1. FALSE: too deep. */
static gboolean
open_block (Parser *self, gsize at, KmlStepKind kind, int begun)
{
  if (self->depth == MAX_DEPTH)
    return fault_at (&self->reader, at, "{", "more than %d blocks in each other", MAX_DEPTH);
  self->begun[self->depth] = begun;
  self->begun_at[self->depth] = at;
  self->kinds[self->depth++] = kind;
  self->program->depth = MAX (self->program->depth, self->depth);
  self->at++;
  return TRUE;
}

/* What must not be goes on all the same, to find what else is wrong: @is_good: the step before the block is. */
static gboolean
begin_block (Parser *self, const KmlStepForm *form, gboolean is_good)
{
  const KmlStepKind kind = form != NULL ? (KmlStepKind)(form - kml_step_forms) : KML_N_STEPS;

  if (form != NULL && !form->has_block)
    is_good = kml_step_wrong (&self->reader, 0, "no block { … } can follow it");
  for (guint i = 0; kind == KML_STEP_IPI && i < self->depth; i++)
    if (self->kinds[i] == KML_STEP_IPI)
      is_good = kml_step_wrong (&self->reader, 0, "an ipi within an ipi: handlers send none");
  return open_block (self, g_array_index (self->reader.words, KmlStepWord, 0).at, kind,
                     is_good ? (int)self->program->steps->len - 1 : -1);
}

static void
end_block (Parser *self)
{
  KmlStep step = { .kind = KML_STEP_END };

  if (self->depth == 0) {
    fault_at (&self->reader, (gsize)(self->at - self->reader.text), "}", "no block is open");
  } else if (self->begun[--self->depth] >= 0) {
    step.target = (guint)self->begun[self->depth];
    g_array_append_val (self->program->steps, step);
    g_array_index (self->program->steps, KmlStep, step.target).target = self->program->steps->len;
  }
  self->at++;
}

/* What stands between two steps. FALSE: what is behind it cannot be read. */
static gboolean
pass_mark (Parser *self)
{
  const gsize at = (gsize)(self->at - self->reader.text);

  if (*self->at == '{') {
    fault_at (&self->reader, at, "{", "expected a step before it: repeat COUNT { … }");
    return open_block (self, at, KML_N_STEPS, -1);
  }
  if (*self->at == '}')
    end_block (self);
  else
    self->at += *self->at != '\0';
  return TRUE;
}

/* FALSE: what is behind it cannot be read. */
static gboolean
parse_one (Parser *self)
{
  const KmlStepForm *form;
  gboolean is_good;

  take_words (self);
  if (self->reader.words->len == 0)
    return pass_mark (self);
  if (self->program->steps->len == MAX_STEPS)
    return kml_step_wrong (&self->reader, 0, "a program has at most %d steps", MAX_STEPS);
  form = find_form (kml_step_word (&self->reader, 0));
  is_good = add_step (self, form);
  if (*self->at == '{')
    return begin_block (self, form, is_good);
  if (is_good && form->has_block)
    kml_step_wrong (&self->reader, 0, "expected %s", form->shape);
  return TRUE;
}

/* At the end of the text no block is open. */
static void
check_end (Parser *self)
{
  for (guint i = 0; i < self->depth; i++) {
    const char *at = self->reader.text + self->begun_at[i];
    g_autofree char *name = g_strndup (at, strcspn (at, ", \t{"));

    fault_at (&self->reader, self->begun_at[i], name, "its block is not closed by “}”");
  }
}

KmlProgram *
kml_program_read (const char *text, GPtrArray *faults)
{
  g_autoptr (KmlProgram) program = g_new0 (KmlProgram, 1);
  Parser parser = { .reader = { .text = text, .faults = faults }, .at = text, .program = program };
  const guint n_faults = faults->len;
  gboolean goes_on = TRUE;

  program->steps = g_array_new (FALSE, TRUE, sizeof (KmlStep));
  g_array_set_clear_func (program->steps, clear_step);
  parser.reader.words = g_array_new (FALSE, FALSE, sizeof (KmlStepWord));
  g_array_set_clear_func (parser.reader.words, clear_word);
  while (*parser.at != '\0' && goes_on)
    goes_on = parse_one (&parser);
  if (goes_on)
    check_end (&parser);
  g_array_unref (parser.reader.words);
  if (program->steps->len == 0 && faults->len == n_faults)
    add_fault (faults, 0, g_strdup ("expected steps: lock L, alloc x 64, …"));
  return faults->len == n_faults ? g_steal_pointer (&program) : NULL;
}

GPtrArray *
kml_program_faults_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify)fault_free);
}

KmlProgram *
kml_program_parse (const char *text, GError **error)
{
  g_autoptr (GPtrArray) faults = kml_program_faults_new ();
  KmlProgram *program = kml_program_read (text, faults);

  if (program == NULL)
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT,
                         ((KmlProgramFault *)g_ptr_array_index (faults, 0))->text);
  return program;
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
