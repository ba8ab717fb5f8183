/* trace-event.c: the name of an event.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   kmalloc: call_site=…              the kernel's and trace-cmd's
 *   kmem:kmalloc: call_site=…         perf's, behind its system
 *   (+12)   kmalloc: call_site=…      trace-cmd report --ts-diff: how long since the event before
 *   sys_openat(dfd: ffffff9c, …)      of the kernel, what is traced besides: these have no colon
 *   sys_openat -> 0x3
 *   do_sys_open <-do_syscall_64
 *   <stack trace>
 */

#include "workloads/traces/trace-format.h"

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
  [KML_TRACE_MM_PAGE_TAKE] = "mm_page_alloc_zone_locked",
  [KML_TRACE_MM_PAGE_DRAIN] = "mm_page_pcpu_drain",
  [KML_TRACE_COMPACTION_BEGIN] = "mm_compaction_begin",
  [KML_TRACE_COMPACTION_END] = "mm_compaction_end",
  [KML_TRACE_SLAB_NEW] = "slab_new",
  [KML_TRACE_SLAB_FREE] = "slab_free",
  NULL,
};

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
  case 17:
    IS (KML_TRACE_COMPACTION_END, "mm_compaction_end")
    break;
  case 18:
    IS (KML_TRACE_MM_PAGE_DRAIN, "mm_page_pcpu_drain")
    break;
  case 19:
    IS (KML_TRACE_COMPACTION_BEGIN, "mm_compaction_begin")
    break;
  case 20:
    IS (KML_TRACE_MM_PAGE_FREE_BATCHED, "mm_page_free_batched")
    break;
  case 21:
    IS (KML_TRACE_KMEM_CACHE_ALLOC_NODE, "kmem_cache_alloc_node")
    break;
  case 25:
    IS (KML_TRACE_MM_PAGE_TAKE, "mm_page_alloc_zone_locked")
    break;
  default:
    break;
  }
  return KML_TRACE_OTHER;
#undef IS
}

/* How long the name is of an event that has no colon behind it. 0: it has one, or is none. */
static gsize
bare_name (const char *name, const char *end)
{
  const char *stop = name;

  if (*name == '<') {
    stop = kml_trace_find (name, end, '>');
    return stop < end ? (gsize)(stop + 1 - name) : 0;
  }
  while (stop < end && *stop != ' ' && *stop != '(' && *stop != ':')
    stop++;
  if (stop > name && stop < end &&
      (*stop == '(' || KML_TRACE_STARTS (stop, " -> ") || KML_TRACE_STARTS (stop, " <-")))
    return (gsize)(stop - name);
  return 0;
}

const char *
kml_trace_read_name (KmlTraceTexts *texts, const char *at, const char *end, KmlTraceLine *line)
{
  const char *name = kml_trace_skip_spaces (at, end);
  gsize length;

  if (KML_TRACE_STARTS (name, "(+"))
    name = kml_trace_skip_spaces (kml_trace_find (name, end, ' '), end);
  length = bare_name (name, end);
  if (length > 0) {
    line->record = KML_TRACE_OTHER;
    line->name = kml_trace_strings_intern (&texts->names, name, length);
    return end;
  }
  at = kml_trace_find (name, end, ':');
  while (end - at > 1 && at[1] != ' ') { /* "kmem:kmalloc:" */
    name = at + 1;
    at = kml_trace_find (name, end, ':');
  }
  if (at == end || at == name)
    return NULL;
  line->record = (guint8)record_of (name, (gsize)(at - name));
  if (line->record == KML_TRACE_OTHER)
    line->name = kml_trace_strings_intern (&texts->names, name, (gsize)(at - name));
  return at + 1;
}
