/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What goes with the graph: how the input is prepared, its size, the labels. */

#include "network_private.h"

#include <string.h>

#define IMAGENET_CLASSES 1000

static gboolean
is_named (const CnnNode *node, const char *a, const char *b)
{
  return strcmp (node->layer->klass->name, a) == 0 || strcmp (node->layer->klass->name, b) == 0;
}

/* A Rescaling or Normalization that the picture meets before anything else, or NULL. */
static const CnnNode *
prepares_its_input (const CnnModel *model)
{
  g_autofree gboolean *raw = g_new0 (gboolean, cnn_model_count (model));

  for (int i = 0; i < cnn_model_count (model); i++)
    {
      const CnnNode *node = cnn_model_node (model, i);
      gboolean from_raw = node->n_inputs > 0;

      for (int j = 0; j < node->n_inputs; j++)
        from_raw &= raw[node->inputs[j]];
      if (from_raw && is_named (node, "Rescaling", "Normalization"))
        return node;
      raw[i] =
          i == model->input
          || (from_raw
              && (node->layer->klass->flags & (CNN_LAYER_IDENTITY | CNN_LAYER_RESHAPING)) != 0);
    }
  return NULL;
}

JsonObject *
cnn_network_sidecar (const CnnNetworkOpening *opening)
{
  return opening->sidecar != NULL ? json_node_get_object (opening->sidecar) : NULL;
}

/* What the sidecar says of the preprocessing; AUTO where it says nothing. */
static gboolean
told_preprocess (const CnnNetworkOpening *opening, CnnPreprocess *told, GError **error)
{
  JsonNode *node = cnn_json_member (cnn_network_sidecar (opening), "preprocess");
  const char *name = cnn_json_node_string (node);

  *told = cnn_preprocess_from_name (name);
  if (node == NULL || *told != CNN_PREPROCESS_AUTO
      || (name != NULL && g_ascii_strcasecmp (name, "auto") == 0))
    return TRUE;
  g_set_error (
      error, CNN_ERROR, CNN_ERROR_FILE,
      "the sidecar \"%s.json\" says preprocess \"%s\", which is not one of auto, none, tf, "
      "caffe, torch, unit",
      opening->label, name != NULL ? name : "…");
  return FALSE;
}

gboolean
cnn_network_settle_preprocess (const CnnNetworkOpening *opening, CnnPreprocess option,
                               CnnNetwork *network, GError **error)
{
  const CnnNode *own = prepares_its_input (opening->reading.model);
  CnnPreprocess told, registered;

  if (!told_preprocess (opening, &told, option == CNN_PREPROCESS_AUTO ? error : NULL)
      && option == CNN_PREPROCESS_AUTO)
    return FALSE;
  registered = opening->registered != NULL
                   ? cnn_preprocess_from_name (opening->registered->preprocess)
                   : CNN_PREPROCESS_AUTO;
  if (own != NULL)
    network->prepared_by = g_strdup (own->layer->name);
  network->preprocess_from = option != CNN_PREPROCESS_AUTO       ? CNN_FROM_OPTION
                             : told != CNN_PREPROCESS_AUTO       ? CNN_FROM_SIDECAR
                             : registered != CNN_PREPROCESS_AUTO ? CNN_FROM_REGISTRY
                             : own != NULL                       ? CNN_FROM_MODEL
                             : opening->reading.preprocess != CNN_PREPROCESS_AUTO
                                 ? CNN_FROM_ARCHITECTURE
                                 : NULL;
  if (option != CNN_PREPROCESS_AUTO)
    network->preprocess = option;
  else if (told != CNN_PREPROCESS_AUTO)
    network->preprocess = told;
  else if (registered != CNN_PREPROCESS_AUTO)
    network->preprocess = registered;
  else if (own != NULL)
    network->preprocess = CNN_PREPROCESS_NONE;
  else if (network->preprocess_from != NULL)
    network->preprocess = opening->reading.preprocess;
  else
    {
      network->preprocess = CNN_PREPROCESS_TF;
      network->preprocess_warning = g_strdup (
          "The file does not say how its input is prepared; \"tf\" (x/127.5 − 1) is assumed.");
    }
  /* A Normalization may well have learned from what was divided by 255. */
  network->prepared_twice = own != NULL && strcmp (own->layer->klass->name, "Rescaling") == 0
                            && network->preprocess != CNN_PREPROCESS_NONE;
  if (network->prepared_twice && option == CNN_PREPROCESS_AUTO && told != CNN_PREPROCESS_AUTO)
    network->preprocess_warning = g_strdup_printf (
        "The sidecar \"%s.json\" prepares the input by \"%s\", and the model's own layer \"%s\" "
        "does so once more.",
        opening->label, cnn_json_string (cnn_network_sidecar (opening), "preprocess"),
        own->layer->name);
  return TRUE;
}

static gboolean
told_side (JsonNode *node, int *side)
{
  gint64 value;

  if (!cnn_json_integer (node, &value) || value < 1 || value > G_MAXINT16)
    return FALSE;
  *side = (int) value;
  return TRUE;
}

/* N, or [width, height]. */
static gboolean
told_size (JsonNode *node, int *width, int *height)
{
  JsonArray *sides = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  guint n = sides != NULL ? json_array_get_length (sides) : 0;

  if (sides == NULL)
    return told_side (node, width) && told_side (node, height);
  return n > 0 && n <= 2 && told_side (json_array_get_element (sides, 0), width)
         && told_side (json_array_get_element (sides, n - 1), height);
}

