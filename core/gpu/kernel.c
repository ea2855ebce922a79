/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "private.h"

#include "timing.h"

#include <string.h>

/* What is needed of SPIR-V (specification, sections 2.3 and 3) to see a module's constants and
 * bindings. */
enum
{
  SPIRV_HEADER_WORDS = 5,
  OP_TYPE_VOID = 19,
  OP_VARIABLE = 59,
  OP_DECORATE = 71,
  DECORATION_SPEC_ID = 1,
  DECORATION_BINDING = 33,
  STORAGE_UNIFORM_CONSTANT = 0
};

/* Decorations stand in front of all types, of which the first is that of main. */
static int
count_constants (const CnnSpirv *spirv)
{
  const guint32 *word = spirv->words + SPIRV_HEADER_WORDS;
  guint32 count = 0;

  for (; (word[0] & 0xffff) != OP_TYPE_VOID; word += word[0] >> 16)
    if ((word[0] & 0xffff) == OP_DECORATE && word[2] == DECORATION_SPEC_ID)
      count = MAX (count, word[3] + 1);
  g_assert (count <= CNN_MAX_CONSTANTS);
  return (int) count;
}

/* Finds the binding kinds: a variable of storage class UniformConstant is a texel buffer
 * (imageBuffer), any other one with a binding a storage buffer. */
static void
reflect (const CnnSpirv *spirv, CnnKernel *kernel)
{
  const gsize n = spirv->bytes / sizeof (guint32);
  g_autoptr (GHashTable) bindings = g_hash_table_new (NULL, NULL);

  for (gsize i = SPIRV_HEADER_WORDS; i < n; i += MAX (spirv->words[i] >> 16, 1))
    {
      const guint32 *word = spirv->words + i;
      guint32 op = word[0] & 0xffff;

      if (op == OP_DECORATE && word[2] == DECORATION_BINDING)
        g_hash_table_insert (bindings, GUINT_TO_POINTER (word[1]), GUINT_TO_POINTER (word[3]));
      else if (op == OP_VARIABLE && g_hash_table_contains (bindings, GUINT_TO_POINTER (word[2])))
        {
          guint32 binding =
              GPOINTER_TO_UINT (g_hash_table_lookup (bindings, GUINT_TO_POINTER (word[2])));

          g_assert (binding < CNN_MAX_BINDINGS);
          kernel->types[binding] = word[3] == STORAGE_UNIFORM_CONSTANT
                                       ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER
                                       : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
          kernel->n_bindings = MAX (kernel->n_bindings, (int) binding + 1);
        }
    }
}

static const CnnKernelCode *
find_code (const char *stem)
{
  const CnnKernelCode *code = cnn_kernel_codes;

  while (code->stem != NULL && strcmp (code->stem, stem) != 0)
    code++;
  g_assert (code->stem != NULL);
  return code;
}

/* What it takes to bind the kernel's buffers. */
static gboolean
make_layout (CnnDevice *device, CnnKernel *kernel, GError **error)
{
  VkDescriptorSetLayoutBinding bindings[CNN_MAX_BINDINGS];
  VkPushConstantRange push = { VK_SHADER_STAGE_COMPUTE_BIT, 0, CNN_MAX_PUSH };
  VkDescriptorSetLayoutCreateInfo set_info = {
    .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
    .pBindings = bindings,
  };
  VkPipelineLayoutCreateInfo layout_info = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
    .setLayoutCount = 1,
    .pSetLayouts = &kernel->set_layout,
    .pushConstantRangeCount = 1,
    .pPushConstantRanges = &push,
  };

  reflect (find_code (kernel->stem)->spirv + device->reads, kernel);
  for (int i = 0; i < kernel->n_bindings; i++)
    bindings[i] = (VkDescriptorSetLayoutBinding){ (guint32) i, kernel->types[i], 1,
                                                  VK_SHADER_STAGE_COMPUTE_BIT, NULL };
  set_info.bindingCount = (guint32) kernel->n_bindings;
  return VK_CALL (error, vkCreateDescriptorSetLayout, device->handle, &set_info, NULL,
                  &kernel->set_layout)
         && VK_CALL (error, vkCreatePipelineLayout, device->handle, &layout_info, NULL,
                     &kernel->layout);
}

static gboolean
make_pipeline (CnnDevice *device, CnnKernel *kernel, GError **error)
{
  const CnnSpirv *spirv = find_code (kernel->stem)->spirv + device->reads;
  VkSpecializationMapEntry entries[CNN_MAX_CONSTANTS];
  VkShaderModuleCreateInfo module_info = {
    .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
    .codeSize = spirv->bytes,
    .pCode = spirv->words,
  };
  VkSpecializationInfo constants = {
    .mapEntryCount = (guint32) kernel->n_constants,
    .pMapEntries = entries,
    .dataSize = sizeof (guint32) * (gsize) kernel->n_constants,
    .pData = kernel->constants,
  };
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT subgroup = {
    .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
    .requiredSubgroupSize = device->subgroup_size,
  };
  VkComputePipelineCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
    .stage = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
      .pNext = device->pins_subgroup_size ? &subgroup : NULL,
      .stage = VK_SHADER_STAGE_COMPUTE_BIT,
      .pName = "main",
      .pSpecializationInfo = &constants,
    },
    .layout = kernel->layout,
  };
  gboolean made;

  for (guint32 i = 0; i < constants.mapEntryCount; i++)
    entries[i] = (VkSpecializationMapEntry){ i, i * 4, 4 };
  if (!VK_CALL (error, vkCreateShaderModule, device->handle, &module_info, NULL,
                &info.stage.module))
    return FALSE;
  made = VK_CALL (error, vkCreateComputePipelines, device->handle, device->pipeline_cache, 1, &info,
                  NULL, &kernel->pipeline);
  vkDestroyShaderModule (device->handle, info.stage.module, NULL);
  if (made)
    cnn_device_name_object (device, VK_OBJECT_TYPE_PIPELINE, (guint64) kernel->pipeline,
                            kernel->key);
  return made;
}

