/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fusion.h"

#include "debug.h"

#include <string.h>

const CnnLayer *
cnn_plan_use_layer (const CnnPlanUse *self, int node)
{
  return cnn_model_node (self->model, node)->layer;
}

/* The node adds values of one shape: its gradient is that of each of them. */
static gboolean
is_plain_sum (const CnnPlanUse *self, int index)
{
  const CnnNode *node = cnn_model_node (self->model, index);

  for (int j = 0; j < node->n_inputs; j++)
    if (!cnn_shape_equal (&self->shapes[node->inputs[j]], &self->shapes[index]))
      return FALSE;
  return index != self->input && node->layer->klass->flags & CNN_LAYER_SUM;
}

gboolean
cnn_plan_use_is_identity (const CnnPlanUse *self, int node)
{
  const CnnLayer *layer = cnn_plan_use_layer (self, node);

  if (node == self->input || layer->klass->flags & CNN_LAYER_INPUT)
    return FALSE;
  if (layer->klass->flags & CNN_LAYER_IDENTITY)
    return TRUE;
  if (layer->klass->flags & CNN_LAYER_ACTIVATION && layer->activation.kind == CNN_ACTIVATION_LINEAR)
    return TRUE;
  return layer->klass->is_identity != NULL
         && layer->klass->is_identity (
             layer, &self->shapes[cnn_model_node (self->model, node)->inputs[0]]);
}

gboolean
cnn_plan_use_passes_gradient (const CnnPlanUse *self, int node)
{
  return cnn_plan_use_is_identity (self, node) || (self->folds && is_plain_sum (self, node));
}

int
cnn_plan_use_root (const CnnPlanUse *self, int node)
{
  while (cnn_plan_use_is_identity (self, node))
    node = cnn_model_node (self->model, node)->inputs[0];
  return node;
}

static gboolean
is_softmax (const CnnLayer *layer)
{
  return layer->klass->flags & CNN_LAYER_ACTIVATION
         && layer->activation.kind == CNN_ACTIVATION_SOFTMAX;
}

/* --- What takes part --- */

static void
find_needed (CnnPlanUse *self)
{
  for (int i = self->n_nodes - 1; i >= 0; i--)
    {
      const CnnNode *node = cnn_model_node (self->model, i);

      if (self->wanted[i] || i == self->score)
        self->needed[i] = TRUE;
      if (!self->needed[i] || i == self->input)
        continue;
      for (int j = 0; j < node->n_inputs; j++)
        {
          self->needed[node->inputs[j]] = TRUE;
          self->users[node->inputs[j]]++;
          self->user[node->inputs[j]] = i;
        }
    }
}

static void
find_backward (CnnPlanUse *self)
{
  g_autofree gboolean *reached = g_new0 (gboolean, self->n_nodes);

  if (self->score == CNN_NONE)
    return;
  for (int i = 0; i < self->n_nodes; i++)
    {
      const CnnNode *node = cnn_model_node (self->model, i);

      reached[i] = self->wanted_gradient[i];
      for (int j = 0; j < node->n_inputs && self->needed[i] && i != self->input; j++)
        reached[i] = reached[i] || reached[node->inputs[j]];
    }
  self->backward[self->score] = reached[self->score];
  for (int i = self->score; i >= 0; i--)
    {
      const CnnNode *node = cnn_model_node (self->model, i);

      for (int j = 0; self->backward[i] && i != self->input && j < node->n_inputs; j++)
        if (reached[node->inputs[j]])
          self->backward[node->inputs[j]] = TRUE;
    }
}

void
cnn_plan_use_backward_reads (const CnnPlanUse *self, int node, gboolean *inputs, gboolean *output)
{
  const CnnLayer *layer = cnn_plan_use_layer (self, node);
  CnnLayerFlags flags = layer->klass->flags;

  *inputs = (flags & CNN_LAYER_NEEDS_INPUTS) != 0;
  *output = (flags & CNN_LAYER_NEEDS_OUTPUT) != 0;
  if (flags & CNN_LAYER_ACTIVATION)
    {
      *output = layer->activation.kind == CNN_ACTIVATION_SOFTMAX
                || cnn_activation_derives_from_output (&layer->activation);
      *inputs = !*output;
    }
}

gboolean
cnn_plan_use_runs_backward (const CnnPlanUse *self, int index)
{
  const CnnNode *node = cnn_model_node (self->model, index);

  for (int j = 0; self->backward[index] && index != self->input && j < node->n_inputs; j++)
    if (self->backward[node->inputs[j]])
      return TRUE;
  return FALSE;
}

