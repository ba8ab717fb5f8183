/* law.c: name(argument, …), as synthetic workloads write what is random about them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/law.h"
#include "simcore/base/units.h"

#include <string.h>

#define NANO         G_GUINT64_CONSTANT (1000000000)
#define MAX_DECIMALS 9

/* "expected poisson(RATE) | closed, not “poison(5)”; did you mean “poisson(RATE)”?" */
static gboolean
refuse (const char *text, const KmlLawForm *forms, GError **error)
{
  g_autofree char *name = g_strndup (text, strcspn (text, " ("));
  g_autofree char *quoted = kml_quote (text, -1);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GString) message = g_string_new ("expected ");
  const char *nearest;

  for (const KmlLawForm *form = forms; form->name != NULL; form++) {
    g_ptr_array_add (names, (gpointer)form->name);
    g_string_append_printf (message, "%s%s", form > forms ? " | " : "", form->shape);
  }
  g_ptr_array_add (names, NULL);
  g_string_append_printf (message, ", not %s", quoted);
  nearest = kml_nearest_name (name, (const char *const *)names->pdata);
  if (nearest != NULL)
    for (const KmlLawForm *form = forms; form->name != NULL; form++)
      if (form->name == nearest)
        g_string_append_printf (message, "; did you mean “%s”?", form->shape);
  g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT, message->str);
  return FALSE;
}

/* The @n_args arguments that @inside holds, or NULL when there are more or fewer. (transfer
 * full) */
static char **
split_arguments (const char *inside, guint n_args)
{
  g_auto (GStrv) args = NULL;

  if (n_args == 1) {
    args = g_new0 (char *, 2);
    args[0] = g_strdup (inside);
  } else {
    args = g_strsplit (inside, ",", (int)n_args + 1);
  }
  if (g_strv_length (args) != n_args)
    return NULL;
  for (guint i = 0; i < n_args; i++)
    g_strstrip (args[i]);
  return g_steal_pointer (&args);
}

gboolean
kml_law_parse (const char *text, const KmlLawForm *forms, KmlLaw *ret_law, GError **error)
{
  const gsize length = strlen (text);
  const gsize name_length = strcspn (text, " (");
  const char *open = text + name_length + strspn (text + name_length, " ");

  for (guint i = 0; forms[i].name != NULL; i++) {
    g_autofree char *inside = NULL;
    char **args;

    if (strlen (forms[i].name) != name_length || memcmp (forms[i].name, text, name_length) != 0)
      continue;
    if (forms[i].n_args == 0) {
      if (text[name_length] != '\0')
        break;
      *ret_law = (KmlLaw){ i, g_new0 (char *, 1) };
      return TRUE;
    }
    if (*open != '(' || text[length - 1] != ')')
      break;
    inside = g_strndup (open + 1, (gsize)(text + length - 1 - (open + 1)));
    args = split_arguments (inside, forms[i].n_args);
    if (args == NULL)
      break;
    *ret_law = (KmlLaw){ i, args };
    return TRUE;
  }
  return refuse (text, forms, error);
}

void
kml_law_clear (KmlLaw *self)
{
  g_clear_pointer (&self->args, g_strfreev);
}

gboolean
kml_law_parse_decimal (const char *text, guint64 *ret_nano, GError **error)
{
  const char *at = text;
  g_autofree char *quoted = NULL;
  guint64 whole = 0, part = 0;
  guint n_decimals = 0;

  for (; g_ascii_isdigit (*at) && whole < NANO; at++)
    whole = whole * 10 + (guint64)(*at - '0');
  if (at > text && *at == '.' && g_ascii_isdigit (at[1]))
    for (at++; g_ascii_isdigit (*at) && n_decimals < MAX_DECIMALS; at++, n_decimals++)
      part = part * 10 + (guint64)(*at - '0');
  if (at > text && *at == '\0' && whole < NANO) {
    for (; n_decimals < MAX_DECIMALS; n_decimals++)
      part *= 10;
    *ret_nano = whole * NANO + part;
    return TRUE;
  }
  quoted = kml_quote (text, -1);
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "expected a number from 0 to 999999999 such as 0.25, with at most nine decimals, "
               "not %s",
               quoted);
  return FALSE;
}
