/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "private.h"

#include <hdf5.h>
#include <math.h>

/* deflate cannot pack zeros tighter than 1032 to one */
#define MAX_RATIO 1100
#define MAX_TEXT (64 * 1024 * 1024)
#define MAX_CHILDREN 100000

struct _CnnHdf5
{
  hid_t id;
  guint64 size; /* of the whole file, which bounds whatever it may claim */
  GBytes *image;
};

static void
close_id (hid_t *id)
{
  if (*id >= 0)
    H5Idec_ref (*id);
}

#define AUTO_ID __attribute__ ((cleanup (close_id))) hid_t

static herr_t
first_reason (G_GNUC_UNUSED unsigned n, const H5E_error2_t *problem, void *data)
{
  char **reason = data;

  if (*reason == NULL && problem->desc != NULL && problem->desc[0] != '\0')
    *reason = g_strdup (problem->desc);
  return 0;
}

/* What HDF5 itself found wrong, at the depth where it found it. Transfer full. */
static char *
reason (void)
{
  char *text = NULL;

  H5Ewalk2 (H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, &text);
  return text != NULL ? text : g_strdup ("no reason given");
}

static void
start (void)
{
  static gsize done = 0;

  if (g_once_init_enter (&done))
    {
      H5open ();
      /* filters of strangers' choice are not to be loaded */
      H5PLset_loading_state (0);
      g_once_init_leave (&done, 1);
    }
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  H5Eclear2 (H5E_DEFAULT);
}

static CnnHdf5 *
take_file (hid_t id, guint64 size, GBytes *image, const char *what, GError **error)
{
  CnnHdf5 *file;

  if (id < 0)
    {
      g_autofree char *why = reason ();

      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is a damaged HDF5 file: %s", what, why);
      return NULL;
    }
  file = g_new0 (CnnHdf5, 1);
  file->id = id;
  file->size = size;
  file->image = image != NULL ? g_bytes_ref (image) : NULL;
  return file;
}

CnnHdf5 *
cnn_hdf5_open (const char *path, GError **error)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GFileInfo) info =
      g_file_query_info (file, G_FILE_ATTRIBUTE_STANDARD_SIZE, G_FILE_QUERY_INFO_NONE, NULL, NULL);
  AUTO_ID access = -1;

  start ();
  access = H5Pcreate (H5P_FILE_ACCESS);
  H5Pset_fclose_degree (access, H5F_CLOSE_STRONG);
  return take_file (H5Fopen (path, H5F_ACC_RDONLY, access),
                    info != NULL ? (guint64) g_file_info_get_size (info) : 0, NULL, "this", error);
}

/* HDF5 asks for memory for its image at every step of opening it; it always gets the same, ours. */
static void *
image_malloc (G_GNUC_UNUSED size_t size, G_GNUC_UNUSED H5FD_file_image_op_t operation, void *data)
{
  return (void *) g_bytes_get_data (data, NULL);
}

static void *
image_copy (void *to, const void *from, G_GNUC_UNUSED size_t size,
            G_GNUC_UNUSED H5FD_file_image_op_t operation, G_GNUC_UNUSED void *data)
{
  return to == from ? to : NULL;
}

static void *
image_realloc (G_GNUC_UNUSED void *memory, G_GNUC_UNUSED size_t size,
               G_GNUC_UNUSED H5FD_file_image_op_t operation, G_GNUC_UNUSED void *data)
{
  return NULL;
}

static herr_t
image_free (G_GNUC_UNUSED void *memory, G_GNUC_UNUSED H5FD_file_image_op_t operation,
            G_GNUC_UNUSED void *data)
{
  return 0;
}

static void *
data_copy (void *data)
{
  return data;
}

static herr_t
data_free (G_GNUC_UNUSED void *data)
{
  return 0;
}

CnnHdf5 *
cnn_hdf5_open_bytes (GBytes *bytes, const char *what, GError **error)
{
  H5FD_file_image_callbacks_t callbacks = { image_malloc, image_copy, image_realloc, image_free,
                                            data_copy,    data_free,  bytes };
  gsize size;
  gconstpointer memory = g_bytes_get_data (bytes, &size);
  AUTO_ID access = -1;
  hid_t id = -1;

  start ();
  if (size == 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is empty", what);
      return NULL;
    }
  access = H5Pcreate (H5P_FILE_ACCESS);
  H5Pset_fclose_degree (access, H5F_CLOSE_STRONG);
  if (H5Pset_fapl_core (access, 65536, FALSE) >= 0
      && H5Pset_file_image_callbacks (access, &callbacks) >= 0
      && H5Pset_file_image (access, (void *) memory, size) >= 0)
    id = H5Fopen ("/dev/null/image", H5F_ACC_RDONLY, access); /* no file may have that name */
  return take_file (id, size, bytes, what, error);
}

