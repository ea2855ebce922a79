/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the driver has compiled, kept for the next run in the user's cache folder: one file for each
 * device and version of its driver, a SHA-256 of the rest first. Whatever is wrong with the file,
 * all goes on without it. */
#include "private.h"

#include <string.h>

#define SUM 32
#define HEADER 32 /* of Vulkan's data; software drivers have nothing more to keep */
#define MAX_FILE (64 * 1024 * 1024)

static char *
cache_path (const CnnDevice *device)
{
  const VkPhysicalDeviceProperties *properties = &device->properties;
  g_autoptr (GString) name = g_string_new (NULL);

  g_string_append_printf (name, "pipelines-%04x-%04x-%08x-", properties->vendorID,
                          properties->deviceID, properties->driverVersion);
  for (guint i = 0; i < VK_UUID_SIZE; i++)
    g_string_append_printf (name, "%02x", properties->pipelineCacheUUID[i]);
  return g_build_filename (g_get_user_cache_dir (), "convlens", name->str, NULL);
}

static void
find_sum (const char *data, gsize size, guint8 sum[SUM])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = SUM;

  g_checksum_update (checksum, (const guint8 *) data, (gssize) size);
  g_checksum_get_digest (checksum, sum, &length);
}

/* The file's contents where they are sound, else NULL. */
static char *
read_file (const char *path, gsize *size)
{
  g_autofree char *bytes = NULL;
  guint8 sum[SUM];

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR) || !g_file_get_contents (path, &bytes, size, NULL)
      || *size < SUM + HEADER || *size > MAX_FILE)
    return NULL;
  find_sum (bytes + SUM, *size - SUM, sum);
  return memcmp (bytes, sum, SUM) == 0 ? g_steal_pointer (&bytes) : NULL;
}

void
cnn_pipeline_cache_open (CnnDevice *device)
{
  g_autofree char *path = cache_path (device), *bytes = NULL;
  gsize size = 0;
  VkPipelineCacheCreateInfo info = { .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };

  bytes = read_file (path, &size);
  if (bytes != NULL)
    {
      info.initialDataSize = size - SUM;
      info.pInitialData = bytes + SUM;
    }
  if (vkCreatePipelineCache (device->handle, &info, NULL, &device->pipeline_cache) != VK_SUCCESS)
    device->pipeline_cache = VK_NULL_HANDLE;
  device->cached_bytes = info.initialDataSize;
}

/* Two runs at once each put a whole file in its place, the later one's stays. */
static void
save (CnnDevice *device)
{
  g_autofree char *path = cache_path (device), *folder = g_path_get_dirname (path), *bytes = NULL;
  gsize size = 0;

  if (vkGetPipelineCacheData (device->handle, device->pipeline_cache, &size, NULL) != VK_SUCCESS
      || size <= HEADER || size > MAX_FILE - SUM || size == device->cached_bytes)
    return;
  bytes = g_try_malloc (SUM + size);
  if (bytes == NULL
      || vkGetPipelineCacheData (device->handle, device->pipeline_cache, &size, bytes + SUM)
             != VK_SUCCESS)
    return;
  find_sum (bytes + SUM, size, (guint8 *) bytes);
  if (g_mkdir_with_parents (folder, 0700) == 0)
    g_file_set_contents (path, bytes, (gssize) (SUM + size), NULL);
}

void
cnn_pipeline_cache_close (CnnDevice *device)
{
  if (device->pipeline_cache == VK_NULL_HANDLE)
    return;
  save (device);
  vkDestroyPipelineCache (device->handle, device->pipeline_cache, NULL);
}
