/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "debug.h"

CnnDebug
cnn_debug_flags (void)
{
  static const GDebugKey keys[] = {
    { "validate", CNN_DEBUG_VALIDATE }, { "labels", CNN_DEBUG_LABELS },
    { "timing", CNN_DEBUG_TIMING },     { "staging", CNN_DEBUG_STAGING },
    { "storage", CNN_DEBUG_STORAGE },   { "wide", CNN_DEBUG_WIDE },
    { "unfolded", CNN_DEBUG_UNFOLDED }, { "unshared", CNN_DEBUG_UNSHARED },
  };

  return g_parse_debug_string (g_getenv ("CONVLENS_DEBUG"), keys, G_N_ELEMENTS (keys));
}
