/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "printable.h"

#include <string.h>

#define DEL 0x7f
#define PICTURES 0x2400 /* of C0, in its order */
#define PICTURE_OF_DEL 0x2421
#define REPLACEMENT 0xfffd
#define LONGEST_FILE_NAME 200 /* bytes; most file systems take 255, suffix included */

/* Marks that turn the direction of what follows: a name could look like another one. */
static gboolean
is_direction (gunichar c)
{
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e)
         || (c >= 0x2066 && c <= 0x2069);
}

static gboolean
is_control (gunichar c)
{
  GUnicodeType type = g_unichar_type (c);
  return type == G_UNICODE_CONTROL || is_direction (c) || type == G_UNICODE_LINE_SEPARATOR
         || type == G_UNICODE_PARAGRAPH_SEPARATOR;
}

static gunichar
picture_of (gunichar c)
{
  return c < ' ' ? PICTURES + c : c == DEL ? PICTURE_OF_DEL : REPLACEMENT;
}

/* Control characters that are not in `kept` through `replace`. */
static char *
replace_controls (const char *text, const char *kept, gunichar (*replace) (gunichar c))
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *result = g_string_sized_new (strlen (valid));
  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar c = g_utf8_get_char (at);
      gboolean stays = !is_control (c) || (c < DEL && strchr (kept, (int) c) != NULL);
      g_string_append_unichar (result, stays ? c : replace (c));
    }
  return g_string_free (result, FALSE);
}

char *
printable_line (const char *text)
{
  return replace_controls (text, "", picture_of);
}

char *
printable_text (const char *text)
{
  return replace_controls (text, "\n\t", picture_of);
}

void
printable_table (GString *text, GPtrArray *cells, guint columns, gboolean underlined)
{
  g_autoptr (GPtrArray) plain = g_ptr_array_new_with_free_func (g_free);
  g_autofree glong *widths = g_new0 (glong, columns);
  glong total = 0;
  for (guint i = 0; i < cells->len; i++)
    {
      char *cell = printable_line (cells->pdata[i]);
      widths[i % columns] = MAX (widths[i % columns], g_utf8_strlen (cell, -1));
      g_ptr_array_add (plain, cell);
    }
  for (guint column = 0; column < columns; column++)
    total += widths[column] + (column > 0 ? 2 : 0);
  for (guint i = 0; i < plain->len; i++)
    {
      const char *cell = plain->pdata[i];
      g_string_append (text, cell);
      if (i % columns + 1 < columns)
        g_string_append_printf (text, "%*s",
                                (int) (widths[i % columns] + 2 - g_utf8_strlen (cell, -1)), "");
      else
        g_string_append_c (text, '\n');
      if (underlined && i + 1 == columns)
        {
          for (glong n = 0; n < total; n++)
            g_string_append_c (text, '=');
          g_string_append_c (text, '\n');
        }
    }
}

char *
printable_json (const char *json)
{
  GString *result = g_string_sized_new (strlen (json));
  for (const char *at = json; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar c = g_utf8_get_char (at);
      if (is_control (c))
        g_string_append_printf (result, "\\u%04x", c);
      else
        g_string_append_unichar (result, c);
    }
  return g_string_free (result, FALSE);
}

static gunichar
underscore (gunichar c G_GNUC_UNUSED)
{
  return '_';
}

char *
printable_file_name (const char *name)
{
  char *plain = replace_controls (name, "", underscore);
  g_strdelimit (plain, "/", '-');
  if (*plain == '-')
    *plain = '_';
  if (strlen (plain) > LONGEST_FILE_NAME)
    *g_utf8_find_prev_char (plain, plain + LONGEST_FILE_NAME + 1) = '\0';
  if (*plain == '\0')
    {
      g_free (plain);
      plain = g_strdup ("_");
    }
  return plain;
}
