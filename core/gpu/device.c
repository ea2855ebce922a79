/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "private.h"
#include "tuning.h"
#include "wide.h"

#include <string.h>

gboolean
cnn_vk_check (VkResult result, const char *call, GError **error)
{
  if (result == VK_SUCCESS)
    return TRUE;
  if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
    g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE, "the device is out of memory (%s)", call);
  else if (result == VK_ERROR_DEVICE_LOST)
    g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
                 "the device stopped answering (%s); try another one with CONVLENS_DEVICE", call);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE, "%s failed with VkResult %d", call, result);
  return FALSE;
}

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_validation_message (VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                       VkDebugUtilsMessageTypeFlagsEXT types,
                       const VkDebugUtilsMessengerCallbackDataEXT *message, void *data)
{
  CnnDevice *device = data;

  (void) severity;
  (void) types;
  g_atomic_int_inc (&device->validation_messages);
  g_warning ("Vulkan validation: %s", message->pMessage);
  return VK_FALSE;
}

static gboolean
has_layer (const char *name)
{
  guint32 n = 0;
  g_autofree VkLayerProperties *layers = NULL;

  vkEnumerateInstanceLayerProperties (&n, NULL);
  layers = g_new0 (VkLayerProperties, MAX (n, 1));
  vkEnumerateInstanceLayerProperties (&n, layers);
  for (guint32 i = 0; i < n; i++)
    if (strcmp (layers[i].layerName, name) == 0)
      return TRUE;
  return FALSE;
}

static VkInstance
make_instance (CnnDebug debug, GError **error)
{
  static const char *const layers[] = { "VK_LAYER_KHRONOS_validation" };
  static const char *const extensions[] = { VK_EXT_DEBUG_UTILS_EXTENSION_NAME };
  VkApplicationInfo application = {
    .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
    .pApplicationName = "Convlens",
    .apiVersion = VK_API_VERSION_1_1,
  };
  VkInstanceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
    .pApplicationInfo = &application,
  };
  VkInstance instance;
  VkResult result;

  if (!cnn_gpu_prepare (error))
    return VK_NULL_HANDLE;
  if (debug & CNN_DEBUG_VALIDATE)
    {
      if (!has_layer (layers[0]))
        {
          g_set_error_literal (error, CNN_ERROR, CNN_ERROR_DEVICE,
                               "CONVLENS_DEBUG=validate needs the Vulkan validation layer "
                               "(package vulkan-validationlayers)");
          return VK_NULL_HANDLE;
        }
      info.enabledLayerCount = G_N_ELEMENTS (layers);
      info.ppEnabledLayerNames = layers;
    }
  if (debug & (CNN_DEBUG_VALIDATE | CNN_DEBUG_LABELS))
    {
      info.enabledExtensionCount = G_N_ELEMENTS (extensions);
      info.ppEnabledExtensionNames = extensions;
    }

  result = vkCreateInstance (&info, NULL, &instance);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    cnn_driver_set_missing (error);
  else if (cnn_vk_check (result, "vkCreateInstance", error))
    return instance;
  return VK_NULL_HANDLE;
}

/* The queue family to compute on, or -1. */
static int
find_queue_family (VkPhysicalDevice physical)
{
  VkQueueFamilyProperties families[16];
  guint32 n = G_N_ELEMENTS (families);

  vkGetPhysicalDeviceQueueFamilyProperties (physical, &n, families);
  for (guint32 i = 0; i < n; i++)
    if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT)
      return (int) i;
  return -1;
}

const char *
cnn_device_type_name (VkPhysicalDeviceType type)
{
  switch (type)
    {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "software";
    default:
      return "other";
    }
}

static int
type_rank (VkPhysicalDeviceType type)
{
  static const VkPhysicalDeviceType best_first[] = { VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU,
                                                     VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU,
                                                     VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU,
                                                     VK_PHYSICAL_DEVICE_TYPE_OTHER };

  for (guint i = 0; i < G_N_ELEMENTS (best_first); i++)
    if (best_first[i] == type)
      return (int) i;
  return G_N_ELEMENTS (best_first);
}

