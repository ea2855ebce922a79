/* SPDX-License-Identifier: GPL-3.0-or-later */

/* HDF5 files that would make the library read beyond its memory, or go round in a circle, if it was
 * asked: bytes of a sound file are changed, and the file is refused as damaged. One more is a row
 * in `changes`. */

#include "error.h"
#include "keras-files.h"
#include "network.h"

#include <glib/gstdio.h>
#include <string.h>
#include <zlib.h>

#define OWN_ADDRESS 0x0101010101010101 /* is replaced by the place of what was found */

static void
with_chunks (hid_t file)
{
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_chunk (creation, 4, kernel_dims);
  H5Pset_deflate (creation, 6);
  write_numbers (file, "model_weights/conv/conv/kernel:0", H5T_IEEE_F32LE, 4, kernel_dims,
                 creation);
  H5Pclose (creation);
}

/* Not packed. */
static void
with_plain_chunks (hid_t file)
{
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_chunk (creation, 4, kernel_dims);
  write_numbers (file, "model_weights/conv/conv/kernel:0", H5T_IEEE_F32LE, 4, kernel_dims,
                 creation);
  H5Pclose (creation);
}

/* Whole numbers, as quantized by hand. */
static void
with_integers (hid_t file)
{
  static const hsize_t dims[] = { 2 };

  write_numbers (file, "model_weights/dense/dense/bias:0", H5T_STD_I32LE, 1, dims, H5P_DEFAULT);
}

static void
with_other_files (hid_t file)
{
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_external (creation, "/dev/null", 0, 432);
  write_numbers (file, "model_weights/conv/conv/kernel:0", H5T_IEEE_F32LE, 4, kernel_dims,
                 creation);
  H5Pclose (creation);
}

#define FLOAT32 "\x11\x20\x1f\0\x04\0\0\0\0\0\x20\0\x17\x08\0\x17", 16
#define CHUNK_SHAPE "\x03\0\0\0\x03\0\0\0\x03\0\0\0\x04\0\0\0\x04\0\0\0", 20
#define OTHER_FILES "\x07\0\x28\0\x01\0\0\0\x01\0\0\0\x01\0\x01\0", 16
#define INT32 "\x10\x08\0\0\x04\0\0\0\0\0\x20\0", 12

