/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Runs a target over a corpus, without libFuzzer: every file of the folders, then N changed ones.
 *   fuzz-TARGET [--runs N] [--seed S] [--only I] FOLDER…
 * TAP. Run I of seed S is always the same bytes; one that crashes is written to crash-TARGET. */

#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__
#define SLOW_SECONDS 10.
#else
#define SLOW_SECONDS 2. /* of the processor's time */
#endif
#define HANG_SECONDS 60
#define ROOM (256 * 1024)

extern size_t LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t most, unsigned seed)
    __attribute__ ((weak));

/* What a signal's handler needs. */
static const uint8_t *current;
static size_t current_size;
static char name_of_current[4096], crash_file[256];

static GRand *bytes_random;

static int runs, seed = 1, only = -1;
static char **folders;
static const GOptionEntry options[] = {
  { "runs", 0, 0, G_OPTION_ARG_INT, &runs, "changed inputs to run after the corpus", "N" },
  { "seed", 0, 0, G_OPTION_ARG_INT, &seed, "of the changes", "S" },
  { "only", 0, 0, G_OPTION_ARG_INT, &only, "the one change I alone", "I" },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &folders, NULL, "FOLDER…" },
  G_OPTION_ENTRY_NULL
};

/* --- the mutator: bits, bytes, numbers, pieces --- */

static size_t
pick (size_t n)
{
  return n > 0 ? g_rand_int (bytes_random) % n : 0;
}

static size_t
mutate_once (uint8_t *data, size_t size, size_t most)
{
  static const guint64 numbers[] = { 0,      1,          0x7f,       0x80,       0xff,       0x7fff,
                                     0xffff, 0x7fffffff, 0xffffffff, G_MAXINT64, G_MAXUINT64 };
  const size_t at = pick (size), from = pick (size), width = (size_t) 1 << pick (4);
  size_t n = 1 + pick (MIN (size, 64));
  guint64 number;

  if (size == 0)
    {
      data[0] = (uint8_t) g_rand_int (bytes_random);
      return 1;
    }
  switch (pick (8))
    {
    case 0:
      data[at] ^= (uint8_t) (1 << pick (8));
      return size;
    case 1:
      data[at] = (uint8_t) g_rand_int (bytes_random);
      return size;
    case 2:
      number = numbers[pick (G_N_ELEMENTS (numbers))];
      memcpy (data + at, &number, MIN (width, size - at));
      return size;
    case 3: /* one more or less */
      data[at] = (uint8_t) (data[at] + (pick (2) ? 1 : -1));
      return size;
    case 4: /* a piece is copied over another */
      n = MIN (n, size - MAX (at, from));
      memmove (data + at, data + from, n);
      return size;
    case 5: /* taken out */
      n = MIN (n, size - at);
      memmove (data + at, data + at + n, size - at - n);
      return size - n;
    case 6: /* put in once more */
      n = MIN (n, MIN (size - at, most - size));
      memmove (data + at + n, data + at, size - at);
      return size + n;
    default: /* cut off, seldom */
      return pick (8) == 0 ? at : size;
    }
}

size_t
LLVMFuzzerMutate (uint8_t *data, size_t size, size_t most)
{
  for (size_t n = 1 + pick (8); n > 0; n--)
    size = mutate_once (data, size, most);
  return size;
}

/* --- a run --- */

