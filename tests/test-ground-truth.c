/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Heatmaps on pictures whose truth is known (data/ground-truth/README.md): two cut-outs of
 * different classes, left and right, each class asked for in turn; or one, anywhere. One more
 * method, layer or model is a row. CONVLENS_TRUTH_PICTURES=FOLDER keeps every picture with its heat
 * there. */

#include "cnn.h"
#include "session-helpers.h"

#define SIDE 224
#define BLOBS 8 /* sides of a background before it is enlarged */
/* Pixels around the maximum that still count as a hit: Zhang et al., "Top-down Neural Attention by
 * Excitation Backprop", 2016. */
#define TOLERANCE 15

typedef struct
{
  const char *name;
  const char *shared; /* a model of the folder beside the checkout; NULL: the default model */
  gboolean single;    /* pictures of one thing */
  CnnGradCamOptions options;
  double right, exact, pointed, inside; /* floors */
} Row;

#define MOBILENET "models/mobilenet_v1_0.25_224_imagenet.h5"

/* The floors are a little below what was measured; the first right side is a promise. Pictures of
 * one thing have no sides. */
static const Row rows[] = {
  { "default", .right = 0.97, .exact = 0.64, .pointed = 0.92, .inside = 0.29 },
  { "default-probability", .options.score = CNN_SCORE_PROBABILITY, .right = 0.97, .exact = 0.66,
    .pointed = 0.89, .inside = 0.32 },
  { "mobilenet-0.25", .shared = MOBILENET, .right = 0.93, .exact = 0.36, .pointed = 0.73,
    .inside = 0.22 },
  { "mobilenet-0.25-probability", .shared = MOBILENET, .options.score = CNN_SCORE_PROBABILITY,
    .right = 0.91, .exact = 0.34, .pointed = 0.65, .inside = 0.26 },
  { "single-default", .single = TRUE, .exact = 0.48, .pointed = 0.85, .inside = 0.27 },
  { "single-default-probability", .single = TRUE, .options.score = CNN_SCORE_PROBABILITY,
    .exact = 0.46, .pointed = 0.75, .inside = 0.26 },
  { "single-mobilenet-0.25", .shared = MOBILENET, .single = TRUE, .exact = 0.37, .pointed = 0.67,
    .inside = 0.22 },
};

/* --- The pictures --- */

typedef struct
{
  char *class_index;
  CnnImage *colors; /* times what they cover */
  CnnImage *cover;
} Cutout;

typedef struct
{
  const Cutout *cutout;
  int x, y, width, height;
} Placed;

#define MOST_THINGS 2

typedef struct
{
  guint number;
  int n_things;
  CnnImage *image;
  Placed things[MOST_THINGS];
  gboolean *masks[MOST_THINGS];
} Picture;

static char *
truth_file (const char *name)
{
  return source_file ("tests/data/ground-truth", name);
}

static CnnImage *
load_image (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = truth_file (name);
  CnnImage *image = cnn_image_load (path, &error);

  g_assert_no_error (error);
  return image;
}

static void
cutout_free (Cutout *cutout)
{
  g_free (cutout->class_index);
  cnn_image_unref (cutout->colors);
  cnn_image_unref (cutout->cover);
  g_free (cutout);
}

/* The lines of a table below its heading, each a GStrv. */
static GPtrArray *
read_table (const char *name, guint columns)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = truth_file (name);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  GPtrArray *table = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines + 1; *line != NULL && **line != '\0'; line++)
    {
      char **cells = g_strsplit (*line, ",", -1);

      g_assert_cmpuint (g_strv_length (cells), >=, columns);
      g_ptr_array_add (table, cells);
    }
  return table;
}

static Cutout *
cutout_new (const char *class_index, const CnnImage *image)
{
  Cutout *cutout = g_new0 (Cutout, 1);

  g_assert_cmpint (image->channels, ==, 4);
  cutout->class_index = g_strdup (class_index);
  cutout->colors = cnn_image_new (image->width, image->height, 3, NULL);
  cutout->cover = cnn_image_new (image->width, image->height, 1, NULL);
  for (int i = 0; i < image->width * image->height; i++)
    {
      const float *from = image->pixels + i * 4;

      cutout->cover->pixels[i] = from[3];
      for (int c = 0; c < 3; c++)
        cutout->colors->pixels[i * 3 + c] = from[c] * from[3];
    }
  return cutout;
}

