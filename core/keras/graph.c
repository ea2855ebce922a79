/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keras_private.h"

/* Nested models that call nested models twice multiply: a small file may ask for any number. */
#define MAX_CALLS 50000

typedef struct
{
  CnnModel *model;
  int calls;
} Builder;

static gboolean call_part (Builder *builder, CnnPart *part, int call, const int *inputs,
                           int n_inputs, GArray *outputs, GError **error);

static gboolean
same_variables (const CnnPart *part, const CnnShape *inputs)
{
  CnnWeightSpec first[CNN_MAX_WEIGHTS], now[CNN_MAX_WEIGHTS];
  const CnnLayerClass *klass = part->layer->klass;
  int n;

  if (klass->weight_specs == NULL)
    return TRUE;
  n = klass->weight_specs (part->layer, part->shapes, first);
  if (klass->weight_specs (part->layer, inputs, now) != n)
    return FALSE;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < first[i].rank; j++)
      if (first[i].dims[j] != now[i].dims[j])
        return FALSE;
  return TRUE;
}

static gboolean
call_layer (Builder *builder, CnnPart *part, int call, const int *inputs, int n_inputs,
            GArray *outputs, GError **error)
{
  g_autofree char *name =
      call > 0 ? g_strdup_printf ("%s#%d", part->path, call + 1) : g_strdup (part->path);
  g_autofree CnnShape *shapes = g_new0 (CnnShape, MAX (n_inputs, 1));
  int node;

  node = cnn_model_add (builder->model, part->layer, name, inputs, n_inputs, error);
  if (node < 0)
    return FALSE;
  for (int i = 0; i < n_inputs; i++)
    shapes[i] = cnn_model_node (builder->model, inputs[i])->shape;
  if (part->shapes == NULL)
    {
      part->shapes = g_steal_pointer (&shapes);
      part->n_shapes = n_inputs;
    }
  else if (n_inputs != part->n_shapes || !same_variables (part, shapes))
    {
      cnn_layer_set_error (part->layer, error, CNN_ERROR_MODEL,
                           "its uses give it inputs that need different weights");
      return FALSE;
    }
  g_array_append_val (outputs, node);
  return TRUE;
}

static gboolean
call_sequential (Builder *builder, CnnPart *part, int call, const int *inputs, int n_inputs,
                 GArray *outputs, GError **error)
{
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (int));

  g_array_append_vals (values, inputs, (guint) n_inputs);
  for (guint i = 0; i < part->parts->len; i++)
    {
      g_autoptr (GArray) next = g_array_new (FALSE, FALSE, sizeof (int));
      CnnPart *inner = g_ptr_array_index (part->parts, i);

      if (cnn_part_is_input (inner))
        continue;
      if (!call_part (builder, inner, call, (const int *) (gpointer) values->data,
                      (int) values->len, next, error))
        return FALSE;
      g_array_unref (values);
      values = g_steal_pointer (&next);
    }
  g_array_append_vals (outputs, values->data, values->len);
  return TRUE;
}

/* --- a functional model: its uses in an order in which every input comes before its user --- */

typedef enum
{
  UNSEEN,
  OPEN, /* waits for its inputs */
  DONE
} State;

static CnnPart *
part_at (const CnnPart *model, int index)
{
  return g_ptr_array_index (model->parts, (guint) index);
}

static CnnPartCall *
use_at (const CnnPart *model, CnnReference reference)
{
  CnnPart *part = part_at (model, reference.part);

  return reference.use >= 0 && (guint) reference.use < part->uses->len
             ? g_ptr_array_index (part->uses, (guint) reference.use)
             : NULL;
}

static void
forget (const CnnPart *model, gboolean nodes_too)
{
  for (guint i = 0; i < model->parts->len; i++)
    {
      CnnPart *part = part_at (model, (int) i);

      for (guint j = 0; j < part->uses->len; j++)
        {
          CnnPartCall *use = g_ptr_array_index (part->uses, j);

          use->state = UNSEEN;
          if (nodes_too)
            g_clear_pointer (&use->nodes, g_free);
        }
    }
}

