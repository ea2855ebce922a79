/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Where a run's time goes, for CONVLENS_DEBUG=timing: sums by phase, printed at the program's end
 * with the peak of memory up to each phase's end. Phases may lie within one another and run beside
 * one another. Without the switch both do nothing. */
gint64 cnn_timing_start (void);
/* Adds the time since `start` to a phase; `phase` is a literal. */
void cnn_timing_stop (gint64 start, const char *phase);

G_END_DECLS
