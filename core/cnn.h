/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The engine's public header: all that a face (GIMP, command line) needs. A session is a model that
 * is open on a device with the options that every command takes; give it a photograph and ask. */

#include "array.h"
#include "error.h"
#include "gpu.h"
#include "image.h"
#include "preprocess.h"
#include "progress.h"

G_BEGIN_DECLS

typedef struct _CnnSession CnnSession;

/* Zero and NULL mean the default. */
typedef struct
{
  const char *model;        /* a built-in name or a file; NULL: the built-in model */
  const char *architecture; /* for weights-only files */
  int input_width, input_height;
  CnnPreprocess preprocess;
  const char *labels; /* a file */
  CnnResize resize;
  const char *device;
  const float *background; /* R, G, B in 0…1 under transparency; NULL: white */
} CnnOptions;

/* Opens model and device; a NULL device option follows cnn_device_open. `on_device` FALSE leaves
 * the device closed (for listing layers only). Transfer full. */
CnnSession *cnn_session_open (const CnnOptions *options, gboolean on_device, GError **error);
void cnn_session_free (CnnSession *session);

/* The picture to look at: a photograph (composed, resized and preprocessed by the options), or the
 * model's input itself as (H, W, C). Either replaces the one before. */
gboolean cnn_session_set_photo (CnnSession *session, const CnnImage *photo, GError **error);
gboolean cnn_session_set_input (CnnSession *session, const CnnArray *input, GError **error);

/* Facts for reports. Transfer none. */
const char *cnn_session_model_name (const CnnSession *session);
const char *cnn_session_device_name (const CnnSession *session);
const char *cnn_session_warning (const CnnSession *session);      /* or NULL */
CnnPreprocess cnn_session_preprocess (const CnnSession *session); /* resolved */
void cnn_session_input_size (const CnnSession *session, int *width, int *height);
/* Milliseconds of the device's work since the photograph was set. */
double cnn_session_milliseconds (const CnnSession *session);

typedef struct
{
  char *name;       /* as every --layer takes it */
  char *class_name; /* Keras' */
  int rank;
  gint64 dims[CNN_MAX_RANK]; /* (H, W, C), (H, C) or (C); 0 unknown */
  gsize parameters;
  char **inputs; /* names */
} CnnLayerInfo;

/* All visible layers in order. Transfer full: GPtrArray of CnnLayerInfo. */
GPtrArray *cnn_session_layers (const CnnSession *session, GError **error);
gsize cnn_session_parameters (const CnnSession *session);
void cnn_layer_info_free (CnnLayerInfo *info);

typedef struct
{
  int index;
  char *label;       /* "class 17" where the labels are not known */
  float score;       /* the model's output as it is */
  float probability; /* after softmax or sigmoid where the model lacks it */
} CnnPrediction;

void cnn_prediction_free (CnnPrediction *prediction);

/* The `top` best classes, best first. Transfer full: GPtrArray of CnnPrediction. */
GPtrArray *cnn_session_predict (CnnSession *session, int top, GError **error);
/* The class that the user means: "auto" or NULL (the top one), an index or a label. Transfer full.
 */
CnnPrediction *cnn_session_find_class (CnnSession *session, const char *wish, GError **error);

typedef struct
{
  char *layer, *class_name;
  CnnArray *values; /* (H, W, C), (H, C) or (C) */
} CnnLayerValues;

void cnn_layer_values_free (CnnLayerValues *values);

typedef enum
{
  CNN_SCORE_LOGIT, /* what goes into the final softmax or sigmoid */
  CNN_SCORE_PROBABILITY
} CnnScoreKind;

/* The values of layers in the current photograph; names NULL: all. One forward run.
 * Transfer full: GPtrArray of CnnLayerValues. */
GPtrArray *cnn_session_activations (CnnSession *session, const char *const *names,
                                    const CnnProgress *progress, GError **error);
/* d(score of the class)/d(output of each layer), or of "input". Transfer full, as above. */
GPtrArray *cnn_session_gradients (CnnSession *session, const char *const *names,
                                  const char *class_wish, CnnScoreKind score,
                                  const CnnProgress *progress, GError **error);

typedef enum
{
  CNN_PRESET_NONE,
  CNN_PRESET_BOOK /* Deep Learning with Python 9.4: probability, channel mean */
} CnnPreset;

typedef struct
{
  const char *class_wish; /* NULL: auto */
  const char *layer;      /* NULL or "auto": COMMANDS' automatic layer */
  CnnScoreKind score;     /* `book` always takes the probability */
  CnnPreset preset;
} CnnGradCamOptions;

/* Grad-CAM (Selvaraju et al. 2017, equations 1 and 2): heatmap = ReLU (Σ_c A_c · mean_xy
 * ∂score/∂A_c). */
typedef struct
{
  char *layer;
  CnnPrediction *target;  /* the class that was asked about */
  GPtrArray *predictions; /* the top five */
  CnnArray *heatmap;      /* (h, w) of the layer, 0…1 */
  float maximum;          /* of the map before it was divided by it */
  float positive_share;   /* of cells with a positive value, 0…1 */
} CnnGradCam;

/* CNN_ERROR_NO_EVIDENCE when no cell is positive: "no positive evidence for … in this layer".
 * Transfer full. */
CnnGradCam *cnn_grad_cam (CnnSession *session, const CnnGradCamOptions *options,
                          const CnnProgress *progress, GError **error);
void cnn_grad_cam_free (CnnGradCam *cam);

/* The heat as an opaque picture of width×height: enlarged smoothly, then coloured. Transfer full:
 * RGB. */
CnnImage *cnn_grad_cam_paint (const CnnGradCam *cam, int width, int height, CnnColormap colormap,
                              GError **error);
/* photo (without alpha) with `layer` over it at an opacity of 0…1. Transfer full: RGB. */
CnnImage *cnn_image_blend (const CnnImage *photo, const CnnImage *layer, float opacity,
                           GError **error);
/* The notebook's superimposed picture: colours before bicubic resize, 0.4·heat + photo, rescaled
 * min…max to 0…255 (keras.utils.array_to_img). photo: RGB. Transfer full: RGB. */
CnnImage *cnn_grad_cam_book_picture (const CnnGradCam *cam, const CnnImage *photo, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnSession, cnn_session_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnGradCam, cnn_grad_cam_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnPrediction, cnn_prediction_free)

G_END_DECLS
