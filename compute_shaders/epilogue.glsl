/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tail of a kernel that makes a layer's values: activation ((v − center) · scale + shift) per channel.
 * To be included after the image `affine` (center, scale, shift; `planes` vec4s each), the constant ACTIVATION and
 * the push constants alpha, max_value and threshold are declared. The center is taken off first, as
 * Keras' BatchNormalization does: where the mean is large against the deviation, a sum that is scaled
 * first loses digits. */
vec4
epilogue (vec4 v, uint plane, uint planes)
{
  vec4 center = LOAD (affine, plane);
  vec4 scale = LOAD (affine, planes + plane);
  vec4 shift = LOAD (affine, 2 * planes + plane);

  return activate (ACTIVATION, alpha, max_value, threshold, (v - center) * scale + shift);
}
