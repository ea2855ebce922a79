/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "preprocess.h"

CnnPreprocess
cnn_preprocess_from_name (const char *name)
{
  static const char *const names[] = { "auto", "none", "tf", "caffe", "torch", "unit" };

  for (guint i = 0; name != NULL && i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (names[i], name) == 0)
      return (CnnPreprocess) i;
  return CNN_PREPROCESS_AUTO;
}
