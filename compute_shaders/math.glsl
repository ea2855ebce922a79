/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Elementary functions to float32 accuracy: drivers may answer exp and tanh with as little as 1e-5. */
#ifndef MATH_GLSL
#define MATH_GLSL

/* e^r - 1 for |r| <= ln 2 / 2 by a polynomial. */
float
exp_minus_1_near_0 (float r)
{
  float p = 1.9875691500e-4;
  p = p * r + 1.3981999507e-3;
  p = p * r + 8.3334519073e-3;
  p = p * r + 4.1665795894e-2;
  p = p * r + 1.6666665459e-1;
  p = p * r + 5.0000001201e-1;
  return p * r * r + r;
}

/* e^x by reduction to |r| <= ln 2 / 2 (Cody and Waite) and a polynomial; relative error below 2 ulp.
 * 0 below -87, where float32 has no normal numbers, and never infinite. */
float
exact_exp (float x)
{
  float bounded = clamp (x, -87.0, 88.0);
  float n = roundEven (bounded * 1.44269504);
  float r = (bounded - n * 0.693359375) + n * 2.12194440e-4;
  float e = exp_minus_1_near_0 (r) + 1.0;
  return x < -87.0 ? 0.0 : e * uintBitsToFloat (uint (int (n) + 127) << 23);
}

/* e^x - 1 for x <= 0, without cancellation near 0. */
float
exact_exp_minus_1 (float x)
{
  float bounded = max (x, -87.0);
  float n = roundEven (bounded * 1.44269504);
  float r = (bounded - n * 0.693359375) + n * 2.12194440e-4;
  float power = uintBitsToFloat (uint (int (n) + 127) << 23);
  return power * exp_minus_1_near_0 (r) + (power - 1.0);
}

float
exact_tanh (float x)
{
  float e = exact_exp_minus_1 (-2.0 * abs (x));
  float t = -e / (2.0 + e);
  return x < 0.0 ? -t : t;
}

/* ln (1 + u) for 0 <= u <= 1, as 2 artanh (u / (2 + u)) by its series. */
float
exact_log_1_plus (float u)
{
  float s = u / (2.0 + u), z = s * s;
  float p = 1.0 / 15.0;
  p = p * z + 1.0 / 13.0;
  p = p * z + 1.0 / 11.0;
  p = p * z + 1.0 / 9.0;
  p = p * z + 1.0 / 7.0;
  p = p * z + 1.0 / 5.0;
  p = p * z + 1.0 / 3.0;
  return 2.0 * (s + s * z * p);
}

/* The error function, absolute error below 1e-7: its series up to 1; beyond, 1 - erfc (x), where
 * e^(x^2) erfc (x) is a polynomial in 1 / (x + 2), fitted to 7e-8. */
float
exact_erf (float x)
{
  float a = abs (x), t = 1.0 / (a + 2.0), z = min (a, 1.0) * min (a, 1.0);
  float p, q, near, far;

  p = -1.0 / 918086400.0; /* (-1)^n / (n! (2n + 1)), n = 11 … 1 */
  p = p * z + 1.0 / 76204800.0;
  p = p * z - 1.0 / 6894720.0;
  p = p * z + 1.0 / 685440.0;
  p = p * z - 1.0 / 75600.0;
  p = p * z + 1.0 / 9360.0;
  p = p * z - 1.0 / 1320.0;
  p = p * z + 1.0 / 216.0;
  p = p * z - 1.0 / 42.0;
  p = p * z + 1.0 / 10.0;
  p = p * z - 1.0 / 3.0;
  near = 1.12837917 * (a + a * z * p);

  q = 10.7768517;
  q = q * t - 22.6321745;
  q = q * t + 12.69551;
  q = q * t + 0.413511957;
  q = q * t + 2.3053905;
  q = q * t + 1.10383428;
  q = q * t + 0.564954944;
  far = 1.0 - q * t * exact_exp (-a * a);

  p = a < 1.0 ? near : far;
  return x < 0.0 ? -p : p;
}
#endif
