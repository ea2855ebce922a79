/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A dialog's models: the list of them, their download, and what has to be asked about one. */

#include "choices.h"
#include "list.h"

#include <string.h>

enum
{
  RESPONSE_DOWNLOAD = 1,
  RESPONSE_OTHER
};

/* --- Downloads --- */

typedef struct
{
  GtkWidget *window, *bar;
  GCancellable *cancellable;
} Download;

static void
on_download_response (GtkDialog *dialog G_GNUC_UNUSED, int response G_GNUC_UNUSED, gpointer data)
{
  Download *download = data;
  g_cancellable_cancel (download->cancellable);
}

static gboolean
on_download_closed (GtkWidget *window G_GNUC_UNUSED, GdkEvent *event G_GNUC_UNUSED,
                    gpointer data G_GNUC_UNUSED)
{
  return TRUE; /* the response has cancelled it; the window goes when the work has ended */
}

/* Called several times a second, which is when the window lives. */
static void
on_download_progress (double fraction, const char *what, gpointer data)
{
  Download *download = data;
  gtk_progress_bar_set_fraction (GTK_PROGRESS_BAR (download->bar), CLAMP (fraction, 0, 1));
  if (what != NULL)
    gtk_progress_bar_set_text (GTK_PROGRESS_BAR (download->bar), what);
  while (gtk_events_pending ())
    gtk_main_iteration ();
}

static void
open_download (Download *download, GtkWidget *parent, const CnnStoreModel *model)
{
  g_autofree char *text = g_strdup_printf ("Downloading %s, licence %s, from\n%s", model->name,
                                           model->licence, model->url);
  download->cancellable = g_cancellable_new ();
  download->window = gtk_dialog_new_with_buttons ("Download", GTK_WINDOW (parent), GTK_DIALOG_MODAL,
                                                  "_Cancel", GTK_RESPONSE_CANCEL, NULL);
  GtkBox *content = GTK_BOX (gtk_dialog_get_content_area (GTK_DIALOG (download->window)));
  GtkWidget *label = gtk_label_new (text);
  download->bar = host_progress_bar_new ();
  gtk_widget_set_size_request (download->bar, 480, -1);
  gtk_container_set_border_width (GTK_CONTAINER (download->window), 12);
  gtk_box_set_spacing (content, 12);
  gtk_box_pack_start (content, label, FALSE, FALSE, 0);
  gtk_box_pack_start (content, download->bar, FALSE, FALSE, 0);
  g_signal_connect (download->window, "response", G_CALLBACK (on_download_response), download);
  g_signal_connect (download->window, "delete-event", G_CALLBACK (on_download_closed), download);
  gtk_widget_show_all (download->window);
}

/* Transfer full; NULL on error. */
static CnnStoreGot *
download (GtkWidget *parent, const CnnStore *store, const CnnStoreModel *model, GError **error)
{
  Download download;
  open_download (&download, parent, model);
  CnnProgress progress = { on_download_progress, &download, download.cancellable };
  CnnStoreGot *got = cnn_store_get (store, model, NULL, &progress, error);
  gtk_widget_destroy (download.window);
  g_object_unref (download.cancellable);
  return got;
}

/* --- The list --- */

typedef struct
{
  CnnStore *store;
  DialogList *list;
  GtkWidget *download;
  GPtrArray *entries;
} Models;

static const CnnStoreEntry *
find_entry (const Models *models, const char *name)
{
  for (guint i = 0; name != NULL && i < models->entries->len; i++)
    {
      const CnnStoreEntry *entry = g_ptr_array_index (models->entries, i);
      if (strcmp (entry->name, name) == 0)
        return entry;
    }
  return NULL;
}

