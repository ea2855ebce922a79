/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct
{
  const char *stem;
  const uint32_t *code; /* SPIR-V */
  size_t bytes;
} CnnKernelCode;

/* Every kernel, ended by a NULL stem. */
extern const CnnKernelCode cnn_kernel_codes[];
