/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the files of this room share. Messages name layers and datasets; the model's file is put
 * before them once, in cnn_network_open. */

#include "json.h"
#include "network.h"
#include "reader.h"
#include "store.h"

G_BEGIN_DECLS

/* A file on its way to a network. */
typedef struct
{
  const char *path;
  char *label;                     /* the file's name, for messages */
  JsonNode *sidecar;               /* <file>.json, an object, or NULL */
  const CnnStoreModel *registered; /* what the registry says of the file, or NULL */
  CnnReading reading;
} CnnNetworkOpening;

/* --- settle.c: what goes with the graph, each from the first that knows --- */

/* The sidecar's object, or NULL. */
JsonObject *cnn_network_sidecar (const CnnNetworkOpening *opening);
gboolean cnn_network_settle_preprocess (const CnnNetworkOpening *opening, CnnPreprocess option,
                                        CnnNetwork *network, GError **error);
gboolean cnn_network_settle_size (const CnnNetworkOpening *opening, CnnNetwork *network,
                                  GError **error);
/* file: the option's, or NULL. */
gboolean cnn_network_settle_labels (const CnnNetworkOpening *opening, const char *file,
                                    CnnNetwork *network, GError **error);

/* --- labels.c --- */

/* One label a line, or Keras' class index. Transfer full. */
GPtrArray *cnn_labels_read (const char *path, GError **error);
GPtrArray *cnn_labels_from_json (JsonNode *node);

G_END_DECLS
