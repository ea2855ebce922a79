/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* host.h for GIMP 3.0 and later, where images and items are objects that GIMP owns. */

typedef GimpImage *HostImage;
typedef GimpItem *HostItem;
#define HOST_NONE NULL

/* GIMP keeps the values of a dialog in the procedure's configuration. */
typedef struct
{
  GimpProcedure *procedure;
  GimpProcedureConfig *config;
} HostSettings;

/* --- Images. Arrays: transfer container --- */

/* The length of an array of objects that NULL ends; `array` may be NULL. */
static inline int
host_count (gpointer array)
{
  int count = 0;
  while (array != NULL && ((gpointer *) array)[count] != NULL)
    count++;
  return count;
}

static inline HostImage *
host_images (int *count)
{
  HostImage *images = gimp_get_images ();
  *count = host_count (images);
  return images;
}

static inline int
host_image_id (HostImage image)
{
  return gimp_image_get_id (image);
}

/* HOST_NONE where no image has that ID. */
static inline HostImage
host_image_by_id (int id)
{
  return gimp_image_id_is_valid (id) ? gimp_image_get_by_id (id) : HOST_NONE;
}

static inline GimpImageBaseType
host_base_type (HostImage image)
{
  return gimp_image_get_base_type (image);
}

static inline HostItem *
host_layers (HostImage image, int *count)
{
  HostItem *layers = (HostItem *) gimp_image_get_layers (image);
  *count = host_count (layers);
  return layers;
}

static inline HostItem *
host_selected_layers (HostImage image, int *count)
{
  HostItem *layers = (HostItem *) gimp_image_get_selected_layers (image);
  *count = host_count (layers);
  return layers;
}

static inline void
host_select_layers (HostImage image, const HostItem *layers, int count)
{
  g_autofree const GimpLayer **list = g_new0 (const GimpLayer *, (gsize) count + 1);
  for (int i = 0; i < count; i++)
    list[i] = GIMP_LAYER (layers[i]);
  gimp_image_set_selected_layers (image, list);
}

/* The image as it is seen, as a layer that is not in it. */
static inline HostItem
host_visible_layer (HostImage image)
{
  return (HostItem) gimp_layer_new_from_visible (image, image, "visible");
}

static inline void
host_insert_layer (HostImage image, HostItem layer, HostItem parent, int position)
{
  gimp_image_insert_layer (image, GIMP_LAYER (layer), (GimpLayer *) parent, position);
}

static inline void
host_remove_layer (HostImage image, HostItem layer)
{
  gimp_image_remove_layer (image, GIMP_LAYER (layer));
}

/* --- Items --- */

static inline HostItem
host_layer_new (HostImage image, const char *name, int width, int height, GimpImageType type,
                double opacity, GimpLayerMode mode)
{
  return (HostItem) gimp_layer_new (image, name, width, height, type, opacity, mode);
}

static inline HostItem
host_group_new (HostImage image, const char *name)
{
  return (HostItem) gimp_group_layer_new (image, name);
}

/* Transfer container. */
static inline HostItem *
host_children (HostItem group, int *count)
{
  HostItem *children = gimp_item_get_children (group);
  *count = host_count (children);
  return children;
}

/* Transfer full, NULL where there are no pixels. */
static inline GeglBuffer *
host_buffer (HostItem drawable)
{
  return gimp_drawable_get_buffer (GIMP_DRAWABLE (drawable));
}

static inline void
host_get_offsets (HostItem drawable, int *x, int *y)
{
  gimp_drawable_get_offsets (GIMP_DRAWABLE (drawable), x, y);
}

static inline void
host_set_offsets (HostItem layer, int x, int y)
{
  gimp_layer_set_offsets (GIMP_LAYER (layer), x, y);
}

static inline void
host_set_composite_space (HostItem layer, GimpLayerColorSpace space)
{
  gimp_layer_set_composite_space (GIMP_LAYER (layer), space);
}

/* --- Widgets, of GTK 3 --- */

static inline GtkWidget *
host_box_new (GtkOrientation orientation, int spacing)
{
  return gtk_box_new (orientation, spacing);
}

