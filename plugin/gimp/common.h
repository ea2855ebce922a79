/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the registrations of both GIMPs share: names and words of procedures. */

#include "commands.h"

#include <gegl.h>

G_BEGIN_DECLS

#define GIMP_MENU "<Image>/Filters/Convlens"

/* To be called once, before any other work in a run. */
void gimp_face_begin (void);
/* "plug-in-convlens-grad-cam". Transfer full. */
char *gimp_face_procedure_name (const Command *command);
/* The row of that procedure, or NULL. */
const Command *gimp_face_find (const char *procedure_name);

/* Its summary as a sentence begins. Transfer full. */
char *gimp_face_blurb (const Command *command);
/* "Grad-CAM Overlay". Transfer full. */
char *gimp_face_title (const Command *command);
/* A number as arguments_set takes it. */
char *gimp_face_number (double value);
/* What procedure browsers say of an argument. Transfer full. */
char *gimp_face_help (const Argument *argument);

G_END_DECLS
