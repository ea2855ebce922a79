/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "error.h"
#include "image_private.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_FILE ((gint64) 1 << 31)
#define MAX_PIPE ((gsize) 512 << 20)
#define MAX_LINKS 40

/* --- Reading --- */

guint8 *
cnn_file_read (const char *path, gsize *size, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autofree char *contents = NULL;
  GStatBuf info;

  if (g_stat (path, &info) != 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", path, g_strerror (errno));
      return NULL;
    }
  if (!S_ISREG (info.st_mode))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: is a %s, not a file", path,
                   S_ISDIR (info.st_mode)    ? "folder"
                   : S_ISFIFO (info.st_mode) ? "pipe"
                                             : "device");
      return NULL;
    }
  if (info.st_size > MAX_FILE)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: is larger than 2 GB", path);
      return NULL;
    }
  if (!g_file_get_contents (path, &contents, size, &reason))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", path, reason->message);
      return NULL;
    }
  return (guint8 *) g_steal_pointer (&contents);
}

/* Waits until there is something to read, or its end. */
static gboolean
wait_for_pipe (int file, GCancellable *cancellable, const char *name, GError **error)
{
  GPollFD polled[2] = { { .fd = file, .events = G_IO_IN } };
  gboolean watched = cancellable != NULL && g_cancellable_make_pollfd (cancellable, &polled[1]);
  int ready;

  do
    ready = g_poll (polled, watched ? 2 : 1, -1);
  while (ready < 0 && errno == EINTR);
  if (watched)
    g_cancellable_release_fd (cancellable);
  if (g_cancellable_is_cancelled (cancellable))
    g_set_error_literal (error, CNN_ERROR, CNN_ERROR_CANCELLED, "cancelled");
  else if (ready < 0)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", name, g_strerror (errno));
  else
    return TRUE;
  return FALSE;
}

static guint8 *
read_pipe (int file, GCancellable *cancellable, const char *name, gsize *size, GError **error)
{
  g_autofree guint8 *data = NULL;
  gsize length = 0, space = 0;

  for (;;)
    {
      gssize got;

      if (length == space)
        {
          guint8 *larger;

          space = space == 0 ? 1 << 16 : 2 * space;
          larger = g_try_realloc (data, space);
          if (larger == NULL)
            {
              g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                           "%s: no memory for %" G_GSIZE_FORMAT " MB of it", name, space >> 20);
              return NULL;
            }
          data = larger;
        }
      if (!wait_for_pipe (file, cancellable, name, error))
        return NULL;
      got = read (file, data + length, space - length);
      if (got == 0)
        break;
      if (got < 0 && errno != EINTR && errno != EAGAIN)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", name, g_strerror (errno));
          return NULL;
        }
      length += (gsize) MAX (got, 0);
      if (length > MAX_PIPE)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                       "%s: more than 512 MB came through the pipe, and no end of it; save it as a "
                       "file first",
                       name);
          return NULL;
        }
    }
  *size = length;
  return g_steal_pointer (&data);
}

guint8 *
cnn_file_read_photo (const char *path, GCancellable *cancellable, gsize *size, GError **error)
{
  gboolean standard = strcmp (path, CNN_STANDARD_INPUT) == 0;
  const char *name = standard ? "standard input" : path;
  GStatBuf info;
  guint8 *data;
  int file;

  if ((standard ? fstat (STDIN_FILENO, &info) : g_stat (path, &info)) == 0
      && !S_ISFIFO (info.st_mode) && !(standard && S_ISSOCK (info.st_mode)))
    {
      if (!standard)
        return cnn_file_read (path, size, error);
      if (!S_ISREG (info.st_mode))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: is a %s, not a file or a pipe", name,
                       S_ISDIR (info.st_mode) ? "folder" : "device");
          return NULL;
        }
    }
  /* Without a writer the opening of a pipe would wait where nothing can cancel it. */
  file = standard ? dup (STDIN_FILENO) : g_open (path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (file < 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", name, g_strerror (errno));
      return NULL;
    }
  data = read_pipe (file, cancellable, name, size, error);
  close (file);
  return data;
}

/* --- Writing --- */

/* Files that have not got their names yet. */
static GMutex unfinished_lock;
static GSList *unfinished; /* of char* */
static gboolean stopped;

static gboolean
write_all (int file, const char *data, gsize size)
{
  GPollFD ready = { .fd = file, .events = G_IO_OUT };

  while (size > 0)
    {
      gssize written = write (file, data, size);

      if (written < 0 && errno == EAGAIN && !cnn_cancelled (NULL))
        g_poll (&ready, 1, 100);
      else if (written < 0 && errno != EINTR)
        return FALSE;
      data += MAX (written, 0);
      size -= (gsize) MAX (written, 0);
    }
  return TRUE;
}

