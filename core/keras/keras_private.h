/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the files of this room share. Messages name layers and datasets; the model's file is put
 * before them once, in core/network. */

#include "error.h"
#include "json.h"
#include "keras.h"
#include "progress.h"
#include "regular.h"

#include <string.h>

G_BEGIN_DECLS

/* --- json.c: Keras' ways to write lists --- */

/* Looks through Keras' and Python's wrappings of tuples, shapes and arrays. Transfer none. */
JsonNode *cnn_json_unwrap (JsonNode *node);
/* Appends every number of nested lists; FALSE where something else is among them. */
gboolean cnn_json_flatten (JsonNode *node, GArray *doubles);

/* --- hdf5.c: HDF5 from strangers --- */

typedef struct _CnnHdf5 CnnHdf5;

/* An HDF5 file, one called `what` within another file, or the bytes of one. Transfer full;
 * CNN_ERROR_FILE. */
CnnHdf5 *cnn_hdf5_open (const char *path, GError **error);
CnnHdf5 *cnn_hdf5_open_part (const char *path, guint64 offset, guint64 size, const char *what,
                             GError **error);
CnnHdf5 *cnn_hdf5_open_bytes (GBytes *bytes, const char *what, GError **error);
void cnn_hdf5_free (CnnHdf5 *file);
/* Something is there, and hard links alone lead to it. Paths begin at the root: "a/b". */
gboolean cnn_hdf5_has (CnnHdf5 *file, const char *path);
gboolean cnn_hdf5_is_group (CnnHdf5 *file, const char *path);
/* A soft or external link is on the way, which is not followed. */
gboolean cnn_hdf5_leads_out (CnnHdf5 *file, const char *path);
/* Sets an error where something that was looked for is there and is damaged, or of a kind that is
 * not read; else FALSE. `whose`: "is", or "its weights are". */
gboolean cnn_hdf5_set_damaged (CnnHdf5 *file, const char *whose, GError **error);
/* Names in a group, sorted by number where they end in one: a, a_1, a_2, a_10. Transfer full. */
GStrv cnn_hdf5_children (CnnHdf5 *file, const char *path);
/* The strings of an attribute, those of name0, name1, … where Keras has split it; *strings is NULL
 * where there is no such attribute. FALSE: it is there and cannot be read. */
gboolean cnn_hdf5_strings (CnnHdf5 *file, const char *path, const char *name, GStrv *strings,
                           GError **error);
/* A text attribute, or NULL: none or not readable. Transfer full. */
char *cnn_hdf5_text (CnnHdf5 *file, const char *path, const char *name);
/* Shape of a dataset, which is checked for being one that cnn_hdf5_read takes. */
gboolean cnn_hdf5_dims (CnnHdf5 *file, const char *path, int *rank, gint64 dims[CNN_MAX_RANK],
                        GError **error);
/* The same, and its numbers as an array still to be loaded, for which the file may be closed;
 * *array is NULL where they are packed and cnn_hdf5_read has to be asked. `owner` is named where
 * they turn out to be bad. Transfer full. */
gboolean cnn_hdf5_find (CnnHdf5 *file, const char *path, const char *owner, int *rank,
                        gint64 dims[CNN_MAX_RANK], CnnArray **array, GError **error);
/* A dataset of numbers as float32. Transfer full. */
CnnArray *cnn_hdf5_read (CnnHdf5 *file, const char *path, GError **error);

/* --- keras_zip.c --- */

/* What a .keras file holds: config.json, metadata.json (NULL where there is none) and
 * model.weights.h5: where it lies in the file, or, where it is packed there, its bytes. */
typedef struct
{
  GBytes *config, *metadata, *weights;
  guint64 weights_offset, weights_size;
  guint32 weights_sum; /* CRC-32 */
} CnnKerasZip;

gboolean cnn_keras_zip_read (const char *path, CnnKerasZip *zip, GError **error);
/* Whether the weights that lie in the file have their sum; reads them once. */
gboolean cnn_keras_zip_check (const char *path, const CnnKerasZip *zip, GError **error);
void cnn_keras_zip_clear (CnnKerasZip *zip);

/* --- config.c, parameters.c: Keras' objects --- */

typedef struct
{
  int part, use, output; /* which of the parts, which call of it, which of its outputs */
} CnnReference;

typedef struct
{
  CnnReference *inputs;
  int n_inputs;
  int *nodes; /* while the graph is built */
  int state;
} CnnPartCall;

