/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "deliver.h"

#include "picture.h"

#include <string.h>

/* --- Pixels --- */

static void
set_pixels (GeglBuffer *buffer, const CnnImage *image)
{
  static const char *const formats[] = { "Y' float", "Y'A float", "R'G'B' float", "R'G'B'A float" };
  gegl_buffer_set (buffer, GEGL_RECTANGLE (0, 0, image->width, image->height), 0,
                   babl_format (formats[image->channels - 1]), image->pixels, GEGL_AUTO_ROWSTRIDE);
}

static void
free_painted (gpointer buffer)
{
  if (buffer != NULL)
    g_object_unref (buffer);
}

/* They may be many and large; 8 bits hold them, and GEGL swaps. */
GPtrArray *
deliver_paint (const Result *result, const CnnProgress *progress, GError **error)
{
  g_autoptr (GPtrArray) painted = g_ptr_array_new_with_free_func (free_painted);
  for (guint i = 0; i < result->layers->len; i++)
    {
      const ResultLayer *layer = g_ptr_array_index (result->layers, i);
      GeglBuffer *buffer = NULL;
      if (layer->image == NULL)
        {
          progress->update ((double) i / result->layers->len, layer->name, progress->data);
          g_autoptr (CnnImage) image = result_layer_image (layer, error);
          if (image == NULL)
            return NULL;
          buffer = gegl_buffer_new (GEGL_RECTANGLE (0, 0, image->width, image->height),
                                    babl_format ("R'G'B'A u8"));
          set_pixels (buffer, image);
        }
      g_ptr_array_add (painted, buffer);
    }
  return g_steal_pointer (&painted);
}

/* --- Layers --- */

static GimpParasite *
mark_new (const char *record)
{
  return gimp_parasite_new (CALL_PARASITE, GIMP_PARASITE_PERSISTENT | GIMP_PARASITE_UNDOABLE,
                            (guint32) strlen (record) + 1, record);
}

static void
mark (HostItem item, const char *record)
{
  GimpParasite *parasite = mark_new (record);
  gimp_item_attach_parasite (item, parasite);
  gimp_parasite_free (parasite);
}

static GimpImageType
layer_type (HostImage image)
{
  switch (host_base_type (image))
    {
    case GIMP_GRAY:
      return GIMP_GRAYA_IMAGE;
    case GIMP_INDEXED:
      return GIMP_INDEXEDA_IMAGE;
    default:
      return GIMP_RGBA_IMAGE;
    }
}

/* A layer that is not in the image yet; HOST_NONE on error. */
static HostItem
make_layer (HostImage image, const ResultLayer *layer, GeglBuffer *painted, const char *record,
            GError **error)
{
  int width = painted != NULL ? gegl_buffer_get_width (painted) : layer->image->width;
  int height = painted != NULL ? gegl_buffer_get_height (painted) : layer->image->height;
  HostItem made = host_layer_new (
      image, layer->name, width, height, layer_type (image), layer->opacity * 100.0,
      layer->mode == RESULT_MODE_ADDITION ? GIMP_LAYER_MODE_ADDITION : GIMP_LAYER_MODE_NORMAL);
  GeglBuffer *buffer = made == HOST_NONE ? NULL : host_buffer (made);
  if (buffer == NULL)
    {
      if (made != HOST_NONE)
        gimp_item_delete (made);
      g_set_error_literal (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "GIMP could not make the layer");
      return HOST_NONE;
    }
  if (painted != NULL)
    gegl_buffer_copy (painted, NULL, GEGL_ABYSS_NONE, buffer, NULL);
  else
    set_pixels (buffer, layer->image);
  gegl_buffer_flush (buffer);
  g_object_unref (buffer);
  /* As other programs blend, so that the picture is the command line's. */
  host_set_composite_space (made, GIMP_LAYER_COLOR_SPACE_RGB_PERCEPTUAL);
  gimp_item_set_visible (made, !layer->hidden);
  mark (made, record);
  return made;
}

/* All layers, none of them in the image yet. Transfer full; NULL on error. */
static HostItem *
make_layers (HostImage image, const Result *result, GPtrArray *painted, const char *record,
             GError **error)
{
  g_autofree HostItem *made = g_new0 (HostItem, result->layers->len + 1);
  for (guint i = 0; i < result->layers->len; i++)
    {
      made[i] = make_layer (image, result->layers->pdata[i], painted->pdata[i], record, error);
      if (made[i] != HOST_NONE)
        continue;
      while (i > 0)
        gimp_item_delete (made[--i]);
      return NULL;
    }
  return g_steal_pointer (&made);
}

typedef struct
{
  HostItem parent;
  int position, x, y;
} LayerPlace;

/* Each layer above the one before it, in a group where the result names one. */
static void
insert_layers (HostImage image, const Result *result, const HostItem *made, const char *record,
               LayerPlace place)
{
  if (result->group != NULL)
    {
      HostItem group = host_group_new (image, result->group);
      mark (group, record);
      host_insert_layer (image, group, place.parent, place.position);
      place.parent = group;
      place.position = 0;
    }
  for (guint i = 0; i < result->layers->len; i++)
    {
      const ResultLayer *layer = g_ptr_array_index (result->layers, i);
      host_set_offsets (made[i], place.x + layer->x, place.y + layer->y);
      host_insert_layer (image, made[i], place.parent, place.position);
    }
}

/* Puts the layers above the drawable, or on top of all where the whole image was looked at. */
static void
add_layers (const Call *call, const Result *result, const HostItem *made, const char *record)
{
  HostImage image = call->image;
  HostItem drawable = call->drawable;
  gboolean visible = picture_sees_all (call->command, call->arguments);
  LayerPlace place = { .parent = HOST_NONE };
  int n_selected = 0;
  g_autofree HostItem *selected = host_selected_layers (image, &n_selected);
  gboolean as_before = visible && n_selected > 0;
  if (!visible)
    {
      host_get_offsets (drawable, &place.x, &place.y);
      place.parent = gimp_item_get_parent (drawable);
      place.position = gimp_image_get_item_position (image, drawable);
    }
  gimp_image_undo_group_start (image);
  insert_layers (image, result, made, record, place);
  host_select_layers (image, as_before ? selected : &drawable, as_before ? n_selected : 1);
  gimp_image_undo_group_end (image);
}

/* A new image with the layers; HOST_NONE on error. */
static HostImage
make_image (const Result *result, GPtrArray *painted, const char *record, HostItem **layers,
            GError **error)
{
  HostImage image = gimp_image_new (result->canvas_width, result->canvas_height, GIMP_RGB);
  gimp_image_undo_disable (image);
  *layers = make_layers (image, result, painted, record, error);
  if (*layers == NULL)
    {
      gimp_image_delete (image);
      return HOST_NONE;
    }
  insert_layers (image, result, *layers, record, (LayerPlace){ .parent = HOST_NONE });
  GimpParasite *parasite = mark_new (record);
  gimp_image_attach_parasite (image, parasite);
  gimp_parasite_free (parasite);
  gimp_image_undo_enable (image);
  return image;
}

gboolean
deliver (Call *call, const Result *result, GPtrArray *painted, const char *record, GError **error)
{
  Answer *answer = &call->answer;
  answer->n_layers = (int) result->layers->len;
  if (result->canvas_width > 0)
    {
      answer->image = make_image (result, painted, record, &answer->layers, error);
      return answer->image != HOST_NONE;
    }
  answer->layers = make_layers (call->image, result, painted, record, error);
  if (answer->layers == NULL)
    return FALSE;
  add_layers (call, result, answer->layers, record);
  return TRUE;
}
