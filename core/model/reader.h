/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What every reader of model files takes and gives: bytes → model and hints. A format is a room of
 * its own with a CnnModelReader, and a row in core/network. What a format or a version of what
 * wrote the file means is resolved there: nothing above asks for it. */

#include "model.h"
#include "preprocess.h"

G_BEGIN_DECLS

#define CNN_READER_START 8

typedef struct
{
  const char *path;               /* a regular file */
  const char *label;              /* its name, for messages */
  guint8 start[CNN_READER_START]; /* its first bytes, 0 behind the end */
  const char *architecture;       /* of a file of weights alone: a name, or a file that holds the
                                   * graph; NULL: told by what is in the file */
  const char *graph;              /* a file with the graph, for want of an architecture, or NULL */
  const char *architectures;      /* the folder of the graphs that come with Convlens */
  gboolean check_architecture;    /* also say where a file with a graph of its own contradicts it */
} CnnReadRequest;

typedef struct
{
  CnnModel *model;
  int version;             /* of what wrote the file: Keras 1, 2 or 3 */
  gboolean half_precision; /* it asks for float16 or bfloat16; computed in float32 */
  char *contradiction;     /* why the architecture is not the model's own, a sentence, or NULL */

  /* The known architecture that the model is of, or NULL; and what is usual for that one. */
  char *architecture;
  CnnPreprocess preprocess; /* AUTO: not known */
  int input_size;           /* 0: not known */
} CnnReading;

typedef struct
{
  /* By a file's first CNN_READER_START bytes. */
  gboolean (*is_mine) (const guint8 *start);
  /* Fills a zeroed reading, all of which the caller clears, also on failure. Messages name layers
   * and datasets; the caller puts the label before them. CNN_ERROR_FILE, _MODEL, _UNSUPPORTED,
   * _ARGUMENT; CNN_ERROR_CANCELLED by the thread's cancellable (cnn_cancelled). */
  gboolean (*read) (const CnnReadRequest *request, CnnReading *reading, GError **error);
} CnnModelReader;

static inline void
cnn_reading_clear (CnnReading *reading)
{
  g_clear_pointer (&reading->model, cnn_model_free);
  g_clear_pointer (&reading->contradiction, g_free);
  g_clear_pointer (&reading->architecture, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CnnReading, cnn_reading_clear)

G_END_DECLS
