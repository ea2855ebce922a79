/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What the model's output says about its classes, and which of them the user means. */

#include "nearest.h"
#include "session.h"

#include <math.h>
#include <string.h>

#define NEAR_NAMES 5

void
cnn_scores_free (CnnScores *scores)
{
  if (scores == NULL)
    return;
  g_free (scores->logits);
  g_free (scores->probabilities);
  g_free (scores->scores);
  g_free (scores);
}

void
cnn_prediction_free (CnnPrediction *prediction)
{
  if (prediction == NULL)
    return;
  g_free (prediction->label);
  g_free (prediction);
}

/* --- From the output to classes --- */

/* For the input at hand, or where there is none yet for the model's own. */
static const CnnShape *
shape_of (const CnnSession *self, int node)
{
  return self->shapes != NULL ? &self->shapes[node]
                              : &cnn_model_node (self->network->model, node)->shape;
}

/* The node that makes the output's numbers, before layers that only pass or reshape them. */
static int
last_arithmetic (const CnnSession *self)
{
  const CnnModel *model = self->network->model;
  int index = model->output;

  for (;;)
    {
      const CnnNode *node = cnn_model_node (model, index);
      int flags = node->layer->klass->flags;
      gboolean passes = (flags & (CNN_LAYER_IDENTITY | CNN_LAYER_RESHAPING)) != 0
                        || (flags & CNN_LAYER_ACTIVATION
                            && node->layer->activation.kind == CNN_ACTIVATION_LINEAR);

      if (!passes || node->n_inputs != 1
          || cnn_shape_count (shape_of (self, node->inputs[0]))
                 != cnn_shape_count (shape_of (self, index)))
        return index;
      index = node->inputs[0];
    }
}

gboolean
cnn_session_find_scores (const CnnSession *self, CnnScores *scores, GError **error)
{
  const CnnModel *model = self->network->model;
  const CnnShape *shape = shape_of (self, model->output);
  int last = last_arithmetic (self);
  const CnnLayer *layer = cnn_model_node (model, last)->layer;

  if (shape->h * shape->w != 1 || shape->c < 1)
    {
      g_autofree char *size = cnn_shape_to_string (shape);

      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "%s does not name classes: its output is %s (a model without its top?)",
                   self->name, size);
      return FALSE;
    }

  scores->output_node = model->output;
  scores->logit_node = model->output;
  scores->ending = CNN_ENDS_PLAIN;
  if (layer->klass->flags & CNN_LAYER_ACTIVATION
      && layer->activation.kind == CNN_ACTIVATION_SIGMOID)
    scores->ending = CNN_ENDS_SIGMOID;
  if (layer->klass->flags & CNN_LAYER_ACTIVATION
      && layer->activation.kind == CNN_ACTIVATION_SOFTMAX)
    scores->ending = CNN_ENDS_SOFTMAX;
  if (scores->ending != CNN_ENDS_PLAIN)
    scores->logit_node = cnn_model_before_activation (model, last);
  scores->binary = shape->c == 1 && scores->ending != CNN_ENDS_SOFTMAX;
  scores->n = scores->binary ? 2 : shape->c;
  return TRUE;
}

static double
sigmoid (double x)
{
  return x >= 0 ? 1 / (1 + exp (-x)) : exp (x) / (1 + exp (x));
}

static void
softmax (const double *logits, int n, double *probabilities)
{
  double highest = logits[0], sum = 0;

  for (int i = 1; i < n; i++)
    highest = MAX (highest, logits[i]);
  for (int i = 0; i < n; i++)
    sum += probabilities[i] = exp (logits[i] - highest);
  for (int i = 0; i < n; i++)
    probabilities[i] /= sum;
}

