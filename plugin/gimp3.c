/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The face for GIMP 3.0 and later: procedures and dialogs made from the table. */

#include "gimp-common.h"

#include <libgimp/gimp.h>
#include <libgimp/gimpui.h>
#include <string.h>

#define CONVLENS_TYPE_PLUG_IN (convlens_plug_in_get_type ())
G_DECLARE_FINAL_TYPE (ConvlensPlugIn, convlens_plug_in, CONVLENS, PLUG_IN, GimpPlugIn)

struct _ConvlensPlugIn
{
  GimpPlugIn parent_instance;
};

G_DEFINE_TYPE (ConvlensPlugIn, convlens_plug_in, GIMP_TYPE_PLUG_IN)

/* Choices too are strings: GIMP would replace a wrong one by the default without a word. */
static void
add_argument (GimpProcedure *procedure, const Argument *argument)
{
  g_autofree char *value = argument_value_help (argument);
  g_autofree char *help = g_strdup_printf ("%s: %s", value, argument->help);
  double fallback = g_ascii_strtod (argument->fallback, NULL);
  if (argument->kind == ARGUMENT_INTEGER)
    gimp_procedure_add_int_argument (procedure, argument->name, argument->label, help,
                                     (int) argument->minimum, (int) argument->maximum,
                                     (int) fallback, G_PARAM_READWRITE);
  else if (argument->kind == ARGUMENT_NUMBER)
    gimp_procedure_add_double_argument (procedure, argument->name, argument->label, help,
                                        argument->minimum, argument->maximum, fallback,
                                        G_PARAM_READWRITE);
  else
    gimp_procedure_add_string_argument (procedure, argument->name, argument->label, help,
                                        argument->fallback, G_PARAM_READWRITE);
}

static char *
config_get (GimpProcedureConfig *config, const Argument *argument)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  if (argument->kind == ARGUMENT_INTEGER)
    {
      int value;
      g_object_get (config, argument->name, &value, NULL);
      return g_strdup_printf ("%d", value);
    }
  if (argument->kind == ARGUMENT_NUMBER)
    {
      double value;
      g_object_get (config, argument->name, &value, NULL);
      return g_strdup (g_ascii_dtostr (number, sizeof number, value));
    }
  char *text = NULL;
  g_object_get (config, argument->name, &text, NULL);
  return text != NULL ? text : g_strdup (argument->fallback);
}

static void
config_set (GimpProcedureConfig *config, const Argument *argument, const char *text)
{
  if (argument->kind == ARGUMENT_INTEGER)
    g_object_set (config, argument->name, (int) g_ascii_strtoll (text, NULL, 10), NULL);
  else if (argument->kind == ARGUMENT_NUMBER)
    g_object_set (config, argument->name, g_ascii_strtod (text, NULL), NULL);
  else
    g_object_set (config, argument->name, text, NULL);
}

static gboolean
take_config (GimpProcedureConfig *config, Arguments *arguments, GError **error)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      g_autofree char *text = config_get (config, argument);
      if (!arguments_set (arguments, argument->name, text, error))
        return FALSE;
    }
  return TRUE;
}

typedef struct
{
  DialogPage *page;
  GPtrArray *table;
  GimpProcedureConfig *config;
} Dialog;

static void
on_page_changed (const Argument *argument, const char *value, gpointer data)
{
  Dialog *dialog = data;
  config_set (dialog->config, argument, value);
  if (strcmp (argument->name, "model") == 0 || strcmp (argument->name, "architecture") == 0)
    gimp_face_propose (dialog->page, dialog->table);
}

static void
on_config_changed (GimpProcedureConfig *config, GParamSpec *changed, gpointer data)
{
  Dialog *dialog = data;
  for (guint i = 0; i < dialog->table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (dialog->table, i);
      if (strcmp (argument->name, changed->name) != 0)
        continue;
      g_autofree char *text = config_get (config, argument);
      dialog_page_set (dialog->page, argument->name, text);
    }
}

