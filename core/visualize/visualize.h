/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the files of this room share. */

#include "session.h"

G_BEGIN_DECLS

/* Between what a variable of an untrained layer lies (cnn_sanity_check): for a kernel of these
 * sizes ±√(6 / fan-in), else 0 or 1 on both sides. */
void cnn_untrained_range (const CnnLayer *layer, const CnnWeightSpec *spec, const gint64 *dims,
                          double *low, double *high);
/* Grad-CAM's automatic layer: the last one with a map (H·W > 1), behind a convolution, that lies on
 * every path to the score; pooling, dropout, padding and reshaping are left out. −1 and
 * CNN_ERROR_ARGUMENT where there is none. */
int cnn_session_automatic_layer (const CnnSession *session, int logit_node, GError **error);

/* A number's text of "0123456789.-" into an RGB picture, `scale` pixels a dot; parts outside of the
 * picture are left out. Its size is cnn_number_width (text, scale) by 5 · scale. */
void cnn_draw_number (CnnImage *image, int x, int y, int scale, const char *text,
                      const float color[3]);
int cnn_number_width (const char *text, int scale);

G_END_DECLS
