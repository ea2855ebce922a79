/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Where a command's files go: no file is written over what the run reads, and none twice. Files are
 * told by what they are, not by their names: links and ways through other folders are the same
 * file. */

#include "commands.h"

G_BEGIN_DECLS

typedef struct _Outputs Outputs;

/* Looks at all places to write to, before the work: the folders are there, and no file that can be
 * named already is one of the photographs, the model, its sidecar, another input or another output.
 * Nothing but a photograph may be a pipe. arguments, photographs (of Photograph, may be empty):
 * kept. CNN_ERROR_FILE, CNN_ERROR_ARGUMENT. Transfer full. */
Outputs *outputs_new (const Command *command, const Arguments *arguments, GPtrArray *photographs,
                      GError **error);
void outputs_free (Outputs *outputs);

/* Writes the result's files, each whole or not at all, and none where one would be written over an
 * input. An option that names a folder gets NAME.png in it, or NAME/ENTRY where the result has
 * several; of one photograph alone, ENTRY. photograph: NULL for a command that takes none.
 * cancellable (or NULL): between two files CNN_ERROR_CANCELLED, which says how many are there. */
gboolean outputs_write (const Outputs *outputs, const Result *result, const Photograph *photograph,
                        GCancellable *cancellable, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Outputs, outputs_free)

G_END_DECLS
