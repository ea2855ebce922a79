/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The face for GIMP 3.0 and later: procedures and dialogs made from the table. */

#include "choices.h"
#include "common.h"
#include "folder.h"

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

static char *
config_get (GimpProcedureConfig *config, const Argument *argument)
{
  if (argument->kind == ARGUMENT_INTEGER)
    {
      int value;
      g_object_get (config, argument->name, &value, NULL);
      return gimp_face_number (value);
    }
  if (argument->kind == ARGUMENT_NUMBER)
    {
      double value;
      g_object_get (config, argument->name, &value, NULL);
      return gimp_face_number (value);
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
  Choices choices;
  GimpProcedureConfig *config;
} Dialog;

/* The names of the open images. Transfer full. */
static GStrv
open_images (void)
{
  g_autofree GimpImage **images = gimp_get_images ();
  guint count = 0;
  while (images != NULL && images[count] != NULL)
    count++;
  GStrv names = g_new0 (char *, count + 1);
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *name = gimp_image_get_name (images[i]);
      names[i] = gimp_face_image_name (gimp_image_get_id (images[i]), name);
    }
  return names;
}

static void
on_page_changed (const Argument *argument, const char *value, gpointer data)
{
  Dialog *dialog = data;
  config_set (dialog->config, argument, value);
  choices_changed (&dialog->choices, argument);
}

static char *
on_page_choose (const Argument *argument, GtkWidget *window, gpointer data)
{
  Dialog *dialog = data;
  return choices_choose (&dialog->choices, argument, window);
}

static void
on_config_changed (GimpProcedureConfig *config, GParamSpec *changed, gpointer data)
{
  Dialog *dialog = data;
  GPtrArray *table = dialog->choices.table;
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      if (strcmp (argument->name, changed->name) != 0)
        continue;
      g_autofree char *text = config_get (config, argument);
      dialog_page_set (dialog->choices.page, argument->name, text);
    }
}

static GimpParasite *
mark_new (const char *record)
{
  return gimp_parasite_new (GIMP_RESULT_PARASITE, GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE,
                            (guint32) strlen (record) + 1, record);
}

