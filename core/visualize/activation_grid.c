/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What the channels of a layer see: mosaics of maps, as in "Deep Learning with Python" 9.4, of any
 * layer and of all its channels. */

#include "session.h"

#include <math.h>
#include <string.h>

/* GIMP's largest side, and what a picture of floats may take of memory. */
#define MAX_SIDE 262144
#define MAX_PIXELS 268435456

#define GAP 1

typedef struct
{
  CnnGridInfo info;
  int node;
  int *order; /* all channels by their mean, strongest first */
  int *shown; /* in the mosaic's order */
  int columns;
} Grid;

struct _CnnGrids
{
  CnnSession *session;
  const CnnPlan *plan; /* where the values are */
  CnnGridNormalize normalize;
  int scale;
  GPtrArray *grids; /* of Grid */
};

static void
grid_free (gpointer data)
{
  Grid *grid = data;

  g_free (grid->info.layer);
  g_free (grid->info.class_name);
  g_free (grid->order);
  g_free (grid->shown);
  g_free (grid);
}

void
cnn_grids_free (CnnGrids *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->grids);
  g_free (self);
}

/* --- The layers --- */

static Grid *
new_grid (const CnnSession *session, int index, const char *name)
{
  const CnnNode *node = cnn_model_node (session->network->model, index);
  const CnnShape *shape = &session->shapes[index];
  Grid *grid = g_new0 (Grid, 1);

  grid->node = index;
  grid->info.layer = g_strdup (name);
  grid->info.class_name = g_strdup (node->shown->klass->name);
  grid->info.height = shape->h;
  grid->info.width = shape->w;
  grid->info.channels = shape->c;
  return grid;
}

/* All layers with a map whose class has one of `flags`, or where that is 0 all that are no input.
 */
static void
add_by_class (GPtrArray *grids, const CnnSession *session, int flags)
{
  const CnnModel *model = session->network->model;

  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnNode *node = cnn_model_node (model, i);
      int own = (int) node->shown->klass->flags;

      if (node->visible && session->shapes[i].rank == 3
          && (flags != 0 ? (own & flags) != 0 : (own & CNN_LAYER_INPUT) == 0))
        g_ptr_array_add (grids, new_grid (session, i, node->name));
    }
}

static gboolean
add_by_name (GPtrArray *grids, const CnnSession *session, const char *name, GError **error)
{
  const CnnModel *model = session->network->model;
  int node = cnn_model_find (model, name, error);
  const char *own;

  if (node < 0)
    return FALSE;
  if (session->shapes[node].rank != 3)
    {
      g_autofree char *size = cnn_shape_to_string (&session->shapes[node]);

      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "layer \"%s\" has no maps to show: its output is %s", name, size);
      return FALSE;
    }
  for (guint i = 0; i < grids->len; i++)
    if (((const Grid *) grids->pdata[i])->node == node)
      return TRUE;
  own = strcmp (name, "input") == 0 ? name : cnn_model_node (model, node)->name;
  g_ptr_array_add (grids, new_grid (session, node, own));
  return TRUE;
}

static GPtrArray *
find_layers (const CnnSession *session, const char *wish, GError **error)
{
  g_autoptr (GPtrArray) grids = g_ptr_array_new_with_free_func (grid_free);
  gboolean book = wish == NULL || *wish == '\0' || strcmp (wish, "book") == 0;
  gboolean all = !book && strcmp (wish, "all") == 0;
  g_auto (GStrv) names = book || all ? NULL : g_strsplit (wish, ",", -1);

  if (book || all)
    add_by_class (grids, session, all ? 0 : CNN_LAYER_CONVOLUTION | CNN_LAYER_POOLING);
  for (char **name = names; name != NULL && *name != NULL; name++)
    if (!add_by_name (grids, session, g_strstrip (*name), error))
      return NULL;
  if (grids->len == 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "%s has no %s with maps to show",
                   session->name, all ? "layer" : "convolution or pooling layer");
      return NULL;
    }
  return g_steal_pointer (&grids);
}

/* --- The channels --- */

typedef struct
{
  gboolean strongest; /* top:`last`; else `first`…`last`, both included */
  gint64 first, last;
} Channels;

/* A whole number without a sign; moves on behind it. */
static gboolean
read_number (const char **text, gint64 *number)
{
  char *end = NULL;

  if (!g_ascii_isdigit (**text))
    return FALSE;
  *number = g_ascii_strtoll (*text, &end, 10);
  *text = end;
  return TRUE;
}

