/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The class of a layer: what Keras calls it, its parameters, its shape rule and its kernels. One
 * more layer type is a const CnnLayerClass in its family's file and a row in classes.h. */

#include "activation.h"
#include "array.h"
#include "gpu.h"
#include "tensor.h"

G_BEGIN_DECLS

typedef struct _CnnLayer CnnLayer;
typedef struct _CnnLayerClass CnnLayerClass;

/* How a value of Keras' config goes into the layer's struct. */
typedef enum
{
  CNN_PARAM_INT,       /* number → int */
  CNN_PARAM_BOOL,      /* true, false → gboolean */
  CNN_PARAM_FLOAT,     /* number, null → float; null gives the default */
  CNN_PARAM_SIZE,      /* n or [h, w] → int[2] (h, w) */
  CNN_PARAM_BORDER,    /* n, [h, w] or [[top, bottom], [left, right]] → int[4] in that order */
  CNN_PARAM_CHOICE,    /* a string of `choices` → int, its index; any other is refused */
  CNN_PARAM_INTS,      /* n or [n, …], null within → -1 → CnnInts */
  CNN_PARAM_FLOATS,    /* x or nested lists of x, flattened → CnnArray*, rank 1; null → NULL */
  CNN_PARAM_ACTIVATION /* name, or an activation layer's object → CnnActivation */
} CnnParamKind;

typedef struct
{
  int n; /* -1: not given */
  int values[CNN_MAX_RANK];
} CnnInts;

typedef struct
{
  const char *name; /* Keras' name in the config; NULL ends a table */
  CnnParamKind kind;
  gsize offset;               /* in the layer's struct */
  double standard;            /* where the config is silent: number, boolean or choice */
  const char *const *choices; /* CNN_PARAM_CHOICE, NULL-terminated */
} CnnParam;

#define CNN_MAX_WEIGHTS 5
#define CNN_MAX_INPUTS 64

/* A variable of a layer, in Keras' order. A size of 0 fits any. */
typedef struct
{
  const char *name; /* "kernel", "gamma", … */
  int rank;
  gint64 dims[CNN_MAX_RANK];
} CnnWeightSpec;

struct _CnnLayer
{
  const CnnLayerClass *klass;
  char *name;               /* Keras' name, with its outer models': "sequential_1/Conv1" */
  CnnActivation activation; /* applied to the layer's own result; the model makes a node of it */
  CnnArray
      *weights[CNN_MAX_WEIGHTS]; /* as Keras has them, in the order of the specs; or NULL. Those
                                  * of rank 1 are loaded, larger ones while they are packed */
  CnnBuffer *device_weights[5];  /* packed on first use, by the layer's own rules */
  int references;
};

/* y = (x − center) · scale + shift of one channel. */
typedef struct
{
  double center, scale, shift;
} CnnAffine;

/* The tail of a layer's result x, the affine part per channel:
 * y = activation ((x − center) · scale + shift + residual). */
typedef struct
{
  CnnBinding affine; /* vec4 center[⌈C/4⌉], scale[⌈C/4⌉], shift[⌈C/4⌉], C of the output */
  const CnnTensor *residual; /* as the output, or NULL */
  CnnActivation activation;
} CnnTail;

/* What becomes of the gradient g that a layer's backward makes, before it is grad_inputs[0]:
 * (g + residual) · activation' · scale, the last two on the way back through a tail in front of the
 * layer, by the output of its activation. */
typedef struct
{
  const CnnTensor *residual; /* another gradient of grad_inputs[0]'s shape, or NULL; for classes of
                              * CNN_LAYER_ADDS_GRADIENT */
  CnnBinding affine;         /* as a CnnTail's, C of the input; or no buffer. This and the rest only
                              * where the class fuses_predecessor */
  const CnnTensor *value;    /* what the activation gave, as grad_inputs[0]; NULL: there is none */
  CnnActivation activation;  /* a ReLU that derives from its output */
} CnnGradientTail;

/* What a layer gets to record its kernels: where to read and where to write. */
typedef struct
{
  CnnCommands *commands;
  const CnnTensor *inputs[CNN_MAX_INPUTS]; /* backward: set when the class needs them */
  int n_inputs;
  const CnnTensor *output;                      /* backward: set when the class needs it */
  const CnnTensor *grad_output;                 /* backward: of the output's shape */
  const CnnTensor *grad_inputs[CNN_MAX_INPUTS]; /* backward: to be overwritten; NULL: not wanted */
  CnnShape input_shapes[CNN_MAX_INPUTS];
  CnnShape output_shape;
  gboolean has_gradient;    /* forward: a gradient will go back through the step's layers */
  const CnnTensor *scratch; /* of the class's scratch_shape */
  const CnnTensor *memo;    /* of its memo_shape; forward: NULL if no gradient will go back */
  const CnnTail *tail;      /* forward: of classes of CNN_LAYER_TAIL, else NULL */
  const CnnGradientTail *gradient_tail; /* backward: or NULL */
  CnnBinding affine; /* backward: of an only_affine class, or in front of an activation, a CnnTail's
                      * affine part that the gradient goes through, after the activation's
                      * derivative; or no buffer */
} CnnStep;

