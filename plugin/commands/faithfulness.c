/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "heat-checks.h"

static const Argument arguments_of_faithfulness[] = {
  CLASS_ARGUMENT,
  MAP_LAYER_ARGUMENT ("the layer whose map is checked; auto is the last one that still has a map"),
  SCORE_ARGUMENT,
  {
      .name = "steps",
      .kind = ARGUMENT_INTEGER,
      .fallback = "56",
      .label = "S_teps",
      .value = "N",
      .help = "in how many steps the picture is changed",
      .minimum = 1,
      .maximum = 10000,
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "output",
      .kind = ARGUMENT_OUTPUT,
      .fallback = "",
      .value = "FILE.png",
      .suffix = ".png",
      .help = "the curves, deletion on the left: red by the heat, gray by a blob in the centre, "
              "with the areas under them",
  },
  { 0 },
};

static void
report_list (Result *result, const char *name, const CnnCurve *curve, int steps)
{
  result_begin_list (result, name);
  for (int i = 0; i <= steps; i++)
    result_number (result, NULL, curve->values[i]);
  result_end_list (result);
}

static void
report_pair (Result *result, const char *name, const CnnCurve *own, const CnnCurve *centre,
             int steps)
{
  result_begin (result, name);
  result_number (result, "area", own->area);
  result_number (result, "centre", centre->area);
  report_list (result, "curve", own, steps);
  report_list (result, "centre_curve", centre, steps);
  result_end (result);
}

static const char *
sentence_for (const CnnFaithfulness *faithfulness)
{
  gboolean deletion = faithfulness->deletion.area < faithfulness->centre_deletion.area;
  gboolean insertion = faithfulness->insertion.area > faithfulness->centre_insertion.area;
  if (deletion && insertion)
    return "The model needs what is hot more than what is in the centre.";
  if (!deletion && !insertion)
    return "A blob in the centre tells better than this map what the model needs.";
  return deletion ? "Without what is hot the class fades sooner than without the centre, but the "
                    "centre alone brings it back sooner."
                  : "What is hot brings the class back sooner than the centre does, but without "
                    "the centre it fades sooner.";
}

static void
report (Result *result, const CnnFaithfulness *faithfulness)
{
  const CnnGradCam *cam = faithfulness->cam;
  result_integer (result, "steps", faithfulness->steps);
  report_pair (result, "deletion", &faithfulness->deletion, &faithfulness->centre_deletion,
               faithfulness->steps);
  report_pair (result, "insertion", &faithfulness->insertion, &faithfulness->centre_insertion,
               faithfulness->steps);
  result_string (result, "sentence", sentence_for (faithfulness));
  result_line (result,
               "%s (%.2f), map of %s; area under its probability, by the map and by a blob in the "
               "centre:",
               cam->target->label, cam->target->probability, cam->layer);
  result_line (result, "deletion   %.3f  %.3f  (less is better)", faithfulness->deletion.area,
               faithfulness->centre_deletion.area);
  result_line (result, "insertion  %.3f  %.3f  (more is better)", faithfulness->insertion.area,
               faithfulness->centre_insertion.area);
  result_line (result, "%s", sentence_for (faithfulness));
}

gboolean
faithfulness_add (Result *result, CnnSession *session, const CnnGradCamOptions *options,
                  const CnnProgress *progress, GError **error)
{
  GError *problem = NULL;
  g_autoptr (CnnFaithfulness) faithfulness =
      cnn_faithfulness (session, options, 0, progress, &problem);
  if (faithfulness == NULL)
    return heat_check_failed (result, "faithfulness check", problem, error);
  result_begin (result, "faithfulness");
  report (result, faithfulness);
  result_end (result);
  g_autoptr (CnnImage) curves = cnn_faithfulness_paint (faithfulness, error);
  if (curves == NULL)
    return FALSE;
  heat_check_add_layer (result, "Deletion and insertion curves", curves);
  return TRUE;
}

/* The run's own: CnnGradCamOptions. */
static gboolean
prepare (Run *run, GError **error G_GNUC_UNUSED)
{
  CnnGradCamOptions *own = g_new0 (CnnGradCamOptions, 1);
  own->class_wish = arguments_text (run->arguments, "class");
  own->layer = arguments_text (run->arguments, "layer");
  own->score = (CnnScoreKind) arguments_choice (run->arguments, "score");
  run_own (run, own, g_free);
  return TRUE;
}

static Result *
faithfulness_run (Run *run, const Subject *subject, const CnnProgress *progress, GError **error)
{
  g_autoptr (CnnSession) session = run_open (run, subject, progress, error);
  if (session == NULL)
    return NULL;
  const Arguments *arguments = run->arguments;
  g_autoptr (CnnFaithfulness) faithfulness =
      cnn_faithfulness (session, run->own, arguments_integer (arguments, "steps"), progress, error);
  if (faithfulness == NULL)
    return NULL;

  g_autoptr (Result) result = result_new ();
  result_session (result, session, &run->options, subject->photo != NULL);
  result_predictions (result, faithfulness->cam->predictions);
  result_prediction (result, "class", faithfulness->cam->target);
  result_string (result, "layer", faithfulness->cam->layer);
  report (result, faithfulness);
  if (arguments_output (arguments, "output") != NULL)
    {
      g_autoptr (CnnImage) curves = cnn_faithfulness_paint (faithfulness, error);
      if (curves == NULL)
        return NULL;
      result_add_image_file (result, "output", curves);
    }
  result_session_end (result, session);
  return g_steal_pointer (&result);
}

const Command faithfulness_command = {
  .name = "faithfulness",
  .label = "_Faithfulness…",
  .summary = "whether the model needs what a heatmap shows",
  .help =
      "Changes the model's input pixel by pixel in the order of Grad-CAM's heat, hottest first, "
      "and follows the probability of the class (Petsiuk et al. 2018). Deletion gives pixels "
      "the picture's mean colour; insertion starts with the picture blurred (Gaussian, σ a "
      "twentieth of the shorter side) and gives them their own. Told are the areas under both "
      "curves, from 0 to 1, beside those of a blob in the centre, which knows nothing of the "
      "picture.",
  .arguments = arguments_of_faithfulness,
  .flags = COMMAND_MODEL | COMMAND_PHOTO,
  .prepare = prepare,
  .run = faithfulness_run,
};
