/* start-state.c: which memory of a running kernel was free.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A kernel shows it in three ways, and a file of each is known by its beginning:
 *
 *   /proc/kpageflags     a word of 64 bits, lowest byte first, for each page frame. Bit 10, BUDDY, is set in all frames of a free block (since
 *                        Linux 4.0; before that in the first alone). So free frames are known one by one, and blocks follow from them, since the kernel joins buddies
 *   /proc/buddyinfo      how many free blocks of each order a zone has. They are placed at random (start-counts.c)
 *   /proc/pagetypeinfo   the same by mobility, and how many pageblocks each mobility has
 *
 * Frames are those of the kernel, where it shows them: frame n here is frame n there. All that is not free is in use, by nobody known, until a recording says that it is given back
 * (old-frames.h), or for ever.
 *
 * Of kpageflags the mobility of a pageblock is guessed: it is movable unless more of its frames are in use without being on an LRU list or
 * anonymous (bits 5 and 12) than are. Of 256 pageblocks of Linux 6.1 guests 229 to 251 have the mobility that the kernel knew; reclaimable ones cannot be told from unmovable
 * ones, and count as right when they are not movable. Bits 20 and 32, no page and reserved, are of nobody.
 */

#include "scenarios/loading/start-state.h"

#include <string.h>

#include "simcore/memory/ram.h"
#include "workloads/traces/trace-input.h"

#define EXPECTED    "expected /proc/kpageflags, /proc/buddyinfo or /proc/pagetypeinfo of a kernel"
#define MAX_TEXT    (1u << 20)
#define CHUNK_WORDS 4096

#define FLAG_BUDDY   (G_GUINT64_CONSTANT (1) << 10)
#define FLAG_MOVABLE (G_GUINT64_CONSTANT (1) << 5 | G_GUINT64_CONSTANT (1) << 12)
#define FLAG_NO_PAGE (G_GUINT64_CONSTANT (1) << 20)
#define FLAG_NOBODY  (FLAG_NO_PAGE | G_GUINT64_CONSTANT (1) << 32)
#define FLAG_UNKNOWN (G_MAXUINT64 << 48) /* Linux 6.16 has none there */

static gboolean G_GNUC_PRINTF (2, 3) wrong (GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_propagate_error (error, g_error_new_valist (KML_ERROR, KML_ERROR_INPUT, format, arguments));
  va_end (arguments);
  return FALSE;
}

/* ---- kpageflags ---- */

typedef struct {
  guint64 n; /* words read */
  /* of the pageblock at hand: frames in use that can be moved, less those that cannot */
  gint64 n_balance;
  guint64 last_free; /* the highest free frame; G_MAXUINT64: none */
} Flags;

static void
end_pageblock (KmlStartState *self, Flags *flags, guint64 pfn)
{
  if (flags->n_balance < 0 && pfn < self->n_frames)
    self->mobilities[pfn >> KML_START_PAGEBLOCK_ORDER] = KML_MOBILITY_UNMOVABLE;
  flags->n_balance = 0;
}

static gboolean
add_word (KmlStartState *self, Flags *flags, guint64 word, GError **error)
{
  const guint64 pfn = flags->n++;

  if (word & FLAG_UNKNOWN)
    return wrong (error, "word %" G_GUINT64_FORMAT " is not the flags of a page: " EXPECTED, pfn);
  if (pfn % (1u << KML_START_PAGEBLOCK_ORDER) == 0 && pfn > 0)
    end_pageblock (self, flags, pfn - 1);
  if (word & FLAG_BUDDY) {
    flags->last_free = pfn;
    if (pfn < self->n_frames)
      self->is_free[pfn] = TRUE;
    return TRUE;
  }
  if (pfn < self->n_frames)
    self->is_old[pfn] = !(word & FLAG_NO_PAGE);
  if (!(word & FLAG_NOBODY))
    flags->n_balance += word & FLAG_MOVABLE ? 1 : -1;
  return TRUE;
}

