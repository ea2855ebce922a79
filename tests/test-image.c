/* SPDX-License-Identifier: GPL-3.0-or-later */

/* core/image against Pillow and matplotlib: see data/image/make.py. One more case is one more
 * row. */

#include "error.h"
#include "image.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

static char *temporary; /* a folder of this run's own */

static char *
golden (const char *name)
{
  const char *root = g_getenv ("CONVLENS_SOURCE_ROOT");

  return g_build_filename (root != NULL ? root : ".", "tests", "data", "image", name, NULL);
}

static CnnArray *
golden_array (const char *format, ...)
{
  g_autoptr (GError) error = NULL;
  va_list list;
  g_autofree char *name = NULL;
  g_autofree char *path = NULL;
  CnnArray *array;

  va_start (list, format);
  name = g_strdup_vprintf (format, list);
  va_end (list);
  path = golden (name);
  array = cnn_npy_load (path, &error);
  g_assert_no_error (error);
  return array;
}

static CnnImage *
image_of (const CnnArray *array)
{
  CnnImage *image =
      cnn_image_new ((int) array->dims[1], (int) array->dims[0], (int) array->dims[2], NULL);

  for (gsize i = 0; i < cnn_array_count (array); i++)
    image->pixels[i] = array->data[i] / 255.0f;
  return image;
}

/* No value is further off than `levels` of 255. */
static void
assert_same (const CnnImage *image, const CnnArray *array, double levels)
{
  g_assert_cmpint (image->height, ==, array->dims[0]);
  g_assert_cmpint (image->width, ==, array->dims[1]);
  g_assert_cmpint (image->channels, ==, array->dims[2]);
  for (gsize i = 0; i < cnn_array_count (array); i++)
    g_assert_cmpfloat_with_epsilon (image->pixels[i] * 255.0, array->data[i], levels + 1e-3);
}

static char *
temporary_file (const char *name, gconstpointer data, gsize size)
{
  char *path = g_build_filename (temporary, name, NULL);

  if (data != NULL)
    g_assert_true (g_file_set_contents (path, data, (gssize) size, NULL));
  return path;
}

/* --- Resizing --- */

typedef struct
{
  const char *source;
  int width, height;
} ResizeRow;

static const ResizeRow resize_rows[] = {
  { "rgb-13x29", 7, 5 },    { "rgb-13x29", 31, 40 }, { "rgb-13x29", 13, 11 },
  { "rgb-13x29", 5, 29 },   { "rgb-13x29", 12, 9 },  { "rgb-13x29", 1, 1 },
  { "gray-37x10", 11, 23 }, { "gray-37x10", 8, 10 }, { "gray-37x10", 74, 3 },
};

static void
test_resize (gconstpointer data)
{
  static const char *const names[] = { "bilinear", "bicubic", "nearest", "area" };
  const ResizeRow *row = data;
  g_autoptr (CnnArray) source = golden_array ("%s.npy", row->source);
  g_autoptr (CnnImage) image = image_of (source);

  for (int kind = 0; kind < 4; kind++)
    {
      g_autoptr (CnnArray) wanted =
          golden_array ("%s-%s-%dx%d.npy", row->source, names[kind], row->width, row->height);
      g_autoptr (CnnImage) resized =
          cnn_image_resize (image, row->width, row->height, (CnnResizeFilter) kind, NULL);

      assert_same (resized, wanted, 0);
    }
}

static void
test_resize_extremes (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnImage) wide = cnn_image_new (20000, 10, 3, NULL);
  g_autoptr (CnnImage) dot = cnn_image_new (1, 1, 1, NULL);

  for (gsize i = 0; i < 20000 * 10 * 3; i++)
    wide->pixels[i] = 0.2f;
  dot->pixels[0] = 0.6f;
  for (int kind = 0; kind < 4; kind++)
    {
      g_autoptr (CnnImage) small = cnn_image_resize (wide, 224, 224, (CnnResizeFilter) kind, NULL);
      g_autoptr (CnnImage) large = cnn_image_resize (dot, 150, 3, (CnnResizeFilter) kind, NULL);

      for (gsize i = 0; i < 224 * 224 * 3; i++)
        g_assert_cmpfloat_with_epsilon (small->pixels[i], 51 / 255.0, 1e-6);
      for (gsize i = 0; i < 150 * 3; i++)
        g_assert_cmpfloat_with_epsilon (large->pixels[i], 153 / 255.0, 1e-6);
    }
  g_assert_null (cnn_image_resize (dot, 0, 3, CNN_RESIZE_NEAREST, &error));
  g_assert_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT);
}

