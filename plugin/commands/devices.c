/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"

static Result *
devices (Run *run G_GNUC_UNUSED, const Subject *subject G_GNUC_UNUSED,
         const CnnProgress *progress G_GNUC_UNUSED, GError **error)
{
  g_autoptr (GPtrArray) list = cnn_devices_list (error);
  if (list == NULL)
    return NULL;

  Result *result = result_new ();
  result_begin_list (result, "devices");
  for (guint i = 0; i < list->len; i++)
    {
      const CnnDeviceInfo *info = g_ptr_array_index (list, i);
      result_begin (result, NULL);
      result_integer (result, "index", info->index);
      result_string (result, "name", info->name);
      result_string (result, "type", info->type);
      result_string (result, "driver", info->driver);
      result_integer (result, "memory", (gint64) info->memory);
      result_end (result);
      result_line (result, "%d  %s (%s, %s, %.1f GiB)", info->index, info->name, info->type,
                   info->driver, (double) info->memory / (1 << 30));
    }
  result_end_list (result);
  if (list->len == 0)
    g_string_append (result->text, "There is no Vulkan device that can compute.\n");
  return result;
}

const Command devices_command = {
  .name = "devices",
  .label = "_Devices",
  .summary = "list the Vulkan devices",
  .help = "Lists the Vulkan devices that can compute, the best first. --device takes the index or "
          "part of the name.",
  .run = devices,
};
