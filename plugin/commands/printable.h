/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Names come from files, and files from anywhere: what a terminal or a file system would take for
 * more than a name is replaced here, and nowhere else. */

#include <glib.h>

G_BEGIN_DECLS

/* One line: control characters (C0, DEL, C1, newlines and separators of lines) become their
 * pictures, as many characters as they were, and bytes that are not UTF-8 become U+FFFD. Transfer
 * full. */
char *printable_line (const char *text);
/* The same, newlines and tabs kept. Transfer full. */
char *printable_text (const char *text);
/* Appends a table: the cells row by row, `columns` of them in each, as printable_line has them,
 * with two spaces between columns. underlined: "=" below the first row. cells: of char*. */
void printable_table (GString *text, GPtrArray *cells, guint columns, gboolean underlined);
/* JSON with the control characters that may stand in it as they are (DEL, C1) escaped. Transfer
 * full. */
char *printable_json (const char *json);
/* The name of a layer as that of a file: "/" and a leading "-" become "-" and "_", control
 * characters "_"; a very long name is cut. Never empty. Transfer full. */
char *printable_file_name (const char *name);

G_END_DECLS
