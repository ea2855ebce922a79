/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A window with a list to choose from, for GTK 2 and GTK 3: columns, and an entry whose words
 * narrow the list down. */

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _DialogList DialogList;

/* Called when another row is selected; value: that row's, NULL where none or several are. */
typedef void (*DialogListSelected) (DialogList *list, const char *value, gpointer data);

/* columns: the titles, ended by NULL, kept. several: more than one row can be chosen. */
DialogList *dialog_list_new (GtkWidget *parent, const char *title, const char *const *columns,
                             gboolean several);
void dialog_list_free (DialogList *list);
void dialog_list_on_selected (DialogList *list, DialogListSelected selected, gpointer data);
GtkWidget *dialog_list_window (DialogList *list);

/* A row that stands for `value`; a cell for each column, NULL for an empty one. strong: set off
 * from the others. */
void dialog_list_add (DialogList *list, const char *value, const char *const *cells,
                      gboolean strong);
void dialog_list_clear (DialogList *list);
/* Selects the first row of that value, and shows it. */
void dialog_list_select (DialogList *list, const char *value);
/* A sentence under the list; NULL: none. */
void dialog_list_note (DialogList *list, const char *note);

/* A button left of Cancel and OK. Transfer none. */
GtkWidget *dialog_list_add_button (DialogList *list, const char *label, int response);
void dialog_list_set_ready (DialogList *list, gboolean ready); /* whether OK can be pressed */
/* Waits for an answer: GTK_RESPONSE_OK, the response of a button, or any other: the user does not
 * want to choose. */
int dialog_list_run (DialogList *list);
/* What is chosen, several with commas between, NULL where nothing is. Transfer full. */
char *dialog_list_value (DialogList *list);

/* A text as names are compared everywhere: letter case and "_" do not matter. Transfer full. */
char *dialog_list_plain (const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DialogList, dialog_list_free)

G_END_DECLS
