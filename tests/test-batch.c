/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Variants that run together: how many, and that each gets what it would get alone. */

#include "batch.h"
#include "session-helpers.h"

static const struct
{
  const char *folder;
  CnnScoreKind score;
  int most, n; /* variants that run in the last batch */
} rows[] = {
  { "sequential", CNN_SCORE_PROBABILITY, 5, 5 }, { "sequential", CNN_SCORE_PROBABILITY, 5, 2 },
  { "sequential", CNN_SCORE_LOGIT, 4, 3 },       { "sequential", CNN_SCORE_PROBABILITY, 1, 1 },
  { "shapes", CNN_SCORE_PROBABILITY, 3, 3 }, /* one sigmoid unit, two classes */
  { "shapes", CNN_SCORE_LOGIT, 3, 2 },           { "functional", CNN_SCORE_PROBABILITY, 3, 3 },
};

static void
fill_variant (const CnnArray *input, int variant, float *values)
{
  for (gsize i = 0; i < cnn_array_count (input); i++)
    values[i] = input->data[i] * (1 - .2f * (float) variant) + (float) (i % 7) * .01f;
}

/* What the session gives for a variant alone. */
static double
score_alone (CnnSession *session, const CnnArray *input, CnnScoreKind kind, int class_index)
{
  g_autoptr (GError) error = NULL;
  CnnScores where = { 0 };
  g_autoptr (CnnScores) scores = NULL;
  g_autoptr (CnnPrediction) prediction = NULL;

  g_assert_true (cnn_session_set_input (session, input, &error));
  g_assert_true (cnn_session_find_scores (session, &where, &error));
  cnn_session_run (session, (int[]){ where.output_node, where.logit_node }, 2, -1, NULL, 0, NULL,
                   &error);
  g_assert_no_error (error);
  scores = cnn_session_read_scores (session, &error);
  g_assert_no_error (error);
  prediction = cnn_session_prediction (session, scores, class_index);
  return kind == CNN_SCORE_LOGIT ? scores->logits[class_index] : (double) prediction->probability;
}

static void
check_row (guint row, int class_index)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden (rows[row].folder, "model.keras");
  g_autoptr (CnnArray) input = golden_array (rows[row].folder, "input", "");
  g_autoptr (CnnBatch) batch = NULL;
  double scores[16];
  /* a first run, so that the last one finds other variants in its place */
  const int runs[] = { rows[row].most, rows[row].n };

  batch = cnn_batch_new (session, rows[row].score, rows[row].most, &error);
  g_assert_no_error (error);
  g_assert_cmpint (cnn_batch_count (batch), ==, rows[row].most);
  for (int run = 0; run < 2; run++)
    {
      for (int i = 0; i < runs[run]; i++)
        fill_variant (input, 10 * run + i, cnn_batch_input (batch, i));
      g_assert_true (cnn_batch_run (batch, runs[run], class_index, scores, &error));
      g_assert_no_error (error);
    }
  for (int i = 0; i < rows[row].n; i++)
    {
      g_autoptr (CnnArray) variant = cnn_array_new (input->rank, input->dims, "variant", NULL);
      double alone;

      fill_variant (input, 10 + i, variant->data);
      alone = score_alone (session, variant, rows[row].score, class_index);
      if (fabs (scores[i] - alone) > 1e-5 * MAX (1, fabs (alone)))
        g_error ("row %u, class %d, variant %d: %g together, %g alone", row, class_index, i,
                 scores[i], alone);
    }
}

static void
test_scores (void)
{
  for (guint row = 0; row < G_N_ELEMENTS (rows); row++)
    for (int class_index = 0; class_index < 2; class_index++)
      check_row (row, class_index);
}

static void
test_size (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnSession) session = open_golden ("sequential", "model.keras");
  const gsize binding = cnn_device_max_binding (session->device), mib = (gsize) 1 << 20;
  const struct
  {
    CnnBatchKind kind;
    gsize memory, largest;
    int most, count;
  } sizes[] = {
    { CNN_BATCH_FORWARD, 1, 1, 1000, 16 },
    { CNN_BATCH_FORWARD, 4 * mib, 1, 1000, 4 },
    { CNN_BATCH_FORWARD, 17 * mib, 1, 1000, 1 },
    { CNN_BATCH_FORWARD, G_MAXSIZE, G_MAXSIZE, 1000, 1 },
    { CNN_BATCH_FORWARD, 0, 0, 1000, 16 },
    { CNN_BATCH_FORWARD, 1, 1, 3, 3 },
    { CNN_BATCH_FORWARD, 1, binding / 5, 1000, 5 },
    { CNN_BATCH_ASCENT, 1, 1, 1000, 64 },
    { CNN_BATCH_ASCENT, 4 * mib, 1, 1000, 64 },
    { CNN_BATCH_ASCENT, 2048 * mib, 1, 1000, 1 },
    { CNN_BATCH_ASCENT, 1, 1, 7, 7 },
    { CNN_BATCH_ASCENT, 1, binding / 5, 1000, 5 },
  };

  /* the rows hold for a device whose quarter is more than the kinds gain from */
  g_assert_cmpuint (cnn_device_memory (session->device) / 4, >=, 256 * mib);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      const int count = cnn_batch_size (session->device, sizes[i].kind, sizes[i].memory,
                                        sizes[i].largest, sizes[i].most);

      if (count != sizes[i].count)
        g_error ("row %u: %d pictures, not %d", i, count, sizes[i].count);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/batch/scores", test_scores);
  g_test_add_func ("/batch/size", test_size);
  return g_test_run ();
}
