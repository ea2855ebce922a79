/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A session's life, and what it knows of itself. */

#include "session_private.h"

#include "timing.h"

#define DEFAULT_MODEL "efficientnet-lite0"

static const char *
or_null (const char *text)
{
  return text != NULL && *text != '\0' ? text : NULL;
}

void
cnn_session_update_warning (CnnSession *self)
{
  const char *guess = self->network->preprocess_warning;
  const char *policy = self->network->half_precision
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

/* The device is opened while the file is read. Without this a warm Grad-CAM takes 8 % longer (wall
 * clock, median of 25 pairs on two cores; with it 90 pairs differ by 1 %). */
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
  self->background = g_memdup2 (options->background, 3 * sizeof (float));

  if ((on_device && !cnn_gpu_prepare (error))
      || !open_both (self, options, on_device, progress, error))
    return NULL;
  cnn_session_update_warning (self);
  return g_steal_pointer (&self);
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
  cnn_image_unref (self->fitting);
  cnn_array_unref (self->input);
  g_free (self->shapes);
  cnn_network_free (self->network);
  cnn_device_unref (self->device);
  g_free (self->background);
  g_free (self->size_warning);
  g_free (self->warning);
  g_free (self->name);
  g_free (self);
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
  shape = self->shapes != NULL ? &self->shapes[self->network->model->input]
                               : cnn_session_own_shape (self);
  if (width != NULL)
    *width = shape->w;
  if (height != NULL)
    *height = shape->h;
}

char *
cnn_sidecar_labels (const char *model_path)
{
  return cnn_network_sidecar_labels (model_path);
}

void
cnn_session_facts (const CnnSession *self, CnnFacts *facts)
{
  const CnnNetwork *network;
  const CnnShape *own, *output;

  g_return_if_fail (self != NULL && facts != NULL);
  network = self->network;
  own = cnn_session_own_shape (self);
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
    .size_from = self->wanted_width > 0 ? CNN_FROM_OPTION : network->size_from,
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
