/* trace-kmem.c: the kernel's kmem events, "name: key=value key=value …".
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The fields of an event have changed with the kernel's versions and differ a
 * little between the tools, but they are always key=value, so they are read in
 * any order and what is not needed is skipped:
 *
 *   call_site=kmem_call+0x12/0x40 [module]   or a bare address, before 5.x
 *   ptr=0xffff88800852f400                   0x or not; (nil) for NULL, before Linux 5.2 "          (null)"; hashed pointers are as good
 *   bytes_req=24 bytes_alloc=32 gfp_flags=GFP_KERNEL|__GFP_ZERO
 *   name=filp                                where the event knows the cache
 *   page=(nil) pfn=0x0                       a page allocation that failed; pfn is decimal or 0x. Only the pfn is sure to tell: page is all
 *                                            zeros in the kernel's own text, and a hash of NULL from Linux 5.2 to 5.7
 *   order=0 migratetype=1
 *
 * trace-cmd puts "(function+0x12) " before the fields. The tables and the loops
 * are what they are because a recording has 10^7 lines: no sscanf(), no
 * splitting, nothing allocated for a line.
 */

#include "workloads/traces/trace-format.h"

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

/* Nothing is needed of what is KML_TRACE_OTHER. */
static const guint8 needs[KML_TRACE_N_RECORDS + 1] = {
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
  [KML_TRACE_MM_PAGE_TAKE] = HAS_PFN | HAS_ORDER,
  [KML_TRACE_MM_PAGE_DRAIN] = HAS_PFN | HAS_ORDER,
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
  const guint n = kml_trace_read_hex (at, ret_value);
  guint64 value = 0;
  guint digit;

  if (G_LIKELY (n > 0 && ends_field (at + n)))
    return at + n;
  for (; (digit = hex_value[(guint8)*at]) < 16 && at - begin < 17; at++) /* upper case */
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

/* A pointer. "(nil)" is what user space's %p prints for NULL, "(null)" what kernels did, as wide as any other pointer. */
static inline const char *
read_pointer (const char *at, const char *end, guint64 *ret_value)
{
  *ret_value = 0;
  if (*at == ' ') {
    at = kml_trace_skip_spaces (at, end);
    if (*at != '(')
      return NULL;
  }
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

/* 0 is what kernels print for a failed allocation (they keep frame 0 for themselves); -1 and, in hexadecimal, all ones are what it has. */
static inline const char *
read_pfn (const char *at, const char *end, KmlTraceLine *line, guint *has)
{
  if (KML_TRACE_STARTS (at, "-1")) {
    *has |= HAS_PAGE_NIL;
    return skip_value (at, end);
  }
  at = read_number (at, &line->key);
  if (at != NULL && (line->key == 0 || line->key == G_MAXUINT64))
    *has |= HAS_PAGE_NIL;
  else if (line->key > KML_TRACE_MAX_PFN)
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
      return read_pointer (at, end, &line->key);
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
    line->gfp = kml_trace_texts_gfp (texts, at, (gsize)(stop - at));
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

/* What is known of a line whose fields are being read. */
typedef struct {
  KmlTraceTexts *texts;
  KmlTraceLine *line;
  guint has;
  guint n_keys; /* that were read */
  KmlTraceParts parts;
} Walk;

/* Notes a key that stands at @at, and what was known before. */
static inline void
note_key (Walk *walk, KmlTraceKey kind, const char *at)
{
  if (walk->n_keys++ > 0)
    return;
  walk->parts.kind = kind;
  walk->parts.key = at;
  walk->parts.has = walk->has;
  walk->parts.at_key = *walk->line;
}

static inline gboolean
is_multiple (guint64 pfn, guint order)
{
  return (pfn & ((G_GUINT64_CONSTANT (1) << order) - 1)) == 0;
}

/* "… node=-1 accounted=true": charged to a control group, whether the request said so or the cache has SLAB_ACCOUNT. */
static gboolean
is_accounted (const char *at, const char *end)
{
  static const char text[] = "accounted=true";
  const gsize n = sizeof text - 1;

  while (end > at && g_ascii_isspace (end[-1]))
    end--;
  return (gsize)(end - at) >= n && memcmp (end - n, text, n) == 0;
}

static KmlTraceLineKind
read_fields (Walk *walk, const char *at, const char *end)
{
  KmlTraceLine *const line = walk->line;
  const guint needed = needs[line->record];
  const char *page = NULL; /* "page=…" if that is the last field */
  guint missing;

  /* What follows the flags is not for us; frees may still name their cache. */
  while (!(needed & HAS_GFP) || (needed & ~walk->has) != 0) {
    const char *const field = at = kml_trace_skip_spaces (at, end);
    const guint n_keys = walk->n_keys;

    if (at >= end)
      break;
    if (KML_TRACE_STARTS (field, "ptr="))
      note_key (walk, KML_TRACE_KEY_ADDRESS, field + 4);
    else if (KML_TRACE_STARTS (field, "pfn=") && page != NULL)
      note_key (walk, KML_TRACE_KEY_PAGE, page + 5);
    else if (KML_TRACE_STARTS (field, "pfn="))
      note_key (walk, KML_TRACE_KEY_FRAME, field + 4);
    at = read_field (walk->texts, at, end, line, &walk->has);
    if (G_UNLIKELY (at == NULL))
      return KML_TRACE_LINE_MALFORMED;
    if (n_keys == 0 && walk->n_keys == 1)
      walk->parts.tail = at;
    page = KML_TRACE_STARTS (field, "page=") ? field : NULL;
  }
  missing = needed & ~walk->has;
  if (G_UNLIKELY (missing != 0))
    return malformed (line, what_is_missing (missing));
  if (G_UNLIKELY (needed & HAS_BYTES_ALLOC && line->bytes_alloc < line->bytes_req))
    return malformed (line, "bytes_alloc is less than bytes_req");
  if (line->record <= KML_TRACE_LAST_OBJECT_ALLOC && is_accounted (at, end))
    line->gfp |= KML_GFP_ACCOUNT;
  line->failed = needed & HAS_PTR ? line->key == 0 : (walk->has & HAS_PAGE_NIL) != 0;
  if (needed & HAS_PFN && !line->failed && line->key > KML_TRACE_MAX_PFN)
    return malformed (line, "ptr= in place of a page frame number");
  if (needed & HAS_PFN && !line->failed && !is_multiple (line->key, line->order))
    return malformed (line, "pfn is not a multiple of 2^order");
  return KML_TRACE_LINE_EVENT;
}

/* Only the name matters: "name: ", @at is behind it. */
static void
learn_name (KmlTraceTexts *texts, const char *head, const char *at, const char *end,
            const KmlTraceLine *line)
{
  const KmlTraceParts parts = { .head = head,
                                .key = kml_trace_skip_spaces (at, end),
                                .kind = KML_TRACE_KEY_NONE };

  if (parts.key > at && parts.key < end)
    kml_trace_shapes_learn (&texts->shapes, &parts, line);
}

KmlTraceLineKind
kml_trace_parse_event (KmlTraceTexts *texts, const char *at, const char *end, KmlTraceLine *line)
{
  Walk walk = { .texts = texts, .line = line, .parts = { .head = at, .end = end } };
  KmlTraceLineKind kind;
  guint key;

  at = kml_trace_read_name (texts, at + 1, end, line);
  if (at == NULL)
    return malformed (line, "the event's name does not end with a colon");
  line->site = line->cache = line->gfp = 0;
  line->bytes_req = line->bytes_alloc = 0;
  line->order = 0;
  line->migratetype = KML_TRACE_NO_MIGRATETYPE;
  line->failed = FALSE;
  if (needs[line->record] == 0) {
    learn_name (texts, walk.parts.head, at, end, line);
    return KML_TRACE_LINE_EVENT;
  }
  kind = read_fields (&walk, at, end);
  key = walk.parts.kind == KML_TRACE_KEY_ADDRESS ? HAS_PTR : HAS_PFN;
  if (kind == KML_TRACE_LINE_EVENT && walk.n_keys == 1 && needs[line->record] & key &&
      !(walk.has & HAS_PAGE_NIL))
    kml_trace_shapes_learn (&texts->shapes, &walk.parts, line);
  return kind;
}

/* ---- Lines that are like an earlier one ---- */

/* A key that is not all sixteen digits of an address. NULL: it is written in another way. */
static const char *G_GNUC_NO_INLINE
read_other_key (KmlTraceKey kind, const char *at, guint64 *ret_value)
{
  guint n;

  if (kind == KML_TRACE_KEY_ADDRESS && KML_TRACE_STARTS (at, "(nil)")) {
    *ret_value = 0;
    return at + 5;
  }
  if (kind == KML_TRACE_KEY_PAGE) {
    if (KML_TRACE_STARTS (at, "0x"))
      at += 2;
    n = kml_trace_read_hex (at, ret_value);
    if (n == 0 || !KML_TRACE_STARTS (at + n, " pfn="))
      return NULL;
    at += n + 5;
  }
  if (KML_TRACE_STARTS (at, "0x"))
    at += 2;
  else if (kind != KML_TRACE_KEY_ADDRESS)
    return kml_trace_read_decimal (at, &at, ret_value) ? at : NULL;
  n = kml_trace_read_hex (at, ret_value);
  return n > 0 ? at + n : NULL;
}

static inline const char *
read_key (KmlTraceKey kind, const char *at, guint64 *ret_value)
{
  if (kind != KML_TRACE_KEY_ADDRESS)
    return read_other_key (kind, at, ret_value);
  if (KML_TRACE_STARTS (at, "0x")) {
    if (G_LIKELY (kml_trace_read_hex (at + 2, ret_value) == 16))
      return at + 18;
  } else if (kml_trace_read_hex (at, ret_value) == 16) {
    return at + 16;
  }
  return read_other_key (kind, at, ret_value);
}

/* The tail is another one than last time: its fields are read. */
static const char *G_GNUC_NO_INLINE
read_tail (KmlTraceTexts *texts, KmlTraceShape *shape, guint64 key, const char *at,
           const char *limit, KmlTraceLine *line)
{
  const guint has_key = shape->key == KML_TRACE_KEY_ADDRESS ? HAS_PTR : HAS_PFN;
  Walk walk = { .texts = texts, .line = line, .has = shape->has | has_key, .n_keys = 1 };
  const char *newline, *end;

  if (at >= limit || !ends_field (at))
    return NULL;
  newline = memchr (at, '\n', (gsize)(limit - at));
  if (newline == NULL)
    return NULL;
  end = newline[-1] == '\r' ? newline - 1 : newline;
  *line = shape->at_key;
  line->key = key;
  if (read_fields (&walk, at, end) != KML_TRACE_LINE_EVENT)
    return NULL;
  if (walk.n_keys == 1 && !(walk.has & HAS_PAGE_NIL))
    kml_trace_shape_learn_tail (shape, at, end, line);
  return newline + 1;
}

static inline const char *
behind_newline (const char *at, const char *limit)
{
  const char *const newline = at < limit ? memchr (at, '\n', (gsize)(limit - at)) : NULL;

  return newline != NULL ? newline + 1 : NULL;
}

/* What is behind the time. */
static inline const char *
parse_known_event (KmlTraceTexts *texts, const char *at, const char *limit, KmlTraceLine *line)
{
  KmlTraceShape *const shape = kml_trace_shapes_find (&texts->shapes, at);
  guint64 key;

  if (shape == NULL)
    return NULL;
  at += shape->head_length;
  if (shape->key == KML_TRACE_KEY_NONE) {
    *line = shape->whole;
    return behind_newline (at, limit);
  }
  at = read_key ((KmlTraceKey)shape->key, at, &key);
  if (at == NULL || (shape->key != KML_TRACE_KEY_ADDRESS && key - 1 >= KML_TRACE_MAX_PFN))
    return NULL; /* frame 0 is none */
  if (G_UNLIKELY (!kml_trace_shape_has_tail (shape, at)))
    return read_tail (texts, shape, key, at, limit, line);
  *line = shape->whole;
  line->key = key;
  if (shape->key == KML_TRACE_KEY_ADDRESS)
    line->failed = key == 0;
  else if (G_UNLIKELY (!is_multiple (key, line->order)))
    return NULL;
  return at + shape->tail_length;
}

const char *
kml_trace_parse_known (KmlTraceTexts *texts, const char *line, const char *limit,
                       KmlTraceLine *ret_line)
{
  const KmlTraceTask *const task = kml_trace_tasks_find (&texts->tasks, line);
  guint64 time_ns;
  const char *at;

  if (task == NULL ||
      !kml_trace_second_read (&texts->second, line + texts->tasks.length, &at, &time_ns))
    return NULL;
  at = parse_known_event (texts, at, limit, ret_line);
  ret_line->time_ns = time_ns;
  ret_line->pid = task->pid;
  ret_line->cpu = task->cpu;
  ret_line->context = task->context;
  return at != NULL && at <= limit ? at : NULL;
}
