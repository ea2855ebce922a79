/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"
#include "printable.h"

enum
{
  COLUMN_NAME,
  COLUMN_STATE,
  COLUMN_SIZE,
  COLUMN_INPUT,
  COLUMN_LICENCE,
  N_COLUMNS
};

char *
command_model_size (const CnnStoreEntry *entry)
{
  if (entry->path != NULL)
    return cnn_store_size_text (entry->bytes);
  gboolean exact;
  g_autofree char *whole = cnn_store_size_text (cnn_store_bytes (entry->model, &exact));
  const char *about = exact ? "" : "about ";
  if (entry->state != CNN_STORE_UNFINISHED)
    return g_strconcat (about, whole, NULL);
  g_autofree char *part = cnn_store_size_text (entry->bytes);
  return g_strdup_printf ("%s of %s%s", part, about, whole);
}

static void
append_rows (GString *text, GPtrArray *list)
{
  static const char *const titles[N_COLUMNS] = { "Name", "State", "Size", "Input", "Licence" };
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  for (int column = 0; column < N_COLUMNS; column++)
    g_ptr_array_add (cells, g_strdup (titles[column]));
  for (guint i = 0; i < list->len; i++)
    {
      const CnnStoreEntry *entry = g_ptr_array_index (list, i);
      const CnnStoreModel *model = entry->model;
      g_ptr_array_add (cells, g_strdup (entry->name));
      g_ptr_array_add (cells, g_strdup (cnn_store_state_text (entry->state)));
      g_ptr_array_add (cells, command_model_size (entry));
      g_ptr_array_add (
          cells, model == NULL ? g_strdup ("")
                               : g_strdup_printf ("%d×%d", model->input_size, model->input_size));
      g_ptr_array_add (cells, g_strdup (model == NULL ? "" : model->licence));
    }
  printable_table (text, cells, N_COLUMNS, FALSE);
}

static Result *
models (Run *run G_GNUC_UNUSED, const Subject *subject G_GNUC_UNUSED,
        const CnnProgress *progress G_GNUC_UNUSED, GError **error)
{
  g_autoptr (CnnStore) store = cnn_store_open (error);
  if (store == NULL)
    return NULL;
  g_autoptr (GPtrArray) list = cnn_store_list (store);

  Result *result = result_new ();
  result_string (result, "folder", cnn_store_folder (store));
  result_begin_list (result, "models");
  for (guint i = 0; i < list->len; i++)
    {
      const CnnStoreEntry *entry = g_ptr_array_index (list, i);
      const CnnStoreModel *model = entry->model;
      gboolean exact = TRUE;
      gint64 bytes = entry->path != NULL ? entry->bytes : cnn_store_bytes (model, &exact);
      result_begin (result, NULL);
      result_string (result, "name", entry->name);
      result_string (result, "state", cnn_store_state_text (entry->state));
      result_string (result, "file", entry->path);
      if (exact)
        result_integer (result, "size", bytes);
      else
        result_string (result, "size", NULL);
      result_integer (result, "about", bytes);
      result_integer (result, "here", entry->bytes);
      if (model != NULL)
        {
          result_integer (result, "input_size", model->input_size);
          result_string (result, "preprocess", model->preprocess);
          result_integer (result, "classes", model->classes);
          result_string (result, "architecture", model->architecture);
          result_string (result, "licence", model->licence);
          result_string (result, "address", model->url);
          result_string (result, "checksum", model->checksum);
        }
      result_end (result);
    }
  result_end_list (result);
  append_rows (result->text, list);
  g_string_append_c (result->text, '\n');
  result_line (result, "convlens get-model NAME downloads one to %s.", cnn_store_folder (store));
  result_line (result, "-no-top: without the layers that name classes.");
  return result;
}

const Command models_command = {
  .name = "models",
  .label = "_Models",
  .summary = "list the models that are there and those to be had",
  .help = "Lists what --model takes by name: what is built in, downloaded or lies in the folder of "
          "models, and what convlens get-model downloads.",
  .run = models,
};