typedef struct
{
  VkPhysicalDevice physical;
  int index, rank;
} FoundDevice;

static int
compare_candidates (gconstpointer a, gconstpointer b)
{
  const FoundDevice *x = a, *y = b;

  return x->rank != y->rank ? x->rank - y->rank : x->index - y->index;
}

/* Devices of Vulkan 1.1 that compute, best first. Transfer full: GArray of FoundDevice. */
static GArray *
find_candidates (VkInstance instance)
{
  GArray *found = g_array_new (FALSE, TRUE, sizeof (FoundDevice));
  VkPhysicalDevice physicals[32];
  guint32 n = G_N_ELEMENTS (physicals);

  if (vkEnumeratePhysicalDevices (instance, &n, physicals) < 0)
    n = 0;
  for (guint32 i = 0; i < n; i++)
    {
      VkPhysicalDeviceProperties properties;
      FoundDevice candidate = { physicals[i], (int) i, 0 };

      vkGetPhysicalDeviceProperties (physicals[i], &properties);
      if (properties.apiVersion < VK_API_VERSION_1_1 || find_queue_family (physicals[i]) < 0)
        continue;
      candidate.rank = type_rank (properties.deviceType);
      g_array_append_val (found, candidate);
    }
  g_array_sort (found, compare_candidates);
  return found;
}

static guint64
device_memory (VkPhysicalDevice physical)
{
  VkPhysicalDeviceMemoryProperties memory;
  guint64 most = 0;

  vkGetPhysicalDeviceMemoryProperties (physical, &memory);
  for (guint32 i = 0; i < memory.memoryHeapCount; i++)
    if (memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
      most = MAX (most, memory.memoryHeaps[i].size);
  return most;
}

static CnnDeviceInfo *
describe (const FoundDevice *candidate)
{
  VkPhysicalDeviceDriverProperties driver = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &driver,
  };
  CnnDeviceInfo *info = g_new0 (CnnDeviceInfo, 1);

  vkGetPhysicalDeviceProperties2 (candidate->physical, &properties);
  info->index = candidate->index;
  info->name = g_strdup (properties.properties.deviceName);
  info->type = g_strdup (cnn_device_type_name (properties.properties.deviceType));
  info->driver = g_strstrip (g_strdup_printf ("%s %s", driver.driverName, driver.driverInfo));
  info->memory = device_memory (candidate->physical);
  return info;
}

void
cnn_device_info_free (CnnDeviceInfo *info)
{
  if (info == NULL)
    return;
  g_free (info->name);
  g_free (info->type);
  g_free (info->driver);
  g_free (info);
}

GPtrArray *
cnn_devices_list (GError **error)
{
  VkInstance instance = make_instance (0, error);
  g_autoptr (GArray) found = NULL;
  GPtrArray *infos;

  if (instance == VK_NULL_HANDLE)
    return NULL;
  found = find_candidates (instance);
  infos = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_device_info_free);
  for (guint i = 0; i < found->len; i++)
    g_ptr_array_add (infos, describe (&g_array_index (found, FoundDevice, i)));
  vkDestroyInstance (instance, NULL);
  return infos;
}

/* The candidate that `choice` means; NULL and an error that lists what there is. */
static const FoundDevice *
choose (GArray *found, const char *choice, GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);
  gint64 index = -1;

  if (found->len == 0)
    {
      cnn_driver_set_missing (error);
      return NULL;
    }
  if (g_ascii_strcasecmp (choice, "auto") == 0)
    return &g_array_index (found, FoundDevice, 0);

  if (!g_ascii_string_to_signed (choice, 10, 0, G_MAXINT, &index, NULL))
    index = -1;
  for (guint i = 0; i < found->len; i++)
    {
      const FoundDevice *candidate = &g_array_index (found, FoundDevice, i);
      VkPhysicalDeviceProperties properties;
      g_autofree char *name = NULL;
      g_autofree char *part = g_utf8_casefold (choice, -1);

      vkGetPhysicalDeviceProperties (candidate->physical, &properties);
      name = g_utf8_casefold (properties.deviceName, -1);
      if (index >= 0 ? index == candidate->index : strstr (name, part) != NULL)
        return candidate;
      g_string_append_printf (names, "%s%d: %s", i > 0 ? ", " : "", candidate->index,
                              properties.deviceName);
    }
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "no Vulkan device is called “%s”; there is %s",
               choice, names->str);
  return NULL;
}

