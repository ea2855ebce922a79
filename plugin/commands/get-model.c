/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "commands.h"

static const Argument arguments_of_get_model[] = {
  {
      .name = "name",
      .kind = ARGUMENT_TEXT,
      .fallback = "",
      .label = "_Name",
      .value = "NAME",
      .help = "the model to get: a name that convlens models lists",
      .flags = ARGUMENT_REQUIRED,
  },
  {
      .name = "from",
      .kind = ARGUMENT_FILE,
      .fallback = "",
      .label = "_From",
      .value = "FILE or URL",
      .help = "take the file from here instead of Keras' own address",
  },
  {
      .name = "force",
      .kind = ARGUMENT_SWITCH,
      .fallback = "no",
      .label = "Fo_rce",
      .help = "get it again where it is there already",
  },
  { 0 },
};

char *
command_trust_text (const CnnStoreGot *got)
{
  switch (got->trust)
    {
    case CNN_STORE_PUBLISHED:
      return g_strdup_printf ("Checked: %s, as Keras publishes it.", got->checksum);
    case CNN_STORE_PINNED:
      return g_strdup_printf ("Checked: %s, as when you first got it.", got->checksum);
    case CNN_STORE_UNVERIFIED:
    default:
      return g_strdup_printf (
          "Unverified: Keras publishes no checksum for this file. Its own, %s, is kept in %s; "
          "another file will not be taken for it.",
          got->checksum, got->pins);
    }
}

static Result *
get_model (Run *run, const Subject *subject G_GNUC_UNUSED, const CnnProgress *progress,
           GError **error)
{
  static const char *const trusts[] = {
    [CNN_STORE_PUBLISHED] = "published",
    [CNN_STORE_PINNED] = "pinned",
    [CNN_STORE_UNVERIFIED] = "unverified",
  };
  const Arguments *arguments = run->arguments;
  const char *name = arguments_get (arguments, "name");
  CnnStoreGetOptions options = {
    .from = arguments_text (arguments, "from"),
    .force = arguments_choice (arguments, "force") != 0,
  };
  g_autoptr (CnnStore) store = cnn_store_open (error);
  if (store == NULL)
    return NULL;
  const CnnStoreModel *model = cnn_store_find (store, name);
  if (model == NULL)
    {
      g_autofree char *hint = cnn_store_hint (store, name);
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "there is no model \"%s\" to get%s (convlens models lists them)", name, hint);
      return NULL;
    }
  g_autoptr (CnnStoreGot) got = cnn_store_get (store, model, &options, progress, error);
  if (got == NULL)
    return NULL;

  Result *result = result_new ();
  result_string (result, "model", model->name);
  result_string (result, "file", got->path);
  result_string (result, "state", got->was_there ? "there already" : "downloaded");
  result_integer (result, "size", got->bytes);
  result_integer (result, "resumed", got->resumed);
  result_string (result, "checksum", got->checksum);
  result_string (result, "trust", trusts[got->trust]);
  result_string (result, "licence", model->licence);
  g_autofree char *size = cnn_store_size_text (got->bytes);
  result_line (result, "%s: %s%s, %s, licence %s", model->name,
               got->was_there ? "there already: " : "", got->path, size, model->licence);
  g_autofree char *trust = command_trust_text (got);
  if (got->trust == CNN_STORE_UNVERIFIED)
    result_warn (result, "%s", trust);
  else
    result_line (result, "%s", trust);
  if (!got->was_there)
    result_line (result, "Use it with --model %s", model->name);
  return result;
}

const Command get_model_command = {
  .name = "get-model",
  .label = "_Get Model",
  .summary = "download one of the well-known models",
  .help = "Downloads the weights of a model of keras.applications from Keras' own address, checks "
          "them and keeps them for --model NAME. A download that was cut off is gone on with. "
          "Behind a firewall, --from takes a file that was got in another way.",
  .arguments = arguments_of_get_model,
  .subject = "name",
  .run = get_model,
};
