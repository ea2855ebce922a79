/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mesa's software driver takes vectors of 256 bits unless LP_NATIVE_VECTOR_WIDTH asks for 512,
 * which is faster on processors with AVX-512; but some versions of it compute wrongly or crash
 * then. So they are used only where our own layer tests have all passed with them: on this driver,
 * this processor and these kernels, which a file in the user's cache folder tells. Where there is
 * none yet, a run ends with starting those tests, in a process of their own: it writes that all is
 * right over the "wrong" that stands there from the beginning, so whatever becomes of it, a crash
 * or an end before its time, never passes for right.
 *
 * The driver reads its width when the first instance is looked at, and goes out of memory with the
 * last one. So the driver can be known first, and be loaded once more for what is known of it. */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE "LP_NATIVE_VECTOR_WIDTH"
#define WIDE "512"
#define WIDE_LANES "16"
#define USUAL "256" /* what the driver takes by itself where it could take more */

/* Put into the environment once and then changed in place: other threads may be reading it. */
static char setting[] = VARIABLE "=" USUAL;

static gboolean
processor_is_wide (void)
{
#if defined __x86_64__
  if (__builtin_cpu_supports ("avx512f"))
    return TRUE;
#endif
  return (cnn_debug_flags () & CNN_DEBUG_WIDE) != 0;
}

static gboolean
user_decided (void)
{
  const char *value = g_getenv (VARIABLE);

  return value != NULL && value != setting + strlen (VARIABLE "=");
}

gboolean
cnn_wide_check (GError **error)
{
  static const char *const widths[] = { "128", USUAL, WIDE, NULL };
  const char *value = g_getenv (VARIABLE);

  if (value == NULL || g_strv_contains (widths, value))
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
               "the environment's " VARIABLE " is \"%s\", and Mesa's software driver takes 128, "
               "256 or 512; unset it, or give it one of these",
               value);
  return FALSE;
}

/* What the kernel says of the first processor: its name and all that it can do. */
static void
add_processor (GChecksum *sum)
{
  g_autofree char *text = NULL;
  char *end;

  if (!g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL))
    return;
  end = strstr (text, "\n\n");
  if (end != NULL)
    *end = '\0';
  for (char *line = strtok_r (text, "\n", &end); line != NULL; line = strtok_r (NULL, "\n", &end))
    if (g_str_has_prefix (line, "model") || g_str_has_prefix (line, "flags"))
      g_checksum_update (sum, (const guchar *) line, -1);
}

char *
cnn_wide_verdict_path (VkPhysicalDevice physical)
{
  VkPhysicalDeviceDriverProperties driver = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &driver,
  };
  g_autoptr (GChecksum) sum = NULL;
  g_autofree char *name = NULL;

  /* Under the validation layer, which tests run with, nothing may depend on what ran before. */
  if ((cnn_debug_flags () & CNN_DEBUG_VALIDATE) || user_decided () || !processor_is_wide ())
    return NULL;
  vkGetPhysicalDeviceProperties2 (physical, &properties);
  if (driver.driverID != VK_DRIVER_ID_MESA_LLVMPIPE)
    return NULL;

  sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_checksum_update (sum, (const guchar *) driver.driverName, -1);
  g_checksum_update (sum, (const guchar *) driver.driverInfo, -1);
  g_checksum_update (sum, properties.properties.pipelineCacheUUID, VK_UUID_SIZE);
  add_processor (sum);
  for (const CnnKernelCode *code = cnn_kernel_codes; code->stem != NULL; code++)
    for (int i = 0; i < CNN_N_READS; i++)
      g_checksum_update (sum, (const guchar *) code->spirv[i].words, (gssize) code->spirv[i].bytes);
  name = g_strconcat ("wide-", g_checksum_get_string (sum), NULL);
  return g_build_filename (g_get_user_cache_dir (), "convlens", name, NULL);
}

gboolean
cnn_wide_is_right (const char *verdict_path)
{
  g_autofree char *verdict = NULL;

  return verdict_path != NULL && g_file_get_contents (verdict_path, &verdict, NULL, NULL)
         && strcmp (verdict, CNN_WIDE_RIGHT) == 0;
}

void
cnn_wide_set (gboolean wide)
{
  memcpy (setting + strlen (VARIABLE "="), wide ? WIDE : USUAL, strlen (WIDE));
  if (g_getenv (VARIABLE) == NULL)
    putenv (setting);
}

/* Makes the file with "wrong" in it; FALSE where there is a verdict already, or no place for one.
 */
static gboolean
begin_verdict (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int file = g_mkdir_with_parents (folder, 0700) == 0
                 ? g_open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
                 : -1;
  gboolean good;

  if (file < 0)
    return FALSE;
  good = write (file, CNN_WIDE_WRONG, strlen (CNN_WIDE_WRONG)) == (gssize) strlen (CNN_WIDE_WRONG);
  close (file);
  if (!good)
    g_unlink (path);
  return good;
}

void
cnn_wide_find_out (const CnnDevice *device)
{
  const char *path = device->wide_verdict, *program = g_getenv ("CONVLENS_SELF_TEST");
  char *arguments[] = { (char *) (program != NULL ? program : CONVLENS_SELF_TEST), NULL };
  g_autofree char *index = g_strdup_printf ("%d", device->index);
  g_auto (GStrv) environment = NULL;

  if (path == NULL || access (arguments[0], X_OK) != 0 || !begin_verdict (path))
    return;
  environment = g_environ_setenv (g_get_environ (), VARIABLE, WIDE, TRUE);
  environment = g_environ_setenv (environment, "CONVLENS_TEST_LANES", WIDE_LANES, TRUE);
  environment = g_environ_setenv (environment, "CONVLENS_TEST_VERDICT", path, TRUE);
  environment = g_environ_setenv (environment, "CONVLENS_DEVICE", index, TRUE);
  environment = g_environ_unsetenv (environment, "CONVLENS_DEBUG");
  if (!g_spawn_async ("/", arguments, environment,
                      G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                      NULL))
    g_unlink (path);
}
