/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is checked of a row: its shape, forward, backward, tails. */
#include "harness.h"

#include <math.h>
#include <string.h>

#define TOLERANCE 1e-5 /* of the largest value */
#define STEP 1e-6      /* of the central differences */
#define MAX_WORK 1.5e8 /* multiplications for all differences of a case; above, samples */
#define SAMPLES 96

static void
compare (const char *what, const double *ours, const double *reference, gsize n)
{
  double worst = 0., largest = 0.;

  for (gsize i = 0; i < n; i++)
    {
      worst = isfinite (ours[i]) ? fmax (worst, fabs (ours[i] - reference[i])) : INFINITY;
      largest = fmax (largest, fabs (reference[i]));
    }
  g_test_message ("%s: %.2g of %.3g", what, worst, largest);
  if (worst > TOLERANCE * largest)
    g_test_fail_printf ("%s is %g off, of %g", what, worst, largest);
}

/* Forward; where the class has a tail, with a further scale and shift, a residual and an
 * activation if `tail` names one. */
static void
check_forward (Case *c, const char *tail)
{
  g_autoptr (GError) error = NULL;
  CnnStep step = new_step (c);
  const int channels = c->output.c;
  g_autofree CnnAffine *tails = g_new0 (CnnAffine, channels);
  g_autoptr (CnnBuffer) affine = NULL;
  g_autoptr (CnnTensor) residual = NULL;
  CnnTail ending = { .residual = NULL };
  RefTensor expected = c->reference, added = c->reference;
  g_autofree double *values = NULL, *copied = NULL, *addends = NULL;

  for (int i = 0; i < c->test.n_inputs; i++)
    step.inputs[i] = guarded_tensor (&c->inputs[i], &c->test.inputs[i]);
  step.output = guarded_tensor (&c->output, NULL);
  if (c->layer->klass->flags & CNN_LAYER_TAIL)
    {
      c->layer->klass->affine (c->layer, channels, tails);
      if (tail != NULL)
        {
          expected.data = copied = g_new (double, ref_count (&expected));
          for (int k = 0; k < channels; k++)
            {
              const double by = random_number () + 1.5, plus = random_number ();

              tails[k].scale *= by;
              tails[k].shift = tails[k].shift * by + plus;
              for (gsize i = (gsize) k; i < ref_count (&expected); i += (gsize) channels)
                copied[i] = c->reference.data[i] * by + plus;
            }
          added.data = addends = g_new (double, ref_count (&added));
          fill_random (addends, ref_count (&added), 2.);
          for (gsize i = 0; i < ref_count (&added); i++)
            copied[i] += addends[i];
          ending.residual = residual = guarded_tensor (&c->output, &added);
          g_assert_true (ref_activate (tail, 3, &expected));
        }
      affine = make_affine (tails, channels);
      ending.affine = (CnnBinding){ affine, 0, cnn_buffer_size (affine) };
      g_assert_true (
          cnn_activation_from_name (tail != NULL ? tail : "linear", 3, &ending.activation));
      step.tail = &ending;
    }
  c->layer->klass->forward (c->layer, &step, &error);
  g_assert_no_error (error);
  run_step (&step);
  values = read_guarded ("output", step.output);
  compare (tail != NULL ? "output with a tail" : "output", values, expected.data,
           ref_count (&expected));
  end_step (&step);
}

/* The sum of the reference's output, weighted with `gradient`. */
static double
objective (const RefCase *test, const double *gradient)
{
  RefTensor output;
  double sum = 0.;

  g_assert_true (ref_forward (test, &output));
  for (gsize i = 0; i < ref_count (&output); i++)
    sum += output.data[i] * gradient[i];
  g_free (output.data);
  return sum;
}

static double
difference (const RefCase *test, const double *gradient, double *element)
{
  const double before = *element;
  double up, down;

  *element = before + STEP;
  up = objective (test, gradient);
  *element = before - STEP;
  down = objective (test, gradient);
  *element = before;
  return (up - down) / (2. * STEP);
}

/* Multiplications of one run of the reference, about. */
static double
work_of (const Case *c)
{
  double work = (double) ref_count (&c->reference) + 1000.;

  for (int i = 0; i < c->test.n_inputs; i++)
    work += (double) ref_count (&c->test.inputs[i]);
  if (c->layer->weights[0] != NULL)
    work += (double) (c->output.n * c->output.h * c->output.w)
            * (double) cnn_array_count (c->layer->weights[0]);
  if (strcmp (c->test.class_name, "Resizing") == 0
      || strcmp (c->test.class_name, "UpSampling2D") == 0)
    work += (double) ref_count (&c->reference) * (c->inputs[0].h * c->inputs[0].w);
  return work;
}

