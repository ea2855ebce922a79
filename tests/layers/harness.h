/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the tests of layers share: rows, layers made of them, tensors between guards. What fails
 * here fails the test that runs. */

#include "layer.h"
#include "reference.h"

extern const Row winograd_rows[];
extern const guint n_winograd_rows;

extern CnnDevice *device;

/* A case: one row, one set of inputs, one number of pictures. */
typedef struct
{
  CnnLayer *layer;
  CnnShape inputs[REFERENCE_MAX_INPUTS], output;
  RefCase test;
  RefTensor reference;
} Case;

/* --- numbers --- */

extern guint32 random_state;

/* xorshift32, in −1 … 1. */
double random_number (void);
/* Random numbers that float32 has, so that the reference starts from the same ones. */
void fill_random (double *values, gsize n, double scale);

/* --- tensors between guards --- */

CnnShape to_shape (const RefTensor *t);
/* A tensor with `values`, or with NaN where there are none; the lanes past C hold what they like,
 * and the buffer goes on before and after it. Transfer full. */
CnnTensor *guarded_tensor (const CnnShape *shape, const RefTensor *values);
/* Reads a tensor back, in Keras' order; guards must stand and every lane be finite. Transfer full.
 */
double *read_guarded (const char *what, const CnnTensor *tensor);

/* --- layers --- */

/* n pictures of "7x9x5" or "33". */
CnnShape shape_of (const char *text, int n);
/* The same with random values; data is new memory. */
RefTensor parse_shape (const char *text, int n, double scale);
/* Sets what "name=value …" has of this parameter. */
void set_param (CnnLayer *layer, const CnnParam *param, const char *params);
/* A configured layer; NULL where its parameters are refused. Transfer full. */
CnnLayer *new_layer (const char *class_name, const char *params, int keras_major, GError **error);
/* The same, and parameters that are refused fail. Transfer full. */
CnnLayer *make_layer (const char *class_name, const char *params, int keras_major);
/* Random variables by the layer's own specs, and the same for the reference. */
void make_weights (CnnLayer *layer, const CnnShape *inputs, RefCase *test);
/* A tail's center, scale and shift per channel, in vec4s. Transfer full. */
CnnBuffer *make_affine (const CnnAffine *affine, int channels);

/* --- steps --- */

/* A step with commands and scratch, whose tensors are to be set; repeated if of several pictures.
 * end_step frees it with all tensors. */
CnnStep new_step (const Case *c);
void end_step (CnnStep *step);
/* A tensor for what forward leaves for backward, or NULL. Transfer full. */
CnnTensor *new_memo (const Case *c);
/* Runs what was recorded; a message of the validation layer fails. */
void run_step (CnnStep *step);

/* --- tests --- */

/* Everything that a row is for, with a class that may differ from the row's in its kernels. */
void run_row (const Row *row, const CnnLayerClass *klass);
/* For g_test_add_data_func, of a Row of winograd_rows. */
void test_winograd_row (gconstpointer row);
/* Adds /layers/… to the tests. */
void add_kinks (void);
void add_refusals (void);

/* --- speed --- */

/* A row of what models are made of. */
typedef struct
{
  const char *where; /* the model, its layer, and how often it has this shape if more than once */
  Row row;
} PerfRow;

extern const PerfRow perf_rows[];
extern const guint n_perf_rows;

/* The program as `test-layers --perf …`: gives its exit status. */
int perf_main (int argc, char **argv);
