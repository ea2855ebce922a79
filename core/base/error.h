/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What went wrong, for callers that act on it; people read the message. */
typedef enum
{
  CNN_ERROR_FILE,        /* cannot be read or written, or is damaged */
  CNN_ERROR_MODEL,       /* a model that contradicts itself or its weights */
  CNN_ERROR_UNSUPPORTED, /* sound, but beyond what Convlens does */
  CNN_ERROR_ARGUMENT,    /* a wish that cannot be met: class, layer, size … */
  CNN_ERROR_DEVICE,      /* no Vulkan device, or it failed */
  CNN_ERROR_NO_EVIDENCE, /* Grad-CAM: nothing in the layer speaks for the class */
  CNN_ERROR_CANCELLED
} CnnError;

#define CNN_ERROR (cnn_error_quark ())
GQuark cnn_error_quark (void);

G_END_DECLS
