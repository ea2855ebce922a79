/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"
#include "printable.h"

#include <string.h>

/* As Keras writes it: (None, 178, 178, 32). */
static char *
shape_text (const CnnLayerInfo *info)
{
  GString *text = g_string_new ("(None");
  for (int i = 0; i < info->rank; i++)
    if (info->dims[i] > 0)
      g_string_append_printf (text, ", %" G_GINT64_FORMAT, info->dims[i]);
    else
      g_string_append (text, ", None");
  return g_string_free (g_string_append_c (text, ')'), FALSE);
}

/* 991,041 */
static char *
grouped (gsize number)
{
  GString *text = g_string_new (NULL);
  g_string_printf (text, "%" G_GSIZE_FORMAT, number);
  for (gssize at = (gssize) text->len - 3; at > 0; at -= 3)
    g_string_insert_c (text, at, ',');
  return g_string_free (text, FALSE);
}

enum
{
  COLUMN_LAYER,
  COLUMN_SHAPE,
  COLUMN_PARAMETERS,
  COLUMN_INPUTS,
  N_COLUMNS
};

/* The inputs need saying only where some layer follows another than the one above it. */
static gboolean
is_chain (GPtrArray *layers)
{
  for (guint i = 0; i < layers->len; i++)
    {
      const CnnLayerInfo *info = g_ptr_array_index (layers, i);
      guint count = info->inputs == NULL ? 0 : g_strv_length (info->inputs);
      if (i == 0 || count == 0)
        continue;
      const CnnLayerInfo *above = g_ptr_array_index (layers, i - 1);
      if (count > 1 || strcmp (info->inputs[0], above->name) != 0)
        return FALSE;
    }
  return TRUE;
}

static void
append_summary (GString *text, GPtrArray *layers)
{
  static const char *const titles[N_COLUMNS] = { "Layer (type)", "Output Shape", "Param #",
                                                 "Connected to" };
  guint columns = is_chain (layers) ? COLUMN_INPUTS : N_COLUMNS;
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  for (guint column = 0; column < columns; column++)
    g_ptr_array_add (cells, g_strdup (titles[column]));
  for (guint i = 0; i < layers->len; i++)
    {
      const CnnLayerInfo *info = g_ptr_array_index (layers, i);
      g_ptr_array_add (cells, g_strdup_printf ("%s (%s)", info->name, info->class_name));
      g_ptr_array_add (cells, shape_text (info));
      g_ptr_array_add (cells, grouped (info->parameters));
      if (columns > COLUMN_INPUTS)
        g_ptr_array_add (cells,
                         info->inputs == NULL ? g_strdup ("") : g_strjoinv (", ", info->inputs));
    }
  printable_table (text, cells, columns, TRUE);
}

static Result *
layers (Run *run, const Subject *subject G_GNUC_UNUSED, const CnnProgress *progress, GError **error)
{
  g_autoptr (CnnSession) session = cnn_session_open (&run->options, FALSE, progress, error);
  if (session == NULL)
    return NULL;
  g_autoptr (GPtrArray) list = cnn_session_layers (session, error);
  if (list == NULL)
    return NULL;

  Result *result = result_new ();
  result_string (result, "model", cnn_session_model_name (session));
  result_begin_list (result, "layers");
  for (guint i = 0; i < list->len; i++)
    {
      const CnnLayerInfo *info = g_ptr_array_index (list, i);
      result_begin (result, NULL);
      result_string (result, "name", info->name);
      result_string (result, "class", info->class_name);
      result_shape (result, "shape", info->rank, info->dims);
      result_integer (result, "parameters", (gint64) info->parameters);
      result_begin_list (result, "inputs");
      for (int input = 0; info->inputs != NULL && info->inputs[input] != NULL; input++)
        result_string (result, NULL, info->inputs[input]);
      result_end_list (result);
      result_end (result);
    }
  result_end_list (result);
  result_integer (result, "parameters", (gint64) cnn_session_parameters (session));

  g_autofree char *total = grouped (cnn_session_parameters (session));
  result_line (result, "Model: \"%s\"", cnn_session_model_name (session));
  append_summary (result->text, list);
  result_line (result, "Total params: %s", total);
  if (cnn_session_warning (session) != NULL)
    result_warn (result, "%s", cnn_session_warning (session));
  return result;
}

const Command layers_command = {
  .name = "layers",
  .label = "_Layers",
  .summary = "list the layers of a model",
  .help = "Lists a model's layers as Keras' summary does: name and class, shape, parameters.",
  .subject = "model",
  .flags = COMMAND_MODEL,
  .run = layers,
};
