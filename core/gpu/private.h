/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "debug.h"
#include "error.h"
#include "gpu.h"
#include "kernels.h"

#include <vulkan/vulkan.h>

typedef enum
{
  CNN_KERNEL_QUEUED,
  CNN_KERNEL_UNDER_WAY,
  CNN_KERNEL_DONE /* with a pipeline or an error */
} CnnKernelState;

/* A pipeline of one stem with its constants filled in. Belongs to the device. */
typedef struct
{
  char *key;
  const char *stem;
  guint32 constants[CNN_MAX_CONSTANTS];
  int n_constants;
  CnnKernelState state; /* guarded by the device's kernels_lock */
  GError *error;        /* why there is no pipeline, or NULL */
  VkDescriptorSetLayout set_layout;
  VkPipelineLayout layout;
  VkPipeline pipeline;
  int n_bindings;
  VkDescriptorType types[CNN_MAX_BINDINGS];
} CnnKernel;

struct _CnnDevice
{
  gatomicrefcount references;
  char *name;
  VkInstance instance;
  VkDebugUtilsMessengerEXT messenger;
  PFN_vkSetDebugUtilsObjectNameEXT set_object_name; /* NULL where labels are off */
  PFN_vkCmdBeginDebugUtilsLabelEXT begin_label;
  PFN_vkCmdEndDebugUtilsLabelEXT end_label;
  guint validation_messages;

  int index; /* in the driver's order */
  VkPhysicalDevice physical;
  VkPhysicalDeviceProperties properties;
  VkDevice handle;
  VkQueue queue;
  guint queue_family;
  VkCommandPool command_pool;
  guint subgroup_size;
  gboolean pins_subgroup_size; /* VK_EXT_subgroup_size_control is on */
  CnnReads reads;
  gsize alignment;
  gboolean maps; /* buffers are host memory too */
  guint32 device_type_index, staging_type_index;

  GHashTable *kernels; /* key → CnnKernel */
  VkPipelineCache pipeline_cache;
  gsize cached_bytes;  /* what it began with */
  GThreadPool *makers; /* of their pipelines */
  GMutex kernels_lock;
  GCond kernel_is_done;
};

struct _CnnBuffer
{
  gatomicrefcount references;
  CnnDevice *device;
  VkBuffer handle;
  VkDeviceMemory memory;
  gsize size;
  void *mapped;
};

/* Traces nothing, checks, and names the call that failed. */
#define VK_CALL(error, call, ...) cnn_vk_check (call (__VA_ARGS__), #call, error)
gboolean cnn_vk_check (VkResult result, const char *call, GError **error);

/* "discrete", "integrated", … as in CnnDeviceInfo. */
const char *cnn_device_type_name (VkPhysicalDeviceType type);
gboolean cnn_has_extension (VkPhysicalDevice physical, const char *name);

CnnBuffer *cnn_buffer_new_of_type (CnnDevice *device, gsize bytes, guint32 type_index, gboolean map,
                                   const char *label, GError **error);
/* The kernel of a stem with these constants. On first use its pipeline is begun on another thread;
 * before it is recorded it has to be waited for. Transfer none. */
CnnKernel *cnn_kernel_get (CnnDevice *device, const CnnDispatch *dispatch, GError **error);
gboolean cnn_kernel_is_done (CnnDevice *device, CnnKernel *kernel);
/* FALSE where the pipeline could not be made. */
gboolean cnn_kernel_wait (CnnDevice *device, CnnKernel *kernel, GError **error);
/* Whether there is enough memory to make one more kernel; the driver would end the process. */
gboolean cnn_driver_has_memory (GError **error);
/* The error of a loader that has found no driver. */
void cnn_driver_set_missing (GError **error);
/* What the driver keeps between runs. */
void cnn_pipeline_cache_open (CnnDevice *device);
void cnn_pipeline_cache_close (CnnDevice *device);
/* For the device: sets up what makes kernels, and frees it with all of them. */
void cnn_kernels_init (CnnDevice *device);
void cnn_kernels_clear (CnnDevice *device);
void cnn_device_name_object (CnnDevice *device, VkObjectType type, guint64 object,
                             const char *label);
