/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Filter patterns on a real device: against Keras in float64 (data/pattern), the same however
 * they are batched, what `clear` does, what is refused, and cancelling. */

#include "session-helpers.h"

#include "ascent_params.h"
#include "noise.h"
#include "tensor.h"

#define GOLDEN "tests/data/pattern"

static CnnSession *
open_pattern_model (void)
{
  g_autofree char *path = source_file (GOLDEN, "model.keras");

  return open_model (path, NULL);
}

static CnnArray *
load (const char *format, ...)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;
  g_autofree char *path = NULL;
  CnnArray *array;
  va_list list;

  va_start (list, format);
  name = g_strdup_vprintf (format, list);
  va_end (list);
  path = source_file (GOLDEN, name);
  array = cnn_npy_load (path, &error);
  g_assert_no_error (error);
  return array;
}

static CnnPatterns *
make (CnnSession *session, const CnnPatternOptions *options)
{
  g_autoptr (GError) error = NULL;
  CnnPatterns *patterns = cnn_filter_pattern (session, options, NULL, &error);

  g_assert_no_error (error);
  return patterns;
}

/* --- Against Keras --- */

typedef struct
{
  const char *layer, *class_wish;
  int filter;
} Target;

static const Target targets[] = {
  { "conv", NULL, 2 },   { "separable", NULL, 5 }, { "wide", NULL, 7 },
  { "sleepy", NULL, 0 }, { NULL, "4", 4 },
};

/* The class's picture has the model's own size. */
static CnnArray *
start_of (const Target *target)
{
  g_autoptr (CnnArray) all = load ("start.npy");
  CnnArray *part;

  if (target->layer != NULL)
    return g_steal_pointer (&all);
  part = cnn_array_new (3, (gint64[]){ 24, 20, 3 }, "part", NULL);
  for (int y = 0; y < 24; y++)
    memcpy (part->data + y * 20 * 3, all->data + y * all->dims[1] * 3, 20 * 3 * sizeof (float));
  return part;
}

static void
test_keras (gconstpointer data)
{
  static const int steps[] = { 1, 10 };
  const Target *target = data;
  const char *name = target->layer != NULL ? target->layer : "class";
  g_autoptr (CnnSession) session = open_pattern_model ();
  g_autoptr (CnnArray) start = start_of (target);
  g_autoptr (CnnArray) activation = load ("%s-%d.npy", name, target->filter);

  for (gsize i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      CnnPatternOptions options = { .layer = target->layer,
                                    .class_wish = target->class_wish,
                                    .first = target->filter,
                                    .last = target->filter,
                                    .size = 200,
                                    .steps = steps[i],
                                    .rate = 3,
                                    .start = CNN_START_ARRAY,
                                    .array = start };
      g_autoptr (CnnPatterns) patterns = make (session, &options);
      const CnnPattern *pattern = patterns->patterns->pdata[0];
      g_autoptr (CnnArray) theirs = load ("%s-%d-%d.npy", name, target->filter, steps[i]);

      g_assert_cmpint (pattern->index, ==, target->filter);
      g_assert_cmpfloat (difference (pattern->values, theirs), <, 1e-5);
      g_assert_cmpfloat_with_epsilon (pattern->before, activation->data[0], 1e-5);
      if (steps[i] == 10)
        g_assert_cmpfloat_with_epsilon (pattern->after, activation->data[1], 1e-5);
    }
}

/* --- One by one and together --- */

static void
assert_same (const CnnArray *a, const CnnArray *b)
{
  g_assert_cmpmem (a->data, cnn_array_count (a) * sizeof (float), b->data,
                   cnn_array_count (b) * sizeof (float));
}

static void
test_batch (gconstpointer data)
{
  CnnPatternPreset preset = (CnnPatternPreset) GPOINTER_TO_INT (data);
  g_autoptr (CnnSession) session = open_pattern_model ();
  CnnPatternOptions options = { .layer = "separable",
                                .first = 0,
                                .last = 11,
                                .size = 33,
                                .steps = 4,
                                .rate = 3,
                                .seed = 7,
                                .preset = preset };
  g_autoptr (CnnPatterns) together = make (session, &options);
  g_autoptr (CnnPatterns) again = make (session, &options);

  g_assert_cmpint (together->batch, ==, 12);
  g_assert_cmpuint (together->memory, >, 0);
  g_assert_cmpint (together->filters, ==, 12);
  for (int i = 0; i < 12; i++)
    {
      const CnnPattern *one = together->patterns->pdata[i];
      g_autoptr (CnnPatterns) alone = NULL;
      const CnnPattern *single;

      assert_same (one->values, ((const CnnPattern *) again->patterns->pdata[i])->values);
      options.first = options.last = i;
      alone = make (session, &options);
      single = alone->patterns->pdata[0];
      g_assert_cmpint (one->index, ==, i);
      g_assert_cmpfloat (one->after, ==, single->after);
      g_assert_cmpfloat (one->after, >, one->before);
      assert_same (one->values, single->values);
    }
}

