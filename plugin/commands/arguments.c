/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "arguments.h"

#include <math.h>
#include <string.h>

#define MAX_SIDE 16384

typedef struct
{
  char *text;
  double number; /* also the index of a choice */
  int width, height;
  float color[3];
} Value;

struct _Arguments
{
  GPtrArray *table;
  Value *values;
};

G_DEFINE_QUARK (convlens - argument - error, argument_error)

const char *const switch_names[] = { "no", "yes", NULL };

static void
fail (GError **error, const Argument *argument, const char *text, const char *wanted)
{
  g_set_error (error, ARGUMENT_ERROR, 0, "%s \"%s\" is not %s", argument->name, text, wanted);
}

static const char *const *
choices_of (const Argument *argument)
{
  return argument->kind == ARGUMENT_SWITCH ? switch_names : argument->choices;
}

/* Any bytes, as the names of files are. */
static gboolean
may_be_path (const Argument *argument)
{
  switch (argument->kind)
    {
    case ARGUMENT_MODEL:
    case ARGUMENT_IMAGE:
    case ARGUMENT_FILE:
    case ARGUMENT_FOLDER:
    case ARGUMENT_OUTPUT:
      return TRUE;
    default:
      return FALSE;
    }
}

/* The kinds for which empty text is no value of its own. */
static gboolean
may_be_empty (const Argument *argument)
{
  return argument->kind != ARGUMENT_CHOICE && argument->kind != ARGUMENT_SWITCH
         && argument->kind != ARGUMENT_INTEGER && argument->kind != ARGUMENT_NUMBER;
}

char *
argument_value_help (const Argument *argument)
{
  const char *const *choices = choices_of (argument);
  if (argument->kind == ARGUMENT_CHOICE || argument->kind == ARGUMENT_SWITCH)
    return g_strjoinv ("|", (char **) choices);
  return g_strdup (argument->value != NULL ? argument->value : "VALUE");
}

static gboolean
find_choice (const Argument *argument, const char *text, double first, Value *value)
{
  const char *const *choices = choices_of (argument);
  for (int i = 0; choices != NULL && choices[i] != NULL; i++)
    if (strcmp (choices[i], text) == 0)
      {
        value->number = first + i;
        return TRUE;
      }
  return FALSE;
}

static gboolean
parse_choice (const Argument *argument, const char *text, Value *value, GError **error)
{
  if (find_choice (argument, text, 0, value))
    return TRUE;
  g_autofree char *all = g_strjoinv (", ", (char **) choices_of (argument));
  g_autofree char *wanted = g_strdup_printf ("one of %s", all);
  fail (error, argument, text, wanted);
  return FALSE;
}

static gboolean
parse_number (const Argument *argument, const char *text, Value *value, GError **error)
{
  char *end = NULL;
  gboolean whole = argument->kind == ARGUMENT_INTEGER;
  if (find_choice (argument, text, argument->minimum, value))
    return TRUE;
  value->number = whole ? (double) g_ascii_strtoll (text, &end, 10) : g_ascii_strtod (text, &end);
  if (end != text && *end == '\0' && isfinite (value->number) && value->number >= argument->minimum
      && value->number <= argument->maximum)
    return TRUE;
  g_autofree char *words =
      argument->choices != NULL ? g_strjoinv (", ", (char **) argument->choices) : NULL;
  g_autofree char *wanted = g_strdup_printf (
      "%s%sa%s number from %g to %g", words != NULL ? words : "", words != NULL ? " or " : "",
      whole ? " whole" : "", argument->minimum, argument->maximum);
  fail (error, argument, text, wanted);
  return FALSE;
}

/* One unsigned number of a list; moves on behind it. */
static gboolean
parse_part (const char **text, gint64 minimum, gint64 maximum, gint64 *part)
{
  char *end = NULL;
  if (!g_ascii_isdigit (**text))
    return FALSE;
  *part = g_ascii_strtoll (*text, &end, 10);
  *text = end;
  return *part >= minimum && *part <= maximum;
}

static gboolean
parse_size (const Argument *argument, const char *text, Value *value, GError **error)
{
  gint64 width = 0, height = 0;
  const char *rest = text;
  if (*text != '\0')
    {
      gboolean good = parse_part (&rest, 1, MAX_SIDE, &width);
      height = width;
      if (good && (*rest == 'x' || *rest == 'X'))
        {
          rest++;
          good = parse_part (&rest, 1, MAX_SIDE, &height);
        }
      if (!good || *rest != '\0')
        {
          fail (error, argument, text, "N or WxH, each from 1 to " G_STRINGIFY (MAX_SIDE));
          return FALSE;
        }
    }
  value->width = (int) width;
  value->height = (int) height;
  return TRUE;
}

static gboolean
parse_color (const Argument *argument, const char *text, Value *value, GError **error)
{
  const char *rest = text;
  for (int i = 0; i < 3; i++)
    {
      gint64 part = 0;
      gboolean good = parse_part (&rest, 0, 255, &part);
      if (!good || *rest != (i < 2 ? ',' : '\0'))
        {
          fail (error, argument, text, "R,G,B, each from 0 to 255");
          return FALSE;
        }
      rest++;
      value->color[i] = (float) part / 255.0f;
    }
  return TRUE;
}

