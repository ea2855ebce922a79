/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tuning.h"

#include "private.h"

/* Processors, as measured on Mesa's software driver: with vectors of 8 channels a tile of pixels
 * that divides 14², 19², 28² … and leaves less of the last one empty. With vectors of 16, which
 * come with twice the registers, a larger one, for which less is loaded in proportion: Xception
 * takes 0.88 of the time, but each kernel up to 20 ms more to make, so that it has to run often.
 *
 * Wide subgroups are those of graphics processors, none of which was measured: what they get is
 * reasoned. */
static const CnnTuning kinds[] = {
  { "processor, vectors of 8", TRUE, 8, 8, FALSE, FALSE, 28, 0, 4, 8 },
  { "processor, vectors of 16, often", TRUE, 16, 16, TRUE, FALSE, 52, 10, 4, 8 },
  { "graphics processor", FALSE, 32, G_MAXUINT, FALSE, TRUE, 0, 0, 4, 8 },
  { "any other", FALSE, 0, G_MAXUINT, FALSE, FALSE, 0, 0, 4, 8 },
};

/* On the software driver, by processor time against conv2d: 64→64 at 56² 1.03 times as fast, 96→96
 * at 35² 1.14, 128→128 at 28² 1.3, 256→256 at 14² 1.6, 512→512 at 28² 1.9, but 32→64 at 149² 0.8:
 * the transforms grow with the channels, what is saved grows with their product. Maps of few tiles
 * leave much of conv2d's own tiles empty, 16 times: 512→512 at 7² 1.05, 384→384 at 8² 1.0, and
 * weights of 16/9 of the size are not worth that. Tiles of 4 against the better of the two, with
 * vectors of 16: 64→64 at 56² 1.1, 128→128 at 28² 1.5, 64→64 at 224² 1.1, 512→512 at 28² 2.0; in
 * maps of fewer tiles than fill one or two of conv2d's, four times the weights take longer to read.
 */
const CnnWinogradTuning cnn_winograd_tunings[CNN_N_WINOGRAD_TUNINGS] = {
  { 4, 64, 36 },
  { 2, 96, 25 },
};

const CnnTuning *
cnn_tuning_find (gboolean software, guint lanes, gboolean repeated)
{
  const CnnTuning *kind = kinds;

  while ((kind->software && !software) || lanes < kind->least_lanes || lanes > kind->most_lanes
         || (kind->repeated && !repeated))
    kind++;
  return kind;
}

const CnnTuning *
cnn_device_tuning (const CnnDevice *device, gboolean repeated)
{
  return cnn_tuning_find (device->properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU,
                          device->subgroup_size, repeated);
}
