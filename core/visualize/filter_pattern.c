/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Filter Pattern: gradient ascent in the picture. Erhan, Bengio, Courville and Vincent,
 * "Visualizing Higher-Layer Features of a Deep Network", 2009; Deep Learning with Python, 9.4;
 * `clear` after Olah, Mordvintsev and Schubert, "Feature Visualization", Distill 2017. */

#include "ascent.h"
#include "batch.h"
#include "noise.h"

#include <math.h>
#include <string.h>

/* The book leaves out a map's outermost cells, which see the picture's edge. */
#define BORDER 2
#define NOISE_LOW 0.4
#define NOISE_HIGH 0.6
#define GRAY 0.5
#define NATURAL_DEVIATION 0.06

/* `clear` looks for another start where a filter slept all the time. */
#define CLEAR_TRIES 4
#define CLEAR_SHIFT 8. /* pixels */
#define CLEAR_TURN 5.  /* degrees */
#define CLEAR_SCALE 0.05

/* What is climbed. */
typedef struct
{
  int start;  /* node whose value is the picture */
  int target; /* node whose activation is measured */
  int score;  /* node whose activation is climbed */
  int border;
  int filters; /* channels of the target */
  int unit;    /* of a class */
  gboolean descend;
  int channels; /* of the picture */
} Aim;

typedef struct
{
  CnnSession *session;
  const CnnPatternOptions *options;
  const CnnProgress *progress;
  Aim aim;
  int width, height;
  CnnArray *start; /* the same for all filters; NULL: noise of each one's own */
  CnnMove *moves;  /* clear */
  int done, total; /* pictures */
  CnnPatterns *patterns;
} Climb;

static void
pattern_free (gpointer data)
{
  CnnPattern *pattern = data;

  cnn_array_unref (pattern->values);
  g_free (pattern);
}

void
cnn_patterns_free (CnnPatterns *patterns)
{
  if (patterns == NULL)
    return;
  g_free (patterns->layer);
  g_free (patterns->label);
  g_clear_pointer (&patterns->patterns, g_ptr_array_unref);
  g_free (patterns);
}

/* --- What is climbed --- */

/* The last of the model's leading layers that only scale its input: what comes after it is in the
 * units that the model learned in. */
static int
find_start (const CnnModel *model)
{
  int start = model->input;

  for (int at = model->input;;)
    {
      int user = -1, users = 0;

      for (int i = 0; i < cnn_model_count (model); i++)
        for (int j = 0; j < cnn_model_node (model, i)->n_inputs; j++)
          if (cnn_model_node (model, i)->inputs[j] == at)
            {
              user = i;
              users++;
            }
      if (users != 1)
        return start;
      at = user;
      if (cnn_model_node (model, at)->layer->klass->flags & CNN_LAYER_SCALING)
        start = at;
      else if (!(cnn_model_node (model, at)->layer->klass->flags & CNN_LAYER_IDENTITY))
        return start;
    }
}

static void
add_pattern (Climb *self, int index)
{
  CnnPattern *pattern = g_new0 (CnnPattern, 1);

  pattern->index = index;
  pattern->bgr = self->session->network->preprocess == CNN_PREPROCESS_CAFFE;
  g_ptr_array_add (self->patterns->patterns, pattern);
}

static gboolean
aim_at_class (Climb *self, GError **error)
{
  const CnnPatternOptions *options = self->options;
  g_autoptr (CnnPrediction) best = NULL;
  g_autofree char *index = NULL;
  const char *wish = options->class_wish;
  CnnTarget target = { 0 };

  if (g_ascii_strcasecmp (wish, "auto") == 0)
    {
      if (options->photo == NULL)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                       "class auto is a photograph's best one, and the pattern does not start from "
                       "one; name a class by index or label");
          return FALSE;
        }
      if (!cnn_session_set_photo (self->session, options->photo, error)
          || (best = cnn_session_find_class (self->session, wish, error)) == NULL)
        return FALSE;
      index = g_strdup_printf ("%d", best->index);
      wish = index;
    }
  if (!cnn_session_find_target (self->session, wish, &target, error))
    return FALSE;
  self->aim.target = self->aim.score = target.node;
  self->aim.descend = target.negative;
  self->aim.unit = target.unit;
  self->patterns->label = target.label;
  add_pattern (self, target.index);
  return TRUE;
}

