/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "harness.h"

#include <math.h>
#include <string.h>

CnnDevice *device;
guint32 random_state;

/* --- numbers --- */

double
random_number (void)
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state / 2147483648. - 1.;
}

void
fill_random (double *values, gsize n, double scale)
{
  for (gsize i = 0; i < n; i++)
    values[i] = (double) (float) (random_number () * scale);
}

/* --- tensors between guards --- */

#define GUARD 12345.678f

CnnShape
to_shape (const RefTensor *t)
{
  return (CnnShape){ t->rank, t->n, t->h, t->w, t->c };
}

/* Index of an element in NC4HW4. */
static gsize
packed_index (const RefTensor *t, int n, int y, int x, int c)
{
  const gsize planes = (gsize) (t->c + 3) / 4;

  return ((((gsize) n * planes + (gsize) c / 4) * (gsize) t->h + (gsize) y) * (gsize) t->w
          + (gsize) x)
             * 4
         + (gsize) c % 4;
}

CnnTensor *
guarded_tensor (const CnnShape *shape, const RefTensor *values)
{
  g_autoptr (GError) error = NULL;
  const gsize margin = cnn_device_alignment (device), bytes = cnn_shape_bytes (shape);
  const gsize total = 2 * margin + bytes, n = bytes / sizeof (float);
  g_autoptr (CnnBuffer) buffer = cnn_buffer_new (device, total, "test", &error);
  g_autofree float *content = g_new (float, total / sizeof (float));
  float *inside = content + margin / sizeof (float);

  g_assert_no_error (error);
  for (gsize i = 0; i < total / sizeof (float); i++)
    content[i] = GUARD;
  for (gsize i = 0; i < n; i++)
    inside[i] = values != NULL ? (float) (random_number () * 1000.) : NAN;
  if (values != NULL)
    for (int i = 0; i < values->n; i++)
      for (int y = 0; y < values->h; y++)
        for (int x = 0; x < values->w; x++)
          for (int c = 0; c < values->c; c++)
            inside[packed_index (values, i, y, x, c)] = (float) *ref_at (values, i, y, x, c);
  cnn_buffer_write (buffer, 0, content, total, &error);
  g_assert_no_error (error);
  return cnn_tensor_new_view (buffer, margin, shape);
}

double *
read_guarded (const char *what, const CnnTensor *tensor)
{
  g_autoptr (GError) error = NULL;
  const CnnShape *s = &tensor->shape;
  const RefTensor t = { s->rank, s->n, s->h, s->w, s->c, NULL };
  const gsize margin = tensor->offset / sizeof (float);
  const gsize n = cnn_shape_bytes (s) / sizeof (float), total = n + 2 * margin;
  g_autofree float *content = g_new (float, total);
  double *values = g_new (double, ref_count (&t));
  gsize at = 0;

  cnn_buffer_read (tensor->buffer, 0, content, total * sizeof (float), &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < margin; i++)
    if (content[i] != GUARD || content[margin + n + i] != GUARD)
      {
        g_test_fail_printf ("%s: written outside of it", what);
        break;
      }
  for (gsize i = 0; i < n; i++)
    if (!isfinite (content[margin + i]))
      {
        g_test_fail_printf ("%s: float %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT
                            " is not finite, or was not written",
                            what, i, n);
        break;
      }
  for (int i = 0; i < t.n; i++)
    for (int y = 0; y < t.h; y++)
      for (int x = 0; x < t.w; x++)
        for (int c = 0; c < t.c; c++)
          values[at++] = content[margin + packed_index (&t, i, y, x, c)];
  return values;
}

/* --- the layer of a row --- */

CnnShape
shape_of (const char *text, int n)
{
  g_auto (GStrv) sizes = g_strsplit (text, "x", -1);
  const int rank = (int) g_strv_length (sizes);

  return (CnnShape){ rank, n, rank >= 2 ? atoi (sizes[0]) : 1, rank == 3 ? atoi (sizes[1]) : 1,
                     atoi (sizes[rank - 1]) };
}

RefTensor
parse_shape (const char *text, int n, double scale)
{
  const CnnShape shape = shape_of (text, n);
  RefTensor t = { shape.rank, shape.n, shape.h, shape.w, shape.c, NULL };

  t.data = g_new (double, ref_count (&t));
  fill_random (t.data, ref_count (&t), scale);
  return t;
}

void
set_param (CnnLayer *layer, const CnnParam *param, const char *params)
{
  gpointer field = G_STRUCT_MEMBER_P (layer, param->offset);
  double numbers[64];
  g_autofree char *word = ref_word (params, param->name, NULL);
  int n = ref_numbers (params, param->name, numbers, G_N_ELEMENTS (numbers));
  const gboolean null = g_strcmp0 (word, "null") == 0;

  if (n == 0 || (null && param->kind != CNN_PARAM_FLOATS))
    return;
  switch (param->kind)
    {
    case CNN_PARAM_INT:
    case CNN_PARAM_BOOL:
      *(int *) field = (int) numbers[0];
      break;
    case CNN_PARAM_FLOAT:
      *(float *) field = (float) numbers[0];
      break;
    case CNN_PARAM_SIZE:
      for (int i = 0; i < 2; i++)
        ((int *) field)[i] = (int) numbers[i % n];
      break;
    case CNN_PARAM_BORDER:
      for (int i = 0; i < 4; i++)
        ((int *) field)[i] = (int) numbers[n == 4 ? i : n == 2 ? i / 2 : 0];
      break;
    case CNN_PARAM_CHOICE:
      for (int i = 0; param->choices[i] != NULL; i++)
        if (strcmp (param->choices[i], word) == 0)
          *(int *) field = i;
      break;
    case CNN_PARAM_INTS:
      ((CnnInts *) field)->n = n;
      for (int i = 0; i < n; i++)
        ((CnnInts *) field)->values[i] = isnan (numbers[i]) ? -1 : (int) numbers[i];
      break;
    case CNN_PARAM_FLOATS:
      if (!null)
        {
          const gint64 dims[1] = { n };
          CnnArray *array = cnn_array_new (1, dims, param->name, NULL);

          for (int i = 0; i < n; i++)
            array->data[i] = (float) numbers[i];
          *(CnnArray **) field = array;
        }
      break;
    case CNN_PARAM_ACTIVATION:
      g_assert_true (cnn_activation_from_name (word, field));
      break;
    }
}

