/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common.h"
#include "dialog.h"

#include <libgimp/gimp.h>
#include <math.h>
#include <string.h>
#ifdef __linux__
#include <signal.h>
#include <sys/prctl.h>
#endif

#define PROCEDURE_PREFIX "plug-in-convlens-"
#define START_IMAGE "image:"
/* GIMP's message grows with its text, beyond the screen. */
#define MESSAGE_LINES 14
#define UPDATE_INTERVAL 50000 /* microseconds */

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

gboolean
gimp_face_sees_all (const Command *command, const Arguments *arguments)
{
  return (command->flags & COMMAND_PHOTO) != 0
         && arguments_choice (arguments, "source") == SOURCE_VISIBLE;
}

char *
gimp_face_image_name (int id, const char *name)
{
  return g_strdup_printf (START_IMAGE "%d %s", id, name);
}

gboolean
gimp_face_start_image (const Arguments *arguments, int *id, GError **error)
{
  *id = -1;
  const Argument *argument = argument_of_kind (arguments_table (arguments), ARGUMENT_IMAGE);
  if (argument == NULL)
    return TRUE;
  const char *start = arguments_get (arguments, argument->name);
  if (!g_str_has_prefix (start, START_IMAGE))
    return TRUE;
  const char *number = start + strlen (START_IMAGE);
  char *end = NULL;
  gint64 value = g_ascii_strtoll (number, &end, 10);
  if (!g_ascii_isdigit (*number) || (*end != '\0' && *end != ' ') || value > G_MAXINT)
    {
      g_set_error (error, ARGUMENT_ERROR, 0, "%s \"%s\" is not " START_IMAGE "ID", argument->name,
                   start);
      return FALSE;
    }
  *id = (int) value;
  return TRUE;
}

void
gimp_face_no_image (int id, GError **error)
{
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "start " START_IMAGE "%d: there is no open image with the ID %d", id, id);
}

gboolean
gimp_face_is_stale (const Argument *argument, const char *value, const GStrv images)
{
  return argument->kind == ARGUMENT_IMAGE && g_str_has_prefix (value, START_IMAGE)
         && !g_strv_contains ((const char *const *) images, value);
}

typedef struct
{
  char *text;
  gint64 at;
} Shown;

/* GIMP answers every update, so that too many would hold up the run. */
static void
update (double fraction, const char *what, gpointer data)
{
  Shown *shown = data;
  gint64 now = g_get_monotonic_time ();
  if (shown->at != 0 && now - shown->at < UPDATE_INTERVAL)
    return;
  if (what != NULL && g_strcmp0 (what, shown->text) != 0)
    {
      g_free (shown->text);
      shown->text = g_strdup (what);
      gimp_progress_set_text (what);
    }
  gimp_progress_update (CLAMP (fraction, 0.0, 1.0));
  shown->at = g_get_monotonic_time ();
}

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

/* Those that are painted on demand may be many and large; 8 bits hold them, and GEGL swaps. */
static GPtrArray *
paint (const Result *result, Shown *shown, GError **error)
{
  g_autoptr (GPtrArray) painted = g_ptr_array_new_with_free_func (free_painted);
  for (guint i = 0; i < result->layers->len; i++)
    {
      const ResultLayer *layer = g_ptr_array_index (result->layers, i);
      GeglBuffer *buffer = NULL;
      if (layer->image == NULL)
        {
          update ((double) i / result->layers->len, layer->name, shown);
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

Result *
gimp_face_run (const Command *command, const Arguments *arguments, const Subject *subject,
               GPtrArray **painted, GError **error)
{
  Shown shown = { 0 };
  CnnProgress progress = { .update = update, .data = &shown };
  gimp_progress_init ("Convlens");
  g_autoptr (Result) result = command->run (arguments, subject, &progress, error);
  *painted = result != NULL ? paint (result, &shown, error) : NULL;
  gimp_progress_end ();
  g_free (shown.text);
  return *painted != NULL ? g_steal_pointer (&result) : NULL;
}

void
gimp_face_layer_size (const Result *result, GPtrArray *painted, guint index, int *width,
                      int *height)
{
  const ResultLayer *layer = g_ptr_array_index (result->layers, index);
  GeglBuffer *buffer = g_ptr_array_index (painted, index);
  *width = buffer != NULL ? gegl_buffer_get_width (buffer) : layer->image->width;
  *height = buffer != NULL ? gegl_buffer_get_height (buffer) : layer->image->height;
}

void
gimp_face_write (GeglBuffer *target, const Result *result, GPtrArray *painted, guint index)
{
  const ResultLayer *layer = g_ptr_array_index (result->layers, index);
  GeglBuffer *buffer = g_ptr_array_index (painted, index);
  if (buffer != NULL)
    gegl_buffer_copy (buffer, NULL, GEGL_ABYSS_NONE, target, NULL);
  else
    set_pixels (target, layer->image);
  gegl_buffer_flush (target);
}

char *
gimp_face_blurb (const Command *command)
{
  char *blurb = g_strdup (command->summary);
  blurb[0] = g_ascii_toupper (blurb[0]);
  return blurb;
}

char *
gimp_face_title (const Command *command)
{
  g_auto (GStrv) parts = g_strsplit (command->label, "_", -1);
  char *title = g_strjoinv ("", parts);
  if (g_str_has_suffix (title, "…"))
    title[strlen (title) - strlen ("…")] = '\0';
  return title;
}

void
gimp_face_tell (const Command *command, const char *text)
{
  g_autofree char *plain = g_strchomp (g_strdup (text));
  g_auto (GStrv) lines = g_strsplit (plain, "\n", -1);
  g_autofree char *title = gimp_face_title (command);
  if (g_strv_length (lines) > MESSAGE_LINES)
    dialog_show_report (title, plain);
  else
    g_message ("%s", plain);
}

char *
gimp_face_number (double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup (g_ascii_formatd (text, sizeof text, "%.10g", value));
}

char *
gimp_face_help (const Argument *argument)
{
  g_autofree char *value = argument_value_help (argument);
  g_autofree char *range =
      argument->kind == ARGUMENT_INTEGER || argument->kind == ARGUMENT_NUMBER
          ? g_strdup_printf (", %.10g to %.10g", argument->minimum, argument->maximum)
          : g_strdup ("");
  return g_strdup_printf ("%s%s: %s", value, range, argument->help);
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
