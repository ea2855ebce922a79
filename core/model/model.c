/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model.h"

#include "error.h"

#include <string.h>

static void
node_free (CnnNode *node)
{
  cnn_layer_unref (node->layer);
  cnn_layer_unref (node->shown);
  g_free (node->name);
  g_free (node->inputs);
  g_free (node);
}

CnnModel *
cnn_model_new (const char *file)
{
  CnnModel *self = g_new0 (CnnModel, 1);

  self->nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) node_free);
  self->input = self->output = -1;
  self->file = g_strdup (file);
  return self;
}

void
cnn_model_free (CnnModel *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->nodes);
  g_free (self->file);
  g_free (self);
}

CnnNode *
cnn_model_node (const CnnModel *self, int index)
{
  return self->nodes->pdata[index];
}

int
cnn_model_count (const CnnModel *self)
{
  return (int) self->nodes->len;
}

static gboolean
infer_shape (const CnnLayer *layer, const CnnShape *inputs, int n_inputs, CnnShape *shape,
             GError **error)
{
  *shape = (CnnShape){ 0 };
  if (!layer->klass->output_shape (layer, inputs, n_inputs, shape, error))
    return FALSE;
  shape->n = n_inputs > 0 ? inputs[0].n : 1;
  return TRUE;
}

static int
add_node (CnnModel *self, CnnLayer *layer, CnnLayer *shown, const char *name, const int *inputs,
          int n_inputs, gboolean visible, GError **error)
{
  CnnShape shapes[CNN_MAX_INPUTS] = { 0 }, shape;
  CnnNode *node;

  if (n_inputs > CNN_MAX_INPUTS)
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_UNSUPPORTED, "more than %d inputs",
                           CNN_MAX_INPUTS);
      return -1;
    }
  if (n_inputs == 0 && !(layer->klass->flags & CNN_LAYER_INPUT))
    {
      cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "has no input");
      return -1;
    }
  for (int i = 0; i < n_inputs; i++)
    {
      g_assert (inputs[i] >= 0 && inputs[i] < cnn_model_count (self));
      shapes[i] = cnn_model_node (self, inputs[i])->shape;
    }
  if (!infer_shape (layer, shapes, n_inputs, &shape, error))
    return -1;

  node = g_new0 (CnnNode, 1);
  node->layer = cnn_layer_ref (layer);
  node->shown = cnn_layer_ref (shown);
  node->name = g_strdup (name);
  node->visible = visible;
  node->inputs = g_memdup2 (inputs, sizeof (int) * (gsize) n_inputs);
  node->n_inputs = n_inputs;
  node->shape = shape;
  g_ptr_array_add (self->nodes, node);
  return cnn_model_count (self) - 1;
}

int
cnn_model_add (CnnModel *self, CnnLayer *layer, const char *name, const int *inputs, int n_inputs,
               GError **error)
{
  gboolean split = layer->activation.kind != CNN_ACTIVATION_LINEAR
                   && !(layer->klass->flags & CNN_LAYER_ACTIVATION);
  g_autoptr (CnnLayer) activation = NULL;
  int node = add_node (self, layer, layer, name, inputs, n_inputs, !split, error);

  if (node < 0 || !split)
    return node;
  activation = cnn_layer_new (&cnn_activation_class, name, layer->keras_major);
  activation->activation = layer->activation;
  if (!cnn_layer_configure (activation, error))
    return -1;
  return add_node (self, activation, layer, name, &node, 1, TRUE, error);
}

gboolean
cnn_model_finish (CnnModel *self, int input, int output, GError **error)
{
  g_autofree gboolean *reached = g_new0 (gboolean, self->nodes->len + 1);

  if (input < 0 || output < 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL, "%s: the model has no %s", self->file,
                   input < 0 ? "input" : "output");
      return FALSE;
    }
  reached[input] = TRUE;
  for (int i = 0; i < cnn_model_count (self); i++)
    for (int j = 0; j < cnn_model_node (self, i)->n_inputs; j++)
      reached[i] = reached[i] || reached[cnn_model_node (self, i)->inputs[j]];
  if (!reached[output])
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                   "%s: the model's output does not depend on its input", self->file);
      return FALSE;
    }
  self->input = input;
  self->output = output;
  return TRUE;
}

/* The name itself, or its last parts after a "/". */
static gboolean
is_inner_name (const char *full, const char *name)
{
  gsize n = strlen (full), m = strlen (name);

  return n > m && full[n - m - 1] == '/' && strcmp (full + n - m, name) == 0;
}

static void
set_unknown_name_error (const CnnModel *self, const char *name, GError **error)
{
  g_autoptr (GString) near = g_string_new (NULL);
  g_autofree char *wanted = g_utf8_casefold (name, -1);
  int found = 0;

  for (int i = 0; i < cnn_model_count (self); i++)
    {
      const CnnNode *node = cnn_model_node (self, i);
      g_autofree char *folded = g_utf8_casefold (node->name, -1);

      if (node->visible && found < 5 && (strstr (folded, wanted) || strstr (wanted, folded)))
        g_string_append_printf (near, "%s%s", found++ > 0 ? ", " : "", node->name);
    }
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               found > 0 ? "%s has no layer “%s”; near it: %s"
                         : "%s has no layer “%s”; `convlens layers` lists them%s",
               self->file, name, near->str);
}

