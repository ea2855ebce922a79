/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "weights_private.h"

#include <math.h>

int
cnn_part_specs (const CnnPart *part, CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  memset (specs, 0, CNN_MAX_WEIGHTS * sizeof *specs);
  if (part->layer == NULL || part->shapes == NULL || part->layer->klass->weight_specs == NULL)
    return 0;
  return part->layer->klass->weight_specs (part->layer, part->shapes, specs);
}

gboolean
cnn_spec_is_optional (const CnnWeightSpec *spec)
{
  return strcmp (spec->name, "count") == 0;
}

static void
collect_parts (CnnPart *part, GPtrArray *found)
{
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];

  if (cnn_part_specs (part, specs) > 0)
    g_ptr_array_add (found, part);
  for (guint i = 0; part->parts != NULL && i < part->parts->len; i++)
    collect_parts (g_ptr_array_index (part->parts, i), found);
}

GPtrArray *
cnn_weights_parts (CnnPart *part)
{
  GPtrArray *found = g_ptr_array_new ();

  collect_parts (part, found);
  return found;
}

static void
assignment_free (gpointer data)
{
  CnnAssignment *assignment = data;

  g_free (assignment->dataset);
  cnn_array_unref (assignment->array);
  g_free (assignment);
}

static gboolean
misfit (const CnnPart *part, const CnnWeightSpec *spec, int rank, const gint64 *dims,
        const char *dataset, GError **error)
{
  g_autofree char *wanted = cnn_dims_to_string (spec->rank, spec->dims);
  g_autofree char *found = cnn_dims_to_string (rank, dims);
  gboolean convolution = (part->layer->klass->flags & CNN_LAYER_CONVOLUTION) != 0;

  if (convolution && rank == 4 && spec->rank == 4 && spec->dims[0] == dims[0]
      && spec->dims[1] == dims[1] && spec->dims[2] != dims[2])
    g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                 "layer \"%s\": %s %" G_GINT64_FORMAT "×%" G_GINT64_FORMAT
                 " needs %" G_GINT64_FORMAT " input channels, the weights have %" G_GINT64_FORMAT,
                 part->path, spec->name, dims[0], dims[1], spec->dims[2], dims[2]);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                 "layer \"%s\": its %s should be %s, the weights (\"%s\") are %s", part->path,
                 spec->name, wanted, dataset, found);
  return FALSE;
}

gboolean
cnn_assign (GPtrArray *assignments, CnnHdf5 *file, CnnPart *part, int variable,
            const CnnWeightSpec *spec, const char *dataset, GError **error)
{
  gint64 dims[CNN_MAX_RANK] = { 0 };
  g_autoptr (CnnArray) array = NULL;
  CnnAssignment *assignment;
  int rank;

  if (!cnn_hdf5_find (file, dataset, part->path, &rank, dims, &array, error))
    {
      g_prefix_error (error, "layer \"%s\": ", part->path);
      return FALSE;
    }
  if (rank != spec->rank)
    return misfit (part, spec, rank, dims, dataset, error);
  for (int i = 0; i < rank; i++)
    if (spec->dims[i] != 0 && spec->dims[i] != dims[i])
      return misfit (part, spec, rank, dims, dataset, error);
  assignment = g_new0 (CnnAssignment, 1);
  assignment->part = part;
  assignment->variable = variable;
  assignment->dataset = g_strdup (dataset);
  assignment->array = g_steal_pointer (&array);
  g_ptr_array_add (assignments, assignment);
  return TRUE;
}

/* --- legacy files: a group for each layer of the outermost model --- */

typedef struct
{
  char *name, *path;
  GStrv datasets; /* full paths, in Keras' order */
  int n;
} Group;

static void
group_free (gpointer data)
{
  Group *group = data;

  g_free (group->name);
  g_free (group->path);
  g_strfreev (group->datasets);
  g_free (group);
}

static const char *
legacy_root (CnnHdf5 *file)
{
  return cnn_hdf5_is_group (file, "model_weights") ? "model_weights" : "";
}

/* Random layers keep the state of their generator among the weights. */
static gboolean
is_generator (const char *weight)
{
  return strstr (weight, "StateVar") != NULL || strstr (weight, "seed_generator") != NULL;
}