/* Where buffers lie. Mapped throughout where the largest device heap is ordinary cached memory
 * (software driver, integrated GPUs); else device memory with staging. */
static gboolean
choose_memory (CnnDevice *self, GError **error)
{
  const VkMemoryPropertyFlags shared =
      VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
      | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  const VkMemoryPropertyFlags staging =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  guint64 largest = device_memory (self->physical);
  VkPhysicalDeviceMemoryProperties memory;
  int device_type = -1, shared_type = -1, staging_type = -1;

  vkGetPhysicalDeviceMemoryProperties (self->physical, &memory);
  for (guint32 i = 0; i < memory.memoryTypeCount; i++)
    {
      VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
      gboolean in_largest = memory.memoryHeaps[memory.memoryTypes[i].heapIndex].size == largest;

      if (device_type < 0 && in_largest && (flags & VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT))
        device_type = (int) i;
      if (shared_type < 0 && in_largest && (flags & shared) == shared)
        shared_type = (int) i;
      if ((flags & staging) == staging
          && (staging_type < 0 || (flags & VK_MEMORY_PROPERTY_HOST_CACHED_BIT)))
        staging_type = (int) i;
    }
  if (device_type < 0 || staging_type < 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE, "%s has no memory for buffers", self->name);
      return FALSE;
    }
  self->maps = shared_type >= 0 && !(cnn_debug_flags () & CNN_DEBUG_STAGING);
  self->device_type_index = self->maps ? shared_type : device_type;
  self->staging_type_index = staging_type;
  return TRUE;
}

gboolean
cnn_has_extension (VkPhysicalDevice physical, const char *name)
{
  guint32 n = 0;
  g_autofree VkExtensionProperties *extensions = NULL;

  vkEnumerateDeviceExtensionProperties (physical, NULL, &n, NULL);
  extensions = g_new0 (VkExtensionProperties, MAX (n, 1));
  vkEnumerateDeviceExtensionProperties (physical, NULL, &n, extensions);
  for (guint32 i = 0; i < n; i++)
    if (strcmp (extensions[i].extensionName, name) == 0)
      return TRUE;
  return FALSE;
}

/* The most that one texel buffer holds. */
static gsize
texel_bytes (const CnnDevice *self)
{
  return (gsize) self->properties.limits.maxTexelBufferElements * 4 * sizeof (float);
}

/* As is best for its kind, unless few texels fit into a buffer. */
static CnnReads
choose_reads (const CnnDevice *self)
{
  return cnn_device_tuning (self, FALSE)->reads_storage
                 || texel_bytes (self) < self->properties.limits.maxStorageBufferRange
                 || (cnn_debug_flags () & CNN_DEBUG_STORAGE)
             ? CNN_READS_STORAGE
             : CNN_READS_TEXELS;
}

