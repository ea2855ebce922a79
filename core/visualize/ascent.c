/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ascent.h"

#include "ascent_params.h"
#include "map_seed_params.h"

#include <math.h>
#include <string.h>

#define PARTS 256

/* Steps of all pictures from which on kernels pay that take longer to make. */
#define REPEATED 200

/* tf.math.l2_normalize's epsilon; a sleeping filter's gradient may be smaller yet. */
#define BOOK_LEAST 1e-12f
#define CLEAR_LEAST 1e-30f

/* `clear`: lengths of the bands, finest first, beside the others'. Pixel noise is what filters like
 * and people do not. */
static const float band_weights[] = { 0.25f, 0.6f, 1.f, 1.f, 1.f, 1.f, 1.f };
#define REST_WEIGHT 0.5f
#define SMOOTH_SHARE 0.04f
#define CALM_SHARE 0.01f
/* Of the coarsest band's hole to the picture's side. */
#define HOLES_IN_SIDE 12

enum
{
  SCRATCH_A,
  SCRATCH_B,
  SCRATCH_C,
  N_SCRATCH
};

struct _CnnAscent
{
  CnnDevice *device;
  CnnPlan *plan;
  CnnShape shape; /* of the pictures */
  int target, border;
  float value; /* of the seed */
  gboolean clear;
  CnnTensor *input;   /* what the network sees */
  CnnTensor *picture; /* what climbs; plain: the input itself */
  CnnTensor *scratch[N_SCRATCH];
  CnnBuffer *units, *sums, *factors, *moves;
  CnnCommands *move, *seed, *unseed, *update;
  gboolean descend;
  gboolean has_looked; /* forward, at the picture as it is */
  int *unit;           /* of each picture */
};

static AscentParams
params_of (const CnnAscent *self)
{
  return (AscentParams){
    .items = (guint) (cnn_shape_bytes (&self->shape) / 16),
    .h = (guint) self->shape.h,
    .w = (guint) self->shape.w,
    .channels = (guint) self->shape.c,
    .parts = PARTS,
    .pictures = (guint) self->shape.n,
  };
}

static CnnBinding
whole (CnnBuffer *buffer)
{
  return (CnnBinding){ buffer, 0, cnn_buffer_size (buffer) };
}

/* `count` invocations of a kernel of this file. */
static gboolean
dispatch (CnnCommands *commands, CnnDispatch what, const AscentParams *params, gsize count,
          GError **error)
{
  what.push = params;
  what.push_size = sizeof *params;
  cnn_flat_groups (count, what.groups);
  return cnn_commands_dispatch (commands, &what, error);
}

/* picture += rate · (source − other) / ‖source − other‖; other NULL: of the source alone. */
static gboolean
record_step (CnnAscent *self, CnnCommands *commands, const CnnTensor *source,
             const CnnTensor *other, double rate, gboolean last, GError **error)
{
  AscentParams params = params_of (self);
  const CnnBinding from = cnn_tensor_binding (source),
                   less = cnn_tensor_binding (other != NULL ? other : source);
  const CnnDispatch squares = {
    .stem = "squares",
    .constants = { [SQUARES_DIFFERENCE] = other != NULL },
    .bindings = { [SQUARES_SOURCE] = from,
                  [SQUARES_OTHER] = less,
                  [SQUARES_SUMS] = whole (self->sums) },
  };
  const CnnDispatch step_length = {
    .stem = "step_length",
    .constants = { [STEP_LENGTH_NEXT_MOVE] = last && self->clear },
    .bindings = { [STEP_LENGTH_SUMS] = whole (self->sums),
                  [STEP_LENGTH_FACTORS] = whole (self->factors),
                  [STEP_LENGTH_MOVES] = whole (self->moves) },
  };
  const CnnDispatch ascend = {
    .stem = "ascend",
    .constants = { [ASCEND_DIFFERENCE] = other != NULL },
    .bindings = { [ASCEND_PICTURE] = cnn_tensor_binding (self->picture),
                  [ASCEND_SOURCE] = from,
                  [ASCEND_OTHER] = less,
                  [ASCEND_FACTORS] = whole (self->factors) },
  };

  params.rate = (float) rate;
  params.least = self->clear ? CLEAR_LEAST : BOOK_LEAST;
  return dispatch (commands, squares, &params, (gsize) self->shape.n * PARTS, error)
         && dispatch (commands, step_length, &params, (gsize) self->shape.n, error)
         && dispatch (commands, ascend, &params, params.items, error);
}

