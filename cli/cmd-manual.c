/* cmd-manual.c: kmemlab manual: a page of the manual, for man.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The pages are made from the tables of the commands and of the settings, as help and
 * the completion are, in the language of man(7). The build writes each to a
 * file and installs it; `kmemlab manual run | man -l -` shows one without that.
 */

#include "cli/keys.h"
#include "cli/manual.h"
#include "cli/output.h"

#include <string.h>

/* What a page consists of comes from tables, so mistakes in it are bugs. */
#define SCENARIO_PAGE "scenario"
#define GROUPS_MARK   "@GROUPS@\n"

/* ---- The language of man(7) ---- */

/* @text as it is: no character of it is a command, and "-" is that of the keyboard. */
static char *
escape (const char *text)
{
  GString *escaped = g_string_new (NULL);

  for (const char *c = text; *c != '\0'; c++) {
    if ((c == text || c[-1] == '\n') && (*c == '.' || *c == '\''))
      g_string_append (escaped, "\\&");
    if (*c == '\\')
      g_string_append (escaped, "\\e");
    else if (*c == '-')
      g_string_append (escaped, "\\-");
    else
      g_string_append_c (escaped, *c);
  }
  return g_string_free (escaped, FALSE);
}

/* Prose; what stands between back quotes is bold. */
static void
print_prose (const char *text)
{
  g_autofree char *escaped = escape (text);
  g_auto (GStrv) parts = g_strsplit (escaped, "`", -1);

  for (guint i = 0; parts[i] != NULL; i++)
    kml_out (i % 2 == 1 ? "\\fB%s\\fR" : "%s", parts[i]);
  kml_out ("\n");
}

static void
print_bold (const char *text)
{
  g_autofree char *escaped = escape (text);

  kml_out ("\\fB%s\\fR", escaped);
}

static void
print_head (const char *name, guint section, const char *summary)
{
  g_autofree char *upper = g_ascii_strup (name, -1);
  g_autofree char *escaped_upper = escape (upper);
  g_autofree char *escaped = escape (name);
  g_autofree char *lower = g_strdup (summary);

  lower[0] = g_ascii_tolower (lower[0]);
  kml_out (".TH %s %u \"\" \"kmemlab %s\" \"kmemlab manual\"\n.nh\n.ad l\n.SH NAME\n%s \\- ",
           escaped_upper, section, KML_VERSION, escaped);
  print_prose (lower);
}

/* ---- What pages have in common ---- */

static void
print_exit_status (void)
{
  kml_out (".SH EXIT STATUS\n");
  for (const KmlExitInfo *info = kml_exit_info; info->meaning != NULL; info++) {
    kml_out (".TP\n.B %d\n", info->status);
    print_prose (info->meaning);
  }
}

static void
print_example (const char *arguments)
{
  g_autofree char *escaped = escape (arguments);

  kml_out (".EX\nkmemlab %s\n.EE\n", escaped);
}

/* kmemlab (1) and the pages of all commands but @but (nullable). */
static void
print_see_also (const char *but)
{
  kml_out (".SH SEE ALSO\n");
  if (but != NULL)
    kml_out (".BR kmemlab (1),\n");
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++)
    if (g_strcmp0 ((*command)->name, but) != 0)
      kml_out (".BR kmemlab\\-%s (1),\n", (*command)->name);
  kml_out (".BR kmemlab\\-scenario (5)\n");
}

/* ---- The page of a command ---- */

static void
print_option (const GOptionEntry *option)
{
  const KmlValueKind kind = kml_option_value_kind (option);
  const gboolean is_optional = (option->flags & G_OPTION_FLAG_OPTIONAL_ARG) != 0;

  kml_out (".TP\n");
  if (option->short_name != 0)
    kml_out ("\\fB\\-%c\\fR, ", option->short_name);
  kml_out ("\\fB\\-\\-");
  print_bold (option->long_name);
  if (kind != KML_VALUE_NONE) {
    g_autofree char *value = escape (option->arg_description);

    kml_out (is_optional ? "[=\\fI%s\\fR]" : "=\\fI%s\\fR", value);
  }
  kml_out ("\n");
  if (option->description != NULL) {
    g_autofree char *sentence = kml_key_sentence (option->description);

    print_prose (sentence);
  }
}