/* The gradient with respect to one input: every element, or samples of a large one and the slope
 * along some random directions. */
static void
check_gradient (const Case *c, int which, const double *ours, const double *gradient)
{
  const RefTensor *in = &c->test.inputs[which];
  const gsize n = ref_count (in);
  const gboolean all = work_of (c) * 2. * (double) n <= MAX_WORK;
  const gsize samples = all ? n : SAMPLES;
  g_autofree double *expected = g_new (double, samples), *found = g_new (double, samples);
  g_autofree char *what = g_strdup_printf ("gradient %d", which);
  g_autofree double *before = g_memdup2 (in->data, n * sizeof (double));
  double slopes[2][4];

  for (gsize i = 0; i < samples; i++)
    {
      const gsize k = all      ? i
                      : i == 0 ? 0
                      : i == 1 ? n - 1
                               : (gsize) (fabs (random_number ()) * (double) (n - 1));

      expected[i] = difference (&c->test, gradient, in->data + k);
      found[i] = ours[k];
    }
  compare (what, found, expected, samples);
  if (all)
    return;
  for (int i = 0; i < 4; i++)
    {
      g_autofree double *direction = g_new (double, n);
      double values[2];

      fill_random (direction, n, 1.);
      slopes[0][i] = 0.;
      for (gsize k = 0; k < n; k++)
        slopes[0][i] += direction[k] * ours[k];
      for (int side = 0; side < 2; side++)
        {
          for (gsize k = 0; k < n; k++)
            in->data[k] = before[k] + (side == 0 ? STEP : -STEP) * direction[k];
          values[side] = objective (&c->test, gradient);
        }
      memcpy (in->data, before, n * sizeof (double));
      slopes[1][i] = (values[0] - values[1]) / (2. * STEP);
    }
  compare ("slope", slopes[0], slopes[1], 4);
}

/* What forward leaves for backward, or NULL. */
static CnnTensor *
make_memo (const Case *c)
{
  g_autoptr (GError) error = NULL;
  CnnTensor *memo = new_memo (c);
  CnnStep step;

  if (memo == NULL)
    return NULL;
  step = new_step (c);
  step.memo = memo;
  step.inputs[0] = guarded_tensor (&c->inputs[0], &c->test.inputs[0]);
  step.output = guarded_tensor (&c->output, NULL);
  c->layer->klass->forward (c->layer, &step, &error);
  g_assert_no_error (error);
  run_step (&step);
  step.memo = NULL;
  end_step (&step);
  return memo;
}

/* Backward for all inputs, or for one alone, given only the values that the class says it needs; on
 * top of another gradient if it `adds`. */
static void
check_backward (Case *c, int alone, gboolean adds)
{
  g_autoptr (GError) error = NULL;
  const CnnLayerClass *klass = c->layer->klass;
  gboolean needs_inputs = (klass->flags & CNN_LAYER_NEEDS_INPUTS) != 0;
  gboolean needs_output = (klass->flags & CNN_LAYER_NEEDS_OUTPUT) != 0;
  CnnStep step = new_step (c);
  g_autofree CnnAffine *tails = g_new0 (CnnAffine, c->output.c);
  g_autoptr (CnnBuffer) affine = NULL;
  g_autoptr (CnnTensor) residual = NULL;
  CnnGradientTail tail = { .residual = NULL };
  RefTensor gradient = c->reference, added = c->test.inputs[0];
  g_autofree double *data = g_new (double, ref_count (&gradient));
  g_autofree double *addends = g_new0 (double, ref_count (&added));

  if (klass->flags & CNN_LAYER_ACTIVATION)
    {
      needs_output = cnn_activation_derives_from_output (&c->layer->activation);
      needs_inputs = !needs_output;
    }
  gradient.data = data;
  fill_random (data, ref_count (&gradient), 1.);
  step.grad_output = guarded_tensor (&c->output, &gradient);
  step.memo = make_memo (c);
  if (needs_output)
    step.output = guarded_tensor (&c->output, &c->reference);
  for (int i = 0; i < c->test.n_inputs; i++)
    {
      if (needs_inputs)
        step.inputs[i] = guarded_tensor (&c->inputs[i], &c->test.inputs[i]);
      if (alone < 0 || alone == i)
        step.grad_inputs[i] = guarded_tensor (&c->inputs[i], NULL);
    }
  if (klass->only_affine)
    {
      klass->affine (c->layer, c->output.c, tails);
      affine = make_affine (tails, c->output.c);
      step.affine = (CnnBinding){ affine, 0, cnn_buffer_size (affine) };
    }
  if (adds)
    {
      added.data = addends;
      fill_random (addends, ref_count (&added), 1.);
      tail.residual = residual = guarded_tensor (&c->inputs[0], &added);
      step.gradient_tail = &tail;
    }
  g_assert_nonnull (klass->backward);
  klass->backward (c->layer, &step, &error);
  g_assert_no_error (error);
  run_step (&step);
  for (int i = 0; i < c->test.n_inputs; i++)
    if (step.grad_inputs[i] != NULL)
      {
        g_autofree double *ours = read_guarded ("gradient", step.grad_inputs[i]);

        for (gsize k = 0; adds && k < ref_count (&added); k++)
          ours[k] -= addends[k];
        check_gradient (c, i, ours, data);
      }
  end_step (&step);
}

