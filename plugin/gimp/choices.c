/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "choices.h"

#include "list.h"
#include "picture.h"

#include <string.h>

#define BEST 5
#define MAP_RANK 3

/* --- Proposals: what the rows drop down --- */

/* The words that the row itself proposes stand first. */
static GPtrArray *
proposals_new (const Argument *argument)
{
  GPtrArray *names = g_ptr_array_new ();
  for (int i = 0; argument->choices != NULL && argument->choices[i] != NULL; i++)
    g_ptr_array_add (names, (gpointer) argument->choices[i]);
  return names;
}

static void
propose (const Choices *choices, const Argument *argument, GPtrArray *names)
{
  g_ptr_array_add (names, NULL);
  dialog_page_propose (choices->page, argument->name, (const char *const *) names->pdata);
}

static GPtrArray *
table_of (const Choices *choices)
{
  return arguments_table (choices->call->arguments);
}

/* What the page says; rows with a wrong value are at their defaults. */
static Arguments *
page_arguments (const Choices *choices)
{
  GPtrArray *table = table_of (choices);
  Arguments *arguments = arguments_new (table);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      g_autofree char *value = dialog_page_get (choices->page, argument->name);
      arguments_set (arguments, argument->name, value, NULL);
    }
  return arguments;
}

static void
propose_devices (const Choices *choices, const Argument *argument)
{
  g_autoptr (GPtrArray) devices = cnn_devices_list (NULL);
  g_autoptr (GPtrArray) names = proposals_new (argument);
  for (guint i = 0; devices != NULL && i < devices->len; i++)
    {
      const CnnDeviceInfo *info = g_ptr_array_index (devices, i);
      g_ptr_array_add (names, info->name);
    }
  propose (choices, argument, names);
}

/* Those that are there. */
static void
propose_models (const Choices *choices, const Argument *argument)
{
  g_autoptr (CnnStore) store = cnn_store_open (NULL);
  g_autoptr (GPtrArray) list = store != NULL ? cnn_store_list (store) : NULL;
  g_autoptr (GPtrArray) names = proposals_new (argument);
  for (guint i = 0; list != NULL && i < list->len; i++)
    {
      const CnnStoreEntry *entry = g_ptr_array_index (list, i);
      if (entry->path != NULL)
        g_ptr_array_add (names, entry->name);
    }
  propose (choices, argument, names);
}

static void
propose_architectures (const Choices *choices, const Argument *argument)
{
  g_autoptr (CnnStore) store = cnn_store_open (NULL);
  GPtrArray *models = store != NULL ? cnn_store_models (store) : NULL;
  g_autoptr (GPtrArray) names = proposals_new (argument);
  for (guint i = 0; models != NULL && i < models->len; i++)
    {
      const CnnStoreModel *model = g_ptr_array_index (models, i);
      if (model->url != NULL
          && !g_ptr_array_find_with_equal_func (names, model->architecture, g_str_equal, NULL))
        g_ptr_array_add (names, model->architecture);
    }
  propose (choices, argument, names);
}

/* The layers that have a map, in the model's order; NULL where the model cannot be read. Transfer
 * full. */
static GPtrArray *
map_layers (const Choices *choices, GError **error)
{
  g_autoptr (Arguments) arguments = page_arguments (choices);
  CnnOptions options = command_options (arguments);
  g_autoptr (CnnSession) session = cnn_session_open (&options, FALSE, NULL, error);
  GPtrArray *layers = session != NULL ? cnn_session_layers (session, error) : NULL;
  for (guint i = layers != NULL ? layers->len : 0; i > 0; i--)
    {
      const CnnLayerInfo *info = g_ptr_array_index (layers, i - 1);
      if (info->rank != MAP_RANK)
        g_ptr_array_remove_index (layers, i - 1);
    }
  return layers;
}

static const CnnLayerInfo *
layer_at (const Argument *argument, GPtrArray *layers, guint i)
{
  gboolean backwards = (argument->flags & ARGUMENT_LATEST) != 0;
  return g_ptr_array_index (layers, backwards ? layers->len - 1 - i : i);
}

static void
propose_layers (const Choices *choices, const Argument *argument)
{
  g_autoptr (GPtrArray) layers = map_layers (choices, NULL);
  g_autoptr (GPtrArray) names = proposals_new (argument);
  for (guint i = 0; layers != NULL && i < layers->len; i++)
    g_ptr_array_add (names, layer_at (argument, layers, i)->name);
  propose (choices, argument, names);
}

