/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "private.h"

#include "flat_params.h"

#include <string.h>

#define SETS_PER_POOL 64
#define MAX_TIMESTAMPS 4096

/* A dispatch that waits for its kernel. */
typedef struct
{
  CnnKernel *kernel;
  VkDescriptorSet set;
  guint groups[3];
  gsize push_size;
  guint8 push[CNN_MAX_PUSH];
  char *label; /* of what begins here, or NULL */
} Recorded;

/* A dispatch in the table of CONVLENS_DEBUG=timing. */
typedef struct
{
  char *what; /* layer and kernel */
  double operations;
} Timed;

struct _CnnCommands
{
  CnnDevice *device;
  char *name;
  GArray *handles;     /* VkCommandBuffer, several where a kernel was late */
  VkCommandBuffer end; /* the last of them while it is written to, or NULL */
  VkFence fence;
  GArray *pools;      /* VkDescriptorPool */
  guint sets_left;    /* in the last pool */
  GArray *views;      /* VkBufferView */
  GPtrArray *buffers; /* CnnBuffer, kept alive */
  GArray *recorded;   /* Recorded */
  guint written;      /* how many of them are in `handles` */
  gboolean ended, in_label, repeated;
  double operations; /* of all dispatches */

  VkQueryPool timestamps; /* CONVLENS_DEBUG=timing */
  char *label;
  gboolean label_is_new;
  GArray *timed; /* Timed, of every dispatch */
};

static void
clear_recorded (gpointer data)
{
  g_free (((Recorded *) data)->label);
}

static void
clear_timed (gpointer data)
{
  g_free (((Timed *) data)->what);
}

CnnCommands *
cnn_commands_new (CnnDevice *device, const char *label, GError **error)
{
  g_autoptr (CnnCommands) self = g_new0 (CnnCommands, 1);
  VkFenceCreateInfo fence = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
  VkQueryPoolCreateInfo queries = {
    .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
    .queryType = VK_QUERY_TYPE_TIMESTAMP,
    .queryCount = MAX_TIMESTAMPS,
  };

  self->device = cnn_device_ref (device);
  self->name = g_strdup (label);
  self->handles = g_array_new (FALSE, FALSE, sizeof (VkCommandBuffer));
  self->pools = g_array_new (FALSE, FALSE, sizeof (VkDescriptorPool));
  self->views = g_array_new (FALSE, FALSE, sizeof (VkBufferView));
  self->buffers = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_buffer_unref);
  self->recorded = g_array_new (FALSE, TRUE, sizeof (Recorded));
  g_array_set_clear_func (self->recorded, clear_recorded);
  self->timed = g_array_new (FALSE, FALSE, sizeof (Timed));
  g_array_set_clear_func (self->timed, clear_timed);
  if (!VK_CALL (error, vkCreateFence, device->handle, &fence, NULL, &self->fence)
      || ((cnn_debug_flags () & CNN_DEBUG_TIMING)
          && !VK_CALL (error, vkCreateQueryPool, device->handle, &queries, NULL,
                       &self->timestamps)))
    return NULL;
  return g_steal_pointer (&self);
}

void
cnn_commands_free (CnnCommands *self)
{
  VkDevice device;

  if (self == NULL)
    return;
  device = self->device->handle;
  /* a run that was begun and then given up */
  if (!self->ended && self->handles->len > 0)
    vkQueueWaitIdle (self->device->queue);
  for (guint i = 0; i < self->views->len; i++)
    vkDestroyBufferView (device, g_array_index (self->views, VkBufferView, i), NULL);
  for (guint i = 0; i < self->pools->len; i++)
    vkDestroyDescriptorPool (device, g_array_index (self->pools, VkDescriptorPool, i), NULL);
  vkDestroyQueryPool (device, self->timestamps, NULL);
  vkDestroyFence (device, self->fence, NULL);
  if (self->handles->len > 0)
    vkFreeCommandBuffers (device, self->device->command_pool, self->handles->len,
                          &g_array_index (self->handles, VkCommandBuffer, 0));
  g_array_unref (self->handles);
  g_array_unref (self->views);
  g_array_unref (self->pools);
  g_array_unref (self->recorded);
  g_ptr_array_unref (self->buffers);
  g_array_unref (self->timed);
  g_free (self->label);
  g_free (self->name);
  cnn_device_unref (self->device);
  g_free (self);
}

CnnDevice *
cnn_commands_device (const CnnCommands *self)
{
  return self->device;
}

void
cnn_commands_set_repeated (CnnCommands *self)
{
  g_assert (self->recorded->len == 0);
  self->repeated = TRUE;
}

