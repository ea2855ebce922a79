/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"

#include <math.h>
#include <string.h>

#define LARGEST_SHEET 32
#define MARGIN 5 /* pixels between the pictures of a sheet, the book's */

static const char *const pattern_preset_names[] = {
  [CNN_PATTERN_BOOK] = "book",
  [CNN_PATTERN_CLEAR] = "clear",
  NULL,
};

static const Argument arguments_of_filter_pattern[] = {
  {
      .name = "layer",
      .kind = ARGUMENT_LAYER,
      .fallback = "",
      .label = "La_yer",
      .value = "NAME",
      .help = "the layer whose filters are asked what they like best",
  },
  {
      .name = "class",
      .kind = ARGUMENT_CLASS,
      .fallback = "",
      .label = "Cl_ass",
      .value = "INDEX or LABEL",
      .help = "instead of a layer: the class whose score is to be raised",
  },
  {
      .name = "filter",
      .kind = ARGUMENT_INTEGER,
      .fallback = "0",
      .label = "_Filter",
      .value = "I",
      .help = "the layer's filter (channel), from 0",
      .minimum = 0,
      .maximum = 1000000,
  },
  {
      .name = "filters",
      .kind = ARGUMENT_TEXT,
      .fallback = "",
      .label = "Filter ran_ge",
      .value = "A-B",
      .help = "several filters, a picture each",
  },
  {
      .name = "sheet",
      .kind = ARGUMENT_INTEGER,
      .fallback = "0",
      .label = "S_heet",
      .value = "N",
      .help = "a sheet of N by N filters, from the first of the range or from 0; 0 is no sheet",
      .minimum = 0,
      .maximum = LARGEST_SHEET,
  },
  {
      .name = "size",
      .kind = ARGUMENT_INTEGER,
      .fallback = "200",
      .label = "Si_ze",
      .value = "PIXELS",
      .help = "the sides of the picture before it is cropped",
      .minimum = 1,
      .maximum = 8192,
  },
  {
      .name = "steps",
      .kind = ARGUMENT_INTEGER,
      .fallback = "30",
      .label = "S_teps",
      .value = "N",
      .help = "steps of gradient ascent",
      .minimum = 1,
      .maximum = 100000,
  },
  {
      .name = "rate",
      .kind = ARGUMENT_NUMBER,
      .fallback = "10",
      .label = "Rat_e",
      .value = "LENGTH",
      .help = "the length of a step over the whole picture, in the model's units",
      .minimum = 0.0001,
      .maximum = 1000000,
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "seed",
      .kind = ARGUMENT_INTEGER,
      .fallback = "0",
      .label = "See_d",
      .value = "N",
      .help = "another seed starts from other noise",
      .minimum = 0,
      .maximum = G_MAXINT,
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "start",
      .kind = ARGUMENT_IMAGE,
      .fallback = "noise",
      .label = "Sta_rt",
      .value = "noise, gray, PHOTO or FILE.npy",
      .choices = (const char *const[]){ "noise", "gray", NULL },
      .help = "what the picture is at first; a photograph is dreamt into",
  },
  {
      .name = "crop",
      .kind = ARGUMENT_INTEGER,
      .fallback = "25",
      .label = "Cr_op",
      .value = "PIXELS",
      .help = "what is taken off each side at the end",
      .minimum = 0,
      .maximum = 4096,
      .flags = ARGUMENT_FOLDED,
  },
  {
      .name = "preset",
      .kind = ARGUMENT_CHOICE,
      .fallback = "book",
      .label = "Prese_t",
      .choices = pattern_preset_names,
      .help = "book: plain gradient ascent on the layer's output, as in Deep Learning with Python, "
              "9.4. clear: from natural noise, with the picture moved a little between steps, its "
              "gradient balanced over coarse and fine, and kept smooth; it climbs what goes into "
              "the layer's activation, and tries up to three more starts where a filter sleeps",
  },
  {
      .name = "output",
      .kind = ARGUMENT_OUTPUT,
      .fallback = "",
      .value = "FILE.png",
      .suffix = ".png",
      .help = "the picture; of several filters the sheet",
  },
  {
      .name = "raw",
      .kind = ARGUMENT_OUTPUT,
      .fallback = "",
      .value = "FILE.npy or FOLDER",
      .suffix = ".npy",
      .help = "the values before they became a picture; several filters: a folder, a file "
              "LAYER-FILTER.npy each",
      .flags = ARGUMENT_SEVERAL,
  },
  { 0 },
};