/* Makes the pipeline unless somebody else has begun to. */
static void
make_if_queued (gpointer data, gpointer user_data)
{
  CnnKernel *kernel = data;
  CnnDevice *device = user_data;
  gboolean mine;
  gint64 start;

  g_mutex_lock (&device->kernels_lock);
  mine = kernel->state == CNN_KERNEL_QUEUED;
  if (mine)
    kernel->state = CNN_KERNEL_UNDER_WAY;
  g_mutex_unlock (&device->kernels_lock);
  if (!mine)
    return;
  start = cnn_timing_start ();
  if (cnn_driver_has_memory (&kernel->error))
    make_pipeline (device, kernel, &kernel->error);
  cnn_timing_stop (start, "making pipelines");
  g_mutex_lock (&device->kernels_lock);
  kernel->state = CNN_KERNEL_DONE;
  g_cond_broadcast (&device->kernel_is_done);
  g_mutex_unlock (&device->kernels_lock);
}

static void
free_kernel (CnnDevice *device, CnnKernel *kernel)
{
  vkDestroyPipeline (device->handle, kernel->pipeline, NULL);
  vkDestroyPipelineLayout (device->handle, kernel->layout, NULL);
  vkDestroyDescriptorSetLayout (device->handle, kernel->set_layout, NULL);
  g_clear_error (&kernel->error);
  g_free (kernel->key);
  g_free (kernel);
}

CnnKernel *
cnn_kernel_get (CnnDevice *device, const CnnDispatch *dispatch, GError **error)
{
  const CnnKernelCode *code = find_code (dispatch->stem);
  const int n_constants = count_constants (code->spirv + device->reads);
  g_autoptr (GString) key = g_string_new (dispatch->stem);
  CnnKernel *kernel;

  for (int i = 0; i < n_constants; i++)
    g_string_append_printf (key, "%c%u", i == 0 ? ':' : ',', dispatch->constants[i]);
  for (int i = n_constants; i < CNN_MAX_CONSTANTS; i++)
    g_assert (dispatch->constants[i] == 0);
  kernel = g_hash_table_lookup (device->kernels, key->str);
  if (kernel != NULL)
    return kernel;

  kernel = g_new0 (CnnKernel, 1);
  kernel->key = g_strdup (key->str);
  kernel->stem = code->stem;
  kernel->n_constants = n_constants;
  memcpy (kernel->constants, dispatch->constants, sizeof kernel->constants);
  if (!make_layout (device, kernel, error))
    {
      free_kernel (device, kernel);
      return NULL;
    }
  g_hash_table_insert (device->kernels, kernel->key, kernel);
  /* Where no thread is available, cnn_kernel_wait makes it. */
  g_thread_pool_push (device->makers, kernel, NULL);
  return kernel;
}

gboolean
cnn_kernel_is_done (CnnDevice *device, CnnKernel *kernel)
{
  gboolean done;

  g_mutex_lock (&device->kernels_lock);
  done = kernel->state == CNN_KERNEL_DONE;
  g_mutex_unlock (&device->kernels_lock);
  return done;
}

gboolean
cnn_kernel_wait (CnnDevice *device, CnnKernel *kernel, GError **error)
{
  make_if_queued (kernel, device);
  g_mutex_lock (&device->kernels_lock);
  while (kernel->state != CNN_KERNEL_DONE)
    g_cond_wait (&device->kernel_is_done, &device->kernels_lock);
  g_mutex_unlock (&device->kernels_lock);
  if (kernel->error != NULL && error != NULL)
    *error = g_error_copy (kernel->error);
  return kernel->error == NULL;
}

void
cnn_kernels_init (CnnDevice *device)
{
  g_mutex_init (&device->kernels_lock);
  g_cond_init (&device->kernel_is_done);
  device->kernels = g_hash_table_new (g_str_hash, g_str_equal);
  device->makers =
      g_thread_pool_new (make_if_queued, device, (int) g_get_num_processors (), FALSE, NULL);
}

void
cnn_kernels_clear (CnnDevice *device)
{
  GHashTableIter iter;
  gpointer kernel;

  g_thread_pool_free (device->makers, TRUE, TRUE);
  g_hash_table_iter_init (&iter, device->kernels);
  while (g_hash_table_iter_next (&iter, NULL, &kernel))
    free_kernel (device, kernel);
  g_hash_table_unref (device->kernels);
  g_mutex_clear (&device->kernels_lock);
  g_cond_clear (&device->kernel_is_done);
}