static void
propose_images (const Choices *choices, const Argument *argument)
{
  g_autoptr (GPtrArray) names = proposals_new (argument);
  for (int i = 0; choices->images[i] != NULL; i++)
    g_ptr_array_add (names, choices->images[i]);
  propose (choices, argument, names);
}

static void
propose_for (const Choices *choices, const Argument *argument)
{
  switch (argument->kind)
    {
    case ARGUMENT_MODEL:
      propose_models (choices, argument);
      break;
    case ARGUMENT_ARCHITECTURE:
      propose_architectures (choices, argument);
      break;
    case ARGUMENT_DEVICE:
      propose_devices (choices, argument);
      break;
    case ARGUMENT_LAYER:
    case ARGUMENT_LAYERS:
      propose_layers (choices, argument);
      break;
    case ARGUMENT_IMAGE:
      propose_images (choices, argument);
      break;
    default:
      break;
    }
}

void
choices_propose (const Choices *choices)
{
  GPtrArray *table = table_of (choices);
  for (guint i = 0; i < table->len; i++)
    propose_for (choices, g_ptr_array_index (table, i));
}

/* Another model, or size of its input, has other layers. */
void
choices_changed (const Choices *choices, const Argument *changed)
{
  if (changed->kind != ARGUMENT_MODEL && changed->kind != ARGUMENT_ARCHITECTURE
      && changed->kind != ARGUMENT_SIZE)
    return;
  GPtrArray *table = table_of (choices);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      if (argument->kind == ARGUMENT_LAYER || argument->kind == ARGUMENT_LAYERS)
        propose_layers (choices, argument);
    }
}

/* --- Lists --- */

static void
add_words (DialogList *list, const Argument *argument)
{
  for (int i = 0; argument->choices != NULL && argument->choices[i] != NULL; i++)
    {
      const char *cells[] = { argument->choices[i], NULL, NULL };
      dialog_list_add (list, argument->choices[i], cells, TRUE);
    }
}

static char *
shape_text (const CnnLayerInfo *info)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (int i = 0; i < info->rank; i++)
    {
      g_string_append (text, i > 0 ? "×" : "");
      if (info->dims[i] > 0)
        g_string_append_printf (text, "%" G_GINT64_FORMAT, info->dims[i]);
      else
        g_string_append (text, "any");
    }
  return g_strdup (text->str);
}

/* The list's answer, after the user has seen what there is. Transfer full. */
static char *
answer (DialogList *list, const Choices *choices, const Argument *argument)
{
  g_autofree char *now = dialog_page_get (choices->page, argument->name);
  dialog_list_select (list, now);
  return dialog_list_run (list) == GTK_RESPONSE_OK ? dialog_list_value (list) : NULL;
}

static char *
choose_layer (const Choices *choices, const Argument *argument, GtkWidget *window)
{
  static const char *const columns[] = { "Layer", "Class", "Shape", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) layers = map_layers (choices, &error);
  if (layers == NULL)
    {
      dialog_complain (window, error);
      return NULL;
    }
  gboolean several = argument->kind == ARGUMENT_LAYERS;
  g_autoptr (DialogList) list =
      dialog_list_new (window, several ? "Choose Layers" : "Choose a Layer", columns, several);
  add_words (list, argument);
  for (guint i = 0; i < layers->len; i++)
    {
      const CnnLayerInfo *info = layer_at (argument, layers, i);
      g_autofree char *shape = shape_text (info);
      const char *cells[] = { info->name, info->class_name, shape };
      dialog_list_add (list, info->name, cells, FALSE);
    }
  g_autofree char *note = g_strdup_printf ("%c%s. Shapes are height × width × channels.%s",
                                           g_ascii_toupper (argument->help[0]), argument->help + 1,
                                           several ? " Ctrl and Shift choose several." : "");
  dialog_list_note (list, note);
  return answer (list, choices, argument);
}

static void
set_busy (GtkWidget *window, gboolean busy)
{
  GdkCursor *cursor =
      busy ? gdk_cursor_new_for_display (gtk_widget_get_display (window), GDK_WATCH) : NULL;
  gdk_window_set_cursor (gtk_widget_get_window (window), cursor);
  gdk_display_flush (gtk_widget_get_display (window));
}

/* The classes that the model sees in the picture. NULL without an error where there is no picture,
 * or none that can be looked at.
 * Transfer full. */
