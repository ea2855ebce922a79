/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runs.h"

#include <glib/gstdio.h>
#include <math.h>

#define RATE 10
#define SEED 1
#define MOST_SURE 0.999 /* probability of a class in a model that has learned nothing */

/* --- Folders --- */

void
remove_tree (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);

      if (g_file_test (inner, G_FILE_TEST_IS_DIR) && !g_file_test (inner, G_FILE_TEST_IS_SYMLINK))
        remove_tree (inner);
      else
        g_unlink (inner);
    }
  g_rmdir (path);
}

void
empty_folder (const char *path)
{
  remove_tree (path);
  g_mkdir_with_parents (path, 0700);
}

/* Drivers and the engine keep their pipelines in `folder`. */
static GStrv
with_caches (GStrv environment, const char *folder)
{
  static const char *const names[] = { "XDG_CACHE_HOME", "MESA_SHADER_CACHE_DIR",
                                       "__GL_SHADER_DISK_CACHE_PATH" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    environment = g_environ_setenv (environment, names[i], folder, TRUE);
  return environment;
}

void
use_own_caches (Bench *self)
{
  g_auto (GStrv) environment = NULL;

  self->caches = g_build_filename (self->scratch, "caches", NULL);
  empty_folder (self->caches);
  environment = with_caches (NULL, self->caches);
  for (char **pair = environment; *pair != NULL; pair++)
    {
      g_auto (GStrv) both = g_strsplit (*pair, "=", 2);

      g_setenv (both[0], both[1], TRUE);
    }
}

char *
program_caches (const Bench *self, const Model *model)
{
  g_autofree char *name = g_strconcat ("caches-", model->name, NULL);

  return g_build_filename (self->scratch, g_strdelimit (name, "/", '-'), NULL);
}

/* --- The session --- */

void
close_session (Bench *self)
{
  g_clear_pointer (&self->session, cnn_session_unref);
  self->open = NULL;
}

static gboolean
open_session (Bench *self, const Model *model, gboolean many, GError **error)
{
  const CnnOptions options = { .model = model->path, .many = many };

  close_session (self);
  self->session = cnn_session_open (&options, TRUE, NULL, error);
  if (self->session == NULL)
    return FALSE;
  self->open = model;
  self->many = many;
  return TRUE;
}

gboolean
need_session (Bench *self, const Model *model, gboolean many, GError **error)
{
  if (self->open == model && self->many == many)
    return TRUE;
  close_session (self);
  empty_folder (self->caches);
  return open_session (self, model, many, error);
}

/* --- Operations --- */

/* Two for each weight and place of convolutions and dense layers, in one forward run. */
static double
count_operations (const CnnModel *model, const CnnShape *shapes)
{
  double operations = 0;

  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnNode *node = cnn_model_node (model, i);
      const gboolean transposed = strcmp (node->layer->klass->name, "Conv2DTranspose") == 0;
      CnnWeightSpec specs[CNN_MAX_WEIGHTS] = { 0 };
      CnnShape inputs[CNN_MAX_INPUTS];
      const CnnShape *places = &shapes[i];
      int n;

      /* 0: not in this part of the model */
      if (node->layer->klass->weight_specs == NULL || places->h == 0)
        continue;
      for (int j = 0; j < node->n_inputs; j++)
        inputs[j] = shapes[node->inputs[j]];
      if (transposed)
        places = &inputs[0];
      n = node->layer->klass->weight_specs (node->layer, inputs, specs);
      for (int j = 0; j < n; j++)
        if (g_str_has_suffix (specs[j].name, "kernel") && node->layer->weights[j] != NULL)
          operations +=
              2. * (double) cnn_array_count (node->layer->weights[j]) * places->h * places->w;
    }
  return operations;
}

double
forward_operations (const Bench *self)
{
  return count_operations (self->session->network->model, self->session->shapes);
}

/* Of a step of one picture: forward and back. */
double
step_operations (const Bench *self, const Model *model)
{
  const CnnModel *graph = self->session->network->model;
  const CnnShape picture = cnn_shape (1, PATTERN_SIZE, PATTERN_SIZE, 3);
  const int end = cnn_model_find (graph, model->pattern_layer, NULL);
  g_autofree CnnShape *shapes =
      end >= 0 ? cnn_model_part_shapes (graph, graph->input, &picture, &end, 1, NULL) : NULL;

  return shapes != NULL ? 2 * count_operations (graph, shapes) : 0;
}

/* --- Runs --- */

