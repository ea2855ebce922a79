/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A model that somebody names, with all that is known of it: found by name or path, told apart by
 * its first bytes, read by its format's reader, and completed from options, sidecar and registry in
 * the same way for every format. */

#include "model.h"
#include "preprocess.h"
#include "progress.h"

G_BEGIN_DECLS

/* From where something is known of a model. */
#define CNN_FROM_OPTION "the option"
#define CNN_FROM_SIDECAR "the sidecar"
#define CNN_FROM_REGISTRY "the registry"
#define CNN_FROM_MODEL "the model itself"
#define CNN_FROM_ARCHITECTURE "its architecture"

/* What a file, its sidecar, the registry or its architecture tell besides the graph. A
 * *_from is one of the above, or NULL: nothing is known, or it is a guess. */
typedef struct
{
  CnnModel *model;
  gboolean half_precision; /* the file asks for it; computed in float32 */
  /* Never AUTO: the option, else the sidecar, the registry, NONE where the model's own first layers
   * prepare the input, its architecture's, else TF with a warning. */
  CnnPreprocess preprocess;
  char *preprocess_warning;          /* a sentence for the report where it was a guess, or NULL */
  int default_width, default_height; /* 0 where only the user can tell */
  GPtrArray *labels;                 /* char*, one a class, or NULL when there are none */

  char *path;         /* the file */
  char *sidecar;      /* its <file>.json, or NULL */
  char *registered;   /* its name in the registry, or NULL */
  char *architecture; /* or NULL */
  char *prepared_by;  /* the model's own layer that prepares its input, or NULL */
  gboolean prepared_twice;
  char *contradiction; /* why the option's architecture is not the model's own, or NULL */
  const char *architecture_from, *preprocess_from, *size_from, *labels_from;
} CnnNetwork;

/* Opens `name`: NULL or a built-in name ("efficientnet-lite0"), a name of the registry or of a file
 * in the user's folder (store.h), else a path; one of the registry that is not there yet is an
 * error that says how to get it, an unknown one tells the nearest. The kind is told by the first
 * bytes. `architecture`: for weights-only files, a name of architectures.json or a file
 * of Keras' to_json(); NULL: told by the file's layer names and shapes. `preprocess` AUTO finds it
 * out; `labels_file` (or NULL) names the classes, else the sidecar, else ImageNet's names for a
 * model with 1,000 classes of a known architecture. The sidecar `<file>.json` is an object with any
 * of "architecture", "preprocess", "input_size" (n or [width, height]), "labels" (a list, a class
 * index, or a file beside it); for weights alone it may be Keras' to_json() itself. Errors:
 * CNN_ERROR_FILE, _MODEL, _UNSUPPORTED, _ARGUMENT, each with file and layer; CNN_ERROR_CANCELLED
 * soon after `progress` (or NULL) has been cancelled. Transfer full. */
CnnNetwork *cnn_network_open (const char *name, const char *architecture, CnnPreprocess preprocess,
                              const char *labels_file, const CnnProgress *progress, GError **error);
void cnn_network_free (CnnNetwork *network);

/* The file of labels that the sidecar of a model's file names, without opening the model; NULL
 * where it names none or cannot be read. Transfer full. */
char *cnn_network_sidecar_labels (const char *model_path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnNetwork, cnn_network_free)

G_END_DECLS
