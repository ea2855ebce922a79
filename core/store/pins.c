/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json.h"
#include "regular.h"
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

/* { "mobilenet_1_0": "sha256:…", … }: one a line, so that install/get-weights.sh can read it. */

char *
cnn_pins_path (const char *folder)
{
  return g_build_filename (folder, "pins.json", NULL);
}

/* The pins, empty where there is no file. Transfer full. */
static JsonNode *
read_pins (const char *path, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (JsonNode) root = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      root = json_node_new (JSON_NODE_OBJECT);
      json_node_take_object (root, json_object_new ());
      return g_steal_pointer (&root);
    }
  root = cnn_json_read (path, &problem);
  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    return g_steal_pointer (&root);
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
               "the checksums of earlier downloads, \"%s\", cannot be read: %s", path,
               problem != NULL ? problem->message : "not a JSON object");
  return NULL;
}

gboolean
cnn_pins_get (const char *folder, const char *name, char **checksum, GError **error)
{
  g_autofree char *path = cnn_pins_path (folder);
  g_autoptr (JsonNode) root = read_pins (path, error);

  *checksum = NULL;
  if (root == NULL)
    return FALSE;
  *checksum = g_strdup (cnn_json_string (json_node_get_object (root), name));
  return TRUE;
}

static gboolean
is_plain (const char *text)
{
  for (; *text != '\0'; text++)
    if (g_ascii_iscntrl (*text))
      return FALSE;
  return TRUE;
}

/* The same pins anew: what is no text is none, and not everything that JSON can hold is read again
 * as it was written. Transfer full. */
static JsonNode *
copy_pins (JsonNode *root, const char *path, GError **error)
{
  g_autoptr (JsonNode) copy = json_node_new (JSON_NODE_OBJECT);
  JsonObject *pins = json_object_new ();
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_node_take_object (copy, pins);
  json_object_iter_init (&iter, json_node_get_object (root));
  while (json_object_iter_next (&iter, &name, &node))
    {
      const char *checksum = cnn_json_node_string (node);

      if (checksum == NULL)
        continue;
      if (!is_plain (name) || !is_plain (checksum))
        {
          g_autofree char *shown = cnn_text_from_file (name, strlen (name));

          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                       "the checksums of earlier downloads, \"%s\", hold for \"%s\" what is no "
                       "checksum; take that line out",
                       path, shown);
          return NULL;
        }
      json_object_set_string_member (pins, name, checksum);
    }
  return g_steal_pointer (&copy);
}

gboolean
cnn_pins_set (const char *folder, const char *name, const char *checksum, GError **error)
{
  g_autofree char *path = cnn_pins_path (folder), *text = NULL;
  g_autoptr (JsonNode) read = NULL, root = NULL;
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (GError) problem = NULL;
  gboolean written;
  int lock = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  /* Two downloads may end at the same moment. Where the folder cannot be locked, they seldom do. */
  if (lock >= 0)
    while (flock (lock, LOCK_EX) != 0 && errno == EINTR)
      ;
  read = read_pins (path, error);
  root = read != NULL ? copy_pins (read, path, error) : NULL;
  if (root == NULL)
    {
      if (lock >= 0)
        close (lock);
      return FALSE;
    }
  json_object_set_string_member (json_node_get_object (root), name, checksum);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  text = json_generator_to_data (generator, NULL);
  written =
      g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0666, &problem);
  if (lock >= 0)
    close (lock);
  if (!written)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot be written: %s", path,
                 problem->message);
  return written;
}