static void
test_seed (void)
{
  g_autoptr (CnnSession) session = open_pattern_model ();
  CnnPatternOptions options = { .layer = "conv", .size = 20, .steps = 1, .rate = 1e-4, .last = 1 };
  g_autoptr (CnnPatterns) zero = make (session, &options);
  g_autoptr (CnnPatterns) one = NULL;
  const CnnPattern *first = zero->patterns->pdata[0], *second = zero->patterns->pdata[1];

  options.seed = 1;
  one = make (session, &options);
  g_assert_cmpfloat (difference (first->values, second->values), >, 0.1);
  g_assert_cmpfloat (
      difference (first->values, ((const CnnPattern *) one->patterns->pdata[0])->values), >, 0.1);
  for (gsize i = 0; i < cnn_array_count (first->values); i++)
    {
      g_assert_cmpfloat (first->values->data[i], >, 0.399);
      g_assert_cmpfloat (first->values->data[i], <, 0.601);
    }
}

/* The noise is a promise: these numbers were written down once, and hold on every machine. */
static void
test_noise (void)
{
  static const float uniform[] = { 0.494675338f, 0.422914416f, 0.533041f };
  static const float natural[] = { 0.383743018f, 0.41820997f, 0.41657719f };
  g_autoptr (CnnNoise) noise = cnn_noise_new (3, 5, 1);
  float values[3];
  g_autofree float *field = g_new (float, 48 * 40 * 3);
  double mean = 0, squares = 0;

  cnn_noise_fill (noise, 0.4, 0.6, values, 3);
  cnn_noise_fill_natural (noise, 0.5, 0.06, 40, 48, 3, field);
  for (int i = 0; i < 48 * 40 * 3; i++)
    mean += field[i] / (48. * 40 * 3);
  for (int i = 0; i < 48 * 40 * 3; i++)
    squares += (field[i] - mean) * (field[i] - mean) / (48. * 40 * 3);
  g_test_message ("natural noise: mean %g, deviation %g", mean, sqrt (squares));
  g_assert_cmpfloat (fabs (mean - 0.5), <, 0.06);
  g_assert_cmpfloat (sqrt (squares), >, 0.02);
  g_assert_cmpfloat (sqrt (squares), <, 0.15);
  for (int i = 0; i < 3; i++)
    {
      g_assert_cmpfloat (values[i], ==, uniform[i]);
      g_assert_cmpfloat (field[i], ==, natural[i]);
    }
}

/* --- Sleeping filters --- */

static void
test_sleeping (void)
{
  g_autoptr (CnnSession) session = open_pattern_model ();
  g_autoptr (CnnArray) start = load ("start.npy");
  CnnPatternOptions options = { .layer = "sleepy",
                                .first = 2,
                                .last = 2,
                                .size = 30,
                                .steps = 30,
                                .rate = 3,
                                .start = CNN_START_ARRAY,
                                .array = start };
  g_autoptr (CnnPatterns) book = make (session, &options);
  g_autoptr (CnnPatterns) clear = NULL;
  g_autoptr (CnnPatterns) never = NULL;
  const CnnPattern *pattern = book->patterns->pdata[0];

  g_assert_cmpfloat (pattern->before, ==, 0);
  g_assert_cmpfloat (pattern->after, ==, 0);
  assert_same (pattern->values, start);

  options.preset = CNN_PATTERN_CLEAR;
  clear = make (session, &options);
  pattern = clear->patterns->pdata[0];
  g_assert_cmpfloat (pattern->before, ==, 0);
  g_assert_cmpfloat (pattern->after, >, 0);
  g_assert_cmpint (pattern->tries, ==, 1);

  options.start = CNN_START_NOISE;
  options.first = 0;
  options.last = 1;
  options.steps = 3;
  never = make (session, &options);
  g_assert_cmpint (((const CnnPattern *) never->patterns->pdata[0])->tries, ==, 1);
  pattern = never->patterns->pdata[1];
  g_assert_cmpfloat (pattern->after, ==, 0);
  g_assert_cmpint (pattern->tries, ==, 4);
}

/* --- Starts --- */

