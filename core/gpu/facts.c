/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "private.h"

#include <string.h>

static void add (GString *text, const char *name, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
add (GString *text, const char *name, const char *format, ...)
{
  va_list arguments;

  g_string_append_printf (text, "%s: ", name);
  va_start (arguments, format);
  g_string_append_vprintf (text, format, arguments);
  va_end (arguments);
  g_string_append_c (text, '\n');
}

/* The names of the flags that are set, in one line. */
static void
add_flags (GString *text, const char *name, guint64 flags, const GDebugKey *keys, guint n)
{
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    if (flags & keys[i].value)
      g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", keys[i].key);
  add (text, name, "%s", names->len > 0 ? names->str : "none");
}

static void
add_driver (GString *text, const CnnDevice *device)
{
  const VkPhysicalDeviceProperties *own = &device->properties;
  VkPhysicalDeviceDriverProperties driver = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &driver,
  };

  vkGetPhysicalDeviceProperties2 (device->physical, &properties);
  add (text, "device", "%d %s", device->index, device->name);
  add (text, "type", "%s", cnn_device_type_name (own->deviceType));
  add (text, "vendor and device", "%04x %04x", own->vendorID, own->deviceID);
  add (text, "driver", "%s %s", driver.driverName, driver.driverInfo);
  add (text, "Vulkan", "%u.%u.%u", VK_API_VERSION_MAJOR (own->apiVersion),
       VK_API_VERSION_MINOR (own->apiVersion), VK_API_VERSION_PATCH (own->apiVersion));
}

static void
add_subgroups (GString *text, const CnnDevice *device)
{
  static const GDebugKey operations[] = {
    { "basic", VK_SUBGROUP_FEATURE_BASIC_BIT },
    { "vote", VK_SUBGROUP_FEATURE_VOTE_BIT },
    { "arithmetic", VK_SUBGROUP_FEATURE_ARITHMETIC_BIT },
    { "ballot", VK_SUBGROUP_FEATURE_BALLOT_BIT },
    { "shuffle", VK_SUBGROUP_FEATURE_SHUFFLE_BIT },
    { "shuffle relative", VK_SUBGROUP_FEATURE_SHUFFLE_RELATIVE_BIT },
    { "clustered", VK_SUBGROUP_FEATURE_CLUSTERED_BIT },
    { "quad", VK_SUBGROUP_FEATURE_QUAD_BIT },
  };
  VkPhysicalDeviceSubgroupSizeControlPropertiesEXT sizes = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT,
  };
  VkPhysicalDeviceSubgroupProperties subgroup = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
    .pNext = device->pins_subgroup_size ? &sizes : NULL,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &subgroup,
  };

  vkGetPhysicalDeviceProperties2 (device->physical, &properties);
  add (text, "subgroup size", "%u", device->subgroup_size);
  if (device->pins_subgroup_size)
    add (text, "subgroup sizes that can be required", "%u to %u, in compute shaders: %s",
         sizes.minSubgroupSize, sizes.maxSubgroupSize,
         sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT ? "yes" : "no");
  add_flags (text, "subgroup operations", subgroup.supportedOperations, operations,
             G_N_ELEMENTS (operations));
}

static void
add_limits (GString *text, const CnnDevice *device)
{
  const VkPhysicalDeviceLimits *limits = &device->properties.limits;
  VkPhysicalDeviceMaintenance3Properties allocation = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &allocation,
  };

  vkGetPhysicalDeviceProperties2 (device->physical, &properties);
  add (text, "workgroup", "%u invocations, %u×%u×%u", limits->maxComputeWorkGroupInvocations,
       limits->maxComputeWorkGroupSize[0], limits->maxComputeWorkGroupSize[1],
       limits->maxComputeWorkGroupSize[2]);
  add (text, "workgroups", "%u×%u×%u", limits->maxComputeWorkGroupCount[0],
       limits->maxComputeWorkGroupCount[1], limits->maxComputeWorkGroupCount[2]);
  add (text, "shared memory", "%u bytes", limits->maxComputeSharedMemorySize);
  add (text, "push constants", "%u bytes", limits->maxPushConstantsSize);
  add (text, "storage buffer", "%u bytes, aligned to %" G_GUINT64_FORMAT,
       limits->maxStorageBufferRange, (guint64) limits->minStorageBufferOffsetAlignment);
  add (text, "texel buffer", "%u elements, aligned to %" G_GUINT64_FORMAT,
       limits->maxTexelBufferElements, (guint64) limits->minTexelBufferOffsetAlignment);
  add (text, "allocation", "%" G_GUINT64_FORMAT " bytes, %u of them",
       (guint64) allocation.maxMemoryAllocationSize, limits->maxMemoryAllocationCount);
  add (text, "bindings of a stage", "%u storage buffers, %u texel buffers",
       limits->maxPerStageDescriptorStorageBuffers, limits->maxPerStageDescriptorStorageImages);
}

