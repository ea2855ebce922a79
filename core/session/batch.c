/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch.h"

#include <math.h>
#include <string.h>

/* Of one picture, forward only: enough to keep a device busy with a small model. A large one has
 * work enough in each picture, and what no longer fits a processor's cache takes twice the time.
 * With steps there and back, larger batches gain, too, up to where they are no faster. */
static const struct
{
  gsize bytes;
  int pictures;
} limits[] = {
  [CNN_BATCH_FORWARD] = { (gsize) 16 << 20, 16 },
  [CNN_BATCH_ASCENT] = { (gsize) 1 << 30, 64 },
};

struct _CnnBatch
{
  CnnPlan *plan;
  CnnScores where;
  CnnScoreKind score;
  int count;
  gsize size;    /* numbers of an input */
  float *inputs; /* of all */
};

int
cnn_batch_size (const CnnDevice *device, CnnBatchKind kind, gsize memory, gsize largest, int most)
{
  const guint64 bytes = MIN (limits[kind].bytes, cnn_device_memory (device) / 4);
  const guint64 by_memory = bytes / MAX (memory, 1);
  const guint64 by_binding = cnn_device_max_binding (device) / MAX (largest, 1);

  return (int) CLAMP (MIN (by_memory, by_binding), 1, (guint64) MIN (most, limits[kind].pictures));
}

/* The node whose values tell the score. */
static const int *
score_node (const CnnBatch *self)
{
  return self->score == CNN_SCORE_LOGIT ? &self->where.logit_node : &self->where.output_node;
}

static CnnPlan *
new_plan (const CnnBatch *self, const CnnSession *session, int n, GError **error)
{
  CnnPlanRequest request = {
    .input = session->shapes[session->network->model->input],
    .outputs = score_node (self),
    .n_outputs = 1,
    .score = -1,
    .repeated = TRUE,
  };

  request.input.n = n;
  return cnn_plan_new (session->network->model, session->device, &request, error);
}

CnnBatch *
cnn_batch_new (CnnSession *session, CnnScoreKind score, int most, GError **error)
{
  g_autoptr (CnnBatch) self = g_new0 (CnnBatch, 1);

  g_return_val_if_fail (session->input != NULL && session->device != NULL && most > 0, NULL);
  self->score = score;
  self->size = cnn_array_count (session->input);
  if (!cnn_session_find_scores (session, &self->where, error))
    return NULL;
  cnn_session_forget_plan (session);
  self->plan = new_plan (self, session, 1, error);
  if (self->plan == NULL)
    return NULL;
  self->count = cnn_batch_size (session->device, CNN_BATCH_FORWARD, cnn_plan_memory (self->plan),
                                cnn_plan_largest (self->plan), most);
  if (self->count > 1)
    {
      cnn_plan_free (self->plan);
      self->plan = new_plan (self, session, self->count, error);
    }
  self->inputs = g_new0 (float, (gsize) self->count * self->size);
  return self->plan != NULL ? g_steal_pointer (&self) : NULL;
}

void
cnn_batch_free (CnnBatch *self)
{
  if (self == NULL)
    return;
  cnn_plan_free (self->plan);
  g_free (self->inputs);
  g_free (self);
}

int
cnn_batch_count (const CnnBatch *self)
{
  return self->count;
}

float *
cnn_batch_input (CnnBatch *self, int index)
{
  return self->inputs + (gsize) index * self->size;
}

static double
logit_of (const CnnScores *where, const float *values, int index)
{
  if (where->binary)
    return index == 1 ? (double) values[0] : -(double) values[0];
  return (double) values[index];
}

static double
probability_of (const CnnScores *where, const float *output, int index)
{
  double highest = output[0], sum = 0;

  if (where->binary)
    {
      double one = where->ending == CNN_ENDS_PLAIN ? 1 / (1 + exp (-(double) output[0]))
                                                   : (double) output[0];

      return index == 1 ? one : 1 - one;
    }
  if (where->ending != CNN_ENDS_PLAIN)
    return output[index];
  for (int i = 1; i < where->n; i++)
    highest = MAX (highest, output[i]);
  for (int i = 0; i < where->n; i++)
    sum += exp (output[i] - highest);
  return exp (output[index] - highest) / sum;
}

gboolean
cnn_batch_run (CnnBatch *self, int n, int class_index, double *scores, GError **error)
{
  const gsize units = self->where.binary ? 1 : (gsize) self->where.n;
  g_autoptr (CnnArray) output = NULL;

  g_return_val_if_fail (n > 0 && n <= self->count, FALSE);
  for (int i = n; i < self->count; i++)
    memcpy (cnn_batch_input (self, i), self->inputs, self->size * sizeof (float));
  if (!cnn_plan_forward (self->plan, self->inputs, error))
    return FALSE;
  output = cnn_plan_output (self->plan, *score_node (self), error);
  if (output == NULL || !cnn_check_finite (output, "the model's output", error))
    return FALSE;
  for (int i = 0; i < n; i++)
    {
      const float *values = output->data + (gsize) i * units;

      scores[i] = self->score == CNN_SCORE_LOGIT
                      ? logit_of (&self->where, values, class_index)
                      : probability_of (&self->where, values, class_index);
    }
  return TRUE;
}
