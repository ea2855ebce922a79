/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list.h"

#include <string.h>

#define WIDTH 720
#define HEIGHT 480

/* The store's columns; a list's own cells follow. */
enum
{
  STORE_VALUE,
  STORE_WORDS, /* what is searched */
  STORE_WEIGHT,
  STORE_CELLS
};

struct _DialogList
{
  GtkWidget *window, *search, *view, *note;
  GtkListStore *store;
  GtkTreeModel *shown; /* the rows that have the words of the search */
  guint n_columns;
  GStrv words;
  DialogListSelected selected;
  gpointer data;
};

char *
dialog_list_plain (const char *text)
{
  char *folded = g_utf8_casefold (text, -1);
  return g_strdelimit (folded, "_", ' ');
}

static gboolean
is_shown (GtkTreeModel *model, GtkTreeIter *iter, gpointer data)
{
  DialogList *list = data;
  g_autofree char *text = NULL;
  gtk_tree_model_get (model, iter, STORE_WORDS, &text, -1);
  for (char **word = list->words; word != NULL && *word != NULL; word++)
    if (text == NULL || strstr (text, *word) == NULL)
      return FALSE;
  return TRUE;
}

static GtkTreeSelection *
selection_of (DialogList *list)
{
  return gtk_tree_view_get_selection (GTK_TREE_VIEW (list->view));
}

static void
select_iter (DialogList *list, GtkTreeIter *iter)
{
  GtkTreePath *path = gtk_tree_model_get_path (list->shown, iter);
  gtk_tree_selection_unselect_all (selection_of (list));
  gtk_tree_view_set_cursor (GTK_TREE_VIEW (list->view), path, NULL, FALSE);
  gtk_tree_view_scroll_to_cell (GTK_TREE_VIEW (list->view), path, NULL, FALSE, 0, 0);
  gtk_tree_path_free (path);
}

static void
on_search (GtkWidget *entry, gpointer data)
{
  DialogList *list = data;
  g_autofree char *text = dialog_list_plain (gtk_entry_get_text (GTK_ENTRY (entry)));
  g_strfreev (list->words);
  list->words = g_strsplit_set (g_strstrip (text), " ", -1);
  gtk_tree_model_filter_refilter (GTK_TREE_MODEL_FILTER (list->shown));
  GtkTreeIter first;
  if (gtk_tree_selection_count_selected_rows (selection_of (list)) == 0
      && gtk_tree_model_get_iter_first (list->shown, &first))
    select_iter (list, &first);
}

static void
on_activated (GtkTreeView *view G_GNUC_UNUSED, GtkTreePath *path G_GNUC_UNUSED,
              GtkTreeViewColumn *column G_GNUC_UNUSED, gpointer data)
{
  DialogList *list = data;
  gtk_window_activate_default (GTK_WINDOW (list->window));
}

static void
on_selected (GtkTreeSelection *selection, gpointer data)
{
  DialogList *list = data;
  gboolean one = gtk_tree_selection_count_selected_rows (selection) == 1;
  g_autofree char *value = one ? dialog_list_value (list) : NULL;
  if (list->selected != NULL)
    list->selected (list, value, list->data);
}

static void
make_store (DialogList *list)
{
  g_autofree GType *types = g_new (GType, STORE_CELLS + list->n_columns);
  for (guint i = 0; i < STORE_CELLS + list->n_columns; i++)
    types[i] = i == STORE_WEIGHT ? G_TYPE_INT : G_TYPE_STRING;
  list->store = gtk_list_store_newv ((int) (STORE_CELLS + list->n_columns), types);
  list->shown = gtk_tree_model_filter_new (GTK_TREE_MODEL (list->store), NULL);
  gtk_tree_model_filter_set_visible_func (GTK_TREE_MODEL_FILTER (list->shown), is_shown, list,
                                          NULL);
}

static GtkWidget *
make_view (DialogList *list, const char *const *columns, gboolean several)
{
  list->view = gtk_tree_view_new_with_model (list->shown);
  gtk_tree_view_set_enable_search (GTK_TREE_VIEW (list->view), FALSE);
  for (guint i = 0; i < list->n_columns; i++)
    {
      GtkTreeViewColumn *column = gtk_tree_view_column_new_with_attributes (
          columns[i], gtk_cell_renderer_text_new (), "text", (int) (STORE_CELLS + i), "weight",
          STORE_WEIGHT, NULL);
      gtk_tree_view_column_set_resizable (column, TRUE);
      gtk_tree_view_append_column (GTK_TREE_VIEW (list->view), column);
    }
  gtk_tree_selection_set_mode (selection_of (list),
                               several ? GTK_SELECTION_MULTIPLE : GTK_SELECTION_BROWSE);
  g_signal_connect (list->view, "row-activated", G_CALLBACK (on_activated), list);
  g_signal_connect (selection_of (list), "changed", G_CALLBACK (on_selected), list);

  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL);
  gtk_scrolled_window_set_shadow_type (GTK_SCROLLED_WINDOW (scrolled), GTK_SHADOW_IN);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scrolled), GTK_POLICY_AUTOMATIC,
                                  GTK_POLICY_ALWAYS);
  gtk_container_add (GTK_CONTAINER (scrolled), list->view);
  return scrolled;
}

static void
make_search (DialogList *list)
{
  list->search = gtk_entry_new ();
  gtk_entry_set_activates_default (GTK_ENTRY (list->search), TRUE);
  gtk_entry_set_icon_from_icon_name (GTK_ENTRY (list->search), GTK_ENTRY_ICON_PRIMARY, "edit-find");
  gtk_widget_set_tooltip_text (list->search, "Words that the rows must have");
  g_signal_connect (list->search, "changed", G_CALLBACK (on_search), list);
}

