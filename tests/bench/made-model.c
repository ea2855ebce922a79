/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "made-model.h"

#include "noise.h"
#include "visualize.h"
#include "weights_private.h"

#include <glib/gstdio.h>
#include <hdf5.h>
#include <math.h>

#define SEED 1
#define KERAS_MAJOR 3
#define KERAS_VERSION "3.0.0"
#define ROOT "model_weights"
#define CHUNK ((gsize) 1 << 20) /* numbers written at a time */

/* The mean square of a photograph's values as the model gets them. */
static const double of_input[] = {
  [CNN_PREPROCESS_AUTO] = 0.3,  [CNN_PREPROCESS_NONE] = 2e4,  [CNN_PREPROCESS_TF] = 0.3,
  [CNN_PREPROCESS_CAFFE] = 5e3, [CNN_PREPROCESS_TORCH] = 1.3, [CNN_PREPROCESS_UNIT] = 0.3,
};

typedef struct
{
  hid_t file;
  const CnnLayer *last; /* with a kernel */
  double gain;          /* of its kernel */
  guint32 variables;    /* so far */
} Writer;

static char *
architecture_path (const char *name)
{
  g_autofree char *file = g_strconcat (name, ".json.gz", NULL);

  return g_build_filename (cnn_data_dir (), "architectures", file, NULL);
}

gboolean
made_model_known (const char *name)
{
  g_autofree char *path = architecture_path (name);

  return strchr (name, G_DIR_SEPARATOR) == NULL && g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

/* --- How large values grow --- */

static int
kernels_of (const CnnModel *model, const CnnNode *node)
{
  CnnShape inputs[CNN_MAX_INPUTS];
  CnnWeightSpec specs[CNN_MAX_WEIGHTS] = { 0 };
  int n, kernels = 0;

  if (node->layer->klass->weight_specs == NULL)
    return 0;
  for (int i = 0; i < node->n_inputs; i++)
    inputs[i] = cnn_model_node (model, node->inputs[i])->shape;
  n = node->layer->klass->weight_specs (node->layer, inputs, specs);
  for (int i = 0; i < n; i++)
    kernels += g_str_has_suffix (specs[i].name, "kernel");
  return kernels;
}

/* Of a tensor's values: their mean and their mean square. */
typedef struct
{
  double mean, square;
} Moments;

/* ReLU of a normal distribution. */
static Moments
rectified (Moments of, double ceiling)
{
  const double deviation = sqrt (MAX (of.square - of.mean * of.mean, 1e-30)),
               share = erfc (-of.mean / deviation / G_SQRT2) / 2,
               density = exp (-of.mean * of.mean / (deviation * deviation) / 2) / sqrt (2 * G_PI);
  const Moments open = { of.mean * share + deviation * density,
                         of.square * share + of.mean * deviation * density };

  return (Moments){ MIN (open.mean, ceiling), MIN (open.square, ceiling * ceiling) };
}

/* An estimate for a node's values from its inputs': He's kernels double the mean square. */
static Moments
find_moments (const CnnModel *model, const CnnNode *node, const Moments *all)
{
  const CnnActivation *activation = &node->layer->activation;
  const int kernels = kernels_of (model, node);
  Moments largest = { 0 }, sum = { 0 };
  double variance = 0;

  for (int i = 0; i < node->n_inputs; i++)
    {
      const Moments one = all[node->inputs[i]];

      largest = one.square > largest.square ? one : largest;
      sum.mean += one.mean;
      variance += one.square - one.mean * one.mean;
    }
  sum.square = variance + sum.mean * sum.mean;
  if (node->layer->klass->flags & CNN_LAYER_SCALING)
    return (Moments){ 0, of_input[CNN_PREPROCESS_TF] };
  if (node->layer->klass->flags & CNN_LAYER_ACTIVATION)
    return rectified (largest, activation->max_value > 0 ? (double) activation->max_value
                                                         : (double) G_MAXFLOAT);
  if (node->layer->klass->flags & CNN_LAYER_SUM)
    return sum;
  return kernels > 0 ? (Moments){ 0, largest.square * exp2 (kernels) } : largest;
}

/* Finds the last layer with a kernel, and what makes its results about 1. */
static void
find_last (Writer *self, const CnnModel *model, CnnPreprocess preprocess)
{
  g_autofree Moments *all = g_new0 (Moments, cnn_model_count (model));

  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnNode *node = cnn_model_node (model, i);

      all[i] = i == model->input ? (Moments){ 0, of_input[preprocess] }
                                 : find_moments (model, node, all);
      if (kernels_of (model, node) == 0)
        continue;
      self->last = node->layer;
      self->gain = 1 / sqrt (all[node->inputs[0]].square);
    }
}

