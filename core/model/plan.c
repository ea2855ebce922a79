/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan.h"

#include "accumulate_params.h"
#include "schedule.h"
#include "timing.h"
#include "fusion.h"

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
  int tail;                    /* the last node that the kernel does, whose value, or inputs'
                                * gradients, are written */
  int residual;                /* span of what is added to the result, or NONE */
  int scratch;                 /* span, or NONE */
  int memo;                    /* the same */
  int gradient;                /* backward: span of the output's gradient */
  int targets[CNN_MAX_INPUTS]; /* backward: spans of the inputs' gradients, or NONE */
  int left, right, sum;        /* spans of a sum */
  int affine;                  /* index in the plan's affines, or NONE */
  CnnActivation activation;
} Step;

struct _CnnPlan
{
  CnnDevice *device;
  CnnPlanUse use;
  int *value_span;
  int *gradient_span;
  int *memo_span;

  GArray *spans; /* CnnSpan */
  GArray *steps; /* Step */
  int n_forward_steps;
  GArray *affines;        /* float: center, scale, shift of each, on the device's alignment */
  GArray *affine_offsets; /* gsize, bytes; two numbers each: offset and size */
  CnnBuffer *affine_buffer, *arena;
  gsize arena_bytes;
  gboolean repeated;
  CnnCommands *forward_commands, *backward_commands;
  gint64 begun_at; /* when the first run was given its input, or 0 */
  gboolean has_run;
};

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
  if (span != NONE)
    {
      CnnSpan *used = &g_array_index (self->spans, CnnSpan, span);

      used->last = MAX (used->last, step);
    }
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

/* Appends the affine parts of the chain that begins with `node`, as one; gives its index, or NONE
 * where there are none. */
