/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a command can be told. An argument is said once, here as a row, and every face reads the
 * row: option, procedure argument, dialog, help. What is done with a value hangs on the row's kind,
 * never on its name; that is the command's alone. Values come in as text and are checked in one
 * place. */

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  ARGUMENT_TEXT,         /* words whose meaning the command knows */
  ARGUMENT_MODEL,        /* a model by its name, or a file of one */
  ARGUMENT_ARCHITECTURE, /* of a weights-only file, by its name */
  ARGUMENT_LAYER,        /* a layer of the model by its name, or one of `choices` */
  ARGUMENT_LAYERS,       /* several with commas between, or one of `choices` */
  ARGUMENT_CLASS,        /* a class by its index or label, or one of `choices` */
  ARGUMENT_DEVICE,       /* a Vulkan device by its index or part of its name, or one of `choices` */
  ARGUMENT_CHOICE,       /* one of `choices` */
  ARGUMENT_SWITCH,       /* no or yes: the program takes it without a value as well */
  ARGUMENT_INTEGER,      /* minimum…maximum */
  ARGUMENT_NUMBER,       /* minimum…maximum */
  ARGUMENT_SIZE,         /* of the model's input: "N" or "WxH" */
  ARGUMENT_COLOR,        /* "R,G,B", each 0…255 */
  ARGUMENT_IMAGE,        /* a picture to read, one that is open in GIMP, or one of `choices` */
  ARGUMENT_FILE,         /* a file to read */
  ARGUMENT_FOLDER,       /* a folder to read */
  ARGUMENT_OUTPUT        /* a file or folder to write: command line only */
} ArgumentKind;

typedef enum
{
  ARGUMENT_REQUIRED = 1 << 0,
  ARGUMENT_GIMP_ONLY = 1 << 1,
  ARGUMENT_FOLDED = 1 << 2,  /* dialogs show it on demand */
  ARGUMENT_LAST = 1 << 3,    /* comes after those that all commands have */
  ARGUMENT_BY_NAME = 1 << 4, /* left out where arguments are told by their position, which scripts
                              * rely on: GIMP 2.10's procedures. Its dialogs have it */
  ARGUMENT_SEVERAL = 1 << 5, /* ARGUMENT_OUTPUT: a folder where the results are several */
  ARGUMENT_LATEST = 1 << 6   /* ARGUMENT_LAYER: the last ones are offered first */
} ArgumentFlags;

typedef struct
{
  const char *name; /* "input-size" */
  ArgumentKind kind;
  const char *fallback; /* the default, as text */
  const char *label;    /* for dialogs, with its mnemonic */
  const char *value;    /* how help writes the value: "N or WxH"; choices write themselves */
  const char *help;
  const char *const *choices; /* ARGUMENT_CHOICE: in the order of the engine's enum;
                               * ARGUMENT_INTEGER: words for minimum, minimum + 1 …; others:
                               * words beside what the kind allows */
  double minimum, maximum;
  const char *suffix; /* ARGUMENT_OUTPUT: of the files, ".png" */
  ArgumentFlags flags;
} Argument;

/* The words for a switch: no, yes. */
extern const char *const switch_names[];

#define ARGUMENT_ERROR (argument_error_quark ())
GQuark argument_error_quark (void);

/* How the value is written in help: "jet|viridis" or "N or WxH". Transfer full. */
char *argument_value_help (const Argument *argument);
/* The row of that name; NULL where there is none. table: of const Argument. */
const Argument *argument_find (GPtrArray *table, const char *name);
/* The first row of that kind; NULL where there is none. */
const Argument *argument_of_kind (GPtrArray *table, ArgumentKind kind);

/* A value for each of a command's arguments, always a valid one. */
typedef struct _Arguments Arguments;

/* All at their defaults. table: of const Argument, kept. */
Arguments *arguments_new (GPtrArray *table);
void arguments_free (Arguments *arguments);

GPtrArray *arguments_table (const Arguments *arguments);
const Argument *arguments_find (const Arguments *arguments, const char *name);

/* Checks and sets; empty text means the default where the kind allows it. ARGUMENT_ERROR with
 * what is allowed; the old value stays then. */
gboolean arguments_set (Arguments *arguments, const char *name, const char *text, GError **error);
/* ARGUMENT_ERROR for a required argument without a value. */
gboolean arguments_check (const Arguments *arguments, GError **error);

/* The value as text, never NULL. */
const char *arguments_get (const Arguments *arguments, const char *name);
/* The same, NULL for empty. */
const char *arguments_text (const Arguments *arguments, const char *name);
/* The place to write to; NULL for empty, and where the face knows no such argument. */
const char *arguments_output (const Arguments *arguments, const char *name);
int arguments_choice (const Arguments *arguments, const char *name);
int arguments_integer (const Arguments *arguments, const char *name);
double arguments_number (const Arguments *arguments, const char *name);
/* Both 0 where it was left empty. */
void arguments_size (const Arguments *arguments, const char *name, int *width, int *height);
/* R, G, B in 0…1, or NULL where there is no such argument. Lives as long as the arguments. */
const float *arguments_color (const Arguments *arguments, const char *name);

/* All values as one text, to be kept between runs. Transfer full. */
char *arguments_save (const Arguments *arguments);
/* Takes what is still valid of it. */
void arguments_restore (Arguments *arguments, const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Arguments, arguments_free)

G_END_DECLS
