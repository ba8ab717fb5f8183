/* save.c: a file that is whole or not there.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A new file takes the name of an old one when it is complete. That must not happen to what is no file: root would lose
 * /dev/null, and who waits at a pipe would wait for ever. Nor to a link, which is somebody's way to the file.
 */

#include "analysis/save.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "simcore/base/types.h"

static gboolean
fail (const char *path, const char *why, GError **error)
{
  g_set_error (error, KML_ERROR, KML_ERROR_WORLD, "%s: cannot be written: %s", path, why);
  return FALSE;
}

static gboolean
write_all (int fd, const char *data, gsize length)
{
  while (length > 0) {
    const gssize n = write (fd, data, length);

    if (n < 0 && errno != EINTR)
      return FALSE;
    if (n > 0) {
      data += n;
      length -= (gsize)n;
    }
  }
  return TRUE;
}

/* Into what is there, or where a link leads that leads to nothing yet. */
static gboolean
write_through (const char *path, const char *data, gsize length, GError **error)
{
  const int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  gboolean good = fd >= 0 && write_all (fd, data, length);
  const int code = errno;

  if (fd >= 0 && close (fd) != 0 && good)
    return fail (path, g_strerror (errno), error);
  return good || fail (path, g_strerror (code), error);
}

/* Why, without the name of the file that GLib writes first. */
static const char *
cause (const GError *reason)
{
  const char *last = g_strrstr (reason->message, ": ");

  return last != NULL ? last + 2 : reason->message;
}

gboolean
kml_save (const char *path, const char *data, gssize length, GError **error)
{
  const gsize n = length < 0 ? strlen (data) : (gsize)length;
  g_autofree char *real = NULL;
  g_autoptr (GError) reason = NULL;
  struct stat status;
  char *resolved;

  if (g_str_equal (path, "-")) {
    fflush (stdout); /* of what was printed before */
    return write_all (STDOUT_FILENO, data, n) ||
           fail ("the standard output", g_strerror (errno), error);
  }
  if (stat (path, &status) == 0 && !S_ISREG (status.st_mode) && !S_ISDIR (status.st_mode))
    return write_through (path, data, n, error);
  if (g_lstat (path, &status) == 0 && S_ISLNK (status.st_mode)) {
    resolved = realpath (path, NULL);
    if (resolved == NULL)
      return write_through (path, data, n, error);
    real = g_strdup (resolved);
    free (resolved);
  }
  return g_file_set_contents (real != NULL ? real : path, data, (gssize)n, &reason) ||
         fail (path, cause (reason), error);
}
