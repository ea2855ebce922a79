/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness.h"

#include <string.h>

/* What is refused, and with which words. */
static void
test_refusals (void)
{
  static const struct
  {
    const char *class_name, *params, *inputs, *words;
  } refusals[] = {
    { "Reshape", "target_shape=1,2,3,4", "24", "4 dimensions" },
    { "Reshape", "target_shape=-1,-1", "24", "more than one -1" },
    { "Reshape", "target_shape=5,7", "24", "cannot make 5×7 of 24" },
    { "Reshape", "target_shape=-1,7", "24", "cannot make" },
    { "Softmax", "axis=1", "5x3x4", "another axis" },
    { "MaxPooling2D", "pool_size=0", "5x3x4", "pool_size" },
    { "MaxPooling2D", "strides=-1", "5x3x4", "strides" },
    { "MaxPooling2D", "pool_size=9", "5x3x4", "does not fit" },
    { "MaxPooling2D", "", "33", "(H, W, C)" },
    { "AveragePooling2D", "", "5x3x4 5x3x4", "one input" },
    { "Cropping2D", "cropping=2", "4x9x4", "crops all" },
    { "ZeroPadding2D", "padding=-1", "4x9x4", "border" },
    { "Add", "", "5x3x4 5x3x3", "5×3×4 and 5×3×3" },
    { "Add", "", "5x3x4", "1 inputs" },
    { "Subtract", "", "5x3x4 5x3x4 5x3x4", "3 inputs" },
    { "Maximum", "", "4 4 4 4 4 4 4", "7 inputs" },
    { "CustomScaleLayer", "", "4", "1 inputs" },
    { "Permute", "dims=1,1,2", "5x3x4", "twice" },
    { "Permute", "dims=1,2,4", "5x3x4", "one of dims" },
    { "Permute", "dims=2,1", "5x3x4", "(H, C)" },
    { "Permute", "", "5x3x4", "the number of dims" },
    { "PReLU", "shared_axes=4", "5x3x4", "shared_axes" },
    { "UpSampling2D", "size=0", "5x3x4", "size" },
    { "UpSampling2D", "size=600000", "5x3x4", "the height" },
    { "LayerNormalization", "axis=1", "5x3x4", "another axis" },
    { "LayerNormalization", "axis=1,2,3", "5x3x4", "another axis" },
    { "LayerNormalization", "rms_scaling=true", "5x3x4", "rms_scaling" },
    { "GroupNormalization", "groups=3", "5x3x4", "3 groups" },
    { "GroupNormalization", "groups=0", "5x3x4", "number of groups" },
    { "Conv2DTranspose", "filters=4 kernel_size=3 output_padding=1", "5x3x4", "output_padding" },
    { "Conv2DTranspose", "filters=4 kernel_size=2 strides=3 padding=same output_padding=0", "5x3x4",
      "come back" },
    { "Conv2DTranspose", "filters=4 kernel_size=3 groups=2", "5x3x4", "2 groups" },
    { "Concatenate", "", "5x3x4 5x2x4", "5×3×4 and 5×2×4" },
    { "Concatenate", "axis=0", "5x3x4 5x3x4", "axis 0" },
    { "Concatenate", "axis=4", "5x3x4 5x3x4", "axis 4" },
    { "Resizing", "height=0 width=3", "5x3x4", "height" },
    { "Resizing", "height=3 width=3 crop_to_aspect_ratio=true pad_to_aspect_ratio=true", "5x3x4",
      "both" },
    { "CenterCrop", "height=3", "5x3x4", "width" },
    { "RandomCrop", "height=3 width=3", "5x3x4", "training only" },
    { "ReLU", "negative_slope=-1", "5", "negative" },
    { "InputLayer", "", "", "batch_shape" },
    { "InputLayer", "batch_shape=null,2,3,4,5", "", "4 dimensions" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autoptr (GError) error = NULL;
      const CnnLayerClass *klass = cnn_layer_class_find (refusals[i].class_name);
      g_autoptr (CnnLayer) layer = cnn_layer_new (klass, "the_layer");
      g_auto (GStrv) texts = g_strsplit (refusals[i].inputs, " ", -1);
      CnnShape inputs[REFERENCE_MAX_INPUTS], output;
      int n = 0;

      random_state = 1;
      for (; texts[n] != NULL; n++)
        {
          RefTensor t = parse_shape (texts[n], 1, 1.);

          inputs[n] = to_shape (&t);
          g_free (t.data);
        }
      for (const CnnParam *param = klass->params; param != NULL && param->name != NULL; param++)
        set_param (layer, param, refusals[i].params);
      if (cnn_layer_configure (layer, &error))
        klass->output_shape (layer, inputs, n, &output, &error);
      g_assert_nonnull (error);
      g_test_message ("%s", error->message);
      g_assert_true (g_str_has_prefix (error->message, "layer \"the_layer\" ("));
      if (strstr (error->message, refusals[i].words) == NULL)
        g_test_fail_printf ("\"%s\" does not say \"%s\"", error->message, refusals[i].words);
    }
}

static void
test_activation_names (void)
{
  CnnActivation activation;

  g_assert_false (cnn_activation_from_name ("no_such", &activation));
  g_assert_false (cnn_activation_from_name ("LeakyReLU", &activation));
  for (guint kind = 0; kind <= CNN_ACTIVATION_SOFTMAX; kind++)
    {
      g_assert_true (cnn_activation_from_name (cnn_activation_name (kind), &activation));
      g_assert_cmpuint (activation.kind, ==, kind);
    }
}

void
add_refusals (void)
{
  g_test_add_func ("/layers/activation-names", test_activation_names);
  g_test_add_func ("/layers/refusals", test_refusals);
}
