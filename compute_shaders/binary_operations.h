/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What binary and binary_backward compute. */
#ifndef BINARY_OPERATIONS_H
#define BINARY_OPERATIONS_H

#define BINARY_ADD 0
#define BINARY_MULTIPLY 1
#define BINARY_MAXIMUM 2
#define BINARY_MINIMUM 3
#endif