gboolean
run_open (Bench *self, Model *model, GError **error)
{
  return open_session (self, model, FALSE, error);
}

gboolean
run_forward (Bench *self, Model *model, GError **error)
{
  g_autoptr (GPtrArray) best = NULL;
  const CnnPrediction *first;

  if (!cnn_session_set_photo (self->session, self->photo, error)
      || (best = cnn_session_predict (self->session, 1, error)) == NULL)
    return FALSE;
  first = g_ptr_array_index (best, 0);
  if (isfinite (first->score) && first->probability > 0
      && (!model->made || (double) first->probability < MOST_SURE))
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL, "class %d has a score of %g, a probability of %g",
               first->index, (double) first->score, (double) first->probability);
  return FALSE;
}

gboolean
run_grad_cam (Bench *self, Model *model, GError **error)
{
  const CnnGradCamOptions options = { 0 };
  g_autoptr (GError) problem = NULL;
  g_autoptr (CnnGradCam) cam = NULL;

  (void) model;
  if (!cnn_session_set_photo (self->session, self->photo, error))
    return FALSE;
  cam = cnn_grad_cam (self->session, &options, NULL, &problem);
  /* all was computed by then */
  if (cam != NULL || g_error_matches (problem, CNN_ERROR, CNN_ERROR_NO_EVIDENCE))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

gboolean
run_gradient (Bench *self, Model *model, GError **error)
{
  static const char *const names[] = { "input", NULL };
  g_autoptr (GPtrArray) gradients = NULL;

  (void) model;
  if (!cnn_session_set_photo (self->session, self->photo, error))
    return FALSE;
  gradients = cnn_session_gradients (self->session, names, NULL, CNN_SCORE_LOGIT, NULL, error);
  return gradients != NULL;
}

static gboolean
find_pattern_layer (Bench *self, Model *model, GError **error)
{
  g_autoptr (GPtrArray) layers = NULL, convolutions = g_ptr_array_new ();

  if (model->pattern_layer != NULL)
    return TRUE;
  layers = cnn_session_layers (self->session, error);
  if (layers == NULL)
    return FALSE;
  for (guint i = 0; i < layers->len; i++)
    {
      const CnnLayerInfo *info = g_ptr_array_index (layers, i);

      if (strcmp (info->class_name, "Conv2D") == 0
          || strcmp (info->class_name, "SeparableConv2D") == 0)
        g_ptr_array_add (convolutions, info->name);
    }
  if (convolutions->len == 0)
    {
      g_set_error_literal (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                           "the model has no Conv2D or SeparableConv2D");
      return FALSE;
    }
  model->pattern_layer = g_strdup (g_ptr_array_index (convolutions, convolutions->len / 2));
  return TRUE;
}

static gboolean
climb (Bench *self, Model *model, int steps, int filters, GError **error)
{
  const CnnPatternOptions options = {
    .layer = model->pattern_layer,
    .last = filters - 1,
    .size = PATTERN_SIZE,
    .steps = steps,
    .rate = RATE,
    .seed = SEED,
  };
  g_autoptr (CnnPatterns) patterns = cnn_filter_pattern (self->session, &options, NULL, error);

  return patterns != NULL;
}

gboolean
run_pattern (Bench *self, Model *model, GError **error)
{
  return find_pattern_layer (self, model, error) && climb (self, model, PATTERN_STEPS, 1, error);
}

gboolean
run_long_pattern (Bench *self, Model *model, GError **error)
{
  return find_pattern_layer (self, model, error)
         && climb (self, model, 2 * PATTERN_STEPS, 1, error);
}

gboolean
run_sheet (Bench *self, Model *model, GError **error)
{
  return find_pattern_layer (self, model, error)
         && climb (self, model, PATTERN_STEPS, SHEET_PICTURES, error);
}

/* --- The program --- */

gboolean
run_program (Bench *self, Model *model, GError **error)
{
  g_autofree char *caches = program_caches (self, model), *said = NULL;
  g_autofree char *output = g_build_filename (self->scratch, "output.png", NULL);
  const char *const arguments[] = { self->program, "grad-cam", self->photo_path, "--model",
                                    model->path,   "--output", output,           NULL };
  g_auto (GStrv) environment = with_caches (g_get_environ (), caches);
  g_autoptr (GError) problem = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **) arguments, environment, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
                     NULL, &said, &status, error))
    return FALSE;
  if (g_spawn_check_wait_status (status, &problem))
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s", problem->message, g_strstrip (said));
  return FALSE;
}
