/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nearest.h"
#include "regular.h"
#include "store_private.h"

#include <glib/gstdio.h>
#include <string.h>

#define MAX_NEAREST 3
#define MAX_PARAMETERS \
  (G_GINT64_CONSTANT (1) << 40) /* of a model; what a registry says may be absurd */

static const char *const endings[] = { ".keras", ".h5", ".hdf5" };

const char *
cnn_data_dir (void)
{
  const char *folder = g_getenv ("CONVLENS_DATA_DIR");

  return folder != NULL && folder[0] != '\0' ? folder : CONVLENS_INSTALLED_DATA_DIR;
}

CnnStore *
cnn_store_open (GError **error)
{
  g_autofree char *path = g_build_filename (cnn_data_dir (), "models.json", NULL);
  GPtrArray *models = cnn_registry_read (path, error);
  CnnStore *store;

  if (models == NULL)
    return NULL;
  store = g_new0 (CnnStore, 1);
  store->models = models;
  store->folder = g_build_filename (g_get_user_data_dir (), "convlens", "models", NULL);
  return store;
}

void
cnn_store_free (CnnStore *store)
{
  if (store == NULL)
    return;
  g_ptr_array_unref (store->models);
  g_free (store->folder);
  g_free (store);
}

const char *
cnn_store_folder (const CnnStore *store)
{
  return store->folder;
}

GPtrArray *
cnn_store_models (const CnnStore *store)
{
  return store->models;
}

const CnnStoreModel *
cnn_store_find (const CnnStore *store, const char *name)
{
  g_autofree char *wanted = cnn_registry_fold (name);

  for (guint i = 0; i < store->models->len; i++)
    {
      const CnnStoreModel *model = g_ptr_array_index (store->models, i);
      g_autofree char *own = cnn_registry_fold (model->name);
      g_autofree char *other = model->alias != NULL ? cnn_registry_fold (model->alias) : NULL;

      if (strcmp (own, wanted) == 0 || g_strcmp0 (other, wanted) == 0)
        return model;
    }
  return NULL;
}

char *
cnn_store_path (const CnnStore *store, const CnnStoreModel *model)
{
  return g_build_filename (model->url != NULL ? store->folder : cnn_data_dir (), model->file, NULL);
}

const CnnStoreModel *
cnn_store_model_of (const CnnStore *store, const char *path)
{
  GStatBuf own, other;

  if (g_stat (path, &own) != 0)
    return NULL;
  for (guint i = 0; i < store->models->len; i++)
    {
      const CnnStoreModel *model = g_ptr_array_index (store->models, i);
      g_autofree char *place = cnn_store_path (store, model);

      if (g_stat (place, &other) == 0 && own.st_dev == other.st_dev && own.st_ino == other.st_ino)
        return model;
    }
  return NULL;
}

