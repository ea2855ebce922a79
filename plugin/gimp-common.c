/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gimp-common.h"

#include <libgimp/gimp.h>
#include <math.h>
#include <string.h>
#ifdef __linux__
#include <signal.h>
#include <sys/prctl.h>
#endif

#define PROCEDURE_PREFIX "plug-in-convlens-"

void
gimp_face_begin (void)
{
#ifdef __linux__
  /* While it computes it would not notice that GIMP is gone. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
#endif
  gegl_init (NULL, NULL);
}

char *
gimp_face_procedure_name (const Command *command)
{
  return g_strconcat (PROCEDURE_PREFIX, command->name, NULL);
}

const Command *
gimp_face_find (const char *procedure_name)
{
  if (!g_str_has_prefix (procedure_name, PROCEDURE_PREFIX))
    return NULL;
  const Command *command = command_find (procedure_name + strlen (PROCEDURE_PREFIX));
  return command != NULL && (command->flags & COMMAND_GIMP) ? command : NULL;
}

static void
update (double fraction, const char *what, gpointer data)
{
  char **shown = data;
  if (what != NULL && g_strcmp0 (what, *shown) != 0)
    {
      g_free (*shown);
      *shown = g_strdup (what);
      gimp_progress_set_text (what);
    }
  gimp_progress_update (CLAMP (fraction, 0.0, 1.0));
}

Result *
gimp_face_run (const Command *command, const Arguments *arguments, const Subject *subject,
               GError **error)
{
  g_autofree char *shown = NULL;
  CnnProgress progress = { .update = update, .data = &shown };
  gimp_progress_init ("Convlens");
  Result *result = command->run (arguments, subject, &progress, error);
  gimp_progress_end ();
  return result;
}

static void
propose_devices (DialogPage *page)
{
  g_autoptr (GPtrArray) devices = cnn_devices_list (NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_ptr_array_add (names, (gpointer) "auto");
  for (guint i = 0; devices != NULL && i < devices->len; i++)
    {
      const CnnDeviceInfo *info = g_ptr_array_index (devices, i);
      g_ptr_array_add (names, info->name);
    }
  g_ptr_array_add (names, NULL);
  dialog_page_propose (page, "device", (const char *const *) names->pdata);
}

static void
propose_layers (DialogPage *page, GPtrArray *table)
{
  g_autoptr (Arguments) arguments = arguments_new (table);
  static const char *const needed[] = { "model", "architecture", "input-size" };
  for (guint i = 0; i < G_N_ELEMENTS (needed); i++)
    {
      g_autofree char *value = dialog_page_get (page, needed[i]);
      if (!arguments_set (arguments, needed[i], value, NULL))
        return;
    }
  CnnOptions options = command_options (arguments);
  g_autoptr (CnnSession) session = cnn_session_open (&options, FALSE, NULL);
  g_autoptr (GPtrArray) layers = session != NULL ? cnn_session_layers (session, NULL) : NULL;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_ptr_array_add (names, (gpointer) "auto");
  /* From the end, where Grad-CAM is of use. */
  for (guint i = layers != NULL ? layers->len : 0; i > 0; i--)
    {
      const CnnLayerInfo *info = g_ptr_array_index (layers, i - 1);
      if (info->rank == 3)
        g_ptr_array_add (names, info->name);
    }
  g_ptr_array_add (names, NULL);
  dialog_page_propose (page, "layer", (const char *const *) names->pdata);
}

void
gimp_face_propose (DialogPage *page, GPtrArray *table)
{
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      if (strcmp (argument->name, "device") == 0)
        propose_devices (page);
      else if (strcmp (argument->name, "layer") == 0)
        propose_layers (page, table);
    }
}

CnnImage *
gimp_face_read (GeglBuffer *buffer, GError **error)
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

void
gimp_face_write (GeglBuffer *buffer, const CnnImage *image)
{
  static const char *const formats[] = { "Y' float", "Y'A float", "R'G'B' float", "R'G'B'A float" };
  gegl_buffer_set (buffer, GEGL_RECTANGLE (0, 0, image->width, image->height), 0,
                   babl_format (formats[image->channels - 1]), image->pixels, GEGL_AUTO_ROWSTRIDE);
  gegl_buffer_flush (buffer);
}
