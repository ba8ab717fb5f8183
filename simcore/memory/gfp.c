/* gfp.c: the flags of a request for memory, by name.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A kernel prints gfp_t greedily: it goes through a list in which composites
 * (GFP_KERNEL) stand before their parts, prints every entry whose bits are all
 * still there and takes them away; what no entry names comes last, in
 * hexadecimal. names[] below is that list for Linux 6.1, so formatting gives
 * the kernel's own text, and reading is the union of what the names mean.
 *
 * Other kernels have other names. Those that went are read as what took their
 * place; those that say nothing about memory as we model it (cold pages, KASAN,
 * lockdep) are read as no flag. Before 4.6 the single flags were printed
 * without their underscores, which is why GFP_ZERO is read as __GFP_ZERO.
 * Flags given in hexadecimal are taken for 6.1's bits: the text does not say whose they are.
 */

#include "simcore/memory/gfp.h"
#include "simcore/base/units.h"

#include <string.h>

const char *const kml_zone_names[] = {
  [KML_ZONE_DMA] = "DMA",
  [KML_ZONE_DMA32] = "DMA32",
  [KML_ZONE_NORMAL] = "Normal",
  NULL,
};

#define GFP_USER          (KML_GFP_KERNEL | KML_GFP_HARDWALL)
#define GFP_HIGHUSER      (GFP_USER | KML_GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVE (GFP_HIGHUSER | KML_GFP_MOVABLE)
#define GFP_TRANSHUGE_LIGHT                                                                        \
  ((GFP_HIGHUSER_MOVE | KML_GFP_COMP | KML_GFP_NOMEMALLOC | KML_GFP_NOWARN) & ~KML_GFP_RECLAIM)

typedef struct {
  const char *name;
  KmlGfp bits;
} GfpName;

/* In the order in which Linux 6.1 tries them. */
static const GfpName names[] = {
  { "GFP_TRANSHUGE", GFP_TRANSHUGE_LIGHT | KML_GFP_DIRECT_RECLAIM },
  { "GFP_TRANSHUGE_LIGHT", GFP_TRANSHUGE_LIGHT },
  { "GFP_HIGHUSER_MOVABLE", GFP_HIGHUSER_MOVE },
  { "GFP_HIGHUSER", GFP_HIGHUSER },
  { "GFP_USER", GFP_USER },
  { "GFP_KERNEL_ACCOUNT", KML_GFP_KERNEL | KML_GFP_ACCOUNT },
  { "GFP_KERNEL", KML_GFP_KERNEL },
  { "GFP_NOFS", KML_GFP_NOFS },
  { "GFP_ATOMIC", KML_GFP_ATOMIC },
  { "GFP_NOIO", KML_GFP_NOIO },
  { "GFP_NOWAIT", KML_GFP_NOWAIT },
  { "GFP_DMA", KML_GFP_DMA },
  { "__GFP_HIGHMEM", KML_GFP_HIGHMEM },
  { "GFP_DMA32", KML_GFP_DMA32 },
  { "__GFP_HIGH", KML_GFP_HIGH },
  { "__GFP_ATOMIC", KML_GFP_ATOMIC_BIT },
  { "__GFP_IO", KML_GFP_IO },
  { "__GFP_FS", KML_GFP_FS },
  { "__GFP_NOWARN", KML_GFP_NOWARN },
  { "__GFP_RETRY_MAYFAIL", KML_GFP_RETRY_MAYFAIL },
  { "__GFP_NOFAIL", KML_GFP_NOFAIL },
  { "__GFP_NORETRY", KML_GFP_NORETRY },
  { "__GFP_COMP", KML_GFP_COMP },
  { "__GFP_ZERO", KML_GFP_ZERO },
  { "__GFP_NOMEMALLOC", KML_GFP_NOMEMALLOC },
  { "__GFP_MEMALLOC", KML_GFP_MEMALLOC },
  { "__GFP_HARDWALL", KML_GFP_HARDWALL },
  { "__GFP_THISNODE", KML_GFP_THISNODE },
  { "__GFP_RECLAIMABLE", KML_GFP_RECLAIMABLE },
  { "__GFP_MOVABLE", KML_GFP_MOVABLE },
  { "__GFP_ACCOUNT", KML_GFP_ACCOUNT },
  { "__GFP_WRITE", KML_GFP_WRITE },
  { "__GFP_RECLAIM", KML_GFP_RECLAIM },
  { "__GFP_DIRECT_RECLAIM", KML_GFP_DIRECT_RECLAIM },
  { "__GFP_KSWAPD_RECLAIM", KML_GFP_KSWAPD_RECLAIM },
};

