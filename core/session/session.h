/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The session's inside, for core/visualize: it prepares, runs and names classes for every method.
 */

#include "cnn.h"
#include "network.h"
#include "plan.h"

G_BEGIN_DECLS

/* How the model ends: what stands between the class scores and its output. */
typedef enum
{
  CNN_ENDS_PLAIN, /* nothing: the output is the logits */
  CNN_ENDS_SOFTMAX,
  CNN_ENDS_SIGMOID
} CnnEnding;

struct _CnnSession
{
  gatomicrefcount references;
  CnnNetwork *network;
  CnnDevice *device; /* NULL: opened for its layers only */
  char *name;
  gboolean many;                   /* pictures are to come */
  int wanted_width, wanted_height; /* 0: not said */
  CnnResizeFilter resize;
  float *background;  /* or NULL: cnn_image_flatten's own */
  char *size_warning; /* or NULL */
  char *warning;      /* all that the report should mention, or NULL */

  CnnImage *photo;         /* composed over the background, RGB; or NULL */
  CnnImage *fitting;       /* the same of the model's channels */
  CnnArray *input;         /* what goes into the model, or NULL */
  CnnResizeFilter resized; /* how input was made of fitting */
  CnnShape *shapes;        /* of every node for this input */

  CnnPlan *plan; /* for the request below, or NULL */
  GArray *outputs, *gradients;
  int score;
  gboolean has_run; /* forward, on this input */
  gboolean spent;   /* and backward, which takes the memory of values that nobody asked for */
  gint64 microseconds;
};

/* Makes the input from the photograph by `resize`, unless that is what it is already. The model's
 * input given as such stays. CNN_ERROR_ARGUMENT when there is nothing to look at. */
gboolean cnn_session_prepare (CnnSession *session, CnnResizeFilter resize, GError **error);

/* A photograph as the model's input of this size, whatever size the model itself takes. Transfer
 * full: (height, width, C). */
CnnArray *cnn_session_photo_input (const CnnSession *session, const CnnImage *photo, int width,
                                   int height, GError **error);

/* Sees to a plan for these nodes that has run forward on the present input. score −1: no gradients
 * are wanted. The values are had by cnn_plan_output (session->plan, …). */
gboolean cnn_session_run (CnnSession *session, const int *outputs, int n_outputs, int score,
                          const int *gradients, int n_gradients, const CnnProgress *progress,
                          GError **error);
/* After a run with a score: backward from this seed. */
gboolean cnn_session_run_back (CnnSession *session, const float *seed, GError **error);

/* Frees the plan, as is to be done before weights change. */
void cnn_session_forget_plan (CnnSession *session);

/* The scores of the classes of a run: `logits` in double, what the model gave, and probabilities.
 */
typedef struct
{
  CnnEnding ending;
  int logit_node, output_node;
  gboolean binary; /* one unit: classes 0 and 1 */
  int n;           /* classes */
  double *logits;  /* n; of class 0 of a binary model the negative */
  double *probabilities;
  float *scores;
} CnnScores;

void cnn_scores_free (CnnScores *scores);
/* Which nodes hold output and logits; CNN_ERROR_UNSUPPORTED where the output is no list of classes.
 */
gboolean cnn_session_find_scores (const CnnSession *session, CnnScores *scores, GError **error);
/* Reads them from the plan, which has both nodes among its outputs. Transfer full. */
CnnScores *cnn_session_read_scores (CnnSession *session, GError **error);
CnnPrediction *cnn_session_prediction (const CnnSession *session, const CnnScores *scores,
                                       int index);
GPtrArray *cnn_session_best (const CnnSession *session, const CnnScores *scores, int top);
/* As cnn_session_find_class; gives the index or −1. */
int cnn_session_look_up (const CnnSession *session, const CnnScores *scores, const char *wish,
                         GError **error);
/* The unit that a class's logit is, told without running the model: "auto" is refused. */
typedef struct
{
  int node, index, unit; /* index: the class; unit: the number of the node's that speaks for it */
  gboolean negative;     /* class 0 of a binary model */
  char *label;           /* to be freed */
} CnnTarget;

gboolean cnn_session_find_target (const CnnSession *session, const char *wish, CnnTarget *target,
                                  GError **error);
/* d(score of the class)/d(logits), scaled so that the largest is ±1 and rounding noise or underflow
 * of a saturated probability does no harm; `scale` takes that back. Transfer full. */
float *cnn_scores_seed (const CnnScores *scores, int index, CnnScoreKind kind, double *scale);

/* For each node, whether the node `end` depends on it. Transfer full. */
gboolean *cnn_session_leads_to (const CnnSession *session, int end);
/* FALSE with CNN_ERROR_MODEL where a value is NaN or infinite; `what` begins the sentence. */
gboolean cnn_check_finite (const CnnArray *values, const char *what, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnScores, cnn_scores_free)

G_END_DECLS
