/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What tests of core/visualize share. */

#include "error.h"
#include "session.h"

#include <math.h>
#include <string.h>

static inline const char *
source_root (void)
{
  const char *root = g_getenv ("CONVLENS_SOURCE_ROOT");

  return root != NULL ? root : ".";
}

static inline char *
source_file (const char *folder, const char *name)
{
  return g_build_filename (source_root (), folder, name, NULL);
}

/* A file of the folder beside the checkout, or NULL, and then the test is skipped. */
static inline char *
shared_file (const char *name)
{
  const char *shared = g_getenv ("CONVLENS_SHARED");
  g_autofree char *beside = g_build_filename (source_root (), "..", "shared", NULL);
  char *path = g_build_filename (shared != NULL ? shared : beside, name, NULL);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return path;
  g_test_skip ("the folder with shared models is missing: set CONVLENS_SHARED");
  g_free (path);
  return NULL;
}

static inline CnnArray *
golden_array (const char *folder, const char *prefix, const char *layer)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *plain = g_strdelimit (g_strdup (layer), "/", '-');
  g_autofree char *name = g_strdup_printf ("%s/%s%s.npy", folder, prefix, plain);
  g_autofree char *path = source_file ("tests/data/keras", name);
  CnnArray *array = cnn_npy_load (path, &error);

  g_assert_no_error (error);
  return array;
}

static inline CnnSession *
open_model (const char *model, const char *labels)
{
  g_autoptr (GError) error = NULL;
  CnnOptions options = { .model = model, .labels = labels, .preprocess = CNN_PREPROCESS_NONE };
  CnnSession *session = cnn_session_open (&options, TRUE, NULL, &error);

  g_assert_no_error (error);
  return session;
}

static inline CnnSession *
open_golden (const char *folder, const char *file)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = g_build_filename (folder, file, NULL);
  g_autofree char *path = source_file ("tests/data/keras", name);
  g_autoptr (CnnArray) input = golden_array (folder, "input", "");
  CnnSession *session = open_model (path, NULL);

  cnn_session_set_input (session, input, &error);
  g_assert_no_error (error);
  return session;
}

/* The largest difference over the largest value. */
static inline double
difference (const CnnArray *ours, const CnnArray *theirs)
{
  double worst = 0, largest = 0;

  g_assert_cmpint (ours->rank, ==, theirs->rank);
  for (int i = 0; i < ours->rank; i++)
    g_assert_cmpint (ours->dims[i], ==, theirs->dims[i]);
  for (gsize i = 0; i < cnn_array_count (ours); i++)
    {
      worst = MAX (worst, fabs ((double) ours->data[i] - theirs->data[i]));
      largest = MAX (largest, fabs ((double) theirs->data[i]));
    }
  return largest > 0 ? worst / largest : worst;
}

static inline void
assert_message (GError **error, int code, const char *part)
{
  g_assert_error (*error, CNN_ERROR, code);
  if (strstr ((*error)->message, part) == NULL)
    g_error ("“%s” is not in “%s”", part, (*error)->message);
  g_clear_error (error);
}