/* Appends `goal` and all that it needs to `order`, depth first with a stack of our own, since a
 * chain of layers may be as long as the file likes. */
static gboolean
visit (const CnnPart *model, CnnReference goal, GArray *order, GError **error)
{
  g_autoptr (GArray) stack = g_array_new (FALSE, FALSE, sizeof (CnnReference));

  g_array_append_val (stack, goal);
  while (stack->len > 0)
    {
      CnnReference top = g_array_index (stack, CnnReference, stack->len - 1);
      CnnPartCall *use = use_at (model, top);
      gboolean ready = TRUE;

      if (cnn_cancelled (error))
        return FALSE;
      if (use == NULL)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                       "layer \"%s\" has no use number %d, which the graph refers to",
                       part_at (model, top.part)->path, top.use);
          return FALSE;
        }
      if (use->state == DONE)
        {
          g_array_set_size (stack, stack->len - 1);
          continue;
        }
      for (int i = use->n_inputs - 1; i >= 0; i--)
        {
          CnnPartCall *input = use_at (model, use->inputs[i]);

          if (input != NULL && input->state == DONE)
            continue;
          if (input != NULL && input->state == OPEN)
            {
              g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                           "the graph goes in a circle through the layers \"%s\" and \"%s\"",
                           part_at (model, use->inputs[i].part)->path,
                           part_at (model, top.part)->path);
              return FALSE;
            }
          ready = FALSE;
          g_array_append_val (stack, use->inputs[i]);
        }
      use->state = OPEN;
      if (ready)
        {
          use->state = DONE;
          g_array_append_val (order, top);
          g_array_set_size (stack, stack->len - 1);
        }
    }
  return TRUE;
}

/* Only what the outputs need, in the file's order as far as that is one. */
static GArray *
order_uses (CnnPart *model, GError **error)
{
  g_autoptr (GArray) needed = g_array_new (FALSE, FALSE, sizeof (CnnReference));
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (CnnReference));
  g_autoptr (GHashTable) wanted = g_hash_table_new (NULL, NULL);

  forget (model, TRUE);
  for (guint i = 0; i < model->outputs->len; i++)
    if (!visit (model, g_array_index (model->outputs, CnnReference, i), needed, error))
      return NULL;
  for (guint i = 0; i < needed->len; i++)
    g_hash_table_add (wanted, use_at (model, g_array_index (needed, CnnReference, i)));
  forget (model, FALSE);
  for (guint i = 0; i < model->parts->len; i++)
    for (guint j = 0; j < part_at (model, (int) i)->uses->len; j++)
      {
        CnnReference reference = { (int) i, (int) j, 0 };

        if (g_hash_table_contains (wanted, use_at (model, reference))
            && !visit (model, reference, order, error))
          return NULL;
      }
  return g_steal_pointer (&order);
}

static gboolean
bind_inputs (CnnPart *model, const int *inputs, int n_inputs, GError **error)
{
  if ((guint) n_inputs != model->inputs->len)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL, "model \"%s\" takes %u inputs and gets %d",
                   model->path, model->inputs->len, n_inputs);
      return FALSE;
    }
  for (int i = 0; i < n_inputs; i++)
    {
      CnnReference reference = g_array_index (model->inputs, CnnReference, (guint) i);
      CnnPartCall *use = use_at (model, reference);

      if (use == NULL || !cnn_part_is_input (part_at (model, reference.part)))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                       "model \"%s\": its input \"%s\" is not an InputLayer", model->path,
                       part_at (model, reference.part)->name);
          return FALSE;
        }
      g_free (use->nodes);
      use->nodes = g_new (int, 2);
      use->nodes[0] = inputs[i];
      use->nodes[1] = -1;
    }
  return TRUE;
}

/* The node of a reference, or -1. Lists of nodes end with -1. */
static int
value_of (const CnnPart *model, CnnReference reference, const char *user, GError **error)
{
  CnnPartCall *use = use_at (model, reference);
  int n = 0;

  while (use->nodes != NULL && use->nodes[n] >= 0)
    n++;
  if (reference.output >= 0 && reference.output < n)
    return use->nodes[reference.output];
  g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
               n == 0 ? "\"%s\" needs the input \"%s\", which its model does not list"
                      : "\"%s\" needs an output of \"%s\" that there is not",
               user, part_at (model, reference.part)->path);
  return -1;
}

