/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A layer with all that its steps read and write, and how long they take. */

#include "harness.h"

typedef enum
{
  FORWARD,
  FORWARD_FOR_GRADIENT, /* of values that a gradient will go back through */
  BACKWARD,
  N_DIRECTIONS
} Direction;

typedef struct
{
  CnnLayer *layer;
  CnnBuffer *affine;
  CnnTail tail;
  CnnTensor *inputs[REFERENCE_MAX_INPUTS], *grad_inputs[REFERENCE_MAX_INPUTS];
  CnnTensor *output, *grad_output, *memo, *scratch;
  CnnShape input_shapes[REFERENCE_MAX_INPUTS], output_shape;
  int n_inputs;
} Bench;

/* For inputs as "7x9x5 7x9x5", with random values and weights. Clear it in any case. */
gboolean bench_init (Bench *bench, const Row *row, const char *inputs, GError **error);
void bench_clear (Bench *bench);
/* Bytes that a step reads and writes at least. */
double bench_bytes (Bench *bench, Direction direction);
/* Commands of so many steps, one after the other; `often`: by the kernels of commands that are
 * repeated. Transfer full. */
CnnCommands *bench_record (Bench *bench, Direction direction, gboolean often, guint times,
                           GError **error);
/* Seconds of a step in the best of several runs, which take `least` seconds together; an error
 * where the result is not finite or the validation layer had something to say. */
double bench_time (Bench *bench, Direction direction, gboolean often, double least, GError **error);
