/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the targets share. A target is a file of its own with LLVMFuzzerTestOneInput and, where
 * plain bytes would not get far, LLVMFuzzerCustomMutator; README.md says how they are run. */

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/* --- libFuzzer's own, of which driver.c has its own --- */

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t most, unsigned seed);
/* Changes the bytes in place; the new size, at most `most`. */
size_t LLVMFuzzerMutate (uint8_t *data, size_t size, size_t most);

/* --- fuzz.c --- */

/* A folder in memory, with $CONVLENS_DATA_DIR in it; the same at each call, gone at the end. */
const char *fuzz_folder (void);
/* The bytes as the file `name` of that folder. Its path: transfer none, good until the end. */
const char *fuzz_file (const char *name, const uint8_t *data, size_t size);
/* The small model's architecture, as Keras' to_json() gives it, and a file of its weights alone. */
const char *fuzz_small_architecture (void);
const char *fuzz_small_weights (void);
/* Opens a model as --model does, lists its layers and reads all their weights. */
void fuzz_open_model (const char *path, const char *architecture);

/* --- json.c --- */

/* Changes the structure of JSON: swaps, copies, drops, nests, extreme numbers; of what is not JSON,
 * and now and then of what is, bytes. The new size, at most `most`. */
size_t fuzz_mutate_json (uint8_t *data, size_t size, size_t most, unsigned seed);

G_END_DECLS
