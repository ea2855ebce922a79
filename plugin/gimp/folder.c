/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "folder.h"

#include "common.h"
#include "photographs.h"

#define SUFFIX "-folder"

static const Argument folder_argument = {
  .name = "folder",
  .kind = ARGUMENT_FOLDER,
  .fallback = "",
  .label = "_Folder",
  .value = "FOLDER",
  .help = "the folder of photographs: its PNG, JPEG and .npy files",
  .flags = ARGUMENT_REQUIRED,
};

gboolean
gimp_folder_has (const Command *command)
{
  return (command->flags & COMMAND_GIMP) && (command->flags & COMMAND_PHOTO);
}

char *
gimp_folder_procedure_name (const Command *command)
{
  g_autofree char *name = gimp_face_procedure_name (command);
  return g_strconcat (name, SUFFIX, NULL);
}

const Command *
gimp_folder_find (const char *procedure_name)
{
  if (!g_str_has_suffix (procedure_name, SUFFIX))
    return NULL;
  g_autofree char *plain = g_strdup (procedure_name);
  plain[strlen (plain) - strlen (SUFFIX)] = '\0';
  const Command *command = gimp_face_find (plain);
  return command != NULL && gimp_folder_has (command) ? command : NULL;
}

GPtrArray *
gimp_folder_arguments (const Command *command)
{
  GPtrArray *table = command_arguments (command, FALSE);
  g_ptr_array_insert (table, 0, (gpointer) &folder_argument);
  return table;
}

typedef struct
{
  GString *lines;
  int failed;
  GError *first; /* of the failures */
} Report;

static void
on_done (const Photograph *photograph, Result *result, const GError *error, gpointer data)
{
  Report *report = data;
  g_autofree char *line = result_photograph_json (photograph, result, error);
  g_string_append_printf (report->lines, "%s\n", line);
  if (result != NULL)
    return;
  report->failed++;
  if (report->first == NULL)
    report->first = g_error_copy (error);
}

gboolean
gimp_folder_run (const Command *command, const Arguments *arguments, int *failed, char **report,
                 GError **error)
{
  if (!arguments_check (arguments, error))
    return FALSE;
  const char *words[] = { arguments_get (arguments, "folder"), NULL };
  g_autoptr (GPtrArray) photographs = photographs_find (words, error);
  g_autoptr (Outputs) outputs =
      photographs != NULL ? outputs_new (command, arguments, photographs, error) : NULL;
  if (outputs == NULL)
    return FALSE;
  Report all = { .lines = g_string_new (NULL) };
  gboolean good =
      photographs_run (command, arguments, outputs, photographs, NULL, on_done, &all, error);
  if (good && (guint) all.failed == photographs->len)
    {
      g_propagate_error (error, g_steal_pointer (&all.first));
      good = FALSE;
    }
  g_clear_error (&all.first);
  *failed = all.failed;
  *report = g_string_free (all.lines, !good);
  return good;
}
