/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "weights_private.h"

/* Keras 3 stores the k-th layer of a class, counted within its model, under the class's name and k.
 * A layer that is called conv2d may well lie in conv2d_1. */

typedef struct
{
  CnnHdf5 *file;
  GPtrArray *assignments;
  GHashTable *shared; /* shared_object_id → where that object's weights are */
} PathWalk;

char *
cnn_snake_case (const char *class_name)
{
  GString *snake = g_string_new (NULL);

  /* a capital begins a word after a small letter, and where a small letter follows it; Conv2D stays
   * one word */
  for (const char *c = class_name; *c != '\0'; c++)
    {
      gboolean capital = g_ascii_isupper (*c);

      if (!g_ascii_isalnum (*c) && *c != '_')
        continue;
      if (capital && c != class_name && (g_ascii_islower (c[-1]) || g_ascii_islower (c[1])))
        g_string_append_c (snake, '_');
      g_string_append_c (snake, g_ascii_tolower (*c));
    }
  return g_string_free (snake, FALSE);
}

static gboolean
has_weights (CnnPart *part)
{
  g_autoptr (GPtrArray) weighted = cnn_weights_parts (part);

  return weighted->len > 0;
}

/* The name that the writer left with a layer's variables, or NULL. */
static char *
noted_name (PathWalk *walk, const char *group)
{
  g_autofree char *variables = g_strdup_printf ("%s/vars", group);

  return cnn_hdf5_text (walk->file, variables, "name");
}

static gboolean
holds_variables (PathWalk *walk, const char *group)
{
  static const char *const insides[] = { "vars/0", "layers", "_layer_checkpoint_dependencies" };

  for (guint i = 0; i < G_N_ELEMENTS (insides); i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%s", group, insides[i]);

      if (cnn_hdf5_has (walk->file, path))
        return TRUE;
    }
  return FALSE;
}

/* Fills `paths` with the group of each weighted part: by class and count. FALSE where one is not
 * there or notes another layer's name. */
static gboolean
place_by_count (PathWalk *walk, const CnnPart *model, const char *base, GHashTable *paths)
{
  g_autoptr (GHashTable) counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean sure = TRUE;

  for (guint i = 0; i < model->parts->len && !cnn_cancelled (NULL); i++)
    {
      CnnPart *part = g_ptr_array_index (model->parts, i);
      g_autofree char *snake = cnn_snake_case (part->class_name), *path = NULL, *noted = NULL;
      int k = GPOINTER_TO_INT (g_hash_table_lookup (counts, snake));

      path = k > 0 ? g_strdup_printf ("%s/%s_%d", base, snake, k)
                   : g_strdup_printf ("%s/%s", base, snake);
      g_hash_table_insert (counts, g_steal_pointer (&snake), GINT_TO_POINTER (k + 1));
      if (!has_weights (part))
        continue;
      noted = noted_name (walk, path);
      sure &= holds_variables (walk, path) && (noted == NULL || strcmp (noted, part->name) == 0);
      g_hash_table_insert (paths, part, g_steal_pointer (&path));
    }
  return sure;
}

/* By the noted names, if all weighted parts are found so. */
static gboolean
place_by_name (PathWalk *walk, const CnnPart *model, const char *base, GHashTable *paths)
{
  g_autoptr (GHashTable) groups = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_auto (GStrv) children = cnn_hdf5_children (walk->file, base);

  for (int i = 0; children[i] != NULL && !cnn_cancelled (NULL); i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%s", base, children[i]);
      char *noted = noted_name (walk, path);

      if (noted != NULL)
        g_hash_table_insert (groups, noted, g_steal_pointer (&path));
    }
  for (guint i = 0; i < model->parts->len && !cnn_cancelled (NULL); i++)
    {
      CnnPart *part = g_ptr_array_index (model->parts, i);
      const char *path = g_hash_table_lookup (groups, part->name);

      if (!has_weights (part))
        continue;
      if (path == NULL || !holds_variables (walk, path))
        return FALSE;
      g_hash_table_insert (paths, part, g_strdup (path));
    }
  return TRUE;
}

static gboolean
all_there (PathWalk *walk, GHashTable *paths)
{
  GHashTableIter iter;
  gpointer path;

  g_hash_table_iter_init (&iter, paths);
  while (g_hash_table_iter_next (&iter, NULL, &path))
    if (!holds_variables (walk, path))
      return FALSE;
  return TRUE;
}