static void
make_note (DialogList *list)
{
  list->note = gtk_label_new (NULL);
  gtk_label_set_line_wrap (GTK_LABEL (list->note), TRUE);
  gtk_label_set_selectable (GTK_LABEL (list->note), TRUE);
  gtk_widget_set_size_request (list->note, WIDTH - 40, -1);
  gtk_widget_set_no_show_all (list->note, TRUE);
}

DialogList *
dialog_list_new (GtkWidget *parent, const char *title, const char *const *columns, gboolean several)
{
  DialogList *list = g_new0 (DialogList, 1);
  list->n_columns = g_strv_length ((char **) columns);
  make_store (list);
  list->window =
      gtk_dialog_new_with_buttons (title, GTK_WINDOW (parent), GTK_DIALOG_MODAL, "_Cancel",
                                   GTK_RESPONSE_CANCEL, "_OK", GTK_RESPONSE_OK, NULL);
  gtk_dialog_set_default_response (GTK_DIALOG (list->window), GTK_RESPONSE_OK);
  gtk_window_set_default_size (GTK_WINDOW (list->window), WIDTH, HEIGHT);
  gtk_container_set_border_width (GTK_CONTAINER (list->window), 6);
  make_search (list);
  make_note (list);
  GtkBox *content = GTK_BOX (gtk_dialog_get_content_area (GTK_DIALOG (list->window)));
  gtk_box_set_spacing (content, 6);
  gtk_box_pack_start (content, list->search, FALSE, FALSE, 0);
  gtk_box_pack_start (content, make_view (list, columns, several), TRUE, TRUE, 0);
  gtk_box_pack_start (content, list->note, FALSE, FALSE, 0);
  gtk_widget_show_all (GTK_WIDGET (content));
  gtk_widget_grab_focus (list->search);
  return list;
}

void
dialog_list_free (DialogList *list)
{
  if (list == NULL)
    return;
  list->selected = NULL;
  gtk_widget_destroy (list->window);
  g_object_unref (list->shown);
  g_object_unref (list->store);
  g_strfreev (list->words);
  g_free (list);
}

void
dialog_list_on_selected (DialogList *list, DialogListSelected selected, gpointer data)
{
  list->selected = selected;
  list->data = data;
}

GtkWidget *
dialog_list_window (DialogList *list)
{
  return list->window;
}

void
dialog_list_add (DialogList *list, const char *value, const char *const *cells, gboolean strong)
{
  g_autoptr (GString) text = g_string_new (NULL);
  GtkTreeIter iter;
  gtk_list_store_append (list->store, &iter);
  for (guint i = 0; i < list->n_columns; i++)
    if (cells[i] != NULL)
      {
        gtk_list_store_set (list->store, &iter, (int) (STORE_CELLS + i), cells[i], -1);
        g_string_append_printf (text, "%s ", cells[i]);
      }
  g_autofree char *words = dialog_list_plain (text->str);
  gtk_list_store_set (list->store, &iter, STORE_VALUE, value, STORE_WORDS, words, STORE_WEIGHT,
                      strong ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL, -1);
}

void
dialog_list_clear (DialogList *list)
{
  gtk_list_store_clear (list->store);
}

void
dialog_list_select (DialogList *list, const char *value)
{
  GtkTreeIter iter;
  for (gboolean more = gtk_tree_model_get_iter_first (list->shown, &iter); more;
       more = gtk_tree_model_iter_next (list->shown, &iter))
    {
      g_autofree char *found = NULL;
      gtk_tree_model_get (list->shown, &iter, STORE_VALUE, &found, -1);
      if (g_strcmp0 (found, value) == 0)
        {
          select_iter (list, &iter);
          return;
        }
    }
}

void
dialog_list_note (DialogList *list, const char *note)
{
  gtk_label_set_text (GTK_LABEL (list->note), note != NULL ? note : "");
  gtk_widget_set_visible (list->note, note != NULL);
}

GtkWidget *
dialog_list_add_button (DialogList *list, const char *label, int response)
{
  GtkWidget *button = gtk_dialog_add_button (GTK_DIALOG (list->window), label, response);
  GtkWidget *area = gtk_widget_get_parent (button);
  gtk_button_box_set_child_secondary (GTK_BUTTON_BOX (area), button, TRUE);
  return button;
}

void
dialog_list_set_ready (DialogList *list, gboolean ready)
{
  gtk_dialog_set_response_sensitive (GTK_DIALOG (list->window), GTK_RESPONSE_OK, ready);
}

int
dialog_list_run (DialogList *list)
{
  return gtk_dialog_run (GTK_DIALOG (list->window));
}

char *
dialog_list_value (DialogList *list)
{
  g_autoptr (GString) value = g_string_new (NULL);
  GList *rows = gtk_tree_selection_get_selected_rows (selection_of (list), NULL);
  for (GList *row = rows; row != NULL; row = row->next)
    {
      GtkTreeIter iter;
      g_autofree char *text = NULL;
      if (!gtk_tree_model_get_iter (list->shown, &iter, row->data))
        continue;
      gtk_tree_model_get (list->shown, &iter, STORE_VALUE, &text, -1);
      g_string_append_printf (value, "%s%s", value->len > 0 ? "," : "", text);
    }
  g_list_free_full (rows, (GDestroyNotify) gtk_tree_path_free);
  return value->len > 0 ? g_strdup (value->str) : NULL;
}