static gboolean
parse (const Argument *argument, const char *text, Value *value, GError **error)
{
  if (!may_be_path (argument) && !g_utf8_validate (text, -1, NULL))
    {
      g_set_error (error, ARGUMENT_ERROR, 0, "%s is not valid UTF-8", argument->name);
      return FALSE;
    }
  switch (argument->kind)
    {
    case ARGUMENT_CHOICE:
    case ARGUMENT_SWITCH:
      return parse_choice (argument, text, value, error);
    case ARGUMENT_INTEGER:
    case ARGUMENT_NUMBER:
      return parse_number (argument, text, value, error);
    case ARGUMENT_SIZE:
      return parse_size (argument, text, value, error);
    case ARGUMENT_COLOR:
      return parse_color (argument, text, value, error);
    default:
      return TRUE;
    }
}

static gboolean
set (Arguments *arguments, guint index, const char *text, GError **error)
{
  const Argument *argument = g_ptr_array_index (arguments->table, index);
  if (text == NULL || (*text == '\0' && may_be_empty (argument)))
    text = argument->fallback;

  Value value = { 0 };
  if (!parse (argument, text, &value, error))
    return FALSE;
  value.text = g_strdup (text);
  g_free (arguments->values[index].text);
  arguments->values[index] = value;
  return TRUE;
}

Arguments *
arguments_new (GPtrArray *table)
{
  Arguments *arguments = g_new0 (Arguments, 1);
  arguments->table = g_ptr_array_ref (table);
  arguments->values = g_new0 (Value, table->len + 1);
  for (guint i = 0; i < table->len; i++)
    if (!set (arguments, i, NULL, NULL))
      g_assert_not_reached ();
  return arguments;
}

void
arguments_free (Arguments *arguments)
{
  if (arguments == NULL)
    return;
  for (guint i = 0; i < arguments->table->len; i++)
    g_free (arguments->values[i].text);
  g_free (arguments->values);
  g_ptr_array_unref (arguments->table);
  g_free (arguments);
}

GPtrArray *
arguments_table (const Arguments *arguments)
{
  return arguments->table;
}

static int
find (GPtrArray *table, const char *name)
{
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      if (strcmp (argument->name, name) == 0)
        return (int) i;
    }
  return -1;
}

const Argument *
argument_find (GPtrArray *table, const char *name)
{
  int index = find (table, name);
  return index < 0 ? NULL : g_ptr_array_index (table, index);
}

const Argument *
argument_of_kind (GPtrArray *table, ArgumentKind kind)
{
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      if (argument->kind == kind)
        return argument;
    }
  return NULL;
}

static const Value *
value_of (const Arguments *arguments, const char *name)
{
  int index = find (arguments->table, name);
  g_assert (index >= 0);
  return &arguments->values[index];
}

const Argument *
arguments_find (const Arguments *arguments, const char *name)
{
  return argument_find (arguments->table, name);
}

gboolean
arguments_set (Arguments *arguments, const char *name, const char *text, GError **error)
{
  int index = find (arguments->table, name);
  g_assert (index >= 0);
  return set (arguments, (guint) index, text, error);
}

gboolean
arguments_check (const Arguments *arguments, GError **error)
{
  for (guint i = 0; i < arguments->table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (arguments->table, i);
      if ((argument->flags & ARGUMENT_REQUIRED) && *arguments->values[i].text == '\0')
        {
          g_set_error (error, ARGUMENT_ERROR, 0, "%s is missing: %s", argument->name,
                       argument->help);
          return FALSE;
        }
    }
  return TRUE;
}

const char *
arguments_get (const Arguments *arguments, const char *name)
{
  return value_of (arguments, name)->text;
}

const char *
arguments_text (const Arguments *arguments, const char *name)
{
  const char *text = arguments_get (arguments, name);
  return *text == '\0' ? NULL : text;
}

const char *
arguments_output (const Arguments *arguments, const char *name)
{
  return find (arguments->table, name) < 0 ? NULL : arguments_text (arguments, name);
}

int
arguments_choice (const Arguments *arguments, const char *name)
{
  return (int) value_of (arguments, name)->number;
}

int
arguments_integer (const Arguments *arguments, const char *name)
{
  return (int) value_of (arguments, name)->number;
}

double
arguments_number (const Arguments *arguments, const char *name)
{
  return value_of (arguments, name)->number;
}

void
arguments_size (const Arguments *arguments, const char *name, int *width, int *height)
{
  const Value *value = value_of (arguments, name);
  *width = value->width;
  *height = value->height;
}

const float *
arguments_color (const Arguments *arguments, const char *name)
{
  return find (arguments->table, name) < 0 ? NULL : value_of (arguments, name)->color;
}

char *
arguments_save (const Arguments *arguments)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  for (guint i = 0; i < arguments->table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (arguments->table, i);
      g_key_file_set_string (file, "arguments", argument->name, arguments->values[i].text);
    }
  return g_key_file_to_data (file, NULL, NULL);
}

void
arguments_restore (Arguments *arguments, const char *text)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  if (!g_key_file_load_from_data (file, text, strlen (text), G_KEY_FILE_NONE, NULL))
    return;
  for (guint i = 0; i < arguments->table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (arguments->table, i);
      g_autofree char *kept = g_key_file_get_string (file, "arguments", argument->name, NULL);
      if (kept != NULL)
        set (arguments, i, kept, NULL);
    }
}
