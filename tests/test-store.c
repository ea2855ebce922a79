/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The registry, the user's folder and downloads, against a server that has all the troubles that
 * servers have (serve-files.py). */

#include "store-files.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

/* --- the registry --- */

static GPtrArray *
real_names (void)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *path = g_build_filename (g_getenv ("CONVLENS_SOURCE_ROOT"), "weights",
                                            "architectures", "architectures.json", NULL);
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *list;

  g_assert_true (json_parser_load_from_file (parser, path, NULL));
  list = json_object_get_array_member (json_node_get_object (json_parser_get_root (parser)),
                                       "architectures");
  for (guint i = 0; i < json_array_get_length (list); i++)
    g_ptr_array_add (names, g_strdup (json_object_get_string_member (
                                json_array_get_object_element (list, i), "name")));
  return names;
}

/* The published registry: what the reader checks, and that every name is one only and every
 * architecture one of ours, each with its top and without. */
static void
test_registry (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *source = g_build_filename (g_getenv ("CONVLENS_SOURCE_ROOT"), "weights", NULL);
  g_autoptr (CnnStore) store = NULL;
  g_autoptr (GPtrArray) architectures = real_names ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *models;

  g_setenv ("CONVLENS_DATA_DIR", source, TRUE);
  store = cnn_store_open (&error);
  g_setenv ("CONVLENS_DATA_DIR", data_dir, TRUE);
  g_assert_no_error (error);
  models = cnn_store_models (store);
  for (guint i = 0; i < models->len; i++)
    {
      const CnnStoreModel *model = g_ptr_array_index (models, i);

      g_assert_true (cnn_store_find (store, model->name) == model);
      g_assert_true (model->alias == NULL || cnn_store_find (store, model->alias) == model);
      g_assert_true (g_hash_table_add (seen, model->file));
      if (model->url == NULL)
        continue;
      g_assert_true (g_str_has_prefix (model->url, "https://storage.googleapis.com/"));
      g_assert_true (g_str_has_prefix (model->keras, "keras.applications."));
      g_assert_true (
          g_ptr_array_find_with_equal_func (architectures, model->architecture, g_str_equal, NULL));
    }
  for (guint i = 0; i < architectures->len; i++)
    {
      g_autofree char *without = g_strconcat (architectures->pdata[i], "-no-top", NULL);

      g_assert_nonnull (cnn_store_find (store, architectures->pdata[i]));
      g_assert_nonnull (cnn_store_find (store, without));
    }
}

static void
check_registry_error (JsonNode *root, const char *text)
{
  g_autofree char *json = json_to_string (root, FALSE);
  g_autofree char *path = g_build_filename (data_dir, "models.json", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CnnStore) store = NULL;

  g_assert_true (g_file_set_contents (path, json, -1, NULL));
  store = cnn_store_open (&error);
  g_assert_null (store);
  g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
  if (strstr (error->message, text) == NULL)
    g_error ("\"%s\" does not say \"%s\"", error->message, text);
}

/* Each field left out, null where it may not be, or of another kind. */
static void
test_missing_fields (void)
{
  static const char *const fields[] = { "name",       "alias",      "keras",   "architecture",
                                        "top",        "url",        "file",    "checksum",
                                        "size",       "parameters", "labels",  "input_size",
                                        "preprocess", "classes",    "licence", NULL };
  static const char *const nullable[] = { "alias", "url", "checksum", "size", NULL };
  static const Entry entry = { "one", "/whole/", "right", SIZE };
  g_autofree char *path = g_build_filename (data_dir, "models.json", NULL), *name = NULL;
  g_autofree char *good = NULL;

  write_registry (&entry, 1);
  g_assert_true (g_file_get_contents (path, &good, NULL, NULL));
  for (int i = 0; fields[i] != NULL; i++)
    for (int way = 0; way < 3; way++)
      {
        g_autoptr (JsonNode) root = json_from_string (good, NULL);
        JsonObject *object = json_array_get_object_element (
            json_object_get_array_member (json_node_get_object (root), "models"), 0);

        if (way == 0)
          json_object_remove_member (object, fields[i]);
        else if (way == 1 && g_strv_contains (nullable, fields[i]))
          continue;
        else if (way == 1)
          json_object_set_null_member (object, fields[i]);
        else
          json_object_set_array_member (object, fields[i], json_array_new ());
        g_free (name);
        name = g_strdup_printf ("\"%s\" is missing or wrong", fields[i]);
        check_registry_error (root, name);
      }
  {
    g_autoptr (JsonNode) root = json_from_string ("{\"models\": 3}", NULL);

    check_registry_error (root, "no list");
  }
}

