/* SPDX-License-Identifier: GPL-3.0-or-later */
/* epilogue.glsl for kernels that end several pixels of a plane in one invocation: center, scale and
 * shift are loaded once, and the activation stands once in what a driver has to inline. To be
 * included where epilogue.glsl would be; AFFINE 0 leaves values as they are. */
struct Epilogue
{
  vec4 center, scale, shift;
};

Epilogue
load_epilogue (uint plane, uint planes)
{
  Epilogue e = Epilogue (vec4 (0.), vec4 (1.), vec4 (0.));

  if (AFFINE != 0)
    {
      e.center = imageLoad (affine, int (plane));
      e.scale = imageLoad (affine, int (planes + plane));
      e.shift = imageLoad (affine, int (2 * planes + plane));
    }
  return e;
}

vec4
apply_epilogue (Epilogue e, vec4 v)
{
  if (AFFINE != 0)
    {
      v = (v - e.center) * e.scale + e.shift;
      [[unroll]] for (int i = 0; i < 4; i++)
        v[i] = activate (ACTIVATION, alpha, max_value, threshold, v[i]);
    }
  return v;
}