static gboolean
aim_at_layer (Climb *self, GError **error)
{
  const CnnModel *model = self->session->network->model;
  int node = cnn_model_find (model, self->options->layer, error);

  if (node < 0)
    return FALSE;
  self->aim.target = node;
  self->aim.score =
      self->options->preset == CNN_PATTERN_CLEAR ? cnn_model_before_activation (model, node) : node;
  return TRUE;
}

/* The shapes of what is climbed in a picture of this size, or FALSE where it is too small for one
 * of the layers before. */
static gboolean
target_shape (const Climb *self, int height, int width, CnnShape *shape, GError **error)
{
  const CnnShape picture = cnn_shape (1, height, width, self->aim.channels);
  g_autofree CnnShape *shapes = cnn_model_part_shapes (
      self->session->network->model, self->aim.start, &picture, &self->aim.target, 1, error);

  if (shapes != NULL)
    *shape = shapes[self->aim.target];
  return shapes != NULL;
}

/* The smallest square picture that leaves the layer a cell; 0 where none does. */
static int
smallest_size (const Climb *self)
{
  CnnShape shape;

  for (int size = 1; size <= 1024; size++)
    if (target_shape (self, size, size, &shape, NULL)
        && MIN (shape.h, shape.w) > 2 * self->aim.border)
      return size;
  return 0;
}

static gboolean
too_small (const Climb *self, const char *why, GError **error)
{
  int least = smallest_size (self);
  g_autofree char *advice =
      least > 0 ? g_strdup_printf ("; a size of %d is the least", least) : g_strdup ("");

  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "a picture of %d×%d is too small for \"%s\": "
               "%s%s",
               self->width, self->height, self->patterns->layer, why, advice);
  return FALSE;
}

static gboolean
check_target (Climb *self, GError **error)
{
  const CnnModel *model = self->session->network->model;
  const char *name = cnn_model_node (model, self->aim.target)->name;
  g_autofree gboolean *leads = cnn_session_leads_to (self->session, self->aim.score);
  g_autoptr (GError) fault = NULL;
  CnnShape shape;

  self->patterns->layer = g_strdup (name);
  if (self->aim.score <= self->aim.start || !leads[self->aim.start])
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "layer \"%s\" has no filters: the picture itself comes out of \"%s\"", name,
                   cnn_model_node (model, self->aim.start)->name);
      return FALSE;
    }
  self->aim.border = cnn_model_node (model, self->aim.target)->shape.rank == 3 ? BORDER : 0;
  if (!target_shape (self, self->height, self->width, &shape, &fault))
    {
      if (smallest_size (self) > MAX (self->width, self->height))
        return too_small (self, fault->message, error);
      g_propagate_prefixed_error (error, g_steal_pointer (&fault),
                                  "a picture of %d×%d: ", self->width, self->height);
      return FALSE;
    }
  if (shape.rank == 2)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "layer \"%s\" gives rows of numbers (%d×%d), neither maps nor a list", name,
                   shape.h, shape.c);
      return FALSE;
    }
  if (MIN (shape.h, shape.w) <= 2 * self->aim.border)
    {
      g_autofree char *why =
          g_strdup_printf ("its maps have %d×%d cells, and a border of %d on each side, which is "
                           "left out, is all of them",
                           shape.w, shape.h, BORDER);

      return too_small (self, why, error);
    }
  self->aim.filters = self->patterns->filters = shape.c;
  return TRUE;
}

static gboolean
choose_filters (Climb *self, GError **error)
{
  const CnnPatternOptions *options = self->options;
  const int most = self->aim.filters - 1,
            last = options->fewer ? MIN (options->last, most) : options->last;

  if (MAX (options->first, last) > most)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "layer \"%s\" has %d filters, 0 to %d; there is no filter %d",
                   self->patterns->layer, most + 1, most, MAX (options->first, last));
      return FALSE;
    }
  for (int i = options->first; i <= last; i++)
    add_pattern (self, i);
  return TRUE;
}

/* --- Where it starts --- */

/* The value of the start node for what goes into the model. */
static CnnArray *
through_scaling (const Climb *self, const CnnArray *input, GError **error)
{
  const CnnModel *model = self->session->network->model;
  const CnnPlanRequest request = {
    .input = cnn_shape (1, self->height, self->width, self->aim.channels),
    .part = TRUE,
    .start = model->input,
    .outputs = &self->aim.start,
    .n_outputs = 1,
    .score = -1,
  };
  g_autoptr (CnnPlan) plan = NULL;

  if (self->aim.start == model->input)
    return cnn_array_ref ((CnnArray *) input);
  plan = cnn_plan_new (self->session->network->model, self->session->device, &request, error);
  if (plan == NULL || !cnn_plan_forward (plan, input->data, error))
    return NULL;
  return cnn_plan_output (plan, self->aim.start, error);
}