static void
print_command_page (const KmlCommand *command)
{
  g_autofree char *name = g_strconcat ("kmemlab-", command->name, NULL);
  g_autofree char *usage = escape (command->usage);
  g_autofree char *sentence = kml_key_sentence (command->summary);

  print_head (name, 1, command->summary);
  kml_out (".SH SYNOPSIS\n.B kmemlab %s\n%s\n.SH DESCRIPTION\n", command->name, usage);
  print_prose (sentence);
  if (command->details != NULL) {
    kml_out (".PP\n");
    print_prose (command->details);
  }
  kml_out (".SH OPTIONS\n");
  for (const GOptionEntry *option = command->options; option->long_name != NULL; option++)
    print_option (option);
  kml_out (".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nSay what the command does and what it takes.\n");
  print_exit_status ();
  kml_out (".SH EXAMPLES\n");
  for (guint i = 0; i < G_N_ELEMENTS (command->examples) && command->examples[i] != NULL; i++)
    print_example (command->examples[i]);
  print_see_also (command->name);
}

/* ---- The page of the program ---- */

static const struct {
  const char *name;
  const char *meaning;
} environment[] = {
  { "NO_COLOR", "If it is set and not empty, nothing is coloured." },
  { "CLICOLOR_FORCE", "If it is set and not 0, text is coloured even where it does not go to a "
                      "terminal." },
  { "XDG_STATE_HOME",
    "Where the file `kmemlab/inputs` is kept (default: `~/.local/state`). It remembers where files "
    "of which content were last read, so that `kmemlab verify` finds them, and may be removed." },
};

static void
print_main_page (void)
{
  print_head ("kmemlab", 1, "run kernel memory allocators on a simulated machine");
  kml_out (".SH SYNOPSIS\n.B kmemlab\n[\\fB\\-\\-plugin\\fR=\\fIFILE\\fR]… COMMAND …\n"
           ".SH DESCRIPTION\n"
           "Replays a kernel's own allocation trace, or a synthetic workload, on a simulated "
           "machine against interchangeable\nmemory allocators, and says what became of every "
           "byte: internal and external fragmentation, latency, failures.\nAn experiment is a "
           "scenario, see\n.BR kmemlab\\-scenario (5).\nThe same scenario and seed give the same "
           "run, bit for bit, on every machine.\n"
           ".SH COMMANDS\n");
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++) {
    g_autofree char *sentence = kml_key_sentence ((*command)->summary);

    kml_out (".TP\n.BR kmemlab\\-%s (1)\n", (*command)->name);
    print_prose (sentence);
  }
  kml_out (".SH OPTIONS\n.TP\n\\fB\\-\\-plugin\\fR=\\fIFILE\\fR\n"
           "Load allocators and workloads from a module, before all else (repeatable).\n"
           ".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nList the commands.\n"
           ".TP\n\\fB\\-\\-version\\fR\nSay the versions of the program and of what it uses.\n");
  print_exit_status ();
  kml_out (".SH ENVIRONMENT\n");
  for (guint i = 0; i < G_N_ELEMENTS (environment); i++) {
    kml_out (".TP\n.B %s\n", environment[i].name);
    print_prose (environment[i].meaning);
  }
  kml_out (".SH EXAMPLES\n");
  print_example ("run scenarios/bins/which-bins.ini");
  print_example ("plot which-bins.db internal");
  print_see_also (NULL);
}

/* ---- The page of scenarios ---- */

