/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "outputs.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

struct _Outputs
{
  const Arguments *arguments;
  GHashTable *inputs; /* place → what it is: "the photograph c.png" */
  GHashTable *taken;  /* place → Claim */
};

/* A file that is going to be written. */
typedef struct
{
  const Argument *option;
  const Photograph *photograph; /* or NULL */
} Claim;

/* --- What a file is --- */

static char *
identity_of (const GStatBuf *info)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64) info->st_dev,
                          (guint64) info->st_ino);
}

/* The same for every name of a regular file that is there; NULL for anything else. */
static char *
identity (const char *path)
{
  GStatBuf info;
  return g_stat (path, &info) == 0 && S_ISREG (info.st_mode) ? identity_of (&info) : NULL;
}

/* The same for all ways to a file, there or not. NULL for what has no contents of its own, such as
 * /dev/null, and for a folder. */
static char *
place (const char *path)
{
  GStatBuf info;
  if (g_stat (path, &info) == 0)
    return S_ISREG (info.st_mode) ? identity_of (&info) : NULL;
  g_autofree char *target = cnn_file_target (path);
  g_autofree char *folder = g_path_get_dirname (target);
  g_autofree char *base = g_path_get_basename (target);
  if (g_stat (folder, &info) == 0)
    {
      g_autofree char *within = identity_of (&info);
      return g_strdup_printf ("%s/%s", within, base);
    }
  /* A folder that is still to be made. */
  g_autofree char *around = place (folder);
  return around != NULL ? g_build_filename (around, base, NULL) : NULL;
}

/* --- What is read --- */

/* Takes key, which may be NULL, and what. */
static void
add_key (Outputs *self, char *key, char *what)
{
  if (key == NULL || g_hash_table_contains (self->inputs, key))
    {
      g_free (key);
      g_free (what);
      return;
    }
  g_hash_table_insert (self->inputs, key, what);
}

static void
add_input (Outputs *self, const char *path, char *what)
{
  add_key (self, identity (path), what);
}

static void
add_photographs (Outputs *self, GPtrArray *photographs)
{
  for (guint i = 0; i < photographs->len; i++)
    {
      const Photograph *photograph = photographs->pdata[i];
      gboolean standard = strcmp (photograph->path, CNN_STANDARD_INPUT) == 0;
      add_input (self, standard ? "/dev/stdin" : photograph->path,
                 g_strdup_printf ("the photograph %s", photograph->path));
    }
}

/* All files that the name of a model can stand for. Transfer full. */
static GPtrArray *
model_files (const char *name)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *file = g_strconcat (name, ".keras", NULL);
  g_autoptr (CnnStore) store = cnn_store_open (NULL);
  const CnnStoreModel *model = store != NULL ? cnn_store_find (store, name) : NULL;
  char *local = store != NULL ? cnn_store_local (store, name) : NULL;
  g_ptr_array_add (paths, g_strdup (name));
  g_ptr_array_add (paths, g_build_filename (cnn_data_dir (), file, NULL));
  if (model != NULL)
    g_ptr_array_add (paths, cnn_store_path (store, model));
  if (local != NULL)
    g_ptr_array_add (paths, local);
  return paths;
}

/* The labels that the sidecar names, if it does. What is wrong with it is said when it is read. */
static void
add_sidecar_labels (Outputs *self, const char *model)
{
  g_autofree char *path = cnn_sidecar_labels (model);
  if (path != NULL)
    add_input (self, path, g_strdup_printf ("the model's labels %s", path));
}

static void
add_model (Outputs *self, GPtrArray *files)
{
  for (guint i = 0; i < files->len; i++)
    {
      const char *path = files->pdata[i];
      g_autofree char *sidecar = g_strconcat (path, ".json", NULL);
      if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
        continue;
      add_input (self, path, g_strdup_printf ("the model %s", path));
      /* Also where there is none: whatever is written there would be taken for it. */
      add_key (self, place (sidecar), g_strdup_printf ("the model's sidecar %s", sidecar));
      add_sidecar_labels (self, path);
    }
}

/* Whatever else is read as a file. It is read in parts and more than once. */
static gboolean
add_files (Outputs *self, const Arguments *arguments, GError **error)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *option = table->pdata[i];
      GStatBuf info;
      if (option->kind != ARGUMENT_MODEL && option->kind != ARGUMENT_IMAGE
          && option->kind != ARGUMENT_FILE)
        continue;
      const char *path = arguments_get (arguments, option->name);
      if (g_stat (path, &info) != 0)
        continue;
      if (S_ISFIFO (info.st_mode) || S_ISSOCK (info.st_mode))
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                       "%s %s is a pipe; only the photograph may come from one", option->name,
                       path);
          return FALSE;
        }
      add_input (self, path, g_strdup_printf ("%s %s", option->name, path));
    }
  return TRUE;
}