static gboolean
check_array (Climb *self, const CnnArray *array, GError **error)
{
  if (array->rank == 3 && array->dims[2] == self->aim.channels && array->dims[0] > 0
      && array->dims[1] > 0 && array->dims[0] <= G_MAXINT16 && array->dims[1] <= G_MAXINT16)
    {
      self->height = (int) array->dims[0];
      self->width = (int) array->dims[1];
      return cnn_check_finite (array, "the array to start from", error);
    }
  g_autofree char *gets = cnn_dims_to_string (array->rank, array->dims);

  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "the array to start from is %s; it must be (height, width, %d)", gets,
               self->aim.channels);
  return FALSE;
}

static gboolean
make_start (Climb *self, GError **error)
{
  const CnnPatternOptions *options = self->options;
  g_autoptr (CnnArray) input = NULL;

  if (options->start == CNN_START_ARRAY)
    self->start = cnn_array_ref ((CnnArray *) options->array);
  if (options->start == CNN_START_PHOTO)
    {
      input =
          cnn_session_photo_input (self->session, options->photo, self->width, self->height, error);
      self->start = input != NULL ? through_scaling (self, input, error) : NULL;
      return self->start != NULL;
    }
  if (options->start == CNN_START_GRAY)
    {
      self->start = cnn_array_new (3, (gint64[]){ self->height, self->width, self->aim.channels },
                                   "the picture", error);
      if (self->start == NULL)
        return FALSE;
      for (gsize i = 0; i < cnn_array_count (self->start); i++)
        self->start->data[i] = (float) GRAY;
    }
  return TRUE;
}

static void
fill_start (const Climb *self, const CnnPattern *pattern, float *values)
{
  const gsize count = (gsize) self->height * (gsize) self->width * (gsize) self->aim.channels;
  g_autoptr (CnnNoise) noise = NULL;

  if (self->start != NULL)
    {
      memcpy (values, self->start->data, count * sizeof (float));
      return;
    }
  noise = cnn_noise_new (self->options->seed, (guint32) pattern->index, (guint32) pattern->tries);
  if (self->options->preset == CNN_PATTERN_CLEAR)
    cnn_noise_fill_natural (noise, GRAY, NATURAL_DEVIATION, self->height, self->width,
                            self->aim.channels, values);
  else
    cnn_noise_fill (noise, NOISE_LOW, NOISE_HIGH, values, count);
}

static void
make_moves (Climb *self)
{
  const int side = MIN (self->width, self->height);
  const double shift = MIN (CLEAR_SHIFT, side / 16.), turn = CLEAR_TURN * G_PI / 180;
  g_autoptr (CnnNoise) noise = NULL;

  if (self->options->preset != CNN_PATTERN_CLEAR)
    return;
  /* The same for every filter, whatever batch it climbs in. */
  noise = cnn_noise_new (self->options->seed, G_MAXUINT32, 0);
  self->moves = g_new (CnnMove, self->options->steps);
  for (int i = 0; i < self->options->steps; i++)
    {
      self->moves[i].scale = (float) cnn_noise_between (noise, 1 - CLEAR_SCALE, 1 + CLEAR_SCALE);
      self->moves[i].turn = (float) cnn_noise_between (noise, -turn, turn);
      self->moves[i].shift_x = (float) cnn_noise_between (noise, -shift, shift);
      self->moves[i].shift_y = (float) cnn_noise_between (noise, -shift, shift);
    }
}

/* --- Climbing --- */

static CnnAscent *
new_ascent (const Climb *self, int n, GError **error)
{
  const CnnAscentRequest request = {
    .model = self->session->network->model,
    .device = self->session->device,
    .start = self->aim.start,
    .target = self->aim.target,
    .score = self->aim.score,
    .border = self->aim.border,
    .picture = cnn_shape (n, self->height, self->width, self->aim.channels),
    .rate = self->options->rate,
    .steps = self->options->steps,
    .moves = self->moves,
    .rest = (float) GRAY,
  };

  return cnn_ascent_new (&request, error);
}

