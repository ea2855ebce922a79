/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "heat-checks.h"

static const Argument arguments_of_grad_cam[] = {
  CLASS_ARGUMENT,
  MAP_LAYER_ARGUMENT ("the layer whose map is shown; auto is the last one that still has a map"),
  SCORE_ARGUMENT,
  {
      .name = "colormap",
      .kind = ARGUMENT_CHOICE,
      .fallback = "jet",
      .label = "Color_map",
      .choices = colormap_names,
      .help = "the colours of the heat",
  },
  {
      .name = "opacity",
      .kind = ARGUMENT_NUMBER,
      .fallback = "40",
      .label = "Opac_ity",
      .value = "PERCENT",
      .help = "the opacity of the heat over the picture, in percent",
      .minimum = 0,
      .maximum = 100,
  },
  {
      .name = "preset",
      .kind = ARGUMENT_CHOICE,
      .fallback = "none",
      .label = "Prese_t",
      .choices = preset_names,
      .help = "book: as in Deep Learning with Python, 9.4. It takes nearest resizing, the "
              "probability, the channels' mean, jet and the book's own overlay",
  },
  {
      .name = "output",
      .kind = ARGUMENT_OUTPUT,
      .fallback = "",
      .value = "FILE.png",
      .suffix = ".png",
      .help = "the photograph with the heat over it",
  },
  {
      .name = "overlay",
      .kind = ARGUMENT_OUTPUT,
      .fallback = "",
      .value = "FILE.png",
      .suffix = ".png",
      .help = "the heat layer alone, RGBA, as it goes into GIMP",
  },
  {
      .name = "heatmap",
      .kind = ARGUMENT_OUTPUT,
      .fallback = "",
      .value = "FILE.npy",
      .suffix = ".npy",
      .help = "the heat in the layer's own size, 0 to 1",
  },
  {
      .name = "sanity-check",
      .kind = ARGUMENT_SWITCH,
      .fallback = "no",
      .label = "Sa_nity check",
      .help = "also see how the heat changes when the model forgets, layer by layer, what it has "
              "learned; takes some seconds",
      .flags = ARGUMENT_GIMP_ONLY | ARGUMENT_LAST | ARGUMENT_BY_NAME,
  },
  {
      .name = "faithfulness",
      .kind = ARGUMENT_SWITCH,
      .fallback = "no",
      .label = "Deletion and insertion c_urves",
      .help = "also see whether the model needs what is hot: its probability while the picture is "
              "deleted or inserted, hottest pixels first; takes some seconds",
      .flags = ARGUMENT_GIMP_ONLY | ARGUMENT_LAST | ARGUMENT_BY_NAME,
  },
  { 0 },
};

static CnnImage *
with_alpha (const CnnImage *image, GError **error)
{
  CnnImage *out = cnn_image_new (image->width, image->height, 4, error);
  if (out == NULL)
    return NULL;
  gsize count = (gsize) image->width * (gsize) image->height;
  for (gsize i = 0; i < count; i++)
    {
      for (int channel = 0; channel < 3; channel++)
        out->pixels[4 * i + (gsize) channel] = image->pixels[3 * i + (gsize) channel];
      out->pixels[4 * i + 3] = 1.0f;
    }
  return out;
}

static void
report (Result *result, const CnnGradCam *cam)
{
  int height = (int) cam->heatmap->dims[0], width = (int) cam->heatmap->dims[1];
  result_prediction (result, "class", cam->target);
  result_string (result, "layer", cam->layer);
  result_begin (result, "heatmap");
  result_integer (result, "width", width);
  result_integer (result, "height", height);
  result_number (result, "maximum", cam->maximum);
  result_number (result, "positive_share", cam->positive_share);
  result_end (result);
  result_line (result, "Evidence for %s (%.2f) in %s, %d×%d: %.0f %% of its cells speak for it",
               cam->target->label, cam->target->probability, cam->layer, width, height,
               100.0 * cam->positive_share);
}

