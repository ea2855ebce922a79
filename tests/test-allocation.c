/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Each allocation of the libraries that read files fails in turn, as SQLite tests it: opening then
 * succeeds or gives an error, and neither crashes nor hangs. One more kind of file is a row in
 * `kinds`.
 *
 * malloc and its like are this program's own here; those fail that are called from the libraries'
 * code. GLib's are never among them: it ends the program where it gets no memory, by design, and
 * what it is asked for is small or bounded (core/base/regular.h, g_try_malloc elsewhere).
 *
 * What only HDF5 can mend: 1.10.8 itself crashes on a few failed allocations in a hundred, in
 * clearing away what it had begun (H5F__new, H5B__node_dest, H5O__free, H5CX_pop, and H5F__close_cb
 * at the program's end), ends the program in H5Aopen, runs out of stack where all fail, and crashes
 * on any in H5open, since its list of errors has no place yet. Such a crash is told by where it
 * happens, counted and reported; core/keras/hdf5.c asks for a reserve before it lets HDF5 begin,
 * and has it keep no free lists, which it used after it had freed them. A crash anywhere else fails
 * the test, and so does any of another library.
 *
 * Each try is a process of its own. A run tries at most TRIES allocations of a kind, evenly spread;
 * CONVLENS_TEST_ALL=1 tries all. */

#include "error.h"
#include "image.h"
#include "keras-files.h"
#include "network.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <glib/gstdio.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES 120
#define PATIENCE 20 /* seconds */

/* --- allocations that fail --- */

void *__libc_malloc (size_t size);
void *__libc_calloc (size_t n, size_t size);
void *__libc_realloc (void *memory, size_t size);

typedef struct
{
  guintptr from, to;
  gboolean hdf5;
} Range;

static Range ranges[64];
static guint n_ranges;

/* Shared with the processes that try. */
typedef struct
{
  gint count, others; /* of the libraries; of everybody else */
} Counts;

static Counts *counts;
static gint fail_at; /* 0: none */
static gboolean failed_in_hdf5;
static gboolean and_all_after;

static gboolean
fails (const void *caller)
{
  const guintptr at = (guintptr) caller;
  gint number;

  if (counts == NULL)
    return FALSE;
  for (guint i = 0; i < n_ranges; i++)
    if (at >= ranges[i].from && at < ranges[i].to)
      {
        number = g_atomic_int_add (&counts->count, 1) + 1;
        if (fail_at == 0 || (number != fail_at && !(and_all_after && number > fail_at)))
          return FALSE;
        failed_in_hdf5 |= ranges[i].hdf5;
        return TRUE;
      }
  g_atomic_int_inc (&counts->others);
  return FALSE;
}

static void *
nothing (void)
{
  errno = ENOMEM;
  return NULL;
}

#define CALLER __builtin_return_address (0)

void *
malloc (size_t size)
{
  return fails (CALLER) ? nothing () : __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  return fails (CALLER) ? nothing () : __libc_calloc (n, size);
}

void *
realloc (void *memory, size_t size)
{
  return fails (CALLER) ? nothing () : __libc_realloc (memory, size);
}

/* libc's own would call malloc itself */
#undef strdup
char *
strdup (const char *text)
{
  const size_t length = strlen (text) + 1;
  char *copy = fails (CALLER) ? nothing () : __libc_malloc (length);

  return copy != NULL ? memcpy (copy, text, length) : NULL;
}

static int
note_library (struct dl_phdr_info *info, G_GNUC_UNUSED size_t size, G_GNUC_UNUSED void *data)
{
  static const char *const names[] = { "libhdf5", "libzip", "libz.", "libpng", "libjpeg" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strstr (info->dlpi_name, names[i]) != NULL)
      for (int j = 0; j < info->dlpi_phnum && n_ranges < G_N_ELEMENTS (ranges); j++)
        {
          const ElfW (Phdr) *part = &info->dlpi_phdr[j];
          const guintptr from = info->dlpi_addr + part->p_vaddr;

          if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0)
            ranges[n_ranges++] = (Range){ from, from + part->p_memsz, i == 0 };
        }
  return 0;
}

/* --- crashes --- */

enum
{
  OPENED = 0,
  REFUSED = 1,
  SILENT = 3, /* refused without an error */
  OF_HDF5 = 4,
  CRASHED = 5,
  EXIT_OF_HDF5 = 255 /* with which it ends the program where H5Aopen gets no memory */
};

/* Whose: the first code on the way out that is neither libc's nor this file's. HDF5 frees things
 * twice where it got no memory, which malloc may notice only later, when others call it. */
