/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "photographs.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

static void
photograph_free (gpointer data)
{
  Photograph *photograph = data;
  g_free (photograph->path);
  g_free (photograph->name);
  g_free (photograph);
}

/* --- What was named --- */

static gboolean
is_photograph (const char *name)
{
  static const char *const suffixes[] = { ".png", ".jpg", ".jpeg", ".npy" };
  g_autofree char *lower = g_ascii_strdown (name, -1);
  for (gsize i = 0; *name != '.' && i < G_N_ELEMENTS (suffixes); i++)
    if (g_str_has_suffix (lower, suffixes[i]))
      return TRUE;
  return FALSE;
}

static void
add_photograph (GPtrArray *photographs, const char *path, gboolean alone)
{
  Photograph *photograph = g_new0 (Photograph, 1);
  char *dot;
  photograph->path = g_strdup (path);
  photograph->name = g_path_get_basename (path);
  photograph->alone = alone;
  dot = strrchr (photograph->name, '.');
  if (dot != NULL && dot != photograph->name)
    *dot = '\0';
  g_ptr_array_add (photographs, photograph);
}

static int
by_bytes (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static gboolean
add_folder (GPtrArray *photographs, const char *folder, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) reason = NULL;
  g_autoptr (GDir) dir = g_dir_open (folder, 0, &reason);
  const char *name;
  if (dir == NULL)
    {
      g_set_error_literal (error, CNN_ERROR, CNN_ERROR_FILE, reason->message);
      return FALSE;
    }
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      gboolean other =
          g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_REGULAR);
      if (is_photograph (name) && !other)
        g_ptr_array_add (paths, g_steal_pointer (&path));
    }
  if (paths->len == 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "the folder %s holds no photographs: PNG, JPEG or .npy", folder);
      return FALSE;
    }
  g_ptr_array_sort (paths, by_bytes);
  for (guint i = 0; i < paths->len; i++)
    add_photograph (photographs, paths->pdata[i], FALSE);
  return TRUE;
}

GPtrArray *
photographs_find (const char *const *words, GError **error)
{
  g_autoptr (GPtrArray) photographs = g_ptr_array_new_with_free_func (photograph_free);
  gboolean alone = words[0] != NULL && words[1] == NULL;
  for (; *words != NULL; words++)
    if (!g_file_test (*words, G_FILE_TEST_IS_DIR))
      add_photograph (photographs, *words, alone);
    else if (!add_folder (photographs, *words, error))
      return NULL;
  return g_steal_pointer (&photographs);
}

/* --- Where the results go --- */

/* The same for every name of a file that is there; NULL for one that is not. */
static char *
identity (const char *path)
{
  GStatBuf info;
  if (g_stat (path, &info) != 0)
    return NULL;
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64) info.st_dev,
                          (guint64) info.st_ino);
}

/* Of identity, the path of each photograph that is there. One alone is left out: whether its option
 * names its file or a folder of several is known when it is written. */
static GHashTable *
photographs_on_disk (GPtrArray *photographs)
{
  GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < photographs->len; i++)
    {
      const Photograph *photograph = photographs->pdata[i];
      char *key = photograph->alone ? NULL : identity (photograph->path);
      if (key != NULL)
        g_hash_table_insert (table, key, photograph->path);
    }
  return table;
}

