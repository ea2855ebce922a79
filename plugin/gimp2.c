/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The face for GIMP 2.10: procedures and dialogs made from the table. */

#include "gimp-common.h"

#include <libgimp/gimp.h>
#include <libgimp/gimpui.h>
#include <string.h>

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

static char *
argument_help (const Argument *argument)
{
  g_autofree char *value = argument_value_help (argument);
  return *argument->fallback == '\0'
             ? g_strdup_printf ("%s: %s", value, argument->help)
             : g_strdup_printf ("%s: %s (%s)", value, argument->help, argument->fallback);
}

static void
install (const Command *command)
{
  g_autofree char *name = gimp_face_procedure_name (command);
  g_autoptr (GPtrArray) table = command_arguments (command, TRUE);
  g_autoptr (GPtrArray) texts = g_ptr_array_new_with_free_func (g_free);
  int leading = n_leading (command);
  const GimpParamDef picture[] = {
    { GIMP_PDB_INT32, (char *) "run-mode", (char *) "the run mode" },
    { GIMP_PDB_IMAGE, (char *) "image", (char *) "the image" },
    { GIMP_PDB_DRAWABLE, (char *) "drawable", (char *) "the layer to look at" },
  };
  const GimpParamDef layer = { GIMP_PDB_LAYER, (char *) "layer",
                               (char *) "the layer that was made" };
  const GimpParamDef image = { GIMP_PDB_IMAGE, (char *) "image",
                               (char *) "the image that was made" };
  const GimpParamDef returned[] = {
    command->flags & COMMAND_PHOTO ? layer : image,
    { GIMP_PDB_STRING, (char *) "report", (char *) "the report: a JSON object" },
  };

  g_autofree GimpParamDef *wanted = g_new0 (GimpParamDef, (gsize) leading + table->len);
  memcpy (wanted, picture, sizeof picture[0] * (gsize) leading);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      char *help = argument_help (argument);
      g_ptr_array_add (texts, help);
      wanted[(guint) leading + i] =
          (GimpParamDef){ argument_type (argument), (char *) argument->name, help };
    }
  g_autofree char *blurb = g_strdup (command->summary);
  blurb[0] = g_ascii_toupper (blurb[0]);
  gimp_install_procedure (
      name, blurb, command->help, "The Convlens authors", "GPL-3.0-or-later", "2026",
      command->label, command->flags & COMMAND_PHOTO ? "RGB*, GRAY*, INDEXED*" : "", GIMP_PLUGIN,
      leading + (int) table->len, G_N_ELEMENTS (returned), wanted, returned);
  gimp_plugin_menu_register (name, GIMP_MENU);
}

static void
query (void)
{
  for (const Command *const *row = commands (); *row != NULL; row++)
    if ((*row)->flags & COMMAND_GIMP)
      install (*row);
}

/* What the caller gave by position, checked. */
static gboolean
take_params (const Command *command, Arguments *arguments, int n_params, const GimpParam *params,
             GError **error)
{
  GPtrArray *table = arguments_table (arguments);
  int leading = n_leading (command);
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
      char number[G_ASCII_DTOSTR_BUF_SIZE];
      const char *text = param->data.d_string;
      if (param->type == GIMP_PDB_INT32)
        {
          g_snprintf (number, sizeof number, "%d", param->data.d_int32);
          text = number;
        }
      else if (param->type == GIMP_PDB_FLOAT)
        text = g_ascii_dtostr (number, sizeof number, param->data.d_float);
      if (!arguments_set (arguments, argument->name, text, error))
        return FALSE;
    }
  return TRUE;
}

static void
restore (const char *procedure, Arguments *arguments)
{
  int size = gimp_get_data_size (procedure);
  if (size <= 0)
    return;
  g_autofree char *kept = g_malloc0 ((gsize) size + 1);
  if (gimp_get_data (procedure, kept))
    arguments_restore (arguments, kept);
}

static void
keep (const char *procedure, const Arguments *arguments)
{
  g_autofree char *text = arguments_save (arguments);
  gimp_set_data (procedure, text, (guint32) strlen (text) + 1);
}

typedef struct
{
  DialogPage *page;
  GPtrArray *table;
} Dialog;

static void
on_dialog_changed (const Argument *argument, const char *value G_GNUC_UNUSED, gpointer data)
{
  Dialog *dialog = data;
  if (strcmp (argument->name, "model") == 0 || strcmp (argument->name, "architecture") == 0)
    gimp_face_propose (dialog->page, dialog->table);
}

