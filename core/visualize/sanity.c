/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Does a heatmap depend on what the model has learned? Adebayo et al., "Sanity Checks for Saliency
 * Maps", 2018, https://arxiv.org/abs/1810.03292 */

#include "noise.h"
#include "visualize.h"

#include <math.h>
#include <string.h>

#define HARDLY 0.8
#define PARTLY 0.5

/* A layer of the cascade, with the weights that it does not have at the moment. */
typedef struct
{
  CnnLayer *layer;
  int node; /* its last use */
  gboolean has_kernel;
  gboolean swapped;
  CnnArray *weights[CNN_MAX_WEIGHTS];
} Entry;

typedef struct
{
  CnnSession *session;
  const CnnSanityOptions *options;
  const CnnProgress *progress;
  GPtrArray *entries; /* from the top */
  GArray *ends;       /* int: how many entries there are up to the end of each unit */
  CnnSanity *result;
  double from, to; /* the stage's share of the progress */
  char *what;
} Cascade;

static void
stage_free (gpointer data)
{
  CnnSanityStage *stage = data;

  g_free (stage->name);
  g_clear_pointer (&stage->layers, g_ptr_array_unref);
  cnn_array_unref (stage->heatmap);
  g_free (stage);
}

void
cnn_sanity_free (CnnSanity *sanity)
{
  if (sanity == NULL)
    return;
  cnn_grad_cam_free (sanity->original);
  g_clear_pointer (&sanity->stages, g_ptr_array_unref);
  g_free (sanity);
}

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  for (int i = 0; i < CNN_MAX_WEIGHTS; i++)
    cnn_array_unref (entry->weights[i]);
  g_free (entry);
}

/* --- Rank correlation --- */

static int
by_value (gconstpointer a, gconstpointer b, gpointer data)
{
  const float *values = data;
  const float left = values[*(const gsize *) a], right = values[*(const gsize *) b];

  return (left > right) - (left < right);
}

/* Transfer full. */
static double *
find_ranks (const float *values, gsize n)
{
  g_autofree gsize *order = g_new (gsize, n);
  double *ranks = g_new (double, n);

  for (gsize i = 0; i < n; i++)
    order[i] = i;
  g_qsort_with_data (order, (int) n, sizeof *order, by_value, (gpointer) values);
  for (gsize i = 0, end; i < n; i = end)
    {
      for (end = i + 1; end < n && values[order[end]] == values[order[i]];)
        end++;
      for (gsize k = i; k < end; k++)
        ranks[order[k]] = (double) (i + end - 1) / 2;
    }
  return ranks;
}

double
cnn_rank_correlation (const float *left, const float *right, gsize n)
{
  g_autofree double *a = NULL;
  g_autofree double *b = NULL;
  double mean = ((double) n - 1) / 2, ab = 0, aa = 0, bb = 0;

  g_return_val_if_fail (left != NULL && right != NULL, NAN);
  a = find_ranks (left, n);
  b = find_ranks (right, n);
  for (gsize i = 0; i < n; i++)
    {
      ab += (a[i] - mean) * (b[i] - mean);
      aa += (a[i] - mean) * (a[i] - mean);
      bb += (b[i] - mean) * (b[i] - mean);
    }
  return aa > 0 && bb > 0 ? ab / sqrt (aa * bb) : NAN;
}

/* --- Which layers --- */

static int
find_specs (const Cascade *self, const Entry *entry, CnnWeightSpec specs[CNN_MAX_WEIGHTS])
{
  const CnnNode *node = cnn_model_node (self->session->network->model, entry->node);
  CnnShape inputs[CNN_MAX_INPUTS];

  memset (specs, 0, CNN_MAX_WEIGHTS * sizeof *specs);
  for (int i = 0; i < node->n_inputs; i++)
    inputs[i] = self->session->shapes[node->inputs[i]];
  return entry->layer->klass->weight_specs (entry->layer, inputs, specs);
}

static gboolean
is_kernel (const CnnWeightSpec *spec)
{
  return g_str_has_suffix (spec->name, "kernel");
}

