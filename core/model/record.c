/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include "accumulate_params.h"

#include <string.h>

/* --- Affine parts --- */

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

/* The node with which a step's affine parts begin, or CNN_NONE. */
static int
first_affine (const CnnPlanUse *use, const CnnPlanStep *step)
{
  switch (step->kind)
    {
    case CNN_PLAN_STEP_FORWARD:
      return step->node;
    case CNN_PLAN_STEP_BACKWARD:
      if (cnn_plan_use_fuses_predecessor (use, step->node))
        return use->back_into[step->node];
      return cnn_plan_use_is_tail (use, step->node) ? step->node : CNN_NONE;
    default:
      return CNN_NONE;
    }
}

/* Appends the affine parts of a step to `numbers`, as one: center, scale and shift, each of as many
 * as fill its vectors. Gives where they are, of no size where there are none. */
static CnnBinding
add_affine (CnnRecorder *self, const CnnPlanStep *step, GArray *numbers)
{
  const CnnPlanUse *use = self->schedule->use;
  const gsize alignment = cnn_device_alignment (self->device) / sizeof (float);
  const gsize first = (numbers->len + alignment - 1) / alignment * alignment;
  const int *chain = step->kind == CNN_PLAN_STEP_FORWARD ? use->folded_into : use->back_into;
  const int begin = first_affine (use, step);
  const CnnShape *shape = &use->shapes[begin != CNN_NONE ? begin : step->node];
  const int channels = shape->c, width = cnn_shape_planes (shape) * 4;
  g_autofree CnnAffine *all = g_new (CnnAffine, channels), *next = g_new (CnnAffine, channels);
  gboolean found = FALSE;
  float *target;

  for (int c = 0; c < channels; c++)
    all[c] = (CnnAffine){ 0., 1., 0. };
  for (int at = begin; at != CNN_NONE; at = chain[at])
    {
      const CnnLayer *layer = cnn_plan_use_layer (use, at);

      if (layer->klass->affine == NULL)
        continue;
      layer->klass->affine (layer, channels, next);
      for (int c = 0; c < channels; c++)
        all[c] = compose (all + c, next + c);
      found = TRUE;
    }
  if (!found)
    return (CnnBinding){ 0 };
  g_array_set_size (numbers, (guint) first + (guint) width * 3);
  target = &g_array_index (numbers, float, first);
  memset (target, 0, (gsize) width * 3 * sizeof (float));
  for (int c = 0; c < channels; c++)
    {
      target[c] = (float) all[c].center;
      target[width + c] = (float) all[c].scale;
      target[2 * width + c] = (float) all[c].shift;
    }
  return (CnnBinding){ NULL, first * sizeof (float), (gsize) width * 3 * sizeof (float) };
}

static gboolean
make_affines (CnnRecorder *self, GError **error)
{
  const int n = cnn_schedule_count (self->schedule);
  g_autoptr (GArray) numbers = g_array_new (FALSE, TRUE, sizeof (float));
  gsize bytes;

  self->affines = g_new (CnnBinding, n);
  for (int i = 0; i < n; i++)
    self->affines[i] = add_affine (self, cnn_schedule_step (self->schedule, i), numbers);
  g_array_set_size (numbers, MAX (numbers->len, 4));
  bytes = numbers->len * sizeof (float);
  self->affine_buffer = cnn_buffer_new (self->device, bytes, "the layers' affine tails", error);
  if (self->affine_buffer == NULL
      || !cnn_buffer_write (self->affine_buffer, 0, numbers->data, bytes, error))
    return FALSE;
  for (int i = 0; i < n; i++)
    if (self->affines[i].size != 0)
      self->affines[i].buffer = self->affine_buffer;
  return TRUE;
}

gboolean
cnn_recorder_init (CnnRecorder *self, const CnnSchedule *schedule, CnnDevice *device,
                   GError **error)
{
  self->schedule = schedule;
  self->device = cnn_device_ref (device);
  self->arena = cnn_buffer_new (device, schedule->bytes, "the layers' values", error);
  return self->arena != NULL && make_affines (self, error);
}

void
cnn_recorder_clear (CnnRecorder *self)
{
  g_clear_pointer (&self->arena, cnn_buffer_unref);
  g_clear_pointer (&self->affine_buffer, cnn_buffer_unref);
  g_clear_pointer (&self->affines, g_free);
  g_clear_pointer (&self->device, cnn_device_unref);
}

/* --- Commands --- */

CnnTensor *
cnn_recorder_tensor (const CnnRecorder *self, int span, const CnnShape *shape)
{
  if (span == CNN_NONE)
    return NULL;
  return cnn_tensor_new_view (self->arena, cnn_schedule_span (self->schedule, span)->offset, shape);
}

CnnTensor *
cnn_recorder_value (const CnnRecorder *self, int node)
{
  const CnnPlanUse *use = self->schedule->use;

  return cnn_recorder_tensor (self, self->schedule->value_span[cnn_plan_use_root (use, node)],
                              &use->shapes[node]);
}