static void
test_starts (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *model = source_file (GOLDEN, "model.keras");
  CnnOptions how = { .model = model, .preprocess = CNN_PREPROCESS_NONE };
  g_autoptr (CnnSession) session = cnn_session_open (&how, TRUE, NULL, &error);
  g_autoptr (CnnImage) photo = cnn_image_new (16, 16, 3, &error);
  CnnPatternOptions options = { .layer = "conv", .size = 16, .steps = 1, .rate = 1e-4 };
  g_autoptr (CnnPatterns) gray = NULL;
  g_autoptr (CnnPatterns) dream = NULL;

  options.start = CNN_START_GRAY;
  gray = make (session, &options);
  for (int i = 0; i < 16 * 16 * 3; i++)
    g_assert_cmpfloat_with_epsilon (
        ((const CnnPattern *) gray->patterns->pdata[0])->values->data[i], 0.5f, 2e-4f);

  /* 51 / 255 goes through the model's own x / 127.5 − 1. */
  for (int i = 0; i < 16 * 16 * 3; i++)
    photo->pixels[i] = 0.2f;
  options.start = CNN_START_PHOTO;
  options.photo = photo;
  dream = make (session, &options);
  for (int i = 0; i < 16 * 16 * 3; i++)
    g_assert_cmpfloat_with_epsilon (
        ((const CnnPattern *) dream->patterns->pdata[0])->values->data[i], -0.6f, 2e-4f);
}

/* --- Kernels --- */

static void
run_kernel (CnnDevice *device, const char *stem, const AscentParams *params, CnnTensor *source,
            CnnBuffer *moves, CnnTensor *target)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnCommands) commands = cnn_commands_new (device, stem, &error);
  CnnDispatch dispatch = {
    .stem = stem,
    .bindings = { [WARP_SOURCE] = cnn_tensor_binding (source),
                  [WARP_MOVES] = { moves, 0, cnn_buffer_size (moves) },
                  [WARP_TARGET] = cnn_tensor_binding (target) },
    .push = params,
    .push_size = sizeof *params,
  };

  cnn_flat_groups (params->items, dispatch.groups);
  cnn_commands_dispatch (commands, &dispatch, &error);
  g_assert_no_error (error);
  cnn_commands_run (commands, &error);
  g_assert_no_error (error);
}

static CnnTensor *
upload (CnnDevice *device, const CnnShape *shape, const float *values)
{
  g_autoptr (GError) error = NULL;
  CnnTensor *tensor = cnn_tensor_new (device, shape, "test", &error);

  g_assert_no_error (error);
  cnn_tensor_upload (tensor, values, &error);
  g_assert_no_error (error);
  return tensor;
}

static double
product (const float *a, const float *b, gsize n)
{
  double sum = 0;

  for (gsize i = 0; i < n; i++)
    sum += (double) a[i] * (double) b[i];
  return sum;
}

typedef struct
{
  double scale, degrees, x, y;
} MoveRow;

static const MoveRow moves[] = {
  { 1, 0, 0, 0 },       { 1, 0, 3, -5 },      { 1, 0, 0.25, 7.5 },  { 1.05, 5, -8, 8 },
  { 0.95, -5, 2, 0.5 }, { 0.8, 15, -1.5, 4 }, { 1.25, -15, 40, 0 },
};

