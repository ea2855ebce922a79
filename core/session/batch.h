/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Pictures that run together on the device: how many, and what the model says of each. For methods
 * that take hundreds of variants of a picture. */

#include "session.h"

G_BEGIN_DECLS

typedef enum
{
  CNN_BATCH_FORWARD, /* every picture runs forward once */
  CNN_BATCH_ASCENT   /* every picture stays on the device and takes many steps, there and back */
} CnnBatchKind;

/* How many pictures run together where one takes `memory` bytes of the device and `largest` bytes
 * in its largest binding: at least 1, at most `most` and what the kind gains from, within a quarter
 * of the device's memory. */
int cnn_batch_size (const CnnDevice *device, CnnBatchKind kind, gsize memory, gsize largest,
                    int most);

/* Room for so many variants of the session's present input, and a plan for them. */
typedef struct _CnnBatch CnnBatch;

/* `most`: no more will ever run together. `score` says what cnn_batch_run gives. The session must
 * have an input and a device, and outlive the batch; its own plan is dropped, so that its memory is
 * free. CNN_ERROR_UNSUPPORTED where the model does not name classes. Transfer full. */
CnnBatch *cnn_batch_new (CnnSession *session, CnnScoreKind score, int most, GError **error);
void cnn_batch_free (CnnBatch *batch);
/* How many run together. */
int cnn_batch_count (const CnnBatch *batch);
/* Where variant 0 ≤ index < count goes, in the input's shape and as the model gets it. A run
 * leaves the first n as they are. Transfer none. */
float *cnn_batch_input (CnnBatch *batch, int index);
/* Runs the first 1 ≤ n ≤ count variants forward; scores (n): the class's score of each, a
 * probability as a report's predictions have it. A run takes the same time for any n.
 * CNN_ERROR_MODEL for a value that is no number. */
gboolean cnn_batch_run (CnnBatch *batch, int n, int class_index, double *scores, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnBatch, cnn_batch_free)

G_END_DECLS
