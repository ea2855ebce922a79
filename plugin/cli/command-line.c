/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The program: convlens COMMAND [PHOTO…] [--option value …], all from the table. */

#include "commands.h"
#include "interrupt.h"
#include "photographs.h"
#include "printable.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum
{
  EXIT_GOOD = 0,
  EXIT_BAD_INPUT = 1,
  EXIT_WRONG_USAGE = 2
};

#define HELP_COLUMN 30
#define HELP_WIDTH 96

/* One line, whatever the message holds. */
static int
fail (const Command *command, int status, const char *message)
{
  g_autofree char *joined = g_strdelimit (g_strdup (message), "\r\n\t", ' ');
  g_autofree char *line = printable_line (joined);
  fprintf (stderr, "convlens%s%s: %s\n", command != NULL ? " " : "",
           command != NULL ? command->name : "", line);
  return status;
}

/* Words from `column` on, wrapped and indented by `indent`. */
static void
print_words (const char *text, glong column, glong indent)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  for (char **word = words; *word != NULL; word++)
    {
      glong length = g_utf8_strlen (*word, -1);
      if (column + 1 + length > HELP_WIDTH)
        {
          putchar ('\n');
          column = 0;
        }
      glong gap = column < indent ? indent - column : column > indent ? 1 : 0;
      printf ("%*s%s", (int) gap, "", *word);
      column += gap + length;
    }
  putchar ('\n');
}

/* "  name   help" */
static void
print_row (const char *name, const char *help)
{
  glong column = 2 + g_utf8_strlen (name, -1);
  printf ("  %s", name);
  if (column + 2 > HELP_COLUMN)
    {
      putchar ('\n');
      column = 0;
    }
  print_words (help, column, HELP_COLUMN);
}

/* How help writes what the command is asked about. Transfer full. */
static char *
subject_word (const Command *command)
{
  if (command->flags & COMMAND_PHOTO)
    return g_strdup (" PHOTO…");
  if (command->subject == NULL)
    return g_strdup ("");
  g_autoptr (GPtrArray) table = command_arguments (command, FALSE);
  g_autofree char *word = g_ascii_strup (command->subject, -1);
  gboolean required = argument_find (table, command->subject)->flags & ARGUMENT_REQUIRED;
  return g_strdup_printf (required ? " %s" : " [%s]", word);
}

static void
print_help (void)
{
  printf ("convlens COMMAND [PHOTO…] [--option value …]\n\n"
          "Looks inside convolutional networks that Keras saved.\n\n");
  for (const Command *const *row = commands (); *row != NULL; row++)
    {
      g_autofree char *subject = subject_word (*row);
      g_autofree char *name = g_strconcat ((*row)->name, subject, NULL);
      print_row (name, (*row)->summary);
    }
  printf (
      "\nPHOTO: PNG, JPEG, or an .npy array (H, W, C) that is the model's input itself; a\n"
      "pipe or -, the standard input; or a folder of them. Of several photographs the results go into folders.\n"
      "\"convlens COMMAND --help\" lists a command's options; --version tells the version.\n"
      "Exit status: 0; 1 for bad input; 2 for wrong usage.\n");
}

static void
print_command_help (const Command *command, GPtrArray *table)
{
  g_autofree char *subject = subject_word (command);
  printf ("convlens %s%s%s\n\n", command->name, subject,
          table->len > 0 ? " [--option value …]" : "");
  print_words (command->help, 0, 0);
  putchar ('\n');
  for (guint i = 0; i < table->len; i++)
    {
      const Argument *argument = g_ptr_array_index (table, i);
      g_autofree char *value = argument_value_help (argument);
      gboolean alone = argument->kind == ARGUMENT_SWITCH;
      g_autofree char *name = alone ? g_strdup_printf ("--%s", argument->name)
                                    : g_strdup_printf ("--%s %s", argument->name, value);
      g_autofree char *help = *argument->fallback == '\0' || alone
                                  ? g_strdup (argument->help)
                                  : g_strdup_printf ("%s (%s)", argument->help, argument->fallback);
      print_row (name, help);
    }
  print_row ("--json", "print the report as one JSON object");
  print_row ("--help", "print this");
}

typedef struct
{
  GPtrArray *subjects; /* of char*: PHOTO…, MODEL or NAME; ends with a NULL */
  gboolean json, help;
} Line;

