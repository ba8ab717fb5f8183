/* cause.c: what stopped an operation, and where it was then.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/tasks/cause.h"

#define KML_PART_NAME(id, name) [KML_PART_##id] = name,

const char *const kml_part_names[] = { KML_PARTS (KML_PART_NAME) NULL };

#undef KML_PART_NAME

void
kml_cause_consider (KmlCause *self, KmlTime lasted, KmlPart part, const char *what,
                    const char *const *chain, guint n_chain)
{
  if (lasted <= self->lasted)
    return;
  self->lasted = lasted;
  self->part = part;
  self->what = what;
  kml_cause_place (self, chain, n_chain);
}

void
kml_cause_place (KmlCause *self, const char *const *chain, guint n_chain)
{
  self->n_chain = n_chain;
  for (guint i = 0; i < MIN (n_chain, KML_MAX_CHAIN); i++) /* they are few */
    self->chain[i] = chain[i];
}

char *
kml_call_chain_text (const char *const *functions, guint n)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < MIN (n, KML_MAX_CHAIN); i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " > " : "", functions[i]);
  if (n > KML_MAX_CHAIN)
    g_string_append (text, " > …");
  return g_string_free (text, FALSE);
}