/* Takes the page's values; FALSE once the user has been told which one is wrong. */
static gboolean
take_page (GtkWidget *window, DialogPage *page, Arguments *arguments)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      g_autoptr (GError) error = NULL;
      g_autofree char *value = dialog_page_get (page, argument->name);
      if (arguments_set (arguments, argument->name, value, &error))
        continue;
      GtkWidget *message =
          gtk_message_dialog_new (GTK_WINDOW (window), GTK_DIALOG_MODAL, GTK_MESSAGE_ERROR,
                                  GTK_BUTTONS_CLOSE, "%s", error->message);
      gtk_dialog_run (GTK_DIALOG (message));
      gtk_widget_destroy (message);
      return FALSE;
    }
  return TRUE;
}

static void
show_values (DialogPage *page, const Arguments *arguments)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      dialog_page_set (page, argument->name, arguments_get (arguments, argument->name));
    }
}

/* FALSE: the user does not want it. */
static gboolean
ask (const Command *command, const char *procedure, Arguments *arguments)
{
  enum
  {
    RESPONSE_RESET = 1
  };
  gimp_ui_init ("convlens", FALSE);
  g_auto (GStrv) title = g_strsplit (command->label, "_", -1);
  g_autofree char *plain = g_strjoinv ("", title);
  if (g_str_has_suffix (plain, "…"))
    plain[strlen (plain) - strlen ("…")] = '\0';
  GtkWidget *window =
      gimp_dialog_new (plain, "convlens", NULL, 0, NULL, procedure, "_Reset", RESPONSE_RESET,
                       "_Cancel", GTK_RESPONSE_CANCEL, "_OK", GTK_RESPONSE_OK, NULL);
  gtk_dialog_set_alternative_button_order (GTK_DIALOG (window), GTK_RESPONSE_OK, RESPONSE_RESET,
                                           GTK_RESPONSE_CANCEL, -1);
  gtk_dialog_set_default_response (GTK_DIALOG (window), GTK_RESPONSE_OK);
  gtk_window_set_resizable (GTK_WINDOW (window), FALSE);
  gimp_window_set_transient (GTK_WINDOW (window));

  Dialog dialog = { .table = arguments_table (arguments) };
  dialog.page = dialog_page_new (dialog.table, on_dialog_changed, &dialog);
  GtkWidget *content = gtk_dialog_get_content_area (GTK_DIALOG (window));
  gtk_box_pack_start (GTK_BOX (content), dialog_page_widget (dialog.page), TRUE, TRUE, 0);
  show_values (dialog.page, arguments);
  gimp_face_propose (dialog.page, dialog.table);
  gtk_widget_show (window);

  int response;
  do
    {
      response = gimp_dialog_run (GIMP_DIALOG (window));
      if (response == RESPONSE_RESET)
        {
          g_autoptr (Arguments) fresh = arguments_new (dialog.table);
          show_values (dialog.page, fresh);
          gimp_face_propose (dialog.page, dialog.table);
        }
    }
  while (response == RESPONSE_RESET
         || (response == GTK_RESPONSE_OK && !take_page (window, dialog.page, arguments)));
  gtk_widget_destroy (window);
  return response == GTK_RESPONSE_OK;
}

static gboolean
is_ours (gint32 item)
{
  GimpParasite *parasite = gimp_item_get_parasite (item, GIMP_RESULT_PARASITE);
  if (parasite == NULL)
    return FALSE;
  gimp_parasite_free (parasite);
  return TRUE;
}

static gboolean
refuse (GError **error, const char *message)
{
  g_set_error_literal (error, CNN_ERROR, CNN_ERROR_ARGUMENT, message);
  return FALSE;
}

/* Results may lie in groups as well. */
static void
remove_ours (gint32 image, gint32 *layers, int count)
{
  for (int i = 0; i < count; i++)
    if (is_ours (layers[i]))
      gimp_image_remove_layer (image, layers[i]);
    else if (gimp_item_is_group (layers[i]))
      {
        int n_children = 0;
        g_autofree gint *children = gimp_item_get_children (layers[i], &n_children);
        remove_ours (image, children, n_children);
      }
}

/* The image as it is seen, without layers of ours, as a layer of a copy that the caller deletes. */
static gint32
visible_layer (gint32 image, gint32 *copy)
{
  *copy = gimp_image_duplicate (image);
  gimp_image_undo_disable (*copy);
  int count = 0;
  g_autofree gint *layers = gimp_image_get_layers (*copy, &count);
  remove_ours (*copy, layers, count);
  if (gimp_image_base_type (*copy) == GIMP_INDEXED)
    gimp_image_convert_rgb (*copy);
  return gimp_layer_new_from_visible (*copy, *copy, "visible");
}

