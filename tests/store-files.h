/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What the tests of core/store share: a registry of one model, a folder, and a server that has all
 * the troubles that servers have (serve-files.py). */

#include "store.h"

G_BEGIN_DECLS

#define SIZE 3000000
#define MD5_OF_NOTHING "md5:d41d8cd98f00b204e9800998ecf8427e"

extern char *home, *files, *data_dir, *log_path, *md5, *folder;
extern int port;

typedef struct
{
  const char *name, *way; /* "/whole/" */
  const char *checksum;   /* NULL; "right": the file's own */
  gint64 size;            /* 0: not published */
} Entry;

typedef struct
{
  CnnStore *store;
  const CnnStoreModel *model;
  char *path, *part;
} Fixture;

void fixture_clear (Fixture *fixture);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fixture, fixture_clear)

void write_registry (const Entry *entries, guint n);
/* A registry of one model, and a folder without anything. */
void set_up (Fixture *fixture, const Entry *entry);
/* Must go well. Transfer full. */
CnnStoreGot *get (Fixture *fixture, const CnnStoreGetOptions *options, const CnnProgress *progress);
/* Must fail so. */
void refuse (Fixture *fixture, const CnnStoreGetOptions *options, const CnnProgress *progress,
             int code, const char *text);
void check_whole (const char *path);
/* The file is there, and nothing else but perhaps the pins. */
void check_only_file (const Fixture *fixture);
void check_nothing (const Fixture *fixture);
/* Bytes of an unfinished download, of which nothing has the file's name; −1: none. */
gint64 part_size (const Fixture *fixture);
/* How many the server has had since set_up. */
guint requests (void);

/* Adds a test that is skipped in a build without downloads. */
void add_download (const char *path, GTestFunc run);
/* Makes the folders, the file and the server, runs the tests that `add` adds, and takes all away.
 */
int run_store_tests (int argc, char **argv, void (*add) (void));

G_END_DECLS