static const struct
{
  const char *name;
  const char *found; /* bytes of the file; wherever they are, one change is made */
  gsize length;
  int at; /* from there */
  guint64 value;
  int size;
  Change change; /* of the file before */
} changes[] = {
  /* a string of variable length is 16 bytes: a length and a place in a global heap */
  { "string-size", "\x19\x01\0\0\x10\0\0\0", 8, 4, 4096, 4, NULL },
  { "string-size-small", "\x19\x01\0\0\x10\0\0\0", 8, 4, 8, 4, NULL },
  { "string-nested", "\x19\x01\0\0\x10\0\0\0", 8, 8, 0x19, 1, NULL },
  { "attribute-count", "\x01\x01\x01\0\0\0\0\0\x02\0\0\0\0\0\0\0", 16, 8, 0x7fff, 8, NULL },
  { "attribute-rank", "\x01\x01\x01\0\0\0\0\0\x02\0\0\0\0\0\0\0", 16, 1, 30, 1, NULL },
  /* a local heap */
  { "heap-size", "HEAP", 4, 8, 80, 8, NULL },
  { "heap-free-list", "HEAP", 4, 16, 0x10000, 8, NULL },
  { "heap-nowhere", "HEAP", 4, 24, 0x7fffffffffff, 8, NULL },
  /* a group's tree and symbols */
  { "tree-circle", "TREE\0\0", 6, 32, OWN_ADDRESS, 8, NULL },
  { "tree-level", "TREE\0\0", 6, 5, 1, 1, NULL },
  { "tree-name", "TREE\0\0", 6, 24, 0x10000, 8, NULL },
  { "symbol-name", "SNOD\x01", 5, 8, 0x10000, 8, NULL },
  { "symbol-count", "SNOD\x01", 5, 6, 0xffff, 2, NULL },
  /* a dataset's chunks */
  { "chunk-circle", "TREE\x01\0", 6, 5, 1, 1, with_chunks },
  { "chunk-size", "TREE\x01\0", 6, 24, 0x7fffffff, 4, with_chunks },
  { "chunk-longer", "TREE\x01\0", 6, 24, 433, 4, with_plain_chunks },
  { "chunk-shorter", "TREE\x01\0", 6, 24, 431, 4, with_plain_chunks },
  { "chunk-shape", CHUNK_SHAPE, 12, 5, 4, with_plain_chunks },
  { "chunk-shape-large", CHUNK_SHAPE, 12, 0x10003, 4, with_plain_chunks },
  { "chunk-nowhere", "TREE\x01\0", 6, 24 + 8 + 40, 0x7fffffffffff, 8, with_chunks },
  /* where the bits of a number are; HDF5 moves them without a look at its size */
  { "integer-precision", INT32, 10, 0, 2, with_integers },
  { "integer-precision-large", INT32, 10, 64, 2, with_integers },
  { "integer-offset", INT32, 8, 8, 2, with_integers },
  { "integer-size", INT32, 4, 32, 4, with_integers },
  { "float-precision", FLOAT32, 10, 0, 2, NULL },
  { "float-precision-small", FLOAT32, 10, 31, 2, NULL },
  { "float-offset", FLOAT32, 8, 1, 2, NULL },
  { "float-size", FLOAT32, 4, 64, 4, NULL },
  { "float-sign", FLOAT32, 2, 32, 1, NULL },
  { "float-sign-in-exponent", FLOAT32, 2, 30, 1, NULL },
  { "float-sign-in-mantissa", FLOAT32, 2, 22, 1, NULL },
  { "float-exponent", FLOAT32, 12, 25, 1, NULL },
  { "float-exponent-size", FLOAT32, 13, 0, 1, NULL },
  { "float-exponent-size-large", FLOAT32, 13, 10, 1, NULL },
  { "float-mantissa", FLOAT32, 14, 1, 1, NULL },
  { "float-mantissa-size", FLOAT32, 15, 0, 1, NULL },
  { "float-mantissa-size-large", FLOAT32, 15, 24, 1, NULL },
  { "float-order", FLOAT32, 1, 0x61, 1, NULL },
  /* messages; a group's are taken for others */
  { "message-links", "\x11\0\x10\0", 4, 0, 0x02, 1, NULL },
  { "message-link", "\x11\0\x10\0", 4, 0, 0x06, 1, NULL },
  { "message-remark", "\x11\0\x10\0", 4, 0, 0x0d, 1, NULL },
  { "message-old-time", "\x11\0\x10\0", 4, 0, 0x0e, 1, NULL },
  { "message-shared-table", "\x11\0\x10\0", 4, 0, 0x0f, 1, NULL },
  { "message-driver", "\x11\0\x10\0", 4, 0, 0x14, 1, NULL },
  { "message-attributes", "\x11\0\x10\0", 4, 0, 0x15, 1, NULL },
  { "message-unknown", "\x11\0\x10\0", 4, 0, 0x77, 1, NULL },
  { "message-shared", "\x11\0\x10\0", 4, 4, 0x02, 1, NULL },
  { "files-count", OTHER_FILES, 14, 2, 2, with_other_files },
  { "files-heap", OTHER_FILES, 16, 0x7fffffffffff, 8, with_other_files },
  { "files-name", OTHER_FILES, 24, 0x10000, 8, with_other_files },
  /* the driver's own, in the first block */
  { "driver", "\x89HDF", 4, 48, 0x60, 8, NULL },
};

