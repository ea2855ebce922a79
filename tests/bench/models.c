/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Whole models on a device, timed through cnn.h and through the program; README.md tells how.
 *
 *   bench-models [--program CONVLENS] [--work FOLDER] [--seconds N] [--photo FILE] [MODEL…]
 */

#include "made-model.h"
#include "noise.h"
#include "runs.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <sys/resource.h>

#define SEED 1
/* Runs of a measurement: at least so many, and more for so long. */
#define LEAST_RUNS 3
#define MOST_RUNS 200
#define LONG_ENOUGH 1.

typedef enum
{
  PHASE_QUICK,
  PHASE_PATTERN,
  PHASE_EMPTY,
  PHASE_SHEET,
  N_PHASES
} Phase;

typedef enum
{
  ROW_OPEN,
  ROW_FORWARD_FIRST,
  ROW_FORWARD,
  ROW_GRAD_CAM,
  ROW_GRADIENT,
  ROW_FORWARD_MANY,
  ROW_GRAD_CAM_MANY,
  ROW_GRADIENT_MANY,
  ROW_COLD_FIRST,
  ROW_COLD,
  ROW_PATTERN_FIRST,
  ROW_PATTERN,
  ROW_MORE_STEPS,
  ROW_COLD_EMPTY,
  ROW_SHEET,
  N_ROWS
} Row;

/* One model's lines. */
typedef struct
{
  Model model;
  double best[N_ROWS], median[N_ROWS]; /* ms; 0: not measured */
  GString *left_out;
} Subject;

typedef struct
{
  Bench bench;
  double seconds;
  gint64 start;
  int failures;
} Table;

static const struct
{
  const char *what;
  Phase phase;
  Run run;
  gboolean needs_session, many;
  gboolean by_program;
  gboolean empty; /* caches before each run */
  gboolean first; /* the first run alone; else that is left out */
  Row less;       /* what is taken off, or 0 */
  double passes;  /* forward runs that the arithmetic is worth */
  int steps;      /* of patterns, times pictures */
} rows[N_ROWS] = {
  [ROW_OPEN] = { "open", PHASE_QUICK, run_open, .empty = TRUE },
  [ROW_FORWARD_FIRST] = { "forward, first", PHASE_QUICK, run_forward, .needs_session = TRUE,
                          .first = TRUE },
  [ROW_FORWARD] = { "forward", PHASE_QUICK, run_forward, .needs_session = TRUE, .passes = 1 },
  [ROW_GRAD_CAM] = { "grad-cam", PHASE_QUICK, run_grad_cam, .needs_session = TRUE },
  [ROW_GRADIENT] = { "input gradient", PHASE_QUICK, run_gradient, .needs_session = TRUE,
                     .passes = 2 },
  [ROW_FORWARD_MANY] = { "forward, many", PHASE_QUICK, run_forward, .needs_session = TRUE,
                         .many = TRUE, .passes = 1 },
  [ROW_GRAD_CAM_MANY] = { "grad-cam, many", PHASE_QUICK, run_grad_cam, .needs_session = TRUE,
                          .many = TRUE },
  [ROW_GRADIENT_MANY] = { "input gradient, many", PHASE_QUICK, run_gradient, .needs_session = TRUE,
                          .many = TRUE, .passes = 2 },
  [ROW_COLD_FIRST] = { "cold, caches empty, first", PHASE_QUICK, run_program, .by_program = TRUE,
                       .empty = TRUE, .first = TRUE },
  [ROW_COLD] = { "cold", PHASE_QUICK, run_program, .by_program = TRUE },
  [ROW_PATTERN_FIRST] = { "pattern, 30 steps, first", PHASE_PATTERN, run_pattern,
                          .needs_session = TRUE, .first = TRUE },
  [ROW_PATTERN] = { "pattern, 30 steps", PHASE_PATTERN, run_pattern, .needs_session = TRUE,
                    .steps = PATTERN_STEPS },
  [ROW_MORE_STEPS] = { "pattern, 30 more steps", PHASE_PATTERN, run_long_pattern,
                       .needs_session = TRUE, .less = ROW_PATTERN, .steps = PATTERN_STEPS },
  [ROW_COLD_EMPTY] = { "cold, caches empty", PHASE_EMPTY, run_program, .by_program = TRUE,
                       .empty = TRUE },
  [ROW_SHEET] = { "sheet of 16, 30 steps", PHASE_SHEET, run_sheet, .needs_session = TRUE,
                  .steps = SHEET_PICTURES * PATTERN_STEPS },
};

