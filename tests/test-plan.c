/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plan folds: how many steps are left of a small graph, and that its values and gradients
 * are those of a plan that keeps everything, of one that folds nothing and of one whose tensors
 * share no memory, and the gradient that of finite differences.
 *
 * A row is a graph, "name=kind of inputs" each; the first name is its input's, the last one is the
 * score. Every name in `wanted` is asked for as an output, in `wanted_gradients` as a gradient. */
#include "schedule.h"

#include <math.h>
#include <string.h>

#define TOLERANCE 1e-5
#define H 5
#define W 7
#define C 6

/* kind: class, its parameters */
static const struct
{
  const char *name, *class_name;
  int filters, kernel;
  const char *activation;
} kinds[] = {
  { "conv", "Conv2D", C, 3, NULL },
  { "conv-swish", "Conv2D", C, 1, "swish" },
  { "narrow", "Conv2D", 1, 1, NULL },
  { "separable", "SeparableConv2D", C, 3, NULL },
  { "depthwise", "DepthwiseConv2D", 0, 3, NULL },
  { "transposed", "Conv2DTranspose", C, 3, NULL },
  { "dense", "Dense", C, 0, NULL },
  { "norm", "BatchNormalization", 0, 0, NULL },
  { "relu", "Activation", 0, 0, "relu" },
  { "swish", "Activation", 0, 0, "swish" },
  { "softmax", "Activation", 0, 0, "softmax" },
  { "linear", "Activation", 0, 0, "linear" },
  { "dropout", "Dropout", 0, 0, NULL },
  { "add", "Add", 0, 0, NULL },
  { "multiply", "Multiply", 0, 0, NULL },
  { "pool", "MaxPooling2D", 0, 3, NULL },
};

typedef struct
{
  const char *name, *graph, *wanted, *wanted_gradients;
  int forward, backward; /* steps */
} Row;

