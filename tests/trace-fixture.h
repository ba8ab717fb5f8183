/* trace-fixture.h: recordings out of strings and files, for the tests of their readers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#pragma once

#include "tests/testutils.h"
#include "workloads/traces/trace.h"

#include <glib/gstdio.h>
#include <string.h>

/* A folder for one test, removed with all in it. */
static inline char *
new_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("kmemlab-test-XXXXXX", &error);

  assert_no_error (error);
  return folder;
}

static inline void
remove_folder (char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (folder);
  g_free (folder);
}

typedef char Folder;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Folder, remove_folder)

static inline char *
in_folder (const char *folder, const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static inline void
write_file (const char *path, const void *bytes, gsize n)
{
  g_autoptr (GError) error = NULL;

  /* without waiting for the disk, which would take most of the time of these tests */
  g_file_set_contents_full (path, bytes, (gssize)n, G_FILE_SET_CONTENTS_NONE, 0600, &error);
  assert_no_error (error);
}

/* One of the real recordings in tests/data/traces. */
static inline char *
sample_path (const char *name)
{
  const char *root = g_getenv ("KML_SOURCE_ROOT");

  return g_build_filename (root != NULL ? root : ".", "tests", "data", "traces", name, NULL);
}

static inline GByteArray *
sample_bytes (const char *name)
{
  g_autofree char *path = sample_path (name);
  g_autoptr (GError) error = NULL;
  char *bytes;
  gsize n;

  g_file_get_contents (path, &bytes, &n, &error);
  assert_no_error (error);
  return g_byte_array_new_take ((guint8 *)bytes, n);
}

/* What there is to know of a recording. */
typedef struct {
  GArray *events; /* (element-type KmlTraceEvent) */
  KmlTrace *trace;
} Recording;

static inline void
recording_free (Recording *self)
{
  if (self == NULL)
    return;
  g_array_unref (self->events);
  kml_trace_close (self->trace);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Recording, recording_free)

/* Reads a whole file in batches of @batch. NULL: @error is set. */
static inline Recording *
read_in_batches (const char *path, guint batch, GError **error)
{
  g_autoptr (Recording) self = g_new0 (Recording, 1);
  g_autofree KmlTraceEvent *events = g_new (KmlTraceEvent, batch);
  int n;

  self->events = g_array_new (FALSE, FALSE, sizeof (KmlTraceEvent));
  self->trace = kml_trace_open (path, "the trace", error);
  if (self->trace == NULL)
    return NULL;
  while ((n = kml_trace_next (self->trace, events, batch, error)) > 0)
    g_array_append_vals (self->events, events, (guint)n);
  return n == 0 ? g_steal_pointer (&self) : NULL;
}

static inline Recording *
read_file (const char *path)
{
  g_autoptr (GError) error = NULL;
  Recording *self = read_in_batches (path, 256, &error);

  assert_no_error (error);
  return self;
}

static inline Recording *
read_sample (const char *name)
{
  g_autofree char *path = sample_path (name);

  return read_file (path);
}

/* Reads the bytes of a recording. NULL: @error is set. */
static inline Recording *
read_bytes (const void *bytes, gsize n, GError **error)
{
  g_autoptr (Folder) folder = new_folder ();
  g_autofree char *path = in_folder (folder, "trace");

  write_file (path, bytes, n);
  return read_in_batches (path, 256, error);
}

static inline Recording *
read_text (const char *text)
{
  g_autoptr (GError) error = NULL;
  Recording *self = read_bytes (text, strlen (text), &error);

  assert_no_error (error);
  return self;
}

static inline const KmlTraceEvent *
event_at (const Recording *self, guint i)
{
  ck_assert_uint_lt (i, self->events->len);
  return &g_array_index (self->events, KmlTraceEvent, i);
}

static inline guint64
count_of (const Recording *self, KmlTraceCount count)
{
  return kml_trace_info (self->trace)->counts[count];
}

/* Both are the same stream and counted the same. */
static inline void
assert_same_recording (const Recording *a, const Recording *b)
{
  const KmlTraceInfo *left = kml_trace_info (a->trace), *right = kml_trace_info (b->trace);

  ck_assert_uint_eq (a->events->len, b->events->len);
  for (guint i = 0; i < a->events->len; i++)
    ck_assert_msg (memcmp (event_at (a, i), event_at (b, i), sizeof (KmlTraceEvent)) == 0,
                   "event %u differs", i);
  for (guint i = 0; i < KML_TRACE_N_COUNTS; i++)
    ck_assert_msg (left->counts[i] == right->counts[i], "%s differs", kml_trace_count_names[i]);
  ck_assert_uint_eq (left->base_ns, right->base_ns);
  ck_assert_uint_eq (left->duration_ns, right->duration_ns);
  ck_assert_uint_eq (left->n_lines, right->n_lines);
  ck_assert_uint_eq (left->n_cpus, right->n_cpus);
  ck_assert_uint_eq (left->n_stream, right->n_stream);
  ck_assert_uint_eq (left->live_objects_peak, right->live_objects_peak);
  ck_assert_uint_eq (left->live_pages_peak, right->live_pages_peak);
  ck_assert_uint_eq (left->n_sites, right->n_sites);
  ck_assert_uint_eq (left->n_caches, right->n_caches);
  for (guint32 i = 0; i <= left->n_sites; i++)
    ck_assert_str_eq (kml_trace_site (a->trace, i), kml_trace_site (b->trace, i));
  for (guint32 i = 0; i <= left->n_caches; i++)
    ck_assert_str_eq (kml_trace_cache (a->trace, i), kml_trace_cache (b->trace, i));
}
