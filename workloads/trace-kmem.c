/* trace-kmem.c: the kernel's kmem events, "name: key=value key=value …".
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The fields of an event have changed with the kernel's versions and differ a
 * little between the tools, but they are always key=value, so they are read in
 * any order and what is not needed is skipped:
 *
 *   call_site=kmem_call+0x12/0x40 [module]   or a bare address, before 5.x
 *   ptr=0xffff88800852f400                   0x or not; (nil) for NULL; hashed pointers are as good
 *   bytes_req=24 bytes_alloc=32 gfp_flags=GFP_KERNEL|__GFP_ZERO
 *   name=filp                                where the event knows the cache
 *   page=(nil) pfn=0x0                       a page allocation that failed; pfn is decimal or 0x
 *   order=0 migratetype=1
 *
 * trace-cmd puts "(function+0x12) " before the fields. The tables and the loops
 * are what they are because a recording has 10^7 lines: no sscanf(), no
 * splitting, nothing allocated for a line.
 */

#include "workloads/trace-format.h"

#include "simcore/gfp.h"

#define MAX_PFN ((G_GUINT64_CONSTANT (1) << 40) - 1) /* 4 PiB of frames of 4 KiB */

const char *const kml_trace_record_names[KML_TRACE_N_RECORDS + 1] = {
  [KML_TRACE_KMALLOC] = "kmalloc",
  [KML_TRACE_KMALLOC_NODE] = "kmalloc_node",
  [KML_TRACE_KMEM_CACHE_ALLOC] = "kmem_cache_alloc",
  [KML_TRACE_KMEM_CACHE_ALLOC_NODE] = "kmem_cache_alloc_node",
  [KML_TRACE_KMEM_BULK_ALLOC] = "kmem_bulk_alloc",
  [KML_TRACE_KFREE] = "kfree",
  [KML_TRACE_KMEM_CACHE_FREE] = "kmem_cache_free",
  [KML_TRACE_KMEM_BULK_FREE] = "kmem_bulk_free",
  [KML_TRACE_MM_PAGE_ALLOC] = "mm_page_alloc",
  [KML_TRACE_PAGE_BULK_ALLOC] = "page_bulk_alloc",
  [KML_TRACE_MM_PAGE_FREE] = "mm_page_free",
  [KML_TRACE_MM_PAGE_FREE_BATCHED] = "mm_page_free_batched",
  [KML_TRACE_SLAB_NEW] = "slab_new",
  [KML_TRACE_SLAB_FREE] = "slab_free",
  NULL,
};

/* The fields that matter, as bits: which were there, and which must be. */
enum {
  HAS_PTR = 1 << 0,
  HAS_BYTES_REQ = 1 << 1,
  HAS_BYTES_ALLOC = 1 << 2,
  HAS_GFP = 1 << 3,
  HAS_PFN = 1 << 4,
  HAS_ORDER = 1 << 5,
  HAS_PAGE_NIL = 1 << 6,
};

#define OBJECT_ALLOC (HAS_PTR | HAS_BYTES_REQ | HAS_BYTES_ALLOC | HAS_GFP)
#define PAGE_ALLOC   (HAS_PFN | HAS_ORDER | HAS_GFP)

static const guint8 needs[KML_TRACE_N_RECORDS] = {
  [KML_TRACE_KMALLOC] = OBJECT_ALLOC,
  [KML_TRACE_KMALLOC_NODE] = OBJECT_ALLOC,
  [KML_TRACE_KMEM_CACHE_ALLOC] = OBJECT_ALLOC,
  [KML_TRACE_KMEM_CACHE_ALLOC_NODE] = OBJECT_ALLOC,
  [KML_TRACE_KMEM_BULK_ALLOC] = OBJECT_ALLOC,
  [KML_TRACE_KFREE] = HAS_PTR,
  [KML_TRACE_KMEM_CACHE_FREE] = HAS_PTR,
  [KML_TRACE_KMEM_BULK_FREE] = HAS_PTR,
  [KML_TRACE_MM_PAGE_ALLOC] = PAGE_ALLOC,
  [KML_TRACE_PAGE_BULK_ALLOC] = PAGE_ALLOC,
  [KML_TRACE_MM_PAGE_FREE] = HAS_PFN | HAS_ORDER,
  [KML_TRACE_SLAB_NEW] = HAS_PFN | HAS_ORDER,
};

