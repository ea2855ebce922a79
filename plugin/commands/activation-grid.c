/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"
#include "printable.h"

#include <string.h>

static const char *const normalize_names[] = {
  [CNN_GRID_BOOK] = "book",
  [CNN_GRID_CHANNEL] = "channel",
  [CNN_GRID_LAYER] = "layer",
  NULL,
};

enum
{
  DESTINATION_IMAGE,
  DESTINATION_NEW_IMAGE
};

static const char *const destination_names[] = {
  [DESTINATION_IMAGE] = "image",
  [DESTINATION_NEW_IMAGE] = "new-image",
  NULL,
};

static const Argument arguments_of_activation_grid[] = {
  {
      .name = "layer",
      .kind = ARGUMENT_LAYERS,
      .fallback = "book",
      .label = "La_yers",
      .value = "NAME,NAME…, all or book",
      .help = "the layers to show; book: all convolution and pooling layers in order; all: every "
              "layer that has maps",
      .choices = (const char *const[]){ "book", "all", NULL },
  },
  {
      .name = "channels",
      .kind = ARGUMENT_TEXT,
      .fallback = "all",
      .label = "Ch_annels",
      .value = "all, I, A-B or top:K",
      .help = "the channels to show: all, a single one as a picture of its own, a range, or the K "
              "strongest by mean activation, strongest first",
      .choices = (const char *const[]){ "all", "top:16", NULL },
  },
  {
      .name = "columns",
      .kind = ARGUMENT_INTEGER,
      .fallback = "16",
      .label = "Column_s",
      .value = "auto or N",
      .help = "maps side by side; auto or 0: so that the mosaic is as square as can be",
      .choices = (const char *const[]){ "auto", NULL },
      .minimum = 0,
      .maximum = 1024,
  },
  {
      .name = "scale",
      .kind = ARGUMENT_INTEGER,
      .fallback = "1",
      .label = "Scal_e",
      .value = "N",
      .help = "enlarges every cell of a map to N×N pixels",
      .minimum = 1,
      .maximum = 64,
  },
  {
      .name = "normalize",
      .kind = ARGUMENT_CHOICE,
      .fallback = "book",
      .label = "Normal_ize",
      .choices = normalize_names,
      .help =
          "what becomes dark and bright; book: two standard deviations below and above each "
          "channel's mean, as in Deep Learning with Python, 9.4; channel: each channel's minimum "
          "and maximum; layer: those of all channels shown, so that they can be compared",
  },
  {
      .name = "colormap",
      .kind = ARGUMENT_CHOICE,
      .fallback = "viridis",
      .label = "Color_map",
      .choices = colormap_names,
      .help = "the colours from dark to bright",
  },
  {
      .name = "output",
      .kind = ARGUMENT_OUTPUT,
      .fallback = "",
      .value = "FILE.png or FOLDER",
      .suffix = ".png",
      .help = "where the mosaics go; several layers: a folder, a file LAYER.png each",
      .flags = ARGUMENT_SEVERAL,
  },
  {
      .name = "raw",
      .kind = ARGUMENT_OUTPUT,
      .fallback = "",
      .value = "FOLDER",
      .suffix = ".npy",
      .help = "where the layers' values go, a file LAYER.npy each",
      .flags = ARGUMENT_SEVERAL,
  },
  {
      .name = "destination",
      .kind = ARGUMENT_CHOICE,
      .fallback = "image",
      .label = "Des_tination",
      .choices = destination_names,
      .help = "image: new layers in the open image; new-image: a new image with a layer for each "
              "layer of the network",
      .flags = ARGUMENT_GIMP_ONLY | ARGUMENT_LAST,
  },
  { 0 },
};

/* What the result's pictures and arrays are made of, while it lives. */
typedef struct
{
  CnnSession *session;
  CnnGrids *grids;
  CnnColormap colormap;
} GridSource;

static void
source_free (gpointer data)
{
  GridSource *source = data;
  cnn_grids_free (source->grids);
  cnn_session_unref (source->session);
  g_free (source);
}

static CnnImage *
paint (gpointer data, guint index, GError **error)
{
  GridSource *source = data;
  return cnn_grids_paint (source->grids, index, source->colormap, error);
}

