/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include "json.h"
#include "timing.h"

#include <string.h>

#define DEFAULT_MODEL "efficientnet-lite0"

/* A model for any size, and nobody who names one: the photograph's own, up to this. Larger ones
 * are seldom what a model has learned from, and a software driver takes minutes over them. */
#define LARGEST_OWN_SIZE 1024

static const char *
or_null (const char *text)
{
  return text != NULL && *text != '\0' ? text : NULL;
}

static void
update_warning (CnnSession *self)
{
  const char *guess = self->network->preprocess_warning;
  const char *policy = self->network->model->half_precision_policy
                           ? "The model asks for half precision; it is computed in float32."
                           : NULL;
  const char *driver = self->device != NULL ? cnn_gpu_warning () : NULL;
  const char *all[] = { guess, policy, self->size_warning, driver };
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
    if (all[i] != NULL)
      g_string_append_printf (text, "%s%s", text->len > 0 ? " " : "", all[i]);
  g_free (self->warning);
  self->warning = g_string_free (text, text->len == 0);
}

/* The device is opened while the file is read. */
typedef struct
{
  const char *wish;
  CnnDevice *device;
  GError *error;
} DeviceOpening;

static gpointer
open_device (gpointer data)
{
  DeviceOpening *opening = data;
  gint64 start = cnn_timing_start ();

  opening->device = cnn_device_open (opening->wish, &opening->error);
  cnn_timing_stop (start, "opening the device");
  return NULL;
}

static gboolean
open_both (CnnSession *self, const CnnOptions *options, gboolean on_device,
           const CnnProgress *progress, GError **error)
{
  DeviceOpening opening = { .wish = or_null (options->device) };
  GThread *thread = on_device ? g_thread_try_new ("device", open_device, &opening, NULL) : NULL;
  gint64 start = cnn_timing_start ();

  self->network =
      cnn_network_open (or_null (options->model), or_null (options->architecture),
                        options->preprocess, or_null (options->labels), progress, error);
  cnn_timing_stop (start, "opening the model");
  if (thread != NULL)
    g_thread_join (thread);
  else if (on_device)
    open_device (&opening);
  self->device = opening.device;
  if (self->network != NULL && opening.error != NULL)
    g_propagate_error (error, g_steal_pointer (&opening.error));
  g_clear_error (&opening.error);
  return self->network != NULL && (self->device != NULL || !on_device);
}

CnnSession *
cnn_session_open (const CnnOptions *options, gboolean on_device, const CnnProgress *progress,
                  GError **error)
{
  static const float white[3] = { 1, 1, 1 };
  g_autoptr (CnnSession) self = NULL;
  const char *name;

  g_return_val_if_fail (options != NULL, NULL);
  name = or_null (options->model);
  self = g_new0 (CnnSession, 1);
  g_atomic_ref_count_init (&self->references);
  self->score = -1;
  self->name = g_strdup (name != NULL ? name : DEFAULT_MODEL);
  self->many = options->many;
  self->wanted_width = options->input_width;
  self->wanted_height = options->input_height;
  self->resize = options->resize;
  memcpy (self->background, options->background != NULL ? options->background : white,
          sizeof white);

  if ((on_device && !cnn_gpu_prepare (error))
      || !open_both (self, options, on_device, progress, error))
    return NULL;
  update_warning (self);
  return g_steal_pointer (&self);
}

void
cnn_session_forget_plan (CnnSession *self)
{
  g_clear_pointer (&self->plan, cnn_plan_free);
  g_clear_pointer (&self->outputs, g_array_unref);
  g_clear_pointer (&self->gradients, g_array_unref);
  self->has_run = FALSE;
}

CnnSession *
cnn_session_ref (CnnSession *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
cnn_session_unref (CnnSession *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->references))
    return;
  cnn_session_forget_plan (self);
  cnn_image_unref (self->photo);
  cnn_array_unref (self->input);
  g_free (self->shapes);
  cnn_network_free (self->network);
  cnn_device_unref (self->device);
  g_free (self->size_warning);
  g_free (self->warning);
  g_free (self->name);
  g_free (self);
}

/* --- The input --- */

static const CnnShape *
own_shape (const CnnSession *self)
{
  return &cnn_model_node (self->network->model, self->network->model->input)->shape;
}

static gboolean
same_shape (const CnnShape *a, const CnnShape *b)
{
  return a->n == b->n && a->h == b->h && a->w == b->w && a->c == b->c;
}

