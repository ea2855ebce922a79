/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"

JsonNode *
cnn_json_unwrap (JsonNode *node)
{
  for (int i = 0; i < 4 && node != NULL && JSON_NODE_HOLDS_OBJECT (node); i++)
    {
      JsonObject *object = json_node_get_object (node);
      const char *class_name = cnn_json_string (object, "class_name");

      if (json_object_has_member (object, "items"))
        node = json_object_get_member (object, "items");
      else if (json_object_has_member (object, "value"))
        node = json_object_get_member (object, "value");
      else if (class_name != NULL && g_str_has_prefix (class_name, "__")
               && json_object_has_member (object, "config"))
        node = json_object_get_member (object, "config");
      else
        break;
    }
  return node;
}

gboolean
cnn_json_flatten (JsonNode *node, GArray *doubles)
{
  node = cnn_json_unwrap (node);
  if (cnn_json_is_number (node))
    {
      double value = json_node_get_double (node);

      g_array_append_val (doubles, value);
      return TRUE;
    }
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    return FALSE;
  for (guint i = 0; i < json_array_get_length (json_node_get_array (node)); i++)
    if (!cnn_json_flatten (json_array_get_element (json_node_get_array (node), i), doubles))
      return FALSE;
  return TRUE;
}