static void
add_memory (GString *text, const CnnDevice *device)
{
  static const GDebugKey flags[] = {
    { "device-local", VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT },
    { "host-visible", VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT },
    { "coherent", VK_MEMORY_PROPERTY_HOST_COHERENT_BIT },
    { "cached", VK_MEMORY_PROPERTY_HOST_CACHED_BIT },
    { "lazily allocated", VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT },
    { "protected", VK_MEMORY_PROPERTY_PROTECTED_BIT },
  };
  const gboolean has_budget =
      cnn_has_extension (device->physical, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT,
  };
  VkPhysicalDeviceMemoryProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
    .pNext = has_budget ? &budget : NULL,
  };
  const VkPhysicalDeviceMemoryProperties *memory = &properties.memoryProperties;

  vkGetPhysicalDeviceMemoryProperties2 (device->physical, &properties);
  for (guint32 i = 0; i < memory->memoryHeapCount; i++)
    {
      g_autofree char *name = g_strdup_printf ("heap %u", i);
      g_autofree char *size =
          g_format_size_full (memory->memoryHeaps[i].size, G_FORMAT_SIZE_IEC_UNITS);
      g_autofree char *left = g_format_size_full (budget.heapBudget[i], G_FORMAT_SIZE_IEC_UNITS);

      add (text, name, "%s%s, budget %s", size,
           memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT ? ", device-local" : "",
           has_budget ? left : "unknown");
    }
  for (guint32 i = 0; i < memory->memoryTypeCount; i++)
    {
      g_autofree char *name =
          g_strdup_printf ("memory type %u, heap %u", i, memory->memoryTypes[i].heapIndex);

      add_flags (text, name, memory->memoryTypes[i].propertyFlags, flags, G_N_ELEMENTS (flags));
    }
}

static void
add_queues (GString *text, const CnnDevice *device)
{
  static const GDebugKey flags[] = {
    { "graphics", VK_QUEUE_GRAPHICS_BIT },
    { "compute", VK_QUEUE_COMPUTE_BIT },
    { "transfer", VK_QUEUE_TRANSFER_BIT },
  };
  VkQueueFamilyProperties families[16];
  guint32 n = G_N_ELEMENTS (families);

  vkGetPhysicalDeviceQueueFamilyProperties (device->physical, &n, families);
  for (guint32 i = 0; i < n; i++)
    {
      g_autofree char *name = g_strdup_printf (
          "queue family %u, %u queues, timestamps of %u bits%s", i, families[i].queueCount,
          families[i].timestampValidBits, i == device->queue_family ? ", used" : "");

      add_flags (text, name, families[i].queueFlags, flags, G_N_ELEMENTS (flags));
    }
  add (text, "timestamps' unit", "%g ns", (double) device->properties.limits.timestampPeriod);
}

/* Arithmetic that kernels do not use yet, and ways of telling what a kernel costs. */
static void
add_extensions (GString *text, const CnnDevice *device)
{
  static const char *const names[] = {
    "VK_KHR_shader_float16_int8",
    "VK_KHR_16bit_storage",
    "VK_KHR_cooperative_matrix",
    "VK_NV_cooperative_matrix",
    "VK_KHR_push_descriptor",
    "VK_KHR_buffer_device_address",
    "VK_KHR_timeline_semaphore",
    "VK_EXT_external_memory_host",
    "VK_EXT_memory_budget",
    "VK_EXT_pipeline_creation_feedback",
    "VK_KHR_pipeline_executable_properties",
  };
  g_autoptr (GString) has = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (cnn_has_extension (device->physical, names[i]))
      g_string_append_printf (has, "%s%s", has->len > 0 ? ", " : "", names[i] + strlen ("VK_"));
  add (text, "extensions", "%s", has->len > 0 ? has->str : "none of those asked for");
}

char *
cnn_device_facts (const CnnDevice *device)
{
  GString *text = g_string_new (NULL);

  add_driver (text, device);
  add_subgroups (text, device);
  add_limits (text, device);
  add_memory (text, device);
  add_queues (text, device);
  add_extensions (text, device);
  add (text, "kernels read", "%s",
       device->reads == CNN_READS_STORAGE ? "storage buffers" : "texel buffers");
  add (text, "buffers", "%s, bindings aligned to %" G_GSIZE_FORMAT,
       device->maps ? "mapped" : "in device memory, with staging", device->alignment);
  return g_string_free (text, FALSE);
}
