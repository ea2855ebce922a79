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
#include "store.h"

G_BEGIN_DECLS

typedef struct _CnnSession CnnSession;

/* Zero and NULL mean the default. */
typedef struct
{
  const char *model; /* a built-in name, one of the registry (store.h) or a file; NULL: the built-in
                      * model */
  const char *architecture; /* for weights-only files */
  int input_width, input_height;
  CnnPreprocess preprocess;
  const char *labels; /* a file */
  CnnResizeFilter resize;
  const char *device;
  const float *background; /* R, G, B in 0…1 under transparency; NULL: white */
  gboolean many;           /* pictures will be looked at: it pays to take longer to make ready */
} CnnOptions;

/* Opens model and device; a NULL device option follows cnn_device_open. `on_device` FALSE leaves
 * the device closed (for listing layers only). progress: or NULL. Transfer full. */
CnnSession *cnn_session_open (const CnnOptions *options, gboolean on_device,
                              const CnnProgress *progress, GError **error);
CnnSession *cnn_session_ref (CnnSession *session);
void cnn_session_unref (CnnSession *session);

/* The picture to look at: a photograph (composed, resized and preprocessed by the options), or the
 * model's input itself as (H, W, C). Either replaces the one before. */
gboolean cnn_session_set_photo (CnnSession *session, const CnnImage *photo, GError **error);
gboolean cnn_session_set_input (CnnSession *session, const CnnArray *input, GError **error);
/* The photograph as it is looked at, composed over the background: RGB at its own size, also for a
 * model that sees it in gray. NULL where there is none. Transfer none: until the next one. */
const CnnImage *cnn_session_photo (const CnnSession *session);

/* Facts for reports. Transfer none. */
const char *cnn_session_model_name (const CnnSession *session);
const char *cnn_session_device_name (const CnnSession *session);
const char *cnn_session_warning (const CnnSession *session);      /* or NULL */
CnnPreprocess cnn_session_preprocess (const CnnSession *session); /* resolved */
void cnn_session_input_size (const CnnSession *session, int *width, int *height);
/* Milliseconds of the device's runs since the photograph was set, by the clock: in a first one,
 * with what of the kernels and the plan is made beside it. */
double cnn_session_milliseconds (const CnnSession *session);

/* What is known of the model besides its layers. Every *_from says from where ("the sidecar", "the
 * registry" …), or is NULL where nothing is known or it is a guess. All of it is the session's. */
typedef struct
{
  const char *path, *sidecar; /* the file; its <file>.json or NULL */
  const char *registered;     /* its name in the registry, or NULL */
  const char *architecture, *architecture_from;
  const char *contradiction; /* why the option's architecture cannot be the model's, or NULL */
  CnnPreprocess preprocess;
  const char *preprocess_from;
  const char *prepared_by; /* the model's own layer that prepares its input, or NULL */
  gboolean prepared_twice; /* by a Rescaling of its own, and by `preprocess` once more */
  int own_width, own_height, channels; /* of the model's input; 0: any */
  int width, height;                   /* that a photograph is given to it at; 0: its own size */
  const char *size_from;
  int classes;       /* 0: the model does not name classes */
  GPtrArray *labels; /* of char*, or NULL */
  const char *labels_from;
} CnnFacts;

void cnn_session_facts (const CnnSession *session, CnnFacts *facts);

/* The file of labels that the sidecar of a model's file names, without opening the model; NULL
 * where it names none or cannot be read. Transfer full. */
char *cnn_sidecar_labels (const char *model_path);

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

/* The methods that make a heat map, by name, the default first; ended by NULL. */
extern const char *const cnn_heat_method_names[];

