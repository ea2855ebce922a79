/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schedule.h"

#include "debug.h"

/* --- Memory --- */

static int
compare_sizes (gconstpointer a, gconstpointer b, gpointer data)
{
  const CnnSpan *spans = data, *x = spans + *(const guint *) a, *y = spans + *(const guint *) b;

  return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : x->first - y->first;
}

static int
compare_offsets (gconstpointer a, gconstpointer b, gpointer data)
{
  const CnnSpan *spans = data;
  gsize x = spans[*(const guint *) a].offset, y = spans[*(const guint *) b].offset;

  return x < y ? -1 : x > y;
}

gsize
cnn_memory_place (CnnSpan *spans, guint n, gsize alignment)
{
  g_autofree guint *order = g_new (guint, n + 1);
  g_autoptr (GArray) placed = g_array_new (FALSE, FALSE, sizeof (guint)); /* by offset */
  gsize total = 0;

  for (guint i = 0; i < n; i++)
    order[i] = i;
  g_qsort_with_data (order, (int) n, sizeof *order, compare_sizes, spans);
  for (guint i = 0; i < n; i++)
    {
      CnnSpan *span = spans + order[i];
      gsize at = 0;

      span->bytes = (span->bytes + alignment - 1) / alignment * alignment;
      for (guint j = 0; j < placed->len; j++)
        {
          const CnnSpan *other = spans + g_array_index (placed, guint, j);

          if (other->first > span->last || other->last < span->first)
            continue;
          if (other->offset >= at + span->bytes)
            break;
          at = MAX (at, other->offset + other->bytes);
        }
      span->offset = at;
      total = MAX (total, at + span->bytes);
      g_array_append_val (placed, order[i]);
      g_array_sort_with_data (placed, compare_offsets, spans);
    }
  return total;
}

/* --- Steps and lifetimes --- */

static int
add_span (CnnSchedule *self, const CnnShape *shape, int first, int last)
{
  CnnSpan span = { cnn_shape_bytes (shape), first, last, 0 };

  g_array_append_val (self->spans, span);
  return (int) self->spans->len - 1;
}

static void
use_span (CnnSchedule *self, int span, int step)
{
  if (span != CNN_NONE)
    {
      CnnSpan *used = &g_array_index (self->spans, CnnSpan, span);

      used->last = MAX (used->last, step);
    }
}

static int
add_memory (CnnSchedule *self, int index, CnnShapeRule rule, int at)
{
  CnnShape shape;

  return cnn_plan_use_find_shape (self->use, index, rule, &shape) ? add_span (self, &shape, at, at)
                                                                  : CNN_NONE;
}

/* The value that a folded node takes besides its chain's, as a span, or CNN_NONE. */
static int
other_value (const CnnSchedule *self, int index)
{
  const CnnNode *node = cnn_model_node (self->use->model, index);

  for (int j = 0; j < node->n_inputs; j++)
    {
      const int root = cnn_plan_use_root (self->use, node->inputs[j]);

      if (root != self->use->folded_from[index])
        return self->value_span[root];
    }
  return CNN_NONE;
}

/* A kernel runs where the last node that it does stands: by then all that it reads is there. */
static void
add_forward_steps (CnnSchedule *self)
{
  const CnnPlanUse *use = self->use;

  for (int i = 0; i < use->n_nodes; i++)
    {
      const CnnLayer *layer = cnn_plan_use_layer (use, i);
      CnnPlanStep step = {
        .kind = CNN_PLAN_STEP_FORWARD, .node = i, .tail = i, .residual = CNN_NONE, .memo = CNN_NONE
      };
      int at = (int) self->steps->len;
      const CnnNode *node;

      if (!use->needed[i] || cnn_plan_use_is_identity (use, i) || use->folded_into[i] != CNN_NONE)
        continue;
      if (i == use->input || layer->klass->flags & CNN_LAYER_INPUT)
        {
          self->value_span[i] = add_span (self, &use->shapes[i], 0, 0);
          continue;
        }
      for (; use->folded_from[step.node] != CNN_NONE; step.node = use->folded_from[step.node])
        step.residual = MAX (step.residual, other_value (self, step.node));
      node = cnn_model_node (use->model, step.node);
      step.scratch = add_memory (self, step.node, node->layer->klass->scratch_shape, at);
      if (cnn_plan_use_runs_backward (use, step.node))
        step.memo = self->memo_span[step.node] =
            add_memory (self, step.node, node->layer->klass->memo_shape, at);
      for (int j = 0; j < node->n_inputs; j++)
        use_span (self, self->value_span[cnn_plan_use_root (use, node->inputs[j])], at);
      use_span (self, step.residual, at);
      self->value_span[i] = add_span (self, &use->shapes[i], at, at);
      g_array_append_val (self->steps, step);
    }
  self->n_forward = (int) self->steps->len;
}

/* Adds one more contribution to a node's gradient. */
static void
contribute (CnnSchedule *self, int node, int span)
{
  int before = self->gradient_span[node];
  CnnPlanStep step = { .kind = CNN_PLAN_STEP_SUM, .node = node, .left = before, .right = span };
  int at = (int) self->steps->len;

  if (before == CNN_NONE)
    {
      self->gradient_span[node] = span;
      return;
    }
  step.sum = add_span (self, &self->use->shapes[node], at, at);
  use_span (self, before, at);
  use_span (self, span, at);
  g_array_append_val (self->steps, step);
  self->gradient_span[node] = step.sum;
}