/* Backward, ending with what becomes of the gradient in a tail in front of the layer: against the
 * gradient without that. `activation` NULL: of a scale alone. */
static void
check_gradient_tail (Case *c, const char *activation)
{
  g_autoptr (GError) error = NULL;
  const CnnLayerClass *klass = c->layer->klass;
  const gboolean adds = (klass->flags & CNN_LAYER_ADDS_GRADIENT) != 0;
  const int channels = c->inputs[0].c;
  RefTensor gradient = c->reference, added = c->test.inputs[0], value = added;
  const gsize n = ref_count (&added);
  g_autofree double *data = g_new (double, ref_count (&gradient));
  g_autofree double *addends = g_new0 (double, n), *outputs = g_new (double, n);
  g_autofree double *plain = NULL, *ours = NULL;
  g_autofree CnnAffine *tails = g_new0 (CnnAffine, channels);
  g_autoptr (CnnBuffer) affine = NULL;
  g_autoptr (CnnTensor) residual = NULL, output = NULL;
  CnnGradientTail ending = { .residual = NULL };

  gradient.data = data;
  fill_random (data, ref_count (&gradient), 1.);
  added.data = addends;
  if (adds)
    fill_random (addends, n, 1.);
  value.data = outputs; /* some at a kink, or below 0 as of leaky_relu */
  fill_random (outputs, n, 9.);
  for (gsize i = 0; i < n; i++)
    outputs[i] = CLAMP (outputs[i], -1., 6.);
  for (int k = 0; k < channels; k++)
    tails[k] = (CnnAffine){ 1., (float) (random_number () + 1.5), 2. };
  affine = make_affine (tails, channels);
  ending.affine = (CnnBinding){ affine, 0, cnn_buffer_size (affine) };
  if (adds)
    ending.residual = residual = guarded_tensor (&c->inputs[0], &added);
  if (activation != NULL)
    {
      g_assert_true (cnn_activation_from_name (activation, 3, &ending.activation));
      ending.value = output = guarded_tensor (&c->inputs[0], &value);
    }
  for (int tail = 0; tail < 2; tail++)
    {
      CnnStep step = new_step (c);

      step.memo = make_memo (c);
      step.grad_output = guarded_tensor (&c->output, &gradient);
      step.grad_inputs[0] = guarded_tensor (&c->inputs[0], NULL);
      if (tail)
        step.gradient_tail = &ending;
      klass->backward (c->layer, &step, &error);
      g_assert_no_error (error);
      run_step (&step);
      *(tail ? &ours : &plain) = read_guarded ("gradient", step.grad_inputs[0]);
      end_step (&step);
    }
  for (gsize i = 0; i < n; i++)
    {
      plain[i] = (plain[i] + addends[i]) * tails[i % (gsize) channels].scale;
      if (activation != NULL && (outputs[i] <= 0. || outputs[i] >= ending.activation.max_value))
        plain[i] *= ending.activation.alpha;
    }
  compare ("gradient with a tail", ours, plain, n);
}

/* A model for pictures of any size asks for shapes with sizes of 0. */
static void
check_unknown_size (const Case *c)
{
  g_autoptr (GError) error = NULL;
  CnnShape inputs[REFERENCE_MAX_INPUTS], output;

  for (int i = 0; i < c->test.n_inputs; i++)
    {
      inputs[i] = c->inputs[i];
      if (inputs[i].rank == 3)
        inputs[i].h = inputs[i].w = 0;
    }
  c->layer->klass->output_shape (c->layer, inputs, c->test.n_inputs, &output, &error);
  g_assert_no_error (error);
  g_assert_cmpint (output.rank, ==, c->output.rank);
  g_assert_true (output.h == 0 || output.h == c->output.h);
  g_assert_true (output.w == 0 || output.w == c->output.w);
  g_assert_true (output.c == 0 || output.c == c->output.c);
}