static GHashTable *
load_cutouts (void)
{
  g_autoptr (GPtrArray) table = read_table ("cutouts.csv", 2);
  GHashTable *cutouts =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) cutout_free);

  for (guint i = 0; i < table->len; i++)
    {
      char **cells = table->pdata[i];
      g_autofree char *name = g_strdup_printf ("cutouts/%s.png", cells[0]);
      g_autoptr (CnnImage) image = load_image (name);

      g_hash_table_insert (cutouts, g_strdup (cells[0]), cutout_new (cells[1], image));
    }
  return cutouts;
}

/* Of the same size it stays as it is, unrounded. */
static CnnImage *
resize (const CnnImage *image, int width, int height)
{
  g_autoptr (GError) error = NULL;
  CnnImage *resized;

  if (image->width == width && image->height == height)
    return cnn_image_ref ((CnnImage *) image);
  resized = cnn_image_resize (image, width, height, CNN_RESIZE_BICUBIC, &error);
  g_assert_no_error (error);
  return resized;
}

/* "#rrggbb", or the number of a part of the strip, enlarged smoothly. */
static CnnImage *
make_background (const char *text, const CnnImage *strip)
{
  g_autoptr (CnnImage) part = NULL;
  CnnImage *picture;

  if (*text == '#')
    {
      guint64 color = g_ascii_strtoull (text + 1, NULL, 16);

      picture = cnn_image_new (SIDE, SIDE, 3, NULL);
      for (int i = 0; i < SIDE * SIDE * 3; i++)
        picture->pixels[i] = (float) (color >> (16 - 8 * (i % 3)) & 0xff) / 255;
      return picture;
    }
  part = cnn_image_new (BLOBS, BLOBS, 3, NULL);
  for (int y = 0; y < BLOBS; y++)
    memcpy (part->pixels + y * BLOBS * 3,
            strip->pixels + (y * strip->width + atoi (text) * BLOBS) * 3,
            BLOBS * 3 * sizeof (float));
  return resize (part, SIDE, SIDE);
}

/* Composes the cut-out into the picture; its mask is where it covers more than half of a pixel. */
static gboolean *
place (CnnImage *picture, const Placed *placed)
{
  g_autoptr (CnnImage) colors = resize (placed->cutout->colors, placed->width, placed->height);
  g_autoptr (CnnImage) cover = resize (placed->cutout->cover, placed->width, placed->height);
  gboolean *mask = g_new0 (gboolean, SIDE * SIDE);

  g_assert_true (placed->x >= 0 && placed->x + placed->width <= SIDE);
  g_assert_true (placed->y >= 0 && placed->y + placed->height <= SIDE);
  for (int i = 0; i < placed->width * placed->height; i++)
    {
      const int at = (placed->y + i / placed->width) * SIDE + placed->x + i % placed->width;
      float *pixel = picture->pixels + at * 3;

      mask[at] = cover->pixels[i] > 0.5f;
      for (int c = 0; c < 3; c++)
        pixel[c] = MIN (colors->pixels[i * 3 + c] + (1 - cover->pixels[i]) * pixel[c], 1);
    }
  return mask;
}

static const Cutout *
find_cutout (GHashTable *cutouts, const char *name)
{
  const Cutout *cutout = g_hash_table_lookup (cutouts, name);

  g_assert_nonnull (cutout);
  return cutout;
}

/* A line of pictures.csv or single.csv. */
static void
picture_init (Picture *picture, guint number, char **cells, gboolean single, GHashTable *cutouts,
              const CnnImage *strip)
{
  *picture = (Picture){ .number = number, .n_things = single ? 1 : 2 };
  picture->image = make_background (cells[0], strip);
  for (int i = 0; i < picture->n_things; i++)
    {
      char **cell = cells + 1 + 3 * i;
      const Cutout *cutout = find_cutout (cutouts, cell[0]);

      picture->things[i] = (Placed){
        .cutout = cutout,
        .x = atoi (cell[1]),
        .y = atoi (cell[2]),
        .width = single ? atoi (cell[3]) : cutout->cover->width,
        .height = single ? atoi (cell[4]) : cutout->cover->height,
      };
      picture->masks[i] = place (picture->image, &picture->things[i]);
    }
  if (!single)
    g_assert_cmpstr (picture->things[0].cutout->class_index, !=,
                     picture->things[1].cutout->class_index);
}

