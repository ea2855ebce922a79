/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What others may put before the readers so that they crash, hang or fill the memory: JSON, files
 * that are none, names. One more text is a row in `texts`. */

#include "error.h"
#include "json.h"
#include "keras-files.h"
#include "network.h"
#include "regular.h"
#include "store_private.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- JSON --- */

static const struct
{
  const char *text;
  const char *problem; /* NULL: it is JSON */
} texts[] = {
  { "{}", NULL },
  { " [ ] ", NULL },
  { "[[],{},[{}]]", NULL },
  { "{\"\":0,\"a\":[true,false,null]}", NULL },
  { "{\"a\":1,\"a\":2}", NULL },
  { "[-0,0.5,10,-1.25e+3,1E-2,0e1,1e999]", NULL },
  { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud834\\udd1e\"", NULL },
  { "\"\\u0000\"", NULL },
  { "\xef\xbb\xbf{\"a\": \"\xc3\xa4\x7f\"}\r\n", NULL },
  { "7", NULL },
  { "", "is empty" },
  { " \n", "is empty" },
  { "[", "ends too early" },
  { "[1", "no comma or end" },
  { "[1,]", "no value" },
  { "[,1]", "no value" },
  { "[1 2]", "no comma or end" },
  { "[1}", "no comma or end" },
  { "{\"a\":1 \"b\":2}", "no comma or end" },
  { "{\"a\" 1}", "no name" },
  { "{a:1}", "no name" },
  { "{\"a\":1,}", "no comma or end" },
  { "{1:2}", "no name" },
  { "[]]", "behind its end" },
  { "1 2", "behind its end" },
  { "['a']", "no value" },
  { "/* \" */ 1", "no value" },
  { "// a\n1", "no value" },
  { "[1, /* \" */ 2]", "no value" },
  { "[1, /* \" */ 2]\n", "line 1" },
  { "[1,\n\n'a']", "line 3" },
  { "var a = 1;", "no value" },
  { "# a\n1", "no value" },
  { "NaN", "no value" },
  { "[-Infinity]", "no value" },
  { "truely", "behind its end" },
  { "tru", "no value" },
  { "01", "behind its end" },
  { "[-]", "no value" },
  { "[1.]", "no value" },
  { "[.5]", "no value" },
  { "[+1]", "no value" },
  { "[1e]", "no value" },
  { "[0x10]", "no comma or end" },
  { "\"a\tb\"", "no value" },
  { "\"a", "no value" },
  { "\"\\x\"", "no value" },
  { "\"\\u12g4\"", "no value" },
  { "\"\\ud800\"", "no value" },
  { "\"\\ud800x\"", "no value" },
  { "\"\\ud800\\u0041\"", "no value" },
  { "\"\\udc00\"", "no value" },
  { "[\"\xff\"]", "not UTF-8" },
};

static void
test_texts (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *shown = g_strescape (texts[i].text, NULL);
      g_autoptr (JsonNode) node =
          cnn_json_parse (texts[i].text, strlen (texts[i].text), "the text", &error);

      g_test_message ("%s: %s", shown, error != NULL ? error->message : "sound");
      if (texts[i].problem == NULL)
        g_assert_no_error (error);
      else
        {
          g_assert_null (node);
          g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
          g_assert_nonnull (strstr (error->message, texts[i].problem));
          g_assert_true (g_str_has_prefix (error->message, "the text is "));
        }
    }
}

static char *
repeated (const char *first, const char *again, int n, const char *last)
{
  GString *text = g_string_new (first);

  for (int i = 0; i < n; i++)
    g_string_append (text, again);
  return g_string_free (g_string_append (text, last), FALSE);
}

