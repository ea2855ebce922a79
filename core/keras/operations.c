/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_private.h"

/* --- what a layer is called on --- */

static void
add_operand (GArray *operands, const char *name, gint64 use, gint64 output, JsonNode *constant)
{
  CnnOperand operand = { name, (int) CLAMP (use, -1, G_MAXINT), (int) CLAMP (output, -1, G_MAXINT),
                         constant };

  g_array_append_val (operands, operand);
}

/* [layer, node, tensor, …], as Keras names a tensor */
gboolean
cnn_operand_from_triple (JsonArray *array, GArray *operands)
{
  const char *name;
  gint64 use, output;

  if (json_array_get_length (array) < 3)
    return FALSE;
  name = cnn_json_node_string (json_array_get_element (array, 0));
  if (name == NULL || !cnn_json_integer (json_array_get_element (array, 1), &use)
      || !cnn_json_integer (json_array_get_element (array, 2), &output))
    return FALSE;
  add_operand (operands, name, use, output, NULL);
  return TRUE;
}

static gboolean
collect_tensor (JsonObject *object, GArray *operands)
{
  JsonArray *history = cnn_json_array (cnn_json_object (object, "config"), "keras_history");

  return history != NULL && cnn_operand_from_triple (history, operands);
}

/* What an argument is made of. */
typedef enum
{
  HOLDS_NOTHING, /* lists without anything in them */
  HOLDS_NUMBERS, /* and no more */
  HOLDS_MORE
} Holding;

static gboolean collect_from (JsonNode *node, GArray *operands, Holding *holding);

static gboolean
collect_list (JsonNode *list, JsonArray *array, GArray *operands, Holding *holding)
{
  const guint before = operands->len;

  *holding = HOLDS_NOTHING;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      Holding inner;

      if (!collect_from (json_array_get_element (array, i), operands, &inner))
        return FALSE;
      *holding = MAX (*holding, inner);
    }
  if (*holding == HOLDS_NUMBERS)
    {
      /* the whole list is one constant */
      g_array_set_size (operands, before);
      add_operand (operands, NULL, -1, -1, list);
    }
  return TRUE;
}

/* Every node is looked at once: nested lists may be as deep, and as long, as JSON may be. */
static gboolean
collect_from (JsonNode *node, GArray *operands, Holding *holding)
{
  JsonNode *plain = cnn_json_unwrap (node);

  *holding = HOLDS_MORE;
  if (cnn_json_is_number (plain))
    {
      *holding = HOLDS_NUMBERS;
      add_operand (operands, NULL, -1, -1, node);
      return TRUE;
    }
  if (JSON_NODE_HOLDS_OBJECT (node)
      && g_strcmp0 (cnn_json_string (json_node_get_object (node), "class_name"), "__keras_tensor__")
             == 0)
    return collect_tensor (json_node_get_object (node), operands);
  return !JSON_NODE_HOLDS_ARRAY (plain)
         || collect_list (node, json_node_get_array (plain), operands, holding);
}

static gboolean
collect_argument (JsonNode *node, GArray *operands)
{
  Holding holding;

  return collect_from (node, operands, &holding);
}

/* Keyword arguments; `training`, `mask` and the like bring nothing at inference. */
static gboolean
collect_keywords (JsonObject *keywords, GArray *operands)
{
  static const char *const names[] = { "x1", "x", "inputs", "x2", "y" };

  for (guint i = 0; keywords != NULL && i < G_N_ELEMENTS (names); i++)
    {
      JsonNode *node = cnn_json_member (keywords, names[i]);

      if (cnn_json_is_null (node))
        continue;
      if (JSON_NODE_HOLDS_ARRAY (node)
          && cnn_operand_from_triple (json_node_get_array (node), operands))
        continue;
      if (!collect_argument (node, operands))
        return FALSE;
    }
  return TRUE;
}

/* Keras 2: ["layer", node, tensor, {keywords}] */
static gboolean
collect_connection (JsonArray *array, GArray *operands)
{
  JsonNode *last = json_array_get_length (array) > 3 ? json_array_get_element (array, 3) : NULL;
  const char *name = cnn_json_node_string (json_array_get_element (array, 0));

  if (g_strcmp0 (name, "_CONSTANT_VALUE") == 0 && json_array_get_length (array) >= 3)
    add_operand (operands, NULL, -1, -1, json_array_get_element (array, 2));
  else if (!cnn_operand_from_triple (array, operands))
    return FALSE;
  return last == NULL || !JSON_NODE_HOLDS_OBJECT (last)
         || collect_keywords (json_node_get_object (last), operands);
}