/* 0 to 15 for a hexadecimal digit, 16 for all else. */
static const guint8 hex_value[256] = {
#define NOT4  16, 16, 16, 16
#define NOT16 NOT4, NOT4, NOT4, NOT4
  NOT16, NOT16, NOT16, 0,     1,     2,     3,     4,     5,    6,    7,
  8,     9,     16,    16,    NOT4,                                          /* 0x00 - 0x3f */
  16,    10,    11,    12,    13,    14,    15,    16,    NOT4, NOT4, NOT16, /* 0x40 - 0x5f */
  16,    10,    11,    12,    13,    14,    15,    16,    NOT4, NOT4, NOT16, /* 0x60 - 0x7f */
  NOT16, NOT16, NOT16, NOT16, NOT16, NOT16, NOT16, NOT16,                    /* 0x80 - 0xff */
};

/* A number must end with its field. */
static inline gboolean
ends_field (const char *at)
{
  return *at == ' ' || *at == '\n' || *at == '\r' || *at == '\0';
}

/* NULL: no such number. */
static inline const char *
read_hex (const char *at, guint64 *ret_value)
{
  const char *const begin = at;
  guint64 value, lower;
  guint digit;

  /* Pointers are printed with all their 16 digits. */
  if (kml_trace_read_hex8 (at, &value) && kml_trace_read_hex8 (at + 8, &lower) &&
      ends_field (at + 16)) {
    *ret_value = value << 32 | lower;
    return at + 16;
  }
  for (value = 0; (digit = hex_value[(guint8)*at]) < 16 && at - begin < 17; at++)
    value = value << 4 | digit;
  *ret_value = value;
  return at > begin && at - begin <= 16 && ends_field (at) ? at : NULL;
}

static inline const char *
read_number (const char *at, guint64 *ret_value)
{
  if (at[0] == '0' && at[1] == 'x')
    return read_hex (at + 2, ret_value);
  return kml_trace_read_decimal (at, &at, ret_value) && ends_field (at) ? at : NULL;
}

static inline const char *
skip_value (const char *at, const char *end)
{
  return kml_trace_find (at, end, ' ');
}

/* Flags whose text is new. A name that no kernel we know has is left out, the others count. */
static KmlGfp G_GNUC_NO_INLINE
read_flags (KmlTraceTexts *texts, const char *text, gsize length)
{
  const char *const end = text + length;
  KmlGfp flags = 0;

  if (kml_gfp_parse (text, length, &flags, NULL))
    return flags;
  texts->n_gfp_unknown++;
  for (const char *at = text; at < end;) {
    const char *bar = memchr (at, '|', (gsize)(end - at));
    const char *const stop = bar != NULL ? bar : end;
    KmlGfp one;

    if (kml_gfp_parse (at, (gsize)(stop - at), &one, NULL))
      flags |= one;
    at = stop + 1;
  }
  return flags;
}

static inline KmlGfp
gfp_of (KmlTraceTexts *texts, const char *text, gsize length)
{
  const guint32 number = kml_trace_strings_intern (&texts->flags, text, length);

  if (G_UNLIKELY (number == 0))
    return length == 0 ? 0 : read_flags (texts, text, length); /* too many texts */
  if (G_UNLIKELY (number == texts->flag_values->len)) {
    const KmlGfp flags = read_flags (texts, text, length);

    g_array_append_val (texts->flag_values, flags);
  }
  return g_array_index (texts->flag_values, KmlGfp, number);
}

/* "symbol+0x12/0x40 [module]": the module belongs to it. */
static inline const char *
site_end (const char *at, const char *end)
{
  const char *const space = skip_value (at, end);

  return end - space > 2 && space[1] == '[' ? skip_value (space + 1, end) : space;
}

static inline KmlTraceLineKind
malformed (KmlTraceLine *line, const char *reason)
{
  line->reason = reason;
  return KML_TRACE_LINE_MALFORMED;
}

