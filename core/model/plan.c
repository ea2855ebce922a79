/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan.h"

#include "accumulate_params.h"
#include "error.h"
#include "memory.h"
#include "timing.h"

#include <string.h>

typedef struct AccumulateParams AccumulateParams;

#define NONE -1

/* One recorded step: a node forward (with what is folded into it), a node backward, or the sum of
 * two gradients. Tensors are named by their span in the arena. */
typedef enum
{
  STEP_FORWARD,
  STEP_BACKWARD,
  STEP_SUM
} StepKind;

typedef struct
{
  StepKind kind;
  int node;
  int tail;                    /* forward: the node whose value is written */
  int scratch;                 /* span, or NONE */
  int gradient;                /* backward: span of the output's gradient */
  int targets[CNN_MAX_INPUTS]; /* backward: spans of the inputs' gradients, or NONE */
  int left, right, sum;        /* spans of a sum */
  int affine;                  /* index in the plan's affines, or NONE */
  CnnActivation activation;
} Step;

struct _CnnPlan
{
  CnnModel *model;
  CnnDevice *device;
  int n_nodes;
  CnnShape *shapes;
  int input, score;
  gboolean *wanted;          /* outputs */
  gboolean *wanted_gradient; /* nodes */

  gboolean *needed;   /* takes part forward */
  gboolean *backward; /* has a gradient: between a wanted one and the score */
  gboolean *kept;     /* its value is read by more than the next layer of its chain */
  int *users;         /* how many needed nodes read it */
  int *user;          /* the last of them */
  int *folded_into;   /* next node of the chain, or NONE */
  int *value_span;
  int *gradient_span;

  GArray *spans; /* CnnSpan */
  GArray *steps; /* Step */
  int n_forward_steps;
  GArray *affines;        /* float: center, scale, shift of each, on the device's alignment */
  GArray *affine_offsets; /* gsize, bytes; two numbers each: offset and size */
  CnnBuffer *affine_buffer, *arena;
  gsize arena_bytes;
  CnnCommands *forward_commands, *backward_commands;
  gboolean begun; /* the first run has its input */
  gboolean has_run;
};

static const CnnLayer *
layer_of (const CnnPlan *self, int node)
{
  return cnn_model_node (self->model, node)->layer;
}