static void
test_names (void)
{
  static const Entry entries[] = { { "xception", "/whole/", NULL, 0 },
                                   { "vgg16", "/whole/", NULL, 0 },
                                   { "vgg19", "/whole/", NULL, 0 },
                                   { "resnet50v2", "/whole/", NULL, 0 },
                                   { "mobilenet_1_0", "/whole/", NULL, 0 } };
  static const char *const cases[][2] = { { "xceptoin", "; did you mean xception?" },
                                          { "Exception", "; did you mean xception?" },
                                          { "vgg", "; did you mean vgg16 or vgg19?" },
                                          { "vgg18", "; did you mean vgg16 or vgg19?" },
                                          { "mobilenet", "; did you mean mobilenet_1_0?" },
                                          { "resnet50v3", "; did you mean resnet50v2?" },
                                          { "alexnet", "" },
                                          { "", "" } };
  g_autoptr (CnnStore) store = NULL;

  write_registry (entries, G_N_ELEMENTS (entries));
  store = cnn_store_open (NULL);
  g_assert_nonnull (store);
  g_assert_cmpstr (cnn_store_find (store, "ResNet50-V2")->name, ==, "resnet50v2");
  g_assert_cmpstr (cnn_store_find (store, "mobilenet 1.0")->name, ==, "mobilenet_1_0");
  g_assert_null (cnn_store_find (store, "vgg"));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *hint = cnn_store_hint (store, cases[i][0]);

      g_assert_cmpstr (hint, ==, cases[i][1]);
    }
}

/* --- downloads that go well --- */

typedef struct
{
  double last;
  guint calls;
  double cancel_at;
  GCancellable *cancellable;
} Watch;

static void
watch (double fraction, const char *what, gpointer data)
{
  Watch *self = data;

  g_assert_cmpfloat (fraction, >=, 0);
  g_assert_cmpfloat (fraction, <=, 1);
  if (!g_str_has_prefix (what, "one: "))
    return;
  g_assert_cmpfloat (fraction, >=, self->last);
  self->last = fraction;
  self->calls++;
  if (self->cancel_at > 0 && fraction >= self->cancel_at)
    g_cancellable_cancel (self->cancellable);
}

static void
test_complete (void)
{
  static const Entry entry = { "one", "/slow/", "right", SIZE };
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (CnnStoreGot) got = NULL;
  g_autoptr (GPtrArray) list = NULL;
  Watch seen = { 0 };
  CnnProgress progress = { .update = watch, .data = &seen };
  const CnnStoreEntry *row;

  set_up (&fixture, &entry);
  list = cnn_store_list (fixture.store);
  g_assert_cmpuint (list->len, ==, 1);
  row = list->pdata[0];
  g_assert_cmpint (row->state, ==, CNN_STORE_AVAILABLE);
  g_assert_null (row->path);
  g_ptr_array_unref (g_steal_pointer (&list));

  got = get (&fixture, NULL, &progress);
  g_assert_cmpint (got->bytes, ==, SIZE);
  g_assert_cmpint (got->resumed, ==, 0);
  g_assert_false (got->was_there);
  g_assert_cmpint (got->trust, ==, CNN_STORE_PUBLISHED);
  g_assert_cmpstr (got->checksum, ==, md5);
  g_assert_cmpuint (seen.calls, >, 5);
  check_only_file (&fixture);

  list = cnn_store_list (fixture.store);
  row = list->pdata[0];
  g_assert_cmpint (row->state, ==, CNN_STORE_DOWNLOADED);
  g_assert_cmpint (row->bytes, ==, SIZE);
  g_assert_cmpstr (row->path, ==, fixture.path);
  g_assert_true (cnn_store_model_of (fixture.store, fixture.path) == fixture.model);
}