static const Row rows[] = {
  { "add", "x; a=conv x; b=add a x", "", "x", 1, 1 },
  { "add-other-way", "x; a=conv x; b=add x a", "", "x", 1, 1 },
  { "add-relu", "x; a=conv x; b=norm a; c=add b x; d=relu c", "", "x", 1, 3 },
  { "add-swish", "x; a=conv x; b=norm a; c=add x b; d=swish c", "", "x", 2, 3 },
  { "separable", "x; a=separable x; b=norm a; c=add b x", "", "x", 1, 2 },
  { "depthwise", "x; a=depthwise x; b=norm a; c=add b x", "", "x", 1, 2 },
  { "transposed", "x; a=transposed x; b=add a x", "", "x", 1, 1 },
  { "dense", "x; a=dense x; b=add a x", "", "x", 1, 2 },
  { "norm-alone", "x; a=norm x; b=add a x; c=relu b", "", "x", 1, 2 },
  { "dropout", "x; a=conv x; b=norm a; c=dropout b; d=add c x", "", "x", 1, 2 },
  { "kept", "x; a=conv x; b=add a x", "a", "x", 2, 1 },
  { "kept-normalized", "x; a=conv x; b=norm a; c=add b x", "b", "x", 2, 2 },
  { "kept-dropout", "x; a=conv x; b=dropout a; c=add b x", "b", "x", 2, 1 },
  { "kept-sum", "x; a=conv x; b=add a x; c=relu b", "b", "x", 2, 2 },
  { "kept-for-the-way-back", "x; a=conv x; b=add a x; c=multiply b b", "", "x", 2, 3 },
  { "used-twice", "x; a=conv x; b=add a x; c=add b a", "", "x", 3, 2 },
  { "added-to-itself", "x; a=conv x; b=add a a", "", "x", 2, 2 },
  { "residual-used-twice", "x; a=conv x; b=conv a; c=add b a; d=conv c; e=add d a", "", "x", 3, 4 },
  { "residual-later", "x; a=conv x; b=conv-swish x; c=conv-swish b; d=add a c", "", "x", 5, 5 },
  { "three", "x; a=conv x; b=conv x; c=add a b x", "", "x", 3, 2 },
  { "both", "x; a=conv x; b=norm a; c=conv x; d=norm c; e=add b d; f=relu e", "", "x", 2, 5 },
  { "broadcast", "x; a=narrow x; b=add a x", "", "x", 2, 2 },
  { "broadcast-other", "x; a=conv x; b=narrow x; c=add a b", "", "x", 3, 3 },
  { "no-affine-after", "x; a=conv x; b=add a x; c=norm b", "", "x", 2, 2 },
  { "one-sum-only", "x; a=conv x; b=add a x; c=add b x", "", "x", 2, 2 },
  { "softmax", "x; a=conv x; b=add a x; c=softmax b", "", "x", 2, 2 },
  { "relu-norm", "x; a=conv x; b=norm a; c=relu b; d=conv c", "", "x", 2, 2 },
  { "swish-norm-norm", "x; a=conv x; b=norm a; c=norm b; d=swish c; e=conv d", "", "x", 3, 3 },
  { "norm-wanted", "x; a=conv x; b=norm a; c=relu b; d=conv c", "", "x b", 2, 3 },
  { "linear", "x; a=dense x; b=norm a; c=linear b; d=add c x", "", "x", 1, 3 },
  { "norm-used-twice", "x; a=norm x; b=relu a; c=conv b; d=add c a", "", "x", 3, 3 },
  { "pre-activation",
    "x; a=norm x; b=relu a; c=conv b; d=norm c; e=relu d; f=conv e; g=add f x; h=norm g; i=relu h",
    "", "x", 4, 4 },
  { "norm-pool", "x; a=conv x; b=norm a; c=pool b", "", "x", 2, 2 },
  { "relu-pool", "x; a=conv x; b=norm a; c=relu b; d=pool c", "", "x", 2, 2 },
  { "relu-wanted", "x; a=conv x; b=relu a; c=conv b", "", "x b", 2, 3 },
  { "relu-used-twice", "x; a=conv x; b=norm a; c=relu b; d=separable c; e=conv c; f=add d e", "",
    "x", 3, 3 },
  { "relu-used-twice-last-by-a-pool", "x; a=conv x; b=relu a; c=pool b; d=conv b; e=add c d", "",
    "x", 3, 5 },
  { "relu-of-a-sum", "x; a=conv x; b=add a x; c=relu b; d=depthwise c; e=add d b", "", "x", 3, 3 },
  { "relu-of-dropout", "x; a=conv x; b=dropout a; c=relu b; d=dropout c; e=conv d", "", "x", 2, 3 },
  { "users-of-all-kinds",
    "x; a=relu x; b=conv x; c=separable x; d=depthwise x; e=dense x; f=norm x; g=add a b c d e f",
    "", "x", 7, 7 },
};

static CnnDevice *device;

/* --- a graph --- */

static void
fill (GRand *random, CnnArray *array, double low, double high)
{
  for (gsize i = 0; i < cnn_array_count (array); i++)
    array->data[i] = (float) g_rand_double_range (random, low, high);
}

static void
set_size (CnnLayer *layer, const CnnParam *param, int size)
{
  int *field = G_STRUCT_MEMBER_P (layer, param->offset);

  field[0] = size;
  if (param->kind == CNN_PARAM_SIZE)
    field[1] = size;
}

