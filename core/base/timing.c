/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "timing.h"

#include "debug.h"

#include <stdlib.h>
#include <sys/resource.h>

typedef struct
{
  const char *name;
  guint times;
  gint64 microseconds;
  double peak; /* of memory so far, in MiB */
} Phase;

static GMutex lock;
static Phase phases[64];
static guint n_phases;

static double
peak_memory (void)
{
  struct rusage usage = { 0 };

  return getrusage (RUSAGE_SELF, &usage) == 0 ? (double) usage.ru_maxrss / 1024 : 0;
}

static void
print (void)
{
  g_printerr ("%10s %6s %9s  phase\n", "ms", "times", "peak MiB");
  for (guint i = 0; i < n_phases; i++)
    g_printerr ("%10.3f %6u %9.1f  %s\n", (double) phases[i].microseconds / 1000, phases[i].times,
                phases[i].peak, phases[i].name);
  g_printerr ("%27.1f  all\n", peak_memory ());
}

static gboolean
is_on (void)
{
  static gsize state = 0;

  if (g_once_init_enter (&state))
    {
      gboolean on = (cnn_debug_flags () & CNN_DEBUG_TIMING) != 0;

      if (on)
        atexit (print);
      g_once_init_leave (&state, on ? 2 : 1);
    }
  return state == 2;
}

gint64
cnn_timing_start (void)
{
  return is_on () ? g_get_monotonic_time () : 0;
}

void
cnn_timing_stop (gint64 start, const char *name)
{
  gint64 now = g_get_monotonic_time ();
  guint i = 0;

  if (!is_on ())
    return;
  g_mutex_lock (&lock);
  while (i < n_phases && phases[i].name != name)
    i++;
  if (i < G_N_ELEMENTS (phases))
    {
      n_phases = MAX (n_phases, i + 1);
      phases[i].name = name;
      phases[i].times++;
      phases[i].microseconds += now - start;
      phases[i].peak = peak_memory ();
    }
  g_mutex_unlock (&lock);
}
