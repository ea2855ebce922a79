/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dialog.h"

#include "host.h"

#include <string.h>

/* Letters of the buttons around the page (OK, Cancel, Reset, Help, Save, Load) and the expander. */
#define TAKEN_LETTERS "ocrhslf"
/* Wider ranges are typed: a slider would jump from pixel to pixel. */
#define MAX_SLIDER 200

typedef struct
{
  const Argument *argument;
  DialogPage *page;
  GtkWidget *widget;         /* what stands in the row */
  GtkWidget *entry;          /* the entry, combo box, check or colour button in it */
  GtkAdjustment *adjustment; /* of a number */
  int n_proposals;
} DialogRow;

struct _DialogPage
{
  GtkWidget *widget;
  DialogHooks hooks;
  GPtrArray *rows; /* of DialogRow */
  gboolean quiet;
  GString *letters; /* that are taken as mnemonics */
};

static DialogRow *
find_row (DialogPage *page, const char *name)
{
  for (guint i = 0; i < page->rows->len; i++)
    {
      DialogRow *row = g_ptr_array_index (page->rows, i);
      if (strcmp (row->argument->name, name) == 0)
        return row;
    }
  return NULL;
}

static char *
row_get (const DialogRow *row)
{
  const Argument *argument = row->argument;
  if (argument->kind == ARGUMENT_SWITCH)
    return g_strdup (switch_names[gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (row->entry))]);
  if (row->adjustment != NULL)
    {
      char text[G_ASCII_DTOSTR_BUF_SIZE];
      double value = gtk_adjustment_get_value (row->adjustment);
      return argument->kind == ARGUMENT_INTEGER
                 ? g_strdup_printf ("%d", (int) value)
                 : g_strdup (g_ascii_formatd (text, sizeof text, "%.10g", value));
    }
  if (argument->kind == ARGUMENT_COLOR)
    {
      double rgb[3];
      host_color_get (row->entry, rgb);
      return g_strdup_printf ("%d,%d,%d", (int) (rgb[0] * 255 + .5), (int) (rgb[1] * 255 + .5),
                              (int) (rgb[2] * 255 + .5));
    }
  if (GTK_IS_COMBO_BOX (row->entry))
    {
      char *text = gtk_combo_box_text_get_active_text (GTK_COMBO_BOX_TEXT (row->entry));
      return text != NULL ? text : g_strdup (argument->fallback);
    }
  return g_strdup (gtk_entry_get_text (GTK_ENTRY (row->entry)));
}

static void
row_set (DialogRow *row, const char *text)
{
  const Argument *argument = row->argument;
  if (argument->kind == ARGUMENT_SWITCH)
    gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (row->entry),
                                  strcmp (text, switch_names[TRUE]) == 0);
  else if (row->adjustment != NULL)
    gtk_adjustment_set_value (row->adjustment, g_ascii_strtod (text, NULL));
  else if (argument->kind == ARGUMENT_COLOR)
    {
      g_auto (GStrv) parts = g_strsplit (text, ",", -1);
      float rgb[3] = { 1, 1, 1 };
      for (guint i = 0; i < MIN (3, g_strv_length (parts)); i++)
        rgb[i] = (float) g_ascii_strtod (parts[i], NULL) / 255.0f;
      host_color_set (row->entry, rgb);
    }
  else if (argument->kind == ARGUMENT_CHOICE)
    {
      int active = -1;
      for (int i = 0; argument->choices[i] != NULL; i++)
        if (strcmp (argument->choices[i], text) == 0)
          active = i;
      gtk_combo_box_set_active (GTK_COMBO_BOX (row->entry), active);
    }
  else if (GTK_IS_COMBO_BOX (row->entry))
    gtk_entry_set_text (GTK_ENTRY (gtk_bin_get_child (GTK_BIN (row->entry))), text);
  else
    gtk_entry_set_text (GTK_ENTRY (row->entry), text);
}

static void
on_changed (GtkWidget *widget G_GNUC_UNUSED, gpointer data)
{
  DialogRow *row = data;
  const DialogHooks *hooks = &row->page->hooks;
  if (row->page->quiet || hooks->changed == NULL)
    return;
  g_autofree char *value = row_get (row);
  hooks->changed (row->argument, value, hooks->data);
}

static void
on_adjusted (GtkAdjustment *adjustment G_GNUC_UNUSED, gpointer data)
{
  on_changed (NULL, data);
}

