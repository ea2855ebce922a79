/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "interrupt.h"

#include "cnn.h"

#include <signal.h>
#include <unistd.h>

static sigset_t signals;
static struct sigaction broken_pipe; /* as it was */

static gpointer
wait_for_signals (gpointer data)
{
  GCancellable *cancellable = data;
  int number = 0;
  sigwait (&signals, &number);
  g_cancellable_cancel (cancellable);
  sigwait (&signals, &number);
  cnn_file_stop ();
  _exit (128 + number);
  return NULL;
}

GCancellable *
interrupt_new (void)
{
  static const int watched[] = { SIGINT, SIGTERM, SIGHUP };
  const struct sigaction ignore = { .sa_handler = SIG_IGN };
  GCancellable *cancellable = g_cancellable_new ();
  sigemptyset (&signals);
  for (guint i = 0; i < G_N_ELEMENTS (watched); i++)
    {
      struct sigaction action;
      /* One that our parent ignores (nohup) stays ignored. */
      if (sigaction (watched[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
        sigaddset (&signals, watched[i]);
    }
  sigaction (SIGPIPE, &ignore, &broken_pipe);
  sigaction (SIGXFSZ, &ignore, NULL);
  pthread_sigmask (SIG_BLOCK, &signals, NULL);
  g_thread_unref (g_thread_new ("signals", wait_for_signals, g_object_ref (cancellable)));
  return cancellable;
}

void
interrupt_broken_pipe (void)
{
  if (broken_pipe.sa_handler == SIG_IGN)
    return;
  cnn_file_stop ();
  sigaction (SIGPIPE, &broken_pipe, NULL);
  raise (SIGPIPE);
}
