/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"

static const Argument arguments_of_predict[] = {
  {
      .name = "top",
      .kind = ARGUMENT_INTEGER,
      .fallback = "5",
      .label = "_Top",
      .value = "N",
      .help = "how many classes to list",
      .minimum = 1,
      .maximum = 100000,
  },
  { 0 },
};

static Result *
predict (Run *run, const Subject *subject, const CnnProgress *progress G_GNUC_UNUSED,
         GError **error)
{
  g_autoptr (CnnSession) session = run_open (run, subject, progress, error);
  if (session == NULL)
    return NULL;
  g_autoptr (GPtrArray) predictions =
      cnn_session_predict (session, arguments_integer (run->arguments, "top"), error);
  if (predictions == NULL)
    return NULL;

  Result *result = result_new ();
  result_session (result, session, &run->options, subject->photo != NULL);
  result_predictions (result, predictions);
  result_session_end (result, session);
  return result;
}

const Command predict_command = {
  .name = "predict",
  .label = "_Predict",
  .summary = "name what is in a photograph",
  .help = "Runs a model on a photograph and lists the classes that it finds most likely.",
  .arguments = arguments_of_predict,
  .flags = COMMAND_MODEL | COMMAND_PHOTO,
  .run = predict,
};
