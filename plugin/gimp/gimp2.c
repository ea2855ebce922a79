/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The procedures for GIMP 2.10, made from the table. */

#include "call.h"
#include "folder.h"

/* The arguments that a procedure has. Transfer container. */
static GPtrArray *
by_position (const Command *command)
{
  GPtrArray *table = command_arguments (command, TRUE);
  for (guint i = table->len; i > 0; i--)
    {
      const Argument *argument = g_ptr_array_index (table, i - 1);
      if (argument->flags & ARGUMENT_BY_NAME)
        g_ptr_array_remove_index (table, i - 1);
    }
  return table;
}

/* run-mode, image, drawable come before a command's own; a run without a picture has no image. */
static int
n_leading (const Command *command)
{
  return command->flags & COMMAND_PHOTO ? 3 : 1;
}

static GimpPDBArgType
argument_type (const Argument *argument)
{
  switch (argument->kind)
    {
    case ARGUMENT_INTEGER:
      return GIMP_PDB_INT32;
    case ARGUMENT_NUMBER:
      return GIMP_PDB_FLOAT;
    default:
      return GIMP_PDB_STRING;
    }
}

/* texts: takes what the definitions point to. */
static void
define_arguments (GPtrArray *table, GPtrArray *texts, GimpParamDef *wanted)
{
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      g_autofree char *plain = gimp_face_help (argument);
      char *help = *argument->fallback == '\0'
                       ? g_steal_pointer (&plain)
                       : g_strdup_printf ("%s (%s)", plain, argument->fallback);
      g_ptr_array_add (texts, help);
      wanted[i] = (GimpParamDef){ argument_type (argument), (char *) argument->name, help };
    }
}

static void
install (const Command *command)
{
  g_autofree char *name = gimp_face_procedure_name (command);
  g_autoptr (GPtrArray) table = by_position (command);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  int leading = n_leading (command);
  const GimpParamDef picture[] = {
    { GIMP_PDB_INT32, (char *) "run-mode", (char *) "the run mode" },
    { GIMP_PDB_IMAGE, (char *) "image", (char *) "the image" },
    { GIMP_PDB_DRAWABLE, (char *) "drawable", (char *) "the layer to look at" },
  };
  const GimpParamDef layers[] = {
    { GIMP_PDB_INT32, (char *) "num-layers", (char *) "the number of layers that were made" },
    { GIMP_PDB_INT32ARRAY, (char *) "layers", (char *) "the layers, lowest first" },
  };
  const GimpParamDef layer = { GIMP_PDB_LAYER, (char *) "layer",
                               (char *) "the layer that was made" };
  const GimpParamDef image = { GIMP_PDB_IMAGE, (char *) "image",
                               (char *) "the image that was made" };
  const GimpParamDef report = { GIMP_PDB_STRING, (char *) "report",
                                (char *) "the report: a JSON object" };
  GimpParamDef returned[3];
  int n_returned = 0;
  if (command->flags & COMMAND_LAYERS)
    for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
      returned[n_returned++] = layers[i];
  else
    returned[n_returned++] = command->flags & COMMAND_PHOTO ? layer : image;
  returned[n_returned++] = report;

  g_autofree GimpParamDef *wanted = g_new0 (GimpParamDef, (gsize) leading + table->len);
  memcpy (wanted, picture, sizeof picture[0] * (gsize) leading);
  define_arguments (table, texts, wanted + leading);
  g_autofree char *blurb = gimp_face_blurb (command);
  gimp_install_procedure (name, blurb, command->help, "The Convlens authors", "GPL-3.0-or-later",
                          "2026", command->label,
                          command->flags & COMMAND_PHOTO ? "RGB*, GRAY*, INDEXED*" : "",
                          GIMP_PLUGIN, leading + (int) table->len, n_returned, wanted, returned);
  gimp_plugin_menu_register (name, GIMP_MENU);
}

static void
install_folder (const Command *command)
{
  static const GimpParamDef returned[] = {
    { GIMP_PDB_INT32, (char *) "failed", (char *) "how many photographs could not be done" },
    { GIMP_PDB_STRING, (char *) "report", (char *) "the report: a line of JSON for each" },
  };
  g_autofree char *name = gimp_folder_procedure_name (command);
  g_autoptr (GPtrArray) table = gimp_folder_arguments (command);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  g_autofree GimpParamDef *wanted = g_new0 (GimpParamDef, 1 + table->len);
  wanted[0] = (GimpParamDef){ GIMP_PDB_INT32, (char *) "run-mode", (char *) "the run mode" };
  define_arguments (table, texts, wanted + 1);
  g_autofree char *blurb = gimp_face_blurb (command);
  gimp_install_procedure (name, blurb, command->help, "The Convlens authors", "GPL-3.0-or-later",
                          "2026", NULL, "", GIMP_PLUGIN, 1 + (int) table->len,
                          G_N_ELEMENTS (returned), wanted, returned);
}

static void
query (void)
{
  for (const Command *const *row = commands (); *row != NULL; row++)
    {
      if ((*row)->flags & COMMAND_GIMP)
        install (*row);
      if (gimp_folder_has (*row))
        install_folder (*row);
    }
}

