/* page-fixture.h: a page allocator on a machine of a few page frames, for stories that pictures tell.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * In the pictures a letter is a frame: U used, . free; a bar is the end of a block. Blocks are known by the numbers of their first
 * frames.
 */

#pragma once

#include "simcore/allocator.h"
#include "tests/testutils.h"

#define PAGE 4096

static KmlMachine *machine;
static KmlAllocator *allocator;

static inline void
set_parameter (KmlAllocator *self, const char *name, const char *value)
{
  g_autoptr (GError) error = NULL;

  kml_param_parse (kml_param_find (self->ops->params, name), value, self, &error);
  assert_no_error (error);
}

/* Every cost is 1 ps. */
static inline KmlMachine *
new_machine (guint n_frames)
{
  KmlMachineConfig config = { .n_cpus = 1,
                              .page_size = PAGE,
                              .ram = kml_ram_size_for (n_frames, PAGE) };
  g_autoptr (GError) error = NULL;
  KmlMachine *result;

  for (guint i = 0; i < KML_N_COSTS; i++)
    config.cost[i] = 1;
  result = kml_machine_new (&config, &error);
  assert_no_error (error);
  ck_assert_uint_eq (result->ram->n_usable, n_frames);
  return result;
}

/* Ends with a NULL: names and values of parameters. */
static inline void G_GNUC_NULL_TERMINATED
start_allocator (const KmlAllocatorOps *ops, guint n_frames, ...)
{
  g_autoptr (GError) error = NULL;
  va_list parameters;
  const char *name;

  machine = new_machine (n_frames);
  allocator = kml_allocator_new (ops, machine, NULL);
  va_start (parameters, n_frames);
  while ((name = va_arg (parameters, const char *)) != NULL)
    set_parameter (allocator, name, va_arg (parameters, const char *));
  va_end (parameters);
  kml_allocator_start (allocator, &error);
  assert_no_error (error);
}

static inline void
stop (void)
{
  kml_allocator_destroy (allocator);
  kml_machine_free (machine);
}

static inline void
verify (void)
{
  g_autoptr (GError) error = NULL;

  allocator->ops->check (allocator, &error);
  assert_no_error (error);
}

static inline void
draw_block (KmlAddr addr, guint64 size, KmlBlockState state, gpointer user_data)
{
  GString *picture = user_data;

  ck_assert_uint_eq (size % PAGE, 0);
  for (guint64 i = 0; i < size / PAGE; i++)
    g_string_append_c (picture, state == KML_BLOCK_USED ? 'U' : '.');
  g_string_append_c (picture, '|');
}

static inline void
assert_picture (const char *expected)
{
  g_autoptr (GString) picture = g_string_new (NULL);

  verify ();
  allocator->ops->walk (allocator, draw_block, picture);
  ck_assert_str_eq (picture->str, expected);
}

/* The block's frame, or -1. */
static inline int
ask (KmlAllocator *self, const KmlRequest *request, guint64 *ret_held)
{
  const KmlAddr addr = kml_allocator_alloc (self, request, ret_held);

  return addr == KML_ADDR_NONE ? -1 : (int)(addr / PAGE);
}

static inline int
take_within (guint n_pages, const KmlConstraints *constraints)
{
  const KmlRequest request = { .size = (guint64)n_pages * PAGE, .constraints = constraints };
  guint64 held;

  return ask (allocator, &request, &held);
}

static inline int
take (guint n_pages)
{
  return take_within (n_pages, NULL);
}

static inline void
give_back (int pfn)
{
  const KmlRequest how = { 0 };

  kml_allocator_free_block (allocator, (KmlAddr)pfn * PAGE, &how);
}
