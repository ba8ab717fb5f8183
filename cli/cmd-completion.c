/* cmd-completion.c: kmemlab completion: what a shell needs to complete a command line.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The scripts are made from the tables of the commands and of the settings. They
 * complete commands, options and their values, the words that an argument can
 * be (list allocators, plot DB internal) and, behind -s and --vary, the names of
 * settings; everything else is a file, which is the shell's own affair.
 *
 * A script is three parts: what there is to complete at the place of the cursor,
 * which is the same decision in every shell, written in its language:
 *
 *   the first word              commands
 *   behind an option            what its value is (kml_option_value_kind())
 *   a word that begins with -   the options of the command
 *   else                        the words of the argument, or files
 */

#include "cli/keys.h"
#include "cli/output.h"
#include "simcore/objects/bin-set.h"

#include <string.h>

/* Text as a word in single quotes, which are the same in all three shells but for a quote in it. */
static char *
quote (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, "'", -1);
  g_autofree char *joined = g_strjoinv ("’", parts);

  return g_strdup_printf ("'%s'", joined);
}

/* Settings that a scenario can always have: "machine.cpus=". Those of named groups depend on the
 * scenario. */
static char *
list_keys (void)
{
  g_autoptr (GArray) keys = kml_keys_new ();
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < keys->len; i++) {
    const KmlKey *key = &g_array_index (keys, KmlKey, i);

    /* several plug-ins may have a key of one name */
    if (key->group->kind == KML_GROUP_SETTINGS && !key->group->named &&
        g_hash_table_add (known, key->key))
      g_string_append_printf (text, "%s%s=", text->len > 0 ? " " : "", key->key);
  }
  return g_strdup (text->str);
}

/* Metrics whose names are not patterns: "frag.internal.mean". */
static char *
list_metrics (void)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (const KmlMetricInfo *info = kml_recorder_metric_info; info->name != NULL; info++)
    if (strpbrk (info->name, "{ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL)
      g_string_append_printf (text, "%s%s", text->len > 0 ? " " : "", info->name);
  return g_strdup (text->str);
}

/* Of bins: those without a parameter. */
static char *
list_sets (void)
{
  g_autofree char *names = g_strjoinv (" ", (char **)kml_bin_set_names ());

  return g_strconcat ("linux pow2 ", names, NULL);
}

/* The words that argument @number can be, parted by blanks; "": files. */
static char *
list_words (const KmlCommand *command, guint number)
{
  g_auto (GStrv) words = command->words != NULL ? command->words (number) : NULL;

  return words != NULL ? g_strjoinv (" ", words) : g_strdup ("");
}

/* What may stand behind an option, parted by blanks. */
static char *
list_values (const GOptionEntry *option)
{
  g_autofree char *text = NULL;

  switch (kml_option_value_kind (option)) {
  case KML_VALUE_SETTING:
    return list_keys ();
  case KML_VALUE_METRIC:
    return list_metrics ();
  case KML_VALUE_SET:
    return list_sets ();
  case KML_VALUE_WORDS:
    text = g_strdup (option->arg_description);
    return g_strdup (g_strdelimit (text, "|", ' '));
  case KML_VALUE_NONE:
  case KML_VALUE_TEXT:
  case KML_VALUE_FILE:
  case KML_VALUE_FOLDER:
    return g_strdup ("");
  }
  g_assert_not_reached ();
}

/* "-s|--set" (transfer full) */
static char *
option_pattern (const GOptionEntry *option)
{
  return option->short_name != 0
             ? g_strdup_printf ("-%c|--%s", option->short_name, option->long_name)
             : g_strdup_printf ("--%s", option->long_name);
}

/* Whether the next word is the option's value, not attached to it. */
static gboolean
takes_next_word (const GOptionEntry *option)
{
  return kml_option_value_kind (option) != KML_VALUE_NONE &&
         (option->flags & G_OPTION_FLAG_OPTIONAL_ARG) == 0;
}

/* ---- bash and zsh: a case for each command ---- */

/* The lines "--format) CALL 'svg png' ;;" of options with values of their own. @call has a %s for
 * the words; @files and @folders are what completes those; values that are anything complete nothing. */
static void
print_value_cases (const KmlCommand *command, const char *call, const char *setting_call,
                   const char *files, const char *folders)
{
  for (const GOptionEntry *option = command->options; option->long_name != NULL; option++) {
    const KmlValueKind kind = kml_option_value_kind (option);
    g_autofree char *pattern = option_pattern (option);
    g_autofree char *values = list_values (option);
    g_autofree char *quoted = quote (values);

    if (!takes_next_word (option))
      continue;
    kml_out ("        %s) ", pattern);
    if (kind == KML_VALUE_SETTING)
      kml_out ("%s %s", setting_call, quoted);
    else if (kind == KML_VALUE_FILE || kind == KML_VALUE_FOLDER)
      kml_out ("%s", kind == KML_VALUE_FILE ? files : folders);
    else if (values[0] != '\0')
      kml_out ("%s %s", call, quoted);
    else
      kml_out (":");
    kml_out ("; return ;;\n");
  }
}

static char *
list_options (const KmlCommand *command)
{
  g_autoptr (GString) text = g_string_new ("--help");

  for (guint i = 0; command->options[i].long_name != NULL; i++)
    g_string_append_printf (text, " --%s", command->options[i].long_name);
  return g_strdup (text->str);
}

static void
print_bash_command (const KmlCommand *command)
{
  g_autofree char *first = list_words (command, 0);
  g_autofree char *second = list_words (command, 1);
  g_autofree char *options = list_options (command);

  kml_out ("    %s)\n      first='%s' second='%s' options='%s'\n      case $before in\n",
           command->name, first, second, options);
  print_value_cases (command, "_kmemlab_words", "compopt -o nospace; _kmemlab_words",
                     "compopt -o default", "compopt -o dirnames");
  kml_out ("      esac ;;\n");
}

/* Numbers of words: 0 kmemlab, 1 the command, 2 its first argument. */
static void
print_bash (void)
{
  kml_out ("# bash completion for kmemlab %s: eval \"$(kmemlab completion bash)\"\n"
           "_kmemlab_words ()\n"
           "{\n"
           "  COMPREPLY=($(compgen -W \"$1\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
           "}\n"
           "\n"
           "_kmemlab ()\n"
           "{\n"
           "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
           "  local first second options\n"
           "\n"
           "  COMPREPLY=()\n"
           "  if ((COMP_CWORD == 1)); then\n"
           "    _kmemlab_words '--help --version --plugin",
           KML_VERSION);
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++)
    kml_out (" %s", (*command)->name);
  kml_out ("'\n"
           "    return\n"
           "  fi\n"
           "  case ${COMP_WORDS[1]} in\n");
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++)
    print_bash_command (*command);
  kml_out ("  esac\n"
           "  if [[ $word == -* ]]; then\n"
           "    _kmemlab_words \"$options\"\n"
           "  elif ((COMP_CWORD == 2)) && [[ -n $first ]]; then\n"
           "    _kmemlab_words \"$first\"\n"
           "  elif ((COMP_CWORD == 3)) && [[ -n $second ]]; then\n"
           "    _kmemlab_words \"$second\"\n"
           "  else\n"
           "    compopt -o default\n"
           "  fi\n"
           "}\n"
           "complete -F _kmemlab kmemlab\n");
}