static gboolean
is_identity (const CnnPlan *self, int node)
{
  const CnnLayer *layer = layer_of (self, node);

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

/* The node whose memory holds this node's value. */
static int
root (const CnnPlan *self, int node)
{
  while (is_identity (self, node))
    node = cnn_model_node (self->model, node)->inputs[0];
  return node;
}

/* --- What takes part --- */

static void
find_needed (CnnPlan *self)
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
find_backward (CnnPlan *self)
{
  g_autofree gboolean *reached = g_new0 (gboolean, self->n_nodes);

  if (self->score == NONE)
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

/* Which of its values a node reads on the way back. */
static void
backward_reads (const CnnPlan *self, int node, gboolean *inputs, gboolean *output)
{
  const CnnLayer *layer = layer_of (self, node);
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

/* The node's backward kernel runs: one of its inputs has a gradient. */
static gboolean
runs_backward (const CnnPlan *self, int index)
{
  const CnnNode *node = cnn_model_node (self->model, index);

  for (int j = 0; self->backward[index] && index != self->input && j < node->n_inputs; j++)
    if (self->backward[node->inputs[j]])
      return TRUE;
  return FALSE;
}

static void
find_kept (CnnPlan *self)
{
  for (int i = 0; i < self->n_nodes; i++)
    {
      const CnnNode *node = cnn_model_node (self->model, i);
      gboolean inputs, output;

      if (self->wanted[i])
        self->kept[root (self, i)] = TRUE;
      if (is_identity (self, i) || !runs_backward (self, i))
        continue;
      backward_reads (self, i, &inputs, &output);
      if (output)
        self->kept[i] = TRUE;
      for (int j = 0; inputs && j < node->n_inputs; j++)
        self->kept[root (self, node->inputs[j])] = TRUE;
    }
}

static gboolean
is_folded_in (const CnnPlan *self, int index)
{
  const CnnNode *node = cnn_model_node (self->model, index);

  return node->n_inputs == 1 && self->folded_into[node->inputs[0]] == index;
}

/* Lets a convolution swallow the BatchNormalization and the activation after it, where nobody else
 * reads what is in between. */
static void
fold (CnnPlan *self)
{
  for (int i = 0; i < self->n_nodes; i++)
    {
      int at = i;

      if (!self->needed[i] || i == self->input
          || !(layer_of (self, i)->klass->flags & CNN_LAYER_EPILOGUE) || is_folded_in (self, i))
        continue;
      while (self->users[at] == 1 && !self->kept[at])
        {
          int next = self->user[at];
          const CnnLayer *layer = layer_of (self, next);
          gboolean activation = (layer->klass->flags & CNN_LAYER_ACTIVATION)
                                && layer->activation.kind != CNN_ACTIVATION_SOFTMAX
                                && layer->activation.kind != CNN_ACTIVATION_LINEAR;

          if (!layer->klass->only_affine && !activation)
            break;
          self->folded_into[at] = next;
          at = next;
          if (activation)
            break;
        }
    }
}

/* --- Steps and lifetimes --- */

static int
add_span (CnnPlan *self, const CnnShape *shape, int first, int last)
{
  CnnSpan span = { cnn_shape_bytes (shape), first, last, 0 };

  g_array_append_val (self->spans, span);
  return (int) self->spans->len - 1;
}

static void
use_span (CnnPlan *self, int span, int step)
{
  CnnSpan *used = &g_array_index (self->spans, CnnSpan, span);

  used->last = MAX (used->last, step);
}

/* `second` after `first`, as one. */
static CnnAffine
compose (const CnnAffine *first, const CnnAffine *second)
{
  double between = first->shift - second->center;

  if (first->scale == 0.)
    return (CnnAffine){ 0., 0., between * second->scale + second->shift };
  return (CnnAffine){ first->center - between / first->scale, first->scale * second->scale,
                      second->shift };
}

/* Appends a layer's affine tail, with those folded in after it; gives its index. */
static int
add_affine (CnnPlan *self, int node, gboolean alone)
{
  const gsize alignment = cnn_device_alignment (self->device) / sizeof (float);
  const int channels = self->shapes[node].c, width = cnn_shape_planes (&self->shapes[node]) * 4;
  g_autofree CnnAffine *all = g_new0 (CnnAffine, channels), *next = g_new0 (CnnAffine, channels);
  gsize offset[2] = { (self->affines->len + alignment - 1) / alignment * alignment,
                      (gsize) width * 3 };
  float *target;

  layer_of (self, node)->klass->affine (layer_of (self, node), channels, all);
  for (int at = self->folded_into[node]; !alone && at != NONE; at = self->folded_into[at])
    if (layer_of (self, at)->klass->only_affine)
      {
        layer_of (self, at)->klass->affine (layer_of (self, at), channels, next);
        for (int c = 0; c < channels; c++)
          all[c] = compose (all + c, next + c);
      }
  g_array_set_size (self->affines, (guint) (offset[0] + offset[1]));
  target = &g_array_index (self->affines, float, offset[0]);
  memset (target, 0, offset[1] * sizeof (float));
  for (int c = 0; c < channels; c++)
    {
      target[c] = (float) all[c].center;
      target[width + c] = (float) all[c].scale;
      target[2 * width + c] = (float) all[c].shift;
    }
  offset[0] *= sizeof (float);
  offset[1] *= sizeof (float);
  g_array_append_vals (self->affine_offsets, offset, 2);
  return (int) self->affine_offsets->len / 2 - 1;
}

static int
add_scratch (CnnPlan *self, int index, int at)
{
  const CnnNode *node = cnn_model_node (self->model, index);
  CnnShape inputs[CNN_MAX_INPUTS], scratch;

  if (node->layer->klass->scratch_shape == NULL)
    return NONE;
  for (int j = 0; j < node->n_inputs; j++)
    inputs[j] = self->shapes[node->inputs[j]];
  if (!node->layer->klass->scratch_shape (node->layer, inputs, &scratch))
    return NONE;
  scratch.n = inputs[0].n;
  return add_span (self, &scratch, at, at);
}

static void
add_forward_steps (CnnPlan *self)
{
  for (int i = 0; i < self->n_nodes; i++)
    {
      const CnnNode *node = cnn_model_node (self->model, i);
      Step step = { .kind = STEP_FORWARD, .node = i, .tail = i, .affine = NONE };
      int at = (int) self->steps->len;

      if (!self->needed[i] || is_identity (self, i) || is_folded_in (self, i))
        continue;
      if (i == self->input || node->layer->klass->flags & CNN_LAYER_INPUT)
        {
          self->value_span[i] = add_span (self, &self->shapes[i], 0, 0);
          continue;
        }
      while (self->folded_into[step.tail] != NONE)
        step.tail = self->folded_into[step.tail];
      if (step.tail != i && layer_of (self, step.tail)->klass->flags & CNN_LAYER_ACTIVATION)
        step.activation = layer_of (self, step.tail)->activation;
      if (node->layer->klass->flags & CNN_LAYER_EPILOGUE)
        step.affine = add_affine (self, i, FALSE);
      step.scratch = add_scratch (self, i, at);
      for (int j = 0; j < node->n_inputs; j++)
        use_span (self, self->value_span[root (self, node->inputs[j])], at);
      self->value_span[step.tail] = add_span (self, &self->shapes[step.tail], at, at);
      g_array_append_val (self->steps, step);
    }
  self->n_forward_steps = (int) self->steps->len;
}

/* Adds one more contribution to a node's gradient. */
static void
contribute (CnnPlan *self, int node, int span)
{
  int before = self->gradient_span[node];
  Step step = { .kind = STEP_SUM, .node = node, .left = before, .right = span };
  int at = (int) self->steps->len;

  if (before == NONE)
    {
      self->gradient_span[node] = span;
      return;
    }
  step.sum = add_span (self, &self->shapes[node], at, at);
  use_span (self, before, at);
  use_span (self, span, at);
  g_array_append_val (self->steps, step);
  self->gradient_span[node] = step.sum;
}

static void
add_backward_step (CnnPlan *self, int index)
{
  const CnnNode *node = cnn_model_node (self->model, index);
  Step step = { .kind = STEP_BACKWARD, .node = index, .affine = NONE };
  int at = (int) self->steps->len;
  gboolean inputs, output;

  step.gradient = self->gradient_span[index];
  step.scratch = add_scratch (self, index, at);
  if (node->layer->klass->only_affine)
    step.affine = add_affine (self, index, TRUE);
  use_span (self, step.gradient, at);
  backward_reads (self, index, &inputs, &output);
  if (output)
    use_span (self, self->value_span[index], at);
  for (int j = 0; j < node->n_inputs; j++)
    {
      if (inputs)
        use_span (self, self->value_span[root (self, node->inputs[j])], at);
      step.targets[j] = self->backward[node->inputs[j]]
                            ? add_span (self, &self->shapes[node->inputs[j]], at, at)
                            : NONE;
    }
  g_array_append_val (self->steps, step);
  for (int j = 0; j < node->n_inputs; j++)
    if (step.targets[j] != NONE)
      contribute (self, node->inputs[j], step.targets[j]);
}

static void
add_backward_steps (CnnPlan *self)
{
  if (self->score == NONE)
    return;
  self->gradient_span[self->score] =
      add_span (self, &self->shapes[self->score], self->n_forward_steps, self->n_forward_steps);
  for (int i = self->score; i >= 0; i--)
    {
      if (!self->backward[i])
        continue;
      if (self->wanted_gradient[i])
        use_span (self, self->gradient_span[i], CNN_FOREVER);
      if (!runs_backward (self, i))
        continue;
      if (is_identity (self, i))
        contribute (self, cnn_model_node (self->model, i)->inputs[0], self->gradient_span[i]);
      else
        add_backward_step (self, i);
    }
}

/* --- Recording --- */

static CnnTensor *
tensor_at (const CnnPlan *self, int span, const CnnShape *shape)
{
  return span == NONE ? NULL
                      : cnn_tensor_new_view (
                          self->arena, g_array_index (self->spans, CnnSpan, span).offset, shape);
}

static CnnTensor *
value_of (const CnnPlan *self, int node)
{
  return tensor_at (self, self->value_span[root (self, node)], &self->shapes[node]);
}

static gboolean
record_sum (CnnPlan *self, CnnCommands *commands, const Step *step, GError **error)
{
  const CnnShape *shape = &self->shapes[step->node];
  g_autoptr (CnnTensor) left = tensor_at (self, step->left, shape);
  g_autoptr (CnnTensor) right = tensor_at (self, step->right, shape);
  g_autoptr (CnnTensor) sum = tensor_at (self, step->sum, shape);
  AccumulateParams params = { (guint) (cnn_shape_bytes (shape) / 16) };
  CnnDispatch dispatch = {
    .stem = "accumulate",
    .bindings = { cnn_tensor_binding (left), cnn_tensor_binding (right), cnn_tensor_binding (sum) },
    .n_bindings = 3,
    .push = &params,
    .push_size = sizeof params,
  };

  cnn_flat_groups (params.items, 64, dispatch.groups);
  return cnn_commands_dispatch (commands, &dispatch, error);
}

static gboolean
record_layer (CnnPlan *self, CnnCommands *commands, const Step *plan_step, GError **error)
{
  const CnnNode *node = cnn_model_node (self->model, plan_step->node);
  const gboolean backward = plan_step->kind == STEP_BACKWARD;
  g_autoptr (GPtrArray) tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_tensor_free);
  CnnEpilogue epilogue = { .activation = plan_step->activation };
  CnnStep step = { .commands = commands,
                   .n_inputs = node->n_inputs,
                   .output_shape = self->shapes[plan_step->node] };
  CnnShape scratch;
  gboolean inputs = TRUE, output = TRUE;

#define KEEP(tensor) (g_ptr_array_add (tensors, tensor), tensors->pdata[tensors->len - 1])
  if (backward)
    backward_reads (self, plan_step->node, &inputs, &output);
  for (int j = 0; j < node->n_inputs; j++)
    {
      step.input_shapes[j] = self->shapes[node->inputs[j]];
      if (inputs)
        step.inputs[j] = KEEP (value_of (self, node->inputs[j]));
      if (backward)
        step.grad_inputs[j] = KEEP (tensor_at (self, plan_step->targets[j], &step.input_shapes[j]));
    }
  if (output)
    step.output = KEEP (value_of (self, backward ? plan_step->node : plan_step->tail));
  if (backward)
    step.grad_output = KEEP (tensor_at (self, plan_step->gradient, &step.output_shape));
  if (plan_step->scratch != NONE)
    {
      node->layer->klass->scratch_shape (node->layer, step.input_shapes, &scratch);
      scratch.n = step.output_shape.n;
      step.scratch = KEEP (tensor_at (self, plan_step->scratch, &scratch));
    }
#undef KEEP
  if (plan_step->affine != NONE)
    {
      epilogue.affine = (CnnBinding){
        self->affine_buffer,
        g_array_index (self->affine_offsets, gsize, 2 * plan_step->affine),
        g_array_index (self->affine_offsets, gsize, 2 * plan_step->affine + 1),
      };
      step.epilogue = &epilogue;
    }
  return backward ? node->layer->klass->backward (node->layer, &step, error)
                  : node->layer->klass->forward (node->layer, &step, error);
}

/* Steps between two looks at what the device could begin with. */
#define STRIDE 8

static CnnCommands *
record (CnnPlan *self, int first, int end, gboolean begin, const char *label, GError **error)
{
  g_autoptr (CnnCommands) commands = cnn_commands_new (self->device, label, error);

  for (int i = first; commands != NULL && i < end; i++)
    {
      const Step *step = &g_array_index (self->steps, Step, i);

      cnn_commands_label (commands, cnn_model_node (self->model, step->node)->name);
      if (step->kind == STEP_SUM ? !record_sum (self, commands, step, error)
                                 : !record_layer (self, commands, step, error))
        return NULL;
      if (begin && (i % STRIDE == 0 || i + 1 == end) && !cnn_commands_begin (commands, error))
        return NULL;
    }
  return g_steal_pointer (&commands);
}

/* --- The public face --- */

static gboolean
prepare (CnnPlan *self, const float *values, GError **error)
{
  const gsize affine_bytes = MAX (self->affines->len, 4) * sizeof (float);

  g_array_set_size (self->affines, MAX (self->affines->len, 4));
  self->arena_bytes = cnn_memory_place (&g_array_index (self->spans, CnnSpan, 0), self->spans->len,
                                        cnn_device_alignment (self->device));
  self->arena = cnn_buffer_new (self->device, self->arena_bytes, "the layers' values", error);
  if (self->arena == NULL)
    return FALSE;
  self->affine_buffer =
      cnn_buffer_new (self->device, affine_bytes, "the layers' affine tails", error);
  if (self->affine_buffer == NULL
      || !cnn_buffer_write (self->affine_buffer, 0, self->affines->data, affine_bytes, error))
    return FALSE;
  if (values != NULL)
    {
      g_autoptr (CnnTensor) input = value_of (self, self->input);

      if (!cnn_tensor_upload (input, values, error))
        return FALSE;
      self->begun = TRUE;
    }
  self->forward_commands = record (self, 0, self->n_forward_steps, self->begun, "forward", error);
  if (self->forward_commands == NULL)
    return FALSE;
  if (self->score != NONE)
    self->backward_commands =
        record (self, self->n_forward_steps, (int) self->steps->len, FALSE, "backward", error);
  return self->score == NONE || self->backward_commands != NULL;
}

static CnnShape *
find_shapes (const CnnPlan *self, const CnnPlanRequest *request, GError **error)
{
  g_autofree int *ends = g_new (int, request->n_outputs + 1);
  int n = request->n_outputs;

  if (!request->part)
    return cnn_model_shapes (self->model, &request->input, error);
  memcpy (ends, request->outputs, sizeof (int) * (gsize) n);
  if (request->score != NONE)
    ends[n++] = request->score;
  return cnn_model_part_shapes (self->model, request->start, &request->input, ends, n, error);
}

CnnPlan *
cnn_plan_new (CnnModel *model, CnnDevice *device, const CnnPlanRequest *request, GError **error)
{
  g_autoptr (CnnPlan) self = g_new0 (CnnPlan, 1);
  const int n = cnn_model_count (model);
  int **indices[] = { &self->user, &self->folded_into, &self->value_span, &self->gradient_span };

  self->model = model;
  self->device = cnn_device_ref (device);
  self->n_nodes = n;
  self->input = request->part ? request->start : model->input;
  self->score = request->score;
  self->wanted = g_new0 (gboolean, n);
  self->wanted_gradient = g_new0 (gboolean, n);
  self->needed = g_new0 (gboolean, n);
  self->backward = g_new0 (gboolean, n);
  self->kept = g_new0 (gboolean, n);
  self->users = g_new0 (int, n);
  for (guint i = 0; i < G_N_ELEMENTS (indices); i++)
    {
      *indices[i] = g_new (int, n);
      for (int j = 0; j < n; j++)
        (*indices[i])[j] = NONE;
    }
  self->spans = g_array_new (FALSE, TRUE, sizeof (CnnSpan));
  self->steps = g_array_new (FALSE, TRUE, sizeof (Step));
  self->affines = g_array_new (FALSE, TRUE, sizeof (float));
  self->affine_offsets = g_array_new (FALSE, TRUE, sizeof (gsize));

  self->shapes = find_shapes (self, request, error);
  if (self->shapes == NULL)
    return NULL;
  for (int i = 0; i < request->n_outputs; i++)
    self->wanted[request->outputs[i]] = TRUE;
  for (int i = 0; i < request->n_gradients; i++)
    self->wanted_gradient[request->gradients[i]] = TRUE;
  find_needed (self);
  self->needed[self->input] = TRUE;
  find_backward (self);
  find_kept (self);
  fold (self);
  add_forward_steps (self);
  for (int i = 0; i < n; i++)
    if (self->wanted[i])
      use_span (self, self->value_span[root (self, i)], CNN_FOREVER);
  add_backward_steps (self);
  if (!prepare (self, request->values, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
cnn_plan_free (CnnPlan *self)
{
  if (self == NULL)
    return;
  cnn_commands_free (self->forward_commands);
  cnn_commands_free (self->backward_commands);
  cnn_buffer_unref (self->affine_buffer);
  cnn_buffer_unref (self->arena);
  g_array_unref (self->spans);
  g_array_unref (self->steps);
  g_array_unref (self->affines);
  g_array_unref (self->affine_offsets);
  g_free (self->shapes);
  g_free (self->wanted);
  g_free (self->wanted_gradient);
  g_free (self->needed);
  g_free (self->backward);
  g_free (self->kept);
  g_free (self->users);
  g_free (self->user);
  g_free (self->folded_into);
  g_free (self->value_span);
  g_free (self->gradient_span);
  cnn_device_unref (self->device);
  g_free (self);
}

gboolean
cnn_plan_forward (CnnPlan *self, const float *input, GError **error)
{
  g_autoptr (CnnTensor) tensor = value_of (self, self->input);
  gint64 start = cnn_timing_start ();

  /* what has begun may have written over its input by now */
  self->has_run = (self->begun || cnn_tensor_upload (tensor, input, error))
                  && cnn_commands_run (self->forward_commands, error);
  self->begun = FALSE;
  cnn_timing_stop (start, "running forward");
  return self->has_run;
}

gboolean
cnn_plan_backward (CnnPlan *self, const float *seed, GError **error)
{
  g_autoptr (CnnTensor) tensor = cnn_plan_seed_view (self);
  gint64 start = cnn_timing_start ();
  gboolean done;

  g_assert (self->has_run && self->score != NONE);
  self->has_run = FALSE;
  done =
      cnn_tensor_upload (tensor, seed, error) && cnn_commands_run (self->backward_commands, error);
  cnn_timing_stop (start, "running backward");
  return done;
}

static CnnArray *
new_array (const CnnShape *shape, const char *name, GError **error)
{
  gint64 dims[4];
  int rank = 0;

  if (shape->n > 1)
    dims[rank++] = shape->n;
  if (shape->rank >= 2)
    dims[rank++] = shape->h;
  if (shape->rank == 3)
    dims[rank++] = shape->w;
  dims[rank++] = shape->c;
  return cnn_array_new (rank, dims, name, error);
}

static CnnArray *
download (const CnnPlan *self, const CnnTensor *tensor, int node, GError **error)
{
  g_autoptr (CnnArray) array =
      new_array (&self->shapes[node], cnn_model_node (self->model, node)->name, error);

  if (array == NULL || (tensor != NULL && !cnn_tensor_download (tensor, array->data, error)))
    return NULL;
  return g_steal_pointer (&array);
}

CnnArray *
cnn_plan_output (CnnPlan *self, int node, GError **error)
{
  g_autoptr (CnnTensor) tensor = value_of (self, node);

  g_assert (self->wanted[node]);
  return download (self, tensor, node, error);
}

CnnArray *
cnn_plan_gradient (CnnPlan *self, int node, GError **error)
{
  g_autoptr (CnnTensor) tensor = tensor_at (
      self, self->backward[node] ? self->gradient_span[node] : NONE, &self->shapes[node]);

  g_assert (self->wanted_gradient[node]);
  return download (self, tensor, node, error);
}

CnnTensor *
cnn_plan_value_view (CnnPlan *self, int node)
{
  g_assert (self->wanted[node]);
  return value_of (self, node);
}

CnnTensor *
cnn_plan_gradient_view (CnnPlan *self, int node)
{
  g_assert (self->wanted_gradient[node] && self->backward[node]);
  return tensor_at (self, self->gradient_span[node], &self->shapes[node]);
}

CnnTensor *
cnn_plan_seed_view (CnnPlan *self)
{
  return tensor_at (self, self->gradient_span[self->score], &self->shapes[self->score]);
}

CnnCommands *
cnn_plan_forward_commands (CnnPlan *self)
{
  return self->forward_commands;
}

CnnCommands *
cnn_plan_backward_commands (CnnPlan *self)
{
  return self->backward_commands;
}

const CnnShape *
cnn_plan_shape (const CnnPlan *self, int node)
{
  return &self->shapes[node];
}

gsize
cnn_plan_memory (const CnnPlan *self)
{
  return self->arena_bytes;
}

gsize
cnn_plan_largest (const CnnPlan *self)
{
  gsize largest = 0;

  for (guint i = 0; i < self->spans->len; i++)
    largest = MAX (largest, g_array_index (self->spans, CnnSpan, i).bytes);
  return largest;
}