/* --- What is asked for --- */

static gboolean
refuse (GError **error, const char *message)
{
  g_set_error_literal (error, ARGUMENT_ERROR, 0, message);
  return FALSE;
}

static gboolean
parse_range (const char *text, int *first, int *last)
{
  char *end = NULL;
  if (!g_ascii_isdigit (*text))
    return FALSE;
  guint64 from = g_ascii_strtoull (text, &end, 10), to = from;
  if (*end == '-' && g_ascii_isdigit (end[1]))
    to = g_ascii_strtoull (end + 1, &end, 10);
  if (*end != '\0' || to < from || to > G_MAXINT / 2)
    return FALSE;
  *first = (int) from;
  *last = (int) to;
  return TRUE;
}

static gboolean
find_filters (const Arguments *arguments, CnnPatternOptions *options, GError **error)
{
  const char *range = arguments_text (arguments, "filters");
  int sheet = arguments_integer (arguments, "sheet");
  options->layer = arguments_text (arguments, "layer");
  options->class_wish = arguments_text (arguments, "class");
  if (options->layer == NULL && options->class_wish == NULL)
    return refuse (error, "name a layer or a class");
  if (options->layer != NULL && options->class_wish != NULL)
    return refuse (error, "name a layer or a class, not both");
  if (options->class_wish != NULL && (range != NULL || sheet > 0))
    return refuse (error, "a class has one picture; filters and sheet are for layers");

  options->first = options->last = arguments_integer (arguments, "filter");
  if (range != NULL && !parse_range (range, &options->first, &options->last))
    {
      g_set_error (error, ARGUMENT_ERROR, 0,
                   "filters: \"%s\" is not a range A-B of filters, such as 0-15", range);
      return FALSE;
    }
  if (sheet > 0)
    {
      if (range == NULL)
        options->first = 0;
      options->last = options->first + sheet * sheet - 1;
      options->fewer = TRUE;
    }
  return TRUE;
}

typedef struct
{
  CnnImage *photo;
  CnnArray *array;
} Start;

static void
start_clear (Start *start)
{
  cnn_image_unref (start->photo);
  cnn_array_unref (start->array);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Start, start_clear)

static gboolean
find_start (const Arguments *arguments, const Subject *subject, CnnPatternOptions *options,
            Start *start, GError **error)
{
  const char *value = arguments_get (arguments, "start");
  gboolean good = TRUE;
  if (strcmp (value, "noise") == 0)
    options->start = CNN_START_NOISE;
  else if (strcmp (value, "gray") == 0)
    options->start = CNN_START_GRAY;
  else if (subject->photo == NULL && !g_file_test (value, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "start: there is no file %s; noise and gray need none", value);
      good = FALSE;
    }
  else if (subject->photo == NULL && cnn_npy_is (value))
    {
      options->start = CNN_START_ARRAY;
      start->array = cnn_npy_load (value, error);
      good = start->array != NULL;
    }
  else
    {
      options->start = CNN_START_PHOTO;
      start->photo = subject->photo != NULL ? cnn_image_ref ((CnnImage *) subject->photo)
                                            : cnn_image_load (value, error);
      good = start->photo != NULL;
    }
  options->photo = start->photo;
  options->array = start->array;
  return good;
}

/* --- Pictures --- */

static char *
pattern_name (const CnnPatterns *patterns, const CnnPattern *pattern)
{
  if (patterns->label != NULL)
    return g_strdup (patterns->label);
  return g_strdup_printf ("%s filter %d", patterns->layer, pattern->index);
}

static CnnImage *
picture_of (const CnnPattern *pattern, int crop, GError **error)
{
  g_autoptr (CnnImage) picture = cnn_pattern_picture (pattern, crop, error);
  if (picture == NULL || picture->channels == 3)
    return g_steal_pointer (&picture);
  return cnn_image_convert (picture, 3, error);
}