/* "name:description" for _describe, which wants colons in the name escaped. */
static void
print_zsh_item (const char *name, const char *description)
{
  g_autofree char *item = g_strdup_printf ("%s:%s", name, description);
  g_autofree char *quoted = quote (item);

  kml_out ("\n        %s", quoted);
}

static void
print_zsh_command (const KmlCommand *command)
{
  g_autofree char *first = list_words (command, 0);
  g_autofree char *second = list_words (command, 1);

  kml_out ("    %s)\n      first='%s' second='%s'\n      options=(", command->name, first, second);
  print_zsh_item ("--help", "Say what the command does and what it takes");
  for (const GOptionEntry *option = command->options; option->long_name != NULL; option++) {
    g_autofree char *name = g_strconcat ("--", option->long_name, NULL);

    print_zsh_item (name, option->description);
  }
  kml_out (")\n      case $before in\n");
  print_value_cases (command, "_kmemlab_words ' '", "_kmemlab_words ''", "_files", "_files -/");
  kml_out ("      esac ;;\n");
}

/* Numbers of words: 1 kmemlab, 2 the command, 3 its first argument. */
static void
print_zsh (void)
{
  kml_out ("#compdef kmemlab\n"
           "# zsh completion for kmemlab %s: a file _kmemlab in a folder of $fpath\n"
           "_kmemlab_words ()\n"
           "{\n"
           "  compadd -S \"$1\" -- ${=2}\n"
           "}\n"
           "\n"
           "_kmemlab ()\n"
           "{\n"
           "  local word=$words[CURRENT] before=$words[CURRENT-1] first second\n"
           "  local -a commands options\n"
           "\n"
           "  if ((CURRENT == 2)); then\n"
           "    commands=(",
           KML_VERSION);
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++)
    print_zsh_item ((*command)->name, (*command)->summary);
  kml_out (")\n"
           "    _describe command commands\n"
           "    return\n"
           "  fi\n"
           "  case $words[2] in\n");
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++)
    print_zsh_command (*command);
  kml_out ("  esac\n"
           "  if [[ $word == -* ]]; then\n"
           "    _describe option options\n"
           "  elif ((CURRENT == 3)) && [[ -n $first ]]; then\n"
           "    _kmemlab_words ' ' $first\n"
           "  elif ((CURRENT == 4)) && [[ -n $second ]]; then\n"
           "    _kmemlab_words ' ' $second\n"
           "  else\n"
           "    _files\n"
           "  fi\n"
           "}\n"
           "\n"
           "if [[ $funcstack[1] == _kmemlab ]]; then\n"
           "  _kmemlab \"$@\"\n"
           "else\n"
           "  compdef _kmemlab kmemlab\n"
           "fi\n");
}

