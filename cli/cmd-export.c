/* cmd-export.c: kmemlab export: a database in the forms of other programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/save.h"
#include "cli/experiment.h"
#include "cli/export.h"
#include "cli/output.h"
#include "cli/stop.h"
#include "cli/table.h"
#include "simcore/base/units.h"

#define MAX_EXPORTS 32

static struct {
  char *output, *run;
} options;

static const KmlExport *exports[MAX_EXPORTS + 1]; /* sorted by name, ended by NULL */

void
kml_export_register (const KmlExport *form)
{
  guint i = 0;

  while (exports[i] != NULL)
    i++;
  g_assert (i < MAX_EXPORTS);
  for (; i > 0 && g_strcmp0 (exports[i - 1]->name, form->name) > 0; i--)
    exports[i] = exports[i - 1];
  exports[i] = form;
}

static const KmlExport *
find (const char *name)
{
  const char *names[MAX_EXPORTS + 1] = { NULL };
  g_autofree char *message = NULL;

  for (guint i = 0; exports[i] != NULL; i++) {
    if (g_str_equal (exports[i]->name, name))
      return exports[i];
    names[i] = exports[i]->name;
  }
  message = kml_unknown_name ("form", name, names);
  kml_usage_error ("export", "%s", message);
  return NULL;
}

static int
list_forms (const char *database)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  g_autofree char *word = kml_shell_word (database);

  kml_table_add_column (table, "form", KML_ALIGN_LEFT);
  kml_table_add_column (table, "what it is", KML_ALIGN_LEFT);
  for (guint i = 0; exports[i] != NULL; i++) {
    kml_table_add_cell (table, g_strdup (exports[i]->name));
    kml_table_add_cell (table, g_strdup (exports[i]->summary));
  }
  kml_table_print (table);
  kml_note ("Next: kmemlab export %s %s", word, exports[0]->name);
  return KML_EXIT_DONE;
}

static char **
list_words (guint number)
{
  char **names = number == 1 ? g_new0 (char *, MAX_EXPORTS + 1) : NULL;

  for (guint i = 0; names != NULL && exports[i] != NULL; i++)
    names[i] = g_strdup (exports[i]->name);
  return names;
}

/* ---- Writing ---- */

static KmlSaving *
    saving; /* (nullable): where the text goes, of the one command that the program is; NULL: standard output */
static volatile int *stop;

gboolean
kml_export_flush (GString *text, GError **error)
{
  if (saving != NULL && !kml_saving_add (saving, text->str, text->len, error))
    return FALSE;
  if (saving == NULL)
    kml_out ("%s", text->str);
  g_string_truncate (text, 0);
  if (*stop == 0 && (saving != NULL || !kml_out_is_broken ()))
    return TRUE;
  g_set_error_literal (error, KML_ERROR, KML_ERROR_STOPPED, "stopped on request");
  return FALSE;
}

static gboolean export(KmlDatabase *database, const KmlExport *form, guint64 run_id, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gboolean good;

  stop = kml_stop_install ();
  if (options.output != NULL && (saving = kml_saving_new (options.output, error)) == NULL)
    return FALSE;
  good = form->write (database, run_id, text, error) && kml_export_flush (text, error) &&
         (saving == NULL || kml_saving_finish (saving, error));
  g_clear_pointer (&saving, kml_saving_free);
  return good;
}

static int
run (char **arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = NULL;
  const KmlExport *form = arguments[1] != NULL ? find (arguments[1]) : NULL;
  guint64 run_id = form != NULL && form->of_all_runs ? 0 : 1;

  if ((form == NULL && arguments[1] != NULL) ||
      !kml_option_count ("export", "--run", options.run, 1, G_MAXINT64, &run_id))
    return KML_EXIT_INPUT;
  database = kml_database_open (arguments[0], &error);
  if (database == NULL)
    return kml_fail (error);
  if (form == NULL)
    return list_forms (arguments[0]);
  if (export(database, form, run_id, &error) ||
      kml_out_is_broken ()) /* which is told, or not, in the end */
    return KML_EXIT_DONE;
  return kml_stop_or_fail (error);
}

static const GOptionEntry entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "Where to (default, and -: standard output)", "FILE" },
  { "run", 0, 0, G_OPTION_ARG_STRING, &options.run,
    "Of this run (default: 1; of tables of runs: all)", "N" },
  { NULL },
};

static const KmlCommand command = {
  .name = "export",
  .summary =
      "Write what a database says for another program, such as CSV (without a form: list them)",
  .usage = "DB [FORM] [OPTION]…",
  .examples = { "export deadlock.db dot | dot -Tsvg -o waits.svg",
                "export bins.db metrics -o bins.csv",
                "export bins.db samples --run 2 -o samples.csv" },
  .options = entries,
  .words = list_words,
  .min_arguments = 1,
  .max_arguments = 2,
  .run = run,
};

KML_REGISTER_COMMAND (command)