static gboolean
check_parent (const char *path, GError **error)
{
  g_autofree char *plain = g_strdup (path);
  for (gsize n = strlen (plain); n > 1 && plain[n - 1] == G_DIR_SEPARATOR; n--)
    plain[n - 1] = '\0';
  g_autofree char *folder = g_path_get_dirname (plain);
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

/* The folder by the one name that it has, there or not. */
static char *
real_folder (const char *path)
{
  g_autofree char *canonical = g_canonicalize_filename (path, NULL);
  g_autofree char *parent = g_path_get_dirname (canonical);
  g_autofree char *base = g_path_get_basename (canonical);
  char *real = realpath (canonical, NULL), *real_parent;
  if (real == NULL && (real_parent = realpath (parent, NULL)) != NULL)
    {
      real = g_build_filename (real_parent, base, NULL);
      free (real_parent);
    }
  return real != NULL ? real : g_steal_pointer (&canonical);
}

/* taken: of a file to be written, the photograph that it is of. */
static gboolean
check_names (GPtrArray *photographs, const Argument *option, const char *wish, GHashTable *taken,
             GHashTable *inputs, GError **error)
{
  g_autofree char *folder = real_folder (wish);
  for (guint i = 0; i < photographs->len; i++)
    {
      const Photograph *photograph = photographs->pdata[i], *other;
      g_autofree char *file = g_strconcat (photograph->name, option->suffix, NULL);
      g_autofree char *path = g_build_filename (folder, file, NULL);
      g_autofree char *key = identity (path);
      const char *input = key != NULL ? g_hash_table_lookup (inputs, key) : NULL;
      if (input != NULL)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                       "%s %s: %s would be written over the photograph %s; name another folder",
                       option->name, wish, file, input);
          return FALSE;
        }
      other = g_hash_table_lookup (taken, path);
      if (other == photograph)
        g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                     "%s %s: another option writes %s there too; name a folder for each",
                     option->name, wish, file);
      else if (other != NULL && strcmp (other->path, photograph->path) == 0)
        g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "%s is named twice", other->path);
      else if (other != NULL)
        g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                     "%s and %s would both be written as %s in %s; do them in two runs, or rename "
                     "one",
                     other->path, photograph->path, file, wish);
      if (other != NULL)
        return FALSE;
      g_hash_table_insert (taken, g_steal_pointer (&path), (gpointer) photograph);
    }
  return TRUE;
}

gboolean
photographs_check_outputs (GPtrArray *photographs, const Arguments *arguments, GError **error)
{
  GPtrArray *table = arguments_table (arguments);
  g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) inputs = photographs_on_disk (photographs);
  const Photograph *first = photographs->len > 0 ? photographs->pdata[0] : NULL;
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *option = table->pdata[i];
      const char *path = arguments_get (arguments, option->name);
      if (option->kind != ARGUMENT_OUTPUT || *path == '\0')
        continue;
      if (!check_parent (path, error))
        return FALSE;
      if (first == NULL || (first->alone && !g_file_test (path, G_FILE_TEST_IS_DIR)))
        continue;
      if ((!first->alone && !check_folder (option, path, error))
          || !check_names (photographs, option, path, taken, inputs, error))
        return FALSE;
    }
  return TRUE;
}

/* --- The run --- */

typedef struct
{
  const CnnProgress *progress;
  const char *path;
  guint index, count;
} Part;

/* One photograph's progress as a part of all. */
static void
show_part (double fraction, const char *what, gpointer data)
{
  const Part *part = data;
  g_autofree char *words = part->count == 1
                               ? g_strdup (what)
                               : g_strdup_printf ("%u of %u, %s", part->index + 1, part->count,
                                                  what != NULL ? what : part->path);
  if (part->progress->update != NULL)
    part->progress->update ((part->index + fraction) / part->count, words, part->progress->data);
}

/* A photograph that is read on a thread of its own, while the one before it is looked at. */
typedef struct
{
  const char *path;
  GThread *thread;
  CnnImage *photo; /* or else */
  CnnArray *input;
  GError *error;
} Reading;

static gpointer
read_photograph (gpointer data)
{
  Reading *reading = data;
  if (cnn_npy_is (reading->path))
    reading->input = cnn_npy_load (reading->path, &reading->error);
  else
    reading->photo = cnn_image_load (reading->path, &reading->error);
  return NULL;
}

static Reading *
reading_begin (const Photograph *photograph)
{
  Reading *reading = g_new0 (Reading, 1);
  reading->path = photograph->path;
  reading->thread = g_thread_new ("photograph", read_photograph, reading);
  return reading;
}

static gboolean
reading_end (Reading *reading, GError **error)
{
  g_thread_join (g_steal_pointer (&reading->thread));
  if (reading->error != NULL)
    g_propagate_error (error, g_steal_pointer (&reading->error));
  return reading->photo != NULL || reading->input != NULL;
}

static void
reading_free (Reading *reading)
{
  if (reading->thread != NULL)
    g_thread_join (reading->thread);
  cnn_image_unref (reading->photo);
  cnn_array_unref (reading->input);
  g_clear_error (&reading->error);
  g_free (reading);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reading, reading_free)

