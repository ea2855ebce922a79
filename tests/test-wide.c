/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wide vectors on the software driver: with which versions of it, and what a user or the validation
 * layer has to say. Nothing is computed here; that the layers are right so is tests/layers' part.
 */
#include "gpu.h"
#include "wide.h"

#include <string.h>

#define WIDTH "LP_NATIVE_VECTOR_WIDTH"

typedef struct
{
  const char *info;
  gboolean right;
} Version;

static const Version versions[] = {
  { "Mesa 22.3.6 (LLVM 15.0.6)", TRUE },    /* Debian 12 */
  { "Mesa 22.3.10 (LLVM 15.0.7)", TRUE },   /* a later mend of both */
  { "Mesa 22.3.6 (LLVM 14.0.6)", FALSE },   /* another compiler */
  { "Mesa 22.2.6 (LLVM 15.0.6)", FALSE },   /* another driver */
  { "Mesa 22.30.6 (LLVM 15.0.6)", FALSE },  /* not what it begins like */
  { "Mesa 25.0.7-2 (LLVM 19.1.7)", FALSE }, /* Debian 13, known to be wrong */
  { "Mesa 99.0.0 (LLVM 99.1.0)", FALSE },   /* never tested */
  { "Mesa", FALSE },
};

static void
test_version (gconstpointer data)
{
  const Version *row = data;

  g_assert_cmpint (cnn_wide_is_right (row->info), ==, row->right);
}

/* A setting, and the lanes that a device has then; 0: those of the driver's versions. */
typedef struct
{
  const char *name, *debug, *width;
  guint lanes;
} Setting;

static const Setting settings[] = {
  { "by-version", "wide", NULL, 0 },
  { "again", "wide", NULL, 0 }, /* the variable is in the environment by now, and our own */
  { "user-128", "wide", "128", 4 },
  { "user-256", "wide", "256", 8 },
  { "user-512", "wide", "512", 16 },
  { "validate", "wide,validate", NULL, 8 },
};

/* "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)" without its first word. */
static char *
find_info (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) devices = cnn_devices_list (&error);

  g_assert_no_error (error);
  for (guint i = 0; i < devices->len; i++)
    {
      const CnnDeviceInfo *device = devices->pdata[i];

      if (g_str_has_prefix (device->driver, "llvmpipe "))
        return g_strdup (device->driver + strlen ("llvmpipe "));
    }
  g_assert_not_reached ();
}

static void
test_setting (gconstpointer data)
{
  const Setting *row = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnDevice) device = NULL;
  g_autofree char *info = find_info ();
  const guint lanes = row->lanes != 0 ? row->lanes : cnn_wide_is_right (info) ? 16 : 8;

  g_setenv ("CONVLENS_DEBUG", row->debug, TRUE);
  if (row->width != NULL)
    g_setenv (WIDTH, row->width, TRUE);
  device = cnn_device_open ("llvmpipe", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cnn_device_subgroup_size (device), ==, lanes);
  if (row->width != NULL)
    {
      g_assert_cmpstr (g_getenv (WIDTH), ==, row->width);
      g_unsetenv (WIDTH);
    }
  else /* what else the process loads is left as it is */
    g_assert_cmpstr (g_getenv (WIDTH), !=, "512");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  g_setenv ("CONVLENS_DEBUG", "wide", TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autofree char *path = g_strdup_printf ("/wide/version/%s", versions[i].info);

      g_test_add_data_func (path, &versions[i], test_version);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      g_autofree char *path = g_strdup_printf ("/wide/setting/%s", settings[i].name);

      g_test_add_data_func (path, &settings[i], test_setting);
    }
  return g_test_run ();
}
