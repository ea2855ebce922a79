/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define STALL_SECONDS 30
#define MAX_TRIES 1000
#define MAX_VAIN_TRIES 3
#define LEAST_PROGRESS (16 * 1024) /* of a try that is not in vain */
#define PIECE (1024 * 1024)

/* One call of cnn_store_get. */
typedef struct
{
  const CnnStore *store;
  const CnnStoreModel *model;
  const CnnProgress *progress;
  char *path, *part, *note; /* the file; what comes; where that is from */
  char *url, *source;       /* one of them: an address, or a file */
  int fd;                   /* the part, open and locked, or −1 */
  int stall_seconds;
  gboolean force;
} Job;

static void
job_clear (Job *job)
{
  g_free (job->path);
  g_free (job->part);
  g_free (job->note);
  g_free (job->url);
  g_free (job->source);
  if (job->fd >= 0)
    close (job->fd);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Job, job_clear)

void
cnn_store_got_free (CnnStoreGot *got)
{
  if (got == NULL)
    return;
  g_free (got->path);
  g_free (got->checksum);
  g_free (got->pins);
  g_free (got);
}

static gboolean
file_error (GError **error, const char *path, const char *what)
{
  int number = errno;

  g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s %s: %s", path, what, g_strerror (number));
  return FALSE;
}

gboolean
cnn_write_all (int fd, const char *bytes, gsize size)
{
  while (size > 0)
    {
      ssize_t n = write (fd, bytes, size);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return FALSE;
      bytes += n;
      size -= (gsize) n;
    }
  return TRUE;
}

gboolean
cnn_transfer_tell (const CnnProgress *progress, const char *label, gint64 done, gint64 total,
                   GError **error)
{
  g_autofree char *here = cnn_store_size_text (done), *all = cnn_store_size_text (total);
  g_autofree char *text = total > 0 ? g_strdup_printf ("%s: %s of %s", label, here, all)
                                    : g_strdup_printf ("%s: %s", label, here);
  double fraction = total > 0 ? (double) done / (double) total : 0;

  return cnn_progress_step (progress, MIN (fraction, 1), text, error);
}

/* What a download of the model has to weigh, where Keras does not say it: float32, and HDF5's own
 * on top, which for a net of many small layers is a good part. */
static void
plausible_size (const CnnStoreModel *model, gint64 *least, gint64 *most)
{
  gint64 bytes = cnn_store_bytes (model, NULL);

  *least = model->size > 0 ? model->size : bytes - bytes / 10;
  *most = model->size > 0 ? model->size : bytes + bytes / 4 + 8 * 1024 * 1024;
}

/* --- the part: one at a time --- */

static gboolean
lock_part (Job *job, GError **error)
{
  GStatBuf own, named;

  for (;;)
    {
      job->fd = g_open (job->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
      if (job->fd < 0)
        return file_error (error, job->part, "cannot be written");
      while (flock (job->fd, LOCK_EX | LOCK_NB) != 0)
        {
          /* A network's file system may know no locks; two at once are rare. */
          if (errno != EWOULDBLOCK && errno != EINTR)
            break;
          if (!cnn_progress_step (job->progress, 0,
                                  "another download of this model is under way; waiting for it",
                                  error))
            return FALSE;
          g_usleep (100 * 1000);
        }
      /* Whoever had it may have given it its name, or taken it away. */
      if (fstat (job->fd, &own) == 0 && g_stat (job->part, &named) == 0
          && own.st_ino == named.st_ino && own.st_dev == named.st_dev)
        return TRUE;
      close (job->fd);
      job->fd = -1;
    }
}

static void
drop_part (const Job *job)
{
  g_unlink (job->note);
  g_unlink (job->part);
}

/* Whether what is in the part may be gone on with; *mark: the server's, or NULL. A published
 * checksum will tell in the end; without one it has to be from the same address. */
static gboolean
may_resume (const Job *job, char **mark)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  *mark = NULL;
  if (!g_file_get_contents (job->note, &text, NULL, NULL))
    return job->model->checksum != NULL;
  lines = g_strsplit (text, "\n", 3);
  if (g_strv_length (lines) < 2 || strcmp (lines[0], job->url) != 0)
    return job->model->checksum != NULL;
  if (lines[1][0] != '\0')
    *mark = g_strdup (lines[1]);
  return *mark != NULL || job->model->checksum != NULL;
}

static void
note_origin (const char *mark, gpointer data)
{
  Job *job = data;
  g_autofree char *text = g_strdup_printf ("%s\n%s\n", job->url, mark != NULL ? mark : "");

  g_file_set_contents (job->note, text, -1, NULL);
}

