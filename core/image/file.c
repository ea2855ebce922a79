/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "error.h"
#include "image_private.h"

#include <errno.h>
#include <glib/gstdio.h>

#define MAX_FILE ((gint64) 1 << 31)

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
  if (!S_ISREG (info.st_mode) && !S_ISFIFO (info.st_mode))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: is a %s, not a file", path,
                   S_ISDIR (info.st_mode) ? "folder" : "device");
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

/* Replacing a device by a file would be a nasty surprise for whoever names /dev/null. */
static gboolean
write_to_device (const char *path, gconstpointer data, gsize size, GError **error)
{
  FILE *file = g_fopen (path, "wb");
  gboolean written = file != NULL && fwrite (data, 1, size, file) == size;

  if (file != NULL && fclose (file) != 0)
    written = FALSE;
  if (!written)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", path, g_strerror (errno));
  return written;
}

gboolean
cnn_file_write (const char *path, gconstpointer data, gsize size, GError **error)
{
  g_autoptr (GError) reason = NULL;
  GStatBuf info;

  if (g_stat (path, &info) == 0 && !S_ISREG (info.st_mode) && !S_ISDIR (info.st_mode))
    return write_to_device (path, data, size, error);
  if (g_file_set_contents_full (path, data, (gssize) size, G_FILE_SET_CONTENTS_CONSISTENT, 0666,
                                &reason))
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot be written: %s", path, reason->message);
  return FALSE;
}
