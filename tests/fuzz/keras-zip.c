/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A .keras archive: what is in it is changed, then it is packed again, so that its sums are right.
 */

#include "fuzz.h"

#include <string.h>
#include <zip.h>

#define MAX_ENTRIES 8
#define MAX_ENTRY (1024 * 1024)

typedef struct
{
  char *name;
  uint8_t *bytes;
  size_t size;
} Entry;

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  fuzz_open_model (fuzz_file ("model.keras", data, size), NULL);
  return 0;
}

/* How many entries can be read. */
static guint
unpack (const uint8_t *data, size_t size, Entry *entries)
{
  zip_source_t *source = zip_source_buffer_create (data, size, 0, NULL);
  zip_t *zip = zip_open_from_source (source, ZIP_RDONLY, NULL);
  guint n = 0;

  if (zip == NULL)
    {
      zip_source_free (source);
      return 0;
    }
  for (zip_int64_t i = 0; i < zip_get_num_entries (zip, 0) && n < MAX_ENTRIES; i++)
    {
      zip_file_t *file = zip_fopen_index (zip, (zip_uint64_t) i, 0);
      const char *name = zip_get_name (zip, (zip_uint64_t) i, ZIP_FL_ENC_RAW);
      zip_stat_t stat;

      if (file != NULL && name != NULL && zip_stat_index (zip, (zip_uint64_t) i, 0, &stat) == 0
          && stat.size <= MAX_ENTRY)
        {
          Entry *entry = &entries[n];

          entry->bytes = g_malloc0 (MAX_ENTRY);
          entry->size = stat.size;
          entry->name = g_strdup (name);
          if (zip_fread (file, entry->bytes, stat.size) == (zip_int64_t) stat.size)
            n++;
          else
            {
              g_free (entry->bytes);
              g_free (entry->name);
            }
        }
      if (file != NULL)
        zip_fclose (file);
    }
  zip_discard (zip);
  return n;
}

/* The new size, or 0 where there is no space for it. */
static size_t
pack (const Entry *entries, guint n, guint packed, uint8_t *data, size_t most)
{
  zip_source_t *source = zip_source_buffer_create (NULL, 0, 0, NULL);
  zip_t *zip = zip_open_from_source (source, ZIP_TRUNCATE, NULL);
  zip_int64_t size;

  zip_source_keep (source);
  for (guint i = 0; i < n; i++)
    {
      zip_source_t *bytes = zip_source_buffer (zip, entries[i].bytes, entries[i].size, 0);
      zip_int64_t index = zip_file_add (zip, entries[i].name, bytes, ZIP_FL_ENC_UTF_8);

      if (index < 0) /* libzip writes no name twice */
        zip_source_free (bytes);
      else
        zip_set_file_compression (zip, (zip_uint64_t) index,
                                  packed >> i & 1 ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 1);
    }
  if (zip_close (zip) != 0)
    zip_discard (zip);
  zip_source_open (source);
  size = zip_source_read (source, data, most);
  if (size < 0 || (size_t) size == most)
    size = 0;
  zip_source_close (source);
  zip_source_free (source);
  return (size_t) size;
}

static void
change (Entry *entry, unsigned seed)
{
  size_t most = MIN (MAX_ENTRY, 2 * entry->size + 64);

  if (g_str_has_suffix (entry->name, ".json"))
    entry->size = fuzz_mutate_json (entry->bytes, entry->size, most, seed);
  else
    entry->size = LLVMFuzzerMutate (entry->bytes, entry->size, most);
}

size_t
LLVMFuzzerCustomMutator (uint8_t *data, size_t size, size_t most, unsigned seed)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (seed);
  Entry entries[MAX_ENTRIES];
  guint n = unpack (data, size, entries);
  size_t result = 0;

  if (n > 0)
    {
      guint which = g_rand_int (random) % n;
      guint way = g_rand_int (random) % 32, last = n - 1;

      if (way == 0) /* without it */
        {
          Entry lost = entries[which];

          entries[which] = entries[last];
          entries[last] = lost;
          last--;
        }
      else if (way == 1 && n > 1) /* under another's name */
        {
          guint other = (which + 1 + g_rand_int (random) % (n - 1)) % n;

          g_free (entries[which].name);
          entries[which].name = g_strdup (entries[other].name);
        }
      else
        change (&entries[which], g_rand_int (random));
      result = pack (entries, last + 1, g_rand_int (random) % 4 == 0 ? g_rand_int (random) : 0,
                     data, most);
    }
  for (guint i = 0; i < n; i++)
    {
      g_free (entries[i].name);
      g_free (entries[i].bytes);
    }
  return result > 0 ? result : LLVMFuzzerMutate (data, MIN (size, most), most);
}
