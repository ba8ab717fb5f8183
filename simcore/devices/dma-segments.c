/* dma-segments.c: where the bytes of a buffer lie, and what a device sees of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A buffer is one or several *pieces*, each within a page. Of a plain one pages follow each other: byte i lies on page
 * (offset + i) >> shift. Of a scattered one each piece says which byte it begins with and where in its page it lies; two may be on the same page.
 *
 * Without an IOMMU the device sees where that page lies in memory; with one, pages follow each other from the address on that the IOMMU gave, and a
 * piece lies in its page as before: an IOMMU translates whole pages, so pieces join only where the one fills its page to the end and the next begins one.
 *
 * A segment ends where the next byte's address does not follow, at a multiple of the boundary, and after max-segment bytes. Each begins at a
 * multiple of the alignment and ends below the limit, and there are at most max-segments.
 *
 *     frames    7 3 4 9          without: 7 | 3 4 | 9          with an IOMMU: one
 *
 * So a block need not keep the boundary as a whole where the device takes as many segments as that makes of it: as in Linux, where dma_set_seg_boundary() says where lists of
 * segments are cut and no allocator asks for it. Where it takes fewer, the block is to keep it, or to begin at a multiple of it when it is larger:
 *
 *     boundary   |        |        |
 *     two        |     [==|==]     |          one, as it keeps it   |  [====] |
 *     three      |     [==|========|=]        two, as it begins there         |========|===] |
 */

#include "simcore/devices/dma-private.h"
#include "simcore/base/units.h"

#define LINE 64

static guint64
page_size_of (const KmlDma *self)
{
  return kml_ram_page_size (self->base.host.machine->ram);
}