/* Of other kernels: read, never printed. */
static const GfpName other_names[] = {
  { "__GFP_DMA", KML_GFP_DMA },
  { "__GFP_DMA32", KML_GFP_DMA32 },
  { "__GFP_WAIT", KML_GFP_RECLAIM },         /* until 4.4 */
  { "__GFP_REPEAT", KML_GFP_RETRY_MAYFAIL }, /* until 4.13 */
  { "__GFP_NOACCOUNT", 0 },
  { "__GFP_CMA", 0 }, /* Android's */
  { "__GFP_COLD", 0 },
  { "__GFP_NOTRACK", 0 },
  { "__GFP_NOTRACK_FALSE_POSITIVE", 0 },
  { "__GFP_OTHER_NODE", 0 },
  { "__GFP_NO_KSWAPD", 0 },
  { "__GFP_NOLOCKDEP", 0 },
  { "__GFP_ZEROTAGS", 0 },
  { "__GFP_SKIP_ZERO", 0 },
  { "__GFP_SKIP_KASAN", 0 },
  { "__GFP_SKIP_KASAN_POISON", 0 },
  { "__GFP_SKIP_KASAN_UNPOISON", 0 },
  { "__GFP_NO_OBJ_EXT", 0 },
  { "GFP_TEMPORARY", KML_GFP_KERNEL | KML_GFP_RECLAIMABLE }, /* until 4.14 */
};

static gboolean
find_in (const GfpName *table, guint n, const char *word, gsize length, KmlGfp *ret_bits)
{
  for (guint i = 0; i < n; i++) {
    if (strlen (table[i].name) == length && memcmp (table[i].name, word, length) == 0) {
      *ret_bits = table[i].bits;
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
find_name (const char *word, gsize length, KmlGfp *ret_bits)
{
  char single[40];

  if (find_in (names, G_N_ELEMENTS (names), word, length, ret_bits) ||
      find_in (other_names, G_N_ELEMENTS (other_names), word, length, ret_bits))
    return TRUE;
  if (length <= 4 || length + 2 > sizeof single || memcmp (word, "GFP_", 4) != 0)
    return FALSE;
  memcpy (single, "__", 2);
  memcpy (single + 2, word, length);
  return find_in (names, G_N_ELEMENTS (names), single, length + 2, ret_bits) ||
         find_in (other_names, G_N_ELEMENTS (other_names), single, length + 2, ret_bits);
}

static gboolean
read_hexadecimal (const char *word, gsize length, KmlGfp *ret_bits)
{
  KmlGfp bits = 0;

  if (length < 3 || length > 10 || word[0] != '0' || word[1] != 'x')
    return FALSE;
  for (gsize i = 2; i < length; i++) {
    const int digit = g_ascii_xdigit_value (word[i]);

    if (digit < 0)
      return FALSE;
    bits = bits << 4 | (KmlGfp)digit;
  }
  *ret_bits = bits;
  return TRUE;
}

/* (nullable) */
static const char *
nearest_name (const char *word)
{
  const char *all[G_N_ELEMENTS (names) + 1] = { NULL };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    all[i] = names[i].name;
  return kml_nearest_name (word, all);
}

static gboolean
refuse (const char *word, gsize length, const char *text, gsize text_length, GError **error)
{
  g_autofree char *quoted_word = kml_quote (word, (gssize)length);
  g_autofree char *quoted_text = kml_quote (text, (gssize)text_length);
  g_autofree char *unknown = g_strndup (word, length);
  const char *nearest = nearest_name (unknown);
  g_autoptr (GString) message = g_string_new (NULL);

  g_string_printf (message, "expected GFP flags such as GFP_KERNEL|__GFP_ZERO, not %s",
                   quoted_word);
  if (length != text_length)
    g_string_append_printf (message, " in %s", quoted_text);
  if (nearest != NULL)
    g_string_append_printf (message, "; did you mean “%s”?", nearest);
  g_set_error_literal (error, KML_ERROR, KML_ERROR_INPUT, message->str);
  return FALSE;
}

gboolean
kml_gfp_parse (const char *text, gsize length, KmlGfp *ret_gfp, GError **error)
{
  const char *end = text + length;
  const char *word = text;
  KmlGfp gfp = 0;

  if (length == 4 && memcmp (text, "none", 4) == 0) {
    *ret_gfp = 0;
    return TRUE;
  }

  for (;;) {
    const char *bar = memchr (word, '|', (gsize)(end - word));
    const gsize word_length = (gsize)((bar != NULL ? bar : end) - word);
    KmlGfp bits;

    if (!find_name (word, word_length, &bits) && !read_hexadecimal (word, word_length, &bits))
      return refuse (word, word_length, text, length, error);
    gfp |= bits;
    if (bar == NULL)
      break;
    word = bar + 1;
  }
  *ret_gfp = gfp;
  return TRUE;
}

char *
kml_gfp_format (KmlGfp gfp)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    if ((gfp & names[i].bits) == names[i].bits) {
      gfp &= ~names[i].bits;
      g_string_append_printf (text, "%s%s", text->len > 0 ? "|" : "", names[i].name);
    }
  }
  if (gfp != 0)
    g_string_append_printf (text, "%s0x%x", text->len > 0 ? "|" : "", gfp);
  if (text->len == 0)
    g_string_append (text, "none");
  return g_string_free (text, FALSE);
}
