/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "network_private.h"

#include "regular.h"

#include <string.h>

#define MAX_LABELS 1000000
#define MAX_LENGTH CNN_JSON_MAX_LENGTH

/* Teachable Machine writes "0 cat", "1 dog": a number is taken off if all lines count so. */
static void
drop_indices (GPtrArray *labels)
{
  for (guint i = 0; i < labels->len; i++)
    {
      g_autofree char *number = g_strdup_printf ("%u ", i);

      if (!g_str_has_prefix (g_ptr_array_index (labels, i), number))
        return;
    }
  for (guint i = 0; i < labels->len; i++)
    {
      char *label = g_ptr_array_index (labels, i);

      labels->pdata[i] = g_strstrip (g_strdup (strchr (label, ' ')));
      g_free (label);
    }
}

static GPtrArray *
from_lines (const char *text)
{
  GPtrArray *labels = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) lines = g_strsplit (text, "\n", MAX_LABELS);

  for (int i = 0; lines[i] != NULL; i++)
    g_ptr_array_add (labels, g_strdup (g_strstrip (lines[i])));
  while (labels->len > 0 && ((const char *) g_ptr_array_index (labels, labels->len - 1))[0] == '\0')
    g_ptr_array_set_size (labels, (int) labels->len - 1);
  drop_indices (labels);
  return labels;
}

/* "tench", or ["n01440764", "tench"] */
static const char *
label_of (JsonNode *node)
{
  if (node != NULL && JSON_NODE_HOLDS_ARRAY (node)
      && json_array_get_length (json_node_get_array (node)) > 0)
    {
      JsonArray *array = json_node_get_array (node);

      return cnn_json_node_string (
          json_array_get_element (array, json_array_get_length (array) - 1));
    }
  return cnn_json_node_string (node);
}

static gboolean
put (GPtrArray *labels, guint64 index, const char *label)
{
  if (index >= labels->len || labels->pdata[index] != NULL || label == NULL)
    return FALSE;
  labels->pdata[index] = g_strdup (label);
  return TRUE;
}

/* {"0": ["n01440764", "tench"], …}, {"0": "tench", …} or, as flow_from_directory has it,
 * {"tench": 0, …} */
static gboolean
from_object (JsonObject *object, GPtrArray *labels)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  g_ptr_array_set_size (labels, (int) json_object_get_size (object));
  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &value))
    {
      guint64 index;
      gint64 number;

      if (cnn_json_integer (value, &number))
        {
          if (number < 0 || !put (labels, (guint64) number, name))
            return FALSE;
        }
      else if (!g_ascii_string_to_unsigned (name, 10, 0, MAX_LABELS, &index, NULL)
               || !put (labels, index, label_of (value)))
        return FALSE;
    }
  return TRUE;
}

GPtrArray *
cnn_labels_from_json (JsonNode *node)
{
  g_autoptr (GPtrArray) labels = g_ptr_array_new_with_free_func (g_free);
  JsonArray *array;

  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    return from_object (json_node_get_object (node), labels) ? g_steal_pointer (&labels) : NULL;
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    return NULL;
  array = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      const char *label = label_of (json_array_get_element (array, i));

      if (label == NULL)
        return NULL;
      g_ptr_array_add (labels, g_strdup (label));
    }
  return g_steal_pointer (&labels);
}

GPtrArray *
cnn_labels_read (const char *path, GError **error)
{
  g_autoptr (GPtrArray) labels = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *text = NULL, *label = g_filename_display_basename (path);
  const char *start;
  gsize length;

  text = cnn_regular_read (path, MAX_LENGTH, &length, error);
  if (text == NULL)
    {
      g_prefix_error (error, "labels: ");
      return NULL;
    }
  if (!g_utf8_validate_len (text, length, NULL))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "labels \"%s\" is not UTF-8 text", label);
      return NULL;
    }
  start = g_str_has_prefix (text, "\xef\xbb\xbf") ? text + 3 : text;
  while (g_ascii_isspace (*start))
    start++;
  if (*start == '{' || *start == '[')
    {
      node = cnn_json_parse (start, length - (gsize) (start - text), label, error);
      if (node == NULL)
        return NULL;
      labels = cnn_labels_from_json (node);
    }
  else
    labels = from_lines (start);
  if (labels == NULL || labels->len == 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "labels \"%s\" %s", label,
                   labels == NULL ? "is not a class index of Keras" : "has no labels");
      return NULL;
    }
  return g_steal_pointer (&labels);
}
