/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A filter's dialog. */

#include "call.h"

G_BEGIN_DECLS

/* Asks the user for the arguments and does what they say (call_work), again and again until that is
 * well. FALSE: the user does not want it. */
gboolean ask (Call *call);

G_END_DECLS
