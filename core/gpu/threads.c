/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mesa's software driver cuts every dispatch into as many equal parts as it has threads, by itself
 * one for each processor, and waits for the last part. Where a processor has other work besides,
 * even of a neighbour on the same core, that is the part which decides. With more parts than
 * processors the system evens that out. Measured on two processors, where it matters most: Xception
 * takes 221 ms instead of 233 in the median of ten, a cold run 3 % less. */
#include "private.h"

#include <stdlib.h>

#define VARIABLE "LP_NUM_THREADS"
#define PROCESSORS 2
#define THREADS "4"

/* In the environment as it is: other threads may be reading that. */
static char setting[] = VARIABLE "=" THREADS;

void
cnn_threads_set (void)
{
  static gsize done;

  if (!g_once_init_enter (&done))
    return;
  if (g_get_num_processors () == PROCESSORS && g_getenv (VARIABLE) == NULL)
    putenv (setting);
  g_once_init_leave (&done, 1);
}
