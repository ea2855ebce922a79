/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Numbers that are the same for the same keys on every machine. */
typedef struct _CnnNoise CnnNoise;

CnnNoise *cnn_noise_new (guint64 seed, guint32 stream, guint32 turn);
void cnn_noise_free (CnnNoise *noise);

/* Evenly spread over low…high. */
double cnn_noise_between (CnnNoise *noise, double low, double high);
void cnn_noise_fill (CnnNoise *noise, double low, double high, float *values, gsize n);
/* (height, width, channels) around `middle`: amplitudes fall as 1 / frequency, as in photographs,
 * with a standard deviation of about `deviation`; three channels vary together as theirs do (Olah,
 * Mordvintsev and Schubert 2017: a decorrelated start). */
void cnn_noise_fill_natural (CnnNoise *noise, double middle, double deviation, int height,
                             int width, int channels, float *values);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnNoise, cnn_noise_free)

G_END_DECLS
