/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Files that somebody else names: a model, its sidecar, labels, the registry. A name may also be
 * that of a device, which never ends, or of a pipe, which never begins. */

/* Opens a regular file for reading, without waiting for anything; *size (or NULL) is its size. −1
 * and CNN_ERROR_FILE (CNN_ERROR_UNSUPPORTED for a folder) with a message that begins with the
 * file's name otherwise. */
int cnn_regular_open (const char *path, guint64 *size, GError **error);
/* All of a regular file of at most `limit` bytes, with a NUL behind it. Can be cancelled
 * (cnn_cancelled). Transfer full. */
char *cnn_regular_read (const char *path, gsize limit, gsize *length, GError **error);

/* The first `limit` bytes of a text in UTF-8, or fewer, so that no character is cut. Transfer
 * full. */
char *cnn_text_cut (const char *text, gsize limit);
/* A name or text as a file has it, as UTF-8: what is not becomes "�". For all that comes from files
 * of others and can land in a message. Transfer full. */
char *cnn_text_from_file (const char *bytes, gsize length);

G_END_DECLS
