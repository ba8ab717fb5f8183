/* cmd-completion.c: kmemlab completion: what a shell needs to complete a command line.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The script is made from the tables of the commands and of the settings. It
 * completes commands, options, the words that an argument can be (list
 * allocators, plot DB internal) and, behind -s, the names of settings; everything
 * else is a file, which is the shell's own affair.
 */

#include "analysis/plot.h"
#include "cli/output.h"
#include "scenarios/scenario.h"

/* "--seed --jobs -j", for one command. (transfer full) */
static char *
list_options (const KmlCommand *command)
{
  g_autoptr (GString) text = g_string_new ("--help");

  for (guint i = 0; command->options[i].long_name != NULL; i++)
    g_string_append_printf (text, " --%s", command->options[i].long_name);
  return g_strdup (text->str);
}

static char *
list_commands (void)
{
  g_autoptr (GString) text = g_string_new ("--help --version");

  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++)
    g_string_append_printf (text, " %s", (*command)->name);
  return g_strdup (text->str);
}

/* Settings that a scenario can always have: "machine.cpus=". Those of named groups depend on the
 * scenario. */
static char *
list_keys (void)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (const KmlGroupInfo *group = kml_scenario_groups; group->name != NULL; group++) {
    g_autoptr (GArray) plugins = NULL;

    if (group->kind != KML_GROUP_SETTINGS || group->named)
      continue;
    for (const KmlParam *param = group->params; param != NULL && param->name != NULL; param++)
      g_string_append_printf (text, "%s%s.%s=", text->len > 0 ? " " : "", group->name, param->name);
    plugins = group->plugins != NULL ? group->plugins () : NULL;
    for (guint i = 0; plugins != NULL && i < plugins->len; i++) {
      const KmlParam *param = g_array_index (plugins, KmlPlugin, i).params;

      for (; param != NULL && param->name != NULL; param++)
        g_string_append_printf (text, " %s.%s=", group->name, param->name);
    }
  }
  return g_strdup (text->str);
}

static char *
list_plots (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  guint n;
  const KmlPlotInfo *plots = kml_plot_list (&n);

  for (guint i = 0; i < n; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "", plots[i].name);
  return g_strdup (text->str);
}

static void
print_command_case (const KmlCommand *command)
{
  g_autofree char *words = command->words != NULL ? g_strjoinv (" ", (char **)command->words)
                                                  : g_strdup ("");
  g_autofree char *plots = g_str_equal (command->name, "plot") ? list_plots () : g_strdup ("");
  g_autofree char *option_names = list_options (command);

  kml_out ("    %s) first='%s'; second='%s'; options='%s' ;;\n", command->name, words, plots,
           option_names);
}

/* Numbers of words: 0 kmemlab, 1 the command, 2 its first argument. */
static void
print_bash (void)
{
  g_autofree char *command_names = list_commands ();
  g_autofree char *keys = list_keys ();

  kml_out ("# bash completion for kmemlab %s: eval \"$(kmemlab completion bash)\"\n"
           "_kmemlab ()\n"
           "{\n"
           "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
           "  local first second options\n"
           "\n"
           "  COMPREPLY=()\n"
           "  if ((COMP_CWORD == 1)); then\n"
           "    COMPREPLY=($(compgen -W '%s' -- \"$word\"))\n"
           "    return\n"
           "  fi\n"
           "  if [[ $before == -s || $before == --set || $before == --vary ]]; then\n"
           "    compopt -o nospace\n"
           "    COMPREPLY=($(compgen -W '%s' -- \"$word\"))\n"
           "    return\n"
           "  fi\n"
           "  case ${COMP_WORDS[1]} in\n",
           KML_VERSION, command_names, keys);
  for (const KmlCommand *const *command = kml_command_list (); *command != NULL; command++)
    print_command_case (*command);
  kml_out ("  esac\n"
           "  if [[ $word == -* ]]; then\n"
           "    COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
           "  elif ((COMP_CWORD == 2)) && [[ -n $first ]]; then\n"
           "    COMPREPLY=($(compgen -W \"$first\" -- \"$word\"))\n"
           "  elif ((COMP_CWORD == 3)) && [[ -n $second ]]; then\n"
           "    COMPREPLY=($(compgen -W \"$second\" -- \"$word\"))\n"
           "  fi\n"
           "}\n"
           "complete -o default -F _kmemlab kmemlab\n");
}

static const char *const shells[] = { "bash", NULL };

static int
run (char **arguments)
{
  if (!g_str_equal (arguments[0], "bash")) {
    g_autofree char *message = kml_unknown_name ("completion for", arguments[0], shells);

    return kml_usage_error ("completion", "%s (there is one for bash)", message);
  }
  print_bash ();
  return KML_EXIT_DONE;
}

static const GOptionEntry entries[] = { { NULL } };

static const KmlCommand command = {
  .name = "completion",
  .summary = "Print what a shell needs to complete command lines",
  .usage = "bash",
  .examples = { "completion bash > ~/.local/share/bash-completion/completions/kmemlab",
                "completion bash | less" },
  .options = entries,
  .words = shells,
  .min_arguments = 1,
  .max_arguments = 1,
  .run = run,
};

KML_REGISTER_COMMAND (command)
