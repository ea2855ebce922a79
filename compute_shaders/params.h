/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lets one struct serve C and GLSL as push constants: CNN_PARAMS (Name) { uint a; … }; */
#ifndef PARAMS_H
#define PARAMS_H

#ifdef GL_core_profile
#define CNN_PARAMS(name) layout (push_constant) uniform name
#else
typedef unsigned int uint;
#define CNN_PARAMS(name) struct name
#endif

#endif