static void
on_selected (DialogList *list, const char *value, gpointer data)
{
  Models *models = data;
  const CnnStoreEntry *entry = find_entry (models, value);
  gboolean there = entry != NULL && entry->path != NULL;
  g_autofree char *note = NULL;
  if (there)
    note = g_strdup (entry->path);
  else if (entry != NULL)
    note = g_strdup_printf ("To be had from %s. %s", entry->model->url,
                            entry->model->checksum != NULL
                                ? "It is checked against the checksum that Keras publishes."
                                : "Keras publishes no checksum for it.");
  dialog_list_note (list, note);
  dialog_list_set_ready (list, there);
  gtk_widget_set_sensitive (models->download, entry != NULL && !there);
}

static void
fill (Models *models)
{
  g_clear_pointer (&models->entries, g_ptr_array_unref);
  models->entries = cnn_store_list (models->store);
  dialog_list_clear (models->list);
  for (guint i = 0; i < models->entries->len; i++)
    {
      const CnnStoreEntry *entry = g_ptr_array_index (models->entries, i);
      const CnnStoreModel *model = entry->model;
      g_autofree char *size = command_model_size (entry);
      g_autofree char *input =
          model != NULL ? g_strdup_printf ("%d×%d", model->input_size, model->input_size) : NULL;
      const char *cells[] = { entry->name, cnn_store_state_text (entry->state), size, input,
                              model != NULL ? model->licence : NULL };
      dialog_list_add (models->list, entry->name, cells, entry->path != NULL);
    }
}

static void
download_chosen (Models *models)
{
  g_autofree char *name = dialog_list_value (models->list);
  const CnnStoreEntry *entry = find_entry (models, name);
  if (entry == NULL || entry->model == NULL)
    return;
  g_autoptr (GError) error = NULL;
  GtkWidget *window = dialog_list_window (models->list);
  g_autoptr (CnnStoreGot) got = download (window, models->store, entry->model, &error);
  if (got == NULL && !g_error_matches (error, CNN_ERROR, CNN_ERROR_CANCELLED))
    dialog_complain (window, error);
  fill (models);
  dialog_list_select (models->list, name);
  if (got == NULL)
    return;
  g_autofree char *trust = command_trust_text (got);
  g_autofree char *note = g_strdup_printf ("%s\n%s", got->path, trust);
  dialog_list_note (models->list, note);
}

/* Transfer full. */
static char *
choose_file (GtkWidget *parent, const char *now)
{
  GtkWidget *chooser = gtk_file_chooser_dialog_new (
      "Choose a Keras Model File", GTK_WINDOW (parent), GTK_FILE_CHOOSER_ACTION_OPEN, "_Cancel",
      GTK_RESPONSE_CANCEL, "_Open", GTK_RESPONSE_ACCEPT, NULL);
  static const char *const patterns[][3] = { { "Keras models", "*.keras", "*.h5" },
                                             { "All files", "*", NULL } };
  for (guint i = 0; i < G_N_ELEMENTS (patterns); i++)
    {
      GtkFileFilter *filter = gtk_file_filter_new ();
      gtk_file_filter_set_name (filter, patterns[i][0]);
      for (guint k = 1; k < G_N_ELEMENTS (patterns[i]) && patterns[i][k] != NULL; k++)
        gtk_file_filter_add_pattern (filter, patterns[i][k]);
      if (i == 0)
        gtk_file_filter_add_pattern (filter, "*.hdf5");
      gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (chooser), filter);
    }
  if (g_path_is_absolute (now))
    gtk_file_chooser_set_filename (GTK_FILE_CHOOSER (chooser), now);
  char *path = NULL;
  if (gtk_dialog_run (GTK_DIALOG (chooser)) == GTK_RESPONSE_ACCEPT)
    path = gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (chooser));
  gtk_widget_destroy (chooser);
  return path;
}

static char *
run_list (Models *models, const char *now)
{
  for (;;)
    switch (dialog_list_run (models->list))
      {
      case GTK_RESPONSE_OK:
        return dialog_list_value (models->list);
      case RESPONSE_DOWNLOAD:
        download_chosen (models);
        break;
      case RESPONSE_OTHER:
        {
          char *path = choose_file (dialog_list_window (models->list), now);
          if (path != NULL)
            return path;
          break;
        }
      default:
        return NULL;
      }
}

