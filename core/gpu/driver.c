/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What has to be right before a driver is loaded, since a driver that meets it ends the process:
 * Mesa maps its shader cache and dies of SIGBUS where the disk is full, its compiler dies where
 * memory is refused, and some widths of vectors make its software driver crash or hang. */
#include "private.h"
#include "wide.h"

#include <gio/gio.h>
#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MB ((guint64) 1 << 20)
/* Mesa maps 1.3 MB of its cache, and a run adds a few. */
#define CACHE_SPACE (16 * MB)
#define CACHE_FILES 64
/* Address space of the driver and its compiler; 150 MB measured with llvmpipe. */
#define DRIVER_SPACE (200 * MB)
/* Of kernels in the making, and what else a small model needs. */
#define WORK_SPACE (96 * MB)
/* A run of the built-in model takes 150 MB on llvmpipe. */
#define LITTLE_MEMORY (256 * MB)
#define OTHER_THREADS 8
#define MOST_DRIVER_THREADS 32

static char *warning;

/* --- The shader cache --- */

static gboolean
is_on (const char *name)
{
  const char *value = g_getenv (name);

  return value != NULL && (g_ascii_strcasecmp (value, "true") == 0 || strcmp (value, "1") == 0);
}

/* The folder where Mesa makes its cache, or one above it that is there. Transfer full, or NULL. */
static char *
cache_folder (void)
{
  const char *own = g_getenv ("MESA_SHADER_CACHE_DIR"), *cache = g_getenv ("XDG_CACHE_HOME");
  const struct passwd *user;
  char *folder;

  if (own == NULL)
    own = g_getenv ("MESA_GLSL_CACHE_DIR");
  user = own == NULL && cache == NULL ? getpwuid (getuid ()) : NULL;
  if (own != NULL || cache != NULL)
    folder = g_build_filename (own != NULL ? own : cache, "mesa_shader_cache", NULL);
  else if (user != NULL)
    folder = g_build_filename (user->pw_dir, ".cache", "mesa_shader_cache", NULL);
  else
    return NULL;
  while (!g_file_test (folder, G_FILE_TEST_EXISTS) && strcmp (folder, ".") != 0)
    {
      char *above = g_path_get_dirname (folder);

      g_free (folder);
      folder = above;
    }
  return folder;
}

static gboolean
has_space (const char *folder)
{
  struct statvfs disk;

  return statvfs (folder, &disk) != 0
         || ((guint64) disk.f_bavail * disk.f_frsize >= CACHE_SPACE
             && (disk.f_files == 0 || disk.f_favail >= CACHE_FILES));
}

static void
warn (char *text)
{
  char *both = warning != NULL ? g_strconcat (warning, " ", text, NULL) : g_strdup (text);

  g_free (warning);
  g_free (text);
  warning = both;
}

static void
check_cache (void)
{
  static char off[] = "MESA_SHADER_CACHE_DISABLE=true";
  g_autofree char *folder = cache_folder ();

  if (folder == NULL || is_on ("MESA_SHADER_CACHE_DISABLE") || is_on ("MESA_GLSL_CACHE_DISABLE")
      || has_space (folder))
    return;
  putenv (off);
  warn (g_strdup_printf ("There is too little space for the driver's shader cache in %s (%d MB are "
                         "needed), so it was switched off: each run compiles its kernels anew.",
                         folder, (int) (CACHE_SPACE / MB)));
}

/* --- Memory --- */

/* A number of pages out of /proc/self/statm, in bytes: 0 the address space, 5 data and stacks. */
static guint64
used_memory (int field)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    return 0;
  fields = g_strsplit (text, " ", -1);
  return (int) g_strv_length (fields) > field
             ? g_ascii_strtoull (fields[field], NULL, 10) * (guint64) sysconf (_SC_PAGESIZE)
             : 0;
}

/* What the limit leaves of it, G_MAXUINT64 without one. */
static guint64
left (int resource, int field, guint64 *limit)
{
  struct rlimit set;
  guint64 used;

  if (getrlimit (resource, &set) != 0 || set.rlim_cur == RLIM_INFINITY)
    return G_MAXUINT64;
  *limit = MIN (*limit, set.rlim_cur);
  used = used_memory (field);
  return set.rlim_cur > used ? set.rlim_cur - used : 0;
}

static guint64
stacks (void)
{
  guint64 processors = g_get_num_processors ();
  guint64 threads = MIN (processors, MOST_DRIVER_THREADS) + processors + OTHER_THREADS;
  pthread_attr_t attributes;
  gsize size = 0;

  if (pthread_attr_init (&attributes) == 0)
    {
      pthread_attr_getstacksize (&attributes, &size);
      pthread_attr_destroy (&attributes);
    }
  return threads * size;
}

static gboolean
check_limits (guint64 space, guint64 data, const char *what, GError **error)
{
  guint64 limit = G_MAXUINT64;
  guint64 space_left = left (RLIMIT_AS, 0, &limit), data_left = left (RLIMIT_DATA, 5, &limit);
  guint64 missing =
      MAX (space > space_left ? space - space_left : 0, data > data_left ? data - data_left : 0);

  if (missing == 0)
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
               "too little memory to %s: this process may have %d MB (ulimit -v, ulimit -d), and "
               "needs about %d MB",
               what, (int) (limit / MB), (int) ((limit + missing + MB - 1) / MB));
  return FALSE;
}

