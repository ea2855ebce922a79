/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tail of a kernel that makes a layer's values: activation ((v − center) · scale + shift + residual),
 * all but the residual per channel. To be included after the images `affine` (center, scale, shift;
 * `planes` vec4s each) and `residual` (as the target), the constants ACTIVATION and RESIDUAL and the push
 * constants alpha, max_value and threshold are declared. The center is taken off first, as
 * Keras' BatchNormalization does: where the mean is large against the deviation, a sum that is scaled
 * first loses digits. */
vec4
epilogue (vec4 v, uint plane, uint planes, uint item)
{
  vec4 center = LOAD (affine, plane);
  vec4 scale = LOAD (affine, planes + plane);
  vec4 shift = LOAD (affine, 2 * planes + plane);

  v = (v - center) * scale + shift;
  if (RESIDUAL != 0)
    v += LOAD (residual, item);
  return activate (ACTIVATION, alpha, max_value, threshold, v);
}
