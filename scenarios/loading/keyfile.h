/* keyfile.h: GLib key files, read strictly.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What GKeyFile lets pass in silence (a key set twice, a group opened twice, a
 * comment behind a value, bytes that are not text) is refused here, and every
 * group and key knows the line and the column it came from.
 */

#pragma once

#include "scenarios/loading/scenario.h"

G_BEGIN_DECLS

#define KML_KEY_FILE_MAX_BYTES (1024 * 1024)
#define KML_KEY_FILE_MAX_LINES 65536
#define KML_KEY_FILE_MAX_LINE  (64 * 1024) /* bytes: an explicit bin list of a few thousand sizes */

typedef struct {
  char *key;
  char *value;        /* without blanks around it, escapes resolved */
  guint line;         /* from 1 */
  guint column;       /* of the key, from 1, in characters */
  guint value_column; /* of the value */
  gboolean verbatim;  /* the value has no escapes, so a place in it is a place in the line */
} KmlKeyFileEntry;

typedef struct {
  char *name; /* "machine", "workload web" */
  guint line, column;
  GPtrArray *entries; /* (owned) (element-type KmlKeyFileEntry): in the order of the file */
} KmlKeyFileGroup;

typedef struct {
  GPtrArray *groups;     /* (owned) (element-type KmlKeyFileGroup): in the order of the file */
  gboolean lacks_groups; /* some header has no name that could be a group's */
} KmlKeyFile;

/* All that is well-formed, with the rest said in @problems, so that one pass finds the mistakes of every kind.
 * NULL when @text is no text at all (too large, NUL bytes, not UTF-8). @file is how messages call it. */
KmlKeyFile *kml_key_file_parse (const char *file, const char *text, gsize length,
                                GPtrArray *problems);
void kml_key_file_free (KmlKeyFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlKeyFile, kml_key_file_free)

/* (nullable) */
const KmlKeyFileGroup *kml_key_file_find_group (const KmlKeyFile *self, const char *name);

/* The bytes of a regular file of at most KML_KEY_FILE_MAX_BYTES, without a byte order mark. Never waits, whatever @path is: a FIFO, a
 * terminal, a device. KML_ERROR_INPUT: there is no such file to read; KML_ERROR_WORLD: reading it failed. */
gboolean kml_key_file_read (const char *path, char **ret_text, gsize *ret_length, GError **error);

G_END_DECLS
