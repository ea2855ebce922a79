/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The plan that a session's questions need, and its runs. */

#include "session.h"

#include "timing.h"

void
cnn_session_forget_plan (CnnSession *self)
{
  g_clear_pointer (&self->plan, cnn_plan_free);
  g_clear_pointer (&self->outputs, g_array_unref);
  g_clear_pointer (&self->gradients, g_array_unref);
  self->has_run = FALSE;
}

static gboolean
contains (const GArray *have, const int *wanted, int n)
{
  for (int i = 0; i < n; i++)
    {
      gboolean found = FALSE;

      for (guint j = 0; j < have->len && !found; j++)
        found = g_array_index (have, int, j) == wanted[i];
      if (!found)
        return FALSE;
    }
  return TRUE;
}

static GArray *
copy_nodes (const int *nodes, int n)
{
  GArray *copy = g_array_new (FALSE, FALSE, sizeof (int));

  if (n > 0)
    g_array_append_vals (copy, nodes, (guint) n);
  return copy;
}

gboolean
cnn_session_run (CnnSession *self, const int *outputs, int n_outputs, int score,
                 const int *gradients, int n_gradients, const CnnProgress *progress, GError **error)
{
  gboolean fits = self->plan != NULL && contains (self->outputs, outputs, n_outputs)
                  && contains (self->gradients, gradients, n_gradients)
                  && (score < 0 || score == self->score);
  gint64 start;

  if (self->device == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE, "the model was opened without a device");
      return FALSE;
    }
  if (!fits)
    {
      CnnPlanRequest request = { .input = self->shapes[self->network->model->input],
                                 .outputs = outputs,
                                 .n_outputs = n_outputs,
                                 .score = score,
                                 .gradients = gradients,
                                 .n_gradients = n_gradients,
                                 .repeated = self->many,
                                 .values = self->input->data };

      if (!cnn_progress_step (progress, 0, "preparing the model", error))
        return FALSE;
      cnn_session_forget_plan (self);
      start = cnn_timing_start ();
      self->plan = cnn_plan_new (self->network->model, self->device, &request, error);
      cnn_timing_stop (start, "planning and recording");
      if (self->plan == NULL)
        return FALSE;
      self->outputs = copy_nodes (outputs, n_outputs);
      self->gradients = copy_nodes (gradients, n_gradients);
      self->score = score;
    }
  if (self->has_run && (score < 0 || !self->spent))
    return TRUE;
  if (!cnn_progress_step (progress, 0.3, "running the model", error))
    {
      /* it may have begun with this input */
      if (!fits)
        cnn_session_forget_plan (self);
      return FALSE;
    }
  start = cnn_plan_begun_at (self->plan);
  self->has_run = cnn_plan_forward (self->plan, self->input->data, error);
  self->spent = FALSE;
  self->microseconds += g_get_monotonic_time () - start;
  return self->has_run;
}

gboolean
cnn_session_run_back (CnnSession *self, const float *seed, GError **error)
{
  gint64 start = g_get_monotonic_time ();
  gboolean done = cnn_plan_backward (self->plan, seed, error);

  self->microseconds += g_get_monotonic_time () - start;
  self->spent = TRUE;
  return done;
}
