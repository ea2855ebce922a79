/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small models written by Keras 3 and tf-keras: every layer's value, and the gradient of a class's
 * score at every layer that golden.json names, against Keras' own numbers. A folder in
 * tests/data/keras is a case for each of its model files; tests/data/keras/make.py tells how to add
 * one. */
#include "image.h"
#include "network.h"
#include "plan.h"

#include <json-glib/json-glib.h>
#include <math.h>

#define TOLERANCE \
  1e-5 /* max-norm; 1e-4 is allowed (README.md), and more than this has to be explained */

typedef struct
{
  char *folder, *file, *architecture;
} Case;

static void
compare (const char *what, const CnnArray *ours, const char *folder, const char *file)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnArray) golden = cnn_npy_load (path, &error);
  double worst = 0., largest = 0.;

  g_assert_no_error (error);
  if (cnn_array_count (golden) != cnn_array_count (ours))
    {
      g_test_fail_printf ("%s: %" G_GSIZE_FORMAT " numbers, Keras has %" G_GSIZE_FORMAT, what,
                          cnn_array_count (ours), cnn_array_count (golden));
      return;
    }
  for (gsize i = 0; i < cnn_array_count (golden); i++)
    {
      double difference = fabs ((double) ours->data[i] - golden->data[i]);

      worst = difference <= worst ? worst : difference; /* so that NaN is worst */
      largest = MAX (largest, fabs (golden->data[i]));
    }
  if (!(worst <= TOLERANCE * MAX (largest, 1e-6)))
    g_test_fail_printf ("%s: error %.2e of %.3g", what, worst / MAX (largest, 1e-6), largest);
}

static int
find (const CnnModel *model, const char *name)
{
  g_autoptr (GError) error = NULL;
  int node = cnn_model_find (model, name, &error);

  g_assert_no_error (error);
  return node;
}

static GArray *
find_all (const CnnModel *model, JsonArray *rows, const char *member)
{
  GArray *nodes = g_array_new (FALSE, FALSE, sizeof (int));

  for (guint i = 0; i < json_array_get_length (rows); i++)
    {
      int node = find (
          model, json_object_get_string_member (json_array_get_object_element (rows, i), member));
      g_array_append_val (nodes, node);
    }
  return nodes;
}

static void
compare_all (const Case *row, JsonArray *rows, const char *member, const char *what, GArray *nodes,
             CnnPlan *plan, CnnArray *(*get) (CnnPlan *, int, GError **) )
{
  for (guint i = 0; i < nodes->len; i++)
    {
      JsonObject *object = json_array_get_object_element (rows, i);
      g_autofree char *label =
          g_strdup_printf ("%s of %s", what, json_object_get_string_member (object, member));
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnArray) values = get (plan, g_array_index (nodes, int, i), &error);

      g_assert_no_error (error);
      compare (label, values, row->folder, json_object_get_string_member (object, "file"));
    }
}

/* `every` asks for all values at once, so nothing is folded; else for the last alone, so all is. */
static void
run (const Case *row, JsonObject *golden, CnnNetwork *network, CnnDevice *device, gboolean every)
{
  CnnModel *model = network->model;
  JsonArray *layers = json_object_get_array_member (golden, "layers");
  JsonArray *gradients = json_object_get_array_member (golden, "gradients");
  g_autoptr (GArray) values = find_all (model, layers, "name");
  g_autoptr (GArray) targets = find_all (model, gradients, "layer");
  g_autofree char *input_path = g_build_filename (row->folder, "input.npy", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnArray) input = cnn_npy_load (input_path, &error);
  CnnPlanRequest request = {
    .outputs = &g_array_index (values, int, 0),
    .n_outputs = every ? (int) values->len : 0,
    .score = cnn_model_before_activation (model, model->output),
    .gradients = &g_array_index (targets, int, 0),
    .n_gradients = (int) targets->len,
  };
  g_autoptr (CnnPlan) plan = NULL;
  g_autofree float *seed = NULL;

  g_assert_no_error (error);
  request.input = cnn_shape (1, (int) input->dims[0], (int) input->dims[1], (int) input->dims[2]);
  plan = cnn_plan_new (model, device, &request, &error);
  g_assert_no_error (error);
  g_assert_true (cnn_plan_forward (plan, input->data, &error));
  if (every)
    compare_all (row, layers, "name", "value", values, plan, cnn_plan_output);
  seed = g_new0 (float, cnn_plan_shape (plan, request.score)->c);
  /* a single unit is two classes, 1 with its logit and 0 with the negative */
  if (cnn_plan_shape (plan, request.score)->c == 1)
    seed[0] = json_object_get_int_member (golden, "class") == 1 ? 1.f : -1.f;
  else
    seed[json_object_get_int_member (golden, "class")] = 1.f;
  g_assert_true (cnn_plan_backward (plan, seed, &error));
  compare_all (row, gradients, "layer", "gradient", targets, plan, cnn_plan_gradient);
}

static void
test_golden (gconstpointer data)
{
  const Case *row = data;
  g_autofree char *path = g_build_filename (row->folder, row->file, NULL);
  g_autofree char *golden_path = g_build_filename (row->folder, "golden.json", NULL);
  g_autofree char *architecture =
      row->architecture != NULL ? g_build_filename (row->folder, row->architecture, NULL) : NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnNetwork) network = NULL;
  g_autoptr (CnnDevice) device = NULL;
  JsonObject *golden;

  json_parser_load_from_file (parser, golden_path, &error);
  g_assert_no_error (error);
  golden = json_node_get_object (json_parser_get_root (parser));
  network = cnn_network_open (path, architecture, CNN_PREPROCESS_NONE, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cnn_model_parameters (network->model), ==,
                    json_object_get_int_member (golden, "parameters"));
  device = cnn_device_open (NULL, &error);
  g_assert_no_error (error);
  run (row, golden, network, device, TRUE);
  run (row, golden, network, device, FALSE);
  g_assert_cmpuint (cnn_device_validation_messages (device), ==, 0);
}

static void
case_free (gpointer data)
{
  Case *row = data;

  g_free (row->folder);
  g_free (row->file);
  g_free (row->architecture);
  g_free (row);
}

static void
add_cases (const char *root, const char *name)
{
  g_autofree char *folder = g_build_filename (root, name, NULL);
  g_autofree char *path = g_build_filename (folder, "golden.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *files;

  if (!json_parser_load_from_file (parser, path, NULL))
    return;
  files =
      json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)), "files");
  for (guint i = 0; i < json_array_get_length (files); i++)
    {
      JsonObject *file = json_array_get_object_element (files, i);
      Case *row = g_new0 (Case, 1);
      g_autofree char *title = NULL;

      row->folder = g_strdup (folder);
      row->file = g_strdup (json_object_get_string_member (file, "file"));
      row->architecture =
          g_strdup (json_object_get_string_member_with_default (file, "architecture", NULL));
      title = g_strdup_printf ("/goldens/%s/%s", name, row->file);
      g_test_add_data_func_full (title, row, test_golden, case_free);
    }
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (*(const char *const *) a, *(const char *const *) b);
}

int
main (int argc, char **argv)
{
  g_autofree char *root = NULL;
  g_autoptr (GDir) dir = NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  g_test_init (&argc, &argv, NULL);
  root = g_test_build_filename (G_TEST_DIST, "data", "keras", NULL);
  dir = g_dir_open (root, 0, NULL);
  for (const char *name = dir ? g_dir_read_name (dir) : NULL; name; name = g_dir_read_name (dir))
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    add_cases (root, names->pdata[i]);
  return g_test_run ();
}