gboolean
cnn_commands_repeated (const CnnCommands *self)
{
  return self->repeated;
}

void
cnn_commands_label (CnnCommands *self, const char *label)
{
  g_free (self->label);
  self->label = g_strdup (label);
  self->label_is_new = TRUE;
}

static gboolean
allocate_set (CnnCommands *self, const CnnKernel *kernel, VkDescriptorSet *set, GError **error)
{
  VkDescriptorSetAllocateInfo info = {
    .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
    .descriptorSetCount = 1,
    .pSetLayouts = &kernel->set_layout,
  };

  if (self->sets_left == 0)
    {
      const VkDescriptorPoolSize sizes[] = {
        { VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS_PER_POOL * CNN_MAX_BINDINGS },
        { VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, SETS_PER_POOL * CNN_MAX_BINDINGS },
      };
      VkDescriptorPoolCreateInfo pool_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = SETS_PER_POOL,
        .poolSizeCount = G_N_ELEMENTS (sizes),
        .pPoolSizes = sizes,
      };
      VkDescriptorPool pool;

      if (!VK_CALL (error, vkCreateDescriptorPool, self->device->handle, &pool_info, NULL, &pool))
        return FALSE;
      g_array_append_val (self->pools, pool);
      self->sets_left = SETS_PER_POOL;
    }
  self->sets_left--;
  info.descriptorPool = g_array_index (self->pools, VkDescriptorPool, self->pools->len - 1);
  return VK_CALL (error, vkAllocateDescriptorSets, self->device->handle, &info, set);
}

static gboolean
bind (CnnCommands *self, const CnnKernel *kernel, const CnnDispatch *dispatch, VkDescriptorSet *set,
      GError **error)
{
  VkWriteDescriptorSet writes[CNN_MAX_BINDINGS];
  VkDescriptorBufferInfo infos[CNN_MAX_BINDINGS];
  VkBufferView views[CNN_MAX_BINDINGS];

  for (int i = 0; i < CNN_MAX_BINDINGS; i++)
    g_assert ((dispatch->bindings[i].buffer != NULL) == (i < kernel->n_bindings));
  if (!allocate_set (self, kernel, set, error))
    return FALSE;
  for (int i = 0; i < kernel->n_bindings; i++)
    {
      const CnnBinding *binding = dispatch->bindings + i;

      g_assert (binding->offset + binding->size <= binding->buffer->size);
      infos[i] =
          (VkDescriptorBufferInfo){ binding->buffer->handle, binding->offset, binding->size };
      writes[i] = (VkWriteDescriptorSet){
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = *set,
        .dstBinding = (guint32) i,
        .descriptorCount = 1,
        .descriptorType = kernel->types[i],
        .pBufferInfo = infos + i,
        .pTexelBufferView = views + i,
      };
      if (kernel->types[i] == VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER)
        {
          VkBufferViewCreateInfo info = {
            .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
            .buffer = binding->buffer->handle,
            .format = VK_FORMAT_R32G32B32A32_SFLOAT,
            .offset = binding->offset,
            .range = binding->size,
          };

          if (!VK_CALL (error, vkCreateBufferView, self->device->handle, &info, NULL, views + i))
            return FALSE;
          g_array_append_val (self->views, views[i]);
        }
      g_ptr_array_add (self->buffers, cnn_buffer_ref (binding->buffer));
    }
  vkUpdateDescriptorSets (self->device->handle, (guint32) kernel->n_bindings, writes, 0, NULL);
  return TRUE;
}

static void
barrier (VkCommandBuffer handle)
{
  VkMemoryBarrier memory = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
    .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
    .dstAccessMask =
        VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT,
  };

  vkCmdPipelineBarrier (handle, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                        &memory, 0, NULL, 0, NULL);
}