static gboolean
step (const Climb *self, CnnPattern **patterns, int n, int at, GError **error)
{
  const CnnPatternOptions *options = self->options;
  const double share = (double) at / options->steps;
  g_autofree char *who =
      self->patterns->label != NULL ? g_strdup (self->patterns->label)
      : n == 1                      ? g_strdup_printf ("filter %d", patterns[0]->index)
               : g_strdup_printf ("filters %d to %d", patterns[0]->index, patterns[n - 1]->index);
  g_autofree char *what = g_strdup_printf ("%s, step %d of %d", who, at, options->steps);

  return cnn_progress_step (self->progress, (self->done + n * share) / MAX (self->total, 1), what,
                            error);
}

/* All of n pictures from start to end. */
static gboolean
climb (Climb *self, CnnAscent *ascent, CnnPattern **patterns, int n, GError **error)
{
  const gsize count = (gsize) self->height * (gsize) self->width * (gsize) self->aim.channels;
  const gint64 dims[] = { self->height, self->width, self->aim.channels };
  g_autoptr (CnnArray) all =
      cnn_array_new (4, (gint64[]){ n, dims[0], dims[1], dims[2] }, "the pictures", error);
  g_autofree int *units = g_new (int, n);
  g_autofree float *before = g_new (float, n), *after = g_new (float, n);

  if (all == NULL)
    return FALSE;
  for (int i = 0; i < n; i++)
    {
      patterns[i]->tries++;
      units[i] = self->patterns->label != NULL ? self->aim.unit : patterns[i]->index;
      fill_start (self, patterns[i], all->data + (gsize) i * count);
    }
  if (!cnn_ascent_begin (ascent, all->data, units, self->aim.descend, before, error))
    return FALSE;
  for (int at = 0; at < self->options->steps; at++)
    if (!step (self, patterns, n, at, error) || !cnn_ascent_step (ascent, error))
      return FALSE;
  if (!cnn_ascent_end (ascent, all->data, after, error)
      || !cnn_check_finite (all, "the picture", error))
    return FALSE;

  for (int i = 0; i < n; i++)
    {
      CnnPattern *pattern = patterns[i];

      if (!isfinite (before[i]) || !isfinite (after[i]))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                       "layer \"%s\" gives values that are no numbers; the model's weights are "
                       "damaged, or the steps too long",
                       self->patterns->layer);
          return FALSE;
        }
      if (pattern->values != NULL && after[i] <= pattern->after)
        continue;
      g_clear_pointer (&pattern->values, cnn_array_unref);
      pattern->values = cnn_array_new (3, dims, "the picture", error);
      if (pattern->values == NULL)
        return FALSE;
      memcpy (pattern->values->data, all->data + (gsize) i * count, count * sizeof (float));
      pattern->before = before[i];
      pattern->after = after[i];
    }
  self->done += n;
  return TRUE;
}

/* Each of `pending` once more, in batches. `one` has room for one picture. */
static gboolean
climb_all (Climb *self, CnnAscent *one, GPtrArray *pending, GError **error)
{
  const int most = cnn_batch_size (self->session->device, CNN_BATCH_ASCENT, cnn_ascent_memory (one),
                                   cnn_ascent_largest (one), (int) pending->len);
  g_autoptr (CnnAscent) several = NULL;
  int made = 1;

  for (int at = 0; at < (int) pending->len;)
    {
      const int n = MIN (most, (int) pending->len - at);
      CnnAscent *ascent = one;

      if (n > 1 && n != made)
        {
          g_clear_pointer (&several, cnn_ascent_free);
          several = new_ascent (self, n, error);
          if (several == NULL)
            return FALSE;
          made = n;
        }
      if (n > 1)
        {
          ascent = several;
          self->patterns->batch = MAX (self->patterns->batch, n);
          self->patterns->memory = MAX (self->patterns->memory, cnn_ascent_memory (ascent));
        }
      if (!climb (self, ascent, (CnnPattern **) pending->pdata + at, n, error))
        return FALSE;
      at += n;
    }
  return TRUE;
}

