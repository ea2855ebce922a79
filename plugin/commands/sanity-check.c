/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "heat-checks.h"

#include <math.h>

#define OPACITY 0.4f /* Grad-CAM's own */

static const Argument arguments_of_sanity_check[] = {
  CLASS_ARGUMENT,
  MAP_LAYER_ARGUMENT ("the layer whose map is checked; auto is the last one that still has a map"),
  {
      .name = "seed",
      .kind = ARGUMENT_INTEGER,
      .fallback = "0",
      .label = "See_d",
      .value = "N",
      .help = "another seed gives other random weights; the same one the same, on every machine",
      .minimum = 0,
      .maximum = G_MAXINT,
  },
  {
      .name = "stages",
      .kind = ARGUMENT_INTEGER,
      .fallback = "8",
      .label = "S_tages",
      .value = "N",
      .help = "how many maps are made on the way from the output down to the first layer",
      .minimum = 1,
      .maximum = 64,
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "colormap",
      .kind = ARGUMENT_CHOICE,
      .fallback = "jet",
      .label = "Color_map",
      .choices = colormap_names,
      .help = "the colours of the heat",
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "output",
      .kind = ARGUMENT_OUTPUT,
      .fallback = "",
      .value = "FILE.png",
      .suffix = ".png",
      .help = "a strip of small pictures: the heat as it is, then after each stage, with the rank "
              "correlation to the first under each, - where there is none",
  },
  { 0 },
};

static const char *
sentence_for (const CnnSanity *sanity)
{
  switch (sanity->verdict)
    {
    case CNN_SANITY_HARDLY:
      return "This map hardly changes when the weights are random: do not trust it.";
    case CNN_SANITY_PARTLY:
      return "The map changes only in part when the weights are random: much of it comes from the "
             "picture and the model's build, not from what the model has learned.";
    case CNN_SANITY_CHANGES:
    default:
      return "The map changes with the weights: it depends on what the model has learned.";
    }
}

static void
report_stage (Result *result, const CnnSanityStage *stage, int number)
{
  result_begin (result, NULL);
  result_string (result, "name", stage->name);
  result_begin_list (result, "layers");
  for (guint i = 0; i < stage->layers->len; i++)
    result_string (result, NULL, stage->layers->pdata[i]);
  result_end_list (result);
  result_number (result, "correlation", stage->correlation);
  result_integer (result, "empty", stage->empty ? 1 : 0);
  result_end (result);
  g_string_append_printf (result->text, "%3d  ", number);
  if (!isnan (stage->correlation))
    g_string_append_printf (result->text, "%5.2f", round (stage->correlation * 100) / 100 + 0.0);
  else
    g_string_append (result->text, stage->empty ? "empty" : " flat");
  result_line (result, "  random down to %s", stage->name);
}

static void
report (Result *result, const CnnSanity *sanity)
{
  const CnnGradCam *cam = sanity->original;
  result_line (result,
               "Evidence for %s in %s, compared with what random weights give (rank correlation, "
               "1 is the same):",
               cam->target->label, cam->layer);
  result_begin_list (result, "stages");
  for (guint i = 0; i < sanity->stages->len; i++)
    report_stage (result, sanity->stages->pdata[i], (int) i + 1);
  result_end_list (result);
  result_integer (result, "empty", sanity->empty);
  result_number (result, "remaining", sanity->remaining);
  result_string (result, "sentence", sentence_for (sanity));
  result_line (result, "%s", sentence_for (sanity));
}

gboolean
sanity_check_add (Result *result, CnnSession *session, const CnnSanityOptions *options,
                  CnnColormap colormap, const CnnProgress *progress, GError **error)
{
  GError *problem = NULL;
  g_autoptr (CnnSanity) sanity = cnn_sanity_check (session, options, progress, &problem);
  if (sanity == NULL)
    return heat_check_failed (result, "sanity check", problem, error);
  result_begin (result, "sanity_check");
  report (result, sanity);
  result_end (result);
  g_autoptr (CnnImage) strip =
      cnn_sanity_paint (sanity, cnn_session_photo (session), colormap, OPACITY, error);
  if (strip == NULL)
    return FALSE;
  heat_check_add_layer (result, "Sanity check", strip);
  return TRUE;
}

static gboolean
add_strip (Result *result, const Arguments *arguments, const CnnSession *session,
           const CnnSanity *sanity, GError **error)
{
  if (arguments_output (arguments, "output") == NULL)
    return TRUE;
  CnnColormap colormap = (CnnColormap) arguments_choice (arguments, "colormap");
  g_autoptr (CnnImage) strip =
      cnn_sanity_paint (sanity, cnn_session_photo (session), colormap, OPACITY, error);
  if (strip == NULL)
    return FALSE;
  result_add_image_file (result, "output", strip);
  return TRUE;
}

/* The run's own: CnnSanityOptions. */
static gboolean
prepare (Run *run, GError **error G_GNUC_UNUSED)
{
  const Arguments *arguments = run->arguments;
  CnnSanityOptions *own = g_new0 (CnnSanityOptions, 1);
  own->class_wish = arguments_text (arguments, "class");
  own->layer = arguments_text (arguments, "layer");
  own->seed = (guint64) arguments_integer (arguments, "seed");
  own->stages = arguments_integer (arguments, "stages");
  run_own (run, own, g_free);
  return TRUE;
}

static Result *
sanity_check (Run *run, const Subject *subject, const CnnProgress *progress, GError **error)
{
  const Arguments *arguments = run->arguments;
  if (subject->photo == NULL && arguments_output (arguments, "output") != NULL)
    {
      g_set_error_literal (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                           "output needs a photograph, and the input is an array");
      return NULL;
    }
  g_autoptr (CnnSession) session = run_open (run, subject, progress, error);
  if (session == NULL)
    return NULL;
  g_autoptr (CnnSanity) sanity = cnn_sanity_check (session, run->own, progress, error);
  if (sanity == NULL)
    return NULL;

  g_autoptr (Result) result = result_new ();
  result_session (result, session, &run->options, subject->photo != NULL);
  result_predictions (result, sanity->original->predictions);
  result_prediction (result, "class", sanity->original->target);
  result_string (result, "layer", sanity->original->layer);
  report (result, sanity);
  if (!add_strip (result, arguments, session, sanity, error))
    return NULL;
  result_session_end (result, session);
  return g_steal_pointer (&result);
}

const Command sanity_check_command = {
  .name = "sanity-check",
  .label = "_Sanity Check…",
  .summary = "whether a heatmap depends on what the model has learned",
  .help = "Takes away what the model has learned, layer by layer from the output down, and shows "
          "how Grad-CAM's map changes (Adebayo et al. 2018). A stage adds layers with a kernel, "
          "each with the normalizations that follow it; stage 1 is the output's layer alone, the "
          "others share the rest evenly. Kernels become uniform in ±√(6 / fan-in), gamma and "
          "moving variance 1, bias, beta and moving mean 0, as in a model that has not been "
          "trained; a Normalization of the input stays. A map without a positive cell is empty. "
          "The verdict is the mean rank correlation of the later half of the stages, an empty map "
          "counting as 0: from 0.8 on the map hardly changes, from 0.5 on in part.",
  .arguments = arguments_of_sanity_check,
  .flags = COMMAND_MODEL | COMMAND_PHOTO,
  .prepare = prepare,
  .run = sanity_check,
};
