/* rig.h: an allocator on a machine of its own, ready to be tested.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A *subject* is a registered allocator in one of its forms: with its defaults, or with
 * one of the choices that its table of parameters offers. Object allocators stand on each
 * page allocator with its defaults, and with their own defaults on each form of it: two choices
 * meet only through the interface, so not every pair of them is tried. Layers are put around each page allocator, those that are for objects alone
 * around each object allocator that stands on buddy, with its defaults. So a new allocator, and a new
 * choice of an old one, is tested by being registered.
 */

#pragma once

#include "simcore/allocator.h"

/* One form of one allocator. */
typedef struct {
  const KmlAllocatorOps *ops;
  const KmlParam *param; /* (nullable): what differs from the defaults */
  const char *choice;
} Form;

typedef struct {
  Form form;
  Form lower; /* of object allocators and layers; else .ops is NULL */
  char *name; /* (owned): "segregated list=lifo on buddy" */
} Subject;

typedef struct {
  KmlMachine *machine;
  KmlAllocator *pages;
  KmlAllocator *middle;  /* (nullable): the object allocator below a layer */
  KmlAllocator *objects; /* (nullable) */
  KmlAllocator *tested;  /* one of the two, not that in the middle */
} Rig;

/* (transfer full) (element-type Subject): of all that is registered, in the registry's order. */
GArray *subjects_new (void);

/* A machine of @n_frames frames of 4 KiB, the frame table not counted, where nothing costs more
 * than 9 ps. */
void rig_init (Rig *self, const Form *form, const Form *lower, guint n_frames);
void rig_finish (Rig *self);

/* Gives back all that can be given back: what keeps a working set does so at the second call. */
void rig_shrink (const Rig *self);

/* Whether page frames are tested, in a layer or not. */
gboolean rig_is_of_pages (const Rig *self);

/* Page frames are all that page allocators give. */
guint64 rig_grain (const Rig *self);
