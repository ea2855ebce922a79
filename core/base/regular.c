/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "regular.h"

#include "error.h"
#include "progress.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE (1024 * 1024)

static void
refuse (const char *path, int code, const char *why, GError **error)
{
  g_autofree char *name = g_filename_display_name (path);

  g_set_error (error, CNN_ERROR, code, "%s %s", name, why);
}

static void
refuse_system (const char *path, const char *what, int number, GError **error)
{
  g_autofree char *why = g_strdup_printf ("%s: %s", what, g_strerror (number));

  refuse (path, CNN_ERROR_FILE, why, error);
}

int
cnn_regular_open (const char *path, guint64 *size, GError **error)
{
  /* Without O_NONBLOCK, opening a pipe waits for its writer. */
  int fd = g_open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
  GStatBuf stat = { 0 };

  if (fd < 0 || fstat (fd, &stat) != 0)
    refuse_system (path, "cannot be opened", errno, error);
  else if (S_ISDIR (stat.st_mode))
    refuse (path, CNN_ERROR_UNSUPPORTED, "is a folder, not a file", error);
  else if (!S_ISREG (stat.st_mode))
    refuse (path, CNN_ERROR_FILE, "is a device or a pipe, not a file", error);
  else
    {
      if (size != NULL)
        *size = (guint64) stat.st_size;
      return fd;
    }
  if (fd >= 0)
    close (fd);
  return -1;
}

/* The memory grows with what is there: a file may be longer than its size says (in /proc), or still
 * be growing. */
static char *
read_all (int fd, const char *path, gsize limit, gsize *length, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autofree guint8 *piece = g_malloc (PIECE);
  gssize n = 1;

  while (n != 0)
    {
      if (cnn_cancelled (error))
        return NULL;
      n = read (fd, piece, PIECE);
      if (n < 0 && errno != EINTR)
        {
          refuse_system (path, "cannot be read", errno, error);
          return NULL;
        }
      if (n > 0 && (gsize) n > limit - bytes->len)
        {
          g_autofree char *why = g_strdup_printf (
              "is too large: more than %" G_GSIZE_FORMAT " bytes, which is the most", limit);

          refuse (path, CNN_ERROR_FILE, why, error);
          return NULL;
        }
      if (n > 0)
        g_byte_array_append (bytes, piece, (guint) n);
    }
  *length = bytes->len;
  g_byte_array_append (bytes, (const guint8 *) "", 1);
  return (char *) g_byte_array_free (g_steal_pointer (&bytes), FALSE);
}

char *
cnn_regular_read (const char *path, gsize limit, gsize *length, GError **error)
{
  int fd = cnn_regular_open (path, NULL, error);
  char *text;

  if (fd < 0)
    return NULL;
  text = read_all (fd, path, MIN (limit, G_MAXINT / 2), length, error);
  close (fd);
  return text;
}

char *
cnn_text_cut (const char *text, gsize limit)
{
  gsize length = strlen (text);

  if (length > limit)
    {
      length = limit;
      while (length > 0 && ((guchar) text[length] & 0xc0) == 0x80)
        length--;
    }
  return g_strndup (text, length);
}

char *
cnn_text_from_file (const char *bytes, gsize length)
{
  return g_utf8_make_valid (bytes, (gssize) length);
}
