/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What random numbers do not meet: kinks, ties, equal operands and extremes. */
#include "harness.h"

#include <math.h>
#include <string.h>

/* Runs a layer on a given 1-picture input with gradients of 1, or of `gradients`; the results are
 * new memory. */
static void
run_exactly (const char *class_name, const char *params, RefTensor *in, double **output,
             double **gradient)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnLayer) layer = make_layer (class_name, params);
  Case c = { .layer = layer, .inputs = { to_shape (in) }, .test = { .n_inputs = 1 } };
  RefTensor ones;
  CnnStep step;
  g_autoptr (CnnTensor) value = NULL;

  layer->klass->output_shape (layer, c.inputs, 1, &c.output, &error);
  g_assert_no_error (error);
  step = new_step (&c);
  step.inputs[0] = guarded_tensor (&c.inputs[0], in);
  step.output = guarded_tensor (&c.output, NULL);
  step.memo = new_memo (&c);
  layer->klass->forward (layer, &step, &error);
  g_assert_no_error (error);
  ones = (RefTensor){ c.output.rank, 1, c.output.h, c.output.w, c.output.c, NULL };
  ones.data = g_new (double, ref_count (&ones));
  for (gsize i = 0; i < ref_count (&ones); i++)
    ones.data[i] = 1.;
  step.grad_output = guarded_tensor (&c.output, &ones);
  step.grad_inputs[0] = guarded_tensor (&c.inputs[0], NULL);
  layer->klass->backward (layer, &step, &error);
  g_assert_no_error (error);
  run_step (&step);
  *output = read_guarded ("output", step.output);
  *gradient = read_guarded ("gradient", step.grad_inputs[0]);
  end_step (&step);
  g_free (ones.data);
}

/* TensorFlow's derivative where a function has a kink. */
static const struct
{
  const char *class_name, *params;
  double x, y, derivative;
} kinks[] = {
  { "Activation", "activation=relu", 0., 0., 0. },
  { "Activation", "activation=relu6", 0., 0., 0. },
  { "Activation", "activation=relu6", 6., 6., 0. },
  { "Activation", "activation=leaky_relu", 0., 0., .2 },
  { "Activation", "activation=elu", 0., 0., 1. },
  { "Activation", "activation=selu", 0., 0., 1.05070098735548 },
  { "Activation", "activation=hard_sigmoid", -3., 0., 0. },
  { "Activation", "activation=hard_sigmoid", 3., 1., 0. },
  { "Activation", "activation=hard_sigmoid_0.2", -2.5, 0., .2 },
  { "Activation", "activation=hard_sigmoid_0.2", 2.5, 1., .2 },
  { "Activation", "activation=hard_silu", 3., 3., 1. },
  { "Activation", "activation=hard_silu", -3., 0., 0. },
  { "ReLU", "max_value=6", 6., 6., 0. },
  { "ReLU", "max_value=4", 4., 4., 1. },
  { "ReLU", "max_value=4", 0., 0., 0. },
  { "ReLU", "threshold=1", 1., 0., 0. },
  { "ReLU", "max_value=6 negative_slope=0.5", 0., 0., 0. },
  { "ReLU", "threshold=1 negative_slope=0.5", 1., 0., 0. },
  { "LeakyReLU", "negative_slope=0.1", 0., 0., .1 },
  { "ELU", "alpha=0.5", 0., 0., .5 },
};

static void
test_kinks (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinks); i++)
    {
      double x = kinks[i].x;
      RefTensor in = { 1, 1, 1, 1, 1, &x };
      g_autofree double *output = NULL, *gradient = NULL;

      g_test_message ("%s %s at %g", kinks[i].class_name, kinks[i].params, x);
      run_exactly (kinks[i].class_name, kinks[i].params, &in, &output, &gradient);
      g_assert_cmpfloat_with_epsilon (output[0], kinks[i].y, 1e-6);
      g_assert_cmpfloat_with_epsilon (gradient[0], kinks[i].derivative, 1e-6);
    }
}