static gboolean
finish_flags (KmlStartState *self, Flags *flags, guint64 page_size, GError **error)
{
  g_autofree char *ram = NULL;

  if (flags->n > 0)
    end_pageblock (self, flags, flags->n - 1);
  if (flags->last_free == G_MAXUINT64)
    return wrong (error, "no page in it is free (bit 10, BUDDY): " EXPECTED);
  if (flags->last_free < self->n_frames)
    return TRUE;
  if (flags->last_free < G_MAXUINT32)
    ram = g_strdup_printf (
        ": expected [machine] ram = %" G_GUINT64_FORMAT "MiB or more",
        (kml_ram_size_for ((guint32)flags->last_free + 1, page_size) + (1u << 20) - 1) >> 20);
  return wrong (error,
                "frame %" G_GUINT64_FORMAT
                " is free, and the machine has %u, beside its frame table%s",
                flags->last_free, self->n_frames, ram != NULL ? ram : "");
}

static gboolean
read_flags (KmlStartState *self, KmlTraceInput *input, guint64 page_size, GError **error)
{
  g_autofree guint64 *words = g_new (guint64, CHUNK_WORDS);
  Flags flags = { .last_free = G_MAXUINT64 };
  gssize n;

  self->is_old = g_new0 (guint8, self->n_frames);
  while ((n = kml_trace_input_read (input, words, CHUNK_WORDS * sizeof *words, error)) > 0) {
    for (gsize i = 0; i < (gsize)n / sizeof *words; i++)
      if (!add_word (self, &flags, GUINT64_FROM_LE (words[i]), error))
        return FALSE;
    if (n % (gssize)sizeof *words != 0)
      return wrong (error, "it ends in the middle of a word: " EXPECTED);
  }
  return n == 0 && finish_flags (self, &flags, page_size, error);
}

/* ---- Texts ---- */

static gboolean
read_text (KmlStartState *self, KmlTraceInput *input, guint64 seed, GError **error)
{
  g_autofree char *text = g_malloc (MAX_TEXT + 1);
  const gssize n = kml_trace_input_read (input, text, MAX_TEXT, error);

  if (n < 0)
    return FALSE;
  if (n == MAX_TEXT || memchr (text, '\0', (gsize)n) != NULL)
    return wrong (error, EXPECTED);
  text[n] = '\0';
  if (text[n - 1] != '\n')
    return wrong (error, "it ends in the middle of a line");
  return kml_start_state_place (self, text, seed, error);
}

/* ---- Either ---- */

static gboolean
begins_with (const char *head, gsize n, const char *text)
{
  return n >= strlen (text) && memcmp (head, text, strlen (text)) == 0;
}

static gboolean
load (KmlStartState *self, KmlTraceInput *input, guint64 page_size, guint64 seed, GError **error)
{
  const char *head;
  gsize n;

  if (!kml_trace_input_head (input, 64, &head, &n, error))
    return FALSE;
  if (n == 0)
    return wrong (error, "it is empty: " EXPECTED);
  if (begins_with (head, n, "Node ") || begins_with (head, n, "Page block order:"))
    return read_text (self, input, seed, error);
  return read_flags (self, input, page_size, error);
}

gboolean
kml_start_state_load (KmlStartState *self, const char *path, const char *shown, guint32 n_frames,
                      guint64 page_size, guint64 seed, GError **error)
{
  g_autoptr (KmlTraceInput) input = NULL;

  *self = (KmlStartState){ .n_frames = n_frames };
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return wrong (error, "%s: a directory: " EXPECTED, shown);
  input = kml_trace_input_open (path, shown, error);
  if (input == NULL)
    return FALSE;
  self->is_free = g_new0 (guint8, n_frames);
  self->mobilities = g_malloc (kml_start_state_n_pageblocks (self));
  memset (self->mobilities, KML_MOBILITY_MOVABLE, kml_start_state_n_pageblocks (self));
  if (load (self, input, page_size, seed, error))
    return TRUE;
  if (error != NULL && !g_str_has_prefix ((*error)->message, shown))
    g_prefix_error (error, "%s: ", shown);
  return FALSE;
}

void
kml_start_state_clear (KmlStartState *self)
{
  g_clear_pointer (&self->is_free, g_free);
  g_clear_pointer (&self->is_old, g_free);
  g_clear_pointer (&self->mobilities, g_free);
}
