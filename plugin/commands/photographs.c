/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "photographs.h"

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
  photograph->name =
      strcmp (path, CNN_STANDARD_INPUT) == 0 ? g_strdup ("stdin") : g_path_get_basename (path);
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

/* A thread that does one task after the other. The same one for all photographs: a new thread each
 * time would take whichever of malloc's arenas is free, and in the end each of them would hold the
 * memory of the largest pictures. */
typedef struct
{
  GThreadPool *pool; /* NULL where no thread could be had: tasks are done when they are given */
  GMutex lock;
  GCond done;
} Worker;

typedef struct
{
  void (*run) (gpointer data);
  gpointer data;
  gboolean given, done; /* done: guarded by the worker's lock */
} Task;

static void
do_task (gpointer data, gpointer user_data)
{
  Task *task = data;
  Worker *worker = user_data;
  task->run (task->data);
  g_mutex_lock (&worker->lock);
  task->done = TRUE;
  g_cond_broadcast (&worker->done);
  g_mutex_unlock (&worker->lock);
}

static Worker *
worker_new (void)
{
  Worker *worker = g_new0 (Worker, 1);
  g_mutex_init (&worker->lock);
  g_cond_init (&worker->done);
  worker->pool = g_thread_pool_new (do_task, worker, 1, TRUE, NULL);
  return worker;
}

/* After all that it was given. */
static void
worker_free (Worker *worker)
{
  if (worker->pool != NULL)
    g_thread_pool_free (worker->pool, FALSE, TRUE);
  g_mutex_clear (&worker->lock);
  g_cond_clear (&worker->done);
  g_free (worker);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Worker, worker_free)

static void
worker_give (Worker *worker, Task *task)
{
  task->given = TRUE;
  if (worker->pool == NULL)
    do_task (task, worker);
  else
    g_thread_pool_push (worker->pool, task, NULL);
}

static void
worker_wait (Worker *worker, const Task *task)
{
  g_mutex_lock (&worker->lock);
  while (task->given && !task->done)
    g_cond_wait (&worker->done, &worker->lock);
  g_mutex_unlock (&worker->lock);
}

/* A photograph that is read on another thread, while the one before it is looked at. */
typedef struct
{
  const char *path;
  GCancellable *cancellable;
  Worker *reader;
  Task task;
  CnnImage *photo; /* or else */
  CnnArray *input;
  GError *error;
} Reading;

static void
read_photograph (gpointer data)
{
  Reading *reading = data;
  cnn_photo_load (reading->path, reading->cancellable, &reading->photo, &reading->input,
                  &reading->error);
}

static Reading *
reading_begin (Worker *reader, const Photograph *photograph, const CnnProgress *progress)
{
  Reading *reading = g_new0 (Reading, 1);
  reading->cancellable = progress->cancellable;
  reading->path = photograph->path;
  reading->reader = reader;
  reading->task = (Task){ .run = read_photograph, .data = reading };
  worker_give (reader, &reading->task);
  return reading;
}

static gboolean
reading_end (Reading *reading, GError **error)
{
  worker_wait (reading->reader, &reading->task);
  if (reading->error != NULL)
    g_propagate_error (error, g_steal_pointer (&reading->error));
  return reading->photo != NULL || reading->input != NULL;
}

static void
reading_free (Reading *reading)
{
  worker_wait (reading->reader, &reading->task);
  cnn_image_unref (reading->photo);
  cnn_array_unref (reading->input);
  g_clear_error (&reading->error);
  g_free (reading);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Reading, reading_free)

static Result *
look (const Command *command, Run *run, Reading *reading, const CnnProgress *progress,
      GError **error)
{
  if (!cnn_progress_step (progress, 0, NULL, error) || !reading_end (reading, error))
    return NULL;
  Subject subject = { .photo = reading->photo, .input = reading->input };
  g_autoptr (Result) result = command->run (run, &subject, progress, error);
  if (result == NULL || !cnn_progress_step (progress, 1, NULL, error))
    return NULL;
  return g_steal_pointer (&result);
}

/* What came of a photograph. Its files are written on another thread, while the next one is looked
 * at. */
typedef struct
{
  const Photograph *photograph;
  const Outputs *outputs;
  GCancellable *cancellable;
  Result *result; /* or else */
  GError *error;
  Worker *writer;
  Task task;
} Outcome;

static void
write_files (gpointer data)
{
  Outcome *outcome = data;
  if (!outputs_write (outcome->outputs, outcome->result, outcome->photograph, outcome->cancellable,
                      &outcome->error))
    g_clear_pointer (&outcome->result, result_free);
}

static void
outcome_begin_to_write (Outcome *outcome)
{
  outcome->task = (Task){ .run = write_files, .data = outcome };
  if (result_files_are_ready (outcome->result))
    worker_give (outcome->writer, &outcome->task);
  else
    write_files (outcome);
}

static void
outcome_wait (Outcome *outcome)
{
  worker_wait (outcome->writer, &outcome->task);
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
ends_all (const Outcome *outcome, const Run *run)
{
  return outcome->error != NULL
         && (outcome->photograph->alone || run->refused || outcome->error->domain == ARGUMENT_ERROR
             || g_error_matches (outcome->error, CNN_ERROR, CNN_ERROR_CANCELLED));
}

/* Tells what came of a photograph. FALSE with an error where that ends the run. */
static gboolean
conclude (Outcome *outcome, GPtrArray *photographs, const Run *run, PhotographDone done,
          gpointer data, GError **error)
{
  const Photograph *photograph = outcome->photograph;
  guint before = 0;
  outcome_wait (outcome);
  if (!ends_all (outcome, run))
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
photographs_run (const Command *command, const Arguments *arguments, const Outputs *outputs,
                 GPtrArray *photographs, const CnnProgress *progress, PhotographDone done,
                 gpointer data, GError **error)
{
  static const CnnProgress quiet = { 0 };
  g_autoptr (Worker) reader = worker_new (), writer = worker_new ();
  g_autoptr (Run) run = run_new (command, arguments, photographs->len, error);
  g_autoptr (Reading) next = NULL;
  g_autoptr (Outcome) last = NULL;
  gboolean ended = FALSE;
  if (run == NULL)
    return FALSE;
  if (progress == NULL)
    progress = &quiet;
  for (guint i = 0; i < photographs->len && !ended; i++)
    {
      const Photograph *photograph = photographs->pdata[i];
      Part part = { progress, photograph->path, i, photographs->len };
      CnnProgress own = { show_part, &part, progress->cancellable };
      g_autoptr (Outcome) outcome = g_new0 (Outcome, 1);
      g_autoptr (Reading) reading =
          next != NULL ? g_steal_pointer (&next) : reading_begin (reader, photograph, progress);
      if (i + 1 < photographs->len)
        next = reading_begin (reader, photographs->pdata[i + 1], progress);
      outcome->photograph = photograph;
      outcome->outputs = outputs;
      outcome->cancellable = progress != NULL ? progress->cancellable : NULL;
      outcome->writer = writer;
      outcome->result = look (command, run, reading, &own, &outcome->error);
      ended = ends_all (outcome, run);
      if (g_error_matches (outcome->error, CNN_ERROR, CNN_ERROR_DEVICE))
        run_forget (run);
      if (outcome->result != NULL)
        outcome_begin_to_write (outcome);
      if (last != NULL && !conclude (last, photographs, run, done, data, error))
        return FALSE;
      g_clear_pointer (&last, outcome_free);
      last = g_steal_pointer (&outcome);
    }
  return last == NULL || conclude (last, photographs, run, done, data, error);
}
