/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"

#include <string.h>

const char *const resize_names[] = {
  [CNN_RESIZE_BILINEAR] = "bilinear",
  [CNN_RESIZE_BICUBIC] = "bicubic",
  [CNN_RESIZE_NEAREST] = "nearest",
  [CNN_RESIZE_AREA] = "area",
  NULL,
};
const char *const score_names[] = {
  [CNN_SCORE_LOGIT] = "logit",
  [CNN_SCORE_PROBABILITY] = "probability",
  NULL,
};
const char *const colormap_names[] = {
  [CNN_COLORMAP_JET] = "jet",         [CNN_COLORMAP_VIRIDIS] = "viridis",
  [CNN_COLORMAP_INFERNO] = "inferno", [CNN_COLORMAP_TURBO] = "turbo",
  [CNN_COLORMAP_GRAY] = "gray",       NULL,
};
const char *const preset_names[] = {
  [CNN_PRESET_NONE] = "none",
  [CNN_PRESET_BOOK] = "book",
  NULL,
};
static const char *const source_names[] = {
  [SOURCE_DRAWABLE] = "drawable",
  [SOURCE_VISIBLE] = "visible",
  NULL,
};

static const Argument model_arguments[] = {
  {
      .name = "model",
      .kind = ARGUMENT_MODEL,
      .fallback = "efficientnet-lite0",
      .label = "Mo_del",
      .value = "NAME or FILE",
      .help = "a Keras model file, or a name that convlens models lists",
  },
  {
      .name = "architecture",
      .kind = ARGUMENT_ARCHITECTURE,
      .fallback = "",
      .label = "Architect_ure",
      .value = "NAME",
      .help = "what a weights-only file is for: Keras' function in lower case, such as xception or "
              "mobilenetv2; convlens models lists them",
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "input-size",
      .kind = ARGUMENT_SIZE,
      .fallback = "",
      .label = "I_nput size",
      .value = "N or WxH",
      .help = "for models that accept several sizes; empty: the model's own",
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "preprocess",
      .kind = ARGUMENT_CHOICE,
      .fallback = "auto",
      .label = "_Preprocess",
      .choices = cnn_preprocess_names,
      .help = "how 0 to 255 becomes the model's input",
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "labels",
      .kind = ARGUMENT_FILE,
      .fallback = "",
      .label = "La_bels",
      .value = "FILE",
      .help = "class names: one a line, or Keras' class index (JSON); empty: the model's own",
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "resize",
      .kind = ARGUMENT_CHOICE,
      .fallback = "bilinear",
      .label = "Resi_ze",
      .choices = resize_names,
      .help = "how the picture becomes as large as the model's input",
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "device",
      .kind = ARGUMENT_DEVICE,
      .fallback = "auto",
      .label = "De_vice",
      .value = "auto, INDEX or NAME",
      .help = "a Vulkan device by index or part of its name",
      .choices = (const char *const[]){ "auto", NULL },
      .flags = ARGUMENT_FOLDED,
  },
  { 0 },
};

static const Argument photo_arguments[] = {
  {
      .name = "background",
      .kind = ARGUMENT_COLOR,
      .fallback = "255,255,255",
      .label = "Back_ground",
      .value = "R,G,B",
      .help = "the colour under transparent parts of the picture",
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "source",
      .kind = ARGUMENT_CHOICE,
      .fallback = "drawable",
      .label = "Loo_k at",
      .choices = source_names,
      .help = "the drawable, or the image as it is seen (without results of Convlens)",
      .flags = ARGUMENT_GIMP_ONLY | ARGUMENT_FOLDED,
  },
  { 0 },
};

const Command *const *
commands (void)
{
  static const Command *const table[] = {
    &predict_command,         &layers_command,
    &activations_command,     &gradient_command,
    &activation_grid_command, &filter_pattern_command,
    &grad_cam_command,        &devices_command,
    &models_command,          &get_model_command,
    &describe_command,        &sanity_check_command,
    &faithfulness_command,    NULL,
  };
  return table;
}

const Command *
command_find (const char *name)
{
  for (const Command *const *row = commands (); *row != NULL; row++)
    if (strcmp ((*row)->name, name) == 0)
      return *row;
  return NULL;
}

/* The rows of this face that come last, or those that do not. */
static void
add_arguments (GPtrArray *table, const Argument *arguments, gboolean gimp, gboolean last)
{
  for (const Argument *row = arguments; row != NULL && row->name != NULL; row++)
    if (last != !(row->flags & ARGUMENT_LAST)
        && (gimp ? row->kind != ARGUMENT_OUTPUT : !(row->flags & ARGUMENT_GIMP_ONLY)))
      g_ptr_array_add (table, (gpointer) row);
}

GPtrArray *
command_arguments (const Command *command, gboolean gimp)
{
  GPtrArray *table = g_ptr_array_new ();
  if (command->flags & COMMAND_MODEL)
    add_arguments (table, model_arguments, gimp, FALSE);
  add_arguments (table, command->arguments, gimp, FALSE);
  if (command->flags & COMMAND_PHOTO)
    add_arguments (table, photo_arguments, gimp, FALSE);
  add_arguments (table, command->arguments, gimp, TRUE);
  return table;
}
