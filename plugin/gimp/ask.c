/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ask.h"

#include "choices.h"
#include "picture.h"

static void
on_changed (const Argument *argument, const char *value, gpointer data)
{
  const Choices *choices = data;
  host_settings_set (choices->call->settings, argument, value);
  choices_changed (choices, argument);
}

static char *
on_choose (const Argument *argument, GtkWidget *window, gpointer data)
{
  return choices_choose (data, argument, window);
}

static void
show_values (const Choices *choices, const Arguments *arguments)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      const char *value = arguments_get (arguments, argument->name);
      if (picture_is_stale (argument, value, choices->images))
        value = argument->fallback;
      host_settings_set (choices->call->settings, argument, value);
      dialog_page_set (choices->page, argument->name, value);
    }
  choices_propose (choices);
}

static void
show_defaults (gpointer data)
{
  const Choices *choices = data;
  g_autoptr (Arguments) fresh = arguments_new (arguments_table (choices->call->arguments));
  show_values (choices, fresh);
}

/* Takes the page's values. */
static gboolean
take_page (DialogPage *page, Arguments *arguments, GError **error)
{
  GPtrArray *table = arguments_table (arguments);
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      g_autofree char *value = dialog_page_get (page, argument->name);
      if (!arguments_set (arguments, argument->name, value, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
ask (Call *call)
{
  Arguments *arguments = call->arguments;
  host_ui_begin ();
  g_autofree char *title = gimp_face_title (call->command);
  GtkWidget *window = host_dialog_new (call->settings, title);
  gtk_window_set_resizable (GTK_WINDOW (window), FALSE);

  g_auto (GStrv) images = picture_open_images ();
  Choices choices = { .call = call, .images = images };
  const DialogHooks hooks = { .changed = on_changed, .choose = on_choose, .data = &choices };
  choices.page = dialog_page_new (arguments_table (arguments), &hooks);
  GtkWidget *content = gtk_dialog_get_content_area (GTK_DIALOG (window));
  gtk_box_pack_start (GTK_BOX (content), dialog_page_widget (choices.page), TRUE, TRUE, 0);
  host_settings_load (call->settings, arguments);
  show_values (&choices, arguments);

  gboolean done = FALSE;
  while (!done && host_dialog_run (window, call->settings, choices.page, show_defaults, &choices))
    {
      g_autoptr (GError) error = NULL;
      done = take_page (choices.page, arguments, &error);
      if (done && !choices_settle (window, arguments))
        {
          done = FALSE;
          continue;
        }
      if (done)
        {
          dialog_hide (window);
          done = call_work (call, &error);
        }
      if (!done)
        {
          gtk_widget_show (window);
          dialog_complain (window, error);
        }
    }
  gtk_widget_destroy (window);
  return done;
}
