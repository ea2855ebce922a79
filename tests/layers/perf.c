/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long the kernels of a row take: test-layers --perf [--seconds N] [PATTERN…], on the device of
 * $CONVLENS_DEVICE. Without a pattern these are the rows of perf-rows.c; a pattern that begins with
 * /layers selects rows of reference-*.c by the path of their test, any other one selects those of
 * perf-rows.c whose text has it; both may have * and ?. A layer's step is recorded as often as
 * makes a run last, so that submitting it does not count; the best of several runs is printed,
 * divided by that number, a line for each direction. There are more lines where a class has other
 * kernels for values that a gradient will go back through ("forward+grad") or where kernels run
 * again and again ("often").
 *
 * Operations are the kernels' own counts (CnnDispatch.operations): Winograd's are fewer than a
 * plain convolution's, so compare ms there. Bytes are those of inputs, output, weights and what
 * else the direction reads, each counted once. */
#include "perf-step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LINE "%-22s %-35s %-19s %-12s "

#define LEAST_TIME .2 /* seconds of all runs of a line */
#define FIRST_TIME 1. /* and of the first one: clocks rise with work */

static const char *const direction_names[] = { "forward", "forward+grad", "backward" };

typedef struct
{
  GTimer *timer;
  double seconds; /* no row is begun after that */
  int rows, lines, errors, left_out;
  double milliseconds[N_DIRECTIONS], operations[N_DIRECTIONS];
} Report;

/* What lines are about. */
typedef struct
{
  const char *where;
  const Row *row;
  const char *inputs; /* one of the row's cases */
} Subject;

/* "f728 k3 s2 same relu" */
static char *
shorten (const char *params)
{
  static const char *const shorts[][2] = {
    { "filters=", "f" },   { "units=", "u" },          { "kernel_size=", "k" },
    { "pool_size=", "p" }, { "strides=", "s" },        { "dilation_rate=", "d" },
    { "activation=", "" }, { "padding=same", "same" }, { "use_bias=false", "no-bias" },
  };
  GString *text = g_string_new (params);

  for (guint i = 0; i < G_N_ELEMENTS (shorts); i++)
    g_string_replace (text, shorts[i][0], shorts[i][1], 1);
  return g_string_free (text, FALSE);
}

/* "conv2d", "winograd_input +2" */
static char *
name_kernels (const char *kernels)
{
  g_auto (GStrv) lines = g_strsplit (kernels, "\n", -1);
  const guint n = g_strv_length (lines) - 1; /* the last one is empty */
  g_autofree char *first = g_strndup (kernels, strcspn (kernels, ": \n"));

  return n > 1 ? g_strdup_printf ("%s +%u", first, n - 1) : g_steal_pointer (&first);
}

static void
begin_line (Report *report, const Subject *subject, const char *direction)
{
  g_autofree char *params = shorten (subject->row->params);
  g_autofree char *layer = g_strstrip (g_strdup_printf ("%s %s", subject->row->class_name, params));

  report->lines++;
  g_print (LINE, subject->where, layer, subject->inputs, direction);
}

static void
end_line_with_error (Report *report, const GError *error)
{
  report->errors++;
  g_print ("error: %s\n", error->message);
}

static void
print_step (Report *report, Bench *bench, const Subject *subject, Direction direction,
            gboolean often, CnnCommands *once, const char *kernels)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_strconcat (direction_names[direction], often ? " often" : "", NULL);
  g_autofree char *kernel = name_kernels (kernels);
  const double operations = cnn_commands_operations (once);
  double seconds;

  begin_line (report, subject, name);
  seconds =
      bench_time (bench, direction, often, report->lines == 1 ? FIRST_TIME : LEAST_TIME, &error);
  if (error != NULL)
    {
      end_line_with_error (report, error);
      return;
    }
  g_print ("%10.4f ", seconds * 1e3);
  if (operations > 0.)
    g_print ("%9.1f ", operations / seconds * 1e-9);
  else
    g_print ("%9s ", "-");
  g_print ("%8.1f  %s\n", bench_bytes (bench, direction) / seconds * 1e-9, kernel);
  if (!often)
    {
      report->milliseconds[direction] += seconds * 1e3;
      report->operations[direction] += operations;
    }
}

/* A line for each kind of kernels; those for other circumstances only where they differ. */
static void
print_direction (Report *report, Bench *bench, const Subject *subject, Direction direction)
{
  g_autofree char *usual = NULL;

  for (int often = 0; often < 2; often++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CnnCommands) once = bench_record (bench, direction, often, 1, &error);
      g_autofree char *kernels = NULL;

      if (once == NULL)
        {
          begin_line (report, subject, direction_names[direction]);
          end_line_with_error (report, error);
          return;
        }
      kernels = cnn_commands_kernels (once);
      if (often && strcmp (kernels, usual) == 0)
        return;
      print_step (report, bench, subject, direction, often, once, kernels);
      if (!often)
        usual = g_steal_pointer (&kernels);
    }
}