CnnScores *
cnn_session_read_scores (CnnSession *self, GError **error)
{
  g_autoptr (CnnScores) scores = g_new0 (CnnScores, 1);
  g_autoptr (CnnArray) output = NULL;
  g_autoptr (CnnArray) logits = NULL;

  if (!cnn_session_find_scores (self, scores, error))
    return NULL;
  output = cnn_plan_output (self->plan, scores->output_node, error);
  logits = output != NULL ? cnn_plan_output (self->plan, scores->logit_node, error) : NULL;
  if (logits == NULL || !cnn_check_finite (output, "the model's output", error)
      || !cnn_check_finite (logits, "the model's output", error))
    return NULL;

  scores->logits = g_new (double, scores->n);
  scores->probabilities = g_new (double, scores->n);
  scores->scores = g_new (float, scores->n);
  for (int i = 0; i < scores->n; i++)
    {
      scores->logits[i] = scores->binary ? (i == 1 ? 1 : -1) * logits->data[0] : logits->data[i];
      scores->scores[i] = scores->binary ? output->data[0] : output->data[i];
    }
  if (scores->binary)
    scores->scores[0] = scores->ending == CNN_ENDS_SIGMOID ? 1 - output->data[0] : -output->data[0];
  if (scores->binary || scores->ending == CNN_ENDS_SIGMOID)
    for (int i = 0; i < scores->n; i++)
      scores->probabilities[i] = sigmoid (scores->logits[i]);
  else
    softmax (scores->logits, scores->n, scores->probabilities);
  return g_steal_pointer (&scores);
}

static char *
label_of (const CnnSession *self, int index)
{
  const GPtrArray *labels = self->network->labels;

  if (labels != NULL && index < (int) labels->len)
    return g_strdup (labels->pdata[index]);
  return g_strdup_printf ("class %d", index);
}

CnnPrediction *
cnn_session_prediction (const CnnSession *self, const CnnScores *scores, int index)
{
  CnnPrediction *prediction = g_new0 (CnnPrediction, 1);

  prediction->index = index;
  prediction->label = label_of (self, index);
  prediction->score = scores->scores[index];
  /* Where the model has its own softmax or sigmoid, its number is the probability. */
  prediction->probability = scores->ending == CNN_ENDS_PLAIN ? (float) scores->probabilities[index]
                                                             : scores->scores[index];
  return prediction;
}

static int
by_logit (gconstpointer a, gconstpointer b, gpointer data)
{
  const CnnScores *scores = data;
  int left = *(const int *) a, right = *(const int *) b;
  double difference = scores->logits[right] - scores->logits[left];

  if (difference != 0)
    return difference > 0 ? 1 : -1;
  return left - right;
}

GPtrArray *
cnn_session_best (const CnnSession *self, const CnnScores *scores, int top)
{
  g_autofree int *order = g_new (int, scores->n);
  GPtrArray *best = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_prediction_free);

  for (int i = 0; i < scores->n; i++)
    order[i] = i;
  g_qsort_with_data (order, scores->n, sizeof (int), by_logit, (gpointer) scores);
  for (int i = 0; i < MIN (top, scores->n); i++)
    g_ptr_array_add (best, cnn_session_prediction (self, scores, order[i]));
  return best;
}

float *
cnn_scores_seed (const CnnScores *scores, int index, CnnScoreKind kind, double *scale)
{
  int units = scores->binary ? 1 : scores->n;
  float *seed = g_new0 (float, units);
  double own = scores->probabilities[index], rest = 0;

  *scale = 1;
  if (kind == CNN_SCORE_LOGIT || scores->binary || scores->ending == CNN_ENDS_SIGMOID)
    {
      seed[scores->binary ? 0 : index] = scores->binary && index == 0 ? -1 : 1;
      if (kind == CNN_SCORE_PROBABILITY)
        *scale = own * sigmoid (-scores->logits[index]);
      return seed;
    }

  /* p_c (δ − p_j); 1 − p_c is the sum of the others, which keeps its digits where p_c is nearly 1.
   */
  for (int i = 0; i < scores->n; i++)
    if (i != index)
      rest += scores->probabilities[i];
  for (int i = 0; i < scores->n && rest > 0; i++)
    seed[i] = i == index ? 1 : (float) (-scores->probabilities[i] / rest);
  *scale = own * rest;
  return seed;
}

/* --- From the user's words to a class --- */

/* Letter case and the difference of _ and space left out. */
static char *
fold (const char *label)
{
  g_autofree char *spaced = g_strdelimit (g_strdup (label), "_", ' ');

  return g_utf8_casefold (g_strstrip (spaced), -1);
}