static gboolean
read_channels (const char *wish, Channels *channels, GError **error)
{
  const char *text = wish;
  gboolean good;

  *channels = (Channels){ .last = G_MAXINT64 };
  if (wish == NULL || *wish == '\0' || strcmp (wish, "all") == 0)
    return TRUE;
  channels->strongest = g_str_has_prefix (wish, "top:");
  if (channels->strongest)
    {
      text += strlen ("top:");
      good = read_number (&text, &channels->last) && channels->last > 0;
    }
  else
    {
      good = read_number (&text, &channels->first);
      channels->last = channels->first;
      if (good && *text == '-')
        {
          text++;
          good = read_number (&text, &channels->last);
        }
    }
  if (!good || *text != '\0')
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                 "channels \"%s\" is not all, a channel (5), a range (0-31) or top:K, K from 1",
                 wish);
  else if (channels->first > channels->last)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                 "channels \"%s\": the first is larger than the last", wish);
  else
    return TRUE;
  return FALSE;
}

/* How many channels of the layer are shown. One layer must have them all; of several, each shows
 * those that it has. */
static gboolean
count_shown (Grid *grid, const Channels *wish, gboolean alone, GError **error)
{
  int channels = grid->info.channels;
  gboolean whole = wish->last == G_MAXINT64;
  gint64 missing = wish->first >= channels ? wish->first : wish->last;

  if (wish->strongest)
    {
      grid->info.shown = (int) MIN (wish->last, channels);
      return TRUE;
    }
  if (wish->first >= channels || (alone && !whole && wish->last >= channels))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "layer \"%s\" has %d channel%s, 0 to %d; there is no channel %" G_GINT64_FORMAT,
                   grid->info.layer, channels, channels == 1 ? "" : "s", channels - 1, missing);
      return FALSE;
    }
  grid->info.shown = (int) (MIN (wish->last, channels - 1) - wish->first) + 1;
  return TRUE;
}

static void
choose_shown (Grid *grid, const Channels *wish)
{
  grid->shown = g_new (int, grid->info.shown);
  for (int i = 0; i < grid->info.shown; i++)
    grid->shown[i] = wish->strongest ? grid->order[i] : (int) wish->first + i;
}

/* --- The mosaic's size --- */

static int
rows_of (const Grid *grid, int columns)
{
  return (grid->info.shown + columns - 1) / columns;
}

static double
side (int cells, int length, int scale)
{
  return cells * ((double) length * scale + GAP) - GAP;
}

/* As square as can be, then with the fewest empty cells, then the wider. */
static int
automatic_columns (const Grid *grid, int scale)
{
  double best = INFINITY;
  int found = 1, fewest = G_MAXINT;

  for (int columns = 1; columns <= grid->info.shown; columns++)
    {
      int rows = rows_of (grid, columns), empty = columns * rows - grid->info.shown;
      double width = side (columns, grid->info.width, scale);
      double height = side (rows, grid->info.height, scale);
      double stretch = MAX (width, height) / MIN (width, height);

      if (stretch > best || (!(stretch < best) && empty > fewest))
        continue;
      best = stretch;
      found = columns;
      fewest = empty;
    }
  return found;
}

static gboolean
lay_out (Grid *grid, int columns, int scale, GError **error)
{
  CnnGridInfo *info = &grid->info;
  double width, height;

  grid->columns = columns > 0 ? MIN (columns, info->shown) : automatic_columns (grid, scale);
  width = side (grid->columns, info->width, scale);
  height = side (rows_of (grid, grid->columns), info->height, scale);
  if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "the mosaic of layer \"%s\" would have %.0f×%.0f pixels, which is too large; "
                   "choose fewer channels, a smaller scale or another number of columns",
                   info->layer, width, height);
      return FALSE;
    }
  info->mosaic_width = (int) width;
  info->mosaic_height = (int) height;
  return TRUE;
}

/* --- Values --- */

typedef struct
{
  double sum, minimum, maximum, deviation;
} Channel;

/* Transfer full: one for each channel of (H, W, C). */
static Channel *
measure (const CnnArray *values)
{
  gsize n = (gsize) values->dims[2], cells = (gsize) (values->dims[0] * values->dims[1]);
  Channel *channels = g_new0 (Channel, n);
  const float *value = values->data;

  for (gsize c = 0; c < n; c++)
    channels[c].minimum = channels[c].maximum = value[c];
  for (gsize i = 0; i < cells; i++, value += n)
    for (gsize c = 0; c < n; c++)
      {
        channels[c].sum += value[c];
        channels[c].minimum = MIN (channels[c].minimum, value[c]);
        channels[c].maximum = MAX (channels[c].maximum, value[c]);
      }
  value = values->data;
  for (gsize i = 0; i < cells; i++, value += n)
    for (gsize c = 0; c < n; c++)
      {
        double off = value[c] - channels[c].sum / (double) cells;

        channels[c].deviation += off * off;
      }
  for (gsize c = 0; c < n; c++)
    channels[c].deviation = sqrt (channels[c].deviation / (double) cells);
  return channels;
}

