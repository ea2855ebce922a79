/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "winograd.h"

#include "winograd_params.h"

typedef struct WinogradParams WinogradParams;
G_STATIC_ASSERT (sizeof (WinogradParams) == 52);

#define MATRICES 16 /* elements of a transformed tile */
#define TAPS 9

/* On the software driver, by processor time against conv2d: 64→64 at 56² 1.03 times as fast, 96→96
 * at 35² 1.14, 128→128 at 28² 1.3, 256→256 at 14² 1.6, 512→512 at 28² 1.9, but 32→64 at 149² 0.8:
 * the transforms grow with the channels, what is saved grows with their product. Maps of few tiles
 * leave much of conv2d's own tiles empty, 16 times: 512→512 at 7² 1.05, 384→384 at 8² 1.0, and
 * weights of 16/9 of the size are not worth that. */
#define LEAST_CHANNELS 96
#define LEAST_TILES 25
#define MOST_WEIGHTS                                                           \
  (1 << 20) /* of a matrix: all 16 are one binding, of 128 MiB on some devices \
             */

static int
tiles_of (const CnnShape *shape)
{
  return (shape->h + 1) / 2 * ((shape->w + 1) / 2);
}

gboolean
cnn_winograd_suits (const CnnWindow *window, const CnnShape *input, const CnnShape *output)
{
  for (int i = 0; i < 2; i++)
    if (window->kernel[i] != 3 || window->stride[i] != 1 || window->dilation[i] != 1)
      return FALSE;
  return MIN (input->c, output->c) >= LEAST_CHANNELS && tiles_of (output) >= LEAST_TILES
         && (gint64) input->c * output->c <= MOST_WEIGHTS;
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
cnn_winograd_bytes (const CnnGemm *gemm)
{
  const CnnGemm matrix = matrix_gemm (gemm);

  return MATRICES * cnn_gemm_bytes (&matrix);
}

/* Floats that are transformed at a time: a line of the processor's caches, as the matrices often
 * lie so far apart that few of their lines fit in at once. They divide every matrix. */
#define BLOCK 16

/* G·x of three numbers x, `step` apart. */
static void
transform_three (double (*x)[BLOCK], int step, double (*result)[BLOCK], int result_step)
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

/* G·g·Gᵀ in place: the 9 taps g are the first 9 matrices. */
static void
transform (float *packed, gsize step)
{
  for (gsize at = 0; at < step; at += BLOCK)
    {
      double g[TAPS][BLOCK], half[12][BLOCK], u[MATRICES][BLOCK];

      for (gsize tap = 0; tap < TAPS; tap++)
        for (gsize i = 0; i < BLOCK; i++)
          g[tap][i] = packed[tap * step + at + i];
      for (int column = 0; column < 3; column++)
        transform_three (g + column, 3, half + column, 3);
      for (int row = 0; row < 4; row++)
        transform_three (half + 3 * row, 1, u + 4 * row, 1);
      for (gsize matrix = 0; matrix < MATRICES; matrix++)
        for (gsize i = 0; i < BLOCK; i++)
          packed[matrix * step + at + i] = (float) u[matrix][i];
    }
}

void
cnn_pack_winograd (const CnnGemm *gemm, const float *data, gsize first, gsize n, float *packed)
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
    transform (packed, step);
}

/* --- recording --- */

/* Bytes of transformed tiles at a time, V[16][planes][tiles] and the products after it. More are
 * not faster, much less read all weights again for a few tiles. */
#define CHUNK_BYTES ((gsize) 8 << 20)

CnnShape
cnn_winograd_scratch (const CnnShape *input, const CnnShape *output)
{
  const int planes = cnn_shape_planes (input) + cnn_shape_planes (output);
  CnnShape scratch = cnn_shape (1, MATRICES, 1, 4 * planes);
  const gsize most = MAX (
      CHUNK_BYTES / cnn_shape_bytes (&scratch) / WINOGRAD_LOCAL * WINOGRAD_LOCAL, WINOGRAD_LOCAL);

  scratch.w = (int) MIN (most, (gsize) (MAX (tiles_of (input), tiles_of (output)) * input->n));
  return scratch;
}

/* For the transform from or to a picture, of tiles of the output. */
static WinogradParams
params_of (const CnnShape *picture, const CnnShape *output, int first, int tiles)
{
  return (WinogradParams){
    .planes = (guint) cnn_shape_planes (picture),
    .h = (guint) picture->h,
    .w = (guint) picture->w,
    .tiles_y = (guint) (output->h + 1) / 2,
    .tiles_x = (guint) (output->w + 1) / 2,
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
              WinogradParams params, const CnnWindow *window, GError **error)
{
  CnnDispatch dispatch = {
    .stem = "winograd_input",
    .bindings = { cnn_tensor_binding (source), cnn_tensor_binding (transformed) },
    .n_bindings = 2,
  };

  params.before_y = window->before[0];
  params.before_x = window->before[1];
  return record_transform (commands, &dispatch, &params, error);
}

static gboolean
record_output (CnnCommands *commands, const CnnTensor *products, const CnnTensor *target,
               WinogradParams params, const CnnEpilogue *epilogue, GError **error)
{
  const CnnActivation tail = cnn_tail_activation (epilogue != NULL ? &epilogue->activation : NULL);
  CnnDispatch dispatch = {
    .stem = CNN_TAIL_STEM ("winograd_output", tail),
    .constants = { tail.kind, (guint32) cnn_has_residual (epilogue) },
    .n_constants = 2,
    .bindings = { cnn_tensor_binding (products), cnn_affine_binding (epilogue, products),
                  cnn_tensor_binding (target), cnn_residual_binding (epilogue, products) },
    .n_bindings = 4,
  };

  params.has_affine = cnn_has_affine (epilogue);
  params.alpha = tail.alpha;
  params.max_value = tail.max_value;
  params.threshold = tail.threshold;
  return record_transform (commands, &dispatch, &params, error);
}

gboolean
cnn_record_winograd (CnnCommands *commands, const CnnTensor *source, const CnnTensor *target,
                     const CnnTensor *scratch, CnnBuffer *weights, const CnnWindow *window,
                     const CnnEpilogue *epilogue, GError **error)
{
  const CnnShape *in = &source->shape, *out = &target->shape;
  const int all = tiles_of (out) * out->n, most = scratch->shape.w;

  for (int first = 0; first < all; first += most)
    {
      const int tiles = MIN (most, all - first);
      const CnnShape v = cnn_shape (MATRICES, 1, tiles, in->c);
      const CnnShape m = cnn_shape (MATRICES, 1, tiles, out->c);
      g_autoptr (CnnTensor) transformed =
          cnn_tensor_new_view (scratch->buffer, scratch->offset, &v);
      g_autoptr (CnnTensor) products =
          cnn_tensor_new_view (scratch->buffer, scratch->offset + cnn_shape_bytes (&v), &m);

      if (!record_input (commands, source, transformed, params_of (in, out, first, tiles), window,
                         error)
          || !cnn_record_conv2d (commands, transformed, products, weights,
                                 cnn_buffer_size (weights) / MATRICES, &cnn_pointwise_window, NULL,
                                 error)
          || !record_output (commands, products, target, params_of (out, out, first, tiles),
                             epilogue, error))
        return FALSE;
    }
  return TRUE;
}
