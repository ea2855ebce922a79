/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef OPPONENT_H
#define OPPONENT_H

/* How much photographs vary in light (R + G + B), blue against yellow (R − B) and green against
 * purple (R − 2 G + B), each of unit length; measured on eight photographs, light as 1. */
#define OPPONENT_LIGHT 1.0
#define OPPONENT_BLUE 0.26
#define OPPONENT_GREEN 0.14

#endif