static CnnArray *
read_values (const CnnGrids *self, const Grid *grid, GError **error)
{
  g_autofree char *what = g_strdup_printf ("layer \"%s\"", grid->info.layer);
  g_autoptr (CnnArray) values = cnn_plan_output (self->session->plan, grid->node, error);

  if (values == NULL || !cnn_check_finite (values, what, error))
    return NULL;
  return g_steal_pointer (&values);
}

static gboolean
is_dead (const Channel *channel)
{
  return channel->minimum == 0 && channel->maximum == 0;
}

static int
compare_strength (gconstpointer a, gconstpointer b, gpointer data)
{
  const Channel *channels = data;
  int first = *(const int *) a, second = *(const int *) b;
  double one = channels[first].sum, other = channels[second].sum;

  return one > other ? -1 : one < other ? 1 : first - second;
}

static gboolean
take_stock (const CnnGrids *self, Grid *grid, GError **error)
{
  CnnGridInfo *info = &grid->info;
  g_autoptr (CnnArray) values = read_values (self, grid, error);
  g_autofree Channel *channels = NULL;
  double sum = 0, minimum = INFINITY, maximum = -INFINITY;

  if (values == NULL)
    return FALSE;
  channels = measure (values);
  grid->order = g_new (int, info->channels);
  for (int c = 0; c < info->channels; c++)
    {
      sum += channels[c].sum;
      minimum = MIN (minimum, channels[c].minimum);
      maximum = MAX (maximum, channels[c].maximum);
      info->dead += is_dead (&channels[c]);
      grid->order[c] = c;
    }
  g_qsort_with_data (grid->order, info->channels, sizeof (int), compare_strength, channels);
  for (int i = 0; i < info->channels && info->n_strongest < CNN_GRID_STRONGEST; i++)
    if (!is_dead (&channels[grid->order[i]]))
      info->strongest[info->n_strongest++] = grid->order[i];
  /* A ReLU may leave −0, which reads badly. */
  info->minimum = (float) (minimum + 0.0);
  info->maximum = (float) (maximum + 0.0);
  info->mean = sum / (double) cnn_array_count (values);
  return TRUE;
}

CnnGrids *
cnn_activation_grids (CnnSession *session, const CnnGridOptions *options,
                      const CnnProgress *progress, GError **error)
{
  g_autoptr (CnnGrids) self = NULL;
  g_autoptr (GPtrArray) grids = NULL;
  g_autofree int *nodes = NULL;
  Channels channels;

  g_return_val_if_fail (
      session != NULL && options != NULL && options->columns >= 0 && options->scale >= 0, NULL);
  if (!cnn_session_prepare (session, session->resize, error)
      || !read_channels (options->channels, &channels, error))
    return NULL;
  grids = find_layers (session, options->layers, error);
  if (grids == NULL)
    return NULL;
  self = g_new0 (CnnGrids, 1);
  self->session = session;
  self->normalize = options->normalize;
  self->scale = MAX (options->scale, 1);
  self->grids = g_steal_pointer (&grids);
  nodes = g_new (int, self->grids->len);
  for (guint i = 0; i < self->grids->len; i++)
    {
      Grid *grid = self->grids->pdata[i];

      nodes[i] = grid->node;
      if (!count_shown (grid, &channels, self->grids->len == 1, error)
          || !lay_out (grid, options->columns, self->scale, error))
        return NULL;
    }

  if (!cnn_session_run (session, nodes, (int) self->grids->len, -1, NULL, 0, progress, error))
    return NULL;
  self->plan = session->plan;
  for (guint i = 0; i < self->grids->len; i++)
    {
      Grid *grid = self->grids->pdata[i];

      if (!cnn_progress_step (progress, 0.6 + 0.4 * i / self->grids->len, "reading the layers",
                              error)
          || !take_stock (self, grid, error))
        return NULL;
      choose_shown (grid, &channels);
    }
  return g_steal_pointer (&self);
}

guint
cnn_grids_count (const CnnGrids *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->grids->len;
}

static Grid *
get_grid (const CnnGrids *self, guint index)
{
  g_return_val_if_fail (self != NULL && index < self->grids->len, NULL);
  /* Another run since then has taken the values away. */
  g_return_val_if_fail (self->plan == self->session->plan && self->session->has_run, NULL);
  return self->grids->pdata[index];
}

const CnnGridInfo *
cnn_grids_info (const CnnGrids *self, guint index)
{
  g_return_val_if_fail (self != NULL && index < self->grids->len, NULL);
  return &((const Grid *) self->grids->pdata[index])->info;
}

CnnArray *
cnn_grids_values (CnnGrids *self, guint index, GError **error)
{
  const Grid *grid = get_grid (self, index);

  return grid != NULL ? read_values (self, grid, error) : NULL;
}

/* --- The mosaic --- */

/* A level is (x − center) / spread · gain + offset. */
typedef struct
{
  double center, spread, gain, offset;
} Tone;