static void
add_backward_step (CnnSchedule *self, int index)
{
  const CnnPlanUse *use = self->use;
  CnnPlanStep step = {
    .kind = CNN_PLAN_STEP_BACKWARD, .node = index, .tail = index, .residual = CNN_NONE
  };
  int at = (int) self->steps->len;
  const CnnNode *node;
  gboolean inputs, output;

  while (use->back_into[step.tail] != CNN_NONE)
    step.tail = use->back_into[step.tail];
  node = cnn_model_node (use->model, step.tail);
  step.gradient = self->gradient_span[index];
  step.scratch =
      add_memory (self, index, cnn_plan_use_layer (use, index)->klass->scratch_shape, at);
  step.memo = self->memo_span[index];
  use_span (self, step.memo, at);
  if (cnn_plan_use_takes_derivative (use, index))
    use_span (self, self->value_span[use->back_into[index]], at);
  use_span (self, step.gradient, at);
  cnn_plan_use_backward_reads (use, index, &inputs, &output);
  if (output)
    use_span (self, self->value_span[index], at);
  for (int j = 0; j < node->n_inputs; j++)
    {
      const int input = cnn_model_node (use->model, index)->inputs[j];

      if (inputs)
        use_span (self, self->value_span[cnn_plan_use_root (use, input)], at);
      step.targets[j] = use->backward[node->inputs[j]]
                            ? add_span (self, &use->shapes[node->inputs[j]], at, at)
                            : CNN_NONE;
    }
  if (cnn_plan_use_adds_gradient (use, index))
    {
      const int to =
          cnn_model_node (use->model,
                          cnn_plan_use_fuses_predecessor (use, index) ? index : step.tail)
              ->inputs[0];

      step.residual = self->gradient_span[to];
      self->gradient_span[to] = CNN_NONE;
      use_span (self, step.residual, at);
    }
  g_array_append_val (self->steps, step);
  for (int j = 0; j < node->n_inputs; j++)
    if (step.targets[j] != CNN_NONE)
      contribute (self, node->inputs[j], step.targets[j]);
}

/* The gradient of the node is that of its inputs too. */
static void
pass_on (CnnSchedule *self, int index)
{
  const CnnNode *node = cnn_model_node (self->use->model, index);

  for (int j = 0; j < node->n_inputs; j++)
    if (self->use->backward[node->inputs[j]])
      contribute (self, node->inputs[j], self->gradient_span[index]);
}

static void
add_backward_steps (CnnSchedule *self, gboolean keeps_seed)
{
  const int first = keeps_seed ? 0 : self->n_forward;
  const int last = keeps_seed ? CNN_FOREVER : self->n_forward;

  if (self->use->score == CNN_NONE)
    return;
  self->gradient_span[self->use->score] =
      add_span (self, &self->use->shapes[self->use->score], first, last);
  for (int i = self->use->score; i >= 0; i--)
    {
      if (!self->use->backward[i])
        continue;
      if (self->use->wanted_gradient[i])
        use_span (self, self->gradient_span[i], CNN_FOREVER);
      if (!cnn_plan_use_runs_backward (self->use, i) || self->use->back_from[i] != CNN_NONE)
        continue;
      if (cnn_plan_use_passes_gradient (self->use, i))
        pass_on (self, i);
      else
        add_backward_step (self, i);
    }
}

void
cnn_schedule_init (CnnSchedule *self, const CnnPlanUse *use, gboolean keeps_seed, gsize alignment)
{
  int **of_nodes[] = { &self->value_span, &self->gradient_span, &self->memo_span };
  CnnSpan *spans;

  self->use = use;
  self->spans = g_array_new (FALSE, TRUE, sizeof (CnnSpan));
  self->steps = g_array_new (FALSE, TRUE, sizeof (CnnPlanStep));
  for (guint i = 0; i < G_N_ELEMENTS (of_nodes); i++)
    {
      *of_nodes[i] = g_new (int, use->n_nodes);
      for (int j = 0; j < use->n_nodes; j++)
        (*of_nodes[i])[j] = CNN_NONE;
    }
  add_forward_steps (self);
  for (int i = 0; i < use->n_nodes; i++)
    if (use->wanted[i])
      use_span (self, self->value_span[cnn_plan_use_root (use, i)], CNN_FOREVER);
  add_backward_steps (self, keeps_seed);
  spans = &g_array_index (self->spans, CnnSpan, 0);
  for (guint i = 0; cnn_debug_flags () & CNN_DEBUG_UNSHARED && i < self->spans->len; i++)
    {
      spans[i].first = 0;
      spans[i].last = CNN_FOREVER;
    }
  self->bytes = cnn_memory_place (spans, self->spans->len, alignment);
}

void
cnn_schedule_clear (CnnSchedule *self)
{
  g_clear_pointer (&self->spans, g_array_unref);
  g_clear_pointer (&self->steps, g_array_unref);
  g_clear_pointer (&self->value_span, g_free);
  g_clear_pointer (&self->gradient_span, g_free);
  g_clear_pointer (&self->memo_span, g_free);
}

const CnnPlanStep *
cnn_schedule_step (const CnnSchedule *self, int step)
{
  return &g_array_index (self->steps, CnnPlanStep, step);
}

const CnnSpan *
cnn_schedule_span (const CnnSchedule *self, int span)
{
  return &g_array_index (self->spans, CnnSpan, span);
}

int
cnn_schedule_count (const CnnSchedule *self)
{
  return (int) self->steps->len;
}

gsize
cnn_schedule_largest (const CnnSchedule *self)
{
  gsize largest = 0;

  for (guint i = 0; i < self->spans->len; i++)
    largest = MAX (largest, g_array_index (self->spans, CnnSpan, i).bytes);
  return largest;
}