static gboolean
open_logical_device (CnnDevice *self, GError **error)
{
  static const char *const extensions[] = { VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME };
  VkPhysicalDeviceSubgroupProperties subgroup = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &subgroup,
  };
  VkPhysicalDeviceSubgroupSizeControlFeaturesEXT size_control = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT,
  };
  VkPhysicalDeviceFeatures2 features = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
    .pNext = &size_control,
  };
  const float priority = 1.f;
  VkDeviceQueueCreateInfo queue = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
    .queueCount = 1,
    .pQueuePriorities = &priority,
  };
  VkDeviceCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
    .queueCreateInfoCount = 1,
    .pQueueCreateInfos = &queue,
  };
  const VkSubgroupFeatureFlags needed =
      VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;

  vkGetPhysicalDeviceProperties2 (self->physical, &properties);
  self->properties = properties.properties;
  self->name = g_strdup (self->properties.deviceName);
  self->subgroup_size = subgroup.subgroupSize;
  if ((subgroup.supportedOperations & needed) != needed
      || !(subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
                   "%s cannot shuffle within subgroups, which Convlens needs; choose another "
                   "device with CONVLENS_DEVICE",
                   self->name);
      return FALSE;
    }

  self->reads = choose_reads (self);
  self->alignment = MAX (MAX (self->properties.limits.minStorageBufferOffsetAlignment,
                              self->properties.limits.minTexelBufferOffsetAlignment),
                         64);
  self->queue_family = (guint) find_queue_family (self->physical);
  queue.queueFamilyIndex = self->queue_family;

  if (cnn_has_extension (self->physical, extensions[0]))
    {
      vkGetPhysicalDeviceFeatures2 (self->physical, &features);
      size_control.pNext = NULL;
      if (size_control.subgroupSizeControl)
        {
          size_control.computeFullSubgroups = VK_FALSE;
          self->pins_subgroup_size = TRUE;
          info.pNext = &size_control;
          info.enabledExtensionCount = G_N_ELEMENTS (extensions);
          info.ppEnabledExtensionNames = extensions;
        }
    }
  if (!choose_memory (self, error)
      || !VK_CALL (error, vkCreateDevice, self->physical, &info, NULL, &self->handle))
    return FALSE;
  vkGetDeviceQueue (self->handle, self->queue_family, 0, &self->queue);
  return VK_CALL (error, vkCreateCommandPool, self->handle,
                  (&(VkCommandPoolCreateInfo){
                      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                      .queueFamilyIndex = self->queue_family,
                  }),
                  NULL, &self->command_pool);
}

static void
set_up_debugging (CnnDevice *self, CnnDebug debug)
{
#define LOAD(name) ((PFN_##name) (void (*) (void)) vkGetInstanceProcAddr (self->instance, #name))
  if (debug & CNN_DEBUG_VALIDATE)
    {
      PFN_vkCreateDebugUtilsMessengerEXT create = LOAD (vkCreateDebugUtilsMessengerEXT);
      VkDebugUtilsMessengerCreateInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT
                           | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT
                       | VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
        .pfnUserCallback = on_validation_message,
        .pUserData = self,
      };

      create (self->instance, &info, NULL, &self->messenger);
    }
  if (debug & (CNN_DEBUG_VALIDATE | CNN_DEBUG_LABELS))
    {
      self->set_object_name = LOAD (vkSetDebugUtilsObjectNameEXT);
      self->begin_label = LOAD (vkCmdBeginDebugUtilsLabelEXT);
      self->end_label = LOAD (vkCmdEndDebugUtilsLabelEXT);
    }
}

static void
tear_down_debugging (CnnDevice *self)
{
  if (self->messenger != VK_NULL_HANDLE)
    LOAD (vkDestroyDebugUtilsMessengerEXT) (self->instance, self->messenger, NULL);
#undef LOAD
}

static gboolean
find_device (CnnDevice *self, const char *choice, GError **error)
{
  CnnDebug debug = cnn_debug_flags ();
  g_autoptr (GArray) found = NULL;
  const FoundDevice *candidate;

  self->instance = make_instance (debug, error);
  if (self->instance == VK_NULL_HANDLE)
    return FALSE;
  set_up_debugging (self, debug);
  found = find_candidates (self->instance);
  candidate = choose (found, choice, error);
  if (candidate == NULL)
    return FALSE;
  self->physical = candidate->physical;
  self->index = candidate->index;
  return TRUE;
}

static void
leave_instance (CnnDevice *self)
{
  if (self->instance == VK_NULL_HANDLE)
    return;
  tear_down_debugging (self);
  vkDestroyInstance (self->instance, NULL);
  self->instance = VK_NULL_HANDLE;
}