static gboolean
check_room (const Job *job, gint64 needed, GError **error)
{
  struct statvfs info;
  gint64 room;

  if (statvfs (job->store->folder, &info) != 0)
    return TRUE;
  room = (gint64) info.f_bavail * (gint64) info.f_frsize;
  if (room >= needed)
    return TRUE;
  {
    g_autofree char *wanted = cnn_store_size_text (needed), *left = cnn_store_size_text (room);

    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                 "the disk is full: %s are needed in %s, and there is room for %s", wanted,
                 job->store->folder, left);
  }
  return FALSE;
}

/* --- checksums --- */

static char *
checksum_of (const Job *job, int fd, GChecksumType type, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (type);
  g_autofree char *piece = g_malloc (PIECE);
  GStatBuf info;
  gint64 done = 0;
  gssize n;

  if (fstat (fd, &info) != 0 || lseek (fd, 0, SEEK_SET) < 0)
    {
      file_error (error, job->path, "cannot be read");
      return NULL;
    }
  while ((n = read (fd, piece, PIECE)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          file_error (error, job->path, "cannot be read");
          return NULL;
        }
      g_checksum_update (sum, (const guchar *) piece, n);
      done += n;
      if (!cnn_progress_step (job->progress,
                              info.st_size > 0 ? MIN (1, (double) done / (double) info.st_size) : 1,
                              "checking", error))
        return NULL;
    }
  return g_strconcat (type == G_CHECKSUM_MD5 ? "md5:" : "sha256:", g_checksum_get_string (sum),
                      NULL);
}

static gboolean
is_hdf5 (int fd)
{
  char start[8] = { 0 };

  return pread (fd, start, sizeof start, 0) == (ssize_t) sizeof start
         && memcmp (start, "\x89HDF\r\n\x1a\n", sizeof start) == 0;
}

/* Compares the open file with what is known of it, and fills in what was found. *wrong: it can be
 * read, but is another file. */
static gboolean
verify (const Job *job, int fd, CnnStoreGot *got, gboolean *wrong, GError **error)
{
  const char *published = job->model->checksum;
  g_autofree char *pinned = NULL, *pins = cnn_pins_path (job->store->folder);
  const char *wanted;
  gint64 least, most;
  GStatBuf info;

  *wrong = FALSE;
  if (published == NULL && !cnn_pins_get (job->store->folder, job->model->name, &pinned, error))
    return FALSE;
  wanted = published != NULL ? published : pinned;
  if (fstat (fd, &info) != 0)
    return file_error (error, job->path, "cannot be read");
  got->bytes = info.st_size;
  plausible_size (job->model, &least, &most);
  if (info.st_size < least || info.st_size > most)
    {
      *wrong = TRUE;
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                   "wrong size: %" G_GINT64_FORMAT
                   " bytes, where the model %s has %s%" G_GINT64_FORMAT,
                   (gint64) info.st_size, job->model->name, least == most ? "" : "about ",
                   cnn_store_bytes (job->model, NULL));
      return FALSE;
    }
  if (wanted == NULL && !is_hdf5 (fd))
    {
      *wrong = TRUE;
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "what came is not a file of weights (HDF5)");
      return FALSE;
    }
  got->checksum = checksum_of (
      job, fd,
      wanted != NULL && g_str_has_prefix (wanted, "md5:") ? G_CHECKSUM_MD5 : G_CHECKSUM_SHA256,
      error);
  if (got->checksum == NULL)
    return FALSE;
  got->trust = published != NULL ? CNN_STORE_PUBLISHED
               : pinned != NULL  ? CNN_STORE_PINNED
                                 : CNN_STORE_UNVERIFIED;
  if (wanted == NULL || strcmp (wanted, got->checksum) == 0)
    return TRUE;
  *wrong = TRUE;
  if (published != NULL)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "wrong checksum: %s, where Keras publishes %s",
                 got->checksum, wanted);
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                 "wrong checksum: %s, where an earlier download had %s; if you trust the new file, "
                 "delete the line of %s in %s",
                 got->checksum, wanted, job->model->name, pins);
  return FALSE;
}

static gboolean
pin (const Job *job, const CnnStoreGot *got, GError **error)
{
  return got->trust != CNN_STORE_UNVERIFIED
         || cnn_pins_set (job->store->folder, job->model->name, got->checksum, error);
}

/* --- what there is already --- */

