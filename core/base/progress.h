/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* How long work reports and is stopped. Every member may be NULL, and so may a pointer to it. */
typedef struct _CnnProgress
{
  void (*update) (double fraction, const char *what, gpointer data); /* fraction in 0…1 */
  gpointer data;
  GCancellable *cancellable;
} CnnProgress;

/* Reports, and gives FALSE with CNN_ERROR_CANCELLED once the work has been cancelled. */
gboolean cnn_progress_step (const CnnProgress *progress, double fraction, const char *what,
                            GError **error);

/* TRUE, with CNN_ERROR_CANCELLED, once what this thread works for has been cancelled: the
 * GCancellable that was made the thread's own by g_cancellable_push_current, if any. For rooms deep
 * below whoever holds the progress. */
gboolean cnn_cancelled (GError **error);

G_END_DECLS
