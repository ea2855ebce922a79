/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "common.h"

#include <string.h>
#ifdef __linux__
#include <signal.h>
#include <sys/prctl.h>
#endif

#define PROCEDURE_PREFIX "plug-in-convlens-"

void
gimp_face_begin (void)
{
#ifdef __linux__
  /* While it computes it would not notice that GIMP is gone. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
#endif
  gegl_init (NULL, NULL);
}

char *
gimp_face_procedure_name (const Command *command)
{
  return g_strconcat (PROCEDURE_PREFIX, command->name, NULL);
}

const Command *
gimp_face_find (const char *procedure_name)
{
  if (!g_str_has_prefix (procedure_name, PROCEDURE_PREFIX))
    return NULL;
  const Command *command = command_find (procedure_name + strlen (PROCEDURE_PREFIX));
  return command != NULL && (command->flags & COMMAND_GIMP) ? command : NULL;
}

char *
gimp_face_blurb (const Command *command)
{
  char *blurb = g_strdup (command->summary);
  blurb[0] = g_ascii_toupper (blurb[0]);
  return blurb;
}

char *
gimp_face_title (const Command *command)
{
  g_auto (GStrv) parts = g_strsplit (command->label, "_", -1);
  char *title = g_strjoinv ("", parts);
  if (g_str_has_suffix (title, "…"))
    title[strlen (title) - strlen ("…")] = '\0';
  return title;
}

char *
gimp_face_number (double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup (g_ascii_formatd (text, sizeof text, "%.10g", value));
}

char *
gimp_face_help (const Argument *argument)
{
  g_autofree char *value = argument_value_help (argument);
  g_autofree char *range =
      argument->kind == ARGUMENT_INTEGER || argument->kind == ARGUMENT_NUMBER
          ? g_strdup_printf (", %.10g to %.10g", argument->minimum, argument->maximum)
          : g_strdup ("");
  return g_strdup_printf ("%s%s: %s", value, range, argument->help);
}
