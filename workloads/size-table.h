/* size-table.h: how often each size was asked for, in bounded memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/workload.h"

G_BEGIN_DECLS

typedef struct _KmlSizeTable KmlSizeTable;

KmlSizeTable *kml_size_table_new (void);
void kml_size_table_free (KmlSizeTable *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlSizeTable, kml_size_table_free)

void kml_size_table_add (KmlSizeTable *self, guint64 size, guint64 count);

/* Appends the counts in the order of sizes to @counts (element-type KmlSizeCount). */
void kml_size_table_append_to (const KmlSizeTable *self, GArray *counts);

G_END_DECLS
