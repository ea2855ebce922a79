/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hdf5_private.h"

#define MAX_TEXT (64 * 1024 * 1024)
#define MAX_CHILDREN 100000
#define RESERVE (16 * 1024 * 1024)

void
cnn_hdf5_close_id (hid_t *id)
{
  if (*id >= 0)
    H5Idec_ref (*id);
}

static herr_t
first_reason (G_GNUC_UNUSED unsigned n, const H5E_error2_t *problem, void *data)
{
  char **reason = data;

  if (*reason == NULL && problem->desc != NULL && problem->desc[0] != '\0')
    *reason = cnn_text_from_file (problem->desc, strlen (problem->desc));
  return 0;
}

char *
cnn_hdf5_reason (void)
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
      /* nothing is kept for another time: what HDF5 keeps it frees, and uses still, where it gets
       * no more memory */
      H5set_free_list_limits (0, 0, 0, 0, 0, 0);
      g_once_init_leave (&done, 1);
    }
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  H5Eclear2 (H5E_DEFAULT);
}

typedef struct
{
  char *name;
  hid_t id;
} Step;

static void
clear_step (gpointer data)
{
  Step *step = data;

  g_free (step->name);
  cnn_hdf5_close_id (&step->id);
}

static CnnHdf5 *
file_new (GBytes *image, CnnFilePart *part)
{
  CnnHdf5 *file = g_new0 (CnnHdf5, 1);

  start ();
  file->id = -1;
  file->size = part != NULL ? part->size : g_bytes_get_size (image);
  file->image = image != NULL ? g_bytes_ref (image) : NULL;
  file->part = cnn_file_part_ref (part);
  file->sound = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  file->steps = g_array_new (FALSE, FALSE, sizeof (Step));
  g_array_set_clear_func (file->steps, clear_step);
  return file;
}

static hid_t open_image (GBytes *bytes);

/* Asks HDF5 to open what its first bytes and its root's header show to be sound. */
static CnnHdf5 *
open_sound (CnnHdf5 *file, const char *what, GError **error)
{
  /* HDF5 may crash where it gets no memory (tests/test-allocation.c); it does not need as much */
  g_autofree void *reserve = g_try_malloc (RESERVE);
  g_autofree char *why =
      reserve != NULL ? cnn_hdf5_check_file (file) : g_strdup ("there is no memory to tell");

  g_clear_pointer (&reserve, g_free);
  if (why == NULL)
    {
      file->id = file->part != NULL ? cnn_file_part_hdf5 (file->part) : open_image (file->image);
      if (file->id >= 0)
        return file;
      why = cnn_hdf5_reason ();
    }
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is a damaged HDF5 file: %s", what, why);
  cnn_hdf5_free (file);
  return NULL;
}

gboolean
cnn_hdf5_bytes (CnnHdf5 *file, guint64 offset, gsize length, guint8 *bytes)
{
  if (length > file->size || offset > file->size - length)
    return FALSE;
  if (file->image == NULL)
    return cnn_file_part_read (file->part, offset, length, bytes);
  memcpy (bytes, (const guint8 *) g_bytes_get_data (file->image, NULL) + offset, length);
  return TRUE;
}

CnnHdf5 *
cnn_hdf5_open_part (const char *path, guint64 offset, guint64 size, const char *what,
                    GError **error)
{
  CnnFilePart *part = cnn_file_part_open (path, offset, size, error);
  CnnHdf5 *file;

  if (part == NULL)
    return NULL;
  file = file_new (NULL, part);
  cnn_file_part_unref (part);
  return open_sound (file, what, error);
}

