/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "noise.h"

#include "opponent.h"

#include <math.h>

struct _CnnNoise
{
  GRand *random;
};

CnnNoise *
cnn_noise_new (guint64 seed, guint32 stream, guint32 turn)
{
  const guint32 keys[] = { (guint32) seed, (guint32) (seed >> 32), stream, turn };
  CnnNoise *self = g_new0 (CnnNoise, 1);

  self->random = g_rand_new_with_seed_array (keys, G_N_ELEMENTS (keys));
  return self;
}

void
cnn_noise_free (CnnNoise *self)
{
  if (self == NULL)
    return;
  g_rand_free (self->random);
  g_free (self);
}

double
cnn_noise_between (CnnNoise *self, double low, double high)
{
  /* Whole numbers only: the environment can change what g_rand_double makes of them. */
  return low + (high - low) * (g_rand_int (self->random) * 0x1p-32);
}

void
cnn_noise_fill (CnnNoise *self, double low, double high, float *values, gsize n)
{
  for (gsize i = 0; i < n; i++)
    values[i] = (float) cnn_noise_between (self, low, high);
}

/* --- Natural noise --- */

/* Near enough to a normal distribution, of deviation 1. */
static double
bell (CnnNoise *self)
{
  double sum = 0;

  for (int i = 0; i < 4; i++)
    sum += cnn_noise_between (self, -1, 1);
  return sum * 0.8660254037844386;
}

/* In place, n a power of two, from frequencies to places; `step` numbers lie between two values. */
static void
transform (double *real, double *imaginary, int n, int step)
{
  for (int i = 1, j = 0; i < n; i++)
    {
      int bit = n >> 1;

      for (; j & bit; bit >>= 1)
        j ^= bit;
      j ^= bit;
      if (i < j)
        {
          double swap = real[i * step];

          real[i * step] = real[j * step];
          real[j * step] = swap;
          swap = imaginary[i * step];
          imaginary[i * step] = imaginary[j * step];
          imaginary[j * step] = swap;
        }
    }
  for (int length = 2; length <= n; length *= 2)
    for (int k = 0; k < length / 2; k++)
      {
        /* Rounded, so that one library's last digit of a cosine is not another's picture. */
        const double angle = 2 * G_PI * k / length;
        const double c = rint (cos (angle) * 0x1p30) * 0x1p-30,
                     s = rint (sin (angle) * 0x1p30) * 0x1p-30;

        for (int at = k; at < n; at += length)
          {
            const int low = at * step, high = (at + length / 2) * step;
            const double re = real[high] * c - imaginary[high] * s,
                         im = real[high] * s + imaginary[high] * c;

            real[high] = real[low] - re;
            imaginary[high] = imaginary[low] - im;
            real[low] += re;
            imaginary[low] += im;
          }
      }
}

/* n×n numbers of deviation 1 whose amplitudes fall as 1 / frequency. Transfer full. */
static double *
natural_field (CnnNoise *self, int n)
{
  const gsize count = (gsize) n * (gsize) n;
  double *real = g_new (double, count), squares = 0;
  g_autofree double *imaginary = g_new (double, count);

  for (int v = 0; v < n; v++)
    for (int u = 0; u < n; u++)
      {
        const double fv = MIN (v, n - v), fu = MIN (u, n - u);
        const double amplitude = u + v == 0 ? 0 : 1 / sqrt (fv * fv + fu * fu);

        real[v * n + u] = amplitude * bell (self);
        imaginary[v * n + u] = amplitude * bell (self);
        squares += amplitude * amplitude;
      }
  for (int i = 0; i < n; i++)
    transform (real + (gsize) i * (gsize) n, imaginary + (gsize) i * (gsize) n, n, 1);
  for (int i = 0; i < n; i++)
    transform (real + i, imaginary + i, n, n);
  for (gsize i = 0; i < count; i++)
    real[i] /= sqrt (squares);
  return real;
}

void
cnn_noise_fill_natural (CnnNoise *self, double middle, double deviation, int height, int width,
                        int channels, float *values)
{
  static const double weights[] = { OPPONENT_LIGHT, OPPONENT_BLUE, OPPONENT_GREEN };
  static const double mixes[3][3] = { { 1, 1, 1 }, { 1, 0, -1 }, { 1, -2, 1 } };
  static const double lengths[] = { 3, 2, 6 };
  int n = 1;

  while (n < MAX (height, width))
    n *= 2;
  for (gsize i = 0; i < (gsize) height * (gsize) width * (gsize) channels; i++)
    values[i] = (float) middle;
  for (int k = 0; k < channels; k++)
    {
      g_autofree double *field = natural_field (self, n);

      for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
          {
            float *pixel = values + ((gsize) y * (gsize) width + (gsize) x) * (gsize) channels;
            const double value = deviation * field[y * n + x];

            if (channels != 3)
              pixel[k] += (float) value;
            for (int c = 0; c < 3 && channels == 3; c++)
              pixel[c] += (float) (value * weights[k] * mixes[k][c] * sqrt (3 / lengths[k]));
          }
    }
}