/* What no 8-bit picture can hold comes out as the nearest that can. */
static void
test_resize_odd_values (void)
{
  g_autoptr (CnnImage) image = cnn_image_new (4, 1, 1, NULL);
  const float values[4] = { NAN, -3, 1e30f, 0.5f }, wanted[4] = { 0, 0, 1, 128 / 255.0f };
  g_autoptr (CnnImage) same = NULL;

  memcpy (image->pixels, values, sizeof values);
  same = cnn_image_resize (image, 4, 1, CNN_RESIZE_BICUBIC, NULL);
  for (int i = 0; i < 4; i++)
    g_assert_cmpfloat_with_epsilon (same->pixels[i], wanted[i], 1e-6);
}

static void
test_map_resize (void)
{
  g_autoptr (CnnArray) map = cnn_array_new (2, (gint64[]){ 2, 3 }, "map", NULL);
  const float values[6] = { 0, 1, 0, .5f, .25f, .75f };
  g_autoptr (CnnArray) same = NULL;
  g_autoptr (CnnArray) large = NULL;
  g_autoptr (CnnArray) middle = NULL;

  memcpy (map->data, values, sizeof values);
  same = cnn_map_resize (map, 3, 2, NULL);
  for (int i = 0; i < 6; i++)
    g_assert_cmpfloat_with_epsilon (same->data[i], values[i], 1e-6);

  large = cnn_map_resize (map, 301, 97, NULL);
  g_assert_cmpint (large->dims[0], ==, 97);
  g_assert_cmpint (large->dims[1], ==, 301);
  for (gsize i = 0; i < 97 * 301; i++)
    g_assert_true (large->data[i] >= 0 && large->data[i] <= 1);

  /* Half-way between two rows: (−1, 9, 9, −1) / 16 with the edge repeated is their mean. */
  middle = cnn_map_resize (map, 3, 1, NULL);
  for (int i = 0; i < 3; i++)
    g_assert_cmpfloat_with_epsilon (middle->data[i], (values[i] + values[i + 3]) / 2, 1e-6);
}

/* --- Colours --- */

