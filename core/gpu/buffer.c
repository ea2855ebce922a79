/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "private.h"

#include <string.h>

CnnBuffer *
cnn_buffer_new_of_type (CnnDevice *device, gsize bytes, guint32 type_index, gboolean map,
                        const char *label, GError **error)
{
  g_autoptr (CnnBuffer) self = g_new0 (CnnBuffer, 1);
  const gsize size = MAX (bytes, 16);
  /* The software driver compiles a kernel anew where a buffer's size is a power of two. */
  VkBufferCreateInfo info = {
    .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
    .size = (size & (size - 1)) == 0 ? size + 16 : size,
    .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT
             | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT,
  };
  VkMemoryAllocateInfo allocation = {
    .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
    .memoryTypeIndex = type_index,
  };
  VkMemoryRequirements requirements;
  VkResult result;

  g_atomic_ref_count_init (&self->references);
  self->device = cnn_device_ref (device);
  self->size = size;
  if (!VK_CALL (error, vkCreateBuffer, device->handle, &info, NULL, &self->handle))
    return NULL;
  cnn_device_name_object (device, VK_OBJECT_TYPE_BUFFER, (guint64) self->handle, label);
  vkGetBufferMemoryRequirements (device->handle, self->handle, &requirements);
  allocation.allocationSize = requirements.size;
  result = vkAllocateMemory (device->handle, &allocation, NULL, &self->memory);
  if (result != VK_SUCCESS)
    {
      g_autofree char *size = g_format_size_full (bytes, G_FORMAT_SIZE_IEC_UNITS);
      g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
                   "%s has no room for %s (%s); try a smaller input size or another device",
                   device->name, label, size);
      return NULL;
    }
  if (!VK_CALL (error, vkBindBufferMemory, device->handle, self->handle, self->memory, 0))
    return NULL;
  if (map
      && !VK_CALL (error, vkMapMemory, device->handle, self->memory, 0, VK_WHOLE_SIZE, 0,
                   &self->mapped))
    return NULL;
  return g_steal_pointer (&self);
}

CnnBuffer *
cnn_buffer_new (CnnDevice *device, gsize bytes, const char *label, GError **error)
{
  return cnn_buffer_new_of_type (device, bytes, device->device_type_index, device->maps, label,
                                 error);
}

CnnBuffer *
cnn_buffer_ref (CnnBuffer *self)
{
  if (self != NULL)
    g_atomic_ref_count_inc (&self->references);
  return self;
}

void
cnn_buffer_unref (CnnBuffer *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->references))
    return;
  vkDestroyBuffer (self->device->handle, self->handle, NULL);
  vkFreeMemory (self->device->handle, self->memory, NULL);
  cnn_device_unref (self->device);
  g_free (self);
}

gsize
cnn_buffer_size (const CnnBuffer *self)
{
  return self->size;
}

gpointer
cnn_buffer_mapped (CnnBuffer *self)
{
  return self->mapped;
}

/* Copies between two buffers and waits. */
static gboolean
copy (CnnDevice *device, CnnBuffer *from, gsize from_offset, CnnBuffer *to, gsize to_offset,
      gsize bytes, GError **error)
{
  VkCommandBufferAllocateInfo allocation = {
    .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
    .commandPool = device->command_pool,
    .commandBufferCount = 1,
  };
  VkCommandBufferBeginInfo begin = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
  VkBufferCopy region = { from_offset, to_offset, bytes };
  VkCommandBuffer commands;
  gboolean done;

  if (!VK_CALL (error, vkAllocateCommandBuffers, device->handle, &allocation, &commands))
    return FALSE;
  done = VK_CALL (error, vkBeginCommandBuffer, commands, &begin);
  if (done)
    {
      vkCmdCopyBuffer (commands, from->handle, to->handle, 1, &region);
      done = VK_CALL (error, vkEndCommandBuffer, commands)
             && VK_CALL (error, vkQueueSubmit, device->queue, 1,
                         (&(VkSubmitInfo){ .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                                           .commandBufferCount = 1,
                                           .pCommandBuffers = &commands }),
                         VK_NULL_HANDLE)
             && VK_CALL (error, vkQueueWaitIdle, device->queue);
    }
  vkFreeCommandBuffers (device->handle, device->command_pool, 1, &commands);
  return done;
}

static CnnBuffer *
make_staging (CnnDevice *device, gsize bytes, GError **error)
{
  return cnn_buffer_new_of_type (device, bytes, device->staging_type_index, TRUE,
                                 "a copy to or from the device", error);
}

gboolean
cnn_buffer_write (CnnBuffer *self, gsize offset, gconstpointer data, gsize bytes, GError **error)
{
  g_autoptr (CnnBuffer) staging = NULL;

  g_assert (offset + bytes <= self->size);
  if (self->mapped != NULL)
    {
      memcpy ((char *) self->mapped + offset, data, bytes);
      return TRUE;
    }
  staging = make_staging (self->device, bytes, error);
  if (staging == NULL)
    return FALSE;
  memcpy (staging->mapped, data, bytes);
  return copy (self->device, staging, 0, self, offset, bytes, error);
}

gboolean
cnn_buffer_read (CnnBuffer *self, gsize offset, gpointer data, gsize bytes, GError **error)
{
  g_autoptr (CnnBuffer) staging = NULL;

  g_assert (offset + bytes <= self->size);
  if (self->mapped != NULL)
    {
      memcpy (data, (char *) self->mapped + offset, bytes);
      return TRUE;
    }
  staging = make_staging (self->device, bytes, error);
  if (staging == NULL || !copy (self->device, self, offset, staging, 0, bytes, error))
    return FALSE;
  memcpy (data, staging->mapped, bytes);
  return TRUE;
}
