/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The only room that sees Vulkan. A device has buffers and commands; commands are recorded
 * once from kernels (compute shaders by their stem) and submitted as often as one likes. */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _CnnDevice CnnDevice;
typedef struct _CnnBuffer CnnBuffer;
typedef struct _CnnCommands CnnCommands;

/* Looks at the environment before a driver is loaded: its vectors' width, the space for its cache,
 * the memory that this process may have. It may set variables of the environment: call it before
 * threads are made that read them. Devices ask it themselves. CNN_ERROR_DEVICE. */
gboolean cnn_gpu_prepare (GError **error);
/* Where this process's memory is limited (ulimit), no thread made from now on gets an arena of
 * malloc to itself: each takes 64 MB of address space. cnn_gpu_prepare asks for it too, but by then
 * a face may have threads, and how many of them already have an arena is chance. */
void cnn_gpu_spare_address_space (void);
/* What it has to say to the user, or NULL. Transfer none. */
const char *cnn_gpu_warning (void);

typedef struct
{
  int index;
  char *name;     /* as the driver gives it: "llvmpipe (LLVM 15.0.6, 256 bits)" */
  char *type;     /* "discrete", "integrated", "virtual", "software", "other" */
  char *driver;   /* "llvmpipe Mesa 22.3.6" */
  guint64 memory; /* bytes in the largest device-local heap */
} CnnDeviceInfo;

/* Every Vulkan device that can compute, best first, indices in the driver's order. An empty list is
 * not an error. Transfer full, free with g_ptr_array_unref. CNN_ERROR_DEVICE when Vulkan
 * itself is missing; the message names the package to install. */
GPtrArray *cnn_devices_list (GError **error);
void cnn_device_info_free (CnnDeviceInfo *info);

/* Opens a device: "auto" or NULL for $CONVLENS_DEVICE, else the best real GPU, else the software
 * driver; an index; or part of a name, letter case ignored. Transfer full. */
CnnDevice *cnn_device_open (const char *choice, GError **error);
CnnDevice *cnn_device_ref (CnnDevice *device);
void cnn_device_unref (CnnDevice *device);
const char *cnn_device_name (const CnnDevice *device);

/* Name, type and driver, lanes of a subgroup, how kernels read vectors and where buffers lie, as a
 * line for reports. Transfer full. */
char *cnn_device_describe (const CnnDevice *device);

/* Lanes of a subgroup, and so the local size of kernels that shuffle. */
guint cnn_device_subgroup_size (const CnnDevice *device);
/* Multiple on which a binding's offset must lie; a power of two. */
gsize cnn_device_alignment (const CnnDevice *device);
/* The largest size in bytes of one binding. */
gsize cnn_device_max_binding (const CnnDevice *device);
/* Bytes of its largest memory. */
guint64 cnn_device_memory (const CnnDevice *device);
/* Messages of the validation layer so far; 0 where it is off (CONVLENS_DEBUG=validate). */
guint cnn_device_validation_messages (const CnnDevice *device);

/* What the device is and can do as far as kernels and plans depend on it: driver, subgroups,
 * limits, memory with the system's budgets, queues. "name: value" lines for people. Transfer full.
 */
char *cnn_device_facts (const CnnDevice *device);

/* A buffer in device memory, its contents undefined. It keeps the device alive. CNN_ERROR_DEVICE
 * when the device has no room; the message has `label` and the size. Transfer full. */
CnnBuffer *cnn_buffer_new (CnnDevice *device, gsize bytes, const char *label, GError **error);
CnnBuffer *cnn_buffer_ref (CnnBuffer *buffer);
void cnn_buffer_unref (CnnBuffer *buffer);
gsize cnn_buffer_size (const CnnBuffer *buffer);
/* Host memory that is the buffer's own, or NULL where the device does not share any: then
 * cnn_buffer_write and _read go through a staging buffer. */
gpointer cnn_buffer_mapped (CnnBuffer *buffer);
gboolean cnn_buffer_write (CnnBuffer *buffer, gsize offset, gconstpointer data, gsize bytes,
                           GError **error);
gboolean cnn_buffer_read (CnnBuffer *buffer, gsize offset, gpointer data, gsize bytes,
                          GError **error);

typedef struct
{
  CnnBuffer *buffer;
  gsize offset, size; /* bytes; offset a multiple of cnn_device_alignment */
} CnnBinding;

#define CNN_MAX_BINDINGS 8
#define CNN_MAX_CONSTANTS 8
#define CNN_MAX_PUSH 128

/* One run of a kernel: its specialization constants and bindings by the names in its stem's params
 * header, all that it has and no others (a constant that is not set is 0), and its push constants.
 */
typedef struct
{
  const char *stem;
  guint32 constants[CNN_MAX_CONSTANTS];
  CnnBinding bindings[CNN_MAX_BINDINGS];
  gconstpointer push;
  gsize push_size;
  guint groups[3];   /* workgroups */
  double operations; /* multiplications and additions, for reports; 0: few */
} CnnDispatch;

CnnCommands *cnn_commands_new (CnnDevice *device, const char *label, GError **error);
void cnn_commands_free (CnnCommands *commands);
CnnDevice *cnn_commands_device (const CnnCommands *commands);
/* Before anything is recorded: they will run so often that kernels are worth having which take
 * longer to make and less to run. Results are the same. */
void cnn_commands_set_repeated (CnnCommands *commands);
gboolean cnn_commands_repeated (const CnnCommands *commands);
/* Names what is recorded next (a layer), for debuggers and for CONVLENS_DEBUG=timing. */
void cnn_commands_label (CnnCommands *commands, const char *label);
/* Records one kernel; it sees all that was recorded before it. Everything in `dispatch` is copied,
 * the buffers are kept alive by the commands. */
gboolean cnn_commands_dispatch (CnnCommands *commands, const CnnDispatch *dispatch, GError **error);
/* The multiplications and additions of all that was recorded, by the dispatches' own counts. */
double cnn_commands_operations (const CnnCommands *commands);
/* Before the first run: the kernels recorded, in order, with constants and workgroups, one a line.
 * Transfer full. */
char *cnn_commands_kernels (const CnnCommands *commands);
/* Before the first run, and once its input is there: lets the device begin with what was recorded
 * so far, as much of it as is ready; the run goes on from there. */
gboolean cnn_commands_begin (CnnCommands *commands, GError **error);
/* Submits all that was recorded and waits for it. The first call ends the recording. */
gboolean cnn_commands_run (CnnCommands *commands, GError **error);
/* The same for several of one device, in this order, as one submission. */
gboolean cnn_commands_run_in_turn (CnnCommands *const *all, guint n, GError **error);

/* Workgroups for n flat items, over x and y; flat.glsl gives a kernel its item. */
void cnn_flat_groups (gsize items, guint groups[3]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnDevice, cnn_device_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnBuffer, cnn_buffer_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CnnCommands, cnn_commands_free)

G_END_DECLS
