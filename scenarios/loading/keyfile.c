/* keyfile.c: GLib key files, read strictly.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The language is a subset of GKeyFile's: a line is blank, a comment (#), a
 * group header or key = value. This file decides what is well-formed and where
 * it stands; GKeyFile then resolves the escapes of the values (\s \t \n \\), so
 * that a value means what it means to every other program that reads key files.
 *
 * Refused, where GKeyFile would take it:
 *
 *   a key set twice in a group, a group opened twice   (it keeps the last, it merges)
 *   " # comment" or " ; comment" behind a value        (it becomes part of the value)
 *   bytes that are not UTF-8, control characters       (it accepts or quotes them)
 *   keys with blanks, brackets or quotes               (a slip more often than a name)
 *
 * Invariant, which the tests hold against GKeyFile with mutated files:
 *
 *   K1  a text without problems is accepted by GKeyFile, with the same groups, keys and values
 */

#include "scenarios/loading/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "simcore/base/units.h"

/* So many problems are told; a file of which every line is wrong is not a scenario. */
#define MAX_PROBLEMS 100

typedef struct {
  const char *file;
  GPtrArray *problems;
  KmlKeyFile *result;
  GKeyFile *values;       /* only resolves escapes */
  KmlKeyFileGroup *group; /* (nullable): the one that lines belong to */
  gboolean is_refused;    /* the group's header was: its lines are read, and dropped */
  GHashTable *groups;     /* name -> KmlKeyFileGroup, borrowed */
  GHashTable *entries;    /* key -> KmlKeyFileEntry of the group, borrowed */
  guint line;
  const char *start; /* of the line */
} Parser;

static void
entry_free (KmlKeyFileEntry *entry)
{
  g_free (entry->key);
  g_free (entry->value);
  g_free (entry);
}

static void
group_free (KmlKeyFileGroup *group)
{
  g_free (group->name);
  g_ptr_array_unref (group->entries);
  g_free (group);
}

void
kml_key_file_free (KmlKeyFile *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->groups);
  g_free (self);
}

const KmlKeyFileGroup *
kml_key_file_find_group (const KmlKeyFile *self, const char *name)
{
  for (guint i = 0; i < self->groups->len; i++) {
    const KmlKeyFileGroup *group = g_ptr_array_index (self->groups, i);

    if (g_str_equal (group->name, name))
      return group;
  }
  return NULL;
}

/* ---- Lines ---- */

static gboolean
is_blank (char c)
{
  return c == ' ' || c == '\t';
}

/* What names of groups and keys are made of. A key of [sweep] is a path (machine.cpus), one of [expect] a metric. */
static gboolean
is_name_char (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("-_.", c) != NULL);
}

static guint
column_of (const Parser *self, const char *at)
{
  return (guint)g_utf8_strlen (self->start, at - self->start) + 1;
}

static void
problem (const Parser *self, const char *at, const char *message)
{
  kml_problems_add (self->problems, self->file, self->line, column_of (self, at), "%s", message);
}

static KmlKeyFileGroup *
group_new (const Parser *self, char *name, const char *at)
{
  KmlKeyFileGroup *group = g_new0 (KmlKeyFileGroup, 1);

  group->name = name;
  group->line = self->line;
  group->column = column_of (self, at);
  group->entries = g_ptr_array_new_with_free_func ((GDestroyNotify)entry_free);
  return group;
}

/* The name between the brackets: words of name characters with one space between two. */
static gboolean
check_group_name (const Parser *self, const char *at, const char *end)
{
  g_autofree char *quoted = NULL;
  g_autofree char *message = NULL;

  if (at == end) {
    problem (self, at, "a group has a name: [machine]");
    return FALSE;
  }
  for (const char *c = at; c < end; c++) {
    if (is_name_char (*c) || (*c == ' ' && c > at && c + 1 < end && c[1] != ' '))
      continue;
    quoted = kml_quote (at, end - at);
    message = g_strdup_printf (
        "%s is not the name of a group: expected [group] or [group NAME], of "
        "letters, digits, “-”, “_” and “.”, with one space between the two",
        quoted);
    problem (self, c, message);
    return FALSE;
  }
  return TRUE;
}

