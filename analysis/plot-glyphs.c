/* plot-glyphs.c: characters that no font of this host has.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where gnuplot makes pixels of letters (PNG, PDF), one that is in no font becomes a box that covers the picture: the box is made for
 * another scale. So for letters beyond the Latin ones fontconfig's fc-list is asked whether there is a font, and one that has none, or that nobody can say
 * anything about, is a question mark. An SVG keeps every letter: who looks at it has other fonts.
 */

#include "analysis/plot-private.h"

#define MAX_ASKED 200 /* different characters of one file; each takes about 10 ms */

/* Latin letters, and punctuation such as “–…”: every font has them. */
static gboolean
is_usual (gunichar c)
{
  return c < 0x250 || (c >= 0x2000 && c < 0x2070);
}

static gboolean
some_font_has (gunichar c)
{
  g_autofree char *pattern = g_strdup_printf (":charset=%x", c);
  const char *const command[] = { "fc-list", pattern, "family", NULL };
  g_autofree char *fonts = NULL;
  int status;

  return g_spawn_sync (NULL, (char **)command, NULL,
                       G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &fonts, NULL,
                       &status, NULL) &&
         status == 0 && fonts[0] != '\0';
}

/* @asked: what is known, character to gboolean. */
static gboolean
can_be_drawn (gunichar c, GHashTable *asked)
{
  gpointer answer;

  if (is_usual (c))
    return TRUE;
  if (g_hash_table_lookup_extended (asked, GUINT_TO_POINTER (c), NULL, &answer))
    return GPOINTER_TO_INT (answer);
  answer = GINT_TO_POINTER (g_hash_table_size (asked) < MAX_ASKED && some_font_has (c));
  g_hash_table_insert (asked, GUINT_TO_POINTER (c), answer);
  return GPOINTER_TO_INT (answer);
}

char *
kml_plot_drawable (const char *text)
{
  g_autoptr (GHashTable) asked = g_hash_table_new (NULL, NULL);
  g_autoptr (GString) drawable = g_string_new (NULL);

  for (const char *c = text; *c != '\0'; c = g_utf8_next_char (c))
    if (can_be_drawn (g_utf8_get_char (c), asked))
      g_string_append_len (drawable, c, g_utf8_next_char (c) - c);
    else
      g_string_append_c (drawable, '?');
  return g_string_free (g_steal_pointer (&drawable), FALSE);
}
