/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "visualize.h"

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