/* --- Measuring --- */

static double
seconds_since (gint64 start)
{
  return (double) (g_get_monotonic_time () - start) / 1e6;
}

static gboolean
time_is_over (const Table *self)
{
  return seconds_since (self->start) >= self->seconds;
}

static gboolean
run_once (Bench *bench, Model *model, Row row, double *milliseconds, GError **error)
{
  gint64 start;

  if (rows[row].empty && rows[row].by_program)
    {
      g_autofree char *caches = program_caches (bench, model);

      empty_folder (caches);
    }
  else if (rows[row].empty)
    {
      close_session (bench);
      empty_folder (bench->caches);
    }
  start = g_get_monotonic_time ();
  if (!rows[row].run (bench, model, error))
    return FALSE;
  *milliseconds = seconds_since (start) * 1e3;
  return TRUE;
}

static int
by_size (gconstpointer a, gconstpointer b)
{
  const double left = *(const double *) a, right = *(const double *) b;

  return (left > right) - (left < right);
}

/* Milliseconds of the runs, smallest first. */
static gboolean
run_several (Table *self, Model *model, Row row, GArray *times, GError **error)
{
  const guint least = rows[row].first ? 1 : LEAST_RUNS;
  double milliseconds;
  gint64 begin;

  if (rows[row].needs_session && !need_session (&self->bench, model, rows[row].many, error))
    return FALSE;
  if (rows[row].by_program)
    close_session (&self->bench);
  /* what is made in a first run is no part of the others */
  if (!rows[row].first && !rows[row].empty
      && !run_once (&self->bench, model, row, &milliseconds, error))
    return FALSE;
  begin = g_get_monotonic_time ();
  do
    {
      if (!run_once (&self->bench, model, row, &milliseconds, error))
        return FALSE;
      g_array_append_val (times, milliseconds);
    }
  while (
      times->len < MOST_RUNS && !time_is_over (self)
      && (times->len < least
          || (!rows[row].first && !rows[row].by_program && seconds_since (begin) < LONG_ENOUGH)));
  g_array_sort (times, by_size);
  return TRUE;
}

static double
row_operations (const Bench *bench, const Model *model, Row row)
{
  if (rows[row].passes > 0)
    return rows[row].passes * forward_operations (bench);
  if (rows[row].steps > 0)
    return rows[row].steps * step_operations (bench, model);
  return 0;
}

static void
measure (Table *self, Subject *subject, Row row)
{
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GError) error = NULL;
  Model *model = &subject->model;
  const Row less = rows[row].less;
  double operations;

  if (rows[row].by_program && self->bench.program == NULL)
    return;
  if (time_is_over (self) || (less != 0 && subject->median[less] <= 0))
    {
      g_string_append_printf (subject->left_out, "%s%s", subject->left_out->len > 0 ? "; " : "",
                              rows[row].what);
      return;
    }
  printf ("%-22s %-26s", model->name, rows[row].what);
  fflush (stdout);
  if (!run_several (self, model, row, times, &error))
    {
      printf (" failed: %s\n", error->message);
      fflush (stdout);
      self->failures++;
      return;
    }
  subject->best[row] = g_array_index (times, double, 0) - (less != 0 ? subject->best[less] : 0);
  subject->median[row] =
      g_array_index (times, double, times->len / 2) - (less != 0 ? subject->median[less] : 0);
  operations = row_operations (&self->bench, model, row);
  printf (" %10.2f %10.2f", subject->best[row], subject->median[row]);
  if (operations > 0 && subject->median[row] > 0)
    printf (" %9.2f", operations / subject->median[row] / 1e6);
  else
    printf (" %9s", "-");
  printf (" %5u\n", times->len);
  fflush (stdout);
}

