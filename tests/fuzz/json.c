/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define MAX_BRACKETS 2000
#define MAX_NEST 700 /* readers refuse 512 */

/* Numbers that JSON can say and json-glib's nodes cannot; "@0" stands for the first. */
static const char *const extremes[] = { "0",
                                        "-1",
                                        "-0",
                                        "1",
                                        "2147483647",
                                        "-2147483648",
                                        "4294967296",
                                        "65536",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "18446744073709551616",
                                        "1e308",
                                        "1e999",
                                        "-1e999",
                                        "1e-400",
                                        "0.5",
                                        "3.0",
                                        "2147483648.0",
                                        "1e18",
                                        "null",
                                        "true",
                                        "\"\"",
                                        "\"None\"",
                                        "[]",
                                        "{}" };

/* A place in the tree: a member of an object, or an element of an array. */
typedef struct
{
  JsonNode *parent;
  const char *name; /* or NULL */
  guint index;
} Slot;

static void
collect (JsonNode *node, GArray *slots)
{
  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObjectIter iter;
      const char *name;
      JsonNode *child;

      json_object_iter_init (&iter, json_node_get_object (node));
      while (json_object_iter_next (&iter, &name, &child))
        {
          Slot slot = { node, g_intern_string (name), 0 };

          g_array_append_val (slots, slot);
          collect (child, slots);
        }
    }
  else if (JSON_NODE_HOLDS_ARRAY (node))
    for (guint i = 0; i < json_array_get_length (json_node_get_array (node)); i++)
      {
        Slot slot = { node, NULL, i };

        g_array_append_val (slots, slot);
        collect (json_array_get_element (json_node_get_array (node), i), slots);
      }
}

/* json_node_copy's objects and arrays are the same ones, of which a ring could be made. */
static JsonNode *
copy (JsonNode *node)
{
  JsonNode *result;

  if (JSON_NODE_HOLDS_OBJECT (node))
    {
      JsonObjectIter iter;
      const char *name;
      JsonNode *child;

      result = json_node_new (JSON_NODE_OBJECT);
      json_node_take_object (result, json_object_new ());
      json_object_iter_init (&iter, json_node_get_object (node));
      while (json_object_iter_next (&iter, &name, &child))
        json_object_set_member (json_node_get_object (result), name, copy (child));
      return result;
    }
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return json_node_copy (node);
  result = json_node_new (JSON_NODE_ARRAY);
  json_node_take_array (result, json_array_new ());
  for (guint i = 0; i < json_array_get_length (json_node_get_array (node)); i++)
    json_array_add_element (json_node_get_array (result),
                            copy (json_array_get_element (json_node_get_array (node), i)));
  return result;
}

static JsonNode *
get (const Slot *slot)
{
  return slot->name != NULL
             ? json_object_get_member (json_node_get_object (slot->parent), slot->name)
             : json_array_get_element (json_node_get_array (slot->parent), slot->index);
}

/* Takes the node. */
static void
set (const Slot *slot, JsonNode *node)
{
  JsonArray *array;

  if (slot->name != NULL)
    {
      json_object_set_member (json_node_get_object (slot->parent), slot->name, node);
      return;
    }
  array = json_node_get_array (slot->parent);
  json_array_remove_element (array, slot->index);
  json_array_add_element (array, node);
  for (guint i = slot->index; i + 1 < json_array_get_length (array); i++)
    {
      JsonNode *first = copy (json_array_get_element (array, slot->index));

      json_array_remove_element (array, slot->index);
      json_array_add_element (array, first);
    }
}

static void
drop (const Slot *slot)
{
  if (slot->name != NULL)
    json_object_remove_member (json_node_get_object (slot->parent), slot->name);
  else
    json_array_remove_element (json_node_get_array (slot->parent), slot->index);
}

/* The node within arrays or objects of it alone. Takes the node. */
static JsonNode *
nest (JsonNode *node, guint levels, gboolean objects)
{
  while (levels-- > 0)
    {
      JsonNode *outer = json_node_new (objects ? JSON_NODE_OBJECT : JSON_NODE_ARRAY);

      if (objects)
        {
          json_node_take_object (outer, json_object_new ());
          json_object_set_member (json_node_get_object (outer), "config", node);
        }
      else
        {
          json_node_take_array (outer, json_array_new ());
          json_array_add_element (json_node_get_array (outer), node);
        }
      node = outer;
    }
  return node;
}

