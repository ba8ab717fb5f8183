/* cmd-export.c: kmemlab export: a database in the forms of other programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "analysis/save.h"
#include "cli/experiment.h"
#include "cli/export.h"
#include "cli/output.h"
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
  const char *nearest;

  for (guint i = 0; exports[i] != NULL; i++) {
    if (g_str_equal (exports[i]->name, name))
      return exports[i];
    names[i] = exports[i]->name;
  }
  nearest = kml_nearest_name (name, names);
  kml_usage_error ("export", "unknown form “%s”%s%s%s", name,
                   nearest != NULL ? "; did you mean “" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "”?" : "");
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

static int
run (char **arguments)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (KmlDatabase) database = NULL;
  g_autofree char *text = NULL;
  GString *buffer;
  const KmlExport *form;
  guint64 run_id = 1;
  gboolean good;

  form = arguments[1] != NULL ? find (arguments[1]) : NULL;
  if ((form == NULL && arguments[1] != NULL) ||
      !kml_option_count ("export", "--run", options.run, 1, G_MAXINT64, &run_id))
    return KML_EXIT_INPUT;
  database = kml_database_open (arguments[0], &error);
  if (database == NULL)
    return kml_fail (error);
  if (form == NULL)
    return list_forms (arguments[0]);
  buffer = g_string_new (NULL);
  good = form->write (database, run_id, buffer, &error);
  text = g_string_free (buffer, FALSE);
  if (!good)
    return kml_fail (error);
  if (options.output == NULL)
    kml_out ("%s", text);
  else if (!kml_save (options.output, text, -1, &error))
    return kml_fail (error);
  return KML_EXIT_DONE;
}

static const GOptionEntry entries[] = {
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
    "Where to (default, and -: standard output)", "FILE" },
  { "run", 0, 0, G_OPTION_ARG_STRING, &options.run, "Of this run (default: 1)", "N" },
  { NULL },
};

static const KmlCommand command = {
  .name = "export",
  .summary = "Write what a database says in the form of another program (without one: list them)",
  .usage = "DB [FORM] [OPTION]…",
  .examples = { "export deadlock.db dot | dot -Tsvg -o waits.svg",
                "export deadlock.db dot --run 2 -o waits.dot" },
  .options = entries,
  .words = list_words,
  .min_arguments = 1,
  .max_arguments = 2,
  .run = run,
};

KML_REGISTER_COMMAND (command)
