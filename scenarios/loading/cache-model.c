/* cache-model.c: the geometry of a machine's caches, from a data file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   [caches]
 *   title = …
 *   source = …
 *   line = 64
 *   policy = inclusive | victim
 *   [l1]
 *   size = 32KiB
 *   ways = 8
 *   [l2]
 *   …
 *   [last]
 *   …
 *   per-cpu = no           yes: the size is that of a slice, and there is one for each CPU
 *   [latency]
 *   l1 = 1.3ns
 *   …                      every place of caches.h, once: what a reference takes in all
 *
 * Where it is: data-file.h.
 */

#include "scenarios/loading/data-file.h"

#include <string.h>

#include "simcore/param.h"

typedef struct {
  char *title, *source; /* (owned) */
  guint64 line;
  guint policy;
} Head;

typedef struct {
  guint64 size, ways;
  gboolean is_per_cpu;
} Shape;

typedef struct {
  Head head;
  KmlCachesConfig config;
} Model;

static const char *const policies[] = { "inclusive", "victim", NULL };

static const KmlParam head_params[] = {
  { .name = "title", .type = KML_PARAM_TEXT, .offset = G_STRUCT_OFFSET (Head, title) },
  { .name = "source", .type = KML_PARAM_TEXT, .offset = G_STRUCT_OFFSET (Head, source) },
  { .name = "line",
    .type = KML_PARAM_SIZE,
    .min = KML_MIN_LINE,
    .max = KML_MAX_LINE,
    .power_of_two = TRUE,
    .offset = G_STRUCT_OFFSET (Head, line) },
  { .name = "policy",
    .type = KML_PARAM_CHOICE,
    .choices = policies,
    .offset = G_STRUCT_OFFSET (Head, policy) },
  { NULL },
};

#define SHAPE_PARAMS                                                                               \
  { .name = "size",                                                                                \
    .type = KML_PARAM_SIZE,                                                                        \
    .min = KML_MIN_LINE,                                                                           \
    .max = KML_MAX_CACHE_SIZE,                                                                     \
    .offset = G_STRUCT_OFFSET (Shape, size) },                                                     \
  {                                                                                                \
    .name = "ways", .type = KML_PARAM_COUNT, .min = 1, .max = KML_MAX_WAYS,                        \
    .offset = G_STRUCT_OFFSET (Shape, ways)                                                        \
  }

static const KmlParam shape_params[] = { SHAPE_PARAMS, { NULL } };

static const KmlParam last_params[] = {
  SHAPE_PARAMS,
  { .name = "per-cpu",
    .type = KML_PARAM_BOOL,
    .value = "no",
    .offset = G_STRUCT_OFFSET (Shape, is_per_cpu) },
  { NULL },
};

/* ---- Reading ---- */

static const KmlKeyFileEntry *
find_entry (const KmlKeyFileGroup *group, const char *key)
{
  for (guint i = 0; i < group->entries->len; i++) {
    const KmlKeyFileEntry *entry = g_ptr_array_index (group->entries, i);

    if (g_str_equal (entry->key, key))
      return entry;
  }
  return NULL;
}

static void
say_unknown_keys (const char *file, const KmlKeyFileGroup *group, const char *const *names,
                  GPtrArray *problems)
{
  for (guint i = 0; i < group->entries->len; i++) {
    const KmlKeyFileEntry *entry = g_ptr_array_index (group->entries, i);

    if (!g_strv_contains (names, entry->key))
      kml_data_file_unknown (problems, file, entry->line, entry->column, "key", entry->key, names);
  }
}

