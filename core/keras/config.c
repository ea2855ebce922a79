/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config_private.h"

#define MAX_PARTS 20000
#define MAX_NESTING 32

typedef struct
{
  int keras_major;
  int n_parts, nesting;
  gboolean half_precision;
} ConfigReader;

static const struct
{
  const char *old, *name;
} aliases[] = {
  { "Convolution2D", "Conv2D" },
  { "SeparableConvolution2D", "SeparableConv2D" },
  { "DepthwiseConvolution2D", "DepthwiseConv2D" },
  { "BatchNormalizationV1", "BatchNormalization" },
  { "BatchNormalizationV2", "BatchNormalization" },
  { "SyncBatchNormalization", "BatchNormalization" },
  { "MaxPool2D", "MaxPooling2D" },
  { "AvgPool2D", "AveragePooling2D" },
  { "GlobalAvgPool2D", "GlobalAveragePooling2D" },
  { "GlobalAveragePool2D", "GlobalAveragePooling2D" },
  { "GlobalMaxPool2D", "GlobalMaxPooling2D" },
};

static void
use_free (gpointer data)
{
  CnnPartCall *use = data;

  g_free (use->inputs);
  g_free (use->nodes);
  g_free (use);
}

void
cnn_part_free (CnnPart *part)
{
  if (part == NULL)
    return;
  cnn_layer_unref (part->layer);
  g_clear_pointer (&part->parts, g_ptr_array_unref);
  g_clear_pointer (&part->uses, g_ptr_array_unref);
  g_clear_pointer (&part->inputs, g_array_unref);
  g_clear_pointer (&part->outputs, g_array_unref);
  g_free (part->shapes);
  g_free (part->name);
  g_free (part->path);
  g_free (part->class_name);
  g_free (part);
}

gboolean
cnn_part_is_input (const CnnPart *part)
{
  return part->layer != NULL && (part->layer->klass->flags & CNN_LAYER_INPUT) != 0;
}

static CnnPart *read_part (ConfigReader *reader, JsonObject *object, const CnnPart *outer,
                           GError **error);

/* "mixed_float16", or a policy's object */
static const char *
policy_name (JsonObject *config)
{
  JsonObject *policy = cnn_json_object (config, "dtype");

  return policy != NULL ? cnn_json_string (cnn_json_object (policy, "config"), "name")
                        : cnn_json_string (config, "dtype");
}

static gboolean
is_model_class (const char *class_name)
{
  return strcmp (class_name, "Functional") == 0 || strcmp (class_name, "Model") == 0
         || strcmp (class_name, "Sequential") == 0;
}

static gboolean
is_operation (JsonObject *object)
{
  const char *module = cnn_json_string (object, "module");

  return module != NULL
         && (g_str_has_prefix (module, "keras.src.ops") || g_str_has_prefix (module, "keras.ops"));
}

/* Operators that share a layer's name. */
static const char *const operators[] = {
  "Add", "Subtract", "Multiply", "Maximum", "Minimum", NULL
};

/* A class that only shares its name with one of Keras'. */
static gboolean
is_custom (JsonObject *object)
{
  const char *module = cnn_json_string (object, "module");
  const char *registered = cnn_json_string (object, "registered_name");

  if (module != NULL)
    return !g_str_has_prefix (module, "keras") && !g_str_has_prefix (module, "tf_keras")
           && !g_str_has_prefix (module, "tensorflow");
  return registered != NULL && strchr (registered, '>') != NULL
         && !g_str_has_prefix (registered, "keras");
}

static gboolean
unsupported_class (const CnnPart *part, const char *class_name, const char *module, GError **error)
{
  g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
               "layer \"%s\": class \"%s\"%s%s is not supported%s", part->path, class_name,
               module != NULL ? " of " : "", module != NULL ? module : "",
               strcmp (class_name, "Lambda") == 0 ? "; its Python code cannot be run here" : "");
  return FALSE;
}

