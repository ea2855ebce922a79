/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* From now on the first SIGINT, SIGTERM or SIGHUP cancels what is returned, a second one ends the
 * program at once; neither leaves a file behind that is not whole. A pipe that nobody reads and a
 * limit on the size of files become errors of the write. Call it before any other thread starts.
 * Transfer full. */
GCancellable *interrupt_new (void);
/* Ends as whoever writes into a pipe that nobody reads, where our parent does not ignore it. */
void interrupt_broken_pipe (void);