static CnnImage *
read_picture (gint32 image, gint32 drawable, gboolean visible, GError **error)
{
  gint32 copy = -1, source = drawable;
  if (visible)
    source = visible_layer (image, &copy);
  GeglBuffer *buffer = source == -1 ? NULL : gimp_drawable_get_buffer (source);
  CnnImage *photo = NULL;
  if (buffer == NULL)
    refuse (error, "the picture's pixels could not be read");
  else
    photo = gimp_face_read (buffer, error);
  g_clear_object (&buffer);
  if (copy != -1)
    {
      if (source != -1)
        gimp_item_delete (source);
      gimp_image_delete (copy);
    }
  return photo;
}

static gboolean
check_drawable (gint32 image, gint32 drawable, gboolean visible, GError **error)
{
  if (!gimp_item_is_valid (drawable) || gimp_item_get_image (drawable) != image)
    return refuse (error, "the drawable is not one of this image");
  if (!gimp_item_is_layer (drawable))
    return refuse (error, "Convlens looks at layers; choose a layer, not a mask or a channel");
  if (gimp_image_get_floating_sel (image) != -1)
    return refuse (error, "there is a floating selection; anchor it first");
  if (!visible && is_ours (drawable))
    return refuse (error, GIMP_RESULT_REFUSED);
  return TRUE;
}

static GimpImageType
layer_type (gint32 image)
{
  switch (gimp_image_base_type (image))
    {
    case GIMP_GRAY:
      return GIMP_GRAYA_IMAGE;
    case GIMP_INDEXED:
      return GIMP_INDEXEDA_IMAGE;
    default:
      return GIMP_RGBA_IMAGE;
    }
}

/* A layer that is not in the image yet; -1 on error. */
static gint32
make_layer (gint32 image, const ResultLayer *layer, const char *record, GError **error)
{
  g_autoptr (CnnImage) picture = result_layer_image (layer, error);
  if (picture == NULL)
    return -1;
  gint32 made = gimp_layer_new (image, layer->name, picture->width, picture->height,
                                layer_type (image), layer->opacity * 100.0,
                                layer->mode == RESULT_MODE_ADDITION ? GIMP_LAYER_MODE_ADDITION
                                                                    : GIMP_LAYER_MODE_NORMAL);
  GeglBuffer *buffer = made == -1 ? NULL : gimp_drawable_get_buffer (made);
  if (buffer == NULL)
    {
      refuse (error, "GIMP could not make the layer");
      return -1;
    }
  gimp_face_write (buffer, picture);
  g_object_unref (buffer);
  /* As other programs blend, so that the picture is the command line's. */
  gimp_layer_set_composite_space (made, GIMP_LAYER_COLOR_SPACE_RGB_PERCEPTUAL);
  GimpParasite *parasite =
      gimp_parasite_new (GIMP_RESULT_PARASITE, GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE,
                         (guint32) strlen (record) + 1, record);
  gimp_item_attach_parasite (made, parasite);
  gimp_parasite_free (parasite);
  return made;
}

/* Puts the layers above the drawable, or on top of all where the whole image was looked at. All
 * pixels are written before the first layer goes in. Returns the first, or -1. */
static gint32
insert_layers (gint32 image, gint32 drawable, gboolean visible, const Result *result,
               const char *record, GError **error)
{
  int x = 0, y = 0;
  gint32 parent = -1, position = 0, first = -1;
  g_autofree gint32 *made = g_new (gint32, result->layers->len + 1);
  for (guint i = 0; i < result->layers->len; i++)
    {
      made[i] = make_layer (image, g_ptr_array_index (result->layers, i), record, error);
      if (made[i] == -1)
        return -1;
    }
  gint32 active = gimp_image_get_active_layer (image);
  if (!visible)
    {
      gimp_drawable_offsets (drawable, &x, &y);
      parent = gimp_item_get_parent (drawable);
      position = gimp_image_get_item_position (image, drawable);
    }
  gimp_image_undo_group_start (image);
  for (guint i = 0; i < result->layers->len; i++)
    {
      const ResultLayer *layer = g_ptr_array_index (result->layers, i);
      gimp_layer_set_offsets (made[i], x + layer->x, y + layer->y);
      gimp_image_insert_layer (image, made[i], parent, position);
      first = first == -1 ? made[i] : first;
    }
  gimp_image_set_active_layer (image, visible && active != -1 ? active : drawable);
  gimp_image_undo_group_end (image);
  return first;
}

