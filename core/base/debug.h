/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The words of CONVLENS_DEBUG, commas between; others are passed over. */
typedef enum
{
  CNN_DEBUG_VALIDATE = 1 << 0, /* the validation layer; messages are counted and printed */
  CNN_DEBUG_LABELS = 1 << 1,   /* names for RenderDoc and the like */
  CNN_DEBUG_TIMING = 1 << 2, /* a table of kernel times after every run, one of phases at the end */
  CNN_DEBUG_STAGING = 1 << 3,  /* never map device memory, as on a discrete GPU */
  CNN_DEBUG_STORAGE = 1 << 4,  /* read vectors from storage buffers, as on a GPU */
  CNN_DEBUG_WIDE = 1 << 5,     /* as if the processor had AVX-512 */
  CNN_DEBUG_UNFOLDED = 1 << 6, /* plans fold no layer into another's kernel */
  CNN_DEBUG_UNSHARED = 1 << 7  /* no two tensors of a plan share memory */
} CnnDebug;

/* Those that the environment has now. */
CnnDebug cnn_debug_flags (void);

G_END_DECLS