static void
on_signal (int number)
{
  static char text[sizeof name_of_current + sizeof crash_file + 64];
  int fd, length;

  /* malloc may be what has ended it */
  signal (number, SIG_DFL);
  length = snprintf (text, sizeof text, "Bail out! signal %d at %s; its bytes are in %s\n", number,
                     name_of_current, crash_file);
  fd = open (crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (write (STDOUT_FILENO, text, (size_t) length) < 0 || fd < 0
      || write (fd, current, current_size) < 0)
    _exit (1);
  raise (number);
}

static void
watch_signals (void)
{
  static char stack[64 * 1024]; /* an overflow of the stack leaves no other */
  const stack_t other = { .ss_sp = stack, .ss_size = sizeof stack };
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
  static const int numbers[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGTRAP, SIGALRM };

  sigaltstack (&other, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    sigaction (numbers[i], &action, NULL);
}

/* Our own: what the system takes to find memory hangs on what else it is at. */
static double
processor_seconds (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double) usage.ru_utime.tv_sec + (double) usage.ru_utime.tv_usec * 1e-6;
}

/* FALSE where it took too long. */
static gboolean
run (const char *name, const uint8_t *data, size_t size)
{
  /* Of exactly this size, so that a sanitizer sees what is read beyond it. */
  g_autofree uint8_t *copy = g_memdup2 (data, size);
  double start = processor_seconds (), seconds;

  g_strlcpy (name_of_current, name, sizeof name_of_current);
  current = data;
  current_size = size;
  alarm (HANG_SECONDS);
  LLVMFuzzerTestOneInput (copy, size);
  alarm (0);
  seconds = processor_seconds () - start;
  if (seconds <= SLOW_SECONDS)
    return TRUE;
  printf ("# %s took %.1f seconds\n", name, seconds);
  return FALSE;
}

typedef struct
{
  char *name;
  uint8_t *bytes;
  gsize size;
} Input;

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
clear_input (gpointer data)
{
  Input *input = data;

  g_free (input->name);
  g_free (input->bytes);
}

static GArray *
read_folders (void)
{
  GArray *inputs = g_array_new (FALSE, FALSE, sizeof (Input));
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  g_array_set_clear_func (inputs, clear_input);

  for (int i = 0; folders[i] != NULL; i++)
    {
      g_autoptr (GDir) dir = g_dir_open (folders[i], 0, NULL);
      const char *name;

      while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
        g_ptr_array_add (names, g_build_filename (folders[i], name, NULL));
    }
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++)
    {
      Input input = { .name = names->pdata[i] };

      if (g_file_get_contents (input.name, (char **) &input.bytes, &input.size, NULL))
        g_array_append_val (inputs, input);
      else
        g_free (input.name);
    }
  return inputs;
}

static gboolean
run_changed (GArray *inputs, int number)
{
  static uint8_t data[ROOM];
  g_autofree char *name = g_strdup_printf ("seed %d, run %d", seed, number);
  g_autoptr (GRand) random =
      g_rand_new_with_seed_array ((guint32[]){ (guint32) seed, (guint32) number }, 2);
  const Input *input = &g_array_index (inputs, Input, g_rand_int (random) % inputs->len);
  size_t size = MIN (input->size, ROOM / 2);

  bytes_random = random;
  g_snprintf (name_of_current, sizeof name_of_current, "the change of %s", name);
  memcpy (data, input->bytes, size);
  size = LLVMFuzzerCustomMutator != NULL
             ? LLVMFuzzerCustomMutator (data, size, ROOM, g_rand_int (random))
             : LLVMFuzzerMutate (data, size, ROOM);
  return run (name, data, size);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) inputs = NULL;
  g_autofree char *target = g_path_get_basename (argv[0]);
  guint failed = 0;

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || folders == NULL)
    {
      fprintf (stderr, "%s\n", error != NULL ? error->message : "no folder is named");
      return 2;
    }
  g_snprintf (crash_file, sizeof crash_file, "crash-%s", target);
  setvbuf (stdout, NULL, _IOLBF, 0);
  watch_signals ();
  inputs = read_folders ();
  printf ("1..%u\n", inputs->len + (runs > 0));
  if (inputs->len == 0)
    return 1;
  for (guint i = 0; only < 0 && i < inputs->len; i++)
    {
      const Input *input = &g_array_index (inputs, Input, i);
      gboolean good = run (input->name, input->bytes, input->size);
      g_autofree char *name = g_path_get_basename (input->name);

      printf ("%s %u - %s\n", good ? "ok" : "not ok", i + 1, name);
      failed += !good;
    }
  if (only >= 0)
    return run_changed (inputs, only) ? 0 : 1;
  if (runs > 0)
    {
      guint slow = 0;

      for (int i = 0; i < runs; i++)
        slow += !run_changed (inputs, i);
      printf ("%s %u - %d changed ones\n", slow == 0 ? "ok" : "not ok", inputs->len + 1, runs);
      failed += slow;
    }
  return failed > 0 ? 1 : 0;
}