static gboolean
call_functional (Builder *builder, CnnPart *part, int call, const int *inputs, int n_inputs,
                 GArray *outputs, GError **error)
{
  g_autoptr (GArray) order = order_uses (part, error);

  if (order == NULL || !bind_inputs (part, inputs, n_inputs, error))
    return FALSE;
  for (guint i = 0; i < order->len; i++)
    {
      CnnReference at = g_array_index (order, CnnReference, i);
      CnnPart *inner = part_at (part, at.part);
      CnnPartCall *use = use_at (part, at);
      g_autoptr (GArray) results = g_array_new (TRUE, FALSE, sizeof (int));
      g_autofree int *values = g_new (int, MAX (use->n_inputs, 1));
      gint64 number;
      int end = -1;

      if (cnn_part_is_input (inner))
        continue;
      for (int j = 0; j < use->n_inputs; j++)
        if ((values[j] = value_of (part, use->inputs[j], inner->path, error)) < 0)
          return FALSE;
      number = MIN ((gint64) call * inner->uses->len + at.use, G_MAXINT);
      if (!call_part (builder, inner, (int) number, values, use->n_inputs, results, error))
        return FALSE;
      g_array_append_val (results, end);
      use->nodes = (int *) (gpointer) g_array_free (g_steal_pointer (&results), FALSE);
    }
  for (guint i = 0; i < part->outputs->len; i++)
    {
      int node = value_of (part, g_array_index (part->outputs, CnnReference, i), part->name, error);

      if (node < 0)
        return FALSE;
      g_array_append_val (outputs, node);
    }
  forget (part, TRUE);
  return TRUE;
}

static gboolean
call_part (Builder *builder, CnnPart *part, int call, const int *inputs, int n_inputs,
           GArray *outputs, GError **error)
{
  if (cnn_cancelled (error))
    return FALSE;
  if (++builder->calls > MAX_CALLS)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED, "the model has more than %d layers",
                   MAX_CALLS);
      return FALSE;
    }
  if (part->layer != NULL)
    return call_layer (builder, part, call, inputs, n_inputs, outputs, error);
  if (part->sequential)
    return call_sequential (builder, part, call, inputs, n_inputs, outputs, error);
  return call_functional (builder, part, call, inputs, n_inputs, outputs, error);
}

static CnnPart *
find_input (CnnPart *top, GError **error)
{
  CnnPart *input;

  if (top->sequential)
    return g_ptr_array_index (top->parts, 0);
  if (top->inputs->len != 1 || top->outputs->len != 1)
    {
      gboolean inputs = top->inputs->len != 1;

      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "the model has %u %s; only models with one are supported",
                   inputs ? top->inputs->len : top->outputs->len, inputs ? "inputs" : "outputs");
      return NULL;
    }
  input = part_at (top, g_array_index (top->inputs, CnnReference, 0).part);
  if (!cnn_part_is_input (input))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "the model's input \"%s\" is not an InputLayer", input->path);
      return NULL;
    }
  return input;
}

CnnModel *
cnn_graph_build (CnnPart *top, const char *file, GError **error)
{
  g_autoptr (CnnModel) model = cnn_model_new (file);
  g_autoptr (GArray) outputs = g_array_new (FALSE, FALSE, sizeof (int));
  Builder builder = { model, 0 };
  CnnPart *input_part = find_input (top, error);
  int input;

  if (input_part == NULL)
    return NULL;
  input = cnn_model_add (model, input_part->layer, input_part->path, NULL, 0, error);
  if (input < 0 || !call_part (&builder, top, 0, &input, 1, outputs, error))
    return NULL;
  if (outputs->len != 1)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "the model has %u outputs; only models with one are supported", outputs->len);
      return NULL;
    }
  if (!cnn_model_finish (model, input, g_array_index (outputs, int, 0), error))
    return NULL;
  return g_steal_pointer (&model);
}
