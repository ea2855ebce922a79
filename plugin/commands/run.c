/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"

/* From so many subjects on kernels pay that take longer to make. */
#define MANY 8

CnnOptions
command_options (const Arguments *arguments)
{
  CnnOptions options = {
    .model = arguments_text (arguments, "model"),
    .architecture = arguments_text (arguments, "architecture"),
    .preprocess = (CnnPreprocess) arguments_choice (arguments, "preprocess"),
    .labels = arguments_text (arguments, "labels"),
    .resize = (CnnResizeFilter) arguments_choice (arguments, "resize"),
    .device = arguments_text (arguments, "device"),
    .background = arguments_color (arguments, "background"),
  };
  arguments_size (arguments, "input-size", &options.input_width, &options.input_height);
  return options;
}

Run *
run_new (const Command *command, const Arguments *arguments, guint subjects, GError **error)
{
  g_autoptr (Run) run = g_new0 (Run, 1);
  run->arguments = arguments;
  if (command->flags & COMMAND_MODEL)
    run->options = command_options (arguments);
  run->options.many = subjects >= MANY;
  if (command->prepare != NULL && !command->prepare (run, error))
    return NULL;
  return g_steal_pointer (&run);
}

void
run_free (Run *run)
{
  if (run == NULL)
    return;
  if (run->own_free != NULL)
    run->own_free (run->own);
  run_forget (run);
  g_free (run);
}

void
run_own (Run *run, gpointer own, GDestroyNotify free)
{
  run->own = own;
  run->own_free = free;
}

void
run_forget (Run *run)
{
  g_clear_pointer (&run->session, cnn_session_unref);
}

CnnSession *
run_open (Run *run, const Subject *subject, const CnnProgress *progress, GError **error)
{
  if (run->session == NULL)
    run->session = cnn_session_open (&run->options, TRUE, progress, error);
  run->refused = run->session == NULL;
  if (run->refused)
    return NULL;
  if (subject->input != NULL ? !cnn_session_set_input (run->session, subject->input, error)
                             : !cnn_session_set_photo (run->session, subject->photo, error))
    return NULL;
  return cnn_session_ref (run->session);
}

Result *
command_run (const Command *command, const Arguments *arguments, const Subject *subject,
             const CnnProgress *progress, GError **error)
{
  g_autoptr (Run) run = run_new (command, arguments, 1, error);
  return run != NULL ? command->run (run, subject, progress, error) : NULL;
}

CnnImage *
command_flat_photo (const Arguments *arguments, const Subject *subject, GError **error)
{
  static const float white[3] = { 1, 1, 1 };
  const float *background = arguments_color (arguments, "background");
  return cnn_image_flatten (subject->photo, background != NULL ? background : white, error);
}
