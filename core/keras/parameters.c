/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"

#include <math.h>

/* No layer of a picture has sizes near these; beyond them integers would overflow downstream. */
#define MAX_INT (1 << 24)
#define MAX_SIZE (1 << 16)

static gboolean
bad_value (const CnnLayer *layer, const char *name, JsonNode *value, const char *wanted,
           GError **error)
{
  g_autofree char *text = json_to_string (value, FALSE);

  if (strlen (text) > 60)
    strcpy (g_utf8_offset_to_pointer (text, g_utf8_strlen (text, 56)), "…");
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "\"%s\" should be %s, not %s", name, wanted,
                       text);
  return FALSE;
}

static gboolean
whole_number (JsonNode *node, int limit, int *value)
{
  gint64 number;

  if (!cnn_json_integer (cnn_json_unwrap (node), &number) || number < -limit || number > limit)
    return FALSE;
  *value = (int) number;
  return TRUE;
}

/* n, or as many numbers as `n` says, or one in a list */
static gboolean
whole_numbers (JsonNode *node, int n, int *values)
{
  JsonArray *array;

  node = cnn_json_unwrap (node);
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    {
      if (!whole_number (node, MAX_SIZE, &values[0]))
        return FALSE;
      for (int i = 1; i < n; i++)
        values[i] = values[0];
      return TRUE;
    }
  array = json_node_get_array (node);
  if (json_array_get_length (array) == 1)
    return whole_numbers (json_array_get_element (array, 0), n, values);
  if (json_array_get_length (array) != (guint) n)
    return FALSE;
  for (int i = 0; i < n; i++)
    if (!whole_number (json_array_get_element (array, (guint) i), MAX_SIZE, &values[i]))
      return FALSE;
  return TRUE;
}

static gboolean
border (JsonNode *node, int values[4])
{
  JsonArray *array;

  node = cnn_json_unwrap (node);
  if (node != NULL && JSON_NODE_HOLDS_ARRAY (node))
    {
      array = json_node_get_array (node);
      if (json_array_get_length (array) != 2)
        return FALSE;
      return whole_numbers (json_array_get_element (array, 0), 2, values)
             && whole_numbers (json_array_get_element (array, 1), 2, values + 2);
    }
  return whole_numbers (node, 4, values);
}

static gboolean
integers (JsonNode *node, CnnInts *ints)
{
  JsonArray *array;

  node = cnn_json_unwrap (node);
  ints->n = 1;
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    return whole_number (node, G_MAXINT, &ints->values[0]);
  array = json_node_get_array (node);
  if (json_array_get_length (array) > CNN_MAX_RANK)
    return FALSE;
  ints->n = (int) json_array_get_length (array);
  for (int i = 0; i < ints->n; i++)
    {
      JsonNode *element = json_array_get_element (array, (guint) i);

      ints->values[i] = -1;
      if (!cnn_json_is_null (element) && !whole_number (element, MAX_INT, &ints->values[i]))
        return FALSE;
    }
  return TRUE;
}

static gboolean
real_numbers (JsonNode *node, CnnArray **values)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (double));
  gint64 n;

  if (!cnn_json_flatten (node, numbers))
    return FALSE;
  n = numbers->len;
  cnn_array_unref (*values);
  *values = cnn_array_new (1, &n, "numbers", NULL);
  for (gint64 i = 0; *values != NULL && i < n; i++)
    {
      (*values)->data[i] = (float) g_array_index (numbers, double, i);
      if (!isfinite ((*values)->data[i]))
        return FALSE;
    }
  return *values != NULL;
}

static char *
list_of (const char *const *choices)
{
  g_autofree char *joined = g_strjoinv ("\" or \"", (char **) choices);

  return g_strdup_printf ("\"%s\"", joined);
}

/* "keras.activations.relu", "keras.src.activations>relu" → "relu"; a stranger's package stays */
static const char *
plain_name (const char *name)
{
  const char *last = MAX (strrchr (name, '.'), strrchr (name, '>'));

  if (last != NULL
      && (g_str_has_prefix (name, "keras") || g_str_has_prefix (name, "tf.")
          || g_str_has_prefix (name, "tf_keras") || g_str_has_prefix (name, "tensorflow")))
    return last + 1;
  return name;
}

gboolean
cnn_keras_activation (const char *name, int keras_major, CnnActivation *activation)
{
  /* Before Keras 3 the names of layers are taken, too, with the layers' defaults. */
  static const struct
  {
    const char *name, *function;
    float alpha; /* 0: the function's own */
  } before_3[] = {
    { "hard_sigmoid", "hard_sigmoid_0.2", 0.f },
    { "ReLU", "relu", 0.f },
    { "LeakyReLU", "leaky_relu", .3f },
    { "ELU", "elu", 0.f },
    { "Softmax", "softmax", 0.f },
  };

  for (guint i = 0; keras_major < 3 && i < G_N_ELEMENTS (before_3); i++)
    if (strcmp (before_3[i].name, name) == 0)
      {
        gboolean known = cnn_activation_from_name (before_3[i].function, activation);

        if (before_3[i].alpha > 0)
          activation->alpha = before_3[i].alpha;
        return known;
      }
  return cnn_activation_from_name (name, activation);
}

