/* object-fixture.h: an object allocator on a machine of 4096 page frames, for stories.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "simcore/allocator.h"
#include "tests/testutils.h"

#define PAGE     4096
#define N_FRAMES 4096

#define RAM kml_ram_size_for (N_FRAMES, PAGE)

static KmlMachine *machine;
static KmlAllocator *pages, *objects;

static inline void
set_parameter (KmlAllocator *allocator, const char *name, const char *value)
{
  const KmlParam *param = kml_param_find (allocator->ops->params, name);
  g_autoptr (GError) error = NULL;

  ck_assert_ptr_nonnull (param);
  kml_param_parse (param, value, allocator, &error);
  assert_no_error (error);
}

/* The machine, buddy, and the allocator, not yet started. */
static inline void
make_machine (const char *allocator, const KmlMachineConfig *config)
{
  g_autoptr (GError) error = NULL;

  machine = kml_machine_new (config, &error);
  assert_no_error (error);
  pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  kml_allocator_start (pages, &error);
  assert_no_error (error);
  objects = kml_allocator_new (kml_allocator_find (allocator), machine, pages);
}

/* Ends with a NULL: names and values of parameters. FALSE: @error is set by init. Every cost is 1 ps. */
static inline gboolean G_GNUC_NULL_TERMINATED
try_start (const char *allocator, guint n_cpus, GError **error, ...)
{
  KmlMachineConfig config = { .n_cpus = n_cpus, .ram = RAM, .page_size = PAGE };
  va_list parameters;
  const char *name;

  for (guint i = 0; i < KML_N_COSTS; i++)
    config.cost[i] = 1;
  make_machine (allocator, &config);
  ck_assert_uint_eq (machine->ram->n_usable, N_FRAMES);
  va_start (parameters, error);
  while ((name = va_arg (parameters, const char *)) != NULL)
    set_parameter (objects, name, va_arg (parameters, const char *));
  va_end (parameters);
  return kml_allocator_start (objects, error);
}

static inline void
discard (void)
{
  kml_allocator_destroy (objects);
  kml_allocator_destroy (pages);
  kml_machine_free (machine);
}

static inline void
verify (void)
{
  g_autoptr (GError) error = NULL;

  objects->ops->check (objects, &error);
  assert_no_error (error);
}

static inline void
stop (void)
{
  verify ();
  discard ();
}

/* "UU.m": objects in use and free ones, and what is neither, in the order of their addresses. */
static inline void
draw_object (KmlAddr start, guint64 size, KmlBlockState state, gpointer user_data)
{
  static const char letters[] = {
    [KML_BLOCK_FREE] = '.', [KML_BLOCK_USED] = 'U', [KML_BLOCK_METADATA] = 'm'
  };

  g_string_append_c (user_data, letters[state]);
}

static inline void
assert_picture (const char *expected)
{
  g_autoptr (GString) picture = g_string_new (NULL);

  objects->ops->walk (objects, draw_object, picture);
  ck_assert_str_eq (picture->str, expected);
}

static inline void
copy_cache (const KmlCacheInfo *cache, gpointer user_data)
{
  KmlCacheInfo *wanted = user_data;

  if (cache->object_size == wanted->object_size)
    *wanted = *cache;
}

static inline KmlCacheInfo
cache_of (guint64 object_size)
{
  KmlCacheInfo cache = { .object_size = object_size };

  objects->ops->walk_caches (objects, copy_cache, &cache);
  return cache;
}

static inline KmlAddr
take_held (guint64 size, guint64 *ret_held)
{
  const KmlRequest request = { .size = size };

  return kml_allocator_alloc (objects, &request, ret_held);
}

static inline KmlAddr
take (guint64 size)
{
  guint64 held;

  return take_held (size, &held);
}

static inline void
give_back (KmlAddr addr)
{
  const KmlRequest how = { 0 };

  kml_allocator_free_block (objects, addr, &how);
}
