/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "perf-step.h"

#include "error.h"

#include <math.h>
#include <string.h>

#define LEAST_RUN .02 /* seconds, unless it takes more than MOST_STEPS */
#define MOST_STEPS 1000
#define LEAST_RUNS 3

/* --- numbers --- */

#define N_NUMBERS 65521 /* a prime: no channel gets the same ones at every pixel */

/* Seeded random numbers of −1 … 1, the same ones over and over: making them one by one would take
 * longer than all measurements. */
static void
fill (float *values, gsize n, float scale, float offset)
{
  static float numbers[N_NUMBERS];

  if (numbers[0] == 0.f)
    {
      random_state = 1;
      for (guint i = 0; i < N_NUMBERS; i++)
        numbers[i] = (float) random_number ();
    }
  for (gsize first = 0; first < n; first += N_NUMBERS)
    for (gsize i = 0; i < MIN (N_NUMBERS, n - first); i++)
      values[first + i] = numbers[i] * scale + offset;
}

static CnnTensor *
make_tensor (const CnnShape *shape, float scale, float offset, GError **error)
{
  g_autoptr (CnnTensor) tensor = cnn_tensor_new (device, shape, "perf", error);
  const gsize bytes = cnn_shape_bytes (shape);
  g_autofree float *values = NULL;

  if (tensor == NULL)
    return NULL;
  values = g_malloc (bytes);
  fill (values, bytes / sizeof (float), scale, offset);
  return cnn_buffer_write (tensor->buffer, tensor->offset, values, bytes, error)
             ? g_steal_pointer (&tensor)
             : NULL;
}

/* So that what a kernel does not write is not finite. */
static gboolean
poison (CnnTensor *tensor, GError **error)
{
  const gsize bytes = cnn_shape_bytes (&tensor->shape);
  g_autofree float *values = g_malloc (bytes);

  fill (values, bytes / sizeof (float), 0.f, NAN);
  return cnn_buffer_write (tensor->buffer, tensor->offset, values, bytes, error);
}

static gboolean
check_finite (const CnnTensor *tensor, GError **error)
{
  const gsize bytes = cnn_shape_bytes (&tensor->shape), n = bytes / sizeof (float);
  g_autofree float *values = g_malloc (bytes);

  if (!cnn_buffer_read (tensor->buffer, tensor->offset, values, bytes, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (!isfinite (values[i]))
      {
        g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
                     "float %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                     " is not finite, or was not written",
                     i, n);
        return FALSE;
      }
  return TRUE;
}

/* --- a layer --- */

static gboolean
make_arrays (Bench *bench, GError **error)
{
  CnnLayer *layer = bench->layer;
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];
  const int n = layer->klass->weight_specs != NULL
                    ? layer->klass->weight_specs (layer, bench->input_shapes, specs)
                    : 0;

  for (int i = 0; i < n; i++)
    {
      const gboolean variance = strstr (specs[i].name, "variance") != NULL;
      gsize count, fan_in;

      layer->weights[i] = cnn_array_new (specs[i].rank, specs[i].dims, specs[i].name, error);
      if (layer->weights[i] == NULL)
        return FALSE;
      count = cnn_array_count (layer->weights[i]);
      fan_in = specs[i].rank > 1 ? count / (gsize) specs[i].dims[specs[i].rank - 1] : 1;
      fill (layer->weights[i]->data, count, variance ? .5f : sqrtf (3.f / (float) fan_in),
            variance ? 1.f : 0.f);
    }
  return TRUE;
}

static gboolean
make_scratch (const Bench *bench,
              gboolean (*shape_of_it) (const CnnLayer *, const CnnShape *, CnnShape *),
              CnnTensor **tensor, GError **error)
{
  CnnShape shape;

  if (shape_of_it == NULL || !shape_of_it (bench->layer, bench->input_shapes, &shape))
    return TRUE;
  *tensor = make_tensor (&shape, 0.f, 0.f, error);
  return *tensor != NULL;
}

