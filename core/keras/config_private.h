/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "keras_private.h"

G_BEGIN_DECLS

/* One thing that a layer is called on. */
typedef struct
{
  const char *name;   /* a layer */
  int use, output;    /* which call of it, which of its outputs */
  JsonNode *constant; /* or a number, or nested lists of numbers */
} CnnOperand;

/* Appends the operands of one of a layer's inbound_nodes, in Keras 2's or Keras 3's form. */
gboolean cnn_operands_collect (JsonNode *node, GArray *operands);
/* Appends [layer, node, tensor]. */
gboolean cnn_operand_from_triple (JsonArray *array, GArray *operands);
/* An operator of a graph (x / 255) as a layer's class and config; NULL where no layer does the
 * same. Transfer full. */
JsonObject *cnn_operation_translate (const char *function, GArray *operands, int keras_major,
                                     const char **class_name);

G_END_DECLS