static CnnLayer *
make_layer (const char *kind, const char *name, const CnnShape *input, GRand *random)
{
  g_autoptr (GError) error = NULL;
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];
  guint k = 0;
  CnnLayer *layer;

  while (k < G_N_ELEMENTS (kinds) && strcmp (kinds[k].name, kind) != 0)
    k++;
  g_assert_cmpuint (k, <, G_N_ELEMENTS (kinds));
  layer = cnn_layer_new (cnn_layer_class_find (kinds[k].class_name), name, 3);
  for (const CnnParam *param = layer->klass->params; param != NULL && param->name != NULL; param++)
    {
      if (strcmp (param->name, "filters") == 0 || strcmp (param->name, "units") == 0)
        set_size (layer, param, kinds[k].filters);
      if (strcmp (param->name, "strides") == 0)
        set_size (layer, param, 1);
      if (strcmp (param->name, "kernel_size") == 0 || strcmp (param->name, "pool_size") == 0)
        set_size (layer, param, kinds[k].kernel);
      if (strcmp (param->name, "padding") == 0)
        set_size (layer, param, 1); /* same */
      if (strcmp (param->name, "activation") == 0 && kinds[k].activation != NULL)
        g_assert_true (cnn_activation_from_name (kinds[k].activation, 3, &layer->activation));
    }
  g_assert_true (cnn_layer_configure (layer, &error));
  for (int i = 0, n = layer->klass->weight_specs != NULL
                          ? layer->klass->weight_specs (layer, input, specs)
                          : 0;
       i < n; i++)
    {
      layer->weights[i] = cnn_array_new (specs[i].rank, specs[i].dims, specs[i].name, &error);
      g_assert_no_error (error);
      fill (random, layer->weights[i], strstr (specs[i].name, "variance") != NULL ? .5 : -.5, 1.);
    }
  return layer;
}

static int
find (const CnnModel *model, const char *name)
{
  g_autoptr (GError) error = NULL;
  int node = cnn_model_find (model, name, &error);

  g_assert_no_error (error);
  return node;
}

/* Nodes of names with spaces between. */
static int
find_all (const CnnModel *model, const char *names, int *nodes)
{
  g_auto (GStrv) words = g_strsplit (names, " ", -1);
  int n = 0;

  for (char **word = words; *word != NULL; word++)
    if (**word != '\0')
      nodes[n++] = find (model, *word);
  return n;
}

static CnnModel *
make_model (const char *graph)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  g_auto (GStrv) lines = g_strsplit (graph, "; ", -1);
  CnnModel *model = cnn_model_new ("graph");
  int last = 0;

  for (char **line = lines; *line != NULL; line++)
    {
      g_auto (GStrv) halves = g_strsplit (*line, "=", 2);
      g_autoptr (CnnLayer) layer = NULL;

      if (line == lines)
        {
          layer = cnn_layer_new (cnn_layer_class_find ("InputLayer"), *line, 3);
          for (const CnnParam *param = layer->klass->params; param->name != NULL; param++)
            if (strcmp (param->name, "batch_shape") == 0)
              G_STRUCT_MEMBER (CnnInts, layer, param->offset) = (CnnInts){ 4, { -1, H, W, C } };
          g_assert_true (cnn_layer_configure (layer, &error));
          last = cnn_model_add (model, layer, *line, NULL, 0, &error);
        }
      else
        {
          const char *inputs = strchr (halves[1], ' ') + 1;
          g_autofree char *kind = g_strndup (halves[1], (gsize) (inputs - halves[1] - 1));
          int nodes[CNN_MAX_INPUTS], n = find_all (model, inputs, nodes);

          layer = make_layer (kind, halves[0], &cnn_model_node (model, nodes[0])->shape, random);
          last = cnn_model_add (model, layer, halves[0], nodes, n, &error);
        }
      g_assert_no_error (error);
    }
  g_assert_true (cnn_model_finish (model, 0, last, &error));
  return model;
}

/* --- its plans --- */

static CnnPlanRequest
make_request (CnnModel *model, const int *outputs, int n_outputs, const int *gradients,
              int n_gradients)
{
  return (CnnPlanRequest){ .input = cnn_shape (2, H, W, C),
                           .outputs = outputs,
                           .n_outputs = n_outputs,
                           .score = model->output,
                           .gradients = gradients,
                           .n_gradients = n_gradients,
                           .repeated = TRUE };
}

static CnnPlan *
make_plan (CnnModel *model, const int *outputs, int n_outputs, const int *gradients,
           int n_gradients)
{
  g_autoptr (GError) error = NULL;
  const CnnPlanRequest request = make_request (model, outputs, n_outputs, gradients, n_gradients);
  CnnPlan *plan = cnn_plan_new (model, device, &request, &error);

  g_assert_no_error (error);
  return plan;
}