static CnnDispatch
blur (const CnnTensor *source, const CnnTensor *target)
{
  return (CnnDispatch){ .stem = "blur",
                        .bindings = { [BLUR_SOURCE] = cnn_tensor_binding (source),
                                      [BLUR_TARGET] = cnn_tensor_binding (target) } };
}

static gboolean
record_blur (CnnAscent *self, CnnCommands *commands, int hole, const CnnTensor *source,
             const CnnTensor *between, const CnnTensor *target, GError **error)
{
  AscentParams across = params_of (self), down = across;

  across.hole_x = hole;
  down.hole_y = hole;
  return dispatch (commands, blur (source, between), &across, across.items, error)
         && dispatch (commands, blur (between, target), &down, down.items, error);
}

static CnnDispatch
pull (const CnnTensor *source, const CnnTensor *target)
{
  return (CnnDispatch){ .stem = "pull",
                        .bindings = { [PULL_SOURCE] = cnn_tensor_binding (source),
                                      [PULL_TARGET] = cnn_tensor_binding (target) } };
}

/* In two halves, so that the picture ends where it was. */
static gboolean
record_pull (CnnAscent *self, CnnCommands *commands, float rest, GError **error)
{
  AscentParams params = params_of (self);
  const CnnTensor *picture = self->picture, *other = self->scratch[SCRATCH_A];

  params.smooth_share = SMOOTH_SHARE;
  params.calm_share = CALM_SHARE;
  params.rest = rest;
  return dispatch (commands, pull (picture, other), &params, params.items, error)
         && dispatch (commands, pull (other, picture), &params, params.items, error);
}

/* Bands by the à trous transform (Holschneider et al. 1989): each blur's holes are twice as wide.
 */
static gboolean
record_bands (CnnAscent *self, CnnCommands *commands, double rate, GError **error)
{
  CnnTensor *fine = self->scratch[SCRATCH_A], *coarse = self->scratch[SCRATCH_B];
  const int side = MIN (self->shape.h, self->shape.w);
  double squares = REST_WEIGHT * REST_WEIGHT, unit;
  guint bands = 0;

  while (bands < G_N_ELEMENTS (band_weights) && (1 << bands) <= MAX (side / HOLES_IN_SIDE, 1))
    {
      squares += (double) band_weights[bands] * (double) band_weights[bands];
      bands++;
    }
  unit = rate / sqrt (squares);
  for (guint i = 0; i < bands; i++)
    {
      CnnTensor *finer = fine;

      if (!record_blur (self, commands, 1 << i, fine, self->scratch[SCRATCH_C], coarse, error)
          || !record_step (self, commands, fine, coarse, unit * (double) band_weights[i], FALSE,
                           error))
        return FALSE;
      fine = coarse;
      coarse = finer;
    }
  return record_step (self, commands, fine, NULL, unit * (double) REST_WEIGHT, TRUE, error);
}

static gboolean
record_update (CnnAscent *self, const CnnAscentRequest *request, GError **error)
{
  g_autoptr (CnnTensor) gradient = cnn_plan_gradient_view (self->plan, request->start);
  const AscentParams params = params_of (self);

  self->update = cnn_commands_new (self->device, "step", error);
  if (self->update == NULL)
    return FALSE;
  cnn_commands_label (self->update, "step");
  if (!self->clear)
    return record_step (self, self->update, gradient, NULL, request->rate, TRUE, error);

  const CnnDispatch warp_backward = {
    .stem = "warp_backward",
    .constants = { [WARP_BACKWARD_OPPONENT] = self->shape.c == 3 },
    .bindings = { [WARP_BACKWARD_SOURCE] = cnn_tensor_binding (gradient),
                  [WARP_BACKWARD_MOVES] = whole (self->moves),
                  [WARP_BACKWARD_TARGET] = cnn_tensor_binding (self->scratch[SCRATCH_A]) },
  };
  return dispatch (self->update, warp_backward, &params, params.items, error)
         && record_bands (self, self->update, request->rate, error)
         && record_pull (self, self->update, request->rest, error);
}

static gboolean
record_move (CnnAscent *self, float rest, GError **error)
{
  AscentParams params = params_of (self);

  if (!self->clear)
    return TRUE;
  params.rest = rest;
  self->move = cnn_commands_new (self->device, "move", error);
  if (self->move == NULL)
    return FALSE;
  cnn_commands_label (self->move, "move");

  const CnnDispatch warp = {
    .stem = "warp",
    .bindings = { [WARP_SOURCE] = cnn_tensor_binding (self->picture),
                  [WARP_MOVES] = whole (self->moves),
                  [WARP_TARGET] = cnn_tensor_binding (self->input) },
  };
  return dispatch (self->move, warp, &params, params.items, error);
}

