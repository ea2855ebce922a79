/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The procedures for GIMP 3.0 and later, made from the table. */

#include "call.h"
#include "folder.h"

#define CONVLENS_TYPE_PLUG_IN (convlens_plug_in_get_type ())
G_DECLARE_FINAL_TYPE (ConvlensPlugIn, convlens_plug_in, CONVLENS, PLUG_IN, GimpPlugIn)

struct _ConvlensPlugIn
{
  GimpPlugIn parent_instance;
};

G_DEFINE_TYPE (ConvlensPlugIn, convlens_plug_in, GIMP_TYPE_PLUG_IN)

/* Choices too are strings, and numbers have no range: GIMP would replace a wrong one by the default
 * without a word, or refuse it in words of its own. */
static void
add_argument (GimpProcedure *procedure, const Argument *argument)
{
  g_autofree char *help = gimp_face_help (argument);
  double fallback = g_ascii_strtod (argument->fallback, NULL);
  if (argument->kind == ARGUMENT_INTEGER)
    gimp_procedure_add_int_argument (procedure, argument->name, argument->label, help, G_MININT,
                                     G_MAXINT, (int) fallback, G_PARAM_READWRITE);
  else if (argument->kind == ARGUMENT_NUMBER)
    gimp_procedure_add_double_argument (procedure, argument->name, argument->label, help,
                                        -G_MAXDOUBLE, G_MAXDOUBLE, fallback, G_PARAM_READWRITE);
  else
    gimp_procedure_add_string_argument (procedure, argument->name, argument->label, help,
                                        argument->fallback, G_PARAM_READWRITE);
}

static gboolean
take_config (GimpProcedureConfig *config, Arguments *arguments, GError **error)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      g_autofree char *text = host_config_text (config, argument);
      if (!arguments_set (arguments, argument->name, text, error))
        return FALSE;
    }
  return TRUE;
}

static GimpValueArray *
return_values (GimpProcedure *procedure, const Command *command, const Answer *answer)
{
  GimpValueArray *values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  if (command->flags & COMMAND_LAYERS)
    GIMP_VALUES_SET_CORE_OBJECT_ARRAY (values, 1, answer->layers);
  else if (command->flags & COMMAND_PHOTO)
    GIMP_VALUES_SET_LAYER (values, 1, GIMP_LAYER (answer->layers[0]));
  else
    GIMP_VALUES_SET_IMAGE (values, 1, answer->image);
  GIMP_VALUES_TAKE_STRING (values, 2, answer->report);
  g_free (answer->layers);
  return values;
}