gboolean
cnn_operands_collect (JsonNode *node, GArray *operands)
{
  JsonArray *array;

  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObject *call = json_node_get_object (node);
      JsonNode *arguments = cnn_json_member (call, "args");

      return (arguments == NULL || collect_argument (arguments, operands))
             && collect_keywords (cnn_json_object (call, "kwargs"), operands);
    }
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return FALSE;
  array = json_node_get_array (node);
  if (json_array_get_length (array) > 0
      && cnn_json_node_string (json_array_get_element (array, 0)) != NULL)
    return collect_connection (array, operands);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *connection = json_array_get_element (array, i);

      if (!JSON_NODE_HOLDS_ARRAY (connection)
          || json_array_get_length (json_node_get_array (connection)) == 0
          || !collect_connection (json_node_get_array (connection), operands))
        return FALSE;
    }
  return TRUE;
}

/* --- operators: x / 127.5 - 1 in the code of a model --- */

typedef enum
{
  ADD,
  SUBTRACT,
  MULTIPLY,
  DIVIDE
} Arithmetic;

static gboolean
arithmetic (const char *function, Arithmetic *kind)
{
  static const struct
  {
    const char *name;
    Arithmetic kind;
  } table[] = {
    { "add", ADD },           { "radd", ADD },
    { "subtract", SUBTRACT }, { "sub", SUBTRACT },
    { "multiply", MULTIPLY }, { "mul", MULTIPLY },
    { "rmul", MULTIPLY },     { "divide", DIVIDE },
    { "truediv", DIVIDE },    { "true_divide", DIVIDE },
    { "truedivide", DIVIDE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (strcmp (table[i].name, function) == 0)
      {
        *kind = table[i].kind;
        return TRUE;
      }
  return FALSE;
}

static JsonNode *
numbers_node (JsonNode *constant, gboolean negative, gboolean inverse)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (double));
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  cnn_json_flatten (constant, numbers);
  for (guint i = 0; i < numbers->len; i++)
    {
      double value = g_array_index (numbers, double, i);

      value = negative ? -value : value;
      json_array_add_double_element (array, inverse ? 1 / value : value);
    }
  json_node_take_array (node, array);
  return node;
}

/* x · scale + offset; NULL where one of the operands' places makes it another thing */
static JsonObject *
rescaling (Arithmetic kind, const CnnOperand *left, const CnnOperand *right)
{
  JsonNode *constant = left->constant != NULL ? left->constant : right->constant;
  gboolean constant_first = left->constant != NULL;
  JsonObject *config;

  if (kind == DIVIDE && constant_first)
    return NULL;
  config = json_object_new ();
  json_object_set_double_member (config, "scale", kind == SUBTRACT && constant_first ? -1 : 1);
  json_object_set_double_member (config, "offset", 0);
  if (kind == MULTIPLY || kind == DIVIDE)
    json_object_set_member (config, "scale", numbers_node (constant, FALSE, kind == DIVIDE));
  else
    json_object_set_member (config, "offset",
                            numbers_node (constant, kind == SUBTRACT && !constant_first, FALSE));
  return config;
}

JsonObject *
cnn_operation_translate (const char *function, GArray *operands, int keras_major,
                         const char **class_name)
{
  const char *last = MAX (strrchr (function, '.'), strrchr (function, '>'));
  g_autofree char *name = g_ascii_strdown (last != NULL ? last + 1 : function, -1);
  CnnOperand *operand = (CnnOperand *) (gpointer) operands->data;
  CnnActivation activation;
  Arithmetic kind;
  JsonObject *config;

  if (arithmetic (name, &kind) && operands->len == 2)
    {
      if ((operand[0].constant == NULL) != (operand[1].constant == NULL))
        {
          *class_name = "Rescaling";
          return rescaling (kind, &operand[0], &operand[1]);
        }
      *class_name = kind == ADD ? "Add" : kind == SUBTRACT ? "Subtract" : "Multiply";
      return operand[0].constant == NULL && kind != DIVIDE ? json_object_new () : NULL;
    }
  if ((strcmp (name, "maximum") == 0 || strcmp (name, "minimum") == 0) && operands->len == 2
      && operand[0].constant == NULL && operand[1].constant == NULL)
    {
      *class_name = strcmp (name, "maximum") == 0 ? "Maximum" : "Minimum";
      return json_object_new ();
    }
  if (operands->len == 1 && operand[0].constant == NULL
      && cnn_keras_activation (name, keras_major, &activation))
    {
      *class_name = "Activation";
      config = json_object_new ();
      json_object_set_string_member (config, "activation", name);
      return config;
    }
  return NULL;
}
