/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conv2D by Winograd, whatever its shapes. */
#include "harness.h"

#include "winograd.h"

/* Conv2D's by Winograd, where their shapes are too small for that to be chosen, with tiles of
 * "size" pixels a side, else 2. "tiles" at most are made at a time. */
const Row winograd_rows[] = {
  { "Conv2D", "filters=5 kernel_size=3 padding=same", "7x9x3 | 1x1x1 | 2x1x8 | 8x6x33", 0, 0, 0 },
  { "Conv2D", "filters=33 kernel_size=3 use_bias=false", "3x3x5 | 7x10x4 | 5x4x1", 0, 0, 0 },
  { "Conv2D", "filters=40 kernel_size=3 padding=same tiles=7", "9x11x6 | 4x4x3", 0, 0, 0 },
  { "Conv2D", "filters=3 kernel_size=3 tiles=1", "6x5x9", 0, 0, 0 },
  { "Conv2D", "size=4 filters=5 kernel_size=3 padding=same", "7x9x3 | 1x1x1 | 2x1x8 | 8x6x33", 0, 0,
    0 },
  { "Conv2D", "size=4 filters=33 kernel_size=3 use_bias=false", "3x3x5 | 7x10x4 | 5x4x1", 0, 0, 0 },
  { "Conv2D", "size=4 filters=40 kernel_size=3 padding=same tiles=3", "9x11x6 | 4x4x3", 0, 0, 0 },
  { "Conv2D", "size=4 filters=3 kernel_size=3 tiles=1", "6x7x9", 0, 0, 0 },
};

const guint n_winograd_rows = G_N_ELEMENTS (winograd_rows);

static int tile_size;  /* 2 or 4 */
static int most_tiles; /* at a time; 0: as many as it likes */

static gboolean
winograd_scratch_shape (const CnnLayer *layer, const CnnShape *inputs, CnnShape *scratch)
{
  CnnShape output;

  g_assert_true (layer->klass->output_shape (layer, inputs, 1, &output, NULL));
  *scratch = cnn_winograd_scratch (inputs, &output);
  if (most_tiles > 0)
    scratch->w = MIN (scratch->w, most_tiles * (tile_size + 2) * (tile_size + 2)
                                          * (cnn_shape_planes (inputs) + cnn_shape_planes (&output))
                                      + CNN_WINOGRAD_SLACK);
  return TRUE;
}

static CnnGemm
winograd_gemm (const CnnLayer *layer, gboolean backward)
{
  const gint64 *dims = layer->weights[0]->dims;
  const int in = (int) dims[2], out = (int) dims[3];

  return (CnnGemm){ .taps = 9,
                    .inputs = backward ? out : in,
                    .outputs = backward ? in : out,
                    .step_tap = (gsize) (in * out),
                    .step_k = backward ? 1 : (gsize) out,
                    .step_m = backward ? (gsize) out : 1,
                    .flip = backward };
}

static void
winograd_pack (const CnnLayer *layer, const float *data, gsize first, gsize n, float *packed)
{
  const CnnGemm gemm = winograd_gemm (layer, FALSE);

  cnn_pack_winograd (&gemm, tile_size, data, first, n, packed);
}

/* In two parts, neither of whole taps. */
static void
winograd_pack_backward (const CnnLayer *layer, const float *data, gsize first, gsize n,
                        float *packed)
{
  const CnnGemm gemm = winograd_gemm (layer, TRUE);
  const gsize part = n / 2 / (gsize) gemm.inputs * (gsize) gemm.inputs;

  cnn_pack_winograd (&gemm, tile_size, data, first, part, packed);
  cnn_pack_winograd (&gemm, tile_size, data + part, first + part, n - part, packed);
}

static gboolean
winograd_record (CnnLayer *layer, const CnnStep *step, gboolean backward, GError **error)
{
  const CnnGemm gemm = winograd_gemm (layer, backward);
  CnnBuffer *weights =
      cnn_layer_device_weights (layer, backward, device, cnn_winograd_bytes (&gemm, tile_size), 0,
                                backward ? winograd_pack_backward : winograd_pack, error);
  const CnnKernelTail tail = cnn_step_tail (step);
  CnnWindow window = { { 3, 3 }, { 1, 1 }, { 1, 1 }, { 1, 1 }, { 0, 0 } };
  CnnShape output;

  cnn_convolution_window ((const CnnConvolution *) layer, step->input_shapes, &output,
                          window.before, error);
  g_assert_no_error (*error);
  if (backward)
    window = cnn_window_backward (&window);
  return cnn_record_winograd (step->commands, backward ? step->grad_output : step->inputs[0],
                              backward ? step->grad_inputs[0] : step->output, step->scratch,
                              weights, tile_size, &window, &tail, error);
}

static gboolean
winograd_forward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return winograd_record (layer, step, FALSE, error);
}

static gboolean
winograd_backward (CnnLayer *layer, const CnnStep *step, GError **error)
{
  return winograd_record (layer, step, TRUE, error);
}

void
test_winograd_row (gconstpointer data)
{
  const Row *row = data;
  CnnLayerClass klass = *cnn_layer_class_find (row->class_name);

  klass.scratch_shape = winograd_scratch_shape;
  klass.forward = winograd_forward;
  klass.backward = winograd_backward;
  tile_size = (int) ref_number (row->params, "size", 2.);
  most_tiles = (int) ref_number (row->params, "tiles", 0.);
  run_row (row, &klass);
}