/* --- The file --- */

static gboolean
failed (const char *what, GError **error)
{
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot be written", what);
  return FALSE;
}

/* One string as a scalar, or a list of them. */
static gboolean
write_strings (hid_t object, const char *name, const char *const *strings, gboolean scalar,
               GError **error)
{
  const hsize_t n = g_strv_length ((char **) strings);
  const hid_t type = H5Tcopy (H5T_C_S1);
  const hid_t space = scalar ? H5Screate (H5S_SCALAR) : H5Screate_simple (1, &n, NULL);
  hid_t id;
  gboolean good;

  H5Tset_size (type, H5T_VARIABLE);
  id = H5Acreate2 (object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  good = id >= 0 && H5Awrite (id, type, strings) >= 0;
  if (id >= 0)
    H5Aclose (id);
  H5Sclose (space);
  H5Tclose (type);
  return good || failed (name, error);
}

static gboolean
write_text (hid_t object, const char *name, const char *text, GError **error)
{
  return write_strings (object, name, (const char *const[]){ text, NULL }, TRUE, error);
}

/* Rows of the first size at a time, as many as fit into a chunk. */
static gboolean
fill_dataset (hid_t dataset, hid_t space, int rank, const hsize_t *dims, CnnNoise *noise,
              double low, double high)
{
  hsize_t start[CNN_MAX_RANK] = { 0 }, count[CNN_MAX_RANK];
  g_autofree float *values = NULL;
  gsize row = 1;

  memcpy (count, dims, sizeof count);
  for (int i = 1; i < rank; i++)
    row *= dims[i];
  count[0] = CLAMP (CHUNK / row, 1, dims[0]);
  values = g_new (float, row *count[0]);
  for (; start[0] < dims[0]; start[0] += count[0])
    {
      hid_t memory;
      herr_t done;

      count[0] = MIN (count[0], dims[0] - start[0]);
      cnn_noise_fill (noise, low, high, values, row * count[0]);
      memory = H5Screate_simple (rank, count, NULL);
      H5Sselect_hyperslab (space, H5S_SELECT_SET, start, NULL, count, NULL);
      done = H5Dwrite (dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, values);
      H5Sclose (memory);
      if (done < 0)
        return FALSE;
    }
  return TRUE;
}

static gboolean
write_variable (Writer *self, const CnnPart *part, const CnnWeightSpec *spec, const char *path,
                GError **error)
{
  const gboolean scaled = part->layer == self->last && g_str_has_suffix (spec->name, "kernel");
  g_autoptr (CnnNoise) noise = cnn_noise_new (SEED, self->variables++, 0);
  hsize_t dims[CNN_MAX_RANK] = { 1 };
  hid_t links, space, dataset;
  double low, high;
  gboolean good;

  for (int i = 0; i < spec->rank; i++)
    {
      dims[i] = (hsize_t) spec->dims[i];
      if (dims[i] == 0)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
                       "layer \"%s\": the size of its %s does not follow from the architecture",
                       part->path, spec->name);
          return FALSE;
        }
    }
  cnn_untrained_range (part->layer, spec, spec->dims, &low, &high);
  if (scaled)
    {
      low *= self->gain;
      high *= self->gain;
    }
  links = H5Pcreate (H5P_LINK_CREATE);
  H5Pset_create_intermediate_group (links, 1);
  space = spec->rank > 0 ? H5Screate_simple (spec->rank, dims, NULL) : H5Screate (H5S_SCALAR);
  dataset = H5Dcreate2 (self->file, path, H5T_IEEE_F32LE, space, links, H5P_DEFAULT, H5P_DEFAULT);
  good = dataset >= 0;
  if (good && spec->rank > 0)
    good = fill_dataset (dataset, space, spec->rank, dims, noise, low, high);
  else if (good)
    good = H5Dwrite (dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &low) >= 0;
  if (dataset >= 0)
    H5Dclose (dataset);
  H5Sclose (space);
  H5Pclose (links);
  return good || failed (path, error);
}