/* Every key of @table, once, into @instance. */
static void
read_group (const char *file, const KmlKeyFile *key_file, const char *name, const KmlParam *table,
            gpointer instance, GPtrArray *problems)
{
  const KmlKeyFileGroup *group = kml_key_file_find_group (key_file, name);
  const char *names[8] = { NULL };
  guint n = 0;

  kml_params_set_defaults (table, instance);
  if (group == NULL)
    return;
  for (const KmlParam *param = table; param->name != NULL; param++) {
    const KmlKeyFileEntry *entry = find_entry (group, param->name);
    g_autoptr (GError) error = NULL;

    g_assert (n + 1 < G_N_ELEMENTS (names));
    names[n++] = param->name;
    if (entry == NULL && param->value == NULL)
      kml_problems_add (problems, file, group->line, group->column, "[%s] lacks “%s”", name,
                        param->name);
    else if (entry != NULL && !kml_param_parse (param, entry->value, instance, &error))
      kml_problems_add (problems, file, entry->line, entry->value_column, "%s: %s", param->name,
                        error->message);
  }
  say_unknown_keys (file, group, names, problems);
}

static void
read_shape (const char *file, const KmlKeyFile *key_file, guint level, Model *model,
            GPtrArray *problems)
{
  const gboolean is_last = level == KML_CACHE_LAST;
  const char *name = kml_cache_level_names[level];
  const KmlKeyFileGroup *group = kml_key_file_find_group (key_file, name);
  const guint n_before = problems->len;
  Shape shape = { 0 };

  read_group (file, key_file, name, is_last ? last_params : shape_params, &shape, problems);
  model->config.shapes[level] = (KmlCacheShape){ shape.size, shape.ways };
  model->config.is_per_cpu = shape.is_per_cpu;
  if (group != NULL && problems->len == n_before && model->config.line != 0) {
    g_autofree char *problem = kml_cache_shape_problem (&model->config.shapes[level],
                                                        model->config.line, is_last);

    if (problem != NULL)
      kml_problems_add (problems, file, group->line, group->column, "[%s]: %s", name, problem);
  }
}

static void
read_latency (const char *file, const KmlKeyFile *key_file, Model *model, GPtrArray *problems)
{
  KmlParam table[KML_N_SERVED + 1] = { { NULL } };

  for (guint i = 0; i < KML_N_SERVED; i++)
    table[i] = (KmlParam){ .name = kml_served_info[i].key,
                           .type = KML_PARAM_TIME,
                           .max = KML_MS,
                           .offset = i * sizeof (KmlTime) };
  read_group (file, key_file, "latency", table, model->config.latency, problems);
}

static void
read_model (const char *file, const KmlKeyFile *key_file, gpointer data, GPtrArray *problems)
{
  static const char *const names[] = { "caches", "l1", "l2", "last", "latency", NULL };
  Model *model = data;

  read_group (file, key_file, "caches", head_params, &model->head, problems);
  model->config.line = model->head.line;
  model->config.is_inclusive = model->head.policy == 0;
  for (guint level = 0; level < KML_N_CACHES; level++)
    read_shape (file, key_file, level, model, problems);
  read_latency (file, key_file, model, problems);
  kml_data_file_check_groups (file, key_file, names, problems);
}

static const KmlDataFileKind kind = { "cache model", "/kmemlab/caches", ".caches", read_model };

/* ---- Asking ---- */

char *
kml_cache_model_file (const char *name)
{
  return kml_data_file_is_path (&kind, name) ? g_strdup (name) : NULL;
}

gboolean
kml_cache_model_load (const char *name, const char *path, KmlCachesConfig *ret_config,
                      GError **error)
{
  Model model = { .head = { 0 } };
  const gboolean ok = kml_data_file_load (&kind, name, path, &model, error);

  if (ok)
    *ret_config = model.config;
  kml_params_clear (head_params, &model.head);
  return ok;
}

char **
kml_cache_model_list (void)
{
  return kml_data_file_list (&kind);
}

char *
kml_cache_model_describe (const char *name)
{
  Model model = { .head = { 0 } };
  char *description = NULL;

  if (!kml_data_file_is_path (&kind, name) && kml_data_file_load (&kind, name, NULL, &model, NULL))
    description = g_strdup_printf ("%s (%s)", model.head.title, model.head.source);
  kml_params_clear (head_params, &model.head);
  return description;
}
