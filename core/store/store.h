/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The models that can be had, and the user's folder of those that are there: the registry
 * (weights/models.json), what lies where, and safe downloads. The only room that sees the network.
 */

#include "error.h"
#include "progress.h"

G_BEGIN_DECLS

/* An entry of the registry: a file of weights that Keras' own sources point to, or (without url) a
 * model that is installed with Convlens. */
typedef struct
{
  char *name, *alias; /* "mobilenet_1_0", "mobilenet" or NULL */
  char *keras;        /* "keras.applications.MobileNet" */
  char *architecture; /* a row of architectures.json */
  gboolean top;       /* with its classes; else features only */
  char *url, *file;   /* where from, NULL: built in; what it is called in its folder */
  char *checksum;     /* "md5:…" or "sha256:…"; NULL where Keras publishes none */
  gint64 size;        /* bytes, or 0 where it is not published */
  gint64 parameters;
  int input_size, classes; /* classes: 0 without top */
  char *preprocess;        /* "tf", as --preprocess has it */
  char *labels;            /* "imagenet", or NULL without top */
  char *licence;           /* SPDX */
} CnnStoreModel;

typedef struct _CnnStore CnnStore;

/* Where the registry, the built-in model, labels and architectures lie: $CONVLENS_DATA_DIR, else
 * the installed folder. Transfer none. */
const char *cnn_data_dir (void);

/* Reads the registry of cnn_data_dir. CNN_ERROR_FILE where it is not there, or an entry lacks a
 * field or has a wrong one; the message names entry and field. Transfer full. */
CnnStore *cnn_store_open (GError **error);
void cnn_store_free (CnnStore *store);
/* The user's models: $XDG_DATA_HOME/convlens/models. It need not be there. */
const char *cnn_store_folder (const CnnStore *store);
/* The whole registry: GPtrArray of CnnStoreModel. Transfer none, as all below that is const. */
GPtrArray *cnn_store_models (const CnnStore *store);
/* The entry of a name or alias; letter case, "_", "-" and "." do not matter. NULL: none. */
const CnnStoreModel *cnn_store_find (const CnnStore *store, const char *name);
/* The entry whose place this path is, or NULL. */
const CnnStoreModel *cnn_store_model_of (const CnnStore *store, const char *path);
/* Where the entry's file lies, or will: in the user's folder, or where the built-in ones are.
 * Transfer full. */
char *cnn_store_path (const CnnStore *store, const CnnStoreModel *model);
/* A file of the user's folder by its name, with or without its ending. Transfer full, or NULL. */
char *cnn_store_local (const CnnStore *store, const char *name);
/* Up to three names of models, built in, in the folder or in the registry, that somebody may have
 * meant, the nearest first, as a sentence ends with them: "; did you mean a, b or c?", or "".
 * Transfer full. */
char *cnn_store_hint (const CnnStore *store, const char *name);
/* Bytes of the file: as published, else (exact is then FALSE) as the parameters make it likely. */
gint64 cnn_store_bytes (const CnnStoreModel *model, gboolean *exact);
/* "92 MB", for people. Transfer full. */
char *cnn_store_size_text (gint64 bytes);

typedef enum
{
  CNN_STORE_BUILT_IN,
  CNN_STORE_DOWNLOADED, /* of the registry, and in the user's folder */
  CNN_STORE_OWN,        /* a file that somebody put into the user's folder */
  CNN_STORE_UNFINISHED, /* a download that can go on */
  CNN_STORE_AVAILABLE   /* to be had */
} CnnStoreState;

typedef struct
{
  char *name; /* as --model takes it */
  CnnStoreState state;
  char *path;                 /* NULL unless the file is there, whole */
  gint64 bytes;               /* of the file or of what is there of it; 0 for CNN_STORE_AVAILABLE */
  const CnnStoreModel *model; /* of the registry, or NULL; lives as long as the store */
} CnnStoreEntry;

void cnn_store_entry_free (CnnStoreEntry *entry);
/* "built in", "downloaded", … Transfer none. */
const char *cnn_store_state_text (CnnStoreState state);
/* All that a dialog or `convlens models` shows: the registry in its order, the built-in one first,
 * then the user's own files. Looks at the folder anew. Transfer full: GPtrArray of CnnStoreEntry.
 */
GPtrArray *cnn_store_list (const CnnStore *store);

typedef struct
{
  const char *from;  /* a file or an address instead of the registry's, or NULL */
  gboolean force;    /* also where the file is there already */
  int stall_seconds; /* to bear a server that sends nothing, or less than 1000 bytes a second; 0: 30
                      */
} CnnStoreGetOptions;

typedef enum
{
  CNN_STORE_PUBLISHED, /* the checksum is the one in Keras' sources */
  CNN_STORE_PINNED,    /* Keras publishes none; the same as this user got before */
  CNN_STORE_UNVERIFIED /* got for the first time, and pinned now */
} CnnStoreTrust;

typedef struct
{
  char *path;
  gint64 bytes;
  gint64 resumed;     /* of them, how many an earlier try had left */
  gboolean was_there; /* nothing was fetched; the file was checked */
  CnnStoreTrust trust;
  char *checksum; /* "md5:…" or "sha256:…", what it was compared with or is pinned to */
  char *pins;     /* the file of pins */
} CnnStoreGot;

/* Whether cnn_store_get can fetch from an address; a build without libcurl takes files alone. */
gboolean cnn_store_has_downloads (void);

/* Gets a model's file. What comes goes into NAME.part, which is locked meanwhile (a second one
 * waits, and finds the file there), kept when the work is cut off, and gone on with the next time.
 * Only when size and checksum are right it is given its name, so that a file of that name is always
 * whole. Blocks; the progress is told several times a second, from this thread, and a cancelled one
 * ends within a fraction of a second (CNN_ERROR_CANCELLED). CNN_ERROR_FILE for all that the
 * network, the server or the disk does, CNN_ERROR_ARGUMENT for a wrong `from`,
 * CNN_ERROR_UNSUPPORTED for an address in a build without downloads; the message is a sentence for
 * people. options, progress: may be NULL. Transfer full. */
CnnStoreGot *cnn_store_get (const CnnStore *store, const CnnStoreModel *model,
                            const CnnStoreGetOptions *options, const CnnProgress *progress,
                            GError **error);
void cnn_store_got_free (CnnStoreGot *got);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnStore, cnn_store_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnStoreEntry, cnn_store_entry_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnStoreGot, cnn_store_got_free)

G_END_DECLS