/* [name], blanks; the line ends at @end. */
static void
read_group (Parser *self, const char *at, const char *end)
{
  const char *close = memchr (at, ']', (gsize)(end - at));
  const KmlKeyFileGroup *earlier;
  g_autofree char *name = NULL;

  self->group = NULL;
  self->is_refused = TRUE;
  if (close == NULL) {
    problem (self, at, "this group header has no “]”");
    close = end; /* taken as if it had */
  }
  if (!check_group_name (self, at + 1, close)) {
    self->result->lacks_groups = TRUE;
    return;
  }
  if (close + 1 < end)
    problem (self, close + 1,
             "nothing may follow a group header; a comment stands on a line of its own");

  name = g_strndup (at + 1, (gsize)(close - at - 1));
  earlier = g_hash_table_lookup (self->groups, name);
  if (earlier != NULL)
    kml_problems_add (
        self->problems, self->file, self->line, column_of (self, at),
        "the group [%s] was opened in line %u already; put the keys of both under one "
        "header",
        name, earlier->line);
  else
    self->is_refused = FALSE;

  /* keys under a second header are checked like any others, and dropped with it */
  self->group = group_new (self, g_steal_pointer (&name), at);
  if (!self->is_refused)
    g_hash_table_insert (self->groups, self->group->name, self->group);
  g_ptr_array_add (self->result->groups, self->group);
  g_hash_table_remove_all (self->entries);
}

/* A comment behind the value, from the blank in front of it. (nullable) */
static const char *
find_trailing_comment (const char *at, const char *end)
{
  for (const char *c = at; c < end; c++)
    if ((*c == '#' || *c == ';') && (c == at || is_blank (c[-1])))
      return c;
  return NULL;
}

static gboolean
check_key (const Parser *self, const char *at, const char *end)
{
  g_autofree char *quoted = NULL;
  g_autofree char *message = NULL;

  if (at == end) {
    problem (self, at, "there is no key in front of “=”");
    return FALSE;
  }
  for (const char *c = at; c < end; c++) {
    if (is_name_char (*c))
      continue;
    quoted = kml_quote (at, end - at);
    message = g_strdup_printf ("%s is not a key: expected letters, digits, “-”, “_” and “.”",
                               quoted);
    problem (self, c, message);
    return FALSE;
  }
  return TRUE;
}

/* (nullable) */
static const char *
find_unknown_escape (const char *at, const char *end)
{
  for (const char *c = at; c < end; c++) {
    if (*c != '\\')
      continue;
    if (c + 1 == end || memchr ("sntr\\", c[1], 5) == NULL)
      return c;
    c++;
  }
  return NULL;
}

/* Resolves the escapes; NULL after a problem that leaves no value. One with a comment behind it is the value
 * without the comment: it is checked like any other. (transfer full) */
static char *
read_value (const Parser *self, const char *at, const char *end)
{
  const char *comment = find_trailing_comment (at, end);
  const char *escape;
  g_autofree char *raw = NULL;
  g_autofree char *value = NULL;

  if (comment != NULL) {
    problem (self, comment,
             "a comment behind a value would become part of it: put it on a line of its own, begun "
             "with “#” (if it is meant to be in the value, write the blank before it as “\\s”)");
    for (end = comment; end > at && is_blank (end[-1]);)
      end--;
  }
  escape = find_unknown_escape (at, end);
  if (escape != NULL) {
    problem (self, escape, "unknown escape: a backslash begins “\\s”, “\\t” or “\\\\”");
    return NULL;
  }
  raw = g_strndup (at, (gsize)(end - at));
  g_key_file_set_value (self->values, "values", "value", raw);
  value = g_key_file_get_string (self->values, "values", "value", NULL);
  g_assert (value != NULL);
  for (const char *c = value; *c != '\0'; c++) {
    if (g_ascii_iscntrl (*c) && *c != '\t') {
      problem (self, at, "a value is one line: “\\n” and “\\r” are not taken");
      return NULL;
    }
  }
  return g_steal_pointer (&value);
}

