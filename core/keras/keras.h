/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Keras' model files: .keras archives, HDF5 with a graph, HDF5 of weights alone. The only room that
 * sees JSON and HDF5 as Keras uses them. */

#include "reader.h"

G_BEGIN_DECLS

/* `architecture`: a name of architectures.json, or a file of Keras' to_json(); NULL: told by the
 * file's layer names and shapes. `graph`: such a file. `architectures`: where architectures.json
 * lies. */
extern const CnnModelReader cnn_keras_reader;

G_END_DECLS
