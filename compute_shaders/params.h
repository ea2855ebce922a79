/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A shader's interface, written once for C and GLSL: its specialization constants and bindings as
 * macros of its stem, STEM_NAME, which number them from 0 on; its push constants as
 * CNN_PARAMS (Name) { uint a; … }; and CNN_PARAMS_SIZE (Name, bytes), which C and GLSL agree on. */
#ifndef PARAMS_H
#define PARAMS_H

#ifdef GL_core_profile
#define CNN_PARAMS(name) layout (push_constant) uniform name
#define CNN_PARAMS_SIZE(name, bytes)
#else
typedef unsigned int uint;
#define CNN_PARAMS(name) struct name
#define CNN_PARAMS_SIZE(name, bytes) \
  typedef struct name name;          \
  _Static_assert(sizeof (name) == bytes, #name " has another size in GLSL");
#endif

#endif
