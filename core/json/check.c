/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grammar of RFC 8259, without recursion. Nothing is made of the text here. */
#include "check.h"

#include "json.h"

#include <string.h>

typedef struct
{
  const char *start, *at, *end;
  char open[CNN_JSON_MAX_DEPTH]; /* '[' or '{' */
  guint depth, values;
} Check;

static char *
wrong (const Check *check, const char *why)
{
  guint line = 1;

  for (const char *c = check->start; c < check->at; c++)
    line += *c == '\n';
  return g_strdup_printf ("is not sound JSON: %s in line %u", why, line);
}

static void
skip_space (Check *check)
{
  while (check->at < check->end && *check->at != '\0' && strchr (" \t\r\n", *check->at) != NULL)
    check->at++;
}

static gboolean
take (Check *check, char c)
{
  if (check->at == check->end || *check->at != c)
    return FALSE;
  check->at++;
  return TRUE;
}

static gboolean
take_digits (Check *check)
{
  const char *first = check->at;

  while (check->at < check->end && g_ascii_isdigit (*check->at))
    check->at++;
  return check->at > first;
}

static gboolean
take_number (Check *check)
{
  take (check, '-');
  if (!take (check, '0') && !take_digits (check))
    return FALSE;
  if (take (check, '.') && !take_digits (check))
    return FALSE;
  if (take (check, 'e') || take (check, 'E'))
    {
      if (!take (check, '+'))
        take (check, '-');
      return take_digits (check);
    }
  return TRUE;
}

static gboolean
take_hex (Check *check, guint *unit)
{
  *unit = 0;
  for (int i = 0; i < 4; i++, check->at++)
    {
      if (check->at == check->end || !g_ascii_isxdigit (*check->at))
        return FALSE;
      *unit = *unit << 4 | (guint) g_ascii_xdigit_value (*check->at);
    }
  return TRUE;
}

/* After the backslash. json-glib makes no UTF-8 of half a pair. */
static gboolean
take_escape (Check *check)
{
  guint unit, second;

  if (!take (check, 'u'))
    return check->at < check->end && *check->at != '\0' && strchr ("\"\\/bfnrt", *check->at) != NULL
           && take (check, *check->at);
  if (!take_hex (check, &unit))
    return FALSE;
  if (unit < 0xd800 || unit > 0xdfff)
    return TRUE;
  return unit < 0xdc00 && take (check, '\\') && take (check, 'u') && take_hex (check, &second)
         && second >= 0xdc00 && second <= 0xdfff;
}

static gboolean
take_string (Check *check)
{
  if (!take (check, '"'))
    return FALSE;
  while (check->at < check->end && (guchar) *check->at >= 0x20)
    {
      if (take (check, '"'))
        return TRUE;
      if (take (check, '\\') ? !take_escape (check) : !take (check, *check->at))
        return FALSE;
    }
  return FALSE;
}

static gboolean
take_word (Check *check)
{
  static const char *const words[] = { "true", "false", "null" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      gsize length = strlen (words[i]);

      if ((gsize) (check->end - check->at) >= length && memcmp (check->at, words[i], length) == 0)
        {
          check->at += length;
          return TRUE;
        }
    }
  return FALSE;
}

/* "name": */
static gboolean
take_name (Check *check)
{
  skip_space (check);
  if (!take_string (check))
    return FALSE;
  skip_space (check);
  return take (check, ':');
}

/* Closes what ends here, and goes on to the next value of what does not. *done: all is closed. */
static gboolean
take_ends (Check *check, gboolean *done)
{
  for (;;)
    {
      *done = check->depth == 0;
      skip_space (check);
      if (*done)
        return TRUE;
      if (take (check, check->open[check->depth - 1] == '[' ? ']' : '}'))
        check->depth--;
      else
        return take (check, ',') && (check->open[check->depth - 1] == '[' || take_name (check));
    }
}

/* The beginning of a list or an object that is not empty. */
static gboolean
take_inner (Check *check, gboolean *empty)
{
  const char kind = *check->at++;

  skip_space (check);
  *empty = take (check, kind == '[' ? ']' : '}');
  if (*empty)
    return TRUE;
  check->open[check->depth++] = kind;
  return kind == '[' || take_name (check);
}

char *
cnn_json_check (const char *text, gsize length)
{
  g_autofree Check *check = g_new (Check, 1);
  gboolean done = FALSE;

  check->start = check->at = text;
  check->end = text + length;
  check->depth = check->values = 0;
  skip_space (check);
  if (check->at == check->end)
    return g_strdup ("is empty");
  while (!done)
    {
      gboolean complete = TRUE;

      skip_space (check);
      if (check->at == check->end)
        return wrong (check, "it ends too early,");
      if (++check->values > CNN_JSON_MAX_VALUES)
        return g_strdup_printf ("has more than %d values", CNN_JSON_MAX_VALUES);
      if (*check->at == '[' || *check->at == '{')
        {
          if (check->depth == CNN_JSON_MAX_DEPTH)
            return g_strdup_printf ("is nested more than %d deep", CNN_JSON_MAX_DEPTH);
          if (!take_inner (check, &complete))
            return wrong (check, "no name where one is needed");
        }
      else if (*check->at == '"'                                   ? !take_string (check)
               : *check->at == '-' || g_ascii_isdigit (*check->at) ? !take_number (check)
                                                                   : !take_word (check))
        return wrong (check, "no value where one is needed");
      if (complete && !take_ends (check, &done))
        return wrong (check, "no comma or end where one is needed");
    }
  return check->at == check->end ? NULL : wrong (check, "something behind its end");
}