static gboolean
activation_object (const CnnLayer *layer, JsonObject *object, int keras_major,
                   CnnActivation *activation, GError **error)
{
  const char *class_name = cnn_json_string (object, "class_name");
  const CnnLayerClass *klass = class_name != NULL ? cnn_layer_class_find (class_name) : NULL;
  g_autoptr (CnnLayer) inner = NULL;

  if (klass == NULL || (klass->flags & CNN_LAYER_ACTIVATION) == 0)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                           "activation \"%s\" is not supported",
                           class_name != NULL ? class_name : "?");
      return FALSE;
    }
  inner = cnn_parameters_layer (klass, layer->name, keras_major, cnn_json_object (object, "config"),
                                error);
  if (inner == NULL)
    return FALSE;
  *activation = inner->activation;
  return TRUE;
}

static gboolean
read_activation (const CnnLayer *layer, const char *param, JsonNode *value, int keras_major,
                 CnnActivation *activation, GError **error)
{
  const char *name = cnn_json_node_string (value);

  if (JSON_NODE_HOLDS_OBJECT (value))
    {
      JsonObject *object = json_node_get_object (value);

      /* functions: {"class_name": "function", "config": "relu6"} */
      name = cnn_json_string (object, "config");
      if (name == NULL)
        return activation_object (layer, object, keras_major, activation, error);
    }
  if (name == NULL)
    return bad_value (layer, param, value, "an activation's name", error);
  if (cnn_keras_activation (plain_name (name), keras_major, activation))
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED, "activation \"%s\" is not supported",
                       name);
  return FALSE;
}

static gboolean
read_param (CnnLayer *layer, const CnnParam *param, JsonNode *value, int keras_major,
            GError **error)
{
  gpointer field = G_STRUCT_MEMBER_P (layer, param->offset);
  JsonNode *plain = cnn_json_unwrap (value);
  const char *text = cnn_json_node_string (value);

  switch (param->kind)
    {
    case CNN_PARAM_INT:
      return whole_number (value, MAX_INT, field)
             || bad_value (layer, param->name, value, "a whole number", error);
    case CNN_PARAM_BOOL:
      if (JSON_NODE_HOLDS_VALUE (value) && json_node_get_value_type (value) == G_TYPE_BOOLEAN)
        *(gboolean *) field = json_node_get_boolean (value);
      else if (cnn_json_is_number (value))
        *(gboolean *) field = json_node_get_double (value) != 0;
      else
        return bad_value (layer, param->name, value, "true or false", error);
      return TRUE;
    case CNN_PARAM_FLOAT:
      if (!cnn_json_is_number (plain) || !isfinite ((float) json_node_get_double (plain)))
        return bad_value (layer, param->name, value, "a number", error);
      *(float *) field = (float) json_node_get_double (plain);
      return TRUE;
    case CNN_PARAM_SIZE:
      return whole_numbers (value, 2, field)
             || bad_value (layer, param->name, value, "a whole number or two", error);
    case CNN_PARAM_BORDER:
      return border (value, field)
             || bad_value (layer, param->name, value,
                           "a whole number, two, or [[top, bottom], [left, right]]", error);
    case CNN_PARAM_CHOICE:
      for (int i = 0; text != NULL && param->choices[i] != NULL; i++)
        if (g_ascii_strcasecmp (param->choices[i], text) == 0)
          {
            *(int *) field = i;
            return TRUE;
          }
      {
        g_autofree char *wanted = list_of (param->choices);

        return bad_value (layer, param->name, value, wanted, error);
      }
    case CNN_PARAM_INTS:
      return integers (value, field)
             || bad_value (layer, param->name, value, "whole numbers, at most six", error);
    case CNN_PARAM_FLOATS:
      return real_numbers (value, field) || bad_value (layer, param->name, value, "numbers", error);
    case CNN_PARAM_ACTIVATION:
      return read_activation (layer, param->name, value, keras_major, field, error);
    }
  g_assert_not_reached ();
}

/* What a layer says that no parameter table holds, but that changes its meaning. */
static gboolean
check_config (const CnnLayer *layer, JsonObject *config, GError **error)
{
  static const char *const of_keras_1[] = { "nb_filter", "border_mode", "dim_ordering",
                                            "output_dim", "subsample" };
  const char *format = cnn_json_string (config, "data_format");

  if (format != NULL && strcmp (format, "channels_last") != 0)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                           "data_format \"%s\" is not supported, only \"channels_last\"", format);
      return FALSE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (of_keras_1); i++)
    if (cnn_json_member (config, of_keras_1[i]) != NULL)
      {
        cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED,
                             "\"%s\" is a parameter of Keras 1; load and save the model with Keras "
                             "2 first",
                             of_keras_1[i]);
        return FALSE;
      }
  return TRUE;
}

CnnLayer *
cnn_parameters_layer (const CnnLayerClass *klass, const char *name, int keras_major,
                      JsonObject *config, GError **error)
{
  g_autoptr (CnnLayer) layer = cnn_layer_new (klass, name);

  if (config != NULL && !check_config (layer, config, error))
    return NULL;
  for (const CnnParam *param = klass->params; param != NULL && param->name != NULL; param++)
    {
      JsonNode *value = cnn_json_member (config, param->name);

      /* an input's shape had another name before Keras 3 */
      if (value == NULL && strcmp (param->name, "batch_shape") == 0)
        value = cnn_json_member (config, "batch_input_shape");
      if (!cnn_json_is_null (value) && !read_param (layer, param, value, keras_major, error))
        return NULL;
    }
  if (!cnn_layer_configure (layer, error))
    return NULL;
  return g_steal_pointer (&layer);
}
