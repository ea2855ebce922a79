/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the faces of GIMP 2.10 and GIMP 3 share; compiled for each. */

#include "commands.h"
#include "gimp-dialog.h"

#include <gegl.h>

G_BEGIN_DECLS

#define GIMP_MENU "<Image>/Filters/Convlens"
/* The parasite of a layer that we made: the report with all settings. */
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

/* Runs the command, with GIMP's progress bar. */
Result *gimp_face_run (const Command *command, const Arguments *arguments, const Subject *subject,
                       GError **error);

/* Fills the proposals of a page: the devices of this machine and the layers of the model that it
 * names. */
void gimp_face_propose (DialogPage *page, GPtrArray *table);

/* The whole buffer as sRGB, with its alpha if it has one; and back, converted to what the buffer
 * holds. */
CnnImage *gimp_face_read (GeglBuffer *buffer, GError **error);
void gimp_face_write (GeglBuffer *buffer, const CnnImage *image);

G_END_DECLS
