/* inputs.h: the files that decide what a run does, known by their content.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A setting may name a file: a trace, a cost profile. What is in that file decides the result as much as
 * any setting does, and where it lies does not. So a run is identified by the digests of its files, and
 * whoever has a file of that content can repeat it, wherever he keeps it.
 */

#pragma once

#include "scenarios/loading/scenario.h"

G_BEGIN_DECLS

/* The digest of the regular file at @path, a KML_INPUT_DIGEST_LENGTH long text, and its size in bytes. Never
 * waits, whatever @path is. KML_ERROR_INPUT: there is no such file; KML_ERROR_WORLD: reading it failed. */
gboolean kml_input_digest (const char *path, char *ret_digest, guint64 *ret_size, GError **error);

/* Files of one scenario, each read once. */
typedef struct _KmlInputFiles KmlInputFiles;

/* @base_dir: what the names of files are relative to. @elsewhere (nullable) (element-type utf8 utf8): those that
 * lie at another path, by their names. */
KmlInputFiles *kml_input_files_new (const char *base_dir, GHashTable *elsewhere);
void kml_input_files_free (KmlInputFiles *self);

const char *kml_input_files_base_dir (const KmlInputFiles *self);
GHashTable *kml_input_files_elsewhere (const KmlInputFiles *self); /* (nullable) */

/* Where the file is that settings name so. (transfer full) */
char *kml_input_files_path (const KmlInputFiles *self, const char *file);

/* What the setting @key, which names @file, brings into the run. Its digest is "" when it cannot be read. (transfer full) */
KmlInput *kml_input_files_take (KmlInputFiles *self, const char *key, const char *file);
void kml_input_free (KmlInput *self);

/* What may be stored of where a scenario lay: its folder as the command named it, from the folder it was given in. "" when
 * it was named from the root and is not below: that would say something of this host alone. (transfer full) */
char *kml_input_describe_base_dir (const char *base_dir);

/* Whether it could be read, and has not been touched since. */
gboolean kml_input_files_check (const KmlInputFiles *self, const char *file, GError **error);

/* Names of all that were taken, in that order. (transfer none) (element-type utf8) */
const GPtrArray *kml_input_files_names (const KmlInputFiles *self);

G_END_DECLS