/* The kernel keeps the process' peak; this begins a new one. */
static void
forget_peak (void)
{
  FILE *file = fopen ("/proc/self/clear_refs", "w");

  if (file == NULL)
    return;
  fputs ("5", file);
  fclose (file);
}

static void
print_peak (const Model *model)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  printf ("%-22s %-26s %10.0f MB\n", model->name, "peak memory", (double) usage.ru_maxrss / 1e3);
  fflush (stdout);
}

static void
run_phase (Table *self, Subject *subject, Phase phase)
{
  forget_peak ();
  for (int row = 0; row < N_ROWS; row++)
    if (rows[row].phase == phase && subject->model.path != NULL)
      measure (self, subject, (Row) row);
  close_session (&self->bench);
  if (phase == PHASE_QUICK && subject->median[ROW_OPEN] > 0)
    print_peak (&subject->model);
}

/* --- Models --- */

/* A name of an architecture becomes a file; others are as cnn.h takes them. */
static void
prepare_model (Table *self, Model *model, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *file = g_strconcat (name, ".h5", NULL);
  const gint64 start = g_get_monotonic_time ();

  model->name = strrchr (name, '/') != NULL ? strrchr (name, '/') + 1 : name;
  model->made = made_model_known (name);
  model->path = model->made ? g_build_filename (self->bench.work, file, NULL) : g_strdup (name);
  if (!model->made || g_file_test (model->path, G_FILE_TEST_EXISTS))
    return;
  printf ("%-22s %-26s", model->name, "making the file");
  fflush (stdout);
  if (made_model_write (name, model->path, &error))
    printf (" %10.2f %10s %9s %5d\n", seconds_since (start) * 1e3, "-", "-", 1);
  else
    {
      printf (" failed: %s\n", error->message);
      self->failures++;
      g_clear_pointer (&model->path, g_free);
    }
  fflush (stdout);
}

/* --- Beginning and end --- */

/* A picture of natural noise, for whoever gives none. */
static gboolean
make_photo (Bench *bench, GError **error)
{
  g_autoptr (CnnImage) small = cnn_image_new (160, 120, 3, error), photo = NULL;
  g_autoptr (CnnNoise) noise = cnn_noise_new (SEED, 0, 0);

  if (small == NULL)
    return FALSE;
  cnn_noise_fill_natural (noise, 0.5, 0.2, small->height, small->width, 3, small->pixels);
  for (int i = 0; i < small->height * small->width * 3; i++)
    small->pixels[i] = CLAMP (small->pixels[i], 0.f, 1.f);
  photo = cnn_image_resize (small, 640, 480, CNN_RESIZE_BILINEAR, error);
  bench->photo_path = g_build_filename (bench->scratch, "photo.png", NULL);
  return photo != NULL && cnn_image_save_png (photo, bench->photo_path, error);
}

static void
print_device (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnDevice) device = cnn_device_open (NULL, &error);
  g_autoptr (GPtrArray) devices = device != NULL ? cnn_devices_list (&error) : NULL;

  if (devices == NULL)
    {
      printf ("device: %s\n", error->message);
      return;
    }
  for (guint i = 0; i < devices->len; i++)
    {
      const CnnDeviceInfo *info = g_ptr_array_index (devices, i);

      if (strcmp (info->name, cnn_device_name (device)) != 0)
        continue;
      printf ("device: %s (%s, %.1f GB)\ndriver: %s\n", info->name, info->type,
              (double) info->memory / 1e9, info->driver);
      return;
    }
}

static void
print_header (void)
{
  const char *debug = g_getenv ("CONVLENS_DEBUG");

  print_device ();
  if (debug != NULL && debug[0] != '\0')
    printf ("CONVLENS_DEBUG: %s\n", debug);
  printf ("Milliseconds by the clock. forward, grad-cam, input gradient: from a photograph in "
          "memory, with resizing,\nupload and reading the result back. many: kernels for repeated "
          "runs. pattern, sheet: %d×%d, with planning;\n30 more steps: 60 less 30. cold: convlens "
          "grad-cam as a new process, with its pipeline caches unless\ncaches empty. GFLOP/s of "
          "the median: 2 for each weight and place, forward once, gradients and steps twice.\n\n",
          PATTERN_SIZE, PATTERN_SIZE);
  printf ("%-22s %-26s %10s %10s %9s %5s\n", "model", "what", "best ms", "median ms", "GFLOP/s",
          "runs");
  fflush (stdout);
}

