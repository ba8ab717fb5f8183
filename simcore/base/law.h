/* law.h: name(argument, …), as synthetic workloads write what is random about them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

/* One way to write a law. A table of them ends with an entry whose name is NULL. */
typedef struct {
  const char *name;
  guint n_args;      /* 0: the name alone. 1: all that is in the parentheses, commas included */
  const char *shape; /* "bursts(N, TIME)": what messages show as expected */
} KmlLawForm;

typedef struct {
  guint form;  /* index into the table */
  char **args; /* (array zero-terminated=1) (owned): without blanks around them */
} KmlLaw;

gboolean kml_law_parse (const char *text, const KmlLawForm *forms, KmlLaw *ret_law, GError **error);
void kml_law_clear (KmlLaw *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (KmlLaw, kml_law_clear)

/* A decimal such as 0.6 in units of 10^-9, exactly; below 10^9, with nine decimals at most. */
gboolean kml_law_parse_decimal (const char *text, guint64 *ret_nano, GError **error);

G_END_DECLS