static JsonNode *
extreme (GRand *random)
{
  JsonNode *node = json_node_new (JSON_NODE_VALUE);
  g_autofree char *text =
      g_strdup_printf ("@%d@", g_rand_int_range (random, 0, (int) G_N_ELEMENTS (extremes)));

  json_node_set_string (node, text);
  return node;
}

static void
change (GArray *slots, GRand *random)
{
  const Slot *here = &g_array_index (slots, Slot, g_rand_int_range (random, 0, (int) slots->len));
  const Slot *there = &g_array_index (slots, Slot, g_rand_int_range (random, 0, (int) slots->len));
  JsonNode *node = get (here), *other = get (there);

  if (node == NULL || other == NULL)
    return;
  switch (g_rand_int_range (random, 0, 10))
    {
    case 0: /* swap; where one is within the other, both are the old ones */
      node = copy (node);
      other = copy (other);
      set (here, other);
      if (here->parent == there->parent)
        set (there, node);
      else
        json_node_unref (node);
      break;
    case 1:
      set (here, copy (other));
      break;
    case 2:
      drop (here);
      break;
    case 3: /* twice */
      if (here->name == NULL)
        json_array_add_element (json_node_get_array (here->parent), copy (node));
      else
        json_object_set_member (json_node_get_object (here->parent),
                                there->name != NULL ? there->name : "name", copy (node));
      break;
    case 4:
      set (here,
           nest (copy (node), g_rand_boolean (random) ? 1 : g_rand_int_range (random, 1, MAX_NEST),
                 g_rand_boolean (random)));
      break;
    case 5: /* a name, a class or a value of the same kind from elsewhere */
      for (int i = 0; i < 50; i++)
        {
          JsonNode *alike =
              get (&g_array_index (slots, Slot, g_rand_int_range (random, 0, (int) slots->len)));

          if (alike != NULL && json_node_get_node_type (alike) == json_node_get_node_type (node)
              && json_node_get_value_type (alike) == json_node_get_value_type (node))
            {
              set (here, copy (alike));
              break;
            }
        }
      break;
    default:
      set (here, extreme (random));
    }
}

static char *
mutated (const char *text, gsize length, GRand *random)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GString) result = NULL;
  JsonNode *root;
  char *generated;

  if (!json_parser_load_from_data (parser, text, (gssize) length, NULL)
      || (root = json_parser_get_root (parser)) == NULL)
    return NULL;
  for (int n = g_rand_int_range (random, 1, 4); n > 0; n--)
    {
      /* Each change may have taken away what another stood in. */
      g_autoptr (GArray) slots = g_array_new (FALSE, FALSE, sizeof (Slot));

      collect (root, slots);
      if (slots->len == 0)
        break;
      change (slots, random);
    }
  generated = json_to_string (root, FALSE);
  result = g_string_new (generated);
  g_free (generated);
  for (guint i = 0; i < G_N_ELEMENTS (extremes); i++)
    {
      g_autofree char *mark = g_strdup_printf ("\"@%u@\"", i);

      g_string_replace (result, mark, extremes[i], 0);
    }
  return g_string_free (g_steal_pointer (&result), FALSE);
}

/* The library's own parser recurses; what is deep is for the reader, not for us. */
static gboolean
is_flat (const uint8_t *data, size_t size)
{
  guint brackets = 0;

  for (size_t i = 0; i < size; i++)
    brackets += data[i] == '[' || data[i] == '{';
  return brackets <= MAX_BRACKETS && g_utf8_validate_len ((const char *) data, size, NULL);
}

size_t
fuzz_mutate_json (uint8_t *data, size_t size, size_t most, unsigned seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  g_autofree char *text = NULL;
  gsize length;

  if (g_rand_int_range (random, 0, 8) != 0 && is_flat (data, size))
    text = mutated ((const char *) data, size, random);
  length = text != NULL ? strlen (text) : 0;
  if (text == NULL || length > most)
    return LLVMFuzzerMutate (data, size, most);
  memcpy (data, text, length);
  return length;
}
