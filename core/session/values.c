/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The model's layers, what they hold for the picture at hand, and the gradients there. */

#include "session.h"

#include <math.h>

void
cnn_layer_info_free (CnnLayerInfo *info)
{
  if (info == NULL)
    return;
  g_free (info->name);
  g_free (info->class_name);
  g_strfreev (info->inputs);
  g_free (info);
}

void
cnn_layer_values_free (CnnLayerValues *values)
{
  if (values == NULL)
    return;
  g_free (values->layer);
  g_free (values->class_name);
  cnn_array_unref (values->values);
  g_free (values);
}

gboolean
cnn_check_finite (const CnnArray *values, const char *what, GError **error)
{
  gsize count = cnn_array_count (values);

  for (gsize i = 0; i < count; i++)
    if (!isfinite (values->data[i]))
      {
        g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                     "%s holds %s; the model's weights or the input are damaged", what,
                     isnan (values->data[i]) ? "NaN (not a number)" : "an infinite value");
        return FALSE;
      }
  return TRUE;
}

/* --- The list of layers --- */

static void
set_dims (CnnLayerInfo *info, const CnnShape *shape)
{
  const int all[3] = { shape->h, shape->w, shape->c };

  info->rank = shape->rank;
  if (shape->rank == 3)
    for (int i = 0; i < 3; i++)
      info->dims[i] = all[i];
  if (shape->rank == 2)
    info->dims[0] = shape->h;
  if (shape->rank == 1 || shape->rank == 2)
    info->dims[shape->rank - 1] = shape->c;
}

static char **
input_names (const CnnModel *model, const CnnNode *node)
{
  g_autoptr (GStrvBuilder) names = g_strv_builder_new ();

  /* The hidden part of a layer is the layer itself. */
  while (node->n_inputs == 1 && !cnn_model_node (model, node->inputs[0])->visible)
    node = cnn_model_node (model, node->inputs[0]);
  for (int i = 0; i < node->n_inputs; i++)
    g_strv_builder_add (names, cnn_model_node (model, node->inputs[i])->name);
  return g_strv_builder_end (names);
}

GPtrArray *
cnn_session_layers (const CnnSession *self, GError **error)
{
  const CnnModel *model;
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  GPtrArray *layers;

  (void) error;
  g_return_val_if_fail (self != NULL, NULL);
  model = self->network->model;
  layers = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_layer_info_free);
  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnNode *node = cnn_model_node (model, i);
      CnnLayerInfo *info;

      if (!node->visible)
        continue;
      info = g_new0 (CnnLayerInfo, 1);
      info->name = g_strdup (node->name);
      info->class_name = g_strdup (node->shown->klass->name);
      info->inputs = input_names (model, node);
      set_dims (info, self->shapes != NULL ? &self->shapes[i] : &node->shape);
      /* A layer's further uses add nothing, so that the column's sum is the model's. */
      if (g_hash_table_add (seen, node->shown))
        info->parameters = cnn_layer_parameters (node->shown);
      g_ptr_array_add (layers, info);
    }
  return layers;
}

gsize
cnn_session_parameters (const CnnSession *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return cnn_model_parameters (self->network->model);
}

/* --- Values --- */

/* The nodes of these names, or all visible ones. */
static GArray *
find_nodes (const CnnSession *self, const char *const *names, GError **error)
{
  const CnnModel *model = self->network->model;
  g_autoptr (GArray) nodes = g_array_new (FALSE, FALSE, sizeof (int));

  for (int i = 0; names == NULL && i < cnn_model_count (model); i++)
    if (cnn_model_node (model, i)->visible)
      g_array_append_val (nodes, i);
  for (int i = 0; names != NULL && names[i] != NULL; i++)
    {
      int node = cnn_model_find (model, names[i], error);

      if (node < 0)
        return NULL;
      g_array_append_val (nodes, node);
    }
  if (nodes->len == 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "no layer is named");
      return NULL;
    }
  return g_steal_pointer (&nodes);
}

/* `asked`, or NULL where all were wanted: as the user writes it, "input" too. */
static CnnLayerValues *
new_values (const CnnSession *self, int index, const char *asked, CnnArray *array)
{
  const CnnNode *node = cnn_model_node (self->network->model, index);
  CnnLayerValues *values = g_new0 (CnnLayerValues, 1);

  values->layer = g_strdup (g_strcmp0 (asked, "input") == 0 ? asked : node->name);
  values->class_name = g_strdup (node->shown->klass->name);
  values->values = array;
  return values;
}