static int
add_affine (CnnPlan *self, int node, const int *chain)
{
  const gsize alignment = cnn_device_alignment (self->device) / sizeof (float);
  const CnnShape *shape = &self->use.shapes[node];
  const int channels = shape->c, width = cnn_shape_planes (shape) * 4;
  g_autofree CnnAffine *all = g_new (CnnAffine, channels), *next = g_new (CnnAffine, channels);
  gsize offset[2] = { (self->affines->len + alignment - 1) / alignment * alignment,
                      (gsize) width * 3 };
  gboolean found = FALSE;
  float *target;

  for (int c = 0; c < channels; c++)
    all[c] = (CnnAffine){ 0., 1., 0. };
  for (int at = node; at != NONE; at = chain[at])
    {
      const CnnLayer *layer = cnn_plan_use_layer (&self->use, at);

      if (layer->klass->affine == NULL)
        continue;
      layer->klass->affine (layer, channels, next);
      for (int c = 0; c < channels; c++)
        all[c] = compose (all + c, next + c);
      found = TRUE;
    }
  if (!found)
    return NONE;
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

typedef gboolean (*ShapeRule) (const CnnLayer *layer, const CnnShape *inputs, CnnShape *shape);

/* By a rule of the node's class, or NULL; FALSE where there is no such memory. */
static gboolean
find_shape (const CnnPlan *self, int index, ShapeRule rule, CnnShape *shape)
{
  const CnnNode *node = cnn_model_node (self->use.model, index);
  CnnShape inputs[CNN_MAX_INPUTS];

  for (int j = 0; j < node->n_inputs; j++)
    inputs[j] = self->use.shapes[node->inputs[j]];
  return rule != NULL && rule (node->layer, inputs, shape);
}

static int
add_memory (CnnPlan *self, int index, ShapeRule rule, int at)
{
  CnnShape shape;

  return find_shape (self, index, rule, &shape) ? add_span (self, &shape, at, at) : NONE;
}

/* The value that a folded node takes besides its chain's, as a span, or NONE. */
static int
other_value (const CnnPlan *self, int index)
{
  const CnnNode *node = cnn_model_node (self->use.model, index);

  for (int j = 0; j < node->n_inputs; j++)
    {
      const int root = cnn_plan_use_root (&self->use, node->inputs[j]);

      if (root != self->use.folded_from[index])
        return self->value_span[root];
    }
  return NONE;
}

/* A kernel runs where the last node that it does stands: by then all that it reads is there. */
static void
add_forward_steps (CnnPlan *self)
{
  const CnnPlanUse *use = &self->use;

  for (int i = 0; i < use->n_nodes; i++)
    {
      const CnnLayer *layer = cnn_plan_use_layer (use, i);
      Step step = {
        .kind = STEP_FORWARD, .node = i, .tail = i, .residual = NONE, .memo = NONE, .affine = NONE
      };
      int at = (int) self->steps->len;
      const CnnNode *node;

      if (!use->needed[i] || cnn_plan_use_is_identity (use, i) || use->folded_into[i] != NONE)
        continue;
      if (i == use->input || layer->klass->flags & CNN_LAYER_INPUT)
        {
          self->value_span[i] = add_span (self, &use->shapes[i], 0, 0);
          continue;
        }
      for (; use->folded_from[step.node] != NONE; step.node = use->folded_from[step.node])
        step.residual = MAX (step.residual, other_value (self, step.node));
      node = cnn_model_node (use->model, step.node);
      if (step.node != i && layer->klass->flags & CNN_LAYER_ACTIVATION)
        step.activation = layer->activation;
      step.affine = add_affine (self, step.node, use->folded_into);
      step.scratch = add_memory (self, step.node, node->layer->klass->scratch_shape, at);
      if (cnn_plan_use_runs_backward (use, step.node))
        step.memo = self->memo_span[step.node] =
            add_memory (self, step.node, node->layer->klass->memo_shape, at);
      for (int j = 0; j < node->n_inputs; j++)
        use_span (self, self->value_span[cnn_plan_use_root (use, node->inputs[j])], at);
      use_span (self, step.residual, at);
      self->value_span[i] = add_span (self, &use->shapes[i], at, at);
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
  step.sum = add_span (self, &self->use.shapes[node], at, at);
  use_span (self, before, at);
  use_span (self, span, at);
  g_array_append_val (self->steps, step);
  self->gradient_span[node] = step.sum;
}

/* The backward kernel of a node that ends_gradient goes through an activation first. */
static gboolean
takes_derivative (const CnnPlanUse *use, int index)
{
  return cnn_plan_use_layer (use, use->back_into[index])->klass->flags & CNN_LAYER_ACTIVATION;
}

static void
add_backward_step (CnnPlan *self, int index)
{
  const CnnPlanUse *use = &self->use;
  Step step = {
    .kind = STEP_BACKWARD, .node = index, .tail = index, .residual = NONE, .affine = NONE
  };
  int at = (int) self->steps->len;
  const CnnNode *node;
  gboolean inputs, output;

  while (use->back_into[step.tail] != NONE)
    step.tail = use->back_into[step.tail];
  node = cnn_model_node (use->model, step.tail);
  step.gradient = self->gradient_span[index];
  step.scratch = add_memory (self, index, cnn_plan_use_layer (use, index)->klass->scratch_shape, at);
  step.memo = self->memo_span[index];
  use_span (self, step.memo, at);
  if (cnn_plan_use_fuses_predecessor (use, index))
    {
      const int first = use->back_into[index];

      step.affine = add_affine (self, first, use->back_into);
      if (takes_derivative (use, index))
        use_span (self, self->value_span[first], at);
    }
  else if (cnn_plan_use_is_tail (use, index))
    step.affine = add_affine (self, index, use->back_into);
  use_span (self, step.gradient, at);
  cnn_plan_use_backward_reads (use, index, &inputs, &output);
  if (output)
    use_span (self, self->value_span[index], at);
  for (int j = 0; j < node->n_inputs; j++)
    {
      const int input = cnn_model_node (use->model, index)->inputs[j];

      if (inputs)
        use_span (self, self->value_span[cnn_plan_use_root (use, input)], at);
      step.targets[j] = use->backward[node->inputs[j]]
                            ? add_span (self, &use->shapes[node->inputs[j]], at, at)
                            : NONE;
    }
  if (cnn_plan_use_adds_gradient (use, index))
    {
      const int to =
          cnn_model_node (use->model, cnn_plan_use_fuses_predecessor (use, index) ? index : step.tail)
              ->inputs[0];

      step.residual = self->gradient_span[to];
      self->gradient_span[to] = NONE;
      use_span (self, step.residual, at);
    }
  g_array_append_val (self->steps, step);
  for (int j = 0; j < node->n_inputs; j++)
    if (step.targets[j] != NONE)
      contribute (self, node->inputs[j], step.targets[j]);
}

/* The gradient of the node is that of its inputs too. */
static void
pass_on (CnnPlan *self, int index)
{
  const CnnNode *node = cnn_model_node (self->use.model, index);

  for (int j = 0; j < node->n_inputs; j++)
    if (self->use.backward[node->inputs[j]])
      contribute (self, node->inputs[j], self->gradient_span[index]);
}

static void
add_backward_steps (CnnPlan *self, gboolean keeps_seed)
{
  const int first = keeps_seed ? 0 : self->n_forward_steps;
  const int last = keeps_seed ? CNN_FOREVER : self->n_forward_steps;

  if (self->use.score == NONE)
    return;
  self->gradient_span[self->use.score] =
      add_span (self, &self->use.shapes[self->use.score], first, last);
  for (int i = self->use.score; i >= 0; i--)
    {
      if (!self->use.backward[i])
        continue;
      if (self->use.wanted_gradient[i])
        use_span (self, self->gradient_span[i], CNN_FOREVER);
      if (!cnn_plan_use_runs_backward (&self->use, i) || self->use.back_from[i] != NONE)
        continue;
      if (cnn_plan_use_is_identity (&self->use, i) || cnn_plan_use_is_plain_sum (&self->use, i))
        pass_on (self, i);
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
  return tensor_at (self, self->value_span[cnn_plan_use_root (&self->use, node)],
                    &self->use.shapes[node]);
}

static gboolean
record_sum (CnnPlan *self, CnnCommands *commands, const Step *step, GError **error)
{
  const CnnShape *shape = &self->use.shapes[step->node];
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

  cnn_flat_groups (params.items, dispatch.groups);
  return cnn_commands_dispatch (commands, &dispatch, error);
}

static gboolean
record_layer (CnnPlan *self, CnnCommands *commands, const Step *plan_step, GError **error)
{
  const CnnNode *node = cnn_model_node (self->use.model, plan_step->node);
  const gboolean backward = plan_step->kind == STEP_BACKWARD;
  g_autoptr (GPtrArray) tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_tensor_free);
  CnnEpilogue epilogue = { .activation = plan_step->activation };
  CnnStep step = { .commands = commands,
                   .n_inputs = node->n_inputs,
                   .output_shape = self->use.shapes[plan_step->node],
                   .has_gradient = cnn_plan_use_runs_backward (&self->use, plan_step->node) };
  const CnnLayerClass *klass = node->layer->klass;
  CnnShape shape;
  gboolean inputs = TRUE, output = TRUE;

#define KEEP(tensor) (g_ptr_array_add (tensors, tensor), tensors->pdata[tensors->len - 1])
  if (backward)
    cnn_plan_use_backward_reads (&self->use, plan_step->node, &inputs, &output);
  for (int j = 0; j < node->n_inputs; j++)
    {
      step.input_shapes[j] = self->use.shapes[node->inputs[j]];
      if (inputs)
        step.inputs[j] = KEEP (value_of (self, node->inputs[j]));
      if (backward)
        step.grad_inputs[j] = KEEP (tensor_at (self, plan_step->targets[j], &step.input_shapes[j]));
    }
  if (output)
    step.output = KEEP (value_of (self, backward ? plan_step->node : plan_step->tail));
  if (backward)
    step.grad_output = KEEP (tensor_at (self, plan_step->gradient, &step.output_shape));
  if (find_shape (self, plan_step->node, klass->scratch_shape, &shape))
    step.scratch = KEEP (tensor_at (self, plan_step->scratch, &shape));
  if (find_shape (self, plan_step->node, klass->memo_shape, &shape))
    step.memo = KEEP (tensor_at (self, plan_step->memo, &shape));
  if (plan_step->affine != NONE)
    epilogue.affine = (CnnBinding){
      self->affine_buffer,
      g_array_index (self->affine_offsets, gsize, 2 * plan_step->affine),
      g_array_index (self->affine_offsets, gsize, 2 * plan_step->affine + 1),
    };
  if (plan_step->residual != NONE)
    epilogue.residual =
        KEEP (tensor_at (self, plan_step->residual,
                         backward ? &step.input_shapes[0] : &self->use.shapes[plan_step->tail]));
  epilogue.of_gradient = backward && cnn_plan_use_fuses_predecessor (&self->use, plan_step->node);
  if (epilogue.of_gradient && takes_derivative (&self->use, plan_step->node))
    {
      const int first = self->use.back_into[plan_step->node];

      epilogue.activation = cnn_plan_use_layer (&self->use, first)->activation;
      epilogue.value = KEEP (value_of (self, first));
    }
  if (plan_step->affine != NONE || plan_step->residual != NONE || epilogue.of_gradient)
    step.epilogue = &epilogue;
#undef KEEP
  return backward ? klass->backward (node->layer, &step, error)
                  : klass->forward (node->layer, &step, error);
}

/* Steps between two looks at what the device could begin with. */
#define STRIDE 8

static CnnCommands *
record (CnnPlan *self, int first, int end, gboolean begin, const char *label, GError **error)
{
  g_autoptr (CnnCommands) commands = cnn_commands_new (self->device, label, error);

  if (commands != NULL && self->repeated)
    cnn_commands_set_repeated (commands);
  for (int i = first; commands != NULL && i < end; i++)
    {
      const Step *step = &g_array_index (self->steps, Step, i);

      cnn_commands_label (commands, cnn_model_node (self->use.model, step->node)->name);
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
      g_autoptr (CnnTensor) input = value_of (self, self->use.input);

      if (!cnn_tensor_upload (input, values, error))
        return FALSE;
      self->begun_at = g_get_monotonic_time ();
    }
  self->forward_commands =
      record (self, 0, self->n_forward_steps, self->begun_at != 0, "forward", error);
  if (self->forward_commands == NULL)
    return FALSE;
  if (self->use.score != NONE)
    self->backward_commands =
        record (self, self->n_forward_steps, (int) self->steps->len, FALSE, "backward", error);
  return self->use.score == NONE || self->backward_commands != NULL;
}

CnnPlan *
cnn_plan_new (CnnModel *model, CnnDevice *device, const CnnPlanRequest *request, GError **error)
{
  g_autoptr (CnnPlan) self = g_new0 (CnnPlan, 1);
  const int n = cnn_model_count (model);

  self->device = cnn_device_ref (device);
  self->repeated = request->repeated;
  self->value_span = g_new (int, n);
  self->gradient_span = g_new (int, n);
  self->memo_span = g_new (int, n);
  for (int i = 0; i < n; i++)
    self->value_span[i] = self->gradient_span[i] = self->memo_span[i] = NONE;
  self->spans = g_array_new (FALSE, TRUE, sizeof (CnnSpan));
  self->steps = g_array_new (FALSE, TRUE, sizeof (Step));
  self->affines = g_array_new (FALSE, TRUE, sizeof (float));
  self->affine_offsets = g_array_new (FALSE, TRUE, sizeof (gsize));

  if (!cnn_plan_use_init (&self->use, model, request, error))
    return NULL;
  add_forward_steps (self);
  for (int i = 0; i < n; i++)
    if (self->use.wanted[i])
      use_span (self, self->value_span[cnn_plan_use_root (&self->use, i)], CNN_FOREVER);
  add_backward_steps (self, request->keeps_seed);
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
  cnn_plan_use_clear (&self->use);
  g_free (self->value_span);
  g_free (self->gradient_span);
  g_free (self->memo_span);
  cnn_device_unref (self->device);
  g_free (self);
}

gint64
cnn_plan_begun_at (const CnnPlan *self)
{
  return self->begun_at != 0 ? self->begun_at : g_get_monotonic_time ();
}

gboolean
cnn_plan_forward (CnnPlan *self, const float *input, GError **error)
{
  g_autoptr (CnnTensor) tensor = value_of (self, self->use.input);
  gint64 start = cnn_timing_start ();

  /* what has begun may have written over its input by now */
  self->has_run = (self->begun_at != 0 || cnn_tensor_upload (tensor, input, error))
                  && cnn_commands_run (self->forward_commands, error);
  self->begun_at = 0;
  cnn_timing_stop (start, "running forward");
  return self->has_run;
}

gboolean
cnn_plan_backward (CnnPlan *self, const float *seed, GError **error)
{
  g_autoptr (CnnTensor) tensor = cnn_plan_seed_view (self);
  gint64 start = cnn_timing_start ();
  gboolean done;

  g_assert (self->has_run && self->use.score != NONE);
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
      new_array (&self->use.shapes[node], cnn_model_node (self->use.model, node)->name, error);

  if (array == NULL || (tensor != NULL && !cnn_tensor_download (tensor, array->data, error)))
    return NULL;
  return g_steal_pointer (&array);
}

CnnArray *
cnn_plan_output (CnnPlan *self, int node, GError **error)
{
  g_autoptr (CnnTensor) tensor = value_of (self, node);

  g_assert (self->use.wanted[node]);
  return download (self, tensor, node, error);
}

CnnArray *
cnn_plan_gradient (CnnPlan *self, int node, GError **error)
{
  g_autoptr (CnnTensor) tensor = tensor_at (
      self, self->use.backward[node] ? self->gradient_span[node] : NONE, &self->use.shapes[node]);

  g_assert (self->use.wanted_gradient[node]);
  return download (self, tensor, node, error);
}

CnnTensor *
cnn_plan_value_view (CnnPlan *self, int node)
{
  g_assert (self->use.wanted[node]);
  return value_of (self, node);
}

CnnTensor *
cnn_plan_gradient_view (CnnPlan *self, int node)
{
  g_assert (self->use.wanted_gradient[node] && self->use.backward[node]);
  return tensor_at (self, self->gradient_span[node], &self->use.shapes[node]);
}

CnnTensor *
cnn_plan_seed_view (CnnPlan *self)
{
  return tensor_at (self, self->gradient_span[self->use.score], &self->use.shapes[self->use.score]);
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

int
cnn_plan_forward_steps (const CnnPlan *self)
{
  return self->n_forward_steps;
}

int
cnn_plan_backward_steps (const CnnPlan *self)
{
  return (int) self->steps->len - self->n_forward_steps;
}

const CnnShape *
cnn_plan_shape (const CnnPlan *self, int node)
{
  return &self->use.shapes[node];
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