/* A pointer. "(nil)" is what user space's %p prints for NULL. */
static inline const char *
read_pointer (const char *at, guint64 *ret_value)
{
  *ret_value = 0;
  if (*at == '(')
    return KML_TRACE_STARTS (at, "(nil)")    ? at + 5
           : KML_TRACE_STARTS (at, "(null)") ? at + 6
                                             : NULL;
  if (at[0] == '0' && at[1] == 'x')
    at += 2;
  return read_hex (at, ret_value);
}

static inline const char *
read_size (const char *at, guint32 *ret_size)
{
  guint64 value = 0;

  at = read_number (at, &value);
  *ret_size = (guint32)value;
  return at != NULL && value > 0 && value <= G_MAXUINT32 ? at : NULL;
}

static inline const char *
read_below (const char *at, guint64 limit, guint8 *ret_value)
{
  guint64 value = 0;

  at = read_number (at, &value);
  *ret_value = (guint8)value;
  return at != NULL && value < limit ? at : NULL;
}

/* -1 and, in hexadecimal, all ones are what a failed allocation has. */
static inline const char *
read_pfn (const char *at, const char *end, KmlTraceLine *line, guint *has)
{
  if (KML_TRACE_STARTS (at, "-1")) {
    *has |= HAS_PAGE_NIL;
    return skip_value (at, end);
  }
  at = read_number (at, &line->key);
  if (at != NULL && line->key == G_MAXUINT64)
    *has |= HAS_PAGE_NIL;
  else if (line->key > MAX_PFN)
    return NULL;
  return at;
}

/* Reads the field at @at. NULL: the value is nonsense, and line->reason says what is. */
static inline const char *
read_field (KmlTraceTexts *texts, const char *at, const char *end, KmlTraceLine *line, guint *has)
{
#define KEY_IS(key)  (KML_TRACE_STARTS (at, key "=") && (at += sizeof (key)))
#define EXPECT(what) line->reason = what
  const char *stop;

  switch (*at) {
  case '(': /* trace-cmd's "(function+0x12)" */
    return skip_value (at, end);
  case 'c':
    if (!KEY_IS ("call_site"))
      break;
    stop = site_end (at, end);
    line->site = kml_trace_strings_intern (&texts->sites, at, (gsize)(stop - at));
    return stop;
  case 'p':
    if (KEY_IS ("ptr")) {
      *has |= HAS_PTR;
      EXPECT ("ptr is not an address");
      return read_pointer (at, &line->key);
    }
    if (KEY_IS ("pfn")) {
      *has |= HAS_PFN;
      EXPECT ("pfn is not a page frame number");
      return read_pfn (at, end, line, has);
    }
    if (KEY_IS ("page") && (KML_TRACE_STARTS (at, "(nil)") || KML_TRACE_STARTS (at, "(null)")))
      *has |= HAS_PAGE_NIL;
    break;
  case 'b':
    if (KEY_IS ("bytes_req")) {
      *has |= HAS_BYTES_REQ;
      EXPECT ("bytes_req is not a size from 1 to 4 GiB");
      return read_size (at, &line->bytes_req);
    }
    if (KEY_IS ("bytes_alloc")) {
      *has |= HAS_BYTES_ALLOC;
      EXPECT ("bytes_alloc is not a size from 1 to 4 GiB");
      return read_size (at, &line->bytes_alloc);
    }
    break;
  case 'g':
    if (!KEY_IS ("gfp_flags"))
      break;
    stop = skip_value (at, end);
    line->gfp = gfp_of (texts, at, (gsize)(stop - at));
    *has |= HAS_GFP;
    return stop;
  case 'n':
    if (!KEY_IS ("name"))
      break;
    stop = skip_value (at, end);
    line->cache = kml_trace_strings_intern (&texts->caches, at, (gsize)(stop - at));
    return stop;
  case 'o':
    if (!KEY_IS ("order"))
      break;
    *has |= HAS_ORDER;
    EXPECT ("order is not one from 0 to 20");
    return read_below (at, KML_MAX_ORDER + 1, &line->order);
  case 'm':
    if (!KEY_IS ("migratetype"))
      break;
    EXPECT ("migratetype is not a small number");
    return read_below (at, KML_TRACE_NO_MIGRATETYPE, &line->migratetype);
  default:
    break;
  }
  return skip_value (at, end);
#undef KEY_IS
#undef EXPECT
}

