/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the faces of GIMP 2.10 and GIMP 3 share; compiled for each. */

#include "commands.h"

#include <gegl.h>

G_BEGIN_DECLS

#define GIMP_MENU "<Image>/Filters/Convlens"
/* The parasite of what we made, layer, group or image: the report with all settings. */
#define GIMP_RESULT_PARASITE "convlens-result"
#define GIMP_RESULT_REFUSED "this layer is a Convlens result; choose the picture"
#define GIMP_INDEXED_NOTE                                                       \
  "The image is indexed, so the layer has the nearest colours of its palette; " \
  "Image ▸ Mode ▸ RGB allows all colours."

/* To be called once, before any other work in a run. */
void gimp_face_begin (void);
/* "plug-in-convlens-grad-cam". Transfer full. */
char *gimp_face_procedure_name (const Command *command);
/* The row of that procedure, or NULL. */
const Command *gimp_face_find (const char *procedure_name);

/* Whether the image as it is seen is to be looked at, not one drawable. */
gboolean gimp_face_sees_all (const Command *command, const Arguments *arguments);
/* An open image as the argument "start" names it: "image:3 cup.png". Transfer full. */
char *gimp_face_image_name (int id, const char *name);
/* The ID of the image that "start" names so, -1 where it names none or there is no such argument.
 * ARGUMENT_ERROR for what is no ID. */
gboolean gimp_face_start_image (const Arguments *arguments, int *id, GError **error);
void gimp_face_no_image (int id, GError **error);
/* Whether a value that was kept names an image which is not open, or not by that name any more. */
gboolean gimp_face_is_stale (const Argument *argument, const char *value, const GStrv images);

/* Runs the command and paints the layers that are to be painted, with GIMP's progress bar. Until
 * it has ended GIMP holds nothing of ours that a cancelled run could leave behind. painted: for the
 * two below, transfer full. */
Result *gimp_face_run (const Command *command, const Arguments *arguments, const Subject *subject,
                       GPtrArray **painted, GError **error);
void gimp_face_layer_size (const Result *result, GPtrArray *painted, guint index, int *width,
                           int *height);
/* The layer's pixels, converted to what `target` holds. */
void gimp_face_write (GeglBuffer *target, const Result *result, GPtrArray *painted, guint index);

/* Its summary as a sentence begins. Transfer full. */
char *gimp_face_blurb (const Command *command);
/* "Grad-CAM Overlay". Transfer full. */
char *gimp_face_title (const Command *command);
/* Tells the user what came out; to be called when all is done and shown. */
void gimp_face_tell (const Command *command, const char *text);

/* A number as arguments_set takes it. */
char *gimp_face_number (double value);
/* What procedure browsers say of an argument. Transfer full. */
char *gimp_face_help (const Argument *argument);

/* The whole buffer as sRGB, with its alpha if it has one. */
CnnImage *gimp_face_read (GeglBuffer *buffer, GError **error);

G_END_DECLS
