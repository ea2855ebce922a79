/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* In which order a plan's kernels run, what each reads and writes, how long that lives, and where
 * in one piece of memory it lies. */

#include "fusion.h"

G_BEGIN_DECLS

/* Space in the arena for the steps first…last, both included. */
typedef struct
{
  gsize bytes;
  int first, last;
  gsize offset; /* set by cnn_memory_place */
} CnnSpan;

#define CNN_FOREVER G_MAXINT

/* Places spans so that those alive at one step do not overlap: largest first, each at the lowest
 * free offset (a multiple of `alignment`). Gives the arena's size in bytes. */
gsize cnn_memory_place (CnnSpan *spans, guint n, gsize alignment);

typedef enum
{
  CNN_PLAN_STEP_FORWARD,
  CNN_PLAN_STEP_BACKWARD,
  CNN_PLAN_STEP_SUM
} CnnPlanStepKind;

/* One recorded step: a node forward (with what is folded into it), a node backward (the same), or
 * the sum of two gradients. Tensors are named by their span; CNN_NONE where there is none. */
typedef struct
{
  CnnPlanStepKind kind;
  int node;
  int tail;                    /* the last node that the kernel does, whose value, or inputs'
                                * gradients, are written */
  int residual;                /* what is added to the result */
  int scratch;                 /* memory for the time of the step */
  int memo;                    /* what forward leaves for backward */
  int gradient;                /* backward: the output's gradient */
  int targets[CNN_MAX_INPUTS]; /* backward: the inputs' gradients */
  int left, right, sum;        /* of a sum */
} CnnPlanStep;

typedef struct
{
  const CnnPlanUse *use;
  GArray *steps; /* CnnPlanStep: forward, then backward */
  int n_forward;
  GArray *spans;      /* CnnSpan, placed */
  int *value_span;    /* of each node: of its value, if it is a root */
  int *gradient_span; /* of its gradient in the end */
  int *memo_span;
  gsize bytes; /* of the arena */
} CnnSchedule;

/* Of a struct of zeros. `use` must outlive it. `keeps_seed`: as in CnnPlanRequest; `alignment`: of
 * spans, a power of two. CONVLENS_DEBUG=unshared gives each span memory of its own. */
void cnn_schedule_init (CnnSchedule *schedule, const CnnPlanUse *use, gboolean keeps_seed,
                        gsize alignment);
void cnn_schedule_clear (CnnSchedule *schedule);

const CnnPlanStep *cnn_schedule_step (const CnnSchedule *schedule, int step);
const CnnSpan *cnn_schedule_span (const CnnSchedule *schedule, int span);
int cnn_schedule_count (const CnnSchedule *schedule);
/* Bytes of the largest span. */
gsize cnn_schedule_largest (const CnnSchedule *schedule);

G_END_DECLS