/* Whether the file is none that is read. */
static gboolean
allow (const Outputs *self, const char *option, const char *path, GError **error)
{
  g_autofree char *key = place (path);
  const char *input = key != NULL ? g_hash_table_lookup (self->inputs, key) : NULL;
  if (input == NULL)
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
               "%s %s would be written over %s; name another file", option, path, input);
  return FALSE;
}

/* What the command writes beside the model must not be where it reads from. */
static gboolean
check_sidecar (const Outputs *self, GPtrArray *files, GError **error)
{
  for (guint i = 0; i < files->len; i++)
    {
      g_autofree char *sidecar = g_strconcat (files->pdata[i], ".json", NULL);
      if (!allow (self, "the sidecar", sidecar, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
find_inputs (Outputs *self, const Command *command, const Arguments *arguments,
             GPtrArray *photographs, GError **error)
{
  add_photographs (self, photographs);
  if (!(command->flags & COMMAND_MODEL))
    return add_files (self, arguments, error);
  const char *name = arguments_get (arguments, "model");
  g_autoptr (GPtrArray) files = model_files (name);
  gboolean writes = (command->flags & COMMAND_SIDECAR) != 0;
  if (!writes)
    add_model (self, files);
  if (!add_files (self, arguments, error) || (writes && !check_sidecar (self, files, error)))
    return FALSE;
  add_model (self, files);
  /* A name, or a file of Keras' JSON. */
  add_input (self, arguments_get (arguments, "architecture"),
             g_strdup_printf ("architecture %s", arguments_get (arguments, "architecture")));
  return TRUE;
}

/* --- What is written --- */

static gboolean
check_parent (const char *path, GError **error)
{
  g_autofree char *plain = g_strdup (path);
  for (gsize n = strlen (plain); n > 1 && plain[n - 1] == G_DIR_SEPARATOR; n--)
    plain[n - 1] = '\0';
  g_autofree char *target = cnn_file_target (plain);
  g_autofree char *folder = g_path_get_dirname (target);
  if (g_file_test (folder, G_FILE_TEST_IS_DIR))
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot be written: no folder %s", path,
               folder);
  return FALSE;
}

static gboolean
check_folder (const Argument *option, const char *path, GError **error)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);
  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return TRUE;
  if (g_file_test (path, G_FILE_TEST_EXISTS) || g_str_has_suffix (lower, option->suffix))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "%s %s is one file, and there are several photographs; name a folder",
                   option->name, path);
      return FALSE;
    }
  return TRUE;
}

/* Whether each of two options makes a folder of the same name, for files with other suffixes. */
static gboolean
may_share (const Argument *a, const Argument *b)
{
  return (a->flags & b->flags & ARGUMENT_SEVERAL) && strcmp (a->suffix, b->suffix) != 0;
}

/* Takes the path for an option's file. `folder`: as the option has it, where it names one. */
static gboolean
claim (Outputs *self, const Argument *option, const Photograph *photograph, const char *folder,
       const char *path, GError **error)
{
  g_autofree char *key = place (path);
  g_autofree char *name = g_path_get_basename (path);
  const Claim *other = key != NULL ? g_hash_table_lookup (self->taken, key) : NULL;
  if (folder == NULL && !allow (self, option->name, path, error))
    return FALSE;
  if (key == NULL)
    return TRUE;
  const char *input = g_hash_table_lookup (self->inputs, key);
  if (input != NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "%s %s: %s would be written over %s; name another folder", option->name, folder,
                   name, input);
      return FALSE;
    }
  if (other == NULL || (folder == NULL && may_share (other->option, option)))
    {
      Claim *own = g_new0 (Claim, 1);
      own->option = option;
      own->photograph = photograph;
      g_hash_table_insert (self->taken, g_steal_pointer (&key), own);
      return TRUE;
    }
  if (folder == NULL || (other->photograph == photograph && photograph->alone))
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                 "%s and %s would both be written to %s; name a file for each", other->option->name,
                 option->name, path);
  else if (other->photograph == photograph)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                 "%s %s: another option writes %s there too; name a folder for each", option->name,
                 folder, name);
  else if (strcmp (other->photograph->path, photograph->path) == 0)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "%s is named twice", photograph->path);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                 "%s and %s would both be written as %s in %s; do them in two runs, or rename one",
                 other->photograph->path, photograph->path, name, folder);
  return FALSE;
}