static void
find_kept (CnnPlanUse *self)
{
  for (int i = 0; i < self->n_nodes; i++)
    {
      const CnnNode *node = cnn_model_node (self->model, i);
      gboolean inputs, output;

      if (self->wanted[i])
        self->kept[cnn_plan_use_root (self, i)] = TRUE;
      if (cnn_plan_use_is_identity (self, i) || !cnn_plan_use_runs_backward (self, i))
        continue;
      cnn_plan_use_backward_reads (self, i, &inputs, &output);
      if (output)
        self->kept[i] = TRUE;
      for (int j = 0; inputs && j < node->n_inputs; j++)
        self->kept[cnn_plan_use_root (self, node->inputs[j])] = TRUE;
    }
}

/* The one node that works on this one's value, past those that pass it on. */
static int
only_reader (const CnnPlanUse *self, int node)
{
  if (self->kept[node])
    return CNN_NONE;
  while (self->users[node] == 1)
    {
      node = self->user[node];
      if (!cnn_plan_use_is_identity (self, node))
        return node;
    }
  return CNN_NONE;
}

/* What a kernel does to its result before it writes it, in this order. */
typedef enum
{
  STAGE_NONE,
  STAGE_AFFINE,
  STAGE_SUM,
  STAGE_ACTIVATION
} Stage;

static Stage
stage_of (const CnnPlanUse *self, int node)
{
  const CnnLayer *layer = cnn_plan_use_layer (self, node);

  if (cnn_plan_use_is_identity (self, node))
    return STAGE_NONE;
  if (layer->klass->only_affine)
    return STAGE_AFFINE;
  if (layer->klass->flags & CNN_LAYER_ACTIVATION && !is_softmax (layer))
    return STAGE_ACTIVATION;
  return is_plain_sum (self, node) && cnn_model_node (self->model, node)->n_inputs == 2
             ? STAGE_SUM
             : STAGE_NONE;
}

gboolean
cnn_plan_use_adds_gradient (const CnnPlanUse *self, int node)
{
  const CnnLayer *layer = cnn_plan_use_layer (self, node);

  return self->folds && layer->klass->flags & CNN_LAYER_ADDS_GRADIENT && !is_softmax (layer);
}

gboolean
cnn_plan_use_fuses_predecessor (const CnnPlanUse *self, int node)
{
  return self->back_into[node] != CNN_NONE && !cnn_plan_use_is_tail (self, node);
}

gboolean
cnn_plan_use_takes_derivative (const CnnPlanUse *self, int node)
{
  return cnn_plan_use_fuses_predecessor (self, node)
         && cnn_plan_use_layer (self, self->back_into[node])->klass->flags & CNN_LAYER_ACTIVATION;
}

gboolean
cnn_plan_use_find_shape (const CnnPlanUse *self, int index, CnnShapeRule rule, CnnShape *shape)
{
  const CnnNode *node = cnn_model_node (self->model, index);
  CnnShape inputs[CNN_MAX_INPUTS];

  for (int j = 0; j < node->n_inputs; j++)
    inputs[j] = self->shapes[node->inputs[j]];
  return rule != NULL && rule (node->layer, inputs, shape);
}

gboolean
cnn_plan_use_is_tail (const CnnPlanUse *self, int node)
{
  const Stage stage = stage_of (self, node);

  return stage == STAGE_AFFINE || stage == STAGE_ACTIVATION;
}

/* Lets a convolution swallow the BatchNormalization, the sum and the activation after it, where
 * nobody else reads what is in between. The last comes first: of two that are summed it is the
 * later one that takes in the other's value. */
static void
fold (CnnPlanUse *self)
{
  for (int i = self->n_nodes - 1; i >= 0; i--)
    {
      Stage open = STAGE_AFFINE; /* the first that may still follow */
      int next;

      if (!self->needed[i] || i == self->input
          || !(cnn_plan_use_layer (self, i)->klass->flags & CNN_LAYER_TAIL))
        continue;
      for (int at = i; (next = only_reader (self, at)) != CNN_NONE; at = next)
        {
          const Stage stage = stage_of (self, next);
          const int before = self->folded_from[next];

          if (stage < open || (before != CNN_NONE && before != at))
            break;
          self->folded_into[at] = next;
          self->folded_from[next] = at;
          open = stage == STAGE_AFFINE ? STAGE_AFFINE : stage + 1;
        }
    }
}

/* The node that this one works on, past those that pass it on; where the gradient in between is of
 * no other use. */
static int
only_source (const CnnPlanUse *self, int node)
{
  do
    {
      node = cnn_model_node (self->model, node)->inputs[0];
      if (self->users[node] != 1 || self->wanted_gradient[node])
        return CNN_NONE;
    }
  while (cnn_plan_use_is_identity (self, node));
  return node;
}

