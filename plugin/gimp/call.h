/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A filter's call in GIMP, from what is looked at to what is made. */

#include "host.h"

G_BEGIN_DECLS

/* The parasite of what we made, layer, group or image: the report with all settings. */
#define CALL_PARASITE "convlens-result"

typedef struct
{
  HostImage image;  /* that was made, or HOST_NONE */
  HostItem *layers; /* lowest first, a zero behind them */
  int n_layers;
  char *report; /* a JSON object */
  char *text;   /* the same for people */
} Answer;

typedef struct
{
  const Command *command;
  Arguments *arguments;
  HostSettings settings;
  HostImage image;   /* HOST_NONE for a command that looks at no picture */
  HostItem drawable; /* the one that is looked at, where there is one */
  int n_drawables;   /* that were chosen */
  GimpRunMode mode;
  Answer answer;
} Call;

/* Does what the arguments say and fills the answer. */
gboolean call_work (Call *call, GError **error);
/* The same as the mode asks: interactively after a dialog, which complains itself, and with a
 * message at the end. GIMP_PDB_SUCCESS; GIMP_PDB_CANCEL; GIMP_PDB_EXECUTION_ERROR with an error. */
GimpPDBStatusType call_run (Call *call, GError **error);

G_END_DECLS