static void
test_colormaps (void)
{
  static const struct
  {
    CnnColormap colormap;
    int entry;
    float rgb[3];
  } rows[] = {
    { CNN_COLORMAP_JET, 0, { 0, 0, .5f } },
    { CNN_COLORMAP_JET, 1, { 0, 0, .517825f } },
    { CNN_COLORMAP_JET, 40, { 0, .127451f, 1 } },
    { CNN_COLORMAP_JET, 100, { .13599f, 1, .831752f } },
    { CNN_COLORMAP_JET, 200, { 1, .465505f, 0 } },
    { CNN_COLORMAP_JET, 255, { .5f, 0, 0 } },
    { CNN_COLORMAP_VIRIDIS, 0, { .267004f, .004874f, .329415f } },
    { CNN_COLORMAP_VIRIDIS, 127, { .128729f, .563265f, .551229f } },
    { CNN_COLORMAP_VIRIDIS, 255, { .993248f, .906157f, .143936f } },
    { CNN_COLORMAP_INFERNO, 1, { .002267f, .00127f, .01857f } },
    { CNN_COLORMAP_INFERNO, 200, { .985952f, .61575f, .025592f } },
    { CNN_COLORMAP_TURBO, 40, { .27543f, .50115f, .96594f } },
    { CNN_COLORMAP_TURBO, 255, { .4796f, .01583f, .01055f } },
    { CNN_COLORMAP_GRAY, 127, { .498039f, .498039f, .498039f } },
    { CNN_COLORMAP_GRAY, 999, { 1, 1, 1 } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      float rgb[3];

      cnn_colormap_color (rows[i].colormap, rows[i].entry, rgb);
      for (int c = 0; c < 3; c++)
        g_assert_cmpfloat_with_epsilon (rgb[c], rows[i].rgb[c], 1e-6);
    }
}

static void
test_convert (void)
{
  g_autoptr (CnnArray) source = golden_array ("rgb-13x29.npy");
  g_autoptr (CnnArray) wanted = golden_array ("rgb-13x29-gray.npy");
  g_autoptr (CnnImage) image = image_of (source);
  g_autoptr (CnnImage) gray = cnn_image_convert (image, 1, NULL);
  g_autoptr (CnnImage) again = cnn_image_convert (gray, 3, NULL);

  assert_same (gray, wanted, 0);
  g_assert_cmpfloat (again->pixels[5], ==, gray->pixels[1]);
}

static void
test_flatten (void)
{
  const float background[3] = { 1, .5f, 0 };
  const float rgba[8] = { .2f, .4f, .6f, .5f, .1f, .2f, .3f, 0 };
  const float wanted[6] = { .6f, .45f, .3f, 1, .5f, 0 };
  g_autoptr (CnnImage) image = cnn_image_new (2, 1, 4, NULL);
  g_autoptr (CnnImage) gray = cnn_image_new (1, 1, 1, NULL);
  g_autoptr (CnnImage) gray_alpha = cnn_image_new (1, 1, 2, NULL);
  g_autoptr (CnnImage) flat = NULL;
  g_autoptr (CnnImage) flat_gray = NULL;
  g_autoptr (CnnImage) flat_gray_alpha = NULL;

  memcpy (image->pixels, rgba, sizeof rgba);
  flat = cnn_image_flatten (image, background, NULL);
  g_assert_cmpint (flat->channels, ==, 3);
  for (int i = 0; i < 6; i++)
    g_assert_cmpfloat_with_epsilon (flat->pixels[i], wanted[i], 1e-6);

  flat_gray = cnn_image_flatten (gray, background, NULL);
  g_assert_cmpint (flat_gray->channels, ==, 1);
  flat_gray_alpha = cnn_image_flatten (gray_alpha, background, NULL);
  g_assert_cmpint (flat_gray_alpha->channels, ==, 3);
  g_assert_cmpfloat (flat_gray_alpha->pixels[1], ==, .5f);

  {
    g_autoptr (CnnImage) over_white = cnn_image_flatten (gray_alpha, NULL, NULL);

    for (int i = 0; i < 3; i++)
      g_assert_cmpfloat (over_white->pixels[i], ==, 1);
  }
}

/* --- Files --- */

typedef struct
{
  const char *name;
  double levels; /* JPEG decoders may differ by this much */
} FileRow;

static const FileRow file_rows[] = {
  { "png-rgb.png", 0 },        { "png-rgba.png", 0 },
  { "png-gray.png", 0 },       { "png-gray-alpha.png", 0 },
  { "png-1-bit.png", 0 },      { "png-palette.png", 0 },
  { "png-1x1.png", 0 },        { "png-palette-transparent.png", 0 },
  { "png-16-bit.png", 0 },     { "png-rgb-transparent.png", 0 },
  { "png-interlaced.png", 0 }, { "png-gamma.png", 0 },
  { "jpeg-1.jpg", 4 },         { "jpeg-2.jpg", 4 },
  { "jpeg-3.jpg", 4 },         { "jpeg-4.jpg", 4 },
  { "jpeg-5.jpg", 4 },         { "jpeg-6.jpg", 4 },
  { "jpeg-7.jpg", 4 },         { "jpeg-8.jpg", 4 },
  { "jpeg-l.jpg", 4 },         { "jpeg-cmyk.jpg", 4 },
};

static void
test_load (gconstpointer data)
{
  const FileRow *row = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = golden (row->name);
  g_autofree char *stem = g_strndup (row->name, strlen (row->name) - 4);
  g_autoptr (CnnArray) wanted = golden_array ("%s.npy", stem);
  g_autoptr (CnnImage) image = cnn_image_load (path, &error);

  g_assert_no_error (error);
  assert_same (image, wanted, row->levels);
}

/* Cut anywhere, a file is refused with its name in the message, or was whole already. */
static void
test_truncated (gconstpointer data)
{
  const char *name = data;
  g_autofree char *whole_path = golden (name);
  g_autofree char *contents = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (whole_path, &contents, &size, NULL));
  for (gsize n = 0; n + 16 < size; n += 1 + n / 50)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *path = temporary_file (name, contents, n);
      g_autoptr (CnnImage) image = cnn_image_load (path, &error);

      g_assert_null (image);
      g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
      g_assert_nonnull (strstr (error->message, name));
    }
}

/* Bytes turned over at random are read or refused, without harm. */
static void
test_damaged (gconstpointer data)
{
  const char *name = data;
  g_autofree char *whole_path = golden (name);
  g_autofree char *contents = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (7);
  gsize size;

  g_assert_true (g_file_get_contents (whole_path, &contents, &size, NULL));
  for (int i = 0; i < 300; i++)
    {
      g_autofree char *copy = g_memdup2 (contents, size);
      g_autofree char *path = NULL;
      g_autoptr (CnnImage) image = NULL;

      for (int k = 0; k < 1 + i / 60; k++)
        copy[g_rand_int_range (random, 0, (gint32) size)] = (char) g_rand_int (random);
      path = temporary_file (name, copy, size);
      image = cnn_image_load (path, NULL);
    }
}