char *
choices_choose_model (GtkWidget *window, const char *now)
{
  static const char *const columns[] = { "Model", "State", "Size", "Input", "Licence", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnStore) store = cnn_store_open (&error);
  if (store == NULL)
    {
      dialog_complain (window, error);
      return choose_file (window, now);
    }
  g_autoptr (DialogList) list = dialog_list_new (window, "Choose a Model", columns, FALSE);
  Models models = { .store = store, .list = list };
  dialog_list_add_button (list, "Other _File…", RESPONSE_OTHER);
  models.download = dialog_list_add_button (list, "_Download", RESPONSE_DOWNLOAD);
  fill (&models);
  dialog_list_on_selected (list, on_selected, &models);
  const CnnStoreModel *known = cnn_store_find (store, now);
  dialog_list_select (list, known != NULL ? known->name : now);
  char *chosen = run_list (&models, now);
  g_ptr_array_unref (models.entries);
  return chosen;
}

/* --- What cannot be known of a model --- */

/* Models about which the user was asked, and may not have known all either: a group whose keys are
 * checksums of paths. */
#define ASKED_GROUP "asked"

static char *
asked_file (void)
{
  return g_build_filename (g_get_user_data_dir (), "convlens", "asked.ini", NULL);
}

static gboolean
was_asked (const char *path)
{
  g_autofree char *file = asked_file ();
  g_autofree char *key = g_compute_checksum_for_string (G_CHECKSUM_SHA256, path, -1);
  g_autoptr (GKeyFile) asked = g_key_file_new ();
  return g_key_file_load_from_file (asked, file, G_KEY_FILE_NONE, NULL)
         && g_key_file_has_key (asked, ASKED_GROUP, key, NULL);
}

/* Where it cannot be kept the user is asked again, no more. */
static void
keep_asked (const char *path)
{
  g_autofree char *file = asked_file ();
  g_autofree char *folder = g_path_get_dirname (file);
  g_autofree char *key = g_compute_checksum_for_string (G_CHECKSUM_SHA256, path, -1);
  g_autoptr (GKeyFile) asked = g_key_file_new ();
  g_key_file_load_from_file (asked, file, G_KEY_FILE_KEEP_COMMENTS, NULL);
  g_key_file_set_string (asked, ASKED_GROUP, key, path);
  g_mkdir_with_parents (folder, 0700);
  g_key_file_save_to_file (asked, file, NULL);
}

typedef struct
{
  char *path, *name;
  gboolean preprocess, labels; /* are missing */
  char *guess;
} Missing;

static void
missing_clear (Missing *missing)
{
  g_free (missing->path);
  g_free (missing->name);
  g_free (missing->guess);
}

/* FALSE: nothing is, or the model cannot be read, which the run will say. */
static gboolean
find_missing (const Arguments *arguments, Missing *missing)
{
  CnnOptions options = command_options (arguments);
  g_autoptr (CnnSession) session = cnn_session_open (&options, FALSE, NULL, NULL);
  if (session == NULL)
    return FALSE;
  CnnFacts facts;
  cnn_session_facts (session, &facts);
  missing->preprocess = facts.preprocess_from == NULL && facts.prepared_by == NULL;
  missing->labels = facts.classes > 0 && facts.labels == NULL;
  if ((!missing->preprocess && !missing->labels) || was_asked (facts.path))
    return FALSE;
  missing->path = g_strdup (facts.path);
  missing->name = g_strdup (cnn_session_model_name (session));
  missing->guess = g_strdup (cnn_preprocess_names[facts.preprocess]);
  return TRUE;
}

/* A row of the command describe, no longer folded. */
static void
add_row (GPtrArray *rows, const char *name)
{
  g_autoptr (GPtrArray) table = command_arguments (&describe_command, TRUE);
  Argument *row = g_new (Argument, 1);
  *row = *argument_find (table, name);
  row->flags = 0;
  g_ptr_array_add (rows, row);
}

