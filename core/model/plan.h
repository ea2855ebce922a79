/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A model made ready for one input size and one set of wanted values on one device: nodes ordered,
 * tails folded, memory shared by lifetime, commands recorded. Running it is upload, submit,
 * download. */

#include "model.h"
#include "progress.h"

G_BEGIN_DECLS

typedef struct _CnnPlan CnnPlan;

typedef struct
{
  CnnShape input;     /* rank of the model's input; n pictures at once */
  gboolean part;      /* only what leads from `start` to the wanted nodes takes part, so that */
  int start;          /* `input`, then the shape of start's value, may be of any size */
  const int *outputs; /* nodes whose values are wanted */
  int n_outputs;
  int score;            /* node from which gradients flow back, or -1: forward only */
  const int *gradients; /* nodes with respect to whose value gradients are wanted */
  int n_gradients;
  gboolean keeps_seed; /* backward runs leave it as it is, in memory of its own */
  gboolean repeated;   /* will run often: cnn_commands_set_repeated */
  const float *values; /* what cnn_plan_forward will first be given, or NULL: the device begins with
                        * it while the rest of the plan is made */
} CnnPlanRequest;

/* The plan keeps a reference to the device; the model must outlive it. Everything is copied from
 * the request. Transfer full. */
CnnPlan *cnn_plan_new (CnnModel *model, CnnDevice *device, const CnnPlanRequest *request,
                       GError **error);
void cnn_plan_free (CnnPlan *plan);

/* When the next forward run began, as g_get_monotonic_time: while the plan was made, if the request
 * had values, otherwise now. */
gint64 cnn_plan_begun_at (const CnnPlan *plan);

/* Runs forward on n·h·w·c values in Keras' order (n, y, x, c). The first time, where the request
 * had values, they are these. */
gboolean cnn_plan_forward (CnnPlan *plan, const float *input, GError **error);
/* Runs backward from d(score)/d(score node), given in the score node's shape and Keras' order:
 * one-hot for a class's logit. Each backward run needs a forward run of its own before it, since it
 * takes over memory of values that it has read. */
gboolean cnn_plan_backward (CnnPlan *plan, const float *seed, GError **error);

/* A wanted value, or gradient with respect to it, as (H, W, C), (H, C) or (C) of its rank; with
 * n > 1 (N, H, W, C). A node that the score does not depend on has a gradient of zeros. Transfer
 * full. */
CnnArray *cnn_plan_output (CnnPlan *plan, int node, GError **error);
CnnArray *cnn_plan_gradient (CnnPlan *plan, int node, GError **error);

/* For work that stays on the device. Views of a wanted value (the input's too, if it is wanted), of
 * a wanted gradient and of the seed: transfer full. The recorded runs: transfer none. The seed
 * shares memory with values, so that it is to be written between the two runs, unless the request
 * has keeps_seed. */
CnnTensor *cnn_plan_value_view (CnnPlan *plan, int node);
CnnTensor *cnn_plan_gradient_view (CnnPlan *plan, int node);
CnnTensor *cnn_plan_seed_view (CnnPlan *plan);
CnnCommands *cnn_plan_forward_commands (CnnPlan *plan);
CnnCommands *cnn_plan_backward_commands (CnnPlan *plan);

/* Steps of the two recorded runs; what is folded into another is none of its own. */
int cnn_plan_forward_steps (const CnnPlan *plan);
int cnn_plan_backward_steps (const CnnPlan *plan);

const CnnShape *cnn_plan_shape (const CnnPlan *plan, int node);
/* Bytes of the device that values and gradients take. */
gsize cnn_plan_memory (const CnnPlan *plan);
/* Bytes of the largest of them, which is one binding of a kernel. */
gsize cnn_plan_largest (const CnnPlan *plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnPlan, cnn_plan_free)

G_END_DECLS
