/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How kernels read buffers of vec4: as texels, which a software driver turns into plain vector loads
 * and may be longer than a storage binding; or with VECTORS_IN_STORAGE from storage buffers, native
 * to graphics processors. */
#ifndef VECTORS_GLSL
#define VECTORS_GLSL
#ifdef VECTORS_IN_STORAGE
#define VECTORS(number, name)                                                                     \
  layout (set = 0, binding = number) readonly buffer name##_vectors { vec4 name[]; }
#define LOAD(name, at) name[at]
#else
#define VECTORS(number, name)                                                                     \
  layout (set = 0, binding = number, rgba32f) readonly uniform imageBuffer name
#define LOAD(name, at) imageLoad (name, int (at))
#endif
#endif