/* An object of the config: a layer, or a model with its own parts. */
typedef struct _CnnPart
{
  char *name;       /* Keras' own */
  char *path;       /* with the outer models', less the outermost */
  char *class_name; /* Keras'; groups of weights are named after it */
  gboolean trainable;
  gint64 shared_id; /* of an object that the config repeats, or 0 */

  CnnLayer *layer;  /* NULL for a model */
  CnnShape *shapes; /* of the layer's first inputs; set with the graph */
  int n_shapes;

  GPtrArray *parts; /* CnnPart*, in Keras' order; NULL for a layer */
  gboolean sequential;
  GPtrArray *uses;          /* CnnPartCall*; NULL where the outer model is Sequential */
  GArray *inputs, *outputs; /* CnnReference, of a functional model */
} CnnPart;

void cnn_part_free (CnnPart *part);
gboolean cnn_part_is_input (const CnnPart *part);
/* The model of a config, whole and checked, its graph not built yet. *half_precision is set where a
 * layer asks for it. Transfer full. */
CnnPart *cnn_config_read (JsonNode *root, int keras_major, gboolean *half_precision,
                          GError **error);
/* The layer of a class and its config. Transfer full. */
CnnLayer *cnn_parameters_layer (const CnnLayerClass *klass, const char *name, int keras_major,
                                JsonObject *config, GError **error);

/* --- graph.c --- */

/* Writes the parts out as a flat graph. Transfer full. */
CnnModel *cnn_graph_build (CnnPart *top, const char *file, GError **error);

/* --- weights.c --- */

typedef enum
{
  CNN_WEIGHTS_LEGACY, /* groups named after layers, with weight_names */
  CNN_WEIGHTS_PATHS   /* Keras 3: layers/conv2d_1/vars/0 */
} CnnWeightsKind;

typedef struct
{
  CnnPart *part;
  int variable;
  char *dataset;
  CnnArray *array; /* its numbers, not loaded; NULL where the file has to be asked for them */
} CnnAssignment;

/* TRUE, and the kind, for a file of weights. */
gboolean cnn_weights_kind (CnnHdf5 *file, CnnWeightsKind *kind);
/* Which dataset is whose; shapes are checked, nothing is read. *reached (or NULL): how many fitted,
 * also on failure. GPtrArray of CnnAssignment*. */
GPtrArray *cnn_weights_assign (CnnPart *top, CnnHdf5 *file, CnnWeightsKind kind, guint *reached,
                               GError **error);
/* Gives the layers their weights; large ones that lie plainly in the file stay there until they are
 * loaded. */
gboolean cnn_weights_read (CnnHdf5 *file, GPtrArray *assignments, GError **error);
/* The layers that have variables, in Keras' order. GPtrArray of CnnPart*. */
GPtrArray *cnn_weights_parts (CnnPart *part);
/* How many layers of the outermost model the file has weights for; 0: not to be seen. */
guint cnn_weights_count (CnnHdf5 *file, CnnWeightsKind kind);
/* How many outputs the file's weights have for a model's last layer; 0: not to be seen. */
int cnn_weights_classes (CnnHdf5 *file, CnnWeightsKind kind, const char *layer_name,
                         const char *class_name);
/* Keras made the name up by counting, so that it means nothing in another file: "conv2d_4". */
gboolean cnn_is_counted_name (const char *name);

/* --- architectures.c --- */

typedef struct
{
  char *name; /* "mobilenet" */
  CnnPreprocess preprocess;
  int input_size;
} CnnArchitecture;

void cnn_architecture_free (CnnArchitecture *architecture);

/* A file on its way to a model. */
typedef struct
{
  const CnnReadRequest *request;
  CnnReading *reading; /* what is known of it so far */
  CnnPart *top;
  CnnArchitecture *known; /* that it is one of ours, or NULL */
  gboolean whole;         /* the file has its graph in it */
} CnnKerasOpening;

/* The model for a file of weights alone, by what the request says of its graph, or told by names
 * and shapes. `known` is set where it is one of ours. */
gboolean cnn_architecture_open (CnnKerasOpening *opening, CnnHdf5 *file, CnnWeightsKind kind,
                                GError **error);
/* FALSE, with the reason, where a model that is whole is not what the request says: it calls itself
 * otherwise, or lacks the layers. A head of its own is no matter. */
gboolean cnn_architecture_check (const CnnKerasOpening *opening, GError **error);
/* The one of that name, or whose name it begins with; NULL where none is known. Transfer full. */
CnnArchitecture *cnn_architecture_named (const char *name);
/* The architecture that a model says it is, by Keras' name of it: "mobilenet_0.25_224", "xception".
 * NULL where none is known. Transfer full. */
CnnArchitecture *cnn_architecture_of (const CnnPart *top);
/* "1", "2" or "3" at the start of a version; 0 for none. */
int cnn_keras_major (const char *version);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CnnKerasZip, cnn_keras_zip_clear)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnHdf5, cnn_hdf5_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnPart, cnn_part_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnArchitecture, cnn_architecture_free)

G_END_DECLS
