/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The one table of what Convlens can do. The program's sub-commands and GIMP's procedures are its
 * rows. */

#include "arguments.h"
#include "cnn.h"
#include "result.h"

G_BEGIN_DECLS

/* What a command is asked about. */
typedef struct
{
  const CnnImage *photo; /* or NULL */
  const CnnArray *input; /* the model's input itself, or NULL */
  gboolean gray;         /* the picture to be made can hold no colours */
} Subject;

/* A run of a command over one subject or many: what the arguments mean, worked out once, and the
 * model, opened once. */
typedef struct
{
  const Arguments *arguments;
  CnnOptions options; /* the model's, where the command has one; they point into the arguments */
  gpointer own;       /* the command's (run_own) */
  GDestroyNotify own_free;
  CnnSession *session; /* NULL: not opened yet */
  gboolean refused;    /* the model could not be opened, which has nothing to do with the subject */
} Run;

typedef enum
{
  COMMAND_MODEL = 1 << 0,  /* has a model, and the options that come with it */
  COMMAND_PHOTO = 1 << 1,  /* looks at a picture */
  COMMAND_GIMP = 1 << 2,   /* is a filter of GIMP's too */
  COMMAND_LAYERS = 1 << 3, /* and may make any number of layers */
  COMMAND_SIDECAR = 1 << 4 /* writes the model's sidecar */
} CommandFlags;

typedef struct
{
  const char *name;          /* "grad-cam" */
  const char *label;         /* "_Grad-CAM Overlay…" */
  const char *summary;       /* a line */
  const char *help;          /* some more */
  const Argument *arguments; /* its own; ends with a NULL name */
  const char *subject;       /* the argument that may be given without --name, or NULL */
  CommandFlags flags;
  /* Works out what is the same for all subjects: the run's own, and its options where the command
   * changes them. May be NULL. */
  gboolean (*prepare) (Run *run, GError **error);
  Result *(*run) (Run *run, const Subject *subject, const CnnProgress *progress, GError **error);
} Command;

/* All rows, ended by NULL. */
const Command *const *commands (void);
const Command *command_find (const char *name);

/* Its arguments in the order of every face: the model's, its own, the picture's, its last. Those
 * that are GIMP's alone are left out unless `gimp`, those that name files to write if it is.
 * Transfer container. */
GPtrArray *command_arguments (const Command *command, gboolean gimp);

/* The engine's options from the arguments; they point into them. */
CnnOptions command_options (const Arguments *arguments);

/* `subjects`: how many there will be. arguments: kept. Transfer full. */
Run *run_new (const Command *command, const Arguments *arguments, guint subjects, GError **error);
void run_free (Run *run);
/* For prepare(): takes what the command has worked out. */
void run_own (Run *run, gpointer own, GDestroyNotify free);
/* The run's session, opened now where it is not yet, that has seen the subject. Transfer full. */
CnnSession *run_open (Run *run, const Subject *subject, const CnnProgress *progress,
                      GError **error);
/* The next subject gets the model opened anew. */
void run_forget (Run *run);
/* A run over one subject. Transfer full. */
Result *command_run (const Command *command, const Arguments *arguments, const Subject *subject,
                     const CnnProgress *progress, GError **error);

/* How large a model's file is, "92 MB", "about 92 MB", "12 MB of about 92 MB". Transfer full. */
char *command_model_size (const CnnStoreEntry *entry);
/* What the check of a download has shown, a sentence. Transfer full. */
char *command_trust_text (const CnnStoreGot *got);

extern const Command predict_command, layers_command, activations_command, gradient_command,
    activation_grid_command, filter_pattern_command, grad_cam_command, devices_command,
    models_command, get_model_command, describe_command, sanity_check_command, faithfulness_command;

/* What is looked at in GIMP: the argument "source". */
enum
{
  SOURCE_DRAWABLE,
  SOURCE_VISIBLE
};

/* Choices in the order of the engine's enums. */
extern const char *const resize_names[], *const score_names[], *const colormap_names[],
                                                                   *const preset_names[];

/* Rows that several commands have. */
#define CLASS_ARGUMENT                                                                 \
  {                                                                                    \
    .name = "class", .kind = ARGUMENT_CLASS, .fallback = "auto", .label = "Cl_ass",    \
    .value = "auto, INDEX or LABEL", .choices = (const char *const[]){ "auto", NULL }, \
    .help = "the class that is asked about; auto is the model's best guess",           \
  }
#define MAP_LAYER_ARGUMENT(words)                                                             \
  {                                                                                           \
    .name = "layer", .kind = ARGUMENT_LAYER, .fallback = "auto", .label = "La_yer",           \
    .value = "auto or NAME", .choices = (const char *const[]){ "auto", NULL }, .help = words, \
    .flags = ARGUMENT_LATEST,                                                                 \
  }
#define SCORE_ARGUMENT                                                                         \
  {                                                                                            \
    .name = "score", .kind = ARGUMENT_CHOICE, .fallback = "logit", .label = "Scor_e",          \
    .choices = score_names,                                                                    \
    .help = "what is differentiated: the value before softmax or sigmoid, or the probability", \
  }

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Run, run_free)

G_END_DECLS
