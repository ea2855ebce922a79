/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* One more heat map method: a file with its CnnHeatMethod, and a row in the list below. */

#include "visualize.h"

G_BEGIN_DECLS

/* What a method sees of the layer. The map is linear in the gradient's scale: `scale` makes it that
 * of the score (cnn_scores_seed). */
typedef struct
{
  const CnnArray *values;   /* A: (H, W, C) */
  const CnnArray *gradient; /* ∂score/∂A / scale: (H, W, C) */
  gsize cells, channels;    /* H · W, C */
  double scale;
} CnnHeatInput;

typedef struct
{
  const char *paper; /* authors, title, year, address */
  /* map (H, W), all 0 before: the evidence in each cell, negative where it speaks against. */
  void (*run) (const CnnHeatInput *input, double *map);
} CnnHeatMethod;

/* All methods, the default first: METHOD (its name in options, its class). */
#define CNN_HEAT_METHODS(METHOD) METHOD ("grad-cam", cnn_grad_cam_method)

#define CNN_DECLARE_HEAT_METHOD(name, method) extern const CnnHeatMethod method;
CNN_HEAT_METHODS (CNN_DECLARE_HEAT_METHOD)
#undef CNN_DECLARE_HEAT_METHOD

G_END_DECLS
