/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A schedule's memory on a device, and its steps as commands of it. */

#include "schedule.h"

G_BEGIN_DECLS

typedef struct
{
  const CnnSchedule *schedule;
  CnnDevice *device;
  CnnBuffer *arena; /* where the spans lie */
  CnnBuffer *affine_buffer;
  CnnBinding *affines; /* of each step, no buffer where it has no affine part */
} CnnRecorder;

/* Of a struct of zeros; keeps a reference to the device. The schedule must outlive it. FALSE: there
 * is not as much memory. */
gboolean cnn_recorder_init (CnnRecorder *recorder, const CnnSchedule *schedule, CnnDevice *device,
                            GError **error);
void cnn_recorder_clear (CnnRecorder *recorder);

/* A view of a span, NULL for CNN_NONE. Transfer full. */
CnnTensor *cnn_recorder_tensor (const CnnRecorder *recorder, int span, const CnnShape *shape);
/* Of the node's value, wherever that lies. Transfer full. */
CnnTensor *cnn_recorder_value (const CnnRecorder *recorder, int node);

/* The steps first … end − 1 as commands. `begin`: their input is there already, and the device may
 * begin with them (cnn_commands_begin). Transfer full. */
CnnCommands *cnn_recorder_record (CnnRecorder *recorder, int first, int end, gboolean begin,
                                  const char *label, GError **error);

G_END_DECLS