/* FALSE: the user does not want it. */
static gboolean
ask (GimpProcedure *procedure, GimpProcedureConfig *config, Arguments *arguments)
{
  gimp_ui_init ("convlens");
  g_auto (GStrv) parts = g_strsplit (gimp_procedure_get_menu_label (procedure), "_", -1);
  g_autofree char *title = g_strjoinv ("", parts);
  if (g_str_has_suffix (title, "…"))
    title[strlen (title) - strlen ("…")] = '\0';
  GtkWidget *window = gimp_procedure_dialog_new (procedure, config, title);
  gtk_window_set_resizable (GTK_WINDOW (window), FALSE);

  Dialog dialog = { .table = arguments_table (arguments), .config = config };
  dialog.page = dialog_page_new (dialog.table, on_page_changed, &dialog);
  GtkWidget *content = gtk_dialog_get_content_area (GTK_DIALOG (window));
  gtk_box_pack_start (GTK_BOX (content), dialog_page_widget (dialog.page), TRUE, TRUE, 0);
  for (guint i = 0; i < dialog.table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (dialog.table, i);
      g_autofree char *text = config_get (config, argument);
      dialog_page_set (dialog.page, argument->name, text);
    }
  gimp_face_propose (dialog.page, dialog.table);
  gulong handler = g_signal_connect (config, "notify", G_CALLBACK (on_config_changed), &dialog);

  gboolean wanted;
  gboolean good = FALSE;
  while ((wanted = gimp_procedure_dialog_run (GIMP_PROCEDURE_DIALOG (window))) && !good)
    {
      g_autoptr (GError) error = NULL;
      good = take_config (config, arguments, &error);
      if (good)
        break;
      GtkWidget *message =
          gtk_message_dialog_new (GTK_WINDOW (window), GTK_DIALOG_MODAL, GTK_MESSAGE_ERROR,
                                  GTK_BUTTONS_CLOSE, "%s", error->message);
      gtk_dialog_run (GTK_DIALOG (message));
      gtk_widget_destroy (message);
    }
  g_signal_handler_disconnect (config, handler);
  gtk_widget_destroy (window);
  return wanted;
}

static gboolean
is_ours (gpointer item)
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
remove_ours (GimpImage *image, GimpItem **items)
{
  for (GimpItem **item = items; item != NULL && *item != NULL; item++)
    if (is_ours (*item))
      gimp_image_remove_layer (image, GIMP_LAYER (*item));
    else if (gimp_item_is_group (*item))
      {
        g_autofree GimpItem **children = gimp_item_get_children (*item);
        remove_ours (image, children);
      }
}

/* The image as it is seen, without layers of ours, as a layer of a copy that the caller deletes. */
static GimpLayer *
visible_layer (GimpImage *image, GimpImage **copy)
{
  *copy = gimp_image_duplicate (image);
  gimp_image_undo_disable (*copy);
  g_autofree GimpLayer **layers = gimp_image_get_layers (*copy);
  remove_ours (*copy, (GimpItem **) layers);
  if (gimp_image_get_base_type (*copy) == GIMP_INDEXED)
    gimp_image_convert_rgb (*copy);
  return gimp_layer_new_from_visible (*copy, *copy, "visible");
}

static CnnImage *
read_picture (GimpImage *image, GimpDrawable *drawable, gboolean visible, GError **error)
{
  GimpImage *copy = NULL;
  GimpDrawable *source = visible ? GIMP_DRAWABLE (visible_layer (image, &copy)) : drawable;
  GeglBuffer *buffer = source == NULL ? NULL : gimp_drawable_get_buffer (source);
  CnnImage *photo = NULL;
  if (buffer == NULL)
    refuse (error, "the picture's pixels could not be read");
  else
    photo = gimp_face_read (buffer, error);
  g_clear_object (&buffer);
  if (copy != NULL)
    {
      if (source != NULL)
        gimp_item_delete (GIMP_ITEM (source));
      gimp_image_delete (copy);
    }
  return photo;
}

static gboolean
check_drawable (GimpImage *image, GimpDrawable **drawables, gboolean visible, GError **error)
{
  if (drawables == NULL || drawables[0] == NULL || drawables[1] != NULL)
    return refuse (error, "choose one layer");
  GimpItem *item = GIMP_ITEM (drawables[0]);
  if (!gimp_item_is_valid (item) || gimp_item_get_image (item) != image)
    return refuse (error, "the drawable is not one of this image");
  if (!gimp_item_is_layer (item))
    return refuse (error, "Convlens looks at layers; choose a layer, not a mask or a channel");
  if (gimp_image_get_floating_sel (image) != NULL)
    return refuse (error, "there is a floating selection; anchor it first");
  if (!visible && is_ours (item))
    return refuse (error, GIMP_RESULT_REFUSED);
  return TRUE;
}

static GimpImageType
layer_type (GimpImage *image)
{
  switch (gimp_image_get_base_type (image))
    {
    case GIMP_GRAY:
      return GIMP_GRAYA_IMAGE;
    case GIMP_INDEXED:
      return GIMP_INDEXEDA_IMAGE;
    default:
      return GIMP_RGBA_IMAGE;
    }
}