static void
find_entries (Cascade *self)
{
  const CnnModel *model = self->session->network->model;
  g_autofree gboolean *leads = cnn_session_leads_to (self->session, model->output);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];

  for (int i = cnn_model_count (model) - 1; i >= 0; i--)
    {
      CnnLayer *layer = cnn_model_node (model, i)->layer;
      Entry *entry;
      int n;

      if (!leads[i] || layer->klass->weight_specs == NULL || cnn_layer_parameters (layer) == 0
          || layer->klass->flags & CNN_LAYER_SCALING || !g_hash_table_add (seen, layer))
        continue;
      entry = g_new0 (Entry, 1);
      entry->layer = layer;
      entry->node = i;
      n = find_specs (self, entry, specs);
      for (int j = 0; j < n; j++)
        entry->has_kernel = entry->has_kernel || is_kernel (&specs[j]);
      g_ptr_array_add (self->entries, entry);
      if (entry->has_kernel)
        g_array_append_val (self->ends, self->entries->len);
    }
  if (self->entries->len == 0)
    return;
  /* What no kernel is below goes with the lowest one that there is. */
  if (self->ends->len > 0)
    g_array_index (self->ends, guint, self->ends->len - 1) = self->entries->len;
  else
    g_array_append_val (self->ends, self->entries->len);
}

/* --- New weights --- */

static gint64
fan_in (const CnnLayer *layer, const CnnWeightSpec *spec, const gint64 *dims)
{
  gint64 count = 1;

  if (strcmp (spec->name, "depthwise_kernel") == 0)
    return dims[0] * dims[1];
  for (int i = 0; i < spec->rank; i++)
    count *= dims[i];
  /* (height, width, output, input) */
  if (strcmp (layer->klass->name, "Conv2DTranspose") == 0)
    return count / dims[2];
  return count / dims[spec->rank - 1];
}

void
cnn_untrained_range (const CnnLayer *layer, const CnnWeightSpec *spec, const gint64 *dims,
                     double *low, double *high)
{
  static const char *const ones[] = { "gamma", "moving_variance", "variance", NULL };

  if (is_kernel (spec))
    {
      *high = sqrt (6 / (double) fan_in (layer, spec, dims));
      *low = -*high;
    }
  else
    *low = *high = g_strv_contains (ones, spec->name);
}

static gboolean
renew (Cascade *self, guint index, GError **error)
{
  Entry *entry = self->entries->pdata[index];
  CnnWeightSpec specs[CNN_MAX_WEIGHTS];
  int n = find_specs (self, entry, specs);

  for (int i = 0; i < n; i++)
    {
      const CnnArray *own = entry->layer->weights[i];
      g_autoptr (CnnNoise) noise = cnn_noise_new (self->options->seed, index, (guint32) i);
      CnnArray *fresh;
      double low, high;

      if (own == NULL)
        continue;
      fresh = cnn_array_new (own->rank, own->dims, entry->layer->name, error);
      if (fresh == NULL)
        return FALSE;
      entry->weights[i] = fresh;
      cnn_untrained_range (entry->layer, &specs[i], own->dims, &low, &high);
      cnn_noise_fill (noise, low, high, fresh->data, cnn_array_count (fresh));
    }
  cnn_layer_swap_weights (entry->layer, entry->weights);
  entry->swapped = TRUE;
  return TRUE;
}

static void
restore (Cascade *self)
{
  cnn_session_forget_plan (self->session);
  for (guint i = 0; i < self->entries->len; i++)
    {
      Entry *entry = self->entries->pdata[i];

      if (entry->swapped)
        cnn_layer_swap_weights (entry->layer, entry->weights);
      entry->swapped = FALSE;
    }
}

/* --- The stages --- */

static void
pass_on (double fraction, const char *what, gpointer data)
{
  const Cascade *self = data;

  (void) what;
  if (self->progress != NULL && self->progress->update != NULL)
    self->progress->update (self->from + fraction * (self->to - self->from), self->what,
                            self->progress->data);
}

/* Grad-CAM within the stage's share of the progress. */
static CnnGradCam *
look (Cascade *self, const CnnGradCamOptions *options, double from, double to, const char *what,
      GError **error)
{
  const CnnProgress inner = {
    .update = pass_on,
    .data = self,
    .cancellable = self->progress != NULL ? self->progress->cancellable : NULL,
  };
  CnnGradCam *cam;

  self->from = from;
  self->to = to;
  self->what = g_strdup (what);
  cam = cnn_grad_cam (self->session, options, &inner, error);
  g_clear_pointer (&self->what, g_free);
  return cam;
}

