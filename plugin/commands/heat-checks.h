/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Whether a heatmap may be trusted, told within the report of the command that made it: the same as
 * the commands sanity-check and faithfulness tell by themselves. */

#include "commands.h"

G_BEGIN_DECLS

/* Adds the member "sanity_check", its text and, as a hidden layer, the strip over the session's
 * photograph. What cannot be checked is a warning; FALSE where the work was cancelled. */
gboolean sanity_check_add (Result *result, CnnSession *session, const CnnSanityOptions *options,
                           CnnColormap colormap, const CnnProgress *progress, GError **error);
/* Adds the member "faithfulness", its text and the curves as a hidden layer. */
gboolean faithfulness_add (Result *result, CnnSession *session, const CnnGradCamOptions *options,
                           const CnnProgress *progress, GError **error);

/* The end of both: what could not be checked. Takes the error. */
gboolean heat_check_failed (Result *result, const char *what, GError *problem, GError **error);
/* A hidden layer at the picture's corner. */
void heat_check_add_layer (Result *result, const char *name, CnnImage *image);

G_END_DECLS