static void
first_operands (JsonObject *object, GArray *operands)
{
  JsonArray *calls = cnn_json_array (object, "inbound_nodes");
  JsonNode *first =
      calls != NULL && json_array_get_length (calls) > 0 ? json_array_get_element (calls, 0) : NULL;

  if (first != NULL && !cnn_operands_collect (first, operands))
    g_array_set_size (operands, 0);
}

static gboolean
any_constant (GArray *operands)
{
  for (guint i = 0; i < operands->len; i++)
    if (g_array_index (operands, CnnOperand, i).constant != NULL)
      return TRUE;
  return FALSE;
}

static gboolean
read_layer (ConfigReader *reader, CnnPart *part, JsonObject *object, GError **error)
{
  g_autoptr (GArray) operands = g_array_new (FALSE, FALSE, sizeof (CnnOperand));
  g_autoptr (JsonObject) translated = NULL;
  JsonObject *config = cnn_json_object (object, "config");
  const char *class_name = part->class_name, *function = cnn_json_string (config, "function");
  const char *policy = policy_name (config);
  const CnnLayerClass *klass;
  gboolean operation;

  if (is_custom (object))
    {
      const char *module = cnn_json_string (object, "module");

      return unsupported_class (
          part, class_name, module != NULL ? module : cnn_json_string (object, "registered_name"),
          error);
    }
  for (guint i = 0; i < G_N_ELEMENTS (aliases); i++)
    if (strcmp (class_name, aliases[i].old) == 0)
      class_name = aliases[i].name;
  klass = cnn_layer_class_find (class_name);

  /* .h5 forgets where a class comes from: an Add with a number is the operator of that name */
  first_operands (object, operands);
  operation = is_operation (object) || klass == NULL
              || (g_strv_contains (operators, class_name) && any_constant (operands));
  if (operation)
    {
      const char *name =
          strcmp (class_name, "TFOpLambda") == 0 && function != NULL ? function : class_name;

      translated = cnn_operation_translate (name, operands, reader->keras_major, &class_name);
      klass = translated != NULL ? cnn_layer_class_find (class_name) : NULL;
      if (klass == NULL)
        return unsupported_class (part, name, NULL, error);
      config = translated;
    }

  if (policy != NULL && strstr (policy, "_from_") != NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "layer \"%s\" (%s): quantized weights (%s) are not supported", part->path,
                   class_name, policy);
      return FALSE;
    }
  part->layer = cnn_parameters_layer (klass, part->path, reader->keras_major, config, error);
  if (part->layer == NULL)
    return FALSE;
  if (policy != NULL && !cnn_part_is_input (part) && strstr (policy, "float16") != NULL)
    reader->half_precision = TRUE;
  return TRUE;
}

/* --- models --- */

static gboolean
read_parts (ConfigReader *reader, CnnPart *part, JsonArray *layers, gboolean outermost,
            GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  part->parts = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_part_free);
  for (guint i = 0; i < json_array_get_length (layers); i++)
    {
      JsonNode *node = json_array_get_element (layers, i);
      CnnPart *inner;

      if (!JSON_NODE_HOLDS_OBJECT (node))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                       "model \"%s\": entry %u of its layers is not a layer", part->name, i);
          return FALSE;
        }
      inner = read_part (reader, json_node_get_object (node), outermost ? NULL : part, error);
      if (inner == NULL)
        return FALSE;
      g_ptr_array_add (part->parts, inner);
      if (!g_hash_table_add (names, inner->name))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL, "two layers are named \"%s\"",
                       inner->path);
          return FALSE;
        }
    }
  return TRUE;
}

/* Resolves an operand among the parts of a model. */
static gboolean
resolve (GHashTable *indices, const char *user, const CnnOperand *operand, CnnReference *reference,
         GError **error)
{
  gpointer index;

  if (!g_hash_table_lookup_extended (indices, operand->name, NULL, &index))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                   "%s needs the layer \"%s\", which the model does not have", user, operand->name);
      return FALSE;
    }
  *reference = (CnnReference){ GPOINTER_TO_INT (index), operand->use, operand->output };
  return TRUE;
}

