/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the files of this room alone share. */

#include "session.h"

G_BEGIN_DECLS

/* Composes the report's warning anew from what the model, the picture's size and the driver say. */
void cnn_session_update_warning (CnnSession *session);
/* The input's shape as the model has it; 0 where a size is open. Transfer none. */
const CnnShape *cnn_session_own_shape (const CnnSession *session);

G_END_DECLS
