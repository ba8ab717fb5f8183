/* program-reader.h: a step while it is being read: its words, and what is wrong with them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "workloads/programs/program-private.h"

G_BEGIN_DECLS

/* A word of a step, and which byte of the program's text it begins at. */
typedef struct {
  char *text; /* (owned) */
  gsize at;
} KmlStepWord;

typedef struct {
  const char *text;  /* of the program */
  GArray *words;     /* (owned) (element-type KmlStepWord): of the step */
  GPtrArray *faults; /* (element-type KmlProgramFault) */
} KmlStepReader;

static inline const char *
kml_step_word (const KmlStepReader *self, guint i)
{
  return g_array_index (self->words, KmlStepWord, i).text;
}

/* Adds the fault that the @i-th word is wrong. FALSE. */
gboolean kml_step_wrong (KmlStepReader *self, guint i, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* What is behind the name of the step, whose kind and name are set. FALSE after a fault. */
gboolean kml_step_read_arguments (KmlStepReader *self, KmlStep *step);

G_END_DECLS
