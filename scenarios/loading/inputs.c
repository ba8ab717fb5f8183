/* inputs.c: the files that decide what a run does, known by their content.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The digest is XXH3-128 over the bytes of the file. It tells files apart that
 * came about by themselves, at the speed of the disk; it is no defence against
 * somebody who makes two files of one digest, who would only fool himself.
 *
 * A file is read when a run first names it, and what the host says of it then
 * (device, inode, size, time of change) is kept. A run that ends asks again: if
 * anything is different, nobody knows which content it has seen, and it fails
 * rather than being stored under a digest that may not be its own. One campaign
 * so sees one content of each file.
 *
 * Only regular files are taken. A pipe, or the standard input, can be read once,
 * and a run that cannot be repeated is none.
 */

#include "scenarios/loading/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "simcore/param.h"

#define BLOCK_SIZE (256 * 1024)

/* A file that was asked for, and what became of that. */
typedef struct {
  char *path;    /* (owned) */
  GError *error; /* (owned) (nullable): why it has no digest */
  char digest[KML_INPUT_DIGEST_LENGTH + 1];
  guint64 size;
  struct stat status;
} File;

struct _KmlInputFiles {
  char *base_dir;        /* (owned) */
  GHashTable *elsewhere; /* (nullable): a reference */
  GHashTable *files;     /* (owned) (element-type utf8 File): by name */
  GPtrArray *names; /* (element-type utf8): the keys of files, borrowed, in the order of taking */
};

/* ---- Digests ---- */

static gboolean
fail (const char *why, KmlErrorCode code, GError **error)
{
  g_set_error_literal (error, KML_ERROR, (int)code, why);
  return FALSE;
}

/* What is wrong with the name is the user's to put right; all else is the world. */
static gboolean
fail_to_open (int number, GError **error)
{
  const gboolean is_name = number == ENOENT || number == ENOTDIR || number == EACCES ||
                           number == ELOOP || number == ENAMETOOLONG || number == ENXIO;

  return fail (g_strerror (number), is_name ? KML_ERROR_INPUT : KML_ERROR_WORLD, error);
}

static gboolean
digest_descriptor (int fd, File *file, GError **error)
{
  g_autofree guint8 *block = g_malloc (BLOCK_SIZE);
  XXH3_state_t *state = XXH3_createState ();
  XXH128_hash_t hash;
  gssize n = 1;

  g_assert (state != NULL);
  XXH3_128bits_reset (state);
  file->size = 0;
  while (n != 0) {
    n = read (fd, block, BLOCK_SIZE);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      fail (g_strerror (errno), KML_ERROR_WORLD, error);
      break;
    }
    XXH3_128bits_update (state, block, (gsize)n);
    file->size += (guint64)n;
  }
  hash = XXH3_128bits_digest (state);
  XXH3_freeState (state);
  g_snprintf (file->digest, sizeof file->digest,
              "%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", (guint64)hash.high64,
              (guint64)hash.low64);
  return n == 0;
}

static gboolean
read_file (File *file, GError **error)
{
  const int fd = open (file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  gboolean good;

  if (fd < 0)
    return fail_to_open (errno, error);
  if (fstat (fd, &file->status) != 0)
    good = fail_to_open (errno, error);
  else if (!S_ISREG (file->status.st_mode))
    good = fail (S_ISDIR (file->status.st_mode)
                     ? "it is a folder, not a file"
                     : "not a regular file: a run must be able to read it again",
                 KML_ERROR_INPUT, error);
  else
    good = digest_descriptor (fd, file, error);
  close (fd);
  if (!good)
    file->digest[0] = '\0';
  return good;
}

gboolean
kml_input_digest (const char *path, char *ret_digest, guint64 *ret_size, GError **error)
{
  File file = { .path = (char *)path };

  if (!read_file (&file, error))
    return FALSE;
  memcpy (ret_digest, file.digest, sizeof file.digest);
  *ret_size = file.size;
  return TRUE;
}

/* ---- Files ---- */

static void
file_free (File *file)
{
  g_free (file->path);
  g_clear_error (&file->error);
  g_free (file);
}

KmlInputFiles *
kml_input_files_new (const char *base_dir, GHashTable *elsewhere)
{
  KmlInputFiles *self = g_new0 (KmlInputFiles, 1);

  self->base_dir = g_strdup (base_dir);
  self->elsewhere = elsewhere != NULL ? g_hash_table_ref (elsewhere) : NULL;
  self->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify)file_free);
  self->names = g_ptr_array_new ();
  return self;
}

