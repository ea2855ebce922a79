/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How invocations are laid out over flat items: cnn_flat_groups and flat.glsl. */
#ifndef FLAT_PARAMS_H
#define FLAT_PARAMS_H

#define FLAT_LOCAL 64u     /* invocations of a workgroup */
#define FLAT_GROUPS 32768u /* workgroups along x; the next ones are further along y */
#endif
