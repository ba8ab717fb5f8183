/* command.c: from the words on the command line to a command.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Options are read by GOption, whose own help is not used: it would print and
 * exit on the spot. Every option is text for GOption, which reads "010" as 8, and nan
 * where a number should be; numbers are read as scenario files are.
 */

#include "cli/command.h"
#include "cli/output.h"
#include "simcore/base/registry.h"
#include "simcore/base/units.h"

#include <sqlite3.h>
#include <string.h>

static KmlRegistry commands;

void
kml_command_register (const KmlCommand *command)
{
  g_assert (command->run != NULL);
  g_assert (command->options != NULL);
  g_assert (command->examples[0] != NULL);
  g_assert (command->examples[1] != NULL);

  kml_registry_add (&commands, command);
}

const KmlCommand *const *
kml_command_list (void)
{
  return (const KmlCommand *const *)commands.entries;
}

const KmlExitInfo kml_exit_info[] = {
  { KML_EXIT_DONE, "Everything was done, and is as expected." },
  { KML_EXIT_FOUND,
    "Not as expected: an expectation of the scenario did not hold, fingerprints differ." },
  { KML_EXIT_INPUT, "The command line, a scenario, a trace or a database is wrong." },
  { KML_EXIT_BUG, "A bug of kmemlab: please report it." },
  { KML_EXIT_WORLD, "Reading or writing failed: a full disk, no memory, a file in use." },
  { KML_EXIT_STOPPED,
    "Stopped on request; what was finished is kept, and the same command goes on." },
  { KML_EXIT_NEWER, "A file was made by a newer version." },
  { KML_EXIT_INTERRUPT, "Interrupted by Ctrl-C; what was finished is kept." },
  { KML_EXIT_TERMINATE, "Terminated, or the terminal went away; what was finished is kept." },
  { 0, NULL },
};

KmlValueKind
kml_option_value_kind (const GOptionEntry *option)
{
  const char *value = option->arg_description;

  if (option->arg == G_OPTION_ARG_NONE || value == NULL)
    return KML_VALUE_NONE;
  if (g_str_has_prefix (value, "GROUP.KEY"))
    return KML_VALUE_SETTING;
  if (g_str_has_prefix (value, "METRIC"))
    return KML_VALUE_METRIC;
  if (g_str_has_prefix (value, "SET"))
    return KML_VALUE_SET;
  if (g_str_equal (value, "FILE"))
    return KML_VALUE_FILE;
  if (g_str_equal (value, "FOLDER"))
    return KML_VALUE_FOLDER;
  return g_ascii_islower (value[0]) ? KML_VALUE_WORDS : KML_VALUE_TEXT;
}

/* ---- Mistakes ---- */

#define MAX_NAMES_LISTED 12 /* --help has them all */

char *
kml_unknown_name (const char *what, const char *name, const char *const *candidates)
{
  g_autofree char *quoted = kml_quote (name, -1);
  g_autofree char *known = NULL;
  const char *nearest = kml_nearest_name (name, candidates);

  if (nearest != NULL)
    return g_strdup_printf ("there is no %s %s; did you mean “%s”?", what, quoted, nearest);
  if (candidates[0] == NULL || g_strv_length ((char **)candidates) > MAX_NAMES_LISTED ||
      candidates[0][0] == '-')
    return g_strdup_printf ("there is no %s %s", what, quoted);
  known = g_strjoinv (", ", (char **)candidates);
  return g_strdup_printf ("there is no %s %s (there are: %s)", what, quoted, known);
}

int
kml_usage_error (const char *command, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list values;

  va_start (values, format);
  message = g_strdup_vprintf (format, values);
  va_end (values);
  kml_error ("%s", message);
  kml_note ("Next: kmemlab %s%s--help", command != NULL ? command : "", command != NULL ? " " : "");
  return KML_EXIT_INPUT;
}

/* "--sed" of "Unknown option --sed", with the option that it was meant to be. */
static char *
describe_unknown_option (const KmlCommand *command, const char *message)
{
  const char *dashes = strstr (message, " -");
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *name = NULL;

  if (dashes == NULL)
    return g_strdup (message);
  name = g_strdup (dashes + 1);
  name[strcspn (name, "=")] = '\0';
  for (guint i = 0; command->options[i].long_name != NULL; i++)
    if (command->options[i].long_name[0] != '\0')
      g_ptr_array_add (names, g_strconcat ("--", command->options[i].long_name, NULL));
  g_ptr_array_add (names, g_strdup ("--help"));
  g_ptr_array_add (names, NULL);
  g_ptr_array_set_free_func (names, g_free);
  return kml_unknown_name ("option", name, (const char *const *)names->pdata);
}

/* ---- Help ---- */

static void
print_examples (const KmlCommand *command)
{
  kml_out ("\nExamples:\n");
  for (guint i = 0; i < G_N_ELEMENTS (command->examples) && command->examples[i] != NULL; i++)
    kml_out ("  kmemlab %s\n", command->examples[i]);
}

static void
print_command_help (const KmlCommand *command, GOptionContext *context)
{
  g_autofree char *text = g_option_context_get_help (context, TRUE, NULL);
  const char *options = strstr (text, "\n\n"); /* behind GLib's line of usage */

  kml_out ("Usage: kmemlab %s %s\n\n%s\n", command->name, command->usage, command->summary);
  print_examples (command);
  kml_out ("%s", options != NULL ? options + 1 : text);
  if (command->details != NULL)
    kml_out ("%s\n", command->details);
}

