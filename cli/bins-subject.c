/* bins-subject.c: the trace or scenario that bins are designed for.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A trace becomes the scenario that one would write for it: as many CPUs as were recorded, RAM for
 * four times what is live at most, and nothing else. So everything after that knows only scenarios, and
 * what is stored can be verified like any run.
 *
 * Which of the two a file is, its bytes say: a scenario's first line that says anything is a group,
 * "[machine]".
 */

#include "cli/bins.h"

#include "analysis/save.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "scenarios/loading/write.h"
#include "workloads/traces/trace.h"

#include <errno.h>
#include <string.h>

#define PROVISIONAL_RAM (G_GUINT64_CONSTANT (64) << 20)
#define HEAD_BYTES      65536 /* of a file, to see what it is */

/* The first line of what is written here, without the "# ". */
#define WRITTEN_BY "Written by kmemlab bins"

/* ---- What lies there ---- */

/* "[machine]" or "[workload web]" and nothing else. */
static gboolean
is_group (const char *line, gsize length)
{
  if (length < 3 || line[0] != '[' || line[length - 1] != ']')
    return FALSE;
  for (gsize i = 1; i + 1 < length; i++)
    if (line[i] == '[' || line[i] == ']')
      return FALSE;
  return g_ascii_isalpha (line[1]);
}

static gboolean
is_scenario (const char *path)
{
  g_autofree char *head = g_malloc0 (HEAD_BYTES + 1);
  FILE *file = fopen (path, "rbe");
  gsize n;

  if (file == NULL)
    return g_str_has_suffix (path, ".ini"); /* whoever opens it will say what is wrong */
  n = fread (head, 1, HEAD_BYTES, file);
  fclose (file);
  if (n == 0) /* likewise */
    return g_str_has_suffix (path, ".ini");
  if (memchr (head, '\0', n) != NULL)
    return FALSE;
  for (const char *line = head; line < head + n;) {
    const gsize length = strcspn (line, "\n");
    g_autofree char *text = g_strstrip (g_strndup (line, length));

    if (text[0] != '\0' && text[0] != '#')
      return is_group (text, strlen (text));
    line += length + 1;
  }
  return TRUE; /* an empty scenario: it lacks a workload, and will be told so */
}

/* ---- A trace as a scenario ---- */

static char *
trace_scenario (const char *path, guint n_cpus, guint64 ram)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *words = g_strconcat ("Bin sizes for ", name, NULL);
  g_autofree char *title = kml_scenario_escape (words);
  g_autofree char *file = kml_scenario_escape_file (name);

  return g_strdup_printf ("[scenario]\n"
                          "title = %s\n\n"
                          "[machine]\n"
                          "cpus = %u\n"
                          "ram = %" G_GUINT64_FORMAT "\n\n"
                          "[objects]\n"
                          "allocator = segregated\n\n"
                          "[workload trace]\n"
                          "kind = trace\n"
                          "file = %s\n",
                          title, n_cpus, ram, file);
}

/* CPUs of the recording. Of text they are known when all of it has been read. */
static gboolean
read_cpus (const char *path, guint *ret_n_cpus, GError **error)
{
  g_autoptr (KmlTrace) trace = NULL;

  if (g_str_equal (path, "-")) {
    g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT,
                         "standard input can be read only once: expected a file");
    return FALSE;
  }
  trace = kml_trace_open (path, NULL, error);
  if (trace == NULL || (!kml_trace_info (trace)->complete && !kml_trace_finish (trace, error)))
    return FALSE;
  *ret_n_cpus = MAX (kml_trace_info (trace)->n_cpus, 1);
  return TRUE;
}

static guint64
enough_ram (guint64 peak_bytes)
{
  guint64 ram = PROVISIONAL_RAM;

  while (ram / 4 < peak_bytes && ram < G_GUINT64_CONSTANT (1) << 40)
    ram *= 2;
  return ram;
}

/* ---- Life ---- */

static gboolean
load (KmlBinSubject *self, const KmlRunOptions *options, int *ret_status)
{
  static const char *const more[] = { "sweep.repeat=1", NULL };
  g_autoptr (KmlExperiment) experiment = NULL;

  if (self->text != NULL)
    experiment = kml_experiment_new_text (self->path, self->text, self->base_dir, options, more,
                                          ret_status);
  else
    experiment = kml_experiment_new (self->path, options, more, ret_status);
  if (experiment == NULL)
    return FALSE;
  g_clear_pointer (&self->spec, kml_run_spec_free);
  g_clear_pointer (&self->scenario, kml_scenario_free);
  self->scenario = g_steal_pointer (&experiment->scenario);
  self->spec = kml_scenario_run_spec (self->scenario, 0);
  return TRUE;
}

static gboolean
read_demand (KmlBinSubject *self, KmlDemandWeight weight, guint n_parts, gboolean quiet,
             GError **error)
{
  if (!quiet)
    kml_progress_begin (self->path);
  self->demand = kml_demand_new (self->scenario, 0, weight, n_parts, kml_progress_show_share, NULL,
                                 error);
  kml_progress_end ();
  return self->demand != NULL;
}