static CnnCommands *
record_seed (CnnAscent *self, float value, GError **error)
{
  g_autoptr (CnnTensor) seed = cnn_plan_seed_view (self->plan);
  g_autoptr (CnnCommands) commands = cnn_commands_new (self->device, "seed", error);
  MapSeedParams params = {
    .items = (guint) (cnn_shape_bytes (&seed->shape) / 16),
    .planes = (guint) cnn_shape_planes (&seed->shape),
    .h = (guint) seed->shape.h,
    .w = (guint) seed->shape.w,
    .border = (guint) self->border,
    .value = value,
  };
  CnnDispatch what = {
    .stem = "map_seed",
    .bindings = { [MAP_SEED_UNITS] = whole (self->units),
                  [MAP_SEED_TARGET] = cnn_tensor_binding (seed) },
    .push = &params,
    .push_size = sizeof params,
  };

  if (commands == NULL)
    return NULL;
  cnn_commands_label (commands, "seed");
  cnn_flat_groups (params.items, what.groups);
  return cnn_commands_dispatch (commands, &what, error) ? g_steal_pointer (&commands) : NULL;
}

/* The rows of a move, there and back, as warp.glsl reads them. */
static void
write_move (const CnnAscent *self, const CnnMove *move, float rows[16])
{
  const double middle_x = (self->shape.w - 1) / 2., middle_y = (self->shape.h - 1) / 2.;
  const double c = cos ((double) move->turn), s = sin ((double) move->turn);
  const double scale = (double) move->scale;
  const double to_x = middle_x + (double) move->shift_x, to_y = middle_y + (double) move->shift_y;
  const double there[2][2] = { { scale * c, -scale * s }, { scale * s, scale * c } };
  const double back[2][2] = { { c / scale, s / scale }, { -s / scale, c / scale } };

  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++)
      {
        rows[4 * i + j] = (float) there[i][j];
        rows[8 + 4 * i + j] = (float) back[i][j];
      }
  rows[2] = (float) (to_x - there[0][0] * middle_x - there[0][1] * middle_y);
  rows[6] = (float) (to_y - there[1][0] * middle_x - there[1][1] * middle_y);
  rows[10] = (float) (middle_x - back[0][0] * to_x - back[0][1] * to_y);
  rows[14] = (float) (middle_y - back[1][0] * to_x - back[1][1] * to_y);
}

static gboolean
make_moves (CnnAscent *self, const CnnAscentRequest *request, GError **error)
{
  const gsize n = self->clear ? (gsize) request->steps : 0, floats = 4 + 16 * MAX (n, 1);
  g_autofree float *all = g_new0 (float, floats);

  for (gsize i = 0; i < n; i++)
    write_move (self, request->moves + i, all + 4 + 16 * i);
  self->moves = cnn_buffer_new (self->device, floats * sizeof (float), "moves", error);
  return self->moves != NULL
         && cnn_buffer_write (self->moves, 0, all, floats * sizeof (float), error);
}

static gboolean
make_buffers (CnnAscent *self, const CnnAscentRequest *request, GError **error)
{
  const gsize n = (gsize) self->shape.n;

  self->input = cnn_plan_value_view (self->plan, request->start);
  if (!self->clear)
    self->picture = cnn_tensor_new_view (self->input->buffer, self->input->offset, &self->shape);
  else if ((self->picture = cnn_tensor_new (self->device, &self->shape, "pictures", error)) == NULL)
    return FALSE;
  for (int i = 0; self->clear && i < N_SCRATCH; i++)
    if ((self->scratch[i] =
             cnn_tensor_new (self->device, &self->shape, "a band of a gradient", error))
        == NULL)
      return FALSE;
  self->units = cnn_buffer_new (self->device, n * sizeof (int), "units", error);
  self->sums = self->units != NULL
                   ? cnn_buffer_new (self->device, n * PARTS * sizeof (float), "sums", error)
                   : NULL;
  self->factors =
      self->sums != NULL ? cnn_buffer_new (self->device, n * sizeof (float), "steps", error) : NULL;
  return self->factors != NULL && make_moves (self, request, error);
}

