/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"

#include <math.h>

/* The largest config of keras.applications is about 2 MB, nested 20 deep. */
#define MAX_LENGTH (16 * 1024 * 1024)
#define MAX_DEPTH 512

/* json-glib recurses: a file of a hundred thousand brackets would run out of stack. */
static int
depth (const char *text, gsize length)
{
  int depth = 0, deepest = 0;
  gboolean in_string = FALSE;

  for (gsize i = 0; i < length; i++)
    if (in_string)
      {
        if (text[i] == '\\')
          i++;
        else if (text[i] == '"')
          in_string = FALSE;
      }
    else if (text[i] == '"')
      in_string = TRUE;
    else if (text[i] == '[' || text[i] == '{')
      {
        depth++;
        deepest = MAX (deepest, depth);
      }
    else if (text[i] == ']' || text[i] == '}')
      depth--;
  return deepest;
}

JsonNode *
cnn_json_parse (const char *text, gsize length, const char *what, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) problem = NULL;
  JsonNode *root;

  if (length > MAX_LENGTH)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "%s is too long for a model's JSON: %" G_GSIZE_FORMAT " bytes", what, length);
      return NULL;
    }
  if (depth (text, length) > MAX_DEPTH)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is nested more than %d deep", what,
                   MAX_DEPTH);
      return NULL;
    }
  if (!g_utf8_validate_len (text, length, NULL)
      || !json_parser_load_from_data (parser, text, (gssize) length, &problem))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is not sound JSON: %s", what,
                   problem != NULL ? problem->message : "it is not UTF-8");
      return NULL;
    }
  root = json_parser_steal_root (parser);
  if (root == NULL)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is empty", what);
  return root;
}

static char *
unpack (const char *bytes, gsize length, gsize *unpacked, GError **error)
{
  g_autoptr (GZlibDecompressor) gzip = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP);
  g_autoptr (GInputStream) memory =
      g_memory_input_stream_new_from_data (bytes, (gssize) length, NULL);
  g_autoptr (GInputStream) stream = g_converter_input_stream_new (memory, G_CONVERTER (gzip));
  g_autoptr (GString) text = g_string_new (NULL);
  char piece[8192];
  gssize n;

  while ((n = g_input_stream_read (stream, piece, sizeof piece, NULL, error)) > 0
         && text->len <= MAX_LENGTH)
    g_string_append_len (text, piece, n);
  if (n < 0)
    return NULL;
  *unpacked = text->len;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

JsonNode *
cnn_json_read (const char *path, GError **error)
{
  g_autofree char *bytes = NULL, *text = NULL, *label = g_filename_display_basename (path);
  g_autoptr (GError) problem = NULL;
  gsize length;

  if (!g_file_get_contents (path, &bytes, &length, &problem))
    {
      g_set_error_literal (error, CNN_ERROR, CNN_ERROR_FILE, problem->message);
      return NULL;
    }
  if (!g_str_has_suffix (path, ".gz"))
    return cnn_json_parse (bytes, length, label, error);
  text = unpack (bytes, length, &length, &problem);
  if (text == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", label, problem->message);
      return NULL;
    }
  return cnn_json_parse (text, length, label, error);
}

JsonNode *
cnn_json_member (JsonObject *object, const char *name)
{
  return object != NULL ? json_object_get_member (object, name) : NULL;
}

JsonObject *
cnn_json_object (JsonObject *object, const char *name)
{
  JsonNode *node = cnn_json_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonArray *
cnn_json_array (JsonObject *object, const char *name)
{
  JsonNode *node = cnn_json_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

const char *
cnn_json_node_string (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
                 && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

const char *
cnn_json_string (JsonObject *object, const char *name)
{
  return cnn_json_node_string (cnn_json_member (object, name));
}

gboolean
cnn_json_is_null (JsonNode *node)
{
  return node == NULL || JSON_NODE_HOLDS_NULL (node);
}

gboolean
cnn_json_is_number (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
         && (json_node_get_value_type (node) == G_TYPE_INT64
             || json_node_get_value_type (node) == G_TYPE_DOUBLE);
}

gboolean
cnn_json_integer (JsonNode *node, gint64 *value)
{
  double real;

  if (!cnn_json_is_number (node))
    return FALSE;
  if (json_node_get_value_type (node) == G_TYPE_INT64)
    {
      *value = json_node_get_int (node);
      return TRUE;
    }
  real = json_node_get_double (node);
  if (!(fabs (real) < 1e15) || real != floor (real))
    return FALSE;
  *value = (gint64) real;
  return TRUE;
}

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