static Result *
look (const Command *command, const Arguments *arguments, Reading *reading, OpenModel *model,
      const CnnProgress *progress, GError **error)
{
  if (!cnn_progress_step (progress, 0, NULL, error) || !reading_end (reading, error))
    return NULL;
  Subject subject = { .photo = reading->photo, .input = reading->input, .model = model };
  g_autoptr (Result) result = command->run (arguments, &subject, progress, error);
  if (result == NULL || !cnn_progress_step (progress, 1, NULL, error))
    return NULL;
  return g_steal_pointer (&result);
}

/* What came of a photograph. Its files are written on a thread, while the next one is looked at. */
typedef struct
{
  const Photograph *photograph;
  const Arguments *arguments;
  Result *result; /* or else */
  GError *error;
  GThread *thread;
} Outcome;

static gpointer
write_files (gpointer data)
{
  Outcome *outcome = data;
  if (!result_write_files (outcome->result, outcome->arguments, outcome->photograph,
                           &outcome->error))
    g_clear_pointer (&outcome->result, result_free);
  return NULL;
}

static void
outcome_begin_to_write (Outcome *outcome)
{
  if (result_files_are_ready (outcome->result))
    outcome->thread = g_thread_new ("files", write_files, outcome);
  else
    write_files (outcome);
}

static void
outcome_wait (Outcome *outcome)
{
  if (outcome->thread != NULL)
    g_thread_join (g_steal_pointer (&outcome->thread));
}

static void
outcome_free (Outcome *outcome)
{
  outcome_wait (outcome);
  g_clear_pointer (&outcome->result, result_free);
  g_clear_error (&outcome->error);
  g_free (outcome);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Outcome, outcome_free)

/* Whether the others would fail alike. */
static gboolean
ends_all (const Outcome *outcome, const OpenModel *model)
{
  return outcome->error != NULL
         && (outcome->photograph->alone || open_model_refused (model)
             || outcome->error->domain == ARGUMENT_ERROR
             || g_error_matches (outcome->error, CNN_ERROR, CNN_ERROR_CANCELLED));
}

/* Tells what came of a photograph. FALSE with an error where that ends the run. */
static gboolean
conclude (Outcome *outcome, GPtrArray *photographs, const OpenModel *model, PhotographDone done,
          gpointer data, GError **error)
{
  const Photograph *photograph = outcome->photograph;
  guint before = 0;
  outcome_wait (outcome);
  if (!ends_all (outcome, model))
    {
      done (photograph, outcome->result, outcome->error, data);
      return TRUE;
    }
  if (!photograph->alone && g_error_matches (outcome->error, CNN_ERROR, CNN_ERROR_CANCELLED)
      && g_ptr_array_find (photographs, photograph, &before))
    g_prefix_error (&outcome->error, "%u of %u photographs were done: ", before, photographs->len);
  g_propagate_error (error, g_steal_pointer (&outcome->error));
  return FALSE;
}

gboolean
photographs_run (const Command *command, const Arguments *arguments, GPtrArray *photographs,
                 const CnnProgress *progress, PhotographDone done, gpointer data, GError **error)
{
  static const CnnProgress quiet = { 0 };
  g_autoptr (OpenModel) model = open_model_new (photographs->len);
  g_autoptr (Reading) next = NULL;
  g_autoptr (Outcome) last = NULL;
  gboolean ended = FALSE;
  if (progress == NULL)
    progress = &quiet;
  for (guint i = 0; i < photographs->len && !ended; i++)
    {
      const Photograph *photograph = photographs->pdata[i];
      Part part = { progress, photograph->path, i, photographs->len };
      CnnProgress own = { show_part, &part, progress->cancellable };
      g_autoptr (Outcome) outcome = g_new0 (Outcome, 1);
      g_autoptr (Reading) reading =
          next != NULL ? g_steal_pointer (&next) : reading_begin (photograph);
      if (i + 1 < photographs->len)
        next = reading_begin (photographs->pdata[i + 1]);
      outcome->photograph = photograph;
      outcome->arguments = arguments;
      outcome->result = look (command, arguments, reading, model, &own, &outcome->error);
      ended = ends_all (outcome, model);
      if (g_error_matches (outcome->error, CNN_ERROR, CNN_ERROR_DEVICE))
        open_model_forget (model);
      if (outcome->result != NULL)
        outcome_begin_to_write (outcome);
      if (last != NULL && !conclude (last, photographs, model, done, data, error))
        return FALSE;
      g_clear_pointer (&last, outcome_free);
      last = g_steal_pointer (&outcome);
    }
  return last == NULL || conclude (last, photographs, model, done, data, error);
}