static void
on_crash (G_GNUC_UNUSED int number)
{
  void *frames[64];
  const int n = backtrace (frames, G_N_ELEMENTS (frames));
  Dl_info info;

  /* 0 and 1 are this function and libc's way to it */
  if (n > 2 && failed_in_hdf5 && dladdr (frames[2], &info) != 0 && info.dli_fname != NULL
      && strstr (info.dli_fname, "libc.") != NULL)
    _exit (OF_HDF5);
  for (int i = 2; i < n; i++)
    {
      const guintptr at = (guintptr) frames[i];

      for (guint j = 0; j < n_ranges; j++)
        if (at >= ranges[j].from && at < ranges[j].to)
          _exit (ranges[j].hdf5 ? OF_HDF5 : CRASHED);
      if (dladdr (frames[i], &info) != 0 && info.dli_fname != NULL
          && strstr (info.dli_fname, "libc.") == NULL
          && strstr (info.dli_fname, "test-allocation") == NULL)
        break;
    }
  _exit (CRASHED);
}

static void
watch_for_crashes (void)
{
  static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTRAP };
  static char room[256 * 1024]; /* for the handler, when the stack has run out */
  const stack_t stack = { .ss_sp = room, .ss_size = sizeof room };
  const struct sigaction action = { .sa_handler = on_crash, .sa_flags = SA_ONSTACK };
  void *frame;

  backtrace (&frame, 1); /* loads what it needs */
  sigaltstack (&stack, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    sigaction (signals[i], &action, NULL);
}

/* --- what is opened --- */

static void
with_chunks (hid_t file)
{
  hid_t creation = H5Pcreate (H5P_DATASET_CREATE);

  H5Pset_chunk (creation, 4, kernel_dims);
  H5Pset_shuffle (creation);
  H5Pset_deflate (creation, 6);
  write_numbers (file, "model_weights/conv/conv/kernel:0", H5T_IEEE_F64LE, 4, kernel_dims,
                 creation);
  H5Pclose (creation);
}

static void
write_legacy (const char *path)
{
  g_autofree char *config = small_text (small_config, NULL, NULL);

  write_h5 (path, LEGACY, config, with_chunks);
}

static void
write_weights (const char *path)
{
  write_h5 (path, LEGACY, NULL, NULL);
}

static void
write_archive (const char *path)
{
  g_autofree char *config = small_text (small_config, NULL, NULL);

  write_keras (path, config, NULL);
}

/* All entries packed, the weights too. */
static void
write_packed_archive (const char *path)
{
  g_autofree char *inner = g_strconcat (path, ".inner", NULL), *weights = NULL;
  g_autofree char *config = small_text (small_config, NULL, NULL);
  gsize length;

  write_h5 (inner, PATHS, NULL, NULL);
  g_assert_true (g_file_get_contents (inner, &weights, &length, NULL));
  g_unlink (inner);
  write_zip (path, "config.json", config, strlen (config));
  write_zip (path, "model.weights.h5", weights, length);
}

static void
write_new_weights (const char *path)
{
  write_h5 (path, PATHS, NULL, NULL);
}

static void
write_labels (const char *path)
{
  g_autofree char *model = g_strconcat (path, ".h5", NULL);

  write_legacy (model);
  g_assert_true (g_file_set_contents (path, "[\"cat\", \"dog\"]", -1, NULL));
}

static void
write_copy (const char *path, const char *name)
{
  g_autofree char *source = g_build_filename (g_getenv ("CONVLENS_SOURCE_ROOT"), name, NULL);
  g_autofree char *bytes = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (source, &bytes, &length, NULL));
  g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
}

static void
write_png (const char *path)
{
  write_copy (path, "plugin/help/faithfulness.png");
}

static void
write_jpeg (const char *path)
{
  write_copy (path, "install/sample/coffee.jpg");
}

static void
write_npy (const char *path)
{
  write_copy (path, "tests/data/keras/sequential/input.npy");
}

static gboolean
open_model (const char *path, GError **error)
{
  g_autoptr (CnnNetwork) network =
      cnn_network_open (path, NULL, CNN_PREPROCESS_AUTO, NULL, NULL, error);

  return network != NULL;
}

static gboolean
open_with_architecture (const char *path, GError **error)
{
  g_autoptr (CnnNetwork) network =
      cnn_network_open (path, "vgg16", CNN_PREPROCESS_AUTO, NULL, NULL, error);

  return network != NULL;
}