static gboolean
make_tensors (Bench *bench, float scale, GError **error)
{
  const CnnLayerClass *klass = bench->layer->klass;

  for (int i = 0; i < bench->n_inputs; i++)
    {
      bench->inputs[i] = make_tensor (&bench->input_shapes[i], scale, 0.f, error);
      if (bench->inputs[i] == NULL)
        return FALSE;
      bench->grad_inputs[i] = make_tensor (&bench->input_shapes[i], 0.f, 0.f, error);
      if (bench->grad_inputs[i] == NULL)
        return FALSE;
    }
  bench->output = make_tensor (&bench->output_shape, 0.f, 0.f, error);
  if (bench->output == NULL)
    return FALSE;
  bench->grad_output = make_tensor (&bench->output_shape, 1.f, 0.f, error);
  return bench->grad_output != NULL
         && make_scratch (bench, klass->scratch_shape, &bench->scratch, error)
         && make_scratch (bench, klass->memo_shape, &bench->memo, error);
}

void
bench_clear (Bench *bench)
{
  for (int i = 0; i < bench->n_inputs; i++)
    {
      cnn_tensor_free (bench->inputs[i]);
      cnn_tensor_free (bench->grad_inputs[i]);
    }
  cnn_tensor_free (bench->output);
  cnn_tensor_free (bench->grad_output);
  cnn_tensor_free (bench->memo);
  cnn_tensor_free (bench->scratch);
  cnn_buffer_unref (bench->affine);
  cnn_layer_unref (bench->layer);
}

gboolean
bench_init (Bench *bench, const Row *row, const char *inputs, GError **error)
{
  g_auto (GStrv) shapes = g_strsplit (inputs, " ", -1);
  const CnnLayerClass *klass;

  *bench = (Bench){ 0 };
  bench->layer = new_layer (row->class_name, row->params, row->major != 0 ? row->major : 3, error);
  if (bench->layer == NULL)
    return FALSE;
  klass = bench->layer->klass;
  for (int i = 0; shapes[i] != NULL; i++)
    bench->input_shapes[bench->n_inputs++] = shape_of (shapes[i], 1);
  if (!klass->output_shape (bench->layer, bench->input_shapes, bench->n_inputs,
                            &bench->output_shape, error)
      || !make_arrays (bench, error)
      || !make_tensors (bench, row->scale != 0. ? (float) row->scale : 1.f, error))
    return FALSE;
  if (klass->affine != NULL)
    {
      g_autofree CnnAffine *affine = g_new0 (CnnAffine, bench->output_shape.c);

      klass->affine (bench->layer, bench->output_shape.c, affine);
      bench->affine = make_affine (affine, bench->output_shape.c);
      bench->tail.affine = (CnnBinding){ bench->affine, 0, cnn_buffer_size (bench->affine) };
    }
  return TRUE;
}

/* --- steps --- */

static gboolean
needs_inputs (const CnnLayer *layer)
{
  return layer->klass->flags & CNN_LAYER_ACTIVATION
             ? !cnn_activation_derives_from_output (&layer->activation)
             : (layer->klass->flags & CNN_LAYER_NEEDS_INPUTS) != 0;
}

static gboolean
needs_output (const CnnLayer *layer)
{
  return layer->klass->flags & CNN_LAYER_ACTIVATION
             ? cnn_activation_derives_from_output (&layer->activation)
             : (layer->klass->flags & CNN_LAYER_NEEDS_OUTPUT) != 0;
}

static CnnStep
make_step (Bench *bench, Direction direction)
{
  const CnnLayer *layer = bench->layer;
  const gboolean backward = direction == BACKWARD;
  CnnStep step = { .n_inputs = bench->n_inputs,
                   .output_shape = bench->output_shape,
                   .has_gradient = direction == FORWARD_FOR_GRADIENT,
                   .scratch = bench->scratch,
                   .memo = direction == FORWARD ? NULL : bench->memo };

  for (int i = 0; i < bench->n_inputs; i++)
    {
      step.input_shapes[i] = bench->input_shapes[i];
      if (!backward || needs_inputs (layer))
        step.inputs[i] = bench->inputs[i];
      if (backward)
        step.grad_inputs[i] = bench->grad_inputs[i];
    }
  if (!backward || needs_output (layer))
    step.output = bench->output;
  if (backward)
    step.grad_output = bench->grad_output;
  if (backward && layer->klass->only_affine)
    step.affine = bench->tail.affine;
  if (!backward && layer->klass->flags & CNN_LAYER_TAIL)
    {
      bench->tail.activation = layer->activation;
      step.tail = &bench->tail;
    }
  return step;
}

