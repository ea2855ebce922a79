/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hdf5_private.h"
#include "weights_private.h"

/* deflate cannot pack zeros tighter than 1032 to one */
#define MAX_RATIO 1100

typedef enum
{
  NUMBER_OTHER, /* HDF5 converts it */
  NUMBER_HALF,
  NUMBER_BFLOAT
} NumberKind;

typedef struct
{
  hid_t id, type;
  NumberKind kind;
  gboolean in_chunks;
  int rank;
  gint64 dims[CNN_MAX_RANK];
} Dataset;

static void
dataset_clear (Dataset *dataset)
{
  cnn_hdf5_close_id (&dataset->type);
  cnn_hdf5_close_id (&dataset->id);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Dataset, dataset_clear)

static gboolean
refuse (GError **error, int code, const char *path, const char *why)
{
  g_set_error (error, CNN_ERROR, code, "dataset \"%s\" %s", path, why);
  return FALSE;
}

static gboolean
number_kind (CnnHdf5 *file, const char *path, hid_t type, NumberKind *kind)
{
  H5T_class_t class = H5Tget_class (type);
  gsize sign, exponent, exponent_size, mantissa, mantissa_size;
  g_autofree char *dtype = NULL;

  *kind = NUMBER_OTHER;
  if (H5Tget_size (type) == 2 && (class == H5T_OPAQUE || class == H5T_INTEGER))
    dtype = cnn_hdf5_text (file, path, "dtype");
  if (g_strcmp0 (dtype, "bfloat16") == 0)
    *kind = NUMBER_BFLOAT;
  else if (class == H5T_FLOAT && H5Tget_size (type) == 2)
    {
      if (H5Tget_fields (type, &sign, &exponent, &exponent_size, &mantissa, &mantissa_size) < 0)
        return FALSE;
      if (sign == 15 && exponent == 10 && exponent_size == 5 && H5Tget_ebias (type) == 15)
        *kind = NUMBER_HALF;
    }
  else if (class != H5T_FLOAT && class != H5T_INTEGER)
    return FALSE;
  return TRUE;
}

/* What a dataset says about its storage is held against the size of the file. */
static gboolean
check_storage (CnnHdf5 *file, const char *path, Dataset *dataset, guint64 bytes, GError **error)
{
  const hid_t id = dataset->id;
  AUTO_ID plan = H5Dget_create_plist (id);
  H5D_layout_t layout = plan >= 0 ? H5Pget_layout (plan) : H5D_LAYOUT_ERROR;
  guint64 stored = H5Dget_storage_size (id);
  int filters = plan >= 0 ? H5Pget_nfilters (plan) : -1;
  gboolean packed = FALSE;

  if (layout == H5D_VIRTUAL || (plan >= 0 && H5Pget_external_count (plan) != 0))
    return refuse (error, CNN_ERROR_UNSUPPORTED, path,
                   "takes its numbers from other files; that is not supported");
  if (filters < 0 || (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED))
    return refuse (error, CNN_ERROR_FILE, path, "is damaged");
  for (int i = 0; i < filters; i++)
    {
      unsigned flags, config;
      size_t n = 0;
      char name[64] = "";
      H5Z_filter_t filter =
          H5Pget_filter2 (plan, (unsigned) i, &flags, &n, NULL, sizeof name, name, &config);

      if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE)
        return refuse (error, CNN_ERROR_UNSUPPORTED, path,
                       "is packed with a filter other than deflate and shuffle");
      packed |= filter == H5Z_FILTER_DEFLATE;
    }
  if (bytes > 0 && stored == 0)
    return refuse (error, CNN_ERROR_FILE, path, "has a shape but no numbers");
  if (stored > file->size || (packed ? bytes / MAX_RATIO : bytes) > stored)
    return refuse (error, CNN_ERROR_FILE, path,
                   "claims more numbers than the file has room for; it is damaged");
  dataset->in_chunks = layout == H5D_CHUNKED;
  if (layout == H5D_CHUNKED)
    {
      hsize_t chunk[H5S_MAX_RANK] = { 0 };
      int rank = H5Pget_chunk (plan, H5S_MAX_RANK, chunk);
      guint64 size = 8;

      for (int i = 0; i < rank; i++)
        if (!g_uint64_checked_mul (&size, size, chunk[i]))
          rank = -1;
      if (rank <= 0 || size / MAX_RATIO > file->size)
        return refuse (error, CNN_ERROR_FILE, path, "has pieces larger than the file");
    }
  return TRUE;
}