static CnnArray *
gather (gpointer data, guint index, GError **error)
{
  GridSource *source = data;
  return cnn_grids_values (source->grids, index, error);
}

static gboolean
wants_new_image (const Arguments *arguments)
{
  return arguments_find (arguments, "destination") != NULL
         && arguments_choice (arguments, "destination") == DESTINATION_NEW_IMAGE;
}

/* The files' names go by what was asked for, not by what the model has. */
static gboolean
names_several (const Arguments *arguments)
{
  const char *layers = arguments_get (arguments, "layer");
  return strcmp (layers, "book") == 0 || strcmp (layers, "all") == 0
         || strchr (layers, ',') != NULL;
}

static gboolean
check_output (const Arguments *arguments, GError **error)
{
  const char *path = arguments_output (arguments, "output");
  g_autofree char *lower = path != NULL ? g_ascii_strdown (path, -1) : NULL;
  if (path == NULL || !names_several (arguments) || !g_str_has_suffix (lower, ".png")
      || g_file_test (path, G_FILE_TEST_IS_DIR))
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "output %s is one file, and layer \"%s\" gives several; name a folder, or one layer",
               path, arguments_get (arguments, "layer"));
  return FALSE;
}

/* --- The report --- */

enum
{
  COLUMN_LAYER,
  COLUMN_SHAPE,
  COLUMN_DEAD,
  COLUMN_MINIMUM,
  COLUMN_MEAN,
  COLUMN_MAXIMUM,
  COLUMN_STRONGEST,
  N_COLUMNS
};

static char *
shape_of (const CnnGridInfo *info)
{
  return cnn_dims_to_string (3, (gint64[]){ info->height, info->width, info->channels });
}

static void
add_cells (GPtrArray *cells, const CnnGridInfo *info)
{
  g_autoptr (GString) strongest = g_string_new (info->n_strongest > 0 ? NULL : "none");
  for (int i = 0; i < info->n_strongest; i++)
    g_string_append_printf (strongest, "%s%d", i > 0 ? ", " : "", info->strongest[i]);
  g_ptr_array_add (cells, g_strdup_printf ("%s (%s)", info->layer, info->class_name));
  g_ptr_array_add (cells, shape_of (info));
  g_ptr_array_add (cells, g_strdup_printf ("%d of %d", info->dead, info->channels));
  g_ptr_array_add (cells, g_strdup_printf ("%.4g", (double) info->minimum));
  g_ptr_array_add (cells, g_strdup_printf ("%.4g", info->mean));
  g_ptr_array_add (cells, g_strdup_printf ("%.4g", (double) info->maximum));
  g_ptr_array_add (cells, g_strdup (strongest->str));
}

/* A line for each layer under one of titles. */
static void
append_table (GString *text, const CnnGrids *grids)
{
  static const char *const titles[N_COLUMNS] = { "Layer (class)",     "Shape", "Dead channels",
                                                 "Minimum",           "Mean",  "Maximum",
                                                 "Strongest channels" };
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  for (int column = 0; column < N_COLUMNS; column++)
    g_ptr_array_add (cells, g_strdup (titles[column]));
  for (guint i = 0; i < cnn_grids_count (grids); i++)
    add_cells (cells, cnn_grids_info (grids, i));
  printable_table (text, cells, N_COLUMNS, FALSE);
}

static void
report (Result *result, const CnnGrids *grids)
{
  result_begin_list (result, "layers");
  for (guint i = 0; i < cnn_grids_count (grids); i++)
    {
      const CnnGridInfo *info = cnn_grids_info (grids, i);
      result_begin (result, NULL);
      result_string (result, "name", info->layer);
      result_string (result, "class", info->class_name);
      result_shape (result, "shape", 3, (gint64[]){ info->height, info->width, info->channels });
      result_integer (result, "dead", info->dead);
      result_number (result, "minimum", info->minimum);
      result_number (result, "mean", info->mean);
      result_number (result, "maximum", info->maximum);
      result_begin_list (result, "strongest");
      for (int k = 0; k < info->n_strongest; k++)
        result_integer (result, NULL, info->strongest[k]);
      result_end_list (result);
      result_end (result);
    }
  result_end_list (result);
  append_table (result->text, grids);
}

/* --- The pictures --- */

