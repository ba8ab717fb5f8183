/* trace-spool.c: a stream as a file that can be entered anywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#include "workloads/traces/trace-spool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE (256 * 1024)

static gboolean
write_all (int fd, const char *shown, const guint8 *bytes, gsize n, GError **error)
{
  while (n > 0) {
    const gssize done = write (fd, bytes, n);

    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0) {
      g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot write a copy of it to %s: %s",
                   shown, g_get_tmp_dir (), g_strerror (errno));
      return FALSE;
    }
    bytes += done;
    n -= (gsize)done;
  }
  return TRUE;
}

int
kml_trace_spool_new (const char *shown, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) reason = NULL;
  const int fd = g_file_open_tmp ("kmemlab-XXXXXX", &path, &reason);

  if (fd < 0)
    g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: no place for a temporary file: %s", shown,
                 reason->message);
  else
    g_unlink (path);
  return fd;
}

int
kml_trace_spool (KmlTraceInput *input, guint64 *ret_size, GError **error)
{
  const char *const shown = kml_trace_input_shown (input);
  g_autofree guint8 *piece = NULL;
  guint64 size = 0;
  gssize n;
  int fd;

  if (strcmp (kml_trace_input_compression (input), "none") == 0 &&
      kml_trace_input_size (input) > 0) {
    *ret_size = kml_trace_input_size (input);
    fd = fcntl (kml_trace_input_fd (input), F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
      g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: %s", shown, g_strerror (errno));
    return fd;
  }
  fd = kml_trace_spool_new (shown, error);
  if (fd < 0)
    return -1;
  piece = g_malloc (PIECE);
  while ((n = kml_trace_input_read (input, piece, PIECE, error)) > 0) {
    if (!write_all (fd, shown, piece, (gsize)n, error))
      n = -1;
    if (n < 0)
      break;
    size += (guint64)n;
  }
  if (n < 0) {
    close (fd);
    return -1;
  }
  *ret_size = size;
  return fd;
}