/* A layer of the outermost model, with all that it consists of. */
static gboolean
write_layer (Writer *self, CnnPart *layer, GPtrArray *parts, GError **error)
{
  g_autofree char *group = g_strconcat (ROOT "/", layer->name, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];
  gboolean good;
  hid_t id;

  for (guint i = 0; i < parts->len; i++)
    {
      const CnnPart *part = g_ptr_array_index (parts, i);
      const int n = cnn_part_specs (part, specs);

      for (int j = 0; j < n; j++)
        {
          char *name = g_strdup_printf ("%s/%s:0", part->path, specs[j].name);
          g_autofree char *path = g_strconcat (group, "/", name, NULL);

          g_ptr_array_add (names, name);
          if (!write_variable (self, part, &specs[j], path, error))
            return FALSE;
        }
    }
  g_ptr_array_add (names, NULL);
  id = H5Gopen2 (self->file, group, H5P_DEFAULT);
  good = (id >= 0 || failed (group, error))
         && write_strings (id, "weight_names", (const char *const *) names->pdata, FALSE, error);
  if (id >= 0)
    H5Gclose (id);
  return good;
}

static gboolean
write_layers (Writer *self, const CnnPart *top, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  hid_t root = H5Gcreate2 (self->file, ROOT, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  gboolean good = root >= 0 || failed (ROOT, error);

  for (guint i = 0; good && i < top->parts->len; i++)
    {
      CnnPart *layer = g_ptr_array_index (top->parts, i);
      g_autoptr (GPtrArray) parts = cnn_weights_parts (layer);

      if (parts->len == 0)
        continue;
      g_ptr_array_add (names, layer->name);
      good = write_layer (self, layer, parts, error);
    }
  g_ptr_array_add (names, NULL);
  good =
      good && write_strings (root, "layer_names", (const char *const *) names->pdata, FALSE, error);
  if (root >= 0)
    H5Gclose (root);
  return good;
}

gboolean
made_model_write (const char *name, const char *path, GError **error)
{
  g_autofree char *config_path = architecture_path (name), *text = NULL;
  g_autofree char *part_path = g_strconcat (path, ".part", NULL);
  g_autoptr (JsonNode) config = cnn_json_read (config_path, error);
  g_autoptr (CnnPart) top = NULL;
  g_autoptr (CnnModel) model = NULL;
  g_autoptr (CnnArchitecture) known = NULL;
  gboolean half_precision, good;
  Writer self = { 0 };

  if (config == NULL
      || (top = cnn_config_read (config, KERAS_MAJOR, &half_precision, error)) == NULL
      || (model = cnn_graph_build (top, name, error)) == NULL)
    return FALSE;
  known = cnn_architecture_of (top);
  find_last (&self, model, known != NULL ? known->preprocess : CNN_PREPROCESS_AUTO);
  text = json_to_string (config, FALSE);
  self.file = H5Fcreate (part_path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  good = self.file >= 0 || failed (part_path, error);
  good = good && write_text (self.file, "keras_version", KERAS_VERSION, error)
         && write_text (self.file, "model_config", text, error) && write_layers (&self, top, error);
  if (self.file >= 0 && H5Fclose (self.file) < 0)
    good = good && failed (part_path, error);
  if (good && g_rename (part_path, path) != 0)
    good = failed (path, error);
  if (!good)
    g_unlink (part_path);
  return good;
}
