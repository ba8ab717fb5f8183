/* blame.c: errors that know which setting they are about.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/blame.h"

#include <string.h>

typedef struct {
  char *what; /* (owned) (nullable) */
} KmlErrorPrivate;

static void
kml_error_private_init (KmlErrorPrivate *self)
{
  self->what = NULL;
}

static void
kml_error_private_copy (const KmlErrorPrivate *from, KmlErrorPrivate *to)
{
  to->what = g_strdup (from->what);
}

static void
kml_error_private_clear (KmlErrorPrivate *self)
{
  g_free (self->what);
}

G_DEFINE_EXTENDED_ERROR (KmlError, kml_error)

gboolean
kml_refuse (GError **error, const char *what, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  if (error != NULL)
    *error = g_error_new_valist (KML_ERROR, KML_ERROR_INPUT, format, arguments);
  va_end (arguments);
  kml_blame (error, what);
  return FALSE;
}

void
kml_blame (GError **error, const char *what)
{
  KmlErrorPrivate *self;
  char *before;

  if (error == NULL || *error == NULL || (*error)->domain != KML_ERROR)
    return;
  self = kml_error_get_private (*error);
  before = self->what;
  if (before == NULL)
    self->what = g_strdup (what);
  else if (strchr (before, '.') == NULL && g_str_has_suffix (what, "."))
    self->what = g_strconcat (what, before, NULL);
  else
    return;
  g_free (before);
}

void
kml_blame_group (GError **error, const char *prefix)
{
  g_autofree char *group = g_strconcat (prefix, ".", NULL);

  kml_blame (error, group);
}

char *
kml_take_blame (GError *error)
{
  return error->domain == KML_ERROR ? g_steal_pointer (&kml_error_get_private (error)->what) : NULL;
}
