/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Grad-CAM: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
 * Gradient-based Localization", 2017, https://arxiv.org/abs/1610.02391 */

#include "visualize.h"

#include <string.h>

void
cnn_grad_cam_free (CnnGradCam *cam)
{
  if (cam == NULL)
    return;
  g_free (cam->layer);
  cnn_prediction_free (cam->target);
  g_clear_pointer (&cam->predictions, g_ptr_array_unref);
  cnn_array_unref (cam->heatmap);
  g_free (cam);
}

/* --- The layer --- */

/* For each node the last node before it that lies on every path from the input to it; −1 for what
 * the input does not reach, and the input's own index for itself. Cooper, Harvey and Kennedy,
 * "A Simple, Fast Dominance Algorithm": in a graph without cycles one sweep is enough. */
static int *
find_dominators (const CnnModel *model)
{
  int n = cnn_model_count (model);
  int *dominator = g_new (int, n);

  for (int i = 0; i < n; i++)
    {
      const CnnNode *node = cnn_model_node (model, i);
      int common = i == model->input ? i : -1;

      for (int j = 0; j < node->n_inputs && i != model->input; j++)
        {
          int other = node->inputs[j];

          if (dominator[other] < 0)
            continue;
          if (common < 0)
            common = other;
          while (common != other)
            if (common > other)
              common = dominator[common];
            else
              other = dominator[other];
        }
      dominator[i] = common;
    }
  return dominator;
}

/* For each node, whether a convolution comes before it or is it: what comes earlier is no layer
 * that has learned anything. */
static gboolean *
find_after_convolution (const CnnModel *model)
{
  gboolean *after = g_new0 (gboolean, cnn_model_count (model));

  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnNode *node = cnn_model_node (model, i);

      after[i] = (node->layer->klass->flags & CNN_LAYER_CONVOLUTION) != 0;
      for (int j = 0; j < node->n_inputs; j++)
        after[i] = after[i] || after[node->inputs[j]];
    }
  return after;
}

int
cnn_session_automatic_layer (const CnnSession *self, int logit_node, GError **error)
{
  const CnnModel *model = self->network->model;
  const int left_out =
      CNN_LAYER_POOLING | CNN_LAYER_IDENTITY | CNN_LAYER_RESHAPING | CNN_LAYER_INPUT;
  g_autofree int *dominator = find_dominators (model);
  g_autofree gboolean *after = find_after_convolution (model);

  for (int i = logit_node; i >= 0; i = i == model->input ? -1 : dominator[i])
    {
      const CnnNode *node = cnn_model_node (model, i);
      const CnnShape *shape = &self->shapes[i];

      if (node->visible && (node->layer->klass->flags & left_out) == 0 && after[i]
          && shape->rank == 3 && shape->h * shape->w > 1)
        return i;
    }
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "%s has no convolution whose map all paths to the score go through; name a layer",
               self->name);
  return -1;
}

static int
find_layer (const CnnSession *self, const char *wish, int logit_node, GError **error)
{
  g_autofree gboolean *leads = NULL;
  const CnnShape *shape;
  int node;

  if (wish == NULL || *wish == '\0' || strcmp (wish, "auto") == 0)
    return cnn_session_automatic_layer (self, logit_node, error);
  node = cnn_model_find (self->network->model, wish, error);
  if (node < 0)
    return -1;
  shape = &self->shapes[node];
  if (shape->rank != 3)
    {
      g_autofree char *size = cnn_shape_to_string (shape);

      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "layer \"%s\" has no map to show: its output is %s", wish, size);
      return -1;
    }
  leads = cnn_session_leads_to (self, logit_node);
  if (!leads[node])
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "the score does not depend on layer \"%s\"", wish);
      return -1;
    }
  return node;
}

/* --- The heatmap --- */

/* Σ_c A_c · mean_xy ∂score/∂A_c, times `scale`, negative cells included. */
static double *
weigh_channels (const CnnArray *values, const CnnArray *gradient, double scale)
{
  gsize channels = (gsize) values->dims[2];
  gsize cells = (gsize) (values->dims[0] * values->dims[1]);
  g_autofree double *weights = g_new0 (double, channels);
  double *map = g_new0 (double, cells);

  for (gsize i = 0; i < cells; i++)
    for (gsize c = 0; c < channels; c++)
      weights[c] += gradient->data[i * channels + c];
  for (gsize c = 0; c < channels; c++)
    weights[c] *= scale / (double) cells;
  for (gsize i = 0; i < cells; i++)
    for (gsize c = 0; c < channels; c++)
      map[i] += weights[c] * values->data[i * channels + c];
  return map;
}