static void
run (CnnPlan *plan, const float *input, const float *seed)
{
  g_autoptr (GError) error = NULL;

  cnn_plan_forward (plan, input, &error);
  g_assert_no_error (error);
  if (seed != NULL)
    cnn_plan_backward (plan, seed, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cnn_device_validation_messages (device), ==, 0);
}

typedef CnnArray *(*Get) (CnnPlan *plan, int node, GError **error);

static void
compare (const char *what, Get get, CnnPlan *folded, CnnPlan *whole, int node)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnArray) ours = get (folded, node, &error), theirs = get (whole, node, &error);
  double worst = 0., largest = 0.;

  g_assert_no_error (error);
  for (gsize i = 0; i < cnn_array_count (theirs); i++)
    {
      double difference = fabs ((double) ours->data[i] - theirs->data[i]);

      worst = difference <= worst ? worst : difference; /* so that NaN is worst */
      largest = MAX (largest, fabs (theirs->data[i]));
    }
  g_assert_cmpfloat (largest, >, 0.);
  if (!(worst <= TOLERANCE * largest))
    g_test_fail_printf ("%s %d: error %.2e of %.3g", what, node, worst, largest);
}

static double
objective (CnnPlan *plan, const float *input, const CnnArray *seed, int node)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnArray) output = NULL;
  double sum = 0.;

  run (plan, input, NULL);
  output = cnn_plan_output (plan, node, &error);
  g_assert_no_error (error);
  for (gsize i = 0; i < cnn_array_count (output); i++)
    sum += (double) output->data[i] * seed->data[i];
  return sum;
}

/* The gradient's component along itself, which is its length, by a central difference. */
static void
check_gradient (CnnModel *model, CnnPlan *plan, CnnArray *input, const CnnArray *seed)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnArray) gradient = cnn_plan_gradient (plan, model->input, &error);
  const gsize n = cnn_array_count (input);
  g_autofree float *moved = g_new (float, n);
  double length = 0., step = 1e-2, values[2];

  g_assert_no_error (error);
  for (gsize i = 0; i < n; i++)
    length += (double) gradient->data[i] * gradient->data[i];
  length = sqrt (length);
  for (int side = 0; side < 2; side++)
    {
      g_autoptr (CnnPlan) forward = make_plan (model, &model->output, 1, NULL, 0);

      for (gsize i = 0; i < n; i++)
        moved[i] =
            input->data[i] + (float) ((side == 0 ? step : -step) * gradient->data[i] / length);
      values[side] = objective (forward, moved, seed, model->output);
    }
  g_assert_cmpfloat_with_epsilon ((values[0] - values[1]) / (2. * step), length, 1e-2 * length);
}

/* Adds a word to CONVLENS_DEBUG, or takes it out again. */
static void
set_debug (const char *word)
{
  g_autofree char *all = g_strjoin (",", "validate", word, NULL);

  g_setenv ("CONVLENS_DEBUG", all, TRUE);
}

/* Layers with a kernel: that many steps a plan has that folds nothing. */
static int
count_kernels (const CnnModel *model)
{
  int n = 0;

  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnLayer *layer = cnn_model_node (model, i)->layer;
      const gboolean passes = layer->klass->flags & CNN_LAYER_ACTIVATION
                              && layer->activation.kind == CNN_ACTIVATION_LINEAR;

      n += !passes && !(layer->klass->flags & (CNN_LAYER_INPUT | CNN_LAYER_IDENTITY));
    }
  return n;
}