int
cnn_model_find (const CnnModel *self, const char *name, GError **error)
{
  g_autoptr (GString) several = g_string_new (NULL);
  int found = -1, n = 0;

  for (int i = 0; i < cnn_model_count (self); i++)
    if (cnn_model_node (self, i)->visible && strcmp (cnn_model_node (self, i)->name, name) == 0)
      return i;
  if (strcmp (name, "input") == 0)
    return self->input;
  for (int i = 0; i < cnn_model_count (self); i++)
    {
      const CnnNode *node = cnn_model_node (self, i);

      if (!node->visible || !is_inner_name (node->name, name))
        continue;
      found = i;
      g_string_append_printf (several, "%s%s", n++ > 0 ? ", " : "", node->name);
    }
  if (n == 1)
    return found;
  if (n > 1)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "layer “%s” could be %s", name,
                 several->str);
  else
    set_unknown_name_error (self, name, error);
  return -1;
}

int
cnn_model_before_activation (const CnnModel *self, int index)
{
  const CnnNode *node = cnn_model_node (self, index);

  return node->layer->klass->flags & CNN_LAYER_ACTIVATION ? node->inputs[0] : index;
}

/* Takes the wanted size for the model's input where the model leaves it open or agrees. */
static gboolean
fit_input (const CnnModel *self, const CnnShape *wanted, CnnShape *shape, GError **error)
{
  const CnnShape *own = &cnn_model_node (self, self->input)->shape;
  g_autofree char *wants = cnn_shape_to_string (own);
  g_autofree char *gets = cnn_shape_to_string (wanted);

  if (own->rank == wanted->rank && (own->h == 0 || own->h == wanted->h)
      && (own->w == 0 || own->w == wanted->w) && (own->c == 0 || own->c == wanted->c))
    {
      *shape = *wanted;
      return TRUE;
    }
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "%s takes an input of %s, not %s", self->file,
               wants, gets);
  return FALSE;
}

/* `part`: which nodes are wanted, or NULL for all. */
static CnnShape *
shapes_from (const CnnModel *self, int start, const CnnShape *value, const gboolean *part,
             GError **error)
{
  g_autofree CnnShape *shapes = g_new0 (CnnShape, self->nodes->len);

  for (int i = 0; i < cnn_model_count (self); i++)
    {
      const CnnNode *node = cnn_model_node (self, i);
      CnnShape inputs[CNN_MAX_INPUTS];

      if (part != NULL && !part[i])
        continue;
      for (int j = 0; j < node->n_inputs; j++)
        inputs[j] = shapes[node->inputs[j]];
      if (i == start)
        shapes[i] = *value;
      else if (!infer_shape (node->layer, inputs, node->n_inputs, &shapes[i], error))
        return NULL;
    }
  return g_steal_pointer (&shapes);
}

CnnShape *
cnn_model_shapes (const CnnModel *self, const CnnShape *input, GError **error)
{
  CnnShape shape;

  if (!fit_input (self, input, &shape, error))
    return NULL;
  return shapes_from (self, self->input, &shape, NULL, error);
}

CnnShape *
cnn_model_part_shapes (const CnnModel *self, int start, const CnnShape *value, const int *ends,
                       int n_ends, GError **error)
{
  g_autofree gboolean *part = g_new0 (gboolean, self->nodes->len);

  for (int i = 0; i < n_ends; i++)
    part[ends[i]] = TRUE;
  for (int i = cnn_model_count (self) - 1; i > start; i--)
    for (int j = 0; part[i] && j < cnn_model_node (self, i)->n_inputs; j++)
      part[cnn_model_node (self, i)->inputs[j]] = TRUE;
  for (int i = 0; i < start; i++)
    if (part[i])
      {
        g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                     "%s: layer \"%s\" reaches its end past \"%s\"", self->file,
                     cnn_model_node (self, i)->name, cnn_model_node (self, start)->name);
        return NULL;
      }
  return shapes_from (self, start, value, part, error);
}

gsize
cnn_layer_parameters (const CnnLayer *layer)
{
  gsize count = 0;

  for (int i = 0; i < CNN_MAX_WEIGHTS; i++)
    if (layer->weights[i] != NULL)
      count += cnn_array_count (layer->weights[i]);
  return count;
}

gsize
cnn_model_parameters (const CnnModel *self)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  gsize count = 0;

  for (int i = 0; i < cnn_model_count (self); i++)
    if (g_hash_table_add (seen, cnn_model_node (self, i)->layer))
      count += cnn_layer_parameters (cnn_model_node (self, i)->layer);
  return count;
}