static void
test_already_there (void)
{
  static const Entry entry = { "one", "/whole/", "right", SIZE };
  static const CnnStoreGetOptions again = { .force = TRUE };
  g_auto (Fixture) fixture = { 0 };

  set_up (&fixture, &entry);
  cnn_store_got_free (get (&fixture, NULL, NULL));
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (CnnStoreGot) got = get (&fixture, NULL, NULL);

      g_assert_true (got->was_there);
      g_assert_cmpint (got->trust, ==, CNN_STORE_PUBLISHED);
    }
  g_assert_cmpuint (requests (), ==, 1);
  cnn_store_got_free (get (&fixture, &again, NULL));
  g_assert_cmpuint (requests (), ==, 2);

  /* something else under its name */
  g_assert_true (g_file_set_contents (fixture.path, "damaged", -1, NULL));
  refuse (&fixture, NULL, NULL, CNN_ERROR_FILE, "is there already, but is not the model");
  cnn_store_got_free (get (&fixture, &again, NULL));
  check_only_file (&fixture);
}

static void
test_redirected (void)
{
  static const Entry entry = { "one", "/to/", "right", 0 };
  g_auto (Fixture) fixture = { 0 };

  set_up (&fixture, &entry);
  cnn_store_got_free (get (&fixture, NULL, NULL));
  check_only_file (&fixture);
}

/* No length, no checksum: all that there is to go by is what was pinned. */
static void
test_pinned (void)
{
  static const Entry entry = { "one", "/bare/", NULL, 0 };
  static const CnnStoreGetOptions again = { .force = TRUE };
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (CnnStoreGot) first = NULL, second = NULL, there = NULL;
  g_autofree char *other = g_build_filename (files, "other", NULL), *pins = NULL, *contents = NULL;
  CnnStoreGetOptions from = { .force = TRUE, .from = other };

  set_up (&fixture, &entry);
  first = get (&fixture, NULL, NULL);
  g_assert_cmpint (first->trust, ==, CNN_STORE_UNVERIFIED);
  g_assert_true (g_str_has_prefix (first->checksum, "sha256:"));
  g_assert_true (g_file_get_contents (first->pins, &pins, NULL, NULL));
  g_assert_nonnull (strstr (pins, first->checksum));
  there = get (&fixture, NULL, NULL);
  g_assert_true (there->was_there);
  g_assert_cmpint (there->trust, ==, CNN_STORE_PINNED);
  second = get (&fixture, &again, NULL);
  g_assert_cmpint (second->trust, ==, CNN_STORE_PINNED);
  g_assert_cmpstr (second->checksum, ==, first->checksum);

  /* another file, as large: the one that is there stays */
  g_assert_true (g_file_get_contents (fixture.path, &contents, NULL, NULL));
  contents[SIZE / 2] ^= 1;
  g_assert_true (g_file_set_contents (other, contents, SIZE, NULL));
  refuse (&fixture, &from, NULL, CNN_ERROR_FILE, "where an earlier download had");
  check_only_file (&fixture);

  /* pins that nobody can read are not passed over */
  g_assert_true (g_file_set_contents (first->pins, "{", -1, NULL));
  refuse (&fixture, &again, NULL, CNN_ERROR_FILE, "pins.json");
  g_assert_cmpint (g_unlink (first->pins), ==, 0);
  g_unlink (fixture.part);
  check_whole (fixture.path);
}

static void
test_from (void)
{
  static const Entry entry = { "one", "/status/404/", "right", 0 };
  g_auto (Fixture) fixture = { 0 };
  g_autofree char *file = g_build_filename (files, "weights", NULL);
  g_autofree char *uri = g_filename_to_uri (file, NULL, NULL);
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%d/whole/weights", port);
  g_autofree char *none = g_build_filename (files, "none", NULL);
  const char *const good[] = { file, uri, url };
  const struct
  {
    const char *from;
    int code;
    const char *text;
  } bad[] = { { none, CNN_ERROR_FILE, "cannot be read" },
              { files, CNN_ERROR_FILE, "is a folder" },
              { log_path, CNN_ERROR_FILE, "wrong size" },
              { "ftp://localhost/weights", CNN_ERROR_ARGUMENT, "not an address of http" },
              { "file:nowhere", CNN_ERROR_ARGUMENT, "not the address of a file" } };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      CnnStoreGetOptions options = { .from = good[i] };

      set_up (&fixture, &entry);
      cnn_store_got_free (get (&fixture, &options, NULL));
      check_only_file (&fixture);
      fixture_clear (&fixture);
    }
  set_up (&fixture, &entry);
  g_assert_true (g_file_set_contents (log_path, "x", 1, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      CnnStoreGetOptions options = { .from = bad[i].from };

      refuse (&fixture, &options, NULL, bad[i].code, bad[i].text);
      check_nothing (&fixture);
    }
}