static gboolean
claim_option (Outputs *self, const Argument *option, const char *path, GPtrArray *photographs,
              GError **error)
{
  const Photograph *first = photographs->len > 0 ? photographs->pdata[0] : NULL;
  gboolean several = first != NULL && !first->alone;
  gboolean folder = g_file_test (path, G_FILE_TEST_IS_DIR);
  if (!check_parent (path, error) || (several && !check_folder (option, path, error)))
    return FALSE;
  if (!several && !folder)
    return claim (self, option, first, NULL, path, error);
  /* Of one alone its file's name may be a layer's instead. */
  if (!several && (first == NULL || (option->flags & ARGUMENT_SEVERAL)))
    return TRUE;
  for (guint i = 0; i < photographs->len; i++)
    {
      const Photograph *photograph = photographs->pdata[i];
      g_autofree char *name = g_strconcat (photograph->name, option->suffix, NULL);
      g_autofree char *file = g_build_filename (path, name, NULL);
      if (!claim (self, option, photograph, path, file, error))
        return FALSE;
    }
  return TRUE;
}

Outputs *
outputs_new (const Command *command, const Arguments *arguments, GPtrArray *photographs,
             GError **error)
{
  g_autoptr (Outputs) self = g_new0 (Outputs, 1);
  GPtrArray *table = arguments_table (arguments);
  self->arguments = arguments;
  self->inputs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (!find_inputs (self, command, arguments, photographs, error))
    return NULL;
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *option = table->pdata[i];
      const char *path = arguments_get (arguments, option->name);
      if (option->kind == ARGUMENT_OUTPUT && *path != '\0'
          && !claim_option (self, option, path, photographs, error))
        return NULL;
    }
  return g_steal_pointer (&self);
}

void
outputs_free (Outputs *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->inputs);
  g_hash_table_unref (self->taken);
  g_free (self);
}

/* --- Writing --- */

static gboolean
write_file (const ResultFile *file, const char *path, GError **error)
{
  if (file->image != NULL || file->paint != NULL)
    {
      g_autoptr (CnnImage) image = file->image != NULL
                                       ? cnn_image_ref (file->image)
                                       : file->paint (file->data, file->index, error);
      return image != NULL && cnn_image_save_png (image, path, error);
    }
  g_autoptr (CnnArray) array = file->array != NULL ? cnn_array_ref (file->array)
                                                   : file->gather (file->data, file->index, error);
  return array != NULL && cnn_npy_save (array, path, error);
}

static gboolean
make_folder (const char *path, GError **error)
{
  if (g_mkdir (path, 0777) == 0 || (errno == EEXIST && g_file_test (path, G_FILE_TEST_IS_DIR)))
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s cannot be made: %s", path, g_strerror (errno));
  return FALSE;
}

/* The file's path, with the folders on the way there made. Transfer full. */
static char *
place_file (const Outputs *self, const ResultFile *file, const Photograph *photograph,
            GError **error)
{
  const char *named = arguments_get (self->arguments, file->option);
  gboolean several = photograph != NULL && !photograph->alone;
  g_autofree char *folder = several && file->entry != NULL
                                ? g_build_filename (named, photograph->name, NULL)
                                : g_strdup (named);
  if ((several || file->entry != NULL) && !make_folder (named, error))
    return NULL;
  if (several && file->entry != NULL && !make_folder (folder, error))
    return NULL;
  if (file->entry != NULL)
    return g_build_filename (folder, file->entry, NULL);
  if (photograph == NULL || !g_file_test (named, G_FILE_TEST_IS_DIR))
    return g_strdup (named);
  const Argument *option = arguments_find (self->arguments, file->option);
  g_autofree char *name = g_strconcat (photograph->name, option->suffix, NULL);
  return g_build_filename (named, name, NULL);
}

static gboolean
is_cancelled (GCancellable *cancellable, guint done, guint all, GError **error)
{
  if (!g_cancellable_is_cancelled (cancellable))
    return FALSE;
  if (done == 0)
    g_set_error (error, CNN_ERROR, CNN_ERROR_CANCELLED, "cancelled");
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_CANCELLED, "cancelled: %u of %u files were written",
                 done, all);
  return TRUE;
}

gboolean
outputs_write (const Outputs *self, const Result *result, const Photograph *photograph,
               GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < result->files->len; i++)
    {
      const ResultFile *file = g_ptr_array_index (result->files, i);
      char *path = place_file (self, file, photograph, error);
      if (path == NULL)
        return FALSE;
      g_ptr_array_add (paths, path);
      if (!allow (self, file->option, path, error))
        return FALSE;
    }
  /* for a pipe whose reader sleeps */
  if (cancellable != NULL)
    g_cancellable_push_current (cancellable);
  gboolean written = TRUE;
  for (guint i = 0; i < result->files->len && written; i++)
    written = !is_cancelled (cancellable, i, result->files->len, error)
              && write_file (g_ptr_array_index (result->files, i), paths->pdata[i], error);
  if (cancellable != NULL)
    g_cancellable_pop_current (cancellable);
  return written;
}