static CnnPartCall *
read_use (GHashTable *indices, const CnnPart *part, JsonNode *node, GError **error)
{
  g_autoptr (GArray) operands = g_array_new (FALSE, FALSE, sizeof (CnnOperand));
  g_autofree char *user = g_strdup_printf ("layer \"%s\"", part->path);
  g_autofree CnnReference *inputs = NULL;
  CnnPartCall *use;
  int n = 0;

  if (!cnn_operands_collect (node, operands))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL, "%s: its inbound_nodes are not readable",
                   user);
      return NULL;
    }
  inputs = g_new0 (CnnReference, operands->len);
  for (guint i = 0; i < operands->len; i++)
    {
      CnnOperand *operand = &g_array_index (operands, CnnOperand, i);

      if (operand->constant == NULL && !resolve (indices, user, operand, &inputs[n++], error))
        return NULL;
    }
  use = g_new0 (CnnPartCall, 1);
  use->inputs = g_steal_pointer (&inputs);
  use->n_inputs = n;
  return use;
}

/* [layer, node, tensor], or any nesting of such */
static gboolean
collect_ends (JsonNode *node, GArray *operands)
{
  if (node != NULL && JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *array = json_node_get_array (node);

      if (cnn_operand_from_triple (array, operands))
        return TRUE;
      for (guint i = 0; i < json_array_get_length (array); i++)
        if (!collect_ends (json_array_get_element (array, i), operands))
          return FALSE;
      return TRUE;
    }
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    {
      g_autoptr (GList) members = json_object_get_values (json_node_get_object (node));

      for (GList *member = members; member != NULL; member = member->next)
        if (!collect_ends (member->data, operands))
          return FALSE;
      return TRUE;
    }
  return FALSE;
}

static GArray *
read_ends (const CnnPart *model, GHashTable *indices, JsonObject *config, const char *name,
           GError **error)
{
  g_autoptr (GArray) operands = g_array_new (FALSE, FALSE, sizeof (CnnOperand));
  g_autoptr (GArray) ends = g_array_new (FALSE, FALSE, sizeof (CnnReference));
  g_autofree char *user = g_strdup_printf ("%s of model \"%s\"", name, model->name);

  if (!collect_ends (cnn_json_member (config, name), operands) || operands->len == 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL, "model \"%s\": it has no readable %s",
                   model->name, name);
      return NULL;
    }
  for (guint i = 0; i < operands->len; i++)
    {
      CnnReference end;

      if (!resolve (indices, user, &g_array_index (operands, CnnOperand, i), &end, error))
        return NULL;
      g_array_append_val (ends, end);
    }
  return g_steal_pointer (&ends);
}

/* Calls fn on every reference that a model's graph holds. */
static void
each_reference (CnnPart *model, void (*fn) (CnnReference *, gpointer), gpointer data)
{
  for (guint i = 0; i < model->parts->len; i++)
    {
      CnnPart *part = g_ptr_array_index (model->parts, i);

      for (guint j = 0; j < part->uses->len; j++)
        {
          CnnPartCall *use = g_ptr_array_index (part->uses, j);

          for (int k = 0; k < use->n_inputs; k++)
            fn (&use->inputs[k], data);
        }
    }
  for (guint i = 0; i < model->outputs->len; i++)
    fn (&g_array_index (model->outputs, CnnReference, i), data);
}

static void
note_first_use (CnnReference *reference, gpointer data)
{
  int *first = data;

  /* what is negative is no use at all, and stays so */
  if (reference->use >= 0)
    first[reference->part] = MIN (first[reference->part], reference->use);
}

static void
move_use (CnnReference *reference, gpointer data)
{
  const int first = ((const int *) data)[reference->part];

  if (reference->use >= first)
    reference->use -= first;
}

/* A nested model's own making counts as its first use in most versions of Keras, and not in others;
 * the uses that are kept are those that something refers to, so the least of them is the first. */
static void
settle_uses (CnnPart *model)
{
  g_autofree int *first = g_new (int, model->parts->len);

  for (guint i = 0; i < model->parts->len; i++)
    first[i] = 1;
  each_reference (model, note_first_use, first);
  for (guint i = 0; i < model->parts->len; i++)
    if (((CnnPart *) g_ptr_array_index (model->parts, i))->layer != NULL)
      first[i] = 0;
  each_reference (model, move_use, first);
}