/* Of equal elements the first in the window has the gradient; a global maximum divides it. */
static void
test_ties (void)
{
  static const struct
  {
    const char *class_name, *params;
    double in[9], gradient[9];
  } ties[] = {
    { "MaxPooling2D", "strides=1", { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, { 1, 1, 0, 1, 1, 0, 0, 0, 0 } },
    { "MaxPooling2D", "strides=1", { 1, 2, 1, 2, 2, 0, 1, 2, 3 }, { 0, 2, 0, 1, 0, 0, 0, 0, 1 } },
    { "MaxPooling2D",
      "pool_size=3 strides=2 padding=same",
      { 1, 1, 1, 1, 1, 1, 1, 1, 1 },
      { 1, 1, 0, 1, 1, 0, 0, 0, 0 } },
    { "MaxPooling2D", "pool_size=3", { -1, -1, -1, 0, 0, 0, -1, 0, -1 }, { 0, 0, 0, 1 } },
    { "GlobalMaxPooling2D", "", { 3, 1, 3, 0, 3, 2, 3, 2, 1 }, { .25, 0, .25, 0, .25, 0, .25 } },
    { "GlobalMaxPooling2D", "", { 0, 0, 0, 0, 0, 0, 0, 0, 0 }, { 0 } }, /* 1/9 each, below */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (ties); i++)
    {
      double in[9];
      RefTensor input = { 3, 1, 3, 3, 1, in };
      g_autofree double *output = NULL, *gradient = NULL;

      memcpy (in, ties[i].in, sizeof in);
      run_exactly (ties[i].class_name, ties[i].params, &input, &output, &gradient);
      for (int k = 0; k < 9; k++)
        g_assert_cmpfloat_with_epsilon (
            gradient[k], i == G_N_ELEMENTS (ties) - 1 ? 1. / 9. : ties[i].gradient[k], 1e-6);
    }
}

/* Of equal operands the first has the gradient of an extreme. */
static void
test_equal_operands (void)
{
  static const struct
  {
    const char *class_name;
    double values[3], gradients[3];
  } cases[] = {
    { "Maximum", { 1, 1, 1 }, { 1, 0, 0 } },   { "Maximum", { 0, 2, 2 }, { 0, 1, 0 } },
    { "Maximum", { 1, 2, 1 }, { 0, 1, 0 } },   { "Minimum", { 1, 1, 1 }, { 1, 0, 0 } },
    { "Minimum", { 0, -2, -2 }, { 0, 1, 0 } }, { "Minimum", { 0, 3, -1 }, { 0, 0, 1 } },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnLayer) layer = make_layer (cases[i].class_name, "");
      Case c = { .layer = layer, .output = cnn_shape_flat (1, 1), .test = { .n_inputs = 3 } };
      double values[3], one = 1.;
      RefTensor gradient = { 1, 1, 1, 1, 1, &one };
      CnnStep step;

      for (int k = 0; k < 3; k++)
        c.inputs[k] = c.output;
      step = new_step (&c);
      for (int k = 0; k < 3; k++)
        {
          RefTensor in = { 1, 1, 1, 1, 1, values + k };

          values[k] = cases[i].values[k];
          step.inputs[k] = guarded_tensor (&c.output, &in);
          step.grad_inputs[k] = guarded_tensor (&c.output, NULL);
        }
      step.grad_output = guarded_tensor (&c.output, &gradient);
      layer->klass->backward (layer, &step, &error);
      g_assert_no_error (error);
      run_step (&step);
      for (int k = 0; k < 3; k++)
        {
          g_autofree double *found = read_guarded ("gradient", step.grad_inputs[k]);

          g_assert_cmpfloat (found[0], ==, cases[i].gradients[k]);
        }
      end_step (&step);
    }
}

/* No value, however large, makes anything but finite numbers. */
static void
test_extremes (void)
{
  static const char *const names[] = {
    "relu",    "relu6",           "leaky_relu", "elu",  "selu",      "sigmoid",     "hard_sigmoid",
    "tanh",    "softplus",        "silu",       "gelu", "gelu_tanh", "exponential", "hard_silu",
    "softmax", "hard_sigmoid_0.2"
  };
  static const double extremes[] = { -1e38, -1e30,  -1e10, -1000., -104., -88., -87.,
                                     -20.,  -1e-30, 0.,    1e-30,  20.,   87.,  88.,
                                     89.,   104.,   1000., 1e10,   1e30,  1e38 };

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *params = g_strconcat ("activation=", names[i], NULL);
      g_autofree double *values = g_memdup2 (extremes, sizeof extremes);
      RefTensor in = { 1, 1, 1, 1, G_N_ELEMENTS (extremes), values };
      g_autofree double *output = NULL, *gradient = NULL;

      g_test_message ("%s", names[i]);
      run_exactly ("Activation", params, &in, &output, &gradient);
      if (strcmp (names[i], "exponential") != 0 && strcmp (names[i], "softmax") != 0)
        g_assert_cmpfloat (fabs (gradient[0]), <=, 1.76);
    }
}

void
add_kinks (void)
{
  g_test_add_func ("/layers/kinks", test_kinks);
  g_test_add_func ("/layers/ties", test_ties);
  g_test_add_func ("/layers/equal-operands", test_equal_operands);
  g_test_add_func ("/layers/extremes", test_extremes);
}
