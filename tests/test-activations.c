/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What the names of activations mean in the versions of Keras. */

#include "keras_private.h"

static const struct
{
  const char *name;
  int major;
  int kind; /* −1: not known */
  float alpha;
} rows[] = {
  { "hard_sigmoid", 1, CNN_ACTIVATION_HARD_SIGMOID_2, 0 },
  { "hard_sigmoid", 2, CNN_ACTIVATION_HARD_SIGMOID_2, 0 },
  { "hard_sigmoid", 3, CNN_ACTIVATION_HARD_SIGMOID, 0 },
  { "LeakyReLU", 2, CNN_ACTIVATION_RELU, .3f },
  { "LeakyReLU", 3, -1, 0 },
  { "leaky_relu", 2, CNN_ACTIVATION_RELU, .2f },
  { "leaky_relu", 3, CNN_ACTIVATION_RELU, .2f },
  { "ReLU", 2, CNN_ACTIVATION_RELU, 0 },
  { "ReLU", 3, -1, 0 },
  { "ELU", 2, CNN_ACTIVATION_ELU, 1 },
  { "ELU", 3, -1, 0 },
  { "Softmax", 2, CNN_ACTIVATION_SOFTMAX, 0 },
  { "Softmax", 3, -1, 0 },
  { "relu6", 3, CNN_ACTIVATION_RELU, 0 },
  { "swish", 2, CNN_ACTIVATION_SWISH, 0 },
  { "no_such", 2, -1, 0 },
  { "no_such", 3, -1, 0 },
};

static void
test_names (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      CnnActivation activation = { 0 };
      const gboolean known = cnn_keras_activation (rows[i].name, rows[i].major, &activation);

      if (known != (rows[i].kind >= 0)
          || (known
              && ((int) activation.kind != rows[i].kind || activation.alpha != rows[i].alpha)))
        g_error ("%s of Keras %d: known %d, kind %d, alpha %g", rows[i].name, rows[i].major, known,
                 (int) activation.kind, (double) activation.alpha);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/activations/names", test_names);
  return g_test_run ();
}