static Group *
read_group (CnnHdf5 *file, const char *name, GError **error)
{
  g_autofree char *path = g_strdup_printf ("%s/%s", legacy_root (file), name);
  g_auto (GStrv) weights = NULL;
  GPtrArray *datasets;
  Group *group;

  if (!cnn_hdf5_strings (file, path, "weight_names", &weights, error))
    return NULL;
  datasets = g_ptr_array_new ();
  for (int i = 0; weights != NULL && weights[i] != NULL; i++)
    if (!is_generator (weights[i]))
      g_ptr_array_add (datasets,
                       g_strdup_printf ("%s/%s", path[0] == '/' ? path + 1 : path, weights[i]));
  group = g_new0 (Group, 1);
  group->name = g_strdup (name);
  group->path = g_steal_pointer (&path);
  group->n = (int) datasets->len;
  g_ptr_array_add (datasets, NULL);
  group->datasets = (GStrv) g_ptr_array_free (datasets, FALSE);
  return group;
}

/* The groups that hold something. */
static GPtrArray *
read_groups (CnnHdf5 *file, GError **error)
{
  g_autoptr (GPtrArray) groups = g_ptr_array_new_with_free_func (group_free);
  g_auto (GStrv) names = NULL;

  if (!cnn_hdf5_strings (file, legacy_root (file), "layer_names", &names, error))
    return NULL;
  if (names == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "\"%s\" has no attribute layer_names",
                   legacy_root (file));
      return NULL;
    }
  for (int i = 0; names[i] != NULL && !cnn_cancelled (NULL); i++)
    {
      Group *group = read_group (file, names[i], error);

      if (group == NULL)
        return NULL;
      if (group->n > 0)
        g_ptr_array_add (groups, group);
      else
        group_free (group);
    }
  return g_steal_pointer (&groups);
}

gboolean
cnn_is_counted_name (const char *name)
{
  static GHashTable *stems = NULL;
  g_autofree char *stem = g_strdup (name);
  gsize length = strlen (stem);

  if (stems == NULL)
    {
      stems = g_hash_table_new (g_str_hash, g_str_equal);
      for (const CnnLayerClass *const *klass = cnn_layer_classes (); *klass != NULL; klass++)
        g_hash_table_add (stems, cnn_snake_case ((*klass)->name));
      g_hash_table_add (stems, "sequential");
      g_hash_table_add (stems, "model");
      g_hash_table_add (stems, "functional");
    }
  while (length > 0 && g_ascii_isdigit (stem[length - 1]))
    length--;
  if (length > 0 && stem[length] != '\0' && stem[length - 1] == '_')
    stem[length - 1] = '\0';
  return g_hash_table_contains (stems, stem);
}

/* Every weighted part of the outermost model with its group: by name where both have the same names
 * or the name is a person's; what is left, by order, as Keras does it. */
static gboolean
pair_groups (GPtrArray *parts, GPtrArray *groups, GError **error)
{
  g_autoptr (GHashTable) by_name = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) paired = g_ptr_array_new ();
  gboolean same = parts->len == groups->len;
  guint next = 0;

  for (guint i = 0; i < groups->len; i++)
    {
      Group *group = g_ptr_array_index (groups, i);

      g_hash_table_insert (by_name, group->name, group);
    }
  for (guint i = 0; same && i < parts->len; i++)
    same = g_hash_table_contains (by_name, ((CnnPart *) g_ptr_array_index (parts, i))->name);
  for (guint i = 0; i < parts->len; i++)
    {
      const char *name = ((CnnPart *) g_ptr_array_index (parts, i))->name;
      Group *group = g_hash_table_lookup (by_name, name);

      if (!same && (group == NULL || cnn_is_counted_name (name)))
        group = NULL;
      else
        g_hash_table_remove (by_name, name);
      g_ptr_array_add (paired, group);
    }
  for (guint i = 0; i < parts->len; i++)
    {
      while (paired->pdata[i] == NULL && next < groups->len)
        {
          Group *group = g_ptr_array_index (groups, next++);

          if (g_hash_table_lookup (by_name, group->name) == group)
            paired->pdata[i] = group;
        }
      if (paired->pdata[i] == NULL)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                       "layer \"%s\": the file has no weights for it",
                       ((CnnPart *) g_ptr_array_index (parts, i))->path);
          return FALSE;
        }
    }
  if (groups->len > parts->len)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                   "the file has weights for %u layers, the model has %u with weights", groups->len,
                   parts->len);
      return FALSE;
    }
  g_ptr_array_set_free_func (groups, NULL);
  for (guint i = 0; i < parts->len; i++)
    groups->pdata[i] = paired->pdata[i];
  g_ptr_array_set_free_func (groups, group_free);
  return TRUE;
}