static const char *
what_is_missing (guint missing)
{
  static const char *const reasons[] = {
    "ptr= is missing",       "bytes_req= is missing", "bytes_alloc= is missing",
    "gfp_flags= is missing", "pfn= is missing",       "order= is missing",
  };

  return reasons[__builtin_ctz (missing)];
}

static KmlTraceLineKind G_GNUC_NO_INLINE
read_fields (KmlTraceTexts *texts, const char *at, const char *end, KmlTraceLine *line)
{
  const guint needed = needs[line->record];
  guint has = 0;

  while (at < end) {
    at = read_field (texts, at, end, line, &has);
    if (G_UNLIKELY (at == NULL))
      return KML_TRACE_LINE_MALFORMED;
    if (needed & HAS_GFP && (needed & ~has) == 0)
      break; /* what follows the flags is not for us; frees may still name their cache */
    at = kml_trace_skip_spaces (at, end);
  }
  if (G_UNLIKELY ((needed & ~has) != 0))
    return malformed (line, what_is_missing (needed & ~has));
  if (G_UNLIKELY (needed & HAS_BYTES_ALLOC && line->bytes_alloc < line->bytes_req))
    return malformed (line, "bytes_alloc is less than bytes_req");
  line->failed = needed & HAS_PTR ? line->key == 0 : (has & HAS_PAGE_NIL) != 0;
  if (needed & HAS_PFN && !line->failed &&
      line->key & ((G_GUINT64_CONSTANT (1) << line->order) - 1))
    return malformed (line, "pfn is not a multiple of 2^order");
  return KML_TRACE_LINE_EVENT;
}

/* ---- The usual order ---- */

/* Moves *@at behind the literal @text if that stands there. */
#define SKIP(at, text) (KML_TRACE_STARTS (*(at), text) && (*(at) += sizeof (text) - 1))

static inline gboolean
read_usual_site (KmlTraceTexts *texts, const char **at, const char *end, KmlTraceLine *line)
{
  const char *site, *stop;

  if (**at == '(')
    *at = kml_trace_skip_spaces (skip_value (*at, end), end);
  if (!SKIP (at, "call_site="))
    return FALSE;
  site = *at;
  stop = skip_value (site, end);
  *at = stop;
  if (!SKIP (at, " ptr="))
    return FALSE; /* a module's name comes first */
  line->site = kml_trace_strings_intern (&texts->sites, site, (gsize)(stop - site));
  return TRUE;
}

static inline gboolean
read_usual_pointer (const char **at, KmlTraceLine *line)
{
  guint64 upper, lower;

  line->key = 0;
  if (SKIP (at, "(nil)"))
    return TRUE;
  if (KML_TRACE_STARTS (*at, "0x"))
    *at += 2;
  if (!kml_trace_read_hex8 (*at, &upper) || !kml_trace_read_hex8 (*at + 8, &lower))
    return FALSE;
  *at += 16;
  line->key = upper << 32 | lower;
  return TRUE;
}

static inline gboolean
read_usual_alloc (KmlTraceTexts *texts, const char *at, const char *end, KmlTraceLine *line)
{
  guint64 bytes_req, bytes_alloc;
  const char *stop;

  if (!read_usual_site (texts, &at, end, line) || !read_usual_pointer (&at, line) ||
      !SKIP (&at, " bytes_req=") || !kml_trace_read_decimal (at, &at, &bytes_req) ||
      !SKIP (&at, " bytes_alloc=") || !kml_trace_read_decimal (at, &at, &bytes_alloc) ||
      !SKIP (&at, " gfp_flags="))
    return FALSE;
  stop = skip_value (at, end);
  if (bytes_req == 0 || bytes_alloc < bytes_req || bytes_alloc > G_MAXUINT32)
    return FALSE;
  line->bytes_req = (guint32)bytes_req;
  line->bytes_alloc = (guint32)bytes_alloc;
  line->gfp = gfp_of (texts, at, (gsize)(stop - at));
  line->cache = 0;
  line->failed = line->key == 0;
  return TRUE;
}