static gboolean
check_present (const Job *job, CnnStoreGot *got, GError **error)
{
  g_autoptr (GError) problem = NULL;
  gboolean wrong = FALSE, good;
  int fd = g_open (job->path, O_RDONLY | O_CLOEXEC, 0);

  if (fd < 0)
    return file_error (error, job->path, "cannot be read");
  good = verify (job, fd, got, &wrong, &problem);
  close (fd);
  if (good)
    {
      got->was_there = TRUE;
      return pin (job, got, error);
    }
  if (wrong)
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                 "%s is there already, but is not the model: %s; --force gets it again", job->path,
                 problem->message);
  else
    g_propagate_error (error, g_steal_pointer (&problem));
  return FALSE;
}

/* --- fetching --- */

/* A pipe may begin late, or never; FALSE when that was cancelled. */
static gboolean
await_input (const Job *job, int from, GError **error)
{
  struct pollfd input = { .fd = from, .events = POLLIN };

  while (poll (&input, 1, 100) == 0)
    if (!cnn_progress_step (job->progress, 0, "waiting for the file", error))
      return FALSE;
  return TRUE;
}

static gboolean
copy (Job *job, GError **error)
{
  g_autofree char *piece = g_malloc (PIECE);
  gint64 least, most, done = 0;
  gboolean good = FALSE;
  GStatBuf info;
  gssize n;
  int from = g_open (job->source, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);

  plausible_size (job->model, &least, &most);
  if (from < 0 || fstat (from, &info) != 0)
    file_error (error, job->source, "cannot be read");
  else if (S_ISDIR (info.st_mode))
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s is a folder", job->source);
  else if (S_ISREG (info.st_mode) && (info.st_size < least || info.st_size > most))
    g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                 "%s: wrong size: %" G_GINT64_FORMAT
                 " bytes, where the model %s has %s%" G_GINT64_FORMAT,
                 job->source, (gint64) info.st_size, job->model->name,
                 least == most ? "" : "about ", cnn_store_bytes (job->model, NULL));
  else if (ftruncate (job->fd, 0) != 0 || lseek (job->fd, 0, SEEK_SET) < 0)
    file_error (error, job->part, "cannot be written");
  else
    good = check_room (job, info.st_size, error);
  while (good)
    {
      good = await_input (job, from, error);
      n = good ? read (from, piece, PIECE) : 0;
      if (n == 0)
        break;
      if (n < 0 && (errno == EINTR || errno == EAGAIN))
        continue;
      done += MAX (n, 0);
      if (n < 0)
        good = file_error (error, job->source, "cannot be read");
      else if (done > most)
        {
          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE,
                       "%s: wrong size: more than %" G_GINT64_FORMAT " bytes", job->source, most);
          good = FALSE;
        }
      else if (!cnn_write_all (job->fd, piece, (gsize) n))
        good = file_error (error, job->part, "cannot be written, the disk is full or broken");
      else
        good = cnn_transfer_tell (job->progress, job->model->name, done, info.st_size, error);
    }
  if (from >= 0)
    close (from);
  return good;
}

/* A pause that can be cancelled. */
static gboolean
rest (const Job *job, double seconds, GError **error)
{
  for (int i = 0; i < seconds * 10; i++)
    {
      if (!cnn_progress_step (job->progress, 0, "cut off; trying again", error))
        return FALSE;
      g_usleep (100 * 1000);
    }
  return TRUE;
}

static gboolean
download (Job *job, gboolean resume, gint64 *resumed, GError **error)
{
  g_autofree char *mark = NULL;
  CnnTransfer transfer = { .url = job->url,
                           .fd = job->fd,
                           .exact = job->model->size,
                           .stall_seconds = job->stall_seconds,
                           .label = job->model->name,
                           .expected = cnn_store_bytes (job->model, NULL),
                           .begun = note_origin,
                           .data = job };
  gint64 have = lseek (job->fd, 0, SEEK_END), first = -1, furthest = 0;
  int in_vain = 0;

  plausible_size (job->model, &transfer.least, &transfer.most);
  transfer.resume = resume && have > 0 && have <= transfer.most && may_resume (job, &mark);
  if (!check_room (job, transfer.expected - (transfer.resume ? have : 0), error))
    return FALSE;
  for (int i = 0; i < MAX_TRIES; i++)
    {
      g_autoptr (GError) problem = NULL;
      gboolean done;

      transfer.kept = mark;
      done = cnn_transfer (&transfer, job->progress, &problem);
      if (transfer.too_long && ftruncate (job->fd, 0) != 0)
        drop_part (job);
      if (first < 0 || transfer.resumed == 0)
        first = transfer.resumed;
      *resumed = first;
      if (done)
        return TRUE;
      in_vain = transfer.written >= furthest + LEAST_PROGRESS ? 0 : in_vain + 1;
      furthest = MAX (furthest, transfer.written);
      g_clear_pointer (&mark, g_free);
      /* Without the server's mark, and without a checksum, nothing tells that what comes next
       * belongs to it. */
      if (!transfer.may_retry || in_vain == MAX_VAIN_TRIES || i == MAX_TRIES - 1
          || !may_resume (job, &mark))
        {
          g_propagate_error (error, g_steal_pointer (&problem));
          return FALSE;
        }
      transfer.resume = TRUE;
      if (!rest (job, 0.5, error))
        return FALSE;
    }
  return FALSE;
}