double
bench_bytes (Bench *bench, Direction direction)
{
  const CnnStep made = make_step (bench, direction), *step = &made;
  const CnnTensor *const tensors[] = { step->output, step->grad_output, step->memo };
  gsize bytes = 0;

  for (guint i = 0; i < G_N_ELEMENTS (tensors); i++)
    bytes += tensors[i] != NULL ? cnn_shape_bytes (&tensors[i]->shape) : 0;
  for (int i = 0; i < step->n_inputs; i++)
    bytes += ((step->inputs[i] != NULL) + (step->grad_inputs[i] != NULL))
             * cnn_shape_bytes (&step->input_shapes[i]);
  for (int i = 0; i < CNN_MAX_WEIGHTS; i++)
    if (bench->layer->weights[i] != NULL)
      bytes += cnn_array_count (bench->layer->weights[i]) * sizeof (float);
  return (double) bytes;
}

CnnCommands *
bench_record (Bench *bench, Direction direction, gboolean often, guint times, GError **error)
{
  const CnnLayerClass *klass = bench->layer->klass;
  g_autoptr (CnnCommands) commands = cnn_commands_new (device, "perf", error);
  CnnStep step = make_step (bench, direction);

  if (commands == NULL)
    return NULL;
  if (often)
    cnn_commands_set_repeated (commands);
  step.commands = commands;
  for (guint i = 0; i < times; i++)
    if (!(direction == BACKWARD ? klass->backward : klass->forward) (bench->layer, &step, error))
      return NULL;
  return g_steal_pointer (&commands);
}

/* Seconds of a run, or a negative number. */
static double
time_run (CnnCommands *commands, GError **error)
{
  const gint64 start = g_get_monotonic_time ();

  if (!cnn_commands_run (commands, error))
    return -1.;
  return (double) MAX (g_get_monotonic_time () - start, 1) * 1e-6;
}

/* Commands of so many steps that a run of them lasts, run once; gives the number of steps. */
static CnnCommands *
record_enough (Bench *bench, Direction direction, gboolean often, guint *steps, GError **error)
{
  for (*steps = 1;;)
    {
      g_autoptr (CnnCommands) commands = bench_record (bench, direction, often, *steps, error);
      double seconds;

      /* The first run waits for pipelines. */
      if (commands == NULL || time_run (commands, error) < 0.
          || (seconds = time_run (commands, error)) < 0.)
        return NULL;
      if (seconds >= LEAST_RUN || *steps >= MOST_STEPS)
        return g_steal_pointer (&commands);
      *steps = (guint) CLAMP (*steps * 1.25 * LEAST_RUN / seconds, *steps + 1., MOST_STEPS);
    }
}

/* What backward finds there. */
static gboolean
run_forward (Bench *bench, GError **error)
{
  g_autoptr (CnnCommands) commands = NULL;

  if (bench->memo == NULL && !needs_output (bench->layer))
    return TRUE;
  commands = bench_record (bench, FORWARD_FOR_GRADIENT, FALSE, 1, error);
  return commands != NULL && cnn_commands_run (commands, error);
}

double
bench_time (Bench *bench, Direction direction, gboolean often, double least, GError **error)
{
  CnnTensor *result = direction == BACKWARD ? bench->grad_inputs[0] : bench->output;
  const guint messages = cnn_device_validation_messages (device);
  g_autoptr (CnnCommands) commands = NULL;
  double best = INFINITY, sum = 0.;
  guint steps;

  if (!poison (result, error) || (direction == BACKWARD && !run_forward (bench, error)))
    return -1.;
  commands = record_enough (bench, direction, often, &steps, error);
  if (commands == NULL)
    return -1.;
  for (int runs = 0; runs < LEAST_RUNS || sum < least; runs++)
    {
      const double seconds = time_run (commands, error);

      if (seconds < 0.)
        return -1.;
      best = MIN (best, seconds);
      sum += seconds;
    }
  if (!check_finite (result, error))
    return -1.;
  if (cnn_device_validation_messages (device) > messages)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE, "%u messages of the validation layer",
                   cnn_device_validation_messages (device) - messages);
      return -1.;
    }
  return best / steps;
}