void
kml_input_files_free (KmlInputFiles *self)
{
  if (self == NULL)
    return;
  g_free (self->base_dir);
  g_clear_pointer (&self->elsewhere, g_hash_table_unref);
  g_hash_table_unref (self->files);
  g_ptr_array_unref (self->names);
  g_free (self);
}

const char *
kml_input_files_base_dir (const KmlInputFiles *self)
{
  return self->base_dir;
}

GHashTable *
kml_input_files_elsewhere (const KmlInputFiles *self)
{
  return self->elsewhere;
}

char *
kml_input_files_path (const KmlInputFiles *self, const char *file)
{
  return kml_param_locate (file, self->base_dir, self->elsewhere);
}

static const File *
look_at (KmlInputFiles *self, const char *name)
{
  File *file = g_hash_table_lookup (self->files, name);
  char *key;

  if (file != NULL)
    return file;
  file = g_new0 (File, 1);
  file->path = kml_input_files_path (self, name);
  if (g_str_equal (name, "-"))
    fail ("the standard input can be read once, and a run must be able to read it again: write it "
          "to a file first",
          KML_ERROR_INPUT, &file->error);
  else
    read_file (file, &file->error);
  key = g_strdup (name);
  g_hash_table_insert (self->files, key, file);
  g_ptr_array_add (self->names, key);
  return file;
}

KmlInput *
kml_input_files_take (KmlInputFiles *self, const char *key, const char *file)
{
  const File *content = look_at (self, file);
  KmlInput *input = g_new0 (KmlInput, 1);

  input->key = g_strdup (key);
  input->file = g_strdup (file);
  input->size = content->size;
  memcpy (input->digest, content->digest, sizeof input->digest);
  return input;
}

void
kml_input_free (KmlInput *self)
{
  g_free (self->key);
  g_free (self->file);
  g_free (self);
}

static gboolean
is_same_file (const struct stat *a, const struct stat *b)
{
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

gboolean
kml_input_files_check (const KmlInputFiles *self, const char *file, GError **error)
{
  const File *content = g_hash_table_lookup (self->files, file);
  struct stat now;

  g_assert (content != NULL);

  if (content->error != NULL) {
    g_propagate_error (error, g_error_copy (content->error));
    g_prefix_error (error, "%s: cannot be read: ", file);
    return FALSE;
  }
  if (stat (content->path, &now) == 0 && is_same_file (&now, &content->status))
    return TRUE;
  g_set_error (error, KML_ERROR, KML_ERROR_INPUT,
               "%s: the file was changed after the campaign had begun to read it; the same command "
               "makes the runs that are missing with what it is now",
               file);
  return FALSE;
}

/* "a//./b/" as "a/b": what the user wrote, without what means nothing. */
static char *
tidy_path (const char *path)
{
  g_auto (GStrv) words = g_strsplit (path, "/", -1);
  g_autoptr (GString) tidy = g_string_new (NULL);

  for (guint i = 0; words[i] != NULL; i++)
    if (words[i][0] != '\0' && !g_str_equal (words[i], "."))
      g_string_append_printf (tidy, "%s%s", tidy->len > 0 ? "/" : "", words[i]);
  return g_strdup (tidy->len > 0 ? tidy->str : ".");
}

char *
kml_input_describe_base_dir (const char *base_dir)
{
  g_autofree char *below = NULL;
  char *there, *here;

  if (!g_path_is_absolute (base_dir))
    return tidy_path (base_dir);
  there = realpath (base_dir, NULL);
  here = realpath (".", NULL);
  if (there != NULL && here != NULL && g_str_has_prefix (there, here) &&
      (there[strlen (here)] == '/' || there[strlen (here)] == '\0'))
    below = tidy_path (there + strlen (here));
  free (there);
  free (here);
  return below != NULL ? g_steal_pointer (&below) : g_strdup ("");
}

const GPtrArray *
kml_input_files_names (const KmlInputFiles *self)
{
  return self->names;
}
