/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reference_private.h"

#include <math.h>
#include <string.h>

RefTensor
ref_make (int rank, int n, int h, int w, int c)
{
  RefTensor t = { rank, n, h, w, c, NULL };

  t.data = g_new0 (double, ref_count (&t));
  return t;
}

RefTensor
ref_copy (const RefTensor *in)
{
  RefTensor out = ref_make (in->rank, in->n, in->h, in->w, in->c);

  memcpy (out.data, in->data, ref_count (in) * sizeof (double));
  return out;
}

/* --- parameters --- */

char *
ref_word (const char *params, const char *key, const char *standard)
{
  g_auto (GStrv) pairs = g_strsplit (params, " ", -1);
  const gsize length = strlen (key);

  for (char **pair = pairs; *pair != NULL; pair++)
    if (strncmp (*pair, key, length) == 0 && (*pair)[length] == '=')
      return g_strdup (*pair + length + 1);
  return g_strdup (standard);
}

int
ref_numbers (const char *params, const char *key, double *values, int most)
{
  g_autofree char *word = ref_word (params, key, NULL);
  g_auto (GStrv) parts = NULL;
  int n = 0;

  if (word == NULL)
    return 0;
  parts = g_strsplit (word, ",", -1);
  for (; parts[n] != NULL && n < most; n++)
    values[n] = strcmp (parts[n], "null") == 0    ? NAN
                : strcmp (parts[n], "true") == 0  ? 1.
                : strcmp (parts[n], "false") == 0 ? 0.
                                                  : g_ascii_strtod (parts[n], NULL);
  return n;
}

double
ref_number (const char *params, const char *key, double standard)
{
  double value;

  return ref_numbers (params, key, &value, 1) == 1 && !isnan (value) ? value : standard;
}

void
ref_pair (const char *params, const char *key, int standard_h, int standard_w, int pair[2])
{
  double values[2] = { standard_h, standard_w };
  const int n = ref_numbers (params, key, values, 2);

  if (n == 1)
    values[1] = values[0];
  for (int i = 0; i < 2; i++)
    pair[i] = isnan (values[i]) ? (i == 0 ? standard_h : standard_w) : (int) values[i];
}

gboolean
ref_is (const char *params, const char *key, const char *word)
{
  g_autofree char *value = ref_word (params, key, NULL);

  return g_strcmp0 (value, word) == 0;
}

double
ref_clip (double x, double low, double high)
{
  return fmin (fmax (x, low), high);
}

/* --- the layers --- */

/* What training alone changes. */
static RefTensor
identity (const RefCase *test)
{
  return ref_copy (&test->inputs[0]);
}

static const RefClass classes[] = {
  { "ActivityRegularization", identity },
  { "AlphaDropout", identity },
  { "AugMix", identity },
  { "CutMix", identity },
  { "Dropout", identity },
  { "Equalization", identity },
  { "GaussianDropout", identity },
  { "GaussianNoise", identity },
  { "Identity", identity },
  { "MixUp", identity },
  { "RandAugment", identity },
  { "RandomBrightness", identity },
  { "RandomColorDegeneration", identity },
  { "RandomColorJitter", identity },
  { "RandomContrast", identity },
  { "RandomCrop", identity },
  { "RandomElasticTransform", identity },
  { "RandomErasing", identity },
  { "RandomFlip", identity },
  { "RandomGaussianBlur", identity },
  { "RandomGrayscale", identity },
  { "RandomHeight", identity },
  { "RandomHue", identity },
  { "RandomInvert", identity },
  { "RandomPerspective", identity },
  { "RandomPosterization", identity },
  { "RandomRotation", identity },
  { "RandomSaturation", identity },
  { "RandomSharpness", identity },
  { "RandomShear", identity },
  { "RandomTranslation", identity },
  { "RandomWidth", identity },
  { "RandomZoom", identity },
  { "Solarization", identity },
  { "SpatialDropout2D", identity },
  { "StochasticDepth", identity },
  { NULL, NULL },
};

static const Row rows[] = {
  { "ActivityRegularization", "l1=0.1", "7x9x5", 0, 0, 0 },
  { "AlphaDropout", "rate=0.5", "7x9x5", 0, 0, 0 },
  { "Dropout", "rate=0.5", "7x9x5 | 33", 0, 0, 0 },
  { "GaussianDropout", "rate=0.5", "7x9x5", 0, 0, 0 },
  { "GaussianNoise", "stddev=0.5", "7x9x5", 0, 0, 0 },
  { "InputLayer", "batch_shape=null,7,9,5", "", 0, 0, 0 },
  { "InputLayer", "batch_input_shape=null,null,null,3", "", 2, 0, 0 },
  { "InputLayer", "batch_shape=null,33", "", 0, 0, 0 },
  { "RandomBrightness", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomContrast", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomCrop", "height=7 width=9", "7x9x3", 0, 0, 0 },
  { "RandomFlip", "mode=horizontal", "7x9x3", 0, 0, 0 },
  { "RandomHeight", "factor=0.2", "7x9x3", 2, 0, 0 },
  { "RandomRotation", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomTranslation", "height_factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomWidth", "factor=0.2", "7x9x3", 2, 0, 0 },
  { "RandomZoom", "height_factor=0.2", "7x9x3", 0, 0, 0 },
  { "SpatialDropout2D", "rate=0.5", "7x9x5", 0, 0, 0 },
  { "AugMix", "severity=0.3", "7x9x3", 0, 0, 0 },
  { "CutMix", "factor=1", "7x9x3", 0, 0, 0 },
  { "Equalization", "bins=64", "7x9x3", 0, 0, 0 },
  { "Identity", "", "7x9x5 | 33", 0, 0, 0 },
  { "MixUp", "alpha=0.2", "7x9x3", 0, 0, 0 },
  { "RandAugment", "num_ops=2", "7x9x3", 0, 0, 0 },
  { "RandomColorDegeneration", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomColorJitter", "hue_factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomElasticTransform", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomErasing", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomGaussianBlur", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomGrayscale", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomHue", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomInvert", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomPerspective", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomPosterization", "factor=4", "7x9x3", 0, 0, 0 },
  { "RandomSaturation", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomSharpness", "factor=0.2", "7x9x3", 0, 0, 0 },
  { "RandomShear", "x_factor=0.2", "7x9x3", 0, 0, 0 },
  { "Solarization", "threshold_factor=0.5", "7x9x3", 0, 0, 0 },
  { "StochasticDepth", "drop_path_rate=0.2", "7x9x5", 0, 0, 0 },
};

static const RefFamily identities = { classes, rows, G_N_ELEMENTS (rows) };

static const RefFamily *const families[] = { &ref_values, &ref_windows, &ref_places, &identities };

gboolean
ref_forward (const RefCase *test, RefTensor *output)
{
  for (guint i = 0; i < G_N_ELEMENTS (families); i++)
    for (const RefClass *klass = families[i]->classes; klass->name != NULL; klass++)
      if (strcmp (klass->name, test->class_name) == 0)
        {
          *output = klass->forward (test);
          return TRUE;
        }
  return FALSE;
}

const Row *
ref_row (guint n)
{
  for (guint i = 0; i < G_N_ELEMENTS (families); n -= families[i++]->n_rows)
    if (n < families[i]->n_rows)
      return families[i]->rows + n;
  return NULL;
}

char *
ref_row_path (guint n)
{
  const Row *row = ref_row (n);

  return g_strdup_printf ("/layers/%s/%03u %s", row->class_name, n, row->params);
}
