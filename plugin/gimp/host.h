/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the two GIMPs call differently, under one name: images are HostImage, layers, groups and
 * drawables HostItem, neither is HOST_NONE. What libgimp spells the same in both is called by its
 * own name. Beside the registrations, host2.h and host3.h are the only files that know a version.
 */

#include "common.h"
#include "dialog.h"

#include <libgimp/gimp.h>
#include <libgimp/gimpui.h>

#if GIMP_CHECK_VERSION(3, 0, 0)
#include "host3.h"
#else
#include "host2.h"
#endif