static void
check_input_layer (const Row *row, CnnLayer *layer)
{
  g_autoptr (GError) error = NULL;
  CnnShape shape;
  double sizes[4];
  int n = ref_numbers (row->params, "batch_shape", sizes, 4);

  if (n == 0)
    n = ref_numbers (row->params, "batch_input_shape", sizes, 4);
  for (int i = 0; i < n; i++)
    if (isnan (sizes[i]))
      sizes[i] = 0.;
  layer->klass->output_shape (layer, NULL, 0, &shape, &error);
  g_assert_no_error (error);
  g_assert_cmpint (shape.rank, ==, n - 1);
  g_assert_cmpint (shape.c, ==, (int) sizes[n - 1]);
  g_assert_cmpint (shape.h, ==, n > 2 ? (int) sizes[1] : 1);
  g_assert_cmpint (shape.w, ==, n > 3 ? (int) sizes[2] : 1);
}

static void
run_case (const Row *row, const CnnLayerClass *klass, const char *inputs, int n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnLayer) layer =
      make_layer (row->class_name, row->params, row->major != 0 ? row->major : 3);
  g_auto (GStrv) shapes = g_strsplit (inputs, " ", -1);
  Case c = { .layer = layer };
  CnnShape expected;

  layer->klass = klass;

  if (klass->flags & CNN_LAYER_INPUT)
    {
      check_input_layer (row, layer);
      return;
    }
  random_state = row->seed != 0 ? row->seed : (g_str_hash (inputs) ^ g_str_hash (row->params)) | 1;
  c.test = (RefCase){ .class_name = row->class_name,
                      .params = row->params,
                      .keras_major = layer->keras_major };
  for (; shapes[c.test.n_inputs] != NULL; c.test.n_inputs++)
    {
      const int i = c.test.n_inputs;

      c.test.inputs[i] = parse_shape (shapes[i], n, row->scale != 0. ? row->scale : 2.);
      c.inputs[i] = to_shape (&c.test.inputs[i]);
    }
  make_weights (layer, c.inputs, &c.test);

  g_assert_true (ref_forward (&c.test, &c.reference));
  klass->output_shape (layer, c.inputs, c.test.n_inputs, &c.output, &error);
  g_assert_no_error (error);
  expected = to_shape (&c.reference);
  if (!cnn_shape_equal (&c.output, &expected))
    {
      g_autofree char *a = cnn_shape_to_string (&c.output), *b = cnn_shape_to_string (&expected);

      g_test_fail_printf ("shape %s, Keras has %s", a, b);
    }
  else if ((klass->flags & CNN_LAYER_IDENTITY)
           || (klass->is_identity != NULL && klass->is_identity (layer, c.inputs)))
    compare ("identity", c.test.inputs[0].data, c.reference.data, ref_count (&c.reference));
  else
    {
      check_unknown_size (&c);
      check_forward (&c, NULL);
      if (klass->flags & CNN_LAYER_TAIL)
        {
          check_forward (&c, "relu6");
          check_forward (&c, "swish");
        }
      check_backward (&c, -1, FALSE);
      if (klass->flags & CNN_LAYER_ADDS_GRADIENT
          && layer->activation.kind != CNN_ACTIVATION_SOFTMAX)
        check_backward (&c, -1, TRUE);
      if (klass->fuses_predecessor != NULL && klass->fuses_predecessor (layer, TRUE))
        {
          check_gradient_tail (&c, NULL);
          check_gradient_tail (&c, "relu6");
          check_gradient_tail (&c, "leaky_relu");
        }
      for (int i = 0; c.test.n_inputs > 1 && i < c.test.n_inputs; i++)
        check_backward (&c, i, FALSE);
    }

  for (int i = 0; i < c.test.n_inputs; i++)
    g_free (c.test.inputs[i].data);
  for (int i = 0; i < REFERENCE_MAX_WEIGHTS; i++)
    g_free (c.test.weights[i]);
  g_free (c.reference.data);
}

void
run_row (const Row *row, const CnnLayerClass *klass)
{
  g_auto (GStrv) cases = g_strsplit (row->inputs, " | ", -1);

  for (char **inputs = cases; *inputs != NULL || inputs == cases; inputs++)
    for (int n = 1; n <= 2; n++)
      {
        g_test_message ("%s, %d", *inputs, n);
        run_case (row, klass, *inputs != NULL ? *inputs : "", n);
        if (*inputs == NULL)
          return;
      }
}
