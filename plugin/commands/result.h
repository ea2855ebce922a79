/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What a command gives back: layers or a new canvas of them, files where they were asked for, and
 * the report, once as JSON and once as text for people. A face takes what it has a use for. */

#include "arguments.h"
#include "cnn.h"

G_BEGIN_DECLS

typedef enum
{
  RESULT_MODE_NORMAL,
  RESULT_MODE_ADDITION
} ResultMode;

/* Pictures that are too many to be held at once are painted when a face comes for them. `data`
 * lives as long as the result (result_own). Transfer full. */
typedef CnnImage *(*ResultPaint) (gpointer data, guint index, GError **error);
typedef CnnArray *(*ResultGather) (gpointer data, guint index, GError **error);

typedef struct
{
  char *name;
  CnnImage *image; /* NULL: to be painted */
  ResultPaint paint;
  gpointer data;
  guint index;
  int x, y;       /* relative to what was looked at, or to the canvas */
  double opacity; /* 0…1 */
  ResultMode mode;
  gboolean hidden; /* the layer is there, and not shown */
} ResultLayer;

/* A file for the argument `option`; in a folder where `entry` is its name there. One of image,
 * array, paint, gather. */
typedef struct
{
  char *option, *entry;
  CnnImage *image;
  CnnArray *array;
  ResultPaint paint;
  ResultGather gather;
  gpointer data;
  guint index;
} ResultFile;

/* Whose files they are: one of many photographs, or the one that was named. */
typedef struct
{
  char *path;
  char *name;     /* what its files are called in a folder, without a suffix */
  gboolean alone; /* one file was named: options then name its files, not folders of them */
} Photograph;

typedef struct _ResultReport ResultReport;

typedef struct
{
  GPtrArray *layers;               /* of ResultLayer, lowest first */
  char *group;                     /* the name of a group that holds them all, or NULL */
  int canvas_width, canvas_height; /* 0: the layers go into the picture that was looked at */
  GPtrArray *files;                /* of ResultFile */
  GString *text;                   /* ends with a newline */
  ResultReport *report;
  GPtrArray *owned;
} Result;

Result *result_new (void);
void result_free (Result *result);

/* Frees `data` with the result. */
void result_own (Result *result, gpointer data, GDestroyNotify free);

/* image, array: transfer none. Gives the layer, for what else is to be said of it. */
ResultLayer *result_add_layer (Result *result, const char *name, CnnImage *image, double opacity,
                               ResultMode mode);
ResultLayer *result_add_painted_layer (Result *result, const char *name, ResultPaint paint,
                                       gpointer data, guint index);
/* The layer's pixels, painted where they are not there yet. Transfer full. */
CnnImage *result_layer_image (const ResultLayer *layer, GError **error);
void result_add_image_file (Result *result, const char *option, CnnImage *image);
void result_add_array_file (Result *result, const char *option, const char *entry, CnnArray *array);
/* The name that a layer's file has among those of the option: a file name that no file of the
 * result has yet. Transfer full. */
char *result_entry (const Result *result, const char *option, const char *name, const char *suffix);
/* entry: transfer none, may be NULL. */
void result_add_painted_file (Result *result, const char *option, const char *entry,
                              ResultPaint paint, gpointer data, guint index);
void result_add_gathered_file (Result *result, const char *option, const char *entry,
                               ResultGather gather, gpointer data, guint index);
/* No file has to be painted or gathered first: they may be written on a thread, while the session
 * that they came from goes on. */
gboolean result_files_are_ready (const Result *result);

/* The report: members of one JSON object. name is NULL inside a list. */
void result_begin (Result *result, const char *name);
void result_end (Result *result);
void result_begin_list (Result *result, const char *name);
void result_end_list (Result *result);
void result_string (Result *result, const char *name, const char *value); /* NULL: null */
void result_integer (Result *result, const char *name, gint64 value);
void result_number (Result *result, const char *name, double value); /* not finite: null */
/* (H, W, C) as a list; 0 is null. */
void result_shape (Result *result, const char *name, int rank, const gint64 *dims);
/* A line of the text, ended here; control characters in it are replaced (printable.h). */
void result_line (Result *result, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Something that the user should know, a sentence or more: goes into the list "warnings" and the
 * text. */
void result_warn (Result *result, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* What every report begins with: model, device, input and the session's warning. */
void result_session (Result *result, const CnnSession *session, const CnnOptions *options,
                     gboolean photo);
void result_prediction (Result *result, const char *name, const CnnPrediction *prediction);
/* The list "predictions", and a line each in the text. */
void result_predictions (Result *result, GPtrArray *predictions);
/* "milliseconds", and the text's last line. */
void result_session_end (Result *result, const CnnSession *session);

/* The report so far as one JSON object. Transfer full. */
char *result_json (Result *result);
/* The same as one of many: the photograph's path first; or, without a result, path and error.
 * Transfer full. */
char *result_photograph_json (const Photograph *photograph, Result *result, const GError *error);
/* The report with the command's name and all settings: what a layer keeps. Transfer full. */
char *result_record (Result *result, const char *command, const Arguments *arguments);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Result, result_free)

G_END_DECLS
