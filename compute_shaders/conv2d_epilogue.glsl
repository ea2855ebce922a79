/* SPDX-License-Identifier: GPL-3.0-or-later */
/* epilogue.glsl for kernels that end several pixels of a plane in one invocation: center, scale and
 * shift are loaded once, and the activation stands once in what a driver has to inline. By the
 * constant EPILOGUE it is also a gradient's way back through such a tail, whose ReLU gave `value`:
 * (v + residual) · relu' · scale. To be included where epilogue.glsl would be, has_affine among the
 * push constants; where that is 0 center, scale and shift leave values as they are. `item` is the vec4
 * of the target. */
struct Epilogue
{
  vec4 center, scale, shift;
};

Epilogue
load_epilogue (uint plane, uint planes)
{
  const int at = int (plane * has_affine), step = int (planes * has_affine);
  const bool has = has_affine != 0;

  return Epilogue (has ? LOAD (affine, at) : vec4 (0.),
                   has ? LOAD (affine, step + at) : vec4 (1.),
                   has ? LOAD (affine, 2 * step + at) : vec4 (0.));
}

vec4
apply_epilogue (Epilogue e, vec4 v, uint item)
{
  if (EPILOGUE != EPILOGUE_VALUES)
    {
      if (RESIDUAL != 0)
        v += LOAD (residual, item);
      if (EPILOGUE == EPILOGUE_GRADIENT_OF_RELU)
        v *= derivative_from_output (CNN_ACTIVATION_RELU, alpha, max_value, LOAD (value, item));
      return v * e.scale;
    }
  v = (v - e.center) * e.scale + e.shift;
  if (RESIDUAL != 0)
    v += LOAD (residual, item);
  return activate (ACTIVATION, alpha, max_value, threshold, v);
}
