/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "internal.h"

#include "timing.h"

static void
set_default (CnnLayer *layer, const CnnParam *param)
{
  gpointer field = G_STRUCT_MEMBER_P (layer, param->offset);

  switch (param->kind)
    {
    case CNN_PARAM_INT:
    case CNN_PARAM_BOOL:
    case CNN_PARAM_CHOICE:
      *(int *) field = (int) param->standard;
      break;
    case CNN_PARAM_FLOAT:
      *(float *) field = (float) param->standard;
      break;
    case CNN_PARAM_SIZE:
      for (int i = 0; i < 2; i++)
        ((int *) field)[i] = (int) param->standard;
      break;
    case CNN_PARAM_BORDER:
      for (int i = 0; i < 4; i++)
        ((int *) field)[i] = (int) param->standard;
      break;
    case CNN_PARAM_INTS:
      ((CnnInts *) field)->n = -1;
      break;
    case CNN_PARAM_FLOATS:
    case CNN_PARAM_ACTIVATION:
      break;
    }
}

CnnLayer *
cnn_layer_new (const CnnLayerClass *klass, const char *name, int keras_major)
{
  CnnLayer *layer = g_malloc0 (klass->instance_size);

  layer->klass = klass;
  layer->name = g_strdup (name);
  layer->keras_major = keras_major;
  layer->references = 1;
  for (const CnnParam *param = klass->params; param != NULL && param->name != NULL; param++)
    set_default (layer, param);
  return layer;
}

CnnLayer *
cnn_layer_ref (CnnLayer *layer)
{
  layer->references++;
  return layer;
}

void
cnn_layer_unref (CnnLayer *layer)
{
  if (layer == NULL || --layer->references > 0)
    return;
  for (const CnnParam *param = layer->klass->params; param != NULL && param->name != NULL; param++)
    if (param->kind == CNN_PARAM_FLOATS)
      cnn_array_unref (G_STRUCT_MEMBER (CnnArray *, layer, param->offset));
  for (int i = 0; i < CNN_MAX_WEIGHTS; i++)
    cnn_array_unref (layer->weights[i]);
  for (guint i = 0; i < G_N_ELEMENTS (layer->device_weights); i++)
    cnn_buffer_unref (layer->device_weights[i]);
  g_free (layer->name);
  g_free (layer);
}

gboolean
cnn_layer_configure (CnnLayer *layer, GError **error)
{
  return layer->klass->configure == NULL || layer->klass->configure (layer, error);
}

void
cnn_layer_set_error (const CnnLayer *layer, GError **error, int code, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, CNN_ERROR, code, "layer \"%s\" (%s): %s", layer->name, layer->klass->name,
               message);
}

const CnnLayerClass *const *
cnn_layer_classes (void)
{
#define CLASS_ROW(name) &cnn_##name##_class,
  static const CnnLayerClass *const classes[] = { CNN_LAYER_CLASSES (CLASS_ROW) NULL };
#undef CLASS_ROW

  return classes;
}

const CnnLayerClass *
cnn_layer_class_find (const char *name)
{
  for (const CnnLayerClass *const *klass = cnn_layer_classes (); *klass != NULL; klass++)
    if (strcmp ((*klass)->name, name) == 0)
      return *klass;
  return NULL;
}

/* Elements that are read at a time, for packing while they are in the processor's caches. */
#define PIECE 65536

static gboolean
pack_all (const CnnLayer *layer, const CnnArray *array, CnnPack pack, float *packed, GError **error)
{
  const gsize count = array != NULL ? cnn_array_count (array) : 0;
  const gsize row = array != NULL && array->rank > 0 ? (gsize) array->dims[array->rank - 1] : 1;
  const gsize most = MAX (PIECE / MAX (row, 1), 1) * row;
  g_autofree float *room = NULL;
  const float *data;

  if (array == NULL)
    {
      pack (layer, NULL, 0, 0, packed);
      return TRUE;
    }
  if (array->data == NULL)
    room = g_new (float, MIN (most, count));
  for (gsize first = 0, n; first < count; first += n)
    {
      n = MIN (most, count - first);
      data = cnn_array_part (array, first, n, room, error);
      if (data == NULL)
        return FALSE;
      pack (layer, data, first, n, packed);
    }
  return TRUE;
}

CnnBuffer *
cnn_layer_device_weights (CnnLayer *layer, int slot, CnnDevice *device, gsize bytes, int variable,
                          CnnPack pack, GError **error)
{
  const CnnArray *array = variable >= 0 ? layer->weights[variable] : NULL;
  g_autoptr (CnnBuffer) buffer = NULL;
  g_autofree float *staged = NULL;
  float *packed;
  gint64 start = cnn_timing_start ();

  if (layer->device_weights[slot] != NULL)
    return layer->device_weights[slot];
  buffer = cnn_buffer_new (device, bytes, layer->name, error);
  if (buffer == NULL)
    return NULL;
  packed = cnn_buffer_mapped (buffer);
  if (packed == NULL)
    packed = staged = g_malloc (bytes);
  /* all of it is written to where nothing is padded */
  if (array == NULL || bytes != cnn_array_count (array) * sizeof (float))
    memset (packed, 0, bytes);
  if (!pack_all (layer, array, pack, packed, error)
      || (staged != NULL && !cnn_buffer_write (buffer, 0, staged, bytes, error)))
    return NULL;
  cnn_timing_stop (start, "reading and packing weights");
  layer->device_weights[slot] = g_steal_pointer (&buffer);
  return layer->device_weights[slot];
}

void
cnn_layer_swap_weights (CnnLayer *layer, CnnArray *weights[CNN_MAX_WEIGHTS])
{
  for (int i = 0; i < CNN_MAX_WEIGHTS; i++)
    {
      CnnArray *own = layer->weights[i];

      g_assert ((own == NULL) == (weights[i] == NULL)
                && (own == NULL || cnn_array_count (own) == cnn_array_count (weights[i])));
      layer->weights[i] = weights[i];
      weights[i] = own;
    }
  for (guint i = 0; i < G_N_ELEMENTS (layer->device_weights); i++)
    g_clear_pointer (&layer->device_weights[i], cnn_buffer_unref);
}

int
cnn_window_size (int size, int window, int stride, int dilation, gboolean same, int *before)
{
  int extent = (window - 1) * dilation + 1, out;

  *before = 0;
  if (size == 0)
    return 0;
  if (!same)
    return size < extent ? -1 : (size - extent) / stride + 1;
  out = (size + stride - 1) / stride;
  *before = MAX ((out - 1) * stride + extent - size, 0) / 2;
  return out;
}

gboolean
cnn_layer_check_rank (const CnnLayer *layer, const CnnShape *shape, int rank, GError **error)
{
  static const char *const forms[] = { "(C)", "(H, C)", "(H, W, C)" };

  if (shape->rank == rank)
    return TRUE;
  cnn_layer_set_error (layer, error, CNN_ERROR_MODEL, "takes values of shape %s, but gets %s",
                       forms[rank - 1], forms[shape->rank - 1]);
  return FALSE;
}

guint
cnn_flat_vectors (const CnnShape *shape, guint groups[3])
{
  gsize items = cnn_shape_bytes (shape) / (4 * sizeof (float));

  cnn_flat_groups (items, groups);
  return (guint) items;
}

CnnBinding
cnn_whole_buffer (CnnBuffer *buffer)
{
  return (CnnBinding){ buffer, 0, cnn_buffer_size (buffer) };
}
