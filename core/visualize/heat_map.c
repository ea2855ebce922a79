/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "heat_map.h"

#include <string.h>

#define NAME(name, method) name,
#define METHOD(name, method) &method,
const char *const cnn_heat_method_names[] = { CNN_HEAT_METHODS (NAME) NULL };
static const CnnHeatMethod *const methods[] = { CNN_HEAT_METHODS (METHOD) };

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

/* --- The map --- */

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
  CnnHeatInput input;
  CnnScores where = { 0 };
  gboolean book;
  double scale;
  int layer, index;

  g_return_val_if_fail (self != NULL && options != NULL, NULL);
  g_return_val_if_fail ((guint) options->method < G_N_ELEMENTS (methods), NULL);
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
  input = (CnnHeatInput){
    .values = values,
    .gradient = gradient,
    .cells = (gsize) (values->dims[0] * values->dims[1]),
    .channels = (gsize) values->dims[2],
    /* The book takes the mean over the channels; it differs in `maximum` alone. */
    .scale = book ? scale / (double) values->dims[2] : scale,
  };
  map = g_new0 (double, input.cells);
  methods[options->method]->run (&input, map);
  if (!take_heat (cam, map, values, error) || !cnn_progress_step (progress, 1, "done", error))
    return NULL;
  return g_steal_pointer (&cam);
}