static void
test_change (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autofree char *path = new_path ("change.h5"), *config = small_text (small_config, NULL, NULL);
  g_autofree char *whole = NULL;
  gsize length;
  guint tried = 0, refused = 0;

  write_h5 (path, LEGACY, config, changes[i].change);
  g_assert_true (g_file_get_contents (path, &whole, &length, NULL));
  for (gsize at = 0; at + 100 < length; at++)
    {
      const guint64 value = changes[i].value == OWN_ADDRESS ? at : changes[i].value;
      g_autofree char *bytes = NULL;
      g_autoptr (CnnNetwork) network = NULL;
      g_autoptr (GError) error = NULL;

      if (memcmp (whole + at, changes[i].found, changes[i].length) != 0)
        continue;
      bytes = g_memdup2 (whole, length);
      for (int j = 0; j < changes[i].size; j++)
        bytes[at + (gsize) changes[i].at + (gsize) j] = (char) (value >> (8 * j));
      g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
      network = cnn_network_open (path, NULL, CNN_PREPROCESS_AUTO, NULL, NULL, &error);
      g_test_message ("at %" G_GSIZE_FORMAT ": %s", at, error != NULL ? error->message : "opened");
      tried++;
      /* an object that nobody needs may be as it likes */
      if (network == NULL)
        {
          if (!g_error_matches (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED))
            g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
          g_assert_nonnull (strstr (error->message, error->code == CNN_ERROR_FILE
                                                        ? "damaged"
                                                        : "of a kind of HDF5 that Keras does not"));
          refused++;
        }
    }
  g_assert_cmpuint (refused, >, 0);
  g_assert_cmpuint (refused, >=, tried / 2);
  g_unlink (path);
}

/* A heap of names that ends in the middle of one. */
static void
test_heap_end (void)
{
  g_autofree char *path = new_path ("heap.h5"), *config = small_text (small_config, NULL, NULL);
  g_autofree char *whole = NULL;
  gsize length;

  write_h5 (path, LEGACY, config, NULL);
  g_assert_true (g_file_get_contents (path, &whole, &length, NULL));
  for (gsize at = 0; at + 32 < length; at++)
    {
      g_autofree char *bytes = g_memdup2 (whole, length);
      guint64 size, place;

      if (memcmp (whole + at, "HEAP", 4) != 0)
        continue;
      memcpy (&size, bytes + at + 8, 8);
      memcpy (&place, bytes + at + 24, 8);
      size = GUINT64_FROM_LE (size);
      place = GUINT64_FROM_LE (place);
      for (gsize j = 16; j < size; j++)
        if (bytes[place + j] == '\0')
          bytes[place + j] = 'x';
      g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
      check_error (path, NULL, NULL, CNN_ERROR_FILE, "damaged");
    }
  g_unlink (path);
}

/* --- What the newest versions of HDF5 write otherwise, and Keras does not write --- */

static void
with_few_attributes (hid_t file)
{
  write_strings (file, "model_weights", "more", (const char *const[]){ "x", NULL });
}

static void
with_many_attributes (hid_t file)
{
  for (int i = 0; i < 40; i++)
    {
      g_autofree char *name = g_strdup_printf ("more_%d", i);

      write_strings (file, "model_weights", name, (const char *const[]){ "x", NULL });
    }
}

static void
with_many_links (hid_t file)
{
  for (int i = 0; i < 40; i++)
    {
      g_autofree char *name = g_strdup_printf ("model_weights/more_%d", i);

      H5Gclose (H5Gcreate2 (file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    }
}

static const struct
{
  const char *name;
  Change change;
  gboolean opens; /* else it is named as what it is */
} newer[] = {
  { "plain", NULL, TRUE },
  { "few-attributes", with_few_attributes, TRUE },
  { "many-attributes", with_many_attributes, FALSE },
  { "many-links", with_many_links, FALSE },
  { "chunks", with_chunks, FALSE },
  { "integers", with_integers, TRUE },
};

static void
test_newer (gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autofree char *path = new_path ("newer.h5"), *config = small_text (small_config, NULL, NULL);

  write_new_h5 (path, config, newer[i].change);
  if (newer[i].opens)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnNetwork) network =
          cnn_network_open (path, NULL, CNN_PREPROCESS_AUTO, NULL, NULL, &error);

      g_assert_no_error (error);
    }
  else
    check_error (path, NULL, NULL, CNN_ERROR_UNSUPPORTED, "of a kind of HDF5 that Keras does not");
  g_unlink (path);
}

