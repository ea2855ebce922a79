/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The face for GIMP 2.10: procedures and dialogs made from the table. */

#include "choices.h"
#include "common.h"
#include "folder.h"

#include <libgimp/gimp.h>
#include <libgimp/gimpui.h>
#include <string.h>

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

/* The names of the open images, newest first. Transfer full. */
static GStrv
open_images (void)
{
  int count = 0;
  g_autofree gint *images = gimp_image_list (&count);
  GStrv names = g_new0 (char *, count + 1);
  for (int i = 0; i < count; i++)
    {
      g_autofree char *name = gimp_image_get_name (images[i]);
      names[i] = gimp_face_image_name (images[i], name);
    }
  return names;
}

static GimpParasite *
mark_new (const char *record)
{
  return gimp_parasite_new (GIMP_RESULT_PARASITE, GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE,
                            (guint32) strlen (record) + 1, record);
}

static void
mark (gint32 item, const char *record)
{
  GimpParasite *parasite = mark_new (record);
  gimp_item_attach_parasite (item, parasite);
  gimp_parasite_free (parasite);
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

/* Results may lie in groups as well. `own` is the mark of an image that is itself a result: layers
 * that were made with it are its picture. */
static void
remove_ours (gint32 image, gint32 *layers, int count, const GimpParasite *own)
{
  for (int i = 0; i < count; i++)
    {
      GimpParasite *parasite = gimp_item_get_parasite (layers[i], GIMP_RESULT_PARASITE);
      if (parasite != NULL && (own == NULL || !gimp_parasite_compare (parasite, own)))
        gimp_image_remove_layer (image, layers[i]);
      else if (gimp_item_is_group (layers[i]))
        {
          int n_children = 0;
          g_autofree gint *children = gimp_item_get_children (layers[i], &n_children);
          remove_ours (image, children, n_children, own);
        }
      gimp_parasite_free (parasite);
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
  GimpParasite *own = gimp_image_get_parasite (image, GIMP_RESULT_PARASITE);
  remove_ours (*copy, layers, count, own);
  gimp_parasite_free (own);
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
make_layer (gint32 image, const Result *result, GPtrArray *painted, guint index, const char *record,
            GError **error)
{
  const ResultLayer *layer = g_ptr_array_index (result->layers, index);
  int width, height;
  gimp_face_layer_size (result, painted, index, &width, &height);
  gint32 made = gimp_layer_new (
      image, layer->name, width, height, layer_type (image), layer->opacity * 100.0,
      layer->mode == RESULT_MODE_ADDITION ? GIMP_LAYER_MODE_ADDITION : GIMP_LAYER_MODE_NORMAL);
  GeglBuffer *buffer = made == -1 ? NULL : gimp_drawable_get_buffer (made);
  if (buffer == NULL)
    {
      refuse (error, "GIMP could not make the layer");
      return -1;
    }
  gimp_face_write (buffer, result, painted, index);
  g_object_unref (buffer);
  /* As other programs blend, so that the picture is the command line's. */
  gimp_layer_set_composite_space (made, GIMP_LAYER_COLOR_SPACE_RGB_PERCEPTUAL);
  gimp_item_set_visible (made, !layer->hidden);
  mark (made, record);
  return made;
}

/* All layers, none of them in the image yet. Transfer full; NULL on error. */
static gint32 *
make_layers (gint32 image, const Result *result, GPtrArray *painted, const char *record,
             GError **error)
{
  g_autofree gint32 *made = g_new (gint32, result->layers->len + 1);
  for (guint i = 0; i < result->layers->len; i++)
    {
      made[i] = make_layer (image, result, painted, i, record, error);
      if (made[i] != -1)
        continue;
      while (i > 0)
        gimp_item_delete (made[--i]);
      return NULL;
    }
  return g_steal_pointer (&made);
}

typedef struct
{
  gint32 parent, position;
  int x, y;
} Place;

/* Each layer above the one before it, in a group where the result names one. */
static void
insert_layers (gint32 image, const Result *result, const gint32 *made, const char *record,
               Place place)
{
  if (result->group != NULL)
    {
      gint32 group = gimp_layer_group_new (image);
      gimp_item_set_name (group, result->group);
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
add_layers (gint32 image, gint32 drawable, gboolean visible, const Result *result,
            const gint32 *made, const char *record)
{
  Place place = { .parent = -1 };
  gint32 active = gimp_image_get_active_layer (image);
  if (!visible)
    {
      gimp_drawable_offsets (drawable, &place.x, &place.y);
      place.parent = gimp_item_get_parent (drawable);
      place.position = gimp_image_get_item_position (image, drawable);
    }
  gimp_image_undo_group_start (image);
  insert_layers (image, result, made, record, place);
  gimp_image_set_active_layer (image, visible && active != -1 ? active : drawable);
  gimp_image_undo_group_end (image);
}

typedef struct
{
  gint32 image;   /* that was made, or -1 */
  gint32 *layers; /* lowest first */
  int n_layers;
  char *report;
  char *text; /* the report for people */
} Answer;

/* Makes the result's layers in the image, or in a new one. */
static gboolean
deliver (gint32 image, gint32 drawable, gboolean visible, const Result *result, GPtrArray *painted,
         const char *record, Answer *answer, GError **error)
{
  gboolean canvas = result->canvas_width > 0;
  if (canvas)
    {
      image = gimp_image_new (result->canvas_width, result->canvas_height, GIMP_RGB);
      gimp_image_undo_disable (image);
    }
  answer->layers = make_layers (image, result, painted, record, error);
  answer->n_layers = (int) result->layers->len;
  if (canvas && answer->layers == NULL)
    gimp_image_delete (image);
  if (answer->layers == NULL)
    return FALSE;
  if (canvas)
    {
      insert_layers (image, result, answer->layers, record, (Place){ .parent = -1 });
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
read_photo (const Command *command, const Arguments *arguments, gint32 image, gint32 drawable,
            gboolean visible, CnnImage **photo, GError **error)
{
  int start;
  if (command->flags & COMMAND_PHOTO)
    {
      if (!check_drawable (image, drawable, visible, error))
        return FALSE;
      *photo = read_picture (image, drawable, visible, error);
      return *photo != NULL;
    }
  if (!gimp_face_start_image (arguments, &start, error))
    return FALSE;
  if (start < 0)
    return TRUE;
  if (!gimp_image_is_valid (start))
    {
      gimp_face_no_image (start, error);
      return FALSE;
    }
  *photo = read_picture (start, -1, TRUE, error);
  return *photo != NULL;
}

/* A call of a procedure. */
typedef struct
{
  const Command *command;
  const char *procedure;
  Arguments *arguments;
  gint32 image, drawable;
  GimpRunMode mode;
  Answer answer;
} Call;

static gboolean
work (Call *call, GError **error)
{
  const Command *command = call->command;
  const Arguments *arguments = call->arguments;
  gint32 image = call->image, drawable = call->drawable;
  Answer *answer = &call->answer;
  gboolean has_photo = (command->flags & COMMAND_PHOTO) != 0;
  gboolean visible = gimp_face_sees_all (command, arguments);
  g_autoptr (CnnImage) photo = NULL;
  if (!read_photo (command, arguments, image, drawable, visible, &photo, error))
    return FALSE;
  GimpImageBaseType type = has_photo ? gimp_image_base_type (image) : GIMP_RGB;
  Subject subject = { .photo = photo, .gray = type == GIMP_GRAY };
  g_autoptr (GPtrArray) painted = NULL;
  g_autoptr (Result) result = gimp_face_run (command, arguments, &subject, &painted, error);
  if (result == NULL)
    return FALSE;
  if (type == GIMP_INDEXED && result->canvas_width == 0)
    result_warn (result, GIMP_INDEXED_NOTE);

  g_autofree char *record = result_record (result, command->name, arguments);
  if (!deliver (image, drawable, visible, result, painted, record, answer, error))
    return FALSE;
  answer->report = result_json (result);
  if (answer->image != -1 && call->mode != GIMP_RUN_NONINTERACTIVE)
    gimp_display_new (answer->image);
  answer->text = g_strdup (result->text->str);
  return TRUE;
}

/* Takes the page's values. */
static gboolean
take_page (DialogPage *page, Arguments *arguments, GError **error)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      g_autofree char *value = dialog_page_get (page, argument->name);
      if (!arguments_set (arguments, argument->name, value, error))
        return FALSE;
    }
  return TRUE;
}

static void
show_values (DialogPage *page, const Arguments *arguments, const GStrv images)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      const char *value = arguments_get (arguments, argument->name);
      if (gimp_face_is_stale (argument, value, images))
        value = argument->fallback;
      dialog_page_set (page, argument->name, value);
    }
}

static CnnImage *
photo_for_lists (const Arguments *arguments, gpointer data)
{
  const Call *call = data;
  gboolean visible = gimp_face_sees_all (call->command, arguments);
  CnnImage *photo = NULL;
  read_photo (call->command, arguments, call->image, call->drawable, visible, &photo, NULL);
  return photo;
}

static void
on_changed (const Argument *argument, const char *value G_GNUC_UNUSED, gpointer data)
{
  choices_changed (data, argument);
}

static char *
on_choose (const Argument *argument, GtkWidget *window, gpointer data)
{
  return choices_choose (data, argument, window);
}

/* Works on what the user asks for, until that is well; FALSE: the user does not want it. */
static gboolean
ask (Call *call)
{
  const Command *command = call->command;
  Arguments *arguments = call->arguments;
  enum
  {
    RESPONSE_RESET = 1
  };
  gimp_ui_init ("convlens", FALSE);
  g_autofree char *title = gimp_face_title (command);
  GtkWidget *window =
      gimp_dialog_new (title, "convlens", NULL, 0, NULL, call->procedure, "_Reset", RESPONSE_RESET,
                       "_Cancel", GTK_RESPONSE_CANCEL, "_OK", GTK_RESPONSE_OK, NULL);
  gtk_dialog_set_alternative_button_order (GTK_DIALOG (window), GTK_RESPONSE_OK, RESPONSE_RESET,
                                           GTK_RESPONSE_CANCEL, -1);
  gtk_dialog_set_default_response (GTK_DIALOG (window), GTK_RESPONSE_OK);
  gtk_window_set_resizable (GTK_WINDOW (window), FALSE);
  gimp_window_set_transient (GTK_WINDOW (window));

  g_auto (GStrv) images = open_images ();
  Choices choices = {
    .table = arguments_table (arguments), .images = images, .photo = photo_for_lists, .data = call
  };
  const DialogHooks hooks = {
    .changed = on_changed,
    .choose = on_choose,
    .data = &choices,
  };
  choices.page = dialog_page_new (choices.table, &hooks);
  GtkWidget *content = gtk_dialog_get_content_area (GTK_DIALOG (window));
  gtk_box_pack_start (GTK_BOX (content), dialog_page_widget (choices.page), TRUE, TRUE, 0);
  show_values (choices.page, arguments, images);
  choices_propose (&choices);
  gtk_widget_show (window);

  gboolean done = FALSE;
  while (!done)
    {
      g_autoptr (GError) error = NULL;
      int response = gimp_dialog_run (GIMP_DIALOG (window));
      if (response == RESPONSE_RESET)
        {
          g_autoptr (Arguments) fresh = arguments_new (choices.table);
          show_values (choices.page, fresh, images);
          choices_propose (&choices);
          continue;
        }
      if (response != GTK_RESPONSE_OK)
        break;
      done = take_page (choices.page, arguments, &error);
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
  gtk_widget_destroy (window);
  return done;
}

static int
return_values (const Command *command, const Answer *answer, GimpParam *values)
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

/* Gives the number of values. */
static int
run_folder (const Command *command, int n_params, const GimpParam *params, GimpParam *values)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) table = gimp_folder_arguments (command);
  g_autoptr (Arguments) arguments = arguments_new (table);
  int failed = 0;
  char *report = NULL;
  gimp_face_begin ();
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
  values[0].data.d_status =
      error->domain == ARGUMENT_ERROR ? GIMP_PDB_CALLING_ERROR : GIMP_PDB_EXECUTION_ERROR;
  values[1].type = GIMP_PDB_STRING;
  values[1].data.d_string = g_strdup (error->message);
  return 2;
}

/* GIMP reads the returned values after run() has ended, so they are static. */
static void
run (const char *name, int n_params, const GimpParam *params, int *n_returned, GimpParam **returned)
{
  static GimpParam values[4];
  g_autoptr (GError) error = NULL;
  const Command *command = gimp_face_find (name), *folder = gimp_folder_find (name);
  *returned = values;
  *n_returned = 1;
  values[0].type = GIMP_PDB_STATUS;
  values[0].data.d_status = GIMP_PDB_CALLING_ERROR;
  if (folder != NULL)
    {
      *n_returned = run_folder (folder, n_params, params, values);
      return;
    }
  if (command == NULL || n_params < n_leading (command))
    return;

  gimp_face_begin ();
  gboolean has_photo = (command->flags & COMMAND_PHOTO) != 0;
  g_autoptr (GPtrArray) table = command_arguments (command, TRUE);
  g_autoptr (Arguments) arguments = arguments_new (table);
  Call call = {
    .command = command,
    .procedure = name,
    .arguments = arguments,
    .image = has_photo ? params[1].data.d_image : -1,
    .drawable = has_photo ? params[2].data.d_drawable : -1,
    .mode = (GimpRunMode) params[0].data.d_int32,
    .answer = { .image = -1 },
  };
  gboolean good = TRUE;
  if (call.mode == GIMP_RUN_NONINTERACTIVE)
    {
      g_autoptr (GPtrArray) positions = by_position (command);
      good = take_params (positions, n_leading (command), arguments, n_params, params, &error);
    }
  else
    restore (name, arguments);
  if (call.mode == GIMP_RUN_INTERACTIVE && !ask (&call))
    {
      values[0].data.d_status = GIMP_PDB_CANCEL;
      return;
    }
  if (good && call.mode != GIMP_RUN_INTERACTIVE)
    good = work (&call, &error);
  if (good)
    {
      if (call.mode == GIMP_RUN_INTERACTIVE)
        keep (name, arguments);
      if (call.mode != GIMP_RUN_NONINTERACTIVE)
        gimp_displays_flush ();
      if (call.mode == GIMP_RUN_INTERACTIVE)
        gimp_face_tell (command, call.answer.text);
      g_free (call.answer.text);
      *n_returned = return_values (command, &call.answer, values);
      return;
    }
  values[0].data.d_status =
      error->domain == ARGUMENT_ERROR ? GIMP_PDB_CALLING_ERROR : GIMP_PDB_EXECUTION_ERROR;
  /* GIMP fills in what is missing behind the message, and would take the message itself for the
   * length of a missing array. */
  *n_returned = command->flags & COMMAND_LAYERS ? G_N_ELEMENTS (values) : 2;
  for (int i = 1; i < *n_returned; i++)
    {
      values[i].type = GIMP_PDB_STRING;
      values[i].data.d_string = g_strdup (error->message);
    }
}

const GimpPlugInInfo PLUG_IN_INFO = { NULL, NULL, query, run };

MAIN ()
