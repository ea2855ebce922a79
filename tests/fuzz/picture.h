/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What png.c and jpeg.c share. */

#include "fuzz.h"

G_BEGIN_DECLS

/* Reads a picture, and puts it on white as a model needs it. */
void fuzz_open_picture (const char *path);

G_END_DECLS
