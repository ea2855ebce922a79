/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Which names are near what somebody typed: a row a pair. */

#include "nearest.h"

#define FAR G_MAXUINT

static void
test_distance (void)
{
  static const struct
  {
    const char *typed, *name;
    guint distance;
  } rows[] = {
    { "xceptoin", "xception", 1 },  /* two swapped */
    { "xeption", "xception", 1 },   /* one left out */
    { "exception", "xception", 0 }, /* one holds the other */
    { "vgg", "vgg16", 0 },
    { "vgg18", "vgg16", 1 },
    { "resnet50v3", "resnet50v2", 1 },
    { "golden retreiver", "golden retriever", 1 },
    { "a golden retriever", "golden retriever", 0 },
    { "vg", "vgg16", FAR }, /* too short to tell */
    { "vg", "vgg", 1 },
    { "cat", "cot", 1 },
    { "cat", "dog", FAR },
    { "wrongsun", "wrongsum", 1 }, /* a slip in three letters */
    { "wrongsun", "wronghub", 2 },
    { "wrongsun", "wrongsize", FAR },
    { "alexnet", "xception", FAR },
    { "", "a", FAR },
    { "", "", FAR },
    { "tench", "", FAR },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      guint distance = cnn_nearest_distance (rows[i].typed, rows[i].name);

      if (distance != rows[i].distance)
        g_error ("\"%s\", \"%s\": %u, not %u", rows[i].typed, rows[i].name, distance,
                 rows[i].distance);
    }
}

static void
test_long (void)
{
  g_autofree char *name = g_strnfill (201, 'a'), *typed = g_strndup (name, 200);

  g_assert_cmpuint (cnn_nearest_distance (typed, typed), ==, 0);
  g_assert_cmpuint (cnn_nearest_distance (typed, name), ==, FAR);
  g_assert_cmpuint (cnn_nearest_distance (name, typed), ==, FAR);
}

static void
test_choose (void)
{
  static const guint distances[] = { 2, FAR, 0, 1, 0 };
  static const guint order[] = { 2, 4, 3, 0 };

  for (guint most = 0; most <= G_N_ELEMENTS (distances); most++)
    {
      g_autoptr (GArray) chosen = cnn_nearest_choose (distances, G_N_ELEMENTS (distances), most);

      g_assert_cmpuint (chosen->len, ==, MIN (most, G_N_ELEMENTS (order)));
      for (guint i = 0; i < chosen->len; i++)
        g_assert_cmpuint (g_array_index (chosen, guint, i), ==, order[i]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/nearest/distance", test_distance);
  g_test_add_func ("/nearest/long", test_long);
  g_test_add_func ("/nearest/choose", test_choose);
  return g_test_run ();
}