/* Takes `input` as what the model gets from now on. */
static gboolean
take_input (CnnSession *self, CnnArray *input, const CnnShape *shape, GError **error)
{
  int node = self->network->model->input;
  CnnShape *shapes = cnn_model_shapes (self->network->model, shape, error);

  if (shapes == NULL)
    return FALSE;
  if (self->shapes == NULL || !same_shape (&self->shapes[node], &shapes[node]))
    cnn_session_forget_plan (self);
  g_free (self->shapes);
  self->shapes = shapes;
  cnn_array_ref (input);
  cnn_array_unref (self->input);
  self->input = input;
  self->has_run = FALSE;
  self->microseconds = 0;
  return TRUE;
}

gboolean
cnn_session_set_input (CnnSession *self, const CnnArray *input, GError **error)
{
  const CnnShape *own;
  CnnShape shape = { .n = 1, .h = 1, .w = 1 };
  const gint64 *dims;
  int rank;
  g_autoptr (CnnArray) copy = NULL;

  g_return_val_if_fail (self != NULL && input != NULL, FALSE);
  own = own_shape (self);
  dims = input->dims;
  rank = input->rank;
  /* A batch of one, as Keras' predict takes it, is the same thing. */
  if (rank == own->rank + 1 && dims[0] == 1)
    {
      dims++;
      rank--;
    }
  for (int i = 0; i < rank; i++)
    if (rank != own->rank || dims[i] < 1 || dims[i] > G_MAXINT)
      {
        g_autofree char *wants = cnn_shape_to_string (own);
        g_autofree char *gets = cnn_dims_to_string (input->rank, input->dims);

        g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "%s takes an input of %s, not %s",
                     self->name, wants, gets);
        return FALSE;
      }
  shape.rank = rank;
  shape.c = rank > 0 ? (int) dims[rank - 1] : 1;
  if (rank > 1)
    shape.h = (int) dims[0];
  if (rank > 2)
    shape.w = (int) dims[1];
  if (!cnn_check_finite (input, "the input", error))
    return FALSE;

  copy = cnn_array_new (rank, dims, "the input", error);
  if (copy == NULL)
    return FALSE;
  memcpy (copy->data, input->data, cnn_array_count (input) * sizeof (float));
  if (!take_input (self, copy, &shape, error))
    return FALSE;
  g_clear_pointer (&self->photo, cnn_image_unref);
  g_clear_pointer (&self->size_warning, g_free); /* which was a photograph's */
  update_warning (self);
  return TRUE;
}

/* The size that the photograph gets before the model sees it. */
static void
find_input_size (CnnSession *self, const CnnImage *photo, int *width, int *height)
{
  const CnnShape *own = own_shape (self);
  double shrink = 1;

  g_clear_pointer (&self->size_warning, g_free);
  *width = self->wanted_width > 0 ? self->wanted_width : own->w;
  *height = self->wanted_height > 0 ? self->wanted_height : own->h;
  if (*width == 0)
    *width = self->network->default_width;
  if (*height == 0)
    *height = self->network->default_height;
  if (*width == 0 || *height == 0)
    {
      shrink = MIN (1, LARGEST_OWN_SIZE / (double) MAX (photo->width, photo->height));
      if (*width == 0)
        *width = MAX (1, (int) (photo->width * shrink + 0.5));
      if (*height == 0)
        *height = MAX (1, (int) (photo->height * shrink + 0.5));
      self->size_warning = g_strdup_printf (
          "The model takes pictures of any size; this one was given to it at %d×%d.", *width,
          *height);
    }
  update_warning (self);
}

/* keras.applications' preprocess_input on 0…255, in place, with float32 steps as there. */
static void
preprocess (CnnPreprocess kind, float *values, gsize pixels, int channels)
{
  static const float bgr_mean[3] = { 103.939f, 116.779f, 123.68f };
  static const float mean[3] = { 0.485f, 0.456f, 0.406f },
                     deviation[3] = { 0.229f, 0.224f, 0.225f };
  gsize count = pixels * (gsize) channels;

  switch (kind)
    {
    case CNN_PREPROCESS_AUTO:
    case CNN_PREPROCESS_NONE:
      break;
    case CNN_PREPROCESS_TF:
      for (gsize i = 0; i < count; i++)
        values[i] = values[i] / 127.5f - 1.0f;
      break;
    case CNN_PREPROCESS_UNIT:
      for (gsize i = 0; i < count; i++)
        values[i] /= 255.0f;
      break;
    case CNN_PREPROCESS_CAFFE:
      for (gsize i = 0; i < count; i += 3)
        {
          float red = values[i];

          values[i] = values[i + 2] - bgr_mean[0];
          values[i + 1] -= bgr_mean[1];
          values[i + 2] = red - bgr_mean[2];
        }
      break;
    case CNN_PREPROCESS_TORCH:
      for (gsize i = 0; i < count; i++)
        values[i] = (values[i] / 255.0f - mean[i % 3]) / deviation[i % 3];
      break;
    }
}

