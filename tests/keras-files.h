/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Writes small model files, sound and unsound, for test-keras.c. */

#include "network.h"

#include <hdf5.h>

G_BEGIN_DECLS

/* An 8×8×3 picture → conv (3×3, 4 filters, relu) → pool → dense (2). In files' texts ' stands for
 * ". */
extern const char small_config[];

/* Groups as Keras 1 and 2 have them, under "model_weights", or as Keras 3 has them. */
typedef enum
{
  LEGACY,
  PATHS
} Layout;

/* A change to the file before it is closed. */
typedef void (*Change) (hid_t file);

/* `text` with every ' as ", and `old` (or NULL) replaced. Transfer full. */
char *small_text (const char *text, const char *old, const char *new);

/* The small model's weights; config (or NULL) becomes model_config. */
void write_h5 (const char *path, Layout layout, const char *config, Change change);
/* The same in the newest form that HDF5 writes, LEGACY. */
void write_new_h5 (const char *path, const char *config, Change change);
/* A zip of config.json, metadata.json and model.weights.h5, written by write_h5. */
void write_keras (const char *path, const char *config, Change change);
/* A zip of one entry. */
void write_zip (const char *path, const char *name, gconstpointer bytes, gsize length);

/* Parts of files. Numbers run 1, 1/2, 1/3, … */
void write_numbers (hid_t file, const char *path, hid_t type, int rank, const hsize_t *dims,
                    hid_t creation);
void write_strings (hid_t file, const char *path, const char *attribute,
                    const char *const *strings);
float small_number (gsize index);
extern const hsize_t kernel_dims[]; /* of the small model's convolution */

/* A folder for the test's files, and a path in it. */
const char *test_folder (void);
char *new_path (const char *name);
void remove_folder (void);
/* Opening must succeed. Transfer full. */
CnnNetwork *open_network (const char *path, const char *architecture);
/* Both have the same layers with the same numbers. */
void check_same_weights (const CnnModel *a, const CnnModel *b);
/* Opening must fail so. */
void check_error (const char *path, const char *architecture, const char *labels, int code,
                  const char *message);

void add_real_tests (void);
void add_bad_tests (void);

G_END_DECLS