GPtrArray *
cnn_session_activations (CnnSession *self, const char *const *names, const CnnProgress *progress,
                         GError **error)
{
  g_autoptr (GArray) nodes = NULL;
  g_autoptr (GPtrArray) all = NULL;

  g_return_val_if_fail (self != NULL, NULL);
  nodes = find_nodes (self, names, error);
  if (nodes == NULL || !cnn_session_prepare (self, self->resize, error)
      || !cnn_session_run (self, (const int *) (void *) nodes->data, (int) nodes->len, -1, NULL, 0,
                           progress, error))
    return NULL;
  all = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_layer_values_free);
  for (guint i = 0; i < nodes->len; i++)
    {
      int node = g_array_index (nodes, int, i);
      CnnArray *array = cnn_plan_output (self->plan, node, error);
      g_autofree char *what = NULL;

      if (array == NULL)
        return NULL;
      g_ptr_array_add (all, new_values (self, node, names != NULL ? names[i] : NULL, array));
      what = g_strdup_printf ("layer \"%s\"", cnn_model_node (self->network->model, node)->name);
      if (!cnn_check_finite (array, what, error))
        return NULL;
    }
  return g_steal_pointer (&all);
}

gboolean *
cnn_session_leads_to (const CnnSession *self, int end)
{
  const CnnModel *model = self->network->model;
  gboolean *leads = g_new0 (gboolean, cnn_model_count (model));

  leads[end] = TRUE;
  for (int i = end; i >= 0; i--)
    for (int j = 0; leads[i] && j < cnn_model_node (model, i)->n_inputs; j++)
      leads[cnn_model_node (model, i)->inputs[j]] = TRUE;
  return leads;
}

static gboolean
check_on_the_way (const CnnSession *self, const GArray *nodes, int logit_node, GError **error)
{
  g_autofree gboolean *leads = cnn_session_leads_to (self, logit_node);

  for (guint i = 0; i < nodes->len; i++)
    if (!leads[g_array_index (nodes, int, i)])
      {
        g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                     "the score does not depend on layer \"%s\": it comes after the score or lies "
                     "on another branch",
                     cnn_model_node (self->network->model, g_array_index (nodes, int, i))->name);
        return FALSE;
      }
  return TRUE;
}

GPtrArray *
cnn_session_gradients (CnnSession *self, const char *const *names, const char *class_wish,
                       CnnScoreKind score, const CnnProgress *progress, GError **error)
{
  g_autoptr (GArray) nodes = NULL;
  g_autoptr (GPtrArray) all = NULL;
  g_autoptr (CnnScores) scores = NULL;
  g_autofree float *seed = NULL;
  CnnScores where = { 0 };
  double scale;
  int index;

  g_return_val_if_fail (self != NULL, NULL);
  nodes = find_nodes (self, names, error);
  if (nodes == NULL || !cnn_session_prepare (self, self->resize, error)
      || !cnn_session_find_scores (self, &where, error)
      || (names != NULL && !check_on_the_way (self, nodes, where.logit_node, error))
      || !cnn_session_run (self, (int[]){ where.output_node, where.logit_node }, 2,
                           where.logit_node, (const int *) (void *) nodes->data, (int) nodes->len,
                           progress, error))
    return NULL;
  scores = cnn_session_read_scores (self, error);
  index = scores != NULL ? cnn_session_look_up (self, scores, class_wish, error) : -1;
  if (index < 0 || !cnn_progress_step (progress, 0.6, "computing the gradient", error))
    return NULL;
  seed = cnn_scores_seed (scores, index, score, &scale);
  if (!cnn_session_run_back (self, seed, error))
    return NULL;

  all = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_layer_values_free);
  for (guint i = 0; i < nodes->len; i++)
    {
      int node = g_array_index (nodes, int, i);
      CnnArray *array = cnn_plan_gradient (self->plan, node, error);
      g_autofree char *what = NULL;

      if (array == NULL)
        return NULL;
      g_ptr_array_add (all, new_values (self, node, names != NULL ? names[i] : NULL, array));
      what = g_strdup_printf ("the gradient at layer \"%s\"",
                              cnn_model_node (self->network->model, node)->name);
      if (!cnn_check_finite (array, what, error))
        return NULL;
      for (gsize k = 0; scale != 1 && k < cnn_array_count (array); k++)
        array->data[k] = (float) (array->data[k] * scale);
    }
  return g_steal_pointer (&all);
}