CnnLayer *
new_layer (const char *class_name, const char *params, GError **error)
{
  const CnnLayerClass *klass = cnn_layer_class_find (class_name);
  g_autoptr (CnnLayer) layer = NULL;

  g_assert_nonnull (klass);
  layer = cnn_layer_new (klass, "layer");
  for (const CnnParam *param = klass->params; param != NULL && param->name != NULL; param++)
    set_param (layer, param, params);
  return cnn_layer_configure (layer, error) ? g_steal_pointer (&layer) : NULL;
}

CnnLayer *
make_layer (const char *class_name, const char *params)
{
  g_autoptr (GError) error = NULL;
  CnnLayer *layer = new_layer (class_name, params, &error);

  g_assert_no_error (error);
  return layer;
}

void
make_weights (CnnLayer *layer, const CnnShape *inputs, RefCase *test)
{
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];
  const int n =
      layer->klass->weight_specs != NULL ? layer->klass->weight_specs (layer, inputs, specs) : 0;

  for (int i = 0; i < n; i++)
    {
      g_autoptr (GError) error = NULL;
      gsize count, fan_in;

      layer->weights[i] = cnn_array_new (specs[i].rank, specs[i].dims, specs[i].name, &error);
      g_assert_no_error (error);
      count = cnn_array_count (layer->weights[i]);
      fan_in = specs[i].rank > 1 ? count / (gsize) specs[i].dims[specs[i].rank - 1] : 1;
      test->weights[i] = g_new (double, count);
      fill_random (test->weights[i], count, sqrt (3. / (double) fan_in));
      for (gsize k = 0; k < count; k++)
        {
          if (strstr (specs[i].name, "variance") != NULL)
            test->weights[i][k] = (double) (float) (fabs (test->weights[i][k]) + .3);
          layer->weights[i]->data[k] = (float) test->weights[i][k];
        }
    }
}

CnnBuffer *
make_affine (const CnnAffine *affine, int channels)
{
  g_autoptr (GError) error = NULL;
  const gsize width = (gsize) (channels + 3) / 4 * 4, bytes = 3 * width * sizeof (float);
  g_autofree float *packed = g_malloc0 (bytes);
  CnnBuffer *buffer = cnn_buffer_new (device, bytes, "affine", &error);

  g_assert_no_error (error);
  for (int c = 0; c < channels; c++)
    {
      packed[c] = (float) affine[c].center;
      packed[width + (gsize) c] = (float) affine[c].scale;
      packed[2 * width + (gsize) c] = (float) affine[c].shift;
    }
  cnn_buffer_write (buffer, 0, packed, bytes, &error);
  g_assert_no_error (error);
  return buffer;
}

/* --- steps --- */

CnnStep
new_step (const Case *c)
{
  g_autoptr (GError) error = NULL;
  CnnStep step = { .commands = cnn_commands_new (device, "test", &error),
                   .n_inputs = c->test.n_inputs,
                   .output_shape = c->output };
  CnnShape scratch;

  g_assert_no_error (error);
  if (c->output.n > 1)
    cnn_commands_set_repeated (step.commands);
  for (int i = 0; i < c->test.n_inputs; i++)
    step.input_shapes[i] = c->inputs[i];
  if (c->layer->klass->scratch_shape != NULL
      && c->layer->klass->scratch_shape (c->layer, c->inputs, &scratch))
    step.scratch = guarded_tensor (&scratch, NULL);
  return step;
}

CnnTensor *
new_memo (const Case *c)
{
  CnnShape memo;

  return c->layer->klass->memo_shape != NULL
                 && c->layer->klass->memo_shape (c->layer, c->inputs, &memo)
             ? guarded_tensor (&memo, NULL)
             : NULL;
}

void
end_step (CnnStep *step)
{
  for (int i = 0; i < step->n_inputs; i++)
    {
      cnn_tensor_free ((CnnTensor *) step->inputs[i]);
      cnn_tensor_free ((CnnTensor *) step->grad_inputs[i]);
    }
  cnn_tensor_free ((CnnTensor *) step->output);
  cnn_tensor_free ((CnnTensor *) step->grad_output);
  cnn_tensor_free ((CnnTensor *) step->scratch);
  cnn_tensor_free ((CnnTensor *) step->memo);
  cnn_commands_free (step->commands);
}

void
run_step (CnnStep *step)
{
  g_autoptr (GError) error = NULL;

  cnn_commands_run (step->commands, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cnn_device_validation_messages (device), ==, 0);
}