/* key = value; the line ends at @end. */
static void
read_entry (Parser *self, const char *at, const char *end)
{
  const char *equals = memchr (at, '=', (gsize)(end - at));
  const char *key_end = equals;
  const char *value_at;
  const KmlKeyFileEntry *earlier;
  g_autofree char *key = NULL;
  g_autofree char *value = NULL;
  KmlKeyFileEntry *entry;

  if (equals == NULL) {
    problem (self, at,
             *at == ';' ? "a comment begins with “#”"
                        : "expected [group], key = value (a value is one line) or a comment that "
                          "begins with “#”");
    return;
  }
  while (key_end > at && is_blank (key_end[-1]))
    key_end--;
  for (value_at = equals + 1; value_at < end && is_blank (*value_at);)
    value_at++;
  if (!check_key (self, at, key_end))
    return;
  value = read_value (self, value_at, end);
  if (self->group == NULL) {
    if (!self->is_refused)
      problem (self, at,
               "this key stands outside of any group; expected a header such as [machine] first");
    return;
  }

  key = g_strndup (at, (gsize)(key_end - at));
  earlier = g_hash_table_lookup (self->entries, key);
  if (earlier != NULL) {
    kml_problems_add (self->problems, self->file, self->line, column_of (self, at),
                      "the key “%s” of [%s] was set in line %u already", key, self->group->name,
                      earlier->line);
    return;
  }
  if (value == NULL)
    return;
  entry = g_new0 (KmlKeyFileEntry, 1);
  entry->verbatim = memchr (value_at, '\\', (gsize)(end - value_at)) == NULL;
  entry->key = g_steal_pointer (&key);
  entry->value = g_steal_pointer (&value);
  entry->line = self->line;
  entry->column = column_of (self, at);
  entry->value_column = column_of (self, value_at);
  g_ptr_array_add (self->group->entries, entry);
  g_hash_table_insert (self->entries, entry->key, entry);
}

/* One line, without its end. */
static void
read_line (Parser *self, const char *at, const char *end)
{
  self->start = at;
  if (end - at > KML_KEY_FILE_MAX_LINE) {
    kml_problems_add (self->problems, self->file, self->line, 1,
                      "this line has more than %d bytes, the most that is taken",
                      KML_KEY_FILE_MAX_LINE);
    return;
  }
  for (const char *c = at; c < end; c++) {
    if (g_ascii_iscntrl (*c) && *c != '\t') {
      kml_problems_add (self->problems, self->file, self->line, column_of (self, c),
                        "control character 0x%02x", (guint)(guchar)*c);
      return;
    }
  }
  while (at < end && is_blank (*at))
    at++;
  while (end > at && is_blank (end[-1]))
    end--;
  if (at == end || *at == '#')
    return;
  if (*at == '[')
    read_group (self, at, end);
  else
    read_entry (self, at, end);
}

/* ---- The text as a whole ---- */

/* Line and column of byte @at. Bytes in front of it are UTF-8. */
static void
locate (const char *text, const char *at, guint *ret_line, guint *ret_column)
{
  const char *start = text;

  *ret_line = 1;
  for (const char *c = text; c < at; c++) {
    if (*c == '\n') {
      start = c + 1;
      ++*ret_line;
    }
  }
  *ret_column = (guint)g_utf8_strlen (start, at - start) + 1;
}

/* Whether it is text at all. */
static gboolean
check_text (const char *file, const char *text, gsize length, GPtrArray *problems)
{
  const char *bad;
  guint line, column;

  if (length > KML_KEY_FILE_MAX_BYTES) {
    kml_problems_add (problems, file, 0, 0, "more than %d bytes, the most that is taken",
                      KML_KEY_FILE_MAX_BYTES);
    return FALSE;
  }
  if (!g_utf8_validate (text, (gssize)length, &bad)) {
    locate (text, bad, &line, &column);
    if (*bad == '\0')
      kml_problems_add (problems, file, line, column, "a NUL byte: this is not a text file");
    else
      kml_problems_add (problems, file, line, column, "byte 0x%02x is not UTF-8",
                        (guint)(guchar)*bad);
    return FALSE;
  }
  if (kml_byte_order_mark (text, length) > 0) {
    kml_problems_add (problems, file, 1, 1, "a byte order mark; save the file without it");
    return FALSE;
  }
  return TRUE;
}