static gboolean
open_dataset (CnnHdf5 *file, const char *path, Dataset *dataset, GError **error)
{
  hsize_t dims[H5S_MAX_RANK];
  guint64 bytes;
  int rank;

  dataset->type = -1;
  dataset->id = cnn_hdf5_open_object (file, path);
  if (dataset->id < 0)
    {
      gboolean link = cnn_hdf5_leads_out (file, path);

      return refuse (error, link ? CNN_ERROR_UNSUPPORTED : CNN_ERROR_FILE, path,
                     link ? "lies behind a soft or external link, which is not followed"
                          : "is missing or damaged");
    }
  if (H5Iget_type (dataset->id) != H5I_DATASET)
    return refuse (error, CNN_ERROR_FILE, path, "is not a dataset");
  dataset->type = H5Dget_type (dataset->id);
  if (dataset->type < 0 || !number_kind (file, path, dataset->type, &dataset->kind))
    return refuse (error, CNN_ERROR_UNSUPPORTED, path, "does not hold plain numbers");

  AUTO_ID space = H5Dget_space (dataset->id);
  rank = space >= 0 && H5Sget_simple_extent_type (space) != H5S_NULL
             ? H5Sget_simple_extent_ndims (space)
             : -1;
  if (rank < 0 || rank > CNN_MAX_RANK || H5Sget_simple_extent_dims (space, dims, NULL) < 0)
    return refuse (error, CNN_ERROR_FILE, path, "has no usable shape");
  dataset->rank = rank;
  bytes = H5Tget_size (dataset->type);
  for (int i = 0; i < rank; i++)
    {
      if (dims[i] > G_MAXINT32 || !g_uint64_checked_mul (&bytes, bytes, dims[i]))
        return refuse (error, CNN_ERROR_FILE, path,
                       "claims more numbers than the file has room for; it is damaged");
      dataset->dims[i] = (gint64) dims[i];
    }
  return check_storage (file, path, dataset, bytes, error);
}

gboolean
cnn_hdf5_dims (CnnHdf5 *file, const char *path, int *rank, gint64 dims[CNN_MAX_RANK],
               GError **error)
{
  g_auto (Dataset) dataset = { -1, -1, NUMBER_OTHER, FALSE, 0, { 0 } };

  if (!open_dataset (file, path, &dataset, error))
    return FALSE;
  *rank = dataset.rank;
  memcpy (dims, dataset.dims, sizeof dataset.dims);
  return TRUE;
}

static float
from_half (guint16 half)
{
  /* moved into a float's place, the exponent is 112 too small */
  union
  {
    guint32 bits;
    float value;
  } number = { (guint32) (half & 0x7fff) << 13 };

  number.value *= 0x1p112f;
  if ((half & 0x7c00) == 0x7c00)
    number.bits |= 0x7f800000;
  number.bits |= (guint32) (half & 0x8000) << 16;
  return number.value;
}

static float
from_bfloat (guint16 half)
{
  union
  {
    guint32 bits;
    float value;
  } number = { (guint32) half << 16 };

  return number.value;
}

static void
from_halves (const guint16 *halves, gsize n, NumberKind kind, gboolean swap, float *data)
{
  for (gsize i = 0; i < n; i++)
    {
      guint16 half = swap ? GUINT16_SWAP_LE_BE (halves[i]) : halves[i];

      data[i] = kind == NUMBER_HALF ? from_half (half) : from_bfloat (half);
    }
}

static gboolean
is_swapped (const Dataset *dataset)
{
  return (H5Tget_order (dataset->type) == H5T_ORDER_BE) != (G_BYTE_ORDER == G_BIG_ENDIAN);
}

/* The numbers as `type`, of which `element` bytes are stored for each. */
static gboolean
read_numbers (CnnHdf5 *file, const Dataset *dataset, hid_t type, gsize element, void *numbers)
{
  if (dataset->in_chunks)
    return cnn_hdf5_read_chunks (file, dataset->id, element, dataset->rank, dataset->dims, numbers);
  return H5Dread (dataset->id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0;
}

/* HDF5's own conversion of halves is ten times slower. */
static gboolean
read_halves (CnnHdf5 *file, const Dataset *dataset, CnnArray *array)
{
  gsize n = cnn_array_count (array);
  g_autofree guint16 *halves = g_try_new (guint16, MAX (n, 1));

  if (halves == NULL || !read_numbers (file, dataset, dataset->type, sizeof *halves, halves))
    return FALSE;
  from_halves (halves, n, dataset->kind, dataset->kind == NUMBER_HALF && is_swapped (dataset),
               array->data);
  return TRUE;
}

static gboolean
read_others (CnnHdf5 *file, const Dataset *dataset, CnnArray *array)
{
  const gsize n = cnn_array_count (array), element = H5Tget_size (dataset->type);
  g_autofree void *numbers = NULL;

  if (!dataset->in_chunks || H5Tequal (dataset->type, H5T_NATIVE_FLOAT) > 0)
    return read_numbers (file, dataset, H5T_NATIVE_FLOAT, element, array->data);
  numbers = g_try_malloc_n (n, MAX (element, sizeof (float)));
  if (numbers == NULL || !read_numbers (file, dataset, dataset->type, element, numbers)
      || H5Tconvert (dataset->type, H5T_NATIVE_FLOAT, n, numbers, NULL, H5P_DEFAULT) < 0)
    return FALSE;
  memcpy (array->data, numbers, n * sizeof (float));
  return TRUE;
}

CnnArray *
cnn_hdf5_read (CnnHdf5 *file, const char *path, GError **error)
{
  g_auto (Dataset) dataset = { -1, -1, NUMBER_OTHER, FALSE, 0, { 0 } };
  g_autoptr (CnnArray) array = NULL;
  gboolean done;

  if (!open_dataset (file, path, &dataset, error))
    return NULL;
  array = cnn_array_new (dataset.rank, dataset.dims, path, error);
  if (array == NULL)
    return NULL;
  if (cnn_array_count (array) == 0)
    return g_steal_pointer (&array);
  H5Eclear2 (H5E_DEFAULT);
  done = dataset.kind == NUMBER_OTHER ? read_others (file, &dataset, array)
                                      : read_halves (file, &dataset, array);
  if (!done)
    {
      g_autofree char *why = cnn_hdf5_reason ();

      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "dataset \"%s\" cannot be read, it is damaged or there is no memory for it: %s",
                   path, why);
      return NULL;
    }
  return g_steal_pointer (&array);
}