/* Just within the limits and just beyond them. */
static void
test_limits (void)
{
  static const struct
  {
    const char *first, *again, *last;
    int n;
    const char *problem;
  } rows[] = {
    { "", "[", "1", CNN_JSON_MAX_DEPTH, "no comma or end" },
    { "", "[", "", CNN_JSON_MAX_DEPTH + 1, "nested more than 512 deep" },
    { "", "{\"a\":", "", 100000, "nested more than 512 deep" },
    { "[1", ",1", "]", CNN_JSON_MAX_VALUES - 2, NULL },
    { "[1", ",1", "]", CNN_JSON_MAX_VALUES - 1, "more than 2000000 values" },
    { "\"", "12345678", "\"", CNN_JSON_MAX_LENGTH / 8 - 1, NULL },
    { "\"", "12345678", "\"", CNN_JSON_MAX_LENGTH / 8, "too long for a model's JSON" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *text = repeated (rows[i].first, rows[i].again, rows[i].n, rows[i].last);
      g_autoptr (JsonNode) node = cnn_json_parse (text, strlen (text), "the text", &error);

      g_test_message ("row %u: %s", i, error != NULL ? error->message : "sound");
      g_assert_true ((node != NULL) == (rows[i].problem == NULL));
      if (rows[i].problem != NULL)
        g_assert_nonnull (strstr (error->message, rows[i].problem));
    }
}

/* Brackets behind a comment, which hid them, wherever JSON is read. */
static void
test_doors (void)
{
  g_autofree char *deep = repeated ("/* \" */", "[", 200000, "");
  g_autofree char *labels_text = repeated ("[ /* \" */", "[", 200000, "");
  g_autofree char *config = small_text (small_config, NULL, NULL);
  g_autofree char *model = new_path ("deep.keras"), *labels = new_path ("deep-labels.json");
  g_autofree char *sidecar = g_strconcat (model, ".json", NULL);

  write_keras (model, deep, NULL);
  check_error (model, NULL, NULL, CNN_ERROR_FILE, "config.json is not sound JSON");
  write_keras (model, config, NULL);
  g_assert_true (g_file_set_contents (labels, labels_text, -1, NULL));
  check_error (model, NULL, labels, CNN_ERROR_FILE, "deep-labels.json is not sound JSON");
  g_assert_true (g_file_set_contents (sidecar, deep, -1, NULL));
  check_error (model, NULL, NULL, CNN_ERROR_FILE, "deep.keras.json is not sound JSON");
  g_unlink (sidecar);
  write_h5 (model, LEGACY, deep, NULL);
  check_error (model, NULL, NULL, CNN_ERROR_FILE, "model_config is not sound JSON");
  write_h5 (model, LEGACY, NULL, NULL);
  check_error (model, labels, NULL, CNN_ERROR_FILE, "deep-labels.json is not sound JSON");
  g_unlink (labels);
  g_unlink (model);
}

/* --- Graphs --- */

static const char nested_config[] =
    "{'class_name': 'Functional', 'config': {'name': 't', 'layers': ["
    "{'class_name': 'InputLayer', 'name': 'i', 'config': {'batch_shape': [null, 8, 8, 3]},"
    " 'inbound_nodes': []},"
    "{'class_name': 'Functional', 'name': 'm', 'config': {'name': 'm', 'layers': ["
    "{'class_name': 'InputLayer', 'name': 'ii', 'config': {'batch_shape': [null, 8, 8, 3]},"
    " 'inbound_nodes': []},"
    "{'class_name': 'ReLU', 'name': 'r', 'config': {}, 'inbound_nodes': [[['ii', 0, 0, {}]]]}],"
    " 'input_layers': [['ii', 0, 0]], 'output_layers': [['r', 0, 0]]},"
    " 'inbound_nodes': [[['i', 0, 0, {}]]]},"
    "{'class_name': 'Add', 'name': 'a', 'config': {}, 'inbound_nodes':"
    " [[['m', LEFT, 0, {}], ['m', RIGHT, 0, {}]]]}],"
    " 'input_layers': [['i', 0, 0]], 'output_layers': [['a', 0, 0]]}}";

/* The number of a nested model's use is any that the file likes. */
static void
test_uses (void)
{
  static const struct
  {
    const char *left, *right;
    const char *message;
  } rows[] = {
    { "-1", "2147483647", "layer \"m\" has no use number -1, which" },
    { "-2147483648", "0", "layer \"m\" has no use number -1, which" },
    { "1", "99999999999", "layer \"m\" has no use number 2147483646, which" },
    { "-1", "-1", "layer \"m\" has no use number -1, which" },
    { "-1", "0", "layer \"m\" has no use number -1, which" },
  };
  g_autofree char *path = new_path ("uses.keras");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *left = small_text (nested_config, "LEFT", rows[i].left);
      g_autofree char *config = small_text (left, "RIGHT", rows[i].right);

      write_keras (path, config, NULL);
      check_error (path, NULL, NULL, CNN_ERROR_MODEL, rows[i].message);
    }
  g_unlink (path);
}

/* Processor time that opening takes for a call's argument of many numbers so deep in lists. */
static double
time_of_argument (int depth)
{
  g_autofree char *path = new_path ("argument.keras"), *open = repeated ("", "[", depth, "");
  g_autofree char *close = repeated ("", "]", depth, ""),
                  *numbers = repeated ("0", ",0", 200000, "");
  g_autofree char *call = g_strdup_printf ("[{'args': %s%s, 'x'%s}]", open, numbers, close);
  g_autofree char *config = small_text (small_config, "[[['conv', 0, 0, {}]]]", call);
  clock_t start;

  write_keras (path, config, NULL);
  start = clock ();
  check_error (path, NULL, NULL, CNN_ERROR_MODEL, "layer \"pool\"");
  start = clock () - start;
  g_unlink (path);
  return (double) start / CLOCKS_PER_SEC;
}

