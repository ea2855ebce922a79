/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* From GIMP's drawables to pixels. */

#include "call.h"

G_BEGIN_DECLS

/* Whether the image as it is seen is looked at, not one drawable. */
gboolean picture_sees_all (const Command *command, const Arguments *arguments);

/* What the call's command is to look at, with these arguments: the picture, or the open image that
 * an ARGUMENT_IMAGE names, or nothing, then *photo stays NULL. Transfer full. CNN_ERROR_ARGUMENT
 * for what cannot be looked at, ARGUMENT_ERROR for an image that is not named by an ID. */
gboolean picture_read (const Call *call, const Arguments *arguments, CnnImage **photo,
                       GError **error);

/* The open images as an ARGUMENT_IMAGE names them: "image:3 cup.png". Transfer full. */
GStrv picture_open_images (void);
/* Whether a value that was kept names an image which is not open, or not by that name any more. */
gboolean picture_is_stale (const Argument *argument, const char *value, const GStrv images);

G_END_DECLS
