/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a filter's dialog offers for its rows: models, layers, classes, devices, open images. */

#include "call.h"

G_BEGIN_DECLS

typedef struct
{
  const Call *call; /* whose arguments the page shows */
  DialogPage *page;
  GStrv images; /* that are open, as an ARGUMENT_IMAGE names them */
} Choices;

/* Fills all proposals of the page. */
void choices_propose (const Choices *choices);
/* The same where the value that has changed makes it necessary. */
void choices_changed (const Choices *choices, const Argument *argument);
/* Opens the list of models, layers or classes, as the row's kind is. Transfer full; NULL: nothing
 * was chosen. */
char *choices_choose (const Choices *choices, const Argument *argument, GtkWidget *window);

/* The list of all models, with "Other File…" and the download of those to be had. Transfer full;
 * NULL: nothing was chosen. */
char *choices_choose_model (GtkWidget *window, const char *now);
/* Before a run: asks for what cannot be known of the model, its preparation and its labels, once,
 * and has it written down beside the model. FALSE: the user wants to go back. */
gboolean choices_settle (GtkWidget *window, const Arguments *arguments);

G_END_DECLS
