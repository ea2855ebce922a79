/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* How a kernel reads its vectors (vectors.glsl). */
typedef enum
{
  CNN_READS_TEXELS,
  CNN_READS_STORAGE,
  CNN_N_READS
} CnnReads;

typedef struct
{
  const uint32_t *words;
  size_t bytes;
} CnnSpirv;

typedef struct
{
  const char *stem;
  CnnSpirv spirv[CNN_N_READS];
} CnnKernelCode;

/* Every kernel, ended by a NULL stem. */
extern const CnnKernelCode cnn_kernel_codes[];