/* Replacing a device by a file would be a nasty surprise for whoever names /dev/null. A pipe gets
 * what is written too, >(…) in a shell, where somebody reads from it: to wait for that could not be
 * cancelled. */
static gboolean
write_to_device (const char *path, gconstpointer data, gsize size, GError **error)
{
  int file = g_open (path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0);
  gboolean written = file >= 0 && write_all (file, data, size);
  int problem = errno;

  if (file >= 0)
    close (file);
  if (!written && !cnn_cancelled (error))
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", path,
                 file < 0 && problem == ENXIO ? "nobody reads from this pipe"
                                              : g_strerror (problem));
  return written;
}

char *
cnn_file_target (const char *path)
{
  g_autofree char *target = g_strdup (path);

  for (int i = 0; i < MAX_LINKS; i++)
    {
      g_autofree char *link = g_file_read_link (target, NULL);
      g_autofree char *folder = g_path_get_dirname (target);

      if (link == NULL)
        return g_steal_pointer (&target);
      g_free (target);
      target = g_path_is_absolute (link) ? g_strdup (link) : g_build_filename (folder, link, NULL);
    }
  return g_strdup (path);
}

/* The name tells that it is no result: hidden, and without a suffix. */
static int
begin_file (const char *target, int mode, char **temporary)
{
  g_autofree char *folder = g_path_get_dirname (target);
  int file = -1;

  *temporary = g_build_filename (folder, ".convlens-XXXXXX", NULL);
  g_mutex_lock (&unfinished_lock);
  errno = EINTR;
  if (!stopped)
    file = g_mkstemp_full (*temporary, O_WRONLY | O_CLOEXEC, mode);
  if (file >= 0)
    unfinished = g_slist_prepend (unfinished, *temporary);
  g_mutex_unlock (&unfinished_lock);
  return file;
}

static gboolean
end_file (const char *temporary, const char *target, gboolean written)
{
  int problem = errno;

  g_mutex_lock (&unfinished_lock);
  if (written && (stopped || g_rename (temporary, target) != 0))
    {
      problem = stopped ? EINTR : errno;
      written = FALSE;
    }
  if (!written)
    g_unlink (temporary);
  unfinished = g_slist_remove (unfinished, temporary);
  g_mutex_unlock (&unfinished_lock);
  errno = problem;
  return written;
}

void
cnn_file_stop (void)
{
  gboolean locked = g_mutex_trylock (&unfinished_lock);

  /* Whoever asks for an end at once does not wait long for a slow disk. */
  for (int i = 0; i < 50 && !locked; i++)
    {
      g_usleep (10000);
      locked = g_mutex_trylock (&unfinished_lock);
    }
  if (!locked)
    return;
  stopped = TRUE;
  for (GSList *each = unfinished; each != NULL; each = each->next)
    g_unlink (each->data);
  g_mutex_unlock (&unfinished_lock);
}

/* Owner, if we may, and mode of the file that is replaced. */
static gboolean
take_over (int file, const GStatBuf *old)
{
  GStatBuf own;

  if (fstat (file, &own) == 0 && (own.st_uid != old->st_uid || own.st_gid != old->st_gid)
      && fchown (file, old->st_uid, old->st_gid) != 0)
    errno = 0;
  return fchmod (file, old->st_mode & 0777) == 0;
}

gboolean
cnn_file_write (const char *path, gconstpointer data, gsize size, GError **error)
{
  g_autofree char *target = NULL, *temporary = NULL;
  gboolean replaces, written;
  GStatBuf old;
  int file;

  replaces = g_stat (path, &old) == 0;
  if (!replaces && errno == ELOOP)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot be written: %s", path,
                   g_strerror (errno));
      return FALSE;
    }
  if (replaces && !S_ISREG (old.st_mode) && !S_ISDIR (old.st_mode))
    return write_to_device (path, data, size, error);
  target = cnn_file_target (path);
  file = begin_file (target, replaces ? 0600 : 0666, &temporary);
  written = file >= 0;
  if (written)
    {
      written = write_all (file, data, size) && (!replaces || take_over (file, &old))
                && (!replaces || fsync (file) == 0);
      if (close (file) != 0)
        written = FALSE;
      written = end_file (temporary, target, written);
    }
  if (!written)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot be written: %s", path,
                 g_strerror (errno));
  return written;
}