static void
print_help (void)
{
  kml_out ("Usage: kmemlab COMMAND …\n\n"
           "Runs kernel memory allocators on a simulated machine, measures and compares them.\n"
           "\nCommands:\n");
  for (guint i = 0; i < commands.n; i++) {
    const KmlCommand *command = commands.entries[i];

    kml_out ("  %-12s %s\n", command->name, command->summary);
  }
  kml_out ("\nOptions:\n"
           "  --plugin=FILE  load allocators and workloads from a module, before all else\n"
           "  --help         this text; kmemlab COMMAND --help says more\n"
           "  --version      versions of the program and of what it uses\n"
           "\nExamples:\n"
           "  kmemlab list allocators\n"
           "  kmemlab run scenario.ini\n"
           "\nExit status:\n");
  for (const KmlExitInfo *info = kml_exit_info; info->meaning != NULL; info++)
    kml_out ("  %-4d %s\n", info->status, info->meaning);
}

static void
print_version (void)
{
  kml_out ("kmemlab %s\nGLib %u.%u.%u\nSQLite %s\n", KML_VERSION, glib_major_version,
           glib_minor_version, glib_micro_version, sqlite3_libversion ());
}

/* ---- Running one ---- */

static char **main_arguments; /* what is not an option */
static gboolean main_help;

static const GOptionEntry main_entries[] = {
  { "help", 'h', 0, G_OPTION_ARG_NONE, &main_help, "This text", NULL },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &main_arguments, NULL, NULL },
  { NULL }
};

static gboolean
check_number_of_arguments (const KmlCommand *command, guint n)
{
  if (n < command->min_arguments) {
    kml_usage_error (command->name, "an argument is missing: kmemlab %s %s", command->name,
                     command->usage);
    return FALSE;
  }
  if (command->max_arguments != 0 && n > command->max_arguments) {
    g_autofree char *quoted = kml_quote (main_arguments[command->max_arguments], -1);

    kml_usage_error (command->name, "there is an argument too many, %s: kmemlab %s %s", quoted,
                     command->name, command->usage);
    return FALSE;
  }
  return TRUE;
}

/* Whether "-x" takes a value. */
static gboolean
short_option_has_value (const KmlCommand *command, char letter)
{
  for (guint i = 0; command->options[i].long_name != NULL; i++)
    if (command->options[i].short_name == letter)
      return command->options[i].arg != G_OPTION_ARG_NONE;
  return FALSE;
}

/* "-j2" as "-j" "2", which is all that GOption understands. (transfer full) */
static char **
split_short_options (const KmlCommand *command, char **arguments)
{
  g_autoptr (GPtrArray) split = g_ptr_array_new ();
  gboolean is_literal = FALSE; /* a value, or behind "--" */
  gboolean is_over = FALSE;

  for (guint i = 0; arguments[i] != NULL; i++) {
    const char *argument = arguments[i];
    const gboolean is_short = argument[0] == '-' && argument[1] != '-' && argument[1] != '\0' &&
                              short_option_has_value (command, argument[1]);

    if (!is_literal && !is_over && is_short && argument[2] != '\0') {
      g_ptr_array_add (split, g_strndup (argument, 2));
      argument += 2;
    } else
      is_literal = !is_literal && !is_over && is_short;
    is_over = is_over || (!is_literal && g_str_equal (argument, "--"));
    g_ptr_array_add (split, g_strdup (argument));
  }
  g_ptr_array_add (split, NULL);
  return (char **)g_ptr_array_free (g_steal_pointer (&split), FALSE);
}

int
kml_command_main (const KmlCommand *command, char **arguments)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_auto (GStrv) copy = split_short_options (command, arguments);
  g_autoptr (GError) error = NULL;
  char *none = NULL;
  int status;

  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_add_main_entries (context, command->options, NULL);
  g_option_context_add_main_entries (context, main_entries, NULL);
  if (!g_option_context_parse_strv (context, &copy, &error)) {
    if (g_error_matches (error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)) {
      g_autofree char *message = describe_unknown_option (command, error->message);

      return kml_usage_error (command->name, "%s", message);
    }
    return kml_usage_error (command->name, "%s", error->message);
  }
  if (main_help) {
    print_command_help (command, context);
    return KML_EXIT_DONE;
  }

  status = KML_EXIT_INPUT;
  if (check_number_of_arguments (command,
                                 main_arguments != NULL ? g_strv_length (main_arguments) : 0))
    status = command->run (main_arguments != NULL ? main_arguments : &none);
  g_clear_pointer (&main_arguments, g_strfreev);
  return status;
}

static int
unknown_command (const char *name)
{
  const char *names[KML_REGISTRY_MAX + 1] = { NULL };
  g_autofree char *message = NULL;

  for (guint i = 0; i < commands.n; i++)
    names[i] = ((const KmlCommand *)commands.entries[i])->name;
  message = kml_unknown_name (name[0] == '-' ? "option" : "command", name, names);
  return kml_usage_error (NULL, "%s", message);
}

int
kml_command_dispatch (char **arguments)
{
  const char *name = arguments[0];
  const KmlCommand *command;

  if (name == NULL)
    return kml_usage_error (NULL, "a command is missing");
  if (g_str_equal (name, "--version")) {
    print_version ();
    return KML_EXIT_DONE;
  }
  if (g_str_equal (name, "help") && arguments[1] != NULL) {
    char *asked[] = { arguments[1], (char *)"--help", NULL };

    command = kml_registry_find (&commands, asked[0]);
    return command != NULL ? kml_command_main (command, asked) : unknown_command (asked[0]);
  }
  if (g_str_equal (name, "--help") || g_str_equal (name, "-h") || g_str_equal (name, "help")) {
    print_help ();
    return KML_EXIT_DONE;
  }
  command = kml_registry_find (&commands, name);
  return command != NULL ? kml_command_main (command, arguments) : unknown_command (name);
}
