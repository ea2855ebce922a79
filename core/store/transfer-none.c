/* SPDX-License-Identifier: GPL-3.0-or-later */

/* In place of transfer.c in a build without libcurl. */

#include "store_private.h"

gboolean
cnn_store_has_downloads (void)
{
  return FALSE;
}

gboolean
cnn_transfer (CnnTransfer *transfer, const CnnProgress *progress G_GNUC_UNUSED, GError **error)
{
  transfer->resumed = transfer->written = 0;
  transfer->may_retry = transfer->too_long = FALSE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_UNSUPPORTED,
               "this program was built without downloads; get %s in another way, such as a "
               "browser, then give the file to: convlens get-model %s --from FILE",
               transfer->url, transfer->label);
  return FALSE;
}
