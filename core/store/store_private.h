/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the files of this room share. */

#include "store.h"

G_BEGIN_DECLS

struct _CnnStore
{
  GPtrArray *models; /* CnnStoreModel* */
  char *folder;
};

/* --- registry.c --- */

/* The entries of a registry's JSON. Transfer full. */
GPtrArray *cnn_registry_read (const char *path, GError **error);
/* A name as it is compared: small letters and digits. Transfer full. */
char *cnn_registry_fold (const char *name);

/* --- pins.c: the checksums of what was got without a published one --- */

/* The file of a folder's pins. Transfer full. */
char *cnn_pins_path (const char *folder);
/* *checksum is NULL where there is no pin. CNN_ERROR_FILE where the pins cannot be read. */
gboolean cnn_pins_get (const char *folder, const char *name, char **checksum, GError **error);
gboolean cnn_pins_set (const char *folder, const char *name, const char *checksum, GError **error);

/* --- transfer.c: HTTP; transfer-none.c: a build without downloads --- */

typedef struct
{
  const char *url;
  int fd;                    /* the part; it may hold bytes from an earlier try */
  gboolean resume;           /* they may be gone on with */
  const char *kept;          /* the server's mark of the file that they are of, or NULL */
  gint64 least, most, exact; /* how large the file can be; exact: 0 where that is not known */
  int stall_seconds;
  const char *label; /* for the progress */
  gint64 expected;   /* for the progress, where the server does not tell the size */
  /* told once, before the first byte is written: what the server calls this version, or NULL */
  void (*begun) (const char *mark, gpointer data);
  gpointer data;

  gint64 resumed, written; /* out: bytes kept; bytes in the part */
  gboolean may_retry;      /* out: cut off in the middle, and something had come */
  gboolean too_long;       /* out: what is in the part is of no use */
} CnnTransfer;

/* Brings the file into the part, whole by what the server says of its size. Blocks.
 * CNN_ERROR_UNSUPPORTED in a build without downloads. */
gboolean cnn_transfer (CnnTransfer *transfer, const CnnProgress *progress, GError **error);

/* --- get.c --- */

/* All of `size` bytes; errno is kept on failure. */
gboolean cnn_write_all (int fd, const char *bytes, gsize size);
/* "xception: 12 of 92 MB" to the progress. total: 0 unknown. */
gboolean cnn_transfer_tell (const CnnProgress *progress, const char *label, gint64 done,
                            gint64 total, GError **error);

G_END_DECLS