gboolean
cnn_commands_dispatch (CnnCommands *self, const CnnDispatch *dispatch, GError **error)
{
  const guint32 *limit = self->device->properties.limits.maxComputeWorkGroupCount;
  CnnKernel *kernel = cnn_kernel_get (self->device, dispatch, error);
  Recorded recorded = { .kernel = kernel, .push_size = dispatch->push_size };

  g_assert (!self->ended && dispatch->push_size <= CNN_MAX_PUSH);
  if (kernel == NULL || !bind (self, kernel, dispatch, &recorded.set, error))
    return FALSE;
  if (dispatch->groups[0] > limit[0] || dispatch->groups[1] > limit[1]
      || dispatch->groups[2] > limit[2])
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
                   "%s: the input is too large for this device; choose a smaller input size",
                   self->label != NULL ? self->label : dispatch->stem);
      return FALSE;
    }
  memcpy (recorded.groups, dispatch->groups, sizeof recorded.groups);
  if (dispatch->push_size > 0)
    memcpy (recorded.push, dispatch->push, dispatch->push_size);
  if (self->label_is_new && self->device->begin_label != NULL)
    recorded.label = g_strdup (self->label);
  self->label_is_new = FALSE;
  self->operations += dispatch->operations;
  g_array_append_val (self->recorded, recorded);
  if (self->timestamps != VK_NULL_HANDLE && self->timed->len + 1 < MAX_TIMESTAMPS)
    {
      Timed timed = { .operations = dispatch->operations };

      timed.what = g_strdup_printf ("%-36s %s", self->label ? self->label : "", kernel->key);
      g_array_append_val (self->timed, timed);
    }
  return TRUE;
}

double
cnn_commands_operations (const CnnCommands *self)
{
  return self->operations;
}

char *
cnn_commands_kernels (const CnnCommands *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->recorded->len; i++)
    {
      const Recorded *recorded = &g_array_index (self->recorded, Recorded, i);

      g_string_append_printf (text, "%s %u×%u×%u\n", recorded->kernel->key, recorded->groups[0],
                              recorded->groups[1], recorded->groups[2]);
    }
  return g_string_free (text, FALSE);
}

/* --- Writing what was recorded, once its kernels are ready --- */

static void
end_label (CnnCommands *self)
{
  if (self->in_label)
    self->device->end_label (self->end);
  self->in_label = FALSE;
}

static gboolean
begin_handle (CnnCommands *self, GError **error)
{
  VkCommandBufferAllocateInfo allocation = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
    .commandPool = self->device->command_pool,
    .commandBufferCount = 1,
  };
  VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  VkCommandBuffer handle;

  if (!VK_CALL (error, vkAllocateCommandBuffers, self->device->handle, &allocation, &handle))
    return FALSE;
  g_array_append_val (self->handles, handle);
  cnn_device_name_object (self->device, VK_OBJECT_TYPE_COMMAND_BUFFER, (guint64) handle,
                          self->name);
  if (!VK_CALL (error, vkBeginCommandBuffer, handle, &begin))
    return FALSE;
  self->end = handle;
  if (self->timestamps != VK_NULL_HANDLE && self->written == 0)
    {
      vkCmdResetQueryPool (handle, self->timestamps, 0, MAX_TIMESTAMPS);
      vkCmdWriteTimestamp (handle, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, self->timestamps, 0);
    }
  return TRUE;
}

static void
write_dispatch (CnnCommands *self, const Recorded *recorded)
{
  const CnnKernel *kernel = recorded->kernel;

  if (recorded->label != NULL)
    {
      end_label (self);
      self->device->begin_label (self->end, &(VkDebugUtilsLabelEXT){
                                                .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT,
                                                .pLabelName = recorded->label,
                                            });
      self->in_label = TRUE;
    }
  vkCmdBindDescriptorSets (self->end, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->layout, 0, 1,
                           &recorded->set, 0, NULL);
  vkCmdBindPipeline (self->end, VK_PIPELINE_BIND_POINT_COMPUTE, kernel->pipeline);
  if (recorded->push_size > 0)
    vkCmdPushConstants (self->end, kernel->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                        (guint32) recorded->push_size, recorded->push);
  vkCmdDispatch (self->end, recorded->groups[0], recorded->groups[1], recorded->groups[2]);
  barrier (self->end);
  self->written++;
  if (self->timestamps != VK_NULL_HANDLE && self->written <= self->timed->len)
    vkCmdWriteTimestamp (self->end, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, self->timestamps,
                         self->written);
}

static gboolean
submit (CnnDevice *device, const VkCommandBuffer *handles, guint n, VkFence fence, GError **error)
{
  VkSubmitInfo info = {
    .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
    .commandBufferCount = n,
    .pCommandBuffers = handles,
  };

  return VK_CALL (error, vkQueueSubmit, device->queue, n > 0 ? 1 : 0, &info, fence);
}

/* Ends the command buffer that is written to, and submits it. */
static gboolean
submit_end (CnnCommands *self, GError **error)
{
  VkCommandBuffer handle = self->end;

  if (handle == VK_NULL_HANDLE)
    return TRUE;
  end_label (self);
  self->end = VK_NULL_HANDLE;
  return VK_CALL (error, vkEndCommandBuffer, handle)
         && submit (self->device, &handle, 1, VK_NULL_HANDLE, error);
}

