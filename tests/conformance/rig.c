/* rig.c: every form of every allocator, and machines to run them on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "tests/conformance/rig.h"

#define PAGE_SIZE G_GUINT64_CONSTANT (4096)

static void
append_forms (const KmlAllocatorOps *ops, GArray *forms)
{
  const Form defaults = { .ops = ops };

  g_array_append_val (forms, defaults);
  for (const KmlParam *param = ops->params; param != NULL && param->name != NULL; param++)
    if (param->type == KML_PARAM_CHOICE)
      for (guint i = 0; param->choices[i] != NULL; i++)
        if (!g_str_equal (param->choices[i], param->value)) {
          const Form form = { ops, param, param->choices[i] };

          g_array_append_val (forms, form);
        }
}

static GArray *
forms_of_level (KmlLevel level)
{
  GArray *forms = g_array_new (FALSE, FALSE, sizeof (Form));
  guint n;
  const KmlAllocatorOps *const *list = kml_allocator_list (&n);

  for (guint i = 0; i < n; i++)
    if (list[i]->level == level)
      append_forms (list[i], forms);
  return forms;
}

static char *
form_name (const Form *form)
{
  if (form->param == NULL)
    return g_strdup (form->ops->name);
  return g_strdup_printf ("%s %s=%s", form->ops->name, form->param->name, form->choice);
}

static void
append_subject (GArray *subjects, const Form *form, const Form *lower)
{
  Subject subject = { .form = *form };
  g_autofree char *name = form_name (form);

  if (lower != NULL) {
    g_autofree char *lower_name = form_name (lower);

    subject.lower = *lower;
    subject.name = g_strconcat (name, " on ", lower_name, NULL);
  } else {
    subject.name = g_steal_pointer (&name);
  }
  g_array_append_val (subjects, subject);
}

static void
clear_subject (gpointer subject)
{
  g_free (((Subject *)subject)->name);
}

GArray *
subjects_new (void)
{
  GArray *subjects = g_array_new (FALSE, FALSE, sizeof (Subject));
  g_autoptr (GArray) pages = forms_of_level (KML_LEVEL_PAGES);
  g_autoptr (GArray) objects = forms_of_level (KML_LEVEL_OBJECTS);
  g_autoptr (GArray) layers = forms_of_level (KML_LEVEL_LAYER);

  g_array_set_clear_func (subjects, clear_subject);
  for (guint i = 0; i < pages->len; i++)
    append_subject (subjects, &g_array_index (pages, Form, i), NULL);
  for (guint i = 0; i < objects->len; i++)
    for (guint k = 0; k < pages->len; k++) {
      const Form *form = &g_array_index (objects, Form, i),
                 *lower = &g_array_index (pages, Form, k);

      if (form->param == NULL || lower->param == NULL)
        append_subject (subjects, form, lower);
    }
  for (guint i = 0; i < layers->len; i++)
    for (guint k = 0; k < pages->len; k++) {
      const Form *form = &g_array_index (layers, Form, i), *lower = &g_array_index (pages, Form, k);

      if (form->ops->around != KML_LEVEL_OBJECTS && lower->param == NULL)
        append_subject (subjects, form, lower);
    }
  for (guint i = 0; i < layers->len; i++)
    for (guint k = 0; k < objects->len; k++) {
      const Form *form = &g_array_index (layers, Form, i),
                 *lower = &g_array_index (objects, Form, k);

      if (form->ops->around == KML_LEVEL_OBJECTS && lower->param == NULL)
        append_subject (subjects, form, lower);
    }
  return subjects;
}

static KmlMachine *
new_machine (guint n_frames)
{
  KmlMachineConfig config = { .n_cpus = 4, .page_size = PAGE_SIZE, .seed = 1 };
  g_autoptr (GError) error = NULL;
  KmlMachine *machine;

  config.ram = kml_ram_size_for (n_frames, PAGE_SIZE);
  for (guint i = 0; i < KML_N_COSTS; i++)
    config.cost[i] = i + 1;
  machine = kml_machine_new (&config, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (machine->ram->n_usable, ==, n_frames);
  return machine;
}

static KmlAllocator *
start (const Form *form, KmlMachine *machine, KmlAllocator *lower)
{
  KmlAllocator *allocator = kml_allocator_new (form->ops, machine, lower);
  g_autoptr (GError) error = NULL;

  if (form->param != NULL)
    kml_param_parse (form->param, form->choice, allocator, &error);
  g_assert_no_error (error);
  kml_allocator_start (allocator, &error);
  g_assert_no_error (error);
  return allocator;
}

void
rig_init (Rig *self, const Form *form, const Form *lower, guint n_frames)
{
  const Form buddy = { .ops = kml_allocator_find ("buddy") };

  self->machine = new_machine (n_frames);
  self->middle = NULL;
  if (form->ops->level == KML_LEVEL_PAGES) {
    self->pages = start (form, self->machine, NULL);
    self->objects = NULL;
    self->tested = self->pages;
  } else {
    if (lower->ops->level == KML_LEVEL_OBJECTS) {
      self->pages = start (&buddy, self->machine, NULL);
      self->middle = start (lower, self->machine, self->pages);
    } else {
      self->pages = start (lower, self->machine, NULL);
    }
    self->objects = start (form, self->machine, self->middle != NULL ? self->middle : self->pages);
    self->tested = self->objects;
    /* what it has set aside is not missing when all is given back */
    if (form->ops->level == KML_LEVEL_LAYER && form->ops->shrink != NULL)
      form->ops->shrink (self->objects);
  }
}

void
rig_finish (Rig *self)
{
  kml_allocator_destroy (self->objects);
  kml_allocator_destroy (self->middle);
  kml_allocator_destroy (self->pages);
  kml_machine_free (self->machine);
}

void
rig_shrink (const Rig *self)
{
  for (guint i = 0; i < 2 && self->tested->ops->shrink != NULL; i++)
    self->tested->ops->shrink (self->tested);
}

gboolean
rig_is_of_pages (const Rig *self)
{
  const KmlAllocator *inner = self->tested;

  while (inner->ops->level == KML_LEVEL_LAYER)
    inner = inner->lower;
  return inner->ops->level == KML_LEVEL_PAGES;
}

guint64
rig_grain (const Rig *self)
{
  return rig_is_of_pages (self) ? PAGE_SIZE : 1;
}
