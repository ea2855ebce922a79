/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call.h"

#include "ask.h"
#include "deliver.h"
#include "picture.h"

#include <string.h>

#define INDEXED_NOTE                                                            \
  "The image is indexed, so the layer has the nearest colours of its palette; " \
  "Image ▸ Mode ▸ RGB allows all colours."
/* GIMP's message grows with its text, beyond the screen. */
#define MESSAGE_LINES 14
#define UPDATE_INTERVAL 50000 /* microseconds */

typedef struct
{
  char *text;
  gint64 at;
} Shown;

/* GIMP answers every update, so that too many would hold up the run. */
static void
update (double fraction, const char *what, gpointer data)
{
  Shown *shown = data;
  gint64 now = g_get_monotonic_time ();
  if (shown->at != 0 && now - shown->at < UPDATE_INTERVAL)
    return;
  if (what != NULL && g_strcmp0 (what, shown->text) != 0)
    {
      g_free (shown->text);
      shown->text = g_strdup (what);
      gimp_progress_set_text (what);
    }
  gimp_progress_update (CLAMP (fraction, 0.0, 1.0));
  shown->at = g_get_monotonic_time ();
}

/* Runs the command and paints its layers, with GIMP's progress bar. */
static Result *
run_command (const Call *call, const Subject *subject, GPtrArray **painted, GError **error)
{
  Shown shown = { 0 };
  CnnProgress progress = { .update = update, .data = &shown };
  gimp_progress_init ("Convlens");
  g_autoptr (Result) result =
      command_run (call->command, call->arguments, subject, &progress, error);
  *painted = result != NULL ? deliver_paint (result, &progress, error) : NULL;
  gimp_progress_end ();
  g_free (shown.text);
  return *painted != NULL ? g_steal_pointer (&result) : NULL;
}

gboolean
call_work (Call *call, GError **error)
{
  const Command *command = call->command;
  Answer *answer = &call->answer;
  g_autoptr (CnnImage) photo = NULL;
  if (!picture_read (call, call->arguments, &photo, error))
    return FALSE;
  GimpImageBaseType type = command->flags & COMMAND_PHOTO ? host_base_type (call->image) : GIMP_RGB;
  Subject subject = { .photo = photo, .gray = type == GIMP_GRAY };
  g_autoptr (GPtrArray) painted = NULL;
  g_autoptr (Result) result = run_command (call, &subject, &painted, error);
  if (result == NULL)
    return FALSE;
  if (type == GIMP_INDEXED && result->canvas_width == 0)
    result_warn (result, INDEXED_NOTE);

  g_autofree char *record = result_record (result, command->name, call->arguments);
  if (!deliver (call, result, painted, record, error))
    return FALSE;
  answer->report = result_json (result);
  if (answer->image != HOST_NONE && call->mode != GIMP_RUN_NONINTERACTIVE)
    gimp_display_new (answer->image);
  answer->text = g_strdup (result->text->str);
  return TRUE;
}

/* Tells the user what came out. */
static void
tell (const Call *call)
{
  g_autofree char *plain = g_strchomp (g_strdup (call->answer.text));
  g_auto (GStrv) lines = g_strsplit (plain, "\n", -1);
  g_autofree char *title = gimp_face_title (call->command);
  if (g_strv_length (lines) > MESSAGE_LINES)
    dialog_show_report (title, plain);
  else
    g_message ("%s", plain);
}

GimpPDBStatusType
call_run (Call *call, GError **error)
{
  gboolean interactive = call->mode == GIMP_RUN_INTERACTIVE;
  if (interactive && !ask (call))
    return GIMP_PDB_CANCEL;
  if (!interactive && !call_work (call, error))
    return GIMP_PDB_EXECUTION_ERROR;
  if (interactive)
    host_settings_keep (call->settings, call->arguments);
  if (call->mode != GIMP_RUN_NONINTERACTIVE)
    gimp_displays_flush ();
  if (interactive)
    tell (call);
  g_clear_pointer (&call->answer.text, g_free);
  return GIMP_PDB_SUCCESS;
}
