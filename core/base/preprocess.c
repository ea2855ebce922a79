/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "preprocess.h"

const char *const cnn_preprocess_names[] = { "auto", "none", "tf", "caffe", "torch", "unit", NULL };

CnnPreprocess
cnn_preprocess_from_name (const char *name)
{
  for (guint i = 0; name != NULL && cnn_preprocess_names[i] != NULL; i++)
    if (g_ascii_strcasecmp (cnn_preprocess_names[i], name) == 0)
      return (CnnPreprocess) i;
  return CNN_PREPROCESS_AUTO;
}