/* A chunk that unpacks to less, or to more, than it should. */
static void
test_chunk_length (void)
{
  static const gsize lengths[] = { 1, 431, 433, 1000000 };
  g_autofree char *path = new_path ("chunk.h5"), *config = small_text (small_config, NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      static const hsize_t first[4] = { 0 };
      g_autofree guint8 *zeros = g_malloc0 (lengths[i]);
      uLongf length = compressBound (lengths[i]);
      g_autofree guint8 *packed = g_malloc (length);
      hid_t file, dataset;

      g_assert_cmpint (compress (packed, &length, zeros, lengths[i]), ==, Z_OK);
      write_h5 (path, LEGACY, config, with_chunks);
      file = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT);
      dataset = H5Dopen2 (file, "model_weights/conv/conv/kernel:0", H5P_DEFAULT);
      g_assert_cmpint (H5Dwrite_chunk (dataset, H5P_DEFAULT, 0, first, length, packed), >=, 0);
      H5Dclose (dataset);
      H5Fclose (file);
      check_error (
          path, NULL, NULL, CNN_ERROR_FILE,
          "layer \"conv\": dataset \"model_weights/conv/conv/kernel:0\" cannot be read, it "
          "is damaged");
    }
  g_unlink (path);
}

/* Numbers in chunks of every kind are what they are without. */
static void
test_chunks (void)
{
  static const hsize_t shapes[][4] = {
    { 3, 3, 3, 4 }, { 1, 1, 1, 1 }, { 2, 2, 2, 3 }, { 3, 1, 3, 4 }
  };
  const hid_t types[] = { H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_IEEE_F64LE };
  g_autofree char *path = new_path ("chunks.h5"), *config = small_text (small_config, NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (shapes) * G_N_ELEMENTS (types) * 4; i++)
    {
      const guint filters = i % 4, type = i / 4 % G_N_ELEMENTS (types);
      hid_t creation = H5Pcreate (H5P_DATASET_CREATE), file;
      g_autoptr (CnnNetwork) network = NULL;
      g_autoptr (GError) error = NULL;
      const CnnArray *kernel;

      H5Pset_chunk (creation, 4, shapes[i / 12]);
      if ((filters & 1) != 0)
        H5Pset_shuffle (creation);
      if ((filters & 2) != 0)
        H5Pset_deflate (creation, 6);
      write_h5 (path, LEGACY, config, NULL);
      file = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT);
      write_numbers (file, "model_weights/conv/conv/kernel:0", types[type], 4, kernel_dims,
                     creation);
      H5Fclose (file);
      H5Pclose (creation);
      network = cnn_network_open (path, NULL, CNN_PREPROCESS_AUTO, NULL, NULL, &error);
      g_assert_no_error (error);
      kernel = cnn_model_node (network->model, 1)->layer->weights[0];
      for (gsize j = 0; j < 108; j++)
        g_assert_cmpfloat (kernel->data[j], ==, small_number (j));
    }
  g_unlink (path);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *path = g_strdup_printf ("/hdf5/change/%s", changes[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_change);
    }
  g_test_add_func ("/hdf5/heap-end", test_heap_end);
  for (guint i = 0; i < G_N_ELEMENTS (newer); i++)
    {
      g_autofree char *path = g_strdup_printf ("/hdf5/newer/%s", newer[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_newer);
    }
  g_test_add_func ("/hdf5/chunk-length", test_chunk_length);
  g_test_add_func ("/hdf5/chunks", test_chunks);
  status = g_test_run ();
  remove_folder ();
  return status;
}