static void
on_browse (GtkWidget *button, gpointer data)
{
  DialogRow *row = data;
  GtkWidget *window = gtk_widget_get_toplevel (button);
  GtkWidget *chooser = gtk_file_chooser_dialog_new (
      "Choose a File", GTK_WINDOW (window), GTK_FILE_CHOOSER_ACTION_OPEN, "_Cancel",
      GTK_RESPONSE_CANCEL, "_Open", GTK_RESPONSE_ACCEPT, NULL);
  g_autofree char *now = row_get (row);
  if (g_path_is_absolute (now))
    gtk_file_chooser_set_filename (GTK_FILE_CHOOSER (chooser), now);
  if (gtk_dialog_run (GTK_DIALOG (chooser)) == GTK_RESPONSE_ACCEPT)
    {
      g_autofree char *path = gtk_file_chooser_get_filename (GTK_FILE_CHOOSER (chooser));
      row_set (row, path);
    }
  gtk_widget_destroy (chooser);
}

static void
on_choose (GtkWidget *button, gpointer data)
{
  DialogRow *row = data;
  const DialogHooks *hooks = &row->page->hooks;
  g_autofree char *value =
      hooks->choose (row->argument, gtk_widget_get_toplevel (button), hooks->data);
  if (value != NULL)
    row_set (row, value);
}

static void
propose (DialogRow *row, const char *const *proposals)
{
  while (row->n_proposals > 0)
    gtk_combo_box_text_remove (GTK_COMBO_BOX_TEXT (row->entry), --row->n_proposals);
  for (; proposals != NULL && proposals[row->n_proposals] != NULL; row->n_proposals++)
    gtk_combo_box_text_append_text (GTK_COMBO_BOX_TEXT (row->entry), proposals[row->n_proposals]);
}

/* A row's words stand for its lowest numbers. */
static gboolean
on_number_shown (GtkSpinButton *button, gpointer data)
{
  DialogRow *row = data;
  const Argument *argument = row->argument;
  guint word = (guint) (gtk_adjustment_get_value (row->adjustment) - argument->minimum);
  if (word >= g_strv_length ((char **) argument->choices))
    return FALSE;
  gtk_entry_set_text (GTK_ENTRY (button), argument->choices[word]);
  return TRUE;
}

static int
on_number_typed (GtkSpinButton *button, double *value, gpointer data)
{
  DialogRow *row = data;
  const Argument *argument = row->argument;
  for (int i = 0; argument->choices[i] != NULL; i++)
    if (strcmp (gtk_entry_get_text (GTK_ENTRY (button)), argument->choices[i]) == 0)
      {
        *value = argument->minimum + i;
        return TRUE;
      }
  return FALSE;
}

static void
make_number (DialogRow *row)
{
  const Argument *argument = row->argument;
  gboolean whole = argument->kind == ARGUMENT_INTEGER;
  double range = argument->maximum - argument->minimum;
  row->adjustment = GTK_ADJUSTMENT (gtk_adjustment_new (
      argument->minimum, argument->minimum, argument->maximum, 1, MAX (1, range / 10), 0));
  row->entry = gtk_spin_button_new (row->adjustment, 1, whole ? 0 : 1);
  row->widget = row->entry;
  if (range <= MAX_SLIDER)
    {
      row->widget = host_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
      GtkWidget *scale = host_scale_new (row->adjustment);
      gtk_scale_set_draw_value (GTK_SCALE (scale), FALSE);
      gtk_box_pack_start (GTK_BOX (row->widget), scale, TRUE, TRUE, 0);
      gtk_box_pack_start (GTK_BOX (row->widget), row->entry, FALSE, FALSE, 0);
    }
  if (argument->choices != NULL)
    {
      g_signal_connect (row->entry, "output", G_CALLBACK (on_number_shown), row);
      g_signal_connect (row->entry, "input", G_CALLBACK (on_number_typed), row);
      gtk_spin_button_update (GTK_SPIN_BUTTON (row->entry));
    }
  g_signal_connect (row->adjustment, "value-changed", G_CALLBACK (on_adjusted), row);
}

/* Whether there is a list to choose such a value from. */
static gboolean
is_chosen (const Argument *argument)
{
  switch (argument->kind)
    {
    case ARGUMENT_MODEL:
    case ARGUMENT_LAYER:
    case ARGUMENT_LAYERS:
    case ARGUMENT_CLASS:
      return TRUE;
    default:
      return FALSE;
    }
}

/* Whether the owner may propose values. */
static gboolean
is_proposed (const Argument *argument)
{
  return is_chosen (argument) || argument->kind == ARGUMENT_ARCHITECTURE
         || argument->kind == ARGUMENT_DEVICE || argument->kind == ARGUMENT_IMAGE;
}

