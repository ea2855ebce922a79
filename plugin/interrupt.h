/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* From here on SIGINT, SIGTERM and SIGHUP cancel what is returned, so that the work ends in order;
 * a second one ends the program at once. To be called before other threads are made. Transfer full.
 */
GCancellable *interrupt_new (void);