void
cnn_hdf5_free (CnnHdf5 *file)
{
  if (file == NULL)
    return;
  H5Fclose (file->id);
  g_clear_pointer (&file->image, g_bytes_unref);
  g_free (file);
}

gboolean
cnn_hdf5_has (CnnHdf5 *file, const char *path)
{
  g_auto (GStrv) names = g_strsplit (path, "/", -1);
  g_autoptr (GString) so_far = g_string_new (NULL);
  H5L_info_t info;

  for (int i = 0; names[i] != NULL; i++)
    {
      if (names[i][0] == '\0' || strcmp (names[i], ".") == 0)
        continue;
      g_string_append_printf (so_far, "/%s", names[i]);
      /* a soft or external link could lead out of the file */
      if (H5Lexists (file->id, so_far->str, H5P_DEFAULT) <= 0
          || H5Lget_info (file->id, so_far->str, &info, H5P_DEFAULT) < 0
          || info.type != H5L_TYPE_HARD)
        return FALSE;
    }
  return TRUE;
}

static hid_t
open_object (CnnHdf5 *file, const char *path)
{
  if (!cnn_hdf5_has (file, path))
    return -1;
  return H5Oopen (file->id, path[0] == '\0' ? "/" : path, H5P_DEFAULT);
}

gboolean
cnn_hdf5_is_group (CnnHdf5 *file, const char *path)
{
  AUTO_ID object = open_object (file, path);

  return object >= 0 && H5Iget_type (object) == H5I_GROUP;
}

/* "conv2d_10" → "conv2d", 10; "conv2d" → "conv2d", 0 */
static guint64
number_of (const char *name, gsize *stem)
{
  gsize length = strlen (name), digits = 0;

  while (digits < length && g_ascii_isdigit (name[length - 1 - digits]))
    digits++;
  *stem = length;
  if (digits == 0 || digits == length || name[length - 1 - digits] != '_')
    return 0;
  *stem = length - 1 - digits;
  return g_ascii_strtoull (name + length - digits, NULL, 10);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  const char *x = *(char *const *) a, *y = *(char *const *) b;
  gsize stem_x, stem_y;
  guint64 number_x = number_of (x, &stem_x), number_y = number_of (y, &stem_y);

  if (stem_x == stem_y && strncmp (x, y, stem_x) == 0)
    return number_x < number_y ? -1 : number_x > number_y;
  return strcmp (x, y);
}

GStrv
cnn_hdf5_children (CnnHdf5 *file, const char *path)
{
  GPtrArray *names = g_ptr_array_new ();
  AUTO_ID group = open_object (file, path);
  H5G_info_t info;

  if (group >= 0 && H5Iget_type (group) == H5I_GROUP && H5Gget_info (group, &info) >= 0)
    for (hsize_t i = 0; i < MIN (info.nlinks, MAX_CHILDREN); i++)
      {
        char name[256];
        gssize length = H5Lget_name_by_idx (group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name,
                                            sizeof name, H5P_DEFAULT);

        if (length < 0)
          break;
        if (length < (gssize) sizeof name)
          g_ptr_array_add (names, g_strdup (name));
      }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (GStrv) g_ptr_array_free (names, FALSE);
}

static void
add_text (GPtrArray *strings, const char *text, gsize length)
{
  g_ptr_array_add (strings, g_utf8_make_valid (text, (gssize) length));
}

static gboolean
read_fixed (CnnHdf5 *file, hid_t attribute, hid_t type, hsize_t n, GPtrArray *strings)
{
  gsize size = H5Tget_size (type), total;
  gboolean space_padded = H5Tget_strpad (type) == H5T_STR_SPACEPAD;
  g_autofree char *text = NULL;

  if (!g_size_checked_mul (&total, size, n) || total > file->size || total > MAX_TEXT)
    return FALSE;
  text = g_try_malloc (total + 1);
  if (text == NULL || H5Aread (attribute, type, text) < 0)
    return FALSE;
  for (hsize_t i = 0; i < n; i++)
    {
      gsize length = strnlen (text + i * size, size);

      while (space_padded && length > 0 && text[i * size + length - 1] == ' ')
        length--;
      add_text (strings, text + i * size, length);
    }
  return TRUE;
}

static gboolean
read_variable (CnnHdf5 *file, hid_t attribute, hid_t type, hid_t space, hsize_t n,
               GPtrArray *strings)
{
  AUTO_ID memory = H5Tcopy (H5T_C_S1);
  g_autofree char **texts = NULL;

  if (n > file->size || n > MAX_CHILDREN * CNN_MAX_WEIGHTS)
    return FALSE;
  H5Tset_size (memory, H5T_VARIABLE);
  H5Tset_cset (memory, H5Tget_cset (type));
  texts = g_new0 (char *, n);
  if (H5Aread (attribute, memory, texts) < 0)
    return FALSE;
  for (hsize_t i = 0; i < n; i++)
    add_text (strings, texts[i] != NULL ? texts[i] : "", texts[i] != NULL ? strlen (texts[i]) : 0);
  H5Dvlen_reclaim (memory, space, H5P_DEFAULT, texts);
  return TRUE;
}

