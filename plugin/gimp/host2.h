/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* host.h for GIMP 2.10, where images and items are numbers. */

#include <string.h>

typedef gint32 HostImage;
typedef gint32 HostItem;
#define HOST_NONE (-1)

/* The procedure's name: under it GIMP keeps the values of its dialog, as long as it runs. */
typedef const char *HostSettings;

/* --- Images. Arrays: transfer container --- */

static inline HostImage *
host_images (int *count)
{
  return gimp_image_list (count);
}

static inline int
host_image_id (HostImage image)
{
  return image;
}

/* HOST_NONE where no image has that ID. */
static inline HostImage
host_image_by_id (int id)
{
  return gimp_image_is_valid (id) ? id : HOST_NONE;
}

static inline GimpImageBaseType
host_base_type (HostImage image)
{
  return gimp_image_base_type (image);
}

static inline HostItem *
host_layers (HostImage image, int *count)
{
  return gimp_image_get_layers (image, count);
}

static inline HostItem *
host_selected_layers (HostImage image, int *count)
{
  HostItem *layers = g_new (HostItem, 1);
  layers[0] = gimp_image_get_active_layer (image);
  *count = layers[0] == HOST_NONE ? 0 : 1;
  return layers;
}

static inline void
host_select_layers (HostImage image, const HostItem *layers, int count)
{
  if (count > 0)
    gimp_image_set_active_layer (image, layers[0]);
}

/* The image as it is seen, as a layer that is not in it. */
static inline HostItem
host_visible_layer (HostImage image)
{
  return gimp_layer_new_from_visible (image, image, "visible");
}

static inline void
host_insert_layer (HostImage image, HostItem layer, HostItem parent, int position)
{
  gimp_image_insert_layer (image, layer, parent, position);
}

static inline void
host_remove_layer (HostImage image, HostItem layer)
{
  gimp_image_remove_layer (image, layer);
}

/* --- Items --- */

static inline HostItem
host_layer_new (HostImage image, const char *name, int width, int height, GimpImageType type,
                double opacity, GimpLayerMode mode)
{
  return gimp_layer_new (image, name, width, height, type, opacity, mode);
}

static inline HostItem
host_group_new (HostImage image, const char *name)
{
  HostItem group = gimp_layer_group_new (image);
  gimp_item_set_name (group, name);
  return group;
}

/* Transfer container. */
static inline HostItem *
host_children (HostItem group, int *count)
{
  return gimp_item_get_children (group, count);
}

/* Transfer full, NULL where there are no pixels. */
static inline GeglBuffer *
host_buffer (HostItem drawable)
{
  return gimp_drawable_get_buffer (drawable);
}

static inline void
host_get_offsets (HostItem drawable, int *x, int *y)
{
  gimp_drawable_offsets (drawable, x, y);
}

static inline void
host_set_offsets (HostItem layer, int x, int y)
{
  gimp_layer_set_offsets (layer, x, y);
}

static inline void
host_set_composite_space (HostItem layer, GimpLayerColorSpace space)
{
  gimp_layer_set_composite_space (layer, space);
}

/* --- Widgets, of GTK 2 --- */

static inline GtkWidget *
host_box_new (GtkOrientation orientation, int spacing)
{
  return orientation == GTK_ORIENTATION_HORIZONTAL ? gtk_hbox_new (FALSE, spacing)
                                                   : gtk_vbox_new (FALSE, spacing);
}

static inline GtkWidget *
host_grid_new (void)
{
  GtkWidget *table = gtk_table_new (1, 2, FALSE);
  gtk_table_set_row_spacings (GTK_TABLE (table), 6);
  gtk_table_set_col_spacings (GTK_TABLE (table), 12);
  return table;
}

static inline void
host_grid_attach (GtkWidget *table, GtkWidget *label, GtkWidget *widget, int row)
{
  guint top = (guint) row;
  gtk_misc_set_alignment (GTK_MISC (label), 0.0f, 0.5f);
  gtk_table_attach (GTK_TABLE (table), label, 0, 1, top, top + 1, GTK_FILL, GTK_FILL, 0, 0);
  gtk_table_attach (GTK_TABLE (table), widget, 1, 2, top, top + 1, GTK_EXPAND | GTK_FILL, GTK_FILL,
                    0, 0);
}

static inline GtkWidget *
host_scale_new (GtkAdjustment *adjustment)
{
  return gtk_hscale_new (adjustment);
}

static inline void
host_color_set (GtkWidget *button, const float rgb[3])
{
  GdkColor color = { 0, (guint16) (rgb[0] * 65535.0f), (guint16) (rgb[1] * 65535.0f),
                     (guint16) (rgb[2] * 65535.0f) };
  gtk_color_button_set_color (GTK_COLOR_BUTTON (button), &color);
}

static inline void
host_color_get (GtkWidget *button, double rgb[3])
{
  GdkColor color;
  gtk_color_button_get_color (GTK_COLOR_BUTTON (button), &color);
  rgb[0] = color.red / 65535.0;
  rgb[1] = color.green / 65535.0;
  rgb[2] = color.blue / 65535.0;
}

/* A bar with words in it. */
static inline GtkWidget *
host_progress_bar_new (void)
{
  return gtk_progress_bar_new ();
}

/* --- The dialog --- */

static inline void
host_ui_begin (void)
{
  gimp_ui_init ("convlens", FALSE);
}

/* Takes what is kept and still valid. */
static inline void
host_settings_load (HostSettings procedure, Arguments *arguments)
{
  int size = gimp_get_data_size (procedure);
  if (size <= 0)
    return;
  g_autofree char *kept = g_malloc0 ((gsize) size + 1);
  if (gimp_get_data (procedure, kept))
    arguments_restore (arguments, kept);
}

/* After a run that went well. */
static inline void
host_settings_keep (HostSettings procedure, const Arguments *arguments)
{
  g_autofree char *text = arguments_save (arguments);
  gimp_set_data (procedure, text, (guint32) strlen (text) + 1);
}

/* The page shows another value. */
static inline void
host_settings_set (HostSettings procedure G_GNUC_UNUSED, const Argument *argument G_GNUC_UNUSED,
                   const char *value G_GNUC_UNUSED)
{
}

enum
{
  HOST_RESPONSE_RESET = 1
};

static inline GtkWidget *
host_dialog_new (HostSettings procedure, const char *title)
{
  GtkWidget *window =
      gimp_dialog_new (title, "convlens", NULL, 0, NULL, procedure, "_Reset", HOST_RESPONSE_RESET,
                       "_Cancel", GTK_RESPONSE_CANCEL, "_OK", GTK_RESPONSE_OK, NULL);
  gtk_dialog_set_alternative_button_order (GTK_DIALOG (window), GTK_RESPONSE_OK,
                                           HOST_RESPONSE_RESET, GTK_RESPONSE_CANCEL, -1);
  gtk_dialog_set_default_response (GTK_DIALOG (window), GTK_RESPONSE_OK);
  gimp_window_set_transient (GTK_WINDOW (window));
  return window;
}

/* TRUE: OK. `reset`: shows the defaults in the page, where GIMP does not do so itself. */
static inline gboolean
host_dialog_run (GtkWidget *window, HostSettings procedure G_GNUC_UNUSED,
                 DialogPage *page G_GNUC_UNUSED, void (*reset) (gpointer data), gpointer data)
{
  int response;
  while ((response = gimp_dialog_run (GIMP_DIALOG (window))) == HOST_RESPONSE_RESET)
    reset (data);
  return response == GTK_RESPONSE_OK;
}
