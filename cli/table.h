/* table.h: a table for people.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "cli/output.h"

G_BEGIN_DECLS

typedef struct _KmlTable KmlTable;

KmlTable *kml_table_new (void);
void kml_table_free (KmlTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlTable, kml_table_free)

typedef enum {
  KML_ALIGN_LEFT,
  KML_ALIGN_RIGHT
} KmlAlign;

/* A name with dots is set one part to a line: narrow columns for long names. */
void kml_table_add_column (KmlTable *self, const char *header, KmlAlign align);

/* Cells come row by row. @text (transfer full) is made printable. */
void kml_table_add_cell (KmlTable *self, char *text);
void kml_table_add_styled_cell (KmlTable *self, char *text, KmlStyle style);

/* To standard output. */
void kml_table_print (const KmlTable *self);

G_END_DECLS
