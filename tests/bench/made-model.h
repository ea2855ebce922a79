/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* TRUE for a name of weights/architectures: "resnet50". */
gboolean made_model_known (const char *name);

/* Writes a whole model of Keras' .h5 layout: the architecture `name` with seeded weights as of an
 * untrained model, the last kernel scaled so that no class takes all of the probability. */
gboolean made_model_write (const char *name, const char *path, GError **error);

G_END_DECLS
