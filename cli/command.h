/* command.h: a command of the program.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * To add one: write one file, cmd-NAME.c, that ends with KML_REGISTER_COMMAND, and
 * name it in cli/meson.build. Help, completion and the check of arguments are made from
 * its table.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The exit status of the program: for scripts, and for `git bisect run`. */
typedef enum {
  KML_EXIT_DONE = 0,  /* and every expectation held */
  KML_EXIT_FOUND = 1, /* what should not be: an expectation that failed, fingerprints that differ */
  KML_EXIT_INPUT = 2, /* usage, scenario, trace or database is wrong */
  KML_EXIT_BUG = 70,  /* ours */
  KML_EXIT_WORLD = 74,   /* I/O, a full disk, no memory */
  KML_EXIT_STOPPED = 75, /* on request, all that was finished is kept: the same command goes on */
  KML_EXIT_NEWER = 125,  /* the file was made by a newer version */
  KML_EXIT_INTERRUPT = 130, /* SIGINT */
  KML_EXIT_TERMINATE = 143, /* SIGTERM, SIGHUP */
} KmlExit;

/* What each means, for --help and the manual; ends with a NULL meaning. */
typedef struct {
  int status;
  const char *meaning;
} KmlExitInfo;

extern const KmlExitInfo kml_exit_info[];

typedef struct {
  const char *name;
  const char *summary;     /* one line for `kmemlab --help` */
  const char *usage;       /* what follows the name: "DB [KIND]" */
  const char *details;     /* (nullable): paragraphs of `--help`, below the options */
  const char *examples[3]; /* at least two: what follows "kmemlab " */
  /* ends with an empty entry. Strings only: this program's own parsers read numbers */
  const GOptionEntry *options;
  /* (nullable): what argument @number, from 0, may be; NULL: anything. For the completion (transfer full) */
  char **(*words) (guint number);
  guint min_arguments, max_arguments; /* max 0: any number */
  int (*run) (char **arguments);      /* returns the exit status */
} KmlCommand;

void kml_command_register (const KmlCommand *command);

/* The last line of a command's file. */
#define KML_REGISTER_COMMAND(command)                                                              \
  static void __attribute__ ((constructor)) command##_register (void)                              \
  {                                                                                                \
    kml_command_register (&(command));                                                             \
  }

/* Sorted by name, ended by NULL. (transfer none) */
const KmlCommand *const *kml_command_list (void);

/* What an option's value is, by its description in the table: for the completion. */
typedef enum {
  KML_VALUE_NONE,    /* there is no value */
  KML_VALUE_TEXT,    /* anything: "N" */
  KML_VALUE_FILE,    /* "FILE" */
  KML_VALUE_FOLDER,  /* "FOLDER" */
  KML_VALUE_SETTING, /* "GROUP.KEY=…" */
  KML_VALUE_METRIC,  /* "METRIC,…" */
  KML_VALUE_SET,     /* "SET,…": of bins */
  KML_VALUE_WORDS,   /* one of several: "svg|png" */
} KmlValueKind;

KmlValueKind kml_option_value_kind (const GOptionEntry *option);

/* Parses the arguments of a command, @arguments[0] being its name, and runs it. */
int kml_command_main (const KmlCommand *command, char **arguments);

/* What the program itself is asked: "kmemlab --help", "kmemlab --version", a command that there
 * is not. */
int kml_command_dispatch (char **arguments);

/* A mistake in the arguments of a command: says it, and how to get help. Returns KML_EXIT_INPUT. */
int kml_usage_error (const char *command, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* A message about an unknown name, with the nearest of @candidates. (transfer full) */
char *kml_unknown_name (const char *what, const char *name, const char *const *candidates);

G_END_DECLS
