/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Which of many names somebody may have meant who typed another one. */

/* How far the name is from what was typed, 0 where one holds the other, "vgg" and "vgg16"; or the
 * edits that make one of the other: letters put in, left out, changed, or swapped with the next
 * (Damerau and Levenshtein's, restricted to neighbours). G_MAXUINT: that is another word. Bytes are
 * compared as they are: fold both first. Very long names are never near. */
guint cnn_nearest_distance (const char *typed, const char *name);

/* The indices of at most `most` of the names at these distances: the nearest first, those equally
 * near in their order, none that is another word. Transfer full: GArray of guint. */
GArray *cnn_nearest_choose (const guint *distances, guint count, guint most);

G_END_DECLS