/* --- interrupted and resumed --- */

static void
cancel_in_the_middle (Fixture *fixture, double at)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Watch seen = { .cancel_at = at, .cancellable = cancellable };
  CnnProgress progress = { .update = watch, .data = &seen, .cancellable = cancellable };

  refuse (fixture, NULL, &progress, CNN_ERROR_CANCELLED, "cancelled");
}

static void
test_cancelled_and_resumed (void)
{
  static const Entry ways[] = { { "one", "/slow/", "right", SIZE }, { "one", "/slow/", NULL, 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_auto (Fixture) fixture = { 0 };
      g_autoptr (CnnStoreGot) got = NULL;
      g_autoptr (GPtrArray) list = NULL;
      gint64 part;

      set_up (&fixture, &ways[i]);
      cancel_in_the_middle (&fixture, 0.3);
      part = part_size (&fixture);
      g_assert_cmpint (part, >=, SIZE * 3 / 10);
      g_assert_cmpint (part, <, SIZE);
      list = cnn_store_list (fixture.store);
      g_assert_cmpint (((CnnStoreEntry *) list->pdata[0])->state, ==, CNN_STORE_UNFINISHED);
      g_assert_cmpint (((CnnStoreEntry *) list->pdata[0])->bytes, ==, part);
      got = get (&fixture, NULL, NULL);
      g_assert_cmpint (got->resumed, ==, part);
      check_only_file (&fixture);
    }
}

/* Before a byte has come nothing is left. */
static void
test_cancelled_at_once (void)
{
  static const Entry entry = { "one", "/whole/", "right", 0 };
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  CnnProgress progress = { .cancellable = cancellable };

  set_up (&fixture, &entry);
  g_cancellable_cancel (cancellable);
  refuse (&fixture, NULL, &progress, CNN_ERROR_CANCELLED, "cancelled");
  g_assert_false (g_file_test (fixture.path, G_FILE_TEST_EXISTS));
}

/* A connection that ends early is gone on with at once. */
static void
test_cut_off (void)
{
  static const Entry entry = { "one", "/cut/1100000/", NULL, 0 };
  g_auto (Fixture) fixture = { 0 };

  set_up (&fixture, &entry);
  cnn_store_got_free (get (&fixture, NULL, NULL));
  g_assert_cmpuint (requests (), ==, 3);
  check_only_file (&fixture);
}

/* Nothing tells that two pieces belong together: no mark of the server's, no checksum. */
static void
test_cut_off_unmarked (void)
{
  static const Entry entry = { "one", "/nomark/1100000/", NULL, 0 },
                     known = { "one", "/nomark/1100000/", "right", 0 };
  g_auto (Fixture) fixture = { 0 };

  set_up (&fixture, &entry);
  refuse (&fixture, NULL, NULL, CNN_ERROR_FILE, "was cut off");
  g_assert_cmpint (part_size (&fixture), ==, 1100000);
  refuse (&fixture, NULL, NULL, CNN_ERROR_FILE, "was cut off");
  g_assert_cmpint (part_size (&fixture), ==, 1100000);
  fixture_clear (&fixture);
  set_up (&fixture, &known);
  cnn_store_got_free (get (&fixture, NULL, NULL));
  check_only_file (&fixture);
}

/* The server has another file each time: what came before is dropped, and no mixture is taken. */
static void
test_changed_meanwhile (void)
{
  static const Entry entry = { "one", "/changing/2900000/", NULL, 0 };
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  guint before;

  set_up (&fixture, &entry);
  {
    Watch seen = { 0 };
    CnnProgress progress = { .update = NULL, .data = &seen, .cancellable = cancellable };
    g_autoptr (GError) error = NULL;
    g_autoptr (CnnStoreGot) got =
        cnn_store_get (fixture.store, fixture.model, NULL, &progress, &error);

    g_assert_null (got);
    g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
  }
  before = requests ();
  g_assert_cmpuint (before, >, 2);
  g_assert_false (g_file_test (fixture.path, G_FILE_TEST_EXISTS));
}

static void
put_part (const Fixture *fixture, gsize size, gboolean right)
{
  g_autofree char *contents = NULL, *source = g_build_filename (files, "weights", NULL);

  g_assert_true (g_file_get_contents (source, &contents, NULL, NULL));
  if (!right)
    contents[1000] ^= 1;
  g_mkdir_with_parents (folder, 0700);
  g_assert_true (g_file_set_contents (fixture->part, contents, (gssize) size, NULL));
}

/* What an earlier try has left, and what becomes of it. */
static void
test_parts (void)
{
  static const struct
  {
    Entry entry;
    gsize size;
    gboolean right;
    gint64 resumed;
    guint requests;
  } cases[] = {
    { { "one", "/whole/", "right", 0 }, 1000000, TRUE, 1000000, 1 },
    { { "one", "/whole/", "right", 0 }, 1000000, FALSE, 0, 2 }, /* the checksum tells */
    { { "one", "/whole/", "right", 0 }, SIZE, TRUE, SIZE, 1 },  /* only its name was missing */
    { { "one", "/whole/", "right", 0 }, SIZE, FALSE, 0, 2 },
    { { "one", "/norange/", "right", 0 }, 1000000, TRUE, 0, 1 },
    { { "one", "/bare/", "right", 0 }, 1000000, TRUE, 0, 1 },
    { { "one", "/whole/", NULL, 0 }, 1000000, FALSE, 0, 1 }, /* from nobody knows where */
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Fixture) fixture = { 0 };
      g_autoptr (CnnStoreGot) got = NULL;

      g_test_message ("case %u", i);
      set_up (&fixture, &cases[i].entry);
      put_part (&fixture, cases[i].size, cases[i].right);
      got = get (&fixture, NULL, NULL);
      g_assert_cmpint (got->resumed, ==, cases[i].resumed);
      g_assert_cmpuint (requests (), ==, cases[i].requests);
      check_only_file (&fixture);
    }
}

