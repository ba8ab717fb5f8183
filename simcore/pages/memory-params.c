/* memory-params.c: what can be set about zones, watermarks and reclaim: [memory].
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "simcore/base/units.h"
#include "simcore/pages/zones.h"

#define LINUX_DMA_END   (G_GUINT64_CONSTANT (16) << 20)
#define LINUX_DMA32_END (G_GUINT64_CONSTANT (4) << 30)

gboolean
kml_memory_parse_ends (const char *text, KmlAddr ret_ends[2], GError **error)
{
  g_auto (GStrv) words = NULL;

  if (g_str_equal (text, "one")) {
    ret_ends[0] = ret_ends[1] = 0;
    return TRUE;
  }
  if (g_str_equal (text, "linux")) {
    ret_ends[0] = LINUX_DMA_END;
    ret_ends[1] = LINUX_DMA32_END;
    return TRUE;
  }
  words = g_strsplit (text, ",", 3);
  if (g_strv_length (words) != 2 || !kml_parse_size (g_strstrip (words[0]), &ret_ends[0], NULL) ||
      !kml_parse_size (g_strstrip (words[1]), &ret_ends[1], NULL) || ret_ends[0] > ret_ends[1]) {
    g_autofree char *quoted = kml_quote (text, -1);

    g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
                 "expected one, linux, or where DMA and DMA32 end, such as 1MiB,8MiB, not %s",
                 quoted);
    return FALSE;
  }
  return TRUE;
}

static gboolean
validate_zones (const char *text, GError **error)
{
  KmlAddr ends[2];

  return kml_memory_parse_ends (text, ends, error);
}

gboolean
kml_memory_is_plain (const KmlMemoryConfig *self)
{
  return g_str_equal (self->zones, "one") && !self->reclaim && self->min_free == 0 &&
         self->highatomic == 0;
}

static const char *const compactions[] = { "no", "direct", "yes", NULL };

const KmlParam kml_memory_params[] = {
  { .name = "zones",
    .type = KML_PARAM_TEXT,
    .value = "one",
    .validate = validate_zones,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, zones),
    .grammar = "one, linux (16MiB,4GiB), or SIZE,SIZE",
    .summary = "one zone, without watermarks unless memory is reclaimed or min-free or highatomic "
               "is set; or where DMA and DMA32 end" },
  { .name = "start",
    .type = KML_PARAM_PATH,
    .value = "",
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, start),
    .summary =
        "a running kernel's /proc/kpageflags, pagetypeinfo or buddyinfo: the run begins with "
        "that memory free, and the rest in use; what a recording gives back of that is free "
        "then; without it all is free" },
  { .name = "min-free",
    .type = KML_PARAM_SIZE,
    .value = "0",
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, min_free),
    .summary =
        "what ordinary requests must leave free in all zones together (vm.min_free_kbytes); 0: as "
        "Linux chooses, where there are watermarks" },
  { .name = "watermark-scale-factor",
    .type = KML_PARAM_COUNT,
    .value = "10",
    .min = 1,
    .max = 3000,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, scale_factor),
    .summary =
        "ten-thousandths of a zone between its watermarks, if that is more than a quarter of min" },
  { .name = "lowmem-reserve-ratio",
    .type = KML_PARAM_COUNT,
    .value = "256",
    .max = 1000000,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, reserve_ratio),
    .summary =
        "a zone keeps what higher ones have divided by this from requests for those; 0: nothing" },
  { .name = "highatomic",
    .type = KML_PARAM_SIZE,
    .value = "0",
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, highatomic),
    .summary = "what the highest zone keeps for atomic requests alone" },
  { .name = "reclaim",
    .type = KML_PARAM_BOOL,
    .value = "no",
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, reclaim),
    .summary = "whether requests that find no memory look for some: pages of a [mapping], slabs "
               "that hold nothing. Needs tasks" },
  { .name = "disk",
    .type = KML_PARAM_TEXT,
    .value = "",
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, disk),
    .grammar = "the name of a [device] that is a disk",
    .summary = "where files and swap are; without one what is dirty stays in memory" },
  { .name = "swappiness",
    .type = KML_PARAM_COUNT,
    .value = "60",
    .max = 200,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, swappiness),
    .summary = "the share of anonymous pages in what reclaim looks at, of 200" },
  { .name = "kswapd-cpu",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = KML_MAX_CPUS - 1,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, kswapd_cpu),
    .summary = "where the reclaim daemon runs" },
  { .name = "compaction",
    .type = KML_PARAM_CHOICE,
    .value = "no",
    .choices = compactions,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, compaction),
    .summary =
        "who moves pages of a [mapping] together so that there are larger free blocks: nobody, "
        "requests that "
        "find none (direct), or kcompactd, too (yes). Needs a page allocator that can, as buddy" },
  { .name = "extfrag-threshold",
    .type = KML_PARAM_COUNT,
    .value = "500",
    .max = 1000,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, extfrag_threshold),
    .summary = "above order 3 a zone whose fragmentation index is this or less, in thousandths, is "
               "not compacted "
               "(vm.extfrag_threshold)" },
  { .name = "flusher",
    .type = KML_PARAM_BOOL,
    .value = "no",
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, flusher),
    .summary = "whether a task writes dirty pages of files before anybody needs their memory, and "
               "who dirties more than the disk takes is throttled" },
  { .name = "flusher-cpu",
    .type = KML_PARAM_COUNT,
    .value = "0",
    .max = KML_MAX_CPUS - 1,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, flusher_cpu),
    .summary = "where it runs" },
  { .name = "dirty-background-ratio",
    .type = KML_PARAM_COUNT,
    .value = "10",
    .max = 100,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, dirty_background_ratio),
    .summary = "per cent of free memory and pages of files that may be dirty before the flusher "
               "writes at once (vm.dirty_background_ratio)" },
  { .name = "dirty-ratio",
    .type = KML_PARAM_COUNT,
    .value = "20",
    .min = 1,
    .max = 100,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, dirty_ratio),
    .summary = "per cent of it that may be dirty at all (vm.dirty_ratio)" },
  { .name = "dirty-expire",
    .type = KML_PARAM_TIME,
    .value = "30s",
    .max = 100000 * KML_S,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, dirty_expire),
    .summary = "after so long a dirty page is to be written (vm.dirty_expire_centisecs)" },
  { .name = "dirty-writeback",
    .type = KML_PARAM_TIME,
    .value = "5s",
    .max = 100000 * KML_S,
    .offset = G_STRUCT_OFFSET (KmlMemoryConfig, dirty_writeback),
    .summary = "how often the flusher looks for such pages (vm.dirty_writeback_centisecs); 0: "
               "never" },
  { NULL },
};
