/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "heat_map.h"

/* Equations 1 and 2: Σ_c A_c · mean_xy ∂score/∂A_c. */
static void
grad_cam (const CnnHeatInput *input, double *map)
{
  const float *values = input->values->data, *gradient = input->gradient->data;
  const gsize channels = input->channels;
  g_autofree double *weights = g_new0 (double, channels);

  for (gsize i = 0; i < input->cells; i++)
    for (gsize c = 0; c < channels; c++)
      weights[c] += gradient[i * channels + c];
  for (gsize c = 0; c < channels; c++)
    weights[c] *= input->scale / (double) input->cells;
  for (gsize i = 0; i < input->cells; i++)
    for (gsize c = 0; c < channels; c++)
      map[i] += weights[c] * values[i * channels + c];
}

const CnnHeatMethod cnn_grad_cam_method = {
  .paper = "Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based "
           "Localization, 2017, https://arxiv.org/abs/1610.02391",
  .run = grad_cam,
};