/* TRUE where a gradient that will go back changes forward's kernels. */
static gboolean
differs_for_gradient (Bench *bench)
{
  g_autoptr (CnnCommands) plain = bench_record (bench, FORWARD, FALSE, 1, NULL);
  g_autoptr (CnnCommands) other = bench_record (bench, FORWARD_FOR_GRADIENT, FALSE, 1, NULL);
  g_autofree char *a = plain != NULL ? cnn_commands_kernels (plain) : NULL;
  g_autofree char *b = other != NULL ? cnn_commands_kernels (other) : NULL;

  return g_strcmp0 (a, b) != 0;
}

static void
print_case (Report *report, const Subject *subject)
{
  g_autoptr (GError) error = NULL;
  Bench bench;

  if (!bench_init (&bench, subject->row, subject->inputs, &error))
    {
      begin_line (report, subject, "");
      end_line_with_error (report, error);
    }
  else if (bench.layer->klass->is_identity == NULL
           || !bench.layer->klass->is_identity (bench.layer, bench.input_shapes))
    {
      print_direction (report, &bench, subject, FORWARD);
      if (differs_for_gradient (&bench))
        print_direction (report, &bench, subject, FORWARD_FOR_GRADIENT);
      if (bench.layer->klass->backward != NULL)
        print_direction (report, &bench, subject, BACKWARD);
    }
  bench_clear (&bench);
}

static void
print_row (Report *report, const char *where, const Row *row)
{
  const CnnLayerClass *klass = cnn_layer_class_find (row->class_name);
  g_auto (GStrv) cases = g_strsplit (row->inputs, " | ", -1);

  g_assert_nonnull (klass);
  if (klass->flags & (CNN_LAYER_IDENTITY | CNN_LAYER_INPUT))
    return;
  report->rows++;
  if (g_timer_elapsed (report->timer, NULL) >= report->seconds)
    {
      report->left_out++;
      return;
    }
  for (char **inputs = cases; *inputs != NULL; inputs++)
    print_case (report, &(Subject){ where, row, *inputs });
}

/* Whether a pattern, which may have * and ?, fits the text's beginning or, if `anywhere`, a part of
 * it. */
static gboolean
matches (const char *text, char **patterns, gboolean anywhere)
{
  for (char **pattern = patterns; *pattern != NULL; pattern++)
    {
      g_autofree char *whole = g_strconcat (anywhere ? "*" : "", *pattern, "*", NULL);

      if (g_pattern_match_simple (whole, text))
        return TRUE;
    }
  return FALSE;
}

static void
print_rows (Report *report, char **patterns)
{
  for (guint i = 0; i < n_perf_rows; i++)
    {
      const PerfRow *row = &perf_rows[i];
      g_autofree char *text =
          g_strjoin (" ", row->where, row->row.class_name, row->row.params, row->row.inputs, NULL);

      if (patterns == NULL || matches (text, patterns, TRUE))
        print_row (report, row->where, &row->row);
    }
  for (guint i = 0; patterns != NULL && ref_row (i) != NULL; i++)
    {
      g_autofree char *path = ref_row_path (i), *where = g_strdup_printf ("row %03u", i);

      if (matches (path, patterns, FALSE))
        print_row (report, where, ref_row (i));
    }
}

static void
print_sum (const Report *report)
{
  if (report->left_out > 0)
    g_print ("%d rows left out after %g s\n", report->left_out, report->seconds);
  g_print ("sum:");
  for (int i = 0; i < N_DIRECTIONS; i++)
    if (report->milliseconds[i] > 0.)
      g_print (" %s %.3f ms %.1f GFLOP/s,", direction_names[i], report->milliseconds[i],
               report->operations[i] / report->milliseconds[i] * 1e-6);
  g_print (" %d rows, %d lines, %d errors, %.1f s\n", report->rows - report->left_out,
           report->lines, report->errors, g_timer_elapsed (report->timer, NULL));
}

/* g_print's handler: a run that is killed keeps what it had. */
static void
print_and_flush (const char *text)
{
  fputs (text, stdout);
  fflush (stdout);
}

int
perf_main (int argc, char **argv)
{
  Report report = { .seconds = INFINITY };
  g_auto (GStrv) patterns = NULL;
  const GOptionEntry options[] = {
    { "perf", 0, 0, G_OPTION_ARG_NONE, &(gboolean){ FALSE }, "Measure how long kernels take",
      NULL },
    { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &report.seconds, "Begin no row after that", "N" },
    { "path", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &patterns, "The same as a PATTERN alone",
      "PATTERN" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &patterns, NULL, "[PATTERN…]" },
    { 0 },
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *description = NULL;
  guint messages;

  g_set_print_handler (print_and_flush);
  g_option_context_add_main_entries (context, options, NULL);
  if (g_option_context_parse (context, &argc, &argv, &error))
    device = cnn_device_open (NULL, &error);
  if (device == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  description = cnn_device_describe (device);
  g_print ("%s\n", description);
  g_print (LINE "%10s %9s %8s  %s\n", "where", "class and parameters", "input", "direction", "ms",
           "GFLOP/s", "GB/s", "kernel");
  report.timer = g_timer_new ();
  print_rows (&report, patterns);
  if (report.rows > 0)
    print_sum (&report);
  else
    g_printerr ("no row matches; --perf without a pattern takes the usual ones\n");
  g_timer_destroy (report.timer);
  messages = cnn_device_validation_messages (device);
  cnn_device_unref (device);
  return report.errors > 0 || report.rows == 0 || messages > 0;
}