CnnHdf5 *
cnn_hdf5_open (const char *path, GError **error)
{
  return cnn_hdf5_open_part (path, 0, G_MAXUINT64, "this", error);
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

static hid_t
open_image (GBytes *bytes)
{
  H5FD_file_image_callbacks_t callbacks = { image_malloc, image_copy, image_realloc, image_free,
                                            data_copy,    data_free,  bytes };
  gsize size;
  gconstpointer memory = g_bytes_get_data (bytes, &size);
  AUTO_ID access = H5Pcreate (H5P_FILE_ACCESS);

  H5Pset_fclose_degree (access, H5F_CLOSE_STRONG);
  if (H5Pset_fapl_core (access, 65536, FALSE) < 0
      || H5Pset_file_image_callbacks (access, &callbacks) < 0
      || H5Pset_file_image (access, (void *) memory, size) < 0)
    return -1;
  return H5Fopen ("/dev/null/image", H5F_ACC_RDONLY, access); /* no file may have that name */
}

CnnHdf5 *
cnn_hdf5_open_bytes (GBytes *bytes, const char *what, GError **error)
{
  if (g_bytes_get_size (bytes) > 0)
    return open_sound (file_new (bytes, NULL), what, error);
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is empty", what);
  return NULL;
}

void
cnn_hdf5_free (CnnHdf5 *file)
{
  if (file == NULL)
    return;
  g_array_unref (file->steps);
  g_hash_table_unref (file->sound);
  g_free (file->damaged);
  if (file->id >= 0)
    H5Fclose (file->id);
  g_clear_pointer (&file->image, g_bytes_unref);
  cnn_file_part_unref (file->part);
  g_free (file);
}

#if H5_VERSION_GE(1, 12, 0)
#define LinkInfo H5L_info1_t
#define get_link_info H5Lget_info1
#else
#define LinkInfo H5L_info_t
#define get_link_info H5Lget_info
#endif

/* A soft or external link could lead out of the file. */
static gboolean
is_hard_link (hid_t group, const char *name, guint64 *address)
{
  LinkInfo info;

  if (cnn_cancelled (NULL) || H5Lexists (group, name, H5P_DEFAULT) <= 0
      || get_link_info (group, name, &info, H5P_DEFAULT) < 0 || info.type != H5L_TYPE_HARD)
    return FALSE;
  *address = info.u.address;
  return TRUE;
}

/* The object under the last of n names, if a hard link leads to it and its header is sound, or −1.
 */
static hid_t
open_member (CnnHdf5 *file, hid_t group, char *const *names, guint n)
{
  guint64 address;

  if (!is_hard_link (group, names[n - 1], &address))
    return -1;
  file->unusual = FALSE;
  if (cnn_hdf5_is_sound (file, address))
    return H5Oopen (group, names[n - 1], H5P_DEFAULT);
  if (file->damaged == NULL)
    {
      g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
      g_auto (GStrv) path = NULL;

      for (guint i = 0; i < n; i++)
        g_strv_builder_add (builder, names[i]);
      path = g_strv_builder_end (builder);
      file->damaged = g_strjoinv ("/", path);
      file->damaged_unusual = file->unusual;
    }
  return -1;
}

/* The object to which the first n names lead by hard links, or −1. What the last walk had in common
 * with this one is open already. */
static hid_t
walk (CnnHdf5 *file, char *const *names, guint n)
{
  guint common = 0;

  while (common < n && common < file->steps->len
         && strcmp (g_array_index (file->steps, Step, common).name, names[common]) == 0)
    common++;
  if (common < n)
    g_array_set_size (file->steps, common);
  for (guint i = common; i < n; i++)
    {
      hid_t from = i > 0 ? g_array_index (file->steps, Step, i - 1).id : file->id;
      Step step = { NULL, -1 };

      step.id = open_member (file, from, names, i + 1);
      if (step.id < 0)
        return -1;
      step.name = g_strdup (names[i]);
      g_array_append_val (file->steps, step);
    }
  return n > 0 ? g_array_index (file->steps, Step, n - 1).id : file->id;
}

/* The names of a path. Transfer full. */
static GStrv
split_path (const char *path)
{
  GStrv names = g_strsplit (path, "/", -1);
  guint n = 0;

  for (guint i = 0; names[i] != NULL; i++)
    if (names[i][0] == '\0' || strcmp (names[i], ".") == 0)
      g_free (names[i]);
    else
      names[n++] = names[i];
  names[n] = NULL;
  return names;
}

gboolean
cnn_hdf5_has (CnnHdf5 *file, const char *path)
{
  g_auto (GStrv) names = split_path (path);
  guint n = g_strv_length (names);
  guint64 address;
  hid_t parent;

  if (n == 0)
    return TRUE;
  parent = walk (file, names, n - 1);
  return parent >= 0 && is_hard_link (parent, names[n - 1], &address);
}

hid_t
cnn_hdf5_open_object (CnnHdf5 *file, const char *path)
{
  g_auto (GStrv) names = split_path (path);
  guint n = g_strv_length (names);
  hid_t parent = n > 0 ? walk (file, names, n - 1) : file->id;

  if (n == 0)
    return H5Oopen (file->id, "/", H5P_DEFAULT);
  return parent >= 0 ? open_member (file, parent, names, n) : -1;
}

gboolean
cnn_hdf5_set_damaged (CnnHdf5 *file, const char *whose, GError **error)
{
  if (file->damaged == NULL)
    return FALSE;
  if (file->damaged_unusual)
    g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                 "\"%s\" is of a kind of HDF5 that Keras does not write; load and save the model "
                 "with Keras",
                 file->damaged);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s damaged at \"%s\"", whose, file->damaged);
  return TRUE;
}