static gboolean
compare (Cascade *self, CnnSanityStage *stage, const CnnGradCamOptions *options, double from,
         double to, GError **error)
{
  const CnnArray *original = self->result->original->heatmap;
  g_autofree char *what = g_strdup_printf ("random down to %s", stage->name);
  g_autoptr (GError) fault = NULL;
  g_autoptr (CnnGradCam) cam = look (self, options, from, to, what, &fault);

  stage->correlation = NAN;
  if (cam != NULL)
    stage->heatmap = cnn_array_ref (cam->heatmap);
  else if (g_error_matches (fault, CNN_ERROR, CNN_ERROR_NO_EVIDENCE))
    {
      stage->empty = TRUE;
      self->result->empty++;
      stage->heatmap = cnn_array_new (original->rank, original->dims, "the heatmap", error);
      return stage->heatmap != NULL;
    }
  else
    {
      if (g_error_matches (fault, CNN_ERROR, CNN_ERROR_MODEL))
        g_prefix_error (&fault, "with random weights down to \"%s\": ", stage->name);
      g_propagate_error (error, g_steal_pointer (&fault));
      return FALSE;
    }
  stage->correlation =
      cnn_rank_correlation (original->data, stage->heatmap->data, cnn_array_count (original));
  return TRUE;
}

static gboolean
run_stage (Cascade *self, int index, int n_stages, guint *done, const CnnGradCamOptions *options,
           GError **error)
{
  const int units = (int) self->ends->len;
  const int unit =
      n_stages == 1 ? units - 1 : (int) ((gint64) index * (units - 1) / (n_stages - 1));
  const guint end = g_array_index (self->ends, guint, unit);
  CnnSanityStage *stage = g_new0 (CnnSanityStage, 1);

  stage->layers = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->result->stages, stage);
  cnn_session_forget_plan (self->session);
  for (; *done < end; (*done)++)
    {
      const Entry *entry = self->entries->pdata[*done];

      if (!renew (self, *done, error))
        return FALSE;
      g_ptr_array_add (stage->layers, g_strdup (entry->layer->name));
      if (entry->has_kernel || stage->name == NULL)
        {
          g_free (stage->name);
          stage->name = g_strdup (entry->layer->name);
        }
    }
  return compare (self, stage, options, (index + 1.) / (n_stages + 1),
                  (index + 2.) / (n_stages + 1), error);
}

static void
judge (CnnSanity *result)
{
  const guint n = result->stages->len, first = n / 2;
  double sum = 0;

  for (guint i = first; i < n; i++)
    {
      const CnnSanityStage *stage = result->stages->pdata[i];

      sum += isnan (stage->correlation) ? 0 : stage->correlation;
    }
  result->remaining = sum / (n - first);
  result->verdict = result->remaining >= HARDLY   ? CNN_SANITY_HARDLY
                    : result->remaining >= PARTLY ? CNN_SANITY_PARTLY
                                                  : CNN_SANITY_CHANGES;
}

static gboolean
run (Cascade *self, GError **error)
{
  CnnGradCamOptions options = { .class_wish = self->options->class_wish,
                                .layer = self->options->layer };
  const int most = self->options->stages > 0 ? self->options->stages : CNN_SANITY_STAGES;
  const CnnArray *heat;
  g_autofree char *index = NULL;
  int n_stages;
  guint done = 0;

  self->result->original = look (self, &options, 0, 1. / (most + 1), "the map as it is", error);
  if (self->result->original == NULL)
    return FALSE;
  heat = self->result->original->heatmap;
  if (isnan (cnn_rank_correlation (heat->data, heat->data, cnn_array_count (heat))))
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT,
                   "the map of layer \"%s\" is the same everywhere: there is nothing to compare",
                   self->result->original->layer);
      return FALSE;
    }
  find_entries (self);
  if (self->entries->len == 0)
    {
      g_set_error (error, CNN_ERROR, CNN_ERROR_ARGUMENT, "%s has no weights that could be changed",
                   self->session->name);
      return FALSE;
    }
  index = g_strdup_printf ("%d", self->result->original->target->index);
  options.class_wish = index;
  options.layer = self->result->original->layer;
  n_stages = MIN (most, (int) self->ends->len);
  for (int i = 0; i < n_stages; i++)
    if (!run_stage (self, i, n_stages, &done, &options, error))
      return FALSE;
  judge (self->result);
  return TRUE;
}

