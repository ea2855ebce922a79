/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "keras_private.h"

#include <hdf5.h>

G_BEGIN_DECLS

/* Where an HDF5 file lies: a part of a file, from `offset` on. Reference counted. */
typedef struct
{
  int fd;
  guint64 offset, size;
} CnnFilePart;

CnnFilePart *cnn_file_part_open (const char *path, guint64 offset, guint64 size, GError **error);
CnnFilePart *cnn_file_part_ref (CnnFilePart *part);
void cnn_file_part_unref (CnnFilePart *part);
gboolean cnn_file_part_read (const CnnFilePart *part, guint64 at, gsize length, void *bytes);
/* An HDF5 file in that place, or -1; takes a reference. */
hid_t cnn_file_part_hdf5 (CnnFilePart *part);

struct _CnnHdf5
{
  hid_t id;
  guint64 size;      /* of the whole file, which bounds whatever it may claim */
  GBytes *image;     /* the file, where it lies in memory */
  CnnFilePart *part; /* or else */
  GHashTable *sound; /* guint64: addresses of objects that are known to be */
  gboolean unusual;  /* what was looked at last is of a kind that Keras does not write */
  char *damaged;     /* the path of the first object that was found not to be sound, or NULL */
  gboolean damaged_unusual; /* since it is of such a kind */
  GArray *steps;            /* Step of hdf5.c: the groups on the way to what was last looked up */
};

void cnn_hdf5_close_id (hid_t *id);
#define AUTO_ID __attribute__ ((cleanup (cnn_hdf5_close_id))) hid_t

/* An object to which hard links alone lead, or -1. */
hid_t cnn_hdf5_open_object (CnnHdf5 *file, const char *path);
/* What HDF5 itself found wrong, at the depth where it found it. Transfer full. */
char *cnn_hdf5_reason (void);
/* Bytes of the file; FALSE where it has no such place. */
gboolean cnn_hdf5_bytes (CnnHdf5 *file, guint64 offset, gsize length, guint8 *bytes);

/* HDF5 trusts the sizes and places that an object's header and what hangs on it give. FALSE where
 * they cannot be true; then HDF5 must not be asked for the object. */
gboolean cnn_hdf5_is_sound (CnnHdf5 *file, guint64 address);
/* What shows, before HDF5 is asked, that the file or its root is not sound; else NULL. Transfer
 * full. */
char *cnn_hdf5_check_file (CnnHdf5 *file);
/* The strings of variable length in an attribute of the object there, appended to `strings`. HDF5
 * trusts the lengths that a damaged file gives for them and writes beyond its memory; so these are
 * read here (III.E, global heap). */
gboolean cnn_hdf5_variable_strings (CnnHdf5 *file, guint64 address, const char *name, gsize n,
                                    GPtrArray *strings);

/* All numbers of a dataset in chunks, packed by deflate and shuffle at most, as they are stored:
 * `element` bytes each. FALSE where one is missing or damaged, or there is no memory. */
gboolean cnn_hdf5_read_chunks (CnnHdf5 *file, hid_t dataset, gsize element, int rank,
                               const gint64 *dims, void *numbers);

G_END_DECLS