static gboolean
read_functional (CnnPart *part, JsonObject *config, JsonArray *layers, GError **error)
{
  g_autoptr (GHashTable) indices = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < part->parts->len; i++)
    g_hash_table_insert (indices, ((CnnPart *) g_ptr_array_index (part->parts, i))->name,
                         GINT_TO_POINTER (i));
  for (guint i = 0; i < part->parts->len; i++)
    {
      CnnPart *inner = g_ptr_array_index (part->parts, i);
      JsonArray *calls =
          cnn_json_array (json_array_get_object_element (layers, i), "inbound_nodes");

      inner->uses = g_ptr_array_new_with_free_func (use_free);
      if (cnn_part_is_input (inner))
        {
          g_ptr_array_add (inner->uses, g_new0 (CnnPartCall, 1));
          continue;
        }
      for (guint j = 0; calls != NULL && j < json_array_get_length (calls); j++)
        {
          CnnPartCall *use =
              cnn_cancelled (error)
                  ? NULL
                  : read_use (indices, inner, json_array_get_element (calls, j), error);

          if (use == NULL)
            return FALSE;
          g_ptr_array_add (inner->uses, use);
        }
    }
  part->inputs = read_ends (part, indices, config, "input_layers", error);
  if (part->inputs == NULL)
    return FALSE;
  part->outputs = read_ends (part, indices, config, "output_layers", error);
  if (part->outputs == NULL)
    return FALSE;
  settle_uses (part);
  return TRUE;
}

/* The shape that a Sequential's first layer or its record of building tells, or NULL. */
static JsonNode *
told_shape (JsonObject *object, int nesting)
{
  static const char *const names[] = { "batch_shape", "batch_input_shape", "build_input_shape",
                                       "input_shape" };
  JsonObject *places[] = { cnn_json_object (object, "config"),
                           cnn_json_object (object, "build_config") };
  JsonArray *layers = cnn_json_array (places[0], "layers");
  JsonNode *found = NULL, *config = cnn_json_member (object, "config");

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    for (guint j = 0; places[i] != NULL && j < G_N_ELEMENTS (names) && found == NULL; j++)
      {
        JsonNode *node = cnn_json_unwrap (cnn_json_member (places[i], names[j]));

        if (node != NULL && JSON_NODE_HOLDS_ARRAY (node))
          found = node;
      }
  if (layers == NULL && config != NULL && JSON_NODE_HOLDS_ARRAY (config))
    layers = json_node_get_array (config);
  if (found == NULL && nesting < MAX_NESTING && layers != NULL && json_array_get_length (layers) > 0
      && JSON_NODE_HOLDS_OBJECT (json_array_get_element (layers, 0)))
    return told_shape (json_array_get_object_element (layers, 0), nesting + 1);
  return found;
}

/* The outermost model needs an input; a Sequential may leave it out. */
static gboolean
add_input (ConfigReader *reader, CnnPart *top, JsonObject *object, GError **error)
{
  g_autoptr (JsonObject) config = json_object_new ();
  CnnPart *first = top->parts->len > 0 ? g_ptr_array_index (top->parts, 0) : NULL;
  JsonNode *shape = told_shape (object, 0);
  CnnPart *input;

  if (first != NULL && cnn_part_is_input (first))
    return TRUE;
  if (first == NULL || shape == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                   first == NULL ? "model \"%s\" has no layers"
                                 : "model \"%s\" does not say the shape of its input",
                   top->name);
      return FALSE;
    }
  json_object_set_member (config, "batch_shape", json_node_copy (shape));
  input = g_new0 (CnnPart, 1);
  input->name = g_strdup_printf ("%s_input", first->name);
  input->path = g_strdup (input->name);
  input->class_name = g_strdup ("InputLayer");
  g_ptr_array_insert (top->parts, 0, input);
  input->layer = cnn_parameters_layer (cnn_layer_class_find ("InputLayer"), input->path,
                                       reader->keras_major, config, error);
  return input->layer != NULL;
}