/* ⟨warp x, y⟩ = ⟨x, backward y⟩ for any x and y: the backward kernel is the exact transpose. */
static void
test_move (gconstpointer data)
{
  const MoveRow *row = data;
  const CnnShape shape = cnn_shape (2, 23, 37, 3);
  const gsize n = cnn_shape_count (&shape);
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnDevice) device = cnn_device_open (NULL, &error);
  const AscentParams params = {
    .items = (guint) cnn_shape_bytes (&shape) / 16, .h = 23, .w = 37, .channels = 3, .pictures = 2
  };
  const double c = cos (row->degrees * G_PI / 180), s = sin (row->degrees * G_PI / 180);
  const double a = row->scale * c, b = row->scale * s, a2 = c / row->scale, b2 = s / row->scale;
  const double to_x = 18 + row->x, to_y = 11 + row->y;
  float rows[20] = { 0 };
  g_autofree float *x = g_new (float, n), *y = g_new (float, n), *there = g_new (float, n),
                   *back = g_new (float, n);
  g_autoptr (CnnNoise) noise = cnn_noise_new (1, 2, 3);
  g_autoptr (CnnBuffer) buffer = cnn_buffer_new (device, sizeof rows, "moves", &error);
  g_autoptr (CnnTensor) from = NULL, other = NULL, moved = NULL, gradient = NULL;

  rows[4] = (float) a, rows[5] = (float) -b, rows[6] = (float) (to_x - a * 18 + b * 11);
  rows[8] = (float) b, rows[9] = (float) a, rows[10] = (float) (to_y - b * 18 - a * 11);
  rows[12] = (float) a2, rows[13] = (float) b2, rows[14] = (float) (18 - a2 * to_x - b2 * to_y);
  rows[16] = (float) -b2, rows[17] = (float) a2, rows[18] = (float) (11 + b2 * to_x - a2 * to_y);
  cnn_buffer_write (buffer, 0, rows, sizeof rows, &error);
  g_assert_no_error (error);
  cnn_noise_fill (noise, -1, 1, x, n);
  cnn_noise_fill (noise, -1, 1, y, n);
  from = upload (device, &shape, x);
  other = upload (device, &shape, y);
  moved = cnn_tensor_new (device, &shape, "moved", &error);
  gradient = cnn_tensor_new (device, &shape, "gradient", &error);
  run_kernel (device, "warp", &params, from, buffer, moved);
  run_kernel (device, "warp_backward", &params, other, buffer, gradient);
  cnn_tensor_download (moved, there, &error);
  cnn_tensor_download (gradient, back, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat_with_epsilon (product (there, y, n), product (x, back, n), 1e-3);
  if (row->degrees == 0 && row->x == 0)
    g_assert_cmpmem (there, n * sizeof (float), x, n * sizeof (float));
  if (row->x == 3)
    g_assert_cmpfloat_with_epsilon (there[(10 * 37 + 10) * 3], x[(5 * 37 + 13) * 3], 1e-6);
  g_assert_cmpuint (cnn_device_validation_messages (device), ==, 0);
}

/* --- Refusals --- */

typedef struct
{
  const char *what;
  CnnPatternOptions options;
  int code;
  const char *message;
} Refusal;

#define USUAL .size = 30, .steps = 1, .rate = 1

static const Refusal refusals[] = {
  { "no-layer", { .layer = "konv", USUAL }, CNN_ERROR_ARGUMENT, "has no layer “konv”" },
  { "no-filter",
    { .layer = "conv", .first = 8, .last = 8, USUAL },
    CNN_ERROR_ARGUMENT,
    "layer \"conv\" has 8 filters, 0 to 7; there is no filter 8" },
  { "part-of-a-range",
    { .layer = "conv", .first = 6, .last = 9, USUAL },
    CNN_ERROR_ARGUMENT,
    "there is no filter 9" },
  { "sheet-beyond",
    { .layer = "conv", .first = 9, .last = 24, .fewer = TRUE, USUAL },
    CNN_ERROR_ARGUMENT,
    "there is no filter 9" },
  { "the-input", { .layer = "input", USUAL }, CNN_ERROR_ARGUMENT, "has no filters" },
  { "the-scaling", { .layer = "rescaling", USUAL }, CNN_ERROR_ARGUMENT, "has no filters" },
  { "only-border",
    { .layer = "conv", .size = 4, .steps = 1, .rate = 1 },
    CNN_ERROR_ARGUMENT,
    "its maps have 4×4 cells, and a border of 2 on each side, which is left out, is all of them; "
    "a size of 5 is the least" },
  { "too-small",
    { .layer = "sleepy", .size = 6, .steps = 1, .rate = 1 },
    CNN_ERROR_ARGUMENT,
    "a picture of 6×6 is too small for \"sleepy\"" },
  { "no-class", { .class_wish = "6", USUAL }, CNN_ERROR_ARGUMENT, "no class 6: the model has 0…5" },
  { "best-class", { .class_wish = "auto", USUAL }, CNN_ERROR_ARGUMENT, "name a class" },
};

static void
test_refusal (gconstpointer data)
{
  const Refusal *row = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_pattern_model ();
  CnnPatterns *patterns = cnn_filter_pattern (session, &row->options, NULL, &error);

  g_assert_null (patterns);
  assert_message (&error, row->code, row->message);
}