static void
test_deep_argument (void)
{
  double shallow = time_of_argument (1), deep = time_of_argument (400);

  g_test_message ("%.3f s, 400 deep %.3f s", shallow, deep);
  g_assert_cmpfloat (deep, <, 5 * shallow + 0.1);
}

/* --- Archives --- */

static char *
read_bytes (const char *path, gsize *length)
{
  char *bytes;

  g_assert_true (g_file_get_contents (path, &bytes, length, NULL));
  return bytes;
}

/* An entry more, which gets the name of another afterwards. */
static void
test_two_entries (void)
{
  static const struct
  {
    const char *first, *second;
  } rows[] = {
    { "xonfig.json", "config.json" },
    { "xetadata.json", "metadata.json" },
    { "xodel.weights.h5", "model.weights.h5" },
    { "assets/abx", "assets/ab\xff" },
  };
  g_autofree char *path = new_path ("two.keras"), *config = small_text (small_config, NULL, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *bytes = NULL, *message = NULL, *shown = NULL;
      const gsize n = strlen (rows[i].first);
      gsize length;

      write_keras (path, config, NULL);
      write_zip (path, rows[i].first, "?", 1);
      if (i == 3)
        write_zip (path, "assets/aby", "?", 1);
      bytes = read_bytes (path, &length);
      for (gsize at = 0; at + n <= length; at++)
        if (memcmp (bytes + at, rows[i].first, n) == 0
            || (i == 3 && memcmp (bytes + at, "assets/aby", n) == 0))
          memcpy (bytes + at, rows[i].second, n);
      g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
      shown = g_utf8_make_valid (rows[i].second, -1);
      message = g_strdup_printf ("it has two entries \"%s\"", shown);
      check_error (path, NULL, NULL, CNN_ERROR_FILE, message);
      g_unlink (path);
    }
}

/* What stands in the archive's last record, and is not true. */
static void
test_directory (void)
{
  static const struct
  {
    int at;
    guint32 value; /* to which the file's length is added where it is small */
  } rows[] = {
    { 16, 1000 }, { 16, 0xfffffff0 }, { 16, 0 }, { 12, 1000 }, { 12, 0xfffffff0 },
  };
  g_autofree char *path = new_path ("directory.keras"), *whole = NULL;
  g_autofree char *config = small_text (small_config, NULL, NULL);
  gsize length;

  write_keras (path, config, NULL);
  whole = read_bytes (path, &length);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *bytes = g_memdup2 (whole, length);
      guint32 value = GUINT32_TO_LE (rows[i].value < 0x1000000 ? rows[i].value + (guint32) length
                                                               : rows[i].value);

      memcpy (bytes + length - 22 + rows[i].at, &value, 4);
      g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
      check_error (path, NULL, NULL, CNN_ERROR_FILE,
                   "is a cut or damaged zip archive; copy or download it once more");
    }
  g_assert_true (g_file_set_contents (path, whole, (gssize) length / 2, NULL));
  check_error (path, NULL, NULL, CNN_ERROR_FILE,
               "is a cut or damaged zip archive; copy or download it once more");
  g_unlink (path);
}

/* --- Files that are none --- */

static const struct
{
  const char *path; /* NULL: a pipe, "": a folder */
  const char *why;
} odd[] = {
  { "/dev/zero", "is a device or a pipe" },
  { NULL, "is a device or a pipe" },
  { "", "is a folder" },
};