/* The rows to be asked for. Transfer full. */
static GPtrArray *
rows_of (const Missing *missing)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func (g_free);
  if (missing->preprocess)
    add_row (rows, "preprocess");
  if (missing->labels)
    add_row (rows, "labels");
  return rows;
}

/* Writes what the page says, if it says anything, beside the model, as `convlens describe` does. */
static gboolean
describe (const Arguments *arguments, GPtrArray *rows, DialogPage *page, GError **error)
{
  static const char *const same[] = { "model", "architecture", "input-size" };
  g_autoptr (GPtrArray) table = command_arguments (&describe_command, TRUE);
  g_autoptr (Arguments) told = arguments_new (table);
  gboolean said = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (same); i++)
    if (!arguments_set (told, same[i], arguments_get (arguments, same[i]), error))
      return FALSE;
  for (guint i = 0; i < rows->len; i++)
    {
      const Argument *row = g_ptr_array_index (rows, i);
      g_autofree char *value = dialog_page_get (page, row->name);
      said = said || strcmp (value, row->fallback) != 0;
      if (!arguments_set (told, row->name, value, error))
        return FALSE;
    }
  if (!said)
    return TRUE;
  Subject nothing = { 0 };
  g_autoptr (Result) result = command_run (&describe_command, told, &nothing, NULL, error);
  return result != NULL;
}

static char *
question (const Missing *missing)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_string_append_printf (text, "%s does not say", missing->name);
  if (missing->preprocess)
    g_string_append_printf (text, " how a picture is prepared for it (%s is a guess)",
                            missing->guess);
  if (missing->labels)
    g_string_append_printf (text, "%s what its classes are called",
                            missing->preprocess ? ", nor" : "");
  g_string_append_printf (
      text, ".\nWhat you tell is kept in %s.json, and you will not be asked again.", missing->path);
  return g_strdup (text->str);
}

gboolean
choices_settle (GtkWidget *parent, const Arguments *arguments)
{
  Missing missing = { 0 };
  if (!find_missing (arguments, &missing))
    return TRUE;
  g_autoptr (GPtrArray) rows = rows_of (&missing);
  g_autofree char *text = question (&missing);
  GtkWidget *window = gtk_dialog_new_with_buttons (
      "About this Model", GTK_WINDOW (parent), GTK_DIALOG_MODAL, "_Cancel", GTK_RESPONSE_CANCEL,
      "I Do _Not Know", GTK_RESPONSE_NO, "_OK", GTK_RESPONSE_OK, NULL);
  gtk_dialog_set_default_response (GTK_DIALOG (window), GTK_RESPONSE_OK);
  GtkBox *content = GTK_BOX (gtk_dialog_get_content_area (GTK_DIALOG (window)));
  GtkWidget *label = gtk_label_new (text);
  gtk_label_set_line_wrap (GTK_LABEL (label), TRUE);
  DialogHooks hooks = { 0 };
  DialogPage *page = dialog_page_new (rows, &hooks);
  gtk_box_pack_start (content, label, FALSE, FALSE, 6);
  gtk_box_pack_start (content, dialog_page_widget (page), FALSE, FALSE, 0);
  gtk_widget_show (label);

  gboolean settled = FALSE, asking = TRUE;
  while (asking)
    {
      g_autoptr (GError) error = NULL;
      int response = gtk_dialog_run (GTK_DIALOG (window));
      settled = response == GTK_RESPONSE_OK || response == GTK_RESPONSE_NO;
      asking = response == GTK_RESPONSE_OK && !describe (arguments, rows, page, &error);
      if (asking)
        dialog_complain (window, error);
      else if (settled)
        keep_asked (missing.path);
    }
  gtk_widget_destroy (window);
  missing_clear (&missing);
  return settled;
}
