/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file driver for HDF5 that reads a part of a file where it is: HDF5's own know whole files only,
 * and a .keras archive holds its weights as they are, somewhere in it. */
#include "hdf5_private.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define PIECE (4 * 1024 * 1024) /* between looks at whether it is still asked for */
#define DRIVER_NUMBER 400       /* from those that are free for tries of one's own */

/* --- The part --- */

CnnFilePart *
cnn_file_part_open (const char *path, guint64 offset, guint64 size, GError **error)
{
  guint64 whole = 0;
  int fd = cnn_regular_open (path, &whole, error);
  CnnFilePart *part;

  if (fd < 0)
    return NULL;
  part = g_atomic_rc_box_new0 (CnnFilePart);
  part->fd = fd;
  part->offset = MIN (offset, whole);
  part->size = MIN (size, whole - part->offset);
  return part;
}

CnnFilePart *
cnn_file_part_ref (CnnFilePart *part)
{
  return part != NULL ? g_atomic_rc_box_acquire (part) : NULL;
}

static void
close_part (gpointer data)
{
  g_close (((CnnFilePart *) data)->fd, NULL);
}

void
cnn_file_part_unref (CnnFilePart *part)
{
  if (part != NULL)
    g_atomic_rc_box_release_full (part, close_part);
}

gboolean
cnn_file_part_read (const CnnFilePart *part, guint64 at, gsize length, void *bytes)
{
  if (length > part->size || at > part->size - length)
    return FALSE;
  for (gsize done = 0; done < length;)
    {
      gssize n;

      if (cnn_cancelled (NULL))
        return FALSE;
      n = pread (part->fd, (char *) bytes + done, MIN (length - done, PIECE),
                 (off_t) (part->offset + at + done));

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      done += (gsize) n;
    }
  return TRUE;
}

/* --- The driver --- */

typedef struct
{
  H5FD_t base; /* HDF5's, first */
  CnnFilePart *part;
  haddr_t end_of_addresses;
} Open;

static H5FD_t *
driver_open (const char *name, unsigned flags, hid_t access, haddr_t max_address)
{
  CnnFilePart *const *part = H5Pget_driver_info (access);
  Open *file;

  (void) name;
  (void) max_address;
  if (part == NULL || (flags & (H5F_ACC_RDWR | H5F_ACC_TRUNC | H5F_ACC_CREAT)))
    return NULL;
  file = g_new0 (Open, 1);
  file->part = cnn_file_part_ref (*part);
  return &file->base;
}

static herr_t
driver_close (H5FD_t *file)
{
  cnn_file_part_unref (((Open *) file)->part);
  g_free (file);
  return 0;
}

static herr_t
driver_query (const H5FD_t *file, unsigned long *flags)
{
  (void) file;
  *flags = H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE;
  return 0;
}

static haddr_t
driver_get_eoa (const H5FD_t *file, H5FD_mem_t type)
{
  (void) type;
  return ((const Open *) file)->end_of_addresses;
}

static herr_t
driver_set_eoa (H5FD_t *file, H5FD_mem_t type, haddr_t address)
{
  (void) type;
  ((Open *) file)->end_of_addresses = address;
  return 0;
}

static haddr_t
driver_get_eof (const H5FD_t *file, H5FD_mem_t type)
{
  (void) type;
  return ((const Open *) file)->part->size;
}

/* Beyond its end a file is full of zeros, as with HDF5's own drivers. */
static herr_t
driver_read (H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
             void *buffer)
{
  const CnnFilePart *part = ((Open *) file)->part;
  const gsize there = address < part->size ? MIN (size, part->size - address) : 0;

  (void) type;
  (void) transfer;
  memset ((char *) buffer + there, 0, size - there);
  return cnn_file_part_read (part, address, there, buffer) || there == 0 ? 0 : -1;
}

static herr_t
driver_write (H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size,
              const void *buffer)
{
  (void) file;
  (void) type;
  (void) transfer;
  (void) address;
  (void) size;
  (void) buffer;
  return -1;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
  .version = H5FD_CLASS_VERSION,
  .value = DRIVER_NUMBER,
#endif
  .name = "convlens",
  .maxaddr = G_MAXINT64,
  .fc_degree = H5F_CLOSE_STRONG,
  .fapl_size = sizeof (CnnFilePart *),
  .open = driver_open,
  .close = driver_close,
  .query = driver_query,
  .get_eoa = driver_get_eoa,
  .set_eoa = driver_set_eoa,
  .get_eof = driver_get_eof,
  .read = driver_read,
  .write = driver_write,
  .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t
cnn_file_part_hdf5 (CnnFilePart *part)
{
  static hid_t registered = -1;
  AUTO_ID access = H5Pcreate (H5P_FILE_ACCESS);

  if (registered < 0)
    registered = H5FDregister (&driver);
  H5Pset_fclose_degree (access, H5F_CLOSE_STRONG);
  if (registered < 0 || H5Pset_driver (access, registered, &part) < 0)
    return -1;
  return H5Fopen ("a part of a file", H5F_ACC_RDONLY, access);
}
