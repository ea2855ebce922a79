/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "picture.h"

#include <math.h>
#include <string.h>

#define OPEN_IMAGE "image:"

static gboolean
refuse (GError **error, const char *message)
{
  g_set_error_literal (error, CNN_ERROR, CNN_ERROR_ARGUMENT, message);
  return FALSE;
}

/* --- Pixels --- */

/* The whole buffer as sRGB, with its alpha if it has one. */
static CnnImage *
read_buffer (GeglBuffer *buffer, GError **error)
{
  const GeglRectangle *extent = gegl_buffer_get_extent (buffer);
  gboolean alpha = babl_format_has_alpha (gegl_buffer_get_format (buffer));
  CnnImage *image = cnn_image_new (extent->width, extent->height, alpha ? 4 : 3, error);
  if (image == NULL)
    return NULL;
  gegl_buffer_get (buffer, extent, 1.0, babl_format (alpha ? "R'G'B'A float" : "R'G'B' float"),
                   image->pixels, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  /* Floating-point pictures may hold anything. */
  gsize count = (gsize) image->width * (gsize) image->height * (gsize) image->channels;
  for (gsize i = 0; i < count; i++)
    image->pixels[i] = isnan (image->pixels[i]) ? 0.0f : CLAMP (image->pixels[i], 0.0f, 1.0f);
  return image;
}

/* Results may lie in groups as well. `own` is the mark of an image that is itself a result: layers
 * that were made with it are its picture. */
static void
remove_ours (HostImage image, const HostItem *layers, int count, const GimpParasite *own)
{
  for (int i = 0; i < count; i++)
    {
      GimpParasite *parasite = gimp_item_get_parasite (layers[i], CALL_PARASITE);
      if (parasite != NULL && (own == NULL || !gimp_parasite_compare (parasite, own)))
        host_remove_layer (image, layers[i]);
      else if (gimp_item_is_group (layers[i]))
        {
          int n_children = 0;
          g_autofree HostItem *children = host_children (layers[i], &n_children);
          remove_ours (image, children, n_children, own);
        }
      gimp_parasite_free (parasite);
    }
}

/* The image as it is seen, without layers of ours, as a layer of a copy that the caller deletes. */
static HostItem
visible_layer (HostImage image, HostImage *copy)
{
  *copy = gimp_image_duplicate (image);
  gimp_image_undo_disable (*copy);
  int count = 0;
  g_autofree HostItem *layers = host_layers (*copy, &count);
  GimpParasite *own = gimp_image_get_parasite (image, CALL_PARASITE);
  remove_ours (*copy, layers, count, own);
  gimp_parasite_free (own);
  if (host_base_type (*copy) == GIMP_INDEXED)
    gimp_image_convert_rgb (*copy);
  return host_visible_layer (*copy);
}

static CnnImage *
read_picture (HostImage image, HostItem drawable, gboolean visible, GError **error)
{
  HostImage copy = HOST_NONE;
  HostItem source = visible ? visible_layer (image, &copy) : drawable;
  GeglBuffer *buffer = source == HOST_NONE ? NULL : host_buffer (source);
  CnnImage *photo = NULL;
  if (buffer == NULL)
    refuse (error, "the picture's pixels could not be read");
  else
    photo = read_buffer (buffer, error);
  g_clear_object (&buffer);
  if (copy != HOST_NONE)
    {
      if (source != HOST_NONE)
        gimp_item_delete (source);
      gimp_image_delete (copy);
    }
  return photo;
}

/* --- What is looked at --- */

gboolean
picture_sees_all (const Command *command, const Arguments *arguments)
{
  return (command->flags & COMMAND_PHOTO) != 0
         && arguments_choice (arguments, "source") == SOURCE_VISIBLE;
}

static gboolean
is_ours (HostItem item)
{
  GimpParasite *parasite = gimp_item_get_parasite (item, CALL_PARASITE);
  if (parasite == NULL)
    return FALSE;
  gimp_parasite_free (parasite);
  return TRUE;
}

static gboolean
check_drawable (const Call *call, gboolean visible, GError **error)
{
  HostItem drawable = call->drawable;
  if (call->n_drawables != 1)
    return refuse (error, "choose one layer");
  if (!gimp_item_is_valid (drawable) || gimp_item_get_image (drawable) != call->image)
    return refuse (error, "the drawable is not one of this image");
  if (!gimp_item_is_layer (drawable))
    return refuse (error, "Convlens looks at layers; choose a layer, not a mask or a channel");
  if (gimp_image_get_floating_sel (call->image) != HOST_NONE)
    return refuse (error, "there is a floating selection; anchor it first");
  if (!visible && is_ours (drawable))
    return refuse (error, "this layer is a Convlens result; choose the picture");
  return TRUE;
}

/* The image that the arguments name by its ID; HOST_NONE where they name none. */
static gboolean
find_named (const Arguments *arguments, HostImage *image, GError **error)
{
  *image = HOST_NONE;
  const Argument *argument = argument_of_kind (arguments_table (arguments), ARGUMENT_IMAGE);
  const char *value = argument != NULL ? arguments_get (arguments, argument->name) : "";
  if (!g_str_has_prefix (value, OPEN_IMAGE))
    return TRUE;
  const char *number = value + strlen (OPEN_IMAGE);
  char *end = NULL;
  gint64 id = g_ascii_strtoll (number, &end, 10);
  if (!g_ascii_isdigit (*number) || (*end != '\0' && *end != ' ') || id > G_MAXINT)
    {
      g_set_error (error, ARGUMENT_ERROR, 0, "%s \"%s\" is not " OPEN_IMAGE "ID", argument->name,
                   value);
      return FALSE;
    }
  *image = host_image_by_id ((int) id);
  if (*image == HOST_NONE)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                 "%s " OPEN_IMAGE "%d: there is no open image with the ID %d", argument->name,
                 (int) id, (int) id);
  return *image != HOST_NONE;
}

gboolean
picture_read (const Call *call, const Arguments *arguments, CnnImage **photo, GError **error)
{
  gboolean visible = picture_sees_all (call->command, arguments);
  HostImage named;
  if (call->command->flags & COMMAND_PHOTO)
    {
      if (!check_drawable (call, visible, error))
        return FALSE;
      *photo = read_picture (call->image, call->drawable, visible, error);
      return *photo != NULL;
    }
  if (!find_named (arguments, &named, error))
    return FALSE;
  if (named == HOST_NONE)
    return TRUE;
  *photo = read_picture (named, HOST_NONE, TRUE, error);
  return *photo != NULL;
}

/* --- Names of images --- */

GStrv
picture_open_images (void)
{
  int count = 0;
  g_autofree HostImage *images = host_images (&count);
  GStrv names = g_new0 (char *, (gsize) count + 1);
  for (int i = 0; i < count; i++)
    {
      g_autofree char *name = gimp_image_get_name (images[i]);
      names[i] = g_strdup_printf (OPEN_IMAGE "%d %s", host_image_id (images[i]), name);
    }
  return names;
}

gboolean
picture_is_stale (const Argument *argument, const char *value, const GStrv images)
{
  return argument->kind == ARGUMENT_IMAGE && g_str_has_prefix (value, OPEN_IMAGE)
         && !g_strv_contains ((const char *const *) images, value);
}