/* What the model gets for a photograph without alpha and of its channels. Transfer full. */
static CnnArray *
make_input (const CnnSession *self, const CnnImage *photo, int width, int height,
            CnnResizeFilter resize, GError **error)
{
  int channels = photo->channels;
  g_autofree guint8 *resized = cnn_image_resize_bytes (photo, width, height, resize, error);
  g_autoptr (CnnArray) input = NULL;
  gsize count;

  if (resized == NULL)
    return NULL;
  input = cnn_array_new (3, (gint64[]){ height, width, channels }, "the input", error);
  if (input == NULL)
    return NULL;
  count = cnn_array_count (input);
  for (gsize i = 0; i < count; i++)
    input->data[i] = resized[i];
  preprocess (self->network->preprocess, input->data, count / (gsize) channels, channels);
  return g_steal_pointer (&input);
}

static gboolean
input_from_photo (CnnSession *self, const CnnImage *photo, CnnResizeFilter resize, GError **error)
{
  int width, height;
  g_autoptr (CnnArray) input = NULL;
  CnnShape shape;

  find_input_size (self, photo, &width, &height);
  shape = cnn_shape (1, height, width, photo->channels);
  input = make_input (self, photo, width, height, resize, error);
  if (input == NULL || !take_input (self, input, &shape, error))
    return FALSE;
  self->resized = resize;
  return TRUE;
}

/* The photograph without alpha, of the model's channels. Transfer full. */
static CnnImage *
fit_photo (const CnnSession *self, const CnnImage *photo, GError **error)
{
  const CnnShape *own = own_shape (self);
  CnnPreprocess kind = self->network->preprocess;
  int channels = own->c == 1 ? 1 : 3;
  g_autoptr (CnnImage) flat = NULL;

  if (own->rank != 3 || (own->c != 0 && own->c != 1 && own->c != 3))
    {
      g_autofree char *wants = cnn_shape_to_string (own);

      g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                   "%s takes an input of %s, which a photograph is not; give it as an .npy file",
                   self->name, wants);
      return NULL;
    }
  if (own->c == 1 && (kind == CNN_PREPROCESS_CAFFE || kind == CNN_PREPROCESS_TORCH))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "preprocess %s is for models with 3 channels, %s has 1",
                   kind == CNN_PREPROCESS_CAFFE ? "caffe" : "torch", self->name);
      return NULL;
    }
  flat = cnn_image_flatten (photo, self->background, error);
  if (flat == NULL || flat->channels == channels)
    return g_steal_pointer (&flat);
  return cnn_image_convert (flat, channels, error);
}

gboolean
cnn_session_set_photo (CnnSession *self, const CnnImage *photo, GError **error)
{
  g_autoptr (CnnImage) fitting = NULL;

  g_return_val_if_fail (self != NULL && photo != NULL, FALSE);
  fitting = fit_photo (self, photo, error);
  if (fitting == NULL || !input_from_photo (self, fitting, self->resize, error))
    return FALSE;
  cnn_image_unref (self->photo);
  self->photo = g_steal_pointer (&fitting);
  return TRUE;
}

CnnArray *
cnn_session_photo_input (const CnnSession *self, const CnnImage *photo, int width, int height,
                         GError **error)
{
  g_autoptr (CnnImage) fitting = fit_photo (self, photo, error);

  return fitting != NULL ? make_input (self, fitting, width, height, self->resize, error) : NULL;
}

gboolean
cnn_session_prepare (CnnSession *self, CnnResizeFilter resize, GError **error)
{
  if (self->input == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "there is no picture to look at");
      return FALSE;
    }
  if (self->photo == NULL || self->resized == resize)
    return TRUE;
  return input_from_photo (self, self->photo, resize, error);
}

/* --- Running --- */

static gboolean
contains (const GArray *have, const int *wanted, int n)
{
  for (int i = 0; i < n; i++)
    {
      gboolean found = FALSE;

      for (guint j = 0; j < have->len && !found; j++)
        found = g_array_index (have, int, j) == wanted[i];
      if (!found)
        return FALSE;
    }
  return TRUE;
}

static GArray *
copy_nodes (const int *nodes, int n)
{
  GArray *copy = g_array_new (FALSE, FALSE, sizeof (int));

  if (n > 0)
    g_array_append_vals (copy, nodes, (guint) n);
  return copy;
}