gboolean
cnn_network_settle_size (const CnnNetworkOpening *opening, CnnNetwork *network, GError **error)
{
  const CnnShape *shape =
      &cnn_model_node (opening->reading.model, opening->reading.model->input)->shape;
  JsonNode *node = cnn_json_member (cnn_network_sidecar (opening), "input_size");
  int standard =
      opening->registered != NULL ? opening->registered->input_size : opening->reading.input_size;
  int width = standard, height = standard;

  network->size_from = opening->registered != NULL ? CNN_FROM_REGISTRY
                       : standard > 0              ? CNN_FROM_ARCHITECTURE
                                                   : NULL;
  if (node != NULL)
    {
      if (!told_size (node, &width, &height))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                       "the sidecar \"%s.json\" has an input_size that is neither N nor "
                       "[width, height]",
                       opening->label);
          return FALSE;
        }
      network->size_from = CNN_FROM_SIDECAR;
      if ((shape->w > 0 && shape->w != width) || (shape->h > 0 && shape->h != height))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                       "the sidecar \"%s.json\" contradicts the model: input_size %d×%d, where the "
                       "model takes %d×%d",
                       opening->label, width, height, shape->w, shape->h);
          return FALSE;
        }
    }
  if (shape->w > 0 && shape->h > 0)
    network->size_from = CNN_FROM_MODEL;
  network->default_width = shape->w > 0 ? shape->w : width;
  network->default_height = shape->h > 0 ? shape->h : height;
  return TRUE;
}

/* Where the labels are that a sidecar names: beside the model. */
static char *
labels_path (const char *model_path, const char *name)
{
  g_autofree char *folder = g_path_get_dirname (model_path);

  return g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (folder, name, NULL);
}

static GPtrArray *
sidecar_labels (const CnnNetworkOpening *opening, GError **error)
{
  JsonNode *node = cnn_json_member (cnn_network_sidecar (opening), "labels");
  const char *name = cnn_json_node_string (node);
  g_autofree char *path = NULL;
  GPtrArray *labels;

  if (name != NULL)
    {
      path = labels_path (opening->path, name);
      return cnn_labels_read (path, error);
    }
  labels = cnn_labels_from_json (node);
  if (labels == NULL)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "the labels of \"%s.json\" are not readable",
                 opening->label);
  return labels;
}

static void
set_count_error (const CnnNetworkOpening *opening, const char *file, guint n, GError **error)
{
  const CnnShape *shape =
      &cnn_model_node (opening->reading.model, opening->reading.model->output)->shape;
  g_autofree char *name = file != NULL ? g_filename_display_basename (file)
                                       : g_strconcat (opening->label, ".json", NULL);

  if (shape->h * shape->w != 1)
    {
      g_autofree char *output = cnn_shape_to_string (shape);

      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "%u labels for a model without classes: its output is %s (the labels are in "
                   "\"%s\")",
                   n, output, name);
      return;
    }
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "%u labels for a model of %d classes (the labels are in \"%s\")", n,
               shape->c == 1 ? 2 : shape->c, name);
}

gboolean
cnn_network_settle_labels (const CnnNetworkOpening *opening, const char *file, CnnNetwork *network,
                           GError **error)
{
  int classes = cnn_model_node (opening->reading.model, opening->reading.model->output)->shape.c;
  const char *built_in = opening->registered != NULL             ? opening->registered->labels
                         : opening->reading.architecture != NULL ? "imagenet"
                                                                 : NULL;

  if (file != NULL && file[0] == '\0')
    file = NULL;
  if (file != NULL)
    network->labels = cnn_labels_read (file, error);
  else if (cnn_json_member (cnn_network_sidecar (opening), "labels") != NULL)
    network->labels = sidecar_labels (opening, error);
  else
    {
      if (classes == IMAGENET_CLASSES && built_in != NULL)
        {
          g_autofree char *name = g_strconcat (built_in, ".txt", NULL);
          g_autofree char *path = g_build_filename (cnn_data_dir (), "labels", name, NULL);

          network->labels = cnn_labels_read (path, NULL);
          network->labels_from =
              opening->registered != NULL ? CNN_FROM_REGISTRY : CNN_FROM_ARCHITECTURE;
        }
      return TRUE;
    }
  if (network->labels == NULL)
    return FALSE;
  network->labels_from = file != NULL ? CNN_FROM_OPTION : CNN_FROM_SIDECAR;
  /* a single unit tells two classes apart */
  if ((int) network->labels->len != classes && !(classes == 1 && network->labels->len == 2))
    {
      set_count_error (opening, file, network->labels->len, error);
      return FALSE;
    }
  return TRUE;
}

char *
cnn_network_sidecar_labels (const char *model_path)
{
  g_autofree char *sidecar = g_strconcat (model_path, ".json", NULL);
  g_autoptr (JsonNode) node = cnn_json_read (sidecar, NULL);
  const char *name = node != NULL && JSON_NODE_HOLDS_OBJECT (node)
                         ? cnn_json_string (json_node_get_object (node), "labels")
                         : NULL;

  return name != NULL ? labels_path (model_path, name) : NULL;
}
