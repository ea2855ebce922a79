/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* NULL where a text in UTF-8 is JSON within the limits of json.h, else what is wrong with it and in
 * which line. Transfer full. */
char *cnn_json_check (const char *text, gsize length);

G_END_DECLS
