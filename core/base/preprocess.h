/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How a photograph's 0…255 become the model's input (keras.applications' preprocess_input). */
typedef enum
{
  CNN_PREPROCESS_AUTO,
  CNN_PREPROCESS_NONE,
  CNN_PREPROCESS_TF,    /* x/127.5 − 1 */
  CNN_PREPROCESS_CAFFE, /* B,G,R minus (103.939, 116.779, 123.68) */
  CNN_PREPROCESS_TORCH, /* x/255, minus (.485, .456, .406), over (.229, .224, .225) */
  CNN_PREPROCESS_UNIT   /* x/255 */
} CnnPreprocess;

/* Their names, in that order; ended by NULL. */
extern const char *const cnn_preprocess_names[];

/* "tf" → CNN_PREPROCESS_TF, in any letter case; AUTO for any other name and for NULL. */
CnnPreprocess cnn_preprocess_from_name (const char *name);

G_END_DECLS
