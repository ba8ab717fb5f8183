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

/* Where the link @path leads; NULL: to nothing yet. (transfer full) */
static char *
follow (const char *path)
{
  char *const resolved = realpath (path, NULL);
  char *const real = g_strdup (resolved);

  free (resolved);
  return real;
}

/* Whether what is at @path is written to and not replaced. Else *@ret_real is the file's own name. */
static gboolean
is_written_through (const char *path, char **ret_real)
{
  struct stat status;

  if (stat (path, &status) == 0 && !S_ISREG (status.st_mode) && !S_ISDIR (status.st_mode))
    return TRUE;
  *ret_real = g_lstat (path, &status) == 0 && S_ISLNK (status.st_mode) ? follow (path)
                                                                       : g_strdup (path);
  return *ret_real == NULL;
}

struct _KmlSaving {
  char *path; /* (owned): as it was given */
  /* (owned) (nullable): the file that will be there; NULL: there is none, what is there is written to */
  char *real;
  char *temporary; /* (owned) (nullable): its name until then */
  int fd;          /* -1: closed */
};

static gboolean
open_saving (KmlSaving *self)
{
  if (g_str_equal (self->path, "-")) {
    fflush (stdout); /* of what was printed before */
    self->fd = dup (STDOUT_FILENO);
  } else if (is_written_through (self->path, &self->real)) {
    self->fd = open (self->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  } else {
    g_autofree char *name = g_strconcat (self->real, ".XXXXXX", NULL);

    self->fd = g_mkstemp_full (name, O_WRONLY | O_CLOEXEC, 0666);
    if (self->fd >= 0)
      self->temporary = g_steal_pointer (&name);
  }
  return self->fd >= 0;
}

static gboolean
fail_saving (const KmlSaving *self, GError **error)
{
  const char *why = g_strerror (errno);

  return fail (g_str_equal (self->path, "-") ? "the standard output" : self->path, why, error);
}

KmlSaving *
kml_saving_new (const char *path, GError **error)
{
  g_autoptr (KmlSaving) self = g_new0 (KmlSaving, 1);

  self->path = g_strdup (path);
  self->fd = -1;
  if (open_saving (self))
    return g_steal_pointer (&self);
  fail_saving (self, error);
  return NULL;
}

gboolean
kml_saving_add (KmlSaving *self, const char *data, gsize length, GError **error)
{
  return write_all (self->fd, data, length) || fail_saving (self, error);
}

/* What takes the place of a file must be on the disk before its name is. */
gboolean
kml_saving_finish (KmlSaving *self, GError **error)
{
  const gboolean replaces = self->real != NULL && g_file_test (self->real, G_FILE_TEST_EXISTS);
  const int fd = self->fd;

  if (replaces && fsync (fd) != 0)
    return fail_saving (self, error);
  self->fd = -1;
  if (close (fd) != 0 || (self->real != NULL && g_rename (self->temporary, self->real) != 0))
    return fail_saving (self, error);
  g_clear_pointer (&self->temporary, g_free);
  return TRUE;
}

void
kml_saving_free (KmlSaving *self)
{
  if (self == NULL)
    return;
  if (self->fd >= 0)
    close (self->fd);
  if (self->temporary != NULL)
    g_unlink (self->temporary);
  g_free (self->temporary);
  g_free (self->real);
  g_free (self->path);
  g_free (self);
}

gboolean
kml_save (const char *path, const char *data, gssize length, GError **error)
{
  g_autoptr (KmlSaving) saving = kml_saving_new (path, error);

  return saving != NULL &&
         kml_saving_add (saving, data, length < 0 ? strlen (data) : (gsize)length, error) &&
         kml_saving_finish (saving, error);
}