static CnnImage *
make_sheet (GPtrArray *pictures, int columns, GError **error)
{
  const CnnImage *first = pictures->pdata[0];
  int rows = ((int) pictures->len + columns - 1) / columns;
  int width = columns * (first->width + MARGIN) - MARGIN;
  int height = rows * (first->height + MARGIN) - MARGIN;
  CnnImage *sheet = cnn_image_new (width, height, 3, error);
  for (int i = 0; sheet != NULL && i < (int) pictures->len; i++)
    cnn_image_paste (sheet, pictures->pdata[i], i % columns * (first->width + MARGIN),
                     i / columns * (first->height + MARGIN));
  return sheet;
}

/* A layer for each picture; on a sheet each lies in its place, over the whole sheet. */
static gboolean
add_pictures (Result *result, const Arguments *arguments, const CnnPatterns *patterns,
              GError **error)
{
  g_autoptr (GPtrArray) pictures =
      g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_image_unref);
  for (guint i = 0; i < patterns->patterns->len; i++)
    {
      CnnImage *picture =
          picture_of (patterns->patterns->pdata[i], arguments_integer (arguments, "crop"), error);
      if (picture == NULL)
        return FALSE;
      g_ptr_array_add (pictures, picture);
    }

  const CnnImage *first = pictures->pdata[0];
  int n = (int) pictures->len, columns = MIN (arguments_integer (arguments, "sheet"), n);
  gboolean on_sheet = columns > 0;
  if (!on_sheet)
    columns = (int) ceil (sqrt (n));
  g_autoptr (CnnImage) sheet =
      n > 1 ? make_sheet (pictures, columns, error) : cnn_image_ref (pictures->pdata[0]);
  if (sheet == NULL)
    return FALSE;
  result->canvas_width = on_sheet ? sheet->width : first->width;
  result->canvas_height = on_sheet ? sheet->height : first->height;
  if (on_sheet)
    {
      const CnnPattern *from = patterns->patterns->pdata[0], *to = patterns->patterns->pdata[n - 1];
      g_autofree char *name =
          g_strdup_printf ("%s filters %d to %d", patterns->layer, from->index, to->index);
      result_add_layer (result, name, sheet, 1.0, RESULT_MODE_NORMAL);
    }
  for (int i = 0; i < n; i++)
    {
      g_autofree char *name = pattern_name (patterns, patterns->patterns->pdata[i]);
      ResultLayer *layer =
          result_add_layer (result, name, pictures->pdata[i], 1.0, RESULT_MODE_NORMAL);
      layer->hidden = !on_sheet && i < n - 1;
      layer->x = on_sheet ? i % columns * (first->width + MARGIN) : 0;
      layer->y = on_sheet ? i / columns * (first->height + MARGIN) : 0;
    }
  if (arguments_output (arguments, "output") != NULL)
    result_add_image_file (result, "output", sheet);
  return TRUE;
}

static void
add_raw (Result *result, const Arguments *arguments, const CnnPatterns *patterns)
{
  if (arguments_output (arguments, "raw") == NULL)
    return;
  for (guint i = 0; i < patterns->patterns->len; i++)
    {
      const CnnPattern *pattern = patterns->patterns->pdata[i];
      g_autofree char *name = g_strdup_printf ("%s-%d", patterns->layer, pattern->index);
      g_autofree char *entry =
          patterns->patterns->len == 1 ? NULL : result_entry (result, "raw", name, ".npy");
      result_add_array_file (result, "raw", entry, pattern->values);
    }
}

/* --- The report --- */

static void
report_pattern (Result *result, const CnnPatterns *patterns, const CnnPattern *pattern)
{
  gboolean woke = pattern->after > pattern->before;
  g_autofree char *name = pattern_name (patterns, pattern);
  result_begin (result, NULL);
  result_integer (result, "index", pattern->index);
  result_number (result, "before", pattern->before);
  result_number (result, "after", pattern->after);
  result_integer (result, "tries", pattern->tries);
  result_end (result);
  g_autofree char *tries =
      pattern->tries > 1 ? g_strdup_printf (", %d tries", pattern->tries) : g_strdup ("");
  result_line (result, "%s: %.4g before, %.4g after%s%s", name, pattern->before, pattern->after,
               tries, woke ? "" : "; it never woke up");
}

