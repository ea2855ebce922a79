/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "heat-checks.h"

gboolean
heat_check_failed (Result *result, const char *what, GError *problem, GError **error)
{
  if (g_error_matches (problem, CNN_ERROR, CNN_ERROR_CANCELLED))
    {
      g_propagate_error (error, problem);
      return FALSE;
    }
  result_warn (result, "The %s could not be made: %s.", what, problem->message);
  g_error_free (problem);
  return TRUE;
}

void
heat_check_add_layer (Result *result, const char *name, CnnImage *image)
{
  result_add_layer (result, name, image, 1.0, RESULT_MODE_NORMAL)->hidden = TRUE;
  result_line (result, "See the hidden layer \"%s\".", name);
}
