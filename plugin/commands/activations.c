/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"

#include <string.h>

#define LAYER_ARGUMENT(words)                                                    \
  {                                                                              \
    .name = "layer", .kind = ARGUMENT_LAYERS, .fallback = "", .label = "_Layer", \
    .value = "NAME,NAME… or all", .help = words, .flags = ARGUMENT_REQUIRED      \
  }
#define RAW_ARGUMENT                                                                \
  {                                                                                 \
    .name = "raw", .kind = ARGUMENT_OUTPUT, .fallback = "", .label = "_Raw",        \
    .value = "FILE.npy or FOLDER", .suffix = ".npy",                                \
    .help = "where the values go; several layers: a folder, a file LAYER.npy each", \
    .flags = ARGUMENT_SEVERAL,                                                      \
  }

static const Argument arguments_of_activations[] = {
  LAYER_ARGUMENT ("the layers whose outputs are wanted"),
  RAW_ARGUMENT,
  { 0 },
};
static const Argument arguments_of_gradient[] = {
  LAYER_ARGUMENT ("the layers for whose outputs the gradient is wanted; input is the model's"),
  CLASS_ARGUMENT,
  SCORE_ARGUMENT,
  RAW_ARGUMENT,
  { 0 },
};

/* The run's own: the names of the layers; NULL for all. */
static gboolean
prepare (Run *run, GError **error G_GNUC_UNUSED)
{
  const char *layers = arguments_get (run->arguments, "layer");
  if (strcmp (layers, "all") == 0)
    return TRUE;
  GStrv names = g_strsplit (layers, ",", -1);
  for (char **name = names; *name != NULL; name++)
    g_strstrip (*name);
  run_own (run, names, (GDestroyNotify) g_strfreev);
  return TRUE;
}

/* Minimum, mean and maximum of each layer, and its file. */
static void
add_values (Result *result, const Arguments *arguments, GPtrArray *values, gboolean in_folder)
{
  result_begin_list (result, "layers");
  for (guint i = 0; i < values->len; i++)
    {
      const CnnLayerValues *layer = g_ptr_array_index (values, i);
      const float *data = layer->values->data;
      gsize count = cnn_array_count (layer->values);
      double sum = 0, minimum = count > 0 ? data[0] : 0, maximum = minimum;
      for (gsize at = 0; at < count; at++)
        {
          sum += data[at];
          minimum = MIN (minimum, data[at]);
          maximum = MAX (maximum, data[at]);
        }
      double mean = count > 0 ? sum / (double) count : 0;

      result_begin (result, NULL);
      result_string (result, "name", layer->layer);
      result_string (result, "class", layer->class_name);
      result_shape (result, "shape", layer->values->rank, layer->values->dims);
      result_number (result, "minimum", minimum);
      result_number (result, "mean", mean);
      result_number (result, "maximum", maximum);
      result_end (result);

      g_autofree char *shape = cnn_dims_to_string (layer->values->rank, layer->values->dims);
      result_line (result, "%s (%s) %s: %g to %g, mean %g", layer->layer, layer->class_name, shape,
                   minimum, maximum, mean);
      if (arguments_text (arguments, "raw") == NULL)
        continue;
      g_autofree char *entry =
          in_folder ? result_entry (result, "raw", layer->layer, ".npy") : NULL;
      result_add_array_file (result, "raw", entry, layer->values);
    }
  result_end_list (result);
}

static Result *
finish (const Run *run, const Subject *subject, CnnSession *session, const CnnPrediction *target,
        GPtrArray *values)
{
  const char *const *names = run->own;
  Result *result = result_new ();
  result_session (result, session, &run->options, subject->photo != NULL);
  if (target != NULL)
    {
      result_prediction (result, "class", target);
      result_line (result, "Class %d, %s: score %g, probability %g", target->index, target->label,
                   target->score, target->probability);
    }
  add_values (result, run->arguments, values,
              names == NULL || names[0] == NULL || names[1] != NULL);
  result_session_end (result, session);
  return result;
}

static Result *
activations (Run *run, const Subject *subject, const CnnProgress *progress, GError **error)
{
  g_autoptr (CnnSession) session = run_open (run, subject, progress, error);
  if (session == NULL)
    return NULL;
  g_autoptr (GPtrArray) values = cnn_session_activations (session, run->own, progress, error);
  if (values == NULL)
    return NULL;
  return finish (run, subject, session, NULL, values);
}

static Result *
gradient (Run *run, const Subject *subject, const CnnProgress *progress, GError **error)
{
  CnnScoreKind score = (CnnScoreKind) arguments_choice (run->arguments, "score");
  const char *wanted = arguments_text (run->arguments, "class");
  g_autoptr (CnnSession) session = run_open (run, subject, progress, error);
  if (session == NULL)
    return NULL;
  /* first: what was run for them tells the class as well */
  g_autoptr (GPtrArray) values =
      cnn_session_gradients (session, run->own, wanted, score, progress, error);
  if (values == NULL)
    return NULL;
  g_autoptr (CnnPrediction) target = cnn_session_find_class (session, wanted, error);
  if (target == NULL)
    return NULL;
  return finish (run, subject, session, target, values);
}

const Command activations_command = {
  .name = "activations",
  .label = "_Activations",
  .summary = "the values of a layer in a photograph",
  .help = "Runs a model on a photograph up to the layers asked for and gives their outputs: (H, W, "
          "C) or (C), float32.",
  .arguments = arguments_of_activations,
  .flags = COMMAND_MODEL | COMMAND_PHOTO,
  .prepare = prepare,
  .run = activations,
};

const Command gradient_command = {
  .name = "gradient",
  .label = "_Gradient",
  .summary = "how a class's score answers to a layer or to the input",
  .help = "Gives the gradient of a class's score with respect to the outputs of layers, in their "
          "shapes, float32.",
  .arguments = arguments_of_gradient,
  .flags = COMMAND_MODEL | COMMAND_PHOTO,
  .prepare = prepare,
  .run = gradient,
};