static gboolean
fetch (Job *job, CnnStoreGot *got, GError **error)
{
  gboolean resume = !job->source, wrong = FALSE;

  for (;;)
    {
      g_autoptr (GError) problem = NULL;

      got->resumed = 0;
      if (job->source != NULL ? !copy (job, &problem)
                              : !download (job, resume, &got->resumed, &problem))
        {
          GStatBuf info;

          /* A source that is at hand needs no resuming. */
          if (job->source != NULL || (fstat (job->fd, &info) == 0 && info.st_size == 0))
            drop_part (job);
          g_propagate_error (error, g_steal_pointer (&problem));
          return FALSE;
        }
      g_clear_pointer (&got->checksum, g_free);
      if (verify (job, job->fd, got, &wrong, &problem))
        return TRUE;
      if (wrong && got->resumed > 0)
        {
          /* The earlier bytes may have been of another version. */
          resume = FALSE;
          continue;
        }
      if (wrong)
        {
          drop_part (job);
          g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "%s: %s; nothing was kept",
                       job->url != NULL ? job->url : job->source, problem->message);
        }
      else
        g_propagate_error (error, g_steal_pointer (&problem));
      return FALSE;
    }
}

static gboolean
give_name (const Job *job, GError **error)
{
  if (fsync (job->fd) != 0)
    return file_error (error, job->part, "cannot be written");
  if (g_rename (job->part, job->path) != 0)
    return file_error (error, job->path, "cannot be written");
  g_unlink (job->note);
  return TRUE;
}

static gboolean
set_source (Job *job, const char *from, GError **error)
{
  g_autoptr (GError) problem = NULL;

  if (from == NULL || *from == '\0')
    job->url = g_strdup (job->model->url);
  else if (g_ascii_strncasecmp (from, "file:", 5) == 0)
    job->source = g_filename_from_uri (from, NULL, &problem);
  else if (strstr (from, "://") != NULL)
    job->url = g_strdup (from);
  else
    job->source = g_strdup (from);
  if (problem != NULL)
    g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "\"%s\" is not the address of a file: %s",
                 from, problem->message);
  return problem == NULL;
}

CnnStoreGot *
cnn_store_get (const CnnStore *store, const CnnStoreModel *model, const CnnStoreGetOptions *options,
               const CnnProgress *progress, GError **error)
{
  static const CnnStoreGetOptions defaults = { 0 };
  g_autoptr (CnnStoreGot) got = g_new0 (CnnStoreGot, 1);
  g_auto (Job) job = { .store = store, .model = model, .progress = progress, .fd = -1 };

  if (options == NULL)
    options = &defaults;
  job.force = options->force;
  job.stall_seconds = options->stall_seconds > 0 ? options->stall_seconds : STALL_SECONDS;
  job.path = cnn_store_path (store, model);
  job.part = g_strconcat (job.path, ".part", NULL);
  job.note = g_strconcat (job.part, ".from", NULL);
  got->path = g_strdup (job.path);
  got->pins = cnn_pins_path (store->folder);
  if (model->url == NULL)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "the model %s comes with Convlens; there is nothing to get", model->name);
      return NULL;
    }
  if (!set_source (&job, options->from, error))
    return NULL;
  if (g_mkdir_with_parents (store->folder, 0700) != 0)
    {
      file_error (error, store->folder, "cannot be made");
      return NULL;
    }
  if (!job.force && g_file_test (job.path, G_FILE_TEST_EXISTS))
    return check_present (&job, got, error) ? g_steal_pointer (&got) : NULL;
  if (!lock_part (&job, error))
    return NULL;
  if (!job.force && g_file_test (job.path, G_FILE_TEST_EXISTS))
    {
      drop_part (&job);
      return check_present (&job, got, error) ? g_steal_pointer (&got) : NULL;
    }
  /* Pinned before it has its name: a file that is there is never without. */
  if (!fetch (&job, got, error) || !pin (&job, got, error) || !give_name (&job, error))
    return NULL;
  return g_steal_pointer (&got);
}