static void
report (Result *result, const Arguments *arguments, const CnnSession *session,
        const CnnPatterns *patterns)
{
  const CnnPattern *first = patterns->patterns->pdata[0];
  int width = (int) first->values->dims[1], height = (int) first->values->dims[0];
  int size = arguments_integer (arguments, "size"), asleep = 0;
  const char *device = cnn_session_device_name (session);
  result_string (result, "model", cnn_session_model_name (session));
  result_string (result, "device", device);
  result_string (result, "layer", patterns->layer);
  if (patterns->label != NULL)
    {
      result_begin (result, "class");
      result_integer (result, "index", first->index);
      result_string (result, "label", patterns->label);
      result_end (result);
    }
  result_begin (result, "picture");
  result_integer (result, "width", width);
  result_integer (result, "height", height);
  result_string (result, "start", arguments_get (arguments, "start"));
  result_integer (result, "seed", arguments_integer (arguments, "seed"));
  result_integer (result, "steps", arguments_integer (arguments, "steps"));
  result_number (result, "rate", arguments_number (arguments, "rate"));
  result_string (result, "preset", arguments_get (arguments, "preset"));
  result_end (result);
  result_line (result, "%s, %s: %d×%d, %d steps of %g, preset %s", cnn_session_model_name (session),
               patterns->layer, width, height, arguments_integer (arguments, "steps"),
               arguments_number (arguments, "rate"), arguments_get (arguments, "preset"));
  if (cnn_session_warning (session) != NULL)
    result_warn (result, "%s", cnn_session_warning (session));
  if (width != size || height != size)
    result_warn (result, "The picture has the size of the array that it starts from, %d×%d.", width,
                 height);

  result_begin_list (result, "filters");
  for (guint i = 0; i < patterns->patterns->len; i++)
    {
      const CnnPattern *pattern = patterns->patterns->pdata[i];
      report_pattern (result, patterns, pattern);
      asleep += pattern->after > pattern->before ? 0 : 1;
    }
  result_end_list (result);
  if (asleep > 0)
    result_warn (result,
                 "%d of %u never woke up: their activation did not rise. Another seed or a larger "
                 "size may help%s.",
                 asleep, patterns->patterns->len,
                 strcmp (arguments_get (arguments, "preset"), "clear") == 0
                     ? ""
                     : ", and so may the preset clear");
  result_integer (result, "batch", patterns->batch);
  result_integer (result, "memory", (gint64) patterns->memory);
  result_number (result, "milliseconds", patterns->milliseconds);
  result_line (result, "%.1f s on %s; %d at a time in %.0f MiB", patterns->milliseconds / 1000,
               device, patterns->batch, (double) patterns->memory / (1024 * 1024));
}

static Result *
filter_pattern (Run *run, const Subject *subject, const CnnProgress *progress, GError **error)
{
  const Arguments *arguments = run->arguments;
  CnnPatternOptions own = {
    .size = arguments_integer (arguments, "size"),
    .steps = arguments_integer (arguments, "steps"),
    .rate = arguments_number (arguments, "rate"),
    .seed = (guint64) arguments_integer (arguments, "seed"),
    .preset = (CnnPatternPreset) arguments_choice (arguments, "preset"),
  };
  g_auto (Start) start = { 0 };
  if (!find_filters (arguments, &own, error)
      || !find_start (arguments, subject, &own, &start, error))
    return NULL;
  int crop = arguments_integer (arguments, "crop");
  if (own.start != CNN_START_ARRAY && 2 * crop >= own.size)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "a crop of %d pixels on each side leaves nothing of a picture of %d×%d", crop,
                   own.size, own.size);
      return NULL;
    }

  g_autoptr (CnnSession) session = cnn_session_open (&run->options, TRUE, progress, error);
  if (session == NULL)
    return NULL;
  g_autoptr (CnnPatterns) patterns = cnn_filter_pattern (session, &own, progress, error);
  if (patterns == NULL)
    return NULL;

  g_autoptr (Result) result = result_new ();
  report (result, arguments, session, patterns);
  if (!add_pictures (result, arguments, patterns, error))
    return NULL;
  add_raw (result, arguments, patterns);
  return g_steal_pointer (&result);
}

const Command filter_pattern_command = {
  .name = "filter-pattern",
  .label = "_Filter Pattern…",
  .summary = "the picture that a filter or a class likes best",
  .help = "Starts from noise, or from a photograph, and climbs the gradient of a filter's mean "
          "activation, or of a class's score, until the picture shows what it answers to.",
  .arguments = arguments_of_filter_pattern,
  .flags = COMMAND_MODEL | COMMAND_GIMP,
  .run = filter_pattern,
};
