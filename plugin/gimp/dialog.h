/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Widgets for the arguments of a command, for GTK 2 and GTK 3. A row's value is text, as
 * arguments_set takes it. */

#include "arguments.h"

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct _DialogPage DialogPage;

/* What a page asks of its owner; every member may be NULL where no row of the page needs it. */
typedef struct
{
  /* The user has changed a value. */
  void (*changed) (const Argument *argument, const char *value, gpointer data);
  /* Lets the user choose a model, a layer, layers or a class, in a window over `window`. Transfer
   * full; NULL: nothing was chosen. */
  char *(*choose) (const Argument *argument, GtkWidget *window, gpointer data);
  gpointer data;
} DialogHooks;

/* Rows for all arguments of the table, those that are ARGUMENT_FOLDED under an expander. The page
 * lives as long as its widget; hooks: copied. */
DialogPage *dialog_page_new (GPtrArray *table, const DialogHooks *hooks);
GtkWidget *dialog_page_widget (DialogPage *page);

/* The row of that name; NULL where the page has none. */
const Argument *dialog_page_argument (DialogPage *page, const char *name);
/* Shows a value; `changed` is not called. */
void dialog_page_set (DialogPage *page, const char *name, const char *value);
/* Transfer full. */
char *dialog_page_get (DialogPage *page, const char *name);
/* What the row of a model, an architecture, layers, a class, a device or an image offers. */
void dialog_page_propose (DialogPage *page, const char *name, const char *const *proposals);

/* Takes the window off the screen at once, before long work. */
void dialog_hide (GtkWidget *window);
/* Tells the user what is wrong, over the window. */
void dialog_complain (GtkWidget *window, const GError *error);
/* Shows a text that is too long for a message, until it is closed. */
void dialog_show_report (const char *title, const char *text);

G_END_DECLS