typedef struct
{
  int method;             /* of cnn_heat_method_names */
  const char *class_wish; /* NULL: auto */
  const char *layer;      /* NULL or "auto": the last layer with a map (H·W > 1), behind a
                           * convolution, that lies on every path to the score; pooling, dropout,
                           * padding and reshaping are left out */
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

/* How the values of a channel become gray levels 0…255, as floor (clip (…)). */
typedef enum
{
  CNN_GRID_BOOK, /* (x − mean) / deviation · 64 + 128 per channel; a channel whose sum is 0 is 0, a
                  * constant one 128 */
  CNN_GRID_CHANNEL, /* minimum…maximum of the channel to 0…255; a constant one as above */
  CNN_GRID_LAYER    /* minimum…maximum of the layer's shown channels */
} CnnGridNormalize;

typedef struct
{
  const char *layers;   /* "NAME,NAME…", each shown once; NULL or "book": convolution and pooling
                         * layers with a map (Deep Learning with Python 9.4), in order; "all":
                         * every layer with one but the input */
  const char *channels; /* NULL or "all"; "I": that channel alone; "A-B", of several layers each
                         * what it has of them; "top:K": the K of the largest mean, strongest
                         * first */
  int columns;          /* 0: so that the mosaic is as square as can be; never more than channels */
  int scale;            /* every value becomes scale×scale pixels; 0: 1 */
  CnnGridNormalize normalize;
} CnnGridOptions;

#define CNN_GRID_STRONGEST 5

/* What a layer shows for the picture, over all its channels. */
typedef struct
{
  char *layer, *class_name;
  int height, width, channels; /* of the layer's value */
  int shown;                   /* channels in the mosaic */
  int mosaic_width, mosaic_height;
  int dead; /* channels that are 0 everywhere */
  float minimum, maximum;
  double mean;
  int strongest[CNN_GRID_STRONGEST], n_strongest; /* channels by their mean, strongest first, the
                                                   * dead left out */
} CnnGridInfo;

/* The layers of one forward run. Values stay on the device; a mosaic is made when it is asked for,
 * so that only one is held at a time. */
typedef struct _CnnGrids CnnGrids;

/* Runs forward once. The grids use the session, which must outlive them and must not run anything
 * else meanwhile. CNN_ERROR_ARGUMENT for a wrong layer, channel or a mosaic too large. Transfer
 * full. */
CnnGrids *cnn_activation_grids (CnnSession *session, const CnnGridOptions *options,
                                const CnnProgress *progress, GError **error);
void cnn_grids_free (CnnGrids *grids);
guint cnn_grids_count (const CnnGrids *grids);
const CnnGridInfo *cnn_grids_info (const CnnGrids *grids, guint index);
/* The values of a layer, (H, W, C). Transfer full. */
CnnArray *cnn_grids_values (CnnGrids *grids, guint index, GError **error);
/* The mosaic, (mosaic_height, mosaic_width), whole gray levels 0…255; gaps of one pixel are 0.
 * Transfer full. */
CnnArray *cnn_grids_mosaic (CnnGrids *grids, guint index, GError **error);
/* The mosaic in colours: RGB. Transfer full. */
CnnImage *cnn_grids_paint (CnnGrids *grids, guint index, CnnColormap colormap, GError **error);

typedef enum
{
  CNN_PATTERN_BOOK, /* Deep Learning with Python 9.4: plain gradient ascent */
  CNN_PATTERN_CLEAR /* after Olah, Mordvintsev and Schubert, "Feature Visualization", Distill 2017
                     */
} CnnPatternPreset;

typedef enum
{
  CNN_START_NOISE, /* `book`: uniform in 0.4…0.6; `clear`: gray with decorrelated noise of a 1/f
                    * spectrum */
  CNN_START_GRAY,  /* 0.5 */
  CNN_START_PHOTO, /* resized and preprocessed by the session's options */
  CNN_START_ARRAY  /* (H, W, C); `size` is then the array's */
} CnnPatternStart;

typedef struct
{
  const char *layer;      /* a layer with channels, or NULL: */
  const char *class_wish; /* a class's score (logit) of the model's output */
  int first, last;        /* filters, both included; the class needs none */
  gboolean fewer;         /* a layer that ends before `last` gives what it has */
  int size;               /* pixels of the picture's sides */
  int steps;
  double rate;  /* length of a step in L2 norm, in the picture's units */
  guint64 seed; /* with a filter's index it gives the same noise on every machine */
  CnnPatternPreset preset;
  CnnPatternStart start;
  const CnnImage *photo; /* CNN_START_PHOTO */
  const CnnArray *array; /* CNN_START_ARRAY */
} CnnPatternOptions;

/* One filter's picture, in the units after the model's own leading Rescaling or Normalization. */
typedef struct
{
  int index;           /* of the filter or class */
  float before, after; /* its mean activation, a border of 2 cells left out; a class's logit */
  int tries;           /* 1, or more where the first starts woke nothing (`clear`) */
  CnnArray *values;    /* (size, size, C) */
  gboolean bgr;        /* the model takes blue, green, red */
} CnnPattern;

typedef struct
{
  char *layer;         /* its name */
  char *label;         /* of the class, or NULL */
  int filters;         /* that the layer has */
  int batch;           /* pictures that climbed at a time */
  gsize memory;        /* bytes on the device for them */
  GPtrArray *patterns; /* of CnnPattern */
  double milliseconds;
} CnnPatterns;

/* The pictures that filters of a layer answer to most strongly, by gradient ascent on the device
 * (Erhan et al. 2009; Deep Learning with Python 9.4): x ← x + rate · g / ‖g‖, g the gradient of the
 * filter's mean activation. Only the part of the model up to the layer runs. CNN_ERROR_ARGUMENT for
 * a wrong layer or filter, or a size that leaves the layer no cells inside the border.
 * Transfer full. */
CnnPatterns *cnn_filter_pattern (CnnSession *session, const CnnPatternOptions *options,
                                 const CnnProgress *progress, GError **error);
void cnn_patterns_free (CnnPatterns *patterns);
/* (x − mean) / deviation · 64 + 128 over the whole picture, clipped, `crop` pixels taken off each
 * side: RGB, or gray for one channel. Transfer full. */
CnnImage *cnn_pattern_picture (const CnnPattern *pattern, int crop, GError **error);

/* --- Whether a heatmap may be trusted --- */

#define CNN_SANITY_STAGES 8

typedef struct
{
  const char *class_wish; /* NULL: auto */
  const char *layer;      /* NULL or "auto": as Grad-CAM's */
  guint64 seed;           /* the same seed gives the same weights on every machine */
  int stages;             /* at most so many; 0: CNN_SANITY_STAGES */
} CnnSanityOptions;

typedef struct
{
  char *name;        /* the layer that the new weights have come down to */
  GPtrArray *layers; /* names of those that this stage adds, from the top */
  double correlation; /* −1…1; NaN where it is not defined: an empty map or one without differences
                       */
  gboolean empty;     /* no cell is positive */
  CnnArray *heatmap; /* (h, w) of the layer, 0…1; all 0 for an empty map */
} CnnSanityStage;

typedef enum
{
  CNN_SANITY_CHANGES, /* the map lives on what the model has learned */
  CNN_SANITY_PARTLY,  /* half of it or more stays without that */
  CNN_SANITY_HARDLY   /* it would look the same with other weights */
} CnnSanityVerdict;

typedef struct
{
  CnnGradCam *original;
  GPtrArray *stages; /* of CnnSanityStage, the output's first */
  int empty;         /* stages whose map is empty */
  double remaining;  /* mean of the correlations of the second half of the stages, those not defined
                      * counted as 0 */
  CnnSanityVerdict verdict; /* remaining < 0.5, < 0.8, or more */
} CnnSanity;

/* Cascading randomisation (Adebayo et al., "Sanity Checks for Saliency Maps", 2018): from the
 * output down, layers lose what they have learned, and after each stage Grad-CAM of the same class
 * (logit) at the same layer is made anew and compared with the original by Spearman's rank
 * correlation, ties by mean ranks.
 *
 * Units: a layer with a kernel and the layers with other weights (BatchNormalization) between it
 * and the next kernel above it, in the order of the layers from the last; those without a kernel
 * below them go with the lowest. Only layers that lead to the output count, a shared one once, at
 * its last use. Stage 1 is the topmost unit; the other units are spread over the other stages as
 * evenly as can be (stage k of n ends with unit 1 + ⌊(k − 1)(units − 1) / (n − 1)⌋), so that in
 * the last one every layer is random.
 * Weights: kernels are uniform in ±√(6 / fan-in) (He et al. 2015), fan-in being the number of
 * products in a sum: height · width · input channels of the group, height · width for depthwise
 * kernels. gamma and moving variance are 1; bias, beta, moving mean and alpha are 0, as in a model
 * that has not been trained. Normalization, which prepares the input, is kept.
 *
 * The session's own weights are back afterwards, whatever happens. CNN_ERROR_NO_EVIDENCE where the
 * original map is empty, CNN_ERROR_ARGUMENT where it has no differences to compare. Transfer full.
 */
CnnSanity *cnn_sanity_check (CnnSession *session, const CnnSanityOptions *options,
                             const CnnProgress *progress, GError **error);
void cnn_sanity_free (CnnSanity *sanity);
/* The original and the stages beside each other over a small copy of the photograph, with each
 * stage's correlation under it. Transfer full: RGB. */
CnnImage *cnn_sanity_paint (const CnnSanity *sanity, const CnnImage *photo, CnnColormap colormap,
                            float opacity, GError **error);
/* Spearman's: Pearson's correlation of the ranks, equal values sharing their mean rank; NaN where
 * one of them has no differences. */
double cnn_rank_correlation (const float *left, const float *right, gsize n);

#define CNN_FAITHFULNESS_STEPS 56

/* The probability of a class over the share of pixels that are changed. */
typedef struct
{
  double *values; /* steps + 1 */
  double area;    /* under it by the trapezoid, 0…1 */
} CnnCurve;

typedef struct
{
  CnnGradCam *cam;
  int steps;
  CnnCurve deletion, insertion;               /* by the heat */
  CnnCurve centre_deletion, centre_insertion; /* by a blob in the centre, which knows nothing */
  int batch;                                  /* pictures at a time */
} CnnFaithfulness;

/* Deletion and insertion (Petsiuk, Das and Saenko, "RISE", 2018) for the heatmap of the options, on
 * the model's input. Pixels are ordered by the heat, enlarged smoothly to the input's size, highest
 * first, equal ones by rows; the blob's order is by ((2x + 1 − W) / W)² + ((2y + 1 − H) / H)².
 * After step k the first ⌊k · pixels / steps⌋ are changed. Deletion gives them the mean colour of
 * the input; insertion starts with the input blurred (Gaussian of σ = shorter side / 20, cut at
 * ⌈3σ⌉, edges repeated) and gives them their own. steps 0: CNN_FAITHFULNESS_STEPS. Transfer full.
 */
CnnFaithfulness *cnn_faithfulness (CnnSession *session, const CnnGradCamOptions *options, int steps,
                                   const CnnProgress *progress, GError **error);
void cnn_faithfulness_free (CnnFaithfulness *faithfulness);
/* Both pairs of curves in axes of 0…1, deletion on the left: red by the heat, gray by the blob, the
 * area under each in its colour. Transfer full: RGB. */
CnnImage *cnn_faithfulness_paint (const CnnFaithfulness *faithfulness, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnSanity, cnn_sanity_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnFaithfulness, cnn_faithfulness_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnSession, cnn_session_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnGrids, cnn_grids_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnPatterns, cnn_patterns_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnGradCam, cnn_grad_cam_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnPrediction, cnn_prediction_free)

G_END_DECLS
