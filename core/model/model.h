/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* A graph of layers, nested models written out flat. A node is one use of a layer; its value is one
 * tensor. A layer with an activation makes two nodes, the second of them the visible one, so that
 * the value before the activation has an address too (logits, sleeping filters). */

#include "layer.h"

G_BEGIN_DECLS

typedef struct
{
  CnnLayer *layer;
  CnnLayer *shown;  /* the layer that Keras' name means: where `layer` is the activation of a split
                     * one, the whole of it */
  char *name;       /* Keras' name with its outer models', "#2" for a layer's second use */
  gboolean visible; /* FALSE for the value before an activation */
  int *inputs;      /* nodes */
  int n_inputs;
  CnnShape shape; /* for the model's own input size; 0 where that is open */
} CnnNode;

typedef struct _CnnModel
{
  GPtrArray *nodes; /* CnnNode*, every input before its user */
  int input;        /* the node that takes the picture */
  int output;       /* the node of the prediction */
  char *file;       /* for messages */
} CnnModel;

CnnModel *cnn_model_new (const char *file);
void cnn_model_free (CnnModel *model);

/* Adds a use of `layer` on the values of `inputs`, and of its activation where it has one. Gives
 * the node of the final value, or -1: shapes do not fit, no such input. Takes a reference to the
 * layer. */
int cnn_model_add (CnnModel *model, CnnLayer *layer, const char *name, const int *inputs,
                   int n_inputs, GError **error);
/* To be called last: checks that input and output are set and connected. */
gboolean cnn_model_finish (CnnModel *model, int input, int output, GError **error);

CnnNode *cnn_model_node (const CnnModel *model, int index);
int cnn_model_count (const CnnModel *model);
/* The visible node of a name as COMMANDS has it: a full name "outer/inner", an inner name where
 * unique, "name#2", or "input". -1 and CNN_ERROR_ARGUMENT (with near names) where there is none or
 * more than one. */
int cnn_model_find (const CnnModel *model, const char *name, GError **error);
/* The node whose value is node's before its activation: of a split layer the hidden part, of an
 * Activation or Softmax layer its input; else the node itself. */
int cnn_model_before_activation (const CnnModel *model, int node);
/* Shapes of every node for an input of this size, as a new array of cnn_model_count shapes. */
CnnShape *cnn_model_shapes (const CnnModel *model, const CnnShape *input, GError **error);
/* The same for a part of the model: the nodes that lead from `start`, whose value has the shape
 * `value` whatever the model's own size, to those of `ends`. Others stay all 0. */
CnnShape *cnn_model_part_shapes (const CnnModel *model, int start, const CnnShape *value,
                                 const int *ends, int n_ends, GError **error);
/* Trained numbers of a layer, and of the model with shared layers counted once. */
gsize cnn_layer_parameters (const CnnLayer *layer);
gsize cnn_model_parameters (const CnnModel *model);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnModel, cnn_model_free)

G_END_DECLS