/* The piece that has @byte. */
static guint
piece_with (const KmlDmaRequest *request, guint64 byte)
{
  guint low = 0, high = request->n_pages;

  while (high - low > 1) {
    const guint middle = low + (high - low) / 2;

    if (request->pieces[middle].start <= byte)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* On which page @byte is, where in it, and how many bytes of the buffer follow there, with that one. */
static guint
find_byte (const KmlDmaRequest *request, guint64 page_size, guint64 byte, guint64 *ret_offset,
           guint64 *ret_left)
{
  guint i;

  if (request->pieces == NULL) {
    *ret_offset = (request->offset + byte) % page_size;
    *ret_left = MIN (page_size - *ret_offset, request->size - byte);
    return (guint)((request->offset + byte) / page_size);
  }
  i = piece_with (request, byte);
  *ret_offset = request->pieces[i].offset + (byte - request->pieces[i].start);
  *ret_left = (i + 1 < request->n_pages ? request->pieces[i + 1].start : request->size) - byte;
  return i;
}

KmlAddr
kml_dma_request_addr (const KmlDmaRequest *self, const KmlRam *ram, guint64 byte, guint64 *ret_left)
{
  guint64 offset;
  const guint i = find_byte (self, kml_ram_page_size (ram), byte, &offset, ret_left);

  return kml_ram_addr (ram, self->pages[i]) + offset;
}

static KmlAddr
device_address (const KmlDma *self, const KmlDmaRequest *request, guint64 byte, guint64 *ret_left)
{
  guint64 offset;
  guint i;

  if (!self->has_iommu)
    return kml_dma_request_addr (request, self->base.host.machine->ram, byte, ret_left);
  i = find_byte (request, page_size_of (self), byte, &offset, ret_left);
  return request->io + i * page_size_of (self) + offset;
}

guint64
kml_dma_segment_length (const KmlDma *self, const KmlDmaRequest *request, guint64 byte)
{
  const KmlDmaLimits *limits = &self->limits;
  guint64 most = request->size - byte, length, left;
  const KmlAddr start = device_address (self, request, byte, &length);

  if (limits->constraints.boundary != 0)
    most = MIN (most, limits->constraints.boundary - start % limits->constraints.boundary);
  if (limits->max_segment != 0)
    most = MIN (most, limits->max_segment);
  while (length < most && device_address (self, request, byte + length, &left) == start + length)
    length += left;
  return MIN (length, most);
}

KmlDmaStatus
kml_dma_judge (const KmlDma *self, const KmlDmaRequest *request, guint *ret_n_segments)
{
  const KmlConstraints *constraints = &self->limits.constraints;
  guint n = 0;

  for (guint64 byte = 0, length, left; byte < request->size; byte += length) {
    const KmlAddr start = device_address (self, request, byte, &left);

    length = kml_dma_segment_length (self, request, byte);
    if (constraints->alignment != 0 && start % constraints->alignment != 0)
      return KML_DMA_MISALIGNED;
    if (constraints->limit != 0 && start + length > constraints->limit)
      return KML_DMA_OUT_OF_REACH;
    if (++n > self->limits.max_segments)
      return KML_DMA_SCATTERED;
  }
  *ret_n_segments = n;
  return KML_DMA_PENDING;
}

guint64
kml_dma_n_lines (const KmlDmaRequest *request, guint64 page_size)
{
  guint64 n = 0, offset, left;

  for (guint64 byte = 0; byte < request->size; byte += left) {
    find_byte (request, page_size, byte, &offset, &left);
    n += (offset + left - 1) / LINE - offset / LINE + 1;
  }
  return n;
}

gboolean
kml_dma_is_well_formed (const KmlDmaRequest *request, guint64 page_size)
{
  guint64 start = 0;

  if (request->pieces == NULL)
    return request->size > 0 && request->offset < page_size &&
           request->n_pages == (request->offset + request->size - 1) / page_size + 1;
  for (guint i = 0; i < request->n_pages; i++) {
    const KmlDmaPiece *piece = &request->pieces[i];
    const guint64 end = i + 1 < request->n_pages ? piece[1].start : request->size;

    if (piece->start != start || end <= start || piece->offset >= page_size ||
        end - start > page_size - piece->offset)
      return FALSE;
    start = end;
  }
  return start > 0 && start == request->size;
}

/* ---- What to ask an allocator for ---- */

static guint64
parts_of (guint64 size, guint64 part)
{
  return (size + part - 1) / part;
}

/* Segments that a block of @size bytes can come to, wherever it begins. */
static guint64
most_segments (const KmlDmaLimits *limits, guint64 size)
{
  const guint64 alignment = MAX (limits->constraints.alignment, 1);
  const guint64 boundary = limits->constraints.boundary;
  guint64 n = limits->max_segment != 0 ? parts_of (size, limits->max_segment) : 1;

  if (boundary != 0 && size > alignment) /* it begins so much before a multiple of it, at least */
    n += parts_of (size - alignment, boundary);
  return n;
}

KmlConstraints
kml_dma_constraints (const KmlDma *self, guint64 size)
{
  KmlConstraints constraints = self->limits.constraints;

  if (most_segments (&self->limits, size) <= self->limits.max_segments) {
    constraints.boundary = 0;
  } else if (constraints.boundary != 0 && size > constraints.boundary) {
    constraints.alignment = constraints.boundary;
    constraints.boundary = 0;
  }
  if (self->has_iommu) { /* it reaches everything, and its ranges keep what is more than a page */
    constraints.limit = 0;
    constraints.alignment = MIN (constraints.alignment, page_size_of (self));
  }
  return constraints;
}

/* Segments that a block of @size bytes is cut into, wherever it begins. */
static guint64
fewest_segments (const KmlDmaLimits *limits, guint64 size)
{
  const guint64 boundary = limits->constraints.boundary;
  const guint64 by_length = limits->max_segment != 0 ? parts_of (size, limits->max_segment) : 1;
  const guint64 by_boundary = boundary != 0 ? parts_of (size, boundary) : 1;

  return MAX (by_length, by_boundary);
}

char *
kml_dma_why_never (const KmlDma *self, guint64 size)
{
  const guint64 fewest = fewest_segments (&self->limits, size), most = self->limits.max_segments;
  const KmlAddr limit = self->limits.constraints.limit;
  g_autofree char *reach = NULL;

  if (fewest > most)
    return g_strdup_printf ("the device takes %" G_GUINT64_FORMAT
                            " segment%s, and this is %" G_GUINT64_FORMAT " wherever it lies",
                            most, most == 1 ? "" : "s", fewest);
  if (limit == 0 || size <= limit)
    return NULL;
  reach = kml_format_size (limit);
  return g_strdup_printf ("the device reaches no further than %s", reach);
}