static inline gboolean
read_usual_free (KmlTraceTexts *texts, const char *at, const char *end, KmlTraceLine *line)
{
  if (!read_usual_site (texts, &at, end, line) || !read_usual_pointer (&at, line))
    return FALSE;
  line->cache = 0;
  if (SKIP (&at, " name=")) {
    const char *stop = skip_value (at, end);

    line->cache = kml_trace_strings_intern (&texts->caches, at, (gsize)(stop - at));
    at = stop;
  }
  return at == end;
}

/* What nine of ten lines look like, read without looking for the fields. FALSE: it is
 * something else, perhaps nothing good; nothing is lost by reading it anew. */
static inline gboolean
read_usual (KmlTraceTexts *texts, const char *at, const char *end, KmlTraceLine *line)
{
  if (needs[line->record] == OBJECT_ALLOC)
    return read_usual_alloc (texts, at, end, line);
  return needs[line->record] == HAS_PTR && read_usual_free (texts, at, end, line);
}

/* The length decides between at most three names. */
static inline KmlTraceRecord
record_of (const char *name, gsize length)
{
#define IS(record, text)                                                                           \
  if (memcmp (name, text, sizeof (text) - 1) == 0)                                                 \
    return record;
  switch (length) {
  case 5:
    IS (KML_TRACE_KFREE, "kfree")
    break;
  case 7:
    IS (KML_TRACE_KMALLOC, "kmalloc")
    break;
  case 8:
    IS (KML_TRACE_SLAB_NEW, "slab_new")
    break;
  case 9:
    IS (KML_TRACE_SLAB_FREE, "slab_free")
    break;
  case 12:
    IS (KML_TRACE_MM_PAGE_FREE, "mm_page_free")
    IS (KML_TRACE_KMALLOC_NODE, "kmalloc_node")
    break;
  case 13:
    IS (KML_TRACE_MM_PAGE_ALLOC, "mm_page_alloc")
    break;
  case 14:
    IS (KML_TRACE_KMEM_BULK_FREE, "kmem_bulk_free")
    break;
  case 15:
    IS (KML_TRACE_KMEM_CACHE_FREE, "kmem_cache_free")
    IS (KML_TRACE_KMEM_BULK_ALLOC, "kmem_bulk_alloc")
    IS (KML_TRACE_PAGE_BULK_ALLOC, "page_bulk_alloc")
    break;
  case 16:
    IS (KML_TRACE_KMEM_CACHE_ALLOC, "kmem_cache_alloc")
    break;
  case 20:
    IS (KML_TRACE_MM_PAGE_FREE_BATCHED, "mm_page_free_batched")
    break;
  case 21:
    IS (KML_TRACE_KMEM_CACHE_ALLOC_NODE, "kmem_cache_alloc_node")
    break;
  default:
    break;
  }
  return KML_TRACE_OTHER;
#undef IS
}

KmlTraceLineKind
kml_trace_parse_event (KmlTraceTexts *texts, const char *at, const char *end, KmlTraceLine *line)
{
  const char *name = at;

  at = kml_trace_find (at, end, ':');
  while (end - at > 1 && at[1] != ' ') { /* perf says "kmem:kmalloc:" */
    name = at + 1;
    at = kml_trace_find (name, end, ':');
  }
  if (at == end || at == name)
    return malformed (line, "the event's name does not end with a colon");
  at++;
  line->record = (guint8)record_of (name, (gsize)(at - 1 - name));
  if (line->record == KML_TRACE_OTHER) {
    line->name = kml_trace_strings_intern (&texts->names, name, (gsize)(at - 1 - name));
    return KML_TRACE_LINE_EVENT;
  }
  if (needs[line->record] == 0)
    return KML_TRACE_LINE_EVENT; /* information only */
  at = kml_trace_skip_spaces (at, end);
  if (G_LIKELY (read_usual (texts, at, end, line)))
    return KML_TRACE_LINE_EVENT;
  line->site = line->cache = line->gfp = 0;
  line->bytes_req = line->bytes_alloc = 0;
  line->order = 0;
  line->migratetype = KML_TRACE_NO_MIGRATETYPE;
  return read_fields (texts, at, end, line);
}
