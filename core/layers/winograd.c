/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "winograd.h"

#include "tuning.h"
#include "winograd_params.h"

#define TAPS 9
#define MOST_MATRICES 36

/* Elements of a transformed tile of size². */
static int
matrices_of (int size)
{
  return (size + 2) * (size + 2);
}

static int
tiles_of (const CnnShape *shape, int size)
{
  return (shape->h + size - 1) / size * ((shape->w + size - 1) / size);
}

static gboolean
suits (const CnnWinogradTuning *tuning, const CnnShape *input, const CnnShape *output)
{
  return MIN (input->c, output->c) >= tuning->least_channels
         && tiles_of (output, tuning->size) >= tuning->least_tiles
         && (gint64) input->c * output->c * matrices_of (tuning->size) * (gint64) sizeof (float)
                <= CNN_WINOGRAD_MOST_BYTES;
}

int
cnn_winograd_size (const CnnWindow *window, const CnnShape *input, const CnnShape *output,
                   gboolean exact)
{
  for (int i = 0; i < 2; i++)
    if (window->kernel[i] != 3 || window->stride[i] != 1 || window->dilation[i] != 1)
      return 0;
  for (int i = 0; i < CNN_N_WINOGRAD_TUNINGS; i++)
    {
      const CnnWinogradTuning *tuning = &cnn_winograd_tunings[i];

      if (!(exact && tuning->size == 4) && suits (tuning, input, output))
        return tuning->size;
    }
  return 0;
}

/* --- weights --- */

/* One of the matrices, as a 1×1 convolution. */
static CnnGemm
matrix_gemm (const CnnGemm *gemm)
{
  CnnGemm matrix = *gemm;

  matrix.taps = 1;
  matrix.flip = FALSE;
  return matrix;
}

gsize
cnn_winograd_bytes (const CnnGemm *gemm, int size)
{
  const CnnGemm matrix = matrix_gemm (gemm);

  return (gsize) matrices_of (size) * cnn_gemm_bytes (&matrix);
}

/* Floats that are transformed at a time: a line of the processor's caches, as the matrices often
 * lie so far apart that few of their lines fit in at once. They divide every matrix. */
#define BLOCK 16

/* G·x of three numbers x, `step` apart, for tiles of 2 and of 4: as many numbers as those have
 * points, each the polynomial's value there over the product of the distances to the others. */
static void
transform_for_2 (double (*x)[BLOCK], int step, double (*result)[BLOCK], int result_step)
{
  for (int i = 0; i < BLOCK; i++)
    {
      const double ends = x[0][i] + x[2 * step][i], middle = x[step][i];

      result[0][i] = x[0][i];
      result[result_step][i] = (ends + middle) / 2.;
      result[2 * result_step][i] = (ends - middle) / 2.;
      result[3 * result_step][i] = x[2 * step][i];
    }
}

static void
transform_for_4 (double (*x)[BLOCK], int step, double (*result)[BLOCK], int result_step)
{
  const double a = WINOGRAD_POINT_A, b = WINOGRAD_POINT_B;

  for (int i = 0; i < BLOCK; i++)
    {
      const double first = x[0][i], middle = x[step][i], last = x[2 * step][i];

      result[0][i] = first;
      result[result_step][i] = (first + a * middle + .5 * last) * (-2. / 3.);
      result[2 * result_step][i] = (first - a * middle + .5 * last) * (-2. / 3.);
      result[3 * result_step][i] = (first + b * middle + 2. * last) * (1. / 6.);
      result[4 * result_step][i] = (first - b * middle + 2. * last) * (1. / 6.);
      result[5 * result_step][i] = last;
    }
}

/* G·g·Gᵀ in place: the 9 taps g are the first 9 matrices. */
static void
transform (int size, float *packed, gsize step)
{
  void (*const line) (double (*)[BLOCK], int, double (*)[BLOCK], int) =
      size == 2 ? transform_for_2 : transform_for_4;
  const int edge = size + 2, matrices = matrices_of (size);

  for (gsize at = 0; at < step; at += BLOCK)
    {
      double g[TAPS][BLOCK], half[18][BLOCK], u[MOST_MATRICES][BLOCK];

      for (gsize tap = 0; tap < TAPS; tap++)
        for (gsize i = 0; i < BLOCK; i++)
          g[tap][i] = packed[tap * step + at + i];
      for (int column = 0; column < 3; column++)
        line (g + column, 3, half + column, 3);
      for (int row = 0; row < edge; row++)
        line (half + 3 * row, 1, u + edge * row, 1);
      for (int matrix = 0; matrix < matrices; matrix++)
        for (gsize i = 0; i < BLOCK; i++)
          packed[(gsize) matrix * step + at + i] = (float) u[matrix][i];
    }
}

void
cnn_pack_winograd (const CnnGemm *gemm, int size, const float *data, gsize first, gsize n,
                   float *packed)
{
  const CnnGemm matrix = matrix_gemm (gemm);
  const gsize step = cnn_gemm_bytes (&matrix) / sizeof (float), all = TAPS * gemm->step_tap;

  for (gsize at = first, end = first + n, part; at < end; at += part, data += part)
    {
      const gsize tap = at / gemm->step_tap, within = at % gemm->step_tap;

      part = MIN (gemm->step_tap - within, end - at);
      cnn_pack_gemm (&matrix, data, within, part,
                     packed + (gemm->flip ? TAPS - 1 - tap : tap) * step);
    }
  if (first + n == all)
    transform (size, packed, step);
}

