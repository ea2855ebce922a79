/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "private.h"

#include "kernels.h"

#include <string.h>

/* What is needed of SPIR-V (specification, sections 2.3 and 3) to see a module's bindings. */
enum
{
  SPIRV_HEADER_WORDS = 5,
  OP_VARIABLE = 59,
  OP_DECORATE = 71,
  DECORATION_BINDING = 33,
  STORAGE_UNIFORM_CONSTANT = 0
};

/* Finds the binding kinds: a variable of storage class UniformConstant is a texel buffer
 * (imageBuffer), any other one with a binding a storage buffer. */
static void
reflect (const CnnKernelCode *code, CnnKernel *kernel)
{
  const gsize n = code->bytes / sizeof (guint32);
  g_autoptr (GHashTable) bindings = g_hash_table_new (NULL, NULL);

  for (gsize i = SPIRV_HEADER_WORDS; i < n; i += MAX (code->code[i] >> 16, 1))
    {
      const guint32 *word = code->code + i;
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

static gboolean
build (CnnDevice *device, CnnKernel *kernel, const CnnDispatch *dispatch, GError **error)
{
  const CnnKernelCode *code = find_code (dispatch->stem);
  VkDescriptorSetLayoutBinding bindings[CNN_MAX_BINDINGS];
  VkSpecializationMapEntry entries[CNN_MAX_CONSTANTS];
  VkPushConstantRange push = { VK_SHADER_STAGE_COMPUTE_BIT, 0, 128 };
  VkShaderModuleCreateInfo module_info = {
    .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
    .codeSize = code->bytes,
    .pCode = code->code,
  };
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
  VkSpecializationInfo constants = {
    .mapEntryCount = (guint32) dispatch->n_constants,
    .pMapEntries = entries,
    .dataSize = sizeof (guint32) * (gsize) dispatch->n_constants,
    .pData = dispatch->constants,
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
  };

  reflect (code, kernel);
  for (int i = 0; i < kernel->n_bindings; i++)
    bindings[i] = (VkDescriptorSetLayoutBinding){ (guint32) i, kernel->types[i], 1,
                                                  VK_SHADER_STAGE_COMPUTE_BIT, NULL };
  set_info.bindingCount = (guint32) kernel->n_bindings;
  for (guint32 i = 0; i < constants.mapEntryCount; i++)
    entries[i] = (VkSpecializationMapEntry){ i, i * 4, 4 };

  if (!VK_CALL (error, vkCreateShaderModule, device->handle, &module_info, NULL, &kernel->module)
      || !VK_CALL (error, vkCreateDescriptorSetLayout, device->handle, &set_info, NULL,
                   &kernel->set_layout)
      || !VK_CALL (error, vkCreatePipelineLayout, device->handle, &layout_info, NULL,
                   &kernel->layout))
    return FALSE;
  info.stage.module = kernel->module;
  info.layout = kernel->layout;
  if (!VK_CALL (error, vkCreateComputePipelines, device->handle, VK_NULL_HANDLE, 1, &info, NULL,
                &kernel->pipeline))
    return FALSE;
  cnn_device_name_object (device, VK_OBJECT_TYPE_PIPELINE, (guint64) kernel->pipeline, kernel->key);
  return TRUE;
}

CnnKernel *
cnn_kernel_get (CnnDevice *device, const CnnDispatch *dispatch, GError **error)
{
  g_autoptr (GString) key = g_string_new (dispatch->stem);
  CnnKernel *kernel;

  for (int i = 0; i < dispatch->n_constants; i++)
    g_string_append_printf (key, "%c%u", i == 0 ? ':' : ',', dispatch->constants[i]);
  kernel = g_hash_table_lookup (device->kernels, key->str);
  if (kernel != NULL)
    return kernel;

  kernel = g_new0 (CnnKernel, 1);
  kernel->key = g_strdup (key->str);
  if (!build (device, kernel, dispatch, error))
    {
      cnn_kernel_free (device, kernel);
      return NULL;
    }
  g_hash_table_insert (device->kernels, kernel->key, kernel);
  return kernel;
}

void
cnn_kernel_free (CnnDevice *device, CnnKernel *kernel)
{
  vkDestroyPipeline (device->handle, kernel->pipeline, NULL);
  vkDestroyPipelineLayout (device->handle, kernel->layout, NULL);
  vkDestroyDescriptorSetLayout (device->handle, kernel->set_layout, NULL);
  vkDestroyShaderModule (device->handle, kernel->module, NULL);
  g_free (kernel->key);
  g_free (kernel);
}