gboolean
cnn_hdf5_leads_out (CnnHdf5 *file, const char *path)
{
  g_auto (GStrv) names = split_path (path);
  gboolean out = FALSE;

  for (guint i = 0; names[i] != NULL && !out; i++)
    {
      hid_t parent = walk (file, names, i);
      guint64 address;

      if (parent < 0)
        break;
      out = H5Lexists (parent, names[i], H5P_DEFAULT) > 0
            && !is_hard_link (parent, names[i], &address);
    }
  return out;
}

gboolean
cnn_hdf5_is_group (CnnHdf5 *file, const char *path)
{
  AUTO_ID object = cnn_hdf5_open_object (file, path);

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
  AUTO_ID group = cnn_hdf5_open_object (file, path);
  H5G_info_t info;

  if (group >= 0 && H5Iget_type (group) == H5I_GROUP && H5Gget_info (group, &info) >= 0)
    for (hsize_t i = 0; i < MIN (info.nlinks, MAX_CHILDREN) && !cnn_cancelled (NULL); i++)
      {
        char name[256];
        gssize length = H5Lget_name_by_idx (group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name,
                                            sizeof name, H5P_DEFAULT);

        if (length < 0)
          break;
        if (length < (gssize) sizeof name)
          g_ptr_array_add (names, cnn_text_from_file (name, (gsize) length));
      }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (GStrv) g_ptr_array_free (names, FALSE);
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
      g_ptr_array_add (strings, cnn_text_from_file (text + i * size, length));
    }
  return TRUE;
}

static gboolean
read_strings (CnnHdf5 *file, hid_t object, const char *name, GPtrArray *strings)
{
  AUTO_ID attribute = H5Aopen (object, name, H5P_DEFAULT);
  AUTO_ID type = attribute >= 0 ? H5Aget_type (attribute) : -1;
  AUTO_ID space = attribute >= 0 ? H5Aget_space (attribute) : -1;
  hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints (space) : -1;
  H5G_stat_t stat;

  if (type < 0 || n < 0)
    return FALSE;
  /* h5py writes an empty list of strings as an empty list of floats */
  if (n == 0)
    return TRUE;
  if (H5Tget_class (type) != H5T_STRING)
    return FALSE;
  if (H5Tis_variable_str (type) > 0)
    return H5Gget_objinfo (object, ".", FALSE, &stat) >= 0
           && cnn_hdf5_variable_strings (file, (guint64) stat.objno[0], name, (gsize) n, strings);
  return read_fixed (file, attribute, type, (hsize_t) n, strings);
}

gboolean
cnn_hdf5_strings (CnnHdf5 *file, const char *path, const char *name, GStrv *strings, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  AUTO_ID object = cnn_hdf5_open_object (file, path);
  gboolean any = FALSE;

  *strings = NULL;
  if (object < 0 && cnn_hdf5_has (file, path))
    {
      if (!cnn_hdf5_set_damaged (file, "is", error))
        g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "\"%s\" is damaged",
                     path[0] != '\0' ? path : "/");
      return FALSE;
    }
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
          g_autofree char *why = cnn_hdf5_reason ();

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