/* --- downloads that go wrong --- */

static void
test_wrong (void)
{
  static const struct
  {
    Entry entry;
    const char *text;
  } cases[] = {
    { { "one", "/whole/", MD5_OF_NOTHING, 0 }, "wrong checksum" },
    { { "one", "/whole/", MD5_OF_NOTHING, SIZE }, "nothing was kept" },
    { { "one", "/bare/", MD5_OF_NOTHING, 0 }, "wrong checksum" },
    { { "one", "/whole/", "right", SIZE + 1 }, "wrong size" },
    { { "one", "/size/100/", "right", SIZE }, "wrong size" },
    { { "one", "/size/3000001/", "right", SIZE }, "wrong size" },
    { { "one", "/size/100/", NULL, 0 }, "wrong size" },
    { { "one", "/size/30000000/", NULL, 0 }, "wrong size" },
    { { "one", "/bare-size/30000000/", NULL, 0 }, "wrong size" },
    { { "one", "/bare-size/100/", NULL, 0 }, "wrong size" },
    { { "one", "/bare-size/3000001/", NULL, SIZE }, "wrong size" },
    { { "one", "/size/0/", "right", 0 }, "wrong size" },
    { { "one", "/page/", NULL, 0 }, "not a file of weights" },
    { { "one", "/page/", "right", 0 }, "wrong checksum" },
    { { "one", "/status/404/", "right", 0 }, "404 (there is no such file)" },
    { { "one", "/status/503/", "right", 0 }, "503 (it has troubles of its own" },
    { { "one", "/status/403/", "right", 0 }, "403" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_auto (Fixture) fixture = { 0 };

      g_test_message ("case %u", i);
      set_up (&fixture, &cases[i].entry);
      refuse (&fixture, NULL, NULL, CNN_ERROR_FILE, cases[i].text);
      check_nothing (&fixture);
    }
}

static void
test_no_network (void)
{
  static const Entry entry = { "one", "/whole/", "right", 0 };
  CnnStoreGetOptions options = { .from = "http://127.0.0.1:9/weights" };
  g_auto (Fixture) fixture = { 0 };

  set_up (&fixture, &entry);
  refuse (&fixture, &options, NULL, CNN_ERROR_FILE, "no network? 127.0.0.1 cannot be reached");
  check_nothing (&fixture);
  options.from = "http://convlens.invalid/weights";
  refuse (&fixture, &options, NULL, CNN_ERROR_FILE, "no network? The address of convlens.invalid");
  check_nothing (&fixture);
}

/* What has come is kept. */
static void
test_stalled (void)
{
  static const Entry entry = { "one", "/stall/500000/", "right", 0 };
  static const CnnStoreGetOptions options = { .stall_seconds = 1 };
  g_auto (Fixture) fixture = { 0 };

  set_up (&fixture, &entry);
  refuse (&fixture, &options, NULL, CNN_ERROR_FILE, "has sent nothing for 1 seconds");
  g_assert_cmpint (part_size (&fixture), ==, 500000);
}

static void
test_full_disk (void)
{
  static const Entry entry = { "one", "/whole/", "right", 0 };
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (CnnStoreGot) got = NULL;
  g_autofree char *file = g_build_filename (files, "weights", NULL);
  CnnStoreGetOptions from = { .from = file };
  struct rlimit old, small;

  set_up (&fixture, &entry);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &old), ==, 0);
  small = old;
  small.rlim_cur = 1000000;
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  refuse (&fixture, &from, NULL, CNN_ERROR_FILE, "full");
  check_nothing (&fixture);
  refuse (&fixture, NULL, NULL, CNN_ERROR_FILE, "the disk is full");
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &old), ==, 0);
  g_assert_cmpint (part_size (&fixture), ==, 1000000);
  /* and once there is room, on it goes */
  got = get (&fixture, NULL, NULL);
  g_assert_cmpint (got->resumed, ==, 1000000);
  check_only_file (&fixture);
}