static gboolean
open_labels (const char *path, GError **error)
{
  g_autofree char *model = g_strconcat (path, ".h5", NULL);
  g_autoptr (CnnNetwork) network =
      cnn_network_open (model, NULL, CNN_PREPROCESS_AUTO, path, NULL, error);

  return network != NULL;
}

static gboolean
open_image (const char *path, GError **error)
{
  CnnImage *image = cnn_image_load (path, error);

  cnn_image_unref (image);
  return image != NULL;
}

static gboolean
open_npy (const char *path, GError **error)
{
  g_autoptr (CnnArray) array = cnn_npy_load (path, error);

  return array != NULL;
}

static const struct
{
  const char *name;
  void (*write) (const char *path);
  gboolean (*open) (const char *path, GError **error);
  gboolean refused; /* also with all the memory there is */
  gboolean hdf5;
} kinds[] = {
  { "model.h5", write_legacy, open_model, FALSE, TRUE },
  { "only.h5", write_weights, open_with_architecture, TRUE, TRUE },
  { "model.keras", write_archive, open_model, FALSE, TRUE },
  { "packed.keras", write_packed_archive, open_model, FALSE, TRUE },
  { "model.weights.h5", write_new_weights, open_with_architecture, TRUE, TRUE },
  { "labels.json", write_labels, open_labels, FALSE, TRUE },
  { "picture.png", write_png, open_image, FALSE, FALSE },
  { "picture.jpg", write_jpeg, open_image, FALSE, FALSE },
  { "input.npy", write_npy, open_npy, FALSE, FALSE },
};

/* --- the tries --- */

static int
open_apart (guint kind, const char *path, gint at)
{
  pid_t child;
  int status;

  fflush (NULL);
  counts->count = counts->others = 0;
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    {
      g_autoptr (GError) error = NULL;
      gboolean opened;

      alarm (PATIENCE);
      if (kinds[kind].hdf5)
        H5Eset_auto2 (H5E_DEFAULT, NULL, NULL); /* and sets all up */
      watch_for_crashes ();
      dl_iterate_phdr (note_library, NULL);
      fail_at = at;
      opened = kinds[kind].open (path, &error);
      fail_at = 0;
      exit (opened ? OPENED : error != NULL ? REFUSED : SILENT);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  return status;
}

static void
try_all (guint kind, const char *path, gboolean all_after)
{
  gint n, step, tries = 0, refused = 0, of_hdf5 = 0;
  int status;

  and_all_after = all_after;
  status = open_apart (kind, path, 0);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, kinds[kind].refused ? REFUSED : OPENED);
  n = counts->count;
  step = g_getenv ("CONVLENS_TEST_ALL") != NULL ? 1 : MAX (1, n / TRIES);
  g_test_message ("%d allocations of the libraries%s; %d of others, GLib's among them", n,
                  all_after ? ", one and all after it" : "", counts->others);
  for (gint at = 1; at <= n; at += step, tries++)
    {
      int result;

      status = open_apart (kind, path, at);
      result = WIFEXITED (status) ? WEXITSTATUS (status) : CRASHED;
      if (result == EXIT_OF_HDF5)
        result = OF_HDF5;
      refused += result == REFUSED;
      of_hdf5 += result == OF_HDF5;
      if (result == OPENED || result == REFUSED || (result == OF_HDF5 && kinds[kind].hdf5))
        continue;
      g_test_message ("number %d%s: %s %d", at, all_after ? " and all after it" : "",
                      WIFEXITED (status) ? "exit status" : "signal",
                      WIFEXITED (status) ? WEXITSTATUS (status) : WTERMSIG (status));
      g_test_fail ();
    }
  g_test_message ("%d tries: %d opened, %d refused, %d crashed in HDF5's own code", tries,
                  tries - refused - of_hdf5, refused, of_hdf5);
}

static void
test_kind (gconstpointer data)
{
  const guint kind = GPOINTER_TO_UINT (data);
  g_autofree char *path = new_path (kinds[kind].name);
  pid_t child = fork ();

  /* HDF5 stays as it was before its first use, in this process */
  if (child == 0)
    {
      kinds[kind].write (path);
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
  try_all (kind, path, FALSE);
  if (!kinds[kind].hdf5)
    try_all (kind, path, TRUE);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  counts = mmap (NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  g_assert_true (counts != MAP_FAILED);
  test_folder ();
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autofree char *path = g_strdup_printf ("/allocation/%s", kinds[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_kind);
    }
  status = g_test_run ();
  remove_folder ();
  return status;
}
