/* pager.c: page faults.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which page goes when another must come is decided by a clock (F. J. Corbató, "A Paging Experiment with the Multics System",
 * 1968): a hand goes round over the resident pages, spares once what was touched since it came by last, and
 * takes the first that was not.
 *
 * A page that goes leaves the page table, and then is written if it was written to since it came. Who wants it meanwhile faults, and waits for the
 * pager's lock. What an allocator touches of its metadata counts as written to.
 *
 * Invariants:
 *   P1  a resident page has a frame, and no two have the same
 *   P2  frames of the pool are in `spare` or under a resident page; one that a page keeps is that page's, resident or not
 *   P3  the table changes only under the pager's lock
 */

#include "simcore/pages/pager.h"

#include "simcore/locks/lockdep.h"

KmlPager *
kml_pager_new (const KmlPagerConfig *config)
{
  KmlPager *self = g_new0 (KmlPager, 1);

  self->machine = config->machine;
  self->pages = config->pages;
  self->pool = config->pool;
  self->resident = config->resident;
  self->is_guarded = config->is_guarded;
  self->read = config->read;
  self->write = config->write;
  kml_lock_init (&self->lock, config->lock, "pager");
  self->table = g_array_new (FALSE, TRUE, sizeof (KmlPagerPage));
  self->spare = g_array_new (FALSE, FALSE, sizeof (KmlAddr));
  return self;
}

void
kml_pager_free (KmlPager *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->table);
  g_array_unref (self->spare);
  g_free (self);
}

guint
kml_pager_add (KmlPager *self, guint n)
{
  const guint first = self->table->len;

  g_array_set_size (self->table, first + n);
  return first;
}

void
kml_pager_remember (KmlPager *self, KmlImage *image)
{
  kml_image_add (image, self, sizeof *self);
  kml_image_add_array (image, self->table);
  kml_image_add_array (image, self->spare);
}

static KmlAddr
ask_for_frame (KmlPager *self)
{
  const KmlTask *task = self->machine->scheduler != NULL ? kml_current_task (self->machine) : NULL;
  const KmlRequest request = {
    .size = kml_ram_page_size (self->machine->ram),
    .gfp = KML_GFP_KERNEL,
    .cpu = task != NULL ? (guint8)task->cpu : 0,
  };
  guint64 held;

  kml_lockdep_might_reclaim (self->machine, request.gfp);
  kml_machine_before_pages (self->machine);
  return kml_allocator_alloc (self->pages, &request, &held);
}

gboolean
kml_pager_fill_pool (KmlPager *self, GError **error)
{
  while (self->spare->len < self->pool) {
    const KmlAddr frame = ask_for_frame (self);

    if (frame == KML_ADDR_NONE)
      return kml_refuse (error, "pager.pool", "there are frames for %u only", self->spare->len);
    g_array_append_val (self->spare, frame);
  }
  return TRUE;
}

static KmlPagerPage *
entry (const KmlPager *self, guint page)
{
  return &g_array_index (self->table, KmlPagerPage, page);
}

gboolean
kml_pager_add_metadata (KmlPager *self, guint *ret_page, GError **error)
{
  const KmlAddr frame = self->is_guarded ? ask_for_frame (self) : KML_ADDR_NONE;

  if (self->is_guarded && frame == KML_ADDR_NONE)
    return kml_refuse (error, "pager.recursion", "there is no frame to keep for metadata");
  *ret_page = kml_pager_add (self, 1);
  *entry (self, *ret_page) = (KmlPagerPage){ .keeps_frame = self->is_guarded, .frame = frame };
  return TRUE;
}

gboolean
kml_pager_add_pinned (KmlPager *self, guint n, const char *key, guint *ret_first, GError **error)
{
  *ret_first = kml_pager_add (self, n);
  for (guint i = 0; i < n; i++) {
    const KmlAddr frame = ask_for_frame (self);

    if (frame == KML_ADDR_NONE)
      return kml_refuse (error, key, "there are frames for %u of its %u pages only", i, n);
    *entry (self, *ret_first + i) = (KmlPagerPage){ .is_resident = TRUE,
                                                    .keeps_frame = TRUE,
                                                    .frame = frame };
  }
  return TRUE;
}

/* A resident page goes; its frame is free for another. */
static KmlAddr
evict (KmlPager *self)
{
  KML_CALL (self->machine, "evict");
  KmlPagerPage *victim;

  kml_lockdep_enter_reclaim (self->machine, KML_GFP_KERNEL);
  for (;; self->hand++) {
    victim = entry (self, self->hand % self->table->len);
    if (victim->is_resident && !victim->was_touched && !victim->keeps_frame)
      break;
    victim->was_touched = FALSE;
  }
  victim->is_resident = FALSE;
  self->n_resident--;
  self->n_evicted++;
  if (victim->is_dirty) {
    self->n_written++;
    kml_task_io (self->machine, "disk", self->write);
  }
  kml_lockdep_leave_reclaim (self->machine);
  return victim->frame;
}

static KmlAddr
get_frame (KmlPager *self, guint page)
{
  KmlAddr frame;

  if (entry (self, page)->keeps_frame)
    return entry (self, page)->frame;
  if (self->n_resident > 0 && self->n_resident >= self->resident)
    return evict (self);
  if (self->pool == 0)
    return ask_for_frame (self);
  if (self->spare->len == 0)
    return self->n_resident > 0 ? evict (self) : KML_ADDR_NONE;
  frame = g_array_index (self->spare, KmlAddr, self->spare->len - 1);
  g_array_set_size (self->spare, self->spare->len - 1);
  return frame;
}

static gboolean
fault (KmlPager *self, guint page, gboolean is_write)
{
  KML_CALL (self->machine, "page fault");
  const gboolean keeps_frame = entry (self, page)->keeps_frame;
  KmlAddr frame;

  kml_spend (self->machine, KML_COST_INTERRUPT, 1);
  kml_lock_take (self->machine, &self->lock, KML_LOCK_EXCLUSIVE);
  if (!entry (self, page)->is_resident) { /* nobody was faster */
    self->n_faults++;
    frame = get_frame (self, page);
    if (frame == KML_ADDR_NONE) {
      self->n_no_frame++;
      kml_lock_give (self->machine, &self->lock);
      return FALSE;
    }
    kml_task_io (self->machine, "disk", self->read);
    *entry (self, page) = (KmlPagerPage){
      .is_resident = TRUE, .was_touched = TRUE, .keeps_frame = keeps_frame, .frame = frame
    };
    self->n_resident += !keeps_frame;
  }
  entry (self, page)->is_dirty |= is_write;
  kml_lock_give (self->machine, &self->lock);
  return TRUE;
}

gboolean
kml_pager_touch (KmlPager *self, guint page, gboolean is_write)
{
  g_assert (page < self->table->len);

  kml_sync_on (self->machine, kml_object_named ("page") + 4 * (guint64)page);
  if (entry (self, page)->is_resident) {
    entry (self, page)->was_touched = TRUE;
    entry (self, page)->is_dirty |= is_write;
    kml_spend (self->machine, KML_COST_HOT, 1);
    return TRUE;
  }
  return fault (self, page, is_write);
}

void
kml_pager_touch_metadata (KmlPager *self, guint page)
{
  if (!self->is_guarded || !kml_lock_is_held_by (&self->lock, kml_running_task (self->machine)))
    kml_pager_touch (self, page, TRUE);
}