/* A layer that is not in the image yet; NULL on error. */
static GimpLayer *
make_layer (GimpImage *image, const ResultLayer *layer, const char *record, GError **error)
{
  g_autoptr (CnnImage) picture = result_layer_image (layer, error);
  if (picture == NULL)
    return NULL;
  GimpLayer *made = gimp_layer_new (image, layer->name, picture->width, picture->height,
                                    layer_type (image), layer->opacity * 100.0,
                                    layer->mode == RESULT_MODE_ADDITION ? GIMP_LAYER_MODE_ADDITION
                                                                        : GIMP_LAYER_MODE_NORMAL);
  GeglBuffer *buffer = made == NULL ? NULL : gimp_drawable_get_buffer (GIMP_DRAWABLE (made));
  if (buffer == NULL)
    {
      refuse (error, "GIMP could not make the layer");
      return NULL;
    }
  gimp_face_write (buffer, picture);
  g_object_unref (buffer);
  /* As other programs blend, so that the picture is the command line's. */
  gimp_layer_set_composite_space (made, GIMP_LAYER_COLOR_SPACE_RGB_PERCEPTUAL);
  GimpParasite *parasite =
      gimp_parasite_new (GIMP_RESULT_PARASITE, GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE,
                         (guint32) strlen (record) + 1, record);
  gimp_item_attach_parasite (GIMP_ITEM (made), parasite);
  gimp_parasite_free (parasite);
  return made;
}

/* Puts the layers above the drawable, or on top of all where the whole image was looked at. All
 * pixels are written before the first layer goes in. Returns the first. */
static GimpLayer *
insert_layers (GimpImage *image, GimpDrawable *drawable, gboolean visible, const Result *result,
               const char *record, GError **error)
{
  int x = 0, y = 0, position = 0;
  GimpItem *parent = NULL;
  g_autofree GimpLayer **made = g_new0 (GimpLayer *, result->layers->len + 1);
  for (guint i = 0; i < result->layers->len; i++)
    {
      made[i] = make_layer (image, g_ptr_array_index (result->layers, i), record, error);
      if (made[i] == NULL)
        return NULL;
    }
  g_autofree GimpLayer **selected = gimp_image_get_selected_layers (image);
  const GimpLayer *looked_at[] = { GIMP_LAYER (drawable), NULL };
  gboolean as_before = visible && selected != NULL && selected[0] != NULL;
  if (!visible)
    {
      gimp_drawable_get_offsets (drawable, &x, &y);
      parent = gimp_item_get_parent (GIMP_ITEM (drawable));
      position = gimp_image_get_item_position (image, GIMP_ITEM (drawable));
    }
  gimp_image_undo_group_start (image);
  for (guint i = 0; i < result->layers->len; i++)
    {
      const ResultLayer *layer = g_ptr_array_index (result->layers, i);
      gimp_layer_set_offsets (made[i], x + layer->x, y + layer->y);
      gimp_image_insert_layer (image, made[i], parent != NULL ? GIMP_LAYER (parent) : NULL,
                               position);
    }
  gimp_image_set_selected_layers (image, as_before ? (const GimpLayer **) selected : looked_at);
  gimp_image_undo_group_end (image);
  return made[0];
}

static GimpImage *
make_image (const Result *result, const char *record, GError **error)
{
  GimpImage *image = gimp_image_new (result->canvas_width, result->canvas_height, GIMP_RGB);
  gimp_image_undo_disable (image);
  for (guint i = 0; i < result->layers->len; i++)
    {
      const ResultLayer *layer = g_ptr_array_index (result->layers, i);
      GimpLayer *made = make_layer (image, layer, record, error);
      if (made == NULL)
        {
          gimp_image_delete (image);
          return NULL;
        }
      gimp_layer_set_offsets (made, layer->x, layer->y);
      gimp_image_insert_layer (image, made, NULL, 0);
    }
  gimp_image_undo_enable (image);
  return image;
}