static void
test_wrong_array (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_pattern_model ();
  g_autoptr (CnnArray) flat = cnn_array_new (2, (gint64[]){ 30, 30 }, "array", NULL);
  g_autoptr (CnnArray) gray = cnn_array_new (3, (gint64[]){ 30, 30, 1 }, "array", NULL);
  CnnPatternOptions options = { .layer = "conv", .start = CNN_START_ARRAY, USUAL };

  options.array = flat;
  g_assert_null (cnn_filter_pattern (session, &options, NULL, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "is 30×30; it must be (height, width, 3)");
  options.array = gray;
  g_assert_null (cnn_filter_pattern (session, &options, NULL, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "is 30×30×1");
}

/* --- Progress --- */

typedef struct
{
  GCancellable *cancellable;
  double last;
  int calls, cancel_at;
  char *words;
} Watch;

static void
watch (double fraction, const char *what, gpointer data)
{
  Watch *self = data;

  g_assert_cmpfloat (fraction, >=, self->last);
  g_assert_cmpfloat (fraction, <=, 1);
  self->last = fraction;
  g_free (self->words);
  self->words = g_strdup (what);
  if (++self->calls == self->cancel_at)
    g_cancellable_cancel (self->cancellable);
}

static void
test_progress (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_pattern_model ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Watch state = { .cancellable = cancellable };
  CnnProgress progress = { .update = watch, .data = &state, .cancellable = cancellable };
  CnnPatternOptions options = { .layer = "conv", .last = 3, .size = 20, .steps = 5, .rate = 1 };
  g_autoptr (CnnPatterns) patterns = cnn_filter_pattern (session, &options, &progress, &error);

  g_assert_no_error (error);
  g_assert_cmpint (state.calls, >=, 5);
  g_assert_cmpfloat (state.last, >, 0.7);
  g_assert_cmpstr (state.words, ==, "filters 0 to 3, step 4 of 5");

  state.last = 0;
  state.calls = 0;
  state.cancel_at = 4;
  g_assert_null (cnn_filter_pattern (session, &options, &progress, &error));
  g_assert_error (error, CNN_ERROR, CNN_ERROR_CANCELLED);
  g_assert_cmpint (state.calls, ==, 4);
  g_free (state.words);
}

/* --- The picture --- */

static void
test_picture (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnArray) values = cnn_array_new (3, (gint64[]){ 4, 4, 3 }, "values", NULL);
  CnnPattern pattern = { .values = values };
  g_autoptr (CnnImage) flat = cnn_pattern_picture (&pattern, 0, &error);
  g_autoptr (CnnImage) picture = NULL;
  g_autoptr (CnnImage) swapped = NULL;

  for (int i = 0; i < 4 * 4 * 3; i++)
    g_assert_cmpfloat_with_epsilon (flat->pixels[i], 128 / 255.f, 1e-6f);
  /* Half 1 and half 3: mean 2, deviation 1. */
  for (int i = 0; i < 4 * 4 * 3; i++)
    values->data[i] = i % 2 == 0 ? 1 : 3;
  picture = cnn_pattern_picture (&pattern, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (picture->width, ==, 2);
  g_assert_cmpfloat_with_epsilon (picture->pixels[0], 192 / 255.f, 1e-6f);
  g_assert_cmpfloat_with_epsilon (picture->pixels[1], 64 / 255.f, 1e-6f);
  values->data[15] = 3;
  values->data[17] = 1;
  pattern.bgr = TRUE;
  swapped = cnn_pattern_picture (&pattern, 1, &error);
  g_assert_cmpfloat (swapped->pixels[0], <, swapped->pixels[2]);
  g_assert_null (cnn_pattern_picture (&pattern, 2, &error));
  assert_message (&error, CNN_ERROR_ARGUMENT, "a crop of 2 pixels on each side leaves nothing");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_autofree char *path = g_strdup_printf (
          "/keras/%s-%d", targets[i].layer != NULL ? targets[i].layer : "class", targets[i].filter);

      g_test_add_data_func (path, targets + i, test_keras);
    }
  g_test_add_data_func ("/batch/book", GINT_TO_POINTER (CNN_PATTERN_BOOK), test_batch);
  g_test_add_data_func ("/batch/clear", GINT_TO_POINTER (CNN_PATTERN_CLEAR), test_batch);
  g_test_add_func ("/seed", test_seed);
  g_test_add_func ("/noise", test_noise);
  g_test_add_func ("/sleeping", test_sleeping);
  g_test_add_func ("/starts", test_starts);
  for (gsize i = 0; i < G_N_ELEMENTS (moves); i++)
    {
      g_autofree char *path = g_strdup_printf ("/move/%g-%g-%g-%g", moves[i].scale,
                                               moves[i].degrees, moves[i].x, moves[i].y);

      g_test_add_data_func (path, moves + i, test_move);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autofree char *path = g_strdup_printf ("/refused/%s", refusals[i].what);

      g_test_add_data_func (path, refusals + i, test_refusal);
    }
  g_test_add_func ("/refused/array", test_wrong_array);
  g_test_add_func ("/progress", test_progress);
  g_test_add_func ("/picture", test_picture);
  return g_test_run ();
}