/* Writes and submits what was recorded: all of it where `wait`, else up to the first kernel that
 * is not ready. */
static gboolean
submit_recorded (CnnCommands *self, gboolean wait, GError **error)
{
  while (self->written < self->recorded->len)
    {
      const Recorded *next = &g_array_index (self->recorded, Recorded, self->written);

      if (!cnn_kernel_is_done (self->device, next->kernel))
        {
          if (!submit_end (self, error))
            return FALSE;
          if (!wait)
            return TRUE;
        }
      if (!cnn_kernel_wait (self->device, next->kernel, error)
          || (self->end == VK_NULL_HANDLE && !begin_handle (self, error)))
        return FALSE;
      write_dispatch (self, next);
    }
  return submit_end (self, error);
}

gboolean
cnn_commands_begin (CnnCommands *self, GError **error)
{
  g_assert (!self->ended);
  return submit_recorded (self, FALSE, error);
}

static gboolean
submit_first (CnnCommands *self, GError **error)
{
  if (!submit_recorded (self, TRUE, error))
    return FALSE;
  self->ended = TRUE;
  g_array_set_size (self->recorded, 0);
  return TRUE;
}

static void
print_time (guint64 ticks, guint64 all, double operations, const char *what, CnnDevice *device)
{
  const double milliseconds = (double) ticks * device->properties.limits.timestampPeriod * 1e-6;
  g_autofree char *rate = NULL;

  if (operations > 0 && ticks > 0)
    rate = g_strdup_printf ("%.1f", operations / milliseconds * 1e-6);
  g_printerr ("%10.3f %5.1f%% %9s  %s\n", milliseconds,
              100. * (double) ticks / (double) MAX (all, 1), rate != NULL ? rate : "", what);
}

static void
print_timing (CnnCommands *self)
{
  const guint n = self->timed->len + 1;
  g_autofree guint64 *times = g_new0 (guint64, n);
  double operations = 0;

  if (n < 2
      || vkGetQueryPoolResults (self->device->handle, self->timestamps, 0, n, n * sizeof *times,
                                times, sizeof *times, VK_QUERY_RESULT_64_BIT)
             != VK_SUCCESS)
    return;
  g_printerr ("%10s %6s %9s  layer and kernel\n", "ms", "share", "GFLOP/s");
  for (guint i = 1; i < n; i++)
    {
      const Timed *timed = &g_array_index (self->timed, Timed, i - 1);

      print_time (times[i] - times[i - 1], times[n - 1] - times[0], timed->operations, timed->what,
                  self->device);
      operations += timed->operations;
    }
  print_time (times[n - 1] - times[0], times[n - 1] - times[0], operations, "all", self->device);
}

gboolean
cnn_commands_run_in_turn (CnnCommands *const *all, guint n, GError **error)
{
  g_autoptr (GArray) handles = g_array_new (FALSE, FALSE, sizeof (VkCommandBuffer));
  CnnDevice *device = all[0]->device;
  VkFence fence = all[0]->fence;

  for (guint i = 0; i < n; i++)
    {
      g_assert (all[i]->device == device);
      if (all[i]->ended)
        {
          g_array_append_vals (handles, all[i]->handles->data, all[i]->handles->len);
          continue;
        }
      if (!submit (device, (VkCommandBuffer *) (gpointer) handles->data, handles->len,
                   VK_NULL_HANDLE, error)
          || !submit_first (all[i], error))
        return FALSE;
      g_array_set_size (handles, 0);
    }
  /* The fence waits for all that was submitted before, too. */
  if (!submit (device, (VkCommandBuffer *) (gpointer) handles->data, handles->len, fence, error)
      || !VK_CALL (error, vkWaitForFences, device->handle, 1, &fence, VK_TRUE, G_MAXUINT64)
      || !VK_CALL (error, vkResetFences, device->handle, 1, &fence))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (all[i]->timestamps != VK_NULL_HANDLE)
      print_timing (all[i]);
  return TRUE;
}

gboolean
cnn_commands_run (CnnCommands *self, GError **error)
{
  return cnn_commands_run_in_turn (&self, 1, error);
}

void
cnn_flat_groups (gsize items, guint groups[3])
{
  gsize n = (items + FLAT_LOCAL - 1) / FLAT_LOCAL;

  groups[0] = (guint) MIN (n, FLAT_GROUPS);
  groups[1] = (guint) ((n + FLAT_GROUPS - 1) / FLAT_GROUPS);
  groups[2] = 1;
}