/* What the caller gave by position, checked. */
static gboolean
take_params (GPtrArray *table, int leading, Arguments *arguments, int n_params,
             const GimpParam *params, GError **error)
{
  if (n_params != leading + (int) table->len)
    {
      g_set_error (error, ARGUMENT_ERROR, 0, "%d arguments were given, %d are needed", n_params,
                   leading + (int) table->len);
      return FALSE;
    }
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      const GimpParam *param = &params[(guint) leading + i];
      g_autofree char *number = NULL;
      if (param->type == GIMP_PDB_INT32)
        number = gimp_face_number (param->data.d_int32);
      else if (param->type == GIMP_PDB_FLOAT)
        number = gimp_face_number (param->data.d_float);
      if (!arguments_set (arguments, argument->name, number != NULL ? number : param->data.d_string,
                          error))
        return FALSE;
    }
  return TRUE;
}

static int
fill_values (const Command *command, const Answer *answer, GimpParam *values)
{
  int count = 0;
  values[count].type = GIMP_PDB_STATUS;
  values[count++].data.d_status = GIMP_PDB_SUCCESS;
  if (command->flags & COMMAND_LAYERS)
    {
      values[count].type = GIMP_PDB_INT32;
      values[count++].data.d_int32 = answer->n_layers;
      values[count].type = GIMP_PDB_INT32ARRAY;
      values[count++].data.d_int32array = answer->layers;
    }
  else if (command->flags & COMMAND_PHOTO)
    {
      values[count].type = GIMP_PDB_LAYER;
      values[count++].data.d_layer = answer->layers[0];
    }
  else
    {
      values[count].type = GIMP_PDB_IMAGE;
      values[count++].data.d_image = answer->image;
    }
  values[count].type = GIMP_PDB_STRING;
  values[count++].data.d_string = answer->report;
  return count;
}

static GimpPDBStatusType
status_of (const GError *error)
{
  return error->domain == ARGUMENT_ERROR ? GIMP_PDB_CALLING_ERROR : GIMP_PDB_EXECUTION_ERROR;
}

/* Gives the number of values. */
static int
call_folder (const Command *command, int n_params, const GimpParam *params, GimpParam *values)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) table = gimp_folder_arguments (command);
  g_autoptr (Arguments) arguments = arguments_new (table);
  int failed = 0;
  char *report = NULL;
  if (take_params (table, 1, arguments, n_params, params, &error)
      && gimp_folder_run (command, arguments, &failed, &report, &error))
    {
      values[0].data.d_status = GIMP_PDB_SUCCESS;
      values[1].type = GIMP_PDB_INT32;
      values[1].data.d_int32 = failed;
      values[2].type = GIMP_PDB_STRING;
      values[2].data.d_string = report;
      return 3;
    }
  values[0].data.d_status = status_of (error);
  values[1].type = GIMP_PDB_STRING;
  values[1].data.d_string = g_strdup (error->message);
  return 2;
}

/* Gives the number of values. */
static int
call_filter (const char *name, const Command *command, int n_params, const GimpParam *params,
             GimpParam *values)
{
  gboolean has_photo = (command->flags & COMMAND_PHOTO) != 0;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) table = command_arguments (command, TRUE);
  g_autoptr (Arguments) arguments = arguments_new (table);
  Call call = {
    .command = command,
    .arguments = arguments,
    .settings = name,
    .image = has_photo ? params[1].data.d_image : HOST_NONE,
    .drawable = has_photo ? params[2].data.d_drawable : HOST_NONE,
    .n_drawables = 1,
    .mode = (GimpRunMode) params[0].data.d_int32,
    .answer = { .image = HOST_NONE },
  };
  gboolean good = TRUE;
  if (call.mode == GIMP_RUN_NONINTERACTIVE)
    {
      g_autoptr (GPtrArray) positions = by_position (command);
      good = take_params (positions, n_leading (command), arguments, n_params, params, &error);
    }
  else if (call.mode == GIMP_RUN_WITH_LAST_VALS)
    host_settings_load (name, arguments);
  GimpPDBStatusType status = good ? call_run (&call, &error) : GIMP_PDB_CALLING_ERROR;
  if (status == GIMP_PDB_SUCCESS)
    return fill_values (command, &call.answer, values);
  if (status == GIMP_PDB_CANCEL)
    {
      values[0].data.d_status = status;
      return 1;
    }
  values[0].data.d_status = status_of (error);
  /* GIMP fills in what is missing behind the message, and would take the message itself for the
   * length of a missing array. */
  int count = command->flags & COMMAND_LAYERS ? 4 : 2;
  for (int i = 1; i < count; i++)
    {
      values[i].type = GIMP_PDB_STRING;
      values[i].data.d_string = g_strdup (error->message);
    }
  return count;
}

/* GIMP reads the returned values after run() has ended, so they are static. */
static void
run (const char *name, int n_params, const GimpParam *params, int *n_returned, GimpParam **returned)
{
  static GimpParam values[4];
  const Command *command = gimp_face_find (name), *folder = gimp_folder_find (name);
  *returned = values;
  *n_returned = 1;
  values[0].type = GIMP_PDB_STATUS;
  values[0].data.d_status = GIMP_PDB_CALLING_ERROR;
  gimp_face_begin ();
  if (folder != NULL)
    *n_returned = call_folder (folder, n_params, params, values);
  else if (command != NULL && n_params >= n_leading (command))
    *n_returned = call_filter (name, command, n_params, params, values);
}

const GimpPlugInInfo PLUG_IN_INFO = { NULL, NULL, query, run };

MAIN ()