static void
assert_refused (const char *path, const char *why)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnImage) image = cnn_image_load (path, &error);

  g_assert_null (image);
  g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_nonnull (strstr (error->message, why));
}

static void
test_not_pictures (void)
{
  g_autofree char *bomb = golden ("bomb.png");
  g_autofree char *script = golden ("make.py");
  g_autofree char *empty = temporary_file ("empty", "", 0);
  g_autofree char *missing = temporary_file ("missing.png", NULL, 0);

  assert_refused (bomb, "65535×65535 is larger than");
  assert_refused (script, "neither a PNG nor a JPEG");
  assert_refused (empty, "empty");
  assert_refused (missing, "No such file");
  assert_refused (temporary, "folder");
  if (g_file_test ("/dev/zero", G_FILE_TEST_EXISTS))
    assert_refused ("/dev/zero", "device");
}

static void
test_save (void)
{
  static const int sizes[][2] = { { 1, 1 }, { 7, 5 }, { 20000, 10 } };
  g_autofree char *path = temporary_file ("saved.png", NULL, 0);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (int channels = 1; channels <= 4; channels++)
      {
        g_autoptr (GError) error = NULL;
        g_autoptr (CnnImage) image = cnn_image_new (sizes[i][0], sizes[i][1], channels, NULL);
        g_autoptr (CnnImage) again = NULL;
        gsize count = (gsize) image->width * (gsize) image->height * (gsize) channels;

        for (gsize k = 0; k < count; k++)
          image->pixels[k] = (float) (k * 7 % 256) / 255.0f;
        g_assert_true (cnn_image_save_png (image, path, &error));
        g_assert_no_error (error);
        again = cnn_image_load (path, &error);
        g_assert_no_error (error);
        g_assert_cmpint (again->channels, ==, channels);
        for (gsize k = 0; k < count; k++)
          g_assert_cmpfloat (again->pixels[k], ==, image->pixels[k]);
      }
}

static void
test_save_fails (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnImage) image = cnn_image_new (2, 2, 3, NULL);
  g_autofree char *path = g_build_filename (temporary, "no-such-folder", "x.png", NULL);

  g_assert_false (cnn_image_save_png (image, path, &error));
  g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
  g_assert_nonnull (strstr (error->message, path));
  g_clear_error (&error);

  g_assert_false (cnn_image_save_png (image, temporary, &error));
  g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
  if (g_file_test ("/dev/null", G_FILE_TEST_EXISTS))
    {
      g_assert_true (cnn_image_save_png (image, "/dev/null", NULL));
      g_assert_false (g_file_test ("/dev/null", G_FILE_TEST_IS_REGULAR));
    }
}

/* --- NumPy --- */

static void
test_npy (void)
{
  static const gint64 shapes[][4] = { { 0 }, { 1, 5 }, { 2, 3, 4 }, { 3, 2, 1, 3 }, { 2, 0, 4 } };
  g_autofree char *path = temporary_file ("array.npy", NULL, 0);

  for (gsize i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnArray) array = cnn_array_new ((int) shapes[i][0], shapes[i] + 1, "array", NULL);
      g_autoptr (CnnArray) again = NULL;

      for (gsize k = 0; k < cnn_array_count (array); k++)
        array->data[k] = (float) k / 3;
      g_assert_true (cnn_npy_save (array, path, &error));
      g_assert_no_error (error);
      again = cnn_npy_load (path, &error);
      g_assert_no_error (error);
      g_assert_cmpint (again->rank, ==, array->rank);
      for (int k = 0; k < array->rank; k++)
        g_assert_cmpint (again->dims[k], ==, array->dims[k]);
      for (gsize k = 0; k < cnn_array_count (array); k++)
        g_assert_cmpfloat (again->data[k], ==, array->data[k]);
    }
}

/* A file of these parts; a version of 1. */
static char *
npy_file (const char *header, gconstpointer values, gsize size)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint length = (guint) strlen (header);
  const guint8 start[10] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, length & 0xff, length >> 8 };

  g_byte_array_append (bytes, start, sizeof start);
  g_byte_array_append (bytes, (const guint8 *) header, length);
  g_byte_array_append (bytes, values, (guint) size);
  return temporary_file ("made.npy", bytes->data, bytes->len);
}

