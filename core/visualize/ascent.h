/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Gradient ascent on n pictures at once, on the device from the first step to the last. */

#include "plan.h"

G_BEGIN_DECLS

/* How the network gets to see the picture in one step: the pixel (x, y) shows what the picture has
 * at scale · R(turn) · (x, y) + (shift_x, shift_y), from the middle. scale 0.8…1.25, turn up to
 * ±15° (in radians). */
typedef struct
{
  float scale, turn, shift_x, shift_y;
} CnnMove;

typedef struct
{
  CnnModel *model;
  CnnDevice *device;
  int start;        /* node whose value is the picture */
  int target;       /* node whose activation is measured */
  int score;        /* node whose activation is climbed */
  int border;       /* cells of their maps that are left out on each side */
  CnnShape picture; /* n pictures at once */
  double rate;      /* length of a step in L2 norm */
  int steps;        /* that there are moves for */
  /* NULL: plain steps along the gradient, as tf.math.l2_normalize makes it. Else the picture is
   * moved before each step, the gradient's bands of an octave each are made equally long (what Adam
   * does in a Fourier basis with a 1/f spectrum), and the picture is kept smooth. */
  const CnnMove *moves;
  float rest; /* the value of an empty picture */
} CnnAscentRequest;

typedef struct _CnnAscent CnnAscent;

/* The model must outlive it. Transfer full. */
CnnAscent *cnn_ascent_new (const CnnAscentRequest *request, GError **error);
void cnn_ascent_free (CnnAscent *ascent);

/* Puts the pictures (n, H, W, C) at the start; picture i climbs the channel units[i], downhill
 * where `descend`. `means`: the activation of each. */
gboolean cnn_ascent_begin (CnnAscent *ascent, const float *pictures, const int *units,
                           gboolean descend, float *means, GError **error);
/* One step of all pictures. */
gboolean cnn_ascent_step (CnnAscent *ascent, GError **error);
/* Fetches the pictures and measures them. */
gboolean cnn_ascent_end (CnnAscent *ascent, float *pictures, float *means, GError **error);

/* Bytes on the device for values, gradients and pictures. */
gsize cnn_ascent_memory (const CnnAscent *ascent);
/* Bytes of the largest binding. */
gsize cnn_ascent_largest (const CnnAscent *ascent);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnAscent, cnn_ascent_free)

G_END_DECLS