static gboolean
is_limited (void)
{
  guint64 limit = G_MAXUINT64;

  return MIN (left (RLIMIT_AS, 0, &limit), left (RLIMIT_DATA, 5, &limit)) != G_MAXUINT64;
}

gboolean
cnn_driver_has_memory (GError **error)
{
  return check_limits (WORK_SPACE, WORK_SPACE, "make kernels", error);
}

/* What the machine has left, swap included; G_MAXUINT64 where nobody says. */
static guint64
free_memory (void)
{
  g_autofree char *text = NULL;
  const char *available, *swap;

  if (!g_file_get_contents ("/proc/meminfo", &text, NULL, NULL)
      || (available = strstr (text, "MemAvailable:")) == NULL)
    return G_MAXUINT64;
  swap = strstr (text, "SwapFree:");
  return 1024
         * (g_ascii_strtoull (available + strlen ("MemAvailable:"), NULL, 10)
            + (swap != NULL ? g_ascii_strtoull (swap + strlen ("SwapFree:"), NULL, 10) : 0));
}

static void
check_free_memory (void)
{
  guint64 memory = free_memory ();

  if (memory < LITTLE_MEMORY)
    warn (g_strdup_printf ("The machine has %d MB of memory left, and a run needs about %d MB: the "
                           "system may end it.",
                           (int) (memory / MB), (int) (LITTLE_MEMORY / MB)));
}

/* --- All of it --- */

void
cnn_gpu_spare_address_space (void)
{
  if (is_limited ())
    mallopt (M_ARENA_MAX, 1);
}

static void
check_once (void)
{
  static gsize done;

  if (!g_once_init_enter (&done))
    return;
  check_cache ();
  check_free_memory ();
  cnn_gpu_spare_address_space ();
  g_once_init_leave (&done, 1);
}

/* Mesa's software driver keeps its memory in a file without a name since version 24. */
static gboolean
check_file_limit (GError **error)
{
  struct rlimit file;

  if (getrlimit (RLIMIT_FSIZE, &file) != 0 || file.rlim_cur >= LITTLE_MEMORY)
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
               "this process may write files of %d MB at most (ulimit -f), and a Vulkan driver may "
               "keep its memory in one: %d MB are needed",
               (int) (file.rlim_cur / MB), (int) (LITTLE_MEMORY / MB));
  return FALSE;
}

gboolean
cnn_gpu_prepare (GError **error)
{
  static gsize loaded;
  guint64 data = WORK_SPACE + stacks ();

  if (!cnn_wide_check (error))
    return FALSE;
  check_once ();
  if (g_atomic_pointer_get (&loaded) != 0)
    return TRUE;
  if (!check_file_limit (error)
      || !check_limits (DRIVER_SPACE + data, data, "load a Vulkan driver", error))
    return FALSE;
  g_atomic_pointer_set (&loaded, 1);
  return TRUE;
}

const char *
cnn_gpu_warning (void)
{
  return warning;
}

/* --- A driver that is not there, and one that is --- */

/* The first file of a folder, or the file itself, that says where a driver is. */
static char *
manifest_in (const char *path)
{
  g_autoptr (GDir) folder = NULL;
  const char *name;

  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return g_strdup (path);
  folder = g_dir_open (path, 0, NULL);
  while (folder != NULL && (name = g_dir_read_name (folder)) != NULL)
    if (g_str_has_suffix (name, ".json"))
      return g_build_filename (path, name, NULL);
  return NULL;
}

/* Where the loader looks for drivers. Transfer full. */
static GPtrArray *
manifest_places (void)
{
  static const char *const system[] = { "/etc", "/usr/local/etc", NULL };
  const char *given = g_getenv ("VK_DRIVER_FILES");
  GPtrArray *places = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) files = NULL;

  if (given == NULL)
    given = g_getenv ("VK_ICD_FILENAMES");
  files = g_strsplit (given != NULL ? given : "", ":", -1);
  for (char **file = files; *file != NULL; file++)
    g_ptr_array_add (places, g_strdup (*file));
  if (given != NULL)
    return places;
  for (const char *const *each = system; *each != NULL; each++)
    g_ptr_array_add (places, g_build_filename (*each, "vulkan", "icd.d", NULL));
  for (const char *const *each = g_get_system_config_dirs (); *each != NULL; each++)
    g_ptr_array_add (places, g_build_filename (*each, "vulkan", "icd.d", NULL));
  g_ptr_array_add (places, g_build_filename (g_get_user_config_dir (), "vulkan", "icd.d", NULL));
  g_ptr_array_add (places, g_build_filename (g_get_user_data_dir (), "vulkan", "icd.d", NULL));
  for (const char *const *each = g_get_system_data_dirs (); *each != NULL; each++)
    g_ptr_array_add (places, g_build_filename (*each, "vulkan", "icd.d", NULL));
  return places;
}

void
cnn_driver_set_missing (GError **error)
{
  g_autoptr (GPtrArray) places = manifest_places ();
  g_autofree char *manifest = NULL;

  for (guint i = 0; i < places->len && manifest == NULL; i++)
    manifest = manifest_in (places->pdata[i]);
  if (manifest == NULL)
    g_set_error_literal (
        error, CNN_ERROR, CNN_ERROR_DEVICE,
        "no Vulkan driver was found; install your graphics driver's Vulkan part, or the software "
        "driver (package mesa-vulkan-drivers)");
  else
    g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
                 "a Vulkan driver is installed (%s), but none could be loaded: a library of it is "
                 "missing, or there is too little memory",
                 manifest);
}
