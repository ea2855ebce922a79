/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The one door for JSON from others: models' configs, sidecars, labels, the registry, pins. Nobody
 * else calls json-glib's parser (tests/test-walls.sh), which recurses, and takes more than JSON. */

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The largest config of keras.applications is about 2 MB, nested 20 deep. */
#define CNN_JSON_MAX_LENGTH (16 * 1024 * 1024)
#define CNN_JSON_MAX_DEPTH 512
#define CNN_JSON_MAX_VALUES (2 * 1000 * 1000)

/* Parses a text that is JSON exactly as RFC 8259 has it, in UTF-8, within the limits above; a byte
 * order mark before it is skipped, half a surrogate pair is refused. `what` names it in messages.
 * Can be cancelled (cnn_cancelled). CNN_ERROR_FILE; transfer full. */
JsonNode *cnn_json_parse (const char *text, gsize length, const char *what, GError **error);
/* The same for a regular file, gzipped where its name ends in .gz. Transfer full. */
JsonNode *cnn_json_read (const char *path, GError **error);

/* A member if it is there and of that kind, else NULL. Transfer none. */
JsonNode *cnn_json_member (JsonObject *object, const char *name);
JsonObject *cnn_json_object (JsonObject *object, const char *name);
JsonArray *cnn_json_array (JsonObject *object, const char *name);
const char *cnn_json_string (JsonObject *object, const char *name);
const char *cnn_json_node_string (JsonNode *node);
gboolean cnn_json_is_number (JsonNode *node);
gboolean cnn_json_is_null (JsonNode *node);
/* A whole number, also one that is written 3.0. */
gboolean cnn_json_integer (JsonNode *node, gint64 *value);

G_END_DECLS