static gboolean
read_model (ConfigReader *reader, CnnPart *part, JsonObject *object, gboolean outermost,
            GError **error)
{
  JsonNode *node = cnn_json_member (object, "config");
  JsonObject *config = cnn_json_object (object, "config");
  JsonArray *layers = cnn_json_array (config, "layers");
  gboolean done;

  part->sequential = strcmp (part->class_name, "Sequential") == 0;
  /* the oldest Sequential is a bare list */
  if (layers == NULL && part->sequential && node != NULL && JSON_NODE_HOLDS_ARRAY (node))
    layers = json_node_get_array (node);
  if (layers == NULL || ++reader->nesting > MAX_NESTING)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                   layers == NULL ? "model \"%s\" has no list of layers"
                                  : "model \"%s\" is nested too deep",
                   part->path);
      return FALSE;
    }
  done = read_parts (reader, part, layers, outermost, error)
         && (part->sequential || read_functional (part, config, layers, error))
         && (!part->sequential || !outermost || add_input (reader, part, object, error));
  reader->nesting--;
  return done;
}

static CnnPart *
read_part (ConfigReader *reader, JsonObject *object, const CnnPart *outer, GError **error)
{
  g_autoptr (CnnPart) part = g_new0 (CnnPart, 1);
  JsonObject *config = cnn_json_object (object, "config");
  const char *name = cnn_json_string (object, "name");
  JsonNode *trainable = cnn_json_member (config, "trainable");

  if (name == NULL)
    name = cnn_json_string (config, "name");
  part->class_name = g_strdup (cnn_json_string (object, "class_name"));
  if (part->class_name == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL, "layer \"%s\": it has no class_name",
                   name != NULL ? name : "?");
      return NULL;
    }
  if (cnn_cancelled (error))
    return NULL;
  if (++reader->n_parts > MAX_PARTS)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED, "the config has more than %d layers",
                   MAX_PARTS);
      return NULL;
    }
  part->name =
      name != NULL ? g_strdup (name) : g_strdup_printf ("%s_%d", part->class_name, reader->n_parts);
  part->path =
      outer != NULL ? g_strdup_printf ("%s/%s", outer->path, part->name) : g_strdup (part->name);
  part->trainable = (outer == NULL || outer->trainable)
                    && (trainable == NULL || !JSON_NODE_HOLDS_VALUE (trainable)
                        || json_node_get_boolean (trainable));
  if (json_object_has_member (object, "shared_object_id"))
    cnn_json_integer (cnn_json_member (object, "shared_object_id"), &part->shared_id);

  if (is_model_class (part->class_name) && !is_custom (object))
    {
      if (!read_model (reader, part, object, FALSE, error))
        return NULL;
    }
  else if (!read_layer (reader, part, object, error))
    return NULL;
  return g_steal_pointer (&part);
}

CnnPart *
cnn_config_read (JsonNode *root, int keras_major, gboolean *half_precision, GError **error)
{
  g_autoptr (CnnPart) top = g_new0 (CnnPart, 1);
  ConfigReader reader = { .keras_major = keras_major };
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  const char *name = cnn_json_string (cnn_json_object (object, "config"), "name");

  top->class_name = g_strdup (cnn_json_string (object, "class_name"));
  if (top->class_name == NULL)
    {
      g_set_error_literal (error, CNN_ERROR, CNN_ERROR_MODEL,
                           "its config is not a model of Keras: it has no class_name");
      return NULL;
    }
  if (!is_model_class (top->class_name) || is_custom (object))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "a model of class \"%s\" is not supported, only Sequential and Functional",
                   top->class_name);
      return NULL;
    }
  top->name = g_strdup (name != NULL ? name : top->class_name);
  top->path = g_strdup (top->name);
  top->trainable = TRUE;
  if (!read_model (&reader, top, object, TRUE, error))
    return NULL;
  *half_precision = reader.half_precision;
  return g_steal_pointer (&top);
}
