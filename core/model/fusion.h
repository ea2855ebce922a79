/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* How a plan uses the nodes of its model: which take part, whose values have to be kept, and what
 * folds into what. Arrays have an element for each node. */

#include "plan.h"

G_BEGIN_DECLS

#define CNN_NONE -1 /* no node, no span */

typedef struct
{
  CnnModel *model;
  int n_nodes;
  CnnShape *shapes;
  int input, score;
  gboolean folds;            /* not so with CONVLENS_DEBUG=unfolded */
  gboolean repeated;         /* the plan's kernels run again and again */
  gboolean *wanted;          /* outputs */
  gboolean *wanted_gradient; /* nodes */

  gboolean *needed;   /* takes part forward */
  gboolean *backward; /* has a gradient: between a wanted one and the score */
  gboolean *kept;     /* its value is read by more than the next layer of its chain */
  int *users;         /* how many needed nodes read it */
  int *user;          /* the last of them */
  int *folded_into;   /* the node that the same kernel goes on with, or CNN_NONE */
  int *folded_from;   /* the same link from its other end */
  int *back_into;     /* the same on the way back, where it goes on with the node in front */
  int *back_from;
} CnnPlanUse;

/* Of a struct of zeros. The model must outlive it. FALSE: the shapes do not fit. */
gboolean cnn_plan_use_init (CnnPlanUse *use, CnnModel *model, const CnnPlanRequest *request,
                            GError **error);
void cnn_plan_use_clear (CnnPlanUse *use);

const CnnLayer *cnn_plan_use_layer (const CnnPlanUse *use, int node);
/* The node passes its input's value on. */
gboolean cnn_plan_use_is_identity (const CnnPlanUse *use, int node);
/* The node whose memory holds this node's value. */
int cnn_plan_use_root (const CnnPlanUse *use, int node);
/* The node's gradient is that of its inputs too, and needs no kernel. */
gboolean cnn_plan_use_passes_gradient (const CnnPlanUse *use, int node);
/* The node is affine alone or an activation: what a tail does. */
gboolean cnn_plan_use_is_tail (const CnnPlanUse *use, int node);
/* The node's backward kernel goes on through a tail in front of it. */
gboolean cnn_plan_use_fuses_predecessor (const CnnPlanUse *use, int node);
/* And that tail begins with an activation, whose derivative follows from its value. */
gboolean cnn_plan_use_takes_derivative (const CnnPlanUse *use, int node);
/* The node's backward kernel can add another gradient to its input's. */
gboolean cnn_plan_use_adds_gradient (const CnnPlanUse *use, int node);
/* The node's backward kernel runs: one of its inputs has a gradient. */
gboolean cnn_plan_use_runs_backward (const CnnPlanUse *use, int node);
/* The shape that a rule of the node's class gives memory of it; FALSE where it is NULL, or there is
 * no such memory. */
typedef gboolean (*CnnShapeRule) (const CnnLayer *layer, const CnnShape *inputs, CnnShape *shape);
gboolean cnn_plan_use_find_shape (const CnnPlanUse *use, int node, CnnShapeRule rule,
                                  CnnShape *shape);
/* Which of its values a node reads on the way back. */
void cnn_plan_use_backward_reads (const CnnPlanUse *use, int node, gboolean *inputs,
                                  gboolean *output);

G_END_DECLS