/* The positive part of the map over its maximum, into cam. */
static gboolean
take_heat (CnnGradCam *cam, const double *map, const CnnArray *values, GError **error)
{
  gsize cells = (gsize) (values->dims[0] * values->dims[1]), positive = 0;
  double maximum = 0;

  for (gsize i = 0; i < cells; i++)
    {
      maximum = MAX (maximum, map[i]);
      positive += map[i] > 0;
    }
  if (!(maximum > 0))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_NO_EVIDENCE,
                   "no positive evidence for %s in this layer (%s)", cam->target->label,
                   cam->layer);
      return FALSE;
    }
  cam->heatmap = cnn_array_new (2, values->dims, "the heatmap", error);
  if (cam->heatmap == NULL)
    return FALSE;
  for (gsize i = 0; i < cells; i++)
    cam->heatmap->data[i] = (float) (MAX (map[i], 0) / maximum);
  cam->maximum = (float) maximum;
  cam->positive_share = (float) positive / (float) cells;
  return TRUE;
}

static gboolean
read_layer (CnnSession *self, int node, const char *name, CnnArray **values, CnnArray **gradient,
            GError **error)
{
  g_autofree char *what = g_strdup_printf ("layer \"%s\"", name);
  g_autofree char *what_gradient = g_strdup_printf ("the gradient at layer \"%s\"", name);

  *values = cnn_plan_output (self->plan, node, error);
  if (*values == NULL || !cnn_check_finite (*values, what, error))
    return FALSE;
  *gradient = cnn_plan_gradient (self->plan, node, error);
  return *gradient != NULL && cnn_check_finite (*gradient, what_gradient, error);
}

CnnGradCam *
cnn_grad_cam (CnnSession *self, const CnnGradCamOptions *options, const CnnProgress *progress,
              GError **error)
{
  g_autoptr (CnnGradCam) cam = NULL;
  g_autoptr (CnnScores) scores = NULL;
  g_autoptr (CnnArray) values = NULL;
  g_autoptr (CnnArray) gradient = NULL;
  g_autofree float *seed = NULL;
  g_autofree double *map = NULL;
  CnnScores where = { 0 };
  gboolean book;
  double scale;
  int layer, index;

  g_return_val_if_fail (self != NULL && options != NULL, NULL);
  book = options->preset == CNN_PRESET_BOOK;
  if (!cnn_session_prepare (self, book ? CNN_RESIZE_NEAREST : self->resize, error)
      || !cnn_session_find_scores (self, &where, error))
    return NULL;
  layer = find_layer (self, options->layer, where.logit_node, error);
  if (layer < 0
      || !cnn_session_run (self, (int[]){ layer, where.output_node, where.logit_node }, 3,
                           where.logit_node, &layer, 1, progress, error))
    return NULL;
  scores = cnn_session_read_scores (self, error);
  index = scores != NULL ? cnn_session_look_up (self, scores, options->class_wish, error) : -1;
  if (index < 0 || !cnn_progress_step (progress, 0.6, "computing the gradient", error))
    return NULL;

  cam = g_new0 (CnnGradCam, 1);
  cam->layer = g_strdup (cnn_model_node (self->network->model, layer)->name);
  cam->target = cnn_session_prediction (self, scores, index);
  cam->predictions = cnn_session_best (self, scores, 5);
  seed = cnn_scores_seed (scores, index, book ? CNN_SCORE_PROBABILITY : options->score, &scale);
  if (!cnn_session_run_back (self, seed, error)
      || !read_layer (self, layer, cam->layer, &values, &gradient, error))
    return NULL;
  /* The book takes the mean over the channels; it differs in `maximum` alone. */
  map = weigh_channels (values, gradient, book ? scale / (double) values->dims[2] : scale);
  if (!take_heat (cam, map, values, error) || !cnn_progress_step (progress, 1, "done", error))
    return NULL;
  return g_steal_pointer (&cam);
}