/* `made` is the first layer or the image. */
static gboolean
work (const Command *command, const Arguments *arguments, GimpImage *image,
      GimpDrawable **drawables, gboolean interactive, gpointer *made, char **report, GError **error)
{
  gboolean has_photo = (command->flags & COMMAND_PHOTO) != 0;
  gboolean visible = has_photo && strcmp (arguments_get (arguments, "source"), "visible") == 0;
  GimpDrawable *drawable = has_photo && drawables != NULL ? drawables[0] : NULL;
  g_autoptr (CnnImage) photo = NULL;
  if (has_photo)
    {
      if (!check_drawable (image, drawables, visible, error))
        return FALSE;
      photo = read_picture (image, drawable, visible, error);
      if (photo == NULL)
        return FALSE;
    }
  gboolean gray = has_photo && gimp_image_get_base_type (image) == GIMP_GRAY;
  Subject subject = { .photo = photo, .gray = gray };
  g_autoptr (Result) result = gimp_face_run (command, arguments, &subject, error);
  if (result == NULL)
    return FALSE;
  if (has_photo && gimp_image_get_base_type (image) == GIMP_INDEXED)
    result_warn (result, GIMP_INDEXED_NOTE);

  g_autofree char *record = result_record (result, command->name, arguments);
  gboolean canvas = result->canvas_width > 0;
  *made = canvas ? (gpointer) make_image (result, record, error)
                 : (gpointer) insert_layers (image, drawable, visible, result, record, error);
  if (*made == NULL)
    return FALSE;
  *report = result_json (result);
  if (interactive)
    {
      if (canvas)
        gimp_display_new (*made);
      g_message ("%s", g_strchomp (result->text->str));
    }
  return TRUE;
}

static GimpValueArray *
answer (GimpProcedure *procedure, GimpRunMode mode, GimpImage *image, GimpDrawable **drawables,
        GimpProcedureConfig *config, const Command *command)
{
  g_autoptr (GPtrArray) table = command_arguments (command, TRUE);
  g_autoptr (Arguments) arguments = arguments_new (table);
  gpointer made = NULL;
  char *report = NULL;
  GError *error = NULL;

  gimp_face_begin ();
  if (mode == GIMP_RUN_INTERACTIVE && !ask (procedure, config, arguments))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CANCEL, NULL);
  if (!take_config (config, arguments, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR, error);
  if (!work (command, arguments, image, drawables, mode == GIMP_RUN_INTERACTIVE, &made, &report,
             &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_EXECUTION_ERROR, error);

  if (mode != GIMP_RUN_NONINTERACTIVE)
    gimp_displays_flush ();
  GimpValueArray *values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  g_value_set_object (gimp_value_array_index (values, 1), made);
  GIMP_VALUES_TAKE_STRING (values, 2, report);
  return values;
}

static GimpValueArray *
run_on_image (GimpProcedure *procedure, GimpRunMode mode, GimpImage *image,
              GimpDrawable **drawables, GimpProcedureConfig *config, gpointer data)
{
  return answer (procedure, mode, image, drawables, config, data);
}

static GimpValueArray *
run_alone (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer data)
{
  GimpRunMode mode = GIMP_RUN_NONINTERACTIVE;
  g_object_get (config, "run-mode", &mode, NULL);
  return answer (procedure, mode, NULL, NULL, config, data);
}

static GList *
query_procedures (GimpPlugIn *plug_in G_GNUC_UNUSED)
{
  GList *names = NULL;
  for (const Command *const *row = commands (); *row != NULL; row++)
    if ((*row)->flags & COMMAND_GIMP)
      names = g_list_append (names, gimp_face_procedure_name (*row));
  return names;
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
  gimp_procedure_add_enum_argument (procedure, "run-mode", "Run mode", "The run mode",
                                    GIMP_TYPE_RUN_MODE, GIMP_RUN_NONINTERACTIVE, G_PARAM_READWRITE);
  gimp_procedure_set_sensitivity_mask (procedure, GIMP_PROCEDURE_SENSITIVE_ALWAYS);
  return procedure;
}

static GimpProcedure *
create_procedure (GimpPlugIn *plug_in, const char *name)
{
  const Command *command = gimp_face_find (name);
  if (command == NULL)
    return NULL;
  g_autofree char *blurb = g_strdup (command->summary);
  blurb[0] = g_ascii_toupper (blurb[0]);
  GimpProcedure *procedure = make_procedure (plug_in, name, command);
  gimp_procedure_set_menu_label (procedure, command->label);
  gimp_procedure_add_menu_path (procedure, GIMP_MENU);
  gimp_procedure_set_documentation (procedure, blurb, command->help, NULL);
  gimp_procedure_set_attribution (procedure, "The Convlens authors", "GPL-3.0-or-later", "2026");

  g_autoptr (GPtrArray) table = command_arguments (command, TRUE);
  for (guint i = 0; i < table->len; i++)
    add_argument (procedure, g_ptr_array_index (table, i));
  if (command->flags & COMMAND_PHOTO)
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
