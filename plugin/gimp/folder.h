/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A filter for a whole folder of photographs, in batch: files in, files out, no image of GIMP's. As
 * with the program, the model is opened once. */

#include "commands.h"

G_BEGIN_DECLS

/* Whether the command has such a procedure, and its name: "plug-in-convlens-grad-cam-folder".
 * Transfer full. */
gboolean gimp_folder_has (const Command *command);
char *gimp_folder_procedure_name (const Command *command);
/* The row of that procedure, or NULL. */
const Command *gimp_folder_find (const char *procedure_name);
/* "folder", then what the program's command takes, its files too. Transfer container. */
GPtrArray *gimp_folder_arguments (const Command *command);

/* Works on all photographs of the folder. report: what --json prints, a line for each. failed: how
 * many could not be done, which is no error unless all were. */
gboolean gimp_folder_run (const Command *command, const Arguments *arguments, int *failed,
                          char **report, GError **error);

G_END_DECLS