static void
line_clear (Line *line)
{
  g_clear_pointer (&line->subjects, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Line, line_clear)

/* Reads the words after the command's name. */
static gboolean
parse_line (const Command *command, Arguments *arguments, char **words, Line *line, GError **error)
{
  gboolean only_words = FALSE;
  for (char **word = words; *word != NULL; word++)
    {
      if (!only_words && strcmp (*word, "--") == 0)
        only_words = TRUE;
      else if (!only_words && strcmp (*word, "--json") == 0)
        line->json = TRUE;
      else if (!only_words && (strcmp (*word, "--help") == 0 || strcmp (*word, "-h") == 0))
        line->help = TRUE;
      else if (!only_words && **word == '-' && (*word)[1] != '\0')
        {
          const char *equals = strchr (*word, '=');
          g_autofree char *name =
              equals == NULL ? g_strdup (*word) : g_strndup (*word, (gsize) (equals - *word));
          if (strcmp (name, "--json") == 0 || strcmp (name, "--help") == 0)
            {
              g_set_error (error, ARGUMENT_ERROR, 0, "option %s takes no value", name);
              return FALSE;
            }
          const Argument *argument =
              g_str_has_prefix (name, "--") ? arguments_find (arguments, name + 2) : NULL;
          if (argument == NULL)
            {
              g_set_error (error, ARGUMENT_ERROR, 0,
                           "there is no option %s; see convlens %s --help", name, command->name);
              return FALSE;
            }
          const char *value = equals != NULL                      ? equals + 1
                              : argument->kind == ARGUMENT_SWITCH ? switch_names[TRUE]
                                                                  : *++word;
          if (value == NULL)
            {
              g_set_error (error, ARGUMENT_ERROR, 0, "%s needs a value", name);
              return FALSE;
            }
          if (!arguments_set (arguments, argument->name, value, error))
            return FALSE;
        }
      else if (!(command->flags & COMMAND_PHOTO)
               && (command->subject == NULL || line->subjects->len > 0))
        {
          g_set_error (error, ARGUMENT_ERROR, 0, "\"%s\" is one word too many", *word);
          return FALSE;
        }
      else
        g_ptr_array_add (line->subjects, *word);
    }
  g_ptr_array_add (line->subjects, NULL);

  const char *subject = line->subjects->pdata[0];
  if (line->help)
    return TRUE;
  if ((command->flags & COMMAND_PHOTO) && subject == NULL)
    {
      g_set_error_literal (error, ARGUMENT_ERROR, 0, "name a photograph: PNG, JPEG or .npy");
      return FALSE;
    }
  if (command->subject != NULL && subject != NULL
      && !arguments_set (arguments, command->subject, subject, error))
    return FALSE;
  return arguments_check (arguments, error);
}

static void
show_progress (double fraction, const char *what, gpointer data G_GNUC_UNUSED)
{
  g_autofree char *line = printable_line (what != NULL ? what : "");
  g_autofree char *part = g_utf8_substring (line, 0, MIN (g_utf8_strlen (line, -1), 60));
  fprintf (stderr, "\r%3.0f %% %s\033[K", 100 * fraction, part);
}

static gboolean
flush (void)
{
  gboolean good = fflush (stdout) == 0 && !ferror (stdout);
  if (!good && errno == EPIPE)
    interrupt_broken_pipe ();
  return good;
}

/* What the report of each photograph needs. */
typedef struct
{
  const Command *command;
  gboolean json, terminal;
  guint reports, failures;
} Reporter;

static void
clear_progress (const Reporter *reporter)
{
  if (reporter->terminal)
    fprintf (stderr, "\r\033[K");
}

/* Whole lines, photograph by photograph, so that others can read while we work. */
static void
report (const Photograph *photograph, Result *result, const GError *error, gpointer data)
{
  Reporter *reporter = data;
  gboolean several = photograph != NULL && !photograph->alone;
  clear_progress (reporter);
  if (result == NULL)
    {
      reporter->failures++;
      fail (reporter->command, EXIT_BAD_INPUT, error->message);
    }
  if (reporter->json)
    {
      g_autofree char *json =
          several ? result_photograph_json (photograph, result, error) : result_json (result);
      printf ("%s\n", json);
    }
  else if (result != NULL)
    {
      g_autofree char *text = printable_text (result->text->str);
      g_autofree char *path = several ? printable_line (photograph->path) : NULL;
      if (several)
        printf ("%s%s\n", reporter->reports > 0 ? "\n" : "", path);
      fputs (text, stdout);
      reporter->reports++;
    }
  flush ();
}

static gboolean
run_photographs (const Arguments *arguments, const Line *line, const CnnProgress *progress,
                 Reporter *reporter, GError **error)
{
  g_autoptr (GPtrArray) photographs =
      photographs_find ((const char *const *) line->subjects->pdata, error);
  if (photographs == NULL)
    return FALSE;
  g_autoptr (Outputs) outputs = outputs_new (reporter->command, arguments, photographs, error);
  return outputs != NULL
         && photographs_run (reporter->command, arguments, outputs, photographs, progress, report,
                             reporter, error);
}

static gboolean
run_without (const Arguments *arguments, const CnnProgress *progress, Reporter *reporter,
             GError **error)
{
  g_autoptr (GPtrArray) none = g_ptr_array_new ();
  const Subject subject = { 0 };
  g_autoptr (Outputs) outputs = outputs_new (reporter->command, arguments, none, error);
  if (outputs == NULL)
    return FALSE;
  g_autoptr (Result) result = command_run (reporter->command, arguments, &subject, progress, error);
  if (result == NULL || !cnn_progress_step (progress, 1, NULL, error)
      || !outputs_write (outputs, result, NULL, progress->cancellable, error))
    return FALSE;
  report (NULL, result, NULL, reporter);
  return TRUE;
}

static int
run_command (const Command *command, char **words)
{
  g_autoptr (GPtrArray) table = command_arguments (command, FALSE);
  g_autoptr (Arguments) arguments = arguments_new (table);
  g_autoptr (GError) error = NULL;
  g_auto (Line) line = { .subjects = g_ptr_array_new () };
  if (!parse_line (command, arguments, words, &line, &error))
    return fail (command, EXIT_WRONG_USAGE, error->message);
  if (line.help)
    {
      print_command_help (command, table);
      return EXIT_GOOD;
    }

  g_autoptr (GCancellable) cancellable = interrupt_new ();
  Reporter reporter = { .command = command, .json = line.json, .terminal = isatty (STDERR_FILENO) };
  CnnProgress progress = { .update = reporter.terminal ? show_progress : NULL,
                           .cancellable = cancellable };
  gboolean good = command->flags & COMMAND_PHOTO
                      ? run_photographs (arguments, &line, &progress, &reporter, &error)
                      : run_without (arguments, &progress, &reporter, &error);
  if (good)
    return reporter.failures > 0 ? EXIT_BAD_INPUT : EXIT_GOOD;
  clear_progress (&reporter);
  return fail (command, error->domain == ARGUMENT_ERROR ? EXIT_WRONG_USAGE : EXIT_BAD_INPUT,
               error->message);
}

/* A file that we open must not become what others read from or print to. These can do neither. */
static void
fill_closed_descriptors (void)
{
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++)
    if (fcntl (descriptor, F_GETFD) < 0)
      open ("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int
main (int argc, char **argv)
{
  int status = EXIT_GOOD;
  fill_closed_descriptors ();
  cnn_gpu_spare_address_space ();
  setlocale (LC_CTYPE, "");
  const char *first = argc > 1 ? argv[1] : NULL;
  if (first == NULL)
    return fail (NULL, EXIT_WRONG_USAGE, "name a command; convlens --help lists them");
  if (strcmp (first, "--help") == 0 || strcmp (first, "-h") == 0 || strcmp (first, "help") == 0)
    print_help ();
  else if (strcmp (first, "--version") == 0)
    printf ("convlens %s\n", CONVLENS_VERSION);
  else
    {
      const Command *command = command_find (first);
      if (command == NULL)
        {
          g_autofree char *message =
              g_strdup_printf ("there is no command \"%s\"; convlens --help lists them", first);
          return fail (NULL, EXIT_WRONG_USAGE, message);
        }
      status = run_command (command, argv + 2);
    }
  if (!flush ())
    return fail (NULL, EXIT_BAD_INPUT, "the output could not be written");
  return status;
}