static gboolean
wants_wide (const CnnDevice *self)
{
  VkPhysicalDeviceDriverProperties driver = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES,
  };
  VkPhysicalDeviceProperties2 properties = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
    .pNext = &driver,
  };

  vkGetPhysicalDeviceProperties2 (self->physical, &properties);
  return driver.driverID == VK_DRIVER_ID_MESA_LLVMPIPE && cnn_wide_is_wanted (driver.driverInfo);
}

/* Finds the device again, by its place, as the width is a part of its name. */
static gboolean
find_it_wide (CnnDevice *self, GError **error)
{
  g_autofree char *index = g_strdup_printf ("%d", self->index);
  gboolean good;

  leave_instance (self);
  cnn_wide_set (TRUE);
  good = find_device (self, index, error);
  cnn_wide_set (FALSE);
  return good;
}

CnnDevice *
cnn_device_open (const char *choice, GError **error)
{
  g_autoptr (CnnDevice) self = g_new0 (CnnDevice, 1);

  g_atomic_ref_count_init (&self->references);
  cnn_kernels_init (self);
  if (choice == NULL || *choice == '\0' || g_ascii_strcasecmp (choice, "auto") == 0)
    choice = g_getenv ("CONVLENS_DEVICE");
  if (choice == NULL || *choice == '\0')
    choice = "auto";

  if (!find_device (self, choice, error))
    return NULL;
  if (wants_wide (self) && !find_it_wide (self, error))
    return NULL;
  if (!open_logical_device (self, error))
    return NULL;
  cnn_pipeline_cache_open (self);
  return g_steal_pointer (&self);
}

char *
cnn_device_describe (const CnnDevice *self)
{
  const FoundDevice candidate = { self->physical, self->index, 0 };
  CnnDeviceInfo *info = describe (&candidate);
  char *text = g_strdup_printf ("%s (%s, %s), subgroups of %u, %s reads, %s buffers", info->name,
                                info->type, info->driver, self->subgroup_size,
                                self->reads == CNN_READS_STORAGE ? "storage" : "texel",
                                self->maps ? "mapped" : "staged");

  cnn_device_info_free (info);
  return text;
}

CnnDevice *
cnn_device_ref (CnnDevice *self)
{
  if (self != NULL)
    g_atomic_ref_count_inc (&self->references);
  return self;
}

void
cnn_device_unref (CnnDevice *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->references))
    return;
  cnn_kernels_clear (self);
  if (self->handle != VK_NULL_HANDLE)
    {
      cnn_pipeline_cache_close (self);
      vkDestroyCommandPool (self->handle, self->command_pool, NULL);
      vkDestroyDevice (self->handle, NULL);
    }
  leave_instance (self);
  g_free (self->name);
  g_free (self);
}

const char *
cnn_device_name (const CnnDevice *self)
{
  return self->name;
}

guint
cnn_device_subgroup_size (const CnnDevice *self)
{
  return self->subgroup_size;
}

gsize
cnn_device_alignment (const CnnDevice *self)
{
  return self->alignment;
}

guint64
cnn_device_memory (const CnnDevice *self)
{
  return device_memory (self->physical);
}

gsize
cnn_device_max_binding (const CnnDevice *self)
{
  const gsize most = self->properties.limits.maxStorageBufferRange;

  return self->reads == CNN_READS_STORAGE ? most : MIN (most, texel_bytes (self));
}

guint
cnn_device_validation_messages (const CnnDevice *self)
{
  return self->validation_messages;
}

void
cnn_device_name_object (CnnDevice *self, VkObjectType type, guint64 object, const char *label)
{
  if (self->set_object_name != NULL && label != NULL)
    self->set_object_name (self->handle,
                           &(VkDebugUtilsObjectNameInfoEXT){
                               .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
                               .objectType = type,
                               .objectHandle = object,
                               .pObjectName = label,
                           });
}