static gboolean
is_path (const Argument *argument)
{
  return argument->kind == ARGUMENT_IMAGE || argument->kind == ARGUMENT_FILE
         || argument->kind == ARGUMENT_OUTPUT;
}

/* An entry, with proposals where the row has them. */
static GtkWidget *
words_new (DialogRow *row)
{
  if (row->argument->choices == NULL && !is_proposed (row->argument))
    return gtk_entry_new ();
  row->entry = gtk_combo_box_text_new_with_entry ();
  propose (row, row->argument->choices);
  return row->entry;
}

/* Words that a button beside them helps to find, where there is one. */
static void
make_words (DialogRow *row)
{
  gboolean chosen = is_chosen (row->argument);
  row->entry = words_new (row);
  g_signal_connect (row->entry, "changed", G_CALLBACK (on_changed), row);
  row->widget = row->entry;
  if (!chosen && !is_path (row->argument))
    return;
  row->widget = host_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *button = gtk_button_new_with_label (chosen ? "Choose…" : "Browse…");
  gtk_box_pack_start (GTK_BOX (row->widget), row->entry, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (row->widget), button, FALSE, FALSE, 0);
  g_signal_connect (button, "clicked", G_CALLBACK (chosen ? on_choose : on_browse), row);
}

static void
make_widget (DialogRow *row)
{
  const Argument *argument = row->argument;
  const char *signal = "changed";
  switch (argument->kind)
    {
    case ARGUMENT_INTEGER:
    case ARGUMENT_NUMBER:
      make_number (row);
      return;
    case ARGUMENT_COLOR:
      row->entry = gtk_color_button_new ();
      signal = "color-set";
      break;
    case ARGUMENT_SWITCH:
      row->entry = gtk_check_button_new ();
      signal = "toggled";
      break;
    case ARGUMENT_CHOICE:
      row->entry = gtk_combo_box_text_new ();
      propose (row, argument->choices);
      break;
    default:
      make_words (row);
      return;
    }
  row->widget = row->entry;
  g_signal_connect (row->entry, signal, G_CALLBACK (on_changed), row);
}

static gboolean
take_letter (DialogPage *page, char letter)
{
  char lower = g_ascii_tolower (letter);
  if (!g_ascii_isalpha (lower) || strchr (page->letters->str, lower) != NULL)
    return FALSE;
  g_string_append_c (page->letters, lower);
  return TRUE;
}

/* The label with the mnemonic that it has, or if that is taken with another, or with none. */
static char *
label_text (DialogPage *page, const char *label)
{
  const char *mark = strchr (label, '_');
  if (mark == NULL || take_letter (page, mark[1]))
    return g_strdup (label);
  g_autoptr (GString) text = g_string_new (label);
  g_string_erase (text, mark - label, 1);
  for (gsize i = 0; i < text->len; i++)
    if (take_letter (page, text->str[i]))
      {
        g_string_insert_c (text, (gssize) i, '_');
        break;
      }
  return g_strdup (text->str);
}

static void
add_row (DialogPage *page, GtkWidget *grid, const Argument *argument, int at)
{
  DialogRow *row = g_new0 (DialogRow, 1);
  row->argument = argument;
  row->page = page;
  make_widget (row);
  g_ptr_array_add (page->rows, row);
  g_autofree char *text = label_text (page, argument->label);
  gboolean named = argument->kind == ARGUMENT_SWITCH; /* by its check button */
  GtkWidget *label = gtk_label_new_with_mnemonic (named ? "" : text);
  if (named)
    {
      gtk_button_set_label (GTK_BUTTON (row->entry), text);
      gtk_button_set_use_underline (GTK_BUTTON (row->entry), TRUE);
    }
  else
    gtk_label_set_mnemonic_widget (GTK_LABEL (label), row->entry);
  gtk_widget_set_tooltip_text (label, argument->help);
  gtk_widget_set_tooltip_text (row->widget, argument->help);
  host_grid_attach (grid, label, row->widget, at);
  row_set (row, argument->fallback);
}

static void
page_free (gpointer data)
{
  DialogPage *page = data;
  g_ptr_array_unref (page->rows);
  g_string_free (page->letters, TRUE);
  g_free (page);
}