CnnSanity *
cnn_sanity_check (CnnSession *session, const CnnSanityOptions *options, const CnnProgress *progress,
                  GError **error)
{
  g_autoptr (CnnSanity) result = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GArray) ends = NULL;
  Cascade self = { .session = session, .options = options, .progress = progress };
  gboolean good;

  g_return_val_if_fail (session != NULL && options != NULL, NULL);
  result = g_new0 (CnnSanity, 1);
  result->stages = g_ptr_array_new_with_free_func (stage_free);
  entries = g_ptr_array_new_with_free_func (entry_free);
  ends = g_array_new (FALSE, FALSE, sizeof (guint));
  self.result = result;
  self.entries = entries;
  self.ends = ends;
  good = run (&self, error);
  restore (&self);
  return good ? g_steal_pointer (&result) : NULL;
}

/* --- The strip --- */

#define PANEL 160 /* the longer side of a small picture */
#define GAP 6
#define NUMBERS 18 /* room for the correlation */
#define DOT 2

static gboolean
add_panel (CnnImage *strip, const CnnImage *small, CnnArray *heatmap, int index, double correlation,
           CnnColormap colormap, float opacity, GError **error)
{
  static const float ink[3] = { 0.1f, 0.1f, 0.1f };
  const CnnGradCam cam = { .heatmap = heatmap };
  const int x = GAP + index * (small->width + GAP);
  g_autoptr (CnnImage) heat =
      cnn_grad_cam_paint (&cam, small->width, small->height, colormap, error);
  g_autoptr (CnnImage) panel = heat != NULL ? cnn_image_blend (small, heat, opacity, error) : NULL;
  char text[16];

  if (panel == NULL)
    return FALSE;
  cnn_image_paste (strip, panel, x, GAP);
  g_ascii_formatd (text, sizeof text, "%.2f", isnan (correlation) ? 0 : correlation);
  if (isnan (correlation))
    strcpy (text, "-");
  cnn_draw_number (strip, x + (small->width - cnn_number_width (text, DOT)) / 2,
                   GAP + small->height + (NUMBERS - 5 * DOT) / 2 + 1, DOT, text, ink);
  return TRUE;
}

CnnImage *
cnn_sanity_paint (const CnnSanity *sanity, const CnnImage *photo, CnnColormap colormap,
                  float opacity, GError **error)
{
  const CnnArray *heat;
  g_autoptr (CnnImage) small = NULL;
  g_autoptr (CnnImage) strip = NULL;
  double shrink;
  int n;

  g_return_val_if_fail (sanity != NULL && photo != NULL, NULL);
  g_return_val_if_fail (photo->channels == 1 || photo->channels == 3, NULL);
  heat = sanity->original->heatmap;
  shrink = (double) PANEL / MAX (photo->width, photo->height);
  small =
      cnn_image_resize (photo, MAX (1, (int) (photo->width * shrink + 0.5)),
                        MAX (1, (int) (photo->height * shrink + 0.5)), CNN_RESIZE_BILINEAR, error);
  n = (int) sanity->stages->len + 1;
  if (small != NULL)
    strip = cnn_image_new (GAP + n * (small->width + GAP), GAP + small->height + NUMBERS, 3, error);
  if (strip == NULL)
    return NULL;
  for (gsize i = 0; i < 3 * (gsize) strip->width * (gsize) strip->height; i++)
    strip->pixels[i] = 1;
  if (!add_panel (strip, small, (CnnArray *) heat, 0, 1, colormap, opacity, error))
    return NULL;
  for (int i = 1; i < n; i++)
    {
      const CnnSanityStage *stage = sanity->stages->pdata[i - 1];

      if (!add_panel (strip, small, stage->heatmap, i, stage->correlation, colormap, opacity,
                      error))
        return NULL;
    }
  return g_steal_pointer (&strip);
}