CnnAscent *
cnn_ascent_new (const CnnAscentRequest *request, GError **error)
{
  g_autoptr (CnnAscent) self = g_new0 (CnnAscent, 1);
  CnnPlanRequest wanted = {
    .input = request->picture,
    .part = TRUE,
    .start = request->start,
    .outputs = (int[]){ request->target, request->start },
    .n_outputs = 2,
    .score = request->score,
    .gradients = &request->start,
    .n_gradients = 1,
    .keeps_seed = TRUE,
    .repeated = request->picture.n * request->steps >= REPEATED,
  };
  const CnnShape *map;

  self->device = cnn_device_ref (request->device);
  self->shape = request->picture;
  self->target = request->target;
  self->border = request->border;
  self->clear = request->moves != NULL;
  self->unit = g_new0 (int, request->picture.n);
  self->plan = cnn_plan_new (request->model, request->device, &wanted, error);
  if (self->plan == NULL)
    return NULL;
  map = cnn_plan_shape (self->plan, request->score);
  self->value = 1.f / (float) ((map->h - 2 * self->border) * (map->w - 2 * self->border));
  if (!make_buffers (self, request, error) || !record_move (self, request->rest, error)
      || (self->seed = record_seed (self, self->value, error)) == NULL
      || (self->unseed = record_seed (self, -self->value, error)) == NULL
      || !record_update (self, request, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
cnn_ascent_free (CnnAscent *self)
{
  if (self == NULL)
    return;
  cnn_commands_free (self->move);
  cnn_commands_free (self->seed);
  cnn_commands_free (self->unseed);
  cnn_commands_free (self->update);
  for (int i = 0; i < N_SCRATCH; i++)
    cnn_tensor_free (self->scratch[i]);
  cnn_tensor_free (self->input);
  cnn_tensor_free (self->picture);
  cnn_buffer_unref (self->units);
  cnn_buffer_unref (self->sums);
  cnn_buffer_unref (self->factors);
  cnn_buffer_unref (self->moves);
  cnn_plan_free (self->plan);
  cnn_device_unref (self->device);
  g_free (self->unit);
  g_free (self);
}

/* The activation of every picture's unit, for the pictures as they are: mean over the map inside
 * the border. */
static gboolean
measure (CnnAscent *self, const float *pictures, float *means, GError **error)
{
  const CnnShape *shape = cnn_plan_shape (self->plan, self->target);
  const gsize c = (gsize) shape->c, pitch = (gsize) shape->w * c, size = (gsize) shape->h * pitch;
  const int border = self->border;
  g_autoptr (CnnArray) values = NULL;

  if (!cnn_plan_forward (self->plan, pictures, error))
    return FALSE;
  values = cnn_plan_output (self->plan, self->target, error);
  if (values == NULL)
    return FALSE;
  for (int n = 0; n < shape->n; n++)
    {
      const float *map = values->data + (gsize) n * size + (gsize) self->unit[n];
      double sum = 0;

      for (int y = border; y < shape->h - border; y++)
        for (int x = border; x < shape->w - border; x++)
          sum += (double) map[(gsize) y * pitch + (gsize) x * c];
      means[n] = (float) (sum / ((shape->h - 2 * border) * (double) (shape->w - 2 * border)));
      if (self->descend)
        means[n] = -means[n];
    }
  return TRUE;
}

gboolean
cnn_ascent_begin (CnnAscent *self, const float *pictures, const int *units, gboolean descend,
                  float *means, GError **error)
{
  const float first_move[4] = { 0 };

  self->descend = descend;
  self->has_looked = FALSE;
  memcpy (self->unit, units, sizeof *units * (gsize) self->shape.n);
  if (!cnn_buffer_write (self->units, 0, units, sizeof *units * (gsize) self->shape.n, error)
      || !cnn_buffer_write (self->moves, 0, first_move, sizeof first_move, error)
      || !cnn_commands_run (descend ? self->unseed : self->seed, error)
      || !measure (self, pictures, means, error)
      || !cnn_tensor_upload (self->picture, pictures, error))
    return FALSE;
  self->has_looked = !self->clear;
  return TRUE;
}

gboolean
cnn_ascent_step (CnnAscent *self, GError **error)
{
  CnnCommands *all[4];
  guint n = 0;

  if (self->move != NULL)
    all[n++] = self->move;
  if (!self->has_looked)
    all[n++] = cnn_plan_forward_commands (self->plan);
  self->has_looked = FALSE;
  all[n++] = cnn_plan_backward_commands (self->plan);
  all[n++] = self->update;
  return cnn_commands_run_in_turn (all, n, error);
}

gboolean
cnn_ascent_end (CnnAscent *self, float *pictures, float *means, GError **error)
{
  return cnn_tensor_download (self->picture, pictures, error)
         && measure (self, pictures, means, error);
}

gsize
cnn_ascent_memory (const CnnAscent *self)
{
  return cnn_plan_memory (self->plan)
         + (self->clear ? N_SCRATCH + 1 : 0) * cnn_shape_bytes (&self->shape);
}

gsize
cnn_ascent_largest (const CnnAscent *self)
{
  return MAX (cnn_plan_largest (self->plan), cnn_shape_bytes (&self->shape));
}