static gboolean
read_strings (CnnHdf5 *file, hid_t object, const char *name, GPtrArray *strings)
{
  AUTO_ID attribute = H5Aopen (object, name, H5P_DEFAULT);
  AUTO_ID type = attribute >= 0 ? H5Aget_type (attribute) : -1;
  AUTO_ID space = attribute >= 0 ? H5Aget_space (attribute) : -1;
  hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints (space) : -1;

  if (type < 0 || n < 0)
    return FALSE;
  /* h5py writes an empty list of strings as an empty list of floats */
  if (n == 0)
    return TRUE;
  if (H5Tget_class (type) != H5T_STRING)
    return FALSE;
  return H5Tis_variable_str (type) > 0
             ? read_variable (file, attribute, type, space, (hsize_t) n, strings)
             : read_fixed (file, attribute, type, (hsize_t) n, strings);
}

gboolean
cnn_hdf5_strings (CnnHdf5 *file, const char *path, const char *name, GStrv *strings, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  AUTO_ID object = open_object (file, path);
  gboolean any = FALSE;

  *strings = NULL;
  if (object < 0)
    return TRUE;
  for (int i = -1;; i++)
    {
      g_autofree char *part = i < 0 ? g_strdup (name) : g_strdup_printf ("%s%d", name, i);

      if (H5Aexists (object, part) <= 0)
        {
          if (i < 0)
            continue;
          break;
        }
      if (!read_strings (file, object, part, found))
        {
          g_autofree char *why = reason ();

          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                       "attribute \"%s\" of \"%s\" is not readable text: %s", part, path, why);
          return FALSE;
        }
      any = TRUE;
      if (i < 0)
        break;
    }
  if (!any)
    return TRUE;
  g_ptr_array_add (found, NULL);
  *strings = (GStrv) g_ptr_array_steal (found, NULL);
  return TRUE;
}

char *
cnn_hdf5_text (CnnHdf5 *file, const char *path, const char *name)
{
  g_auto (GStrv) strings = NULL;

  if (!cnn_hdf5_strings (file, path, name, &strings, NULL) || strings == NULL)
    return NULL;
  return g_strdup (strings[0]);
}

/* --- datasets --- */

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
  int rank;
  gint64 dims[CNN_MAX_RANK];
} Dataset;

static void
dataset_clear (Dataset *dataset)
{
  close_id (&dataset->type);
  close_id (&dataset->id);
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
check_storage (CnnHdf5 *file, const char *path, hid_t id, guint64 bytes, GError **error)
{
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
  dataset->id = open_object (file, path);
  if (dataset->id < 0)
    {
      gboolean link = H5Lexists (file->id, path, H5P_DEFAULT) > 0;

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
  return check_storage (file, path, dataset->id, bytes, error);
}

gboolean
cnn_hdf5_dims (CnnHdf5 *file, const char *path, int *rank, gint64 dims[CNN_MAX_RANK],
               GError **error)
{
  g_auto (Dataset) dataset = { -1, -1, NUMBER_OTHER, 0, { 0 } };

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

/* HDF5's own conversion of halves is ten times slower. */
static gboolean
read_halves (const Dataset *dataset, CnnArray *array)
{
  gsize n = cnn_array_count (array);
  g_autofree guint16 *halves = g_try_new (guint16, MAX (n, 1));
  gboolean swap =
      dataset->kind == NUMBER_HALF
      && (H5Tget_order (dataset->type) == H5T_ORDER_BE) != (G_BYTE_ORDER == G_BIG_ENDIAN);

  if (halves == NULL
      || H5Dread (dataset->id, dataset->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, halves) < 0)
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      guint16 half = swap ? GUINT16_SWAP_LE_BE (halves[i]) : halves[i];

      array->data[i] = dataset->kind == NUMBER_HALF ? from_half (half) : from_bfloat (half);
    }
  return TRUE;
}

CnnArray *
cnn_hdf5_read (CnnHdf5 *file, const char *path, GError **error)
{
  g_auto (Dataset) dataset = { -1, -1, NUMBER_OTHER, 0, { 0 } };
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
  if (dataset.kind == NUMBER_OTHER)
    done = H5Dread (dataset.id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, array->data) >= 0;
  else
    done = read_halves (&dataset, array);
  if (!done)
    {
      g_autofree char *why = reason ();

      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "dataset \"%s\" cannot be read: %s", path,
                   why);
      return NULL;
    }
  return g_steal_pointer (&array);
}