DialogPage *
dialog_page_new (GPtrArray *table, const DialogHooks *hooks)
{
  DialogPage *page = g_new0 (DialogPage, 1);
  page->rows = g_ptr_array_new_with_free_func (g_free);
  page->hooks = *hooks;
  page->letters = g_string_new (TAKEN_LETTERS);
  page->quiet = TRUE;
  page->widget = host_box_new (GTK_ORIENTATION_VERTICAL, 12);
  gtk_container_set_border_width (GTK_CONTAINER (page->widget), 12);
  g_object_set_data_full (G_OBJECT (page->widget), "convlens-page", page, page_free);

  GtkWidget *grids[2] = { host_grid_new (), host_grid_new () };
  int counts[2] = { 0, 0 };
  for (int folded = 0; folded < 2; folded++)
    for (guint i = 0; i < table->len; i++)
      {
        const Argument *argument = g_ptr_array_index (table, i);
        if (folded == ((argument->flags & ARGUMENT_FOLDED) != 0))
          add_row (page, grids[folded], argument, counts[folded]++);
      }
  GtkWidget *expander = gtk_expander_new_with_mnemonic ("_Further settings of model and picture");
  gtk_container_set_border_width (GTK_CONTAINER (grids[1]), 6);
  gtk_container_add (GTK_CONTAINER (expander), grids[1]);
  gtk_box_pack_start (GTK_BOX (page->widget), grids[0], FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (page->widget), expander, FALSE, FALSE, 0);
  gtk_widget_show_all (page->widget);
  if (counts[1] == 0)
    gtk_widget_hide (expander);
  page->quiet = FALSE;
  return page;
}

GtkWidget *
dialog_page_widget (DialogPage *page)
{
  return page->widget;
}

const Argument *
dialog_page_argument (DialogPage *page, const char *name)
{
  const DialogRow *row = find_row (page, name);
  return row != NULL ? row->argument : NULL;
}

void
dialog_page_set (DialogPage *page, const char *name, const char *value)
{
  DialogRow *row = find_row (page, name);
  g_autofree char *shown = row_get (row);
  if (strcmp (shown, value) == 0)
    return;
  page->quiet = TRUE;
  row_set (row, value);
  page->quiet = FALSE;
}

char *
dialog_page_get (DialogPage *page, const char *name)
{
  return row_get (find_row (page, name));
}

void
dialog_page_propose (DialogPage *page, const char *name, const char *const *proposals)
{
  DialogRow *row = find_row (page, name);
  if (row != NULL && GTK_IS_COMBO_BOX (row->entry))
    propose (row, proposals);
}

void
dialog_hide (GtkWidget *window)
{
  gtk_widget_hide (window);
  gdk_display_sync (gtk_widget_get_display (window));
}

void
dialog_complain (GtkWidget *window, const GError *error)
{
  GtkWidget *message =
      gtk_message_dialog_new (GTK_WINDOW (window), GTK_DIALOG_MODAL, GTK_MESSAGE_ERROR,
                              GTK_BUTTONS_CLOSE, "%s", error->message);
  gtk_dialog_run (GTK_DIALOG (message));
  gtk_widget_destroy (message);
}

void
dialog_show_report (const char *title, const char *text)
{
  GtkWidget *window = gtk_dialog_new_with_buttons (title, NULL, (GtkDialogFlags) 0, "_Close",
                                                   GTK_RESPONSE_CLOSE, NULL);
  gtk_dialog_set_default_response (GTK_DIALOG (window), GTK_RESPONSE_CLOSE);
  gtk_window_set_default_size (GTK_WINDOW (window), 1000, 500);
  GtkWidget *view = gtk_text_view_new ();
  gtk_text_view_set_editable (GTK_TEXT_VIEW (view), FALSE);
  gtk_text_view_set_cursor_visible (GTK_TEXT_VIEW (view), FALSE);
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (view));
  GtkTextTag *columns = gtk_text_buffer_create_tag (buffer, NULL, "family", "monospace", NULL);
  GtkTextIter start;
  gtk_text_buffer_get_start_iter (buffer, &start);
  gtk_text_buffer_insert_with_tags (buffer, &start, text, -1, columns, NULL);
  GtkWidget *scrolled = gtk_scrolled_window_new (NULL, NULL);
  gtk_container_set_border_width (GTK_CONTAINER (scrolled), 12);
  gtk_container_add (GTK_CONTAINER (scrolled), view);
  GtkWidget *content = gtk_dialog_get_content_area (GTK_DIALOG (window));
  gtk_box_pack_start (GTK_BOX (content), scrolled, TRUE, TRUE, 0);
  gtk_widget_show_all (window);
  gtk_dialog_run (GTK_DIALOG (window));
  gtk_widget_destroy (window);
}