static void
test_npy_types (void)
{
  static const guint16 halves[4] = { 0x3c00, 0xc000, 0x0001, 0x7bff };
  static const double doubles[4] = { 1, -2, 5.9604644775390625e-8, 65504 };
  g_autofree char *half_path =
      npy_file ("{'descr': '<f2', 'fortran_order': False, 'shape': (4,), }", halves, 8);
  g_autoptr (CnnArray) half = cnn_npy_load (half_path, NULL);
  g_autofree char *double_path =
      npy_file ("{'shape': ( 2,2 ), 'fortran_order': False, 'descr': '<f8'}\n", doubles, 32);
  g_autoptr (CnnArray) wide = cnn_npy_load (double_path, NULL);

  g_assert_cmpint (wide->rank, ==, 2);
  for (int i = 0; i < 4; i++)
    {
      g_assert_cmpfloat (half->data[i], ==, (float) doubles[i]);
      g_assert_cmpfloat (wide->data[i], ==, (float) doubles[i]);
    }
}

static void
test_npy_bad (void)
{
  static const struct
  {
    const char *header, *why;
  } rows[] = {
    { "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", "type is <i4" },
    { "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", "type is >f4" },
    { "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "type is |O" },
    { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "one plain type" },
    { "{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", "Fortran" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }", "truncated" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999), }",
      "truncated" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "shape" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (2", "shape" },
    { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1), }", "shape" },
    { "{'descr': '<f4", "shape" },
    { "", "one plain type" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      const float values[2] = { 1, 2 };
      g_autofree char *path = npy_file (rows[i].header, values, sizeof values);
      g_autoptr (CnnArray) array = cnn_npy_load (path, &error);

      g_assert_null (array);
      g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
      g_assert_nonnull (strstr (error->message, rows[i].why));
      g_assert_nonnull (strstr (error->message, path));
    }
}

static void
test_npy_not_one (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = golden ("png-rgb.png");
  g_autoptr (CnnArray) array = cnn_npy_load (path, &error);

  g_assert_null (array);
  g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
}

static void
remove_temporary (void)
{
  g_autoptr (GDir) folder = g_dir_open (temporary, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *path = g_build_filename (temporary, name, NULL);

      g_remove (path);
    }
  g_rmdir (temporary);
  g_free (temporary);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  temporary = g_dir_make_tmp ("convlens-image-XXXXXX", NULL);
  g_assert_nonnull (temporary);

  for (gsize i = 0; i < G_N_ELEMENTS (resize_rows); i++)
    {
      g_autofree char *name = g_strdup_printf ("/image/resize/%s-to-%dx%d", resize_rows[i].source,
                                               resize_rows[i].width, resize_rows[i].height);
      g_test_add_data_func (name, &resize_rows[i], test_resize);
    }
  g_test_add_func ("/image/resize/extremes", test_resize_extremes);
  g_test_add_func ("/image/resize/odd-values", test_resize_odd_values);
  g_test_add_func ("/image/map-resize", test_map_resize);
  g_test_add_func ("/image/colormaps", test_colormaps);
  g_test_add_func ("/image/convert", test_convert);
  g_test_add_func ("/image/flatten", test_flatten);
  for (gsize i = 0; i < G_N_ELEMENTS (file_rows); i++)
    {
      g_autofree char *name = g_strdup_printf ("/image/load/%s", file_rows[i].name);
      g_test_add_data_func (name, &file_rows[i], test_load);
    }
  g_test_add_data_func ("/image/truncated/png", "png-rgb.png", test_truncated);
  g_test_add_data_func ("/image/truncated/interlaced", "png-interlaced.png", test_truncated);
  g_test_add_data_func ("/image/truncated/jpeg", "jpeg-6.jpg", test_truncated);
  g_test_add_data_func ("/image/damaged/png", "png-palette-transparent.png", test_damaged);
  g_test_add_data_func ("/image/damaged/jpeg", "jpeg-6.jpg", test_damaged);
  g_test_add_data_func ("/image/damaged/progressive-jpeg", "jpeg-l.jpg", test_damaged);
  g_test_add_func ("/image/not-pictures", test_not_pictures);
  g_test_add_func ("/image/save", test_save);
  g_test_add_func ("/image/save-fails", test_save_fails);
  g_test_add_func ("/npy/round-trip", test_npy);
  g_test_add_func ("/npy/types", test_npy_types);
  g_test_add_func ("/npy/bad", test_npy_bad);
  g_test_add_func ("/npy/not-one", test_npy_not_one);

  result = g_test_run ();
  remove_temporary ();
  return result;
}