static Tone
book_tone (const Channel *channel, double cells)
{
  if (channel->sum == 0)
    return (Tone){ .spread = 1 };
  if (!(channel->maximum > channel->minimum) || !(channel->deviation > 0))
    return (Tone){ .spread = 1, .offset = 128 };
  return (Tone){ channel->sum / cells, channel->deviation, 64, 128 };
}

static Tone
range_tone (double minimum, double maximum)
{
  if (maximum > minimum)
    return (Tone){ minimum, maximum - minimum, 255, 0 };
  return (Tone){ .spread = 1, .offset = minimum == 0 ? 0 : 128 };
}

/* Of each shown channel. Transfer full. */
static Tone *
find_tones (const CnnGrids *self, const Grid *grid, const CnnArray *values)
{
  g_autofree Channel *channels = measure (values);
  Tone *tones = g_new (Tone, grid->info.shown);
  double cells = (double) (values->dims[0] * values->dims[1]);
  double minimum = INFINITY, maximum = -INFINITY;

  for (int i = 0; i < grid->info.shown; i++)
    {
      minimum = MIN (minimum, channels[grid->shown[i]].minimum);
      maximum = MAX (maximum, channels[grid->shown[i]].maximum);
    }
  for (int i = 0; i < grid->info.shown; i++)
    {
      const Channel *channel = &channels[grid->shown[i]];

      if (self->normalize == CNN_GRID_BOOK)
        tones[i] = book_tone (channel, cells);
      else if (self->normalize == CNN_GRID_CHANNEL)
        tones[i] = range_tone (channel->minimum, channel->maximum);
      else
        tones[i] = range_tone (minimum, maximum);
    }
  return tones;
}

static guint8
level_of (const Tone *tone, double value)
{
  double level = (value - tone->center) / tone->spread * tone->gain + tone->offset;

  return (guint8) CLAMP (level, 0, 255);
}

/* The mosaic's levels, a byte each. Transfer full. */
static guint8 *
draw (const CnnGrids *self, const Grid *grid, GError **error)
{
  const CnnGridInfo *info = &grid->info;
  gsize scale = (gsize) self->scale, stride = (gsize) info->mosaic_width;
  gsize step_x = (gsize) info->width * scale + GAP, step_y = (gsize) info->height * scale + GAP;
  g_autoptr (CnnArray) values = read_values (self, grid, error);
  g_autofree Tone *tones = NULL;
  const float *value;
  guint8 *levels;

  if (values == NULL)
    return NULL;
  levels = g_try_malloc0 (stride * (gsize) info->mosaic_height);
  if (levels == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "no memory for the mosaic of layer \"%s\"",
                   info->layer);
      return NULL;
    }
  tones = find_tones (self, grid, values);
  value = values->data;
  for (gsize y = 0; y < (gsize) info->height; y++)
    for (gsize x = 0; x < (gsize) info->width; x++, value += info->channels)
      for (int i = 0; i < info->shown; i++)
        {
          guint8 level = level_of (&tones[i], value[grid->shown[i]]);
          gsize top = (gsize) (i / grid->columns) * step_y + y * scale;
          gsize left = (gsize) (i % grid->columns) * step_x + x * scale;

          for (gsize row = top; row < top + scale; row++)
            memset (levels + row * stride + left, level, scale);
        }
  return levels;
}

CnnArray *
cnn_grids_mosaic (CnnGrids *self, guint index, GError **error)
{
  const Grid *grid = get_grid (self, index);
  g_autofree guint8 *levels = NULL;
  CnnArray *mosaic;

  if (grid == NULL || (levels = draw (self, grid, error)) == NULL)
    return NULL;
  mosaic = cnn_array_new (2, (gint64[]){ grid->info.mosaic_height, grid->info.mosaic_width },
                          "the mosaic", error);
  for (gsize i = 0; mosaic != NULL && i < cnn_array_count (mosaic); i++)
    mosaic->data[i] = levels[i];
  return mosaic;
}

CnnImage *
cnn_grids_paint (CnnGrids *self, guint index, CnnColormap colormap, GError **error)
{
  const Grid *grid = get_grid (self, index);
  g_autofree guint8 *levels = NULL;
  float colors[256][3];
  CnnImage *image;

  if (grid == NULL || (levels = draw (self, grid, error)) == NULL)
    return NULL;
  image = cnn_image_new (grid->info.mosaic_width, grid->info.mosaic_height, 3, error);
  if (image == NULL)
    return NULL;
  for (int i = 0; i < 256; i++)
    cnn_colormap_color (colormap, i, colors[i]);
  for (gsize i = 0; i < (gsize) image->width * (gsize) image->height; i++)
    memcpy (image->pixels + 3 * i, colors[levels[i]], sizeof colors[0]);
  return image;
}