static GimpValueArray *
run_filter (GimpProcedure *procedure, GimpRunMode mode, GimpImage *image, GimpDrawable **drawables,
            GimpProcedureConfig *config, const Command *command)
{
  g_autoptr (GPtrArray) table = command_arguments (command, TRUE);
  g_autoptr (Arguments) arguments = arguments_new (table);
  int n_drawables = host_count (drawables);
  Call call = {
    .command = command,
    .arguments = arguments,
    .settings = { procedure, config },
    .image = image,
    .drawable = n_drawables > 0 ? GIMP_ITEM (drawables[0]) : HOST_NONE,
    .n_drawables = n_drawables,
    .mode = mode,
  };
  GError *error = NULL;
  gimp_face_begin ();
  if (mode != GIMP_RUN_INTERACTIVE && !take_config (config, arguments, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR, error);
  GimpPDBStatusType status = call_run (&call, &error);
  if (status != GIMP_PDB_SUCCESS)
    return gimp_procedure_new_return_values (procedure, status, error);
  return return_values (procedure, command, &call.answer);
}

static GimpValueArray *
run_on_image (GimpProcedure *procedure, GimpRunMode mode, GimpImage *image,
              GimpDrawable **drawables, GimpProcedureConfig *config, gpointer data)
{
  return run_filter (procedure, mode, image, drawables, config, data);
}

static GimpValueArray *
run_alone (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer data)
{
  GimpRunMode mode = GIMP_RUN_NONINTERACTIVE;
  g_object_get (config, "run-mode", &mode, NULL);
  return run_filter (procedure, mode, NULL, NULL, config, data);
}

static GimpValueArray *
run_folder (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer data)
{
  const Command *command = data;
  g_autoptr (GPtrArray) table = gimp_folder_arguments (command);
  g_autoptr (Arguments) arguments = arguments_new (table);
  GError *error = NULL;
  int failed = 0;
  char *report = NULL;
  gimp_face_begin ();
  if (!take_config (config, arguments, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR, error);
  if (!gimp_folder_run (command, arguments, &failed, &report, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  GimpValueArray *values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  GIMP_VALUES_SET_INT (values, 1, failed);
  GIMP_VALUES_TAKE_STRING (values, 2, report);
  return values;
}

static GList *
query_procedures (GimpPlugIn *plug_in G_GNUC_UNUSED)
{
  GList *names = NULL;
  for (const Command *const *row = commands (); *row != NULL; row++)
    {
      if ((*row)->flags & COMMAND_GIMP)
        names = g_list_append (names, gimp_face_procedure_name (*row));
      if (gimp_folder_has (*row))
        names = g_list_append (names, gimp_folder_procedure_name (*row));
    }
  return names;
}

static void
add_run_mode (GimpProcedure *procedure)
{
  gimp_procedure_add_enum_argument (procedure, "run-mode", "Run mode", "The run mode",
                                    GIMP_TYPE_RUN_MODE, GIMP_RUN_NONINTERACTIVE, G_PARAM_READWRITE);
}

static GimpProcedure *
make_procedure (GimpPlugIn *plug_in, const char *name, const Command *command)
{
  gpointer data = (gpointer) command;
  if (command->flags & COMMAND_PHOTO)
    {
      GimpProcedure *procedure = gimp_image_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN,
                                                           run_on_image, data, NULL);
      gimp_procedure_set_image_types (procedure, "*");
      gimp_procedure_set_sensitivity_mask (procedure, GIMP_PROCEDURE_SENSITIVE_DRAWABLE);
      return procedure;
    }
  GimpProcedure *procedure =
      gimp_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, run_alone, data, NULL);
  add_run_mode (procedure);
  gimp_procedure_set_sensitivity_mask (procedure, GIMP_PROCEDURE_SENSITIVE_ALWAYS);
  return procedure;
}

static void
document (GimpProcedure *procedure, const Command *command)
{
  g_autofree char *blurb = gimp_face_blurb (command);
  gimp_procedure_set_documentation (procedure, blurb, command->help, NULL);
  gimp_procedure_set_attribution (procedure, "The Convlens authors", "GPL-3.0-or-later", "2026");
}

static GimpProcedure *
create_folder_procedure (GimpPlugIn *plug_in, const char *name, const Command *command)
{
  GimpProcedure *procedure = gimp_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN,
                                                 run_folder, (gpointer) command, NULL);
  add_run_mode (procedure);
  document (procedure, command);
  g_autoptr (GPtrArray) table = gimp_folder_arguments (command);
  for (guint i = 0; i < table->len; i++)
    add_argument (procedure, g_ptr_array_index (table, i));
  gimp_procedure_add_int_return_value (procedure, "failed", "Failed",
                                       "How many photographs could not be done", 0, G_MAXINT, 0,
                                       G_PARAM_READWRITE);
  gimp_procedure_add_string_return_value (procedure, "report", "Report",
                                          "The report: a line of JSON for each", NULL,
                                          G_PARAM_READWRITE);
  return procedure;
}

static GimpProcedure *
create_procedure (GimpPlugIn *plug_in, const char *name)
{
  const Command *command = gimp_face_find (name), *folder = gimp_folder_find (name);
  if (folder != NULL)
    return create_folder_procedure (plug_in, name, folder);
  if (command == NULL)
    return NULL;
  GimpProcedure *procedure = make_procedure (plug_in, name, command);
  gimp_procedure_set_menu_label (procedure, command->label);
  gimp_procedure_add_menu_path (procedure, GIMP_MENU);
  document (procedure, command);

  g_autoptr (GPtrArray) table = command_arguments (command, TRUE);
  for (guint i = 0; i < table->len; i++)
    add_argument (procedure, g_ptr_array_index (table, i));
  if (command->flags & COMMAND_LAYERS)
    gimp_procedure_add_core_object_array_return_value (procedure, "layers", "Layers",
                                                       "The layers that were made, lowest first",
                                                       GIMP_TYPE_LAYER, G_PARAM_READWRITE);
  else if (command->flags & COMMAND_PHOTO)
    gimp_procedure_add_layer_return_value (procedure, "layer", "Layer", "The layer that was made",
                                           FALSE, G_PARAM_READWRITE);
  else
    gimp_procedure_add_image_return_value (procedure, "made", "Image", "The image that was made",
                                           FALSE, G_PARAM_READWRITE);
  gimp_procedure_add_string_return_value (procedure, "report", "Report",
                                          "The report: a JSON object", NULL, G_PARAM_READWRITE);
  return procedure;
}

static gboolean
set_i18n (GimpPlugIn *plug_in G_GNUC_UNUSED, const char *name G_GNUC_UNUSED,
          char **domain G_GNUC_UNUSED, char **catalogs G_GNUC_UNUSED)
{
  return FALSE;
}

static void
convlens_plug_in_class_init (ConvlensPlugInClass *class)
{
  GimpPlugInClass *plug_in_class = GIMP_PLUG_IN_CLASS (class);
  plug_in_class->query_procedures = query_procedures;
  plug_in_class->create_procedure = create_procedure;
  plug_in_class->set_i18n = set_i18n;
}

static void
convlens_plug_in_init (ConvlensPlugIn *plug_in G_GNUC_UNUSED)
{
}

GIMP_MAIN (CONVLENS_TYPE_PLUG_IN)