/* ---- fish: a line for each thing that can be completed ---- */

static void
print_fish_option (const KmlCommand *command, const GOptionEntry *option)
{
  const KmlValueKind kind = kml_option_value_kind (option);
  g_autofree char *values = list_values (option);
  g_autofree char *quoted = quote (values);
  g_autofree char *description = quote (option->description);

  kml_out ("complete -c kmemlab -n '__fish_seen_subcommand_from %s' -l %s", command->name,
           option->long_name);
  if (option->short_name != 0)
    kml_out (" -s %c", option->short_name);
  if (kind == KML_VALUE_FILE)
    kml_out (" -r -F");
  else if (kind == KML_VALUE_FOLDER)
    kml_out (" -x -a '(__fish_complete_directories)'");
  else if (takes_next_word (option))
    kml_out (values[0] != '\0' ? " -x -a %s" : " -x", quoted);
  kml_out (" -d %s\n", description);
}

/* Numbers of words in front of the cursor: 2 at the first argument. */
static void
print_fish_words (const KmlCommand *command, guint number)
{
  g_autofree char *words = list_words (command, number);

  if (words[0] != '\0')
    kml_out ("complete -c kmemlab -f -n '__fish_seen_subcommand_from %s; and test (count "
             "(commandline -opc)) -eq %u' -a '%s'\n",
             command->name, number + 2, words);
}

static void
print_fish (void)
{
  kml_out ("# fish completion for kmemlab %s: kmemlab completion fish | source\n"
           "complete -c kmemlab -n __fish_use_subcommand -l help -d 'List the commands'\n"
           "complete -c kmemlab -n __fish_use_subcommand -l version -d 'Say the version'\n"
           "complete -c kmemlab -n __fish_use_subcommand -l plugin -r -F -d 'Load a module'\n",
           KML_VERSION);
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++) {
    g_autofree char *summary = quote ((*command)->summary);

    kml_out ("complete -c kmemlab -f -n __fish_use_subcommand -a %s -d %s\n", (*command)->name,
             summary);
    for (guint number = 0; number < 2; number++)
      print_fish_words (*command, number);
    for (const GOptionEntry *option = (*command)->options; option->long_name != NULL; option++)
      print_fish_option (*command, option);
    kml_out ("complete -c kmemlab -n '__fish_seen_subcommand_from %s' -l help -d 'Say what it "
             "takes'\n",
             (*command)->name);
  }
}

/* ---- The command ---- */

static const struct {
  const char *name;
  void (*print) (void);
} shells[] = { { "bash", print_bash }, { "fish", print_fish }, { "zsh", print_zsh } };

static char **
list_shells (guint number)
{
  char **names = number == 0 ? g_new0 (char *, G_N_ELEMENTS (shells) + 1) : NULL;

  for (guint i = 0; names != NULL && i < G_N_ELEMENTS (shells); i++)
    names[i] = g_strdup (shells[i].name);
  return names;
}

static int
run (char **arguments)
{
  g_auto (GStrv) names = list_shells (0);
  g_autofree char *message = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (shells); i++) {
    if (g_str_equal (shells[i].name, arguments[0])) {
      shells[i].print ();
      return KML_EXIT_DONE;
    }
  }
  message = kml_unknown_name ("completion for", arguments[0], (const char *const *)names);
  return kml_usage_error ("completion", "%s", message);
}

static const GOptionEntry entries[] = { { NULL } };

static const KmlCommand command = {
  .name = "completion",
  .summary = "Print what a shell needs to complete command lines",
  .usage = "bash|fish|zsh",
  .details = "Needed only where kmemlab is not installed: the installed program comes with it.",
  .examples = { "completion bash > ~/.local/share/bash-completion/completions/kmemlab",
                "completion fish > ~/.config/fish/completions/kmemlab.fish",
                "completion zsh > ~/.zsh/completions/_kmemlab" },
  .options = entries,
  .words = list_shells,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