static void
read_lines (Parser *self, const char *text, gsize length)
{
  const char *end = text + length;

  for (const char *at = text; at < end; self->line++) {
    const char *newline = memchr (at, '\n', (gsize)(end - at));
    const char *line_end = newline != NULL ? newline : end;
    const char *next = newline != NULL ? newline + 1 : end;

    if (self->line > KML_KEY_FILE_MAX_LINES || self->problems->len >= MAX_PROBLEMS) {
      kml_problems_add (
          self->problems, self->file, self->line, 1, "%s; from here on nothing was read",
          self->problems->len >= MAX_PROBLEMS ? "too many problems" : "too many lines");
      return;
    }
    if (newline != NULL && line_end > at && line_end[-1] == '\r')
      line_end--;
    read_line (self, at, line_end);
    at = next;
  }
}

/* Groups that were opened a second time were kept so that their lines could be checked. */
static void
drop_refused_groups (KmlKeyFile *result, GHashTable *kept)
{
  for (guint i = 0; i < result->groups->len;) {
    KmlKeyFileGroup *group = g_ptr_array_index (result->groups, i);

    if (g_hash_table_lookup (kept, group->name) == group)
      i++;
    else
      g_ptr_array_remove_index (result->groups, i);
  }
}

KmlKeyFile *
kml_key_file_parse (const char *file, const char *text, gsize length, GPtrArray *problems)
{
  g_autoptr (GHashTable) groups = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) entries = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GKeyFile) values = g_key_file_new ();
  Parser parser = { .file = file,
                    .problems = problems,
                    .values = values,
                    .groups = groups,
                    .entries = entries,
                    .line = 1 };

  if (!check_text (file, text, length, problems))
    return NULL;

  parser.result = g_new0 (KmlKeyFile, 1);
  parser.result->groups = g_ptr_array_new_with_free_func ((GDestroyNotify)group_free);
  read_lines (&parser, text, length);
  drop_refused_groups (parser.result, groups);
  return parser.result;
}

/* ---- The file ---- */

static gboolean
fail (KmlErrorCode code, const char *why, GError **error)
{
  g_set_error (error, KML_ERROR, (int)code, "cannot be read: %s", why);
  return FALSE;
}

/* What the user can put right is INPUT, all else is the world. */
static KmlErrorCode
code_of_errno (int number)
{
  switch (number) {
  case ENOENT:
  case ENOTDIR:
  case EISDIR:
  case EACCES:
  case ELOOP:
  case ENAMETOOLONG:
  case ENXIO:
  case ENODEV:
    return KML_ERROR_INPUT;
  default:
    return KML_ERROR_WORLD;
  }
}

/* Reads to the end or to one byte more than is taken; a size from fstat() would be a promise, not a fact. */
static gboolean
read_all (int fd, GString *text, GError **error)
{
  char buffer[16384];

  while (text->len <= KML_KEY_FILE_MAX_BYTES) {
    const gssize n = read (fd, buffer, sizeof buffer);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return fail (code_of_errno (errno), g_strerror (errno), error);
    if (n == 0)
      return TRUE;
    g_string_append_len (text, buffer, n);
  }
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT, "more than %d bytes, the most that is taken",
               KML_KEY_FILE_MAX_BYTES);
  return FALSE;
}

gboolean
kml_key_file_read (const char *path, char **ret_text, gsize *ret_length, GError **error)
{
  const int fd = open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  GString *text;
  struct stat info = { 0 };
  gboolean is_read;

  if (fd < 0)
    return fail (code_of_errno (errno), g_strerror (errno), error);
  if (fstat (fd, &info) != 0 || !S_ISREG (info.st_mode)) {
    const gboolean is_directory = S_ISDIR (info.st_mode);

    close (fd);
    return fail (KML_ERROR_INPUT, is_directory ? "it is a directory" : "it is not a regular file",
                 error);
  }

  text = g_string_new (NULL);
  is_read = read_all (fd, text, error);
  close (fd);
  if (!is_read) {
    g_string_free (text, TRUE);
    return FALSE;
  }
  g_string_erase (text, 0, (gssize)kml_byte_order_mark (text->str, text->len));
  *ret_length = text->len;
  *ret_text = g_string_free (text, FALSE);
  return TRUE;
}