static gint32
make_image (const Result *result, const char *record, GError **error)
{
  gint32 image = gimp_image_new (result->canvas_width, result->canvas_height, GIMP_RGB);
  gimp_image_undo_disable (image);
  for (guint i = 0; i < result->layers->len; i++)
    {
      const ResultLayer *layer = g_ptr_array_index (result->layers, i);
      gint32 made = make_layer (image, layer, record, error);
      if (made == -1)
        {
          gimp_image_delete (image);
          return -1;
        }
      gimp_layer_set_offsets (made, layer->x, layer->y);
      gimp_image_insert_layer (image, made, -1, 0);
    }
  gimp_image_undo_enable (image);
  return image;
}

typedef struct
{
  gint32 made; /* layer or image */
  char *report;
} Answer;

static gboolean
work (const Command *command, const Arguments *arguments, gint32 image, gint32 drawable,
      gboolean interactive, Answer *answer, GError **error)
{
  gboolean has_photo = (command->flags & COMMAND_PHOTO) != 0;
  gboolean visible = has_photo && strcmp (arguments_get (arguments, "source"), "visible") == 0;
  g_autoptr (CnnImage) photo = NULL;
  if (has_photo)
    {
      if (!check_drawable (image, drawable, visible, error))
        return FALSE;
      photo = read_picture (image, drawable, visible, error);
      if (photo == NULL)
        return FALSE;
    }
  gboolean gray = has_photo && gimp_image_base_type (image) == GIMP_GRAY;
  Subject subject = { .photo = photo, .gray = gray };
  g_autoptr (Result) result = gimp_face_run (command, arguments, &subject, error);
  if (result == NULL)
    return FALSE;
  if (has_photo && gimp_image_base_type (image) == GIMP_INDEXED)
    result_warn (result, GIMP_INDEXED_NOTE);

  g_autofree char *record = result_record (result, command->name, arguments);
  answer->made = result->canvas_width > 0
                     ? make_image (result, record, error)
                     : insert_layers (image, drawable, visible, result, record, error);
  if (answer->made == -1)
    return FALSE;
  answer->report = result_json (result);
  if (interactive)
    {
      if (result->canvas_width > 0)
        gimp_display_new (answer->made);
      g_message ("%s", g_strchomp (result->text->str));
    }
  return TRUE;
}

/* GIMP reads the returned values after run() has ended, so they are static. */
static void
run (const char *name, int n_params, const GimpParam *params, int *n_returned, GimpParam **returned)
{
  static GimpParam values[3];
  g_autoptr (GError) error = NULL;
  const Command *command = gimp_face_find (name);
  *returned = values;
  *n_returned = 1;
  values[0].type = GIMP_PDB_STATUS;
  values[0].data.d_status = GIMP_PDB_CALLING_ERROR;
  if (command == NULL || n_params < n_leading (command))
    return;

  gimp_face_begin ();
  gboolean has_photo = (command->flags & COMMAND_PHOTO) != 0;
  GimpRunMode mode = (GimpRunMode) params[0].data.d_int32;
  g_autoptr (GPtrArray) table = command_arguments (command, TRUE);
  g_autoptr (Arguments) arguments = arguments_new (table);
  Answer answer = { .made = -1 };
  if (mode == GIMP_RUN_NONINTERACTIVE)
    take_params (command, arguments, n_params, params, &error);
  else
    restore (name, arguments);
  if (mode == GIMP_RUN_INTERACTIVE && !ask (command, name, arguments))
    {
      values[0].data.d_status = GIMP_PDB_CANCEL;
      return;
    }
  if (error == NULL
      && work (command, arguments, has_photo ? params[1].data.d_image : -1,
               has_photo ? params[2].data.d_drawable : -1, mode == GIMP_RUN_INTERACTIVE, &answer,
               &error))
    {
      if (mode == GIMP_RUN_INTERACTIVE)
        keep (name, arguments);
      if (mode != GIMP_RUN_NONINTERACTIVE)
        gimp_displays_flush ();
      *n_returned = 3;
      values[0].data.d_status = GIMP_PDB_SUCCESS;
      values[1].type = has_photo ? GIMP_PDB_LAYER : GIMP_PDB_IMAGE;
      values[1].data.d_int32 = answer.made;
      values[2].type = GIMP_PDB_STRING;
      values[2].data.d_string = answer.report;
      return;
    }
  *n_returned = 2;
  values[0].data.d_status =
      error->domain == ARGUMENT_ERROR ? GIMP_PDB_CALLING_ERROR : GIMP_PDB_EXECUTION_ERROR;
  values[1].type = GIMP_PDB_STRING;
  values[1].data.d_string = g_strdup (error->message);
}

const GimpPlugInInfo PLUG_IN_INFO = { NULL, NULL, query, run };

MAIN ()
