/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json.h"

#include "check.h"
#include "error.h"
#include "progress.h"
#include "regular.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

/* So much takes json-glib a moment that nobody notices. */
#define SMALL (256 * 1024)
#define PIECE (64 * 1024)
#define LOOK_AGAIN (20 * 1000) /* microseconds */

/* --- Parsing --- */

/* json-glib cannot be stopped: whoever waits for a long text and has been cancelled leaves it to
 * its thread, which frees all in the end. */
typedef struct
{
  GMutex lock;
  GCond changed;
  gboolean done;
  char *text;
  gsize length;
  JsonNode *root;
  char *problem;
} Parsing;

static void
parsing_clear (gpointer data)
{
  Parsing *parsing = data;

  g_mutex_clear (&parsing->lock);
  g_cond_clear (&parsing->changed);
  g_free (parsing->text);
  g_clear_pointer (&parsing->root, json_node_unref);
  g_free (parsing->problem);
}

static void
parsing_unref (Parsing *parsing)
{
  g_atomic_rc_box_release_full (parsing, parsing_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Parsing, parsing_unref)

static JsonNode *
parse (const char *text, gsize length, char **problem)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;

  if (json_parser_load_from_data (parser, text, (gssize) length, &error))
    return json_parser_steal_root (parser);
  *problem = g_strdup (error->message);
  return NULL;
}

static gpointer
parse_apart (gpointer data)
{
  g_autoptr (Parsing) parsing = data;
  char *problem = NULL;
  JsonNode *root = parse (parsing->text, parsing->length, &problem);

  g_mutex_lock (&parsing->lock);
  parsing->root = root;
  parsing->problem = problem;
  parsing->done = TRUE;
  g_cond_signal (&parsing->changed);
  g_mutex_unlock (&parsing->lock);
  return NULL;
}

/* NULL without a problem: cancelled. */
static JsonNode *
parse_and_wait (const char *text, gsize length, char **problem)
{
  g_autoptr (Parsing) parsing = g_atomic_rc_box_new0 (Parsing);
  GThread *thread;
  JsonNode *root;

  g_mutex_init (&parsing->lock);
  g_cond_init (&parsing->changed);
  parsing->text = g_strndup (text, length);
  parsing->length = length;
  thread = g_thread_try_new ("json", parse_apart, g_atomic_rc_box_acquire (parsing), NULL);
  if (thread == NULL)
    {
      parsing_unref (parsing);
      return parse (text, length, problem);
    }
  g_thread_unref (thread);
  g_mutex_lock (&parsing->lock);
  while (!parsing->done && !cnn_cancelled (NULL))
    g_cond_wait_until (&parsing->changed, &parsing->lock, g_get_monotonic_time () + LOOK_AGAIN);
  root = g_steal_pointer (&parsing->root);
  *problem = g_steal_pointer (&parsing->problem);
  g_mutex_unlock (&parsing->lock);
  return root;
}

JsonNode *
cnn_json_parse (const char *text, gsize length, const char *what, GError **error)
{
  static const char mark[] = "\xef\xbb\xbf";
  g_autofree char *problem = NULL;
  JsonNode *root;

  if (length > CNN_JSON_MAX_LENGTH)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "%s is too long for a model's JSON: %" G_GSIZE_FORMAT " bytes, at most %d", what,
                   length, CNN_JSON_MAX_LENGTH);
      return NULL;
    }
  if (length >= 3 && memcmp (text, mark, 3) == 0)
    {
      text += 3;
      length -= 3;
    }
  if (length > 0 && !g_utf8_validate_len (text, length, NULL))
    problem = g_strdup ("is not sound JSON: it is not UTF-8");
  else
    problem = cnn_json_check (text, length);
  if (problem != NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s %s", what, problem);
      return NULL;
    }
  root = length > SMALL && g_cancellable_get_current () != NULL
             ? parse_and_wait (text, length, &problem)
             : parse (text, length, &problem);
  if (root == NULL && !cnn_cancelled (error))
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is not sound JSON: %s", what,
                 problem != NULL ? problem : "nothing comes of it");
  return root;
}

/* GLib's own decompressor ends the program where zlib gets no memory. NULL: damaged, or that. */
static char *
unpack (const char *bytes, gsize length, gsize *unpacked)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree Bytef *piece = g_malloc (PIECE);
  z_stream stream = { .next_in = (Bytef *) bytes, .avail_in = (uInt) length };
  int state = inflateInit2 (&stream, 16 + MAX_WBITS); /* of gzip */

  if (state != Z_OK)
    return NULL;
  while (state == Z_OK && text->len <= CNN_JSON_MAX_LENGTH && !cnn_cancelled (NULL))
    {
      stream.next_out = piece;
      stream.avail_out = PIECE;
      state = inflate (&stream, Z_NO_FLUSH);
      g_string_append_len (text, (const char *) piece, PIECE - stream.avail_out);
    }
  inflateEnd (&stream);
  if (state != Z_STREAM_END && state != Z_OK)
    return NULL;
  *unpacked = text->len;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

JsonNode *
cnn_json_read (const char *path, GError **error)
{
  g_autofree char *bytes = NULL, *text = NULL, *label = g_filename_display_basename (path);
  gsize length;

  bytes = cnn_regular_read (path, CNN_JSON_MAX_LENGTH, &length, error);
  if (bytes == NULL)
    return NULL;
  if (!g_str_has_suffix (path, ".gz"))
    return cnn_json_parse (bytes, length, label, error);
  text = unpack (bytes, length, &length);
  if (text == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "%s is damaged, or there is no memory to unpack it", label);
      return NULL;
    }
  return cnn_json_parse (text, length, label, error);
}

/* --- Members --- */

JsonNode *
cnn_json_member (JsonObject *object, const char *name)
{
  return object != NULL ? json_object_get_member (object, name) : NULL;
}

JsonObject *
cnn_json_object (JsonObject *object, const char *name)
{
  JsonNode *node = cnn_json_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonArray *
cnn_json_array (JsonObject *object, const char *name)
{
  JsonNode *node = cnn_json_member (object, name);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

const char *
cnn_json_node_string (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
                 && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

const char *
cnn_json_string (JsonObject *object, const char *name)
{
  return cnn_json_node_string (cnn_json_member (object, name));
}

gboolean
cnn_json_is_null (JsonNode *node)
{
  return node == NULL || JSON_NODE_HOLDS_NULL (node);
}

gboolean
cnn_json_is_number (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
         && (json_node_get_value_type (node) == G_TYPE_INT64
             || json_node_get_value_type (node) == G_TYPE_DOUBLE);
}

gboolean
cnn_json_integer (JsonNode *node, gint64 *value)
{
  double real;

  if (!cnn_json_is_number (node))
    return FALSE;
  if (json_node_get_value_type (node) == G_TYPE_INT64)
    {
      *value = json_node_get_int (node);
      return TRUE;
    }
  real = json_node_get_double (node);
  if (!(fabs (real) < 1e15) || real != floor (real))
    return FALSE;
  *value = (gint64) real;
  return TRUE;
}