/* The layer, and the pictures that were asked for. */
static gboolean
add_pictures (Result *result, const Arguments *arguments, const Subject *subject,
              const CnnSession *session, const CnnGradCam *cam, gboolean book, GError **error)
{
  const CnnImage *photo = cnn_session_photo (session);
  const CnnArray *input = subject->input;
  int width = photo != NULL ? photo->width : (int) input->dims[1];
  int height = photo != NULL ? photo->height : (int) input->dims[0];
  gboolean gray = subject->gray, book_picture = book && !gray;
  double opacity = book_picture ? 1.0 : arguments_number (arguments, "opacity") / 100.0;
  CnnColormap colormap = (CnnColormap) arguments_choice (arguments, "colormap");
  if (gray && (book || colormap != CNN_COLORMAP_GRAY))
    {
      colormap = CNN_COLORMAP_GRAY;
      result_warn (result,
                   "The image is in grayscale, so the heat is painted in gray, bright where "
                   "it is high; Image ▸ Mode ▸ RGB allows colours.");
    }

  g_autoptr (CnnImage) heat = book_picture
                                  ? cnn_grad_cam_book_picture (cam, photo, error)
                                  : cnn_grad_cam_paint (cam, width, height, colormap, error);
  if (heat == NULL)
    return FALSE;
  g_autoptr (CnnImage) layer = with_alpha (heat, error);
  if (layer == NULL)
    return FALSE;
  g_autofree char *name =
      g_strdup_printf ("Grad-CAM%s: %s %.2f (%s)", book ? " (book)" : "", cam->target->label,
                       cam->target->probability, cam->layer);
  result_add_layer (result, name, layer, opacity, RESULT_MODE_NORMAL);

  if (arguments_output (arguments, "output") != NULL)
    {
      g_autoptr (CnnImage) blend = book_picture
                                       ? cnn_image_ref (heat)
                                       : cnn_image_blend (photo, heat, (float) opacity, error);
      if (blend == NULL)
        return FALSE;
      result_add_image_file (result, "output", blend);
    }
  if (arguments_output (arguments, "overlay") != NULL)
    result_add_image_file (result, "overlay", layer);
  return TRUE;
}

/* Of many photographs often the numbers alone are wanted. */
static gboolean
wants_pictures (const Arguments *arguments)
{
  return arguments_find (arguments, "output") == NULL
         || arguments_output (arguments, "output") != NULL
         || arguments_output (arguments, "overlay") != NULL;
}

static gboolean
is_on (const Arguments *arguments, const char *name)
{
  return arguments_find (arguments, name) != NULL && arguments_choice (arguments, name) != 0;
}

/* Of the same class and layer; the sanity check is always about the logit. */
static gboolean
add_checks (Result *result, const Arguments *arguments, CnnSession *session, const CnnGradCam *cam,
            const CnnGradCamOptions *own, const CnnProgress *progress, GError **error)
{
  g_autofree char *class_index = g_strdup_printf ("%d", cam->target->index);
  if (is_on (arguments, "sanity-check"))
    {
      CnnSanityOptions options = { .class_wish = class_index, .layer = cam->layer };
      CnnColormap colormap = (CnnColormap) arguments_choice (arguments, "colormap");
      if (!sanity_check_add (result, session, &options, colormap, progress, error))
        return FALSE;
    }
  if (!is_on (arguments, "faithfulness"))
    return TRUE;
  CnnGradCamOptions options = *own;
  options.class_wish = class_index;
  return faithfulness_add (result, session, &options, progress, error);
}

/* The run's own: CnnGradCamOptions. */
static gboolean
prepare (Run *run, GError **error G_GNUC_UNUSED)
{
  const Arguments *arguments = run->arguments;
  CnnGradCamOptions *own = g_new0 (CnnGradCamOptions, 1);
  own->class_wish = arguments_text (arguments, "class");
  own->layer = arguments_text (arguments, "layer");
  own->score = (CnnScoreKind) arguments_choice (arguments, "score");
  own->preset = (CnnPreset) arguments_choice (arguments, "preset");
  if (own->preset == CNN_PRESET_BOOK)
    run->options.resize = CNN_RESIZE_NEAREST;
  run_own (run, own, g_free);
  return TRUE;
}

static Result *
grad_cam (Run *run, const Subject *subject, const CnnProgress *progress, GError **error)
{
  const Arguments *arguments = run->arguments;
  const CnnGradCamOptions *own = run->own;
  gboolean book = own->preset == CNN_PRESET_BOOK;
  if (subject->photo == NULL && (arguments_output (arguments, "output") != NULL || book))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "%s needs a photograph, and the input is an array",
                   book ? "preset book" : "output");
      return NULL;
    }

  g_autoptr (CnnSession) session = run_open (run, subject, progress, error);
  if (session == NULL)
    return NULL;

  g_autoptr (CnnGradCam) cam = cnn_grad_cam (session, own, progress, error);
  if (cam == NULL)
    return NULL;

  g_autoptr (Result) result = result_new ();
  result_session (result, session, &run->options, subject->photo != NULL);
  result_predictions (result, cam->predictions);
  report (result, cam);
  if (arguments_output (arguments, "heatmap") != NULL)
    result_add_array_file (result, "heatmap", NULL, cam->heatmap);
  if ((wants_pictures (arguments)
       && !add_pictures (result, arguments, subject, session, cam, book, error))
      || !add_checks (result, arguments, session, cam, own, progress, error))
    return NULL;
  result_session_end (result, session);
  return g_steal_pointer (&result);
}

const Command grad_cam_command = {
  .name = "grad-cam",
  .label = "_Grad-CAM Overlay…",
  .summary = "show where a photograph speaks for a class",
  .help = "Lays over a picture where in it a convolutional network finds the evidence for a class "
          "(Selvaraju et al. 2017).",
  .arguments = arguments_of_grad_cam,
  .flags = COMMAND_MODEL | COMMAND_PHOTO | COMMAND_GIMP,
  .prepare = prepare,
  .run = grad_cam,
};