/* The tail in front of the node that its backward kernel can go on with: where the gradient has no
 * other reader, and the node is the last that adds to it. */
static int
tail_in_front (const CnnPlanUse *self, int index)
{
  const CnnNode *node = cnn_model_node (self->model, index);
  const int source = node->n_inputs == 1 ? node->inputs[0] : CNN_NONE;
  const CnnActivation *activation;

  if (source == CNN_NONE || node->layer->klass->fuses_predecessor == NULL
      || !node->layer->klass->fuses_predecessor (node->layer, self->repeated)
      || self->wanted_gradient[source]
      || (self->users[source] > 1
          && (self->user[source] != index || !cnn_plan_use_adds_gradient (self, index))))
    return CNN_NONE;
  activation = &cnn_plan_use_layer (self, source)->activation;
  switch (stage_of (self, source))
    {
    case STAGE_AFFINE:
      return source;
    case STAGE_ACTIVATION:
      return activation->kind == CNN_ACTIVATION_RELU
                     && cnn_activation_derives_from_output (activation)
                 ? source
                 : CNN_NONE;
    default:
      return CNN_NONE;
    }
}

/* On the way back an activation and the BatchNormalizations in front of it are one product, which
 * the kernel of the layer after them may end with. */
static void
fold_backward (CnnPlanUse *self)
{
  for (int i = 0; i < self->n_nodes; i++)
    {
      int source = CNN_NONE;

      if (!cnn_plan_use_runs_backward (self, i))
        continue;
      if (!cnn_plan_use_is_tail (self, i))
        source = tail_in_front (self, i);
      else if ((source = only_source (self, i)) != CNN_NONE
               && stage_of (self, source) != STAGE_AFFINE)
        source = CNN_NONE;
      if (source == CNN_NONE || !cnn_plan_use_runs_backward (self, source))
        continue;
      self->back_into[i] = source;
      self->back_from[source] = i;
    }
}

/* --- The public face --- */

static CnnShape *
find_shapes (const CnnPlanUse *self, const CnnPlanRequest *request, GError **error)
{
  g_autofree int *ends = g_new (int, request->n_outputs + 1);
  int n = request->n_outputs;

  if (!request->part)
    return cnn_model_shapes (self->model, &request->input, error);
  memcpy (ends, request->outputs, sizeof (int) * (gsize) n);
  if (request->score != CNN_NONE)
    ends[n++] = request->score;
  return cnn_model_part_shapes (self->model, request->start, &request->input, ends, n, error);
}

gboolean
cnn_plan_use_init (CnnPlanUse *self, CnnModel *model, const CnnPlanRequest *request, GError **error)
{
  const int n = cnn_model_count (model);
  gboolean **flags[] = { &self->wanted, &self->wanted_gradient, &self->needed, &self->backward,
                         &self->kept };
  int **links[] = { &self->user, &self->folded_into, &self->folded_from, &self->back_into,
                    &self->back_from };

  self->model = model;
  self->n_nodes = n;
  self->input = request->part ? request->start : model->input;
  self->score = request->score;
  self->repeated = request->repeated;
  self->folds = !(cnn_debug_flags () & CNN_DEBUG_UNFOLDED);
  for (guint i = 0; i < G_N_ELEMENTS (flags); i++)
    *flags[i] = g_new0 (gboolean, n);
  self->users = g_new0 (int, n);
  for (guint i = 0; i < G_N_ELEMENTS (links); i++)
    {
      *links[i] = g_new (int, n);
      for (int j = 0; j < n; j++)
        (*links[i])[j] = CNN_NONE;
    }

  self->shapes = find_shapes (self, request, error);
  if (self->shapes == NULL)
    return FALSE;
  for (int i = 0; i < request->n_outputs; i++)
    self->wanted[request->outputs[i]] = TRUE;
  for (int i = 0; i < request->n_gradients; i++)
    self->wanted_gradient[request->gradients[i]] = TRUE;
  find_needed (self);
  self->needed[self->input] = TRUE;
  find_backward (self);
  find_kept (self);
  if (!self->folds)
    return TRUE;
  fold (self);
  fold_backward (self);
  return TRUE;
}

void
cnn_plan_use_clear (CnnPlanUse *self)
{
  g_free (self->shapes);
  g_free (self->wanted);
  g_free (self->wanted_gradient);
  g_free (self->needed);
  g_free (self->backward);
  g_free (self->kept);
  g_free (self->users);
  g_free (self->user);
  g_free (self->folded_into);
  g_free (self->folded_from);
  g_free (self->back_into);
  g_free (self->back_from);
}
