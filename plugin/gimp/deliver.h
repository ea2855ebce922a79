/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* From a result to GIMP's layers. */

#include "call.h"

G_BEGIN_DECLS

/* Paints the layers that are to be painted: of GeglBuffer, NULL for those that have their pixels.
 * GIMP holds nothing yet that a cancelled run could leave behind. Transfer full; NULL on error. */
GPtrArray *deliver_paint (const Result *result, const CnnProgress *progress, GError **error);

/* Makes the result's layers in the call's image, above the drawable, or in a new one, with the
 * record as their parasite; one undo takes them away. Fills the answer's image and layers. */
gboolean deliver (Call *call, const Result *result, GPtrArray *painted, const char *record,
                  GError **error);

G_END_DECLS