typedef enum
{
  CNN_LAYER_IDENTITY = 1 << 0,     /* the value passes unchanged; needs no kernels */
  CNN_LAYER_TAIL = 1 << 1,         /* forward applies step->tail to its result */
  CNN_LAYER_NEEDS_INPUTS = 1 << 2, /* backward reads the inputs' values */
  CNN_LAYER_NEEDS_OUTPUT = 1 << 3, /* backward reads the output's value */
  CNN_LAYER_POOLING = 1 << 4,      /* for the automatic choice of Grad-CAM's layer and for grids */
  CNN_LAYER_CONVOLUTION = 1 << 5,
  CNN_LAYER_RESHAPING = 1 << 6,  /* moves values about: padding, cropping, reshape, resizing */
  CNN_LAYER_ACTIVATION = 1 << 7, /* elementwise by layer->activation alone; may be folded */
  CNN_LAYER_INPUT = 1 << 8,
  CNN_LAYER_SCALING = 1 << 9,       /* brings a picture into the units that the model learned in */
  CNN_LAYER_SUM = 1 << 10,          /* the sum of its inputs: of one shape, may be folded if two */
  CNN_LAYER_ADDS_GRADIENT = 1 << 11 /* backward takes step->gradient_tail's residual */
} CnnLayerFlags;

struct _CnnLayerClass
{
  const char *name;    /* Keras' class name */
  gsize instance_size; /* of the struct that begins with a CnnLayer */
  const CnnParam *params;
  CnnLayerFlags flags;

  /* Checks parameters against each other and sets what follows from them. Optional. */
  gboolean (*configure) (CnnLayer *layer, GError **error);
  /* The output's shape; sizes of 0 (unknown) in give sizes of 0 out. */
  gboolean (*output_shape) (const CnnLayer *layer, const CnnShape *inputs, int n_inputs,
                            CnnShape *output, GError **error);
  /* Which variables the layer has, in Keras' order; gives their number. Optional. */
  int (*weight_specs) (const CnnLayer *layer, const CnnShape *inputs,
                       CnnWeightSpec specs[CNN_MAX_WEIGHTS]);
  /* The layer's work per channel of its output, y = (x − center) · scale + shift, in double; for a
   * convolution the bias (center 0, scale 1). For CNN_LAYER_TAIL classes. */
  void (*affine) (const CnnLayer *layer, int channels, CnnAffine *affine);
  /* affine is all that the layer does (BatchNormalization): it folds into the layer before. */
  gboolean only_affine;
  /* TRUE where this input shape leaves the memory as it is (Flatten of 1×1×C). Optional. */
  gboolean (*is_identity) (const CnnLayer *layer, const CnnShape *input);
  /* Memory for the time of a step, forward or backward, of all its pictures; FALSE where none is
   * needed. Optional. */
  gboolean (*scratch_shape) (const CnnLayer *layer, const CnnShape *inputs, CnnShape *scratch);

  /* What forward leaves for backward, where a gradient goes back; as scratch_shape. */
  gboolean (*memo_shape) (const CnnLayer *layer, const CnnShape *inputs, CnnShape *memo);
  /* backward takes all of step->gradient_tail, a residual if CNN_LAYER_ADDS_GRADIENT, and it pays,
   * be the kernels `repeated` (cnn_commands_set_repeated) or not. Optional. */
  gboolean (*fuses_predecessor) (const CnnLayer *layer, gboolean repeated);

  /* Record the kernels. IDENTITY classes have neither. */
  gboolean (*forward) (CnnLayer *layer, const CnnStep *step, GError **error);
  gboolean (*backward) (CnnLayer *layer, const CnnStep *step, GError **error);
};

/* The class of Keras' name, or NULL. */
const CnnLayerClass *cnn_layer_class_find (const char *name);
/* All classes, ended by NULL. */
const CnnLayerClass *const *cnn_layer_classes (void);

/* A layer with every parameter at its default. Fill the parameters, then cnn_layer_configure.
 * Transfer full. */
CnnLayer *cnn_layer_new (const CnnLayerClass *klass, const char *name);
CnnLayer *cnn_layer_ref (CnnLayer *layer);
void cnn_layer_unref (CnnLayer *layer);
gboolean cnn_layer_configure (CnnLayer *layer, GError **error);

/* An error that begins `layer "name" (Class): `. */
void cnn_layer_set_error (const CnnLayer *layer, GError **error, int code, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* Keeps weights[variable] on the device, packed: device_weights[slot], made the first time from
 * memory of zeros by `pack`, which gets elements first … first + n − 1 of the variable at a time,
 * whole rows of its last axis. So there is never a second copy of large ones. Variable −1: pack has
 * no data and is called once. NULL on error. */
typedef void (*CnnPack) (const CnnLayer *layer, const float *data, gsize first, gsize n,
                         float *packed);
CnnBuffer *cnn_layer_device_weights (CnnLayer *layer, int slot, CnnDevice *device, gsize bytes,
                                     int variable, CnnPack pack, GError **error);

/* Exchanges the layer's weights with others of the same shapes and forgets the packed copies. Plans
 * made before are stale: free them first. */
void cnn_layer_swap_weights (CnnLayer *layer, CnnArray *weights[CNN_MAX_WEIGHTS]);

/* Activation as a kernel of its own, also used for a tail that could not be folded. */
extern const CnnLayerClass cnn_activation_class;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnLayer, cnn_layer_unref)

G_END_DECLS