gboolean
cnn_session_run (CnnSession *self, const int *outputs, int n_outputs, int score,
                 const int *gradients, int n_gradients, const CnnProgress *progress, GError **error)
{
  gboolean fits = self->plan != NULL && contains (self->outputs, outputs, n_outputs)
                  && contains (self->gradients, gradients, n_gradients)
                  && (score < 0 || score == self->score);
  gint64 start;

  if (self->device == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE, "the model was opened without a device");
      return FALSE;
    }
  if (!fits)
    {
      CnnPlanRequest request = { .input = self->shapes[self->network->model->input],
                                 .outputs = outputs,
                                 .n_outputs = n_outputs,
                                 .score = score,
                                 .gradients = gradients,
                                 .n_gradients = n_gradients,
                                 .repeated = self->many,
                                 .values = self->input->data };

      if (!cnn_progress_step (progress, 0, "preparing the model", error))
        return FALSE;
      cnn_session_forget_plan (self);
      start = cnn_timing_start ();
      self->plan = cnn_plan_new (self->network->model, self->device, &request, error);
      cnn_timing_stop (start, "planning and recording");
      if (self->plan == NULL)
        return FALSE;
      self->outputs = copy_nodes (outputs, n_outputs);
      self->gradients = copy_nodes (gradients, n_gradients);
      self->score = score;
    }
  if (self->has_run && (score < 0 || !self->spent))
    return TRUE;
  if (!cnn_progress_step (progress, 0.3, "running the model", error))
    {
      /* it may have begun with this input */
      if (!fits)
        cnn_session_forget_plan (self);
      return FALSE;
    }
  start = cnn_plan_begun_at (self->plan);
  self->has_run = cnn_plan_forward (self->plan, self->input->data, error);
  self->spent = FALSE;
  self->microseconds += g_get_monotonic_time () - start;
  return self->has_run;
}

gboolean
cnn_session_run_back (CnnSession *self, const float *seed, GError **error)
{
  gint64 start = g_get_monotonic_time ();
  gboolean done = cnn_plan_backward (self->plan, seed, error);

  self->microseconds += g_get_monotonic_time () - start;
  self->spent = TRUE;
  return done;
}

/* --- Facts --- */

const char *
cnn_session_model_name (const CnnSession *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->name;
}

const char *
cnn_session_device_name (const CnnSession *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->device != NULL ? cnn_device_name (self->device) : NULL;
}

const char *
cnn_session_warning (const CnnSession *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->warning;
}

CnnPreprocess
cnn_session_preprocess (const CnnSession *self)
{
  g_return_val_if_fail (self != NULL, CNN_PREPROCESS_NONE);
  return self->network->preprocess;
}

void
cnn_session_input_size (const CnnSession *self, int *width, int *height)
{
  const CnnShape *shape;

  g_return_if_fail (self != NULL);
  shape = self->shapes != NULL ? &self->shapes[self->network->model->input] : own_shape (self);
  if (width != NULL)
    *width = shape->w;
  if (height != NULL)
    *height = shape->h;
}

char *
cnn_sidecar_labels (const char *model_path)
{
  g_autofree char *sidecar = g_strconcat (model_path, ".json", NULL);
  g_autoptr (JsonNode) node = cnn_json_read (sidecar, NULL);
  const char *name = node != NULL && JSON_NODE_HOLDS_OBJECT (node)
                         ? cnn_json_string (json_node_get_object (node), "labels")
                         : NULL;

  return name != NULL ? cnn_sidecar_labels_path (model_path, name) : NULL;
}

void
cnn_session_facts (const CnnSession *self, CnnFacts *facts)
{
  const CnnNetwork *network;
  const CnnShape *own, *output;

  g_return_if_fail (self != NULL && facts != NULL);
  network = self->network;
  own = own_shape (self);
  output = &cnn_model_node (network->model, network->model->output)->shape;
  *facts = (CnnFacts){
    .path = network->path,
    .sidecar = network->sidecar,
    .registered = network->registered,
    .architecture = network->architecture,
    .architecture_from = network->architecture_from,
    .contradiction = network->contradiction,
    .preprocess = network->preprocess,
    .preprocess_from = network->preprocess_from,
    .prepared_by = network->prepared_by,
    .prepared_twice = network->prepared_twice,
    .own_width = own->w,
    .own_height = own->h,
    .channels = own->c,
    .width = self->wanted_width > 0 ? self->wanted_width : network->default_width,
    .height = self->wanted_height > 0 ? self->wanted_height : network->default_height,
    .size_from = self->wanted_width > 0 ? "the option" : network->size_from,
    /* one unit tells two classes apart */
    .classes = output->h * output->w != 1 ? 0 : MAX (output->c, 2),
    .labels = network->labels,
    .labels_from = network->labels_from,
  };
}

double
cnn_session_milliseconds (const CnnSession *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return (double) self->microseconds / 1000;
}