/* --- Numbers that stay in the file --- */

typedef struct
{
  CnnArraySource base;
  CnnFilePart *part;
  guint64 offset;
  NumberKind kind; /* NUMBER_OTHER: floats, as they are used */
  gboolean swap;   /* of halves */
  char *owner, *path;
} DatasetSource;

/* Halves are read by pieces that stay in the processor's caches. */
#define PIECE 32768

static gboolean
read_source_numbers (const DatasetSource *self, gsize first, gsize n, float *data)
{
  g_autofree guint16 *halves = NULL;

  if (self->kind == NUMBER_OTHER)
    return cnn_file_part_read (self->part, self->offset + first * sizeof (float),
                               n * sizeof (float), data);
  halves = g_new (guint16, MIN (n, PIECE));
  for (gsize at = 0; at < n; at += PIECE)
    {
      const gsize some = MIN (n - at, PIECE);

      if (!cnn_file_part_read (self->part, self->offset + (first + at) * 2, some * 2, halves))
        return FALSE;
      from_halves (halves, some, self->kind, self->swap, data + at);
    }
  return TRUE;
}

static gboolean
read_source (CnnArraySource *source, gsize first, gsize n, float *data, GError **error)
{
  const DatasetSource *self = (const DatasetSource *) source;

  if (!read_source_numbers (self, first, n, data))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "layer \"%s\": the weights \"%s\" can no longer be read from the file",
                   self->owner, self->path);
      return FALSE;
    }
  if (cnn_all_finite (data, n))
    return TRUE;
  cnn_set_not_finite (self->owner, self->path, error);
  return FALSE;
}

static void
free_source (CnnArraySource *source)
{
  DatasetSource *self = (DatasetSource *) source;

  cnn_file_part_unref (self->part);
  g_free (self->owner);
  g_free (self->path);
  g_free (self);
}

/* Where the dataset's numbers begin, if they lie there in one piece and as they can be used; else
 * HADDR_UNDEF. */
static haddr_t
plain_offset (const CnnHdf5 *file, const Dataset *dataset)
{
  AUTO_ID plan = H5Dget_create_plist (dataset->id);
  const guint64 stored = H5Dget_storage_size (dataset->id);
  haddr_t offset;

  if (file->part == NULL || stored == 0 || plan < 0 || H5Pget_layout (plan) != H5D_CONTIGUOUS
      || H5Pget_nfilters (plan) != 0
      || (dataset->kind == NUMBER_OTHER && H5Tequal (dataset->type, H5T_NATIVE_FLOAT) <= 0))
    return HADDR_UNDEF;
  offset = H5Dget_offset (dataset->id);
  return offset <= file->size && stored <= file->size - offset ? offset : HADDR_UNDEF;
}

gboolean
cnn_hdf5_find (CnnHdf5 *file, const char *path, const char *owner, int *rank,
               gint64 dims[CNN_MAX_RANK], CnnArray **array, GError **error)
{
  g_auto (Dataset) dataset = { -1, -1, NUMBER_OTHER, FALSE, 0, { 0 } };
  haddr_t offset;
  DatasetSource *source;

  *array = NULL;
  if (!open_dataset (file, path, &dataset, error))
    return FALSE;
  *rank = dataset.rank;
  memcpy (dims, dataset.dims, sizeof dataset.dims);
  offset = plain_offset (file, &dataset);
  if (offset == HADDR_UNDEF)
    return TRUE;
  source = g_new0 (DatasetSource, 1);
  source->base.read = read_source;
  source->base.free = free_source;
  source->part = cnn_file_part_ref (file->part);
  source->offset = offset;
  source->kind = dataset.kind;
  source->swap = dataset.kind == NUMBER_HALF && is_swapped (&dataset);
  source->owner = g_strdup (owner);
  source->path = g_strdup (path);
  *array = cnn_array_new_from (dataset.rank, dataset.dims, &source->base);
  return TRUE;
}
