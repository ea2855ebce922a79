/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The bytes of an HDF5 file, by the specification (HDF5 File Format Specification 3.0): HDF5 1.10
 * trusts what it finds there, so it is looked at before HDF5 is asked. */

#include "hdf5_private.h"

G_BEGIN_DECLS

#define CNN_HDF5_NOWHERE G_MAXUINT64 /* an address that is none */

/* Little-endian numbers in a block; reading past the end gives zeros and sets `past`. */
typedef struct
{
  const guint8 *at;
  gsize left;
  gboolean past;
} CnnReader;

const guint8 *cnn_reader_take (CnnReader *reader, gsize n);
guint64 cnn_reader_number (CnnReader *reader, gsize n);

/* So many bytes, at most 16 MiB, or NULL. Transfer full. */
guint8 *cnn_hdf5_block (CnnHdf5 *file, guint64 offset, guint64 length);

/* --- hdf5_header.c: IV.A, object headers --- */

typedef enum
{
  CNN_MESSAGE_NOTHING = 0x00,
  CNN_MESSAGE_SPACE = 0x01,
  CNN_MESSAGE_LINKS = 0x02,
  CNN_MESSAGE_TYPE = 0x03,
  CNN_MESSAGE_OLD_FILL = 0x04,
  CNN_MESSAGE_FILL = 0x05,
  CNN_MESSAGE_LINK = 0x06,
  CNN_MESSAGE_OTHER_FILES = 0x07,
  CNN_MESSAGE_LAYOUT = 0x08,
  CNN_MESSAGE_GROUP = 0x0a,
  CNN_MESSAGE_FILTERS = 0x0b,
  CNN_MESSAGE_ATTRIBUTE = 0x0c,
  CNN_MESSAGE_CONTINUATION = 0x10,
  CNN_MESSAGE_SYMBOLS = 0x11,
  CNN_MESSAGE_TIME = 0x12,
  CNN_MESSAGE_ATTRIBUTES = 0x15,
  CNN_MESSAGE_REFERENCES = 0x16
} CnnMessageType;

typedef struct
{
  int type;
  gboolean shared; /* the body lies elsewhere */
  CnnReader body;
} CnnMessage;

typedef gboolean (*CnnMessageLook) (const CnnMessage *message, gpointer data);

/* Shows every message of the object header at an address until `look` says FALSE, and gives that;
 * FALSE too where the header is damaged. */
gboolean cnn_hdf5_each_message (CnnHdf5 *file, guint64 address, CnnMessageLook look, gpointer data);

typedef struct
{
  const char *name; /* ends with a NUL */
  CnnReader type, space, values;
} CnnAttribute;

/* The parts of an attribute's message, which are within it; FALSE where they are not. */
gboolean cnn_hdf5_attribute (CnnReader message, CnnAttribute *attribute);

/* --- hdf5_type.c: IV.A.2.d, datatypes --- */

/* Takes a whole type; FALSE where it is not all there. */
gboolean cnn_hdf5_take_type (CnnReader *reader);

/* --- hdf5_tree.c: III.A to III.D, what lies under groups and chunked datasets --- */

/* A heap of names, and its size. */
gboolean cnn_hdf5_heap_is_sound (CnnHdf5 *file, guint64 heap, guint64 *size);
/* A group's tree of symbols and the heap of its names. */
gboolean cnn_hdf5_symbols_are_sound (CnnHdf5 *file, guint64 tree, guint64 heap);
/* A dataset's tree of chunks, `rank` being one more than the dataset's; and how many bytes the
 * smallest and the largest are stored in. */
gboolean cnn_hdf5_chunks_are_sound (CnnHdf5 *file, guint64 tree, int rank, guint64 *smallest,
                                    guint64 *largest);

G_END_DECLS