static GPtrArray *
best_classes (const Choices *choices, const Arguments *arguments, GError **error)
{
  CnnOptions options = command_options (arguments);
  g_autoptr (CnnImage) photo = NULL;
  if (!picture_read (choices->call, arguments, &photo, NULL) || photo == NULL)
    return NULL;
  g_autoptr (CnnSession) session = cnn_session_open (&options, TRUE, NULL, error);
  if (session == NULL || !cnn_session_set_photo (session, photo, error))
    return NULL;
  return cnn_session_predict (session, BEST, error);
}

/* Where two classes have one name, each is told by its index. Transfer full: a set of names that
 * more than one has. */
static GHashTable *
ambiguous_labels (GPtrArray *labels)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GHashTable *twice = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; labels != NULL && i < labels->len; i++)
    {
      g_autofree char *plain = dialog_list_plain (g_ptr_array_index (labels, i));
      if (!g_hash_table_add (seen, g_strdup (plain)))
        g_hash_table_add (twice, g_strdup (plain));
    }
  return twice;
}

typedef struct
{
  DialogList *list;
  GPtrArray *labels; /* or NULL */
  GHashTable *twice;
} ClassList;

static void
add_class (const ClassList *classes, int index, const char *probability)
{
  const char *label = classes->labels != NULL && (guint) index < classes->labels->len
                          ? g_ptr_array_index (classes->labels, index)
                          : NULL;
  g_autofree char *number = g_strdup_printf ("%d", index);
  g_autofree char *plain = label != NULL ? dialog_list_plain (label) : NULL;
  gboolean by_name = label != NULL && !g_hash_table_contains (classes->twice, plain);
  const char *cells[] = { label != NULL ? label : "(no label)", number, probability };
  dialog_list_add (classes->list, by_name ? label : number, cells, probability != NULL);
}

static int
compare_labels (gconstpointer left, gconstpointer right, gpointer data)
{
  GPtrArray *labels = data;
  int a = *(const int *) left, b = *(const int *) right;
  int order = g_utf8_collate (g_ptr_array_index (labels, a), g_ptr_array_index (labels, b));
  return order != 0 ? order : a - b;
}

static void
add_all_classes (const ClassList *classes, int count)
{
  g_autofree int *order = g_new (int, count);
  for (int i = 0; i < count; i++)
    order[i] = i;
  if (classes->labels != NULL && classes->labels->len == (guint) count)
    g_qsort_with_data (order, count, sizeof *order, compare_labels, classes->labels);
  for (int i = 0; i < count; i++)
    add_class (classes, order[i], NULL);
}

static char *
choose_class (const Choices *choices, const Argument *argument, GtkWidget *window)
{
  static const char *const columns[] = { "Class", "Index", "Probability in the picture", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (Arguments) arguments = page_arguments (choices);
  CnnOptions options = command_options (arguments);
  g_autoptr (CnnSession) session = cnn_session_open (&options, FALSE, NULL, &error);
  if (session == NULL)
    {
      dialog_complain (window, error);
      return NULL;
    }
  CnnFacts facts;
  cnn_session_facts (session, &facts);
  if (facts.classes == 0)
    {
      g_set_error (&error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "%s does not name classes: it is a model without its top",
                   cnn_session_model_name (session));
      dialog_complain (window, error);
      return NULL;
    }

  set_busy (window, TRUE);
  g_autoptr (GPtrArray) best = best_classes (choices, arguments, &error);
  set_busy (window, FALSE);
  g_autoptr (DialogList) list = dialog_list_new (window, "Choose a Class", columns, FALSE);
  g_autoptr (GHashTable) twice = ambiguous_labels (facts.labels);
  ClassList classes = { .list = list, .labels = facts.labels, .twice = twice };
  add_words (list, argument);
  for (guint i = 0; best != NULL && i < best->len; i++)
    {
      const CnnPrediction *prediction = g_ptr_array_index (best, i);
      g_autofree char *probability = g_strdup_printf ("%.3f", prediction->probability);
      add_class (&classes, prediction->index, probability);
    }
  add_all_classes (&classes, facts.classes);
  dialog_list_note (list, error != NULL          ? error->message
                          : facts.labels == NULL ? "The labels of this model are not known; "
                                                   "Further settings takes a file of them."
                                                 : NULL);
  return answer (list, choices, argument);
}

char *
choices_choose (const Choices *choices, const Argument *argument, GtkWidget *window)
{
  if (argument->kind == ARGUMENT_LAYER || argument->kind == ARGUMENT_LAYERS)
    return choose_layer (choices, argument, window);
  if (argument->kind == ARGUMENT_CLASS)
    return choose_class (choices, argument, window);
  g_autofree char *now = dialog_page_get (choices->page, argument->name);
  return choices_choose_model (window, now);
}
