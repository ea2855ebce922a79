/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mesa's software driver takes vectors of 256 bits unless LP_NATIVE_VECTOR_WIDTH asks for 512,
 * which is faster on processors with AVX-512; but some versions of it compute wrongly or crash
 * then. So they are used with those alone that are known to be right.
 *
 * The driver reads its width when the first instance is asked for its devices, and goes out of
 * memory with the last one. So its version can be seen first, and it be loaded once more. */
#include "wide.h"

#include "debug.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

#define VARIABLE "LP_NATIVE_VECTOR_WIDTH"
#define WIDE "512"
#define USUAL "256" /* what the driver takes by itself where it could take more */

/* One more row needs the layer tests to pass with it: LP_NATIVE_VECTOR_WIDTH=512
 * CONVLENS_TEST_LANES=16 meson test layers, which install/test.sh runs on the distributions that
 * have a row of TRUE. */
static const struct
{
  const char *mesa, *llvm;
  gboolean right;
} versions[] = {
  { "Mesa 22.3.", "(LLVM 15.", TRUE },  /* Debian 12: all layer tests pass */
  { "Mesa 25.0.", "(LLVM 19.", FALSE }, /* Debian 13: 203 of 272 fail */
};

/* Put into the environment once and then changed in place: other threads may be reading it. */
static char setting[] = VARIABLE "=" USUAL;

gboolean
cnn_wide_check (GError **error)
{
  static const char *const widths[] = { "128", USUAL, WIDE, NULL };
  const char *value = g_getenv (VARIABLE);

  if (value == NULL || g_strv_contains (widths, value))
    return TRUE;
  g_set_error (error, CNN_ERROR, CNN_ERROR_DEVICE,
               "the environment's " VARIABLE " is \"%s\", and Mesa's software driver takes 128, "
               "256 or 512; unset it, or give it one of these",
               value);
  return FALSE;
}

gboolean
cnn_wide_is_right (const char *driver_info)
{
  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    if (g_str_has_prefix (driver_info, versions[i].mesa)
        && strstr (driver_info, versions[i].llvm) != NULL)
      return versions[i].right;
  return FALSE;
}

static gboolean
processor_is_wide (void)
{
#if defined __x86_64__
  if (__builtin_cpu_supports ("avx512f"))
    return TRUE;
#endif
  return (cnn_debug_flags () & CNN_DEBUG_WIDE) != 0;
}

static gboolean
user_decided (void)
{
  const char *value = g_getenv (VARIABLE);

  return value != NULL && value != setting + strlen (VARIABLE "=");
}

gboolean
cnn_wide_is_wanted (const char *driver_info)
{
  /* Under the validation layer, which tests run with, every processor computes the same. */
  return !(cnn_debug_flags () & CNN_DEBUG_VALIDATE) && !user_decided () && processor_is_wide ()
         && cnn_wide_is_right (driver_info);
}

void
cnn_wide_set (gboolean wide)
{
  if (user_decided ())
    return;
  memcpy (setting + strlen (VARIABLE "="), wide ? WIDE : USUAL, strlen (WIDE));
  if (g_getenv (VARIABLE) == NULL)
    putenv (setting);
}
