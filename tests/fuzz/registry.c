/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The registry of models, models.json, and what is asked of it. */

#include "fuzz.h"

#include "store.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (CnnStore) store = NULL;
  g_autoptr (GPtrArray) list = NULL;
  g_autofree char *hint = NULL;

  fuzz_file ("models.json", data, size);
  store = cnn_store_open (NULL);
  if (store == NULL)
    return 0;
  list = cnn_store_list (store);
  hint = cnn_store_hint (store, "mobilnet");
  for (guint i = 0; i < cnn_store_models (store)->len; i++)
    {
      const CnnStoreModel *model = g_ptr_array_index (cnn_store_models (store), i);
      g_autofree char *path = cnn_store_path (store, model);

      g_assert_nonnull (cnn_store_find (store, model->name));
      g_assert_cmpint (cnn_store_bytes (model, NULL), >, 0);
    }
  return 0;
}

size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t most, unsigned seed)
{
  return fuzz_mutate_json (data, size, most, seed);
}