/* One variable of a part that waits for its dataset. */
typedef struct
{
  CnnPart *part;
  int variable;
  CnnWeightSpec spec;
  const char *dataset;
} Slot;

/* How many of the last names of a weight's path are a layer's: "inner/conv/kernel:0" and
 * "middle/inner/conv" have two. */
static int
common_end (char **names, int n, const char *layer_path)
{
  g_auto (GStrv) layer = g_strsplit (layer_path, "/", -1);
  int m = (int) g_strv_length (layer), common = 0;

  while (common < n && common < m && strcmp (names[n - 1 - common], layer[m - 1 - common]) == 0)
    common++;
  return common;
}

static CnnPart *
owner (GHashTable *leaves, const char *dataset)
{
  g_auto (GStrv) names = g_strsplit (dataset, "/", -1);
  int n = (int) g_strv_length (names) - 1, best = 0;
  GPtrArray *candidates = n > 0 ? g_hash_table_lookup (leaves, names[n - 1]) : NULL;
  CnnPart *found = NULL;

  for (guint i = 0; candidates != NULL && i < candidates->len; i++)
    {
      CnnPart *part = g_ptr_array_index (candidates, i);
      int common = common_end (names, n, part->path);

      if (common == best)
        found = NULL;
      else if (common > best)
        {
          best = common;
          found = part;
        }
    }
  return found;
}