static void
set_unknown_class_error (const CnnSession *self, const CnnScores *scores, const char *wish,
                         GError **error)
{
  g_autofree char *folded = fold (wish);
  g_autofree guint *distances = g_new (guint, scores->n);
  g_autoptr (GArray) near = NULL;
  g_autoptr (GString) names = g_string_new (NULL);

  for (int i = 0; i < scores->n; i++)
    {
      g_autofree char *label = label_of (self, i);
      g_autofree char *other = fold (label);

      distances[i] = cnn_nearest_distance (folded, other);
    }
  near = cnn_nearest_choose (distances, (guint) scores->n, NEAR_NAMES);
  for (guint i = 0; i < near->len; i++)
    {
      int index = (int) g_array_index (near, guint, i);
      g_autofree char *label = label_of (self, index);

      g_string_append_printf (names, "%s%s (%d)", i > 0 ? ", " : "", label, index);
    }
  if (self->network->labels == NULL)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                 "no class \"%s\": the model's labels are not known; give an index of 0…%d", wish,
                 scores->n - 1);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "no class \"%s\"%s%s", wish,
                 names->len > 0 ? "; near it: " : " among the model's labels", names->str);
}

int
cnn_session_look_up (const CnnSession *self, const CnnScores *scores, const char *wish,
                     GError **error)
{
  g_autofree char *folded = NULL;
  g_autoptr (GString) several = g_string_new (NULL);
  guint64 number;
  int found = -1, n = 0;

  folded = fold (wish != NULL ? wish : "");
  if (*folded == '\0' || strcmp (folded, "auto") == 0)
    {
      found = 0;
      for (int i = 1; i < scores->n; i++)
        if (scores->logits[i] > scores->logits[found])
          found = i;
      return found;
    }
  if (strspn (folded, "0123456789") == strlen (folded))
    {
      if (g_ascii_string_to_unsigned (folded, 10, 0, (guint64) scores->n - 1, &number, NULL))
        return (int) number;
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "no class %s: the model has 0…%d", folded,
                   scores->n - 1);
      return -1;
    }
  for (int i = 0; i < scores->n; i++)
    {
      g_autofree char *label = label_of (self, i);
      g_autofree char *other = fold (label);

      if (strcmp (folded, other) != 0)
        continue;
      found = i;
      g_string_append_printf (several, "%s%d", n++ > 0 ? ", " : "", i);
    }
  if (n == 1)
    return found;
  if (n > 1)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                 "class \"%s\" is ambiguous: it could be %s; give the index", wish, several->str);
  else
    set_unknown_class_error (self, scores, wish, error);
  return -1;
}

gboolean
cnn_session_find_target (const CnnSession *self, const char *wish, CnnTarget *target,
                         GError **error)
{
  CnnScores scores = { 0 };

  if (!cnn_session_find_scores (self, &scores, error))
    return FALSE;
  target->index = cnn_session_look_up (self, &scores, wish, error);
  if (target->index < 0)
    return FALSE;
  target->node = scores.logit_node;
  target->unit = scores.binary ? 0 : target->index;
  target->negative = scores.binary && target->index == 0;
  target->label = label_of (self, target->index);
  return TRUE;
}

/* --- cnn.h --- */

static CnnScores *
run_for_scores (CnnSession *self, GError **error)
{
  CnnScores nodes = { 0 };

  if (!cnn_session_prepare (self, self->resize, error)
      || !cnn_session_find_scores (self, &nodes, error)
      || !cnn_session_run (self, (int[]){ nodes.output_node, nodes.logit_node }, 2, -1, NULL, 0,
                           NULL, error))
    return NULL;
  return cnn_session_read_scores (self, error);
}

GPtrArray *
cnn_session_predict (CnnSession *self, int top, GError **error)
{
  g_autoptr (CnnScores) scores = NULL;

  g_return_val_if_fail (self != NULL && top > 0, NULL);
  scores = run_for_scores (self, error);
  return scores != NULL ? cnn_session_best (self, scores, top) : NULL;
}

CnnPrediction *
cnn_session_find_class (CnnSession *self, const char *wish, GError **error)
{
  g_autoptr (CnnScores) scores = NULL;
  int index;

  g_return_val_if_fail (self != NULL, NULL);
  scores = run_for_scores (self, error);
  if (scores == NULL)
    return NULL;
  index = cnn_session_look_up (self, scores, wish, error);
  return index >= 0 ? cnn_session_prediction (self, scores, index) : NULL;
}