static inline GtkWidget *
host_grid_new (void)
{
  GtkWidget *grid = gtk_grid_new ();
  gtk_grid_set_row_spacing (GTK_GRID (grid), 6);
  gtk_grid_set_column_spacing (GTK_GRID (grid), 12);
  return grid;
}

static inline void
host_grid_attach (GtkWidget *grid, GtkWidget *label, GtkWidget *widget, int row)
{
  gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
  gtk_widget_set_hexpand (widget, TRUE);
  gtk_grid_attach (GTK_GRID (grid), label, 0, row, 1, 1);
  gtk_grid_attach (GTK_GRID (grid), widget, 1, row, 1, 1);
}

static inline GtkWidget *
host_scale_new (GtkAdjustment *adjustment)
{
  return gtk_scale_new (GTK_ORIENTATION_HORIZONTAL, adjustment);
}

static inline void
host_color_set (GtkWidget *button, const float rgb[3])
{
  GdkRGBA color = { rgb[0], rgb[1], rgb[2], 1 };
  gtk_color_chooser_set_rgba (GTK_COLOR_CHOOSER (button), &color);
}

static inline void
host_color_get (GtkWidget *button, double rgb[3])
{
  GdkRGBA color;
  gtk_color_chooser_get_rgba (GTK_COLOR_CHOOSER (button), &color);
  rgb[0] = color.red;
  rgb[1] = color.green;
  rgb[2] = color.blue;
}

/* A bar with words in it. */
static inline GtkWidget *
host_progress_bar_new (void)
{
  GtkWidget *bar = gtk_progress_bar_new ();
  gtk_progress_bar_set_show_text (GTK_PROGRESS_BAR (bar), TRUE);
  return bar;
}

/* --- The dialog --- */

static inline void
host_ui_begin (void)
{
  gimp_ui_init ("convlens");
}

/* A value of the configuration as arguments_set takes it. Transfer full. */
static inline char *
host_config_text (GimpProcedureConfig *config, const Argument *argument)
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

/* Takes what is kept and still valid. */
static inline void
host_settings_load (HostSettings settings, Arguments *arguments)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      g_autofree char *text = host_config_text (settings.config, argument);
      arguments_set (arguments, argument->name, text, NULL);
    }
}

/* After a run that went well, GIMP keeps the configuration itself. */
static inline void
host_settings_keep (HostSettings settings G_GNUC_UNUSED, const Arguments *arguments G_GNUC_UNUSED)
{
}

/* The page shows another value. */
static inline void
host_settings_set (HostSettings settings, const Argument *argument, const char *value)
{
  if (argument->kind == ARGUMENT_INTEGER)
    g_object_set (settings.config, argument->name, (int) g_ascii_strtoll (value, NULL, 10), NULL);
  else if (argument->kind == ARGUMENT_NUMBER)
    g_object_set (settings.config, argument->name, g_ascii_strtod (value, NULL), NULL);
  else
    g_object_set (settings.config, argument->name, value, NULL);
}

static inline GtkWidget *
host_dialog_new (HostSettings settings, const char *title)
{
  return gimp_procedure_dialog_new (settings.procedure, settings.config, title);
}

/* Reset and Load Saved Settings change the configuration. */
static inline void
host_on_notify (GimpProcedureConfig *config, GParamSpec *changed, gpointer page)
{
  const Argument *argument = dialog_page_argument (page, changed->name);
  if (argument == NULL)
    return;
  g_autofree char *text = host_config_text (config, argument);
  dialog_page_set (page, argument->name, text);
}

/* TRUE: OK. `reset`: shows the defaults in the page, where GIMP does not do so itself. */
static inline gboolean
host_dialog_run (GtkWidget *window, HostSettings settings, DialogPage *page,
                 void (*reset) (gpointer data) G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
  gulong handler = g_signal_connect (settings.config, "notify", G_CALLBACK (host_on_notify), page);
  gboolean good = gimp_procedure_dialog_run (GIMP_PROCEDURE_DIALOG (window));
  g_signal_handler_disconnect (settings.config, handler);
  return good;
}
