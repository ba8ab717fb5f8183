/* table.c: a table for people.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   objects.  frag.     memory.
 *   bins      internal  reserved
 *             mean      peak_bytes
 *   linux      12.31 %   1.50 MiB
 */

#include "cli/table.h"

#include <string.h>

#define GAP 2

typedef struct {
  char **header; /* (owned): the lines of it */
  KmlAlign align;
  guint width; /* characters */
} Column;

typedef struct {
  char *text; /* (owned) */
  KmlStyle style;
} Cell;

struct _KmlTable {
  GArray *columns; /* (owned) (element-type Column) */
  GArray *cells;   /* (owned) (element-type Cell): row by row */
};

static void
clear_column (gpointer column)
{
  g_strfreev (((Column *)column)->header);
}

static void
clear_cell (gpointer cell)
{
  g_free (((Cell *)cell)->text);
}

KmlTable *
kml_table_new (void)
{
  KmlTable *self = g_new0 (KmlTable, 1);

  self->columns = g_array_new (FALSE, FALSE, sizeof (Column));
  self->cells = g_array_new (FALSE, FALSE, sizeof (Cell));
  g_array_set_clear_func (self->columns, clear_column);
  g_array_set_clear_func (self->cells, clear_cell);
  return self;
}

void
kml_table_free (KmlTable *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->columns);
  g_array_unref (self->cells);
  g_free (self);
}

/* Columns on the screen: wide characters take two. */
static guint
text_width (const char *text)
{
  guint width = 0;

  for (; *text != '\0'; text = g_utf8_next_char (text)) {
    const gunichar c = g_utf8_get_char (text);

    width += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
  }
  return width;
}

/* "frag.internal.mean" becomes "frag.", "internal.", "mean". */
static char **
split_header (const char *header)
{
  g_autofree char *printable = kml_printable (header);
  char **lines = g_strsplit (printable, ".", -1);

  for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++) {
    char *line = g_strconcat (lines[i], ".", NULL);

    g_free (lines[i]);
    lines[i] = line;
  }
  return lines;
}

void
kml_table_add_column (KmlTable *self, const char *header, KmlAlign align)
{
  Column column = { .header = split_header (header), .align = align };

  g_assert (self->cells->len == 0);

  for (guint i = 0; column.header[i] != NULL; i++)
    column.width = MAX (column.width, text_width (column.header[i]));
  g_array_append_val (self->columns, column);
}

void
kml_table_add_styled_cell (KmlTable *self, char *text, KmlStyle style)
{
  const Cell cell = { .text = kml_printable (text), .style = style };
  Column *column;

  g_assert (self->columns->len > 0);

  column = &g_array_index (self->columns, Column, self->cells->len % self->columns->len);
  g_strdelimit (cell.text, "\n", ' ');
  column->width = MAX (column->width, text_width (cell.text));
  g_array_append_val (self->cells, cell);
  g_free (text);
}

void
kml_table_add_cell (KmlTable *self, char *text)
{
  kml_table_add_styled_cell (self, text, KML_STYLE_PLAIN);
}

/* One line of the table. Nothing is written behind its last text, no blanks either. */
static void
print_line (const KmlTable *self, const Cell *cells)
{
  guint n = self->columns->len;

  while (n > 0 && cells[n - 1].text[0] == '\0')
    n--;
  for (guint i = 0; i < n; i++) {
    const Column *column = &g_array_index (self->columns, Column, i);
    const guint width = text_width (cells[i].text);
    const int padding = (int)(column->width > width ? column->width - width : 0);
    const gboolean is_right = column->align == KML_ALIGN_RIGHT;

    kml_out ("%*s%s%s%s", is_right ? padding : 0, "", kml_style_begin (stdout, cells[i].style),
             cells[i].text, kml_style_end (stdout, cells[i].style));
    if (i + 1 < n)
      kml_out ("%*s", (is_right ? 0 : padding) + GAP, "");
  }
  kml_out ("\n");
}

static void
print_header (const KmlTable *self)
{
  g_autofree Cell *cells = g_new0 (Cell, self->columns->len);
  guint n_lines = 0;

  for (guint i = 0; i < self->columns->len; i++)
    n_lines = MAX (n_lines, g_strv_length (g_array_index (self->columns, Column, i).header));
  for (guint line = 0; line < n_lines; line++) {
    for (guint i = 0; i < self->columns->len; i++) {
      char **header = g_array_index (self->columns, Column, i).header;

      cells[i].text = line < g_strv_length (header) ? header[line] : (char *)"";
      cells[i].style = KML_STYLE_HEADER;
    }
    print_line (self, cells);
  }
}

void
kml_table_print (const KmlTable *self)
{
  g_assert (self->cells->len % self->columns->len == 0);

  print_header (self);
  for (guint i = 0; i < self->cells->len; i += self->columns->len)
    print_line (self, &g_array_index (self->cells, Cell, i));
}