static gboolean
prepare (Table *self, const char *photo, GError **error)
{
  Bench *bench = &self->bench;

  bench->scratch = g_dir_make_tmp ("convlens-bench-XXXXXX", error);
  if (bench->scratch == NULL)
    return FALSE;
  if (bench->work == NULL)
    bench->work = g_strdup (bench->scratch);
  if (g_mkdir_with_parents (bench->work, 0755) != 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_FILE, "the folder \"%s\" cannot be made",
                   bench->work);
      return FALSE;
    }
  use_own_caches (bench);
  bench->photo_path = g_strdup (photo);
  if (photo == NULL && !make_photo (bench, error))
    return FALSE;
  bench->photo = cnn_image_load (bench->photo_path, error);
  return bench->photo != NULL;
}

static void
clean_up (Table *self, Subject *subjects, guint n)
{
  Bench *bench = &self->bench;

  for (guint i = 0; i < n; i++)
    {
      g_free (subjects[i].model.path);
      g_free (subjects[i].model.pattern_layer);
      g_string_free (subjects[i].left_out, TRUE);
    }
  if (bench->scratch != NULL)
    remove_tree (bench->scratch);
  cnn_image_unref (bench->photo);
  g_free (bench->caches);
  g_free (bench->photo_path);
  g_free (bench->work);
  g_free (bench->scratch);
}

static void
print_left_out (const Subject *subjects, guint n)
{
  gboolean any = FALSE;

  printf ("left out:");
  for (guint i = 0; i < n; i++)
    if (subjects[i].left_out->len > 0)
      {
        printf ("%s %s (%s)", any ? "," : "", subjects[i].model.name, subjects[i].left_out->str);
        any = TRUE;
      }
  puts (any ? "" : " nothing");
}

int
main (int argc, char **argv)
{
  static const char *const usual[] = { "mobilenetv2_1_0", "resnet50", "xception", "vgg16", NULL };
  g_autofree char *program = NULL, *work = NULL, *photo = NULL;
  g_auto (GStrv) named = NULL;
  double seconds = 180;
  const GOptionEntry options[] = {
    { "program", 0, 0, G_OPTION_ARG_FILENAME, &program,
      "the program convlens; without it there are no cold starts", "CONVLENS" },
    { "work", 0, 0, G_OPTION_ARG_FILENAME, &work,
      "where models are made and kept; without it in a folder that is removed", "FOLDER" },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &seconds,
      "no measurement begins after so many seconds (180)", "N" },
    { "photo", 0, 0, G_OPTION_ARG_FILENAME, &photo, "without it a picture is made", "FILE" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &named, NULL, "[MODEL…]" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autofree Subject *subjects = NULL;
  const char *const *names;
  Table self = { .start = g_get_monotonic_time () };
  guint n;

  setlocale (LC_ALL, "");
  g_option_context_set_summary (
      context, "Times whole models: names of weights/architectures, which get seeded weights, "
               "efficientnet-lite0, or files.");
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      fprintf (stderr, "bench-models: %s\n", error->message);
      return 2;
    }
  self.bench.program = program;
  self.bench.work = g_steal_pointer (&work);
  self.seconds = seconds;
  if (!prepare (&self, photo, &error))
    {
      fprintf (stderr, "bench-models: %s\n", error->message);
      clean_up (&self, NULL, 0);
      return 2;
    }
  names = named != NULL ? (const char *const *) named : usual;
  n = g_strv_length ((char **) names);
  subjects = g_new0 (Subject, n);
  for (guint i = 0; i < n; i++)
    subjects[i].left_out = g_string_new (NULL);
  print_header ();
  for (int phase = 0; phase < N_PHASES; phase++)
    for (guint i = 0; i < n; i++)
      {
        if (phase == PHASE_QUICK)
          prepare_model (&self, &subjects[i].model, names[i]);
        run_phase (&self, &subjects[i], (Phase) phase);
      }
  print_left_out (subjects, n);
  clean_up (&self, subjects, n);
  return self.failures > 0;
}
