/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Many photographs in one run, on a model that is opened once. Nothing is kept between them but
 * that, so that however they are spread over processes, the files come out the same. */

#include "outputs.h"

G_BEGIN_DECLS

/* The photographs that files and folders stand for; a folder for its PNG, JPEG and .npy files by
 * name, hidden ones and folders in it left out. CNN_ERROR_FILE for a folder that cannot be read or
 * holds none. Transfer full: GPtrArray of Photograph. */
GPtrArray *photographs_find (const char *const *words, GError **error);

/* A photograph is done, its files are written: result, or error where it failed. Both are gone
 * afterwards. */
typedef void (*PhotographDone) (const Photograph *photograph, Result *result, const GError *error,
                                gpointer data);

/* Runs the command on one after the other and writes the files that the arguments name. A
 * photograph that fails is passed over. FALSE with an error for what ends the whole run: the only
 * photograph's failure, wrong usage, a model that cannot be opened, or an interrupt. */
gboolean photographs_run (const Command *command, const Arguments *arguments,
                          const Outputs *outputs, GPtrArray *photographs,
                          const CnnProgress *progress, PhotographDone done, gpointer data,
                          GError **error);

G_END_DECLS