/* A value of a scenario is one line of UTF-8. */
static gboolean
can_be_named (const char *path, GError **error)
{
  g_autofree char *name = g_path_get_basename (path);
  gboolean good = g_utf8_validate (name, -1, NULL);

  for (const char *c = name; *c != '\0' && good; c++)
    good = !g_ascii_iscntrl (*c);
  if (!good)
    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "%s: a scenario cannot name this file: expected a name in UTF-8 without control "
                 "characters",
                 path);
  return good;
}

static gboolean
open_trace (KmlBinSubject *self, GError **error)
{
  guint n_cpus;

  if (!can_be_named (self->path, error) || !read_cpus (self->path, &n_cpus, error))
    return FALSE;
  self->text = trace_scenario (self->path, MIN (n_cpus, KML_MAX_CPUS), PROVISIONAL_RAM);
  self->base_dir = g_path_get_dirname (self->path);
  return TRUE;
}

/* What the scenario varies besides its bins needs one value, or the sets would meet different work. */
static gboolean
check_axes (const KmlBinSubject *self, int *ret_status)
{
  const char *const *axes = kml_scenario_axes (self->scenario);

  for (guint i = 0; axes[i] != NULL; i++)
    if (!g_str_equal (axes[i], "objects.bins")) {
      *ret_status = kml_usage_error ("bins", "%s varies %s: choose one value with -s %s=VALUE",
                                     self->path, axes[i], axes[i]);
      return FALSE;
    }
  return TRUE;
}

/* With RAM for what was found to be live at once. */
static gboolean
grow_ram (KmlBinSubject *self, const KmlRunOptions *options, int *ret_status)
{
  const KmlDemandTotals *totals = kml_demand_totals (self->demand);
  const char *cpus = kml_run_spec_get (self->spec, "machine.cpus");

  g_free (self->text);
  self->text = trace_scenario (self->path, (guint)g_ascii_strtoull (cpus, NULL, 10),
                               enough_ram (totals->peak_bytes));
  return load (self, options, ret_status);
}

KmlBinSubject *
kml_bin_subject_new (const char *path, KmlDemandWeight weight, guint n_parts,
                     const KmlRunOptions *options, int *ret_status)
{
  g_autoptr (KmlBinSubject) self = g_new0 (KmlBinSubject, 1);
  g_autoptr (GError) error = NULL;

  self->path = g_strdup (path);
  if (!is_scenario (path) && !open_trace (self, &error)) {
    *ret_status = kml_fail (error);
    return NULL;
  }
  if (!load (self, options, ret_status) || !check_axes (self, ret_status))
    return NULL;
  if (kml_run_spec_get (self->spec, "objects.bins") == NULL) {
    *ret_status = kml_usage_error (
        "bins", "%s: its object allocator has no bins to design: -s objects.allocator=segregated",
        path);
    return NULL;
  }
  if (!read_demand (self, weight, n_parts, options->quiet, &error)) {
    *ret_status = kml_fail (error);
    return NULL;
  }
  if (self->text != NULL && !grow_ram (self, options, ret_status))
    return NULL;
  return g_steal_pointer (&self);
}

void
kml_bin_subject_free (KmlBinSubject *self)
{
  if (self == NULL)
    return;
  kml_demand_free (self->demand);
  kml_run_spec_free (self->spec);
  kml_scenario_free (self->scenario);
  g_free (self->base_dir);
  g_free (self->text);
  g_free (self->path);
  g_free (self);
}

/* ---- Simulating ---- */

KmlExperiment *
kml_bin_subject_experiment (const KmlBinSubject *self, const char *const *bins, const char *until,
                            const KmlRunOptions *options, int *ret_status)
{
  g_autofree char *list = g_strjoinv (" | ", (char **)bins);
  g_autofree char *axis = g_strconcat ("sweep.objects.bins=", list, NULL);
  g_autofree char *end = until != NULL ? g_strconcat ("scenario.until=", until, NULL) : NULL;
  const char *const more[] = { "sweep.repeat=1", axis, end, NULL };

  if (self->text != NULL)
    return kml_experiment_new_text (self->path, self->text, self->base_dir, options, more,
                                    ret_status);
  return kml_experiment_new (self->path, options, more, ret_status);
}

/* ---- Writing ---- */

static gboolean
may_replace (const char *path, GError **error)
{
  g_autofree char *text = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR) && g_file_get_contents (path, &text, NULL, NULL) &&
      g_str_has_prefix (text, "# " WRITTEN_BY))
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "%s is there already, and was not written by kmemlab bins: expected another name "
               "(--scenario)",
               path);
  return FALSE;
}

gboolean
kml_bin_subject_write (const KmlBinSubject *self, const KmlBins *bins, const char *head,
                       const char *path, GError **error)
{
  g_autofree char *list = kml_bins_format (bins);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *whole_head = g_strconcat (WRITTEN_BY " (" KML_VERSION ").\n", head, NULL);
  const KmlSetting change = { (char *)"objects.bins", list };
  g_autofree char *text = NULL;

  if (!may_replace (path, error))
    return FALSE;
  text = kml_scenario_write (self->scenario, self->spec, &change, 1, whole_head, folder);
  return kml_save (path, text, -1, error);
}