static void
mark (GimpLayer *layer, const char *record)
{
  GimpParasite *parasite = mark_new (record);
  gimp_item_attach_parasite (GIMP_ITEM (layer), parasite);
  gimp_parasite_free (parasite);
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

/* Results may lie in groups as well. `own` is the mark of an image that is itself a result: layers
 * that were made with it are its picture. */
static void
remove_ours (GimpImage *image, GimpItem **items, const GimpParasite *own)
{
  for (GimpItem **item = items; item != NULL && *item != NULL; item++)
    {
      GimpParasite *parasite = gimp_item_get_parasite (*item, GIMP_RESULT_PARASITE);
      if (parasite != NULL && (own == NULL || !gimp_parasite_compare (parasite, own)))
        gimp_image_remove_layer (image, GIMP_LAYER (*item));
      else if (gimp_item_is_group (*item))
        {
          g_autofree GimpItem **children = gimp_item_get_children (*item);
          remove_ours (image, children, own);
        }
      gimp_parasite_free (parasite);
    }
}

/* The image as it is seen, without layers of ours, as a layer of a copy that the caller deletes. */
static GimpLayer *
visible_layer (GimpImage *image, GimpImage **copy)
{
  *copy = gimp_image_duplicate (image);
  gimp_image_undo_disable (*copy);
  g_autofree GimpLayer **layers = gimp_image_get_layers (*copy);
  GimpParasite *own = gimp_image_get_parasite (image, GIMP_RESULT_PARASITE);
  remove_ours (*copy, (GimpItem **) layers, own);
  gimp_parasite_free (own);
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
make_layer (GimpImage *image, const Result *result, GPtrArray *painted, guint index,
            const char *record, GError **error)
{
  const ResultLayer *layer = g_ptr_array_index (result->layers, index);
  int width, height;
  gimp_face_layer_size (result, painted, index, &width, &height);
  GimpLayer *made = gimp_layer_new (
      image, layer->name, width, height, layer_type (image), layer->opacity * 100.0,
      layer->mode == RESULT_MODE_ADDITION ? GIMP_LAYER_MODE_ADDITION : GIMP_LAYER_MODE_NORMAL);
  GeglBuffer *buffer = made == NULL ? NULL : gimp_drawable_get_buffer (GIMP_DRAWABLE (made));
  if (buffer == NULL)
    {
      refuse (error, "GIMP could not make the layer");
      return NULL;
    }
  gimp_face_write (buffer, result, painted, index);
  g_object_unref (buffer);
  /* As other programs blend, so that the picture is the command line's. */
  gimp_layer_set_composite_space (made, GIMP_LAYER_COLOR_SPACE_RGB_PERCEPTUAL);
  gimp_item_set_visible (GIMP_ITEM (made), !layer->hidden);
  mark (made, record);
  return made;
}

/* All layers, none of them in the image yet. Transfer container; NULL on error. */
static GimpLayer **
make_layers (GimpImage *image, const Result *result, GPtrArray *painted, const char *record,
             GError **error)
{
  g_autofree GimpLayer **made = g_new0 (GimpLayer *, result->layers->len + 1);
  for (guint i = 0; i < result->layers->len; i++)
    {
      made[i] = make_layer (image, result, painted, i, record, error);
      if (made[i] != NULL)
        continue;
      while (i > 0)
        gimp_item_delete (GIMP_ITEM (made[--i]));
      return NULL;
    }
  return g_steal_pointer (&made);
}

typedef struct
{
  GimpLayer *parent;
  int position, x, y;
} Place;

/* Each layer above the one before it, in a group where the result names one. */
static void
insert_layers (GimpImage *image, const Result *result, GimpLayer **made, const char *record,
               Place place)
{
  if (result->group != NULL)
    {
      GimpLayer *group = GIMP_LAYER (gimp_group_layer_new (image, result->group));
      mark (group, record);
      gimp_image_insert_layer (image, group, place.parent, place.position);
      place.parent = group;
      place.position = 0;
    }
  for (guint i = 0; i < result->layers->len; i++)
    {
      const ResultLayer *layer = g_ptr_array_index (result->layers, i);
      gimp_layer_set_offsets (made[i], place.x + layer->x, place.y + layer->y);
      gimp_image_insert_layer (image, made[i], place.parent, place.position);
    }
}

/* Puts the layers above the drawable, or on top of all where the whole image was looked at. */
static void
add_layers (GimpImage *image, GimpDrawable *drawable, gboolean visible, const Result *result,
            GimpLayer **made, const char *record)
{
  Place place = { 0 };
  g_autofree GimpLayer **selected = gimp_image_get_selected_layers (image);
  const GimpLayer *looked_at[] = { GIMP_LAYER (drawable), NULL };
  gboolean as_before = visible && selected != NULL && selected[0] != NULL;
  if (!visible)
    {
      GimpItem *parent = gimp_item_get_parent (GIMP_ITEM (drawable));
      gimp_drawable_get_offsets (drawable, &place.x, &place.y);
      place.parent = parent != NULL ? GIMP_LAYER (parent) : NULL;
      place.position = gimp_image_get_item_position (image, GIMP_ITEM (drawable));
    }
  gimp_image_undo_group_start (image);
  insert_layers (image, result, made, record, place);
  gimp_image_set_selected_layers (image, as_before ? (const GimpLayer **) selected : looked_at);
  gimp_image_undo_group_end (image);
}

typedef struct
{
  GimpImage *image;   /* that was made, or NULL */
  GimpLayer **layers; /* lowest first, ended by NULL */
  char *report;
  char *text; /* the report for people */
} Answer;

/* Makes the result's layers in the image, or in a new one. */
static gboolean
deliver (GimpImage *image, GimpDrawable *drawable, gboolean visible, const Result *result,
         GPtrArray *painted, const char *record, Answer *answer, GError **error)
{
  gboolean canvas = result->canvas_width > 0;
  if (canvas)
    {
      image = gimp_image_new (result->canvas_width, result->canvas_height, GIMP_RGB);
      gimp_image_undo_disable (image);
    }
  answer->layers = make_layers (image, result, painted, record, error);
  if (canvas && answer->layers == NULL)
    gimp_image_delete (image);
  if (answer->layers == NULL)
    return FALSE;
  if (canvas)
    {
      insert_layers (image, result, answer->layers, record, (Place){ 0 });
      GimpParasite *parasite = mark_new (record);
      gimp_image_attach_parasite (image, parasite);
      gimp_parasite_free (parasite);
      gimp_image_undo_enable (image);
      answer->image = image;
    }
  else
    add_layers (image, drawable, visible, result, answer->layers, record);
  return TRUE;
}

/* What the command is to look at: the picture, or the image that "start" names, or nothing. */
static gboolean
read_photo (const Command *command, const Arguments *arguments, GimpImage *image,
            GimpDrawable **drawables, gboolean visible, CnnImage **photo, GError **error)
{
  int start;
  if (command->flags & COMMAND_PHOTO)
    {
      if (!check_drawable (image, drawables, visible, error))
        return FALSE;
      *photo = read_picture (image, drawables[0], visible, error);
      return *photo != NULL;
    }
  if (!gimp_face_start_image (arguments, &start, error))
    return FALSE;
  if (start < 0)
    return TRUE;
  if (!gimp_image_id_is_valid (start))
    {
      gimp_face_no_image (start, error);
      return FALSE;
    }
  *photo = read_picture (gimp_image_get_by_id (start), NULL, TRUE, error);
  return *photo != NULL;
}

/* A call of a procedure. */
typedef struct
{
  const Command *command;
  GimpProcedure *procedure;
  GimpProcedureConfig *config;
  Arguments *arguments;
  GimpImage *image;
  GimpDrawable **drawables;
  GimpRunMode mode;
  Answer answer;
} Call;

static gboolean
work (Call *call, GError **error)
{
  const Command *command = call->command;
  const Arguments *arguments = call->arguments;
  GimpImage *image = call->image;
  GimpDrawable **drawables = call->drawables;
  Answer *answer = &call->answer;
  gboolean has_photo = (command->flags & COMMAND_PHOTO) != 0;
  gboolean visible = gimp_face_sees_all (command, arguments);
  g_autoptr (CnnImage) photo = NULL;
  if (!read_photo (command, arguments, image, drawables, visible, &photo, error))
    return FALSE;
  GimpImageBaseType type = has_photo ? gimp_image_get_base_type (image) : GIMP_RGB;
  Subject subject = { .photo = photo, .gray = type == GIMP_GRAY };
  g_autoptr (GPtrArray) painted = NULL;
  g_autoptr (Result) result = gimp_face_run (command, arguments, &subject, &painted, error);
  if (result == NULL)
    return FALSE;
  if (type == GIMP_INDEXED && result->canvas_width == 0)
    result_warn (result, GIMP_INDEXED_NOTE);

  g_autofree char *record = result_record (result, command->name, arguments);
  if (!deliver (image, has_photo ? drawables[0] : NULL, visible, result, painted, record, answer,
                error))
    return FALSE;
  answer->report = result_json (result);
  if (answer->image != NULL && call->mode != GIMP_RUN_NONINTERACTIVE)
    gimp_display_new (answer->image);
  answer->text = g_strdup (result->text->str);
  return TRUE;
}

static CnnImage *
photo_for_lists (const Arguments *arguments, gpointer data)
{
  const Call *call = data;
  gboolean visible = gimp_face_sees_all (call->command, arguments);
  CnnImage *photo = NULL;
  read_photo (call->command, arguments, call->image, call->drawables, visible, &photo, NULL);
  return photo;
}

/* Works on what the user asks for, until that is well; FALSE: the user does not want it. */
static gboolean
ask (Call *call)
{
  GimpProcedure *procedure = call->procedure;
  GimpProcedureConfig *config = call->config;
  Arguments *arguments = call->arguments;
  gimp_ui_init ("convlens");
  g_autofree char *title = gimp_face_title (call->command);
  GtkWidget *window = gimp_procedure_dialog_new (procedure, config, title);
  gtk_window_set_resizable (GTK_WINDOW (window), FALSE);

  g_auto (GStrv) images = open_images ();
  Dialog dialog = {
    .choices = { .table = arguments_table (arguments),
                 .images = images,
                 .photo = photo_for_lists,
                 .data = call },
    .config = config,
  };
  Choices *choices = &dialog.choices;
  const DialogHooks hooks = {
    .changed = on_page_changed,
    .choose = on_page_choose,
    .data = &dialog,
  };
  choices->page = dialog_page_new (choices->table, &hooks);
  GtkWidget *content = gtk_dialog_get_content_area (GTK_DIALOG (window));
  gtk_box_pack_start (GTK_BOX (content), dialog_page_widget (choices->page), TRUE, TRUE, 0);
  for (guint i = 0; i < choices->table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (choices->table, i);
      g_autofree char *text = config_get (config, argument);
      gboolean stale = gimp_face_is_stale (argument, text, images);
      if (stale)
        config_set (config, argument, argument->fallback);
      dialog_page_set (choices->page, argument->name, stale ? argument->fallback : text);
    }
  choices_propose (choices);
  gulong handler = g_signal_connect (config, "notify", G_CALLBACK (on_config_changed), &dialog);

  gboolean done = FALSE;
  while (!done && gimp_procedure_dialog_run (GIMP_PROCEDURE_DIALOG (window)))
    {
      g_autoptr (GError) error = NULL;
      done = take_config (config, arguments, &error);
      if (done && !choices_settle (window, arguments))
        {
          done = FALSE;
          continue;
        }
      if (done)
        {
          dialog_hide (window);
          done = work (call, &error);
        }
      if (!done)
        {
          gtk_widget_show (window);
          dialog_complain (window, error);
        }
    }
  g_signal_handler_disconnect (config, handler);
  gtk_widget_destroy (window);
  return done;
}

static GimpValueArray *
answer (GimpProcedure *procedure, GimpRunMode mode, GimpImage *image, GimpDrawable **drawables,
        GimpProcedureConfig *config, const Command *command)
{
  g_autoptr (GPtrArray) table = command_arguments (command, TRUE);
  g_autoptr (Arguments) arguments = arguments_new (table);
  Call call = {
    .command = command,
    .procedure = procedure,
    .config = config,
    .arguments = arguments,
    .image = image,
    .drawables = drawables,
    .mode = mode,
  };
  GError *error = NULL;

  gimp_face_begin ();
  if (mode == GIMP_RUN_INTERACTIVE)
    {
      if (!ask (&call))
        return gimp_procedure_new_return_values (procedure, GIMP_PDB_CANCEL, NULL);
    }
  else if (!take_config (config, arguments, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR, error);
  else if (!work (&call, &error))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_EXECUTION_ERROR, error);

  if (mode != GIMP_RUN_NONINTERACTIVE)
    gimp_displays_flush ();
  if (mode == GIMP_RUN_INTERACTIVE)
    gimp_face_tell (command, call.answer.text);
  g_free (call.answer.text);
  const Answer *made = &call.answer;
  GimpValueArray *values = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  if (command->flags & COMMAND_LAYERS)
    GIMP_VALUES_SET_CORE_OBJECT_ARRAY (values, 1, made->layers);
  else if (command->flags & COMMAND_PHOTO)
    GIMP_VALUES_SET_LAYER (values, 1, made->layers[0]);
  else
    GIMP_VALUES_SET_IMAGE (values, 1, made->image);
  GIMP_VALUES_TAKE_STRING (values, 2, made->report);
  g_free (made->layers);
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