char *
cnn_store_local (const CnnStore *store, const char *name)
{
  g_autofree char *path = g_build_filename (store->folder, name, NULL);

  if (strchr (name, G_DIR_SEPARATOR) != NULL)
    return NULL;
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return g_steal_pointer (&path);
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      g_autofree char *longer = g_strconcat (path, endings[i], NULL);

      if (g_file_test (longer, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer (&longer);
    }
  return NULL;
}

gint64
cnn_store_bytes (const CnnStoreModel *model, gboolean *exact)
{
  if (exact != NULL)
    *exact = model->size > 0;
  return model->size > 0 ? model->size : 4 * MIN (model->parameters, MAX_PARAMETERS);
}

char *
cnn_store_size_text (gint64 bytes)
{
  double mega = (double) bytes / 1e6;

  if (mega >= 9.95)
    return g_strdup_printf ("%.0f MB", mega);
  return mega >= 0.1 ? g_strdup_printf ("%.1f MB", mega)
                     : g_strdup_printf ("%" G_GINT64_FORMAT " bytes", bytes);
}

/* --- the list --- */

void
cnn_store_entry_free (CnnStoreEntry *entry)
{
  if (entry == NULL)
    return;
  g_free (entry->name);
  g_free (entry->path);
  g_free (entry);
}

const char *
cnn_store_state_text (CnnStoreState state)
{
  static const char *const texts[] = {
    [CNN_STORE_BUILT_IN] = "built in",
    [CNN_STORE_DOWNLOADED] = "downloaded",
    [CNN_STORE_OWN] = "own",
    [CNN_STORE_UNFINISHED] = "unfinished",
    [CNN_STORE_AVAILABLE] = "to download",
  };

  return texts[state];
}

static void
add_entry (GPtrArray *list, const char *name, CnnStoreState state, const char *path,
           const CnnStoreModel *model)
{
  CnnStoreEntry *entry = g_new0 (CnnStoreEntry, 1);
  GStatBuf info;

  entry->name = g_strdup (name);
  entry->state = state;
  entry->model = model;
  if (path != NULL && g_stat (path, &info) == 0)
    entry->bytes = info.st_size;
  if (state != CNN_STORE_UNFINISHED)
    entry->path = g_strdup (path);
  g_ptr_array_add (list, entry);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The models of the user's folder that nobody knows but the user, in the order of their names. */
static void
add_own (GPtrArray *list, const CnnStore *store)
{
  g_autoptr (GDir) dir = g_dir_open (store->folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *file;

  while (dir != NULL && (file = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (file));
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++)
    for (guint j = 0; j < G_N_ELEMENTS (endings); j++)
      {
        g_autofree char *path =
            g_build_filename (store->folder, g_ptr_array_index (names, i), NULL);
        g_autofree char *name = g_strdup (g_ptr_array_index (names, i));
        gboolean registered = FALSE;

        for (guint k = 0; k < store->models->len; k++)
          registered |= strcmp (((CnnStoreModel *) store->models->pdata[k])->file, name) == 0;
        if (registered || !g_str_has_suffix (name, endings[j])
            || !g_file_test (path, G_FILE_TEST_IS_REGULAR))
          continue;
        name[strlen (name) - strlen (endings[j])] = '\0';
        add_entry (list, name, CNN_STORE_OWN, path, NULL);
      }
}

GPtrArray *
cnn_store_list (const CnnStore *store)
{
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) cnn_store_entry_free);

  for (guint i = 0; i < store->models->len; i++)
    {
      const CnnStoreModel *model = g_ptr_array_index (store->models, i);
      g_autofree char *path = cnn_store_path (store, model);
      g_autofree char *part = g_strconcat (path, ".part", NULL);

      if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
        add_entry (list, model->name,
                   model->url != NULL ? CNN_STORE_DOWNLOADED : CNN_STORE_BUILT_IN, path, model);
      else if (model->url == NULL)
        continue;
      else if (g_file_test (part, G_FILE_TEST_IS_REGULAR))
        add_entry (list, model->name, CNN_STORE_UNFINISHED, part, model);
      else
        add_entry (list, model->name, CNN_STORE_AVAILABLE, NULL, model);
    }
  add_own (list, store);
  return list;
}

/* --- what somebody may have meant --- */

char *
cnn_store_hint (const CnnStore *store, const char *name)
{
  g_autoptr (GPtrArray) list = cnn_store_list (store);
  g_autofree char *typed = cnn_text_cut (name, 100), *folded = cnn_registry_fold (typed);
  g_autofree guint *distances = g_new (guint, list->len + 1);
  g_autoptr (GArray) near = NULL;
  GString *hint = g_string_new (NULL);

  for (guint i = 0; i < list->len; i++)
    {
      const CnnStoreEntry *entry = g_ptr_array_index (list, i);
      g_autofree char *own = cnn_registry_fold (entry->name);

      distances[i] = cnn_nearest_distance (folded, own);
      if (entry->model != NULL && entry->model->alias != NULL)
        {
          g_autofree char *alias = cnn_registry_fold (entry->model->alias);

          distances[i] = MIN (distances[i], cnn_nearest_distance (folded, alias));
        }
    }
  near = cnn_nearest_choose (distances, list->len, MAX_NEAREST);
  for (guint i = 0; i < near->len; i++)
    {
      const CnnStoreEntry *entry = g_ptr_array_index (list, g_array_index (near, guint, i));

      g_string_append_printf (hint, "%s%s",
                              i == 0               ? "; did you mean "
                              : i == near->len - 1 ? " or "
                                                   : ", ",
                              entry->name);
    }
  if (near->len > 0)
    g_string_append_c (hint, '?');
  return g_string_free (hint, FALSE);
}
