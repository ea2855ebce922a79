/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* What bench-models measures: single runs of a model on the device, or of the program. */

#include "session.h"

G_BEGIN_DECLS

#define PATTERN_STEPS 30
#define PATTERN_SIZE 200
#define SHEET_PICTURES 16

typedef struct
{
  const char *name; /* in the table */
  char *path;       /* NULL: it could not be made */
  gboolean made;
  char *pattern_layer; /* known after the first pattern */
} Model;

typedef struct
{
  const char *program; /* or NULL */
  char *work;          /* the folder of the models */
  char *scratch;       /* that of all else, which goes */
  char *photo_path;
  char *caches; /* of this process */
  CnnImage *photo;
  CnnSession *session; /* of `open` with `many`, or NULL */
  const Model *open;
  gboolean many;
} Bench;

void remove_tree (const char *path);
void empty_folder (const char *path);
/* From now on this process keeps its pipelines in the scratch folder. Call it before anything else
 * looks for the user's caches. */
void use_own_caches (Bench *bench);
char *program_caches (const Bench *bench, const Model *model);

void close_session (Bench *bench);
/* One that is open stays; another begins with empty caches. */
gboolean need_session (Bench *bench, const Model *model, gboolean many, GError **error);

typedef gboolean (*Run) (Bench *bench, Model *model, GError **error);

gboolean run_open (Bench *bench, Model *model, GError **error);
/* These need a session. */
gboolean run_forward (Bench *bench, Model *model, GError **error);
gboolean run_grad_cam (Bench *bench, Model *model, GError **error);
gboolean run_gradient (Bench *bench, Model *model, GError **error);
gboolean run_pattern (Bench *bench, Model *model, GError **error);
gboolean run_long_pattern (Bench *bench, Model *model, GError **error); /* twice the steps */
gboolean run_sheet (Bench *bench, Model *model, GError **error);
/* convlens grad-cam as a new process. */
gboolean run_program (Bench *bench, Model *model, GError **error);

/* Of a forward run, and of a step of one picture; once they have run. */
double forward_operations (const Bench *bench);
double step_operations (const Bench *bench, const Model *model);

G_END_DECLS