/* Pairs of tensors that share memory. */
static int
count_shared (CnnModel *model, const CnnPlanRequest *request)
{
  g_autoptr (GError) error = NULL;
  CnnPlanUse use = { 0 };
  CnnSchedule schedule = { 0 };
  int n = 0;

  cnn_plan_use_init (&use, model, request, &error);
  g_assert_no_error (error);
  cnn_schedule_init (&schedule, &use, FALSE, 64);
  for (int i = 0; i < (int) schedule.spans->len; i++)
    for (int j = 0; j < i; j++)
      {
        const CnnSpan *a = cnn_schedule_span (&schedule, i), *b = cnn_schedule_span (&schedule, j);

        n += a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
      }
  cnn_schedule_clear (&schedule);
  cnn_plan_use_clear (&use);
  return n;
}

/* The same plan by words of CONVLENS_DEBUG has the same values. */
static void
check_debugged (const Row *row, CnnModel *model, const CnnPlanRequest *request, CnnPlan *folded,
                const CnnArray *input, const CnnArray *seed)
{
  static const char *const words[] = { "unfolded", "unshared" };

  for (gsize i = 0; i < G_N_ELEMENTS (words); i++)
    {
      const gboolean unfolded = i == 0;
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnPlan) plan = NULL;

      set_debug (words[i]);
      plan = cnn_plan_new (model, device, request, &error);
      g_assert_no_error (error);
      g_assert_cmpint (cnn_plan_forward_steps (plan), ==,
                       unfolded ? count_kernels (model) : row->forward);
      if (unfolded)
        g_assert_cmpint (cnn_plan_backward_steps (plan), >=, row->backward);
      else
        g_assert_cmpint (count_shared (model, request), ==, 0);
      set_debug (NULL);
      g_assert_cmpint (count_shared (model, request), >, 0);
      run (plan, input->data, seed->data);
      for (int j = 0; j < request->n_outputs; j++)
        compare (words[i], cnn_plan_output, folded, plan, request->outputs[j]);
      for (int j = 0; j < request->n_gradients; j++)
        compare (words[i], cnn_plan_gradient, folded, plan, request->gradients[j]);
    }
}

static void
test_row (gconstpointer data)
{
  const Row *row = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnModel) model = make_model (row->graph);
  g_autoptr (GRand) random = g_rand_new_with_seed (2);
  const gint64 dims[4] = { 2, H, W, C };
  g_autoptr (CnnArray) input = cnn_array_new (4, dims, "input", &error);
  g_autoptr (CnnArray) seed = cnn_array_new (4, dims, "seed", &error);
  g_autoptr (CnnPlan) folded = NULL, whole = NULL;
  const int n = cnn_model_count (model);
  g_autofree int *all = g_new (int, n);
  int outputs[CNN_MAX_INPUTS], gradients[CNN_MAX_INPUTS];
  CnnPlanRequest request;
  int n_outputs = find_all (model, row->wanted, outputs);
  int n_gradients = find_all (model, row->wanted_gradients, gradients);

  outputs[n_outputs++] = model->output;
  for (int i = 0; i < n; i++)
    all[i] = i;
  fill (random, input, -1., 1.);
  fill (random, seed, -1., 1.);
  folded = make_plan (model, outputs, n_outputs, gradients, n_gradients);
  whole = make_plan (model, all, n, all, n);
  g_assert_cmpint (cnn_plan_forward_steps (folded), ==, row->forward);
  g_assert_cmpint (cnn_plan_backward_steps (folded), ==, row->backward);
  run (folded, input->data, seed->data);
  run (whole, input->data, seed->data);
  for (int i = 0; i < n_outputs; i++)
    compare ("value", cnn_plan_output, folded, whole, outputs[i]);
  for (int i = 0; i < n_gradients; i++)
    compare ("gradient", cnn_plan_gradient, folded, whole, gradients[i]);
  request = make_request (model, outputs, n_outputs, gradients, n_gradients);
  check_debugged (row, model, &request, folded, input, seed);
  check_gradient (model, folded, input, seed);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  g_test_set_nonfatal_assertions ();
  device = cnn_device_open (NULL, &error);
  if (device == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strconcat ("/plan/", rows[i].name, NULL);

      g_test_add_data_func (path, &rows[i], test_row);
    }
  result = g_test_run ();
  cnn_device_unref (device);
  return result;
}