static void
add_layers (Result *result, const Arguments *arguments, const Subject *subject, GridSource *source)
{
  gboolean new_image = wants_new_image (arguments);
  guint count = cnn_grids_count (source->grids);
  if (subject->gray && !new_image && source->colormap != CNN_COLORMAP_GRAY)
    {
      source->colormap = CNN_COLORMAP_GRAY;
      result_warn (result, "The image is in grayscale, so the mosaics are painted in gray; "
                           "Image ▸ Mode ▸ RGB allows colours, and so does a new image as "
                           "destination.");
    }
  for (guint i = 0; i < count; i++)
    {
      const CnnGridInfo *info = cnn_grids_info (source->grids, i);
      g_autofree char *shape = shape_of (info);
      g_autofree char *name = g_strdup_printf ("%s %s", info->layer, shape);
      ResultLayer *layer = result_add_painted_layer (result, name, paint, source, i);
      layer->hidden = i + 1 < count;
      if (new_image)
        {
          result->canvas_width = MAX (result->canvas_width, info->mosaic_width);
          result->canvas_height = MAX (result->canvas_height, info->mosaic_height);
        }
    }
  if (count > 1 && !new_image)
    {
      g_autofree char *model = g_path_get_basename (cnn_session_model_name (source->session));
      result->group = g_strdup_printf ("Activation Grid: %s", model);
    }
}

static void
add_files (Result *result, const Arguments *arguments, GridSource *source)
{
  gboolean several = names_several (arguments);
  for (guint i = 0; i < cnn_grids_count (source->grids); i++)
    {
      const char *layer = cnn_grids_info (source->grids, i)->layer;
      g_autofree char *picture = result_entry (result, "output", layer, ".png");
      g_autofree char *array = result_entry (result, "raw", layer, ".npy");
      if (arguments_output (arguments, "output") != NULL)
        result_add_painted_file (result, "output", several ? picture : NULL, paint, source, i);
      if (arguments_output (arguments, "raw") != NULL)
        result_add_gathered_file (result, "raw", array, gather, source, i);
    }
}

/* The run's own: CnnGridOptions. */
static gboolean
prepare (Run *run, GError **error)
{
  const Arguments *arguments = run->arguments;
  if (!check_output (arguments, error))
    return FALSE;
  CnnGridOptions *own = g_new0 (CnnGridOptions, 1);
  own->layers = arguments_text (arguments, "layer");
  own->channels = arguments_text (arguments, "channels");
  own->columns = arguments_integer (arguments, "columns");
  own->scale = arguments_integer (arguments, "scale");
  own->normalize = (CnnGridNormalize) arguments_choice (arguments, "normalize");
  run_own (run, own, g_free);
  return TRUE;
}

static Result *
activation_grid (Run *run, const Subject *subject, const CnnProgress *progress, GError **error)
{
  g_autoptr (CnnSession) session = run_open (run, subject, progress, error);
  if (session == NULL)
    return NULL;
  g_autoptr (CnnGrids) grids = cnn_activation_grids (session, run->own, progress, error);
  if (grids == NULL)
    return NULL;

  const Arguments *arguments = run->arguments;
  Result *result = result_new ();
  result_session (result, session, &run->options, subject->photo != NULL);
  report (result, grids);
  GridSource *source = g_new0 (GridSource, 1);
  source->session = g_steal_pointer (&session);
  source->grids = g_steal_pointer (&grids);
  source->colormap = (CnnColormap) arguments_choice (arguments, "colormap");
  result_own (result, source, source_free);
  add_layers (result, arguments, subject, source);
  add_files (result, arguments, source);
  result_session_end (result, source->session);
  return result;
}

const Command activation_grid_command = {
  .name = "activation-grid",
  .label = "_Activation Grid…",
  .summary = "show what every channel of a layer sees in a photograph",
  .help = "Lays the maps of a layer's channels side by side in a mosaic, a mosaic for each layer, "
          "and tells how strong the channels are and how many saw nothing.",
  .arguments = arguments_of_activation_grid,
  .flags = COMMAND_MODEL | COMMAND_PHOTO | COMMAND_GIMP | COMMAND_LAYERS,
  .prepare = prepare,
  .run = activation_grid,
};
