/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json.h"
#include "store_private.h"

#include <string.h>

static void
model_free (gpointer data)
{
  CnnStoreModel *model = data;

  g_free (model->name);
  g_free (model->alias);
  g_free (model->keras);
  g_free (model->architecture);
  g_free (model->url);
  g_free (model->file);
  g_free (model->checksum);
  g_free (model->preprocess);
  g_free (model->labels);
  g_free (model->licence);
  g_free (model);
}

typedef enum
{
  FIELD_TEXT,
  FIELD_NUMBER,
  FIELD_INT,
  FIELD_FLAG
} FieldKind;

static const struct
{
  const char *name;
  FieldKind kind;
  gboolean may_be_null;
  gsize offset;
} fields[] = {
  { "name", FIELD_TEXT, FALSE, G_STRUCT_OFFSET (CnnStoreModel, name) },
  { "alias", FIELD_TEXT, TRUE, G_STRUCT_OFFSET (CnnStoreModel, alias) },
  { "keras", FIELD_TEXT, FALSE, G_STRUCT_OFFSET (CnnStoreModel, keras) },
  { "architecture", FIELD_TEXT, FALSE, G_STRUCT_OFFSET (CnnStoreModel, architecture) },
  { "top", FIELD_FLAG, FALSE, G_STRUCT_OFFSET (CnnStoreModel, top) },
  { "url", FIELD_TEXT, TRUE, G_STRUCT_OFFSET (CnnStoreModel, url) },
  { "file", FIELD_TEXT, FALSE, G_STRUCT_OFFSET (CnnStoreModel, file) },
  { "checksum", FIELD_TEXT, TRUE, G_STRUCT_OFFSET (CnnStoreModel, checksum) },
  { "size", FIELD_NUMBER, TRUE, G_STRUCT_OFFSET (CnnStoreModel, size) },
  { "parameters", FIELD_NUMBER, FALSE, G_STRUCT_OFFSET (CnnStoreModel, parameters) },
  { "input_size", FIELD_INT, FALSE, G_STRUCT_OFFSET (CnnStoreModel, input_size) },
  { "classes", FIELD_INT, FALSE, G_STRUCT_OFFSET (CnnStoreModel, classes) },
  { "preprocess", FIELD_TEXT, FALSE, G_STRUCT_OFFSET (CnnStoreModel, preprocess) },
  { "labels", FIELD_TEXT, TRUE, G_STRUCT_OFFSET (CnnStoreModel, labels) },
  { "licence", FIELD_TEXT, FALSE, G_STRUCT_OFFSET (CnnStoreModel, licence) },
};

static gboolean
take_field (JsonNode *node, FieldKind kind, gpointer place)
{
  GType type = node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node)
                                                            : G_TYPE_INVALID;
  gint64 number = type == G_TYPE_INT64 ? json_node_get_int (node) : -1;

  switch (kind)
    {
    case FIELD_TEXT:
      if (type != G_TYPE_STRING || *json_node_get_string (node) == '\0')
        return FALSE;
      *(char **) place = json_node_dup_string (node);
      return TRUE;
    case FIELD_NUMBER:
      *(gint64 *) place = number;
      return number >= 0;
    case FIELD_INT:
      *(int *) place = (int) number;
      return number >= 0 && number <= G_MAXINT;
    case FIELD_FLAG:
      if (type != G_TYPE_BOOLEAN)
        return FALSE;
      *(gboolean *) place = json_node_get_boolean (node);
      return TRUE;
    }
  return FALSE;
}

static gboolean
is_checksum (const char *text)
{
  const char *digits = text == NULL                         ? NULL
                       : g_str_has_prefix (text, "md5:")    ? text + 4
                       : g_str_has_prefix (text, "sha256:") ? text + 7
                                                            : NULL;

  return text == NULL
         || (digits != NULL && strlen (digits) == (text[0] == 'm' ? 32 : 64)
             && strspn (digits, "0123456789abcdef") == strlen (digits));
}

/* What is wrong with an entry whose fields are all there, or NULL. */
static const char *
wrong_field (const CnnStoreModel *model)
{
  if (!is_checksum (model->checksum))
    return "checksum";
  if (model->url != NULL && !g_str_has_prefix (model->url, "https://")
      && !g_str_has_prefix (model->url, "http://"))
    return "url";
  if (strchr (model->file, '/') != NULL || model->file[0] == '.')
    return "file";
  if (model->parameters == 0)
    return "parameters";
  if (model->input_size == 0)
    return "input_size";
  if (model->top != (model->classes > 0))
    return "classes";
  if (model->top != (model->labels != NULL))
    return "labels";
  return NULL;
}

static CnnStoreModel *
read_model (JsonObject *object, guint number, GError **error)
{
  CnnStoreModel *model = g_new0 (CnnStoreModel, 1);
  const char *wrong = NULL;

  for (guint i = 0; wrong == NULL && i < G_N_ELEMENTS (fields); i++)
    {
      JsonNode *node = json_object_get_member (object, fields[i].name);

      if (node != NULL && JSON_NODE_HOLDS_NULL (node) && fields[i].may_be_null)
        continue;
      if (!take_field (node, fields[i].kind, (char *) model + fields[i].offset))
        wrong = fields[i].name;
    }
  if (wrong == NULL)
    wrong = wrong_field (model);
  if (wrong == NULL)
    return model;
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
               "the registry of models: entry %u (%s): \"%s\" is missing or wrong", number,
               model->name != NULL ? model->name : "no name", wrong);
  model_free (model);
  return NULL;
}

GPtrArray *
cnn_registry_read (const char *path, GError **error)
{
  g_autoptr (GPtrArray) models = g_ptr_array_new_with_free_func (model_free);
  g_autoptr (GError) problem = NULL;
  g_autoptr (JsonNode) root = cnn_json_read (path, &problem);
  JsonNode *list = NULL;
  JsonArray *array;

  if (root == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "the registry of models \"%s\" cannot be read: %s", path, problem->message);
      return NULL;
    }
  if (JSON_NODE_HOLDS_OBJECT (root))
    list = json_object_get_member (json_node_get_object (root), "models");
  if (list == NULL || !JSON_NODE_HOLDS_ARRAY (list))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "the registry of models \"%s\" has no list \"models\"", path);
      return NULL;
    }
  array = json_node_get_array (list);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      CnnStoreModel *model = NULL;

      if (JSON_NODE_HOLDS_OBJECT (node))
        model = read_model (json_node_get_object (node), i, error);
      else
        g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                     "the registry of models: entry %u is not an object", i);
      if (model == NULL)
        return NULL;
      g_ptr_array_add (models, model);
    }
  return g_steal_pointer (&models);
}

char *
cnn_registry_fold (const char *name)
{
  GString *folded = g_string_new (NULL);

  for (; *name != '\0'; name++)
    if (strchr ("_-. ", *name) == NULL)
      g_string_append_c (folded, g_ascii_tolower (*name));
  return g_string_free (folded, FALSE);
}