static void
print_group (const KmlGroupInfo *group)
{
  g_autofree char *title = kml_key_group_title (group);
  g_autofree char *sentence = kml_key_sentence (group->summary);
  g_autoptr (GArray) plugins = group->plugins != NULL ? group->plugins () : NULL;

  kml_out (".SS %s\n", title);
  print_prose (sentence);
  for (guint i = 0; plugins != NULL && i < plugins->len; i++) {
    const KmlPlugin *plugin = &g_array_index (plugins, KmlPlugin, i);
    g_autofree char *meaning = kml_key_sentence (plugin->summary);

    kml_out (".TP\n\\fB%s\\fR = ", group->chooser);
    print_bold (plugin->name);
    kml_out ("\n");
    print_prose (meaning);
  }
  if (plugins != NULL)
    kml_out (".PP\nKeys:\n");
}

static void
print_key (const KmlParam *param)
{
  g_autofree char *type = kml_key_describe_type (param);
  g_autofree char *escaped_type = escape (type);
  g_autofree char *sentence = kml_key_sentence (param->summary);

  kml_out (".TP\n");
  print_bold (param->name);
  kml_out (param->value == NULL ? " (%s; compulsory)" : " (%s)", escaped_type);
  if (param->value != NULL && param->value[0] != '\0') {
    kml_out (" = ");
    print_bold (param->value);
  }
  kml_out ("\n");
  print_prose (sentence);
}

static void
print_groups (void)
{
  g_autoptr (GArray) keys = kml_keys_new ();

  for (guint i = 0; i < keys->len; i++) {
    const KmlKey *key = &g_array_index (keys, KmlKey, i);

    if (i == 0 || key->group != key[-1].group)
      print_group (key->group);
    if (key->condition != NULL && g_strcmp0 (key->condition, key[-1].condition) != 0) {
      kml_out (".PP\nWith\n");
      print_bold (key->condition);
      kml_out (":\n");
    }
    print_key (key->param);
  }
}

static void
print_scenario_page (void)
{
  const char *text = kml_manual_texts[0].text;
  const char *mark = strstr (text, GROUPS_MARK);

  g_assert (g_str_equal (kml_manual_texts[0].name, SCENARIO_PAGE));
  g_assert (mark != NULL);

  print_head ("kmemlab-scenario", 5, "an experiment with kernel memory allocators");
  kml_out ("%.*s", (int)(mark - text), text);
  print_groups ();
  kml_out ("%s", mark + strlen (GROUPS_MARK));
  print_see_also ("");
}

/* ---- The command ---- */

static char **
list_words (guint number)
{
  GPtrArray *names;

  if (number > 0)
    return NULL;
  names = g_ptr_array_new ();
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++)
    g_ptr_array_add (names, g_strdup ((*command)->name));
  g_ptr_array_add (names, g_strdup ("kmemlab"));
  g_ptr_array_add (names, g_strdup (SCENARIO_PAGE));
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (names, FALSE);
}

static int
run (char **arguments)
{
  const char *name = arguments[0] != NULL ? arguments[0] : "kmemlab";
  g_auto (GStrv) pages = NULL;
  g_autofree char *message = NULL;

  if (g_str_equal (name, "kmemlab")) {
    print_main_page ();
    return KML_EXIT_DONE;
  }
  if (g_str_equal (name, SCENARIO_PAGE)) {
    print_scenario_page ();
    return KML_EXIT_DONE;
  }
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++) {
    if (g_str_equal ((*command)->name, name)) {
      print_command_page (*command);
      return KML_EXIT_DONE;
    }
  }
  pages = list_words (0);
  message = kml_unknown_name ("page of the manual", name, (const char *const *)pages);
  return kml_usage_error ("manual", "%s", message);
}

static const GOptionEntry entries[] = { { NULL } };

static const KmlCommand command = {
  .name = "manual",
  .summary = "Print a page of the manual, for man",
  .usage = "[COMMAND|kmemlab|scenario]",
  .details = "Without an argument it is the page of kmemlab itself; `scenario` is the page about "
             "what a\nscenario file may say.",
  .examples = { "manual scenario | man -l -", "manual run > kmemlab-run.1" },
  .options = entries,
  .words = list_words,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