static void
test_odd_files (void)
{
  g_autofree char *model = new_path ("odd.keras"), *pipe = new_path ("pipe");
  g_autofree char *sidecar = g_strconcat (model, ".json", NULL);
  g_autofree char *config = small_text (small_config, NULL, NULL);

  g_assert_cmpint (mkfifo (pipe, 0600), ==, 0);
  write_keras (model, config, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    {
      const char *path = odd[i].path == NULL      ? pipe
                         : odd[i].path[0] == '\0' ? test_folder ()
                                                  : odd[i].path;
      g_autofree char *text = g_strdup_printf ("{\"labels\": \"%s\"}", path);
      const int code =
          odd[i].path != NULL && odd[i].path[0] == '\0' ? CNN_ERROR_UNSUPPORTED : CNN_ERROR_FILE;

      check_error (path, NULL, NULL, code, odd[i].why);
      check_error (model, NULL, path, code, odd[i].why);
      g_assert_true (g_file_set_contents (sidecar, text, -1, NULL));
      check_error (model, NULL, NULL, code, odd[i].why);
      g_unlink (sidecar);
      g_assert_cmpint (symlink (path, sidecar), ==, 0);
      check_error (model, NULL, NULL, code, odd[i].why);
      g_unlink (sidecar);
    }
  write_h5 (model, LEGACY, NULL, NULL);
  check_error (model, "/dev/zero", NULL, CNN_ERROR_FILE, "is a device or a pipe");
  check_error (model, pipe, NULL, CNN_ERROR_FILE, "is a device or a pipe");
  g_unlink (pipe);
  g_unlink (model);
}

static void
test_registry (void)
{
  g_autofree char *was = g_strdup (g_getenv ("CONVLENS_DATA_DIR"));
  g_autofree char *registry = new_path ("models.json"), *pins = new_path ("pins.json");
  g_autofree char *deep = repeated ("/* \" */", "[", 200000, "");
  static const char *const messages[] = { "models.json is a device or a pipe",
                                          "models.json is not sound JSON" };

  g_setenv ("CONVLENS_DATA_DIR", test_folder (), TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (messages); i++)
    {
      g_autoptr (GError) error = NULL, problem = NULL;
      g_autofree char *checksum = NULL;

      g_unlink (registry);
      g_unlink (pins);
      if (i == 0)
        g_assert_true (mkfifo (registry, 0600) == 0 && mkfifo (pins, 0600) == 0);
      else
        g_assert_true (g_file_set_contents (registry, deep, -1, NULL)
                       && g_file_set_contents (pins, deep, -1, NULL));
      g_assert_null (cnn_store_open (&error));
      g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, messages[i]));
      g_assert_false (cnn_pins_get (test_folder (), "xception", &checksum, &problem));
      g_assert_error (problem, CNN_ERROR, CNN_ERROR_FILE);
      g_assert_nonnull (strstr (problem->message, messages[i] + strlen ("models.json")));
    }
  g_unlink (registry);
  g_unlink (pins);
  g_setenv ("CONVLENS_DATA_DIR", was, TRUE);
}

static void
test_large_file (void)
{
  g_autofree char *path = new_path ("large.txt"), *model = new_path ("large.keras"), *text = NULL;
  g_autofree char *config = small_text (small_config, NULL, NULL);
  g_autoptr (GError) error = NULL;
  gsize length;

  g_assert_true (g_file_set_contents (path, "12345678", 8, NULL));
  text = cnn_regular_read (path, 8, &length, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (text, length + 1, "12345678", 9);
  g_assert_null (cnn_regular_read (path, 7, &length, &error));
  g_assert_error (error, CNN_ERROR, CNN_ERROR_FILE);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_assert_nonnull (strstr (error->message, " is too large: more than 7 bytes, which is the most"));
  /* of a size that nobody could hold */
  g_assert_cmpint (truncate (path, (off_t) 1 << 40), ==, 0);
  write_keras (model, config, NULL);
  check_error (model, NULL, path, CNN_ERROR_FILE, "large.txt is too large");
  g_unlink (model);
  g_unlink (path);
}

/* --- Texts --- */

static void
test_cut (void)
{
  static const struct
  {
    const char *text;
    gsize limit;
    const char *cut;
  } rows[] = {
    { "abc", 3, "abc" },           { "abc", 2, "ab" },
    { "a\xc3\xa4", 2, "a" },       { "a\xc3\xa4", 3, "a\xc3\xa4" },
    { "\xf0\x9f\x90\x88", 3, "" }, { "", 0, "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *cut = cnn_text_cut (rows[i].text, rows[i].limit);

      g_assert_cmpstr (cut, ==, rows[i].cut);
    }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/readers/json/texts", test_texts);
  g_test_add_func ("/readers/json/limits", test_limits);
  g_test_add_func ("/readers/json/doors", test_doors);
  g_test_add_func ("/readers/graph/uses", test_uses);
  g_test_add_func ("/readers/graph/deep-argument", test_deep_argument);
  g_test_add_func ("/readers/zip/two-entries", test_two_entries);
  g_test_add_func ("/readers/zip/directory", test_directory);
  g_test_add_func ("/readers/files/odd", test_odd_files);
  g_test_add_func ("/readers/files/registry", test_registry);
  g_test_add_func ("/readers/files/large", test_large_file);
  g_test_add_func ("/readers/texts/cut", test_cut);
  status = g_test_run ();
  remove_folder ();
  return status;
}