static gboolean
record_sum (CnnRecorder *self, CnnCommands *commands, const CnnPlanStep *step, GError **error)
{
  const CnnShape *shape = &self->schedule->use->shapes[step->node];
  g_autoptr (CnnTensor) left = cnn_recorder_tensor (self, step->left, shape);
  g_autoptr (CnnTensor) right = cnn_recorder_tensor (self, step->right, shape);
  g_autoptr (CnnTensor) sum = cnn_recorder_tensor (self, step->sum, shape);
  AccumulateParams params = { (guint) (cnn_shape_bytes (shape) / 16) };
  CnnDispatch dispatch = {
    .stem = "accumulate",
    .bindings = { [ACCUMULATE_LEFT] = cnn_tensor_binding (left),
                  [ACCUMULATE_RIGHT] = cnn_tensor_binding (right),
                  [ACCUMULATE_TARGET] = cnn_tensor_binding (sum) },
    .push = &params,
    .push_size = sizeof params,
  };

  cnn_flat_groups (params.items, dispatch.groups);
  return cnn_commands_dispatch (commands, &dispatch, error);
}

static gboolean
record_layer (CnnRecorder *self, CnnCommands *commands, int index, GError **error)
{
  const CnnPlanUse *use = self->schedule->use;
  const CnnPlanStep *plan_step = cnn_schedule_step (self->schedule, index);
  const CnnNode *node = cnn_model_node (use->model, plan_step->node);
  const gboolean backward = plan_step->kind == CNN_PLAN_STEP_BACKWARD;
  g_autoptr (GPtrArray) tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_tensor_free);
  const CnnBinding affine = self->affines[index];
  CnnTail tail = { .affine = affine };
  CnnGradientTail gradient_tail = { .residual = NULL };
  const CnnLayer *last = cnn_plan_use_layer (use, plan_step->tail);
  CnnStep step = { .commands = commands,
                   .n_inputs = node->n_inputs,
                   .output_shape = use->shapes[plan_step->node],
                   .has_gradient = cnn_plan_use_runs_backward (use, plan_step->node) };
  const CnnLayerClass *klass = node->layer->klass;
  CnnShape shape;
  gboolean inputs = TRUE, output = TRUE;

#define KEEP(tensor) (g_ptr_array_add (tensors, tensor), tensors->pdata[tensors->len - 1])
  if (backward)
    cnn_plan_use_backward_reads (use, plan_step->node, &inputs, &output);
  for (int j = 0; j < node->n_inputs; j++)
    {
      step.input_shapes[j] = use->shapes[node->inputs[j]];
      if (inputs)
        step.inputs[j] = KEEP (cnn_recorder_value (self, node->inputs[j]));
      if (backward)
        step.grad_inputs[j] =
            KEEP (cnn_recorder_tensor (self, plan_step->targets[j], &step.input_shapes[j]));
    }
  if (output)
    step.output = KEEP (cnn_recorder_value (self, backward ? plan_step->node : plan_step->tail));
  if (backward)
    step.grad_output = KEEP (cnn_recorder_tensor (self, plan_step->gradient, &step.output_shape));
  if (cnn_plan_use_find_shape (use, plan_step->node, klass->scratch_shape, &shape))
    step.scratch = KEEP (cnn_recorder_tensor (self, plan_step->scratch, &shape));
  if (cnn_plan_use_find_shape (use, plan_step->node, klass->memo_shape, &shape))
    step.memo = KEEP (cnn_recorder_tensor (self, plan_step->memo, &shape));
  if (!backward)
    {
      if (plan_step->tail != plan_step->node && last->klass->flags & CNN_LAYER_ACTIVATION)
        tail.activation = last->activation;
      if (plan_step->residual != CNN_NONE)
        tail.residual =
            KEEP (cnn_recorder_tensor (self, plan_step->residual, &use->shapes[plan_step->tail]));
      if (klass->flags & CNN_LAYER_TAIL)
        step.tail = &tail;
    }
  else
    {
      if (cnn_plan_use_fuses_predecessor (use, plan_step->node))
        gradient_tail.affine = affine;
      else
        step.affine = affine;
      if (plan_step->residual != CNN_NONE)
        gradient_tail.residual =
            KEEP (cnn_recorder_tensor (self, plan_step->residual, &step.input_shapes[0]));
      if (cnn_plan_use_takes_derivative (use, plan_step->node))
        {
          const int first = use->back_into[plan_step->node];

          gradient_tail.activation = cnn_plan_use_layer (use, first)->activation;
          gradient_tail.value = KEEP (cnn_recorder_value (self, first));
        }
      step.gradient_tail = &gradient_tail;
    }
#undef KEEP
  return backward ? klass->backward (node->layer, &step, error)
                  : klass->forward (node->layer, &step, error);
}

/* Each time that so many more steps are recorded, the device may begin with them. */
#define STEPS_BETWEEN_BEGINS 8

CnnCommands *
cnn_recorder_record (CnnRecorder *self, int first, int end, gboolean begin, const char *label,
                     GError **error)
{
  const CnnPlanUse *use = self->schedule->use;
  g_autoptr (CnnCommands) commands = cnn_commands_new (self->device, label, error);

  if (commands != NULL && use->repeated)
    cnn_commands_set_repeated (commands);
  for (int i = first; commands != NULL && i < end; i++)
    {
      const CnnPlanStep *step = cnn_schedule_step (self->schedule, i);

      cnn_commands_label (commands, cnn_model_node (use->model, step->node)->name);
      if (step->kind == CNN_PLAN_STEP_SUM ? !record_sum (self, commands, step, error)
                                          : !record_layer (self, commands, i, error))
        return NULL;
      if (begin && (i % STEPS_BETWEEN_BEGINS == 0 || i + 1 == end)
          && !cnn_commands_begin (commands, error))
        return NULL;
    }
  return g_steal_pointer (&commands);
}