/* The weights' own paths name the layers of a nested model. */
static gboolean
fill_by_path (GArray *slots, GPtrArray *parts, const Group *group)
{
  g_autoptr (GHashTable) leaves =
      g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) g_ptr_array_unref);
  g_autoptr (GHashTable) first = g_hash_table_new (NULL, NULL),
                         filled = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < parts->len; i++)
    {
      CnnPart *part = g_ptr_array_index (parts, i);
      GPtrArray *namesakes = g_hash_table_lookup (leaves, part->name);

      if (namesakes == NULL)
        g_hash_table_insert (leaves, part->name, namesakes = g_ptr_array_new ());
      g_ptr_array_add (namesakes, part);
    }
  for (guint i = slots->len; i-- > 0;)
    g_hash_table_insert (first, g_array_index (slots, Slot, i).part, GUINT_TO_POINTER (i));
  for (int i = 0; i < group->n; i++)
    {
      CnnPart *part = owner (leaves, group->datasets[i]);
      guint at, n;

      if (part == NULL)
        return FALSE;
      n = GPOINTER_TO_UINT (g_hash_table_lookup (filled, part));
      at = GPOINTER_TO_UINT (g_hash_table_lookup (first, part)) + n;
      if (at >= slots->len || g_array_index (slots, Slot, at).part != part)
        return FALSE;
      g_array_index (slots, Slot, at).dataset = group->datasets[i];
      g_hash_table_insert (filled, part, GUINT_TO_POINTER (n + 1));
    }
  for (guint i = 0; i < slots->len; i++)
    {
      Slot *slot = &g_array_index (slots, Slot, i);

      if (slot->dataset == NULL && !cnn_spec_is_optional (&slot->spec))
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_trained (const Slot *slot)
{
  return slot->part->trainable && !g_str_has_prefix (slot->spec.name, "moving_")
         && strcmp (slot->spec.name, "mean") != 0 && strcmp (slot->spec.name, "variance") != 0
         && !cnn_spec_is_optional (&slot->spec);
}

/* Keras' order in a nested model: what it trains, then the rest. */
static gboolean
fill_by_order (GArray *slots, const Group *group)
{
  int next = 0, all = (int) slots->len, required = 0;

  for (int i = 0; i < all; i++)
    required += !cnn_spec_is_optional (&g_array_index (slots, Slot, i).spec);
  if (group->n != all && group->n != required)
    return FALSE;
  for (int trained = 1; trained >= 0; trained--)
    for (int i = 0; i < all; i++)
      {
        Slot *slot = &g_array_index (slots, Slot, i);

        slot->dataset = trained ? NULL : slot->dataset;
        if (is_trained (slot) == trained
            && (group->n == all || !cnn_spec_is_optional (&slot->spec)))
          slot->dataset = group->datasets[next++];
      }
  return TRUE;
}

static gboolean
assign_group (CnnHdf5 *file, CnnPart *part, const Group *group, GPtrArray *assignments,
              GError **error)
{
  g_autoptr (GPtrArray) parts = cnn_weights_parts (part);
  g_autoptr (GArray) slots = g_array_new (FALSE, TRUE, sizeof (Slot));
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];

  for (guint i = 0; i < parts->len; i++)
    {
      int n = cnn_part_specs (g_ptr_array_index (parts, i), specs);

      for (int j = 0; j < n; j++)
        {
          Slot slot = { g_ptr_array_index (parts, i), j, specs[j], NULL };

          g_array_append_val (slots, slot);
        }
    }
  if (!(part->layer == NULL && fill_by_path (slots, parts, group)) && !fill_by_order (slots, group))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
                   "layer \"%s\": it has %u variables, the file has %d for it", part->path,
                   slots->len, group->n);
      return FALSE;
    }
  for (guint i = 0; i < slots->len; i++)
    {
      Slot *slot = &g_array_index (slots, Slot, i);

      if (slot->dataset != NULL
          && !cnn_assign (assignments, file, slot->part, slot->variable, &slot->spec, slot->dataset,
                          error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
assign_legacy (CnnPart *top, CnnHdf5 *file, GPtrArray *assignments, GError **error)
{
  g_autoptr (GPtrArray) groups = read_groups (file, error);
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();

  if (groups == NULL)
    return FALSE;
  for (guint i = 0; i < top->parts->len && !cnn_cancelled (NULL); i++)
    {
      g_autoptr (GPtrArray) weighted = cnn_weights_parts (g_ptr_array_index (top->parts, i));

      if (weighted->len > 0)
        g_ptr_array_add (parts, g_ptr_array_index (top->parts, i));
    }
  if (!pair_groups (parts, groups, error))
    return FALSE;
  for (guint i = 0; i < parts->len && !cnn_cancelled (NULL); i++)
    if (!assign_group (file, g_ptr_array_index (parts, i), g_ptr_array_index (groups, i),
                       assignments, error))
      return FALSE;
  return TRUE;
}

/* --- both kinds --- */

static int
last_size (CnnHdf5 *file, const char *dataset)
{
  gint64 dims[CNN_MAX_RANK] = { 0 };
  int rank;

  if (!cnn_hdf5_dims (file, dataset, &rank, dims, NULL) || rank < 1)
    return 0;
  return (int) dims[rank - 1];
}

int
cnn_weights_classes (CnnHdf5 *file, CnnWeightsKind kind, const char *layer_name,
                     const char *class_name)
{
  g_autofree char *snake = cnn_snake_case (class_name);
  int classes = 0;

  if (kind == CNN_WEIGHTS_LEGACY)
    {
      g_autoptr (GPtrArray) groups = read_groups (file, NULL);

      for (guint i = 0; groups != NULL && i < groups->len; i++)
        {
          Group *group = g_ptr_array_index (groups, i);

          if (i + 1 == groups->len || g_strcmp0 (group->name, layer_name) == 0)
            return last_size (file, group->datasets[0]);
        }
      return 0;
    }
  for (int k = 0;; k++)
    {
      g_autofree char *dataset = k > 0 ? g_strdup_printf ("layers/%s_%d/vars/0", snake, k)
                                       : g_strdup_printf ("layers/%s/vars/0", snake);

      if (!cnn_hdf5_has (file, dataset))
        return classes;
      classes = last_size (file, dataset);
    }
}

guint
cnn_weights_count (CnnHdf5 *file, CnnWeightsKind kind)
{
  static const char *const bases[] = { "layers", "_layer_checkpoint_dependencies" };
  guint count = 0;

  if (kind == CNN_WEIGHTS_LEGACY)
    {
      g_autoptr (GPtrArray) groups = read_groups (file, NULL);

      return groups != NULL ? groups->len : 0;
    }
  for (guint i = 0; count == 0 && i < G_N_ELEMENTS (bases); i++)
    {
      g_auto (GStrv) names = cnn_hdf5_children (file, bases[i]);

      for (char **name = names; *name != NULL; name++)
        {
          g_autofree char *own = g_strdup_printf ("%s/%s/vars/0", bases[i], *name);
          g_autofree char *inner = g_strdup_printf ("%s/%s/%s", bases[i], *name, bases[i]);

          count += cnn_hdf5_has (file, own) || cnn_hdf5_has (file, inner);
        }
    }
  return count;
}

gboolean
cnn_weights_kind (CnnHdf5 *file, CnnWeightsKind *kind)
{
  g_auto (GStrv) names = NULL;

  if (cnn_hdf5_is_group (file, "layers")
      || cnn_hdf5_is_group (file, "_layer_checkpoint_dependencies"))
    {
      *kind = CNN_WEIGHTS_PATHS;
      /* a legacy file may have a layer called "layers" */
      if (cnn_hdf5_strings (file, "", "layer_names", &names, NULL) && names == NULL)
        return TRUE;
    }
  *kind = CNN_WEIGHTS_LEGACY;
  return cnn_hdf5_is_group (file, "model_weights")
         || !cnn_hdf5_strings (file, "", "layer_names", &names, NULL) || names != NULL;
}

GPtrArray *
cnn_weights_assign (CnnPart *top, CnnHdf5 *file, CnnWeightsKind kind, guint *reached,
                    GError **error)
{
  g_autoptr (GPtrArray) assignments = g_ptr_array_new_with_free_func (assignment_free);
  g_autoptr (GError) problem = NULL;
  gboolean done = kind == CNN_WEIGHTS_LEGACY
                      ? assign_legacy (top, file, assignments, &problem)
                      : cnn_weights_assign_paths (top, file, assignments, &problem);

  if (reached != NULL)
    *reached = assignments->len;
  if (done)
    return g_steal_pointer (&assignments);
  /* what seems to be missing may be what could not be read */
  if (!cnn_hdf5_set_damaged (file, "its weights are", error))
    g_propagate_error (error, g_steal_pointer (&problem));
  return NULL;
}

gboolean
cnn_all_finite (const float *numbers, gsize n)
{
  gboolean finite = TRUE;

  for (gsize i = 0; i < n; i++)
    finite &= isfinite (numbers[i]) != 0;
  return finite;
}

void
cnn_set_not_finite (const char *layer, const char *dataset, GError **error)
{
  g_set_error (error, CNN_ERROR, CNN_ERROR_MODEL,
               "layer \"%s\": the weights \"%s\" hold NaN or infinity", layer, dataset);
}

/* Larger ones stay in the file; what is wrong with smaller ones is told at once. */
#define LARGE 16384

static CnnArray *
read_assignment (CnnHdf5 *file, const CnnAssignment *assignment, GError **error)
{
  const char *layer = assignment->part->path;
  g_autoptr (CnnArray) array = NULL;

  if (assignment->array != NULL)
    {
      if ((assignment->array->rank > 1 && cnn_array_count (assignment->array) >= LARGE)
          || cnn_array_load (assignment->array, error))
        array = cnn_array_ref (assignment->array);
      return g_steal_pointer (&array);
    }
  array = cnn_hdf5_read (file, assignment->dataset, error);
  if (array == NULL)
    {
      g_prefix_error (error, "layer \"%s\": ", layer);
      return NULL;
    }
  if (cnn_all_finite (array->data, cnn_array_count (array)))
    return g_steal_pointer (&array);
  cnn_set_not_finite (layer, assignment->dataset, error);
  return NULL;
}

gboolean
cnn_weights_read (CnnHdf5 *file, GPtrArray *assignments, GError **error)
{
  for (guint i = 0; i < assignments->len; i++)
    {
      CnnAssignment *assignment = g_ptr_array_index (assignments, i);
      CnnArray **weights = &assignment->part->layer->weights[assignment->variable];
      CnnArray *array = cnn_cancelled (error) ? NULL : read_assignment (file, assignment, error);

      if (array == NULL)
        return FALSE;
      cnn_array_unref (*weights);
      *weights = array;
    }
  return TRUE;
}