static gpointer
get_in_thread (gpointer data)
{
  return get (data, NULL, NULL);
}

static void
test_two_at_once (void)
{
  static const Entry ways[] = { { "one", "/slow/", "right", 0 }, { "one", "/slow/", NULL, 0 } };

  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_auto (Fixture) fixture = { 0 };
      g_autoptr (CnnStoreGot) here = NULL, there = NULL;
      GThread *other;

      set_up (&fixture, &ways[i]);
      other = g_thread_new ("other", get_in_thread, &fixture);
      here = get (&fixture, NULL, NULL);
      there = g_thread_join (other);
      g_assert_true (here->was_there != there->was_there);
      g_assert_cmpuint (requests (), ==, 1);
      check_only_file (&fixture);
    }
}

/* --- the user's own files --- */

static void
test_own (void)
{
  static const Entry entry = { "one", "/whole/", "right", 0 };
  g_auto (Fixture) fixture = { 0 };
  g_autoptr (GPtrArray) list = NULL;
  g_autofree char *path = g_build_filename (folder, "mine.h5", NULL), *found = NULL, *none = NULL;
  const CnnStoreEntry *row;

  set_up (&fixture, &entry);
  g_mkdir_with_parents (folder, 0700);
  g_assert_true (g_file_set_contents (path, "mine", -1, NULL));
  found = cnn_store_local (fixture.store, "mine");
  g_assert_cmpstr (found, ==, path);
  none = cnn_store_local (fixture.store, "yours");
  g_assert_null (none);
  list = cnn_store_list (fixture.store);
  g_assert_cmpuint (list->len, ==, 2);
  row = list->pdata[1];
  g_assert_cmpstr (row->name, ==, "mine");
  g_assert_cmpint (row->state, ==, CNN_STORE_OWN);
}

static void
add_tests (void)
{
  g_test_add_func ("/store/registry", test_registry);
  g_test_add_func ("/store/registry/missing-fields", test_missing_fields);
  g_test_add_func ("/store/registry/names", test_names);
  add_download ("/store/get/complete", test_complete);
  add_download ("/store/get/already-there", test_already_there);
  add_download ("/store/get/redirected", test_redirected);
  add_download ("/store/get/pinned", test_pinned);
  add_download ("/store/get/from", test_from);
  add_download ("/store/get/cancelled-and-resumed", test_cancelled_and_resumed);
  add_download ("/store/get/cancelled-at-once", test_cancelled_at_once);
  add_download ("/store/get/cut-off", test_cut_off);
  add_download ("/store/get/cut-off-unmarked", test_cut_off_unmarked);
  add_download ("/store/get/changed-meanwhile", test_changed_meanwhile);
  add_download ("/store/get/parts", test_parts);
  add_download ("/store/get/wrong", test_wrong);
  add_download ("/store/get/no-network", test_no_network);
  add_download ("/store/get/stalled", test_stalled);
  add_download ("/store/get/full-disk", test_full_disk);
  add_download ("/store/get/two-at-once", test_two_at_once);
  g_test_add_func ("/store/own-files", test_own);
}

int
main (int argc, char **argv)
{
  return run_store_tests (argc, argv, add_tests);
}