/* --- recording --- */

/* Transformed tiles at a time are V[matrix][plane][tile] and the products after it. */

/* Of one tile. */
static gsize
tile_bytes (const CnnShape *input, const CnnShape *output, int size)
{
  const CnnShape tile = cnn_shape (1, matrices_of (size), 1,
                                   4 * (cnn_shape_planes (input) + cnn_shape_planes (output)));

  return cnn_shape_bytes (&tile);
}

CnnShape
cnn_winograd_scratch (const CnnShape *input, const CnnShape *output)
{
  gsize most = 0;

  for (int size = 2; size <= 4; size += 2)
    {
      const gsize bytes = tile_bytes (input, output, size);
      const gsize room = CNN_WINOGRAD_CHUNK_BYTES / bytes / WINOGRAD_LOCAL * WINOGRAD_LOCAL;
      const int tiles = MAX (tiles_of (input, size), tiles_of (output, size)) * input->n;

      most = MAX (most, MIN ((gsize) tiles, MAX (room, WINOGRAD_LOCAL)) * bytes);
    }
  return cnn_shape (1, 1, (int) (most / (4 * sizeof (float))) + CNN_WINOGRAD_SLACK, 4);
}

/* For the transform from or to a picture, of tiles of the output. */
static WinogradParams
params_of (const CnnShape *picture, const CnnShape *output, int size, int first, int tiles)
{
  return (WinogradParams){
    .planes = (guint) cnn_shape_planes (picture),
    .h = (guint) picture->h,
    .w = (guint) picture->w,
    .tiles_y = (guint) ((output->h + size - 1) / size),
    .tiles_x = (guint) ((output->w + size - 1) / size),
    .first = (guint) first,
    .tiles = (guint) tiles,
  };
}

static gboolean
record_transform (CnnCommands *commands, CnnDispatch *dispatch, const WinogradParams *params,
                  GError **error)
{
  dispatch->push = params;
  dispatch->push_size = sizeof *params;
  dispatch->groups[0] = (params->tiles + WINOGRAD_LOCAL - 1) / WINOGRAD_LOCAL;
  dispatch->groups[1] = params->planes;
  dispatch->groups[2] = 1;
  return cnn_commands_dispatch (commands, dispatch, error);
}

static gboolean
record_input (CnnCommands *commands, const CnnTensor *source, const CnnTensor *transformed,
              int size, WinogradParams params, const CnnWindow *window, GError **error)
{
  CnnDispatch dispatch = {
    .stem = "winograd_input",
    .constants = { [WINOGRAD_INPUT_SIZE] = (guint32) size },
    .bindings = { [WINOGRAD_INPUT_SOURCE] = cnn_tensor_binding (source),
                  [WINOGRAD_INPUT_TARGET] = cnn_tensor_binding (transformed) },
  };

  params.before_y = window->before[0];
  params.before_x = window->before[1];
  return record_transform (commands, &dispatch, &params, error);
}

static gboolean
record_output (CnnCommands *commands, const CnnTensor *products, const CnnTensor *target, int size,
               WinogradParams params, const CnnKernelTail *tail, GError **error)
{
  CnnDispatch dispatch = {
    .stem = CNN_TAIL_STEM ("winograd_output", *tail),
    .constants = { [WINOGRAD_OUTPUT_SIZE] = (guint32) size },
    .bindings = { [WINOGRAD_OUTPUT_SOURCE] = cnn_tensor_binding (products),
                  [WINOGRAD_OUTPUT_TARGET] = cnn_tensor_binding (target) },
  };

  cnn_dispatch_set_tail (&dispatch, tail);
  params.tail = tail->params;
  return record_transform (commands, &dispatch, &params, error);
}

gboolean
cnn_record_winograd (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target,
                     const CnnTensor *scratch, CnnBuffer *weights, int size,
                     const CnnWindow *window, const CnnKernelTail *tail, GError **error)
{
  const CnnShape *in = &source->shape, *out = &target->shape;
  const int all = tiles_of (out, size) * out->n, matrices = matrices_of (size);
  const gsize slack = CNN_WINOGRAD_SLACK * 4 * sizeof (float);
  const gsize room = (cnn_shape_bytes (&scratch->shape) - slack) / tile_bytes (in, out, size);
  const int parts = (int) ((all + room - 1) / room);
  const int most = (all + parts - 1) / parts;

  for (int first = 0; first < all; first += most)
    {
      const int tiles = MIN (most, all - first);
      const CnnShape v = cnn_shape (matrices, 1, tiles, in->c);
      const CnnShape m = cnn_shape (matrices, 1, tiles, out->c);
      g_autoptr (CnnTensor) transformed =
          cnn_tensor_new_view (scratch->buffer, scratch->offset, &v);
      g_autoptr (CnnTensor) products = cnn_tensor_new_view (
          scratch->buffer, scratch->offset + (cnn_shape_bytes (&v) + slack - 1) / slack * slack,
          &m);

      if (!record_input (commands, source, transformed, size,
                         params_of (in, out, size, first, tiles), window, error)
          || !cnn_record_conv2d (commands, transformed, products, weights,
                                 cnn_buffer_size (weights) / (gsize) matrices,
                                 &cnn_pointwise_window, NULL, error)
          || !record_output (commands, products, target, size,
                             params_of (out, out, size, first, tiles), tail, error))
        return FALSE;
    }
  return TRUE;
}
