/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan.h"

#include "record.h"
#include "timing.h"

struct _CnnPlan
{
  CnnPlanUse use;
  CnnSchedule schedule;
  CnnRecorder recorder;
  CnnCommands *forward_commands, *backward_commands;
  gint64 begun_at; /* when the first run was given its input, or 0 */
  gboolean has_run;
};

static gboolean
begin (CnnPlan *self, const float *values, GError **error)
{
  g_autoptr (CnnTensor) input = cnn_recorder_value (&self->recorder, self->use.input);

  if (!cnn_tensor_upload (input, values, error))
    return FALSE;
  self->begun_at = g_get_monotonic_time ();
  return TRUE;
}

CnnPlan *
cnn_plan_new (CnnModel *model, CnnDevice *device, const CnnPlanRequest *request, GError **error)
{
  g_autoptr (CnnPlan) self = g_new0 (CnnPlan, 1);
  const CnnSchedule *schedule = &self->schedule;

  if (!cnn_plan_use_init (&self->use, model, request, error))
    return NULL;
  cnn_schedule_init (&self->schedule, &self->use, request->keeps_seed,
                     cnn_device_alignment (device));
  if (!cnn_recorder_init (&self->recorder, schedule, device, error)
      || (request->values != NULL && !begin (self, request->values, error)))
    return NULL;
  self->forward_commands = cnn_recorder_record (&self->recorder, 0, schedule->n_forward,
                                                self->begun_at != 0, "forward", error);
  if (self->forward_commands == NULL)
    return NULL;
  if (self->use.score != CNN_NONE)
    self->backward_commands =
        cnn_recorder_record (&self->recorder, schedule->n_forward, cnn_schedule_count (schedule),
                             FALSE, "backward", error);
  if (self->use.score != CNN_NONE && self->backward_commands == NULL)
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
  cnn_recorder_clear (&self->recorder);
  cnn_schedule_clear (&self->schedule);
  cnn_plan_use_clear (&self->use);
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
  g_autoptr (CnnTensor) tensor = cnn_recorder_value (&self->recorder, self->use.input);
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

  g_assert (self->has_run && self->use.score != CNN_NONE);
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
  g_autoptr (CnnTensor) tensor = cnn_recorder_value (&self->recorder, node);

  g_assert (self->use.wanted[node]);
  return download (self, tensor, node, error);
}

CnnArray *
cnn_plan_gradient (CnnPlan *self, int node, GError **error)
{
  g_autoptr (CnnTensor) tensor = cnn_recorder_tensor (
      &self->recorder, self->use.backward[node] ? self->schedule.gradient_span[node] : CNN_NONE,
      &self->use.shapes[node]);

  g_assert (self->use.wanted_gradient[node]);
  return download (self, tensor, node, error);
}

CnnTensor *
cnn_plan_value_view (CnnPlan *self, int node)
{
  g_assert (self->use.wanted[node]);
  return cnn_recorder_value (&self->recorder, node);
}

CnnTensor *
cnn_plan_gradient_view (CnnPlan *self, int node)
{
  g_assert (self->use.wanted_gradient[node] && self->use.backward[node]);
  return cnn_recorder_tensor (&self->recorder, self->schedule.gradient_span[node],
                              &self->use.shapes[node]);
}

CnnTensor *
cnn_plan_seed_view (CnnPlan *self)
{
  return cnn_recorder_tensor (&self->recorder, self->schedule.gradient_span[self->use.score],
                              &self->use.shapes[self->use.score]);
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
  return self->schedule.n_forward;
}

int
cnn_plan_backward_steps (const CnnPlan *self)
{
  return cnn_schedule_count (&self->schedule) - self->schedule.n_forward;
}

const CnnShape *
cnn_plan_shape (const CnnPlan *self, int node)
{
  return &self->use.shapes[node];
}

gsize
cnn_plan_memory (const CnnPlan *self)
{
  return self->schedule.bytes;
}

gsize
cnn_plan_largest (const CnnPlan *self)
{
  return cnn_schedule_largest (&self->schedule);
}