static gboolean
run (Climb *self, GError **error)
{
  const gboolean tries_again =
      self->options->preset == CNN_PATTERN_CLEAR && self->options->start == CNN_START_NOISE;
  g_autoptr (GPtrArray) pending = g_ptr_array_new ();
  g_autoptr (CnnAscent) one = NULL;
  const gint64 begin = g_get_monotonic_time ();

  if (!cnn_progress_step (self->progress, 0, "preparing the model", error)
      || (one = new_ascent (self, 1, error)) == NULL)
    return FALSE;
  self->patterns->batch = 1;
  self->patterns->memory = cnn_ascent_memory (one);
  for (guint i = 0; i < self->patterns->patterns->len; i++)
    g_ptr_array_add (pending, self->patterns->patterns->pdata[i]);
  self->total = (int) pending->len;
  for (int i = 0; i < (tries_again ? CLEAR_TRIES : 1) && pending->len > 0; i++)
    {
      self->done = self->total - (int) pending->len;
      if (!climb_all (self, one, pending, error))
        return FALSE;
      for (guint j = pending->len; j > 0; j--)
        {
          const CnnPattern *pattern = pending->pdata[j - 1];

          if (pattern->after > pattern->before)
            g_ptr_array_remove_index (pending, j - 1);
        }
    }
  self->patterns->milliseconds = (double) (g_get_monotonic_time () - begin) / 1000;
  return TRUE;
}

static gboolean
prepare (Climb *self, GError **error)
{
  const CnnPatternOptions *options = self->options;
  const CnnModel *model = self->session->network->model;
  const CnnShape *own = &cnn_model_node (model, model->input)->shape;

  if (own->rank != 3)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "%s takes no pictures, so that its filters have no pattern to show",
                   self->session->name);
      return FALSE;
    }
  self->aim.start = find_start (model);
  self->aim.channels = own->c > 0 ? own->c : 3;
  self->width = self->height = options->size;
  if (options->start == CNN_START_ARRAY && !check_array (self, options->array, error))
    return FALSE;
  if (options->class_wish != NULL ? !aim_at_class (self, error) : !aim_at_layer (self, error))
    return FALSE;
  if (!check_target (self, error) || (options->class_wish == NULL && !choose_filters (self, error))
      || !make_start (self, error))
    return FALSE;
  make_moves (self);
  return TRUE;
}

CnnPatterns *
cnn_filter_pattern (CnnSession *session, const CnnPatternOptions *options,
                    const CnnProgress *progress, GError **error)
{
  g_autoptr (CnnPatterns) patterns = g_new0 (CnnPatterns, 1);
  Climb self = {
    .session = session, .options = options, .progress = progress, .patterns = patterns
  };
  gboolean done;

  g_return_val_if_fail (session != NULL && options != NULL, NULL);
  g_return_val_if_fail ((options->layer != NULL) != (options->class_wish != NULL), NULL);
  g_return_val_if_fail (options->steps > 0 && options->size > 0, NULL);
  g_return_val_if_fail (options->first >= 0 && options->first <= options->last, NULL);
  patterns->patterns = g_ptr_array_new_with_free_func (pattern_free);
  done = prepare (&self, error) && run (&self, error);
  cnn_array_unref (self.start);
  g_free (self.moves);
  return done ? g_steal_pointer (&patterns) : NULL;
}

/* --- The picture --- */

CnnImage *
cnn_pattern_picture (const CnnPattern *pattern, int crop, GError **error)
{
  const CnnArray *values = pattern->values;
  const int height = (int) values->dims[0], width = (int) values->dims[1],
            channels = (int) values->dims[2];
  const gsize count = cnn_array_count (values);
  const int shown = channels >= 3 ? 3 : 1;
  double mean = 0, squares = 0, deviation;
  CnnImage *image;

  g_return_val_if_fail (crop >= 0, NULL);
  if (2 * crop >= MIN (width, height))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "a crop of %d pixels on each side leaves nothing of a picture of %d×%d", crop,
                   width, height);
      return NULL;
    }
  for (gsize i = 0; i < count; i++)
    mean += (double) values->data[i] / (double) count;
  for (gsize i = 0; i < count; i++)
    squares += ((double) values->data[i] - mean) * ((double) values->data[i] - mean);
  deviation = sqrt (squares / (double) count);

  image = cnn_image_new (width - 2 * crop, height - 2 * crop, shown, error);
  if (image == NULL)
    return NULL;
  for (int y = 0; y < image->height; y++)
    for (int x = 0; x < image->width; x++)
      for (int c = 0; c < shown; c++)
        {
          const gsize from =
              ((gsize) (y + crop) * (gsize) width + (gsize) (x + crop)) * (gsize) channels
              + (gsize) (pattern->bgr && shown == 3 ? 2 - c : c);
          const gsize to =
              ((gsize) y * (gsize) image->width + (gsize) x) * (gsize) shown + (gsize) c;
          double level = deviation > 0 ? ((double) values->data[from] - mean) / deviation * 64 : 0;

          /* The book casts to uint8, which cuts. */
          image->pixels[to] = (float) (floor (CLAMP (level + 128, 0, 255)) / 255);
        }
  return image;
}
