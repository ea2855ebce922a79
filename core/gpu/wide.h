/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Vectors of 512 bits on Mesa's software driver, by LP_NATIVE_VECTOR_WIDTH. */

#include <glib.h>

G_BEGIN_DECLS

/* FALSE for a width that the user has set and the driver cannot have. CNN_ERROR_DEVICE. */
gboolean cnn_wide_check (GError **error);
/* Whether the driver of these versions, "Mesa 22.3.6 (LLVM 15.0.6)", is known to compute rightly
 * so.
 */
gboolean cnn_wide_is_right (const char *driver_info);
/* Whether it is to be loaded so: it is right, the processor has such vectors, and the user has not
 * set a width. */
gboolean cnn_wide_is_wanted (const char *driver_info);
/* For drivers that are loaded from now on; not where the user has set a width. */
void cnn_wide_set (gboolean wide);

G_END_DECLS