/* Older versions counted some layers twice: the k-th group of a class that holds anything belongs
 * to the k-th layer of the class that needs anything. */
static gboolean
place_by_rank (PathWalk *walk, const CnnPart *model, const char *base, GHashTable *paths)
{
  g_auto (GStrv) children = cnn_hdf5_children (walk->file, base);
  g_autoptr (GHashTable) next = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < model->parts->len && !cnn_cancelled (NULL); i++)
    {
      CnnPart *part = g_ptr_array_index (model->parts, i);
      g_autofree char *snake = cnn_snake_case (part->class_name), *found = NULL;
      int at;

      if (!has_weights (part))
        continue;
      for (at = GPOINTER_TO_INT (g_hash_table_lookup (next, snake));
           children[at] != NULL && found == NULL; at++)
        {
          gsize length = strlen (snake);
          g_autofree char *path = g_strdup_printf ("%s/%s", base, children[at]);

          if (g_str_has_prefix (children[at], snake)
              && (children[at][length] == '\0'
                  || (children[at][length] == '_' && g_ascii_isdigit (children[at][length + 1])))
              && holds_variables (walk, path))
            found = g_steal_pointer (&path);
        }
      if (found == NULL)
        return FALSE;
      g_hash_table_insert (next, g_steal_pointer (&snake), GINT_TO_POINTER (at));
      g_hash_table_insert (paths, part, g_steal_pointer (&found));
    }
  return TRUE;
}

static gboolean
assign_layer (PathWalk *walk, CnnPart *part, const char *group, GError **error)
{
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];
  int n = cnn_part_specs (part, specs);

  for (int i = 0; i <= n; i++)
    {
      g_autofree char *dataset = g_strdup_printf ("%s/vars/%d", group, i);
      gboolean there = cnn_hdf5_has (walk->file, dataset);

      if (i == n && there)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                       "layer \"%s\": it has %d variables, the file has more (\"%s\")", part->path,
                       n, dataset);
          return FALSE;
        }
      if (i == n || (!there && cnn_spec_is_optional (&specs[i])))
        continue;
      if (!there && !cnn_hdf5_is_group (walk->file, group))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                       "layer \"%s\": the file has no weights for it (\"%s\")", part->path, group);
          return FALSE;
        }
      if (!cnn_assign (walk->assignments, walk->file, part, i, &specs[i], dataset, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
assign_model (PathWalk *walk, CnnPart *model, const char *group, GError **error)
{
  g_autoptr (GHashTable) paths = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autoptr (GHashTable) others = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  g_autofree char *new_base = g_strdup_printf ("%s%slayers", group, group[0] != '\0' ? "/" : "");
  g_autofree char *old_base =
      g_strdup_printf ("%s%s_layer_checkpoint_dependencies", group, group[0] != '\0' ? "/" : "");
  const char *base = cnn_hdf5_is_group (walk->file, new_base) ? new_base : old_base;
  gboolean sure = place_by_count (walk, model, base, paths);

  if (!sure && place_by_name (walk, model, base, others))
    {
      g_hash_table_unref (paths);
      paths = g_steal_pointer (&others);
    }
  else if (!sure && !all_there (walk, paths))
    {
      g_hash_table_remove_all (others);
      if (place_by_rank (walk, model, base, others))
        {
          g_hash_table_unref (paths);
          paths = g_steal_pointer (&others);
        }
    }

  for (guint i = 0; i < model->parts->len && !cnn_cancelled (NULL); i++)
    {
      CnnPart *part = g_ptr_array_index (model->parts, i);
      const char *path = g_hash_table_lookup (paths, part), *first;

      if (path == NULL)
        continue;
      /* an object that the model holds twice is stored where it comes first */
      first = part->shared_id != 0 ? g_hash_table_lookup (walk->shared, &part->shared_id) : NULL;
      if (first != NULL && !holds_variables (walk, path))
        path = first;
      else if (part->shared_id != 0)
        g_hash_table_insert (walk->shared, &part->shared_id, g_strdup (path));
      if (!(part->layer != NULL ? assign_layer (walk, part, path, error)
                                : assign_model (walk, part, path, error)))
        return FALSE;
    }
  return TRUE;
}

gboolean
cnn_weights_assign_paths (CnnPart *top, CnnHdf5 *file, GPtrArray *assignments, GError **error)
{
  g_autoptr (GHashTable) shared = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  PathWalk walk = { file, assignments, shared };

  return assign_model (&walk, top, "", error);
}