static void
picture_clear (Picture *picture)
{
  cnn_image_unref (picture->image);
  for (int i = 0; i < picture->n_things; i++)
    g_free (picture->masks[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Picture, picture_clear)

/* --- What a map is worth --- */

typedef struct
{
  int questions, right, exact, pointed, empty;
  double inside;
} Tally;

/* The middle of the map's largest values: an enlarged map is flat around its maximum. */
static void
find_maximum (const CnnArray *map, double *x, double *y)
{
  float maximum = -1;
  int count = 0;

  for (int i = 0; i < SIDE * SIDE; i++)
    if (map->data[i] > maximum)
      maximum = map->data[i];
  *x = *y = 0;
  for (int i = 0; i < SIDE * SIDE; i++)
    if (map->data[i] == maximum)
      {
        *x += i % SIDE;
        *y += i / SIDE;
        count++;
      }
  *x /= count;
  *y /= count;
}

/* map: (SIDE, SIDE), 0 or more. Whether it has answered for that thing of the picture: with more
 * heat on its side, or, when there is no other thing, with the maximum on or near it. */
static gboolean
judge (Tally *tally, const CnnArray *map, const Picture *picture, int thing)
{
  const gboolean *mask = picture->masks[thing];
  double all = 0, half = 0, inside = 0, x, y;
  gboolean pointed = FALSE, right;

  find_maximum (map, &x, &y);
  for (int i = 0; i < SIDE * SIDE; i++)
    {
      double heat = (double) map->data[i];

      all += heat;
      if (i % SIDE / (SIDE / 2) == thing)
        half += heat;
      if (mask[i])
        {
          inside += heat;
          pointed = pointed || hypot (i % SIDE - x, i / SIDE - y) <= TOLERANCE;
        }
    }
  /* A map that is the same on both sides has not answered. */
  right = half > all * (0.5 + 1e-6);
  tally->questions++;
  tally->right += right;
  tally->exact += mask[lround (y) * SIDE + lround (x)];
  tally->pointed += pointed;
  tally->inside += all > 0 ? inside / all : 0;
  return picture->n_things > 1 ? right : pointed;
}

static CnnArray *
enlarge (const CnnArray *map)
{
  g_autoptr (GError) error = NULL;
  CnnArray *large = cnn_map_resize (map, SIDE, SIDE, &error);

  g_assert_no_error (error);
  return large;
}

static CnnArray *
centre_map (void)
{
  CnnArray *map = cnn_array_new (2, (gint64[]){ SIDE, SIDE }, "the centre", NULL);
  const double deviation = SIDE / 4.0;

  for (int i = 0; i < SIDE * SIDE; i++)
    {
      double x = i % SIDE - (SIDE - 1) / 2.0, y = i / SIDE - (SIDE - 1) / 2.0;

      map->data[i] = (float) exp (-(x * x + y * y) / (2 * deviation * deviation));
    }
  return map;
}

/* What the layer shows whatever is asked: the positive part of the sum over its channels. */
static CnnArray *
class_blind_map (CnnSession *session, const char *layer)
{
  g_autoptr (GError) error = NULL;
  const char *const names[] = { layer, NULL };
  g_autoptr (GPtrArray) layers = cnn_session_activations (session, names, NULL, &error);
  g_autoptr (CnnArray) sum = NULL;
  const CnnArray *values;
  gsize channels;

  g_assert_no_error (error);
  values = ((CnnLayerValues *) layers->pdata[0])->values;
  channels = (gsize) values->dims[2];
  sum = cnn_array_new (2, values->dims, "the channel sum", &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < cnn_array_count (sum); i++)
    {
      double all = 0;

      for (gsize c = 0; c < channels; c++)
        all += (double) values->data[i * channels + c];
      sum->data[i] = (float) MAX (all, 0);
    }
  return enlarge (sum);
}

/* --- The questions --- */

static void
keep_picture (const Row *row, const CnnGradCam *cam, const Picture *picture, gboolean right)
{
  const char *folder = g_getenv ("CONVLENS_TRUTH_PICTURES");
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnImage) heat = NULL;
  g_autoptr (CnnImage) both = NULL;
  g_autofree char *name = NULL;
  g_autofree char *path = NULL;

  if (folder == NULL)
    return;
  heat = cnn_grad_cam_paint (cam, SIDE, SIDE, CNN_COLORMAP_JET, &error);
  g_assert_no_error (error);
  both = cnn_image_blend (picture->image, heat, 0.4f, &error);
  g_assert_no_error (error);
  name = g_strdup_printf ("%s-%03u-%s%s.png", row->name, picture->number, cam->target->label,
                          right ? "" : "-wrong");
  path = g_build_filename (folder, name, NULL);
  cnn_image_save_png (both, path, &error);
  g_assert_no_error (error);
}

static void
report (const char *what, const Tally *tally, gboolean single)
{
  double percent = 100.0 / tally->questions;
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_printf (text, "%-12s", what);
  if (!single)
    g_string_append_printf (text, " right side %5.1f %% ", tally->right * percent);
  g_string_append_printf (text, " exact %5.1f %%  within %d px %5.1f %%  heat inside %5.1f %%",
                          tally->exact * percent, TOLERANCE, tally->pointed * percent,
                          tally->inside * percent);
  if (tally->empty > 0)
    g_string_append_printf (text, "  (%d empty)", tally->empty);
  g_test_message ("%s", text->str);
}

typedef struct
{
  Tally heat, blind, centre;
  char *layer;
} Tallies;

static void
ask (const Row *row, CnnSession *session, const Picture *picture, Tallies *tallies)
{
  for (int i = 0; i < picture->n_things; i++)
    {
      g_autoptr (GError) error = NULL;
      CnnGradCamOptions options = row->options;
      g_autoptr (CnnGradCam) cam = NULL;
      g_autoptr (CnnArray) map = NULL;
      gboolean right;

      options.class_wish = picture->things[i].cutout->class_index;
      cam = cnn_grad_cam (session, &options, NULL, &error);
      if (g_error_matches (error, CNN_ERROR, CNN_ERROR_NO_EVIDENCE))
        {
          tallies->heat.questions++;
          tallies->heat.empty++;
          g_test_message ("picture %u: %s", picture->number, error->message);
          continue;
        }
      g_assert_no_error (error);
      map = enlarge (cam->heatmap);
      right = judge (&tallies->heat, map, picture, i);
      if (!right)
        g_test_message ("picture %u: the heat for %s is not there", picture->number,
                        cam->target->label);
      keep_picture (row, cam, picture, right);
      if (tallies->layer == NULL)
        tallies->layer = g_strdup (cam->layer);
    }
}

/* The same questions to the maps that do not know what is asked. */
static void
ask_baselines (CnnSession *session, const Picture *picture, const CnnArray *centre,
               Tallies *tallies)
{
  g_autoptr (CnnArray) blind = class_blind_map (session, tallies->layer);

  for (int i = 0; i < picture->n_things; i++)
    {
      judge (&tallies->blind, blind, picture, i);
      judge (&tallies->centre, centre, picture, i);
    }
}

static void
test_row (gconstpointer data)
{
  const Row *row = data;
  g_autoptr (GError) error = NULL;
  g_autofree char *model = row->shared != NULL ? shared_file (row->shared) : NULL;
  CnnOptions open = { .model = model };
  g_autoptr (CnnSession) session = NULL;
  g_autoptr (GHashTable) cutouts = NULL;
  g_autoptr (GPtrArray) table = NULL;
  g_autoptr (CnnImage) strip = NULL;
  g_autoptr (CnnArray) centre = NULL;
  Tallies tallies = { 0 };

  if (row->shared != NULL && model == NULL)
    return;
  session = cnn_session_open (&open, TRUE, NULL, &error);
  g_assert_no_error (error);
  cutouts = load_cutouts ();
  table = row->single ? read_table ("single.csv", 6) : read_table ("pictures.csv", 7);
  strip = load_image ("backgrounds.png");
  centre = centre_map ();
  g_assert_cmpuint (table->len, >=, 100);

  for (guint i = 0; i < table->len; i++)
    {
      g_auto (Picture) picture = { 0 };

      picture_init (&picture, i, table->pdata[i], row->single, cutouts, strip);
      cnn_session_set_photo (session, picture.image, &error);
      g_assert_no_error (error);
      ask (row, session, &picture, &tallies);
      g_assert_nonnull (tallies.layer);
      ask_baselines (session, &picture, centre, &tallies);
    }

  g_test_message ("%s: %d questions, layer %s", cnn_session_model_name (session),
                  tallies.heat.questions, tallies.layer);
  report ("Grad-CAM", &tallies.heat, row->single);
  report ("class-blind", &tallies.blind, row->single);
  report ("centre", &tallies.centre, row->single);
  g_free (tallies.layer);
  g_assert_cmpfloat (tallies.heat.right, >=, row->right * tallies.heat.questions);
  g_assert_cmpfloat (tallies.heat.exact, >=, row->exact * tallies.heat.questions);
  g_assert_cmpfloat (tallies.heat.pointed, >=, row->pointed * tallies.heat.questions);
  g_assert_cmpfloat (tallies.heat.inside, >=, row->inside * tallies.heat.questions);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strdup_printf ("/ground-truth/%s", rows[i].name);

      g_test_add_data_func (path, &rows[i], test_row);
    }
  return g_test_run ();
}
